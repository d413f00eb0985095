"""What the pages say of a program that is well, of one that is not, and of one whose platform is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from bot import runtime
from bot.core.ports import StoreError
from bot.health import KEPT_FOR, LOOKED_AT_LEAST_EVERY, Health
from bot.settings import load
from bot.web import Web
from tests.store.files import ask


@dataclass(slots=True)
class Told:
    """What the pages are made of, as a test says."""

    trouble: str = ""
    leads: bool = True
    writes: int = 0
    fault: Exception | None = None
    held: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list)

    async def write(self) -> None:
        self.writes += 1
        if self.held is not None:
            await self.held.wait()
        if self.fault is not None:
            raise self.fault

    async def discord(self) -> str:
        return self.trouble


@dataclass(slots=True)
class Pages:
    told: Told
    health: Health
    get: Callable[[str], Awaitable[tuple[int, str]]]


@pytest.fixture
async def pages() -> AsyncIterator[Pages]:
    told = Told()
    health = Health(told.write, {"discord": told.discord}, leads=lambda: told.leads, measured=lambda: b"a_metric 1\n")
    async with served(Web("127.0.0.1", 0, health.routes())) as get:
        yield Pages(told, health, get)


@asynccontextmanager
async def served(web: Web) -> AsyncIterator[Callable[[str], Awaitable[tuple[int, str]]]]:
    await web.start()
    try:
        async with aiohttp.ClientSession() as session:

            async def get(path: str) -> tuple[int, str]:
                async with session.get(f"{web.address}{path}") as answer:
                    return answer.status, await answer.text()

            yield get
    finally:
        await web.stop()


# --- alive ----------------------------------------------------------------------------------------------------


async def test_it_is_healthy_while_something_can_be_written_whatever_a_platform_does(pages: Pages) -> None:
    pages.told.trouble = "not connected"
    assert await pages.get("/healthz") == (200, "ok\n")


async def test_a_disk_that_refuses_is_told_in_plain_words(pages: Pages) -> None:
    pages.told.fault = StoreError("/x.db: the disk is full; make room")
    assert await pages.get("/healthz") == (503, "database: /x.db: the disk is full; make room\n")
    pages.told.fault = None
    assert await pages.get("/healthz") == (200, "ok\n")


async def test_an_error_that_may_quote_anything_is_only_named(pages: Pages) -> None:
    pages.told.fault = ValueError("what Ada answered")
    assert await pages.get("/healthz") == (503, "database: writing failed (ValueError)\n")


async def test_a_write_that_does_not_return_is_told_and_nobody_who_asks_adds_another(pages: Pages) -> None:
    pages.told.held, pages.health.writes_within = asyncio.Event(), 0.05
    answers = await asyncio.gather(*(pages.get("/healthz") for _ in range(5)))
    assert set(answers) == {(503, "database: nothing could be written within 0.05 s\n")}
    assert pages.told.writes == 1
    pages.told.held.set()
    assert await pages.get("/healthz") == (200, "ok\n")
    assert pages.told.writes == 1


async def test_who_asks_all_the_time_writes_no_more_than_once_a_second(pages: Pages) -> None:
    began = asyncio.get_running_loop().time()
    for _ in range(10):
        assert (await pages.get("/healthz"))[0] == 200
    assert pages.told.writes <= 1 + (asyncio.get_running_loop().time() - began) / KEPT_FOR


# --- ready ----------------------------------------------------------------------------------------------------


async def test_it_is_ready_once_all_parts_are(pages: Pages) -> None:
    status, text = await pages.get("/readyz")
    assert status == 503
    assert '"tick": "the clock was not looked at yet"' in text
    pages.health.ticked()
    assert await pages.get("/readyz") == (
        200,
        '{\n  "state": "ready",\n  "parts": {\n    "discord": "ready",\n    "tick": "0 s ago"\n  }\n}\n',
    )
    pages.told.trouble = "not connected"
    status, text = await pages.get("/readyz")
    assert status == 503
    assert '"state": "not ready"' in text
    assert '"discord": "not connected"' in text


async def test_a_clock_that_nobody_looks_at_any_more_is_a_fault(pages: Pages) -> None:
    pages.health.ticked()
    assert pages.health._ticked_at is not None
    pages.health._ticked_at -= LOOKED_AT_LEAST_EVERY + 1
    status, text = await pages.get("/readyz")
    assert status == 503
    assert '"tick": "the clock was last looked at 121 s ago"' in text


async def test_a_copy_that_stands_by_is_ready_to_and_says_so(pages: Pages) -> None:
    pages.told.leads = False
    status, text = await pages.get("/readyz")
    assert status == 200
    assert '"state": "standby"' in text
    assert '"tick": "standby"' in text


# --- the program ----------------------------------------------------------------------------------------------


async def test_metrics_are_served_as_prometheus_wants_them(pages: Pages) -> None:
    assert await pages.get("/metrics") == (200, "a_metric 1\n")


async def test_the_assembled_program_serves_its_pages(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    settings = {"NNQUESTION_PLATFORMS": "terminal", "NNQUESTION_WEB": "127.0.0.1:0"}
    program = runtime.build(load({**settings, "NNQUESTION_DATABASE": str(database)}))
    assert program.web is not None
    await program.start()
    try:
        async with served(program.web) as get:
            assert await get("/healthz") == (200, "ok\n")
            assert (await get("/readyz"))[0] == 503
            await program.turn()
            await program.count()
            assert (await get("/readyz"))[0] == 200
            status, text = await get("/metrics")
            assert status == 200
            assert "nnquestion_events_waiting 0.0" in text
            assert 'nnquestion_ready{part="tick"} 1.0' in text
            assert 'nnquestion_deliveries_waiting{platform="terminal"} 0.0' in text
            await program.store.close()
            program.health._wrote_at = None  # What was written a moment ago holds for a second.
            assert await get("/healthz") == (503, f"database: {database}: it has been closed\n")
    finally:
        await program.stop()
    assert ask(database, "SELECT COUNT(*) FROM facts WHERE name = 'last health check'") == [(1,)]


async def test_without_an_address_nothing_is_served(tmp_path: Path) -> None:
    assert runtime.build(load({"NNQUESTION_DATABASE": str(tmp_path / "x.db"), "NNQUESTION_WEB": "off"})).web is None
