"""Values as text: instants that sort, and JSON for what is nested.

What an older version wrote stays readable: unknown keys are ignored, and missing ones take the field's default.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any, TypeVar, get_origin

from cattrs import Converter
from cattrs.strategies import configure_tagged_union

from bot.core.card import Block, Chart, Span
from bot.core.model import Question

T = TypeVar("T")


def instant(at: datetime) -> str:
    """An aware datetime as UTC text of one width, so that text order is time order."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def instant_or_none(at: datetime | None) -> str | None:
    """The same for an instant that may be missing."""
    return None if at is None else instant(at)


def at_instant(text: str) -> datetime:
    """The datetime that `instant` wrote."""
    return datetime.fromisoformat(text)


def at_instant_or_none(text: str | None) -> datetime | None:
    """The same for an instant that may be missing."""
    return None if text is None else at_instant(text)


def dump(kind: type[T], value: T) -> str:
    """A value as JSON; equal values give equal text."""
    return json.dumps(_converter.unstructure(value, unstructure_as=kind), ensure_ascii=False, separators=(",", ":"))


def load(kind: type[T], text: str) -> T:
    """The value that `dump` wrote."""
    return _converter.structure(json.loads(text), kind)


@lru_cache(maxsize=512)
def load_question(text: str) -> Question:
    """A round's copy of its question. The copies are large, few and never change, so they are worth keeping."""
    return load(Question, text)


def _is_frozenset(kind: Any) -> bool:
    return kind is frozenset or get_origin(kind) is frozenset


def _sorted_frozenset(_: Any, converter: Converter) -> Callable[[frozenset[Any]], list[Any]]:
    return lambda members: [converter.unstructure(member) for member in sorted(members)]


def _new_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_unstructure_hook(datetime, instant)
    converter.register_structure_hook(datetime, lambda text, _: at_instant(text))
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_structure_hook(date, lambda text, _: date.fromisoformat(text))
    converter.register_unstructure_hook(time, time.isoformat)
    converter.register_structure_hook(time, lambda text, _: time.fromisoformat(text))
    converter.register_unstructure_hook_factory(_is_frozenset, _sorted_frozenset)
    # The tags are the classes' names and lie in the database: a class that is renamed keeps its old tag.
    for union in (Span, Block, Chart):
        configure_tagged_union(union, converter, tag_name="is")
    return converter


_converter = _new_converter()
