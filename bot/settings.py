"""The one reader of the environment and of `.env`."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from platformdirs import user_data_path

SHIPPED: Final = "nn"
"""The id of the bank that comes with the program, by which a setting names it."""

PLATFORMS: Final = ("discord", "slack", "terminal")
NAMES: Final = (
    "NNQUESTION_DATABASE",
    "NNQUESTION_BANK",
    "NNQUESTION_PLATFORMS",
    "DISCORD_TOKEN",
    "DISCORD_API_URL",
    "DISCORD_GATEWAY_URL",
    "DISCORD_TEST_GUILD",
    "DISCORD_REQUESTS_PER_SECOND",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_API_URL",
    "SLACK_MESSAGES_PER_SECOND",
    "NNQUESTION_WEB",
    "NNQUESTION_KEEP_ANSWERS",
    "NNQUESTION_LOG",
    "NNQUESTION_LOG_LEVEL",
    "NNQUESTION_BACKUPS",
    "NNQUESTION_KEEP_BACKUPS",
    "NNQUESTION_LIMIT_CHANNELS",
    "NNQUESTION_LIMIT_EXTRA",
)
LOGS: Final = ("text", "json")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


_NAMED_BY: Final = {"discord": ("TOKEN", "API_URL", "GATEWAY_URL"), "slack": ("BOT_TOKEN", "API_URL")}
"""A platform is named by any of these settings, where NNQUESTION_PLATFORMS does not say."""

_RATES: Final = {"DISCORD_REQUESTS_PER_SECOND": (40.0, 50.0), "SLACK_MESSAGES_PER_SECOND": (5.0, 100.0)}
"""How fast a platform is asked when nothing else is said, and the most that can be set."""

_SECRET: Final = re.compile("TOKEN|SECRET|KEY|PASS")
"""What the name of a setting holds whose value is shown to nobody."""

ENV_FILE: Final = Path(".env")
"""The file with settings, in the working folder."""

_MOST_DAYS: Final = 36_500


class SettingsError(Exception):
    """Settings that cannot be used, all at once: the name, the value, what is allowed."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set, each with a default that works. Tokens are kept out of the repr."""

    database: Path
    banks: tuple[Path, ...]
    """Files and folders with banks, in the order in which they were named."""
    platforms: tuple[str, ...] = ()
    discord_token: str = field(default="", repr=False)
    discord_api_url: str = ""
    discord_gateway_url: str = ""
    discord_test_guild: int | None = None
    discord_per_second: float = _RATES["DISCORD_REQUESTS_PER_SECOND"][0]
    """Requests to Discord for what is owed, all channels together."""
    slack_bot_token: str = field(default="", repr=False)
    slack_app_token: str = field(default="", repr=False)
    slack_signing_secret: str = field(default="", repr=False)
    slack_api_url: str = ""
    slack_per_second: float = _RATES["SLACK_MESSAGES_PER_SECOND"][0]
    """Requests to Slack for what is owed, in a workspace."""
    web: tuple[str, int] | None = ("127.0.0.1", 8080)
    """Where the web server listens: host and port. None for no web server."""
    keep_answers: timedelta | None = None
    """How long the texts of answers are kept; None for good."""
    log: str = "text"
    """How a line of the log is written: one of `LOGS`."""
    log_level: str = "info"
    """What is too little for the log: whatever is below this one of `LOG_LEVELS`."""

    backs_up: bool = True
    """Whether `run` makes a backup every night."""
    backups: Path | None = None
    keep_backups: int = 14
    limit_channels: int = 50
    limit_extra: int = 100

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may stand in no log."""
        given = (self.discord_token, self.slack_bot_token, self.slack_app_token, self.slack_signing_secret)
        return tuple(secret for secret in given if secret)

    @property
    def backup_folder(self) -> Path:
        """Where backups go: by default into a folder beside the database."""
        return self.backups or self.database.with_name("backups")


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from a mapping such as `os.environ`. Raises SettingsError."""
    problems = _unknown(environ)
    given = {name: str(environ.get(name, "")).strip() for name in NAMES}
    banks = _banks(given["NNQUESTION_BANK"], problems)
    for name, schemes in (
        ("DISCORD_API_URL", ("http://", "https://")),
        ("SLACK_API_URL", ("http://", "https://")),
        ("DISCORD_GATEWAY_URL", ("ws://", "wss://")),
    ):
        if given[name] and not given[name].startswith(schemes):
            problems.append(f"{name}={given[name]}: an address begins with {' or '.join(schemes)}")
    platforms = _platforms(given, problems)
    if given["DISCORD_TEST_GUILD"] and not given["DISCORD_TEST_GUILD"].isdigit():
        problems.append(f"DISCORD_TEST_GUILD={given['DISCORD_TEST_GUILD']}: it is the id of a server, a number")
    web = _web(given["NNQUESTION_WEB"], problems)
    keep_answers = _days("NNQUESTION_KEEP_ANSWERS", given["NNQUESTION_KEEP_ANSWERS"], problems)
    rates = {name: _rate(name, given[name], problems) for name in _RATES}
    log = _one_of("NNQUESTION_LOG", given, LOGS, "text", problems)
    log_level = _one_of("NNQUESTION_LOG_LEVEL", given, LOG_LEVELS, "info", problems)
    keep_backups = _number("NNQUESTION_KEEP_BACKUPS", given, 14, 1, 3_650, problems)
    limit_channels = _number("NNQUESTION_LIMIT_CHANNELS", given, 50, 1, 100_000, problems)
    limit_extra = _number("NNQUESTION_LIMIT_EXTRA", given, 100, 0, 100_000, problems)
    backs_up = given["NNQUESTION_BACKUPS"].lower() != "off"
    if problems:
        raise SettingsError(tuple(problems))
    return Settings(
        database=Path(given["NNQUESTION_DATABASE"] or data_folder() / "nnquestion.db").expanduser(),
        banks=banks,
        platforms=platforms,
        discord_token=given["DISCORD_TOKEN"],
        discord_api_url=given["DISCORD_API_URL"],
        discord_gateway_url=given["DISCORD_GATEWAY_URL"],
        discord_test_guild=int(given["DISCORD_TEST_GUILD"]) if given["DISCORD_TEST_GUILD"] else None,
        discord_per_second=rates["DISCORD_REQUESTS_PER_SECOND"],
        slack_bot_token=given["SLACK_BOT_TOKEN"],
        slack_app_token=given["SLACK_APP_TOKEN"],
        slack_signing_secret=given["SLACK_SIGNING_SECRET"],
        slack_api_url=given["SLACK_API_URL"],
        slack_per_second=rates["SLACK_MESSAGES_PER_SECOND"],
        web=web,
        keep_answers=keep_answers,
        log=log,
        log_level=log_level,
        backs_up=backs_up,
        backups=Path(given["NNQUESTION_BACKUPS"]).expanduser() if backs_up and given["NNQUESTION_BACKUPS"] else None,
        keep_backups=keep_backups,
        limit_channels=limit_channels,
        limit_extra=limit_extra,
    )


