"""The manifest asks Slack for what the code uses, for nothing else, and in a form that Slack takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bot.adapters.slack.needs import COMMAND, EVENTS, SCOPES, SHORTCUTS
from bot.core.commands import TABLE

MANIFEST: Final[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[3] / "data" / "slack_manifest.yaml").read_text(encoding="utf-8")
)
FEATURES: Final[dict[str, Any]] = MANIFEST["features"]
SETTINGS: Final[dict[str, Any]] = MANIFEST["settings"]


def test_the_manifest_and_the_code_name_the_same_scopes_and_events() -> None:
    assert MANIFEST["oauth_config"] == {"scopes": {"bot": sorted(SCOPES)}}
    assert SETTINGS["event_subscriptions"] == {"bot_events": sorted(EVENTS)}


def test_the_manifest_and_the_code_name_the_same_command_and_menu_entries() -> None:
    assert [command["command"] for command in FEATURES["slash_commands"]] == [COMMAND]
    assert {entry["callback_id"]: entry["name"] for entry in FEATURES["shortcuts"]} == SHORTCUTS
    assert [entry["type"] for entry in FEATURES["shortcuts"]] == ["message"] * len(SHORTCUTS)


def test_the_command_sends_mentions_as_ids_and_hints_at_every_word_of_the_table() -> None:
    [command] = FEATURES["slash_commands"]
    assert command["should_escape"] is True
    assert command["usage_hint"] == f"[{' | '.join(command.name for command in TABLE)}]"


def test_the_app_works_over_a_socket_in_one_workspace() -> None:
    switches = {key: value for key, value in SETTINGS.items() if key != "event_subscriptions"}
    assert switches == {
        "interactivity": {"is_enabled": True},
        "org_deploy_enabled": False,
        "socket_mode_enabled": True,
        "token_rotation_enabled": False,
    }
    assert FEATURES["app_home"]["home_tab_enabled"] is True
    assert FEATURES["bot_user"]["always_online"] is True


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_the_scope_that_slack_wants_for_it(event: str) -> None:
    assert EVENTS[event] in {"", *SCOPES}


@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_has_a_reason(scope: str) -> None:
    assert len(SCOPES[scope].split()) > 2


# --- Slack's limits, as https://github.com/slackapi/manifest-schema has them (version 2.0.0) ---------------------

LENGTHS: Final = {
    ("display_information", "name"): (1, 35),
    ("display_information", "description"): (1, 140),
    ("display_information", "long_description"): (175, 4000),
    ("display_information", "background_color"): (4, 7),
    ("features", "bot_user", "display_name"): (1, 80),
    ("features", "shortcuts", "name"): (1, 24),
    ("features", "shortcuts", "type"): (6, 7),
    ("features", "shortcuts", "callback_id"): (1, 255),
    ("features", "shortcuts", "description"): (1, 150),
    ("features", "slash_commands", "command"): (2, 32),
    ("features", "slash_commands", "description"): (1, 2000),
    ("features", "slash_commands", "usage_hint"): (1, 1000),
    ("oauth_config", "scopes", "bot"): (1, 50),
    ("settings", "event_subscriptions", "bot_events"): (1, 50),
}
SWITCHES: Final = {
    *(("features", "app_home", name) for name in ("home_tab_enabled", "messages_tab_enabled")),
    *(("features", "app_home", "messages_tab_read_only_enabled"), ("features", "bot_user", "always_online")),
    *(("features", "slash_commands", "should_escape"), ("settings", "interactivity", "is_enabled")),
    *(("settings", name) for name in ("org_deploy_enabled", "socket_mode_enabled", "token_rotation_enabled")),
}
MOST: Final = {"shortcuts": 10, "slash_commands": 50, "bot": 255, "bot_events": 100}


def faults(found: object, *path: str) -> list[str]:
    """All that Slack would not take in a manifest: what it does not know, what is too long, too many or twice."""
    match found:
        case dict():
            return [fault for key, value in found.items() for fault in faults(value, *path, key)]
        case list():
            many = (
                [f"{path}: {len(found)}"]
                if len(found) > MOST[path[-1]] or len(found) != len(set(map(str, found)))
                else []
            )
            return many + [fault for entry in found for fault in faults(entry, *path)]
        case bool():
            return [] if path in SWITCHES else [f"{path}: unknown"]
        case str():
            least, most = LENGTHS.get(path, (1, 0))
            return [] if least <= len(found) <= most else [f"{path}: {len(found)} characters"]
    return [f"{path}: {found!r}"]


def test_the_manifest_keeps_to_every_limit_of_slack() -> None:
    assert faults(MANIFEST) == []
    assert FEATURES["slash_commands"][0]["command"].startswith("/")


@pytest.mark.parametrize(
    "broken",
    [
        {"display_information": {"name": "n" * 36}},
        {"display_information": {"long_description": "short"}},
        {"features": {"bot_user": {"online": True}}},
        {"settings": {"event_subscriptions": {"bot_events": ["app_mention"] * 2}}},
        {"settings": {"socket_mode_enabled": "yes"}},
    ],
)
def test_a_manifest_that_slack_would_not_take_is_found_out(broken: dict[str, Any]) -> None:
    assert faults(broken) != []
