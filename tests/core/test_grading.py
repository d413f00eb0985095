"""What the first grader promises: honest tries are told from none, credit has reasons, tricks earn little."""

from __future__ import annotations

import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core import text as reading
from bot.core.bank import read_bank
from bot.core.clauses import clauses
from bot.core.exemplars import ruled
from bot.core.grading import VERSION, basis, grade_answer, with_rulings
from bot.core.model import (
    Coverage,
    Effort,
    Exemplar,
    ExemplarKind,
    Flag,
    Grade,
    KeyPoint,
    Misconception,
    PointGrade,
    Question,
    QuestionId,
)

GOES_IN = KeyPoint(
    id="light",
    text="Sunlight gives the energy for the reaction",
    any_of=("they use light from the sun", "powered by solar energy", "chlorophyll absorbs photons"),
    weight=2,
    essential=True,
)
SUGAR = KeyPoint(
    id="sugar",
    text="Carbon dioxide and water become sugar",
    any_of=("turns CO2 and water into glucose", "builds carbohydrates from carbon dioxide"),
    weight=2,
    essential=True,
)
OXYGEN = KeyPoint(
    id="oxygen",
    text="Oxygen is released as a by-product",
    any_of=("gives off oxygen", "the leaf breathes out O2 as waste"),
    essential=True,
)
NIGHT = KeyPoint(id="night", text="In darkness respiration goes on alone", any_of=("at night they only respire",))

FROM_SOIL = Misconception(
    claim="Plants take their food out of the soil.",
    why="They make it; the soil gives water and minerals.",
    blocks="sugar",
    cues=("the roots suck food out of the soil", "plants eat nutrients from the ground"),
)

FULL = (
    "Sunlight gives the energy. With it the leaf turns carbon dioxide and water into sugar, "
    "and oxygen is released as a by-product."
)
OFF_TOPIC = (
    "My brother plays the violin every Tuesday in a small church.",
    "The train to Hamburg was late and we missed the concert.",
    "Nobody in our office has ever won a game of chess against her.",
    "I would rather paint the kitchen yellow before the guests arrive!",
    "- parking tickets, football, pizza, umbrellas, keyboards, marmalade, tickets, trousers, elephants",
)


def make_question(
    *points: KeyPoint,
    prompt: str = "What is photosynthesis, and how do plants do it?",
    misconceptions: tuple[Misconception, ...] = (),
) -> Question:
    return Question(
        id=QuestionId("test:photosynthesis"),
        prompt=prompt,
        answer="Plants turn carbon dioxide and water into sugar with the energy of sunlight. Oxygen is released.",
        key_points=points,
        misconceptions=misconceptions,
    )


QUESTION = make_question(GOES_IN, SUGAR, OXYGEN, NIGHT, misconceptions=(FROM_SOIL,))


def point(grade: Grade, key_point: str) -> PointGrade:
    return next(graded for graded in grade.points if graded.key_point == key_point)


def test_an_answer_with_all_essentials_is_level_two() -> None:
    grade = grade_answer(QUESTION, FULL)
    assert (grade.level, grade.effort, grade.grader) == (2, Effort.HONEST, VERSION)
    assert grade.score > 0.9
    assert [p.key_point for p in grade.points] == ["light", "sugar", "oxygen", "night"]
    assert point(grade, "night").coverage is Coverage.MISSED


def test_one_essential_is_level_one_and_an_honest_try_that_hits_nothing_level_zero() -> None:
    grade = grade_answer(QUESTION, "It gives off oxygen, I remember that from school.")
    assert (grade.level, grade.score) == (1, 0.2)
    grade = grade_answer(QUESTION, "The gardener cuts the hedge with large scissors each autumn.")
    assert (grade.level, grade.score, grade.effort) == (0, 0.0, Effort.HONEST)


def test_what_a_senior_would_add_changes_no_level() -> None:
    grade = grade_answer(QUESTION, "At night the respiration goes on alone in darkness.")
    assert point(grade, "night").coverage is Coverage.COVERED
    assert (grade.level, grade.score) == (0, 0.0)


def test_without_essentials_the_weighted_credit_decides() -> None:
    plain = [KeyPoint(id=p.id, text=p.text, any_of=p.any_of, weight=p.weight) for p in (GOES_IN, SUGAR, OXYGEN)]
    question = make_question(*plain)
    assert grade_answer(question, FULL).level == 2
    assert grade_answer(question, "The leaf turns carbon dioxide and water into glucose.").level == 1
    assert grade_answer(question, "The gardener cuts the hedge with large scissors.").level == 0


