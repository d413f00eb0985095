"""The bot in a Discord server, driven as members would, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.discord.study import Study, text_of
from tests.wire.discord_server import DiscordServer, Intent, Perm

FULL = "it is a rather long answer about gradients and weights"


@pytest.fixture
async def study(tmp_path: Path) -> AsyncIterator[Study]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        guild = server.guild("Study")
        channel = guild.channel("general")
        ada = guild.member("Ada", permissions=Perm.MANAGE_GUILD)
        yield Study(server, tmp_path / "x.db", guild, channel, ada, guild.member("Bob"))


async def test_a_day_from_setup_to_the_reveal(study: Study) -> None:
    async with study.running():
        await study.set_up()
        await study.at("10:00")
        card = await study.question()
        assert card.labels == ["Answer", "Hint"]
        thread = card.thread
        assert thread is not None
        said = await study.bob.say(thread, FULL)
        await study.until(lambda: bool(said.reactions))
        await study.at("18:00")
        await study.until(lambda: any("Reference answer" in text_of(message) for message in thread.messages))
        await study.until(lambda: bool(card.edited))
        seen = await study.bob.press(card, "My result")
        assert seen.ephemeral
        assert "Your result" in text_of(seen.answer)
    assert study.server.pings == []
    assert study.server.unknown == []
