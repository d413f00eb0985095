"""JSON files: what other programs write is read, and every slip is told where it is."""

from __future__ import annotations

import json
from typing import Final

import pytest

from bot.core.bank import BankError
from bot.core.bank_exchange import Form, import_entries
from tests.core.test_bank_exchange import only, read

JSON_BANK: Final = """\
{
\t"bank": {"id": "nn", "title": "Nets", "version": "1.0.0", "language": "en", "licence": "MIT"},
\t"questions": [
\t\t{"id": "a", "prompt": "Why? \\ud83d\\udc4d",
\t\t "answer": "Because."}
\t]
}
"""


def test_json_that_other_programs_wrote_is_read() -> None:
    assert read(JSON_BANK, Form.JSON).questions[0].prompt == "Why? 👍"
    assert read(JSON_BANK.replace("\n", "\r\n"), Form.JSON) == read(JSON_BANK, Form.JSON)
    assert read(json.dumps(json.loads(JSON_BANK)), Form.JSON) == read(JSON_BANK, Form.JSON)


def test_json_may_be_a_bare_list_of_questions() -> None:
    bank = read('[{"prompt": "Why?", "answer": "a", "topics": ["big-nets"]}]', Form.JSON)
    assert (bank.id, bank.topics, bank.questions[0].id) == (
        "my-questions",
        {"big-nets": "Big nets"},
        "my-questions:why",
    )


@pytest.mark.parametrize(
    ("was", "now", "line", "message"),
    [
        ('"Because."}', '"Because."', 6, "a comma or a } should stand here"),
        ('\t\t "answer"', '\t\t answer', 5, "a key in double quotes should stand here"),
        ('"Because."', '"Because.', 5, "close the quote before it"),
        ('"Because."}\n\t]\n}\n', '"Because.', 5, "a quote opens here and is never closed"),
        ('"Because."', '"Be\ncause."', 5, "or write \\n or \\t"),
        ('"Because."', '"Be\\cause."', 5, "a backslash stands before"),
        ('"Because."', "NaN", 5, "a value should stand here"),
        ('"answer":', '"answer"', 5, "a colon should stand here"),
        ('"Because."', '"\\ud800."', 5, "half a sign"),
        ('"Because."', "17", 5, 'is read as a number; put it in quotes: "17"'),
        ('"Because."', "null", 5, 'answer of "a" is empty'),
        ('"Because."', '{"a": "b"}', 5, "is keys with values; write text"),
        ('"Because."', '"b", "hints": "c"', 5, 'hints of "a" is text; write a list: ["one", "two"]'),
        ('"Because."', '"b",\n"answer": "c"', 6, '"a" has the key "answer" twice (first on line 5); keep one'),
        ('"Because."}', '"b"},\n\n{"prompt": "b"}', 7, '"b" has no "answer"; add it'),
        ('"Because."}', '"b"},\n{"id": "a", "prompt": "b", "answer": "c"}', 6, "of an earlier question (line 4)"),
        ('"Because."', '"b", "' + "k" * 2000 + '": 1', 5, "has an unknown key"),
        ('"id": "nn"', '"id": "N N"', 2, 'id of the bank is "N N"'),
        ("\t]\n}", "\t]\n}\n}", 8, "take the rest out"),
        ('"Because."', "[" * 100_000, 5, "nested more than 20 deep"),
        ('"Because."', "9" * 5000, 5, "is read as a number"),
    ],
)  # fmt: skip
def test_a_slip_in_json_is_told_where_it_is(was: str, now: str, line: int, message: str) -> None:
    assert was in JSON_BANK
    where, said = only(JSON_BANK.replace(was, now), Form.JSON)
    assert message in said
    assert where == line


def test_a_problem_in_json_is_told_with_its_column() -> None:
    with pytest.raises(BankError) as caught:
        import_entries(JSON_BANK.replace('"Because."', "17"), "b.json", form=Form.JSON)
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(5, 4)]


@pytest.mark.parametrize(("text", "kind"), [("17", "a number"), ('"a"', "text"), ("true", "yes or no")])
def test_json_that_is_no_bank_is_told(text: str, kind: str) -> None:
    assert only(text, Form.JSON)[1] == f'the file is {kind}; begin it with {{"bank": …, "questions": …}}'


def test_aliases_that_would_grow_without_end_are_no_json() -> None:
    laughs = 'a: &a ["lol"]\n' + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
    )
    assert only(laughs, Form.JSON)[0] == 1


def test_json_with_more_questions_than_anybody_reads_is_told() -> None:
    many = json.dumps([{"prompt": "Why?", "answer": "a"}] * 10_001)
    assert "more than 10,000 questions" in only(many, Form.JSON)[1]
