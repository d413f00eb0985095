"""Writing a bank: the file says what the bank says, and looks like the one that we ship."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.bank import KEYS, read_bank
from bot.core.bank_writing import ORDER, plain, to_yaml
from bot.core.model import (
    Bank,
    Code,
    Exemplar,
    ExemplarKind,
    Fits,
    KeyPoint,
    Misconception,
    Question,
    QuestionId,
    Reference,
    Status,
)

SHIPPED: Final = (Path(__file__).parents[2] / "data" / "questions.yaml").read_text(encoding="utf-8")
PATIENT: Final = settings(deadline=None)
"""A slow machine is no failure."""

# --- any bank that can be read ----------------------------------------------------------------------------------

TURNING: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Signs that turn the direction of a line: no bank may hold them."""

STRANGE: Final = (
    *("yes", "no", "~", "null", "1", "1.0", "1e5", "0x1F", "1_000", "12:30:45", "2026-01-31", ".inf", "<<", "=", "y"),
    *("- a", "? a", "a: b", "a:", "a #b", "#a", "[a]", "{a}", "&a", "*a", "!a", "| a", "> a", "%a", "@a", "`a`", "---"),
    *("'a", '"a', "''a", "'=a", "=1+1", "+1", "-1", '\'"a"', "a'b", 'a"b', "a\\b", "\\n", ",a;b\tc", "naïve σ(x) 👍"),
    *("a\u2028b", "a\x85b", "a\tb", "a\ufeffb", "\ufeffa", "<b>&amp;</b>", "a]", "..."),
    *("```", "**a** *b* `c`", "\uff1d1", "a\n", "a\n  b\n\nc", "  a\n b", "\ta\nb", " \n a", "a \n \nb"),
)  # fmt: skip
_texts: Final = st.sampled_from(STRANGE) | st.text(
    st.sampled_from("ab1 \n\t'\"=+-@:#,;[]{}|>\\`*_<&\u2028\ufeff")
    | st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=TURNING),
    min_size=1,
    max_size=40,
)
_words: Final = st.text("abnotyeslf0123456789", min_size=1, max_size=8)
_slugs: Final = st.sampled_from(["no", "1", "2026-01-31", "1e5", "null", "0x1f", "dropout", "a-1"]) | st.lists(
    _words, min_size=1, max_size=3
).map("-".join)
_lines: Final = _texts.map(lambda text: text.replace("\n", " ").strip()).filter(bool)
_paragraphs: Final = _texts.map(lambda text: text.strip("\n").rstrip()).filter(bool)


def _some(of: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=most, unique=True).map(tuple)


@st.composite
def banks(draw: st.DrawFn) -> Bank:
    """A bank as `read_bank` can give it, with every kind of text where it may stand."""
    id = draw(_slugs)
    topics = draw(st.dictionaries(_slugs, _lines.filter(lambda text: len(text) <= 60), max_size=3))
    slugs = draw(st.lists(_slugs, min_size=1, max_size=3, unique=True))
    language = draw(st.sampled_from(["en", "no", "de-CH"]))
    questions = []
    for slug in slugs:
        others = [f"{id}:{other}" for other in slugs if other != slug]
        question = draw(_questions(topics=list(topics), related=others))
        questions.append(_of_bank(question, QuestionId(f"{id}:{slug}"), language))
    return Bank(
        id=id,
        title=draw(_lines),
        version=draw(st.sampled_from(["1.0.0", "0.10.2"])),
        language=language,
        licence=draw(_lines),
        topics=topics,
        questions=tuple(questions),
    )


def _of_bank(fields: dict[str, Any], id: QuestionId, language: str) -> Question:
    return Question(id=id, language=language, **fields)


