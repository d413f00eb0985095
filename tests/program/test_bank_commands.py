"""What a bank's author types, and what the program says to it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from bot.cli import main
from bot.core.bank import read_bank
from bot.core.model import Status

ROOT = Path(__file__).parents[2]
SMALL = """\
bank: {id: small, title: A small bank, version: 1.0.0, language: en, licence: CC0}
topics: {sky: The sky, sea: The sea}
questions:
  - id: blue
    prompt: Why is the sky blue?
    answer: Air scatters short waves more.
    topics: [sky]
  - id: salt
    prompt: Why is the sea salty?
    answer: Rivers bring salt, and only water leaves.
    topics: [sea]
    difficulty: 2
    hints: [Think of what stays behind in a kettle.]
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL, encoding="utf-8")
    return file


def bank(*arguments: object) -> Result:
    """`nnquestion bank` with these arguments."""
    return CliRunner().invoke(main, ["bank", *map(str, arguments)])


# --- check ------------------------------------------------------------------------------------------------------


def test_a_bank_of_prompts_and_answers_passes_even_the_strict_check(small: Path) -> None:
    done = bank("check", "--strict", small)
    assert done.exit_code == 0
    assert done.output == f"{small}: 2 questions, 0 errors, 0 warnings, 0 notes\n"


TEN = """\
bank: {id: faulty, title: A faulty bank, version: 1.0.0, language: en, licence: CC0}
topics:
  sky: The sky
questions:
  - id: blue
    prompt: Why is the sky blue?
    difficulty: 4
    topics: [sky, skies]
    related: [redd]
    answer: |-
      Air scatters short waves more.

      - **Why: the waves are short.
    colour: blue
  - id: red
    prompt: Why is the evening sky red?
    answer: The light has come a long way through the air, and lost its blue.
    code: {lang: python, source: "print(1"}
    key_points:
      - id: path
        text: The path through the air is long at dusk
        essential: true
    hints:
      - The path through the air is long at dusk, think of it.
    exemplars:
      - {kind: full, text: "the light goes through a lot of air", earns: [paths]}
    references:
      - {title: Waves, year: 1871, arxiv: 1603.06560}
"""


def test_ten_faults_in_one_file_are_told_at_once_each_on_its_line(tmp_path: Path) -> None:
    file = tmp_path / "ten.yaml"
    file.write_text(TEN, encoding="utf-8")
    done = bank("check", file)
    assert done.exit_code == 1
    told = [line.removeprefix(f"{file}:").partition(": ") for line in done.output.splitlines()]
    faults = [
        (7, "difficulty"),
        (8, '"skies"'),
        (9, '"redd"'),
        (13, "opens a **"),
        (14, '"colour"'),
        (18, "is not Python"),
        (20, "is not earned by the reference answer"),
        (24, "gives key point"),
        (26, '"paths"'),
        (28, 'put it in quotes: "1603.06560"'),
    ]
    for line, words in faults:
        assert any(number == str(line) and words in message for number, _, message in told), (line, words, told)


def test_warnings_fail_only_the_strict_check(tmp_path: Path) -> None:
    file = tmp_path / "warned.yaml"
    file.write_text(SMALL.replace("Air scatters", "Air always scatters"), encoding="utf-8")
    done, strict = bank("check", file), bank("check", "--strict", file)
    assert (done.exit_code, strict.exit_code) == (0, 1)
    assert done.output == strict.output
    assert f'{file}:6: warning: answer of "blue" says "always"; say what is true in plainer words' in done.output


def test_the_profile_of_a_file_is_held_against_it_and_can_be_chosen(small: Path, tmp_path: Path) -> None:
    named = tmp_path / "named.yaml"
    named.write_text(SMALL.replace("licence: CC0", "licence: CC0, profile: nnquestion"), encoding="utf-8")
    assert bank("check", named).exit_code == 1
    assert bank("check", named, "--profile", "none").exit_code == 0
    assert bank("check", small, "--profile", "nnquestion").exit_code == 1
    done = bank("check", small, "--profile", "strictest")
    assert 'there is no profile "strictest"; choose nnquestion' in done.output


