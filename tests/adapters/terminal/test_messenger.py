"""TerminalMessenger keeps the contract over a real room file; and what a disk that refuses comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from bot.adapters.terminal.messenger import TerminalMessenger
from bot.adapters.terminal.room import Room
from bot.adapters.terminal.saving import Album
from bot.core.card import reference
from bot.core.model import ChannelId, MessageRef, Place
from bot.core.ports import Messenger
from tests.adapters.messenger_contract import BARE, KEY, MessengerContract, Platform
from tests.adapters.terminal.stages import drawn
from tests.factories import HOUR, NOW
from tests.store.files import python, ran

ALBUM = Album(None, drawn)


class TerminalPlatform(Platform):
    """A room in a file. It knows no pings, and no thread is ever deleted but by hand."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._channels = 0
        self._open()

    def _open(self) -> None:
        self.room = Room(self._path)
        self.room.open()
        self._messenger = TerminalMessenger(self.room, lambda: NOW, ALBUM)

    def close(self) -> None:
        self.room.close()

    @property
    def messenger(self) -> Messenger:
        return self._messenger

    async def channel(self) -> Place:
        self._channels += 1
        return Place(channel=ChannelId(f"terminal:local/channel-{self._channels}"))

    async def seen(self, place: Place) -> list[str]:
        return [
            message.text
            for message in self.room.all()
            if (message.channel, message.thread) == (place.channel, place.thread) and message.deleted_at is None
        ]

    async def pinged(self) -> Sequence[str]:
        return []

    async def remove_message(self, ref: MessageRef) -> None:
        self.room.delete(ref.message, NOW)

    async def remove_thread(self, place: Place) -> None:
        self.close()
        rows = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [row for row in rows if (json.loads(row)["do"], json.loads(row)["id"]) != ("thread", place.thread)]
        self._path.write_text("".join(kept), encoding="utf-8")
        self._open()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[TerminalPlatform]:
    platform = TerminalPlatform(tmp_path / "room.jsonl")
    yield platform
    platform.close()


class TestContract(MessengerContract):
    """Over a real room file."""


async def test_what_was_sent_is_found_in_the_next_run(platform: TerminalPlatform, tmp_path: Path) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    platform.close()
    again = TerminalPlatform(tmp_path / "room.jsonl")
    assert await again.messenger.find(place, key=KEY) == [ref]
    again.close()


async def test_a_message_carries_the_instant_of_the_clock_and_the_reference_as_its_last_line(tmp_path: Path) -> None:
    instants: list[datetime] = [NOW, NOW + HOUR]
    room = Room(tmp_path / "room.jsonl")
    room.open()
    messenger = TerminalMessenger(room, lambda: instants.pop(0), ALBUM)
    place = Place(channel=ChannelId("terminal:local/general"))
    ref = await messenger.send(place, BARE, part=1, key=KEY)
    await messenger.edit(ref, BARE, part=1, key=KEY)
    message = room.message(ref.message)
    room.close()
    assert (message.at, message.edited_at) == (NOW, NOW + HOUR)
    assert message.text.splitlines()[-1] == f"ref {reference(KEY)}"


def test_a_disk_that_refuses_is_a_message_not_sent_whatever_was_asked(tmp_path: Path) -> None:
    code = """
import asyncio, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.adapters.terminal.messenger import TerminalMessenger
from bot.adapters.terminal.room import Room
from bot.adapters.terminal.saving import Album
from bot.core.card import Card
from bot.core.model import ChannelId, Place
from bot.core.ports import DeliveryError

async def main(path):
    room = Room(path)
    room.open()
    messenger = TerminalMessenger(room, lambda: datetime(2026, 11, 22, 9, tzinfo=UTC), Album(None, None))
    place = Place(channel=ChannelId("terminal:local/general"))
    card = Card(title="Only a title")
    ref = await messenger.send(place, card, part=1, key="question")
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, resource.RLIM_INFINITY))
    for request in (
        messenger.send(place, card, part=1, key="reveal"),
        messenger.edit(ref, card, part=1, key="question"),
        messenger.open_thread(ref, "a title"),
        messenger.delete(ref),
    ):
        try:
            await request
        except DeliveryError as error:
            print(error.failure, str(path) in str(error))
    print(await messenger.find(place, key="question") == [ref])

asyncio.run(main(Path(sys.argv[1])))
"""
    exit_code, told = ran(python(code, tmp_path / "room.jsonl"))
    assert (exit_code, told.splitlines()) == (0, ["not sent True"] * 4 + ["True"])
