"""The REST routes of messages and reactions.

Each is a plain function of the state: it either changes it and answers, or raises an `ApiError` and changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import Final

from .clock import made_at
from .errors import ApiError, Node, Problems, Refusal
from .interactions import refuse_empty
from .messages import read_edit, read_message
from .model import Channel
from .permissions import Perm
from .routing import NOTHING, Answer, Call, known_message, may, route, seen_channel
from .world import THREAD_STARTER, World

REACTIONS: Final = 20


def _may_write(world: World, channel: Channel) -> None:
    """SEND_MESSAGES means nothing in threads; a locked one is for moderators."""
    if channel.guild is None:
        _may_write_to(world, channel)
    elif not channel.is_thread:
        if not may(world, channel, Perm.SEND_MESSAGES):
            raise ApiError(Refusal.MISSING_PERMISSIONS)
    else:
        if not may(world, channel, Perm.SEND_MESSAGES_IN_THREADS):
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        _not_locked(world, channel)


def _not_locked(world: World, channel: Channel) -> None:
    if channel.locked and not may(world, channel, Perm.MANAGE_THREADS):
        raise ApiError(Refusal.THREAD_LOCKED)


def _may_write_to(world: World, channel: Channel) -> None:
    """A person gets direct messages of the bot only if they share a guild and do not mind."""
    assert channel.recipient is not None
    shared = [
        guild.by_id[channel.recipient.id]
        for guild in world.guilds.values()
        if guild.has_bot and channel.recipient.id in guild.by_id
    ]
    if not shared or not all(member.takes_messages for member in shared):
        raise ApiError(Refusal.CANNOT_MESSAGE_USER)


@route("POST", "/channels/{channel}/messages")
def _create_message(world: World, call: Call) -> Answer:
    channel = seen_channel(world, call)
    _may_write(world, channel)
    node = call.node
    draft = read_message(node, call.uploads)
    if draft.embeds and not may(world, channel, Perm.EMBED_LINKS):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    if draft.attached and not may(world, channel, Perm.ATTACH_FILES):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    if draft.reply_to is not None:
        _may_reply(world, channel, draft.reply_to, node.at("message_reference"), must_exist=draft.reply_must_exist)
    if draft.nonce is not None and draft.enforce_nonce:
        before = world.remembered(channel, draft.nonce)
        if before is not None and before.deleted:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        if before is not None:
            return 200, world.in_rest(before) | {"nonce": draft.nonce}
    message = world.post(channel, world.bot, draft)
    return 200, world.in_rest(message) | ({"nonce": draft.nonce} if draft.nonce is not None else {})


def _may_reply(world: World, channel: Channel, target: int, node: Node, *, must_exist: bool) -> None:
    if not may(world, channel, Perm.READ_MESSAGE_HISTORY):
        raise ApiError(Refusal.REPLY_WITHOUT_HISTORY)
    answered = channel.by_id.get(target)
    if answered is None and must_exist:
        node.fail("REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    elif answered is not None and answered.type == THREAD_STARTER:
        node.fail("REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message")
    node.problems.settle()


@route("GET", "/channels/{channel}/messages")
def _history(world: World, call: Call) -> Answer:
    """Newest first, whatever was asked for. Without READ_MESSAGE_HISTORY there is none, and no error."""
    channel = seen_channel(world, call)
    problems = Problems()
    query = Node({key: int(value) if value.isdecimal() else value for key, value in call.query.items()}, problems)
    limit = query.at("limit").integer(1, 100, default=50)
    places = {key: query.at(key).snowflake() for key in ("before", "after", "around")}
    if sum(place is not None for place in places.values()) > 1:
        query.fail("MESSAGE_HISTORY_EXCLUSIVE", "Only one of before, after and around may be given")
    problems.settle()
    if not may(world, channel, Perm.READ_MESSAGE_HISTORY):
        return 200, []
    messages = channel.messages
    before, after, around = places["before"], places["after"], places["around"]
    if before is not None:
        found = [one for one in messages if one.id < before][-limit:]
    elif after is not None:
        found = [one for one in messages if one.id > after][:limit]
    elif around is not None:
        earlier = [one for one in messages if one.id < around][-(limit // 2) :] if limit > 1 else []
        found = earlier + [one for one in messages if one.id >= around][: limit - len(earlier)]
    else:
        found = messages[-limit:]
    return 200, [world.in_rest(message) for message in reversed(found)]


@route("GET", "/channels/{channel}/messages/{message}")
def _get_message(world: World, call: Call) -> Answer:
    channel = seen_channel(world, call, Perm.VIEW_CHANNEL | Perm.READ_MESSAGE_HISTORY)
    return 200, world.in_rest(known_message(channel, call))


@route("PATCH", "/channels/{channel}/messages/{message}")
def _edit_message(world: World, call: Call) -> Answer:
    channel = seen_channel(world, call)
    message = known_message(channel, call)
    if message.author is not world.bot:
        only_flags = set(call.json) <= {"flags", "tts"}
        if not only_flags:
            raise ApiError(Refusal.NOT_YOUR_MESSAGE)
        if not may(world, channel, Perm.MANAGE_MESSAGES):
            raise ApiError(Refusal.MISSING_PERMISSIONS)
    if message.type == THREAD_STARTER:
        raise ApiError(Refusal.SYSTEM_MESSAGE)
    if channel.archived:
        raise ApiError(Refusal.THREAD_ARCHIVED)
    _not_locked(world, channel)
    files = {one.id: one.filename for one in message.attachments}
    draft = read_edit(call.node, call.uploads, flags=message.flags, files=files)
    refuse_empty(message, draft)
    if draft.embeds and not may(world, channel, Perm.EMBED_LINKS):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    if call.uploads and not may(world, channel, Perm.ATTACH_FILES):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    world.edit(message, draft)
    return 200, world.in_rest(message)


@route("DELETE", "/channels/{channel}/messages/{message}")
def _delete_message(world: World, call: Call) -> Answer:
    """In an archived thread messages may still be deleted, unless it is locked as well."""
    channel = seen_channel(world, call)
    message = known_message(channel, call)
    if message.author is not world.bot and not may(world, channel, Perm.MANAGE_MESSAGES):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    if message.type == THREAD_STARTER:
        raise ApiError(Refusal.SYSTEM_MESSAGE)
    if channel.archived and channel.locked and not may(world, channel, Perm.MANAGE_THREADS):
        raise ApiError(Refusal.THREAD_ARCHIVED)
    world.delete(message)
    return NOTHING


@route("POST", "/channels/{channel}/messages/bulk-delete")
def _bulk_delete(world: World, call: Call) -> Answer:
    channel = seen_channel(world, call, Perm.VIEW_CHANNEL | Perm.MANAGE_MESSAGES)
    node = call.node
    ids = [item.snowflake(required=True) for item in node.at("messages").items(1000, required=True)]
    node.problems.settle()
    if not 2 <= len(ids) <= 100:
        raise ApiError(Refusal.BULK_DELETE_COUNT)
    found = [channel.by_id[one] for one in ids if one is not None and one in channel.by_id]
    if any(world.clock.now - made_at(message.id) > timedelta(days=14) for message in found):
        raise ApiError(Refusal.TOO_OLD_FOR_BULK)
    world.bulk_delete(channel, found)
    return NOTHING


# --- reactions ------------------------------------------------------------------------------------------------


def _emoji(call: Call) -> str:
    """A sign, or `name:id`. Letters and digits alone are no emoji."""
    emoji = call.parameters["emoji"]
    if re.fullmatch(r"\w{2,32}:\d{1,20}", emoji):
        return emoji
    if any(
        unicodedata.category(sign) in ("So", "Sk", "Sm") or sign == "\u20e3" or sign > "\U0001f000" for sign in emoji
    ):
        return emoji
    raise ApiError(Refusal.UNKNOWN_EMOJI)


@route("PUT", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me")
def _react(world: World, call: Call) -> Answer:
    """ADD_REACTIONS is for emoji that nobody has put there before."""
    channel = seen_channel(world, call, Perm.VIEW_CHANNEL | Perm.READ_MESSAGE_HISTORY)
    message = known_message(channel, call)
    emoji = _emoji(call)
    if emoji not in message.reactions:
        if not may(world, channel, Perm.ADD_REACTIONS):
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        if len(message.reactions) >= REACTIONS:
            raise ApiError(Refusal.TOO_MANY_REACTIONS)
    if channel.archived:
        raise ApiError(Refusal.THREAD_ARCHIVED)
    world.react(message, world.bot, emoji)
    return NOTHING


@route("DELETE", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me")
def _unreact(world: World, call: Call) -> Answer:
    channel = seen_channel(world, call)
    message = known_message(channel, call)
    emoji = _emoji(call)
    if channel.archived:
        raise ApiError(Refusal.THREAD_ARCHIVED)
    world.unreact(message, world.bot, emoji)
    return NOTHING
