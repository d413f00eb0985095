"""What the bot asks of a server, what it has of that in a channel, and the link by which it is invited. Pure.

https://docs.discord.com/developers/topics/permissions
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import discord

NEEDED: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    create_public_threads=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
    add_reactions=True,
)
"""What the bot needs in a channel with a drill. docs/discord.md names the same; a test holds it to that."""

FOR_NOTES: Final = discord.Permissions(
    view_channel=True, send_messages=True, embed_links=True, read_message_history=True
)
"""What it needs in another channel for notes to organizers."""

SERVED: Final = (discord.ChannelType.text, discord.ChannelType.news)
"""The kinds of channels that can have a drill."""

_CALLED: Final = {"read_messages": "view_channel"}
"""What discord.py still calls as Discord did once."""

SCOPES: Final = ("bot", "applications.commands")


def invite_link(application: str) -> str:
    """Where somebody who manages a server invites the bot with what it needs, and no more."""
    query = f"client_id={application}&scope={'+'.join(SCOPES)}&permissions={NEEDED.value}"
    return f"https://discord.com/oauth2/authorize?{query}"


def rights_lacking(rights: discord.Permissions, needed: discord.Permissions = NEEDED) -> tuple[str, ...]:
    """The rights that are needed and not there, as people know them."""
    lacking = [name for name, on in needed if on and not (rights.administrator or getattr(rights, name))]
    return tuple(_CALLED.get(name, name).replace("_", " ").capitalize() for name in lacking)


def rights_in(
    guild: Mapping[str, Any], roles: Collection[str], user: str, overwrites: Sequence[Mapping[str, Any]]
) -> discord.Permissions:
    """What somebody may do in a channel, from Discord's JSON of the server, their roles, and the channel's overwrites.

    First what all their roles give together; then what the channel says of everybody, of their roles, of them.
    """
    held = {guild["id"], *roles}
    base = 0
    for role in guild["roles"]:
        base |= int(role["permissions"]) if role["id"] in held else 0
    if guild.get("owner_id") == user or discord.Permissions(base).administrator:
        return discord.Permissions.all()
    said = {one["id"]: (int(one["allow"]), int(one["deny"])) for one in overwrites}
    of_roles = [said[role] for role in roles if role in said]
    allow = deny = 0
    for more, less in of_roles:
        allow, deny = allow | more, deny | less
    for more, less in (said.get(guild["id"], (0, 0)), (allow, deny), said.get(user, (0, 0))):
        base = base & ~less | more
    rights = discord.Permissions(base)
    if not rights.view_channel:
        return discord.Permissions.none()  # What one cannot see, one can do nothing in.
    return rights
