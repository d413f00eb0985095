"""What goes wrong between the program and both platforms, drawn from a seed: one trouble after another.

A message may land after the request for it was given up. What matters then is when: before the program looks for it,
between that look and its next attempt, while that is on its way, or after its last look. The last is the window that
Slack leaves open, which takes no key that would make two messages one; such landings are kept apart (`Landing`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from tests.torture.clock import slowness
from tests.torture.copies import answers_within
from tests.wire.discord_server import DiscordServer
from tests.wire.discord_server import Order as DiscordOrder
from tests.wire.slack_server import Held, Order, SlackServer

_STALE: Final = ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "INTERACTION_CREATE")
"""Events of Discord's that may come once more, late and in any order."""


@dataclass(frozen=True, slots=True)
class Landing:
    """A message of Slack's that landed after its request had been given up."""

    reference: str
    at: float
    """By the machine's monotonic clock, which all its processes share."""


class Weather:
    """Makes trouble until it is told to clear up."""

    def __init__(self, discord: DiscordServer, slack: SlackServer, dice: Random) -> None:
        self._discord = discord
        self._slack = slack
        self._dice = dice
        self._releasing: set[asyncio.TimerHandle] = set()
        self._holds: list[tuple[DiscordOrder | Order, Callable[[], None]]] = []
        """Orders to hold a request, and what lets go of it."""
        self._kept_back: list[Held] = []
        """Events of Slack's."""
        self._may_not_silence = False
        self.troubles: Counter[str] = Counter()
        self.landings: list[Landing] = []
        self._kinds: tuple[tuple[str, Callable[[], None]], ...] = (
            ("discord: storm of 429", self._discord_storm),
            ("discord: banned by what stands before it", self._discord_banned),
            ("discord: 5xx", self._discord_fails),
            ("discord: connection cut", self._discord_cut),
            ("discord: time-out, and it happens late", partial(self._discord_late, landed=False)),
            ("discord: time-out, though it has happened", partial(self._discord_late, landed=True)),
            ("discord: socket dropped", self._discord_drops),
            ("discord: events once more, late, in any order", self._discord_repeats),
            ("slack: storm of 429", self._slack_storm),
            ("slack: 5xx", self._slack_fails),
            ("slack: half an answer", self._slack_garbles),
            ("slack: connection cut", self._slack_cut),
            ("slack: time-out, and it lands late", self._slack_late),
            ("slack: time-out, though it has happened", self._slack_slow),
            ("slack: socket dropped", self._slack_drops),
            ("slack: events twice", self._slack_doubles),
            ("slack: events late and backwards", self._slack_holds),
        )

    async def rage(self, every: tuple[float, float], only: Collection[str] = ()) -> None:
        """One trouble after a while, drawn between these real seconds, and so on until cancelled; of these or all."""
        kinds = [one for one in self._kinds if not only or one[0] in only]
        while True:
            await asyncio.sleep(self._dice.uniform(*every) * slowness())
            name, make = self._dice.choice(kinds)
            self.troubles[name] += 1
            make()

    @contextmanager
    def no_silence(self) -> Iterator[None]:
        """For so long Slack keeps no event back, and no socket looks well that is dead."""
        self._may_not_silence = True
        for held in self._kept_back:
            held.release()
        for connection in self._slack.sockets.connections:
            if connection.silent:
                connection.cut()
        try:
            yield
        finally:
            self._may_not_silence = False

    async def land(self) -> None:
        """Let everything that is held land now, as it has to before time jumps.

        A request under way does not outlast a night; and Discord knows a message by its nonce for minutes only.
        """
        for order, release in self._holds:
            if order.waiting:  # One that has met no request yet is still to hold one.
                release()
        self._holds = [one for one in self._holds if one[0].left and not one[0].waiting]
        await asyncio.sleep(0.02)  # The servers do now what they were asked for.

    def clear_up(self) -> None:
        """Everything works from now on; what is held back lands."""
        for handle in self._releasing:
            handle.cancel()
        self._releasing.clear()
        for release in (*(release for _, release in self._holds), *(held.release for held in self._kept_back)):
            release()
        self._holds.clear()
        self._kept_back.clear()
        self._discord.faults.clear()
        self._slack.faults.clear()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        def now() -> None:
            self._releasing.discard(handle)
            act()

        handle = asyncio.get_running_loop().call_later(seconds, now)
        self._releasing.add(handle)

    def _chance(self) -> bool:
        return self._dice.random() < 0.5

    # --- Discord ------------------------------------------------------------------------------------------------

    def _of_discord(self) -> tuple[str, str]:
        """A method and a path, of deliveries above all."""
        return self._dice.choice(
            (
                ("POST", "/channels/*/messages"),
                ("POST", "/channels/*/messages"),
                ("PATCH", "/channels/*/messages/*"),
                ("POST", "/channels/*/messages/*/threads"),
                ("GET", "/channels/*/messages"),
                ("*", "/channels/**"),
                ("*", "**"),
            )
        )

    def _discord_storm(self) -> None:
        everywhere = self._chance()
        times = self._dice.randint(1, 8)
        self._discord.faults.rate_limit(*self._of_discord(), retry_after=0.02, everywhere=everywhere, times=times)

    def _discord_banned(self) -> None:
        self._discord.faults.rate_limit("POST", "/channels/*/messages", retry_after=0.02, via=False)

    def _discord_fails(self) -> None:
        status = self._dice.choice((503, 503, 503, 502, 500))
        times = self._dice.randint(1, 3)
        self._discord.faults.fail(*self._of_discord(), status=status, landed=self._chance(), times=times)

    def _discord_cut(self) -> None:
        self._discord.faults.cut(*self._of_discord(), landed=self._chance(), times=self._dice.randint(1, 2))

    def _discord_late(self, landed: bool) -> None:
        order = self._discord.faults.hold(*self._of_discord(), landed=landed)
        self._holds.append((order, order.release))
        self._later(answers_within() + self._dice.uniform(0, 1.5), order.release)

    def _discord_drops(self) -> None:
        gateway = self._discord.gateway
        self._dice.choice(
            (
                gateway.drop,
                partial(gateway.drop, 4000),
                gateway.ask_to_reconnect,
                partial(gateway.invalidate, resumable=True),
                partial(gateway.invalidate, resumable=False),
            )
        )()

    def _discord_repeats(self) -> None:
        for session in self._discord.gateway.connected:
            sent = [json.loads(text) for _, text in session.sent[-60:]]
            stale = [one for one in sent if one["t"] in _STALE]
            for event in self._dice.sample(stale, min(len(stale), 6)):
                session.dispatch(event["t"], event["d"])

    # --- Slack --------------------------------------------------------------------------------------------------

    def _of_slack(self) -> str:
        return self._dice.choice(
            ("chat.postMessage", "chat.postMessage", "chat.update", "chat.*", "conversations.*", "reactions.*", "*")
        )

    def _slack_storm(self) -> None:
        self._slack.faults.rate_limit(self._of_slack(), times=self._dice.randint(1, 8))

    def _slack_fails(self) -> None:
        status = self._dice.choice((500, 502, 503))
        self._slack.faults.fail(self._of_slack(), status=status, landed=self._chance(), times=self._dice.randint(1, 3))

    def _slack_garbles(self) -> None:
        self._slack.faults.garble(self._of_slack(), landed=self._chance())

    def _slack_cut(self) -> None:
        self._slack.faults.cut(self._of_slack(), landed=self._chance(), times=self._dice.randint(1, 2))

    def _slack_slow(self) -> None:
        order = self._slack.faults.hold(self._of_slack(), landed=True)
        self._holds.append((order, order.release))
        self._later(answers_within() + self._dice.uniform(0, 0.5), order.release)

    def _slack_late(self) -> None:
        """Hold a message back, and let it land at a chosen moment after its request was given up."""
        faults, dice = self._slack.faults, self._dice
        held: dict[str, Any] = {}

        def take(arguments: dict[str, Any]) -> bool:
            if held or not _reference_of(arguments):
                return False
            held.update(arguments)
            held["at"] = time.monotonic()
            self._later(answers_within() + (dice.uniform(0, 0.3) if not watches else 1.5), land)
            return True

        def land() -> None:
            if order.waiting:
                self.landings.append(Landing(_reference_of(held), time.monotonic()))
            order.release()
            for watch in watches:
                watch.left = 0

        def given_up() -> bool:
            return bool(held) and time.monotonic() - held["at"] > answers_within()

        def looks(arguments: dict[str, Any]) -> bool:
            if given_up() and arguments.get("channel") == held["channel"]:
                land_soon()
            return False

        def sends(arguments: dict[str, Any]) -> bool:
            if given_up() and _reference_of(arguments) == _reference_of(held):
                land_soon()
            return False

        def land_soon() -> None:
            if dice.random() < 0.5:
                land()
            else:
                asyncio.get_running_loop().call_soon(land)

        watches: list[Order] = []
        when = dice.random()
        if when < 0.35:
            watches.append(faults.cut("conversations.*", where=looks))  # It never fits: it only sees what is asked.
        elif when < 0.75:
            watches.append(faults.cut("chat.postMessage", where=sends))
        order = faults.hold("chat.postMessage", where=take)
        self._holds.append((order, land))
        # In front: the first order that fits ends the search, and these have to see everything.
        faults.orders[:] = [*watches, *(one for one in faults.orders if one not in watches)]

    def _slack_drops(self) -> None:
        sockets = self._slack.sockets
        self._dice.choice(
            (
                sockets.drop,
                sockets.close,
                sockets.drop if self._may_not_silence else sockets.silence,
                partial(sockets.disconnect, "warning"),
                partial(sockets.disconnect, "refresh_requested"),
            )
        )()

    def _slack_doubles(self) -> None:
        self._slack.deliveries.duplicate("*", times=self._dice.randint(1, 5))

    def _slack_holds(self) -> None:
        if self._may_not_silence:
            return
        held = self._slack.deliveries.hold("*", times=self._dice.randint(2, 6))
        self._kept_back.append(held)
        self._later(self._dice.uniform(0.2, 1.0), lambda: held.release(backwards=True))


def _reference_of(arguments: dict[str, Any]) -> str:
    """Of the delivery that a request posts."""
    metadata = arguments.get("metadata") or {}
    if isinstance(metadata, str):
        metadata = json.loads(metadata)
    payload = metadata.get("event_payload") or {}
    return str(payload.get("ref") or "")
