"""Builds everything from the settings, starts it, and stops it in order. The only file that sees all of it."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import logging
import re
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import tzlocal
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot import __version__, logs
from bot.adapters.terminal.demo import ZONE as DEMO_ZONE
from bot.adapters.terminal.demo import Demo, DemoRefused, FastClock, is_demo, seed_of
from bot.adapters.terminal.demo import start as demo_start
from bot.adapters.terminal.messenger import TerminalMessenger
from bot.adapters.terminal.room import Room
from bot.adapters.terminal.saving import Album
from bot.adapters.terminal.show import Show
from bot.adapters.terminal.terminal import Person, Terminal, channel_id
from bot.core import drills, grading, group_export, owing
from bot.core.card import File
from bot.core.groups import Limits
from bot.core.items import Item, Suggestion, items, suggestions
from bot.core.model import Action, Answer, Grade, GroupId, Place, Question, Round, RoundState, platform_of
from bot.core.planning import Banks
from bot.core.ports import Messenger, StoreError, Transaction
from bot.core.regrading import Change
from bot.core.schedule import TZDATA_VERSION, UnknownZone, zone
from bot.delivery import Deliverer
from bot.health import Health
from bot.lease import Lease
from bot.metrics import Metrics
from bot.nightly import Nightly
from bot.pacing import Pace
from bot.pictures import Drawer
from bot.settings import Settings, SettingsError, check_tokens, data_folder, unseen
from bot.shelf import Shelf
from bot.store import SqliteStore
from bot.studybot import StudyBot
from bot.web import Route, Web

if TYPE_CHECKING:
    import discord
    from slack_bolt.async_app import AsyncApp

    from bot.adapters.discord.client import Discord
    from bot.adapters.slack.app import Slack
    from bot.core.checkup import Finding, PlatformSeen

log = logging.getLogger(__name__)

TICK_EVERY: Final = 5
"""Seconds between two looks at the clock."""

TICKS_ANYWAY: Final = 2 * TICK_EVERY
"""Seconds after which the clock is looked at though nobody has woken the program: the alarm goes by the wall clock, and
sleeps for as long as that was set back."""

STOPS_WITHIN: Final = 6
"""Seconds that work in hand gets to finish at the end; what is left stays a row, and goes on at the next start."""

ENDS_WITHIN: Final = 9.0
"""Seconds for all of the end. Who stops a program kills it after ten, or thirty."""

COUNTS_EVERY: Final = 15.0
"""Seconds between two looks at how much waits, for the metrics."""

LEAVES_AGAIN: Final = timedelta(minutes=10)
"""After which a group is tried to be left again where that failed."""

Clock = Callable[[], datetime]
_TZDATA: Final = "tzdata version"
_HEALTH: Final = "last health check"


def wall_clock() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


class KeyPointGrader:
    """The grader of the core, off the event loop."""

    version = grading.VERSION

    async def grade(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]] = ()
    ) -> list[Grade]:
        read = readable or [()] * len(answers)
        texts = [(answer.text, before) for answer, before in zip(answers, read, strict=True)]
        return await asyncio.to_thread(lambda: [grading.grade_answer(question, text, before) for text, before in texts])


@dataclass(slots=True, kw_only=True)
class Program:
    """Everything, assembled. `build` makes it; nothing runs and no file is touched before `start`."""

    settings: Settings
    store: SqliteStore
    bot: StudyBot
    deliverer: Deliverer
    clock: Clock
    shelf: Shelf
    lease: Lease
    drawer: Drawer
    room: Room | None = None
    terminal: Terminal | None = None
    discord_adapter: Discord | None = None
    slack_adapter: Slack | None = None
    web: Web | None = None
    metrics: Metrics
    health: Health
    woken: asyncio.Event
    nightly: Nightly | None = None
    _leaves_from: datetime | None = None
    _ticking: contextlib.AbstractAsyncContextManager[None] | None = None
    _is_open: bool = False
    _leads: bool | None = None

    @property
    def discord(self) -> discord.Client:
        """The connection to Discord. Started by itself, it brings up and takes down all the rest with it."""
        if self.discord_adapter is None:
            raise LookupError("Discord is not among the platforms; set DISCORD_TOKEN")
        return self.discord_adapter.client

    @property
    def slack(self) -> AsyncApp:
        """The Bolt app. Whatever it is handed first brings up all the rest; `end` takes that down."""
        if self.slack_adapter is None:
            raise LookupError("Slack is not among the platforms; set SLACK_BOT_TOKEN")
        return self.slack_adapter.app

    async def start(self) -> None:
        """Open the files and take over what an earlier run left; once. Raises StoreError or RoomError."""
        if self._is_open:
            return
        self.store.open()
        self._is_open = True
        if self.room is not None:
            self.room.open()
        now = self.clock()
        await self.store.write(lambda tx: _follow_time_zones(tx, now))
        if self.terminal is not None:
            await self.terminal.check()
        if self.discord_adapter is not None:
            await self.discord_adapter.gaps.hold()
        if self.slack_adapter is not None:
            await self.slack_adapter.gaps.hold()
        if await self.leads() and await self.store.read(lambda tx: owing.is_fresh(tx, now)):
            # Rounds that the lost database has opened are opened before the platforms are: their threads are read then.
            await self.bot.tick(now)

    async def leads(self) -> bool:
        """Whether this copy ticks and sends; before it does it takes over what another has left. Raises StoreError."""
        led, leads = self._leads, self.lease.take()
        if leads and not led:
            if self.store.was_replaced():
                raise StoreError(
                    f"{self.store.path}: another file was put in its place meanwhile; start this program anew"
                )
            left = await self.deliverer.recover()
            if left:
                log.info("%d messages were on their way when the last run ended; looking for them first", left)
        if led is not leads and (not leads or led is not None):
            log.info("ticking and sending from now on" if leads else "another copy ticks and sends; standing by")
        self._leads = leads
        return leads

    async def turn(self) -> None:
        """Look at the clock, do what is due, and send what is owed, unless another copy does."""
        if await self.leads():
            await self.tick()
            await self.send()

    async def send(self) -> None:
        """Send what is owed, unless another copy does."""
        if self._leads:
            await self.deliverer.send_due(self.clock())

    async def tick(self) -> None:
        """Do what is due."""
        now = self.clock()
        await self.bot.tick(now)
        if self.slack_adapter is not None:
            await self.slack_adapter.work_off()
        self.metrics.ticked(now)
        self.health.ticked()

    async def count(self) -> None:
        """Look how much waits, and what is ready, for the metrics."""
        events, owed = await self.store.read(lambda tx: (tx.events.count_waiting(), tx.deliveries.count_waiting()))
        self.metrics.counted(events, owed)
        self.metrics.leads(self.lease.held)
        self.metrics.readied({name: part.is_well for name, part in (await self.health.parts()).items()})

    async def turn_or_fail(self) -> None:
        """A turn after which nothing may be left to send, for a room that has no other reader. Raises StoreError."""
        await self.turn()
        unfinished = await self.store.read(lambda tx: tx.deliveries.unfinished())
        left = [delivery for delivery in unfinished if delivery.action is not Action.LOOK]
        if left:
            raise StoreError(left[0].note or f"{left[0].key} could not be sent")

    async def aside(self) -> None:
        """What need not be done at once: leave groups that are to be left, and make the day's backup."""
        now = self.clock()
        if self._leaves_from is None or not now < self._leaves_from <= now + LEAVES_AGAIN:
            self._leaves_from = None
            await self._leave_groups(now)
        if self.nightly is not None:
            await self.nightly.look()

    async def _leave_groups(self, now: datetime) -> None:
        for group in await self.bot.to_leave():
            if platform_of(group) == "discord" and self.discord_adapter is not None:
                if not await self.discord_adapter.leave(group):
                    self._leaves_from = now + LEAVES_AGAIN
                    continue
                log.info("left %s", group)
            await self.bot.has_left(group)

    async def begin(self) -> None:
        """Start, and look at the clock from now on; once, whoever comes first."""
        await self.start()
        if self._ticking is None:
            self._ticking = alarm(self)
            await self._ticking.__aenter__()

    async def end(self) -> None:
        """Undo `begin`: finish what is in hand, then let go of everything."""
        if self._ticking is not None:
            ticking, self._ticking = self._ticking, None
            await ticking.__aexit__(None, None, None)
        if self.slack_adapter is not None:
            await self.slack_adapter.close()
        await self.stop()

    async def stop(self) -> None:
        """Let go of everything that `start` opened, whether all of it is open or not."""
        self._is_open, self._leads = False, None
        self.drawer.close()
        try:
            await self.store.close()
        finally:
            self.lease.release()
            if self.room is not None:
                self.room.close()


