"""The loopback Discord, asked for what it must not give: each request with the code that Discord answers it with."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.wire.discord_server import (
    Channel,
    ChannelType,
    DiscordServer,
    Flag,
    Form,
    Guild,
    Intent,
    Interaction,
    Member,
    Message,
    Perm,
)

Json = dict[str, Any]


@dataclass(slots=True)
class Scene:
    """A guild with a card of the bot, a thread under it, a message of Ada's, and a client without any manners."""

    server: DiscordServer
    http: aiohttp.ClientSession
    guild: Guild
    channel: Channel
    ada: Member
    card: Message
    thread: Channel
    hers: Message

    async def ask(self, method: str, path: str, body: Any = None, *, headers: Json | None = None) -> tuple[int, Any]:
        """Send a request; its status and body. Ids in a path are written as `{channel}`, `{thread}`, `{card}`..."""
        ids = {
            "channel": self.channel.id,
            "thread": self.thread.id,
            "card": self.card.id,
            "hers": self.hers.id,
            "guild": self.guild.id,
            "app": self.server.bot.id,
        }
        headers = {"Authorization": f"Bot {self.server.token}", **(headers or {})}
        url = self.server.api_url + path.format_map(ids)
        kind: Json = (
            {"data": body} if isinstance(body, aiohttp.FormData | str) else {} if body is None else {"json": body}
        )
        async with self.http.request(method, url, headers=headers, **kind) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    def call(self) -> Interaction:
        return self.ada.call("say", self.channel)

    async def respond(self, interaction: Interaction, body: Json) -> tuple[int, Any]:
        path = f"/interactions/{interaction.id}/{interaction.token}/callback?with_response=1"
        return await self.ask("POST", path, body)

    async def opens(self, form: Json) -> tuple[int, Any]:
        return await self.respond(self.call(), {"type": 9, "data": form})


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with DiscordServer() as server, aiohttp.ClientSession() as http:
        guild = server.guild("Study")
        channel = guild.channel("general")
        ada = guild.member("Ada")
        hers = await ada.say(channel, "hello")
        scene = Scene(server, http, guild, channel, ada, hers, channel, hers)
        command = {"name": "say", "description": "d"}
        assert (await scene.ask("PUT", "/applications/{app}/commands", [command]))[0] == 200
        assert (await scene.ask("POST", "/channels/{channel}/messages", {"content": "card"}))[0] == 200
        scene.card = channel.messages[-1]
        assert (await scene.ask("POST", "/channels/{channel}/messages/{card}/threads", {"name": "Answers"}))[0] == 201
        scene.thread = channel.threads[0]
        yield scene


# --- bodies of messages ---------------------------------------------------------------------------------------


def button(custom_id: str = "a", **more: Any) -> Json:
    return {"type": 2, "style": 1, "label": "A", "custom_id": custom_id, **more}


def row(*components: Json) -> Json:
    return {"type": 1, "components": list(components)}


def menu(**more: Any) -> Json:
    return {"type": 3, "custom_id": "m", "options": [{"label": "l", "value": "v"}], **more}


def embed(**more: Any) -> Json:
    return {"embeds": [more]}


def layout(*components: Json, **more: Any) -> Json:
    return {"flags": int(Flag.LAYOUT), "components": list(components), **more}


def text(length: int) -> Json:
    return {"type": 10, "content": "x" * length}


