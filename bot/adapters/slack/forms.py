"""The forms (modals) that members fill in, as `views.open` takes them, and what comes back. Pure.

All that is known of a form when it is sent is in its payload and the database, so it outlives a restart. Nothing in it
is secret: whoever opens a view can read its metadata. https://docs.slack.dev/reference/views/modal-views
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from itertools import islice
from typing import Any, Final

from bot.adapters.slack.ids import channel_of, is_channel, user_of
from bot.adapters.slack.render import fits_view, in_view
from bot.core.card import Card, Line, Picture, Words
from bot.core.cards import DIFFICULTY
from bot.core.commands import BY_NAME, Command, Option, Takes
from bot.core.counting import LONGEST_ANSWER
from bot.core.model import Bank, ChannelId, Drill, Place, Round, Share, Timetable, group_of
from bot.core.setting_up import DAY_NAMES, options_of, topics_of
from bot.core.shown import on_one_line
from bot.core.suggestions import Limits, cut, is_completed, shortened, units

ANSWER: Final = "answer"
SETUP: Final = "setup"
SHARE: Final = "share"
"""The field for what others may see of an answer."""

CARD: Final = "card"

OFFERS: Final = Limits(offers=100, name=75, value=150)
"""What Slack takes of options, listed or suggested. https://docs.slack.dev/reference/block-kit/composition-objects"""

_NOTE: Final = "nn.note."
_SENT: Final = ("type", "callback_id", "title", "submit", "close", "private_metadata")
"""What is sent of a modal besides its blocks; Slack adds more when it shows one."""

_TITLE: Final = 24
_LABEL: Final = 2000
_INPUT: Final = 3000

