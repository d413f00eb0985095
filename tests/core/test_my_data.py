"""What is kept about a member is handed over whole, and forgotten whole; what others rest on stays right."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import outcomes, reminding, retention
from bot.core.answering import Said
from bot.core.card import Card, Press
from bot.core.model import Naming, Occurrence, Receipt, Report, RoundState, Season, Share, Why
from bot.core.scoring import season_dates
from bot.core.setting_up import Refused
from tests.core.worlds import FULL, PARTLY, TRY, World, at, marked, member, of_key_points, rows_of, words_of
from tests.factories import CHANNEL, GROUP, TODAY, make_member

SECRET: Final = "zanzibar"
"""Stands in everything that Ada types."""

ANSWER: Final = f"It covers one, says {SECRET}. It touches two."


def yes(world: World, who: str, when: datetime) -> Card:
    """A member presses the button of `me forget`."""
    card = world.command(who, "me forget", when)
    (button,) = [button for button in card.buttons if button.press is Press.FORGET]
    return world.presses(who, button.press, button.about, when)


def handed_over(world: World, who: str, when: datetime) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What `me export` holds: the JSON, and the rows of the CSV."""
    whole, answers = world.command(who, "me export", when).files
    assert (whole.name, answers.name) == ("my-data.json", "my-answers.csv")
    return json.loads(whole.text), list(csv.DictReader(io.StringIO(answers.text.removeprefix("\ufeff"))))


@pytest.fixture
def world() -> Iterator[World]:
    """Ada has answered two rounds, one by form and shared; objected, got an award, was thanked; the third is open."""
    with closing(of_key_points()) as world:
        world.tick(at("09:00"))
        world.says("ada", f"First it was {SECRET}, in so many words.", at("10:00"), message="m1")
        world.edits("m1", ANSWER, at("10:01"))
        world.says("bob", "It covers one and it covers two, says Bob.", at("10:05"))
        world.tick(at("09:00", 1))
        first = world.rounds()[0]
        world.objects("ada", "1.1", at("09:30", 1))
        world.orders(f"award @ada 2 the {SECRET} explanation", at("09:40", 1))
        world.fills_form("ada", f"By form it covers one, {SECRET}.", at("10:00", 1), share=Share.WITH_NAME)
        world.fills_form("bob", "Bob shares, and it covers two.", at("10:00", 1), share=Share.WITHOUT_NAME)
        world.tick(at("09:00", 2))
        second = world.rounds()[1]
        world.tx.answers.help(second.id, member("bob"), member("ada"))
        world.tx.answers.help(second.id, member("ada"), member("bob"))
        world.tx.answers.report(Report(round=second.id, member=member("bob"), by=member("ada"), at=at("09:10", 2)))
        world.command("ada", "me remind 08:00", at("09:20", 2))
        world.command("ada", "me away until 2026-12-01", at("09:20", 2))
        world.tx.answers.add_hint(first.id, member("ada"), at("09:20"))
        world.deliver(at("09:30", 2))
        yield world


# --- handed over --------------------------------------------------------------------------------------------


