"""The log: one line a record, and what may stand in it. The whole program at its noisiest is in `program`."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import io
import json
import logging
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from bot import logs
from bot.core.ports import DeliveryError, Failure, StoreError
from tests.lines import record as read

ROOT: Final = Path(__file__).parents[1]
FORMS: Final = (logs.TEXT, logs.JSON)
ASKED: Final = "what Ada answered"


def record(
    event: str, *args: object, name: str = "bot.delivery", error: BaseException | None = None
) -> logging.LogRecord:
    thrown = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord(name, logging.INFO, __file__, 1, event, args, thrown, "somewhere")


def line(made: logging.LogRecord, form: str = logs.TEXT, *secrets: str) -> str:
    return logs.handler(form, secrets).format(made)


def event(made: logging.LogRecord, *secrets: str) -> str:
    return read(line(made, logs.JSON, *secrets), logs.JSON)["event"]


# --- one line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@given(text=st.text(max_size=60))
def test_whatever_is_logged_is_one_line_that_can_be_read_as_keys_and_values(form: str, text: str) -> None:
    with bound_contextvars(channel="discord:1/2"):
        written = line(record("%s", text), form)
    assert len(written.splitlines()) == 1
    found = read(written, form)
    assert found["level"] == "info"
    assert found["logger"] == "bot.delivery"
    assert found["channel"] == "discord:1/2"
    if form == logs.JSON:
        assert found["event"] == logs.mask(text)


def test_a_line_begins_with_what_a_reader_looks_for_first() -> None:
    made = record("sent %d", 3)
    made.created = 1793606400.25
    with bound_contextvars(delivery="d", channel="c", round="r", group="g"):
        written = line(made)
    assert written == (
        "time=2026-11-02T08:00:00.250Z level=info logger=bot.delivery"
        ' event="sent 3" group=g round=r delivery=d channel=c'
    )


def test_a_terminal_cannot_be_led_astray() -> None:
    assert "\x1b" not in line(record("%s", "\x1b]0;title\x07\x1b[2J"))


def test_a_record_that_does_not_fit_its_arguments_is_written_without_them() -> None:
    assert event(record("it took %d s", ASKED)) == "it took %d s"


def test_a_log_that_cannot_be_written_does_not_print_what_was_to_be_logged(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise ValueError(text)

    handler = logs.handler(logs.TEXT)
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(Broken())
    handler.handle(record(ASKED))
    said = capsys.readouterr().err
    assert ASKED not in said
    assert len(said.splitlines()) == 1
    assert read(said.rstrip("\n"), logs.TEXT)["level"] == "error"


# --- secrets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-12345-67890-abcdef",
        "xoxe.xoxp-1-Mi0yLTEyMzQ1",
        "xapp-1-A012345-67890-abcdef0123",
        "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.loopback-loopback-loopback-loopback-01",
        "12345.67890.0123456789abcdef0123456789abcdef",
        "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OkFiQ2RFZkdo",
    ],
)
def test_what_looks_like_a_token_is_masked_wherever_it_stands(secret: str) -> None:
    for said in (f"got {secret}", f"https://x/y/{secret}", f"a={secret}&b", f"('{secret}')"):
        with bound_contextvars(channel=said):
            for form in FORMS:
                assert secret not in line(record("%s", said, error=StoreError(said)), form)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "https://discord.com/api/v10/webhooks/12/abc_DEF-1/messages",
            "https://discord.com/api/v10/webhooks/***/messages",
        ),
        ("/interactions/12/abcDEF/callback", "/interactions/***/callback"),
        (
            "wss://wss-primary.slack.com/link/?ticket=abc-1&app_id=2",
            "wss://wss-primary.slack.com/link/?ticket=***&app_id=2",
        ),
        ("https://hooks.slack.com/commands/T1/2/x", "https://***"),
    ],
)
def test_of_an_address_only_what_opens_a_door_is_masked(said: str, shown: str) -> None:
    assert logs.mask(said) == shown


def test_the_settings_own_secrets_are_masked_whatever_they_look_like() -> None:
    assert event(record("%s", "my good word"), "good") == "my *** word"


@pytest.mark.parametrize(
    "said",
    [
        "backed up to /var/lib/nnquestion/backups/nnquestion-2026-11-23T072250Z.db (0.4 MB)",
        "discord:123456789012345678/123456789012345678@2026-11-02/question",
        "slack/form/0123456789abcdef0123456789abcdef",
        "slack:T0BINRYM300/C0JJ9UT6I00#3",
        "/var/lib/nnquestion/nnquestion.db: the disk is full",
        "time-zone rules changed to 2026.1; 3 openings moved",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(said: str) -> None:
    assert logs.mask(said) == said


# --- libraries ------------------------------------------------------------------------------------------------

LIBRARY: Final = """
import logging
log = logging.getLogger("library")
template = "from a variable: %s, %d"

