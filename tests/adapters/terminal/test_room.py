"""The room's file: what is read back is what was there, whatever befell the file meanwhile."""

from __future__ import annotations

import json
import string
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.terminal.room import Message, NoSuchMessage, Room, RoomError, plain
from tests.factories import MINUTE, NOW
from tests.store.files import python, ran

GENERAL = "terminal:local/general"


@contextmanager
def opened(path: Path) -> Iterator[Room]:
    room = Room(path)
    room.open()
    try:
        yield room
    finally:
        room.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "room.jsonl"


@pytest.fixture
def room(path: Path) -> Iterator[Room]:
    with opened(path) as room:
        yield room


def state(room: Room) -> tuple[Any, ...]:
    """All there is to see in a room."""
    messages = list(room.all())
    return messages, [room.thread_title(message.id) for message in messages], room.facts


def said(room: Room, text: str = "hello", **changes: Any) -> Message:
    return room.say(GENERAL, plain(text), NOW, **changes)


# --- what is read back --------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
lines = st.lists(st.lists(st.tuples(st.sampled_from(["", "strong", "code"]), texts), max_size=3).map(tuple)).map(tuple)
instants = st.integers(0, 10_000).map(lambda minutes: NOW + minutes * MINUTE)
numbers = st.integers(1, 6).map(str)
acts = st.one_of(
    st.tuples(st.just("say"), lines, instants, st.none() | numbers, texts, texts),
    st.tuples(st.just("edit"), numbers, lines, instants),
    st.tuples(st.just("delete"), numbers, instants),
    st.tuples(st.just("open_thread"), numbers, texts),
    st.tuples(st.just("mark"), numbers, st.booleans()),
    st.tuples(st.just("note"), texts, texts),
)


def carry_out(room: Room, act: tuple[Any, ...]) -> None:
    with suppress(NoSuchMessage):
        match act:
            case ("say", rows, at, thread, name, nonce):
                room.say(GENERAL, rows, at, by=name, name=name, thread=thread, reply_to=name, nonce=nonce)
            case (verb, *arguments):
                getattr(room, verb)(*arguments)


