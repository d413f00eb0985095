"""What members do about their grades: check an answer before the close, object after the reveal, allow its use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.core import answering, boards, cards, groups, notices, rulings
from bot.core import text as reading
from bot.core.asking import Asker, said
from bot.core.card import Block, Button, Card, Press, Tone
from bot.core.cards import line, strong
from bot.core.matching import best_matches, listen
from bot.core.model import (
    UNGRADED,
    Answer,
    Consent,
    Coverage,
    Effort,
    Flag,
    Grade,
    GroupId,
    KeyPoint,
    MemberId,
    Objection,
    Receipt,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Ruling,
    Told,
)
from bot.core.ports import Transaction
from bot.core.rubric import rubric
from bot.core.setting_up import Refused

SENTENCES_OFFERED: Final = 8
"""The sentences of an answer that come nearest to a key point, from which its author chooses."""

WHOLE: Final = "all"
"""Stands where a key point's number would, for an objection to the lowering of a whole answer."""

_LABEL: Final = 60


# --- in private, after an answer ----------------------------------------------------------------------------


def after_answer(tx: Transaction, member: MemberId, group: GroupId, told: Told) -> Card:
    """What its author is told in private of what they sent, with what they have not heard yet."""
    card = Card(title="Your answer", body=(line(notices.told(told) or "Not counted."),))
    if told.receipt in (Receipt.RECORDED, Receipt.REVISED) and told.round is not None:
        card = boards.ask_how(with_check(tx, card, [told.round], member), tx.members.get(member))
    return with_news(tx, card, group, member)


def with_check(tx: Transaction, card: Card, round_ids: Sequence[RoundId], member: MemberId) -> Card:
    """The card with Check now for each of these rounds that has an answer to check, and with what is final already."""
    found = [(tx.rounds.get(round_id), tx.answers.get(round_id, member)) for round_id in round_ids]
    given = [(round_, answer) for round_, answer in found if round_ is not None and answer is not None]
    body = list(card.body)
    for round_ in (round_ for round_, answer in given if answer.final):
        says = f"Your answer to {_CALLED[round_.kind]} is final: you had it checked."
        body.append(line(says + after_check(tx, round_.id, member)))
    open_ones = [round_ for round_, answer in given if _checkable(round_, answer) and not answer.final]
    if open_ones:
        body.append(line("Check now tells what it covers, and makes it final: you cannot revise it after that."))
    # By kind, not by prompt: two questions may begin alike, and a label is cut.
    labels = [f"Check now: {_CALLED[round_.kind]}" if len(open_ones) > 1 else "Check now" for round_ in open_ones]
    buttons = (Button(Press.CHECK, label, round_.id) for label, round_ in zip(labels, open_ones, strict=True))
    return replace(card, body=tuple(body), buttons=(*card.buttons, *buttons))


_CALLED: Final = {RoundKind.DAILY: "the daily question", RoundKind.EXTRA: "the extra question"}
"""In a channel at most one of each is open."""


def after_check(tx: Transaction, round_id: RoundId, member: MemberId) -> str:
    """A sentence for the author of a checked answer who has changed or added something since; else nothing."""
    after = answering.sent_after_check(tx, round_id, member)
    return " What you sent or changed after that does not count." if after else ""


def with_news(tx: Transaction, card: Card, group: GroupId, member: MemberId) -> Card:
    """The card with the rulings its reader has not been told of, and with the question that only they can answer."""
    untold = rulings.to_tell(tx, group, member)
    if not untold:
        return card
    rulings.tell(tx, untold)
    return told_of(tx, card, untold)


def told_of(tx: Transaction, card: Card, told: Sequence[Ruling]) -> Card:
    """The card with these rulings; the first that needs a consent has its buttons."""
    body: list[Block] = [*card.body, line(strong("Decided about your answers")), *rulings.news(tx, told)]
    asking = rulings.asks_for_consent(tx, told)
    if not asking:
        return replace(card, body=tuple(body))
    body.append(line(rulings.CONSENT))
    return replace(card, body=tuple(body), buttons=(*card.buttons, *rulings.consent_buttons(asking[0])))


