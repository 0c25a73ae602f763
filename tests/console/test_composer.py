"""What a person puts into a message beside words, and what they see and hear of contacts: files, sounds, videos."""

import base64
import re
from datetime import datetime, timedelta
from pathlib import Path

from playwright.async_api import Page, expect
from tests.console.conftest import PHONE, Console, accessibility, played

import prosa_simulator.control
from prosa.whatsapp.engine import MessageType

VOICE = Path(prosa_simulator.control.__file__).parent / "page" / "samples" / "voice-pt.ogg"
RECORD = """async () => {
  const canvas = document.createElement("canvas"), brush = canvas.getContext("2d");
  const machine = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm;codecs=vp8" }), pieces = [];
  machine.ondataavailable = ({ data }) => pieces.push(data);
  const ended = new Promise(done => { machine.onstop = done; });
  machine.start();
  for (let frame = 0; frame < 30; frame++) {
    brush.fillStyle = `hsl(${frame * 12} 80% 50%)`;
    brush.fillRect(0, 0, canvas.width, canvas.height);
    await new Promise(done => setTimeout(done, 50));
  }
  machine.stop();
  await ended;
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
}"""
"""Films a canvas that changes its colour, for a second and a half."""


async def open_thread(console: Console) -> Page:
    await console.page.goto("/app/inbox")
    await console.page.get_by_role("link", name="Ana Souza").click()
    return console.page


async def test_sounds_and_videos_are_played(linked: Console, tmp_path: Path) -> None:
    ana = await linked.contact()
    film = tmp_path / "bolo.webm"
    film.write_bytes(base64.b64decode(await linked.page.evaluate(RECORD)))
    await ana.send_media(
        linked.number, VOICE, MessageType.AUDIO, mime_type="audio/ogg; codecs=opus", voice=True, seconds=5
    )
    await ana.send_media(linked.number, film, MessageType.VIDEO, caption="Ficou assim", mime_type="video/webm")
    page = await open_thread(linked)
    log = page.get_by_role("log", name="Messages")
    await log.get_by_role("article").filter(has_text="Voice message").get_by_role("button", name="Play").press("Enter")
    assert await played(log.locator("audio")) > 2
    await expect(log.locator("audio")).to_be_focused()  # the keyboard stays where it was
    heard = log.get_by_role("article").filter(has=page.locator("audio"))
    await log.locator("audio").hover()
    await expect(heard.locator(".bubble-actions")).to_have_css("opacity", "1")
    bubble, actions = await heard.bounding_box(), await heard.get_by_label("Message actions").bounding_box()
    assert bubble
    assert actions
    assert actions["x"] >= bubble["x"] + bubble["width"]  # its menu covers nothing of the player
    between = (bubble["x"] + bubble["width"] + actions["x"]) / 2
    await page.mouse.move(between, actions["y"] + actions["height"] / 2)  # and stays while the pointer goes there
    await expect(heard.locator(".bubble-actions")).to_have_css("opacity", "1")
    await page.mouse.move(0, 0)
    await expect(heard.locator(".bubble-actions")).to_have_css("opacity", "0")
    await log.get_by_role("article").filter(has_text="Ficou assim").get_by_role("button", name="Play").click()
    await played(log.locator("video"))
    assert await log.locator("video").evaluate("video => video.videoWidth") > 0
    assert await accessibility(page) == []


async def test_emoji_and_quick_answers_are_put_where_one_writes(linked: Console) -> None:
    ana = await linked.contact()
    await ana.send_text(linked.number, "Bom dia")
    page = await open_thread(linked)
    field = page.get_by_label("Write a message")
    quick = page.get_by_role("dialog", name="Quick answers")
    await page.get_by_role("button", name="Quick answers").click()
    await expect(quick.get_by_text("No frequent answers")).to_be_visible()
    await page.keyboard.press("Escape")
    hours = {"title": "Horário", "answer": "Abrimos das 8h às 19h.", "phrasings": ["que horas abre?"]}
    await linked.api.post("/frequent-answers", {"session_id": linked.session, **hours})
    await page.reload()
    await page.get_by_role("button", name="Quick answers").click()
    assert await accessibility(page) == []
    await quick.get_by_role("button", name="Horário").click()
    await expect(field).to_have_value("Abrimos das 8h às 19h.")
    await expect(field).to_be_focused()

    # at the cursor, and by keys alone
    await page.keyboard.press("Home")
    await page.get_by_role("button", name="Emoji").press("Enter")
    await page.get_by_role("dialog", name="Emoji").get_by_role("button", name="👋", exact=True).press("Enter")
    await page.keyboard.press("Escape")
    await expect(field).to_have_value("👋Abrimos das 8h às 19h.")
    await field.press("Enter")
    await ana.wait_for(lambda _: len(ana.received) == 1)
    assert ana.received[0].body == "👋Abrimos das 8h às 19h."


