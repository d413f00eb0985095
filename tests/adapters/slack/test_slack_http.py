"""HTTP mode: what Slack posts to an address, over the real web server. And the app by itself, without anything to run.

Slack signs what it posts: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from aiohttp import ClientSession
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot import runtime
from bot.adapters.slack.app import ADDRESS
from bot.adapters.slack.ids import member_id
from bot.adapters.slack.needs import COMMAND, EVENTS, HERE, SCOPES, SUBMIT
from bot.runtime import Program
from bot.settings import load
from tests.adapters.hostile import Mangler, kept
from tests.adapters.slack.study import FULL, OTHER, Study, marked
from tests.store.files import with_tables
from tests.wire.slack_server import Delivery, Member, Poster, SlackServer, View
from tests.wire.slack_server.http_mode import encoded

SETUP = "setup time=10:00 zone=UTC closes=18:00"


@dataclass(slots=True)
class Posted(Study):
    """The study group, where everything is posted to the program's web server."""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Poster]:
        """The program in HTTP mode, as the command `run` runs it."""
        program = self.assemble(
            SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET=self.server.signing_secret, NNQUESTION_WEB="127.0.0.1:0"
        )
        assert program.web is not None
        await program.begin()
        await program.web.start()
        poster = self.server.http_mode(program.web.address + ADDRESS)
        task = asyncio.create_task(self.slack.run())
        try:
            await self.handled()
            yield poster
            await self.handled()
        finally:
            await program.web.stop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.slack.close()
            await program.end()
            await poster.end()

    def event(self, who: Member, text: str) -> dict[str, Any]:
        """A message in the card's thread as an event, as somebody would make one up."""
        assert self.card is not None
        event = {"type": "message", "channel": self.channel.id, "user": who.id, "text": text, "ts": "1795341700.000100"}
        event |= {"thread_ts": self.card.ts, "channel_type": "channel", "event_ts": "1795341700.000100"}
        body = {"type": "event_callback", "team_id": self.team.id, "event": event, "event_id": "EvFORGED"}
        return {**body, "api_app_id": "A0LOOPBACK"}


@pytest.fixture
async def study(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Posted]:
    async with SlackServer(commands=frozenset({COMMAND}), scopes=frozenset(SCOPES), events=frozenset(EVENTS)) as server:
        team = server.team("Study")
        ada = team.user("ada", admin=True, tz="Europe/Berlin")
        yield Posted(server, with_tables(tmp_path / "x.db"), team, team.channel("general"), ada, team.user("bob"))
        assert server.pings == []
        assert server.unknown == []
        assert server.complaints == []
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert wrong == []


def modal(view: View | None) -> View:
    assert view is not None
    return view


# --- a day --------------------------------------------------------------------------------------------------


async def test_a_day_goes_over_http_without_a_warning(study: Posted, caplog: pytest.LogCaptureFixture) -> None:
    async with study.serving() as poster:
        assert await poster.verify()
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        form = modal((await study.ada.press(card, "Answer")).modal)
        seen = await study.ada.submit(form, {"Your answer": OTHER})
        assert "Recorded" in modal(seen.modal).words
        form = modal((await study.ada.command(COMMAND, "setup", study.channel)).modal)
        assert "Asia/Kolkata" in await study.ada.suggest(form, "Time zone", "kolkata")
        seen = await study.ada.submit(form, {"Reveal": "soon"})
        assert list(seen.errors) == ["Reveal"]
        await study.ada.shortcut(await study.ada.say(study.channel, FULL), SUBMIT)
        await study.until(lambda: any("Revised" in one.words for one in study.ada.ephemerals))
        here = await study.bob.shortcut(said, HERE, wait=False)
        await study.until(lambda: here.modal is not None or here.error)
        assert here.error is None
        assert modal(here.modal).labels[0] == "Answer"
        assert await study.bob.open_home()
        before = len(study.bob.ephemerals)
        await study.bob.mention_bot(study.channel, "when", thread=card)
        await study.until(lambda: len(study.bob.ephemerals) > before)
        await study.revealed()
        await study.until(lambda: card.edited)
        assert modal((await study.bob.press(card, "My result")).modal).title == "Your result"
        assert "1." in (await study.bob.command(COMMAND, "leaderboard", study.channel)).words
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert study.server.asked("apps.connections.open") == []


