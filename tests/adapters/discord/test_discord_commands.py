"""Commands, buttons and forms in a Discord server: what members call, press and fill in, and what each then sees."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any, cast

import pytest

from bot import runtime
from bot.adapters.discord import interactions
from bot.adapters.discord.ids import channel_id
from bot.core.commands import TABLE, Who
from bot.core.model import Drill, DrillState
from bot.core.rounds import SLEEPS_AFTER
from bot.runtime import Program
from bot.settings import load
from tests.adapters.discord.study import SETUP, Study, seen_only_by
from tests.store.files import with_tables
from tests.wire.discord_server import (
    NO_ANSWER,
    CannotDo,
    Channel,
    ChannelType,
    DiscordServer,
    Intent,
    Interaction,
    Member,
    Message,
    Perm,
    payloads,
    words_of,
)
from tests.wire.discord_server.interactions import Act

FULL = "it is a rather long answer about gradients and weights"
ADMIN = "nnquestion-admin"
ORGANIZERS = [command.name for command in TABLE if command.who is Who.ORGANIZER]


@dataclass(slots=True)
class Server(Study):
    """The study group, for tests that look at interactions."""

    test_guild: str = ""

    def assemble(self) -> Program:
        settings = load(
            {
                "DISCORD_TOKEN": self.server.token,
                "DISCORD_API_URL": self.server.api_url,
                "DISCORD_GATEWAY_URL": self.server.gateway_url,
                "DISCORD_TEST_GUILD": self.test_guild,
                "NNQUESTION_DATABASE": str(self.database),
            }
        )
        self.programs.append(runtime.build(settings, lambda: self.server.clock.now, paces={}))
        return self.program

    async def drill(self, channel: Channel | None = None) -> Drill:
        """The channel's drill as it is kept."""
        where = channel or self.channel
        assert where.guild is not None
        found = await self.program.bot.drill_in(channel_id(where.guild.id, where.id))
        assert found is not None
        return found

    async def open_round(self, **options: str) -> Message:
        """The first day's card, open."""
        await self.set_up(**options)
        await self.at("10:00")
        return await self.question()

    async def revealed(self) -> Message:
        """The first day's card with Bob's answer, at its reveal."""
        card = await self.open_round()
        assert card.thread is not None
        said = await self.bob.say(card.thread, FULL)
        await self.until(lambda: bool(said.reactions))
        await self.at("18:00")
        await self.until(lambda: "My result" in card.labels)
        return card

    def other_channel(self, kind: int, parent: Channel | None = None, **more: object) -> Channel:
        """A channel of a kind that this server has little of: the bot is told of it, and it can be written in."""
        world = self.server.world
        made = Channel(world, world.ids.next(), cast(ChannelType, kind), f"kind {kind}", self.guild, parent=parent)
        made.owner = self.ada.user
        world.channels[made.id] = made
        event = "THREAD_CREATE" if parent else "CHANNEL_CREATE"
        world.tell(event, payloads.channel(made, world.bot) | more, intent=Intent.GUILDS, guild=self.guild)
        return made

    def open_to_everybody(self) -> None:
        """What a server's settings may do to a command: every member gets to see and to call it."""
        for command in self.server.world.commands[None]:
            command.pop("default_member_permissions", None)

    async def asleep(self) -> Message:
        """The note that comes once nobody has answered for some days."""
        for day in range(SLEEPS_AFTER):
            await self.at("10:00", day)
            await self.until(lambda: len(self.channel.threads) > day)  # noqa: B023 - it is waited for right here
        await self.at("18:00", SLEEPS_AFTER - 1)
        await self.until(lambda: "Resume" in self.channel.messages[-1].labels)
        return self.channel.messages[-1]


@pytest.fixture
async def study(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Server]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        guild = server.guild("Study")
        channel = guild.channel("general")
        ada = guild.member("Ada", permissions=Perm.MANAGE_GUILD)
        yield Server(server, with_tables(tmp_path / "x.db"), guild, channel, ada, guild.member("Bob"))
        assert server.pings == []
        assert server.unknown == []
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert wrong == []


async def asked(command: Awaitable[Interaction], who: Member) -> str:
    """What somebody is told, after a look at whether it is for them alone."""
    seen = await command
    assert seen_only_by(who, seen)
    return seen.text


# --- commands are registered --------------------------------------------------------------------------------


