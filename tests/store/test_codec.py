"""What is stored comes back as it was, and what an older or a newer version stored can still be read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from bot.core.card import Bar, Bars, Card, Columns, Line, Picture, Prose, When, Words
from bot.core.model import (
    Answer,
    Delivery,
    Drill,
    Entry,
    Grade,
    Member,
    Occurrence,
    Opening,
    Part,
    Place,
    Plan,
    Question,
    Round,
    Source,
    Timetable,
)
from bot.core.ports import Transaction
from bot.store.codec import at_instant, dump, instant, load
from bot.store.migrations import MIGRATIONS
from bot.store.transaction import Tables
from tests.factories import NOW, keep, make_drill, make_grade, make_question, make_round
from tests.store.strategies import anything

PATIENT = settings(deadline=None)
"""A slow machine is no failure."""

instants = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize("kind", [Card, Question, Timetable, Grade, Drill, tuple[Place, ...]], ids=str)
def test_every_value_comes_back_from_its_text(kind: Any) -> None:
    @PATIENT
    @given(anything(kind) if isinstance(kind, type) else st.lists(anything(Place)).map(tuple))
    def comes_back(value: Any) -> None:
        assert load(kind, dump(kind, value)) == value

    comes_back()


@PATIENT
@given(instants, instants)
def test_instants_sort_as_their_texts_do(one: datetime, other: datetime) -> None:
    assert (one < other) == (instant(one) < instant(other))
    assert at_instant(instant(one)) == one


def test_an_instant_is_written_in_utc_with_one_width() -> None:
    assert instant(datetime(2026, 11, 22, 9, tzinfo=UTC)) == "2026-11-22T09:00:00.000000Z"
    assert instant(datetime(26, 1, 2, 3, 4, 5, 6, UTC)) == "0026-01-02T03:04:05.000006Z"
    tokyo = timezone(timedelta(hours=9))
    assert instant(datetime(2026, 11, 22, 9, tzinfo=tokyo)) == "2026-11-22T00:00:00.000000Z"


def test_an_instant_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        instant(NOW.replace(tzinfo=None))


def test_equal_values_have_equal_text() -> None:
    one = make_drill(topics=frozenset(["a", "b", "c"]), organizers=frozenset(["x", "y"]))
    other = make_drill(topics=frozenset(["c", "b", "a"]), organizers=frozenset(["y", "x"]))
    assert dump(Drill, one) == dump(Drill, other)


def test_spans_and_blocks_are_told_apart_by_a_tag() -> None:
    card = Card(title="t", body=(Prose("p"), Line((Words("w"), When(NOW)))))
    assert [block["is"] for block in json.loads(dump(Card, card))["body"]] == ["Prose", "Line"]


def test_charts_are_told_apart_by_a_tag() -> None:
    topics = Bars("topics", (Bar("attention", 0.5, "half"),), most=1.0)
    charts = (Columns("by week", ("W46", "W47"), (3.0, 5.0)), topics)
    card = Card(title="t", picture=Picture("Your progress", charts, alt="8 points in 2 weeks; attention: half"))
    text = dump(Card, card)
    assert [chart["is"] for chart in json.loads(text)["picture"]["charts"]] == ["Columns", "Bars"]
    assert load(Card, text) == card


def test_a_card_from_before_there_were_pictures_has_none() -> None:
    text = json.loads(dump(Card, Card(title="t")))
    del text["picture"]
    assert load(Card, json.dumps(text)) == Card(title="t")


def test_keys_that_a_newer_version_wrote_are_ignored() -> None:
    text = json.loads(dump(Question, make_question()))
    text["flavour"] = "vanilla"
    text["key_points"][0]["colour"] = {"deep": 1}
    assert load(Question, json.dumps(text)) == make_question()


def test_keys_that_an_older_version_did_not_write_take_their_defaults() -> None:
    assert load(Question, '{"id":"nn:a","prompt":"p","answer":"a"}') == Question(id="nn:a", prompt="p", answer="a")  # type: ignore[arg-type]
    text = json.loads(dump(Grade, make_grade()))
    del text["unsure"], text["points"][0]["blocked_by"]
    assert load(Grade, json.dumps(text)) == make_grade()


@pytest.fixture
def tx() -> Iterator[Transaction]:
    """Tables in memory, in a transaction that is never committed."""
    db = Database(sqlite3.connect(":memory:", isolation_level=None), execute_plugins=False)
    MIGRATIONS.apply(db)
    db.execute("BEGIN")
    yield Tables(db)
    db.close()


# Each of these is stored over the one before, under the same key: what a field held must not shine through. Points are
# few enough that the sums of them, which are kept beside them, are numbers that SQLite can hold.
ROWS: dict[Any, tuple[Callable[[Any], Any], Callable[[Transaction, Any], Any]]] = {
    Drill: (lambda v: replace(v, channel="c"), lambda tx, v: tx.drills.get(v.channel)),
    Plan: (lambda v: replace(v, channel="c"), lambda tx, v: tx.drills.plan(v.channel)),
    Member: (lambda v: replace(v, id="m"), lambda tx, v: tx.members.get(v.id)),
    Answer: (lambda v: replace(v, round=make_round().id, member="m"), lambda tx, v: tx.answers.get(v.round, v.member)),
    Entry: (
        lambda v: replace(v, points=v.points % 10**12),
        lambda tx, v: next(e for e in tx.ledger.of_round(v.round) if e.id == v.id),
    ),
    Occurrence: (lambda v: v, lambda tx, v: next(o for o in tx.events.waiting() if o.id == v.id)),
}


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.__name__)
def test_every_field_of_every_row_comes_back(kind: Any, tx: Transaction) -> None:
    under_one_key, found = ROWS[kind]
    keep(tx, make_round())
    seen = set()

    @PATIENT
    @given(anything(kind).map(under_one_key))
    def comes_back(value: Any) -> None:
        if kind in (Entry, Occurrence) and value.id in seen:
            return
        seen.add(getattr(value, "id", ""))
        keep(tx, value)
        assert found(tx, value) == value

    comes_back()


def test_every_field_of_every_round_and_delivery_comes_back(tx: Transaction) -> None:
    @PATIENT
    @given(anything(Round), anything(Round), anything(Delivery), anything(Delivery))
    def comes_back(added: Round, saved: Round, owed: Delivery, changed: Delivery) -> None:
        saved = replace(saved, id=added.id, question=added.question)
        if tx.rounds.add(added):
            assert tx.rounds.get(added.id) == added
            tx.rounds.save(saved)
            assert tx.rounds.get(added.id) == saved
        changed = replace(changed, key=owed.key)
        if tx.deliveries.owe(owed):
            assert tx.deliveries.get(owed.key) == owed
            tx.deliveries.save(changed)
            assert tx.deliveries.get(owed.key) == changed

    comes_back()


def test_the_strategies_reach_into_nested_values() -> None:
    """Guards the tests above: a strategy that only made defaults would prove nothing."""

    @PATIENT
    @given(anything(Drill), anything(Part))
    def varies(drill: Drill, part: Part) -> None:
        openings.add(isinstance(drill.next, Opening))
        sources.add(part.source)

    openings: set[bool] = set()
    sources: set[Source] = set()
    varies()
    assert openings == {True, False}
    assert sources == set(Source)
