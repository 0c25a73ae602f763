"""Explicit caches: the ``cachedContents`` resource (ai.google.dev/api/caching).

Only in memory, and bounded by their expiry. Instruction, tools and turns are fixed at creation; only the expiry
can change afterwards. An expired cache is as if it had never been.
"""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from prosa_simulator.gemini.errors import GoogleError, invalid_argument
from prosa_simulator.gemini.wire import Json, JsonObject, as_text

_DEFAULT_TTL = timedelta(hours=1)  # Google's default when a request names none
_PREFIX = "cachedContents/"
_MAX_PAGE = 1_000


@dataclass(slots=True)
class CachedContent:
    """One explicit cache: its resource, when it ends, and the body it was made from."""

    name: str
    model: str
    source: JsonObject
    tokens: int
    created: datetime
    updated: datetime
    expires: datetime
    display_name: str = ""

    @property
    def body(self) -> JsonObject:
        """As the REST resource; the cached content itself is write-only, as at Google."""
        resource: JsonObject = {
            "name": self.name,
            "model": f"models/{self.model}",
            "createTime": _timestamp(self.created),
            "updateTime": _timestamp(self.updated),
            "expireTime": _timestamp(self.expires),
            "displayName": self.display_name,
            "usageMetadata": {"totalTokenCount": self.tokens},
        }
        return resource


@dataclass
class CachedContents:
    """All live explicit caches.

    Args:
        minimum: least size of a cache in tokens.
        clock: seconds since 1970.
    """

    minimum: int = 1_024
    clock: Callable[[], float] = time.time
    _entries: dict[str, CachedContent] = field(default_factory=dict)

    def create(self, model: str, body: JsonObject, tokens: int) -> CachedContent:
        """Store what a request gave.

        Args:
            model: plain model name.
            body: the request in camelCase.
            tokens: its size.

        Raises:
            GoogleError: 400, too small, or a wrong ttl or expireTime.
        """
        if tokens < self.minimum:
            raise invalid_argument(
                f"Cached content is too small. total_token_count={tokens}, min_total_token_count={self.minimum}"
            )
        now = self._now()
        entry = CachedContent(
            name=_PREFIX + secrets.token_hex(12),
            model=model,
            source={k: body[k] for k in ("contents", "systemInstruction", "tools", "toolConfig") if k in body},
            tokens=tokens,
            created=now,
            updated=now,
            expires=_read_expiry(body, now) or now + _DEFAULT_TTL,
            display_name=as_text(body.get("displayName")),
        )
        self._entries[entry.name] = entry
        return entry

    def get(self, name: str) -> CachedContent:
        """The live cache of that name (``cachedContents/…``).

        Raises:
            GoogleError: 403, there is none: Google does not tell unknown from forbidden.
        """
        self._drop_expired()
        try:
            return self._entries[name]
        except KeyError:
            raise GoogleError(403, "CachedContent not found (or permission denied)") from None

    def page(self, size: int | None, token: str) -> tuple[list[CachedContent], str]:
        """Up to `size` caches in order of creation, and the token of the next page (empty at the end)."""
        self._drop_expired()
        start = int(token) if token.isdecimal() else 0
        entries = list(self._entries.values())
        end = start + min(size or _MAX_PAGE, _MAX_PAGE)
        return entries[start:end], str(end) if end < len(entries) else ""

    def update(self, name: str, body: JsonObject) -> CachedContent:
        """Move a cache's expiry.

        Raises:
            GoogleError: 400, the request changes anything else or nothing; 403, no such cache.
        """
        entry = self.get(name)
        unchangeable = body.keys() - {"ttl", "expireTime", "name", "model"}
        expires = _read_expiry(body, self._now())
        if unchangeable or expires is None:
            raise invalid_argument("Only expire_time and ttl can be updated.")
        entry.expires, entry.updated = expires, self._now()
        return entry

    def delete(self, name: str) -> None:
        """Forget a cache.

        Raises:
            GoogleError: 403, no such cache.
        """
        self.get(name)
        del self._entries[name]

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def _drop_expired(self) -> None:
        now = self._now()
        for name in [name for name, entry in self._entries.items() if entry.expires <= now]:
            del self._entries[name]


def _read_expiry(body: JsonObject, now: datetime) -> datetime | None:
    """The moment named by ``ttl`` (a Duration, ``300s``) or ``expireTime`` (RFC 3339)."""
    ttl, moment = body.get("ttl"), body.get("expireTime")
    if ttl is not None:
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", as_text(ttl))
        if not found or not float(found[1]):
            raise invalid_argument(
                f"Invalid value at 'cached_content.ttl' (type.googleapis.com/google.protobuf.Duration), {ttl!r}"
            )
        return now + timedelta(seconds=float(found[1]))
    if moment is None:
        return None
    try:
        expires = datetime.fromisoformat(as_text(moment))
    except ValueError:
        expires = None
    if expires is None or expires.tzinfo is None:
        raise invalid_argument(
            f"Invalid value at 'cached_content.expire_time' (type.googleapis.com/google.protobuf.Timestamp), {moment!r}"
        )
    if expires <= now:
        raise invalid_argument("expire_time must be in the future.")
    return expires


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def list_body(entries: list[CachedContent], next_token: str) -> JsonObject:
    """A page as the REST list answer; an empty list is an empty object, as protobuf's JSON writes it."""
    bodies: list[Json] = [entry.body for entry in entries]
    answer: JsonObject = {"cachedContents": bodies} if bodies else {}
    return answer | ({"nextPageToken": next_token} if next_token else {})
