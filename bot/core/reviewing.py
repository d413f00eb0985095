"""What organizers decide: objections, answers that were lowered, awards. Logged, undoable, and never on one's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.core import cards, paying, rounds, sharing
from bot.core.asking import Asker, Reply, coming, drill_here, said
from bot.core.card import Block, Button, Card, Press, Prose
from bot.core.cards import line, strong
from bot.core.model import (
    Action,
    Answer,
    ChannelId,
    Consent,
    Coverage,
    DrillState,
    Grade,
    MemberId,
    Naming,
    Objection,
    ObjectionState,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Ruling,
    RulingKind,
)
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.rulings import OPEN_AT_MOST, renew_exemplar, standing_grade
from bot.core.scoring import naming_of
from bot.core.setting_up import Refused, member_of

RULED_WITHIN: Final = timedelta(hours=72)
"""An objection on which nobody has ruled for so long ends by itself."""

LOOKED_BACK: Final = timedelta(days=30)
"""Answers that were lowered are listed for so long after their round."""

LISTED: Final = 10
UNDOABLE: Final = 5
MOST_POINTS: Final = 10
"""Of one award."""

LONGEST_REASON: Final = 300
"""Characters of an award's reason, which the thread is told."""


# --- what waits ---------------------------------------------------------------------------------------------