async def test_discord_is_told_the_commands_once_and_again_only_when_they_have_changed(study: Server) -> None:
    for _ in range(2):
        async with study.running() as program:
            assert study.server.commands() == ["nnquestion", ADMIN, "Submit as my answer"]
            assert len(study.server.asked("PUT", "/applications/*/commands")) == 1
            kept = await program.bot.fact("discord commands")
    async with study.running() as program:
        await program.bot.note("discord commands", "as another version had them")
    async with study.running() as program:
        assert len(study.server.asked("PUT", "/applications/*/commands")) == 2
        assert await program.bot.fact("discord commands") == kept


async def test_a_test_server_gets_its_commands_once_too_also_when_it_is_named_later(study: Server) -> None:
    async with study.running():
        assert study.server.commands(study.guild) == []
    study.test_guild = str(study.guild.id)
    for _ in range(2):
        async with study.running():
            assert study.server.commands(study.guild) == ["nnquestion", ADMIN, "Submit as my answer"]
            assert len(study.server.asked("PUT", "/applications/*/guilds/*/commands")) == 1
            assert "What you can say" in (await study.bob.command("nnquestion help", study.channel)).text


# --- every command, end to end ------------------------------------------------------------------------------


async def test_every_members_command_is_answered_in_private(study: Server) -> None:
    async with study.running():
        await study.revealed()

        def say(command: str, /, **options: str) -> Awaitable[str]:
            return asked(study.bob.command(f"nnquestion {command}", study.channel, **options), study.bob)

        assert "An extra question" in await say("ask", topic="evaluation")
        assert "Hint 1 of" in await say("hint")
        assert "**Bob**" in await say("leaderboard", season="all", where="here")
        assert "this channel" in await say("leaderboard", season="week", where="here")
        assert "You, Bob" in await say("me")
        assert "Your result" in await say("me", show="result")
        assert "someone" in await say("me", shown="someone")
        assert "(revealed, 1 answer)" in await say("history")
        assert "No round of vision yet" in await say("history", topic="vision")
        assert len(re.findall(r"<t:\d+:f>", await say("when"))) == 4  # the open round's close, and the next three
        assert "/nnquestion me" in await say("help")
        assert "shown:" in await say("help", command="me")
        assert f"/{ADMIN} pause" in await say("help", command="pause")


async def test_every_organizers_command_is_answered_in_private_and_carried_out(study: Server) -> None:
    async with study.running():
        await study.set_up()

        def say(command: str, /, **options: str) -> Awaitable[str]:
            return asked(study.ada.command(f"{ADMIN} {command}", study.channel, **options), study.ada)

        assert "This channel's drill" in await say("setup")
        assert "mon-fri at 10:00" in await say("setup", days="mon-fri")
        assert f"/{ADMIN} resume" in await say("pause")
        assert (await study.drill()).next is None
        assert "Running again" in await say("resume")
        assert "No round on Monday 23 November" in await say("skip")
        assert "Tuesday 24 November" in await say("next", question="nn:dropout")
        assert "No rounds before 2026-12-01" in await say("pause", until="2026-12-01")
        await say("resume")
        assert "no round here to reveal" in await say("reveal")
        await say("setup", days="all")
        await study.at("10:00", day=2)
        card = await study.question()
        assert card.thread is not None
        assert "dropout" in words_of(card)
        assert "on its way" in await say("reveal")
        await study.until(lambda: "Reference answer" in words_of(study.channel.threads[0].messages[-1]))
        await study.at("10:00", day=3)
        await study.until(lambda: len(study.channel.threads) == 2)
        assert "Called off" in await say("skip", what="open")


async def test_choices_are_offered_and_all_else_is_completed(study: Server) -> None:
    async with study.running():
        with pytest.raises(CannotDo, match="is one of"):
            await study.bob.command("nnquestion ask", study.channel, difficulty="easy")
        with pytest.raises(CannotDo, match="needs 'question'"):
            await study.ada.command(f"{ADMIN} next", study.channel)
        topics = await study.bob.complete("nnquestion ask", "topic", "evalu")
        assert "evaluation" in [value for _, value in topics]
        zones = await study.ada.complete(f"{ADMIN} setup", "zone", "new york", study.channel, time="9:00")
        assert zones[0] == ("America/New_York", "America/New_York")
        questions = await study.ada.complete(f"{ADMIN} next", "question", "dropout")
        assert questions[0][1] == "nn:dropout"
        several = await study.ada.complete(f"{ADMIN} setup", "topics", "evaluation, regul")
        assert several[0][1] == "evaluation,regularization"
        assert (await study.bob.complete("nnquestion help", "command", "lead"))[0][1] == "leaderboard"
        assert (await study.ada.complete(f"{ADMIN} setup", "bank", ""))[0][1] == "nn"


