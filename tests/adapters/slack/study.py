"""A study group in a loopback Slack: the assembled program on real sockets, and a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import repeat
from pathlib import Path

from bot import runtime
from bot.adapters.slack.app import Slack
from bot.adapters.slack.events import MARK
from bot.adapters.slack.ids import channel_id, member_id
from bot.core.card import Picture
from bot.core.model import Answer, Drill, Round
from bot.runtime import Program
from bot.settings import load
from tests.wire.slack_server import Channel, Member, Message, Outcome, SlackServer, Team

SETUP = "setup time=10:00 zone=UTC closes=18:00"
FULL = "it is a rather long answer about gradients and weights"
OTHER = "another rather long answer about losses and their slopes"


@dataclass(slots=True)
class Study:
    """A workspace with a channel and people in it, and the program with its database."""

    server: SlackServer
    database: Path
    team: Team
    channel: Channel
    ada: Member
    bob: Member
    programs: list[Program] = field(default_factory=list)
    answers_within: float = 30.0
    """Real seconds that the program gives Slack for an answer."""
    png: bytes = b""
    """What every picture is drawn as; nothing leaves pictures out."""

    @property
    def program(self) -> Program:
        return self.programs[-1]

    @property
    def slack(self) -> Slack:
        adapter = self.program.slack_adapter
        assert adapter is not None
        return adapter

    def assemble(self, **settings: str) -> Program:
        given = {
            "SLACK_BOT_TOKEN": self.team.token,
            "SLACK_APP_TOKEN": self.server.app_token,
            "SLACK_API_URL": self.server.api_url,
            "NNQUESTION_DATABASE": str(self.database),
            "NNQUESTION_WEB": "off",
            **settings,
        }
        self.programs.append(runtime.build(load(given), lambda: self.server.clock.now, paces={}))
        slack = self.slack
        slack.pauses, slack.looks_every, slack.dead_after = lambda: repeat(0.01), 0.02, 0.2
        slack.events.again_after, slack.answers_within = 0.02, self.answers_within
        slack.uploads.draw, slack.uploads.waits = self.draw, (0, 0, 0)
        return self.program

    async def draw(self, picture: Picture) -> bytes:
        return self.png

    @asynccontextmanager
    async def running(self, *, killed: bool = False, settled: bool = True) -> AsyncIterator[Program]:
        """The program as the command `run` runs it, connected; at the end it is closed as on SIGTERM, or on SIGKILL.

        Where something is held back at its start, it cannot be waited for until all of that is `settled`.
        """
        program = self.assemble()
        slack = self.slack
        if self.server.deliveries.under_way:  # Slack gives up what the program before this one did not acknowledge.
            self.server.clock.advance(3)
        await program.begin()
        task = asyncio.create_task(slack.run())
        try:
            await self.server.until(lambda: slack.gaps.reading or task.done())
            if task.done():
                task.result()
            if settled:
                await self.handled()
            yield program
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if killed:  # What is in hand is never finished.
                for beside in (slack.events.beside, slack._beside):
                    beside.cancel()
            await slack.close()
            await program.end()

    async def handled(self) -> None:
        """Wait until all that has happened has come to the program, and nothing of it is in hand any more."""
        for _ in range(2):  # What comes of it may be something that happens, too.
            await self.server.caught_up()
            await self.slack.idle()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something to be so; the program looks at its clock meanwhile."""
        self.program.woken.set()
        await self.server.until(condition)

    async def at(self, clock: str, day: int = 0) -> None:
        """Let it be a time of the first day, or so many days later, and Slack have said all that came until then."""
        self.at_once(clock, day)
        await self.server.caught_up()
        self.program.woken.set()

    def at_once(self, clock: str, day: int = 0) -> None:
        """The same while something is held back."""
        self.server.clock.set(datetime.combine(FIRST + timedelta(days=day), time.fromisoformat(clock), UTC))
        self.program.woken.set()

    async def delivered(self) -> None:
        """Let so much time go by that nothing is owed any more, however often it has to be tried."""
        while await self.program.store.read(lambda tx: tx.deliveries.unfinished()):
            self.server.clock.advance(5)
            await self.program.turn()

    async def set_up(self, options: str = "") -> Outcome:
        """Set up the drill as an organizer does."""
        command, *usual = SETUP.split()
        given = dict(option.split("=") for option in (*usual, *options.split()))
        line = " ".join([command, *(f"{name}={value}" for name, value in given.items())])
        seen = await self.ada.command("/nnquestion", line, self.channel)
        assert "The drill is set up" in seen.text, seen.text
        return seen

    async def opened(self, options: str = "", *, question: str = "") -> Message:
        """The card of the first round of a drill that is set up now; it asks this `question`, if any."""
        await self.set_up(options)
        if question:
            assert "Chosen" in (await self.ada.command("/nnquestion", f"next {question}", self.channel)).text
        await self.at("10:00")
        await self.until(lambda: self.card is not None)
        while (round_ := await self.round()).card is None or (round_.thread is None and not round_.sealed):
            pass
        card = self.card
        assert card is not None
        return card

    @property
    def card(self) -> Message | None:
        """The latest question in the channel."""
        cards = [message for message in self.channel.messages if "Question of" in message.words]
        return cards[-1] if cards else None

    async def round(self) -> Round:
        rounds = await self.program.bot.posted_rounds()
        return max(rounds, key=lambda round_: round_.opened_at)

    async def drill(self) -> Drill:
        found = await self.program.bot.drill_in(channel_id(self.team.id, self.channel.id))
        assert found is not None
        return found

    async def answer_of(self, who: Member) -> Answer | None:
        """What counts of a member, once all that happened has come to the program."""
        await self.handled()
        return await self.program.bot.own_answer((await self.round()).id, member_id(self.team.id, who.id))

    async def text_by(self, who: Member) -> str:
        answer = await self.answer_of(who)
        return answer.text if answer is not None else ""

    async def revealed(self, clock: str = "18:00", day: int = 0) -> Message:
        """Let it be the time of the reveal; the message with the reference answer."""
        await self.at(clock, day)
        await self.until(self.references)
        return self.references()[0]

    def references(self) -> list[Message]:
        """Every message with a reference answer, in the channel and its threads."""
        everything = [*self.channel.messages, *(reply for m in self.channel.messages for reply in m.replies)]
        return [message for message in everything if "Reference answer" in message.words]


FIRST = datetime(2026, 11, 22, tzinfo=UTC).date()


def marked(study: Study, message: Message) -> bool:
    return study.team.bot in message.reactions.get(MARK, [])
