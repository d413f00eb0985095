"""A run in which everything that can be logged is: no word of a member's, and no token.

The program runs as a process of its own, as chatty as it can be, on both loopback servers.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen
from typing import Final

import aiohttp

from bot.adapters.discord.commands import SUBMIT
from bot.adapters.slack.needs import COMMAND, EVENTS, SCOPES
from bot.logs import TEXT
from tests.lines import records
from tests.program.program import PATIENCE, Program
from tests.wire.discord_server import ApiError, DiscordServer, Intent, Order, Perm, Refusal
from tests.wire.discord_server.faults import When
from tests.wire.slack_server import Delivery, SlackServer

MARK: Final = "zanzibar"
"""Stands in everything that members say."""

TOKENS: Final = {
    "DISCORD_TOKEN": "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.loopback-loopback-loopback-loopback-01",
    "SLACK_APP_TOKEN": "xapp-1-A0LOOPBACK-1234567890-abcdef",
}

NOISY: Final = """
import asyncio, threading, warnings
from bot import cli, studybot

def fails(text):
    raise ValueError(f"cannot take {text}")

async def fails_later(text):
    fails(text)

def hooked(name):
    before = getattr(studybot.StudyBot, name)
    async def taken(self, happened, now):
        text = getattr(happened, "text", "")
        if "crash" in text:
            asyncio.get_running_loop().call_soon(fails, text)
            asyncio.create_task(fails_later(text))
            threading.Thread(target=fails, args=(text,), name=text).start()
            warnings.warn(text)
            fails(text)
        return await before(self, happened, now)
    setattr(studybot.StudyBot, name, taken)

