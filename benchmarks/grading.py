"""How the grader agrees with people, and what fools it, on sets of graded answers.

    python benchmarks/grading.py --questions Q.jsonl --answers A.jsonl [--exemplars N] [--attacks] --out FILE

Q has one JSON object a line: qid, question, reference, and where there are any set, more_references, and key_points as
a list of lists of phrasings. A has qid, answer, and the grade that people gave it, 0 to 1. Without key points a
question's are the clauses of its reference. With `--exemplars N` every question is given N graded answers that are then
left out of the figures. The table is printed, and everything goes to FILE as JSON.

r is Pearson's; "within" takes every question's means out first, and so says how well answers to one question are
ranked. The interval is 95 %, by drawing questions with replacement. QWK is on three levels (people's are thirds of the
scale), the grader's thresholds always from other questions. Nothing else is fitted. Last figures: docs/grading.md.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file stands in, whatever is installed

from benchmarks import grading_statistics as statistics
from benchmarks.grading_attacks import Attack, attacks
from benchmarks.grading_data import Answered, Asked, BadInput, finite, read
from bot.core.exemplars import ruled
from bot.core.grading import VERSION, grade_answer
from bot.core.model import Effort, Grade

SEED = 20261122


def graded(asked: Asked, text: str) -> Grade:
    """The product's own grade; where there are more references, the best."""
    return max((grade_answer(question, text) for question in asked.alternatives), key=lambda grade: grade.score)


def with_exemplars(asked: Asked, samples: Sequence[Answered]) -> Asked:
    """The question with graded answers, as rulings would have left them."""
    exemplars = tuple(ruled(one.text, one.grade) for one in samples)
    return replace(asked, alternatives=tuple(replace(q, exemplars=exemplars) for q in asked.alternatives))


