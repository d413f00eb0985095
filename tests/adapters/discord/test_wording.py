"""Commands are named on a card as they are called in Discord."""

from __future__ import annotations

import pytest

from bot.adapters.discord.wording import as_called_here
from bot.core.card import Card, Line, Prose, Words
from bot.core.commands import TABLE, Command, Who


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.name)
def test_organizers_commands_stand_below_one_of_their_own_and_members_commands_do_not(command: Command) -> None:
    name, who = command.name, command.who
    called = f"/nnquestion-admin {name}" if who is Who.ORGANIZER else f"/nnquestion {name}"
    said = (Line((Words(f"Say /nnquestion {name}."),)), Prose(f"`/nnquestion {name}`"))
    card = Card(title=f"/nnquestion {name}", body=said)
    assert as_called_here(card) == Card(title=called, body=(Line((Words(f"Say {called}."),)), Prose(f"`{called}`")))


def test_a_longer_word_is_no_command() -> None:
    card = Card(title="/nnquestion setups", body=(Line((Words("/nnquestion nextdoor"),)),))
    assert as_called_here(card) == card
