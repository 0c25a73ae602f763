"""`python -m prosa_simulator`: the simulated world by hand."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from prosa_simulator.gemini import GeminiServer
from prosa_simulator.gemini.demo_brain import bakery_script
from prosa_simulator.network import Network

EPILOGUE = """
Driving it by hand. `world` prints the settings that lead a Prosa of yours into the simulated world; put them into its
environment and start `prosa serve`. Then, with the admin address it prints:

    curl -X POST $ADMIN/5511900000001/scan -d '{"qr": "<text of the session's QR code>"}'    link by QR code

    curl -X POST $ADMIN/5511900000001/code -d '{"code": "ABCD-1234"}'                        link by pairing code

    curl -X PUT  $ADMIN/5511900000001 -d '{"require_passkey": true}'                         ask for a passkey

    curl $ADMIN                                                                              list phones and devices

From Python, `prosa_simulator.network.Network` gives phones, faults on demand and the record of messages,
`prosa_simulator.contacts.ContactBook` contacts that are real linked clients, `prosa_simulator.gemini.GeminiServer` the
model, and `prosa_simulator.product.world.World` all of it with Prosa processes. The README of the package shows each.
"""

app = typer.Typer(help="A WhatsApp network and a Gemini server on loopback.", epilog=EPILOGUE, no_args_is_help=True,
                  rich_markup_mode="markdown", pretty_exceptions_enable=False, add_completion=False)  # fmt: skip
console = Console(highlight=False)

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 for a free one.")]


async def _until_stopped() -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()


@app.command()
def world(
    port: Port = 0,
    gemini_port: Port = 0,
    data: Annotated[Path | None, typer.Option(help="Keep the network's state here over restarts.")] = None,
    latency: Annotated[float, typer.Option(min=0, help="Seconds that each answer of the model takes.")] = 0.5,
) -> None:
    """Run the WhatsApp network and the Gemini server until Ctrl-C, and print the settings that lead Prosa there."""

    async def run() -> None:
        network = Network(data, port=port)
        async with GeminiServer(port=gemini_port, script=bakery_script(latency=latency)) as gemini:
            await network.start()
            try:
                console.print(f"PROSA_WHATSAPP_TEST_URL={network.url}")
                console.print(f"PROSA_WHATSAPP_TEST_ROOT_KEY={network.root_public_key}")
                console.print(f"PROSA_WHATSAPP_TEST_MEDIA_CA={network.media_ca_path}")
                console.print(f"PROSA_GEMINI_BASE_URL={gemini.base_url}")
                console.print(f"PROSA_GEMINI_API_KEY={gemini.api_key}")
                console.print(f"ADMIN=http://127.0.0.1:{network.port}/admin/phones", style="dim")
                await _until_stopped()
            finally:
                await network.stop()

    asyncio.run(run())


@app.command()
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the story; 0 when every answer arrived.")] = False,
    port: Port = 0,
) -> None:
    """Show Prosa in this world; the same as `prosa demo`."""
    from prosa_simulator.demo.command import run  # noqa: PLC0415 - the other commands do without it

    raise typer.Exit(run(once=once, port=port))


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
