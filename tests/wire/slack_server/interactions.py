"""What people do with the bot, what they then see, and the two keys that each act gives the bot.

A `trigger_id` opens one modal within three seconds. A `response_url` takes five messages within thirty minutes.
https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from . import payloads
from .deliveries import Delivery
from .errors import Json, SlackError
from .model import Channel, Kind, Message
from .views import STACK, View

if TYPE_CHECKING:
    from .member import Member
    from .world import World

TRIGGER: Final = timedelta(seconds=3)
RESPONSE: Final = timedelta(minutes=30)
RESPONSES: Final = 5

TROUBLE: Final = "We had some trouble connecting. Try again?"
"""What a modal says when its submission was answered with something that it cannot show."""


class Act(Enum):
    """What a person did, by the name of its payload."""

    COMMAND = "slash_commands"
    ACTION = "block_actions"
    SUBMISSION = "view_submission"
    CLOSING = "view_closed"
    MESSAGE_SHORTCUT = "message_action"
    SHORTCUT = "shortcut"
    SUGGESTION = "block_suggestion"


@dataclass(eq=False, slots=True)
class Outcome:
    """One act, and what the person sees of it so far."""

    act: Act
    member: Member
    made: datetime
    channel: Channel | None = None
    message: Message | None = field(default=None, repr=False)
    """What it was done on."""
    view: View | None = field(default=None, repr=False)
    """What it was done in."""
    trigger_id: str = ""
    trigger_used: bool = False
    token: str = ""
    """Of its response_url."""
    responses: int = 0
    acknowledged: bool = False
    error: str | None = None
    """What the app says when the act failed: `operation_timeout`, `dispatch_failed`..."""
    shown: list[Message] = field(default_factory=list)
    """Messages of the bot that they see since, new or changed, oldest first."""
    views: list[View] = field(default_factory=list)
    """Modals and Home that they see since, opened or changed."""
    errors: dict[str, str] = field(default_factory=dict)
    """What stands under the fields of a form that was not taken, by their labels."""
    options: list[str] = field(default_factory=list)
    """What was offered for what they typed."""

    @property
    def settled(self) -> bool:
        """Whether there is something to see. A form that closes is something to see."""
        silent = self.act in (Act.SUBMISSION, Act.CLOSING, Act.SUGGESTION)
        return self.error is not None or (self.acknowledged and bool(silent or self.shown or self.views))

    @property
    def reply(self) -> Message | None:
        """The latest message that they see."""
        return self.shown[-1] if self.shown else None

    @property
    def text(self) -> str:
        return self.reply.text if self.reply else ""

    @property
    def words(self) -> str:
        return self.reply.words if self.reply else ""

    @property
    def ephemeral(self) -> bool:
        return self.reply is not None and self.reply.ephemeral

    @property
    def modal(self) -> View | None:
        """The modal that it opened or changed."""
        found = [one for one in self.views if one.type == "modal"]
        return found[-1] if found else None


class Interactions:
    """All acts, oldest first."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all: list[Outcome] = []
        self._triggers: dict[str, Outcome] = {}
        self._responses: dict[str, Outcome] = {}

    def begin(
        self,
        act: Act,
        member: Member,
        details: Json,
        *,
        channel: Channel | None = None,
        message: Message | None = None,
        view: View | None = None,
    ) -> Outcome:
        """Send an act to the bot. `details` is what its payload has of its own."""
        world = self._world
        outcome = Outcome(act, member, world.clock.stamp(), channel, message, view)
        self.all.append(outcome)
        if act not in (Act.CLOSING, Act.SUGGESTION):
            outcome.trigger_id = f"{len(self.all)}.{member.team.id[1:]}.{secrets.token_hex(16)}"
            self._triggers[outcome.trigger_id] = outcome
        if act in (Act.COMMAND, Act.MESSAGE_SHORTCUT) or (act is Act.ACTION and message is not None):
            outcome.token = secrets.token_urlsafe(18)
            self._responses[outcome.token] = outcome
        payload = self._command(outcome, details) if act is Act.COMMAND else self._payload(outcome, details)
        kind = "slash_commands" if act is Act.COMMAND else "interactive"

        def accept(answer: Any) -> None:
            outcome.acknowledged = True
            self._accept(outcome, answer)

        def fail(words: str) -> None:
            outcome.error = words

        world.deliveries.add(Delivery(kind, payload, member.team, accept, fail))
        return outcome

    def witness(self, message: Message) -> None:
        """A message of the bot is new or changed: whoever did something here last sees it as what came of it."""
        for member in {id(one.member): one.member for one in self.all}.values():
            sees = message.seen_by is member if message.ephemeral else member.id in message.channel.members
            mine = [one for one in self.all if one.member is member and one.channel in (None, message.channel)]
            if message.channel.kind is Kind.DIRECT:
                mine = [one for one in self.all if one.member is member]
            if sees and mine and message not in mine[-1].shown:
                mine[-1].shown.append(message)

    def witness_view(self, view: View) -> None:
        """A view is new or changed outside of an answer."""
        mine = [one for one in self.all if one.member is view.owner]
        if mine:
            mine[-1].views.append(view)

    # --- trigger_id ---------------------------------------------------------------------------------------------

    def trigger(self, trigger_id: object) -> Outcome:
        """The act of a trigger_id that opens something now."""
        outcome = self._triggers.get(trigger_id) if isinstance(trigger_id, str) else None
        if outcome is None:
            raise SlackError("invalid_trigger_id")
        if outcome.trigger_used:
            raise SlackError("exchanged_trigger_id")
        if self._world.clock.now - outcome.made > TRIGGER:
            raise SlackError("expired_trigger_id")
        return outcome

    def open(self, outcome: Outcome, content: Json) -> View:
        """Open a modal, in place of all that are open."""
        view = self._world.new_view(outcome.member, content)
        outcome.trigger_used = True
        for one in outcome.member.modals:
            one.closed = True
        outcome.member.modals[:] = [view]
        outcome.views.append(view)
        return view

    def push(self, outcome: Outcome, content: Json) -> View:
        """Lay a modal upon the one that the act was done in."""
        stack = outcome.member.modals
        if outcome.view is None or outcome.view not in stack:
            raise SlackError("not_found")
        if len(stack) >= STACK:
            raise SlackError("push_limit_reached")
        view = self._world.new_view(outcome.member, content, upon=stack[-1])
        outcome.trigger_used = True
        stack.append(view)
        outcome.views.append(view)
        return view

    # --- response_url -------------------------------------------------------------------------------------------

    def respond(self, token: str, body: Json) -> None:
        """Take a message to a response_url."""
        outcome = self._responses.get(token)
        if outcome is None:
            raise SlackError("no_service")
        if self._world.clock.now - outcome.made > RESPONSE:
            raise SlackError("expired_url")
        if outcome.responses >= RESPONSES:
            raise SlackError("used_url")
        self._say(outcome, body)
        outcome.responses += 1

    def _say(self, outcome: Outcome, body: Json) -> None:
        """A message in answer to an act: new, or in place of the one that the act was done on."""
        world = self._world
        for key in ("replace_original", "delete_original"):
            if key in body and not isinstance(body[key], bool):
                raise SlackError("invalid_payload")
        original = outcome.message if outcome.message and not outcome.message.deleted else None
        if body.get("delete_original") and original:
            world.delete(original, by=original.user)
            outcome.shown.append(original)
            return
        content = world.content(body)
        if body.get("replace_original") and original:
            world.edit(original, content, silent=original.ephemeral)
            outcome.shown.append(original)
            return
        assert outcome.channel is not None  # whatever has a response_url was done in a channel
        in_channel = body.get("response_type") == "in_channel"
        message = world.post(
            outcome.channel,
            outcome.member.team.bot,
            content,
            thread_ts=body.get("thread_ts"),
            seen_by=None if in_channel else outcome.member,
            subtype="bot_message" if in_channel else None,
            by_app=True,
            witnessed=False,
        )
        outcome.shown.append(message)

    # --- acknowledgements that say something --------------------------------------------------------------------

    def _accept(self, outcome: Outcome, answer: Any) -> None:
        if answer in (None, "", {}):
            if outcome.act is Act.SUBMISSION and outcome.view:
                outcome.member.drop(outcome.view)
            return
        try:
            match outcome.act:
                case Act.COMMAND:
                    self._say(outcome, answer if isinstance(answer, dict) else {"text": answer})
                case Act.SUBMISSION:
                    self._answer_submission(outcome, answer)
                case Act.SUGGESTION:
                    self._offer(outcome, answer)
                case _:
                    self._world.complain(f"The acknowledgement of {outcome.act.value} says nothing, not {answer!r}")
        except SlackError as error:
            outcome.error = TROUBLE if outcome.act is Act.SUBMISSION else "invalid_command_response"
            self._world.complain(f"The acknowledgement of {outcome.act.value} is refused: {error.body}")

    def _answer_submission(self, outcome: Outcome, answer: Json) -> None:
        assert outcome.view is not None
        member, view = outcome.member, outcome.view
        match answer.get("response_action"):
            case "errors":
                labels = {one["block_id"]: one["label"]["text"] for one in view.blocks if one["type"] == "input"}
                errors = answer.get("errors")
                if not isinstance(errors, dict) or not errors or not set(errors) <= set(labels):
                    raise SlackError("invalid_arguments", errors=errors)
                outcome.errors = {labels[block]: str(words) for block, words in errors.items()}
            case "update":
                outcome.views.append(self._world.change_view(view, answer.get("view")))
            case "push":
                content = self._world.view_content(answer.get("view"), "modal")
                outcome.views.append(self.push(outcome, content))
            case "clear":
                for one in member.modals:
                    one.closed = True
                member.modals.clear()
            case other:
                raise SlackError("invalid_arguments", response_action=other)

    def _offer(self, outcome: Outcome, answer: Json) -> None:
        options = answer.get("options") or [
            one for group in answer.get("option_groups", []) for one in group["options"]
        ]
        if not isinstance(options, list) or len(options) > 100:
            raise SlackError("invalid_arguments")
        outcome.options = [one["text"]["text"] for one in options]

    # --- payloads -----------------------------------------------------------------------------------------------

    def _command(self, outcome: Outcome, details: Json) -> Json:
        member, channel, app = outcome.member, outcome.channel, self._world.app
        assert channel is not None
        return {
            "token": app.verification,
            "team_id": member.team.id,
            "team_domain": member.team.domain,
            "channel_id": channel.id,
            "channel_name": channel_name(channel),
            "user_id": member.id,
            "user_name": member.name,
            **details,
            "api_app_id": app.id,
            "is_enterprise_install": "false",
            "response_url": self._world.response_url(outcome.token),
            "trigger_id": outcome.trigger_id,
        }

    def _payload(self, outcome: Outcome, details: Json) -> Json:
        member, app = outcome.member, self._world.app
        payload: Json = {
            "type": outcome.act.value,
            "token": app.verification,
            "api_app_id": app.id,
            "team": {"id": member.team.id, "domain": member.team.domain},
            "user": {"id": member.id, "username": member.name, "name": member.name, "team_id": member.team.id},
            "enterprise": None,
            "is_enterprise_install": False,
            **details,
        }
        if outcome.trigger_id:
            payload["trigger_id"] = outcome.trigger_id
        if outcome.token:
            payload["response_url"] = self._world.response_url(outcome.token)
        if outcome.view is not None:
            payload.setdefault("view", payloads.view(outcome.view, app))
        if outcome.act is Act.SUBMISSION:
            payload["response_urls"] = []
        if outcome.channel is not None:
            payload["channel"] = {"id": outcome.channel.id, "name": channel_name(outcome.channel)}
        if outcome.message is not None and not outcome.message.ephemeral:
            payload["message"] = payloads.message(outcome.message)
        return payload


def channel_name(channel: Channel) -> str:
    """As commands and interactions name it: private conversations do not say their names."""
    return {Kind.PRIVATE: "privategroup", Kind.DIRECT: "directmessage"}.get(channel.kind, channel.name)
