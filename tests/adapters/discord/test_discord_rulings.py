"""People in the loop of grading, in a Discord server: what members check and object to, what organizers decide."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.adapters.discord import interactions
from bot.adapters.discord.ids import channel_id, group_id, member_id
from bot.core.model import (
    Answer,
    ChannelId,
    Coverage,
    DrillState,
    Exemplar,
    MemberId,
    Objection,
    ObjectionState,
    Round,
    Ruling,
)
from tests.adapters.discord.study import Study, seen_only_by, text_of
from tests.store.files import with_tables
from tests.wire.discord_server import DiscordServer, Form, Intent, Interaction, Member, Message, Perm, words_of
from tests.wire.discord_server.interactions import Act, Callback

ADMIN = "nnquestion-admin"
SAID = (
    "dropout sets random activations to zero while training, and at inference it is switched off."
    " it is good for big layers that overfit."
    " the work is spread over all of them."
)
"""Three of the six key points, and what its author takes for a fourth, in the last sentence."""

SHARED = "Units co-adapt less; it acts like averaging many sub-networks"
"""The essential key point that this does not cover; with it the answer has all of them."""

FORGED = ("nn:review:list {}", "nn:review:o1 {}", "nn:rule:grant o1 {}", "nn:rule:2 f1 {}", "nn:rule:undo r1 {}")
"""What buttons of organizers may be made to carry."""


@dataclass(slots=True)
class Hall(Study):
    """The study group, on a day on which it is asked about dropout."""

    @property
    def here(self) -> ChannelId:
        return channel_id(self.guild.id, self.channel.id)

    async def asked(self, **options: str) -> Message:
        """The card of the open round."""
        await self.set_up(**options)
        await self.ada.command(f"{ADMIN} next", self.channel, question="dropout")
        await self.at("10:00")
        await self.until(lambda: any(message.thread for message in self.channel.messages))
        return next(message for message in self.channel.messages if message.thread)

    async def revealed(self, **options: str) -> Message:
        """The reveal, in the thread of a round that Bob has answered."""
        card = await self.asked(**options)
        thread = card.thread
        assert thread is not None
        said = await self.bob.say(thread, SAID)
        await self.until(lambda: bool(said.reactions))
        await self.at("18:00")
        await self.until(lambda: "My result" in card.labels and "Reference answer" in text_of(thread.messages[-1]))
        return thread.messages[-1]

    async def objected(self, reveal: Message, *points: str) -> None:
        """Bob objects, once for each key point, and says that his last sentence covers it."""
        for point in points:
            which = (await self.bob.press(reveal, "I covered this")).answer
            assert which is not None
            await self.bob.press(which, labelled(which, point))
            filed = await self.bob.press(which, labelled(which, "3."))
            assert filed.answer is not None
            assert "Your objection is filed" in text_of(filed.answer)

    async def review(self, who: Member) -> Message:
        """What one organizer is told to look at."""
        seen = await who.command(f"{ADMIN} review", self.channel)
        assert seen_only_by(who, seen)
        assert seen.answer is not None
        return seen.answer

    async def round(self) -> Round:
        return (await self.program.bot.posted_rounds())[0]

    async def answer(self, who: Member) -> Answer:
        given = await self.program.bot.own_answer((await self.round()).id, self.id_of(who))
        assert given is not None
        return given

    async def points(self, who: Member) -> int:
        round_ = await self.round()
        rows = await self.program.store.read(lambda tx: tx.ledger.of_round(round_.id, self.id_of(who)))
        return sum(row.points for row in rows)

    async def objections(self) -> list[Objection]:
        return await self.program.store.read(lambda tx: tx.objections.open_in(self.here))

    async def rulings(self) -> list[Ruling]:
        return await self.program.store.read(lambda tx: tx.rulings.of_channel(self.here, 10))

    async def exemplars(self) -> tuple[Exemplar, ...]:
        question = (await self.round()).question.id
        return await self.program.store.read(lambda tx: tx.rulings.exemplars(group_id(self.guild.id), question))

    async def pressed_on(self, card: Message, who: Member, custom_id: str) -> Interaction:
        """Somebody presses a button of a card that carries something else than it was sent with."""
        data = {"custom_id": custom_id, "component_type": 2, "id": 1}
        begun = self.server.world.interactions.begin(Act.COMPONENT, who, card.channel, data, on=card)
        return await who.settled(begun)

    def id_of(self, who: Member) -> MemberId:
        return member_id(self.guild.id, who.id)

    def open_to_everybody(self) -> None:
        """What a server's settings may do to a command: every member gets to see and to call it."""
        for command in self.server.world.commands[None]:
            command.pop("default_member_permissions", None)


