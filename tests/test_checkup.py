"""Looking over everything: each thing that can be wrong online, provoked on servers that speak as the platforms do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import checkup
from bot.adapters.discord import ids as discord_ids
from bot.adapters.discord.rights import NEEDED, invite_link
from bot.adapters.slack import ids as slack_ids
from bot.adapters.slack.needs import SCOPES, UPLOADS
from bot.core.checkup import Finding, PlatformSeen, State
from bot.core.model import ChannelId, DrillState
from bot.settings import load
from bot.store import SqliteStore
from tests.factories import keep, make_drill
from tests.store.files import contents
from tests.wire.discord_server import ChannelType, DiscordServer, Guild, Intent, Perm, Refusal
from tests.wire.slack_server import SlackServer, Team
from tests.wire.slack_server.routing import METHODS

HANGS = 0.2
"""Seconds that a request may take where a server does not answer."""


def clock() -> datetime:
    """The machine's: the servers' Date headers are real."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Place:
    """A platform, and a database with drills in channels of it."""

    database: Path
    settings: dict[str, str]
    drills: list[ChannelId] = field(default_factory=list)

    async def drill(self, channel: ChannelId, **changes: object) -> None:
        store = SqliteStore(self.database)
        await store.write(lambda tx: keep(tx, make_drill(channel, **changes)))
        await store.close()

    async def found(self, *, off_by: timedelta = timedelta(), within: float = 10.0) -> list[Finding]:
        """What is told of platforms, channels and the clock; nothing is changed by looking."""
        settings = load({**self.settings, "NNQUESTION_DATABASE": str(self.database)})
        before = contents(self.database.parent)
        found = await checkup.over(settings, lambda: clock() + off_by, online=True, within=within)
        assert contents(self.database.parent) == before
        secrets = [value for name, value in self.settings.items() if "TOKEN" in name]
        assert not [secret for secret in secrets for finding in found if len(secret) > 5 and secret in str(finding)]
        return [one for one in found if one.kind in ("discord", "slack", "channel") or one.what.startswith("against")]

    async def trouble(self, *, off_by: timedelta = timedelta(), within: float = 10.0) -> list[Finding]:
        """Of that, what is not well; all of it says what to do."""
        found = [one for one in await self.found(off_by=off_by, within=within) if one.state is not State.OK]
        assert all(one.remedy for one in found)
        return found


def only(found: list[Finding]) -> Finding:
    [one] = found
    return one


# --- Discord ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class OnDiscord(Place):
    server: DiscordServer = field(kw_only=True)
    guild: Guild = field(kw_only=True)

    def id(self, name: str) -> ChannelId:
        return discord_ids.channel_id(self.guild.id, self.guild.channel(name).id)


@pytest.fixture
async def on_discord(tmp_path: Path) -> AsyncIterator[OnDiscord]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT, point=False, token="a-token-for-discord") as server:
        settings = {"DISCORD_TOKEN": server.token, "DISCORD_API_URL": server.api_url}
        place = OnDiscord(tmp_path / "x.db", settings, server=server, guild=server.guild("Study"))
        await place.drill(place.id("general"))
        yield place
        assert server.unknown == []
        assert {request.method for request in server.requests} <= {"GET"}


async def test_a_bot_that_has_all_it_needs_on_discord_is_well(on_discord: OnDiscord) -> None:
    found = await on_discord.found()
    assert {one.state for one in found} == {State.OK}
    told = [f"{one.what}: {one.detail}" for one in found]
    assert told[0] == "DISCORD_TOKEN: good, for nnquestion"
    assert "nnquestion: sessions that may begin today: 1000 of 1000 left" in told
    assert "nnquestion: threads in Study: 1000 of 1000 left" in told
    assert f"#general {on_discord.id('general')}: the bot has what it needs there" in told
    assert any(one.what == "against discord" for one in found)


