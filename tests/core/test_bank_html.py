"""Answers as HTML and back: as much of any HTML as our Markdown can say, in little time."""

from __future__ import annotations

import pytest

from bot.core.bank_html import from_html, to_html
from tests.core.test_bank_exchange import SHIPPED


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
