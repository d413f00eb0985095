"""What must be true at the end of every simulation, however much went wrong on the way.

Exactly once: what is done stands once on its platform. The one exception is what landed, or came to be seen, so late
that no look could see it: a look comes after the last sending, and shows one. `late_twins` counts these.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain, pairwise

from bot.core import rulings, streaks
from bot.core.answering import Form, Said, Submitted
from bot.core.model import (
    UNGRADED,
    UNREVEALED,
    Action,
    Answer,
    ChannelId,
    Delivery,
    DeliveryState,
    Effort,
    GroupId,
    MemberId,
    MessageRef,
    Place,
    Round,
    RoundKind,
    RoundState,
    Season,
)
from bot.store.opening import open_writer
from bot.store.transaction import Tables
from tests.core.worlds import marked
from tests.simulation.model import Expected, expected
from tests.simulation.people import NAMES
from tests.simulation.platform import Message, Platform
from tests.simulation.world import World
from tests.store.files import ask

PAYS = {2: 3, 1: 2, 0: 1}
FETCHED_WITHIN = timedelta(minutes=10)
"""Less than the 15 minutes for which a round waits for what is being fetched: the clock may have been set meanwhile."""


@dataclass(slots=True)
class Verdict:
    """What is wrong, and what was counted."""

    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def check(world: World) -> Verdict:
    """Check every promise."""
    verdict = Verdict(wrong=list(world.faults))
    db = open_writer(world.path)
    try:
        tx = Tables(db)
        for promise in (_deliveries, _messages, _answers, _heard, _points, _boards, _streaks, _rounds, _requests):
            verdict.wrong += promise(world, tx, verdict.counts)
    finally:
        db.close()
    return verdict


def _all_deliveries(world: World, tx: Tables) -> list[Delivery]:
    keys = ask(world.path, "SELECT key FROM deliveries ORDER BY sequence")
    return [delivery for (key,) in keys if (delivery := tx.deliveries.get(key)) is not None]


def _all_rounds(world: World, tx: Tables) -> list[Round]:
    return [round_ for channel in world.channels for round_ in tx.rounds.of_channel(channel)]


# --- messages -----------------------------------------------------------------------------------------------


def _deliveries(world: World, tx: Tables, counts: Counter[str]) -> Iterator[str]:
    """Nothing is stuck; what is done stands where it was noted; what was dropped has a reason that is true."""
    for delivery in _all_deliveries(world, tx):
        counts[f"deliveries {delivery.state}"] += 1
        platform = world.platforms[delivery.place.channel.partition(":")[0]]
        match delivery.state:
            case DeliveryState.DONE:
                if delivery.action is Action.LOOK:
                    continue
                for ref in delivery.sent:
                    found = [m for m in platform.messages[ref.place] if m.id == ref.message]
                    if not found or found[0].gone_by == "bot":
                        yield f"{delivery.key} is done, and {ref} does not stand"
                if delivery.action in (Action.POST, Action.POST_IN_THREAD) and not delivery.sent:
                    yield f"{delivery.key} is done, and nothing was sent"
            case DeliveryState.DROPPED:
                if not _may_be_dropped(world, tx, platform, delivery):
                    yield f"{delivery.key} was dropped: {delivery.note}"
            case state:
                yield f"{delivery.key} is still {state}: {delivery.note}"
    for waiting in tx.events.waiting():
        yield f"{waiting.id} was never worked on"
    for id in world.events_acknowledged:
        if tx.events.outcome(id) is None:
            yield f"{id} was acknowledged, and nothing came of it"


def _may_be_dropped(world: World, tx: Tables, platform: Platform, delivery: Delivery) -> bool:
    note, round_ = delivery.note, tx.rounds.get(delivery.round) if delivery.round else None
    thread = round_.thread if round_ is not None else None
    by_hand = any(m.gone_by == "hand" for m in platform.messages[Place(channel=delivery.place.channel)])
    if note.startswith("round cancelled"):
        return round_ is not None and round_.state is RoundState.CANCELLED
    if note.startswith("refused"):
        key = delivery.key.removesuffix("/look")
        return any(platform.refusals[one] for one in (key, f"{key}/2", ""))
    if note.startswith("message gone"):
        question = tx.deliveries.get(f"{delivery.round}/question")
        never = question is not None and question.state is DeliveryState.DROPPED
        return by_hand or never or (round_ is not None and round_.state is RoundState.CANCELLED)
    if note.startswith("thread gone"):
        return thread is None or by_hand or platform.threads.get(thread) == "gone"
    if note == "its reader was forgotten":
        return True
    return platform.channels[delivery.place.channel].ever_shut


def _messages(world: World, tx: Tables, counts: Counter[str]) -> Iterator[str]:
    """Each message stands once, and none stands that nobody owed."""
    for platform in world.platforms.values():
        standing: dict[str, list[Message]] = defaultdict(list)
        for message in chain.from_iterable(platform.messages.values()):
            if message.by is not None:
                counts["said by members"] += 1
                continue
            counts["posted"] += 1
            counts["younger twins removed"] += message.gone_by == "bot"
            if tx.deliveries.get(message.key) is None and tx.deliveries.get(message.key.removesuffix("/2")) is None:
                yield f"{message.key} stands as {message.id}, and was never owed"
            if message.gone is None:
                standing[message.key].append(message)
        for key, twins in standing.items():
            if len(twins) > 1:
                wrong = _twins(platform, key, twins)
                if wrong:
                    yield wrong
                else:
                    counts["late twins"] += len(twins) - 1
        for (place, key), tries in platform.tries.items():
            for number, (one, next_) in enumerate(pairwise(tries.sends), start=1):
                if number not in tries.failed and not any(one < look <= next_ for look in tries.looks):
                    yield f"{key} was sent again to {place}, and nobody has looked before"
        for round_ in _all_rounds(world, tx):
            if round_.card is not None and round_.card.place.channel.startswith(platform.name + ":"):
                yield from _card(tx, platform, round_, round_.card)


def _twins(platform: Platform, key: str, twins: Sequence[Message]) -> str:
    """What is wrong with a message that stands more than once; nothing if no look could see it."""
    last = max(platform.tries[twin.place, key].sends[-1] for twin in twins)
    seen = []
    for twin in twins:
        looks = [look for look in platform.tries[twin.place, key].looks if look > last]
        if not looks:
            return f"{key} stands {len(twins)} times, and after the last sending nobody has looked in {twin.place}"
        seen += [twin.id] * (twin.visible <= looks[-1])
    return f"{key} stands {len(twins)} times, and a look has shown {seen}" if len(seen) > 1 else ""


def _card(tx: Tables, platform: Platform, round_: Round, card: MessageRef) -> Iterator[str]:
    """A round's card says what was said of it last."""
    edit = tx.deliveries.get(f"{round_.id}/card")
    if edit is None or edit.state is not DeliveryState.DONE or edit.card is None or platform.stands(card) is None:
        return
    if platform.edited_to.get(card.message) != edit.card:
        yield f"the card of {round_.id} does not say what it should"