def review(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    """What organizers of a channel should look at, with a button for each."""
    drill = drill_here(tx, asker)
    objections = tx.objections.open_in(asker.channel)
    flagged = _flagged(tx, asker.channel, now)
    theirs = [o for o in objections if o.member != asker.member], [f for f in flagged if f[1].member != asker.member]
    own = len(objections) + len(flagged) - len(theirs[0]) - len(theirs[1])
    body: list[Block] = []
    buttons: list[Button] = []
    waiting = [(f"o{objection.number}", _about_objection(tx, objection, now)) for objection in theirs[0]]
    waiting += [(f"f{number}", _about_flagged(tx, answer)) for number, answer in theirs[1]]
    waiting += [(f"s{sharing.mark(answer)}", _about_reported(tx, answer)) for answer in _reported(tx, asker)]
    for index, (what, says) in enumerate(waiting[:LISTED], start=1):
        body.append(line(strong(f"{index}. "), says, bullet=True))
        buttons.append(Button(Press.REVIEW, f"Look at {index}", f"{what} {asker.channel}"))
    if len(waiting) > LISTED:
        body.append(line(f"and {len(waiting) - LISTED} more, once these are dealt with"))
    if own:
        body.append(line(f"{cards.count(own, 'thing')} of your own: another organizer has to look at that."))
    if not waiting:
        body.insert(0, line("Nothing waits for you."))
    if drill.state is not DrillState.ON:
        body += coming(drill)
        buttons.append(Button(Press.RESUME, "Resume the drill", drill.channel))
    made = [ruling for ruling in tx.rulings.of_channel(asker.channel, 4 * UNDOABLE) if ruling.stands]
    undoable = [ruling for ruling in made if ruling.member != asker.member][:UNDOABLE]
    if undoable:
        body.append(line(strong("Decided lately")))
    for ruling in undoable:
        body.append(line(f"{rounds.local_date(ruling.at, drill.timetable.zone)}: {_log(tx, ruling)}", bullet=True))
        buttons.append(Button(Press.RULE, f"Undo {ruling.number}", f"undo r{ruling.number} {asker.channel}"))
    return Card(title="To review", body=tuple(body), buttons=tuple(buttons))


def look(tx: Transaction, asker: Asker, what: str, now: datetime) -> Card:
    """One thing to decide on, with all that is needed for it; `what` is "o12" or "f34". Raises Refused."""
    if what.startswith("o"):
        objection = _objection(tx, asker, what)
        round_, answer = _of(tx, objection.round, objection.member)
        point = next((p for p in round_.question.key_points if p.id == objection.key_point), None)
        if point is None:
            about = line("Its author objects to how it was counted, and points to: ", strong(f"“{objection.words}”"))
            return _to_level(tx, asker, round_, answer, what, about)
        body: list[Block] = [
            line(strong(round_.question.prompt)),
            line("Is this key point in the answer? ", strong(point.text)),
            line("The sentence that is to say it: ", strong(f"“{objection.words}”")),
            *_whole_answer(answer),
            line(_found(tx, round_, answer, point.id)),
        ]
        body += [line("Said by others for it: " + "; ".join(f"“{said}”" for said in point.any_of[:3]))] * bool(
            point.any_of
        )
        return Card(
            title="An objection",
            body=tuple(body),
            buttons=(
                Button(Press.RULE, "It is in there", f"grant {what} {asker.channel}"),
                Button(Press.RULE, "It is not", f"decline {what} {asker.channel}"),
                _back(asker),
            ),
        )
    if what.startswith("s"):
        return _look_at_reported(tx, asker, what)
    given = _flagged_answer(tx, asker, what)
    round_, answer = _of(tx, given.round, given.member)
    return _to_level(tx, asker, round_, answer, what, None)


def _reported(tx: Transaction, asker: Asker) -> list[Answer]:
    """Shared answers that were reported, other than one's own."""
    found = [tx.answers.get(report.round, report.member) for report in tx.answers.reported(asker.channel)]
    return [answer for answer in found if answer is not None and answer.member != asker.member]


def _the_reported(tx: Transaction, asker: Asker, what: str) -> Answer:
    for answer in _reported(tx, asker):
        if sharing.mark(answer) == what.removeprefix("s"):
            return answer
    raise Refused("Somebody was faster: nobody's report of this answer waits any more.")


def _look_at_reported(tx: Transaction, asker: Asker, what: str) -> Card:
    answer = _the_reported(tx, asker, what)
    round_, _ = _of(tx, answer.round, answer.member)
    return Card(
        title="An answer that was reported",
        body=(line(strong(round_.question.prompt)), line("What everybody can see of it: ", answer.by_form)),
        buttons=(
            Button(Press.RULE, "Remove it", f"remove {what} {asker.channel}"),
            Button(Press.RULE, "Leave it", f"leave {what} {asker.channel}"),
            _back(asker),
        ),
    )


def _to_level(
    tx: Transaction, asker: Asker, round_: Round, answer: Answer | None, what: str, about: Block | None
) -> Card:
    grade = _machine_grade(tx, round_, answer)
    reasons = [line(cards.FLAGGED[flag]) for flag in grade.flags] if grade is not None else []
    body: list[Block] = [line(strong(round_.question.prompt)), *_whole_answer(answer), *reasons]
    if about is not None:
        body.append(about)
    body += [line(strong("Reference answer")), Prose(round_.question.answer)]
    body.append(line("What does the answer come to?"))
    levels = [Button(Press.RULE, cards.LEVEL[n].capitalize(), f"{n} {what} {asker.channel}") for n in (2, 1, 0)]
    return Card(title="An answer that was lowered", body=tuple(body), buttons=(*levels, _back(asker)))


def _whole_answer(answer: Answer | None) -> list[Block]:
    if answer is None or not answer.text.strip():
        return [line("Its author has removed the text.")]
    return [line("The whole answer: ", answer.text)]


def _found(tx: Transaction, round_: Round, answer: Answer | None, key_point: str) -> str:
    grade = _machine_grade(tx, round_, answer)
    graded = next((g for g in grade.points if g.key_point == key_point), None) if grade is not None else None
    if graded is None or graded.coverage is Coverage.MISSED:
        return "The grader did not find it."
    lacking = f", lacking: {', '.join(graded.lacking)}" if graded.lacking else ""
    return f"The grader found it in part{lacking}."


def _machine_grade(tx: Transaction, round_: Round, answer: Answer | None) -> Grade | None:
    return None if answer is None else tx.answers.grade(round_.id, answer.member)


def _back(asker: Asker) -> Button:
    return Button(Press.REVIEW, "Back", f"list {asker.channel}")


# --- rulings ------------------------------------------------------------------------------------------------


def rule(tx: Transaction, asker: Asker, about: str, now: datetime) -> Card:
    """Carry out a ruling; `about` is "grant o12", "decline o12", "2 f34", "0 o12" or "undo r5". Raises Refused."""
    verdict, _, what = about.partition(" ")
    if verdict == "undo":
        return _undo(tx, asker, what, now)
    if verdict in ("remove", "leave"):
        reported = _the_reported(tx, asker, what)
        if verdict == "remove":
            sharing.take_out(tx, reported, now)
            return _done(asker, "Removed. Nobody is shown it any more; its author keeps grade and points.")
        tx.answers.settle_reports(reported.round, reported.member)
        return _done(asker, "Left as it is.")
    if what.startswith("o"):
        objection = _objection(tx, asker, what)
        round_, _ = _of(tx, objection.round, objection.member)
        if objection.key_point and verdict in ("grant", "decline"):
            state = ObjectionState.GRANTED if verdict == "grant" else ObjectionState.DECLINED
            _decide(tx, round_, objection, state, asker.member, now)
            done = "Granted. The key point counts." if verdict == "grant" else "Declined. The grade stays as it was."
            return _done(asker, done)
        if not objection.key_point and verdict in _LEVELS:
            return _rule_level(tx, asker, round_, objection.member, int(verdict), objection, now)
    elif verdict in _LEVELS:
        answer = _flagged_answer(tx, asker, what)
        round_, _ = _of(tx, answer.round, answer.member)
        return _rule_level(tx, asker, round_, answer.member, int(verdict), None, now)
    raise Refused("This button no longer does anything.")


_LEVELS: Final = ("0", "1", "2")


def _rule_level(
    tx: Transaction,
    asker: Asker,
    round_: Round,
    member: MemberId,
    level: int,
    objection: Objection | None,
    now: datetime,
) -> Card:
    before = standing_grade(tx, round_, member)
    raised = before is None or level > before.level
    verdict = ObjectionState.GRANTED if raised else ObjectionState.DECLINED
    if objection is None:  # What its author may have asked about it is decided, too.
        whole = [o for o in tx.objections.of_answer(round_.id, member) if not o.key_point]
        objection = next((o for o in whole if o.state is ObjectionState.OPEN), None)
    if objection is not None:
        tx.objections.save(replace(objection, state=verdict))
    tx.rulings.add(
        Ruling(
            round=round_.id,
            group=round_.group,
            channel=round_.channel,
            member=member,
            kind=RulingKind.LEVEL,
            at=now,
            by=asker.member,
            words=objection.words if objection is not None else "",
            verdict=verdict,
            objection=objection.number if objection is not None else None,
            level=level,
        )
    )
    renew_exemplar(tx, round_, member)
    paying.settle(tx, round_, now, [member])
    return _done(asker, f"Decided. The answer counts as “{cards.LEVEL[level]}”.")


def _decide(
    tx: Transaction, round_: Round, objection: Objection, verdict: ObjectionState, by: MemberId | None, now: datetime
) -> None:
    tx.objections.save(replace(objection, state=verdict))
    tx.rulings.add(
        Ruling(
            round=objection.round,
            group=objection.group,
            channel=objection.channel,
            member=objection.member,
            kind=RulingKind.POINT if objection.key_point else RulingKind.LEVEL,
            at=now,
            by=by,
            key_point=objection.key_point,
            words=objection.words,
            verdict=verdict,
            objection=objection.number,
        )
    )
    renew_exemplar(tx, round_, objection.member)
    paying.settle(tx, round_, now, [objection.member])


def end_unruled(tx: Transaction, number: int, now: datetime) -> None:
    """End an objection that waited too long: granted where the point was there in part, else it lapses."""
    objection = tx.objections.get(number)
    if objection is None or objection.state is not ObjectionState.OPEN or now - objection.since < RULED_WITHIN:
        return
    round_, _ = _of(tx, objection.round, objection.member)
    grade = standing_grade(tx, round_, objection.member)
    points = grade.points if grade is not None else ()
    partly = any(g.key_point == objection.key_point and g.coverage is not Coverage.MISSED for g in points)
    verdict = ObjectionState.GRANTED if partly else ObjectionState.LAPSED
    _decide(tx, round_, objection, verdict, None, now)


def _undo(tx: Transaction, asker: Asker, what: str, now: datetime) -> Card:
    number = _number("r", what)
    ruling = tx.rulings.get(number) if number is not None else None
    if ruling is None or ruling.channel != asker.channel or not ruling.stands:
        raise Refused("That has been undone already, or was never decided here.")
    if ruling.member == asker.member:
        raise Refused("This is about your own answer; another organizer has to undo it.")
    objection = tx.objections.get(ruling.objection) if ruling.objection is not None else None
    if objection is not None and len(tx.objections.open_of(objection.group, objection.member)) >= OPEN_AT_MOST:
        raise Refused(
            f"Undone, this objection would be open again, and its author has {OPEN_AT_MOST} open already, which is the"
            " most. Decide one of those first."
        )
    undone = replace(ruling, undone_at=now, undone_by=asker.member, told=not ruling.told, consent=Consent.REFUSED)
    tx.rulings.save(undone)
    round_, _ = _of(tx, ruling.round, ruling.member)
    renew_exemplar(tx, round_, ruling.member)
    if ruling.kind is RulingKind.AWARD:
        paying.award(tx, round_, undone, now)
        if ruling.points:
            _say_in_thread(tx, round_, undone, now)
        return _done(asker, "Undone. The points of the award are taken back.")
    if objection is not None:
        tx.objections.save(replace(objection, state=ObjectionState.OPEN, since=now))
    paying.settle(tx, round_, now, [ruling.member])
    return _done(asker, "Undone. It waits to be decided again.")


def _done(asker: Asker, sentence: str) -> Card:
    return Card(title="Decided", body=(line(sentence),), buttons=(replace(_back(asker), label="What else waits"),))


# --- awards -------------------------------------------------------------------------------------------------


def award(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    """Give a member points for what no grader sees; shown in the round's thread."""
    drill_here(tx, asker)
    round_ = _awarded_round(tx, asker)
    member = member_of(options["member"], asker.group)
    points = options["points"].removeprefix("+")
    if points not in map(str, range(1, MOST_POINTS + 1)):
        raise Refused(f"An award is 1 to {MOST_POINTS} points, not “{options['points']}”.")
    if member == asker.member:
        raise Refused("Nobody awards themselves; another organizer can.")
    reason = " ".join(options["reason"].split())
    if not reason:
        raise Refused("Say what it is for; the thread is told.")
    if len(reason) > LONGEST_REASON:
        raise Refused(f"The reason has {len(reason)} characters; the thread is told up to {LONGEST_REASON}.")
    if tx.members.get(member) is None:
        raise Refused("I have not met this member yet. They have to answer, press or say something here first.")
    ruling = Ruling(
        round=round_.id,
        group=round_.group,
        channel=round_.channel,
        member=member,
        kind=RulingKind.AWARD,
        at=now,
        by=asker.member,
        points=int(points),
        reason=reason,
    )
    ruling = replace(ruling, number=tx.rulings.add(ruling))
    paying.award(tx, round_, ruling, now)
    _say_in_thread(tx, round_, ruling, now)
    return said(
        "Awarded",
        line(f"{cards.count(int(points), 'point')}, and the thread is told. Undo it with /nnquestion review."),
    )


def _awarded_round(tx: Transaction, asker: Asker) -> Round:
    """The round of this thread; in the channel the latest daily one that has a thread."""
    if asker.place.thread is not None:
        here = tx.rounds.by_place(asker.place)
        found = [here] if here is not None else []
    else:
        found = tx.rounds.of_channel(asker.channel, LISTED)
    held = (RoundState.CANCELLED, RoundState.SKIPPED)
    for round_ in found:
        if round_.kind is RoundKind.DAILY and round_.thread is not None and round_.state not in held:
            return round_
    raise Refused("There is no daily round here to award points in. Extra rounds bring none.")


def _say_in_thread(tx: Transaction, round_: Round, ruling: Ruling, now: datetime) -> None:
    member = tx.members.get(ruling.member)
    name = member.name if member is not None and naming_of(member) is Naming.NAME else "A member"
    points = cards.count(ruling.points, "point")
    what, card = "award", cards.awarded(name, points, ruling.reason)
    if not ruling.stands:
        what, card = "award-undone", cards.award_undone(name, points, ruling.reason)
    rounds.owe(tx, round_, f"{what}/{ruling.number}", Action.POST_IN_THREAD, now, card=card)


# --- pieces -------------------------------------------------------------------------------------------------


def _flagged(tx: Transaction, channel: ChannelId, now: datetime) -> list[tuple[int, Answer]]:
    """Lowered answers on which nobody has ruled, nor is asked to by an objection."""
    found = tx.answers.flagged(channel, (now - LOOKED_BACK).date())
    return [(number, answer) for number, answer in found if _still_lowered(tx, answer)]


def _still_lowered(tx: Transaction, answer: Answer) -> bool:
    ruled = tx.rulings.of_answer(answer.round, answer.member)
    whole = [o for o in tx.objections.of_answer(answer.round, answer.member) if not o.key_point]
    decided = any(ruling.kind is RulingKind.LEVEL and ruling.stands and ruling.level is not None for ruling in ruled)
    return not decided and not any(o.state is ObjectionState.OPEN for o in whole)


def _about_objection(tx: Transaction, objection: Objection, now: datetime) -> str:
    round_, _ = _of(tx, objection.round, objection.member)
    point = next((p.text for p in round_.question.key_points if p.id == objection.key_point), "how it was counted")
    left = max(0, int((objection.since + RULED_WITHIN - now) / timedelta(hours=1)))
    return f"objection, {cards.count(left, 'hour')} left: {point} ({round_.question.prompt})"


def _about_flagged(tx: Transaction, answer: Answer) -> str:
    round_, _ = _of(tx, answer.round, answer.member)
    grade = tx.answers.grade(answer.round, answer.member)
    reasons = ", ".join(flag.value for flag in grade.flags) if grade is not None else ""
    return f"lowered: {reasons} ({round_.question.prompt})"


def _about_reported(tx: Transaction, answer: Answer) -> str:
    round_, _ = _of(tx, answer.round, answer.member)
    return f"reported: an answer that is shared ({round_.question.prompt})"


def _log(tx: Transaction, ruling: Ruling) -> str:
    round_, _ = _of(tx, ruling.round, ruling.member)
    points = {point.id: point.text for point in round_.question.key_points}
    by = "nobody in time" if ruling.by is None else ruling.by.partition("@")[2]
    known = tx.members.get(ruling.by) if ruling.by is not None else None
    by = known.name if known is not None else by
    match ruling.kind:
        case RulingKind.AWARD:
            return f"{ruling.number}. award of {cards.count(ruling.points, 'point')}, by {by}: {ruling.reason}"
        case RulingKind.LEVEL if ruling.level is not None:
            return f"{ruling.number}. “{cards.LEVEL[ruling.level]}”, by {by} ({round_.question.prompt})"
        case _:
            about = points.get(ruling.key_point, "how it was counted")
            return f"{ruling.number}. {ruling.verdict.value}, by {by}: {about} ({round_.question.prompt})"


def _objection(tx: Transaction, asker: Asker, what: str) -> Objection:
    number = _number("o", what)
    objection = tx.objections.get(number) if number is not None else None
    if objection is None or objection.channel != asker.channel:
        raise Refused("There is no such objection here.")
    if objection.state is not ObjectionState.OPEN:
        raise Refused(f"Somebody was faster: this objection is {objection.state.value}.")
    if objection.member == asker.member:
        raise Refused("This is your own objection; another organizer has to rule on it.")
    return objection


def _flagged_answer(tx: Transaction, asker: Asker, what: str) -> Answer:
    number = _number("f", what)
    answer = tx.answers.by_grade(number) if number is not None else None
    round_ = tx.rounds.get(answer.round) if answer is not None else None
    if answer is None or round_ is None or round_.channel != asker.channel or round_.state is not RoundState.REVEALED:
        raise Refused("This answer has been graded again, or is gone. Look at /nnquestion review anew.")
    if answer.member == asker.member:
        raise Refused("This is your own answer; another organizer has to rule on it.")
    if not _still_lowered(tx, answer):
        raise Refused("Somebody was faster: this answer is decided on.")
    grade = tx.answers.grade(answer.round, answer.member)
    if grade is None or not grade.flags:
        raise Refused("This answer was not lowered.")
    return answer


def _number(letter: str, what: str) -> int | None:
    """The number that follows a letter, as in "o12"; None where it is none that a store could have given."""
    found = re.fullmatch(f"{letter}([0-9]{{1,18}})", what)
    return int(found[1]) if found else None


def _of(tx: Transaction, round_id: RoundId, member: MemberId) -> tuple[Round, Answer | None]:
    round_ = tx.rounds.get(round_id)
    assert round_ is not None, "what is decided on has its round"
    return round_, tx.answers.get(round_.id, member)


REPLIES: Final[Mapping[str, Reply]] = {"review": review, "award": award, "bar": sharing.bar}
