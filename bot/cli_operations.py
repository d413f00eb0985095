"""The commands of whoever runs the program: backups, groups, notices."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, TypeVar

import click

from bot.cli_frame import CommandGroup, database_option, faults, refuse, settings_for

if TYPE_CHECKING:
    from bot.core.model import GroupId
    from bot.core.ports import Transaction
    from bot.store import SqliteStore

T = TypeVar("T")

_yes_option: Final = click.option("--yes", is_flag=True, help="Do not ask first.")


def add_to(main: click.Group) -> None:
    """Give the program these commands."""
    for command in (backup, restore, groups, notice):
        main.add_command(command)


# --- backups ------------------------------------------------------------------------------------------------


@click.command()
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), default=None, help="Another folder for it."
)
@click.option(
    "--keep", type=click.IntRange(1), default=None, help="How many backups to keep there, the new one included."
)
@database_option
def backup(folder: Path | None, keep: int | None, database: Path | None) -> None:
    """Copy the database, also while the program runs, and check the copy."""
    import time

    from bot import runtime
    from bot.store import backups

    settings = settings_for(database)
    with faults():
        folder = folder or settings.backup_folder
        began, now = time.monotonic(), runtime.wall_clock()
        made = backups.back_up(settings.database, folder, now)
        took = time.monotonic() - began
        click.echo(f"{made.path}: {backups.in_words(made.size)} in {took:.1f} s, and it has passed its check.")
        for path in backups.remove_old(folder, settings.database.stem, keep or settings.keep_backups, now):
            click.echo(f"{path} is removed.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Another database than the settings name; it need not exist.",
)
def restore(file: Path, database: Path | None) -> None:
    """Put a backup in the place of the database, while the program is stopped. The old one is kept beside it."""
    from bot import runtime
    from bot.store import backups

    settings = settings_for(database)
    with faults():
        done = backups.restore(file, settings.database, runtime.wall_clock())
    click.echo(f"{done.database} is now what {file} holds.")
    if done.replaced is not None:
        more = "" if done.whole else " and, since it could not be folded in, its log beside it"
        click.echo(f"What was there is kept as {done.replaced}{more}; remove it once all is well.")
    click.echo(
        "What happened since the backup was made is not known: answers by form, commands, points and settings of that"
        " time are lost. What was said in threads of the latest rounds is read again at the next start, and a message"
        " that may stand already is looked for before it is sent. docs/operations.md says more."
    )


# --- groups -------------------------------------------------------------------------------------------------


@click.group(cls=CommandGroup)
def groups() -> None:
    """The groups that the program serves: look at them, block, leave or remove them."""


_group_argument = click.argument("group", metavar="ID")


@groups.command("list")
@database_option
def list_(database: Path | None) -> None:
    """List every group, one a line."""
    from bot.authoring import columns

    async def work(store: SqliteStore) -> list[tuple[str, ...]]:
        return await store.read(lambda tx: [_row(tx, group) for group in tx.groups.all()])

    found = _run(database, work)
    if not found:
        click.echo("There is no group yet.")
        return
    header = ("group", "state", "drills", "members", "rounds", "last activity")
    for line in columns([header, *found]):
        click.echo(line)


def _row(tx: Transaction, group: GroupId) -> tuple[str, ...]:
    size = tx.groups.size(group)
    latest = "never" if size.latest is None else f"{size.latest:%Y-%m-%d}"
    running = tx.groups.count_drills(group)
    return group, _state(tx, group), str(running), str(size.members), str(size.rounds), latest


def _state(tx: Transaction, group: GroupId) -> str:
    if (since := tx.groups.blocked_since(group)) is not None:
        return f"blocked since {since:%Y-%m-%d}"
    if (left := tx.groups.left_at(group)) is not None:
        return f"left on {left:%Y-%m-%d}"
    return "in use"


@groups.command()
@_group_argument
@database_option
def show(group: str, database: Path | None) -> None:
    """Show one group: its drills, how much is kept of it, until when."""
    from bot.core import groups as core
    from bot.core import retention

    def look(tx: Transaction, known: GroupId) -> list[str]:
        size, left = tx.groups.size(known), tx.groups.left_at(known)
        lines = [f"{known}: {_state(tx, known)}"]
        if known in tx.groups.to_leave():
            lines.append("It is to be left: the program does that when it runs.")
        if left is not None:
            lines.append(f"Everything of it is removed after {left + retention.GROUPS_KEPT:%Y-%m-%d}.")
        for drill in core.drills_of(tx, known):
            following = "none planned" if drill.next is None else f"{drill.next.at:%Y-%m-%d %H:%M} UTC"
            why = f" ({drill.state_reason})" if drill.state_reason else ""
            rounds = len(tx.rounds.of_channel(drill.channel))
            lines.append(f"  {drill.channel}: {drill.state}{why}, {rounds} rounds, next {following}")
        lines.append(
            f"Kept: {size.members} members, {size.rounds} rounds, {size.answers} answers with {size.characters:,}"
            f" characters, {size.points} rows of points, {size.rulings} rulings, {size.deliveries} messages,"
            f" {size.events} events."
        )
        return lines

    for line in _on_group(database, group, look):
        click.echo(line)


@groups.command()
@_group_argument
@_yes_option
@database_option
def leave(group: str, yes: bool, database: Path | None) -> None:
    """Stop a group's drills for good, and leave its Discord server; what is kept of it goes 30 days later."""
    from bot import runtime
    from bot.core import groups as core

    _confirm(f"Leave {group}? Its drills stop at once.", yes)
    _on_group(database, group, lambda tx, known: core.leave(tx, known, runtime.wall_clock()))
    click.echo(f"{group} is as good as left: its drills are off, and its data is removed in 30 days.")
    if group.startswith("discord:"):
        click.echo("The program leaves the server within seconds if it runs, else at its next start.")
    elif group.startswith("slack:"):
        click.echo("In the workspace the app stays until it is removed there: /remove @nnquestion, or uninstall it.")