async def test_a_token_that_discord_refuses_is_told_with_where_to_get_one(on_discord: OnDiscord) -> None:
    on_discord.settings["DISCORD_TOKEN"] = "another-token"
    bad = only(await on_discord.trouble())
    assert bad.state is State.FAULT
    assert bad.what == "DISCORD_TOKEN"
    assert "refused" in bad.detail
    assert "Reset Token" in bad.remedy


@pytest.mark.parametrize("token", ["two words", "caf\u00e9", "a\nb: c"])
async def test_what_can_be_no_token_is_not_even_sent(on_discord: OnDiscord, token: str) -> None:
    settings = replace(load(on_discord.settings), discord_token=token)
    [seen] = await checkup.platforms(settings, (), clock)
    assert seen.tokens[0].refused == "it holds signs that no token has"
    assert on_discord.server.requests == []


async def test_a_missing_message_content_intent_is_a_warning_with_where_to_switch_it_on(on_discord: OnDiscord) -> None:
    on_discord.server.world.application.granted = Intent(0)
    lack = only(await on_discord.trouble())
    assert lack.state is State.WARNING
    assert lack.detail.startswith("Message Content intent: missing")
    assert "Privileged Gateway Intents" in lack.remedy


async def test_sessions_that_run_out_are_told_before_there_is_none(on_discord: OnDiscord) -> None:
    begun = on_discord.server.gateway.identifies
    begun += [begun] * 950  # type: ignore[list-item]
    assert only(await on_discord.trouble()).state is State.WARNING
    begun += [begun] * 50  # type: ignore[list-item]
    spent = only(await on_discord.trouble())
    assert spent.state is State.FAULT
    assert "0 of 1000 left" in spent.detail


@pytest.mark.parametrize(
    ("right", "named"), [(Perm.ATTACH_FILES, "Attach files"), (Perm.CREATE_PUBLIC_THREADS, "Create public threads")]
)
async def test_a_right_that_the_bots_role_lacks_is_named(on_discord: OnDiscord, right: Perm, named: str) -> None:
    on_discord.guild.take_away(right)
    lacking = only(await on_discord.trouble())
    assert lacking.state is State.FAULT
    assert lacking.what == f"#general {on_discord.id('general')}"
    assert lacking.detail == f"the bot lacks rights there: {named}"


async def test_rights_are_added_up_as_discord_does_it(on_discord: OnDiscord) -> None:
    channel, everyone = on_discord.guild.channel("general"), on_discord.guild.everyone
    channel.take_away(Perm.EMBED_LINKS | Perm.SEND_MESSAGES, everyone)
    assert only(await on_discord.trouble()).detail.endswith("Send messages, Embed links")
    assert on_discord.guild.bot_role is not None
    channel.give(Perm.EMBED_LINKS, on_discord.guild.bot_role)  # A role's right outweighs what everybody is denied.
    assert only(await on_discord.trouble()).detail.endswith(": Send messages")
    muted = on_discord.guild.role("Muted")
    on_discord.guild.by_id[on_discord.server.bot.id].roles.append(muted)
    channel.take_away(Perm.EMBED_LINKS, muted)  # Of several roles the one that allows wins.
    assert only(await on_discord.trouble()).detail.endswith(": Send messages")
    channel.give(Perm.SEND_MESSAGES)  # As does the bot's own.
    assert await on_discord.trouble() == []
    channel.take_away(Perm.EMBED_LINKS)
    assert only(await on_discord.trouble()).detail.endswith(": Embed links")
    on_discord.guild.give(Perm.ADMINISTRATOR)
    assert await on_discord.trouble() == []


async def test_a_hidden_channel_lacks_everything(on_discord: OnDiscord) -> None:
    on_discord.guild.channel("general").take_away(Perm.VIEW_CHANNEL)
    hidden = only(await on_discord.trouble())
    assert hidden.detail.count(",") == sum(on for _, on in NEEDED) - 1


async def test_a_deleted_channel_is_told(on_discord: OnDiscord) -> None:
    on_discord.guild.channel("general").delete()
    assert "deleted" in only(await on_discord.trouble()).detail


