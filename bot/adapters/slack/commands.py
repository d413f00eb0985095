"""What stands after `/nnquestion`, as Slack sends it, as the line that `bot.core.commands.read` reads. Pure.

The manifest sets `should_escape`, so mentions come as `<@U123|ada>` and `<#C123|general>`, and `& < >` as entities; so
does the text of a message that mentions the bot. On phones quotation marks are curly and blanks do not break.
https://docs.slack.dev/interactivity/implementing-slash-commands and
https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from bot.core.commands import BY_NAME, Command, Misread, Takes, joined


def read(text: str) -> str:
    """The line that stands for what was said, fit for `bot.core.commands.read`; empty for nothing.

    Mentions of members become `@<id>`, those of channels their id; in an option that takes all words that follow they
    stay as they were seen. Words may be put in quotation marks, and the pieces of a list may have blanks between them.
    Raises Misread where something else stands for a mention, and where options are written as `time: 09:00`.
    """
    words = list(_words(text))
    if not words:
        return ""
    name, rest = words[0].text, words[1:]
    command = BY_NAME.get(name.lower())
    if command is None:
        return joined(word.text for word in words)
    given, last = _apart(command, rest)
    if meant := _with_equals(command, given):
        meant = " ".join([meant, *last])
        raise Misread(f"Options are written with an equals sign here. Did you mean /nnquestion {meant}?")
    return joined([name, *_options(command, given), *last])


def names(text: str) -> dict[str, str]:
    """What the members who are mentioned in a text are called, by their ids, as far as Slack says it."""
    marks = map(_mark, _MARK.finditer(text))
    return {mark.id: mark.label for mark in marks if mark.sort is _Sort.USER and mark.label}


# --- words --------------------------------------------------------------------------------------------------------


class _Sort(Enum):
    USER = auto()
    CHANNEL = auto()
    OTHER = auto()
    """A user group, everybody, a link: none of them can be told from words with any use here."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Something that Slack has put in `<…>`."""

    sort: _Sort
    id: str
    label: str

    @property
    def text(self) -> str:
        """What stands for it in a line."""
        match self.sort:
            case _Sort.USER:
                return f"@{self.id}"
            case _Sort.CHANNEL:
                return self.id
            case _Sort.OTHER:
                return self.label or self.id

    @property
    def shown(self) -> str:
        """How its author saw it."""
        return {_Sort.USER: "@", _Sort.CHANNEL: "#"}.get(self.sort, "") + (self.label or self.id)


@dataclass(frozen=True, slots=True)
class _Word:
    """What stands between two blanks: signs, and marks among them."""

    parts: tuple[str | _Mark, ...]

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)

    @property
    def shown(self) -> str:
        return "".join(part if isinstance(part, str) else part.shown for part in self.parts)

    def divided(self, signs: str) -> tuple[str, _Word] | None:
        """The word before and behind the first of these signs; None without one in front of any mark."""
        for number, part in enumerate(self.parts):
            if isinstance(part, _Mark):
                return None
            if part in signs:
                return "".join(map(str, self.parts[:number])), _Word(self.parts[number + 1 :])
        return None


_MARK: Final = re.compile(
    r"<(?:@(?P<user>[A-Za-z0-9_.-]{1,40})|#(?P<channel>[A-Za-z0-9_.-]{1,40})|!?(?P<other>[^<>|]*))(?:\|(?P<label>[^<>]*))?>"
)
_DOUBLE, _SINGLE = '"“”„«»', "'\u2018\u2019\u201a"
_QUOTES: Final[Mapping[str, str]] = {**dict.fromkeys(_DOUBLE, _DOUBLE), **dict.fromkeys(_SINGLE, _SINGLE)}
"""What opens a quotation, and what may close it."""

_EQUALS: Final = "=\N{FULLWIDTH EQUALS SIGN}"
_COLONS: Final = ":\N{FULLWIDTH COLON}"
_UNSEEN: Final = "\u200b\u2060\u2068\u2069\ufeff"
"""Signs without width, which some clients put around mentions."""


