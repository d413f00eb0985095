"""What members share of their answers after the reveal: who sees it, who was helped, what is reported and removed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Final

from bot.core import cards
from bot.core.asking import Asker, drill_here, may_organize, said
from bot.core.card import Block, Button, Card, Press
from bot.core.cards import line, strong
from bot.core.model import (
    Answer,
    MemberId,
    Report,
    Round,
    RoundId,
    RoundState,
    Source,
)
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.scoring import is_barred
from bot.core.setting_up import Refused, member_of

AT_A_TIME: Final = 4
"""Shared answers in one card; each has up to three buttons."""

_LONGEST_NUMBER: Final = 6
"""Digits; Python refuses to read numbers of thousands of them."""


def mark(answer: Answer) -> str:
    """What a button knows a shared answer by; it tells nothing of its author."""
    # Members and rounds are known to everybody, and could be tried; what a form was called is known to the platform.
    forms = " ".join(part.id for part in answer.parts if part.source is Source.FORM)
    return hashlib.sha256(f"{answer.round} {answer.member} {forms}".encode()).hexdigest()[:10]


def shared_in(tx: Transaction, round_id: RoundId) -> list[Answer]:
    """What members share of a round; nothing of who is barred."""
    return [answer for answer in tx.answers.shared(round_id) if not is_barred(tx, answer.member)]


def answers(tx: Transaction, asker: Asker, about: str, now: datetime) -> Card:
    """Some of a round's shared answers, shuffled for each reader; `about` is how many they have seen, and the round.

    Raises Refused before the reveal.
    """
    before, _, round_id = about.rpartition(" ")
    round_ = _revealed(tx, asker, round_id)
    shared = _shuffled(shared_in(tx, round_.id), asker.member)
    first = int(before) if before.isdecimal() and len(before) < _LONGEST_NUMBER else 0
    shown = shared[first : first + AT_A_TIME]
    in_thread = sum(_in_thread(answer) for answer in tx.answers.of_round(round_.id) if not round_.sealed)
    body: list[Block] = []
    buttons: list[Button] = []
    helped = tx.answers.helped(round_.id)
    organizer = may_organize(tx, replace(asker, place=replace(asker.place, channel=round_.channel)))
    for number, answer in enumerate(shown, start=first + 1):
        votes = helped.get(answer.member, 0)
        thanks = f" (helped {votes})" if votes else ""
        body.append(line(strong(f"{number}. {_signed(tx, answer)}{thanks}: "), answer.by_form))
        carried = f"{mark(answer)} {round_.id}"
        if answer.member != asker.member:
            buttons.append(Button(Press.HELPED, f"{number} helped me", carried))
            buttons.append(Button(Press.REPORT, f"Report {number}", carried))
        if organizer:
            buttons.append(Button(Press.REMOVE, f"Remove {number}", carried))
    if shared and not shown:  # Some were removed since the button was offered.
        body.append(line("There are no more."))
    if not shared:
        body.append(line("Nobody has shared an answer by form in this round."))
    if in_thread:
        body.append(line(f"{cards.count(in_thread, 'answer')} to be read in the thread."))
    if len(shared) > first + AT_A_TIME:
        buttons.append(Button(Press.ANSWERS, "More", f"{first + AT_A_TIME} {round_.id}"))
    return Card(title=f"Answers: {round_.question.prompt}", body=tuple(body), buttons=tuple(buttons))


def helped(tx: Transaction, asker: Asker, about: str, now: datetime) -> Card:
    """Note that a shared answer helped its reader; it brings no points. Raises Refused."""
    answer = _answer(tx, asker, about)
    if answer.member == asker.member:
        raise Refused("It is your own.")
    tx.answers.help(answer.round, answer.member, asker.member)
    return said("Noted", line("The week's recap thanks whoever helped most."))


def report(tx: Transaction, asker: Asker, about: str, now: datetime) -> Card:
    """Let organizers look at a shared answer. Raises Refused."""
    answer = _answer(tx, asker, about)
    tx.answers.report(Report(round=answer.round, member=answer.member, by=asker.member, at=now))
    return said("Reported", line("The organizers find it in /nnquestion review. They are not told who reported it."))


def remove(tx: Transaction, asker: Asker, about: str, now: datetime) -> Card:
    """Take a shared answer out of everything that others see: reveal, recap, exemplars, export. Raises Refused.

    Grade and points stay.
    """
    answer = _answer(tx, asker, about)
    round_ = tx.rounds.get(answer.round)
    assert round_ is not None, "an answer has its round"
    if not may_organize(tx, replace(asker, place=replace(asker.place, channel=round_.channel))):
        raise Refused("Only organizers of that channel can remove an answer.")
    take_out(tx, answer, now)
    return said("Removed", line("Nobody is shown this answer any more. Its author keeps grade and points."))


def take_out(tx: Transaction, answer: Answer, now: datetime) -> None:
    """Take an answer out of what others see; nothing that rests on it serves any more."""
    # Not `share`: it is read off what happened to the answer, and would come back.
    tx.answers.save(replace(answer, removed=True), cause="removed by an organizer", at=now)
    tx.answers.settle_reports(answer.round, answer.member)
    for ruling in tx.rulings.of_answer(answer.round, answer.member):
        tx.rulings.remove_exemplar(ruling.number)


def _signed(tx: Transaction, answer: Answer) -> str:
    return cards.signed(answer, tx.members.get(answer.member))


def _shuffled(shared: Sequence[Answer], reader: MemberId) -> list[Answer]:
    """In an order that is the same for a reader each time, and tells nothing of when who answered."""
    found = sorted(shared, key=mark)  # A reader could undo the shuffling, and would be left with the order given.
    seed = hashlib.sha256(f"{reader} {shared[0].round if shared else ''}".encode()).digest()
    Random(seed).shuffle(found)
    return found


def _in_thread(answer: Answer) -> bool:
    return any(part.source is Source.MESSAGE and part.text for part in answer.parts)


def _revealed(tx: Transaction, asker: Asker, round_id: str) -> Round:
    round_ = tx.rounds.get(RoundId(round_id))
    if round_ is None or round_.group != asker.group:
        raise Refused("I do not know this round any more.")
    if round_.state is not RoundState.REVEALED:
        raise Refused("Answers are shown once the round is revealed.")
    return round_


def _answer(tx: Transaction, asker: Asker, about: str) -> Answer:
    carried, _, round_id = about.rpartition(" ")
    round_ = _revealed(tx, asker, round_id)
    for answer in shared_in(tx, round_.id):
        if mark(answer) == carried:
            return answer
    raise Refused("This answer is no longer shared.")


# --- who takes part -----------------------------------------------------------------------------------------


def bar(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    """Keep a member from answers and boards in this group; said again, undo it; without a name, tell who is barred."""
    drill_here(tx, asker)
    if "member" not in options:
        barred = [member.name for member in tx.members.of_group(asker.group) if member.barred]
        return said("Barred", line(", ".join(barred) if barred else "Nobody is barred here."))
    id = member_of(options["member"], asker.group)
    if id == asker.member:
        raise Refused("Nobody bars themselves; /nnquestion me hide takes you off the boards.")
    member = tx.members.get(id)
    if member is None:
        raise Refused("I have not met this member yet, so there is nothing of theirs to keep out.")
    member = replace(member, barred=not member.barred)
    tx.members.save(member)
    if member.barred:
        says = "What they say counts for nothing from now on, in the whole group, and boards leave them out."
        return said(f"Barred: {member.name}", line(says), line("Say the same again to undo it; points come back, too."))
    return said(f"No longer barred: {member.name}", line("Their answers count again, and boards show them."))
