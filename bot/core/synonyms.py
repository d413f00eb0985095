"""Everyday words that say nearly the same: what a learner starts, the reference answer may begin.

Written by hand, from everyday English and not from any set of answers. Words of one subject do not belong here: a
bank's author says in `any_of` what may be said instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.core.text import stem

NEARLY: Final = 0.75
"""What one counts for another."""

_GROUPS: Final = """
    begin start commence initiate; end finish terminate stop; big large huge; small little tiny; fast quick
    rapid; slow sluggish; remove delete erase discard eliminate; make create build construct produce generate
    form; change modify alter adjust; show display demonstrate; need require; use employ utilize apply; find
    locate discover; same identical equal equivalent; different distinct; difference distinction; store save
    keep hold; get obtain retrieve receive acquire; help aid assist; error mistake fault; whole entire full
    complete total; many multiple several numerous; join connect link attach; break damage; select choose pick;
    put place insert; important essential crucial vital; explain describe; happen occur; give provide supply;
    allow permit enable; contain include comprise; separate split divide partition; combine merge unite; check
    verify test; increase grow rise raise; decrease reduce lower shrink drop; avoid prevent; maximum max highest
    largest biggest greatest; minimum min lowest smallest least; next following subsequent; previous prior
    preceding; sequence order; part portion piece section component; number amount count quantity; method way
    technique approach; kind type; problem issue; goal aim purpose objective; result outcome; example instance;
    data information; easy simple; hard difficult; location position place spot; element item entry; add append;
    examine inspect; compare contrast; improve enhance; wrong incorrect false; correct right true accurate;
    benefit advantage; drawback disadvantage downside; cost expense; copy duplicate; send transmit; path route;
    usual common typical; unlimited infinite endless; variable changing; constant fixed; repeat iterate loop;
    move shift; go travel; calculate compute; evaluate assess; often frequently; quality property feature
    attribute characteristic; cause reason; effect influence impact; learn acquire; guess estimate; predict
    forecast; noise randomness; random arbitrary; mean average; spread disperse; penalty punish; ignore
    disregard; remember memorize memory; forget lose; depend rely; near close; far distant; outside external;
    inside internal within; empty void; speed velocity rate; power strength; weak feeble; strong powerful;
    stable steady; skip omit; share common; hidden invisible; label annotation tag; picture image photo
"""


def _table() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for group in _GROUPS.split(";"):
        stems = {stem(word) for word in group.split()}
        for one in stems:
            found.setdefault(one, set()).update(stems - {one})
    return {one: tuple(sorted(others)) for one, others in found.items()}


SYNONYMS: Final = _table()
"""For a stem those that may stand for it."""
