"""Fixtures of the terminal's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.adapters.terminal.stages import Stage, staged
from tests.core.worlds import at


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A room in which the first round has just opened."""
    async with staged(tmp_path) as stage:
        await stage.turn(at("09:00"))
        yield stage
