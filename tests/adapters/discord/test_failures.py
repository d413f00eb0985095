"""What each failure of Discord's comes to: real answers, over real sockets, through the real client."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, NoReturn, cast

import aiohttp
import discord
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from bot.adapters.discord import failures
from bot.adapters.discord.failures import FOLLOWS, TABLE, Outcome, SessionsSpent, failure_of
from bot.adapters.discord.ids import channel_id
from bot.core.model import Place
from bot.core.ports import Failure
from tests.adapters.discord import failure_table

CHANNEL: Final = Place(channel=channel_id(1, 2))
THREAD: Final = Place(channel=channel_id(1, 2), thread="3")
PAGE: Final = "<html>\n<title>Attention Required!</title>\n" + "<p>blocked</p>\n" * 100
VIA: Final = {"Via": "1.1 google"}
TRIED_AGAIN: Final = (500, 502, 504, 524)
"""Statuses for which discord.py sleeps and tries again, 25 seconds in all, before it raises what these tests build."""


@dataclass(frozen=True)
class Answer:
    """What a request gets: JSON, or a page; status 0 is a connection that is cut."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Server:
    """Signs every bot in that has the right token, and answers whatever else it is asked as the test says."""

    def __init__(self) -> None:
        self.answer = Answer(200)

    async def handle(self, request: web.Request) -> web.Response:
        answer = _SIGNING_IN.get(request.path, self.answer)
        if request.headers.get("Authorization") == "Bot wrong":
            answer = refused(401, 0, "401: Unauthorized")
        if answer.status == 0:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(answer.body, str):
            return web.Response(status=answer.status, text=answer.body, headers=answer.headers)
        # The client reads a body only if its type is exactly this, with no charset.
        headers = {"Content-Type": "application/json", **answer.headers}
        return web.Response(status=answer.status, body=json.dumps(answer.body), headers=headers)


_SIGNING_IN: Final = {
    "/users/@me": Answer(200, {"id": "1", "username": "study", "discriminator": "0", "avatar": None, "bot": True}),
    "/oauth2/applications/@me": Answer(
        200,
        dict.fromkeys(("id", "name", "description", "verify_key"), "1")
        | {"icon": None, "team": None, "bot_public": True, "bot_require_code_grant": False}
        | {"owner": {"id": "2", "username": "ada", "discriminator": "0", "avatar": None}},
    ),
}


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr(discord.http.Route, "BASE", f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield server
    await runner.cleanup()


async def answered(server: Server, answer: Answer) -> Exception:
    """What discord.py raises for an answer."""
    server.answer = answer
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=2)
    if answer.status in TRIED_AGAIN:
        async with aiohttp.ClientSession() as session, session.post(route.url) as response:
            return discord.DiscordServerError(response, await response.text())
    async with discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=30) as client:
        await client.login("good")
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one it is is what is asked
            await client.http.request(route)
    return caught.value


def refused(status: int, code: int, message: str = "as the test says") -> Answer:
    return Answer(status, {"code": code, "message": message})


