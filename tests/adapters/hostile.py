"""What somebody sends who means ill, or whose client is broken: organizers' commands, and mangled payloads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Final

from bot.core.commands import TABLE, Command, Who

ORGANIZERS: Final = tuple(command for command in TABLE if command.who is Who.ORGANIZER)

TOUCHED: Final = frozenset({"events", "facts"})
"""Tables that also know of what was refused: what has been heard, and what the program keeps for itself."""


def filled_in(command: Command, *, member: str = "") -> dict[str, str]:
    """Options with which a command does something. `member` is whom it is about, as the platform writes them."""
    given = {
        "setup": {"time": "07:00", "zone": "UTC", "organizers": member},
        "pause": {"until": "2027-01-07"},
        "skip": {"what": "open"},
        "next": {"question": "dropout"},
        "bar": {"member": member},
        "award": {"member": member, "points": "3", "reason": "because I say so"},
    }
    return given.get(command.name, {})


def kept(database: Path) -> dict[str, list[Any]]:
    """All rows of all tables that may not change by what is refused."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as tables:
        names = [name for (name,) in tables.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert {*names} >= {"drills", "rounds", "rulings", "exemplars", "members", "ledger", "answers", *TOUCHED}
        return {name: tables.execute(f"SELECT * FROM {name}").fetchall() for name in sorted({*names} - TOUCHED)}


# --- payloads ----------------------------------------------------------------------------------------------------

_STRANGE: Final[Sequence[Any]] = (
    *(None, True, False, 0, -1, 7, 2**70, 1.5, [], {}, [[]], [None], {"id": None}, {"x": {"y": "z"}}, ["a", "b"]),
    *("", " ", "x", "\x00", "\ud800", "\u202e@everyone", "²", "٣", "null", "{", "[]", '{"about": 3}', "..", "a" * 5000),
    *("🐜" * 2000, "<@1>", "<!channel>", "%s%n{0}", "'; DROP TABLE drills; --", "1" * 400, "-1", "NaN", "1e999"),
)


class Mangler:
    """Payloads as nobody should send them, the same ones for the same seed. `words` are such as the bot understands."""

    def __init__(self, seed: int, words: Iterable[str]) -> None:
        self._random = Random(seed)
        self._words = list(words)

    def mangled(self, payload: Mapping[str, Any], times: int = 2) -> Any:
        """A copy in which up to so many things are gone, something else, of another kind, or far too long."""
        made = json.loads(json.dumps(payload))
        for _ in range(self._random.randint(1, times)):
            places = list(_places(made))
            if places:
                self._break(*self._random.choice(places))
        return made

    def choice(self, things: Sequence[Any]) -> Any:
        return self._random.choice(things)

    def _break(self, inside: Any, key: Any) -> None:
        value = inside[key]
        match self._random.randrange(6):
            case 0:
                del inside[key]
            case 1 | 2:
                inside[key] = self._random.choice(_STRANGE)
            case 3:
                inside[key] = self._random.choice(self._words)
            case 4 if isinstance(value, str):
                inside[key] = self._cut_and_joined(value)
            case _:
                inside[key] = self._random.choice(([value], {"value": value}, str(value), [value, value]))

    def _cut_and_joined(self, text: str) -> str:
        other = self._random.choice(self._words)
        at, there = self._random.randint(0, len(text)), self._random.randint(0, len(other))
        return self._random.choice((text[:at] + other[there:], text[at:], text[:at], text + other, text * 2))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything that stands in something, as the container and the key."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in list(inside):
        yield value, key
        yield from _places(one)
