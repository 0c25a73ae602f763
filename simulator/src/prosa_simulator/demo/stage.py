"""The demo to play with: everything stands ready, and the newcomer links the number and writes as its customers."""

import asyncio

from rich.console import Console
from rich.markup import escape

from prosa_simulator.contacts import ContactError
from prosa_simulator.demo.story import SHOP, StoryError
from prosa_simulator.network import PairingError
from prosa_simulator.product.world import World

SHOP_NAME = "Padaria Estrela"
CUSTOMERS = {"5511988887777": "Maria", "5511977776666": "João"}


async def prepare(world: World, console: Console, *, port: int) -> str:
    """Start Prosa, and give the shop and its customers their phones.

    Args:
        world: Where it all happens.
        console: Where it is told.
        port: Where Prosa listens on loopback; 0 for a free port.

    Returns:
        The address to open.

    Raises:
        StoryError: Something did not come up.
    """

    def step(text: str) -> None:
        console.print(f"[bold cyan]●[/] {text}", soft_wrap=True)

    step(f"A WhatsApp network and a Gemini server of our own run on loopback ({world.network.url})")
    page = world.control_url
    # only this page may show the console in a frame, and only this Prosa's
    prosa = world.prosa(port=port, settings={"PROSA_FRAME_ORIGINS": f"{page},{page.replace('127.0.0.1', 'localhost')}"})
    world.network.phone(SHOP, SHOP_NAME)
    try:
        await asyncio.gather(prosa.start(), _link_customers(world))
    except (RuntimeError, ContactError, PairingError) as error:
        raise StoryError(str(error)) from error
    step(f"Prosa serves at [link]{prosa.url}[/] (SQLite, in-process cache; its log: {prosa.log_path})")
    step(f"{SHOP_NAME} (+{SHOP}) and its customers {' and '.join(CUSTOMERS.values())} have their phones\n")
    console.print(invitation(page, prosa.url), soft_wrap=True)
    return page


async def _link_customers(world: World) -> None:
    for number, name in CUSTOMERS.items():  # in this order, as the page shows them
        await world.contacts.link(number, name=name)


def invitation(page: str, prosa: str) -> str:
    """Return what there is to do."""
    return f"""\
[bold]Open [link]{page}/[/][/]  the console, and phones beside it
     {page}/phone  the phones alone; the console alone: {prosa}

  1. In the console, create your account: any e-mail and a password, for this demo only.
  2. On the shop's phone, scan the code that the console shows.
  3. As Maria, ask when they open on Sundays, order something, send a voice message.
  4. Cut the line, restart WhatsApp, pull Prosa's plug: nothing is lost, and nobody is answered twice.

{escape(f"The same by hand: curl {page}/ lists all that the simulated world can do.")} Ctrl-C ends the demo."""
