"""The one table of `/nnquestion` commands, and how a line of text is read against it.

Discord builds its commands from the table; Slack and the terminal read text. Both end in an `Invocation`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Who(StrEnum):
    """Who may use a command."""

    MEMBER = "member"
    ORGANIZER = "organizer"


class Takes(StrEnum):
    """What an option takes; adapters offer choices and completion by it."""

    WORD = "word"
    TOPIC = "topic"
    QUESTION = "question"
    CHOICE = "choice"
    SWITCH = "on or off"
    TIME = "HH:MM"
    ZONE = "time zone"
    DATE = "YYYY-MM-DD"
    DATES = "dates"
    DAYS = "days"
    MEMBER = "@member"
    TEXT = "words"
    """All words that follow, as they stand."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command. A `named` one is only ever given as `name=value`."""

    name: str
    takes: Takes
    says: str
    choices: tuple[str, ...] = ()
    required: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name, who may use it, what it answers, its options in order, and an example."""

    name: str
    who: Who
    says: str
    options: tuple[Option, ...] = ()
    example: str = ""


_SETUP: Final = (
    Option("time", Takes.TIME, "local time at which a round opens, such as 09:00", named=True),
    Option("zone", Takes.ZONE, "time zone, such as Europe/Berlin", named=True),
    Option("days", Takes.DAYS, "days, such as mon-fri or mon,wed,sat; default every day", named=True),
    Option("closes", Takes.WORD, "when a round closes: next (opening), a time such as 18:00, or 8h", named=True),
    Option("reveal", Takes.WORD, "time of the reveal, such as 18:30, or close (the default)", named=True),
    Option("off", Takes.DATES, "days off, such as 2026-12-25,2026-12-26, or none", named=True),
    Option("topics", Takes.WORD, "topics, such as gradients,optimization, or any", named=True),
    Option("difficulty", Takes.WORD, "difficulty: 1, 2, 3, such as 1-2, or any", named=True),
    Option("bank", Takes.WORD, "the bank to ask from", named=True),
    Option("answers", Takes.CHOICE, "open: in the thread; sealed: by form only", ("open", "sealed"), named=True),
    Option("ask", Takes.SWITCH, "whether members may ask extra questions", ("on", "off"), named=True),
    Option("ranking", Takes.SWITCH, "whether this channel shows a board", ("on", "off"), named=True),
    Option("recap", Takes.SWITCH, "whether each week ends with a recap", ("on", "off"), named=True),
    Option("organizers", Takes.WORD, "who else may manage this drill, such as @ada,@grace, or none", named=True),
    Option("notes", Takes.WORD, "channel for notes to organizers, or here", named=True),
)

TABLE: Final = (
    Command(
        "ask",
        Who.MEMBER,
        "a question now, here, as an extra round",
        (
            Option("topic", Takes.TOPIC, "only from this topic"),
            Option("difficulty", Takes.CHOICE, "1 easy, 2 medium, 3 hard", ("1", "2", "3")),
        ),
        "ask gradients 2",
    ),
    Command("hint", Who.MEMBER, "a hint for the open round"),
    Command(
        "leaderboard",
        Who.MEMBER,
        "the board, with your own row",
        (
            Option("season", Takes.CHOICE, "which dates count; default this month", ("week", "month", "all", "past")),
            Option("where", Takes.CHOICE, "only this channel", ("here",)),
            Option("by", Takes.CHOICE, "points, or points per round open to one", ("points", "average")),
        ),
        "leaderboard all here",
    ),
    Command(
        "me",
        Who.MEMBER,
        "your points, streak and topics, your last result, when you are away, reminders, and your data",
        (
            Option(
                "show",
                Takes.CHOICE,
                "points (the default), result, why (your streak), away, remind, hide, export, forget",
                ("points", "result", "why", "away", "remind", "hide", "export", "forget"),
            ),
            Option("value", Takes.TEXT, "for away: until 2026-12-24, or back; for remind: 08:30 Europe/Berlin, or off"),
            Option("shown", Takes.CHOICE, "how boards show you", ("name", "someone", "out"), named=True),
        ),
        "me away until 2026-12-24",
    ),
    Command("history", Who.MEMBER, "past rounds", (Option("topic", Takes.TOPIC, "only of this topic"),), "history cnn"),
    Command("when", Who.MEMBER, "the next rounds here, and how many unasked questions are left"),
    Command("help", Who.MEMBER, "this table, for here and for you", (Option("command", Takes.WORD, "one command"),)),
    Command(
        "setup",
        Who.ORGANIZER,
        "make or change this channel's drill",
        _SETUP,
        "setup time=09:00 zone=Europe/Berlin days=mon-fri closes=18:00",
    ),
    Command(
        "pause",
        Who.ORGANIZER,
        "open no rounds, until a date or until resume",
        (Option("until", Takes.DATE, "the first day with a round again"),),
        "pause 2027-01-07",
    ),
    Command("resume", Who.ORGANIZER, "open rounds again"),
    Command(
        "skip",
        Who.ORGANIZER,
        "leave out the next round, or call off the open one",
        (Option("what", Takes.CHOICE, "next (the default) or open", ("next", "open")),),
        "skip open",
    ),
    Command("reveal", Who.ORGANIZER, "close the open round now and reveal it"),
    Command(
        "next",
        Who.ORGANIZER,
        "choose the next daily question",
        (Option("question", Takes.QUESTION, "the question's id", required=True),),
        "next dropout",
    ),
    Command(
        "bar",
        Who.ORGANIZER,
        "let a member give no answers and stand on no board; said again, it is undone",
        (Option("member", Takes.MEMBER, "who"),),
        "bar @mallory",
    ),
    Command("review", Who.ORGANIZER, "objections, answers that were lowered, a sleeping drill, with buttons"),
    Command(
        "award",
        Who.ORGANIZER,
        "points for what no grader sees; the thread is told",
        (
            Option("member", Takes.MEMBER, "who gets them", required=True),
            Option("points", Takes.WORD, "1 to 10", required=True),
            Option("reason", Takes.TEXT, "what for, as the thread is told", required=True),
        ),
        "award @ada 2 the clearest explanation today",
    ),
    Command("doctor", Who.ORGANIZER, "what is missing here, and the next three rounds"),
)

START: Final = Command("", Who.MEMBER, "the open round, and what one can say here")
"""What a bare `/nnquestion` stands for."""

BY_NAME: Final = {command.name: command for command in TABLE}


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command as somebody gave it, with the options they filled in."""

    command: Command
    options: Mapping[str, str] = field(default_factory=dict)


