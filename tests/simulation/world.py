"""One simulation: platforms, people, copies of the program that come and go, and what is known of all of it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import hashlib
import logging
import sys
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlite_utils import Database

from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.model import Bank, ChannelId, DeliveryState, DrillState, MemberId, QuestionId, Receipt, Told, Why
from bot.store.opening import open_reader
from bot.store.transaction import Tables
from tests.core.worlds import EXTRA, ONE, TWO
from tests.factories import make_question
from tests.simulation.loop import SimulatedLoop
from tests.simulation.people import People
from tests.simulation.platform import Event, Message, Platform
from tests.simulation.process import PROCESS, Process
from tests.simulation.swarm import DAY, HOUR, Swarm

Happened = Said | Deleted | Form | Submitted

ZONES: Final = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Santiago",
    "Africa/Casablanca",
    "Pacific/Auckland",
)
STARTS: Final = tuple(
    datetime(*day, tzinfo=UTC)
    for day in ((2026, 3, 1), (2026, 3, 20), (2026, 4, 1), (2026, 9, 20), (2026, 10, 15), (2026, 12, 20), (2026, 2, 10))
)
"""Days before, and a month over, the changes of clocks in most of the zones, the end of a year, a short month."""

QUESTIONS: Final = 64
"""Of each channel's own bank: so many that none is asked twice."""

PLANNED_ERRORS: Final = ("grading %s failed", "%s: %d grades for %d answers")
"""What is logged as an error where the simulated grader fails."""