def test_everything_kept_about_a_member_is_handed_over(world: World) -> None:
    kept, rows = handed_over(world, "ada", at("10:00", 2))
    assert kept["member"] | {"name": "Ada", "answered in public": True, "barred": False} == kept["member"]
    first, second = kept["answers"]
    assert [part["text"] for part in first["parts"]] == [ANSWER]
    assert [revision["text"] for revision in first["revisions"]] == [
        f"First it was {SECRET}, in so many words.",
        ANSWER,
    ]
    assert first["prompt"] == world.rounds()[0].question.prompt
    words = [point["your words"] for point in first["grades"][-1]["key points"]]
    assert words == ["covers one", "touches two", ""]
    assert (second["share"], second["late"], second["final"]) == ("with my name", False, False)
    assert sum(row["points"] for row in kept["points"]) == world.points("ada")
    assert [hint["number"] for hint in kept["hints"]] == [1]
    assert [objection["your words"] for objection in kept["objections"]] == ["It touches two."]
    assert [ruling["reason"] for ruling in kept["rulings"]] == [f"the {SECRET} explanation"]
    assert kept["away"] == [{"first": "2026-11-24", "last": "2026-12-01"}]
    assert kept["reminder"]["at"] == "08:00"
    assert [len(kept[what]) for what in ("marked as helpful", "reports made")] == [1, 1]
    assert SECRET in json.dumps(kept["heard"])
    assert [(row["answer"], row["level"], row["points"]) for row in rows] == [
        (ANSWER, "1", "2"),
        (f"By form it covers one, {SECRET}.", "1", "4"),  # two for the answer, two by award
    ]
    assert [row["date"] for row in rows] == ["2026-11-22", "2026-11-23"]
    assert "bob" not in json.dumps([kept, rows]).lower()


@pytest.mark.parametrize("late", [False, True])
def test_who_was_forgotten_can_delete_what_they_had_said(late: bool) -> None:
    with closing(World()) as world:
        world.tick(at("09:00"))
        place = world.round().thread
        world.tick(at("09:00", 1))
        world.says("ada", FULL, at("10:00", 1) if late else at("10:00"), message="m1", place=place)
        world.tick(at("10:01", 1))
        points = world.points("ada")
        yes(world, "ada", at("11:00", 1))
        world.deletes("m1", at("12:00", 1) if late else at("10:30"))
        world.tick(at("12:01", 1))
        assert world.keeps(FULL) == []
        assert world.points("ada") == points


def test_a_grade_is_not_handed_over_before_the_reveal(world: World) -> None:
    world.says("ada", "It covers one and it covers two, today.", at("09:30", 2))
    world.checks("ada", at("09:31", 2))
    kept, rows = handed_over(world, "ada", at("10:00", 2))
    assert kept["answers"][2]["grades"] == []
    assert (rows[2]["level"], rows[2]["score"], rows[2]["points"]) == ("", "", "")
    assert kept["answers"][2]["final"] is True


def test_who_never_said_anything_is_handed_over_that_nothing_is_there(world: World) -> None:
    kept, rows = handed_over(world, "zoe", at("10:00", 2))
    assert (kept["answers"], kept["heard"], kept["member"]["name"], rows) == ([], [], None, [])


@pytest.mark.parametrize("begins", ["=", "+", "-", "@"])
def test_a_cell_that_a_spreadsheet_would_run_is_defused(world: World, begins: str) -> None:
    world.fills_form("ada", f"{begins}HYPERLINK(1) and four more words", at("09:30", 2))
    _, rows = handed_over(world, "ada", at("10:00", 2))
    assert rows[2]["answer"].startswith(f"'{begins}HYPERLINK")


# --- forgotten ----------------------------------------------------------------------------------------------


def test_nothing_is_forgotten_before_the_button_is_pressed(world: World) -> None:
    before = world.contents()
    card = world.command("ada", "me forget", at("10:00", 2))
    assert [(button.press, button.about) for button in card.buttons] == [(Press.FORGET, "yes")]
    assert "What goes" in words_of(card)
    assert "What stays" in words_of(card)
    with pytest.raises(Refused):
        world.presses("ada", Press.FORGET, "no", at("10:00", 2))
    assert world.contents() == before


def test_all_that_a_member_typed_and_their_name_are_gone(world: World) -> None:
    assert {"parts", "revisions", "rulings", "ledger", "events", "deliveries"} <= set(world.keeps(SECRET))
    yes(world, "ada", at("10:00", 2))
    assert world.keeps(SECRET) == []
    assert world.keeps("It touches two.") == []
    assert world.keeps("'Ada'") == []
    assert world.keeps("touches two") == []
    known = world.tx.members.get(member("ada"))
    assert known == make_member(name="someone", naming=Naming.SOMEONE)
    assert world.tx.members.reminder(member("ada")) is None
    assert world.tx.members.absences(member("ada")) == []
    kept, _ = handed_over(world, "ada", at("10:01", 2))
    assert kept["marked as helpful"] == []
    assert kept["heard"] == []


