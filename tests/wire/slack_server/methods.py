"""Methods of everything but messages: the app itself, conversations, people, views."""

from __future__ import annotations

from typing import Final

from . import payloads
from .errors import Json, SlackError, bad_arguments, missing
from .member import Member
from .model import Channel, Kind, User
from .routing import PLURAL, Call, method, page, seen_channel
from .views import View

# --- the app --------------------------------------------------------------------------------------------------


@method("api.test", tier=4, reads_json=True)
def api_test(call: Call) -> Json:
    if call.arguments.get("error"):
        raise SlackError(str(call.arguments["error"]))
    return {"args": call.arguments}


@method("auth.test", tier=0)
def auth_test(call: Call) -> Json:
    team = call.team
    return {
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "user": team.bot.name,
        "team_id": team.id,
        "user_id": team.bot.id,
        "bot_id": team.bot_id,
        "is_enterprise_install": False,
    }


@method("auth.revoke")
def auth_revoke(call: Call) -> Json:
    if call.flag("test"):
        return {"revoked": False}
    call.world.revoke(call.team)
    return {"revoked": True}


@method("apps.connections.open", "connections:write", tier=1, app_token=True)
def connections_open(call: Call) -> Json:
    return {"url": call.world.sockets.address()}


@method("team.info", "team:read")
def team_info(call: Call) -> Json:
    team = call.team
    if call.arguments.get("team", team.id) != team.id:
        raise SlackError("team_not_found")
    return {"team": {"id": team.id, "name": team.name, "domain": team.domain, "email_domain": "", "icon": {}}}


@method("bots.info", "users:read")
def bots_info(call: Call) -> Json:
    if call.arguments.get("bot") != call.team.bot_id:
        raise SlackError("bot_not_found")
    return {"bot": payloads.bot_profile(call.team)}


# --- people ---------------------------------------------------------------------------------------------------


def _user(call: Call, name: str = "user") -> User:
    user = call.team.users.get(call.text(name))
    if user is None:
        raise SlackError("user_not_found")
    return user


@method("users.info", "users:read", tier=4)
def users_info(call: Call) -> Json:
    return {"user": payloads.user(_user(call), call.world.clock.now, locale=call.flag("include_locale"))}


@method("users.list", "users:read", tier=2)
def users_list(call: Call) -> Json:
    found, metadata = page(call, list(call.team.users.values()), call.limit(1000, 1000))
    now, locale = call.world.clock.now, call.flag("include_locale")
    return {"members": [payloads.user(one, now, locale=locale) for one in found], "response_metadata": metadata}


# --- conversations --------------------------------------------------------------------------------------------

_READS: Final = ("channels:read", "groups:read", "im:read", "mpim:read")

_TYPES: Final = {
    "public_channel": Kind.PUBLIC,
    "private_channel": Kind.PRIVATE,
    "im": Kind.DIRECT,
    "mpim": Kind.GROUP,
}


def _read(call: Call) -> Channel:
    channel = seen_channel(call)
    call.scope(f"{PLURAL[channel.kind]}:read")
    return channel


def _of_types(call: Call) -> list[Channel]:
    kinds = set()
    for name in str(call.arguments.get("types") or "public_channel").split(","):
        if name.strip() not in _TYPES:
            raise SlackError("invalid_types")
        kinds.add(_TYPES[name.strip()])
    for kind in kinds:
        call.scope(f"{PLURAL[kind]}:read")
    hides = call.flag("exclude_archived")
    return [one for one in call.world.channels(call.team) if one.kind in kinds and not (hides and one.archived)]


@method("conversations.list", *_READS, tier=2)
def conversations_list(call: Call) -> Json:
    seen = [one for one in _of_types(call) if one.kind is Kind.PUBLIC or one.has_bot]
    found, metadata = page(call, seen, call.limit(100, 999))
    return {"channels": [payloads.channel(one, members=True) for one in found], "response_metadata": metadata}


@method("users.conversations", *_READS)
def users_conversations(call: Call) -> Json:
    user = _user(call) if call.arguments.get("user") else call.team.bot
    mine = [one for one in _of_types(call) if user.id in one.members and (one.has_bot or one.kind is Kind.PUBLIC)]
    found, metadata = page(call, mine, call.limit(100, 999))
    return {"channels": [payloads.channel(one) for one in found], "response_metadata": metadata}


@method("conversations.info", *_READS)
def conversations_info(call: Call) -> Json:
    return {"channel": payloads.channel(_read(call), members=call.flag("include_num_members"))}


