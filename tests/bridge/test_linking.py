"""Linking over the real bridge: by QR and by code, with and without the passkey step, refused, exhausted, repeated."""

import asyncio
from typing import Any

import pytest
from tests.fixtures.whatsapp import EngineMaker, Line

from prosa.whatsapp.bridge import BridgeEngine
from prosa.whatsapp.engine import (
    EngineError,
    EngineErrorCode,
    LoggedOut,
    Opened,
    Paired,
    PasskeyConfirmation,
    PasskeyFailed,
    PasskeyRequested,
    QrCode,
    QrExhausted,
)
from prosa_simulator.network import Network, PairingError

SHOP = "5511900000001"


async def test_by_qr(line: Line, network: Network) -> None:
    connection = await line.open()
    assert not connection.state.linked
    await connection.connect()
    code = await line.wait(QrCode)
    # The first code of a connection is good for a minute, as whatsmeow shows it.
    assert code.expires_in == 60
    phone = network.phone(SHOP, "Loja da Ana")
    device = await phone.scan(code.code)
    paired = await line.wait(Paired)
    opened = await line.wait(Opened)
    assert paired.jid == opened.jid == str(device.jid)
    assert opened.lid == str(device.lid)
    assert phone.devices == [device]
    # Linked is linked: another scan of the old code links nothing.
    with pytest.raises(PairingError):
        await phone.scan(code.code)


async def test_by_code(line: Line, network: Network) -> None:
    phone = network.phone(SHOP, "Loja")
    connection = await line.open()
    await connection.connect()
    code, seconds = await connection.pair_with_code("+55 11 90000-0001")
    assert len(code) == 9
    assert code[4] == "-"
    assert seconds > 60
    with pytest.raises(PairingError):
        await phone.type_code("AAAA-AAAA")
    device = await phone.type_code(code)
    assert (await line.wait(Opened)).jid == str(device.jid)


@pytest.mark.parametrize("method", ["qr", "code"])
async def test_through_the_passkey_step(line: Line, network: Network, method: str) -> None:
    phone = network.phone(SHOP, "Loja")
    phone.require_passkey = True
    connection = await line.open()
    await connection.connect()
    if method == "qr":
        linking = asyncio.create_task(phone.scan((await line.wait(QrCode)).code))
    else:
        code, _ = await connection.pair_with_code(SHOP)
        linking = asyncio.create_task(phone.type_code(code))
    requested = await line.wait(PasskeyRequested)
    assert requested.options["rpId"]
    assert requested.options["challenge"]
    await connection.answer_passkey(phone.passkey_assertion(requested.options))
    confirmation = await line.wait(PasskeyConfirmation)
    assert confirmation.code == phone.passkey_code
    assert not linking.done()
    await connection.confirm_passkey()
    device = await linking
    assert (await line.wait(Opened)).jid == str(device.jid)


async def test_a_wrong_passkey_is_told(line: Line, network: Network) -> None:
    phone = network.phone(SHOP, "Loja")
    phone.require_passkey = True
    connection = await line.open()
    await connection.connect()
    linking = asyncio.create_task(phone.scan((await line.wait(QrCode)).code))
    requested = await line.wait(PasskeyRequested)
    await refused(line, phone.passkey_assertion({**requested.options, "challenge": "AAAA"}))
    linking.cancel()
    assert not any(isinstance(event, Opened) for event in line.events)


async def refused(line: Line, assertion: dict[str, Any]) -> None:
    """The answer itself may say so, or an event."""
    try:
        await line.connection.answer_passkey(assertion)
    except EngineError as error:
        if error.code not in {EngineErrorCode.PASSKEY_FAILED, EngineErrorCode.REJECTED}:
            raise
    else:
        await line.wait(PasskeyFailed)


