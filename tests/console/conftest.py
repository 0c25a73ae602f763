"""Chromium with the console in it, in front of a real Prosa in a simulated world.

Take the highest fixture that a test needs:

- `console`: an owner is signed in, in the API (`console.api`, `console.events`) and on the page (`console.page`, at
  `/app/numbers`). World and Prosa are shared by all tests of the run, the owner is this test's alone: what others do
  is not to be seen.
- `linked`: and a number (`console.number`) is linked and online as session `console.session`, without AI unless
  `await console.link(ai_enabled=True, …)` is called by the test itself.
- `installation`: a Prosa of its own, at which nobody has registered; for what no other test could live with.
- `own_console`: a `console` in an installation of its own; for tests that stop Prosa, cut networks or script Gemini.

A contact: `ana = await console.contact()`; `await ana.send_text(console.number, "Oi")`. Every page fails its test if
the console logs an error, breaks its content security policy, or asks another host for anything; a test that provokes
an error says so: `console.installation.forgive("429")`. `shoot` keeps pictures where PROSA_SCREENSHOTS names a folder.
"""

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)
from tests.fixtures.servers import missing

from prosa.console.pages import BUILT
from prosa_simulator.contacts import Contact
from prosa_simulator.network.phone import Phone
from prosa_simulator.product import EventStream, ProsaClient, ProsaProcess
from prosa_simulator.product.world import World

EMAIL, PASSWORD = "owner@example.com", "a long password"
DESKTOP, PHONE = (1440, 900), (375, 812)
PATIENCE = 20_000
"""Milliseconds that something may take to show on a busy machine."""
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
AT_REST = """Promise.allSettled(document.getAnimations().map(one =>
    Number.isFinite(one.effect?.getComputedTiming().endTime) && one.finished)).then(() => null)"""
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


_count = itertools.count(1)


@dataclass
class Console:
    """An installation with an owner signed in."""

    installation: Installation
    api: ProsaClient
    events: EventStream
    page: Page
    email: str
    serial: int = field(default_factory=lambda: next(_count))

    @property
    def world(self) -> World:
        """What is outside Prosa."""
        return self.installation.world

    @property
    def number(self) -> str:
        """The number that `link` links, in digits."""
        return f"5511400{self.serial:05}"

    @property
    def session(self) -> str:
        """The public name that `link` gives it."""
        return f"shop-{self.serial}"

    def phone(self, number: str | None = None) -> Phone:
        """Return a number's phone."""
        return self.world.network.phone(number or self.number, "Padaria Estrela")

    async def link(
        self, session: str | None = None, number: str | None = None, name: str | None = None, **settings: Any
    ) -> None:
        """Link a number by QR code, through the API."""
        session = session or self.session
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

    async def contact(self, name: str = "Ana Souza", number: str | None = None) -> Contact:
        """Return a new contact: a linked client that sends and receives for real."""
        return await self.world.contacts.link(number or f"55119888{next(_count):05}", name=name)

    async def sign_in(self, page: Page, path: str = "/app/numbers") -> Page:
        """Sign the owner in on a page without typing, and open a path."""
        async with ProsaClient(self.installation.url) as other:
            tokens = await other.login(self.email, PASSWORD)
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


@asynccontextmanager
async def running(folder: Path, **settings: str) -> AsyncIterator[tuple[World, ProsaProcess]]:
    """A world and a Prosa in it, with some settings."""
    async with World(folder) as world:
        prosa = world.prosa(settings=settings)
        await prosa.start()
        try:
            yield world, prosa
        finally:
            await prosa.kill()  # nothing of it is looked at any more, and this is quicker


@asynccontextmanager
async def watched(installation: Installation) -> AsyncIterator[Installation]:
    """An installation, nothing of whose pages went wrong at the end."""
    yield installation
    for context in installation.contexts:
        await context.close()
    assert installation.unforgiven() == []


@asynccontextmanager
async def signed_in(installation: Installation, email: str) -> AsyncIterator[Console]:
    """A person of an installation, in the API and on a page."""
    async with ProsaClient(installation.url) as api:
        await api.login(email, PASSWORD)
        async with api.events() as events:
            page = await (await installation.context()).new_page()
            console = Console(installation, api, events, page, email)
            await console.sign_in(page)
            yield console


