"""`run`: starts what the settings name, works by itself, and stops in order."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import runtime
from bot.adapters.terminal.terminal import Person, channel_id
from bot.core.model import Drill, Opening, Place, RoundState
from bot.core.schedule import TZDATA_VERSION
from bot.runtime import Program as Assembled
from bot.settings import Settings, load
from tests.program.kept import kept_by
from tests.program.program import Program, Reader
from tests.store.files import ask, contents

GENERAL = channel_id("general")
ADA = Person("ada", organizer=True)
SETUP = "setup time=09:00 zone=Europe/Berlin days=all"


RUNS = """
from bot import cli, runtime

runtime.TICK_EVERY = 0.2  # its own 5 would do, and make these tests longer
cli.main(["run"])
"""


@contextmanager
def running(
    program: Program, database: Path, bank: Path | str = "", backups: Path | str = "off"
) -> Iterator[tuple[subprocess.Popen[str], Reader]]:
    """The program with its room, started; what it logs."""
    process = program.start_code(
        RUNS,
        NNQUESTION_PLATFORMS="terminal",
        NNQUESTION_DATABASE=database,
        NNQUESTION_BANK=bank,
        NNQUESTION_BACKUPS=backups,
    )
    with process:
        assert process.stderr is not None
        log = Reader(process.stderr.fileno())
        try:
            log.wait("running terminal")
            yield process, log
        finally:
            process.kill()


def settings_for(database: Path) -> Settings:
    return load({"NNQUESTION_PLATFORMS": "terminal", "NNQUESTION_DATABASE": str(database)})


async def started(database: Path, now: datetime) -> Assembled:
    """The program itself, open on a database at an instant."""
    assembled = runtime.build(settings_for(database), lambda: now)
    await assembled.start()
    return assembled


async def with_a_drill(database: Path, now: datetime) -> Drill:
    """Set up a drill as a member would, at an instant; nothing is opened yet."""
    assembled = await started(database, now)
    assert assembled.terminal is not None
    await assembled.terminal.command(ADA, Place(channel=GENERAL), SETUP, id="setup")
    drill = await assembled.store.read(lambda tx: tx.drills.get(GENERAL))
    await assembled.stop()
    assert drill is not None
    return drill


# --- starting and stopping ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order(program: Program, tmp_path: Path, number: signal.Signals) -> None:
    database = tmp_path / "data" / "x.db"
    with running(program, database) as (process, log):
        process.send_signal(number)
        assert process.wait(10) == 0
        rest = log.rest()
    assert "stopped" in rest
    assert "exception=" not in rest
    assert set(contents(database.parent)) == {"x.db", "x.db.lock", "x.db.room.jsonl", "x.db.room.jsonl.lock"}
    assert ask(database, "PRAGMA integrity_check") == [("ok",)]


def test_a_second_signal_while_it_stops_does_no_harm(program: Program, tmp_path: Path) -> None:
    with running(program, tmp_path / "x.db") as (process, log):
        for _ in range(3):
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert "exception=" not in log.rest()


HANGS_AT_THE_END = """
import asyncio
from bot import cli, runtime

async def hangs(*_):
    await asyncio.Event().wait()

runtime.Program.end = hangs
runtime.ENDS_WITHIN = 0.5  # its own 9 would do, and make this test longer
cli.main(["run"])
"""


def test_whatever_hangs_at_the_end_it_ends_all_the_same(program: Program, tmp_path: Path) -> None:
    settings = {"NNQUESTION_PLATFORMS": "terminal", "NNQUESTION_DATABASE": str(tmp_path / "x.db")}
    with program.start_code(HANGS_AT_THE_END, into=None, **settings) as process:
        assert process.stderr is not None
        log = Reader(process.stderr.fileno())
        log.wait("running terminal")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert "goes on at the next start" in log.rest()
    assert ask(tmp_path / "x.db", "PRAGMA integrity_check") == [("ok",)]


def test_a_port_that_is_taken_is_told_of_and_the_bot_goes_on_without_its_pages(
    program: Program, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = {"NNQUESTION_PLATFORMS": "terminal", "NNQUESTION_DATABASE": tmp_path / "x.db"}
        with program.start("run", **settings, NNQUESTION_WEB=address) as process:  # type: ignore[arg-type]
            assert process.stderr is not None
            log = Reader(process.stderr.fileno())
            assert address in log.wait("NNQUESTION_WEB names another address, or off")
            log.wait("trying again every 30 s")
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert "level=error" not in log.text


SLOW_TURN = """
import asyncio
from bot import cli, runtime