@pytest.fixture
async def hall(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Hall]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        guild = server.guild("Study")
        ada = guild.member("Ada", permissions=Perm.MANAGE_GUILD)
        yield Hall(server, with_tables(tmp_path / "x.db"), guild, guild.channel("general"), ada, guild.member("Bob"))
        assert server.pings == []
        assert server.unknown == []
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert wrong == []


def labelled(message: Message, begins: str) -> str:
    """The label of the button that begins so."""
    [label] = [label for label in message.labels if label.startswith(begins)]
    return label


def in_place(seen: Interaction, message: Message) -> bool:
    """Whether what was pressed on a message took its place, with nothing beside it."""
    return seen.callback is Callback.UPDATE and seen.answer is message and message.ephemeral and seen.seen == []


def refused_beside(seen: Interaction, message: Message) -> str:
    """The refusal that came as a private message of its own; what was pressed on stays."""
    assert message not in seen.seen
    assert seen_only_by(seen.member, seen)
    assert "That did not work" in seen.text
    return seen.text


async def sent(form: Form | None, who: Member, text: str) -> Message:
    """The private reply to a form with an answer."""
    assert form is not None
    seen = await who.submit(form, {"text": text})
    assert seen_only_by(who, seen)
    assert seen.answer is not None
    return seen.answer


# --- Check now ----------------------------------------------------------------------------------------------


async def test_check_now_tells_how_many_key_points_are_missing_and_never_which(hall: Hall) -> None:
    async with hall.running():
        card = await hall.asked()
        reply = await sent((await hall.bob.press(card, "Answer")).form, hall.bob, SAID)
        assert "Recorded" in text_of(reply)
        assert reply.labels == ["Check now", "By my name", "As someone", "Not at all"]
        assert in_place(await hall.bob.press(reply, "Check now"), reply)
        assert "It covers 3 of 6 key points." in text_of(reply)
        assert "3 key points, 1 of them essential: still missing" in text_of(reply)
        assert reply.labels == []
        round_ = await hall.round()
        grade = await hall.program.store.read(lambda tx: tx.answers.grade(round_.id, hall.id_of(hall.bob)))
        assert grade is not None
        texts = {point.id: point.text for point in round_.question.key_points}
        for graded in grade.points:
            assert (texts[graded.key_point] in text_of(reply)) == (graded.coverage is Coverage.COVERED)


async def test_an_answer_that_was_checked_is_changed_by_no_form_and_by_no_edit(hall: Hall) -> None:
    async with hall.running():
        card = await hall.asked()
        assert card.thread is not None
        early = (await hall.bob.press(card, "Answer")).form
        said = await hall.bob.say(card.thread, SAID)
        await hall.until(lambda: bool(said.reactions))
        me = (await hall.bob.command("nnquestion me", hall.channel)).answer
        assert me is not None
        assert in_place(await hall.bob.press(me, "Check now"), me)
        assert "Checked" in text_of(me)

        await hall.bob.edit(said, "quite another answer, in which there is a lot more")
        await hall.handled()
        assert said.reactions
        late = await sent(early, hall.bob, "one more answer, in which there is still more")
        assert "Not counted: you had your answer checked, so it is final." in text_of(late)
        assert late.labels == []
        assert "it is final" in refused_beside(await hall.bob.press(card, "Answer"), card)
        assert (await hall.answer(hall.bob)).text == SAID


async def test_a_message_that_is_submitted_as_an_answer_can_be_checked_from_the_reply(hall: Hall) -> None:
    async with hall.running():
        await hall.asked()
        said = await hall.bob.say(hall.channel, SAID)
        reply = (await hall.bob.use_on(said, "Submit as my answer")).answer
        assert reply is not None
        await hall.until(lambda: bool(said.reactions))
        assert in_place(await hall.bob.press(reply, "Check now"), reply)
        assert "It covers 3 of 6 key points." in text_of(reply)


# --- I covered this -----------------------------------------------------------------------------------------


