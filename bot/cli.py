"""The commands of the program. Each imports what it needs when it runs, so that starting stays quick."""

from __future__ import annotations

import difflib
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bot import __version__, cli_operations, cli_setup
from bot.cli_frame import CommandGroup as _Group
from bot.cli_frame import database_option as _database_option
from bot.cli_frame import faults as _faults
from bot.cli_frame import read_settings as _settings
from bot.cli_frame import refuse as _refuse
from bot.cli_frame import settings_for as _settings_for

if TYPE_CHECKING:
    from datetime import datetime

    from bot.core.model import Bank


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nnquestion")
def main() -> None:
    """A neural-network interview question a day, for study groups in Discord, Slack and the terminal."""
    _write_any_sign()


_pictures_option = click.option(
    "--pictures",
    "saves",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Draw the pictures, too, and save them in this folder.",
)


def _make(folder: Path | None) -> None:
    """A folder that cannot be made is told of at once, and not when the first file is to go into it."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)


@main.command()
@click.option("--days", type=click.IntRange(1, 366), default=5, show_default=True, help="How many days to play.")
@click.option("--seed", type=click.IntRange(0), default=None, help="Another seed, another week. The first is 1.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Keep the run in this file, its pictures beside it, and go on where it stopped.",
)
@_pictures_option
def demo(days: int, seed: int | None, database: Path | None, saves: Path | None) -> None:
    """Watch days of study in a simulated group, on a fast clock."""
    import asyncio

    from bot import runtime

    with _faults():
        _make(saves)
        if saves is None and database is not None:
            saves = Path(f"{database}.pictures")  # Made once there is one: the first comes with the second week.
        asyncio.run(runtime.play_demo(_settings(), days=days, seed=seed, database=database, saves=saves))


@main.command()
@click.option("--name", default=None, help="Your name in the room; default your login's.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Keep the room in this file; default in your data folder.",
)
@_pictures_option
def chat(name: str | None, database: Path | None, saves: Path | None) -> None:
    """Sit down in the room yourself, on the real clock."""
    import asyncio

    from bot import runtime

    with _faults():
        _make(saves)
        asyncio.run(runtime.sit_in_chat(_settings(), name=name, database=database, saves=saves))


@main.command()
def run() -> None:
    """Start the platforms named in the settings, until stopped."""
    import asyncio

    from bot import logs, runtime

    settings = _settings()
    if not settings.platforms:
        _refuse(
            "No platform is set up. Set DISCORD_TOKEN for Discord, SLACK_BOT_TOKEN and SLACK_APP_TOKEN for Slack\n"
            "(docs/discord.md, docs/slack.md say how to get them), or NNQUESTION_PLATFORMS=terminal for a room here.\n"
            "Without any account: `nnquestion chat` to answer yourself, `nnquestion demo` to watch a group."
        )
    logs.begin(settings.log, settings.log_level, settings.secrets)
    with _faults():
        asyncio.run(runtime.run_platforms(settings))


@main.command()
@click.option("--channel", default=None, help="Only rounds of this channel, by its id.")
@click.option("--round", "round_id", default=None, help="Only this round, by its id.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Only rounds of this date and later.")
@click.option("--apply", is_flag=True, help="Keep the new grades and pay what they change. Without it nothing changes.")
@_database_option
def regrade(
    channel: str | None, round_id: str | None, since: datetime | None, apply: bool, database: Path | None
) -> None:
    """Grade revealed rounds anew with this version, and show what that changes; what people ruled stands."""
    import asyncio

    from bot import runtime
    from bot.core.regrading import in_words

    async def work() -> None:
        rounds = answers = changed = moved = points = 0
        with _progress("grading") as done:
            on = since.date() if since is not None else None
            found = runtime.regrade(
                _settings_for(database), channel=channel, round_id=round_id, since=on, keep=apply, done=done
            )
            async for round_, given, changes in found:
                rounds, answers = rounds + 1, answers + given
                matter = [change for change in changes if change.matters]
                changed, moved = changed + len(matter), moved + len(changes) - len(matter)
                points += sum(change.pays - change.paid for change in matter)
                if matter:
                    click.echo(f"{round_.id}  {round_.question.prompt}")
                for change in matter:
                    click.echo(f"  {in_words(change)}")
        verdicts = f"{changed} verdict{'s' * (changed != 1)}"
        click.echo(f"{rounds} rounds with {answers} answers: {verdicts} and {moved} scores, {points:+d} points.")
        if changed + moved:
            click.echo("Kept." if apply else "Nothing is changed yet; --apply keeps it.")

    with _faults():
        asyncio.run(work())


@main.command()
@_database_option
def rebuild(database: Path | None) -> None:
    """Count all boards anew from the ledger. They are kept with each of its rows, so nothing should be wrong."""
    import asyncio

    from bot import runtime

    with _faults():
        wrong = asyncio.run(runtime.rebuild(_settings_for(database)))
    if wrong:
        click.echo(f"{wrong} row{'s' * (wrong != 1)} of boards {'were' if wrong != 1 else 'was'} wrong, and right now.")
    else:
        click.echo("Counted anew: every board was right.")


@main.command("export")
@click.option("--group", required=True, help="The group, by its id, such as discord:1234 or slack:T1234.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="A folder to write to.")
@_database_option
def export_group(group: str, out: Path, database: Path | None) -> None:
    """Write a group's boards, and the answers that its members agreed to share, as CSV and JSON files."""
    import asyncio

    from bot import runtime

    with _faults():
        files = asyncio.run(runtime.export_group(_settings_for(database), group=group))
        there = [str(out / file.name) for file in files if (out / file.name).exists()]
        if there:
            _refuse(f"{', '.join(there)}: there already; choose another folder, or remove what is in this one.")
        out.mkdir(parents=True, exist_ok=True)
        for file in files:
            _write(file.text, out / file.name, "utf-8-sig" if file.name.endswith(".csv") else "utf-8")


