"""What was decided stands with the grade, is told once, serves others only by consent, and is paid for exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import paying, rulings
from bot.core.card import Card, Press
from bot.core.model import ChannelId, Consent, Coverage, Exemplar, GroupId, RoundState, Ruling
from bot.core.setting_up import Refused
from tests.core.worlds import (
    BY_HEART,
    DONT_KNOW,
    LISTED,
    TWO,
    World,
    at,
    marked,
    member,
    of_key_points,
    revealed,
    words_of,
)
from tests.factories import CHANNEL, GROUP

ANSWER = "It covers one. It touches two. And that is all."
ELSEWHERE = ChannelId("terminal:elsewhere/general")


@pytest.fixture
def world() -> Iterator[World]:
    """Ada covers one and has two in part, and objects to that (o1) and to the third (o2) at ten on the next day."""
    with closing(revealed(("ada", ANSWER))) as world:
        world.objects("ada", "1.1", at("10:00", 1))
        world.objects("ada", "2.2", at("10:00", 1))
        yield world


def ruling(world: World, number: int = 1) -> Ruling:
    found = world.tx.rulings.get(number)
    assert found is not None
    return found


def exemplars(world: World, group: GroupId = GROUP) -> tuple[Exemplar, ...]:
    return world.tx.rulings.exemplars(group, world.rounds()[0].question.id)


def asked(card: Card) -> list[str]:
    """What the buttons for a consent carry."""
    return [button.about for button in card.buttons if button.press is Press.CONSENT]


def says(world: World, who: str, word: str) -> Card:
    """A member says yes or no to the use of an answer."""
    return world.presses(who, Press.CONSENT, word, at("15:00", 1))


def me(world: World, who: str = "ada") -> Card:
    return world.command(who, "me", at("16:00", 1))


# --- the grade that stands ----------------------------------------------------------------------------------


def test_the_machines_grade_stays_as_it_was_beside_the_one_that_stands(world: World) -> None:
    first = world.rounds()[0]
    before = world.tx.answers.grade(first.id, member("ada"))
    world.rules("grant o1", at("11:00", 1))
    assert world.tx.answers.grade(first.id, member("ada")) == before
    standing = rulings.standing_grade(world.tx, first, member("ada"))
    assert standing is not None
    assert (standing.level, standing.score, standing.points[1].coverage) == (2, 1.0, Coverage.COVERED)


def test_who_has_no_grade_has_none_that_stands(world: World) -> None:
    assert rulings.standing_grade(world.tx, world.rounds()[0], member("bob")) is None


# --- telling ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("grant o1", f"Your objection was granted: “{TWO.text}” counts."),
        ("decline o1", f"looked at your objection about “{TWO.text}”, and leaves the grade as it was"),
    ],
)
def test_a_ruling_is_told_once_in_the_next_private_reply(world: World, what: str, told: str) -> None:
    assert world.told("ada") == ""
    world.rules(what, at("11:00", 1))
    news = world.told("ada")
    assert told in news
    assert world.rounds()[0].question.prompt in news
    assert world.told("ada") == ""


def test_what_ended_by_itself_is_told_with_its_reason(world: World) -> None:
    world.tick(at("10:00", 4), deliver=False)
    news = world.told("ada")
    assert f"and the point was there in part: “{TWO.text}” counts" in news
    assert "in three days, so the grade stays as it was. It is not lost" in news


def test_an_objection_to_being_lowered_that_lapsed_is_not_told_as_if_somebody_had_looked_at_it() -> None:
    with closing(revealed(("ada", f"It covers one, {BY_HEART}."))) as world:
        world.objects("ada", "all.0", at("10:00", 1))
        world.tick(at("10:00", 4), deliver=False)
        news = world.told("ada")
        assert "Nobody came to your objection about your answer in three days" in news
        assert "organizer" not in news


@pytest.mark.parametrize(("level", "told"), [(2, "it counts as “all essentials” now"), (0, "it stays at “tried”")])
def test_a_level_is_told(level: int, told: str) -> None:
    with closing(revealed(("ada", f"It covers one, {BY_HEART}."))) as world:
        [(number, _)] = world.tx.answers.flagged(CHANNEL, at("09:00").date())
        world.rules(f"{level} f{number}", at("11:00", 1))
        assert told in world.told("ada")


def test_an_award_is_told_to_its_member_too(world: World) -> None:
    world.orders("award @ada 2 well said", at("11:00", 1))
    assert "You were awarded 2 points: well said." in world.told("ada")


def test_what_is_undone_before_it_was_told_is_never_told(world: World) -> None:
    world.rules("grant o1", at("11:00", 1))
    world.orders("award @ada 2 well said", at("11:00", 1))
    world.rules("undo r1", at("11:01", 1))
    world.rules("undo r2", at("11:01", 1))
    assert world.told("ada") == ""


def test_what_is_undone_after_it_was_told_is_told_to_be_taken_back_once(world: World) -> None:
    world.rules("grant o1", at("11:00", 1))
    world.orders("award @ada 2 well said", at("11:00", 1))
    world.told("ada")
    world.rules("undo r1", at("11:01", 1))
    world.rules("undo r2", at("11:01", 1))
    news = world.told("ada")
    assert f"What was decided has been taken back: your objection was granted: “{TWO.text}” counts." in news
    assert "taken back: you were awarded 2 points: well said." in news
    assert rulings.CONSENT not in news
    assert world.told("ada") == ""


def test_what_is_decided_again_after_an_undoing_is_told(world: World) -> None:
    world.rules("grant o1", at("11:00", 1))
    world.rules("undo r1", at("11:01", 1))
    world.rules("decline o1", at("11:02", 1))
    news = world.told("ada")
    assert "leaves the grade as it was" in news
    assert "taken back" not in news


def test_nobody_is_told_what_was_decided_about_others_or_in_other_groups(world: World) -> None:
    world.rules("grant o1", at("11:00", 1))
    assert world.told("bob") == ""
    assert rulings.to_tell(world.tx, GroupId("terminal:elsewhere"), member("ada")) == []
    assert world.told("ada")


# --- consent ------------------------------------------------------------------------------------------------


@pytest.fixture
def granted(world: World) -> World:
    """Ada's first objection was granted, and she has been told."""
    world.rules("grant o1", at("11:00", 1))
    world.told("ada")
    return world


