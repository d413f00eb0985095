"""The log: one line a record, key=value or JSON, and nothing in it that members said or that opens a door.

What our own code logs is its own affair, and is only searched for tokens. What libraries log is not trusted at all: at
their chattiest they print whole payloads, with answers and tokens, and slack_bolt does so in warnings, too. Of their
records only what stands in their source code is shown, numbers, and the names of types; never a string that they were
handed. The same goes for exceptions and warnings, whoever met them.
"""

from __future__ import annotations

import ast
import asyncio
import logging
import os
import re
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

log = logging.getLogger(__name__)

TEXT, JSON = "text", "json"

HIDDEN: Final = "…"
"""What stands for a value that is not shown."""

MASKED: Final = "***"
"""What stands for a secret."""

_KEYS: Final = ("time", "level", "logger", "event", "group", "round", "delivery", "channel")
_LOST: Final = "something that was to be logged here could not be written"

_TOLD: Final = frozenset(
    {"BankError", "DeliveryError", "RoomError", "SessionsSpent", "SettingsError", "StoreError", "TokenRefused"}
)
"""Our exceptions whose texts are ours, too: others quote what was typed."""

_SHAPES: Final = re.compile(
    r"xox[a-z]?[.-][\w.-]+|xapp-[\w-]+"  # Slack's tokens
    r"|[\w-]{20,}\.[\w-]{5,8}\.[\w-]{20,}"  # Discord's
    r"|(?<=/webhooks/)\d+/[\w-]+|(?<=/interactions/)\d+/[\w-]+"  # the interaction's token in an address of Discord's
    r"|hooks\.slack\.com/\S+"  # the same for Slack, which sends the address
    r"|\d+\.\w*\.[0-9a-f]{32}\b"  # a trigger_id
    r"|(?i:(?<=ticket=)|(?<=token=)|(?<=secret=))[^\s&\"']+"
    # Whatever else looks drawn at random: long, with digits, small and capital letters; a backup's name is not.
    r"|(?<![\w-])(?!nnquestion-\d{4}-)(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{24,}"
)
_UNPRINTED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LOOP_SAYS: Final = (
    "Task exception was never retrieved",
    "Future exception was never retrieved",
    "Task was destroyed but it is pending",
    "Unclosed client session",
    "Unclosed connector",
    "Unclosed connection",
    "Unclosed response",
)


def handler(form: str, secrets: Iterable[str] = (), file: Path | None = None) -> logging.Handler:
    """A handler that writes lines as `TEXT` or `JSON` to a file (stderr), with these secrets masked."""
    made = _ToStream(sys.stderr) if file is None else _ToFile(file, encoding="utf-8")
    made.setFormatter(_Lines(form, frozenset(secret for secret in secrets if secret)))
    return made