def talk(payload):
    log.debug("a template with %s, %d and %s", payload, 3, ValueError(payload))
    log.warning(f"around {payload} and {len(payload)} it")
    log.error(
        f"over lines: {payload}"
    )
    log.warning(payload)
    log.warning(template, payload, 4)
    log.warning(payload + " %s", payload)
    log.info("by key %(a)s %(b)d", {"a": payload, "b": 5})
    log.info("a number %d", payload)
    log.info({"payload": payload})
    try:
        {}[payload]
    except KeyError:
        log.exception("it failed")
"""


class Kept(logging.Handler):
    def __init__(self, into: list[logging.LogRecord]) -> None:
        super().__init__()
        self.emit = into.append  # type: ignore[method-assign, assignment]


@pytest.fixture
def library(tmp_path: Path) -> ModuleType:
    path = tmp_path / "library.py"
    path.write_text(LIBRARY, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("library", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_of_a_library_only_what_stands_in_its_code_is_shown_and_numbers_and_names_of_types(
    library: ModuleType,
) -> None:
    made = list[logging.LogRecord]()
    library.log.setLevel(logging.DEBUG)
    library.log.propagate = False
    library.log.addHandler(Kept(made))
    library.talk(ASKED)
    assert all(ASKED not in line(one, form) for one in made for form in FORMS)
    assert [event(one) for one in made] == [
        "a template with …, 3 and ValueError",
        "around … and … it",
        "over lines: …",
        "…",
        "from a variable: …, 4",
        "…",
        "by key … 5",
        "a number %d",
        "…",
        "it failed",
    ]
    found = read(line(made[-1], logs.JSON), logs.JSON)
    assert re.fullmatch(r"library\.py:\d+ talk", found["at"])
    assert re.fullmatch(r"KeyError at library\.py:\d+ talk", found["exception"])


def test_a_library_without_its_source_is_known_by_where_it_speaks(tmp_path: Path) -> None:
    made = record("words", name="library")
    made.pathname = str(tmp_path / "gone.py")
    assert event(made) == "…"


# --- exceptions -----------------------------------------------------------------------------------------------


def thrown(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (KeyError(ASKED), "KeyError"),
        (OSError(28, ASKED, ASKED), "OSError: No space left on device"),
        (ConnectionRefusedError(111, ASKED), "ConnectionRefusedError: Connection refused"),
        (StoreError("/x.db: the disk is full"), "bot.core.ports.StoreError: /x.db: the disk is full"),
        (DeliveryError(Failure.REFUSED, "status 400"), "bot.core.ports.DeliveryError: refused: status 400"),
        (sqlite3.OperationalError(ASKED), "sqlite3.OperationalError"),
    ],
)
def test_an_exception_is_shown_by_its_type_and_by_words_that_are_ours(error: Exception, shown: str) -> None:
    assert logs.described(thrown(error)) == f"{shown} at {_here()} thrown"
    assert event(record("it failed (%s)", error)) == f"it failed ({shown})"


def test_what_an_exception_came_from_is_told_too_and_a_circle_ends() -> None:
    first, second = KeyError(ASKED), ValueError(ASKED)
    assert (
        logs.described(thrown(second, thrown(first)))
        == f"ValueError at {_here()} thrown; from KeyError at {_here()} thrown"
    )
    first.__context__ = second
    assert logs.described(second).count("KeyError") == 1


def test_an_exception_that_quotes_what_was_typed_is_only_named() -> None:
    from bot.core.commands import Misread

    assert ASKED not in logs.described(thrown(Misread(ASKED)))


def _here() -> str:
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    return f"tests/test_logs.py:{source.index('        raise error from cause') + 1}"


# --- what nobody caught ---------------------------------------------------------------------------------------

UNCAUGHT: Final = """
import asyncio, logging, sys, threading, warnings
from bot import logs
logs.begin("json", sys.argv[1], ["good"])
log = logging.getLogger("bot.here")
log.debug("debug"); log.info("info"); log.warning("warning good"); log.error("error")
logging.getLogger("slack_sdk.web").info("quiet")
warnings.warn("what Ada answered")
class Dies:
    def __del__(self): raise ValueError("what Ada answered")
