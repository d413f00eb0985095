"""One platform that ends for good leaves the others running."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from bot import runtime
from bot.adapters.discord.client import TokenRefused


async def ends() -> None:
    raise TokenRefused


async def stays() -> None:
    await asyncio.Event().wait()


async def test_a_refused_token_of_one_platform_is_told_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    told = asyncio.Event()
    stopping = asyncio.create_task(told.wait())
    connecting = {"discord": asyncio.create_task(ends()), "slack": asyncio.create_task(stays())}
    waiting = asyncio.create_task(runtime._stopped_or_all_ended(stopping, connecting, alone=True))
    await asyncio.wait({connecting["discord"]})
    told.set()
    await waiting
    assert not connecting["slack"].done()
    assert "discord has ended: DISCORD_TOKEN: Discord refuses this token" in caplog.text
    connecting["slack"].cancel()
    with suppress(asyncio.CancelledError):
        await connecting["slack"]


async def test_when_the_last_platform_ends_so_does_the_program() -> None:
    stopping = asyncio.create_task(asyncio.Event().wait())
    connecting = {"discord": asyncio.create_task(ends()), "slack": asyncio.create_task(ends())}
    with pytest.raises(TokenRefused):
        await runtime._stopped_or_all_ended(stopping, connecting, alone=True)


async def test_a_room_in_the_terminal_goes_on_without_any_other_platform() -> None:
    told = asyncio.Event()
    stopping = asyncio.create_task(told.wait())
    connecting = {"discord": asyncio.create_task(ends())}
    waiting = asyncio.create_task(runtime._stopped_or_all_ended(stopping, connecting, alone=False))
    await asyncio.wait({connecting["discord"]})
    told.set()
    await waiting
