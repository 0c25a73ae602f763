"""A person on another device of the number takes over; real clients on both sides."""

import pytest
from tests.flows.conftest import ANA, SHOP, Stage


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_person_on_another_linked_device_takes_over_and_gives_back(stage: Stage) -> None:
    await stage.link()
    ana = await stage.ana()
    await ana.send_text(SHOP, "hello")
    await ana.wait_for(lambda _: len(ana.received) == 1, 40)

    person = await stage.world.contacts.link(SHOP, name="Shop")
    await person.send_text(ANA, "I will take this one myself")
    paused = await stage.events.wait("conversation.paused")
    assert (paused["payload"]["by"], paused["payload"]["reason"]) == ("phone", "message")
    await ana.send_text(SHOP, "thank you, when?")
    skipped = await stage.events.wait("ai.skipped")
    assert skipped["payload"]["reason"] == "paused"
    assert [message.body for message in ana.received][1:] == ["I will take this one myself"]

    conversation = f"/conversations/{paused['payload']['id']}"
    shown = await stage.api.post(f"{conversation}/resume", {"answer_waiting": True})
    assert shown["ai_paused_until"] is None
    await ana.wait_for(lambda _: len(ana.received) == 3, 40)
    stored = await stage.messages("thank you, when?")
    assert [m["author"] for m in stored] == ["contact", "ai", "phone", "contact", "ai"]
    assert [m["skip_reason"] for m in stored] == [None] * 5
    assert [event["event"] for event in stage.events.events].count("conversation.paused") == 1
