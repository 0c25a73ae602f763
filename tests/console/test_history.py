"""A long conversation: its end first, older messages by scrolling, a hit of the search deep in it, and the way back."""

import asyncio

from playwright.async_api import Locator, Route, expect
from tests.console.conftest import Console
from tests.console.history import fill

MOST = 260
"""Bubbles that may stand in the page: `WINDOW` in web/src/data/thread.ts, and what is being made."""


async def scroll_up(log: Locator, text: str) -> int:
    """Scroll up until a message is in the page; return the most bubbles that were."""
    most = 0
    for _ in range(300):
        most = max(most, await log.locator("article").count())
        if await log.get_by_text(text, exact=True).count():
            return most
        await log.evaluate("log => { log.parentElement.scrollTop -= 1500; }")
        await log.page.wait_for_timeout(30)
    raise AssertionError(f"{text} did not come")


async def test_a_long_conversation_is_read_from_end_to_beginning_and_back(console: Console) -> None:
    texts = [f"mensagem {n}" for n in range(1, 601)]
    texts[39] = "a agulha no palheiro"
    await fill(console, texts, unread=30, reactions={1: "🎂"})
    page = console.page

    async def late(route: Route) -> None:
        await asyncio.sleep(0.5)
        await route.continue_()

    await page.goto("/app/inbox")
    # messages that come after all else the thread asks for: nothing is read before it is shown
    await page.route("**/messages?*", late, times=1)
    await page.get_by_role("link", name="Ana Souza").click()
    log = page.get_by_role("log", name="Messages")

    # what nobody has read begins at a line, and the conversation is opened there
    await expect(log.get_by_role("heading", name="New messages")).to_be_in_viewport()
    await expect(log.get_by_text("mensagem 571", exact=True)).to_be_in_viewport()
    await page.get_by_role("button", name="Go to the newest message").click()
    await expect(log.get_by_text("mensagem 600", exact=True)).to_be_in_viewport()

    # up to the beginning: the page stays bounded, what is read stays where it is
    assert await scroll_up(log, "mensagem 300") <= MOST
    middle = log.get_by_text("mensagem 300", exact=True)
    await middle.scroll_into_view_if_needed()
    await page.wait_for_timeout(100)
    before = await middle.bounding_box()
    await page.wait_for_timeout(500)  # pages that were asked for come meanwhile
    after = await middle.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 1  # heights are fractions of pixels, what is scrolled by is not
    assert await scroll_up(log, "mensagem 1") <= MOST
    await expect(log.get_by_text("The conversation begins here")).to_be_attached()
    await expect(log.get_by_text("mensagem 600", exact=True)).to_have_count(0)
    # a reaction is told with its message, though it was given 600 messages later
    oldest = log.get_by_role("article").filter(has=page.get_by_text("mensagem 1", exact=True))
    await expect(oldest.get_by_text("🎂")).to_be_attached()
    await page.get_by_role("button", name="Go to the newest message").click()
    await expect(log.get_by_text("mensagem 600", exact=True)).to_be_in_viewport()

    # a hit of the search, 560 messages ago, and from there on
    await page.get_by_role("searchbox").fill("agulha")
    await page.get_by_role("region", name="In messages").get_by_role("link", name="Ana Souza").click()
    found = log.get_by_text("a agulha no palheiro", exact=True)
    await expect(found).to_be_in_viewport()
    for _ in range(6):
        await log.evaluate("log => { log.parentElement.scrollTop += 600; }")
        await page.wait_for_timeout(50)
    await expect(log.get_by_text("mensagem 70", exact=True)).to_be_attached()
    await page.get_by_role("button", name="Go to the newest message").click()
    await expect(log.get_by_text("mensagem 600", exact=True)).to_be_in_viewport()


async def test_what_is_read_stays_while_older_messages_come_to_the_very_top(console: Console) -> None:
    """Shorter ones than what is let go at the other end: the page gets shorter, and the browser scrolls by itself."""
    texts = [f"mensagem {n}" + " e muito mais a dizer" * (60 if n > 300 else 0) for n in range(1, 601)]
    await fill(console, texts)
    page = console.page
    asked = 0
    answer = asyncio.Event()
    answer.set()

    async def held(route: Route) -> None:
        nonlocal asked
        asked += 1
        await answer.wait()
        await route.continue_()

    await page.route("**/messages?*", held)
    await page.goto("/app/inbox")
    await page.get_by_role("link", name="Ana Souza").click()
    log = page.get_by_role("log", name="Messages")
    await expect(log.locator("article").first).to_be_attached()
    while await log.locator("article").count() < 230:  # until all that is kept is there
        await log.evaluate("log => { log.parentElement.scrollTop = -1e9; }")
        await page.wait_for_timeout(30)
    await page.wait_for_load_state("networkidle")
    answer.clear()
    before = asked
    for _ in range(500):  # to where there is nothing more, for now
        if (
            await log.evaluate("""log => {
            const box = log.parentElement, at = box.scrollTop;
            box.scrollTop = -1e9;
            return box.scrollTop === at;
        }""")
            and asked > before
        ):
            break
        await page.wait_for_timeout(30)
    seen = await log.evaluate_handle("""log => {
        const { top, height } = log.parentElement.getBoundingClientRect();
        return [...log.querySelectorAll("article")].find(one => one.getBoundingClientRect().bottom > top + height / 2);
    }""")
    place = await seen.evaluate("one => one.getBoundingClientRect().top")
    newest = await log.locator("article").last.get_attribute("data-seq")
    answer.set()
    await expect(log.locator(f'[data-seq="{newest}"]')).to_have_count(0)  # older ones came, newer ones went
    assert abs(await seen.evaluate("one => one.getBoundingClientRect().top") - place) < 2


async def test_a_slow_device_loads_what_is_scrolled_to_and_no_more(console: Console) -> None:
    """It shows messages later than the next ones could come: what is not shown yet is not what the page is short of."""
    await fill(console, [f"mensagem {n}" for n in range(1, 601)])
    page = console.page
    chromium = await page.context.new_cdp_session(page)
    await chromium.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    await page.goto("/app/inbox")
    await page.get_by_role("link", name="Ana Souza").click()
    log = page.get_by_role("log", name="Messages")
    await expect(log.get_by_text("mensagem 600", exact=True)).to_be_in_viewport()

    assert await scroll_up(log, "mensagem 300") <= MOST
    await page.wait_for_timeout(500)  # pages that were asked for come meanwhile
    await expect(log.get_by_text("mensagem 300", exact=True)).to_be_attached()
    assert await log.locator("article").count() <= MOST


async def test_the_way_to_the_newest_ends_there_where_it_was_let_go_a_moment_ago(console: Console) -> None:
    """Some of what stood in the page is among the newest messages that come: it is not what is read any more."""
    texts = [f"mensagem {n}" for n in range(1, 601)]
    texts[579] = "a agulha no palheiro"
    await fill(console, texts)
    page = console.page
    await page.goto("/app/inbox")
    await page.get_by_role("searchbox").fill("agulha")
    await page.get_by_role("region", name="In messages").get_by_role("link", name="Ana Souza").click()
    log = page.get_by_role("log", name="Messages")
    await expect(log.get_by_text("a agulha no palheiro", exact=True)).to_be_in_viewport()
    await scroll_up(log, "mensagem 341")
    newest = await log.locator("article").last.get_attribute("data-seq")
    assert newest == "580"

    await page.get_by_role("button", name="Go to the newest message").click()
    await expect(log.get_by_text("mensagem 600", exact=True)).to_be_in_viewport()