def test_whoever_is_told_of_a_grant_is_asked_whether_the_answer_may_serve(world: World) -> None:
    world.rules("grant o1", at("11:00", 1))
    assert asked(me(world)) == []  # She has to be told first.
    assert rulings.CONSENT in world.told("ada")
    assert ruling(world).consent is Consent.ASKED
    assert asked(me(world)) == ["yes 1", "no 1"]
    assert exemplars(world) == ()


def test_nobody_is_asked_about_what_was_declined_awarded_or_granted_by_nobody(world: World) -> None:
    world.rules("decline o2", at("11:00", 1))
    world.orders("award @ada 2 well said", at("11:00", 1))
    world.tick(at("10:00", 4), deliver=False)
    assert len(rulings.to_tell(world.tx, GROUP, member("ada"))) == 3
    assert rulings.CONSENT not in world.told("ada")
    for number in (1, 2, 3):
        with pytest.raises(Refused, match="no longer does anything"):
            says(world, "ada", f"yes {number}")
    assert exemplars(world) == ()


def test_yes_makes_the_answer_an_exemplar_with_the_score_it_deserves(granted: World) -> None:
    assert "Thank you" in words_of(says(granted, "ada", "yes 1"))
    [exemplar] = exemplars(granted)
    assert (exemplar.text, exemplar.score) == (ANSWER, 1.0)
    assert ruling(granted).consent is Consent.GIVEN
    assert "1 answer of yours helps to grade others" in words_of(me(granted))
    assert asked(me(granted)) == ["no all"]


def test_a_level_makes_an_exemplar_of_its_score() -> None:
    for level, score in ((2, 1.0), (1, 0.5)):
        with closing(revealed(("ada", f"It covers one, {BY_HEART}."))) as world:
            [(number, _)] = world.tx.answers.flagged(CHANNEL, at("09:00").date())
            world.rules(f"{level} f{number}", at("11:00", 1))
            world.told("ada")
            says(world, "ada", "yes 1")
            assert [one.score for one in exemplars(world)] == [score]


def test_no_means_no_and_nobody_asks_again(granted: World) -> None:
    assert "It is not used." in words_of(says(granted, "ada", "no 1"))
    assert exemplars(granted) == ()
    assert ruling(granted).consent is Consent.REFUSED
    assert asked(me(granted)) == []
    assert granted.points("ada") == 3


