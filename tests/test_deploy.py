"""What a host is told, in files and in docs/deploy.md: it can be read, and agrees with the program.

No container is built here. What was carried out by hand stands at the end of docs/deploy.md.
"""

from __future__ import annotations

import ast
import configparser
import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import settings

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TEMPLATE = ROOT / "data" / "nnquestion.service"

STOPS_WITHIN = 10
"""Seconds in which the program ends after SIGTERM, as is promised."""

_, DEFAULT_PORT = settings.load({}).web or ("", 0)


@dataclass(frozen=True, slots=True)
class Instruction:
    stage: str
    word: str
    rest: str


def instructions() -> Iterator[Instruction]:
    stage = ""
    whole = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    for line in filter(str.strip, whole.splitlines()):
        word, rest = line.split(None, 1)
        if word == "FROM":
            stage = rest.partition(" AS ")[2] or "final"
        yield Instruction(stage, word, rest.strip())


def said(word: str, stage: str | None = None) -> list[str]:
    return [i.rest for i in instructions() if i.word == word and stage in (None, i.stage)]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def ini(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parser.read_string(text)
    return parser


def unit() -> str:
    (text,) = blocks("ini")
    return str(text)


def service() -> dict[str, Any]:
    bot: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]["bot"]
    return bot


def image_environment() -> dict[str, str]:
    pairs = (pair.split("=", 1) for line in said("ENV", "base") for pair in shlex.split(line))
    return dict(pairs)


# --- the image ------------------------------------------------------------------------------------------------


def test_the_image_has_a_python_that_the_project_supports_and_both_halves_have_the_same() -> None:
    images = {line.partition(" AS ")[0] for line in said("FROM")} - {"base"}
    assert len(images) == 1
    found = re.fullmatch(r"python:(3\.\d+)-slim", images.pop())
    assert found is not None
    assert f"Programming Language :: Python :: {found[1]}" in PROJECT["project"]["classifiers"]


def test_what_the_image_is_made_of_is_there_and_reaches_the_build() -> None:
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert ignore[0] == "*"
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    copied = {source for line in said("COPY", "build") for source in line.split()[:-1]}
    assert copied == let_in
    for name in copied:
        assert (ROOT / name).exists(), name
    packed = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*packed["packages"], *packed["force-include"], PROJECT["project"]["readme"], "LICENSE", "pyproject.toml"}
    for name in needed:
        assert any(fnmatch.fnmatch(name, pattern) for of in copied for pattern in (of, f"{of}/*")), name


def test_every_package_of_the_image_comes_by_its_hash_or_not_at_all() -> None:
    commands = [command for line in said("RUN") for command in line.split("&&")]
    installs = [shlex.split(command) for command in commands if " install " in command and "/pip " in command]
    assert len(installs) == 2
    for install in installs:
        by_hash = {"--require-hashes", "--requirement", "requirements.lock"} <= set(install)
        assert by_hash or {"--no-index", "--no-deps", "--no-build-isolation"} <= set(install), install


def test_what_only_builds_the_package_does_not_come_along_and_nothing_that_runs_it_is_removed() -> None:
    (removed,) = re.findall(r"pip uninstall --yes (.+)", " ".join(said("RUN", "build")))
    names = set(removed.split())
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)==.*?\n((?:[ ]+.*\n)*)", lock, re.MULTILINE))
    tools = {"nnquestion (pyproject.toml)", *names}
    for name in names - {"setuptools"}:  # That one comes with the venv.
        asked_by = set(re.findall(r"#(?: via)? +([a-z].*)", pinned[name].replace("# via\n", "")))
        assert asked_by <= tools, name
    built_by = {re.split("[<>=]", wanted)[0] for wanted in PROJECT["project"]["optional-dependencies"]["build"]}
    assert built_by <= names
    assert not names & {re.split(r"[<>=\[]", wanted)[0] for wanted in PROJECT["project"]["dependencies"]}


def test_the_image_runs_the_program_without_rights_and_is_stopped_by_a_signal_that_it_hears() -> None:
    assert said("USER") == ["10001:10001"]
    assert said("USER", "final"), "the last stage is the one that is built when nothing else is said"
    assert any("--uid 10001" in line for line in said("RUN", "base"))
    assert said("STOPSIGNAL") == ["SIGTERM"]
    assert {tuple(json.loads(line)) for line in said("CMD")} == {("nnquestion", "run")}
    assert PROJECT["project"]["scripts"]["nnquestion"]
    (hands_over,) = (json.loads(line) for line in said("ENTRYPOINT"))
    assert hands_over[:2] == ["sh", "-c"]
    assert re.search(r'&& exec setpriv --reuid=nnquestion .*-- "\$@"$', hands_over[2])


def test_the_image_keeps_the_database_on_its_volume_and_is_heard_from_outside() -> None:
    (volume,) = said("VOLUME")
    known = settings.load({k: v for k, v in image_environment().items() if k in settings.NAMES})
    assert known.database.parent == Path(volume)
    assert known.web == ("0.0.0.0", DEFAULT_PORT)


