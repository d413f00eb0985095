"""The page of Markdown: what a reader needs, and nothing that the bank's texts could do to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.bank_exchange import Form, export
from bot.core.model import Code
from tests.core.test_bank_exchange import SMALL
from tests.core.test_bank_writing import small_bank


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
