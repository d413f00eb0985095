"""How the bot stands with Discord, asked over REST beside whatever runs. It opens no session, and changes nothing.

https://docs.discord.com/developers/reference
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import discord

from bot.adapters.discord.ids import channel_of, guild_of
from bot.adapters.discord.rights import FOR_NOTES, NEEDED, SERVED, invite_link, rights_in, rights_lacking
from bot.core.checkup import (
    NOTHING_WANTED,
    Access,
    Allowance,
    ChannelSeen,
    Lack,
    PlatformSeen,
    TokenSeen,
    Wanted,
    ahead_of,
)
from bot.core.model import ChannelId

API: Final = "https://discord.com/api/v10"
PORTAL: Final = "https://discord.com/developers/applications"
NO_INTENT: Final = "members can answer by form and by the menu of a message only, not by writing in the thread"
SWITCH_ON: Final = f"switch on Message Content Intent at {PORTAL}, under Bot > Privileged Gateway Intents"
TEXT_CHANNEL: Final = "set up the drill in a text or announcement channel"

_CONTENT: Final = 1 << 18 | 1 << 19
"""The flags of an application that may read what messages say; the second while it is in few servers."""

_WAITS_AT_MOST: Final = 5.0
"""Seconds that a request waits where Discord asks it to."""

_AT_ONCE: Final = 4
"""Servers that are asked about at a time."""

_THREADS: Final = 1000
"""Active threads that a server may have."""

_HANGS: Final = "Discord did not answer in time"
_TOKEN: Final = f"copy it anew at {PORTAL}, under Bot > Reset Token"


async def look(
    token: str, *, api: str = "", within: float = 10.0, clock: Callable[[], datetime], wanted: Wanted = NOTHING_WANTED
) -> PlatformSeen:
    """Ask Discord about the bot, and about these channels; each request takes at most `within` seconds."""
    if not token.isascii() or not token.isprintable() or " " in token:
        bad = TokenSeen(setting="DISCORD_TOKEN", refused="it holds signs that no token has", remedy=_TOKEN)
        return PlatformSeen(platform="discord", tokens=(bad,))
    async with _asking(token, api or API, within, clock) as discord_:
        try:
            me = await discord_.get("/users/@me")
        except _Refused as refused:
            why = "Discord does not take it" if refused.status == 401 else refused.said
            bad = TokenSeen(setting="DISCORD_TOKEN", refused=why, remedy=_TOKEN)
            return PlatformSeen(platform="discord", tokens=(bad,), ahead=discord_.ahead)
        except _Unreached as trouble:
            unknown = TokenSeen(setting="DISCORD_TOKEN", unchecked=str(trouble), remedy="try again later")
            return PlatformSeen(platform="discord", tokens=(unknown,), ahead=discord_.ahead, troubles=(str(trouble),))
        return await _signed_in(discord_, me, wanted)


async def _signed_in(discord_: _Asking, me: Mapping[str, Any], wanted: Wanted) -> PlatformSeen:
    lacks, allowances, troubles = list[Lack](), list[Allowance](), list[str]()
    application = ""
    try:
        about = await discord_.get("/oauth2/applications/@me")
        application = str(about["id"])
        if not int(about.get("flags") or 0) & _CONTENT:
            lacks.append(Lack(what="Message Content intent", means=NO_INTENT, remedy=SWITCH_ON, needed=False))
        limit = (await discord_.get("/gateway/bot")).get("session_start_limit")
        if limit is not None:
            hours = timedelta(milliseconds=int(limit["reset_after"])) / timedelta(hours=1)
            remedy = f"let it be for {hours:.0f} h, and find out in the log why it connects so often"
            left, most = int(limit["remaining"]), int(limit["total"])
            allowances.append(Allowance(what="sessions that may begin today", left=left, of=most, remedy=remedy))
    except (_Refused, _Unreached) as trouble:
        troubles.append(f"the application could not be looked at: {trouble}")
    by_guild: dict[int, list[ChannelId]] = {}
    for channel in (*wanted.drills, *wanted.notes):
        by_guild.setdefault(guild_of(channel), []).append(channel)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(guild: int, channels: Sequence[ChannelId]) -> tuple[list[ChannelSeen], Allowance | None]:
        async with turns:
            return await _server(discord_, guild, str(me["id"]), channels, wanted, application)

    channels_seen = list[ChannelSeen]()
    for seen, threads in await asyncio.gather(*(one(*each) for each in by_guild.items())):
        channels_seen += seen
        allowances += [threads] if threads is not None else []
    return PlatformSeen(
        platform="discord",
        account=str(me.get("global_name") or me["username"]),
        tokens=(TokenSeen(setting="DISCORD_TOKEN"),),
        lacks=tuple(lacks),
        allowances=tuple(allowances),
        ahead=discord_.ahead,
        channels=tuple(channels_seen),
        troubles=tuple(troubles),
        invite=invite_link(application) if application else "",
    )


async def _server(
    discord_: _Asking, guild: int, me: str, channels: Sequence[ChannelId], wanted: Wanted, application: str
) -> tuple[list[ChannelSeen], Allowance | None]:
    """What the bot may do in the channels of one server."""

    def all_are(access: Access, why: str = "", remedy: str = "") -> tuple[list[ChannelSeen], None]:
        return [ChannelSeen(channel=channel, access=access, why=why, remedy=remedy) for channel in channels], None

    try:
        server = await discord_.get(f"/guilds/{guild}")
        member = await discord_.get(f"/guilds/{guild}/members/{me}")
        there = {str(one["id"]): one for one in await discord_.get(f"/guilds/{guild}/channels")}
        active = len((await discord_.get(f"/guilds/{guild}/threads/active"))["threads"])
    except _Refused as refused:
        if refused.status in (403, 404):
            link = invite_link(application) if application else ""
            return all_are(Access.LEFT, remedy=f"invite it again: {link}" if link else "")
        return all_are(Access.UNKNOWN, why=str(refused))
    except _Unreached as trouble:
        return all_are(Access.UNKNOWN, why=str(trouble))
    roles = [str(role) for role in member["roles"]]
    seen = []
    for channel in channels:
        found = there.get(str(channel_of(channel)))
        needed = NEEDED if channel in wanted.drills else FOR_NOTES
        seen.append(_channel(channel, found, server, roles, me, needed))
    remedy = "archive threads of other channels; Discord allows no more at a time"
    threads = Allowance(what=f"threads in {server['name']}", left=_THREADS - active, of=_THREADS, remedy=remedy)
    return seen, threads


def _channel(
    channel: ChannelId,
    found: Mapping[str, Any] | None,
    server: Mapping[str, Any],
    roles: Sequence[str],
    me: str,
    needed: discord.Permissions,
) -> ChannelSeen:
    if found is None:
        return ChannelSeen(channel=channel, access=Access.GONE)
    name = f"#{found['name']}"
    if found["type"] not in [kind.value for kind in SERVED] and needed is NEEDED:
        return ChannelSeen(channel=channel, access=Access.UNFIT, name=name, remedy=TEXT_CHANNEL)
    rights = rights_in(server, roles, me, found.get("permission_overwrites") or ())
    return ChannelSeen(channel=channel, access=Access.THERE, name=name, lacking=rights_lacking(rights, needed))


# --- requests -----------------------------------------------------------------------------------------------


class _Refused(Exception):
    """Discord answers, and says no."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"Discord says {status}{f', {said}' if said else ''}")
        self.status, self.said = status, said