async def test_what_is_chosen_while_one_types_is_taken_as_it_stands(study: Server) -> None:
    async with study.running():
        zone = (await study.ada.complete(f"{ADMIN} setup", "zone", "kolkata"))[0][1]
        topics = (await study.ada.complete(f"{ADMIN} setup", "topics", "evaluation, regul"))[0][1]
        await study.set_up(zone=zone, topics=topics)
        drill = await study.drill()
        assert (drill.timetable.zone, drill.topics) == ("Asia/Kolkata", frozenset({"evaluation", "regularization"}))


# --- rights -------------------------------------------------------------------------------------------------


async def test_only_who_manages_the_server_sees_the_organizers_commands(study: Server) -> None:
    async with study.running():
        with pytest.raises(CannotDo, match="may not"):
            await study.bob.command(f"{ADMIN} pause", study.channel)


async def test_a_server_that_opens_the_organizers_commands_to_everybody_makes_nobody_an_organizer(
    study: Server,
) -> None:
    async with study.running():
        await study.set_up()
        study.open_to_everybody()
        before = await study.drill()
        needed: dict[str, dict[str, Any]] = {
            "next": {"question": "dropout"},
            "setup": {"time": "11:00"},
            "award": {"member": study.ada, "points": "2", "reason": "why not"},
        }
        for command in ORGANIZERS:
            options = needed.get(command, {})
            said = await asked(study.bob.command(f"{ADMIN} {command}", study.channel, **options), study.bob)
            assert f"/{ADMIN} {command} is for organizers" in said
        elsewhere = study.guild.channel("elsewhere")
        assert (await study.bob.command(f"{ADMIN} setup", elsewhere)).form is None
        assert "is for organizers" in (await study.bob.command(f"{ADMIN} setup", elsewhere, **SETUP)).text
        assert await study.program.store.read(lambda tx: tx.drills.all()) == [before]


async def test_roles_and_members_whom_setup_names_are_organizers_and_nobody_else(study: Server) -> None:
    helpers = study.guild.role("Helpers")
    cem, dan = study.guild.member("Cem", roles=[helpers]), study.guild.member("Dan")
    async with study.running():
        await study.set_up(organizers=f"{helpers.mention} and {dan.mention}")
        study.open_to_everybody()
        for who in (cem, dan):
            assert "Paused" in await asked(who.command(f"{ADMIN} pause", study.channel), who)
            assert "Running again" in await asked(who.command(f"{ADMIN} resume", study.channel), who)
        assert "is for organizers" in (await study.bob.command(f"{ADMIN} pause", study.channel)).text
        await study.ada.command(f"{ADMIN} setup", study.channel, organizers="none")
        assert "is for organizers" in (await cem.command(f"{ADMIN} pause", study.channel)).text


async def test_organizers_by_role_have_buttons_in_the_place_for_notes_until_they_see_the_commands(
    study: Server,
) -> None:
    helpers, desk = study.guild.role("Helpers"), study.guild.channel("organizers")
    cem = study.guild.member("Cem", roles=[helpers])
    async with study.running():
        seen = await study.ada.command(
            f"{ADMIN} setup", study.channel, **SETUP, organizers=helpers.mention, notes=desk.mention
        )
        assert "Server Settings > Integrations > nnquestion" in seen.text
        assert desk.mention in seen.text
        await study.until(lambda: desk.messages)
        [card] = desk.messages
        assert card.labels == ["Setup", "Pause", "Resume", "Skip", "Reveal", "Next", "Bar", "Review", "Award", "Doctor"]
        for label in card.labels:
            assert "are for organizers" in await asked(study.bob.press(card, label), study.bob)
        told = await asked(cem.press(card, "Doctor"), cem)
        assert "All is well." in told
        assert "Channel #general" in told
        assert "place for notes #organizers" in told
        assert "Paused" in await asked(cem.press(card, "Pause"), cem)
        assert "Running again" in await asked(cem.press(card, "Resume"), cem)
        assert "Left out" in await asked(cem.press(card, "Skip"), cem)
        assert "no round here to reveal" in await asked(cem.press(card, "Reveal"), cem)
        form = (await cem.press(card, "Next")).form
        assert form is not None
        assert "What is dropout" in await asked(cem.submit(form, {"Question": "dropout"}), cem)
        form = (await cem.press(card, "Setup")).form
        assert form is not None
        assert "The drill is changed" in await asked(cem.submit(form, {"Time": "11:00"}), cem)
        assert (await study.drill()).timetable.at == time(11)
        await study.handled()
        assert len(desk.messages) == 1
        await study.ada.command(f"{ADMIN} setup", study.channel, organizers="none")
        assert "are for organizers" in await asked(cem.press(card, "Pause"), cem)


