"""The tables, as named steps. A step that has been released is never changed or renamed: later changes are new steps.

Instants are UTC text of one width, dates ISO text, truth 0 or 1, and nested values JSON (see `bot.store.codec`).
"""

from __future__ import annotations

from typing import Any, Final

from sqlite_utils import Database, Migrations

from bot.store.tallies import recount


def m001_initial(db: Database) -> None:
    """Everything that version 0.1 keeps."""
    _drills(db)
    _rounds(db)
    _answers(db)
    _ledger(db)
    _deliveries(db)
    _events(db)
    _table(db, "members", {"id": str, "group_id": str, "name": str, "naming": str, "public": int}, "id", "naming")
    _table(db, "facts", {"name": str, "value": str}, "name")


def m002_rulings(db: Database) -> None:
    """Objections, rulings and the exemplars that come of them; answers that are final; grades that are made anew."""
    db.execute("ALTER TABLE answers ADD COLUMN final INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE ledger ADD COLUMN ruling INTEGER")
    for change in ("update", "delete"):  # A trigger knows the columns of its time.
        db.execute(f"DROP TRIGGER ledger_no_{change}")
    # An award's reason is about a member, and goes when they ask to be forgotten.
    _only_added_to(db, "ledger", "the ledger is only added to", but=("reason",))
    db.execute("DROP INDEX idx_ledger_group_id_local_date_channel_member_round_points")
    db.table("ledger").create_index(["group_id", "local_date", "channel", "member", "round", "points", "ruling"])
    # A grade is made again when what it rests on has changed, and may come to rest on the same once more.
    db.execute("DROP INDEX idx_grades_round_member_revision_grader")
    db.table("grades").create_index(["round", "member", "revision"])
    db.execute("CREATE INDEX answers_waiting ON answers (round) WHERE ungraded = 1")
    db.table("rounds").create_index(["channel", "question"])
    of_answer = (("round", "member"), "answers", ("round", "member"))
    _table(
        db,
        "objections",
        {
            "number": int,
            "round": str,
            "group_id": str,
            "channel": str,
            "member": str,
            "key_point": str,
            "words": str,
            "since": str,
            "state": str,
        },
        "number",
        foreign_keys=[of_answer],
    )
    objections = db.table("objections")
    objections.create_index(["round", "member", "key_point"], unique=True)
    db.execute("CREATE INDEX objections_open ON objections (since) WHERE state = 'open'")
    db.execute("CREATE INDEX objections_open_in ON objections (channel, since) WHERE state = 'open'")
    # No foreign key: an award may go to somebody who has not answered, and points outlive rounds.
    _table(
        db,
        "rulings",
        {
            "number": int,
            "round": str,
            "group_id": str,
            "channel": str,
            "member": str,
            "kind": str,
            "at": str,
            "ruled_by": str,
            "key_point": str,
            "words": str,
            "verdict": str,
            "objection": int,
            "level": int,
            "points": int,
            "reason": str,
            "consent": str,
            "told": int,
            "undone_at": str,
            "undone_by": str,
        },
        "number",
        "ruled_by",
        "objection",
        "level",
        "undone_at",
        "undone_by",
    )
    rulings = db.table("rulings")
    for columns in (["round", "member"], ["channel", "number"], ["group_id", "member"]):
        rulings.create_index(columns)
    changing = ("words", "reason", "consent", "told", "undone_at", "undone_by")
    _only_added_to(db, "rulings", "rulings are only added and undone", but=changing)
    _table(
        db,
        "exemplars",
        {
            "ruling": int,
            "group_id": str,
            "question": str,
            "round": str,
            "member": str,
            "text": str,
            "exemplar": str,
            "serves": int,
        },
        "ruling",
        foreign_keys=[("ruling", "rulings", "number")],
    )
    db.table("exemplars").create_index(["group_id", "question"])
    db.table("exemplars").create_index(["round", "member"])


