"""The inbox of a session by itself: what waits for what, and what a failure refuses."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from tests.whatsapp.harness import Recorder, until

from prosa.whatsapp.engine import Closed, EngineEvent, Inbound, LidMapped
from prosa.whatsapp.inbox import LIMIT, NOT_STORED, Inbox, RawEvent
from prosa.whatsapp.link import Link
from prosa.whatsapp.stream import FrameStream

ANA, BIA, CAU = "1001@lid", "1002@lid", "1003@lid"
PHONE = "5511988887777@s.whatsapp.net"


class Bridge:
    """Prosa's end of a stream: keeps what is written and answers requests at once."""

    def __init__(self) -> None:
        self.link = Link(cast("FrameStream", self), lambda *_: None)
        self.acks: list[tuple[int, bool]] = []
        self.asked: list[str] = []
        self.says_no = False

    def write(self, frame: dict[str, Any]) -> None:
        if "method" in frame:
            self.asked.append(frame["method"])
            answer: dict[str, Any] = (
                {"error": {"code": "internal", "message": "no"}} if self.says_no else {"result": {}}
            )
            asyncio.get_running_loop().call_soon(self.link._take, {"id": frame["id"], **answer})
        else:
            self.acks += [(seq, frame["ok"]) for seq in frame.get("acks", [frame.get("ack")])]

    async def flush(self) -> None:
        pass


class Shop(Recorder):
    """A handler that holds messages up until it is told their names, and cannot store some."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.begun: list[str] = []
        self.broken: set[str] = set()
        self._gates: dict[str, asyncio.Event] = {}
        self.inbox = Inbox("s1", self, bridge.link)

    def gate(self, wa_id: str) -> asyncio.Event:
        return self._gates.setdefault(wa_id, asyncio.Event())

    def put(self, *messages: tuple[int, str, str]) -> None:
        """Let messages come: seq, which is also the id; chat; the chat's other form."""
        for seq, chat, alt in messages:
            info = {"id": f"M{seq}", "chat": chat, "sender": chat, "sender_alt": alt, "timestamp": 1_700_000_000_000}
            self.inbox.put(RawEvent("message", seq, {"info": info, "message": {"conversation": "oi"}}))

    def release(self, *wa_ids: str) -> None:
        for wa_id in wa_ids:
            self.gate(wa_id).set()

    async def __call__(self, event: EngineEvent) -> None:
        if isinstance(event, Inbound):
            wa_id = event.message.wa_id
            self.begun.append(wa_id)
            await self.gate(wa_id).wait()
            if wa_id in self.broken:
                raise OSError("disk full")
        await super().__call__(event)


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


@pytest.fixture
async def shop(bridge: Bridge) -> AsyncIterator[Shop]:
    made = Shop(bridge)
    yield made
    made.inbox.cancel()


async def test_messages_of_different_chats_are_stored_side_by_side(bridge: Bridge, shop: Shop) -> None:
    shop.put((1, ANA, ""), (2, BIA, ""), (3, CAU, ""))
    await until(lambda: shop.begun == ["M1", "M2", "M3"])
    shop.release("M2")
    await until(lambda: bridge.acks == [(2, True)])
    shop.release("M1", "M3")
    await until(lambda: sorted(bridge.acks) == [(1, True), (2, True), (3, True)])


async def test_messages_of_a_chat_are_stored_in_order_by_whatever_address_they_come(bridge: Bridge, shop: Shop) -> None:
    shop.put((1, PHONE, ANA), (2, ANA, PHONE), (3, BIA, ""), (4, ANA, ""))
    await until(lambda: shop.begun == ["M1", "M3"])
    shop.release("M2", "M4")
    await asyncio.sleep(0.02)
    assert shop.begun == ["M1", "M3"], "what follows in a chat did not wait"
    shop.release("M1", "M3")
    await until(lambda: len(bridge.acks) == 4)
    assert [seq for seq, _ in bridge.acks if seq != 3] == [1, 2, 4]


async def test_other_events_wait_for_the_messages_before_them_and_hold_up_those_after(
    bridge: Bridge, shop: Shop
) -> None:
    shop.put((1, ANA, ""), (2, BIA, ""))
    shop.inbox.put(RawEvent("lid_mapping", None, {"lid": CAU, "pn": PHONE}))
    shop.put((3, PHONE, ""))
    shop.release("M1", "M3")
    await until(lambda: bridge.acks == [(1, True)])
    assert shop.begun == ["M1", "M2"]
    assert not shop.of(LidMapped)
    shop.release("M2")
    await until(lambda: len(bridge.acks) == 3)
    assert [type(event) for event in shop.events] == [Inbound, Inbound, LidMapped, Inbound]