async def test_the_doctor_tells_what_the_bot_lacks_here_and_in_the_place_for_notes(study: Server) -> None:
    desk = study.guild.channel("organizers")
    async with study.running():
        await study.set_up(notes=desk.mention)
        study.channel.take_away(Perm.CREATE_PUBLIC_THREADS)
        desk.take_away(Perm.CREATE_PUBLIC_THREADS | Perm.VIEW_CHANNEL)
        told = await asked(study.ada.command(f"{ADMIN} doctor", study.channel), study.ada)
        assert "2 faults, 0 warnings." in told
        assert "lacks rights there: Create public threads. To do: grant them" in told
        assert "View channel" in told
        desk.delete()
        await study.handled()
        told = await asked(study.ada.command(f"{ADMIN} doctor", study.channel), study.ada)
        assert "deleted, or hidden" in told


async def test_the_doctor_says_that_answers_cannot_be_read_without_the_intent(study: Server) -> None:
    study.server.world.application.granted = Intent(0)
    async with study.running():
        await study.set_up()
        told = await asked(study.ada.command(f"{ADMIN} doctor", study.channel), study.ada)
        assert "Message Content intent: missing" in told
        assert "Next rounds" in told


async def test_the_buttons_of_organizers_do_nothing_in_another_server(study: Server) -> None:
    other = study.server.guild("Other")
    lobby, eve = other.channel("lobby"), other.member("Eve", permissions=Perm.MANAGE_GUILD)
    async with study.running():
        await study.set_up()
        drill = await study.drill()
        for said in ("pause", "setup", "next", "nonsense", "pause until=2027-01-07", ""):
            seen = await study.pressed(eve, f"nn:do:{said} {drill.channel}", lobby)
            assert "belongs to another group" in seen.text
        for what in ("setup", "pause"):
            data = {"custom_id": f"nn:form:{what}:{drill.channel}:x", "components": list[object]()}
            begun = study.server.world.interactions.begin(Act.FORM, eve, lobby, data)
            assert "no longer does anything" in await asked(eve.settled(begun), eve)
        for said in ("nonsense", "next x y z", "setup time="):
            assert "did not work" in (await study.pressed(study.ada, f"nn:do:{said} {drill.channel}")).text
        assert await study.drill() == drill


async def test_a_form_in_the_place_for_notes_names_the_rights_that_are_lacking_in_the_drills_channel(
    study: Server,
) -> None:
    desk = study.guild.channel("organizers")
    async with study.running():
        await study.set_up(organizers=study.bob.mention, notes=desk.mention)
        await study.until(lambda: desk.messages)
        form = (await study.bob.press(desk.messages[0], "Setup")).form
        assert form is not None
        study.channel.take_away(Perm.EMBED_LINKS)
        await study.handled()
        seen = await study.bob.submit(form, {"Time": "11:00"})
        assert "I lack rights in #general: Embed links." in seen.text


async def test_organizers_who_are_only_typed_as_words_are_refused_with_what_to_do(study: Server) -> None:
    async with study.running():
        seen = await study.ada.command(f"{ADMIN} setup", study.channel, **SETUP, organizers="Bob")
        assert "Type \\@ and choose" in seen.text


async def test_notes_go_to_no_channel_of_another_server(study: Server) -> None:
    foreign = study.server.guild("Other").channel("secrets")
    own = study.guild.channel("organizers")
    async with study.running():
        seen = await study.ada.command(f"{ADMIN} setup", study.channel, **SETUP, notes=foreign.mention)
        assert "a channel of this server" in seen.text
        await study.set_up(notes=own.mention)
        assert (await study.drill()).notes == f"discord:{study.guild.id}/{own.id}"


# --- setup --------------------------------------------------------------------------------------------------