def test_every_file_of_a_folder_is_checked(small: Path) -> None:
    shutil.copy(small, small.with_name("other.yaml"))
    done = bank("check", small.parent)
    other = small.with_name("other.yaml")
    assert done.exit_code == 1
    assert [line.partition(": ")[0] for line in done.output.splitlines()] == [str(other), f"{small}:1", str(small)]
    assert f"“small” is the id of the bank in {other}, too; choose another" in done.output


def test_a_file_that_cannot_be_read_does_not_stop_the_check_of_the_others(small: Path) -> None:
    bad = small.with_name("bad.yaml")
    bad.write_bytes(b"bank: caf\xe9\n")
    done = bank("check", bad, small)
    assert done.exit_code == 1
    assert f"{bad}:1: this line is not UTF-8" in done.output
    assert f"{small}: 2 questions, 0 errors" in done.output


def test_a_card_that_needs_two_messages_is_a_warning(tmp_path: Path) -> None:
    long = yaml.safe_load(SMALL)
    long["questions"][0]["answer"] = "🌊" * 1_700
    file = tmp_path / "long.yaml"
    file.write_text(yaml.safe_dump(long, width=10_000), encoding="utf-8")
    done = bank("check", file)
    assert re.search(r"warning: the reveal of \"blue\" needs \d messages on Slack; shorten it", done.output)


# --- looking ----------------------------------------------------------------------------------------------------


def test_show_prints_the_card_the_hints_and_the_reveal(small: Path) -> None:
    done = bank("show", "salt", "--bank", small)
    assert done.exit_code == 0
    for said in ("── question", "Why is the sea salty?", "── hint 1", "a kettle", "── reveal", "only water leaves"):
        assert said in done.output


@pytest.mark.parametrize("platform", ["discord", "slack"])
def test_show_prints_what_a_platform_would_be_sent(small: Path, platform: str) -> None:
    done = bank("show", "small:blue", "--bank", small, "--as", platform)
    assert done.exit_code == 0
    decoder, rest, messages = json.JSONDecoder(), done.output, []
    while rest.strip():
        message, end = decoder.raw_decode(rest.lstrip())
        messages.append(message)
        rest = rest.lstrip()[end:]
    assert len(messages) == 2
    assert "Why is the sky blue?" in json.dumps(messages[0])
    assert "scatters" not in json.dumps(messages[0])
    assert "scatters" in json.dumps(messages[1])


def test_a_question_that_is_not_there_is_guessed_at(small: Path) -> None:
    done = bank("show", "blu", "--bank", small)
    assert done.exit_code == 2
    assert "There is no question “blu”. Did you mean “blue”?" in done.output


def test_list_filters_by_topic_and_difficulty(small: Path) -> None:
    assert bank("list", "--bank", small).output == (
        "blue  easy    daily  draft  sky\nsalt  medium  daily  draft  sea\n"
    )
    assert bank("list", "--bank", small, "--topic", "sky").output == "blue  easy  daily  draft  sky\n"
    assert bank("list", "--bank", small, "--difficulty", "2").output.startswith("salt")
    assert bank("list", "--bank", small, "--difficulty", "3").output == ""
    assert "Did you mean “sea”?" in bank("list", "--bank", small, "--topic", "se").output


def test_list_names_the_bank_where_there_are_several(small: Path) -> None:
    done = bank("list", "--bank", small, "--bank", ROOT / "data" / "questions.yaml")
    assert "small:blue" in done.output
    assert "nn:dropout" in done.output


def test_stats_count_what_is_there(small: Path) -> None:
    done = bank("stats", "--bank", small)
    assert done.output.startswith("A small bank (small 1.0.0, en, CC0)\n  2 questions, 2 days without a repeat\n")
    assert "    medium    1 █" in done.output


# --- beginning --------------------------------------------------------------------------------------------------


