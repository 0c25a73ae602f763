"""What `prosa demo` runs."""

import asyncio
import logging
import signal
from contextlib import suppress

import structlog
from rich.console import Console
from rich.markup import escape

from prosa.errors import ProsaError
from prosa_simulator.demo.story import StoryError, tell
from prosa_simulator.gemini.demo_brain import bakery_script
from prosa_simulator.product.world import World

STORY_SECONDS = 120.0


def run(*, once: bool, port: int) -> int:
    """Tell the story; then keep serving until Ctrl-C, unless `once`.

    Args:
        once: End after the story.
        port: Where Prosa listens on loopback; 0 for a free port.

    Returns:
        The exit status: 0 when every answer arrived.
    """
    # the contacts' bridge tells its own story
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = Console(highlight=False)
    try:
        return asyncio.run(_run(console, once=once, port=port))
    except KeyboardInterrupt:
        return 130
    except ProsaError as error:  # the world did not come up
        _failed(console, f"{error.detail}\n  → {error.remedy}")
    except OSError as error:
        _failed(console, str(error))
    return 1


async def _run(console: Console, *, once: bool, port: int) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(name, stop.set)
    async with World(script=bakery_script(latency=0.4)) as world:
        story = asyncio.create_task(tell(world, console, port=port))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({story, stopping}, timeout=STORY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not story.done():
            story.cancel()
            await asyncio.gather(story, return_exceptions=True)
            if stop.is_set():
                return 130
            console.print(f"\n[red]The demo did not end within {STORY_SECONDS:.0f} s.[/]")
            return 1
        try:
            serving = story.result()
        except StoryError as error:
            _failed(console, str(error))
            return 1
        console.print("\n[green]Every answer arrived.[/]")
        if not once:
            console.print(serving, soft_wrap=True)  # commands to paste must not be broken
            await stop.wait()
            console.print("\nStopping.")
    return 0


def _failed(console: Console, why: str) -> None:
    console.print(f"\n[red]The demo failed:[/] {escape(why)}", soft_wrap=True)
