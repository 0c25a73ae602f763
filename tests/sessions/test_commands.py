"""What people ask, at the worst moments."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from tests.fixtures.conversations import add_owner
from tests.fixtures.fake_engine import FakeConnection
from tests.sessions.conftest import House, eventually, running

from prosa.clock import utc_now
from prosa.conversations.models import Conversation
from prosa.errors import NotFoundError, UnavailableError
from prosa.sessions.operations import Operations
from prosa.sessions.recorder import Recorder
from prosa.sessions.schemas import SessionConnect, SessionCreate
from prosa.sessions.tenure import LeaseTimes
from prosa.whatsapp.engine import Closed, EngineError, EngineErrorCode, Opened, QrCode


async def _silent(_: FakeConnection) -> None:
    """WhatsApp says nothing."""


async def test_connecting_twice_is_connecting_once(house: House) -> None:
    await house.create()
    answers = await asyncio.gather(*(house.connect() for _ in range(4)))
    assert {answer.qr for answer in answers} == {"2@code,0"}
    await house.connect()
    assert len(house.engine.opened) == 1
    assert house.engine.opened[0].calls.count(("connect",)) == 1


async def test_connecting_an_open_number_changes_nothing(house: House) -> None:
    connection = await house.linked()
    before = len(await house.events())
    answer = await house.connect()
    assert answer.status == "open"
    assert len(await house.events()) == before
    assert not connection.closed


async def test_another_way_of_linking_replaces_the_first(house: House) -> None:
    await house.create()
    await house.connect()
    answer = await house.connect(method="code", phone="+5511999990001")
    assert (answer.status, answer.qr, answer.pairing_code) == ("pairing", None, "ABCD-1234")
    answer = await house.connect(method="qr")
    assert (answer.status, answer.pairing_code) == ("qr", None)
    assert house.engine.online["shop"] == 1


async def test_a_person_need_not_wait_for_the_backoff(quiet_house: House) -> None:
    from prosa.sessions.reconnect import Backoff

    house = quiet_house
    gateway = house.make_gateway(backoff=lambda: Backoff(lambda low, high: 100.0))
    house.service = house.make_service(gateway)
    async with running(gateway):
        connection = await house.linked()
        house.engine.fail["connect"] = [EngineError(EngineErrorCode.TIMEOUT, "no route")] * 2
        await connection.emit(Closed("closed"))
        await house.until(lambda row: row.status_reason == "connect_failed" and not house.engine.fail["connect"][1:])
        house.engine.fail["connect"] = [EngineError(EngineErrorCode.TIMEOUT, "no route")]  # the waits begin anew
        answer = await house.connect()
        assert answer.status == "open"


async def test_stopping_and_connecting_again(house: House) -> None:
    connection = await house.linked()
    stopped = await house.service.stop(house.caller, "shop")
    assert (stopped.status, stopped.status_reason, stopped.wanted) == ("closed", "stopped", False)
    assert connection.closed
    assert house.gateway.connection("shop") is None
    assert (await house.row()).lease_owner is None
    assert ("logout",) not in connection.calls
    assert (await house.service.stop(house.caller, "shop")).status == "closed"
    answer = await house.connect()
    assert answer.status == "open"
    assert house.engine.opened[-1].state.jid == connection.jid


async def test_stopping_while_linking_forgets_the_code(house: House) -> None:
    await house.create()
    await house.connect()
    stopped = await house.service.stop(house.caller, "shop")
    assert (stopped.status, stopped.qr) == ("closed", None)
    await eventually(lambda: house.engine.sessions == {})


async def test_stopping_while_it_connects(house: House) -> None:
    async def forever(_: FakeConnection) -> None:
        await asyncio.Event().wait()

    house.engine.on_connect = forever
    await house.create()
    await house.connect(wait=0)
    await eventually(lambda: house.engine.sessions)
    await house.service.stop(house.caller, "shop")
    await eventually(lambda: house.engine.sessions == {})
    assert (await house.row()).status == "closed"


async def test_quick_changes_of_mind_end_where_the_last_one_says(house: House) -> None:
    await house.linked()
    for _ in range(5):
        await asyncio.gather(
            house.service.stop(house.caller, "shop"),
            house.connect(wait=0),
            house.service.restart(house.caller, "shop"),
            return_exceptions=False,
        )
    await house.service.stop(house.caller, "shop")
    await eventually(lambda: house.engine.sessions == {})
    await house.connect()
    await house.until(lambda row: row.status == "open")
    assert house.engine.online["shop"] == 1


async def test_a_stop_at_the_very_moment_of_coming_online_is_heard(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await house.linked()
    opened = Recorder.opened

    async def after_a_stop(self: Recorder, *arguments: Any) -> Any:
        monkeypatch.setattr(Recorder, "opened", opened)
        stopping = asyncio.create_task(house.service.stop(house.caller, "shop"))
        await house.until(lambda row: not row.wanted)
        record = await opened(self, *arguments)
        stopped.append(stopping)
        return record

    stopped: list[asyncio.Task[Any]] = []
    monkeypatch.setattr(Recorder, "opened", after_a_stop)
    connection.give(Closed("closed"))
    row = await house.until(lambda row: row.lease_owner is None)
    assert (row.status, row.status_reason, row.wanted) == ("closed", "stopped", False)
    assert house.engine.sessions == {}
    await asyncio.gather(*stopped)


async def test_restarting_opens_a_new_connection(house: House) -> None:
    first = await house.linked()
    answer = await house.service.restart(house.caller, "shop")
    assert answer.status == "connecting"
    await eventually(lambda: first.closed)
    await house.until(lambda row: row.status == "open")
    assert house.engine.sessions["shop"] is not first
    assert house.engine.online["shop"] == 1


async def test_logging_out(house: House) -> None:
    connection = await house.linked()
    answer = await house.service.logout(house.caller, "shop")
    assert (answer.status, answer.status_reason, answer.jid, answer.wanted) == ("logged_out", "logged_out", None, False)
    assert ("logout",) in connection.calls
    assert house.engine.devices == set()
    assert answer.status_detail == "Unlinked. Connect links the number anew."
    again = await house.service.logout(house.caller, "shop")
    assert again.status == "logged_out"
    assert (await house.connect()).status == "qr"


@pytest.mark.parametrize("code", [EngineErrorCode.NOT_LINKED, EngineErrorCode.DEVICE_NOT_FOUND])
async def test_logging_out_what_whatsapp_no_longer_knows(house: House, code: EngineErrorCode) -> None:
    connection = await house.linked()
    connection.fail["logout"] = [EngineError(code, "gone")]
    answer = await house.service.logout(house.caller, "shop")
    assert (answer.status, answer.jid, answer.wanted) == ("logged_out", None, False)


async def test_logging_out_a_stopped_number_tells_the_phone(house: House) -> None:
    await house.linked()
    await house.service.stop(house.caller, "shop")
    answer = await house.service.logout(house.caller, "shop")
    assert answer.status == "logged_out"
    assert answer.status_detail == "Unlinked. Connect links the number anew."
    calls = [call[0] for call in house.engine.opened[-1].calls]
    assert calls.index("connect") < calls.index("logout")
    assert house.online == ["shop"]  # it was online for nobody but itself
    assert (await house.row()).lease_owner is None


async def test_logging_out_a_number_that_cannot_come_online_says_what_is_left_to_do(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.sessions.farewell.ONLINE_PATIENCE", 0.1)
    connection = await house.linked()
    house.engine.on_connect = _silent
    await connection.emit(Closed("closed"))
    await house.until(lambda row: row.status == "closed")
    answer = await house.service.logout(house.caller, "shop")
    assert answer.status == "logged_out"
    assert "on the phone too" in (answer.status_detail or "")
    assert house.engine.devices == set()


async def test_logging_out_while_the_engine_is_down_changes_nothing(house: House) -> None:
    await house.linked()
    await house.engine.crash()
    with pytest.raises(UnavailableError):
        await house.service.logout(house.caller, "shop")
    await house.engine.start()
    row = await house.until(lambda row: row.status == "open")
    assert row.jid is not None


async def test_logging_out_at_the_very_moment_when_a_stop_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = await house.linked()
    finish, worker = Recorder.finish, house.gateway._workers["shop"]
    leaving: list[asyncio.Task[Any]] = []

    async def then_log_out(self: Recorder, *arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(Recorder, "finish", finish)
        result = await finish(self, *arguments, **named)
        leaving.append(asyncio.create_task(house.service.logout(house.caller, "shop")))
        await eventually(lambda: worker._farewell.asked)
        return result

    monkeypatch.setattr(Recorder, "finish", then_log_out)
    await house.service.stop(house.caller, "shop")
    assert (await asyncio.wait_for(leaving[0], 5)).status == "logged_out"
    assert ("logout",) not in connection.calls
    assert ("logout",) in house.engine.opened[-1].calls


async def test_logging_out_while_linking_ends_that(house: House) -> None:
    await house.create()
    await house.connect()
    answer = await house.service.logout(house.caller, "shop")
    assert (answer.status, answer.qr, answer.wanted) == ("logged_out", None, False)
    assert house.engine.sessions == {}


@pytest.mark.parametrize("taken", ["before", "meanwhile"])
async def test_logging_out_a_number_that_another_process_holds(house: House, taken: str) -> None:
    from tests.sessions.test_leases_of_numbers import _steal

    connection = await house.linked()
    due_at = (await house.row()).due_at
    if taken == "before":
        await _steal(house)
        await eventually(lambda: connection.closed)
    house.engine.on_connect = _silent
    connection.give(Closed("closed"))
    leaving = asyncio.create_task(house.service.logout(house.caller, "shop"))
    if taken == "meanwhile":  # while the number is given time to come online
        await eventually(lambda: house.gateway._workers["shop"]._farewell.asked)
        await _steal(house)
    with pytest.raises(UnavailableError, match="Another process"):
        await asyncio.wait_for(leaving, 5)
    assert (await house.row()).due_at == due_at, "the other process would take it for a request to connect anew"


async def test_connecting_while_logging_out_links_anew(house: House) -> None:
    connection = await house.linked()
    logout, allowed = connection.logout, asyncio.Event()

    async def slow() -> None:
        await allowed.wait()
        await logout()

    connection.logout = slow  # type: ignore[method-assign]
    leaving = asyncio.create_task(house.service.logout(house.caller, "shop"))
    await asyncio.sleep(0.05)
    await house.service.restart(house.caller, "shop")
    allowed.set()
    await leaving
    row = await house.until(lambda row: row.status == "qr")
    assert (row.jid, row.wanted) == (None, True)


async def test_deleting_removes_everything(house: House) -> None:
    removed: list[str] = []

    async def remove(session_id: str) -> None:
        removed.append(session_id)

    service = house.make_service(house.gateway, on_deleted=remove)
    connection = await house.linked()
    async with house.database.write() as db:
        db.orm.add(Conversation(session_id="shop", contact_jid="5511@s.whatsapp.net"))
    await service.delete(house.caller, "shop")
    assert ("logout",) in connection.calls
    assert house.engine.sessions == {}
    assert removed == ["shop"]
    assert await house.directory.get("shop") is None
    async with house.database.read() as reading:
        assert (await reading.execute(select(Conversation.id))).all() == []
    [last] = await house.events()  # what was told of it before is forgotten
    assert (last.payload["status"], last.payload["reason"]) == ("logged_out", "deleted")
    with pytest.raises(NotFoundError):
        await service.read(house.caller, "shop")
    await house.create()  # the name is free again
    assert (await house.connect()).status == "qr"


async def test_deleting_while_linking(house: House) -> None:
    await house.create()
    await house.connect()
    connection = house.engine.sessions["shop"]
    await asyncio.gather(house.service.delete(house.caller, "shop"), _report(connection))
    assert await house.directory.get("shop") is None
    await eventually(lambda: house.engine.sessions == {}, "a deleted number is still being linked")
    assert house.gateway.connection("shop") is None


async def test_a_number_removed_while_it_shows_its_code_hangs_up_and_frees_its_name_at_once(quiet_house: House) -> None:
    house = quiet_house
    gateway = house.make_gateway(times=LeaseTimes(lease=60, renew=30, margin=1), poll_seconds=30)
    house.service = house.make_service(gateway)
    async with running(gateway):
        await house.create()
        await house.connect()
        connection = house.engine.sessions["shop"]
        close = connection.close

        async def slow() -> None:
            await asyncio.sleep(0.3)
            await close()

        connection.close = slow  # type: ignore[method-assign]
        await house.service.delete(house.caller, "shop", unused=True)
        await house.create()  # the same name, while the old number hangs up
        assert (await house.connect()).status == "qr"
        assert connection.closed
        await house.service.delete(house.caller, "shop", unused=True)
        await eventually(lambda: house.engine.sessions == {}, "its code can still be scanned")


async def _report(connection: FakeConnection) -> None:
    for number in range(10):
        connection.give(QrCode(f"2@late,{number}", 20))
        await asyncio.sleep(0)


async def test_deleting_while_the_engine_is_down_removes_nothing(house: House) -> None:
    await house.linked()
    await house.engine.crash()
    with pytest.raises(UnavailableError):
        await house.service.delete(house.caller, "shop")
    assert (await house.row()).jid is not None


async def test_a_number_never_connected_is_deleted_without_the_engine(quiet_house: House) -> None:
    await quiet_house.create()
    await quiet_house.service.delete(quiet_house.caller, "shop")
    assert await quiet_house.directory.get("shop") is None


async def test_what_was_asked_of_a_number_is_not_done_to_its_namesake(quiet_house: House) -> None:
    house = quiet_house
    await house.create()
    operations = Operations(house.database, house.directory, house.gateway, house.bus, clock=utc_now)
    record = await house.service.record(house.caller, "shop")
    await house.service.delete(house.caller, "shop")
    house.caller = await add_owner(house.database, "bob@example.com")
    await house.create()
    for ask in (operations.connect(record, SessionConnect(), wait_seconds=0), operations.restart(record)):
        with pytest.raises(NotFoundError):
            await ask
    assert not (await house.row()).wanted


async def test_waiting_for_a_code_ends_when_the_time_is_up(house: House) -> None:
    house.engine.on_connect = _silent
    await house.create()
    loop = asyncio.get_running_loop()
    started = loop.time()
    answer = await house.connect(wait=0.3)
    assert answer.status == "connecting"
    assert 0.25 < loop.time() - started < 10


async def test_a_bug_in_a_worker_does_not_silence_its_number(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from prosa.sessions.worker import Worker

    connection = await house.linked()
    opened, failures = Worker._opened, [RuntimeError("a bug")]

    async def fail_once(self: Worker, event: Any) -> None:
        if failures:
            raise failures.pop()
        await opened(self, event)

    monkeypatch.setattr(Worker, "_opened", fail_once)
    await connection.emit(Opened(connection.jid or "", None, "After"))
    await eventually(lambda: len(house.online) == 2)
    assert (await house.until(lambda row: row.status == "open")).status_reason is None


async def test_names_are_made_up_where_none_is_chosen(quiet_house: House) -> None:
    first = await quiet_house.service.create(quiet_house.caller, SessionCreate())
    named = await quiet_house.service.create(quiet_house.caller, SessionCreate(name="Loja São José"))
    assert first.session_id.count("-") == 2
    assert named.session_id.startswith("loja-sao-jose-")
    assert named.name == "Loja São José"