def of_me(tx: Transaction, asker: Asker, card: Card) -> Card:
    """The card with what its reader can do about their answers: check the open one, allow or stop their use."""
    card = with_check(tx, card, [live.id for live in tx.rounds.live(asker.channel)], asker.member)
    return with_use(tx, card, asker.group, asker.member)


def with_use(tx: Transaction, card: Card, group: GroupId, member: MemberId) -> Card:
    """The card with what only its reader may allow, and with a way to take back what they allowed."""
    mine = tx.rulings.of_member(group, member)
    asked = [ruling for ruling in rulings.asks_for_consent(tx, mine) if ruling.told]
    if asked:
        asks = (line(strong("May it be used?")), *rulings.news(tx, asked[:1]), line(rulings.CONSENT))
        card = replace(card, body=(*card.body, *asks), buttons=(*card.buttons, *rulings.consent_buttons(asked[0])))
    if used := len({ruling.round for ruling in rulings.serving(tx, mine)}):
        helps = "helps" if used == 1 else "help"
        says = line(f"{cards.count(used, 'answer')} of yours {helps} to grade others in this group.")
        stop = Button(Press.CONSENT, "Stop that", f"no {ALL}")
        card = replace(card, body=(*card.body, says), buttons=(*card.buttons, stop))
    return card


# --- Check now ----------------------------------------------------------------------------------------------


def make_final(tx: Transaction, asker: Asker, round_id: RoundId, now: datetime) -> Answer:
    """Make the asker's answer final, if it is not; the answer as it stands. Raises Refused."""
    groups.check_blocked(tx, asker.group)
    round_, answer = tx.rounds.get(round_id), tx.answers.get(round_id, asker.member)
    if round_ is None or round_.group != asker.group:
        raise Refused("I do not know this round any more.")
    if answer is None or not answer.parts:
        raise Refused("You have no answer here to check.")
    if answer.final:
        return answer
    if round_.state is not RoundState.OPEN or now >= round_.closes_at:
        raise Refused("This round has closed; your result comes with the reveal.")
    if not _checkable(round_, answer):
        raise Refused("This question is not graded, so there is nothing to check.")
    final = replace(answer, final=True)
    tx.answers.save(final, cause="checked", at=now)
    return final


def checked(tx: Transaction, asker: Asker, round_id: RoundId) -> Card:
    """Which key points a final answer covers, and how many are missing; never which. Raises Refused."""
    round_, grade = tx.rounds.get(round_id), tx.answers.grade(round_id, asker.member)
    assert round_ is not None, "it was made final"
    if grade is None:
        raise Refused("I could not grade it just now. It is final; press Check now again in a moment.")
    points = {point.id: point for point in round_.question.key_points}
    covered = [graded for graded in grade.points if graded.coverage is Coverage.COVERED]
    body: list[Block] = [line(strong(_how_it_went(grade, len(covered))))]
    body += [line(strong("covered: "), points[g.key_point].text, _quoted(g.words), bullet=True) for g in covered]
    missing = [points[graded.key_point] for graded in grade.points if graded not in covered]
    if grade.effort is Effort.HONEST and grade.grader != UNGRADED and missing:
        essential = sum(point.essential for point in missing)
        essentials = f", {essential} of them essential" if essential and essential < len(missing) else ""
        still = "still missing or there only in part" if covered else "missing or there only in part"
        body.append(line(f"{cards.count(len(missing), 'key point')}{essentials}: {still}. Which, the reveal tells."))
    body += [line(cards.FLAGGED[flag]) for flag in grade.flags]
    body.append(line("Your answer is final now. The rest comes with the reveal."))
    return Card(title="Checked", body=tuple(body), tone=Tone.OPEN)


def _how_it_went(grade: Grade, covered: int) -> str:
    if grade.effort is not Effort.HONEST or grade.grader == UNGRADED:
        return cards.verdict(grade)
    return f"It covers {covered} of {cards.count(len(grade.points), 'key point')}."


def _quoted(words: str) -> str:
    return f" (“{words}”)" if words else ""


def _checkable(round_: Round, answer: Answer) -> bool:
    there = bool(answer.parts) and not answer.late and not answer.erase
    return round_.graded and round_.state is RoundState.OPEN and there


# --- I covered this -----------------------------------------------------------------------------------------