@st.composite
def _questions(draw: st.DrawFn, topics: list[str], related: list[str]) -> dict[str, Any]:
    points = draw(_some(_slugs))
    known: st.SearchStrategy[tuple[str, ...]] = _some(st.sampled_from(points)) if points else st.just(())
    fields: dict[str, st.SearchStrategy[Any]] = {
        "version": st.integers(1, 9999),
        "seed": st.none() | st.integers(1, 9999),
        "status": st.sampled_from(Status),
        "reviewed": st.none() | st.dates(),
        "section": _lines.filter(lambda text: len(text) <= 40),
        "difficulty": st.integers(1, 3),
        "fits": st.sampled_from(Fits),
        "minutes": st.integers(1, 10),
        "topics": _some(st.sampled_from(topics)) if topics else st.just(()),
        "related": _some(st.sampled_from(related)) if related else st.just(()),
        "code": st.builds(
            Code,
            lang=st.sampled_from(["python", "c++", "no"]),
            source=_paragraphs,
            needs=_some(_lines.filter(lambda text: len(text) <= 40)),
        ),
        "key_points": st.tuples(
            *(
                st.builds(
                    KeyPoint,
                    id=st.just(point),
                    text=_lines,
                    any_of=_some(_lines),
                    weight=st.integers(1, 3),
                    essential=st.booleans(),
                )
                for point in points
            )
        ),
        "misconceptions": _some(
            st.builds(
                Misconception,
                claim=_lines,
                why=_lines,
                blocks=st.none() | st.sampled_from(points or (None,)),
                cues=_some(_lines),
            )
        ),
        "hints": _some(_lines),
        "follow_ups": _some(_lines),
        "exemplars": _some(st.builds(Exemplar, kind=st.sampled_from(ExemplarKind), text=_paragraphs, earns=known)),
        "references": _some(
            st.builds(
                Reference,
                title=_lines,
                year=st.integers(1600, 2100),
                authors=st.just("") | _lines.filter(lambda text: len(text) <= 80),
                arxiv=st.sampled_from([None, "2002.05709", "1603.06560v2", "cs.AI/0101001"]),
                doi=st.sampled_from([None, "10.1038/nature14539", "10.1000/a#b"]),
                isbn=st.sampled_from([None, "978-0262035613", "9780262035613"]),
                url=st.sampled_from([None, "https://a.example/b?c=d#e"]),
                where=st.just("") | _lines.filter(lambda text: len(text) <= 60),
            )
        ),
    }
    drawn = {key: draw(of) for key, of in fields.items() if key == "key_points" or draw(st.booleans())}
    return {"prompt": draw(_lines), "answer": draw(_paragraphs), **drawn}


def small_bank(**fields: Any) -> Bank:
    """A bank with one question, which has these fields besides the least."""
    question = {
        "id": QuestionId("nn:dropout"),
        "prompt": "What does dropout do?",
        "answer": "It drops units.",
        **fields,
    }
    return Bank(
        id="nn",
        title="Neural networks",
        version="1.0.0",
        language="en",
        licence="CC-BY-4.0",
        topics={"regularization": "Regularization"},
        questions=(Question(**question),),
    )


@settings(PATIENT, max_examples=50)
@given(banks())
def test_any_bank_is_read_from_its_file_as_it_was(bank: Bank) -> None:
    assert read_bank(to_yaml(bank), "x") == bank


@settings(PATIENT, max_examples=25)
@given(banks())
def test_other_readers_of_yaml_find_the_same_in_the_file(bank: Bank) -> None:
    assert yaml.safe_load(to_yaml(bank)) == plain(bank)


@pytest.mark.parametrize("text", STRANGE)
def test_every_strange_text_is_read_as_it_was_from_every_place(text: str) -> None:
    line, lines = text.replace("\n", " ").strip(), text.strip("\n").rstrip()
    code = Code(lang="c", source=lines)
    bank = small_bank(prompt=line, answer=lines, section=line[:40].strip(), hints=(line,), code=code)
    assert read_bank(to_yaml(bank), "x") == bank
    assert yaml.safe_load(to_yaml(bank)) == plain(bank)


def test_the_shipped_bank_is_read_from_its_file_as_it_was() -> None:
    bank = read_bank(SHIPPED, "questions.yaml")
    assert read_bank(to_yaml(bank), "questions.yaml") == bank


