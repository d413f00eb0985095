"""The room: what a chat service would keep. Messages, threads and marks, in a file of its own.

The file is a log, one JSON object a line, only added to. A line that a kill cut short never happened.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

Run = tuple[str, str]
"""A piece of text with its style: "", "strong", "title", "code", "dim", "alt", "button" or "bar"."""

Lines = tuple[tuple[Run, ...], ...]

BOT: Final = ""
"""The author of the bot's own messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as the room shows it. `thread` is the id of the message whose thread it is in."""

    id: str
    channel: str
    thread: str | None
    by: str
    name: str
    lines: Lines
    at: datetime
    reply_to: str | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    counts: bool = False
    nonce: str = ""
    """The sender's own name for it: a delivery's reference, or what makes a simulated message findable."""
    picture: str = ""
    """Where its picture is saved."""

    @property
    def alone_with(self) -> str:
        """The name of the one member who shares this place with the bot; nothing where it is a channel."""
        return self.channel.partition("/@")[2]

    @property
    def text(self) -> str:
        """The message as plain text."""
        return "\n".join("".join(text for _, text in runs) for runs in self.lines)


class RoomError(Exception):
    """The room cannot be opened or written: which file, what is wrong, what to do."""


class NoSuchMessage(Exception):
    """There is no such message or thread, or it is deleted."""

    def __init__(self, message: str) -> None:
        super().__init__(f"there is no message {message}")


Watcher = Callable[[str, Message], None]
"""Told of every change as it happens: "said", "edited", "deleted", "counts", "counts no more", "thread"."""


