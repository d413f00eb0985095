"""The forms (modals) that members fill in, as Discord takes them, and what comes back. Pure.

All that is known of a form when it is sent is in its payload and the database: a form outlives a restart, and what one
member sends can never be taken for another's. Each opening has a `custom_id` of its own, so that clients keep no text
of an earlier one. https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Final

from bot.adapters.discord.commands import cut, shortened, units
from bot.adapters.discord.ids import CUSTOM_ID
from bot.adapters.discord.render import escape
from bot.core.commands import BY_NAME, Command, Misread, Option, Takes, meant
from bot.core.counting import LONGEST_ANSWER
from bot.core.model import ChannelId, Drill, Round, Share, Timetable, group_of
from bot.core.setting_up import DAY_NAMES, options_of
from bot.core.shown import on_one_line

ANSWER: Final = "answer"
SETUP: Final = "setup"
SHARE: Final = "share"
"""The field for what others may see of an answer."""

REST: Final = "rest"
"""The field for the options of `setup` that have none of their own."""

_FORM: Final = "nn:form"
_SENT: Final = re.compile(rf"{_FORM}:(?P<what>[^:]+):(?P<about>.+):(?P<unique>[^:]+)")
_DESCRIPTION: Final = 100
_TITLE: Final = 45
_FIELDS: Final = 5
_REST: Final = 4000
_OWN_FIELDS: Final = frozenset({"time", "zone", "days", "answers"})
_PROMPT: Final = 1900
"""Of a prompt; every sign may need a backslash, and a display holds 4,000 characters."""

_ACTION_ROW, _SELECT, _TEXT_INPUT, _USER_SELECT, _TEXT_DISPLAY, _LABEL = 1, 3, 4, 5, 10, 18
_SHORT, _PARAGRAPH = 1, 2

_SHARES: Final[Mapping[Share, str]] = {
    Share.NO: "Not at all",
    Share.WITHOUT_NAME: "Without my name",
    Share.WITH_NAME: "With my name",
}

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SETUP_SAYS: Final = {option.name: option.says for option in BY_NAME[SETUP].options}

ZONES: Final[Mapping[str, str]] = {
    "bg": "Europe/Sofia",
    "cs": "Europe/Prague",
    "da": "Europe/Copenhagen",
    "de": "Europe/Berlin",
    "el": "Europe/Athens",
    "en-GB": "Europe/London",
    "es-ES": "Europe/Madrid",
    "fi": "Europe/Helsinki",
    "fr": "Europe/Paris",
    "hi": "Asia/Kolkata",
    "hr": "Europe/Zagreb",
    "hu": "Europe/Budapest",
    "id": "Asia/Jakarta",
    "it": "Europe/Rome",
    "ja": "Asia/Tokyo",
    "ko": "Asia/Seoul",
    "lt": "Europe/Vilnius",
    "nl": "Europe/Amsterdam",
    "no": "Europe/Oslo",
    "pl": "Europe/Warsaw",
    "pt-BR": "America/Sao_Paulo",
    "ro": "Europe/Bucharest",
    "ru": "Europe/Moscow",
    "sv-SE": "Europe/Stockholm",
    "th": "Asia/Bangkok",
    "tr": "Europe/Istanbul",
    "uk": "Europe/Kyiv",
    "vi": "Asia/Ho_Chi_Minh",
    "zh-CN": "Asia/Shanghai",
    "zh-TW": "Asia/Taipei",
}
"""Where people who use Discord in a language most likely are. American English and Spanish tell nothing of a zone."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was sent: which, what about (a round's or a channel's id), and what was filled in, by field."""

    what: str
    about: str
    values: Mapping[str, str]


# --- forms to fill in ---------------------------------------------------------------------------------------