async def test_codes_rotate_run_out_and_come_again(line: Line, network: Network) -> None:
    network.faults.qr_refs = 1
    connection = await line.open()
    await connection.connect()
    first = await line.wait(QrCode)
    await line.wait(QrExhausted, seconds=40)
    network.faults.qr_refs = 6
    position = len(line.events)
    await connection.connect()
    second = await line.wait(QrCode, after=position)
    assert second.code != first.code
    await network.phone(SHOP, "Loja").scan(second.code)
    await line.wait(Opened)


async def test_what_a_session_may_not_do_in_its_state(line: Line, network: Network) -> None:
    connection = await line.open()
    with pytest.raises(EngineError) as caught:
        await connection.pair_with_code(SHOP)
    assert caught.value.code is EngineErrorCode.NOT_CONNECTED
    with pytest.raises(EngineError) as caught:
        await connection.send_typing("5511988887777@s.whatsapp.net", typing=True)
    assert caught.value.code in {EngineErrorCode.NOT_CONNECTED, EngineErrorCode.NOT_LINKED}
    await connection.close()
    await line.link(network, SHOP)
    with pytest.raises(EngineError) as caught:
        await line.connection.pair_with_code(SHOP)
    assert caught.value.code is EngineErrorCode.ALREADY_LINKED


async def test_opened_again_after_a_restart_of_everything(make_engine: EngineMaker, network: Network) -> None:
    engine = await make_engine()
    line = Line(engine, "loja")
    await line.link(network, SHOP)
    await engine.stop()
    again = Line(await make_engine(), "loja")
    connection = await again.open(line.device_jid)
    assert connection.state.linked
    assert connection.state.jid == line.device_jid
    await again.online()
    assert len(network.phone(SHOP).devices) == 1


async def test_credentials_that_are_gone(bridge_engine: BridgeEngine) -> None:
    line = Line(bridge_engine, "loja")
    with pytest.raises(EngineError) as caught:
        await line.open("5511900000001:5@s.whatsapp.net")
    assert caught.value.code is EngineErrorCode.DEVICE_NOT_FOUND


async def test_the_phone_removes_the_device(line: Line, network: Network) -> None:
    await line.link(network, SHOP)
    phone = network.phone(SHOP)
    await phone.unlink(phone.devices[0])
    out = await line.wait(LoggedOut)
    assert out.reason
    with pytest.raises(EngineError) as caught:
        await line.connection.send_typing("5511988887777@s.whatsapp.net", typing=True)
    assert caught.value.code in {EngineErrorCode.NOT_LINKED, EngineErrorCode.NOT_CONNECTED}
    await line.connection.close()
    with pytest.raises(EngineError) as caught:
        await line.open(line.device_jid)
    assert caught.value.code is EngineErrorCode.DEVICE_NOT_FOUND
    line.events.clear()
    line.device_jid = None
    await line.link(network, SHOP)  # the same session name, a new device


async def test_the_device_was_removed_while_we_were_away(line: Line, network: Network) -> None:
    await line.link(network, SHOP)
    await line.connection.disconnect()
    phone = network.phone(SHOP)
    await phone.unlink(phone.devices[0])
    await line.connection.connect()
    await line.wait(LoggedOut)


async def test_we_log_out_ourselves(line: Line, network: Network) -> None:
    await line.link(network, SHOP)
    await line.connection.logout()
    async with asyncio.timeout(5):  # the network's side of it
        while network.phone(SHOP).devices:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await line.connection.close()
    with pytest.raises(EngineError) as caught:
        await line.open(line.device_jid)
    assert caught.value.code is EngineErrorCode.DEVICE_NOT_FOUND


async def test_two_numbers_in_one_engine(bridge_engine: BridgeEngine, network: Network) -> None:
    one, two = Line(bridge_engine, "um"), Line(bridge_engine, "dois")
    await asyncio.gather(one.link(network, SHOP), two.link(network, "5511900000002"))
    phone = network.phone(SHOP)
    await phone.unlink(phone.devices[0])
    await one.wait(LoggedOut)
    await two.connection.send_typing(f"{SHOP}@s.whatsapp.net", typing=True)
    assert not any(isinstance(event, LoggedOut) for event in two.events)