# --- answers ------------------------------------------------------------------------------------------------


def _answers(world: World, tx: Tables, counts: Counter[str]) -> Iterator[str]:
    """What was acknowledged is kept; each answer is what the model makes of all that was taken."""
    for id in world.told:
        if tx.events.outcome(id) is None:
            yield f"{id} was acknowledged, and is not there"
    for round_ in _all_rounds(world, tx):
        if round_.state in (RoundState.CANCELLED, RoundState.SKIPPED):
            continue
        for name in NAMES:
            member = MemberId(f"{round_.group}/@{name}")
            kept = tx.answers.get(round_.id, member)
            counts["answers"] += kept is not None and bool(kept.parts)
            if member not in world.people.forgot:
                yield from _answer(world, tx, round_, member, kept)


def _answer(world: World, tx: Tables, round_: Round, member: MemberId, kept: Answer | None) -> Iterator[str]:
    what = f"the answer of {member} in {round_.id}"
    events = [event for event in tx.events.in_round(round_.id) if event.about == f"{round_.id} {member}"]
    for event in events:
        if event.id not in world.handed:
            yield f"{what}: {event.id} never happened"
    wanted = _wanted(world, tx, round_, member)
    parts = kept.parts if kept is not None else ()
    if kept is not None and kept.final:
        return
    if wanted.erased or (kept is not None and kept.erase):
        if kept is None or kept.erase != wanted.erased:
            yield f"{what}: deleted after the close {wanted.erased}, and kept as {kept}"
        elif round_.state is RoundState.REVEALED and any(part.text for part in kept.parts):
            yield f"{what}: its author has deleted it, and its text is still there"
        return
    there = [(part.id, part.text) for part in parts]
    should = [(piece.id, piece.text) for piece in wanted.pieces]
    if round_.revealed_at is not None and any(e.at >= round_.revealed_at - timedelta(minutes=10) for e in events):
        # The words of talk are removed at the reveal; what belongs to an answer only by what came later is gone.
        if not set(there) <= set(should):
            yield f"{what}, late to arrive: kept is {there}, said was {should}"
    elif there != should:
        yield f"{what}: kept is {there}, said was {should}"
    elif there and kept is not None and kept.late is not wanted.late:
        yield f"{what}: late is {kept.late}, and should be {wanted.late}"


