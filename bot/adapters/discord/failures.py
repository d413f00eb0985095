"""What goes wrong with Discord: what it says, what that means, and the one thing that follows from it.

`TABLE` is all that is known, and the docs show it. The messenger turns whatever it meets into a `DeliveryError`; the
client asks by name for what concerns it.

Codes: https://docs.discord.com/developers/topics/opcodes-and-status-codes
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, repeat
from typing import Final

import aiohttp
import discord

from bot.core.model import Place
from bot.core.ports import DeliveryError, Failure

log = logging.getLogger(__name__)

TROUBLE: Final = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError)
"""What any request to Discord may raise; a time-out is an OSError."""


class Outcome(StrEnum):
    """What comes of a failure that is none of a delivery's."""

    DONE = "taken as done"
    DROPPED = "dropped"
    AGAIN = "connected again"
    LESS = "started with less"
    STOPPED = "stopped"


FOLLOWS: Final[Mapping[Failure | Outcome, str]] = {
    Failure.NOT_SENT: "It is sent again, after a wait that grows to ten minutes, or as long as Discord asks for.",
    Failure.UNCLEAR: "After a wait the bot looks for it in the channel, and sends it again if it is not there.",
    Failure.REFUSED: "It is sent again a few times, then dropped. A round whose card it was is cancelled, and its "
    "organizers are told.",
    Failure.FORBIDDEN: "It is sent again; after three refusals in a row the drill is off, and its organizers are told. "
    "A direct message is dropped at once.",
    Failure.MESSAGE_GONE: "It is dropped. If it was a round's card, the reveal comes as a new message in the channel.",
    Failure.THREAD_GONE: "A reveal goes to the channel instead. An open round is cancelled, without harm to streaks.",
    Failure.CHANNEL_GONE: "What was owed there is dropped; the drill is off, and its organizers are told.",
    Outcome.DONE: "Nothing is missing, so the bot goes on.",
    Outcome.DROPPED: "Nobody waits for the answer any more. What was asked for stays done.",
    Outcome.AGAIN: "The bot connects anew, after a wait that grows to two minutes, and reads what it has missed.",
    Outcome.LESS: "The bot says so once, and starts without: answers come by form and by menu.",
    Outcome.STOPPED: "The program says so in one line, and ends with exit code 2.",
}
"""What happens then, in words."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that Discord, or the network before it, may say.

    `in_thread` is what it comes to where the place was a thread. What is `ours` is a fault of this program, and is
    written to the log as one. Where a row's outcome is none of a delivery's, nothing was sent.
    """

    says: str
    means: str
    outcome: Failure | Outcome
    in_thread: Failure | None = None
    ours: bool = False


Sign = str | type[Exception]
"""How a failure is known: `code <JSON code>`, `status <HTTP status>`, `close <code of the gateway>`, or its class."""


class SessionsSpent(Exception):
    """No session may be begun before `after`: Discord takes the token away from a bot that begins too many."""

    def __init__(self, after: timedelta) -> None:
        super().__init__(f"Discord allows no further connection for {after}")
        self.after = after