async def test_setup_without_options_opens_a_form_and_tells_the_next_three_rounds(study: Server) -> None:
    async with study.running():
        form = (await study.ada.command(f"{ADMIN} setup", study.channel)).form
        assert form is not None
        filled = {"time": "10:30", "zone": "Europe/Berlin", "Days": ["Monday", "Wednesday"], "Answers": "sealed"}
        seen = await study.ada.submit(form, filled)
        assert seen_only_by(study.ada, seen)
        assert "mon, wed at 10:30 (Europe/Berlin)" in seen.text
        assert "sealed, by form" in seen.text
        # 23 and 25 November, and 30 November, each at 09:30 UTC
        assert re.findall(r"<t:(\d+):f>", seen.text) == ["1795426200", "1795599000", "1796031000"]
        assert (await study.drill()).sealed


async def test_a_form_that_is_filled_in_wrongly_says_what_to_write(study: Server) -> None:
    async with study.running():
        form = (await study.ada.command(f"{ADMIN} setup", study.channel)).form
        assert form is not None
        seen = await study.ada.submit(form, {"time": "25:00", "zone": "Mars/Olympus"})
        assert "“25:00” is no time; write it as 09:00" in seen.text


async def test_where_there_is_a_drill_setup_without_options_shows_it(study: Server) -> None:
    async with study.running():
        await study.set_up()
        seen = await study.ada.command(f"{ADMIN} setup", study.channel)
        assert seen.form is None
        assert "every day at 10:00 (UTC)" in seen.text


async def test_setup_offers_to_try_a_question_and_asks_it_when_told_to(study: Server) -> None:
    async with study.running():
        seen = await study.ada.command(f"{ADMIN} setup", study.channel, **SETUP)
        assert seen.answer is not None
        assert seen.answer.labels == ["Try one now"]
        assert "An extra question" in await asked(study.ada.press(seen.answer, "Try one now"), study.ada)
        card = await study.question()
        assert card.labels[0] == "Answer"
        assert "open extra question here already" in (await study.ada.press(seen.answer, "Try one now")).text
        changed = await study.ada.command(f"{ADMIN} setup", study.channel, time="11:00")
        assert changed.answer is not None
        assert changed.answer.labels == []


async def test_setup_in_a_voice_channel_or_under_a_forum_says_why_not(study: Server) -> None:
    async with study.running():
        voice = study.other_channel(2, bitrate=64_000, user_limit=0)
        forum = study.other_channel(15, available_tags=[], default_sort_order=None)
        post = study.other_channel(11, parent=forum)
        for place in (voice, post):
            for options in ({}, SETUP):
                seen = await study.ada.command(f"{ADMIN} setup", place, **options)
                assert seen.form is None
                assert "A drill needs a text or announcement channel" in seen.text


async def test_setup_in_a_thread_says_why_not(study: Server) -> None:
    async with study.running():
        card = await study.open_round()
        seen = await study.ada.command(f"{ADMIN} setup", card.thread, time="11:00")
        assert "A drill needs a text or announcement channel" in seen.text


async def test_an_announcement_channel_can_have_a_drill(study: Server) -> None:
    async with study.running():
        study.channel = study.guild.channel("news", type=ChannelType.ANNOUNCEMENT)
        card = await study.open_round()
        assert card.thread is not None


async def test_setup_where_rights_are_missing_names_them(study: Server) -> None:
    async with study.running():
        study.channel.take_away(Perm.CREATE_PUBLIC_THREADS | Perm.EMBED_LINKS)
        seen = await study.ada.command(f"{ADMIN} setup", study.channel, **SETUP)
        assert "I lack rights in this channel: Embed links, Create public threads." in seen.text
        assert (await study.ada.command(f"{ADMIN} setup", study.channel)).form is None


async def test_rights_that_are_taken_away_while_the_form_is_open_are_named_too(study: Server) -> None:
    async with study.running():
        form = (await study.ada.command(f"{ADMIN} setup", study.channel)).form
        assert form is not None
        study.channel.take_away(Perm.SEND_MESSAGES_IN_THREADS)
        seen = await study.ada.submit(form, {"zone": "UTC"})
        assert "I lack rights in this channel: Send messages in threads." in seen.text
        assert await study.program.store.read(lambda tx: tx.drills.all()) == []


# --- in time ------------------------------------------------------------------------------------------------


async def test_setup_is_answered_in_time_even_if_the_database_is_slow(
    study: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions, "AT_ONCE", 0.05)
    async with study.running():
        async with study.slow_database():
            seen = study.ada.call(f"{ADMIN} setup", study.channel, SETUP)
            await study.server.until(lambda: seen.loading)
            study.server.clock.advance(600)
        await study.ada.settled(seen)
        assert seen_only_by(study.ada, seen)
        assert "The drill is set up" in seen.text
        assert seen.answer is not None
        assert seen.answer.labels == ["Try one now"]


