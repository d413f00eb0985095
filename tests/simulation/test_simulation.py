"""A short one of what `make simulate` does at length, and that it tells the same story each time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.delivery import Deliverer
from tests.simulation.run import simulate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_promise_is_kept_whatever_goes_wrong(seed: int) -> None:
    outcome = simulate(seed, 3)
    assert outcome.wrong == [], f"python -m tests.simulation.run --seed {seed} --days 3 --verbose"
    assert outcome.counts["posted"] > 0


def test_a_seed_tells_the_same_story_in_every_process() -> None:
    code = "from tests.simulation.run import simulate; print(simulate(5, 1).digest)"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert elsewhere.stdout.strip() == simulate(5, 1).digest


def test_a_broken_promise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgets(deliverer: Deliverer) -> int:
        return 0

    monkeypatch.setattr(Deliverer, "recover", forgets)
    assert any("is still claimed" in wrong for wrong in simulate(1, 1).wrong)