class Misread(Exception):
    """A line that is no command: what was wrong with it, and what was probably meant."""


def read(text: str) -> Invocation:
    """Read what stands after `/nnquestion`; nothing at all is `START`. Raises Misread."""
    words = _words(text)
    if not words:
        return Invocation(START)
    name, rest = words[0].lower(), words[1:]
    command = BY_NAME.get(name)
    if command is None:
        raise Misread(f"There is no command “{words[0]}”.{meant(name, list(BY_NAME))} Try /nnquestion help.")
    return Invocation(command, _options(command, rest))


def line(command: str, options: Mapping[str, str]) -> str:
    """A command and its options by name, which `read` reads back as exactly these. Empty ones were not given."""
    words = [f"{name}={value}" for name, value in options.items() if value]
    return joined(word for word in (command, *words) if word)


def joined(words: Iterable[str]) -> str:
    """Words as a line that `read` takes apart into exactly these; in double quotes where they need it."""
    return " ".join(map(_quoted, words))


_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\S)+', re.DOTALL)


def _quoted(word: str) -> str:
    if word and not re.search(r'[\s"]', word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _words(text: str) -> list[str]:
    """The words of a line. Only double quotes hold some together, so that an apostrophe is one."""
    return [
        _QUOTED.sub(lambda held: re.sub(r"\\(.)", r"\1", held[1], flags=re.DOTALL), word)
        for word in _WORD.findall(text)
    ]


def _options(command: Command, words: list[str]) -> dict[str, str]:
    by_name = {option.name: option for option in command.options}
    ordered = [option for option in command.options if not option.named]
    given: dict[str, str] = {}
    text = next((option.name for option in ordered if option.takes is Takes.TEXT), None)
    for word in words:
        name, sign, value = word.partition("=")
        known = by_name.get(name.lower()) if sign else None
        if text in given and (known is None or known.name in given):
            given[text] += f" {word}"
            continue
        free = [option for option in ordered if option.name not in given]
        if known is not None:
            option = known
        elif sign and name.isidentifier() and not (free and free[0].takes is Takes.TEXT):
            raise Misread(f"{command.name} has no option “{name}”.{meant(name, list(by_name))} {usage(command)}")
        else:
            option, value = _free(command, ordered, given, word), word
        if option.name in given:
            raise Misread(f"“{option.name}” is given twice. {usage(command)}")
        given[option.name] = _checked(option, value)
    for option in command.options:
        if option.required and option.name not in given:
            raise Misread(f"{command.name} needs {option.says}. {usage(command)}")
    return given


def _free(command: Command, ordered: list[Option], given: Mapping[str, str], word: str) -> Option:
    free = [option for option in ordered if option.name not in given]
    fitting = [option for option in free if not option.choices or word.lower() in option.choices]
    chosen = [option for option in fitting if option.choices] or fitting
    if chosen:
        return chosen[0]
    if free:
        raise Misread(_not_a_choice(free[0], word))
    names = list(BY_NAME) if not command.options else [option.name + "=" for option in command.options]
    raise Misread(f"{command.name} cannot do anything with “{word}”.{meant(word.lower(), names)} {usage(command)}")


def _checked(option: Option, value: str) -> str:
    if option.choices and value.lower() not in option.choices:
        raise Misread(_not_a_choice(option, value))
    if not value:
        raise Misread(f"“{option.name}” is empty; it takes {option.says}.")
    return value.lower() if option.choices else value


def _not_a_choice(option: Option, value: str) -> str:
    choices = list(option.choices)
    return f"“{option.name}” is one of {', '.join(choices)}, not “{value}”.{meant(value.lower(), choices)}"


def meant(word: str, known: list[str]) -> str:
    """ " Did you mean …?" where a known word is close, else nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean “{close[0].rstrip('=')}”?" if close else ""


def usage(command: Command) -> str:
    """How a command is written, in one line."""
    shown = []
    for option in command.options:
        value = "|".join(option.choices) or option.takes.value
        text = f"{option.name}={value}" if option.named else (value if option.choices else option.name)
        shown.append(text if option.required else f"[{text}]")
    line = f"/nnquestion {command.name} {' '.join(shown)}".rstrip()
    return f"Use it so: {line}"
