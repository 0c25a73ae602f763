"""The inbox in the browser: conversations live, takeover, search, files, notes; a real contact on the other side."""

import asyncio
import json
from datetime import datetime, timedelta

from playwright.async_api import Page, Route, expect
from tests.console.conftest import PHONE, Console, accessibility, shoot


async def open_inbox(console: Console) -> Page:
    await console.page.goto("/app/inbox")
    return console.page


async def test_a_contact_is_answered_by_the_ai_and_then_by_a_person(console: Console) -> None:
    await console.link(name="Padaria", ai_enabled=True, show_typing=False)
    page = await open_inbox(console)
    await expect(page.get_by_role("heading", name="No conversation yet")).to_be_visible()
    ana = await console.contact()
    await ana.send_text(console.number, "Vocês abrem no domingo?")

    row = page.get_by_role("link", name="Ana Souza")
    await expect(row).to_be_visible()
    await row.click()
    log = page.get_by_role("log", name="Messages")
    await expect(log.get_by_text("Vocês abrem no domingo?", exact=True).first).to_be_visible()
    answer = log.locator("article.bubble-ai")
    await expect(answer).to_be_visible()
    await ana.wait_for(lambda _: len(ana.received) == 1)
    await expect(answer.get_by_title("Delivered").or_(answer.get_by_title("Read"))).to_be_visible()
    await expect(row.get_by_text("unread")).to_have_count(0)

    await answer.get_by_role("button", name="How this answer came about").click()
    facts = page.get_by_role("dialog", name="How this answer came about")
    await expect(facts.get_by_text("Tokens read")).to_be_visible()
    await shoot(page, "inbox-facts")
    await page.keyboard.press("Escape")

    await page.get_by_role("button", name="Take over").click()
    await page.get_by_role("menuitem", name="For an hour").click()
    await expect(page.get_by_text("A person has this conversation")).to_be_visible()
    await ana.typing(console.number)
    await expect(page.get_by_role("region", name="Conversation").get_by_text("typing…")).to_be_visible()
    await expect(row.get_by_text("typing…")).to_be_visible()
    await ana.send_text(console.number, "Quero falar com uma pessoa")
    await expect(log.get_by_text("Quero falar com uma pessoa")).to_be_visible()
    await expect(page.get_by_text("typing…")).to_have_count(0)
    field = page.get_by_label("Write a message")
    await field.fill("Oi Ana, é a Bia. Abrimos às 8h.")
    await field.press("Enter")
    await ana.wait_for(lambda _: len(ana.received) == 2)
    assert ana.received[-1].body == "Oi Ana, é a Bia. Abrimos às 8h."
    mine = log.locator("article.bubble-person")
    await expect(mine.get_by_title("Delivered").or_(mine.get_by_title("Read"))).to_be_visible()
    await expect(field).to_have_value("")
    assert await accessibility(page) == []

    await page.get_by_role("button", name="Hand back").click()
    await page.get_by_role("menuitem", name="Hand back to the AI").click()
    await expect(page.get_by_text("The AI answers here.")).to_be_visible()
    await ana.send_text(console.number, "Obrigada!")
    await ana.wait_for(lambda _: len(ana.received) == 3)

    small = await console.phone_page("/app/inbox")
    await small.get_by_role("link", name="Ana Souza").click()
    await expect(small.get_by_role("log", name="Messages").get_by_text("Obrigada!", exact=True).first).to_be_visible()
    await small.get_by_role("link", name="Back to the list").click()
    await expect(small.get_by_role("link", name="Ana Souza")).to_be_visible()
    assert small.viewport_size is not None
    assert small.viewport_size["width"] == PHONE[0]


