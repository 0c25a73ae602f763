"""Each request has an id, in the answer and in every log line; one line tells how it went."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prosa.auth.api_keys import redacted

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = ("/health/", "/metrics")
"""Asked for every few seconds by machines."""

log = structlog.get_logger("prosa.access")


class RequestContext:
    """Gives requests their id and logs them: path only, since queries and headers may hold secrets."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request with its id at hand."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        offered = Headers(scope=scope).get(HEADER, "")
        sane = _SANE.fullmatch(offered) is not None and redacted(offered) == offered
        request_id = offered if sane else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        status = 500  # should the connection end before an answer begins

        async def name(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, name)
        finally:
            path = scope["path"]
            client = scope.get("client")
            report = log.debug if path.startswith(_QUIET) else log.info
            report(
                "request",
                method=scope["method"],
                path=redacted(path)[:200],  # somebody may take a key for an id
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 1),
                client=client[0] if client else None,
            )
