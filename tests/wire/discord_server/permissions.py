"""Who may do what where: the bits, and the rules that add them up.

https://docs.discord.com/developers/topics/permissions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntFlag
from typing import Final


class Perm(IntFlag):
    """The permissions that this server asks for. Bits without a name here are kept, and mean nothing."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38


NONE: Final = Perm(0)
ALL: Final = Perm((1 << 53) - 1)

EVERYONE: Final = (
    Perm.VIEW_CHANNEL
    | Perm.SEND_MESSAGES
    | Perm.SEND_MESSAGES_IN_THREADS
    | Perm.READ_MESSAGE_HISTORY
    | Perm.ADD_REACTIONS
    | Perm.USE_APPLICATION_COMMANDS
)
"""What @everyone has in a new guild here. Less than Discord's own default, so that the bot's own role decides."""

INVITED: Final = (
    Perm.VIEW_CHANNEL
    | Perm.SEND_MESSAGES
    | Perm.SEND_MESSAGES_IN_THREADS
    | Perm.CREATE_PUBLIC_THREADS
    | Perm.EMBED_LINKS
    | Perm.ATTACH_FILES
    | Perm.READ_MESSAGE_HISTORY
    | Perm.ADD_REACTIONS
)
"""What the bot's own role has, unless a test says otherwise: 309237763136."""


def without(permissions: Perm, taken: Perm) -> Perm:
    """The one without the other. `~` of an IntFlag would lose the bits that have no name here."""
    return Perm(int(permissions) & ~int(taken))


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel allows and denies one role or one member, whatever the guild says."""

    allow: Perm = NONE
    deny: Perm = NONE

    def taking(self, permissions: Perm) -> Overwrite:
        return Overwrite(without(self.allow, permissions), self.deny | permissions)

    def giving(self, permissions: Perm) -> Overwrite:
        return Overwrite(self.allow | permissions, without(self.deny, permissions))


def in_guild(granted: Iterable[Perm], *, owner: bool) -> Perm:
    """Of all roles together, @everyone's among them."""
    if owner:
        return ALL
    permissions = NONE
    for role in granted:
        permissions |= role
    return ALL if permissions & Perm.ADMINISTRATOR else permissions


def in_channel(base: Perm, overwrites: Mapping[int, Overwrite], *, guild: int, roles: Iterable[int], user: int) -> Perm:
    """After a channel's overwrites: @everyone's, then those of all roles together, then the member's own.

    Who may not see a channel may do nothing in it, and who may not send there may not embed, attach or ping.
    """
    if base & Perm.ADMINISTRATOR:
        return ALL
    nothing = Overwrite()
    everyone, own = overwrites.get(guild, nothing), overwrites.get(user, nothing)
    allow = deny = NONE
    for role in roles:
        overwrite = overwrites.get(role, nothing)
        allow |= overwrite.allow
        deny |= overwrite.deny
    permissions = base
    for one in (everyone, Overwrite(allow, deny), own):
        permissions = without(permissions, one.deny) | one.allow
    if not permissions & Perm.VIEW_CHANNEL:
        return NONE
    return permissions


def implied(permissions: Perm, *, thread: bool) -> Perm:
    """Without the right to send, the rights to embed, attach and ping mean nothing."""
    sending = Perm.SEND_MESSAGES_IN_THREADS if thread else Perm.SEND_MESSAGES
    if permissions & sending:
        return permissions
    return without(permissions, Perm.EMBED_LINKS | Perm.ATTACH_FILES | Perm.MENTION_EVERYONE)
