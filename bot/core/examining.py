"""What `doctor` answers in a channel: what is missing here, how the drill is, and its next rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.core import checkup
from bot.core.asking import Asker, Reply, coming
from bot.core.card import Block, Card, Tone
from bot.core.cards import line, strong
from bot.core.checkup import Finding, State
from bot.core.model import ChannelId, DrillState
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.rounds import notes_of

_MARK: Final = {State.OK: "✓", State.WARNING: "!", State.FAULT: "✗"}


def _doctor(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = tx.drills.get(asker.channel)
    found = _of_platform(asker, notes_of(drill) if drill is not None else asker.channel)
    rounds: tuple[Block, ...] = ()
    if drill is None:
        remedy = "an organizer makes one with /nnquestion setup"
        found.append(checkup.warning("drill", "", "there is none here yet", remedy))
    else:
        of_drill = checkup.of_drill(drill, banks, now)
        # When its rounds are stands below, in each reader's own time.
        found += [finding for finding in of_drill if finding.state is not State.OK]
        if drill.bank in banks and not any(finding.state is State.FAULT for finding in of_drill):
            found.append(checkup.ok("bank", drill.bank, "found, with questions that fit"))
        waiting = tx.deliveries.unfinished(channel=drill.channel)
        found += checkup.of_deliveries(waiting, tx.deliveries.dropped(drill.channel), now)
        rounds = coming(drill) if drill.state is DrillState.ON and drill.next is not None else ()
    tone = Tone.TROUBLE if checkup.worst(found) is State.FAULT else Tone.QUIET
    body = [block for finding in found for block in _shown(finding)]
    return Card(title="How it is here", body=(line(checkup.in_words(found)), *body, *rounds), tone=tone)


def _of_platform(asker: Asker, notes: ChannelId) -> list[Finding]:
    found = []
    for seen in asker.seen:
        use = checkup.FOR_NOTES if seen.channel == notes != asker.channel else ""
        finding = checkup.of_channel(seen, use)
        found.append(replace(finding, what=" ".join(filter(None, (use, seen.name or finding.what)))))
    for lack in asker.lacks:
        make = checkup.fault if lack.needed else checkup.warning
        found.append(make("app", "", f"{lack.what}: missing, {lack.means}", lack.remedy))
    return found


def _shown(finding: Finding) -> list[Block]:
    """A finding as lines: the mark says how it is also where nobody sees colours."""
    kind = finding.kind.capitalize()
    about = f"{kind} {finding.what}" if finding.kind in _NAMED else kind
    says = finding.detail[:300] + (f". To do: {finding.remedy}." if finding.remedy else "")
    return [line(strong(f"{_MARK[finding.state]} {about}: "), says, bullet=True)]


_NAMED: Final = frozenset({"channel", "bank"})
"""Kinds of findings that need to say which one it is; there is only one of the others here."""

REPLIES: Final[Mapping[str, Reply]] = {"doctor": _doctor}