class World:
    """Everything of one seed. What happens depends on the seed and on the program alone."""

    def __init__(self, seed: int, days: float, folder: Path, *, verbose: bool = False) -> None:
        self.seed = seed
        self.days = days
        self.loop = SimulatedLoop(self._on_task)
        self.loop.set_exception_handler(lambda _, context: self.fault(f"asyncio: {context.get('message')}"))
        dice = self.random("world")
        self.starts = dice.choice(STARTS) + timedelta(hours=dice.randrange(24))
        self.path = folder / f"simulated-{seed}.db"
        self.swarm = Swarm.drawn(seed, days, ("discord", "slack"))
        self.long_cards = dice.random() < 0.3
        self.grading = self.random("grader")
        self._troubling = self.random("trouble")
        self._verbose = verbose
        self._digest = hashlib.blake2b(digest_size=16)
        self._offset = timedelta()
        self._pace = dice.choice((0.8, 1.4, 2.2))
        self.platforms = {
            "discord": Platform(self, "discord", "discord:100"),
            "slack": Platform(self, "slack", "slack:T1"),
        }
        self.channels = [ChannelId(f"discord:100/1{n}") for n in range(dice.randint(1, 2))]
        self.channels += [ChannelId(f"slack:T1/C{n}") for n in range(dice.randint(1, 2))]
        self.banks = {_bank_of(channel): _bank(channel) for channel in self.channels}
        self.people = People(self)
        self.leader: Process | None = None
        self.processes: list[Process] = []
        self._started = 0
        self._calm = asyncio.Event()
        self._something = asyncio.Event()
        """A copy has ended, or somebody deploys another one right now."""
        self.handed: dict[str, Happened] = {}
        """What was handed in, as it was the first time, by what it is."""
        self.told: dict[str, Told] = {}
        """What was acknowledged, with its receipt."""
        self.inbox: dict[str, Event] = {}
        self.events_acknowledged: set[str] = set()
        self.unkept: set[str] = set()
        """Messages whose events the disk refused: nobody was told that they count."""
        self.readings: dict[str, list[tuple[float, float]]] = defaultdict(list)
        """By channel, when each reading of its threads began and was through."""
        self.led: list[float] = []
        """When each copy began to tick and to send."""
        self.crashed: Counter[str] = Counter()
        self.served: Counter[str] = Counter()
        self.faults: list[str] = []
        """What must not have happened, as it was seen."""
        self._side: Tables | None = None
        self._side_db: Database | None = None
        self._hands: dict[str, float] = defaultdict(float)
        for platform in self.platforms.values():
            platform.watching = self._before_request

    # --- time, dice, trace ------------------------------------------------------------------------------------

    def random(self, stream: str) -> Random:
        """Dice of their own for a part of the world, so that one more throw here changes nothing there."""
        return Random(f"{self.seed}/{stream}")

    def true_now(self) -> datetime:
        """The instant it is, by a clock that is right."""
        return self.starts + timedelta(seconds=self.loop.time())

    def clock(self) -> datetime:
        """The instant it is by the machine's clock, which is set back and forward now and then."""
        return self.true_now() + self._offset

    def trace(self, line: str) -> None:
        """One thing that happened."""
        told = f"{self.loop.time():13.3f} {line}"
        self._digest.update(told.encode())
        if self._verbose:
            sys.stdout.write(f"{told}\n")

    @property
    def digest(self) -> str:
        """Of the whole trace: the same for the same seed and program."""
        return self._digest.hexdigest()

    def fault(self, what: str, *, trace: bool = False) -> None:
        """Something happened that never must."""
        process = PROCESS.get()
        if process is not None and process.dead:
            return
        if trace:
            what += ": " + traceback.format_exc(limit=-6)
        self.trace(f"FAULT {what}")
        self.faults.append(what)

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Do this after a while."""
        self.loop.call_later(seconds, work)

    def spawn(self, work: Coroutine[Any, Any, Any], process: Process | None = None) -> asyncio.Task[Any]:
        """Run this as a task of a process, or of the world's own."""

        async def guarded() -> None:
            try:
                await work
            except Exception:
                self.fault("a task failed", trace=True)

        context = contextvars.copy_context()
        context.run(PROCESS.set, process)
        return self.loop.create_task(guarded(), context=context)

    def _on_task(self, task: asyncio.Task[Any], context: contextvars.Context | None) -> None:
        owner = (context.get(PROCESS) if context is not None else None) or (PROCESS.get() if context is None else None)
        if owner is None:
            return
        owner.tasks[task] = None
        task.add_done_callback(lambda done: owner.tasks.pop(done, None))
        if owner.dead:
            task.cancel()

    def until_next_tick(self, dice: Random) -> float:
        """Seconds until the program looks at its clock again: mostly minutes, sometimes seconds, sometimes an hour."""
        share = dice.random()
        if share < 0.1:
            return dice.uniform(1, 20)
        wait = self._pace * (dice.uniform(60, 3000) if share < 0.5 else dice.uniform(1800, 5000))
        # Once it is calm nothing that is due waits for long, else the end would come before a close that was in time.
        return min(wait, max(HOUR / 2, self.days * DAY - self.loop.time()))

    # --- what is known ----------------------------------------------------------------------------------------

    def name_of(self, member: MemberId | None) -> str:
        return str(member).partition("@")[2].capitalize()

    def handed_in(self, happened: Happened) -> None:
        self.handed.setdefault(happened.id, happened)

    def acknowledged(self, happened: Happened, told: Told) -> None:
        self.trace(f"{told.receipt}{f' ({told.why})' if told.why else ''}: {happened.id}")
        # What is no answer of any round is not even written down.
        if told.receipt is not Receipt.NOT_COUNTED or told.why not in (Why.TALK, Why.NO_ROUND, None):
            self.told.setdefault(happened.id, told)

    def acknowledged_event(self, id: str) -> None:
        self.events_acknowledged.add(id)

    def lost_event(self, event: Event) -> None:
        self.unkept.add(event.message)

    def refused(self, key: str) -> bool:
        """Whether the platforms never take this one message."""
        rate = self.swarm.rate("refused")
        return rate > 0 and self.random(f"refused/{key}").random() < rate / 3

    def posted(self, platform: Platform, message: Message) -> None:
        """A message of the bot's stands on a platform, and somebody may not want it there."""
        self.people.saw(platform, message)
        if self.swarm.happens("trouble at once", self._troubling):
            self.later(
                self._troubling.choice((1, 8, 90)) * self._troubling.random(), partial(self._trouble, platform, message)
            )

    def _trouble(self, platform: Platform, message: Message) -> None:
        """While it is still being sent and noted, what it belongs to goes away."""
        cards = [card for card in self.people.cards(platform, message.place.channel) if card.gone is None]
        thread = platform.thread_of(cards[-1]) if cards else None
        what = self._troubling.choice(("message", "card", "thread", "forbidden"))
        if self.swarm.calm or platform.channels[message.place.channel].deleted:
            return
        if what == "message":
            platform.remove(message)
        elif what == "card" and cards:
            platform.remove(cards[-1])
        elif what == "thread" and thread is not None and platform.like_discord:
            platform.remove_thread(thread)
        elif what == "forbidden":
            platform.forbid(message.place.channel, self._troubling.uniform(1, 120))

    def side(self) -> Tables:
        """The tables as they are committed, to look at."""
        if self._side is None:
            self._side_db = open_reader(self.path)
            self._side = Tables(self._side_db)
        return self._side

    def _before_request(self, verb: str, place: Any, key: str) -> None:
        """Nothing new is sent to a channel that was given up; what was claimed before is dropped by then."""
        if self.swarm.happens("deploy while sending", self._troubling):
            self._something.set()
        if verb != "send" or not key.startswith(place.channel) or "/award" in key or "/board" in key:
            return  # What somebody asked for is tried all the same.
        drill = self.side().drills.get(place.channel)
        if drill is None or drill.state is not DrillState.OFF or not self.platforms_shut(place.channel):
            return
        delivery = self.side().deliveries.get(key)
        claimed = delivery is not None and delivery.state is DeliveryState.CLAIMED
        if claimed and delivery is not None and not delivery.unclear and not delivery.asked:
            self.fault(f"{key} is sent to a channel that is off ({drill.state_reason})")

    def platforms_shut(self, channel: ChannelId) -> bool:
        return self.platforms[channel.partition(":")[0]].channels[channel].ever_shut

    # --- what happens -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Live through all of it; at the end every copy has stopped, and nothing goes wrong any more."""
        handler = _Errors(self)
        log = logging.getLogger("bot")
        level, propagates = log.level, log.propagate
        log.addHandler(handler)
        log.setLevel(logging.ERROR)
        log.propagate = False
        try:
            self.loop.run_until_complete(self._live())
        finally:
            self._end()
            log.removeHandler(handler)
            log.setLevel(level)
            log.propagate = propagates

    async def _live(self) -> None:
        running = self.spawn(self._keep_running())
        hands = [self.spawn(work) for work in (self.people.set_up(), self._damage(), self._step_clock())]
        await asyncio.sleep(self.days * DAY)
        self.trace("it is calm from now on")
        self.swarm.calm = True
        self._calm.set()
        for task in hands:
            task.cancel()
        for platform in self.platforms.values():
            for channel in platform.channels.values():
                if channel.forbidden_until < 1e12:
                    channel.forbidden_until = 0.0
        await self._until_quiet()
        running.cancel()
        for process in self.processes:
            await process.stop()

    async def _until_quiet(self) -> None:
        """Wait until all has landed that ever will, and nothing is owed; a day at most."""
        await asyncio.sleep(self.swarm.late_at_most + 3 * HOUR)
        for _ in range(96):
            side = self.side()
            if not side.deliveries.unfinished() and not side.events.waiting():
                return
            await asyncio.sleep(900)

    async def _keep_running(self) -> None:
        dice = self.random("life")

        def after(kind: str) -> float:
            rate = self.swarm.rate(kind)
            return dice.expovariate(rate / DAY) if rate else 1e9

        process = await self._begin()
        while True:
            coming = {kind: after(kind) for kind in ("crash any time", "downtime", "deploys")}
            kind = min(coming, key=lambda one: (coming[one], one))
            if not process.dead:
                self._something.clear()
            try:
                await asyncio.wait_for(self._something.wait(), coming[kind])
                self._something.clear()
                if not process.dead:
                    process = await self._deploy(process, dice)
                    continue
                await asyncio.sleep(dice.choice((1.0, 5.0, 60.0, 600.0)) * dice.random())
                process = await self._begin()
                continue
            except TimeoutError:
                if self.swarm.calm:
                    continue
            self.swarm.met[kind] += 1
            match kind:
                case "crash any time":
                    process.kill("at any time")
                case "downtime":
                    await self._stops(process, dice)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._calm.wait(), dice.uniform(1, 30) * HOUR)
                    process = await self._begin()
                case "deploys":
                    process = await self._deploy(process, dice)

    async def _deploy(self, process: Process, dice: Random) -> Process:
        """The new copy runs beside the old one for a while; then the old one ends, one way or the other."""
        other = await self._begin()
        await asyncio.sleep(dice.choice((2.0, 20.0, HOUR, 3 * HOUR)) * dice.random())
        await self._stops(process, dice)
        return other

    async def _stops(self, process: Process, dice: Random) -> None:
        if dice.random() < 0.5:
            process.kill("in the middle of things")
        else:
            await process.stop()

    def ended(self) -> None:
        """A copy is no more."""
        self._something.set()

    async def _begin(self) -> Process:
        self._started += 1
        process = Process(self, f"copy {self._started}", self.path)
        self.processes = [one for one in self.processes if not one.dead] + [process]
        self.trace(f"{process.name} starts")
        await asyncio.wait([process.spawn(process.run())])
        return process

    async def _step_clock(self) -> None:
        dice = self.random("clock")
        while rate := self.swarm.rate("clock steps"):
            await asyncio.sleep(dice.expovariate(rate / DAY))
            self.swarm.met["clock steps"] += 1
            self._offset = timedelta(seconds=dice.choice((0, 1, 30, 150)) * dice.uniform(-1, 1))
            self.trace(f"the clock is {self._offset.total_seconds():+.1f} s off")

    async def _damage(self) -> None:
        """What people do to channels, threads and cards, by hand."""
        dice = self.random("damage")
        kinds = ("forbidden", "forbidden for good", "channel deleted", "card deleted", "thread deleted")
        while True:
            await asyncio.sleep(6 * HOUR * dice.random())
            for channel in self.channels:
                platform = self.platforms[channel.partition(":")[0]]
                for kind in kinds:
                    rate = self.swarm.rate(kind)
                    if not rate or dice.random() >= rate / 8 or platform.channels[channel].deleted:
                        continue
                    self.swarm.met[kind] += 1
                    match kind:
                        case "forbidden" if platform.channels[channel].forbidden_until < 1e12:
                            platform.forbid(channel, dice.uniform(0.05, 10) * HOUR)
                        case "forbidden for good":
                            platform.forbid(channel, 1e15)
                        case "channel deleted":
                            platform.remove_channel(channel)
                        case "card deleted":
                            cards = [m for m in self.people.cards(platform, channel) if m.gone is None]
                            if cards:
                                platform.remove(cards[-1])
                        case "thread deleted" if platform.like_discord:
                            there = [p for p, state in platform.threads.items() if state == "open"]
                            there = [place for place in there if place.channel == channel]
                            if there:
                                platform.remove_thread(there[-1])

    def _end(self) -> None:
        """Let go of everything, also where something went wrong on the way."""
        for process in self.processes:
            if not process.dead:
                process.kill("at the end")
        left = list(asyncio.all_tasks(self.loop))
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.close()
        if self._side_db is not None:
            self._side_db.close()


class _Errors(logging.Handler):
    """What the program logs as an error is a fault, unless it was planned."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg in PLANNED_ERRORS and self._world.swarm.rates.get("grader fails"):
            return
        why = ""
        if record.exc_info and record.exc_info[1] is not None:
            why = "".join(traceback.format_exception(record.exc_info[1], limit=-6))
        self._world.fault(f"logged: {record.getMessage()} {why}".strip())


def _bank_of(channel: ChannelId) -> str:
    return "bank" + "".join(sign for sign in channel if sign.isalnum()).lower()


def _bank(channel: ChannelId) -> Bank:
    id = _bank_of(channel)
    questions = tuple(
        make_question(
            f"q{number}",
            id=QuestionId(f"{id}:q{number}"),
            prompt=f"Question {number}?",
            key_points=(ONE, TWO, EXTRA),
            hints=("A hint.", "Another hint."),
            difficulty=1 + number % 3,
        )
        for number in range(QUESTIONS)
    )
    return Bank(
        id=id,
        title="Simulated",
        version="1",
        language="en",
        licence="CC0",
        topics={"regularisation": "R", "training": "T"},
        questions=questions,
    )
