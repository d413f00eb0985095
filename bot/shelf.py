"""The banks on disk: which files hold them, what is in them now, and every problem of theirs at once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bot.core.bank import BankError, Problem, read_bank
from bot.core.model import Bank

log = logging.getLogger(__name__)

SUFFIXES: Final = (".yaml", ".yml")
"""What a folder is searched for; files whose names begin with a dot or an underscore are left out."""

LARGEST: Final = 20_000_000
"""Bytes of a bank's file. The shipped bank has about half a million."""

_Seen = tuple[int, int, int]


class Shelf:
    """The banks of some files and folders, by id, in the order in which they are named.

    `load` reads all of them or raises BankError. `refresh` takes over what has changed since; a change that cannot be
    read is told once and refused, and the bank goes on as it was. Not safe among threads: one at a time.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths: Final = tuple(paths)
        self._seen: dict[Path, _Seen | None] = {}
        self._held: dict[Path, Bank] = {}
        self._banks: Mapping[str, Bank] = MappingProxyType({})

    @property
    def banks(self) -> Mapping[str, Bank]:
        """The banks as they were last read; never changed in place."""
        return self._banks

    def load(self) -> Mapping[str, Bank]:
        """Read everything. Raises BankError with the problems of all files."""
        problems: list[Problem] = []
        for file in bank_files(self._paths):
            self._seen[file] = _look(file)
            try:
                self._take(file, read_file(file))
            except BankError as error:
                problems += error.problems
        if not self._held and not problems:
            where = ", ".join(map(str, self._paths))
            problems.append(Problem(where, 1, 1, f"no bank is here; put a file that ends in {SUFFIXES[0]} there"))
        if problems:
            raise BankError(problems)
        self._publish()
        return self._banks

    def refresh(self) -> bool:
        """Take over files that are new or have changed; whether any was. A file that is gone keeps its bank."""
        changed = False
        for file in [*bank_files(self._paths), *(file for file in self._held if not file.exists())]:
            seen = _look(file)
            if file in self._seen and seen == self._seen[file]:
                continue
            self._seen[file] = seen
            if seen is None:
                log.warning("%s is gone; its bank goes on until the program ends", file)
                continue
            try:
                self._take(file, read_file(file))
            except BankError as error:
                before = "its bank goes on as it was" if file in self._held else "it is left out"
                count = len(error.problems)
                log.error("%s: %d problem%s, so %s:\n%s", file, count, "" if count == 1 else "s", before, error)
                continue
            bank = self._held[file]
            log.info("%s: read bank “%s” %s, %d questions", file, bank.id, bank.version, len(bank.questions))
            changed = True
        if changed:
            self._publish()
        return changed

    def _take(self, file: Path, bank: Bank) -> None:
        """Hold a bank, unless its id belongs to another file, or was another one: drills name banks by their ids."""
        holder = next((other for other, held in self._held.items() if held.id == bank.id and other != file), None)
        if holder is not None:
            raise BankError(
                [Problem(str(file), 1, 1, f"“{bank.id}” is the id of the bank in {holder}; choose another")]
            )
        before = self._held.get(file)
        if before is not None and before.id != bank.id:
            message = f"the bank's id was “{before.id}” and is “{bank.id}” now; put it back, or start the program anew"
            raise BankError([Problem(str(file), 1, 1, message)])
        self._held[file] = bank

    def _publish(self) -> None:
        order = {file: at for at, file in enumerate(bank_files(self._paths))}
        held = sorted(self._held.items(), key=lambda item: order.get(item[0], len(order)))
        self._banks = MappingProxyType({bank.id: bank for _, bank in held})


def bank_files(paths: Iterable[Path]) -> list[Path]:
    """The files that hold banks: those named, and those in the folders named, each once."""
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _in_folder(path) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def read_file(file: Path) -> Bank:
    """The bank in a file. Raises BankError."""
    return _read(read_text(file), str(file))


@lru_cache(maxsize=2)
def _read(text: str, name: str) -> Bank:
    """A bank is a value, and reading a large one takes a while: a program assembled anew need not do it again."""
    return read_bank(text, name)


def read_text(file: Path) -> str:
    """The text of a bank's file. Raises BankError where it cannot be read, is too large, or is not UTF-8."""

    def refused(line: int, message: str) -> BankError:
        return BankError([Problem(str(file), line, 1, message)])

    try:
        if (size := file.stat().st_size) > LARGEST:
            raise refused(1, f"the file has {size:,} bytes; a bank has at most {LARGEST:,}, so split it")
        content = file.read_bytes()
    except OSError as problem:
        raise refused(1, f"the file cannot be read ({problem.strerror})") from problem
    try:
        return content.decode()
    except UnicodeDecodeError as problem:
        raise refused(
            content.count(b"\n", 0, problem.start) + 1, "this line is not UTF-8; save the file as UTF-8"
        ) from (problem)


def _in_folder(folder: Path) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError:  # Read again at the next look; what was read from it goes on.
        return
    for file in inside:
        if file.suffix in SUFFIXES and not file.name.startswith((".", "_")) and file.is_file():
            yield file


def _look(file: Path) -> _Seen | None:
    try:
        now = file.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_size, now.st_ino