def test_points_streak_and_board_stay_right_with_someone(world: World) -> None:
    month = [row.points for row in rows_of(world.command("bob", "leaderboard", at("09:50", 2)))]
    before = (
        world.points("ada"),
        world.streak("ada"),
        world.streak("bob"),
        world.tx.answers.helped(world.rounds()[1].id),
    )
    yes(world, "ada", at("10:00", 2))
    after = rows_of(world.command("bob", "leaderboard", at("10:00", 2)))
    assert [row.points for row in after] == month
    assert {row.name for row in after} == {"Bob", "someone"}
    assert (world.points("ada"), world.streak("ada"), world.streak("bob")) == before[:3]
    assert world.tx.ledger.recount() == 0


def test_what_others_said_is_left_as_it_was(world: World) -> None:
    before = handed_over(world, "bob", at("10:00", 2))
    yes(world, "ada", at("10:00", 2))
    after = handed_over(world, "bob", at("10:00", 2))
    before[0]["marked as helpful"] = []  # It was Ada's answer.
    assert after == before


def test_what_was_shared_is_shared_no_more(world: World) -> None:
    second = world.rounds()[1]
    assert len(world.tx.answers.shared(second.id)) == 2
    yes(world, "ada", at("10:00", 2))
    assert [answer.member for answer in world.tx.answers.shared(second.id)] == [member("bob")]


def test_an_answer_that_is_not_revealed_yet_is_withdrawn_and_may_be_given_anew(world: World) -> None:
    world.says("ada", f"Today it covers one, {SECRET}, my friends.", at("09:50", 2))
    assert "1 open answer withdrawn" in words_of(yes(world, "ada", at("10:00", 2)))
    assert world.answer("ada") is None
    assert world.keeps(SECRET) == []
    told = world.says("ada", "A new answer that covers one and two", at("10:05", 2))
    assert told.receipt is Receipt.RECORDED
    world.tick(at("09:00", 3))
    assert world.text("ada", world.rounds()[2]) == "A new answer that covers one and two"


def test_who_had_their_answer_checked_gives_no_second_one(world: World) -> None:
    world.says("ada", "It covers one and misses the other thing", at("09:50", 2))
    world.checks("ada", at("09:51", 2))
    yes(world, "ada", at("10:00", 2))
    told = world.says("ada", "Now it covers one and covers two, too", at("10:05", 2))
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.FINAL)
    assert world.answer("ada") is None


def test_an_answer_that_was_withdrawn_before_and_one_that_is_called_off_are_forgotten_too(world: World) -> None:
    world.says("ada", f"I take this back, {SECRET}, at once.", at("09:40", 2))
    world.fills_form("ada", "", at("09:41", 2))
    world.orders("skip open", at("09:50", 2))
    assert world.round().state is RoundState.CANCELLED
    assert "revisions" in world.keeps(SECRET)
    yes(world, "ada", at("10:00", 2))
    assert world.keeps(SECRET) == []


def test_talk_that_waits_for_the_reveal_is_forgotten(world: World) -> None:
    world.says("ada", f"{SECRET}?", at("09:50", 2))
    assert world.keeps(SECRET).count("events") == 1
    yes(world, "ada", at("10:00", 2))
    assert world.keeps(SECRET) == []