TABLE: Final[Mapping[Sign, Row]] = {
    # What is no longer there.
    "code 10003": Row(
        "Unknown Channel", "The channel or thread was deleted.", Failure.CHANNEL_GONE, Failure.THREAD_GONE
    ),
    "code 10004": Row("Unknown Guild", "The bot was removed from the server.", Failure.CHANNEL_GONE),
    "code 10008": Row("Unknown Message", "The message was deleted.", Failure.MESSAGE_GONE),
    "code 10013": Row("Unknown User", "The account for a direct message was deleted.", Failure.CHANNEL_GONE),
    "code 50005": Row(
        "Cannot edit a message authored by another user", "Another application posted it.", Failure.MESSAGE_GONE
    ),
    "code 50083": Row("Thread is archived", "It could not be taken up again: it is locked, too.", Failure.THREAD_GONE),
    "code 160005": Row("Thread is locked", "A moderator has closed it to all but moderators.", Failure.THREAD_GONE),
    # What is not allowed.
    "code 50001": Row("Missing Access", "The bot may not see the channel, or is not in the server.", Failure.FORBIDDEN),
    "code 50007": Row(
        "Cannot send messages to this user", "They take no direct messages from the bot.", Failure.FORBIDDEN
    ),
    "code 50013": Row("Missing Permissions", "A right is missing in this channel.", Failure.FORBIDDEN),
    "status 403": Row("Forbidden", "Something else is not allowed there.", Failure.FORBIDDEN),
    # What may be had later.
    "code 30046": Row(
        "Maximum number of edits to messages older than 1 hour reached", "Too many at a time.", Failure.NOT_SENT
    ),
    "code 160006": Row(
        "Maximum number of active threads reached", "Older threads have to be archived first.", Failure.NOT_SENT
    ),
    "code 160007": Row(
        "Maximum number of active announcement threads reached",
        "Older threads have to be archived first.",
        Failure.NOT_SENT,
    ),
    "code 40003": Row(
        "You are opening direct messages too fast", "Many want to be reminded at one time.", Failure.NOT_SENT
    ),
    "status 429": Row("Too Many Requests", "Too much at a time, for longer than is waited for.", Failure.NOT_SENT),
    discord.RateLimited: Row("Too Many Requests", "Too much at a time: it was not even asked for.", Failure.NOT_SENT),
    "code 40333": Row("internal network error", "Somebody before Discord refused it.", Failure.NOT_SENT),
    "status 403 without a code": Row("Forbidden", "Somebody before Discord refused it.", Failure.NOT_SENT),
    "status 4xx without a code": Row("a page", "Somebody before Discord refused it.", Failure.NOT_SENT, ours=True),
    # What should not be.
    "code 50035": Row("Invalid Form Body", "A fault of the bot's in what it sent.", Failure.REFUSED, ours=True),
    "status 4xx": Row("Bad Request", "A fault of the bot's in what it asked for.", Failure.REFUSED, ours=True),
    # What nobody knows.
    "status 5xx": Row("Internal Server Error", "Discord failed, before it was done or after it.", Failure.UNCLEAR),
    aiohttp.ClientError: Row("the connection broke", "It broke on the way there or back.", Failure.UNCLEAR),
    OSError: Row("the connection broke, or timed out", "No answer came.", Failure.UNCLEAR),
    aiohttp.ClientConnectorError: Row("cannot connect", "There is no way to Discord.", Failure.NOT_SENT),
    aiohttp.ConnectionTimeoutError: Row("cannot connect in time", "There is no way to Discord.", Failure.NOT_SENT),
    aiohttp.ClientHttpProxyError: Row("the proxy refused", "There is no way to Discord.", Failure.NOT_SENT),
    # Threads and interactions.
    "code 160004": Row(
        "A thread has already been created for this message", "It was opened by an earlier try.", Outcome.DONE
    ),
    "code 10062": Row("Unknown interaction", "It was answered after more than 3 seconds.", Outcome.DROPPED),
    "code 10015": Row("Unknown Webhook", "It was answered after more than 15 minutes.", Outcome.DROPPED),
    "code 50027": Row("Invalid Webhook Token", "It was answered after more than 15 minutes.", Outcome.DROPPED),
    "code 40060": Row(
        "Interaction has already been acknowledged", "Another copy of the bot was first.", Outcome.DROPPED
    ),
    discord.InteractionResponded: Row("already responded", "It was answered twice here.", Outcome.DROPPED),
    # The connection.
    "status 401": Row("Unauthorized", "The token is wrong, or was replaced.", Outcome.STOPPED),
    discord.LoginFailure: Row("Improper token", "The token is wrong, or was replaced.", Outcome.STOPPED),
    "close 4004": Row("Authentication failed", "The token was replaced while the bot ran.", Outcome.STOPPED),
    discord.PrivilegedIntentsRequired: Row(
        "Disallowed intent(s)", "Message Content is not switched on for this application.", Outcome.LESS
    ),
    "close 4014": Row("Disallowed intent(s)", "Message Content is not switched on for this application.", Outcome.LESS),
    SessionsSpent: Row("no sessions remain", "The bot was started too often today.", Outcome.AGAIN),
    discord.ConnectionClosed: Row("the gateway closed", "It closed for good, without a reason of ours.", Outcome.AGAIN),
    discord.GatewayNotFound: Row("no gateway", "Discord is not all there.", Outcome.AGAIN),
}
"""Every failure with its outcome. Of several signs of one failure the most exact counts."""


def failure_of(error: Exception, place: Place) -> DeliveryError:
    """What an error of a request about this place is to its delivery. What nobody knows of is unclear."""
    row = row_of(error)
    said = in_words(error)
    if row is None:
        log.error("a request to Discord about %s failed in a way nobody thought of", place, exc_info=error)
        return DeliveryError(Failure.UNCLEAR, said)
    if row.ours:
        log.error("Discord does not take what was asked of it about %s: %s", place, said)
    failure = row.in_thread if row.in_thread is not None and place.thread is not None else row.outcome
    return DeliveryError(
        failure if isinstance(failure, Failure) else Failure.NOT_SENT,
        said,
        asked_wait(error),
        limited=isinstance(error, discord.RateLimited) or getattr(error, "status", None) == 429,
        for_all=_limits_all(error),
    )


def _limits_all(error: Exception) -> bool:
    """Whether a limit is that of the bot or its address, and not of one route."""
    if not isinstance(error, discord.HTTPException) or error.status != 429:
        return False
    headers = error.response.headers
    # What stands before Discord, and bans addresses, answers without a Via.
    return not headers.get("Via") or headers.get("X-RateLimit-Scope") == "global"


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """The table for people: how it is known, what Discord says, what that means, its outcome, what happens then."""
    for sign, row in TABLE.items():
        known = sign if isinstance(sign, str) else sign.__name__
        outcome, follows = str(row.outcome), FOLLOWS[row.outcome]
        if row.in_thread is not None:
            outcome, follows = f"{outcome}; {row.in_thread}", f"{follows} {FOLLOWS[row.in_thread]}"
        yield known, row.says, row.means, outcome, follows


