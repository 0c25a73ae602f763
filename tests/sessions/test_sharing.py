"""Several processes on one database: each holds its part of the numbers, and what another leaves lying."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update
from tests.fixtures.fake_engine import FakeConnection, FakeEngine
from tests.sessions.conftest import House, eventually, running

from prosa.clock import utc_now
from prosa.ids import new_id
from prosa.sessions import sharing, tenure
from prosa.sessions.gateway import Gateway
from prosa.sessions.models import GatewayProcess
from prosa.sessions.repository import TABLE
from prosa.sessions.sharing import Sharing, part
from prosa.whatsapp.engine import EngineError, EngineErrorCode


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "SETTLE_SECONDS", 1.0)
    monkeypatch.setattr(tenure, "LEFT_LYING", timedelta(seconds=0.5))


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def add_numbers(house: House, count: int) -> None:
    """Make linked numbers that are to be online, for whoever takes them."""
    now = utc_now()
    jids = [f"55119999{place:05}:1@s.whatsapp.net" for place in range(count)]
    house.engine.devices.update(jids)
    async with house.database.write() as db:
        for place, jid in enumerate(jids):
            row = {"id": new_id(), "session_id": f"shop-{place}", "user_id": house.caller.user_id, "jid": jid}
            await db.execute(insert(TABLE).values(**row, status="closed", wanted=True, due_at=now))


async def begin(house: House, stack: AsyncExitStack, owner: str, *, processes: int = 1) -> Gateway:
    """Start a gateway as that of a process of its own."""
    engine = FakeEngine(devices=house.engine.devices)
    gateway = house.make_gateway(owner=f"here:{owner}:x.numbers", engine=engine, processes=processes)
    await stack.enter_async_context(running(gateway))
    return gateway


async def held(house: House) -> Counter[str]:
    async with house.database.read() as db:
        owners = (await db.execute(select(TABLE.c.lease_owner).where(TABLE.c.wanted.is_(True)))).scalars()
        return Counter(owner.split(":")[1] if owner else "nobody" for owner in owners)


async def until_held(house: House, **wanted: int) -> None:
    found: Counter[str] = Counter()
    try:
        async with asyncio.timeout(30):
            while found != wanted:
                await asyncio.sleep(0.02)
                found = await held(house)
    except TimeoutError:
        raise AssertionError(f"held as {found}, not {wanted}") from None


@pytest.mark.parametrize(
    ("numbers", "processes", "each"), [(0, 2, 0), (1, 2, 1), (4, 2, 2), (5, 2, 3), (5, 0, 5), (7, 3, 3)]
)
def test_a_part_is_rounded_up(numbers: int, processes: int, each: int) -> None:
    assert part(numbers, processes) == each


async def test_those_that_start_together_take_no_more_than_their_part(
    quiet_house: House, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenure, "LEFT_LYING", timedelta(seconds=0.1))
    house = quiet_house
    await add_numbers(house, 5)
    await begin(house, stack, "first", processes=2)
    await until_held(house, first=3, nobody=2)
    await asyncio.sleep(0.3)  # it looks several times, and leaves lying what the other has no time to take
    await until_held(house, first=3, nobody=2)
    await begin(house, stack, "second", processes=2)
    await until_held(house, first=3, second=2)
    await eventually(lambda: len(house.online) == 5)
    await asyncio.sleep(1.2)
    assert sorted(house.online) == [f"shop-{place}" for place in range(5)], "none went to and fro"


async def test_one_that_was_to_come_and_did_not_is_not_waited_for(quiet_house: House, stack: AsyncExitStack) -> None:
    await add_numbers(quiet_house, 4)
    await begin(quiet_house, stack, "first", processes=2)
    await until_held(quiet_house, first=2, nobody=2)
    await until_held(quiet_house, first=4)


async def test_one_that_joins_is_given_its_part_once_it_has_stayed(quiet_house: House, stack: AsyncExitStack) -> None:
    house = quiet_house
    await add_numbers(house, 6)
    first = await begin(house, stack, "first")
    await until_held(house, first=6)
    assert first.held_beside_others() is None
    joined = asyncio.get_running_loop().time()
    second = await begin(house, stack, "second")
    await until_held(house, first=3, second=3)
    assert asyncio.get_running_loop().time() >= joined + 0.9
    await eventually(lambda: len(house.online) == 6 + 3)
    assert sorted(Counter(house.online).values()) == [1, 1, 1, 2, 2, 2]
    beside = [first.held_beside_others(), second.held_beside_others()]
    assert [len(names or []) for names in beside] == [3, 3]
    # a third one makes it two each; when it goes, the others take its numbers at once
    third = await begin(house, stack, "third")
    await until_held(house, first=2, second=2, third=2)
    await third.stop()
    await until_held(house, first=3, second=3)
    await second.stop()
    await until_held(house, first=6)


async def test_numbers_are_handed_over_a_few_at_a_time(
    quiet_house: House, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, closing, most = FakeConnection.close, 0, 0

    async def slow(connection: FakeConnection) -> None:
        nonlocal closing, most
        closing += 1
        most = max(most, closing)
        await asyncio.sleep(0.4)  # longer than until the next look
        closing -= 1
        await close(connection)

    monkeypatch.setattr("prosa.sessions.handover.AT_ONCE", 2)
    monkeypatch.setattr(FakeConnection, "close", slow)
    house = quiet_house
    await add_numbers(house, 8)
    await begin(house, stack, "first")
    await eventually(lambda: len(house.online) == 8)
    await begin(house, stack, "second")
    await until_held(house, first=4, second=4)
    assert most == 2


async def test_a_number_whose_socket_may_still_be_open_is_not_handed_over(
    quiet_house: House, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()

    async def refuse(_: FakeConnection) -> None:
        refused.set()
        raise EngineError(EngineErrorCode.TIMEOUT, "no answer")

    house = quiet_house
    await add_numbers(house, 2)
    await begin(house, stack, "first")
    await eventually(lambda: len(house.online) == 2)
    monkeypatch.setattr(FakeConnection, "close", refuse)
    await begin(house, stack, "second")
    await refused.wait()
    await asyncio.sleep(0.5)  # the other one looks several times
    assert await held(house) == {"first": 2}


async def test_what_another_leaves_lying_is_taken(quiet_house: House, stack: AsyncExitStack) -> None:
    house = quiet_house
    frozen = Sharing(house.database, "here:frozen:x.numbers", lease_seconds=60)
    await frozen.announce()
    await begin(house, stack, "first")
    await asyncio.sleep(1.2)
    await add_numbers(house, 4)
    await until_held(house, first=2, nobody=2)
    await until_held(house, first=4)


async def test_a_number_being_linked_is_not_handed_over(quiet_house: House, stack: AsyncExitStack) -> None:
    house = quiet_house
    await begin(house, stack, "first")
    for name in ("one", "two"):
        await house.create(name)
        await house.connect(name)
    await house.until(lambda row: row.status == "qr", "two")
    await begin(house, stack, "second")
    await asyncio.sleep(2)
    await until_held(house, first=2)
    assert (await house.row("one")).status == "qr"


async def test_a_process_that_is_gone_is_counted_until_its_lease_ends_and_forgotten_later(
    quiet_house: House,
) -> None:
    database = quiet_house.database
    ours = Sharing(database, "here:first:x.numbers", lease_seconds=60)
    theirs = Sharing(database, "here:second:x.numbers", lease_seconds=60)
    await theirs.announce()
    await ours.announce()
    assert ours.processes == 2
    table = GatewayProcess.__table__
    for ago, rows in ((1, 2), (sharing.FORGET_SECONDS + 1, 1)):
        async with database.write() as db:
            ended = utc_now() - timedelta(seconds=ago)
            await db.execute(
                update(GatewayProcess).where(GatewayProcess.lease_owner.contains("second")).values(lease_until=ended)
            )
        await ours.announce()
        assert ours.processes == 1
        async with database.read() as db:
            assert len((await db.execute(select(table.c.id))).all()) == rows
    # it was only cut off: it is counted again
    await theirs.announce()
    await ours.announce()
    assert ours.processes == 2