@pytest.mark.parametrize("word", ["no 1", "no all"])
def test_what_was_allowed_can_be_taken_back_and_allowed_again(granted: World, word: str) -> None:
    says(granted, "ada", "yes 1")
    says(granted, "ada", word)
    assert exemplars(granted) == ()
    assert asked(me(granted)) == []
    says(granted, "ada", "yes 1")
    assert len(exemplars(granted)) == 1


def test_saying_yes_twice_is_the_same_as_once(granted: World) -> None:
    says(granted, "ada", "yes 1")
    before = granted.contents()
    says(granted, "ada", "yes 1")
    assert granted.contents() == before


@pytest.mark.parametrize("who", ["bob", "olga"])
def test_only_the_author_consents(granted: World, who: str) -> None:
    for word in ("yes 1", "no 1"):
        with pytest.raises(Refused, match="no longer does anything"):
            says(granted, who, word)
    says(granted, "ada", "yes 1")
    says(granted, who, "no all")
    assert len(exemplars(granted)) == 1


@pytest.mark.parametrize(
    "word", ["", "yes", "yes ", "yes 2", "yes -1", "yes 01", "yes ¹", "maybe 1", "yes all", "no", "all"]
)
def test_a_forged_consent_is_refused_and_changes_nothing(granted: World, word: str) -> None:
    before = granted.contents()
    with pytest.raises(Refused, match="no longer does anything"):
        says(granted, "ada", word)
    assert granted.contents() == before


def test_undoing_a_ruling_removes_its_exemplar_for_good(granted: World) -> None:
    says(granted, "ada", "yes 1")
    granted.rules("undo r1", at("15:30", 1))
    assert exemplars(granted) == ()
    assert ruling(granted).consent is Consent.REFUSED
    with pytest.raises(Refused, match="no longer does anything"):
        says(granted, "ada", "yes 1")
    assert asked(me(granted)) == []
    granted.rules("grant o1", at("15:40", 1))
    granted.told("ada")
    assert exemplars(granted) == ()  # It is another ruling; its author is asked anew.
    assert asked(me(granted)) == ["yes 2", "no 2"]


def test_an_answer_that_was_ruled_on_twice_serves_once_with_what_it_deserves_now() -> None:
    with closing(revealed(("ada", "It touches one. It touches two."))) as world:
        for about in ("0.0", "1.1"):
            world.objects("ada", about, at("10:00", 1))
        world.rules("grant o1", at("11:00", 1))
        world.told("ada")
        says(world, "ada", "yes 1")
        assert [one.score for one in exemplars(world)] == [pytest.approx(0.6, abs=0.01)]
        world.rules("grant o2", at("11:30", 1))
        assert [one.score for one in exemplars(world)] == [1.0]
        world.told("ada")
        says(world, "ada", "yes 2")
        assert [one.score for one in exemplars(world)] == [1.0]
        assert "1 answer of yours" in words_of(me(world))
        world.rules("undo r2", at("11:40", 1))
        assert [one.score for one in exemplars(world)] == [pytest.approx(0.6, abs=0.01)]
        says(world, "ada", "no 1")
        assert exemplars(world) == ()


def test_an_exemplar_serves_its_own_group_and_question_and_no_other(granted: World) -> None:
    says(granted, "ada", "yes 1")
    assert exemplars(granted, GroupId("terminal:elsewhere")) == ()
    [other] = [round_ for round_ in granted.rounds() if round_.id != granted.rounds()[0].id]
    assert granted.tx.rulings.exemplars(GROUP, other.question.id) == ()


# --- texts that are gone ------------------------------------------------------------------------------------


def test_a_deletion_blanks_what_objections_rulings_and_exemplars_hold_of_the_text() -> None:
    with closing(revealed(("ada", f"Sesame covers one. Sesame touches two. Sesame, {LISTED}."))) as world:
        world.objects("ada", "1.1", at("10:00", 1))
        world.objects("ada", "all.2", at("10:00", 1))
        world.rules("grant o1", at("11:00", 1))
        world.rules("2 o2", at("11:00", 1))
        world.told("ada")
        for number in (1, 2):
            says(world, "ada", f"yes {number}")
        assert {"objections", "rulings", "exemplars", "grades"} - set(world.keeps("Sesame")) <= {"grades"}
        points = world.points("ada")
        world.deletes("of ada", at("15:30", 1))
        assert world.keeps("Sesame") == []
        assert exemplars(world) == ()
        assert world.points("ada") == points
        assert "help" not in words_of(me(world))
        assert asked(me(world)) == []


