"""Settings in the browser: oneself, people, colours and language, and what the installation runs on."""

from playwright.async_api import expect
from tests.console.conftest import DESKTOP, PHONE, Console, accessibility, shoot

from prosa_simulator.product import ProsaClient


async def test_people_are_added_and_removed_and_the_system_tells_of_itself(own_console: Console) -> None:
    console, page = own_console, own_console.page
    await page.goto("/app/settings")
    await page.wait_for_url("**/app/settings/you")
    await shoot(page, "settings-you")
    await page.get_by_label("Name", exact=True).fill("Beatriz Ramos")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("button", name="Your account: Beatriz Ramos")).to_be_visible()

    await page.get_by_role("tab", name="People").click()
    await page.get_by_role("button", name="Add a person").click()
    await page.get_by_label("Name", exact=True).fill("Caio Lima")
    await page.get_by_label("E-mail").fill(console.email)
    await page.get_by_label("Password", exact=True).fill("a password of Caio's")
    console.installation.forgive("409 .*/users")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("This e-mail is in use already.")).to_be_visible()
    await page.get_by_label("E-mail").fill("caio@example.com")
    await page.get_by_role("button", name="Add", exact=True).click()
    caio = page.get_by_role("listitem", name="Caio Lima")
    await expect(caio).to_contain_text("Agent")
    await shoot(page, "settings-people")
    small = await console.phone_page("/app/settings/people")
    own = small.get_by_role("listitem", name="Beatriz Ramos")  # two badges, and the menu is beside them
    menu = await own.get_by_role("button").bounding_box()
    badge = await own.get_by_text("Owner", exact=True).bounding_box()
    assert menu is not None
    assert badge is not None
    assert menu["y"] + menu["height"] > badge["y"]
    await small.close()
    await caio.get_by_role("button", name="More for Caio Lima").click()
    await page.get_by_role("menuitem", name="Remove").click()
    await page.get_by_role("button", name="Remove and erase").click()
    await expect(caio).to_be_hidden()
    assert "caio@example.com" not in {user["email"] for user in (await console.api.get("/users"))["items"]}

    await page.get_by_role("tab", name="System").click()
    await expect(page.get_by_text("Everything works")).to_be_visible()
    await expect(page.get_by_text("SQLite")).to_be_visible()
    await shoot(page, "settings-system")


async def test_keys_of_providers_are_added_replaced_and_removed(console: Console) -> None:
    page = console.page
    await page.goto("/app/settings/keys")
    await page.get_by_role("button", name="Add a key").click()
    keys = page.get_by_role("link", name="Make one at aistudio.google.com")
    await expect(keys).to_have_attribute("href", "https://aistudio.google.com/apikey")
    await page.get_by_role("button", name="Provider").click()
    await page.get_by_role("option", name="Anthropic").click()
    await expect(keys).to_be_hidden()
    await page.get_by_label("Key", exact=True).fill("example-0123456789")
    await page.get_by_role("button", name="Save").click()
    row = page.get_by_role("listitem", name="Anthropic")
    await expect(row).to_contain_text("ends in 6789")
    await shoot(page, "settings-keys")
    await page.reload()
    await expect(row).to_be_visible()
    assert await accessibility(page) == []
    await row.get_by_role("button", name="More for the key of Anthropic").click()
    await page.get_by_role("menuitem", name="Replace").click()
    await page.get_by_label("Key", exact=True).fill("example 2")
    console.installation.forgive("422")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("letters, digits and signs only").first).to_be_visible()
    await page.get_by_label("Key", exact=True).fill("example-9999")
    await page.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("ends in 9999")
    assert "example" not in await page.content()
    await row.get_by_role("button", name="More for the key of Anthropic").click()
    await page.get_by_role("menuitem", name="Remove").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
    await expect(row).to_be_hidden()
    keys = await console.api.get("/provider-keys")
    assert [key for key in keys if key["scope"] == "own"] == []


