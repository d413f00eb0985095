"""What every messenger promises.

A test module subclasses `MessengerContract` and gives it a `platform` fixture. Where channels can go and rights be
taken away it subclasses `ChannelsThatGoContract` as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import pytest

from bot.core import cards
from bot.core.card import Board, Button, Card, Line, Press, Prose, Row, Snippet, TimeStyle, When, Words, reference
from bot.core.model import MessageRef, Place
from bot.core.ports import DeliveryError, Failure, Messenger
from tests.factories import NOW, make_card, make_grade, make_member, make_question, make_round

KEY = "terminal:local/general@2026-11-22/question"
OTHER_KEY = "terminal:local/general@2026-11-22/reveal"


class Platform(ABC):
    """A platform as the tests reach it: the bot's side through the messenger, everybody else's through the rest."""

    @property
    @abstractmethod
    def messenger(self) -> Messenger:
        """The messenger under test. Ask for it anew after every removal."""

    @abstractmethod
    async def channel(self) -> Place:
        """A fresh channel in which the bot may do all it needs."""

    @abstractmethod
    async def seen(self, place: Place) -> list[str]:
        """What members read in a channel, without its threads, or in a thread: each message as text, oldest first.

        The text is what is on the screen, after the platform has made of its markup what it does.
        """

    @abstractmethod
    async def pinged(self) -> Sequence[str]:
        """Everybody who was notified by name, by group or by channel so far."""

    @abstractmethod
    async def remove_message(self, ref: MessageRef) -> None:
        """Delete a message behind the bot's back."""

    @abstractmethod
    async def remove_thread(self, place: Place) -> None:
        """Delete a thread behind the bot's back."""


class PlatformWithRights(Platform):
    """A platform on which channels can be deleted, and the bot be shut out."""

    @abstractmethod
    async def remove_channel(self, place: Place) -> None:
        """Delete a channel behind the bot's back."""

    @abstractmethod
    async def forbid(self, place: Place) -> None:
        """Take away the bot's right to do anything in a channel."""


EVERY_BLOCK = Card(
    title="A card of everything",
    body=(
        Line((Words("plain words "), Words("strong words", strong=True))),
        Line((Words("an item"),), bullet=True),
        Line((When(NOW, TimeStyle.TIME), Words(" "), When(NOW, TimeStyle.DATE), Words(" "), When(NOW)), bullet=True),
        Prose("Some **bold**, some *leaning* and some `code`:\n\n- one\n- two\n\n```python\nx = 1\n```"),
        Snippet("def f(x):\n    return x * 2", "python"),
        Board((Row("1.", "Ada", "3 points", "1 round"), Row("2.", "Bob", "1 point", "1 round", own=True))),
        Board((), empty="No points yet."),
    ),
    buttons=(Button(Press.ANSWER, "Answer", make_round().id), Button(Press.HINT, "Hint", make_round().id)),
    footer=(Words("about 3 min"),),
)
BARE = Card(title="Only a title")
LONG = Card(title="Long", body=tuple(Line((Words(f"line {number}: " + "many words " * 20),)) for number in range(60)))

CARDS = {
    "bare": BARE,
    "every block": EVERY_BLOCK,
    "long": LONG,
    "question": cards.question(make_round()),
    "sealed question that comes late": cards.question(make_round(sealed=True), late=True, skipped=[NOW.date()]),
    "question after the reveal": cards.question_after_reveal(make_round(), 3),
    "cancelled question": cards.question_cancelled(make_round(), "an organizer called it off"),
    "reveal": cards.reveal(make_round(), [make_grade()], [], {}),
}


def titled(title: str) -> Card:
    return make_card(title)