def begin(form: str, level: str, secrets: Iterable[str] = ()) -> None:
    """Log to stderr from now on, for as long as the process lives: also what nobody has caught, and warnings.

    Of libraries there are only warnings and what is worse, unless the level is `debug`.
    """
    writes = handler(form, secrets)
    if level != "debug":
        # Not by the levels of their loggers: Bolt gives those that it makes the level of the root.
        writes.addFilter(lambda record: _is_ours(record) or record.levelno >= logging.WARNING)
    logging.basicConfig(level=level.upper(), handlers=[writes], force=True)
    sys.excepthook = _ends
    sys.unraisablehook = _unraisable
    threading.excepthook = _thread_ends
    warnings.showwarning = _warned


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Have what goes wrong on a loop, and concerns nobody, logged like all else."""
    loop.set_exception_handler(_on_loop)


# --- what is shown of a record ------------------------------------------------------------------------------


class _ToStream(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:
        """Say so, and no more: logging's own way would print the record's arguments."""
        told = logging.LogRecord(record.name, logging.ERROR, record.pathname, record.lineno, _LOST, (), None)
        try:
            sys.stderr.write(self.format(told) + self.terminator)
        except (OSError, ValueError):
            return  # Nobody reads any more.


class _ToFile(_ToStream, logging.FileHandler):
    """The same into a file."""


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Records as lines."""

    def __init__(self, form: str, secrets: frozenset[str]) -> None:
        render: Any = structlog.processors.JSONRenderer()  # It writes ASCII, so that no sign of it ends a line.
        if form != JSON:
            render = structlog.processors.LogfmtRenderer(key_order=_KEYS, drop_missing=True)
        super().__init__(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                _described,
                lambda logger, name, event: _masked(event, secrets),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _in_order,
                *([_on_one_line] if form != JSON else []),
                render,
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        shown = logging.makeLogRecord(record.__dict__)
        shown.msg, shown.args = _event(record), ()
        shown.exc_info = shown.exc_text = shown.stack_info = None
        shown.thrown = record.exc_info  # Under its own name logging would print all of it.
        return super().format(shown)


def _described(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """When, how bad, by whom, and what was thrown."""
    record: logging.LogRecord = event["_record"]
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event.update(time=at, level=record.levelname.lower(), logger=record.name)
    if not _is_ours(record):
        event["at"] = f"{record.filename}:{record.lineno} {record.funcName}"
    thrown = getattr(record, "thrown", None)
    if thrown and thrown[1] is not None:
        event["exception"] = described(thrown[1])
    return event


def _in_order(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    first = {key: event[key] for key in _KEYS if key in event}
    return first | {key: value for key, value in event.items() if key not in first}


def _on_one_line(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Signs that end a line, or do things to a terminal, as they are written in Python."""
    return {key: _escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def _escaped(text: str) -> str:
    # LogfmtRenderer escapes the end of a line itself.
    return _UNPRINTED.sub(lambda sign: "\n" if sign[0] == "\n" else ascii(sign[0])[1:-1], text)


def _masked(event: structlog.typing.EventDict, secrets: frozenset[str]) -> structlog.typing.EventDict:
    return {key: mask(value, secrets) if isinstance(value, str) else value for key, value in event.items()}


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """A text without these secrets, nor anything else that looks like one."""
    for secret in secrets:
        text = text.replace(secret, MASKED)
    return _SHAPES.sub(MASKED, text)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == "bot" or record.name.startswith("bot.")


def _event(record: logging.LogRecord) -> str:
    if _is_ours(record):
        return _filled(str(record.msg), record.args, _ours)
    constants, templates = _source(record.pathname)
    if not isinstance(record.msg, str) or record.msg not in constants:
        return templates.get(record.lineno, "") or HIDDEN
    return _filled(record.msg, record.args, _foreign)


def _filled(said: str, arguments: object, shown: Callable[[object], object]) -> str:
    try:
        if isinstance(arguments, Mapping):
            return said % {key: shown(value) for key, value in arguments.items()}
        return said % tuple(map(shown, arguments)) if isinstance(arguments, tuple) and arguments else said
    except (TypeError, ValueError, KeyError):  # It asks for a number, say, and is shown none.
        return said


def _ours(value: object) -> object:
    return _named(value) if isinstance(value, BaseException) else value


def _foreign(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    return _named(value) if isinstance(value, BaseException) else HIDDEN


@lru_cache(maxsize=256)
def _source(path: str) -> tuple[frozenset[str], Mapping[int, str]]:
    """What stands in a file's code: its strings, and by line what a log call there says around its values."""
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return frozenset(), {}
    constants, templates = set[str](), dict[int, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            constants.add(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOGS:
            first = next((argument for argument in node.args if isinstance(argument, ast.JoinedStr)), None)
            said = "" if first is None else "".join(map(_piece, first.values))
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                templates[line] = said if templates.get(line, said) == said else ""
    return frozenset(constants), templates


_LOGS: Final = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})


def _piece(piece: ast.expr) -> str:
    return str(piece.value) if isinstance(piece, ast.Constant) else HIDDEN


# --- what is shown of an exception --------------------------------------------------------------------------


def described(error: BaseException) -> str:
    """What was thrown, where, and what it came from, without words that may be somebody's."""
    told, seen = list[str](), set[int]()
    thrown: BaseException | None = error
    while thrown is not None and id(thrown) not in seen:
        seen.add(id(thrown))
        told.append(f"{_named(thrown)} at {', '.join(_frames(thrown.__traceback__)) or 'no place'}")
        if isinstance(thrown, BaseExceptionGroup):
            told.extend(map(_named, thrown.exceptions))
        thrown = thrown.__cause__ or (None if thrown.__suppress_context__ else thrown.__context__)
    return "; from ".join(told)


def _named(error: BaseException) -> str:
    """An exception by its type and by whatever numbers tell more; by its text only if that is ours."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.startswith("bot.") and kind.__name__ in _TOLD:
        return f"{name}: {error}"
    if isinstance(error, OSError) and isinstance(error.errno, int) and error.errno > 0:
        return f"{name}: {os.strerror(error.errno)}"
    if isinstance(error, sqlite3.Error):
        return f"{name} {getattr(error, 'sqlite_errorname', '')}".rstrip()
    numbers = {key: getattr(error, key, None) for key in ("status", "code")}
    more = " ".join(f"{key} {value}" for key, value in numbers.items() if isinstance(value, int) and value)
    return f"{name} ({more})" if more else name


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield f"{_short(code.co_filename)}:{trace.tb_lineno} {code.co_name}"
        trace = trace.tb_next


def _short(path: str) -> str:
    """A file by its place in its package."""
    parts = Path(path).parts
    for folder in ("site-packages", Path(__file__).parents[1].name):
        if folder in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(folder) :])
    return parts[-1] if parts else path


# --- what nobody caught -------------------------------------------------------------------------------------


def _ends(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the program ends: nobody caught this", exc_info=(kind, error, trace))


def _thread_ends(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        log.error("a thread ends: nobody caught this", exc_info=args.exc_value)


def _unraisable(args: Any) -> None:
    log.error("something failed where nobody could be told", exc_info=args.exc_value)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    log.warning("Python warns of %s at %s:%d", category.__name__, _short(filename), lineno)


def _on_loop(_: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    said = str(context.get("message") or "")
    # What else it says has the arguments of calls in it.
    known = next((words for words in _LOOP_SAYS if said.startswith(words)), "something failed beside everything else")
    error = context.get("exception")
    log.error("the event loop: %s", known, exc_info=error if isinstance(error, BaseException) else None)
