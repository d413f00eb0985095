"""The simulated group: members of different strength and habit, and what each does in a round.

Every act is drawn from seed, member and round alone, so a run that was cut short goes on as if it had not been.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import Enum, auto
from random import Random
from typing import Final

from bot.adapters.terminal.terminal import Person
from bot.core.model import ExemplarKind, KeyPoint, Question, Round, Share
from bot.core.schedule import zone

ADA: Final = Person("ada", organizer=True)
GRACE: Final = Person("grace")
ALAN: Final = Person("alan")
KATHERINE: Final = Person("katherine")
EDSGER: Final = Person("edsger")
BARBARA: Final = Person("barbara")
TIM: Final = Person("tim")

_PREFERS: Final = {
    ADA: (ExemplarKind.FULL,),
    GRACE: (ExemplarKind.FULL,),
    ALAN: (ExemplarKind.PARTIAL,),
    KATHERINE: (ExemplarKind.SHORT,),
    EDSGER: (ExemplarKind.WRONG, ExemplarKind.KEYWORDS, ExemplarKind.DENIAL),
    BARBARA: (ExemplarKind.PARTIAL,),
    TIM: (ExemplarKind.KEYWORDS, ExemplarKind.WRONG),
}
"""Whom the question's exemplars suit; earlier members choose first, and no two say the same."""

_BANTER: Final = (
    "morning all",
    "ooh, nice one",
    "coffee first",
    "had this one once",
    "hm, tricky!",
)
_REPLIES: Final = (
    "I would never have put it that way, thanks",
    "wait, can you say more about the second half of that?",
    "that is how my old professor explained it too",
)
_LATER: Final = (
    "by the way, who is bringing snacks to the reading group tomorrow?",
    "has anyone found a good set of lecture notes on this topic?",
    "I always have to look this up twice, to be honest",
)
_PASSES: Final = ("I don't know this one, sorry", "no idea, I'm afraid", "honestly I don't know")


REMINDED_AT: Final = time(16)
"""The hour at which Katherine wants to be reminded."""

_FORTNIGHT: Final = 14
_KATHERINE_IS_REMINDED: Final = 8
_TIM_LEAVES, _TIM_IS_AWAY = 8, 4
_GRACE_MISSES: Final = 9

_SHORT_WORD: Final = 3


class Does(Enum):
    """What kind of act it is."""

    SAY = auto()
    REPLY = auto()
    EDIT = auto()
    DELETE = auto()
    FORM = auto()
    HINT = auto()
    CHECK = auto()
    RESULT = auto()
    OBJECT = auto()
    RULE = auto()
    CONSENT = auto()
    COMMAND = auto()
    DIRECT = auto()
    HELPED = auto()
    SHARE = auto()


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """Something a member does at an instant. `key` names it for ever; `of` is the key of the message it is about."""

    at: datetime
    key: str
    who: Person = field(compare=False)
    does: Does = field(compare=False)
    text: str = field(compare=False, default="")
    of: str = field(compare=False, default="")
    points: tuple[str, ...] = field(compare=False, default=())
    """The key points that an objection may be about: what the answer earns by the bank's own account."""
    share: Share = field(compare=False, default=Share.NO)


def nearest(sentences: Sequence[str], point: KeyPoint) -> int:
    """Which of these sentences sounds most like a key point."""
    said = _long_words(" ".join((point.text, *point.any_of)))
    return max(range(len(sentences)), key=lambda index: len(_long_words(sentences[index]) & said))


def _long_words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.lower()) if len(word) > _SHORT_WORD}


def acts(seed: int, round_: Round, day: int) -> list[Act]:
    """What the group does in the round of its `day`-th day (from 0), in order."""
    script = _Script(seed, round_, day)
    script.strong()
    script.hasty_and_weak()
    script.quiet()
    script.talk()
    script.second_looks()
    script.now_and_then()
    return sorted(script.acts)


