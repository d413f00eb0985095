"""A bank as a page of Markdown for people: sections, questions, answers, what they are graded by, references."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote

from bot.core.bank_html import Passage, passages, spans
from bot.core.bank_writing import NOT_TEXT
from bot.core.model import Bank, Question, Reference

__all__ = ["cited", "to_markdown"]


def to_markdown(bank: Bank) -> str:
    """The bank as a document to read: sections, questions, answers, what they are graded by, references."""
    page = [f"# {_plain(bank.title)}", _plain(f"{bank.id} {bank.version} · {bank.language} · {bank.licence}")]
    sections = dict.fromkeys(question.section for question in bank.questions)
    for section in sections:
        if any(sections):
            page.append(f"## {_plain(section[:1].upper() + section[1:]) or 'Other questions'}")
        for question in bank.questions:
            if question.section == section:
                page += _chapter(question, bank.topics)
    return NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", "\n\n".join(page) + "\n")


def _chapter(question: Question, topics: Mapping[str, str]) -> Iterator[str]:
    yield f"### {_plain(question.prompt)}"
    about = [topics.get(topic, topic) for topic in question.topics]
    yield _plain(" · ".join([*about, f"difficulty {question.difficulty} of 3", question.status]))
    yield from map(_set, passages(question.answer))
    if question.code:
        yield _fenced(question.code.source.split("\n"), question.code.lang)
    points = (_plain(point.text) + " (essential)" * point.essential for point in question.key_points)
    yield from _listed("A good answer says", points)
    claims = (f"{_plain(claim.claim)} *But:* {_plain(claim.why)}" for claim in question.misconceptions)
    yield from _listed("Often said, and wrong", claims)
    yield from _listed("Hints", map(_marked, question.hints))
    yield from _listed("To talk about", map(_marked, question.follow_ups))
    yield from _listed("References", map(_cited, question.references))


def _listed(heading: str, items: Iterable[str]) -> Iterator[str]:
    if bullets := [f"- {item}" for item in items]:
        yield f"**{heading}**"
        yield "\n".join(bullets)


def _cited(source: Reference) -> str:
    return cited(source, _plain, "*{}*", "[{}]({})".format)


def cited(source: Reference, text: Callable[[str], str], title: str, link: Callable[[str, str], str]) -> str:
    """A reference on one line of some markup, with all ways to look it up.

    `text` makes a text show as it was typed, `title` is a format for one that is set apart, and `link` puts a text
    that has been made to show so before an address.
    """
    who = f"{text(source.authors)} " if source.authors else ""
    where = f", {text(source.where)}" if source.where else ""
    ways = (link(text(said), address) if address else text(said) for said, address in _ways(source))
    return " ".join([f"{who}({source.year}).", f"{title.format(text(source.title))}{where}.", *ways])


def _ways(source: Reference) -> Iterator[tuple[str, str]]:
    """The ways to look a reference up: what each says and its address, which is empty where it has none."""
    if source.arxiv:
        yield f"arXiv:{source.arxiv}", f"https://arxiv.org/abs/{source.arxiv}"
    if source.doi:
        yield f"doi:{source.doi}", f"https://doi.org/{quote(source.doi, _IN_ADDRESS)}"
    if source.isbn:
        yield f"ISBN {source.isbn}", ""
    if source.url:
        yield source.url, quote(source.url, _IN_ADDRESS)


_IN_ADDRESS: Final = "%/:?#@!$&'*+,;=~[]"
"""The signs of an address that mean something in it; all others that are no letters are escaped."""


# --- signs ------------------------------------------------------------------------------------------------------


def _set(passage: Passage) -> str:
    if passage.kind == "program":
        return _fenced(passage.lines, passage.lang)
    # A backslash at its end keeps a line of a paragraph apart from the next.
    bullet, end = ("- ", "\n") if passage.kind == "list" else ("", "\\\n")
    return end.join(bullet + _marked(line) for line in passage.lines)


def _fenced(lines: Iterable[str], lang: str) -> str:
    source = "\n".join(lines)
    fence = max(["``", *re.findall("`+", source)], key=len) + "`"
    return f"{fence}{_NO_LANGUAGE.sub('', lang)}\n{source}\n{fence}"


_NO_LANGUAGE: Final = re.compile(r"[^\w+#.-]")
_MARKUP: Final = re.compile(r"[\\`*\[\]<~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|#(?=#*$)")
_BEGINS_A_BLOCK: Final = re.compile(r"^(?:\d{1,9}(?=[.)](?: |$))|(?=[#+=>-]))")
_MARK: Final = {"": "", "code": "`", "strong": "**", "em": "*"}


def _plain(text: str) -> str:
    """A line that shows as it was typed."""
    return _BEGINS_A_BLOCK.sub(r"\g<0>\\", _escaped(" ".join(text.split())))


def _marked(line: str) -> str:
    """A line in which bold, italics and code are what they are, and all else shows as it was typed."""
    return _BEGINS_A_BLOCK.sub(r"\g<0>\\", "".join(_span(set_as, text) for set_as, text in spans(line)))


def _span(set_as: str, text: str) -> str:
    match set_as:
        case "code":
            inner = text
        case "strong":
            inner = "".join(_span(*inside) for inside in spans(text))
        case _:
            inner = _escaped(text)
    return _MARK[set_as] + inner + _MARK[set_as]


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)
