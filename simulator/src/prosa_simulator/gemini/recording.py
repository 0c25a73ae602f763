"""The two things that happen to every request: it is recorded, and its key is checked."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiohttp import web

from prosa_simulator.gemini import errors
from prosa_simulator.gemini.errors import GoogleError
from prosa_simulator.gemini.exchange import error_response
from prosa_simulator.gemini.requests import REDACTED, RecordedRequest, RequestLog, redact_headers
from prosa_simulator.gemini.wire import JsonObject, camelise

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Where a request carries its entry in the log.
RECORD: web.RequestKey[RecordedRequest] = web.RequestKey("record", RecordedRequest)

_log = logging.getLogger(__name__)


class Recorder:
    """aiohttp middleware around the Gemini paths; the control paths pass untouched.

    Args:
        log: where requests go.
        expected_key: the API key in force at the moment of the call; None accepts any key but no missing one.
    """

    def __init__(self, log: RequestLog, expected_key: Callable[[], str | None]) -> None:
        self._log = log
        self._expected_key = expected_key

    @web.middleware
    async def middleware(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Record, authorise, handle, and note the outcome, also when the client leaves."""
        if request.path.startswith("/control"):
            return await handler(request)
        record = self._open(request)
        request[RECORD] = record
        started = time.perf_counter()
        try:
            response = await self._handle(request, handler)
        except (asyncio.CancelledError, ConnectionError):
            record.outcome = "client left"
            raise
        else:
            if record.outcome != "dropped":
                record.status = response.status
            return response
        finally:
            record.seconds = time.perf_counter() - started
            self._log.notify()

    async def _handle(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            self._authorise(request)
            return await handler(request)
        except GoogleError as error:
            failure = error
        except web.HTTPException as error:
            failure = _http_error(error, request)
        except ConnectionError:
            raise  # the client left in the middle of the answer
        except Exception:  # noqa: BLE001 - whatever a script raises must look like a broken server, and be seen
            _log.exception("%s %s failed", request.method, request.path)
            failure = errors.internal()
        request[RECORD].outcome = f"error {failure.code}"
        streaming = request.path.endswith(":streamGenerateContent") and request.query.get("alt") != "sse"
        return error_response(failure, as_array=streaming)

    def _authorise(self, request: web.Request) -> None:
        given = request.headers.get("x-goog-api-key") or request.query.get("key")
        if not given:
            raise errors.missing_key()
        expected = self._expected_key()
        if expected is not None and not secrets.compare_digest(given.encode(), expected.encode()):
            raise errors.invalid_key()

    def _open(self, request: web.Request) -> RecordedRequest:
        record = RecordedRequest(
            number=self._log.total + 1,
            method=request.method,
            path=request.path,
            query={name: REDACTED if name == "key" else value for name, value in request.query.items()},
            headers=redact_headers(request.headers),
            time=datetime.now(UTC),
            size=request.content_length or 0,
        )
        self._log.add(record)
        return record


async def read_body(request: web.Request) -> JsonObject:
    """The request's JSON object in camelCase, noted in its record.

    Raises:
        GoogleError: 400, not JSON, or not an object.
    """
    try:
        body = camelise(json.loads(await request.read()))
    except (ValueError, RecursionError) as error:
        raise errors.invalid_argument(f"Invalid JSON payload received. {error}") from error
    if not isinstance(body, dict):
        raise errors.invalid_argument('Invalid JSON payload received. Unknown name "": Root element must be a message.')
    request[RECORD].body = body
    return body


def _http_error(error: web.HTTPException, request: web.Request) -> GoogleError:
    """An error of the HTTP layer (no such path, body too large) in Google's shape."""
    if error.status in {404, 405}:
        return GoogleError(404, f"Method not found: {request.method} {request.path}")
    return GoogleError(error.status, error.reason)
