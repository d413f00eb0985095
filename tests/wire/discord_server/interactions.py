"""Commands, buttons and forms: what the bot is sent, what it may answer, and what the member then sees.

https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, Final

from . import payloads
from .commands import Option, read_choice
from .components import Kind, check_form, numbered
from .errors import ApiError, Json, Node, Refusal
from .intents import ALWAYS
from .messages import BY_DEFAULT_IN_ANSWERS, Draft, Flag, Upload, fresh, read_edit, read_message
from .model import Channel, Message

if TYPE_CHECKING:
    from .member import Member
    from .world import World

DEADLINE: Final = timedelta(seconds=3)
LIFETIME: Final = timedelta(minutes=15)


class Act(IntEnum):
    """The types of interactions."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    FORM = 5


class Callback(IntEnum):
    """The types of first answers."""

    PONG = 1
    MESSAGE = 4
    DEFERRED = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    FORM = 9


_MAY: Final[Mapping[Act, frozenset[Callback]]] = {
    Act.COMMAND: frozenset({Callback.MESSAGE, Callback.DEFERRED, Callback.FORM}),
    Act.COMPONENT: frozenset(
        {Callback.MESSAGE, Callback.DEFERRED, Callback.DEFERRED_UPDATE, Callback.UPDATE, Callback.FORM}
    ),
    Act.AUTOCOMPLETE: frozenset({Callback.CHOICES}),
    Act.FORM: frozenset({Callback.MESSAGE, Callback.DEFERRED}),
}
"""A form cannot answer a form. One that a button opened may update the button's message besides."""

_FLAGS: Final = Flag.SUPPRESS_EMBEDS | Flag.EPHEMERAL | Flag.SUPPRESS_NOTIFICATIONS | Flag.LAYOUT

NO_ANSWER: Final = "The application did not respond"
FORM_FAILED: Final = "Something went wrong. Try again."


class Stage(Enum):
    WAITING = "waiting"
    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Field:
    """One place of a form that a member fills in."""

    label: str
    custom_id: str
    kind: Kind
    required: bool
    component: Json = field(repr=False)

    @property
    def value(self) -> Any:
        """What stands in it when it opens."""
        return self.component.get("value", "")


@dataclass(frozen=True, slots=True)
class Form:
    """A form (modal) that opened before a member."""

    title: str
    custom_id: str
    components: list[Json] = field(repr=False)
    opened_by: Interaction = field(repr=False)

    @property
    def fields(self) -> list[Field]:
        found = []
        for top in self.components:
            inner = top["component"] if top["type"] == Kind.LABEL else (top.get("components") or [None])[0]
            if inner is not None:
                label = top["label"] if top["type"] == Kind.LABEL else inner["label"]
                kind = Kind(inner["type"])
                required = inner.get("required", kind is not Kind.CHECKBOX)
                found.append(Field(label, inner["custom_id"], kind, bool(required), inner))
        return found

    @property
    def texts(self) -> list[str]:
        """What stands in it to be read."""
        return [top["content"] for top in self.components if top["type"] == Kind.TEXT]


@dataclass(eq=False, slots=True)
class Interaction:
    """One act of a member, and, as it comes in, what they see of the bot's answer."""

    id: int
    token: str = field(repr=False)
    act: Act
    member: Member
    channel: Channel
    made: datetime
    world: World = field(repr=False)
    on: Message | None = None
    """The message whose button was pressed, or from whose button the form was opened."""
    slash: bool = True
    completes: Option | None = None
    """The type of the option that an autocomplete is about."""
    stage: Stage = Stage.WAITING
    callback: Callback | None = None
    answer: Message | None = None
    """The first answer, `@original`; after an update, the message that was updated."""
    followups: list[Message] = field(default_factory=list)
    form: Form | None = None
    choices: list[Json] = field(default_factory=list)

    @property
    def error(self) -> str | None:
        """What the member is shown when no answer came in three seconds."""
        if self.stage is not Stage.FAILED:
            return None
        return FORM_FAILED if self.act is Act.FORM else NO_ANSWER

    @property
    def loading(self) -> bool:
        """Whether the member sees that the bot is thinking."""
        return self.answer is not None and bool(self.answer.flags & Flag.LOADING) and not self.answer.deleted

    @property
    def settled(self) -> bool:
        """Whether the member sees what they are going to see: an answer, a form, a failure."""
        return self.stage is Stage.FAILED or (self.stage is Stage.ANSWERED and not self.loading)

    @property
    def seen(self) -> list[Message]:
        """The messages that came of it and are still there, in order."""
        first = [self.answer] if self.answer is not None and self.callback in _NEW else []
        return [message for message in (*first, *self.followups) if not message.deleted]

    @property
    def ephemeral(self) -> bool:
        return self.answer is not None and self.answer.ephemeral

    @property
    def text(self) -> str:
        """The words of all messages that came of it: content, then embeds from title to footer."""
        return "\n".join(words_of(message) for message in self.seen)


