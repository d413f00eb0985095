"""The Home tab: cards one below the other, with buttons that can be told apart, and no more than Slack takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.slack.home import home_view
from bot.adapters.slack.render import press_of
from bot.core.card import Button, Card, Line, Press, Prose, Words
from tests.adapters.slack.test_forms import any_card, check_view, words

MORE: Final = {"type": "section", "text": {"type": "plain_text", "text": "…", "emoji": False}}


def buttons_of(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [button for block in view["blocks"] if block["type"] == "actions" for button in block["elements"]]


def card(title: str, *presses: tuple[Press, str]) -> Card:
    buttons = tuple(Button(press, press.value, about) for press, about in presses)
    return Card(title=title, body=(Line((Words(f"About {title}."),)),), buttons=buttons)


@given(st.lists(any_card, max_size=5))
@settings(max_examples=40)
def test_any_cards_make_a_tab_that_slack_takes(cards: Sequence[Card]) -> None:
    check_view(home_view(cards))


def test_cards_stand_one_below_the_other_with_a_line_between_them() -> None:
    view = home_view([card("One"), card("Two")])
    assert [block["type"] for block in view["blocks"]] == ["header", "rich_text", "divider", "header", "rich_text"]
    assert words(view["blocks"]) == "OneAbout One.TwoAbout Two."


def test_every_button_keeps_what_it_is_about_and_has_an_action_of_its_own() -> None:
    cards = [
        card(
            "One",
            (Press.DO, "pause slack:T1/C1"),
            (Press.DO, "next slack:T1/C1"),
            (Press.ANSWER, "slack:T1/C1@2026-11-22"),
        ),
        card("Two", (Press.DO, "pause slack:T1/C2"), (Press.ANSWER, "slack:T1/C2@2026-11-22")),
    ]
    buttons = buttons_of(home_view(cards))
    assert [(press_of(button["action_id"]), button["value"]) for button in buttons] == [
        (button.press, button.about) for each in cards for button in each.buttons
    ]
    assert len({button["action_id"] for button in buttons}) == len(buttons)
    assert [button.get("style") for button in buttons] == [None, None, "primary", None, "primary"]


def test_a_tab_without_cards_still_shows_something() -> None:
    assert home_view([])["blocks"] == [MORE]


@pytest.mark.parametrize("count", [33, 34, 300])
def test_what_a_tab_cannot_hold_is_left_out_at_its_end_and_said_to_be(count: int) -> None:
    view = home_view([card(f"{number:03d}") for number in range(count)])
    check_view(view)
    assert "032About 032." in words(view["blocks"])
    assert "033" not in words(view["blocks"])
    assert (view["blocks"][-1] == MORE) == (count > 33)
    assert len(view["blocks"]) == (98 if count == 33 else 100)


def test_many_long_cards_are_cut_by_their_length() -> None:
    view = home_view([Card(title=f"{number}", body=(Prose("好" * 3000),)) for number in range(30)])
    check_view(view)
    assert view["blocks"][-1] == MORE
    assert "9" in words(view["blocks"])
