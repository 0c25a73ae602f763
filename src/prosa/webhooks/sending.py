"""One POST to a webhook's address, and what came of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson
import structlog

from prosa.auth.vault import SealBrokenError
from prosa.outgoing import Outgoing, RefusedAddressError
from prosa.webhooks import signing

SECONDS = 10.0
"""Longest wait for a receiver's whole answer."""
MAX_ANSWER = 2_000
"""Bytes of an answer that are read."""
KEPT = 300
"""Characters of an answer that are kept."""
MOST_ERROR = 500
logger = structlog.get_logger("prosa.webhooks")

LEAST_WAIT, MOST_WAIT = 1.0, 3600.0
"""Bounds of what a receiver may ask for by `Retry-After`, in seconds."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where events go.

    Attributes:
        url: The address.
        secrets: Each signs.
        headers: The owner's own.
    """

    url: str
    secrets: tuple[str, ...] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try.

    Attributes:
        ok: It was accepted: any status of 200 to 299.
        status: HTTP status; None where there was no answer.
        error: Why it was not: a code, a colon, words.
        response: The beginning of what was answered.
        duration_ms: How long it took.
        wait: Seconds for which the receiver asks to be left alone; None where it did not.
    """

    ok: bool
    status: int | None
    error: str | None
    response: str | None
    duration_ms: int
    wait: float | None = None

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more events, ever."""
        return self.status == HTTPStatus.GONE


async def post(outgoing: Outgoing, target: Target, name: str, envelope: Mapping[str, Any], now: datetime) -> Outcome:
    """Send one event; it never raises.

    Args:
        outgoing: Asks, where that may be asked.
        target: Where to.
        name: The message's `webhook-id`.
        envelope: The event, as the WebSocket sends it.
        now: The present moment.
    """
    body = orjson.dumps(envelope)
    headers = {
        "Content-Type": "application/json", **target.headers, **signing.headers(target.secrets, name, now, body),
    }  # fmt: skip
    started = time.monotonic()
    status, error, text, wait = None, None, None, None
    try:
        reached = await outgoing.request(
            "POST", target.url, content=body, headers=headers, seconds=SECONDS, max_bytes=MAX_ANSWER
        )
        status = reached.status
        text = reached.text.replace("\0", "").strip()[:KEPT] or None
        if not 200 <= status < 300:
            error = f"http_{status}: {_phrase(status)}"
            wait = _retry_after(reached.headers.get("retry-after"), now)
    except RefusedAddressError as refusal:
        error = f"address_refused: {refusal}"
    except TimeoutError:
        error = f"timeout: no answer within {SECONDS:.0f} seconds"
    except OSError as failure:
        error = f"unreachable: {failure}"
    except Exception as failure:  # noqa: BLE001 - an address or a header that the client cannot make a request of
        logger.warning("webhook_not_sendable", error=repr(failure))
        error = f"unreachable: {type(failure).__name__}"
    duration = round((time.monotonic() - started) * 1000)
    return Outcome(error is None, status, error[:MOST_ERROR] if error else None, text, duration, wait)


def unreadable(error: SealBrokenError) -> Outcome:
    """Return what comes of a try whose secrets cannot be read."""
    return Outcome(ok=False, status=None, error=f"secret_unreadable: {error}", response=None, duration_ms=0)


def _phrase(status: int) -> str:
    if 300 <= status < 400:
        return "redirects are not followed; give the address that it leads to"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "refused"


def _retry_after(text: str | None, now: datetime) -> float | None:
    """Read the header (RFC 9110 §10.2.3): seconds, or a date."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    return min(MOST_WAIT, max(LEAST_WAIT, seconds))
