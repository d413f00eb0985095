"""What every store promises. A test module subclasses `StoreContract` and gives it a `store` fixture."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest

from bot.core.model import (
    Absence,
    Action,
    Answer,
    ChannelId,
    Consent,
    DeliveryState,
    Drill,
    DrillState,
    Effort,
    Exemplar,
    ExemplarKind,
    Flag,
    Grade,
    GroupId,
    MemberId,
    MessageRef,
    Naming,
    ObjectionState,
    Opening,
    PastSeason,
    Place,
    QuestionId,
    Reminder,
    Report,
    Round,
    RoundId,
    RoundState,
    RulingKind,
    Season,
    Share,
    Source,
    Standing,
)
from bot.core.ports import Store, StoreError, Transaction
from tests.factories import (
    ADA,
    BOB,
    CHANNEL,
    DAY,
    GROUP,
    HOUR,
    MINUTE,
    NOW,
    RANDOM,
    TODAY,
    Kept,
    keep,
    make_answer,
    make_card,
    make_delivery,
    make_drill,
    make_entry,
    make_grade,
    make_member,
    make_objection,
    make_occurrence,
    make_part,
    make_plan,
    make_question,
    make_ref,
    make_round,
    make_ruling,
)

CLEO = MemberId(f"{GROUP}/@cleo")
MICROSECOND = timedelta(microseconds=1)


def setting(name: str, value: str) -> Callable[[Transaction], None]:
    """Work that sets a fact."""
    return lambda tx: tx.facts.set(name, value)


async def kept(store: Store, *values: Kept) -> None:
    """Store values in one transaction."""
    await store.write(lambda tx: keep(tx, *values))


class TransactionContract:
    """Work is done wholly or not at all, and seen by all that begins after it."""

    async def test_work_returns_what_it_found(self, store: Store) -> None:
        assert await store.write(lambda tx: tx.facts.get("colour") or "none") == "none"
        assert await store.read(lambda tx: 7) == 7

    async def test_a_read_sees_what_a_write_before_it_did(self, store: Store) -> None:
        for number in range(20):
            await store.write(setting("number", str(number)))
            assert await store.read(lambda tx: tx.facts.get("number")) == str(number)

    async def test_work_sees_what_it_has_done_itself(self, store: Store) -> None:
        def work(tx: Transaction) -> str | None:
            tx.facts.set("colour", "red")
            return tx.facts.get("colour")

        assert await store.write(work) == "red"

    async def test_work_that_raises_leaves_nothing_and_its_error_is_raised(self, store: Store) -> None:
        def work(tx: Transaction) -> None:
            tx.facts.set("colour", "red")
            keep(tx, make_round(), make_answer())
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await store.write(work)
        assert await store.read(lambda tx: (tx.facts.get("colour"), tx.rounds.get(make_round().id))) == (None, None)

    async def test_work_that_raises_harms_no_other(self, store: Store) -> None:
        def work(tx: Transaction, number: int) -> int:
            tx.facts.set(f"number {number}", "here")
            return 1 // (number % 2)

        done = await asyncio.gather(*(store.write(partial(work, number=n)) for n in range(10)), return_exceptions=True)
        assert [isinstance(result, ZeroDivisionError) for result in done] == [n % 2 == 0 for n in range(10)]
        there = await store.read(lambda tx: [n for n in range(10) if tx.facts.get(f"number {n}")])
        assert there == [1, 3, 5, 7, 9]

    async def test_an_iterator_that_ends_in_the_work_does_not_leave_its_caller_waiting(self, store: Store) -> None:
        with pytest.raises(RuntimeError):
            await asyncio.wait_for(store.write(lambda tx: next(iter(tx.drills.all()))), 5)
        with pytest.raises(RuntimeError):
            await asyncio.wait_for(store.read(lambda tx: next(iter(tx.drills.all()))), 5)

    async def test_work_handed_over_together_is_done_in_that_order(self, store: Store) -> None:
        def add(tx: Transaction, number: int) -> None:
            tx.facts.set("numbers", f"{tx.facts.get('numbers') or ''}{number} ")

        await asyncio.gather(*(store.write(partial(add, number=n)) for n in range(30)))
        assert await store.read(lambda tx: tx.facts.get("numbers")) == "".join(f"{n} " for n in range(30))

    async def test_a_read_may_not_write(self, store: Store) -> None:
        with pytest.raises(StoreError):
            await store.read(lambda tx: tx.facts.set("colour", "red"))
        assert await store.read(lambda tx: tx.facts.get("colour")) is None

    async def test_a_read_keeps_its_snapshot_whatever_is_written_meanwhile(self, store: Store) -> None:
        await store.write(lambda tx: tx.facts.set("colour", "red"))
        looked, written = threading.Event(), threading.Event()

        def look_twice(tx: Transaction) -> tuple[str | None, str | None]:
            first = tx.facts.get("colour")
            looked.set()
            assert written.wait(5)
            return first, tx.facts.get("colour")

        reading = asyncio.create_task(store.read(look_twice))
        assert await asyncio.to_thread(looked.wait, 5)
        await store.write(lambda tx: tx.facts.set("colour", "blue"))
        written.set()
        assert await reading == ("red", "red")
        assert await store.read(lambda tx: tx.facts.get("colour")) == "blue"

    async def test_a_caller_who_is_cancelled_stops_nobody_else(self, store: Store) -> None:
        started, go_on = threading.Event(), threading.Event()

        def hold(tx: Transaction) -> None:
            tx.facts.set("holding", "done")
            started.set()
            assert go_on.wait(5)

        holding = asyncio.create_task(store.write(hold))
        assert await asyncio.to_thread(started.wait, 5)
        waiting = [asyncio.create_task(store.write(setting(f"{n}", "done"))) for n in range(3)]
        await asyncio.sleep(0)
        holding.cancel()
        waiting[1].cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(waiting[0], waiting[2])
        there = await store.read(lambda tx: [tx.facts.get(name) for name in ("holding", "0", "1", "2")])
        assert there == ["done", "done", None, "done"]

    async def test_closing_finishes_the_work_that_waits(self, store: Store) -> None:
        await store.write(setting("open", "x"))
        writing = [asyncio.create_task(store.write(setting(f"{n}", "x"))) for n in range(20)]
        reading = asyncio.create_task(store.read(lambda tx: tx.facts.get("0")))
        await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
        await store.close()
        assert await asyncio.gather(*writing) == [None] * 20
        assert await reading in (None, "x")

    async def test_work_after_closing_is_refused(self, store: Store) -> None:
        await store.close()
        with pytest.raises(StoreError):
            await store.write(lambda tx: None)
        with pytest.raises(StoreError):
            await store.read(lambda tx: None)

    async def test_closing_twice_is_the_same_as_once(self, store: Store) -> None:
        await store.write(lambda tx: None)
        await asyncio.gather(store.close(), store.close())
        await store.close()


class DrillsContract:
    """Drills and plans, one for each channel."""

    async def test_a_drill_comes_back_as_it_was_saved(self, store: Store) -> None:
        drill = make_drill(
            topics=frozenset({"training", "attention"}),
            difficulties=frozenset({1, 3}),
            organizers=frozenset({ADA, BOB}),
            skipped_since=(TODAY, date(2026, 11, 23)),
            state=DrillState.ASLEEP,
            state_reason="nobody answered",
        )
        await kept(store, drill)
        assert await store.read(lambda tx: tx.drills.get(CHANNEL)) == drill

    async def test_a_channel_without_drill_has_none(self, store: Store) -> None:
        assert await store.read(lambda tx: (tx.drills.get(CHANNEL), tx.drills.plan(CHANNEL))) == (None, None)

    async def test_saving_a_drill_again_replaces_it(self, store: Store) -> None:
        changed = make_drill(sealed=True, next=None)
        await kept(store, make_drill(), changed)
        assert await store.read(lambda tx: tx.drills.all()) == [changed]

    async def test_all_drills_come_by_channel(self, store: Store) -> None:
        await kept(store, make_drill(RANDOM), make_drill(CHANNEL))
        assert [drill.channel for drill in await store.read(lambda tx: tx.drills.all())] == [CHANNEL, RANDOM]

    async def test_drills_are_due_from_the_instant_of_their_opening(self, store: Store) -> None:
        await kept(store, make_drill())
        assert await store.read(lambda tx: tx.drills.due(NOW - timedelta(microseconds=1))) == []
        assert await store.read(lambda tx: tx.drills.due(NOW)) == [make_drill()]

    async def test_due_drills_come_by_opening_then_channel(self, store: Store) -> None:
        def opening(channel: str, at: datetime) -> Drill:
            return make_drill(channel, next=Opening(on=TODAY, at=at))

        await kept(store, opening("t:g/c", NOW), opening("t:g/a", NOW), opening("t:g/z", NOW - HOUR))
        due = await store.read(lambda tx: tx.drills.due(NOW))
        assert [drill.channel for drill in due] == ["t:g/z", "t:g/a", "t:g/c"]

    @pytest.mark.parametrize("drill", [make_drill(state=DrillState.OFF), make_drill(state=DrillState.ASLEEP)])
    async def test_a_drill_that_is_not_on_is_never_due(self, store: Store, drill: Drill) -> None:
        await kept(store, drill)
        assert await store.read(lambda tx: tx.drills.due(NOW + DAY)) == []

    async def test_a_drill_without_next_opening_is_never_due(self, store: Store) -> None:
        await kept(store, make_drill(next=None))
        assert await store.read(lambda tx: tx.drills.due(NOW + DAY)) == []

    async def test_a_plan_keeps_its_order_and_needs_no_drill(self, store: Store) -> None:
        plan = make_plan(asked=(QuestionId("nn:b"), QuestionId("nn:a")), gave_up=("no gap of three days",))
        await kept(store, make_plan(cycle=0, questions=()), plan)
        assert await store.read(lambda tx: tx.drills.plan(CHANNEL)) == plan


def _at_place(tx: Transaction, place: Place) -> Round | None:
    return tx.rounds.by_place(place)


def _with_card(tx: Transaction, ref: MessageRef) -> Round | None:
    return tx.rounds.by_card(ref)


class RoundsContract:
    """Rounds, found by their times, channel, card and thread."""

    async def test_a_round_comes_back_as_it_was_added(self, store: Store) -> None:
        round_ = make_round(
            card=make_ref("9"),
            thread=Place(channel=CHANNEL, thread="9"),
            asked_by=ADA,
            sealed=True,
            card_deleted=True,
            revealed_at=NOW + DAY,
            cycle=2,
            zone="Europe/Lisbon",
        )
        await kept(store, round_)
        assert await store.read(lambda tx: tx.rounds.get(round_.id)) == round_

    async def test_an_unknown_round_is_none(self, store: Store) -> None:
        assert await store.read(lambda tx: tx.rounds.get(RoundId("nowhere"))) is None

    async def test_a_round_whose_id_is_taken_is_not_added(self, store: Store) -> None:
        first, second = make_round(), make_round(zone="Asia/Tokyo", question=make_question("adam"))
        assert await store.write(lambda tx: tx.rounds.add(first))
        assert not await store.write(lambda tx: tx.rounds.add(second))
        assert await store.read(lambda tx: tx.rounds.get(first.id)) == first

    async def test_saving_a_round_changes_it(self, store: Store) -> None:
        round_ = make_round()
        changed = replace(round_, state=RoundState.REVEALED, card=make_ref("9"), revealed_at=NOW)
        await kept(store, round_)
        await store.write(lambda tx: tx.rounds.save(changed))
        assert await store.read(lambda tx: tx.rounds.get(round_.id)) == changed

    async def test_saving_a_round_never_changes_its_question(self, store: Store) -> None:
        round_ = make_round()
        await kept(store, round_)
        other = replace(round_, question=make_question("adam"), state=RoundState.CLOSED)
        await store.write(lambda tx: tx.rounds.save(other))
        assert await store.read(lambda tx: tx.rounds.get(round_.id)) == replace(round_, state=RoundState.CLOSED)

    async def test_each_round_keeps_the_question_as_it_was_asked_there(self, store: Store) -> None:
        first = make_round()
        second = make_round(RANDOM, question=replace(first.question, prompt="What is dropout, really?"))
        third = make_round(RANDOM, number=1)
        await kept(store, first, second, third)
        assert await store.read(lambda tx: [tx.rounds.get(r.id) for r in (first, second, third)]) == [
            first,
            second,
            third,
        ]

    async def test_a_round_that_was_never_added_cannot_be_saved(self, store: Store) -> None:
        with pytest.raises(LookupError):
            await store.write(lambda tx: tx.rounds.save(make_round()))
        assert await store.read(lambda tx: tx.rounds.get(make_round().id)) is None

    async def test_live_rounds_are_the_open_ones_daily_first_then_oldest(self, store: Store) -> None:
        extra = make_round(number=1, opened_at=NOW - HOUR)
        older = make_round(on=date(2026, 11, 21))
        await kept(
            store,
            extra,
            make_round(),
            older,
            make_round(on=date(2026, 11, 20), state=RoundState.CLOSED),
            make_round(RANDOM),
        )
        assert await store.read(lambda tx: tx.rounds.live(CHANNEL)) == [older, make_round(), extra]

    async def test_open_rounds_are_to_close_from_the_instant_of_their_closing(self, store: Store) -> None:
        second, first = make_round(closes_at=NOW), make_round(RANDOM, closes_at=NOW - MINUTE)
        tie = make_round(number=1, closes_at=NOW)
        await kept(store, second, first, tie)
        await kept(store, make_round(number=2, closes_at=NOW, state=RoundState.CLOSED))
        assert await store.read(lambda tx: tx.rounds.to_close(NOW)) == [first, tie, second]
        assert await store.read(lambda tx: tx.rounds.to_close(NOW - timedelta(microseconds=1))) == [first]

    async def test_closed_and_graded_rounds_are_to_reveal_from_the_instant_of_their_reveal(self, store: Store) -> None:
        closed = make_round(reveal_at=NOW, state=RoundState.CLOSED)
        graded = make_round(RANDOM, reveal_at=NOW - MINUTE, state=RoundState.GRADED)
        await kept(store, closed, graded)
        for number, state in enumerate((RoundState.OPEN, RoundState.REVEALED, RoundState.SKIPPED), 1):
            await kept(store, make_round(number=number, reveal_at=NOW, state=state))
        assert await store.read(lambda tx: tx.rounds.to_reveal(NOW)) == [graded, closed]
        assert await store.read(lambda tx: tx.rounds.to_reveal(NOW - MINUTE)) == [graded]

    async def test_a_round_is_found_by_its_thread(self, store: Store) -> None:
        round_ = make_round(thread=Place(channel=CHANNEL, thread="9"))
        await kept(store, round_, make_round(number=1))
        assert await store.read(lambda tx: tx.rounds.by_place(Place(channel=CHANNEL, thread="9"))) == round_
        for place in (Place(channel=CHANNEL), Place(channel=CHANNEL, thread="8"), Place(channel=RANDOM, thread="9")):
            assert await store.read(partial(_at_place, place=place)) is None

    async def test_a_round_is_found_by_its_card(self, store: Store) -> None:
        round_ = make_round(card=make_ref("9"))
        await kept(store, round_, make_round(number=1))
        assert await store.read(lambda tx: tx.rounds.by_card(make_ref("9"))) == round_
        for ref in (make_ref("8"), make_ref("9", RANDOM), make_ref("9", thread="9")):
            assert await store.read(partial(_with_card, ref=ref)) is None

    async def test_a_channels_rounds_come_latest_first(self, store: Store) -> None:
        days = [make_round(on=date(2026, 11, day)) for day in (20, 22, 21)]
        tie = make_round(number=1, opened_at=days[1].opened_at)
        await kept(store, *days, tie, make_round(RANDOM))
        assert await store.read(lambda tx: tx.rounds.of_channel(CHANNEL)) == [days[1], tie, days[2], days[0]]
        assert await store.read(lambda tx: tx.rounds.of_channel(CHANNEL, 2)) == [days[1], tie]

    async def test_the_rounds_that_asked_a_question_come_latest_first_in_any_version_of_it(self, store: Store) -> None:
        old = make_round(on=date(2026, 11, 20), question=make_question(prompt="Once it was asked so."))
        new, extra = make_round(), make_round(number=1, opened_at=NOW - HOUR)
        others = [make_round(RANDOM), make_round(on=date(2026, 11, 21), question=make_question("adam"))]
        await kept(store, old, *others, extra, new)
        found = await store.read(lambda tx: tx.rounds.of_question(CHANNEL, make_question().id))
        assert found == [new, extra, old]

    async def test_extra_rounds_are_counted_by_their_highest_number(self, store: Store) -> None:
        assert await store.read(lambda tx: tx.rounds.count_extra(CHANNEL)) == 0
        await kept(store, make_round(), make_round(number=9), make_round(number=10), make_round(RANDOM, number=30))
        assert await store.read(lambda tx: tx.rounds.count_extra(CHANNEL)) == 10


class AnswersContract:
    """Answers, their parts, hints and grades."""

    async def test_an_answer_comes_back_as_it_was_saved(self, store: Store) -> None:
        answer = make_answer(
            parts=(
                make_part("one", id="z"),
                make_part("two", id="a", said_at=NOW),
                make_part("three", source=Source.FORM, id="f"),
            ),
            late=True,
            share=Share.WITHOUT_NAME,
            erase=True,
            final=True,
            revision=3,
        )
        await kept(store, make_round(), answer)
        assert await store.read(lambda tx: tx.answers.get(answer.round, ADA)) == answer
        assert answer.text == "one\ntwo\nthree"

    async def test_who_has_not_answered_has_no_answer(self, store: Store) -> None:
        await kept(store, make_round(), make_answer())
        assert await store.read(lambda tx: tx.answers.get(make_round().id, BOB)) is None

    async def test_a_revision_replaces_the_parts(self, store: Store) -> None:
        revised = make_answer(revision=2, parts=(make_part("anew", id="m2"),))
        await kept(store, make_round(), make_answer(), revised)
        assert await store.read(lambda tx: tx.answers.of_round(revised.round)) == [revised]

    async def test_an_answer_needs_its_round(self, store: Store) -> None:
        with pytest.raises(LookupError):
            await kept(store, make_answer())
        assert await store.read(lambda tx: tx.answers.get(make_round().id, ADA)) is None

    async def test_a_withdrawn_answer_is_kept_and_not_counted(self, store: Store) -> None:
        withdrawn = make_answer(revision=2, parts=())
        await kept(store, make_round(), make_answer(), withdrawn)
        assert await store.read(lambda tx: tx.answers.get(withdrawn.round, ADA)) == withdrawn
        assert await store.read(lambda tx: tx.answers.of_round(withdrawn.round)) == []

    async def test_answers_come_in_the_order_they_were_first_given(self, store: Store) -> None:
        def give(tx: Transaction) -> None:
            keep(tx, make_round(), make_round(RANDOM), make_answer(make_round(RANDOM)))
            tx.answers.save(make_answer(member=BOB), cause="message", at=NOW)
            tx.answers.save(make_answer(member=ADA), cause="message", at=NOW + MINUTE)
            tx.answers.save(make_answer(member="t:g/@aa"), cause="message", at=NOW + MINUTE)
            tx.answers.save(make_answer(member=BOB, revision=2), cause="edit", at=NOW + HOUR)

        await store.write(give)
        answers = await store.read(lambda tx: tx.answers.of_round(make_round().id))
        assert [(answer.member, answer.revision) for answer in answers] == [(BOB, 2), ("t:g/@aa", 1), (ADA, 1)]

    async def test_blanking_takes_the_text_and_what_grades_quote_of_it_and_leaves_all_else(self, store: Store) -> None:
        answer, other = make_answer(), make_answer(member=BOB)

        def work(tx: Transaction) -> None:
            keep(tx, make_round(), answer, other)
            tx.answers.add_grade(answer.round, ADA, 1, make_grade(), NOW)
            tx.answers.blank(answer.round, ADA)

        await store.write(work)
        blanked = replace(answer, parts=(replace(answer.parts[0], text=""),), erase=True)
        assert await store.read(lambda tx: tx.answers.of_round(answer.round)) == [blanked, other]
        graded = make_grade()
        assert any(point.words for point in graded.points)
        unquoted = replace(graded, points=tuple(replace(point, words="") for point in graded.points))
        assert await store.read(lambda tx: tx.answers.grade(answer.round, ADA)) == unquoted

    async def test_blanking_takes_what_objections_rulings_and_exemplars_hold_of_the_text(self, store: Store) -> None:
        other = make_answer(member=BOB)

        def work(tx: Transaction) -> Any:
            keep(tx, make_round(), make_answer(), other)
            for member in (ADA, BOB):
                keep(tx, make_objection(member=member), ruling := make_ruling(member=member))
                tx.rulings.add_exemplar(replace(ruling, number=1 + (member == BOB)), QUESTION, EXEMPLAR)
            tx.answers.blank(other.round, BOB)
            filed = [one.words for member in (ADA, BOB) for one in tx.objections.of_answer(other.round, member)]
            ruled = [one.words for member in (ADA, BOB) for one in tx.rulings.of_answer(other.round, member)]
            return filed, ruled, tx.rulings.exemplars(GROUP, QUESTION)

        words = make_objection().words
        assert await store.write(work) == ([words, ""], [words, ""], (EXEMPLAR,))

    async def test_erasing_history_takes_what_was_quoted_of_it_too(self, store: Store) -> None:
        def work(tx: Transaction) -> Any:
            keep(tx, make_round(), make_answer(), make_objection(), make_ruling())
            tx.answers.add_grade(make_round().id, ADA, 1, make_grade(), NOW)
            tx.rulings.add_exemplar(make_ruling(number=1), QUESTION, EXEMPLAR)
            tx.answers.save(make_answer(revision=2), cause="deleted", at=NOW, erase_history=True)
            tx.answers.save(make_answer(), cause="for the test", at=NOW)  # The first revision's grade is seen again.
            objection, ruling = tx.objections.get(1), tx.rulings.get(1)
            grade = tx.answers.grade(make_round().id, ADA)
            assert objection
            assert ruling
            assert grade
            return objection.words, ruling.words, grade.points[0].words, tx.rulings.exemplars(GROUP, QUESTION)

        assert await store.write(work) == ("", "", "", ())

    @pytest.mark.parametrize("answer", [make_answer(revision=2), make_answer(erase=True)])
    async def test_a_grade_of_what_was_revised_or_erased_meanwhile_quotes_nothing(
        self, store: Store, answer: Answer
    ) -> None:
        def work(tx: Transaction) -> Grade | None:
            keep(tx, make_round(), answer)
            tx.answers.add_grade(answer.round, ADA, 1, make_grade(), NOW)
            keep(tx, replace(answer, revision=1))
            return tx.answers.grade(answer.round, ADA)

        grade = await store.write(work)
        assert grade is not None
        assert [point.words for point in grade.points] == [""]

    async def test_an_answer_is_found_by_each_of_its_messages(self, store: Store) -> None:
        answer = make_answer(parts=(make_part(id="1"), make_part(id="2")))
        await kept(store, make_round(), answer, make_answer(member=BOB))
        assert await store.read(lambda tx: tx.answers.by_part(CHANNEL, "1")) == [answer]
        assert await store.read(lambda tx: tx.answers.by_part(CHANNEL, "2")) == [answer]
        assert await store.read(lambda tx: tx.answers.by_part(CHANNEL, "3")) == []
        assert await store.read(lambda tx: tx.answers.by_part(RANDOM, "1")) == []

    async def test_a_message_that_is_no_part_any_more_finds_nothing(self, store: Store) -> None:
        await kept(store, make_round(), make_answer(parts=(make_part(id="1"),)), make_answer(revision=2, parts=()))
        assert await store.read(lambda tx: tx.answers.by_part(CHANNEL, "1")) == []

    async def test_a_form_is_no_message(self, store: Store) -> None:
        await kept(store, make_round(), make_answer(parts=(make_part(id="1", source=Source.FORM),)))
        assert await store.read(lambda tx: tx.answers.by_part(CHANNEL, "1")) == []

    @pytest.mark.parametrize("state", list(RoundState))
    async def test_skipped_and_cancelled_rounds_have_no_ungraded_answers(self, store: Store, state: RoundState) -> None:
        await kept(store, make_round(state=state), make_answer())
        gradable = state not in (RoundState.SKIPPED, RoundState.CANCELLED)
        assert await store.read(lambda tx: tx.answers.ungraded(10)) == ([make_answer()] if gradable else [])

    async def test_a_withdrawn_answer_is_not_to_be_graded(self, store: Store) -> None:
        await kept(store, make_round(state=RoundState.CLOSED), make_answer(), make_answer(revision=2, parts=()))
        assert await store.read(lambda tx: tx.answers.ungraded(10)) == []

    async def test_a_grade_counts_for_the_revision_that_it_names(self, store: Store) -> None:
        answer = make_answer(revision=2)

        def grade(tx: Transaction, revision: int) -> Any:
            tx.answers.add_grade(answer.round, ADA, revision, make_grade(revision), NOW)
            return tx.answers.grade(answer.round, ADA), tx.answers.ungraded(10)

        await kept(store, make_round(state=RoundState.CLOSED), make_answer(), answer)
        assert await store.write(lambda tx: grade(tx, 1)) == (None, [answer])
        assert await store.write(lambda tx: grade(tx, 2)) == (make_grade(2), [])

    async def test_a_new_revision_is_ungraded_again(self, store: Store) -> None:
        revised = make_answer(revision=2)

        def work(tx: Transaction) -> Any:
            keep(tx, make_round(state=RoundState.CLOSED), make_answer())
            tx.answers.add_grade(revised.round, ADA, 1, make_grade(), NOW)
            keep(tx, revised)
            return tx.answers.grade(revised.round, ADA), tx.answers.ungraded(10)

        assert await store.write(work) == (None, [revised])

    async def test_saving_a_graded_revision_again_leaves_it_graded(self, store: Store) -> None:
        shared = make_answer(share=Share.WITH_NAME)

        def work(tx: Transaction) -> Any:
            keep(tx, make_round(state=RoundState.CLOSED), make_answer())
            tx.answers.add_grade(shared.round, ADA, 1, make_grade(), NOW)
            keep(tx, shared)
            return tx.answers.grade(shared.round, ADA), tx.answers.ungraded(10)

        assert await store.write(work) == (make_grade(), [])

    async def test_no_more_ungraded_answers_come_than_asked_for(self, store: Store) -> None:
        await kept(store, make_round(state=RoundState.CLOSED))
        for number in range(5):
            await kept(store, make_answer(member=f"t:g/@{number}"))
        assert len(await store.read(lambda tx: tx.answers.ungraded(3))) == 3

    async def test_the_first_grade_of_a_grader_version_stays(self, store: Store) -> None:
        answer = make_answer()

        def work(tx: Transaction) -> Any:
            keep(tx, make_round(), answer)
            tx.answers.add_grade(answer.round, ADA, 1, make_grade(2), NOW)
            tx.answers.add_grade(answer.round, ADA, 1, make_grade(0), NOW + HOUR)
            return tx.answers.grade(answer.round, ADA)

        assert await store.write(work) == make_grade(2)

    async def test_the_latest_grade_counts_when_another_grader_has_graded(self, store: Store) -> None:
        answer, later = make_answer(), make_grade(1, grader="test 2", unsure=True)

        def work(tx: Transaction) -> Any:
            keep(tx, make_round(), answer)
            tx.answers.add_grade(answer.round, ADA, 1, make_grade(2), NOW)
            tx.answers.add_grade(answer.round, ADA, 1, later, NOW + HOUR)
            return tx.answers.grade(answer.round, ADA)

        assert await store.write(work) == later

    async def test_a_grade_on_another_basis_is_kept_and_the_same_as_the_latest_is_not(self, store: Store) -> None:
        steps = [("a", 0), ("a", 1), ("b", 2), ("b", 0), ("a", 1)]

        def work(tx: Transaction) -> list[int]:
            keep(tx, make_round(), make_answer())
            levels = []
            for basis, level in steps:
                tx.answers.add_grade(make_round().id, ADA, 1, make_grade(level, basis=basis), NOW)
                grade = tx.answers.grade(make_round().id, ADA)
                assert grade is not None
                levels.append(grade.level)
            return levels

        assert await store.write(work) == [0, 0, 2, 2, 1]

    async def test_an_answer_can_be_made_to_wait_for_another_grade(self, store: Store) -> None:
        answer, other = make_answer(), make_answer(member=BOB)

        def work(tx: Transaction) -> Any:
            keep(tx, make_round(), make_round(RANDOM), answer, other, make_answer(make_round(RANDOM)))
            seen = [tx.answers.waiting(answer.round)]
            for one in (answer, other):
                tx.answers.add_grade(one.round, one.member, 1, make_grade(), NOW)
            seen.append(tx.answers.waiting(answer.round))
            tx.answers.grade_again(answer.round, ADA)
            seen.append(tx.answers.waiting(answer.round))
            again = [one for one in tx.answers.ungraded(10) if one.round == answer.round]
            still = tx.answers.grade(answer.round, ADA)
            tx.answers.add_grade(answer.round, ADA, 1, make_grade(), NOW)  # Even if it comes to the same.
            return seen, again, still, tx.answers.waiting(answer.round)

        assert await store.write(work) == ([2, 0, 1], [answer], make_grade(), 0)

    async def test_what_is_blanked_waits_for_no_grade(self, store: Store) -> None:
        await kept(store, make_round(), make_answer())
        await store.write(lambda tx: tx.answers.blank(make_round().id, ADA))
        assert await store.read(lambda tx: (tx.answers.waiting(make_round().id), tx.answers.ungraded(9))) == (0, [])

    async def test_flagged_answers_are_those_whose_latest_grade_is_lowered_in_revealed_rounds(
        self, store: Store
    ) -> None:
        lowered, plain = make_grade(0, flags=(Flag.QUOTED,)), make_grade(grader="test 2")
        days = [make_round(on=TODAY - n * DAY, state=RoundState.REVEALED) for n in range(4)]
        hidden = [
            make_round(number=1),
            make_round(number=2, state=RoundState.CLOSED),
            make_round(RANDOM, state=RoundState.REVEALED),
        ]

        def work(tx: Transaction) -> Any:
            keep(tx, *days, *hidden)
            for round_ in (*days, *hidden):
                for member in (BOB, ADA):
                    keep(tx, make_answer(round_, member))
                    tx.answers.add_grade(round_.id, MemberId(member), 1, lowered, NOW)
            tx.answers.add_grade(days[0].id, BOB, 1, plain, NOW)
            tx.answers.blank(days[1].id, ADA)
            keep(tx, make_answer(days[2], ADA, revision=2))
            found = tx.answers.flagged(CHANNEL, days[2].local_date)
            return [(answer.round, answer.member) for _, answer in found], [
                tx.answers.by_grade(number) == answer for number, answer in found
            ]

        assert await store.write(work) == (
            [(days[0].id, ADA), (days[1].id, BOB), (days[2].id, BOB)],
            [True, True, True],
        )

    async def test_a_grade_finds_its_answer_until_the_answer_is_graded_again_or_revised(self, store: Store) -> None:
        def numbered(tx: Transaction) -> list[int]:
            return [number for number in range(1, 6) if tx.answers.by_grade(number) is not None]

        def work(tx: Transaction) -> list[list[int]]:
            keep(tx, make_round(), make_answer())
            seen = [numbered(tx)]
            tx.answers.add_grade(make_round().id, ADA, 1, make_grade(), NOW)
            seen.append(numbered(tx))
            tx.answers.add_grade(make_round().id, ADA, 1, make_grade(grader="test 2"), NOW)
            seen.append(numbered(tx))
            keep(tx, make_answer(revision=2))
            return [*seen, numbered(tx)]

        assert await store.write(work) == [[], [1], [2], []]

    async def test_shared_answers_are_those_by_form_with_a_text_that_their_authors_share(self, store: Store) -> None:
        by_form = (make_part(source=Source.FORM, text="as I see it"),)
        given = [
            replace(make_answer(member=member, parts=by_form, share=share), **changes)
            for member, share, changes in (
                (BOB, Share.WITHOUT_NAME, {}),
                (ADA, Share.WITH_NAME, {}),
                (MemberId(f"{GROUP}/@no"), Share.NO, {}),
                (MemberId(f"{GROUP}/@removed"), Share.WITH_NAME, {"removed": True}),
                (MemberId(f"{GROUP}/@erased"), Share.WITH_NAME, {"erase": True}),
                (MemberId(f"{GROUP}/@withdrawn"), Share.WITH_NAME, {"parts": ()}),
                (MemberId(f"{GROUP}/@empty"), Share.WITH_NAME, {"parts": (replace(by_form[0], text=""),)}),
                (MemberId(f"{GROUP}/@thread"), Share.WITH_NAME, {"parts": (make_part(),)}),
            )
        ]
        await kept(store, make_round(), make_round(RANDOM))

        def work(tx: Transaction) -> None:
            for number, answer in enumerate(given):
                tx.answers.save(answer, cause="form", at=NOW + number * MINUTE)

        await store.write(work)
        assert await store.read(lambda tx: tx.answers.shared(make_round().id)) == given[:2]
        assert await store.read(lambda tx: tx.answers.shared(make_round(RANDOM).id)) == []

    async def test_an_answer_helps_each_reader_once(self, store: Store) -> None:
        id = make_round().id
        await kept(store, make_round(), make_answer(), make_answer(member=BOB))

        def work(tx: Transaction) -> list[bool]:
            return [tx.answers.help(id, *who) for who in ((ADA, BOB), (ADA, BOB), (ADA, CLEO), (BOB, CLEO))]

        assert await store.write(work) == [True, False, True, True]
        assert await store.read(lambda tx: tx.answers.helped(id)) == {ADA: 2, BOB: 1}
        assert await store.read(lambda tx: tx.answers.helped(make_round(RANDOM).id)) == {}

    async def test_reports_wait_in_their_channel_one_for_each_answer_until_they_are_settled(self, store: Store) -> None:
        here, there = make_round(), make_round(RANDOM)
        await kept(store, here, there, make_answer(), make_answer(member=BOB), make_answer(there.id))
        reports = [
            Report(round=here.id, member=BOB, by=CLEO, at=NOW + HOUR),
            Report(round=here.id, member=ADA, by=CLEO, at=NOW + 2 * HOUR),
            Report(round=there.id, member=ADA, by=CLEO, at=NOW),
            Report(round=here.id, member=BOB, by=ADA, at=NOW + 3 * HOUR),
        ]

        def work(tx: Transaction) -> list[bool]:
            return [tx.answers.report(report) for report in (*reports, replace(reports[0], at=NOW + 9 * HOUR))]

        assert await store.write(work) == [True] * 4 + [False]

        async def waiting(channel: ChannelId = CHANNEL) -> list[tuple[MemberId, datetime]]:
            found = await store.read(lambda tx: tx.answers.reported(channel))
            return [(report.member, report.at) for report in found]

        assert await waiting() == [(BOB, NOW + HOUR), (ADA, NOW + 2 * HOUR)]
        assert await waiting(RANDOM) == [(ADA, NOW)]
        await store.write(lambda tx: tx.answers.settle_reports(here.id, BOB))
        assert await waiting() == [(ADA, NOW + 2 * HOUR)]
        await kept(store, make_answer(removed=True))
        await store.write(lambda tx: tx.answers.blank(there.id, ADA))
        assert [await waiting(), await waiting(RANDOM)] == [[], []]

    async def test_that_an_answer_was_removed_is_kept_with_it(self, store: Store) -> None:
        await kept(store, make_round(), make_answer(removed=True))
        answer = await store.read(lambda tx: tx.answers.get(make_round().id, ADA))
        assert answer is not None
        assert answer.removed

    async def test_who_tried_in_which_round_is_told_for_a_whole_channel(self, store: Store) -> None:
        first, second, there = make_round(), make_round(on=TODAY + DAY), make_round(RANDOM)
        await kept(store, first, second, there)
        for round_, member, grade, changes in (
            (first, ADA, make_grade(), {}),
            (first, BOB, make_grade(), {}),
            (first, CLEO, make_grade(), {"late": True}),
            (second, ADA, make_grade(effort=Effort.DONT_KNOW), {}),
            (second, BOB, None, {}),
            (there, ADA, make_grade(), {}),
        ):
            await kept(store, make_answer(round_.id, member, **changes))
            if grade is not None:
                await store.write(partial(_grade, round_id=round_.id, member=member, grade=grade))
        assert await store.read(lambda tx: tx.answers.tried_by_round(CHANNEL)) == {first.id: {ADA, BOB}}
        assert await store.read(lambda tx: tx.answers.tried_by_round(RANDOM)) == {there.id: {ADA}}
        newer = make_grade(effort=Effort.DONT_KNOW, grader="newer")
        await store.write(partial(_grade, round_id=first.id, member=ADA, grade=newer))
        assert await store.read(lambda tx: tx.answers.tried_by_round(CHANNEL)) == {first.id: {BOB}}

    async def test_the_revealed_rounds_a_member_answered_come_latest_first_from_all_channels_of_a_group(
        self, store: Store
    ) -> None:
        revealed = [
            make_round(CHANNEL if day % 2 else RANDOM, on=TODAY + day * DAY, state=RoundState.REVEALED)
            for day in range(3)
        ]
        open_ = make_round(on=TODAY + 5 * DAY)
        withdrawn = make_round(on=TODAY + 6 * DAY, state=RoundState.REVEALED)
        elsewhere = make_round("terminal:other/general", state=RoundState.REVEALED)
        await kept(store, *revealed, open_, withdrawn, elsewhere)
        for round_ in (*revealed, open_, elsewhere):
            await kept(store, make_answer(round_.id, late=round_ is revealed[0]))
        await kept(store, make_answer(withdrawn.id, parts=()), make_answer(revealed[0].id, BOB))
        assert await store.read(lambda tx: tx.answers.answered(GROUP, ADA)) == revealed[::-1]
        assert await store.read(lambda tx: tx.answers.answered(GROUP, ADA, 2)) == revealed[:0:-1]
        assert await store.read(lambda tx: tx.answers.answered(GROUP, BOB)) == revealed[:1]

    async def test_hints_are_counted_for_each_member_and_round(self, store: Store) -> None:
        def work(tx: Transaction) -> list[int]:
            keep(tx, make_round(), make_round(RANDOM))
            taken = [tx.answers.add_hint(make_round().id, ADA, NOW) for _ in range(2)]
            taken.append(tx.answers.add_hint(make_round().id, BOB, NOW))
            taken.append(tx.answers.add_hint(make_round(RANDOM).id, ADA, NOW))
            return taken

        assert await store.write(work) == [1, 2, 1, 1]
        assert await store.read(lambda tx: tx.answers.hints(make_round().id, ADA)) == 2
        assert await store.read(lambda tx: tx.answers.hints(make_round(RANDOM).id, BOB)) == 0


def _grade(tx: Transaction, round_id: RoundId, member: MemberId, grade: Grade) -> None:
    tx.answers.add_grade(round_id, member, 1, grade, NOW)


class LedgerContract:
    """Points, added up over rounds and dates."""

    async def test_an_entry_comes_back_as_it_was_added(self, store: Store) -> None:
        entry = make_entry(points=-2, reason="a ruling", ruling=7)
        assert await store.write(lambda tx: tx.ledger.add(entry))
        assert await store.read(lambda tx: tx.ledger.of_round(entry.round)) == [entry]

    async def test_an_entry_whose_id_is_taken_is_not_added(self, store: Store) -> None:
        assert await store.write(lambda tx: tx.ledger.add(make_entry()))
        assert not await store.write(lambda tx: tx.ledger.add(make_entry(points=99, member=BOB, id=make_entry().id)))
        assert await store.read(lambda tx: tx.ledger.of_round(make_round().id)) == [make_entry()]

    async def test_the_entries_of_a_round_come_oldest_first(self, store: Store) -> None:
        late, early = make_entry(at=NOW + DAY), make_entry(member=BOB, at=NOW)
        tie = make_entry(id="tie", at=NOW + DAY)
        await kept(store, late, early, tie, make_entry(make_round(RANDOM)))
        assert await store.read(lambda tx: tx.ledger.of_round(late.round)) == [early, late, tie]
        assert await store.read(lambda tx: tx.ledger.of_round(late.round, ADA)) == [late, tie]

    async def test_the_entries_of_a_member_come_latest_first(self, store: Store) -> None:
        first, second, third = (make_entry(id=f"{n}", at=NOW + n * HOUR) for n in range(3))
        elsewhere = make_entry(id="elsewhere", group=GroupId("terminal:other"))
        await kept(store, second, third, first, elsewhere, make_entry(member=BOB))
        assert await store.read(lambda tx: tx.ledger.of_member(GROUP, ADA)) == [third, second, first]
        assert await store.read(lambda tx: tx.ledger.of_member(GROUP, ADA, 2)) == [third, second]

    async def test_what_a_question_paid_is_found_from_a_date_on(self, store: Store) -> None:
        old = make_entry(id="old", local_date=date(2026, 10, 22))
        day = make_entry(id="day", local_date=date(2026, 10, 23))
        new = make_entry(id="new", at=NOW + 2 * DAY)
        others = [
            make_entry(id="1", question=QuestionId("nn:adam")),
            make_entry(id="2", member=BOB),
            make_entry(id="3", group=GroupId("terminal:other")),
        ]
        await kept(store, new, old, day, *others)
        paid = await store.read(lambda tx: tx.ledger.paid(GROUP, ADA, day.question, date(2026, 10, 23)))
        assert paid == [day, new]

    async def test_totals_add_up_the_points_of_a_group_by_member(self, store: Store) -> None:
        await kept(
            store,
            make_entry(member=BOB, points=2),
            make_entry(points=3),
            make_entry(make_round(RANDOM), points=1),
            make_entry(id="hint", points=-1),
            make_entry(id="elsewhere", points=50, group=GroupId("terminal:other")),
        )
        assert await store.read(lambda tx: tx.ledger.totals(GROUP)) == [(ADA, 3, 2), (BOB, 2, 1)]

    async def test_totals_count_only_rounds_with_points(self, store: Store) -> None:
        await kept(store, make_entry(points=0), make_entry(make_round(RANDOM), points=2))
        await kept(store, make_entry(member=BOB, points=2), make_entry(member=BOB, id="undone", points=-2))
        assert await store.read(lambda tx: tx.ledger.totals(GROUP)) == [(ADA, 2, 1), (BOB, 0, 0)]

    async def test_awards_add_points_to_totals_and_no_rounds(self, store: Store) -> None:
        await kept(
            store,
            make_entry(points=3),
            make_entry(id="award", points=5, ruling=1),
            make_entry(make_round(RANDOM), id="alone", points=4, ruling=2),
            make_entry(member=BOB, id="given", points=2, ruling=3),
            make_entry(member=BOB, id="taken", points=-2, ruling=3),
        )
        assert await store.read(lambda tx: tx.ledger.totals(GROUP)) == [(ADA, 12, 1), (BOB, 0, 0)]

    async def test_totals_may_be_of_one_channel(self, store: Store) -> None:
        await kept(store, make_entry(), make_entry(make_round(RANDOM), points=1))
        assert await store.read(lambda tx: tx.ledger.totals(GROUP, channel=RANDOM)) == [(ADA, 1, 1)]

    async def test_totals_are_over_local_dates_with_both_ends(self, store: Store) -> None:
        for day in range(1, 6):
            await kept(store, make_entry(make_round(on=date(2026, 11, day)), local_date=date(2026, 11, day)))

        async def total(first: int | None, last: int | None) -> int:
            start = date(2026, 11, first) if first else None
            end = date(2026, 11, last) if last else None
            found = await store.read(lambda tx: tx.ledger.totals(GROUP, first=start, last=end))
            return sum(points for _, points, _ in found) // 3

        assert [await total(2, 4), await total(None, 2), await total(5, None), await total(None, None)] == [3, 2, 1, 5]
        assert await total(6, 9) == 0

    async def test_a_board_is_the_totals_of_the_season_of_a_date_in_a_group_or_a_channel(self, store: Store) -> None:
        for n, on in enumerate(("2026-11-15", "2026-11-16", "2026-11-22", "2026-11-30", "2026-12-01", "2025-11-22")):
            here = make_round(on=date.fromisoformat(on))
            await kept(store, make_entry(here, id=f"a{n}", points=2, local_date=date.fromisoformat(on)))
            there = make_round(RANDOM, on=date.fromisoformat(on))
            await kept(store, make_entry(there, BOB, id=f"b{n}", points=3, local_date=date.fromisoformat(on)))

        async def board(season: Season, *channel: ChannelId) -> list[tuple[MemberId, int, int]]:
            return await store.read(lambda tx: tx.ledger.board(GROUP, season, TODAY, *channel))

        assert await board(Season.WEEK) == [(ADA, 4, 2), (BOB, 6, 2)]
        assert await board(Season.MONTH) == [(ADA, 8, 4), (BOB, 12, 4)]
        assert await board(Season.ALL) == [(ADA, 12, 6), (BOB, 18, 6)]
        assert await board(Season.MONTH, CHANNEL) == [(ADA, 8, 4)]
        assert await store.read(lambda tx: tx.ledger.board(GroupId("terminal:other"), Season.ALL, TODAY)) == []

    async def test_a_board_counts_rounds_that_paid_and_awards_as_points_alone(self, store: Store) -> None:
        async def row() -> list[tuple[MemberId, int, int]]:
            return await store.read(lambda tx: tx.ledger.board(GROUP, Season.MONTH, TODAY))

        for id, points, ruling, expected in (
            ("tried", 0, None, (0, 0)),
            ("regraded", 2, None, (2, 1)),
            ("more", 1, None, (3, 1)),
            ("award", 5, 1, (8, 1)),
            ("withdrawn", -3, None, (5, 0)),
            ("undone", -5, 1, (0, 0)),
        ):
            await kept(store, make_entry(id=id, points=points, ruling=ruling))
            assert await row() == [(ADA, *expected)]
        await kept(store, make_entry(id="more", points=7))  # Its id is taken.
        assert await row() == [(ADA, 0, 0)]

    async def test_a_past_season_is_kept_once_for_its_group_or_channel_and_comes_back_latest_first(
        self, store: Store
    ) -> None:
        rows = (Standing(rank=1, member=ADA, points=3, rounds=1),)
        month = PastSeason(group=GROUP, channel=None, season="2026-11", standings=rows, kept_at=NOW)
        week = replace(month, season="2026-W47")
        later = replace(month, season="2026-12", standings=(), kept_at=NOW + DAY)
        here = replace(month, channel=CHANNEL)
        for season in (month, week, later, here):
            assert await store.write(partial(_keep, season=season))
            assert not await store.write(partial(_keep, season=replace(season, standings=(), kept_at=NOW + 2 * DAY)))
        assert await store.read(lambda tx: tx.ledger.kept(GROUP)) == [later, week, month]
        assert await store.read(lambda tx: tx.ledger.kept(GROUP, limit=1)) == [later]
        assert await store.read(lambda tx: tx.ledger.kept(GROUP, CHANNEL)) == [here]
        assert await store.read(lambda tx: tx.ledger.kept(GROUP, RANDOM)) == []
        assert await store.read(lambda tx: tx.ledger.kept(GroupId("terminal:other"))) == []

    async def test_seasons_with_points_wait_to_be_kept_and_all_time_never_does(self, store: Store) -> None:
        await kept(
            store, make_entry(), make_entry(id="x", group=GroupId("terminal:other"), local_date=TODAY + 30 * DAY)
        )
        waiting = await store.read(lambda tx: tx.ledger.unkept(GROUP))
        assert waiting == [("2026-11", None), ("2026-11", CHANNEL), ("2026-W47", None), ("2026-W47", CHANNEL)]
        season = PastSeason(group=GROUP, channel=CHANNEL, season="2026-11", standings=(), kept_at=NOW)
        await store.write(lambda tx: tx.ledger.keep(season))
        assert await store.read(lambda tx: tx.ledger.unkept(GROUP)) == [waiting[0], *waiting[2:]]

    async def test_tallies_that_were_kept_as_they_should_be_are_found_so(self, store: Store) -> None:
        await kept(store, make_entry(), make_entry(id="x", points=-3), make_entry(id="y", points=2, ruling=1))
        assert await store.write(lambda tx: tx.ledger.recount()) == 0


def _keep(tx: Transaction, season: PastSeason) -> bool:
    return tx.ledger.keep(season)


QUESTION = make_question().id
EXEMPLAR = Exemplar(kind=ExemplarKind.FULL, text="It drops units, and at inference nothing.", score=0.9)


class ObjectionsContract:
    """Objections, found by their answer, their member and their channel."""

    async def test_an_objection_comes_back_as_it_was_added_with_a_number_of_its_own(self, store: Store) -> None:
        await kept(store, make_round(), make_answer())
        first, second = make_objection(), make_objection(key_point="", words="")
        numbers = await store.write(lambda tx: [tx.objections.add(one) for one in (first, second)])
        assert None not in numbers
        assert len(set(numbers)) == 2
        for number, objection in zip(numbers, (first, second), strict=True):
            found = await store.read(lambda tx, n=number: tx.objections.get(n))  # type: ignore[misc]
            assert found == replace(objection, number=number or 0)
        assert await store.read(lambda tx: tx.objections.get(99)) is None

    async def test_a_key_point_of_an_answer_is_objected_to_once(self, store: Store) -> None:
        await kept(store, make_round(), make_answer(), make_answer(member=BOB), make_objection())
        again = make_objection(words="other words", since=NOW, state=ObjectionState.GRANTED)
        assert await store.write(lambda tx: tx.objections.add(again)) is None
        assert await store.read(lambda tx: tx.objections.get(1)) == make_objection(number=1)
        assert await store.write(lambda tx: tx.objections.add(make_objection(member=BOB))) is not None

    async def test_saving_an_objection_changes_its_state_its_clock_and_its_words(self, store: Store) -> None:
        await kept(store, make_round(), make_answer(), make_answer(member=BOB))
        await kept(store, make_objection(), make_objection(member=BOB))
        changed = make_objection(number=1, state=ObjectionState.DECLINED, since=NOW + 2 * DAY, words="")
        await store.write(lambda tx: tx.objections.save(changed))
        assert await store.read(lambda tx: tx.objections.get(1)) == changed
        assert await store.read(lambda tx: tx.objections.get(2)) == make_objection(member=BOB, number=2)

    async def test_objections_are_found_by_answer_member_and_channel_oldest_first(self, store: Store) -> None:
        elsewhere = make_round("terminal:other/general")
        rounds = [make_round(), make_round(RANDOM), elsewhere]
        await kept(store, *rounds, *(make_answer(round_, member) for round_ in rounds for member in (ADA, BOB)))
        late, early = make_objection(since=NOW + 3 * DAY), make_objection(key_point="random", since=NOW + DAY)
        ended = make_objection(key_point="", state=ObjectionState.LAPSED)
        there, bobs = make_objection(make_round(RANDOM), since=NOW + 2 * DAY), make_objection(member=BOB, since=NOW)
        given = [late, early, ended, there, bobs, make_objection(elsewhere, since=NOW)]
        await kept(store, *given)
        late, early, ended, there, bobs = (replace(one, number=n) for n, one in enumerate(given[:5], start=1))

        def found(tx: Transaction) -> Any:
            of_answer = tx.objections.of_answer(make_round().id, ADA)
            return of_answer, tx.objections.open_of(GROUP, ADA), tx.objections.open_in(CHANNEL)

        assert await store.read(found) == ([late, early, ended], [early, there, late], [bobs, early, late])

    async def test_unruled_objections_are_the_open_ones_from_the_instant_of_their_filing_oldest_first(
        self, store: Store
    ) -> None:
        days = [make_round(on=TODAY - n * DAY) for n in range(4)]
        await kept(store, *days, *(make_answer(round_) for round_ in days))
        await kept(
            store,
            make_objection(days[0], since=NOW),
            make_objection(days[1], since=NOW - HOUR),
            make_objection(days[2], since=NOW - DAY, state=ObjectionState.GRANTED),
            make_objection(days[3], since=NOW - MINUTE),
        )

        async def numbers(since: datetime, limit: int = 9) -> list[int]:
            return [one.number for one in await store.read(lambda tx: tx.objections.unruled(since, limit))]

        assert await numbers(NOW) == [2, 4, 1]
        assert await numbers(NOW - timedelta(microseconds=1)) == [2, 4]
        assert await numbers(NOW, 2) == [2, 4]

    async def test_what_was_granted_or_lapsed_is_kept_for_the_author_of_the_questions(self, store: Store) -> None:
        await kept(store, make_round(), make_answer())
        for state in ObjectionState:
            await kept(store, make_objection(key_point=state.value, state=state))
        ended = await store.read(lambda tx: tx.objections.ended())
        assert [one.state for one in ended] == [ObjectionState.GRANTED, ObjectionState.LAPSED]


class RulingsContract:
    """Rulings, which are only added and undone, and exemplars, which serve by consent."""

    async def test_a_ruling_comes_back_as_it_was_added_with_a_number_of_its_own(self, store: Store) -> None:
        made = [
            make_ruling(objection=3),
            make_ruling(by=None, verdict=ObjectionState.LAPSED, key_point="", words="", told=True),
            make_ruling(kind=RulingKind.LEVEL, level=0, consent=Consent.ASKED),
            make_ruling(kind=RulingKind.AWARD, points=7, reason="well said"),
        ]
        numbers = await store.write(lambda tx: [tx.rulings.add(one) for one in made])
        assert len(set(numbers)) == 4
        found = await store.read(lambda tx: [tx.rulings.get(number) for number in numbers])
        assert found == [replace(one, number=number) for one, number in zip(made, numbers, strict=True)]
        assert await store.read(lambda tx: tx.rulings.get(99)) is None

    async def test_saving_a_ruling_notes_what_became_of_it_and_changes_nothing_of_what_was_decided(
        self, store: Store
    ) -> None:
        await kept(store, make_ruling(), make_ruling(member=BOB))
        became: dict[str, Any] = {"told": True, "consent": Consent.GIVEN, "undone_at": NOW, "undone_by": ADA}
        other = make_ruling(number=1, verdict=ObjectionState.DECLINED, points=9, level=2, reason="x", by=ADA, **became)
        await store.write(lambda tx: tx.rulings.save(other))
        assert await store.read(lambda tx: tx.rulings.get(1)) == make_ruling(number=1, **became)
        assert await store.read(lambda tx: tx.rulings.get(2)) == make_ruling(member=BOB, number=2)

    async def test_rulings_are_found_by_answer_and_member_oldest_first_and_by_channel_latest_first(
        self, store: Store
    ) -> None:
        elsewhere = make_round("terminal:other/general")
        made = [
            make_ruling(at=NOW + 9 * DAY),
            make_ruling(make_round(RANDOM)),
            make_ruling(member=BOB),
            make_ruling(elsewhere),
            make_ruling(key_point="random", at=NOW),
        ]
        await kept(store, *made)

        def found(tx: Transaction) -> Any:
            several = (
                tx.rulings.of_answer(make_round().id, ADA),
                tx.rulings.of_member(GROUP, ADA),
                tx.rulings.of_channel(CHANNEL, 9),
                tx.rulings.of_channel(CHANNEL, 2),
            )
            return [[one.number for one in rulings] for rulings in several]

        assert await store.read(found) == [[1, 5], [1, 2, 5], [5, 3, 1], [5, 3]]

    async def test_exemplars_are_those_of_a_group_and_a_question_by_text(self, store: Store) -> None:
        made = [
            make_ruling(),
            make_ruling(make_round(RANDOM), BOB),
            make_ruling("terminal:other/general@2026-11-22"),
            make_ruling(make_round(number=1)),
        ]
        texts = ["b", "a", "c", "d"]
        questions = [QUESTION, QUESTION, QUESTION, make_question("adam").id]

        def work(tx: Transaction) -> Any:
            for number, (ruling, text, question) in enumerate(zip(made, texts, questions, strict=True), start=1):
                keep(tx, ruling)
                tx.rulings.add_exemplar(replace(ruling, number=number), question, replace(EXEMPLAR, text=text))
            return [one.text for one in tx.rulings.exemplars(GROUP, QUESTION)], tx.rulings.exemplars(RIVALS, QUESTION)

        assert await store.write(work) == (["a", "b"], (replace(EXEMPLAR, text="c"),))

    async def test_a_ruling_makes_one_exemplar_which_can_be_renewed_and_removed(self, store: Store) -> None:
        def work(tx: Transaction) -> Any:
            keep(tx, make_ruling(), make_ruling(member=BOB))
            seen = []
            for score in (0.9, 0.5):
                tx.rulings.add_exemplar(make_ruling(number=1), QUESTION, replace(EXEMPLAR, score=score))
                seen.append([one.score for one in tx.rulings.exemplars(GROUP, QUESTION)])
            tx.rulings.remove_exemplar(2)
            seen.append([one.score for one in tx.rulings.exemplars(GROUP, QUESTION)])
            tx.rulings.remove_exemplar(1)
            return [*seen, tx.rulings.exemplars(GROUP, QUESTION)]

        assert await store.write(work) == [[0.9], [0.5], [0.5], ()]


RIVALS = GroupId("terminal:other")


def _save_reminder(tx: Transaction, reminder: Reminder) -> None:
    tx.members.save_reminder(reminder)


class MembersContract:
    """Members and facts."""

    async def test_a_member_comes_back_as_saved_last(self, store: Store) -> None:
        named = make_member(naming=Naming.SOMEONE, public=True, name="Ada Lovelace")
        await kept(store, make_member(BOB), make_member())
        assert await store.read(lambda tx: tx.members.get(ADA)) == make_member()
        await kept(store, named)
        assert await store.read(lambda tx: (tx.members.get(ADA), tx.members.get(BOB))) == (named, make_member(BOB))

    async def test_the_members_of_a_group_come_by_id(self, store: Store) -> None:
        other = make_member("terminal:other/@ada", barred=True)
        await kept(store, make_member(BOB, barred=True), make_member(), other)
        assert await store.read(lambda tx: tx.members.of_group(GROUP)) == [make_member(), make_member(BOB, barred=True)]
        assert await store.read(lambda tx: tx.members.of_group(GroupId("terminal:other"))) == [other]

    async def test_an_absence_replaces_one_of_the_same_first_day_and_ends_with_one_that_ends_before_it(
        self, store: Store
    ) -> None:
        first = Absence(member=ADA, first=TODAY, last=TODAY + 3 * DAY)
        second = Absence(member=ADA, first=TODAY - 9 * DAY, last=TODAY - 8 * DAY)
        theirs = replace(first, member=BOB)

        async def said(absence: Absence) -> list[Absence]:
            await store.write(lambda tx: tx.members.add_absence(absence))
            return await store.read(lambda tx: tx.members.absences(ADA))

        assert await said(first) == [first]
        assert await said(theirs) == [first]
        assert await said(second) == [second, first]
        assert await said(replace(first, last=TODAY)) == [second, replace(first, last=TODAY)]
        assert await said(replace(first, last=TODAY - DAY)) == [second]
        assert await store.read(lambda tx: tx.members.absences(BOB)) == [theirs]

    async def test_a_member_has_one_reminder_which_is_due_from_its_instant_on(self, store: Store) -> None:
        hers = Reminder(
            member=ADA,
            group=GROUP,
            channel=CHANNEL,
            at=time(8, 30),
            zone="Asia/Tokyo",
            next_at=NOW,
            round=make_round().id,
        )
        his = replace(hers, member=BOB, next_at=NOW - MINUTE, round=None)
        later = replace(hers, channel=RANDOM, at=time(0, 0), next_at=NOW + DAY, round=None)

        async def due(at: datetime, limit: int = 9) -> list[Reminder]:
            return await store.read(lambda tx: tx.members.to_remind(at, limit))

        for reminder in hers, his:
            await store.write(partial(_save_reminder, reminder=reminder))
        assert await store.read(lambda tx: tx.members.reminder(ADA)) == hers
        assert await due(NOW) == [his, hers]
        assert await due(NOW, 1) == [his]
        assert await due(NOW - MICROSECOND) == [his]
        await store.write(partial(_save_reminder, reminder=later))
        assert await due(NOW) == [his]
        assert await due(NOW + DAY) == [his, later]
        await store.write(lambda tx: tx.members.remove_reminder(BOB))
        assert await store.read(lambda tx: tx.members.reminder(BOB)) is None
        assert await due(NOW + DAY) == [later]

    async def test_an_unknown_member_is_none(self, store: Store) -> None:
        assert await store.read(lambda tx: tx.members.get(ADA)) is None

    async def test_a_fact_is_what_it_was_set_to_last(self, store: Store) -> None:
        assert await store.read(lambda tx: tx.facts.get("bank")) is None
        await store.write(lambda tx: tx.facts.set("bank", "1"))
        await store.write(lambda tx: tx.facts.set("bank", ""))
        assert await store.read(lambda tx: tx.facts.get("bank")) == ""


class DeliveriesContract:
    """Deliveries, in the order owed in each channel."""

    async def test_a_delivery_comes_back_as_it_was_owed(self, store: Store) -> None:
        delivery = make_delivery(
            place=Place(channel=CHANNEL, thread="9"),
            action=Action.EDIT,
            round=make_round().id,
            title="Dropout",
            attempts=2,
            not_before=NOW,
            unclear=True,
            sent=(make_ref("1"), make_ref("2", thread="9")),
            note="rate limited",
        )
        assert await store.write(lambda tx: tx.deliveries.owe(delivery))
        assert await store.read(lambda tx: tx.deliveries.get(delivery.key)) == delivery
        assert await store.read(lambda tx: tx.deliveries.get("other")) is None

    async def test_a_delivery_whose_key_is_taken_is_not_owed_again(self, store: Store) -> None:
        assert await store.write(lambda tx: tx.deliveries.owe(make_delivery()))
        assert not await store.write(lambda tx: tx.deliveries.owe(make_delivery(channel=RANDOM, card=None)))
        assert await store.read(lambda tx: tx.deliveries.unfinished()) == [make_delivery()]

    async def test_claiming_takes_one_delivery_of_each_channel_oldest_first(self, store: Store) -> None:
        await kept(
            store,
            make_delivery("b1", RANDOM),
            make_delivery("a1"),
            make_delivery("a2"),
            make_delivery("b2", RANDOM),
        )
        claimed = await store.write(lambda tx: tx.deliveries.claim(NOW, 10))
        assert [delivery.key for delivery in claimed] == ["b1", "a1"]

    async def test_what_somebody_asked_for_is_claimed_before_what_others_are_owed(self, store: Store) -> None:
        await kept(
            store, make_delivery("a1"), make_delivery("b1", RANDOM), make_delivery("c1", channel="t:g/c", asked=True)
        )
        claimed = await store.write(lambda tx: tx.deliveries.claim(NOW, 2))
        assert [delivery.key for delivery in claimed] == ["c1", "a1"]

    async def test_within_a_channel_what_was_owed_first_is_claimed_first_whoever_asked(self, store: Store) -> None:
        await kept(store, make_delivery("a1"), make_delivery("a2", asked=True))
        claimed = await store.write(lambda tx: tx.deliveries.claim(NOW, 2))
        assert [delivery.key for delivery in claimed] == ["a1"]

    async def test_each_platform_is_claimed_for_by_itself(self, store: Store) -> None:
        await kept(store, make_delivery("d", channel="discord:1/2"), make_delivery("s", channel="slack:T1/C1"))
        keys = await store.write(lambda tx: [d.key for d in tx.deliveries.claim(NOW, 9, "slack")])
        assert keys == ["s"]
        assert await store.write(lambda tx: tx.deliveries.claim(NOW, 9, "terminal")) == []

    async def test_what_is_claimed_is_saved_so_with_one_more_attempt(self, store: Store) -> None:
        await kept(store, make_delivery(attempts=1))
        claimed = await store.write(lambda tx: tx.deliveries.claim(NOW, 10))
        assert claimed == [make_delivery(attempts=2, state=DeliveryState.CLAIMED)]
        assert await store.read(lambda tx: tx.deliveries.get("question")) == claimed[0]
        assert await store.write(lambda tx: tx.deliveries.claim(NOW, 10)) == []

    async def test_a_thread_goes_in_the_lane_of_its_channel(self, store: Store) -> None:
        await kept(store, make_delivery("a1"), make_delivery("a2", place=Place(channel=CHANNEL, thread="9")))
        claimed = await store.write(lambda tx: tx.deliveries.claim(NOW, 10))
        assert [delivery.key for delivery in claimed] == ["a1"]

    @pytest.mark.parametrize("state", [DeliveryState.DONE, DeliveryState.DROPPED])
    async def test_what_is_finished_lets_the_next_one_through(self, store: Store, state: DeliveryState) -> None:
        def finish(tx: Transaction) -> Any:
            (first,) = tx.deliveries.claim(NOW, 10)
            tx.deliveries.save(replace(first, state=state))
            return [delivery.key for delivery in tx.deliveries.claim(NOW, 10)]

        await kept(store, make_delivery("a1"), make_delivery("a2"), make_delivery("a3"))
        assert await store.write(finish) == ["a2"]

    async def test_a_delivery_that_waits_holds_up_its_channel_and_no_other(self, store: Store) -> None:
        await kept(store, make_delivery("a1", not_before=NOW), make_delivery("a2"), make_delivery("b1", RANDOM))
        keys = await store.write(lambda tx: [d.key for d in tx.deliveries.claim(NOW - MINUTE, 10)])
        assert keys == ["b1"]
        assert await store.write(lambda tx: [d.key for d in tx.deliveries.claim(NOW, 10)]) == ["a1"]

    async def test_a_delivery_that_seems_to_wait_for_longer_than_any_does_is_claimed_since_the_clock_was_set_back(
        self, store: Store
    ) -> None:
        await kept(store, make_delivery("a1", not_before=NOW + DAY), make_delivery("b1", RANDOM, not_before=NOW + HOUR))
        assert await store.write(lambda tx: [d.key for d in tx.deliveries.claim(NOW, 10)]) == ["a1"]

    async def test_no_more_is_claimed_than_asked_for(self, store: Store) -> None:
        for number in range(5):
            await kept(store, make_delivery(f"{number}", channel=f"t:g/{number}"))
        claimed = await store.write(lambda tx: tx.deliveries.claim(NOW, 3))
        assert [delivery.key for delivery in claimed] == ["0", "1", "2"]

    async def test_saving_a_delivery_keeps_its_place_in_the_order(self, store: Store) -> None:
        changed = make_delivery("a1", card=make_card("Anew"), unclear=True)
        await kept(store, make_delivery("a1"), make_delivery("a2"))
        await store.write(lambda tx: tx.deliveries.save(changed))
        assert await store.read(lambda tx: tx.deliveries.unfinished()) == [changed, make_delivery("a2")]

    async def test_a_delivery_that_was_never_owed_cannot_be_saved(self, store: Store) -> None:
        with pytest.raises(LookupError):
            await store.write(lambda tx: tx.deliveries.save(make_delivery()))
        assert await store.read(lambda tx: tx.deliveries.get("question")) is None

    async def test_unfinished_deliveries_are_those_owed_or_claimed(self, store: Store) -> None:
        round_id = make_round().id
        await kept(
            store,
            make_delivery("done", state=DeliveryState.DONE, round=round_id),
            make_delivery("dropped", state=DeliveryState.DROPPED),
            make_delivery("claimed", state=DeliveryState.CLAIMED, round=round_id),
            make_delivery("elsewhere", RANDOM, round=round_id),
            make_delivery("owed"),
        )

        async def keys(**which: Any) -> list[str]:
            return [d.key for d in await store.read(lambda tx: tx.deliveries.unfinished(**which))]

        assert await keys() == ["claimed", "elsewhere", "owed"]
        assert await keys(round_id=round_id) == ["claimed", "elsewhere"]
        assert await keys(channel=CHANNEL) == ["claimed", "owed"]
        assert await keys(round_id=round_id, channel=CHANNEL) == ["claimed"]

    async def test_what_was_given_up_is_told_the_last_owed_first(self, store: Store) -> None:
        await kept(
            store,
            make_delivery("first", state=DeliveryState.DROPPED, note="gone"),
            make_delivery("elsewhere", RANDOM, state=DeliveryState.DROPPED),
            make_delivery("done", state=DeliveryState.DONE),
            make_delivery("owed", note="refused"),
            make_delivery("last", state=DeliveryState.DROPPED),
        )

        async def keys(channel: ChannelId | None = None, limit: int = 10) -> list[str]:
            return [d.key for d in await store.read(lambda tx: tx.deliveries.dropped(channel, limit))]

        assert await keys() == ["last", "elsewhere", "first"]
        assert await keys(CHANNEL) == ["last", "first"]
        assert await keys(limit=1) == ["last"]

    async def test_reclaiming_makes_claimed_deliveries_owed_and_unclear(self, store: Store) -> None:
        await kept(store, make_delivery("a"), make_delivery("b", RANDOM), make_delivery("behind"))
        await store.write(lambda tx: tx.deliveries.claim(NOW, 10))
        assert await store.write(lambda tx: tx.deliveries.reclaim()) == 2
        assert await store.read(lambda tx: tx.deliveries.unfinished()) == [
            make_delivery("a", attempts=1, unclear=True),
            make_delivery("b", RANDOM, attempts=1, unclear=True),
            make_delivery("behind"),
        ]
        assert await store.write(lambda tx: tx.deliveries.reclaim()) == 0

    async def test_the_next_try_is_when_the_first_of_a_channel_that_waits_may_go(self, store: Store) -> None:
        assert await store.read(lambda tx: tx.deliveries.next_try()) is None
        await kept(store, make_delivery("a1"), make_delivery("a2", not_before=NOW))
        assert await store.read(lambda tx: tx.deliveries.next_try()) is None
        await kept(store, make_delivery("b1", RANDOM, not_before=NOW + 2 * HOUR))
        await kept(store, make_delivery("c1", channel="t:g/c", not_before=NOW + HOUR))
        assert await store.read(lambda tx: tx.deliveries.next_try()) == NOW + HOUR
        await store.write(lambda tx: tx.deliveries.claim(NOW + HOUR, 10))
        assert await store.read(lambda tx: tx.deliveries.next_try()) == NOW + 2 * HOUR


class EventsContract:
    """What happened, each thing once."""

    async def test_an_occurrence_is_written_down_once(self, store: Store) -> None:
        assert await store.write(lambda tx: tx.events.add(make_occurrence()))
        assert not await store.write(lambda tx: tx.events.add(make_occurrence(at=NOW + DAY, data={})))
        assert await store.read(lambda tx: tx.events.waiting()) == [make_occurrence()]

    async def test_what_is_finished_waits_no_more_and_has_an_outcome(self, store: Store) -> None:
        await kept(store, make_occurrence("1"), make_occurrence("2", data={}))
        assert await store.read(lambda tx: (tx.events.outcome("1"), tx.events.outcome("9"))) == (None, None)
        await store.write(lambda tx: tx.events.finish("1", ""))
        assert await store.read(lambda tx: tx.events.outcome("1")) == ""
        assert await store.read(lambda tx: tx.events.waiting()) == [make_occurrence("2", data={})]
        assert not await store.write(lambda tx: tx.events.add(make_occurrence("1")))

    async def test_what_happened_to_an_answer_or_a_message_is_found_in_the_order_of_arrival(self, store: Store) -> None:
        one, two = make_occurrence("c/1/said", about="r ada"), make_occurrence("c/2/said", about="r ada")
        gone, other = make_occurrence("c/1/deleted"), make_occurrence("c/10/said", about="r bob")
        await kept(store, two, one, gone, other)
        assert await store.read(lambda tx: tx.events.about("r ada")) == [two, one]
        assert await store.read(lambda tx: tx.events.about("")) == []
        assert await store.read(lambda tx: tx.events.beginning("c/1/")) == [one, gone]
        assert await store.read(lambda tx: tx.events.get("c/1/deleted")) == gone
        assert await store.read(lambda tx: tx.events.get("c/3/said")) is None

    async def test_the_text_of_an_occurrence_can_be_removed(self, store: Store) -> None:
        await kept(store, make_occurrence("1"), make_occurrence("2"))
        without = make_occurrence("1", data={"kind": "message"})
        await store.write(lambda tx: tx.events.rewrite(without))
        assert await store.read(lambda tx: tx.events.waiting()) == [without, make_occurrence("2")]
        with pytest.raises(LookupError):
            await store.write(lambda tx: tx.events.rewrite(make_occurrence("3")))

    async def test_the_rounds_a_member_tried_in_are_those_with_an_honest_answer_in_time(self, store: Store) -> None:
        days = [make_round(on=TODAY + n * DAY) for n in range(5)]
        honest, silent = make_grade(), make_grade(0, effort=Effort.DONT_KNOW)

        def work(tx: Transaction) -> None:
            keep(tx, *days)
            for round_, late, grades in (
                (days[0], False, [honest]),
                (days[1], True, [honest]),
                (days[2], False, [silent]),
                (days[3], False, [silent, replace(honest, grader="test 2")]),
                (days[4], False, []),
            ):
                keep(tx, make_answer(round_, late=late))
                for grade in grades:
                    tx.answers.add_grade(round_.id, ADA, 1, grade, NOW)

        await store.write(work)
        assert await store.read(lambda tx: tx.answers.tried(CHANNEL, ADA)) == {days[0].id, days[3].id}
        assert await store.read(lambda tx: tx.answers.tried(CHANNEL, BOB)) == set()
        assert await store.read(lambda tx: tx.answers.tried(RANDOM, ADA)) == set()

    async def test_what_waits_comes_in_the_order_of_arrival(self, store: Store) -> None:
        await kept(store, make_occurrence("b", at=NOW + DAY), make_occurrence("a"), make_occurrence("c"))
        assert [occurrence.id for occurrence in await store.read(lambda tx: tx.events.waiting())] == ["b", "a", "c"]

    async def test_what_was_never_written_down_cannot_be_finished(self, store: Store) -> None:
        with pytest.raises(LookupError):
            await store.write(lambda tx: tx.events.finish("1", "done"))


class StoreContract(
    TransactionContract,
    DrillsContract,
    RoundsContract,
    AnswersContract,
    LedgerContract,
    ObjectionsContract,
    RulingsContract,
    MembersContract,
    DeliveriesContract,
    EventsContract,
):
    """All of it."""
