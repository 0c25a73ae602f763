"""A number's socket is held by one process: leases, takeover, restart, stop."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update
from tests.fixtures.fake_engine import FakeEngine
from tests.sessions.conftest import QUICK, House, eventually, running

from prosa.clock import utc_now
from prosa.leases import LeaseLostError
from prosa.sessions.changes import Change
from prosa.sessions.reasons import StatusReason
from prosa.sessions.recorder import Recorder
from prosa.sessions.repository import TABLE
from prosa.sessions.state import SessionStatus
from prosa.sessions.tenure import LeaseTimes, Renewing, Tenure
from prosa.whatsapp.engine import Opened


async def _steal(house: House, owner: str = "other") -> None:
    async with house.database.write() as db:
        await db.execute(update(TABLE).values(lease_owner=owner, lease_until=utc_now() + timedelta(seconds=60)))


async def test_a_number_taken_by_another_process_is_disconnected(house: House) -> None:
    connection = await house.linked()
    await _steal(house)
    await eventually(lambda: connection.closed, "two processes hold one number")
    assert connection.calls.index(("disconnect",)) < connection.calls.index(("close",))
    assert house.gateway.connection("shop") is None
    row = await house.row()
    assert (row.status, row.lease_owner) == ("open", "other")  # the new holder's to write


async def test_a_holder_that_cannot_renew_disconnects_before_its_lease_ends(
    quiet_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = quiet_house
    times = LeaseTimes(lease=1.5, renew=0.2, margin=0.5)
    gateway = house.make_gateway(times=times)
    house.service = house.make_service(gateway)
    async with running(gateway):
        connection = await house.linked()

        async def away(*_: Any, **__: Any) -> None:
            raise ConnectionRefusedError

        monkeypatch.setattr(Tenure, "renew", away)
        monkeypatch.setattr(Tenure, "claim", away)
        await eventually(lambda: connection.closed, "it stayed connected without a lease")
        until = (await house.row()).lease_until
        assert until is not None
        assert utc_now() < until
    assert house.engine.online["shop"] == 0


async def test_a_renewal_that_hangs_is_given_up_in_time(quiet_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = quiet_house
    gateway = house.make_gateway(times=LeaseTimes(lease=1.5, renew=0.2, margin=0.5))
    house.service = house.make_service(gateway)
    async with running(gateway):
        connection = await house.linked()
        submit, frozen = house.database.submit, asyncio.Event()

        async def hang(*arguments: Any, **named: Any) -> Any:
            await frozen.wait()
            return await submit(*arguments, **named)

        monkeypatch.setattr(house.database, "submit", hang)
        await eventually(lambda: connection.closed)
        until = (await house.row()).lease_until
        assert until is not None
        assert utc_now() < until
        monkeypatch.setattr(house.database, "submit", submit)
        frozen.set()
        await eventually(lambda: house.online == ["shop", "shop"], "it did not come back")


async def test_a_short_outage_costs_no_connection(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = await house.linked()
    failures = [ConnectionRefusedError(), ConnectionRefusedError()]
    renew = Tenure.renew

    async def sometimes(self: Tenure, ids: Any, *, before: float) -> Any:
        if failures:
            raise failures.pop(0)
        return await renew(self, ids, before=before)

    monkeypatch.setattr(Tenure, "renew", sometimes)
    old = (await house.row()).lease_until
    assert old is not None
    worker = house.gateway._workers["shop"]
    ends = worker.lease_ends
    await house.until(lambda row: not failures and row.lease_until is not None and row.lease_until > old)
    assert not connection.closed
    assert house.gateway.connection("shop") is connection
    await eventually(lambda: worker.lease_ends > ends)


async def test_a_lease_counts_from_before_it_was_written(quiet_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the database is, this process does not think that it holds a number for longer than others do."""
    submit, loop = quiet_house.database.submit, asyncio.get_running_loop()

    async def slow(*arguments: Any, **named: Any) -> Any:
        result = await submit(*arguments, **named)
        await asyncio.sleep(0.3)
        return result

    monkeypatch.setattr(quiet_house.database, "submit", slow)
    await quiet_house.create()
    tenure = Tenure(quiet_house.database, "me", times=QUICK)
    before = loop.time()
    claimed = await tenure.claim_one("shop")
    assert claimed is not None
    assert claimed.lease_ends - before < QUICK.lease + 0.2
    before = loop.time()
    kept, ends = await tenure.renew({claimed.record.id}, before=before + 60)
    assert kept == {claimed.record.id}
    assert ends - before < QUICK.lease + 0.2


