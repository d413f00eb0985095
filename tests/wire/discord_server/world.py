"""The state of the server, and the only code that changes it: whatever changes is told to the gateway in that moment.

Nothing here asks whether somebody may do something; the REST routes ask for the bot, `Member` asks for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from . import payloads
from .clock import Clock, Snowflakes, made_at
from .components import Kind, walk
from .errors import Json
from .gateway import Gateway
from .intents import Intent
from .interactions import Interactions
from .member import Member
from .messages import ROLE_MENTION, USER_MENTION, Draft, Flag, Pinging, Upload, pingable
from .model import Attachment, Channel, ChannelType, Guild, Message, Role, User
from .permissions import ALL, EVERYONE, Overwrite, Perm
from .waiting import Bell

NONCE_REMEMBERED: Final = timedelta(minutes=5)
"""Discord says "the past few minutes"."""

DEFAULT, THREAD_STARTER, REPLY, CHAT_INPUT, CONTEXT_MENU = 0, 21, 19, 20, 23
"""Types of messages."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Somebody was notified by a message of the bot."""

    message: Message
    who: str


@dataclass(eq=False, slots=True)
class Application:
    """The bot's application, as its developer has set it up."""

    id: int
    name: str
    token: str
    granted: Intent
    """The privileged intents that are switched on."""


