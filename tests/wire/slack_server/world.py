"""The state of the server. Whatever changes it does so here, and the bot hears of it from here."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from . import block_kit, payloads
from .clock import Clock, Ids, seconds
from .deliveries import Deliveries, Delivery
from .errors import Json, SlackError, bad_arguments, bad_blocks
from .interactions import Interactions
from .limits import Limits
from .member import Member
from .model import SLACKBOT, Channel, Guest, Kind, Message, Ping, Team, User
from .sockets import Sockets
from .views import View, check_view
from .waiting import Bell
from .writing import as_blocks, as_text, mentioned, named

TEXT: Final = 40_000
"""Characters after which a text is cut off. https://docs.slack.dev/reference/methods/chat.postMessage#truncating"""

_KINDS: Final = ("channels", "groups", "im", "mpim")

SCOPES: Final = frozenset(
    {
        *(f"{kind}:{what}" for kind in _KINDS for what in ("history", "read")),
        *("app_mentions:read", "channels:join", "channels:manage", "chat:write", "commands", "files:write"),
        *("groups:write", "im:write", "mpim:write", "reactions:read", "reactions:write", "team:read", "users:read"),
    }
)
"""What the app has unless a test gives it less; all that the methods here ask for but `chat:write.public`."""

EVENTS: Final = frozenset(
    {
        *(f"message.{kind}" for kind in _KINDS),
        *(f"{kind}_{what}" for kind in ("channel", "group") for what in ("archive", "unarchive", "deleted", "rename")),
        *("app_mention", "app_home_opened", "app_uninstalled", "tokens_revoked", "channel_left", "group_left"),
        *("member_joined_channel", "member_left_channel", "reaction_added", "reaction_removed", "user_change"),
    }
)
"""What the app has subscribed to unless a test gives it less."""

_PLURAL: Final = dict(zip((Kind.PUBLIC, Kind.PRIVATE, Kind.DIRECT, Kind.GROUP), _KINDS, strict=True))


@dataclass(slots=True)
class App:
    """The app as its manifest has it."""

    id: str
    name: str
    app_token: str
    signing_secret: str
    events: frozenset[str]
    commands: frozenset[str] | None
    """Its slash commands; None lets people call any."""
    home: bool = True
    """Whether it has a Home tab."""
    escape: bool = False
    """`should_escape` of its commands: whether mentions in their text come as `<@U…|name>`."""
    verification: str = "verification"
    app_token_revoked: bool = False


@dataclass(slots=True)
class Content:
    """What a message says, checked."""

    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    names: bool = False
    """Whether names in the text are looked up (`link_names`, `parse=full`)."""


