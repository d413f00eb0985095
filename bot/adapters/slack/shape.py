"""Whether what came has the shape of what Slack sends, as far as this program or its libraries read it. Pure.

It is asked before anything else looks at a payload, so that nothing behind has to doubt what is a text and what a list.
Fields that nobody reads may be anything, and what is null counts as left out.
https://docs.slack.dev/interactivity/handling-user-interaction and https://docs.slack.dev/reference/events
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.adapters.slack.ids import ONE, TS


@dataclass(frozen=True, slots=True)
class _Of:
    """An object with these fields; those it `needs` are there."""

    fields: Mapping[str, Any]
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Each:
    """An object whose values all have one shape, under any names."""

    shape: Any


_ID: Final = re.compile(f"(?:{ONE})?")
_TS: Final = re.compile(TS)
_EITHER: Final = (str, dict)

_OPTION: Final = _Of({"value": str}, frozenset({"value"}))
_FILLED: Final = _Of(
    {
        **dict.fromkeys(("value", "selected_time", "selected_date", "selected_conversation"), str),
        **{"selected_option": _OPTION, "selected_options": [_OPTION], "selected_user": _ID, "selected_users": [_ID]},
    }
)
_BLOCK: Final = _Of({"type": str, "block_id": str}, frozenset({"type", "block_id"}))
_VIEW: Final = _Of(
    {
        **dict.fromkeys(("id", "type", "hash", "callback_id", "private_metadata"), str),
        **{"blocks": [_BLOCK], "state": _Of({"values": _Each(_Each(_FILLED))})},
    }
)
_MESSAGE: Final = _Of(
    {
        **{"ts": _TS, "user": _ID, "edited": _Of({"ts": _TS})},
        **dict.fromkeys(("text", "subtype", "thread_ts", "bot_id"), str),
    }
)
_WHO: Final = _Of({"id": _ID, **dict.fromkeys(("team_id", "name", "username"), str)}, frozenset({"id"}))
_WHERE: Final = _Of({"id": _ID})
_CONTAINER: Final = _Of({"channel_id": _ID, "thread_ts": str, "message_ts": str, "type": str, "view_id": str})
_ACTION: Final = _Of(dict.fromkeys(("type", "action_id", "block_id", "value"), str), frozenset({"action_id"}))

_ACT: Final = _Of(
    {
        **{"type": str, "team": _WHERE, "user": _WHO, "channel": _WHERE, "container": _CONTAINER, "view": _VIEW},
        **{"message": _MESSAGE, "actions": [_ACTION], "enterprise": _WHERE, "response_urls": list},
        **dict.fromkeys(("trigger_id", "response_url", "callback_id", "action_id", "block_id", "value"), str),
    },
    frozenset({"type", "user"}),
)
_NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "block_actions": frozenset({"actions"}),
    "block_suggestion": frozenset({"action_id"}),
    "message_action": frozenset({"message", "callback_id"}),
    "shortcut": frozenset({"callback_id"}),
    "view_submission": frozenset({"view"}),
}
"""What an act of each kind has besides. The app asks for no others."""

_COMMAND: Final = _Of(
    {
        **{"team_id": _ID, "channel_id": _ID, "user_id": _ID},
        **dict.fromkeys(("command", "text", "user_name", "trigger_id", "response_url", "enterprise_id"), str),
    },
    frozenset({"command", "user_id"}),
)
_AUTHORIZATION: Final = _Of(dict.fromkeys(("team_id", "user_id", "enterprise_id"), str))
_EVENT: Final = _Of({"type": str, "team": _EITHER, "user": _EITHER, "channel": _EITHER}, frozenset({"type"}))
_CALLBACK: Final = _Of(
    {"team_id": _ID, "event": _EVENT, "authorizations": [_AUTHORIZATION], "enterprise_id": str},
    frozenset({"event"}),
)

_SAID: Final = _Of(
    {
        **_MESSAGE.fields,
        **{"channel": _ID, "team": _ID, "channel_type": str, "deleted_ts": str, "event_ts": str},
        **{"message": _Of(_MESSAGE.fields, frozenset({"ts"})), "previous_message": _MESSAGE},
    },
    frozenset({"channel"}),
)
_IN_CHANNEL: Final = _Of({"channel": _ID, "user": _ID, "inviter": _ID, "team": _ID}, frozenset({"channel"}))
_OF_KIND: Final[Mapping[str, _Of]] = {
    "message": _SAID,
    "app_mention": _Of(_SAID.fields, frozenset({"channel", "user", "ts"})),
    "app_home_opened": _Of({"user": _ID, "tab": str}, frozenset({"user"})),
    "tokens_revoked": _Of({"tokens": _Of({"bot": list})}),
    **dict.fromkeys(("member_joined_channel", "channel_archive", "group_archive"), _IN_CHANNEL),
    **dict.fromkeys(("channel_deleted", "group_deleted", "channel_left", "group_left"), _IN_CHANNEL),
}
"""What is read of an event of each kind; of others nothing is."""


def sound(payload: object) -> bool:
    """Whether this is a command, an act or an event that can be worked on."""
    if not isinstance(payload, dict):
        return False
    kind = payload.get("type")
    if "command" in payload and kind is None:
        return _fits(payload, _COMMAND)
    if kind == "event_callback":
        return _fits(payload, _CALLBACK) and _is_sound_event(payload["event"])
    needed = _NEEDED.get(kind) if isinstance(kind, str) else None
    if needed is None or not _fits(payload, _Of(_ACT.fields, _ACT.needs | needed)):
        return False
    if kind == "message_action":
        return bool(payload["message"].get("ts"))
    if kind == "view_submission" and not payload["view"].get("callback_id"):  # All of ours have one.
        return False
    return len(payload.get("response_urls") or ()) < 2  # Bolt trips on several; our forms ask for none.


def _is_sound_event(event: Mapping[str, Any]) -> bool:
    if not _fits(event, _OF_KIND.get(event["type"], _EVENT)):
        return False
    if event["type"] != "message":
        return True
    before = event.get("previous_message") or {}
    match event.get("subtype"):
        case "message_deleted":
            return bool(event.get("deleted_ts") or before.get("ts"))
        case "message_changed":
            return bool(event.get("message"))
    return bool(event.get("ts"))


def _fits(value: Any, shape: Any) -> bool:
    match shape:
        case _Of():
            return (
                isinstance(value, dict)
                and all(value.get(name) not in (None, "", []) for name in shape.needs)
                and all(_fits(value[name], one) for name, one in shape.fields.items() if value.get(name) is not None)
            )
        case _Each():
            return isinstance(value, dict) and all(_fits(one, shape.shape) for one in value.values())
        case list():
            return isinstance(value, list) and all(_fits(one, shape[0]) for one in value)
        case re.Pattern():
            return isinstance(value, str) and shape.fullmatch(value) is not None
    return isinstance(value, shape)
