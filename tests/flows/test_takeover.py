"""A person on another device of the number takes over; real clients on both sides."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.fixtures.databases import on_sqlite
from tests.flows.conftest import ANA, SHOP, Stage

from prosa_simulator.gemini import Hang, Text


@on_sqlite
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


@on_sqlite
@pytest.mark.parametrize("how", ["phone", "api"])
async def test_a_person_who_writes_while_the_ai_thinks_or_types_has_the_last_word(stage: Stage, how: str) -> None:
    script = stage.world.gemini.script
    await stage.link(sending={"typing_ms_per_char": 200, "typing_max_seconds": 20})
    ana = await stage.ana()
    person = await stage.world.contacts.link(SHOP, name="Shop")

    async def says(text: str) -> None:
        if how == "phone":
            await person.send_text(ANA, text)
            await stage.events.wait("message.received", lambda event: event["payload"]["body"] == text)
        else:
            await stage.api.post("/sessions/shop/messages", {"to": f"+{ANA}", "text": text})
        await ana.wait_for(text, 40)

    script.enqueue(Hang(then=Text("thought of too late")))
    await ana.send_text(SHOP, "while it thinks")
    await stage.world.gemini.wait_hanging(1, within=30)
    await says("I was quicker")
    stage.world.gemini.release()
    paused = await stage.events.wait("conversation.paused")
    conversation = f"/conversations/{paused['payload']['id']}"
    await stage.api.post(f"{conversation}/resume", {})

    script.enqueue("typed for longer than a person needs: " + "a" * 60)
    await ana.send_text(SHOP, "while it types")
    replied = await stage.events.wait("ai.replied")
    await says("quicker again")
    taken_back = await stage.events.wait(
        "message.status",
        lambda e: e["payload"]["id"] in replied["payload"]["message_ids"] and e["payload"]["status"] == "cancelled",
    )
    assert taken_back["payload"]["error"].startswith("taken_over")

    await stage.api.post(f"{conversation}/resume", {})
    script.enqueue("here I am")
    await ana.send_text(SHOP, "and now?")
    await ana.wait_for("here I am", 60)
    assert [message.body for message in ana.received] == ["I was quicker", "quicker again", "here I am"]


@on_sqlite
async def test_contacts_stop_and_resume_the_ai_by_their_own_words(stage: Stage) -> None:
    takeover = {"stop_keywords": ["atendente"], "stop_reply": "A person will answer.", "resume_keywords": ["robô"]}
    stage.world.gemini.script.when("robô", "At your service.")
    await stage.link(takeover=takeover)
    ana = await stage.ana()
    await ana.send_text(SHOP, "Atendente!")
    await ana.wait_for("A person will answer.", 40)
    await ana.send_text(SHOP, "is anybody there?")
    skipped = await stage.events.wait("ai.skipped", lambda event: event["payload"]["reason"] == "paused")
    await ana.send_text(SHOP, "robô")
    await ana.wait_for("At your service.", 40)
    assert [message.body for message in ana.received] == ["A person will answer.", "At your service."]
    assert skipped["payload"]["conversation_id"]
    stored = await stage.messages("is anybody there?")
    assert [(m["body"], m["skip_reason"]) for m in stored if not m["from_me"]] == [
        ("Atendente!", "stop_keyword"), ("is anybody there?", "paused"), ("robô", None),
    ]  # fmt: skip


@on_sqlite
async def test_out_of_hours_is_said_once_and_answered_when_asked_to(stage: Stage) -> None:
    far = f"{datetime.now(UTC) + timedelta(days=3):%A}".lower()
    hours = {"enabled": True, "time_zone": "UTC", "weekly": {far: ["12:00-13:00"]}, "message": "We are closed."}
    await stage.link(hours=hours)
    ana = await stage.ana()
    await ana.send_text(SHOP, "open?")
    await ana.wait_for("We are closed.", 40)
    await ana.send_text(SHOP, "hello?")
    await stage.events.wait("message.received", lambda event: event["payload"]["body"] == "hello?")
    stored = await stage.messages("hello?")
    assert [m["skip_reason"] for m in stored if not m["from_me"]] == ["out_of_hours"] * 2
    await stage.api.post(f"/conversations/{stored[0]['conversation_id']}/retry", {})
    await ana.wait_until(lambda: len(ana.received) == 2, 40)
    assert ana.received[0].body == "We are closed."
