"""Banks in the forms of other programs: nothing is lost on the way out and back, and every slip is told where it is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.bank import BankError, Severity, check_bank, read_bank
from bot.core.bank_exchange import Form, Header, decode, export, import_entries
from bot.core.bank_profile import check_profile
from bot.core.bank_writing import to_yaml
from bot.core.model import Bank, Code, Exemplar, ExemplarKind, KeyPoint, Reference, Status
from tests.core.test_bank_writing import PATIENT, STRANGE, banks, small_bank

SHIPPED: Final = read_bank(
    (Path(__file__).parents[2] / "data" / "questions.yaml").read_text(encoding="utf-8"), "questions.yaml"
)
LOSSLESS: Final = (Form.JSON, Form.CSV)
BRIEF: Final = settings(PATIENT, max_examples=25)
SMALL: Final = small_bank(
    topics=("regularization",),
    difficulty=2,
    answer=(
        "It drops **units** with `p < 0.5`:\n\n- at random;\n- *never* at test time.\n\n"
        "```python\nif p:\n\n\n    drop(x & y)\n```"
    ),
    code=Code(lang="python", source="if x:\n    print('<b>')"),
    key_points=(KeyPoint(id="random", text="Units are dropped", any_of=("drops units",)),),
    hints=("Think of a *team*.",),
    references=(
        Reference(title="Drop & out", year=2014, authors="S. et al.", arxiv="1207.0580", isbn="978-0262035613"),
    ),
)


def told(text: str, form: Form, **options: Any) -> list[tuple[int, str]]:
    """The line and the message of each problem."""
    with pytest.raises(BankError) as caught:
        import_entries(text, "questions.csv", form=form, **options)
    return [(problem.line, problem.message) for problem in caught.value.problems]


def only(text: str, form: Form = Form.CSV) -> tuple[int, str]:
    """The one problem of a text."""
    [problem] = told(text, form)
    return problem


def read(text: str, form: Form = Form.CSV, **options: Any) -> Bank:
    """The bank in a text."""
    return import_entries(text, "my questions.csv", form=form, **options)


def errors(text: str) -> list[str]:
    """What our own rules hold against a bank's file, without what is only to look at."""
    problems = check_bank(text, "x", check_profile)
    return [str(problem) for problem in problems if problem.severity is Severity.ERROR]


# --- out and back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", LOSSLESS)
def test_any_bank_comes_back_as_it_was(form: Form) -> None:
    @BRIEF
    @given(banks())
    def comes_back(bank: Bank) -> None:
        assert import_entries(export(bank, form), "x", form=form, keep_status=True) == bank

    comes_back()


@pytest.mark.parametrize("form", LOSSLESS)
def test_what_comes_in_is_a_draft_that_nobody_has_reviewed(form: Form) -> None:
    drafts = tuple(replace(question, status=Status.DRAFT, reviewed=None) for question in SHIPPED.questions)
    assert {question.status for question in SHIPPED.questions} == {Status.REVIEWED}
    assert import_entries(export(SHIPPED, form), "x", form=form) == replace(SHIPPED, questions=drafts)


@pytest.mark.parametrize("form", LOSSLESS)
@pytest.mark.parametrize("text", STRANGE)
def test_every_strange_text_comes_back_from_every_place(form: Form, text: str) -> None:
    line, lines = text.replace("\n", " ").strip(), text.strip("\n").rstrip()
    bank = small_bank(
        prompt=line, answer=lines, section=line[:40].strip(), hints=(line,), code=Code(lang="c", source=lines)
    )
    assert import_entries(export(bank, form), "x", form=form) == bank


@pytest.mark.parametrize("form", Form)
def test_a_file_holds_nothing_that_is_not_text(form: Form) -> None:
    text = export(small_bank(prompt="a\u2028\ufeffb", answer="a\ufffdb", hints=("a\x85b",)), form)
    assert not re.search("[\x85\u2028\ufeff]", text)


@BRIEF
@given(banks())
def test_json_is_the_banks_own_file(bank: Bank) -> None:
    text = export(bank, Form.JSON)
    assert read_bank(text, "x") == bank
    assert list(json.loads(text)) == [
        key for key in ("schema_version", "bank", "topics", "questions") if key != "topics" or bank.topics
    ]


@pytest.mark.parametrize("form", LOSSLESS)
def test_our_own_bank_keeps_its_strict_rules_on_the_way_out_and_back(form: Form) -> None:
    back = import_entries(export(SHIPPED, form), "x", form=form, keep_status=True)
    assert back == SHIPPED
    assert errors(to_yaml(back)) == []


def test_json_keeps_the_strict_rules_as_it_is() -> None:
    assert errors(export(SHIPPED, Form.JSON)) == []


def test_a_date_of_review_comes_back_where_status_is_kept() -> None:
    bank = small_bank(status=Status.REVIEWED, reviewed=date(2026, 11, 22))
    for form in LOSSLESS:
        assert import_entries(export(bank, form), "x", form=form, keep_status=True) == bank


