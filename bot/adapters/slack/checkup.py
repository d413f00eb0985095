"""How the app stands with Slack, asked through the Web API beside whatever runs. It opens no socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.adapters.slack import failures
from bot.adapters.slack.ids import channel_of, team_of
from bot.adapters.slack.needs import SCOPES, UPLOADS
from bot.core.checkup import NOTHING_WANTED, Access, ChannelSeen, Lack, PlatformSeen, TokenSeen, Wanted, ahead_of
from bot.core.model import ChannelId
from bot.core.ports import Failure

APPS: Final = "https://api.slack.com/apps"
INSTALL_AGAIN: Final = f"put the present manifest into the app (App Manifest at {APPS}), and install it again"
INVITE: Final = "say /invite @nnquestion there"

BOT_TOKEN: Final = f"copy it at {APPS}, under OAuth & Permissions > Bot User OAuth Token; it begins with xoxb-"
APP_TOKEN: Final = (
    f"make one at {APPS}, under Basic Information > App-Level Tokens, with the scope connections:write; it begins with"
    " xapp-"
)

_WAITS_AT_MOST: Final = timedelta(seconds=10)
"""So long a question waits where Slack asks it to."""

_ANOTHER: Final = "its workspace is not the one that the token is for"


async def look(
    bot_token: str,
    app_token: str = "",
    *,
    api: str = "",
    within: float = 10.0,
    clock: Callable[[], datetime],
    wanted: Wanted = NOTHING_WANTED,
) -> PlatformSeen:
    """Ask Slack about the app, and about these channels; each request takes at most `within` seconds."""
    client = AsyncWebClient(
        token=bot_token,
        timeout=int(within) or 1,
        retry_handlers=[],
        base_url=f"{api.rstrip('/')}/" if api else AsyncWebClient.BASE_URL,
    )
    asking = _Asking(client, within, clock)
    tokens = []
    if app_token:
        tokens.append(await _app_token(asking, app_token))
    try:
        me = await asking.ask(client.auth_test)
        if not me.get("team_id"):
            raise _Unreached("what came is no answer of Slack's; is there a proxy in between?")
    except _Refused as refused:
        bad = TokenSeen(setting="SLACK_BOT_TOKEN", refused=refused.said, remedy=BOT_TOKEN)
        return PlatformSeen(platform="slack", tokens=(bad, *tokens), ahead=asking.ahead)
    except _Unreached as trouble:
        unknown = TokenSeen(setting="SLACK_BOT_TOKEN", unchecked=str(trouble), remedy="try again later")
        return PlatformSeen(platform="slack", tokens=(unknown, *tokens), ahead=asking.ahead, troubles=(str(trouble),))
    granted = {scope.strip() for scope in str(me.headers.get("x-oauth-scopes") or "").split(",")}
    lacks = [
        Lack(what=f"scope {scope}", means=f"it is {SCOPES[scope]}", remedy=INSTALL_AGAIN, needed=scope != UPLOADS)
        for scope in SCOPES
        if scope not in granted
    ]
    return PlatformSeen(
        platform="slack",
        account=f"{me.get('user')} in {me.get('team')}",
        tokens=(TokenSeen(setting="SLACK_BOT_TOKEN"), *tokens),
        lacks=tuple(lacks),
        ahead=asking.ahead,
        channels=tuple([await _channel(asking, each, str(me["team_id"])) for each in (*wanted.drills, *wanted.notes)]),
    )


async def _app_token(asking: _Asking, token: str) -> TokenSeen:
    """Whether Slack would open a socket for it; the address that it hands out is not used."""
    try:
        await asking.ask(lambda: asking.client.apps_connections_open(app_token=token))
    except _Refused as refused:
        return TokenSeen(setting="SLACK_APP_TOKEN", refused=refused.said, remedy=APP_TOKEN)
    except _Unreached as trouble:
        return TokenSeen(setting="SLACK_APP_TOKEN", unchecked=str(trouble), remedy="try again later")
    return TokenSeen(setting="SLACK_APP_TOKEN")


async def _channel(asking: _Asking, channel: ChannelId, team: str) -> ChannelSeen:
    if team_of(channel) != team:
        remedy = "set the tokens of that workspace's app; one program serves one workspace"
        return ChannelSeen(channel=channel, access=Access.LEFT, why=_ANOTHER, remedy=remedy)
    try:
        said = await asking.ask(lambda: asking.client.conversations_info(channel=channel_of(channel)))
    except _Refused as refused:
        return seen_by_refusal(channel, refused.word, refused.said)
    except _Unreached as trouble:
        return ChannelSeen(channel=channel, access=Access.UNKNOWN, why=str(trouble))
    return channel_seen(channel, said.get("channel") or {})


def channel_seen(channel: ChannelId, found: Any) -> ChannelSeen:
    """A channel, from what `conversations.info` tells of it."""
    name = f"#{found['name']}" if found.get("name") else ""
    if found.get("is_archived"):
        return ChannelSeen(channel=channel, access=Access.ARCHIVED, name=name)
    if found.get("is_member") is False:
        return ChannelSeen(channel=channel, access=Access.NOT_IN, name=name, remedy=INVITE)
    return ChannelSeen(channel=channel, access=Access.THERE, name=name)


def seen_by_refusal(channel: ChannelId, word: str, said: str) -> ChannelSeen:
    """A channel of which Slack does not tell, by its word for why not."""
    if word == "channel_not_found":
        remedy = f"{INVITE} if it is private, or set up a drill in another channel"
        return ChannelSeen(channel=channel, access=Access.GONE, remedy=remedy)
    if word == "not_in_channel":
        return ChannelSeen(channel=channel, access=Access.NOT_IN, remedy=INVITE)
    return ChannelSeen(channel=channel, access=Access.UNKNOWN, why=said)


# --- requests -----------------------------------------------------------------------------------------------


class _Refused(Exception):
    """Slack answers, and says no."""

    def __init__(self, word: str, said: str) -> None:
        super().__init__(said)
        self.word, self.said = word, said


class _Unreached(Exception):
    """Nothing of use came back: there is no way there, or Slack is in trouble."""


class _Asking:
    """Questions to Slack, each with an end."""

    def __init__(self, client: AsyncWebClient, within: float, clock: Callable[[], datetime]) -> None:
        self.client = client
        self.ahead: timedelta | None = None
        self._within = within
        self._clock = clock
        self._hangs = False

    async def ask(self, request: Callable[[], Awaitable[AsyncSlackResponse]]) -> AsyncSlackResponse:
        """The answer. Raises _Refused and _Unreached. After one that took too long, nothing more is asked."""
        if self._hangs:
            raise _Unreached(_HANGS)
        try:
            return await self._ask(request)
        except SlackApiError as error:
            asked = failures.asked_wait(error)
            if asked is None or asked > _WAITS_AT_MOST:
                raise _of(error) from error
            await asyncio.sleep(asked.total_seconds())
        try:
            return await self._ask(request)
        except SlackApiError as error:
            raise _of(error) from error

    async def _ask(self, request: Callable[[], Awaitable[AsyncSlackResponse]]) -> AsyncSlackResponse:
        asked = self._clock()
        try:
            answer = await asyncio.wait_for(request(), self._within)
        except TimeoutError:
            self._hangs = True
            raise _Unreached(_HANGS) from None
        except SlackApiError as error:
            self._look_at_the_clock(asked, getattr(error.response, "headers", {}))
            raise
        except (*failures.TROUBLE, SlackClientError, ValueError) as error:
            raise _Unreached(f"Slack cannot be reached ({type(error).__name__})") from error
        self._look_at_the_clock(asked, answer.headers)
        return answer

    def _look_at_the_clock(self, asked: datetime, headers: Any) -> None:
        date = next((value for name, value in dict(headers or {}).items() if str(name).lower() == "date"), None)
        if self.ahead is None and date is not None:
            self.ahead = ahead_of(str(date), asked, self._clock())


_HANGS: Final = "Slack did not answer in time"


def _of(error: SlackApiError) -> _Refused | _Unreached:
    row = failures.row_of(error)
    word, said = failures.word_of(error), failures.in_words(error)
    if not word or (row is not None and row.outcome in (Failure.NOT_SENT, Failure.UNCLEAR)):
        return _Unreached(f"Slack answers with {said}")
    means = f": {row.means[:1].lower()}{row.means[1:-1]}" if row is not None and word in failures.TABLE else ""
    return _Refused(word, f"{said}{means}")