def test_close_to_the_edge_the_grade_is_unsure_and_takes_the_higher_level() -> None:
    words = [f"{a}{b}lumox" for a in "bdfgk" for b in "aeiou"]
    question = make_question(KeyPoint(id="all", text=" ".join(words), essential=True), prompt="Say them.")
    grades = [grade_answer(question, "so these are the " + " and the ".join(words[:n])) for n in range(5, 25)]
    by_level = {level: [g for g in grades if g.level == level] for level in (0, 2)}
    assert by_level[2][0].unsure
    assert by_level[2][0].points[0].coverage is Coverage.PARTLY
    assert not by_level[2][-1].unsure
    assert not any(grade.unsure for grade in by_level[0])
    assert [g.level for g in grades] == sorted(g.level for g in grades)


@pytest.mark.parametrize(
    "answer",
    [
        "They get ENERGY from **sunlight**, that is what drives the reaction",
        "||They get energy from sunlight||, that is what drives the reaction",
        "they get energy from sunlihgt, that is what drives the reaction",
        "They get energy from sun\u200blight, that is what drives the reaction",
        "see https://example.org/leaf :leaves: energy comes from sunlight, it drives reactions",
    ],
)
def test_capitals_marks_links_and_slips_do_not_matter(answer: str) -> None:
    assert point(grade_answer(QUESTION, answer), "light").coverage is Coverage.COVERED


@pytest.mark.parametrize(
    ("phrasing", "answer"),
    [
        ("batch normalization and stochastic gradient descent", "you would want bn together with sgd"),
        ("a CNN with BN", "a convolutional neural network that has batch norm in it"),
        ("back-propagation reduces over-fitting", "the backprop is what reduces overfitting"),
        ("non-linear regularization", "it is nonlinear and then they regularise it"),
    ],
)
def test_acronyms_and_spellings_are_read_both_ways(phrasing: str, answer: str) -> None:
    question = make_question(KeyPoint(id="it", text=phrasing, essential=True), prompt="Which one?")
    assert grade_answer(question, answer).level == 2


def test_a_point_shows_the_sentence_that_earned_it_as_it_was_typed() -> None:
    grade = grade_answer(
        QUESTION, "Hm, let me see. Plants **give off Oxygen** as waste! Much more I cannot recall now."
    )
    assert point(grade, "oxygen").words == "Plants **give off Oxygen** as waste!"
    assert point(grade, "sugar").words == ""


def test_a_long_sentence_is_quoted_up_to_two_hundred_characters() -> None:
    long = "it gives off oxygen " + "and extraordinarily-complicated " * 12
    words = point(grade_answer(QUESTION, long), "oxygen").words
    assert (len(words), words[:19]) == (200, "it gives off oxygen")


def test_what_lacks_is_told_in_words_not_stems() -> None:
    grade = grade_answer(QUESTION, "Something about carbon, as far as I can recall from class.")
    assert "dioxide" in point(grade, "sugar").lacking
    assert point(grade_answer(QUESTION, FULL), "sugar").lacking == ()


ZERO_EFFORT = {
    Effort.NOTHING: """...|?!|👍👍👍|🙂|lol|hi all|ok cool thanks|a b c d|\u200b|<@1234> :leaves:|https://a.b""",
    Effort.DONT_KNOW: """I don't know|i dont know!|I do not know, sorry 🙂|idk|IDK lol|no idea|No clue, sorry guys|pass|
        Pass!|not sure, sorry|dunno|I can’t remember this one :(|I have no idea what photosynthesis is""",
    Effort.QUESTION_BACK: """What is photosynthesis, and how do plants do it?|
        photosynthesis?? photosynthesis of the plants|The question is what photosynthesis is and how plants do it.""",
}
CASES = [(text, effort) for effort, texts in ZERO_EFFORT.items() for text in map(str.strip, texts.split("|"))]


@pytest.mark.parametrize(("text", "effort"), [*CASES, *((text, Effort.NOTHING) for text in ("", " \n ", "||  ||"))])
def test_no_try_is_recognized_and_earns_nothing(text: str, effort: Effort) -> None:
    grade = grade_answer(QUESTION, text)
    assert grade.effort is effort
    assert (grade.score, grade.level, grade.unsure) == (0.0, 0, False)
    assert [p.coverage for p in grade.points] == [Coverage.MISSED] * 4


TRIES = """I don't know exactly but the leaf gives off oxygen|not sure, they turn carbon dioxide into sugar?
gives off oxygen|idk much, the roots drink and the stem stands in a pot|a wrong but honest try about bees and flowers"""


