"""One week of a study group, played in the terminal, on Discord and on Slack: everybody is told the same there.

The scenario is `week.yaml`; the stages it is played on, and what is taken off their words, are in `stages.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bot import pictures
from bot.adapters.discord.wording import as_called_here
from bot.core import notices, scoring
from bot.core.card import Card, Picture
from bot.core.commands import TABLE, Who
from bot.core.model import Receipt, Season, Share, Source, Told, Why, group_of
from bot.core.ports import Transaction
from bot.core.streaks import streak_of
from tests.scenarios.stages import CHANNEL, LABELS, NOT_OFFERED, OPENINGS, PNG, Heard, Opening, Seen, Stage, name_of

WEEK: Final = Path(__file__).with_name("week.yaml")


# --- the scenario -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the scenario: when, who, what they do, and what is to be seen then."""

    day: int
    at: str
    who: str
    does: str
    text: str
    key: str
    to: str
    where: str
    shares: str
    told: str
    shows: str
    marks: tuple[str, ...] | None

    @property
    def title(self) -> str:
        return f"day {self.day}: {self.who or self.at} {self.does or 'comes'} {self.text[:60]}".rstrip()


_DOES: Final = ("says", "chats", "writes", "edits", "deletes", "submits", "fills in", "presses", "chooses", "commands")
_MORE: Final = {"at", "who", "as", "to", "in", "with", "times", "shares", "is told", "shows", "marks"}


def steps_of(scenario: Mapping[str, Any]) -> Iterator[Step]:
    """The steps of a scenario. Raises ValueError for a line that cannot be read."""
    for day in scenario["days"]:
        for line in day["steps"]:
            does = [word for word in _DOES if word in line]
            if not line.keys() <= {*_MORE, *_DOES} or len(does) > 1 or bool(does) != ("who" in line):
                raise ValueError(f"day {day['day']}: {line} is no step; the beginning of {WEEK.name} tells what is one")
            said = line[does[0]] if does else ""
            yield Step(
                day=day["day"],
                at=line.get("at", ""),
                who=line.get("who", ""),
                does=does[0] if does else "",
                text=(line.get("with") or said) * line.get("times", 1),
                key=line.get("as", said),
                to=line.get("to", ""),
                where=line.get("in", ""),
                shares=line.get("shares", "no"),
                told=line.get("is told", ""),
                shows=line.get("shows", ""),
                marks=tuple(line["marks"]) if "marks" in line else None,
            )


async def _does(stage: Stage, step: Step) -> Heard:
    match step.does:
        case "":
            return {}
        case "says":
            return await stage.says(step.who, step.text, step.key, round_=step.where, to=step.to)
        case "chats":
            return await stage.chats(step.who, step.text, step.key)
        case "writes":
            return await stage.writes(step.who, step.text, step.key)
        case "edits":
            return await stage.edits(step.who, step.key, step.text)
        case "deletes":
            return await stage.deletes(step.who, step.key)
        case "submits":
            return await stage.submits(step.who, step.key)
        case "fills in":
            return await stage.form(step.who, step.text, round_=step.where, share=Share(step.shares))
        case "presses":
            press = next(press for press, label in LABELS.items() if label == step.text)
            return await stage.presses(step.who, press, round_=step.where)
        case "chooses":
            return await stage.chooses(step.who, step.text)
        case "commands":
            return await stage.command(step.who, step.text, round_=step.where or None)
    raise AssertionError(step)


