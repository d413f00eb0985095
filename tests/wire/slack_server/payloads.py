"""How things look on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from .errors import Json
from .model import Channel, Guest, Kind, Message, Team, User
from .views import View

if TYPE_CHECKING:
    from .world import App


def message(one: Message, *, metadata: bool = False) -> Json:
    """A message in a history, an event or an interaction. `metadata` is shown only where it is asked for."""
    team = one.channel.team
    shown: Json = {"type": "message", "user": one.user.id, "ts": one.ts, "text": one.text, "team": team.id}
    if one.client_msg_id:
        shown["client_msg_id"] = one.client_msg_id
    if one.by_app:
        shown |= {"bot_id": team.bot_id, "app_id": team.world.app.id, "bot_profile": bot_profile(team)}
    if one.subtype == "bot_message":
        shown |= {"username": team.world.app.name}
        del shown["user"]
    if one.subtype:
        shown["subtype"] = one.subtype
    if one.tombstone:
        shown["hidden"] = True
    if one.blocks:
        shown["blocks"] = one.blocks
    if one.attachments:
        shown["attachments"] = one.attachments
    if one.files:
        shown["files"] = one.files
    if one.edited:
        shown["edited"] = {"user": one.user.id, "ts": one.edited}
    if one.metadata is not None and metadata:
        shown["metadata"] = one.metadata
    if one.reactions:
        shown["reactions"] = [
            {"name": name, "users": [user.id for user in users], "count": len(users)}
            for name, users in one.reactions.items()
        ]
    return shown | _thread(one)


def _thread(one: Message) -> Json:
    if one.ephemeral:
        return {"thread_ts": one.thread_ts} if one.thread_ts else {}
    replies = one.replies
    if replies:
        users = list(dict.fromkeys(reply.user.id for reply in replies))
        return {
            "thread_ts": one.ts,
            "reply_count": len(replies),
            "reply_users_count": len(users),
            "reply_users": users,
            "latest_reply": replies[-1].ts,
            "is_locked": False,
            "subscribed": False,
        }
    if one.is_reply:
        parent = one.channel.by_ts.get(str(one.thread_ts))
        return {"thread_ts": one.thread_ts} | ({"parent_user_id": parent.user.id} if parent else {})
    return {}


def bot_profile(team: Team) -> Json:
    app = team.world.app
    return {
        "id": team.bot_id,
        "app_id": app.id,
        "user_id": team.bot.id,
        "name": app.name,
        "icons": {},
        "deleted": not team.installed,
        "updated": 0,
        "team_id": team.id,
    }


def user(one: User, now: datetime, *, locale: bool = False) -> Json:
    offset = now.astimezone(ZoneInfo(one.tz)).utcoffset()
    shown: Json = {
        "id": one.id,
        "team_id": one.team.id,
        "name": one.name,
        "deleted": one.deactivated,
        "color": "9f69e7",
        "real_name": one.name.capitalize(),
        "profile": {
            "real_name": one.name.capitalize(),
            "display_name": one.name,
            "real_name_normalized": one.name.capitalize(),
            "display_name_normalized": one.name,
            "team": one.team.id,
        },
        "is_bot": one.bot,
        "is_app_user": False,
        "updated": 0,
    }
    if one.deactivated:
        return shown
    shown |= {
        "tz": one.tz,
        "tz_label": one.tz,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "is_admin": one.admin or one.owner,
        "is_owner": one.owner,
        "is_primary_owner": one is one.team.founder,
        "is_restricted": one.guest is not Guest.NO,
        "is_ultra_restricted": one.guest is Guest.SINGLE,
    }
    return shown | ({"locale": one.locale} if locale else {})


def channel(one: Channel, *, members: bool = False) -> Json:
    team = one.team
    shown: Json = {
        "id": one.id,
        "created": one.created,
        "is_archived": one.archived,
        "is_im": one.kind is Kind.DIRECT,
        "is_mpim": one.kind is Kind.GROUP,
        "is_org_shared": False,
        "context_team_id": team.id,
        "updated": one.created * 1000,
    }
    if one.kind is Kind.DIRECT:
        other = [user for user in one.members.values() if user is not team.bot]
        return shown | {"user": other[0].id, "is_user_deleted": other[0].deactivated, "priority": 0}
    shown |= {
        "name": one.name,
        "name_normalized": one.name,
        "is_channel": one.kind is Kind.PUBLIC,
        "is_group": one.kind is Kind.PRIVATE,
        "is_private": one.kind is not Kind.PUBLIC,
        "is_general": one.name == "general",
        "is_shared": False,
        "is_ext_shared": False,
        "is_pending_ext_shared": False,
        "is_member": one.has_bot,
        "creator": team.founder.id,
        "shared_team_ids": [team.id],
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
    }
    return shown | ({"num_members": len(one.members)} if members else {})


def view(one: View, app: App) -> Json:
    content = one.content
    plain: dict[str, Any] = {"private_metadata": "", "callback_id": "", "external_id": "", "title": None}
    plain |= {"submit": None, "close": None, "clear_on_close": False, "notify_on_close": False}
    return {
        **plain,
        **content,
        "id": one.id,
        "team_id": one.team.id,
        "state": {"values": state(one.blocks)},
        "hash": one.hash,
        "previous_view_id": one.previous_id,
        "root_view_id": one.root_id,
        "app_id": app.id,
        "app_installed_team_id": one.team.id,
        "bot_id": one.team.bot_id,
    }


def state(blocks: list[Json]) -> Json:
    """What stands in the fields of blocks before anybody touches them."""
    values: Json = {}
    for block in blocks:
        element = block.get("element") if block["type"] == "input" else None
        if element:
            values.setdefault(block["block_id"], {})[element["action_id"]] = untouched(element)
    return values


_STATE = {
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "rich_text_input": ("rich_text_value", "initial_value"),
}


def value_key(kind: str) -> str:
    """Under which key the value of an element of this kind is sent."""
    return _STATE.get(kind, ("value", ""))[0]


def untouched(element: Json) -> Json:
    key, initial = _STATE.get(element["type"], ("value", "initial_value"))
    default: Any = [] if key.endswith("s") else None
    return {"type": element["type"], key: element.get(initial, default)}
