"""Who people are in a workspace: names, rights and time zones, asked for once in a while."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack import failures
from bot.core.schedule import UnknownZone, zone

log = logging.getLogger(__name__)

KNOWN_FOR: Final = timedelta(minutes=10)
"""A workspace may make or unmake an administrator; that is seen after this long."""

KEPT: Final = 5_000

SLACKBOT: Final = "USLACKBOT"
"""Slack's own bot, of which it says `is_bot: false`."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody: how they are called, whether they administer the workspace, their time zone; or a bot."""

    name: str
    administers: bool = False
    zone: str = "UTC"
    bot: bool = False


class People:
    """Asks Slack who somebody is, and remembers it for some minutes."""

    def __init__(
        self, client: Callable[[], AsyncWebClient], clock: Callable[[], datetime], *, team: Callable[[], str]
    ) -> None:
        """`team` is the workspace: in a channel shared with another one, the admins of that have no rights here."""
        self._client = client
        self._team = team
        self._clock = clock
        self._known: dict[str, tuple[datetime, Person]] = {}

    async def who(self, user: str, name: str = "") -> Person:
        """Somebody by their id. Where Slack does not tell, they have no rights, and the name that came along."""
        now = self._clock()
        found = self._known.get(user)
        if found is not None and timedelta(0) <= now - found[0] < KNOWN_FOR:
            return found[1]
        try:
            person = _read((await self._client().users_info(user=user)).get("user") or {}, name or user, self._team())
        except failures.TROUBLE as error:
            log.info("Slack does not tell who %s is (%s)", user, failures.in_words(error))
            return Person(name or (found[1].name if found is not None else user))
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[user] = (now, person)
        return person


def _read(user: Mapping[str, Any], name: str, team: str) -> Person:
    profile = user.get("profile") or {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"), name)
    try:
        there = zone(str(user.get("tz") or "UTC")).key
    except UnknownZone:
        there = "UTC"
    return Person(
        name=next(str(one) for one in names if one),
        administers=user.get("team_id") in (None, "", team)
        and any(user.get(right) for right in ("is_admin", "is_owner", "is_primary_owner")),
        zone=there,
        bot=bool(user.get("is_bot")) or user.get("id") == SLACKBOT,
    )
