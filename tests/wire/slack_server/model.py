"""What there is on the server: workspaces, people, channels, messages. And what admins do with them.

A test gets these objects from `SlackServer.team` and reads them; `World` alone changes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from .block_kit import elements, pictures_of, words_of
from .errors import Json

if TYPE_CHECKING:
    from .member import Member
    from .world import World

SLACKBOT: Final = "USLACKBOT"


class Kind(Enum):
    """Kinds of conversations, as `channel_type` names them in events."""

    PUBLIC = "channel"
    PRIVATE = "group"
    DIRECT = "im"
    GROUP = "mpim"


class Guest(Enum):
    """Guests are in the channels that they were invited to, and see no others."""

    NO = "no"
    MULTI = "multi-channel"
    SINGLE = "single-channel"


@dataclass(eq=False, slots=True)
class User:
    """An account of one workspace: a person's or a bot's."""

    team: Team = field(repr=False)
    id: str
    name: str
    tz: str = "America/Los_Angeles"
    admin: bool = False
    owner: bool = False
    guest: Guest = Guest.NO
    bot: bool = False
    deactivated: bool = False
    locale: str = "en-US"

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(eq=False, slots=True)
class Ping:
    """Somebody whom a message of the bot notified: a name, `@here`, `@channel`, `@everyone`, `@group`."""

    who: str
    message: Message


@dataclass(eq=False, slots=True)
class Message:
    """A message as it stands. Gone from its channel it keeps what it was, with `deleted` set."""

    channel: Channel = field(repr=False)
    ts: str
    user: User
    text: str
    blocks: list[Json] = field(default_factory=list, repr=False)
    attachments: list[Json] = field(default_factory=list, repr=False)
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: Json | None = None
    edited: str | None = None
    """The `ts` of its last edit."""
    reactions: dict[str, list[User]] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)
    subtype: str | None = None
    seen_by: Member | None = field(default=None, repr=False)
    """The only one who sees it, if it is ephemeral."""
    by_app: bool = False
    client_msg_id: str | None = None
    unfurl: dict[str, bool] = field(default_factory=dict)
    """`unfurl_links` and `unfurl_media`, where the bot set them."""
    deleted: bool = False

    @property
    def ephemeral(self) -> bool:
        return self.seen_by is not None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def tombstone(self) -> bool:
        """Whether it is deleted, and stands there only for its replies' sake."""
        return self.subtype == "tombstone"

    @property
    def replies(self) -> list[Message]:
        """What stands in its thread, oldest first, without itself."""
        return [one for one in self.channel.by_ts.values() if one.is_reply and one.thread_ts == self.ts]

    @property
    def words(self) -> str:
        """All that can be read in its blocks, or else its text."""
        return words_of(self.blocks) if self.blocks else self.text

    @property
    def labels(self) -> list[str]:
        """The words on its buttons, in order."""
        found = [one for block in self.blocks for one in elements(block)]
        return [one["text"]["text"] for one in found if one["type"] == "button"]

    @property
    def pictures(self) -> list[str]:
        """The words that stand for its pictures, in order."""
        return [str(image["alt_text"]) for _, image in pictures_of(self.blocks)]

    @property
    def pings(self) -> tuple[str, ...]:
        """Everybody whom it notified when it was posted."""
        return tuple(ping.who for ping in self.channel.team.world.pings if ping.message is self)

    def unfold(self) -> None:
        """Slack shows a preview of a link in it: the bot hears `message_changed`, although nobody edited anything."""
        self.channel.team.world.unfold(self)


@dataclass(eq=False, slots=True)
class Channel:
    """A conversation. `members` are the ids of who is in it."""

    team: Team = field(repr=False)
    id: str
    kind: Kind
    name: str
    members: dict[str, User] = field(default_factory=dict, repr=False)
    by_ts: dict[str, Message] = field(default_factory=dict, repr=False)
    """Everything that stands in it and in its threads, oldest first."""
    archived: bool = False
    deleted: bool = False
    read_only: bool = False
    """Whether only admins may write in it; the bot gets `restricted_action`."""
    created: int = 0

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def messages(self) -> list[Message]:
        """What its history shows, oldest first: no replies but those that were also sent to the channel."""
        return [one for one in self.by_ts.values() if not one.is_reply or one.broadcast]

    @property
    def has_bot(self) -> bool:
        return self.team.bot.id in self.members

    # --- what admins do -----------------------------------------------------------------------------------------

    def invite_bot(self) -> None:
        self.team.world.join(self, self.team.bot, by=self.team.founder)

    def kick_bot(self) -> None:
        self.team.world.leave(self, self.team.bot)

    def invite(self, member: Member) -> None:
        self.team.world.join(self, member, by=self.team.founder)

    def kick(self, member: Member) -> None:
        self.team.world.leave(self, member)

    def archive(self) -> None:
        self.team.world.archive(self, archived=True)

    def unarchive(self) -> None:
        self.team.world.archive(self, archived=False)

    def rename(self, name: str) -> None:
        self.team.world.rename(self, name)

    def delete(self) -> None:
        self.team.world.delete_channel(self)


@dataclass(eq=False, slots=True)
class Team:
    """A workspace, with the app installed in it."""

    world: World = field(repr=False)
    id: str
    name: str
    domain: str
    bot_id: str
    """Of the bot in messages (`B…`), which is not its user's id (`U…`)."""
    token: str
    scopes: frozenset[str]
    users: dict[str, User] = field(default_factory=dict, repr=False)
    channels: dict[str, Channel] = field(default_factory=dict, repr=False)
    installed: bool = True
    revoked: bool = False
    edit_window: int | None = None
    """Minutes for which messages can be edited; None is for ever."""
    bot: User = field(init=False)
    founder: Member = field(init=False, repr=False)
    """The owner; whatever admins do is done by them."""

    def channel(self, name: str, *, private: bool = False, bot: bool = True) -> Channel:
        """The channel of this name; made if there is none, with everybody in it who is no guest, and the bot."""
        found = [one for one in self.channels.values() if one.name == name and not one.deleted]
        kind = Kind.PRIVATE if private else Kind.PUBLIC
        return found[0] if found else self.world.make_channel(self, name, kind, bot=bot)

    def user(
        self,
        name: str,
        *,
        admin: bool = False,
        owner: bool = False,
        guest: Guest = Guest.NO,
        tz: str = "America/Los_Angeles",
        locale: str = "en-US",
    ) -> Member:
        """The person of this name; made if there is none, in every public channel unless a guest.

        It is as if they had always been there: no event tells of it. `channel.invite(ada)` is heard.
        """
        found = [one for one in self.world.people(self) if one.name == name]
        if found:
            return found[0]
        return self.world.make_member(self, name, admin=admin, owner=owner, guest=guest, tz=tz, locale=locale)

    def group_dm(self, *members: Member) -> Channel:
        """The conversation of several people and the bot."""
        return self.world.direct(self, [*members, self.bot])

    def uninstall(self) -> None:
        """The bot hears `tokens_revoked` and `app_uninstalled`, then nothing; its token gets `account_inactive`."""
        self.world.uninstall(self)

    def reinstall(self) -> None:
        self.installed, self.revoked = True, False

    def revoke_token(self) -> None:
        """The bot hears `tokens_revoked`; its token gets `token_revoked`."""
        self.world.revoke(self)

    def take_away(self, *scopes: str) -> None:
        self.scopes -= frozenset(scopes)