def test_the_health_check_asks_the_port_on_which_the_program_is_heard_and_fails_for_anything_but_200() -> None:
    (check,) = said("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    asked = [node.value for node in ast.walk(ast.parse(command[2])) if isinstance(node, ast.Constant)]
    assert {"127.0.0.1", DEFAULT_PORT, "GET", "/healthz", 200} <= set(asked)
    (patience,) = (int(n) for n in re.findall(r"--timeout=(\d+)s", check))
    assert max(n for n in asked if isinstance(n, int) and n < 60) < patience
    nobody_there = command[2].replace(str(DEFAULT_PORT), "1")
    done = subprocess.run([sys.executable, "-c", nobody_there], capture_output=True, check=False)
    assert done.returncode == 1


# --- compose ----------------------------------------------------------------------------------------------------


def test_compose_waits_longer_for_a_stop_than_the_program_takes() -> None:
    assert int(service()["stop_grace_period"].removesuffix("s")) > STOPS_WITHIN


def test_compose_keeps_the_database_on_its_volume_whatever_the_env_file_says() -> None:
    bot, whole = service(), yaml.safe_load(COMPOSE)
    name, _, folder = bot["volumes"][0].partition(":")
    assert name in whole["volumes"]
    known = settings.load(bot["environment"])
    assert known.database.parent == Path(folder)
    assert known.web == ("0.0.0.0", DEFAULT_PORT)
    assert (bot["read_only"], bot["tmpfs"], bot["cap_drop"]) == (True, ["/tmp"], ["ALL"])


def test_the_commented_parts_of_compose_fit_where_they_stand() -> None:
    whole = yaml.safe_load(re.sub(r"^( +)# ((?:ports|litestream|  [ a-z_-]).*)$", r"\1\2", COMPOSE, flags=re.MULTILINE))
    assert whole["services"]["bot"]["ports"] == [f"127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}"]
    copier = whole["services"]["litestream"]
    assert copier["volumes"] == service()["volumes"]
    assert service()["environment"]["NNQUESTION_DATABASE"] in copier["command"]
    assert copier["user"] == said("USER", "final")[0]


# --- the unit, and what the page shows for other hosts ----------------------------------------------------------


def test_the_unit_waits_longer_for_a_stop_than_the_program_takes_and_lets_it_write_beside_its_database() -> None:
    part = ini(unit())["Service"]
    assert int(part["TimeoutStopSec"]) > STOPS_WITHIN
    (database,) = re.findall(r"^NNQUESTION_DATABASE=(.+)$", PAGE.partition("**4. The service.**")[0], re.MULTILINE)
    assert part["ReadWritePaths"] == str(Path(database).parent) == part["WorkingDirectory"]
    assert part["RestartPreventExitStatus"] == "2"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", unit(), flags=re.MULTILINE)
    file = tmp_path / "nnquestion.service"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "nnquestion.service" in line]
    assert complaints == []


@pytest.mark.skipif(not TEMPLATE.exists(), reason="there is no unit to fill in")
def test_the_unit_shown_is_the_one_that_comes_with_the_program_filled_in() -> None:
    values = {
        "USER": "nnquestion",
        "FOLDER": "/var/lib/nnquestion",
        "ENV_FILE": "/var/lib/nnquestion/.env",
        "PYTHON": "/opt/nnquestion/.venv/bin/python",
        "DATA": "/var/lib/nnquestion",
    }
    template = re.sub(r"^#.*\n", "", TEMPLATE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert re.sub("@([A-Z_]+)@", lambda found: values[found[1]], template).strip() == unit().strip()


def test_what_is_shown_for_fly_builds_a_stage_that_there_is_and_waits_long_enough_at_a_stop() -> None:
    (text,) = blocks("toml")
    fly = tomllib.loads(text)
    assert fly["build"]["build-target"] in {i.stage for i in instructions()}
    assert fly["kill_signal"] == "SIGTERM"
    assert fly["kill_timeout"] > STOPS_WITHIN
    assert [mount["destination"] for mount in fly["mounts"]] == said("VOLUME")


def test_what_is_shown_for_render_keeps_the_database_on_its_disk() -> None:
    (text,) = blocks("yaml")
    (worker,) = yaml.safe_load(text)["services"]
    given = {variable["key"]: variable.get("value", "") for variable in worker["envVars"]}
    assert set(given) <= set(settings.NAMES)
    assert Path(given["NNQUESTION_DATABASE"]).parent == Path(worker["disk"]["mountPath"])
    assert "--require-hashes -r requirements.lock" in worker["buildCommand"]


def test_every_setting_that_is_named_for_a_host_is_one() -> None:
    for text in (PAGE, COMPOSE, DOCKERFILE):
        named = set(re.findall(r"\b((?:NNQUESTION|DISCORD|SLACK)_[A-Z_]+)\b", text))
        assert named
        assert named <= set(settings.NAMES)


# --- pages to fill in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["privacy", "terms"])
def test_every_placeholder_of_a_legal_page_is_in_the_list_on_top_and_used_below_it(name: str) -> None:
    top, rule, page = (ROOT / "docs" / "legal" / f"{name}.md").read_text(encoding="utf-8").partition("\n---\n")
    assert rule
    placeholder = re.compile(r"\[[A-Z]+\]")
    assert set(placeholder.findall(top)) == set(placeholder.findall(page))
    assert "not legal advice" in top


@pytest.mark.parametrize(
    "page", ["deploy.md", "discord.md", "slack.md", "legal/publishing.md", "legal/privacy.md", "legal/terms.md"]
)
def test_every_link_to_a_heading_leads_to_one(page: str) -> None:
    file = ROOT / "docs" / page
    for target, heading in re.findall(r"\]\(([^)#:]*)#([a-z0-9-]+)\)", file.read_text(encoding="utf-8")):
        text = (file.parent / target if target else file).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert heading in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}, heading
