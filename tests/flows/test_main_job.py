"""The main job end to end: link a number, store every message, answer with Gemini.

Real parts: prosa as a process, prosa-bridge with whatsmeow, the real Gemini client, contacts that are linked clients.
"""

import asyncio
import base64
import json
from pathlib import Path

import aiohttp
import pytest
from tests.fixtures.whatsapp import until
from tests.flows.conftest import ANA, SHOP, Stage

from prosa.whatsapp.engine import MessageType
from prosa_simulator.gemini import Empty, Hang, RateLimited, Text, internal_error, recall
from prosa_simulator.product import ApiError, ProsaClient
from prosa_simulator.product.world import World

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_a_number_linked_by_qr_answers_a_contact_with_context(stage: Stage) -> None:
    stage.world.gemini.script.when("my name\\?", recall(r"I am (\w+)", "You are {0}."))
    await stage.link(instructions="You answer for a bakery.")
    ana = await stage.ana()

    stage.world.gemini.script.enqueue(Hang(then=Text("Hello, Beatriz")))
    await ana.send_text(SHOP, "Hello, I am Beatriz")
    await ana.wait_until(lambda: ana.typing_now, 30)
    assert ana.received == [], "shown as typing while the model is slow"
    await until(lambda: stage.world.gemini.hanging == 1, 30)
    stage.world.gemini.release()
    await ana.wait_for("Hello, Beatriz", 20)
    await ana.wait_until(lambda: not ana.typing_now)

    for number, question in enumerate(("Are you open?", "What is my name?"), 2):
        await ana.send_text(SHOP, question)
        await ana.wait_for(lambda _, wanted=number: len(ana.received) >= wanted, 20)  # type: ignore[misc]
    assert ana.received[-1].body == "You are Beatriz."

    stored = await stage.messages("Are you open?")
    assert [(m["author"], m["from_me"]) for m in stored] == [("contact", False), ("ai", True)] * 3
    assert [m["seq"] for m in stored] == [1, 2, 3, 4, 5, 6]
    assert [m["wa_id"] for m in stored if m["from_me"]] == [message.wa_id for message in ana.received]
    asked = stage.world.gemini.requests.generations()[-1]
    assert "You answer for a bakery." in asked.system_text

    read = await stage.events.wait(
        "message.status",
        lambda e: e["payload"]["wa_id"] == stored[-1]["wa_id"] and e["payload"]["status"] in {"delivered", "read"},
    )
    assert read["session"] == "shop"
    usage = await stage.api.get("/usage")
    assert json.dumps(usage).count("input_tokens") >= 1


async def test_a_number_linked_by_pairing_code_and_the_session_says_so_all_along(stage: Stage) -> None:
    phone = stage.world.network.phone(SHOP, "Shop")
    await stage.api.post("/sessions", {"session_id": "code"})
    answer = await stage.api.post("/sessions/code/connect", {"method": "code", "phone": f"+{SHOP}"})
    assert answer["status"] == "pairing"
    assert len(answer["pairing_code"]) == 9
    assert answer["pairing_code"][4] == "-"
    shown = await stage.events.wait("session.pairing_code")
    assert shown["payload"]["pairing_code"] == answer["pairing_code"]
    await phone.type_code(answer["pairing_code"])
    await stage.opened("code")
    session = await stage.api.get("/sessions/code")
    assert session["status"] == "open"
    assert session["pairing_code"] is None
    assert session["jid"].startswith(SHOP)


@pytest.mark.parametrize("method", ["qr", "code"])
async def test_the_passkey_step(stage: Stage, method: str) -> None:
    phone = stage.world.network.phone(SHOP, "Shop")
    phone.require_passkey = True
    await stage.api.post("/sessions", {"session_id": "pass"})
    await stage.api.post("/sessions/pass/connect", {"method": method, **({"phone": SHOP} if method == "code" else {})})
    if method == "qr":
        shown = await stage.events.wait("session.qr")
        linking = asyncio.create_task(phone.scan(shown["payload"]["qr"]))
    else:
        shown = await stage.events.wait("session.pairing_code")
        linking = asyncio.create_task(phone.type_code(shown["payload"]["pairing_code"]))
    await stage.events.wait("session.status", lambda e: e["payload"]["status"] == "passkey")
    step = await stage.api.get("/sessions/pass/passkey")
    assert step["steps"]
    assert "navigator.credentials.get" in step["snippet"]
    await stage.api.post("/sessions/pass/passkey", phone.passkey_assertion(step["options"]))
    await linking
    await stage.opened("pass")


async def test_media_arrive_and_are_sent(stage: Stage, tmp_path: Path) -> None:
    await stage.link(ai_enabled=False)
    ana = await stage.ana()
    picture = tmp_path / "picture.png"
    picture.write_bytes(PNG)
    await ana.send_media(SHOP, picture, MessageType.IMAGE, caption="look at this")
    received = (await stage.messages("look at this"))[0]
    assert received["type"] == "image"
    assert received["media"]["mime_type"] == "image/png"
    assert await stage.api.download(f"/messages/{received['id']}/media") == PNG

    form = aiohttp.FormData()
    form.add_field("file", PNG, filename="answer.png", content_type="image/png")
    form.add_field("caption", "and this")
    await stage.api.upload(f"/conversations/{received['conversation_id']}/media", form)
    answer = await ana.wait_for(lambda message: message.body == "and this", 20)
    assert answer.type == "image"


