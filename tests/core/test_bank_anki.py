"""Anki's text files: notes that it imports, and those that it exported."""

from __future__ import annotations

import csv

from hypothesis import given

from bot.core.bank_exchange import Form, export, import_entries
from bot.core.model import Bank, Question
from tests.core.test_bank_exchange import BRIEF, SHIPPED, SMALL, only, read, told
from tests.core.test_bank_writing import banks, small_bank


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