@pytest.mark.parametrize("how", ["taken", "ended"])
async def test_only_who_holds_a_number_writes_to_its_row(quiet_house: House, how: str) -> None:
    house = quiet_house
    await house.create()
    tenure = Tenure(house.database, "me", times=QUICK)
    claimed = await tenure.claim_one("shop")
    assert claimed is not None
    recorder = Recorder(house.database, house.directory, "me")
    change = Change(status=SessionStatus.CONNECTING, reason=StatusReason.PROSA_STOPPED)
    assert (await recorder.record(claimed.record, change)).status_reason == "prosa_stopped"
    past, later = (utc_now() + timedelta(seconds=seconds) for seconds in (-1, 60))
    values = {"lease_owner": "other", "lease_until": later} if how == "taken" else {"lease_until": past}
    async with house.database.write() as db:
        await db.execute(update(TABLE).values(values))
    late = Change(status=SessionStatus.CLOSED, reason=StatusReason.STOPPED)
    opened = Opened("5511999990001:7@s.whatsapp.net", None, None)
    for write in (
        partial(recorder.record, claimed.record, late),
        partial(recorder.opened, claimed.record, opened),
        partial(recorder.finish, claimed.record, late),
        partial(recorder.read, claimed.record.id),
    ):
        with pytest.raises(LeaseLostError):
            await write()
    await tenure.pass_on(claimed.record.id)
    row = await house.row()
    assert (row.status_reason, row.lease_owner) == ("prosa_stopped", values.get("lease_owner"))


async def test_nothing_is_sent_over_a_number_from_the_moment_it_is_given_up(house: House) -> None:
    connection = await house.linked()
    worker = house.gateway._workers["shop"]
    house.gateway._lost([worker.row_id])
    assert not connection.closed, "that takes a while"
    assert house.gateway.connection("shop") is None


