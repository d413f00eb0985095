"""What the tests of the program share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.program.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program on a machine where nobody has used it yet."""
    home = tmp_path / "home"
    home.mkdir()
    return Program(home)