def m003_group(db: Database) -> None:
    """What a group sees of itself: tallies of points, past seasons, absences, reminders, what was shared and helped."""
    db.execute("ALTER TABLE members ADD COLUMN barred INTEGER NOT NULL DEFAULT 0")
    db.table("members").create_index(["group_id"])
    db.execute("ALTER TABLE answers ADD COLUMN removed INTEGER NOT NULL DEFAULT 0")
    db.table("answers").create_index(["member"])
    # Points and rounds by season, kept with each row of the ledger. An empty channel stands for the whole group.
    _table(
        db,
        "tallies",
        {"group_id": str, "season": str, "channel": str, "member": str, "points": int, "rounds": int},
        ("group_id", "season", "channel", "member"),
    )
    _table(
        db,
        "seasons",
        {"group_id": str, "season": str, "channel": str, "standings": str, "kept_at": str},
        ("group_id", "channel", "season"),
    )
    _table(db, "absences", {"member": str, "first": str, "last": str}, ("member", "first"))
    _table(
        db,
        "reminders",
        {
            "member": str,
            "group_id": str,
            "channel": str,
            "at": str,
            "zone": str,
            "next_at": str,
            "round": str,
        },
        "member",
        "round",
    )
    db.table("reminders").create_index(["next_at"])
    of_answer = (("round", "member"), "answers", ("round", "member"))
    _table(
        db,
        "helped",
        {"round": str, "member": str, "helps": str},
        ("round", "member", "helps"),
        foreign_keys=[of_answer],
    )
    _table(
        db,
        "reports",
        {"round": str, "member": str, "reporter": str, "at": str, "settled": int},
        ("round", "member", "reporter"),
        foreign_keys=[of_answer],
    )
    db.execute("CREATE INDEX reports_open ON reports (at) WHERE settled = 0")
    # What is said before this instant by somebody who asked to be forgotten is not kept, however late it is heard.
    db.execute("ALTER TABLE members ADD COLUMN forgotten_at TEXT")
    # What the daily job looks for: texts that have not been removed yet.
    db.execute("CREATE INDEX events_with_text ON events (at) WHERE json_extract(data, '$.text') <> ''")
    db.execute("CREATE INDEX answers_with_text ON answers (local_date) WHERE erase = 0")
    db.execute(
        "CREATE INDEX deliveries_with_card ON deliveries (created_at)"
        " WHERE card IS NOT NULL AND state IN ('done', 'dropped')"
    )
    recount(db)


def m004_delivery(db: Database) -> None:
    """What somebody has asked for is sent before what the clock owes; what is finished long since can be removed."""
    db.execute("ALTER TABLE deliveries ADD COLUMN asked INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX deliveries_owed ON deliveries (asked DESC, sequence) WHERE state = 'owed'")
    db.execute("CREATE INDEX deliveries_finished ON deliveries (created_at) WHERE state IN ('done', 'dropped')")
    db.execute("CREATE INDEX events_about_nothing ON events (at) WHERE about = ''")
    db.execute("DROP INDEX idx_rounds_channel_question")  # No query has ever used it.


_STEPS: Final = (m001_initial, m002_rulings, m003_group, m004_delivery)

MIGRATIONS: Final = Migrations("nnquestion")
for _step in _STEPS:
    MIGRATIONS()(_step)


def unknown_migrations(db: Database) -> list[str]:
    """The steps this database has had that are not known here: a newer version made them."""
    known = {step.__name__ for step in _STEPS}
    return [applied.name for applied in MIGRATIONS.applied(db) if applied.name not in known]


def _drills(db: Database) -> None:
    # A drill and a plan are documents: read and written whole. What queries look for stands beside them.
    _table(
        db,
        "drills",
        {"channel": str, "group_id": str, "state": str, "next_at": str, "drill": str},
        "channel",
        "next_at",
    )
    _table(db, "plans", {"channel": str, "plan": str}, "channel")


def _rounds(db: Database) -> None:
    _table(db, "questions", {"digest": str, "id": str, "version": int, "question": str}, "digest")
    _table(
        db,
        "rounds",
        {
            "id": str,
            "channel": str,
            "group_id": str,
            "kind": str,
            "state": str,
            "question": str,
            "local_date": str,
            "opened_at": str,
            "closes_at": str,
            "reveal_at": str,
            "planned_at": str,
            "zone": str,
            "cycle": int,
            "sealed": int,
            "asked_by": str,
            "card_channel": str,
            "card_thread": str,
            "card_message": str,
            "thread_channel": str,
            "thread": str,
            "card_deleted": int,
            "revealed_at": str,
        },
        "id",
        "asked_by",
        "card_channel",
        "card_thread",
        "card_message",
        "thread_channel",
        "thread",
        "revealed_at",
        foreign_keys=[("question", "questions", "digest")],
    )
    for columns in (
        ["channel", "opened_at", "id"],
        ["channel", "state"],
        ["channel", "kind", "id"],
        ["state", "closes_at", "id"],
        ["state", "reveal_at", "id"],
        ["card_channel", "card_message"],
        ["thread_channel", "thread"],
    ):
        db.table("rounds").create_index(columns)
    _only_added_to(db, "questions", "a question is kept as it was asked")
    db.execute(
        "CREATE TRIGGER rounds_keep_question BEFORE UPDATE OF question ON rounds WHEN NEW.question IS NOT OLD.question "
        "BEGIN SELECT RAISE(ABORT, 'a round keeps its question as it was asked'); END"
    )


