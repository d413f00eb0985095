"""What each failure of Slack's comes to: real answers, over real sockets, through the real client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from typing import Any, Final, NoReturn

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack import failures
from bot.adapters.slack.failures import FOLLOWS, TABLE, Outcome, Sign, failure_of
from bot.adapters.slack.ids import channel_id
from bot.core.model import Place
from bot.core.ports import Failure
from tests.wire.slack_server import Faults, SlackServer

CHANNEL: Final = Place(channel=channel_id("T1", "C1"))
POST: Final = "chat.postMessage"
WORDS: Final = [sign for sign in TABLE if isinstance(sign, str) and " " not in sign]


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


async def error_of(
    url: str, token: str = "xoxb", *, channel: str = "C1", within: float = 10, **client: Any
) -> Exception:
    """What the client raises for a message."""
    timeout = aiohttp.ClientTimeout(total=within)
    async with aiohttp.ClientSession(timeout=timeout, connector=client.pop("connector", None)) as session:
        asking = AsyncWebClient(token=token, base_url=url, session=session, retry_handlers=[], **client)
        with pytest.raises(failures.TROUBLE) as caught:
            await asking.chat_postMessage(channel=channel, text="hello")
    return caught.value


async def met(server: SlackServer, order: Callable[[Faults], object]) -> Exception:
    """What the client raises where something was ordered to go wrong."""
    team = server.team("Study")
    order(server.faults)
    return await error_of(server.api_url, team.token, channel=team.channel("general").id)


# --- what Slack says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", WORDS)
async def test_each_word_of_slacks_is_known_by_its_own_row(server: SlackServer, word: str) -> None:
    error = await met(server, lambda faults: faults.refuse(POST, word))
    assert failures.word_of(error) == word
    row = failures.row_of(error)
    assert row is TABLE[word]
    expected = row.outcome if isinstance(row.outcome, Failure) else Failure.NOT_SENT
    assert failure_of(error, CHANNEL).failure is expected


ORDERS: Final[dict[Sign, Callable[[Faults], object]]] = {
    "any other error": lambda faults: faults.refuse(POST, "something_new"),
    "status 5xx": lambda faults: faults.fail(POST, status=502),
    "no JSON": lambda faults: faults.garble(POST),
    aiohttp.ClientError: lambda faults: faults.cut(POST),
}


@pytest.mark.parametrize("sign", ORDERS, ids=str)
async def test_what_is_no_word_of_slacks_is_known_by_its_row(server: SlackServer, sign: Sign) -> None:
    error = await met(server, ORDERS[sign])
    assert failures.row_of(error) is TABLE[sign]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
@pytest.mark.parametrize("landed", [False, True])
async def test_a_page_of_a_proxys_leaves_unclear_what_became_of_it(
    server: SlackServer, status: int, landed: bool
) -> None:
    error = await met(server, lambda faults: faults.fail(POST, status=status, landed=landed))
    assert failure_of(error, CHANNEL).failure is Failure.UNCLEAR


@asynccontextmanager
async def answering(answer: Callable[[], web.Response]) -> AsyncIterator[str]:
    """Somebody who gives the same answer to whatever they are asked."""

    async def handle(request: web.Request) -> web.Response:
        return answer()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body", "content_type", "failure"),
    [
        (429, "slow down", "text/plain", Failure.NOT_SENT),
        (429, "<html>", "text/html", Failure.NOT_SENT),
        (403, "<html>blocked</html>", "text/html", Failure.UNCLEAR),
        (200, "<html>log in to this network</html>", "text/html", Failure.UNCLEAR),
        (200, "", "application/json", Failure.UNCLEAR),
        (200, "[]", "application/json", Failure.UNCLEAR),
        (200, '"ok"', "application/json", Failure.UNCLEAR),
        (200, '{"ok": false}', "application/json", Failure.UNCLEAR),
        (200, '{"ok": false, "error": 7}', "application/json", Failure.UNCLEAR),
    ],
)
async def test_whoever_stands_before_slack_may_answer_anything(
    status: int, body: str, content_type: str, failure: Failure
) -> None:
    async with answering(lambda: web.Response(status=status, text=body, content_type=content_type)) as url:
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            client = AsyncWebClient(token="xoxb", base_url=url, session=session, retry_handlers=[])
            with pytest.raises(Exception) as caught:  # noqa: PT011 - which one it is is what is asked
                await client.chat_postMessage(channel="C1", text="hello")
    assert failure_of(caught.value, CHANNEL).failure is failure


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ({"Retry-After": "3600"}, timedelta(hours=1)),
        ({"retry-after": "1.5"}, timedelta(seconds=1.5)),
        ({}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 09:00:00 GMT"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
    ],
)
async def test_slack_is_left_alone_as_long_as_it_asks(asked: dict[str, str], wait: timedelta | None) -> None:
    said = {"ok": False, "error": "ratelimited"}
    async with answering(lambda: web.json_response(said, status=429, headers=asked)) as url:
        error = failure_of(await error_of(url), CHANNEL)
    assert (error.failure, error.retry_after) == (Failure.NOT_SENT, wait)


# --- the network ------------------------------------------------------------------------------------------------


class NoNames(AbstractResolver):
    """A network without names."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> NoReturn:
        raise OSError(None, "no such host")

    async def close(self) -> None: ...


async def refusing() -> Exception:
    return await error_of("http://127.0.0.1:1/api/")


async def nameless() -> Exception:
    return await error_of("http://slack.test/api/", connector=aiohttp.TCPConnector(resolver=NoNames()))