async def test_a_form_that_cannot_be_opened_in_time_is_asked_for_again(
    study: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions, "AT_ONCE", 0.05)
    async with study.running():
        card = await study.open_round()
        async with study.slow_database():
            seen = await study.bob.press(card, "Answer", wait=False)
            await study.server.until(lambda: seen.loading)
        await study.bob.settled(seen)
        assert "Please try once more" in seen.text
        assert seen_only_by(study.bob, seen)
        assert (await study.bob.press(card, "Answer")).form is not None


async def test_what_cannot_be_done_is_answered_too(study: Server, caplog: pytest.LogCaptureFixture) -> None:
    async with study.running():
        card = await study.open_round()
        await study.program.store.close()
        for act in (study.bob.press(card, "Answer"), study.bob.command("nnquestion when", study.channel)):
            assert "Something went wrong here" in await asked(act, study.bob)
    assert [record for record in caplog.records if "failed" in record.getMessage()]
    caplog.clear()


async def test_what_is_answered_too_late_is_done_all_the_same_and_nothing_is_raised(study: Server) -> None:
    async with study.running():
        await study.set_up()
        hold = study.server.faults.hold("POST", "/interactions/**")
        seen = study.bob.call("nnquestion ask", study.channel)
        await hold.wait()
        study.server.clock.advance(3)
        hold.release()
        card = await study.question()
        assert "Answer" in card.labels
        assert seen.error == NO_ANSWER
        await study.server.caught_up()
    assert [request.status for request in study.server.asked("POST", "/interactions/**")][-1] == 404


async def test_an_interaction_that_comes_twice_is_carried_out_and_answered_once(study: Server) -> None:
    async with study.running():
        card = await study.open_round()
        hint = await study.bob.press(card, "Hint")
        study.deliver_again()
        await study.server.caught_up()
        assert "Hint 1 of" in hint.text
        seen = await study.bob.press(card, "Hint")
        assert "Hint 2 of" in seen.text
        form = (await study.bob.press(card, "Answer")).form
        assert form is not None
        seen = await study.bob.submit(form, {"text": FULL})
        study.deliver_again()
        await study.server.caught_up()
        assert "Recorded" in seen.text
        asked = study.server.asked("POST", "/interactions/**")
        assert [request.status for request in asked] == [200] * 5  # Setup was the first.


async def test_an_interaction_that_two_copies_get_is_answered_once(study: Server) -> None:
    async with study.running(), study.running():
        await study.server.until(lambda: len(study.server.gateway.connected) == 2)
        seen = await study.ada.command(f"{ADMIN} setup", study.channel, **SETUP)
        await study.server.caught_up()
        assert [request.status for request in study.server.asked("POST", "/interactions/**")] == [200]
        assert seen_only_by(study.ada, seen)
        assert (await study.drill()).timetable.zone == "UTC"


# --- buttons and forms --------------------------------------------------------------------------------------


async def test_buttons_and_forms_of_before_a_restart_still_work(study: Server) -> None:
    async with study.running():
        card = await study.open_round()
        form = (await study.bob.press(card, "Answer")).form
        assert form is not None
    async with study.running():
        assert "Recorded" in await asked(study.bob.submit(form, {"Your answer": FULL}), study.bob)
        again = (await study.bob.press(card, "Answer")).form
        assert again is not None
        assert again.fields[0].value == FULL
        assert "Hint 1 of" in await asked(study.bob.press(card, "Hint"), study.bob)


async def test_two_members_forms_that_are_open_at_once_are_never_mixed_up(study: Server) -> None:
    async with study.running():
        card = await study.open_round()
        of_ada, of_bob = (await study.ada.press(card, "Answer")).form, (await study.bob.press(card, "Answer")).form
        assert of_ada is not None
        assert of_bob is not None
        await study.bob.submit(of_bob, {"text": "bob says that weights move"})
        await study.ada.submit(of_ada, {"text": "ada says that biases move"})
        for who, word in ((study.ada, "ada"), (study.bob, "bob")):
            form = (await who.press(card, "Answer")).form
            assert form is not None
            assert form.fields[0].value.startswith(f"{word} says")


