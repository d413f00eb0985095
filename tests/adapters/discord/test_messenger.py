"""DiscordMessenger keeps the contract, with the real client over real sockets; and what each request is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.discord import attachments
from bot.adapters.discord.ids import channel_id, channel_of, member_id
from bot.adapters.discord.messenger import DiscordMessenger, nonce, thread_name, view_of
from bot.core.card import Bar, Bars, Button, Card, Line, Picture, Press, Words, reference
from bot.core.model import ChannelId, MessageRef, Place
from bot.core.ports import DeliveryError, Failure, Messenger
from tests.adapters.discord.conftest import PNG, draw
from tests.adapters.discord.test_render import read, text_of
from tests.adapters.messenger_contract import (
    BARE,
    EVERY_BLOCK,
    KEY,
    LONG,
    OTHER_KEY,
    ChannelsThatGoContract,
    MessengerContract,
    PlatformWithRights,
    titled,
)
from tests.wire.discord_server import Channel, ChannelType, DiscordServer, Intent, Message, Perm, Refusal
from tests.wire.discord_server.messages import Draft

LONGER_THAN_A_NONCE: Final = timedelta(hours=1)
AN_ORDINARY_MESSAGE: Final = 0
PICTURE: Final = Picture("A board", (Bars("", (Bar("1. Ada", 3, "3 points"),)),), "A board: 1. Ada, 3 points")
PICTURED: Final = Card(title="A board", body=(Line((Words("Ada leads."),)),), picture=PICTURE)


async def cannot_draw(picture: Picture) -> bytes:
    raise ValueError("no font for that")


class DiscordPlatform(PlatformWithRights):
    """A guild of the loopback server, with the client that is signed in there."""

    def __init__(self, server: DiscordServer, client: discord.Client) -> None:
        self.server = server
        self.guild = server.guild("Study")
        self._messenger = DiscordMessenger(lambda: client, draw)

    @property
    def messenger(self) -> Messenger:
        # Within minutes the same message is not posted twice, which the contract does now and then on purpose.
        self.server.clock.advance(LONGER_THAN_A_NONCE)
        return self._messenger

    async def channel(self, kind: ChannelType = ChannelType.TEXT) -> Place:
        channel = self.guild.channel(f"channel-{len(self.guild.channels) + 1}", type=kind)
        return Place(channel=channel_id(self.guild.id, channel.id))

    def there(self, place: Place) -> Channel:
        return self.server.world.channels[int(place.thread or channel_of(place.channel))]

    def messages(self, place: Place) -> list[Message]:
        return [message for message in self.there(place).messages if message.type == AN_ORDINARY_MESSAGE]

    def asked(self) -> list[tuple[str, str]]:
        """Method and path of the requests about channels so far, in order."""
        return [(request.method, request.path) for request in self.server.asked("*", "/channels/**")]

    def asked_last(self) -> Any:
        """The body of the latest request."""
        return self.server.requests[-1].body

    async def seen(self, place: Place) -> list[str]:
        return [screen(message) for message in self.messages(place)]

    async def pinged(self) -> Sequence[str]:
        return [ping.who for ping in self.server.pings]

    async def remove_message(self, ref: MessageRef) -> None:
        self.server.world.delete(self.there(ref.place).by_id[int(ref.message)])

    async def remove_thread(self, place: Place) -> None:
        self.there(place).delete()

    async def remove_channel(self, place: Place) -> None:
        self.there(place).delete()

    async def forbid(self, place: Place) -> None:
        self.there(place).take_away(Perm.VIEW_CHANNEL)


def screen(message: Message) -> str:
    """A message as its readers see it."""
    lines = [message.content]
    for embed in message.embeds:
        lines.append(text_of(read(embed.get("title", ""), title=True)))
        lines.append(text_of(read(embed.get("description", ""))))
        lines.append(embed.get("footer", {}).get("text", ""))
    lines += [f"[{label}]" for label in message.labels]
    return "\n".join(line for line in lines if line)


def new_client() -> discord.Client:
    return discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=30)


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    # With the intent the bot could read what others post, and take it for its own.
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        yield server
        assert server.unknown == []


@pytest.fixture
async def client(server: DiscordServer) -> AsyncIterator[discord.Client]:
    """A client that has logged in, and has no gateway: a message needs none."""
    async with new_client() as client:
        await client.login(server.token)
        yield client


@pytest.fixture
def platform(server: DiscordServer, client: discord.Client) -> DiscordPlatform:
    return DiscordPlatform(server, client)


class TestContract(MessengerContract, ChannelsThatGoContract):
    """Over real sockets, held to Discord's limits."""


