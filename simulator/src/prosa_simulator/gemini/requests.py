"""Every request the server got, to look at from tests: bounded, and with the key taken out."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import overload

from prosa_simulator.gemini.prompt import Prompt
from prosa_simulator.gemini.wire import Json, JsonObject

REDACTED = "[redacted]"
_SECRET_HEADERS = frozenset({"x-goog-api-key", "authorization", "cookie"})


@dataclass
class RecordedRequest:
    """One request and what became of it.

    Attributes:
        number: counts from 1 since the last reset.
        method: of HTTP.
        path: without the query.
        query: without the key's value.
        headers: lower-case names; secrets redacted.
        time: when it came, UTC.
        body: parsed and in camelCase; empty for requests without one.
        action: ``generateContent``, ``countTokens``, ``cachedContents.create``, … or empty.
        model: plain name, or None.
        prompt: for requests that carry one.
        outcome: ``pending``; the kind of answer sent; ``error 429``; ``client left``; ``dropped``.
        status: HTTP status sent, or None when none was.
        usage: ``usageMetadata`` of the answer.
        seconds: from arrival to the end of the answer.
        size: of the body in bytes.
    """

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    time: datetime
    body: JsonObject = field(default_factory=dict)
    action: str = ""
    model: str | None = None
    prompt: Prompt | None = None
    outcome: str = "pending"
    status: int | None = None
    usage: JsonObject = field(default_factory=dict)
    seconds: float | None = None
    size: int = 0

    def texts(self) -> list[str]:
        """Texts of all turns, oldest first."""
        return self.prompt.texts() if self.prompt else []

    @property
    def last_user_text(self) -> str:
        """The person's newest text."""
        return self.prompt.last_user_text if self.prompt else ""

    @property
    def system_text(self) -> str:
        """The system instruction."""
        return self.prompt.system_text if self.prompt else ""

    def as_json(self) -> JsonObject:
        """For the control API."""
        texts: list[Json] = [*self.texts()]
        return {
            "number": self.number,
            "method": self.method,
            "path": self.path,
            "query": dict(self.query),
            "headers": dict(self.headers),
            "time": self.time.isoformat(),
            "action": self.action,
            "model": self.model,
            "outcome": self.outcome,
            "status": self.status,
            "usage": self.usage,
            "seconds": self.seconds,
            "system_text": self.system_text,
            "last_user_text": self.last_user_text,
            "texts": texts,
            "body": self.body,
        }


class RequestLog(Sequence[RecordedRequest]):
    """The newest requests, oldest first.

    Args:
        max_entries: how many are kept.
        max_bytes: how many bytes of bodies are kept; the newest entry stays in any case.
    """

    def __init__(self, *, max_entries: int = 2_000, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._entries: deque[RecordedRequest] = deque()
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0
        self._changed = asyncio.Event()
        self.total = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[RecordedRequest]:
        return iter(tuple(self._entries))

    @overload
    def __getitem__(self, index: int) -> RecordedRequest: ...

    @overload
    def __getitem__(self, index: slice) -> list[RecordedRequest]: ...

    def __getitem__(self, index: int | slice) -> RecordedRequest | list[RecordedRequest]:
        return list(self._entries)[index] if isinstance(index, slice) else self._entries[index]

    def add(self, record: RecordedRequest) -> None:
        """Keep a request, dropping the oldest where a bound is passed."""
        self._entries.append(record)
        self._bytes += record.size
        self.total += 1
        while len(self._entries) > 1 and (len(self._entries) > self._max_entries or self._bytes > self._max_bytes):
            self._bytes -= self._entries.popleft().size
        self.notify()

    def clear(self) -> None:
        """Forget all, and count from 1 again."""
        self._entries.clear()
        self._bytes = 0
        self.total = 0

    def notify(self) -> None:
        """Wake those in `wait_for`: a request came or ended."""
        self._changed.set()
        self._changed = asyncio.Event()

    def generations(self) -> list[RecordedRequest]:
        """Only requests for an answer of a model, streamed or not."""
        return [r for r in self if r.action in {"generateContent", "streamGenerateContent"}]

    async def wait_for(self, condition: "Callable[[RequestLog], bool]", *, within: float = 10.0) -> None:
        """Wait until the condition holds.

        Args:
            condition: judged now, and after each request that comes or ends.
            within: seconds.

        Raises:
            TimeoutError: it did not hold in time.
        """
        async with asyncio.timeout(within):
            while not condition(self):
                await self._changed.wait()


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Lower-case names, secrets replaced."""
    return {k.lower(): REDACTED if k.lower() in _SECRET_HEADERS else v for k, v in headers.items()}


def dump(value: Json) -> bytes:
    """Compact JSON, in ASCII: a lone surrogate that a client sent can still be sent back."""
    return json.dumps(value, separators=(",", ":")).encode()
