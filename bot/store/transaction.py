"""All tables inside one transaction."""

from __future__ import annotations

from sqlite_utils import Database

from bot.store.answers import AnswerRows
from bot.store.deliveries import DeliveryRows
from bot.store.drills import DrillRows
from bot.store.events import EventRows, FactRows
from bot.store.forgetting import RecordRows
from bot.store.groups import GroupRows
from bot.store.ledger import LedgerRows
from bot.store.members import MemberRows
from bot.store.rounds import RoundRows
from bot.store.rulings import ObjectionRows, RulingRows


class Tables:
    """A `Transaction` over a connection on which one has begun."""

    def __init__(self, db: Database) -> None:
        self.drills = DrillRows(db)
        self.rounds = RoundRows(db)
        self.answers = AnswerRows(db)
        self.objections = ObjectionRows(db)
        self.rulings = RulingRows(db)
        self.ledger = LedgerRows(db)
        self.members = MemberRows(db)
        self.deliveries = DeliveryRows(db)
        self.events = EventRows(db)
        self.facts = FactRows(db)
        self.records = RecordRows(db)
        self.groups = GroupRows(db)
