"""What there is on the server: guilds, roles, channels, threads, messages. And what moderators do with them.

A test gets these objects from `DiscordServer.guild` and reads them; `World` alone changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING

from .components import LINK, Kind, walk
from .errors import Json
from .messages import Flag
from .permissions import INVITED, NONE, Overwrite, Perm, implied, in_channel, in_guild, without

if TYPE_CHECKING:
    from .member import Member
    from .world import World


class ChannelType(IntEnum):
    """The types of channels that this server has."""

    TEXT = 0
    DM = 1
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11


@dataclass(eq=False, slots=True)
class User:
    """An account: a person's or a bot's."""

    id: int
    name: str
    display: str
    bot: bool = False

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(eq=False, slots=True)
class Role:
    """A role of a guild. `world.change_role` changes it and tells the bot."""

    id: int
    name: str
    permissions: Perm
    position: int = 0
    mentionable: bool = False
    managed: bool = False

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"


@dataclass(eq=False, slots=True)
class Attachment:
    """A file of a message. `data` is what was uploaded."""

    id: int
    filename: str
    data: bytes = field(repr=False)
    description: str = ""


@dataclass(eq=False, slots=True)
class Message:
    """A message as it stands. Gone from its channel it keeps what it was, with `deleted` set."""

    id: int
    channel: Channel = field(repr=False)
    author: User
    content: str
    timestamp: datetime
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: Flag = field(default_factory=lambda: Flag(0))
    type: int = 0
    edited: datetime | None = None
    reply_to: Message | None = field(default=None, repr=False)
    reply_gone: int | None = None
    """The id of a message that this one answered without its being there (`fail_if_not_exists: false`)."""
    mentions: list[User] = field(default_factory=list)
    mention_roles: list[Role] = field(default_factory=list)
    mention_everyone: bool = False
    replied_user: bool = False
    """Whether the author of the message that this one replies to is among `mentions` for that reason alone."""
    reactions: dict[str, list[User]] = field(default_factory=dict)
    interaction: Json | None = None
    """`interaction_metadata`, of answers to interactions."""
    application_id: int | None = None
    seen_by: User | None = None
    """The only one who sees it, if it is ephemeral."""
    thread: Channel | None = field(default=None, repr=False)
    deleted: bool = False

    @property
    def ephemeral(self) -> bool:
        return self.seen_by is not None

    @property
    def pings(self) -> tuple[str, ...]:
        """Everybody whom it notifies: names, `@role`, `@everyone`. Embeds never ping."""
        roles = (f"@{role.name}" for role in self.mention_roles)
        return (*(user.display for user in self.mentions), *roles, *(("@everyone",) if self.mention_everyone else ()))

    @property
    def buttons(self) -> list[Json]:
        """The buttons that send an interaction, in order, as the bot sent them."""
        return [one for one in walk(self.components) if one["type"] == Kind.BUTTON and one["style"] < LINK]

    @property
    def labels(self) -> list[str]:
        return [button.get("label") or "" for button in self.buttons]

    def delete(self) -> None:
        """A moderator deletes it."""
        self.channel.world.delete(self)


@dataclass(eq=False, slots=True)
class Channel:
    """A channel, a thread (`parent` is set), or the bot's direct messages with one person (`recipient` is set)."""

    world: World = field(repr=False)
    id: int
    type: ChannelType
    name: str
    guild: Guild | None = field(default=None, repr=False)
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    position: int = 0
    recipient: User | None = None
    by_id: dict[int, Message] = field(default_factory=dict, repr=False)
    deleted: bool = False

    parent: Channel | None = field(default=None, repr=False)
    owner: User | None = None
    archived: bool = False
    locked: bool = False
    auto_archive: int = 4320
    archive_stamp: datetime | None = None
    slowmode: int = 0
    joined: dict[int, datetime] = field(default_factory=dict)
    """Ids of the users who are in the thread, and since when."""
    sent: int = 0

    @property
    def is_thread(self) -> bool:
        return self.parent is not None

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def messages(self) -> list[Message]:
        """What stands in it, oldest first. Ephemeral messages stand nowhere."""
        return list(self.by_id.values())

    @property
    def threads(self) -> list[Channel]:
        """The threads under it, archived ones too."""
        channels = self.world.channels.values()
        return [channel for channel in channels if channel.parent is self]

    def permissions(self, user: User) -> Perm:
        """What a user may do here."""
        if self.guild is None:
            return Perm.VIEW_CHANNEL | Perm.SEND_MESSAGES | INVITED
        member = self.guild.by_id.get(user.id)
        if member is None:
            return NONE
        holder = self.parent or self
        permissions = in_channel(
            self.guild.permissions(member),
            holder.overwrites,
            guild=self.guild.id,
            roles=[role.id for role in member.roles],
            user=user.id,
        )
        return implied(permissions, thread=self.is_thread)

    # --- what moderators do -------------------------------------------------------------------------------------

    def delete(self) -> None:
        """Delete the channel, or the thread, with all that is in it."""
        self.world.delete_channel(self)

    def archive(self, *, locked: bool | None = None) -> None:
        """Archive a thread; with `locked=True` only moderators can take it up again."""
        self.world.change_thread(self, archived=True, locked=locked)

    def unarchive(self) -> None:
        self.world.change_thread(self, archived=False)

    def lock(self) -> None:
        """Lock a thread that stays active: only moderators write in it."""
        self.world.change_thread(self, locked=True)

    def rename(self, name: str) -> None:
        self.world.rename(self, name)

    def take_away(self, permissions: Perm, who: Member | Role | None = None) -> None:
        """Deny somebody, or else the bot, permissions in this channel and its threads."""
        self._overwrite(who, lambda before: before.taking(permissions))

    def give(self, permissions: Perm, who: Member | Role | None = None) -> None:
        """Allow somebody, or else the bot, permissions in this channel and its threads."""
        self._overwrite(who, lambda before: before.giving(permissions))

    def bulk_delete(self, messages: Iterable[Message]) -> None:
        """Delete several messages at once: the bot hears of one event."""
        self.world.bulk_delete(self, list(messages))

    def _overwrite(self, who: Member | Role | None, change: Callable[[Overwrite], Overwrite]) -> None:
        target = self.world.bot.id if who is None else who.id
        self.world.overwrite(self, target, change(self.overwrites.get(target, Overwrite())))


