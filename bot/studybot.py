"""The shell: ticks, answers, commands and buttons. It awaits the store and the grader, and decides nothing itself."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from structlog.contextvars import bound_contextvars

from bot.core import (
    answering,
    asking,
    boards,
    grading,
    groups,
    home,
    objecting,
    organizing,
    outcomes,
    pressing,
    regrading,
    reminding,
    replies,
    retention,
    reviewing,
    rounds,
    rulings,
)
from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.asking import Asker
from bot.core.card import Card, Press
from bot.core.model import (
    UNGRADED,
    Answer,
    ChannelId,
    Drill,
    Exemplar,
    Grade,
    GroupId,
    Member,
    MemberId,
    MessageRef,
    Occurrence,
    Place,
    Question,
    Receipt,
    Round,
    RoundId,
    RoundState,
    Told,
    Why,
    daily_round_id,
    group_of,
)
from bot.core.planning import Banks
from bot.core.ports import Grader, Store, StoreError, Transaction
from bot.core.setting_up import Refused
from bot.watching import OfRounds, Unwatched

log = logging.getLogger(__name__)

AT_ONCE: Final = 100
"""Rounds that are handed to the store, or answers to the grader, at a time."""

FETCHING_AT_MOST: Final = timedelta(minutes=15)
"""A round waits this long for answers that are still being fetched, and no longer."""

LOOKED_AT: Final = 5
"""A channel's latest rounds, among which the unrevealed ones are; a revealed one may still get a late answer."""

STEPS_IN_A_TICK: Final = 20
"""Of removing what is old; what is left then waits for the next tick."""

T = TypeVar("T")
U = TypeVar("U")


