"""The page: a simulated phone, alone or beside the console. Files of `page/`, as they are; nothing is built."""

import mimetypes
from collections.abc import Callable, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

from prosa_simulator.loopback import Handler, Refusal

INDEX: Final = "index.html"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; frame-src "
)
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


class PageRoutes:
    """The page and its files."""

    def __init__(self, consoles: Callable[[], Sequence[str]], description: Handler) -> None:
        """Read the files.

        Args:
            consoles: Returns where the world's consoles are; the page may show these in a frame, and nothing else.
            description: Answers programs that ask for `/`.
        """
        self._consoles = consoles
        self._description = description
        self._files = dict(_read(files("prosa_simulator.control") / "page"))

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/", self._index, allow_head=False),
            web.get("/phone", self._page, allow_head=False),
            web.get("/page/{name:.+}", self._file, allow_head=False),
        ]

    async def _index(self, request: web.Request) -> web.StreamResponse:
        """List the routes and the faults; for browsers, the console and a phone side by side."""
        if "text/html" in request.headers.get("Accept", ""):
            return await self._page(request)
        return await self._description(request)

    async def _page(self, _request: web.Request) -> web.Response:
        """Show a phone alone, as a page."""
        return self._answer(INDEX, policy=_POLICY + (" ".join(self._consoles()) or "'none'"))

    async def _file(self, request: web.Request) -> web.Response:
        """Return a file of the page."""
        return self._answer(request.match_info["name"])

    def _answer(self, name: str, *, policy: str = "default-src 'none'") -> web.Response:
        body = self._files.get(name)
        if body is None:
            raise Refusal(404, "not-found", f"the page has no file {name!r}")
        ending = name[name.rfind(".") :]
        kind = _TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept",
            "X-Content-Type-Options": "nosniff",
        }
        charset = "utf-8" if kind.startswith("text/") else None
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)


def _read(folder: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        found += _read(entry, f"{name}/") if entry.is_dir() else [(name, entry.read_bytes())]
    return found
