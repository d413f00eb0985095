"""What brings a group back tomorrow, in a Discord server: boards, shared answers, reminders, one's own data."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot import pictures
from bot.adapters.discord import attachments, interactions
from bot.adapters.discord.attachments import all_outgoing
from bot.adapters.discord.client import MARK
from bot.adapters.discord.ids import channel_id, member_id
from bot.core.card import Card, File, Picture
from bot.core.model import Answer, MemberId, Naming, RoundId, Share
from tests.adapters.discord.conftest import PNG, draw
from tests.adapters.discord.study import Study, seen_only_by, text_of
from tests.store.files import with_tables
from tests.wire.discord_server import DiscordServer, Form, Intent, Interaction, Member, Message, Perm, Refusal
from tests.wire.discord_server.interactions import Callback

FULL = (
    "dropout sets random activations to zero while training, so units cannot co-adapt, like averaging many"
    " sub-networks; at inference it is switched off"
)
SHORT = "it drops units at random while training"
CALLBACK = "/interactions/*/*/callback"


@dataclass(slots=True)
class Group(Study):
    """The study group, on days on which it is asked about dropout."""

    def id_of(self, who: Member) -> MemberId:
        return member_id(self.guild.id, who.id)

    async def asked(self) -> Message:
        """The card of the first open round."""
        await self.set_up()
        await self.ada.command("nnquestion-admin next", self.channel, question="dropout")
        await self.at("10:00")
        await self.until(lambda: any(message.thread for message in self.channel.messages))
        return next(message for message in self.channel.messages if message.thread)

    async def answered_by_form(self, card: Message, who: Member, text: str, share: str = "Not at all") -> Message:
        """The private reply to an answer by form."""
        form = (await who.press(card, "Answer")).form
        assert form is not None
        reply = (await who.submit(form, {"Your answer": text, "Share it at the reveal?": share})).answer
        assert reply is not None
        assert "Recorded" in text_of(reply)
        return reply

    async def revealed(self, card: Message) -> Message:
        """The reveal in its thread."""
        thread = card.thread
        assert thread is not None
        await self.at("18:00")
        await self.until(lambda: "My result" in card.labels and "Reference answer" in text_of(thread.messages[-1]))
        return thread.messages[-1]

    async def reminded(self, who: Member, at: str = "11:00", day: int = 0) -> Message:
        """The direct message that reminds somebody of the open round, which they asked for before."""
        seen = await who.command("nnquestion me", self.channel, show="remind", value=at)
        assert "I write to you" in seen.text
        return await self.reminder(who, at, day)

    async def reminder(self, who: Member, at: str, day: int = 0) -> Message:
        before = len(who.dm.messages)
        await self.at(at, day)
        await self.until(lambda: len(who.dm.messages) > before)
        return who.dm.messages[-1]

    async def told(self, who: Member, text: str) -> tuple[Message, Message]:
        """What somebody says to the bot alone, and what it answers."""
        mine = await who.say(who.dm, text)
        await self.until(lambda: who.dm.messages[-1].author is self.server.bot)
        return mine, who.dm.messages[-1]

    async def answer(self, who: Member, on: str = "2026-11-22") -> Answer | None:
        round_id = RoundId(f"{channel_id(self.guild.id, self.channel.id)}@{on}")
        return await self.program.bot.own_answer(round_id, self.id_of(who))

    async def text(self, who: Member, on: str = "2026-11-22") -> str:
        given = await self.answer(who, on)
        return given.text if given is not None else ""


@pytest.fixture
async def group(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Group]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        guild = server.guild("Study")
        ada = guild.member("Ada", permissions=Perm.MANAGE_GUILD)
        yield Group(server, with_tables(tmp_path / "x.db"), guild, guild.channel("general"), ada, guild.member("Bob"))
        assert server.pings == []
        assert server.unknown == []
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert wrong == []


def in_place(seen: Interaction, message: Message) -> bool:
    """Whether what was pressed on a private message took its place, with nothing beside it."""
    return seen.callback is Callback.UPDATE and seen.answer is message and message.ephemeral and seen.seen == []


def beside(seen: Interaction, message: Message) -> bool:
    """Whether the reply is a private message of its own, and what was pressed on stays."""
    return seen_only_by(seen.member, seen) and message not in seen.seen and not message.deleted


def files_of(message: Message | None) -> dict[str, bytes]:
    assert message is not None
    return {one.filename: one.data for one in message.attachments}


def alt_of(message: Message) -> str:
    [shown] = [one for one in message.attachments if one.filename == attachments.PICTURE]
    assert message.embeds[-1]["image"] == {"url": f"attachment://{attachments.PICTURE}"}
    return shown.description


# --- pictures -------------------------------------------------------------------------------------------------


async def test_a_shared_board_stands_in_the_channel_with_its_picture(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.answered_by_form(card, group.bob, FULL)
        await group.revealed(card)
        board = (await group.bob.command("nnquestion leaderboard", group.channel)).answer
        assert board is not None
        assert beside(await group.bob.press(board, "Share the top ten here"), board)
        await group.until(lambda: "Leaderboard" in text_of(group.channel.messages[-1]))
        shared = group.channel.messages[-1]
        assert files_of(shared) == {"picture.png": PNG + b"Leaderboard, this month, whole group"}
        assert alt_of(shared) == "Leaderboard, this month, whole group: 1. someone, 3 points, 1 round"
        assert "someone" in text_of(shared)
        again = await group.bob.press(board, "Share the top ten here")
        assert "less than an hour ago" in again.text


async def test_what_one_has_done_comes_with_a_picture_that_only_they_see(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.answered_by_form(card, group.bob, FULL)
        await group.revealed(card)
        seen = await group.bob.command("nnquestion me", group.channel)
        assert seen_only_by(group.bob, seen)
        assert seen.answer is not None
        assert files_of(seen.answer) == {"picture.png": PNG + b"Bob's progress"}
        assert "Points in the weeks of" in alt_of(seen.answer)


async def test_a_picture_that_takes_long_is_there_once_it_is_drawn(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = asyncio.Event()

    async def slowly(picture: Picture) -> bytes:
        await drawing.wait()
        return await draw(picture)

    monkeypatch.setattr(pictures.Drawer, "drawn", staticmethod(slowly))
    async with group.running():
        card = await group.asked()
        await group.answered_by_form(card, group.bob, FULL)
        await group.revealed(card)
        monkeypatch.setattr(interactions, "AT_ONCE", 0.02)
        seen = group.bob.call("nnquestion me", group.channel)
        await group.until(lambda: seen.loading)
        drawing.set()
        await group.until(lambda: seen.settled)
        assert seen_only_by(group.bob, seen)
        assert seen.answer is not None
        assert files_of(seen.answer) == {"picture.png": PNG + b"Bob's progress"}


async def test_a_card_that_takes_the_place_of_one_with_a_picture_takes_that_away(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.answered_by_form(card, group.bob, FULL)
        await group.revealed(card)
        await group.at("10:00", day=1)
        await group.until(lambda: "Answer" in group.channel.messages[-1].labels)
        await group.answered_by_form(group.channel.messages[-1], group.bob, FULL)
        me = (await group.bob.command("nnquestion me", group.channel)).answer
        assert me is not None
        assert files_of(me)
        assert in_place(await group.bob.press(me, "Check now"), me)
        assert files_of(me) == {}


# --- files ----------------------------------------------------------------------------------------------------


async def test_ones_own_data_are_handed_over_as_files_that_nobody_else_sees(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.answered_by_form(card, group.bob, FULL)
        seen = await group.bob.command("nnquestion me", group.channel, show="export")
        assert seen_only_by(group.bob, seen)
        files = files_of(seen.answer)
        assert list(files) == ["my-data.json", "my-answers.csv"]
        assert FULL in json.dumps(json.loads(files["my-data.json"]))
        assert FULL in files["my-answers.csv"].decode()


async def test_files_that_discord_does_not_take_are_told_of_and_the_words_come_all_the_same(group: Group) -> None:
    async with group.running():
        await group.set_up()
        group.server.faults.refuse("POST", CALLBACK, Refusal.FILE_TOO_LARGE)
        seen = await group.bob.command("nnquestion me", group.channel, show="export")
        await group.handled()
        assert files_of(seen.answer) == {}
        assert "Your data" in seen.text
        assert "Discord does not take the files" in seen.text
        assert seen_only_by(group.bob, seen)


async def test_a_file_over_the_limit_is_told_of_instead() -> None:
    large = File("large.json", "é" * (5 * 2**20))
    [one] = await all_outgoing(Card(title="Your data", files=(large, File("small.csv", "a;b"))), draw)
    assert [file.name for file in one.files] == ["small.csv"]
    assert "large.json is too large for Discord, which takes 10 MiB in all." in one.message.embed["description"]


async def test_files_are_written_in_utf_8() -> None:
    [one] = await all_outgoing(Card(title="Your data", files=(File("names.txt", "Zoë 好"),)), draw)
    [file] = one.attached
    assert (file.filename, file.fp.read()) == ("names.txt", "Zoë 好".encode())


# --- sharing --------------------------------------------------------------------------------------------------


async def test_what_members_share_is_read_after_the_reveal_as_they_wished(group: Group) -> None:
    cem, dan = group.guild.member("Cem"), group.guild.member("Dan")
    async with group.running():
        card = await group.asked()
        await group.answered_by_form(card, group.bob, FULL, "With my name")
        await group.answered_by_form(card, cem, SHORT, "Without my name")
        await group.answered_by_form(card, dan, "I think it removes weights for good after training", "Not at all")
        await group.revealed(card)
        seen = await dan.press(card, "Answers")
        assert seen_only_by(dan, seen)
        assert "Bob" in seen.text
        assert FULL in seen.text
        assert "Somebody" in seen.text
        assert SHORT in seen.text
        assert "Cem" not in seen.text
        assert "removes weights" not in seen.text


async def test_a_form_remembers_what_its_author_wanted_to_share(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        first = (await group.bob.press(card, "Answer")).form
        assert first is not None
        assert chosen(first) == ["no"]
        await group.bob.submit(first, {"Your answer": FULL, "Share it at the reveal?": "Without my name"})
        again = (await group.bob.press(card, "Answer")).form
        assert again is not None
        assert chosen(again) == [Share.WITHOUT_NAME]
        await group.bob.submit(again, {"Your answer": SHORT})
        given = await group.answer(group.bob)
        assert given is not None
        assert (given.text, given.share) == (SHORT, Share.WITHOUT_NAME)


def chosen(form: Form) -> list[str]:
    [field] = [field for field in form.fields if field.custom_id == "share"]
    return [option["value"] for option in field.component["options"] if option.get("default")]


async def test_the_list_of_answers_goes_on_in_place_and_stays_while_one_thanks_and_reports(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        for number in range(5):
            who = group.guild.member(f"Member {number}")
            await group.answered_by_form(card, who, f"{FULL}, says number {number}", "With my name")
        await group.revealed(card)
        listed = (await group.bob.press(card, "Answers")).answer
        assert listed is not None
        before = text_of(listed)
        assert before.count("says number") == 4
        assert "Remove 1" not in listed.labels
        helped = await group.bob.press(listed, "1 helped me")
        assert beside(helped, listed)
        assert "Noted" in helped.text
        assert beside(await group.bob.press(listed, "Report 2"), listed)
        assert text_of(listed) == before
        assert in_place(await group.bob.press(listed, "More"), listed)
        assert text_of(listed).count("says number") == 1

        theirs = (await group.ada.press(card, "Answers")).answer
        assert theirs is not None
        assert beside(await group.ada.press(theirs, "Remove 1"), theirs)
        review = await group.ada.command("nnquestion-admin review", group.channel)
        assert "reported" in review.text.lower()
        left = (await group.ada.press(card, "Answers")).answer
        assert "More" not in (left.labels if left is not None else ["More"])


# --- how one is shown -----------------------------------------------------------------------------------------


async def test_the_first_reply_to_a_form_asks_how_boards_show_its_author_and_keeps_check_now(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        reply = await group.answered_by_form(card, group.bob, FULL)
        assert reply.labels == ["Check now", "By my name", "As someone", "Not at all"]
        assert "Boards show your name." in (await group.bob.press(reply, "By my name")).text
        assert "Recorded" in text_of(reply)
        assert "Check now" in reply.labels
        form = (await group.bob.press(card, "Answer")).form
        assert form is not None
        revised = await group.bob.submit(form, {"Your answer": SHORT})
        assert revised.answer is not None
        assert revised.answer.labels == ["Check now"]
        hides = (await group.bob.command("nnquestion me", group.channel, show="hide")).answer
        assert hides is not None
        assert in_place(await group.bob.press(hides, "Not at all"), hides)


async def test_who_wants_to_be_forgotten_is_asked_once_more_and_then_forgotten_in_place(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.answered_by_form(card, group.bob, FULL)
        asks = (await group.bob.command("nnquestion me", group.channel, show="forget")).answer
        assert asks is not None
        assert await group.text(group.bob) == FULL
        [label] = asks.labels
        assert in_place(await group.bob.press(asks, label), asks)
        assert "Forgotten" in text_of(asks)
        assert await group.text(group.bob) == ""


# --- barred ---------------------------------------------------------------------------------------------------


async def test_whom_an_organizer_bars_gives_no_answer_and_is_told_so(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.ada.command("nnquestion-admin bar", group.channel, member=group.bob)
        assert "an organizer has barred you" in (await group.bob.press(card, "Answer")).text
        assert "Bob" in (await group.ada.command("nnquestion-admin bar", group.channel)).text
        seen = await group.ada.command("nnquestion-admin bar", group.channel, member=group.bob)
        assert "No longer barred" in seen.text


async def test_organizers_by_role_bar_by_a_button_with_a_list_of_members(group: Group) -> None:
    helpers, desk = group.guild.role("Helpers"), group.guild.channel("organizers")
    cem = group.guild.member("Cem", roles=[helpers])
    async with group.running():
        await group.set_up(organizers=helpers.mention, notes=desk.mention)
        await group.until(lambda: desk.messages)
        form = (await cem.press(desk.messages[0], "Bar")).form
        assert form is not None
        assert "Barred: Bob" in (await cem.submit(form, {"Member": [group.bob]})).text
        form = (await cem.press(desk.messages[0], "Bar")).form
        assert form is not None
        assert "Bob" in (await cem.submit(form, {})).text


# --- reminders ------------------------------------------------------------------------------------------------


async def test_a_reminder_comes_by_direct_message_and_a_reply_to_it_is_an_answer(group: Group) -> None:
    async with group.running():
        await group.asked()
        reminder = await group.reminded(group.bob)
        assert "What is dropout" in text_of(reminder)
        assert reminder.labels == ["Answer"]
        await group.at("11:05")
        said_, reply = await group.told(group.bob, FULL)
        assert "Recorded" in text_of(reply)
        assert reply.labels == ["Check now", "By my name", "As someone", "Not at all"]
        assert await group.text(group.bob) == FULL
        assert said_.reactions == {}
        assert group.ada.dm.messages == []


async def test_a_reply_is_revised_by_an_edit_and_withdrawn_by_its_deletion(group: Group) -> None:
    async with group.running():
        await group.asked()
        await group.reminded(group.bob)
        said_, _ = await group.told(group.bob, SHORT)
        await group.bob.edit(said_, FULL)
        await group.until(lambda: "Revised" in text_of(group.bob.dm.messages[-1]))
        assert await group.text(group.bob) == FULL
        await group.bob.delete(said_)
        await group.until(lambda: "Withdrawn" in text_of(group.bob.dm.messages[-1]))
        assert await group.text(group.bob) == ""


async def test_a_reply_while_the_program_is_down_is_read_later_and_answered_once(group: Group) -> None:
    async with group.running():
        await group.asked()
        await group.reminded(group.bob)
        earlier, _ = await group.told(group.bob, SHORT)
    await group.bob.edit(earlier, FULL)
    for _ in range(2):
        group.server.clock.advance(timedelta(minutes=10))  # Longer than Discord knows a nonce.
        async with group.running():
            await group.handled()
            assert await group.text(group.bob) == FULL
            told = [text_of(message) for message in group.bob.dm.messages if message.author is group.server.bot]
            assert [sum(word in text for text in told) for word in ("Recorded", "Revised")] == [1, 1]


async def test_nothing_closes_before_the_replies_to_its_reminders_are_read(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.reminded(group.bob)
    await group.at("15:00")
    await group.bob.say(group.bob.dm, FULL)
    group.server.faults.fail("GET", "/channels/*/messages", status=503, times=3)
    await group.at("18:30")
    async with group.running():
        await group.until(lambda: "My result" in card.labels)
        assert "You have all the essentials" in (await group.bob.press(card, "My result")).text


async def test_a_reply_takes_the_mark_off_the_message_in_the_thread_that_it_replaces(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.reminded(group.bob)
        assert card.thread is not None
        in_thread = await group.bob.say(card.thread, SHORT)
        await group.until(lambda: bool(in_thread.reactions.get(MARK)))
        await group.told(group.bob, FULL)
        await group.until(lambda: not in_thread.reactions.get(MARK))
        assert await group.text(group.bob) == FULL


async def test_a_reply_that_is_deleted_after_the_close_is_removed_and_keeps_its_grade(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.reminded(group.bob)
        mine, _ = await group.told(group.bob, FULL)
        await group.revealed(card)
        before = (await group.bob.press(card, "My result")).text
        await group.bob.delete(mine)
        await group.until(lambda: "The text of your answer is removed" in text_of(group.bob.dm.messages[-1]))
        given = await group.answer(group.bob)
        assert given is not None
        assert given.parts
        assert given.text == ""
        assert (await group.bob.press(card, "My result")).text.splitlines()[:2] == before.splitlines()[:2]


async def test_a_link_that_unfolds_in_a_reply_is_no_edit_of_it(group: Group) -> None:
    async with group.running():
        await group.asked()
        await group.reminded(group.bob)
        said_, _ = await group.told(group.bob, f"{FULL}, see https://example.com")
        before = len(group.bob.dm.messages)
        group.server.clock.advance(timedelta(minutes=10))  # Longer than Discord knows a nonce.
        group.server.world.unfurl(said_, {"type": "link", "url": "https://example.com"})
        await group.handled()
        assert len(group.bob.dm.messages) == before


async def test_only_what_counts_is_withdrawn_by_a_deletion(group: Group) -> None:
    async with group.running():
        await group.asked()
        reminder = await group.reminded(group.bob)
        first, _ = await group.told(group.bob, "thank you, dear bot")
        await group.told(group.bob, FULL)
        before = len(group.bob.dm.messages)
        await group.bob.delete(first)
        group.server.world.delete(reminder)
        await group.handled()
        assert len(group.bob.dm.messages) == before - 2
        assert await group.text(group.bob) == FULL


async def test_an_edit_of_yesterdays_reply_does_not_touch_todays_answer(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.reminded(group.bob)
        yesterday, _ = await group.told(group.bob, SHORT)
        await group.revealed(card)
        await group.at("10:00", day=1)
        await group.reminder(group.bob, "11:00", day=1)
        await group.told(group.bob, "a loss says how far off a network is")
        await group.bob.edit(yesterday, FULL)
        await group.until(lambda: "Not counted: the round has closed" in text_of(group.bob.dm.messages[-1]))
        assert await group.text(group.bob) == SHORT
        assert await group.text(group.bob, "2026-11-23") == "a loss says how far off a network is"


async def test_a_reply_is_checked_in_the_conversation(group: Group) -> None:
    async with group.running():
        await group.asked()
        await group.reminded(group.bob)
        _, reply = await group.told(group.bob, FULL)
        seen = await group.bob.press(reply, "Check now")
        assert "It covers" in seen.text
        given = await group.answer(group.bob)
        assert given is not None
        assert given.final


async def test_a_reminder_opens_the_form_for_the_answer_and_takes_it(group: Group) -> None:
    async with group.running():
        await group.asked()
        reminder = await group.reminded(group.bob)
        form = (await group.bob.press(reminder, "Answer")).form
        assert form is not None
        seen = await group.bob.submit(form, {"Your answer": FULL, "Share it at the reveal?": "With my name"})
        assert "Recorded" in seen.text
        given = await group.answer(group.bob)
        assert given is not None
        assert (given.text, given.share) == (FULL, Share.WITH_NAME)
        assert seen.answer is not None
        assert "Boards show you as “someone”." in (await group.bob.press(seen.answer, "As someone")).text
        assert "Check now" in seen.answer.labels


async def test_how_one_is_shown_is_chosen_in_the_conversation_for_the_server_that_it_is_about(group: Group) -> None:
    async with group.running():
        await group.asked()
        await group.reminded(group.bob)
        _, reply = await group.told(group.bob, FULL)
        assert "Boards show your name." in (await group.bob.press(reply, "By my name")).text
        known = await group.program.bot.member(group.id_of(group.bob))
        assert known is not None
        assert (known.name, known.naming) == ("Bob", Naming.NAME)


async def test_buttons_about_a_round_work_in_direct_messages_with_the_rights_one_has_in_its_server(
    group: Group,
) -> None:
    async with group.running():
        card = await group.asked()
        here = channel_id(group.guild.id, group.channel.id)
        round_ = f"{here}@2026-11-22"
        assert "Hint 1" in (await group.pressed(group.bob, f"nn:hint:{round_}", group.bob.dm)).text
        await group.answered_by_form(card, group.bob, SHORT)
        await group.revealed(card)
        assert "Your result" in (await group.pressed(group.bob, f"nn:result:{round_}", group.bob.dm)).text
        which = await group.pressed(group.bob, f"nn:object:{round_}", group.bob.dm)
        assert "Which" in which.text or "key point" in which.text
        for forged in ("nn:naming:name", "nn:hint:nowhere@1", "nn:answer:discord:1/2@2026-11-22", "nn:consent:yes 1"):
            seen = await group.pressed(group.bob, forged, group.bob.dm)
            assert "That did not work" in seen.text


async def test_who_has_left_the_server_is_told_so_and_answers_no_more(group: Group) -> None:
    async with group.running():
        await group.asked()
        reminder = await group.reminded(group.bob)
        other = group.server.guild("Other").member("Bob")  # So that they still share a server with the bot.
        del group.guild.by_id[group.bob.id]
        _, reply = await group.told(group.bob, FULL)
        assert "no longer in one server" in text_of(reply)
        assert "no longer in one server" in (await other.press(reminder, "Answer")).text
        assert await group.text(group.bob) == ""


async def test_who_asked_for_no_reminder_is_told_what_to_say_and_no_answer_is_made_of_it(group: Group) -> None:
    async with group.running():
        await group.asked()
        _, reply = await group.told(group.bob, FULL)
        assert "/nnquestion me show:remind" in text_of(reply)
        assert await group.text(group.bob) == ""


async def test_of_two_servers_the_one_that_reminded_last_is_answered_and_edits_stay_with_theirs(group: Group) -> None:
    guild = group.server.guild("Other")
    lobby = guild.channel("lobby")
    eve, bob = guild.member("Eve", permissions=Perm.MANAGE_GUILD), guild.member("Bob")
    async with group.running():
        await eve.command("nnquestion-admin setup", lobby, time="10:00", zone="UTC", closes="18:00")
        await group.asked()
        await group.until(lambda: any(message.thread for message in lobby.messages))
        await bob.command("nnquestion me", lobby, show="remind", value="11:30")
        await group.reminded(group.bob)
        here, _ = await group.told(group.bob, FULL)
        await group.reminder(group.bob, "11:30")
        await group.told(group.bob, "what I say in the other server")
        theirs = RoundId(f"{channel_id(guild.id, lobby.id)}@2026-11-22")
        given = await group.program.bot.own_answer(theirs, member_id(guild.id, bob.id))
        assert given is not None
        assert given.text == "what I say in the other server"
        await group.bob.edit(here, SHORT)
        await group.until(lambda: "Revised" in text_of(group.bob.dm.messages[-1]))
        assert await group.text(group.bob) == SHORT


async def test_who_takes_no_direct_messages_costs_one_refusal_and_nothing_else_stops(group: Group) -> None:
    async with group.running():
        card = await group.asked()
        await group.bob.command("nnquestion me", group.channel, show="remind", value="11:00")
        group.bob.takes_messages = False
        await group.at("11:00")
        refused = f"/channels/{group.bob.dm.id}/messages"
        await group.until(lambda: group.server.asked("POST", refused))
        for minute in range(1, 60, 10):
            await group.at(f"11:{minute:02}")
            await group.handled()
        assert [request.status for request in group.server.asked("POST", refused)] == [403]
        await group.answered_by_form(card, group.ada, FULL)
        await group.revealed(card)


async def test_a_message_without_words_is_no_answer_and_withdraws_none(group: Group) -> None:
    async with group.running():
        await group.asked()
        await group.reminded(group.bob)
        await group.told(group.bob, FULL)
        await group.bob.say(group.bob.dm, "", files={"cat.png": b"cat"})
        await group.handled()
        assert await group.text(group.bob) == FULL
