"""Rate limits, which are off until a test turns them on. They run in real time, since clients wait in real time.

https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Final

from .errors import Json
from .faults import RateLimited

TIERS: Final = {1: 1, 2: 20, 3: 50, 4: 100}
"""Requests per minute, of one method and one workspace."""

READS: Final = ("conversations.history", "conversations.replies")

READ_LIMIT: Final = 15
"""Messages that a read gives to an app that is distributed outside of the Marketplace, once a minute.

https://docs.slack.dev/changelog/2025/05/29/tos-updates
"""


class Limits:
    """How often what may be asked."""

    def __init__(self) -> None:
        self.on = False
        """Whether tiers count, and one message a second and channel."""
        self.distributed = False
        """Whether the app reads histories once a minute, and 15 messages at a time."""
        self.burst = 1
        """Messages that a channel takes at once."""
        self._taken: dict[tuple[str, ...], deque[float]] = {}

    def take(self, team: str, method: str, tier: int, arguments: Json) -> None:
        """Count a request; raise `RateLimited` if it is one too many."""
        if self.distributed and method in READS:
            self._count((team, method), 1, 60.0)
        elif self.on and method == "chat.postMessage":
            self._count((team, method, str(arguments.get("channel"))), self.burst, float(self.burst))
        elif self.on and tier:
            self._count((team, method), TIERS[tier], 60.0)

    def _count(self, key: tuple[str, ...], most: int, seconds: float) -> None:
        now = time.monotonic()
        taken = self._taken.setdefault(key, deque())
        while taken and taken[0] <= now - seconds:
            taken.popleft()
        if len(taken) >= most:
            raise RateLimited(math.ceil(taken[0] + seconds - now))
        taken.append(now)