@pytest.mark.parametrize("message", ["m1", "unheard"])
def test_a_late_edit_and_another_look_at_the_thread_bring_nothing_back(world: World, message: str) -> None:
    """ "unheard" was said in a gap, before its author asked to be forgotten."""
    thread = world.rounds()[0 if message == "m1" else 2].thread
    yes(world, "ada", at("10:00", 2))
    assert thread is not None
    said_at = at("10:00") if message == "m1" else at("09:59", 2)
    said = Said(
        place=thread,
        message=message,
        member=member("ada"),
        name="Ada",
        text=f"It is {SECRET} again, all.",
        said_at=said_at,
    )
    for heard in (said, replace(said, edited_at=at("10:30", 2)), replace(said, edited_at=at("11:00", 2), text=ANSWER)):
        world.arrives(heard, at("11:00", 2))
    assert world.keeps(SECRET) == []
    assert world.keeps("'Ada'") == []


def test_a_form_or_a_submission_that_comes_late_brings_nothing_back(world: World) -> None:
    world.says("ada", f"{SECRET}?", at("09:50", 2), message="m9")
    yes(world, "ada", at("10:00", 2))
    assert world.fills_form("ada", f"Late comes {SECRET}, by form.", at("09:59", 2)).receipt is Receipt.NOT_COUNTED
    assert world.submits("ada", "m9", at("10:05", 2)).receipt is Receipt.NOT_COUNTED
    assert world.keeps(SECRET) == []
    assert world.answer("ada") is None


def test_the_platforms_clock_may_be_ahead_of_ours(world: World) -> None:
    world.says("ada", f"It covers one, {SECRET}, I say.", at("10:01", 2), message="m9")
    yes(world, "ada", at("10:00", 2))
    world.edits("m9", f"It covers one, {SECRET}, I repeat.", at("10:02", 2))
    assert world.keeps(SECRET) == []


def test_what_waits_to_be_sent_names_them_no_more(world: World) -> None:
    drill = world.drill()
    world.tx.drills.save(replace(drill, recap=True))
    world.orders(f"award @ada 1 once more {SECRET}", at("09:45", 2))
    world.presses("bob", Press.SHARE, f"month points all {CHANNEL}", at("09:46", 2))
    world.tick(at("08:30", 3), deliver=False)
    for day in range(3, 9):
        world.fills_form("bob", "It covers two, says Bob.", at("08:00", day))
        world.tick(at("09:00", day), deliver=False)
    owed = {delivery.key.partition(CHANNEL)[2].split("/")[1] for delivery in world.owed()}
    assert {"award", "board", "recap", "reveal"} <= owed
    assert all(SECRET in repr(d.card) and "Ada" in repr(d.card) for d in world.owed() if "/recap/" in d.key)
    yes(world, "ada", at("10:00", 8))
    assert world.keeps(SECRET) == []
    assert [d.key for d in world.owed() if "Ada" in repr(d.card)] == []
    assert any("someone" in repr(delivery.card) for delivery in world.owed())
    world.deliver(at("10:01", 8))
    assert not any("Ada" in repr(card) for key, _, card in world.posted if "/recap/" in key)


def test_a_reminder_that_waits_to_be_sent_is_not_sent(world: World) -> None:
    reminding.send_due(world.tx, member("ada"), at("08:00", 3))
    assert any("/remind/" in delivery.key for delivery in world.owed())
    yes(world, "ada", at("08:01", 3))
    assert not any("/remind/" in delivery.key for delivery in world.owed())


def test_a_message_that_was_on_its_way_does_not_bring_its_words_back(world: World) -> None:
    world.presses("bob", Press.SHARE, f"month points all {CHANNEL}", at("09:46", 2))
    (claimed,) = world.tx.deliveries.claim(at("09:47", 2), 5)
    assert "Ada" in repr(claimed.card)
    yes(world, "ada", at("10:00", 2))
    outcomes.done(world.tx, claimed, at("10:00", 2))
    assert world.keeps('"Ada"') == []