@dataclass(eq=False, slots=True)
class Guild:
    """A guild. Its bot's role has the permissions that the bot was invited with."""

    world: World = field(repr=False)
    id: int
    name: str
    everyone: Role
    owner: User
    roles: list[Role] = field(default_factory=list)
    by_id: dict[int, Member] = field(default_factory=dict, repr=False)
    bot_role: Role | None = None
    """None while the bot is not in the guild."""
    named: bool = True
    """Whether a new session is told of it. Discord tells of all; in trouble of its own some may come late."""
    system_channel: Channel | None = None
    """Where Discord's own notes about newcomers go, and the bot's word of welcome."""
    available: bool = True
    locale: str = "en-US"

    @property
    def has_bot(self) -> bool:
        return self.bot_role is not None

    @property
    def channels(self) -> list[Channel]:
        """Its channels, without threads."""
        return [one for one in self.world.channels.values() if one.guild is self and not one.is_thread]

    @property
    def threads(self) -> list[Channel]:
        return [one for one in self.world.channels.values() if one.guild is self and one.is_thread]

    def permissions(self, member: Member) -> Perm:
        granted = [self.everyone.permissions, *(role.permissions for role in member.roles)]
        return in_guild(granted, owner=member.user is self.owner)

    def channel(self, name: str, *, type: ChannelType = ChannelType.TEXT) -> Channel:
        """The channel of this name; made if there is none."""
        found = [channel for channel in self.channels if channel.name == name]
        return found[0] if found else self.world.make_channel(self, name, type)

    def member(self, name: str, *, permissions: Perm = NONE, roles: Iterable[Role] = ()) -> Member:
        """The member of this name; joined if there is none, with a role of these permissions."""
        found = [member for member in self.by_id.values() if member.user.display == name]
        return found[0] if found else self.world.join(self, name, permissions, roles)

    def role(self, name: str, *, permissions: Perm = NONE, mentionable: bool = False) -> Role:
        """The role of this name; made if there is none."""
        found = [role for role in self.roles if role.name == name]
        return found[0] if found else self.world.make_role(self, name, permissions, mentionable=mentionable)

    # --- what moderators and outages do -------------------------------------------------------------------------

    def take_away(self, permissions: Perm, role: Role | None = None) -> None:
        """Take permissions from a role, by default the bot's. What @everyone has, the bot still has."""
        changed = role or self.bot_role
        if changed is not None:
            self.world.change_role(self, changed, permissions=without(changed.permissions, permissions))

    def give(self, permissions: Perm, role: Role | None = None) -> None:
        changed = role or self.bot_role
        if changed is not None:
            self.world.change_role(self, changed, permissions=changed.permissions | permissions)

    def add_bot(self, permissions: Perm = INVITED) -> None:
        """Invite the bot: it hears GUILD_CREATE."""
        self.world.add_bot(self, permissions)

    def remove_bot(self) -> None:
        """Remove the bot: it hears GUILD_DELETE without `unavailable`, and may see nothing any more."""
        self.world.remove_bot(self)

    def go_down(self) -> None:
        """An outage: the bot hears GUILD_DELETE with `unavailable`, and no event of the guild until `come_back`."""
        self.world.outage(self, available=False)

    def come_back(self) -> None:
        """The end of an outage: the bot hears GUILD_CREATE."""
        self.world.outage(self, available=True)