class Slow(runtime.KeyPointGrader):
    async def grade(self, question, answers, readable=()):
        print("grading", flush=True)
        await asyncio.sleep({seconds})
        return await super().grade(question, answers, readable)

runtime.KeyPointGrader = Slow
runtime.STOPS_WITHIN = {within}
cli.main(["run"])
"""


@pytest.mark.parametrize(("seconds", "within", "finished"), [(0.5, 8, True), (3600, 0.2, False)])
async def test_a_signal_in_the_middle_of_a_turn_lets_it_finish_or_leaves_it_for_the_next_start(
    program: Program, tmp_path: Path, seconds: float, within: float, finished: bool
) -> None:
    database = tmp_path / "x.db"
    await with_an_answer_to_grade(database)
    code = SLOW_TURN.format(seconds=seconds, within=within)
    with program.start_code(code, NNQUESTION_PLATFORMS="terminal", NNQUESTION_DATABASE=database) as process:
        assert process.stdout is not None
        while "grading" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert ("middle of a turn" not in process.stderr.read()) is finished
    assert bool(ask(database, "SELECT * FROM grades")) is finished
    with running(program, database) as (process, _):
        assert process.stdout is not None
        assert "Reference answer" in Reader(process.stdout.fileno()).wait("This month's board")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert kept_by(database).twice() == []
    assert [("Reference answer" in message.text) for message in kept_by(database).said_by_bot()].count(True) == 1


async def with_an_answer_to_grade(database: Path) -> None:
    """A round that was answered yesterday, and is to be closed, graded and revealed now."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    now = [yesterday]
    assembled = runtime.build(settings_for(database), lambda: now[0])
    assert assembled.terminal is not None
    await assembled.start()
    options = {"time": f"{yesterday:%H:%M}", "zone": "UTC", "closes": "1h"}
    await assembled.terminal.begin(ADA, Place(channel=GENERAL), options)
    await assembled.turn()
    round_ = await assembled.terminal.round_here(Place(channel=GENERAL))
    assert round_ is not None
    assert round_.thread is not None
    now[0] += timedelta(minutes=5)
    await assembled.terminal.say(ADA, round_.thread, "A neural network has layers of weighted sums with activations.")
    await assembled.stop()


