"""A contact's phone over HTTP: what it does, and what its timeline shows; two contacts are the two ends."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from prosa_simulator.product.world import World

from .conftest import Control

ANA, BIA = "5511988887777", "5511977776666"


@pytest.fixture(scope="module")
async def ana(control: Control) -> str:
    return await control.link(ANA, "Ana")


@pytest.fixture(scope="module")
async def bia(control: Control) -> str:
    return await control.link(BIA, "Bia")


def has(wa_id: str, **facts: Any) -> Any:
    """Whether a timeline shows a message of which these facts are true."""

    def shown(timeline: Any) -> bool:
        return any(m["wa_id"] == wa_id and facts.items() <= m.items() for m in timeline["messages"])

    return shown


def one(timeline: Any, wa_id: str) -> Any:
    return next(message for message in timeline["messages"] if message["wa_id"] == wa_id)


async def test_two_phones_show_the_same_conversation(control: Control, ana: str, bia: str) -> None:
    said = await control.post(f"{ana}/messages", {"to": f"+{BIA}", "text": "Oi, Bia"})
    assert (said["direction"], said["chat"], said["sender_name"], said["type"]) == ("out", BIA, "Ana", "text")
    seen = one(await control.wait(bia, has(said["wa_id"])), said["wa_id"])
    assert (seen["direction"], seen["chat"], seen["sender"], seen["sender_name"]) == ("in", ANA, ANA, "Ana")
    assert (seen["body"], seen["status"], seen["at"]) == ("Oi, Bia", "received", said["at"])
    await control.wait(ana, has(said["wa_id"], status="delivered"))
    assert said["wa_id"] in (await control.post(f"{bia}/read"))["read"]
    await control.wait(ana, has(said["wa_id"], status="read"))
    assert one(await control.get(f"{bia}/messages"), said["wa_id"])["status"] == "read"
    answer = await control.post(f"{bia}/messages", {"to": ANA, "text": "Oi!", "quote": said["wa_id"]})
    await control.wait(ana, has(answer["wa_id"], quote=said["wa_id"]))


async def test_reactions_edits_and_revocations_change_what_is_shown(control: Control, ana: str, bia: str) -> None:
    wa_id = (await control.post(f"{ana}/messages", {"to": BIA, "text": "um"}))["wa_id"]
    await control.wait(bia, has(wa_id))
    await control.post(f"{bia}/reactions", {"wa_id": wa_id, "emoji": "👍"})
    await control.wait(ana, has(wa_id, reactions={BIA: "👍"}))
    await control.post(f"{bia}/reactions", {"wa_id": wa_id, "emoji": ""})
    await control.wait(ana, has(wa_id, reactions={}))
    assert (await control.post(f"{ana}/edits", {"wa_id": wa_id, "text": "dois"}))["edited"] is True
    await control.wait(bia, has(wa_id, body="dois", edited=True))
    await control.post(f"{ana}/revocations", {"wa_id": wa_id})
    await control.wait(bia, has(wa_id, body="", revoked=True))


async def test_typing_is_shown_until_the_message_comes(control: Control, ana: str, bia: str) -> None:
    async def typing(**more: bool) -> None:
        await control.post(f"{ana}/typing", {"to": BIA, **more})

    await typing(recording=True)
    await control.wait(bia, lambda shown: shown["typing"] == [{"number": ANA, "recording": True}])
    await typing(typing=False)
    await control.wait(bia, lambda shown: shown["typing"] == [])
    await typing()
    await control.wait(bia, lambda shown: shown["typing"] == [{"number": ANA, "recording": False}])
    wa_id = (await control.post(f"{ana}/messages", {"to": BIA, "text": "pronto"}))["wa_id"]
    assert (await control.wait(bia, has(wa_id)))["typing"] == []


def form(content: bytes, name: str, mime: str | None, **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData(fields)
    data.add_field("file", content, filename=name, content_type=mime)
    return data


async def test_a_voice_note_goes_up_and_comes_down(control: Control, ana: str, bia: str) -> None:
    voice = form(b"OggS, nearly", "blob", "audio/ogg; codecs=opus", to=BIA, voice="true", seconds="3")
    sent = await control.post(f"{ana}/media", data=voice)
    facts = {"mime_type": "audio/ogg; codecs=opus", "size": 12, "voice": True, "seconds": 3}
    assert sent["type"] == "audio"
    assert facts.items() <= sent["media"].items()
    got = one(await control.wait(bia, has(sent["wa_id"], type="audio")), sent["wa_id"])
    assert facts.items() <= got["media"].items()
    for side in (ana, bia):
        file = await control.ask("GET", f"{side}/messages/{sent['wa_id']}/media")
        assert (file.status, file.json) == (200, "OggS, nearly")
        assert file.headers["Content-Type"] == "audio/ogg"
        assert file.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "mime", "type_", "shown_mime"),
    [
        ("a.png", "application/octet-stream", "image", "image/png"),
        ("../../menu.pdf", None, "document", "application/pdf"),
        ("x", "video/mp4", "video", "video/mp4"),
        ("x", "no mime", "document", "application/octet-stream"),
    ],
)
async def test_the_type_of_a_file_is_found_out(
    control: Control, ana: str, bia: str, name: str, mime: str | None, type_: str, shown_mime: str
) -> None:
    data = form(b"file", name, mime, to=BIA, caption="olha")
    sent = await control.post(f"{ana}/media", data=data)
    assert (sent["type"], sent["body"], sent["media"]["mime_type"]) == (type_, "olha", shown_mime)
    assert "/" not in sent["media"]["file_name"]
    await control.wait(bia, has(sent["wa_id"], type=type_, body="olha"))


async def test_a_long_poll_answers_with_what_changed_only(control: Control, ana: str, bia: str) -> None:
    cursor = (await control.get(f"{bia}/messages"))["cursor"]
    assert (await control.get(f"{bia}/messages?after={cursor}&wait=0.05"))["messages"] == []
    waiting = asyncio.create_task(control.get(f"{bia}/messages?after={cursor}&wait=30"))
    await asyncio.sleep(0)
    wa_id = (await control.post(f"{ana}/messages", {"to": BIA, "text": "acorda"}))["wa_id"]
    news = await waiting
    assert [message["wa_id"] for message in news["messages"]] == [wa_id]
    assert news["cursor"] > cursor
    everything = await control.get(f"{bia}/messages?after=999999")  # a cursor of an earlier run
    assert len(everything["messages"]) == everything["messages"][-1]["position"]


async def test_a_stream_goes_on_where_it_was_cut(control: Control, ana: str, bia: str) -> None:
    async def events(count: int, last: int) -> list[tuple[int, Any]]:
        found: list[tuple[int, Any]] = []
        headers = {"Last-Event-ID": str(last)} if last else {}
        async with control.http.get(f"{control.url}{bia}/stream", headers=headers) as response:
            assert response.content_type == "text/event-stream"
            while len(found) < count:
                block = (await response.content.readuntil(b"\n\n")).decode().strip()
                if not block.startswith(":"):
                    first, second = block.split("\n")
                    found.append((int(first.removeprefix("id: ")), json.loads(second.removeprefix("data: "))))
        return found

    ((cursor, before),) = await events(1, 0)
    assert before["cursor"] == cursor
    assert (before["online"], before["linked"]) == (True, True)
    reading = asyncio.create_task(events(2, cursor))
    wa_id = (await control.post(f"{ana}/messages", {"to": BIA, "text": "ao vivo"}))["wa_id"]
    new = [message["wa_id"] for _, event in await reading for message in event["messages"]]
    assert new == [wa_id]  # the first event holds nothing: nothing had changed
    ((_, missed),) = await events(1, cursor)
    assert [message["wa_id"] for message in missed["messages"]] == [wa_id]


async def test_what_is_sent_to_a_contact_that_is_away_waits(control: Control, ana: str, bia: str) -> None:
    assert (await control.post(f"{bia}/disconnect"))["online"] is False
    refused = await control.ask("POST", f"{bia}/messages", {"to": ANA, "text": "oi"})
    assert (refused.status, refused.json["error"]) == (409, "not-connected")
    wa_id = (await control.post(f"{ana}/messages", {"to": BIA, "text": "volta logo"}))["wa_id"]
    assert not has(wa_id)(await control.get(f"{bia}/messages"))
    assert (await control.post(f"{bia}/connect"))["online"] is True
    await control.wait(bia, has(wa_id))


async def test_a_contact_whose_device_was_removed_is_linked_again(control: Control, world: World, bia: str) -> None:
    carla = await control.link("5511966665555", "Carla")
    wa_id = (await control.post(f"{bia}/messages", {"to": "5511966665555", "text": "fica"}))["wa_id"]
    await control.wait(carla, has(wa_id))
    (device,) = (await control.get("/phones/5511966665555"))["devices"]
    assert (await control.ask("DELETE", f"/phones/5511966665555/devices/{device['number']}")).status == 200
    await control.wait(carla, lambda shown: not shown["linked"])
    for action, body in (("connect", {}), ("messages", {"to": BIA, "text": "oi"})):
        assert (await control.ask("POST", f"{carla}/{action}", body)).status == 409
    await control.link("5511966665555", "Carla")
    shown = await control.get(f"{carla}/messages")
    assert has(wa_id)(shown)
    assert (await control.get(carla))["device"] != device["jid"]
    assert [contact.number for contact in world.contacts].count("5511966665555") == 1
