"""Commands are named on a card as they are called in Discord."""

from __future__ import annotations

import pytest

from bot.adapters.discord.wording import as_called_here
from bot.core.card import Card, Line, Prose, Words
from bot.core.commands import TABLE, Command, Who, usage


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


def here(text: str) -> str:
    """A text as Discord's members read it."""
    [line] = as_called_here(Card(title="", body=(Line((Words(text),)),))).body
    assert isinstance(line, Line)
    return "".join(span.text for span in line.spans if isinstance(span, Words))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("/nnquestion me remind off ends it.", "/nnquestion me show:remind value:off ends it."),
        ("/nnquestion me remind 08:30 sends you", "/nnquestion me show:remind value:08:30 sends you"),
        ("Say /nnquestion me away until 2026-12-24, the", "Say /nnquestion me show:away value:until 2026-12-24, the"),
        ("/nnquestion me away back ends it.", "/nnquestion me show:away value:back ends it."),
        ("by name; /nnquestion me hide changes that.", "by name; /nnquestion me show:hide changes that."),
        ("2; /nnquestion me why explains it", "2; /nnquestion me show:why explains it"),
        ("/nnquestion me export gives, /nnquestion me forget.", "/nnquestion me show:export gives, "
         "/nnquestion me show:forget."),
        ("/nnquestion help COMMAND tells more.", "/nnquestion help command:COMMAND tells more."),
        ("/nnquestion leaderboard all here", "/nnquestion leaderboard season:all where:here"),
        ("such as /nnquestion setup time=09:00 zone=Europe/Berlin", "such as /nnquestion-admin setup time:09:00 "
         "zone:Europe/Berlin"),
        ("say /nnquestion resume there, and", "say /nnquestion-admin resume there, and"),
        ("/nnquestion me: your points", "/nnquestion me: your points"),
        ("/nnquestion reveal closes it, /nnquestion ask asks", "/nnquestion-admin reveal closes it, "
         "/nnquestion ask asks"),
    ],
)  # fmt: skip
def test_options_are_filled_in_as_discord_has_them_and_the_sentence_goes_on(written: str, read: str) -> None:
    assert here(written) == read


@pytest.mark.parametrize("command", [c for c in TABLE if c.options], ids=lambda command: command.name)
def test_usage_and_example_name_every_option(command: Command) -> None:
    called = f"/nnquestion-admin {command.name}" if command.who is Who.ORGANIZER else f"/nnquestion {command.name}"
    used = here(usage(command))
    assert used.startswith(f"Use it so: {called} ")
    assert all(f"{option.name}:" in used for option in command.options)
    if command.example:
        example = here(f"Example: /nnquestion {command.example}")
        assert example.startswith(f"Example: {called} ")
        assert any(f" {option.name}:" in example for option in command.options)
        assert "=" not in example
