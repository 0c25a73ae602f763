"""The embedded database locked by another program, or its disk full: nothing is lost, and it says what to do."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from tests.faults.conftest import Inside, inside
from tests.flows.conftest import SHOP

from prosa.database import Database, WriteDb
from prosa.whatsapp.engine import ReceiptType
from prosa_simulator.contacts import Contact
from prosa_simulator.product import ApiError
from prosa_simulator.product.world import World

LONG = "so long that it needs pages of its own; " * 400


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """As by a backup or a database browser that somebody left open."""
    other = sqlite3.connect(str(database.url.database), timeout=30, check_same_thread=False)
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # Prosa, in this loop, may be in a transaction
    try:
        yield
    finally:
        other.close()


@asynccontextmanager
async def full(database: Database) -> AsyncIterator[None]:
    """No page more than there are."""
    await _most_pages(database, 1)
    yield
    await _most_pages(database, 2**30)


async def _most_pages(database: Database, pages: int) -> None:
    limit = text(f"PRAGMA max_page_count={pages}")

    async def job(db: WriteDb) -> None:
        await db.execute(limit)

    await database.submit(job)  # the connection of the groups …
    async with database.write() as db:  # … and the one of the others
        await db.execute(limit)


async def refused(stage: Inside, words: str) -> None:
    """A person cannot write now, and is told why and what to do; what is there can be read."""
    with pytest.raises(ApiError) as caught:
        await stage.api.post("/sessions/shop/messages", {"to": "+5511977776666", "text": LONG})
    problem = caught.value.problem
    assert (caught.value.status, problem["code"]) == (503, "unavailable")
    assert words in problem["detail"]
    assert problem["remedy"]
    assert len((await stage.api.get("/conversations"))["items"]) == 1


async def delivered(contact: Contact, wa_id: str) -> bool:
    return any(r.type is ReceiptType.DELIVERED and wa_id in r.wa_ids for r in contact.receipts)


@pytest.mark.usefixtures("hasty")
async def test_a_message_that_cannot_be_stored_comes_again_when_it_can(world: World) -> None:
    async with inside(world) as stage:
        await stage.link()
        ana = await stage.ana()
        await ana.send_text(SHOP, "before")
        await ana.wait_for(lambda message: "before" in message.body, 30)

        async with locked(stage.database):
            wa_id = await ana.send_text(SHOP, "while locked")
            await refused(stage, "busy")
            assert (await stage.unready())["database"] == "busy"
            # The lease of the number runs out, so it is given up; and it is not shown as online.
            seen = await stage.shown(status="closed", status_reason="not_held")
            assert seen["wanted"]
            assert not await delivered(ana, wa_id)
        await ana.wait_for(lambda message: "while locked" in message.body, 60)
        await stage.healthy()
        await ana.wait_receipt(wa_id, ReceiptType.DELIVERED)

        async with full(stage.database):
            wa_id = await ana.send_text(SHOP, f"while full, {LONG}")
            await refused(stage, "full")
            assert (await stage.unready())["database"] == "full"
            # The row itself cannot be written; people see all the same what is going on.
            seen = await stage.shown(status="closed", status_reason="not_stored")
            assert "could not be stored" in seen["status_detail"]
            assert not await delivered(ana, wa_id)
        await ana.wait_for(lambda message: "while full" in message.body, 60)
        await stage.healthy()
        await stage.shown(status="open")
        stored = await stage.messages("before")
        assert [m["author"] for m in stored] == ["contact", "ai"] * 3
        assert [m["body"].split(",")[0] for m in stored[::2]] == ["before", "while locked", "while full"]
        assert len(ana.received) == 3
