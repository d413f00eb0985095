"""What goes wrong with Slack: what it says, what that means, and the one thing that follows from it.

`TABLE` is all that is known, and the docs show it. Slack says most of it in `error` of an answer with status 200.
https://docs.slack.dev/reference/methods/chat.postMessage and the pages of the other methods
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import chain, repeat
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.core.model import Place
from bot.core.ports import DeliveryError, Failure

log = logging.getLogger(__name__)

TROUBLE: Final = (SlackApiError, aiohttp.ClientError, OSError)
"""What any request to Slack may raise; a time-out is an OSError."""


class Outcome(StrEnum):
    """What comes of a failure that is none of a delivery's."""

    DONE = "taken as done"
    DROPPED = "dropped"
    STOPPED = "stopped"


FOLLOWS: Final[Mapping[Failure | Outcome, str]] = {
    Failure.NOT_SENT: "It is sent again, after a wait that grows to ten minutes, or as long as Slack asks for.",
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
    Outcome.STOPPED: "The program says so in one line, and ends with exit code 2.",
}
"""What happens then, in words."""


@dataclass(frozen=True, slots=True)
class Row:
    """What Slack, or the network before it, may say: what that means and its outcome. `ours`: a fault of the bot's."""

    means: str
    outcome: Failure | Outcome
    ours: bool = False


Sign = str | type[Exception]
"""How a failure is known: Slack's own word for it, `status <HTTP status>`, or its class."""

_GONE, _FORBIDDEN, _LATER = Failure.CHANNEL_GONE, Failure.FORBIDDEN, Failure.NOT_SENT
_REFUSED, _MESSAGE, _UNCLEAR = Failure.REFUSED, Failure.MESSAGE_GONE, Failure.UNCLEAR

