"""Numbers in the browser: link by QR, by code and through the passkey step; and what is done with a number later."""

import asyncio
import json

from playwright.async_api import Route, expect
from tests.console.conftest import DESKTOP, Console, accessibility, shoot
from tests.fixtures.whatsapp import until


async def waiting(console: Console, event: str, *, after: int = 0) -> dict[str, str]:
    """Return the payload of an event, seen after number `after` of those seen."""
    seen = console.events.events
    found = await console.events.wait(event, lambda one: seen.index(one) >= after)
    payload: dict[str, str] = found["payload"]
    return payload


def national(console: Console) -> str:
    number = console.number
    return f"+{number[:2]} {number[2:4]} {number[4:-4]}-{number[-4:]}"


async def test_a_number_is_linked_by_its_qr_code_and_its_owner_leads_it(console: Console) -> None:
    page = console.page
    await expect(page.get_by_role("heading", name="No number yet")).to_be_visible()
    await page.get_by_role("button", name="Link a number").click()
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    await shoot(page, "link-qr")
    shown = await waiting(console, "session.qr")
    await console.phone().scan(shown["qr"])
    await expect(page.get_by_role("heading", name="Linked")).to_be_visible()
    await shoot(page, "link-done")
    await page.get_by_role("link", name="All numbers").click()
    # nobody has named it, and its own id says nothing to a person
    await expect(page.get_by_role("listitem", name=national(console))).to_be_visible()
    await page.go_back()
    await page.get_by_label("What do you call this number?").fill("Loja")
    await page.get_by_role("button", name="Save").click()

    await page.get_by_role("link", name="Numbers", exact=True).click()
    card = page.get_by_role("listitem", name="Loja")
    await expect(card.get_by_text("Online", exact=True)).to_be_visible()
    await expect(card.get_by_text(national(console))).to_be_visible()
    await shoot(page, "numbers")
    await card.get_by_role("button", name="More for Loja").click()
    await page.get_by_role("menuitem", name="Stop").click()
    await expect(card.get_by_text("Stopped", exact=True)).to_be_visible()
    await card.get_by_role("button", name="Connect").click()
    await expect(card.get_by_text("Online", exact=True)).to_be_visible()

    await console.phone().unlink(console.phone().devices[0])
    await expect(card.get_by_text("Removed on the phone")).to_be_visible()
    await expect(card.get_by_role("button", name="Link again")).to_be_visible()
    await card.get_by_role("button", name="More for Loja").click()
    await page.get_by_role("menuitem", name="Remove").click()
    await expect(page.get_by_role("alertdialog", name="Remove Loja for good?")).to_contain_text("all its conversations")
    await page.get_by_role("button", name="Erase everything").click()
    await expect(page.get_by_role("heading", name="No number yet")).to_be_visible()


async def test_a_whatsapp_out_of_reach_is_said_and_the_code_comes_once_it_is_back(own_console: Console) -> None:
    page, network = own_console.page, own_console.world.network
    back = asyncio.create_task(network.restart(pause=6))
    await until(lambda: not network.listening)
    await page.goto("/app/numbers/link")
    alert = page.get_by_role("alert").filter(has_text="WhatsApp cannot be reached")
    await expect(alert).to_contain_text("Prosa keeps trying")
    await expect(alert).to_contain_text("refused")  # and what exactly, for who looks after the machine
    other = await own_console.phone_page(page.url, locale="pt-BR")
    told = other.get_by_role("alert").filter(has_text="O WhatsApp não responde")
    await expect(told).to_contain_text("Foi informado: ")
    await expect(told).not_to_contain_text("tried again")
    await other.close()
    await page.get_by_role("tab", name="Pairing code").click()
    await expect(alert).to_be_visible()
    assert await accessibility(page) == []
    await page.get_by_role("tab", name="QR code").click()
    await back
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    await expect(alert).to_be_hidden()


async def test_a_number_never_linked_is_not_explained_twice(console: Console) -> None:
    await console.api.post("/sessions", {"session_id": console.session, "name": "Loja"})
    page = await console.phone_page("/app/numbers", locale="pt-BR")
    card = page.get_by_role("listitem", name="Loja")
    await expect(card.get_by_text("Ainda não conectado")).to_be_visible()
    await expect(card.get_by_role("button", name="Conectar", exact=True)).to_be_visible()
    await expect(card).not_to_contain_text("Not linked yet")


async def test_who_leaves_without_linking_finds_no_empty_number(console: Console) -> None:
    page = console.page
    for _ in range(2):
        await page.goto("/app/numbers")
        await page.get_by_role("button", name="Link a number").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        await page.reload()  # as phones do with a page that was out of sight
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        await page.get_by_role("link", name="All numbers").click()
        await expect(page.get_by_role("heading", name="No number yet")).to_be_visible()
    assert (await console.api.get("/sessions"))["items"] == []


