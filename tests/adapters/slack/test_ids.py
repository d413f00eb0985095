"""Ids of the core and of Slack's, in each other's words, and what a message's ts says."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.slack.ids import channel_id, channel_of, group_id, member_id, stamp, team_of, ts_of, user_of
from bot.core.model import group_of, platform_of

IDS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20)


@given(IDS, IDS, IDS)
def test_slacks_ids_are_read_back_out_of_ids(team: str, channel: str, user: str) -> None:
    group, there, member = group_id(team), channel_id(team, channel), member_id(team, user)
    assert [team_of(one) for one in (group, there, member)] == [team] * 3
    assert channel_of(there) == channel
    assert [user_of(one) for one in (group, there, member)] == [None, None, user]
    assert len({group, there, member}) == 3


def test_ids_are_written_as_the_core_writes_them() -> None:
    assert (channel_id("T1", "C2"), member_id("T1", "W2")) == ("slack:T1/C2", "slack:T1/@W2")
    assert (platform_of(channel_id("T1", "C2")), group_of(channel_id("T1", "C2"))) == ("slack", group_id("T1"))


@pytest.mark.parametrize(
    "foreign",
    [
        *(
            "discord:1/2",
            "terminal:local/general",
            "slack:",
            "",
            "T1",
        ),
        *("slack:T1/@U2\n", "slack:T1/C2/C3", "slack:T1/<@U2>", "slack:T\u0661"),
    ],
)
def test_an_id_of_another_platform_is_refused(foreign: str) -> None:
    for read in (team_of, channel_of, user_of):
        with pytest.raises(ValueError, match="is no id of Slack's"):
            read(foreign)


@pytest.mark.parametrize("other", [group_id("T1"), member_id("T1", "U2")])
def test_what_is_no_channel_is_not_taken_for_one(other: str) -> None:
    with pytest.raises(ValueError, match="is no channel's id"):
        channel_of(other)


@given(st.text(max_size=12), st.text(max_size=12))
def test_what_slack_could_not_have_sent_becomes_no_id(team: str, other: str) -> None:
    """Whatever is made can be read, so nothing can pass for the id of something else."""
    for make in (channel_id, member_id):
        try:
            made = make(team, other)
        except ValueError:
            continue
        assert team_of(made) == team


@pytest.mark.parametrize(("team", "other"), [("T1/C2", "C3"), ("T1", "a b"), ("T1", "@U1"), ("", "")])
def test_an_id_of_another_kind_is_refused_where_one_is_made(team: str, other: str) -> None:
    with pytest.raises(ValueError, match="is no id of"):
        channel_id(team, other)
    with pytest.raises(ValueError, match="is no id of"):
        member_id(team, other)


# --- ts -------------------------------------------------------------------------------------------------------


def test_a_ts_is_an_instant_to_the_microsecond() -> None:
    assert stamp("1795424400.000200") == datetime(2026, 11, 23, 9, 0, 0, 200, tzinfo=UTC)
    assert stamp("1795424400.999999").microsecond == 999_999
    assert stamp("1795424400") == stamp("1795424400.0") == datetime(2026, 11, 23, 9, tzinfo=UTC)
    late = [stamp(f"9999999999.99999{last}") for last in range(10)]  # A float cannot tell all of these apart.
    assert [at.microsecond for at in late] == list(range(999_990, 1_000_000))


instants = st.integers(0, 10**16 - 1).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)


@given(instants)
def test_an_instant_is_read_back_out_of_its_ts(at: datetime) -> None:
    assert stamp(ts_of(at)) == at


@given(st.integers(0, 10**10 - 1), st.integers(0, 999_999))
def test_a_ts_is_written_as_slack_wrote_it(seconds: int, micros: int) -> None:
    ts = f"{seconds:010d}.{micros:06d}"
    assert ts_of(stamp(ts)) == ts


def test_the_order_of_instants_is_that_of_their_ts() -> None:
    times = [datetime(2026, 11, 22, tzinfo=UTC) + timedelta(microseconds=n) for n in (0, 1, 10, 999_999, 1_000_000)]
    assert sorted(map(ts_of, times)) == [ts_of(at) for at in times]


def test_an_instant_in_another_zone_has_the_same_ts() -> None:
    at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert ts_of(at.astimezone(timezone(timedelta(hours=5, minutes=30)))) == ts_of(at)


@pytest.mark.parametrize(
    "wrong",
    ["", "1795424400.", "1795424400.0002000", "11795424400.000200", "\u0661795424400.000200", "a.b"],
)
def test_what_is_no_ts_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no ts of Slack's"):
        stamp(wrong)


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "out of what a ts can say"),
        (datetime(2287, 1, 1, tzinfo=UTC), "out of what a ts can say"),
        (datetime(2026, 11, 22), "has no time zone"),  # noqa: DTZ001 - that is what it is about
    ],
)
def test_an_instant_that_no_ts_can_say_is_refused(at: datetime, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ts_of(at)
