"""Looking over machine, database, banks and platforms, beside whatever runs. It changes nothing and decides nothing."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.core import checkup
from bot.core.bank import BankError
from bot.core.checkup import Finding, PlatformSeen
from bot.core.model import Delivery, Drill, platform_of
from bot.core.planning import Banks
from bot.core.ports import StoreError, Transaction
from bot.core.schedule import TZDATA_VERSION
from bot.lease import Lease
from bot.settings import Settings, SettingsError, check_tokens
from bot.shelf import Shelf
from bot.store import backups, inspection

log = logging.getLogger(__name__)

ALL_WITHIN: Final = 300
"""Seconds for all that is asked of a platform."""

_MOUNTS: Final = Path("/proc/self/mounts")
_NETWORKED: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs"}
)
"""File systems that are on other machines, as Linux calls them."""


def machine(settings: Settings, now: datetime) -> list[Finding]:
    """The clock, time-zone rules, Python, and the disk."""
    folder, database = _there(settings.database.parent), settings.database
    size = database.stat().st_size if database.is_file() else 0
    return [
        *checkup.of_time_zones(TZDATA_VERSION, now),
        checkup.of_python(sys.version_info[:3], now.date()),
        checkup.of_disk(str(folder), shutil.disk_usage(folder).free, size),
    ]


def database(settings: Settings, banks: Banks, now: datetime) -> tuple[list[Finding], list[Drill]]:
    """The database, who runs on it, and what is in it: drills, and messages that wait. The drills, too."""
    path = settings.database
    seen = inspection.inspect(path, network_of(path))
    found = checkup.of_database(seen)
    if seen.exists and not seen.refused:
        found.append(checkup.of_lease(str(path), Lease(path).runs_elsewhere()))
    if not seen.exists or seen.refused or seen.pending or not seen.size:
        return found, []  # Tables of another version might be read wrongly.
    try:
        drills, waiting, dropped = inspection.read(path, _kept)
    except StoreError as error:
        said, _, remedy = str(error).rpartition("; ")
        return [*found, checkup.fault("database", str(path), said or remedy, remedy)], []
    if not drills:
        found.append(checkup.ok("drill", "all", "there is none yet; /nnquestion setup makes one in its channel"))
    for drill in drills:
        found += checkup.of_drill(drill, banks, now)
    return [*found, *checkup.of_deliveries(waiting, dropped, now), *_backups(settings, now)], drills


def _backups(settings: Settings, now: datetime) -> list[Finding]:
    """How old the last copy is, and whether there is room for the next one where that is another disk."""
    folder = settings.backup_folder
    try:
        latest = backups.latest(folder, settings.database.stem)
    except OSError as error:
        remedy = "let this user read the folder, or name another one with NNQUESTION_BACKUPS"
        return [checkup.fault("backup", str(folder), f"it cannot be read ({error.strerror})", remedy)]
    found = [checkup.of_backups(str(folder), latest, now, nightly=settings.backs_up)]
    there = _there(folder)
    if there.stat().st_dev != _there(settings.database.parent).stat().st_dev:
        size = settings.database.stat().st_size
        found.append(checkup.of_disk(str(there), shutil.disk_usage(there).free, size))
    return found


def _kept(tx: Transaction) -> tuple[list[Drill], list[Delivery], list[Delivery]]:
    return tx.drills.all(), tx.deliveries.unfinished(), tx.deliveries.dropped()


def banks(settings: Settings) -> tuple[list[Finding], Banks]:
    """The banks, or what is wrong with them, as far as reading them tells."""
    shelf = Shelf(settings.banks)
    try:
        shelf.load()
    except BankError as error:
        where = ", ".join(map(str, settings.banks))
        return [checkup.of_broken_banks(where, [str(problem) for problem in error.problems])], {}
    return checkup.of_banks(shelf.banks), shelf.banks


def network_of(path: Path, mounts: Path = _MOUNTS) -> str:
    """The network file system that a path is on; empty where it is on none, or that cannot be told."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # Only Linux tells so.
        return ""
    return _network(path.absolute().resolve(), [line.split(" ") for line in lines])


