"""Staying online: how connections end and come back, and what is stored."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from tests.fixtures.conversations import inbound
from tests.fixtures.fake_engine import FakeConnection
from tests.sessions.conftest import House, eventually, running

from prosa.clock import utc_now
from prosa.sessions.intake import MAX_DELIVERIES, Intake, NotStoredError, SessionGoneError
from prosa.sessions.reconnect import Backoff
from prosa.sessions.recorder import Recorder
from prosa.whatsapp.engine import (
    Banned,
    Closed,
    ConnectFailed,
    ContactTyping,
    EngineError,
    EngineErrorCode,
    EngineEvent,
    Inbound,
    LoggedOut,
    Opened,
    Outdated,
    StreamReplaced,
)

OUTAGE = OperationalError("SELECT 1", {}, Exception("the server is away"))


async def test_a_lost_connection_comes_back_and_says_why_it_was_away(house: House) -> None:
    connection = await house.linked()
    connection.hang_up()
    await connection.emit(Closed("keepalive"))
    await eventually(lambda: connection.calls.count(("connect",)) == 2)
    await house.until(lambda row: row.status == "open")
    closed = (await house.events())[-2].payload
    assert (closed["status"], closed["reason"]) == ("closed", "disconnected")
    assert "keepalive" in closed["detail"]
    assert house.online == ["shop", "shop"]


async def test_while_it_is_away_nobody_gets_its_connection(house: House) -> None:
    connection = await house.linked()

    async def silent(_: FakeConnection) -> None:
        pass

    house.engine.on_connect = silent
    await connection.emit(Closed("closed"))
    await house.until(lambda row: row.status == "closed")
    assert house.gateway.connection("shop") is None
    await connection.emit(Opened(connection.jid or "", None, None))
    await house.until(lambda row: row.status == "open")
    assert house.gateway.connection("shop") is connection


@pytest.fixture
def writable(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Until it is cleared, and set again, numbers' statuses can be written."""
    record, writable = Recorder.record, asyncio.Event()
    writable.set()

    async def once_writable(self: Recorder, *arguments: Any) -> Any:
        await writable.wait()
        return await record(self, *arguments)

    monkeypatch.setattr(Recorder, "record", once_writable)
    return writable


async def test_an_end_is_shown_also_while_it_cannot_be_written(house: House, writable: asyncio.Event) -> None:
    connection = await house.linked()
    writable.clear()
    await connection.emit(Closed("keepalive"))
    await eventually(lambda: house.gateway.unwritten("shop"))
    shown = await house.service.read(house.caller, "shop")
    assert (shown.status, shown.status_reason) == ("closed", "disconnected")
    assert (await house.row()).status == "open"
    writable.set()
    await eventually(lambda: len(house.online) == 2)


async def test_what_was_reported_of_a_connection_that_is_given_up_counts_no_more(
    house: House, writable: asyncio.Event
) -> None:
    connection, worker = await house.linked(), house.gateway._workers["shop"]
    writable.clear()
    await connection.emit(Closed("first"))
    await eventually(lambda: worker.unwritten)
    await house.service.restart(house.caller, "shop")
    await eventually(worker._mailbox._queue.qsize)
    await connection.emit(Closed("second"))
    writable.set()
    await eventually(lambda: len(house.online) == 2)
    assert "second" not in str([event.payload["detail"] for event in await house.events()])


async def test_removed_on_the_phone(house: House) -> None:
    await house.linked()
    await house.engine.remove_device("shop")
    row = await house.until(lambda row: row.lease_owner is None)
    assert (row.status, row.status_reason, row.wanted, row.jid) == ("logged_out", "device_removed", False, None)
    shown = await house.connect()
    assert shown.status == "qr"
    assert house.engine.opened[-1].state.linked is False


async def test_credentials_that_are_gone(house: House) -> None:
    connection = await house.linked()
    await house.service.stop(house.caller, "shop")
    house.engine.devices.clear()
    answer = await house.connect()
    assert (answer.status, answer.status_reason) == ("logged_out", "credentials_missing")
    assert connection.closed


async def test_a_connection_taken_twice_is_left_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa.sessions.reconnect.REPLACED_WAIT", 0.05)
    connection = await house.linked()
    await connection.emit(StreamReplaced())
    await eventually(lambda: connection.calls.count(("connect",)) == 2)
    await house.until(lambda row: row.status == "open")
    await connection.emit(StreamReplaced())
    row = await house.until(lambda row: row.lease_owner is None)
    assert (row.status, row.status_reason, row.wanted) == ("closed", "stream_replaced", False)
    assert row.jid == connection.jid