# --- who may post -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("secret", "age"), [("another secret", 0), ("", 0), (None, 301), (None, -301)])
async def test_what_is_forged_or_old_is_refused_and_nothing_happens(
    study: Posted, secret: str | None, age: float
) -> None:
    async with study.serving() as poster:
        await study.opened()
        signed = secret if secret is not None else study.server.signing_secret
        requests = len(study.server.requests)
        assert await poster.forge(study.event(study.bob, FULL), secret=signed, age=age) == 401
        challenge = {"type": "url_verification", "challenge": "x", "token": "x"}
        assert await poster.forge(challenge, secret=signed, age=age) == 401
        for form in (
            {"command": COMMAND, "text": SETUP, "team_id": study.team.id, "channel_id": study.channel.id},
            {"payload": json.dumps({"type": "block_actions", "team": {"id": study.team.id}, "actions": [{}]})},
        ):
            body = urlencode({**form, "user_id": study.ada.id, "trigger_id": "1.2.3"})
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            status, _, _ = await poster.post(body, {**headers, **poster.signed(body, secret=signed, age=age)})
            assert status == 401
            status, _, _ = await poster.post(body, headers)
            assert status == 401
        await study.handled()
        assert await study.text_by(study.bob) == ""
        assert len(study.server.requests) == requests
        assert not [one for one in await study.program.bot.received() if "FORGED" in one.id]


async def test_a_signature_of_another_body_is_refused(study: Posted) -> None:
    async with study.serving() as poster:
        await study.opened()
        body = json.dumps(study.event(study.bob, FULL))
        headers = {"Content-Type": "application/json", **poster.signed(body)}
        assert (await poster.post(body.replace(study.bob.id, study.ada.id), headers))[0] == 401
        assert await study.text_by(study.ada) == ""
        assert (await poster.post(body, headers))[0] == 200
        assert await study.text_by(study.bob) == FULL


@pytest.mark.parametrize("body", ["", "{}", '{"type":"event_callback"}', '{"type":"x"}', '{"type":"block_actions"}'])
async def test_what_makes_no_sense_is_answered_and_breaks_nothing(study: Posted, body: str) -> None:
    async with study.serving() as poster:
        status, _, _ = await poster.post(body, {"Content-Type": "application/json", **poster.signed(body)})
        assert status < 500
        assert await poster.verify()


async def test_there_is_nothing_else_at_the_address(study: Posted) -> None:
    async with study.serving() as poster, poster._session.get(poster.url) as answer:
        assert answer.status == 405


async def test_what_lacks_a_signature_a_stamp_or_both_is_refused(study: Posted) -> None:
    async with study.serving() as poster:
        await study.opened()
        body = json.dumps(study.event(study.bob, FULL))
        signed = poster.signed(body)
        stamp, signature = "X-Slack-Request-Timestamp", "X-Slack-Signature"
        for headers in (
            *({}, {stamp: signed[stamp]}, {signature: signed[signature]}, {**signed, signature: ""}),
            *({**signed, signature: signed[signature].removeprefix("v0=")}, {**signed, stamp: "soon"}),
            *({**signed, stamp: str(int(signed[stamp]) + 1)}, {**signed, stamp: "9" * 400}),
            *({**signed, stamp: f"{signed[stamp]}.5"}, {**signed, signature: "v0=\N{SNOWMAN}"}),
        ):
            status, _, _ = await poster.post(body, {"Content-Type": "application/json", **headers})
            assert status == 401, headers
        assert await study.text_by(study.bob) == ""
        assert not [one for one in await study.program.bot.received() if "FORGED" in one.id]


async def test_a_request_that_is_posted_again_within_its_time_changes_nothing_twice(study: Posted) -> None:
    async with study.serving() as poster:
        await study.opened()
        round_ = await study.round()
        details = {"command": COMMAND, "text": "skip", "team_id": study.team.id, "channel_id": study.channel.id}
        command = urlencode({**details, "user_id": study.ada.id, "user_name": "ada", "trigger_id": "1.2.3"})
        posts = [(json.dumps(study.event(study.bob, FULL)), "application/json")]
        posts.append((command, "application/x-www-form-urlencoded"))
        for body, kind in posts:
            headers = {"Content-Type": kind, **poster.signed(body)}
            assert (await poster.post(body, headers))[0] == 200
            await study.handled()
            before = _but_for_grading(kept(study.database))
            assert (await poster.post(body, headers))[0] == 200
            await study.handled()
            assert _but_for_grading(kept(study.database)) == before
        drill, member = await study.drill(), member_id(study.team.id, study.bob.id)
        answer = await study.program.bot.own_answer(round_.id, member)
        assert answer is not None
        assert answer.revision == 1
        assert drill.next is not None
        assert drill.next.on.isoformat() == "2026-11-24"


