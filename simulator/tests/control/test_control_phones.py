"""A phone over HTTP links an unmodified client: by QR, by code, and through the passkey step."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest

from prosa.whatsapp.engine import Connection, EngineEvent, Opened, PasskeyConfirmation, PasskeyRequested, QrCode
from prosa_simulator.product.world import World

from .conftest import Control

E = TypeVar("E", bound=EngineEvent)


class Client:
    """An unlinked client, as Prosa's bridge is before its number is linked."""

    def __init__(self, connection: Connection, events: "asyncio.Queue[EngineEvent]") -> None:
        self.connection = connection
        self._events = events

    async def wait(self, kind: type[E]) -> E:
        """Return the next event of a kind."""
        async with asyncio.timeout(30):
            while not isinstance(event := await self._events.get(), kind):
                pass
            return event


@pytest.fixture
async def client(world: World, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    events: asyncio.Queue[EngineEvent] = asyncio.Queue()

    async def put(event: EngineEvent) -> None:
        events.put_nowait(event)

    connection = await world.contacts.engine.open(f"client-{request.node.name}", put, device_jid=None)
    await connection.connect()
    yield Client(connection, events)
    await connection.close()


async def test_by_qr(control: Control, client: Client) -> None:
    number = "551140000001"
    assert (await control.ask("PUT", f"/phones/{number}", {"name": "Loja"})).json["devices"] == []
    code = (await client.wait(QrCode)).code
    device = await control.post(f"/phones/{number}/scan", {"qr": code})
    assert (await client.wait(Opened)).jid == device["jid"]
    assert [shown["jid"] for shown in (await control.get(f"/phones/{number}"))["devices"]] == [device["jid"]]
    again = await control.ask("POST", f"/phones/{number}/scan", {"qr": code})
    assert (again.status, again.json["error"]) == (409, "unknown-ref")
    assert "linked already" in again.json["detail"]


async def test_by_code(control: Control, client: Client) -> None:
    number = "551140000002"
    await control.ask("PUT", f"/phones/{number}", {})
    assert (await control.get(f"/phones/{number}"))["asked_for_code"] is False
    code, _ = await client.connection.pair_with_code(number)
    assert (await control.get(f"/phones/{number}"))["asked_for_code"] is True
    wrong = await control.ask("POST", f"/phones/{number}/code", {"code": "AAAA-AAAA"})
    assert (wrong.status, wrong.json["error"]) == (409, "wrong-code")
    device = await control.post(f"/phones/{number}/code", {"code": code.lower()})
    assert (await client.wait(Opened)).jid == device["jid"]
    assert (await control.get(f"/phones/{number}"))["asked_for_code"] is False


async def test_through_the_passkey_step(control: Control, client: Client) -> None:
    number = "551140000003"
    asked = await control.ask("PUT", f"/phones/{number}", {"require_passkey": True})
    assert asked.json["require_passkey"] is True
    code = (await client.wait(QrCode)).code
    linking: asyncio.Task[Any] = asyncio.create_task(control.post(f"/phones/{number}/scan", {"qr": code}))
    requested = await client.wait(PasskeyRequested)
    assertion = await control.post(f"/phones/{number}/assertion", {"options": requested.options})
    await client.connection.answer_passkey(assertion)
    confirmation = await client.wait(PasskeyConfirmation)
    assert (await control.get(f"/phones/{number}"))["passkey_code"] == confirmation.code
    await client.connection.confirm_passkey()
    assert (await linking)["jid"] == (await client.wait(Opened)).jid
    assert (await control.get(f"/phones/{number}"))["passkey_code"] is None


async def test_the_index_and_the_state_tell_what_there_is(control: Control, world: World) -> None:
    index = await control.get("/")
    assert all(index["routes"].values())
    assert {"POST /contacts/{phone}/media", "GET /contacts/{phone}/stream"} < index["routes"].keys()
    assert index["faults"]["drop"] == {"does": "Cut TCP connections without a word.", "takes": {"phone": None}}
    state = await control.get("/state")
    assert state["settings"]["PROSA_WHATSAPP_TEST_URL"] == world.network.url
    assert state["addresses"]["control"] == control.url
    assert state["phones"] == await control.get("/phones")
    assert state["contacts"] == await control.get("/contacts")
