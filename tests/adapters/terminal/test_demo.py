"""What simulated members do with buttons, when it is done once more after a kill: nothing happens twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest_asyncio

from bot.adapters.terminal.demo import Demo, FastClock
from bot.adapters.terminal.group import ADA, Act, Does
from bot.adapters.terminal.show import Show
from bot.core.card import Press
from bot.core.model import Consent, ObjectionState, Round
from tests.adapters.terminal.stages import BOB, HERE, Paper, Stage, staged
from tests.core.worlds import at

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
        demo = Demo(
            terminal=stage.terminal,
            bot=stage.bot,
            clock=FastClock(stage.now),
            turn=lambda: stage.turn(stage.now),
            show=Show("UTC", paper),
            seed=1,
            days=1,
        )
        yield Revealed(stage, demo, paper, await stage.round())


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