@groups.command()
@_group_argument
@_yes_option
@database_option
def block(group: str, yes: bool, database: Path | None) -> None:
    """Stop a group's drills, send nothing there, and keep nothing from there, until it is unblocked."""
    from bot import runtime
    from bot.core import groups as core

    _confirm(f"Block {group}? Its open rounds are cancelled.", yes)
    stopped = _on_group(database, group, lambda tx, known: core.block(tx, known, runtime.wall_clock()), new=True)
    click.echo(f"{group} is blocked; {_drills(stopped)} off. `nnquestion groups unblock {group}` undoes it.")


@groups.command()
@_group_argument
@database_option
def unblock(group: str, database: Path | None) -> None:
    """Undo a block: the drills that it has stopped go on with their next date."""
    from bot import runtime
    from bot.core import groups as core

    def work(tx: Transaction, known: GroupId) -> int | None:
        if tx.groups.blocked_since(known) is None:
            return None
        return core.unblock(tx, known, runtime.wall_clock())

    going_on = _on_group(database, group, work)
    if going_on is None:
        refuse(f"{group} is not blocked.")
    click.echo(f"{group} is no longer blocked; {_drills(going_on)} on.")


@groups.command()
@_group_argument
@click.option("--yes", is_flag=True, help="Do not ask for the id again.")
@database_option
def purge(group: str, yes: bool, database: Path | None) -> None:
    """Remove everything that is kept of a group, at once and for good. A block stays."""

    def count(tx: Transaction, known: GroupId) -> str:
        size = tx.groups.size(known)
        return f"{size.members} members, {size.rounds} rounds and {size.answers} answers"

    held = _on_group(database, group, count)
    if not yes and click.prompt(f"This removes {held} for good. Type {group} to do it", default="") != group:
        refuse("That was another id; nothing is removed.")
    _on_group(database, group, lambda tx, known: tx.records.purge(known))
    click.echo(f"{group}: {held} are removed. Backups that were made before still hold them until they age out.")


# --- notices ------------------------------------------------------------------------------------------------


@click.command()
@click.argument("text", required=False)
@click.option(
    "--file", type=click.File(encoding="utf-8"), default=None, help="Read the text from this file; - is input."
)
@click.option("--group", default=None, help="Only to this group, by its id.")
@_yes_option
@database_option
def notice(text: str | None, file: TextIO | None, group: str | None, yes: bool, database: Path | None) -> None:
    """Tell the organizers of every group something, where they get their notes; the same text once only."""
    from bot import runtime
    from bot.core import groups as core
    from bot.core.model import GroupId

    if (text is None) == (file is None):
        refuse("Give the text itself, or a --file with it.")
    said = (text if text is not None else file.read() if file is not None else "").strip()
    if not said:
        refuse("The text is empty.")
    if len(said) > core.LONGEST_NOTICE:
        refuse(f"The text has {len(said):,} characters; a notice holds {core.LONGEST_NOTICE:,}.")
    known = GroupId(group) if group is not None else None

    async def places(store: SqliteStore) -> dict[str, str]:
        return await store.read(lambda tx: {c: d.group for c, d in core.places_for_notes(tx, known).items()})

    found = _run(database, places)
    if not found:
        refuse("There is nobody to tell: no such group has a drill." if group else "There is nobody to tell yet.")
    many = len(set(found.values()))
    _confirm(
        f"{said}\n\nSend this to the organizers of {many} group{'s' * (many != 1)}, in {_places(len(found))}?", yes
    )

    async def owe(store: SqliteStore) -> int:
        return await store.write(lambda tx: core.notice(tx, said, known, runtime.wall_clock()))

    owed = _run(database, owe)
    had = len(found) - owed
    click.echo(f"On its way to {_places(owed)}." + (f" {_places(had).capitalize()} had it before." if had else ""))


# --- what they share ----------------------------------------------------------------------------------------


def _run(database: Path | None, work: Callable[[SqliteStore], Awaitable[T]]) -> T:
    from bot import runtime

    async def opened() -> T:
        async with runtime.reading(settings_for(database)) as (store, _):
            return await work(store)

    with faults():
        return asyncio.run(opened())
    raise AssertionError("faults end the program")


def _on_group(database: Path | None, group: str, work: Callable[[Transaction, GroupId], T], *, new: bool = False) -> T:
    """Do this with a group that is known; `new` takes any that could be one."""
    from bot.core.model import GroupId

    def known(tx: Transaction) -> T:
        there = tx.groups.all()
        if group not in there and not (new and re.fullmatch(r"[a-z]+:[^/@\s]+", group)):
            raise LookupError(f"There is no group “{group}”. There is {', '.join(there) or 'none yet'}.")
        return work(tx, GroupId(group))

    try:
        return _run(database, lambda store: store.write(known))
    except LookupError as unknown:
        refuse(str(unknown.args[0]))


def _confirm(question: str, yes: bool) -> None:
    if not yes and not click.confirm(question):
        refuse("Nothing is done.", code=1)


def _drills(number: int) -> str:
    return f"{number} drill{'s are' if number != 1 else ' is'}"


def _places(number: int) -> str:
    return f"{number} channel{'s' * (number != 1)}"
