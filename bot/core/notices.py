"""What is said beside rounds: receipts to members, and notes to organizers."""

from __future__ import annotations

from typing import Final

from bot.core.card import Button, Card, Channel, Press, Tone
from bot.core.cards import count, line, strong
from bot.core.commands import TABLE, Who
from bot.core.counting import LONGEST_ANSWER
from bot.core.model import ChannelId, Drill, Receipt, Round, Told, Why

BLOCKED: Final = "I am switched off for this group by whoever runs me, and keep nothing that is said here."
"""What a blocked group is told, and all it is told."""
FINAL: Final = "Not counted: you had your answer checked, so it is final."


def told(receipt: Told) -> str:
    """A receipt in words; empty where there is nothing to say."""
    match receipt.receipt, receipt.why:
        case Receipt.RECORDED, _:
            return "Recorded. Until the round closes you can still revise or withdraw it."
        case Receipt.REVISED, _:
            return "Revised. This is your answer now."
        case Receipt.WITHDRAWN, _:
            return "Withdrawn. You have no answer in this round."
        case Receipt.LATE, _:
            return "Late: the round had closed. I keep it and grade it for you, without points."
        case Receipt.TOO_LONG, _:
            limit = f"{LONGEST_ANSWER:,}"
            return (
                f"Too long: an answer holds {limit} characters in all. This does not count; what did before still does."
            )
        case Receipt.NOT_COUNTED, Why.SEALED:
            return "Not counted: this round is sealed. Use the Answer button."
        case Receipt.NOT_COUNTED, Why.CLOSED:
            return "Not counted: the round has closed, and your answer stands as it was."
        case Receipt.NOT_COUNTED, Why.NO_ROUND:
            return "Not counted: there is no open round here."
        case Receipt.NOT_COUNTED, Why.NOT_OWN:
            return "Not counted: only a message of your own can be your answer."
        case Receipt.NOT_COUNTED, Why.TEXT_GONE:
            return "The text of your answer is removed. It was final, or the round had closed, so its grade stays."
        case Receipt.NOT_COUNTED, Why.FINAL:
            return FINAL
        case Receipt.NOT_COUNTED, Why.BARRED:
            return "Not counted: an organizer has barred you from answers and boards."
        case Receipt.NOT_COUNTED, Why.BLOCKED:
            return f"Not counted. {BLOCKED}"
        case Receipt.NOT_COUNTED, Why.EMPTY:
            return "Not counted: there is nothing in it."
        case Receipt.NOT_COUNTED, _:
            return ""


def asleep(drill: Drill, rounds: int) -> Card:
    """To the organizers, once nobody has answered for a while."""
    return Card(
        title="This drill sleeps",
        body=(
            line(
                f"{count(rounds, 'daily round')} in a row had no answer, so I stop asking in ",
                Channel(drill.channel),
                ".",
            ),
            line("Press Resume, or say /nnquestion resume there, and the next round comes on its day."),
        ),
        buttons=(Button(Press.RESUME, "Resume", drill.channel),),
        tone=Tone.TROUBLE,
    )


def by_button(drill: Drill) -> Card:
    """To the organizers that setup names, where the platform does not show them their commands."""
    theirs = [command for command in TABLE if command.who is Who.ORGANIZER]
    return Card(
        title="For the organizers of a drill",
        body=(
            line("Whom setup names, in person or by role, runs the drill in ", Channel(drill.channel), " from here:"),
            *(line(strong(f"{command.name.capitalize()}: "), command.says, bullet=True) for command in theirs),
        ),
        buttons=tuple(
            Button(Press.DO, command.name.capitalize(), f"{command.name} {drill.channel}") for command in theirs
        ),
    )


def running_out(drill: Drill, left: int) -> Card:
    """To the organizers, once few questions are left that were never asked in a channel, and once none is."""
    here = Channel(drill.channel)
    if left:
        says = line(f"{count(left, 'question')} that were never asked in ", here, " are left.")
    else:
        says = line("Every question that fits the drill in ", here, " has been asked; from now on they come again.")
    more = line("More topics, more difficulties or a bank of your own give more: /nnquestion setup.")
    return Card(title="Questions run out", body=(says, more))


def not_taken(round_: Round) -> Card:
    """To the organizers, once the platform has refused a question's card for good."""
    return Card(
        title="A question could not be posted",
        body=(
            line("The platform does not take this card in ", Channel(round_.channel), f": {round_.question.prompt}"),
            line("The round is cancelled, without harm to any streak. The next one comes on its day."),
        ),
        tone=Tone.TROUBLE,
    )


def switched_off(channel: ChannelId, why: str) -> Card:
    """To the organizers, once a channel cannot be used."""
    return Card(
        title="This drill is off",
        body=(
            line("I ask no more questions in ", Channel(channel), f": {why}."),
            line("Once that is mended, /nnquestion resume there starts it again. Points and streaks stay."),
        ),
        tone=Tone.TROUBLE,
    )


def from_operator(text: str) -> Card:
    """To the organizers of every group, in the words of whoever runs the program; a blank line parts paragraphs."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]
    return Card(
        title="From whoever runs this bot",
        body=tuple(line(paragraph) for paragraph in paragraphs if paragraph),
    )
