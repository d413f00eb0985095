"""The systemd unit: filled in with one's own paths, and taken by systemd where there is one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.unit import Place, unit

PLACE = Place(
    user="root",
    folder=Path("/"),
    env_file=Path("/etc/hostname"),
    python=Path(sys.executable),
    data=Path("/var"),
)


def test_every_placeholder_is_filled_in_and_what_is_shipped_says_which_there_are() -> None:
    text = unit(replace(PLACE, user="ada", folder=Path("/srv/bot"), data=Path("/srv/bot/data")))
    assert "@" not in text
    lines = text.splitlines()
    assert lines[0] == "[Unit]"
    assert {"User=ada", "WorkingDirectory=/srv/bot", "ReadWritePaths=/srv/bot/data"} <= set(lines)
    assert f"ExecStart={sys.executable} -P -m bot run" in lines
    for kept in ("Restart=on-failure", "RestartSec=10", "TimeoutStopSec=15", "RestartPreventExitStatus=2"):
        assert kept in lines
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes"} <= set(lines)


def test_paths_with_signs_that_mean_something_to_systemd_stay_what_they_are() -> None:
    odd = replace(PLACE, folder=Path("/srv/100% my bot"), python=Path("/opt/$py %n/python"), data=Path('/srv/a "b"'))
    lines = unit(odd).splitlines()
    assert "WorkingDirectory=/srv/100%% my bot" in lines
    assert 'ExecStart="/opt/$$py %%n/python" -P -m bot run' in lines
    assert 'ReadWritePaths="/srv/a \\"b\\""' in lines


@pytest.mark.parametrize("user", ["", "a\nUser=root", " ada"])
def test_what_cannot_stand_in_a_unit_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        unit(replace(PLACE, user=user))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_has_nothing_to_complain_of(tmp_path: Path) -> None:
    file = tmp_path / "nnquestion.service"
    file.write_text(unit(PLACE))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, timeout=30, check=False
    )
    assert "nnquestion.service" not in done.stderr, done.stderr