def answer_form(round_: Round, draft: str = "", share: Share = Share.NO, *, unique: str = "") -> dict[str, Any]:
    """The form for an answer, with the question above it: fields `text` and `share`.

    `draft` is the member's present answer, which they may revise, or empty to withdraw it, and `share` what others see
    of it. `unique` tells two openings apart; at most 20 characters, random where it is not given.
    """
    text = _text("text", _PARAGRAPH, cut(draft, LONGEST_ANSWER), longest=LONGEST_ANSWER, required=not draft)
    shares = [_choice(label, value.value, chosen=value is share) for value, label in _SHARES.items()]
    components = [
        _label("Your answer", _about_draft(draft), text),
        _label("Share it at the reveal?", "Whoever presses Answers then reads it.", _select(SHARE, shares)),
    ]
    prompt = on_one_line(cut(round_.question.prompt, _PROMPT)).strip()
    if prompt:
        components.insert(0, {"type": _TEXT_DISPLAY, "content": f"**{escape(prompt)}**"})
    title = "Revise your answer" if draft else "Your answer"
    return {"title": title, "custom_id": _custom_id(ANSWER, round_.id, unique), "components": components}


def setup_form(channel: ChannelId, drill: Drill | None, locale: str = "", *, unique: str = "") -> dict[str, Any]:
    """The form for a channel's drill, filled in with the present one; fields are named as the options of `setup`.

    A form of Discord's has five fields, so all options but four stand in the last one, a line each. Without a drill
    they are the usual ones, and the time zone is guessed from the locale of whoever opens it, such as `de`; they see
    it and may change it.
    """
    usual = Drill(channel=channel, group=group_of(channel), timetable=Timetable(at=time(9), zone="UTC"), bank="")
    known = options_of(drill or usual)
    zone = known["zone"] if drill else ZONES.get(locale, "")
    days, sealed = known["days"].split(","), known["answers"] == "sealed"
    components = [
        _setup("time", _text("time", _SHORT, known["time"], longest=5)),
        _setup("zone", _text("zone", _SHORT, zone, hint="Europe/Berlin")),
        _label(
            "Days",
            "Days on which a round opens",
            _select("days", [_choice(_DAYS[n], DAY_NAMES[n], chosen=DAY_NAMES[n] in days) for n in range(7)], most=7),
        ),
        _label(
            "Answers",
            "",
            _select(
                "answers",
                [
                    _choice("Open: in the thread, or by form", "open", chosen=not sealed),
                    _choice("Sealed: by form only, until the reveal", "sealed", chosen=sealed),
                ],
            ),
        ),
        _label(
            "All else",
            "What each means: /nnquestion help command:setup",
            _text(REST, _PARAGRAPH, _rest(known), longest=_REST, required=False),
        ),
    ]
    title = "This channel's drill" if drill else "A drill for this channel"
    return {"title": title, "custom_id": _custom_id(SETUP, channel, unique), "components": components}


def _rest(known: Mapping[str, str]) -> str:
    """The options that have no field of their own, one a line; who and where as Discord writes it."""
    text = ""
    for name, value in known.items():
        if name in ("organizers", "notes"):
            value = ",".join(_as_typed(one) for one in value.split(","))
        line = f"{name}: {value}\n"
        if name not in _OWN_FIELDS and value and units(text + line) <= _REST:  # What is left out stays as it is.
            text += line
    return text.rstrip()


def _as_typed(id_: str) -> str:
    where, _, which = id_.partition("/")
    return f"<{which if which.startswith('@') else '#' + which}>" if which else where


def read_rest(text: str) -> dict[str, str]:
    """The options that stand in the field for all else, by name. Raises Misread, naming the line."""
    known = [option.name for option in BY_NAME[SETUP].options]
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        name, sign, value = line.replace("=", ":", 1).partition(":")
        name = name.strip().lower()
        if not sign or name not in known:
            close = meant(name, known)
            raise Misread(f"“{line.strip()}” is no option of setup.{close} Write one a line, such as closes: 18:00")
        found[name] = value.strip()
    return found


