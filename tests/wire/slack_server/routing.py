"""The table of Web API methods, what a method is given, and what nearly all of them ask first."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from .errors import Json, SlackError, bad_arguments, missing
from .model import Channel, Kind, Message, Team
from .world import World

PLURAL: Final = {Kind.PUBLIC: "channels", Kind.PRIVATE: "groups", Kind.DIRECT: "im", Kind.GROUP: "mpim"}
"""What scopes call the kinds of conversations."""

_TS: Final = re.compile(r"\d{1,10}(\.\d{1,6})?")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the workspace of its token, and its arguments, from query, form or JSON alike."""

    world: World
    team: Team
    arguments: Json

    def text(self, name: str) -> str:
        """A string that there must be."""
        value = self.arguments.get(name)
        if value in (None, ""):
            raise missing(name)
        if not isinstance(value, str):
            raise bad_arguments([f"must be a string [json-pointer:/{name}]"])
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.arguments.get(name)
        if value is None:
            return default
        if str(value).lower() not in ("0", "1", "true", "false"):
            raise bad_arguments([f"must be a boolean [json-pointer:/{name}]"])
        return str(value).lower() in ("1", "true")

    def limit(self, default: int, most: int) -> int:
        value = self.arguments.get("limit", default)
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise SlackError("invalid_limit") from None
        if number < 1:
            raise SlackError("invalid_limit")
        return min(number, most)

    def json(self, name: str) -> Any:
        """A list or an object, which a form or a query has as JSON."""
        value = self.arguments.get(name)
        if isinstance(value, str):
            try:
                return json.loads(value)
            except ValueError:
                raise bad_arguments([f"failed to parse as JSON [json-pointer:/{name}]"]) from None
        return value

    def ts(self, name: str, error: str) -> str | None:
        value = self.arguments.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _TS.fullmatch(value):
            raise SlackError(error)
        return value

    def scope(self, *any_of: str) -> None:
        """Raise `missing_scope` unless the token has one of these."""
        if not self.team.scopes & set(any_of):
            raise SlackError("missing_scope", needed=",".join(any_of), provided=",".join(sorted(self.team.scopes)))


@dataclass(frozen=True, slots=True)
class Method:
    """A method: what answers it, the scopes of which it needs one, its tier, and whether it reads bodies of JSON."""

    name: str
    act: Callable[[Call], Json]
    scopes: Sequence[str]
    tier: int
    reads_json: bool
    app_token: bool = False


METHODS: Final[dict[str, Method]] = {}


def method(
    name: str, *scopes: str, tier: int = 3, reads_json: bool = False, app_token: bool = False
) -> Callable[[Callable[[Call], Json]], Callable[[Call], Json]]:
    """Enter a function in the table. https://docs.slack.dev/reference/methods has scopes, tier and content types."""

    def enter(act: Callable[[Call], Json]) -> Callable[[Call], Json]:
        METHODS[name] = Method(name, act, scopes, tier, reads_json, app_token)
        return act

    return enter


# --- what methods ask first -----------------------------------------------------------------------------------


def seen_channel(call: Call, name: str = "channel") -> Channel:
    """The channel of an argument, if the bot can know of it: a public one, or one that it is in."""
    channel = call.team.channels.get(call.text(name))
    if channel is None or channel.deleted or (channel.kind is not Kind.PUBLIC and not channel.has_bot):
        raise SlackError("channel_not_found")
    return channel


def writable_channel(call: Call, name: str = "channel") -> Channel:
    """The channel to post to: by id, by `#name`, or a person's id for direct messages."""
    value = call.text(name)
    if value in call.team.users and call.team.users[value] is not call.team.bot:
        call.scope("im:write")
        channel = call.world.direct(call.team, [call.team.users[value], call.team.bot])
    else:
        by_name = [one for one in call.world.channels(call.team) if one.name and value.removeprefix("#") == one.name]
        channel = by_name[0] if by_name else seen_channel(call, name)
        if channel.kind is not Kind.PUBLIC and not channel.has_bot:
            raise SlackError("channel_not_found")
    if channel.archived:
        raise SlackError("is_archived")
    if not channel.has_bot and "chat:write.public" not in call.team.scopes:
        raise SlackError("not_in_channel")
    if channel.read_only:
        raise SlackError("restricted_action")
    return channel


def known_message(channel: Channel, ts: object) -> Message:
    message = channel.by_ts.get(ts) if isinstance(ts, str) else None
    if message is None or message.tombstone:
        raise SlackError("message_not_found")
    return message


# --- pages ----------------------------------------------------------------------------------------------------


def page(call: Call, items: Sequence[T], limit: int) -> tuple[list[T], Json]:
    """So many items from where the cursor points, and the metadata with the next one."""
    start = 0
    cursor = call.arguments.get("cursor")
    if cursor:
        try:
            kind, _, number = base64.b64decode(str(cursor), validate=True).decode().partition(":")
            start = int(number)
        except (binascii.Error, ValueError):
            raise SlackError("invalid_cursor") from None
        if kind != "next":
            raise SlackError("invalid_cursor")
    following = start + limit
    more = base64.b64encode(f"next:{following}".encode()).decode() if following < len(items) else ""
    return list(items[start:following]), {"next_cursor": more}