class Room:
    """A chat room in a file. Opened by one process at a time."""

    def __init__(self, path: Path) -> None:
        """`path` is the room's file; it is made where it is missing."""
        self.path = path
        self._lock = FileLock(f"{path}.lock")
        self._file = -1
        self._size = 0
        self._messages: dict[str, Message] = {}
        self._threads: dict[str, str] = {}
        self._watchers: list[Watcher] = []
        self.facts: dict[str, str] = {}
        """What was noted about the room itself."""

    def open(self) -> None:
        """Read what is there and make it ready to write. Raises RoomError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RoomError(f"{self.path}: another nnquestion is using this room; close it first") from None
        except OSError as problem:
            raise RoomError(f"{self.path}: cannot be opened ({problem.strerror}); choose another place") from problem
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._read()
        except OSError as problem:
            self.close()
            raise RoomError(f"{self.path}: cannot be opened ({problem.strerror}); choose another place") from problem
        except RoomError:
            self.close()
            raise

    def _read(self) -> None:
        kept = self.path.read_bytes()
        whole = kept[: kept.rfind(b"\n") + 1]
        for number, row in enumerate(whole.splitlines(), start=1):
            try:
                self._apply(json.loads(row))
            except (ValueError, KeyError, TypeError) as problem:
                raise RoomError(
                    f"{self.path}:{number}: not a line of a room ({problem}); move the file away to start a new one"
                ) from problem
        if len(whole) != len(kept):
            os.ftruncate(self._file, len(whole))  # A kill cut the last line short: it never happened.
        self._size = len(whole)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._lock.release()

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` at every change from now on."""
        self._watchers.append(watcher)

    # --- what people and the bot do ---------------------------------------------------------------------------

    def say(
        self,
        channel: str,
        lines: Lines,
        at: datetime,
        *,
        by: str = BOT,
        name: str = "nnquestion",
        thread: str | None = None,
        reply_to: str | None = None,
        nonce: str = "",
        picture: str = "",
    ) -> Message:
        """Post a message. Raises NoSuchMessage if its thread is not there, RoomError if the disk refuses."""
        if thread is not None and (thread not in self._threads or self._messages[thread].channel != channel):
            raise NoSuchMessage(thread)
        return self._write(
            {
                "do": "say",
                "id": str(len(self._messages) + 1),
                "channel": channel,
                "thread": thread,
                "by": by,
                "name": name,
                "lines": lines,
                "at": at.isoformat(),
                "reply_to": reply_to,
                "nonce": nonce,
                **({"picture": picture} if picture else {}),
            }
        )

    def edit(self, message: str, lines: Lines, at: datetime) -> Message:
        """Say a message anew. Raises NoSuchMessage if it is gone."""
        self.message(message)
        return self._write({"do": "edit", "id": message, "lines": lines, "at": at.isoformat()})

    def delete(self, message: str, at: datetime) -> Message:
        """Remove a message; its text is gone from what is shown. Raises NoSuchMessage if it is gone already."""
        self.message(message)
        return self._write({"do": "delete", "id": message, "at": at.isoformat()})

    def open_thread(self, message: str, title: str) -> None:
        """Open the thread of a message; once is enough. Raises NoSuchMessage if the message is gone."""
        self.message(message)
        if message not in self._threads:
            self._write({"do": "thread", "id": message, "title": title})

    def mark(self, message: str, counts: bool) -> None:
        """Set or take away the mark of what counts; a message that is gone keeps none."""
        known = self._messages.get(message)
        if known is not None and known.deleted_at is None and known.counts != counts:
            self._write({"do": "mark", "id": message, "counts": counts})

    def note(self, name: str, value: str) -> None:
        """Keep a fact about the room."""
        if self.facts.get(name) != value:
            self._append({"do": "note", "name": name, "value": value})
            self.facts[name] = value

    # --- what there is to see ---------------------------------------------------------------------------------

    def message(self, message: str) -> Message:
        """A message that is there. Raises NoSuchMessage if it never was, or is deleted."""
        known = self._messages.get(message)
        if known is None or known.deleted_at is not None:
            raise NoSuchMessage(message)
        return known

    def knows(self, message: str) -> bool:
        """Whether this message was ever posted here."""
        return message in self._messages

    def all(self) -> Iterable[Message]:
        """Every message there ever was, oldest first, the deleted ones too."""
        return tuple(self._messages.values())

    def in_thread(self, thread: str) -> list[Message]:
        """The messages of a thread, oldest first, the deleted ones too."""
        return [message for message in self._messages.values() if message.thread == thread]

    def thread_title(self, thread: str) -> str | None:
        """The name of a thread; None where there is none."""
        return self._threads.get(thread)

    def by_nonce(self, nonce: str) -> list[Message]:
        """The messages with this nonce, oldest first, the deleted ones too."""
        return [message for message in self._messages.values() if message.nonce == nonce]

    # --- the log ----------------------------------------------------------------------------------------------

    def _write(self, event: dict[str, Any]) -> Message:
        self._append(event)
        changed, message = self._apply(json.loads(json.dumps(event)))
        for watcher in self._watchers:
            watcher(changed, message)
        return message

    def _append(self, event: dict[str, Any]) -> None:
        row = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        try:
            written = os.write(self._file, row)
            if written != len(row):
                raise OSError(28, "No space left on device")
            if event["do"] == "thread" or event.get("by") == BOT:
                os.fsync(self._file)  # The database will say that it stands; a power cut must not part the two.
        except OSError as problem:
            os.ftruncate(self._file, self._size)  # Half a line would spoil the next.
            raise RoomError(
                f"{self.path}: cannot be written ({problem.strerror}); make room on the disk and run it again"
            ) from problem
        self._size += len(row)

    def _apply(self, event: dict[str, Any]) -> tuple[str, Message]:
        match event["do"]:
            case "say":
                changed, message = "said", _message(event)
            case "edit":
                message = replace(
                    self._messages[event["id"]],
                    lines=_lines(event["lines"]),
                    edited_at=datetime.fromisoformat(event["at"]),
                )
                changed = "edited"
            case "delete":
                message = replace(
                    self._messages[event["id"]], deleted_at=datetime.fromisoformat(event["at"]), counts=False
                )
                changed = "deleted"
            case "mark":
                message = replace(self._messages[event["id"]], counts=event["counts"])
                changed = "counts" if event["counts"] else "counts no more"
            case "thread":
                message = self._messages[event["id"]]
                self._threads[message.id] = event["title"]
                changed = "thread"
            case "note":
                self.facts[event["name"]] = event["value"]
                return "note", _NOBODY
            case unknown:
                raise ValueError(f"it says {unknown!r}")
        self._messages[message.id] = message
        return changed, message


def plain(text: str) -> Lines:
    """Text as somebody typed it; what is no text at all, such as half a sign from a broken pipe, becomes a "?"."""
    text = text.encode(errors="replace").decode()
    return tuple((("", row),) for row in text.split("\n"))


def _message(event: dict[str, Any]) -> Message:
    return Message(
        id=event["id"],
        channel=event["channel"],
        thread=event["thread"],
        by=event["by"],
        name=event["name"],
        lines=_lines(event["lines"]),
        at=datetime.fromisoformat(event["at"]),
        reply_to=event["reply_to"],
        nonce=event["nonce"],
        picture=event.get("picture", ""),
    )


def _lines(rows: list[list[list[str]]]) -> Lines:
    return tuple(tuple((style, text) for style, text in runs) for runs in rows)


_NOBODY: Final = Message(id="", channel="", thread=None, by="", name="", lines=(), at=datetime.min)  # noqa: DTZ901
