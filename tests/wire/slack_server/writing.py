"""What people type, as Slack keeps it: `text` with its escapes and mentions, and the `rich_text` of the composer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .errors import Json

_PIECE: Final = re.compile(
    r"(?P<user><@(?P<user_id>[UW]\w+)>)"
    r"|(?P<channel><#(?P<channel_id>[CGD]\w+)>)"
    r"|(?P<broadcast>(?<!\w)@(?P<range>here|channel|everyone)\b)"
    r"|(?P<link>https?://[^\s<>]+)"
    r"|`(?P<code>[^`\n]+)`"
)
_FENCE: Final = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)


def escape(text: str) -> str:
    """https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_text(typed: str) -> str:
    """The `text` of what somebody typed. Mentions are typed as `<@U…>` and `<#C…>`, or `@here` and so on."""
    return "".join(_as_text(piece) for piece in _inlines(typed))


def as_blocks(typed: str, block_id: str) -> list[Json]:
    """The `rich_text` of what somebody typed."""
    parts: list[Json] = []
    end = 0
    for fence in _FENCE.finditer(typed):
        parts += _section(typed[end : fence.start()])
        words: list[Json] = [{"type": "text", "text": fence[1]}] if fence[1] else []
        parts.append({"type": "rich_text_preformatted", "elements": words})
        end = fence.end()
    parts += _section(typed[end:])
    return [{"type": "rich_text", "block_id": block_id, "elements": parts}]


def _section(typed: str) -> list[Json]:
    inlines = list(_inlines(typed))
    return [{"type": "rich_text_section", "elements": inlines}] if inlines else []


def _inlines(typed: str) -> Iterator[Json]:
    end = 0
    for found in _PIECE.finditer(typed):
        if found.start() > end:
            yield {"type": "text", "text": typed[end : found.start()]}
        end = found.end()
        match found.lastgroup if found.lastgroup != "code" else "code":
            case "user" | "user_id":
                yield {"type": "user", "user_id": found["user_id"]}
            case "channel" | "channel_id":
                yield {"type": "channel", "channel_id": found["channel_id"]}
            case "broadcast" | "range":
                yield {"type": "broadcast", "range": found["range"]}
            case "link":
                yield {"type": "link", "url": found["link"]}
            case _:
                yield {"type": "text", "text": found["code"], "style": {"code": True}}
    if end < len(typed):
        yield {"type": "text", "text": typed[end:]}


def _as_text(inline: Json) -> str:
    match inline["type"]:
        case "user":
            return f"<@{inline['user_id']}>"
        case "channel":
            return f"<#{inline['channel_id']}|>"
        case "broadcast":
            return f"<!{inline['range']}>"
        case "link":
            return f"<{escape(inline['url'])}>"
        case _:
            words = escape(inline["text"])
            return f"`{words}`" if "style" in inline else words


# --- mentions -------------------------------------------------------------------------------------------------

_MENTION: Final = re.compile(
    r"<(?:@(?P<user>[UW]\w+)|!(?P<range>here|channel|everyone)|!subteam\^(?P<group>\w+))[^>]*>"
)
_NAME: Final = re.compile(r"(?<![\w<])@(\w[\w.-]*)")


def mentioned(text: str, blocks: object, attachments: object = ()) -> list[str]:
    """Whom a message notifies: ids of users, `@here` and so on, `@` and the id of a group; each once.

    Plain text, preformatted or not, never does; everything that is mrkdwn or Markdown does, also `text` beside blocks.
    """
    return list(dict.fromkeys((*_in_markup(text), *_in_blocks(blocks), *_in_blocks(attachments))))


def named(text: str) -> list[str]:
    """The names after an `@`, which notify with `link_names` or `parse=full`: `ada`, and `@here` and so on."""
    found = [one[1] for one in _NAME.finditer(text)]
    return [f"@{name}" if name in ("here", "channel", "everyone") else name for name in found]


def _in_markup(text: str) -> Iterator[str]:
    for one in _MENTION.finditer(text):
        yield one["user"] or f"@{one['range'] or one['group']}"


def _in_blocks(value: object) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _in_blocks(one)
    elif isinstance(value, dict):
        match value.get("type"):
            case "user":
                yield str(value.get("user_id"))
            case "broadcast":
                yield f"@{value.get('range')}"
            case "usergroup":
                yield f"@{value.get('usergroup_id')}"
            case "plain_text" | "text" | "raw_text" | "link" | "option":
                return
            case _:
                for key, inner in value.items():
                    if isinstance(inner, str) and key in ("text", "pretext", "fallback", "title"):
                        yield from _in_markup(inner)
                    elif isinstance(inner, dict | list):
                        yield from _in_blocks(inner)