def _wanted(world: World, tx: Tables, round_: Round, member: MemberId) -> Expected:
    about = f"{round_.id} {member}"
    taken = [world.handed[e.id] for e in tx.events.in_round(round_.id) if e.about == about and e.id in world.handed]
    gone: dict[str, datetime] = {}
    for one in taken:
        said = one.said if isinstance(one, Submitted) else one
        if isinstance(said, Said):
            deleted = tx.events.get(f"{round_.channel}/{said.message}/deleted")
            if deleted is not None:
                gone[said.message] = datetime.fromisoformat(deleted.data["at"])
    empty = (
        one
        for one in world.handed.values()
        if isinstance(one, Form) and (one.round, one.member) == (round_.id, member) and not one.text.strip()
    )
    taken_in = ((form, tx.events.get(form.id)) for form in empty)
    withdrawals = [form for form, event in taken_in if event is not None and not event.about]
    return expected(round_, [*taken, *withdrawals], gone, withdrawn={form.id for form in withdrawals})


def _heard(world: World, tx: Tables, counts: Counter[str]) -> Iterator[str]:
    """What stands in an open thread is heard before the reveal, unless it could not be fetched for so long."""
    for round_ in _all_rounds(world, tx):
        if round_.state in (RoundState.CANCELLED, RoundState.SKIPPED) or round_.sealed or round_.thread is None:
            continue
        platform = world.platforms[round_.channel.partition(":")[0]]
        for message in platform.messages[round_.thread]:
            if message.by is None or message.said_at >= round_.closes_at or message.id in world.unkept:
                continue
            if message.gone is not None or message.by in world.people.forgot or message.key:
                continue
            if tx.events.beginning(f"{round_.channel}/{message.id}/"):
                continue
            revealed = (round_.revealed_at or world.true_now()) - world.starts
            led = max((at for at in world.led if at < revealed.total_seconds()), default=0.0)
            read = any(
                began > message.landed and ended < revealed.total_seconds() - 300
                for began, ended in world.readings[round_.channel]
            )
            since = max(round_.closes_at, world.starts + timedelta(seconds=led))
            waited = revealed - (since - world.starts) >= FETCHED_WITHIN
            by_hand = round_.kind is RoundKind.DAILY and (round_.closes_at.second or round_.closes_at.microsecond)
            if not read and (waited or by_hand or platform.channels[round_.channel].ever_shut):
                counts["never heard"] += 1
            else:
                yield f"{message.by} said {message.id} in {round_.id} in time, and nobody has heard it (read: {read})"


# --- points -------------------------------------------------------------------------------------------------


def _points(world: World, tx: Tables, counts: Counter[str]) -> Iterator[str]:
    """Each answer is graded as its text deserves and paid once; each award that was acknowledged stands once."""
    for round_ in _all_rounds(world, tx):
        if round_.state is not RoundState.REVEALED:
            for entry in tx.ledger.of_round(round_.id):
                if entry.ruling is None:
                    yield f"{round_.id} is {round_.state}, and has paid {entry}"
            continue
        for name in NAMES:
            member = MemberId(f"{round_.group}/@{name}")
            kept = tx.answers.get(round_.id, member)
            due = 0
            if kept is not None and kept.parts:
                grade = rulings.standing_grade(tx, round_, member)
                raw = tx.answers.grade(round_.id, member)
                if grade is None and kept.late and kept.erase:
                    continue  # Its author was forgotten before it was graded, and it would not have paid.
                if grade is None or raw is None:
                    yield f"the answer of {member} in {round_.id} is not graded"
                    continue
                if not kept.erase and raw.grader != UNGRADED and raw.level != marked(round_.question, kept.text).level:
                    yield f"the answer of {member} in {round_.id} has the grade of another text"
                if not kept.late and round_.kind is RoundKind.DAILY and grade.effort is Effort.HONEST:
                    due = max(1, PAYS[grade.level] - tx.answers.hints(round_.id, member))
            paid = sum(entry.points for entry in tx.ledger.of_round(round_.id, member) if entry.ruling is None)
            if paid != due:
                yield f"{member} was paid {paid} in {round_.id}, and should be paid {due}"
    yield from _awards(world, tx)


def _awards(world: World, tx: Tables) -> Iterator[str]:
    entries = ask(world.path, "SELECT reason FROM ledger WHERE ruling IS NOT NULL")
    stands = Counter(reason for (reason,) in entries)
    for asked in world.people.asked.values():
        if not asked.what.startswith("award"):
            continue
        _, who, _, reason = asked.what.split(maxsplit=3)
        times = stands[f"award: {reason}"]
        awarded = sum(reply.title == "Awarded" for reply in asked.replies)
        tried = sum(other.what == asked.what for other in world.people.asked.values())
        if MemberId(f"{asked.by.partition('/@')[0]}/{who}") not in world.people.forgot and times < awarded:
            yield f"{asked.what} was acknowledged, and stands {times} times"
        if times > tried:
            yield f"{asked.what} stands {times} times, and was asked for {tried} times"


