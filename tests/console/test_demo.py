"""The demo as a newcomer walks through it: the console in a frame, phones beside it."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect
from rich.console import Console
from tests.console.conftest import DESKTOP, PASSWORD, PATIENCE, PHONE, accessibility, played, shoot

from prosa_simulator.demo.stage import prepare
from prosa_simulator.gemini.demo_brain import bakery_script
from prosa_simulator.product.world import World

EVERYBODY_IN_SIGHT = """() => {
  const people = [...document.querySelectorAll(".person:not(.person-add)")];
  const add = document.querySelector(".person-add");
  const right = Math.max(...people.map((person) => person.getBoundingClientRect().right));
  return people.length >= 3 && right <= add?.getBoundingClientRect().left;
}"""

MICROPHONE = """navigator.mediaDevices.getUserMedia = async () => {
  const sound = new AudioContext(), tone = sound.createOscillator(), heard = sound.createMediaStreamDestination();
  tone.connect(heard);
  tone.start();
  return heard.stream;
}"""
"""A microphone that hears a tone: machines that test have none."""


class Demo:
    """The demo's world, and browsers in it."""

    def __init__(self, world: World, url: str, browser: Browser) -> None:
        self.world = world
        self.url = url
        self.faults: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    async def open(self, path: str, size: tuple[int, int], **options: Any) -> Page:
        """Open a page in a browser of its own; whatever goes wrong there is kept."""
        width, height = size
        context = await self._browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", has_touch=size == PHONE, **options
        )
        context.set_default_timeout(PATIENCE)
        context.on("request", self._request)
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("console", self._line)
        self._contexts.append(context)
        page = await context.new_page()
        await page.goto(self.url + path)
        return page

    async def close(self) -> None:
        """Close the browsers."""
        for context in self._contexts:
            await context.close()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.url, self.world.processes[0].url, "blob:", "data:")):
            self.faults.append(f"foreign request: {request.url}")

    def _line(self, line: ConsoleMessage) -> None:
        # The scan may be quicker than the picture of its code, and a phone whose line was cut cannot tell what it read.
        expected = line.location["url"].endswith(("/qr?format=svg", "/read"))
        if line.type == "error" and not expected:
            self.faults.append(f"console: {line.text} ({line.location['url']})")


@pytest.fixture
async def demo(tmp_path: Path, browser: Browser) -> AsyncIterator[Demo]:
    async with World(tmp_path / "world", script=bakery_script()) as world:
        url = await prepare(world, Console(file=io.StringIO()), port=0)
        demo = Demo(world, url, browser)
        yield demo
        await demo.close()
        await world.processes[0].kill()
    assert demo.faults == []


async def test_a_newcomer_links_the_number_asks_and_is_answered(demo: Demo) -> None:
    page = await demo.open("/", DESKTOP, locale="en-US")
    console = page.frame_locator("iframe")
    await console.get_by_label("E-mail").fill("newcomer@example.com")
    await console.get_by_label("Password", exact=True).fill(PASSWORD)
    await shoot(page, "demo-start")
    await console.get_by_role("button", name="Create account").click()

    await page.get_by_role("button", name="Link a device").click()
    await page.get_by_role("button", name="Scan the code shown in the console").click()
    await expect(page.get_by_role("heading", name="Linked", exact=True)).to_be_visible()
    await expect(console.get_by_role("heading", name="Linked", exact=True)).to_be_visible()
    await shoot(page, "demo-linked")
    await page.get_by_role("button", name="Take Maria’s phone").click()

    log = page.get_by_role("log", name="Messages")
    writer = page.get_by_role("textbox", name="Message", exact=True)
    await writer.fill("My name is Maria. Are you open on Sunday?")
    await writer.press("Enter")
    await expect(log.get_by_text("Nice to meet you, Maria! We are open Monday to Saturday")).to_be_visible()
    await expect(log.get_by_role("img", name="read", exact=True)).to_be_visible()

    await page.get_by_role("button", name="Attach").click()
    await page.get_by_role("button", name="Sample voice message").click()
    await expect(log.get_by_role("group", name="Voice message, 0:05")).to_be_visible()
    await expect(log.get_by_text("We bake party cakes to order")).to_be_visible()
    await expect(page.get_by_text("Step 5 of 5")).to_be_visible()

    # one's own recording, which Chromium makes as WebM: it goes out as WhatsApp has it, so that a model hears it
    await page.evaluate(MICROPHONE)
    await page.get_by_role("button", name="Record a voice message").click()
    await expect(page.get_by_text("0:01", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Send the recording").click()
    await expect(log.get_by_text("This demo follows a script and cannot hear")).to_be_visible()

    await console.get_by_role("link", name="Inbox", exact=True).click()
    await console.get_by_text("Maria").first.click()
    await expect(console.get_by_text("Do you deliver on Sundays?")).to_be_visible()  # what the voice message says
    recorded = console.get_by_role("article").filter(has_text=re.compile(r"Voice message0:0[1-9]")).last
    await recorded.get_by_role("button", name="Play").click()
    assert await played(console.locator("article audio")) > 0.9
    await shoot(page, "demo-chat")

    await page.locator("[data-fault=restart]").click()
    await expect(page.get_by_text("WhatsApp is down", exact=True)).to_be_visible()
    await writer.fill("Do you remember my name?")
    await writer.press("Enter")
    await expect(log.get_by_role("img", name="waits for the network")).to_be_visible()
    await expect(log.get_by_text("Your name is Maria!")).to_be_visible(timeout=3 * PATIENCE)
    await expect(log.get_by_text("Your name is Maria!")).to_have_count(1)

    await page.reload()
    await expect(page.get_by_role("log").get_by_text("Your name is Maria!")).to_be_visible()

    phone = await demo.open("/phone", PHONE, locale="pt-BR", color_scheme="dark")
    await expect(phone.get_by_role("heading", name="Aparelhos conectados")).to_be_visible()
    await shoot(phone, "demo-phone-owner")
    await phone.wait_for_function(EVERYBODY_IN_SIGHT)  # at one moment, once all have come
    assert await accessibility(phone) == []
    await phone.get_by_role("button", name="Maria").first.click()
    await expect(phone.get_by_role("log").get_by_text("Your name is Maria!")).to_be_visible()
    await shoot(phone, "demo-phone")
    assert await accessibility(phone) == []
    assert await phone.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    await phone.get_by_role("button", name="Padaria Estrela").first.click()
    await phone.get_by_role("button", name="Remover aparelho").click()
    await phone.get_by_role("button", name="Remover aparelho").click()
    await expect(phone.get_by_text("Nenhum aparelho conectado ainda.")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("The shop’s number is not linked yet")).to_be_visible()
    assert await accessibility(await demo.open("/phone", DESKTOP, locale="en-US")) == []
