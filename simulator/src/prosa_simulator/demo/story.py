"""The story of the demo: two numbers are linked, a contact asks three questions, and the answers arrive."""

import asyncio
import secrets
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from prosa_simulator.contacts import Contact
from prosa_simulator.product import ApiError, EventStream, ProsaClient
from prosa_simulator.product.world import World

SHOP = "551140000001"
SALES = "551140000002"
ANA = "5511988887777"
QUESTIONS = (
    "Oi! Meu nome é Ana. Vocês abrem no domingo?",
    "Quanto custa o pão de queijo?",
    "E você lembra o meu nome?",
)
INSTRUCTIONS = "Você atende os clientes da Padaria Estrela. Responda no idioma do cliente, em poucas frases."
ANSWER_SECONDS = 30.0
RECEIPT_SECONDS = 5.0
UNDER_WAY = {"queued", "sending", "sent"}


class StoryError(Exception):
    """The story did not come to its end; the text says why."""


async def tell(world: World, console: Console, *, port: int) -> None:
    """Tell it.

    Raises:
        StoryError: Something did not happen that should have.
    """
    try:
        await _tell(world, console, port)
    except ApiError as error:
        raise StoryError(f"Prosa answered {error}: {error.problem.get('remedy', '')}") from error
    except (TimeoutError, RuntimeError) as error:
        raise StoryError(str(error) or "something took too long") from error


async def _tell(world: World, console: Console, port: int) -> None:
    def step(text: str) -> None:
        console.print(f"[bold cyan]●[/] {text}")

    step(f"A WhatsApp network and a Gemini server of our own run on loopback ({world.network.url})")
    prosa = world.prosa(port=port)
    await prosa.start()
    step(f"Prosa serves at [link]{prosa.url}[/] (SQLite, in-process cache; its log: {prosa.log_path})")
    email, password = "demo@example.com", secrets.token_urlsafe(12)
    async with ProsaClient(prosa.url) as api:
        await api.register(email, password, "Demo")
        async with api.events() as events:
            await _link_by_qr(world, api, events)
            step(f"“loja” (+{SHOP}) is linked: its phone scanned the QR code")
            code = await _link_by_code(world, api, events)
            step(f"“vendas” (+{SALES}) is linked: its phone typed the pairing code {code}")
            await api.patch("/sessions/loja", {"settings": {"instructions": INSTRUCTIONS, "debounce_seconds": 0.2}})
            ana = await world.contacts.link(ANA, name="Ana")
            step(f"Ana (+{ANA}) writes to the shop\n")
            conversation = await _talk(ana, events, console)
            await _show(api, conversation, console)


async def _link_by_qr(world: World, api: ProsaClient, events: EventStream) -> None:
    await api.post("/sessions", {"session_id": "loja", "name": "Loja"})
    await api.post("/sessions/loja/connect", {"method": "qr"})
    shown = await events.wait("session.qr", lambda event: event["session"] == "loja")
    await world.network.phone(SHOP, "Padaria Estrela").scan(shown["payload"]["qr"])
    await _open(events, "loja")


async def _link_by_code(world: World, api: ProsaClient, events: EventStream) -> str:
    phone = world.network.phone(SALES, "Padaria Estrela, vendas")
    await api.post("/sessions", {"session_id": "vendas", "name": "Vendas"})
    await api.post("/sessions/vendas/connect", {"method": "code", "phone": f"+{SALES}"})
    shown = await events.wait("session.pairing_code", lambda event: event["session"] == "vendas")
    code: str = shown["payload"]["pairing_code"]
    await phone.type_code(code)
    await _open(events, "vendas")
    return code


async def _open(events: EventStream, session: str) -> None:
    await events.wait(
        "session.status", lambda event: event["session"] == session and event["payload"]["status"] == "open"
    )


async def _talk(ana: Contact, events: EventStream, console: Console) -> str:
    conversation = ""
    for number, question in enumerate(QUESTIONS, 1):
        console.print(f"   [bold]Ana[/]    {escape(question)}")
        await ana.send_text(SHOP, question)
        try:
            answer = await ana.wait_for(lambda _, wanted=number: len(ana.received) >= wanted, ANSWER_SECONDS)  # type: ignore[misc]
        except TimeoutError:
            raise StoryError(f"no answer to “{question}” within {ANSWER_SECONDS:.0f} s") from None
        console.print(f"   [bold green]Prosa[/]  {escape(answer.body)}")
        received = await events.wait(
            "message.received",
            lambda event, text=question: event["payload"]["body"] == text,  # type: ignore[misc]
        )
        conversation = received["payload"]["conversation_id"]
    if "Ana" not in ana.received[-1].body:
        raise StoryError("the last answer does not show that earlier messages reached the model")
    return conversation


async def _show(api: ProsaClient, conversation: str, console: Console) -> None:
    page: dict[str, Any] = {"items": []}
    with suppress(TimeoutError):  # the last receipt is under way; without it the status says so
        async with asyncio.timeout(RECEIPT_SECONDS):
            while not page["items"] or any(m["status"] in UNDER_WAY for m in page["items"]):
                await asyncio.sleep(0.1)
                page = await api.get(f"/conversations/{conversation}/messages")
    table = Table(title="\nThe conversation as Prosa stored it", title_justify="left")
    for column in ("#", "who", "message", "status", "WhatsApp id"):
        table.add_column(column)
    for message in reversed(page["items"]):
        table.add_row(
            str(message["seq"]), message["author"], escape(message["body"]), message["status"], message["wa_id"]
        )
    console.print(table)
    if len(page["items"]) != 2 * len(QUESTIONS):
        raise StoryError(f"{len(page['items'])} messages are stored, not {2 * len(QUESTIONS)}")
