"""The commands as a user types them, and what they are told when something is wrong."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot import __version__
from tests.program.kept import board_of, differences, kept_by
from tests.program.program import ROOT, Ended, Program, ended
from tests.store.files import allow, ask, contents

OURS = ("run", "demo", "chat")


def clear(done: Ended, code: int) -> str:
    """What a command that could not go on told: short, and no traceback."""
    assert done.code == code, done.err
    assert "Traceback" not in done.err + done.out
    assert done.err.strip()
    assert len(done.err.splitlines()) <= 6, done.err
    return done.err


# --- commands and options -----------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [("--help",), ("-h",), (), *((command, "--help") for command in OURS)])
def test_there_is_help_for_every_command(program: Program, asked: tuple[str, ...]) -> None:
    done = program.run(*asked)
    told = done.out + done.err  # click writes the help that nobody asked for to the second
    assert done.code == (0 if asked else 2)
    assert "Usage:" in told
    assert "--help" in told
    if len(asked) < 2:
        assert all(re.search(rf"^  {command} +\w", told, re.MULTILINE) for command in OURS)


def test_the_version_is_told(program: Program) -> None:
    assert program.run("--version").out.strip().endswith(__version__)


@pytest.mark.parametrize(("typed", "meant"), [("rnu", "run"), ("chatt", "chat"), ("dmeo", "demo")])
def test_an_unknown_command_is_told_with_the_one_that_was_meant(program: Program, typed: str, meant: str) -> None:
    told = clear(program.run(typed), 2)
    assert f"“{typed}”" in told
    assert f"“{meant}”" in told
    assert "--help" in told


def test_a_command_like_no_other_is_told_with_those_there_are(program: Program) -> None:
    told = clear(program.run("frobnicate"), 2)
    assert "frobnicate" in told
    assert all(command in told for command in OURS)


@pytest.mark.parametrize(
    ("typed", "meant"), [(("demo", "--dasy", "3"), "--days"), (("chat", "--databse", "x"), "--database")]
)
def test_an_unknown_option_is_told_with_the_one_that_was_meant(
    program: Program, typed: tuple[str, ...], meant: str
) -> None:
    told = clear(program.run(*typed), 2)
    assert typed[1] in told
    assert meant in told
    assert "--help" in told


@pytest.mark.parametrize(
    ("option", "value"), [("--days", "0"), ("--days", "many"), ("--seed", "-1"), ("--days", "367")]
)
def test_an_option_with_a_value_that_is_not_allowed_is_told(program: Program, option: str, value: str) -> None:
    told = clear(program.run("demo", option, value), 2)
    assert option in told
    assert value in told


def test_run_with_nothing_set_says_what_to_set_and_offers_chat_and_demo(program: Program) -> None:
    told = clear(program.run("run"), 2)
    assert "NNQUESTION_PLATFORMS" in told
    assert "DISCORD_TOKEN" in told
    assert "nnquestion chat" in told
    assert "nnquestion demo" in told
    assert contents(program.home) == {}


@pytest.mark.parametrize("command", ["run", "demo"])
def test_broken_settings_are_told_all_at_once_and_nothing_is_started(program: Program, command: str) -> None:
    told = clear(program.run(command, NNQUESTION_PLATFORMS="matrix", NNQUESTION_BANK="/no/such", SLACK_API_URL="x"), 2)
    assert "NNQUESTION_PLATFORMS=matrix" in told
    assert "NNQUESTION_BANK=/no/such" in told
    assert "SLACK_API_URL=x" in told
    assert contents(program.home) == {}


def test_broken_settings_do_not_keep_anybody_from_the_help(program: Program) -> None:
    assert program.run("demo", "--help", NNQUESTION_PLATFORMS="matrix").code == 0


# --- the bank -----------------------------------------------------------------------------------------------

BROKEN = """\
bank: {id: nn, title: Broken, version: 1.0.0, language: en}
questions:
  - id: one
    prompt: What is one?
    anser: Misspelt.
    dificulty: 2
  - id: two
    prompt: What is two?
    answer: One more than one.
    difficulty: 99
  - id: two
    prompt: Again?
    answer: Yes.
