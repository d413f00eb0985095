"""Banks in the forms of other programs: nothing is lost on the way out and back, and every slip is told where it is."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.bank import BankError, read_bank
from bot.core.bank_exchange import Form, Header, decode, export, import_entries
from bot.core.bank_writing import from_html, to_html
from bot.core.model import Bank, Code, Exemplar, ExemplarKind, Fits, KeyPoint, Question, Reference, Status
from tests.core.test_bank_writing import PATIENT, STRANGE, banks, small_bank

SHIPPED: Final = read_bank(
    (Path(__file__).parents[2] / "data" / "questions.yaml").read_text(encoding="utf-8"), "questions.yaml"
)
LOSSLESS: Final = (Form.JSON, Form.CSV)
BRIEF: Final = settings(PATIENT, max_examples=25)


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


def first(text: str, form: Form = Form.CSV) -> Question:
    """The first question of a text."""
    return read(text, form).questions[0]


def cells(bank: Bank) -> dict[str, str]:
    """The first question's row of a bank's CSV file."""
    return next(csv.DictReader(export(bank, Form.CSV).splitlines(keepends=True)))


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
    text = export(small_bank(prompt="a\x07\u2028\ufeffb", answer="a\0b\rc", hints=("a\x85b",)), form)
    assert not re.search("[\x00\x07\r\x85\u2028\ufeff]", text)


@BRIEF
@given(banks())
def test_json_is_the_banks_own_file(bank: Bank) -> None:
    text = export(bank, Form.JSON)
    assert read_bank(text, "x") == bank
    assert list(json.loads(text)) == [
        key for key in ("schema_version", "bank", "topics", "questions") if key != "topics" or bank.topics
    ]


def test_a_date_of_review_comes_back_where_status_is_kept() -> None:
    bank = small_bank(status=Status.REVIEWED, reviewed=date(2026, 11, 22))
    for form in LOSSLESS:
        assert import_entries(export(bank, form), "x", form=form, keep_status=True) == bank


def test_the_largest_question_there_can_be_comes_back() -> None:
    samples = tuple(Exemplar(kind=ExemplarKind.FULL, text=f"{number:02}" + '"\x07' * 1499) for number in range(40))
    bank = small_bank(exemplars=samples)
    for form in LOSSLESS:
        assert import_entries(export(bank, form), "x", form=form) == bank


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


def test_what_the_reader_fills_in_is_an_empty_cell() -> None:
    row = cells(small_bank(fits=Fits.WEEKEND))
    assert {key for key, cell in row.items() if cell} == {
        *("id", "prompt", "answer", "fits"),
        *("bank_id", "bank_title", "bank_version", "bank_language", "bank_licence", "bank_topics"),
    }


# --- tables that people made ------------------------------------------------------------------------------------


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


def test_what_a_table_says_of_its_bank_may_stand_in_any_row() -> None:
    assert read("prompt,answer,bank_id\nWhy?,a,\nHow?,b,nets\n,,nets\n").id == "nets"
    message = 'column "bank_id": line 2 says something else; keep one of the two'
    assert only("prompt,answer,bank_id\nWhy?,a,nets\nHow?,b,cats\n") == (3, message)


def test_lists_may_be_typed_with_commas_and_lines() -> None:
    question = first(
        "id,prompt,answer,topics,related,hints\n"
        'a,Why?,x,"nets, cats; dogs",b,"Think.\nThink hard, again."\n'
        "b,How?,y,,,\n"
    )
    assert (question.topics, question.related) == (("nets", "cats", "dogs"), ("my-questions:b",))
    assert question.hints == ("Think.", "Think hard, again.")


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

# --- Anki -------------------------------------------------------------------------------------------------------


def test_the_anki_file_names_its_columns_and_begins_each_note_with_the_id() -> None:
    *head, note = export(SMALL, Form.ANKI).splitlines()
    assert head == [
        "#separator:tab",
        "#html:true",
        "#notetype:nnquestion",
        "#deck:Neural networks",
        "#columns:Id\tFront\tBack\tCode\tHints\tReferences\tTags",
        "#tags column:7",
    ]
    assert next(csv.reader([note], delimiter="\t")) == [
        "nn:dropout",
        "What does dropout do?",
        "<p>It drops <b>units</b> with <code>p &lt; 0.5</code>:</p>"
        "<ul><li>at random;</li><li><i>never</i> at test time.</li></ul>"
        '<pre><code class="language-python">if p:<br><br><br>    drop(x &amp; y)</code></pre>',
        "<pre><code class=\"language-python\">if x:<br>    print('&lt;b&gt;')</code></pre>",
        "<ol><li>Think of a <i>team</i>.</li></ol>",
        "<ul><li>S. et al. (2014). <i>Drop &amp; out</i>. "
        '<a href="https://arxiv.org/abs/1207.0580">arXiv:1207.0580</a> ISBN 978-0262035613</li></ul>',
        "bank::nn difficulty::2 topic::regularization",
    ]


@BRIEF
@given(banks())
def test_every_question_is_one_line_of_the_anki_file(bank: Bank) -> None:
    notes = export(bank, Form.ANKI).rstrip("\n").split("\n")[6:]
    rows = list(csv.reader(notes, delimiter="\t", strict=True))
    assert [row[0] for row in rows] == [question.id for question in bank.questions]
    assert {len(row) for row in rows} == {7}


def test_nothing_in_a_note_is_markup_or_a_command_of_anki() -> None:
    note = export(
        small_bank(prompt="<script>[sound:a.mp3]", answer="<img src=x> &amp; [latex]x[/latex] [$]y"), Form.ANKI
    )
    fields = note.splitlines()[-1].split("\t")
    assert fields[1:3] == [
        "&lt;script&gt;&#91;sound:a.mp3]",
        "<p>&lt;img src=x&gt; &amp;amp; &#91;latex]x[/latex] &#91;$]y</p>",
    ]


def test_what_anki_can_hold_comes_back() -> None:
    for bank in (SHIPPED, SMALL):
        back = import_entries(export(bank, Form.ANKI), "x", form=Form.ANKI)
        assert (back.id, back.title) == (bank.id, bank.title)
        for ours, theirs in zip(bank.questions, back.questions, strict=True):
            assert theirs == Question(
                id=ours.id, prompt=ours.prompt, answer=ours.answer, topics=ours.topics, difficulty=ours.difficulty
            )


def test_notes_that_anki_exported_with_all_columns_are_read() -> None:
    text = (
        "#separator:tab\n#html:true\n#guid column:1\n#notetype column:2\n#deck column:3\n#tags column:8\n"
        '"p_T$!S#<TZ"\tnnquestion\tNets\tnn:a\tWhy?\t"<div>One<br>""two""</div>"\t\ttopic::big-nets marked\n'
        '"#b"\tnnquestion\tNets\tnn:b\tHow?\tx\t\tbank::nn\n'
    )
    bank = read(text, Form.ANKI)
    assert [(q.id, q.prompt, q.answer, q.topics) for q in bank.questions] == [
        ("nn:a", "Why?", 'One\n"two"', ("big-nets",)),
        ("nn:b", "How?", "x", ()),
    ]


def test_a_plain_file_of_two_or_three_columns_is_read() -> None:
    text = "#separator:tab\n#html:false\n# a remark\nWhy <b>?\ta & b\tML::CNN leech\n# another\n\nHow?\tc\n"
    bank = read(text, Form.ANKI)
    assert [(q.slug, q.prompt, q.answer, q.topics) for q in bank.questions] == [
        ("why-b", "Why <b>?", "a & b", ("ml-cnn",)),
        ("how", "How?", "c", ()),
    ]
    assert [(q.prompt, q.answer) for q in read("<b>Why?</b>\t<b>a</b>\n", Form.ANKI).questions] == [("Why?", "**a**")]
    assert read("Why?;a\nHow?;b\n", Form.ANKI).questions == read("Why?\ta\nHow?\tb\n", Form.ANKI).questions


def test_problems_of_notes_are_told_with_line_and_field() -> None:
    text = (
        '#columns:Id\tFront\tBack\n#html:true\nnn:a\t<img src="x.png">\t"a\nb"\n'
        f"nn:B b\tWhy?\t{'x' * 1801}\ncat:c\tHow?\ty\n"
    )
    assert told(text, Form.ANKI) == [
        (3, '"a" has no "prompt"; add it'),
        (5, 'column "id": id of "B b" is "B b"; use lower-case letters, digits and single hyphens'),
        (5, 'column "answer": answer of "B b" has 1,801 characters; keep it to 1,800'),
        (6, 'column "id": line 3 says something else; keep one of the two'),
    ]
    assert only("Why?\n", Form.ANKI) == (1, "a row needs a front and a back with a tab between them")


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<p>a</p>\n<p>b&nbsp;&lt;c</p>", "a\n\nb <c"),
        ("a<ul><li>b</li><li><p>c<br>d</p></li></ul>e", "a\n\n- b\n- c d\n\ne"),
        ("<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>", "1. a\n- b\n2. c"),
        ("<b>a </b>b<B> <i>c</i></B>, <em>d</em>", "**a** b **c**, *d*"),
        ("<b>a<br>b</b>", "**a**\n**b**"),
        ("<b>use <code>x</code></b>", "**use `x`**"),
        ("x<sub>1</sub><sup>2</sup>", "x_1^2"),
        ('<img src="x.png" alt="a &amp; b">', "a & b"),
        ("<pre>a\n  b<br>c</pre>d", "```\na\n  b\nc\n```\n\nd"),
        ("<pre>a```", "```\na'''\n```"),
        ("a<!-- b > c -->d<!-- e", "ad"),
        ("a<style>b { c }</style><script>d</script>", "a"),
        ("a < b <> c </x> <y", "a < b <> c <y"),
        ("<span style='x'>a&#1;b</span>", "ab"),
    ],
)
def test_html_is_read_as_our_markdown(markup: str, markdown: str) -> None:
    assert from_html(markup) == markdown


@pytest.mark.parametrize("piece", ["<!--", "<b ", "<b>x", "<ul><li>", "</"])
def test_html_that_is_never_closed_is_read_in_little_time(piece: str) -> None:
    """In quadratic time this takes minutes, and the test its whole timeout."""
    from_html(piece * 60_000)


def test_answers_of_the_shipped_bank_come_back_from_html() -> None:
    for question in SHIPPED.questions:
        assert from_html(to_html(question.answer)) == question.answer


# --- a page for people ------------------------------------------------------------------------------------------


def test_the_page_says_what_a_reader_needs() -> None:
    page = export(replace(SMALL, questions=(replace(SMALL.questions[0], section="basics"),)), Form.MARKDOWN)
    assert page == (
        "# Neural networks\n\n"
        "nn 1.0.0 · en · CC-BY-4.0\n\n"
        "## Basics\n\n"
        "### What does dropout do?\n\n"
        "Regularization · difficulty 2 of 3 · draft\n\n"
        "It drops **units** with `p < 0.5`:\n\n"
        "- at random;\n- *never* at test time.\n\n"
        "```python\nif p:\n\n\n    drop(x & y)\n```\n\n"
        "```python\nif x:\n    print('<b>')\n```\n\n"
        "**A good answer says**\n\n- Units are dropped\n\n"
        "**Hints**\n\n- Think of a *team*.\n\n"
        "**References**\n\n"
        "- S. et al. (2014). *Drop & out*. [arXiv:1207.0580](https://arxiv.org/abs/1207.0580) ISBN 978-0262035613\n"
    )


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("a*b*c <script> [x](y)", r"a\*b\*c \<script> \[x\](y)"),
        ("x_1 and _y_", r"x_1 and \_y\_"),
        ("# no heading", r"\# no heading"),
        ("1. no list", r"1\. no list"),
        ("- no bullet", r"\- no bullet"),
        ("C#", r"C\#"),
        ("&lt; is an entity & this is not", r"\&lt; is an entity & this is not"),
    ],
)
def test_signs_of_markdown_in_a_prompt_show_as_they_were_typed(typed: str, shown: str) -> None:
    assert f"\n### {shown}\n" in export(small_bank(prompt=typed), Form.MARKDOWN)


def test_a_program_cannot_break_out_of_its_fence() -> None:
    page = export(small_bank(answer="a\n```\nb", code=Code(lang="md\n# x", source="```\nx\n````")), Form.MARKDOWN)
    assert "```\nb\n```\n\n`````md#x\n```\nx\n````\n`````\n" in page


def test_lines_of_a_paragraph_stay_apart() -> None:
    assert "a\\\n**b**\\\n\\> c\n" in export(small_bank(answer="a\n**b**\n> c"), Form.MARKDOWN)
