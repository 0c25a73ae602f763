"""How a number answers, in the browser: instructions, hours, frequent answers, knowledge and tools."""

import asyncio
import json
import re
from typing import Any

from playwright.async_api import Page, expect
from tests.console.conftest import DESKTOP, PHONE, Console, accessibility, shoot
from tests.fixtures.sending import until

from prosa_simulator.gemini.answers import Failure


async def tab(page: Page, name: str) -> None:
    await page.get_by_role("tab", name=name, exact=True).click()


async def save(page: Page) -> None:
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("button", name="Discard")).to_be_hidden()


async def settings(console: Console) -> dict[str, Any]:
    session = await console.api.get(f"/sessions/{console.session}")
    stored: dict[str, Any] = session["settings"]
    return stored


async def test_instructions_behaviour_and_hours_are_changed(linked: Console) -> None:
    page = linked.page
    await page.goto("/app/ai")
    instructions = page.get_by_role("textbox", name="Instructions")
    await instructions.fill("You answer for Loja. Be brief.")
    await expect(page.get_by_text("1 change not saved").first).to_be_visible()
    await page.get_by_role("link", name="Numbers", exact=True).click()  # looks something up, and comes back
    await page.get_by_role("link", name="AI", exact=True).click()
    await expect(instructions).to_have_value("You answer for Loja. Be brief.")
    await shoot(page, "ai-instructions")
    assert await accessibility(page) == []

    await tab(page, "Behaviour")
    await page.get_by_label("Tries before a person must look").fill("200")
    await expect(page.get_by_text("A whole number between 1 and 20.")).to_be_visible()
    await page.get_by_role("group").filter(has_text="People take over").locator("summary").click()
    await page.get_by_label("Words that stop the AI").fill("#stop\natendente\n")
    button = page.get_by_role("button", name="Save", exact=True)
    place = await button.bounding_box()
    await tab(page, "Hours")
    await expect(page.get_by_text("Keep business hours")).to_be_visible()
    assert await button.bounding_box() == place  # beside a long part and a short one: no press misses it
    await button.click()  # leads back to what is wrong
    tries = page.get_by_label("Tries before a person must look")
    await expect(tries).to_be_focused()
    await tab(page, "Hours")
    await button.click()  # at once, while the part is on its way
    await expect(tries).to_be_focused()
    await tries.fill("3")
    await shoot(page, "ai-behaviour")
    assert await accessibility(page) == []

    await tab(page, "Hours")
    await page.get_by_text("Keep business hours").click()
    await page.get_by_label("Monday: opens, 1").fill("08:30")
    await page.get_by_role("button", name="Add hours on Saturday").click()
    await page.get_by_label("Saturday: closes, 1").fill("00:00")
    await page.get_by_label("Message outside these hours").fill("We are closed.")
    await page.get_by_label("Holidays").fill("12-25")
    await shoot(page, "ai-hours")
    assert await accessibility(page) == []
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    # however narrow, × stands in one line with the times
    await page.wait_for_function(
        """() => [...document.querySelectorAll(".ai-interval")].every(one => {
            const places = [...one.querySelectorAll("input, button")].map(part => part.getBoundingClientRect());
            const middles = places.map(({ top, height }) => top + height / 2);
            return Math.max(...middles) - Math.min(...middles) < 2;
        })"""
    )
    await page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    await save(page)

    stored = await settings(linked)
    assert stored["instructions"] == "You answer for Loja. Be brief."
    assert stored["turns"]["most_tries"] == 3
    assert stored["takeover"]["stop_keywords"] == ["#stop", "atendente"]
    hours = stored["hours"]
    assert hours["weekly"]["monday"] == ["08:30-18:00"]
    assert hours["weekly"]["saturday"] == ["09:00-24:00"]
    assert hours["weekly"]["sunday"] == []
    assert (hours["enabled"], hours["holidays"], hours["message"]) == (True, ["12-25"], "We are closed.")


async def test_answers_are_tried_with_what_is_not_saved(linked: Console) -> None:
    page = linked.page
    await page.goto(f"/app/ai/{linked.session}/instructions")
    await page.get_by_role("textbox", name="Instructions").fill("We open at nine.")
    question = page.get_by_label("Message of a contact")
    await question.fill("When do you open?")
    await question.press("Enter")
    talk = page.get_by_role("log")
    await expect(talk.get_by_text("tokens ·")).to_be_visible()
    await page.get_by_label("And then?").fill("And on Sunday?")
    await page.get_by_role("button", name="Try", exact=True).click()
    await expect(talk.get_by_text("tokens ·")).to_have_count(2)
    await talk.get_by_text("How it came about").last.click()
    await expect(talk.get_by_text("Contact", exact=True)).to_have_count(3)  # the first question is told once more
    await talk.get_by_text("Rules and instructions").last.click()
    await expect(talk.get_by_text("We open at nine.").last).to_be_visible()
    await shoot(page, "ai-try")
    assert await accessibility(page) == []
    assert (await settings(linked))["instructions"] == ""
    assert (await linked.api.get("/conversations"))["items"] == []