async def failure(request: Coroutine[Any, Any, object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await request
    return caught.value


# --- pictures -------------------------------------------------------------------------------------------------


def shown(message: Message) -> list[tuple[str, bytes, str]]:
    """The files of a message that its embed shows: name, content, alt text."""
    shows = [embed.get("image", {}).get("url") for embed in message.embeds]
    assert shows == [f"attachment://{one.filename}" for one in message.attachments] or shows == [None]
    return [(one.filename, one.data, one.description) for one in message.attachments]


async def test_a_picture_is_shown_in_the_embed_with_words_for_who_does_not_see_it(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    await platform.messenger.send(place, PICTURED, part=1, key=KEY)
    (message,) = platform.messages(place)
    assert shown(message) == [("picture.png", PNG + b"A board", "A board: 1. Ada, 3 points")]
    assert "Ada leads." in screen(message)
    assert len(platform.asked()) == 1


async def test_of_several_messages_the_last_has_the_picture(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    card, messenger = replace(LONG, picture=PICTURE), platform.messenger
    for part in range(1, messenger.parts(card) + 1):
        await messenger.send(place, card, part=part, key=KEY if part == 1 else f"{KEY}/{part}")
    assert [len(shown(message)) for message in platform.messages(place)] == [0, 0, 0, 1]


async def test_words_for_a_picture_are_shortened_to_what_discord_takes(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    long = replace(PICTURED, picture=replace(PICTURE, alt="🐜 " * 1000))
    await platform.messenger.send(place, long, part=1, key=KEY)
    ((_, _, alt),) = shown(platform.messages(place)[0])
    assert alt.endswith("🐜…")
    assert 1000 < len(alt.encode("utf-16-le")) // 2 <= 1024


async def test_a_picture_sent_again_after_an_unclear_outcome_is_there_once(platform: DiscordPlatform) -> None:
    place, messenger = await platform.channel(), platform.messenger
    platform.server.faults.cut("POST", landed=True)
    platform.server.faults.cut("POST", times=9)
    assert (await failure(messenger.send(place, PICTURED, part=1, key=KEY))).failure is Failure.UNCLEAR
    platform.server.faults.clear()
    (there,) = await messenger.find(place, key=KEY)
    assert await messenger.send(place, PICTURED, part=1, key=KEY) == there
    (message,) = platform.messages(place)
    assert len(shown(message)) == 1


async def test_an_edit_keeps_the_picture_and_takes_it_away_with_its_card(platform: DiscordPlatform) -> None:
    place, messenger = await platform.channel(), platform.messenger
    ref = await messenger.send(place, PICTURED, part=1, key=KEY)
    (message,) = platform.messages(place)
    before = shown(message)
    await messenger.edit(ref, replace(PICTURED, title="Another title"), part=1, key=KEY)
    assert "Another title" in screen(message)
    assert shown(message) == before
    await messenger.edit(ref, BARE, part=1, key=KEY)
    assert shown(message) == []


async def test_a_picture_that_cannot_be_drawn_holds_nothing_up_and_the_log_says_so(
    platform: DiscordPlatform, client: discord.Client, caplog: pytest.LogCaptureFixture
) -> None:
    place = await platform.channel()
    await DiscordMessenger(lambda: client, cannot_draw).send(place, PICTURED, part=1, key=KEY)
    (message,) = platform.messages(place)
    assert (shown(message), "Ada leads." in screen(message)) == ([], True)
    assert "“A board” could not be drawn" in caplog.text


async def test_a_picture_that_takes_too_long_holds_nothing_up(
    platform: DiscordPlatform, client: discord.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(picture: Picture) -> bytes:
        await asyncio.Event().wait()
        return b""

    monkeypatch.setattr(attachments, "DRAWN_WITHIN", 0.01)
    place = await platform.channel()
    async with asyncio.timeout(2):
        await DiscordMessenger(lambda: client, never).send(place, PICTURED, part=1, key=KEY)
    assert len(platform.messages(place)) == 1


@pytest.mark.parametrize("refusal", [Refusal.FILE_TOO_LARGE, Refusal.TOO_LARGE, Refusal.MISSING_PERMISSIONS])
async def test_a_picture_that_is_not_taken_stays_behind_and_the_log_says_so(
    platform: DiscordPlatform, refusal: Refusal, caplog: pytest.LogCaptureFixture
) -> None:
    place, messenger = await platform.channel(), platform.messenger
    platform.server.faults.refuse("POST", "/channels/*/messages", refusal)
    ref = await messenger.send(place, PICTURED, part=1, key=KEY)
    (message,) = platform.messages(place)
    assert (str(message.id), shown(message)) == (ref.message, [])
    assert "it goes without" in caplog.text


async def test_who_may_attach_nothing_posts_without_a_picture_and_edits_without_one(platform: DiscordPlatform) -> None:
    place, messenger = await platform.channel(), platform.messenger
    platform.there(place).take_away(Perm.ATTACH_FILES)
    ref = await messenger.send(place, PICTURED, part=1, key=KEY)
    await messenger.edit(ref, replace(PICTURED, title="Another title"), part=1, key=KEY)
    (message,) = platform.messages(place)
    assert "Another title" in screen(message)
    assert shown(message) == []


async def test_what_is_refused_without_a_picture_is_asked_for_once(platform: DiscordPlatform) -> None:
    place, messenger = await platform.channel(), platform.messenger
    platform.server.faults.refuse("POST", "/channels/*/messages", Refusal.CANNOT_MESSAGE_USER)
    assert (await failure(messenger.send(place, PICTURED, part=1, key=KEY))).failure is Failure.FORBIDDEN
    assert len(platform.asked()) == 1


# --- send -----------------------------------------------------------------------------------------------------


async def test_a_message_is_one_request_that_says_everything(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    button = Button(Press.ANSWER, "Answer", "discord:200/1@2026-11-22")
    await platform.messenger.send(place, Card(title="A card", buttons=(button,)), part=1, key=KEY)
    assert platform.asked() == [("POST", f"/channels/{platform.there(place).id}/messages")]
    assert platform.asked_last() == {
        "content": None,
        "embeds": [{"title": "A card", "color": 0x7C808C, "footer": {"text": f"ref {reference(KEY)}"}, "flags": 0}],
        "components": [
            {
                "type": 1,
                "components": [
                    {
                        "type": 2,
                        "style": 1,
                        "label": "Answer",
                        "custom_id": "nn:answer:discord:200/1@2026-11-22",
                        "disabled": False,
                    }
                ],
            }
        ],
        "nonce": nonce(place, KEY),
        "enforce_nonce": True,
        "allowed_mentions": {"parse": []},
        "attachments": [],
        "tts": False,
    }


async def test_buttons_stand_in_rows_of_five_and_are_not_kept_in_memory(
    platform: DiscordPlatform, client: discord.Client
) -> None:
    place = await platform.channel()
    buttons = tuple(Button(Press.HINT, f"Hint {number}", f"round {number}") for number in range(25))
    ref = await platform.messenger.send(place, Card(title="A card", buttons=buttons), part=1, key=KEY)
    await platform.messenger.edit(ref, Card(title="A card", buttons=buttons), part=1, key=KEY)
    (message,) = platform.messages(place)
    assert [len(row["components"]) for row in message.components] == [5] * 5
    assert view_of(buttons).is_finished()
    assert not client._connection._view_store._views


async def test_a_message_sent_again_within_minutes_is_the_same_message(platform: DiscordPlatform) -> None:
    place, messenger = await platform.channel(), platform.messenger
    refs = [await messenger.send(place, BARE, part=1, key=KEY) for _ in range(2)]
    assert refs[0] == refs[1]
    assert len(platform.messages(place)) == 1


async def test_a_message_that_was_removed_meanwhile_is_not_sent_again_within_minutes(platform: DiscordPlatform) -> None:
    place, messenger = await platform.channel(), platform.messenger
    await platform.remove_message(await messenger.send(place, BARE, part=1, key=KEY))
    assert (await failure(messenger.send(place, BARE, part=1, key=KEY))).failure is Failure.MESSAGE_GONE


def test_nonces_differ_by_key_and_by_place_and_are_never_too_long() -> None:
    channel = channel_id(1, 2)
    places = [Place(channel=channel), Place(channel=channel, thread="3"), Place(channel=channel_id(1, 3))]
    nonces = [nonce(place, key) for place in places for key in (KEY, f"{KEY}/2")]
    assert len(set(nonces)) == len(nonces)
    assert {len(one) for one in nonces} == {25}
    assert nonces == [nonce(place, key) for place in places for key in (KEY, f"{KEY}/2")]


async def test_a_message_whose_answer_was_lost_is_unclear_and_is_found(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    platform.server.faults.cut("POST", landed=True)
    assert (await failure(platform.messenger.send(place, BARE, part=1, key=KEY))).failure is Failure.UNCLEAR
    (found,) = await platform.messenger.find(place, key=KEY)
    assert [str(message.id) for message in platform.messages(place)] == [found.message]


async def test_a_message_that_a_proxy_lost_is_unclear(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    platform.server.faults.fail("POST", status=503)
    assert (await failure(platform.messenger.send(place, BARE, part=1, key=KEY))).failure is Failure.UNCLEAR


async def test_a_long_wait_that_discord_asks_for_is_passed_on(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    platform.server.faults.rate_limit("POST", retry_after=90.5)
    error = await failure(platform.messenger.send(place, BARE, part=1, key=KEY))
    assert (error.failure, error.retry_after) == (Failure.NOT_SENT, timedelta(seconds=90.5))


@pytest.mark.parametrize("everywhere", [True, False])
async def test_a_short_wait_is_waited_for(platform: DiscordPlatform, everywhere: bool) -> None:
    place = await platform.channel()
    platform.server.faults.rate_limit("POST", retry_after=0.01, everywhere=everywhere)
    await platform.messenger.send(place, BARE, part=1, key=KEY)
    assert len(await platform.seen(place)) == 1


async def test_a_right_that_is_missing_forbids_a_message(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    platform.there(place).take_away(Perm.EMBED_LINKS)
    assert (await failure(platform.messenger.send(place, BARE, part=1, key=KEY))).failure is Failure.FORBIDDEN


# --- find -----------------------------------------------------------------------------------------------------


async def test_what_another_bot_posts_with_the_same_reference_is_not_taken_for_ours(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    other = platform.server.world.make_user("Another bot", bot=True)
    embeds = [{"footer": {"text": f"ref {reference(KEY)}"}}]
    platform.server.world.post(platform.there(place), other, Draft(embeds=embeds))
    assert await platform.messenger.find(place, key=KEY) == [ref]


async def test_a_reference_counts_only_at_the_end_of_a_footer(platform: DiscordPlatform) -> None:
    place, said = await platform.channel(), f"ref {reference(KEY)}"
    for embed in ({"footer": {"text": f"{said} · ref 222222"}}, {"description": said}, {"title": said}):
        platform.server.world.post(platform.there(place), platform.server.bot, Draft(embeds=[embed]))
    assert await platform.messenger.find(place, key=KEY) == []


@pytest.mark.parametrize(("later", "found"), [(199, 1), (200, 0)])
async def test_two_hundred_messages_are_looked_through_in_two_requests(
    platform: DiscordPlatform, later: int, found: int
) -> None:
    place = await platform.channel()
    await platform.messenger.send(place, BARE, part=1, key=KEY)
    ada = platform.guild.member("Ada")
    for _ in range(later):
        platform.server.world.post(platform.there(place), ada.user, Draft(content="talk"))
    assert len(await platform.messenger.find(place, key=KEY)) == found
    assert platform.asked()[1:] == [("GET", f"/channels/{platform.there(place).id}/messages")] * 2


# --- edit and delete ------------------------------------------------------------------------------------------


async def test_an_edit_is_one_request_and_pings_nobody(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, EVERY_BLOCK, part=1, key=KEY)
    await platform.messenger.edit(ref, BARE, part=1, key=KEY)
    assert platform.asked()[1:] == [("PATCH", f"/channels/{platform.there(place).id}/messages/{ref.message}")]
    assert (platform.asked_last()["components"], platform.asked_last()["allowed_mentions"]) == ([], {"parse": []})


async def thread_of(platform: DiscordPlatform) -> tuple[Place, MessageRef]:
    """A thread, and a message in it."""
    card = await platform.messenger.send(await platform.channel(), BARE, part=1, key=KEY)
    thread = await platform.messenger.open_thread(card, "a title")
    return thread, await platform.messenger.send(thread, titled("before"), part=1, key=OTHER_KEY)


async def test_what_stands_in_an_archived_thread_can_be_edited(platform: DiscordPlatform) -> None:
    thread, ref = await thread_of(platform)
    platform.there(thread).archive()
    await platform.messenger.edit(ref, titled("afterwards"), part=1, key=OTHER_KEY)
    assert ["afterwards" in text for text in await platform.seen(thread)] == [True]


async def test_what_stands_in_an_archived_thread_can_be_deleted(platform: DiscordPlatform) -> None:
    thread, ref = await thread_of(platform)
    platform.there(thread).archive()
    platform.server.faults.refuse("DELETE", "**", Refusal.THREAD_ARCHIVED)
    await platform.messenger.delete(ref)
    assert await platform.seen(thread) == []


async def test_what_is_sent_to_an_archived_thread_takes_it_up_again(platform: DiscordPlatform) -> None:
    thread, _ = await thread_of(platform)
    platform.there(thread).archive()
    await platform.messenger.send(thread, BARE, part=1, key="reveal")
    assert not platform.there(thread).archived


async def test_a_thread_that_stays_archived_is_tried_once_more_and_not_for_ever(platform: DiscordPlatform) -> None:
    thread, ref = await thread_of(platform)
    platform.there(thread).archive()
    before = len(platform.asked())
    platform.server.faults.refuse("PATCH", "/channels/*/messages/*", Refusal.THREAD_ARCHIVED, times=9)
    assert (await failure(platform.messenger.edit(ref, BARE, part=1, key=KEY))).failure is Failure.THREAD_GONE
    message = f"/channels/{thread.thread}/messages/{ref.message}"
    assert [path for _, path in platform.asked()[before:]] == [message, f"/channels/{thread.thread}", message]


@pytest.mark.parametrize("archived", [True, False])
async def test_a_locked_thread_takes_nothing_any_more(platform: DiscordPlatform, archived: bool) -> None:
    thread, ref = await thread_of(platform)
    platform.there(thread).lock()
    if archived:
        platform.there(thread).archive()
    told = [
        await failure(platform.messenger.send(thread, BARE, part=1, key="reveal")),
        await failure(platform.messenger.edit(ref, BARE, part=1, key=OTHER_KEY)),
    ]
    assert [error.failure for error in told] == [Failure.THREAD_GONE] * 2


async def test_deleting_in_a_channel_that_is_gone_is_no_error(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    await platform.remove_channel(place)
    await platform.messenger.delete(ref)


async def test_deleting_what_may_not_be_reached_is_told(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    await platform.forbid(place)
    assert (await failure(platform.messenger.delete(ref))).failure is Failure.FORBIDDEN


async def test_a_404_that_does_not_say_what_is_missing_is_not_taken_for_a_deletion(platform: DiscordPlatform) -> None:
    ref = await platform.messenger.send(await platform.channel(), BARE, part=1, key=KEY)
    platform.server.faults.refuse("DELETE", "**", Refusal.NOT_FOUND)
    assert (await failure(platform.messenger.delete(ref))).failure is Failure.NOT_SENT


# --- threads --------------------------------------------------------------------------------------------------


async def test_a_thread_is_opened_with_one_request_for_three_days(platform: DiscordPlatform) -> None:
    place = await platform.channel()
    ref = await platform.messenger.send(place, BARE, part=1, key=KEY)
    thread = await platform.messenger.open_thread(ref, "a title")
    assert thread == Place(channel=place.channel, thread=ref.message)
    assert platform.asked()[1:] == [("POST", f"/channels/{platform.there(place).id}/messages/{ref.message}/threads")]
    assert (platform.there(thread).name, platform.there(thread).auto_archive) == ("a title", 3 * 24 * 60)


async def test_an_announcement_channel_has_threads_too(platform: DiscordPlatform) -> None:
    ref = await platform.messenger.send(await platform.channel(ChannelType.ANNOUNCEMENT), BARE, part=1, key=KEY)
    thread = await platform.messenger.open_thread(ref, "a title")
    assert platform.there(thread).type is ChannelType.ANNOUNCEMENT_THREAD
    await platform.messenger.send(thread, BARE, part=1, key=OTHER_KEY)


async def test_a_thread_whose_opening_got_no_answer_is_there_the_next_time(platform: DiscordPlatform) -> None:
    ref = await platform.messenger.send(await platform.channel(), BARE, part=1, key=KEY)
    platform.server.faults.cut("POST", landed=True)
    assert (await failure(platform.messenger.open_thread(ref, "a title"))).failure is Failure.UNCLEAR
    assert (await platform.messenger.open_thread(ref, "a title")).thread == ref.message


async def test_a_message_whose_thread_was_deleted_gets_no_other(platform: DiscordPlatform) -> None:
    ref = await platform.messenger.send(await platform.channel(), BARE, part=1, key=KEY)
    await platform.remove_thread(await platform.messenger.open_thread(ref, "a title"))
    assert (await failure(platform.messenger.open_thread(ref, "a title"))).failure is Failure.THREAD_GONE


async def test_a_hostile_title_names_a_thread_all_the_same(platform: DiscordPlatform) -> None:
    ref = await platform.messenger.send(await platform.channel(), BARE, part=1, key=KEY)
    thread = await platform.messenger.open_thread(ref, "\n🧠\x00\u202e" * 60)
    assert platform.there(thread).name == thread_name("\n🧠\x00\u202e" * 60)


@given(st.text(max_size=300))
def test_any_title_names_a_thread_on_one_line_within_the_limit(title: str) -> None:
    name = thread_name(title)
    assert 1 <= len(name.encode("utf-16-le")) // 2 <= 100
    assert name == name.strip()
    assert name.splitlines() == [name]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("  what is\n\ta loss?  ", "what is a loss?"),
        ("a" * 100, "a" * 100),
        ("a" * 101, "a" * 99 + "…"),
        ("🧠" * 60, "🧠" * 49 + "…"),
        ("\n", "…"),
    ],
)
def test_a_thread_is_named_by_its_title(title: str, name: str) -> None:
    assert thread_name(title) == name


# --- direct messages ------------------------------------------------------------------------------------------


async def test_a_place_that_is_a_member_is_their_direct_messages(platform: DiscordPlatform) -> None:
    ada = platform.guild.member("Ada")
    direct = Place(channel=ChannelId(member_id(platform.guild.id, ada.id)))
    ref = await platform.messenger.send(direct, titled("before"), part=1, key=KEY)
    assert await platform.messenger.find(direct, key=KEY) == [ref]
    await platform.messenger.edit(ref, titled("afterwards"), part=1, key=KEY)
    messages = platform.server.world.direct_messages(ada.user).messages
    assert ["afterwards" in screen(message) for message in messages] == [True]
    assert len(platform.server.asked("POST", "/users/@me/channels")) == 1


async def test_a_member_who_takes_no_direct_messages_forbids_them(platform: DiscordPlatform) -> None:
    ada = platform.guild.member("Ada")
    ada.takes_messages = False
    direct = Place(channel=ChannelId(member_id(platform.guild.id, ada.id)))
    assert (await failure(platform.messenger.send(direct, BARE, part=1, key=KEY))).failure is Failure.FORBIDDEN


# --- the client -----------------------------------------------------------------------------------------------


async def every_failure(messenger: Messenger, place: Place) -> set[Failure]:
    ref = MessageRef(place=place, message="1")
    requests: tuple[Coroutine[Any, Any, object], ...] = (
        messenger.send(place, BARE, part=1, key=KEY),
        messenger.edit(ref, BARE, part=1, key=KEY),
        messenger.find(place, key=KEY),
        messenger.delete(ref),
        messenger.open_thread(ref, "a title"),
    )
    return {(await failure(request)).failure for request in requests}


async def test_nothing_is_sent_before_the_bot_has_signed_in() -> None:
    client = new_client()
    place = Place(channel=channel_id(1, 2))
    assert await every_failure(DiscordMessenger(lambda: client, draw), place) == {Failure.NOT_SENT}


async def test_nothing_is_sent_by_a_client_that_is_closed(platform: DiscordPlatform, client: discord.Client) -> None:
    place = await platform.channel()
    await client.close()
    assert await every_failure(platform.messenger, place) == {Failure.NOT_SENT}


async def test_a_client_that_is_closed_while_it_asks_may_have_been_heard(
    platform: DiscordPlatform, client: discord.Client, caplog: pytest.LogCaptureFixture
) -> None:
    place = await platform.channel()
    platform.server.faults.rate_limit("POST", retry_after=0.05)
    sending = asyncio.create_task(failure(platform.messenger.send(place, BARE, part=1, key=KEY)))
    await platform.server.until(lambda: platform.asked() and platform.server.requests[-1].status)
    await client.close()
    assert (await sending).failure is Failure.UNCLEAR
    assert [record for record in caplog.records if record.name.startswith("bot.")] == []


async def test_nothing_is_sent_where_nobody_listens(platform: DiscordPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    place = await platform.channel()
    monkeypatch.setattr(discord.http.Route, "BASE", "http://127.0.0.1:1/api/v10")
    assert await every_failure(platform.messenger, place) == {Failure.NOT_SENT}


async def test_another_client_takes_over_from_the_next_request_on(
    platform: DiscordPlatform, client: discord.Client
) -> None:
    clients = [client]
    messenger = DiscordMessenger(lambda: clients[-1], draw)
    place = await platform.channel()
    await messenger.send(place, BARE, part=1, key=KEY)
    await client.close()
    async with new_client() as other:
        await other.login(platform.server.token)
        clients.append(other)
        await messenger.send(place, BARE, part=1, key=OTHER_KEY)
    assert len(await platform.seen(place)) == 2


def test_a_card_has_as_many_parts_as_messages() -> None:
    messenger = DiscordMessenger(new_client, draw)
    assert (messenger.parts(BARE), messenger.parts(LONG)) == (1, 4)
