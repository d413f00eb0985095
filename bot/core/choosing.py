"""Which question comes next. A channel's cycle is planned ahead, since choosing day by day runs into dead ends.

What a plan prefers, least important first; where not all can be kept, the least important gives way:

1. easy to hard on the first pass. A tendency, not a sorting: of the pairs of unlike difficulty at most a quarter have
   the harder question first (a rank correlation, Goodman and Kruskal's gamma, of at least one half);
2. related questions at least three rounds apart: two other rounds lie between them. A relation counts both ways;
3. weekend questions at weekends, which daily ones get only after them; dates not known yet are not judged;
4. no repeat: a question comes back after as many rounds as half the pool holds, and never before the third.

The same input gives the same plan on any machine: what looks like chance is drawn from the channel and the cycle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from enum import IntEnum
from itertools import chain, combinations
from random import Random
from typing import Final

from bot.core.model import Bank, ChannelId, Fits, Plan, Question, QuestionId, Status

APART: Final = 3  # the least distance of related questions, in rounds; no question comes back sooner either
HARDER_FIRST: Final = 4  # on the first pass one pair of unlike difficulty in so many may have the harder one first
JITTER: Final = 2.0  # how many steps of difficulty a question may move on the first pass by chance alone
LOOKS: Final = 400  # how many swaps may be looked at for every question, where a plan is hard to make
MOST_LOOKS: Final = 60_000  # and in all
GLANCE: Final = 60  # how many swaps are looked at before one is made


def pool(bank: Bank, topics: frozenset[str], difficulties: frozenset[int]) -> tuple[Question, ...]:
    """The questions that may be asked: not retired, of one of the topics and difficulties where any are given."""
    return tuple(
        question
        for question in bank.questions
        if question.status is not Status.RETIRED
        and (not topics or not topics.isdisjoint(question.topics))
        and (not difficulties or question.difficulty in difficulties)
    )


def plan_cycle(
    channel: ChannelId,
    questions: Sequence[Question],
    *,
    cycle: int,
    recent: Sequence[QuestionId],
    dates: Sequence[date],
    asked: Sequence[QuestionId] = (),
    first: Sequence[QuestionId] = (),
) -> Plan:
    """Put the questions of the pool that are not in `asked` in an order, and say what could not be kept.

    `recent` are the last questions asked in the channel, this cycle's too, oldest first: half a pool, at least two.
    `dates` are the local dates of the coming openings, as far as they are known. `first` comes first whatever it costs,
    even if it was asked already; ValueError if it names a question outside the pool. Cycle 0 is the first pass.
    """
    by_id = {question.id: question for question in questions}
    if strangers := [question for question in first if question not in by_id]:
        raise ValueError(f"not among the questions of {channel}: {', '.join(strangers)}")
    ahead = [by_id[question] for question in dict.fromkeys(first)]
    left = [by_id[question] for question in by_id.keys() - {*asked, *first}]
    left.sort(key=lambda question: _draw(channel, cycle, question) + (0 if cycle else question.difficulty / JITTER))
    desk = _Desk(ahead, left, by_id, recent, dates, easy_first=cycle == 0)
    desk.settle(Random(_seed(f"{channel}/{cycle}")))
    return Plan(channel=channel, cycle=cycle, questions=desk.order(), asked=tuple(asked), gave_up=desk.gave_up())


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _draw(channel: ChannelId, cycle: int, question: Question) -> float:
    """A number in 0..1 that is the question's own, so that a change of the pool hardly moves the others."""
    return _seed(f"{channel}/{cycle}/{question.id}") / 2**64


def _kin(names: Sequence[QuestionId], by_id: Mapping[QuestionId, Question]) -> list[frozenset[int]]:
    """For each name the numbers of the names it is related to, whichever of the two says so."""
    related: dict[QuestionId, set[QuestionId]] = {name: set() for name in names}
    for name in by_id:
        for other in by_id[name].related:
            related.setdefault(name, set()).add(other)
            related.setdefault(other, set()).add(name)
    numbers: dict[QuestionId, list[int]] = {}
    for number, name in enumerate(names):
        numbers.setdefault(name, []).append(number)
    others = (related[name] - {name} for name in names)
    return [frozenset(chain.from_iterable(numbers.get(other, ()) for other in each)) for each in others]


