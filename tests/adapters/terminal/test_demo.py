"""What simulated members do with buttons, when it is done once more after a kill: nothing happens twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.adapters.terminal.demo import Demo, FastClock, start
from bot.adapters.terminal.group import ADA, Act, Does
from bot.adapters.terminal.show import Show
from bot.adapters.terminal.terminal import Person
from bot.core.card import Press
from bot.core.model import Consent, ObjectionState, Round, Share
from tests.adapters.terminal.stages import BOB, HERE, Paper, Stage, staged
from tests.core.worlds import FULL, at

SAID = "An honest try, though quite wrong. It sets some units to zero. And that is all."


@dataclass(frozen=True, slots=True)
class Revealed:
    """A round in which Bob covers neither key point by the grader's account, and a demo that goes on from there."""

    stage: Stage
    demo: Demo
    paper: Paper
    round: Round

    async def does(self, act: Act) -> str:
        """What is printed as somebody acts."""
        before = len(self.paper.getvalue())
        await self.demo._carry_out(act, self.round)
        return self.paper.getvalue()[before:]


@pytest_asyncio.fixture
async def revealed(tmp_path: Path) -> AsyncIterator[Revealed]:
    async with staged(tmp_path) as stage:
        await stage.turn(at("09:00"))
        stage.grader.missed = ("random", "inference")
        await stage.terminal.say(BOB, await stage.thread(), SAID)
        await stage.turn(at("09:00", 1))
        paper = Paper()
        yield Revealed(stage, demo_on(stage, paper), paper, await stage.round())


def demo_on(stage: Stage, paper: Paper) -> Demo:
    return Demo(
        terminal=stage.terminal,
        bot=stage.bot,
        clock=FastClock(stage.now),
        turn=lambda: stage.turn(stage.now),
        show=Show("UTC", paper),
        seed=1,
        days=1,
    )


OBJECTS = Act(at("10:00", 1), "round/bob/object", BOB, Does.OBJECT, points=("random", "inference"))
RULES = Act(at("11:00", 1), "round/ada/rule", ADA, Does.RULE, points=("random",))
ALLOWS = Act(at("12:00", 1), "round/bob/consent", BOB, Does.CONSENT)
LOOKS = Act(at("11:30", 1), "round/bob/result", BOB, Does.RESULT)


async def test_who_objects_chooses_the_first_of_their_points_that_is_open_and_the_sentence_that_says_it(
    revealed: Revealed,
) -> None:
    printed = await revealed.does(OBJECTS)
    assert "bob presses I covered this" in printed
    assert "bob presses 1. Units are set to zero at random" in printed
    assert "you say it with “It sets some units to zero.”" in " ".join(printed.replace("┆", "").split())


async def test_an_objection_that_was_filed_before_a_kill_is_not_followed_by_another(revealed: Revealed) -> None:
    await revealed.does(OBJECTS)
    again = await revealed.does(OBJECTS)
    assert "I have done that already." in again
    filed = await revealed.stage.store.read(lambda tx: tx.objections.of_answer(revealed.round.id, BOB.id))
    assert [objection.key_point for objection in filed] == ["random"]


async def test_who_has_nothing_to_object_to_does_nothing(revealed: Revealed) -> None:
    assert await revealed.does(Act(OBJECTS.at, OBJECTS.key, BOB, Does.OBJECT, points=())) == ""
    assert await revealed.does(RULES) == ""
    assert await revealed.does(ALLOWS) == ""


async def test_an_organizer_rules_by_the_banks_own_account_and_once(revealed: Revealed) -> None:
    await revealed.does(OBJECTS)
    second = f"1.2 {revealed.round.id}"
    await revealed.stage.terminal.press(BOB, HERE, Press.OBJECT, second, id="another")
    assert "ada presses It is in there" in await revealed.does(RULES)
    await revealed.does(RULES)
    filed = await revealed.stage.store.read(lambda tx: tx.objections.of_answer(revealed.round.id, BOB.id))
    assert [objection.state for objection in filed] == [ObjectionState.GRANTED, ObjectionState.OPEN]
    other = Act(RULES.at + timedelta(hours=1), "round/ada/rule/2", ADA, Does.RULE, points=("random",))
    assert "ada presses It is not" in await revealed.does(other)


