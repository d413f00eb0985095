"""Who is no organizer organizes nothing, by whatever button or command, and nothing that is sent breaks anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import commands, replies
from bot.core.asking import Asker, may_organize
from bot.core.card import Press
from bot.core.commands import TABLE, Who
from bot.core.model import Place, group_of
from tests.core.worlds import World, at, attempted, member, revealed
from tests.factories import CHANNEL, RANDOM

ORGANIZERS: Final = [command for command in TABLE if command.who is Who.ORGANIZER]

NOON: Final = at("12:00", 1)

ANSWER: Final = "It covers one. It touches two. And that is all."

KEPT: Final = ("drills", "rulings", "exemplars", "seasons", "reports", "plans", "ledger", "grades")
"""What only organizers, or time, change."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A day that was revealed, with something to review; an open round; a second channel."""
    answers = {"ada": ANSWER, "bob": ANSWER, "olga": ANSWER}
    with closing(revealed(*answers.items())) as world:
        world.set_up(RANDOM)
        for who in ("bob", "olga"):
            world.objects(who, "1.1", at("10:00", 1))
            world.objects(who, "2.2", at("10:00", 1))
        world.rules("grant o1", at("10:30", 1))
        yield world


def kept(world: World) -> dict[str, list[object]]:
    found = world.contents()
    barred = [each.id for each in world.tx.members.of_group(group_of(CHANNEL)) if each.barred]
    return {name: found[name] for name in KEPT if name in found} | {"barred": list(barred)}


def typed(world: World, words: str, *, thread: bool = False) -> object:
    """What a member is told who types this after `/nnquestion`."""
    try:
        return attempted(partial(world.command, "eve", words, NOON, thread=thread))
    except commands.Misread as misread:
        return str(misread)


@pytest.mark.parametrize("command", ORGANIZERS, ids=lambda command: command.name)
def test_a_member_who_organizes_nothing_is_refused_by_command_and_by_button(
    world: World, command: commands.Command
) -> None:
    before = kept(world)
    for said in {command.name, command.example or command.name}:
        with world.tried():
            told = str(typed(world, said))
            assert "organizers" in told or "Use it so" in told, told
            for press in (Press.DO, Press.RESUME, Press.TRY, Press.REVIEW, Press.RULE):
                refused = str(attempted(partial(world.presses, "eve", press, f"{said} {CHANNEL}", NOON)))
                assert "organizers" in refused or "Use it so" in refused, refused
            assert kept(world) == before


ABOUTS = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{} {}".format,
        st.sampled_from(
            [
                "",
                *(command.example or command.name for command in TABLE),
                "grant o1",
                "undo r1",
                "list",
                "o1",
                "yes",
                "0",
            ]
        ),
        st.sampled_from([CHANNEL, RANDOM, "discord:1/2", f"{CHANNEL}@2026-11-22", f"{CHANNEL}@2026-11-23", "", " "]),
    ),
    st.builds("{} {}@{}".format, st.text(max_size=8), st.just(CHANNEL), st.dates().map(str)),
)


@settings(max_examples=200, deadline=None)
@given(press=st.sampled_from(list(Press)), about=ABOUTS)
def test_whatever_button_a_member_forges_it_is_answered_in_words_and_organizes_nothing(
    world: World, press: Press, about: str
) -> None:
    before = kept(world)
    with world.tried():
        assert attempted(partial(world.presses, "eve", press, about, NOON))
        assert kept(world) == before


WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from([command.name for command in TABLE] + ["@ada", "show=why", 'reason="', "=", "topic=", "-", "\x00"]),
)


@settings(max_examples=200, deadline=None)
@given(words=st.lists(WORDS, max_size=6).map(" ".join), thread=st.booleans())
def test_whatever_a_member_types_after_the_command_is_answered_in_words_and_organizes_nothing(
    world: World, words: str, thread: bool
) -> None:
    before = kept(world)
    with world.tried():
        assert typed(world, words, thread=thread)
        assert kept(world) == before


def test_the_world_of_these_tests_lets_organizers_do_all_of_that(world: World) -> None:
    assert not may_organize(world.tx, Asker(member=member("ada"), name="Ada", place=Place(channel=CHANNEL)))
    with world.tried():
        before = kept(world)
        world.orders("pause", NOON)
        assert kept(world) != before
    assert {name for name in KEPT if name in world.contents()} >= {"drills", "rulings", "ledger"}
    assert replies.changes(commands.read("pause"))
