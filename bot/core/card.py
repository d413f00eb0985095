"""A message without a platform. Adapters decide how it looks, and escape every span of `Words`.

Only `Prose` holds markup, and only the bank and our own sentences are ever put into it; what members wrote or are
called goes into `Words`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """Plain text, to be escaped; `strong` where a platform can show it so."""

    text: str
    strong: bool = False


class TimeStyle(StrEnum):
    """How exactly an instant is shown to each reader in their own time."""

    TIME = "time"
    DATE = "date"
    DATE_TIME = "date and time"


@dataclass(frozen=True, slots=True)
class When:
    """An instant, shown in the reader's own time zone; `zone` is the channel's, for platforms that know no reader's."""

    at: datetime
    style: TimeStyle = TimeStyle.DATE_TIME
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel by its id; adapters show its name."""

    id: str


@dataclass(frozen=True, slots=True)
class Jump:
    """A way to a posted message: by its channel's id, its thread and the platform's id for it."""

    channel: str
    thread: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to a web page. They say enough by themselves, for platforms that show no links."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A member, or everybody with a role; nobody is pinged. `name` is for platforms where an id alone would ping."""

    id: str
    name: str


Span = Words | When | Channel | Jump | Link | Mention


@dataclass(frozen=True, slots=True)
class Line:
    """A line of spans; `bullet` makes it an item of a list."""

    spans: tuple[Span, ...]
    bullet: bool = False


@dataclass(frozen=True, slots=True)
class Prose:
    """Text in the Markdown that Discord and Slack share: bold, italics, inline code, one level of bullets, fences."""

    markdown: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """A program or a formula, to be shown in fixed width."""

    source: str
    lang: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a board. `own` marks the reader's."""

    rank: str
    name: str
    points: str
    rest: str
    own: bool = False
    value: float = 0.0
    """What `points` says, as a number."""


@dataclass(frozen=True, slots=True)
class Board:
    """A leaderboard; `empty` is said where it has no rows."""

    rows: tuple[Row, ...]
    empty: str = ""


Block = Line | Prose | Snippet | Board


class Press(StrEnum):
    """What a button does. Its state is only this and the round: nothing secret rides in a button."""

    ANSWER = "answer"
    HINT = "hint"
    RESULT = "result"
    CHECK = "check"
    OBJECT = "object"
    """A step of an objection: `about` is what was chosen so far, a space, and the round's id."""
    CONSENT = "consent"
    """"yes" or "no", a space, and a ruling's number."""
    REVIEW = "review"
    """Something to look at: `about` is what, a space, and the channel's id."""
    RULE = "rule"
    """A ruling: `about` is the verdict, what it is on, and the channel's id, with spaces between."""
    NAMING = "naming"
    """How boards show its presser: "name", "someone" or "out"."""
    SHARE = "share"
    """A board for everybody: `about` is its season, its view, "here" or "all", and the channel's id."""
    ANSWERS = "answers"
    """What members share of a round: `about` is how many were shown before, a space, and the round's id."""
    HELPED = "helped"
    """`about` is a shared answer's mark (`sharing.mark`), a space, and the round's id; the same for the next two."""
    REPORT = "report"
    REMOVE = "remove"
    FORGET = "forget"
    """"yes": forget its presser in this group."""
    RESUME = "resume"
    TRY = "try"
    DO = "do"
    """A command for organizers: `about` is its name, a space, and the channel's id."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button: what it does, what it says, and what it is about (a round's or a channel's id)."""

    press: Press
    label: str
    about: str


class Tone(StrEnum):
    """The state a card shows, for platforms that have colours."""

    OPEN = "open"
    REVEALED = "revealed"
    QUIET = "quiet"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of `Bars`: whose or what it is, how long, and the same in figures. `own` marks the reader's."""

    label: str
    value: float
    text: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars, top to bottom as given, on a scale that begins at nought.

    `most` is where the scale ends; without it the longest bar is as long as can be. `each` is what a row is: with the
    row's number it stands for a label that cannot be drawn.
    """

    title: str
    rows: tuple[Bar, ...]
    most: float | None = None
    each: str = "member"


@dataclass(frozen=True, slots=True)
class Columns:
    """Vertical columns, left to right as given: a label and a value for each. `most` is where the scale ends."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    most: float | None = None


Chart = Bars | Columns


@dataclass(frozen=True, slots=True)
class Picture:
    """One to three charts, one below the other. `alt` says in words all that they show."""

    title: str
    charts: tuple[Chart, ...]
    alt: str


@dataclass(frozen=True, slots=True)
class File:
    """A text file that is handed to whoever asked for it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A message: title, body, picture, buttons, footer. `tone` says in which state it shows its subject."""

    title: str
    body: tuple[Block, ...] = ()
    buttons: tuple[Button, ...] = ()
    footer: tuple[Span, ...] = ()
    tone: Tone = Tone.QUIET
    picture: Picture | None = None
    files: tuple[File, ...] = ()
    """Only private replies have any."""


_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No 0/O, 1/I/L: a reference is read aloud and typed."""


def reference(key: str) -> str:
    """Six characters by which a delivery's message is found again in a channel's history."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])
    signs = []
    for _ in range(6):
        number, index = divmod(number, len(_ALPHABET))
        signs.append(_ALPHABET[index])
    return "".join(signs)
