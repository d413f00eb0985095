"""The bank that we ship: it passes its own check, and holds what it is said to hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.authoring import check
from bot.core.bank import Severity, read_bank
from bot.core.bank_trial import deserved
from bot.core.grading import grade_answer
from bot.core.model import Question, Status

FILE = Path(__file__).parents[1] / "data" / "questions.yaml"
BANK = read_bank(FILE.read_text(encoding="utf-8"), FILE.name)


def test_the_bank_passes_the_strict_check() -> None:
    checked = check(FILE)
    assert BANK.profile == "nnquestion"
    assert [str(problem) for problem in checked.problems if problem.severity is not Severity.NOTE] == []
    assert checked.exemplars == 8 * len(BANK.questions)


def test_the_thirty_seeds_are_there_once_each_and_a_group_has_sixty_days_without_a_repeat() -> None:
    assert sorted(question.seed for question in BANK.questions if question.seed is not None) == [*range(1, 31)]
    assert len(BANK.questions) == 60


def test_every_question_was_read_a_second_time_and_says_when() -> None:
    assert all(question.status is Status.REVIEWED and question.reviewed for question in BANK.questions)


@pytest.mark.parametrize("question", BANK.questions, ids=lambda question: question.slug)
def test_no_exemplar_that_deserves_nothing_is_paid_in_full(question: Question) -> None:
    for sample in question.exemplars:
        if deserved(question, sample) == 0:
            assert grade_answer(question, sample.text).level < 2, sample.text


def test_seven_questions_have_a_program_of_a_page_at_most() -> None:
    programs = [question.code for question in BANK.questions if question.code is not None]
    assert len(programs) == 7
    assert all(len(program.source.splitlines()) <= 24 and program.needs for program in programs)