def can_object(round_: Round, answer: Answer | None, grade: Grade | None) -> bool:
    """Whether there is something in a result that its reader could object to."""
    there = answer is not None and bool(answer.text.strip()) and not answer.erase
    return there and grade is not None and round_.state is RoundState.REVEALED and bool(_open_to_objection(grade))


def object_(tx: Transaction, asker: Asker, about: str, now: datetime) -> Card:
    """One step of an objection: which key point, which sentence, filed. Raises Refused.

    `about` ends in the round's id. Before it stands nothing, or a key point's number (or WHOLE), or that and the
    number of a sentence after a dot.
    """
    chosen, _, round_id = about.rpartition(" ")
    round_ = tx.rounds.get(RoundId(round_id))
    if round_ is None or round_.group != asker.group or round_.state is not RoundState.REVEALED:
        raise Refused("You can object once the round is revealed.")
    answer = tx.answers.get(round_.id, asker.member)
    grade = rulings.standing_grade(tx, round_, asker.member)
    if answer is None or not answer.parts or grade is None or not round_.graded:
        raise Refused("You have no graded answer in this round.")
    if answer.erase or not answer.text.strip():
        raise Refused("The text of your answer is gone, so nobody could look at it.")
    filed = {objection.key_point: objection for objection in tx.objections.of_answer(round_.id, asker.member)}
    if not chosen:
        return _which_point(round_, grade, filed)
    number, _, sentence = chosen.partition(".")
    point = _point(round_, grade, number)
    key_point = point.id if point is not None else ""
    if key_point in filed:
        raise Refused(f"You have objected to that already; it is {filed[key_point].state.value}.")
    sentences = _sentences(answer)
    if not sentence:
        return _which_sentence(round_, point, number, sentences)
    if sentence not in map(str, range(len(sentences))):
        raise Refused("That sentence is no longer in your answer.")
    if len(tx.objections.open_of(asker.group, asker.member)) >= rulings.OPEN_AT_MOST:
        most = rulings.OPEN_AT_MOST
        raise Refused(f"You have {most} objections open. Once one of them is ruled on, you can file another.")
    words = sentences[int(sentence)]
    tx.objections.add(
        Objection(
            round=round_.id,
            group=round_.group,
            channel=round_.channel,
            member=asker.member,
            key_point=key_point,
            words=words,
            since=now,
        )
    )
    about_what = f"“{point.text}”" if point is not None else "How your answer was counted"
    return said(
        "Your objection is filed",
        line(f"{about_what}: you say it with “{words}”"),
        line("An organizer rules on it. If nobody has in three days, it is granted where the point was there in part."),
        line("You are told in my next private reply to you."),
    )


def _open_to_objection(grade: Grade) -> list[str]:
    """The key points of a grade that are not covered; WHOLE where the whole was lowered."""
    whole = [WHOLE] if grade.flags else []
    return whole + [g.key_point for g in grade.points if g.coverage is not Coverage.COVERED]


def _which_point(round_: Round, grade: Grade, filed: dict[str, Objection]) -> Card:
    body: list[Block] = []
    buttons = []
    if grade.flags and "" not in filed:
        reason = _OWN_WORDS if Flag.QUOTED in grade.flags else _MEANT
        buttons.append(Button(Press.OBJECT, reason, f"{WHOLE} {round_.id}"))
    coverage = {graded.key_point: graded.coverage for graded in grade.points}
    for number, point in enumerate(round_.question.key_points):
        if coverage.get(point.id, Coverage.COVERED) is Coverage.COVERED:
            continue
        if point.id in filed:
            body.append(line(f"{point.text} (your objection is {filed[point.id].state.value})", bullet=True))
            continue
        partly = " (there in part)" if coverage.get(point.id) is Coverage.PARTLY else ""
        body.append(line(strong(f"{number + 1}. "), f"{point.text}{partly}", bullet=True))
        buttons.append(Button(Press.OBJECT, f"{number + 1}. {point.text}", f"{number} {round_.id}"))
    if not grade.points:
        raise Refused("Your answer could not be graded, so there is no key point yet that it would lack.")
    if not buttons:
        raise Refused("There is nothing left to object to: your answer covers every key point, or you have objected.")
    ask = line("Which key point does your answer cover? Next you choose the sentence of yours that says it.")
    return Card(title="I covered this", body=(ask, *body), buttons=tuple(map(_short, buttons)))


