"""`rich_text`: its elements and what may stand in them.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from __future__ import annotations

from typing import Final

from .errors import Node

_STYLES: Final = ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")

_INLINE: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "text": (("text",), ()),
    "link": (("url",), ("text", "unsafe")),
    "emoji": (("name",), ("unicode", "skin_tone", "display_name", "display_url")),
    "user": (("user_id",), ()),
    "usergroup": (("usergroup_id",), ()),
    "channel": (("channel_id",), ()),
    "team": (("team_id",), ()),
    "broadcast": (("range",), ()),
    "date": (("timestamp", "format"), ("url", "fallback", "timezone")),
    "color": (("value",), ()),
}
"""What each element has beside its type and style: fields that must be there, fields that may."""

_DATE_TOKENS: Final = (
    "{day_divider_pretty}",
    "{date_num}",
    "{date_slash}",
    "{date_long}",
    "{date_long_full}",
    "{date_long_pretty}",
    "{date}",
    "{date_pretty}",
    "{date_short}",
    "{date_short_pretty}",
    "{time}",
    "{time_secs}",
    "{ago}",
)


def check(block: Node) -> None:
    """All of a `rich_text` block but its type and block_id."""
    for element in block.at("elements").items(1000):
        match element.kind:
            case "rich_text_section":
                element.model(("type", "elements"))
                _inlines(element)
            case "rich_text_quote":
                element.model(("type", "elements"), ("border",))
                element.at("border").one_of((0, 1))
                _inlines(element)
            case "rich_text_preformatted":
                element.model(("type", "elements"), ("border", "language"))
                element.at("border").one_of((0, 1))
                element.at("language").text(100)
                _inlines(element, ("text", "link"))
            case "rich_text_list":
                _list(element)
            case other:
                element.at("type").fail(f"unsupported type: {other}")


def _list(element: Node) -> None:
    element.model(("type", "style", "elements"), ("indent", "offset", "border"))
    element.at("style").one_of(("bullet", "ordered"))
    element.at("indent").integer(0, 8)
    element.at("offset").integer(0, 1_000_000)
    element.at("border").one_of((0, 1))
    for item in element.at("elements").items(1000):
        if item.kind != "rich_text_section":
            item.at("type").fail(f"unsupported type: {item.kind}")
        elif item.model(("type", "elements")):
            _inlines(item)


def _inlines(element: Node, kinds: tuple[str, ...] = tuple(_INLINE)) -> None:
    for inline in element.at("elements").items(1000, least=0):
        if inline.kind not in kinds:
            inline.at("type").fail(f"unsupported type: {inline.kind}")
            continue
        required, optional = _INLINE[inline.kind]
        inline.model(("type", *required), (*optional, "style"))
        style = inline.at("style")
        if not style.absent and style.model((), _STYLES):
            for name in style.value:
                style.at(name).boolean()
        _values(inline)


def _values(inline: Node) -> None:
    match inline.kind:
        case "text":
            inline.at("text").text(40_000)
        case "link":
            inline.at("url").text(3000)
            inline.at("text").text(40_000)
        case "broadcast":
            inline.at("range").one_of(("here", "channel", "everyone"))
        case "date":
            inline.at("timestamp").integer(0, 1 << 40)
            template = inline.at("format").text(1000)
            if template and not any(token in template for token in _DATE_TOKENS):
                inline.at("format").fail("must have a token of a date or a time")
            inline.at("url").text(3000)
            inline.at("fallback").text(1000)
        case "emoji":
            inline.at("name").text(100)
        case _:
            inline.at(_INLINE[inline.kind][0][0]).text(100)