def test_the_shipped_bank_looks_as_we_wrote_it() -> None:
    """Its authors quoted more than is needed and said which exemplars earn nothing; else the lines are theirs."""
    lines = re.sub("[\"']", "", SHIPPED.rstrip("\n")).splitlines()
    written = re.sub("[\"']", "", to_yaml(read_bank(SHIPPED, "questions.yaml"))).splitlines()
    assert written == [line for line in lines if line[:1] != "#" and line != "        earns: []"]


def test_every_key_of_every_kind_of_entry_has_its_place() -> None:
    assert {kind: set(keys) for kind, keys in ORDER.items()} == {kind: set(keys) for kind, keys in KEYS.items()}


def test_what_an_author_decides_is_written_and_what_says_nothing_is_left_out() -> None:
    assert plain(small_bank(key_points=(KeyPoint(id="random", text="Units are dropped at random"),))) == {
        "schema_version": 1,
        "bank": {
            "id": "nn",
            "title": "Neural networks",
            "version": "1.0.0",
            "language": "en",
            "licence": "CC-BY-4.0",
        },
        "topics": {"regularization": "Regularization"},
        "questions": [
            {
                "id": "dropout",
                "version": 1,
                "status": "draft",
                "difficulty": 1,
                "fits": "daily",
                "minutes": 3,
                "topics": [],
                "related": [],
                "prompt": "What does dropout do?",
                "answer": "It drops units.",
                "key_points": [
                    {"id": "random", "text": "Units are dropped at random", "essential": False, "weight": 1}
                ],
            }
        ],
    }


def test_a_file_reads_as_a_person_would_have_written_it() -> None:
    bank = small_bank(
        status=Status.REVIEWED,
        reviewed=date(2026, 11, 22),
        topics=("regularization",),
        prompt="Dropout: why, and σ(x)?",
        answer="It drops **units**.\n\n- At random: half of them.\n- Never at test time.",
        code=Code(lang="python", source="for _ in x:\n    print('👍')", needs=("numpy", "torch")),
        hints=("Think of a team.", 'Say "no".', "a\tb"),
        references=(Reference(title="Dropout", year=2014, isbn="9780262035613"),),
    )
    assert to_yaml(bank) == (
        "schema_version: 1\n"
        "bank:\n"
        "  id: nn\n"
        "  title: Neural networks\n"
        "  version: 1.0.0\n"
        "  language: en\n"
        "  licence: CC-BY-4.0\n"
        "topics:\n"
        "  regularization: Regularization\n"
        "questions:\n"
        "  - id: dropout\n"
        "    version: 1\n"
        "    status: reviewed\n"
        '    reviewed: "2026-11-22"\n'
        "    difficulty: 1\n"
        "    fits: daily\n"
        "    minutes: 3\n"
        "    topics: [regularization]\n"
        "    related: []\n"
        '    prompt: "Dropout: why, and σ(x)?"\n'
        "    answer: |-\n"
        "      It drops **units**.\n"
        "\n"
        "      - At random: half of them.\n"
        "      - Never at test time.\n"
        "    code:\n"
        "      lang: python\n"
        "      needs: [numpy, torch]\n"
        "      source: |-\n"
        "        for _ in x:\n"
        "            print('👍')\n"
        "    hints:\n"
        "      - Think of a team.\n"
        '      - Say "no".\n'
        '      - "a\\tb"\n'
        "    references:\n"
        "      - title: Dropout\n"
        "        year: 2014\n"
        '        isbn: "9780262035613"\n'
    )


@pytest.mark.parametrize(
    "text", ["yes", "1.0", "1e5", "0o17", "2026-01-31", "~", "null", "12:30", "- a", "a: b", "a #b"]
)
def test_what_a_reader_would_take_for_something_else_is_put_in_quotes(text: str) -> None:
    assert f'    prompt: "{text}"\n' in to_yaml(small_bank(prompt=text))
