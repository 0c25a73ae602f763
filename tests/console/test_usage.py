"""What answers cost, in the browser."""

from pathlib import Path

from playwright.async_api import expect
from tests.console.conftest import Console, accessibility, shoot


async def test_usage_shows_what_an_answered_message_cost(console: Console, tmp_path: Path) -> None:
    page = console.page
    await page.goto("/app/usage")
    await expect(page.get_by_role("heading", name="Nothing used yet")).to_be_visible()
    assert await accessibility(page) == []

    await console.link(name="Loja", ai_enabled=True)
    ana = await console.contact()
    await ana.send_text(console.number, "Good morning!")
    await console.events.wait("ai.replied", seconds=40)
    report = await console.api.get("/usage")
    dollars = report["cost_microusd"] / 1e6
    assert dollars > 0

    await page.reload()
    cost = page.get_by_role("definition").filter(has_text="by list price")
    shown = await cost.inner_text()
    assert float(shown.split()[0].lstrip("$")) > 0
    assert abs(float(shown.split()[0].lstrip("$")) / dollars - 1) < 0.06  # two digits are shown
    await expect(page.get_by_role("region", name="Answers by where they came from")).to_contain_text("1 · 100%")
    await expect(page.get_by_role("definition").filter(has_text="1 received, 1 sent")).to_be_visible()
    await expect(page.get_by_role("definition").filter(has_text="waited no longer than")).to_be_visible()
    await expect(page.get_by_role("img", name="Messages by day, 30 days: 2")).to_be_visible()
    await expect(page.get_by_role("img", name="Answers by day, 30 days: 1")).to_be_visible()
    await expect(page.get_by_role("img", name="Tokens by day")).to_be_visible()
    await expect(page.get_by_role("row", name="Loja")).to_be_visible()
    await page.get_by_role("figure", name="Cost by day").get_by_text("As a table").click()
    await expect(page.get_by_role("figure", name="Cost by day").get_by_role("row")).to_have_count(31)
    await page.get_by_role("button", name="Set a budget").click()
    await page.get_by_label("US dollars a month").fill("20")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.get_by_role("meter", name="Budget of this month")).to_be_visible()
    assert (await console.api.get("/usage/budget"))["usd"] == 20
    await page.reload()  # the news of the budget is gone
    await expect(page.get_by_role("row", name="Loja")).to_be_visible()
    await shoot(page, "usage")
    assert await accessibility(page) == []
    for file, found in (("Model calls and costs", "reply"), ("Messages and answers", "received,sent_ai")):
        await page.get_by_role("button", name="Export CSV").click()
        async with page.expect_download() as download:
            await page.get_by_role("menuitem", name=file).click()
        await (await download.value).save_as(tmp_path / "usage.csv")
        text = (tmp_path / "usage.csv").read_text(encoding="utf-8")
        assert console.session in text
        assert found in text

    phone = await console.phone_page("/app/usage", locale="pt-BR", color_scheme="dark")
    await phone.get_by_text("7 dias").click()
    await expect(
        phone.get_by_role("figure", name="Custo por dia").get_by_role("row", include_hidden=True)
    ).to_have_count(8)
    await shoot(phone, "usage")
    assert await accessibility(phone) == []
