"""The REST routes of the bot itself, guilds, channels, threads, commands, and answers to interactions.

Each is a plain function of the state: it either changes it and answers, or raises an `ApiError` and changes nothing.
"""

from __future__ import annotations

from typing import Final

from . import payloads
from .commands import read_commands
from .errors import ApiError, Json, Refusal
from .intents import Intent
from .messages import Flag
from .model import Channel, ChannelType
from .permissions import Perm
from .routing import NOTHING, Answer, Call, known_guild, known_message, may, route, seen_channel
from .world import World

_LIMITED_CONTENT: Final = 1 << 19
"""The flag of an application in few servers for which the Message Content intent is switched on."""

ARCHIVE_AFTER: Final = (60, 1440, 4320, 10080)
SLOWEST: Final = 21600


# --- the bot itself -------------------------------------------------------------------------------------------


@route("GET", "/gateway", free=True)
def _gateway(world: World, call: Call) -> Answer:
    return 200, {"url": world.gateway.url}


@route("GET", "/gateway/bot")
def _gateway_bot(world: World, call: Call) -> Answer:
    left = max(0, 1000 - len(world.gateway.identifies))
    limit = {"total": 1000, "remaining": left, "reset_after": 86_400_000, "max_concurrency": 1}
    return 200, {"url": world.gateway.url, "shards": 1, "session_start_limit": limit}


@route("GET", "/users/@me")
def _me(world: World, call: Call) -> Answer:
    return 200, payloads.user(world.bot) | {"verified": True, "mfa_enabled": True, "flags": 0, "locale": "en-US"}


@route("POST", "/users/@me/channels")
def _open_dm(world: World, call: Call) -> Answer:
    node = call.node
    identity = node.at("recipient_id").snowflake(required=True)
    node.problems.settle()
    user = world.users.get(identity or 0)
    if user is None or user.bot:
        node.at("recipient_id").fail("INVALID_RECIPIENT", "Invalid Recipient(s)")
        node.problems.settle()
    assert user is not None
    return 200, payloads.channel(world.direct_messages(user), world.bot)


@route("GET", "/users/{user}")
def _user(world: World, call: Call) -> Answer:
    user = world.users.get(call.id("user"))
    if user is None:
        raise ApiError(Refusal.UNKNOWN_USER)
    return 200, payloads.user(user)


@route("GET", "/oauth2/applications/@me")
def _application(world: World, call: Call) -> Answer:
    owner = next((guild.owner for guild in world.guilds.values()), world.bot)
    return 200, {
        "id": str(world.application.id),
        "name": world.application.name,
        "icon": None,
        "description": "",
        "summary": "",
        "verify_key": "0" * 64,
        "bot_public": True,
        "bot_require_code_grant": False,
        "flags": _LIMITED_CONTENT if world.application.granted & Intent.MESSAGE_CONTENT else 0,
        "owner": payloads.user(owner),
        "team": None,
    }


# --- guilds and channels --------------------------------------------------------------------------------------


@route("GET", "/guilds/{guild}")
def _get_guild(world: World, call: Call) -> Answer:
    guild = known_guild(world, call)
    counts = {"approximate_member_count": len(guild.by_id), "approximate_presence_count": 1}
    return 200, payloads.guild(guild) | (counts if call.query.get("with_counts") in ("1", "true") else {})


@route("DELETE", "/users/@me/guilds/{guild}")
def _leave_guild(world: World, call: Call) -> Answer:
    world.remove_bot(known_guild(world, call))
    return NOTHING


@route("GET", "/guilds/{guild}/channels")
def _get_channels(world: World, call: Call) -> Answer:
    return 200, [payloads.channel(channel, world.bot) for channel in known_guild(world, call).channels]


@route("GET", "/guilds/{guild}/roles")
def _get_roles(world: World, call: Call) -> Answer:
    return 200, [payloads.role(role) for role in known_guild(world, call).roles]


@route("GET", "/guilds/{guild}/members/{user}")
def _get_member(world: World, call: Call) -> Answer:
    member = known_guild(world, call).by_id.get(call.id("user"))
    if member is None:
        raise ApiError(Refusal.UNKNOWN_MEMBER)
    return 200, payloads.member(member)


@route("GET", "/guilds/{guild}/threads/active")
def _active_threads(world: World, call: Call) -> Answer:
    threads = [one for one in known_guild(world, call).threads if not one.archived and one.permissions(world.bot)]
    joined = [payloads.thread_member(one, world.bot.id) for one in threads if world.bot.id in one.joined]
    return 200, {"threads": [payloads.channel(one, world.bot) for one in threads], "members": joined}


