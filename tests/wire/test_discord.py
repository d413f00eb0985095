"""The loopback Discord, driven by an unmodified discord.py: what works on Discord works here."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest

from tests.wire.discord_server import (
    FORM_FAILED,
    NO_ANSWER,
    CannotDo,
    Channel,
    DiscordServer,
    Guild,
    Intent,
    Member,
    Message,
    Perm,
    Refusal,
)
from tests.wire.sample_bot import TICK, Buttons, SampleBot, running


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def guild(server: DiscordServer) -> Guild:
    return server.guild("Study")


@pytest.fixture
def channel(guild: Guild) -> Channel:
    return guild.channel("general")


@pytest.fixture
def ada(guild: Guild) -> Member:
    return guild.member("Ada")


@pytest.fixture
async def bot(server: DiscordServer, channel: Channel) -> AsyncIterator[SampleBot]:
    async with running(server) as bot:
        yield bot


def place(bot: SampleBot, channel: Channel) -> discord.TextChannel:
    found = bot.get_channel(channel.id)
    assert isinstance(found, discord.TextChannel)
    return found


async def card(bot: SampleBot, channel: Channel) -> Message:
    """A message with buttons."""
    sent = await place(bot, channel).send("What is a loss?", view=Buttons())
    return channel.by_id[sent.id]


# --- sessions -------------------------------------------------------------------------------------------------


async def test_a_bot_logs_in_and_sees_its_guilds_and_channels(
    server: DiscordServer, bot: SampleBot, channel: Channel
) -> None:
    assert [guild.name for guild in bot.guilds] == ["Study"]
    assert place(bot, channel).permissions_for(bot.guilds[0].me).value & Perm.CREATE_PUBLIC_THREADS
    assert server.commands() == ["study", "Submit as my answer"]
    assert len(server.gateway.identifies) == 1
    assert not server.unknown


async def test_a_sharded_bot_asks_where_the_gateway_is(server: DiscordServer, guild: Guild) -> None:
    class Sharded(discord.AutoShardedClient):
        async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None: ...

    client = Sharded(intents=discord.Intents(guilds=True), guild_ready_timeout=0.01)
    task = asyncio.create_task(client.start(server.token))
    await server.until(client.is_ready)
    await client.close()
    await task
    assert server.asked("GET", "/gateway/bot")
    assert server.gateway.identifies[0]["shard"] == [0, 1]


async def test_what_happens_while_the_socket_is_down_is_replayed_once_and_in_order(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    await ada.say(channel, f"{server.bot.mention} before")
    server.gateway.drop()
    for number in range(20):
        await ada.say(channel, f"{server.bot.mention} {number}")
    await server.until(lambda: server.gateway.resumes == 1)
    await ada.say(channel, f"{server.bot.mention} after")
    await server.until(lambda: len(bot.heard) >= 22)
    await server.caught_up()
    assert [text.split()[1] for text in bot.heard] == ["before", *map(str, range(20)), "after"]
    assert len(server.gateway.identifies) == 1


@pytest.mark.parametrize("trouble", ["reconnect", "resumable", "closed"])
async def test_a_bot_that_is_sent_away_resumes(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member, trouble: str
) -> None:
    match trouble:
        case "reconnect":
            server.gateway.ask_to_reconnect()
        case "resumable":
            server.gateway.invalidate(resumable=True)
        case _:
            server.gateway.drop(4000)
    await ada.say(channel, f"{server.bot.mention} hello")
    await server.until(lambda: bot.heard)
    assert server.gateway.resumes == 1


async def test_an_invalid_session_is_begun_anew_and_what_came_between_is_lost(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    server.gateway.invalidate()
    await ada.say(channel, f"{server.bot.mention} lost")
    await server.until(lambda: bot.ready == 2)
    await ada.say(channel, f"{server.bot.mention} heard")
    await server.until(lambda: bot.heard)
    assert [text.split()[1] for text in bot.heard] == ["heard"]
    assert (len(server.gateway.identifies), server.gateway.resumes) == (2, 0)


async def test_an_expired_session_cannot_be_resumed(server: DiscordServer, bot: SampleBot) -> None:
    server.gateway.drop()
    server.gateway.forget()
    await server.until(lambda: bot.ready == 2)
    assert (len(server.gateway.identifies), server.gateway.resumes) == (2, 0)


async def test_a_bot_that_hears_no_heartbeats_gives_the_socket_up(server: DiscordServer, guild: Guild) -> None:
    server.gateway.heartbeat_interval = 0.05
    server.gateway.acknowledging = False
    bot = SampleBot()
    bot._connection.heartbeat_timeout = 0.1  # discord.py's own setting, in whole minutes by default
    async with running(server, bot):
        await server.until(lambda: server.gateway.resumes)


async def test_a_wrong_token_is_refused_by_both_faces(server: DiscordServer) -> None:
    async with SampleBot() as client:
        with pytest.raises(discord.LoginFailure):
            await client.start("bad")
    async with SampleBot() as client:
        await client.login(server.token)
        client.http.token = "bad"
        with pytest.raises(discord.ConnectionClosed) as refused:
            await client.connect()
        assert refused.value.code == 4004


async def test_a_privileged_intent_that_is_not_granted_closes_the_socket_with_4014(server: DiscordServer) -> None:
    async with SampleBot(content=True) as client:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await client.start(server.token)


async def test_a_bot_that_is_removed_is_told_apart_from_an_outage(
    server: DiscordServer, bot: SampleBot, guild: Guild
) -> None:
    guild.go_down()
    await server.until(lambda: bot.left)
    guild.come_back()
    guild.remove_bot()
    await server.until(lambda: len(bot.left) == 2)
    guild.add_bot()
    await server.until(lambda: bot.get_guild(guild.id))
    assert bot.left == ["Study is down", "removed from Study"]


# --- commands, buttons, forms ---------------------------------------------------------------------------------


async def test_a_slash_command_is_deferred_and_followed_up(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    seen = await ada.command("study ask", channel, topic="backpropagation")
    assert (seen.text, seen.ephemeral, seen.error) == ("asked", True, None)
    (message,) = channel.messages
    assert message.content == "What is backpropagation?"
    assert message.labels == ["Answer", "Count", "Nothing", "Later"]
    assert message.thread is not None
    assert [thread.name for thread in channel.threads] == ["Answers"]
    assert message.thread.id == message.id
    assert not server.pings


async def test_an_option_offers_what_is_typed(bot: SampleBot, channel: Channel, ada: Member) -> None:
    assert await ada.complete("study ask", "topic", "l", channel) == [("loss", "loss"), ("layers", "layers")]
    assert await ada.complete("study ask", "topic", "la", channel) == [("layers", "layers")]


async def test_a_button_opens_a_form_and_the_form_is_answered(bot: SampleBot, channel: Channel, ada: Member) -> None:
    seen = await ada.press(await card(bot, channel), "Answer")
    assert seen.form is not None
    assert [field.label for field in seen.form.fields] == ["Answer", "Share"]
    assert seen.form.texts == ["What is a loss?"]
    reply = await ada.submit(seen.form, {"Answer": "how wrong it is", "share": "No"})
    assert (reply.text, reply.ephemeral) == ("recorded: how wrong it is (n)", True)
    assert len(channel.messages) == 1
    with pytest.raises(CannotDo, match="too short"):
        await ada.submit(seen.form, {"Answer": "hm", "share": "No"})


async def test_a_button_changes_its_message(bot: SampleBot, channel: Channel, ada: Member) -> None:
    message = await card(bot, channel)
    seen = await ada.press(message, "count")
    assert seen.answer is message
    assert (message.content, message.edited is not None, message.labels[0]) == ("counted", True, "Answer")


async def test_a_button_is_answered_beside_its_message(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    message = await card(bot, channel)
    seen = await ada.press(message, "Later")
    await server.until(lambda: seen.followups)
    assert (seen.text, message.content) == ("here it is", "What is a loss?")


async def test_after_three_seconds_of_the_servers_clock_the_application_did_not_respond(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    seen = await ada.press(await card(bot, channel), "Nothing", wait=False)
    server.clock.advance(2.9)
    assert seen.error is None
    server.clock.advance(0.2)
    assert seen.error == NO_ANSWER


async def test_an_answer_that_comes_too_late_finds_no_interaction(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    seen = ada.call("study slow", channel)
    await server.until(lambda: bot.heard)
    server.clock.advance(3.1)
    bot.dispatch("let_go")
    await server.until(lambda: len(bot.heard) == 2)
    assert bot.heard[1] == "late: 10062"
    assert (seen.error, seen.text) == (NO_ANSWER, "")


async def test_a_form_that_gets_no_answer_says_that_something_went_wrong(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    seen = await ada.press(await card(bot, channel), "Answer")
    assert seen.form is not None
    server.gateway.forget()
    sent = await ada.submit(seen.form, {"Answer": "words", "share": "y"}, wait=False)
    server.clock.advance(4)
    assert sent.error == FORM_FAILED


async def test_of_two_copies_of_a_bot_both_hear_and_one_answers(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    async with running(server, SampleBot()) as other:
        await server.until(lambda: len(server.gateway.connected) == 2)
        ada.call("study slow", channel)
        await server.until(lambda: bot.heard and other.heard)
        bot.dispatch("let_go")
        await server.until(lambda: server.asked("POST", "/interactions/*/*/callback"))
        await server.caught_up()
        errors: list[int] = []

        async def on_error(interaction: discord.Interaction, error: Exception) -> None:
            cause = error.__cause__ or error
            assert isinstance(cause, discord.HTTPException)
            errors.append(cause.code)

        other.tree.error(on_error)
        other.dispatch("let_go")
        await server.until(lambda: errors)
        assert errors == [40060]


async def test_a_message_is_handed_to_a_menu_command_with_all_it_says(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    message = await ada.say(channel, "gradients flow back")
    await server.until(lambda: bot.heard)
    assert bot.heard == [""]
    seen = await ada.use_on(message, "Submit as my answer")
    assert seen.text == "yours: gradients flow back"


async def test_people_cannot_do_what_the_app_keeps_them_from(bot: SampleBot, channel: Channel, ada: Member) -> None:
    message = await card(bot, channel)
    with pytest.raises(CannotDo, match="only \\['Answer'"):
        await ada.press(message, "Reveal")
    with pytest.raises(CannotDo, match="no \\['subject'\\]"):
        await ada.command("study ask", channel, subject="x")
    with pytest.raises(CannotDo, match="cannot be called by itself"):
        await ada.command("study", channel)
    channel.take_away(Perm.SEND_MESSAGES, ada)
    with pytest.raises(CannotDo, match="may not"):
        await ada.say(channel, "hello")
    message.delete()
    with pytest.raises(CannotDo, match="does not see"):
        await ada.press(message, "Answer")


# --- messages and threads -------------------------------------------------------------------------------------


async def test_a_thread_is_read_back_marked_and_cleaned_up(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    await ada.command("study ask", channel)
    (thread,) = channel.threads
    first = await ada.say(thread, f"one {server.bot.mention}")
    second = await ada.say(thread, "two")
    await server.until(lambda: TICK in first.reactions and TICK in second.reactions)
    found = bot.get_channel(thread.id)
    assert isinstance(found, discord.Thread)
    page = [(one.id, one.type) async for one in found.history(limit=10, oldest_first=True)]
    starter = thread.messages[0]
    assert page == [
        (starter.id, discord.MessageType.thread_starter_message),
        (first.id, discord.MessageType.default),
        (second.id, discord.MessageType.default),
    ]
    after = [one.id async for one in found.history(after=discord.Object(first.id))]
    before = [one.id async for one in found.history(before=discord.Object(second.id))]
    around = [one.id async for one in found.history(around=discord.Object(first.id), limit=2)]
    assert (after, before, around) == ([second.id], [first.id, starter.id], [first.id, starter.id])
    await (await found.fetch_message(first.id)).remove_reaction(TICK, discord.Object(server.bot.id))
    await ada.delete(second)
    await server.until(lambda: bot.deleted == [second.id])
    assert not first.reactions
    await found.edit(archived=True, name="Done")
    assert (thread.archived, thread.name) == (True, "Done")


async def test_a_bot_without_the_intent_reads_only_what_is_addressed_to_it(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    plain = await ada.say(channel, "to nobody")
    own = await card(bot, channel)
    await ada.say(channel, f"to {server.bot.mention}")
    await ada.say(channel, "a reply", reply_to=own)
    await ada.say(channel, "a quiet reply", reply_to=own, ping=False)
    await ada.say(ada.dm, "in private")
    await server.until(lambda: len(bot.heard) == 5)
    assert bot.heard == ["", f"to {server.bot.mention}", "a reply", "", "in private"]
    assert (await place(bot, channel).fetch_message(plain.id)).content == ""
    assert (await place(bot, channel).fetch_message(own.id)).components


async def test_a_reply_to_an_answer_to_an_interaction_is_not_read(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    seen = ada.call("study slow", channel)
    await server.until(lambda: bot.heard)
    bot.dispatch("let_go")
    await ada.settled(seen)
    await ada.say(channel, "a reply", reply_to=seen.answer)
    await server.until(lambda: len(bot.heard) == 2)
    assert bot.heard == ["slow", ""]


async def test_a_bot_with_the_intent_reads_everything() -> None:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        channel = server.guild("Study").channel("general")
        async with running(server, SampleBot(content=True)) as bot:
            message = await server.guild("Study").member("Ada").say(channel, "to nobody", files={"a.txt": b"data"})
            await server.until(lambda: bot.heard)
            found = await place(bot, channel).fetch_message(message.id)
            assert (bot.heard, found.content) == (["to nobody"], "to nobody")
            assert await found.attachments[0].read() == b"data"


async def test_the_same_nonce_gives_the_same_message_for_some_minutes(
    server: DiscordServer, bot: SampleBot, channel: Channel
) -> None:
    here = place(bot, channel)
    first = await here.send("once", nonce="n1")
    assert (await here.send("twice", nonce="n1")).id == first.id
    assert [message.content for message in channel.messages] == ["once"]
    server.clock.advance(600)
    await here.send("much later", nonce="n1")
    assert len(channel.messages) == 2
    channel.messages[-1].delete()
    with pytest.raises(discord.NotFound):
        await here.send("once more", nonce="n1")


async def test_files_are_kept_and_can_be_taken_away(bot: SampleBot, channel: Channel) -> None:
    sent = await place(bot, channel).send(file=discord.File(io.BytesIO(b"png"), "board.png", description="The board"))
    (message,) = channel.messages
    (kept,) = message.attachments
    assert (kept.filename, kept.data, kept.description) == ("board.png", b"png", "The board")
    assert await sent.attachments[0].read() == b"png"
    await sent.edit(content="gone", attachments=[])
    assert not message.attachments


async def test_only_mentions_that_may_ping_do(
    server: DiscordServer, bot: SampleBot, guild: Guild, channel: Channel, ada: Member
) -> None:
    role = guild.role("Readers", mentionable=True)
    text = f"{ada.mention} {role.mention} @everyone `{guild.owner.mention}`"
    here = place(bot, channel)
    await here.send(text, embed=discord.Embed(description=text))
    assert not server.pings
    await here.send(text, allowed_mentions=discord.AllowedMentions.all())
    assert [ping.who for ping in server.pings] == ["Ada", "@Readers"]
    channel.give(Perm.MENTION_EVERYONE)
    await here.send("@everyone", allowed_mentions=discord.AllowedMentions(everyone=True))
    assert server.pings[-1].who == "@everyone"


async def test_a_layout_is_a_message_of_components_alone(bot: SampleBot, channel: Channel, ada: Member) -> None:
    class Same(discord.ui.Button[Any]):
        async def callback(self, interaction: discord.Interaction) -> None:
            await interaction.response.edit_message(view=self.view)

    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.Container(discord.ui.TextDisplay(f"words {ada.mention}"), discord.ui.Separator()))
    view.add_item(discord.ui.ActionRow(Same(label="Same", custom_id="same")))
    await place(bot, channel).send(view=view, allowed_mentions=discord.AllowedMentions(users=True))
    (message,) = channel.messages
    assert (message.labels, message.pings) == (["Same"], ("Ada",))
    assert (await ada.press(message, "Same")).answer is message


async def test_a_menu_is_chosen_from(server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member) -> None:
    picked: list[str] = []

    class Menu(discord.ui.Select[Any]):
        async def callback(self, interaction: discord.Interaction) -> None:
            picked.extend(self.values)
            await interaction.response.send_message("picked", ephemeral=True)

    view = discord.ui.View(timeout=None)
    view.add_item(Menu(custom_id="m", options=[discord.SelectOption(label="One", value="1")]))
    await place(bot, channel).send("choose", view=view)
    assert (await ada.choose(channel.messages[0], "m", ["One"])).text == "picked"
    assert picked == ["1"]


async def test_stamps_come_from_a_clock_that_the_test_moves(
    server: DiscordServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    early = await place(bot, channel).send("early")
    server.clock.advance(3600)
    late = await early.edit(content="late")
    assert late.edited_at is not None
    assert 3600 <= (late.edited_at - early.created_at).total_seconds() < 3601
    assert (await ada.say(channel, "x")).id > early.id


# --- faults ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_request_that_is_one_too_many_is_sent_again_by_the_client(
    server: DiscordServer, bot: SampleBot, channel: Channel, everywhere: bool
) -> None:
    order = server.faults.rate_limit("POST", "/channels/*/messages", everywhere=everywhere, times=2)
    await place(bot, channel).send("hello")
    assert order.met == 2
    assert [one.status for one in server.asked("POST", "/channels/*/messages")] == [429, 429, 200]
    assert len(channel.messages) == 1
    assert len(server.invalid) == 2


async def test_a_429_without_via_is_raised(server: DiscordServer, bot: SampleBot, channel: Channel) -> None:
    server.faults.rate_limit(via=False)
    with pytest.raises(discord.HTTPException) as raised:
        await place(bot, channel).send("hello")
    assert raised.value.status == 429


async def test_a_bucket_of_its_own_size_slows_the_client_down(
    server: DiscordServer, bot: SampleBot, guild: Guild, channel: Channel
) -> None:
    server.limits.set("POST", "/channels/{channel}/messages", size=2, per=0.1)
    await asyncio.gather(*(place(bot, channel).send(str(number)) for number in range(5)))
    assert len(channel.messages) == 5
    statuses = {one.status for one in server.asked("POST", "/channels/*/messages")}
    assert statuses <= {200, 429}


async def test_a_503_is_raised_whether_it_landed_or_not(
    server: DiscordServer, bot: SampleBot, channel: Channel
) -> None:
    for landed in (False, True):
        server.faults.fail("POST", "/channels/*/messages", status=503, landed=landed)
        with pytest.raises(discord.DiscordServerError):
            await place(bot, channel).send(f"landed: {landed}")
    assert [message.content for message in channel.messages] == ["landed: True"]


async def test_a_connection_is_cut_before_or_after_the_effect(
    server: DiscordServer, bot: SampleBot, channel: Channel
) -> None:
    for landed in (False, True):
        server.faults.cut("POST", "/channels/*/messages", landed=landed)
        with pytest.raises(aiohttp.ClientError):
            await place(bot, channel).send(f"landed: {landed}")
    assert [message.content for message in channel.messages] == ["landed: True"]


async def test_an_answer_that_is_held_lands_after_the_client_has_given_up(
    server: DiscordServer, bot: SampleBot, channel: Channel
) -> None:
    held = server.faults.hold("POST", "/channels/*/messages")
    sending = asyncio.create_task(place(bot, channel).send("late"))
    await held.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not channel.messages
    held.release()
    await server.until(lambda: channel.messages)


async def test_any_error_of_discords_own_comes_to_order(
    server: DiscordServer, bot: SampleBot, channel: Channel
) -> None:
    server.faults.refuse("POST", "/channels/*/messages", Refusal.UNKNOWN_CHANNEL)
    with pytest.raises(discord.NotFound) as raised:
        await place(bot, channel).send("hello")
    assert raised.value.code == 10003


async def test_what_the_client_points_at_is_as_before_afterwards() -> None:
    before = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    async with DiscordServer() as server:
        assert server.api_url == discord.http.Route.BASE
    assert before == (discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY)


async def test_what_never_comes_is_not_waited_for_in_vain(server: DiscordServer) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{server.api_url}/voice/regions") as answer:
        assert answer.status == 404
    with pytest.raises(TimeoutError, match="GET /voice/regions -> 404 0"):
        await server.until(lambda: False, patience=0.01)
    assert [str(request) for request in server.unknown] == ["GET /voice/regions -> 404 0"]
