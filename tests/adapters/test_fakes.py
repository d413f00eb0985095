"""The fake messenger of the other tests keeps the contract of the real ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest

from bot.core.card import reference
from bot.core.model import ChannelId, MessageRef, Place
from bot.core.ports import DeliveryError, Failure, Messenger
from tests.adapters.fakes import VERBS, ScriptedMessenger, Verb
from tests.adapters.messenger_contract import BARE, KEY, ChannelsThatGoContract, PlatformWithRights


class FakePlatform(PlatformWithRights):
    """The fake as members would see it, if it had any."""

    def __init__(self) -> None:
        self._scripted = ScriptedMessenger()
        self._channels = 0

    @property
    def messenger(self) -> Messenger:
        return self._scripted

    async def channel(self) -> Place:
        self._channels += 1
        return Place(channel=ChannelId(f"terminal:local/channel-{self._channels}"))

    async def seen(self, place: Place) -> list[str]:
        return [
            "\n".join([posted.words, *(button.label for button in posted.card.buttons), f"ref {reference(posted.key)}"])
            for posted in self._scripted.standing
            if posted.ref.place == place
        ]

    async def pinged(self) -> Sequence[str]:
        return []

    async def remove_message(self, ref: MessageRef) -> None:
        self._scripted.lose_message(ref)

    async def remove_thread(self, place: Place) -> None:
        self._scripted.lose_thread(place)

    async def remove_channel(self, place: Place) -> None:
        self._scripted.lose_channel(place.channel)

    async def forbid(self, place: Place) -> None:
        self._scripted.forbid(place.channel)


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


class TestContract(ChannelsThatGoContract):
    """In memory."""


async def post(messenger: ScriptedMessenger) -> MessageRef:
    return await messenger.send(Place(channel=ChannelId("terminal:local/general")), BARE, part=1, key=KEY)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("landed", [False, True])
async def test_the_fake_fails_once_for_each_failure_it_is_told_and_then_works(verb: Verb, landed: bool) -> None:
    messenger = ScriptedMessenger()
    ref = await post(messenger)
    requests: dict[Verb, Callable[[], Awaitable[object]]] = {
        "send": lambda: messenger.send(ref.place, BARE, part=1, key=KEY),
        "edit": lambda: messenger.edit(ref, BARE, part=1, key=KEY),
        "find": lambda: messenger.find(ref.place, key=KEY),
        "delete": lambda: messenger.delete(ref),
        "open_thread": lambda: messenger.open_thread(ref, "a title"),
    }
    messenger.fails(verb, KEY, Failure.UNCLEAR, landed=landed)
    with pytest.raises(DeliveryError):
        await requests[verb]()
    assert (len(messenger.standing), len(messenger.titles)) == {
        "send": (1 + landed, 0),
        "delete": (1 - landed, 0),
        "open_thread": (1, int(landed)),
    }.get(verb, (1, 0))
    await requests[verb]()
    assert messenger.requests[-2:] == [(verb, KEY), (verb, KEY if verb != "delete" or not landed else "")]
