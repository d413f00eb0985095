"""How the core's ids and Discord's numbers are written in each other, and what a button carries. Pure.

- group `discord:<guild>`, channel `discord:<guild>/<channel>`;
- member `discord:<guild>/@<user>`, role `discord:<guild>/@&<role>`, as in `<@123>` and `<@&123>`;
- button `nn:<press>:<about>`.
"""

from __future__ import annotations

import re
from typing import Final

from bot.core.card import Press
from bot.core.model import ChannelId, GroupId, MemberId

CUSTOM_ID: Final = 100
"""The longest `custom_id` that Discord takes."""

_ID: Final = re.compile(r"discord:(?P<guild>[0-9]{1,20})(?:/(?P<sort>@&?|)(?P<number>[0-9]{1,20}))?")


def group_id(guild: int | str) -> GroupId:
    """A server's id."""
    return GroupId(f"discord:{int(guild)}")


def channel_id(guild: int | str, channel: int | str) -> ChannelId:
    """The id of a server's channel. A thread has none of its own: it is a place in its channel."""
    return ChannelId(f"{group_id(guild)}/{int(channel)}")


def member_id(guild: int | str, user: int | str) -> MemberId:
    """The id of a person in a server; in another one they are another member."""
    return MemberId(f"{group_id(guild)}/@{int(user)}")


def role_id(guild: int | str, role: int | str) -> MemberId:
    """The id under which everybody who holds a role is named among a drill's organizers."""
    return MemberId(f"{group_id(guild)}/@&{int(role)}")


def guild_of(id_: str) -> int:
    """The server of a group, channel, member or role. Raises ValueError if the id is none of Discord's."""
    return int(_read(id_)["guild"])


def channel_of(id_: str) -> int:
    """The channel of a channel's id. Raises ValueError if the id names anything else."""
    found = _read(id_)
    if found["sort"] != "" or found["number"] is None:
        raise ValueError(f"{id_!r} is no channel's id: expected discord:<guild>/<channel>")
    return int(found["number"])


def is_channel(id_: str) -> bool:
    """Whether this is the id of a channel."""
    found = _ID.fullmatch(id_)
    return found is not None and found["sort"] == "" and found["number"] is not None


def user_of(id_: str) -> int | None:
    """The person of a member's id; None if it is the id of anything else. Raises ValueError if it is none at all."""
    found = _read(id_)
    return int(found["number"]) if found["sort"] == "@" else None


def button_id(press: Press, about: str) -> str:
    """What a button carries: what it does and what about. Raises ValueError if Discord would not take it."""
    carried = f"nn:{press.value}:{about}"
    if len(carried) > CUSTOM_ID:
        raise ValueError(f"a button about {about!r} would carry more than {CUSTOM_ID} characters")
    return carried


def _read(id_: str) -> re.Match[str]:
    found = _ID.fullmatch(id_)
    if found is None:
        raise ValueError(f"{id_!r} is no id of Discord's: expected discord:<guild>, with /<channel> or /@<user>")
    return found