_OWN_WORDS: Final = "These are my own words"
_MEANT: Final = "It was counted too low"


def _point(round_: Round, grade: Grade, number: str) -> KeyPoint | None:
    points = round_.question.key_points
    if number == WHOLE:
        if not grade.flags:
            raise Refused("Your answer was not lowered.")
        return None
    if number not in map(str, range(len(points))):
        raise Refused("This button no longer does anything.")
    point = points[int(number)]
    coverage = {graded.key_point: graded.coverage for graded in grade.points}
    if coverage.get(point.id, Coverage.COVERED) is Coverage.COVERED:
        raise Refused("Your answer covers that already.")
    return point


def _sentences(answer: Answer) -> list[str]:
    return [sentence.typed for sentence in reading.sentences(answer.text) if sentence.words]


def _which_sentence(round_: Round, point: KeyPoint | None, number: str, sentences: Sequence[str]) -> Card:
    if not sentences:
        raise Refused("There is no sentence in your answer that could be quoted.")
    offered = _nearest(round_, point, sentences)
    body = [line(strong(f"{index + 1}. "), sentences[index], bullet=True) for index in offered]
    buttons = [
        Button(Press.OBJECT, f"{index + 1}. {sentences[index]}", f"{number}.{index} {round_.id}") for index in offered
    ]
    asked = f"Which sentence of yours says “{point.text}”?" if point is not None else "Which sentence shows it best?"
    return Card(title="I covered this", body=(line(asked), *body), buttons=tuple(map(_short, buttons)))


def _nearest(round_: Round, point: KeyPoint | None, sentences: Sequence[str]) -> list[int]:
    """The sentences that come nearest to a key point, in the order of the answer."""
    if len(sentences) <= SENTENCES_OFFERED:
        return list(range(len(sentences)))
    ready = rubric(replace(round_.question, exemplars=()))

    def credit(index: int) -> float:
        matches = best_matches(ready, listen(ready, reading.sentences(sentences[index])))
        return matches[point.id].credit if point is not None else max(match.credit for match in matches.values())

    ordered = sorted(range(len(sentences)), key=lambda index: (-credit(index), index))
    return sorted(ordered[:SENTENCES_OFFERED])


def _short(button: Button) -> Button:
    label = button.label if len(button.label) <= _LABEL else button.label[: _LABEL - 1].rstrip() + "…"
    return replace(button, label=label)


# --- consent ------------------------------------------------------------------------------------------------

ALL: Final = "all"


def consent(tx: Transaction, asker: Asker, about: str, now: datetime) -> Card:
    """Yes or no to letting an answer serve as an exemplar; `about` is "yes 12", "no 12" or "no all". Raises Refused."""
    word, _, which = about.partition(" ")
    mine = tx.rulings.of_member(asker.group, asker.member)
    if (word, which) == ("no", ALL):
        for one in mine:
            _stop_using(tx, one)
        return said("Taken back", line("None of your answers helps to grade others any more."))
    ruling = next((one for one in mine if str(one.number) == which and rulings.may_serve(one)), None)
    round_ = tx.rounds.get(ruling.round) if ruling is not None else None
    if ruling is None or round_ is None or word not in ("yes", "no"):
        raise Refused("This no longer does anything.")
    if word == "no":
        tx.rulings.save(replace(ruling, consent=Consent.REFUSED))
        for one in tx.rulings.of_answer(ruling.round, ruling.member):
            _stop_using(tx, one)
        return said("Noted", line("It is not used. Your points stay as they are."))
    if not rulings.is_there(tx, ruling):
        raise Refused("The text of that answer is gone, so there is nothing to use.")
    tx.rulings.save(replace(ruling, consent=Consent.GIVEN))
    rulings.renew_exemplar(tx, round_, ruling.member)
    return said("Thank you", line("Answers to this question will be measured by yours, too."))


def _stop_using(tx: Transaction, ruling: Ruling) -> None:
    tx.rulings.remove_exemplar(ruling.number)
    if ruling.consent is Consent.GIVEN:
        tx.rulings.save(replace(ruling, consent=Consent.REFUSED))
