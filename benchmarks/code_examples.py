"""Runs every program of the question bank as a reader would, and writes what it printed into docs/questions.md.

The promise: each is complete and shows what its answer says. Run with `make code`, which installs what they need.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from bot.core.bank import read_bank
from bot.core.model import Question

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "questions.md"
BEGIN, END = "<!-- what `make code` printed -->", "<!-- end of what `make code` printed -->"
PACKAGES = ("numpy", "scikit-learn", "keras", "jax")
PATIENCE = 300
"""Seconds for one program."""


def programs() -> list[Question]:
    """The questions of the shipped bank that have a program."""
    text = (ROOT / "data" / "questions.yaml").read_text(encoding="utf-8")
    return [question for question in read_bank(text, "questions.yaml").questions if question.code is not None]


def mark(question: Question) -> str:
    """What tells whether a printed result is of the present program."""
    assert question.code is not None
    return hashlib.sha256(question.code.source.encode()).hexdigest()[:8]


def run(question: Question) -> tuple[str, float]:
    """What the program prints, and the seconds it took. Raises SystemExit with its traceback where it fails."""
    assert question.code is not None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "program.py"
        file.write_text(question.code.source, encoding="utf-8")
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, file.name],
            cwd=folder,
            env={"PATH": os.defpath, "HOME": folder, "PYTHONHASHSEED": "0", "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    if done.returncode:
        sys.exit(f"{question.slug}: the program failed\n{done.stderr}")
    return done.stdout.strip("\n"), time.monotonic() - began


def main() -> None:
    """Run all, and write the page anew."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [BEGIN, "", f"Python {platform.python_version()}, {versions}.", ""]
    for question in programs():
        printed, seconds = run(question)
        print(f"{question.slug} ({seconds:.1f} s)\n{printed}\n", flush=True)
        lines += [f"`{question.slug}` (program {mark(question)}):", "", "```text", printed, "```", ""]
    page = PAGE.read_text(encoding="utf-8")
    between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not between.search(page):
        sys.exit(f"{PAGE} has no place for the results; put {BEGIN} and {END} on lines of their own")
    PAGE.write_text(between.sub(lambda _: "\n".join([*lines, END]), page), encoding="utf-8")


if __name__ == "__main__":
    main()
