"""A file of settings, changed where it has to be and kept everywhere else."""

from __future__ import annotations

import io
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import example, given
from hypothesis import strategies as st

from bot.env_file import changed, write

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

OURS = {"DISCORD_TOKEN": "new", "NNQUESTION_DATABASE": "/srv/my data/x.db"}

FILE = """\
# My bot
OTHER='one
DISCORD_TOKEN=not this
two'

export DISCORD_TOKEN="old" # from the portal
# DISCORD_TOKEN=a comment
LAST=${OTHER}-x
DISCORD_TOKEN=twice"""


def read(text: str) -> dict[str, str | None]:
    return dotenv_values(stream=io.StringIO(text), interpolate=False)


def test_only_our_names_are_replaced_and_all_else_stays() -> None:
    text = changed(FILE, OURS)
    assert text == (
        "# My bot\nOTHER='one\nDISCORD_TOKEN=not this\ntwo'\n\nDISCORD_TOKEN=new\n# DISCORD_TOKEN=a comment\n"
        "LAST=${OTHER}-x\nNNQUESTION_DATABASE='/srv/my data/x.db'\n"
    )
    assert read(text) == {**read(FILE), **OURS}
    assert changed(text, OURS) == text


values = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs", "Cc"]), max_size=30)


@given(st.dictionaries(st.sampled_from(["DISCORD_TOKEN", "SLACK_BOT_TOKEN", "A"]), values), st.text(max_size=60))
@example({"A": "it's"}, "A=1")
@example({"A": 'say "so" \\'}, "")
def test_what_is_written_is_read_back_whatever_stood_there(given_values: dict[str, str], before: str) -> None:
    try:
        text = changed("# ours\n", given_values)
    except ValueError:
        assert any("${" in value for value in given_values.values())
        return
    assert dotenv_values(stream=io.StringIO(text)) == given_values
    changed(before, given_values)


@pytest.mark.parametrize("value", ["two\nlines", "a\rb", "${HOME}"])
def test_a_value_that_such_a_file_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="A: "):
        changed("", {"A": value})


def test_a_new_file_is_for_its_user_alone(tmp_path: Path) -> None:
    assert write(tmp_path / "new" / ".env", "A=1\n", NOW) is None
    made = tmp_path / "new" / ".env"
    assert made.read_text() == "A=1\n"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert list(made.parent.iterdir()) == [made]


def test_the_old_file_is_kept_for_its_user_alone_and_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"# \xe9 old\r\n")
    first, second = write(file, "A=1\n", NOW), write(file, "A=2\n", NOW)
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == (".env.bak-2026-11-22T090000Z", ".env.bak-2026-11-22T090000Z.2")
    assert (first.read_bytes(), second.read_bytes(), file.read_bytes()) == (b"# \xe9 old\r\n", b"A=1\n", b"A=2\n")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_link_stays_one_and_what_it_leads_to_is_changed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "env").write_text("A=1\n")
    (tmp_path / ".env").symlink_to(tmp_path / "real" / "env")
    write(tmp_path / ".env", "A=2\n", NOW)
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "real" / "env").read_text() == "A=2\n"
