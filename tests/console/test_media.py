"""What a contact sends beside text, and does to what was said, as the thread shows it: Portuguese, dark, on a phone."""

import asyncio
from pathlib import Path

import segno
from playwright.async_api import expect
from tests.console.conftest import Console, accessibility, shoot

from prosa.whatsapp.engine import MessageType


async def test_a_picture_that_no_browser_can_draw_is_a_file_to_save(linked: Console, tmp_path: Path) -> None:
    picture = tmp_path / "foto.png"
    picture.write_bytes(b"no picture at all")
    ana = await linked.contact()
    await ana.send_media(linked.number, picture, MessageType.IMAGE, mime_type="image/png")
    page = await linked.phone_page("/app/inbox")
    await page.get_by_role("link", name="Ana Souza").click()
    message = page.get_by_role("log", name="Messages").get_by_role("article")
    async with page.expect_download() as download:
        await message.get_by_role("button", name="Save").click()
    await (await download.value).save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == b"no picture at all"
    await expect(message.get_by_role("img", name="Picture")).to_have_count(0)


async def test_files_quotes_reactions_edits_and_deletions_are_shown(linked: Console, tmp_path: Path) -> None:
    picture, sound, table = tmp_path / "bolo.png", tmp_path / "voz.ogg", tmp_path / "tabela.txt"
    await asyncio.to_thread(segno.make("bolo").save, str(picture), scale=8)
    sound.write_bytes(b"OggS" + bytes(4000))
    table.write_bytes(b"bolo 45")
    ana, shop = await linked.contact(), linked.number
    first = await ana.send_text(shop, "O bolo de laranja ainda tem?")
    wrong = await ana.send_text(shop, "Quero dois bolus")
    await ana.send_media(shop, picture, MessageType.IMAGE, caption="Este aqui", mime_type="image/png")
    await ana.send_media(shop, sound, MessageType.AUDIO, mime_type="audio/ogg; codecs=opus", voice=True, seconds=7)
    await ana.send_media(shop, table, MessageType.DOCUMENT, mime_type="text/plain")
    page = await linked.phone_page("/app/inbox", locale="pt-BR", color_scheme="dark")
    await page.get_by_role("link", name="Ana Souza").click()
    log = page.get_by_role("log", name="Mensagens")
    await expect(log.get_by_role("img", name="Este aqui")).to_be_visible()
    await expect(log.get_by_text("Mensagem de voz")).to_be_visible()
    await expect(log.get_by_text("tabela.txt")).to_be_visible()

    conversation = (await linked.api.get("/conversations"))["items"][0]["id"]
    question = (await linked.api.get(f"/conversations/{conversation}/messages", wa_id=first))["items"][0]
    await linked.api.post(
        f"/conversations/{conversation}/messages", {"text": "Tem sim!", "quoted_message_id": question["id"]}
    )
    await ana.edit(shop, wrong, "Quero dois bolos")
    await ana.wait_for(lambda _: len(ana.received) == 1)
    await ana.react(shop, ana.received[0].wa_id, "👍")
    gone = await ana.send_text(shop, "mensagem errada")
    await expect(log.get_by_text("mensagem errada")).to_be_visible()
    await ana.revoke(shop, gone)
    await expect(log.get_by_text("Quero dois bolos")).to_be_visible()
    await expect(log.get_by_text("editada")).to_be_visible()
    await expect(log.get_by_text("Esta mensagem foi apagada")).to_be_visible()
    await expect(log.get_by_text("👍")).to_be_visible()
    await expect(log.get_by_role("button", name="O bolo de laranja ainda tem?")).to_be_visible()
    await shoot(page, "inbox-media")
    assert await accessibility(page) == []

    # and what a person does to messages, by the menu of each
    answer = log.locator("article.bubble-person")
    await log.get_by_role("article").filter(has_text="Quero dois bolos").get_by_label("Ações da mensagem").click()
    menu = page.get_by_role("menu", name="Ações da mensagem")
    await expect(menu.get_by_role("menuitem", name="Reagir")).to_be_visible()
    await expect(menu.get_by_role("menuitem", name="Editar")).to_have_count(0)  # it is the contact's
    await expect(menu.get_by_role("menuitem", name="Apagar para todos")).to_have_count(0)
    await menu.get_by_role("menuitem", name="Reagir").click()
    await page.get_by_role("dialog", name="Reagir").get_by_role("button", name="❤️").click()
    await expect(log.get_by_text("❤️")).to_be_visible()
    await ana.wait_for(lambda _: ("❤️", wrong) in [(one.body, one.reacts_to) for one in ana.screen.changes])

    await answer.get_by_label("Ações da mensagem").focus()
    await page.keyboard.press("Enter")
    await menu.get_by_role("menuitem", name="Editar").press("Enter")
    dialog = page.get_by_role("dialog", name="Editar")
    await dialog.get_by_label("Mensagem").fill("Tem sim, até as 18h!")
    await dialog.get_by_role("button", name="Salvar").click()
    await expect(answer.get_by_text("Tem sim, até as 18h!")).to_be_visible()
    await expect(answer.get_by_text("editada")).to_be_visible()
    await answer.get_by_label("Ações da mensagem").click()
    await menu.get_by_role("menuitem", name="Apagar para todos").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Apagar para todos").click()
    await expect(answer.get_by_text("Esta mensagem foi apagada")).to_be_visible()
    await ana.wait_for(lambda _: any(one.revokes for one in ana.screen.changes))
