"""The inbox of a busy shop: every state of a conversation in the list, groups, filters, and keys alone."""

from playwright.async_api import expect
from tests.console.conftest import Console, accessibility, shoot
from tests.console.shop import CAROLINA, FAMILY, open_shop


async def test_an_empty_filter_says_what_would_be_there(linked: Console) -> None:
    page = linked.page
    # begun and never linked: there is nothing of it to choose
    await linked.api.post("/sessions", {"session_id": f"{linked.session}-new"})
    await page.goto("/app/inbox")
    await expect(page.get_by_role("heading", name="No conversation yet")).to_be_visible()
    await expect(page.get_by_role("button", name="Number")).to_have_count(0)
    for name, said in (("Unread", "Everything is read"), ("Needs you", "Nobody waits"), ("Groups", "No groups yet")):
        await page.get_by_role("button", name=name).click()
        await expect(page.get_by_role("heading", name=said)).to_be_visible()
    assert await accessibility(page) == []
    await page.get_by_role("searchbox").fill("panetone")
    await expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


async def test_a_busy_inbox_says_who_waits_and_for_whom(console: Console) -> None:
    await open_shop(console)
    page = await (await console.installation.context(locale="pt-BR")).new_page()
    await console.sign_in(page, "/app/inbox")
    rows = page.get_by_role("navigation", name="Conversas").get_by_role("link")
    await expect(rows.first).to_contain_text(CAROLINA)
    await expect(rows.filter(has_text="Dona Lúcia").get_by_text("3 mensagens não lidas")).to_be_attached()
    await expect(rows.filter(has_text="Dona Lúcia").get_by_title("Uma pessoa está atendendo")).to_be_visible()
    await expect(rows.filter(has_text="Buffet Alvorada").get_by_title("A IA não respondeu")).to_be_visible()
    await expect(rows.filter(has_text="Rafael Antunes").get_by_title("A IA está respondendo")).to_be_visible()
    assert await accessibility(page) == []

    # keys alone: down to the third conversation and back, each one open as it is passed
    await rows.first.focus()
    for name in (FAMILY, "Rafael Antunes"):
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_role("heading", name=name, level=2)).to_be_visible()
        await expect(rows.filter(has_text=name)).to_be_focused()
    await page.keyboard.press("ArrowUp")

    # a group: who says what, as each of them is called
    log = page.get_by_role("log", name="Mensagens")
    await expect(log.get_by_text("Tio Beto")).to_have_count(2)
    await expect(log.get_by_text("Padaria Estrela, ainda dá para aumentar para dois?")).to_be_visible()
    assert await accessibility(page) == []
    await page.get_by_role("button", name="Grupos").click()
    await expect(rows).to_have_count(2)
    await page.get_by_role("button", name="Pendentes").click()
    await expect(rows).to_have_count(1)
    await page.get_by_role("button", name="Todas").click()

    await page.keyboard.press("ArrowUp")
    await rows.filter(has_text=CAROLINA).click()
    await expect(log.get_by_text("❤️")).to_be_visible()
    await shoot(page, "inbox")
    small = await console.phone_page("/app/inbox", locale="pt-BR")
    await expect(small.get_by_role("link", name=CAROLINA)).to_be_visible()
    await shoot(small, "inbox")
    await small.get_by_role("link", name=CAROLINA).click()
    await expect(small.get_by_role("log").get_by_text("❤️")).to_be_visible()
    await shoot(small, "inbox-thread")


async def test_the_first_message_goes_to_a_phone_number(linked: Console) -> None:
    ana = await linked.contact("Ana Souza")
    page = linked.page
    linked.installation.forgive(r"status of 422 .*/messages")
    await page.goto("/app/inbox")
    await page.get_by_role("button", name="New message").click()
    dialog = page.get_by_role("dialog", name="New message")
    to, text = dialog.get_by_role("textbox", name="To"), dialog.get_by_role("textbox", name="Message")
    await expect(to).to_be_focused()
    await text.fill("Oi, Ana! Seu bolo está pronto.")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_text("This is needed.")).to_be_visible()
    await to.fill("+55 1")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_text("This is no phone number")).to_be_visible()
    assert await accessibility(page) == []
    await shoot(page, "new-message")
    await to.fill(f"+{ana.number}")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_have_count(0)
    log = page.get_by_role("log", name="Messages")
    await expect(log.get_by_text("Oi, Ana! Seu bolo está pronto.")).to_be_visible()
    await ana.wait_for("Oi, Ana! Seu bolo está pronto.")
    await expect(page.get_by_role("navigation", name="Conversations").get_by_role("link")).to_have_count(1)

    # to the same person again, in the way of their country: it is the same conversation
    await page.get_by_role("button", name="New message").click()
    await dialog.get_by_role("button", name="Country").click()
    await page.get_by_role("searchbox", name="Search countries").fill("Braz")
    await page.get_by_role("option", name="Brazil").click()
    await to.fill(ana.number.removeprefix("55"))
    await text.fill("Até já!")
    await dialog.get_by_role("button", name="Send").click()
    await expect(log.get_by_role("article")).to_have_count(2)
    await expect(page.get_by_role("navigation", name="Conversations").get_by_role("link")).to_have_count(1)
    small = await linked.phone_page("/app/inbox")
    await small.get_by_role("button", name="New message").click()
    await expect(small.get_by_role("textbox", name="To")).to_be_visible()
    await shoot(small, "new-message")