@dataclass(eq=False)
class World:
    """Everything there is."""

    clock: Clock
    ids: Snowflakes
    application: Application
    bot: User
    host: str = ""
    users: dict[int, User] = field(default_factory=dict)
    guilds: dict[int, Guild] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    files: dict[int, Attachment] = field(default_factory=dict)
    commands: dict[int | None, list[Json]] = field(default_factory=dict)
    """By guild; the global ones under None."""
    pings: list[Ping] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gateway = Gateway(self)
        self.interactions = Interactions(self)
        self.users[self.bot.id] = self.bot
        self._nonces: dict[tuple[int, str], Message] = {}
        self.bell = Bell()
        """Rings after everything that happens."""

    # --- telling the bot ----------------------------------------------------------------------------------------

    def hides(self, message: Message, *, content: bool) -> bool:
        """Whether the bot may not read what a message says; `content` is its Message Content intent.

        Without it the bot reads its own messages, direct ones, those that mention it, and replies to its messages that
        ping it, but not replies to its answers to interactions.
        https://docs.discord.com/developers/events/gateway#message-content-intent
        """
        if content or message.author is self.bot or message.channel.guild is None:
            return False
        if self.bot not in message.mentions:
            return True
        answered = message.reply_to
        return message.replied_user and answered is not None and answered.interaction is not None

    def in_rest(self, message: Message) -> Json:
        """A message as REST answers have it: there the application's setting counts, not what a session asked for."""
        content = bool(self.application.granted & Intent.MESSAGE_CONTENT)
        return payloads.message(
            message, viewer=self.bot, hides=lambda one: self.hides(one, content=content), host=self.host
        )

    def tell(
        self,
        event: str,
        payload: Json | Callable[[Intent], Json],
        *,
        intent: Intent,
        guild: Guild | None = None,
        place: Channel | None = None,
    ) -> None:
        """Send an event to every session that asked for it, if the bot is in the guild and may see the place."""
        guild = place.guild if place is not None else guild
        heard = guild is None or (guild.has_bot and guild.available)
        if heard and (place is None or place.permissions(self.bot) & Perm.VIEW_CHANNEL):
            self.gateway.dispatch(event, payload, intent=intent, guild=guild.id if guild else None)
        self.bell.ring()

    def _tell_message(self, event: str, message: Message, nonce: str | None = None) -> None:
        def payload(intents: Intent) -> Json:
            found = payloads.event_message(
                message,
                viewer=self.bot,
                hides=lambda one: self.hides(one, content=bool(intents & Intent.MESSAGE_CONTENT)),
                host=self.host,
            )
            return found | ({"nonce": nonce} if nonce is not None else {})

        intent = Intent.GUILD_MESSAGES if message.channel.guild else Intent.DIRECT_MESSAGES
        self.tell(event, payload, intent=intent, place=message.channel)

    def _tell_channel(self, event: str, channel: Channel, **more: object) -> None:
        # Bots are told of every channel of their guilds, also of those that they may not see.
        self.tell(event, payloads.channel(channel, self.bot) | more, intent=Intent.GUILDS, guild=channel.guild)

    # --- guilds, people, rights ---------------------------------------------------------------------------------

    def make_user(self, display: str, *, bot: bool = False) -> User:
        user = User(self.ids.next(), display.lower().replace(" ", "_"), display, bot)
        self.users[user.id] = user
        return user

    def make_guild(self, name: str, permissions: Perm | None) -> Guild:
        """A guild with an owner of its own; the bot is in it unless `permissions` is None."""
        identity = self.ids.next()
        everyone = Role(identity, "@everyone", EVERYONE)
        guild = Guild(self, identity, name, everyone, self.make_user(f"Owner of {name}"), [everyone])
        self.guilds[identity] = guild
        guild.by_id[guild.owner.id] = Member(self, guild, guild.owner)
        if permissions is not None:
            self.add_bot(guild, permissions)
        return guild

    def add_bot(self, guild: Guild, permissions: Perm) -> None:
        guild.bot_role = self.make_role(guild, self.bot.display, permissions, managed=True)
        guild.by_id[self.bot.id] = Member(self, guild, self.bot, [guild.bot_role])
        self._tell_guild(guild, joined=True)

    def _tell_guild(self, guild: Guild, *, joined: bool) -> None:
        def payload(intents: Intent) -> Json:
            return self.guild_create(guild, intents, joined=joined)

        self.tell("GUILD_CREATE", payload, intent=Intent.GUILDS, guild=guild)

    def guild_create(self, guild: Guild, intents: Intent, *, joined: bool = False) -> Json:
        members = bool(intents & Intent.GUILD_MEMBERS)
        return payloads.guild_create(guild, self.bot, members=members, joined=joined)

    def remove_bot(self, guild: Guild) -> None:
        self.tell("GUILD_DELETE", {"id": str(guild.id)}, intent=Intent.GUILDS, guild=guild)
        guild.by_id.pop(self.bot.id, None)
        if guild.bot_role is not None:
            guild.roles.remove(guild.bot_role)
            guild.bot_role = None

    def outage(self, guild: Guild, *, available: bool) -> None:
        if available:
            guild.available = True
            self._tell_guild(guild, joined=False)
        else:
            self.tell("GUILD_DELETE", {"id": str(guild.id), "unavailable": True}, intent=Intent.GUILDS, guild=guild)
            guild.available = False

    def join(self, guild: Guild, name: str, permissions: Perm, roles: Iterable[Role]) -> Member:
        """A member. One name is one person, in however many guilds."""
        user = next((one for one in self.users.values() if one.display == name), None) or self.make_user(name)
        held = list(roles)
        if permissions:
            held.append(self.make_role(guild, f"Role of {name}", permissions))
        member = Member(self, guild, user, held)
        guild.by_id[user.id] = member
        payload = payloads.member(member) | {"guild_id": str(guild.id)}
        self.tell("GUILD_MEMBER_ADD", payload, intent=Intent.GUILD_MEMBERS, guild=guild)
        return member

    def make_role(
        self, guild: Guild, name: str, permissions: Perm, *, managed: bool = False, mentionable: bool = False
    ) -> Role:
        role = Role(self.ids.next(), name, permissions, len(guild.roles), mentionable, managed)
        guild.roles.append(role)
        payload = {"guild_id": str(guild.id), "role": payloads.role(role)}
        self.tell("GUILD_ROLE_CREATE", payload, intent=Intent.GUILDS, guild=guild)
        return role

    def change_role(self, guild: Guild, role: Role, *, permissions: Perm) -> None:
        role.permissions = permissions
        payload = {"guild_id": str(guild.id), "role": payloads.role(role)}
        self.tell("GUILD_ROLE_UPDATE", payload, intent=Intent.GUILDS, guild=guild)

    def overwrite(self, channel: Channel, target: int, overwrite: Overwrite) -> None:
        channel.overwrites[target] = overwrite
        self._tell_channel("CHANNEL_UPDATE", channel)

    # --- channels and threads -----------------------------------------------------------------------------------

    def make_channel(self, guild: Guild, name: str, kind: ChannelType) -> Channel:
        channel = Channel(self, self.ids.next(), kind, name, guild, position=len(guild.channels))
        self.channels[channel.id] = channel
        self._tell_channel("CHANNEL_CREATE", channel)
        return channel

    def direct_messages(self, user: User) -> Channel:
        """The bot's conversation with one person; there is one at most."""
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        channel = Channel(self, self.ids.next(), ChannelType.DM, user.name, recipient=user)
        self.channels[channel.id] = channel
        return channel

    def delete_channel(self, channel: Channel) -> None:
        """Threads under a deleted channel go without an event of their own."""
        if channel.parent is not None:
            gone = {
                "id": str(channel.id),
                "guild_id": str(channel.guild.id) if channel.guild else None,
                "parent_id": str(channel.parent.id),
                "type": int(channel.type),
            }
            self.tell("THREAD_DELETE", gone, intent=Intent.GUILDS, place=channel)
        else:
            self._tell_channel("CHANNEL_DELETE", channel)
        for one in (channel, *channel.threads):
            one.deleted = True
            self.channels.pop(one.id, None)
            for message in one.by_id.values():
                message.deleted = True

    def rename(self, channel: Channel, name: str) -> None:
        channel.name = name
        self._tell_channel("THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE", channel)

    def change_thread(
        self,
        thread: Channel,
        *,
        name: str | None = None,
        archived: bool | None = None,
        locked: bool | None = None,
        auto_archive: int | None = None,
        slowmode: int | None = None,
    ) -> None:
        thread.name = thread.name if name is None else name
        thread.locked = thread.locked if locked is None else locked
        thread.auto_archive = thread.auto_archive if auto_archive is None else auto_archive
        thread.slowmode = thread.slowmode if slowmode is None else slowmode
        if archived is not None and archived != thread.archived:
            thread.archived = archived
            thread.archive_stamp = self.clock.stamp()
        self.tell("THREAD_UPDATE", payloads.channel(thread, self.bot), intent=Intent.GUILDS, place=thread)

    def start_thread(self, message: Message, name: str, owner: User, auto_archive: int, slowmode: int) -> Channel:
        """A thread from a message has the message's id; its first message is one of type 21 that points back."""
        parent = message.channel
        announces = parent.type is ChannelType.ANNOUNCEMENT
        kind = ChannelType.ANNOUNCEMENT_THREAD if announces else ChannelType.PUBLIC_THREAD
        thread = Channel(self, message.id, kind, name, parent.guild, parent=parent, owner=owner)
        thread.auto_archive, thread.slowmode = auto_archive, slowmode
        thread.archive_stamp = thread.joined[owner.id] = self.clock.stamp()
        self.channels[thread.id] = thread
        message.thread = thread
        message.flags |= Flag.HAS_THREAD
        payload = payloads.channel(thread, self.bot) | {"newly_created": True}
        self.tell("THREAD_CREATE", payload, intent=Intent.GUILDS, place=thread)
        self._tell_message("MESSAGE_UPDATE", message)
        starter = Message(identity := self.ids.next(), thread, owner, "", made_at(identity), type=THREAD_STARTER)
        starter.reply_to = message
        thread.by_id[identity] = starter
        self._tell_message("MESSAGE_CREATE", starter)
        return thread

    def join_thread(self, thread: Channel, user: User) -> None:
        if user.id in thread.joined:
            return
        thread.joined[user.id] = self.clock.stamp()
        self._tell_joined(thread, user, {"added_members": [payloads.thread_member(thread, user.id)]})
        if user is self.bot:
            self._tell_channel("THREAD_CREATE", thread)

    def leave_thread(self, thread: Channel, user: User) -> None:
        if thread.joined.pop(user.id, None) is not None:
            self._tell_joined(thread, user, {"removed_member_ids": [str(user.id)]})

    def _tell_joined(self, thread: Channel, user: User, change: Json) -> None:
        """Without the members intent a bot hears only of itself."""
        if thread.guild is None:
            return
        payload = {
            "id": str(thread.id),
            "guild_id": str(thread.guild.id),
            "member_count": min(len(thread.joined), 50),
            **change,
        }
        intent = Intent.GUILDS if user is self.bot else Intent.GUILD_MEMBERS
        self.tell("THREAD_MEMBERS_UPDATE", payload, intent=intent, place=thread)

    # --- messages -----------------------------------------------------------------------------------------------

    def remembered(self, channel: Channel, nonce: str) -> Message | None:
        """The bot's message of this nonce, if it was sent here in the past few minutes, deleted or not."""
        message = self._nonces.get((channel.id, nonce))
        if message is None or self.clock.now - message.timestamp > NONCE_REMEMBERED:
            return None
        return message

    def post(
        self,
        channel: Channel,
        author: User,
        draft: Draft,
        *,
        type: int = DEFAULT,
        interaction: Json | None = None,
        seen_by: User | None = None,
        reply_to: Message | None = None,
    ) -> Message:
        """A new message. Sending into an archived thread takes it up again; an ephemeral message stands nowhere."""
        if channel.archived:
            self.change_thread(channel, archived=False)
        if channel.is_thread and author is not self.bot:
            self.join_thread(channel, author)
        identity = self.ids.next()
        if draft.reply_to is not None:
            type = REPLY
            reply_to = channel.by_id.get(draft.reply_to)
        message = Message(
            identity,
            channel,
            author,
            draft.content or "",
            made_at(identity),
            embeds=draft.embeds or [],
            components=draft.components or [],
            attachments=self._attachments(draft, []),
            flags=draft.flags | (Flag.EPHEMERAL if seen_by else Flag(0)),
            type=type,
            reply_to=reply_to,
            reply_gone=draft.reply_to if reply_to is None else None,
            interaction=interaction,
            application_id=self.application.id if interaction is not None else None,
            seen_by=seen_by,
        )
        self._mention(message, draft.pinging)
        if author is self.bot:
            self.pings += [Ping(message, who) for who in message.pings]
        if seen_by is None:
            channel.by_id[identity] = message
            channel.sent += 1
            if draft.nonce is not None and author is self.bot:
                self._nonces[channel.id, draft.nonce] = message
            self._tell_message("MESSAGE_CREATE", message, draft.nonce)
        self.bell.ring()
        return message

    def edit(self, message: Message, draft: Draft) -> None:
        """Say a message anew. What the draft leaves out stays; mentions are read again, with nobody notified twice."""
        text = self._text(message)
        if draft.content is not None:
            message.content = draft.content
        if draft.embeds is not None:
            message.embeds = draft.embeds
        if draft.components is not None:
            message.components = draft.components
        if draft.attached is not None:
            message.attachments = self._attachments(draft, message.attachments)
        message.flags = draft.flags | message.flags & (Flag.EPHEMERAL | Flag.HAS_THREAD)
        if self._text(message) != text:
            self._mention(message, draft.pinging)
        message.edited = self.clock.stamp()
        if message.seen_by is None:
            self._tell_message("MESSAGE_UPDATE", message)
        self.bell.ring()

    def unfurl(self, message: Message, embed: Json) -> None:
        """Discord adds a preview of a link on its own: a MESSAGE_UPDATE that is no edit."""
        message.embeds = [*message.embeds, embed]
        self._tell_message("MESSAGE_UPDATE", message)

    def delete(self, message: Message) -> None:
        """Remove a message. The event tells no more than its id: not whose it was, not what it said."""
        message.deleted = True
        if message.channel.by_id.pop(message.id, None) is None:
            self.bell.ring()
            return
        payload = {"id": str(message.id), "channel_id": str(message.channel.id)}
        if message.channel.guild is not None:
            payload["guild_id"] = str(message.channel.guild.id)
        intent = Intent.GUILD_MESSAGES if message.channel.guild else Intent.DIRECT_MESSAGES
        self.tell("MESSAGE_DELETE", payload, intent=intent, place=message.channel)

    def bulk_delete(self, channel: Channel, messages: list[Message]) -> None:
        for message in messages:
            message.deleted = True
            channel.by_id.pop(message.id, None)
        payload = {
            "ids": [str(message.id) for message in messages],
            "channel_id": str(channel.id),
            "guild_id": str(channel.guild.id) if channel.guild else None,
        }
        self.tell("MESSAGE_DELETE_BULK", payload, intent=Intent.GUILD_MESSAGES, place=channel)

    def react(self, message: Message, user: User, emoji: str) -> None:
        users = message.reactions.setdefault(emoji, [])
        if user not in users:
            users.append(user)
            self._tell_reaction("MESSAGE_REACTION_ADD", message, user, emoji)

    def unreact(self, message: Message, user: User, emoji: str) -> None:
        users = message.reactions.get(emoji, [])
        if user in users:
            users.remove(user)
            if not users:
                del message.reactions[emoji]
            self._tell_reaction("MESSAGE_REACTION_REMOVE", message, user, emoji)

    def _tell_reaction(self, event: str, message: Message, user: User, emoji: str) -> None:
        payload: Json = {
            "user_id": str(user.id),
            "channel_id": str(message.channel.id),
            "message_id": str(message.id),
            "emoji": payloads.emoji(emoji),
            "burst": False,
            "type": 0,
        }
        guild = message.channel.guild
        if guild is not None:
            payload["guild_id"] = str(guild.id)
            if event == "MESSAGE_REACTION_ADD":
                payload["member"] = payloads.member(guild.by_id[user.id])
                payload["message_author_id"] = str(message.author.id)
        intent = Intent.GUILD_MESSAGE_REACTIONS if guild else Intent.DIRECT_MESSAGE_REACTIONS
        self.tell(event, payload, intent=intent, place=message.channel)

    def _attachments(self, draft: Draft, before: list[Attachment]) -> list[Attachment]:
        kept = {one.id: one for one in before}
        found = []
        for one in draft.attached or ():
            if one.kept is not None:
                found.append(kept[one.kept])
            elif one.upload is not None:
                found.append(self.upload(one.upload, one.filename, one.description))
        return found

    def upload(self, file: Upload, name: str = "", description: str = "") -> Attachment:
        """Keep a file, so that it can be fetched from its URL."""
        kept = Attachment(self.ids.next(), name or file.filename, file.data, description)
        self.files[kept.id] = kept
        return kept

    def _text(self, message: Message) -> str:
        """All of a message in which a mention pings: its content, or the texts of its layout."""
        texts = (one["content"] for one in walk(message.components) if one["type"] == Kind.TEXT)
        return "\n".join([message.content, *texts])

    def _mention(self, message: Message, pinging: Pinging) -> None:
        """Whom a message mentions, as far as `allowed_mentions` and its author's permissions let it."""
        text = pingable(self._text(message))
        may = ALL if message.channel.guild is None else message.channel.permissions(message.author)
        guild = message.channel.guild
        ids = dict.fromkeys(int(one) for one in USER_MENTION.findall(text))
        named = [one for one in ids if pinging.all_users or one in pinging.users]
        message.mentions = [self.users[one] for one in named if one in self.users]
        roles = {role.id: role for role in guild.roles} if guild else {}
        message.mention_roles = [
            roles[one]
            for one in dict.fromkeys(int(found) for found in ROLE_MENTION.findall(text))
            if one in roles
            and (pinging.all_roles or one in pinging.roles)
            and (roles[one].mentionable or may & Perm.MENTION_EVERYONE)
        ]
        broadcast = "@everyone" in text or "@here" in text
        message.mention_everyone = bool(broadcast and guild and pinging.everyone and may & Perm.MENTION_EVERYONE)
        answered = message.reply_to
        message.replied_user = False
        if message.type == REPLY and answered is not None and pinging.replied_user:
            message.replied_user = answered.author not in message.mentions
            if message.replied_user and answered.author is not message.author:
                message.mentions.append(answered.author)