async def test_all_leases_are_renewed_in_one_statement(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    renew = Tenure.renew

    async def count(self: Tenure, ids: Any, *, before: float) -> Any:
        seen.append(len(ids))
        return await renew(self, ids, before=before)

    for number in range(4):
        await house.linked(f"shop-{number}")
    monkeypatch.setattr(Tenure, "renew", count)
    await eventually(lambda: len(seen) >= 2)
    assert set(seen) == {4}


async def test_two_gateways_share_numbers_and_one_takes_over_from_a_dead_one(quiet_house: House) -> None:
    house = quiet_house
    for number in range(6):
        await house.create(f"shop-{number}")
        house.engine.devices.add(f"55119999000{number}:1@s.whatsapp.net")
        async with house.database.write() as db:
            await db.execute(
                update(TABLE)
                .where(TABLE.c.session_id == f"shop-{number}")
                .values(wanted=True, due_at=utc_now(), jid=f"55119999000{number}:1@s.whatsapp.net")
            )
    times = LeaseTimes(lease=2.0, renew=0.3, margin=0.5)
    first = house.make_gateway(times=times, owner="first")
    second = house.make_gateway(times=times, owner="second", engine=FakeEngine(devices=house.engine.devices))
    await first.start()
    await second.start()
    for number in range(6):
        await house.until(lambda row: row.status == "open", f"shop-{number}")
    held_by_first = [n for n in range(6) if first.connection(f"shop-{n}")]
    held_by_second = [n for n in range(6) if second.connection(f"shop-{n}")]
    assert sorted(held_by_first + held_by_second) == list(range(6))

    for loop in first._loops:  # it dies: nothing is renewed, nothing given back
        loop.cancel()
    for number in held_by_first:
        await house.until(lambda row: row.lease_owner == "second" and row.status == "open", f"shop-{number}")
    await eventually(lambda: all(second.connection(f"shop-{n}") for n in range(6)))
    await second.stop()
    await first.stop()


async def test_numbers_come_back_after_a_restart(quiet_house: House) -> None:
    house = quiet_house
    async with running(house.gateway):
        await house.linked("one")
        await house.linked("two")
        await house.create("linking")
        await house.connect("linking")
        await house.linked("stopped")
        await house.service.stop(house.caller, "stopped")
    for name in ("one", "two", "linking"):
        row = await house.row(name)
        assert (row.status, row.status_reason, row.wanted, row.qr) == ("closed", "prosa_stopped", True, None)
        assert row.lease_owner is None
    assert house.engine.sessions == {}
    async with running(house.make_gateway()):
        await house.until(lambda row: row.status == "open", "one")
        await house.until(lambda row: row.status == "open", "two")
        await house.until(lambda row: row.status == "qr", "linking")
        assert (await house.row("stopped")).status_reason == "stopped"
        assert house.gateway.connection("stopped") is None


async def test_numbers_come_back_after_a_crash(quiet_house: House) -> None:
    """The row says open, and the lease is a dead process's."""
    house = quiet_house
    async with running(house.gateway):
        connection = await house.linked()
    async with house.database.write() as db:
        await db.execute(
            update(TABLE).values(status="open", lease_owner="dead", lease_until=utc_now() + timedelta(seconds=0.5))
        )
    async with running(house.make_gateway()):
        await eventually(lambda: len(house.online) == 2)
        row = await house.row()
        assert (row.status, row.lease_owner) != ("open", "dead")
    assert house.engine.opened[-1].state.jid == connection.jid


async def test_stopping_is_quick_even_if_the_engine_hangs(quiet_house: House) -> None:
    house = quiet_house
    await house.gateway.start()
    connection = await house.linked()

    async def hang() -> None:
        await asyncio.Event().wait()

    connection.close = hang  # type: ignore[method-assign]
    loop = asyncio.get_running_loop()
    started = loop.time()
    await house.gateway.stop()
    assert loop.time() - started < 8
    row = await house.row()
    assert row.lease_owner == house.gateway.owner, (
        "its socket may be open: nobody takes the number before the lease ends"
    )
    assert row.status == "open"


async def test_the_loop_survives_an_outage_of_the_database(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, failed = Tenure.claim, asyncio.Event()

    async def away(self: Tenure, **_: Any) -> Any:
        failed.set()
        raise ConnectionRefusedError

    monkeypatch.setattr(Tenure, "claim", away)
    await failed.wait()
    await house.create()
    await house.connect(wait=0)
    monkeypatch.setattr(Tenure, "claim", claim)
    await house.until(lambda row: row.status == "qr")


async def test_renewing_gives_up_rows_in_the_margin_only(quiet_house: House) -> None:
    now = asyncio.get_running_loop().time()
    ids = [(await _id(quiet_house, name)) for name in ("near", "far")]
    held, lost = dict(zip(ids, (now + QUICK.margin / 2, now + 100), strict=True)), []
    tenure = Tenure(quiet_house.database, "me", times=QUICK)

    def lose(row_ids: Any) -> None:
        lost.extend(row_ids)
        for row_id in row_ids:
            held.pop(row_id, None)

    renewing = Renewing(tenure, held=lambda: dict(held), kept=lambda *_: None, lost=lose)
    assert await renewing.once()
    assert lost[0] == ids[0]
    assert lost[1:] == [ids[1]]  # it was never claimed: the database says that it is not this holder's


async def _id(house: House, name: str) -> Any:
    await house.create(name)
    return (await house.row(name)).id


async def test_only_so_many_numbers_connect_at_the_same_moment(quiet_house: House) -> None:
    house, busy, most = quiet_house, 0, 0

    async def slow(connection: Any) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.02)
        busy -= 1
        from prosa.whatsapp.engine import QrCode

        connection.give(QrCode("2@x", 60))

    house.engine.on_connect = slow
    for number in range(20):
        await house.create(f"shop-{number}")
        await house.connect(f"shop-{number}", wait=0)
    async with running(house.gateway):
        for number in range(20):
            await house.until(lambda row: row.status == "qr", f"shop-{number}")
    assert 1 < most <= 8


async def test_a_number_that_nobody_holds_is_not_shown_as_open(house: House) -> None:
    connection = await house.linked()
    assert (await house.service.read(house.caller, "shop")).status == "open"
    worker = house.gateway._workers["shop"]
    worker.lease_ends = asyncio.get_running_loop().time() - 0.01  # as in a process that was frozen
    assert connection.connected
    assert house.gateway.connection("shop") is None, "nothing is sent over a number whose lease is over"
    await house.gateway.stop()
    async with house.database.write() as db:  # as after a power cut
        await db.execute(
            update(TABLE).values(status="open", lease_owner="dead", lease_until=utc_now() - timedelta(seconds=11))
        )
    await house.directory.forget("shop")
    shown = await house.service.read(house.caller, "shop")
    assert (shown.status, shown.status_reason) == ("closed", "not_held")
    assert shown.status_detail
