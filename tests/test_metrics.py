"""What is counted, and under which names."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import __version__
from bot.core.model import Action, ChannelId, Delivery, Drill, Opening, Place, RoundId
from bot.core.ports import DeliveryError, Failure
from bot.delivery import Deliverer
from bot.metrics import Metrics
from bot.store import SqliteStore
from bot.studybot import StudyBot
from tests import factories
from tests.adapters.fakes import ScriptedMessenger, StubGrader
from tests.core.worlds import SLUGS, make_bank
from tests.factories import keep, make_drill, make_question

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
CHANNEL = ChannelId("discord:1/2")
ROOT = Path(__file__).parents[1]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(("discord", "slack"))


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(name, labels)
    assert found is not None, name
    return found


def drill(on: date = date(2026, 11, 2), at: datetime = NOW) -> Drill:
    return make_drill(CHANNEL, next=Opening(on=on, at=at))


def delivery(what: str = "question", round_: str = f"{CHANNEL}@2026-11-02", at: datetime = NOW) -> Delivery:
    return Delivery(
        key=f"{round_}/{what}", place=Place(channel=CHANNEL), action=Action.POST, created_at=at, round=RoundId(round_)
    )


# --- rounds ---------------------------------------------------------------------------------------------------


def test_a_round_that_is_due_counts_once_however_long_it_waits(metrics: Metrics) -> None:
    for _ in range(3):
        metrics.due(drill())
    metrics.due(drill(on=date(2026, 11, 3), at=NOW + timedelta(days=1)))
    assert value(metrics, "nnquestion_rounds_due_total") == 2


@pytest.mark.parametrize(("owed", "took", "late"), [(0, 60, 0), (0, 61, 1), (59, 1, 0), (59, 2, 1)])
def test_a_question_is_late_by_its_planned_instant_and_not_by_when_it_was_owed(
    metrics: Metrics, owed: int, took: int, late: int
) -> None:
    metrics.due(drill())
    metrics.sent(delivery(at=NOW + timedelta(seconds=owed)), timedelta(seconds=took))
    assert value(metrics, "nnquestion_rounds_posted_total", kind="daily") == 1
    assert value(metrics, "nnquestion_rounds_late_total") == late


def test_an_extra_round_is_posted_and_never_late_and_other_messages_are_no_rounds(metrics: Metrics) -> None:
    metrics.sent(delivery(round_=f"{CHANNEL}#3"), timedelta(hours=1))
    metrics.sent(delivery("reveal"), timedelta(hours=1))
    assert value(metrics, "nnquestion_rounds_posted_total", kind="extra") == 1
    assert value(metrics, "nnquestion_rounds_posted_total", kind="daily") == 0
    assert value(metrics, "nnquestion_rounds_late_total") == 0


# --- deliveries -----------------------------------------------------------------------------------------------


def test_a_delivery_counts_by_what_became_of_it(metrics: Metrics) -> None:
    metrics.sent(delivery(), timedelta(seconds=3))
    metrics.failed(delivery(), DeliveryError(Failure.NOT_SENT))
    metrics.looked(delivery())
    metrics.removed(delivery())
    metrics.retried(delivery())
    metrics.dropped(delivery())
    for outcome in ("sent", "failed", "looked_up", "duplicate_removed", "retried", "dropped"):
        assert value(metrics, "nnquestion_deliveries_total", platform="discord", outcome=outcome) == 1
        assert value(metrics, "nnquestion_deliveries_total", platform="slack", outcome=outcome) == 0
    assert value(metrics, "nnquestion_delivery_failures_total", platform="discord", failure="not_sent") == 1
    assert value(metrics, "nnquestion_delivery_lag_seconds_sum", platform="discord") == 3


def test_a_clock_that_was_set_back_makes_no_lag_below_zero(metrics: Metrics) -> None:
    metrics.sent(delivery(), timedelta(seconds=-5))
    assert value(metrics, "nnquestion_delivery_lag_seconds_sum", platform="discord") == 0


async def test_a_day_of_a_drill_is_counted_from_the_tick_and_the_deliverer(tmp_path: Path) -> None:
    metrics, messenger = Metrics(("terminal",)), ScriptedMessenger()
    store, banks = SqliteStore(tmp_path / "x.db"), {"nn": make_bank([make_question(slug) for slug in SLUGS])}
    bot = StudyBot(store, StubGrader(), lambda: banks, watch=metrics)
    now = [factories.NOW + timedelta(seconds=45)]
    deliverer = Deliverer(store, {"terminal": messenger}, lambda: now[0], watch=metrics)
    messenger.fails("send", f"{factories.CHANNEL}@2026-11-22/question", Failure.UNCLEAR, landed=True)
    try:
        await store.write(lambda tx: keep(tx, make_drill()))
        for wait in (0, 20, factories.DAY.total_seconds()):
            now[0] += timedelta(seconds=wait)
            await bot.tick(now[0])
            await deliverer.send_due(now[0])
        messenger.lose_channel(factories.CHANNEL)
        now[0] += factories.DAY
        await bot.tick(now[0])
        await deliverer.send_due(now[0])
        events, owed = await store.read(lambda tx: (tx.events.count_waiting(), tx.deliveries.count_waiting()))
    finally:
        await store.close()
    counted = {
        outcome: value(metrics, "nnquestion_deliveries_total", platform="terminal", outcome=outcome)
        for outcome in ("failed", "retried", "looked_up", "dropped")
    }
    assert counted == {"failed": 2, "retried": 1, "looked_up": 1, "dropped": 1}
    assert value(metrics, "nnquestion_rounds_due_total") == 3
    assert value(metrics, "nnquestion_rounds_posted_total", kind="daily") == 2
    assert value(metrics, "nnquestion_rounds_late_total") == 2  # By the 65 s that all of this was after its time.
    assert value(metrics, "nnquestion_rounds_revealed_total") == 2
    assert (events, owed) == (0, {})


# --- requests -------------------------------------------------------------------------------------------------


async def test_every_request_of_a_session_is_seen_with_what_the_library_hides(metrics: Metrics) -> None:
    answers = iter([(200, {}), (429, {}), (403, {}), (429, {"X-RateLimit-Scope": "shared"}), (404, {})])

    async def answer(request: web.Request) -> web.Response:
        status, headers = next(answers)
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/", answer)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession(trace_configs=[metrics.of("discord").trace]) as session,
    ):
        for _ in range(5):
            async with session.get(server.make_url("/")):
                pass
        gone = server.make_url("/")
        await server.close()
        with pytest.raises(aiohttp.ClientError):
            await session.get(gone)
    text = metrics.text().decode()
    assert 'nnquestion_requests_total{platform="discord",result="answered"} 5.0' in text
    assert 'nnquestion_requests_total{platform="discord",result="broken"} 1.0' in text
    assert 'nnquestion_requests_refused_total{platform="discord",status="429"} 2.0' in text
    assert 'nnquestion_requests_refused_total{platform="discord",status="403"} 1.0' in text
    # For what others have used up nobody is banned.
    assert 'nnquestion_requests_refused_last_10m{platform="discord"} 2.0' in text
    assert 'nnquestion_requests_refused_last_10m{platform="slack"} 0.0' in text


def test_a_refusal_is_forgotten_after_ten_minutes() -> None:
    seconds = [0.0]
    metrics = Metrics(("discord",), lambda: seconds[0])
    metrics.of("discord").answered(403)
    seconds[0] = 599.0
    metrics.of("discord").answered(401)
    assert metrics.of("discord").refused_lately() == 2
    seconds[0] = 600.0
    assert metrics.of("discord").refused_lately() == 1
    seconds[0] = 1199.0
    assert metrics.of("discord").refused_lately() == 0
    assert value(metrics, "nnquestion_requests_refused_total", platform="discord", status="403") == 1


# --- the program itself ---------------------------------------------------------------------------------------


async def test_the_store_tells_of_each_write_how_long_it_waited_and_took(metrics: Metrics, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db", wrote=metrics.wrote)
    try:
        await asyncio.gather(*(store.write(lambda tx: tx.facts.set("a", "b")) for _ in range(5)))
        await store.read(lambda tx: tx.facts.get("a"))
    finally:
        await store.close()
    assert value(metrics, "nnquestion_database_write_seconds_count") == 5
    assert value(metrics, "nnquestion_database_write_wait_seconds_count") == 5
    assert value(metrics, "nnquestion_database_write_seconds_sum") > 0


def test_what_waits_is_set_by_platform_and_goes_back_to_nothing(metrics: Metrics) -> None:
    metrics.counted(3, {"discord": 2})
    assert value(metrics, "nnquestion_events_waiting") == 3
    assert value(metrics, "nnquestion_deliveries_waiting", platform="discord") == 2
    metrics.counted(0, {})
    assert value(metrics, "nnquestion_deliveries_waiting", platform="discord") == 0


def test_instants_are_unix_times_and_states_are_0_or_1(metrics: Metrics) -> None:
    assert value(metrics, "nnquestion_last_backup_timestamp_seconds") == 0
    metrics.ticked(NOW)
    metrics.backed_up(NOW)
    metrics.leads(True)
    metrics.readied({"slack": False})
    assert value(metrics, "nnquestion_last_tick_timestamp_seconds") == NOW.timestamp()
    assert value(metrics, "nnquestion_last_backup_timestamp_seconds") == NOW.timestamp()
    assert value(metrics, "nnquestion_lease_held") == 1
    assert value(metrics, "nnquestion_ready", part="slack") == 0
    assert value(metrics, "nnquestion_build_info", version=__version__) == 1


def test_the_page_has_no_instants_of_birth_and_its_numbers_are_all_there(metrics: Metrics) -> None:
    page = metrics.text().decode()
    assert "_created" not in page
    assert 'nnquestion_delivery_lag_seconds_bucket{le="60.0",platform="slack"} 0.0' in page
    assert "process_resident_memory_bytes" in page or not Path("/proc/self/stat").exists()
    assert [line for line in page.splitlines() if line.startswith("nnquestion_ready")] == []


def test_two_programs_count_for_themselves(metrics: Metrics) -> None:
    metrics.revealed()
    assert value(Metrics(("discord",)), "nnquestion_rounds_revealed_total") == 0


def test_every_metric_is_in_the_docs_and_none_names_a_group_a_channel_or_a_member(metrics: Metrics) -> None:
    metrics.sent(delivery(), timedelta(seconds=3))
    metrics.readied({"tick": True})
    families = [family for family in metrics.registry.collect() if family.name.startswith("nnquestion_")]
    documented = set(re.findall(r"`(nnquestion_\w+)", (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")))
    kinds = {"counter": "_total", "info": "_info"}
    assert {family.name + kinds.get(family.type, "") for family in families} <= documented
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    assert labels <= {"platform", "outcome", "failure", "kind", "status", "result", "part", "version", "le"}