class RequestsContract:
    """What becomes of each request."""

    async def post(self, platform: Platform, place: Place, card: Card, key: str = KEY) -> MessageRef:
        """Send every part of a card as delivery does; the reference of the first."""
        messenger = platform.messenger
        refs = [
            await messenger.send(place, card, part=part, key=key if part == 1 else f"{key}/{part}")
            for part in range(1, messenger.parts(card) + 1)
        ]
        return refs[0]

    # --- send -------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
    async def test_every_card_needs_at_least_one_message_and_all_of_them_are_taken(
        self, platform: Platform, card: Card
    ) -> None:
        place = await platform.channel()
        assert platform.messenger.parts(card) >= 1
        await self.post(platform, place, card)
        assert len(await platform.seen(place)) == platform.messenger.parts(card)

    async def test_the_number_of_messages_a_card_needs_does_not_change(self, platform: Platform) -> None:
        assert {platform.messenger.parts(LONG) for _ in range(3)} == {platform.messenger.parts(LONG)}

    async def test_members_see_all_that_a_card_says(self, platform: Platform) -> None:
        place = await platform.channel()
        await self.post(platform, place, EVERY_BLOCK)
        seen = "\n".join(await platform.seen(place))
        for said in ("A card of everything", "plain words", "strong words", "an item", "bold", "leaning", "return x"):
            assert said in seen
        for said in ("Ada", "3 points", "Bob", "No points yet.", "Answer", "Hint", "about 3 min"):
            assert said in seen

    async def test_nothing_of_a_long_card_is_lost(self, platform: Platform) -> None:
        place = await platform.channel()
        await self.post(platform, place, LONG)
        seen = "\n".join(await platform.seen(place))
        assert [number for number in range(60) if f"line {number}: many words" not in seen] == []

    async def test_a_message_says_where_it_is(self, platform: Platform) -> None:
        place = await platform.channel()
        assert (await self.post(platform, place, BARE)).place == place

    async def test_every_message_has_a_reference_of_its_own(self, platform: Platform) -> None:
        place = await platform.channel()
        assert await self.post(platform, place, BARE) != await self.post(platform, place, BARE, OTHER_KEY)

    async def test_the_messages_of_a_channel_stand_in_the_order_sent(self, platform: Platform) -> None:
        place = await platform.channel()
        for number in range(5):
            await self.post(platform, place, titled(f"number {number}"), f"key {number}")
        seen = await platform.seen(place)
        assert [f"number {number}" in text for number, text in enumerate(seen)] == [True] * 5

    async def test_channels_do_not_mix(self, platform: Platform) -> None:
        one, other = await platform.channel(), await platform.channel()
        await self.post(platform, one, BARE)
        assert await platform.seen(other) == []
        assert await platform.messenger.find(other, key=KEY) == []

    # --- find -------------------------------------------------------------------------------------------------

    async def test_a_message_is_found_by_its_key(self, platform: Platform) -> None:
        place = await platform.channel()
        ref = await self.post(platform, place, BARE)
        assert await platform.messenger.find(place, key=KEY) == [ref]

    async def test_members_can_read_the_reference_out(self, platform: Platform) -> None:
        place = await platform.channel()
        await self.post(platform, place, EVERY_BLOCK)
        assert reference(KEY) in "\n".join(await platform.seen(place))

    async def test_messages_of_one_key_are_found_oldest_first(self, platform: Platform) -> None:
        place = await platform.channel()
        refs = [await self.post(platform, place, titled(f"number {number}")) for number in range(3)]
        assert await platform.messenger.find(place, key=KEY) == refs

    async def test_nothing_is_found_for_another_key(self, platform: Platform) -> None:
        place = await platform.channel()
        await self.post(platform, place, BARE)
        assert await platform.messenger.find(place, key=OTHER_KEY) == []

    async def test_nothing_is_found_where_nothing_was_ever_said(self, platform: Platform) -> None:
        assert await platform.messenger.find(await platform.channel(), key=KEY) == []

    async def test_each_part_is_found_by_its_own_key(self, platform: Platform) -> None:
        place = await platform.channel()
        one = await platform.messenger.send(place, LONG, part=1, key=KEY)
        other = await platform.messenger.send(place, LONG, part=1, key=f"{KEY}/2")
        assert await platform.messenger.find(place, key=KEY) == [one]
        assert await platform.messenger.find(place, key=f"{KEY}/2") == [other]

    async def test_a_message_that_names_the_reference_in_its_text_is_not_taken_for_it(self, platform: Platform) -> None:
        place = await platform.channel()
        ref = await self.post(platform, place, BARE)
        quoting = Card(title="A note", body=(Line((Words(f"somebody wrote: ref {reference(KEY)}"),)),))
        await self.post(platform, place, quoting, OTHER_KEY)
        assert await platform.messenger.find(place, key=KEY) == [ref]

    async def test_a_message_is_found_behind_many_others(self, platform: Platform) -> None:
        place = await platform.channel()
        ref = await self.post(platform, place, BARE)
        for number in range(30):
            await self.post(platform, place, BARE, f"key {number}")
        assert await platform.messenger.find(place, key=KEY) == [ref]

    # --- edit -------------------------------------------------------------------------------------------------

    async def test_an_edit_replaces_what_members_see(self, platform: Platform) -> None:
        place = await platform.channel()
        ref = await self.post(platform, place, titled("before"))
        await platform.messenger.edit(ref, titled("afterwards"), part=1, key=KEY)
        (seen,) = await platform.seen(place)
        assert "afterwards" in seen
        assert "before" not in seen

    async def test_an_edit_keeps_the_reference(self, platform: Platform) -> None:
        place = await platform.channel()
        ref = await self.post(platform, place, titled("before"))
        await platform.messenger.edit(ref, titled("afterwards"), part=1, key=KEY)
        assert await platform.messenger.find(place, key=KEY) == [ref]
        assert reference(KEY) in "\n".join(await platform.seen(place))

    async def test_the_same_edit_twice_is_no_error(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), titled("before"))
        for _ in range(2):
            await platform.messenger.edit(ref, titled("afterwards"), part=1, key=KEY)

    async def test_an_edit_takes_the_buttons_away_that_the_new_card_lacks(self, platform: Platform) -> None:
        place = await platform.channel()
        ref = await self.post(platform, place, EVERY_BLOCK)
        await platform.messenger.edit(ref, BARE, part=1, key=KEY)
        (seen,) = await platform.seen(place)
        assert "Answer" not in seen

    async def test_an_edit_of_a_message_that_is_gone_is_told(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), BARE)
        await platform.remove_message(ref)
        with pytest.raises(DeliveryError) as caught:
            await platform.messenger.edit(ref, BARE, part=1, key=KEY)
        assert caught.value.failure is Failure.MESSAGE_GONE

    # --- delete -----------------------------------------------------------------------------------------------

    async def test_a_deleted_message_is_neither_seen_nor_found(self, platform: Platform) -> None:
        place = await platform.channel()
        ref = await self.post(platform, place, BARE)
        await platform.messenger.delete(ref)
        assert await platform.seen(place) == []
        assert await platform.messenger.find(place, key=KEY) == []

    async def test_deleting_one_of_two_leaves_the_other(self, platform: Platform) -> None:
        place = await platform.channel()
        older, younger = [await self.post(platform, place, BARE) for _ in range(2)]
        await platform.messenger.delete(younger)
        assert await platform.messenger.find(place, key=KEY) == [older]

    async def test_deleting_twice_is_no_error(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), BARE)
        for _ in range(2):
            await platform.messenger.delete(ref)

    async def test_deleting_what_somebody_else_removed_is_no_error(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), BARE)
        await platform.remove_message(ref)
        await platform.messenger.delete(ref)

    # --- threads ----------------------------------------------------------------------------------------------

    async def test_a_thread_is_in_its_channel(self, platform: Platform) -> None:
        place = await platform.channel()
        thread = await platform.messenger.open_thread(await self.post(platform, place, BARE), "a title")
        assert thread.channel == place.channel
        assert thread.thread is not None

    async def test_opening_a_thread_twice_gives_the_same_place(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), BARE)
        places = [await platform.messenger.open_thread(ref, "a title") for _ in range(2)]
        assert places[0] == places[1]

    async def test_two_messages_have_two_threads(self, platform: Platform) -> None:
        place = await platform.channel()
        refs = [await self.post(platform, place, BARE, key) for key in (KEY, OTHER_KEY)]
        one, other = [await platform.messenger.open_thread(ref, "a title") for ref in refs]
        assert one != other

    async def test_a_rounds_longest_thread_title_is_taken(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), BARE)
        title = cards.thread_title(make_round(question=make_question(prompt="why is this so long " * 20)))
        assert (await platform.messenger.open_thread(ref, title)).thread is not None

    async def test_what_is_sent_to_a_thread_stands_there_and_not_in_the_channel(self, platform: Platform) -> None:
        place = await platform.channel()
        card = await self.post(platform, place, titled("the card"))
        thread = await platform.messenger.open_thread(card, "a title")
        ref = await self.post(platform, thread, titled("the reveal"), OTHER_KEY)
        assert ref.place == thread
        assert ["the reveal" in text for text in await platform.seen(thread)] == [True]
        assert ["the card" in text for text in await platform.seen(place)] == [True]
        assert await platform.messenger.find(thread, key=OTHER_KEY) == [ref]
        assert await platform.messenger.find(place, key=OTHER_KEY) == []

    async def test_what_stands_in_a_thread_can_be_edited_and_deleted(self, platform: Platform) -> None:
        card = await self.post(platform, await platform.channel(), BARE)
        thread = await platform.messenger.open_thread(card, "a title")
        ref = await self.post(platform, thread, titled("before"), OTHER_KEY)
        await platform.messenger.edit(ref, titled("afterwards"), part=1, key=OTHER_KEY)
        assert ["afterwards" in text for text in await platform.seen(thread)] == [True]
        await platform.messenger.delete(ref)
        assert await platform.seen(thread) == []

    async def test_a_thread_of_a_message_that_is_gone_is_told(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), BARE)
        await platform.remove_message(ref)
        with pytest.raises(DeliveryError) as caught:
            await platform.messenger.open_thread(ref, "a title")
        assert caught.value.failure is Failure.MESSAGE_GONE

    async def test_sending_to_a_thread_that_is_gone_is_told(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), BARE)
        thread = await platform.messenger.open_thread(ref, "a title")
        await platform.remove_thread(thread)
        with pytest.raises(DeliveryError) as caught:
            await platform.messenger.send(thread, BARE, part=1, key=OTHER_KEY)
        assert caught.value.failure is Failure.THREAD_GONE

    async def test_in_a_thread_that_is_gone_nothing_is_found(self, platform: Platform) -> None:
        ref = await self.post(platform, await platform.channel(), BARE)
        thread = await platform.messenger.open_thread(ref, "a title")
        await platform.remove_thread(thread)
        try:
            found: object = await platform.messenger.find(thread, key=KEY)
        except DeliveryError as error:
            found = error.failure
        assert found in ([], Failure.THREAD_GONE)

    async def test_a_channel_goes_on_when_one_of_its_threads_is_gone(self, platform: Platform) -> None:
        place = await platform.channel()
        thread = await platform.messenger.open_thread(await self.post(platform, place, BARE), "a title")
        await platform.remove_thread(thread)
        ref = await self.post(platform, place, BARE, OTHER_KEY)
        assert await platform.messenger.find(place, key=OTHER_KEY) == [ref]