def build(
    settings: Settings,
    clock: Clock = wall_clock,
    *,
    saves: Path | None = None,
    paces: Mapping[str, Pace] | None = None,
) -> Program:
    """Assemble the program. Needs no loop, token, network or clock; reads the banks, and raises BankError.

    The terminal's pictures are saved in the folder `saves`, if there is one. `paces` by platform stand for those of the
    settings; a platform that is not among them is asked as fast as can be.
    """
    shelf = Shelf(settings.banks)
    shelf.load()
    metrics = Metrics(settings.platforms)
    store = SqliteStore(settings.database, copies=settings.backup_folder, wrote=metrics.wrote)
    messengers: dict[str, Messenger] = {}
    troubles: dict[str, Callable[[], Awaitable[str]]] = {}
    routes: list[Route] = []
    woken = asyncio.Event()
    bot = StudyBot(
        store,
        KeyPointGrader(),
        lambda: shelf.banks,
        owed=woken.set,
        keep_answers=settings.keep_answers,
        watch=metrics,
        limits=Limits(channels=settings.limit_channels, extra=settings.limit_extra),
    )
    drawer = Drawer()
    room = terminal = discord_adapter = slack_adapter = None
    if "terminal" in settings.platforms:
        room = Room(settings.database.with_name(settings.database.name + ".room.jsonl"))
        album = Album(saves, drawer.drawn)
        messengers["terminal"] = TerminalMessenger(room, clock, album)
        terminal = Terminal(room, bot, clock, album)
    if "discord" in settings.platforms:
        from bot.adapters.discord import client as of_discord  # It takes a second to load, and not all need it.
        from bot.adapters.discord import connection

        connection.point(settings.discord_api_url, settings.discord_gateway_url)
        discord_adapter = of_discord.Discord(
            bot,
            clock,
            lambda: shelf.banks,
            drawer.drawn,
            test_guild=settings.discord_test_guild,
            # Told where the gateway is, the client does not ask, and then does not know how many shards it needs.
            shard_count=1 if settings.discord_gateway_url else None,
            starting=lambda: program.begin(),
            ending=lambda: program.end(),
            watch=metrics.of("discord"),
        )
        troubles["discord"] = discord_adapter.trouble
        messengers["discord"] = discord_adapter.messenger
    if "slack" in settings.platforms:
        from bot.adapters.slack.app import Slack

        with unseen("SLACK_"):  # Bolt would warn of tokens that it finds there, or become another kind of app.
            slack_adapter = Slack(
                bot,
                clock,
                lambda: shelf.banks,
                drawer.drawn,
                bot_token=settings.slack_bot_token,
                app_token=settings.slack_app_token,
                signing_secret=settings.slack_signing_secret,
                api_url=settings.slack_api_url,
                starting=lambda: program.begin(),
                watch=metrics.of("slack"),
            )
        messengers["slack"] = slack_adapter.messenger
        troubles["slack"] = slack_adapter.trouble
        routes += slack_adapter.routes()

    async def write_something() -> None:
        now = clock()
        await store.write(lambda tx: tx.facts.set(_HEALTH, now.isoformat()))

    health = Health(write_something, troubles, leads=lambda: program.lease.held, measured=metrics.text)
    web = Web(*settings.web, [*routes, *health.routes()]) if settings.web is not None else None
    program = Program(
        settings=settings,
        store=store,
        bot=bot,
        deliverer=Deliverer(
            store, messengers, clock, paces=paces_of(settings) if paces is None else paces, watch=metrics
        ),
        clock=clock,
        shelf=shelf,
        lease=Lease(settings.database),
        drawer=drawer,
        room=room,
        terminal=terminal,
        discord_adapter=discord_adapter,
        slack_adapter=slack_adapter,
        web=web,
        metrics=metrics,
        health=health,
        woken=woken,
    )
    return program