# --- deliveries -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "in_channel", "in_thread"),
    [
        (refused(404, 10003), Failure.CHANNEL_GONE, Failure.THREAD_GONE),
        (refused(404, 10004), Failure.CHANNEL_GONE, Failure.CHANNEL_GONE),
        (refused(404, 10008), Failure.MESSAGE_GONE, Failure.MESSAGE_GONE),
        (refused(404, 10013), Failure.CHANNEL_GONE, Failure.CHANNEL_GONE),
        (refused(403, 50005), Failure.MESSAGE_GONE, Failure.MESSAGE_GONE),
        (refused(400, 50083), Failure.THREAD_GONE, Failure.THREAD_GONE),
        (refused(403, 160005), Failure.THREAD_GONE, Failure.THREAD_GONE),
        (refused(403, 50001), Failure.FORBIDDEN, Failure.FORBIDDEN),
        (refused(403, 50007), Failure.FORBIDDEN, Failure.FORBIDDEN),
        (refused(400, 40003), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(403, 40003), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(403, 50013), Failure.FORBIDDEN, Failure.FORBIDDEN),
        (refused(403, 40007), Failure.FORBIDDEN, Failure.FORBIDDEN),
        (refused(403, 40333, "internal network error"), Failure.NOT_SENT, Failure.NOT_SENT),
        (Answer(403, PAGE), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(404, 0, "404: Not Found"), Failure.NOT_SENT, Failure.NOT_SENT),
        (Answer(404, PAGE), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(401, 0, "401: Unauthorized"), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(400, 160006), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(400, 160007), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(400, 30046), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(429, 30046), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(400, 50035), Failure.REFUSED, Failure.REFUSED),
        (refused(413, 40005), Failure.REFUSED, Failure.REFUSED),
        (Answer(429, PAGE), Failure.NOT_SENT, Failure.NOT_SENT),
        (refused(503, 0), Failure.UNCLEAR, Failure.UNCLEAR),
        (refused(503, 130000), Failure.UNCLEAR, Failure.UNCLEAR),
        (Answer(521, PAGE), Failure.UNCLEAR, Failure.UNCLEAR),
        *((Answer(status, PAGE), Failure.UNCLEAR, Failure.UNCLEAR) for status in TRIED_AGAIN),
    ],
    ids=lambda value: f"{value.status}-{str(value.body)[:20]}" if isinstance(value, Answer) else None,
)
async def test_an_answer_is_a_failure_of_its_delivery(
    server: Server, answer: Answer, in_channel: Failure, in_thread: Failure
) -> None:
    error = await answered(server, answer)
    assert failure_of(error, CHANNEL).failure is in_channel
    assert failure_of(error, THREAD).failure is in_thread


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "3600"}, timedelta(hours=1)),
        ({}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 09:00:00 GMT"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
    ],
)
async def test_a_ban_by_who_stands_before_discord_waits_as_long_as_it_says(
    server: Server, headers: dict[str, str], wait: timedelta | None
) -> None:
    error = await answered(server, Answer(429, PAGE, headers))
    assert failure_of(error, CHANNEL).retry_after == wait


async def test_a_limit_that_is_too_long_to_wait_for_is_passed_on(server: Server) -> None:
    told = {"message": "You are being rate limited.", "retry_after": 600.25, "global": False}
    error = failure_of(await answered(server, Answer(429, told, VIA)), CHANNEL)
    assert (error.failure, error.retry_after) == (Failure.NOT_SENT, timedelta(seconds=600.25))


async def test_a_wait_is_asked_for_by_limits_alone(server: Server) -> None:
    error = await answered(server, Answer(503, PAGE, {"Retry-After": "5"}))
    assert failure_of(error, CHANNEL).retry_after is None


# --- the network ----------------------------------------------------------------------------------------------


