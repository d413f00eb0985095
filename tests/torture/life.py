"""One life: a database, a Discord, a Slack, some days of a study group, and everything that can go wrong with them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final

from bot.adapters.slack.needs import COMMAND, EVENTS, SCOPES
from bot.store.codec import at_instant
from tests.torture.clock import SharedClock, Time, slowness
from tests.torture.copies import Copies, Copy
from tests.torture.people import DiscordSpot, SlackSpot, Spot
from tests.torture.promises import Plan, Said, Texts, Verdict, answers_in, judge
from tests.torture.steps import SHUTDOWN, STEPS
from tests.torture.weather import Weather
from tests.wire.discord_server import DiscordServer, Intent
from tests.wire.slack_server import SlackServer

FIRST: Final = date(2026, 11, 21)
"""A Saturday, so that the third day begins a week and brings a recap."""


@dataclass(frozen=True, slots=True)
class _Times:
    """When rounds open and close, when the last answers are given before that, and when a late reveal has come."""

    opens: str
    nearly: str
    closes: str
    revealed: str


_TIMES: Final = {
    "discord": _Times("10:00", "17:59:40", "18:00", "18:20"),
    "slack": _Times("10:30", "20:59:40", "21:00", "21:20"),
}
_STUCK: Final = 90.0
"""Real seconds after which something that has to come will not come any more."""

_EXPECTED: Final = (160004, 40060)
"""What Discord refuses after what had happened already: a second thread, a second answer to an interaction."""


class Stuck(Exception):
    """Something did not happen that had to: a promise is broken, and the life cannot go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a life is like."""

    days: int = 3
    channels: tuple[int, int] = (1, 3)
    """How many each platform has, from and to."""
    lives: tuple[float, float] = (0.3, 2.2)
    """Real seconds after which a copy is killed or stopped, unless a step has killed it."""
    at_steps: float = 0.8
    """How many copies are to die at a step."""
    second: float = 0.15
    """How many copies get another one beside them."""
    stops: float = 0.15
    """How many copies are told to stop, rather than killed."""
    troubles: tuple[float, float] = (0.1, 0.5)
    """Real seconds between two troubles of the platforms."""
    kinds: tuple[str, ...] = ()
    """Of these troubles; all of them, if it does not say."""
    script: tuple[str, ...] = ()
    """Steps at which copies die, each once in whatever order they come, and nobody is killed otherwise."""
    habits: Mapping[str, str] = field(default_factory=dict)
    """What members do in each round, by name; drawn, if it does not say."""


@dataclass(slots=True)
class Ended:
    """What came of a life."""

    seed: int
    verdict: Verdict
    kills: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    together: int = 0
    stops: int = 0
    slowest_stop: float = 0.0
    seconds: float = 0.0


class Life:
    """Plays one."""

    def __init__(self, seed: int, folder: Path, shape: Shape) -> None:
        self.seed = seed
        self.database = folder / "torture.db"
        self._folder = folder
        self._shape = shape
        self.wanted: Callable[[], Mapping[str, int]] = dict
        """At which steps somebody has still to die, and how often."""
        self._dice = Random(seed)
        self._plan = Plan([], [FIRST + timedelta(days=day) for day in range(shape.days)])
        self._tormenting: list[asyncio.Task[None]] = []
        self.time: Time
        self.copies: Copies
        self.weather: Weather

    # --- from beginning to end ----------------------------------------------------------------------------------

    async def play(self) -> Ended:
        """Live it, and see what is left."""
        began = monotonic()
        async with self.world():
            broken = ""
            try:
                async with self._torment():
                    await self._set_up()
                    for on in self._plan.dates:
                        await self._day(on)
                await self.rest()
            except Stuck as stuck:
                broken = str(stuck)
            verdict = await judge(self._plan, self.database, self.weather.landings, self._folder / "looks")
            verdict.others += [broken] if broken else []
            verdict.others += self.copies.faults
            verdict.others += self._complaints()
        return Ended(
            seed=self.seed,
            verdict=verdict,
            kills=self.copies.kills,
            troubles=self.weather.troubles,
            starts=self.copies.started,
            together=self.copies.together,
            stops=self.copies.stops,
            slowest_stop=self.copies.slowest_stop,
            seconds=monotonic() - began,
        )

    @asynccontextmanager
    async def world(self) -> AsyncIterator[None]:
        """Both platforms, with their people and the clock."""
        now = datetime.combine(FIRST, time_of_day(2), UTC)
        async with AsyncExitStack() as stack:
            self._discord = await stack.enter_async_context(
                DiscordServer(now=now, granted=Intent.MESSAGE_CONTENT, point=False)
            )
            self._slack = await stack.enter_async_context(
                SlackServer(now=now, commands=frozenset({COMMAND}), scopes=frozenset(SCOPES), events=frozenset(EVENTS))
            )
            self.time = Time(SharedClock(self._folder / "clock"), self._discord, self._slack)
            self.weather = Weather(self._discord, self._slack, Random(self._dice.random()))
            self._plan.spots = self._spots()
            settings = {
                "DISCORD_TOKEN": self._discord.token,
                "DISCORD_API_URL": self._discord.api_url,
                "DISCORD_GATEWAY_URL": self._discord.gateway_url,
                "SLACK_BOT_TOKEN": self._slack.team("Study").token,
                "SLACK_APP_TOKEN": self._slack.app_token,
                "SLACK_API_URL": self._slack.api_url,
                "NNQUESTION_DATABASE": str(self.database),
                "NNQUESTION_WEB": "127.0.0.1:0",
            }
            self.copies = Copies(self._folder, settings, died=self._forget_sessions)
            flowing = asyncio.create_task(self.time.flow())
            try:
                yield
            finally:
                flowing.cancel()
                self.copies.kill_all()
                await asyncio.gather(
                    flowing, *(copy.ended.wait() for copy in list(self.copies.running)), return_exceptions=True
                )

    def _spots(self) -> list[Spot]:
        dice, spots = self._dice, list[Spot]()
        for number in range(dice.randint(*self._shape.channels)):
            spots.append(DiscordSpot(self._discord, self.time, f"room-{number}", sealed=number == 2))
        for number in range(dice.randint(*self._shape.channels)):
            spots.append(SlackSpot(self._slack, self.time, f"room-{number}", sealed=number == 2))
        return spots

    def _forget_sessions(self) -> None:
        """What a killed process has left: a session that nobody will resume, for whom all events would be kept."""
        for session in list(self._discord.gateway.sessions.values()):
            if session.connection is None:
                self._discord.gateway.forget(session)

    def _complaints(self) -> list[str]:
        unknown = [f"discord has no route for {request}" for request in self._discord.unknown]
        unknown += [f"slack has no method for {request}" for request in self._slack.unknown]
        refused = [
            str(one)
            for one in self._discord.requests
            if one.status in (400, 401, 403, 405) and (one.answer or {}).get("code") not in _EXPECTED
        ]
        pings = [f"{ping.who} was pinged" for ping in self._discord.pings]
        pings += [f"{ping.who} was pinged" for ping in self._slack.pings]
        return unknown + [f"discord refused {one}" for one in refused] + pings + self._slack.complaints

    # --- what goes wrong ----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _torment(self) -> AsyncIterator[None]:
        """Kill, stop, double and start, and let both platforms fail; until the end of this."""
        kill = self._kill_by_script if self._shape.script else self._kill
        rage = self.weather.rage(self._shape.troubles, self._shape.kinds)
        self._tormenting = [asyncio.create_task(kill()), asyncio.create_task(rage)]
        try:
            yield
        finally:
            for task in self._tormenting:
                task.cancel()
            await asyncio.gather(*self._tormenting, return_exceptions=True)
            self._tormenting.clear()
            self.weather.clear_up()

    async def _kill(self) -> None:
        dice, shape = self._dice, self._shape
        while True:
            stops = dice.random() < shape.stops
            copy = next(iter(self.copies.running), None) or self.copies.start(self._armed(stops=stops))
            doubled = dice.random() < shape.second
            await self._ended(copy, dice.uniform(*shape.lives) * slowness())
            if doubled and not copy.ended.is_set():  # As in a deploy: the new one comes before the old one goes.
                self.copies.start(self._armed(stops=False))
                await self._ended(copy, dice.uniform(*shape.lives) * slowness())
            if stops:
                copy.stop()
                await self._ended(copy, 20 * slowness())
            copy.kill()
            await copy.ended.wait()

    async def _kill_by_script(self) -> None:
        while True:
            left = {step: 1 for step in self._shape.script if not self.copies.kills[step]}
            await self.copies.start(left).ended.wait()

    async def _ended(self, copy: Copy, within: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(copy.ended.wait(), within)

    def _armed(self, *, stops: bool) -> dict[str, int]:
        """Steps at which a copy dies, drawn from those at which too few have."""
        dice = self._dice
        if dice.random() >= self._shape.at_steps:
            return {}
        wanted = [step for step in self.wanted() if stops or step not in SHUTDOWN]
        if stops and set(wanted) & set(SHUTDOWN):
            wanted = [step for step in wanted if step in SHUTDOWN]  # Else it would not come so far.
        if not wanted:
            wanted = dice.sample(STEPS, 10)
        drawn = {step: dice.choice((1, 1, 1, 2, 3)) for step in wanted if dice.random() < 0.7}
        return drawn or {dice.choice(wanted): 1}

    # --- the days -----------------------------------------------------------------------------------------------

    async def _set_up(self) -> None:
        await asyncio.gather(*(self._set_up_in(spot) for spot in self._plan.spots))

    async def _set_up_in(self, spot: Spot) -> None:
        times = _TIMES[spot.platform]
        options = {"time": times.opens, "zone": "UTC", "closes": times.closes}
        if spot.sealed:
            options["answers"] = "sealed"
        elif self._dice.random() < 0.3:
            options["reveal"] = times.revealed

        async def tried() -> bool:
            return "The drill is" in await spot.ask("ada", "setup", **options)

        await self._until(tried, f"no drill in {spot.id}")

    async def _day(self, on: date) -> None:
        """Discord goes first, Slack later, so that each step comes on each platform by itself."""
        for platform, times in _TIMES.items():
            await self._to(on, times.opens)
            await self._until(lambda: self._posted(on, platform), f"no question everywhere on {on}")  # noqa: B023
        acts = [self._takes_part(spot, on, name) for spot in self._plan.spots for name in ("bob", "cem", "dan")]
        await asyncio.gather(*acts, self._awards(on))
        await self._until(self._all_heard, f"not all answers of {on} have been heard", why=self._unheard)
        for platform, times in _TIMES.items():
            await self._to(on, times.nearly)
            with self.weather.no_silence():  # Nobody can hear what is said then, and Slack's own patience is minutes.
                await asyncio.gather(*(self._at_the_last_moment(spot, on) for spot in self._on(platform)))
                await self._until(
                    lambda: self._over(on, platform, "open"),  # noqa: B023
                    f"rounds of {on} stay open",
                    jumps=False,
                )
                await self._until(self._all_heard, f"last answers of {on} are lost", jumps=False, why=self._unheard)
            await self._to(on, times.revealed)
            await self._until(
                lambda: self._over(on, platform, "open", "closed", "graded") and not self._owed(platform),  # noqa: B023
                f"not everything of {on} is revealed",
                why=self._owed,
            )
        if on == self._plan.dates[0] and len(self._plan.dates) > 1:
            await asyncio.gather(*(self._asks(spot) for spot in self._plan.spots))
            await self._until(lambda: not self._owed(), "an extra question is owed for ever", why=self._owed)

    def _on(self, platform: str) -> list[Spot]:
        return [spot for spot in self._plan.spots if spot.platform == platform]

    async def _to(self, on: date, clock: str) -> None:
        await self.weather.land()
        self.time.to(datetime.combine(on, time_of_day.fromisoformat(clock), UTC))

    async def _takes_part(self, spot: Spot, on: date, name: str) -> None:
        """One member and one question: what they do is drawn, and what may count of it is noted."""
        round_id = f"{spot.id}@{on}"
        dice = Random(f"{self.seed} {round_id} {name}")
        card = self._card(round_id)
        said = self._plan.said[round_id, spot.id_of(name)]
        await asyncio.sleep(dice.uniform(0, 0.8))
        kind = (
            "form"
            if spot.sealed
            else self._shape.habits.get(name)
            or dice.choice(
                ("say", "say", "say edit", "say delete", "say say", "form", "say form", "form form", "nothing")
            )
        )
        for act in kind.split():
            if act == "say" and kind == "say say" and said.possible != {()}:
                await self._says(spot, name, card, said, further=True)
            elif act == "say":
                said.message = await self._says(spot, name, card, said)
            elif act == "edit":
                await self._edits(spot, name, said)
            elif act == "delete":
                await spot.delete(name, said.message)
                said.possible = {()}
            elif act == "form":
                await self._fills(spot, name, card, said)
            if dice.random() < 0.5 and act in ("say", "edit") and said.message is not None:
                said.acknowledged += await spot.sees_mark(said.message)

    async def _says(self, spot: Spot, name: str, card: str, said: Said, *, further: bool = False) -> Any:
        message, text = None, self._words()
        deadline = monotonic() + _STUCK * slowness()
        while message is None:  # A thread stands in Discord before the program knows of it, or a little later.
            message = await spot.say(name, card, text)
            if monotonic() > deadline:
                raise Stuck(f"{spot.id}: no thread below {card}")
            await asyncio.sleep(0 if message else 0.05)
        said.possible = {(*(next(iter(said.possible)) if further else ()), text)}
        return message

    async def _edits(self, spot: Spot, name: str, said: Said) -> None:
        text = self._words()
        await spot.edit(name, said.message, text)
        said.possible = {(text,)}

    async def _fills(self, spot: Spot, name: str, card: str, said: Said) -> None:
        """Send the form until it is acknowledged, as a member does who sees that it has failed."""
        deadline = monotonic() + _STUCK * slowness()
        while monotonic() < deadline:
            text = self._words()
            if await spot.fill(name, card, text):
                said.possible = {(text,)}
                said.acknowledged += 1
                return
            said.possible = said.possible | {(text,)}
            await asyncio.sleep(0.1)
        raise Stuck(f"{spot.id}: no form was taken within {_STUCK:.0f} s")

    async def _at_the_last_moment(self, spot: Spot, on: date) -> None:
        """Somebody answers shortly before the close, whether a copy runs or not; nobody waits until it is heard."""
        closes = datetime.combine(on, time_of_day.fromisoformat(_TIMES[spot.platform].closes), UTC)
        if spot.sealed or closes - self.time.now < timedelta(seconds=10):  # Else it would be too late.
            return
        round_id = f"{spot.id}@{on}"
        said = self._plan.said[round_id, spot.id_of("ada")]
        said.message = await self._says(spot, "ada", self._card(round_id), said)

    async def _awards(self, on: date) -> None:
        """An organizer gives a point, and tries again until told that it is given."""
        spots = [spot for spot in self._plan.spots if not spot.sealed]
        for spot in self._dice.sample(spots, min(2, len(spots))):
            reason = f"award-{self._dice.getrandbits(40):010x}"
            attempts = self._plan.awards.setdefault(reason, [])
            for _ in range(4):
                seen = await spot.ask("ada", "award", member="bob", points="1", reason=reason)
                if "I have not met" in seen or "There is no daily round" in seen:
                    continue
                attempts.append("Awarded" in seen or "the thread is told" in seen)
                if attempts[-1]:
                    break

    async def _asks(self, spot: Spot) -> None:
        """A member asks for an extra question, and once more if nothing comes of it."""
        attempts = self._plan.extras.setdefault(spot.id, [])
        for _ in range(3):
            seen = await spot.ask("bob", "ask")
            if "already" in seen:
                break
            attempts.append("Asked" in seen or "An extra question" in seen)
            if attempts[-1]:
                break

    def _words(self) -> str:
        """An answer of more than five words that nobody else gives."""
        return f"gradients flow back through every layer {self._dice.getrandbits(40):010x}"

    # --- waiting ------------------------------------------------------------------------------------------------

    async def rest(self) -> None:
        """One copy works undisturbed until nothing is owed, and is told to stop."""
        self.weather.clear_up()
        copy = next(iter(self.copies.running), None) or self.copies.start()
        for other in self.copies.running[1:]:
            other.kill()
            await other.ended.wait()
        copy = await self._fresh(copy)
        last = self._plan.dates[-1]
        await self._until(self._nothing_owed, "something is owed for ever", until=(last, "23:00"), why=self._unfinished)
        copy.stop()
        await self._ended(copy, 15 * slowness())
        if not copy.ended.is_set():
            raise Stuck("told to stop, it did not end within 15 s")

    async def _fresh(self, copy: Copy) -> Copy:
        """A copy that nobody has told to die."""
        copy.kill()
        await copy.ended.wait()
        return self.copies.start()

    async def _until(
        self,
        condition: Callable[[], bool | Awaitable[bool]],
        what: str,
        *,
        until: tuple[date, str] | None = None,
        jumps: bool = True,
        why: Callable[[], str] = str,
    ) -> None:
        """Wait for something to be so; where all that is owed waits for its next try, let it be that time."""
        began = looked = monotonic()
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return
            for task in self._tormenting:
                if task.done():
                    task.result()  # Whoever kills has to go on.
            if monotonic() - began > _STUCK * slowness():
                raise Stuck(f"{what}, after {_STUCK:.0f} s; {why()}")
            await asyncio.sleep(0.03)
            if jumps and monotonic() - looked > 0.7:
                looked = monotonic()
                await self._to_next_try(until)

    async def _to_next_try(self, until: tuple[date, str] | None) -> None:
        rows = self._rows("SELECT MIN(not_before) FROM deliveries WHERE state = 'owed'")
        if not rows or rows[0][0] is None:
            return
        at = at_instant(rows[0][0])
        if until is not None:
            at = min(at, datetime.combine(until[0], time_of_day.fromisoformat(until[1]), UTC))
        elif at - self.time.now > timedelta(minutes=11):
            return
        if at - self.time.now > timedelta(minutes=1):
            await self.weather.land()
        self.time.to(at)

    def _rows(self, sql: str, *parameters: Any) -> list[Any]:
        """What the database says; nothing while it cannot be read."""
        if not self.database.exists():
            return []
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            return db.execute(sql, parameters).fetchall()
        return []

    def _card(self, round_id: str) -> str:
        return str(self._rows("SELECT card_message FROM rounds WHERE id = ?", round_id)[0][0])

    def _posted(self, on: date, platform: str) -> bool:
        return len(self._daily(on, platform, "card_message")) == len(self._on(platform)) and not self._owed(platform)

    def _over(self, on: date, platform: str, *states: str) -> bool:
        """Whether no daily round of a date is in one of these states any more."""
        there = self._daily(on, platform, "state")
        return len(there) == len(self._on(platform)) and not set(there) & set(states)

    def _daily(self, on: date, platform: str, column: str) -> list[str]:
        """What a column says of a date's daily rounds, where it says anything."""
        sql = f"SELECT {column} FROM rounds WHERE kind = 'daily' AND local_date = ? AND channel LIKE ?"
        return [value for (value,) in self._rows(sql, on.isoformat(), f"{platform}:%") if value is not None]

    def _all_heard(self) -> bool:
        return not self._unheard()

    def _unheard(self) -> str:
        """What was said and is not in the database yet; every thread of an open round is read again after a gap."""
        given: dict[tuple[str, str], Texts] = {}
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            given = answers_in(db)
        return "; ".join(
            f"{key}: {sorted(said.possible)}, not {given.get(key, ())}"
            for key, said in self._plan.said.items()
            if given.get(key, ()) not in said.possible
        )

    def _nothing_owed(self) -> bool:
        return self._rows("SELECT 1") == [(1,)] and not self._unfinished()

    def _owed(self, platform: str = "") -> str:
        """What is still to be sent; and, where it is not about one platform, to be worked on, or to be revealed."""
        unsent = "SELECT key, state, note FROM deliveries WHERE state IN ('owed', 'claimed') AND channel LIKE ?"
        owed = self._rows(unsent, f"{platform}%")
        if not platform:
            owed += self._rows("SELECT id FROM events WHERE outcome IS NULL")
        return "; ".join(map(str, owed))

    def _unfinished(self) -> str:
        rounds = self._rows("SELECT id, state FROM rounds WHERE state IN ('open', 'closed', 'graded')")
        return "; ".join([*map(str, rounds), self._owed()]).strip("; ")