class StudyBot:
    """What happens, to the store: every method is safe to call twice with the same thing."""

    def __init__(
        self,
        store: Store,
        grader: Grader,
        banks: Callable[[], Banks],
        *,
        owed: Callable[[], None] = lambda: None,
        keep_answers: timedelta | None = None,
        watch: OfRounds | None = None,
        limits: groups.Limits = groups.NO_LIMITS,
    ) -> None:
        """`banks` gives the banks as they are now; `owed` is called when something may have to be sent or done.

        Texts of answers are removed after `keep_answers`, where it is given.
        """
        self._store = store
        self._grader = grader
        self._banks = banks
        self._owed = owed
        self._keep_answers = keep_answers
        self._watch = watch or Unwatched()
        self._limits = limits
        self._cleaned_on: date | None = None
        self._fetching: dict[ChannelId, datetime] = {}
        self._held: dict[ChannelId, datetime] = {}

    # --- the clock --------------------------------------------------------------------------------------------

    async def tick(self, now: datetime) -> None:
        """Do what is due: close, grade, reveal, open, then remind. A fault in one channel leaves the others working."""
        to_close = await self._store.read(lambda tx: tx.rounds.to_close(now))
        await self._each(
            "round",
            [round_.id for round_ in to_close if not self._holds(round_, now)],
            lambda round_id, tx: rounds.close(tx, round_id, now),
        )
        await self._grade(now)
        unruled = await self._store.read(lambda tx: tx.objections.unruled(now - reviewing.RULED_WITHIN, AT_ONCE))
        await self._each(
            "objection",
            [objection.number for objection in unruled],
            lambda number, tx: reviewing.end_unruled(tx, number, now),
        )
        to_reveal = await self._store.read(lambda tx: tx.rounds.to_reveal(now))
        revealed = await self._each(
            "round", [round_.id for round_ in to_reveal], lambda round_id, tx: rounds.reveal(tx, round_id, now)
        )
        for _ in filter(None, revealed):
            self._watch.revealed()
        if await self._store.read(lambda tx: boards.seasons_to_keep(tx, now)):
            await self._each("season", [now.date()], lambda _, tx: boards.keep_seasons(tx, now))
        due = await self._store.read(lambda tx: tx.drills.due(now))
        for drill in due:
            self._watch.due(drill)
        banks = self._banks()
        await self._each(
            "channel", [drill.channel for drill in due], lambda channel, tx: rounds.open_due(tx, banks, channel, now)
        )
        # After the openings: who wants to be reminded at the hour at which a question opens is reminded of that one.
        wish = await self._store.read(lambda tx: tx.members.to_remind(now, AT_ONCE))
        await self._each("member", [one.member for one in wish], lambda member, tx: reminding.send_due(tx, member, now))
        if self._cleaned_on != now.date():
            await self._remove_what_is_old(now)

    async def _remove_what_is_old(self, now: datetime) -> None:
        """Once a day, and once after each start; in steps, so that nobody else who writes waits for long."""
        try:
            for _ in range(STEPS_IN_A_TICK):
                if await self._store.write(lambda tx: retention.step(tx, now, self._keep_answers)):
                    self._cleaned_on = now.date()
                    return
        except StoreError:
            raise
        except Exception:
            self._cleaned_on = now.date()
            log.exception("what is old could not be removed; trying again tomorrow")

    async def _each(self, what: str, ids: Sequence[T], work: Callable[[T, Transaction], U]) -> list[U]:
        """Do this for each, in a transaction of its own; the store commits those that wait together.

        Returns what came of those that could be done; `what` they are is said in the log.
        """
        done = list[U]()
        for first in range(0, len(ids), AT_ONCE):
            some = ids[first : first + AT_ONCE]
            outcomes = await asyncio.gather(
                *(self._store.write(partial(work, one)) for one in some), return_exceptions=True
            )
            for one, outcome in zip(some, outcomes, strict=True):
                if isinstance(outcome, StoreError):
                    raise outcome
                if isinstance(outcome, BaseException):
                    with bound_contextvars(**_about(what, one)):
                        log.error("could not do what is due", exc_info=outcome)
                else:
                    done.append(outcome)
        return done

    async def _grade(self, now: datetime) -> None:
        stuck: set[tuple[RoundId, MemberId]] = set()
        while True:
            found = await self._store.read(partial(_ungraded, AT_ONCE + len(stuck)))
            batch = [answer for answer in found if (answer.round, answer.member) not in stuck]
            if not batch:
                return
            for round_id in dict.fromkeys(answer.round for answer in batch):
                answers = [answer for answer in batch if answer.round == round_id]
                with bound_contextvars(**_about("round", round_id)):
                    try:
                        await self._grade_round(round_id, answers, now)
                    except StoreError:
                        raise
                    except Exception:
                        log.exception("could not keep the grades")
            # What is looked at once in a tick is not looked at again: a revision that came meanwhile has the next tick.
            stuck |= {(answer.round, answer.member) for answer in batch}

    async def _grade_round(self, round_id: RoundId, answers: Sequence[Answer], now: datetime) -> None:
        round_ = await self._store.read(lambda tx: tx.rounds.get(round_id))
        if round_ is None:
            return
        grades = await self.grades_now(round_, answers)
        graded = list(zip(answers, grades, strict=True))
        await self._store.write(lambda tx: rounds.save_grades(tx, graded, now))

    async def grades_now(self, round_: Round, answers: Sequence[Answer]) -> list[Grade]:
        """The grades that these answers of a round get as things are; nothing is kept."""

        def rests_on(tx: Transaction) -> tuple[list[list[str]], tuple[Exemplar, ...]]:
            return rounds.readable(tx, round_, answers), tx.rulings.exemplars(round_.group, round_.question.id)

        readable, samples = await self._store.read(rests_on)
        question = replace(round_.question, exemplars=(*round_.question.exemplars, *samples))
        grades = await self._grades(question, answers, readable)
        return [
            replace(grade, basis=grading.basis(samples, before)) for grade, before in zip(grades, readable, strict=True)
        ]

    async def grade_anew(self, round_id: RoundId, now: datetime, *, keep: bool) -> list[regrading.Change]:
        """What grading a revealed round's answers anew changes; kept and paid only if `keep`. Rulings stand."""
        round_ = await self._store.read(lambda tx: tx.rounds.get(round_id))
        if round_ is None or round_.state is not RoundState.REVEALED or not round_.graded:
            return []
        given = await self._store.read(lambda tx: tx.answers.of_round(round_id))
        answers = [answer for answer in given if not answer.erase]
        graded = list(zip(answers, await self.grades_now(round_, answers), strict=True))
        found = await self._store.read(lambda tx: regrading.changes(tx, round_, graded))
        if keep and found:
            changed = {change.member for change in found}
            anew = [(answer, grade) for answer, grade in graded if answer.member in changed]
            await self._store.write(lambda tx: rounds.save_grades(tx, anew, now))
        return found

    async def _grades(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]]
    ) -> list[Grade]:
        try:
            grades = await self._grader.grade(question, answers, readable)
            if len(grades) == len(answers):
                return grades
            log.error("%s: %d grades for %d answers", question.id, len(grades), len(answers))
        except Exception:
            log.exception("grading %s failed", question.id)
        if len(answers) > 1:  # One answer that the grader trips on must not cost the others their grades.
            alone = [await self._grades(question, [a], [r]) for a, r in zip(answers, readable, strict=True)]
            return [grade for grades in alone for grade in grades]
        # A reveal must not wait for ever on it either: it counts as tried, and says that it was not graded.
        return [Grade(score=0.0, level=0, unsure=True, grader=UNGRADED) for _ in answers]

    def fetching(self, channel: ChannelId, now: datetime) -> None:
        """Hold the channel's rounds open while answers given in a gap are fetched; `fetched` ends it."""
        since = self._fetching.get(channel)
        if since is None or now - since > FETCHING_AT_MOST:
            self._held.pop(channel, None)  # Another gap than the one that was waited for before.
        self._fetching[channel] = now

    def fetched(self, channel: ChannelId) -> None:
        """All that was said in the channel during a gap has been handed in."""
        self._held.pop(channel, None)
        self._fetching.pop(channel, None)
        self._owed()

    def _holds(self, round_: Round, now: datetime) -> bool:
        """Whether a due round stays open a little longer, for answers on their way; however often a fetch begins."""
        since = self._fetching.get(round_.channel)
        if since is None or now - since > FETCHING_AT_MOST:
            self._held.pop(round_.channel, None)
            return False
        held = self._held[round_.channel] = min(self._held.get(round_.channel, now), now)  # The clock may be set back.
        return now - held <= FETCHING_AT_MOST

    async def live_threads(self) -> list[Place]:
        """The threads in which something may have been said unheard: of the latest rounds in every channel."""
        posted = await self.posted_rounds()
        return list(dict.fromkeys(round_.thread for round_ in posted if round_.thread is not None))

    async def posted_rounds(self) -> list[Round]:
        """The latest rounds of every channel, and all that are not revealed yet."""

        def work(tx: Transaction) -> list[Round]:
            channels = [drill.channel for drill in tx.drills.all()]
            latest = [round_ for channel in channels for round_ in tx.rounds.of_channel(channel, LOOKED_AT)]
            known = {round_.id for round_ in latest}
            live = [round_ for channel in channels for round_ in tx.rounds.unrevealed(channel)]
            return latest + [round_ for round_ in live if round_.id not in known]

        return await self._store.read(work)

    # --- what members do --------------------------------------------------------------------------------------

    async def answer(self, happened: Said | Deleted | Form | Submitted, now: datetime) -> Told:
        """Take what a member said, edited, deleted or sent. The same thing again gets the same receipt again."""
        return await self._store.write(lambda tx: answering.take(tx, happened, now))

    async def answer_in_private(self, happened: Form | Submitted, now: datetime) -> tuple[Told, Card]:
        """The same for what is answered by a private reply, and that reply."""
        member = happened.by if isinstance(happened, Submitted) else happened.member

        def work(tx: Transaction) -> tuple[Told, Card]:
            told = answering.take(tx, happened, now)
            return told, objecting.after_answer(tx, member, group_of(ChannelId(member)), told)

        return await self._store.write(work)

    async def direct(
        self, member: MemberId, name: str, message: str, text: str, at: datetime, now: datetime
    ) -> tuple[Told, Card]:
        """What a member says to the bot alone is an answer to the question they were reminded of last.

        `message` is what is said by what it is: its id, a slash, and, for what changes it, what tells that change from
        others. An empty text withdraws; if what is deleted so is no answer (any more), that is talk.
        """

        def work(tx: Transaction) -> tuple[Told, Card]:
            round_ = reminding.round_of_reply(tx, member, message)
            if not text.strip() and (round_ is None or not reminding.is_answer(tx, round_, member, message)):
                return answering.TALK, asking.refused("This was no answer.")
            if round_ is None:
                told = Told(receipt=Receipt.NOT_COUNTED, why=Why.NO_ROUND)
            else:
                form = Form(round=round_.id, interaction=message, member=member, name=name, text=text, at=at)
                told = answering.take(tx, form, now)
            return told, objecting.after_answer(tx, member, group_of(ChannelId(member)), told)

        return await self._store.write(work)

    async def speaker(self, members: Collection[MemberId], message: str) -> tuple[MemberId, ChannelId] | None:
        """Which of these members, one person in several groups, says this to the bot alone, and about which channel.

        `message` is named as for `direct`. None where nobody of them is reminded, or has answered so.
        """
        return await self._store.read(lambda tx: reminding.speaker(tx, members, message))

    async def reminders(self, round_id: RoundId) -> list[MessageRef]:
        """The reminders of a round as they stand, each in its member's direct messages."""
        return await self._store.read(lambda tx: reminding.standing(tx, round_id))

    async def has_heard(self, member: MemberId, message: str) -> bool:
        """Whether a direct message was heard before as it is now; `message` is named as for `direct`."""
        return await self._store.read(lambda tx: reminding.is_heard(tx, member, message))

    async def member(self, member: MemberId) -> Member | None:
        """A member, as far as they are known."""
        return await self._store.read(lambda tx: tx.members.get(member))

    async def command(self, asker: Asker, text: str, *, id: str, now: datetime) -> Card:
        """Carry out what stands after `/nnquestion`; `id` is the platform's for this one request."""
        try:
            invocation = pressing.read(text)
        except Refused as refused:
            return asking.refused(str(refused))

        def work(tx: Transaction) -> Card:
            return replies.answer(tx, self._banks(), asker, invocation, now, self._limits)

        card = await (self._once(id, now, work) if replies.changes(invocation) else self._plainly(work))
        return await self._with_news(asker, card) if invocation.command.name == "me" else card

    async def begin(self, asker: Asker, options: Mapping[str, str], now: datetime) -> Card | None:
        """Give a channel its first drill, with today's round; None where it has a drill."""
        try:
            card = await self._store.write(
                lambda tx: organizing.begin(tx, self._banks(), asker, options, now, self._limits)
            )
        except Refused as refused:
            return asking.refused(str(refused))
        if card is not None:
            self._owed()
        return card

    async def press(self, asker: Asker, press: Press, about: str, *, id: str, now: datetime) -> Card:
        """Carry out a button other than Answer, whose form the adapter opens itself."""

        if press is Press.CHECK:
            return await self._check(asker, RoundId(about), now)

        def work(tx: Transaction) -> Card:
            return pressing.press(tx, self._banks(), asker, press, about, now, self._limits)

        if press in pressing.ONLY_READS:
            card = await self._plainly(work)
            return await self._with_news(asker, card) if press is Press.RESULT else card
        return await self._once(id, now, work)

    async def _check(self, asker: Asker, round_id: RoundId, now: datetime) -> Card:
        """Make an answer final, grade it if it is not, and tell its author how far it goes; again, the same."""
        try:
            answer = await self._store.write(lambda tx: objecting.make_final(tx, asker, round_id, now))
            grade = await self._store.read(lambda tx: tx.answers.grade(round_id, asker.member))
            if grade is None or grade.grader == UNGRADED:
                await self._grade_round(round_id, [answer], now)
            return await self._store.read(lambda tx: objecting.checked(tx, asker, round_id))
        except Refused as refused:
            return asking.refused(str(refused))

    async def _with_news(self, asker: Asker, card: Card) -> Card:
        """A private reply with the rulings that its reader has not been told of."""
        if not await self._store.read(lambda tx: rulings.to_tell(tx, asker.group, asker.member)):
            return card
        return await self._store.write(lambda tx: objecting.with_news(tx, card, asker.group, asker.member))

    async def _plainly(self, work: Callable[[Transaction], Card]) -> Card:
        try:
            return await self._store.read(work)
        except Refused as refused:
            return asking.refused(str(refused))

    async def _once(self, id: str, now: datetime, work: Callable[[Transaction], Card]) -> Card:
        def guarded(tx: Transaction) -> Card:
            if not tx.events.add(Occurrence(id=id, at=now)):
                return asking.refused("I have done that already.")
            card = work(tx)
            tx.events.finish(id, "done")
            return card

        try:
            card = await self._store.write(guarded)
        except Refused as refused:
            return asking.refused(str(refused))
        self._owed()
        return card

    async def home(
        self, asker: Asker, channels: Collection[ChannelId] | None, zone: str, now: datetime
    ) -> tuple[Card, ...]:
        """A member's own page, of these channels or of the whole group; instants are in their zone."""
        return await self._store.read(lambda tx: home.home(tx, asker, channels, zone, now))

    # --- what has to be written down before it is worked on ---------------------------------------------------

    async def receive(self, id: str, data: Mapping[str, str], now: datetime) -> bool:
        """Write down something that a platform will not send again; False if it is known."""
        return await self._store.write(lambda tx: tx.events.add(Occurrence(id=id, at=now, data=data)))

    async def first_to_hear(self, id: str, now: datetime) -> bool:
        """Whether nobody has heard of this before: of several copies that hear the same, one answers it."""

        def work(tx: Transaction) -> bool:
            new = tx.events.add(Occurrence(id=f"heard/{id}", at=now))
            if new:
                tx.events.finish(f"heard/{id}", "heard")
            return new

        return await self._store.write(work)

    async def received(self) -> list[Occurrence]:
        """What was written down so and has not been worked on, in the order of arrival."""
        return await self._store.read(lambda tx: tx.events.waiting())

    async def received_as(self, id: str) -> Occurrence | None:
        """What was written down under this id; None where it is unknown, or has been worked on."""
        return await self._store.read(lambda tx: tx.events.get(id) if tx.events.outcome(id) is None else None)

    async def finish(self, received: Occurrence, outcome: str) -> None:
        """It was worked on. What it said is removed: what matters of it is kept where it belongs."""

        def work(tx: Transaction) -> None:
            tx.events.rewrite(replace(received, data={}))
            tx.events.finish(received.id, outcome)

        await self._store.write(work)

    async def met(self, names: Mapping[MemberId, str]) -> None:
        """These people are called so; nothing else is known of those who are new."""

        def work(tx: Transaction) -> None:
            for member, name in names.items():
                group = group_of(ChannelId(member))
                if tx.members.get(member) is None and tx.groups.blocked_since(group) is None:
                    tx.members.save(Member(id=member, group=group, name=name))

        await self._store.write(work)

    # --- what platforms lose ----------------------------------------------------------------------------------

    async def card_deleted(self, round_id: RoundId) -> None:
        """Somebody removed a round's card."""
        await self._with_round(round_id, lambda tx, round_: outcomes.card_deleted(tx, round_))

    async def thread_deleted(self, round_id: RoundId, now: datetime) -> None:
        """Somebody removed a round's thread."""
        await self._with_round(round_id, lambda tx, round_: outcomes.thread_deleted(tx, round_, now))
        self._owed()

    async def channel_lost(self, channel: ChannelId, why: str, now: datetime) -> None:
        """The bot can no longer speak in a channel: its drill is off, and its organizers are told elsewhere."""
        await self._store.write(lambda tx: outcomes.lost(tx, channel, why, now))
        self._owed()

    async def _with_round(self, round_id: RoundId, work: Callable[[Transaction, Round], None]) -> None:
        def loaded(tx: Transaction) -> None:
            round_ = tx.rounds.get(round_id)
            if round_ is not None:
                work(tx, round_)

        await self._store.write(loaded)

    async def round(self, round_id: RoundId) -> Round | None:
        """A round by its id."""
        return await self._store.read(lambda tx: tx.rounds.get(round_id))

    async def round_of_card(self, ref: MessageRef) -> Round | None:
        """The round whose card this message is."""
        return await self._store.read(lambda tx: tx.rounds.by_card(ref))

    async def answer_form(self, asker: Asker, round_id: RoundId) -> tuple[Round, Answer | None] | Card:
        """What a form for an answer is about, and what its reader has said before; or why there is none for them."""
        try:
            return await self._store.read(lambda tx: pressing.answer_form(tx, asker, round_id))
        except Refused as refused:
            return asking.refused(str(refused))

    async def own_answer(self, round_id: RoundId, member: MemberId) -> Answer | None:
        """What a member has said in a round, as it stands."""
        return await self._store.read(lambda tx: tx.answers.get(round_id, member))

    async def answers_in(self, round_id: RoundId) -> list[Answer]:
        """All answers of a round."""
        return await self._store.read(lambda tx: tx.answers.of_round(round_id))

    async def drill_in(self, channel: ChannelId) -> Drill | None:
        """A channel's drill."""
        return await self._store.read(lambda tx: tx.drills.get(channel))

    async def fact(self, name: str) -> str | None:
        """Something an adapter has noted about itself."""
        return await self._store.read(lambda tx: tx.facts.get(name))

    async def note(self, name: str, value: str) -> None:
        """Note something about an adapter, kept over restarts."""
        await self._store.write(lambda tx: tx.facts.set(name, value))

    async def left(self, group: GroupId, now: datetime) -> None:
        """The bot was removed from a group: its drills stop, and nothing more is sent there."""
        await self._store.write(lambda tx: outcomes.left(tx, group, now))

    async def to_leave(self) -> list[GroupId]:
        """The groups that whoever runs the program wants it to leave."""
        return await self._store.read(lambda tx: tx.groups.to_leave())

    async def has_left(self, group: GroupId) -> None:
        """A group was left on its platform, or there is nothing to leave."""
        await self._store.write(lambda tx: tx.groups.has_left(group))

    async def is_blocked(self, group: GroupId) -> bool:
        """Whether nothing is to be sent to a group."""
        return await self._store.read(lambda tx: tx.groups.blocked_since(group) is not None)

    async def may_organize(self, asker: Asker, channel: ChannelId) -> bool:
        """Whether the asker may manage a channel's drill."""
        there = replace(asker, place=Place(channel=channel))
        return await self._store.read(lambda tx: asking.may_organize(tx, there))

    async def drills(self) -> list[Drill]:
        """Every channel's drill."""
        return await self._store.read(lambda tx: tx.drills.all())

    async def round_at(self, place: Place) -> Round | None:
        """The round a command or an answer means at a place."""
        return await self._store.read(lambda tx: asking.the_round(tx, place))

    async def round_on(self, channel: ChannelId, on: date) -> Round | None:
        """The channel's daily round of a local date."""
        return await self._store.read(lambda tx: tx.rounds.get(daily_round_id(channel, on)))


def _about(what: str, which: object) -> dict[str, str]:
    """The keys under which the log names something."""
    said = {what: str(which)}
    if what in ("round", "channel"):
        said["group"] = group_of(ChannelId(str(which)))
    if what == "round":
        said["channel"] = re.split(r"[@#](?=[^@#]*$)", str(which))[0]
    return said


def _ungraded(limit: int, tx: Transaction) -> list[Answer]:
    return tx.answers.ungraded(limit)