async def test_a_message_that_cannot_be_stored_refuses_what_follows_in_its_chat_and_what_waits(
    bridge: Bridge, shop: Shop
) -> None:
    shop.broken = {"M1"}
    shop.put((1, ANA, ""), (2, BIA, ""), (3, ANA, ""))
    await until(lambda: shop.begun == ["M1", "M2"])
    shop.put((4, CAU, ""))  # waits: those before are in hand
    shop.release("M1", "M2", "M3", "M4")
    await until(lambda: bool(shop.of(Closed)))
    assert sorted(bridge.acks) == [(1, False), (2, True), (3, False), (4, False)]
    assert shop.begun == ["M1", "M2"]
    assert shop.of(Closed)[0].reason == NOT_STORED
    assert bridge.asked == ["disconnect"]
    shop.broken.clear()
    shop.put((5, ANA, ""))
    shop.release("M5")
    await until(lambda: bridge.acks[-1] == (5, True))


async def test_what_is_in_hand_is_finished_when_the_session_ends(bridge: Bridge, shop: Shop) -> None:
    shop.put((1, ANA, ""), (2, BIA, ""))
    await until(lambda: len(shop.begun) == 2)
    shop.put((3, CAU, ""))
    settling = asyncio.create_task(shop.inbox.settle(5))
    await asyncio.sleep(0.01)
    assert not settling.done()
    shop.release("M1", "M2")
    await settling
    await until(lambda: sorted(bridge.acks) == [(1, True), (2, True)])
    assert shop.begun == ["M1", "M2"]


async def test_a_message_is_answered_as_stored_only_when_it_is_also_where_the_session_ends(
    bridge: Bridge, shop: Shop
) -> None:
    shop.put((1, ANA, ""), (2, ANA, ""), (3, BIA, ""), (4, ANA, ""))
    await until(lambda: shop.begun == ["M1", "M3"])
    settling = asyncio.create_task(shop.inbox.settle(5))
    await asyncio.sleep(0.01)
    shop.broken = {"M2"}
    shop.release("M1", "M2", "M3", "M4")
    await settling
    await until(lambda: {seq for seq, stored in bridge.acks if stored} == {1, 3})
    stored = [event.message.wa_id for event in shop.of(Inbound)]
    assert sorted(stored) == ["M1", "M3"]
    assert shop.begun == ["M1", "M3", "M2"]


async def test_a_message_is_not_dropped_however_much_waits_before_it(bridge: Bridge, shop: Shop) -> None:
    shop.put((1, ANA, ""))
    await until(lambda: shop.begun == ["M1"])
    for _ in range(LIMIT + 5):
        shop.inbox.put(RawEvent("lid_mapping", None, {"lid": CAU, "pn": PHONE}))
    shop.put((2, ANA, ""))
    shop.release("M1", "M2")
    await until(lambda: bridge.acks == [(1, True), (2, True)])
    assert len(shop.of(LidMapped)) == LIMIT


async def test_a_session_that_cannot_be_disconnected_stores_again_what_comes(bridge: Bridge, shop: Shop) -> None:
    bridge.says_no = True
    shop.broken = {"M1"}
    shop.put((1, ANA, ""), (2, BIA, ""))
    shop.release("M1", "M2", "M3")
    await until(lambda: bool(shop.of(Closed)))
    assert bridge.asked == ["disconnect"]
    shop.put((3, ANA, ""))
    await until(lambda: sorted(bridge.acks) == [(1, False), (2, True), (3, True)])


async def test_messages_that_are_cancelled_in_hand_are_not_answered(bridge: Bridge, shop: Shop) -> None:
    shop.put((1, ANA, ""), (2, BIA, ""), (3, ANA, ""))
    await until(lambda: shop.begun == ["M1", "M2"])
    shop.release("M2")
    await until(lambda: bridge.acks == [(2, True)])
    shop.inbox.cancel()
    shop.release("M1", "M3")
    await asyncio.sleep(0.02)
    assert bridge.acks == [(2, True)]
    assert shop.begun == ["M1", "M2"]