def paces_of(settings: Settings) -> dict[str, Pace]:
    """How fast each platform may be asked.

    Discord takes 50 requests a second from a bot, all in all; what is left is for reactions and commands. Slack takes
    one message a second in a channel. https://docs.slack.dev/apis/web-api/rate-limits/
    """
    return {
        "discord": Pace(settings.discord_per_second),
        "slack": Pace(settings.slack_per_second, channel_every=1.0),
    }


async def run_platforms(settings: Settings) -> None:
    """Run the platforms of the settings on the real clock until SIGINT or SIGTERM, then stop in order."""
    check_tokens(settings)
    logs.watch(asyncio.get_running_loop())
    program = build(settings)
    if settings.backs_up:
        made = program.metrics.backed_up
        keep = settings.keep_backups
        program.nightly = Nightly(settings.database, settings.backup_folder, keep, program.clock, made)
    connecting: dict[str, asyncio.Task[None]] = {}
    beside: list[asyncio.Task[None]] = []
    try:
        await program.start()
        if program.room is not None:
            program.room.watch(Show(_local_zone()).changed)
        if program.terminal is not None:
            await program.terminal.catch_up()
        stopping = asyncio.create_task(_stop_signals().wait())
        await program.begin()
        log.info("running %s on %s (nnquestion %s)", ", ".join(settings.platforms), settings.database, __version__)
        if program.room is not None and not await program.store.read(lambda tx: tx.drills.all()):
            log.info("no drill yet: `nnquestion chat --database %s` sets one up", settings.database)
        if program.web is not None and program.slack_adapter is not None and program.slack_adapter.routes():
            await program.web.start()  # Without an address Slack cannot be heard.
        elif program.web is not None:
            beside.append(asyncio.create_task(program.web.start_at_last()))
        beside.append(asyncio.create_task(_count(program)))
        if program.discord_adapter is not None:
            connecting["discord"] = asyncio.create_task(program.discord_adapter.run(settings.discord_token))
        if program.slack_adapter is not None:
            connecting["slack"] = asyncio.create_task(program.slack_adapter.run())
        await _stopped_or_all_ended(stopping, connecting, alone=program.room is None)
        log.info("stopping: finishing what is in hand")
    finally:
        program.deliverer.stop()
        try:
            async with asyncio.timeout(ENDS_WITHIN):
                await _end(program, connecting, beside)
        except TimeoutError:
            log.warning("not all that was in hand could be finished in time; it goes on at the next start")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(program.stop(), 0.5)
    log.info("stopped")


