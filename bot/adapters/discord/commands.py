"""The table of commands as Discord has it: what is registered, what comes back, what is offered while one types. Pure.

Members' commands stand below `/nnquestion`, organizers' below `/nnquestion-admin`: Discord shows or hides whole
commands. What comes back becomes the line of text that `bot.core.commands.read` reads on every platform.
https://docs.discord.com/developers/interactions/application-commands
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import shlex
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from bot.core.commands import BY_NAME, TABLE, Command, Misread, Option, Takes, Who
from bot.core.model import Bank, Question, Status
from bot.core.shown import on_one_line

T = TypeVar("T")

MEMBERS: Final = "nnquestion"
ORGANIZERS: Final = "nnquestion-admin"
SUBMIT: Final = "Submit as my answer"
"""The entry in a message's menu."""

OFFERED: Final = 25
"""The most that Discord takes of anything in a list: subcommands, options, choices, suggestions."""

_NAME: Final = 32
_DESCRIPTION: Final = 100
_CHOICE: Final = 100
_COMMAND: Final = 8000
"""Names, descriptions and values of a command together."""

_MANAGE_SERVER: Final = str(1 << 5)
_IN_SERVERS: Final = {"contexts": [0], "integration_types": [0]}
_SUBCOMMAND, _STRING = 1, 3
_CHAT_INPUT, _MESSAGE = 1, 3

_ABOUT: Final = (
    (MEMBERS, Who.MEMBER, "Questions, hints, boards and your own points"),
    (ORGANIZERS, Who.ORGANIZER, "Set up this channel's drill, and run it by hand"),
)


# --- what is registered -------------------------------------------------------------------------------------


def payload(table: Sequence[Command] = TABLE) -> list[dict[str, Any]]:
    """All application commands, as one `PUT .../commands` takes them. Raises ValueError for a table beyond its limits.

    Descriptions are shortened; more choices than Discord takes are offered while one types instead.
    """
    made: list[dict[str, Any]] = []
    for name, who, says in _ABOUT:
        mine = [command for command in table if command.who is who]
        if not mine:
            continue
        options = [_subcommand(command) for command in _few(mine, f"/{name}")]
        whole = {"type": _CHAT_INPUT, "name": name, "description": says, "options": options, **_IN_SERVERS}
        if who is Who.ORGANIZER:
            whole["default_member_permissions"] = _MANAGE_SERVER
        if (size := _size(whole)) > _COMMAND:
            raise ValueError(f"/{name} has {size} characters; Discord takes {_COMMAND}: shorten its descriptions")
        made.append(whole)
    return [*made, {"type": _MESSAGE, "name": SUBMIT, **_IN_SERVERS}]


def digest(payload: Sequence[Mapping[str, Any]]) -> str:
    """The same for the same commands in any process, another for any others."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def _subcommand(command: Command) -> dict[str, Any]:
    options = _few(command.options, f"the command {command.name}")
    return {
        "type": _SUBCOMMAND,
        "name": _named(command.name),
        "description": _description(command.says, command.name),
        "options": [_option(option) for option in sorted(options, key=lambda option: not option.required)],
    }


def _option(option: Option) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": _STRING,
        "name": _named(option.name),
        "description": _description(option.says, option.name),
        "required": option.required,
    }
    if _is_completed(option):
        made["autocomplete"] = True
    elif option.choices:
        made["choices"] = [{"name": choice, "value": choice} for choice in option.choices]
    return made


def _description(says: str, name: str) -> str:
    says = says.strip() or name
    return shortened(says[0].upper() + says[1:], _DESCRIPTION)


def _named(name: str) -> str:
    letters = all(sign in "-_'" or unicodedata.category(sign)[0] in "LN" for sign in name)
    if not 1 <= units(name) <= _NAME or not letters or name != name.lower():
        raise ValueError(f"Discord takes no command or option called {name!r}: 1 to {_NAME} small letters and digits")
    return name


def _few(things: Sequence[T], where: str) -> Sequence[T]:
    if len(things) > OFFERED:
        raise ValueError(f"{where} has {len(things)} entries; Discord takes {OFFERED}")
    return things


def _size(made: Mapping[str, Any]) -> int:
    own = sum(units(made.get(key, "")) for key in ("name", "description", "value"))
    return own + sum(_size(part) for key in ("options", "choices") for part in made.get(key, ()))


# --- what comes back ----------------------------------------------------------------------------------------

_MENTION: Final = re.compile(r"<@(?:!?(?P<user>[0-9]{1,20})|&(?P<role>[0-9]{1,20}))>")
_BETWEEN_MENTIONS: Final = re.compile(r"(?:[\s,;&]|and)*", re.IGNORECASE)
_CHANNEL: Final = re.compile(r"\s*(?:<#(?P<mentioned>[0-9]{1,20})>|(?P<bare>[0-9]{15,20}))\s*")


def read(data: Mapping[str, Any], *, channels: Container[int] | None = None) -> str:
    """The line that stands for a given command, fit for `bot.core.commands.read`; empty for one without a subcommand.

    `data` is the interaction's. Mentions of members and roles become `@<id>` and `@&<id>`, those of channels their id.
    `channels` are the server's own; the one for notes has to be among them where they are given, since anybody can
    write the number of another server's channel. Raises Misread where something else stands for a mention.
    """
    command, given = _given(data)
    values = {option["name"]: str(option.get("value", "")) for option in given}
    if "organizers" in values:
        values["organizers"] = _organizers(values["organizers"])
    if "notes" in values:
        values["notes"] = _notes(values["notes"], channels)
    return line(command, values)


def line(command: str, options: Mapping[str, str]) -> str:
    """A command and its options by name in one line, which is read back as exactly these. Empty ones were not given."""
    words = [f"{name}={value}" for name, value in options.items() if value]
    return " ".join(shlex.quote(word) for word in (command, *words) if word)


def focused(data: Mapping[str, Any]) -> tuple[Option | None, str]:
    """The option somebody is typing at, None where there is none, and what stands in it so far."""
    command, given = _given(data)
    known = {option.name: option for option in BY_NAME[command].options} if command in BY_NAME else {}
    for option in given:
        if option.get("focused"):
            return known.get(option["name"]), str(option.get("value", ""))
    return None, ""


def _given(data: Mapping[str, Any]) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The subcommand's name and its options."""
    for subcommand in data.get("options") or ():
        return str(subcommand["name"]), subcommand.get("options") or ()
    return "", ()


