"""The `prosa` command."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.markup import escape

from prosa import __version__
from prosa.errors import ConfigurationError, ProsaError
from prosa.users.api_key_commands import app as key_app
from prosa.users.commands import app as user_app

if TYPE_CHECKING:
    from prosa.settings import Settings

app = typer.Typer(
    name="prosa",
    help="Prosa: a self-hosted WhatsApp + AI inbox.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(user_app, name="user")
app.add_typer(key_app, name="key")
out, err = Console(highlight=False), Console(stderr=True, highlight=False)

DEMO = "demo"


@app.callback(invoke_without_command=True)
def root(
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    """Prosa: a self-hosted WhatsApp + AI inbox. Settings come from the environment and .env; see .env.example."""
    if version:
        out.print(f"prosa {__version__}")
        raise typer.Exit


YOUNG_OBJECTS = 10_000
"""New objects before cycles are looked for among them: Python's 700 to 2,000 are a fraction of a turn's."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (PROSA_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on (PROSA_PORT).")] = None,
    child: Annotated[str | None, typer.Option(hidden=True, help="Descriptors inherited from the parent.")] = None,
    redis: Annotated[str | None, typer.Option(hidden=True, help="What the parent has in place of a Redis.")] = None,
) -> None:
    """Serve the API, the WebSocket and the console, and keep the linked numbers online."""
    changes: dict[str, object] = {"host": host} if host else {}
    if port is not None:
        changes["port"] = port
    settings = read_settings().model_copy(update=changes)
    if settings.processes > 1 and child is None:
        from prosa.processes import supervise  # noqa: PLC0415

        raise typer.Exit(supervise(settings))
    gc.disable()  # imports only add: looking through them again and again takes a sixth of the start
    from prosa.listening import Parent  # noqa: PLC0415
    from prosa.server import serve as run  # noqa: PLC0415 - heavy; other commands start without it

    gc.freeze()  # they stay: full collections need not look at them ever again
    gc.enable()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
    if child is None:
        raise typer.Exit(run(settings))
    listening, line = map(int, child.split(","))
    raise typer.Exit(run(settings, Parent(listening, line, redis)))


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema. `serve` does it by itself."""
    from prosa import logs  # noqa: PLC0415
    from prosa.database import Database  # noqa: PLC0415
    from prosa.database.migrate import upgrade  # noqa: PLC0415

    settings = read_settings()
    logs.configure(settings.model_copy(update={"log_level": "warning"}))

    async def run() -> list[str]:
        database = Database(settings.sqlalchemy_url)
        try:
            return await upgrade(database)
        finally:
            await database.close()

    applied = asyncio.run(run())
    out.print(f"Applied: {', '.join(applied)}" if applied else "The database is up to date.")


@app.command()
def doctor() -> None:
    """Check settings, database, Redis, Gemini key and bridge, and say how to mend each."""
    from prosa.doctor import examine  # noqa: PLC0415

    settings = read_settings()
    healthy = True
    for finding in asyncio.run(examine(settings)):
        healthy &= finding.good
        out.print(
            f"[{'green' if finding.good else 'red'}]{'ok ' if finding.good else 'bad'}[/] {finding.name}: ", end=""
        )
        out.print(finding.text, markup=False, soft_wrap=True)
        if finding.remedy:
            out.print(f"      → {finding.remedy}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if healthy else 1)


@app.command(name=DEMO)
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Show it by itself and end; 0 when every answer arrived.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where Prosa listens; 0 for a free port.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page, where there is a screen and a terminal.")] = True,
) -> None:
    """Play with the whole product against a simulated WhatsApp and Gemini, phones in a page: no phone, no key."""
    import importlib.metadata  # noqa: PLC0415

    # The simulator is a distribution of its own, found by its entry point: Prosa does not import it.
    found = importlib.metadata.entry_points(group="prosa.commands", name=DEMO)
    if not found:
        err.print("The demo needs the simulator: install prosa-simulator beside prosa (in a checkout: make setup).")
        raise typer.Exit(1)
    run = cast("Callable[..., int]", next(iter(found)).load())
    raise typer.Exit(run(once=once, port=port, browser=browser))


def read_settings() -> "Settings":
    """Return the settings, or end with a line for each that is wrong."""
    from prosa.settings import load  # noqa: PLC0415

    try:
        return load()
    except ConfigurationError as error:
        err.print("[red]The settings are not right:[/]")
        for line in error.detail.splitlines():
            err.print(f"  {line}", markup=False, soft_wrap=True)
        err.print(error.remedy, markup=False, soft_wrap=True)
        raise typer.Exit(2) from None


def main() -> None:
    """Run the command; errors that people can mend are told in words."""
    try:
        app()
    except ProsaError as error:
        err.print(f"[red]{error.title}:[/] {escape(error.detail)}", soft_wrap=True)
        err.print(f"  → {error.remedy}", markup=False, soft_wrap=True)
        # a helper thread of a library must not keep a command that failed alive
        sys.stdout.flush()
        os._exit(1)