def check_tokens(settings: Settings) -> None:
    """What the platforms need to be run, which `load` and assembling them do not. Raises SettingsError."""
    problems = [
        f"{name} is not set, and {platform} is to be run; set it, or leave {platform} out"
        for platform, name, token in (
            ("discord", "DISCORD_TOKEN", settings.discord_token),
            ("slack", "SLACK_BOT_TOKEN", settings.slack_bot_token),
        )
        if platform in settings.platforms and not token
    ]
    heard = settings.slack_app_token or settings.slack_signing_secret
    if "slack" in settings.platforms and settings.slack_bot_token and not heard:
        problems.append(
            "SLACK_APP_TOKEN is not set: Slack needs it for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode"
        )
    if "slack" in settings.platforms and heard and not settings.slack_app_token and settings.web is None:
        problems.append(
            "NNQUESTION_WEB=off: in HTTP mode Slack is heard there; name host:port, or set SLACK_APP_TOKEN for a socket"
        )
    if problems:
        raise SettingsError(tuple(problems))


def load_from_environment() -> Settings:
    """Read the settings from the environment, and from `.env` in the working folder what it does not say."""
    return load(environment())


def environment(file: Path = ENV_FILE) -> dict[str, str]:
    """The environment, and from a file such as `.env` what it does not say."""
    kept = {name: value for name, value in dotenv_values(file).items() if value is not None}
    return {**kept, **os.environ}


def wins_over_file(names: Iterable[str]) -> list[str]:
    """Those of our settings that the environment has, whatever a file says."""
    return [name for name in names if os.environ.get(name)]


def as_set(environ: Mapping[str, str]) -> list[str]:
    """Our settings that are set, as `NAME=value`, and `***` for what is secret."""
    given = ((name, str(environ.get(name, "")).strip()) for name in NAMES)
    return [f"{name}={'***' if _SECRET.search(name) else value}" for name, value in given if value]