# --- what came of it --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """What a step came to: what members were told in private, what stands in public since, what bears the mark."""

    step: Step
    told: Heard
    shown: Mapping[str, Seen]
    """By place: "general", or the round in whose thread it stands."""
    marked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario as it went on one stage, and what the database holds at the end."""

    name: str
    turns: tuple[Turn, ...]
    kept: Mapping[str, list[str]]


async def play(scenario: Mapping[str, Any], opening: Opening, folder: Path) -> Played:
    """Play a scenario from beginning to end."""
    turns: list[Turn] = []
    async with opening(folder, scenario["organizer"], scenario["members"]) as stage:
        stood: Mapping[str, list[Seen]] = {}
        for step in steps_of(scenario):
            if step.at:
                await stage.at(step.at, step.day)
            told = await _does(stage, step)
            for name, seen in (await stage.direct()).items():
                told[name] = [*told.get(name, []), *seen]
            stands = await stage.stands()
            turns.append(Turn(step, told, _fresh(stood, stands), frozenset(stage.marked())))
            stood = stands
        kept = await stage.program.store.read(lambda tx: _kept(tx, stage))
    return Played(stage.name, tuple(turns), kept)


def _fresh(before: Mapping[str, list[Seen]], now: Mapping[str, list[Seen]]) -> dict[str, Seen]:
    """What is new or changed in each place. One platform may need two messages for what another says in one."""
    fresh = {where: [one for one in seen if one not in before.get(where, ())] for where, seen in now.items()}
    return {where: _together(seen) for where, seen in fresh.items() if seen}


def _together(seen: Sequence[Seen]) -> Seen:
    return Seen(tuple(w for one in seen for w in one.words), tuple(b for one in seen for b in one.buttons))


def _kept(tx: Transaction, stage: Stage) -> dict[str, list[str]]:
    """What the database holds, in the scenario's names."""
    rounds = tx.rounds.of_channel(stage.channel)[::-1]
    group = group_of(stage.channel)
    answers, receipts, points, objections, thanks = [], [], [], [], []
    for round_ in rounds:
        name = name_of(round_)
        for event in tx.events.in_round(round_.id):
            who = next(name for member, name in stage.members.items() if (event.about or "").endswith(f" {member}"))
            outcome = json.loads(tx.events.outcome(event.id) or "{}")
            receipts.append(f"{name}, {who}, {event.data.get('kind')}: {outcome.get('receipt')} {outcome.get('why')}")
        for member, who in stage.members.items():
            given = tx.answers.get(round_.id, member)
            if given is not None:
                parts = [
                    (stage.keys[part.id] if part.source is Source.MESSAGE else "form", part.text)
                    for part in given.parts
                ]
                hints, grade = tx.answers.hints(round_.id, member), tx.answers.grade(round_.id, member)
                answers.append(
                    f"{name}, {who}: {parts}, revision {given.revision}, late {given.late}, shared {given.share},"
                    f" on {given.local_date}, {hints} hints, level {grade and grade.level}, {grade and grade.effort}"
                    f"{', final' if given.final else ''}{', removed' if given.removed else ''}"
                )
            objections += [
                f"{name}, {who}: {one.key_point}, “{one.words}”, {one.state}"
                for one in tx.objections.of_answer(round_.id, member)
            ]
        thanks += [f"{name}, {stage.members[who]}: {votes}" for who, votes in tx.answers.helped(round_.id).items()]
        points += [
            f"{name}, {stage.members[row.member]}: {row.points:+d} {row.reason}, {row.question}, {row.local_date}"
            for row in tx.ledger.of_round(round_.id)
        ]
    receipts += [
        f"deleted {key}: {json.loads(outcome)['receipt']}"
        for message, key in stage.keys.items()
        if (outcome := tx.events.outcome(f"{stage.channel}/{message}/deleted"))
    ]
    board = [
        f"{row.rank}. {stage.members[row.member]}, {row.points} points, {row.rounds} rounds,"
        f" streak {streak_of(tx, stage.channel, row.member).length}"
        for row in scoring.standings(tx.ledger.totals(group))
    ]
    boards = [
        f"{season} of {'channel' if on else 'group'}: {stage.members[member]}, {total} points, {played} rounds"
        for season in Season
        for on in (None, stage.channel)
        for member, total, played in tx.ledger.board(group, season, rounds[-1].local_date, on)
    ]
    reminded = {who: tx.members.reminder(member) for member, who in stage.members.items()}
    known = [tx.members.get(member) for member in stage.members]
    return {
        "rounds": [f"{name_of(one)}: {one.state}, {one.question.slug}, sealed {one.sealed}" for one in rounds],
        "answers": answers,
        "receipts": receipts,
        "points": sorted(points),
        "objections": objections,
        "rulings": [
            f"{one.number}, {stage.members[one.member]}: {one.kind} {one.verdict} {one.points} {one.reason},"
            f" by {one.by and stage.members[one.by]}, consent {one.consent}, told {one.told}, stands {one.stands}"
            for one in tx.rulings.of_channel(stage.channel, 100)
        ],
        "board": sorted(board),
        "boards": sorted(boards),
        "thanks": thanks,
        "away": [
            f"{who} from {one.first} to {one.last}"
            for member, who in stage.members.items()
            for one in tx.members.absences(member)
        ],
        "reminders": [f"{who}: {one.at} {one.zone}, {one.next_at}" for who, one in reminded.items() if one is not None],
        "members": sorted(
            f"{one.name}, {one.naming}, public {one.public}, barred {one.barred}" for one in known if one is not None
        ),
    }


