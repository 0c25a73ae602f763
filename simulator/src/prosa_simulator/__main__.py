"""`python -m prosa_simulator`: the simulated world by hand."""

import asyncio
import logging
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console

from prosa.errors import ProsaError
from prosa_simulator.contacts import ContactError
from prosa_simulator.gemini.demo_brain import bakery_script
from prosa_simulator.network.state import StateError
from prosa_simulator.product.world import World

BY_HAND = """
**Driving it by hand.** `world` prints settings that lead a Prosa of yours into the simulated world: put them into its
environment (or into `.env` where it starts), and run `prosa serve`. It also prints where the world is driven over HTTP.
There, the first address below lists every route and fault, the second what there is now:

    CONTROL=http://127.0.0.1:18080

    curl $CONTROL/

    curl $CONTROL/state

Link a number of Prosa's, as its phone: scan the QR code (`qr` of GET /sessions/{id}) or type the pairing code; the
first line is for those who want a name, or the passkey step:

    curl -X PUT $CONTROL/phones/551140000001 -d '{"name": "Padaria Estrela", "require_passkey": false}'

    curl $CONTROL/phones/551140000001/scan -d '{"qr": "https://wa.me/settings/linked_devices#2@…"}'

    curl $CONTROL/phones/551140000001/code -d '{"code": "ABCD-1234"}'

Write to it, as a contact, and see what the contact's phone shows:

    curl $CONTROL/contacts -d '{"phone": "5511988887777", "name": "Ana"}'

    curl $CONTROL/contacts/5511988887777/messages -d '{"to": "551140000001", "text": "Oi!"}'

    curl $CONTROL/contacts/5511988887777/media -F to=551140000001 -F file=@voice.ogg -F voice=true

    curl "$CONTROL/contacts/5511988887777/messages?after=0&wait=20"

    curl -N $CONTROL/contacts/5511988887777/stream

Make things go wrong:

    curl $CONTROL/faults/drop -d '{"phone": "551140000001"}'

    curl $CONTROL/faults/refuse_login -d '{"phone": "551140000001", "reason": 503, "times": 3}'

    curl $CONTROL/faults/restart -d '{"seconds": 5}'

    curl -X DELETE $CONTROL/faults
"""
FROM_PYTHON = """
**From Python**, `prosa_simulator.network.Network` gives phones, faults on demand and the record of messages,
`prosa_simulator.contacts.ContactBook` contacts that are real linked clients, `prosa_simulator.gemini.GeminiServer` the
model, and `prosa_simulator.product.world.World` all of it with Prosa processes. The README of the package shows each.
"""

app = typer.Typer(help="A WhatsApp network and a Gemini server on loopback.", epilog=BY_HAND + FROM_PYTHON,
                  no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False,
                  add_completion=False)  # fmt: skip
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 for a free one.")]


async def _until_stopped() -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()


async def _run(world: World) -> None:
    async with world:
        restored = await world.contacts.restore()
        out.print("# settings of a Prosa that lives here: its environment, or .env where it starts")
        for name, value in world.settings().items():
            out.print(f"{name}={value}", markup=False)
        out.print("# where the world is driven: curl $CONTROL/ says how")
        out.print(f"CONTROL={world.control_url}", markup=False)
        for contact in restored:
            err.print(f"{contact.phone.name} (+{contact.number}) is online again", markup=False, style="dim")
        err.print("Ctrl-C stops it.", style="dim")
        await _until_stopped()


@app.command(epilog=BY_HAND)
def world(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the WhatsApp network; 0 for a free one.")] = 0,
    gemini_port: Annotated[int, typer.Option(min=0, max=65535, help="Of the Gemini server.")] = 0,
    control_port: Annotated[int, typer.Option(min=0, max=65535, help="Where the world is driven over HTTP.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Keep the network and its contacts here over restarts.")] = None,
    latency: Annotated[float, typer.Option(min=0, help="Seconds that each answer of the model takes.")] = 0.5,
) -> None:
    """Run the WhatsApp network, the Gemini server and contacts until Ctrl-C, and print the settings that lead there."""
    # the contacts' bridge tells its own story
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        asyncio.run(
            _run(
                World(
                    data, script=bakery_script(latency=latency),
                    network_port=port, gemini_port=gemini_port, control_port=control_port,
                )
            )
        )  # fmt: skip
    except ProsaError as error:
        err.print(f"{error.detail}\n  → {error.remedy}", markup=False)
        raise typer.Exit(1) from None
    except (OSError, StateError, ContactError) as error:
        err.print(str(error), markup=False)
        raise typer.Exit(1) from None


@app.command()
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Show it by itself and end; 0 when every answer arrived.")
    ] = False,
    port: Port = 0,
    browser: Annotated[bool, typer.Option(help="Open the page, where there is a screen and a terminal.")] = True,
) -> None:
    """Show Prosa in this world; the same as `prosa demo`."""
    from prosa_simulator.demo.command import run  # noqa: PLC0415 - the other commands do without it

    raise typer.Exit(run(once=once, port=port, browser=browser))


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
