"""Messages of Slack read into the core's words: what a member said, and where."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, Final

from bot.adapters.slack.ids import channel_id, member_id, stamp
from bot.core.answering import Said
from bot.core.model import Place

_TYPED: Final = frozenset({None, "", "thread_broadcast", "file_share", "me_message"})
"""Subtypes of what people type; all others are Slack's own notes, or applications'."""

_ADDRESSED: Final = re.compile(r"\s*<@(?P<user>[A-Za-z0-9_.-]+)(?:\|[^>]*)?>[\s:,]*")
_MARKED: Final = re.compile(r"<(?P<kind>[@#!]?)(?P<to>[^<>|]*)(?:\|(?P<shown>[^<>]*))?>")


def plain(text: str) -> str:
    """A message's text as its author sees it: links, names and channels by their words, and no entities."""

    def said(found: re.Match[str]) -> str:
        if found["shown"]:
            return found["shown"] if not found["kind"] else found["kind"].replace("!", "@") + found["shown"].lstrip("@")
        if found["kind"] == "!":
            return "@" + found["to"].partition("^")[0]
        return found["kind"] + found["to"].removeprefix("mailto:")

    return html.unescape(_MARKED.sub(said, text))


def addressed(text: str, user: str) -> str | None:
    """What follows a mention of this user at the beginning of a text; None if it begins otherwise."""
    found = _ADDRESSED.match(text)
    return text[found.end() :] if found is not None and found["user"] == user else None


def said(team: str, channel: str, message: Mapping[str, Any], name: str, bot_user: str) -> Said | None:
    """What a member said; None for what people do not type, and for what belongs to no thread.

    Slack knows no replies inside a thread: who begins with another member's name speaks to them.
    """
    if not typed(message):
        return None
    text, ts = str(message.get("text") or ""), str(message["ts"])
    own = addressed(text, bot_user)
    text = text if own is None else own
    to = _ADDRESSED.match(text)
    thread = message.get("thread_ts")
    edited = (message.get("edited") or {}).get("ts")
    user = str(message["user"])
    return Said(
        place=Place(channel=channel_id(team, channel), thread=str(thread) if thread and thread != ts else None),
        message=ts,
        member=member_id(team, user),
        name=name,
        text=plain(text),
        said_at=stamp(ts),
        edited_at=stamp(str(edited)) if edited else None,
        reply_to=member_id(team, to["user"]) if to is not None and to["user"] != user else None,
    )


def typed(message: Mapping[str, Any]) -> bool:
    """Whether a person wrote this."""
    return message.get("subtype") in _TYPED and bool(message.get("user")) and not message.get("bot_id")


def removed(message: Mapping[str, Any]) -> bool:
    """Whether this only says that a message with a thread was here."""
    return message.get("subtype") == "tombstone"
