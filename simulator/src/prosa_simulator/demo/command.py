"""What `prosa demo` runs."""

import asyncio
import logging
import os
import signal
import sys
import webbrowser
from contextlib import suppress

import structlog
from rich.console import Console
from rich.markup import escape

from prosa.errors import ProsaError
from prosa_simulator.demo.stage import prepare
from prosa_simulator.demo.story import StoryError, tell
from prosa_simulator.gemini.demo_brain import bakery_script
from prosa_simulator.product.world import World

STORY_SECONDS = 120.0


def run(*, once: bool, port: int, browser: bool = False) -> int:
    """Tell the story once, or keep everything ready to play with until Ctrl-C.

    Args:
        once: Tell the story, which needs nobody, and end.
        port: Where Prosa listens on loopback; 0 for a free port.
        browser: Open the page in a browser, where there is one.

    Returns:
        The exit status: 0 when every answer arrived.
    """
    # the contacts' bridge tells its own story; to play with faults is to provoke its errors
    level = logging.WARNING if once else logging.CRITICAL
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    console = Console(highlight=False)
    try:
        return asyncio.run(_run(console, once=once, port=port, browser=browser))
    except KeyboardInterrupt:
        return 130
    except ProsaError as error:  # the world did not come up
        _failed(console, f"{error.detail}\n  → {error.remedy}")
    except OSError as error:
        _failed(console, str(error))
    return 1


async def _run(console: Console, *, once: bool, port: int, browser: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(name, stop.set)
    async with World(script=bakery_script(latency=0.4)) as world:
        beginning = asyncio.create_task(tell(world, console, port=port) if once else prepare(world, console, port=port))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({beginning, stopping}, timeout=STORY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not beginning.done():
            beginning.cancel()
            await asyncio.gather(beginning, return_exceptions=True)
            if stop.is_set():
                return 130
            console.print(f"\n[red]The demo did not get ready or end within {STORY_SECONDS:.0f} s.[/]")
            return 1
        try:
            page = beginning.result()
        except StoryError as error:
            _failed(console, str(error))
            return 1
        if page is None:
            console.print("\n[green]Every answer arrived.[/]")
            return 0
        if browser and has_screen():
            await asyncio.to_thread(webbrowser.open, f"{page}/")
        await stop.wait()
        console.print("\nStopping.")
    return 0


def has_screen() -> bool:
    """Whether somebody sits here: without a screen, a browser of the terminal would take the terminal over."""
    screen = sys.platform in {"darwin", "win32"} or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return screen and sys.stdout.isatty()


def _failed(console: Console, why: str) -> None:
    console.print(f"\n[red]The demo failed:[/] {escape(why)}", soft_wrap=True)