async def test_an_answer_is_allowed_to_help_once_its_author_has_been_told(revealed: Revealed) -> None:
    for act in (OBJECTS, RULES):
        await revealed.does(act)
    assert "Your objection was granted" in " ".join((await revealed.does(LOOKS)).replace("┆", "").split())
    assert "bob presses Use it as an example" in await revealed.does(ALLOWS)
    assert "I have done that already." in await revealed.does(ALLOWS)
    (ruling,) = await revealed.stage.store.read(lambda tx: tx.rulings.of_answer(revealed.round.id, BOB.id))
    assert ruling.consent is Consent.GIVEN


CAROL = Person("carol")


async def test_what_somebody_shared_is_thanked_for_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.turn(at("09:00"))
        round_ = await stage.round()
        await stage.terminal.form(BOB, round_.id, FULL, id="bob's form", share=Share.WITH_NAME)
        await stage.turn(at("09:00", 1))
        paper = Paper()
        demo = demo_on(stage, paper)
        thanks = Act(at("10:00", 1), "round/carol/helped", CAROL, Does.HELPED)
        for _ in range(2):
            await demo._carry_out(thanks, round_)
        assert await stage.store.read(lambda tx: tx.answers.helped(round_.id)) == {BOB.id: 1}
    printed = paper.getvalue()
    assert "carol presses Answers\n" in printed
    assert "1. bob: " in printed
    assert "carol presses 1 helped me\n" in printed
    assert printed.count("Noted") == 1


async def test_where_nothing_is_shared_nobody_is_thanked(revealed: Revealed) -> None:
    printed = await revealed.does(Act(at("10:00", 1), "round/carol/helped", CAROL, Does.HELPED))
    assert "Nobody has shared an answer by form" in printed
    assert "helped me" not in printed


async def test_a_board_that_is_shared_stands_in_the_channel_at_once_and_once(revealed: Revealed) -> None:
    await revealed.stage.terminal.press(BOB, HERE, Press.NAMING, "name", id="bob agrees")
    shares = Act(at("10:00", 1), "round/ada/share", ADA, Does.SHARE)
    for _ in range(2):
        await revealed.does(shares)
    boards = [m for m in revealed.stage.of_bot() if m.text.startswith("Leaderboard, this month, this channel")]
    assert len(boards) == 1
    assert "bob" in boards[0].text


async def test_a_reply_to_a_reminder_is_said_once(revealed: Revealed) -> None:
    await revealed.does(Act(at("09:10", 1), "round/carol/remind", CAROL, Does.COMMAND, "me remind 10:00"))
    await revealed.stage.turn(at("10:00", 1))
    reply = Act(at("10:05", 1), "round/carol/1", CAROL, Does.DIRECT, FULL)
    for _ in range(2):
        await revealed.does(reply)
    alone = [message for message in revealed.stage.room.all() if message.alone_with == "carol"]
    assert [message.by for message in alone] == ["", CAROL.id]
    answer = await revealed.stage.answer(CAROL, day=1)
    assert answer is not None
    assert (answer.text, answer.revision) == (FULL, 1)


async def test_what_is_only_done_now_and_then_is_printed_as_it_was_typed(revealed: Revealed) -> None:
    away = Act(at("10:00", 1), "round/bob/away", BOB, Does.COMMAND, "me away until 2026-11-28")
    printed = await revealed.does(away)
    assert "bob types: /nnquestion me away until 2026-11-28\n  only bob sees:\n  ┆ Away\n" in printed
    await revealed.does(away)
    [absence] = await revealed.stage.store.read(lambda tx: tx.members.absences(BOB.id))
    assert f"{absence.last}" == "2026-11-28"


@pytest.mark.parametrize(
    ("days", "asks"), [(5, "ada types: /nnquestion leaderboard"), (30, "grace types: /nnquestion me")]
)
async def test_a_run_ends_with_the_board_and_after_a_whole_month_with_how_a_member_did(
    tmp_path: Path, days: int, asks: str
) -> None:
    async with staged(tmp_path, drill=False) as stage:
        stage.room.note("clock", (start() + timedelta(days=days)).isoformat())  # All of it has been played.
        paper = Paper()
        await replace(demo_on(stage, paper), days=days).play()
        assert [row for row in paper.rows if "types:" in row] == [asks]