async def test_why_a_try_gave_no_answer_is_said_in_the_language_of_the_page(own_console: Console) -> None:
    console = own_console
    await console.link()
    console.world.gemini.script.enqueue(Failure(403))
    console.installation.forgive("409 .*/try")
    page = await console.phone_page(f"/app/ai/{console.session}/instructions", locale="pt-BR")
    question = page.get_by_label("Mensagem de um contato")
    await question.fill("Vocês abrem domingo?")
    await question.press("Enter")
    told = page.get_by_role("alert").filter(has_text="O provedor recusou a chave de API.")
    await expect(told).to_contain_text("Ajustes, Chaves de modelos")
    await expect(told).not_to_contain_text("refused")


async def test_budgets_and_models_to_fall_back_to_are_set(linked: Console) -> None:
    await linked.page.close()
    page = await linked.phone_page(f"/app/ai/{linked.session}/budget", locale="pt-BR")
    await page.get_by_label("Uma resposta, em dólares").fill("0,05")
    await page.get_by_label("Este número por mês, em tokens").fill("2000000")
    await page.get_by_label("Mensagem quando um orçamento acaba").fill("Já voltamos.")
    share = page.get_by_label("Avisar programas a esta parte")
    await share.fill("200")
    await expect(page.get_by_text("Uma porcentagem entre 1 e 100.")).to_be_visible()
    await share.fill("90")
    await shoot(page, "ai-budget")
    assert await accessibility(page) == []
    await tab(page, "Instruções")
    await page.get_by_text("Modelo e memória").click()
    for model in ("openai:gpt-5-mini", "gemini-3.8-flash"):
        await page.get_by_label("Modelo a adicionar").fill(model)
        await page.get_by_role("button", name="Adicionar modelo").click()
    await page.get_by_role("button", name="Perguntar antes a gemini-3.8-flash").click()
    await page.get_by_role("button", name="Salvar", exact=True).click()
    await expect(page.get_by_role("button", name="Descartar")).to_be_hidden()
    stored = await settings(linked)
    budget = stored["budget"]
    assert (budget["reply_usd"], budget["number_tokens"], budget["alert_share"]) == (0.05, 2_000_000, 0.9)
    assert (budget["message"], budget["conversation_usd"]) == ("Já voltamos.", None)
    assert stored["fallback_models"] == ["gemini-3.8-flash", "openai:gpt-5-mini"]


async def test_what_the_api_refuses_is_said_at_the_field(linked: Console) -> None:
    page = linked.page
    linked.installation.forgive("422")
    await linked.api.patch(
        f"/sessions/{linked.session}", {"settings": {"hours": {"enabled": True, "weekly": {"monday": ["09:00-18:00"]}}}}
    )
    await page.goto(f"/app/ai/{linked.session}/hours")
    await page.get_by_label("Holidays").fill("Christmas")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("must be a date like 2026-12-25")).to_be_visible()
    await page.get_by_role("button", name="Discard").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Discard").click()
    await expect(page.get_by_label("Holidays")).to_have_value("")
    await page.get_by_role("button", name="Remove hours 1 on Monday").click()
    warning = page.get_by_text("Give at least one time at which you are open")
    await expect(warning).to_be_visible()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("button", name="Discard")).to_be_visible()
    assert (await settings(linked))["hours"]["weekly"]["monday"] == ["09:00-18:00"]
    await page.get_by_role("button", name="Add hours on Monday").click()
    await expect(warning).to_have_count(0)

    own = await linked.phone_page(f"/app/ai/{linked.session}/hours", locale="pt-BR")
    await own.get_by_label("Feriados").fill("Natal")
    await own.get_by_role("button", name="Salvar", exact=True).click()
    await expect(own.get_by_text("Escreva datas como 2026-12-25").first).to_be_visible()


