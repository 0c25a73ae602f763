"""Does a long history make answers slow? `overhead` again, in conversations of 100, 10,000 and 100,000 stored messages.

All in one run, by turns: what disturbs the machine disturbs all of them alike. The history is as Prosa itself would
have stored it, but for the notes of older messages: the first turns make those.
"""

import asyncio
import random
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from bench.gemini import instant_gemini
from bench.overhead import PAUSE_SECONDS
from bench.report import percentile
from bench.stage import Asker, Stage, database_url, prosa
from bench.stage import run as run_async
from prosa import words
from prosa.clock import utc_now
from prosa.conversations.held import TABLE as CONVERSATIONS
from prosa.conversations.hot import MESSAGES, SEARCH
from prosa.database.engine import Database, WriteDb
from prosa.ids import new_id, new_message_id

SIZES = {"100": 100, "10k": 10_000, "100k": 100_000}
ALIKE = {"100": 4, "10k": 4, "100k": 1}
"""Conversations of each size: several, so that those of a hundred do not grow to several times that while measured."""
_WARM_UP = 8
_BATCH = 5_000
_ANSWER = "O de fubá custa 32 reais, o de cenoura 35. Quer encomendar?"


def run(*, quick: bool) -> dict[str, Any]:
    """Measure on both databases; quickly, on SQLite."""
    results: dict[str, Any] = {}
    for kind in ("sqlite",) if quick else ("sqlite", "postgres"):
        with tempfile.TemporaryDirectory(prefix="prosa-bench-") as folder, database_url(kind, Path(folder)) as url:
            seconds = run_async(_measure(url, 60 if quick else 400, quick=quick))
        p50 = {size: percentile(values, 0.5) for size, values in seconds.items()}
        prefix = "" if kind == "sqlite" else f"{kind}."
        results |= {f"{prefix}ratio_{size}_to_100": round(p50[size] / p50["100"], 3) for size in list(SIZES)[1:]}
        results |= {f"{prefix}p50_{size}_ms": round(value * 1000, 2) for size, value in p50.items()}
    return results


async def _measure(url: Any, rounds: int, *, quick: bool) -> dict[str, list[float]]:
    sizes = [size for size, count in ALIKE.items() for _ in range(1 if quick else count)]
    order = random.Random(1)

    async def fill(database: Database, askers: Sequence[Asker]) -> None:
        for size, asker in zip(sizes, askers, strict=True):
            await _fill(database, asker, SIZES[size])
        async with database.write() as db:
            await db.execute(text("ANALYZE"))

    async with (
        instant_gemini() as gemini,
        prosa(url, numbers=1, contacts=len(sizes), gemini=gemini.url, prepare=fill) as stage,
    ):
        for n in range(_WARM_UP):  # the older messages go into notes, caches are warm
            for asker in stage.askers:
                await _paced(stage, asker, n)
        by_size = {size: [a for s, a in zip(sizes, stage.askers, strict=True) if s == size] for size in SIZES}
        seconds: dict[str, list[float]] = {size: [] for size in SIZES}
        for n in range(rounds):
            for size in order.sample(list(SIZES), len(SIZES)):
                alike = by_size[size]
                seconds[size].append(await _paced(stage, alike[n % len(alike)], n))
    return seconds


async def _paced(stage: Stage, asker: Asker, n: int) -> float:
    await asyncio.sleep(PAUSE_SECONDS)
    return await stage.ask(asker, f"Pergunta {n}: quanto custa o bolo de fubá?")


async def _fill(database: Database, asker: Asker, count: int) -> None:
    """Store a conversation of `count` messages, all answered: a question and its answer every ten minutes."""
    conversation, now = new_id(), utc_now()
    digits = asker.jid.partition("@")[0]
    values = {
        "id": conversation, "session_id": asker.number, "contact_jid": asker.jid, "contact_phone": digits,
        "contact_name": "Maria", "search_name": f"maria {digits}", "last_seq": count, "version": count,
        "read_until": count, "answered_until": count, "last_message_at": now, "last_inbound_at": now,
    }  # fmt: skip
    rows = _messages(conversation, asker, count, now - timedelta(minutes=10 * count))
    async with database.write() as db:
        await db.execute(insert(CONVERSATIONS), values)
    while batch := list(islice(rows, _BATCH)):
        async with database.write() as db:
            await _store(db, batch)


async def _store(db: WriteDb, batch: Sequence[dict[str, Any]]) -> None:
    await db.execute(insert(MESSAGES), list(batch))
    await db.execute(
        insert(SEARCH), [{"message_id": row["id"], "words": words.indexed(row["body"], None)} for row in batch]
    )


def _messages(conversation: Any, asker: Asker, count: int, began: datetime) -> Iterator[dict[str, Any]]:
    for seq in range(1, count + 1):
        ours, at = seq % 2 == 0, began + timedelta(minutes=10 * seq)
        yield {
            "id": new_id(), "conversation_id": conversation, "session_id": asker.number, "seq": seq,
            "wa_id": new_message_id(), "from_me": ours, "author": "ai" if ours else "contact",
            "sender_jid": asker.jid, "type": "text", "status": "read" if ours else "received",
            "body": _ANSWER if ours else f"Mensagem {seq}: quanto custa o bolo de fubá hoje?",
            "created_at": at, "stored_at": at,
        }  # fmt: skip
