"""Linking: every event of the engine and the state it leads to."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.fixtures.conversations import add_owner
from tests.fixtures.fake_engine import FakeConnection
from tests.sessions.conftest import House, eventually

from prosa.clock import utc_now
from prosa.errors import ConflictError, UnavailableError
from prosa.sessions.schemas import PasskeyAssertion, SessionConnect
from prosa.whatsapp.engine import (
    Closed,
    EngineError,
    EngineErrorCode,
    Opened,
    Paired,
    PairFailed,
    PasskeyConfirmation,
    PasskeyFailed,
    PasskeyRequested,
    QrCode,
    QrExhausted,
)

OPTIONS = {"challenge": "AAAA", "rpId": "whatsapp.com", "timeout": 300000}
ASSERTION = PasskeyAssertion.model_validate(
    {
        "id": "QUJD", "rawId": "QUJD", "type": "public-key", "authenticatorAttachment": "platform",
        "response": {"clientDataJSON": "e30", "authenticatorData": "QQ", "signature": "QQ"},
    }
)  # fmt: skip


async def test_linking_by_qr_code(house: House) -> None:
    await house.create()
    shown = await house.connect()
    assert (shown.status, shown.qr) == ("qr", "2@code,0")
    assert utc_now() < shown.qr_expires_at <= utc_now() + timedelta(seconds=60)
    connection = house.engine.sessions["shop"]
    await connection.emit(QrCode("2@code,1", 20))
    await house.until(lambda row: row.qr == "2@code,1")
    await connection.link()
    row = await house.until(lambda row: row.status == "open")
    assert (row.qr, row.jid, row.lid, row.push_name) == (None, "5511999990001:7@s.whatsapp.net", "120@lid", "Shop")
    assert row.phone == "5511999990001"
    assert row.last_connected_at is not None
    assert await house.statuses() == ["closed", "connecting", "qr", "connecting", "open"]
    assert [event.payload["qr"] for event in await house.events("session.qr")] == ["2@code,0", "2@code,1"]
    assert house.online == ["shop"]
    assert house.gateway.connection("shop") is connection


async def test_the_same_qr_code_again_writes_nothing(house: House) -> None:
    await house.create()
    await house.connect()
    connection = house.engine.sessions["shop"]
    await connection.emit(QrCode("2@other", 20))
    await house.until(lambda row: row.qr == "2@other")
    before = len(await house.events()), len(await house.events("session.qr"))
    await connection.emit(Paired("5511:1@s.whatsapp.net", None))
    await connection.emit(Paired("5511:1@s.whatsapp.net", None))
    await house.until(lambda row: row.jid)
    await asyncio.sleep(0.05)
    assert (len(await house.events()), len(await house.events("session.qr"))) == (before[0] + 1, before[1])


async def test_linking_by_pairing_code(house: House) -> None:
    await house.create()
    shown = await house.connect(method="code", phone="+55 11 99999-0001")
    assert (shown.status, shown.pairing_code, shown.qr) == ("pairing", "ABCD-1234", None)
    connection = house.engine.sessions["shop"]
    assert ("pair_with_code", "5511999990001") in connection.calls
    await connection.emit(QrCode("2@code,1", 20))  # WhatsApp goes on with these; nobody wants them
    await connection.link()
    row = await house.until(lambda row: row.status == "open")
    assert row.pairing_code is None
    assert await house.events("session.qr") == []
    [event] = await house.events("session.pairing_code")
    assert event.payload["pairing_code"] == "ABCD-1234"


async def test_qr_codes_are_renewed_and_end_when_nobody_scans(house: House) -> None:
    await house.create()
    await house.connect()
    for number in range(1, 4):
        await eventually(lambda n=number: len(house.engine.opened) == n, "no new round")  # type: ignore[misc]
        await house.until(lambda row: row.status == "qr")
        await house.engine.sessions["shop"].emit(QrExhausted())
    row = await house.until(lambda row: row.status == "closed")
    assert (row.status_reason, row.wanted, row.qr) == ("qr_expired", False, None)
    await house.until(lambda row: row.lease_owner is None)
    assert house.engine.sessions == {}


async def test_a_pairing_code_is_renewed_while_the_person_waits(house: House) -> None:
    await house.create()
    await house.connect(method="code", phone="+5511999990001")
    first = house.engine.sessions["shop"]
    await first.emit(QrExhausted())
    await eventually(lambda: house.engine.sessions.get("shop") not in {None, first}, "no new connection")
    second = house.engine.sessions["shop"]
    await eventually(lambda: ("pair_with_code", "5511999990001") in second.calls, "no new code")
    await second.link()
    await house.until(lambda row: row.status == "open")


@pytest.mark.parametrize("seconds", [0.1, 0.0])  # 0: it came when its connection's time was over
async def test_a_pairing_code_that_ends_is_renewed_also_where_whatsapp_is_silent(
    house: House, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    asked: list[FakeConnection] = []

    async def soon_over(self: FakeConnection, phone: str) -> tuple[str, float]:
        asked.append(self)
        return "ABCD-1234", 160.0 if len(asked) > 1 else seconds

    monkeypatch.setattr(FakeConnection, "pair_with_code", soon_over)
    await house.create()
    await house.connect(method="code", phone="+5511999990001")
    await eventually(lambda: len(asked) == 2, "no new code")
    assert asked[0] is not asked[1], "a code comes with a connection of its own"


async def test_a_network_loss_before_the_pairing_code_came_asks_for_it_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[FakeConnection] = []

    async def late(self: FakeConnection, phone: str) -> tuple[str, float]:
        asked.append(self)
        if len(asked) == 1:
            await asyncio.Event().wait()
        return "ABCD-1234", 160.0

    monkeypatch.setattr(FakeConnection, "pair_with_code", late)
    await house.create()
    await house.connect(method="code", phone="+5511999990001", wait=0)
    await eventually(lambda: asked)
    asked[0].hang_up()
    await asked[0].emit(Closed("closed"))
    await house.until(lambda row: row.pairing_code == "ABCD-1234")


async def test_the_passkey_step_outlasts_the_pairing_code(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def short(_: FakeConnection, phone: str) -> tuple[str, float]:
        return "ABCD-1234", 0.3

    monkeypatch.setattr(FakeConnection, "pair_with_code", short)
    await house.create()
    await house.connect(method="code", phone="+5511999990001")
    await house.engine.sessions["shop"].emit(PasskeyRequested(OPTIONS))
    await asyncio.sleep(0.5)
    assert (await house.row()).status == "passkey"


async def test_whatsapp_refuses_a_pairing_code(house: House) -> None:
    await house.create()
    house.engine.fail["pair_with_code"] = [EngineError(EngineErrorCode.PAIRING_REFUSED, "bad number")]
    answer = await house.connect(method="code", phone="+5511999990001")
    assert (answer.status, answer.status_reason, answer.wanted) == ("closed", "pairing_refused", False)
    assert "bad number" in answer.status_detail


@pytest.mark.parametrize(
    ("event", "reason"), [(PairFailed("x"), "pairing_failed"), (PasskeyFailed("x"), "passkey_failed")]
)
async def test_linking_that_fails_ends_with_a_reason(
    house: House, event: PairFailed | PasskeyFailed, reason: str
) -> None:
    await house.create()
    await house.connect()
    await house.engine.sessions["shop"].emit(event)
    row = await house.until(lambda row: row.status == "closed" and row.lease_owner is None)
    assert (row.status_reason, row.wanted) == (reason, False)


async def _asked_for_passkey(house: House) -> FakeConnection:
    await house.create()
    await house.connect()
    connection = house.engine.sessions["shop"]
    await connection.emit(PasskeyRequested(OPTIONS))
    await house.until(lambda row: row.status == "passkey")
    return connection


async def test_the_passkey_step_with_a_code_to_compare(house: House) -> None:
    connection = await _asked_for_passkey(house)
    step = await house.service.passkey(house.caller, "shop")
    assert (step.stage, step.options) == ("assertion", OPTIONS)
    for code, refusal in ((EngineErrorCode.NOT_READY, ConflictError), (EngineErrorCode.TIMEOUT, UnavailableError)):
        connection.fail["answer_passkey"] = [EngineError(code, "no")]
        with pytest.raises(refusal):
            await house.service.answer_passkey(house.caller, "shop", ASSERTION)
    assert step.snippet is not None
    assert "navigator.credentials.get" in step.snippet
    assert '"challenge": "AAAA"' in step.snippet
    await house.service.answer_passkey(house.caller, "shop", ASSERTION)
    call = [call for call in connection.calls if call[0] == "answer_passkey"][-1]
    assert call[1]["response"] == {"clientDataJSON": "e30", "authenticatorData": "QQ", "signature": "QQ"}
    await connection.emit(PasskeyConfirmation("1A2B-3C4D", skip_comparison=False))
    await house.until(lambda row: row.passkey and row.passkey["stage"] == "confirmation")
    step = await house.service.passkey(house.caller, "shop")
    assert (step.code, step.snippet) == ("1A2B-3C4D", None)
    assert ("confirm_passkey",) not in connection.calls
    await house.service.confirm_passkey(house.caller, "shop")
    assert ("confirm_passkey",) in connection.calls
    await connection.link()
    row = await house.until(lambda row: row.status == "open")
    assert row.passkey is None
    assert [event.payload["stage"] for event in await house.events("session.passkey_required")] == [
        "assertion", "confirmation",
    ]  # fmt: skip


async def test_a_passkey_code_that_need_not_be_compared_is_confirmed_at_once(house: House) -> None:
    connection = await _asked_for_passkey(house)
    await connection.emit(PasskeyConfirmation("1A2B-3C4D", skip_comparison=True))
    await eventually(lambda: ("confirm_passkey",) in connection.calls)
    assert (await house.row()).passkey == {"stage": "assertion", "options": OPTIONS}


async def test_codes_do_not_disturb_the_passkey_step_and_its_end_has_a_reason(house: House) -> None:
    connection = await _asked_for_passkey(house)
    await connection.emit(QrCode("2@late", 20))
    await connection.emit(QrExhausted())
    row = await house.until(lambda row: row.status == "closed")
    assert (row.status_reason, row.qr) == ("passkey_expired", None)


async def test_a_network_loss_while_linking_shows_new_codes(house: House) -> None:
    await house.create()
    await house.connect()
    connection = house.engine.sessions["shop"]
    connection.hang_up()
    await connection.emit(Closed("closed"))
    await eventually(lambda: connection.calls.count(("connect",)) == 2, "not tried again")
    await house.until(lambda row: row.status == "qr")


async def test_linking_that_drops_at_once_each_time_ends(house: House) -> None:
    """No endless loop of codes and drops."""

    async def show_and_drop(connection: FakeConnection) -> None:
        connection.give(QrCode("2@code", 60))
        connection.give(Closed("stream_error"))

    house.engine.on_connect = show_and_drop
    await house.create()
    await house.connect(wait=0)
    row = await house.until(lambda row: not row.wanted)
    assert row.status_reason == "qr_expired"
    assert sum(connection.calls.count(("connect",)) for connection in house.engine.opened) == 3


async def test_a_phone_that_goes_away_after_pairing_is_logged_in_again(
    quiet_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = quiet_house
    gateway = house.make_gateway(login_seconds=0.2)
    house.service = house.make_service(gateway)
    await gateway.start()
    await house.create()
    await house.connect()
    connection = house.engine.sessions["shop"]
    connection.jid = "5511999990001:7@s.whatsapp.net"
    house.engine.devices.add(connection.jid)
    await connection.emit(Paired(connection.jid, None))
    row = await house.until(lambda row: row.status == "open")
    assert row.jid == connection.jid
    await gateway.stop()


async def test_an_account_linked_twice_says_so(house: House) -> None:
    await house.linked("shop")
    await house.create("longer")
    await house.connect("longer")
    await house.engine.sessions["longer"].link("55119999900019")
    me, house.caller = house.caller, await add_owner(house.database, "bob@example.com")
    await house.linked("bobs")
    for name in ("longer", "bobs"):
        assert (await house.until(lambda row: row.status == "open", name)).status_reason is None
    house.caller = me
    await house.create("again")
    await house.connect("again")
    await house.engine.sessions["again"].link(device=8)
    row = await house.until(lambda row: row.status == "open", "again")
    assert row.status_reason == "linked_twice"
    people, limited = house.caller, replace(house.caller, numbers=frozenset({"again"}))
    for reads in (people, replace(people, numbers=frozenset({"shop", "again"}))):
        [*_, listed], _ = await house.service.list(reads, after=None, status=None, limit=10)
        for seen in (listed, await house.service.read(reads, "again")):
            assert "is also linked as shop:" in (seen.status_detail or "")
    [listed], _ = await house.service.list(limited, after=None, status=None, limit=10)
    for seen in (listed, await house.service.read(limited, "again")):
        assert seen.status_reason == "linked_twice"
        assert "linked here as another number too" in (seen.status_detail or "")
        assert "shop" not in seen.model_dump_json()
    told = [event.payload for event in await house.events() if event.session == "again"]
    assert told[-1]["reason"] == "linked_twice"
    assert "shop" not in str(told)
    await house.engine.sessions["again"].emit(Opened("5521888880002:8@s.whatsapp.net", None, None))
    row = await house.until(lambda row: row.status_reason is None, "again")
    assert row.push_name == "Shop"  # what is not told is not forgotten


async def test_whether_a_number_was_ever_linked_outlives_its_link(house: House) -> None:
    async def ever_linked() -> bool:
        facts = await house.directory.get("shop")
        assert facts is not None
        return facts.ever_linked

    await house.create("shop")
    await house.connect("shop")
    assert not await ever_linked(), "a code that nobody scanned is no link"
    await house.engine.sessions["shop"].link()
    await house.until(lambda row: row.status == "open")
    assert await ever_linked()
    await house.service.stop(house.caller, "shop")
    assert await ever_linked()
    await house.service.connect(house.caller, "shop", SessionConnect())
    await house.until(lambda row: row.status == "open")
    await house.service.logout(house.caller, "shop")
    assert (await house.row()).jid is None
    assert await ever_linked()
