"""The systemd unit of the program, with one's own user, folders and Python in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bot.settings import shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the program is to run, and as whom. Paths are absolute."""

    user: str
    folder: Path
    """The working folder."""
    env_file: Path
    python: Path
    """The interpreter that has the program installed."""
    data: Path
    """The one folder that it may write to: that of its database."""


def unit(place: Place) -> str:
    """The unit as text. Raises ValueError for what cannot stand in one."""
    values = {
        "USER": _whole(place.user),
        "FOLDER": _whole(str(place.folder)),
        "ENV_FILE": _whole(str(place.env_file)),
        "PYTHON": _word(str(place.python), command=True),
        "DATA": _word(str(place.data)),
    }
    text = shipped("nnquestion.service").read_text(encoding="utf-8")
    _, _, text = text.partition("[Unit]\n")
    return "[Unit]\n" + re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], text)


def _whole(value: str) -> str:
    """A value that takes up the rest of its line. https://www.freedesktop.org/software/systemd/man/systemd.unit.html"""
    if not value or value != value.strip() or any(ord(sign) < 32 for sign in value) or value.endswith("\\"):
        raise ValueError(f"{value!r} cannot stand in a systemd unit")
    return value.replace("%", "%%")


def _word(value: str, *, command: bool = False) -> str:
    """One of several values on a line, in quotation marks where it needs them."""
    value = _whole(value)
    if command:
        value = value.replace("$", "$$")
    if re.search(r"[\s\"'\\;]", value):
        value = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value
