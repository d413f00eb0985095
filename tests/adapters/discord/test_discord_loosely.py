"""The bot with servers that speak Discord less exactly than Discord does: simulators, bridges, older versions."""

from __future__ import annotations

import copy
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.discord.study import SETUP, Study, text_of
from tests.store.files import with_tables
from tests.wire.discord_server import DiscordServer, Intent, Perm

FULL = "it is a rather long answer about gradients and weights"
OTHER = "another rather long answer about losses and their slopes"

Event = dict[str, Any]


@pytest.fixture
async def study(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Study]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        guild = server.guild("Study")
        ada = guild.member("Ada", permissions=Perm.MANAGE_GUILD)
        yield Study(server, with_tables(tmp_path / "x.db"), guild, guild.channel("general"), ada, guild.member("Bob"))
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert wrong == []


def rewriting(study: Study, *events: str) -> Callable[[Callable[[Event], None]], None]:
    """Have these events changed before they are sent."""

    def install(change: Callable[[Event], None]) -> None:
        def rewrite(event: str, data: Event) -> Event:
            if event not in events:
                return data
            data = copy.deepcopy(data)
            change(data)
            return data

        study.server.gateway.rewrite = rewrite

    return install


async def day(study: Study) -> None:
    """From setup to the reveal, with an answer in each way."""
    async with study.running():
        await study.set_up()
        await study.at("10:00")
        card = await study.question()
        thread = card.thread
        assert thread is not None
        said = await study.bob.say(thread, FULL)
        await study.until(lambda: study.server.bot in said.reactions.get("✅", []))
        form = (await study.ada.press(card, "Answer")).form
        assert form is not None
        assert "Recorded" in (await study.ada.submit(form, {"Your answer": OTHER})).text
        talk = await study.ada.say(thread, FULL)
        assert "Revised" in (await study.ada.use_on(talk, "Submit as my answer")).text
        await study.at("18:00")
        await study.until(lambda: any("Reference answer" in text_of(message) for message in thread.messages))
        await study.until(lambda: card.edited)
        assert "Your result" in text_of((await study.bob.press(card, "My result")).answer)


async def test_a_server_that_knows_of_no_shards(study: Study) -> None:
    rewriting(study, "READY")(lambda data: data.pop("shard"))
    await day(study)


async def test_interactions_that_tell_nothing_of_anybodys_rights(study: Study) -> None:
    def change(data: Event) -> None:
        for name in ("app_permissions", "locale", "guild_locale", "entitlements", "authorizing_integration_owners"):
            data.pop(name, None)
        data.get("member", {}).pop("permissions", None)

    # Without them rights are read off the roles.
    study.guild.everyone.permissions |= Perm.VIEW_CHANNEL
    rewriting(study, "INTERACTION_CREATE")(change)
    await day(study)


@pytest.mark.parametrize("rights", ["8", "0"])
async def test_administrators_and_owners_may_set_up_whatever_else_they_are_granted(study: Study, rights: str) -> None:
    owner = study.guild.by_id[study.guild.owner.id]
    who = owner if rights == "0" else study.bob

    def change(data: Event) -> None:
        data["member"]["permissions"] = rights
        data["app_permissions"] = "8"

    rewriting(study, "INTERACTION_CREATE")(change)
    async with study.running():
        for command in study.server.world.commands[None]:
            command.pop("default_member_permissions", None)
        seen = await who.command("nnquestion-admin setup", study.channel, **SETUP)
        assert "The drill is set up" in seen.text


async def test_a_menu_whose_kind_is_not_told(study: Study) -> None:
    def change(data: Event) -> None:
        if "target_id" in data["data"]:
            del data["data"]["type"]

    rewriting(study, "INTERACTION_CREATE")(change)
    await day(study)


async def test_a_form_whose_labels_hold_a_list(study: Study) -> None:
    def change(data: Event) -> None:
        for label in data["data"].get("components", []):
            if "component" in label:
                label["components"] = [label.pop("component")]

    rewriting(study, "INTERACTION_CREATE")(change)
    await day(study)


async def test_a_thread_of_the_rounds_that_somebody_else_is_said_to_own(study: Study) -> None:
    rewriting(study, "THREAD_CREATE")(lambda data: data.update(owner_id="7"))
    await day(study)


async def test_a_thread_that_the_gateway_never_tells_of(study: Study) -> None:
    rewriting(study, "THREAD_CREATE")(lambda data: data.update(guild_id="7"))
    await day(study)


async def test_edits_that_carry_no_stamp_or_one_that_cannot_be(study: Study) -> None:
    async with study.running():
        await study.set_up()
        await study.at("10:00")
        card = await study.question()
        assert card.thread is not None
        said = await study.bob.say(card.thread, FULL)
        for stamp in (None, "2015-01-01T00:00:00+00:00", "2015-01-01T00:00:00+00:00"):
            rewriting(study, "MESSAGE_UPDATE")(lambda data, stamp=stamp: data.update(edited_timestamp=stamp))  # type: ignore[misc]
            text = f"{said.content} once more"
            await study.bob.edit(said, text)
            await study.handled()
            [round_] = await study.program.bot.posted_rounds()
            [answer] = await study.program.bot.answers_in(round_.id)
            assert answer.text == text
            study.server.clock.advance(60)