async def proxied() -> Exception:
    async with answering(lambda: web.Response(status=407)) as proxy:
        return await error_of("https://slack.test/api/", proxy=proxy)


async def silent() -> Exception:
    left = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    listener = await asyncio.start_server(never, "127.0.0.1", 0)
    error = await error_of(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/api/", within=0.05)
    await left.wait()
    listener.close()
    return error


async def unconnected() -> Exception:
    return aiohttp.ConnectionTimeoutError()  # It takes a network that swallows what is sent into it.


@pytest.mark.parametrize(
    ("visit", "sign"),
    [
        (refusing, aiohttp.ClientConnectorError),
        (nameless, aiohttp.ClientConnectorError),
        (proxied, aiohttp.ClientHttpProxyError),
        (unconnected, aiohttp.ConnectionTimeoutError),
        (silent, OSError),
    ],
)
async def test_only_what_never_got_there_is_certainly_not_sent(
    visit: Callable[[], Awaitable[Exception]], sign: Sign
) -> None:
    error = await visit()
    assert isinstance(error, failures.TROUBLE)
    assert failures.row_of(error) is not None
    assert failures.row_of(error) == TABLE[sign]
    assert failure_of(error, CHANNEL).failure is (Failure.UNCLEAR if sign is OSError else Failure.NOT_SENT)


# --- the log ----------------------------------------------------------------------------------------------------


async def test_what_slack_does_not_take_is_a_fault_of_ours_and_is_in_the_log(
    server: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    told = {"messages": ["[ERROR] “what Ada answered” is too long [json-pointer:/blocks/0/text]"]}
    error = await met(server, lambda faults: faults.refuse(POST, "invalid_blocks", response_metadata=told))
    caplog.clear()
    failure_of(error, CHANNEL)
    [(_, level, said)] = caplog.record_tuples
    assert level == logging.ERROR
    assert "invalid_blocks (at /blocks/0/text)" in said
    assert CHANNEL.channel in said
    assert "Ada" not in said


@pytest.mark.parametrize("word", [word for word in WORDS if not TABLE[word].ours])
async def test_what_happens_to_every_bot_is_not_logged_as_a_fault(
    server: SlackServer, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await met(server, lambda faults: faults.refuse(POST, word))
    caplog.clear()
    failure_of(error, CHANNEL)
    assert caplog.records == []


def test_what_nobody_thought_of_is_unclear_and_in_the_log_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    error = KeyError("ts")
    assert failure_of(error, CHANNEL).failure is Failure.UNCLEAR
    [record] = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (lambda faults: faults.refuse(POST, "missing_scope", needed="chat:write"), "missing_scope, needs chat:write"),
        (lambda faults: faults.fail(POST, status=503), "status 503, no JSON"),
        (lambda faults: faults.garble(POST), "status 200, no JSON"),
        (lambda faults: faults.cut(POST), "ServerDisconnectedError"),
        (lambda faults: faults.refuse(POST, "what Ada answered"), "status 200, an unreadable word"),
    ],
)
async def test_an_error_is_one_line_without_the_token(
    server: SlackServer, order: Callable[[Faults], object], said: str
) -> None:
    error = await met(server, order)
    assert failures.in_words(error) == said
    assert server.team("Study").token not in failures.in_words(error)


def test_an_error_without_words_is_called_by_its_name() -> None:
    assert failures.in_words(TimeoutError()) == "TimeoutError"


# --- questions by name ------------------------------------------------------------------------------------------

QUESTIONS: Final = (failures.gone, failures.thread_gone, failures.token_refused, failures.nobody_waits)


@pytest.mark.parametrize(
    ("word", "yes"),
    [
        ("message_not_found", ["gone", "thread_gone"]),
        ("thread_not_found", ["gone", "thread_gone"]),
        ("channel_not_found", ["gone"]),
        ("invalid_auth", ["token_refused"]),
        ("token_revoked", ["token_refused"]),
        ("account_inactive", ["token_refused"]),
        ("already_reacted", ["nobody_waits"]),
        ("expired_trigger_id", ["nobody_waits"]),
        ("not_in_channel", []),
        ("ratelimited", []),
        ("something_new", []),
    ],
)
async def test_the_adapter_asks_by_name(server: SlackServer, word: str, yes: list[str]) -> None:
    error = await met(server, lambda faults: faults.refuse(POST, word))
    assert [question.__name__ for question in QUESTIONS if question(error)] == yes


async def test_a_wrong_token_is_known_at_the_door(server: SlackServer) -> None:
    assert failures.token_refused(await error_of(server.api_url, "wrong"))


# --- waiting to connect -----------------------------------------------------------------------------------------


def test_pauses_grow_to_a_minute_and_never_ask_for_more_sockets_than_slack_gives() -> None:
    thousand = list(islice(failures.pauses(), 1000))
    assert thousand == sorted(thousand)
    assert thousand[0] <= 5
    assert max(thousand) == 60


# --- the table --------------------------------------------------------------------------------------------------


def test_every_row_is_met_by_a_request_here() -> None:
    asked = {aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError, OSError}
    assert {*WORDS, *ORDERS, *asked, "status 429"} == set(TABLE)


def test_the_table_for_people_has_every_row_in_whole_words() -> None:
    shown = list(failures.rows())
    assert len(shown) == len(TABLE)
    assert len({known for known, *_ in shown}) == len(TABLE)
    for row in shown:
        assert all(row)
        assert row[1].endswith(".")
        assert row[3].endswith(".")


def test_every_outcome_is_explained_and_comes_of_something() -> None:
    assert {row.outcome for row in TABLE.values()} == set(FOLLOWS) == {*Failure, *Outcome}
