"""Writes what Slack may answer, and what follows from it, into `docs/slack.md`.

`python -m tests.adapters.slack.failure_table` does it; a test holds the page to the code.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from bot.adapters.slack.failures import rows

PAGE: Final = Path(__file__).parents[3] / "docs" / "slack.md"
BEGIN, END = "<!-- the table of failures: begin -->", "<!-- the table of failures: end -->"


def table() -> str:
    """The table in Markdown."""
    lines = ["| Slack says | it means | it is | what follows |", "|---|---|---|---|"]
    for says, means, outcome, follows in rows():
        lines.append(f"| `{says}` | {means} | {outcome} | {follows} |")
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with the table as it is now. Raises ValueError where the page has no place for it."""
    made, found = re.subn(f"(?s){BEGIN}.*{END}", lambda _: f"{BEGIN}\n{table()}\n{END}", page)
    if found != 1:
        raise ValueError(f"{PAGE}: it has to hold {BEGIN} and {END} once")
    return made


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