async def test_without_a_key_messages_are_stored_and_it_says_why(world: World) -> None:
    prosa = world.prosa(key=False)
    await prosa.start()
    async with ProsaClient(prosa.url) as api:
        await api.register("owner@example.com", "a long password")
        async with api.events() as events:
            stage = Stage(world, prosa, api, events)
            await stage.link()
            ana = await stage.ana()
            await ana.send_text(SHOP, "Anybody there?")
            skipped = await events.wait("ai.skipped")
            assert skipped["payload"]["reason"] == "no_api_key"
            session = await api.get("/sessions/shop")
            assert session["ai"] == {"state": "off", "reason": "no_api_key"} | session["ai"]
            assert [m["author"] for m in await stage.messages("Anybody there?")] == ["contact"]
    assert ana.received == []
    assert "no_api_key" in prosa.log_path.read_text()


async def test_a_person_answers_by_the_api_once_however_often_it_is_asked(stage: Stage) -> None:
    await stage.link(ai_enabled=False)
    ana = await stage.ana()
    body = {"to": f"+{ANA}", "text": "Your order is ready"}
    first = await stage.api.post("/sessions/shop/messages", body, Idempotency_Key="order-1")
    again = await stage.api.post("/sessions/shop/messages", body, Idempotency_Key="order-1")
    assert first["id"] == again["id"]
    await ana.wait_for("Your order is ready", 20)
    await ana.send_text(SHOP, "Thank you")
    stored = await stage.messages("Thank you")
    assert [(m["author"], m["body"]) for m in stored] == [("person", "Your order is ready"), ("contact", "Thank you")]
    assert len(ana.received) == 1


async def test_what_the_phone_sends_is_stored_and_not_answered(stage: Stage) -> None:
    await stage.link(takeover={"pause_minutes_after_person": 0})  # what comes next is the AI's again
    ana = await stage.ana()
    phone = await stage.world.contacts.link(SHOP, name="Shop's own phone")
    await phone.send_text(ANA, "We called you")
    sent = await stage.events.wait("message.received", lambda e: e["payload"]["body"] == "We called you")
    assert (sent["payload"]["author"], sent["payload"]["from_me"]) == ("phone", True)
    await ana.wait_for("We called you", 20)
    await ana.send_text(SHOP, "I missed it")
    await ana.wait_for(lambda _: len(ana.received) >= 2, 20)
    assert [m["author"] for m in await stage.messages("I missed it")] == ["phone", "contact", "ai"]
    assert len(stage.world.gemini.requests.generations()) == 1


async def test_a_model_that_fails_answers_once_it_can_or_once_a_person_asks_it_again(stage: Stage) -> None:
    stage.world.gemini.script.enqueue(RateLimited(retry_after=1), Empty())
    await stage.link()
    ana = await stage.ana()
    await ana.send_text(SHOP, "Hello")
    await ana.wait_for(lambda _: len(ana.received) >= 1, 40)
    assert [m["author"] for m in await stage.messages("Hello")] == ["contact", "ai"]
    assert len(ana.received) == 1

    late = "Somebody will write to you soon."
    await stage.api.patch("/sessions/shop", {"settings": {"turns": {"failure_message": late, "most_tries": 1}}})
    stage.world.gemini.script.enqueue(internal_error())
    await ana.send_text(SHOP, "Still there?")
    await ana.wait_for(late, 40)
    [failed] = (await stage.api.get("/conversations", failed="true"))["items"]
    assert (failed["ai_state"], failed["ai_failed_at"] is not None) == ("failed", True)

    talk = f"/conversations/{failed['id']}"
    assert (await stage.api.post(f"{talk}/retry"))["ai_state"] == "waiting"
    await ana.wait_for(lambda message: message.body.startswith("You asked: Still there?"), 40)
    assert [m["author"] for m in await stage.messages("Hello")] == ["contact", "ai", "contact", "automatic", "ai"]
    shown = await stage.api.get(talk)
    assert (shown["ai_state"], shown["ai_failed_at"]) == ("idle", None)
    assert len(ana.received) == 3


async def test_a_number_removed_on_the_phone_is_logged_out_with_the_reason_and_can_link_again(stage: Stage) -> None:
    await stage.link()
    phone = stage.world.network.phone(SHOP)
    await phone.unlink(phone.devices[0])
    gone = await stage.events.wait("session.status", lambda e: e["payload"]["status"] == "logged_out")
    assert gone["payload"]["reason"] == "device_removed"
    assert gone["payload"]["detail"]
    before = len(stage.events.events)
    await stage.api.post("/sessions/shop/connect", {"method": "qr"})
    shown = await stage.events.wait("session.qr", lambda e: stage.events.events.index(e) >= before)
    await phone.scan(shown["payload"]["qr"])
    await stage.opened(after=before)


async def test_other_people_see_nothing(stage: Stage) -> None:
    await stage.link(ai_enabled=False)
    ana = await stage.ana()
    await ana.send_text(SHOP, "secret")
    message = (await stage.messages("secret"))[0]
    await stage.api.post("/users", {"email": "other@example.com", "password": "another long password", "role": "agent"})
    async with ProsaClient(stage.prosa.url) as other:
        await other.login("other@example.com", "another long password")
        for path in (
            "/sessions/shop",
            "/sessions/shop/qr",
            f"/conversations/{message['conversation_id']}",
            f"/conversations/{message['conversation_id']}/messages",
            f"/messages/{message['id']}",
            f"/messages/{message['id']}/media",
        ):
            with pytest.raises(ApiError) as refused:
                await other.get(path)
            assert refused.value.status == 404
        for path in ("/sessions", "/conversations"):
            assert (await other.get(path))["items"] == []
        assert (await other.get("/messages/search", q="secret"))["items"] == []
    assert (await stage.api.get("/messages/search", q="secret"))["items"] != []