def test_the_largest_question_there_can_be_comes_back() -> None:
    samples = tuple(Exemplar(kind=ExemplarKind.FULL, text=f"{number:02}" + '"\ufeff' * 1499) for number in range(40))
    bank = small_bank(exemplars=samples)
    for form in LOSSLESS:
        assert import_entries(export(bank, form), "x", form=form) == bank


# --- what a file may leave out ----------------------------------------------------------------------------------


def test_a_table_needs_no_more_than_prompts_and_answers() -> None:
    bank = read("prompt,answer\nWhat's the aim of dropout?,To regularize.\nWhy?,Because.\n")
    assert (bank.id, bank.title, bank.version, bank.language) == ("my-questions", "My questions", "1.0.0", "en")
    assert [(question.id, question.answer) for question in bank.questions] == [
        ("my-questions:whats-the-aim-of-dropout", "To regularize."),
        ("my-questions:why", "Because."),
    ]


def test_a_bank_without_a_name_takes_the_one_that_is_given() -> None:
    header = Header(id="ours", title="Our bank", language="de", licence="MIT", topics={"big-nets": "Big networks"})
    bank = read("prompt,answer,topics\nWhy?,a,big-nets\n", into=header)
    assert (bank.id, bank.title, bank.language, bank.licence) == ("ours", "Our bank", "de", "MIT")
    assert bank.topics == {"big-nets": "Big networks"}
    assert read("prompt,answer,bank_id\nWhy?,a,theirs\n", into=header).id == "theirs"


def test_a_table_of_topics_is_made_only_where_there_is_none() -> None:
    assert read("prompt,answer,topics\nWhy?,a,big-nets\n").topics == {"big-nets": "Big nets"}
    text = 'prompt,answer,topics,bank_topics\nWhy?,a,big-net,"{""big-nets"": ""Nets""}"\n'
    assert 'did you mean "big-nets"?' in only(text)[1]


def test_ids_that_are_made_are_new_and_the_same_each_time() -> None:
    text = "id,prompt,answer\n,Why?,a\nwhy-2,How?,b\n,Why?!,c\n,なぜ,d\n,什么,e\n," + "long words " * 20 + ",f\n"
    ids = [question.slug for question in read(text).questions]
    assert ids[:3] == ["why", "why-2", "why-3"]
    assert all(re.fullmatch("question-[0-9a-f]{8}", id) for id in ids[3:5])
    assert ids[5] == "long-words-long-words-long-words-long-words-long"
    assert [question.slug for question in read(text).questions] == ids
    moved = text.replace(",什么,e\n", "").replace(",なぜ,d\n", ",什么,e\n,なぜ,d\n")
    assert ids[3] == read(moved).questions[4].slug


# --- bytes and texts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_is_decoded_as_its_first_bytes_say(encoding: str) -> None:
    for text in ("id,prompt\nnaïve,σ(x) 👍\n", "p", ""):
        assert decode(text.encode(encoding), "x") == text


@pytest.mark.parametrize(
    ("content", "line", "name"),
    [
        ("id\nUmlaut\nSüß".encode("cp1252"), 3, "UTF-8"),
        ("id\nb".encode("utf-16") + b"\0", 2, "UTF-16"),
        (b"\xff\xfei\0\n\0\0\xd8a\0", 2, "UTF-16"),
    ],
)
def test_bytes_that_are_no_text_are_told_with_their_line(content: bytes, line: int, name: str) -> None:
    with pytest.raises(BankError) as caught:
        decode(content, "b.csv")
    [problem] = caught.value.problems
    assert (problem.file, problem.line) == ("b.csv", line)
    assert f"not {name}; save the file as UTF-8" in problem.message


def test_a_page_of_markdown_is_not_read() -> None:
    assert "export the bank as json or csv" in only(export(SHIPPED, Form.MARKDOWN), Form.MARKDOWN)[1]


def lines_of_problems(text: str, form: Form) -> list[int]:
    """Where the problems of a text are; none are where it can be read."""
    try:
        import_entries(text, "x", form=form)
    except BankError as error:
        return [problem.line for problem in error.problems] or [-1]
    return []


@PATIENT
@given(st.sampled_from([Form.JSON, Form.CSV, Form.ANKI]), st.text())
def test_a_text_that_is_no_file_of_questions_is_refused(form: Form, text: str) -> None:
    assert form is Form.ANKI or lines_of_problems(text, form)
    assert -1 not in lines_of_problems(text, form)


@PATIENT
@given(st.data())
def test_a_file_with_a_slip_in_it_is_read_or_refused(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from([Form.JSON, Form.CSV, Form.ANKI]))
    whole = export(SMALL, form)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    text = whole[:start] + data.draw(st.text("-:[]{}<>&*#'\"`,;\\ \t\r\n09ay\x00\u2028", max_size=6)) + whole[end:]
    lines = lines_of_problems(text, form)
    assert lines == sorted(lines)
    assert all(1 <= line <= len(re.findall("\r\n?|\n", text)) + 1 for line in lines)
