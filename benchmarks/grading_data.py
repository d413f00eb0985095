"""Questions and graded answers as JSON lines, read with every fault named by file and line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.clauses import clauses
from bot.core.model import KeyPoint, Question, QuestionId


class BadInput(Exception):
    """A file that cannot be used; says where and why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a set: one product question for each of its references, the best of which counts."""

    id: str
    set: str
    prompt: str
    reference: str
    alternatives: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as people graded it, 0..1."""

    question: str
    text: str
    grade: float


def read(questions: Path, answers: Path) -> tuple[dict[str, Asked], list[Answered]]:
    """Both files; every answer belongs to a question."""
    asked: dict[str, Asked] = {}
    for where, row in _rows(questions):
        one = _asked(where, row)
        if one.id in asked:
            raise BadInput(f"{where}: question {one.id!r} stands in the file twice")
        asked[one.id] = one
    answered: list[Answered] = []
    for where, row in _rows(answers):
        id_, text, grade = _text(where, row, "qid"), _text(where, row, "answer", empty=True), row.get("grade")
        if id_ not in asked:
            raise BadInput(f"{where}: no question {id_!r} in {questions}")
        if isinstance(grade, bool) or not isinstance(grade, int | float) or not 0 <= grade <= 1:
            raise BadInput(f"{where}: grade is {grade!r}; it must be a number from 0 to 1")
        answered.append(Answered(id_, text, float(grade)))
    for path, found in ((questions, asked), (answers, answered)):
        if not found:
            raise BadInput(f"{path}: holds nothing")
    return asked, answered


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8 (byte {error.start})") from error
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(text)
        except ValueError as error:
            raise BadInput(f"{where}: is not JSON ({error})") from error
        if not isinstance(row, dict):
            raise BadInput(f"{where}: is not a JSON object")
        yield where, row


def _text(where: str, row: dict[str, Any], key: str, *, empty: bool = False) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not (empty or value.strip()):
        raise BadInput(f"{where}: {key} is {value!r}; it must be text")
    return value


def _asked(where: str, row: dict[str, Any]) -> Asked:
    id_, prompt, reference = (_text(where, row, key) for key in ("qid", "question", "reference"))
    more = row.get("more_references") or []
    if not isinstance(more, list) or not all(isinstance(text, str) for text in more):
        raise BadInput(f"{where}: more_references is {more!r}; it must be a list of texts")
    points = _key_points(where, row["key_points"]) if row.get("key_points") else ()
    references = (reference,) if points else (reference, *(text for text in more if text.strip()))
    alternatives = tuple(
        Question(id=QuestionId(f"b:{id_}"), prompt=prompt, answer=text, key_points=points or clauses(text))
        for text in references
    )
    name = row.get("set")
    return Asked(id_, name if isinstance(name, str) and name else "all", prompt, reference, alternatives)


def _key_points(where: str, given: Any) -> tuple[KeyPoint, ...]:
    """A rubric's elements as key points, all of them essential: a list of lists of phrasings."""
    if not isinstance(given, list):
        raise BadInput(f"{where}: key_points is no list")
    found = []
    for number, said in enumerate(given, 1):
        phrasings = [said] if isinstance(said, str) else said
        if not isinstance(phrasings, list) or not phrasings or not all(isinstance(p, str) and p for p in phrasings):
            raise BadInput(f"{where}: key point {number} is {said!r}; it must be a list of phrasings")
        found.append(KeyPoint(id=f"element-{number}", text=phrasings[0], any_of=tuple(phrasings[1:]), essential=True))
    return tuple(found)


def finite(value: float) -> float | None:
    """A number as JSON can hold it."""
    return round(value, 4) if math.isfinite(value) else None