class MessengerContract(RequestsContract):
    """For every platform: the requests, and that what members wrote is never more than words."""

    @pytest.mark.parametrize(
        "words",
        [
            "**not bold** *not leaning* `not code` ~~not struck~~ ||not hidden||",
            "@everyone @here <!channel> <!here> <@123456789012345678> <@U012ABCDEF> <#123456789012345678>",
            "[a link](https://example.com) <https://example.com|another>",
            "# no heading",
            "> no quotation",
            "```no fence",
            "<b>&amp; & &lt;",
            "\\*backslashes\\* stay \\",
            "[bold]no style[/bold] :smile:",
            "{0} %s ${HOME}",
        ],
    )
    async def test_what_a_member_wrote_is_shown_as_written_and_pings_nobody(
        self, platform: Platform, words: str
    ) -> None:
        place = await platform.channel()
        row = Row("1.", words[:20], "3 points", "1 round")
        await self.post(platform, place, Card(title="A card", body=(Line((Words(words),)), Board((row,)))))
        (seen,) = await platform.seen(place)
        assert words in seen
        assert words[:20] in seen.replace(words, "", 1)
        assert list(await platform.pinged()) == []

    @pytest.mark.parametrize(
        "sign", ["\x1b", "\x07", "\x08", "\r", "\x9b", "\x00", "\u202e", "\u2066", "\u200f", "\u2028"], ids=ascii
    )
    async def test_no_sign_in_a_members_name_steers_the_screen(self, platform: Platform, sign: str) -> None:
        place = await platform.channel()
        name = f"Eve{sign}[2Jx"
        row = Row("1.", name, "3 points", "1 round")
        await self.post(platform, place, Card(title=f"You, {name}", body=(Line((Words(name),)), Board((row,)))))
        assert sign not in "\n".join(await platform.seen(place))

    async def test_a_name_of_two_lines_is_shown_on_one(self, platform: Platform) -> None:
        place = await platform.channel()
        name = make_member(name="Eve\n1.  Eve  999 points").name
        row = Row("2.", name, "3 points", "1 round")
        await self.post(platform, place, Card(title=f"You, {name}", body=(Line((Words(name),)), Board((row,)))))
        (seen,) = await platform.seen(place)
        assert [line for line in seen.splitlines() if line.startswith("1.")] == []

    async def test_words_in_any_script_arrive_whole(self, platform: Platform) -> None:
        place = await platform.channel()
        words = "Größe, 損失関数, функция, دالة, ∂L/∂w, 🧠, e\u0301"
        await self.post(platform, place, Card(title="A card", body=(Line((Words(words),)),)))
        (seen,) = await platform.seen(place)
        assert words in seen


