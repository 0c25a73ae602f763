"""Getting in and out: the first start, a password, a sign-in that ends while somebody works."""

from playwright.async_api import expect
from tests.console.conftest import EMAIL, PASSWORD, PHONE, Console, Installation, shoot

from prosa_simulator.product import ProsaClient

SHOP = "551140000001"


async def test_the_first_start_leads_to_a_linked_number_and_an_answered_contact(installation: Installation) -> None:
    page = await installation.page(size=PHONE)
    await expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    await shoot(page, "welcome")
    page = await installation.page()
    await expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    await shoot(page, "welcome")
    await page.get_by_label("Your name").fill("Bia Ramos")
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()
    await page.wait_for_url("**/app/numbers/link")

    # nothing is configured: the phone scans, somebody writes, the AI answers
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    async with ProsaClient(installation.url) as api:
        await api.login(EMAIL, PASSWORD)
        (session,) = (await api.get("/sessions"))["items"]
    await installation.world.network.phone(SHOP, "Padaria Estrela").scan(session["qr"])
    await expect(page.get_by_role("heading", name="Linked")).to_be_visible()
    ana = await installation.world.contacts.link("5511988880001", name="Ana Souza")
    await ana.send_text(SHOP, "Vocês abrem no domingo?")
    await page.get_by_role("link", name="Open the inbox").click()
    await page.get_by_role("link", name="Ana Souza").click()
    await expect(page.get_by_role("log", name="Messages").locator("article.bubble-ai")).to_be_visible()
    await ana.wait_for(lambda _: len(ana.received) == 1)


async def test_what_a_field_lacks_is_said_in_the_language_of_the_console(installation: Installation) -> None:
    page = await installation.page(locale="pt-BR", size=PHONE)  # the browser itself speaks English
    await page.get_by_label("E-mail").fill("bia")
    await page.get_by_label("Senha", exact=True).press_sequentially("curta")
    await page.get_by_role("button", name="Criar conta").click()
    await expect(page.get_by_text("Escreva um endereço de e-mail, como ana@exemplo.com.br.")).to_be_visible()
    await expect(page.get_by_text("Pelo menos 10 caracteres.", exact=True)).to_be_visible()
    await page.get_by_label("E-mail").fill("")
    await page.get_by_role("button", name="Criar conta").click()
    await expect(page.get_by_text("Preencha este campo.")).to_be_visible()


async def test_signing_out_and_in_again(console: Console) -> None:
    page = console.page
    await page.get_by_role("button", name="Your account").click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await expect(page.get_by_label("E-mail")).to_have_value(console.email)
    await shoot(page, "sign-in")
    console.installation.forgive("401")
    await page.get_by_label("Password", exact=True).fill("not the password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("wrong")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("navigation")).to_be_visible()