@pytest.mark.parametrize("text", TRIES.replace("\n", "|").split("|"))
def test_doubt_and_brevity_are_still_a_try(text: str) -> None:
    assert grade_answer(QUESTION, text).effort is Effort.HONEST


def test_a_question_without_key_points_tells_effort_only() -> None:
    question = make_question()
    assert grade_answer(question, FULL) == Grade(score=0.0, level=0, grader=VERSION)
    assert grade_answer(question, "idk").effort is Effort.DONT_KNOW


def test_systematic_denial_is_lowered_and_people_look_at_it() -> None:
    each = "Sunlight doesn't give the energy for the reaction. Carbon dioxide and water never become sugar. "
    at_once = "It is not true that sunlight gives energy, that carbon dioxide becomes sugar, that oxygen is released."
    for denial in (each + "And oxygen is not released as a by-product.", at_once):
        grade = grade_answer(QUESTION, denial)
        assert (grade.level, grade.flags, grade.effort) == (0, (Flag.DENIAL,), Effort.HONEST)
        assert 0 < grade.score <= 0.05
        assert point(grade, "sugar").coverage is Coverage.MISSED


def test_one_honest_not_costs_nothing() -> None:
    honest, same = (
        grade_answer(QUESTION, FULL.replace("Sunlight gives", f"It is {how} magic that sunlight gives"))
        for how in ("not", "just")
    )
    assert (honest.score, honest.level, honest.flags) == (same.score, 2, ())


def test_an_answer_that_affirms_nothing_is_not_paid_in_full_and_people_look_at_it() -> None:
    dark = KeyPoint(id="dark", text="Without light no sugar is made", any_of=("no sugar in the dark",), essential=True)
    question = make_question(dark, OXYGEN)
    assert grade_answer(question, "no sugar in the dark. oxygen is released as a by-product").level == 2
    grade = grade_answer(question, "there's no reason for no sugar in the dark. it never gives off oxygen")
    assert (grade.level, grade.unsure) == (1, True)


def test_an_essential_that_is_a_denial_itself_may_stand_beside_another_in_one_sentence() -> None:
    dark = KeyPoint(id="dark", text="Without light no sugar is made", any_of=("no sugar in the dark",), essential=True)
    assert (
        grade_answer(make_question(dark, OXYGEN), "oxygen is released as a by-product, no sugar in the dark").level == 2
    )


def test_words_that_are_spread_over_a_long_text_count_less_than_over_a_short_one() -> None:
    spread = ["Carbon is everywhere.", "Water is wet.", "People like glucose.", "Nobody builds carbohydrates."]
    short = grade_answer(QUESTION, " ".join(spread))
    long = grade_answer(QUESTION, " ".join([*spread, *OFF_TOPIC[:4] * 3]))
    assert point(long, "sugar").credit < point(short, "sugar").credit


def test_a_bare_list_of_keywords_earns_no_level() -> None:
    listed = "sunlight, energy, carbon dioxide, water, sugar, glucose, oxygen, by-product, released, reaction"
    grade = grade_answer(QUESTION, listed)
    assert (grade.level, grade.effort, grade.flags) == (0, Effort.HONEST, (Flag.KEYWORDS,))
    assert 0 < grade.score <= 0.05
    assert [grade_answer(QUESTION, listed.replace(", ", gap)).level for gap in (" ", "\n", ". ")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("Name three things that photosynthesis needs.", True),
        ("What is it? Please state at least 3 of its inputs.", True),
        ("List and describe two inputs.", True),
        ("Write down all its inputs.", True),
        ("Which inputs does it need (array-based vs. list-based)?", False),
        ("Are both leaves in the same state, and why?", False),
    ],
)
def test_a_prompt_that_asks_for_names_takes_a_short_list_of_them(asked: str, listed: bool) -> None:
    question = replace(QUESTION, prompt=asked)
    names = "sunlight, energy, carbon dioxide, water"
    assert (grade_answer(question, names).flags == ()) is listed
    many = f"{names}, sugar, glucose, oxygen, by-product, released, reaction, chlorophyll, photons, carbohydrates"
    assert grade_answer(question, many).flags == (Flag.KEYWORDS,)


def test_a_reference_that_is_two_names_takes_a_list() -> None:
    question = replace(make_question(KeyPoint(id="it", text="stamens and pistils", essential=True)), answer="")
    assert grade_answer(replace(question, answer="Stamens and pistils."), "pistils, stamens").flags == ()
    assert grade_answer(replace(question, answer=GRACE), "pistils, stamens").flags == (Flag.KEYWORDS,)


