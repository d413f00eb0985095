"""The tables: migrations and SQL. The only place with SQL."""

from bot.store.sqlite import SqliteStore

__all__ = ["SqliteStore"]
