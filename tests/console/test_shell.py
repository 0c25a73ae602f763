"""What holds on every page: an expired sign-in, a Prosa that goes away, accessibility, the first view's weight."""

import itertools

from playwright.async_api import expect
from tests.console.conftest import DESKTOP, PASSWORD, PHONE, Console, accessibility
from tests.console.history import fill

FIRST_VIEW_BYTES = 190_000
"""Compressed, without headers: these and the answers' own make some 10 kB more."""


async def test_an_ended_sign_in_asks_for_the_password_and_loses_nothing(console: Console) -> None:
    page = console.page
    await page.goto("/app/settings/you")
    await page.get_by_label("Name", exact=True).fill("Beatriz")
    await console.api.post("/auth/logout", {"everywhere": True})
    console.installation.forgive("401", "WebSocket")
    await page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="Sign in again")
    await dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    await dialog.get_by_role("button", name="Go on").click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("button", name="Your account: Beatriz")).to_be_visible()  # the request went through
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Beatriz")


async def test_tabs_share_one_sign_in(console: Console) -> None:
    context = console.page.context
    await console.page.goto("/app/settings/people")
    tabs = [console.page] + [await context.new_page() for _ in range(3)]
    for _ in range(3):
        for tab in tabs:  # each start refreshes, all at once
            await tab.goto("/app/settings/people", wait_until="commit")
    for tab in tabs:
        await expect(tab.get_by_role("listitem", name="Bia Ramos").first).to_be_visible()
    await tabs[1].get_by_role("button", name="Your account").click()
    await tabs[1].get_by_role("menuitem", name="Sign out").click()
    for tab in tabs:
        await expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_a_prosa_that_goes_away_is_said_and_what_was_missed_comes(own_console: Console) -> None:
    console, prosa = own_console, own_console.installation.prosa
    await console.link(name="Loja")
    page = console.page
    card = page.get_by_role("listitem", name="Loja")
    await expect(card.get_by_text("Online", exact=True)).to_be_visible()
    console.installation.forgive("WebSocket", "ERR_CONNECTION", "ERR_EMPTY_RESPONSE")
    await prosa.kill()
    await expect(page.get_by_text("No connection to Prosa.")).to_be_visible()
    await expect(card).to_be_visible()  # what was there stays
    await console.phone().unlink(console.phone().devices[0])
    await prosa.start()
    await expect(page.get_by_text("No connection to Prosa.")).to_be_hidden()
    await expect(card.get_by_text("Removed on the phone")).to_be_visible()


async def test_the_first_view_is_light_and_asks_once(console: Console) -> None:
    await fill(console, ["Bom dia", "Tem bolo de laranja?"])
    page = await (await console.installation.context()).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(console.installation.url)))
    await console.sign_in(page, "/app/inbox")
    await expect(page.get_by_role("link", name="Ana Souza")).to_be_visible()
    # read anew, it would be once the events are sure to come, which is said by now: one of them is shown
    [row] = (await console.api.get("/conversations"))["items"]
    await console.api.patch(f"/conversations/{row['id']}", {"contact_name": "Ana Lima"})
    await expect(page.get_by_role("link", name="Ana Lima")).to_be_visible()
    assert [path for path in asked if path.startswith(("/conversations", "/sessions"))] == [
        "/sessions?limit=100", "/conversations?limit=25",
    ]  # fmt: skip
    sizes = await page.evaluate(
        "['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))"
        ".map(entry => [new URL(entry.name).pathname, entry.encodedBodySize])"
    )
    assert sum(size for _, size in sizes) < FIRST_VIEW_BYTES, sizes


PAGES = (
    "numbers", "settings/you", "settings/people", "settings/appearance", "settings/keys", "settings/api-keys",
    "settings/webhooks",
    "settings/system", "usage",
    *(f"ai/SESSION/{part}" for part in (
        "instructions", "behaviour", "hours", "budget", "answers", "knowledge", "tools"
    )),
)  # fmt: skip


async def test_pages_are_accessible(linked: Console) -> None:
    """Each in one of two dresses: that both suit a page's parts is what the flows' own checks show."""
    await linked.page.close()
    dresses = ((DESKTOP, "en-US", "light"), (PHONE, "pt-BR", "dark"))
    pages = [
        await linked.sign_in(
            await (await linked.installation.context(size=size, locale=locale, color_scheme=scheme)).new_page()
        )
        for size, locale, scheme in dresses
    ]
    for path, page in zip(PAGES, itertools.cycle(pages), strict=False):
        await page.goto(f"/app/{path}".replace("SESSION", linked.session))
        await expect(page.get_by_role("main").get_by_role("heading").first).to_be_visible()
        await page.wait_for_load_state("networkidle")
        if path.startswith(("ai", "settings")):
            await expect(page.get_by_role("tab", selected=True).first).to_be_in_viewport(ratio=0.9)
        assert await accessibility(page) == [], path
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, path  # nothing stands out of the page
    page = await linked.phone_page("/app/numbers", locale="pt-BR", color_scheme="dark")
    await page.get_by_role("button", name="Mais de Loja").click()
    await page.get_by_role("menuitem", name="Remover").click()
    await expect(page.get_by_role("alertdialog")).to_be_visible()
    assert await accessibility(page) == []
