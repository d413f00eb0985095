"""A study group in a loopback Discord: the assembled program on real sockets, and a clock that tests move."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import repeat
from pathlib import Path

from bot import runtime
from bot.adapters.discord.connection import StudyClient
from bot.runtime import Program
from bot.settings import load
from tests.wire.discord_server import Channel, DiscordServer, Guild, Interaction, Member, Message
from tests.wire.discord_server.interactions import Act

SETUP = {"time": "10:00", "zone": "UTC", "closes": "18:00"}


@dataclass(slots=True)
class Study:
    """A server with a guild, a channel and people in it, and the program with its database."""

    server: DiscordServer
    database: Path
    guild: Guild
    channel: Channel
    ada: Member
    bob: Member
    programs: list[Program] = field(default_factory=list)

    @property
    def program(self) -> Program:
        return self.programs[-1]

    @asynccontextmanager
    async def running(self, *, shards: int = 1) -> AsyncIterator[Program]:
        """The program, connected and ready; at the end it is closed as on SIGTERM."""
        program = self.assemble()
        client = program.discord
        assert isinstance(client, StudyClient)
        assert program.discord_adapter is not None
        program.discord_adapter.pauses, program.discord_adapter.between_sessions = lambda: repeat(0.01), 0
        client.shard_count = shards
        client._connection.guild_ready_timeout = 0.01  # how long discord.py waits for more guilds
        task = asyncio.create_task(client.start(self.server.token))
        try:
            await self.server.until(lambda: self.server.gateway.connected or task.done())
            if task.done():
                task.result()
            await self.server.connected()
            await asyncio.wait_for(client.wait_until_ready(), 10)
            yield program
        finally:
            assert program.discord_adapter is not None
            await program.discord_adapter.close()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def kept_running(self) -> AsyncIterator[Program]:
        """The program as the command `run` runs it: connected anew after whatever goes wrong, with no pause."""
        program = self.assemble()
        adapter = program.discord_adapter
        assert adapter is not None
        adapter.pauses, adapter.between_sessions = lambda: repeat(0.01), 0
        adapter.guilds_within = adapter.client._connection.guild_ready_timeout = 0.01
        await program.begin()
        task = asyncio.create_task(adapter.run(self.server.token))
        try:
            await self.server.until(lambda: adapter.client.is_ready() or task.done())
            if task.done():
                task.result()
            await self.handled()
            yield program
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await adapter.close()
            await program.end()

    async def handled(self) -> None:
        """Wait until all that has happened has come to the program, and nothing of it is in hand any more."""
        adapter = self.program.discord_adapter
        assert adapter is not None
        await self.server.connected()
        await adapter.idle()
        await self.server.caught_up()

    def assemble(self) -> Program:
        settings = load(
            {
                "DISCORD_TOKEN": self.server.token,
                "DISCORD_API_URL": self.server.api_url,
                "DISCORD_GATEWAY_URL": self.server.gateway_url,
                "NNQUESTION_DATABASE": str(self.database),
                "NNQUESTION_WEB": "off",
            }
        )
        self.programs.append(runtime.build(settings, lambda: self.server.clock.now, paces={}))
        return self.program

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something to be so; the program, every copy of it, looks at its clock meanwhile."""
        self.wake()
        await self.server.until(condition)

    async def at(self, clock: str, day: int = 0) -> None:
        """Let it be a time of the first day, or so many days later."""
        first = datetime(2026, 11, 22, tzinfo=self.server.clock.now.tzinfo)
        self.server.clock.set(datetime.combine(first + timedelta(days=day), time.fromisoformat(clock), first.tzinfo))
        await self.server.caught_up()
        self.wake()

    def wake(self) -> None:
        """Every copy of the program looks at its clock; which of them leads is for them to know."""
        for program in self.programs:
            program.woken.set()

    async def set_up(self, **options: str) -> None:
        """Set up the drill as an organizer does."""
        seen = await self.ada.command("nnquestion-admin setup", self.channel, **{**SETUP, **options})
        assert seen.ephemeral
        assert "The drill is set up" in text_of(seen.answer), text_of(seen.answer)

    async def pressed(self, who: Member, custom_id: str, channel: Channel | None = None) -> Interaction:
        """Somebody presses a button that stands on no message of the bot's any more, or never did."""
        data = {"custom_id": custom_id, "component_type": 2, "id": 1}
        begun = self.server.world.interactions.begin(Act.COMPONENT, who, channel or self.channel, data)
        return await who.settled(begun)

    def deliver_again(self) -> None:
        """Discord sends the latest interaction once more, as after a gap in the connection."""
        for session in self.server.gateway.connected:
            event = [json.loads(text) for _, text in session.sent if '"INTERACTION_CREATE"' in text][-1]
            session.dispatch("INTERACTION_CREATE", event["d"])

    @asynccontextmanager
    async def slow_database(self) -> AsyncIterator[None]:
        """Whatever is asked of the database waits until the end of this."""
        store, released = self.program.store, threading.Event()
        busy = asyncio.gather(store.read(lambda tx: released.wait(30)), store.write(lambda tx: released.wait(30)))
        try:
            yield
        finally:
            released.set()
            await busy

    async def question(self) -> Message:
        """The latest card in the channel, with its thread."""
        await self.until(lambda: bool(self.channel.messages))
        if "Answer" in self.channel.messages[-1].labels:
            await self.until(lambda: self.channel.messages[-1].thread is not None)
        return self.channel.messages[-1]


def seen_only_by(who: Member, seen: Interaction) -> bool:
    """Whether all that came of it is for that member alone."""
    return bool(seen.seen) and all(message.seen_by is who.user for message in seen.seen)


def text_of(message: Message | None) -> str:
    """What a message's embeds say."""
    if message is None:
        return ""
    return "\n".join(
        f"{embed.get('title', '')}\n{embed.get('description', '')}\n{embed.get('footer', {}).get('text', '')}"
        for embed in message.embeds
    )