BAD_MESSAGES: list[tuple[str, Json, str]] = [
    ("content of 2001", {"content": "x" * 2001}, "content"),
    ("content that is no text", {"content": ["x"]}, "content"),
    ("11 embeds", {"embeds": [{"title": "t"}] * 11}, "embeds"),
    ("title of 257", embed(title="x" * 257), "embeds.0.title"),
    ("description of 4097", embed(description="x" * 4097), "embeds.0.description"),
    ("footer of 2049", embed(footer={"text": "x" * 2049}), "embeds.0.footer.text"),
    ("author of 257", embed(author={"name": "x" * 257}), "embeds.0.author.name"),
    ("26 fields", embed(fields=[{"name": "n", "value": "v"}] * 26), "embeds.0.fields"),
    ("field name of 257", embed(fields=[{"name": "x" * 257, "value": "v"}]), "embeds.0.fields.0.name"),
    ("field value of 1025", embed(fields=[{"name": "n", "value": "x" * 1025}]), "embeds.0.fields.0.value"),
    ("field without words", embed(fields=[{"name": " ", "value": "v"}]), "embeds.0.fields.0.name"),
    ("6001 in sum", {"embeds": [{"description": "x" * 3001}, {"description": "x" * 3000}]}, "embeds"),
    ("colour", embed(title="t", color=1 << 24), "embeds.0.color"),
    ("address of a file", embed(title="t", url="file:///etc"), "embeds.0.url"),
    ("time", embed(title="t", timestamp="noon"), "embeds.0.timestamp"),
    ("nonce of 26", {"content": "x", "nonce": "n" * 26}, "nonce"),
    ("6 rows", {"components": [row(button(str(n))) for n in range(6)]}, "components"),
    ("6 buttons", {"components": [row(*(button(str(n)) for n in range(6)))]}, "components.0.components"),
    ("row of nothing", {"components": [row()]}, "components.0.components"),
    ("button without a row", {"components": [button()]}, "components.0.type"),
    ("text without the flag", {"components": [text(1)]}, "components.0.type"),
    ("label of 81", {"components": [row(button(label="x" * 81))]}, "components.0.components.0.label"),
    ("button without a label", {"components": [row(button(label=None))]}, "components.0.components.0"),
    ("style", {"components": [row(button(style=9))]}, "components.0.components.0.style"),
    ("custom_id of 101", {"components": [row(button("x" * 101))]}, "components.0.components.0.custom_id"),
    ("no custom_id", {"components": [row(button(custom_id=""))]}, "components.0.components.0.custom_id"),
    ("custom_id twice", {"components": [row(button()), row(button())]}, "components.1.components.0.custom_id"),
    ("link with custom_id", {"components": [row(button(style=5, url="https://x.y"))]}, "components.0.components.0"),
    ("link to nowhere", {"components": [row({"type": 2, "style": 5, "label": "L"})]}, "components.0.components.0.url"),
    ("two menus in a row", {"components": [row(menu(), menu(custom_id="n"))]}, "components.0.components.1"),
    (
        "26 options",
        {"components": [row(menu(options=[{"label": "l", "value": str(n)} for n in range(26)]))]},
        "components",
    ),
    ("option twice", {"components": [row(menu(options=[{"label": "l", "value": "v"}] * 2))]}, "components"),
    ("min above max", {"components": [row(menu(min_values=3, max_values=2))]}, "components"),
    ("placeholder of 151", {"components": [row(menu(placeholder="x" * 151))]}, "components"),
    ("4001 signs of layout", layout(text(2000), text(2001)), "components"),
    ("41 components", layout(*(text(1) for _ in range(41))), "components"),
    (
        "41 nested",
        layout({"type": 17, "components": [text(1)] * 20}, {"type": 17, "components": [text(1)] * 20}),
        "components",
    ),
    ("content beside a layout", layout(text(1), content="x"), "content"),
    ("embed beside a layout", layout(text(1), **embed(title="t")), "embeds"),
    ("section alone", layout({"type": 9, "components": [text(1)]}), "components.0.accessory"),
    ("container in a container", layout({"type": 17, "components": [{"type": 17}]}), "components.0.components.0.type"),
    ("file that is not there", layout({"type": 13, "file": {"url": "attachment://a"}}), "components.0.file.url"),
    ("parse and users", {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, "allowed_mentions"),
    ("unknown parse", {"content": "x", "allowed_mentions": {"parse": ["me"]}}, "allowed_mentions.parse.0"),
    ("reply to nothing", {"content": "x", "message_reference": {"message_id": "1"}}, "message_reference"),
    ("attachment not sent", {"content": "x", "attachments": [{"id": "0", "filename": "f"}]}, "attachments.0.id"),
]


@pytest.mark.parametrize(("body", "where"), [one[1:] for one in BAD_MESSAGES], ids=[one[0] for one in BAD_MESSAGES])
async def test_a_message_that_breaks_a_limit_is_an_invalid_form(scene: Scene, body: Json, where: str) -> None:
    before = len(scene.channel.messages)
    status, answer = await scene.ask("POST", "/channels/{channel}/messages", body)
    assert (status, answer["code"], answer["message"]) == (400, 50035, "Invalid Form Body")
    tree = answer["errors"]
    for step in where.split("."):
        assert step in tree
        tree = tree[step]
    assert len(scene.channel.messages) == before


GOOD_MESSAGES: list[tuple[str, Json]] = [
    ("content of 2000", {"content": "\N{ROCKET}" * 2000}),
    ("6000 in sum", {"embeds": [{"description": "\N{ROCKET}" * 3000}] * 2}),
    ("25 buttons", {"components": [row(*(button(f"{m}{n}") for n in range(5))) for m in range(5)]}),
    ("40 components", layout({"type": 17, "components": [text(100) for _ in range(39)]})),
    ("4000 signs of layout", layout(text(4000))),
    ("section", layout({"type": 9, "components": [text(1)], "accessory": button()})),
    ("link", {"components": [row({"type": 2, "style": 5, "label": "L", "url": "https://example.org"})]}),
    ("users by id", {"content": "x", "allowed_mentions": {"parse": [], "users": ["1"]}}),
]


@pytest.mark.parametrize("body", [one[1] for one in GOOD_MESSAGES], ids=[one[0] for one in GOOD_MESSAGES])
async def test_a_message_that_just_keeps_to_a_limit_is_sent(scene: Scene, body: Json) -> None:
    status, answer = await scene.ask("POST", "/channels/{channel}/messages", body)
    assert status == 200, answer


@pytest.mark.parametrize("body", [{}, {"content": " \n"}, {"embeds": [{}]}, {"embeds": [{"description": " "}]}, None])
async def test_a_message_without_anything_in_it_is_refused(scene: Scene, body: Json | None) -> None:
    status, answer = await scene.ask("POST", "/channels/{channel}/messages", body)
    assert (status, answer) == (400, {"code": 50006, "message": "Cannot send an empty message"})
    status, answer = await scene.ask("PATCH", "/channels/{channel}/messages/{card}", {"content": ""})
    assert (status, answer["code"]) == (400, 50006)


async def test_bodies_of_the_wrong_kind_are_refused(scene: Scene) -> None:
    path = "/channels/{channel}/messages"
    assert (await scene.ask("POST", path, "{", headers={"Content-Type": "application/json"}))[1]["code"] == 50109
    assert (await scene.ask("POST", path, '{"content": "x"}', headers={"Content-Type": "text/plain"}))[1][
        "code"
    ] == 50035
    form = aiohttp.FormData()
    for number in range(11):
        form.add_field(f"files[{number}]", b"x", filename=f"{number}.txt")
    assert (await scene.ask("POST", path, form))[1]["code"] == 30015
    form = aiohttp.FormData()
    form.add_field("files[0]", io.BytesIO(b"x" * (10 * 2**20 + 1)), filename="big")
    assert (await scene.ask("POST", path, form))[1]["code"] == 50045


# --- routes ---------------------------------------------------------------------------------------------------

BAD_REQUESTS: list[tuple[str, str, Any, int, int]] = [
    ("GET", "/channels/1", None, 404, 10003),
    ("GET", "/channels/x", None, 400, 50035),
    ("GET", "/guilds/1", None, 404, 10004),
    ("GET", "/users/1", None, 404, 10013),
    ("GET", "/guilds/{guild}/members/1", None, 404, 10007),
    ("GET", "/channels/{channel}/messages/1", None, 404, 10008),
    ("GET", "/channels/{channel}/messages?limit=0", None, 400, 50035),
    ("GET", "/channels/{channel}/messages?limit=101", None, 400, 50035),
    ("GET", "/channels/{channel}/messages?limit=many", None, 400, 50035),
    ("GET", "/channels/{channel}/messages?before=5&after=4", None, 400, 50035),
    ("PATCH", "/channels/{channel}/messages/{hers}", {"content": "x"}, 403, 50005),
    ("PATCH", "/channels/{channel}/messages/{card}", {"content": "x" * 2001}, 400, 50035),
    ("DELETE", "/channels/{channel}/messages/{hers}", None, 403, 50013),
    ("POST", "/channels/{channel}/messages/bulk-delete", {"messages": ["1", "2"]}, 403, 50013),
    ("POST", "/channels/{channel}/messages/{card}/threads", {"name": "Again"}, 400, 160004),
    ("POST", "/channels/{channel}/messages/{hers}/threads", {"name": ""}, 400, 50035),
    ("POST", "/channels/{channel}/messages/{hers}/threads", {"name": "x" * 101}, 400, 50035),
    ("POST", "/channels/{channel}/messages/{hers}/threads", {"name": "n", "auto_archive_duration": 30}, 400, 50035),
    ("POST", "/channels/{thread}/messages/{card}/threads", {"name": "n"}, 400, 50024),
    ("PATCH", "/channels/{thread}", {"locked": True}, 403, 50013),
    ("PATCH", "/channels/{channel}", {"name": "n"}, 403, 50013),
    ("DELETE", "/channels/{thread}", None, 403, 50013),
    ("DELETE", "/channels/{channel}", None, 403, 50013),
    ("PUT", "/channels/{channel}/thread-members/@me", None, 400, 50024),
    ("PUT", "/channels/{channel}/messages/{card}/reactions/abc/@me", None, 400, 10014),
    ("PUT", "/channels/{channel}/messages/1/reactions/%E2%9C%85/@me", None, 404, 10008),
    ("POST", "/users/@me/channels", {"recipient_id": "1"}, 400, 50035),
    ("PUT", "/applications/1/commands", [], 404, 10002),
    ("PUT", "/applications/{app}/guilds/1/commands", [], 403, 50001),
    ("POST", "/interactions/1/token/callback", {"type": 4}, 404, 10062),
    ("POST", "/webhooks/{app}/token", {"content": "x"}, 404, 10015),
    ("GET", "/webhooks/{app}/token/messages/@original", None, 404, 10015),
    ("DELETE", "/users/@me", None, 405, 0),
    ("GET", "/voice/regions", None, 404, 0),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    BAD_REQUESTS,
    ids=[f"{one[0]} {one[1]} {one[2]} {one[4]}" for one in BAD_REQUESTS],
)
async def test_a_request_for_what_is_not_there_or_not_allowed(
    scene: Scene, method: str, path: str, body: Any, status: int, code: int
) -> None:
    found, answer = await scene.ask(method, path, body)
    assert (found, answer["code"]) == (status, code)


@pytest.mark.parametrize("authorization", ["", "Bot bad", "Bearer good"])
async def test_a_request_without_the_token_is_unauthorized(scene: Scene, authorization: str) -> None:
    status, answer = await scene.ask("GET", "/users/@me", headers={"Authorization": authorization})
    assert (status, answer) == (401, {"message": "401: Unauthorized", "code": 0})


EMBED = {"embeds": [{"title": "t"}]}
MESSAGES, THREADED = "/channels/{channel}/messages", "/channels/{thread}/messages"
RIGHTS: list[tuple[Perm, str, str, Json | None, int, int]] = [
    (Perm.VIEW_CHANNEL, "GET", "/channels/{channel}", None, 403, 50001),
    (Perm.VIEW_CHANNEL, "POST", MESSAGES, {"content": "x"}, 403, 50001),
    (Perm.VIEW_CHANNEL, "POST", THREADED, {"content": "x"}, 403, 50001),
    (Perm.SEND_MESSAGES, "POST", MESSAGES, {"content": "x"}, 403, 50013),
    (Perm.SEND_MESSAGES, "POST", THREADED, {"content": "x"}, 200, 0),
    (Perm.SEND_MESSAGES_IN_THREADS, "POST", THREADED, {"content": "x"}, 403, 50013),
    (Perm.SEND_MESSAGES_IN_THREADS, "POST", MESSAGES, {"content": "x"}, 200, 0),
    (Perm.EMBED_LINKS, "POST", MESSAGES, EMBED, 403, 50013),
    (Perm.READ_MESSAGE_HISTORY, "GET", MESSAGES + "/{card}", None, 403, 50013),
    (
        Perm.READ_MESSAGE_HISTORY,
        "POST",
        MESSAGES,
        {"content": "x", "message_reference": {"message_id": "1"}},
        403,
        160002,
    ),
    (Perm.READ_MESSAGE_HISTORY, "PUT", MESSAGES + "/{card}/reactions/%E2%9C%85/@me", None, 403, 50013),
    (Perm.ADD_REACTIONS, "PUT", MESSAGES + "/{card}/reactions/%E2%9C%85/@me", None, 403, 50013),
    (Perm.CREATE_PUBLIC_THREADS, "POST", MESSAGES + "/{hers}/threads", {"name": "n"}, 403, 50013),
]


@pytest.mark.parametrize(
    ("lost", "method", "path", "body", "status", "code"),
    RIGHTS,
    ids=[f"{one[0].name} {one[1]} {one[2]}" for one in RIGHTS],
)
async def test_a_right_that_was_taken_away_is_missed(
    scene: Scene, lost: Perm, method: str, path: str, body: Json | None, status: int, code: int
) -> None:
    scene.channel.take_away(lost)
    found, answer = await scene.ask(method, path, body)
    assert (found, (answer or {}).get("code", 0)) == (status, code)
    scene.channel.give(lost)
    assert (await scene.ask("GET", "/channels/{channel}/messages/{card}"))[0] == 200


async def test_a_right_that_is_taken_from_the_role_is_missed_in_every_channel(scene: Scene) -> None:
    scene.guild.take_away(Perm.EMBED_LINKS)
    assert (await scene.ask("POST", MESSAGES, EMBED))[1]["code"] == 50013
    scene.guild.give(Perm.EMBED_LINKS)
    assert (await scene.ask("POST", MESSAGES, EMBED))[0] == 200
    owner = scene.guild.by_id[scene.guild.owner.id]
    scene.channel.take_away(Perm.VIEW_CHANNEL, scene.guild.everyone)
    assert scene.channel.permissions(owner.user) & Perm.MANAGE_MESSAGES
    assert not scene.channel.permissions(scene.ada.user)


async def test_files_need_a_right_of_their_own(scene: Scene) -> None:
    scene.channel.take_away(Perm.ATTACH_FILES)
    form = aiohttp.FormData()
    form.add_field("files[0]", b"x", filename="x.txt")
    assert (await scene.ask("POST", MESSAGES, form))[1]["code"] == 50013


async def test_without_the_right_to_history_there_is_none_and_no_error(scene: Scene) -> None:
    scene.channel.take_away(Perm.READ_MESSAGE_HISTORY)
    assert await scene.ask("GET", MESSAGES) == (200, [])


async def test_an_emoji_that_is_there_needs_no_right_to_add_one(scene: Scene) -> None:
    scene.channel.take_away(Perm.ADD_REACTIONS)
    await scene.ada.react(scene.card, "✅")
    assert (await scene.ask("PUT", MESSAGES + "/{card}/reactions/%E2%9C%85/@me"))[0] == 204
    assert len(scene.card.reactions["✅"]) == 2


async def test_what_is_deleted_is_gone(scene: Scene) -> None:
    scene.card.delete()
    assert (await scene.ask("PATCH", MESSAGES + "/{card}", {"content": "x"}))[1]["code"] == 10008
    scene.thread.delete()
    assert (await scene.ask("GET", "/channels/{thread}"))[1]["code"] == 10003
    scene.guild.remove_bot()
    assert (await scene.ask("POST", MESSAGES, {"content": "x"}))[1]["code"] == 50001
    scene.channel.delete()
    assert (await scene.ask("POST", MESSAGES, {"content": "x"}))[1]["code"] == 10003


async def test_a_person_who_takes_no_messages_gets_none(scene: Scene) -> None:
    status, opened = await scene.ask("POST", "/users/@me/channels", {"recipient_id": str(scene.ada.id)})
    assert (status, opened["type"]) == (200, 1)
    path = f"/channels/{opened['id']}/messages"
    assert (await scene.ask("POST", path, {"content": "hello"}))[0] == 200
    scene.ada.takes_messages = False
    assert (await scene.ask("POST", path, {"content": "hello"}))[1]["code"] == 50007


async def test_one_request_too_many_in_a_channel_is_not_carried_out(scene: Scene) -> None:
    scene.server.limits.set("POST", "/channels/{channel}/messages", size=2, per=60)
    before = len(scene.channel.messages)
    answers = [await scene.ask("POST", MESSAGES, {"content": "x"}) for _ in range(3)]
    assert [status for status, _ in answers] == [200, 200, 429]
    assert 0 < answers[2][1]["retry_after"] <= 60
    assert (answers[2][1]["global"], len(scene.channel.messages)) == (False, before + 2)
    assert (await scene.ask("POST", THREADED, {"content": "another channel"}))[0] == 200


async def test_the_limit_over_all_routes_leaves_answers_to_interactions_alone(scene: Scene) -> None:
    scene.server.limits.per_second = len(scene.server.requests) + 1
    statuses = [(await scene.ask("GET", "/users/@me"))[0] for _ in range(3)]
    assert statuses == [200, 429, 429]
    assert (await scene.respond(scene.call(), {"type": 4, "data": {"content": "x"}}))[0] == 200


# --- archived and locked threads ------------------------------------------------------------------------------


async def test_in_an_archived_thread_nothing_is_edited_until_a_message_takes_it_up_again(scene: Scene) -> None:
    _, said = await scene.ask("POST", THREADED, {"content": "x"})
    scene.thread.archive()
    one = f"{THREADED}/{said['id']}"
    assert (await scene.ask("PATCH", one, {"content": "y"}))[1]["code"] == 50083
    assert (await scene.ask("PUT", f"{one}/reactions/%E2%9C%85/@me"))[1]["code"] == 50083
    assert (await scene.ask("PATCH", "/channels/{thread}", {"name": "n"}))[1]["code"] == 50083
    assert (await scene.ask("PUT", "/channels/{thread}/thread-members/@me"))[1]["code"] == 50083
    assert (await scene.ask("POST", THREADED, {"content": "z"}))[0] == 200
    assert not scene.thread.archived
    assert (await scene.ask("PATCH", one, {"content": "y"}))[0] == 200


async def test_a_locked_thread_is_for_moderators(scene: Scene) -> None:
    _, said = await scene.ask("POST", THREADED, {"content": "x"})
    scene.thread.archive(locked=True)
    assert (await scene.ask("POST", THREADED, {"content": "z"}))[1]["code"] == 160005
    assert (await scene.ask("PATCH", "/channels/{thread}", {"archived": False}))[1]["code"] == 50013
    assert (await scene.ask("DELETE", f"{THREADED}/{said['id']}"))[1]["code"] == 50083
    scene.channel.give(Perm.MANAGE_THREADS)
    assert (await scene.ask("PATCH", "/channels/{thread}", {"archived": False, "locked": False}))[0] == 200


# --- interactions ---------------------------------------------------------------------------------------------


async def test_an_interaction_is_answered_once(scene: Scene) -> None:
    interaction = scene.call()
    assert (await scene.respond(interaction, {"type": 4, "data": {"content": "one"}}))[0] == 200
    status, answer = await scene.respond(interaction, {"type": 5})
    assert (status, answer["code"]) == (400, 40060)
    assert interaction.text == "one"


async def test_a_bad_answer_leaves_the_interaction_waiting(scene: Scene) -> None:
    interaction = scene.call()
    status, answer = await scene.respond(interaction, {"type": 4, "data": {"content": "x" * 2001}})
    assert (status, answer["code"]) == (400, 50035)
    assert answer["errors"]["data"]["content"]["_errors"][0]["code"] == "BASE_TYPE_MAX_LENGTH"
    assert (await scene.respond(interaction, {"type": 4, "data": {}}))[1]["code"] == 50006
    assert (await scene.respond(interaction, {"type": 4, "data": {"content": "x"}}))[0] == 200


@pytest.mark.parametrize("body", [{"type": 6}, {"type": 7, "data": {"content": "x"}}, {"type": 8}, {"type": 1}, {}])
async def test_a_command_takes_no_answers_of_other_kinds(scene: Scene, body: Json) -> None:
    assert (await scene.respond(scene.call(), body))[1]["code"] == 50035


async def test_a_deferral_is_ephemeral_or_plain_and_the_first_follow_up_fills_it_in(scene: Scene) -> None:
    interaction = scene.call()
    assert (await scene.respond(interaction, {"type": 5, "data": {"flags": 1 << 15}}))[1]["code"] == 50035
    status, answer = await scene.respond(interaction, {"type": 5})
    assert (status, answer["interaction"]["response_message_loading"]) == (200, True)
    path = f"/webhooks/{{app}}/{interaction.token}"
    _, filled = await scene.ask("POST", path, {"content": "here", "flags": 64})
    assert str(interaction.answer.id if interaction.answer else None) == filled["id"]
    assert (interaction.ephemeral, interaction.followups) == (False, [])
    _, second = await scene.ask("POST", path, {"content": "and here", "flags": 64})
    assert second["flags"] & Flag.EPHEMERAL
    assert [message.content for message in scene.channel.messages[-1:]] == ["here"]
    assert (await scene.ask("DELETE", f"{path}/messages/@original"))[0] == 204
    assert (await scene.ask("GET", f"{path}/messages/@original"))[1]["code"] == 10008
    assert (await scene.ask("GET", f"{MESSAGES}/{second['id']}"))[1]["code"] == 10008
    scene.server.clock.advance(15 * 60)
    assert (await scene.ask("POST", path, {"content": "late"}))[1]["code"] == 50027


async def test_before_its_first_answer_an_interaction_has_no_webhook(scene: Scene) -> None:
    path = f"/webhooks/{{app}}/{scene.call().token}"
    assert (await scene.ask("POST", path, {"content": "x"}))[1]["code"] == 10015


def label(component: Json, **more: Any) -> Json:
    return {"type": 18, "label": "L", "component": component, **more}


def words(**more: Any) -> Json:
    return {"type": 4, "style": 1, "custom_id": "w", **more}


def form(*components: Json, **more: Any) -> Json:
    return {"title": "T", "custom_id": "f", "components": list(components), **more}


BAD_FORMS: list[tuple[str, Json]] = [
    ("no components", form()),
    ("six components", form(*(label(words(custom_id=str(n))) for n in range(6)))),
    ("title of 46", form(label(words()), title="x" * 46)),
    ("no custom_id", form(label(words()), custom_id="")),
    ("label of 46", form(label(words(), label="x" * 46))),
    ("description of 101", form(label(words(), description="x" * 101))),
    ("placeholder of 101", form(label(words(placeholder="x" * 101)))),
    ("more than 4000", form(label(words(max_length=4001)))),
    ("min above max", form(label(words(min_length=10, max_length=9)))),
    ("value above max", form(label(words(value="xx", max_length=1)))),
    ("style", form(label(words(style=3)))),
    ("the same twice", form(label(words()), label(words()))),
    ("button", form(row(button()))),
    ("bare input", form(words())),
    ("one radio option", form(label({"type": 21, "custom_id": "r", "options": [{"label": "l", "value": "v"}]}))),
    ("eleven files", form(label({"type": 19, "custom_id": "u", "max_values": 11}))),
    ("required menu of none", form(label(menu(min_values=0)))),
]


@pytest.mark.parametrize("body", [one[1] for one in BAD_FORMS], ids=[one[0] for one in BAD_FORMS])
async def test_a_form_that_breaks_a_limit_is_an_invalid_form(scene: Scene, body: Json) -> None:
    status, answer = await scene.opens(body)
    assert (status, answer["code"]) == (400, 50035)


async def test_a_form_may_not_answer_a_form(scene: Scene) -> None:
    interaction = scene.call()
    good = form(label(words()), {"type": 10, "content": "read this"}, row(words(custom_id="x", label="old")))
    assert (await scene.respond(interaction, {"type": 9, "data": good}))[0] == 200
    assert isinstance(interaction.form, Form)
    sent = await scene.ada.submit(interaction.form, {"L": "one", "old": "two"}, wait=False)
    assert (await scene.respond(sent, {"type": 9, "data": good}))[1]["code"] == 50035
    assert (await scene.respond(sent, {"type": 4, "data": {"content": "ok"}}))[0] == 200


# --- commands -------------------------------------------------------------------------------------------------


def command(**more: Any) -> Json:
    return {"name": "ask", "description": "d", **more}


def option(name: str = "o", **more: Any) -> Json:
    return {"type": 3, "name": name, "description": "d", **more}


def choices(count: int) -> list[Json]:
    return [{"name": str(n), "value": str(n)} for n in range(count)]


BAD_COMMANDS: list[tuple[str, Json]] = [
    ("capital letters", command(name="Ask")),
    ("a space", command(name="a b")),
    ("name of 33", command(name="x" * 33)),
    ("no description", command(description="")),
    ("description of 101", command(description="x" * 101)),
    ("description in a menu", command(type=3, description="d")),
    ("options in a menu", command(type=2, description="", options=[option()])),
    ("26 options", command(options=[option(f"o{n}") for n in range(26)])),
    ("option twice", command(options=[option(), option()])),
    ("required after optional", command(options=[option("a"), option("b", required=True)])),
    ("26 choices", command(options=[option(choices=choices(26))])),
    ("choice of 101", command(options=[option(choices=[{"name": "x" * 101, "value": "v"}])])),
    ("choice twice", command(options=[option(choices=choices(1) * 2)])),
    ("choice of the wrong type", command(options=[option(type=4, choices=choices(1))])),
    ("choices and autocomplete", command(options=[option(choices=choices(1), autocomplete=True)])),
    ("autocomplete of a person", command(options=[option(type=6, autocomplete=True)])),
    ("min_length above max_length", command(options=[option(min_length=2, max_length=1)])),
    ("max_length of 6001", command(options=[option(max_length=6001)])),
    ("subcommand beside an option", command(options=[option(type=1), option("p")])),
    ("group in a group", command(options=[option(type=2, options=[option(type=2, options=[option(type=1)])])])),
    ("group with a parameter", command(options=[option(type=2, options=[option()])])),
    ("permissions in words", command(default_member_permissions="admin")),
    ("context", command(contexts=[3])),
    ("integration type", command(integration_types=[2])),
    ("locale", command(name_localizations={"xx": "frag"})),
    ("localized name", command(name_localizations={"de": "Frag"})),
    ("localized description", command(description_localizations={"de": "x" * 101})),
]


@pytest.mark.parametrize("bad", [one[1] for one in BAD_COMMANDS], ids=[one[0] for one in BAD_COMMANDS])
async def test_a_command_that_breaks_a_rule_is_an_invalid_form(scene: Scene, bad: Json) -> None:
    status, answer = await scene.ask("PUT", "/applications/{app}/commands", [command(name="fine"), bad])
    assert (status, answer["code"]) == (400, 50035), answer
    assert "1" in answer["errors"]
    assert scene.server.commands() == ["say"]


def long_command(signs: int) -> Json:
    """A command of so many characters, in choices of 200. Of the two names of an option the longer one counts."""
    left = signs - len("ask" + "d") - 2 * len("zwanzig" + "d")
    texts = [f"{number:0>100}" for number in range(left // 200)]
    choices = [{"name": text, "value": text} for text in texts]
    rest = left % 200
    choices.append({"name": "n" * (rest // 2), "value": "v" * (rest - rest // 2)})
    halves = (choices[:20], choices[20:])
    options = [option(f"o{n}", name_localizations={"de": "zwanzig"}, choices=half) for n, half in enumerate(halves)]
    options[1]["name_localizations"] = {"fr": "zwanzig"}
    return command(options=options)


async def test_a_command_has_8000_characters_at_most(scene: Scene) -> None:
    for signs, status in ((8000, 200), (8001, 400)):
        assert (await scene.ask("PUT", "/applications/{app}/commands", [long_command(signs)]))[0] == status


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ([command(name=f"c{n}") for n in range(101)], 30032),
        ([command(type=3, name=f"c{n}", description="") for n in range(16)], 30032),
        ([command(), command()], 50035),
    ],
)
async def test_there_are_only_so_many_commands(scene: Scene, commands: list[Json], code: int) -> None:
    assert (await scene.ask("PUT", "/applications/{app}/guilds/{guild}/commands", commands))[1]["code"] == code


async def test_a_command_keeps_its_id_when_all_are_replaced(scene: Scene) -> None:
    path = "/applications/{app}/guilds/{guild}/commands"
    names = {"de": "frage", "zh-CN": "提问"}
    _, first = await scene.ask(
        "PUT", path, [command(name_localizations=names), command(name="Submit as my answer", type=3, description="")]
    )
    _, second = await scene.ask("PUT", path, [command(description="new")])
    assert (await scene.ask("GET", path))[1] == second
    assert (first[0]["id"], first[0]["guild_id"]) == (second[0]["id"], str(scene.guild.id))


# --- the gateway ----------------------------------------------------------------------------------------------


async def closes_with(scene: Scene, *payloads: Any, query: str = "v=10&encoding=json") -> int | None:
    """What the socket is closed with after these payloads."""
    async with scene.http.ws_connect(f"{scene.server.gateway_url}?{query}") as socket:
        for payload in payloads:
            await socket.send_str(payload if isinstance(payload, str) else json.dumps(payload))
        async for _ in socket:
            pass
        return socket.close_code


def identify(**more: Any) -> Json:
    return {"op": 2, "d": {"token": "good", "intents": 513, "properties": {}, **more}}


@pytest.mark.parametrize(
    ("payloads", "code"),
    [
        (["{"], 4002),
        (["x" * 4097], 4002),
        ([{"op": 99, "d": None}], 4001),
        ([{"op": 3, "d": {}}], 4003),
        ([identify(token="bad")], 4004),
        ([identify(), identify()], 4005),
        ([{"op": 1, "d": None}] * 121, 4008),
        ([identify(shard=[1, 1])], 4010),
        ([identify(intents=1 << 30)], 4013),
        ([identify(intents="all")], 4013),
        ([identify(intents=int(Intent.MESSAGE_CONTENT))], 4014),
    ],
)
async def test_a_payload_that_is_not_allowed_closes_the_socket(scene: Scene, payloads: list[Any], code: int) -> None:
    assert await closes_with(scene, *payloads) == code


async def test_another_version_of_the_gateway_is_refused(scene: Scene) -> None:
    assert await closes_with(scene, query="v=6&encoding=json") == 4012


async def test_a_gateway_that_refuses_answers_503(scene: Scene) -> None:
    scene.server.gateway.refusing = True
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await scene.http.ws_connect(scene.server.gateway_url)
    assert refused.value.status == 503


async def receive(socket: aiohttp.ClientWebSocketResponse, until: Callable[[Json], bool]) -> list[Json]:
    found: list[Json] = []
    while not found or not until(found[-1]):
        found.append(json.loads((await socket.receive()).data))
    return found


async def test_a_resume_replays_what_was_missed_and_nothing_else(scene: Scene) -> None:
    url = f"{scene.server.gateway_url}?v=10&encoding=json"
    async with scene.http.ws_connect(url) as socket:
        await socket.send_json(identify())
        hello, ready, *_ = await receive(socket, lambda one: one["t"] == "GUILD_CREATE")
        assert (hello["op"], ready["s"], ready["d"]["guilds"]) == (
            10,
            1,
            [{"id": str(scene.guild.id), "unavailable": True}],
        )
        scene.server.gateway.drop()
    await scene.ada.say(scene.channel, "missed")
    resume = {"token": "good", "session_id": ready["d"]["session_id"]}
    assert await closes_with(scene, {"op": 6, "d": {**resume, "seq": 99}}) == 4007
    async with scene.http.ws_connect(ready["d"]["resume_gateway_url"] + "?v=10&encoding=json") as socket:
        await socket.send_json({"op": 6, "d": {**resume, "seq": 2}})
        replayed = await receive(socket, lambda one: one["t"] == "RESUMED")
        assert [(one["t"], one["s"]) for one in replayed[1:]] == [("MESSAGE_CREATE", 3), ("RESUMED", 4)]
        await socket.close(code=1000)
    await scene.server.until(lambda: not scene.server.gateway.sessions)
    async with scene.http.ws_connect(url) as socket:
        await socket.send_json({"op": 6, "d": {**resume, "seq": 4}})
        *_, refused = await receive(socket, lambda one: one["op"] == 9)
        assert refused["d"] is False


async def test_a_channel_that_the_bot_may_not_see_is_not_heard_of(scene: Scene) -> None:
    url = f"{scene.server.gateway_url}?v=10&encoding=json"
    secret = scene.guild.channel("secret")
    news = scene.guild.channel("news", type=ChannelType.ANNOUNCEMENT)
    async with scene.http.ws_connect(url) as socket:
        await socket.send_json(identify())
        await receive(socket, lambda one: one["t"] == "GUILD_CREATE")
        secret.take_away(Perm.VIEW_CHANNEL)
        await scene.ada.say(secret, "psst")
        await scene.ada.say(news, "hear, hear")
        heard = await receive(socket, lambda one: one["t"] == "MESSAGE_CREATE")
        assert [one["t"] for one in heard] == ["CHANNEL_UPDATE", "MESSAGE_CREATE"]
        assert heard[-1]["d"]["channel_id"] == str(news.id)
        scene.channel.bulk_delete([scene.hers, scene.card])
        (gone,) = await receive(socket, lambda one: True)
        assert (gone["t"], len(gone["d"]["ids"])) == ("MESSAGE_DELETE_BULK", 2)
        assert gone["s"] == heard[-1]["s"] + 1
