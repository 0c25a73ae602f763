"""The console in Chromium: the first view, a conversation of 100,000 messages, and scrolling up through it.

Chromium (headless, no GPU: frames are painted by the CPU) shares the machine with Prosa. What it does is looked at from
inside the page (observers and animation frames) and through the DevTools protocol (bytes, work of the main thread).
"""

import asyncio
import json
import random
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, ViewportSize, async_playwright
from sqlalchemy import insert

from bench.report import percentile
from prosa.clock import utc_now
from prosa.conversations.models import Conversation, Message
from prosa.database import Database
from prosa.ids import new_id, new_message_id
from prosa.sessions.models import WhatsAppSession
from prosa.settings import Settings
from prosa_simulator.product import ProsaClient, ProsaProcess

EMAIL, PASSWORD = "bench@example.com", "a long password"
WINDOW = ViewportSize(width=1280, height=800)
BATCH = 5_000
FRAME_MS = 1000 / 60
JUMP_PX = 3
"""What stands on the screen may be off its place by so much (rounding) before it counts as a jump."""
NEWEST = "The newest message of all"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WORDS = (
    "bom dia quanto custa o bolo de laranja para vinte pessoas amanhã entrega no centro até as dez horas obrigada "
    "temos sim qual sabor prefere podemos mandar uma foto do cardápio o pagamento pode ser por pix ou cartão"
)

OBSERVER = """(() => {
  window.seen = {};
  const painted = (name, from) => requestAnimationFrame(() => setTimeout(() => {
    window.seen[name] ??= performance.now() - from;
  }));
  const wanted = new Map();
  window.watchFor = (name, selector, text, from) => wanted.set(name, { selector, text, from });
  const look = () => {
    for (const [name, { selector, text, from }] of wanted) {
      const found = [...document.querySelectorAll(selector)].some((one) => !text || one.textContent.includes(text));
      if (found) { wanted.delete(name); painted(name, from ?? 0); }
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
  addEventListener("click", (event) => { window.clickedAt = event.timeStamp; }, { capture: true });
})();"""
"""Remembers, in milliseconds, when what is watched for was first painted: the task after the frame that shows it."""

SCROLL = """async ({ seconds, step, jumpPx }) => {
  const scroller = document.querySelector(".inbox-scroll");
  const middle = () => {
    const box = scroller.getBoundingClientRect();
    for (let x of [box.left + 80, box.right - 120]) {
      const one = document.elementFromPoint(x, box.top + box.height / 2)?.closest("article");
      if (one) return one;
    }
    return null;
  };
  const gaps = [], shown = new Set();
  let last = null, jumps = 0, largest = 0, starved = 0, total = 0;
  const end = performance.now() + seconds * 1000;
  await new Promise((done) => {
    const frame = (now) => {
      if (last !== null) gaps.push(now - last);
      last = now;
      const anchor = middle();
      if (anchor) shown.add(anchor.id || anchor.getAttribute("aria-label") + anchor.textContent);
      const before = anchor?.getBoundingClientRect().top, at = scroller.scrollTop, from = total;
      scroller.scrollTop = at - step;
      const moved = at - scroller.scrollTop;
      total += moved;
      if (moved < 1) starved += 1;
      setTimeout(() => {  // another frame may have been scrolled by then
        if (!anchor?.isConnected) return;
        const off = Math.abs(anchor.getBoundingClientRect().top - before - (total - from));
        if (off > jumpPx) { jumps += 1; largest = Math.max(largest, off); }
      }, 0);
      if (now < end) requestAnimationFrame(frame); else done();
    };
    requestAnimationFrame(frame);
  });
  return { gaps, jumps, largest, starved };
}"""
"""Scrolls up by `step` px a frame; `jumps`: what stood in the middle was elsewhere than the scrolling had put it."""


