"""Pictures and files in a folder: never over another file, and never at the cost of a message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.adapters.terminal.messenger import TerminalMessenger
from bot.adapters.terminal.room import Room
from bot.adapters.terminal.saving import Album, save
from bot.core.card import Bar, Bars, Card, Picture
from bot.core.model import ChannelId, Place
from tests.adapters.terminal.stages import PNG, drawn
from tests.factories import NOW
from tests.store.files import contents

PICTURE = Picture("Board, this week", (Bars("", (Bar("ada", 3, "3 points"),)),), "ada 3 points")


def test_a_file_is_saved_in_a_folder_that_is_made_for_it(tmp_path: Path) -> None:
    path = save(tmp_path / "new" / "folder", "answers.csv", b"a,b\n")
    assert path == tmp_path / "new" / "folder" / "answers.csv"
    assert path.read_bytes() == b"a,b\n"
    assert list(path.parent.iterdir()) == [path]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    names = [save(tmp_path, "data.json", content).name for content in (b"1", b"2", b"3")]
    assert names == ["data.json", "data-2.json", "data-3.json"]
    assert (tmp_path / "data.json").read_bytes() == b"1"


def test_the_same_again_stays_one_file(tmp_path: Path) -> None:
    names = [save(tmp_path, "data.json", content).name for content in (b"1", b"2", b"1", b"2")]
    assert names == ["data.json", "data-2.json", "data.json", "data-2.json"]


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/b/out.txt"])
def test_whatever_a_file_is_called_it_goes_into_the_folder(tmp_path: Path, name: str) -> None:
    assert save(tmp_path / "in", name, b"x") == tmp_path / "in" / "out.txt"


async def test_a_picture_is_saved_under_its_title(tmp_path: Path) -> None:
    path = await Album(tmp_path, drawn).keep(PICTURE)
    assert path == str(tmp_path / "board-this-week.png")
    assert contents(tmp_path) == {"board-this-week.png": PNG + b"ada 3 points"}


@pytest.mark.parametrize("title", ["?!", "", "x" * 300, "../../etc/passwd", "週の回答"])
async def test_a_picture_is_saved_whatever_its_title_is(tmp_path: Path, title: str) -> None:
    path = Path(await Album(tmp_path, drawn).keep(Picture(title, PICTURE.charts, "alt")))
    assert (path.parent, path.suffix) == (tmp_path, ".png")
    assert contents(tmp_path) == {path.name: PNG + b"alt"}


async def test_without_a_folder_nothing_is_drawn() -> None:
    drawn_: list[Picture] = []

    async def draws(picture: Picture) -> bytes:
        drawn_.append(picture)
        return PNG

    assert await Album(None, draws).keep(PICTURE) == ""
    assert drawn_ == []


async def test_a_card_without_a_picture_has_none_to_save(tmp_path: Path) -> None:
    assert await Album(tmp_path, drawn).keep(None) == ""
    assert contents(tmp_path) == {}


async def _cannot_draw(picture: Picture) -> bytes:
    raise ValueError("no font on this machine")


@pytest.mark.parametrize("trouble", ["drawing", "disk"])
async def test_a_picture_that_cannot_be_drawn_or_saved_costs_nobody_the_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    album = Album(tmp_path / "file", drawn) if trouble == "disk" else Album(tmp_path, _cannot_draw)
    room = Room(tmp_path / "room.jsonl")
    room.open()
    messenger = TerminalMessenger(room, lambda: NOW, album)
    place = Place(channel=ChannelId("terminal:local/general"))
    ref = await messenger.send(place, Card(title="Said all the same", picture=PICTURE), part=1, key="k")
    message = room.message(ref.message)
    room.close()
    assert message.text.startswith("Said all the same\n[picture: ada 3 points]\n")
    assert message.picture == ""
    assert "“Board, this week” is not saved" in caplog.text


async def test_a_message_tells_where_its_picture_is_and_still_does_in_the_next_run(
    tmp_path: Path, room_of: Callable[[], Room]
) -> None:
    room = room_of()
    messenger = TerminalMessenger(room, lambda: NOW, Album(tmp_path / "pictures", drawn))
    place = Place(channel=ChannelId("terminal:local/general"))
    ref = await messenger.send(place, Card(title="A board", picture=PICTURE), part=1, key="k")
    room.close()
    again = room_of()
    assert again.message(ref.message).picture == str(tmp_path / "pictures" / "board-this-week.png")
    again.close()


@pytest.fixture
def room_of(tmp_path: Path) -> Callable[[], Room]:
    """Opens the same room again and again."""

    def opened() -> Room:
        room = Room(tmp_path / "room.jsonl")
        room.open()
        return room

    return opened
