"""What is sent to the bot: events, which are sent again until they are acknowledged, and acts of people, which are not.

An event is sent at once, at once again, a minute later and five minutes after that.
https://docs.slack.dev/apis/events-api#retries
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

from .clock import Clock
from .errors import Json
from .waiting import Bell

if TYPE_CHECKING:
    from .model import Team

DEADLINE: Final = 3.0
"""Seconds of the server's clock for an acknowledgement."""

RETRIES: Final = (0.0, 60.0, 300.0)
"""Seconds of the server's clock from a failure to the next attempt."""

TIMED_OUT: Final = "operation_timeout"
"""What a person reads when the bot did not acknowledge in time."""

UNREACHABLE: Final = "dispatch_failed"
"""What a person reads when the bot could not be reached at all."""


class Stage(Enum):
    """How far a delivery has come."""

    WAITING = "waiting"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    LOST = "lost"


@dataclass(eq=False, slots=True)
class Delivery:
    """One payload, and every attempt to deliver it."""

    kind: str
    """`events_api`, `slash_commands` or `interactive`, as Socket Mode calls them."""
    payload: Json = field(repr=False)
    team: Team = field(repr=False)
    accept: Callable[[Any], None] = field(default=lambda _: None, repr=False)
    """Takes what the bot acknowledged it with."""
    fail: Callable[[str], None] = field(default=lambda _: None, repr=False)
    stage: Stage = Stage.WAITING
    attempt: int = 0
    reason: str = ""
    """Why it is sent again."""
    envelope_id: str = ""
    """Of the latest attempt."""
    envelopes: list[str] = field(default_factory=list, repr=False)
    """Of every attempt; each has its own."""
    refused: bool = False
    """Whether the bot asked not to be sent it again (`X-Slack-No-Retry`)."""

    @property
    def is_event(self) -> bool:
        return self.kind == "events_api"

    @property
    def name(self) -> str:
        """The event's type, with the subtype after a point; the command; the interaction's type."""
        if self.is_event:
            event = self.payload["event"]
            return ".".join([event["type"], *([event["subtype"]] if "subtype" in event else [])])
        return str(self.payload.get("command") or self.payload["type"])

    @property
    def over(self) -> bool:
        return self.stage in (Stage.ACKNOWLEDGED, Stage.LOST)


class Transport(Protocol):
    """A way to the bot."""

    @property
    def overdue(self) -> str:
        """The retry reason of what was not acknowledged in time."""
        ...

    def send(self, delivery: Delivery) -> bool:
        """Send the latest attempt; False if there is no way now."""
        ...

    def give_up(self, delivery: Delivery) -> None:
        """Wait for it no longer."""
        ...


@dataclass(eq=False, slots=True)
class Held:
    """Events that are held back, in the order in which they happened."""

    pattern: str
    left: int
    let_go: Callable[[Delivery], None] = field(repr=False)
    waiting: list[Delivery] = field(default_factory=list)

    def release(self, *, backwards: bool = False) -> None:
        """Send them now, the last one first if `backwards`, and hold no more."""
        self.left = 0
        waiting, self.waiting = self.waiting, []
        for delivery in reversed(waiting) if backwards else waiting:
            self.let_go(delivery)


class Deliveries:
    """Everything that was ever sent to the bot, and what is still under way."""

    def __init__(self, clock: Clock, bell: Bell) -> None:
        self._clock = clock
        self._bell = bell
        self.transport: Transport | None = None
        self.all: list[Delivery] = []
        self.stray: list[str] = []
        """Acknowledgements that came too late, or on another socket than the envelope: they count for nothing."""
        self._doubled: list[list[Any]] = []
        self._held: list[Held] = []

    # --- what tests order ---------------------------------------------------------------------------------------

    def duplicate(self, name: str = "*", *, times: int = 1) -> None:
        """Deliver the next events of this name twice, with the same event_id, as Slack sometimes does.

        A name is an event's type, with its subtype after a point: `app_mention`, `message`, `message.message_changed`.
        """
        self._doubled.append([name, times])

    def hold(self, name: str = "*", *, times: int = 1_000_000) -> Held:
        """Keep back the next events of this name until they are released: late, or in another order."""
        held = Held(name, times, self._begin)
        self._held.append(held)
        return held

    # --- sending ------------------------------------------------------------------------------------------------

    def add(self, delivery: Delivery) -> Delivery:
        self.all.append(delivery)
        for held in self._held:
            if delivery.is_event and held.left > 0 and held.pattern in ("*", delivery.name):
                held.left -= 1
                held.waiting.append(delivery)
                return delivery
        self._begin(delivery)
        for order in self._doubled:
            if delivery.is_event and order[1] > 0 and order[0] in ("*", delivery.name):
                order[1] -= 1
                twin = Delivery(delivery.kind, delivery.payload, delivery.team)
                self.all.append(twin)
                self._begin(twin)
        return delivery

    def _begin(self, delivery: Delivery) -> None:
        delivery.envelope_id = str(uuid.uuid4())
        delivery.envelopes.append(delivery.envelope_id)
        delivery.stage = Stage.SENT
        envelope = delivery.envelope_id
        if self.transport is None or not self.transport.send(delivery):
            self.failed(delivery, envelope, "timeout", UNREACHABLE)
            return
        reason = self.transport.overdue
        self._clock.after(DEADLINE, lambda: self.failed(delivery, envelope, reason, TIMED_OUT))

    # --- what becomes of it -------------------------------------------------------------------------------------

    def acknowledged(self, delivery: Delivery, envelope: str, answer: Any = None) -> bool:
        """Take an acknowledgement; False if it comes too late, or a second time."""
        if delivery.envelope_id != envelope or delivery.stage is not Stage.SENT:
            self.stray.append(envelope)
            return False
        delivery.stage = Stage.ACKNOWLEDGED
        delivery.accept(answer)
        self._bell.ring()
        return True

    def failed(self, delivery: Delivery, envelope: str, reason: str, words: str) -> None:
        """An attempt came to nothing: send an event again, and tell the person who waits for anything else."""
        if delivery.envelope_id != envelope or delivery.stage is not Stage.SENT:
            return
        if self.transport is not None:
            self.transport.give_up(delivery)
        if not delivery.is_event or delivery.refused or delivery.attempt >= len(RETRIES):
            delivery.stage = Stage.LOST
            delivery.fail(words)
            self._bell.ring()
            return
        wait = RETRIES[delivery.attempt]
        delivery.attempt += 1
        delivery.reason = reason
        delivery.stage = Stage.WAITING
        if wait:
            self._clock.after(wait, lambda: self._begin(delivery))
        else:
            self._begin(delivery)

    # --- looking back -------------------------------------------------------------------------------------------

    def named(self, name: str) -> list[Delivery]:
        return [one for one in self.all if one.name == name]

    @property
    def under_way(self) -> list[Delivery]:
        """What was sent and is not acknowledged yet."""
        return [one for one in self.all if one.stage is Stage.SENT]

    @property
    def lost(self) -> list[Delivery]:
        """What the bot will never get."""
        return [one for one in self.all if one.stage is Stage.LOST]
