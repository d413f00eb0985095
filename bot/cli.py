"""The commands of the program. Each imports what it needs when it runs, so that starting stays quick."""

from __future__ import annotations

import difflib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bot import __version__

if TYPE_CHECKING:
    from bot.settings import Settings


class _Group(click.Group):
    """A group that says what was probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None:
            close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            meant = f" Did you mean “{close[0]}”?" if close else ""
            known = ", ".join(self.list_commands(ctx))
            ctx.fail(f"there is no command “{name}”.{meant} There is {known}.")
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nnquestion")
def main() -> None:
    """A neural-network interview question a day, for study groups in Discord, Slack and the terminal."""
    _write_any_sign()


@main.command()
@click.option("--days", type=click.IntRange(1, 366), default=5, show_default=True, help="How many days to play.")
@click.option("--seed", type=click.IntRange(0), default=None, help="Another seed, another week. The first is 1.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Keep the run in this file, and go on where it stopped.",
)
def demo(days: int, seed: int | None, database: Path | None) -> None:
    """Watch days of study in a simulated group, on a fast clock."""
    import asyncio

    from bot import runtime

    with _faults():
        asyncio.run(runtime.play_demo(_settings(), days=days, seed=seed, database=database))


@main.command()
@click.option("--name", default=None, help="Your name in the room; default your login's.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Keep the room in this file; default in your data folder.",
)
def chat(name: str | None, database: Path | None) -> None:
    """Sit down in the room yourself, on the real clock."""
    import asyncio

    from bot import runtime

    with _faults():
        asyncio.run(runtime.sit_in_chat(_settings(), name=name, database=database))


@main.command()
def run() -> None:
    """Start the platforms named in the settings, until stopped."""
    import asyncio

    from bot import runtime

    settings = _settings()
    missing = [platform for platform in settings.platforms if platform not in runtime.PLATFORMS]
    if missing:
        known = ", ".join(runtime.PLATFORMS)
        _refuse(f"This version has no adapter for {' and '.join(missing)} yet. It runs: {known}.")
    if not settings.platforms:
        _refuse(
            "No platform is set up. Set NNQUESTION_PLATFORMS=terminal to run the room in this terminal;\n"
            "Discord (DISCORD_TOKEN) and Slack (SLACK_BOT_TOKEN, SLACK_APP_TOKEN) come in a later version.\n"
            "Without any account: `nnquestion chat` to answer yourself, `nnquestion demo` to watch a group."
        )
    with _faults():
        asyncio.run(runtime.run_platforms(settings))


def _settings() -> Settings:
    from bot.settings import SettingsError, load_from_environment

    try:
        return load_from_environment()
    except SettingsError as error:
        _refuse("\n".join(error.problems))


def _write_any_sign() -> None:
    """A terminal that cannot show a sign gets a "?" for it, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


class _faults:
    """Ends the program with one clear message and no traceback for faults that are not ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, fault: BaseException | None, trace: Any) -> None:
        from bot.adapters.terminal.demo import DemoRefused
        from bot.adapters.terminal.room import RoomError
        from bot.core.bank import BankError
        from bot.core.ports import StoreError
        from bot.settings import SettingsError

        if isinstance(fault, BankError):
            count = len(fault.problems)
            _refuse(f"{fault}\n{count} problem{'s' if count != 1 else ''} in the bank; nothing was started.")
        if isinstance(fault, SettingsError):
            _refuse("\n".join(fault.problems))
        if isinstance(fault, DemoRefused):
            _refuse(str(fault))
        if isinstance(fault, StoreError | RoomError):
            _refuse(str(fault), code=1)
        if isinstance(fault, OSError) and fault.filename is not None:
            _refuse(f"{fault.filename}: {fault.strerror}", code=1)
        if isinstance(fault, OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # What is buffered would complain once more at the end.
            if isinstance(fault, BrokenPipeError):  # Somebody reads with `head`.
                sys.exit(0)
            _refuse(f"The output cannot be written ({fault.strerror}).", code=1)


def _refuse(message: str, *, code: int = 2) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)