@pytest.mark.parametrize(
    "answer",
    [
        "sunlight = energy\nsugar = carbon dioxide + water",
        "carbon dioxide -> sugar\nsunlight -> energy\nwater -> oxygen",
        "O(oxygen water)",
    ],
)
def test_formulas_are_no_lists_of_keywords(answer: str) -> None:
    assert grade_answer(QUESTION, answer).flags == ()


def test_who_explains_by_a_contrast_denies_nothing() -> None:
    question = make_question(*(replace(p, essential=False) for p in (GOES_IN, SUGAR, OXYGEN)))
    contrast = (
        "An animal does not turn carbon dioxide and water into sugar. It does not give off oxygen as a by-product. "
        "The leaf builds glucose from carbon dioxide and water, powered by the solar energy of sunlight, "
        "and oxygen is released by the chlorophyll as waste."
    )
    assert grade_answer(question, contrast).flags == ()
    without = contrast[: contrast.index(" The leaf")]
    assert grade_answer(question, without).flags == (Flag.DENIAL,)


def test_a_short_reference_is_denied_only_by_who_says_little_else() -> None:
    question = replace(make_question(KeyPoint(id="it", text="each leaf has its own stem")), prompt="Explain it.")
    question = replace(question, answer="each leaf has its own stem")
    assert grade_answer(question, "each leaf has not its own stem").flags == (Flag.DENIAL,)
    honest = "this leaf has not its stem in common with that leaf, thus one withers alone while neighbors stay green"
    assert grade_answer(question, honest).flags == ()


@pytest.mark.parametrize("said", ["not only", "whether or not"])
def test_idioms_with_a_not_deny_nothing(said: str) -> None:
    assert not any(word.denied for word in reading.words(f"oxygen is released {said} as waste"))


def test_an_everyday_word_with_the_stem_of_a_telling_one_is_no_try() -> None:
    question = make_question(KeyPoint(id="it", text="the arrival rate of photons"), prompt="What counts?")
    guests = "I would rather paint the kitchen yellow before the guests arrive!"
    assert grade_answer(question, guests).score == 0
    exemplars = tuple(ruled(f"{word} {VAGUE}", 1.0) for word in ("a", "the", "hm"))
    assert grade_answer(replace(question, exemplars=exemplars), guests).score == 0
    assert grade_answer(question, "what counts is the arrival of photons").score > 0


def test_which_of_several_things_is_meant_counts_a_little_and_a_table_of_them_no_more() -> None:
    question = make_question(*clauses("Bulb C is connected to terminal 4"), prompt="Why?")
    right, wrong = (grade_answer(question, f"bulb {b} is at terminal {t}").score for b, t in (("C", 4), ("B", 6)))
    assert 0 < right - wrong < 0.5
    letters = " ".join("bcdefghjklmnopqrstuvwxyz")
    table = make_question(*clauses(f"Terminals are connected through filaments: {letters}"), prompt="Why?")
    assert grade_answer(table, "The terminals are connected through filaments").score > 0.9


def test_a_misconception_blocks_its_key_point_and_says_so() -> None:
    answer = "The roots suck their food out of the soil. Carbon dioxide and water become sugar. It gives off oxygen."
    blocked = point(grade_answer(QUESTION, answer), "sugar")
    assert (blocked.credit, blocked.blocked_by) == (0.0, FROM_SOIL.claim)
    assert blocked.words == "The roots suck their food out of the soil."
    assert point(grade_answer(QUESTION, answer), "oxygen").coverage is Coverage.COVERED


def test_denying_a_misconception_is_not_holding_it() -> None:
    answer = "The roots do not suck food out of the soil. Carbon dioxide and water become sugar."
    assert point(grade_answer(QUESTION, answer), "sugar").coverage is Coverage.COVERED


def test_words_of_the_prompt_alone_earn_nothing() -> None:
    echo = KeyPoint(id="echo", text="plants do photosynthesis with chlorophyll", essential=True)
    grade = grade_answer(make_question(echo, GOES_IN), "I think that plants do their photosynthesis in summer gardens")
    assert point(grade, "echo").credit == 0.0


@pytest.mark.parametrize(
    "answer", [FULL, "It gives off oxygen.", "Sunlight, sugar.", "I am not sure what it is for us"]
)
@pytest.mark.parametrize("padding", [OFF_TOPIC, OFF_TOPIC[:1], OFF_TOPIC[-1:]])
def test_padding_never_raises_the_level(answer: str, padding: tuple[str, ...]) -> None:
    level = grade_answer(QUESTION, answer).level
    for text in (f"{answer} {' '.join(padding)}", f"{' '.join(padding)}\n{answer}"):
        assert grade_answer(QUESTION, text).level <= level


