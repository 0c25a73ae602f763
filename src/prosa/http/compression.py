"""Sends large answers compressed to those who take it: a page of conversations is a sixth of its size then."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

SMALLEST = 1400
"""Bytes. What is smaller fits one packet as it is."""
LEVEL = 5
"""Of zlib's 1 to 9: further up, JSON hardly gets smaller and takes twice as long."""


class Compression:
    """Compresses JSON and other texts; files of messages stay as they are, with their length and their parts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressed = GZipMiddleware(app, minimum_size=SMALLEST, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        file = scope["type"] != "http" or scope["path"].endswith("/media")
        await (self._app if file else self._compressed)(scope, receive, send)
