"""Numbers show as online while their owner watches: only the owner's, only where the settings let them."""

import asyncio
import uuid
from dataclasses import dataclass, field

import pytest
from tests.fixtures.fake_engine import FakeConnection, FakeEngine
from tests.fixtures.sending import until

from prosa.events.bus import Bus
from prosa.sessions.appearance import WATCH_SECONDS, Appearance
from prosa.sessions.facts import SessionFacts
from prosa.sessions.settings import SessionSettings
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.engine import Connection, EngineError, EngineErrorCode, EngineEvent

ME, OTHER = uuid.uuid4(), uuid.uuid4()


@dataclass
class House:
    """Three numbers that are online, and a clock."""

    connections: dict[str, FakeConnection] = field(default_factory=dict)
    settings: SessionSettings = field(default_factory=SessionSettings)
    now: float = 0.0

    def connection(self, session_id: str) -> Connection | None:
        return self.connections.get(session_id)

    async def get(self, session_id: str) -> SessionFacts | None:
        user = OTHER if session_id == "other" else ME
        return SessionFacts(session_id, user, SessionStatus.OPEN, "1:1@s.whatsapp.net", None, self.settings)

    def shown(self, session_id: str) -> list[object]:
        return [call[1] for call in self.connections[session_id].calls if call[0] == "set_presence"]


async def _ignore(_: EngineEvent) -> None:
    pass


@pytest.fixture
async def house() -> House:
    engine = FakeEngine()
    house = House()
    for name in ("shop", "bakery", "other"):
        connection = await engine.open(name, _ignore, device_jid=None)
        assert isinstance(connection, FakeConnection)
        house.connections[name] = connection
    return house


def appearance_of(house: House, bus: Bus) -> Appearance:
    appearance = Appearance(bus, house, house, monotonic=lambda: house.now)
    for name in house.connections:
        appearance.opened(name)
    return appearance


async def test_numbers_are_online_while_their_owner_watches(house: House, bus: Bus) -> None:
    appearance = appearance_of(house, bus)
    await appearance.look()
    bus.tell("watching", {"user_id": str(ME)})
    house.connections["bakery"].fail["set_presence"] = [EngineError(EngineErrorCode.NOT_READY, "no push name yet")]
    await appearance.look()
    assert (house.shown("shop"), house.shown("other")) == ([True], [])
    await appearance.look()  # what was refused is tried again, what was said is not said again
    assert (house.shown("shop"), house.shown("bakery")[-1:]) == ([True], [True])
    appearance.opened("shop")  # it lost its connection and came back: WhatsApp has forgotten
    await appearance.look()
    assert house.shown("shop") == [True, True]
    house.now = WATCH_SECONDS / 2
    bus.tell("watching", {"user_id": str(ME)})  # still there
    house.now = WATCH_SECONDS + 1
    await appearance.look()
    assert house.shown("shop") == [True, True]
    house.now = 2 * WATCH_SECONDS
    await appearance.look()
    await appearance.look()
    assert (house.shown("shop"), house.shown("other")) == ([True, True, False], [])


async def test_an_outage_of_the_database_does_not_leave_numbers_as_they_are_for_ever(
    house: House, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.sessions.appearance.LOOK_SECONDS", 0.05)
    appearance, get, failed = appearance_of(house, bus), house.get, asyncio.Event()

    async def away(_: str) -> SessionFacts | None:
        failed.set()
        raise ConnectionRefusedError

    monkeypatch.setattr(house, "get", away)
    await appearance.start()
    bus.tell("watching", {"user_id": str(ME)})
    await failed.wait()
    monkeypatch.setattr(house, "get", get)

    async def shown(*what: bool) -> bool:
        return house.shown("shop") == list(what)

    await until(lambda: shown(True))
    house.now = WATCH_SECONDS + 1
    await until(lambda: shown(True, False))
    await appearance.stop()


async def test_a_number_that_hides_stays_hidden(house: House, bus: Bus) -> None:
    house.settings = SessionSettings.model_validate({"sending": {"show_online": False}})
    appearance = appearance_of(house, bus)
    bus.tell("watching", {"user_id": str(ME)})
    await appearance.look()
    assert house.shown("shop") == []


async def test_who_watches_some_numbers_shows_these_only(house: House, bus: Bus) -> None:
    appearance = appearance_of(house, bus)
    bus.tell("watching", {"user_id": str(ME), "sessions": ["shop", "other"]})
    await appearance.look()
    assert (house.shown("shop"), house.shown("bakery"), house.shown("other")) == ([True], [], [])
    bus.tell("watching", {"user_id": str(ME), "sessions": []})
    bus.tell("watching", {"user_id": str(OTHER), "sessions": ["bakery"]})
    await appearance.look()
    assert (house.shown("bakery"), house.shown("other")) == ([], [])
    house.now += WATCH_SECONDS / 2
    bus.tell("watching", {"user_id": str(ME)})
    await appearance.look()
    assert (house.shown("shop"), house.shown("bakery")) == ([True], [True])
    house.now += WATCH_SECONDS
    await appearance.look()
    assert (house.shown("shop"), house.shown("bakery")) == ([True, False], [True, False])
