"""What each button does, and who may press it. What a button carries may be forged: all of it is checked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.core import asking, boards, commands, groups, my_data, notices, objecting, replies, reviewing, sharing
from bot.core.asking import Asker
from bot.core.card import Card, Press
from bot.core.model import Answer, ChannelId, Place, Receipt, Round, RoundId, RoundState, Told, Why
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.setting_up import Refused

ONLY_READS: Final = frozenset({Press.RESULT, Press.REVIEW, Press.ANSWERS})
"""These change nothing, and may be pressed as often as one likes."""


def press(
    tx: Transaction,
    banks: Banks,
    asker: Asker,
    press: Press,
    about: str,
    now: datetime,
    limits: groups.Limits = groups.NO_LIMITS,
) -> Card:
    """Carry out a button, other than Answer and Check now, and return what its presser is told. Raises Refused."""
    groups.check_blocked(tx, asker.group)
    match press:
        case Press.HINT:
            round_ = tx.rounds.get(RoundId(about))
            if round_ is not None and round_.group == asker.group:
                return replies.hint_for(tx, asker, round_, now)
        case Press.RESULT:
            return replies.result_of(tx, asker, RoundId(about))
        case Press.OBJECT:
            return objecting.object_(tx, asker, about, now)
        case Press.CONSENT:
            return objecting.consent(tx, asker, about, now)
        case Press.ANSWERS:
            return sharing.answers(tx, asker, about, now)
        case Press.HELPED:
            return sharing.helped(tx, asker, about, now)
        case Press.REPORT:
            return sharing.report(tx, asker, about, now)
        case Press.REMOVE:
            return sharing.remove(tx, asker, about, now)
        case Press.NAMING:
            return boards.show_as(tx, asking.know(tx, asker), about)
        case Press.FORGET:
            return my_data.forget(tx, asker, about, now)
        case Press.RESUME | Press.TRY | Press.DO | Press.REVIEW | Press.RULE | Press.SHARE:
            return _in_channel(tx, banks, asker, press, about, now, limits)
    raise Refused("This button no longer does anything.")


def answer_form(tx: Transaction, asker: Asker, round_id: RoundId) -> tuple[Round, Answer | None]:
    """The round that a form is to be opened for, and what its reader has said in it. Raises Refused.

    Who is barred may open it to take back what they said.
    """
    groups.check_blocked(tx, asker.group)
    round_ = tx.rounds.get(round_id)
    if round_ is None or round_.group != asker.group or round_.state in (RoundState.CANCELLED, RoundState.SKIPPED):
        raise Refused("There is no open round behind this button.")
    given, member = tx.answers.get(round_id, asker.member), tx.members.get(asker.member)
    if given is not None and given.final:  # Else what is typed would be lost.
        raise Refused(FINAL)
    if member is not None and member.barred and (given is None or not given.text.strip()):
        raise Refused(notices.told(Told(receipt=Receipt.NOT_COUNTED, why=Why.BARRED)))
    return round_, given


FINAL: Final = (
    "You had your answer checked, so it is final: nothing revises or withdraws it any more. To remove its text, delete "
    "your message, or say /nnquestion me forget; the grade stays."
)


def _in_channel(
    tx: Transaction, banks: Banks, asker: Asker, press: Press, about: str, now: datetime, limits: groups.Limits
) -> Card:
    """What a button does in the channel that it names, wherever it was pressed, with the presser's rights there."""
    said, _, channel = about.rpartition(" ")
    there = replace(asker, place=Place(channel=ChannelId(channel)))
    if there.group != asker.group:
        raise Refused("This drill belongs to another group.")
    command = commands.BY_NAME.get(said.partition(" ")[0])
    organizes = press in (Press.REVIEW, Press.RULE) or (
        press is Press.DO and command is not None and command.who is commands.Who.ORGANIZER
    )
    if organizes and not asking.may_organize(tx, there):
        raise Refused("These buttons are for organizers of that channel.")
    match press:
        case Press.SHARE:
            return boards.share(tx, there, said, now)
        case Press.RULE:
            return reviewing.rule(tx, there, said, now)
        case Press.REVIEW if said != "list":
            return reviewing.look(tx, there, said, now)
        case Press.REVIEW:
            said = "review"
        case Press.RESUME | Press.TRY if not said:
            said = "resume" if press is Press.RESUME else "ask"
    return replies.answer(tx, banks, there, read(said), now, limits)


def read(said: str) -> commands.Invocation:
    """What stands after `/nnquestion`. Raises Refused where it is no command."""
    try:
        return commands.read(said)
    except commands.Misread as misread:
        raise Refused(str(misread)) from misread