hooked("answer")
hooked("answer_in_private")
cli.main(["run"])
"""


@dataclass(slots=True)
class Noisy:
    """Both servers, the program on them, and the file that takes all it says."""

    discord: DiscordServer
    slack: SlackServer
    process: Popen[str]
    log: Path
    web: str

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    async def until_said(self, words: str) -> None:
        await until(lambda: words in self.said())


async def until(wanted: Callable[[], bool]) -> None:
    """Wait for something in the other process, looking often."""
    async with asyncio.timeout(PATIENCE):
        while not wanted():  # noqa: ASYNC110 - it rings no bell here
            await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def noisy(tmp_path: Path) -> AsyncIterator[Noisy]:
    home, log, port = tmp_path / "home", tmp_path / "log", free_port()
    home.mkdir()
    now = datetime.now(UTC)  # The program goes by the real clock, so what happens has to have happened now.
    async with (
        DiscordServer(now=now, token=TOKENS["DISCORD_TOKEN"], granted=Intent.MESSAGE_CONTENT, point=False) as discord,
        SlackServer(
            now=now,
            app_token=TOKENS["SLACK_APP_TOKEN"],
            commands=frozenset({COMMAND}),
            scopes=frozenset(SCOPES),
            events=frozenset(EVENTS),
        ) as slack,
    ):
        team = slack.team("Study")
        settings = {
            **TOKENS,
            "DISCORD_API_URL": discord.api_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "SLACK_BOT_TOKEN": team.token,
            "SLACK_API_URL": slack.api_url,
            "NNQUESTION_DATABASE": tmp_path / "x.db",
            "NNQUESTION_LOG": TEXT,
            "NNQUESTION_LOG_LEVEL": "debug",
            "NNQUESTION_WEB": f"127.0.0.1:{port}",
            "PYTHONWARNINGS": "always",
            "PYTHONASYNCIODEBUG": "1",
        }
        with log.open("wb") as file, Program(home).start_code(NOISY, into=file, **settings) as process:
            try:
                yield Noisy(discord, slack, process, log, f"http://127.0.0.1:{port}")
            finally:
                process.kill()


async def make_discord_noisy(run: Noisy) -> None:
    server = run.discord
    guild = server.guild("Study")
    channel, bob = guild.channel("general"), guild.member("Bob")
    ada = guild.member("Ada", permissions=Perm.MANAGE_GUILD)
    await server.connected()
    await run.until_said("connected to Discord")
    await ada.command("nnquestion-admin setup", channel, time="00:00", zone="UTC", days="all")
    await ada.command("nnquestion ask", channel)
    await server.until(lambda: any(message.thread for message in channel.messages))
    card = next(message for message in channel.messages if message.thread)
    server.clock.set(datetime.now(UTC))
    assert card.thread is not None
    page = "<html>" + f"you said {MARK} of gradients and weights" + "</html>"
    echo = ApiError(Refusal.INVALID_FORM, {"content": {"_errors": [{"code": "X", "message": page}]}})
    for path in ("**/reactions/**", "/webhooks/**"):
        server.faults.orders.append(Order("*", path, When.BEFORE, 2, echo, bell=server.world.bell))
    server.faults.fail("*", "**/reactions/**", status=503)
    said = await bob.say(card.thread, f"{MARK} one is a long answer of many words")
    await server.until(lambda: server.asked("PUT", "**/reactions/**"))
    form = (await bob.press(card, "Answer")).form
    assert form is not None
    await bob.submit(form, {"Your answer": f"{MARK} two, by form, is long enough, too"})
    await bob.use_on(said, SUBMIT)
    form = (await bob.press(card, "Answer")).form
    assert form is not None
    await bob.submit(form, {"Your answer": f"crash {MARK} three is something that we trip over"})
    await bob.say(card.thread, f"crash {MARK} four is something that we trip over")
    await ada.command("nnquestion hint", channel)
    await ada.command("nnquestion-admin setup", channel, time=f"{MARK} o'clock")
    await bob.say(card.thread, f"{MARK} five is one thing more of many words")
    await bob.edit(said, f"{MARK} six is what it says now of many words")
    server.faults.rate_limit("GET", "**")
    # What discord.py cannot read takes its connection with it.
    for session in server.gateway.connected:
        session.dispatch("MESSAGE_CREATE", {"content": f"{MARK} seven", "channel_id": str(card.thread.id)})
    await run.until_said("the connection to Discord")


async def make_slack_noisy(run: Noisy) -> None:
    server = run.slack
    team = server.team("Study")
    channel, ada, bob = team.channel("general"), team.user("ada", admin=True), team.user("bob")
    await server.connected()
    await run.until_said("connected to Slack")
    await ada.command(COMMAND, "setup time=00:00 zone=UTC days=all", channel)
    await ada.command(COMMAND, "ask", channel)
    await server.until(lambda: any("Question of" in m.words or "Extra" in m.words for m in channel.messages))
    card = channel.messages[-1]
    server.clock.set(datetime.now(UTC))
    server.faults.refuse("reactions.add", f"you said {MARK}", times=2, response_metadata={"messages": [MARK]})
    server.faults.fail("reactions.*", status=503)
    said = await bob.say(channel, f"{MARK} one is a long answer of many words", thread=card)
    await server.until(lambda: server.asked("reactions.add"))
    view = (await bob.press(card, "Answer")).modal
    assert view is not None
    await bob.submit(view, {"Your answer": f"{MARK} two, by form, is long enough, too"})
    view = (await bob.press(card, "Answer")).modal
    assert view is not None
    await bob.submit(view, {"Your answer": f"crash {MARK} three is something that we trip over"})
    await bob.say(channel, f"crash {MARK} four is something that we trip over", thread=card)
    await ada.command(COMMAND, f"setup time={MARK}", channel)
    await bob.mention_bot(channel, f"when {MARK}", thread=card)
    await bob.edit(said, f"{MARK} six is what it says now of many words")
    server.faults.refuse("views.open", "invalid_arguments", response_metadata={"messages": [f"not {MARK}"]})
    await bob.press(card, "Answer", wait=False)
    event = {"type": "message", "channel": channel.id, "user": {"no": MARK}, "text": f"{MARK} five", "ts": MARK}
    body = {"type": "event_callback", "team_id": team.id, "event": event, "event_id": "Ev1", "api_app_id": "A1"}
    server.deliveries.add(Delivery("events_api", body, team))
    server.sockets.drop()


async def test_nothing_that_members_say_and_no_token_is_in_the_log_of_a_noisy_run(tmp_path: Path) -> None:
    async with noisy(tmp_path) as run:  # As text; what is masked is masked in either form (`test_logs`).
        await asyncio.gather(make_discord_noisy(run), make_slack_noisy(run))
        async with aiohttp.ClientSession() as session:
            for page in ("healthz", "readyz", "metrics"):
                async with session.get(f"{run.web}/{page}") as answer:
                    assert MARK not in await answer.text()
        run.process.send_signal(signal.SIGTERM)
        await until(lambda: run.process.poll() is not None)
        text = run.said()
        assert run.process.returncode == 0
    secret = [*TOKENS.values(), run.slack.team("Study").token, MARK]
    secret += [interaction.token for interaction in run.discord.interactions]
    secret += [word for outcome in run.slack.outcomes for word in (outcome.token, outcome.trigger_id) if word]
    assert len(secret) > 20
    found = [(word, line) for word in secret for line in text.splitlines() if word in line]
    assert found == []
    for record in records(text, TEXT):
        assert set(record) >= {"time", "level", "logger", "event"}
    assert "Traceback" not in text
    # It was as noisy as it was meant to be.
    loggers = {record["logger"] for record in records(text, TEXT)}
    assert {"discord.gateway", "discord.http", "asyncio"} <= loggers
    assert any(name.startswith("slack_") for name in loggers)
    for words in ("ValueError", "the event loop", "a thread ends", "UserWarning", "status 503", "an unreadable word"):
        assert words in text, words
