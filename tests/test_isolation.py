"""Two groups never see each other's rows, and what belongs to one channel shows in that one alone.

Each group's members put words of their own into everything that they can type. Then every command with every option,
every button that comes back, pictures, files and exports are gone through as a member and as an organizer of the one,
and nothing of the other shows; nor does the one change a row of the other by a button that it forged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Final

import pytest

from bot.core import commands, group_export, home, items, objecting, pressing, replies, sharing
from bot.core.answering import Form
from bot.core.asking import Asker
from bot.core.card import Button, Card, Press
from bot.core.commands import Command, Option, Takes
from bot.core.model import ChannelId, GroupId, MemberId, Place, Receipt, Share, group_of
from bot.core.ports import Transaction
from bot.core.schedule import zone_names
from bot.core.setting_up import Refused
from bot.core.suggestions import Limits, suggestions
from tests.core.worlds import SLUGS, World, at, member, of_key_points

ONE: Final = ChannelId("terminal:one/general")
ASIDE: Final = ChannelId("terminal:one/aside")
TWO: Final = ChannelId("terminal:two/general")
MARKS: Final = {ONE: "quokka", ASIDE: "axolotl", TWO: "zebra"}
"""A word for each channel, which stands in its members' ids; in capitals in all that they type, and in their names."""

NOW: Final = at("12:00", 9)


