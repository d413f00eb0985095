"""A small bot on an unmodified discord.py, for the tests of the servers themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import discord
from discord import app_commands

from tests.wire.discord_server import DiscordServer

TICK = "\N{WHITE HEAVY CHECK MARK}"


class AnswerForm(discord.ui.Modal, title="Your answer"):
    note = discord.ui.TextDisplay[Any]("What is a loss?")
    answer = discord.ui.Label[Any](
        text="Answer",
        component=discord.ui.TextInput(style=discord.TextStyle.paragraph, min_length=3, custom_id="words"),
    )
    share = discord.ui.Label[Any](
        text="Share",
        component=discord.ui.RadioGroup(
            custom_id="share",
            options=[discord.RadioGroupOption(label="Yes", value="y"), discord.RadioGroupOption(label="No", value="n")],
        ),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        words, share = self.answer.component, self.share.component
        assert isinstance(words, discord.ui.TextInput)
        assert isinstance(share, discord.ui.RadioGroup)
        await interaction.response.send_message(f"recorded: {words.value} ({share.value})", ephemeral=True)


class Buttons(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Answer", custom_id="answer", style=discord.ButtonStyle.primary)
    async def answer(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.send_modal(AnswerForm(custom_id=f"form:{interaction.id}", timeout=900))

    @discord.ui.button(label="Count", custom_id="count")
    async def count(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.edit_message(content="counted")

    @discord.ui.button(label="Nothing", custom_id="nothing")
    async def nothing(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        """Does not answer."""

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.defer()
        await interaction.followup.send("here it is", ephemeral=True)


class SampleBot(discord.Client):
    """Posts a card on `/study ask`, keeps what it hears, and marks what is said in threads."""

    def __init__(self, *, content: bool = False) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True, dm_messages=True)
        intents.message_content = content
        super().__init__(intents=intents, guild_ready_timeout=0.01, allowed_mentions=discord.AllowedMentions.none())
        self.heard: list[str] = []
        self.deleted: list[int] = []
        self.left: list[str] = []
        self.ready = 0
        self.tree = app_commands.CommandTree(self)
        group = app_commands.Group(name="study", description="Study")
        group.command(name="ask", description="A question now")(ask)
        group.command(name="slow", description="A late answer")(slow)
        self.tree.add_command(group)
        self.tree.add_command(app_commands.ContextMenu(name="Submit as my answer", callback=submit))

    async def setup_hook(self) -> None:
        self.add_view(Buttons())
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Without the five seconds that discord.py waits before it identifies anew."""

    async def on_ready(self) -> None:
        self.ready += 1

    async def on_message(self, message: discord.Message) -> None:
        if message.author == self.user or message.type is discord.MessageType.thread_starter_message:
            return
        self.heard.append(message.content)
        if isinstance(message.channel, discord.Thread):
            await message.add_reaction(TICK)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        self.deleted.append(event.message_id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.left.append(f"removed from {guild.name}")

    async def on_guild_unavailable(self, guild: discord.Guild) -> None:
        self.left.append(f"{guild.name} is down")


async def ask(interaction: discord.Interaction, topic: str = "loss") -> None:
    await interaction.response.defer(ephemeral=True)
    assert isinstance(interaction.channel, discord.TextChannel)
    card = await interaction.channel.send(f"What is {topic}?", view=Buttons(), embed=discord.Embed(title="Question"))
    await card.create_thread(name="Answers")
    await interaction.followup.send("asked", ephemeral=True)


async def _topics(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=name, value=name) for name in ("loss", "layers") if name.startswith(typed)]


ask = app_commands.autocomplete(topic=_topics)(ask)


async def slow(interaction: discord.Interaction) -> None:
    """Waits until the test lets it answer."""
    client = interaction.client
    assert isinstance(client, SampleBot)
    client.heard.append("slow")
    await client.wait_for("let_go")
    try:
        await interaction.response.send_message("late")
    except discord.NotFound as error:
        client.heard.append(f"late: {error.code}")


async def submit(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"yours: {message.content}", ephemeral=True)


@asynccontextmanager
async def running(server: DiscordServer, bot: SampleBot | None = None) -> AsyncIterator[SampleBot]:
    """The bot, connected; at the end it is closed, and an error that stopped it is raised."""
    bot = bot or SampleBot()
    task = asyncio.create_task(bot.start(server.token))
    try:
        await server.until(lambda: server.gateway.connected or task.done())
        if task.done():
            task.result()
        await server.connected()
        # discord.py's task for `on_ready` outlives `close`, and a loop that ends in between leaves it un-awaited.
        await server.until(lambda: bot.ready)
        yield bot
    finally:
        await bot.close()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
