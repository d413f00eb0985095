"""Ids of the core and numbers of Discord's, in each other's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.discord.ids import (
    button_id,
    channel_id,
    channel_of,
    group_id,
    guild_of,
    is_channel,
    member_id,
    role_id,
    user_of,
)
from bot.core.card import Press
from bot.core.model import daily_round_id, extra_round_id, group_of, platform_of
from tests.factories import TODAY

SNOWFLAKES = st.integers(min_value=0, max_value=2**64 - 1)
LONGEST = 2**64 - 1


@given(SNOWFLAKES, SNOWFLAKES)
def test_numbers_are_read_back_out_of_ids(guild: int, number: int) -> None:
    channel, member, role = channel_id(guild, number), member_id(guild, number), role_id(guild, number)
    assert [guild_of(one) for one in (group_id(guild), channel, member, role)] == [guild] * 4
    assert channel_of(channel) == number
    assert [user_of(one) for one in (channel, member, role, group_id(guild))] == [None, number, None, None]
    assert len({group_id(guild), channel, member, role}) == 4


def test_ids_are_written_as_the_core_writes_them() -> None:
    assert (channel_id(1, 2), member_id("1", "2")) == ("discord:1/2", "discord:1/@2")
    assert (platform_of(channel_id(1, 2)), group_of(channel_id(1, 2))) == ("discord", group_id(1))


@pytest.mark.parametrize("foreign", ["slack:T1/C2", "terminal:local/general", "discord:1/general", "discord:", "", "1"])
def test_an_id_of_another_platform_is_refused(foreign: str) -> None:
    for read in (guild_of, channel_of, user_of):
        with pytest.raises(ValueError, match="is no id of Discord's"):
            read(foreign)


@pytest.mark.parametrize("other", [group_id(1), member_id(1, 2), role_id(1, 2)])
def test_what_is_no_channel_is_not_taken_for_one(other: str) -> None:
    with pytest.raises(ValueError, match="is no channel's id"):
        channel_of(other)


def test_a_channel_is_known_by_its_id() -> None:
    others = [group_id(1), member_id(1, 2), role_id(1, 2), daily_round_id(channel_id(1, 2), TODAY), "slack:T1/C2", ""]
    assert [is_channel(one) for one in (channel_id(1, 2), *others)] == [True, *[False] * len(others)]


@pytest.mark.parametrize("press", Press)
def test_every_button_about_a_round_fits_into_what_discord_takes(press: Press) -> None:
    about = daily_round_id(channel_id(LONGEST, LONGEST), TODAY)
    assert button_id(press, about) == f"nn:{press}:{about}"
    assert len(button_id(press, about)) <= 100


@pytest.mark.parametrize(
    ("press", "chosen"),
    [
        (Press.OBJECT, "all.1499 "),
        (Press.REVIEW, "f99999999 "),
        (Press.RULE, "decline o99999999 "),
        (Press.DO, "leaderboard "),
        (Press.CONSENT, "yes 99999999 "),
        (Press.NAMING, "someone "),
        (Press.SHARE, "month average here "),
        (Press.ANSWERS, "9999 "),
        (Press.HELPED, "0123456789 "),
        (Press.REPORT, "0123456789 "),
        (Press.REMOVE, "0123456789 "),
    ],
)
def test_every_step_of_a_chain_of_cards_fits_into_what_discord_takes(press: Press, chosen: str) -> None:
    channel = channel_id(LONGEST, LONGEST)
    about_rounds = (Press.OBJECT, Press.ANSWERS, Press.HELPED, Press.REPORT, Press.REMOVE)
    about = extra_round_id(channel, 10**9) if press in about_rounds else channel
    assert len(button_id(press, f"{chosen}{about}")) <= 100


def test_a_button_about_too_much_is_refused_here_and_not_by_discord() -> None:
    with pytest.raises(ValueError, match="100 characters"):
        button_id(Press.HINT, "x" * 100)
