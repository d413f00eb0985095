"""CSV files: cells that no spreadsheet runs, tables as people make them, every slip told at its row and column."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from hypothesis import given

from bot.core.bank_exchange import Form, export
from bot.core.model import Bank, Fits, KeyPoint, Question
from tests.core.test_bank_exchange import BRIEF, only, read, told
from tests.core.test_bank_writing import banks, small_bank


def first(text: str, form: Form = Form.CSV) -> Question:
    """The first question of a text."""
    return read(text, form).questions[0]


def cells(bank: Bank) -> dict[str, str]:
    """The first question's row of a bank's CSV file."""
    return next(csv.DictReader(export(bank, Form.CSV).splitlines(keepends=True)))


# --- cells ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_cell_that_a_spreadsheet_would_take_for_a_formula_is_defused(sign: str) -> None:
    for before in ("", " ", "\t"):
        row = cells(small_bank(answer=f"{before}{sign}cmd|' /C calc'!A0", prompt=f"{sign}1"))
        assert (row["answer"], row["prompt"]) == (f"'{before}{sign}cmd|' /C calc'!A0", f"'{sign}1")


@BRIEF
@given(banks())
def test_no_cell_begins_as_a_formula_does(bank: Bank) -> None:
    for row in csv.reader(export(bank, Form.CSV).splitlines(keepends=True)):
        assert not [cell for cell in row if cell.lstrip()[:1] in tuple("=+-@") or cell[:1] in ("\t", "\r")]


@pytest.mark.parametrize("typed", ["'tis so", "'90s nets", "it's =1", "'\"a", "'", '\'"a" and b', '\'"\\ud800"'])
def test_an_apostrophe_that_a_person_typed_stays(typed: str) -> None:
    doubled = typed.replace('"', '""')
    assert first(f'prompt,answer\nWhy?,"{doubled}"\n').answer == typed


def test_a_formula_that_a_person_typed_is_text() -> None:
    assert first("prompt,answer\nWhy?,- one\n").answer == "- one"
    assert first("prompt,answer\nWhy?,'- one\n").answer == "- one"


def test_a_cell_is_empty_where_a_question_says_nothing() -> None:
    row = cells(small_bank(fits=Fits.WEEKEND))
    assert {key for key, cell in row.items() if cell} == {
        *("id", "prompt", "answer", "version", "status", "difficulty", "fits", "minutes", "topics", "related"),
        *("bank_id", "bank_title", "bank_version", "bank_language", "bank_licence", "bank_topics"),
    }


# --- tables that people made ------------------------------------------------------------------------------------


def test_what_a_table_says_of_its_bank_may_stand_in_any_row() -> None:
    assert read("prompt,answer,bank_id\nWhy?,a,\nHow?,b,nets\n,,nets\n").id == "nets"
    message = 'column "bank_id": line 2 says something else; keep one of the two'
    assert only("prompt,answer,bank_id\nWhy?,a,nets\nHow?,b,cats\n") == (3, message)
    topics = 'prompt,answer,bank_topics\nWhy?,a,"{""a"": ""A""}"\nHow?,b,"{""a"": ""%s""}"\n'
    assert read(topics % "A").topics == {"a": "A"}
    assert only(topics % "B") == (3, message.replace("bank_id", "bank_topics"))


def test_lists_may_be_typed_with_commas_and_lines() -> None:
    question = first(
        "id,prompt,answer,topics,related,hints\n"
        'a,Why?,x,"nets, cats; dogs",b,"Think.\nThink hard, again."\n'
        "b,How?,y,,,\n"
    )
    assert (question.topics, question.related) == (("nets", "cats", "dogs"), ("my-questions:b",))
    assert question.hints == ("Think.", "Think hard, again.")


def test_headings_may_be_typed_as_words() -> None:
    assert first('Prompt , ANSWER,Follow-ups,key points\nWhy?,a,How?,"[{""id"":""a"",""text"":""b""}]"\n') == replace(
        first("prompt,answer\nWhy?,a\n"), follow_ups=("How?",), key_points=(KeyPoint(id="a", text="b"),)
    )


@pytest.mark.parametrize(
    "text",
    [
        'id;prompt;answer\r\na;Why, and how?;"one;\r\ntwo ""three"""\r\n',
        'sep=;\r\nid;prompt;answer\r\na;Why, and how?;"one;\r\ntwo ""three"""\r\n',
        'id\tprompt\tanswer\ra\tWhy, and how?\t"one;\rtwo ""three"""\r',
        '\ufeffid,prompt,answer,,\n\n,,,,\na,"Why, and how?","one;\ntwo ""three""",,\n',
        '\n\n"id","prompt","answer"\na,"Why, and how?","one;\ntwo ""three"""',
    ],
    ids=[
        "German Excel",
        "Excel's own first line",
        "tabs and old line ends",
        "empty cells and rows",
        "no last line end",
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(text: str) -> None:
    question = first(text)
    assert (question.slug, question.prompt, question.answer) == ("a", "Why, and how?", 'one;\ntwo "three"')


# --- problems ---------------------------------------------------------------------------------------------------


def test_all_problems_of_a_table_are_told_at_once_with_line_and_column() -> None:
    text = (
        "id,prompt,answer,difficulty,related,topics,key_points,exemplars,nope\n"
        'a,Why?,"two\nlines",7,b,Big,,,x\n'
        "a,,x,hard,,,,,\n"
        'c,"two\nlines",x,,d,,"[{""id"": ""p""}]","[{""kind"":""full"",""text"":""t"",""earns"":[""q""]}]",\n'
        'No Slug,Why?,x,,,,[p,"[{""kind"":""full"",""text"":""t"",""earns"":[""p""]}]",\n'
    )
    assert told(text, Form.CSV) == [
        (1, 'the column "nope" is unknown; take it out'),
        (2, 'column "difficulty": difficulty of "a" is 7; choose a whole number from 1 to 3'),
        (2, 'column "related": related question "b" of "a" does not exist; take it out or add it'),
        (2, 'column "topics": item 1 in topics of "a" is "Big"; use lower-case letters, digits and single hyphens'),
        (4, '"a" has no "prompt"; add it'),
        (4, 'column "id": "a" is the id of an earlier question (line 2); give this one another'),
        (4, 'column "difficulty": difficulty of "a" is text; write a number without quotes'),
        (5, 'column "prompt": prompt of "c" has several lines; put it on one'),
        (5, 'column "related": related question "d" of "c" does not exist; take it out or add it'),
        (5, 'column "key_points": key point "p" of "c" has no "text"; add it'),
        (5, 'column "exemplars": key point "q" that exemplar 1 of "c" earns does not exist; take it out or add it'),
        (7, 'column "id": id of "No Slug" is "No Slug"; use lower-case letters, digits and single hyphens'),
        (
            7,
            'column "key_points": not the JSON it should be (a value should stand here: a text in double quotes, a '
            'number, a list or keys); write it as [{"id": "random", "text": "Units are dropped at random"}]',
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        (" \n\n", 1, "the file is empty"),
        ("id,prompt\n", 1, 'names no column "answer"'),
        ("prompt,answer\n", 1, "questions of the file has 0 items"),
        ("prompt,answer,prompt\nWhy?,a,b\n", 1, 'the column "prompt" is there twice'),
        ("prompt,answer\nWhy?,a\nWhy, and how?,b\n", 3, 'the cell "b" has no heading'),
        ('prompt,answer\nWhy?,a\nHow?,"b\nWho?,c\n', 3, "a quote opens in the row that begins here"),
        ('prompt,answer\n\nHow?,"b" or c\nWho?,c\n', 3, "a quote closes within a cell"),
        ("prompt,answer\nWhy?,a\x07b\n", 2, "the line holds U+0007, which is not text"),
        ("prompt,answer\nWhy?,a\ud800b\n", 2, "the line holds U+D800, which is not text"),
        (f"prompt,answer\nWhy?,{'a' * 1_000_001}\n", 2, "has more than 1,000,000 characters"),
        (f"prompt,answer\nWhy?,{'a' * 20_000_000}\n", 1, "no more than 20,000,000 are read"),
        ("prompt,answer\n" + "Why?,a\n" * 10_001, 10_002, "more than 10,000 questions"),
        ("prompt,answer\n" + "\0\n" * 200, 101, "the file is no text"),
        ("prompt,answer,hints\nWhy?,a," + "[" * 9_000 + "\n", 2, "nested more than 20 deep"),
        ('prompt,answer,hints\nWhy?,a,"[' + "1," * 30_000 + '1]"\n', 2, "too many values"),
    ],
    ids=range(16),
)
def test_a_table_that_cannot_be_read_is_told_in_plain_words(text: str, line: int, message: str) -> None:
    where, said = told(text, Form.CSV)[-1]
    assert message in said
    assert where == line


def test_a_strange_column_is_told_with_the_name_that_was_meant() -> None:
    assert (1, 'the column "promt" is unknown; did you mean "prompt"?') in told("promt,answer\n", Form.CSV)