async def test_a_connection_that_lasted_is_tried_again_though_it_was_taken_before(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.sessions.reconnect.REPLACED_WAIT", 0.05)
    monkeypatch.setattr("prosa.sessions.worker.REPLACED_MEMORY", 0.1)
    connection = await house.linked()
    for times in (2, 3):
        await connection.emit(StreamReplaced())
        await eventually(lambda times=times: len(house.online) == times)  # type: ignore[misc]
        await asyncio.sleep(0.15)
    assert (await house.row()).wanted


async def test_a_person_who_connects_gives_a_connection_that_was_taken_another_chance(house: House) -> None:
    connection = await house.linked()
    await connection.emit(StreamReplaced())
    await house.until(lambda row: row.status == "closed")
    assert (await house.connect()).status == "open"
    again = house.engine.sessions["shop"]
    assert again is not connection
    await again.emit(StreamReplaced())
    row = await house.until(lambda row: row.status == "closed")
    assert (row.status_reason, row.wanted) == ("stream_replaced", True)


@pytest.mark.parametrize(
    ("event", "reason", "seconds"),
    [(Banned("spam", 3600), "banned", 3630), (Outdated(), "outdated", 6 * 3600), (Banned("spam", 0), "banned", 3600)],
)
async def test_long_waits_are_kept_in_the_row(house: House, event: EngineEvent, reason: str, seconds: float) -> None:
    connection = await house.linked()
    await connection.emit(event)
    row = await house.until(lambda row: row.lease_owner is None)
    assert (row.status, row.status_reason, row.wanted) == ("closed", reason, True)
    assert row.due_at is not None
    assert abs(row.due_at - utc_now() - timedelta(seconds=seconds)) < timedelta(seconds=30)
    assert connection.closed
    answer = await house.connect()  # a person need not wait
    assert answer.status == "open"


async def test_after_an_upgrade_an_outdated_number_comes_back(quiet_house: House) -> None:
    house = quiet_house
    async with running(house.gateway):
        for name, event in (("banned", Banned("spam", 3600)), ("shop", Outdated())):
            await (await house.linked(name)).emit(event)
            await house.until(lambda row: row.lease_owner is None, name)
    async with running(house.make_gateway()):
        await house.until(lambda row: row.status == "open")
    assert (await house.row("banned")).status_reason == "banned", "it is not what that number waits for"


async def test_refused_logins_are_tried_again_with_the_reason_shown(house: House) -> None:
    connection = await house.linked()
    refusals = [ConnectFailed(503, "service_unavailable"), ConnectFailed(409, "bad user agent")]

    async def refuse(connection: FakeConnection) -> None:
        connection.give(refusals.pop(0) if refusals else Opened(connection.jid or "", None, None))

    house.engine.on_connect = refuse
    await connection.emit(Closed("closed"))
    await eventually(lambda: len(house.online) == 2)
    await house.until(lambda row: row.status == "open")
    reasons = [event.payload["reason"] for event in (await house.events())[-4:]]
    assert reasons == ["disconnected", "login_refused", "login_refused", None]


@pytest.mark.parametrize("code", [401, 403, 406])
async def test_a_login_refused_for_good_unlinks(house: House, code: int) -> None:
    connection = await house.linked()
    await connection.emit(ConnectFailed(code, "gone"))
    row = await house.until(lambda row: row.lease_owner is None)
    assert (row.status, row.jid, row.wanted) == ("logged_out", None, False)


async def test_the_engine_restarts(house: House) -> None:
    await house.linked()
    await house.engine.crash()
    row = await house.until(lambda row: row.status == "closed")
    assert row.status_reason == "engine_down"
    await asyncio.sleep(0.1)
    await house.engine.start()
    await house.until(lambda row: row.status == "open")
    assert len(house.engine.opened) == 2


async def test_whatsapp_that_does_not_answer_is_tried_again(quiet_house: House) -> None:
    house = quiet_house
    async with running(house.gateway):
        await house.linked()
    answers = [False, True]

    async def sometimes(connection: FakeConnection) -> None:
        if answers.pop(0):
            connection.give(Opened(connection.jid or "", None, None))

    house.engine.on_connect = sometimes
    async with running(house.make_gateway(login_seconds=0.2)):
        await house.until(lambda row: row.status == "open")
    assert [event.payload["reason"] for event in await house.events()][-3:] == [
        "connect_failed", None, "prosa_stopped",
    ]  # fmt: skip


async def test_connecting_that_fails_is_tried_again(quiet_house: House) -> None:
    house = quiet_house
    gateway = house.make_gateway(backoff=lambda: Backoff(lambda low, high: 0.3))
    house.service = house.make_service(gateway)
    house.engine.fail["open"] = [EngineError(EngineErrorCode.STORE, "locked")]
    house.engine.fail["connect"] = [EngineError(EngineErrorCode.TIMEOUT, "no route")]
    async with running(gateway):
        await house.create()
        assert (await house.connect()).status == "qr", "who waits for a code is not told of what is tried again"
    assert house.engine.fail == {"open": [], "connect": []}


async def test_received_things_are_stored_with_what_the_number_is(house: House) -> None:
    connection = await house.linked()
    message = inbound("hello")
    assert await connection.emit(Inbound(message))
    assert await connection.emit(ContactTyping(message.chat, message.sender, typing=True))
    [(_, (session, stored)), (kind, _)] = house.stored.taken
    assert stored is message
    assert (session.session_id, session.user_id, session.jid) == ("shop", house.caller.user_id, connection.jid)
    assert kind == "typing"


async def test_an_outage_while_storing_is_waited_out(house: House) -> None:
    connection = await house.linked()
    house.stored.failures = [OUTAGE, ConnectionRefusedError()]
    assert await connection.emit(Inbound(inbound()))
    assert len(house.stored.taken) == 1
    assert connection.calls.count(("connect",)) == 1


async def test_what_cannot_be_stored_is_not_acknowledged_and_comes_again(house: House) -> None:
    connection = await house.linked()
    house.stored.failures = [ValueError("a bug")]
    message = Inbound(inbound())
    assert not await connection.emit(message)
    await eventually(lambda: connection.calls.count(("connect",)) == 2, "not reconnected")
    await house.until(lambda row: row.status == "open")
    assert "not_stored" in [event.payload["reason"] for event in await house.events()]
    assert await connection.emit(message)
    assert [kind for kind, _ in house.stored.taken] == ["message"]


async def test_an_outage_costs_no_message_its_content_however_long_it_lasts(house: House) -> None:
    """A placeholder takes the place of what cannot be handled, and never of what could not be stored for a while."""

    async def at_once(_: float) -> None:
        pass

    house.stored.failures.extend([OUTAGE] * 5 * (MAX_DELIVERIES + 1))
    await house.create()
    intake = Intake("shop", house.directory, house.stored, sleep=at_once)
    message = Inbound(inbound())
    for _ in range(MAX_DELIVERIES + 1):
        with pytest.raises(NotStoredError):
            await intake.take(message)
    assert house.stored.taken == []
    await intake.take(message)
    assert [kind for kind, _ in house.stored.taken] == ["message"]


async def test_what_still_comes_over_a_connection_that_is_given_up_is_refused(house: House) -> None:
    """Another process may hold the number by then, and WhatsApp delivers it there."""
    connection = await house.linked()
    worker = house.gateway._workers["shop"]
    worker.lose()
    await eventually(lambda: connection.closed)
    with pytest.raises(SessionGoneError):
        await connection._handler(Inbound(inbound()))
    assert house.stored.taken == []


async def test_one_message_that_cannot_be_handled_does_not_block_the_number_for_ever(house: House) -> None:
    connection = await house.linked()
    other, message = Inbound(inbound()), Inbound(inbound())
    for each, failures in ((other, 2), (message, 3)):  # each is counted by itself
        house.stored.failures = [ValueError("a bug")] * failures
        assert [await connection.emit(each) for _ in range(3)] == [False, False, True]
    [(_, (_, handled)), (kind, (_, stored, reason))] = house.stored.taken
    assert handled == other.message
    assert (kind, stored, reason) == ("undecryptable", message.message, "not_storable")


async def test_typing_that_cannot_be_noted_disturbs_nothing(house: House) -> None:
    connection = await house.linked()
    house.stored.failures = [ValueError("a bug")]
    assert await connection.emit(ContactTyping("a@lid", "a@lid", typing=True))


async def test_nothing_is_taken_for_a_number_that_was_deleted(house: House) -> None:
    connection = await house.linked()
    async with house.database.write() as db:
        await db.orm.delete(await db.orm.get_one(_model(), (await house.row()).id))
    await house.directory.forget("shop")
    assert not await connection.emit(Inbound(inbound()))
    assert house.stored.taken == []
    await eventually(lambda: connection.closed, "the socket of a deleted number stayed open")


def _model() -> type:
    from prosa.sessions.models import WhatsAppSession

    return WhatsAppSession


async def test_an_illegal_move_is_dropped(house: House) -> None:
    connection = await house.linked()
    before = len(await house.events())
    from prosa.whatsapp.engine import QrCode

    await connection.emit(QrCode("2@odd", 20))
    await connection.emit(Opened(connection.jid or "", "120@lid", "New name"))
    row = await house.until(lambda row: row.push_name == "New name")
    assert row.qr is None
    assert len(await house.events()) == before + 1


async def test_a_logout_while_the_socket_reports_more(house: House) -> None:
    connection = await house.linked()
    connection.give(LoggedOut("device_removed"))
    connection.give(Closed("closed"))
    row = await house.until(lambda row: row.lease_owner is None)
    assert row.status == "logged_out"
    assert (await house.statuses())[-1] == "logged_out"