TABLE: Final[Mapping[Sign, Row]] = {
    # What is no longer there.
    "channel_not_found": Row("The channel was deleted, or is private and the bot is not in it.", _GONE),
    "is_archived": Row("The channel was archived.", _GONE),
    "is_inactive": Row("The channel was archived.", _GONE),
    "user_not_found": Row("The account for a direct message is not there.", _GONE),
    "users_not_found": Row("The account for a direct message is not there.", _GONE),
    "user_disabled": Row("The account for a direct message was closed.", _GONE),
    "message_not_found": Row("The message was deleted.", _MESSAGE),
    "cant_update_message": Row("Somebody else posted the message.", _MESSAGE),
    "cant_delete_message": Row("Somebody else posted the message.", _MESSAGE),
    "edit_window_closed": Row("The workspace allows no edit so long after.", _MESSAGE),
    "thread_not_found": Row("The message above the thread was deleted.", Failure.THREAD_GONE),
    # What is not allowed.
    "not_in_channel": Row("The bot was not invited to the channel, or was removed from it.", _FORBIDDEN),
    "restricted_action": Row("The workspace does not let the bot post there.", _FORBIDDEN),
    "restricted_action_read_only_channel": Row("Only some may post in this channel.", _FORBIDDEN),
    "restricted_action_thread_only_channel": Row("Only answers in threads may be posted there.", _FORBIDDEN),
    "restricted_action_non_threadable_channel": Row("This channel takes no threads.", _FORBIDDEN),
    "restricted_action_thread_locked": Row("The thread is locked.", Failure.THREAD_GONE),
    "missing_scope": Row("The app lacks a scope: install it again with the manifest.", _FORBIDDEN),
    "no_permission": Row("The app lacks a right: install it again with the manifest.", _FORBIDDEN),
    "access_denied": Row("The workspace does not let the app do that.", _FORBIDDEN),
    "ekm_access_denied": Row("The organization has suspended access to its data.", _FORBIDDEN),
    "cannot_dm_bot": Row("A bot takes no direct messages.", _FORBIDDEN),
    "messages_tab_disabled": Row("The app has no messages tab: install it again with the manifest.", _FORBIDDEN),
    # What may be had later.
    "ratelimited": Row("Too much at a time.", _LATER),
    "rate_limited": Row("Too much at a time.", _LATER),
    "message_limit_exceeded": Row("The workspace has posted too much.", _LATER),
    "status 429": Row("Too much at a time.", _LATER),
    "accesslimited": Row("Access to this method is limited for now.", _LATER),
    # What should not be.
    "invalid_blocks": Row("A fault of the bot's in what it sent.", _REFUSED, ours=True),
    "invalid_blocks_format": Row("A fault of the bot's in what it sent.", _REFUSED, ours=True),
    "msg_blocks_too_long": Row("The card is longer than Slack takes.", _REFUSED, ours=True),
    "msg_too_long": Row("The text is longer than Slack takes.", _REFUSED, ours=True),
    "no_text": Row("The message was empty.", _REFUSED, ours=True),
    "any other error": Row("A fault of the bot's in what it asked for.", _REFUSED, ours=True),
    # What nobody knows.
    "internal_error": Row("Slack failed, before it was done or after it.", _UNCLEAR),
    "fatal_error": Row("Slack failed, before it was done or after it.", _UNCLEAR),
    "service_unavailable": Row("Slack failed, before it was done or after it.", _UNCLEAR),
    "request_timeout": Row("Slack did not get all of the request in time.", _UNCLEAR),
    "team_added_to_org": Row("The workspace is being moved into an organization.", _UNCLEAR),
    "status 5xx": Row("Slack failed, before it was done or after it.", _UNCLEAR),
    "no JSON": Row("Somebody before Slack answered.", _UNCLEAR),
    aiohttp.ClientError: Row("The connection broke on the way there or back.", _UNCLEAR),
    OSError: Row("The connection broke, or no answer came in time.", _UNCLEAR),
    aiohttp.ClientConnectorError: Row("There is no way to Slack.", _LATER),
    aiohttp.ConnectionTimeoutError: Row("There is no way to Slack.", _LATER),
    aiohttp.ClientHttpProxyError: Row("There is no way to Slack.", _LATER),
    # Reactions, forms and private replies.
    "already_reacted": Row("The mark stands already.", Outcome.DONE),
    "no_reaction": Row("The mark is gone already.", Outcome.DONE),
    "user_not_in_channel": Row("Whom a private note was for has left the channel.", Outcome.DROPPED),
    "expired_trigger_id": Row("A form was opened after more than 3 seconds.", Outcome.DROPPED),
    "exchanged_trigger_id": Row("A form was opened already.", Outcome.DROPPED),
    "invalid_trigger_id": Row("A form was opened for nobody.", Outcome.DROPPED),
    "trigger_exchanged": Row("A form was opened already.", Outcome.DROPPED),
    "not_found": Row("A form was closed meanwhile.", Outcome.DROPPED),
    "view_not_found": Row("A form was closed meanwhile.", Outcome.DROPPED),
    "hash_conflict": Row("A newer page is shown already.", Outcome.DROPPED),
    "expired_url": Row("A private reply came after 30 minutes.", Outcome.DROPPED),
    "used_url": Row("A private reply had more than five parts.", Outcome.DROPPED),
    # The connection.
    "invalid_auth": Row("The token is wrong, or was replaced.", Outcome.STOPPED),
    "not_authed": Row("The token is missing.", Outcome.STOPPED),
    "token_revoked": Row("The token was revoked, or the app uninstalled.", Outcome.STOPPED),
    "token_expired": Row("The token has expired: token rotation has to be off.", Outcome.STOPPED),
    "account_inactive": Row("The app was uninstalled, or its workspace deleted.", Outcome.STOPPED),
    "not_allowed_token_type": Row("This is another kind of token.", Outcome.STOPPED),
}
"""Every failure with its outcome. Of several signs of one failure the most exact counts."""


def failure_of(error: Exception, place: Place) -> DeliveryError:
    """What an error of a request about this place is to its delivery. What nobody knows of is unclear."""
    row, said = row_of(error), in_words(error)
    if row is None:
        log.error("a request to Slack about %s failed in a way nobody thought of", place, exc_info=error)
        return DeliveryError(Failure.UNCLEAR, said)
    if row.ours:
        log.error("Slack does not take what was asked of it about %s: %s", place, said)
    failure = row.outcome if isinstance(row.outcome, Failure) else Failure.NOT_SENT
    # Slack limits a method for a whole workspace. https://docs.slack.dev/apis/web-api/rate-limits/
    limited = isinstance(error, SlackApiError) and _status(error) == 429
    return DeliveryError(failure, said, asked_wait(error), limited=limited, for_all=limited)


def rows() -> Iterator[tuple[str, str, str, str]]:
    """The table for people: how it is known, what it means, its outcome, what happens then."""
    for sign, row in TABLE.items():
        yield sign if isinstance(sign, str) else sign.__name__, row.means, str(row.outcome), FOLLOWS[row.outcome]


