"""What can be measured of a running program, for Prometheus (docs/monitoring.md has the list).

Labels have few values, all known beforehand: a platform, a kind of outcome. Never a group, a channel or a member.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Metric,
    ProcessCollector,
    generate_latest,
)

from bot import __version__
from bot.core.model import ChannelId, Delivery, Drill, platform_of
from bot.core.ports import DeliveryError, Failure

if TYPE_CHECKING:
    import aiohttp

LATE_AFTER: Final = timedelta(minutes=1)
"""A question that stands later than this after its planned instant is late."""

REFUSALS_WITHIN: Final = 600.0
"""Seconds over which refused requests are counted: Discord bans an address that has 10,000 of them in this time."""

REFUSED: Final = (401, 403, 429)

_REMEMBERED: Final = 20_000
_LAGS: Final = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
_ACKNOWLEDGED: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 2.5, 3, 5)
"""Three seconds are what both platforms allow."""
_WRITES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15)
_EXTRA: Final = re.compile(r"#\d+$")


class Metrics:
    """All numbers of one program, in a registry of its own. What is told it may come from any thread."""

    def __init__(self, platforms: Sequence[str], elapsed: Callable[[], float] = time.monotonic) -> None:
        """`elapsed` are seconds since whenever, by which requests fall out of the last ten minutes."""
        self.registry = registry = CollectorRegistry()
        self._elapsed = elapsed
        Info("nnquestion_build", "The program's version.", registry=registry).info({"version": __version__})
        ProcessCollector(registry=registry)

        # Rounds.
        self._due = Counter("nnquestion_rounds_due", "Daily rounds whose planned instant has come.", registry=registry)
        self._posted = Counter("nnquestion_rounds_posted", "Rounds whose question stands.", ["kind"], registry=registry)
        self._late = Counter(
            "nnquestion_rounds_late",
            "Daily rounds whose question stood more than 60 s after its planned instant.",
            registry=registry,
        )
        self._revealed = Counter("nnquestion_rounds_revealed", "Rounds revealed.", registry=registry)

        # Deliveries.
        self._lag = Histogram(
            "nnquestion_delivery_lag_seconds",
            "From when a message was owed to when all of it stood.",
            buckets=_LAGS,
            labelnames=["platform"],
            registry=registry,
        )
        self._deliveries = Counter(
            "nnquestion_deliveries",
            "Messages owed, by what became of an attempt to send them.",
            ["platform", "outcome"],
            registry=registry,
        )
        self._failures = Counter(
            "nnquestion_delivery_failures",
            "Attempts that failed, by what is known of it.",
            ["platform", "failure"],
            registry=registry,
        )
        self._waiting = Gauge(
            "nnquestion_deliveries_waiting",
            "Messages owed that do not stand yet.",
            labelnames=["platform"],
            registry=registry,
        )

        # Platforms.
        self._requests = Counter(
            "nnquestion_requests",
            "Requests to a platform, by what came of them.",
            ["platform", "result"],
            registry=registry,
        )
        self._refused = Counter(
            "nnquestion_requests_refused",
            "Requests answered with 401, 403 or 429.",
            ["platform", "status"],
            registry=registry,
        )
        self._refused_lately = Gauge(
            "nnquestion_requests_refused_last_10m",
            "The same in the last ten minutes; Discord bans an address at 10,000.",
            labelnames=["platform"],
            registry=registry,
        )
        self._acknowledged = Histogram(
            "nnquestion_acknowledgement_seconds",
            "From when an interaction or an event came to when the platform was told so; it waits for 3 s.",
            buckets=_ACKNOWLEDGED,
            labelnames=["platform"],
            registry=registry,
        )
        self._reconnects = Counter(
            "nnquestion_reconnects",
            "Times that a platform was heard again after it was not.",
            labelnames=["platform"],
            registry=registry,
        )
        self._platforms = {name: OnePlatform(self, name) for name in platforms}

        # The program itself.
        self._events = Gauge("nnquestion_events_waiting", "Events written down and not worked on.", registry=registry)
        self._write_waits = Histogram(
            "nnquestion_database_write_wait_seconds",
            "From when a write was handed over to when it began.",
            buckets=_WRITES,
            registry=registry,
        )
        self._writes = Histogram(
            "nnquestion_database_write_seconds",
            "From when a write began to when it was on disk, with all that was committed together.",
            buckets=_WRITES,
            registry=registry,
        )
        self._tick = Gauge(
            "nnquestion_last_tick_timestamp_seconds",
            "When the clock was last looked at and all that was due was done.",
            registry=registry,
        )
        self._backup = Gauge(
            "nnquestion_last_backup_timestamp_seconds",
            "When the latest backup was made; 0 where there is none.",
            registry=registry,
        )
        self._lease = Gauge(
            "nnquestion_lease_held", "1 where this copy ticks and sends, 0 where it stands by.", registry=registry
        )
        self._ready = Gauge(
            "nnquestion_ready",
            "1 for each part of /readyz that is well, as last looked at.",
            ["part"],
            registry=registry,
        )
        for kind in ("daily", "extra"):
            self._posted.labels(kind)
        self._planned: dict[str, datetime] = {}
        self._last_due: dict[ChannelId, date] = {}

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        for name, one in self._platforms.items():
            self._refused_lately.labels(name).set(one.refused_lately())
        return generate_latest(_WithoutBirths(self.registry))

    def of(self, platform: str) -> OnePlatform:
        """What is to be told of one of the platforms."""
        return self._platforms[platform]

    # --- rounds -----------------------------------------------------------------------------------------------

    def due(self, drill: Drill) -> None:
        """A drill's next opening is due. Told again, it counts once."""
        opening = drill.next
        if opening is None or self._last_due.get(drill.channel) == opening.on:
            return
        self._last_due[drill.channel] = opening.on
        self._planned[f"{drill.channel}@{opening.on.isoformat()}"] = opening.at
        while len(self._planned) > _REMEMBERED:  # Of those that never came to stand.
            del self._planned[next(iter(self._planned))]
        self._due.inc()

    def revealed(self) -> None:
        """A round was revealed."""
        self._revealed.inc()

    # --- deliveries -------------------------------------------------------------------------------------------

    def sent(self, delivery: Delivery, took: timedelta) -> None:
        """All of it stands; it was owed so long before."""
        platform = platform_of(delivery.place.channel)
        self._deliveries.labels(platform, "sent").inc()
        self._lag.labels(platform).observe(max(0.0, took.total_seconds()))
        if delivery.round is None or delivery.key != f"{delivery.round}/question":
            return
        extra = _EXTRA.search(delivery.round) is not None
        self._posted.labels("extra" if extra else "daily").inc()
        planned = self._planned.pop(delivery.round, delivery.created_at)
        if not extra and delivery.created_at + took - planned > LATE_AFTER:
            self._late.inc()

    def failed(self, delivery: Delivery, error: DeliveryError) -> None:
        """An attempt failed."""
        platform = platform_of(delivery.place.channel)
        self._deliveries.labels(platform, "failed").inc()
        self._failures.labels(platform, _word(error.failure)).inc()

    def retried(self, delivery: Delivery) -> None:
        """After a failure it is owed again."""
        self._deliveries.labels(platform_of(delivery.place.channel), "retried").inc()

    def dropped(self, delivery: Delivery) -> None:
        """After a failure it is given up."""
        self._deliveries.labels(platform_of(delivery.place.channel), "dropped").inc()

    def looked(self, delivery: Delivery) -> None:
        """It was looked for, since it may have been sent before."""
        self._deliveries.labels(platform_of(delivery.place.channel), "looked_up").inc()

    def removed(self, delivery: Delivery) -> None:
        """A younger duplicate of it was found, and removed."""
        self._deliveries.labels(platform_of(delivery.place.channel), "duplicate_removed").inc()

    # --- the program itself -----------------------------------------------------------------------------------

    def wrote(self, waited: float, took: float) -> None:
        """A write waited so many seconds for its turn, and took so many."""
        self._write_waits.observe(waited)
        self._writes.observe(took)

    def ticked(self, at: datetime) -> None:
        """The clock was looked at, and all that was due is done."""
        self._tick.set(at.timestamp())

    def backed_up(self, at: datetime) -> None:
        """There is a backup of this instant."""
        self._backup.set(at.timestamp())

    def leads(self, held: bool) -> None:
        """Whether this copy is the one that ticks and sends."""
        self._lease.set(held)

    def counted(self, events: int, deliveries: Mapping[str, int]) -> None:
        """So many events wait, and so many deliveries, by platform."""
        self._events.set(events)
        for platform in {*self._platforms, *deliveries}:
            self._waiting.labels(platform).set(deliveries.get(platform, 0))

    def readied(self, parts: Mapping[str, bool]) -> None:
        """Which parts of the program are ready."""
        for part, is_well in parts.items():
            self._ready.labels(part).set(is_well)


