"""The commands with which one begins, and with which one finds out what is wrong: init and doctor."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bot.cli_frame import faults, refuse

if TYPE_CHECKING:
    from bot.core.checkup import Finding, PlatformSeen


def add_to(main: click.Group) -> None:
    """Give the program these commands."""
    for command in (init, doctor):
        main.add_command(command)


# --- doctor -------------------------------------------------------------------------------------------------


@click.command()
@click.option("--online", is_flag=True, help="Ask the platforms, too: tokens, rights, every drill's channel.")
@click.option("--json", "as_json", is_flag=True, help="For other programs.")
def doctor(online: bool, as_json: bool) -> None:
    """Look over all of it, also while the program runs, and say what to do; exit 1 for a fault.

    It changes nothing. Exit 2 where the settings cannot be read.
    """
    from bot import runtime
    from bot.core import checkup
    from bot.settings import SettingsError, as_set, environment, load, perhaps_misspelled

    given = environment()
    set_ = ", ".join(as_set(given)) or "none; every default holds"
    found = [checkup.ok("settings", "set", set_)]
    for strange in perhaps_misspelled(given):
        remedy = "correct the name, if it is meant for nnquestion"
        found.append(checkup.warning("settings", strange.partition(",")[0], f"unknown: {strange}", remedy))
    try:
        settings = load(given)
    except SettingsError as error:
        for problem in error.problems:
            name, _, said = problem.partition(": ")
            found.append(checkup.fault("settings", name, said, "correct it in .env or in the environment"))
        _tell(found, as_json)
        sys.exit(2)
    with faults():
        found += asyncio.run(runtime.look_over(settings, online=online))
    _tell(found, as_json)
    sys.exit(1 if checkup.worst(found) is checkup.State.FAULT else 0)


def _tell(found: Sequence[Finding], as_json: bool) -> None:
    from bot.core import checkup
    from bot.core.shown import clean

    if as_json:
        told = {"state": checkup.worst(found), "findings": [asdict(finding) for finding in found]}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for finding in found:
        about = " ".join(filter(None, (finding.kind, finding.what)))
        click.echo(clean(f"{finding.state.value:<7}  {about}: {finding.detail}"))
        if finding.remedy:
            click.echo(clean(f"{'':<7}  to do: {finding.remedy}"))
    click.echo(checkup.in_words(found))


# --- init ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Given:
    """What was given so far: settings by name, and what was found out about them."""

    values: dict[str, str] = field(default_factory=dict)
    unchecked: bool = False
    next_step: list[str] = field(default_factory=list)


class _Refused(Exception):
    """A platform does not take a token, and there is nobody to ask for another."""


_PLATFORMS: Final = ("discord", "slack", "both")


@click.command()
@click.option("--platform", type=click.Choice(_PLATFORMS), default=None, help="Which platforms to set up.")
@click.option("--discord-token", default="", help="Better typed when asked for: others see what a command is given.")
@click.option("--slack-bot-token", default="", help="The same (xoxb-...).")
@click.option("--slack-app-token", default="", help="The same (xapp-...), for Socket Mode.")
@click.option("--slack-signing-secret", default="", help="The same, for HTTP mode instead of an app-level token.")
@click.option("--database", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where to keep it all.")
@click.option(
    "--unit", "unit_file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Write a systemd unit."
)
@click.option("--yes", is_flag=True, help="Ask nothing: take what is given, also where it cannot be checked.")
def init(
    platform: str | None,
    discord_token: str,
    slack_bot_token: str,
    slack_app_token: str,
    slack_signing_secret: str,
    database: Path | None,
    unit_file: Path | None,
    yes: bool,
) -> None:
    """Ask for tokens, check them, show the invite link or the manifest, and write `.env`."""
    from bot.settings import ENV_FILE, environment, load

    slack_tokens = {
        "SLACK_BOT_TOKEN": slack_bot_token,
        "SLACK_APP_TOKEN": slack_app_token,
        "SLACK_SIGNING_SECRET": slack_signing_secret,
    }
    given = _Given()
    with faults():
        load(environment())  # What is set already has to be usable, or the program would not start with it.
        chosen = platform or _which(discord_token, any(slack_tokens.values()), yes)
        try:
            if chosen in ("discord", "both"):
                _discord(given, discord_token, yes)
            if chosen in ("slack", "both"):
                _slack(given, slack_tokens, yes)
        except _Refused as refused:
            refuse(f"{refused}\nNothing is written.", code=1)
        _database(given, database, yes)
        if given.unchecked and not (yes or click.confirm("Write it, though it could not be checked?", default=False)):
            refuse("Nothing is written.", code=1)
        _write(given, ENV_FILE)
        _unit(given, unit_file, yes)
    click.echo("\nNext:")
    for number, step in enumerate(("nnquestion run", *given.next_step), start=1):
        click.echo(f"  {number}. {step}")
    click.echo("`nnquestion doctor --online` says at any time what is missing.")


def _which(discord_token: str, of_slack: bool, yes: bool) -> str:
    if discord_token or of_slack:
        return "both" if discord_token and of_slack else "discord" if discord_token else "slack"
    if yes:
        refuse("--yes needs to be told which: give --discord-token, or --slack-bot-token with --slack-app-token.")
    return str(click.prompt("Which platforms", type=click.Choice(_PLATFORMS), default="discord"))


def _discord(given: _Given, token: str, yes: bool) -> None:
    from bot.adapters.discord import checkup as of_discord
    from bot.adapters.discord import rights

    click.echo(
        f"\nDiscord\n  1. {of_discord.PORTAL}: New Application, and name it.\n"
        "  2. Bot > Reset Token, and copy the token. It is a password: it goes into .env and nowhere else.\n"
        f"  3. {of_discord.SWITCH_ON[0].upper()}{of_discord.SWITCH_ON[1:]},\n"
        "     so that members can answer by writing in the thread."
    )
    seen = _asked_until_good(given, "DISCORD_TOKEN", "Discord bot token", token, yes, {})
    for lack in seen.lacks:
        click.echo(f"  {lack.what}: not on; {lack.means}.\n  To change that, {lack.remedy}.")
    if not seen.lacks and seen.account:
        click.echo("  The Message Content intent is on.")
    invite = seen.invite or rights.invite_link("ID") + "\n    (ID: the Application ID, under General Information)"
    click.echo(f"  Invite it to your server, in a browser:\n    {invite}")
    given.next_step.append("in the channel for it, say /nnquestion-admin setup")


def _slack(given: _Given, tokens: Mapping[str, str], yes: bool) -> None:
    from bot.adapters.slack import checkup as of_slack
    from bot.settings import shipped

    click.echo(
        f"\nSlack\n  1. {of_slack.APPS}: Create New App > From a manifest, and choose your workspace.\n"
        f"  2. In the tab YAML, paste {shipped('slack_manifest.yaml')} in place of what stands there; Next, Create.\n"
        "  3. Install App > Install to your workspace, and allow it.\n"
        "  4. OAuth & Permissions: copy the Bot User OAuth Token (xoxb-...).\n"
        "  5. Basic Information > App-Level Tokens: make one with the scope connections:write (xapp-...).\n"
        "  Both are passwords: they go into .env and nowhere else."
    )
    seen = _asked_until_good(given, "SLACK_BOT_TOKEN", "Slack bot token", tokens["SLACK_BOT_TOKEN"], yes, {})
    for lack in seen.lacks:
        click.echo(f"  The {lack.what} is missing: {lack.means}.")
    if seen.lacks:
        click.echo(f"  To change that, {seen.lacks[0].remedy}.")
    app, secret = tokens["SLACK_APP_TOKEN"], tokens["SLACK_SIGNING_SECRET"]
    if not app and not secret and not yes:
        app = _secret("Slack app-level token (nothing, for HTTP mode)")
        if not app:
            secret = _secret("Slack signing secret (Basic Information > App Credentials)")
    if not app and not secret:
        raise _Refused("Slack needs an app-level token for Socket Mode, or a signing secret for HTTP mode.")
    if app:
        also = {"SLACK_BOT_TOKEN": given.values["SLACK_BOT_TOKEN"]}
        _asked_until_good(given, "SLACK_APP_TOKEN", "Slack app-level token", app, yes, also)
    if secret:
        given.values["SLACK_SIGNING_SECRET"] = secret
        click.echo("  HTTP mode needs an address of yours, and the manifest changed: docs/slack.md says how.")
    given.next_step.append("in the channel for it, say /invite @nnquestion, then /nnquestion setup")


def _asked_until_good(
    given: _Given, setting: str, asks: str, token: str, yes: bool, also: Mapping[str, str]
) -> PlatformSeen:
    """What a platform tells of a token, which is asked for until it is good, or cannot be checked."""
    while True:
        token = token.strip() or ("" if yes else _secret(asks))
        if not token and yes:
            raise _Refused(f"{setting} is needed, and was not given.")
        if not token:
            click.echo("  Nothing was typed; once more, or Ctrl-C to leave.")
            continue
        seen = _looked_up({**also, setting: token})
        mine = [one for one in seen.tokens if one.setting == setting]
        refused = next((one for one in mine if one.refused), None)
        if refused is None:
            unchecked = next((one.unchecked for one in mine if one.unchecked), "")
            if unchecked:
                given.unchecked = True
                click.echo(f"  It could not be checked: {unchecked}.")
            else:
                click.echo(f"  Good: it is for {seen.account}." if seen.account else "  Good.")
            given.values[setting] = token
            return seen
        told = f"{setting} is refused: {refused.refused}. To do: {refused.remedy}."
        if yes:
            raise _Refused(told)
        click.echo(f"  {told}")
        token = ""


def _looked_up(tokens: Mapping[str, str]) -> PlatformSeen:
    """What a platform tells of its tokens, without what else may be set."""
    from bot import runtime
    from bot.settings import environment, load

    [platform] = {name.partition("_")[0].lower() for name in tokens}
    known = load(environment())
    given = {"slack_app_token": "", **{name.lower(): token for name, token in tokens.items()}}
    alone = replace(known, platforms=(platform,), **given)  # type: ignore[arg-type]
    [seen] = asyncio.run(runtime.ask_platforms(alone))
    return seen


def _secret(asks: str) -> str:
    """What somebody types unseen. What comes through a pipe nobody sees, and getpass would look for a terminal."""
    if sys.stdin.isatty():
        return str(click.prompt(f"  {asks}", hide_input=True, default="", show_default=False)).strip()
    click.echo(f"  {asks}: ", nl=False)
    line = sys.stdin.readline()
    click.echo()
    if not line:
        raise click.Abort
    return line.strip()


def _database(given: _Given, database: Path | None, yes: bool) -> None:
    from bot.settings import environment, load

    set_already = load(environment()).database
    if database is None and not yes:
        click.echo()
        database = Path(click.prompt("Database", default=str(set_already)))
    if database is not None and (path := database.expanduser().absolute()) != set_already:
        given.values["NNQUESTION_DATABASE"] = str(path)


def _write(given: _Given, file: Path) -> None:
    from bot import env_file, runtime
    from bot.settings import as_set, environment, load, wins_over_file

    platforms = load(environment()).platforms
    named = environment().get("NNQUESTION_PLATFORMS", "").strip()
    new = {name.partition("_")[0].lower() for name in given.values} & {"discord", "slack"}
    if named and (more := sorted(new - set(platforms))):  # Else those named there would be all that is run.
        given.values["NNQUESTION_PLATFORMS"] = ",".join([*platforms, *more])
    text = file.read_bytes().decode() if file.exists() else ""
    try:
        changed = env_file.changed(text, given.values)
    except ValueError as error:
        refuse(f"{error}. Nothing is written.")
    old = env_file.write(file, changed, runtime.wall_clock())
    click.echo(f"\n{file.absolute()} is written, for your user alone: {', '.join(as_set(given.values))}.")
    if old is not None:
        click.echo(f"What it was is kept as {old}; it holds your old tokens, so remove it once all is well.")
    if winning := wins_over_file(given.values):
        click.echo(f"The environment has {', '.join(winning)}, too, and wins over that file.")


def _unit(given: _Given, file: Path | None, yes: bool) -> None:
    from bot import unit
    from bot.settings import ENV_FILE, environment, load

    if file is None and (yes or not sys.platform.startswith("linux")):
        return
    if file is None:
        wish = click.prompt("\nA systemd unit", type=click.Choice(["print", "write", "no"]), default="no")
        if wish == "no":
            return
        file = Path(click.prompt("Its file", default=str(UNIT_FILE))) if wish == "write" else None
    database = load({**environment(), **given.values}).database.absolute()
    place = unit.Place(
        user=_user(),
        folder=Path.cwd(),
        env_file=ENV_FILE.absolute(),
        python=Path(sys.executable),
        data=database.parent,
    )
    try:
        text = unit.unit(place)
    except ValueError as error:
        click.echo(f"There is no unit: {error}.", err=True)
        return
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # systemd wants what is to be written to be there.
    if file is None:
        click.echo(f"\n{text}")
        return
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except OSError as error:  # In /etc only root may write.
        click.echo(f"{file}: {error.strerror}. This is to stand there:\n\n{text}", err=True)
        return
    click.echo(f"{file} is written.")
    given.next_step.insert(0, "systemctl daemon-reload && systemctl enable --now nnquestion, in place of that")


def _user() -> str:
    """Who runs this: as the system says, since the environment may still be that of whoever has called it."""
    try:
        import pwd  # Windows has none.
    except ImportError:
        return getpass.getuser()
    return pwd.getpwuid(os.getuid()).pw_name


UNIT_FILE: Final = Path("/etc/systemd/system/nnquestion.service")