def _network(path: Path, mounted: Sequence[Sequence[str]]) -> str:
    """The kind of the mount that is nearest above a path, the last of several there, where it is a networked one."""
    best, kind = -1, ""
    for _, where, of, *_ in (entry for entry in mounted if len(entry) > 2):
        # Blanks and the like are written as \040.
        at = Path(where.encode().decode("unicode_escape") if "\\" in where else where)
        if path.is_relative_to(at) and len(at.parts) >= best:
            best, kind = len(at.parts), of
    return kind if kind in _NETWORKED else ""


def _there(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())


# --- platforms ----------------------------------------------------------------------------------------------


async def platforms(
    settings: Settings, drills: Sequence[Drill], clock: Callable[[], datetime], *, within: float = 10.0
) -> list[PlatformSeen]:
    """The platforms that the settings name, as the bot's accounts see them. What ails one leaves the others be.

    Each request takes at most `within` seconds.
    """
    asked: dict[str, Coroutine[object, object, PlatformSeen]] = {}
    if "discord" in settings.platforms and settings.discord_token:
        asked["discord"] = _discord(settings, drills, clock, within)
    if "slack" in settings.platforms and settings.slack_bot_token:
        asked["slack"] = _slack(settings, drills, clock, within)
    limited = [asyncio.wait_for(one, ALL_WITHIN) for one in asked.values()]
    seen = []
    for platform, told in zip(asked, await asyncio.gather(*limited, return_exceptions=True), strict=True):
        if isinstance(told, PlatformSeen):
            seen.append(told)
        elif isinstance(told, TimeoutError):
            seen.append(PlatformSeen(platform=platform, troubles=(f"it took more than {ALL_WITHIN} s",)))
        elif isinstance(told, Exception):
            log.error("%s could not be looked at", platform, exc_info=told)
            seen.append(PlatformSeen(platform=platform, troubles=(f"its answers make no sense ({told!r:.200})",)))
        else:
            raise told
    return seen


async def _discord(
    settings: Settings, drills: Sequence[Drill], clock: Callable[[], datetime], within: float
) -> PlatformSeen:
    from bot.adapters.discord import checkup as of_discord  # It takes a second to load, and not all need it.

    return await of_discord.look(
        settings.discord_token,
        api=settings.discord_api_url,
        within=within,
        clock=clock,
        wanted=checkup.wanted(drills, "discord"),
    )


async def _slack(
    settings: Settings, drills: Sequence[Drill], clock: Callable[[], datetime], within: float
) -> PlatformSeen:
    from bot.adapters.slack import checkup as of_slack

    return await of_slack.look(
        settings.slack_bot_token,
        settings.slack_app_token,
        api=settings.slack_api_url,
        within=within,
        clock=clock,
        wanted=checkup.wanted(drills, "slack"),
    )


async def over(
    settings: Settings, clock: Callable[[], datetime], *, online: bool, within: float = 10.0
) -> list[Finding]:
    """Everything that can be looked at; `online`: also what the platforms tell."""
    now = clock()
    of_banks, read = banks(settings)
    of_database, drills = database(settings, read, now)
    found = [*_settings(settings), *machine(settings, now), *of_banks, *of_database]
    if online:
        for seen in await platforms(settings, drills, clock, within=within):
            found += checkup.of_platform(seen, [d for d in drills if platform_of(d.channel) == seen.platform])
    return found


def _settings(settings: Settings) -> list[Finding]:
    if not settings.platforms:
        remedy = "`nnquestion init` sets one up; NNQUESTION_PLATFORMS=terminal needs no account"
        return [checkup.fault("settings", "platforms", "none is set up", remedy)]
    try:
        check_tokens(settings)
    except SettingsError as error:
        found = []
        for problem in error.problems:
            said, _, remedy = problem.partition("; ") if "; " in problem else problem.partition(": ")
            found.append(checkup.fault("settings", problem.partition(" ")[0], said, remedy))
        return found
    return [checkup.ok("settings", "platforms", ", ".join(settings.platforms))]