@route("GET", "/channels/{channel}")
def _get_channel(world: World, call: Call) -> Answer:
    return 200, payloads.channel(seen_channel(world, call), world.bot)


@route("PATCH", "/channels/{channel}")
def _edit_channel(world: World, call: Call) -> Answer:
    channel = seen_channel(world, call)
    node = call.node
    name = node.at("name").text(100, least=1) or None
    if channel.guild is None:
        raise ApiError(Refusal.NOT_IN_A_DM)
    if not channel.is_thread:
        if not may(world, channel, Perm.MANAGE_CHANNELS):
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        node.problems.settle()
        if name is not None:
            world.rename(channel, name)
        return 200, payloads.channel(channel, world.bot)
    archived = None if node.at("archived").absent else node.at("archived").boolean()
    locked = None if node.at("locked").absent else node.at("locked").boolean()
    auto_archive = node.at("auto_archive_duration").one_of(ARCHIVE_AFTER)
    slowmode = None if node.at("rate_limit_per_user").absent else node.at("rate_limit_per_user").integer(0, SLOWEST)
    node.problems.settle()
    _may_change(world, channel, archived=archived, locked=locked, slowmode=slowmode, others=bool(name or auto_archive))
    world.change_thread(
        channel, name=name, archived=archived, locked=locked, auto_archive=auto_archive, slowmode=slowmode
    )
    return 200, payloads.channel(channel, world.bot)


def _may_change(
    world: World, thread: Channel, *, archived: bool | None, locked: bool | None, slowmode: int | None, others: bool
) -> None:
    """An archived thread can only be taken up again. Its creator may rename, archive and set its duration; to lock it,
    or to take up a locked one, takes MANAGE_THREADS; to take up another, the right to write in it.
    https://docs.discord.com/developers/topics/threads#editing-and-deleting-threads
    """
    moderates = may(world, thread, Perm.MANAGE_THREADS)
    if thread.archived and archived is not False:
        raise ApiError(Refusal.THREAD_ARCHIVED)
    if moderates:
        return
    if locked is not None or slowmode is not None or thread.locked:
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    if (others or archived) and thread.owner is not world.bot:
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    if archived is False and not may(world, thread, Perm.SEND_MESSAGES_IN_THREADS):
        raise ApiError(Refusal.MISSING_PERMISSIONS)


@route("DELETE", "/channels/{channel}")
def _delete_channel(world: World, call: Call) -> Answer:
    channel = seen_channel(world, call)
    if channel.guild is None:
        return 200, payloads.channel(channel, world.bot)
    if not may(world, channel, Perm.MANAGE_THREADS if channel.is_thread else Perm.MANAGE_CHANNELS):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    shown = payloads.channel(channel, world.bot)
    world.delete_channel(channel)
    return 200, shown


# --- threads --------------------------------------------------------------------------------------------------


@route("POST", "/channels/{channel}/messages/{message}/threads")
def _start_thread(world: World, call: Call) -> Answer:
    channel = seen_channel(world, call, Perm.VIEW_CHANNEL | Perm.CREATE_PUBLIC_THREADS)
    if channel.type not in (ChannelType.TEXT, ChannelType.ANNOUNCEMENT):
        raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
    message = known_message(channel, call)
    node = call.node
    name = node.at("name").text(100, least=1, required=True)
    auto_archive = node.at("auto_archive_duration").one_of(ARCHIVE_AFTER) or 4320
    slowmode = node.at("rate_limit_per_user").integer(0, SLOWEST)
    node.problems.settle()
    if message.flags & Flag.HAS_THREAD:  # even where the thread has been deleted: its id is taken
        raise ApiError(Refusal.THREAD_EXISTS)
    thread = world.start_thread(message, name, world.bot, auto_archive, slowmode)
    return 201, payloads.channel(thread, world.bot)


def _thread(world: World, call: Call) -> Channel:
    channel = seen_channel(world, call)
    if not channel.is_thread:
        raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
    return channel


def _in_thread(world: World, call: Call) -> int:
    """The user of a route of thread members."""
    identity = world.bot.id if call.parameters["user"] == "@me" else call.id("user")
    if identity not in world.users:
        raise ApiError(Refusal.UNKNOWN_USER)
    return identity


@route("GET", "/channels/{channel}/thread-members")
def _thread_members(world: World, call: Call) -> Answer:
    thread = _thread(world, call)
    return 200, [payloads.thread_member(thread, identity) for identity in thread.joined]