async def test_a_channel_of_a_kind_that_takes_no_drill_is_told(on_discord: OnDiscord) -> None:
    on_discord.guild.channel("general").type = ChannelType.DM  # Any other kind would do: the server has few.
    assert "takes no drill" in only(await on_discord.trouble()).detail


async def test_a_server_that_has_removed_the_bot_is_told_with_the_link_to_invite_it(on_discord: OnDiscord) -> None:
    on_discord.guild.remove_bot()
    left = only(await on_discord.trouble())
    assert left.state is State.FAULT
    assert "not there any more" in left.detail
    assert invite_link(str(on_discord.server.world.application.id)) in left.remedy


async def test_a_drill_that_is_off_makes_no_fault_of_its_channel(on_discord: OnDiscord) -> None:
    await on_discord.drill(on_discord.id("general"), state=DrillState.OFF, state_reason="it was removed", next=None)
    on_discord.guild.remove_bot()
    assert only(await on_discord.trouble()).state is State.WARNING


async def test_the_place_for_notes_needs_less_than_a_drills_channel(on_discord: OnDiscord) -> None:
    notes = on_discord.guild.channel("organizers")
    await on_discord.drill(on_discord.id("general"), notes=on_discord.id("organizers"))
    notes.take_away(Perm.CREATE_PUBLIC_THREADS | Perm.ADD_REACTIONS)
    assert await on_discord.trouble() == []
    notes.take_away(Perm.SEND_MESSAGES)
    lacking = only(await on_discord.trouble())
    assert lacking.what.startswith("place for notes #organizers")
    assert lacking.detail.endswith(": Send messages")


async def test_a_discord_that_hangs_costs_one_wait_however_much_was_to_be_asked(on_discord: OnDiscord) -> None:
    on_discord.server.faults.hold(times=100)
    found = await on_discord.trouble(within=HANGS)
    assert {one.detail.removeprefix("unchecked: ") for one in found} == {"Discord did not answer in time"}
    assert State.FAULT in {one.state for one in found}
    assert len(on_discord.server.requests) == 1


async def test_a_discord_that_hangs_later_leaves_what_was_found_before(on_discord: OnDiscord) -> None:
    for number in range(9):
        await on_discord.drill(ChannelId(f"discord:{number + 1}/1"))
    on_discord.server.faults.hold("GET", "/guilds/**", times=100)
    found = await on_discord.found(within=HANGS)
    assert [one.detail for one in found if one.what == "DISCORD_TOKEN"] == ["good, for nnquestion"]
    channels = [one.detail for one in found if one.kind == "channel"]
    assert channels == ["not known: Discord did not answer in time"] * 10
    assert len(on_discord.server.asked("GET", "/guilds/**")) < 10


@pytest.mark.parametrize("status", [500, 503])
async def test_a_discord_in_trouble_is_not_taken_for_a_wrong_token(on_discord: OnDiscord, status: int) -> None:
    on_discord.server.faults.fail(status=status, times=100)
    found = await on_discord.trouble()
    assert not [one for one in found if "refused" in one.detail]
    assert {one.detail for one in found if one.state is State.FAULT} == {f"Discord answers with status {status}"}


async def test_a_limit_is_waited_for_once(on_discord: OnDiscord) -> None:
    on_discord.server.faults.rate_limit("GET", "/users/@me", retry_after=0.01)
    assert await on_discord.trouble() == []


async def test_an_application_that_may_not_be_looked_at_does_not_hide_the_channels(on_discord: OnDiscord) -> None:
    on_discord.server.faults.refuse("GET", "/oauth2/applications/@me", Refusal.MISSING_ACCESS)
    on_discord.guild.take_away(Perm.ATTACH_FILES)
    found = await on_discord.trouble()
    assert [one.kind for one in found] == ["discord", "channel"]
    assert "application could not be looked at" in found[0].detail


