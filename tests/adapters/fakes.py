"""Small fakes at our own ports: a messenger that does as it is told, and a grader that reads the grade off the text."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from bot.core.card import Card, reference
from bot.core.model import Answer, ChannelId, Grade, MessageRef, Place, Question
from bot.core.ports import DeliveryError, Failure
from tests.core.worlds import verdict, words_of

Verb = Literal["send", "edit", "find", "delete", "open_thread"]

VERBS: Final[tuple[Verb, ...]] = ("send", "edit", "find", "delete", "open_thread")


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that stands on the platform, with the key it was sent under."""

    ref: MessageRef
    key: str
    part: int
    card: Card

    @property
    def words(self) -> str:
        return words_of(self.card)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What becomes of a request instead: an error, after it was carried out all the same where `landed`."""

    error: BaseException
    landed: bool


class ScriptedMessenger:
    """A platform in memory. It records what it is asked, and fails as the test says."""

    def __init__(self) -> None:
        self.requests: list[tuple[Verb, str]] = []
        """Every request with its key, in the order they came; failed ones too."""
        self.standing: list[Posted] = []
        """The messages members see, oldest first."""
        self.titles: dict[Place, str] = {}
        """The threads that are open, by place."""
        self.parts_needed = 1
        self._number = 0
        self._script: dict[tuple[Verb, str], deque[Trouble | None]] = {}
        self._hidden: dict[str, int] = {}
        self._gone: set[ChannelId] = set()
        self._forbidden: set[ChannelId] = set()

    # --- what a test says -------------------------------------------------------------------------------------

    def fails(
        self, verb: Verb, key: str, error: Failure | BaseException, *, landed: bool = False, times: int = 1
    ) -> None:
        """Answer the next requests of this kind and key with an error. A thread goes by the key of its card."""
        raised = DeliveryError(error, "as the test says") if isinstance(error, Failure) else error
        self._script.setdefault((verb, key), deque()).extend([Trouble(raised, landed)] * times)

    def succeeds(self, verb: Verb, key: str) -> None:
        """Let the next request of this kind and key go well that has no error yet, before others that fail."""
        self._script.setdefault((verb, key), deque()).append(None)

    def hides(self, key: str, times: int = 1) -> None:
        """Let the next looks for this key find nothing: a history that comes late."""
        self._hidden[key] = times

    def lose_message(self, ref: MessageRef) -> None:
        """Somebody deletes a message."""
        self.standing = [posted for posted in self.standing if posted.ref != ref]

    def lose_thread(self, place: Place) -> None:
        """Somebody deletes a thread, with all that is in it."""
        del self.titles[place]
        self.standing = [posted for posted in self.standing if posted.ref.place != place]

    def lose_channel(self, channel: ChannelId) -> None:
        """Somebody deletes a channel."""
        self._gone.add(channel)

    def forbid(self, channel: ChannelId) -> None:
        """Somebody takes the bot's rights in a channel away."""
        self._forbidden.add(channel)

    # --- what a test asks -------------------------------------------------------------------------------------

    def said(self, channel: str | None = None) -> list[str]:
        """The keys of the messages that stand, oldest first."""
        return [posted.key for posted in self.standing if channel in (None, posted.ref.place.channel)]

    def posted(self, key: str) -> Posted:
        """The one message that stands under this key."""
        (found,) = [posted for posted in self.standing if posted.key == key]
        return found

    def asked(self, *verbs: Verb) -> list[tuple[Verb, str]]:
        """The requests of these kinds so far."""
        return [request for request in self.requests if request[0] in verbs]

    # --- the port ---------------------------------------------------------------------------------------------

    def parts(self, card: Card) -> int:
        return self.parts_needed

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        trouble = self._trouble("send", key)
        self._check(place)
        if place.thread is not None and place not in self.titles:
            raise DeliveryError(Failure.THREAD_GONE, str(place.thread))
        self._number += 1
        posted = Posted(MessageRef(place=place, message=f"m{self._number}"), key, part, card)
        self.standing.append(posted)
        _then(trouble)
        return posted.ref

    async def edit(self, ref: MessageRef, card: Card, *, part: int, key: str) -> None:
        trouble = self._trouble("edit", key)
        self._check(ref.place)
        index = self.standing.index(self._at(ref))
        self.standing[index] = replace(self.standing[index], card=card)
        _then(trouble)

    async def find(self, place: Place, *, key: str) -> list[MessageRef]:
        trouble = self._trouble("find", key)
        self._check(place)
        _then(trouble)
        if self._hidden.get(key, 0):
            self._hidden[key] -= 1
            return []
        wanted = reference(key)
        return [posted.ref for posted in self.standing if posted.ref.place == place and reference(posted.key) == wanted]

    async def delete(self, ref: MessageRef) -> None:
        key = next((posted.key for posted in self.standing if posted.ref == ref), "")
        trouble = self._trouble("delete", key)
        self._check(ref.place)
        self.lose_message(ref)
        _then(trouble)

    async def open_thread(self, ref: MessageRef, title: str) -> Place:
        key = next((posted.key for posted in self.standing if posted.ref == ref), "")
        trouble = self._trouble("open_thread", key)
        self._check(ref.place)
        self._at(ref)
        place = Place(channel=ref.place.channel, thread=f"under {ref.message}")
        self.titles.setdefault(place, title)
        _then(trouble)
        return place

    def _trouble(self, verb: Verb, key: str) -> Trouble | None:
        self.requests.append((verb, key))
        waiting = self._script.get((verb, key))
        trouble = waiting.popleft() if waiting else None
        if trouble is not None and not trouble.landed:
            raise trouble.error
        return trouble

    def _check(self, place: Place) -> None:
        if place.channel in self._gone:
            raise DeliveryError(Failure.CHANNEL_GONE, place.channel)
        if place.channel in self._forbidden:
            raise DeliveryError(Failure.FORBIDDEN, place.channel)

    def _at(self, ref: MessageRef) -> Posted:
        for posted in self.standing:
            if posted.ref == ref:
                return posted
        raise DeliveryError(Failure.MESSAGE_GONE, ref.message)


def _then(trouble: Trouble | None) -> None:
    if trouble is not None:
        raise trouble.error


class StubGrader:
    """Grades by `tests.core.worlds.verdict`. It raises for the questions in `broken`, and gives too few in `short`."""

    version = "stub 0"

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.short: set[str] = set()

    async def grade(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]] = ()
    ) -> list[Grade]:
        if question.id in self.broken:
            raise RuntimeError(f"nobody thought of {question.id}")
        grades = [verdict(answer.text) for answer in answers]
        return grades[1:] if question.id in self.short else grades
