"""The grader's benchmark: its statistics against figures worked out by hand, its input's faults, its attacks."""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from benchmarks import grading as benchmark
from benchmarks.grading_attacks import attacks, denied, keywords, swapped
from benchmarks.grading_data import Answered, Asked, BadInput, read
from benchmarks.grading_statistics import (
    Graded,
    held_out_pairs,
    human_level,
    interval,
    level,
    pooled,
    qwk,
    rmse,
    sums,
    thresholds,
    within,
)

# Two questions, in each of which the score rises with the grade, and between which it falls.
TWO = [
    *(Graded("a", human, score) for human, score in ((0.0, 0.6), (0.2, 0.8))),
    *(Graded("b", human, score) for human, score in ((0.8, 0.0), (1.0, 0.2))),
]


def test_r_within_a_question_leaves_out_what_lies_between_questions() -> None:
    parts = sums(TWO)
    assert within(parts) == pytest.approx(1.0)
    # By hand, from the means 0.4 and 0.5: products -0.44, squares 0.40 and 0.68.
    assert pooled(parts) == pytest.approx(-0.44 / (0.40 * 0.68) ** 0.5)


def test_r_of_what_does_not_vary_is_no_number() -> None:
    assert isnan(pooled(sums([Graded("a", human, 0.5) for human in (0.0, 0.5, 1.0)])))


def test_rmse_is_the_root_of_the_mean_squared_difference() -> None:
    assert rmse([Graded("a", 1.0, 0.4), Graded("a", 0.0, 0.8)]) == pytest.approx((0.36 / 2 + 0.64 / 2) ** 0.5)


def test_kappa_is_one_for_the_same_and_zero_for_a_constant() -> None:
    assert qwk([(0, 0), (1, 1), (2, 2)]) == 1.0
    assert qwk([(0, 1), (1, 1), (2, 1)]) == 0.0
    # Worked out: seen 4 + 1, by chance (0: 1, 1: 1, 2: 1) against (0: 1, 1: 0, 2: 2): (4*2 + 1 + 1*2 + 4) / 3.
    assert qwk([(0, 2), (1, 2), (2, 0)]) == pytest.approx(1 - 9 / 5)


def test_levels_are_thirds_for_people_and_thresholds_for_the_grader() -> None:
    assert [human_level(grade) for grade in (0.0, 0.33, 0.34, 0.66, 0.67, 1.0)] == [0, 0, 1, 1, 2, 2]
    assert [level(score, (0.3, 0.6)) for score in (0.29, 0.3, 0.6)] == [0, 1, 2]


def test_thresholds_part_what_can_be_parted() -> None:
    graded = [Graded("a", human, human / 2) for human in (0.0, 0.1, 0.5, 0.6, 0.9, 1.0)]
    low, high = thresholds(graded)
    assert [level(one.score, (low, high)) for one in graded] == [0, 0, 1, 1, 2, 2]


def test_thresholds_never_come_from_the_question_they_are_used_on() -> None:
    graded = [Graded(name, human, human) for name in "abcd" for human in (0.0, 0.5, 1.0)]
    graded += [Graded("odd", 0.0, 1.0), Graded("odd", 1.0, 0.0)]
    pairs = held_out_pairs(graded, folds=5, seed=1)
    assert sorted(pairs) == sorted([*[(0, 0), (1, 1), (2, 2)] * 4, (0, 2), (2, 0)])


def test_the_interval_holds_r_and_is_the_same_every_time() -> None:
    graded = [Graded(str(n % 12), (n * 7 % 11) / 10, (n * 7 % 11 + n % 3) / 12) for n in range(120)]
    parts = sums(graded)
    low, high = interval(parts, 200, 3)
    assert low <= pooled(parts) <= high
    assert (low, high) == interval(dict(reversed(parts.items())), 200, 3)


QUESTION = {
    "qid": "q1",
    "set": "leaves",
    "question": "What do leaves do?",
    "reference": "They absorb sunlight and turn carbon dioxide into sugar. Oxygen is released.",
    "more_references": [],
}
ANSWERS = [
    {"qid": "q1", "answer": "they absorb sunlight, turn carbon dioxide into sugar, oxygen is released", "grade": 1},
    {"qid": "q1", "answer": "they absorb the sunlight", "grade": 0.4},
    {"qid": "q1", "answer": "no idea", "grade": 0},
    {"qid": "q1", "answer": "", "grade": 0.0},
]  # fmt: skip