@pytest.mark.parametrize("seconds", [-90, 90])
async def test_a_clock_that_is_off_is_a_fault(on_discord: OnDiscord, seconds: int) -> None:
    wrong = only(await on_discord.trouble(off_by=timedelta(seconds=seconds)))
    assert (wrong.kind, wrong.what, wrong.state) == ("clock", "against discord", State.FAULT)
    assert ("ahead of" if seconds > 0 else "behind") in wrong.detail
    assert await on_discord.trouble(off_by=timedelta(seconds=seconds / 6)) == []


async def test_nobody_there_is_told_as_that(on_discord: OnDiscord) -> None:
    on_discord.settings["DISCORD_API_URL"] = "http://127.0.0.1:9/api"
    found = await on_discord.trouble()
    assert "Discord cannot be reached (ClientConnectorError)" in {one.detail for one in found}


# --- Slack --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class OnSlack(Place):
    server: SlackServer = field(kw_only=True)
    team: Team = field(kw_only=True)

    def id(self, name: str) -> ChannelId:
        return slack_ids.channel_id(self.team.id, self.team.channel(name).id)


@pytest.fixture
async def on_slack(tmp_path: Path) -> AsyncIterator[OnSlack]:
    async with SlackServer(scopes=frozenset(SCOPES)) as server:
        team = server.team("Study")
        settings = {
            "SLACK_BOT_TOKEN": team.token,
            "SLACK_APP_TOKEN": server.app_token,
            "SLACK_API_URL": server.api_url,
        }
        place = OnSlack(tmp_path / "x.db", settings, server=server, team=team)
        await place.drill(place.id("general"))
        yield place
        assert server.unknown == []
        assert server.complaints == []
        assert server.sockets.connections == []


async def test_an_app_that_has_all_it_needs_on_slack_is_well(on_slack: OnSlack) -> None:
    found = await on_slack.found()
    assert {one.state for one in found} == {State.OK}
    told = [f"{one.what}: {one.detail}" for one in found]
    assert "SLACK_BOT_TOKEN: good, for nnquestion in Study" in told
    assert "SLACK_APP_TOKEN: good, for nnquestion in Study" in told
    assert f"#general {on_slack.id('general')}: the bot has what it needs there" in told
    assert any(one.what == "against slack" for one in found)
    assert {request.method for request in on_slack.server.requests} == {
        "auth.test",
        "apps.connections.open",
        "conversations.info",
    }


@pytest.mark.parametrize("setting", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"])
async def test_a_token_that_slack_refuses_is_told_with_where_to_get_one(on_slack: OnSlack, setting: str) -> None:
    on_slack.settings[setting] = "xoxx-1-quite-another"
    bad = only(await on_slack.trouble())
    assert (bad.what, bad.state) == (setting, State.FAULT)
    assert "invalid_auth" in bad.detail
    assert ("OAuth & Permissions" if setting == "SLACK_BOT_TOKEN" else "connections:write") in bad.remedy


async def test_two_tokens_in_each_others_place_are_told_as_that(on_slack: OnSlack) -> None:
    on_slack.settings |= {"SLACK_BOT_TOKEN": on_slack.server.app_token, "SLACK_APP_TOKEN": on_slack.team.token}
    found = await on_slack.trouble()
    assert [one.what for one in found] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]
    assert all("another kind of token" in one.detail for one in found)


async def test_an_app_that_was_uninstalled_is_told(on_slack: OnSlack) -> None:
    on_slack.team.uninstall()
    [bad] = [one for one in await on_slack.trouble() if one.what == "SLACK_BOT_TOKEN"]
    assert "account_inactive" in bad.detail


@pytest.mark.parametrize("scope", sorted(SCOPES))
async def test_a_missing_scope_is_told_with_what_it_is_for(on_slack: OnSlack, scope: str) -> None:
    on_slack.team.take_away(scope)
    [lack, *others] = await on_slack.trouble()
    assert lack.detail == f"scope {scope}: missing, it is {SCOPES[scope]}"
    assert lack.state is (State.WARNING if scope == UPLOADS else State.FAULT)
    assert "manifest" in lack.remedy
    assert {one.kind for one in others} <= {"channel"}  # Without a right to look at it, nobody knows of it.