@route("GET", "/channels/{channel}/thread-members/{user}")
def _thread_member(world: World, call: Call) -> Answer:
    thread, identity = _thread(world, call), _in_thread(world, call)
    if identity not in thread.joined:
        raise ApiError(Refusal.UNKNOWN_MEMBER)
    return 200, payloads.thread_member(thread, identity)


@route("PUT", "/channels/{channel}/thread-members/{user}")
def _join_thread(world: World, call: Call) -> Answer:
    thread, identity = _thread(world, call), _in_thread(world, call)
    if identity != world.bot.id and not may(world, thread, Perm.SEND_MESSAGES_IN_THREADS):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    if thread.archived:
        raise ApiError(Refusal.THREAD_ARCHIVED)
    world.join_thread(thread, world.users[identity])
    return NOTHING


@route("DELETE", "/channels/{channel}/thread-members/{user}")
def _leave_thread(world: World, call: Call) -> Answer:
    thread, identity = _thread(world, call), _in_thread(world, call)
    if identity != world.bot.id and not may(world, thread, Perm.MANAGE_THREADS):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    if thread.archived:
        raise ApiError(Refusal.THREAD_ARCHIVED)
    world.leave_thread(thread, world.users[identity])
    return NOTHING


# --- commands -------------------------------------------------------------------------------------------------


def _scope(world: World, call: Call) -> int | None:
    if call.id("application") != world.application.id:
        raise ApiError(Refusal.UNKNOWN_APPLICATION)
    if "guild" not in call.parameters:
        return None
    guild = world.guilds.get(call.id("guild"))
    if guild is None or not guild.has_bot:
        raise ApiError(Refusal.MISSING_ACCESS)
    return guild.id


@route("GET", "/applications/{application}/commands")
@route("GET", "/applications/{application}/guilds/{guild}/commands")
def _get_commands(world: World, call: Call) -> Answer:
    return 200, world.commands.get(_scope(world, call), [])


@route("PUT", "/applications/{application}/commands")
@route("PUT", "/applications/{application}/guilds/{guild}/commands")
def _put_commands(world: World, call: Call) -> Answer:
    """Replaces all of them. A command keeps its id as long as one of its name and type is there."""
    scope = _scope(world, call)
    commands = read_commands(call.body)
    ids = {(one["type"], one["name"]): one["id"] for one in world.commands.get(scope, [])}
    kept: list[Json] = []
    for command in commands:
        one: Json = {
            "default_member_permissions": None,
            "nsfw": False,
            "description": "",
            **({"contexts": None, "integration_types": [0]} if scope is None else {}),
            **command,
            "id": ids.get((command["type"], command["name"])) or str(world.ids.next()),
            "application_id": str(world.application.id),
            "version": str(world.ids.next()),
        }
        bits = one["default_member_permissions"]
        one["default_member_permissions"] = None if bits is None else str(bits)
        if scope is not None:
            one["guild_id"] = str(scope)
        kept.append(one)
    world.commands[scope] = kept
    world.bell.ring()
    return 200, kept


# --- answers to interactions ----------------------------------------------------------------------------------


@route("POST", "/interactions/{interaction}/{token}/callback", free=True)
def _callback(world: World, call: Call) -> Answer:
    answer = world.interactions.respond(call.id("interaction"), call.parameters["token"], call.json, call.uploads)
    return (200, answer) if call.query.get("with_response") in ("1", "true") else NOTHING


@route("POST", "/webhooks/{application}/{token}", free=True)
def _follow_up(world: World, call: Call) -> Answer:
    interaction = world.interactions.open(call.id("application"), call.parameters["token"])
    return 200, world.in_rest(world.interactions.follow_up(interaction, call.json, call.uploads))


@route("GET", "/webhooks/{application}/{token}/messages/{message}", free=True)
def _get_answer(world: World, call: Call) -> Answer:
    interaction = world.interactions.open(call.id("application"), call.parameters["token"])
    return 200, world.in_rest(world.interactions.find(interaction, call.parameters["message"]))


@route("PATCH", "/webhooks/{application}/{token}/messages/{message}", free=True)
def _edit_answer(world: World, call: Call) -> Answer:
    interaction = world.interactions.open(call.id("application"), call.parameters["token"])
    message = world.interactions.find(interaction, call.parameters["message"])
    world.interactions.edit(message, call.json, call.uploads)
    return 200, world.in_rest(message)


@route("DELETE", "/webhooks/{application}/{token}/messages/{message}", free=True)
def _delete_answer(world: World, call: Call) -> Answer:
    interaction = world.interactions.open(call.id("application"), call.parameters["token"])
    world.delete(world.interactions.find(interaction, call.parameters["message"]))
    return NOTHING
