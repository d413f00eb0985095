"""SlackMessenger keeps the contract, with the real client over real sockets; and what each request is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack.ids import channel_id, channel_of, member_id
from bot.adapters.slack.messenger import EVENT, LONGEST_EDIT, LOOKED_THROUGH, SlackMessenger
from bot.adapters.slack.uploads import KEPT, Uploads
from bot.core.card import Bar, Bars, Button, Card, Line, Picture, Press, Words, reference
from bot.core.model import ChannelId, MessageRef, Place
from bot.core.ports import DeliveryError, Failure, Messenger
from tests.adapters.messenger_contract import (
    BARE,
    EVERY_BLOCK,
    KEY,
    LONG,
    OTHER_KEY,
    ChannelsThatGoContract,
    MessengerContract,
    Platform,
    PlatformWithRights,
    titled,
)
from tests.wire.slack_server import Channel, Faults, Message, SlackServer
from tests.wire.slack_server.world import Content


class SlackPlatform(PlatformWithRights):
    """A workspace of the loopback server, with a client that has the bot's token."""

    def __init__(self, server: SlackServer, client: AsyncWebClient) -> None:
        self.server = server
        self.team = server.team("Study")
        self.ada = self.team.user("ada")
        self.uploads = Uploads(lambda: client, self._draw)
        self.uploads.waits = (0, 0, 0)
        self.drawn: list[Picture] = []
        self._messenger = SlackMessenger(lambda: client, self._own_ids, self.uploads)

    async def _draw(self, picture: Picture) -> bytes:
        self.drawn.append(picture)
        return PNG

    async def _own_ids(self) -> frozenset[str]:
        return frozenset({self.team.bot.id, self.team.bot_id})

    @property
    def messenger(self) -> Messenger:
        return self._messenger

    async def channel(self) -> Place:
        channel = self.team.channel(f"channel-{len(self.team.channels) + 1}")
        return Place(channel=channel_id(self.team.id, channel.id))

    def there(self, place: Place) -> Channel:
        return self.team.channels[channel_of(place.channel)]

    def messages(self, place: Place) -> list[Message]:
        channel = self.there(place)
        return channel.messages if place.thread is None else channel.by_ts[place.thread].replies

    def asked(self) -> list[str]:
        """The methods that were asked for so far, in order."""
        return [request.method for request in self.server.requests]

    async def seen(self, place: Place) -> list[str]:
        return ["\n".join([one.words, *(f"[{label}]" for label in one.labels)]) for one in self.messages(place)]

    async def pinged(self) -> Sequence[str]:
        return [ping.who for ping in self.server.pings]

    async def remove_message(self, ref: MessageRef) -> None:
        channel = self.there(ref.place)
        self.server.world.delete(channel.by_ts[ref.message], by=self.team.founder)

    async def remove_thread(self, place: Place) -> None:
        for message in [*self.messages(place), self.there(place).by_ts[str(place.thread)]]:
            self.server.world.delete(message, by=self.team.founder)

    async def remove_channel(self, place: Place) -> None:
        self.there(place).delete()

    async def forbid(self, place: Place) -> None:
        self.team.take_away("chat:write")


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server
        assert server.unknown == []
        assert server.complaints == []


@pytest.fixture
async def client(server: SlackServer) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=server.team("Study").token, base_url=server.api_url, session=session, retry_handlers=[]
        )


@pytest.fixture
def platform(server: SlackServer, client: AsyncWebClient) -> SlackPlatform:
    return SlackPlatform(server, client)


class TestContract(MessengerContract, ChannelsThatGoContract):
    """Over real sockets, held to Slack's limits. A thread takes no request: what is gone shows with the first reply."""

    async def every_request(self, platform: Platform, ref: MessageRef) -> list[Failure | None]:
        told = await super().every_request(platform, ref)
        assert told.pop() is None
        return [*told, told[0]]

    async def test_a_thread_of_a_message_that_is_gone_is_told(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), BARE)
        await platform.remove_message(ref)
        thread = await platform.messenger.open_thread(ref, "a title")
        assert (await failure(platform.messenger.send(thread, BARE, part=1, key=OTHER_KEY))).failure is (
            Failure.THREAD_GONE
        )