@main.group(cls=_Group)
def bank() -> None:
    """For authors: check banks of questions, look at them, bring them in and out."""


_FILE: Final = click.Path(exists=True, path_type=Path)
_banks_option = click.option(
    "--bank", "paths", multiple=True, type=_FILE, help="Another file or folder than the settings name; may be repeated."
)


@bank.command()
@click.argument("paths", metavar="[FILE]...", nargs=-1, type=_FILE)
@click.option("--profile", default=None, help="Rules to hold them to, too: nnquestion, or none.")
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@click.option("--notes", is_flag=True, help="Show notes, too: exemplars that the grader sees otherwise.")
def check(paths: tuple[Path, ...], profile: str | None, strict: bool, notes: bool) -> None:
    """Hold banks to the rules, and tell every problem at once; exit 1 if there is one."""
    from bot import authoring
    from bot.core.bank import Severity
    from bot.core.shown import clean

    failed, first = False, dict[str, str]()
    for file in _bank_files(paths):
        with _faults(), _progress(f"trying the questions of {file}") as done:
            checked = authoring.check(file, profile, done)
        for problem in checked.problems:
            if notes or problem.severity is not Severity.NOTE:
                click.echo(clean(str(problem)))
        if checked.bank and (other := first.setdefault(checked.bank, checked.file)) != checked.file:
            click.echo(f"{checked.file}:1: “{checked.bank}” is the id of the bank in {other}, too; choose another")
            failed = True
        for line in checked.summary(notes=notes):
            click.echo(line)
        failed |= checked.count(Severity.ERROR) > 0 or (strict and checked.count(Severity.WARNING) > 0)
    sys.exit(1 if failed else 0)


@bank.command()
@click.argument("wanted", metavar="ID")
@click.option("--as", "platform", type=click.Choice(["terminal", "discord", "slack"]), default="terminal")
@_banks_option
def show(wanted: str, platform: str, paths: tuple[Path, ...]) -> None:
    """Show a question as members see it: the card, the hints, the reveal with its exemplars for answers."""
    from bot import authoring
    from bot.adapters.terminal.show import Show

    banks = _load(paths)
    question = authoring.find(banks.values(), wanted)
    if question is None:
        known = [slug for held in banks.values() for q in held.questions for slug in (q.slug, str(q.id))]
        close = difflib.get_close_matches(wanted, known, n=1)
        meant = f" Did you mean “{close[0]}”?" if close else " `nnquestion bank list` shows all."
        _refuse(f"There is no question “{wanted}”.{meant}")
    with _faults():
        for name, card in authoring.show(question).items():
            if platform == "terminal":
                room = Show("UTC")
                room.line(f"── {name} " + "─" * (40 - len(name)), "bold")
                room.card(card)
                room.line("")
            else:
                click.echo(authoring.payload(name, card, authoring.Platform(platform)))


@bank.command("list")
@click.option("--topic", default=None, help="Only questions of this topic.")
@click.option("--difficulty", type=click.IntRange(1, 3), default=None, help="Only 1 easy, 2 medium or 3 hard ones.")
@_banks_option
def list_(topic: str | None, difficulty: int | None, paths: tuple[Path, ...]) -> None:
    """List the questions, one a line."""
    from bot import authoring

    banks = _load(paths)
    topics = sorted({known for held in banks.values() for known in held.topics})
    if topic is not None and topic not in topics:
        close = difflib.get_close_matches(topic, topics, n=1)
        meant = f" Did you mean “{close[0]}”?" if close else ""
        _refuse(f"There is no topic “{topic}”.{meant} There is {', '.join(topics) or 'none'}.")
    with _faults():
        for line in authoring.as_list(authoring.matching(banks.values(), topic, difficulty), with_bank=len(banks) > 1):
            click.echo(line)


@bank.command()
@_banks_option
def stats(paths: tuple[Path, ...]) -> None:
    """Count what the banks hold, and say how many days they last."""
    from bot import authoring

    with _faults():
        for number, held in enumerate(_load(paths).values()):
            click.echo("\n" * bool(number) + "\n".join(authoring.stats(held)))


@bank.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=None, help="A new file to write to.")
def new(output: Path | None) -> None:
    """Print a bank with one worked question and a comment on each of its parts, to begin from."""
    from bot import authoring

    with _faults():
        _write(authoring.TEMPLATE.read_text(encoding="utf-8"), output)