async def test_an_objection_is_filed_step_by_step_in_one_message_that_only_its_author_sees(hall: Hall) -> None:
    async with hall.running():
        reveal = await hall.revealed()
        before = words_of(reveal)
        seen = await hall.bob.press(reveal, "I covered this")
        card = seen.answer
        assert card is not None
        assert seen_only_by(hall.bob, seen)
        assert len(card.labels) == 3
        assert in_place(await hall.bob.press(card, labelled(card, "3. Units co-adapt")), card)
        assert f"Which sentence of yours says “{SHARED}”?" in text_of(card)
        assert in_place(await hall.bob.press(card, labelled(card, "3. the work")), card)
        assert "Your objection is filed" in text_of(card)
        assert card.labels == []
        assert words_of(reveal) == before
        [objection] = await hall.objections()
        assert (objection.member, objection.words) == (hall.id_of(hall.bob), "the work is spread over all of them.")


async def test_a_third_open_objection_is_refused_beside_the_card_that_it_came_from(hall: Hall) -> None:
    async with hall.running():
        reveal = await hall.revealed()
        await hall.objected(reveal, "3. Units", "5. Surviving")
        card = (await hall.bob.press(reveal, "I covered this")).answer
        assert card is not None
        assert "(your objection is open)" in text_of(card)
        await hall.bob.press(card, labelled(card, "6. It helps"))
        before = words_of(card)
        assert "You have 2 objections open" in refused_beside(await hall.bob.press(card, labelled(card, "3.")), card)
        assert words_of(card) == before
        assert len(await hall.objections()) == 2


async def test_who_has_no_answer_has_nothing_to_object_to(hall: Hall) -> None:
    async with hall.running():
        reveal = await hall.revealed()
        seen = await hall.ada.press(reveal, "I covered this")
        assert "You have no graded answer in this round." in refused_beside(seen, reveal)


# --- review -------------------------------------------------------------------------------------------------


async def test_an_objection_is_reviewed_granted_and_told_and_the_answer_serves_once_its_author_agrees(
    hall: Hall,
) -> None:
    async with hall.running():
        reveal = await hall.revealed()
        await hall.objected(reveal, "3. Units")
        assert await hall.points(hall.bob) == 2
        card = await hall.review(hall.ada)
        assert card.labels == ["Look at 1"]
        assert in_place(await hall.ada.press(card, "Look at 1"), card)
        assert "the work is spread over all of them." in text_of(card)
        assert in_place(await hall.ada.press(card, "It is in there"), card)
        assert "Granted. The key point counts." in text_of(card)
        assert in_place(await hall.ada.press(card, "What else waits"), card)
        assert "Nothing waits for you." in text_of(card)
        assert await hall.points(hall.bob) == 3

        result = (await hall.bob.press(reveal, "My result")).answer
        assert result is not None
        assert f"Your objection was granted: “{SHARED}” counts" in text_of(result)
        assert f"**granted:** {SHARED}" in text_of(result)
        assert await hall.exemplars() == ()
        assert in_place(await hall.bob.press(result, "Use it as an example"), result)
        assert "Thank you" in text_of(result)
        assert [exemplar.text for exemplar in await hall.exemplars()] == [SAID]
        again = (await hall.bob.press(reveal, "My result")).answer
        assert "Decided about your answers" not in text_of(again)


async def test_what_was_decided_is_undone_with_its_points_and_its_exemplar_and_that_is_told_too(hall: Hall) -> None:
    async with hall.running():
        reveal = await hall.revealed()
        await hall.objected(reveal, "3. Units")
        card = await hall.review(hall.ada)
        for label in ("Look at 1", "It is in there"):
            await hall.ada.press(card, label)
        result = (await hall.bob.press(reveal, "My result")).answer
        assert result is not None
        await hall.bob.press(result, "Use it as an example")
        assert in_place(await hall.ada.press(card, "What else waits"), card)
        assert in_place(await hall.ada.press(card, "Undo 1"), card)
        assert "Undone. It waits to be decided again." in text_of(card)
        assert await hall.points(hall.bob) == 2
        assert await hall.exemplars() == ()
        assert [objection.state for objection in await hall.objections()] == [ObjectionState.OPEN]
        assert "has been taken back" in (await hall.bob.press(reveal, "My result")).text