@pytest.fixture(scope="session")
async def _shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, ProsaProcess, ProsaClient]]:
    async with running(tmp_path_factory.mktemp("console")) as (world, prosa), ProsaClient(prosa.url) as first:
        await first.register(EMAIL, PASSWORD, "First owner")
        yield world, prosa, first


@pytest.fixture
async def installation(tmp_path: Path, browser: Browser) -> AsyncIterator[Installation]:
    """A Prosa of its own runs; nobody has registered."""
    async with running(tmp_path / "world") as (world, prosa), watched(Installation(world, prosa, browser)) as mine:
        yield mine


@pytest.fixture
async def console(_shared: tuple[World, ProsaProcess, ProsaClient], browser: Browser) -> AsyncIterator[Console]:
    """A new owner is signed in, in the API and on a page."""
    world, prosa, first = _shared
    email = f"owner-{next(_count)}@example.com"
    await first.login(EMAIL, PASSWORD)  # access tokens end
    await first.post("/users", {"email": email, "password": PASSWORD, "name": "Bia Ramos", "role": "owner"})
    async with watched(Installation(world, prosa, browser)) as mine, signed_in(mine, email) as console:
        yield console


@pytest.fixture
async def own_console(installation: Installation) -> AsyncIterator[Console]:
    """The owner of an installation of its own is signed in."""
    async with ProsaClient(installation.url) as api:
        await api.register(EMAIL, PASSWORD, "Bia Ramos")
    async with signed_in(installation, EMAIL) as console:
        yield console


@pytest.fixture
async def linked(console: Console) -> Console:
    """The owner's number is linked and online, without AI."""
    await console.link(name="Loja")
    return console


async def accessibility(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical on the page as it is now."""
    if not AXE.is_file():
        missing("axe-core", "run make setup-dev")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    await page.evaluate(AT_REST)  # a colour that is fading into another one is neither
    result = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{finding['id']}: {finding['help']}: {[node['target'] for node in finding['nodes']]}"
        for finding in result["violations"]
        if finding["impact"] in {"serious", "critical"}
    ]


async def played(media: Locator) -> float:
    """Wait until a sound or video really plays; return how long it is, in seconds."""
    async with asyncio.timeout(PATIENCE / 1000):
        length: float = await media.evaluate(
            """media => new Promise((done, fail) => {
                const look = () => media.error ? fail(media.error.message)
                    : media.currentTime > 0.2 ? done(media.duration) : setTimeout(look, 50);
                look();
            })"""
        )
    return length


async def shoot(page: Page, name: str, *also: tuple[int, int]) -> None:
    """Keep pictures of the page where PROSA_SCREENSHOTS names a folder: a desktop's also as a phone in the dark has it.

    `also`: other sizes to take it in.
    """
    size = page.viewport_size
    if SCREENSHOTS is None or size is None:
        return
    await _picture(page, name, size["width"])
    scheme: Literal["dark", "light"]
    for width, height in also or ([PHONE] if size["width"] > PHONE[0] else []):
        scheme = "dark" if width == PHONE[0] else "light"
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme=scheme)
        await _picture(page, name, width)
        await page.emulate_media(color_scheme="null")
    await page.set_viewport_size(size)


async def _picture(page: Page, name: str, width: int) -> None:
    toasts = "document.querySelectorAll('.toasts').forEach(one => { one.style.visibility = 'SEEN'; })"
    await page.evaluate(toasts.replace("SEEN", "hidden"))  # they hide what is below, and pass
    await page.wait_for_timeout(500)  # what moves comes to rest
    chromium = await page.context.new_cdp_session(page)  # WebP is a quarter of a PNG, and Playwright makes none
    picture = await chromium.send("Page.captureScreenshot", {"format": "webp", "quality": 85})
    await chromium.detach()
    await page.evaluate(toasts.replace("SEEN", "visible"))
    (Path(SCREENSHOTS or "") / f"{name}-{width}.webp").write_bytes(base64.b64decode(picture["data"]))
