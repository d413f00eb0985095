"""A file such as `.env`, changed where it has to be and kept as it is everywhere else."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,~=-]*")
"""What needs no quotation marks, for dotenv, shells and systemd alike."""


def changed(text: str, values: Mapping[str, str]) -> str:
    """The text of the file with these settings in it: in the place of a line that sets one, else at the end.

    Comments, other settings and their order stay. Raises ValueError for a value that no such file can hold.
    """
    written, kept = set[str](), list[str]()
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or binding.key is None or binding.key not in values:
            kept.append(binding.original.string)
        elif binding.key not in written:
            written.add(binding.key)
            lead = re.match(r"\s*", binding.original.string)  # Empty lines belong to what follows them.
            kept.append(f"{lead[0] if lead else ''}{_line(binding.key, values[binding.key])}")
    known = "".join(kept)
    if known and not known.endswith("\n"):
        known += "\n"
    return known + "".join(_line(name, value) for name, value in values.items() if name not in written)


def write(path: Path, text: str, at: datetime) -> Path | None:
    """Put the text in the file's place at one go, for this user's eyes only; returns where the old one is kept.

    Raises OSError. A link stays one, and what it leads to is changed.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    old = None
    if path.exists():
        old = next(name for name in _names(path, at) if not name.exists())
        _private(old, path.read_bytes())
    _private(path, text.encode())
    return old


def _line(name: str, value: str) -> str:
    if "\n" in value or "\r" in value or "\0" in value or "${" in value:
        raise ValueError(f"{name}: it cannot stand in a file of settings; it holds a line break or ${{")
    if _PLAIN.fullmatch(value):
        return f"{name}={value}\n"
    if "\\" in value or "'" in value:  # What dotenv and systemd read alike.
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{escaped}"\n'
    return f"{name}='{value}'\n"


def _names(path: Path, at: datetime) -> Iterator[Path]:
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    yield path.with_name(f"{path.name}.bak-{stamp}")
    for number in range(2, 1_000):
        yield path.with_name(f"{path.name}.bak-{stamp}.{number}")


def _private(path: Path, content: bytes) -> None:
    # Made with mode 0600, and under its own name only once it is whole.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
