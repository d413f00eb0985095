"""Leaderboards: of a week, a month, all time or the past, by points or by points per round; shared, and kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from bot.core import cards, scoring, streaks
from bot.core.asking import Asker, said, today
from bot.core.card import Bar, Bars, Block, Board, Button, Card, Picture, Press, Row
from bot.core.cards import line, strong
from bot.core.model import (
    Action,
    ChannelId,
    Delivery,
    GroupId,
    Member,
    MemberId,
    Naming,
    PastSeason,
    Place,
    Season,
    Standing,
    date_of,
)
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.setting_up import Refused

ROWS: Final = 10
SHARED_EVERY: Final = timedelta(hours=1)
PAST: Final = "past"
AVERAGE: Final = "average"
PAST_SHOWN: Final = 12

KEPT_AFTER: Final = scoring.OPEN_AFTER_END + timedelta(days=2)
"""From this day on in UTC nobody is still in the last day that a season takes points on: in the west it ends later."""

NAMES: Final = {Season.WEEK: "this week", Season.MONTH: "this month", Season.ALL: "all time"}
_KEPT_ON: Final = "seasons were kept on"


# --- what is shown ------------------------------------------------------------------------------------------


def leaderboard(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    """The board that was asked for, with the asker's own row and its neighbors, for the asker alone."""
    here = "where" in options
    drill = tx.drills.get(asker.channel)
    if here and drill is not None and not drill.ranking:
        raise Refused("This channel keeps no board.")
    if options.get("season") == PAST:
        return _hall_of_fame(tx, asker, here=here)
    season, on = Season(options.get("season", "month")), today(tx, asker, now)
    by = options.get("by", "points")
    rows = _rows(tx, asker.group, season, on, asker.channel if here else None, by)
    shown = _without_hidden(tx, rows, asker.member)
    body: list[Block] = [_board(tx, shown[:ROWS], asker.member, _empty(by))]
    own = next((index for index, row in enumerate(shown) if row.member == asker.member), None)
    if own is None:
        body.append(line(scoring.BARRED if scoring.is_barred(tx, asker.member) else _not_on_it(by)))
    elif own >= ROWS:
        # The neighbors of a row right below the ten are not said twice.
        body += [line("…"), _board(tx, shown[max(ROWS, own - 1) : own + 2], asker.member, "")]
    buttons: tuple[Button, ...] = ()
    if drill is not None and drill.ranking and _without_hidden(tx, rows, None):
        about = f"{season.value} {by} {'here' if here else 'all'} {asker.channel}"
        buttons = (Button(Press.SHARE, "Share the top ten here", about),)
    return Card(title=_title(season, by, here=here), body=tuple(body), buttons=buttons)


def share(tx: Transaction, asker: Asker, about: str, now: datetime) -> Card:
    """Post the top ten in a channel, at most once an hour; `about` is season, view and "here" or "all"."""
    season_name, by, where = (*about.split(" "), "", "")[:3]
    drill = tx.drills.get(asker.channel)
    if season_name not in set(Season) or by not in ("points", AVERAGE) or where not in ("here", "all"):
        raise Refused("This button no longer does anything.")
    if drill is None or not drill.ranking:
        raise Refused("This channel keeps no board.")
    last = tx.facts.get(_shared(asker.channel))
    if last is not None and now - datetime.fromisoformat(last) < SHARED_EVERY:
        raise Refused("A board was shared here less than an hour ago.")
    season, here = Season(season_name), where == "here"
    rows = _rows(tx, asker.group, season, today(tx, asker, now), asker.channel if here else None, by)
    rows = _without_hidden(tx, rows, None)[:ROWS]
    if not rows:
        raise Refused("There is nobody on it yet.")
    title, board = _title(season, by, here=here), _board(tx, rows, None, "")
    tx.deliveries.owe(
        Delivery(
            key=f"{asker.channel}/board/{now.isoformat()}",
            place=Place(channel=asker.channel),
            action=Action.POST,
            created_at=now,
            card=Card(title=title, body=(board,), picture=picture(title, board)),
            asked=True,
        )
    )
    tx.facts.set(_shared(asker.channel), now.isoformat())
    return said("Shared", line("The top ten is on its way into the channel."))