def run(*, quick: bool) -> dict[str, Any]:
    """Measure the first view, opening the long conversation, and scrolling up in it."""
    return asyncio.run(_run(messages=5_000 if quick else 100_000, opens=2 if quick else 7, seconds=5 if quick else 30))


async def _run(*, messages: int, opens: int, seconds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="prosa-bench-") as name:
        folder = Path(name)
        prosa = ProsaProcess(folder, {})
        await prosa.start()
        try:
            async with ProsaClient(prosa.url) as api:
                await api.register(EMAIL, PASSWORD)
                tokens = await api.login(EMAIL, PASSWORD)
                await _fill(folder, uuid.UUID(tokens["user"]["id"]), messages)
            async with _chromium() as browser:
                results: dict[str, Any] = {"messages": messages}
                results |= await _first_view(browser, prosa.url, "sign_in", "/", "input[type=password]", None)
                kept = json.dumps({"refresh_token": tokens["refresh_token"], "user": tokens["user"]})
                context = await browser.new_context(base_url=prosa.url, viewport=WINDOW)
                page = await context.new_page()
                await page.goto("/app/icon.svg")  # of this origin, and no console yet
                await page.evaluate("value => localStorage.setItem('prosa.sign-in', value)", kept)
                state = await context.storage_state()
                await context.close()
                results |= await _first_view(browser, prosa.url, "inbox", "/app/inbox", ".inbox-row", state)
                return results | await _long_conversation(browser, prosa.url, state, opens, seconds)
        finally:
            await prosa.kill()


@asynccontextmanager
async def _chromium() -> AsyncIterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("Chromium is missing (Debian: apt install chromium).")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


async def _first_view(
    browser: Browser, url: str, name: str, path: str, selector: str, state: Any
) -> dict[str, float | int]:
    """Open a page with nothing in any cache; return when it can be used, and what came over the wire (with headers)."""
    context = await browser.new_context(base_url=url, viewport=WINDOW, storage_state=state)
    await context.add_init_script(OBSERVER + f"watchFor('usable', {json.dumps(selector)})")
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    received: list[float] = []
    devtools.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    await devtools.send("Network.enable")
    await page.goto(path)
    usable = await _seen(page, "usable")
    await page.wait_for_load_state("networkidle")
    state_after = await context.storage_state()
    if state is not None:  # refresh tokens are good for a single use
        state |= state_after
    await context.close()
    return {f"{name}_ms": round(usable), f"{name}_kb": round(sum(received) / 1000, 1)}


async def _long_conversation(browser: Browser, url: str, state: Any, opens: int, seconds: int) -> dict[str, Any]:
    context = await browser.new_context(base_url=url, viewport=WINDOW, storage_state=state)
    await context.add_init_script(OBSERVER)
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    times, work = [], []
    for _ in range(opens):
        await page.goto("/app/inbox")
        await page.locator(".inbox-row").first.wait_for()
        await page.wait_for_load_state("networkidle")
        before = await _work(devtools)
        await page.evaluate("text => watchFor('open', '.inbox-log article', text)", NEWEST)
        await page.locator(".inbox-row", has_text=NEWEST).first.click()
        times.append(await _seen(page, "open") - await page.evaluate("window.clickedAt"))
        work.append(await _work(devtools) - before)
    await page.wait_for_timeout(500)
    before, start = await _work(devtools), await _memory(devtools)
    scrolled = await page.evaluate(SCROLL, {"seconds": seconds, "step": 60, "jumpPx": JUMP_PX})
    spent, end = await _work(devtools) - before, await _memory(devtools)
    gaps = scrolled["gaps"]
    await context.close()
    return {
        "open_p50_ms": round(percentile(times, 0.5)),
        "open_max_ms": round(max(times)),
        "open_work_ms": round(percentile(work, 0.5)),
        "scroll_seconds": seconds,
        "scroll_fps": round(len(gaps) / (sum(gaps) / 1000), 1),
        "frame_p50_ms": round(percentile(gaps, 0.5), 1),
        "frame_p95_ms": round(percentile(gaps, 0.95), 1),
        "frame_max_ms": round(max(gaps), 1),
        "frames_dropped": sum(max(0, round(gap / FRAME_MS) - 1) for gap in gaps),
        "frames": len(gaps),
        "frames_at_a_standstill": scrolled["starved"],
        "scroll_work_ms_per_s": round(spent / seconds),
        "jumps": scrolled["jumps"],
        "largest_jump_px": round(scrolled["largest"]),
        "nodes": start["Nodes"],
        "nodes_after": end["Nodes"],
        "heap_mib": round(start["JSHeapUsedSize"] / 2**20, 1),
        "heap_mib_after": round(end["JSHeapUsedSize"] / 2**20, 1),
    }