async def _end(
    program: Program, connecting: Mapping[str, asyncio.Task[None]], beside: list[asyncio.Task[None]]
) -> None:
    """Take nothing more in, finish what is in hand, let go of everything."""
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    if program.web is not None:
        await program.web.stop()
    for task in connecting.values():
        task.cancel()
    await asyncio.gather(*connecting.values(), return_exceptions=True)
    if program.discord_adapter is not None:
        await program.discord_adapter.close()
    await program.end()


async def _stopped_or_all_ended(
    stopping: asyncio.Task[bool], connecting: Mapping[str, asyncio.Task[None]], *, alone: bool
) -> None:
    """Wait for a signal. One platform that ends for good leaves the others running; raises what the last one raises.

    `alone`: nothing else is left to run once all of these have ended.
    """
    running = dict(connecting)
    while not stopping.done():
        await asyncio.wait({stopping, *running.values()}, return_when=asyncio.FIRST_COMPLETED)
        for platform, task in [(platform, task) for platform, task in running.items() if task.done()]:
            del running[platform]
            fault = task.exception()
            if not running and alone:
                stopping.cancel()
                if fault is not None:
                    raise fault
                return
            log.error("%s has ended: %s. The rest goes on without it.", platform, fault or "its connection was closed")


async def _count(program: Program) -> None:
    while True:
        try:
            await program.count()
        except StoreError as problem:
            log.warning("what waits could not be counted: %s", problem)
        except Exception:
            log.exception("what waits could not be counted")
        await asyncio.sleep(COUNTS_EVERY)


async def look_over(settings: Settings, *, online: bool, clock: Clock = wall_clock) -> list[Finding]:
    """How all of it is, beside the program that may be running; `online`: also what the platforms tell."""
    from bot import checkup  # Only doctor and init need it.

    return await checkup.over(settings, clock, online=online)


async def ask_platforms(settings: Settings, clock: Clock = wall_clock) -> list[PlatformSeen]:
    """How the bot's accounts stand with the platforms of the settings, without a look at any channel."""
    from bot import checkup

    return await checkup.platforms(settings, (), clock)