class NoNames(AbstractResolver):
    """A network without names."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> NoReturn:
        raise OSError(None, "no such host")

    async def close(self) -> None: ...


async def cut(server: Server) -> Exception:
    return await answered(server, Answer(0))


async def refusing(server: Server) -> Exception:
    return await visiting("http://127.0.0.1:1")


async def nameless(server: Server) -> Exception:
    return await visiting("http://discord.test", resolver=NoNames())


async def visiting(url: str, resolver: AbstractResolver | None = None) -> Exception:
    connector = aiohttp.TCPConnector(resolver=resolver)
    with pytest.raises(aiohttp.ClientError) as caught:
        async with aiohttp.ClientSession(connector=connector) as session:
            await session.get(url)
    return caught.value


async def proxied(server: Server) -> Exception:
    server.answer = Answer(407, "no way")
    with pytest.raises(aiohttp.ClientError) as caught:
        async with aiohttp.ClientSession() as session:
            await session.get("https://discord.test", proxy=discord.http.Route.BASE)
    return caught.value


async def silent(server: Server) -> Exception:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(never, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    with pytest.raises(TimeoutError) as caught:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=0.01)) as session:
            await session.get(f"http://127.0.0.1:{port}")
    listener.close()
    return caught.value


@pytest.mark.parametrize(
    ("met", "failure"),
    [
        (cut, Failure.UNCLEAR),
        (silent, Failure.UNCLEAR),
        (refusing, Failure.NOT_SENT),
        (nameless, Failure.NOT_SENT),
        (proxied, Failure.NOT_SENT),
    ],
)
async def test_only_what_never_got_there_is_certainly_not_sent(server: Server, met: Any, failure: Failure) -> None:
    error = await met(server)
    assert isinstance(error, failures.TROUBLE)
    assert failure_of(error, CHANNEL).failure is failure


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TimeoutError(), Failure.UNCLEAR),
        (ConnectionResetError(104, "Connection reset by peer"), Failure.UNCLEAR),
        (aiohttp.ClientPayloadError(), Failure.UNCLEAR),
        (aiohttp.ConnectionTimeoutError(), Failure.NOT_SENT),
    ],
)
def test_time_outs_and_broken_connections_are_unclear_once_there_was_one(error: Exception, failure: Failure) -> None:
    assert failure_of(error, CHANNEL).failure is failure


# --- the log --------------------------------------------------------------------------------------------------


async def test_what_discord_does_not_take_is_a_fault_of_ours_and_is_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    said_of_it = "Must not be “what Ada answered”.\nIn Ada's words: as she said"
    errors = {"embeds": {"0": {"title": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": said_of_it}]}}}}
    error = await answered(server, Answer(400, {"code": 50035, "message": "Invalid Form Body", "errors": errors}))
    caplog.clear()
    failure_of(error, CHANNEL)
    ((_, level, said),) = caplog.record_tuples
    assert level == logging.ERROR
    assert "status 400, code 50035: Invalid Form Body (in embeds.0.title)" in said
    assert CHANNEL.channel in said
    assert "Ada" not in said


async def test_what_happens_to_every_bot_is_not_logged_as_a_fault(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    often = ((404, 10003), (403, 50013), (503, 0), (400, 50083), (429, 30046), (400, 160006), (400, 160007))
    for answer in (*(refused(*one) for one in often), Answer(429, PAGE), Answer(0)):
        error = await answered(server, answer)
        caplog.clear()
        failure_of(error, CHANNEL)
        assert caplog.records == []
    failure_of(TimeoutError(), CHANNEL)
    assert caplog.records == []


def test_what_nobody_thought_of_is_unclear_and_in_the_log_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    error = KeyError("author")
    assert failure_of(error, CHANNEL).failure is Failure.UNCLEAR
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_nothing_of_a_page_that_a_proxy_sends_along_is_said(server: Server) -> None:
    assert failures.in_words(await answered(server, Answer(403, PAGE))) == "status 403"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "TimeoutError"),
        (ConnectionRefusedError(111, "Connection refused"), "ConnectionRefusedError: Connection refused"),
        (discord.RateLimited(2), "Too many requests. Retry in 2.00 seconds."),
    ],
)
def test_an_error_without_words_is_called_by_its_name(error: Exception, said: str) -> None:
    assert failures.in_words(error) == said


# --- questions by name ----------------------------------------------------------------------------------------

QUESTIONS: Final = (
    failures.gone,
    failures.archived,
    failures.has_thread,
    failures.too_late,
    failures.answered_already,
    failures.token_refused,
)


def yes_of(error: Exception) -> list[str]:
    return [question.__name__ for question in QUESTIONS if question(error)]


@pytest.mark.parametrize(
    ("answer", "yes"),
    [
        (refused(404, 10003), ["gone"]),
        (refused(404, 10008), ["gone"]),
        (refused(404, 0), []),
        (refused(400, 50083), ["archived"]),
        (refused(400, 160004), ["has_thread"]),
        (refused(404, 10062), ["too_late"]),
        (refused(404, 10015), ["too_late"]),
        (refused(401, 50027), ["too_late"]),
        (refused(400, 40060), ["answered_already"]),
        (refused(401, 0), ["token_refused"]),
        (refused(403, 50013), []),
        (refused(400, 50035), []),
        (refused(503, 0), []),
    ],
    ids=lambda value: str(value.body["code"]) if isinstance(value, Answer) else None,
)
async def test_the_client_asks_by_name(server: Server, answer: Answer, yes: list[str]) -> None:
    assert yes_of(await answered(server, answer)) == yes


async def test_a_wrong_token_is_known_at_the_door(server: Server) -> None:
    with pytest.raises(discord.LoginFailure) as caught:
        async with discord.Client(intents=discord.Intents(guilds=True)) as client:
            await client.login("wrong")
    assert yes_of(caught.value) == ["token_refused"]


def closed(code: int) -> discord.ConnectionClosed:
    return discord.ConnectionClosed(cast(aiohttp.ClientWebSocketResponse, None), shard_id=None, code=code)


@pytest.mark.parametrize(("code", "yes"), [(4004, ["token_refused"]), (4014, []), (4011, [])])
def test_a_token_that_is_replaced_closes_the_gateway(code: int, yes: Sequence[str]) -> None:
    assert yes_of(closed(code)) == yes


def test_a_second_answer_to_an_interaction_is_known_here_too() -> None:
    assert yes_of(discord.InteractionResponded(cast(discord.Interaction[Any], None))) == ["answered_already"]


# --- waiting to connect ---------------------------------------------------------------------------------------


def test_pauses_grow_and_never_begin_a_thousand_sessions_in_a_day() -> None:
    thousand = list(islice(failures.pauses(), 1000))
    assert thousand == sorted(thousand)
    assert thousand[0] <= 5
    assert max(thousand) <= 120
    assert sum(thousand) > timedelta(days=1).total_seconds()


def test_when_no_sessions_remain_the_wait_is_known() -> None:
    assert failures.asked_wait(SessionsSpent(timedelta(hours=2))) == timedelta(hours=2)


# --- the table ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (refused(404, 10003, "Unknown Channel"), Failure.CHANNEL_GONE),
        (refused(404, 10004, "Unknown Guild"), Failure.CHANNEL_GONE),
        (refused(404, 10008, "Unknown Message"), Failure.MESSAGE_GONE),
        (refused(404, 10013, "Unknown User"), Failure.CHANNEL_GONE),
        (refused(403, 50005, "Cannot edit a message authored by another user"), Failure.MESSAGE_GONE),
        (refused(400, 50083, "Thread is archived"), Failure.THREAD_GONE),
        (refused(403, 160005, "Thread is locked"), Failure.THREAD_GONE),
        (refused(403, 50001, "Missing Access"), Failure.FORBIDDEN),
        (refused(403, 50007, "Cannot send messages to this user"), Failure.FORBIDDEN),
        (refused(403, 50013, "Missing Permissions"), Failure.FORBIDDEN),
        (refused(429, 30046, "Maximum number of edits to messages older than 1 hour reached"), Failure.NOT_SENT),
        (refused(400, 160006, "Maximum number of active threads reached"), Failure.NOT_SENT),
        (refused(400, 160007, "Maximum number of active announcement threads reached"), Failure.NOT_SENT),
        (refused(403, 40333, "internal network error"), Failure.NOT_SENT),
        (refused(400, 50035, "Invalid Form Body"), Failure.REFUSED),
        (refused(400, 160004, "A thread has already been created for this message"), Outcome.DONE),
        (refused(404, 10062, "Unknown interaction"), Outcome.DROPPED),
        (refused(404, 10015, "Unknown Webhook"), Outcome.DROPPED),
        (refused(401, 50027, "Invalid Webhook Token"), Outcome.DROPPED),
        (refused(400, 40060, "Interaction has already been acknowledged"), Outcome.DROPPED),
        (refused(401, 0, "Unauthorized"), Outcome.STOPPED),
    ],
    ids=lambda value: value.body["message"] if isinstance(value, Answer) else None,
)
async def test_a_row_says_what_discord_says(server: Server, answer: Answer, outcome: Failure | Outcome) -> None:
    row = failures.row_of(await answered(server, answer))
    assert row is not None
    assert (row.says, row.outcome) == (answer.body["message"], outcome)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (discord.LoginFailure(), Outcome.STOPPED),
        (closed(4004), Outcome.STOPPED),
        (closed(4014), Outcome.LESS),
        (closed(4011), Outcome.AGAIN),
        (discord.PrivilegedIntentsRequired(None), Outcome.LESS),
        (discord.GatewayNotFound(), Outcome.AGAIN),  # type: ignore[no-untyped-call]
        (SessionsSpent(timedelta(hours=2)), Outcome.AGAIN),
        (discord.InteractionResponded(cast(discord.Interaction[Any], None)), Outcome.DROPPED),
    ],
    ids=lambda value: str(getattr(value, "code", type(value).__name__)) if isinstance(value, Exception) else None,
)
def test_what_concerns_the_connection_has_one_outcome(error: Exception, outcome: Outcome) -> None:
    row = failures.row_of(error)
    assert row is not None
    assert row.outcome is outcome


def test_the_table_for_people_has_every_row_in_whole_words() -> None:
    shown = list(failures.rows())
    assert len(shown) == len(TABLE)
    assert len({known for known, *_ in shown}) == len(TABLE)
    for row in shown:
        assert all(row)
        assert row[2].endswith(".")


def test_a_row_that_depends_on_the_place_shows_both_outcomes() -> None:
    (row,) = [row for row in failures.rows() if row[0] == "code 10003"]
    assert row[3] == "channel gone; thread gone"
    assert row[4] == f"{FOLLOWS[Failure.CHANNEL_GONE]} {FOLLOWS[Failure.THREAD_GONE]}"


def test_every_outcome_is_explained_and_comes_of_something() -> None:
    reached = {row.outcome for row in TABLE.values()} | {row.in_thread for row in TABLE.values()} - {None}
    assert reached == set(FOLLOWS) == {*Failure, *Outcome}


def test_the_table_in_the_docs_is_the_one_of_the_code() -> None:
    page = failure_table.PAGE.read_text(encoding="utf-8")
    assert page == failure_table.written(page)
    assert "50035" in page


# --- beginning again and again ------------------------------------------------------------------------------


def test_the_first_sessions_begin_at_once() -> None:
    now, began = datetime(2026, 11, 22, 9, tzinfo=UTC), list[datetime]()
    for _ in range(failures.BEGUN_AT_MOST):
        assert failures.wait_to_begin(began, now) == 0
        began.append(now)
        now += timedelta(seconds=2)
    assert failures.wait_to_begin(began, now) == 98


def test_a_program_that_dies_at_once_for_a_whole_day_begins_fewer_sessions_than_cost_the_token() -> None:
    now = start = datetime(2026, 11, 22, 9, tzinfo=UTC)
    began, sessions = list[datetime](), 0
    while now < start + timedelta(days=1):
        now += timedelta(seconds=failures.wait_to_begin(began, now))
        began, sessions = [*began, now][-failures.BEGUN_AT_MOST :], sessions + 1
        now += timedelta(seconds=1)
    assert 800 < sessions < 950


def test_after_a_quiet_half_hour_sessions_begin_at_once_again() -> None:
    began = [datetime(2026, 11, 22, 9, 0, second, tzinfo=UTC) for second in range(failures.BEGUN_AT_MOST)]
    assert failures.wait_to_begin(began, datetime(2026, 11, 22, 9, 31, tzinfo=UTC)) == 0


def test_a_clock_that_was_set_back_makes_nobody_wait() -> None:
    began = [datetime(2026, 11, 22, 9, tzinfo=UTC)] * failures.BEGUN_AT_MOST
    assert failures.wait_to_begin(began, datetime(2026, 11, 22, 8, tzinfo=UTC)) == 0
