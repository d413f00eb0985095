"""Reading a bank: what any bank may hold, what our own must hold, and how every problem is told with its line."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.bank import KEYS, NEEDED, BankError, Finding, Severity, Where, check_bank, read_bank
from bot.core.bank_profile import check_profile
from bot.core.bank_rules import check_rules
from bot.core.model import Bank, ExemplarKind, Fits, Status

DATA: Final = Path(__file__).parents[2] / "data"

HEAD: Final = """\
bank:
  id: nn
  title: Neural networks
  version: 1.0.0
  language: en
  licence: CC-BY-4.0
topics:
  regularization: Regularization
  optimization: Optimization
questions:
"""
FIRST: Final = HEAD.count("\n") + 1
"""The line on which the first question begins."""


def question(id: str = "dropout", **written: str) -> str:
    """The smallest question, with more of its keys as they would be typed."""
    fields = {"prompt": "What does dropout do?", "answer": "It drops units at random.", **written}
    return "".join([f"- id: {id}\n", *(f"  {key}: {value}\n" for key, value in fields.items())])


def bank(*questions: str, head: str = HEAD) -> str:
    """The text of a small bank that can be read."""
    return head + "".join(questions or [question()])


def told(text: str, **profile: Any) -> list[tuple[int, str]]:
    """The line and the message of each problem."""
    return [(problem.line, problem.message) for problem in check_bank(text, "questions.yaml", **profile)]


def only(text: str) -> tuple[int, str]:
    """The one problem of a text."""
    [problem] = told(text)
    return problem


# --- any bank ---------------------------------------------------------------------------------------------------


def test_a_bank_needs_no_more_than_prompts_and_answers() -> None:
    read = read_bank(bank(), "questions.yaml")
    assert (read.id, read.version, read.topics["regularization"]) == ("nn", "1.0.0", "Regularization")
    [dropout] = read.questions
    assert (dropout.id, dropout.slug, dropout.version, dropout.key_points) == ("nn:dropout", "dropout", 1, ())


def test_topics_are_optional() -> None:
    head = HEAD.replace("topics:\n  regularization: Regularization\n  optimization: Optimization\n", "")
    assert read_bank(bank(head=head), "questions.yaml").topics == {}


def test_related_questions_carry_the_bank_in_their_ids() -> None:
    text = bank(question(related="[adam]"), question("adam", related="[dropout]"))
    assert [each.related for each in read_bank(text, "b").questions] == [("nn:adam",), ("nn:dropout",)]


def test_a_problem_names_its_file_its_line_what_is_wrong_and_how_to_mend_it() -> None:
    with pytest.raises(BankError) as caught:
        read_bank(bank(question(prompt="")), "questions.yaml")
    assert (
        str(caught.value)
        == f'questions.yaml:{FIRST + 1}: prompt of "dropout" is empty; fill it in or take the key out (column 3)'
    )
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(FIRST + 1, 3)]


def test_all_problems_are_told_at_once_in_line_order() -> None:
    text = """\
bank:
  id: nn
  title: Neural networks
  version: 1.0
  language: no
  licence: CC-BY-4.0
topics:
  regularization: Regularization
questions:
- id: dropout
  prompt: What does dropout do?
  promt: What does dropout do?
  answer: It drops units at random.
  difficulty: 4
  topics: [regularisation]
  key_points:
  - id: drops
    text: Units are dropped at random
    essential: yes
    text: Units are dropped
  - id: scales
    any_of: [it rescales, it scales: up]
- id: dropout
  prompt: "Why?"
  answer: Because.
  references:
  - title: Hyperband
    year: "2016"
    arxiv: 1603.06560