async def test_nobody_rules_on_their_own_answer(hall: Hall) -> None:
    async with hall.running():
        reveal = await hall.revealed(organizers=hall.bob.mention)
        hall.open_to_everybody()
        await hall.objected(reveal, "3. Units")
        card = await hall.review(hall.bob)
        assert "1 thing of your own: another organizer has to look at that." in text_of(card)
        assert card.labels == []
        for forged in ("nn:review:o1 {}", "nn:rule:grant o1 {}"):
            assert "your own objection" in refused_beside(await hall.pressed(hall.bob, forged.format(hall.here)), card)
        assert await hall.rulings() == []
        card = await hall.review(hall.ada)
        for label in ("Look at 1", "It is in there"):
            await hall.ada.press(card, label)
        undo = await hall.pressed(hall.bob, f"nn:rule:undo r1 {hall.here}")
        assert "your own answer" in refused_beside(undo, card)
        assert [ruling.stands for ruling in await hall.rulings()] == [True]


async def test_buttons_of_organizers_that_others_forge_do_nothing(hall: Hall) -> None:
    other = hall.server.guild("Other")
    lobby, eve = other.channel("lobby"), other.member("Eve", permissions=Perm.MANAGE_GUILD)
    async with hall.running():
        reveal = await hall.revealed()
        await hall.objected(reveal, "3. Units")
        for forged in FORGED:
            carried = forged.format(hall.here)
            for where in (hall.channel, hall.bob.dm):
                seen = await hall.pressed(hall.bob, carried, where)
                assert "for organizers of that channel" in refused_beside(seen, reveal)
            assert "belongs to another group" in refused_beside(await hall.pressed(eve, carried, lobby), reveal)
        foreign = channel_id(other.id, lobby.id)
        for forged in FORGED:
            seen = await hall.pressed(hall.ada, forged.format(foreign))
            assert "belongs to another group" in refused_beside(seen, reveal)
        for forged in (f"nn:check:{(await hall.round()).id}", f"nn:object:2.2 {(await hall.round()).id}"):
            assert refused_beside(await hall.pressed(eve, forged, lobby), reveal)
        assert [objection.state for objection in await hall.objections()] == [ObjectionState.OPEN]
        assert await hall.rulings() == []


async def test_a_ruling_that_comes_twice_is_made_once(hall: Hall) -> None:
    async with hall.running():
        reveal = await hall.revealed()
        await hall.objected(reveal, "3. Units")
        card = await hall.review(hall.ada)
        await hall.ada.press(card, "Look at 1")
        await hall.ada.press(card, "It is in there")
        callbacks = "/interactions/**"
        asked = len(hall.server.asked("POST", callbacks))
        hall.deliver_again()
        await hall.server.caught_up()
        assert len(hall.server.asked("POST", callbacks)) == asked
        assert "Granted." in text_of(card)
        assert len(await hall.rulings()) == 1
        assert await hall.points(hall.bob) == 3


async def test_a_drill_that_sleeps_is_resumed_from_the_review_in_its_place(hall: Hall) -> None:
    async with hall.running() as program:
        await hall.set_up()
        drill = await program.bot.drill_in(hall.here)
        assert drill is not None
        await program.store.write(lambda tx: tx.drills.save(replace(drill, state=DrillState.ASLEEP)))
        card = await hall.review(hall.ada)
        assert in_place(await hall.ada.press(card, "Resume the drill"), card)
        assert "Running again" in text_of(card)


async def test_organizers_review_in_direct_messages_with_the_rights_they_have_in_the_server(hall: Hall) -> None:
    async with hall.running():
        await hall.objected(await hall.revealed(), "3. Units")
        card = (await hall.pressed(hall.ada, f"nn:review:list {hall.here}", hall.ada.dm)).answer
        assert card is not None
        assert in_place(await hall.ada.press(card, "Look at 1"), card)
        assert in_place(await hall.ada.press(card, "It is not"), card)
        assert "Declined." in text_of(card)
        assert [ruling.verdict for ruling in await hall.rulings()] == [ObjectionState.DECLINED]


# --- a chain of private cards -------------------------------------------------------------------------------