def in_words(error: BaseException) -> str:
    """An error as one line for the log: Slack's word for it and what it is about, no tokens, no addresses, no texts."""
    if isinstance(error, SlackApiError):
        said = word_of(error)
        if not _WORD.fullmatch(said):
            said = f"status {_status(error)}, no JSON" if not said else f"status {_status(error)}, an unreadable word"
        details = _data(error).get("response_metadata")
        told = details.get("messages") if isinstance(details, Mapping) else None
        found = _POINTER.findall(" ".join(map(str, told))) if isinstance(told, list) else ()
        places = list(dict.fromkeys(found))[:_PLACES_AT_MOST]
        needed = str(_data(error).get("needed") or "")
        more = f" (at {', '.join(places)})" if places else ""
        return said + more + (f", needs {needed}" if _WORD.fullmatch(needed) else "")
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return f"{type(error).__name__}: {os.strerror(error.errno)}"
    return type(error).__name__


_WORD: Final = re.compile(r"[a-z0-9_:.,]{1,100}")
"""A word of Slack's own, or several names of scopes."""

_POINTER: Final = re.compile(r"json-pointer:(/[\w/~-]{1,80})")
_PLACES_AT_MOST: Final = 5


# --- questions by name --------------------------------------------------------------------------------------


def word_of(error: Exception) -> str:
    """Slack's own word for what is wrong; empty where it said none."""
    said = _data(error).get("error") if isinstance(error, SlackApiError) else None
    return said if isinstance(said, str) else ""


def gone(error: Exception) -> bool:
    """Whether a message, or all of its channel, is no longer there."""
    return word_of(error) in ("message_not_found", "thread_not_found", "channel_not_found")


def thread_gone(error: Exception) -> bool:
    """Whether a message above a thread is no longer there, nor any reply to it."""
    return word_of(error) in ("message_not_found", "thread_not_found")


def token_refused(error: Exception) -> bool:
    """Whether the token is wrong, so that trying again is of no use."""
    row = row_of(error)
    return row is not None and row.outcome is Outcome.STOPPED


def nobody_waits(error: Exception) -> bool:
    """Whether whom an answer was for does not wait for it any more."""
    row = row_of(error)
    return row is not None and row.outcome in (Outcome.DROPPED, Outcome.DONE)


def scope_missing(error: Exception) -> bool:
    """Whether the app was installed without the right to ask for this."""
    return word_of(error) == "missing_scope"


def blocks_refused(error: Exception) -> bool:
    """Whether blocks of a message or a view are not taken, as with a picture that Slack does not know yet."""
    return word_of(error) in ("invalid_blocks", "invalid_arguments", "msg_blocks_too_long", "view_too_large")


def pauses() -> Iterator[float]:
    """Seconds to wait before each next try to connect."""
    return chain((1, 2, 5, 10, 20, 40), repeat(60))


def asked_wait(error: Exception) -> timedelta | None:
    """How long Slack asks to be left alone, where it says so."""
    if not isinstance(error, SlackApiError):
        return None
    return retry_after(getattr(error.response, "headers", None) or {})


def retry_after(headers: Mapping[str, Any]) -> timedelta | None:
    """How long an answer's headers ask to wait; the SDK keeps them in several ways."""
    asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    try:
        seconds = float(asked[0] if isinstance(asked, list) else asked or "")
        return timedelta(seconds=seconds) if seconds >= 0 else None
    except (ValueError, OverflowError):
        return None


# --- how a failure is known ---------------------------------------------------------------------------------


def row_of(error: Exception) -> Row | None:
    """The row of the table that an error is known by; None if nobody has thought of it."""
    return next((TABLE[sign] for sign in _signs(error) if sign in TABLE), None)


def _signs(error: Exception) -> Iterator[Sign]:
    """By what an error may be known, the most exact first."""
    if isinstance(error, SlackApiError):
        status, word = _status(error), word_of(error)
        if word:
            yield word
        yield f"status {status}"
        yield f"status {status // 100}xx"
        yield "any other error" if word else "no JSON"
    yield from (kind for kind in type(error).__mro__ if issubclass(kind, Exception))


def _data(error: SlackApiError) -> Mapping[str, Any]:
    """The body of an answer; the SDK keeps it in several ways."""
    response: Any = error.response
    data = response if isinstance(response, Mapping) else getattr(response, "data", None)
    return data if isinstance(data, Mapping) else {}


def _status(error: SlackApiError) -> int:
    response: Any = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    return status if isinstance(status, int) else 0