SHIPPED = read_bank((Path(__file__).parents[2] / "data" / "questions.yaml").read_text("utf-8"), "shipped").questions
BANTER = """good morning everyone, how was your weekend at the lake?|by the way who brings snacks on Friday?|good one!
    wait, can you say more about the second half of that?|thanks a lot, that was really helpful for me|same here
    can somebody share the notes from last time?|that depends on who you ask, my teacher said something different
    I have seen this before in a job interview|the first question was easy, but the next ones get harder and harder
    it depends on the task and the data|it stacks layers of neurons with weights and activations
    you train the model on the data and then you test it on new data
    in general it makes the network learn better features from the data, so the output is better"""


@pytest.mark.parametrize("question", SHIPPED, ids=lambda question: str(question.id))
def test_banter_and_words_that_the_whole_field_uses_earn_no_point(question: Question) -> None:
    for line in BANTER.replace("\n", "|").split("|"):
        assert {p.coverage for p in grade_answer(question, line).points} == {Coverage.MISSED}, line


def test_answers_to_other_questions_rarely_earn_a_level_and_hardly_ever_the_highest() -> None:
    draw = random.Random(3)
    others = [(q, other) for q in SHIPPED for other in draw.sample(SHIPPED, 8) if other.id not in (q.id, *q.related)]
    levels = [grade_answer(q, draw.choice(other.exemplars).text).level for q, other in others]
    assert sum(level > 0 for level in levels) < len(levels) / 12
    assert levels.count(2) <= len(levels) / 200


def test_one_telling_word_of_several_is_no_more_than_a_hint() -> None:
    question = make_question(KeyPoint(id="it", text="stomata regulate transpiration"))
    in_part = ("It is the stomata", "The stomata will regulate it")
    one, two = (grade_answer(question, f"{said} in our garden").points[0] for said in in_part)
    assert (one.coverage, two.coverage) == (Coverage.MISSED, Coverage.COVERED)


def test_words_of_two_phrasings_say_a_key_point_together_and_words_of_the_whole_field_do_not() -> None:
    phrasings = ("like averaging many thinned networks", "behaves like an ensemble of sub-networks")
    question = make_question(KeyPoint(id="it", text="units co-adapt less", any_of=(*phrasings, "robust to test data")))
    alone = make_question(KeyPoint(id="it", text="units co-adapt less", any_of=phrasings[:1]))
    said = "an ensemble of thinned networks"
    assert grade_answer(question, said).points[0].coverage is Coverage.COVERED
    assert grade_answer(alone, said).points[0].coverage is not Coverage.COVERED
    assert grade_answer(question, "many networks see data, as you test them").points[0].coverage is Coverage.MISSED


WORDS = sorted({word for p in QUESTION.key_points for said in (p.text, *p.any_of) for word in said.split()})
SIGNS = ["not", "and", "the", ".", ",", "\n", "||", "idk", "soil", "food"]
CHAT = st.lists(st.sampled_from([*WORDS, *SIGNS]), max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), CHAT.map(" ".join)))
@example("\ud800 lone surrogate \x00")
@example("\u202eolleh\u202c ﷺ ﷽ ẞ İ ǅ")
def test_any_text_gets_a_grade_in_range_and_the_same_twice(text: str) -> None:
    grade = grade_answer(QUESTION, text)
    assert grade == grade_answer(QUESTION, text)
    assert 0 <= grade.score <= 1
    assert grade.level in (0, 1, 2)
    assert [p.key_point for p in grade.points] == [p.id for p in QUESTION.key_points]
    assert all(0 <= p.credit <= 1 and len(p.words) <= 200 and len(p.lacking) <= 4 for p in grade.points)
    if grade.effort is not Effort.HONEST:
        assert (grade.score, grade.level) == (0.0, 0)


@settings(max_examples=60, deadline=None)
@given(CHAT.map(" ".join), st.lists(st.sampled_from(OFF_TOPIC[:4]), min_size=1, max_size=3))
def test_sentences_off_topic_earn_nothing(text: str, padding: list[str]) -> None:
    alone = grade_answer(QUESTION, text + ".")
    padded = grade_answer(QUESTION, text + ". " + " ".join(padding))
    if alone.effort is Effort.HONEST:
        assert padded.level <= alone.level
        assert all(more.credit <= less.credit for more, less in zip(padded.points, alone.points, strict=True))


