"""A copy of the program: its store, bot, deliverer and lease as `bot.runtime` puts them together; ears for adapters.

A crash is final: its tasks are cancelled, and every way out of them (store, messenger) refuses from then on. So
nothing that they still do while they end can be seen by anybody, and what they have not committed never was.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Coroutine, Sequence
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.model import (
    Answer,
    Grade,
    MessageRef,
    Occurrence,
    Place,
    Question,
    Round,
    RoundState,
    Source,
    platform_of,
)
from bot.core.ports import DeliveryError, Failure, StoreError
from bot.delivery import Deliverer
from bot.pacing import Pace
from bot.pictures import Drawer
from bot.runtime import Program
from bot.studybot import StudyBot
from tests.core.worlds import marked
from tests.simulation.platform import Event, Platform, SimulatedMessenger
from tests.simulation.store import InlineWorker, simulated_store

if TYPE_CHECKING:
    from bot.lease import Lease
    from bot.settings import Settings
    from bot.shelf import Shelf
    from tests.simulation.world import World

PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)
"""The process that runs; None where it is the platform or people."""

STOPS_WITHIN: Final = 8
LEFT_AFTER: Final = timedelta(minutes=1)
"""After this time an event that has been written down and not worked on is taken for left."""

_LIVE: Final = (RoundState.OPEN, RoundState.CLOSED, RoundState.GRADED)


class SimulatedLease:
    """What `bot.lease.Lease` is, a lock that ends with its process, without the file."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def held(self) -> bool:
        return self._process.world.leader is self._process

    def take(self) -> bool:
        world = self._process.world
        if world.leader is None or world.leader.dead:
            world.leader = self._process
            world.led.append(world.loop.time())
            world.trace(f"{self._process.name} leads")
        return self.held

    def release(self) -> None:
        if self.held:
            self._process.world.leader = None


class _Unmeasured:
    """Stands where a program counts and tells how it is."""

    def ticked(self, *_: object) -> None:
        """It has looked at its clock."""


class SimulatedGrader:
    """Grades by marks in the text, takes its time, and fails now and then."""

    version = "stub 0"

    def __init__(self, process: Process) -> None:
        self._process = process

    async def grade(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]] = ()
    ) -> list[Grade]:
        world = self._process.world
        await asyncio.sleep(world.grading.uniform(0, 0.5))
        self._process.alive()
        if world.swarm.happens("grader fails", world.grading):
            raise RuntimeError("the simulated grader fails")
        return [marked(question, answer.text) for answer in answers]


