"""What the app asks a workspace for, and why. `data/slack_manifest.yaml` says the same to Slack; a test holds it to it.

An app-level token with `connections:write`, for Socket Mode, is made by hand: no manifest can ask for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COMMAND: Final = "/nnquestion"

SUBMIT: Final = "nn.submit"
HERE: Final = "nn.here"
SHORTCUTS: Final[Mapping[str, str]] = {SUBMIT: "Submit as my answer", HERE: "nnquestion here"}
"""The entries in a message's menu, by `callback_id`. Slack takes no slash command in a thread; the second stands in."""

UPLOADS: Final = "files:write"
"""The scope without which pictures and files are left out, and all else works: it came after the others."""

SCOPES: Final[Mapping[str, str]] = {
    "app_mentions:read": "to be asked by a mention, also in threads, where slash commands do not work",
    "channels:history": "to read answers in the threads of public channels, and what was said there during a gap",
    "channels:read": "to know whether a public channel is there, archived, and the bot in it",
    "chat:write": "to post questions and reveals, to edit them, and to answer members in private",
    "commands": "for /nnquestion and the entries in a message's menu",
    UPLOADS: "to show boards and recaps as pictures, and to hand members their own data",
    "groups:history": "to read answers in the threads of private channels, and what was said there during a gap",
    "groups:read": "to know whether a private channel is there, archived, and the bot in it",
    "im:history": "to hear what members reply to a reminder, and to look for one before it is posted again",
    "im:write": "to send a reminder to whoever asked for it, and organizers a note where no channel takes it",
    "reactions:write": "to mark what counts as an answer",
    "users:read": "to know what a member is called, which time zone is theirs, and who is an admin",
}
"""Every bot scope, with what it is needed for."""

EVENTS: Final[Mapping[str, str]] = {
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "app_uninstalled": "",
    "channel_archive": "channels:read",
    "channel_deleted": "channels:read",
    "channel_left": "channels:read",
    "channel_unarchive": "channels:read",
    "group_archive": "groups:read",
    "group_deleted": "groups:read",
    "group_left": "groups:read",
    "group_unarchive": "groups:read",
    "member_joined_channel": "channels:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "tokens_revoked": "",
}
"""Every event the bot hears of, with the scope that Slack wants for it. https://docs.slack.dev/reference/events"""