def picture(title: str, board: Board) -> Picture:
    """A board as a picture; what it says in words is what the board says."""
    rows = tuple(Bar(f"{row.rank} {row.name}", row.value, row.points, row.own) for row in board.rows)
    alt = "; ".join(f"{row.rank} {row.name}, {row.points}, {row.rest}" for row in board.rows)
    return Picture(title, (Bars("", rows),), f"{title}: {alt}")


def _title(season: Season, by: str, *, here: bool) -> str:
    average = ", points a round" if by == AVERAGE else ""
    return f"Leaderboard, {NAMES[season]}, {'this channel' if here else 'whole group'}{average}"


def _empty(by: str) -> str:
    return "Nobody has answered enough rounds yet." if by == AVERAGE else "No points yet."


def _not_on_it(by: str) -> str:
    if by == AVERAGE:
        floor = f"at least {scoring.FLOOR_ROUNDS} rounds, and half of those since your first"
        return f"You are not on it yet: answer {floor}."
    return "You are not on it yet: answer a daily question."


def _shared(channel: ChannelId) -> str:
    return f"a board was shared in {channel}"


# --- rows ---------------------------------------------------------------------------------------------------

_AnyRow = Standing | scoring.Average


def _rows(
    tx: Transaction, group: GroupId, season: Season, on: date, channel: ChannelId | None, by: str
) -> Sequence[_AnyRow]:
    totals = scoring.totals_of(tx, group, season, on, channel)
    if by == AVERAGE:
        return scoring.averages(totals, _open_to(tx, group, season, on, channel))
    standings = scoring.standings(totals)
    if channel is None:
        return standings
    return [_with_streak(tx, row, channel) for row in standings]


def _with_streak(tx: Transaction, row: Standing, channel: ChannelId) -> Standing:
    return replace(row, streak=streaks.streak_of(tx, channel, row.member).length)


def _open_to(
    tx: Transaction, group: GroupId, season: Season, on: date, channel: ChannelId | None
) -> dict[MemberId, int]:
    """For each member how many daily rounds of a season were open to them: from their first answer in a channel on."""
    first, last = scoring.season_dates(season, on)
    channels = [channel] if channel is not None else [d.channel for d in tx.drills.all() if d.group == group]
    open_to: dict[MemberId, int] = {}
    for one in channels:
        tried = tx.answers.tried_by_round(one)
        joined: set[MemberId] = set()
        for round_id in tx.rounds.revealed_daily(one):
            joined |= tried.get(round_id, set())
            held = date_of(round_id)
            if held is None or (first is not None and held < first) or (last is not None and held > last):
                continue
            for member in joined:
                open_to[member] = open_to.get(member, 0) + 1
    return open_to


def _without_hidden(tx: Transaction, rows: Sequence[_AnyRow], own: MemberId | None) -> list[_AnyRow]:
    members = _members(tx, rows)
    return [
        row
        for row in rows
        if row.member == own or row.member not in members or scoring.naming_of(members[row.member]) is not Naming.OUT
    ]


def _members(tx: Transaction, rows: Iterable[_AnyRow]) -> dict[MemberId, Member]:
    return {row.member: member for row in rows if (member := tx.members.get(row.member)) is not None}


def _board(tx: Transaction, rows: Sequence[_AnyRow], own: MemberId | None, empty: str) -> Board:
    members = _members(tx, rows)
    standings = [row for row in rows if isinstance(row, Standing)]
    if len(standings) == len(rows):
        return cards.board(standings, members, own=own, empty=empty)
    averages = [row for row in rows if not isinstance(row, Standing)]
    return Board(tuple(_average_row(row, members.get(row.member), own) for row in averages), empty)


def _average_row(row: scoring.Average, member: Member | None, own: MemberId | None) -> Row:
    named = member is not None and (scoring.naming_of(member) is Naming.NAME or row.member == own)
    return Row(
        rank=f"{row.rank}.",
        name=member.name if member is not None and named else "someone",
        points=f"{row.a_round:.2f} a round",
        rest=f"{row.points} points, {row.rounds} of {cards.count(row.open, 'round')}",
        own=row.member == own,
        value=row.a_round,
    )