def _word(failure: Failure) -> str:
    return failure.value.replace(" ", "_")


class _WithoutBirths(CollectorRegistry):
    """A registry without the instants at which each number began, which the text format shows as numbers of their own.

    The library can be told to leave them out, but only for the whole process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class OnePlatform:
    """What one adapter tells."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._metrics, self._name = metrics, name
        self._refusals = deque[float](maxlen=_REMEMBERED)
        self._lock = threading.Lock()
        # So that what has not happened yet is 0, and not missing: alerts are about changes.
        metrics._reconnects.labels(name)
        for result in ("answered", "broken"):
            metrics._requests.labels(name, result)
        for status in REFUSED:
            metrics._refused.labels(name, str(status))
        for outcome in ("sent", "failed", "retried", "dropped", "looked_up", "duplicate_removed"):
            metrics._deliveries.labels(name, outcome)
        for failure in Failure:
            metrics._failures.labels(name, _word(failure))
        metrics._waiting.labels(name)
        metrics._lag.labels(name)
        metrics._acknowledged.labels(name)

    @property
    def trace(self) -> aiohttp.TraceConfig:
        """Counts the requests of the sessions that it is given to."""
        import aiohttp

        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._answered)
        trace.on_request_exception.append(self._broken)
        return trace

    def reconnected(self) -> None:
        """A connection is up again that was up before."""
        self._metrics._reconnects.labels(self._name).inc()

    def acknowledged(self, seconds: float) -> None:
        """Something that came was acknowledged so long after."""
        self._metrics._acknowledged.labels(self._name).observe(seconds)

    def answered(self, status: int, *, shared: bool = False) -> None:
        """A request got an answer. `shared`: a limit that others have used up, for which Discord bans nobody."""
        self._metrics._requests.labels(self._name, "answered").inc()
        if status not in REFUSED:
            return
        self._metrics._refused.labels(self._name, str(status)).inc()
        if not shared:
            with self._lock:
                self._refusals.append(self._metrics._elapsed())

    def refused_lately(self) -> int:
        """Requests refused in the last ten minutes; at most 20,000 are counted."""
        since = self._metrics._elapsed() - REFUSALS_WITHIN
        with self._lock:
            while self._refusals and self._refusals[0] <= since:
                self._refusals.popleft()
            return len(self._refusals)

    async def _answered(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, answer: aiohttp.TraceRequestEndParams
    ) -> None:
        scope = answer.response.headers.get("X-RateLimit-Scope")
        self.answered(answer.response.status, shared=answer.response.status == 429 and scope == "shared")

    async def _broken(self, _: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        self._metrics._requests.labels(self._name, "broken").inc()