"""
    assert told(text) == [
        (4, 'version of the bank is read as a number; put it in quotes: "1.0"'),
        (5, 'language of the bank is read as yes or no; put it in quotes: "no"'),
        (12, '"dropout" has an unknown key "promt"; did you mean "prompt"?'),
        (14, 'difficulty of "dropout" is 4; choose a whole number from 1 to 3'),
        (15, 'topic "regularisation" of "dropout" does not exist; did you mean "regularization"?'),
        (19, 'essential of key point "drops" of "dropout" is yes; write true or false'),
        (20, 'key point "drops" of "dropout" has the key "text" twice (first on line 18); keep one'),
        (21, 'key point "scales" of "dropout" has no "text"; add it'),
        (
            22,
            'item 2 in any_of of key point "scales" of "dropout" is read as a key with a value; '
            'put it in quotes because of its ": "',
        ),
        (23, '"dropout" is the id of an earlier question (line 10); give this one another'),
        (28, 'year of reference 1 of "dropout" is text; write a number without quotes'),
        (29, 'arxiv of reference 1 of "dropout" is read as a number; put it in quotes: "1603.06560"'),
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"prompt": "|-\n    What does\n    dropout do?"}, "has several lines"),
        ({"prompt": "x" * 241}, "has 241 characters; keep it to 240"),
        ({"answer": "x" * 1801}, "has 1,801 characters; keep it to 1,800"),
        ({"prompt": "2014"}, 'read as a number; put it in quotes: "2014"'),
        ({"prompt": "2014-01-02"}, "read as a date"),
        ({"prompt": "yes"}, "read as yes or no"),
        ({"prompt": "~"}, "is empty"),
        ({"prompt": '"  "'}, "is empty"),
        ({"prompt": "[a]"}, "is a list; write text"),
        ({"hints": "think"}, 'is text; write a list: one "- " line for each item'),
        ({"hints": ""}, "hints of \"dropout\" is empty"),
        ({"hints": "[a, a]"}, "item 2 in hints of \"dropout\" is there twice"),
        ({"hints": "[a, b, c, d]"}, "has 4 items; keep at most 3"),
        ({"version": '"1"'}, "is text; write a number without quotes"),
        ({"version": "1.5"}, "choose a whole number"),
        ({"version": "010"}, "choose a whole number"),
        ({"version": "9" * 5000}, "choose a whole number"),
        ({"minutes": "0"}, "from 1 to 10"),
        ({"status": "done"}, 'is "done"; choose draft, reviewed or retired'),
        ({"fits": "weekday"}, "choose daily or weekend"),
        ({"reviewed": "2026-01-31"}, "read as a date"),
        ({"reviewed": '"2026-02-31"'}, "is no day of the calendar"),
        ({"reviewed": '"31.1.2026"'}, 'use the form "2026-01-31"'),
        ({"related": "[dropuot]"}, 'related question "dropuot" of "dropout" does not exist'),
        ({"related": "[dropout]"}, 'related question "dropout" of "dropout" does not exist'),
        ({"topics": "[Big]"}, "lower-case"),
        ({"code": "{lang: python}"}, 'code of "dropout" has no "source"; add it'),
        ({"key_points": "[a]"}, "key point 1 of \"dropout\" is text; write a key with a value"),
        ({"key_points": "[{id: a, text: b}, {id: a, text: c}]"}, '"a" is the id of an earlier key point'),
        ({"key_points": "[{id: a, text: b, weight: 4}]"}, "from 1 to 3"),
        ({"misconceptions": "[{claim: a, why: b, blocks: c}]"}, 'key point "c" that misconception 1 of'),
        ({"exemplars": "[{kind: full, text: a, earns: [c]}]"}, 'key point "c" that exemplar 1 of'),
        ({"exemplars": "[{kind: good, text: a}]"}, "choose full, partial, short, wrong, denial or keywords"),
        ({"references": "[{title: a, year: 2014, isbn: 9780262035613}]"}, 'put it in quotes: "9780262035613"'),
        ({"references": "[{title: a, year: 2014, arxiv: arXiv-1603}]"}, 'use the form "1603.06560"'),
        ({"references": "[{title: a, year: 2014, doi: 'https://doi.org/10.1/x'}]"}, "without https://doi.org/"),
        ({"references": "[{title: a, year: 2014, url: 'http://x.org'}]"}, "begins with https://"),
        ({"run": "true"}, 'unknown key "run"; take it out'),
        ({"1": "a"}, "the key 1 of \"dropout\" is read as a number"),
        ({"[a]": "a"}, "a key of \"dropout\" is a list; write a word"),
    ],
)  # fmt: skip
def test_a_value_that_a_question_cannot_hold_is_told_where_it_stands(written: dict[str, str], message: str) -> None:
    text = bank(question(**written))
    [key] = written
    line, said = only(text)
    assert message in said
    assert text.split("\n")[line - 1].startswith(f"  {key}:")
    assert line > FIRST


def test_an_id_with_strange_signs_in_it_is_still_one_problem_on_one_line() -> None:
    [error] = check_bank(bank(question('"{a}\\nb"', topics="[optimization]", hints="[a]")), "b.yaml")
    assert str(error) == f'b.yaml:{FIRST}: id of "{{a}} b" has several lines; put it on one (column 3)'
    assert "braces {0} {x}" in told(bank(question('"braces {0} {x}"', topics="[adam]")))[1][1]


def test_a_question_without_an_answer_is_told_where_it_begins() -> None:
    assert only(bank("- id: dropout\n  prompt: Why?\n")) == (FIRST, '"dropout" has no "answer"; add it')


def test_a_bank_without_questions_is_told() -> None:
    assert only(HEAD.replace("questions:", "questions: []"))[1] == "questions of the file has 0 items; add at least 1"


def test_topics_that_cannot_be_read_do_not_make_every_question_wrong() -> None:
    head = HEAD.replace("topics:\n  regularization: Regularization\n  optimization: Optimization\n", "topics: [a]\n")
    assert only(bank(question(topics="[a]"), head=head))[1].startswith("topics of the file is a list")


# --- what YAML lets happen --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("# nothing yet\n", 1, "the file is empty"),
        ("- id: a\n", 1, 'the file is a list; begin it with "bank:" and "questions:"'),
        ("dropout\n", 1, "the file is text"),
        ("bank:\n\tid: nn\n", 2, "indented with a tab"),
        ("bank:\n  id: nn\n\ttitle: a\n", 3, "indented with a tab"),
        ("bank:\n  id: nn\n title: a\n", 3, "mend its indentation"),
        ('bank:\n  id: "nn\n  title: a\n', 2, "a quote opens here and is never closed"),
        ('bank:\n  id: "nn\n  title: "a"\n', 2, "a quote opens here and closes only on line 3"),
        ("bank:\n  id: 'it's'\n", 2, "its quotes"),
        ("bank:\n  title: nets: deep\n", 2, 'a ": " cannot stand here'),
        ("bank:\n  title: `nets`\n", 2, "a value cannot begin with `"),
        ("bank:\n  title: **nets**\n", 2, "a value cannot begin with * or &"),
        ("bank:\n  title: [nets\nquestions: 1\n", 2, "a bracket opens here"),
        ('bank:\n  title: "\\d"\n', 2, "use single quotes"),
        ("bank:\n  id: nn\ntitle\nquestions: 1\n", 3, "a line without a key"),
        ("bank:\n  title: | nets\n", 2, "put the text on the lines below"),
        ("bank: !a!b c\n", 1, "is a tag"),
        ("[" * 5000, 1, "nested more than 20 deep"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "",
)
def test_text_that_is_no_yaml_is_one_problem_in_plain_words(text: str, line: int, message: str) -> None:
    where, said = next(found for found in told(text) if "has no" not in found[1])
    assert message in said
    assert where == line


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("&shared It drops units.", "the anchor &shared is not read"),
        ("*shared", "the alias *shared is not followed"),
        ("!!str 5", "is a tag, which is not read"),
        ("It drops\x07 units.", "the line holds U+0007, which is not text"),
        ("It drops\u2028units.", "the line holds U+2028, which is not text"),
        ("It drops\ufeff units.", "the line holds U+FEFF, which is not text"),
        ("It drops\ud800 units.", "the line holds U+D800, which is not text"),
    ],
)
def test_what_a_bank_has_no_use_for_is_refused_where_it_stands(written: str, message: str) -> None:
    line, said = only(bank(question(answer=written)))
    assert message in said
    assert line == FIRST + 2


def test_a_merge_key_is_one_problem() -> None:
    line, said = only(bank(question(**{"<<": "*shared"})))
    assert (line, said) == (FIRST + 3, 'the merge key << in "dropout" is not read; write the keys out')


def test_a_second_document_is_refused() -> None:
    text = bank()
    assert only(f"{text}---\n{text}") == (text.count("\n") + 1, "a second document begins here; keep one in a file")


def test_a_byte_order_mark_is_told_beside_what_else_is_wrong() -> None:
    assert [message.partition(";")[0] for _, message in told("\ufeff" + bank(question(difficulty="7")))] == [
        "the file begins with a byte order mark",
        'difficulty of "dropout" is 7',
    ]


def test_windows_line_ends_are_line_ends() -> None:
    assert read_bank(bank().replace("\n", "\r\n"), "b") == read_bank(bank(), "b")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(BankError):
        read_bank(text, "questions.yaml", every_rule)


@settings(max_examples=200)
@given(st.data())
def test_a_bank_with_a_slip_in_it_is_read_or_refused(data: st.DataObject) -> None:
    whole = bank(own())
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    slip = data.draw(st.text("-:[]{}|>&*!#'\"`<%@,? \t\n09ay\x00\u2028", max_size=6))
    text = whole[:start] + slip + whole[end:]
    problems = check_bank(text, "questions.yaml", every_rule)
    lines = [problem.line for problem in problems]
    assert lines == sorted(lines)
    assert all(1 <= line <= text.count("\n") + 2 for line in lines)
    if any(problem.severity is Severity.ERROR for problem in problems):
        with pytest.raises(BankError) as caught:
            read_bank(text, "questions.yaml", every_rule)
        assert caught.value.problems == problems
    else:
        assert read_bank(text, "questions.yaml", every_rule).id


# --- the rules of our own bank ----------------------------------------------------------------------------------

POINTS: Final = {
    "random": "Every step switches off a random part of the units",
    "thinned": "Each minibatch trains another thinned network",
    "lean": "No neuron can lean on one particular neighbor",
    "scaling": "Activations are rescaled so that the expected sum stays",
}
ENTRY: Final[dict[str, Any]] = {
    "id": "dropout",
    "version": 1,
    "status": "reviewed",
    "reviewed": "2026-01-31",
    "section": "fundamentals",
    "difficulty": 1,
    "fits": "daily",
    "minutes": 3,
    "topics": ["regularization"],
    "related": [],
    "prompt": "How does dropout work during training?",
    "answer": "\n".join(["It hides units at random.", *["- **Lead-in.** It adds" + " a little more. It says" * 7] * 4]),
    "code": {"lang": "python", "source": "print(1)", "needs": ["numpy"]},
    "key_points": [
        {
            "id": id,
            "text": text,
            "any_of": [f"{id} like this", f"{id} like that", f"{id} as ever"],
            "essential": id in ("random", "thinned"),
            "weight": 2,
        }
        for id, text in POINTS.items()
    ],
    "misconceptions": [
        {"claim": f"It is {word} at test time.", "why": "It is not.", "blocks": "random", "cues": [f"{word} later"]}
        for word in ("noisy", "slower")
    ],
    "hints": ["Think of a team in which anybody may be ill."],
    "follow_ups": ["What changes at test time?"],
    "exemplars": [
        {"kind": kind, "text": f"they just turn some of them off, number {number}", "earns": earns}
        for number, (kind, earns) in enumerate(
            [
                ("full", ["random", "thinned", "lean"]),
                ("full", ["random", "thinned"]),
                ("partial", ["random"]),
                ("partial", ["thinned", "lean"]),
                ("short", ["random", "thinned"]),
                ("wrong", []),
                ("denial", []),
                ("keywords", []),
            ]
        )
    ],
    "references": [{"title": "Dropout", "year": 2014, "authors": "Srivastava et al.", "isbn": "978-0262035613"}],
}  # fmt: skip

Change = Callable[[dict[str, Any]], object]


def every_rule(bank: Bank, written: Container[Where]) -> Iterator[Finding]:
    """Our own rules and those for any bank, as the check holds them against our bank."""
    yield from check_profile(bank, written)
    yield from check_rules(bank, written)


def own(*changes: Change) -> str:
    """A question that keeps all of our own rules, after changes that may break them."""
    entry = deepcopy(ENTRY)
    for change in changes:
        change(entry)
    return yaml.safe_dump([entry], sort_keys=False, allow_unicode=True)


def own_bank(*changes: Change) -> str:
    """A bank of that one question."""
    return bank(own(*changes), head=f"schema_version: 1\n{HEAD}")


def test_a_full_entry_comes_back_as_it_was_written() -> None:
    [read] = read_bank(own_bank(), "b", every_rule).questions
    assert read.answer == ENTRY["answer"]
    assert [(point.id, point.text) for point in read.key_points] == [*POINTS.items()]
    assert [list(point.any_of) for point in read.key_points] == [point["any_of"] for point in ENTRY["key_points"]]
    assert [point.essential for point in read.key_points] == [True, True, False, False]
    assert [(claim.claim, claim.why, claim.blocks, list(claim.cues)) for claim in read.misconceptions] == [
        tuple(claim.values()) for claim in ENTRY["misconceptions"]
    ]
    assert [(sample.kind, sample.text, list(sample.earns)) for sample in read.exemplars] == [
        tuple(sample.values()) for sample in ENTRY["exemplars"]
    ]
    assert read.code is not None
    assert (read.code.source, read.code.needs, read.status) == ("print(1)", ("numpy",), Status.REVIEWED)
    assert (read.references[0].isbn, read.references[0].arxiv, read.fits) == ("978-0262035613", None, Fits.DAILY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q: q.pop("minutes"), 'has no "minutes"; add it'),
        (lambda q: q.pop("exemplars"), 'has no "exemplars"; add it'),
        (lambda q: q.pop("reviewed"), "is reviewed without a date"),
        (lambda q: q.update(section="misc"), 'section of "dropout" is "misc"'),
        (lambda q: q["key_points"].pop(), "has 3 key points; make it 4 to 6"),
        (lambda q: q["key_points"][0].update(text="How training with dropout works"), "repeats words of the prompt"),
        (lambda q: q["key_points"][0].update(text="Random units go"), "has 3 words; say it in 4 to 12"),
        (lambda q: q["key_points"][0].update(any_of=["a unit", "a node"]), "has 2 phrasings in any_of"),
        (lambda q: q["key_points"][0]["any_of"].append("during training"), "phrasing 4 of key point \"random\""),
        (lambda q: q["misconceptions"].pop(), "has 1 misconceptions; make it 2 to 3"),
        (lambda q: q["misconceptions"][0].pop("blocks"), "blocks no key point"),
        (lambda q: q["misconceptions"][0].pop("cues"), "has no cues"),
        (lambda q: q["hints"].append("A random part of the units is switched off."), 'gives key point "random" away'),
        (lambda q: q["follow_ups"].clear(), "has 0 follow-ups"),
        (lambda q: q["references"][0].pop("isbn"), "cannot be looked up"),
        (lambda q: q["references"][0].pop("authors"), "has no authors"),
        (lambda q: q["references"][0].update(isbn="978-0262035614"), "has a wrong digit"),
        (lambda q: q["exemplars"].pop(), "has 0 exemplars of kind keywords; make it 1"),
        (lambda q: q["exemplars"][0].update(earns=["random"]), "must earn every essential key point"),
        (lambda q: q["exemplars"][4].update(earns=[]), "short exemplar 5 of"),
        (lambda q: q["exemplars"][2].update(earns=["lean"]), "must earn an essential key point, but not all"),
        (lambda q: q["exemplars"][3].update(earns=["random", "thinned"]), "partial exemplar 4 of"),
        (lambda q: q["exemplars"][5].update(earns=["lean"]), "must earn nothing"),
        (lambda q: q["exemplars"][5].update(text="no idea"), "fewer than 5 words"),
        (lambda q: q.update(answer=q["answer"] + " It always helps."), 'says "always"'),
        (lambda q: q.update(answer=q["answer"] + " It guarantees a result."), 'says "guarantees"'),
        (lambda q: q.update(answer=q["answer"] + " **Bold."), "opens a ** that its line does not close"),
        (lambda q: q.update(answer=q["answer"] + " `code."), "opens a ` that its line does not close"),
        (lambda q: q.update(answer=q["answer"] + "\n```\ncode"), "opens a ``` that it does not close"),
        (lambda q: q["code"].update(source="print(1"), "is not Python"),
        (lambda q: q["code"].update(source="print(1)\n" * 25), "has 25 lines; keep it to 24"),
        (lambda q: q["code"].update(lang="perl"), "is not python; write python"),
        (lambda q: q.update(answer=q["answer"].replace("little more", "bit")), "700 to 1,200 read best"),
        (lambda q: q.update(answer="- **Noise.** It hides units.\n" + q["answer"]), "two sentences, then add"),
        (lambda q: q.update(answer=q["answer"].replace("- **Lead", "**Lead", 2)), "has 2 bullets; answer in one"),
        (lambda q: q.update(answer=q["answer"].replace("**Lead-in.**", "Lead-in.", 1)), "without a bold lead-in"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_our_own_bank_must_keep_more_rules_than_any_bank(change: Change, message: str) -> None:
    text = own_bank(change)
    assert read_bank(text, "b")  # it is good enough for any bank
    [(_, said)] = told(text, profile=every_rule)
    assert message in said


@pytest.mark.parametrize(
    "more",
    [
        "It does not guarantee a result.",
        "Nothing guarantees a result.",
        "`always` is a name.",
        "An unsolved problem.",
        "```\n2 ** 3; always\n```",
        "A *starred* word.",
    ],
)
def test_an_answer_may_deny_and_may_quote_code(more: str) -> None:
    assert told(own_bank(lambda q: q.update(answer=f"{q['answer']}\n{more}")), profile=every_rule) == []


def test_a_warning_is_told_and_does_not_stop_the_bank() -> None:
    text = own_bank(lambda q: q.update(answer=q["answer"].replace("little more", "bit")))
    [warning, *_] = check_bank(text, "b.yaml", every_rule)
    assert warning.severity is Severity.WARNING
    assert ": warning: answer of" in str(warning)
    assert read_bank(text, "b.yaml", every_rule)


def test_essential_key_points_are_two_to_four() -> None:
    text = own_bank(lambda q: [point.update(essential=False) for point in q["key_points"]])
    assert '"dropout" has 0 essential key points; make it 2 to 4' in [
        said for _, said in told(text, profile=every_rule)
    ]


def test_related_questions_name_each_other() -> None:
    text = own_bank(lambda q: q.update(related=["adam"])) + own(lambda q: q.update(id="adam"))
    missing = '"dropout" is related to "adam", which does not say so; add it there'
    assert missing in [said for _, said in told(text, profile=every_rule)]
    both = text.replace("related: []", "related: [dropout]")
    assert missing not in [said for _, said in told(both, profile=every_rule)]


def test_a_fault_inside_a_text_is_told_on_its_own_line() -> None:
    answer = "|-\n    It helps.\n\n    It always helps.\n"
    text = bank(question(answer=answer, code="\n    lang: python\n    source: |-\n      a = 1\n      b = (\n"))
    said = {message.partition(";")[0]: line for line, message in told(text, profile=every_rule)}
    lines = text.split("\n")
    assert said['answer of "dropout" says "always"'] == lines.index("    It always helps.") + 1
    assert said["code of \"dropout\" is not Python ('(' was never closed)"] == lines.index("      b = (") + 1


def test_a_value_with_a_problem_gets_no_second_one_from_our_own_rules() -> None:
    text = own_bank(lambda q: q["exemplars"][0].update(earns="random"))
    [(_, said)] = told(text, profile=every_rule)
    assert "is text; write a list" in said


# --- the schema that editors complete from ----------------------------------------------------------------------

SCHEMA: Final[dict[str, Any]] = json.loads((DATA / "questions.schema.json").read_text(encoding="utf-8"))
PLACES: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "bank": lambda file: file["bank"],
    "question": lambda file: file["questions"][0],
    "code": lambda file: file["questions"][0]["code"],
    "key point": lambda file: file["questions"][0]["key_points"][0],
    "misconception": lambda file: file["questions"][0]["misconceptions"][0],
    "exemplar": lambda file: file["questions"][0]["exemplars"][0],
    "reference": lambda file: file["questions"][0]["references"][0],
}


def schema_of(kind: str) -> dict[str, Any]:
    """The part of the schema for a kind of entry."""
    part: dict[str, Any] = SCHEMA if kind == "bank file" else SCHEMA["$defs"][kind.replace(" ", "_")]
    return part


@pytest.mark.parametrize("kind", KEYS)
def test_the_schema_has_the_keys_that_the_reader_reads(kind: str) -> None:
    assert set(schema_of(kind)["properties"]) == set(KEYS[kind])
    assert schema_of(kind)["required"] == [*KEYS[kind][: NEEDED[kind]]]
    assert schema_of(kind)["additionalProperties"] is False


def test_the_schema_has_the_choices_of_the_model() -> None:
    assert schema_of("question")["properties"]["status"]["enum"] == [*Status]
    assert schema_of("question")["properties"]["fits"]["enum"] == [*Fits]
    assert schema_of("exemplar")["properties"]["kind"]["enum"] == [*ExemplarKind]


def limits() -> list[tuple[str, str, Any, bool]]:
    """For every limit of the schema the value that just keeps it and the one that just breaks it."""
    found: list[tuple[str, str, Any, bool]] = []
    for kind in PLACES:
        for key, rule in schema_of(kind)["properties"].items():
            rule = {**SCHEMA["$defs"].get(rule.get("$ref", "").rpartition("/")[2], {}), **rule}
            if "maximum" in rule:
                found += [(kind, key, rule["minimum"], True), (kind, key, rule["minimum"] - 1, False)]
                found += [(kind, key, rule["maximum"], True), (kind, key, rule["maximum"] + 1, False)]
            elif rule.get("pattern") in (None, "^[^\\n]+$") and "maxLength" in rule:
                found += [(kind, key, "x" * rule["maxLength"], True), (kind, key, "x" * (rule["maxLength"] + 1), False)]
            elif rule.get("items", {}).get("$ref") in ("#/$defs/line", "#/$defs/phrase"):
                texts = [f"item {number}" for number in range(rule["maxItems"] + 1)]
                found += [(kind, key, texts[:-1], True), (kind, key, texts, False)]
    return found


@pytest.mark.parametrize(
    ("kind", "key", "value", "good"),
    [pytest.param(*limit, id=f"{number}-{limit[0]}-{limit[1]}") for number, limit in enumerate(limits())],
)
def test_the_schema_has_the_limits_of_the_reader(kind: str, key: str, value: Any, good: bool) -> None:
    file = yaml.safe_load(own_bank())
    PLACES[kind](file)[key] = value
    problems = told(yaml.safe_dump(file, sort_keys=False, width=10_000))
    assert (problems == []) is good


# --- a question in which the YAML breaks off --------------------------------------------------------------------


@pytest.mark.parametrize(
    "slip",
    [
        "prompt: better: much",
        "prompt: [open",
        'prompt: "open',
        "\tprompt: a",
        "prompt: *star",
        "prompt: @sign",
        "no key",
    ],
)
def test_where_the_yaml_of_one_question_breaks_off_the_others_are_read_all_the_same(slip: str) -> None:
    broken = f"- id: broken\n  {slip}\n  answer: So.\n"
    text = bank(question("first", related="[broken, gone]"), broken, question("last", difficulty="9"))
    found = told(text)
    assert [message.partition(" ")[0] for line, message in found if line < FIRST + 4] == ["related"]
    assert '"gone" of "first" does not exist' in found[0][1]
    assert len([line for line, _ in found if FIRST + 4 <= line < FIRST + 7]) == 1
    assert found[-1] == (FIRST + 10, 'difficulty of "last" is 9; choose a whole number from 1 to 3')
    assert len(found) == 3


def test_two_broken_questions_are_both_told() -> None:
    text = bank(
        "- id: a\n  prompt: x: y\n  answer: A.\n", question(), "- id: b\n  prompt: [x\n  answer: B.\n", question("c")
    )
    assert [line for line, _ in told(text)] == [FIRST + 1, FIRST + 7]


def test_a_broken_head_ends_the_reading_with_one_problem() -> None:
    assert len(told("bank: [\nquestions:\n- id: a\n  prompt: b\n")) == 1


# --- many faults at once ----------------------------------------------------------------------------------------


def lines_of(text: str, *words: str) -> list[int]:
    """The numbers of the lines that hold these words."""
    lines = text.split("\n")
    return [next(i for i, line in enumerate(lines, start=1) if word in line) for word in words]


def test_a_broken_key_of_a_question_hides_neither_its_other_faults_nor_those_behind_it() -> None:
    first = "- id: one\n  prompt: a: b\n  answer: A.\n  difficulty: 9\n  seed: [\n  minutes: 99\n"
    text = bank(first, question("two", difficulty="8"))
    assert [line for line, _ in told(text)] == lines_of(
        text, "a: b", "difficulty: 9", "seed: [", "minutes", "difficulty: 8"
    )


@pytest.mark.parametrize(
    "head", ["bank: {id: nn, title: a: b}\n", 'bank:\n  id: "nn\n', "bank:\n  id: nn\n title: x\n"]
)
def test_a_broken_header_hides_nothing_below_it(head: str) -> None:
    text = head + "questions: # ours\n" + question(difficulty="9")
    assert told(text)[-1] == (
        len(text.split("\n")) - 1,
        'difficulty of "dropout" is 9; choose a whole number from 1 to 3',
    )
    assert len(told(text)) == 2


def test_a_bank_without_a_language_is_looked_at_as_one_in_english() -> None:
    text = own_bank(lambda q: q.update(hints=["Every step switches off a random part of the units."]))
    for written in ("  language: EN\n", "  language: no\n", ""):
        said = [message for _, message in told(text.replace("  language: en\n", written), profile=every_rule)]
        assert any("language" in message for message in said)
        assert any("gives key point" in message for message in said)


def test_a_fault_in_the_first_line_of_a_text_is_told_on_that_line_and_blank_lines_count() -> None:
    for blank in ("", "\n", "\n\n"):
        text = bank(question(answer=f"|-\n{blank}    It always helps.\n"))
        [(line, said)] = told(text, profile=check_rules)
        assert "always" in said
        assert [line] == lines_of(text, "It always helps.")


def test_an_unclosed_fence_is_told_where_it_opens() -> None:
    text = bank(question(answer="|-\n    It helps.\n\n    ```\n    code\n"))
    [(line, said)] = told(text, profile=check_rules)
    assert "opens a ```" in said
    assert [line] == lines_of(text, "```")


@pytest.mark.parametrize("sign", ["\\e[31m", "\\0", "\\u202e"])
def test_signs_that_steer_a_terminal_are_refused_though_they_are_written_as_escapes(sign: str) -> None:
    _, said = only(bank(question(prompt=f'"What is {sign}red?"')))
    assert "which cannot be shown" in said


def test_a_list_that_is_too_long_is_told_once_and_what_is_in_it_all_the_same() -> None:
    leaking = "Every step switches off a random part of the units."
    text = own_bank(lambda q: q.update(hints=["One.", "Two.", "Three.", leaking]))
    said = [message for _, message in told(text, profile=every_rule)]
    assert len(said) == 2
    assert "has 4 items; keep at most 3" in said[0]
    assert 'hint 4 of "dropout" gives key point' in said[1]


def test_an_id_of_the_wrong_form_is_told_once() -> None:
    text = bank(question("Dropout"), question("adam", related="[dropout]"))
    assert len(told(text)) == 1


def test_a_misspelt_key_is_told_once() -> None:
    assert len(told(bank(question().replace("prompt:", "promt:")))) == 1


def test_a_question_whose_related_cannot_be_read_is_not_said_to_be_one_sided() -> None:
    text = bank(question("a", related="[b]"), question("b", prompt="Why is b?", answer="So.", related="a"))
    assert ["write a list" in message for _, message in told(text, profile=check_rules)] == [True]