async def test_what_is_asked_often_is_suggested_and_approved(console: Console) -> None:
    await console.link(name="Loja", ai_enabled=True, frequent={"mode": "shadow"})
    ana, told = await console.contact(), set[str]()

    async def ask() -> None:
        await ana.send_text(console.number, "Do you deliver on Saturdays?")
        event = await console.events.wait("ai.replied", lambda event: event["id"] not in told, seconds=40)
        told.add(event["id"])

    async def suggested() -> bool:
        await ask()  # what is asked while the model of meanings is loaded does not count
        await asyncio.sleep(0.5)
        found = await console.api.get("/frequent-answers/suggestions", session=console.session)
        return bool(found["items"])

    await until(suggested, seconds=90)
    page = console.page
    await page.goto(f"/app/ai/{console.session}/answers")
    await page.get_by_role("tab", name="Suggestions").click()
    card = page.get_by_role("list", name="Suggestions").get_by_role("listitem").first
    await expect(card).to_contain_text(re.compile(r"Asked \d+ times"))
    await shoot(page, "ai-suggestions")
    assert await accessibility(page) == []
    await card.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_role("heading", name="No suggestions yet")).to_be_visible()
    await tab(page, "Answers")
    await expect(page.get_by_role("list", name="Answers")).to_contain_text("deliver on Saturdays", ignore_case=True)
    await page.get_by_text("On", exact=True).click()
    await save(page)

    async def given() -> bool:
        await ask()  # an approved answer is taken in after a moment
        return bool((await console.api.get("/usage"))["answers"].get("approved"))

    await until(given, seconds=60)


async def test_a_frequent_answer_is_made_and_given(linked: Console) -> None:
    await linked.page.close()
    page = await linked.phone_page(f"/app/ai/{linked.session}/answers", locale="pt-BR")
    await page.get_by_text("Só observar").click()
    await page.get_by_role("button", name="Salvar", exact=True).click()
    await page.get_by_role("button", name="Nova resposta").click()
    await page.get_by_label("Pergunta", exact=True).fill("Qual o horário de vocês?")
    await page.get_by_label("Resposta", exact=True).fill("Das 9 às 18 h.")
    await page.get_by_label("Outros jeitos de perguntar").fill("Que horas abre?\nAté que horas ficam abertos?")
    await page.get_by_role("dialog").get_by_role("button", name="Salvar").click()
    answer = page.get_by_role("button", name="Qual o horário de vocês?")
    await expect(answer).to_contain_text("3 jeitos de perguntar")
    await shoot(page, "ai-answers")
    await page.reload()  # what a screen reader was told of buttons that waited is gone
    await expect(answer).to_be_visible()
    assert await accessibility(page) == []

    await answer.click()
    await page.get_by_role("button", name="Remover “Que horas abre?”").click()
    await expect(page.get_by_text("Que horas abre?")).to_be_hidden()
    await page.get_by_role("button", name="Cancelar").click()
    await expect(answer).to_contain_text("2 jeitos de perguntar")
    await page.get_by_role("tab", name="Sugestões").click()
    await expect(page.get_by_role("heading", name="Nenhuma sugestão ainda")).to_be_visible()
    await page.get_by_role("tab", name="Relatório").click()
    await expect(page.get_by_text("ainda não se sabe")).to_be_visible()


async def test_documents_and_tools_are_added_and_tried(linked: Console) -> None:
    page = linked.page
    await page.goto(f"/app/ai/{linked.session}/knowledge")
    await page.get_by_role("button", name="Paste a text").click()
    await page.get_by_label("Name", exact=True).fill("Prices")
    await page.get_by_label("Text", exact=True).fill("# Cakes\nA carrot cake costs R$ 42.")
    await page.get_by_role("dialog").get_by_role("button", name="Add").click()
    await expect(page.get_by_role("listitem", name="Prices")).to_contain_text("Ready")
    await page.get_by_label("Question", exact=True).fill("How much is a carrot cake?")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.get_by_text("A carrot cake costs R$ 42.")).to_be_visible()
    await shoot(page, "ai-knowledge")
    await page.reload()
    await expect(page.get_by_role("listitem", name="Prices")).to_be_visible()
    assert await accessibility(page) == []

    await tab(page, "Tools")
    await page.get_by_role("button", name="New tool").click()
    await page.get_by_label("Name").first.fill("order_status")
    await page.get_by_label("When to use it").fill("Says where an order is.")
    await page.get_by_label("Address", exact=True).fill("https://shop.example/api/orders")
    await page.get_by_label("Arguments", exact=True).fill("not JSON")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("This is no JSON object.")).to_be_visible()
    parameters = {"type": "object", "properties": {"order": {"type": "string"}}}
    await page.get_by_label("Arguments", exact=True).fill(json.dumps(parameters))
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("listitem", name="order_status")).to_be_visible()
    await page.get_by_role("button", name="Try").click()
    await expect(page.get_by_label("Arguments, as JSON")).to_have_value('{\n  "order": ""\n}')
    await page.get_by_role("button", name="Close").last.click()
    await shoot(page, "ai-tools")
    await page.reload()
    await expect(page.get_by_role("listitem", name="order_status")).to_be_visible()
    assert await accessibility(page) == []