# --- what differs by design ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByDesign:
    """What is otherwise on a platform than in the terminal, at which steps, and why."""

    platform: str
    why: str
    at: Callable[[Step], bool]
    told: Callable[[list[Seen]], list[Seen]] = lambda seen: seen
    shown: Callable[[Mapping[str, Seen]], Mapping[str, Seen]] = lambda shown: shown


def _by_message(step: Step) -> bool:
    return step.does in ("says", "chats", "edits", "deletes")


def _commands(*texts: str, who: str = "") -> Callable[[Step], bool]:
    return lambda step: step.does == "commands" and step.text in texts and who in ("", step.who)


def _only(*receipts: Told) -> Callable[[list[Seen]], list[Seen]]:
    kept = [Seen((notices.told(receipt),)) for receipt in receipts]
    return lambda seen: [one for one in seen if one in kept]


def _with_buttons(*labels: str) -> Callable[[list[Seen]], list[Seen]]:
    return lambda seen: [replace(one, buttons=labels) for one in seen]


def _without_picture(seen: Seen) -> Iterator[Seen]:
    pictures_ = tuple(line for line in seen.words if line.startswith("[picture: "))
    yield replace(seen, words=tuple(line for line in seen.words if line not in pictures_))
    yield from [Seen(pictures_)] if pictures_ else []


def _as_filled_in(one: Seen) -> Seen:
    """With commands as Discord has them, a field for each option; `-admin` is taken off by its stage."""
    lines = (as_called_here(Card(title=line)).title for line in one.words)
    return replace(one, words=tuple(line.replace("/nnquestion-admin ", "/nnquestion ") for line in lines))


def _refused_before_it_opens(step: Step) -> bool:
    return step.does == "fills in" and "has barred you" in step.told


def _refused(seen: list[Seen]) -> list[Seen]:
    return [replace(one, words=("That did not work", *one.words[1:])) for one in seen]


_SHOWN_ONCE: Final = (
    "Discord shows them /nnquestion-admin once it is allowed for them or for their role, under Server Settings >"
    " Integrations > nnquestion. Until then they have buttons in #general."
)
_NOTE: Final = Seen(
    (
        "For the organizers of a drill",
        "Whom setup names, in person or by role, runs the drill in #general from here:",
        *(f"{one.name.capitalize()}: {one.says}" for one in TABLE if one.who is Who.ORGANIZER),
    ),
    tuple(one.name.capitalize() for one in TABLE if one.who is Who.ORGANIZER),
)

