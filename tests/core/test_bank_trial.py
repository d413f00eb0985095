"""The bank against its grader: what must earn, what must not, and who is told."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import yaml

from bot.core.bank import Problem, Severity, check_bank
from bot.core.bank_trial import Trial
from bot.core.model import Coverage, Grade, PointGrade, Question

POINTS = [
    ("stomata", "Stomata let carbon dioxide into the leaf", ["tiny pores take in CO2", "gas enters through openings"]),
    ("chlorophyll", "Chlorophyll absorbs sunlight for energy", ["green pigment catches light"]),
]
FULL = "stomata let carbon dioxide in, and chlorophyll absorbs the sunlight"
QUESTION: dict[str, Any] = {
    "id": "photosynthesis",
    "prompt": "How do plants make sugar?",
    "answer": "Stomata let carbon dioxide into the leaf. Chlorophyll absorbs sunlight for energy.",
    "key_points": [{"id": id, "text": text, "any_of": any_of, "essential": True} for id, text, any_of in POINTS],
    "exemplars": [
        {"kind": "full", "earns": ["stomata", "chlorophyll"], "text": FULL},
        {"kind": "partial", "earns": ["stomata"], "text": "tiny pores in the leaf take in the CO2"},
        {"kind": "keywords", "earns": [], "text": "plants, sugar, leaf, root, water, soil, garden"},
    ],
}  # fmt: skip
OTHER: dict[str, Any] = {
    "id": "tides",
    "prompt": "Why are there tides?",
    "answer": "The moon pulls the ocean toward itself.",
    "key_points": [{"id": "moon", "text": "The moon pulls the ocean", "essential": True}],
}


def question(**changes: Any) -> dict[str, Any]:
    """The question, with some of its keys otherwise."""
    return {**deepcopy(QUESTION), **changes}


def tried(*questions: dict[str, Any], language: str = "en", **trial_of: Any) -> tuple[list[Problem], Trial]:
    """What a trial finds in a bank of these questions."""
    head = {"id": "b", "title": "A bank", "version": "1.0.0", "language": language, "licence": "CC0"}
    trial = Trial(**trial_of)
    text = yaml.safe_dump({"bank": head, "questions": list(questions)}, sort_keys=False, width=10_000)
    return [*check_bank(text, "b.yaml", trial)], trial


def test_a_sound_question_passes_and_its_exemplars_are_counted() -> None:
    problems, trial = tried(QUESTION, OTHER)
    assert problems == []
    assert (trial.hit, trial.exemplars) == (3, 3)


def test_the_reference_answer_must_say_every_key_point() -> None:
    [problem], _ = tried(question(answer="Stomata let carbon dioxide into the leaf."))
    assert 'key point "chlorophyll" of "photosynthesis" is not earned by the reference answer' in problem.message
    assert problem.severity is Severity.ERROR


def test_the_reference_answer_must_not_be_taken_for_a_misconception() -> None:
    wrong = {"claim": "Chlorophyll absorbs sunlight for energy", "why": "It does.", "blocks": "stomata"}
    problems, _ = tried(question(misconceptions=[wrong], exemplars=[]))
    assert any("is taken for the misconception" in problem.message for problem in problems)


def test_the_prompt_handed_back_and_an_empty_answer_must_earn_nothing() -> None:
    def generous(asked: Question, text: str) -> Grade:
        points = tuple(PointGrade(key_point=p.id, coverage=Coverage.COVERED, credit=1.0) for p in asked.key_points)
        return Grade(score=1.0, level=2, points=points)

    problems, _ = tried(question(exemplars=[]), grade=generous)
    said = [(str(problem.severity), problem.message) for problem in problems]
    for given in ("an empty answer", "the prompt handed back"):
        for point in ("stomata", "chlorophyll"):
            message = f'{given} earns key point "{point}" of "photosynthesis"; mend its phrasings'
            assert ("error", message) in said
        assert ("warning", f'{given} counts as a try at "photosynthesis"; word the prompt otherwise') in said


def test_the_answer_to_another_question_must_not_be_full_marks() -> None:
    thief = {
        **OTHER,
        "id": "thief",
        "prompt": "What is green?",
        "answer": "Well. " + QUESTION["answer"],
        "key_points": [],
    }
    [problem], _ = tried(QUESTION, thief)
    assert 'the answer to "thief" earns level 2 of "photosynthesis"' in problem.message
    assert problem.severity is Severity.ERROR
    [problem], _ = tried(question(related=["thief"]), thief)
    assert problem.severity is Severity.NOTE


def test_keywords_that_would_be_paid_in_full_are_an_error() -> None:
    said = "stomata let carbon dioxide in, and chlorophyll absorbs the sunlight for energy"
    problems, trial = tried(question(exemplars=[{"kind": "keywords", "earns": [], "text": said}]))
    [problem] = problems
    assert problem.severity is Severity.ERROR
    assert 'keywords exemplar 1 of "photosynthesis" deserves level 0 and gets 2' in problem.message
    assert (trial.hit, trial.exemplars) == (0, 1)


def test_an_exemplar_that_the_grader_sees_otherwise_is_a_note_on_its_line() -> None:
    missed = {"kind": "full", "earns": ["stomata", "chlorophyll"], "text": "they do it with light and air somehow"}
    problems, _ = tried(question(exemplars=[missed]))
    [problem] = problems
    assert problem.severity is Severity.NOTE
    assert problem.line > 20


def test_questions_that_are_not_graded_are_not_tried() -> None:
    assert tried(question(key_points=[], exemplars=[]))[0] == []
    assert tried(question(answer="Blätter."), language="de")[0] == []


def test_progress_is_told_question_by_question() -> None:
    seen: list[int] = []
    trial = Trial(done=seen.append)
    head = {"id": "b", "title": "A bank", "version": "1.0.0", "language": "en", "licence": "CC0"}
    check_bank(yaml.safe_dump({"bank": head, "questions": [QUESTION, OTHER]}), "b.yaml", trial)
    assert seen == [1, 2]