class Process:
    """One copy of the program, from its start to its stop or its crash."""

    def __init__(self, world: World, name: str, path: Path) -> None:
        self.world = world
        self.name = name
        self.dead = False
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.workers: list[InlineWorker] = []
        self.over = asyncio.Event()
        self._dice = world.random(f"{name}")
        self.store = simulated_store(path, self)
        woken = asyncio.Event()
        bot = StudyBot(self.store, SimulatedGrader(self), lambda: world.banks, owed=woken.set)
        messengers = {name: SimulatedMessenger(platform, self) for name, platform in world.platforms.items()}
        paces = {"discord": Pace(40), "slack": Pace(5, channel_every=1.0)}
        self.ears = {name: Ears(self, platform, bot) for name, platform in world.platforms.items()}
        self.program = Program(
            settings=cast("Settings", None),
            store=self.store,
            bot=bot,
            deliverer=Deliverer(self.store, messengers, world.clock, paces=paces),
            clock=world.clock,
            shelf=cast("Shelf", None),
            lease=cast("Lease", SimulatedLease(self)),
            discord_adapter=cast(Any, self.ears["discord"]),
            slack_adapter=cast(Any, self.ears["slack"]),
            metrics=cast(Any, _Unmeasured()),
            health=cast(Any, _Unmeasured()),
            drawer=Drawer(),
            woken=woken,
        )
        self._owed = asyncio.Event()

    # --- its life ---------------------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run this as a task of the process."""
        return self.world.spawn(work, self)

    def kill(self, why: str) -> None:
        """It is gone, from one instruction to the next."""
        if self.dead:
            return
        self.dead = True
        self.world.trace(f"{self.name} crashes {why}")
        self.world.crashed[why] += 1
        for ears in self.ears.values():
            ears.vanish()
        for task in list(self.tasks):
            task.cancel()
        for worker in self.workers:
            worker.drop()
        self.over.set()
        self.world.ended()

    async def stop(self) -> None:
        """SIGTERM: what is in hand is finished or left as rows (`bot.runtime.alarm`)."""
        if self.dead:
            return
        self.world.trace(f"{self.name} is asked to stop")
        for ears in self.ears.values():
            ears.vanish()
        self.program.deliverer.stop()
        self.over.set()
        self.program.woken.set()
        self._owed.set()
        working = [task for task in self.tasks if task is not asyncio.current_task()]
        if working:
            await asyncio.wait(working, timeout=STOPS_WITHIN)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        if not self.dead:
            await self.program.stop()
            self.dead = True
            self.world.trace(f"{self.name} has stopped")
            self.world.ended()

    async def run(self) -> None:
        """Start, then tick and send until it ends (`bot.runtime.alarm`, with ticks at random distances)."""
        try:
            await self.program.start()
        except StoreError:
            self.kill("at its start, since the disk refuses")
            return
        for ears in self.ears.values():
            self.spawn(ears.stay_connected())
        self.spawn(self._whenever(self._tick, self.program.woken))
        self.spawn(self._whenever(self._send, self._owed))

    async def _whenever(self, work: Any, woken: asyncio.Event) -> None:
        while not self.over.is_set():
            wait = await self._guarded(work)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), wait)
            woken.clear()

    async def _guarded(self, work: Any) -> float:
        try:
            wait: float = await work()
        except StoreError:
            return 5.0
        except Exception:
            self.world.fault("a turn failed", trace=True)
            return 5.0
        return wait

    async def _tick(self) -> float:
        try:
            if await self.program.leads():
                await self.program.tick()
        finally:
            self._owed.set()
        return self.world.until_next_tick(self._dice)

    async def _send(self) -> float:
        """Send, and come again when something waits to be tried: the real alarm looks every five seconds."""
        await self.program.send()
        waits = await self.store.read(lambda tx: tx.deliveries.next_try())
        if waits is None:
            return 86400.0  # Each tick wakes it.
        return max(0.0, (waits - self.world.clock()).total_seconds()) + self._dice.uniform(0.1, 5)

    # --- where it may die, as store and messengers ask --------------------------------------------------------

    def alive(self) -> None:
        if self.dead:
            raise asyncio.CancelledError

    def at_request(self, where: str) -> None:
        self.alive()
        if self.world.swarm.happens("crash at a request", self._dice):
            self.kill(where.split()[0] + " a request")
            raise asyncio.CancelledError

    def waits(self) -> float:
        share = self._dice.random()
        return 0.0 if share < 0.6 else self._dice.uniform(0, 0.02) if share < 0.98 else self._dice.uniform(0, 3)

    def crashes(self, where: str) -> bool:
        if self.world.swarm.happens("crash at a write" if "commit" in where else "crash at a read", self._dice):
            self.kill(where)
        return self.dead

    def disk_refuses(self) -> bool:
        return self.world.swarm.happens("disk refuses", self._dice)

    def served(self, name: str, jobs: int) -> None:
        self.world.served[name] += 1


