"""Lines of the log, read as whoever gathers logs reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

_PAIR: Final = re.compile(r'([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^ "]*))(?: |$)')


def records(text: str, form: str) -> list[dict[str, str]]:
    """Every line as a record. Raises ValueError for one that is none."""
    return [record(line, form) for line in text.splitlines()]


def record(line: str, form: str) -> dict[str, str]:
    """One line, in one of the forms of NNQUESTION_LOG. Raises ValueError."""
    if form == "json":
        found: dict[str, str] = json.loads(line)
        return found
    return dict(_pairs(line))


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(line):
        found = _PAIR.match(line, at)
        if found is None:
            raise ValueError(f"this is no record, from {line[at:]!r} on: {line}")
        yield found[1], found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
        at = found.end()