BY_DESIGN: Final = (
    *(
        ByDesign(
            platform,
            f"a form that would be refused does not open in {platform}: nothing is typed in vain",
            _refused_before_it_opens,
            told=_refused,
        )
        for platform in ("discord", "slack")
    ),
    ByDesign(
        "discord",
        "its app has a field for each option of a command, and replies name them so",
        lambda step: True,
        told=lambda seen: [_as_filled_in(one) for one in seen],
        shown=lambda shown: {where: _as_filled_in(one) for where, one in shown.items()},
    ),
    ByDesign(
        "discord",
        "what is said in a thread is answered by the mark alone: a bot has private words only for commands and buttons",
        _by_message,
        told=_only(),
    ),
    ByDesign(
        "slack",
        "what is said in a thread is answered by the mark; a note comes only where its absence would not be understood",
        _by_message,
        told=_only(
            Told(receipt=Receipt.LATE),
            Told(receipt=Receipt.TOO_LONG),
            Told(receipt=Receipt.NOT_COUNTED, why=Why.FINAL),
        ),
    ),
    ByDesign(
        "discord",
        "its app lets people choose among the commands and choices that there are, and a command is never bare",
        _commands("leaderbord", "leaderboard weak", ""),
        told=lambda seen: [NOT_OFFERED],
    ),
    ByDesign(
        "discord",
        "its app hides the organizers' commands from everybody else",
        _commands("setup time=10:00 zone=UTC", "review", "award @Cleo 2 for nothing", "bar @Eve", who="Bob"),
        told=lambda seen: [NOT_OFFERED],
    ),
    ByDesign(
        "discord",
        "its app hides them also from organizers whom setup names, so these get buttons, and setup says so",
        _commands("setup organizers=@Bob"),
        told=lambda seen: [replace(one, words=(*one.words, _SHOWN_ONCE)) for one in seen],
        shown=lambda shown: {**shown, CHANNEL: _NOTE},
    ),
    ByDesign(
        "slack",
        "a bare command has what it offers as buttons",
        lambda step: step.does == "commands" and not step.text and not step.where,
        told=_with_buttons("Ask", "Leaderboard", "Me", "Help"),
    ),
    ByDesign(
        "slack",
        "a bare command has what it offers as buttons, those of an open round among them",
        lambda step: step.does == "commands" and not step.text and bool(step.where),
        told=_with_buttons("Answer", "Hint", "Ask", "Leaderboard", "Me", "Help"),
    ),
    ByDesign(
        "slack",
        "words that one reads alone never wait for their picture, and cannot be changed: it comes after them",
        _commands("me"),
        told=lambda seen: [apart for one in seen for apart in _without_picture(one)],
    ),
)


def there(turn: Turn, platform: str) -> Turn:
    """A turn of the terminal as it is to be on another platform."""
    for one in BY_DESIGN:
        if one.platform == platform and one.at(turn.step):
            told = {who: one.told(seen) for who, seen in turn.told.items()}
            turn = replace(turn, told={who: seen for who, seen in told.items() if seen}, shown=one.shown(turn.shown))
    return turn


# --- what is compared ---------------------------------------------------------------------------------------------


def differences(terminal: Played, other: Played, aspect: Callable[[Turn], Mapping[str, list[Seen]]]) -> list[str]:
    """Where a platform says something else than the terminal, and not by design: steps, and the lines that differ."""
    found = []
    for here, seen in zip(terminal.turns, other.turns, strict=True):
        wanted, got = aspect(there(here, other.name)), aspect(seen)
        for name in sorted(wanted.keys() | got.keys()):
            lines = list(unified_diff(_read(wanted.get(name, [])), _read(got.get(name, [])), n=0, lineterm=""))[2:]
            if lines:
                found.append("\n    ".join([f"{here.step.title} → {name}, terminal - and {other.name} +", *lines]))
    return found


def _read(seen: Sequence[Seen]) -> list[str]:
    return [line for one in seen for line in (*one.words, *(f"[{button}]" for button in one.buttons), "")]


def told(turn: Turn) -> Mapping[str, list[Seen]]:
    """What each member was told in private."""
    return turn.told


def shown(turn: Turn) -> Mapping[str, list[Seen]]:
    """What everybody reads, by place."""
    return {where: [seen] for where, seen in turn.shown.items()}


# --- the week -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenario() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(WEEK.read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def week(scenario: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    """The week as it went on each stage, by its name."""

    async def all_of_it() -> list[Played]:
        folder = tmp_path_factory.mktemp("week")
        return await asyncio.gather(*(play(scenario, opening, folder) for opening in OPENINGS))

    async def drawn(picture: Picture) -> bytes:
        return PNG

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pictures.Drawer, "drawn", staticmethod(drawn))
        return {played.name: played for played in asyncio.run(all_of_it())}


