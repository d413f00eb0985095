"""Of several copies on one database one ticks and sends, and when it ends, however it does, another takes over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.core.ports import StoreError
from bot.lease import Lease

HOLDS = """\
import sys
from pathlib import Path
from bot.lease import Lease

lease = Lease(Path(sys.argv[1]))
print(lease.take(), flush=True)
input()
"""


def test_only_one_of_two_has_it_until_that_one_lets_go(tmp_path: Path) -> None:
    one, other = Lease(tmp_path / "x.db"), Lease(tmp_path / "x.db")
    assert one.take()
    assert one.take()
    assert not other.take()
    assert (one.held, other.held) == (True, False)
    one.release()
    assert other.take()
    assert not one.take()
    other.release()


def test_it_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    here = Lease(tmp_path / "x.db")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "x.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not here.take()
        holder.kill()
    assert here.take()
    here.release()


def test_one_database_has_nothing_to_do_with_another(tmp_path: Path) -> None:
    one, other = Lease(tmp_path / "x.db"), Lease(tmp_path / "y.db")
    assert one.take()
    assert other.take()
    one.release()
    other.release()


def test_a_lock_that_cannot_be_had_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.db.lock").mkdir()
    with pytest.raises(StoreError, match=r"x\.db\.lock: it cannot be locked .*two copies would post twice"):
        Lease(tmp_path / "x.db").take()


def test_whether_a_copy_runs_is_told_without_a_trace_and_without_taking_its_place(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    assert Lease(database).runs_elsewhere() is False
    assert list(tmp_path.iterdir()) == []
    running = Lease(database)
    assert running.take()
    assert Lease(database).runs_elsewhere() is True
    running.release()
    looked = Lease(database)
    assert looked.runs_elsewhere() is False
    assert not looked.held
    assert running.take()
    running.release()