async def _seen(page: Page, name: str) -> float:
    await page.wait_for_function("name => window.seen?.[name] !== undefined", arg=name)
    return float(await page.evaluate("name => window.seen[name]", name))


async def _metrics(devtools: CDPSession) -> dict[str, float]:
    found = await devtools.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in found["metrics"]}


async def _work(devtools: CDPSession) -> float:
    """Return the CPU time that the page's main thread has used, in milliseconds."""
    return (await _metrics(devtools))["TaskDuration"] * 1000


async def _memory(devtools: CDPSession) -> dict[str, int]:
    await devtools.send("HeapProfiler.collectGarbage")
    found = await _metrics(devtools)
    return {name: int(found[name]) for name in ("Nodes", "JSHeapUsedSize")}


async def _fill(folder: Path, owner: uuid.UUID, messages: int) -> None:
    """Put a number, sixty conversations and one long one into the database."""
    database = Database(Settings(_env_file=None, data_dir=folder).sqlalchemy_url)
    chance, now = random.Random(6), utc_now()
    conversations = [
        {
            "id": new_id(), "session_id": "shop", "contact_jid": f"55119{n:08}@s.whatsapp.net",
            "contact_phone": f"55119{n:08}", "contact_name": f"Contact {n}", "kind": "contact",
            "last_seq": messages if n == 0 else 0, "unread_count": n % 3 if n else 0,
            "last_message_at": now - timedelta(minutes=n), "last_message_preview": NEWEST if n == 0 else "Bom dia",
            "created_at": now, "updated_at": now,
        }
        for n in range(61)
    ]  # fmt: skip
    async with database.write() as db:
        number = {
            "id": new_id(), "session_id": "shop", "user_id": owner, "status": "closed", "wanted": False,
            "link_method": "qr", "settings": {}, "extra": {}, "jid": "551140000001:3@s.whatsapp.net",
        }  # fmt: skip
        await db.execute(insert(WhatsAppSession), number)
        await db.execute(insert(Conversation), conversations)
    rows = [_message(conversations[0], seq, messages, chance, now) for seq in range(1, messages + 1)]
    for first in range(0, messages, BATCH):
        async with database.write() as db:
            await db.execute(insert(Message), rows[first : first + BATCH])
    await database.close()


def _message(conversation: dict[str, Any], seq: int, messages: int, chance: random.Random, now: Any) -> dict[str, Any]:
    author = chance.choice(("contact", "contact", "ai", "person"))
    at = now - timedelta(minutes=7 * (messages - seq))
    mine = author != "contact"
    words = " ".join(chance.choices(WORDS.split(), k=chance.choice((2, 5, 9, 20, 60))))
    return {
        "id": new_id(), "conversation_id": conversation["id"], "session_id": "shop", "seq": seq,
        "wa_id": new_message_id(), "from_me": mine, "author": author,
        "sender_jid": "551140000001@s.whatsapp.net" if mine else conversation["contact_jid"], "type": "text",
        "body": NEWEST if seq == messages else f"{words} ({seq})", "status": "read" if mine else "received",
        "created_at": at, "stored_at": at,
    }  # fmt: skip