async def test_a_file_answers_a_message_and_another_is_sent_later(linked: Console) -> None:
    ana = await linked.contact()
    question = await ana.send_text(linked.number, "Tem uma tabela de preços?")
    page = await open_thread(linked)
    log = page.get_by_role("log", name="Messages")
    choose = page.locator("input[type=file]")
    await log.get_by_role("article").get_by_label("Message actions").click()
    await page.get_by_role("menuitem", name="Reply").click()
    await choose.set_input_files({"name": "tabela.txt", "mimeType": "text/plain", "buffer": b"bolo 45"})
    await page.get_by_label("Caption (optional)").press("Enter")
    await ana.wait_for(lambda _: len(ana.received) == 1)
    assert ana.received[0].quoted_wa_id == question
    await expect(log.get_by_role("button", name="Tem uma tabela de preços?")).to_be_visible()

    await choose.set_input_files({"name": "natal.txt", "mimeType": "text/plain", "buffer": b"panetone 60"})
    await page.get_by_label("Caption (optional)").fill("Preços de Natal")
    await page.get_by_role("button", name="Send later").click()
    dialog = page.get_by_role("dialog", name="Send later")
    await expect(dialog.get_by_label("When to send it")).to_have_value(re.compile(r"T\d\d:00$"))  # a time to begin from
    tomorrow = datetime.now() + timedelta(1)  # noqa: DTZ005 - the browser's clock, in the zone of this machine
    await dialog.get_by_label("When to send it").fill(f"{tomorrow:%Y-%m-%dT%H:%M}")
    await dialog.get_by_role("button", name="Schedule").click()
    await expect(dialog).to_be_hidden()
    told = await page.get_by_text("Will be sent").bounding_box()
    send = await page.get_by_role("button", name="Send", exact=True).bounding_box()
    assert told is not None and send is not None  # noqa: PT018
    assert told["y"] + told["height"] < send["y"], "what is told lies over the button to send"
    waiting = page.get_by_role("region", name="Conversation").get_by_role("listitem").filter(has_text="natal.txt")
    await expect(waiting.get_by_text("Preços de Natal")).to_be_visible()
    await expect(page.get_by_label("Write a message")).to_have_value("")
    [stored] = (await linked.api.get("/messages", status="scheduled"))["items"]
    assert (stored["media"]["file_name"], stored["body"]) == ("natal.txt", "Preços de Natal")
    soon = (datetime.now().astimezone() + timedelta(seconds=1)).isoformat()
    await linked.api.patch(f"/messages/{stored['id']}", {"send_at": soon})
    await ana.wait_for(lambda _: len(ana.received) == 2)
    assert (ana.received[1].type, ana.received[1].body) == (MessageType.DOCUMENT, "Preços de Natal")
    await expect(waiting).to_have_count(0)
    await expect(log.get_by_text("natal.txt")).to_be_visible()


async def test_formatting_shows_as_in_whatsapp(linked: Console) -> None:
    ana = await linked.contact()
    await ana.send_text(
        linked.number, "*Dois* bolos, _sem_ ~glúten~ lactose: `BOLO-2`\n2*3*4 e https://padaria.example/a_b_c."
    )
    page = await open_thread(linked)
    text = page.get_by_role("log", name="Messages").get_by_role("article").locator(".bubble-text")
    await expect(text.locator("strong")).to_have_text("Dois")
    await expect(text.locator("em")).to_have_text("sem")
    await expect(text.locator("s")).to_have_text("glúten")
    await expect(text.locator("code")).to_have_text("BOLO-2")
    await expect(text.get_by_role("link")).to_have_attribute("href", "https://padaria.example/a_b_c")
    await expect(text).to_contain_text("2*3*4")
    await expect(page.get_by_role("link", name="Ana Souza")).to_contain_text("Dois bolos, sem glúten lactose: BOLO-2")


async def test_on_a_phone_what_is_written_has_room(linked: Console) -> None:
    ana = await linked.contact()
    await ana.send_text(linked.number, "Bom dia")
    page = await linked.phone_page("/app/inbox")
    await page.get_by_role("link", name="Ana Souza").click()
    field = page.get_by_label("Write a message")
    await expect(page.get_by_role("button", name="Quick answers")).to_be_visible()
    empty = await field.bounding_box()
    await field.fill("Bom dia, Ana! Temos bolo de laranja e de cenoura.")
    await expect(page.get_by_role("button", name="Send later")).to_be_visible()
    written = await field.bounding_box()
    assert empty is not None
    assert written is not None
    assert written["width"] == empty["width"] > PHONE[0] / 2
    assert await accessibility(page) == []
    await page.set_viewport_size({"width": 768, "height": 1024})  # a tablet: the list beside it leaves as little
    beside = await field.bounding_box()
    assert beside is not None
    assert beside["width"] > 175  # with every tool it would be half of that