async def test_a_code_that_was_noted_down_stays_good_and_its_number_is_offered_again(console: Console) -> None:
    page = console.page
    await page.get_by_role("button", name="Link a number").click()
    await page.get_by_role("tab", name="Pairing code").click()
    await page.get_by_label("Phone number of the WhatsApp account").fill(f"+{console.number}")
    await page.get_by_role("button", name="Get a code").click()
    code = (await waiting(console, "session.pairing_code"))["pairing_code"]
    await expect(page.get_by_text(code)).to_be_visible()
    await page.get_by_role("link", name="All numbers").click()
    await expect(page.get_by_text("Waiting for the code")).to_be_visible()
    await page.get_by_role("button", name="Link a number").click()
    await expect(page.get_by_text(code)).to_be_visible()
    await page.get_by_role("link", name="All numbers").click()
    await console.phone().type_code(code)
    await expect(page.get_by_role("listitem", name=national(console)).get_by_text("Online", exact=True)).to_be_visible()
    assert len((await console.api.get("/sessions"))["items"]) == 1


async def test_a_number_that_somebody_made_is_linked_and_never_removed_by_leaving(console: Console) -> None:
    await console.api.post("/sessions", {"session_id": console.session})
    page = console.page
    await page.get_by_role("button", name="Link a number").click()
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert console.session in page.url
    await expect(page.get_by_role("heading", name="Link a number")).to_be_visible()
    await page.get_by_role("link", name="All numbers").click()
    await expect(page.get_by_text("Waiting for a scan")).to_be_visible()
    await page.get_by_role("link", name="Inbox", exact=True).click()
    await page.get_by_role("link", name="Numbers", exact=True).click()
    await expect(page.get_by_text("Waiting for a scan")).to_be_visible()


async def test_a_number_is_linked_by_a_pairing_code_on_a_phone(console: Console) -> None:
    await console.page.close()
    page = await console.phone_page("/app/numbers/link", locale="pt-BR")
    await page.get_by_role("tab", name="Código de pareamento").click()
    await expect(page.get_by_role("button", name="País")).to_contain_text("Brasil")
    await page.get_by_label("Telefone da conta").fill("12")
    await page.get_by_role("button", name="Gerar código").click()
    console.installation.forgive("422")
    await expect(page.get_by_text("Isto não é um telefone desse país.")).to_be_visible()
    await page.get_by_label("Telefone da conta").fill(console.number[2:])
    await page.get_by_role("button", name="Gerar código").click()
    code = (await waiting(console, "session.pairing_code"))["pairing_code"]
    await expect(page.get_by_text(code)).to_be_visible()
    await expect(page.get_by_text(f"Código para {national(console)}")).to_be_visible()
    await shoot(page, "link-code", DESKTOP)
    await console.phone().type_code(code)
    await expect(page.get_by_role("heading", name="Conectado")).to_be_visible()
    await shoot(page, "link-done")


async def test_the_passkey_step_is_walked_through(console: Console) -> None:
    page, phone = console.page, console.phone()
    phone.require_passkey = True
    await page.goto("/app/numbers/link")
    linking = asyncio.create_task(phone.scan((await waiting(console, "session.qr"))["qr"]))
    await expect(page.get_by_role("heading", name="WhatsApp asks for your passkey")).to_be_visible()
    await shoot(page, "link-passkey")
    await page.get_by_label("Answer").fill("something else")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("This is not what the snippet copied.")).to_be_visible()
    options = (await console.api.get(f"/sessions/{page.url.split('/')[-2]}/passkey"))["options"]
    await page.get_by_label("Answer").fill(f"'{json.dumps(phone.passkey_assertion(options))}'")
    await page.get_by_role("button", name="Send").click()
    await linking
    await expect(page.get_by_role("heading", name="Linked")).to_be_visible()


async def test_a_code_is_compared_where_whatsapp_asks_for_it(console: Console) -> None:
    """WhatsApp does where the answer took longer than five minutes, so the API's answers are changed on their way."""
    page = console.page
    await console.api.post("/sessions", {"session_id": console.session})
    confirmed: list[str] = []

    async def change(route: Route) -> None:
        answer = await route.fetch()
        body = await answer.json()
        for session in body["items"]:
            session |= {
                "status": "passkey",
                "wanted": True,
                "passkey": {
                    "stage": "confirmation",
                    "code": "1A2B-3C4D",
                    "options": None,
                    "steps": [],
                    "snippet": None,
                },
            }
        await route.fulfill(response=answer, json=body)

    async def confirm(route: Route) -> None:
        confirmed.append(route.request.method)
        session = await console.api.get(f"/sessions/{console.session}")
        await route.fulfill(status=202, json=session)

    await page.route("**/sessions?*", change)
    await page.route("**/passkey/confirm", confirm)
    await page.goto(f"/app/numbers/{console.session}/link")
    await expect(page.get_by_text("1A2B-3C4D")).to_be_visible()
    await page.get_by_role("button", name="They are the same").click()
    await expect(page.get_by_text("Confirmed here.")).to_be_visible()
    assert confirmed == ["POST"]