def _answers(db: Database) -> None:
    of_answer = (("round", "member"), "answers", ("round", "member"))
    _table(
        db,
        "answers",
        {
            "round": str,
            "member": str,
            "channel": str,
            "revision": int,
            "local_date": str,
            "late": int,
            "share": str,
            "erase": int,
            "first_at": str,
            "ungraded": int,
        },
        ("round", "member"),
        foreign_keys=[("round", "rounds", "id")],
    )
    db.table("answers").create_index(["channel", "member"])
    db.execute("CREATE INDEX answers_ungraded ON answers (first_at) WHERE ungraded = 1")
    _table(
        db,
        "parts",
        {
            "round": str,
            "member": str,
            "position": int,
            "channel": str,
            "source": str,
            "message": str,
            "text": str,
            "said_at": str,
            "edited_at": str,
        },
        ("round", "member", "position"),
        "edited_at",
        foreign_keys=[of_answer],
    )
    db.table("parts").create_index(["channel", "message"])
    _table(
        db,
        "revisions",
        {"id": int, "round": str, "member": str, "revision": int, "cause": str, "at": str, "text": str},
        "id",
        foreign_keys=[of_answer],
    )
    db.table("revisions").create_index(["round", "member"])
    _table(
        db,
        "hints",
        {"round": str, "member": str, "number": int, "at": str},
        ("round", "member", "number"),
        foreign_keys=[("round", "rounds", "id")],
    )
    _table(
        db,
        "grades",
        {
            "id": int,
            "round": str,
            "member": str,
            "revision": int,
            "grader": str,
            "grade": str,
            "quotes": str,
            "at": str,
        },
        "id",
        foreign_keys=[of_answer],
    )
    db.table("grades").create_index(["round", "member", "revision", "grader"], unique=True)
    # What a grade quotes of an answer stands apart, since it goes when the answer's text does.
    _only_added_to(db, "grades", "grades are only added", but=("quotes",))


def _ledger(db: Database) -> None:
    # No foreign key: points outlive the rounds they came from.
    _table(
        db,
        "ledger",
        {
            "sequence": int,
            "id": str,
            "group_id": str,
            "channel": str,
            "member": str,
            "round": str,
            "question": str,
            "cycle": int,
            "local_date": str,
            "points": int,
            "reason": str,
            "at": str,
        },
        "sequence",
    )
    ledger = db.table("ledger")
    ledger.create_index(["id"], unique=True)
    ledger.create_index(["round", "member"])
    ledger.create_index(["group_id", "member", "question", "local_date"])
    ledger.create_index(["group_id", "local_date", "channel", "member", "round", "points"])
    _only_added_to(db, "ledger", "the ledger is only added to")


def _deliveries(db: Database) -> None:
    _table(
        db,
        "deliveries",
        {
            "sequence": int,
            "key": str,
            "channel": str,
            "thread": str,
            "action": str,
            "created_at": str,
            "round": str,
            "card": str,
            "title": str,
            "state": str,
            "attempts": int,
            "not_before": str,
            "unclear": int,
            "sent": str,
            "note": str,
        },
        "sequence",
        "thread",
        "round",
        "card",
        "not_before",
    )
    deliveries = db.table("deliveries")
    deliveries.create_index(["key"], unique=True)
    deliveries.create_index(["round"])
    db.execute(
        "CREATE INDEX deliveries_unfinished ON deliveries (channel, sequence) WHERE state IN ('owed', 'claimed')"
    )


def _events(db: Database) -> None:
    _table(
        db,
        "events",
        {"sequence": int, "id": str, "at": str, "about": str, "data": str, "outcome": str},
        "sequence",
        "outcome",
    )
    db.execute("CREATE INDEX events_about ON events (about) WHERE about <> ''")
    db.table("events").create_index(["id"], unique=True)
    db.execute("CREATE INDEX events_waiting ON events (sequence) WHERE outcome IS NULL")


def _table(
    db: Database,
    name: str,
    columns: dict[str, type],
    pk: str | tuple[str, ...],
    *nullable: str,
    foreign_keys: list[Any] | None = None,
) -> None:
    """A strict table whose columns must all have a value, except those named as nullable."""
    not_null = [column for column in columns if column not in nullable]
    db.table(name).create(columns, pk=pk, not_null=not_null, foreign_keys=foreign_keys or [], strict=True)


def _only_added_to(db: Database, table: str, why: str, *, but: tuple[str, ...] = ()) -> None:
    """Refuse to change or delete rows of a table, save for the columns named in `but`."""
    kept = ", ".join(column.name for column in db.table(table).columns if column.name not in but)
    for name, change in (("update", f"UPDATE OF {kept}"), ("delete", "DELETE")):
        db.execute(
            f"CREATE TRIGGER {table}_no_{name} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, '{why}'); END"
        )