async def test_a_form_sent_empty_withdraws_the_answer(study: Server) -> None:
    async with study.running():
        card = await study.open_round()
        first = (await study.bob.press(card, "Answer")).form
        assert first is not None
        with pytest.raises(CannotDo, match="has to be filled in"):
            await study.bob.submit(first)
        await study.bob.submit(first, {"text": FULL})
        second = (await study.bob.press(card, "Answer")).form
        assert second is not None
        assert "Withdrawn" in (await study.bob.submit(second, {"text": ""})).text


async def test_a_sealed_rounds_form_takes_the_answer(study: Server) -> None:
    async with study.running():
        await study.set_up(answers="sealed")
        await study.at("10:00")
        await study.until(lambda: bool(study.channel.messages))
        card = study.channel.messages[0]
        form = (await study.bob.press(card, "Answer")).form
        assert form is not None
        assert [field.custom_id for field in form.fields] == ["text", "share"]
        assert "Recorded" in (await study.bob.submit(form, {"text": FULL})).text


async def test_a_message_can_be_submitted_as_ones_own_answer_and_nobody_elses(study: Server) -> None:
    async with study.running():
        card = await study.open_round()
        said = await study.bob.say(study.channel, FULL)
        theirs = await study.ada.use_on(said, "Submit as my answer")
        assert "only a message of your own" in theirs.text
        own = await study.bob.use_on(said, "Submit as my answer")
        assert seen_only_by(study.bob, own)
        assert "Recorded" in own.text
        form = (await study.bob.press(card, "Answer")).form
        assert form is not None
        assert form.fields[0].value == FULL


async def test_what_a_hint_costs_is_told_once(study: Server) -> None:
    async with study.running():
        card = await study.open_round()
        said = [await asked(study.bob.press(card, "Hint"), study.bob) for _ in range(6)]
        numbers = [re.findall(r"Hint (\d) of (\d)", text)[0] for text in said]
        total = int(numbers[0][1])
        assert [int(number) for number, _ in numbers] == [min(n, total) for n in range(1, 7)]
        assert ["It costs 1 point" in text for text in said] == [n <= total for n in range(1, 7)]


@pytest.mark.parametrize("unknown", ["nn:sing:x", "nn", "nn:form", "another-bot", "nn:answer", "nn:hint:nowhere"])
async def test_a_button_that_nobody_knows_any_more_is_answered(study: Server, unknown: str) -> None:
    async with study.running():
        seen = await study.pressed(study.bob, unknown)
        assert seen_only_by(study.bob, seen)
        assert "no longer does anything" in seen.text


async def test_a_form_that_nobody_knows_any_more_is_answered(study: Server) -> None:
    async with study.running():
        for unknown in ("another-bot", "nn:form:sing:x:y", "nn:answer:x"):
            data = {"custom_id": unknown, "components": list[object]()}
            begun = study.server.world.interactions.begin(Act.FORM, study.bob, study.channel, data)
            assert "no longer does anything" in await asked(study.bob.settled(begun), study.bob)


async def test_the_resume_button_works_for_an_organizer_by_role_and_for_no_other_member(study: Server) -> None:
    helpers = study.guild.role("Helpers")
    cem = study.guild.member("Cem", roles=[helpers])
    async with study.running():
        await study.set_up(organizers=helpers.mention)
        note = await study.asleep()
        assert "is for organizers" in await asked(study.bob.press(note, "Resume"), study.bob)
        assert "Running again" in await asked(cem.press(note, "Resume"), cem)
        assert (await study.drill()).state is DrillState.ON


async def test_the_resume_button_works_in_direct_messages_with_the_rights_one_has_in_the_server(
    study: Server,
) -> None:
    async with study.running():
        await study.set_up()
        drill = await study.drill()
        await study.asleep()
        for who, outcome in ((study.bob, "is for organizers"), (study.ada, "Running again")):
            seen = await study.pressed(who, f"nn:resume:{drill.channel}", who.dm)
            assert outcome in seen.text
        stranger = study.server.guild("Other").member("Eve", permissions=Perm.MANAGE_GUILD)
        assert (
            "no longer in one server" in (await study.pressed(stranger, f"nn:resume:{drill.channel}", stranger.dm)).text
        )
        assert "no longer does anything" in (await study.pressed(study.ada, "nn:hint:x", study.ada.dm)).text


# --- two servers --------------------------------------------------------------------------------------------