_NEW: Final = (Callback.MESSAGE, Callback.DEFERRED)


def words_of(message: Message) -> str:
    """What a message says, its embeds' words included, one piece a line."""
    lines = [message.content]
    for embed in message.embeds:
        lines += [embed.get("title", ""), embed.get("description", "")]
        for one in embed.get("fields", []):
            lines += [one["name"], one["value"]]
        lines.append((embed.get("footer") or {}).get("text", ""))
    return "\n".join(line for line in lines if line)


class Interactions:
    """All interactions, by token."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._by_token: dict[str, Interaction] = {}

    @property
    def all(self) -> list[Interaction]:
        return list(self._by_token.values())

    def begin(
        self,
        act: Act,
        member: Member,
        channel: Channel,
        data: Json,
        *,
        on: Message | None = None,
        slash: bool = True,
        completes: Option | None = None,
    ) -> Interaction:
        """Send the bot an interaction. From now on it has three seconds."""
        world = self._world
        identity = world.ids.next()
        interaction = Interaction(
            identity, secrets.token_urlsafe(24), act, member, channel, world.clock.now, world, on, slash, completes
        )
        self._by_token[interaction.token] = interaction
        world.clock.at(interaction.made + DEADLINE, lambda: self._give_up(interaction))
        world.tell("INTERACTION_CREATE", self._payload(interaction, data), intent=ALWAYS, guild=channel.guild)
        return interaction

    def _payload(self, interaction: Interaction, data: Json) -> Json:
        world, member, channel = self._world, interaction.member, interaction.channel
        guild = channel.guild
        payload: Json = {
            "id": str(interaction.id),
            "application_id": str(world.application.id),
            "type": int(interaction.act),
            "token": interaction.token,
            "version": 1,
            "data": data,
            "channel_id": str(channel.id),
            "channel": payloads.resolved_channel(channel, member.user, world.bot),
            "locale": "en-US",
            "app_permissions": str(int(channel.permissions(world.bot))),
            "entitlements": [],
            "attachment_size_limit": 10 * 2**20,
            "authorizing_integration_owners": {"0": str(guild.id) if guild else "0"},
            "context": 0 if guild else 1,
        }
        if guild is None:
            payload["user"] = payloads.user(member.user)
        else:
            permissions = str(int(channel.permissions(member.user)))
            payload["member"] = payloads.member(member) | {"permissions": permissions}
            payload["guild_id"] = str(guild.id)
            payload["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": []}
            payload["guild_locale"] = guild.locale
        if interaction.on is not None:
            payload["message"] = world.in_rest(interaction.on)
        return payload

    def _give_up(self, interaction: Interaction) -> None:
        if interaction.stage is Stage.WAITING:
            interaction.stage = Stage.FAILED
            self._world.bell.ring()

    # --- the first answer ---------------------------------------------------------------------------------------

    def respond(self, identity: int, token: str, body: Json, uploads: Sequence[Upload]) -> Json:
        """`POST /interactions/{id}/{token}/callback`. What it answers to `with_response`."""
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != identity or interaction.stage is Stage.FAILED:
            raise ApiError(Refusal.UNKNOWN_INTERACTION)
        if interaction.stage is Stage.ANSWERED:
            raise ApiError(Refusal.ALREADY_ACKNOWLEDGED)
        node = fresh(body)
        may = _MAY[interaction.act]
        if interaction.act is Act.FORM and interaction.on is not None:
            may |= {Callback.UPDATE, Callback.DEFERRED_UPDATE}
        kind = node.at("type").one_of(sorted(may), required=True)
        node.problems.settle()
        callback = Callback(kind)
        data = node.at("data")
        if data.absent:
            data = Node({}, node.problems, data.path)
        self._answer(interaction, callback, data, uploads)
        interaction.callback = callback
        interaction.stage = Stage.ANSWERED
        self._world.bell.ring()
        return self._response(interaction, callback)

    def _answer(self, interaction: Interaction, callback: Callback, data: Node, uploads: Sequence[Upload]) -> None:
        match callback:
            case Callback.MESSAGE:
                draft = read_message(data, uploads, by_default=BY_DEFAULT_IN_ANSWERS, allowed=_FLAGS)
                interaction.answer = self._post(interaction, draft, reply_to=interaction.on)
            case Callback.DEFERRED:
                flags = Flag(data.at("flags").integer(0, 2**31 - 1))
                if flags & ~Flag.EPHEMERAL:
                    data.at("flags").fail("BASE_TYPE_CHOICES", "A deferred answer can only be EPHEMERAL (64).")
                data.problems.settle()
                draft = Draft(flags=flags | Flag.LOADING)
                interaction.answer = self._post(interaction, draft, reply_to=interaction.on)
            case Callback.DEFERRED_UPDATE:
                interaction.answer = interaction.on
            case Callback.UPDATE:
                interaction.answer = interaction.on
                if interaction.on is not None:
                    self._edit(interaction.on, data, uploads)
            case Callback.CHOICES:
                for choice in data.at("choices").items(25, required=True):
                    read_choice(choice, interaction.completes or Option.STRING)
                data.problems.settle()
                interaction.choices = list(data.at("choices").value)
            case Callback.FORM:
                check_form(data)
                data.problems.settle()
                form = data.value
                interaction.form = Form(form["title"], form["custom_id"], numbered(form["components"]), interaction)

    def _response(self, interaction: Interaction, callback: Callback) -> Json:
        answer = interaction.answer
        about: Json = {"id": str(interaction.id), "type": int(interaction.act)}
        resource: Json = {"type": int(callback)}
        if answer is not None and callback in (*_NEW, Callback.UPDATE):
            about["response_message_id"] = str(answer.id)
            about["response_message_loading"] = interaction.loading
            about["response_message_ephemeral"] = answer.ephemeral
            if callback is not Callback.DEFERRED:
                resource["message"] = self._world.in_rest(answer)
        return {"interaction": about, "resource": resource}

    # --- what comes after ---------------------------------------------------------------------------------------

    def open(self, application: int, token: str) -> Interaction:
        """The interaction of a webhook route. There is none before the first answer, and none after 15 minutes."""
        interaction = self._by_token.get(token)
        if application != self._world.application.id or interaction is None:
            raise ApiError(Refusal.UNKNOWN_WEBHOOK)
        if self._world.clock.now > interaction.made + LIFETIME:
            raise ApiError(Refusal.BAD_WEBHOOK_TOKEN)
        if interaction.stage is not Stage.ANSWERED:
            raise ApiError(Refusal.UNKNOWN_WEBHOOK)
        return interaction

    def follow_up(self, interaction: Interaction, body: Json, uploads: Sequence[Upload]) -> Message:
        """A further message. The first one after a deferral fills in the answer instead, whatever its flags say."""
        draft = read_message(fresh(body), uploads, by_default=BY_DEFAULT_IN_ANSWERS, allowed=_FLAGS)
        if interaction.loading and interaction.answer is not None:
            self._edit(interaction.answer, fresh(body), uploads)
            return interaction.answer
        message = self._post(interaction, draft, reply_to=interaction.answer)
        interaction.followups.append(message)
        self._world.bell.ring()
        return message

    def find(self, interaction: Interaction, which: str) -> Message:
        """`@original`, or a follow-up by its id."""
        if which == "@original":
            message = interaction.answer
        else:
            mine = [interaction.answer, *interaction.followups]
            message = next((one for one in mine if one is not None and str(one.id) == which), None)
        if message is None or message.deleted:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return message

    def edit(self, message: Message, body: Json, uploads: Sequence[Upload]) -> None:
        self._edit(message, fresh(body), uploads)

    def _edit(self, message: Message, node: Node, uploads: Sequence[Upload]) -> None:
        draft = read_edit(
            node,
            uploads,
            flags=message.flags & ~Flag.LOADING,
            files={one.id: one.filename for one in message.attachments},
            by_default=BY_DEFAULT_IN_ANSWERS,
        )
        refuse_empty(message, draft)
        self._world.edit(message, draft)

    def _post(self, interaction: Interaction, draft: Draft, *, reply_to: Message | None) -> Message:
        member = interaction.member
        first = interaction.answer.id if interaction.answer else None
        if interaction.channel.deleted:
            raise ApiError(Refusal.UNKNOWN_CHANNEL)
        return self._world.post(
            interaction.channel,
            self._world.bot,
            draft,
            type=19 if reply_to is not None else 20 if interaction.slash else 23,
            interaction=payloads.interaction_metadata(interaction.id, interaction.act, member.user, first),
            seen_by=member.user if draft.flags & Flag.EPHEMERAL else None,
            reply_to=reply_to,
        )


def refuse_empty(message: Message, draft: Draft) -> None:
    """A message may not be edited into nothing."""
    left = (
        message.content if draft.content is None else draft.content,
        message.embeds if draft.embeds is None else draft.embeds,
        message.components if draft.components is None else draft.components,
        message.attachments if draft.attached is None else draft.attached,
    )
    if not any(left):
        raise ApiError(Refusal.EMPTY_MESSAGE)
