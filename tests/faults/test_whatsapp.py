"""WhatsApp at its worst, as the owner of a number sees it."""

import asyncio

import pytest
from tests.faults.conftest import inside
from tests.flows.conftest import ANA, SHOP

from prosa_simulator.product.world import World


@pytest.mark.usefixtures("hasty")
async def test_the_owner_sees_why_a_number_is_offline_and_it_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.sessions.reconnect.BAN_MARGIN", 0.1)
    monkeypatch.setattr("prosa.sessions.reconnect.REPLACED_WAIT", 0.5)
    monkeypatch.setattr("prosa.sessions.worker.PARK_SECONDS", 1.0)  # so that a ban's end is kept in the row
    network = world.network
    async with inside(world, ai_timeout_seconds=5) as stage:
        await stage.link(ai_enabled=False)
        ana = await stage.ana()

        network.faults.ban(SHOP, code=101, expire=3)
        banned = await stage.shown(status="closed", status_reason="banned")
        assert "banned the account for a time" in banned["status_detail"]
        assert banned["wanted"]
        await stage.api.post("/sessions/shop/messages", {"to": f"+{ANA}", "text": "after the ban"})
        network.faults.clear(SHOP)
        await stage.shown(status="open")
        await ana.wait_for("after the ban", 30)

        network.faults.replaced(SHOP)
        replaced = await stage.shown(status="closed", status_reason="stream_replaced")
        assert "Another program" in replaced["status_detail"]
        await stage.shown(status="open")

        network.faults.refuse_login(503, phone=SHOP, times=2)
        network.faults.stream_error(503, phone=SHOP)
        await stage.events.wait("session.status", lambda e: e["payload"]["reason"] == "disconnected")
        await stage.shown(status="open")

        network.faults.withhold_acks(SHOP, times=1)
        network.faults.refuse_messages(463, SHOP, times=1)
        for text in ("refused", "not confirmed", "next"):
            await stage.api.post("/sessions/shop/messages", {"to": f"+{ANA}", "text": text})
        network.faults.drop(SHOP)
        await ana.wait_for("next", 60)
        await asyncio.sleep(0.5)
        shown = [message.body for message in ana.received]
        assert sorted(shown[1:]) == ["next", "not confirmed"], "in order, and once"
        failed = await stage.events.wait("message.status", lambda e: e["payload"]["status"] == "failed")
        assert failed["payload"]["error"].startswith("rejected: ")
        assert "463" in failed["payload"]["error"]

        restarting = asyncio.create_task(network.restart(pause=0.5))
        await stage.shown(status="closed")
        await restarting
        await stage.shown(status="open")
        await ana.wait_until(lambda: ana.online, 30)
        await ana.send_text(SHOP, "still there?")
        assert len(await stage.messages("still there?")) == 5
