"""A person who is deleted takes their numbers along: each is unlinked at WhatsApp before anything is removed."""

import pytest
from sqlalchemy import select
from tests.fixtures.conversations import add_owner
from tests.fixtures.fake_engine import FakeConnection
from tests.fixtures.people import cheap_passwords
from tests.sessions.conftest import House

from prosa.auth.caller import Caller
from prosa.clock import utc_now
from prosa.errors import NotFoundError, UnavailableError
from prosa.sessions.departures import Departures
from prosa.sessions.models import WhatsAppSession
from prosa.sessions.operations import Operations
from prosa.users.rules import LastOwnerError
from prosa.users.service import UserService
from prosa.whatsapp.engine import Closed


class Household:
    """Bob, who owns the house's numbers, Ana, who may delete him, and what was removed of his."""

    def __init__(self, house: House, ana: Caller) -> None:
        self.house = house
        self.bob = house.caller
        self.ana = ana
        self.removed: list[str] = []
        operations = Operations(house.database, house.directory, house.gateway, house.bus, clock=utc_now)
        self.people = UserService(
            house.database,
            cheap_passwords(),
            belongings=Departures(house.database, house.directory, operations, self._remove),
        )

    async def delete_bob(self) -> None:
        await self.people.delete(self.ana, self.bob.user_id)

    async def numbers(self) -> list[str]:
        async with self.house.database.read() as db:
            return list((await db.execute(select(WhatsAppSession.session_id))).scalars())

    async def _remove(self, session_id: str) -> None:
        self.removed.append(session_id)


@pytest.fixture
async def household(house: House) -> Household:
    return Household(house, await add_owner(house.database, "owner@example.com"))


def unlinked(connection: FakeConnection) -> bool:
    return ("logout",) in connection.calls


async def test_all_their_numbers_are_unlinked_and_nobody_elses(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.sessions.departures.PAGE", 2)  # fewer than there are
    house = household.house
    first, second = await house.linked("shop"), await house.linked("sales")
    await house.create("new")  # never linked
    house.caller = household.ana
    others = await house.linked("ana")
    await household.delete_bob()
    assert (unlinked(first), unlinked(second), unlinked(others)) == (True, True, False)
    assert set(house.engine.sessions) == {"ana"}
    assert sorted(household.removed) == ["new", "sales", "shop"]
    assert await household.numbers() == ["ana"]
    assert await house.directory.get("shop") is None
    with pytest.raises(NotFoundError):
        await household.people.get(household.ana, household.bob.user_id)


async def test_where_one_cannot_be_unlinked_nothing_is_deleted(household: Household) -> None:
    house = household.house
    await house.linked("shop")
    await house.create("new")
    await house.engine.crash()
    with pytest.raises(UnavailableError, match=r"Not unlinked: shop\.") as told:
        await household.delete_bob()
    assert "still here" in told.value.remedy
    assert (await household.people.get(household.ana, household.bob.user_id)).id == household.bob.user_id
    assert sorted(await household.numbers()) == ["new", "shop"]
    assert household.removed == []
    await house.engine.start()
    await house.until(lambda row: row.status == "open", "shop")
    await household.delete_bob()
    assert unlinked(house.engine.opened[-1])
    assert await household.numbers() == []


async def test_one_that_cannot_come_online_does_not_hold_them_back(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: FakeConnection) -> None:
        return

    monkeypatch.setattr("prosa.sessions.farewell.ONLINE_PATIENCE", 0.1)
    house = household.house
    connection = await house.linked("shop")
    house.engine.on_connect = silent
    await connection.emit(Closed("closed"))
    await house.until(lambda row: row.status == "closed", "shop")
    await household.delete_bob()
    assert await household.numbers() == []
    assert house.engine.devices == set()


async def test_numbers_of_a_person_who_may_not_go_stay_linked(household: Household) -> None:
    house = household.house
    connection = await house.linked("shop")
    await household.people.delete(household.bob, household.ana.user_id)
    with pytest.raises(LastOwnerError):
        await household.people.delete(household.bob, household.bob.user_id)
    assert not unlinked(connection)
    assert (await house.row("shop")).status == "open"
