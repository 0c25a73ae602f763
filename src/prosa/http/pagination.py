"""Cursor pagination, the same for every collection: `{"items": […], "next_cursor": "…" | null}`.

A cursor names the last row seen, so pages neither skip nor repeat rows while new ones arrive. It also names the list it
was made for: the place of a row in one list says nothing in another, though both may be numbers.
"""

import binascii
import uuid
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

from prosa.errors import FieldError, InvalidInputError

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

DEFAULT_LIMIT = 50
MAX_LIMIT = 100


class Page(BaseModel, Generic[T]):
    """One page of a collection."""

    items: list[T]
    next_cursor: str | None = Field(None, description="Pass as `cursor` to get the next page; null on the last page.")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is wanted: at most `limit` items of the list at `path`, after the row that `after` names."""

    path: str
    limit: int
    after: list[Any] | None

    def key(self, *kinds: type) -> list[Any] | None:
        """Return the cursor's values, checked to be of `kinds` (str, int, float); None on the first page.

        Raises:
            InvalidInputError: The cursor is of another collection.
        """
        if self.after is None:
            return None
        if len(self.after) != len(kinds) or any(type(v) is not k for v, k in zip(self.after, kinds, strict=True)):
            raise bad_cursor()
        return self.after

    def after_id(self) -> uuid.UUID | None:
        """Return the id in a cursor that names a row by its id alone, as `page_by_id` makes them.

        Raises:
            InvalidInputError: The cursor is of another collection.
        """
        key = self.key(str)
        return cursor_id(key[0]) if key else None

    def cursor(self, *values: str | float) -> str:
        """Return the cursor that names a row of this list by `values`; `key` gives them back."""
        return encode_cursor(self.path, *values)

    def page_by_id(self, rows: Sequence[Any], show: Callable[[Any], T]) -> Page[T]:
        """Return the page that `rows` make, of which there are one more than wanted where another page follows."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(items=[show(row) for row in shown], next_cursor=self.cursor(str(shown[-1].id)) if more else None)


def bad_cursor() -> InvalidInputError:
    """Return the error for a cursor that this collection did not hand out."""
    return InvalidInputError(
        "The cursor is not one that this collection handed out.",
        fields=[FieldError("query.cursor", "pass next_cursor of this list's previous page unchanged, or leave it out")],
    )


def encode_cursor(path: str, *values: str | float) -> str:
    """Return an opaque cursor of the list at `path` that holds `values`."""
    return urlsafe_b64encode(orjson.dumps([_mark(path), *values])).rstrip(b"=").decode()


def decode_cursor(path: str, cursor: str) -> list[Any]:
    """Return the values in a cursor of the list at `path`.

    Raises:
        InvalidInputError: It is no cursor, or of another list.
    """
    try:
        values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise bad_cursor() from error
    if not isinstance(values, list) or not values or values[0] != _mark(path):
        raise bad_cursor()
    return values[1:]


def _mark(path: str) -> str:
    """Return what a cursor says of its list; against mistakes only, as all that a cursor says is checked anyway."""
    return f"{zlib.crc32(path.encode()):08x}"


def cursor_id(text: str) -> uuid.UUID:
    """Return an id that a cursor holds.

    Raises:
        InvalidInputError: It is none.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        raise bad_cursor() from None


def to_micros(moment: datetime) -> int:
    """Return a moment as a cursor holds it: microseconds since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND


def time_cursor(key: list[Any] | None) -> tuple[datetime, uuid.UUID] | None:
    """Return the moment (see `to_micros`) and the id that a cursor names.

    Raises:
        InvalidInputError: It names something else.
    """
    if key is None:
        return None
    try:
        return _EPOCH + key[0] * _MICROSECOND, cursor_id(key[1])
    except OverflowError:
        raise bad_cursor() from None


def _page_request(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most items on a page.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the previous page.")] = None,
) -> PageRequest:
    path = request.url.path
    return PageRequest(path, limit, decode_cursor(path, cursor) if cursor else None)


PageParams = Annotated[PageRequest, Depends(_page_request)]
"""The query parameters `limit` and `cursor` of a collection."""
