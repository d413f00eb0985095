"""The rules for application commands.

https://docs.discord.com/developers/interactions/application-commands
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from .errors import ApiError, Json, Node, Problems, Refusal

SLASH, USER, MESSAGE = 1, 2, 3
LIMITS: Final[Mapping[int, int]] = {SLASH: 100, USER: 15, MESSAGE: 15}
"""Commands of a type, globally and once more in each guild."""
TOTAL: Final = 8000

# fmt: off
LOCALES: Final = frozenset(
    ["id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl", "no", "pl", "pt-BR",
     "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja", "zh-TW", "ko"]
)
# fmt: on


class Option(IntEnum):
    """The types of options."""

    SUBCOMMAND = 1
    GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


_SCRIPTS: Final = (("\u0900", "\u097f"), ("\u0e00", "\u0e7f"))
"""Devanagari and Thai, of which all signs may stand in names."""

_WITH_CHOICES: Final = (Option.STRING, Option.INTEGER, Option.NUMBER)


def read_commands(body: Any) -> list[Json]:
    """A whole list of commands, as a bulk overwrite sends it. Raises for everything wrong with it."""
    problems = Problems()
    root = Node(body, problems)
    if not isinstance(body, list):
        raise ApiError(Refusal.INVALID_FORM, {"_errors": [{"code": "LIST_TYPE_CONVERT", "message": "Expected a list"}]})
    commands = []
    names: set[tuple[int, str]] = set()
    for item in root.items(LIMITS[SLASH] + LIMITS[USER] + LIMITS[MESSAGE]):
        if not item.model():
            continue
        commands.append(_command(item))
        key = (commands[-1]["type"], commands[-1]["name"])
        if key in names:
            item.at("name").fail("APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
        names.add(key)
    problems.settle()
    for kind, most in LIMITS.items():
        if sum(command["type"] == kind for command in commands) > most:
            raise ApiError(Refusal.TOO_MANY_COMMANDS)
    return commands


def _command(node: Node) -> Json:
    kind = node.at("type").one_of(tuple(LIMITS)) or SLASH
    name = node.at("name").text(32, least=1, required=True)
    if kind == SLASH:
        _named(node.at("name"), name)
        node.at("description").text(100, least=1, required=True)
    else:
        if not node.at("description").absent and node.at("description").value != "":
            node.at("description").fail("APPLICATION_COMMAND_DESCRIPTION_FORBIDDEN", "Must be empty for this type")
        if node.at("options").value:
            node.at("options").fail("APPLICATION_COMMAND_OPTIONS_FORBIDDEN", "Cannot be set for this type of command")
    _localized(node.at("name_localizations"), 32, pattern=kind == SLASH)
    _localized(node.at("description_localizations"), 100)
    bits = node.at("default_member_permissions")
    if not bits.absent and not str(bits.value).isdecimal():
        bits.fail("BITFIELD_TYPE_CONVERT", f'Value "{bits.value}" is not a permission set.')
    for key, values in (("contexts", (0, 1, 2)), ("integration_types", (0, 1))):
        for item in node.at(key).items(len(values), least=1):
            item.one_of(values)
    node.at("nsfw").boolean()
    if kind == SLASH:
        _options(node, depth=0)
        total = _size(node.value)
        if total > TOTAL:
            node.fail("APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({TOTAL})")
    command = dict(node.value) if isinstance(node.value, dict) else {}
    return {**command, "type": kind, "name": name}


def _named(node: Node, name: str) -> None:
    letters = all(
        sign in "-_'" or unicodedata.category(sign)[0] in "LN" or any(low <= sign <= high for low, high in _SCRIPTS)
        for sign in name
    )
    if not letters or name != name.lower():
        node.fail("APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _localized(node: Node, most: int, *, pattern: bool = False) -> None:
    if not node.model():
        return
    for locale in node.value:
        if locale not in LOCALES:
            node.fail("DICT_TYPE_INVALID_KEY", f'"{locale}" is not a locale.')
        else:
            text = node.at(locale).text(most, least=1, required=True)
            if pattern:
                _named(node.at(locale), text)


def _options(node: Node, *, depth: int) -> None:
    names: set[str] = set()
    in_locales: dict[str, set[str]] = {}
    optional_before = False
    kinds: set[bool] = set()
    for item in node.at("options").items(25):
        if not item.model():
            continue
        kind = item.at("type").one_of(tuple(Option), required=True)
        name = item.at("name").text(32, least=1, required=True)
        _named(item.at("name"), name)
        item.at("description").text(100, least=1, required=True)
        _localized(item.at("name_localizations"), 32, pattern=True)
        _localized(item.at("description_localizations"), 100)
        if name in names:
            item.at("name").fail("APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists")
        names.add(name)
        for locale, text in (item.at("name_localizations").value or {}).items():
            if text in in_locales.setdefault(locale, set()):
                item.at("name_localizations").at(locale).fail(
                    "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists"
                )
            in_locales[locale].add(text)
        if kind is None:
            continue
        nested = kind in (Option.SUBCOMMAND, Option.GROUP)
        kinds.add(nested)
        if nested:
            if depth > (1 if kind == Option.SUBCOMMAND else 0):
                item.at("type").fail("APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "This option cannot be nested here")
            elif kind == Option.GROUP and not item.at("options").value:
                item.at("options").require()
            _options(item, depth=2 if kind == Option.SUBCOMMAND else 1)
            continue
        if depth == 1:
            item.at("type").fail("APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "A group holds only subcommands")
        required = item.at("required").boolean()
        if required and optional_before:
            item.fail(
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_before = optional_before or not required
        _parameter(item, Option(kind))
    if len(kinds) > 1:
        node.at("options").fail(
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-command and sub-command group option types are mutually exclusive",
        )


def _parameter(node: Node, kind: Option) -> None:
    choices = node.at("choices").items(25)
    if choices and kind not in _WITH_CHOICES:
        node.at("choices").fail("APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", "This type of option has no choices")
    if node.at("autocomplete").boolean() and (kind not in _WITH_CHOICES or choices):
        node.at("autocomplete").fail(
            "APPLICATION_COMMAND_AUTOCOMPLETE_INVALID", "Only strings and numbers without choices autocomplete"
        )
    seen: set[tuple[str, Any]] = set()
    for choice in choices:
        read_choice(choice, kind)
        for key in ("name", "value"):
            pair = (key, choice.at(key).value)
            if pair in seen:
                choice.at(key).fail("APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", "Choice already exists")
            seen.add(pair)
    if kind == Option.STRING:
        low = node.at("min_length").integer(0, 6000)
        high = node.at("max_length").integer(1, 6000, default=6000)
        if low > high:
            node.at("min_length").fail("APPLICATION_COMMAND_OPTIONS_MIN_ABOVE_MAX", "min_length is above max_length")
    for item in node.at("channel_types").items(16):
        item.integer(0, 16, required=True)


def read_choice(node: Node, kind: Option) -> None:
    """A choice of an option, in a command or as an answer to an autocomplete."""
    node.at("name").text(100, least=1, required=True)
    value = node.at("value")
    _localized(node.at("name_localizations"), 100)
    if not value.require():
        return
    if kind == Option.STRING:
        value.text(100, required=True)
    elif isinstance(value.value, bool) or not isinstance(value.value, int if kind == Option.INTEGER else int | float):
        value.fail("NUMBER_TYPE_COERCE", f'Value "{value.value}" is not a number.')


def _size(thing: Json) -> int:
    """Characters of names, descriptions and values; of a localized field only its longest text counts."""

    def longest(key: str) -> int:
        texts = [thing.get(key) or "", *(thing.get(f"{key}_localizations") or {}).values()]
        return max(len(str(text)) for text in texts)

    inner = [*(thing.get("options") or []), *(thing.get("choices") or [])]
    own = longest("name") + longest("description") + len(str(thing.get("value", "")))
    return own + sum(_size(one) for one in inner if isinstance(one, dict))
