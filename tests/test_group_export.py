"""`nnquestion export`: boards and what was shared, under the names that are shown, and nothing is written over."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot import cli
from bot.core import boards, group_export
from bot.core.model import Share
from bot.store import SqliteStore
from tests.core.worlds import FULL, PARTLY, World, at, member
from tests.factories import CHANNEL, GROUP, keep, make_drill, make_entry, make_member


@pytest.fixture
def world() -> Iterator[World]:
    """Ada shares with her name, Bob without, Eve nothing; Kit is out and Mallory barred. November is over and kept."""
    with closing(World()) as world:
        world.tick(at("09:00"))
        for who, share in (("ada", Share.WITH_NAME), ("bob", Share.WITHOUT_NAME), ("eve", Share.NO)):
            world.fills_form(who, f"={FULL}, says {who}", at("10:00"), share=share)
        for who in ("kit", "mallory"):
            world.fills_form(who, f"{PARTLY}, says {who}", at("10:00"), share=Share.NO)
        world.tick(at("09:00", 1))
        world.fills_form("ada", f"{FULL}, not revealed", at("10:00", 1), share=Share.WITH_NAME)
        world.command("ada", "me shown=name", at("10:00", 1))
        world.command("kit", "me shown=out", at("10:00", 1))
        world.orders("bar @mallory", at("10:00", 1))
        boards.keep_seasons(world.tx, at("10:00", 40))
        yield world


def files(world: World) -> dict[str, Any]:
    found = {file.name: file.text for file in group_export.files(world.tx, GROUP, at("09:00", 1).date())}
    return {name: json.loads(text) if name.endswith("json") else text for name, text in found.items()}


def test_boards_of_the_past_and_the_present_show_names_as_boards_do(world: World) -> None:
    rows = files(world)["boards.json"]["boards"]
    kept = [
        (r["rank"], r["name"], r["points"]) for r in rows if (r["season"], r["channel"]) == ("2026-11", "whole group")
    ]
    assert kept == [(1, "Ada", 3), (1, "someone", 3), (1, "someone", 3)]
    assert {(r["season"], r["kept"]) for r in rows if r["channel"] == CHANNEL} == {
        ("2026-11", "kept"),
        ("2026-W47", "kept"),
        ("all", "present"),
    }


def test_only_what_was_shared_and_revealed_is_there_with_the_name_its_author_wished(world: World) -> None:
    answers = files(world)["answers.json"]["answers"]
    assert [(a["by"], a["answer"]) for a in answers] == [
        ("Ada", f"={FULL}, says ada"),
        ("somebody", f"={FULL}, says bob"),
    ]


def test_no_id_of_anybody_and_nothing_of_who_is_out_or_barred_is_in_it(world: World) -> None:
    everything = json.dumps(files(world))
    assert "/@" not in everything
    for name in ("bob", "eve", "kit", "mallory"):
        assert name not in everything.lower().replace(f"{FULL}, says bob", "")


def test_an_answer_that_was_removed_or_whose_author_was_forgotten_is_not_in_it(world: World) -> None:
    answer = world.answer("ada", world.rounds()[0])
    assert answer is not None
    world.tx.answers.blank(answer.round, member("ada"))
    assert [a["by"] for a in files(world)["answers.json"]["answers"]] == ["somebody"]


def test_no_cell_is_a_formula_and_both_forms_say_the_same(world: World) -> None:
    found = files(world)
    rows = list(csv.DictReader(found["answers.csv"].splitlines()))
    assert [row["answer"] for row in rows] == [f"'={FULL}, says ada", f"'={FULL}, says bob"]
    assert len(list(csv.DictReader(found["boards.csv"].splitlines()))) == len(found["boards.json"]["boards"])


# --- the command --------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "nnquestion.db"

    async def fill() -> None:
        store = SqliteStore(path)
        await store.write(lambda tx: keep(tx, make_drill(), make_member(public=True), make_entry()))
        await store.close()

    asyncio.run(fill())
    return path


def exported(database: Path, out: Path, group: str = GROUP) -> Result:
    return CliRunner().invoke(cli.main, ["export", "--group", group, "--database", str(database), "--out", str(out)])


def test_the_command_writes_four_files_into_a_folder_that_it_makes(database: Path, tmp_path: Path) -> None:
    done = exported(database, tmp_path / "made" / "here")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "made" / "here"
    assert sorted(file.name for file in folder.iterdir()) == [
        "answers.csv",
        "answers.json",
        "boards.csv",
        "boards.json",
    ]
    assert (folder / "boards.csv").read_bytes().startswith(b"\xef\xbb\xbfseason,kept,channel")
    assert "Ada" in (folder / "boards.json").read_text(encoding="utf-8")


def test_the_command_writes_over_nothing(database: Path, tmp_path: Path) -> None:
    (tmp_path / "boards.json").write_text("mine")
    done = exported(database, tmp_path)
    assert done.exit_code == 2
    assert "boards.json: there already" in done.output
    assert (tmp_path / "boards.json").read_text() == "mine"
    assert not (tmp_path / "answers.csv").exists()


def test_a_group_that_is_not_there_is_told_with_those_that_are(database: Path, tmp_path: Path) -> None:
    done = exported(database, tmp_path / "out", "terminal:nowhere")
    assert done.exit_code == 2
    assert "there is no group “terminal:nowhere”" in done.output
    assert GROUP in done.output
    assert not (tmp_path / "out").exists()
