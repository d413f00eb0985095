"""What goes wrong in one simulation: each seed switches some kinds of fault on, and draws how often they come.

Faults that always come together hide one another: with many refusals no message lives long enough to land late. So
each kind is on in about half of the seeds ("swarm testing": Groce and others, https://doi.org/10.1145/2338965.2336763).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

OF_A_REQUEST: Final = {
    "request lost": (0.002, 0.1),
    "answer lost": (0.002, 0.1),
    "landing late": (0.002, 0.1),
    "hangs": (0.001, 0.05),
    "limited": (0.002, 0.2),
    "limited for all": (0.001, 0.05),
    "server error": (0.002, 0.1),
    "refused": (0.001, 0.03),
    "slow": (0.01, 0.2),
}
"""Kinds of fault of one request, and between which shares of all requests a seed draws how often they come."""

OTHERS: Final = {
    "history lags": (0.05, 0.5),
    "event late": (0.01, 0.3),
    "event twice": (0.01, 0.3),
    "disconnects": (0.2, 8.0),  # a day
    "crash at a write": (0.0005, 0.02),
    "crash at a read": (0.00002, 0.0003),
    "crash at a request": (0.001, 0.05),
    "crash any time": (0.1, 4.0),  # a day
    "disk refuses": (0.0005, 0.01),
    "grader fails": (0.01, 0.1),
    "storms": (0.1, 1.0),  # a day
    "outages": (0.05, 0.5),  # a day
    "downtime": (0.03, 0.2),  # a day
    "deploys": (0.1, 2.0),  # a day
    "clock steps": (0.1, 4.0),  # a day
    "forbidden": (0.02, 0.1),  # a day and channel
    "forbidden for good": (0.003, 0.01),  # a day and channel
    "channel deleted": (0.003, 0.01),  # a day and channel
    "card deleted": (0.02, 0.2),  # a day and channel
    "thread deleted": (0.02, 0.2),  # a day and channel
    "deploy while sending": (0.002, 0.03),  # of requests
    "trouble at once": (0.01, 0.2),  # of what is posted
    "direct messages closed": (0.2, 0.8),  # of members
}
"""Other kinds, and the same of them; where nothing else is said, a share."""


@dataclass(frozen=True, slots=True)
class Window:
    """A while in which something is so, in seconds of the simulation."""

    begins: float
    ends: float
    kind: str
    share: float

    def holds(self, now: float) -> bool:
        return self.begins <= now < self.ends


@dataclass(slots=True)
class Swarm:
    """The faults of one seed. Once it is calm, there are no more."""

    rates: dict[str, float]
    late_at_most: float
    """Seconds after which every request has landed, if it ever does."""
    lag_at_most: float
    """Seconds after which what has landed is found."""
    windows: dict[str, list[Window]] = field(default_factory=dict)
    """By platform."""
    calm: bool = False
    met: Counter[str] = field(default_factory=Counter)
    """How often each fault came."""

    @classmethod
    def drawn(cls, seed: int, days: float, platforms: tuple[str, ...]) -> Swarm:
        dice = Random(f"{seed}/swarm")
        quiet = dice.random() < 0.05
        rates = {}
        for kind, (least, most) in {**OF_A_REQUEST, **OTHERS}.items():
            share = least * (most / least) ** dice.random()
            if dice.random() < 0.5 and not quiet:
                rates[kind] = share
        swarm = cls(
            rates=rates,
            late_at_most=dice.choice((20.0, 90.0, 600.0, 3600.0)),
            lag_at_most=dice.choice((2.0, 10.0, 60.0)),
        )
        for platform in platforms:
            swarm.windows[platform] = [
                *swarm._windows(dice, days, "storms", ("server error", "limited for all", "request lost")),
                *swarm._windows(dice, days, "outages", ("outage",)),
            ]
        return swarm

    def _windows(self, dice: Random, days: float, rate: str, kinds: tuple[str, ...]) -> list[Window]:
        found, at = [], 0.0
        while rate in self.rates and (at := at + dice.expovariate(self.rates[rate] / DAY)) < days * DAY:
            lasts = dice.choice((60.0, 600.0, HOUR, 5 * HOUR)) * dice.random()
            found.append(Window(at, at + lasts, dice.choice(kinds), dice.uniform(0.2, 1.0)))
            at += lasts
        return found

    def rate(self, kind: str) -> float:
        """How often this comes; 0 for what is off."""
        return 0.0 if self.calm else self.rates.get(kind, 0.0)

    def happens(self, kind: str, dice: Random) -> bool:
        """Whether this happens now."""
        rate = self.rate(kind)
        if rate and dice.random() < rate:
            self.met[kind] += 1
            return True
        return False

    def in_window(self, platform: str, now: float, dice: Random) -> str | None:
        """The kind of fault that a storm or an outage of a platform brings now."""
        for window in () if self.calm else self.windows[platform]:
            if window.holds(now) and dice.random() < window.share:
                self.met[f"{window.kind} in a storm" if window.kind != "outage" else "outage"] += 1
                return window.kind
        return None

    def outage(self, platform: str, now: float) -> bool:
        """Whether a platform cannot be reached at all."""
        return not self.calm and any(w.kind == "outage" and w.holds(now) for w in self.windows[platform])

    def of_a_request(self, platform: str, now: float, dice: Random) -> str | None:
        """The kind of fault that a request meets."""
        kind = self.in_window(platform, now, dice)
        if kind is not None:
            return kind
        for kind in OF_A_REQUEST:
            if self.happens(kind, dice):
                return kind
        return None