def perhaps_misspelled(environ: Mapping[str, str]) -> list[str]:
    """Names that are none of ours and look like one: `DISCORD_TOKN, perhaps DISCORD_TOKEN`.

    Others may use DISCORD_ and SLACK_, too, so this is no mistake; what begins with NNQUESTION_ is one (`load`).
    """
    strange = [name for name in environ if name.startswith(("DISCORD_", "SLACK_")) and name not in NAMES]
    meant = [(name, difflib.get_close_matches(name, NAMES, n=1, cutoff=0.85)) for name in sorted(strange)]
    return [f"{name}, perhaps {close[0]}" for name, close in meant if close]


@contextmanager
def unseen(prefix: str) -> Iterator[None]:
    """Hide variables of the environment from a library that would read them for itself."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(prefix)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def data_folder() -> Path:
    """Where this user's data is kept when nothing else is said."""
    return user_data_path("nnquestion", appauthor=False)


def shipped_bank() -> Path:
    """The bank that comes with the program."""
    return shipped("questions.yaml")


def shipped(name: str) -> Path:
    """A file that comes with the program: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "data" / name
    return installed if installed.is_file() else package.parent / "data" / name


def _banks(given: str, problems: list[str]) -> tuple[Path, ...]:
    """The paths named, with commas between them; `nn` is the shipped bank, as is nothing at all."""
    names = [name.strip() for name in given.split(",") if name.strip()]
    named = tuple(shipped_bank() if name == SHIPPED else Path(name).expanduser() for name in names)
    for path in named:
        if not path.exists():
            problems.append(
                f"NNQUESTION_BANK={given}: there is no “{path}”; name YAML files or folders, with commas between them"
            )
    return named or (shipped_bank(),)


def _web(given: str, problems: list[str]) -> tuple[str, int] | None:
    """Host and port; a port alone listens on this machine only. `off` for nothing."""
    if given.lower() == "off":
        return None
    host, _, port = (given or "127.0.0.1:8080").rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        problems.append(f"NNQUESTION_WEB={given}: expected host:port, such as 127.0.0.1:8080 or 0.0.0.0:8080, or off")
        return "127.0.0.1", 8080
    return host.strip("[]") or "127.0.0.1", int(port)


def _rate(name: str, given: str, problems: list[str]) -> float:
    default, most = _RATES[name]
    if not given:
        return default
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", given) or not 0 < float(given) <= most:
        problems.append(f"{name}={given}: it is a number above 0 and up to {most:g}, such as {default:g}")
        return default
    return float(given)


def _one_of(name: str, given: Mapping[str, str], allowed: tuple[str, ...], default: str, problems: list[str]) -> str:
    if (said := given[name].lower() or default) in allowed:
        return said
    problems.append(f"{name}={given[name]}: it is one of {', '.join(allowed)}")
    return default


def _days(name: str, given: str, problems: list[str]) -> timedelta | None:
    if not given:
        return None
    if not given.isdecimal() or not 1 <= int(given) <= _MOST_DAYS:
        problems.append(f"{name}={given}: it is a number of days from 1 to {_MOST_DAYS:,}; leave it out for no end")
        return None
    return timedelta(days=int(given))


def _number(name: str, given: Mapping[str, str], default: int, least: int, most: int, problems: list[str]) -> int:
    value = given[name]
    if not value:
        return default
    if not (value.isascii() and value.isdecimal()) or not least <= int(value) <= most:
        problems.append(f"{name}={value}: it is a number from {least} to {most:,}; left out, it is {default}")
        return default
    return int(value)


def _platforms(given: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    if not given["NNQUESTION_PLATFORMS"]:
        return tuple(
            platform for platform, names in _NAMED_BY.items() if any(given[f"{platform.upper()}_{n}"] for n in names)
        )
    named = tuple(
        dict.fromkeys(name.strip().lower() for name in given["NNQUESTION_PLATFORMS"].split(",") if name.strip())
    )
    for name in named:
        if name not in PLATFORMS:
            problems.append(
                f"NNQUESTION_PLATFORMS={given['NNQUESTION_PLATFORMS']}: “{name}” is none of {', '.join(PLATFORMS)};"
                " name one or more, with commas"
            )
    return named


def _unknown(environ: Mapping[str, str]) -> list[str]:
    problems = []
    for name in sorted(environ):
        if name.startswith("NNQUESTION_") and name not in NAMES:
            close = difflib.get_close_matches(name, NAMES, n=1)
            meant = (
                f"; did you mean {close[0]}?"
                if close
                else f"; known are {', '.join(name for name in NAMES if name.startswith('NNQUESTION_'))}"
            )
            shown = "***" if _SECRET.search(name) else environ[name]
            problems.append(f"{name}={shown}: there is no such setting{meant}")
    return problems