def test_a_late_answer_that_is_withdrawn_leaves_nothing_in_them_either() -> None:
    with closing(revealed()) as world:
        first = world.rounds()[0]
        world.says("ada", "Sesame covers one. Sesame touches two.", at("09:30", 1), message="late", place=first.thread)
        world.tick(at("09:31", 1))
        world.objects("ada", "1.1", at("10:00", 1))
        world.rules("grant o1", at("11:00", 1))
        world.told("ada")
        says(world, "ada", "yes 1")
        world.deletes("late", at("15:30", 1))
        assert world.keeps("Sesame") == []
        assert exemplars(world) == ()


def test_whose_text_is_gone_is_neither_asked_nor_can_consent(world: World) -> None:
    world.deletes("of ada", at("10:30", 1))
    world.rules("grant o1", at("11:00", 1))
    assert world.points("ada") == 3
    news = world.told("ada")
    assert "was granted" in news
    assert rulings.CONSENT not in news
    assert asked(me(world)) == []
    with pytest.raises(Refused, match="text of that answer is gone"):
        says(world, "ada", "yes 1")
    assert exemplars(world) == ()


def test_nothing_of_a_part_that_is_deleted_before_the_close_is_quoted_by_an_earlier_grade() -> None:
    with closing(of_key_points()) as world:
        world.tick(at("09:00"))
        world.says("ada", "Sesame covers one, they say.", at("10:00"), message="a")
        world.says("ada", "And more of that.", at("10:01"), message="b")
        world.tick(at("10:02"))
        assert "grades" in world.keeps("covers one")
        world.deletes("a", at("10:03"))
        assert world.keeps("covers one") == []


def test_a_grade_that_comes_after_the_deletion_of_what_it_graded_quotes_nothing() -> None:
    with closing(of_key_points()) as world:
        world.tick(at("09:00"))
        world.says("ada", "Sesame covers one, they say.", at("10:00"), message="a")
        given_ = world.answer("ada")
        assert given_ is not None
        world.deletes("a", at("10:03"))
        world.tx.answers.add_grade(given_.round, given_.member, given_.revision, world.judged(given_), at("10:04"))
        assert world.keeps("covers one") == []


# --- the ledger, whatever happens ---------------------------------------------------------------------------


WHO: Final = ("ada", "bob")
TEXTS: Final = (
    ANSWER,
    "It covers one. It covers two.",
    f"It covers two, {LISTED}.",
    f"covers one, {BY_HEART}",
    DONT_KNOW,
)
STEPS = st.one_of(
    st.tuples(st.just("tick"), st.sampled_from([1, 30, 80])),
    st.tuples(st.just("says"), st.sampled_from(WHO), st.sampled_from(TEXTS)),
    st.tuples(st.just("edits"), st.sampled_from(WHO), st.sampled_from(TEXTS)),
    st.tuples(st.just("checks"), st.sampled_from(WHO)),
    st.tuples(st.just("deletes"), st.sampled_from(WHO)),
    st.tuples(st.just("objects"), st.sampled_from(WHO), st.sampled_from(["0.0", "1.1", "1.0", "2.0", "all.0"])),
    st.tuples(st.just("grants"), st.sampled_from(["grant", "decline", "0", "1", "2"])),
    st.tuples(st.just("levels"), st.sampled_from("012")),
    st.tuples(st.just("undoes"), st.integers(0, 3)),
    st.tuples(st.just("regrades"), st.sampled_from(WHO), st.sampled_from(TEXTS)),
    st.tuples(st.just("awards"), st.sampled_from(WHO), st.integers(1, 10)),
    st.tuples(st.just("consents"), st.sampled_from(WHO), st.sampled_from(["yes", "no"])),
    st.tuples(st.just("asks"), st.sampled_from(WHO)),
)


