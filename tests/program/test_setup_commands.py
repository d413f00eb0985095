"""`init` and `doctor` as a user types them, in a folder of their own, with the platforms on loopback servers."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from dotenv import dotenv_values

from bot.adapters.discord.rights import NEEDED
from bot.adapters.slack.needs import SCOPES
from bot.cli import main
from bot.settings import NAMES, shipped
from bot.store import SqliteStore
from tests.factories import keep, make_drill
from tests.program.program import ROOT, Ended, Program, Reader
from tests.store.files import contents
from tests.wire.discord_server import DiscordServer, Intent, Perm
from tests.wire.slack_server import SlackServer, Team

DISCORD = "MTA0.discord-token-for-tests"
NOTHING_LISTENS = "http://127.0.0.1:9/api"


@dataclass(slots=True)
class Shell:
    """Commands in a folder, with what somebody types there."""

    folder: Path
    secrets: list[str]

    async def run(self, *arguments: str, typed: str = "") -> Ended:
        """Run a command to its end; whatever it says holds no secret."""
        done = await asyncio.to_thread(CliRunner().invoke, main, list(arguments), input=typed)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert not [secret for secret in self.secrets if secret in done.output]
        return Ended(done.exit_code, done.stdout, done.stderr)

    @property
    def kept(self) -> dict[str, str | None]:
        return dotenv_values(self.folder / ".env")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    folder = tmp_path / "here"
    folder.mkdir()
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(folder)
    return Shell(folder, [])


@pytest.fixture
async def discord(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT, point=False, token=DISCORD) as server:
        monkeypatch.setenv("DISCORD_API_URL", server.api_url)
        monkeypatch.setenv("NNQUESTION_PLATFORMS", "")
        shell.secrets.append(DISCORD)
        yield server


@pytest.fixture
async def slack(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[SlackServer, Team]]:
    async with SlackServer(scopes=frozenset(SCOPES)) as server:
        team = server.team("Study")
        monkeypatch.setenv("SLACK_API_URL", server.api_url)
        shell.secrets += [team.token, server.app_token, server.signing_secret]
        yield server, team


# --- doctor -------------------------------------------------------------------------------------------------


async def test_a_program_that_is_well_ends_with_0_and_one_line_for_each_thing(shell: Shell) -> None:
    (shell.folder / ".env").write_text("NNQUESTION_PLATFORMS=terminal\n")
    done = await shell.run("doctor")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "All is well."
    kinds = [line.split()[1] for line in done.out.splitlines()[:-1]]
    assert kinds[:3] == ["settings", "settings", "clock"]
    assert {"disk", "bank", "database", "python"} <= set(kinds)
    assert contents(shell.folder.parent).keys() == {"here/.env"} or list(contents(shell.folder)) == [".env"]


async def test_a_fault_ends_with_1_and_says_what_to_do(shell: Shell) -> None:
    (shell.folder / "x.db").write_text("Dear diary,\n" * 100)
    (shell.folder / ".env").write_text("NNQUESTION_DATABASE=x.db\nDISCORD_TOKN=typo\n")
    done = await shell.run("doctor")
    assert done.code == 1
    lines = done.out.splitlines()
    assert [line for line in lines if line.startswith("fault")] == [
        "fault    settings platforms: none is set up",
        "fault    database x.db: it is not a SQLite database",
    ]
    assert "warning  settings DISCORD_TOKN: unknown: DISCORD_TOKN, perhaps DISCORD_TOKEN" in lines
    assert sum(line.startswith("         to do: ") for line in lines) == 3
    assert lines[-1] == "2 faults, 1 warning."


async def test_settings_that_cannot_be_read_end_with_2_and_are_told_all_at_once(shell: Shell) -> None:
    (shell.folder / ".env").write_text("NNQUESTION_BANKS=x\nNNQUESTION_WEB=nowhere\nNNQUESTION_TOKEN=hush-hush\n")
    shell.secrets.append("hush-hush")
    done = await shell.run("doctor", "--json")
    assert done.code == 2
    told = json.loads(done.out)
    assert told["state"] == "fault"
    assert len([one for one in told["findings"] if one["state"] == "fault"]) == 3


async def test_a_broken_bank_and_a_token_that_is_missing_are_faults(shell: Shell) -> None:
    (shell.folder / "bank.yaml").write_text("bank: {id: nn}\n")
    (shell.folder / ".env").write_text("NNQUESTION_BANK=bank.yaml\nNNQUESTION_PLATFORMS=discord,slack\n")
    done = await shell.run("doctor")
    assert done.code == 1
    assert "fault    bank bank.yaml: bank.yaml:" in done.out
    assert "fault    settings DISCORD_TOKEN: " in done.out
    assert "fault    settings SLACK_BOT_TOKEN: " in done.out


async def test_online_what_a_platform_refuses_is_a_fault_in_json_too(shell: Shell, discord: DiscordServer) -> None:
    guild = discord.guild("Study")
    channel = f"discord:{guild.id}/{guild.channel('general').id}"
    store = SqliteStore(shell.folder / "x.db")
    await store.write(lambda tx: keep(tx, make_drill(channel)))
    await store.close()
    (shell.folder / ".env").write_text(f"DISCORD_TOKEN={DISCORD}\nNNQUESTION_DATABASE=x.db\n")
    assert (await shell.run("doctor", "--online")).code == 0
    guild.channel("general").take_away(Perm.EMBED_LINKS)
    done = await shell.run("doctor", "--online", "--json")
    assert done.code == 1
    [fault] = [one for one in json.loads(done.out)["findings"] if one["state"] == "fault"]
    assert fault == {
        "kind": "channel",
        "what": f"#general {channel}",
        "state": "fault",
        "detail": "the bot lacks rights there: Embed links",
        "remedy": "grant them to its role in that channel",
    }
    assert (await shell.run("doctor")).code == 0


def test_it_looks_beside_a_program_that_runs_and_says_so(program: Program) -> None:
    database = program.home / "x.db"

    def doctor() -> Ended:
        return program.run("doctor", NNQUESTION_PLATFORMS="terminal", NNQUESTION_DATABASE=database)

    running = program.start(
        "run", NNQUESTION_PLATFORMS="terminal", NNQUESTION_DATABASE=database, NNQUESTION_BACKUPS="off"
    )
    with running:
        assert running.stderr is not None
        Reader(running.stderr.fileno()).wait("running terminal")
        beside = doctor()
        running.terminate()
        running.communicate(timeout=20)
    assert running.returncode == 0
    assert beside.code == 0, beside.out
    assert f"lease {database}: a program runs on it" in beside.out
    before = contents(program.home)
    assert "no program runs on it" in doctor().out
    assert contents(program.home) == before


# --- init ---------------------------------------------------------------------------------------------------


async def test_discord_is_set_up_by_what_is_typed_and_the_invite_link_is_shown(
    shell: Shell, discord: DiscordServer
) -> None:
    done = await shell.run("init", typed=f"discord\nwrong-token\n{DISCORD}\n\nno\n")
    assert done.code == 0, done.err
    assert "DISCORD_TOKEN is refused: Discord does not take it. To do: copy it anew" in done.out
    assert "Good: it is for nnquestion." in done.out
    assert "Message Content intent is on" in done.out
    link = f"client_id={discord.world.application.id}&scope=bot+applications.commands&permissions={NEEDED.value}"
    assert link in done.out
    assert shell.kept == {"DISCORD_TOKEN": DISCORD}
    assert stat.S_IMODE((shell.folder / ".env").stat().st_mode) == 0o600
    assert [line for line in done.out.splitlines() if line.startswith(("  1. nn", "  2. in"))] == [
        "  1. nnquestion run",
        "  2. in the channel for it, say /nnquestion-admin setup",
    ]
    assert "wrong-token" not in done.out


async def test_a_missing_intent_is_told_with_where_to_switch_it_on(shell: Shell, discord: DiscordServer) -> None:
    discord.world.application.granted = Intent(0)
    done = await shell.run("init", "--discord-token", DISCORD, "--yes")
    assert done.code == 0
    assert "Message Content intent: not on" in done.out
    assert done.out.count("Privileged Gateway Intents") == 2


async def test_slack_is_set_up_by_what_is_typed_and_the_manifest_is_named(
    shell: Shell, slack: tuple[SlackServer, Team]
) -> None:
    server, team = slack
    done = await shell.run(
        "init", typed=f"slack\n{server.app_token}\n{team.token}\nxapp-no\n{server.app_token}\n\nno\n"
    )
    assert done.code == 0, done.err
    assert str(shipped("slack_manifest.yaml")) in done.out
    assert "another kind of token" in done.out
    assert "SLACK_APP_TOKEN is refused: invalid_auth" in done.out
    assert "Good: it is for nnquestion in Study." in done.out
    assert shell.kept == {"SLACK_BOT_TOKEN": team.token, "SLACK_APP_TOKEN": server.app_token}


async def test_scopes_that_the_app_lacks_are_told_before_it_runs(shell: Shell, slack: tuple[SlackServer, Team]) -> None:
    server, team = slack
    team.take_away("reactions:write")
    given = ["--slack-bot-token", team.token, "--slack-signing-secret", server.signing_secret]
    done = await shell.run("init", *given, "--yes")
    assert done.code == 0
    assert "The scope reactions:write is missing" in done.out
    assert "HTTP mode needs an address" in done.out
    assert shell.kept == {"SLACK_BOT_TOKEN": team.token, "SLACK_SIGNING_SECRET": server.signing_secret}


async def test_both_are_set_up_without_a_question_and_an_env_that_is_there_is_preserved(
    shell: Shell, discord: DiscordServer, slack: tuple[SlackServer, Team]
) -> None:
    server, team = slack
    before = "# mine\nOTHER=1\nDISCORD_TOKEN=the-old-one # gone soon\n\nNNQUESTION_KEEP_ANSWERS=30\n"
    (shell.folder / ".env").write_text(before)
    shell.secrets.append("the-old-one")
    done = await shell.run(
        *("init", "--yes", "--discord-token", DISCORD, "--slack-bot-token", team.token),
        *("--slack-app-token", server.app_token, "--database", "my data/x.db"),
    )
    assert done.code == 0, done.err
    assert (shell.folder / ".env").read_text() == (
        f"# mine\nOTHER=1\nDISCORD_TOKEN={DISCORD}\n\nNNQUESTION_KEEP_ANSWERS=30\nSLACK_BOT_TOKEN={team.token}\n"
        f"SLACK_APP_TOKEN={server.app_token}\nNNQUESTION_DATABASE='{shell.folder}/my data/x.db'\n"
    )
    [kept] = shell.folder.glob(".env.bak-*")
    assert kept.read_text() == before
    assert kept.name in done.out
    assert "DISCORD_TOKEN=***" in done.out


async def test_a_refused_token_with_nobody_to_ask_ends_with_1_and_nothing_written(
    shell: Shell, discord: DiscordServer
) -> None:
    done = await shell.run("init", "--discord-token", "wrong-token", "--yes")
    assert done.code == 1
    assert "DISCORD_TOKEN is refused" in done.err
    assert "Nothing is written." in done.err
    assert list(shell.folder.iterdir()) == []


@pytest.mark.parametrize(("says", "code"), [("y", 0), ("n", 1), ("", 1)])
async def test_without_a_network_what_was_given_is_written_only_after_asking(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, says: str, code: int
) -> None:
    monkeypatch.setenv("DISCORD_API_URL", NOTHING_LISTENS)
    shell.secrets.append(DISCORD)
    done = await shell.run("init", "--platform", "discord", typed=f"{DISCORD}\n\n{says}\nno\n")
    assert done.code == code
    assert "It could not be checked: Discord cannot be reached" in done.out
    assert "client_id=ID&" in done.out
    assert (shell.folder / ".env").exists() == (code == 0)


async def test_platforms_that_are_named_already_get_the_new_one(shell: Shell, discord: DiscordServer) -> None:
    os.environ.pop("NNQUESTION_PLATFORMS", None)
    (shell.folder / ".env").write_text("NNQUESTION_PLATFORMS=terminal\n")
    assert (await shell.run("init", "--discord-token", DISCORD, "--yes")).code == 0
    assert shell.kept == {"NNQUESTION_PLATFORMS": "terminal,discord", "DISCORD_TOKEN": DISCORD}


async def test_what_the_environment_says_wins_and_is_told(
    shell: Shell, discord: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "in-the-environment")
    done = await shell.run("init", "--discord-token", DISCORD, "--yes")
    assert "The environment has DISCORD_TOKEN, too" in done.out


async def test_a_unit_is_written_where_one_names_a_file_and_nothing_is_written_over(
    shell: Shell, discord: DiscordServer
) -> None:
    file = shell.folder / "my.service"
    arguments = ("init", "--discord-token", DISCORD, "--yes", "--unit", str(file), "--database", "data/x.db")
    done = await shell.run(*arguments)
    assert f"{file} is written." in done.out
    unit = file.read_text()
    assert f"ExecStart={sys.executable} -P -m bot run" in unit
    assert f"EnvironmentFile={shell.folder}/.env" in unit
    assert f"ReadWritePaths={shell.folder}/data" in unit
    assert (shell.folder / "data").is_dir()
    again = await shell.run(*arguments)
    assert again.code == 0
    assert "File exists" in again.err
    assert file.read_text() == unit


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a unit is offered where systemd may be")
async def test_a_unit_is_printed_where_one_asks_for_that(shell: Shell, discord: DiscordServer) -> None:
    done = await shell.run("init", "--discord-token", DISCORD, typed="\nprint\n")
    assert "ExecStart=" in done.out


async def test_yes_needs_to_be_told_which_platform_and_an_end_of_input_ends_it(shell: Shell) -> None:
    assert (await shell.run("init", "--yes")).code == 2
    assert (await shell.run("init", typed="discord\n")).code == 1
    assert list(shell.folder.iterdir()) == []


async def test_settings_that_cannot_be_used_are_told_before_anything_is_asked(shell: Shell) -> None:
    (shell.folder / ".env").write_text("NNQUESTION_WEB=nowhere\n")
    done = await shell.run("init", typed="discord\n")
    assert done.code == 2
    assert "NNQUESTION_WEB=nowhere" in done.err
    assert done.out == ""


async def test_on_a_terminal_a_token_is_typed_unseen(program: Program, discord: DiscordServer) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = program.environment(DISCORD_API_URL=discord.api_url, TERM="xterm", PYTHONWARNINGS="")
    process = subprocess.Popen(  # noqa: ASYNC220 - it is begun, not waited for
        [sys.executable, "-m", "bot", "init"],
        cwd=program.home,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    reader = Reader(ours)

    def sit() -> None:
        for question, types in (
            ("Which platforms", "discord"),
            ("Discord bot token", DISCORD),
            ("Database", ""),
            ("A systemd unit", "no"),
        ):
            reader.wait(f"{question}")
            reader.wait(": ")
            os.write(ours, f"{types}\n".encode())
        reader.rest()

    try:
        await asyncio.to_thread(sit)
    finally:
        os.close(ours)
        code = await asyncio.to_thread(process.wait, 20)
    assert code == 0, reader.text
    assert DISCORD not in reader.text
    assert dotenv_values(program.home / ".env") == {"DISCORD_TOKEN": DISCORD}


# --- one source of truth ------------------------------------------------------------------------------------


def test_the_docs_name_the_rights_that_the_code_asks_for() -> None:
    docs = (ROOT / "docs" / "discord.md").read_text(encoding="utf-8")
    assert f"permissions={NEEDED.value}\n" in docs


def test_what_init_hands_out_is_in_the_wheel() -> None:
    packed = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in ("questions.yaml", "slack_manifest.yaml", "nnquestion.service"):
        assert shipped(name).is_file()
        assert f'"data/{name}" = "bot/data/{name}"' in packed