async def test_a_persons_pause_and_a_contacts_stop_are_shown_beside_each_other(console: Console) -> None:
    words = {"stop_keywords": ["atendente"], "resume_keywords": ["robô"]}
    await console.link(name="Padaria", ai_enabled=True, show_typing=False, takeover=words)
    page = await open_inbox(console)
    ana = await console.contact()
    await ana.send_text(console.number, "atendente")
    row = page.get_by_role("link", name="Ana Souza")
    await expect(row.get_by_title("The contact asked the AI to be silent")).to_be_visible()
    await row.click()
    banner = page.get_by_role("status").filter(has_text="The contact asked the AI to be silent, until")
    await expect(banner).to_be_visible()
    assert await accessibility(page) == []

    field = page.get_by_label("Write a message")
    await field.fill("Oi Ana, é a Bia.")
    await field.press("Enter")
    both = banner.filter(has_text="A person has this conversation, until")
    await expect(both).to_be_visible()
    await expect(row.get_by_title("A person has it")).to_be_visible()
    await shoot(page, "inbox-stopped")
    await ana.send_text(console.number, "robô")
    await expect(banner).to_have_count(0)
    await expect(page.get_by_text("A person has this conversation")).to_be_visible()
    await page.get_by_role("button", name="Hand back").click()
    await page.get_by_role("menuitem", name="Hand back to the AI").click()
    await expect(page.get_by_text("The AI answers here.")).to_be_visible()


async def test_search_files_notes_and_what_comes_while_offline(linked: Console) -> None:
    ana, rui = await linked.contact(), await linked.contact("Rui Lima")
    await ana.send_text(linked.number, "O bolo de laranja ainda tem?")
    await rui.send_text(linked.number, "Bom dia")
    page = await open_inbox(linked)
    await expect(page.get_by_role("link", name="Ana Souza")).to_be_visible()
    await expect(page.get_by_role("link", name="Rui Lima")).to_be_visible()
    await page.get_by_role("searchbox").fill("laranja")
    hits = page.get_by_role("region", name="In messages")
    await expect(hits.get_by_role("link", name="Ana Souza")).to_be_visible()
    await shoot(page, "inbox-search")
    await hits.get_by_role("link", name="Ana Souza").click()
    log = page.get_by_role("log", name="Messages")
    await expect(log.get_by_text("O bolo de laranja ainda tem?")).to_be_visible()
    await page.get_by_role("searchbox").fill("")

    # a file out, with a caption
    await page.locator("input[type=file]").set_input_files(
        {"name": "preços.txt", "mimeType": "text/plain", "buffer": b"bolo 45"}
    )
    await page.get_by_label("Caption (optional)").fill("Tabela")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(log.get_by_text("preços.txt")).to_be_visible()
    await ana.wait_for(lambda _: len(ana.received) == 1)

    await page.get_by_role("button", name="Contact and notes").click()
    await page.get_by_role("textbox", name="Notes").fill("Prefere entrega à tarde")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved")).to_be_visible()
    await page.get_by_role("button", name="Contact and notes").click()
    await expect(page.get_by_role("textbox", name="Notes")).to_have_value("Prefere entrega à tarde")
    await shoot(page, "inbox-panel")
    await page.get_by_role("button", name="Mark as unread").click()
    await expect(page.get_by_role("link", name="Ana Souza").get_by_text("1 unread message")).to_be_attached()

    # what is being written survives a reload
    field = page.get_by_label("Write a message")
    await field.fill("Sim, até as 18h")
    await page.reload()
    await expect(field).to_have_value("Sim, até as 18h")
    await field.press("Enter")
    await ana.wait_for(lambda _: ana.received[-1].body == "Sim, até as 18h")

    # the WebSocket drops; what came meanwhile is there when it is back
    await page.context.set_offline(offline=True)
    linked.installation.forgive("ERR_INTERNET_DISCONNECTED")
    await ana.send_text(linked.number, "Posso buscar amanhã?")
    await page.context.set_offline(offline=False)
    await expect(log.get_by_text("Posso buscar amanhã?")).to_be_visible()


