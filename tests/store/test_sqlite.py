"""SqliteStore keeps the contract; and its threads, its batches and its schema."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from bot.core.model import MemberId
from bot.core.ports import StoreError, Transaction
from bot.store import SqliteStore
from bot.store.opening import open_writer
from bot.store.transaction import Tables
from tests.factories import (
    ADA,
    CHANNEL,
    GROUP,
    NOW,
    TODAY,
    keep,
    make_answer,
    make_entry,
    make_grade,
    make_part,
    make_question,
    make_round,
    make_ruling,
)
from tests.store.files import ask, commits, contents, with_tables
from tests.store.store_contract import StoreContract, kept, setting


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(with_tables(tmp_path / "nnquestion.db"))
    yield store
    await store.close()


class TestContract(StoreContract):
    """On a real file."""


ROUND = make_round().id
ASKED = make_question().id


@asynccontextmanager
async def held_up(store: SqliteStore) -> AsyncIterator[None]:
    """The writer is busy; what is handed over meanwhile waits, and is one batch afterwards."""
    started, go_on = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        started.set()
        assert go_on.wait(10)

    holding = asyncio.create_task(store.write(hold))
    assert await asyncio.to_thread(started.wait, 10)
    try:
        yield
        await asyncio.sleep(0)  # what was created as a task is handed over now
    finally:
        go_on.set()
        await holding


async def test_making_a_store_touches_nothing(tmp_path: Path) -> None:
    threads = threading.enumerate()
    store = SqliteStore(tmp_path / "folder" / "nnquestion.db")
    assert not store.path.parent.exists()
    await store.close()
    assert not store.path.parent.exists()
    assert threading.enumerate() == threads


async def test_closing_leaves_one_file_and_no_thread(tmp_path: Path) -> None:
    threads = threading.enumerate()
    store = SqliteStore(tmp_path / "nnquestion.db")
    store.open()
    await store.write(setting("colour", "red"))
    assert len(threading.enumerate()) == len(threads) + 2
    await store.close()
    assert threading.enumerate() == threads
    assert list(contents(tmp_path)) == ["nnquestion.db"]
    assert ask(store.path, "SELECT value FROM facts") == [("red",)]


async def test_closing_folds_the_log_even_if_another_process_goes_on(store: SqliteStore) -> None:
    other = SqliteStore(store.path)
    await other.write(setting("colour", "red"))
    await store.write(setting("shape", "round"))
    await store.close()
    assert store.path.with_name("nnquestion.db-wal").stat().st_size == 0
    assert await other.read(lambda tx: (tx.facts.get("colour"), tx.facts.get("shape"))) == ("red", "round")
    await other.close()


async def test_what_was_written_is_there_after_closing_and_opening_again(store: SqliteStore) -> None:
    await kept(store, make_round(), make_answer())
    await store.close()
    again = SqliteStore(store.path)
    assert await again.read(lambda tx: tx.rounds.get(make_round().id)) == make_round()
    assert await again.read(lambda tx: tx.answers.of_round(make_round().id)) == [make_answer()]
    await again.close()


def test_a_store_serves_one_event_loop_after_another(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "nnquestion.db"))
    store.open()
    asyncio.run(store.write(setting("colour", "red")))
    assert asyncio.run(store.read(lambda tx: tx.facts.get("colour"))) == "red"
    asyncio.run(store.close())


def test_a_store_serves_several_event_loops_at_once(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "nnquestion.db")

    async def write(name: str) -> None:
        await asyncio.gather(*(store.write(setting(f"{name}{n}", "here")) for n in range(50)))

    threads = [threading.Thread(target=lambda name=name: asyncio.run(write(name))) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    asyncio.run(store.close())
    assert ask(store.path, "SELECT COUNT(*) FROM facts") == [(150,)]


async def test_writes_that_wait_together_are_committed_together(store: SqliteStore) -> None:
    await store.write(setting("before", "here"))
    before = commits(store.path)
    async with held_up(store):
        writing = [asyncio.create_task(store.write(setting(f"{n}", "here"))) for n in range(100)]
    await asyncio.gather(*writing)
    assert commits(store.path) - before == 1
    assert await store.read(lambda tx: all(tx.facts.get(f"{n}") for n in range(100)))


async def test_a_hundred_concurrent_writes_need_far_fewer_commits(store: SqliteStore) -> None:
    await store.write(setting("before", "here"))
    before = commits(store.path)
    await asyncio.gather(*(store.write(setting(f"{n}", "here")) for n in range(100)))
    assert 1 <= commits(store.path) - before <= 30


async def test_nothing_is_acknowledged_before_it_is_committed(store: SqliteStore) -> None:
    async def write(number: int) -> None:
        await store.write(setting(f"{number}", "here"))
        assert ask(store.path, "SELECT value FROM facts WHERE name = ?", f"{number}") == [("here",)]

    await asyncio.gather(*(write(number) for number in range(20)))


async def test_work_that_fails_among_good_work_is_undone_alone(store: SqliteStore) -> None:
    def fail(tx: Transaction, error: BaseException) -> None:
        tx.facts.set("failed", "here")
        keep(tx, make_round())
        raise error

    async with held_up(store):
        first = asyncio.create_task(store.write(setting("first", "here")))
        failing = [asyncio.create_task(store.write(partial(fail, error=e))) for e in (KeyError("a"), OSError("b"))]
        last = asyncio.create_task(store.write(lambda tx: (tx.facts.get("first"), tx.facts.get("failed"))))
    with pytest.raises(KeyError, match="a"):
        await failing[0]
    with pytest.raises(OSError, match="b"):
        await failing[1]
    await first
    assert await last == ("here", None)
    assert await store.read(lambda tx: (tx.facts.get("first"), tx.facts.get("failed"))) == ("here", None)


async def test_a_value_that_the_tables_refuse_harms_only_its_own_work(store: SqliteStore) -> None:
    orphan = make_grade()
    async with held_up(store):
        bad = asyncio.create_task(
            store.write(lambda tx: tx.answers.add_grade(make_round().id, MemberId("t:g/@x"), 1, orphan, NOW))
        )
        good = asyncio.create_task(store.write(setting("good", "here")))
    with pytest.raises(sqlite3.IntegrityError):
        await bad
    await good
    assert await store.read(lambda tx: tx.facts.get("good")) == "here"


async def test_a_transaction_kept_beyond_its_end_does_nothing(store: SqliteStore) -> None:
    stolen = await store.write(lambda tx: tx)
    with pytest.raises(sqlite3.Error):
        stolen.facts.set("colour", "red")
    assert await store.read(lambda tx: tx.facts.get("colour")) is None


async def test_a_caller_cancelled_before_its_turn_has_not_written(store: SqliteStore) -> None:
    async with held_up(store):
        writing = asyncio.create_task(store.write(setting("colour", "red")))
        await asyncio.sleep(0)
        writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await store.read(lambda tx: tx.facts.get("colour")) is None


async def test_a_caller_cancelled_while_the_file_is_opened_cancels_nobody_else(store: SqliteStore) -> None:
    first = asyncio.create_task(store.write(setting("first", "here")))
    second = asyncio.create_task(store.write(setting("second", "here")))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait_for(second, 10)
    assert await store.read(lambda tx: tx.facts.get("second")) == "here"


async def test_reads_do_not_wait_for_the_writer(store: SqliteStore) -> None:
    await store.write(setting("colour", "red"))
    async with held_up(store):
        assert await asyncio.wait_for(store.read(lambda tx: tx.facts.get("colour")), 5) == "red"


async def test_a_store_that_could_not_be_opened_can_be_opened_later(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "nnquestion.db")
    store.path.mkdir()
    with pytest.raises(StoreError):
        store.open()
    with pytest.raises(StoreError):
        await store.write(setting("colour", "red"))
    store.path.rmdir()
    await store.write(setting("colour", "red"))
    assert await store.read(lambda tx: tx.facts.get("colour")) == "red"
    await store.close()


async def test_a_store_that_could_not_be_opened_can_be_closed(tmp_path: Path) -> None:
    threads = threading.enumerate()
    store = SqliteStore(tmp_path)
    with pytest.raises(StoreError):
        store.open()
    await store.close()
    assert threading.enumerate() == threads


async def test_the_file_is_ours_and_keeps_what_it_has_acknowledged(store: SqliteStore) -> None:
    store.open()
    assert ask(store.path, "PRAGMA application_id") == [(0x6E6E7175,)]
    assert store.path.read_bytes()[68:72] == b"nnqu"
    assert ask(store.path, "PRAGMA journal_mode") == [("wal",)]
    with closing(open_writer(store.path)) as writer:
        assert writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert writer.execute("PRAGMA foreign_keys").fetchone() == (1,)


async def test_every_table_is_strict_and_has_no_column_that_may_be_missing_by_accident(store: SqliteStore) -> None:
    store.open()
    tables = ask(
        store.path, "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sql%'"
    )
    assert all(strict for _, strict in tables)
    nullable = {
        (table, column)
        for table, _ in tables
        for column, not_null in ask(store.path, "SELECT name, [notnull] FROM pragma_table_info(?)", table)
        if not not_null and not table.startswith("_")
    }
    assert nullable == {
        ("drills", "next_at"),
        ("members", "naming"),
        ("parts", "edited_at"),
        ("events", "outcome"),
        ("ledger", "ruling"),
        ("members", "forgotten_at"),
        ("reminders", "round"),
        *(("rulings", column) for column in ("ruled_by", "objection", "level", "undone_at", "undone_by")),
        *(("deliveries", column) for column in ("thread", "round", "card", "not_before")),
        *(("rounds", column) for column in ("asked_by", "card_channel", "card_thread", "card_message")),
        *(("rounds", column) for column in ("thread_channel", "thread", "revealed_at")),
    }


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger SET points = 99",
        "UPDATE ledger SET ruling = 9",
        "DELETE FROM ledger",
        "UPDATE grades SET grade = '{}'",
        "DELETE FROM grades",
        "UPDATE questions SET question = '{}'",
        "DELETE FROM questions",
        "UPDATE rounds SET question = 'another'",
        *(f"UPDATE rulings SET {column} = 2" for column in ("number", "level", "points", "objection")),
        *(f"UPDATE rulings SET {column} = 'x'" for column in ("round", "group_id", "channel", "member", "kind", "at")),
        *(f"UPDATE rulings SET {column} = 'x'" for column in ("ruled_by", "key_point", "verdict")),
        "DELETE FROM rulings",
    ],
)
async def test_what_is_only_added_to_cannot_be_changed_by_any_program(store: SqliteStore, sql: str) -> None:
    await kept(store, make_round(), make_answer(), make_entry(), make_ruling())
    await store.write(lambda tx: tx.answers.add_grade(make_round().id, make_answer().member, 1, make_grade(), NOW))
    with pytest.raises(sqlite3.IntegrityError):
        ask(store.path, sql)


async def test_every_column_of_a_ruling_is_kept_but_those_that_say_what_became_of_it(store: SqliteStore) -> None:
    await kept(store, make_ruling())
    columns = [name for (name,) in ask(store.path, "SELECT name FROM pragma_table_info('rulings')")]
    may_change = set()
    for column in columns:
        try:
            ask(store.path, f"UPDATE rulings SET {column} = {column}")
        except sqlite3.IntegrityError:
            continue
        may_change.add(column)
    assert may_change == {"words", "reason", "consent", "told", "undone_at", "undone_by"}


OFTEN: dict[str, tuple[Callable[[Transaction], object], str]] = {
    "answers.ungraded": (lambda tx: tx.answers.ungraded(9), "answers_ungraded"),
    "answers.waiting": (lambda tx: tx.answers.waiting(ROUND), "answers_waiting"),
    "answers.flagged": (lambda tx: tx.answers.flagged(CHANNEL, TODAY), "idx_rounds_channel_opened_at_id"),
    "answers.by_grade": (lambda tx: tx.answers.by_grade(1), "PRIMARY KEY"),
    "answers.grade": (lambda tx: tx.answers.grade(ROUND, ADA), "idx_grades_round_member_revision"),
    "answers.tried": (lambda tx: tx.answers.tried(CHANNEL, ADA), "idx_answers_channel_member"),
    "rounds.of_question": (lambda tx: tx.rounds.of_question(CHANNEL, ASKED), "idx_rounds_channel_"),
    "objections.unruled": (lambda tx: tx.objections.unruled(NOW, 9), "objections_open"),
    "objections.open_in": (lambda tx: tx.objections.open_in(CHANNEL), "objections_open_in"),
    "objections.open_of": (lambda tx: tx.objections.open_of(GROUP, ADA), "objections_open"),
    "objections.of_answer": (lambda tx: tx.objections.of_answer(ROUND, ADA), "idx_objections_round_member_key_point"),
    "rulings.of_answer": (lambda tx: tx.rulings.of_answer(ROUND, ADA), "idx_rulings_round_member"),
    "rulings.of_channel": (lambda tx: tx.rulings.of_channel(CHANNEL, 9), "idx_rulings_channel_number"),
    "rulings.of_member": (lambda tx: tx.rulings.of_member(GROUP, ADA), "idx_rulings_group_id_member"),
    "rulings.exemplars": (lambda tx: tx.rulings.exemplars(GROUP, ASKED), "idx_exemplars_group_id_question"),
    "ledger.of_round": (lambda tx: tx.ledger.of_round(ROUND, ADA), "idx_ledger_round"),
    "ledger.totals": (lambda tx: tx.ledger.totals(GROUP, first=TODAY, last=TODAY), "USING COVERING INDEX"),
}


@pytest.mark.parametrize(("ask_for", "index"), OFTEN.values(), ids=OFTEN)
def test_what_is_asked_often_goes_by_an_index(
    tmp_path: Path, ask_for: Callable[[Transaction], object], index: str
) -> None:
    with closing(open_writer(tmp_path / "nnquestion.db")) as db:
        asked: list[str] = []
        db.conn.set_trace_callback(asked.append)
        ask_for(Tables(db))
        db.conn.set_trace_callback(None)
        [statement] = [sql for sql in asked if sql.lstrip().startswith("SELECT")]
        plan = [step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert any(index in step for step in plan), plan
    assert not any(step.startswith("SCAN") and "(subquery" not in step and "USING" not in step for step in plan), plan


async def test_a_question_asked_in_many_channels_is_kept_once(store: SqliteStore) -> None:
    for number in range(5):
        await kept(store, make_round(f"t:g/{number}"))
    assert ask(store.path, "SELECT COUNT(*) FROM questions") == [(1,)]


async def test_every_revision_leaves_a_line_of_history(store: SqliteStore) -> None:
    first, second = make_answer(parts=(make_part("one"),)), make_answer(parts=(make_part("two"),), revision=2)

    def work(tx: Transaction) -> None:
        keep(tx, make_round())
        tx.answers.save(first, cause="message", at=NOW)
        tx.answers.save(second, cause="edit", at=NOW)

    await store.write(work)
    lines = ask(store.path, "SELECT revision, cause, at, text FROM revisions ORDER BY id")
    at = "2026-11-22T09:00:00.000000Z"
    assert lines == [(1, "message", at, "one"), (2, "edit", at, "two")]


async def test_erasing_history_blanks_the_text_of_earlier_revisions_only(store: SqliteStore) -> None:
    def work(tx: Transaction) -> None:
        keep(tx, make_round(), make_answer(), make_answer(member="t:g/@other"), make_answer(revision=2))
        last = make_answer(revision=3, parts=(make_part("last"),))
        tx.answers.save(last, cause="deleted", at=NOW, erase_history=True)

    await store.write(work)
    lines = ask(store.path, "SELECT revision, text FROM revisions ORDER BY id")
    assert lines == [(1, ""), (1, make_answer().text), (2, ""), (3, "last")]


async def test_a_blanked_answer_leaves_no_text_anywhere_in_the_file(store: SqliteStore) -> None:
    secret = "what nobody may read any more, long enough for pages of its own " * 200
    await kept(store, make_round(), make_answer(parts=(make_part(secret),)), make_answer(parts=(), revision=2))
    await kept(store, make_answer(parts=(make_part(secret),), revision=3))
    await store.write(lambda tx: tx.answers.blank(make_round().id, make_answer().member))
    assert ask(store.path, "SELECT text FROM parts UNION SELECT text FROM revisions") == [("",)]
    await store.close()
    assert b"nobody may read" not in store.path.read_bytes()


# --- the file itself ----------------------------------------------------------------------------------------


def readable_by_others(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.stat().st_mode & 0o077]


async def test_a_new_database_is_for_its_user_alone_to_read(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    await store.write(lambda tx: tx.facts.set("a", "1"))
    assert readable_by_others(tmp_path) == []
    await store.close()


async def test_a_file_that_was_put_in_its_place_is_noticed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    assert not store.was_replaced()
    await store.write(lambda tx: tx.facts.set("a", "1"))
    assert not store.was_replaced()
    (tmp_path / "other.db").write_bytes(b"")
    (tmp_path / "other.db").replace(tmp_path / "x.db")
    assert store.was_replaced()
    (tmp_path / "x.db").unlink()
    assert store.was_replaced()
    await store.close()


async def test_another_program_that_reads_does_not_hold_up_the_end(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    await store.write(lambda tx: tx.facts.set("a", "1"))
    reader = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM facts").fetchall()
    await store.write(lambda tx: tx.facts.set("a", "2"))
    await asyncio.wait_for(store.close(), 8)
    reader.close()