class Story:
    """One thing after another in a channel of two members; what is refused is refused in words."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = at("09:00")
        self.messages: dict[str, list[str]] = {who: [] for who in WHO}
        world.tick(self.now)

    def does(self, step: tuple[object, ...]) -> None:
        self.now += timedelta(minutes=7)
        kind, *rest = step
        try:
            getattr(self, f"_{kind}")(*rest)
        except Refused as refused:
            assert str(refused)  # noqa: PT017

    def _tick(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.world.tick(self.now)

    def _says(self, who: str, text: str) -> None:
        message = f"{who} {len(self.messages[who])}"
        self.messages[who].append(message)
        thread = next(round_.thread for round_ in reversed(self.world.rounds()) if round_.thread is not None)
        self.world.says(who, text, self.now, message=message, place=thread)

    def _edits(self, who: str, text: str) -> None:
        for message in self.messages[who][-1:]:
            self.world.edits(message, text, self.now)

    def _deletes(self, who: str) -> None:
        for message in self.messages[who][-1:]:
            self.world.deletes(message, self.now)

    def _checks(self, who: str) -> None:
        self.world.checks(who, self.now)

    def _objects(self, who: str, what: str) -> None:
        for round_ in [one for one in self.world.rounds() if one.state is RoundState.REVEALED][-1:]:
            self.world.objects(who, what, self.now, round_)

    def _grants(self, verdict: str) -> None:
        for objection in self.world.tx.objections.open_in(CHANNEL)[:1]:
            self.world.rules(f"{verdict} o{objection.number}", self.now)

    def _levels(self, level: str) -> None:
        for number, _ in self.world.tx.answers.flagged(CHANNEL, at("09:00").date())[:1]:
            self.world.rules(f"{level} f{number}", self.now)

    def _undoes(self, back: int) -> None:
        for ruling in self.world.tx.rulings.of_channel(CHANNEL, 10)[back : back + 1]:
            self.world.rules(f"undo r{ruling.number}", self.now)

    def _regrades(self, who: str, text: str) -> None:
        for round_ in self.world.rounds():
            if round_.state is RoundState.REVEALED and self.world.answer(who, round_) is not None:
                self.world.regrade(who, round_, marked(round_.question, text), self.now)

    def _awards(self, who: str, points: int) -> None:
        self.world.orders(f"award @{who} {points} well said", self.now)

    def _consents(self, who: str, word: str) -> None:
        for ruling in self.world.tx.rulings.of_member(GROUP, member(who))[-1:]:
            self.world.presses(who, Press.CONSENT, f"{word} {ruling.number}", self.now)

    def _asks(self, who: str) -> None:
        assert self.world.command(who, "me", self.now).title
        self.world.told(who)
        assert self.world.presses("olga", Press.REVIEW, f"list {CHANNEL}", self.now, organizer=True).title


def owed(world: World) -> Counter[tuple[str, str]]:
    """By round and member, the points that the grades that stand and the awards that stand come to."""
    due: Counter[tuple[str, str]] = Counter()
    for round_ in world.rounds():
        for who in map(member, WHO):
            answer, grade = world.tx.answers.get(round_.id, who), rulings.standing_grade(world.tx, round_, who)
            if round_.state is RoundState.REVEALED and answer is not None and answer.parts and grade is not None:
                due[round_.id, who] += paying.due(world.tx, round_, answer, grade)[0]
            for decided in world.tx.rulings.of_answer(round_.id, who):
                due[round_.id, who] += decided.points * decided.stands
    return due


BEGINNINGS: Final[tuple[list[tuple[object, ...]], ...]] = (
    [],
    [("says", "ada", ANSWER), ("says", "bob", TEXTS[2]), ("tick", 30), ("objects", "ada", "1.1")],
    [("says", "ada", TEXTS[3]), ("checks", "ada"), ("tick", 30), ("objects", "ada", "all.0"), ("says", "bob", ANSWER)],
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.lists(STEPS, max_size=20))
def test_the_ledger_adds_up_to_the_grades_and_awards_that_stand_whatever_happens(
    beginning: list[tuple[object, ...]], steps: list[tuple[object, ...]]
) -> None:
    with closing(of_key_points()) as world:
        story = Story(world)
        seen: list[object] = []
        for step in (*beginning, *steps):
            story.does(step)
            rows = world.contents()["ledger"]
            assert rows[: len(seen)] == seen
            seen = rows
            paid: Counter[tuple[str, str]] = Counter()
            for who in WHO:
                for entry in world.entries(who):
                    paid[entry.round, entry.member] += entry.points
            assert +paid == +owed(world)
            assert min(paid.values(), default=0) >= 0
            serving = world.contents()["exemplars"]
            assert len(serving) <= len([r for r in world.tx.rulings.of_channel(CHANNEL, 99) if r.points == 0])