# --- seasons that are over ----------------------------------------------------------------------------------


def keep_seasons(tx: Transaction, now: datetime) -> None:
    """Keep the boards of seasons that take no more points, once each; looked at once a day."""
    day = now.date()
    if tx.facts.get(_KEPT_ON) == day.isoformat():
        return
    for group in dict.fromkeys(drill.group for drill in tx.drills.all()):
        for key, channel in tx.ledger.unkept(group):
            season, last = scoring.season_of_key(key)
            if day >= last + KEPT_AFTER:
                standings = tuple(scoring.standings(tx.ledger.board(group, season, last, channel)))
                tx.ledger.keep(PastSeason(group=group, channel=channel, season=key, standings=standings, kept_at=now))
    tx.facts.set(_KEPT_ON, day.isoformat())


def seasons_to_keep(tx: Transaction, now: datetime) -> bool:
    """Whether `keep_seasons` has not looked today."""
    return tx.facts.get(_KEPT_ON) != now.date().isoformat()


def _hall_of_fame(tx: Transaction, asker: Asker, *, here: bool) -> Card:
    kept = tx.ledger.kept(asker.group, asker.channel if here else None)
    months = [past for past in kept if "-W" not in past.season][:PAST_SHOWN]
    weeks = [past for past in kept if "-W" in past.season][: PAST_SHOWN // 3]
    body: list[Block] = []
    for title, seasons in (("Months", months), ("Weeks", weeks)):
        if seasons:
            body.append(line(strong(title)))
            body += [
                line(strong(_called(past.season)), f"  {_winners(tx, past, asker.member)}", bullet=True)
                for past in seasons
            ]
    empty = line("No season is over yet. A board is kept seven days after its week or month has ended.")
    return Card(title=f"Hall of fame, {'this channel' if here else 'whole group'}", body=tuple(body) or (empty,))


def _called(key: str) -> str:
    season, last = scoring.season_of_key(key)
    if season is Season.MONTH:
        return f"{last:%B} {last.year}"
    return f"week to {last.day} {last:%B %Y}"


def _winners(tx: Transaction, past: PastSeason, own: MemberId) -> str:
    barred = {id for id, member in _members(tx, past.standings).items() if member.barred}
    left = scoring.standings((row.member, row.points, row.rounds) for row in past.standings if row.member not in barred)
    shown = [row for row in _without_hidden(tx, left, own) if row.rank <= 3]
    board = _board(tx, shown, own, "")
    return "; ".join(f"{row.rank} {row.name}, {row.points}" for row in board.rows) or "nobody who is shown"


# --- how one is shown ---------------------------------------------------------------------------------------

_NAMINGS: Final = {"name": Naming.NAME, "someone": Naming.SOMEONE, "out": Naming.OUT}
_SAYS: Final = {
    Naming.NAME: "Boards show your name.",
    Naming.SOMEONE: "Boards show you as “someone”.",
    Naming.OUT: "Boards leave you out; only you see your own row.",
}


def show_as(tx: Transaction, member: Member, word: str) -> Card:
    """Show a member by name, as someone, or not at all, as the word says. Raises Refused."""
    naming = _NAMINGS.get(word)
    if naming is None:
        raise Refused("This button no longer does anything.")
    tx.members.save(replace(member, naming=naming))
    return said("How you are shown", line(_SAYS[naming]))


def ask_how(card: Card, member: Member | None) -> Card:
    """The card with the question how boards should show its reader, while they have not said and nobody knows them."""
    if member is None or member.naming is not None or member.public:
        return card
    asks = line("Should boards show you? Until you say, you are “someone”.")
    return with_namings(replace(card, body=(*card.body, asks)))


def with_namings(card: Card) -> Card:
    """The card with a button for each way of being shown."""
    labels = (("name", "By my name"), ("someone", "As someone"), ("out", "Not at all"))
    buttons = tuple(Button(Press.NAMING, label, word) for word, label in labels)
    return replace(card, buttons=(*card.buttons, *buttons))