async def test_whatever_stands_in_a_signed_request_it_is_answered_and_breaks_nothing(study: Posted) -> None:
    async with study.serving() as poster:
        card = await study.opened()
        await study.ada.submit(modal((await study.ada.press(card, "Answer")).modal), {"Your answer": OTHER})
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.bob.shortcut(said, SUBMIT)
        await study.handled()
        seen = list(study.server.deliveries.all)
        mangler = Mangler(8, [COMMAND, SETUP, f"slack:{study.team.id}/{study.channel.id}", "event_callback", card.ts])
        for _ in range(150):
            body, kind = encoded(mangler.choice(seen))
            if kind == "application/json":
                body = json.dumps(mangler.mangled(json.loads(body)))
            else:
                fields = mangler.mangled(dict(parse_qsl(body)))
                if "payload" in fields:
                    fields["payload"] = mangler.choice([fields["payload"], _again(mangler, fields["payload"])])
                body = urlencode(fields, errors="replace")
            status, _, _ = await poster.post(body, {"Content-Type": kind, **poster.signed(body)})
            assert status < 500, body
        await study.handled()
        assert "What you can say here" in (await study.bob.command(COMMAND, "help", study.channel)).words


def _but_for_grading(tables: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Answers are graded beside all else, whenever that is done."""
    return {name: rows for name, rows in tables.items() if name not in ("answers", "grades")}


def _again(mangler: Mangler, payload: object) -> str:
    try:
        return json.dumps(mangler.mangled(json.loads(str(payload))))
    except (ValueError, TypeError):
        return str(payload)


# --- what comes again ---------------------------------------------------------------------------------------


async def test_what_slack_sends_again_is_worked_on_once(study: Posted) -> None:
    async with study.serving():
        card = await study.opened()
        study.server.deliveries.duplicate("message", times=1)
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        [first, second] = [one for one in study.server.deliveries.named("message") if FULL in str(one.payload)]
        again = Delivery(first.kind, first.payload, first.team, attempt=1, reason="http_timeout")
        study.server.deliveries.add(again)
        await study.handled()
        assert {first.stage, second.stage, again.stage} == {first.stage}
        answer = await study.answer_of(study.bob)
        assert answer is not None
        assert (len(answer.parts), answer.revision) == (1, 1)
        assert len(study.server.asked("reactions.add")) == 1


async def test_a_retry_may_be_the_first_that_comes(study: Posted) -> None:
    async with study.serving() as poster:
        await study.opened()
        body = json.dumps(study.event(study.bob, FULL))
        retry = {"X-Slack-Retry-Num": "2", "X-Slack-Retry-Reason": "connection_failed"}
        status, headers, _ = await poster.post(
            body, {"Content-Type": "application/json", **poster.signed(body), **retry}
        )
        assert status == 200
        assert "x-slack-no-retry" not in headers
        assert await study.text_by(study.bob) == FULL


async def test_an_event_that_could_not_be_written_down_is_to_come_again(
    study: Posted, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.serving() as poster:
        await study.opened()
        await study.program.store.close()
        body = json.dumps(study.event(study.bob, FULL))
        status, _, _ = await poster.post(body, {"Content-Type": "application/json", **poster.signed(body)})
        assert status >= 500
    caplog.clear()


# --- without anything that runs -----------------------------------------------------------------------------


def test_the_app_is_assembled_without_a_loop_a_token_or_a_file(tmp_path: Path) -> None:
    program = runtime.build(load({"NNQUESTION_PLATFORMS": "slack", "NNQUESTION_DATABASE": str(tmp_path / "x.db")}))
    assert isinstance(program.slack, AsyncApp)
    assert list(tmp_path.iterdir()) == []


def test_without_slack_there_is_no_app_and_it_says_how_to_get_one(tmp_path: Path) -> None:
    program = runtime.build(load({"NNQUESTION_DATABASE": str(tmp_path / "x.db")}))
    with pytest.raises(LookupError, match="SLACK_BOT_TOKEN"):
        _ = program.slack


def test_with_a_token_for_sockets_nothing_of_slacks_is_served(tmp_path: Path) -> None:
    given = {"SLACK_BOT_TOKEN": "x", "SLACK_APP_TOKEN": "y", "SLACK_SIGNING_SECRET": "z"}
    program = runtime.build(load({**given, "NNQUESTION_DATABASE": str(tmp_path / "x.db")}))
    assert program.slack_adapter is not None
    assert program.slack_adapter.routes() == []


async def test_without_its_address_http_mode_ends_since_slack_cannot_be_heard(study: Posted) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        given = {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": study.server.signing_secret, "NNQUESTION_WEB": address}
        settings = study.assemble(**given).settings
        with pytest.raises(OSError, match="NNQUESTION_WEB names another address"):
            await runtime.run_platforms(settings)


@dataclass(slots=True)
class Handed(Study):
    """The study group, where a request is handed to the app, which nothing has started."""

    @asynccontextmanager
    async def assembled(self) -> AsyncIterator[Program]:
        program = self.assemble(SLACK_APP_TOKEN="")
        try:
            yield program
        finally:
            await self.slack.idle()
            await program.end()
            await self.slack.close()

    async def hand(self, payload: dict[str, Any]) -> tuple[int, str]:
        answer = await self.program.slack.async_dispatch(AsyncBoltRequest(body=payload, mode="socket_mode"))
        await self.slack.idle()
        return answer.status, answer.body

    def command(self, who: Member, text: str, trigger: str) -> dict[str, Any]:
        payload = {"command": COMMAND, "text": text, "team_id": self.team.id, "channel_id": self.channel.id}
        return {**payload, "user_id": who.id, "user_name": who.name, "trigger_id": trigger}


@pytest.fixture
async def handed(tmp_path: Path) -> AsyncIterator[Handed]:
    async with SlackServer(commands=frozenset({COMMAND}), scopes=frozenset(SCOPES), events=frozenset(EVENTS)) as server:
        team = server.team("Study")
        ada = team.user("ada", admin=True)
        yield Handed(server, tmp_path / "x.db", team, team.channel("general"), ada, team.user("bob"))


async def test_the_first_request_brings_up_all_the_rest_and_the_end_takes_it_down(handed: Handed) -> None:
    async with handed.assembled() as program:
        assert not handed.database.exists()
        status, _ = await handed.hand(handed.command(handed.ada, SETUP, "1.1"))
        assert status == 200
        assert (await handed.drill()).timetable.zone == "UTC"
        await handed.at("10:00")
        await handed.until(lambda: handed.card)
        await program.end()
    again = handed.assemble(SLACK_APP_TOKEN="")
    await again.begin()
    assert (await handed.drill()).timetable.at.hour == 10
    await again.end()


async def test_several_first_requests_at_once_bring_it_up_once(handed: Handed) -> None:
    async with handed.assembled():
        commands = [handed.command(handed.ada, SETUP if n == 0 else "when", f"1.{n}") for n in range(5)]
        answers = await asyncio.gather(*(handed.hand(one) for one in commands))
        assert {status for status, _ in answers} == {200}
        assert len([one for one in handed.server.asked("auth.test") if not one.arguments]) == 1  # the others are Bolt's


async def test_a_command_without_an_address_to_answer_at_is_carried_out_once(handed: Handed) -> None:
    async with handed.assembled():
        await handed.hand(handed.command(handed.ada, SETUP, "1.1"))
        for _ in range(2):
            await handed.hand(handed.command(handed.ada, "skip", "1.2"))
        drill = await handed.drill()
        assert drill.next is not None
        assert drill.next.on.isoformat() == "2026-11-23"
        await handed.hand(handed.command(handed.ada, "skip", "1.3"))
        assert (await handed.drill()).next != drill.next


async def test_where_no_address_to_answer_at_comes_along_the_answer_stands_where_it_was_asked(handed: Handed) -> None:
    async with handed.assembled():
        await handed.hand(handed.command(handed.bob, "help", "1.1"))
        assert "What you can say here" in handed.bob.ephemerals[-1].words
        assert handed.bob.ephemerals[-1].channel is handed.channel
        bare = {"command": COMMAND, "text": "help", "channel_id": handed.channel.id, "user_id": handed.ada.id}
        await handed.hand(bare)
        assert "For organizers" in handed.ada.ephemerals[-1].words
        action = {"type": "button", "action_id": "do", "block_id": "b", "value": f"me slack:{handed.team.id}/C0"}
        press = {"type": "block_actions", "user": {"id": handed.bob.id}, "actions": [action]}
        await handed.hand({**press, "channel": {"id": handed.channel.id}, "trigger_id": "1.2"})
        assert "You, bob" in handed.bob.ephemerals[-1].words


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions", "actions": [{"action_id": "answer", "block_id": "b", "type": "button"}]},
        {"type": "view_submission", "view": {"id": "V1", "type": "modal", "callback_id": "nn.setup"}},
        {"type": "message_action", "callback_id": SUBMIT, "message": {"ts": "1.2"}, "channel": {"id": "C0"}},
        {"type": "message_action", "callback_id": HERE, "message": {"ts": "1.2"}, "channel": {"id": "C0"}},
        {"type": "block_suggestion", "action_id": "nn.setup.zone", "block_id": "zone", "value": "ber"},
    ],
)
async def test_what_lacks_most_of_what_slack_sends_is_acknowledged(
    handed: Handed, payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with handed.assembled():
        status, _ = await handed.hand({**payload, "user": {"id": handed.bob.id}})
        assert status == 200
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("body", ["{", "[]", "x=1", "payload={", ""])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_garbage_that_anybody_posts_is_refused_and_fills_no_log(study: Posted, body: str, kind: str) -> None:
    async with study.serving(), ClientSession() as anybody:
        assert study.program.web is not None
        address = study.program.web.address + ADDRESS
        async with anybody.post(address, data=body, headers={"Content-Type": kind}) as answer:
            assert 400 <= answer.status < 500