def _mark(found: re.Match[str]) -> _Mark:
    label = _plain(found["label"] or "").strip()
    if found["user"]:
        return _Mark(_Sort.USER, found["user"], label)
    if found["channel"]:
        return _Mark(_Sort.CHANNEL, found["channel"], label)
    return _Mark(_Sort.OTHER, _plain(found["other"] or ""), label)


def _parts(text: str) -> Iterator[str | _Mark]:
    """The signs and marks of a text."""
    end = 0
    for found in _MARK.finditer(text):
        yield from _plain(text[end : found.start()])
        yield _mark(found)
        end = found.end()
    yield from _plain(text[end:])


def _plain(text: str) -> str:
    """Slack writes these three so, and no others."""
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return "".join(sign for sign in text if sign not in _UNSEEN)


def _words(text: str) -> Iterator[_Word]:
    """Words between blanks; in quotation marks blanks belong to the word. A mark that nothing closes is a sign."""
    parts = list(_parts(text))
    word: list[str | _Mark] = []
    begun = False
    unclosed: set[str] = set()
    at = 0
    while at < len(parts):
        part = parts[at]
        if isinstance(part, str) and part.isspace():
            if begun:
                yield _Word(tuple(word))
            word, begun = [], False
        elif isinstance(part, str) and (closing := _QUOTES.get(part)) and closing not in unclosed and _may_open(word):
            if end := _closing(parts, at, closing):
                word += parts[at + 1 : end]
                at = end
            else:
                unclosed.add(closing)  # Then nothing closes a later one either.
                word.append(part)
            begun = True
        else:
            word.append(part)
            begun = True
        at += 1
    if begun:
        yield _Word(tuple(word))


def _may_open(word: Sequence[str | _Mark]) -> bool:
    """Where a quotation mark begins a quotation: elsewhere it is an apostrophe."""
    return not word or (isinstance(word[-1], str) and word[-1] in f"{_EQUALS},")


def _closing(parts: Sequence[str | _Mark], at: int, closing: str) -> int:
    """Where the quotation that opens here closes: before a blank or a comma, or at the end; 0 where it does not."""
    for place in range(at + 1, len(parts)):
        part = parts[place]
        if isinstance(part, str) and part in closing:
            after = parts[place + 1] if place + 1 < len(parts) else " "
            if isinstance(after, str) and (after.isspace() or after == ","):
                return place
    return 0


# --- options ------------------------------------------------------------------------------------------------------


def _apart(command: Command, words: Sequence[_Word]) -> tuple[Sequence[_Word], list[str]]:
    """All words but those of the option that takes what follows, and that option, where there is one.

    As in `bot.core.commands`, another option that is named behind it is still one, if it was not given before.
    """
    ordered = [option.name for option in command.options if not option.named]
    if not any(option.takes is Takes.TEXT and option.name == ordered[-1] for option in command.options):
        return words, []
    *others, text = ordered
    at, given = 0, set[str]()
    while at < len(words):
        name, value = _named(command, words[at], _EQUALS + _COLONS) or ("", words[at])
        free = [other for other in others if other not in given]
        if name == text or (not free and (not name or name in given)):
            break
        given.add(name or free[0])
        at += 1 if value.parts else 2  # What is named may stand in the next word.
    else:
        return words, []
    before, said = list(words[:at]), [value if name == text else words[at]]
    for word in words[at + 1 :]:
        also = _named(command, word, _EQUALS)
        if also is None or also[0] in given or also[0] == text:
            said.append(word)
        else:
            given.add(also[0])
            before.append(word)
    return before, [f"{text}={' '.join(word.shown for word in said if word.parts)}"]


def _options(command: Command, words: Sequence[_Word]) -> Iterator[str]:
    given = list(_given(command, words))
    named = {name for name, _ in given}
    free = iter([option for option in command.options if not option.named and option.name not in named])
    takes = {option.name: option.takes for option in command.options}
    for name, value in given:
        option = next(free, None) if not name else None
        if Takes.MEMBER in (takes.get(name), option and option.takes):
            yield f"{name}={_member(value)}" if name else _member(value)
        elif not name:
            yield value.text
        elif name == "organizers":
            yield f"organizers={_organizers(value)}"
        elif name == "notes":
            yield f"notes={_notes(value)}"
        else:
            yield f"{name}={value.text}"