def _organizers(text: str) -> str:
    if not text or text.strip().lower() == "none":
        return text.strip()
    found = [f"@&{m['role']}" if m["role"] else f"@{m['user']}" for m in _MENTION.finditer(text)]
    if not found or not _BETWEEN_MENTIONS.fullmatch(_MENTION.sub(" ", text)):
        raise Misread(
            f"“{text}” does not name organizers. Type @ and choose members or roles from the list, or say none."
        )
    return ",".join(dict.fromkeys(found))


def _notes(text: str, channels: Container[int] | None) -> str:
    if not text or text.strip().lower() == "here":
        return text.strip()
    found = _CHANNEL.fullmatch(text)
    if found is None:
        raise Misread(f"“{text}” is no channel. Type # and choose one from the list, or say here.")
    number = found["mentioned"] or found["bare"]
    if channels is not None and int(number) not in channels:
        raise Misread("Notes go to a channel of this server. Type # and choose one from the list, or say here.")
    return number


# --- what is offered while one types ------------------------------------------------------------------------

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
    option: Option, typed: str, *, banks: Mapping[str, Bank], zones: Sequence[str]
) -> list[tuple[str, str]]:
    """Up to 25 names and values for an option, each of at most 100 characters, the likeliest first.

    What begins with what was typed comes before what has a word that does, then what holds it, then what is spelled
    nearly so. Case, spaces, hyphens, underscores and accents do not matter.
    """
    typed = typed[:_CHOICE]
    if option.name == "topics":
        found = _more_topics(typed, banks)
    else:
        found = ((offer.name, offer.value) for offer in _ranked(_offers(option, banks, zones), typed))
    offered: dict[str, str] = {}
    for name, value in found:
        if 0 < units(value) <= _CHOICE and (shown := shortened(name, _CHOICE)):
            offered.setdefault(value, shown)
        if len(offered) == OFFERED:
            break
    return [(name, value) for value, name in offered.items()]


def _is_completed(option: Option) -> bool:
    fits = len(option.choices) <= OFFERED and all(1 <= units(choice) <= _CHOICE for choice in option.choices)
    return not fits or option.takes in _COMPLETED or option.name in _COMPLETED_WORDS


def _more_topics(typed: str, banks: Mapping[str, Bank]) -> Iterator[tuple[str, str]]:
    """Lists of topics, longer by one. Each is its own name: the field shows that, and one may type on in it."""
    before, _, last = typed.rpartition(",")
    given = [topic for piece in before.split(",") if (topic := piece.strip())]
    if not given:
        yield from ((offer.name, offer.value) for offer in _ranked([_Offer("any", "any", ("any",))], last))
    for offer in _ranked(_topics(banks), last):
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


def _ranked(offers: Iterable[_Offer], typed: str) -> Iterator[_Offer]:
    """Those that fit what was typed, best first; nothing fits all of them alike, so they stay as they come."""
    offers, wanted = list(offers), _fold(typed)
    fitting = sorted((fit, number) for number, offer in enumerate(offers) if (fit := _fit(offer, wanted)) is not None)
    yield from (offers[number] for _, number in fitting)
    if len(fitting) >= OFFERED:
        return
    squeezed: dict[str, list[int]] = {}
    for number in sorted(set(range(len(offers))) - {number for _, number in fitting}):
        for spelling in offers[number].spellings:
            squeezed.setdefault(_squeeze(spelling), []).append(number)
    near = difflib.get_close_matches(_squeeze(wanted), squeezed, n=OFFERED, cutoff=_CLOSE)
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
    """A text's length in UTF-16 units. Where Discord counts code points, these are never fewer."""
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