async def test_api_keys_are_made_shown_once_renamed_and_revoked(console: Console) -> None:
    page = console.page
    await page.goto("/app/settings/api-keys")
    await expect(page.get_by_text("No API keys yet")).to_be_visible()
    await page.get_by_role("button", name="Make a key").click()
    await page.get_by_role("dialog").get_by_role("button", name="Make a key").click()
    await expect(page.get_by_text("This is needed.")).to_be_visible()
    await page.get_by_label("Name", exact=True).fill("n8n")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="The key n8n")
    key = (await dialog.get_by_role("status", name="Key").inner_text()).strip()
    await expect(dialog.get_by_role("button", name="Copy the key")).to_be_focused()
    await shoot(page, "settings-api-keys-made")
    assert await accessibility(page) == []
    await page.keyboard.press("Escape")  # it would be lost
    await expect(dialog).to_be_visible()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await dialog.get_by_role("button", name="Copy the key").click()
    await expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == key
    await dialog.get_by_role("button", name="I have kept it").click()
    row = page.get_by_role("listitem", name="n8n")
    await expect(row).to_contain_text(f"{key[:12]}…")
    await expect(row).to_contain_text("never used")
    await expect(row).to_contain_text("Full")
    assert key not in await page.content()

    async with ProsaClient(console.installation.url) as program:
        program.access_token = key
        assert (await program.get("/auth/me"))["email"] == console.email
        await page.reload()
        await expect(row).to_contain_text("used now")

    await page.get_by_role("button", name="Make a key").click()
    await page.get_by_label("Name", exact=True).fill("Weekly report")
    await page.get_by_text("Reads only", exact=True).click()
    await page.get_by_role("button", name="Runs out").click()
    await page.get_by_role("option", name="Never").click()
    await page.get_by_role("dialog").get_by_role("button", name="Make a key").click()
    await page.get_by_role("button", name="I have kept it").click()
    report = page.get_by_role("listitem", name="Weekly report")
    await expect(report).to_contain_text("Reads only")
    await expect(report).not_to_contain_text("runs out")
    await shoot(page, "settings-api-keys")

    await report.get_by_role("button", name="More for the key Weekly report").click()
    await page.get_by_role("menuitem", name="Change").click()
    await page.get_by_label("Name", exact=True).fill("Report")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("listitem", name="Report", exact=True)).to_be_visible()
    await row.get_by_role("button", name="More for the key n8n").click()
    await page.get_by_role("menuitem", name="Revoke").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()
    await expect(row).to_be_hidden()
    left = (await console.api.get("/api-keys"))["items"]
    assert [(one["name"], one["access"], one["expires_at"]) for one in left] == [("Report", "read", None)]