@bank.command()
@click.option("--to", "form", required=True, type=click.Choice(["json", "csv", "anki", "markdown"]))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=None, help="A new file to write to.")
@_banks_option
def export(form: str, output: Path | None, paths: tuple[Path, ...]) -> None:
    """Write the questions in another form: JSON or CSV to bring back, cards for Anki, Markdown to read."""
    from bot.core import bank_exchange

    banks = _load(paths)
    if len(banks) != 1:
        _refuse(f"There are {len(banks)} banks ({', '.join(banks)}); name one file with --bank.")
    with _faults():
        [held] = banks.values()
        # Spreadsheets take a CSV file for UTF-8 only if it begins with a mark that says so.
        encoding = "utf-8-sig" if form == "csv" else "utf-8"
        _write(bank_exchange.export(held, bank_exchange.Form(form)), output, encoding)


@bank.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "form", type=click.Choice(["json", "csv", "anki"]), help="Its form; else told by its name.")
@click.option("--id", "id_", default=None, help="The id of the new bank, where the file names none.")
@click.option("--title", default=None, help="The title of the new bank, where the file names none.")
@click.option("--language", default=None, help="The language of the new bank, where the file names none; else en.")
@click.option("--keep-status", is_flag=True, help="Trust what the file says is reviewed; else all are drafts.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=None, help="A new file to write to.")
def import_(
    file: Path,
    form: str | None,
    id_: str | None,
    title: str | None,
    language: str | None,
    keep_status: bool,
    output: Path | None,
) -> None:
    """Make a bank of a JSON or CSV file or of Anki's notes in plain text. Its questions are drafts until reviewed."""
    from bot.core import bank_exchange
    from bot.core.bank_writing import to_yaml

    form = form or _FORMS.get(file.suffix.lower())
    if form is None:
        _refuse(f"{file}: the name does not tell its form; say --from json, --from csv or --from anki.")
    header = bank_exchange.Header(id=id_ or "", title=title or "", language=language or "en")
    with _faults():
        text = bank_exchange.decode(file.read_bytes(), str(file))
        read = bank_exchange.import_entries(
            text, str(file), form=bank_exchange.Form(form), into=header, keep_status=keep_status
        )
        _write(to_yaml(read), output)
    count = len(read.questions)
    click.echo(f"{count} question{'s' * (count != 1)} read; `nnquestion bank check` tells what they lack.", err=True)


@bank.command()
@click.option("--group", default=None, help="Only the answers of this group, by its id.")
@_database_option
def items(group: str | None, database: Path | None) -> None:
    """Tell from the answers which questions are too hard, too easy, or tell members apart badly."""
    import asyncio

    from bot import authoring, runtime
    from bot.core.items import as_table

    with _faults():
        found = asyncio.run(runtime.question_items(_settings_for(database), group=group))
    if not found:
        click.echo("No graded round has been revealed yet.")
    for line in authoring.columns(as_table(found)) if found else ():
        click.echo(line)


@bank.command()
@_database_option
@_banks_option
def suggestions(paths: tuple[Path, ...], database: Path | None) -> None:
    """List how members said a key point that the grader did not hear: granted objections, and those nobody ruled on."""
    import asyncio

    from bot import runtime
    from bot.core.items import in_lines

    banks = _load(paths)
    points = {(q.id, p.id): p.text for held in banks.values() for q in held.questions for p in q.key_points}
    with _faults():
        found = asyncio.run(runtime.bank_suggestions(_settings_for(database), banks))
    for line in in_lines(found, points) if found else ("No objection has been granted, and none has lapsed.",):
        click.echo(line)


_FORMS: Final = {".json": "json", ".csv": "csv", ".tsv": "anki", ".txt": "anki"}


def _bank_files(paths: tuple[Path, ...]) -> list[Path]:
    from bot.shelf import bank_files

    files = bank_files(paths or _settings().banks)
    if not files:
        _refuse(f"There is no bank in {', '.join(map(str, paths or _settings().banks))}.")
    return files


def _load(paths: tuple[Path, ...]) -> Mapping[str, Bank]:
    from bot.shelf import Shelf

    with _faults():
        return Shelf(paths or _settings().banks).load()


def _write(text: str, output: Path | None, encoding: str = "utf-8") -> None:
    """To the output, or into a new file: nothing that is there is written over."""
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        with output.open("x", encoding=encoding, newline="") as file:
            file.write(text)
    except FileExistsError:
        _refuse(f"{output} is there already; choose another name or remove it.")
    click.echo(f"{output} is written.", err=True)


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A line that says how far long work has come, where somebody watches."""
    watched = sys.stderr.isatty()

    def done(number: int, of: int) -> None:
        if watched:
            click.echo(f"\r{title}: {number} of {of}", nl=False, err=True)

    try:
        yield done
    finally:
        if watched:
            click.echo("\r\033[K", nl=False, err=True)


def _write_any_sign() -> None:
    """A terminal that cannot show a sign gets a "?" for it, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


cli_operations.add_to(main)
cli_setup.add_to(main)