async def test_a_step_that_takes_long_still_takes_the_place_of_its_card(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hall.running():
        card = (await hall.bob.press(await hall.revealed(), "I covered this")).answer
        assert card is not None
        monkeypatch.setattr(interactions, "AT_ONCE", 0.02)
        async with hall.slow_database():
            seen = await hall.bob.press(card, labelled(card, "3. Units"))
            assert seen.callback is Callback.DEFERRED_UPDATE
        await hall.handled()
        assert "Which sentence of yours" in text_of(card)
        assert seen.seen == []

        async with hall.slow_database():
            seen = await hall.pressed_on(card, hall.bob, "nn:object:all nowhere")
        await hall.handled()
        assert "You can object once the round is revealed." in refused_beside(seen, card)
        assert "Which sentence of yours" in text_of(card)


async def test_what_comes_of_a_step_is_told_anew_where_its_card_was_dismissed_meanwhile(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hall.running():
        card = (await hall.bob.press(await hall.revealed(), "I covered this")).answer
        assert card is not None
        monkeypatch.setattr(interactions, "AT_ONCE", 0.02)
        async with hall.slow_database():
            seen = await hall.bob.press(card, labelled(card, "3. Units"))
            await hall.bob.delete(card)
        await hall.handled()
        assert seen_only_by(hall.bob, seen)
        assert "Which sentence of yours" in seen.text


# --- award --------------------------------------------------------------------------------------------------


async def test_an_award_is_told_in_the_thread_and_counts_also_for_who_never_spoke_to_the_bot(hall: Hall) -> None:
    cem = hall.guild.member("Cem")
    async with hall.running():
        thread = (await hall.revealed()).channel
        for who, name in ((hall.bob, "Bob"), (cem, "A member")):
            said = len(thread.messages)
            before = await hall.points(who)
            seen = await hall.ada.command(
                f"{ADMIN} award", hall.channel, member=who, points="2", reason=f"well said, {who.mention}"
            )
            assert seen_only_by(hall.ada, seen)
            assert "2 points, and the thread is told." in seen.text
            await hall.until(lambda: len(thread.messages) > said)  # noqa: B023 - it is waited for right here
            assert f"**{name}** gets 2 points: well said, " in text_of(thread.messages[-1])
            assert thread.messages[-1].pings == ()
            assert await hall.points(who) == before + 2
        known = await hall.program.store.read(lambda tx: tx.members.get(hall.id_of(cem)))
        assert known is not None
        assert known.name == "Cem"
        assert "2 points" in (await cem.command("nnquestion me", hall.channel)).text


async def test_no_bot_is_awarded_and_nobody_by_who_may_not(hall: Hall) -> None:
    robo, cem = hall.guild.member("Robo"), hall.guild.member("Cem")
    robo.user.bot = True
    async with hall.running():
        reveal = await hall.revealed()
        hall.open_to_everybody()
        given = {"points": "2", "reason": "why not"}
        seen = await hall.ada.command(f"{ADMIN} award", hall.channel, member=robo, **given)
        assert "robo is a bot. Choose a member." in refused_beside(seen, reveal)
        seen = await hall.bob.command(f"{ADMIN} award", hall.channel, member=cem, **given)
        assert "is for organizers" in refused_beside(seen, reveal)
        for who in (robo, cem):
            assert await hall.program.store.read(lambda tx: tx.members.get(hall.id_of(who))) is None  # noqa: B023
        assert await hall.rulings() == []


async def test_organizers_by_role_review_and_award_by_the_buttons_in_the_place_for_notes(hall: Hall) -> None:
    helpers, desk = hall.guild.role("Helpers"), hall.guild.channel("organizers")
    cem, dan = hall.guild.member("Cem", roles=[helpers]), hall.guild.member("Dan")
    async with hall.running():
        reveal = await hall.revealed(organizers=helpers.mention, notes=desk.mention)
        await hall.objected(reveal, "3. Units")
        [note] = desk.messages
        before = words_of(note)
        seen = await cem.press(note, "Review")
        card = seen.answer
        assert card is not None
        assert seen_only_by(cem, seen)
        assert in_place(await cem.press(card, "Look at 1"), card)
        assert in_place(await cem.press(card, "It is in there"), card)
        assert await hall.points(hall.bob) == 3

        form = (await cem.press(note, "Award")).form
        assert form is not None
        assert [one.label for one in form.fields] == ["Member", "Points", "Reason"]
        seen = await cem.submit(form, {"Member": [dan], "Points": "1", "Reason": "asked the best question"})
        assert "1 point, and the thread is told." in seen.text
        await hall.until(lambda: "asked the best question" in text_of(reveal.channel.messages[-1]))
        assert await hall.points(dan) == 1
        assert words_of(note) == before
        assert "are for organizers" in refused_beside(await hall.bob.press(note, "Review"), note)
        assert "are for organizers" in refused_beside(await hall.bob.press(note, "Award"), note)
