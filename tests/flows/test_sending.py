"""Sending as an owner and a contact see it, end to end: bubbles, typing, later, edits, reactions, deletions."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.fixtures.databases import on_sqlite
from tests.flows.conftest import ANA, SHOP, Stage

from prosa_simulator.product import ApiError


def ahead(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@on_sqlite
async def test_what_is_sent_and_what_becomes_of_it(stage: Stage) -> None:
    paragraphs = ["We open at nine. " + "a" * 40, "We close at six. " + "b" * 40, "Come by! " + "c" * 40]
    stage.world.gemini.script.when("when", "\n\n".join(paragraphs))
    await stage.link(sending={"bubble_chars": 70, "typing_ms_per_char": 15, "jitter": 0})
    ana = await stage.ana()
    asked = await ana.send_text(SHOP, "when do you open?")
    await ana.wait_until(lambda: len(ana.received) == 3)
    assert [message.body for message in ana.received] == paragraphs
    assert len([state for state in ana.typing_events if state.typing]) >= 2
    replied = await stage.events.wait("ai.replied")
    stored = await stage.messages("when do you open?")
    assert replied["payload"]["message_ids"] == [message["id"] for message in stored[1:]]
    assert [message["wa_id"] for message in stored[1:]] == [message.wa_id for message in ana.received]

    question, *_, last = stored
    await stage.api.post(f"/messages/{question['id']}/react", {"emoji": "👍"})
    await stage.api.patch(f"/messages/{last['id']}", {"text": "Come by soon!"})
    shown = ana.screen.shown(last["wa_id"])
    assert shown is not None
    await ana.wait_until(lambda: shown.edited)
    assert shown.body == "Come by soon!"
    target = ana.screen.shown(asked)
    assert target is not None
    await ana.wait_until(lambda: target.reactions)
    assert list(target.reactions.values()) == ["👍"]
    await stage.api.delete(f"/messages/{last['id']}")
    await ana.wait_until(lambda: shown.revoked)
    await stage.events.wait(
        "message.status", lambda e: e["payload"]["id"] == last["id"] and e["payload"]["revoked_at"] is not None
    )

    path = f"/conversations/{question['conversation_id']}/messages"
    never = await stage.api.post(path, {"text": "never", "send_at": ahead(3)})
    later = await stage.api.post(path, {"text": "in a moment", "send_at": ahead(3.5)})
    assert [item["id"] for item in (await stage.api.get("/messages"))["items"]] == [never["id"], later["id"]]
    assert (await stage.api.post(f"/messages/{never['id']}/cancel", {}))["status"] == "cancelled"
    await stage.api.post(path, {"text": "at once"})
    await ana.wait_for("at once", 20)
    await ana.wait_for("in a moment", 30)
    assert "never" not in [message.body for message in ana.received]
    with pytest.raises(ApiError) as refused:
        await stage.api.post(f"/messages/{later['id']}/cancel", {})
    assert (refused.value.status, (await stage.api.get("/messages"))["items"]) == (409, [])


@on_sqlite
async def test_only_so_many_new_contacts_a_day_and_whoever_wrote_first_is_answered(stage: Stage) -> None:
    await stage.link(sending={"new_contacts_per_day": 1})
    ana = await stage.ana()
    strangers = [await stage.world.contacts.link(f"551197777000{number}") for number in range(2)]
    sent = [
        await stage.api.post("/sessions/shop/messages", {"to": f"+{stranger.number}", "text": "Our new menu"})
        for stranger in strangers
    ]
    waits = await stage.events.wait(
        "message.status", lambda e: (e["payload"]["error"] or "").startswith("new_contacts")
    )
    held = waits["payload"]["id"]
    [lucky] = [stranger for stranger, message in zip(strangers, sent, strict=True) if message["id"] != held]
    [other] = [stranger for stranger in strangers if stranger is not lucky]
    await lucky.wait_for("Our new menu", 40)
    await ana.send_text(SHOP, "hello")
    await ana.wait_until(lambda: ana.received, 40)
    await stage.api.post("/sessions/shop/messages", {"to": f"+{ANA}", "text": "and the menu"})
    await ana.wait_for("and the menu", 40)
    assert other.received == []
    await other.send_text(SHOP, "do you have a menu?")
    await other.wait_for("Our new menu", 60)
    await stage.events.wait("message.sent", lambda event: event["payload"]["id"] == held)
