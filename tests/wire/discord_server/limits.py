"""Rate limits: a bucket for each route and top-level resource, and one for the whole bot.

They run in real time, since the client waits in real time.
https://docs.discord.com/developers/topics/rate-limits
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from .errors import Json

MAJOR: Final = ("channel", "guild", "application")
"""The parameters of a route that have buckets of their own. Webhook routes go by the interaction's token as well."""

GLOBAL: Final = 50
"""Requests in a second that one bot may make, over all routes but those of interactions."""


class Limited(Exception):
    """A request is one too many."""

    def __init__(self, headers: dict[str, str], body: Json) -> None:
        super().__init__(body["message"])
        self.headers = headers
        self.body = body


@dataclass(slots=True)
class _Bucket:
    size: int
    per: float
    used: int = 0
    resets: float = field(default=0.0)

    def take(self) -> bool:
        now = time.monotonic()
        if now >= self.resets:
            self.used, self.resets = 0, now + self.per
        if self.used >= self.size:
            return False
        self.used += 1
        return True

    @property
    def after(self) -> float:
        return max(0.0, self.resets - time.monotonic())


class Limits:
    """The buckets. At first they are far too large to be felt; `set` makes one of the size a test wants."""

    def __init__(self) -> None:
        self.per_second: int = GLOBAL
        self._sizes: dict[tuple[str, str], tuple[int, float]] = {}
        self._buckets: dict[tuple[str, str, str], _Bucket] = {}
        self._recent: deque[float] = deque()

    def set(self, method: str, template: str, *, size: int, per: float) -> None:
        """Let a route take `size` requests in `per` real seconds for each channel (or guild, or interaction).

        The template is as in Discord's documentation, without the version: `/channels/{channel}/messages`.
        """
        self._sizes[method, template] = (size, per)
        self._buckets.clear()

    def take(self, method: str, template: str, major: str, *, counts: bool) -> dict[str, str]:
        """Count a request; the headers that say what is left. `counts`: also against the bot's limit over all."""
        now = time.monotonic()
        if counts:
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= self.per_second:
                raise limited(self._recent[0] + 1 - now, everywhere=True)
            self._recent.append(now)
        size, per = self._sizes.get((method, template), (10_000, 1.0))
        bucket = self._buckets.setdefault((method, template, major), _Bucket(size, per))
        taken = bucket.take()
        headers = {
            "X-RateLimit-Limit": str(size),
            "X-RateLimit-Remaining": str(size - bucket.used),
            "X-RateLimit-Reset": f"{time.time() + bucket.after:.3f}",
            "X-RateLimit-Reset-After": f"{bucket.after:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(f"{method} {template}".encode()).hexdigest()[:16],
        }
        if not taken:
            raise limited(bucket.after, headers=headers)
        return headers


def limited(
    retry_after: float,
    *,
    everywhere: bool = False,
    via: bool = True,
    scope: str = "user",
    headers: dict[str, str] | None = None,
) -> Limited:
    """A 429. Without `Via` it does not come from Discord but from Cloudflare, which has banned the address."""
    found = dict(headers or {})
    found["Retry-After"] = str(int(retry_after) + 1)
    found["X-RateLimit-Scope"] = "global" if everywhere else scope
    if everywhere:
        found["X-RateLimit-Global"] = "true"
    if via:
        found["Via"] = "1.1 google"
    body = {
        "message": "The resource is being rate limited." if scope == "shared" else "You are being rate limited.",
        "retry_after": round(retry_after, 3),
        "global": everywhere,
    }
    return Limited(found, body)
