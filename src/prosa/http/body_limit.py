"""Bounds how much a request may send, also where it does not say so beforehand."""

import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prosa.http.problems import http_problem

MEBIBYTE = 1024 * 1024
BODY_BYTES = MEBIBYTE
UPLOAD_OVERHEAD_BYTES = MEBIBYTE
"""What multipart boundaries and the other fields of an upload may add to the file."""
UPLOAD_PATH = re.compile(r"/.+/(?:media|documents|import)")
"""Uploads go to paths that end so."""


class BodyLimit:
    """Answers 413 to bodies that are too large: 1 MiB, or the largest media file on the paths of uploads."""

    def __init__(self, app: ASGIApp, *, media_max_mb: int) -> None:
        self.app = app
        self._upload_bytes = media_max_mb * MEBIBYTE + UPLOAD_OVERHEAD_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count what comes in."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = UPLOAD_PATH.fullmatch(scope["path"]) is not None
        limit = self._upload_bytes if upload else BODY_BYTES
        why = ", one of them for what surrounds the file; PROSA_MEDIA_MAX_MB sets the others" if upload else ""
        too_large = HTTPException(413, f"A body here may have at most {limit // MEBIBYTE} MiB{why}.")
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isascii() and announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
            await http_problem(Request(scope), too_large)(scope, receive, send)
            return
        received = 0

        async def count() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    # raised where the body is read; the handlers of problem details answer it
                    raise too_large
            return message

        await self.app(scope, count, send)
