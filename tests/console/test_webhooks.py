"""Webhooks in the browser: added, tested, looked at, changed and removed, with a receiver that really gets them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from tests.console.conftest import (
    EMAIL,
    PASSWORD,
    Console,
    Installation,
    accessibility,
    running,
    shoot,
    signed_in,
    watched,
)
from tests.fixtures.receiver import Receiver, receiving
from tests.fixtures.sending import until

from prosa_simulator.product import ProsaClient


@pytest.fixture
async def console(tmp_path: Path, browser: Browser) -> AsyncIterator[Console]:
    """The owner of a Prosa of its own, which may ask this machine."""
    async with (
        running(tmp_path / "world", PROSA_OUTGOING_PRIVATE_ADDRESSES="true") as (world, prosa),
        watched(Installation(world, prosa, browser)) as installation,
    ):
        async with ProsaClient(prosa.url) as api:
            await api.register(EMAIL, PASSWORD, "Bia Ramos")
        async with signed_in(installation, EMAIL) as console:
            yield console


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_a_webhook_from_its_first_test_to_its_end(console: Console, receiver: Receiver) -> None:
    page = console.page
    await console.link(name="Loja")
    await page.goto("/app/settings/webhooks")
    await page.get_by_role("button", name="Add a webhook").click()
    dialog = page.get_by_role("dialog", name="New webhook")
    await dialog.get_by_label("Address").fill("http://user:word@shop.example/")
    console.installation.forgive("422")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_text("no user name or password").first).to_be_visible()
    await dialog.get_by_label("Address").fill(receiver.url)
    await dialog.get_by_label("Name", exact=True).fill("Orders")
    await dialog.get_by_role("radiogroup", name="Events").get_by_text("Only these").click()
    await dialog.get_by_role("checkbox", name="A message came in").focus()
    await page.keyboard.press("Space")  # it was ticked
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_text("Choose at least one.")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("alertdialog").get_by_role("button", name="Cancel").click()
    await dialog.get_by_role("checkbox", name="A message came in").focus()
    await page.keyboard.press("Space")
    await dialog.get_by_text("The AI asks for a person").click()
    await dialog.get_by_role("radiogroup", name="Numbers").get_by_text("Only these").click()
    await dialog.get_by_text("Loja", exact=True).click()
    await dialog.get_by_role("button", name="Add a header").click()
    await dialog.get_by_label("Header", exact=True).fill("X-Shop")
    await dialog.get_by_label("Value", exact=True).fill("very-secret-1234")
    assert await accessibility(page) == []
    await shoot(page, "webhook-new")
    await dialog.get_by_role("button", name="Save").click()

    secret = page.get_by_role("dialog", name="Secret of Orders")
    shown = await secret.get_by_label("Secret that signs").input_value()
    assert shown.startswith("whsec_")
    receiver.secret = shown
    await expect(secret.get_by_role("button", name="Copy")).to_be_visible()
    await shoot(page, "webhook-secret")
    await secret.get_by_role("button", name="Close", exact=True).last.click()

    row = page.get_by_role("listitem", name="Orders")
    await expect(row).to_contain_text("2 events · 1 number")
    await row.get_by_role("button", name="Send a test").click()
    await expect(row.get_by_text("The test was accepted: 204")).to_be_visible()
    [test] = receiver.requests
    assert (test.envelope["event"], test.headers["x-shop"]) == ("webhook.test", "very-secret-1234")
    await shoot(page, "settings-webhooks")

    ana = await console.contact()
    await ana.send_text(console.number, "Bom dia!")
    await receiver.wait(2)
    assert receiver.labels[-1] == "Bom dia!"
    await receiver.stop()
    await row.get_by_role("button", name="Send a test").click()
    await expect(row.get_by_text("The address could not be reached.")).to_be_visible()
    await ana.send_text(console.number, "Tem bolo?")
    await _until_waiting(console)
    await page.reload()
    await expect(row).to_contain_text("Nothing gets through")
    await expect(row.get_by_text("Waiting", exact=True)).to_be_visible()
    assert "very-secret" not in await page.content()
    await row.get_by_role("button", name="More for Orders").click()
    await page.get_by_role("menuitem", name="Secret").click()
    await expect(secret.get_by_label("Secret that signs")).to_have_value(shown)
    assert await accessibility(page) == []
    await page.keyboard.press("Escape")
    await shoot(page, "settings-webhooks-waiting")
    await receiver.start()
    await receiver.wait(3)

    await row.get_by_role("button", name="Deliveries").click()
    deliveries = page.get_by_role("dialog", name="Deliveries to Orders")
    await expect(deliveries.get_by_role("listitem")).to_have_count(2)
    await expect(deliveries.get_by_role("listitem").first).to_contain_text("message.received")
    assert await accessibility(page) == []
    await deliveries.get_by_role("button", name="Send again").first.click()
    await receiver.wait(4)
    assert len({request.id for request in receiver.accepted if request.label == "Tem bolo?"}) == 1
    await shoot(page, "webhook-deliveries")
    await deliveries.get_by_text("Given up", exact=True).click()
    await expect(deliveries.get_by_text("Nothing here.")).to_be_visible()
    await page.keyboard.press("Escape")

    await row.get_by_role("button", name="More for Orders").click()
    await page.get_by_role("menuitem", name="Switch off").click()
    await expect(row.get_by_text("Off", exact=True)).to_be_visible()
    small = await console.phone_page("/app/settings/webhooks", locale="pt-BR", color_scheme="dark")
    own = small.get_by_role("listitem", name="Orders")
    await own.get_by_role("button", name="Mais de Orders").click()
    await small.get_by_role("menuitem", name="Alterar").click()
    form = small.get_by_role("dialog", name="Orders")
    await expect(form.get_by_text("Guardados: X-Shop.")).to_be_visible()
    assert await accessibility(small) == []
    assert await form.evaluate("one => one.scrollWidth - one.clientWidth") <= 0
    await form.get_by_role("radiogroup", name="Eventos").get_by_text("Todos").click()
    await form.get_by_role("button", name="Salvar").click()
    await expect(own).to_contain_text("Todos os eventos · 1 número")
    await shoot(small, "settings-webhooks-phone")
    [kept] = await console.api.get("/webhooks")
    assert (kept["events"], kept["header_names"], kept["enabled"]) == ([], ["X-Shop"], False)
    await own.get_by_role("button", name="Mais de Orders").click()
    await small.get_by_role("menuitem", name="Remover").click()
    await small.get_by_role("alertdialog").get_by_role("button", name="Remover").click()
    await expect(small.get_by_text("Nenhum webhook ainda")).to_be_visible()
    assert await console.api.get("/webhooks") == []


async def _until_waiting(console: Console) -> None:
    async def waiting() -> Any:
        return (await console.api.get("/webhooks"))[0]["state"] == "waiting"

    await until(waiting, 30)


async def test_a_webhook_of_a_key_of_some_numbers(console: Console) -> None:
    """A program added it: a person sees and changes it, and never makes it one of all numbers."""
    page, api = console.page, console.api
    for name in ("loja", "salao"):
        await api.post("/sessions", {"session_id": name, "name": name.title()})
    key = await api.post("/api-keys", {"name": "n8n", "session_ids": ["loja"]})
    async with ProsaClient(console.installation.url) as program:
        program.access_token = key["key"]
        await program.post("/webhooks", {"url": "https://shop.example/hook", "enabled": False})
    await page.goto("/app/settings/webhooks")
    row = page.get_by_role("listitem", name="shop.example")
    await expect(row).to_contain_text("All events · 1 number · address from the API key n8n")
    await row.get_by_role("button", name="More for shop.example").click()
    await page.get_by_role("menuitem", name="Change").click()
    dialog = page.get_by_role("dialog", name="shop.example")
    await expect(dialog.get_by_text("it is told only what concerns these numbers")).to_be_visible()
    await expect(dialog.get_by_role("radiogroup", name="Numbers")).to_have_count(0)
    numbers = dialog.get_by_role("group", name="Numbers")
    await expect(numbers.get_by_role("checkbox", name="Loja")).to_be_checked()
    assert await accessibility(page) == []
    await shoot(page, "webhook-limited")
    await numbers.get_by_text("Loja").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("All events · no number: nothing is sent")
    [kept] = await api.get("/webhooks")
    assert (kept["session_ids"], kept["limited"]) == ([], True)
    small = await console.phone_page("/app/settings/webhooks", locale="pt-BR")
    own = small.get_by_role("listitem", name="shop.example")
    await expect(own).to_contain_text("nenhum número: nada é enviado")
    await own.get_by_role("button", name="Mais de shop.example").click()
    await small.get_by_role("menuitem", name="Alterar").click()
    form = small.get_by_role("dialog", name="shop.example")
    await expect(form.get_by_text("ele só sabe do que diz respeito a estes números")).to_be_visible()
    await form.get_by_text("Salao").click()
    await form.get_by_role("button", name="Salvar").click()
    await expect(own).to_contain_text("Todos os eventos · 1 número")
    assert [one["session_ids"] for one in await api.get("/webhooks")] == [["salao"]]