class ChannelsThatGoContract(RequestsContract):
    """For platforms on which channels can be deleted, and the bot be shut out."""

    async def every_request(self, platform: Platform, ref: MessageRef) -> list[Failure | None]:
        """The failure of each request in a message's channel; None where there was none."""
        messenger = platform.messenger
        told: list[Failure | None] = []
        for request in (
            messenger.send(ref.place, BARE, part=1, key=OTHER_KEY),
            messenger.edit(ref, BARE, part=1, key=KEY),
            messenger.open_thread(ref, "a title"),
        ):
            try:
                await request
            except DeliveryError as error:
                told.append(error.failure)
            else:
                told.append(None)
        return told

    async def test_whatever_is_asked_of_a_channel_that_is_gone_says_so(self, platform: PlatformWithRights) -> None:
        place = await platform.channel()
        ref = await self.post(platform, place, BARE)
        await platform.remove_channel(place)
        assert await self.every_request(platform, ref) == [Failure.CHANNEL_GONE] * 3

    async def test_whatever_is_forbidden_says_so(self, platform: PlatformWithRights) -> None:
        place = await platform.channel()
        ref = await self.post(platform, place, BARE)
        await platform.forbid(place)
        assert await self.every_request(platform, ref) == [Failure.FORBIDDEN] * 3

    async def test_other_channels_go_on_when_one_is_gone(self, platform: PlatformWithRights) -> None:
        one, other = await platform.channel(), await platform.channel()
        await platform.remove_channel(one)
        ref = await self.post(platform, other, BARE)
        assert await platform.messenger.find(other, key=KEY) == [ref]