elsewhere = pytest.mark.parametrize("platform", ["discord", "slack"])


def test_what_the_scenario_says_is_seen(week: dict[str, Played]) -> None:
    for turn in week["terminal"].turns:
        told_ = "\n".join(line for seen in turn.told.values() for line in _read(seen))
        shown_ = "\n".join(line for seen in turn.shown.values() for line in _read([seen]))
        assert turn.step.told in told_, turn.step.title
        assert turn.step.shows in shown_, turn.step.title
        assert turn.step.marks is None or turn.marked == set(turn.step.marks), turn.step.title


@elsewhere
def test_members_are_told_the_same_words(week: dict[str, Played], platform: str) -> None:
    found = differences(week["terminal"], week[platform], told)
    assert not found, "\n".join(found)


@elsewhere
def test_the_same_words_and_buttons_stand_in_the_channel_and_its_threads(
    week: dict[str, Played], platform: str
) -> None:
    found = differences(week["terminal"], week[platform], shown)
    assert not found, "\n".join(found)


@elsewhere
def test_the_same_messages_bear_the_mark_of_what_counts(week: dict[str, Played], platform: str) -> None:
    marks = [(turn.step.title, sorted(turn.marked)) for turn in week["terminal"].turns]
    assert [(turn.step.title, sorted(turn.marked)) for turn in week[platform].turns] == marks


@elsewhere
@pytest.mark.parametrize(
    "what",
    [
        "rounds",
        "answers",
        "receipts",
        "points",
        "objections",
        "rulings",
        "board",
        "boards",
        "thanks",
        "away",
        "reminders",
        "members",
    ],
)
def test_the_database_holds_the_same(week: dict[str, Played], platform: str, what: str) -> None:
    kept = week["terminal"].kept[what]
    assert kept
    assert week[platform].kept[what] == kept


# --- the comparison itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(BY_DESIGN)), ids=lambda number: BY_DESIGN[number].why[:60])
def test_whatever_differs_by_design_does_differ(week: dict[str, Played], number: int) -> None:
    one = BY_DESIGN[number]
    turns = [turn for turn in week["terminal"].turns if one.at(turn.step)]
    assert any(
        one.shown(turn.shown) != turn.shown or any(one.told(seen) != seen for seen in turn.told.values())
        for turn in turns
    )


@elsewhere
def test_a_line_that_is_missing_on_one_platform_is_found_wherever_it_is(week: dict[str, Played], platform: str) -> None:
    terminal, other = week["terminal"], week[platform]
    for number, turn in enumerate(other.turns):
        for without in _each_without_a_line(turn):
            turns = (*other.turns[:number], without, *other.turns[number + 1 :])
            one, same = replace(terminal, turns=terminal.turns[number : number + 1]), turns[number : number + 1]
            assert differences(one, replace(other, turns=same), told) or differences(
                one, replace(other, turns=same), shown
            ), turn.step.title


def _each_without_a_line(turn: Turn) -> Iterator[Turn]:
    for who, seen in turn.told.items():
        for at, one in enumerate(seen):
            for less in _without_a_line(one):
                yield replace(turn, told={**turn.told, who: [*seen[:at], less, *seen[at + 1 :]]})
    for where, one in turn.shown.items():
        for less in _without_a_line(one):
            yield replace(turn, shown={**turn.shown, where: less})


def _without_a_line(seen: Seen) -> Iterator[Seen]:
    for at in range(len(seen.words)):
        yield replace(seen, words=seen.words[:at] + seen.words[at + 1 :])
    for at in range(len(seen.buttons)):
        yield replace(seen, buttons=seen.buttons[:at] + seen.buttons[at + 1 :])


@pytest.mark.parametrize(
    "line",
    [
        {"who": "Bob", "say": "hello"},
        {"who": "Bob", "says": "hello", "chats": "hello"},
        {"says": "hello"},
        {"who": "Bob"},
    ],
)
def test_a_line_of_a_scenario_that_cannot_be_read_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is no step"):
        list(steps_of({"days": [{"day": 1, "steps": [line]}]}))
