"""How well grades agree with people: correlation, error, agreement on levels, and how sure of it one can be."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan, sqrt

LEVELS = 3


@dataclass(frozen=True, slots=True)
class Graded:
    """One answer: the question it belongs to, what people gave it, and what a grader gave it, all 0..1."""

    question: str
    human: float
    score: float


@dataclass(frozen=True, slots=True)
class Sums:
    """What a correlation needs of some pairs; sums of parts add up to those of the whole."""

    n: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    yy: float = 0.0
    xy: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.n + other.n,
            self.x + other.x,
            self.y + other.y,
            self.xx + other.xx,
            self.yy + other.yy,
            self.xy + other.xy,
        )

    def centered(self) -> Sums:
        """The same pairs, moved so that both means are 0."""
        if not self.n:
            return self
        xx = self.xx - self.x * self.x / self.n
        yy = self.yy - self.y * self.y / self.n
        return Sums(self.n, 0.0, 0.0, xx, yy, self.xy - self.x * self.y / self.n)

    @property
    def r(self) -> float:
        """Pearson's correlation; not a number where one side does not vary."""
        c = self.centered()
        varies = c.xx > 1e-9 * max(1.0, self.xx) and c.yy > 1e-9 * max(1.0, self.yy)
        return c.xy / sqrt(c.xx * c.yy) if varies else nan


def sums(graded: Sequence[Graded]) -> dict[str, Sums]:
    """The sums of every question."""
    found: dict[str, Sums] = {}
    for one in graded:
        x, y = one.score, one.human
        found[one.question] = found.get(one.question, Sums()) + Sums(1.0, x, y, x * x, y * y, x * y)
    return found


def pooled(parts: Mapping[str, Sums]) -> float:
    """The correlation over all answers."""
    return sum(parts.values(), Sums()).r


def within(parts: Mapping[str, Sums]) -> float:
    """The correlation of what is left when every question's means are taken out."""
    return sum((part.centered() for part in parts.values()), Sums()).r


def interval(parts: Mapping[str, Sums], draws: int, seed: int) -> tuple[float, float]:
    """The middle 95 % of the pooled correlation, over questions drawn with replacement."""
    random_ = random.Random(seed)
    questions = [parts[name] for name in sorted(parts)]
    found = sorted(r for _ in range(draws) if (r := sum(random_.choices(questions, k=len(questions)), Sums()).r) == r)
    return (
        (found[int(0.025 * len(found))], found[min(len(found) - 1, int(0.975 * len(found)))]) if found else (nan, nan)
    )


def rmse(graded: Sequence[Graded]) -> float:
    """The root of the mean squared difference."""
    return sqrt(sum((one.score - one.human) ** 2 for one in graded) / len(graded)) if graded else nan


def human_level(grade: float) -> int:
    """People's grades as three levels: thirds of the scale."""
    return 0 if grade < 1 / 3 else 1 if grade < 2 / 3 else 2


def qwk(pairs: Sequence[tuple[int, int]]) -> float:
    """Cohen's kappa with quadratic weights: 1 for the same levels, 0 for no more than by chance."""
    n = len(pairs)
    one, other = ([sum(1 for pair in pairs if pair[side] == level) for level in range(LEVELS)] for side in (0, 1))
    seen = sum((a - b) ** 2 for a, b in pairs)
    by_chance = sum((a - b) ** 2 * one[a] * other[b] / n for a in range(LEVELS) for b in range(LEVELS)) if n else 0.0
    return 1 - seen / by_chance if by_chance else nan


def thresholds(graded: Sequence[Graded]) -> tuple[float, float]:
    """The two scores that part these answers into three levels with the highest kappa, in steps of 0.02."""
    counts = [[0] * LEVELS for _ in range(51)]
    for one in graded:
        counts[min(50, max(0, int(one.score * 50 + 1e-9)))][human_level(one.human)] += 1
    below = [[0] * LEVELS]
    for row in counts:
        below.append([a + b for a, b in zip(below[-1], row, strict=True)])
    humans, n = below[-1], len(graded)
    best, found = -2.0, (1 / 3, 2 / 3)
    for low in range(1, 51):
        for high in range(low, 51):
            bins = (below[low], _minus(below[high], below[low]), _minus(humans, below[high]))
            ours = [sum(row) for row in bins]
            seen = sum((i - j) ** 2 * bins[i][j] for i in range(LEVELS) for j in range(LEVELS))
            chance = sum((i - j) ** 2 * ours[i] * humans[j] for i in range(LEVELS) for j in range(LEVELS)) / max(1, n)
            kappa = 1 - seen / chance if chance else -1.0
            if kappa > best + 1e-12:
                best, found = kappa, (low / 50, high / 50)
    return found


def _minus(more: Sequence[int], less: Sequence[int]) -> list[int]:
    return [a - b for a, b in zip(more, less, strict=True)]


def level(score: float, cuts: tuple[float, float]) -> int:
    """The level of a score between two thresholds; a score on a threshold is above it."""
    return sum(1 for cut in cuts if score + 1e-9 >= cut)


def held_out_pairs(graded: Sequence[Graded], folds: int, seed: int) -> list[tuple[int, int]]:
    """Levels of people and grader, the thresholds always from questions of other folds."""
    names = sorted({one.question for one in graded})
    random.Random(seed).shuffle(names)
    fold = {name: at % folds for at, name in enumerate(names)}
    pairs: list[tuple[int, int]] = []
    for held in range(folds):
        cuts = thresholds([one for one in graded if fold[one.question] != held])
        pairs += [(human_level(one.human), level(one.score, cuts)) for one in graded if fold[one.question] == held]
    return pairs


def row(graded: Sequence[Graded], *, draws: int = 1000, folds: int = 5, seed: int = 11) -> dict[str, float]:
    """Everything that the table shows of one grader on one set."""
    parts = sums(graded)
    low, high = interval(parts, draws, seed)
    return {
        "answers": len(graded),
        "questions": len(parts),
        "r": pooled(parts),
        "r_low": low,
        "r_high": high,
        "r_within": within(parts),
        "rmse": rmse(graded),
        "qwk": qwk(held_out_pairs(graded, folds, seed)),
    }


def mean(values: Sequence[float], of: Callable[[float], float] = float) -> float:
    """The mean of what `of` makes of some values; not a number for none."""
    return sum(map(of, values)) / len(values) if values else nan
