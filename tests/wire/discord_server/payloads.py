"""What there is, as the JSON that Discord sends: what its documentation calls required, and what discord.py reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .clock import iso
from .errors import Json
from .model import Attachment, Channel, Guild, Message, Role, User

if TYPE_CHECKING:
    from .member import Member

JOINED = "2026-01-01T00:00:00.000000+00:00"


def user(one: User) -> Json:
    return {
        "id": str(one.id),
        "username": one.name,
        "discriminator": "0",
        "global_name": None if one.bot else one.display,
        "avatar": None,
        "bot": one.bot,
        "public_flags": 0,
    }


def role(one: Role) -> Json:
    return {
        "id": str(one.id),
        "name": one.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": one.position,
        "permissions": str(int(one.permissions)),
        "managed": one.managed,
        "mentionable": one.mentionable,
        "flags": 0,
    }


def partial_member(one: Member) -> Json:
    """Without `user`: roles are ids here, never objects."""
    return {
        "roles": [str(role.id) for role in one.roles],
        "nick": None,
        "avatar": None,
        "joined_at": JOINED,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "communication_disabled_until": None,
    }


def member(one: Member) -> Json:
    return {**partial_member(one), "user": user(one.user)}


def thread_member(thread: Channel, user_id: int) -> Json:
    return {
        "id": str(thread.id),
        "user_id": str(user_id),
        "join_timestamp": iso(thread.joined[user_id]),
        "flags": 1,
    }


def channel(one: Channel, viewer: User) -> Json:
    """A channel as the bot sees it; a thread that it has joined tells it so."""
    last = max(one.by_id, default=None)
    base: Json = {
        "id": str(one.id),
        "type": int(one.type),
        "flags": 0,
        "last_message_id": None if last is None else str(last),
    }
    if one.recipient is not None:
        return {**base, "recipients": [user(one.recipient)]}
    base |= {
        "name": one.name,
        "guild_id": str(one.guild.id) if one.guild else None,
        "rate_limit_per_user": one.slowmode,
    }
    if one.parent is None:
        return {
            **base,
            "position": one.position,
            "parent_id": None,
            "topic": None,
            "nsfw": False,
            "permission_overwrites": [
                {
                    "id": str(target),
                    "type": 0 if one.guild and any(role.id == target for role in one.guild.roles) else 1,
                    "allow": str(int(overwrite.allow)),
                    "deny": str(int(overwrite.deny)),
                }
                for target, overwrite in one.overwrites.items()
            ],
        }
    stamp = iso(one.archive_stamp) if one.archive_stamp else JOINED
    thread = {
        **base,
        "parent_id": str(one.parent.id),
        "owner_id": str(one.owner.id) if one.owner else None,
        "message_count": one.sent,
        "total_message_sent": one.sent,
        "member_count": min(len(one.joined), 50),
        "thread_metadata": {
            "archived": one.archived,
            "locked": one.locked,
            "auto_archive_duration": one.auto_archive,
            "archive_timestamp": stamp,
            "create_timestamp": stamp,
        },
    }
    if viewer.id in one.joined:
        thread["member"] = thread_member(one, viewer.id)
    return thread


def guild(one: Guild) -> Json:
    """What `GET /guilds/{id}` answers."""
    return {
        "id": str(one.id),
        "name": one.name,
        "owner_id": str(one.owner.id),
        "roles": [role(each) for each in one.roles],
        "emojis": [],
        "stickers": [],
        "features": [],
        "icon": None,
        "banner": None,
        "splash": None,
        "discovery_splash": None,
        "description": None,
        "vanity_url_code": None,
        "application_id": None,
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": str(one.system_channel.id) if one.system_channel is not None else None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": one.locale,
    }


def guild_create(one: Guild, viewer: User, *, members: bool, joined: bool = False) -> Json:
    """GUILD_CREATE. Without the members intent it lists the bot alone, so there is no cache of members to rely on.

    A guild that the bot has just joined comes without `unavailable`: it was never named as one that is.
    """
    listed = [each for each in one.by_id.values() if members or each.user is viewer]
    return {
        **guild(one),
        "joined_at": JOINED,
        "large": False,
        **({} if joined else {"unavailable": False}),
        "member_count": len(one.by_id),
        "members": [member(each) for each in listed],
        "channels": [channel(each, viewer) for each in one.channels],
        "threads": [channel(each, viewer) for each in one.threads if not each.archived and each.permissions(viewer)],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment(one: Attachment, host: str) -> Json:
    url = f"{host}/attachments/{one.id}/{one.filename}"
    found: Json = {"id": str(one.id), "filename": one.filename, "size": len(one.data), "url": url, "proxy_url": url}
    if one.description:
        found["description"] = one.description
    return found


def message(one: Message, *, viewer: User, hides: Callable[[Message], bool], host: str, nested: bool = False) -> Json:
    """A message, without what the Message Content intent gives where `hides` says so. `nested`: as part of a reply."""
    blank = hides(one)
    found: Json = {
        "id": str(one.id),
        "channel_id": str(one.channel.id),
        "author": user(one.author),
        "content": "" if blank else one.content,
        "embeds": [] if blank else one.embeds,
        "attachments": [] if blank else [attachment(each, host) for each in one.attachments],
        "components": [] if blank else one.components,
        "mentions": [user(each) for each in one.mentions],
        "mention_roles": [str(each.id) for each in one.mention_roles],
        "mention_everyone": one.mention_everyone,
        "timestamp": iso(one.timestamp),
        "edited_timestamp": iso(one.edited) if one.edited else None,
        "flags": int(one.flags),
        "pinned": False,
        "tts": False,
        "type": one.type,
    }
    if one.reactions:
        found["reactions"] = [
            {
                "count": len(users),
                "count_details": {"burst": 0, "normal": len(users)},
                "me": viewer in users,
                "me_burst": False,
                "burst_colors": [],
                "emoji": emoji(name),
            }
            for name, users in one.reactions.items()
        ]
    if one.interaction is not None:
        found["interaction_metadata"] = one.interaction
    if one.application_id is not None:
        found["application_id"] = found["webhook_id"] = str(one.application_id)
    if one.thread is not None and not one.thread.deleted:
        found["thread"] = channel(one.thread, viewer)
    if one.reply_to is not None or one.reply_gone is not None:
        found["message_reference"] = {
            "type": 0,
            "channel_id": str(one.reply_to.channel.id if one.reply_to else one.channel.id),
            "message_id": str(one.reply_to.id if one.reply_to else one.reply_gone),
            **({"guild_id": str(one.channel.guild.id)} if one.channel.guild else {}),
        }
        if not nested:
            there = one.reply_to is not None and not one.reply_to.deleted
            found["referenced_message"] = (
                message(one.reply_to, viewer=viewer, hides=hides, host=host, nested=True)
                if there and one.reply_to
                else None
            )
    return found


def event_message(one: Message, *, viewer: User, hides: Callable[[Message], bool], host: str) -> Json:
    """A message as gateway events have it: with its guild, and its author's membership."""
    found = message(one, viewer=viewer, hides=hides, host=host)
    found["channel_type"] = int(one.channel.type)
    if one.channel.guild is not None:
        found["guild_id"] = str(one.channel.guild.id)
        author = one.channel.guild.by_id.get(one.author.id)
        if author is not None and one.application_id is None:
            found["member"] = partial_member(author)
    return found


def emoji(name: str) -> Json:
    """An emoji by what stands in a route: the sign itself, or `name:id`."""
    if ":" in name:
        called, _, identity = name.partition(":")
        return {"id": identity, "name": called, "animated": False}
    return {"id": None, "name": name}


def interaction_metadata(identity: int, kind: int, one: User, original: int | None) -> Json:
    found: Json = {
        "id": str(identity),
        "type": kind,
        "user": user(one),
        "authorizing_integration_owners": {},
    }
    if original is not None:
        found["original_response_message_id"] = str(original)
    return found


def resolved_channel(one: Channel, viewer: User, bot: User) -> Json:
    """A channel as interactions have it: with what the member may do there, and what the bot may."""
    return {
        **channel(one, bot),
        "permissions": str(int(one.permissions(viewer))),
        "app_permissions": str(int(one.permissions(bot))),
    }
