"""Chromium with the console in it, in front of a real Prosa in a simulated world.

Take the highest fixture that a test needs:

- `installation`: Prosa runs, nobody has registered; `installation.page()` opens a page.
- `console`: the owner is signed in, in the API (`console.api`) and on the page (`console.page`, at `/app/numbers`).
- `linked`: and the number `SHOP` is linked and online as session `shop`, without AI unless a test sets it.

Every page fails its test if the console logs an error, breaks its content security policy, or asks another host for
anything. A test that provokes an error says so: `installation.forgive("429")`.
"""

import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect
from tests.fixtures.servers import missing

from prosa.console.pages import BUILT
from prosa_simulator.contacts import Contact
from prosa_simulator.network.phone import Phone
from prosa_simulator.product import EventStream, ProsaClient, ProsaProcess
from prosa_simulator.product.world import World

SHOP = "551140000001"
ANA = "5511988887777"
EMAIL, PASSWORD = "owner@example.com", "a long password"
DESKTOP, PHONE = (1440, 900), (375, 812)
PATIENCE = 20_000
"""Milliseconds that something may take to show on a busy machine."""
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCREENSHOTS = os.environ.get("PROSA_SCREENSHOTS")

expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.chromium)
            item.add_marker(pytest.mark.xdist_group("chromium"))  # one browser is enough for two cores


@dataclass
class Installation:
    """A Prosa, and browsers in front of it."""

    world: World
    prosa: ProsaProcess
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    # a phone may scan a code while its picture is still on the way
    forgiven: list[str] = field(default_factory=lambda: [r"409 .*/qr\?format=svg"])

    @property
    def url(self) -> str:
        """Where the console is."""
        return self.prosa.url

    async def context(
        self, *, size: tuple[int, int] = DESKTOP, locale: str = "en-US", **options: Any
    ) -> BrowserContext:
        """Open a browser of its own: another person, another device."""
        width, height = size
        context = await self.browser.new_context(
            base_url=self.url, viewport={"width": width, "height": height}, locale=locale, reduced_motion="reduce",
            **options,
        )  # fmt: skip
        context.set_default_timeout(PATIENCE)
        context.on("request", self._request)
        context.on("weberror", lambda error: self.faults.append(f"page: {error.error}"))
        context.on("console", self._line)
        self.contexts.append(context)
        return context

    async def page(self, path: str = "/", **options: Any) -> Page:
        """Open a page of a new browser."""
        page = await (await self.context(**options)).new_page()
        await page.goto(path)
        return page

    def forgive(self, *patterns: str) -> None:
        """Take faults that match for granted."""
        self.forgiven += patterns

    def unforgiven(self) -> list[str]:
        """Return what went wrong on any page."""
        return [fault for fault in self.faults if not any(re.search(known, fault) for known in self.forgiven)]

    def _line(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.faults.append(f"console: {line.text} ({line.location['url']})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.url, self.url.replace("http", "ws"), "blob:", "data:")):
            self.faults.append(f"foreign request: {request.url}")


@dataclass
class Console:
    """An installation with its owner signed in."""

    installation: Installation
    api: ProsaClient
    events: EventStream
    page: Page

    @property
    def world(self) -> World:
        """What is outside Prosa."""
        return self.installation.world

    def phone(self, number: str = SHOP) -> Phone:
        """Return a number's phone."""
        return self.world.network.phone(number, "Padaria Estrela")

    async def link(self, session: str = "shop", number: str = SHOP, name: str | None = None, **settings: Any) -> None:
        """Link a number by QR code, through the API."""
        values = {"debounce_seconds": 0, "ai_enabled": False, **settings}
        await self.api.post("/sessions", {"session_id": session, "name": name, "settings": values})
        await self.api.post(f"/sessions/{session}/connect", {"method": "qr"})
        shown = await self.events.wait("session.qr", lambda event: event["session"] == session)
        await self.phone(number).scan(shown["payload"]["qr"])
        await self.events.wait(
            "session.status",
            lambda event: event["session"] == session and event["payload"]["status"] == "open",
            seconds=40,
        )

    async def contact(self, number: str = ANA, name: str = "Ana Souza") -> Contact:
        """Return a contact: a linked client that sends and receives for real."""
        return await self.world.contacts.link(number, name=name)

    async def sign_in(self, page: Page, path: str = "/app/numbers") -> Page:
        """Sign the owner in on a page without typing, and open a path."""
        async with ProsaClient(self.installation.url) as other:
            tokens = await other.login(EMAIL, PASSWORD)
        stored = {"refresh_token": tokens["refresh_token"], "user": tokens["user"]}
        await page.goto("/app/icon.svg")  # of this origin, and no console yet
        await page.evaluate("value => localStorage.setItem('prosa.sign-in', value)", json.dumps(stored))
        await page.goto(path)
        return page

    async def phone_page(self, path: str, **options: Any) -> Page:
        """Open a signed-in page as wide as a phone."""
        context = await self.installation.context(size=PHONE, has_touch=True, **options)
        return await self.sign_in(await context.new_page(), path)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests; each test opens contexts of its own in it."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        missing("Chromium", "install it (Debian: apt install chromium)")
    if not (BUILT / "index.html").is_file():
        missing("the built console", "run make setup")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path / "world") as world:
        yield world


@pytest.fixture
async def installation(world: World, browser: Browser) -> AsyncIterator[Installation]:
    """Prosa runs; nobody has registered."""
    prosa = world.prosa()
    await prosa.start()
    installation = Installation(world, prosa, browser)
    yield installation
    for context in installation.contexts:
        await context.close()
    assert installation.unforgiven() == []


@pytest.fixture
async def console(installation: Installation) -> AsyncIterator[Console]:
    """The owner is signed in, in the API and on a page."""
    async with ProsaClient(installation.url) as api:
        await api.register(EMAIL, PASSWORD, "Bia Ramos")
        async with api.events() as events:
            page = await (await installation.context()).new_page()
            console = Console(installation, api, events, page)
            await console.sign_in(page)
            yield console


@pytest.fixture
async def linked(console: Console) -> Console:
    """The number `SHOP` is linked and online as session `shop`."""
    await console.link(name="Loja")
    return console


async def shoot(page: Page, name: str) -> None:
    """Keep a picture of the page where PROSA_SCREENSHOTS names a folder; else do nothing."""
    if SCREENSHOTS:
        size = page.viewport_size
        width = size["width"] if size else 0
        await page.wait_for_timeout(400)  # what moves comes to rest
        await page.screenshot(path=Path(SCREENSHOTS) / f"{name}-{width}.png")
