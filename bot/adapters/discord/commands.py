"""The table of commands as Discord has it: what is registered, what comes back, what is offered while one types. Pure.

Members' commands stand below `/nnquestion`, organizers' below `/nnquestion-admin`: Discord shows or hides whole
commands. What comes back becomes the line of text that `bot.core.commands.read` reads on every platform.
https://docs.discord.com/developers/interactions/application-commands
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Container, Mapping, Sequence
from typing import Any, Final, TypeVar

from bot.core import suggestions as completion
from bot.core.commands import BY_NAME, TABLE, Command, Misread, Option, Takes, Who, line
from bot.core.commands import read as read_line
from bot.core.model import Bank
from bot.core.suggestions import cut as cut
from bot.core.suggestions import shortened as shortened
from bot.core.suggestions import units as units

T = TypeVar("T")

MEMBERS: Final = "nnquestion"
ORGANIZERS: Final = "nnquestion-admin"
SUBMIT: Final = "Submit as my answer"
"""The entry in a message's menu."""

OFFERED: Final = 25
"""The most that Discord takes of anything in a list: subcommands, options, choices, suggestions."""

_NAME: Final = 32
_DESCRIPTION: Final = 100
_LIMITS: Final = completion.Limits(offers=OFFERED, name=100, value=100)
_COMMAND: Final = 8000
"""Names, descriptions and values of a command together."""

_MANAGE_SERVER: Final = str(1 << 5)
_IN_SERVERS: Final = {"contexts": [0], "integration_types": [0]}
_SUBCOMMAND, _STRING, _USER = 1, 3, 6
_CHAT_INPUT, _MESSAGE = 1, 3

_OF_MEMBERS: Final = frozenset(o.name for command in TABLE for o in command.options if o.takes is Takes.MEMBER)
"""Options whose value is one member."""

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
    if option.takes is Takes.MEMBER:
        made["type"] = _USER
    elif completion.is_completed(option, _LIMITS):
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
_MEMBER: Final = re.compile(r"\s*(?:<@!?(?P<mentioned>[0-9]{1,20})>|@(?P<typed>[0-9]{1,20}))\s*")
_BETWEEN_MENTIONS: Final = re.compile(r"(?:[\s,;&]|and)*", re.IGNORECASE)
_CHANNEL: Final = re.compile(r"\s*(?:<#(?P<mentioned>[0-9]{1,20})>|(?P<bare>[0-9]{15,20}))\s*")


def read(data: Mapping[str, Any], *, channels: Container[int] | None = None) -> str:
    """The line that stands for a given command, fit for `bot.core.commands.read`; empty for one without a subcommand.

    `data` is the interaction's. Members and roles become `@<id>` and `@&<id>`, mentioned channels their id.
    `channels` are the server's own; the one for notes has to be among them where they are given, since anybody can
    write the number of another server's channel. Raises Misread where something else stands for a mention.
    """
    command, given = _given(data)
    return line(command, as_meant({option["name"]: _value(option) for option in given}, channels))


def as_meant(values: Mapping[str, str], channels: Container[int] | None) -> dict[str, str]:
    """Options with mentions of Discord's in the core's words. Raises Misread, as `read` does."""
    values = dict(values)
    if "organizers" in values:
        values["organizers"] = _organizers(values["organizers"])
    if "notes" in values:
        values["notes"] = _notes(values["notes"], channels)
    for name in _OF_MEMBERS & values.keys():
        values[name] = _member(values[name])
    return values


def named(text: str, data: Mapping[str, Any]) -> dict[int, str]:
    """The members of the server whom a line that was read is about: how each is called there, by number.

    `data` is the interaction's; it tells of people who were chosen from a list. Raises Misread where one is a bot, and
    where the line is none.
    """
    resolved = data.get("resolved") or {}
    users, members = resolved.get("users") or {}, resolved.get("members") or {}
    options = read_line(text).options
    found = {}
    for number in {options[name].removeprefix("@") for name in _OF_MEMBERS & options.keys()} & users.keys():
        name = members.get(number, {}).get("nick") or users[number].get("global_name") or users[number]["username"]
        if users[number].get("bot"):
            raise Misread(f"{name} is a bot. Choose a member.")
        if number in members:
            found[int(number)] = str(name)
    return found


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


def _value(option: Mapping[str, Any]) -> str:
    value = str(option.get("value", ""))
    return f"<@{value}>" if option.get("type") == _USER else value


def _member(text: str) -> str:
    if not text.strip():
        return ""
    found = _MEMBER.fullmatch(text)
    if found is None:
        raise Misread(f"“{text}” is no member. Choose one from the list, or write @ and the member's number.")
    return f"@{found['mentioned'] or found['typed']}"


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


def suggestions(
    option: Option, typed: str, *, banks: Mapping[str, Bank], zones: Sequence[str]
) -> list[tuple[str, str]]:
    """Up to 25 names and values for an option, each of at most 100 characters, the likeliest first."""
    return completion.suggestions(option, typed, banks=banks, zones=zones, limits=_LIMITS)