def command_form(command: Command, channel: ChannelId, *, unique: str = "") -> dict[str, Any]:
    """The form for a command of organizers about a channel: a field for each of its first five options."""
    components = [
        _label(option.name.capitalize(), option.says[:1].upper() + option.says[1:], _field_for(option))
        for option in command.options[:_FIELDS]
    ]
    title = shortened(command.says[:1].upper() + command.says[1:], _TITLE)
    return {"title": title, "custom_id": _custom_id(command.name, channel, unique), "components": components}


def _field_for(option: Option) -> dict[str, Any]:
    if option.takes is Takes.MEMBER:
        return {"type": _USER_SELECT, "custom_id": option.name, "required": option.required}
    return _text(option.name, _SHORT, "", required=option.required)


def _about_draft(draft: str) -> str:
    if units(draft) > LONGEST_ANSWER:
        return "This replaces your answer, which is longer than a form: its end is missing here."
    if draft:
        return "This replaces what counted before. Send it empty to withdraw your answer."
    return f"In your own words, up to {LONGEST_ANSWER:,} characters."


def _setup(option: str, component: dict[str, Any]) -> dict[str, Any]:
    says = _SETUP_SAYS[option]
    return _label({"zone": "Time zone"}.get(option, option.capitalize()), says[0].upper() + says[1:], component)


def _label(label: str, description: str, component: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": _LABEL, "label": label, "component": component}
    if description:
        made["description"] = shortened(description, _DESCRIPTION)
    return made


def _text(
    field: str, style: int, value: str, *, longest: int = 0, hint: str = "", required: bool = True
) -> dict[str, Any]:
    made: dict[str, Any] = {"type": _TEXT_INPUT, "custom_id": field, "style": style, "required": required}
    if value:
        made["value"] = value
    if longest:
        made["max_length"] = longest
    if hint:
        made["placeholder"] = hint
    return made


def _select(field: str, options: list[dict[str, Any]], *, most: int = 1) -> dict[str, Any]:
    return {"type": _SELECT, "custom_id": field, "required": True, "max_values": most, "options": options}


def _choice(label: str, value: str, *, chosen: bool) -> dict[str, Any]:
    return {"label": label, "value": value, "default": chosen}


def _custom_id(what: str, about: str, unique: str) -> str:
    carried = f"{_FORM}:{what}:{about}:{unique or secrets.token_hex(4)}"
    if units(carried) > CUSTOM_ID:
        raise ValueError(f"a form about {about!r} would carry more than {CUSTOM_ID} characters")
    return carried


# --- forms that were sent -----------------------------------------------------------------------------------


def read_form(data: Mapping[str, Any]) -> Form:
    """What was sent, from the interaction's data; fields stand in labels, or in rows as older clients sent them.

    Several chosen values of a field are joined by commas, members as mentions; a field in which nothing was chosen is
    left out. A form that is none of ours has neither `what` nor `about`.
    """
    values = {}
    for field in _fields(data.get("components") or ()):
        chosen = field["values"] if "values" in field else [field.get("value")]
        filled = [str(value) for value in chosen or () if value is not None]
        if field.get("type") == _USER_SELECT:
            filled = [f"<@{number}>" for number in filled]
        if filled:
            values[str(field["custom_id"])] = ",".join(filled)
    sent = _SENT.fullmatch(str(data.get("custom_id", "")))
    return Form(sent["what"], sent["about"], values) if sent else Form("", "", values)


def share_of(form: Form) -> Share:
    """What others may see of the answer in a form; nothing where it does not say, as forms of older programs."""
    said = form.values.get(SHARE, "")
    return Share(said) if said in set(Share) else Share.NO


def _fields(components: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for component in components:
        if component.get("type") == _LABEL:
            yield from _fields(component["components"] if "components" in component else [component["component"]])
        elif "components" in component:
            yield from _fields(component["components"])
        else:
            yield component