@method("conversations.members", *_READS, tier=4)
def conversations_members(call: Call) -> Json:
    found, metadata = page(call, list(_read(call).members), call.limit(100, 999))
    return {"members": found, "response_metadata": metadata}


@method("conversations.join", "channels:join", reads_json=True)
def conversations_join(call: Call) -> Json:
    channel = seen_channel(call)
    if channel.kind is not Kind.PUBLIC:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    there = channel.has_bot
    call.world.join(channel, call.team.bot)
    return {"channel": payloads.channel(channel)} | ({"warning": "already_in_channel"} if there else {})


@method("conversations.leave", "channels:manage", "groups:write", "im:write", "mpim:write", reads_json=True)
def conversations_leave(call: Call) -> Json:
    channel = seen_channel(call)
    if channel.kind not in (Kind.PUBLIC, Kind.PRIVATE):
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    if channel.name == "general":
        raise SlackError("cant_leave_general")
    if not channel.has_bot:
        return {"not_in_channel": True}
    call.world.leave(channel, call.team.bot)
    return {}


@method("conversations.open", "im:write", "mpim:write", "channels:manage", "groups:write", reads_json=True)
def conversations_open(call: Call) -> Json:
    if call.arguments.get("channel"):
        channel = seen_channel(call)
        if channel.kind not in (Kind.DIRECT, Kind.GROUP):
            raise SlackError("method_not_supported_for_channel_type")
        return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}
    if not call.arguments.get("users"):
        raise SlackError("users_list_not_supplied")
    people = []
    for identity in str(call.arguments["users"]).split(","):
        user = call.team.users.get(identity.strip())
        if user is None or user is call.team.bot:
            raise SlackError("user_not_found")
        if user.deactivated:
            raise SlackError("user_disabled")
        people.append(user)
    if len(people) > 8:
        raise SlackError("too_many_users")
    call.scope("im:write" if len(people) == 1 else "mpim:write")
    channel = call.world.direct(call.team, [*people, call.team.bot])
    whole = call.flag("return_im")
    return {"channel": payloads.channel(channel) if whole else {"id": channel.id}}


# --- views ----------------------------------------------------------------------------------------------------


def _shown(call: Call, view: View) -> Json:
    return {"view": payloads.view(view, call.world.app)}


def _trigger(call: Call) -> object:
    if call.arguments.get("trigger_id") in (None, ""):
        raise bad_arguments(["invalid `trigger_id` [json-pointer:/trigger_id]"])
    return call.arguments["trigger_id"]


@method("views.open", tier=4, reads_json=True)
def views_open(call: Call) -> Json:
    content = call.world.view_content(call.arguments.get("view"), "modal", team=call.team)
    return _shown(call, call.world.interactions.open(call.world.interactions.trigger(_trigger(call)), content))


@method("views.push", tier=4, reads_json=True)
def views_push(call: Call) -> Json:
    content = call.world.view_content(call.arguments.get("view"), "modal", team=call.team)
    return _shown(call, call.world.interactions.push(call.world.interactions.trigger(_trigger(call)), content))


@method("views.update", tier=4, reads_json=True)
def views_update(call: Call) -> Json:
    name = "external_id" if call.arguments.get("external_id") else "view_id"
    value = call.arguments.get(name)
    if not value:
        raise missing("view_id")
    found = [
        one
        for one in call.world.open_views(call.team)
        if value == (one.id if name == "view_id" else one.content.get("external_id"))
    ]
    if not found:
        raise SlackError("not_found")
    _unchanged(call, found[0])
    view = call.world.change_view(found[0], call.arguments.get("view"))
    call.world.interactions.witness_view(view)
    return _shown(call, view)


@method("views.publish", tier=4, reads_json=True)
def views_publish(call: Call) -> Json:
    if not call.world.app.home:
        raise SlackError("not_enabled")
    owner = _user(call, "user_id")
    if not isinstance(owner, Member):
        raise SlackError("user_not_found")
    view = call.arguments.get("view")
    content = call.world.view_content(view, "home", team=call.team, instead_of=owner.home)
    if owner.home is not None:
        _unchanged(call, owner.home)
    return _shown(call, call.world.publish(owner, content))


def _unchanged(call: Call, view: View) -> None:
    wanted = call.arguments.get("hash")
    if wanted and wanted != view.hash:
        raise SlackError("hash_conflict")
