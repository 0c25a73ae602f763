"""Serves the console: its first page at `/`, everything else under `/app/`.

The routes of the page's own router all stand under `/app/`, where the API has nothing. So a link, a reload or a
bookmark always gets the page, the API keeps every path it has, and no request needs to be guessed at. What the browser
asks for under `/app/` that is no file is such a route, and gets the page.
"""

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from prosa.console.files import ASSETS, INDEX, ConsoleFile, load
from prosa.errors import NotFoundError

BUILT = Path(__file__).parent / "_dist"
PREFIX = "/app"
ICON = "icon.svg"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self'; "
    # media come with a token, so as blobs; WhatsApp's previews as data
    "img-src 'self' blob: data:; media-src 'self' blob:; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors "
)
"""No script or style inline, nothing of another host, and no text that becomes HTML."""

NOT_BUILT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Prosa</title>
</head>
<body>
<h1>Prosa runs, but its console was not built</h1>
<p>In a checkout, run <code>make setup</code>, then start Prosa again. Wheels and images carry the console.</p>
<p>The API works without it: <a href="docs">its documentation</a>.</p>
<h1 lang="pt-BR">O Prosa está rodando, mas o console não foi construído</h1>
<p lang="pt-BR">Rode <code>make setup</code> na pasta do código e inicie o Prosa de novo. A API funciona sem ele:
<a href="docs">documentação</a>.</p>
</body>
</html>
"""


class Console:
    """The files, and the answers made of them."""

    def __init__(self, folder: Path = BUILT, *, frame_origins: Sequence[str] = ()) -> None:
        """Read the built console.

        Args:
            folder: Where it was built.
            frame_origins: Web origins whose pages may show it in a frame. Browsers that know `frame-ancestors` heed it
                in place of X-Frame-Options (CSP 3 §6.4.2), which goes on to say no to the others.
        """
        self._files = load(folder)
        self._policy = _POLICY + (" ".join(frame_origins) or "'none'")

    async def page(self, request: Request) -> Response:
        """Answer with the page."""
        return self._answer(request, INDEX)

    async def icon(self, request: Request) -> Response:
        """Answer with the icon, for answers of the API that are opened in a browser: they name none."""
        return self._answer(request, ICON)

    async def under(self, request: Request) -> Response:
        """Answer with the file that is asked for, or with the page.

        Raises:
            NotFoundError: It is an asset that this build does not have.
        """
        name = request.path_params["path"]
        if self._files and name not in self._files and name.startswith(ASSETS):
            raise NotFoundError("There is no such file in this version of the console.", remedy="Reload the page.")
        return self._answer(request, name if name in self._files else INDEX)

    def _answer(self, request: Request, name: str) -> Response:
        file = self._files.get(name)
        if file is None:
            return HTMLResponse(NOT_BUILT, 503, {"Cache-Control": "no-store", "Retry-After": "60"})
        return _send(request, file, self._policy)


def _send(request: Request, file: ConsoleFile, policy: str) -> Response:
    form = file.choose(request.headers.get("accept-encoding", ""))
    headers = {
        "Cache-Control": file.cache_control,
        "Content-Security-Policy": policy,
        "ETag": form.etag,
        "Vary": "Accept-Encoding",
    }
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if form.etag in known:
        return Response(status_code=304, headers=headers)
    if form.encoding is not None:
        headers["Content-Encoding"] = form.encoding
    return Response(form.content, media_type=file.media_type, headers=headers)


def install(app: FastAPI, console: Console | None = None) -> None:
    """Serve the console from `app`; none of its routes is in the API's document."""
    console = console or Console()
    for path, endpoint in (
        ("/", console.page),
        ("/favicon.ico", console.icon),
        (PREFIX, console.page),
        (f"{PREFIX}/{{path:path}}", console.under),
    ):
        app.add_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)