Dies()
thread = threading.Thread(target=lambda: {}["what Ada answered"]); thread.start(); thread.join()
raise ValueError("what Ada answered")
"""


@pytest.mark.parametrize(("level", "first"), [("debug", 0), ("info", 1), ("warning", 2), ("error", 3)])
def test_what_nobody_caught_is_one_line_each_like_all_else(level: str, first: int) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", UNCAUGHT, level], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert ASKED not in done.stderr
    found = [json.loads(one) for one in done.stderr.splitlines()]
    ours = [one["event"] for one in found if one["logger"] == "bot.here"]
    assert ours == ["debug", "info", "warning ***", "error"][first:]
    assert ("slack_sdk.web" in {one["logger"] for one in found}) is (level == "debug")
    assert ("Python warns of UserWarning at <string>:8" in done.stderr) is (level != "error")
    assert [one["exception"].split(" at ")[0] for one in found if "exception" in one] == [
        "ValueError",
        "KeyError",
        "ValueError",
    ]
    assert found[-1]["level"] == "critical"


async def test_what_fails_beside_everything_on_the_loop_is_logged_without_its_arguments(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()

    def fails(text: str) -> None:
        raise ValueError(text)

    logs.watch(loop)
    try:
        loop.call_soon(fails, ASKED)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": f"Task exception was never retrieved, {ASKED}"})
    finally:
        loop.set_exception_handler(None)
    assert [made.getMessage() for made in caplog.records] == [
        "the event loop: something failed beside everything else",
        "the event loop: Task exception was never retrieved",
    ]
    assert all(ASKED not in line(made) for made in caplog.records)


# --- our own code ---------------------------------------------------------------------------------------------

_SAID: Final = frozenset(
    [
        "id",
        "path",
        "key",
        "group",
        "channel",
        "guild",
        "place",
        "round_id",
        "message_id",
        "number",
        "team",
        "user",
        "event_method",
        "in_words",
        "said",
        "refused",
        "why",
        "known",
        "trouble",
        "problem",
        "error",
        "wait",
        "again_after",
        "len",
        "count",
        "left",
        "moved",
        "before",
        "lineno",
        "__name__",
        "_short",
        "shard",
        "platform",
        "fault",
        "__version__",
        "join",
        "title",
        "file",
        "filename",
        "strerror",
        "address",
        "database",
        "version",
        "speaker",
        "one",
        "what",
        "UPLOADS",
        "TZDATA_VERSION",
        "ANSWERS_WITHIN",
    ]
)
"""By what a log call may be handed something: ids, numbers, names of files and settings, words of ours.

`error` and `problem` are shown by type, unless they are of ours. Never text, content, body, payload, data, token.
"""


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def handed(argument: ast.expr) -> Iterator[str]:
    """By what an argument is called, at last."""
    match argument:
        case ast.Constant():
            return
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            yield name
        case ast.Attribute(attr=name) | ast.Name(id=name):
            yield name
        case ast.IfExp(body=body, orelse=other):
            yield from handed(body)
            yield from handed(other)
        case ast.BoolOp(values=values):
            for value in values:
                yield from handed(value)
        case _:
            yield ast.unparse(argument)


def test_no_log_call_of_ours_is_handed_what_members_say() -> None:
    """A new name goes into the list above only if no text of a member's can be behind it."""
    calls = list(log_calls())
    assert len(calls) > 50
    for where, call in calls:
        said, *arguments = call.args
        said_so = [said.body, said.orelse] if isinstance(said, ast.IfExp) else [said]
        assert all(isinstance(one, ast.Constant) for one in said_so), f"{where}: it is a constant with %s in it"
        unknown = [name for argument in arguments for name in handed(argument) if name not in _SAID]
        assert unknown == [], f"{where}: {', '.join(unknown)} may be anything"
