"""Banks on disk: several of them, changed while the program runs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bot.core.bank import BankError
from bot.shelf import LARGEST, Shelf


def text(id: str, *slugs: str) -> str:
    """A bank with an id and the smallest questions."""
    entries = "".join(
        f"  - id: {slug}\n    prompt: What is {slug}?\n    answer: A {slug}.\n" for slug in slugs or ("one",)
    )
    head = f"bank: {{id: {id}, title: A bank, version: 1.0.0, language: en, licence: CC0}}\n"
    return f"{head}questions:\n{entries}"


def put(file: Path, content: str) -> Path:
    """Write a file as editors do: beside it, then in its place."""
    beside = file.with_suffix(".new")
    beside.write_text(content, encoding="utf-8")
    return beside.replace(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "banks").mkdir()
    return tmp_path / "banks"


def slugs(shelf: Shelf, id: str) -> list[str]:
    return [question.slug for question in shelf.banks[id].questions]


def test_banks_come_from_files_and_folders_in_the_order_in_which_they_are_named(folder: Path, tmp_path: Path) -> None:
    put(folder / "b.yaml", text("second"))
    put(folder / "c.yml", text("third"))
    first = put(tmp_path / "z.yaml", text("first"))
    assert [*Shelf([first, folder]).load()] == ["first", "second", "third"]


def test_a_file_named_twice_is_one_bank(folder: Path) -> None:
    file = put(folder / "b.yaml", text("b"))
    assert [*Shelf([file, folder, file]).load()] == ["b"]


@pytest.mark.parametrize("name", ["notes.txt", ".b.yaml.swp", ".hidden.yaml", "_draft.yaml", "b.yaml~"])
def test_what_else_lies_in_a_folder_is_no_bank(folder: Path, name: str) -> None:
    put(folder / "a.yaml", text("a"))
    (folder / name).write_text("not: a bank", encoding="utf-8")
    assert [*Shelf([folder]).load()] == ["a"]


def test_the_problems_of_all_files_are_told_at_once(folder: Path) -> None:
    put(folder / "a.yaml", "bank: nothing\n")
    put(folder / "b.yaml", "questions: []\n")
    (folder / "c.yaml").write_bytes(text("c").encode() + b"# \xff\n")
    with pytest.raises(BankError) as caught:
        Shelf([folder]).load()
    assert {problem.file for problem in caught.value.problems} == {
        str(folder / name) for name in ("a.yaml", "b.yaml", "c.yaml")
    }
    assert any(problem.line == 6 and "not UTF-8" in problem.message for problem in caught.value.problems)


def test_a_folder_without_a_bank_and_a_file_that_is_gone_are_told(folder: Path) -> None:
    for path, message in ((folder, "no bank is here"), (folder / "x.yaml", "cannot be read (No such file")):
        with pytest.raises(BankError) as caught:
            Shelf([path]).load()
        assert message in str(caught.value)


def test_a_file_that_is_far_too_large_is_not_read(folder: Path) -> None:
    with (folder / "a.yaml").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(BankError, match="split it"):
        Shelf([folder]).load()


def test_two_files_cannot_hold_one_bank(folder: Path) -> None:
    put(folder / "a.yaml", text("same"))
    put(folder / "b.yaml", text("same"))
    with pytest.raises(BankError) as caught:
        Shelf([folder]).load()
    assert (
        str(caught.value)
        == f"{folder / 'b.yaml'}:1: “same” is the id of the bank in {folder / 'a.yaml'}; choose another"
    )


# --- while the program runs -------------------------------------------------------------------------------------


def test_a_changed_file_is_taken_over_and_what_was_handed_out_stays_as_it_was(folder: Path) -> None:
    put(folder / "a.yaml", text("a", "one"))
    shelf = Shelf([folder])
    before = shelf.load()
    assert not shelf.refresh()
    put(folder / "a.yaml", text("a", "one", "two"))
    assert shelf.refresh()
    assert slugs(shelf, "a") == ["one", "two"]
    assert len(before["a"].questions) == 1
    assert not shelf.refresh()


def test_a_new_file_in_the_folder_is_a_new_bank(folder: Path) -> None:
    put(folder / "b.yaml", text("b"))
    shelf = Shelf([folder])
    shelf.load()
    put(folder / "a.yaml", text("a"))
    assert shelf.refresh()
    assert [*shelf.banks] == ["a", "b"]


def test_a_broken_change_is_refused_once_with_its_problems_and_the_bank_goes_on(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = put(folder / "a.yaml", text("a", "one"))
    shelf = Shelf([folder])
    shelf.load()
    put(file, text("a", "one", "one"))
    assert not shelf.refresh()
    assert not shelf.refresh()
    assert slugs(shelf, "a") == ["one"]
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "1 problem, so its bank goes on as it was" in record.getMessage()
    assert '"one" is the id of an earlier question' in record.getMessage()
    put(file, text("a", "one", "two"))
    assert shelf.refresh()
    assert slugs(shelf, "a") == ["one", "two"]


def test_a_file_that_goes_keeps_its_bank_and_one_that_comes_back_is_read(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = put(folder / "a.yaml", text("a", "one"))
    shelf = Shelf([folder])
    shelf.load()
    file.unlink()
    assert not shelf.refresh()
    assert not shelf.refresh()
    assert slugs(shelf, "a") == ["one"]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"{file} is gone; its bank goes on until the program ends"
    ]
    put(file, text("a", "two"))
    assert shelf.refresh()
    assert slugs(shelf, "a") == ["two"]


def test_a_bank_cannot_change_its_id_while_drills_may_name_it(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = put(folder / "a.yaml", text("a"))
    shelf = Shelf([folder])
    shelf.load()
    put(file, text("b"))
    assert not shelf.refresh()
    assert [*shelf.banks] == ["a"]
    assert "the bank's id was “a” and is “b” now" in caplog.text


def test_a_new_file_with_the_id_of_another_bank_is_left_out(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(folder / "a.yaml", text("a", "one"))
    shelf = Shelf([folder])
    shelf.load()
    put(folder / "b.yaml", text("a", "two"))
    assert not shelf.refresh()
    assert slugs(shelf, "a") == ["one"]
    assert "it is left out" in caplog.text
