"""A terminal room with the study bot in it: a real store, a real room file, and a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from io import StringIO
from pathlib import Path

from bot.adapters.terminal.messenger import TerminalMessenger
from bot.adapters.terminal.room import Lines, Message, Room
from bot.adapters.terminal.saving import Album
from bot.adapters.terminal.terminal import Person, Terminal
from bot.core.card import Picture
from bot.core.model import Answer, Bank, Coverage, Grade, Place, PointGrade, Question, Round
from bot.delivery import Deliverer
from bot.store import SqliteStore
from bot.studybot import StudyBot
from tests.adapters.fakes import StubGrader
from tests.core.worlds import SLUGS, at, make_bank
from tests.factories import CHANNEL, keep, make_drill, make_question
from tests.store.files import with_tables

ADA = Person("ada", organizer=True)
BOB = Person("bob")
HERE = Place(channel=CHANNEL)


def text_of(lines: Lines) -> str:
    """Lines as one reads them."""
    return "\n".join("".join(text for _, text in runs) for runs in lines)


PNG = b"\x89PNG\r\n\x1a\n"


async def drawn(picture: Picture) -> bytes:
    """A picture as what begins like one, and says what it is of."""
    return PNG + picture.alt.encode()


class Marker(StubGrader):
    """The stub, which can be told what no answer covers."""

    missed: tuple[str, ...] = ()

    async def grade(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]] = ()
    ) -> list[Grade]:
        points = tuple(PointGrade(key_point=id, coverage=Coverage.MISSED, credit=0.0) for id in self.missed)
        grades = await super().grade(question, answers, readable)
        return [replace(grade, points=points) for grade in grades]


class Stage:
    """One room with its drill, every day at nine in UTC."""

    def __init__(self, folder: Path, bank: Bank, pictures: Path | None) -> None:
        self.now = at("08:55")
        self.store = SqliteStore(with_tables(folder / "nnquestion.db"))
        self.room = Room(folder / "nnquestion.db.room.jsonl")
        self.grader = Marker()
        self.bot = StudyBot(self.store, self.grader, lambda: {bank.id: bank})
        self.album = Album(pictures, drawn)
        self.messenger = TerminalMessenger(self.room, self.clock, self.album)
        self.terminal = Terminal(self.room, self.bot, self.clock, self.album)
        self._deliverer = Deliverer(self.store, {"terminal": self.messenger})

    def clock(self) -> datetime:
        return self.now

    async def turn(self, now: datetime) -> None:
        """Let it become this late, and do what is due."""
        self.now = now
        await self.bot.tick(now)
        await self._deliverer.send_due(now)

    async def round(self, day: int = 0) -> Round:
        """The daily round of a day."""
        round_ = await self.bot.round_on(CHANNEL, at("09:00", day).date())
        assert round_ is not None
        return round_

    async def thread(self, day: int = 0) -> Place:
        """The thread of a day's round."""
        place = (await self.round(day)).thread
        assert place is not None
        return place

    async def answer(self, who: Person, day: int = 0) -> Answer | None:
        """A member's answer as it stands; None if there is none or it was withdrawn."""
        round_ = await self.round(day)
        answer = await self.store.read(lambda tx: tx.answers.get(round_.id, who.id))
        return answer if answer is not None and answer.parts else None

    def marked(self) -> list[str]:
        """The messages with the mark of what counts."""
        return [message.id for message in self.room.all() if message.counts]

    def of_bot(self, thread: str | None = None) -> list[Message]:
        """What the bot has said in the channel, or in a thread."""
        return [message for message in self.room.all() if message.by == "" and message.thread == thread]


@asynccontextmanager
async def staged(
    folder: Path, questions: Iterable[Question] | None = None, *, drill: bool = True, pictures: Path | None = None
) -> AsyncIterator[Stage]:
    """A stage whose files are open; with a drill whose first round is due at nine, unless told otherwise.

    Pictures are saved in the folder `pictures`, if there is one.
    """
    bank = make_bank([make_question(slug) for slug in SLUGS] if questions is None else questions)
    stage = Stage(folder, bank, pictures)
    stage.store.open()
    stage.room.open()
    try:
        if drill:
            await stage.store.write(lambda tx: keep(tx, make_drill()))
        yield stage
    finally:
        await stage.store.close()
        stage.room.close()


class Paper(StringIO):
    """Where a `Show` prints when there is no terminal."""

    @property
    def rows(self) -> list[str]:
        return self.getvalue().splitlines()
