"""Faults over HTTP: each is set as it says, some are seen to strike, and all can be cleared."""

from typing import Any

import pytest

from prosa_simulator.control.faults import KINDS
from prosa_simulator.network import Connection
from prosa_simulator.product.world import World

from .conftest import Control

ANA, BIA = "5511988887777", "5511977776666"

WAITING: dict[str, Any] = {
    "ban": ({"phone": ANA}, {"fault": "refuse_login", "reason": 402, "code": 101, "expire": 3600}),
    "refuse_login": ({"phone": ANA, "reason": 403, "times": 2}, {"reason": 403, "left": 2}),
    "withhold_acks": ({"phone": ANA, "deliver": False}, {"deliver": False, "left": None}),
    "refuse_messages": ({"phone": ANA, "error": 463}, {"error": 463}),
    "delay_acks": ({"phone": ANA, "seconds": 1.5}, {"seconds": 1.5}),
    "delay_deliveries": ({"phone": ANA, "seconds": 1.5}, {"seconds": 1.5}),
    "duplicate_deliveries": ({"phone": ANA}, {}),
    "reorder_deliveries": ({"phone": ANA, "count": 2}, {"left": 2}),
    "corrupt_deliveries": ({"phone": ANA}, {"left": 1}),
    "ignore_receipts": ({"phone": ANA}, {}),
    "ignore_requests": ({"phone": ANA, "xmlns": "w:p"}, {"xmlns": "w:p"}),
    "fail_media": ({"status": 503}, {"status": 503, "phone": None, "left": 1}),
}
AT_ONCE = {"drop", "stream_error", "replaced", "qr_refs", "expire_codes", "restart"}


@pytest.fixture(scope="module")
async def ana(control: Control) -> str:
    return await control.link(ANA, "Ana")


@pytest.fixture(scope="module")
async def bia(control: Control) -> str:
    return await control.link(BIA, "Bia")


@pytest.fixture(autouse=True)
async def _clear(control: Control) -> Any:
    yield
    assert (await control.ask("DELETE", "/faults")).json == {"waiting": [], "qr_refs": 6}


async def send(control: Control, sender: str, to: str, text: str) -> str:
    wa_id: str = (await control.post(f"{sender}/messages", {"to": to, "text": text}))["wa_id"]
    return wa_id


def lines(world: World, number: str) -> list[Connection]:
    """The live connections of a number's devices."""
    return [line for line in world.network.connections if line.device and line.device.account.phone == number]


def bodies(*wanted: str) -> Any:
    return lambda shown: [m["body"] for m in shown["messages"] if m["body"] in wanted] == list(wanted)


async def test_every_fault_is_tried() -> None:
    assert WAITING.keys() | AT_ONCE == KINDS.keys()


@pytest.mark.parametrize("name", WAITING)
async def test_a_fault_waits_until_it_is_cleared(control: Control, name: str) -> None:
    await control.ask("PUT", f"/phones/{ANA}", {})
    body, expected = WAITING[name]
    assert (await control.post(f"/faults/{name}", body))["fault"] == name
    (waiting,) = (await control.get("/faults"))["waiting"]
    assert ({"fault": name, "phone": ANA} | expected).items() <= waiting.items()
    cleared = await control.ask("DELETE", f"/faults?phone=%2B{ANA}")
    assert len(cleared.json["waiting"]) == (name == "fail_media")


@pytest.mark.parametrize(
    ("name", "body"), [("drop", {}), ("stream_error", {"code": 503}), ("stream_error", {"code": 515})]
)
async def test_a_cut_connection_comes_back(control: Control, world: World, ana: str, name: str, body: Any) -> None:
    before = set(lines(world, ANA))
    assert (await control.post(f"/faults/{name}", {**body, "phone": ANA}))["connections"] == len(before) == 1
    await world.contacts[ANA].wait_until(lambda: set(lines(world, ANA)) - before and world.contacts[ANA].online, 30)


async def test_refused_logins_are_tried_again(control: Control, world: World, ana: str) -> None:
    before = set(lines(world, ANA))
    await control.post("/faults/refuse_login", {"phone": ANA, "reason": 503, "times": 2})
    await control.post("/faults/drop", {"phone": ANA})
    await world.contacts[ANA].wait_until(lambda: set(lines(world, ANA)) - before and world.contacts[ANA].online, 30)
    assert (await control.get("/faults"))["waiting"] == []


async def test_a_replaced_client_stays_away_until_it_is_told(control: Control, world: World, ana: str) -> None:
    assert len(lines(world, ANA)) == 1
    assert (await control.post("/faults/replaced", {"phone": ANA}))["connections"] == 1
    await control.wait(ana, lambda shown: not shown["online"])
    assert (await control.post(f"{ana}/connect"))["online"] is True


async def test_a_restart_answers_when_the_network_is_back(control: Control, ana: str, bia: str) -> None:
    assert await control.post("/faults/restart", {"seconds": 0.1}) == {"fault": "restart"}
    await control.wait(ana, lambda shown: shown["online"])
    await control.wait(bia, lambda shown: shown["online"])
    await send(control, ana, BIA, "de volta")
    await control.wait(bia, bodies("de volta"))


async def test_deliveries_are_reordered_and_delayed(control: Control, ana: str, bia: str) -> None:
    await control.post("/faults/reorder_deliveries", {"phone": BIA, "count": 2})
    await send(control, ana, BIA, "primeira")
    assert not bodies("primeira")(await control.get(f"{bia}/messages"))
    await send(control, ana, BIA, "segunda")
    await control.wait(bia, bodies("segunda", "primeira"))
    await control.post("/faults/delay_deliveries", {"phone": BIA, "seconds": 0.3, "times": 1})
    await send(control, ana, BIA, "terceira")
    assert not bodies("terceira")(await control.get(f"{bia}/messages"))
    await control.wait(bia, bodies("terceira"))


async def test_a_refused_message_and_a_failed_upload_are_told(control: Control, ana: str, bia: str) -> None:
    await control.post("/faults/refuse_messages", {"phone": ANA, "error": 463, "times": 1})
    refused = await control.ask("POST", f"{ana}/messages", {"to": BIA, "text": "não vai"})
    assert refused.status == 409
    assert "463" in refused.json["detail"]
    await send(control, ana, BIA, "agora vai")
    await control.wait(bia, bodies("agora vai"))


async def test_new_connections_get_as_many_codes_as_said(control: Control, world: World) -> None:
    await control.post("/faults/qr_refs", {"count": 2})
    assert (await control.get("/faults"))["qr_refs"] == 2
    assert world.network.faults.qr_refs == 2
    assert await control.post("/faults/expire_codes") == {"fault": "expire_codes"}