def drawn(asked: dict[str, Asked], answered: Sequence[Answered], count: int) -> tuple[dict[str, Asked], set[int]]:
    """Every question with `count` of its answers as exemplars, half of them at most, and which these are."""
    of: dict[str, list[int]] = {}
    for at, one in enumerate(answered):
        of.setdefault(one.question, []).append(at)
    used: set[int] = set()
    found = dict(asked)
    for id_, mine in sorted(of.items()):
        chosen = random.Random(f"{SEED} {id_}").sample(mine, min(count, len(mine) // 2))
        used.update(chosen)
        found[id_] = with_exemplars(asked[id_], [answered[at] for at in chosen])
    return found, used


class Progress:
    """A line on standard error that says how far it is."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done, self._at = what, total, 0, 0.0

    def step(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._at > 0.5 or self._done == self._total:
            self._at = now
            end = "\n" if self._done == self._total else ""
            print(f"\r{self._what}: {self._done:,} of {self._total:,}", end=end, file=sys.stderr, flush=True)


def agreement(
    asked: dict[str, Asked], answered: Sequence[Answered], left_out: set[int]
) -> tuple[dict[str, dict[str, dict[str, float]]], dict[str, Any]]:
    """The rows of every set, and what grading cost and flagged."""
    kept = [one for at, one in enumerate(answered) if at not in left_out]
    progress = Progress("answers graded", len(kept))
    before, seconds = _peak(), 0.0
    grades: list[Grade] = []
    for one in kept:
        start = time.perf_counter()
        grades.append(graded(asked[one.question], one.text))
        seconds += time.perf_counter() - start
        progress.step()
    cost: dict[str, Any] = {
        "ms_per_answer": 1000 * seconds / len(kept),
        "peak_mb": _peak(),
        "added_mb": _peak() - before,
        "flagged_honest": statistics.mean([float(bool(grade.flags)) for grade in grades]),
        "unsure": statistics.mean([float(grade.unsure) for grade in grades]),
    }
    tables: dict[str, dict[str, dict[str, float]]] = {}
    names = sorted({asked[one.question].set for one in kept})
    pairs = list(zip(kept, grades, strict=True))
    for name in [*names, *(["all"] if len(names) > 1 else [])]:
        chosen = [(one, grade) for one, grade in pairs if name in (asked[one.question].set, "all")]
        usual = statistics.mean([one.grade for one, _ in chosen])
        longest = max(len(one.text.split()) for one, _ in chosen) or 1
        tables[name] = {
            "grader": _row(chosen, [grade.score for _, grade in chosen]),
            "length only": _row(chosen, [len(one.text.split()) / longest for one, _ in chosen]),
            "majority": _row(chosen, [usual for _ in chosen]),
        }
        tables[name]["grader"]["flagged"] = statistics.mean([float(bool(grade.flags)) for _, grade in chosen])
    return tables, cost


def _row(chosen: Sequence[tuple[Answered, Grade]], scores: Sequence[float]) -> dict[str, float]:
    return statistics.row(
        [statistics.Graded(one.question, one.grade, score) for (one, _), score in zip(chosen, scores, strict=True)]
    )


def attacked(asked: dict[str, Asked], made: Sequence[Attack]) -> dict[str, dict[str, dict[str, float]]]:
    """For every set and kind of attack: how many, the mean and highest score, the share that is flagged or paid."""
    rows: dict[tuple[str, str], list[tuple[float, Grade]]] = {}
    progress = Progress("attacks graded", len(made))
    for attack in made:
        question = asked[attack.question]
        grade = graded(question, attack.text)
        score = grade.score - graded(question, attack.honest).score if attack.honest else grade.score
        for name in {question.set, "all"}:
            rows.setdefault((name, attack.kind), []).append((score, grade))
        progress.step()
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (name, kind), seen in sorted(rows.items()):
        found.setdefault(name, {})[kind] = {
            "count": len(seen),
            "mean": statistics.mean([score for score, _ in seen]),
            "highest": max(score for score, _ in seen),
            "flagged": statistics.mean([float(bool(grade.flags)) for _, grade in seen]),
            "no_try": statistics.mean([float(grade.effort is not Effort.HONEST) for _, grade in seen]),
        }
    return found


def _peak() -> float:
    """The most memory that this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1024


def shown(report: dict[str, Any]) -> str:
    """The report as a table for people."""
    lines = [f"grader {report['grader']}, exemplars {report['exemplars']}", ""]
    heads = f"{'set':14}{'row':13}{'answers':>8}{'r':>7}{'95 %':>13}{'within':>8}{'RMSE':>7}{'QWK':>7}"
    lines.append(heads + f"{'flagged':>9}")
    for name, table in report["sets"].items():
        for row, value in table.items():
            spread = f"{_two(value['r_low'])}-{_two(value['r_high'])}"
            flagged = f"{value['flagged']:9.2%}" if "flagged" in value else ""
            lines.append(
                f"{name:14}{row:13}{value['answers']:8,}{_two(value['r']):>7}{spread:>13}{_two(value['r_within']):>8}"
                f"{_two(value['rmse']):>7}{_two(value['qwk']):>7}{flagged}"
            )
    cost = report["cost"]
    lines += ["", f"{cost['ms_per_answer']:.2f} ms an answer, {cost['peak_mb']:.0f} MB at most"]
    lines[-1] += f" ({cost['added_mb']:.0f} MB while grading), unsure {cost['unsure']:.1%}"
    if "attacks" in report:
        lines += ["", f"{'set':14}{'attack':24}{'count':>6}{'mean':>7}{'highest':>9}{'flagged':>9}"]
        for name, kinds in report["attacks"].items():
            for kind, value in kinds.items():
                lines.append(
                    f"{name:14}{kind:24}{value['count']:6,}{value['mean']:7.3f}{value['highest']:9.3f}{value['flagged']:9.1%}"
                )
        lines.append("(for padding: by how much more than the answer that was padded)")
    return "\n".join(lines)


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".replace("0.", ".", 1) if value == value else "-"


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json(one) for key, one in value.items()}
    return finite(value) if isinstance(value, float) else value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 2 if the input cannot be used."""
    parser = argparse.ArgumentParser(description="Hold the grader against answers that people graded.")
    parser.add_argument("--questions", type=Path, required=True, help="JSON lines: qid, question, reference, ...")
    parser.add_argument("--answers", type=Path, required=True, help="JSON lines: qid, answer, grade 0..1")
    parser.add_argument("--exemplars", type=int, default=0, metavar="N", help="graded answers given to every question")
    parser.add_argument("--attacks", action="store_true", help="also try what people try")
    parser.add_argument("--out", type=Path, required=True, help="where the figures go, as JSON")
    options = parser.parse_args(arguments)
    if options.exemplars < 0:
        parser.error("--exemplars must not be negative")
    try:
        asked, answered = read(options.questions, options.answers)
        options.out.touch()
    except (BadInput, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    given, used = drawn(asked, answered, options.exemplars)
    sets, cost = agreement(given, answered, used)
    report = {"grader": VERSION, "exemplars": options.exemplars, "sets": sets, "cost": cost}
    if options.attacks:
        report["attacks"] = attacked(given, attacks(asked, answered, SEED))
    options.out.write_text(json.dumps(_json(report), indent=1) + "\n", encoding="utf-8")
    print(shown(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