def asker(channel: ChannelId, who: str = "ada", *, organizer: bool = False) -> Asker:
    name = f"{who} {MARKS[channel].upper()}"
    return Asker(
        member=member(f"{who}-{MARKS[channel]}", channel), name=name, place=Place(channel=channel), organizer=organizer
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody was shown, and by what."""

    by: str
    words: str


class Groups:
    """A world with two groups, and two channels in the first, in which the same things happen."""

    def __init__(self) -> None:
        self.world: World = of_key_points(drill=False)
        self.tx: Transaction = self.world.tx
        self.pressed = set[tuple[str, str, str]]()
        for channel in MARKS:
            self.world.set_up(channel, recap=True, set_up_by=None)
        self.world.tick(at("09:00"))
        for day in range(9):
            for channel in MARKS:
                self._a_day(channel, day)
            self.world.tick(at("09:00", day + 1))

    def _a_day(self, channel: ChannelId, day: int) -> None:
        mark, said, world = MARKS[channel], MARKS[channel].upper(), self.world
        now = at("10:00", day)
        for who, share in (("ada", Share.WITH_NAME), ("bob", Share.WITHOUT_NAME)):
            by = asker(channel, who)
            thread = world.round(channel).thread
            assert thread is not None
            if day % 2:
                form = Form(
                    round=world.round(channel).id,
                    interaction=f"{channel} {who} {day}",
                    member=by.member,
                    name=by.name,
                    text=f"It covers one, {who} shares {said}. It touches two, {said}.",
                    at=now,
                    share=share,
                )
                world.arrives(form)
            else:
                text = f"It covers one, says {who} {said}. It touches two, keywords and nothing more, {said}."
                world.says(f"{who}-{mark}", text, now, place=thread)
        if day in (1, 2, 4, 8):
            earlier = world.rounds(channel)[day - 1]
            self.press(asker(channel), Button(Press.OBJECT, "", f"1.1 {earlier.id}"), now)
        organizer = asker(channel, "olga", organizer=True)
        if day == 1:
            for text in (f"award @ada-{mark} 2 since {said} said so", f"setup organizers=@olga-{mark} notes=#{mark}"):
                self.command(organizer, text, now)
            self.press(organizer, Button(Press.RULE, "", f"grant o{self._objection(channel)} {channel}"), now)
            objecting.with_news(self.tx, Card(title=""), group_of(channel), asker(channel).member)
            self.press(asker(channel), Button(Press.CONSENT, "", f"yes {self._ruling(channel)}"), now)
        if day in (2, 8):
            for who, other in (("ada", "bob"), ("bob", "ada")):
                card = self.press(
                    asker(channel, who), Button(Press.ANSWERS, "", f"0 {world.rounds(channel)[day - 1].id}"), now
                )
                for button in card.buttons:
                    if button.press in (Press.HELPED, Press.REPORT) and other:
                        self.press(asker(channel, who), button, now)
        if day == 8:
            self.command(asker(channel), "me remind 08:00", now)
            self.command(asker(channel), "me away until 2026-12-24", now)
            self.command(organizer, f"bar @bob-{mark}", now)
            self.press(asker(channel), Button(Press.SHARE, "", f"month points all {channel}"), now)
            self.command(asker(channel), "hint", now)
            self.command(asker(channel), "ask", now)

    def _objection(self, channel: ChannelId) -> int:
        return self.tx.objections.open_in(channel)[0].number

    def _ruling(self, channel: ChannelId) -> int:
        return next(r.number for r in self.tx.rulings.of_channel(channel, 9) if r.objection)

    def command(self, by: Asker, text: str, now: datetime = NOW) -> Card:
        with self.world._db.atomic():
            return replies.answer(self.tx, self.world.banks, by, pressing.read(text), now)

    def press(self, by: Asker, button: Button, now: datetime = NOW) -> Card:
        with self.world._db.atomic():
            return pressing.press(self.tx, self.world.banks, by, button.press, button.about, now)

    def tries(self, by: Asker, what: str | Button, depth: int = 3) -> Iterator[Seen]:
        """Everything that somebody is shown by a command or a button, and by what comes back with it."""
        told = what if isinstance(what, str) else f"{what.press} {what.about}"
        buttons: tuple[Button, ...] = ()
        with self.world.tried():
            try:
                card = self.command(by, what) if isinstance(what, str) else self.press(by, what)
                yield Seen(told, repr(card))
                buttons = card.buttons
            except Refused as refused:
                yield Seen(told, str(refused))
            if isinstance(what, str):
                self.world.deliver(NOW)  # What the channel is shown of it.
        for button in buttons if depth else ():
            key = (by.member, button.press, button.about)
            if button.press not in (Press.ANSWER, Press.CHECK) and key not in self.pressed:
                self.pressed.add(key)
                yield from self.tries(by, button, depth - 1)


@pytest.fixture(scope="module")
def groups() -> Iterator[Groups]:
    groups = Groups()
    with closing(groups.world):
        yield groups


def lines(command: Command, there: ChannelId) -> Iterator[str]:
    """A command with nothing, with each option alone, and with all its choices together."""
    yield command.name
    needed = {option.name: next(values(option, there)) for option in command.options if option.required}
    for option in command.options:
        for value in values(option, there):
            yield commands.line(command.name, {**needed, option.name: value})
    chosen = [option for option in command.options if option.choices]
    for each in product(*(("", *option.choices) for option in chosen)):
        yield commands.line(command.name, {**needed, **{o.name: v for o, v in zip(chosen, each, strict=True)}})


def values(option: Option, there: ChannelId) -> Iterator[str]:
    """What may be typed for an option; members and channels are those of another group."""
    samples: dict[Takes, tuple[str, ...]] = {
        Takes.TOPIC: ("training", MARKS[there]),
        Takes.QUESTION: (SLUGS[-1], MARKS[there]),
        Takes.SWITCH: ("on", "off"),
        Takes.TIME: ("10:00",),
        Takes.ZONE: ("Europe/Berlin",),
        Takes.DATE: ("2027-01-07",),
        Takes.DATES: ("2026-12-25",),
        Takes.DAYS: ("mon-fri",),
        Takes.MEMBER: (f"@ada-{MARKS[there]}", "@bob"),
        Takes.TEXT: ("until 2026-12-24", "08:30 Europe/Berlin", "off", "back"),
        Takes.WORD: ("any", "none", "here", "3", f"@ada-{MARKS[there]}", f"#{MARKS[there]}", "me", "next"),
    }
    yield from option.choices or samples[option.takes]


def strange(seen: Seen, here: ChannelId, *, channels: bool = False) -> bool:
    """Whether somebody was shown what is another group's; with `channels` also another channel's."""
    others = [
        m for channel, m in MARKS.items() if channel != here and (channels or group_of(channel) != group_of(here))
    ]
    others += [f"{group_of(channel)}/" for channel in MARKS if group_of(channel) != group_of(here)]
    ids = [mark for mark in others if mark not in seen.by]  # What they typed themselves may come back.
    return any(mark in seen.words for mark in (*ids, *(mark.upper() for mark in others)))


# --- what shows -----------------------------------------------------------------------------------------------


def test_the_groups_are_full_of_words(groups: Groups) -> None:
    for channel, mark in MARKS.items():
        organizer = asker(channel, "olga", organizer=True)
        shown = "".join(
            seen.words for text in ("leaderboard", "review", "me export") for seen in groups.tries(organizer, text)
        )
        assert mark.upper() in shown
        full = {table for table, rows in groups.world.contents().items() if mark in repr(rows).lower()}
        assert full >= {
            *(
                "absences",
                "answers",
                "deliveries",
                "drills",
                "events",
                "exemplars",
                "helped",
                "hints",
                "ledger",
                "members",
            ),
            *("objections", "parts", "reminders", "reports", "revisions", "rounds", "rulings", "seasons", "tallies"),
        }
    groups.pressed.clear()


@pytest.mark.parametrize("command", [commands.START, *commands.TABLE], ids=lambda command: command.name or "nothing")
@pytest.mark.parametrize(("here", "there"), [(ONE, TWO), (TWO, ONE)])
def test_no_command_option_or_button_shows_another_group(
    groups: Groups, command: Command, here: ChannelId, there: ChannelId
) -> None:
    tried = 0
    for text in dict.fromkeys(lines(command, there)):
        for by in (asker(here), asker(here, "olga", organizer=True)):
            for seen in groups.tries(by, text):
                tried += 1
                assert not strange(seen, here), seen
    assert tried >= 2


@pytest.mark.parametrize(
    "text", ["history", "when", "review", "leaderboard month here", "leaderboard past here", "me why"]
)
def test_what_belongs_to_one_channel_does_not_show_in_another(groups: Groups, text: str) -> None:
    for seen in groups.tries(asker(ONE, "olga", organizer=True), text, depth=0):
        assert not strange(seen, ONE, channels=True), seen


@pytest.mark.parametrize("here", [ONE, TWO])
def test_nothing_that_is_posted_or_sent_to_members_shows_another_group(groups: Groups, here: ChannelId) -> None:
    kinds = set()
    for key, place, card in groups.world.posted:
        if group_of(place.channel) == group_of(here):
            kinds |= {kind for kind in ("reveal", "recap", "award", "board", "question", "remind") if f"/{kind}" in key}
            assert not strange(Seen(key, repr(card)), here), key
    assert kinds == {"reveal", "recap", "award", "board", "question", "remind"}


@pytest.mark.parametrize("here", [ONE, TWO])
def test_a_members_own_page_shows_their_group_alone(groups: Groups, here: ChannelId) -> None:
    for who in ("ada", "bob", "olga"):
        shown = home.home(groups.tx, asker(here, who), None, "UTC", NOW)
        assert not strange(Seen(who, repr(shown)), here)


@pytest.mark.parametrize(("here", "there"), [(ONE, TWO), (TWO, ONE)])
def test_the_files_of_a_member_and_of_a_group_hold_that_group_alone(
    groups: Groups, here: ChannelId, there: ChannelId
) -> None:
    mine = groups.command(asker(here, "ada"), "me export").files
    all_of_it = group_export.files(groups.tx, group_of(here), NOW.date())
    for file in (*mine, *all_of_it):
        assert MARKS[here].upper() in file.text, file.name
        assert not strange(Seen(file.name, file.text), here), file.name
    # A member's own file names nobody else of the group, either.
    assert "bob" not in mine[0].text + mine[1].text
    rounds = [round_ for round_ in groups.world.rounds(here)]
    assert {item.answers for item in items.items(groups.tx, rounds)}


def test_what_is_offered_while_one_types_is_of_no_group(groups: Groups) -> None:
    limits = Limits(offers=25, name=100, value=100)
    for command in commands.TABLE:
        for option in command.options:
            for typed in ("", "a", *MARKS.values()):
                offered = suggestions(option, typed, banks=groups.world.banks, zones=zone_names(), limits=limits)
                assert not any(m in repr(offered).lower() for m in MARKS.values() if m != typed), (command, option)


# --- what can be done ---------------------------------------------------------------------------------------


def _rows_of(groups: Groups, group: GroupId, mark: str) -> dict[str, list[str]]:
    contents = groups.world.contents()
    return {
        table: [repr(row) for row in rows if f"{group}/" in repr(row) or mark in repr(row).lower()]
        for table, rows in contents.items()
    }


def _forged(groups: Groups, there: ChannelId) -> Iterator[Button]:
    """Every button of another group, each kind with all that it may be about."""
    rounds = groups.world.rounds(there)
    answers = [answer for round_ in rounds for answer in groups.tx.answers.shared(round_.id)]
    marks = [f"{sharing.mark(answer)} {answer.round}" for answer in answers]
    ids = [round_.id for round_ in rounds]
    numbers = [o.number for o in groups.tx.objections.open_in(there)] + [1, 2, 3]
    verdicts = [f"{v} o{n} {there}" for v in ("grant", "decline", "2") for n in numbers]
    verdicts += [f"undo r{r.number} {there}" for r in groups.tx.rulings.of_channel(there, 9)]
    flagged = [f"f{number} {there}" for number, _ in groups.tx.answers.flagged(there, at("09:00").date())]
    abouts: dict[Press, list[str]] = {
        Press.HINT: [*ids],
        Press.RESULT: [*ids],
        Press.OBJECT: [f"{what} {id}" for id in ids for what in ("", "1", "1.0")],
        Press.ANSWERS: [f"0 {id}" for id in ids],
        Press.HELPED: marks,
        Press.REPORT: marks,
        Press.REMOVE: marks,
        Press.RULE: verdicts,
        Press.REVIEW: [f"list {there}", *flagged, *(f"o{n} {there}" for n in numbers)],
        Press.SHARE: [f"month points {where} {there}" for where in ("all", "here")],
        Press.CONSENT: [f"{word} {r.number}" for r in groups.tx.rulings.of_channel(there, 9) for word in ("yes", "no")],
        Press.RESUME: [there, f"resume {there}"],
        Press.TRY: [there],
        Press.DO: [f"{command.name} {there}" for command in commands.TABLE],
    }
    for press, each in abouts.items():
        yield from (Button(press, "", about) for about in each)


@pytest.mark.parametrize(("here", "there"), [(ONE, TWO), (TWO, ONE)])
def test_a_forged_button_neither_shows_nor_changes_another_group(
    groups: Groups, here: ChannelId, there: ChannelId
) -> None:
    before = _rows_of(groups, group_of(there), MARKS[there])
    pressed = set()
    for button in _forged(groups, there):
        for by in (asker(here), asker(here, "olga", organizer=True)):
            pressed.add(button.press)
            with pytest.raises(Refused) as refused:
                groups.press(by, button)
            assert MARKS[there].upper() not in str(refused.value)
    assert pressed >= set(Press) - {Press.ANSWER, Press.CHECK, Press.NAMING, Press.FORGET}
    assert _rows_of(groups, group_of(there), MARKS[there]) == before


@pytest.mark.parametrize("press", [Press.NAMING, Press.FORGET])
def test_what_one_says_about_oneself_holds_in_ones_own_group(groups: Groups, press: Press) -> None:
    before = _rows_of(groups, group_of(TWO), MARKS[TWO])
    with groups.world.tried():
        groups.press(asker(ONE), Button(press, "", "yes" if press is Press.FORGET else "out"))
        assert _rows_of(groups, group_of(TWO), MARKS[TWO]) == before


def test_nobody_answers_or_checks_in_another_group(groups: Groups) -> None:
    round_ = groups.world.round(TWO)
    by = asker(ONE)
    form = Form(
        round=round_.id, interaction="forged", member=by.member, name=by.name, text="It covers one, five words.", at=NOW
    )
    with groups.world.tried():
        assert groups.world.arrives(form).receipt is Receipt.NOT_COUNTED
        assert groups.tx.answers.get(round_.id, by.member) is None
        with pytest.raises(Refused):
            objecting.make_final(groups.tx, by, round_.id, NOW)


def test_the_same_person_in_two_groups_is_two_members(groups: Groups) -> None:
    with groups.world.tried():
        there = replace(asker(TWO), place=Place(channel=TWO))
        twin = MemberId(f"{group_of(TWO)}/@ada-{MARKS[ONE]}")
        card = groups.command(replace(there, member=twin), "me export")
        assert json.loads(card.files[0].text)["answers"] == []