async def regrade(
    settings: Settings,
    *,
    channel: str | None,
    round_id: str | None,
    since: date | None,
    keep: bool,
    done: Callable[[int, int], None],
) -> AsyncIterator[tuple[Round, int, list[Change]]]:
    """For each revealed round of a database that this concerns: its answers, and what grading them anew changes."""
    async with reading(settings) as (store, bot):
        rounds = await store.read(
            lambda tx: [
                round_
                for round_ in _revealed(tx)
                if channel in (None, round_.channel)
                and round_id in (None, round_.id)
                and (since is None or round_.local_date >= since)
            ]
        )
        for number, round_ in enumerate(rounds, start=1):
            done(number, len(rounds))
            changes = await bot.grade_anew(round_.id, wall_clock(), keep=keep)
            yield round_, len(await bot.answers_in(round_.id)), changes


async def rebuild(settings: Settings) -> int:
    """Count all boards of a database anew from its ledger; returns how many of their rows were wrong."""
    async with reading(settings) as (store, _):
        return await store.write(lambda tx: tx.ledger.recount())


async def question_items(settings: Settings, *, group: str | None) -> list[Item]:
    """What the answers in a database tell about its questions."""
    async with reading(settings) as (store, _):
        return await store.read(
            lambda tx: items(tx, [round_ for round_ in _revealed(tx) if group in (None, round_.group)])
        )


async def bank_suggestions(settings: Settings, banks: Banks) -> list[Suggestion]:
    """What members would have had key points say, from a database."""
    async with reading(settings) as (store, _):
        return await store.read(lambda tx: suggestions(tx, tx.objections.ended(), banks))


async def export_group(settings: Settings, *, group: str) -> tuple[File, ...]:
    """A group's boards and shared answers. Raises SettingsError where the database knows no such group."""
    async with reading(settings) as (store, _):
        known = await store.read(group_export.groups)
        if group not in known:
            there = f"there is {', '.join(known)}" if known else "there is none yet"
            raise SettingsError((f"{settings.database}: there is no group “{group}” in it; {there}",))
        return await store.read(lambda tx: group_export.files(tx, GroupId(group), wall_clock().date()))


def _revealed(tx: Transaction) -> list[Round]:
    """Every revealed round, by channel, the first first."""
    channels = [drill.channel for drill in tx.drills.all()]
    return [
        round_
        for channel in channels
        for round_ in tx.rounds.of_channel(channel)[::-1]
        if round_.state is RoundState.REVEALED
    ]


@contextlib.asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[tuple[SqliteStore, StudyBot]]:
    """A database that is there already, beside the program that may be running on it."""
    if not settings.database.exists():
        raise SettingsError((f"{settings.database}: there is no such database; NNQUESTION_DATABASE names another",))
    store = SqliteStore(settings.database, copies=settings.backup_folder)
    store.open()
    try:
        yield store, StudyBot(store, KeyPointGrader(), lambda: {})
    finally:
        await store.close()


async def play_demo(
    settings: Settings, *, days: int, seed: int | None, database: Path | None, saves: Path | None
) -> None:
    """Play the demo; without a database in a folder that is gone afterwards. Pictures go into `saves`."""
    with tempfile.TemporaryDirectory(prefix="nnquestion-") if database is None else contextlib.nullcontext() as folder:
        path = Path(folder) / "demo.db" if folder is not None else database
        assert path is not None
        clock = FastClock(demo_start())
        program = build(_room_of_its_own(settings, path), clock, saves=saves)
        assert program.room is not None
        assert program.terminal is not None
        async with _started(program):
            waits = await program.store.read(lambda tx: tx.deliveries.next_try())
            if waits is not None:  # A clock that nobody moves would never come to the next try.
                clock.move_to(waits)
            demo = Demo(
                terminal=program.terminal,
                bot=program.bot,
                clock=clock,
                turn=program.turn_or_fail,
                show=Show(DEMO_ZONE),
                seed=seed_of(program.room, seed),
                days=days,
            )
            if await _until_stopped(demo.play()):
                return
            kept = "The same command goes on from here." if database else "To go on later, give it a --database FILE."
            demo.show.line(f"Stopped. {kept}")


