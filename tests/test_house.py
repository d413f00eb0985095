"""What the prose promises: the README's transcript, the commands and settings it names, the layout of the house."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benchmarks.code_examples import mark, programs
from bot import __version__, cli, settings
from bot.core import commands

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUESTIONS = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")


def test_the_readmes_transcript_is_what_the_demo_prints() -> None:
    quoted = re.search(r"```text\n(.*?)\n```", README, re.DOTALL)
    assert quoted is not None
    run = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--days", "1"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    printed = iter(run.stdout.splitlines())
    for line in quoted[1].splitlines():
        if line and "[...]" not in line:
            assert line in printed, f"the demo does not print {line!r}, or not in this place"


def test_the_readme_opens_with_the_two_commands() -> None:
    first = re.search(r"```\n(.*?)\n```", README, re.DOTALL)
    assert first is not None
    assert [line.split("  ")[0].strip() for line in first[1].splitlines()] == ["make demo", "make test"]


def test_the_makefile_has_every_target_the_prose_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/questions.md"):
        for target in re.findall(
            r"(?:`make |^make )([a-z]+)(?=`| +#)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("command", commands.TABLE, ids=lambda command: command.name)
def test_every_command_is_in_the_readme_and_its_example_can_be_read(command: commands.Command) -> None:
    assert f"`{command.name}`" in README
    if command.example:
        assert commands.read(command.example).command is command


def test_every_setting_is_explained_in_the_example_file() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^# ?([A-Z][A-Z_]+)=", example, re.MULTILINE)) == set(settings.NAMES)


def test_every_file_the_architecture_names_is_there() -> None:
    house = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"```\nbot/\n(.*?)\n```", house, re.DOTALL)
    assert block is not None
    named = {name for name in re.findall(r"\b([a-z_]+)\.py\b", block[1])}
    there = {path.stem for path in (ROOT / "bot").rglob("*.py")}
    assert named - there == set()
    core = {path.stem for path in (ROOT / "bot" / "core").glob("*.py")} - {"__init__"}
    assert {name for name in core if not name.startswith("bank_")} - named == set()


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    reasons = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    extras = project["optional-dependencies"]
    for wanted in [*project["dependencies"], *(wanted for extra in extras.values() for wanted in extra)]:
        name = re.split(r"[\[<>=~! ]", wanted)[0]
        assert name == "nnquestion" or name in reasons, name


def test_the_worked_question_of_the_docs_is_the_one_that_is_printed() -> None:
    template = (ROOT / "bot" / "new_question.yaml").read_text(encoding="utf-8")
    assert f"```yaml\n{template}```\n" in QUESTIONS


def test_every_program_of_the_bank_has_its_result_in_the_docs() -> None:
    found = programs()
    assert len(found) == 7
    printed = re.findall(r"^`([a-z0-9-]+)` \(program ([0-9a-f]{8})\):\n\n```text\n.+?\n```$", QUESTIONS, re.M | re.S)
    assert printed == [(question.slug, mark(question)) for question in found], "run `make code`"


@pytest.mark.parametrize("command", [*cli.bank.commands])
def test_every_command_for_authors_is_explained(command: str) -> None:
    assert f"`nnquestion bank {command}" in QUESTIONS or f"`bank {command}`" in QUESTIONS


def test_the_procfile_runs_the_program() -> None:
    assert (ROOT / "Procfile").read_text(encoding="utf-8").strip() == "worker: exec python -m bot run"