async def test_a_channel_without_the_bot_is_told_with_how_to_invite_it(on_slack: OnSlack) -> None:
    on_slack.team.channel("general").kick_bot()
    away = only(await on_slack.trouble())
    assert "not in it" in away.detail
    assert "/invite" in away.remedy


async def test_an_archived_channel_is_told(on_slack: OnSlack) -> None:
    on_slack.team.channel("general").archive()
    assert "archived" in only(await on_slack.trouble()).detail


async def test_a_channel_that_was_deleted_is_told(on_slack: OnSlack) -> None:
    channel = on_slack.id("general")
    on_slack.team.channel("general").delete()
    assert only(await on_slack.trouble()).what == channel
    assert "deleted" in only(await on_slack.trouble()).detail


async def test_a_drill_of_another_workspace_is_told(on_slack: OnSlack) -> None:
    await on_slack.drill(ChannelId("slack:TOTHER/C1"))
    other = only(await on_slack.trouble())
    assert "its workspace is not the one that the token is for" in other.detail


async def test_a_slack_that_hangs_costs_one_wait(on_slack: OnSlack) -> None:
    on_slack.server.faults.hold(times=100)
    found = await on_slack.trouble(within=HANGS)
    assert {one.detail.removeprefix("unchecked: ") for one in found} == {"Slack did not answer in time"}
    assert len(on_slack.server.requests) == 1


async def test_a_slack_in_trouble_is_not_taken_for_a_wrong_token(on_slack: OnSlack) -> None:
    on_slack.server.faults.fail(times=100)
    found = await on_slack.trouble()
    assert found
    assert not [one for one in found if "refused" in one.detail]


async def test_a_limit_of_slacks_is_waited_for_once(on_slack: OnSlack) -> None:
    on_slack.server.faults.rate_limit("auth.test", retry_after=0)
    assert await on_slack.trouble() == []


async def test_a_clock_that_is_off_from_slacks_is_a_fault(on_slack: OnSlack) -> None:
    wrong = only(await on_slack.trouble(off_by=timedelta(minutes=-2)))
    assert (wrong.what, wrong.state) == ("against slack", State.FAULT)
    assert "behind" in wrong.detail


# --- both ---------------------------------------------------------------------------------------------------


async def test_what_ails_one_platform_leaves_the_other_to_be_looked_at(
    on_discord: OnDiscord, on_slack: OnSlack
) -> None:
    on_slack.settings |= on_discord.settings
    on_discord.server.faults.hold(times=100)
    found = await on_slack.found(within=HANGS * 5)
    assert [one.detail for one in found if one.what == "SLACK_BOT_TOKEN"] == ["good, for nnquestion in Study"]
    assert [one.state for one in found if one.what == "DISCORD_TOKEN"] == [State.WARNING]


async def test_answers_of_somebody_in_between_are_not_taken_for_the_platforms(
    on_slack: OnSlack, on_discord: OnDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_slack.settings |= {"DISCORD_TOKEN": "a-token", "DISCORD_API_URL": on_slack.server.api_url}
    monkeypatch.setitem(METHODS, "auth.test", replace(METHODS["auth.test"], act=lambda call: {}))
    found = await on_slack.trouble()
    for platform in ("Discord", "Slack"):
        assert f"what came is no answer of {platform}'s; is there a proxy in between?" in {one.detail for one in found}


async def test_a_fault_of_the_look_itself_is_told_as_trouble_and_leaves_the_rest(
    on_slack: OnSlack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def trips(*_: object) -> PlatformSeen:
        raise KeyError("url")

    on_slack.settings["DISCORD_TOKEN"] = "a-token"
    monkeypatch.setattr(checkup, "_discord", trips)
    [trouble] = [one for one in await on_slack.trouble() if one.state is State.FAULT]
    assert trouble.kind == "discord"
    assert "make no sense (KeyError('url'))" in trouble.detail