def test_what_new_prints_passes_the_strict_check_with_our_own_rules(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert bank("new", "--output", file).exit_code == 0
    assert bank("new").output == file.read_text(encoding="utf-8")
    done = bank("check", "--strict", "--profile", "nnquestion", file)
    assert done.exit_code == 0, done.output


def test_nothing_that_is_there_is_written_over(small: Path) -> None:
    done = bank("new", "--output", small)
    assert done.exit_code == 2
    assert "is there already" in done.output
    assert small.read_text(encoding="utf-8") == SMALL


@pytest.mark.parametrize("command", ["list", "stats", "show blue", "export --to json"])
def test_a_broken_bank_is_told_with_its_problems(small: Path, command: str) -> None:
    small.write_text(SMALL.replace("id: salt", "id: blue"), encoding="utf-8")
    done = bank(*command.split(), "--bank", small)
    assert done.exit_code == 2
    assert f'{small}:8: "blue" is the id of an earlier question' in done.output
    assert "Traceback" not in done.output


# --- in and out -------------------------------------------------------------------------------------------------

SHIPPED = ROOT / "data" / "questions.yaml"


@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_is_exported_comes_back_as_it_was(tmp_path: Path, form: str) -> None:
    out, back = tmp_path / f"bank.{form}", tmp_path / "back.yaml"
    assert bank("export", "--to", form, "--bank", SHIPPED, "--output", out).exit_code == 0
    done = bank("import", out, "--keep-status", "--output", back)
    assert done.exit_code == 0, done.output
    assert read_bank(back.read_text(encoding="utf-8"), "b") == read_bank(SHIPPED.read_text(encoding="utf-8"), "b")


def test_what_is_imported_is_a_draft_until_somebody_has_reviewed_it(tmp_path: Path) -> None:
    out = tmp_path / "bank.json"
    bank("export", "--to", "json", "--bank", SHIPPED, "--output", out)
    done = bank("import", out)
    read = read_bank(done.stdout, "b")
    assert {question.status for question in read.questions} == {Status.DRAFT}
    assert "questions read; `nnquestion bank check` tells what they lack." in done.stderr


def test_a_table_typed_by_hand_becomes_a_bank_that_can_be_asked_from(tmp_path: Path) -> None:
    file, made = tmp_path / "team.csv", tmp_path / "team.yaml"
    file.write_bytes("prompt;answer\nWas ist ein Neuron?;Eine gewichtete Summe.\n".encode("utf-16"))
    assert bank("import", file, "--id", "team", "--output", made).exit_code == 0
    assert "was-ist-ein-neuron" in bank("list", "--bank", made).output
    assert bank("check", made).exit_code == 0


def test_anki_gets_the_id_first_and_gives_the_notes_back(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "notes.txt"
    assert bank("export", "--to", "anki", "--bank", small, "--output", out).exit_code == 0
    rows = [line for line in out.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert [row.split("\t")[0] for row in rows] == ["small:blue", "small:salt"]
    read = read_bank(bank("import", out).stdout, "b")
    assert [(q.slug, q.prompt, q.answer, q.topics) for q in read.questions] == [
        ("blue", "Why is the sky blue?", "Air scatters short waves more.", ("sky",)),
        ("salt", "Why is the sea salty?", "Rivers bring salt, and only water leaves.", ("sea",)),
    ]


def test_markdown_is_for_reading(small: Path) -> None:
    done = bank("export", "--to", "markdown", "--bank", small)
    assert "Why is the sky blue?" in done.output
    assert bank("import", small.with_suffix(".md")).exit_code == 2


def test_a_file_whose_name_does_not_tell_its_form_is_asked_about(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.touch()
    assert "say --from json, --from csv or --from anki" in bank("import", file).output


def test_every_problem_of_a_table_is_told_with_its_row(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("id,prompt,answer,difficulty\na,What?,This.,7\na,Why?,That.,1\nb,,So.,1\n", encoding="utf-8")
    done = bank("import", file)
    assert done.exit_code == 2
    assert re.findall(r"bad\.csv:(\d):", done.output) == ["2", "3", "4"]
    assert "Traceback" not in done.output


def test_export_asks_which_bank_where_there_are_several(small: Path) -> None:
    done = bank("export", "--to", "json", "--bank", small, "--bank", SHIPPED)
    assert "There are 2 banks (small, nn); name one file with --bank." in done.output