def written(folder: Path, name: str, rows: list[Any]) -> Path:
    path = folder / name
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_a_set_is_read_with_key_points_derived_or_given(tmp_path: Path) -> None:
    given = {**QUESTION, "qid": "q2", "key_points": [["absorbs light", "takes in sunlight"], ["makes sugar"]]}
    more = {**QUESTION, "qid": "q3", "more_references": ["Leaves feed the plant."]}
    asked, answered = read(written(tmp_path, "q.jsonl", [QUESTION, given, more]), written(tmp_path, "a.jsonl", ANSWERS))
    assert len(answered) == 4
    assert not any(point.essential for point in asked["q1"].alternatives[0].key_points)
    rubric = asked["q2"].alternatives[0].key_points
    assert [(p.text, p.any_of, p.essential) for p in rubric[:1]] == [("absorbs light", ("takes in sunlight",), True)]
    assert len(asked["q3"].alternatives) == 2


@pytest.mark.parametrize(
    ("questions", "answers", "told"),
    [
        ([QUESTION, QUESTION], ANSWERS, "q.jsonl:2: question 'q1' stands in the file twice"),
        ([QUESTION], [*ANSWERS, {"qid": "x", "answer": "", "grade": 0}], "a.jsonl:5: no question 'x'"),
        ([QUESTION], [{"qid": "q1", "answer": "a", "grade": 1.2}], "a.jsonl:1: grade is 1.2"),
        ([QUESTION], ["{"], "a.jsonl:1: is not JSON"),
        ([{**QUESTION, "key_points": [[]]}], ANSWERS, "q.jsonl:1: key point 1 is []"),
        ([{**QUESTION, "reference": " "}], ANSWERS, "q.jsonl:1: reference is ' '"),
        ([], ANSWERS, "no question 'q1'"),
    ],
)
def test_bad_input_is_told_by_file_and_line(
    tmp_path: Path, questions: list[Any], answers: list[Any], told: str
) -> None:
    with pytest.raises(BadInput) as error:
        read(written(tmp_path, "q.jsonl", questions), written(tmp_path, "a.jsonl", answers))
    assert told in str(error.value)


def test_attacks_are_made_of_the_reference() -> None:
    reference = "The current is higher. It flows before the switch is open."
    whole, inside = denied(reference)
    assert whole == "It is not true that the current is higher. It is not true that it flows before the switch is open."
    assert inside == "The current is not higher. It flows before the switch is not open."
    assert keywords(reference)[0] == "current, higher, flows, switch, open"
    assert swapped(reference) == "The current is lower. It flows after the switch is closed."
    assert swapped("Nothing to turn.") == ""


def test_the_same_attacks_are_made_whatever_the_order(tmp_path: Path) -> None:
    asked, answered = read(
        written(tmp_path, "q.jsonl", [QUESTION, {**QUESTION, "qid": "q0"}]), written(tmp_path, "a.jsonl", ANSWERS)
    )
    assert attacks(asked, answered, 5) == attacks(dict(reversed(asked.items())), answered, 5)


def test_the_answers_given_as_exemplars_are_left_out(tmp_path: Path) -> None:
    asked, answered = read(written(tmp_path, "q.jsonl", [QUESTION]), written(tmp_path, "a.jsonl", ANSWERS))
    given, used = benchmark.drawn(asked, answered, 5)
    assert len(used) == 2
    texts = {exemplar.text for exemplar in given["q1"].alternatives[0].exemplars}
    assert texts == {answered[at].text for at in used}


def test_it_prints_a_table_and_writes_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = [{**QUESTION, "qid": f"q{n}"} for n in range(1, 6)]
    answers = [{**answer, "qid": f"q{n}"} for n in range(1, 6) for answer in ANSWERS]
    files = [str(written(tmp_path, name, rows)) for name, rows in (("q.jsonl", questions), ("a.jsonl", answers))]
    out = tmp_path / "out.json"
    assert benchmark.main(["--questions", files[0], "--answers", files[1], "--attacks", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert figures["sets"]["leaves"]["grader"]["r"] > 0.8
    assert figures["sets"]["leaves"]["majority"]["r"] is None
    zero = ("empty", "I don't know", "question copied", "off-topic one-liner")
    assert [figures["attacks"]["leaves"][kind]["highest"] for kind in zero] == [0.0] * 4
    assert figures["attacks"]["leaves"]["padded: repeated"]["highest"] <= 0
    assert "length only" in printed
    assert "ms an answer" in printed


def test_bad_input_ends_it_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = ["--questions", str(tmp_path / "q"), "--answers", str(tmp_path / "a"), "--out", str(tmp_path / "o")]
    assert benchmark.main(missing) == 2
    assert "No such file" in capsys.readouterr().err


def test_the_score_of_a_sample_is_peoples_grade() -> None:
    asked = Asked("q", "s", "p", "r", ())
    assert benchmark.with_exemplars(asked, [Answered("q", "t", 0.5)]).alternatives == ()
