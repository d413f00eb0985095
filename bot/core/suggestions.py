"""What is offered for an option while one types, on every platform that completes; and texts cut to a length.

Each platform takes another number of offers, of another length: its adapter says so by its `Limits`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.core.commands import TABLE, Option, Takes
from bot.core.model import Bank, Question, Status
from bot.core.shown import on_one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a platform takes: how many offers, and how many UTF-16 units of a name and of a value."""

    offers: int
    name: int
    value: int


_COMPLETED: Final = frozenset({Takes.TOPIC, Takes.QUESTION, Takes.ZONE})
_COMPLETED_WORDS: Final = frozenset({"topics", "bank", "command"})
"""Options that take any word, as far as the table knows."""

_USUAL_ZONES: Final = (
    *("UTC", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Mexico_City"),
    *("America/Sao_Paulo", "Europe/London", "Europe/Paris", "Europe/Berlin", "Europe/Amsterdam", "Europe/Istanbul"),
    *("Europe/Moscow", "Africa/Lagos", "Africa/Johannesburg", "Asia/Dubai", "Asia/Kolkata", "Asia/Dhaka"),
    *("Asia/Jakarta", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Asia/Seoul", "Australia/Sydney"),
    "Pacific/Auckland",
)
_AREAS: Final = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
"""Where zones are named after cities; elsewhere stand older names of them."""

_CLOSE: Final = 0.7
"""How alike two spellings must be for one to be taken for the other mistyped, as difflib counts it."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """A value with the name it is offered by, and what people type for it, folded, the likeliest first."""

    name: str
    value: str
    spellings: tuple[str, ...]


def suggestions(
    option: Option, typed: str, *, banks: Mapping[str, Bank], zones: Sequence[str], limits: Limits
) -> list[tuple[str, str]]:
    """Names and values for an option, within a platform's limits, the likeliest first.

    What begins with what was typed comes before what has a word that does, then what holds it, then what is spelled
    nearly so. Case, spaces, hyphens, underscores and accents do not matter.
    """
    typed = typed[: limits.value]
    if option.name == "topics":
        found = _more_topics(typed, banks, limits.offers)
    else:
        found = ((o.name, o.value) for o in _ranked(_offers(option, banks, zones), typed, limits.offers))
    offered: dict[str, str] = {}
    for name, value in found:
        if 0 < units(value) <= limits.value and (shown := shortened(name, limits.name)):
            offered.setdefault(value, shown)
        if len(offered) == limits.offers:
            break
    return [(name, value) for value, name in offered.items()]


def is_completed(option: Option, limits: Limits) -> bool:
    """Whether an option's values are offered while one types: there are too many to list, or the banks decide."""
    longest = min(limits.name, limits.value)
    fits = len(option.choices) <= limits.offers and all(1 <= units(choice) <= longest for choice in option.choices)
    return not fits or option.takes in _COMPLETED or option.name in _COMPLETED_WORDS


def _more_topics(typed: str, banks: Mapping[str, Bank], most: int) -> Iterator[tuple[str, str]]:
    """Lists of topics, longer by one. Each is its own name: the field shows that, and one may type on in it."""
    before, _, last = typed.rpartition(",")
    given = [topic for piece in before.split(",") if (topic := piece.strip())]
    if not given:
        yield from ((offer.name, offer.value) for offer in _ranked([_Offer("any", "any", ("any",))], last, most))
    for offer in _ranked(_topics(banks), last, most):
        if offer.value not in given:
            several = ",".join((*given, offer.value))
            yield several, several


def _offers(option: Option, banks: Mapping[str, Bank], zones: Sequence[str]) -> Sequence[_Offer]:
    match option.takes, option.name:
        case Takes.ZONE, _:
            return _zones(tuple(zones))
        case Takes.QUESTION, _:
            return [_question(question) for bank in banks.values() for question in bank.questions if _asked(question)]
        case Takes.TOPIC, _:
            return _topics(banks)
        case _, "bank":
            return [
                _Offer(f"{bank.title} ({bank.id})", bank.id, _folds(bank.id, bank.title)) for bank in banks.values()
            ]
        case _, "command":
            return [_Offer(f"{c.name}: {c.says}", c.name, _folds(c.name)) for c in TABLE]
    return [_Offer(choice, choice, _folds(choice)) for choice in option.choices]


def _topics(banks: Mapping[str, Bank]) -> list[_Offer]:
    titles = {topic: title for bank in banks.values() for topic, title in bank.topics.items()}
    return [_Offer(title or topic, topic, _folds(title, topic)) for topic, title in titles.items()]


def _question(question: Question) -> _Offer:
    spellings = _folds(question.slug, question.id, question.prompt)
    return _Offer(f"{question.slug}: {question.prompt}", question.id, spellings)


def _asked(question: Question) -> bool:
    return question.status is not Status.RETIRED


@lru_cache(maxsize=2)
def _zones(zones: tuple[str, ...]) -> tuple[_Offer, ...]:
    """Every zone, by its city and by its whole name; the usual ones first, then those named after a city."""

    def order(zone: str) -> tuple[int, bool, str]:
        usual = _USUAL_ZONES.index(zone) if zone in _USUAL_ZONES else len(_USUAL_ZONES)
        return usual, zone.partition("/")[0] not in _AREAS, zone

    return tuple(_Offer(zone, zone, _folds(zone.rpartition("/")[2], zone)) for zone in sorted(zones, key=order))


def _ranked(offers: Iterable[_Offer], typed: str, most: int) -> Iterator[_Offer]:
    """Those that fit what was typed, best first; nothing fits all of them alike, so they stay as they come.

    Fewer than `most` are filled up with what is spelled nearly so.
    """
    offers, wanted = list(offers), _fold(typed)
    fitting = sorted((fit, number) for number, offer in enumerate(offers) if (fit := _fit(offer, wanted)) is not None)
    yield from (offers[number] for _, number in fitting)
    if len(fitting) >= most:
        return
    squeezed: dict[str, list[int]] = {}
    for number in sorted(set(range(len(offers))) - {number for _, number in fitting}):
        for spelling in offers[number].spellings:
            squeezed.setdefault(_squeeze(spelling), []).append(number)
    near = difflib.get_close_matches(_squeeze(wanted), squeezed, n=most, cutoff=_CLOSE)
    yield from (offers[number] for number in dict.fromkeys(n for spelling in near for n in squeezed[spelling]))


def _fit(offer: _Offer, wanted: str) -> tuple[int, int] | None:
    """How well an offer fits: how its best spelling does, and which that is; the lower the better."""
    fits = [
        (fit, number) for number, spelling in enumerate(offer.spellings) if (fit := _likeness(spelling, wanted)) < 4
    ]
    return min(fits, default=None)


def _likeness(spelling: str, wanted: str) -> int:
    """0 the same, 1 begins with it, 2 has a word that does, 3 holds it, 4 none of these."""
    bare, squeezed = _squeeze(spelling), _squeeze(wanted)
    if bare.startswith(squeezed):
        return 0 if bare == squeezed else 1
    if f" {wanted}" in spelling:
        return 2
    return 3 if squeezed in bare else 4


def _folds(*texts: str) -> tuple[str, ...]:
    return tuple(folded for text in texts if (folded := _fold(text)))


def _fold(text: str) -> str:
    """Words without case and accents, with one space between them."""
    text = text.casefold()
    if not text.isascii():
        text = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return " ".join(re.split(r"[\s_/:,-]+", text)).strip()


def _squeeze(folded: str) -> str:
    return folded.replace(" ", "")


# --- lengths ------------------------------------------------------------------------------------------------


def units(text: str) -> int:
    """A text's length in UTF-16 units, as JavaScript counts. Where code points are counted, these are never fewer."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, room: int) -> str:
    """As much of a text as fits."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * room].decode("utf-16-le", "ignore")


def shortened(text: str, room: int) -> str:
    """A text on one line, which ends after a word and with an ellipsis where it is too long."""
    text = on_one_line(text).strip()
    if units(text) <= room:
        return text
    kept = cut(text, room - 1)
    if not text[len(kept)].isspace():
        space = kept.rfind(" ", len(kept) // 2)
        kept = kept[:space] if space > 0 else kept
    return kept.rstrip(" ,;:") + "…"
