"""What a group has to show, as files for its organizers: its boards, and the answers that members agreed to share.

Nothing in them tells more than boards and Answers tell everybody: no id, no grade, no name that is not shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final

from bot.core import cards, scoring, sharing
from bot.core.card import File
from bot.core.model import ChannelId, GroupId, Member, Naming, RoundState, Season, Share, Standing
from bot.core.my_data import table
from bot.core.ports import Transaction

BOARD_COLUMNS: Final = ("season", "kept", "channel", "rank", "name", "points", "rounds")
ANSWER_COLUMNS: Final = ("date", "channel", "question", "prompt", "by", "answer", "helped")


def groups(tx: Transaction) -> list[GroupId]:
    """The groups that have had a drill, by id."""
    return sorted({drill.group for drill in tx.drills.all()})


def files(tx: Transaction, group: GroupId, on: date) -> tuple[File, ...]:
    """Boards and shared answers of a group, each as JSON and as CSV; `on` says which seasons are present."""
    boards, answers = list(_boards(tx, group, on)), list(_answers(tx, group))
    return (
        *_both("boards", group, BOARD_COLUMNS, boards),
        *_both("answers", group, ANSWER_COLUMNS, answers),
    )


def _both(name: str, group: GroupId, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[File, File]:
    entries = [dict(zip(columns, row, strict=True)) for row in rows]
    kept = json.dumps({"group": group, name: entries}, ensure_ascii=False, indent=2) + "\n"
    return File(f"{name}.json", kept), File(f"{name}.csv", table(columns, rows))


def _channels(tx: Transaction, group: GroupId) -> list[ChannelId]:
    return [drill.channel for drill in tx.drills.all() if drill.group == group]


def _boards(tx: Transaction, group: GroupId, on: date) -> Iterator[tuple[Any, ...]]:
    """The group's boards, then each channel's: the seasons that were kept, latest first, and the present ones."""
    members = {member.id: member for member in tx.members.of_group(group)}
    for channel in (None, *_channels(tx, group)):
        where = channel or "whole group"
        for past in tx.ledger.kept(group, channel):
            yield from _rows(past.season, "kept", where, past.standings, members)
        kept = {past.season for past in tx.ledger.kept(group, channel)}
        for season in Season:
            key = scoring.season_key(season, on)
            if key not in kept:
                standings = scoring.standings(tx.ledger.board(group, season, on, channel))
                yield from _rows(key, "present", where, standings, members)


def _rows(
    season: str, kept: str, where: str, standings: Iterable[Standing], members: dict[Any, Member]
) -> Iterator[tuple[Any, ...]]:
    for standing in standings:
        member = members.get(standing.member)
        naming = scoring.naming_of(member) if member is not None else Naming.SOMEONE
        if naming is Naming.OUT or (member is not None and member.barred):
            continue
        name = member.name if member is not None and naming is Naming.NAME else "someone"
        yield season, kept, where, standing.rank, name, standing.points, standing.rounds


def _answers(tx: Transaction, group: GroupId) -> Iterator[tuple[Any, ...]]:
    """What was shared in revealed rounds, earliest opened first; with its author's name only where they wished so."""
    for channel in _channels(tx, group):
        for round_ in reversed(tx.rounds.of_channel(channel)):
            if round_.state is not RoundState.REVEALED:
                continue
            helped = tx.answers.helped(round_.id)
            for answer in sharing.shared_in(tx, round_.id):
                by = cards.signed(answer, tx.members.get(answer.member)) if answer.share is Share.WITH_NAME else ""
                yield (
                    round_.local_date.isoformat(),
                    channel,
                    str(round_.question.id),
                    round_.question.prompt,
                    by or "somebody",
                    answer.by_form,
                    helped.get(answer.member, 0),
                )