async def test_a_text_is_scheduled_and_taken_back(linked: Console) -> None:
    ana = await linked.contact()
    await ana.send_text(linked.number, "Pode me lembrar?")
    page = await open_inbox(linked)
    await page.get_by_role("link", name="Ana Souza").click()
    field = page.get_by_label("Write a message")
    await field.fill("Lembrete: o bolo fica pronto hoje")
    await page.get_by_role("button", name="Send later").click()
    dialog = page.get_by_role("dialog", name="Send later")
    when = dialog.get_by_label("When to send it")
    await expect(dialog.get_by_text("At most 366 days ahead")).to_be_visible()
    now = datetime.now()  # noqa: DTZ005 - the browser's clock, in the zone of this machine
    for days, said in ((-1, "Choose a time to come."), (368, "This is more than 366 days ahead.")):
        await when.fill(f"{now + timedelta(days):%Y-%m-%dT%H:%M}")
        await dialog.get_by_role("button", name="Schedule").click()
        await expect(dialog.get_by_text(said)).to_be_visible()
    assert await accessibility(page) == []

    async def postpone(route: Route) -> None:
        """Ask for a time that the API refuses, as a console whose clock is wrong would."""
        sent = json.loads(route.request.post_data or "")
        await route.continue_(post_data={**sent, "send_at": "2999-01-01T00:00:00Z"})

    await page.route("**/messages", postpone, times=1)
    linked.installation.forgive("422 .*/messages", "status of 422")
    await when.fill(f"{now + timedelta(1):%Y-%m-%dT%H:%M}")
    await dialog.get_by_role("button", name="Schedule").click()
    await expect(dialog.get_by_text("must be within a year")).to_be_visible()
    await expect(when).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_role("button", name="Schedule").click()
    await expect(dialog).to_be_hidden()
    await expect(field).to_have_value("")

    thread = page.get_by_role("region", name="Conversation")
    waiting = thread.get_by_role("listitem").filter(has_text="Lembrete: o bolo fica pronto hoje")
    await expect(waiting.get_by_text("For ")).to_be_visible()
    await waiting.get_by_role("button", name="Do not send").click()
    await expect(waiting).to_have_count(0)
    assert ana.received == []


async def test_what_is_on_its_way_when_the_page_is_loaded_anew_goes_on_and_is_sent_once(linked: Console) -> None:
    ana = await linked.contact()
    await ana.send_text(linked.number, "Bom dia")
    page = await open_inbox(linked)
    await page.get_by_role("link", name="Ana Souza").click()
    log = page.get_by_role("log", name="Messages")
    taken = asyncio.Event()

    async def answer_nobody(route: Route) -> None:
        await route.fetch()
        taken.set()

    await page.route("**/messages", answer_nobody)
    field = page.get_by_label("Write a message")
    await field.fill("Bom dia, Ana!")
    await field.press("Enter")
    async with asyncio.timeout(20):
        await taken.wait()  # Prosa has it, and the page does not know
    await page.unroute("**/messages")
    await page.reload()
    said = log.locator("article.bubble-person")
    await expect(said).to_have_count(1)
    await expect(said.get_by_role("button", name="Try again")).to_have_count(0)
    await ana.wait_for(lambda _: len(ana.received) == 1)


async def test_nothing_is_lost_while_prosa_is_away(own_console: Console) -> None:
    console, prosa = own_console, own_console.installation.prosa
    await console.link(name="Loja")
    ana = await console.contact()
    await ana.send_text(console.number, "Bom dia")
    page = await open_inbox(console)
    await page.get_by_role("link", name="Ana Souza").click()
    log = page.get_by_role("log", name="Messages")
    await expect(log.get_by_text("Bom dia", exact=True)).to_be_visible()

    console.installation.forgive("WebSocket", "ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_SOCKET_NOT_CONNECTED")
    await prosa.kill()
    field = page.get_by_label("Write a message")
    await field.fill("Bom dia, Ana!")
    await field.press("Enter")
    unsent = log.get_by_role("article", name="You (Prosa)")
    await expect(unsent.get_by_text("Not sent.")).to_be_visible()
    await field.fill("O bolo está pronto")
    await expect(page.get_by_text("No connection to Prosa.")).to_be_visible()
    assert await accessibility(page) == []
    await ana.send_text(console.number, "Está pronto?")

    await prosa.start()
    await expect(log.get_by_text("Está pronto?", exact=True)).to_be_visible()  # came meanwhile
    await expect(page.get_by_text("No connection to Prosa.")).to_be_hidden()
    await page.reload()
    await expect(unsent.get_by_text("The page was loaded anew")).to_be_visible()  # and the text is not lost
    await unsent.get_by_role("button", name="Try again").click()
    await ana.wait_for(lambda _: len(ana.received) == 1)
    await expect(field).to_have_value("O bolo está pronto")  # what was typed is still there
    await field.press("Enter")
    await ana.wait_for(lambda _: len(ana.received) == 2)
    assert [message.body for message in ana.received] == ["Bom dia, Ana!", "O bolo está pronto"]
    await expect(log.locator("article.bubble-person")).to_have_count(2)
    await page.reload()
    await expect(log.locator("article.bubble-person")).to_have_count(2)
    assert len(ana.received) == 2