class World:
    """Everything that there is."""

    def __init__(self, clock: Clock, app: App) -> None:
        self.clock = clock
        self.app = app
        self.ids = Ids()
        self.bell = Bell()
        self.host = ""
        self.teams: dict[str, Team] = {}
        self.pings: list[Ping] = []
        self.complaints: list[str] = []
        self.files: dict[str, Json] = {}
        self.looked_through_after = 0
        """How often a file is not known yet after its upload, when a message or view is to show it."""
        self.scopes: frozenset[str] = SCOPES
        self.limits = Limits()
        self.deliveries = Deliveries(clock, self.bell)
        self.interactions = Interactions(self)
        self.sockets = Sockets(self)
        self.deliveries.transport = self.sockets

    def complain(self, sentence: str) -> None:
        """Write down what a client did that Slack does not take, and cannot answer with an error."""
        self.complaints.append(sentence)
        self.bell.ring()

    def response_url(self, token: str) -> str:
        return f"{self.host}/response/{token}"

    # --- workspaces and people ----------------------------------------------------------------------------------

    def make_team(self, name: str) -> Team:
        identity = self.ids.next("T")
        token = f"xoxb-{len(self.teams) + 1}-{secrets.token_hex(8)}"
        domain = name.lower().replace(" ", "-")
        team = Team(self, identity, name, domain, self.ids.next("B"), token, self.scopes)
        team.bot = User(team, self.ids.next("U"), self.app.name, bot=True)
        team.users[team.bot.id] = team.bot
        team.founder = Member(team, self.ids.next("U"), "founder", owner=True)
        team.users[team.founder.id] = team.founder
        self.teams[team.id] = team
        return team

    def make_member(
        self, team: Team, name: str, *, admin: bool, owner: bool, guest: Guest, tz: str, locale: str
    ) -> Member:
        member = Member(team, self.ids.next("U"), name, tz=tz, admin=admin, owner=owner, guest=guest, locale=locale)
        team.users[member.id] = member
        if guest is Guest.NO:
            for channel in team.channels.values():
                if channel.kind is Kind.PUBLIC and not channel.archived and not channel.deleted:
                    channel.members[member.id] = member  # as if they had been there all along: nothing tells of it
        return member

    def people(self, team: Team) -> list[Member]:
        return [one for one in team.users.values() if isinstance(one, Member)]

    def deactivate(self, user: User) -> None:
        user.deactivated = True
        for channel in self.channels(user.team):
            if channel.kind is not Kind.DIRECT:
                channel.members.pop(user.id, None)
        self.emit(user.team, {"type": "user_change", "user": payloads.user(user, self.clock.now)}, "user_change")

    def uninstall(self, team: Team) -> None:
        self.emit(team, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [team.bot.id]}}, "tokens_revoked")
        self.emit(team, {"type": "app_uninstalled"}, "app_uninstalled")
        team.installed = False

    def revoke(self, team: Team) -> None:
        self.emit(team, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [team.bot.id]}}, "tokens_revoked")
        team.revoked = True

    # --- channels -----------------------------------------------------------------------------------------------

    def channels(self, team: Team) -> Iterator[Channel]:
        return (one for one in list(team.channels.values()) if not one.deleted)

    def make_channel(self, team: Team, name: str, kind: Kind, *, bot: bool) -> Channel:
        identity = self.ids.next("D" if kind is Kind.DIRECT else "C")
        channel = Channel(team, identity, kind, name, created=seconds(self.clock.stamp()))
        team.channels[channel.id] = channel
        members = [one for one in team.users.values() if not one.bot and one.guest is Guest.NO]
        if kind in (Kind.PUBLIC, Kind.PRIVATE):
            channel.members = {one.id: one for one in members if not one.deactivated}
            if bot:
                channel.members[team.bot.id] = team.bot
        return channel

    def direct(self, team: Team, people: Iterable[User]) -> Channel:
        """The direct messages of these people, the bot among them."""
        wanted = {one.id: one for one in people}
        kind = Kind.DIRECT if len(wanted) == 2 else Kind.GROUP
        for channel in self.channels(team):
            if channel.kind is kind and set(channel.members) == set(wanted):
                return channel
        name = "" if kind is Kind.DIRECT else f"mpdm-{'--'.join(sorted(one.name for one in wanted.values()))}-1"
        channel = self.make_channel(team, name, kind, bot=False)
        channel.members = wanted
        return channel

    def join(self, channel: Channel, user: User, by: User | None = None) -> None:
        if user.id in channel.members:
            return
        channel.members[user.id] = user
        event: Json = {
            "type": "member_joined_channel",
            "user": user.id,
            "channel": channel.id,
            "channel_type": "C" if channel.kind is Kind.PUBLIC else "G",
            "team": channel.team.id,
        }
        if by is not None:
            event["inviter"] = by.id
        self.emit(channel.team, event, "member_joined_channel", channel)
        words = f"<@{user.id}> has joined the {'channel' if channel.kind is Kind.PUBLIC else 'group'}"
        subtype = "channel_join" if channel.kind is Kind.PUBLIC else "group_join"
        self.post(channel, user, Content(words), subtype=subtype)

    def leave(self, channel: Channel, user: User) -> None:
        if user.id not in channel.members:
            return
        kind = "C" if channel.kind is Kind.PUBLIC else "G"
        event: Json = {"type": "member_left_channel", "user": user.id, "channel": channel.id, "channel_type": kind}
        self.emit(channel.team, event | {"team": channel.team.id}, "member_left_channel", channel)
        del channel.members[user.id]
        if user is channel.team.bot:
            name = "channel_left" if channel.kind is Kind.PUBLIC else "group_left"
            event = {"type": name, "channel": channel.id, "actor_id": channel.team.founder.id}
            self.emit(channel.team, event, name)

    def archive(self, channel: Channel, *, archived: bool) -> None:
        channel.archived = archived
        word = "archive" if archived else "unarchive"
        event = {"type": self._prefixed(channel, word), "channel": channel.id, "user": channel.team.founder.id}
        self.emit(channel.team, event, event["type"], channel, known=True)

    def rename(self, channel: Channel, name: str) -> None:
        channel.name = name
        about = {"id": channel.id, "name": name, "created": channel.created, "name_normalized": name}
        kind = self._prefixed(channel, "rename")
        self.emit(channel.team, {"type": kind, "channel": about}, kind, channel, known=True)

    def delete_channel(self, channel: Channel) -> None:
        kind = self._prefixed(channel, "deleted")
        event = {"type": kind, "channel": channel.id, "actor_id": channel.team.founder.id}
        self.emit(channel.team, event, kind, channel, known=True)
        channel.deleted = True

    def _prefixed(self, channel: Channel, word: str) -> str:
        return f"{'channel' if channel.kind is Kind.PUBLIC else 'group'}_{word}"

    # --- messages -----------------------------------------------------------------------------------------------

    def content(self, arguments: Json, *, may_be_empty: bool = False) -> Content:
        """What the arguments of a message say; raises `no_text`, `invalid_blocks` and so on."""
        text = arguments.get("text")
        if text is not None and not isinstance(text, str):
            raise SlackError("invalid_arguments")
        blocks = _listed(arguments.get("blocks"), "invalid_blocks_format")
        attachments = _listed(arguments.get("attachments"), "invalid_attachments")
        markdown = arguments.get("markdown_text")
        if markdown is not None:
            if text or blocks:
                raise SlackError("markdown_text_conflict")
            if len(str(markdown)) > 12_000:
                raise SlackError("msg_too_long")
            text = str(markdown)
        if blocks:
            block_kit.check_message(blocks)
            if unknown := self._unknown_files(blocks):
                raise bad_blocks(unknown)
        if len(attachments) > 100:
            raise SlackError("too_many_attachments")
        if not blocks and not attachments and not (text or "").strip() and not may_be_empty:
            raise SlackError("no_text")
        names = str(arguments.get("link_names", "")).lower() in ("1", "true") or arguments.get("parse") == "full"
        kept = block_kit.completed(blocks, lambda: secrets.token_urlsafe(4))
        return Content((text or "")[:TEXT], kept, attachments, names)

    def _unknown_files(self, blocks: list[Json]) -> list[str]:
        """What is said of images whose files were never uploaded, or only just now: Slack looks through them first."""
        sentences = []
        for pointer, image in block_kit.pictures_of(blocks):
            file = self.files.get(str((image.get("slack_file") or {}).get("id")))
            if "slack_file" not in image or (file and file["completed"] and not file["waits"]):
                continue
            if file and file["completed"]:
                file["waits"] -= 1
            sentences.append(f"invalid slack file [json-pointer:{pointer}/slack_file]")
        return sentences

    def post(
        self,
        channel: Channel,
        user: User,
        content: Content,
        *,
        thread_ts: str | None = None,
        broadcast: bool = False,
        metadata: Json | None = None,
        seen_by: Member | None = None,
        subtype: str | None = None,
        by_app: bool = False,
        files: Iterable[Json] = (),
        unfurl: dict[str, bool] | None = None,
        witnessed: bool = True,
    ) -> Message:
        message = Message(
            channel,
            self.clock.ts(),
            user,
            content.text,
            content.blocks,
            content.attachments,
            thread_ts=thread_ts,
            broadcast=broadcast,
            metadata=metadata,
            files=list(files),
            subtype=subtype,
            seen_by=seen_by,
            by_app=by_app,
            client_msg_id=None if by_app or subtype else secrets.token_hex(16),
            unfurl=unfurl or {},
        )
        if by_app:
            self._notify(message, content.names)
        if seen_by is not None:
            seen_by.ephemerals.append(message)
        else:
            channel.by_ts[message.ts] = message
            self._tell_message(message)
        if by_app and witnessed:
            self.interactions.witness(message)
        self.bell.ring()
        return message

    def say(
        self, channel: Channel, user: User, typed: str, *, thread_ts: str | None, broadcast: bool, files: list[Json]
    ) -> Message:
        content = Content(as_text(typed), as_blocks(typed, secrets.token_urlsafe(4)) if typed else [])
        return self.post(
            channel,
            user,
            content,
            thread_ts=thread_ts,
            broadcast=broadcast,
            subtype="file_share" if files else None,
            files=files,
        )

    def edit(self, message: Message, content: Content, *, metadata: Json | None = None, silent: bool = False) -> None:
        """Say a message anew. `silent`: an ephemeral message, of which no event tells."""
        before = payloads.message(message)
        message.text, message.blocks, message.attachments = content.text, content.blocks, content.attachments
        if metadata is not None:
            message.metadata = metadata or None
        if not silent:
            message.edited = self.clock.ts()
            self._changed(message, before)
        if message.by_app:
            self.interactions.witness(message)
        self.bell.ring()

    def retype(self, message: Message, typed: str) -> None:
        self.edit(message, Content(as_text(typed), as_blocks(typed, secrets.token_urlsafe(4)), message.attachments))

    def unfold(self, message: Message) -> None:
        before = payloads.message(message)
        preview = {"id": 1, "from_url": "https://example.org", "fallback": "A page", "title": "A page"}
        message.attachments = [*message.attachments, preview]
        self._changed(message, before)

    def delete(self, message: Message, *, by: User) -> None:
        before = payloads.message(message)
        message.deleted = True
        if message.seen_by is not None:
            message.seen_by.ephemerals.remove(message)
        elif message.replies:
            message.subtype, message.text, message.blocks = "tombstone", "This message was deleted.", []
            message.by_app, message.reactions, message.attachments = False, {}, []
            message.user = User(message.channel.team, SLACKBOT, "slackbot", bot=True)
            self._changed(message, before)
        else:
            del message.channel.by_ts[message.ts]
            stamp = self.clock.ts()
            event: Json = {
                "type": "message",
                "subtype": "message_deleted",
                "hidden": True,
                "ts": stamp,
                "deleted_ts": message.ts,
                "previous_message": before,
            }
            self._emit_message(message.channel, event)
            parent = message.channel.by_ts.get(str(message.thread_ts))
            if parent is not None and parent.tombstone and not parent.replies:
                del message.channel.by_ts[parent.ts]
        self.bell.ring()

    def react(self, message: Message, user: User, name: str) -> None:
        users = message.reactions.setdefault(name, [])
        if user in users:
            raise SlackError("already_reacted")
        users.append(user)
        self._reaction("reaction_added", message, user, name)
        if user is message.channel.team.bot:
            self.interactions.witness(message)

    def unreact(self, message: Message, user: User, name: str) -> None:
        users = message.reactions.get(name, [])
        if user not in users:
            raise SlackError("no_reaction")
        users.remove(user)
        if not users:
            del message.reactions[name]
        self._reaction("reaction_removed", message, user, name)

    def _reaction(self, kind: str, message: Message, user: User, name: str) -> None:
        event = {
            "type": kind,
            "user": user.id,
            "reaction": name,
            "item": {"type": "message", "channel": message.channel.id, "ts": message.ts},
            "item_user": message.user.id,
        }
        self.emit(message.channel.team, event, kind, message.channel)
        self.bell.ring()

    def _notify(self, message: Message, names: bool) -> None:
        team = message.channel.team
        people = {user.id: user.name for user in team.users.values()}
        found = [people.get(who, who) for who in mentioned(message.text, message.blocks, message.attachments)]
        found = [who for who in found if who in people.values() or who.startswith("@")]
        if names:
            found += [who for who in named(message.text) if who in people.values() or who.startswith("@")]
        self.pings += [Ping(who, message) for who in dict.fromkeys(found)]

    def _tell_message(self, message: Message) -> None:
        channel = message.channel
        event = payloads.message(message, metadata=True)
        for key in ("reply_count", "reply_users_count", "reply_users", "latest_reply", "is_locked", "subscribed"):
            event.pop(key, None)
        if message.broadcast:
            parent = channel.by_ts[str(message.thread_ts)]
            event |= {"subtype": "thread_broadcast", "root": payloads.message(parent)}
        self._emit_message(channel, event)
        is_mention = channel.team.bot.id in mentioned(message.text, [])
        if is_mention and not message.by_app and channel.kind is not Kind.DIRECT and not message.subtype:
            mention = {key: value for key, value in event.items() if key not in ("subtype", "root", "parent_user_id")}
            mention |= {"type": "app_mention", "channel": channel.id}
            self.emit(channel.team, mention, "app_mention", channel, stamp=message.ts)

    def _changed(self, message: Message, before: Json) -> None:
        event: Json = {
            "type": "message",
            "subtype": "message_changed",
            "message": payloads.message(message),
            "previous_message": before,
            "hidden": True,
            "ts": self.clock.ts(),
        }
        self._emit_message(message.channel, event)

    def _emit_message(self, channel: Channel, event: Json) -> None:
        event |= {"channel": channel.id, "channel_type": channel.kind.value}
        self.emit(channel.team, event, f"message.{_PLURAL[channel.kind]}", channel, stamp=event["ts"])

    # --- views --------------------------------------------------------------------------------------------------

    def view_content(self, view: Any, *kinds: str, team: Team | None = None, instead_of: View | None = None) -> Json:
        """A checked view with its ids filled in; raises `invalid_arguments`, `duplicate_external_id` and so on."""
        content = dict(check_view(view, *kinds))
        if unknown := self._unknown_files(content["blocks"]):
            raise bad_arguments(unknown)
        external = content.get("external_id")
        for one in self.open_views(team):
            if external and one is not instead_of and one.content.get("external_id") == external:
                raise SlackError("duplicate_external_id")
        content["blocks"] = block_kit.completed(content["blocks"], lambda: secrets.token_urlsafe(4))
        return content

    def open_views(self, team: Team | None = None) -> Iterator[View]:
        for one in [team] if team else self.teams.values():
            for member in self.people(one):
                yield from member.modals
                yield from [member.home] if member.home else []

    def new_view(self, owner: Member, content: Json, upon: View | None = None) -> View:
        identity = self.ids.next("V")
        return View(
            identity,
            owner,
            content,
            self._hash(),
            root_id=upon.root_id if upon else identity,
            previous_id=upon.id if upon else None,
        )

    def change_view(self, view: View, content: Any) -> View:
        """Put other content into a view; what stood in its fields stays where the ids stay."""
        view.content = self.view_content(content, view.type, team=view.team, instead_of=view)
        view.hash = self._hash()
        self.bell.ring()
        return view

    def publish(self, owner: Member, content: Json) -> View:
        if owner.home is None:
            owner.home = self.new_view(owner, content)
        else:
            owner.home.content, owner.home.hash = content, self._hash()
        self.interactions.witness_view(owner.home)
        self.bell.ring()
        return owner.home

    def _hash(self) -> str:
        return f"{self.clock.ts().split('.')[0]}.{secrets.token_urlsafe(6)}"

    # --- events -------------------------------------------------------------------------------------------------

    def emit(
        self,
        team: Team,
        event: Json,
        subscription: str,
        channel: Channel | None = None,
        *,
        known: bool = False,
        stamp: str | None = None,
    ) -> None:
        """Tell the bot, if it is there, has subscribed, and is in the channel, or `known`: the channel is public."""
        if not team.installed or subscription not in self.app.events:
            return
        open_to_all = known and channel is not None and channel.kind is Kind.PUBLIC
        if channel is not None and not channel.has_bot and not open_to_all:
            return
        now = self.clock.now
        authorization = {"enterprise_id": None, "team_id": team.id, "user_id": team.bot.id}
        payload: Json = {
            "token": self.app.verification,
            "team_id": team.id,
            "context_team_id": team.id,
            "context_enterprise_id": None,
            "api_app_id": self.app.id,
            "event": {**event, "event_ts": stamp or self.clock.ts()},
            "type": "event_callback",
            "event_id": self.ids.next("Ev"),
            "event_time": seconds(now),
            "authorizations": [{**authorization, "is_bot": True, "is_enterprise_install": False}],
            "is_ext_shared_channel": False,
            "event_context": f"4-{secrets.token_hex(8)}",
        }
        self.deliveries.add(Delivery("events_api", json.loads(json.dumps(payload)), team))

    def age(self, ts: str) -> timedelta:
        """How long ago a message was posted."""
        return self.clock.now - datetime.fromtimestamp(float(ts), self.clock.now.tzinfo)


def _listed(value: Any, error: str) -> list[Json]:
    """A list that came as such or, in a form or a query, as JSON."""
    if value in (None, ""):
        return []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise SlackError(error) from None
    if not isinstance(value, list):
        raise SlackError(error)
    return value
