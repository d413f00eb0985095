"""The ways to touch rows. sqlite-utils looks at the schema for each row it inserts, which is fifty times as slow."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlite_utils import Database

Row = dict[str, Any]


def add(db: Database, table: str, row: Row) -> bool:
    """Insert a row; False, and nothing changed, if one with its key is there."""
    return _insert(db, table, row, "DO NOTHING") > 0


def put(db: Database, table: str, row: Row, *key: str) -> None:
    """Insert a row, or replace what the one with its key holds."""
    changes = ", ".join(f"{column} = excluded.{column}" for column in row if column not in key)
    _insert(db, table, row, f"({', '.join(key)}) DO UPDATE SET {changes}")


def change(db: Database, sql: str, parameters: list[Any] | Row) -> int:
    """Run an UPDATE or DELETE; returns how many rows it touched."""
    # After some errors SQLite has rolled back by itself, and what followed would be committed on its own.
    if not db.conn.in_transaction:
        raise sqlite3.OperationalError("the transaction has ended")
    return db.execute(sql, parameters).rowcount


def latest(db: Database) -> int:
    """The number of the row that was inserted last."""
    return int(db.execute("SELECT last_insert_rowid()").fetchone()[0])


def rows(db: Database, sql: str, *parameters: Any) -> list[Row]:
    """All rows of a query."""
    return list(db.query(sql, parameters))


def row(db: Database, sql: str, *parameters: Any) -> Row | None:
    """The first row of a query, if it has any."""
    found = rows(db, sql, *parameters)
    return found[0] if found else None


def _insert(db: Database, table: str, row: Row, conflict: str) -> int:
    columns = ", ".join(row)
    values = ", ".join(f":{column}" for column in row)
    return change(db, f"INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT {conflict}", row)