async def failure(request: Coroutine[Any, Any, object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await request
    return caught.value


# --- send -----------------------------------------------------------------------------------------------------


async def test_a_message_is_one_request_that_says_everything(platform: SlackPlatform) -> None:
    place = await platform.channel()
    await platform.messenger.send(place, EVERY_BLOCK, part=1, key=KEY)
    [request] = platform.server.requests
    assert request.method == "chat.postMessage"
    said = request.arguments
    assert said["channel"] == channel_of(place.channel)
    assert "thread_ts" not in said
    assert "reply_broadcast" not in said
    assert (said["unfurl_links"], said["unfurl_media"]) == (False, False)
    assert said["metadata"] == {"event_type": EVENT, "event_payload": {"ref": reference(KEY)}}
    assert said["text"].startswith("A card of everything")


async def test_what_is_sent_to_a_thread_is_not_sent_to_the_channel_too(platform: SlackPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    await platform.messenger.send(
        await platform.messenger.open_thread(ref, "a title"), titled("below"), part=1, key=OTHER_KEY
    )
    assert len(platform.messages(place)) == 1
    assert platform.asked() == ["chat.postMessage"] * 2


async def test_a_message_whose_answer_was_lost_is_unclear_and_is_found(platform: SlackPlatform) -> None:
    place = await platform.channel()
    platform.server.faults.cut("chat.postMessage", landed=True)
    assert (await failure(platform.messenger.send(place, BARE, part=1, key=KEY))).failure is Failure.UNCLEAR
    [found] = await platform.messenger.find(place, key=KEY)
    assert [message.ts for message in platform.messages(place)] == [found.message]


async def test_a_wait_that_slack_asks_for_is_passed_on(platform: SlackPlatform) -> None:
    place = await platform.channel()
    platform.server.faults.rate_limit("chat.postMessage", retry_after=90)
    error = await failure(platform.messenger.send(place, BARE, part=1, key=KEY))
    assert (error.failure, error.retry_after) == (Failure.NOT_SENT, timedelta(seconds=90))


# --- pictures ---------------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n and so on"
BOARD = Picture("The board", (Bars("", (Bar("1. ada", 3, "3 points"),)),), "1. ada, 3 points")
PICTURED = Card(title="The board", body=(Line((Words("ada leads"),)),), picture=BOARD)
UPLOAD = ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"]


async def test_a_picture_is_uploaded_for_the_bot_alone_and_shown_in_its_message(platform: SlackPlatform) -> None:
    place = await platform.channel()
    await platform.messenger.send(place, PICTURED, part=1, key=KEY)
    assert platform.asked() == [*UPLOAD, "chat.postMessage"]
    completed = platform.server.asked("files.completeUploadExternal")[0].arguments
    assert not {"channel_id", "channels", "initial_comment"} & set(completed)
    [message] = platform.messages(place)
    assert message.pictures == ["1. ada, 3 points"]
    assert "ada leads" in message.words
    [file] = platform.server.world.files.values()
    assert (file["data"], file["title"], file["name"]) == (PNG, "The board", "picture.png")


async def test_a_picture_that_slack_still_looks_through_is_waited_for(platform: SlackPlatform) -> None:
    platform.server.world.looked_through_after = 2
    place = await platform.channel()
    await platform.messenger.send(place, PICTURED, part=1, key=KEY)
    assert platform.asked() == [*UPLOAD, *["chat.postMessage"] * 3]
    assert [message.pictures for message in platform.messages(place)] == [["1. ada, 3 points"]]


async def test_a_picture_that_slack_does_not_get_through_is_left_out(
    platform: SlackPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.server.world.looked_through_after = 99
    place = await platform.channel()
    ref = await platform.messenger.send(place, PICTURED, part=1, key=KEY)
    [message] = platform.messages(place)
    assert (message.ts, message.pictures) == (ref.message, [])
    assert "ada leads" in message.words
    assert "does not show the picture “The board” (invalid_blocks" in caplog.text
    platform.server.world.looked_through_after = 0
    await platform.messenger.send(place, PICTURED, part=1, key=OTHER_KEY)  # What was never shown is uploaded anew.
    assert [message.pictures for message in platform.messages(place)] == [[], ["1. ada, 3 points"]]


async def test_what_was_uploaded_is_not_uploaded_again_for_another_try_or_an_edit(platform: SlackPlatform) -> None:
    place = await platform.channel()
    platform.server.faults.rate_limit("chat.postMessage", retry_after=90)
    error = await failure(platform.messenger.send(place, PICTURED, part=1, key=KEY))
    assert error.failure is Failure.NOT_SENT
    ref = await platform.messenger.send(place, PICTURED, part=1, key=KEY)
    await platform.messenger.edit(ref, replace(PICTURED, title="Anew"), part=1, key=KEY)
    [message] = platform.messages(place)
    assert message.words.startswith("Anew")
    assert message.pictures == ["1. ada, 3 points"]
    assert platform.asked() == [*UPLOAD, *["chat.postMessage"] * 2, "chat.update"]
    assert platform.drawn == [BOARD]
    await platform.messenger.edit(ref, replace(PICTURED, picture=None), part=1, key=KEY)
    assert message.pictures == []


async def test_without_the_right_to_upload_messages_go_out_and_the_log_says_once_what_to_do(
    platform: SlackPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.team.take_away("files:write")
    place = await platform.channel()
    for key in (KEY, OTHER_KEY):
        await platform.messenger.send(place, PICTURED, part=1, key=key)
    assert ["ada leads" in message.words for message in platform.messages(place)] == [True, True]
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "without the scope files:write" in said
    assert "slack_manifest.yaml" in said


@pytest.mark.parametrize("step", UPLOAD)
@pytest.mark.parametrize(
    "fault",
    [
        lambda faults, step: faults.cut(step),
        lambda faults, step: faults.fail(step),
        lambda faults, step: faults.garble(step),
        lambda faults, step: faults.rate_limit(step, retry_after=90),
    ],
    ids=["cut", "page", "half", "limited"],
)
async def test_whatever_goes_wrong_with_an_upload_costs_no_message(
    platform: SlackPlatform, step: str, fault: Callable[[Faults, str], object], caplog: pytest.LogCaptureFixture
) -> None:
    fault(platform.server.faults, step)
    place = await platform.channel()
    await platform.messenger.send(place, PICTURED, part=1, key=KEY)
    [message] = platform.messages(place)
    assert "ada leads" in message.words
    assert (message.pictures == []) is ("the picture “The board”" in caplog.text)


@pytest.mark.parametrize("error", [ValueError("no such font"), OSError("no such file"), MemoryError()])
async def test_a_picture_that_cannot_be_drawn_costs_no_message(
    platform: SlackPlatform, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(picture: Picture) -> bytes:
        raise error

    platform.uploads.draw = fails
    place = await platform.channel()
    await platform.messenger.send(place, PICTURED, part=1, key=KEY)
    assert platform.asked() == ["chat.postMessage"]
    assert "the picture “The board”" in caplog.text


async def test_only_the_last_pictures_are_known_by_their_files(platform: SlackPlatform) -> None:
    place = await platform.channel()
    for number in range(KEPT + 1):
        platform.uploads._uploaded[replace(BOARD, title=f"{number}")] = "F0"
    await platform.messenger.send(place, PICTURED, part=1, key=KEY)
    assert len(platform.uploads._uploaded) == KEPT


async def test_a_card_in_several_parts_shows_its_picture_in_one(platform: SlackPlatform) -> None:
    place, card = await platform.channel(), replace(LONG, picture=BOARD)
    for part in range(1, platform.messenger.parts(card) + 1):
        await platform.messenger.send(place, card, part=part, key=f"{KEY}/{part}")
    assert [message.pictures for message in platform.messages(place)][-1] == ["1. ada, 3 points"]
    assert platform.asked().count("upload") == 1


@pytest.mark.parametrize(
    "file", [{}, {"id": "nothing"}, {"id": "F0123456789", "url": "https://example.org/x"}, {"id": "F0123456789"}]
)
async def test_the_slack_of_these_tests_shows_no_file_that_it_does_not_have(
    platform: SlackPlatform, client: AsyncWebClient, file: dict[str, str]
) -> None:
    image = {"type": "image", "alt_text": "a picture", "slack_file": file}
    channel = channel_of((await platform.channel()).channel)
    with pytest.raises(SlackApiError, match="invalid_blocks"):
        await client.chat_postMessage(channel=channel, text="x", blocks=[image])


# --- find -----------------------------------------------------------------------------------------------------


async def test_a_message_without_metadata_is_found_by_its_footer(platform: SlackPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, EVERY_BLOCK, part=1, key=KEY)
    await platform.messenger.send(place, EVERY_BLOCK, part=1, key=OTHER_KEY)
    for message in platform.messages(place):
        message.metadata = None
    assert await platform.messenger.find(place, key=KEY) == [ref]


async def test_what_somebody_else_posts_with_the_same_reference_is_not_taken_for_ours(platform: SlackPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    [ours] = platform.messages(place)
    platform.server.world.post(
        platform.there(place), platform.ada, Content(ours.text, ours.blocks), metadata=ours.metadata
    )
    assert await platform.messenger.find(place, key=KEY) == [ref]


async def test_a_reference_counts_only_at_the_end_of_a_footer(platform: SlackPlatform) -> None:
    place, said = await platform.channel(), f"ref {reference(KEY)}"
    words = {"type": "mrkdwn", "text": said}
    for blocks in (
        [{"type": "section", "text": words}],
        [{"type": "context", "elements": [words, {"type": "mrkdwn", "text": "ref 222222"}]}],
    ):
        platform.server.world.post(platform.there(place), platform.team.bot, Content(said, blocks), by_app=True)
    assert await platform.messenger.find(place, key=KEY) == []


@pytest.mark.parametrize(("later", "found"), [(LOOKED_THROUGH - 1, 1), (LOOKED_THROUGH, 0)])
async def test_so_many_messages_of_a_channel_are_looked_through_in_two_requests(
    platform: SlackPlatform, later: int, found: int
) -> None:
    place = await platform.channel()
    await platform.messenger.send(place, BARE, part=1, key=KEY)
    for _ in range(later):
        await platform.ada.say(platform.there(place), "talk")
    assert len(await platform.messenger.find(place, key=KEY)) == found
    assert platform.asked()[1:] == ["conversations.history"] * 2


async def test_a_thread_is_looked_through_to_its_end(platform: SlackPlatform) -> None:
    place = await platform.channel()
    card = await platform.messenger.send(place, BARE, part=1, key=KEY)
    for _ in range(LOOKED_THROUGH + 50):
        await platform.ada.say(platform.there(place), "talk", thread=platform.messages(place)[0])
    thread = await platform.messenger.open_thread(card, "a title")
    ref = await platform.messenger.send(thread, BARE, part=1, key=OTHER_KEY)
    assert await platform.messenger.find(thread, key=OTHER_KEY) == [ref]


# --- edit and delete ------------------------------------------------------------------------------------------


async def test_an_edit_is_one_request_and_keeps_what_the_message_is_found_by(platform: SlackPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, EVERY_BLOCK, part=1, key=KEY)
    await platform.messenger.edit(ref, BARE, part=1, key=KEY)
    assert platform.asked()[1:] == ["chat.update"]
    [message] = platform.messages(place)
    assert message.metadata == {"event_type": EVENT, "event_payload": {"ref": reference(KEY)}}


async def test_an_edit_to_something_long_is_taken(platform: SlackPlatform) -> None:
    ref = await platform.messenger.send(await platform.channel(), BARE, part=1, key=KEY)
    await platform.messenger.edit(ref, LONG, part=1, key=KEY)
    assert len(platform.server.requests[-1].arguments["text"]) <= LONGEST_EDIT


async def test_an_edit_that_the_workspace_no_longer_allows_is_told(platform: SlackPlatform) -> None:
    ref = await platform.messenger.send(await platform.channel(), BARE, part=1, key=KEY)
    platform.team.edit_window = 5
    platform.server.clock.advance(6 * 60)
    error = await failure(platform.messenger.edit(ref, BARE, part=1, key=KEY))
    assert error.failure is Failure.MESSAGE_GONE


async def test_whatever_is_asked_of_an_archived_channel_says_that_it_is_gone(platform: SlackPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    platform.there(place).archive()
    for request in (
        platform.messenger.send(place, BARE, part=1, key=OTHER_KEY),
        platform.messenger.edit(ref, BARE, part=1, key=KEY),
    ):
        assert (await failure(request)).failure is Failure.CHANNEL_GONE


async def test_a_channel_that_the_bot_is_not_in_forbids_messages(platform: SlackPlatform) -> None:
    place = await platform.channel()
    platform.there(place).kick_bot()
    assert (await failure(platform.messenger.send(place, BARE, part=1, key=KEY))).failure is Failure.FORBIDDEN


async def test_deleting_in_a_channel_that_is_gone_is_no_error(platform: SlackPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    await platform.remove_channel(place)
    await platform.messenger.delete(ref)


async def test_deleting_what_may_not_be_reached_is_told(platform: SlackPlatform) -> None:
    ref = await platform.messenger.send(await platform.channel(), BARE, part=1, key=KEY)
    platform.team.take_away("chat:write")
    assert (await failure(platform.messenger.delete(ref))).failure is Failure.FORBIDDEN


# --- threads --------------------------------------------------------------------------------------------------


async def test_a_thread_takes_no_request(platform: SlackPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    thread = await platform.messenger.open_thread(ref, "\n🧠\x00" * 60)
    assert thread == Place(channel=place.channel, thread=ref.message)
    assert platform.asked() == ["chat.postMessage"]


async def test_a_card_that_is_deleted_with_replies_below_it_still_has_its_thread(platform: SlackPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    await platform.ada.say(platform.there(place), "talk", thread=platform.messages(place)[0])
    await platform.remove_message(ref)
    thread = await platform.messenger.open_thread(ref, "a title")
    await platform.messenger.send(thread, BARE, part=1, key=OTHER_KEY)
    assert len(await platform.seen(thread)) == 2


# --- direct messages ------------------------------------------------------------------------------------------


async def test_a_place_that_is_a_member_is_their_direct_messages(platform: SlackPlatform) -> None:
    direct = Place(channel=ChannelId(member_id(platform.team.id, platform.ada.id)))
    ref = await platform.messenger.send(direct, titled("before"), part=1, key=KEY)
    assert ref.place == direct
    assert await platform.messenger.find(direct, key=KEY) == [ref]
    await platform.messenger.edit(ref, titled("afterwards"), part=1, key=KEY)
    [message] = platform.ada.dm.messages
    assert "afterwards" in message.words
    await platform.messenger.delete(ref)
    assert platform.ada.dm.messages == []


async def test_somebody_who_is_not_there_has_no_direct_messages(platform: SlackPlatform) -> None:
    direct = Place(channel=ChannelId(member_id(platform.team.id, "U0NOBODY")))
    assert (await failure(platform.messenger.send(direct, BARE, part=1, key=KEY))).failure is Failure.CHANNEL_GONE


# --- the client -----------------------------------------------------------------------------------------------


async def every_failure(messenger: Messenger, place: Place) -> set[Failure]:
    ref = MessageRef(place=place, message="1795341600.001000")
    requests: tuple[Coroutine[Any, Any, object], ...] = (
        messenger.send(place, BARE, part=1, key=KEY),
        messenger.edit(ref, BARE, part=1, key=KEY),
        messenger.find(place, key=KEY),
        messenger.delete(ref),
    )
    return {(await failure(request)).failure for request in requests}


async def nothing(picture: Picture) -> bytes:
    return b""


async def nobody() -> frozenset[str]:
    return frozenset()


async def test_nothing_is_sent_where_nobody_listens() -> None:
    client = AsyncWebClient(token="xoxb", base_url="http://127.0.0.1:1/api/", retry_handlers=[])
    messenger = SlackMessenger(lambda: client, nobody, Uploads(lambda: client, nothing))
    assert await every_failure(messenger, Place(channel=channel_id("T1", "C1"))) == {Failure.NOT_SENT}


async def test_nothing_is_sent_with_a_token_that_is_refused(platform: SlackPlatform) -> None:
    platform.team.revoke_token()
    assert await every_failure(platform.messenger, await platform.channel()) == {Failure.NOT_SENT}


async def test_a_client_whose_session_is_closed_sends_nothing_twice(
    server: SlackServer, platform: SlackPlatform, client: AsyncWebClient
) -> None:
    place = await platform.channel()
    assert client.session is not None
    await client.session.close()
    await platform.messenger.send(place, BARE, part=1, key=KEY)  # The SDK opens one for this request.
    assert len(await platform.seen(place)) == 1


def test_a_card_has_as_many_parts_as_messages() -> None:
    messenger = SlackMessenger(AsyncWebClient, nobody, Uploads(AsyncWebClient, nothing))
    assert messenger.parts(BARE) == 1
    assert messenger.parts(LONG) > 1
    button = Button(Press.ANSWER, "Answer", "slack:T1/C1@2026-11-22")
    assert messenger.parts(Card(title="A card", buttons=(button,))) == 1