def test_what_a_platform_has_sent_and_nobody_has_worked_on_is_forgotten() -> None:
    with closing(World()) as world:
        for number, user in enumerate(("ada", "bob", "ada")):
            event = {"type": "message", "text": f"{SECRET} {number}", "user": user}
            wrapped = {"type": "message", "subtype": "message_changed", "message": event} if number == 2 else event
            data = {"team": "local", "event": json.dumps(wrapped)}
            world.tx.events.add(Occurrence(id=f"inbox/{number}", at=at("09:00"), data=data))
        yes(world, "ada", at("10:00"))
        assert [event.id for event in world.tx.events.waiting()] == ["inbox/1"]
        assert f"{SECRET} 0" not in repr(world.contents())
        assert f"{SECRET} 2" not in repr(world.contents())


def test_who_is_barred_stays_so(world: World) -> None:
    world.orders("bar @ada", at("09:50", 2))
    yes(world, "ada", at("10:00", 2))
    known = world.tx.members.get(member("ada"))
    assert known is not None
    assert known.barred


def test_being_forgotten_twice_or_without_ever_being_known_is_no_harm(world: World) -> None:
    yes(world, "ada", at("10:00", 2))
    yes(world, "ada", at("10:01", 2))
    yes(world, "zoe", at("10:02", 2))
    assert world.tx.records.forgotten_at(member("zoe")) == at("10:02", 2)
    assert world.tx.records.forgotten_at(member("bob")) is None


def test_an_example_is_one_no_more(world: World) -> None:
    world.rules("grant o1", at("10:00", 2))
    world.told("ada")
    (ruling,) = [r for r in world.tx.rulings.of_member(GROUP, member("ada")) if r.objection]
    world.presses("ada", Press.CONSENT, f"yes {ruling.number}", at("10:01", 2))
    question = world.rounds()[0].question.id
    assert world.tx.rulings.exemplars(GROUP, question)
    yes(world, "ada", at("10:02", 2))
    assert world.tx.rulings.exemplars(GROUP, question) == ()
    assert world.keeps(SECRET) == []


_TEXTS = st.sampled_from([FULL, PARTLY, TRY, f"covers one in five words {SECRET}"])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("says"), st.sampled_from("abc"), _TEXTS),
        st.tuples(st.just("form"), st.sampled_from("abc"), _TEXTS),
        st.tuples(st.just("forget"), st.sampled_from("abc"), st.just("")),
        st.tuples(st.just("day"), st.just(""), st.just("")),
    ),
    max_size=10,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_STEPS)
def test_boards_are_a_plain_recount_whoever_is_forgotten_when(steps: list[tuple[str, str, str]]) -> None:
    with closing(of_key_points()) as world:
        world.tick(at("09:00"))
        now = at("09:00")
        for what, who, text in [*steps, ("day", "", "")]:
            now += timedelta(minutes=1)
            match what:
                case "says":
                    world.says(who, text, now)
                case "form":
                    world.fills_form(who, text, now)
                case "forget":
                    boards = [world.tx.ledger.board(GROUP, season, now.date()) for season in Season]
                    yes(world, who, now)
                    assert [world.tx.ledger.board(GROUP, season, now.date()) for season in Season] == boards
                case "day":
                    now = at("09:00", (now.date() - TODAY).days + 1)
                    world.tick(now)
        for season in Season:
            for on in (TODAY, now.date()):
                first, last = season_dates(season, on)
                plain = world.tx.ledger.totals(GROUP, first=first, last=last)
                assert world.tx.ledger.board(GROUP, season, on) == plain
        assert world.tx.ledger.recount() == 0


def test_old_texts_of_events_go_by_themselves_once_their_round_is_over(world: World) -> None:
    world.says("ada", "It covers one, and this round is open.", at("09:50", 2))
    while not retention.step(world.tx, at("09:00", 9), None):
        pass
    texts = [event.data.get("text") for event in world.tx.events.beginning(f"{CHANNEL}/") if "text" in event.data]
    assert [text for text in texts if text] == ["It covers one, and this round is open."]
    assert world.text("ada", world.rounds()[0]) == ANSWER
    assert marked(world.rounds()[0].question, ANSWER).level == 1
