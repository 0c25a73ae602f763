"""The database: engines, transactions, the group-commit writer, migrations."""

from prosa.database.base import Base, Leased, UtcDateTime
from prosa.database.engine import Database, ReadDb, WriteDb

__all__ = ["Base", "Database", "Leased", "ReadDb", "UtcDateTime", "WriteDb"]