BIG = {
    "one word": "sunlight " * 10_000,
    "one letter": "a. " * 5_000,
    "marks": "!" * 20_000 + ".\"'" * 3_000,
    "no spaces": "x" * 50_000,
    "ligatures": "ﷺ" * 6_000,
    "kana": "光合成は植物が行う。" * 600,
    "emoji": "👨\u200d👩\u200d👧" * 2_000 + "sun\u200blight\u200d " * 500,
    "code": "```python\nx = f(w * x + b)[0]  # not\n```\n" * 200,
    "formulas": "h_t = σ(W·x_t + U·h_{t-1} + b), ∂L/∂w ≤ 0.25; " * 100,
    "spoilers": "||" * 5_000,
    "misconceptions": ". ".join((FROM_SOIL.claim, *FROM_SOIL.cues)) * 60,
    "vocabulary": " ".join(random.Random(1).choices(WORDS, k=800)),
}


@pytest.mark.parametrize("name", BIG)
def test_big_and_odd_texts_are_graded_with_bounded_work(name: str) -> None:
    steps = 0

    def count(_frame: object, _event: str, _arg: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        grade_answer(QUESTION, BIG[name])
    finally:
        sys.setprofile(None)
    assert steps < 600_000


def test_threads_grade_alike() -> None:
    texts = [f"{FULL} {word}ization of {word}ers" for word in WORDS] * 4
    with ThreadPoolExecutor(8) as pool:
        graded = pool.map(lambda text: grade_answer(QUESTION, text), texts)
        assert list(graded) == [grade_answer(QUESTION, text) for text in texts]


# --- quoted answers -----------------------------------------------------------------------------------------

GRACE = (
    "In the leaf the chlorophyll catches the light of the sun, and with that energy carbon dioxide and water are "
    "turned into sugar while the oxygen that nobody needs is given off through tiny pores."
)


def test_an_answer_revealed_before_is_quoted_and_its_key_points_are_still_listed() -> None:
    own = grade_answer(QUESTION, GRACE)
    assert (own.level, own.flags) == (2, ())
    quoted = grade_answer(QUESTION, GRACE, revealed=[FULL, GRACE])
    assert (quoted.level, quoted.flags) == (0, (Flag.QUOTED,))
    assert quoted.score < 0.1
    assert quoted.points == own.points


@pytest.mark.parametrize("gap", [" ", "\n"])
def test_filler_does_not_hide_a_quotation(gap: str) -> None:
    grade = grade_answer(QUESTION, GRACE + gap + " ".join(OFF_TOPIC[:4]), revealed=[GRACE])
    assert grade.flags == (Flag.QUOTED,)


def test_the_reference_answer_handed_in_is_quoted() -> None:
    question = make_question(GOES_IN, SUGAR, OXYGEN)
    assert grade_answer(replace(question, answer=GRACE), GRACE).flags == (Flag.QUOTED,)


def test_a_table_is_the_same_whoever_writes_it() -> None:
    hops = "Hop 1: (A, B, forward), (A, C, forward), (A, D, drop). "
    hops += "Hop 2: (B, E, forward), (C, F, drop), (D, G, drop). Hop 3: (E, H, drop)."
    question = replace(make_question(KeyPoint(id="hops", text=hops)), prompt="Which packets?", answer=hops)
    assert sum(len(sentence.words) for sentence in reading.sentences(hops)) > 25
    assert grade_answer(question, hops).flags == ()


def test_short_answers_and_own_words_are_nobodys() -> None:
    assert grade_answer(QUESTION, FULL[:60], revealed=[FULL]).flags == ()
    other = "Light from the sun is the energy with which a plant builds carbohydrates from carbon dioxide and water. "
    assert grade_answer(QUESTION, other + "It gives off oxygen through its pores, too.", revealed=[GRACE]).flags == ()


# --- exemplars ----------------------------------------------------------------------------------------------

VAGUE = "Plants drink rays through green tissue until something sweet accumulates inside them."


def test_a_graded_answer_pulls_the_ones_that_are_like_it() -> None:
    alone = grade_answer(QUESTION, VAGUE)
    near = VAGUE.replace("accumulates", "gathers")
    up = grade_answer(replace(QUESTION, exemplars=(ruled(near, 1.0),)), VAGUE)
    far = grade_answer(replace(QUESTION, exemplars=(ruled("Roots hold the soil when it rains.", 1.0),)), VAGUE)
    assert up.score > far.score >= alone.score
    assert [(pull.exemplar, pull.by > 0) for pull in up.exemplars] == [(ruled(near, 1.0).mark, True)]
    assert up.exemplars[0].likeness > 0.5


def test_a_low_ruling_pulls_down_and_never_below_itself() -> None:
    pulled = grade_answer(replace(QUESTION, exemplars=(ruled(FULL + " So they say.", 0.5),)), FULL)
    assert 0.5 <= pulled.score < grade_answer(QUESTION, FULL).score


def test_an_answer_does_not_pull_itself() -> None:
    alone = grade_answer(QUESTION, VAGUE)
    with_itself = grade_answer(replace(QUESTION, exemplars=(ruled(f"  {VAGUE.upper()} ", 1.0),)), VAGUE)
    assert (with_itself.score, with_itself.exemplars) == (alone.score, ())


@pytest.mark.parametrize("text", ["", "idk", "What is photosynthesis, and how do plants do it?", *OFF_TOPIC])
def test_exemplars_do_not_pay_for_no_try(text: str) -> None:
    generous = replace(QUESTION, exemplars=tuple(ruled(f"{word} {VAGUE}", 1.0) for word in ("a", "the", "hm")))
    assert grade_answer(generous, text).score == 0


def test_exemplars_of_tricks_pull_nobody() -> None:
    tricks = tuple(
        Exemplar(kind=kind, text=FULL.replace("energy", "power"))
        for kind in (ExemplarKind.DENIAL, ExemplarKind.KEYWORDS)
    )
    assert grade_answer(replace(QUESTION, exemplars=tricks), FULL) == grade_answer(QUESTION, FULL)


def test_the_order_of_exemplars_changes_nothing() -> None:
    samples = [ruled(f"{VAGUE} {extra}", score / 7) for score, extra in enumerate(WORDS[:8])]
    grades = set()
    for seed in range(5):
        random.Random(seed).shuffle(samples)
        grades.add(grade_answer(replace(QUESTION, exemplars=tuple(samples)), f"{VAGUE} It gives off oxygen."))
    assert len(grades) == 1


# --- nothing for length -------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(CHAT.map(" ".join), st.sampled_from([" ", "\n", ". "]), st.integers(1, 3))
def test_saying_it_again_never_raises_a_score(text: str, gap: str, times: int) -> None:
    grade = grade_answer(QUESTION, text)
    assert grade_answer(QUESTION, text + (gap + text) * times).score <= grade.score


@settings(max_examples=60, deadline=None)
@given(CHAT.map(" ".join), st.lists(st.sampled_from(OFF_TOPIC[:4]), min_size=1, max_size=3))
def test_filler_never_raises_a_score(text: str, padding: list[str]) -> None:
    assert grade_answer(QUESTION, f"{text}. {' '.join(padding)}").score <= grade_answer(QUESTION, text + ".").score


def test_without_essentials_a_part_of_what_is_to_be_said_is_enough() -> None:
    question = make_question(*clauses(GRACE), prompt="How do plants feed themselves?")
    full = grade_answer(question, GRACE.replace("leaf", "green leaf of the plant").replace("nobody", "no plant"))
    part = grade_answer(question, "The chlorophyll catches the light of the sun.")
    assert full.score == 1.0
    assert 0.2 < part.score < 0.8
    assert [p.coverage for p in part.points][:1] == [Coverage.COVERED]


def test_a_text_in_another_script_and_one_in_none_are_tries_without_marks() -> None:
    for text in (
        "光合成は植物が光を使って糖を作ることです。水と二酸化炭素から",
        "Фотосинтез идёт на свету в листьях растений",
    ):
        grade = grade_answer(QUESTION, text)
        assert (grade.score, grade.level, grade.effort) == (0.0, 0, Effort.HONEST)


# --- what people decided ------------------------------------------------------------------------------------

SAID = "the leaf makes it sweet"
LISTED = "sunlight, energy, carbon dioxide, water, sugar, glucose, oxygen, by-product, released, reaction"


def test_a_key_point_that_was_granted_is_covered_with_the_words_for_it() -> None:
    grade = grade_answer(QUESTION, "It gives off oxygen, I remember that from school.")
    ruled_on = with_rulings(QUESTION, grade, {"sugar": SAID})
    granted = point(ruled_on, "sugar")
    assert (granted.coverage, granted.credit, granted.words) == (Coverage.COVERED, 1.0, SAID)
    assert (granted.lacking, granted.blocked_by) == ((), "")
    assert [p for p in ruled_on.points if p.key_point != "sugar"] == [p for p in grade.points if p.key_point != "sugar"]


def test_a_grant_adds_the_weight_of_its_key_point_to_the_score() -> None:
    grade = grade_answer(QUESTION, "It gives off oxygen, I remember that from school.")
    assert [
        with_rulings(QUESTION, grade, granted).score for granted in ({}, {"sugar": ""}, {"sugar": "", "light": ""})
    ] == [
        0.2,
        0.6,
        1.0,
    ]
    assert with_rulings(QUESTION, grade, {"sugar": "", "light": ""}).level == 2


def test_without_rulings_a_grade_is_the_same() -> None:
    grade = grade_answer(QUESTION, FULL)
    assert with_rulings(QUESTION, grade, {}) is grade


def test_a_grant_of_what_blocks_a_misconception_takes_its_mark_away() -> None:
    grade = grade_answer(
        make_question(SUGAR, OXYGEN, misconceptions=(FROM_SOIL,)), "The roots suck food out of the soil."
    )
    assert point(grade, "sugar").blocked_by
    granted = with_rulings(make_question(SUGAR, OXYGEN), grade, {"sugar": SAID})
    assert point(granted, "sugar").blocked_by == ""
    assert granted.level == 1


TEXTS = st.lists(
    st.sampled_from([*FULL.split(". "), *OFF_TOPIC, *GOES_IN.any_of, *SUGAR.any_of, "I do not know", NIGHT.text]),
    max_size=6,
).map(". ".join)


@settings(max_examples=80, deadline=None)
@given(TEXTS, st.sets(st.sampled_from(["light", "sugar", "oxygen", "night", "unknown"])))
def test_a_grant_takes_nothing_away(text: str, granted: set[str]) -> None:
    grade = grade_answer(QUESTION, text)
    ruled_on = with_rulings(QUESTION, grade, dict.fromkeys(granted, SAID))
    assert ruled_on.score >= grade.score
    assert ruled_on.level >= grade.level
    assert all(a.credit >= b.credit for a, b in zip(ruled_on.points, grade.points, strict=True))
    more = with_rulings(QUESTION, grade, dict.fromkeys({*granted, "light"}, SAID))
    assert more.level >= ruled_on.level
    assert more.score >= ruled_on.score


def test_a_grant_lowers_no_level_that_another_grader_gave() -> None:
    grade = replace(grade_answer(QUESTION, "It gives off oxygen, I remember that."), level=2, unsure=True)
    ruled_on = with_rulings(QUESTION, grade, {"sugar": SAID})
    assert (ruled_on.level, ruled_on.unsure) == (2, True)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_level_that_was_ruled_stands_and_the_reasons_for_lowering_go(level: int) -> None:
    for text, revealed in ((GRACE, (GRACE,)), (LISTED, ())):
        grade = grade_answer(QUESTION, text, revealed)
        assert grade.flags
        ruled_on = with_rulings(QUESTION, grade, {}, level)
        assert (ruled_on.level, ruled_on.flags, ruled_on.unsure) == (level, (), False)
        assert with_rulings(QUESTION, grade, {"sugar": SAID}, level).level == level


def test_a_grant_does_not_lift_what_was_recited_and_lifts_a_list_to_the_first_level_at_most() -> None:
    every = dict.fromkeys(("light", "sugar", "oxygen"), SAID)
    recited = grade_answer(QUESTION, GRACE, (GRACE,))
    assert recited.flags == (Flag.QUOTED,)
    assert with_rulings(QUESTION, recited, every).level == 0
    listed = grade_answer(QUESTION, LISTED)
    assert listed.flags == (Flag.KEYWORDS,)
    assert with_rulings(QUESTION, listed, every).level == 1


# --- what a grade rests on ----------------------------------------------------------------------------------


def test_a_grade_that_rests_on_nothing_else_has_no_basis() -> None:
    assert basis((), ()) == ""


def test_a_basis_is_the_same_whatever_the_order_and_another_with_each_change() -> None:
    one, two = ruled("Leaves make sugar.", 0.9), ruled("Roots drink.", 0.1)
    said = ["what ada said", "what bob said"]
    assert basis([one, two], said) == basis([two, one], said[::-1])
    others = [
        basis([one, two], said),
        basis([one], said),
        basis([one, two], said[:1]),
        basis([one, two], [*said, "more"]),
        basis([one, replace(two, score=0.2)], said),
        basis([one, replace(two, text="Roots drink water.")], said),
        basis([], said),
        basis([one, two], []),
        basis([], ["".join(said)]),
        "",
    ]
    assert len(set(others)) == len(others)


def test_a_basis_tells_nothing_of_the_texts() -> None:
    assert basis([ruled("Leaves make sugar.", 0.9)], ["what ada said"]).isalnum()
    assert len(basis([], ["what ada said" * 1000])) == 16
