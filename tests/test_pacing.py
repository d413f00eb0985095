"""A platform is asked as fast as it allows, and no faster."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pacing import REFUSALS_AT_MOST, REFUSALS_WITHIN, Pace, Unpaced
from tests.virtual_time import run


async def turns(pace: Pace, channels: Sequence[str], *, posts: bool = False) -> list[float]:
    """When each of these had its turn, all of them waiting at once; in the order in which they had it."""
    loop, had = asyncio.get_running_loop(), list[float]()

    async def one(channel: str) -> None:
        assert await pace.turn(channel, posts=posts)
        had.append(loop.time())

    await asyncio.gather(*(one(channel) for channel in channels))
    return had


def most_within(had: Sequence[float], seconds: float) -> int:
    return max(sum(1 for other in had if at <= other < at + seconds - 1e-9) for at in had)


def test_ten_thousand_at_once_go_as_fast_as_is_allowed_and_no_faster() -> None:
    had = run(turns(Pace(40.0), [f"c{number}" for number in range(10_000)]))
    assert len(had) == 10_000
    assert max(sum(1 for other in had[i : i + 60] if other < at + 1 - 1e-9) for i, at in enumerate(had)) == 40
    assert 249 <= had[-1] - had[0] < 250


@settings(max_examples=60)
@given(rate=st.sampled_from([0.5, 1.0, 5.0, 7.5, 40.0]), channels=st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_no_second_has_more_turns_than_allowed_and_no_channel_more_messages(rate: float, channels: list[int]) -> None:
    had = run(turns(Pace(rate, channel_every=1.0), [str(channel) for channel in channels], posts=True))
    together = max(1, int(rate))
    assert most_within(had, together / rate) <= together
    alone = run(turns(Pace(1000.0, channel_every=1.0), ["c"] * len(channels), posts=True))
    assert most_within(alone, 1.0) == 1


def test_a_channel_that_has_to_wait_holds_up_no_other() -> None:
    async def work() -> list[str]:
        pace, order = Pace(5.0, channel_every=10.0), list[str]()

        async def one(channel: str) -> None:
            await pace.turn(channel, posts=True)
            order.append(channel)

        await asyncio.gather(*(one(channel) for channel in ("a", "a", "b", "c")))
        return order

    assert run(work()) == ["a", "b", "c", "a"]


def test_what_posts_nothing_does_not_wait_for_its_channel() -> None:
    assert run(turns(Pace(5.0, channel_every=10.0), ["a", "a", "a"])) == [0.0, 0.0, 0.0]


def test_while_a_platform_rests_nobody_has_a_turn_and_then_they_line_up_again() -> None:
    async def work() -> list[float]:
        pace = Pace(2.0)
        waiting = asyncio.create_task(turns(pace, [str(number) for number in range(6)]))
        await asyncio.sleep(0.1)
        pace.rest(10.0)
        return await waiting

    assert run(work()) == [0.0, 0.0, 10.1, 10.1, 11.1, 11.1]


def test_after_too_many_refusals_nothing_is_sent_until_half_of_them_are_long_past() -> None:
    async def work() -> float:
        pace = Pace(40.0)
        for _ in range(REFUSALS_AT_MOST):
            await pace.turn("c")
            pace.refused()
        began = asyncio.get_running_loop().time()
        await pace.turn("c")
        return asyncio.get_running_loop().time() - began

    waited = run(work())
    assert REFUSALS_WITHIN / 2 < waited < REFUSALS_WITHIN


def test_refusals_now_and_then_hold_up_nobody() -> None:
    async def work() -> float:
        pace = Pace(40.0)
        for _ in range(REFUSALS_AT_MOST * 2):
            await asyncio.sleep(1.0)
            pace.refused()
        began = asyncio.get_running_loop().time()
        await pace.turn("c")
        return asyncio.get_running_loop().time() - began

    assert run(work()) == 0.0


def test_who_waits_is_turned_away_at_once_when_it_closes() -> None:
    async def work() -> tuple[list[bool], float]:
        pace = Pace(1.0)
        waiting = [asyncio.create_task(pace.turn("c")) for _ in range(3)]
        await asyncio.sleep(0.5)
        pace.close()
        return [await one for one in waiting] + [await pace.turn("c")], asyncio.get_running_loop().time()

    assert run(work()) == ([True, False, False, False], 0.5)


def test_a_room_on_this_machine_waits_for_nothing() -> None:
    assert run(turns(Unpaced(), ["c"] * 1000, posts=True)) == [0.0] * 1000