def test_a_second_process_on_the_same_database_is_refused(program: Program, tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    with running(program, database) as (first, log):
        for command in (("demo", "--database", database), ("chat", "--database", database), ("run",)):
            second = program.run(*command, NNQUESTION_PLATFORMS="terminal", NNQUESTION_DATABASE=database)
            assert second.code == 1
            assert f"{database}.room.jsonl: another nnquestion is using this room" in second.err
            assert "Traceback" not in second.err
            assert "exception=" not in second.err
        first.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0
        assert "exception=" not in log.rest()


# --- working by itself --------------------------------------------------------------------------------------


async def test_a_drill_opens_its_round_when_it_is_due(program: Program, tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    drill = await with_a_drill(database, soon - timedelta(days=1))
    assembled = await started(database, soon - timedelta(days=1))
    opening = Opening(on=soon.date(), at=soon)
    await assembled.store.write(lambda tx: tx.drills.save(with_next(drill, opening)))
    await assembled.stop()
    with running(program, database) as (process, _):
        assert process.stdout is not None
        Reader(process.stdout.fileno()).wait("Question of")
        opened_at = datetime.now(UTC)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert soon <= opened_at < soon + timedelta(seconds=10)
    (round_,) = ask(database, "SELECT state, local_date FROM rounds")
    assert round_ == (RoundState.OPEN, soon.date().isoformat())
    assert len(kept_by(database).said_by_bot()) == 1


def with_next(drill: Drill, opening: Opening) -> Drill:
    return replace(drill, next=opening)


# --- building -----------------------------------------------------------------------------------------------


def test_building_touches_no_file_and_needs_no_loop_and_no_clock(tmp_path: Path) -> None:
    def no_clock() -> datetime:
        raise AssertionError("building looked at the clock")

    assembled = runtime.build(settings_for(tmp_path / "new" / "x.db"), no_clock)
    assert assembled.terminal is not None
    assert contents(tmp_path) == {}
    assert not (tmp_path / "new").exists()


def test_two_programs_can_be_built_beside_each_other(tmp_path: Path) -> None:
    one, other = (runtime.build(settings_for(tmp_path / name)) for name in ("one.db", "other.db"))
    assert one.store is not other.store
    assert one.room is not other.room


def test_without_the_terminal_among_the_platforms_there_is_no_room(tmp_path: Path) -> None:
    assembled = runtime.build(load({"NNQUESTION_DATABASE": str(tmp_path / "x.db")}))
    assert assembled.room is None
    assert assembled.terminal is None


# --- time-zone rules ----------------------------------------------------------------------------------------


async def test_openings_are_computed_anew_when_the_time_zone_rules_changed(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    now = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
    drill = await with_a_drill(database, now)
    assert drill.next is not None
    assembled = await started(database, now)
    other_rules = Opening(on=drill.next.on, at=drill.next.at + timedelta(hours=1))
    await assembled.store.write(lambda tx: tx.drills.save(with_next(drill, other_rules)))
    await assembled.stop()

    unchanged = await started(database, now)
    kept = await unchanged.store.read(lambda tx: tx.drills.get(GENERAL))
    await unchanged.stop()
    assert kept is not None
    assert kept.next == other_rules

    ask(database, "UPDATE facts SET value = '1999a' WHERE name = 'tzdata version'")
    changed = await started(database, now)
    anew = await changed.store.read(lambda tx: tx.drills.get(GENERAL))
    await changed.stop()
    assert anew == drill
    assert ask(database, "SELECT value FROM facts WHERE name = 'tzdata version'") == [(TZDATA_VERSION,)]


BANK = """\
bank: {id: team, title: Ours, version: 1.0.0, language: en, licence: CC0}
questions:
  - id: one
    prompt: What is one?
    answer: One is one.
"""


def test_a_changed_bank_is_taken_over_while_it_runs_and_a_broken_change_is_refused(
    program: Program, tmp_path: Path
) -> None:
    bank = tmp_path / "team.yaml"
    bank.write_text(BANK, encoding="utf-8")
    with running(program, tmp_path / "x.db", bank) as (_, log):
        bank.write_text(BANK.replace("prompt", "promt"), encoding="utf-8")
        told = log.wait("so its bank goes on as it was") + log.wait("did you mean")
        assert f"{bank}: 1 problem" in told
        assert f"{bank}:4:" in told
        bank.write_text(BANK + BANK.partition("questions:\n")[2].replace("one", "two"), encoding="utf-8")
        assert "level=error" not in log.wait("read bank “team” 1.0.0, 2 questions")


async def test_a_drill_of_another_bank_asks_from_that_bank(tmp_path: Path) -> None:
    bank = tmp_path / "team.yaml"
    bank.write_text(BANK, encoding="utf-8")
    now = datetime(2026, 1, 5, 7, tzinfo=UTC)
    settings = replace(settings_for(tmp_path / "x.db"), banks=(*load({}).banks, bank))
    assembled = runtime.build(settings, lambda: now)
    await assembled.start()
    try:
        assert assembled.terminal is not None
        await assembled.terminal.command(ADA, Place(channel=GENERAL), f"{SETUP} bank=team", id="setup")
        await assembled.bot.tick(datetime(2026, 1, 5, 8, tzinfo=UTC))
        [opened] = await assembled.store.read(lambda tx: tx.rounds.live(GENERAL))
        assert opened.question.id == "team:one"
    finally:
        await assembled.stop()