class _Unreached(Exception):
    """Nothing of use came back: there is no way there, or Discord is in trouble."""


@dataclass(slots=True)
class _Asking:
    session: aiohttp.ClientSession
    api: str
    clock: Callable[[], datetime]
    ahead: timedelta | None = None
    hangs: bool = False
    """Something took too long: nothing more is asked then, so that this costs one wait and not hundreds."""

    async def get(self, path: str) -> Any:
        """The JSON of an answer. Raises _Refused and _Unreached."""
        if self.hangs:
            raise _Unreached(_HANGS)
        for may_wait in (True, False):
            try:
                asked = self.clock()
                async with self.session.get(self.api.rstrip("/") + path) as answer:
                    body = await answer.read()
                    if self.ahead is None and (date := answer.headers.get("Date")):
                        self.ahead = ahead_of(date, asked, self.clock())
                    if answer.status == 429 and may_wait:
                        await asyncio.sleep(_wait(answer.headers.get("Retry-After")))
                        continue
                    if answer.status >= 500 or answer.status == 429:
                        raise _Unreached(f"Discord answers with status {answer.status}")
                    return await self._read(answer, body)
            except TimeoutError:
                self.hangs = True
                raise _Unreached(_HANGS) from None
            except (aiohttp.ClientError, OSError) as error:
                raise _Unreached(f"Discord cannot be reached ({type(error).__name__})") from error
        raise AssertionError("the second try either answers or raises")

    async def _read(self, answer: aiohttp.ClientResponse, body: bytes) -> Any:
        try:
            told = await answer.json(content_type=None) if body else {}
        except ValueError as error:
            raise _Unreached("what came is no answer of Discord's; is there a proxy in between?") from error
        if answer.status >= 400:
            raise _Refused(answer.status, str(told.get("message", "")) if isinstance(told, dict) else "")
        return told


def _wait(asked: str | None) -> float:
    try:
        return min(_WAITS_AT_MOST, max(0.0, float(asked or 1)))
    except ValueError:
        return _WAITS_AT_MOST


@asynccontextmanager
async def _asking(token: str, api: str, within: float, clock: Callable[[], datetime]) -> AsyncIterator[_Asking]:
    user_agent = f"DiscordBot (https://github.com/Rapptz/discord.py, {discord.__version__})"
    headers = {"Authorization": f"Bot {token}", "User-Agent": user_agent}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=within)) as session:
        yield _Asking(session, api, clock)