async def test_two_servers_never_see_anything_of_each_other(study: Server) -> None:
    other = study.server.guild("Other")
    there, eve = other.channel("lobby"), other.member("Eve", permissions=Perm.MANAGE_GUILD)
    bob_there = other.member("Bob")
    async with study.running():
        card = await study.revealed()
        drill = await study.drill()
        round_ = (await study.program.bot.posted_rounds())[0]
        await eve.command(f"{ADMIN} setup", there, **SETUP)
        for who in (eve, bob_there):
            assert "No points yet" in await asked(who.command("nnquestion leaderboard", there, season="all"), who)
            assert "No points yet" in await asked(who.command("nnquestion me", there), who)
            assert "No round yet" in await asked(who.command("nnquestion history", there), who)
            for button in card.buttons:
                seen = await study.pressed(who, button["custom_id"], there)
                assert "That did not work" in seen.text
            for press in ("answer", "hint", "result"):
                seen = await study.pressed(who, f"nn:{press}:{round_.id}", there)
                assert seen.form is None
                assert "That did not work" in seen.text
        await study.ada.command(f"{ADMIN} pause", study.channel)
        for press in ("resume", "try"):
            assert "another group" in (await study.pressed(eve, f"nn:{press}:{drill.channel}", there)).text
        assert (await study.drill()).next is None
        assert not await study.program.store.read(lambda tx: tx.rounds.live(drill.channel))
        assert "Bob" in (await study.ada.command("nnquestion leaderboard", study.channel)).text


async def test_the_buttons_of_an_open_round_do_nothing_in_another_server(study: Server) -> None:
    other = study.server.guild("Other")
    there, eve = other.channel("lobby"), other.member("Eve", permissions=Perm.MANAGE_GUILD)
    async with study.running():
        card = await study.open_round()
        assert card.labels == ["Answer", "Hint"]
        for button in card.buttons:
            seen = await study.pressed(eve, button["custom_id"], there)
            assert seen.form is None
            assert "That did not work" in seen.text


async def test_an_answer_by_a_form_of_another_server_is_not_counted(study: Server) -> None:
    other = study.server.guild("Other")
    there, eve = other.channel("lobby"), other.member("Eve")
    async with study.running():
        card = await study.open_round()
        form = (await study.bob.press(card, "Answer")).form
        assert form is not None
        fields = [{"type": 18, "component": {"type": 4, "custom_id": "text", "value": FULL}}]
        data = {"custom_id": form.custom_id, "components": fields}
        begun = study.server.world.interactions.begin(Act.FORM, eve, there, data)
        assert "Not counted" in (await eve.settled(begun)).text
        assert await study.program.bot.answers_in((await study.program.bot.posted_rounds())[0].id) == []


# --- hostile words ------------------------------------------------------------------------------------------

TYPED = "@everyone <@&1> *a* [x](http://evil.example) `b` ||c|| abc # d"
HOSTILE = TYPED.replace("abc", "\u202eabc\u202c")


async def test_hostile_names_and_answers_ping_nobody_and_show_as_typed(study: Server) -> None:
    study.guild.give(Perm.MENTION_EVERYONE)
    mallory = study.guild.member(HOSTILE)
    async with study.running():
        card = await study.open_round()
        assert card.thread is not None
        said = await mallory.say(card.thread, f"{HOSTILE} {FULL}")
        await study.until(lambda: bool(said.reactions))
        form = (await mallory.press(card, "Answer")).form
        assert form is not None
        assert form.fields[0].value == f"{HOSTILE} {FULL}".replace("||", "")  # the marks of a spoiler
        await study.at("18:00")
        await study.until(lambda: "My result" in card.labels)
        study.open_to_everybody()
        seen = [
            await mallory.command("nnquestion leaderboard", study.channel),
            await mallory.command("nnquestion me", study.channel),
            await mallory.command("nnquestion ask", study.channel, topic=HOSTILE),
            await mallory.command("nnquestion help", study.channel, command=HOSTILE),
            await study.ada.command(f"{ADMIN} next", study.channel, question=HOSTILE.upper()),
            await study.ada.command(f"{ADMIN} setup", study.channel, zone=TYPED),
            await study.ada.command(f"{ADMIN} setup", study.channel, organizers=HOSTILE),
        ]
        for one in seen:
            assert TYPED in as_shown(one.text).replace("\ufffd", ""), one.text
            effective = re.sub(r"\\.", "", one.text)  # what has a backslash before it has no effect
            assert not re.search(r"@everyone|<@|\*a\*|\[x\]\(|http:|`b`|\|\||[\u202a-\u202e]", effective), one.text


def as_shown(text: str) -> str:
    """A text in Discord's Markdown as people see it, as far as backslashes go."""
    return re.sub(r"\\(.)", r"\1", text)