"""


@pytest.mark.parametrize("command", OURS)
def test_every_problem_of_a_broken_bank_is_told_with_its_line_and_nothing_is_started(
    program: Program, tmp_path: Path, command: str
) -> None:
    bank = tmp_path / "broken.yaml"
    bank.write_text(BROKEN, encoding="utf-8")
    database = tmp_path / "data" / "x.db"
    arguments = () if command == "run" else ("--database", database)
    done = program.run(
        command, *arguments, NNQUESTION_BANK=bank, NNQUESTION_DATABASE=database, NNQUESTION_PLATFORMS="terminal"
    )
    assert done.code == 2
    assert "Traceback" not in done.err
    lines = {int(number) for number in re.findall(r"broken\.yaml:(\d+): \S", done.err, re.MULTILINE)}
    assert {5, 6, 10, 11} <= lines
    assert "nothing was done" in done.err
    count = re.search(r"(\d+) problems", done.err)
    assert count is not None
    assert int(count[1]) == len(re.findall(r"broken\.yaml:\d+: ", done.err, re.MULTILINE))
    assert not database.parent.exists()
    assert contents(program.home) == {}


def unreadable(bank: Path) -> None:
    bank.write_bytes(b"bank: {id: nn}\n# caf\xe9\n")


def no_yaml(bank: Path) -> None:
    bank.write_text("bank: [unclosed\nquestions: {\n", encoding="utf-8")


def empty(bank: Path) -> None:
    bank.touch()


@pytest.mark.parametrize("spoil", [no_yaml, empty, unreadable])
def test_a_file_that_is_no_bank_at_all_is_told(program: Program, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    bank = tmp_path / "broken.yaml"
    spoil(bank)
    told = clear(program.run("demo", NNQUESTION_BANK=bank), 2)
    assert "broken.yaml" in told


def test_a_bank_that_is_not_there_is_told(program: Program, tmp_path: Path) -> None:
    told = clear(program.run("demo", "--database", tmp_path / "x.db", NNQUESTION_BANK=tmp_path / "gone.yaml"), 2)
    assert f"NNQUESTION_BANK={tmp_path / 'gone.yaml'}" in told
    assert not (tmp_path / "x.db").exists()


# --- the database -------------------------------------------------------------------------------------------


def of_another_program(path: Path) -> None:
    ask(path, "CREATE TABLE bookmarks (url TEXT)")


def not_a_database(path: Path) -> None:
    path.write_text("Dear diary,\n" * 500, encoding="utf-8")


def of_a_newer_version(path: Path) -> None:
    ask(path, "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('nnquestion', 'm999', '')")


def damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096 * 3)


def cut_short(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a demo of one day."""
    folder = tmp_path_factory.mktemp("played")
    (folder / "home").mkdir()
    done = Program(folder / "home").run("demo", "--days", 1, "--database", folder / "kept" / "x.db")
    assert done.code == 0, done.err
    return contents(folder / "kept")