async def test_an_api_key_is_limited_to_numbers_and_tells_of_its_webhooks(console: Console) -> None:
    page = console.page
    for number, name in (("shop", "Padaria Estrela"), ("salon", "Salão Lua")):
        await console.api.post("/sessions", {"session_id": number})
        await console.api.patch(f"/sessions/{number}", {"name": name})
    await page.goto("/app/settings/api-keys")
    await page.get_by_role("button", name="Make a key").click()
    dialog = page.get_by_role("dialog")
    await page.get_by_label("Name", exact=True).fill("Padaria")
    await dialog.get_by_role("radiogroup", name="Numbers").get_by_text("Only these").click()
    await dialog.get_by_role("button", name="Make a key").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Choose at least one.")
    await dialog.get_by_text("Padaria Estrela").click()
    await expect(dialog).to_contain_text("It sees and does only what concerns these.")
    await expect(dialog.get_by_role("alert")).to_be_hidden()
    assert await accessibility(page) == []
    await shoot(page, "settings-api-keys-numbers")
    await dialog.get_by_role("button", name="Make a key").click()
    made = page.get_by_role("dialog", name="The key Padaria")
    key = (await made.get_by_role("status", name="Key").inner_text()).strip()
    await made.get_by_role("button", name="I have kept it").click()
    row = page.get_by_role("listitem", name="Padaria")
    await expect(row).to_contain_text("Padaria Estrela")
    await expect(row).not_to_contain_text("Salão Lua")

    async with ProsaClient(console.installation.url) as program:
        program.access_token = key
        assert [one["session_id"] for one in (await program.get("/sessions"))["items"]] == ["shop"]
        await row.get_by_role("button", name="More for the key Padaria").click()
        await page.get_by_role("menuitem", name="Change").click()
        await expect(dialog.get_by_role("radio", name="Only these")).to_be_checked()
        await dialog.get_by_text("Padaria Estrela").click()
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_have_text("Choose at least one.")
        await dialog.get_by_text("Salão Lua").click()
        await expect(dialog).to_contain_text("Holds at once, also for programs that are listening.")
        await dialog.get_by_role("button", name="Save").click()
        await expect(row).to_contain_text("Salão Lua")
        await expect(row).not_to_contain_text("Padaria Estrela")
        assert [one["session_id"] for one in (await program.get("/sessions"))["items"]] == ["salon"]
    whole = await console.api.post("/api-keys", {"name": "n8n"})
    async with ProsaClient(console.installation.url) as program:
        program.access_token = whole["key"]
        await program.post("/webhooks", {"url": "https://shop.example/orders", "name": "Orders"})
    await page.reload()
    everything = page.get_by_role("listitem", name="n8n")
    await expect(everything).to_contain_text("all numbers")
    await everything.get_by_role("button", name="More for the key n8n").click()
    await page.get_by_role("menuitem", name="Revoke").click()
    asked = page.get_by_role("alertdialog")
    await expect(asked).to_contain_text("A webhook has its address from it and goes on.")
    await expect(asked.get_by_role("listitem")).to_have_text("Orders")
    await shoot(page, "settings-api-keys-revoke")
    await asked.get_by_role("button", name="Revoke").click()
    await expect(everything).to_be_hidden()

    await console.api.delete("/sessions/salon")
    await page.reload()
    await expect(row).to_contain_text("no number any more")
    await page.goto("/app/settings/webhooks")
    await expect(page.get_by_role("listitem", name="Orders")).to_contain_text("address from the API key n8n (revoked)")


async def test_an_api_key_is_made_on_a_narrow_phone_by_keys_alone(console: Console) -> None:
    await console.page.close()
    context = await console.installation.context(size=(390, 844), locale="pt-BR")
    page = await console.sign_in(await context.new_page(), "/app/settings/api-keys")
    make = page.get_by_role("button", name="Criar chave")
    await make.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Nome", exact=True)).to_be_focused()
    await page.keyboard.type("Integração com o sistema da padaria, da loja e do depósito")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("radio", name="Só leitura")).to_be_checked()
    assert await accessibility(page) == []
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Copiar a chave")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listitem", name="Integração")).to_contain_text("Só leitura")
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    [made] = (await console.api.get("/api-keys"))["items"]
    assert (made["access"], made["expires_at"] is None) == ("read", False)


async def test_colours_and_language_are_kept_on_the_device(console: Console) -> None:
    await console.page.close()
    page = await console.phone_page("/app/settings/appearance", color_scheme="light")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = await page.evaluate(paper)
    await page.get_by_text("Dark", exact=True).click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.locator("html")).not_to_have_css("background-color", light)
    await page.get_by_text("Português (Brasil)").click()
    await expect(page.get_by_role("heading", name="Ajustes")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Ajustes")).to_be_visible()
    await page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    tabs = page.get_by_role("tablist")
    assert await tabs.evaluate("tabs => tabs.scrollWidth <= tabs.clientWidth"), "all tabs are seen on a wide screen"
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert await page.evaluate("document.documentElement.lang") == "pt-BR"
    assert await page.evaluate(paper) != light
    await shoot(page, "settings-appearance", DESKTOP)
