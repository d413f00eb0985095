"""How the core's ids and Slack's are written in each other, and what a message's `ts` says. Pure.

- group `slack:<team>`, channel `slack:<team>/<channel>`, member `slack:<team>/@<user>`, as in `<@U123>`;
- a message is known by its `ts`, a string that is unique in its channel; a thread by the `ts` of its first message.

https://docs.slack.dev/apis/events-api and https://docs.slack.dev/messaging/retrieving-messages
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.core.model import ChannelId, GroupId, MemberId

ONE: Final = "[A-Za-z0-9_.-]{1,40}"
"""An id as Slack or a server that speaks like it may write one. What it names is told by where it stands."""

_ID: Final = re.compile(rf"slack:(?P<team>{ONE})(?:/(?:(?P<channel>{ONE})|@(?P<user>{ONE})))?")
TS: Final = r"(?P<seconds>[0-9]{1,10})(?:\.(?P<micros>[0-9]{1,6}))?"
"""What says when Slack took a message, and names it."""

_TS: Final = re.compile(TS)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def group_id(team: str) -> GroupId:
    """A workspace's id. Like those below, raises ValueError for what is no id of Slack's."""
    return GroupId(f"slack:{_checked(team, 'a workspace, such as T024BE7LH')}")


def channel_id(team: str, channel: str) -> ChannelId:
    """The id of a workspace's channel. A thread has none of its own: it is a place in its channel."""
    return ChannelId(f"{group_id(team)}/{_checked(channel, 'a channel, such as C061EG9SL')}")


def member_id(team: str, user: str) -> MemberId:
    """The id of a person in a workspace; in another one they are another member."""
    return MemberId(f"{group_id(team)}/@{_checked(user, 'a user, such as U061F7AUR')}")


def team_of(id_: str) -> str:
    """The workspace of a group, channel or member. Raises ValueError if the id is none of Slack's."""
    return _read(id_)["team"]


def channel_of(id_: str) -> str:
    """The channel of a channel's id. Raises ValueError if the id names anything else."""
    channel: str | None = _read(id_)["channel"]
    if channel is None:
        raise ValueError(f"{id_!r} is no channel's id: expected slack:<team>/<channel>")
    return channel


def is_channel(id_: str) -> bool:
    """Whether this is the id of a channel."""
    found = _ID.fullmatch(id_)
    return found is not None and found["channel"] is not None


def user_of(id_: str) -> str | None:
    """The person of a member's id; None if it is the id of anything else. Raises ValueError if it is none at all."""
    user: str | None = _read(id_)["user"]
    return user


def stamp(ts: str) -> datetime:
    """When Slack took a message, in UTC, to the microsecond. Raises ValueError.

    It is read as two whole numbers, so nothing is rounded as it would be in a float.
    """
    found = _TS.fullmatch(ts)
    if found is None:
        raise ValueError(f"{ts!r} is no ts of Slack's: expected one such as 1795424400.000200")
    return _EPOCH + timedelta(seconds=int(found["seconds"]), microseconds=int((found["micros"] or "0").ljust(6, "0")))


def ts_of(at: datetime) -> str:
    """The ts of an instant, as `oldest` and `latest` take it. Raises ValueError before 1970, after 2286, or naive."""
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    seconds, micros = divmod((at - _EPOCH) // _MICROSECOND, 1_000_000)
    if not 0 <= seconds < 10**10:
        raise ValueError(f"{at.isoformat()} is out of what a ts can say")
    return f"{seconds:010d}.{micros:06d}"


def _checked(id_: str, what: str) -> str:
    if not re.fullmatch(ONE, id_):
        raise ValueError(f"{id_!r} is no id of {what}")
    return id_


def _read(id_: str) -> re.Match[str]:
    found = _ID.fullmatch(id_)
    if found is None:
        raise ValueError(f"{id_!r} is no id of Slack's: expected slack:<team>, with /<channel> or /@<user>")
    return found