def _given(command: Command, words: Sequence[_Word]) -> Iterator[tuple[str, _Word]]:
    """Every option with its value, by name where it was named. A list goes on over blanks beside its commas."""
    at = 0
    while at < len(words):
        name, value = _named(command, words[at], _EQUALS) or ("", words[at])
        parts = list(value.parts)
        at += 1
        while name and at < len(words) and _goes_on(command, name, parts, words[at]):
            parts += [" "] if name == "organizers" and parts else []
            parts += words[at].parts
            at += 1
        yield name, _Word(tuple(parts))


def _goes_on(command: Command, name: str, parts: Sequence[str | _Mark], following: _Word) -> bool:
    """Whether an option's value goes on in the next word: a list beside a comma, mentions beside each other."""
    if _named(command, following, _EQUALS) is not None:
        return False
    if name == "organizers" and parts:
        return _LIST_OF_MENTIONS.fullmatch(_outline(following)) is not None
    return not parts or parts[-1] == "," or following.parts[:1] == (",",)


def _named(command: Command, word: _Word, signs: str) -> tuple[str, _Word] | None:
    """An option of a command that a word begins with, and what is behind its sign."""
    divided = word.divided(signs)
    if divided is None or divided[0].lower() not in {option.name for option in command.options}:
        return None
    return divided[0].lower(), divided[1]


def _with_equals(command: Command, words: Sequence[_Word]) -> str:
    """What was probably meant by `time: 09:00`, as it is written here; empty where nothing is written so."""
    if not any(_named(command, word, _COLONS) for word in words):
        return ""
    said: list[str] = []
    for word in words:
        if (named := _named(command, word, _EQUALS) or _named(command, word, _COLONS)) is not None:
            said.append(f"{named[0]}={named[1].shown}")
        elif said and said[-1].endswith(("=", ",")):
            said[-1] += word.shown
        else:
            said.append(word.shown)
    return " ".join((command.name, *said))


_LIST_OF_MENTIONS: Final = re.compile(r"(?:[\0,;&]|and)*")


def _outline(word: _Word) -> str:
    """A word with a sign that nobody types for each mention of a member."""
    return "".join(
        ("\0" if part.sort is _Sort.USER else "?") if isinstance(part, _Mark) else part.replace("\0", "?").lower()
        for part in word.parts
        if not (isinstance(part, str) and part.isspace())
    )


def _organizers(value: _Word) -> str:
    if not value.parts or value.text.strip().lower() == "none":
        return value.text.strip()
    mentioned = [part for part in value.parts if isinstance(part, _Mark)]
    if not mentioned or not _LIST_OF_MENTIONS.fullmatch(_outline(value)):
        raise Misread(
            f"“{value.shown}” does not name organizers. Type @ and choose members from the list, or say none."
            " User groups cannot be organizers."
        )
    return ",".join(dict.fromkeys(mark.text for mark in mentioned))


def _member(value: _Word) -> str:
    match [part for part in value.parts if not (isinstance(part, str) and part.isspace())]:
        case [_Mark(sort=_Sort.USER) as mark]:
            return mark.text
        case []:
            return ""
    raise Misread(f"“{value.shown}” is no member. Type @ and choose one from the list.")


_CHANNEL: Final = re.compile(r"(?=[A-Z]*[0-9])[CG][A-Z0-9]{8,20}")
"""An id of a channel as Slack shows it in a channel's details, and nobody's channel is called so."""


def _notes(value: _Word) -> str:
    match [part for part in value.parts if not (isinstance(part, str) and part.isspace())]:
        case [_Mark(sort=_Sort.CHANNEL, id=channel)] if not channel.startswith("D"):
            return channel
    said = value.text.strip()
    if not said or said.lower() == "here" or _CHANNEL.fullmatch(said):
        return said
    raise Misread(f"“{value.shown}” is no channel. Type # and choose one from the list, or say here.")
