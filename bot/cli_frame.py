"""What all commands of the program share: how they read the settings, and how they end when something is wrong."""

from __future__ import annotations

import difflib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from bot.settings import Settings


class CommandGroup(click.Group):
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


database_option = click.option(
    "--database",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="Another database than the settings name.",
)


def read_settings() -> Settings:
    """The settings; ends the program where they cannot be used."""
    from bot.settings import SettingsError, load_from_environment

    try:
        return load_from_environment()
    except SettingsError as error:
        refuse("\n".join(error.problems))


def settings_for(database: Path | None) -> Settings:
    """The settings, with another database where one is named."""
    settings = read_settings()
    return replace(settings, database=database) if database is not None else settings


class faults:
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
            refuse(f"{fault}\n{count} problem{'s' if count != 1 else ''} in the bank; nothing was done.")
        if isinstance(fault, SettingsError):
            refuse("\n".join(fault.problems))
        if isinstance(fault, DemoRefused):
            refuse(str(fault))
        for adapter in ("bot.adapters.discord.client", "bot.adapters.slack.app"):
            loaded = sys.modules.get(adapter)  # Only what was loaded can have raised anything.
            if loaded is not None and isinstance(fault, loaded.TokenRefused):
                refuse(str(fault))
        if isinstance(fault, StoreError | RoomError):
            refuse(str(fault), code=1)
        if isinstance(fault, OSError) and fault.filename is not None:
            refuse(f"{fault.filename}: {fault.strerror}", code=1)
        if isinstance(fault, OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # What is buffered would complain once more at the end.
            if isinstance(fault, BrokenPipeError):  # Somebody reads with `head`.
                sys.exit(0)
            refuse(f"The output cannot be written ({fault.strerror}).", code=1)


def refuse(message: str, *, code: int = 2) -> NoReturn:
    """End the program with this message; by convention 2 where the command is wrong, 1 where the world is."""
    click.echo(message, err=True)
    sys.exit(code)
