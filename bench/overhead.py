"""What Prosa adds: from the engine's event to the answer handed to the engine, one message at a time."""

import asyncio
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tests.fixtures import servers

from bench.gemini import instant_gemini
from bench.report import percentile
from bench.stage import Stage, database_url, prosa
from bench.stage import run as run_async

PAUSE_SECONDS = 0.01
"""Between an answer and the next message: what follows an answer (its mark as sent) is done then."""


def run(*, quick: bool) -> dict[str, Any]:
    """Measure on both databases, on PostgreSQL also with Redis, as the compose file has it."""
    results: dict[str, Any] = {}
    for kind in ("sqlite", "postgres", "postgres_redis"):
        database, _, with_redis = kind.partition("_")
        with (
            tempfile.TemporaryDirectory(prefix="prosa-bench-") as folder,
            database_url(database, Path(folder)) as url,
            servers.redis() if with_redis else nullcontext() as redis,
        ):
            seconds = run_async(_measure(url, redis.url if redis else None, 200 if quick else 2000))
        for share, name in ((0.5, "p50_ms"), (0.9, "p90_ms"), (0.99, "p99_ms")):
            results[f"{kind}.{name}"] = round(percentile(seconds, share) * 1000, 2)
    return results


async def _measure(url: Any, redis: str | None, rounds: int) -> list[float]:
    async with instant_gemini() as gemini, prosa(url, numbers=1, contacts=20, gemini=gemini.url, redis=redis) as stage:
        for _ in range(5):  # conversations have a few messages, caches are warm, connections open
            for asker in stage.askers:
                await stage.ask(asker, "Que horas vocês abrem?")
        return [await _paced(stage, n) for n in range(rounds)]


async def _paced(stage: Stage, n: int) -> float:
    await asyncio.sleep(PAUSE_SECONDS)
    return await stage.ask(stage.askers[n % len(stage.askers)], f"Pergunta {n}: quanto custa o bolo de fubá?")