class Ears:
    """What an adapter does beside messages: events in, gaps read again (`bot.adapters.*.gaps` and `events`)."""

    def __init__(self, process: Process, platform: Platform, bot: StudyBot) -> None:
        self.process = process
        self.platform = platform
        self.bot = bot
        self.connected = False
        self.gaps = self
        """What `Program.start` asks to hold rounds open."""
        self._clock = process.world.clock
        self._dice = process.world.random(f"{process.name}/{platform.name}")
        self._missed: deque[Event] | None = None
        self._reading = 0
        self._away = False
        self._in_hand: set[str] = set()
        platform.listeners.append(self)

    def vanish(self) -> None:
        """The process ends."""
        self.connected = False
        if self in self.platform.listeners:
            self.platform.listeners.remove(self)

    # --- the connection ---------------------------------------------------------------------------------------

    async def stay_connected(self) -> None:
        world = self.process.world
        while True:
            await asyncio.sleep(self._dice.uniform(0.5, 10))
            if world.swarm.outage(self.platform.name, world.loop.time()):
                await asyncio.sleep(30)
                continue
            self.connected = True
            self.process.spawn(self._read())
            if not self.platform.like_discord:
                self.process.spawn(self._work_off(timedelta()))
            while True:
                rate = world.swarm.rate("disconnects")
                lasts = self._dice.expovariate(rate / 86400) if rate else 1e9
                await asyncio.sleep(lasts)
                world.swarm.met["disconnects"] += 1
                world.trace(f"{self.process.name} loses its connection to {self.platform.name}")
                self.connected = False
                resumes = self.platform.like_discord and self._dice.random() < 0.5
                self._missed = deque() if resumes else None
                await self._gone_away()
                if not resumes:
                    break
                await asyncio.sleep(self._dice.uniform(0.5, 60))
                self.connected = True
                missed, self._missed = self._missed or deque(), None
                for event in missed:
                    self.tell(event)
                await self._back()

    async def hold(self) -> None:
        """Nothing closes before it has been read what was said meanwhile."""
        for round_ in await self._open_rounds():
            self.bot.fetching(round_.channel, self._clock())

    async def _gone_away(self) -> None:
        self._away = True
        await self.hold()

    async def _back(self) -> None:
        """The connection goes on where it broke, and nothing is missing that is not being read."""
        self._away = False
        if not self._reading:
            for round_ in await self._open_rounds():
                self.bot.fetched(round_.channel)

    async def _read(self) -> None:
        """Read all that may have been missed."""
        self._away = False
        self._reading += 1
        began = self.process.world.loop.time()
        try:
            await self.hold()
            left = list(dict.fromkeys(round_.channel for round_ in await self._open_rounds()))
            waits = iter((1, 2, 5, 10, 20, 40))
            while left and self.connected:
                troubled = []
                for round_ in await self._open_rounds():
                    if round_.channel in left and not await self._has_read(round_):
                        troubled.append(round_.channel)
                if self._reading == 1 and not self._away:
                    for channel in left:
                        if channel not in troubled:
                            self.bot.fetched(channel)
                for channel in left:
                    if channel not in troubled:
                        self.process.world.readings[channel].append((began, self.process.world.loop.time()))
                left = [channel for channel in left if channel in troubled]
                if left:
                    await asyncio.sleep(next(waits, 60))
        finally:
            self._reading -= 1

    async def _has_read(self, round_: Round) -> bool:
        try:
            return await self._read_round(round_)
        except StoreError:
            return False  # What was said is there, and can be read again.

    async def _read_round(self, round_: Round) -> bool:
        if round_.sealed or round_.card is None:
            return True if round_.sealed else round_.state is not RoundState.OPEN
        if round_.thread is None:
            return round_.state is not RoundState.OPEN or round_.card_deleted
        answers = await self.bot.answers_in(round_.id)
        try:
            messages = await self._history(round_.thread)
        except DeliveryError as error:
            if error.failure is Failure.THREAD_GONE and self.platform.like_discord:
                await self.bot.thread_deleted(round_.id, self._clock())
            elif error.failure is Failure.THREAD_GONE:
                await self.bot.card_deleted(round_.id)
            return error.failure not in (Failure.NOT_SENT, Failure.UNCLEAR)
        there = {said.message for said in messages}
        parts = {part.id: None for answer in answers for part in answer.parts if part.source is Source.MESSAGE}
        for said in messages:
            await self._heard(said)
        for part in parts:
            if part not in there:
                await self._look_for(round_, part)
        return True

    async def _look_for(self, round_: Round, part: str) -> None:
        """A part of an answer that its thread does not hold: deleted, or submitted from the channel."""
        for place in (Place(channel=round_.channel), cast(Place, round_.thread)):
            found = self.platform.stands(MessageRef(place=place, message=part))
            if found is not None:
                await self._heard(found.said(self.process.world.name_of(found.by)))
                return
        await self._answer(Deleted(channel=round_.channel, message=part, at=self._clock()))

    async def _history(self, thread: Place) -> list[Said]:
        """The members' messages of a thread as they are now, by a request that may fail."""
        world, platform = self.process.world, self.platform
        fault = world.swarm.of_a_request(platform.name, world.loop.time(), platform.dice)
        await asyncio.sleep(platform.dice.uniform(0.05, 0.5))
        if fault not in (None, "slow", "landing late"):
            raise DeliveryError(Failure.UNCLEAR, f"simulated: {fault}")
        platform.check(thread)
        there = [m for m in platform.messages[thread] if m.by is not None and m.gone is None]
        return [message.said(world.name_of(message.by)) for message in there]

    async def _open_rounds(self) -> list[Round]:
        posted = await self.bot.posted_rounds()
        return [r for r in posted if r.state in _LIVE and platform_of(r.channel) == self.platform.name]

    # --- events -----------------------------------------------------------------------------------------------

    def tell(self, event: Event) -> asyncio.Future[bool]:
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.process.dead or not self.connected:
            if self._missed is not None and not self.process.dead:
                self._missed.append(event)
            told.set_result(False)
        elif self.platform.like_discord:
            self.process.spawn(self._take(event))
            told.set_result(True)
        else:
            self.process.spawn(self._receive(event, told))
        return told

    async def _receive(self, event: Event, told: asyncio.Future[bool]) -> None:
        """Write it down, say that it came, then work on it."""
        id = f"slack/event/{event.number}"
        said = {"user": event.said.member.partition("/@")[2]} if event.said else {}
        self.process.world.inbox[id] = event
        data = {"team": self.platform.group.partition(":")[2], "event": json.dumps(said)}
        try:
            new = await self.bot.receive(id, data, self._clock())
        except StoreError:
            if not told.done():
                told.set_result(False)
            return
        if not told.done():
            told.set_result(True)
        self.process.world.acknowledged_event(id)
        if new:
            await self._work_on(id)

    async def work_off(self) -> None:
        """Work on what a copy has written down and left (`Program.tick`)."""
        await self._work_off(LEFT_AFTER)

    async def _work_off(self, waiting_for: timedelta) -> None:
        before = self._clock() - waiting_for
        with contextlib.suppress(StoreError):
            for received in await self.bot.received():
                if received.id in self.process.world.inbox and received.at <= before:
                    self.process.spawn(self._work_on(received.id))

    async def _work_on(self, id: str) -> None:
        if id in self._in_hand:
            return
        self._in_hand.add(id)
        try:
            received: Occurrence | None = await self.bot.received_as(id)
            if received is not None and received.data:
                await self._take(self.process.world.inbox[id])
                await self.bot.finish(received, "done")
        except StoreError:
            pass  # It waits to be worked off.
        finally:
            self._in_hand.discard(id)

    async def _take(self, event: Event) -> None:
        try:
            await self._carry_out(event)
        except StoreError:
            if not self.platform.like_discord:
                raise
            self.process.world.trace(f"{self.process.name} could not keep event {event.number}")
            self.process.world.lost_event(event)

    async def _carry_out(self, event: Event) -> None:
        now, channel = self._clock(), event.place.channel
        match event.kind:
            case "said":
                assert event.said is not None
                await self._heard(event.said)
            case "deleted":
                await self._answer(Deleted(channel=channel, message=event.message, at=now))
            case "card deleted":
                await self._answer(Deleted(channel=channel, message=event.message, at=now))
                round_ = await self.bot.round_of_card(MessageRef(place=event.place, message=event.message))
                if round_ is not None:
                    await self.bot.card_deleted(round_.id)
            case "thread deleted":
                round_ = await self.bot.round_at(event.place)
                if round_ is not None:
                    await self.bot.thread_deleted(round_.id, now)
            case "channel lost":
                await self.bot.channel_lost(channel, "the channel was deleted", now)

    async def _heard(self, said: Said) -> None:
        """A message as it stands now. Below a card whose sending is unclear it waits until that is known."""
        if said.place.thread is None:
            if said.edited_at is not None:
                await self._answer(said)
            return
        while True:
            if await self.bot.round_at(said.place) is not None:
                await self._answer(said)
                return
            on_its_way = any(
                round_.channel == said.place.channel
                and round_.state is RoundState.OPEN
                and (round_.card is None or (round_.thread is None and not round_.sealed))
                for round_ in await self.bot.posted_rounds()
            )
            if not on_its_way and await self.bot.round_at(said.place) is None:
                return
            await asyncio.sleep(2.0)

    async def _answer(self, happened: Said | Deleted | Form | Submitted) -> None:
        world = self.process.world
        world.handed_in(happened)
        told = await self.bot.answer(happened, self._clock())
        world.acknowledged(happened, told)