def in_words(error: BaseException) -> str:
    """An error as one line for the log, in words of ours: what Discord says may quote what was sent, or an address.

    Of what it did not take the places are named, such as `embeds.0.description`.
    """
    if isinstance(error, discord.HTTPException):
        row = TABLE.get(f"code {error.code}") if error.code else None
        told = f"status {error.status}" + (f", code {error.code}" if error.code else "")
        told += f": {row.says}" if row is not None else ""
        places = list(dict.fromkeys(_PLACE.findall(error.text)))[:_PLACES_AT_MOST]
        return told + (f" (in {', '.join(places)})" if places else "")
    if isinstance(error, discord.ConnectionClosed):
        return f"{type(error).__name__}: closed with {error.code}"
    if isinstance(error, (discord.RateLimited, discord.LoginFailure, SessionsSpent)):
        return str(error)  # Of numbers, and constant.
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return f"{type(error).__name__}: {os.strerror(error.errno)}"
    return type(error).__name__


_PLACE: Final = re.compile(r"^In ([\w.]{1,80}): ", re.MULTILINE)
_PLACES_AT_MOST: Final = 5


# --- questions by name --------------------------------------------------------------------------------------


def gone(error: Exception) -> bool:
    """Whether a message, or all of its channel, is no longer there."""
    return _known_by(error, "code 10003", "code 10008")


def left(error: Exception) -> bool:
    """Whether the bot is in a server no more."""
    return _known_by(error, "code 10004", "code 50001")


def intent_refused(error: Exception) -> bool:
    """Whether a connection was closed since an intent is not granted."""
    return _known_by(error, "close 4014")


def archived(error: Exception) -> bool:
    """Whether a thread has to be taken up again before anything in it can be changed."""
    return _known_by(error, "code 50083")


def upload_refused(error: Exception) -> bool:
    """Whether a message may be taken without what is attached to it."""
    return _known_by(error, "status 413", "code 50035", "code 50013")


def has_thread(error: Exception) -> bool:
    """Whether a message has its thread already. It keeps it even when the thread is deleted."""
    return _known_by(error, "code 160004")


def too_late(error: Exception) -> bool:
    """Whether an interaction was answered after its 3 seconds, or followed up after its 15 minutes."""
    return _known_by(error, "code 10062", "code 10015", "code 50027")


def answered_already(error: Exception) -> bool:
    """Whether an interaction has its first answer: by another copy of the bot, or here."""
    return _known_by(error, "code 40060", discord.InteractionResponded)


def token_refused(error: Exception) -> bool:
    """Whether the token is wrong, so that trying again would only get the address banned."""
    return _known_by(error, "status 401", discord.LoginFailure, "close 4004") and not too_late(error)


def pauses() -> Iterator[int]:
    """Seconds to wait before each next try to connect. Even for ever they begin fewer than 1,000 sessions a day."""
    return chain((5, 10, 20, 40, 80), repeat(120))


BEGUN_AT_MOST: Final = 10
"""Sessions that may begin one after another without a wait."""

_BEGUN_WITHIN: Final = timedelta(minutes=30)
_BEGUN_EVERY: Final = timedelta(seconds=100)
"""A session in this time makes 864 a day. Discord resets the token of a bot that begins 1,000."""


def wait_to_begin(began: Sequence[datetime], now: datetime) -> float:
    """Seconds to wait before the next session, after those that have begun; the last of them last."""
    lately = [each for each in began if now - _BEGUN_WITHIN < each <= now]
    if len(lately) < BEGUN_AT_MOST:
        return 0.0
    return max(0.0, (max(lately) + _BEGUN_EVERY - now).total_seconds())


def asked_wait(error: Exception) -> timedelta | None:
    """How long Discord asks to be left alone, where it says so."""
    if isinstance(error, SessionsSpent):
        return error.after
    if isinstance(error, discord.RateLimited):
        return timedelta(seconds=error.retry_after)
    if not isinstance(error, discord.HTTPException) or error.status != 429:
        return None
    try:
        seconds = float(error.response.headers.get("Retry-After", ""))
        return timedelta(seconds=seconds) if seconds >= 0 else None
    except (ValueError, OverflowError):  # Whoever is before Discord may name a date, or anything.
        return None


# --- how a failure is known ---------------------------------------------------------------------------------


def row_of(error: Exception) -> Row | None:
    """The row of the table that an error is known by; None if nobody has thought of it."""
    return next((TABLE[sign] for sign in _signs(error) if sign in TABLE), None)


def _known_by(error: Exception, *signs: Sign) -> bool:
    return not set(signs).isdisjoint(_signs(error))


def _signs(error: Exception) -> Iterator[Sign]:
    """By what an error may be known, the most exact first."""
    if isinstance(error, discord.HTTPException):
        if error.code:
            yield f"code {error.code}"
        else:
            yield f"status {error.status} without a code"
        yield f"status {error.status}"
        if not error.code:
            yield f"status {error.status // 100}xx without a code"
        yield f"status {error.status // 100}xx"
    elif isinstance(error, discord.ConnectionClosed):
        yield f"close {error.code}"
    yield from (kind for kind in type(error).__mro__ if issubclass(kind, Exception))