class _Script:
    def __init__(self, seed: int, round_: Round, day: int) -> None:
        self._seed = seed
        self._round = round_
        self._day = day
        self._lasts = (round_.closes_at - round_.opened_at) // 60  # a sixtieth of the time there is
        self._texts = self._choose(round_.question)
        self.acts: list[Act] = []

    def strong(self) -> None:
        """Ada answers in one message, Grace in two where she does, Alan revises."""
        self._say(ADA, "1", self._after(ADA, 2, 6), self._texts[ADA])
        if not self._grace_misses():
            first, rest = _halves(self._texts[GRACE])
            at = self._after(GRACE, 5, 20)
            self._say(GRACE, "1", at, first)
            if rest:
                self._say(GRACE, "2", at + timedelta(minutes=2), rest)
        at = self._after(ALAN, 8, 25)
        self._say(ALAN, "1", at, self._texts[ALAN])
        if self._alan_revises():
            more = f"{self._texts[ALAN]}\n{self._second_thought()}"
            self._add(ALAN, "2", at + self._lasts * 3, Does.EDIT, more, of="1")

    def hasty_and_weak(self) -> None:
        """Katherine is late now and then, Edsger takes hints, Tim passes or thinks better of it."""
        if self._day == _KATHERINE_IS_REMINDED:
            at = self._at(REMINDED_AT)
            self._add(KATHERINE, "1", at + timedelta(minutes=6), Does.DIRECT, self._texts[KATHERINE])
            self._add(KATHERINE, "off", at + timedelta(minutes=9), Does.COMMAND, "me remind off")
        elif self._day % 4 == 0:
            self._say(KATHERINE, "1", self._round.closes_at + timedelta(minutes=7), self._texts[KATHERINE])
        else:
            self._say(KATHERINE, "1", self._after(KATHERINE, 30, 58), self._texts[KATHERINE])
        if self._day % 3 != 2:
            at = self._after(EDSGER, 15, 40)
            if self._round.question.hints and (self._day == 0 or self._chance(EDSGER, 0.5)):
                self._add(EDSGER, "0", at - timedelta(minutes=3), Does.HINT)
            self._say(EDSGER, "1", at, self._texts[EDSGER])
        at = self._after(TIM, 20, 45)
        if self._tim_is_away():
            return
        if self._day % 3 == 1:
            self._say(TIM, "1", at, self._texts[TIM])
            self._add(TIM, "2", at + timedelta(minutes=12), Does.DELETE, of="1")
        elif self._chance(TIM, 0.5):
            self._say(TIM, "1", at, self._dice(TIM, "pass").choice(_PASSES))

    def quiet(self) -> None:
        """Barbara is silent for days, then answers by form, and has it checked at once."""
        if self._barbara_answers():
            at = self._after(BARBARA, 10, 50)
            share = Share.WITH_NAME if self._barbara_shares() else Share.NO
            self._add(BARBARA, "1", at, Does.FORM, self._texts[BARBARA], share=share)
            self._add(BARBARA, "check", at + timedelta(minutes=1), Does.CHECK)
            self._add(BARBARA, "2", self._round.reveal_at + timedelta(minutes=4), Does.RESULT)

    def talk(self) -> None:
        """What is said in a thread and is no answer: too short, a reply, or long after the own answer."""
        dice = self._dice(TIM, "talk")
        if not self._tim_is_away():
            self._say(TIM, "talk", self._after(TIM, 1, 2), dice.choice(_BANTER))
        reply_at = self._after(GRACE, 40, 50)
        if not self._grace_misses():
            self._add(GRACE, "reply", reply_at, Does.REPLY, self._dice(GRACE, "reply").choice(_REPLIES), of="ada/1")
        self._say(ADA, "talk", self._after(ADA, 51, 55), self._dice(ADA, "talk").choice(_LATER))

    def second_looks(self) -> None:
        """Alan looks at his results, objects now and then where he is right, and hears of it at the next one."""
        reveal_at = self._round.reveal_at
        if self._day % 2 == 0 or self._alan_objects():
            self._add(ALAN, "result", reveal_at + timedelta(minutes=2), Does.RESULT)
        if self._alan_objects():
            points = self._earned(ALAN)
            self._add(ALAN, "object", reveal_at + timedelta(minutes=3), Does.OBJECT, points=points)
            self._add(ADA, "rule", reveal_at + timedelta(hours=2), Does.RULE, points=points)
        if self._day % 4 == 2:
            self._add(ALAN, "consent", reveal_at + timedelta(minutes=3), Does.CONSENT)

    def now_and_then(self) -> None:
        """What is done on some days only: thanks for what was shared, days away, a reminder, a look at a streak."""
        reveal_at, on = self._round.reveal_at, self._round.local_date
        if self._barbara_shares():
            self._add(GRACE, "helped", reveal_at + timedelta(minutes=8), Does.HELPED)
        if self._day % _FORTNIGHT == _TIM_LEAVES:
            last = on + timedelta(days=_TIM_IS_AWAY)
            self._add(TIM, "away", reveal_at + timedelta(minutes=10), Does.COMMAND, f"me away until {last}")
        if self._day == _KATHERINE_IS_REMINDED - 1:
            wish = f"me remind {REMINDED_AT:%H:%M}"
            self._add(KATHERINE, "remind", reveal_at + timedelta(minutes=10), Does.COMMAND, wish)
        if self._day % _FORTNIGHT == _GRACE_MISSES + 1:
            self._add(GRACE, "why", reveal_at + timedelta(minutes=12), Does.COMMAND, "me why")
        if (on + timedelta(days=1)).day == 1:
            self._add(ADA, "share", reveal_at + timedelta(hours=3), Does.SHARE)

    def _tim_is_away(self) -> bool:
        return 0 < self._day % _FORTNIGHT - _TIM_LEAVES <= _TIM_IS_AWAY

    def _grace_misses(self) -> bool:
        return self._day % _FORTNIGHT == _GRACE_MISSES

    def _barbara_shares(self) -> bool:
        return self._day % 8 == 2

    def _alan_revises(self) -> bool:
        return self._day == 0 or self._alan_objects() or (not self._barbara_answers() and self._chance(ALAN, 0.4))

    def _alan_objects(self) -> bool:
        return self._day % 4 == 1

    def _earned(self, who: Person) -> tuple[str, ...]:
        """The key points that somebody's words earn by the bank's own account, the essential ones first."""
        said = f"{self._texts[who]} {self._second_thought() if who is ALAN and self._alan_revises() else ''}"
        earned = {id for e in self._round.question.exemplars if _flat(e.text) in said for id in e.earns}
        points = sorted(self._round.question.key_points, key=lambda point: not point.essential)
        return tuple(point.id for point in points if point.id in earned)

    def _barbara_answers(self) -> bool:
        return self._day % 4 == 2

    def _say(self, who: Person, what: str, at: datetime, text: str) -> None:
        self._add(who, what, at, Does.SAY, text)

    def _add(
        self,
        who: Person,
        what: str,
        at: datetime,
        does: Does,
        text: str = "",
        of: str = "",
        points: tuple[str, ...] = (),
        share: Share = Share.NO,
    ) -> None:
        about = of if "/" in of or not of else f"{who.name}/{of}"
        key = f"{self._round.id}/{who.name}/{what}"
        self.acts.append(Act(at, key, who, does, text, f"{self._round.id}/{about}" if about else "", points, share))

    def _after(self, who: Person, first: int, last: int) -> datetime:
        sixtieths = self._dice(who, f"at {first}").uniform(first, last)
        return (self._round.opened_at + self._lasts * sixtieths).replace(microsecond=0)

    def _at(self, local: time) -> datetime:
        return datetime.combine(self._round.local_date, local, zone(self._round.zone)).astimezone(UTC)

    def _chance(self, who: Person, odds: float) -> bool:
        return self._dice(who, "chance").random() < odds

    def _second_thought(self) -> str:
        """What Alan adds: a partial answer that nobody else gave; on the days he does, Barbara is silent."""
        given = {text for who, text in self._texts.items() if who is not BARBARA}
        partial = [_flat(e.text) for e in self._round.question.exemplars if e.kind is ExemplarKind.PARTIAL]
        return next((text for text in partial if text not in given), "on second thought, that is all I know")

    def _choose(self, question: Question) -> dict[Person, str]:
        left = list(question.exemplars)
        chosen = {}
        for who, kinds in _PREFERS.items():
            suits = [exemplar for exemplar in left if exemplar.kind in kinds] or left
            if suits:
                exemplar = self._dice(who, "text").choice(suits)
                left.remove(exemplar)
                chosen[who] = _flat(exemplar.text)
            else:  # A bank without enough exemplars: they pass, since nobody repeats another's words.
                chosen[who] = self._dice(who, "text").choice(_PASSES)
        return chosen

    def _dice(self, who: Person, what: str) -> Random:
        return Random(hashlib.sha256(f"{self._seed}/{who.name}/{self._round.id}/{what}".encode()).digest())


def _halves(text: str) -> tuple[str, str]:
    """An answer as two messages, parted after the first sentence; the second may be empty."""
    first, stop, rest = text.partition(". ")
    return (first + stop.strip(), rest.strip()) if len(first.split()) >= 5 else (text, "")


def _flat(text: str) -> str:
    return " ".join(text.split())