@pytest.mark.parametrize(
    ("command", "spoil", "says"),
    [
        ("demo", of_another_program, "another program"),
        ("demo", not_a_database, "not a SQLite database"),
        ("demo", of_a_newer_version, "newer version"),
        ("demo", damaged, "damaged"),
        ("demo", cut_short, "damaged"),
        ("run", of_a_newer_version, "newer version"),
        ("chat", of_a_newer_version, "newer version"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_and_left_as_it_is(
    program: Program, tmp_path: Path, played: dict[str, bytes], command: str, spoil: Callable[[Path], None], says: str
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    database = folder / "x.db"
    if spoil in (of_a_newer_version, damaged, cut_short):
        for name, content in played.items():
            (folder / name).write_bytes(content)
    spoil(database)
    before = contents(folder)
    told = clear(using(program, command, database), 1)
    assert f"{database}: " in told
    assert says in told
    assert contents(folder) == before


@pytest.mark.parametrize("command", OURS)
def test_a_folder_is_no_database(program: Program, tmp_path: Path, command: str) -> None:
    (tmp_path / "x.db").mkdir()
    done = using(program, command, tmp_path / "x.db")
    assert str(tmp_path / "x.db") in clear(done, 1 if command == "run" else 2)
    assert contents(tmp_path / "x.db") == {}


@pytest.mark.parametrize("command", ["demo", "run"])
def test_a_room_with_a_line_that_is_none_is_refused_and_left_as_it_is(
    program: Program, tmp_path: Path, played: dict[str, bytes], command: str
) -> None:
    for name, content in played.items():
        (tmp_path / name).write_bytes(content)
    room = tmp_path / "x.db.room.jsonl"
    first, rest = room.read_bytes().split(b"\n", 1)
    room.write_bytes(first + b"\nwhat?\n" + rest)
    spoilt = room.read_bytes()
    told = clear(using(program, command, tmp_path / "x.db"), 1)
    assert f"{room}:2: " in told
    assert room.read_bytes() == spoilt


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter: those made for tests are closed to others than their owner."""
    with tempfile.TemporaryDirectory() as folder:
        allow(Path(folder), 0o755)
        yield Path(folder)
        allow(Path(folder), 0o755)


AS_NOBODY = """
import os
from bot import cli, runtime  # while whoever owns the interpreter may still read it
runtime.zone('UTC')

if os.geteuid() == 0:  # who may write everywhere
    os.setgid(65534)
    os.setuid(65534)
cli.main()
"""


@pytest.mark.parametrize("there", [True, False], ids=["a database", "no database"])
def test_a_folder_in_which_one_may_not_write_is_told(public: Path, played: dict[str, bytes], there: bool) -> None:
    home = public / "home"
    home.mkdir()
    allow(home, 0o777)
    folder = public / "kept"
    folder.mkdir()
    for name, content in played.items() if there else ():
        (folder / name).write_bytes(content)
        allow(folder / name, 0o444)
    allow(folder, 0o555)
    before = contents(folder)
    done = ended(Program(home).start_code(AS_NOBODY, "demo", "--database", folder / "x.db"))
    assert contents(folder) == before
    allow(folder, 0o755)
    told = clear(done, 1)
    assert str(folder / "x.db") in told
    assert "write" in told


def using(program: Program, command: str, database: Path) -> Ended:
    """Run a command on a database."""
    if command == "run":
        return program.run(command, NNQUESTION_PLATFORMS="terminal", NNQUESTION_DATABASE=database)
    return program.run(command, "--database", database)


# --- a full disk --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A demo of one day that had all the room it wanted."""
    folder = tmp_path_factory.mktemp("unbroken")
    done = Program(folder).run("demo", "--days", 1, "--database", folder / "x.db")
    assert done.code == 0, done.err
    return folder / "x.db", done


@pytest.mark.parametrize("largest_file", [20_000, 400_000])
def test_a_demo_on_a_full_disk_says_so_and_goes_on_once_there_is_room(
    program: Program, tmp_path: Path, unbroken: tuple[Path, Ended], largest_file: int
) -> None:
    database = tmp_path / "x.db"
    done = program.run(
        "all", largest_file, "demo", "--days", 1, "--database", database, module="tests.program.full_disk"
    )
    told = clear(done, 1)
    assert str(database) in told
    assert "disk" in told
    again = program.run("demo", "--days", 1, "--database", database)
    assert again.code == 0, again.err
    assert board_of(again.out) == board_of(unbroken[1].out)
    assert differences(kept_by(database), kept_by(unbroken[0]), times=False) == []


@pytest.mark.parametrize("left", [700, 6000])
def test_a_room_that_cannot_grow_stops_the_demo_before_half_a_line(
    program: Program, tmp_path: Path, unbroken: tuple[Path, Ended], left: int
) -> None:
    database = tmp_path / "x.db"
    done = program.run("room", left, "demo", "--days", 1, "--database", database, module="tests.program.full_disk")
    told = clear(done, 1)
    assert f"{database}.room.jsonl" in told
    assert "make room on the disk" in told
    room = database.with_name("x.db.room.jsonl").read_bytes()
    assert not room or room.endswith(b"\n")
    assert program.run("demo", "--days", 1, "--database", database).code == 0
    assert differences(kept_by(database), kept_by(unbroken[0]), times=False) == []


# --- where the output goes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [0, 1, 60])
def test_a_reader_who_leaves_early_ends_the_demo_quietly(program: Program, lines: int) -> None:
    with program.start("demo", "--days", 3) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(lines):
            assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_an_output_that_takes_nothing_is_told(program: Program) -> None:
    with Path("/dev/full").open("wb") as full:
        told = clear(ended(program.start("demo", "--days", 1, out=full)), 1)
    assert "No space left" in told


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_cannot_show_every_sign_shows_the_rest(program: Program, encoding: str) -> None:
    done = program.run("demo", "--days", 1, PYTHONIOENCODING=encoding)
    assert done.code == 0, done.err
    assert "Reference answer" in done.out


def test_the_program_works_from_any_folder_and_writes_only_where_it_is_told(program: Program, tmp_path: Path) -> None:
    assert program.home not in ROOT.parents
    assert program.run("demo", "--days", 1, TMPDIR=tmp_path).code == 0
    assert contents(tmp_path) == {}


def test_a_data_folder_that_cannot_be_made_is_named(program: Program, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = program.run("chat", "--database", tmp_path / "x.db", XDG_DATA_HOME=tmp_path / "file")
    assert ended.code == 2
    assert str(tmp_path / "file" / "nnquestion") in ended.err
    assert "Traceback" not in ended.err
