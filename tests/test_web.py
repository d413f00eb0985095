"""The web server: its address, its routes, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import pytest
from aiohttp import web

from bot.web import LARGEST, Web


async def echo(request: web.Request) -> web.Response:
    return web.Response(text=await request.text())


async def fault(request: web.Request) -> web.Response:
    raise RuntimeError("secret words")


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_it_serves_its_routes_at_an_address_that_the_system_chose(client: aiohttp.ClientSession) -> None:
    served = Web("127.0.0.1", 0, [("POST", "/echo", echo)])
    await served.start()
    try:
        assert served.address.startswith("http://127.0.0.1:")
        async with client.post(f"{served.address}/echo", data="héllo".encode()) as answer:
            assert (answer.status, await answer.text()) == (200, "héllo")
        for method, path, status in (("GET", "/echo", 405), ("GET", "/", 404), ("POST", "/echo/x", 404)):
            async with client.request(method, f"{served.address}{path}") as answer:
                assert answer.status == status
    finally:
        await served.stop()


async def test_a_request_that_is_too_large_is_refused(client: aiohttp.ClientSession) -> None:
    served = Web("127.0.0.1", 0, [("POST", "/echo", echo)])
    await served.start()
    try:
        async with client.post(f"{served.address}/echo", data=BytesIO(b"x" * LARGEST)) as answer:
            assert answer.status == 200
        async with client.post(f"{served.address}/echo", data=BytesIO(b"x" * (LARGEST + 1))) as answer:
            assert answer.status == 413
    finally:
        await served.stop()


async def test_a_fault_behind_a_route_tells_nobody_what_it_was(client: aiohttp.ClientSession) -> None:
    served = Web("127.0.0.1", 0, [("GET", "/fault", fault)])
    await served.start()
    try:
        async with client.get(f"{served.address}/fault") as answer:
            assert answer.status == 500
            assert "secret" not in await answer.text()
    finally:
        await served.stop()


async def test_what_is_in_hand_is_answered_before_it_stops(client: aiohttp.ClientSession) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        asked.set()
        await go.wait()
        return web.Response(text="done")

    served = Web("127.0.0.1", 0, [("GET", "/slow", slow)])
    await served.start()
    request = asyncio.create_task(client.get(f"{served.address}/slow").__aenter__())
    await asked.wait()
    stopping = asyncio.create_task(served.stop())
    for _ in range(20):  # turns of the loop
        await asyncio.sleep(0)
    assert not stopping.done()
    go.set()
    assert await (await request).text() == "done"
    await stopping
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get(f"{served.address}/slow")


async def test_an_address_that_is_taken_is_said_to_be_with_the_setting_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        served = Web("127.0.0.1", port, [])
        with pytest.raises(OSError, match=r"in use.*NNQUESTION_WEB names another address") as refused:
            await served.start()
        assert refused.value.filename == f"127.0.0.1:{port}"
        await served.stop()


async def test_what_answers_get_answers_head_and_nothing_says_what_runs_here(client: aiohttp.ClientSession) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="page")

    served = Web("127.0.0.1", 0, [("GET", "/page", page), ("GET", "/fault", fault)])
    await served.start()
    try:
        async with client.head(f"{served.address}/page") as answer:
            assert (answer.status, answer.headers["Content-Length"], await answer.text()) == (200, "4", "")
        for path, status in (("/page", 200), ("/", 404), ("/fault", 500)):
            async with client.get(f"{served.address}{path}") as answer:
                assert answer.status == status
                assert "Server" not in answer.headers
                assert len((await answer.text()).splitlines()) <= 3
        async with client.get(f"{served.address}/nowhere") as answer:
            assert (await answer.text()).splitlines() == ["404: Not Found"]
    finally:
        await served.stop()


async def test_an_address_that_is_taken_is_asked_for_again_and_told_of_once(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    served = Web("127.0.0.1", port, [("POST", "/echo", echo)])
    starting = asyncio.create_task(served.start_at_last(again_after=0.01))
    while not caplog.records:  # noqa: ASYNC110 - turns of the loop
        await asyncio.sleep(0)
    taken.close()
    await asyncio.wait_for(starting, 10)
    try:
        async with client.post(f"http://127.0.0.1:{port}/echo", data=b"here") as answer:
            assert await answer.text() == "here"
        [told] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert "NNQUESTION_WEB names another address, or off" in told
        assert f"127.0.0.1:{port}" in told
    finally:
        await served.stop()


async def test_it_can_be_stopped_twice_and_unstarted_and_started_anew() -> None:
    served = Web("127.0.0.1", 0, [])
    await served.stop()
    for _ in range(2):
        await served.start()
        await served.stop()
        await served.stop()


async def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    served = Web("::1", 0, [("POST", "/echo", echo)])
    try:
        await served.start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    try:
        assert served.address.startswith("http://[::1]:")
    finally:
        await served.stop()
