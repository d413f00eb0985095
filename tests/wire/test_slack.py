"""The loopback Slack, driven by an unmodified slack_bolt: what works on Slack works here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)

from tests.wire.slack_sample_bot import CARD, FORM, TICK, SampleBot, running, settle
from tests.wire.slack_server import (
    EVENTS,
    FAILED,
    TIMED_OUT,
    TROUBLE,
    UNREACHABLE,
    CannotDo,
    Channel,
    Guest,
    Member,
    Message,
    Poster,
    SlackServer,
    Stage,
    Team,
)


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


@pytest.fixture
def team(server: SlackServer) -> Team:
    return server.team("Study")


@pytest.fixture
def channel(team: Team) -> Channel:
    return team.channel("general")


@pytest.fixture
def ada(team: Team, channel: Channel) -> Member:
    return team.user("ada", tz="Europe/Berlin")


@pytest.fixture
async def bot(server: SlackServer, team: Team, ada: Member) -> AsyncIterator[SampleBot]:
    async with running(server, team) as bot:
        yield bot
    assert not server.complaints
    assert not server.unknown


async def card(bot: SampleBot, channel: Channel) -> Message:
    """A message with buttons."""
    sent = await bot.client.chat_postMessage(channel=channel.id, text="What is a loss?", blocks=CARD)
    return channel.by_ts[str(sent["ts"])]


# --- commands -------------------------------------------------------------------------------------------------


async def test_a_command_is_answered_in_its_acknowledgement(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    seen = await ada.command("/study", "hello", channel)
    assert (seen.text, seen.ephemeral, seen.error) == ("said: hello", True, None)
    assert not channel.messages
    assert [one.text for one in ada.seen(channel)][-1] == "said: hello"
    assert [one.method for one in server.requests] == ["apps.connections.open", "auth.test"]


async def test_a_command_posts_a_card_and_responds_later(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member, team: Team
) -> None:
    seen = await ada.command("/study", "ask", channel, wait=False)
    await server.until(lambda: len(seen.shown) == 2)
    assert (seen.text, seen.ephemeral) == ("asked", True)
    message = channel.messages[-1]
    assert message.labels == ["Answer", "Count", "Later"]
    assert message.words.splitlines()[:2] == ["Question", "What is a *loss*?"]
    assert seen.shown[0] is message
    bob = team.user("bob")
    assert [one.text for one in bob.seen(channel)].count("asked") == 0
    assert not server.pings


async def test_a_command_can_be_answered_before_everybody(bot: SampleBot, channel: Channel, ada: Member) -> None:
    seen = await ada.command("/study", "public", channel)
    assert (seen.text, seen.ephemeral) == ("to everybody", False)
    assert channel.messages[-1].subtype == "bot_message"


async def test_a_command_works_where_the_bot_is_no_member(bot: SampleBot, team: Team, ada: Member) -> None:
    private = team.channel("secret", private=True, bot=False)
    assert (await ada.command("/study", "hello", private)).text == "said: hello"
    assert bot.payloads[-1]["channel_name"] == "privategroup"


async def test_a_command_that_is_not_acknowledged_in_three_seconds_fails(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    seen = await ada.command("/study", "never", channel, wait=False)
    await server.until(lambda: any(one.get("text") == "never" for one in bot.payloads))
    server.clock.advance(2.9)
    assert seen.error is None
    server.clock.advance(0.1)
    assert seen.error == TIMED_OUT
    server.clock.advance(1000)
    assert [one.attempt for one in server.deliveries.named("/study")] == [0]


async def test_a_late_acknowledgement_counts_for_nothing(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    bot.gate.clear()
    seen = await ada.command("/study", "hello", channel, wait=False)
    await server.until(lambda: any(one.get("text") == "hello" for one in bot.payloads))
    server.clock.advance(3)
    bot.gate.set()
    await server.until(lambda: server.deliveries.stray)
    assert (seen.error, seen.reply) == (TIMED_OUT, None)


async def test_without_a_socket_a_person_reads_that_the_command_failed(channel: Channel, ada: Member) -> None:
    assert (await ada.command("/study", "hello", channel)).error == UNREACHABLE


async def test_what_there_is_nothing_to_see_of_is_only_acknowledged(
    bot: SampleBot, channel: Channel, ada: Member
) -> None:
    seen = await ada.command("/study", "silent", channel, wait=False)
    assert (await ada.answered(seen)).acknowledged
    with pytest.raises(TimeoutError, match="ask for `answered`"):
        await ada.settled(seen, patience=0.01)


async def test_a_response_url_takes_five_messages_in_thirty_minutes(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    await ada.command("/study", "hello", channel)
    url = bot.payloads[-1]["response_url"]
    for number in range(5):
        async with bot.session.post(url, json={"text": str(number)}) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
    async with bot.session.post(url, json={"text": "six"}) as answer:
        assert (answer.status, (await answer.json())["error"]) == (404, "used_url")
    await ada.command("/study", "hello", channel)
    server.clock.advance(timedelta(minutes=30, seconds=1))
    async with bot.session.post(bot.payloads[-1]["response_url"], json={"text": "late"}) as answer:
        assert (await answer.json())["error"] == "expired_url"
    assert [one.text for one in ada.ephemerals] == ["said: hello", *"01234", "said: hello"]


# --- buttons, menus and forms ---------------------------------------------------------------------------------


async def test_a_button_opens_a_form_and_the_form_is_answered(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    seen = await ada.press(await card(bot, channel), "Answer")
    form = seen.modal
    assert form is not None
    assert form is ada.modal
    assert (form.title, form.fields, form.private_metadata) == ("Your answer", ["Answer", "How sure"], "round-1")
    await ada.submit(form, {"Answer": "how wrong it is", "How sure": "Sure"})
    assert ada.modal is None
    await server.until(lambda: ada.dm.messages)
    assert ada.dm.messages[0].text == "recorded: how wrong it is"
    values = bot.payloads[-1]["view"]["state"]["values"]
    assert values["level"]["sure"]["selected_option"]["value"] == "y"


async def test_a_form_that_is_not_taken_says_why_under_its_field(bot: SampleBot, channel: Channel, ada: Member) -> None:
    form = (await ada.press(await card(bot, channel), "answer")).modal
    assert form is not None
    seen = await ada.submit(form, {"words": "short"})
    assert seen.errors == {"Answer": "Say a little more"}
    assert ada.modal is form
    seen = await ada.submit(form, {"typed": "more"})
    assert seen.modal is form
    assert form.title == "And now"
    await ada.submit(form, {"Answer": "clear"})
    assert form.closed


async def test_forms_lie_upon_each_other_three_deep(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    root = (await ada.press(await card(bot, channel), "Answer")).modal
    assert root is not None
    above = (await ada.press(root, "Hint")).modal
    assert above is not None
    assert (above.previous_id, above.root_id, above.title) == (root.id, root.id, "A hint")
    third = (await ada.press(above, "Hint")).modal
    assert third is not None
    await ada.press(third, "Hint", wait=False)
    await server.until(lambda: len(server.asked("views.push")) == 3)
    await server.until(lambda: server.asked("views.push")[-1].status)
    assert server.asked("views.push")[-1].answer["error"] == "push_limit_reached"
    assert ada.modals == [root, above, third]
    closing = await ada.close(third)
    assert closing is not None
    assert closing.acknowledged
    assert bot.payloads[-1]["type"] == "view_closed"
    assert ada.modal is above


async def test_a_trigger_opens_one_form_within_three_seconds(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    async def trigger() -> str:
        await ada.command("/study", "hello", channel)
        return str(bot.payloads[-1]["trigger_id"])

    used = await trigger()
    await bot.client.views_open(trigger_id=used, view=FORM)
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await bot.client.views_open(trigger_id=used, view=FORM)
    late = await trigger()
    server.clock.advance(3.1)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await bot.client.views_open(trigger_id=late, view=FORM)
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        await bot.client.views_open(trigger_id="1.2.3", view=FORM)


async def test_bolt_loses_an_acknowledgement_whose_listener_fails_right_after_it(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    async def failing(ack: Any) -> None:
        await ack()
        raise RuntimeError("within the ten milliseconds between two looks of slack_bolt at the acknowledgement")

    bot.app._async_listeners = []
    bot.app.command("/study")(failing)
    seen = await ada.command("/study", "hello", channel, wait=False)
    with pytest.raises(TimeoutError):
        await ada.answered(seen, patience=0.1)
    assert bot.payloads[-1]["text"] == "hello"


async def test_a_press_changes_the_message(bot: SampleBot, channel: Channel, ada: Member) -> None:
    message = await card(bot, channel)
    seen = await ada.press(message, "Count")
    assert seen.reply is message
    assert (message.text, message.blocks) == ("counted", [])
    assert message.edited is not None


async def test_a_press_is_answered_by_its_response_url(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    message = await card(bot, channel)
    seen = await ada.press(message, "Later")
    assert (seen.text, seen.ephemeral) == ("here it is", True)
    seen = await ada.choose(message, "Level", "Hard")
    assert seen.reply is message
    assert message.text == "picked 2"
    (ephemeral,) = ada.ephemerals
    assert ephemeral in ada.seen(channel)
    await ada.delete(ephemeral)
    assert ephemeral not in ada.seen(channel)


async def test_an_ephemeral_card_does_not_show_itself_in_what_is_pressed_on_it(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    await bot.client.chat_postEphemeral(channel=channel.id, user=ada.id, text="just you", blocks=CARD)
    (hers,) = ada.ephemerals
    await ada.choose(hers, "pick", "1")
    assert hers.text == "picked 1"
    assert "message" not in bot.payloads[-1]
    assert bot.payloads[-1]["container"]["is_ephemeral"]
    with pytest.raises(SlackApiError, match="message_not_found"):
        await bot.client.chat_update(channel=channel.id, ts=hers.ts, text="no")


async def test_a_menu_that_the_bot_fills_offers_what_fits(bot: SampleBot, channel: Channel, ada: Member) -> None:
    message = await card(bot, channel)
    assert await ada.suggest(message, "Topic", "l") == ["loss", "layers"]
    assert await ada.suggest(message, "Topic", "la") == ["layers"]


async def test_an_acknowledgement_that_a_form_cannot_show_is_trouble(
    server: SlackServer, channel: Channel, ada: Member, team: Team
) -> None:
    async with running(server, team) as bot:

        async def wrong(ack: Any) -> None:
            await ack(response_action="errors", errors={"no such block": "words"})

        bot.app._async_listeners = []
        bot.app.view("answer_form")(wrong)
        bot.app.command("/study")(bot._command)
        form = (await ada.command("/study", "form", channel)).modal
        assert form is not None
        assert (await ada.submit(form, {"Answer": "x" * 3000})).error == TROUBLE
        assert ada.modal is form
    assert any("view_submission is refused" in one for one in server.complaints)


async def test_shortcuts_of_messages_and_of_the_composer(
    bot: SampleBot, channel: Channel, ada: Member, team: Team
) -> None:
    hers = await ada.say(channel, "a & b")
    assert (await ada.shortcut(hers, "submit")).text == "yours: a &amp; b"
    assert (await ada.global_shortcut("new")).modal is ada.modal is not None


# --- events ---------------------------------------------------------------------------------------------------


async def test_what_people_say_in_threads_is_heard_and_marked(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    message = await card(bot, channel)
    hers = await ada.say(channel, "it is < 1 & see https://x.y/z", thread=message)
    await server.until(lambda: hers.reactions)
    assert hers.reactions == {TICK: [channel.team.bot]}
    assert bot.texts()[-1] == "it is &lt; 1 &amp; see <https://x.y/z>"
    event = bot.payloads[-1]["event"] if bot.payloads[-1]["event"]["type"] == "message" else bot.payloads[-2]["event"]
    assert (event["thread_ts"], event["parent_user_id"]) == (message.ts, channel.team.bot.id)
    assert event["channel_type"] == "channel"
    assert message.replies == [hers]
    assert hers not in channel.messages


async def test_an_edit_a_preview_and_a_deletion_are_heard(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    hers = await ada.say(channel, "first")
    await ada.edit(hers, "second")
    hers.unfold()
    await ada.delete(hers)
    await server.caught_up()
    events = [one["event"] for one in bot.payloads if one.get("type") == "event_callback"][-4:]
    assert [one.get("subtype") for one in events] == [None, "message_changed", "message_changed", "message_deleted"]
    assert events[1]["message"]["text"] == "second"
    assert events[1]["previous_message"]["text"] == "first"
    assert events[1]["message"]["edited"]["user"] == ada.id
    assert events[2]["message"]["text"] == events[2]["previous_message"]["text"]
    assert events[3]["deleted_ts"] == hers.ts
    assert hers not in channel.messages


async def test_a_deleted_parent_stands_as_a_tombstone_while_it_has_replies(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    parent = await ada.say(channel, "parent")
    reply = await ada.say(channel, "reply", thread=parent)
    await ada.delete(parent)
    await server.until(lambda: "message.message_changed" in bot.names())
    assert channel.messages[-1].subtype == "tombstone"
    await bot.client.chat_postMessage(channel=channel.id, thread_ts=parent.ts, text="still")
    assert [one.text for one in parent.replies] == ["reply", "still"]
    await ada.delete(reply)
    await bot.client.chat_delete(channel=channel.id, ts=parent.replies[-1].ts)
    assert parent.ts not in channel.by_ts
    with pytest.raises(SlackApiError, match="thread_not_found"):
        await bot.client.chat_postMessage(channel=channel.id, thread_ts=parent.ts, text="gone")


async def test_a_reply_to_the_channel_too_is_a_broadcast_with_its_root(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    parent = await ada.say(channel, "parent")
    await ada.say(channel, "reply", thread=parent, broadcast=True)
    await server.until(lambda: "message.thread_broadcast" in bot.names())
    assert bot.payloads[-1]["event"]["root"]["ts"] == parent.ts
    assert [one.text for one in channel.messages][-2:] == ["parent", "reply"]


async def test_a_mention_is_heard_twice_with_two_event_ids(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    await ada.mention_bot(channel, "ask")
    await server.until(lambda: len(bot.ids) == 2)
    assert sorted(bot.names()) == ["app_mention", "message"]
    assert len(set(bot.ids)) == 2
    assert bot.texts("app_mention") == bot.texts()
    bot.heard.clear()
    await ada.mention_bot(ada.dm, "ask")
    await server.caught_up()
    assert bot.names() == ["message"]


async def test_direct_messages_of_one_and_of_several(
    server: SlackServer, bot: SampleBot, team: Team, ada: Member
) -> None:
    group = team.group_dm(ada, team.user("bob"))
    await ada.say(ada.dm, "alone")
    await ada.say(group, "together")
    await server.until(lambda: len(bot.texts()) == 2)
    assert [one["event"]["channel_type"] for one in bot.payloads[-2:]] == ["im", "mpim"]
    opened = await bot.client.conversations_open(users=[ada.id])
    assert opened["channel"]["id"] == ada.dm.id


async def test_what_happens_where_the_bot_is_not_is_not_heard(
    server: SlackServer, bot: SampleBot, team: Team, channel: Channel, ada: Member
) -> None:
    elsewhere = team.channel("elsewhere", bot=False)
    await ada.say(elsewhere, "unheard")
    elsewhere.invite_bot()
    await ada.say(elsewhere, "heard")
    elsewhere.kick_bot()
    await ada.say(elsewhere, "unheard")
    await server.caught_up()
    assert bot.texts() == ["heard"]
    assert [name for name in bot.names() if "channel" in name] == [
        "member_joined_channel",
        "member_left_channel",
        "channel_left",
    ]


async def test_what_admins_do_with_channels_is_heard(
    server: SlackServer, bot: SampleBot, team: Team, channel: Channel, ada: Member
) -> None:
    private = team.channel("secret", private=True)
    for one in (channel, private):
        one.rename("other")
        one.archive()
        one.unarchive()
        one.delete()
    await server.caught_up()
    words = ["rename", "archive", "unarchive", "deleted"]
    assert bot.names() == [f"{kind}_{word}" for kind in ("channel", "group") for word in words]
    with pytest.raises(CannotDo, match="is not in"):
        await ada.say(channel, "hello")


async def test_reactions_are_heard(server: SlackServer, bot: SampleBot, channel: Channel, ada: Member) -> None:
    message = await card(bot, channel)
    await ada.react(message, "eyes")
    await ada.unreact(message, "eyes")
    await server.until(lambda: "reaction_removed" in bot.names())
    assert bot.payloads[-1]["event"]["item"] == {"type": "message", "channel": channel.id, "ts": message.ts}


async def test_home_is_published_and_pressed(server: SlackServer, bot: SampleBot, ada: Member) -> None:
    await ada.open_messages()
    await server.until(lambda: bot.names() == ["app_home_opened"])
    assert ada.home is None
    home = await ada.open_home()
    assert home is not None
    assert (home.words.splitlines()[0], home.labels) == ("Your answers", ["Refresh"])
    before = home.hash
    seen = await ada.press(home, "Refresh")
    assert seen.views == [home]
    assert home.hash != before
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await bot.client.views_publish(user_id=ada.id, view={"type": "home", "blocks": []}, hash=before)


async def test_an_uninstalled_app_hears_of_it_and_then_nothing(
    server: SlackServer, bot: SampleBot, team: Team, channel: Channel, ada: Member
) -> None:
    team.uninstall()
    await ada.say(channel, "unheard")
    await server.caught_up()
    assert bot.names() == ["tokens_revoked", "app_uninstalled"]
    with pytest.raises(SlackApiError, match="account_inactive"):
        await bot.client.chat_postMessage(channel=channel.id, text="hello")
    with pytest.raises(CannotDo, match="not installed"):
        await ada.command("/study", "hello", channel)
    team.reinstall()
    await bot.client.chat_postMessage(channel=channel.id, text="back")
    team.revoke_token()
    with pytest.raises(SlackApiError, match="token_revoked"):
        await bot.client.auth_test()


async def test_only_what_the_app_has_subscribed_to_is_sent() -> None:
    async with SlackServer(events=EVENTS - {"message.channels"}) as server:
        team = server.team("Study")
        channel, ada = team.channel("general"), team.user("ada")
        await ada.mention_bot(channel, "hello")
        assert [one.name for one in server.deliveries.all] == ["app_mention"]


async def test_the_bots_own_messages_come_back_as_events_and_bolt_drops_them(
    server: SlackServer, bot: SampleBot, channel: Channel
) -> None:
    message = await card(bot, channel)
    await server.caught_up()
    await bot.client.chat_update(channel=channel.id, ts=message.ts, text="changed")
    await server.caught_up()
    assert [one.name for one in server.deliveries.all][-2:] == ["message", "message.message_changed"]
    assert bot.heard == []


# --- deliveries -----------------------------------------------------------------------------------------------


async def test_an_event_that_is_not_acknowledged_is_sent_at_once_after_one_and_after_five_minutes(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    bot.gate.clear()
    await ada.say(channel, "hello")
    (delivery,) = [one for one in server.deliveries.under_way if one.name == "message"]
    for count, wait in enumerate((3, 3, 59.9, 0.1, 3, 299.9, 0.1, 3)):
        await server.until(lambda count=count: len(bot.heard) == (1, 2, 2, 2, 3, 3, 3, 4)[count])  # type: ignore[misc]
        server.clock.advance(wait)
    assert [retry for _, _, retry in bot.heard] == [0, 1, 2, 3]
    assert len(set(bot.ids)) == 1
    assert delivery.stage is Stage.LOST
    assert server.deliveries.lost == [delivery]
    bot.gate.set()
    await server.until(lambda: len(server.deliveries.stray) == 4)


async def test_an_event_without_a_listener_is_never_acknowledged_by_bolt(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    bot.app._async_listeners = []
    await ada.say(channel, "hello")
    await server.until(lambda: len(bot.heard) == 1)
    server.clock.advance(3)
    await server.until(lambda: len(bot.heard) == 2)
    assert bot.heard[1] == ("message", "hello", 1)
    server.deliveries.all[-1].stage = Stage.LOST


async def test_events_come_twice_late_and_in_another_order_if_ordered(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    server.deliveries.duplicate("message")
    await ada.say(channel, "one")
    await server.until(lambda: len(bot.ids) == 2)
    assert len(set(bot.ids)) == 1
    held = server.deliveries.hold("message")
    for word in ("two", "three"):
        await ada.say(channel, word)
    assert len(held.waiting) == 2
    held.release(backwards=True)
    await server.until(lambda: len(bot.ids) == 4)
    assert bot.texts() == ["one", "one", "three", "two"]


@pytest.mark.parametrize("trouble", ["refresh_requested", "warning", "closed"])
async def test_a_bot_that_is_sent_away_comes_back_and_loses_nothing(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member, trouble: str
) -> None:
    if trouble == "closed":
        server.sockets.close()
    else:
        server.sockets.disconnect(trouble)
    await ada.say(channel, "in between")
    assert bot.texts() == []
    await server.connected()
    await ada.say(channel, "after")
    await server.caught_up()
    server.clock.advance(60)
    await server.until(lambda: sorted(bot.texts()) == ["after", "in between"])
    assert ("message", "in between", 2) in bot.heard
    assert server.sockets.opened == 2
    assert not server.deliveries.lost


async def test_a_close_right_after_the_word_to_go_makes_slack_sdk_connect_twice(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    server.sockets.disconnect("link_disabled")
    await server.until(lambda: server.sockets.opened == 3)
    await server.connected()
    assert (await ada.command("/study", "hello", channel)).text == "said: hello"


async def test_a_socket_that_was_cut_is_replaced(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    server.sockets.drop()
    await server.until(lambda: not server.sockets.connections)
    assert (await ada.command("/study", "hello", channel)).error == UNREACHABLE
    await server.connected()
    assert (await ada.command("/study", "hello", channel)).text == "said: hello"


async def test_a_silent_socket_looks_well_and_nothing_comes(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    server.sockets.silence()
    await ada.say(channel, "hello")
    seen = await ada.command("/study", "hello", channel, wait=False)
    server.clock.advance(3)
    assert seen.error == TIMED_OUT
    assert bot.heard == []
    server.clock.advance(3)
    assert server.sockets.connections
    server.sockets.drop()
    await server.connected()
    server.clock.advance(60)
    await server.until(lambda: bot.texts() == ["hello"])


async def test_each_payload_goes_to_one_of_several_sockets(
    server: SlackServer, bot: SampleBot, team: Team, channel: Channel, ada: Member
) -> None:
    async with running(server, team) as other:
        await server.connected(2)
        for number in range(4):
            await ada.say(channel, str(number))
        await server.caught_up()
        assert (len(bot.texts()), len(other.texts())) == (2, 2)


async def test_an_address_for_a_socket_works_once_and_slack_sdk_asks_for_no_other(
    server: SlackServer, bot: SampleBot, team: Team
) -> None:
    handler: Any = AsyncSocketModeHandler(bot.app, server.app_token, ping_interval=0.3)
    server.sockets.refusing = True
    connecting = asyncio.create_task(handler.connect_async())
    await server.until(lambda: len(server.asked("apps.connections.open")) == 2)
    address = None
    async with bot.session.post(
        f"{server.api_url}apps.connections.open", headers={"Authorization": f"Bearer {server.app_token}"}
    ) as answer:
        address = (await answer.json())["url"]
    server.sockets.refusing = False
    await connecting
    socket = await bot.session.ws_connect(address)
    assert (await socket.receive_json())["num_connections"] == 3
    await socket.close()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await bot.session.ws_connect(address)
    assert "used before" in server.complaints.pop()
    await handler.disconnect_async()
    again = asyncio.create_task(handler.connect_async())
    await server.until(lambda: len(server.complaints) >= 2)
    handler.client.closed = True
    again.cancel()
    await handler.close_async()
    await settle()
    assert len(server.asked("apps.connections.open")) == 3
    server.complaints.clear()


async def test_an_eleventh_socket_is_one_too_many(server: SlackServer, bot: SampleBot) -> None:
    sockets = []
    for _ in range(10):
        sockets.append(await bot.session.ws_connect(server.sockets.address()))
    body = await sockets[-1].receive_json()
    assert (body["type"], body["reason"]) == ("disconnect", "too_many_websockets")
    for socket in sockets:
        await socket.close()


# --- HTTP mode ------------------------------------------------------------------------------------------------


@pytest.fixture
async def poster(server: SlackServer, team: Team, ada: Member) -> AsyncIterator[tuple[Poster, SampleBot]]:
    bot = SampleBot(server, team, before_response=True)
    statuses: list[int] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        answer = await to_aiohttp_response(await bot.app.async_dispatch(await to_bolt_request(request)))
        statuses.append(answer.status)
        return answer

    site = web.Application()
    site.router.add_post("/slack/events", handle)
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    poster = server.http_mode(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    yield poster, bot
    bot.gate.set()
    await runner.cleanup()
    await settle()
    await bot.session.close()
    assert not server.complaints


async def test_in_http_mode_the_address_is_verified_and_forgeries_are_refused(
    server: SlackServer, poster: tuple[Poster, SampleBot]
) -> None:
    post, bot = poster
    assert await post.verify()
    event = {"type": "event_callback", "event": {"type": "message", "text": "forged"}}
    assert await post.forge(event) == 401
    assert await post.forge(event, secret=server.signing_secret, age=301) == 401
    assert bot.heard == []


async def test_in_http_mode_commands_forms_and_events_arrive(
    server: SlackServer, poster: tuple[Poster, SampleBot], channel: Channel, ada: Member
) -> None:
    _, bot = poster
    assert (await ada.command("/study", "hello", channel)).text == "said: hello"
    seen = await ada.press(await card(bot, channel), "Answer")
    assert seen.modal is not None
    assert (await ada.submit(seen.modal, {"Answer": "short"})).errors == {"Answer": "Say a little more"}
    await ada.submit(seen.modal, {"Answer": "good"})
    await ada.say(channel, "hello")
    await server.until(lambda: "hello" in bot.texts())
    await server.caught_up()
    assert not server.deliveries.lost


async def test_in_http_mode_events_are_sent_again_with_their_number(
    server: SlackServer, poster: tuple[Poster, SampleBot], channel: Channel, ada: Member
) -> None:
    _, bot = poster
    bot.gate.clear()
    await ada.say(channel, "hello")
    await server.until(lambda: len(bot.heard) == 1)
    server.clock.advance(3)
    await server.until(lambda: len(bot.heard) == 2)
    assert [retry for _, _, retry in bot.heard] == [0, 1]
    assert server.deliveries.all[-1].reason == "http_timeout"
    bot.gate.set()
    await server.caught_up()
    assert server.deliveries.all[-1].stage is Stage.ACKNOWLEDGED


async def test_in_http_mode_an_address_that_fails_is_told_to_the_person(
    server: SlackServer, team: Team, channel: Channel, ada: Member
) -> None:
    server.http_mode(f"{server.world.host}/nowhere")
    assert (await ada.command("/study", "hello", channel)).error == FAILED
    await ada.say(channel, "hello")
    await server.until(lambda: server.deliveries.all[-1].attempt == 2)
    assert server.deliveries.all[-1].reason == "http_error"


@pytest.mark.parametrize("no_retry", [False, True])
async def test_in_http_mode_an_event_is_not_sent_again_to_who_does_not_want_it(
    server: SlackServer, channel: Channel, ada: Member, no_retry: bool
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"} if no_retry else {})

    site = web.Application()
    site.router.add_post("/", handle)
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.http_mode(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    await ada.say(channel, "hello")
    (delivery,) = server.deliveries.all
    await server.until(lambda: delivery.stage is (Stage.LOST if no_retry else Stage.WAITING))
    assert delivery.attempt == (0 if no_retry else 2)
    await runner.cleanup()
    if not no_retry:
        server.clock.advance(60)
        await server.until(lambda: delivery.attempt == 3)
        assert delivery.reason == "connection_failed"


async def test_in_http_mode_half_an_answer_is_none(server: SlackServer, channel: Channel, ada: Member) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(text='{"text": "he', content_type="application/json")

    site = web.Application()
    site.router.add_post("/", handle)
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.http_mode(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    assert (await ada.command("/study", "hello", channel)).error == FAILED
    assert "says that it is JSON" in server.complaints[0]
    await runner.cleanup()


async def test_workspaces_know_nothing_of_each_other(server: SlackServer, bot: SampleBot, channel: Channel) -> None:
    other = server.team("Other")
    there, eve = other.channel("general"), other.user("eve")
    await eve.say(there, "hello")
    await server.until(lambda: bot.texts() == ["hello"])
    assert bot.payloads[-1]["team_id"] == bot.payloads[-1]["authorizations"][0]["team_id"] == other.id
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await bot.client.chat_postMessage(channel=there.id, text="hello")
    await bot.client.chat_postMessage(channel=there.id, text="hello", token=other.token)
    assert there.messages[-1].user is other.bot
    with pytest.raises(SlackApiError, match="user_not_found"):
        await bot.client.users_info(user=eve.id)


# --- reading and writing --------------------------------------------------------------------------------------


async def test_history_comes_newest_first_in_pages_with_metadata_on_request(
    bot: SampleBot, channel: Channel, ada: Member
) -> None:
    metadata = {"event_type": "nn_round", "event_payload": {"round_id": "1"}}
    first = await bot.client.chat_postMessage(channel=channel.id, text="0", metadata=metadata)
    for number in range(1, 5):
        await ada.say(channel, str(number))
    read, cursor = [], ""
    while True:
        page = await bot.client.conversations_history(
            channel=channel.id, limit=2, cursor=cursor, oldest=first["ts"], inclusive=True, include_all_metadata=True
        )
        read += page["messages"]
        cursor = page["response_metadata"]["next_cursor"]
        if not page["has_more"]:
            break
    assert [one["text"] for one in read] == ["4", "3", "2", "1", "0"]
    assert read[-1]["metadata"] == metadata
    page = await bot.client.conversations_history(channel=channel.id, oldest=first["ts"])
    assert [one["text"] for one in page["messages"]] == ["4", "3", "2", "1"]
    page = await bot.client.conversations_history(channel=channel.id)
    assert "metadata" not in page["messages"][-1]


async def test_replies_come_oldest_first_after_their_parent(bot: SampleBot, channel: Channel, ada: Member) -> None:
    parent = await card(bot, channel)
    said = [await ada.say(channel, str(number), thread=parent) for number in range(3)]
    page = await bot.client.conversations_replies(channel=channel.id, ts=parent.ts, oldest=said[0].ts)
    assert [one["ts"] for one in page["messages"]] == [parent.ts, said[1].ts, said[2].ts]
    assert page["messages"][0]["reply_count"] == 3
    with pytest.raises(SlackApiError, match="thread_not_found"):
        await bot.client.conversations_replies(channel=channel.id, ts=str(float(parent.ts)))


async def test_people_channels_and_the_app_itself_are_read(
    bot: SampleBot, team: Team, channel: Channel, ada: Member
) -> None:
    shown = (await bot.client.users_info(user=ada.id, include_locale=True))["user"]
    assert (shown["tz"], shown["tz_offset"], shown["locale"]) == ("Europe/Berlin", 3600, "en-US")
    assert not shown["is_admin"]
    eve = team.user("eve", admin=True, guest=Guest.SINGLE)
    shown = (await bot.client.users_info(user=eve.id))["user"]
    assert shown["is_admin"]
    assert shown["is_ultra_restricted"]
    team.channel("secret", private=True, bot=False)
    listed = await bot.client.conversations_list(types=["public_channel", "private_channel"])
    assert [one["name"] for one in listed["channels"]] == ["general"]
    assert (await bot.client.conversations_info(channel=channel.id))["channel"]["is_member"]
    members = (await bot.client.conversations_members(channel=channel.id))["members"]
    assert set(members) == {team.bot.id, ada.id, team.founder.id}
    assert (await bot.client.team_info())["team"]["domain"] == "study"
    who = await bot.client.auth_test()
    assert (who["user_id"], who["bot_id"]) == (team.bot.id, team.bot_id)
    assert (await bot.client.bots_info(bot=team.bot_id))["bot"]["user_id"] == team.bot.id
    mine = await bot.client.users_conversations()
    assert [one["id"] for one in mine["channels"]] == [channel.id]
    assert len((await bot.client.users_list())["members"]) == 4


async def test_a_file_is_uploaded_into_a_thread(bot: SampleBot, channel: Channel, ada: Member) -> None:
    message = await card(bot, channel)
    await bot.client.files_upload_v2(
        channel=channel.id, thread_ts=message.ts, filename="a.csv", content="1,2", initial_comment="Export"
    )
    (reply,) = message.replies
    assert (reply.text, reply.files[0]["name"]) == ("Export", "a.csv")


async def test_who_is_pinged_is_written_down(
    server: SlackServer, bot: SampleBot, channel: Channel, ada: Member
) -> None:
    say = bot.client.chat_postMessage
    harmless: list[dict[str, Any]] = [
        {"type": "section", "text": plain_text(f"{ada.mention} <!here>")},
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": f"{ada.mention} <!channel>"}]}
            ],
        },
    ]
    await say(channel=channel.id, text=f"@ada &lt;!here&gt; &lt;@{ada.id}&gt;", blocks=harmless)
    assert not server.pings
    await say(channel=channel.id, text=f"{ada.mention} <!here>")
    await say(
        channel=channel.id, text="x", blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": ada.mention}}]
    )
    elements = [{"type": "broadcast", "range": "channel"}, {"type": "user", "user_id": ada.id}]
    rich = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}]
    await say(channel=channel.id, text="x", blocks=rich)
    await say(channel=channel.id, text="@ada", link_names=True)
    assert [one.who for one in server.pings] == ["ada", "@here", "ada", "@channel", "ada", "ada"]
    assert channel.messages[-2].pings == ("@channel", "ada")


def plain_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


async def test_stamps_come_from_a_clock_that_the_test_moves(
    server: SlackServer, bot: SampleBot, channel: Channel
) -> None:
    early = await bot.client.chat_postMessage(channel=channel.id, text="early")
    server.clock.advance(3600)
    late = await bot.client.chat_postMessage(channel=channel.id, text="late")
    assert 3600 <= float(late["ts"]) - float(early["ts"]) < 3601
    link = (await bot.client.chat_getPermalink(channel=channel.id, message_ts=late["ts"]))["permalink"]
    assert link == f"https://study.slack.com/archives/{channel.id}/p{late['ts'].replace('.', '')}"


# --- faults ---------------------------------------------------------------------------------------------------


async def test_a_429_is_raised_or_waited_for(server: SlackServer, bot: SampleBot, channel: Channel) -> None:
    server.faults.rate_limit("chat.*", retry_after=30)
    with pytest.raises(SlackApiError) as raised:
        await bot.client.chat_postMessage(channel=channel.id, text="hello")
    assert raised.value.response.status_code == 429
    assert raised.value.response.headers["Retry-After"] == "30"
    order = server.faults.rate_limit("chat.*", retry_after=0)
    bot.client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await bot.client.chat_postMessage(channel=channel.id, text="hello")
    assert order.met == 1
    assert [one.status for one in server.asked("chat.postMessage")] == [429, 429, 200]


@pytest.mark.parametrize("landed", [False, True])
async def test_a_5xx_and_half_a_body_come_before_or_after_the_effect(
    server: SlackServer, bot: SampleBot, channel: Channel, landed: bool
) -> None:
    server.faults.fail("chat.postMessage", status=500, landed=landed)
    server.faults.garble("chat.postMessage", landed=landed)
    for _ in range(2):
        with pytest.raises(SlackApiError):
            await bot.client.chat_postMessage(channel=channel.id, text="hello")
    assert [one.text for one in channel.messages].count("hello") == (2 if landed else 0)


async def test_a_connection_that_is_cut_after_the_effect_makes_slack_sdk_post_twice(
    server: SlackServer, bot: SampleBot, channel: Channel
) -> None:
    server.faults.cut("chat.postMessage", landed=True, times=2)
    with pytest.raises(aiohttp.ClientError):
        await bot.client.chat_postMessage(channel=channel.id, text="once")
    bot.client.retry_handlers.append(AsyncConnectionErrorRetryHandler())
    await bot.client.chat_postMessage(channel=channel.id, text="twice")
    assert [one.text for one in channel.messages if one.by_app] == ["once", "twice", "twice"]


async def test_an_answer_that_is_held_lands_after_the_client_has_given_up(
    server: SlackServer, bot: SampleBot, channel: Channel
) -> None:
    held = server.faults.hold("chat.postMessage", where=lambda arguments: arguments["channel"] == channel.id)
    sending = asyncio.create_task(bot.client.chat_postMessage(channel=channel.id, text="late"))
    await held.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not [one for one in channel.messages if one.by_app]
    held.release()
    await server.until(lambda: [one for one in channel.messages if one.by_app])


async def test_any_word_of_slacks_own_comes_to_order(server: SlackServer, bot: SampleBot, channel: Channel) -> None:
    server.faults.refuse("chat.postMessage", "ratelimited")
    with pytest.raises(SlackApiError, match="ratelimited") as raised:
        await bot.client.chat_postMessage(channel=channel.id, text="hello")
    assert raised.value.response.status_code == 200


async def test_limits_count_once_they_are_on(server: SlackServer, bot: SampleBot, team: Team, channel: Channel) -> None:
    server.limits.on = True
    await bot.client.chat_postMessage(channel=channel.id, text="one")
    await bot.client.chat_postMessage(channel=team.channel("other").id, text="two")
    with pytest.raises(SlackApiError) as raised:
        await bot.client.chat_postMessage(channel=channel.id, text="three")
    assert raised.value.response.headers["Retry-After"] == "1"
    server.limits.distributed = True
    for number in range(20):
        await team.founder.say(channel, str(number))
    page = await bot.client.conversations_history(channel=channel.id, limit=100)
    assert len(page["messages"]) == 15
    with pytest.raises(SlackApiError) as raised:
        await bot.client.conversations_history(channel=channel.id)
    assert 59 <= int(raised.value.response.headers["Retry-After"]) <= 60


async def test_a_crash_of_the_web_api_does_not_keep_the_bot_from_its_socket(server: SlackServer, team: Team) -> None:
    server.faults.fail("apps.connections.open", status=500)
    bot = SampleBot(server, team)
    handler: Any = AsyncSocketModeHandler(bot.app, server.app_token, ping_interval=0.2)
    await handler.connect_async()
    await server.connected()
    await handler.close_async()
    await settle()
    await bot.session.close()
    assert len(server.asked("apps.connections.open")) == 2


async def test_what_never_comes_is_not_waited_for_in_vain(server: SlackServer, team: Team) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{server.api_url}chat.sing") as answer:
        assert (await answer.json())["error"] == "unknown_method"
    with pytest.raises(TimeoutError, match=r"POST chat\.sing -> 200 unknown_method"):
        await server.until(lambda: False, patience=0.01)
    assert [str(request) for request in server.unknown] == ["POST chat.sing -> 200 unknown_method"]
