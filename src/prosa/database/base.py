"""What all tables share: metadata with a naming convention, column types, the lease columns."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import JSON, DateTime, MetaData, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from prosa.ids import new_id


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: `timestamptz` on PostgreSQL, ISO text without zone on SQLite; always aware in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Write moments for SQLite at once, as SQLAlchemy's type would: every row of the hot path has several."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)

        def write(value: datetime | None) -> str | None:
            if value is not None and value.tzinfo is UTC:
                return value.isoformat(" ", "microseconds")[:-6]  # without "+00:00"
            naive = self.process_bind_param(value, dialect)
            return naive.isoformat(" ", "microseconds") if naive is not None else None

        return write

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Read moments of SQLite at once."""
        if dialect.name != "sqlite":
            return super().result_processor(dialect, coltype)

        def read(value: str | None) -> datetime | None:
            return datetime.fromisoformat(value).replace(tzinfo=UTC) if value is not None else None

        return read

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments, and hand SQLite a naive one in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment must carry its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Make the moment aware again."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Python's None is SQL's NULL, not the JSON value null, so that conditions can ask for it.
JsonColumn = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class WrittenJson(TypeDecorator[str]):
    """JSON to store that is written already, as text; for the statements of the hot path."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Take what a column of JSON is."""
        return JsonColumn.dialect_impl(dialect)

    def bind_processor(self, dialect: Dialect) -> None:
        """Leave the text as it is."""
        del dialect


UuidKey = Annotated[uuid.UUID, mapped_column(Uuid, primary_key=True, default=new_id)]


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JsonColumn, list[str]: JsonColumn}  # noqa: RUF012


class Leased:
    """The columns by which rows are worked on by one holder at a time; see `prosa.leases`."""

    due_at: Mapped[datetime | None] = mapped_column(default=None)
    """When there is work; None: none."""
    lease_owner: Mapped[str | None] = mapped_column(default=None)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    """Tries of the present piece of work that failed."""