def _boards(world: World, tx: Tables, counts: Counter[str]) -> Iterator[str]:
    """Every board is what a plain count of the ledger gives."""
    rows = ask(world.path, "SELECT group_id, channel, member, round, local_date, points, ruling FROM ledger")
    counts["ledger rows"] += len(rows)
    keys: dict[Season, Callable[[date], str]] = {
        Season.WEEK: lambda on: f"{on.isocalendar()[0]}-W{on.isocalendar()[1]:02d}",
        Season.MONTH: lambda on: f"{on.year}-{on.month:02d}",
        Season.ALL: lambda on: "all",
    }
    points: Counter[tuple[str, Season, str, str | None, str]] = Counter()
    days: dict[tuple[Season, str], date] = {}
    for group, channel, member, _, on, number, _ in rows:
        for season, key in keys.items():
            day = date.fromisoformat(on)
            days[season, key(day)] = day
            for where in (None, channel):
                points[group, season, key(day), where, member] += number
    for group, season, key_, where in sorted({(g, s, k, w) for g, s, k, w, _ in points}, key=str):
        board = tx.ledger.board(GroupId(group), season, days[season, key_], ChannelId(where) if where else None)
        plain = {m: n for (g, s, k, w, m), n in points.items() if (g, s, k, w) == (group, season, key_, where)}
        if {m: n for m, n, _ in board} != plain:
            yield f"the board of {where or group} for {key_} says {board}, and the ledger {plain}"
    if wrong := tx.ledger.recount():
        yield f"{wrong} rows of boards were wrong"


def _streaks(world: World, tx: Tables, counts: Counter[str]) -> Iterator[str]:
    """Every streak is what a plain count of the rounds gives: one miss is forgiven where the six before have none."""
    for channel in world.channels:
        rounds = [r for r in tx.rounds.of_channel(channel)[::-1] if r.kind is RoundKind.DAILY]
        rounds = [r for r in rounds if r.state is RoundState.REVEALED]
        for name in NAMES:
            member = MemberId(f"{rounds[0].group}/@{name}") if rounds else MemberId("")
            tried = []
            for round_ in rounds:
                kept = tx.answers.get(round_.id, member)
                grade = tx.answers.grade(round_.id, member)
                in_time = kept is not None and bool(kept.parts) and not kept.late
                tried.append(in_time and grade is not None and grade.effort is Effort.HONEST)
            length = 0
            for index, here in enumerate(tried):
                first = tried.index(True) if True in tried else len(tried)
                if here:
                    length += 1
                elif not all(tried[max(first, index - 6) : index]):
                    length = 0
            if streaks.streak_of(tx, channel, member).length != length:
                yield f"the streak of {member} in {channel} is not {length}"


# --- rounds -------------------------------------------------------------------------------------------------


def _rounds(world: World, tx: Tables, counts: Counter[str]) -> Iterator[str]:
    """What is due is done; no date is left out; what was revealed was told, once."""
    now = world.clock()
    for channel in world.channels:
        drill = tx.drills.get(channel)
        if drill is None:
            continue
        daily = [r for r in tx.rounds.of_channel(channel) if r.kind is RoundKind.DAILY][::-1]
        counts["rounds"] += len(daily)
        dates = [r.local_date for r in daily]
        if channel not in world.people.stopped and dates and drill.state.value == "on":
            day = dates[0]
            while day <= dates[-1]:
                if day.weekday() in drill.timetable.days and day not in dates:
                    yield f"{channel} has no round on {day}"
                day += timedelta(days=1)
        for round_ in tx.rounds.of_channel(channel):
            counts[f"rounds {round_.state}"] += 1
            overdue = now - round_.reveal_at > timedelta(hours=2)
            if round_.state in UNREVEALED and overdue:
                yield f"{round_.id} is {round_.state}, and was due at {round_.reveal_at}"
            reveal = tx.deliveries.get(f"{round_.id}/reveal")
            if (reveal is not None) is not (round_.state is RoundState.REVEALED):
                yield f"{round_.id} is {round_.state}, and its reveal is {reveal and reveal.state}"


def _requests(world: World, tx: Tables, counts: Counter[str]) -> Iterator[str]:
    """No hint is counted twice."""
    asked: Counter[tuple[str, str]] = Counter()
    for one in world.people.asked.values():
        if one.what.startswith("hint"):
            asked[one.by, one.what.partition(" ")[2]] += 1
    for round_ in _all_rounds(world, tx):
        for name in NAMES:
            member = MemberId(f"{round_.group}/@{name}")
            commanded = asked[member, ""]
            if tx.answers.hints(round_.id, member) > asked[member, round_.id] + commanded:
                yield f"{member} has more hints in {round_.id} than they asked for"
