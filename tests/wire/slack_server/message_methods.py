"""Methods of messages: chat, histories, reactions, files."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

from . import payloads
from .errors import Json, SlackError, missing
from .limits import READ_LIMIT
from .member import Member
from .model import Channel, Message
from .routing import PLURAL, Call, known_message, method, page, seen_channel, writable_channel

UPDATED_TEXT: Final = 4_000
"""Characters that `chat.update` takes, unlike `chat.postMessage`.

https://docs.slack.dev/reference/methods/chat.update#errors (`msg_too_long`)
"""

METADATA: Final = 8 * 1024


@method("chat.postMessage", "chat:write", tier=0, reads_json=True)
def post_message(call: Call) -> Json:
    channel = writable_channel(call)
    content = call.world.content(call.arguments)
    metadata = _metadata(call)
    thread_ts = _thread(call, channel)
    broadcast = call.flag("reply_broadcast")
    if call.arguments.get("username") or call.arguments.get("icon_emoji") or call.arguments.get("icon_url"):
        call.scope("chat:write.customize")
    unfurl: dict[str, bool] = {key: call.flag(key) for key in ("unfurl_links", "unfurl_media") if key in call.arguments}
    message = call.world.post(
        channel,
        call.team.bot,
        content,
        thread_ts=thread_ts,
        broadcast=broadcast and thread_ts is not None,
        metadata=metadata,
        by_app=True,
        unfurl=unfurl,
    )
    return {"channel": channel.id, "ts": message.ts, "message": payloads.message(message, metadata=True)}


@method("chat.postEphemeral", "chat:write", tier=4, reads_json=True)
def post_ephemeral(call: Call) -> Json:
    channel = writable_channel(call)
    user = call.team.users.get(call.text("user"))
    if user is None or user.id not in channel.members or not isinstance(user, Member):
        raise SlackError("user_not_in_channel")
    content = call.world.content(call.arguments)
    message = call.world.post(
        channel, call.team.bot, content, thread_ts=_thread(call, channel), seen_by=user, by_app=True
    )
    return {"message_ts": message.ts}


@method("chat.update", "chat:write", reads_json=True)
def update(call: Call) -> Json:
    channel = seen_channel(call)
    message = known_message(channel, call.text("ts"))
    if message.user is not call.team.bot or not message.by_app:
        raise SlackError("cant_update_message")
    if channel.archived:
        raise SlackError("is_inactive")
    window = call.team.edit_window
    if window is not None and call.world.age(message.ts).total_seconds() > window * 60:
        raise SlackError("edit_window_closed")
    if len(str(call.arguments.get("text") or "")) > UPDATED_TEXT:
        raise SlackError("msg_too_long")
    content = call.world.content(call.arguments)
    call.world.edit(message, content, metadata=_metadata(call))
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": payloads.message(message, metadata=True),
    }


@method("chat.delete", "chat:write")
def delete(call: Call) -> Json:
    channel = seen_channel(call)
    message = known_message(channel, call.text("ts"))
    if message.user is not call.team.bot:
        raise SlackError("cant_delete_message")
    call.world.delete(message, by=call.team.bot)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", tier=0)
def permalink(call: Call) -> Json:
    channel = seen_channel(call)
    message = known_message(channel, call.text("message_ts"))
    link = f"https://{call.team.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _metadata(call: Call) -> Json | None:
    metadata = call.json("metadata")
    if metadata is None:
        return None
    if metadata == {}:
        return {}
    if not isinstance(metadata, dict) or set(metadata) - {"event_type", "event_payload", "entities"}:
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata)) > METADATA:
        raise SlackError("metadata_too_large")
    return metadata


def _thread(call: Call, channel: Channel) -> str | None:
    """The parent to reply to. Deleted, it is still one while it has replies (a tombstone)."""
    if call.arguments.get("thread_ts") in (None, ""):
        return None
    ts = call.arguments["thread_ts"]
    parent = channel.by_ts.get(ts) if isinstance(ts, str) else None
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.is_reply:
        # Slack takes it, with results that its documents warn of: here it is an error that shows at once.
        call.world.complain(f"thread_ts {ts} is a reply's; its parent's is {parent.thread_ts}")
        raise SlackError("thread_not_found")
    if parent.subtype in ("channel_join", "group_join"):
        raise SlackError("cannot_reply_to_message")
    return parent.ts


# --- histories ------------------------------------------------------------------------------------------------


def _readable(call: Call) -> Channel:
    channel = seen_channel(call)
    call.scope(f"{PLURAL[channel.kind]}:history")
    if not channel.has_bot:
        raise SlackError("not_in_channel")
    return channel


def _most(call: Call) -> int:
    if call.world.limits.distributed:
        return call.limit(READ_LIMIT, READ_LIMIT)
    return call.limit(100, 999)


def _between(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = call.ts("oldest", "invalid_ts_oldest"), call.ts("latest", "invalid_ts_latest")
    inclusive = call.flag("inclusive")
    first, last = Decimal(oldest or 0), Decimal(latest or "9999999999.999999")

    def fits(message: Message) -> bool:
        ts = Decimal(message.ts)
        return first <= ts <= last if inclusive else first < ts < last

    return [one for one in messages if fits(one)]


_HISTORIES: Final = ("channels:history", "groups:history", "im:history", "mpim:history")


@method("conversations.history", *_HISTORIES)
def history(call: Call) -> Json:
    channel = _readable(call)
    messages = _between(call, channel.messages)[::-1]
    found, metadata = page(call, messages, _most(call))
    return _messages(call, found, metadata)


@method("conversations.replies", *_HISTORIES)
def replies(call: Call) -> Json:
    channel = _readable(call)
    parent = channel.by_ts.get(call.text("ts"))
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.is_reply:
        return _messages(call, [parent], {"next_cursor": ""})
    found, metadata = page(call, _between(call, parent.replies), max(1, _most(call) - 1))
    return _messages(call, [parent, *found], metadata)


def _messages(call: Call, found: list[Message], metadata: Json) -> Json:
    whole = call.flag("include_all_metadata")
    return {
        "messages": [payloads.message(one, metadata=whole) for one in found],
        "has_more": bool(metadata["next_cursor"]),
        "response_metadata": metadata,
    }


# --- reactions ------------------------------------------------------------------------------------------------


def _reacted(call: Call) -> tuple[Message, str]:
    channel = seen_channel(call)
    if call.arguments.get("timestamp") in (None, ""):
        raise SlackError("no_item_specified")
    stamp = call.ts("timestamp", "bad_timestamp")
    message = known_message(channel, stamp)
    if channel.archived:
        raise SlackError("is_archived")
    if not channel.has_bot:
        raise SlackError("not_in_channel")
    name = call.arguments.get("name")
    if not isinstance(name, str) or not name or name.strip(":") != name or not name.isascii():
        raise SlackError("invalid_name")
    return message, name


@method("reactions.add", "reactions:write")
def add_reaction(call: Call) -> Json:
    message, name = _reacted(call)
    if len(message.reactions) >= 23 and name not in message.reactions:
        raise SlackError("too_many_emoji")
    call.world.react(message, call.team.bot, name)
    return {}


@method("reactions.remove", "reactions:write", tier=2)
def remove_reaction(call: Call) -> Json:
    message, name = _reacted(call)
    call.world.unreact(message, call.team.bot, name)
    return {}


@method("reactions.get", "reactions:read")
def reactions(call: Call) -> Json:
    channel = seen_channel(call)
    message = known_message(channel, call.ts("timestamp", "bad_timestamp"))
    return {"type": "message", "channel": channel.id, "message": payloads.message(message)}


# --- files ----------------------------------------------------------------------------------------------------


@method("files.getUploadURLExternal", "files:write", tier=4)
def upload_url(call: Call) -> Json:
    name = call.text("filename")
    length = str(call.arguments.get("length", ""))
    if not length.isdigit() or int(length) == 0:
        raise missing("length")
    file: Json = {"id": call.world.ids.next("F"), "name": name, "size": int(length), "data": None, "title": name}
    file |= {"completed": False, "waits": call.world.looked_through_after}
    call.world.files[file["id"]] = file
    return {"upload_url": f"{call.world.host}/upload/{file['id']}", "file_id": file["id"]}


@method("files.completeUploadExternal", "files:write", tier=4)
def complete_upload(call: Call) -> Json:
    given: Any = call.json("files")
    if not isinstance(given, list) or not given:
        raise missing("files")
    found = []
    for one in given:
        file = call.world.files.get(one.get("id", "")) if isinstance(one, dict) else None
        if file is None or file["data"] is None:
            raise SlackError("file_not_found")
        if file["completed"]:
            call.world.complain(f"{file['name']} was completed twice")
        file["title"], file["completed"] = one.get("title") or file["title"], True
        found.append(file)
    shown = [{"id": file["id"], "title": file["title"]} for file in found]
    if call.arguments.get("channel_id"):
        channel = writable_channel(call, "channel_id")
        content = call.world.content(
            {"text": call.arguments.get("initial_comment"), "blocks": call.arguments.get("blocks")}, may_be_empty=True
        )
        hosted = [{"id": file["id"], "name": file["name"], "title": file["title"], "mode": "hosted"} for file in found]
        call.world.post(
            channel,
            call.team.bot,
            content,
            thread_ts=_thread(call, channel),
            subtype="file_share",
            by_app=True,
            files=hosted,
        )
    return {"files": shown}