_PROMPT: Final = 1900
_DAYS: Final = dict(
    zip(DAY_NAMES, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
_EMPTIED: Final[Mapping[str, str]] = {
    **{"days": "every", "closes": "next", "reveal": "close", "off": "none", "topics": "any", "difficulty": "any"},
    **{"organizers": "none", "notes": "here"},
}
"""What an empty field of the form for a drill stands for."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was sent: which, what about (a round's or a channel's id), what was filled in, by field, and where.

    `place` is where it was opened, as far as that was known then: what Slack sends with a form does not say.
    """

    what: str
    about: str
    values: Mapping[str, str]
    place: Place | None = None


# --- forms to fill in, and cards to read ----------------------------------------------------------------------


def answer_form(round_: Round, draft: str = "", share: Share = Share.NO, *, where: Place | None = None) -> Json:
    """The form for an answer, with the question above it: fields `text` and `share`.

    `draft` is the member's present answer, which they may revise, or empty to withdraw it, and `share` what others see
    of it.
    """
    text = {**_text(ANSWER, "text", cut(draft, LONGEST_ANSWER), multiline=True), "max_length": LONGEST_ANSWER}
    prompt = on_one_line(cut(round_.question.prompt, _PROMPT)).strip()
    blocks = in_view([Card(title="", body=(Line((Words(prompt, strong=True),)),))]) if prompt else []
    blocks.append(_input("text", "Your answer", text, hint=_about_draft(draft), optional=bool(draft)))
    shares = _radio(ANSWER, SHARE, _SHARES, share.value)
    hint = "Whoever presses Answers then reads it"
    blocks.append(_input(SHARE, "Share it at the reveal?", shares, hint=hint, optional=False))
    title = "Revise your answer" if draft else "Your answer"
    return _modal(ANSWER, title, blocks, submit="Send", about=round_.id, place=where)


def setup_form(channel: ChannelId, drill: Drill | None, zone: str, banks: Mapping[str, Bank]) -> Json:
    """The form for a channel's drill, filled in with the present one; fields are named as the options of `setup`.

    `zone` is the own one of whoever opens it, for a first drill. A field that could not show what the drill has is
    left out, or keeps that where it stays empty.
    """
    kept: list[str] = []
    first = Drill(
        channel=channel,
        group=group_of(channel),
        timetable=Timetable(at=time(9), zone=zone),
        bank=next(iter(banks), ""),
    )
    blocks = [
        _input(name, _label(name), element, hint=_drill_hint(name, kept), optional=name in _EMPTIED)
        for name, element in _drill_fields(drill or first, banks, kept).items()
        if element is not None
    ]
    title = "This channel's drill" if drill else "A drill for this channel"
    return _modal(SETUP, title, blocks, submit="Save", about=channel, kept=kept)


def command_form(command: Command, channel: ChannelId) -> Json:
    """The form for a command about a channel: a field for each of its options, by what it takes."""
    blocks = in_view([Card(title="", body=(Line((Words(_capital(command.says) + "."),)),))])
    for option in command.options:
        element = _element(command.name, option)
        blocks.append(
            _input(option.name, _label(option.name), element, hint=_capital(option.says), optional=not option.required)
        )
    return _modal(command.name, command.name.capitalize(), blocks, submit="Send", about=channel)


def card_form(card: Card, title: str) -> Json:
    """A card to be read, in one piece; its own title is left out where it is what stands above already."""
    said = on_one_line(title).strip()
    if on_one_line(card.title).strip() == said and units(said) <= _TITLE:
        card = replace(card, title="")
    return _modal(CARD, title, in_view([card]))


def with_picture(form: Json, picture: Picture, file: str) -> Json:
    """A form as it was opened, with its picture, uploaded as this file, above its buttons."""
    image = in_view([Card(title="", picture=picture)], file=file)
    blocks = form["blocks"]
    at = next((n for n, block in enumerate(blocks) if block["type"] == "actions"), len(blocks))
    return {**form, "blocks": [*blocks[:at], *image, *blocks[at:]]}


def with_note(view: Mapping[str, Any], card: Card) -> Json | None:
    """A modal as it stands, with a card above what is in it, in place of an earlier one; None where it does not fit."""
    note = [{**block, "block_id": f"{_NOTE}{number}"} for number, block in enumerate(in_view([card]))]
    note.append({"type": "divider", "block_id": f"{_NOTE}{len(note)}"})
    below = [block for block in view.get("blocks") or () if not str(block.get("block_id", "")).startswith(_NOTE)]
    shown = {key: view[key] for key in _SENT if view.get(key)} | {"blocks": [*note, *below]}
    return shown if fits_view(shown["blocks"]) else None


def _about_draft(draft: str) -> str:
    if units(draft) > LONGEST_ANSWER:
        return "This replaces your answer, which is longer than a form: its end is missing here."
    if draft:
        return "This replaces what counted before. Send it empty to withdraw your answer."
    return f"In your own words, up to {LONGEST_ANSWER:,} characters."


def _modal(
    what: str,
    title: str,
    blocks: Sequence[Json],
    *,
    submit: str = "",
    about: str = "",
    place: Place | None = None,
    kept: Sequence[str] = (),
) -> Json:
    carried: Json = {"about": about}
    if place is not None:
        carried["place"] = [place.channel, place.thread]
    if kept:
        carried["kept"] = list(kept)
    view: Json = {
        "type": "modal",
        "callback_id": f"nn.{what}",
        "title": _plain(shortened(title, _TITLE) or "nnquestion"),
        "close": _plain("Cancel" if submit else "Close"),
        "private_metadata": json.dumps(carried, separators=(",", ":")),
        "blocks": list(blocks),
    }
    return {**view, "submit": _plain(submit)} if submit else view


# --- the fields of a drill ------------------------------------------------------------------------------------


def _drill_fields(drill: Drill, banks: Mapping[str, Bank], kept: list[str]) -> dict[str, Json | None]:
    """Elements by the option's name, None where there is nothing to choose from; `kept` gets what none can show."""
    said = options_of(drill)
    return {
        "time": {**_bare("timepicker", SETUP, "time"), "initial_time": said["time"]},
        "zone": _search(SETUP, "zone", said["zone"]),
        "days": _several("multi_static_select", "days", _DAYS, said["days"].split(",")),
        "closes": _text(SETUP, "closes", said["closes"]),
        "reveal": _text(SETUP, "reveal", said["reveal"]),
        "off": _text_that_fits("off", said["off"], kept),
        "topics": _topics(drill, banks, kept),
        "difficulty": _several("checkboxes", "difficulty", _LEVELS, sorted(map(str, drill.difficulties))),
        "bank": _bank(drill.bank, banks),
        "answers": _radio(SETUP, "answers", _ANSWERS, said["answers"]),
        "ask": _radio(SETUP, "ask", _SWITCH, said["ask"]),
        "ranking": _radio(SETUP, "ranking", _SWITCH, said["ranking"]),
        "recap": _radio(SETUP, "recap", _SWITCH, said["recap"]),
        "organizers": _organizers(drill, kept),
        "notes": _notes(drill, kept),
    }


_LEVELS: Final = {str(level): word.capitalize() for level, word in DIFFICULTY.items()}
_SHARES: Final[Mapping[str, str]] = {
    Share.NO.value: "Not at all",
    Share.WITHOUT_NAME.value: "Without my name",
    Share.WITH_NAME.value: "With my name",
}
_ANSWERS: Final = {"open": "Open: in the thread, or by form", "sealed": "Sealed: by form only, until the reveal"}
_SWITCH: Final = {"on": "On", "off": "Off"}
_LABELS: Final[Mapping[str, str]] = {
    **{"zone": "Time zone", "off": "Days off", "ask": "Extra questions", "ranking": "Board"},
    "notes": "Notes to organizers",
}
_HINTS: Final[Mapping[str, str]] = {
    "time": "Local time at which a round opens",
    "zone": "Type the name of a city",
    "days": "Days on which a round opens; empty: every day",
    "topics": "Empty: any",
    "difficulty": "Empty: any",
    "answers": "",
    "organizers": "Who else may manage this drill; empty: nobody else",
    "notes": "A channel that I am a member of; empty: this one",
}
"""Where the table speaks of what is typed, and a form has something to choose from."""


def _label(option: str) -> str:
    return _LABELS.get(option, option.capitalize())


def _drill_hint(option: str, kept: Sequence[str]) -> str:
    if option in kept:
        return "There is more than this field can show. Leave it empty to keep what is set"
    return _HINTS.get(option, _capital(_SETUP_SAYS[option]))


_SETUP_SAYS: Final = {option.name: option.says for option in BY_NAME[SETUP].options}


def _text_that_fits(option: str, value: str, kept: list[str]) -> Json:
    """A field for a list; one that is longer than a field stays as it is, unless something else is typed."""
    if units(value) > _INPUT:
        kept.append(option)
        value = ""
    return _text(SETUP, option, value)


def _topics(drill: Drill, banks: Mapping[str, Bank], kept: list[str]) -> Json | None:
    """The topics of all banks, since another one may be chosen in the same form; the core tells which do not fit."""
    titles = {topic: bank.topics.get(topic, topic) for bank in banks.values() for topic in sorted(topics_of([bank]))}
    own = [banks[drill.bank]] if drill.bank in banks else banks.values()
    chosen = sorted(drill.topics & topics_of(own))
    if len(titles) > OFFERS.offers:
        return _text_that_fits("topics", ",".join(chosen), kept)
    return _several("multi_static_select", "topics", titles, chosen) if titles else None


def _bank(chosen: str, banks: Mapping[str, Bank]) -> Json | None:
    """A choice among the banks; the present one is among them also where there are more than Slack lists."""
    if not banks:
        return None
    first = sorted(banks, key=lambda bank: bank != chosen)[: OFFERS.offers]
    options = {bank: _option(banks[bank].title, bank) for bank in banks if bank in first}
    element = {**_bare("static_select", SETUP, "bank"), "options": list(options.values())}
    return {**element, "initial_option": options[chosen]} if chosen in options else element


def _organizers(drill: Drill, kept: list[str]) -> Json:
    element = _bare("multi_users_select", SETUP, "organizers")
    users = [user for organizer in sorted(drill.organizers) if (user := _slack(user_of, organizer))]
    if len(users) < len(drill.organizers) or len(users) > OFFERS.offers:
        kept.append("organizers")
    elif users:
        element["initial_users"] = users
    return element


def _notes(drill: Drill, kept: list[str]) -> Json:
    element = {**_bare("conversations_select", SETUP, "notes"), "filter": {"include": ["public", "private"]}}
    if drill.notes is not None:
        if there := _slack(channel_of, drill.notes):
            element["initial_conversation"] = there
        else:
            kept.append("notes")
    return element


def _slack(read: Callable[[str], str | None], id_: str) -> str | None:
    try:
        return read(id_)
    except ValueError:
        return None


# --- blocks and elements --------------------------------------------------------------------------------------


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def _capital(says: str) -> str:
    return says[:1].upper() + says[1:]


def _input(name: str, label: str, element: Json, *, hint: str, optional: bool) -> Json:
    block: Json = {
        "type": "input",
        "block_id": name,
        "label": _plain(shortened(label, _LABEL)),
        "element": element,
        "optional": optional,
    }
    return {**block, "hint": _plain(shortened(hint, _LABEL))} if hint else block


def _bare(kind: str, what: str, name: str) -> Json:
    return {"type": kind, "action_id": f"nn.{what}.{name}"}


def _text(what: str, name: str, value: str = "", *, multiline: bool = False) -> Json:
    element = {**_bare("plain_text_input", what, name), "multiline": multiline, "max_length": _INPUT}
    return {**element, "initial_value": value} if value else element


def _search(what: str, name: str, value: str = "") -> Json:
    """A field that asks for suggestions with every letter, and before the first."""
    element = {**_bare("external_select", what, name), "min_query_length": 0, "placeholder": _plain("Type to search")}
    return {**element, "initial_option": _option(value, value)} if value else element


def _option(label: str, value: str) -> Json:
    return {"text": _plain(shortened(label, OFFERS.name) or shortened(value, OFFERS.name)), "value": value}


def _several(kind: str, name: str, choices: Mapping[str, str], chosen: Sequence[str]) -> Json:
    options = {value: _option(label, value) for value, label in choices.items()}
    element = {**_bare(kind, SETUP, name), "options": list(options.values())}
    initial = [options[value] for value in chosen]
    return {**element, "initial_options": initial} if initial else element


def _radio(what: str, name: str, choices: Mapping[str, str], chosen: str) -> Json:
    options = {value: _option(label, value) for value, label in choices.items()}
    return {**_bare("radio_buttons", what, name), "options": list(options.values()), "initial_option": options[chosen]}


def _element(what: str, option: Option) -> Json:
    if is_completed(option, OFFERS):
        return _search(what, option.name)
    if option.choices:
        choices = [_option(choice, choice) for choice in option.choices]
        return {**_bare("static_select", what, option.name), "options": choices}
    match option.takes:
        case Takes.TIME:
            return _bare("timepicker", what, option.name)
        case Takes.DATE:
            return _bare("datepicker", what, option.name)
        case Takes.MEMBER:
            return _bare("users_select", what, option.name)
        case Takes.TEXT:
            return _text(what, option.name, multiline=True)
    return _text(what, option.name)


# --- forms that were sent -------------------------------------------------------------------------------------

_CALLBACK: Final = re.compile(r"nn\.(?P<what>[a-z]+)")
_ACTION: Final = re.compile(r"nn\.(?P<what>[a-z]+)\.(?P<option>[a-z]+)")
_SINGLE: Final = ("value", "selected_time", "selected_date", "selected_conversation")


def read_form(view: Mapping[str, Any]) -> Form:
    """What was sent, from the `view` of a `view_submission`. A view that is none of ours has neither what nor about.

    Several chosen values of a field are joined by commas. A field in which there is nothing is left out; in the form
    for a drill it has the word that stands for nothing, unless it was opened empty to keep what is set.
    """
    found = _CALLBACK.fullmatch(str(view.get("callback_id", "")))
    what, carried = found["what"] if found else "", _carried(view)
    about, kept, known = carried.get("about"), carried.get("kept"), _fields(what)
    if known is None or not isinstance(about, str) or not about:
        return Form("", "", {})
    stands_for = dict(_EMPTIED) if what == SETUP else {}
    for name in kept if isinstance(kept, list) else ():
        stands_for.pop(str(name), None)
    values = {}
    for name, states in ((view.get("state") or {}).get("values") or {}).items():
        filled = ",".join(piece for state in states.values() for piece in _filled(state))
        value = filled if filled.strip() else stands_for.get(name, "")
        if value and name in known:
            values[name] = value
    return Form(what, about, values, _place(carried.get("place")))


def share_of(form: Form) -> Share:
    """What others may see of the answer in a form; nothing where it does not say, as forms of older programs."""
    said = form.values.get(SHARE, "")
    return Share(said) if said in set(Share) else Share.NO


def errors(view: Mapping[str, Any], sentence: str) -> dict[str, str] | None:
    """Where in a form that was sent a refusal is best shown, as the `errors` of the answer; None for nowhere in it.

    It belongs to the field that holds what it quotes first, or else to the one that it speaks of.
    """
    form = read_form(view)
    inputs = [block["block_id"] for block in view.get("blocks") or () if block.get("type") == "input"]
    fields = [name for name in inputs if name in (_fields(form.what) or ())]
    if len(fields) == 1 or (fields and form.what == ANSWER):  # What is wrong with an answer is wrong with its text.
        return {fields[0]: sentence}
    quoted = re.search("“([^”]+)”", sentence)
    if quoted is not None:
        wanted = quoted[1].strip().casefold()
        holding = [name for name in fields if form.values.get(name, "").strip().casefold() == wanted]
        if len(holding) == 1:
            return {holding[0]: sentence}
    spoken = next((name for name, words in _SPOKEN if words in sentence and name in fields), None)
    return {spoken: sentence} if spoken else None


_SPOKEN: Final = (
    *(("zone", "time zone"), ("closes", "round closes"), ("reveal", "no time"), ("off", "no date")),
    ("topics", "topics"),
)
"""Words by which the core's sentences speak of what can be wrong in the form for a drill, the longer ones first."""


def suggestion_of(payload: Mapping[str, Any]) -> tuple[Option | None, str]:
    """The option somebody is typing at, from a `block_suggestion`; None for a field of no form. And what is typed."""
    typed = str(payload.get("value") or "")
    found = _ACTION.fullmatch(str(payload.get("action_id", "")))
    options = BY_NAME[found["what"]].options if found is not None and found["what"] in BY_NAME else ()
    return next((option for option in options if found and option.name == found["option"]), None), typed


def options(found: Iterable[tuple[str, str]]) -> Json:
    """Suggestions as the answer to a `block_suggestion`, of those that `bot.core.suggestions` gives for `OFFERS`."""
    return {"options": [_option(name, value) for name, value in islice(found, OFFERS.offers)]}


def _fields(what: str) -> frozenset[str] | None:
    """The fields that a form can have; None for what is no form."""
    if what == ANSWER:
        return frozenset({"text", SHARE})
    return frozenset(option.name for option in BY_NAME[what].options) if what in BY_NAME else None


def _carried(view: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        carried = json.loads(str(view.get("private_metadata") or "{}"))
    except ValueError:
        return {}
    return carried if isinstance(carried, dict) else {}


def _place(carried: object) -> Place | None:
    match carried:
        case [str(channel), None | str() as thread] if is_channel(channel):
            return Place(channel=ChannelId(channel), thread=thread)
    return None


def _filled(state: Mapping[str, Any]) -> Iterator[str]:
    """What stands in a field, by the kinds of elements that have it."""
    yield from (str(state[key]) for key in _SINGLE if state.get(key))
    yield from (str(chosen["value"]) for chosen in (state.get("selected_option"),) if chosen)
    yield from (str(chosen["value"]) for chosen in state.get("selected_options") or ())
    chosen_users = state.get("selected_users") or [state.get("selected_user")]
    yield from (f"@{user}" for user in chosen_users if user)