class _Day(IntEnum):
    """What is known of a round's date; the first kind is the best for a weekend question."""

    WEEKEND = 0
    UNKNOWN = 1
    WEEKDAY = 2


class _Desk:
    """An order in the making: who sits where, what that costs, and swaps until it costs no more than it must.

    Questions are numbers here. The line starts with the last rounds of the past; they and what was put first stay put.
    """

    def __init__(
        self,
        ahead: Sequence[Question],
        left: Sequence[Question],
        by_id: Mapping[QuestionId, Question],
        recent: Sequence[QuestionId],
        dates: Sequence[date],
        *,
        easy_first: bool,
    ) -> None:
        self.questions = [*ahead, *left]
        size = len(self.questions)
        self.past = min(len(recent), APART - 1)
        self.start = self.past + len(ahead)
        self.end = self.past + size
        known = [_Day.WEEKEND if on.weekday() >= 5 else _Day.WEEKDAY for on in dates[:size]]
        self.days = [*([_Day.UNKNOWN] * self.past), *known, *([_Day.UNKNOWN] * (size - len(known)))]
        comes_back = max(APART, len(by_id) // 2)
        last_seen = {question: at for at, question in enumerate(recent, self.past - len(recent))}
        self.ready = [last_seen.get(question.id, -comes_back) + comes_back for question in self.questions]
        self.weekend = [question.fits is Fits.WEEKEND for question in self.questions]
        self.kin = _kin([*(question.id for question in self.questions), *recent[len(recent) - self.past :]], by_id)
        self.line: list[int] = [*range(size, self.end), *range(len(ahead)), *self._seats(range(len(ahead), size))]
        self.hard = [self.questions[q].difficulty if easy_first and q < size else 0 for q in self.line]
        self.levels = sorted(set(self.hard))
        pairs = [a > b for a, b in combinations(self.hard[self.past :], 2) if a != b]
        self.unlike, self.turned = len(pairs), sum(pairs)
        unit = (size + 2) ** 2  # more than a lesser wish can ever cost
        self.near, self.again = unit, unit**3
        self.day_costs = {_Day.WEEKEND: 0, _Day.UNKNOWN: 1, _Day.WEEKDAY: unit**2}

    def _seats(self, left: Sequence[int]) -> list[int]:
        """The free seats filled in the order given, but weekend questions get the nearest seat at a weekend."""
        free = dict.fromkeys(range(self.start, self.end))
        taken: dict[int, int] = {}
        for wish, question in enumerate(left, self.start):
            if self.weekend[question]:
                seat = min(free, key=lambda at: (self.days[at], abs(at - wish)))
                del free[seat]
                taken[seat] = question
        taken.update(zip(free, (question for question in left if not self.weekend[question]), strict=True))
        return [taken[at] for at in range(self.start, self.end)]

    def order(self) -> tuple[QuestionId, ...]:
        """The questions as they sit now."""
        return tuple(self.questions[q].id for q in self.line[self.past :])

    def gave_up(self) -> tuple[str, ...]:
        """What the order does not keep, in words, and how often."""
        seats = range(self.past, self.end)
        said = []
        if self._excess():
            said.append(f"easy to hard: {self.turned} of {self.unlike} pairs the other way round")
        if close := sum(self._neighbours(at, at) > 0 for at in seats):
            said.append(f"related questions three rounds apart: {close} of {len(seats)}")
        if misplaced := sum(self.weekend[self.line[at]] and self.days[at] is _Day.WEEKDAY for at in seats):
            said.append(f"weekend questions at weekends: {misplaced} of {sum(self.weekend)}")
        if again := sum(at < self.ready[self.line[at]] for at in seats):
            said.append(f"no repeat: {again} of {len(seats)}")
        return tuple(said)

    def settle(self, rng: Random) -> None:
        """Swap questions, mostly those in trouble, until nothing is left to mend or enough was tried; keep the best."""
        free = range(self.start, self.end)
        looks = min(LOOKS * (len(free) + 4), MOST_LOOKS) if len(free) > 1 else 0
        placing = self._placing(self.end)
        good_enough = self._placing(self.start), 0  # no order misplaces fewer weekend questions than the first one
        best, kept = (placing, self._excess()), (list(self.line), list(self.hard), self.turned)
        while looks > 0 and best > good_enough:
            at = free[int(rng.random() * len(free))]
            if rng.random() < 0.8:
                at = next((seat for seat in chain(free[at - self.start :], free) if self._trouble(seat)), at)
            others = free if len(free) <= GLANCE else [free[int(rng.random() * len(free))] for _ in range(GLANCE)]
            looks -= len(others)
            change, _, other = min((self._change(at, seat), rng.random(), seat) for seat in others if seat != at)
            if change > (0, 0):  # a dead end, perhaps: now and then any swap, to get out
                if rng.random() * len(free) > 4:
                    continue
                other = others[int(rng.random() * len(others))]
                change = self._change(at, other)
            self._swap(at, other)
            placing += change[0]
            if (placing, self._excess()) < best:
                best, kept = (placing, self._excess()), (list(self.line), list(self.hard), self.turned)
        self.line, self.hard, self.turned = kept

    def _neighbours(self, at: int, until: int) -> int:
        """How many related questions sit too near to a seat, up to but not at the seat `until`."""
        return len(self.kin[self.line[at]].intersection(self.line[max(0, at - APART + 1) : until]))

    def _trouble(self, at: int) -> bool:
        return at < self.ready[self.line[at]] or self._neighbours(at, at + APART) > 0

    def _seat_cost(self, at: int, until: int) -> int:
        """What the question in a seat costs there; neighbours count up to but not at the seat `until`."""
        q = self.line[at]
        cost = self.day_costs[self.days[at]] if self.weekend[q] else 0
        if at < self.ready[q]:
            cost += (self.ready[q] - at) ** 2 * self.again  # squared: rather two a little early than one at once
        return cost + self._neighbours(at, until) * self.near if self.kin[q] else cost

    def _placing(self, until: int) -> int:
        """What the seats before `until` cost, and the others too as far as weekends go."""
        days = sum(self.day_costs[self.days[at]] for at in range(until, self.end) if self.weekend[self.line[at]])
        return days + sum(self._seat_cost(at, at) for at in range(self.past, until))

    def _excess(self, more: int = 0) -> int:
        return max(0, self.turned + more - self.unlike // HARDER_FIRST)

    def _turns(self, one: int, other: int) -> int:
        """How many more pairs have the harder question first once two seats are swapped."""
        low, high = min(one, other), max(one, other)
        a, b = self.hard[low], self.hard[high]
        if a == b:
            return 0
        between = self.hard[low + 1 : high]
        shifts = (between.count(d) * ((b > d) + (d > a) - (a > d) - (d > b)) for d in self.levels)
        return (b > a) - (a > b) + sum(shifts)

    def _change(self, one: int, other: int) -> tuple[int, int]:
        """What a swap adds to the cost of placing, and to that of the order unless it is worse anyhow."""
        before = self._seat_cost(one, one + APART) + self._seat_cost(other, other + APART)
        self.line[one], self.line[other] = self.line[other], self.line[one]
        change = self._seat_cost(one, one + APART) + self._seat_cost(other, other + APART) - before
        self.line[one], self.line[other] = self.line[other], self.line[one]
        return change, 0 if change > 0 else self._excess(self._turns(one, other)) - self._excess()

    def _swap(self, one: int, other: int) -> None:
        self.turned += self._turns(one, other)
        for seats in self.line, self.hard:
            seats[one], seats[other] = seats[other], seats[one]
