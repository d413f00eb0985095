"""Fixtures of the core's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.core.worlds import World


@pytest.fixture
def world() -> Iterator[World]:
    """A group whose channel is asked a question every day at nine."""
    world = World()
    yield world
    world.close()