@given(st.lists(acts, max_size=30))
def test_a_room_that_is_opened_again_shows_what_it_showed(planned: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "room.jsonl"
        with opened(path) as room:
            for act in planned:
                carry_out(room, act)
            before = state(room)
        with opened(path) as room:
            assert state(room) == before


@given(st.lists(acts, min_size=1, max_size=8), st.data())
def test_a_file_cut_anywhere_shows_all_that_was_whole_and_takes_more(
    planned: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "room.jsonl"
        states, sizes = [], []
        with opened(path) as room:
            for act in (("note", "first", "yes"), *planned):
                carry_out(room, act)
                messages, titles, facts = state(room)
                states.append((messages, titles, dict(facts)))
                sizes.append(path.stat().st_size)
        cut = data.draw(st.integers(sizes[0], sizes[-1]))
        whole = max(number for number, size in enumerate(sizes) if size <= cut)
        path.write_bytes(path.read_bytes()[:cut])
        with opened(path) as room:
            assert state(room) == states[whole]
            said(room, "more")
            after = state(room)
        with opened(path) as room:
            assert state(room) == after


def test_an_acknowledged_message_is_in_the_file_before_the_room_is_closed(path: Path, room: Room) -> None:
    said(room, "hello")
    assert json.loads(path.read_text(encoding="utf-8"))["lines"] == [[["", "hello"]]]


@pytest.mark.parametrize("text", ["Größe 損失関数 دالة 🧠", "e\u0301 \u0000 \x1b[31m \u202e", "a\r\nb\u2028c\x85d", ""])
def test_text_in_any_script_comes_back_as_it_was(path: Path, text: str) -> None:
    with opened(path) as room:
        message = said(room, text, name=text, nonce=text)
    with opened(path) as room:
        assert room.message(message.id) == message
        assert message.text == text


def test_half_a_sign_that_no_file_can_hold_does_not_bring_the_room_down(path: Path) -> None:
    with opened(path) as room:
        said(room, "half a sign: \udcff")
        said(room, "more")
    with opened(path) as room:
        assert [message.text for message in room.all()][1] == "more"


# --- what people do -----------------------------------------------------------------------------------------


def test_messages_are_numbered_from_one_and_deleted_ones_keep_their_number(room: Room) -> None:
    said(room)
    room.delete(said(room).id, NOW)
    assert [said(room).id, *(message.id for message in room.all())] == ["3", "1", "2", "3"]


def test_a_message_that_is_gone_can_neither_be_edited_nor_deleted_nor_have_a_thread(room: Room) -> None:
    gone = said(room).id
    room.delete(gone, NOW)
    for act in (
        lambda: room.edit(gone, plain("x"), NOW),
        lambda: room.delete(gone, NOW),
        lambda: room.open_thread(gone, "x"),
        lambda: room.message(gone),
        lambda: room.message("7"),
    ):
        with pytest.raises(NoSuchMessage):
            act()


def test_a_thread_is_of_its_own_channel_only(room: Room) -> None:
    top = said(room)
    room.open_thread(top.id, "a title")
    with pytest.raises(NoSuchMessage):
        room.say("terminal:local/random", plain("x"), NOW, thread=top.id)
    with pytest.raises(NoSuchMessage):
        said(room, thread="7")
    assert [message.id for message in room.in_thread(top.id)] == []


def test_a_thread_keeps_its_first_title(room: Room) -> None:
    top = said(room)
    room.open_thread(top.id, "first")
    room.open_thread(top.id, "second")
    assert room.thread_title(top.id) == "first"


def test_a_mark_comes_and_goes_and_a_deleted_message_has_none(room: Room) -> None:
    message = said(room).id
    room.mark(message, counts=True)
    assert room.message(message).counts
    room.mark(message, counts=False)
    assert not room.message(message).counts
    room.mark(message, counts=True)
    room.delete(message, NOW)
    room.mark(message, counts=True)
    room.mark("7", counts=True)
    assert [message.counts for message in room.all()] == [False]


def test_messages_are_found_by_what_their_sender_calls_them(room: Room) -> None:
    first, _, second = said(room, nonce="a"), said(room, nonce="b"), said(room, nonce="a")
    assert room.by_nonce("a") == [first, second]


def test_a_watcher_is_told_of_each_change_once_and_of_none_that_is_no_change(room: Room) -> None:
    told: list[tuple[str, str]] = []
    room.watch(lambda change, message: told.append((change, message.id)))
    message = said(room).id
    for _ in range(2):
        room.open_thread(message, "a title")
        room.mark(message, counts=True)
        room.note("seed", "1")
    room.edit(message, plain("anew"), NOW + MINUTE)
    room.mark(message, counts=False)
    room.delete(message, NOW + MINUTE)
    changes = ["said", "thread", "counts", "edited", "counts no more", "deleted"]
    assert told == [(change, message) for change in changes]


# --- a file that is not as it should be ---------------------------------------------------------------------

GOOD = json.dumps({"do": "note", "name": "seed", "value": "1"}).encode()
DAMAGED = {
    "no JSON": b"hello",
    "cut": b'{"do": "say", "id": "1"',
    "a field missing": b'{"do": "say", "id": "1"}',
    "no object": b"[1, 2]",
    "a number": b"5",
    "null": b"null",
    "no act": b"{}",
    "an unknown act": b'{"do": "sing"}',
    "of a message that never was": b'{"do": "delete", "id": "7", "at": "2026-11-22T09:00:00+00:00"}',
    "no instant": b'{"do": "delete", "id": "1", "at": "tomorrow"}',
    "no text": b"\xff\xfe",
    "zeros": b"\x00" * 40,
    "empty": b"",
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_line_is_named_with_its_file_and_nothing_is_changed(path: Path, damaged: bytes) -> None:
    with opened(path) as room:
        said(room)
    path.write_bytes(path.read_bytes() + GOOD + b"\n" + damaged + b"\n" + GOOD + b"\n")
    before = path.read_bytes()
    with pytest.raises(RoomError) as caught:
        Room(path).open()
    assert str(caught.value).startswith(f"{path}:3: ")
    assert path.read_bytes() == before


def test_a_room_that_could_not_be_opened_is_free_for_others(path: Path) -> None:
    path.write_bytes(b"hello\n")
    with pytest.raises(RoomError):
        Room(path).open()
    path.write_bytes(b"")
    with opened(path) as room:
        said(room)


def test_a_torn_last_line_never_happened(path: Path) -> None:
    with opened(path) as room:
        said(room, "first")
        said(room, "second")
    path.write_bytes(path.read_bytes()[:-1])
    with opened(path) as room:
        assert [message.text for message in room.all()] == ["first"]
        assert said(room, "another").id == "2"
    with opened(path) as room:
        assert [message.text for message in room.all()] == ["first", "another"]


def test_a_path_that_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RoomError, match="cannot be opened"):
        Room(tmp_path).open()


def test_a_folder_that_cannot_be_made_is_told(path: Path) -> None:
    path.write_bytes(b"")
    with pytest.raises(RoomError, match="cannot be opened"):
        Room(path / "room.jsonl").open()


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with opened(tmp_path / "some" / "where" / "room.jsonl") as room:
        said(room)


def test_nobody_else_may_read_the_room(path: Path, room: Room) -> None:
    assert path.stat().st_mode & 0o077 == 0


# --- one process at a time ----------------------------------------------------------------------------------

HOLDER = """
import sys
from pathlib import Path
from bot.adapters.terminal.room import Room
room = Room(Path(sys.argv[1]))
room.open()
print("open", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(path: Path, start: Callable[..., subprocess.Popen[str]]) -> Iterator[subprocess.Popen[str]]:
    with start(HOLDER, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_a_room_another_process_uses_is_told_and_free_once_that_one_is_killed(path: Path) -> None:
    with held_by_another_process(path, python) as holder:
        with pytest.raises(RoomError) as caught:
            Room(path).open()
        assert str(caught.value) == f"{path}: another nnquestion is using this room; close it first"
        holder.kill()
        holder.wait()
        with opened(path) as room:
            said(room)


def test_two_rooms_of_one_process_do_not_share_a_file_either(path: Path, room: Room) -> None:
    with pytest.raises(RoomError, match="another nnquestion"):
        Room(path).open()
    said(room)


# --- a disk that refuses ------------------------------------------------------------------------------------


def test_a_disk_that_refuses_is_told_and_leaves_the_file_whole(path: Path) -> None:
    code = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.adapters.terminal.room import Room, RoomError, plain

path = Path(sys.argv[1])
now = datetime(2026, 11, 22, 9, tzinfo=UTC)
room = Room(path)
room.open()
room.say("general", plain("before"), now)
size = path.stat().st_size
told = []
room.watch(lambda change, message: told.append(change))
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
for act in (
    lambda: room.say("general", plain("too much " * 50), now),
    lambda: room.edit("1", plain("too much " * 50), now),
    lambda: room.note("too much", "x" * 500),
):
    try:
        act()
    except RoomError as error:
        print(str(error).startswith(f"{path}: cannot be written"), path.stat().st_size == size)
print([message.text for message in room.all()], room.facts, told)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
room.say("general", plain("after"), now)
room.close()
"""
    exit_code, told = ran(python(code, path))
    assert (exit_code, told.splitlines()) == (0, ["True True"] * 3 + ["['before'] {} []"])
    with opened(path) as room:
        assert [(message.id, message.text) for message in room.all()] == [("1", "before"), ("2", "after")]


def test_a_line_longer_than_any_buffer_is_kept_whole(path: Path) -> None:
    long = string.ascii_letters * 20_000
    with opened(path) as room:
        said(room, long)
    with closing(Room(path)) as room:
        room.open()
        assert room.message("1").text == long


def test_instants_come_back_to_the_microsecond(path: Path) -> None:
    exact = NOW + timedelta(microseconds=1)
    with opened(path) as room:
        room.say(GENERAL, plain("x"), exact)
    with opened(path) as room:
        assert room.message("1").at == exact