async def sit_in_chat(settings: Settings, *, name: str | None, database: Path | None, saves: Path | None) -> None:
    """The room with the person at the keyboard in it, until they leave. Pictures go into `saves`."""
    from bot.adapters.terminal.chat import Chat  # With what it takes to edit lines, which nobody else needs.

    folder = data_folder()
    program = build(_room_of_its_own(settings, database or folder / "chat.db"), saves=saves)
    assert program.terminal is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        to_file = logs.handler(settings.log, settings.secrets, folder / "chat.log")
        logging.basicConfig(level=logging.INFO, handlers=[to_file])
    except OSError as problem:
        why = f"{folder}: cannot be written ({problem.strerror}); chat keeps its history and log there"
        raise SettingsError((why,)) from problem
    async with _started(program):
        if program.room is not None and is_demo(program.room):
            raise DemoRefused("this database holds a demo, not a chat; choose another --database")
        questions = [question for bank in program.shelf.banks.values() for question in bank.questions]
        sitting = Chat(
            terminal=program.terminal,
            me=Person(_plain_name(name or _login()), organizer=True),
            clock=program.clock,
            zone_name=_local_zone(),
            topics=tuple(sorted({topic for question in questions for topic in question.topics})),
            questions=tuple(question.slug for question in questions),
            history=folder / "history",
            exports=folder / "exports",
            place=Place(channel=channel_id("general")),
        )
        await program.terminal.catch_up()
        async with alarm(program):
            await _until_stopped(sitting.sit())


@contextlib.asynccontextmanager
async def _started(program: Program) -> AsyncIterator[None]:
    try:
        await program.start()
        yield
    finally:
        await program.stop()


async def _until_stopped(work: Coroutine[object, object, None]) -> bool:
    """Run this until it ends (True), or SIGINT or SIGTERM comes (False). What it was about to do stays a row."""
    task = asyncio.create_task(work)
    stopping = asyncio.create_task(_stop_signals().wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        await task
        return True
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return False


def _stop_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers on its loop.
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


def _room_of_its_own(settings: Settings, database: Path) -> Settings:
    return replace(settings, database=database, platforms=("terminal",))


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "you"


def _plain_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.strip()).strip("-").lower() or "you"


def _local_zone() -> str:
    name = tzlocal.get_localzone_name()
    try:
        return zone(name).key
    except UnknownZone:
        return "UTC"


@contextlib.asynccontextmanager
async def alarm(program: Program) -> AsyncIterator[None]:
    """Tick every few seconds, and at once when woken; send beside it. At the end what is in hand finishes.

    A platform that hangs holds up its own messages and nobody's close, grade or reveal; a backup holds up nothing.
    """
    over, owed, aside = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def tick() -> None:
        try:
            await asyncio.to_thread(program.shelf.refresh)
            if await program.leads():
                aside.set()
                await program.tick()
        finally:
            owed.set()  # Whatever became of it, what is owed is sent.

    working = [
        asyncio.create_task(_whenever(program.woken, over, tick, anyway=TICKS_ANYWAY)),
        asyncio.create_task(_whenever(owed, over, program.send)),
        asyncio.create_task(_whenever(aside, over, program.aside)),
    ]
    # The job only wakes the tasks above: APScheduler cancels running jobs at its shutdown and cannot wait for them.
    scheduler = AsyncIOScheduler(
        timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
    )

    async def wake() -> None:
        program.woken.set()
        owed.set()

    scheduler.add_job(wake, "interval", seconds=TICK_EVERY)
    scheduler.start()
    program.woken.set()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
        over.set()
        program.deliverer.stop()
        if program.nightly is not None:
            program.nightly.stop()
        for event in (program.woken, owed, aside):
            event.set()
        _, late = await asyncio.wait(working, timeout=STOPS_WITHIN)
        for task in late:
            log.warning("stopped in the middle of a turn; it goes on at the next start")
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _whenever(
    woken: asyncio.Event, over: asyncio.Event, work: Callable[[], Awaitable[None]], *, anyway: float | None = None
) -> None:
    """Do this whenever it is woken until it is over, and `anyway` after so many seconds without."""
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(anyway):
                await woken.wait()
        woken.clear()
        if over.is_set():
            return
        try:
            await work()
        except StoreError as problem:
            log.error("%s", problem)
        except Exception:
            log.exception("that failed; trying again")


def _follow_time_zones(tx: Transaction, now: datetime) -> None:
    if tx.facts.get(_TZDATA) not in (None, TZDATA_VERSION):
        moved = drills.recompute_openings(tx, now)
        log.info("time-zone rules changed to %s; %d openings moved", TZDATA_VERSION, moved)
    tx.facts.set(_TZDATA, TZDATA_VERSION)
