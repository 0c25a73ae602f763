"""What Prosa adds: from the engine's event to the answer handed to the engine, one message at a time."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from bench.gemini import instant_gemini
from bench.report import percentile
from bench.stage import Stage, database_url, prosa
from bench.stage import run as run_async

PAUSE_SECONDS = 0.01
"""Between an answer and the next message: what follows an answer (its mark as sent) is done then."""


def run(*, quick: bool) -> dict[str, Any]:
    """Measure on both databases."""
    results: dict[str, Any] = {}
    for kind in ("sqlite", "postgres"):
        with tempfile.TemporaryDirectory(prefix="prosa-bench-") as folder, database_url(kind, Path(folder)) as url:
            seconds = run_async(_measure(url, 200 if quick else 2000))
        for share, name in ((0.5, "p50_ms"), (0.9, "p90_ms"), (0.99, "p99_ms")):
            results[f"{kind}.{name}"] = round(percentile(seconds, share) * 1000, 2)
    return results


async def _measure(url: Any, rounds: int) -> list[float]:
    async with instant_gemini() as gemini, prosa(url, numbers=1, contacts=20, gemini=gemini.url) as stage:
        for _ in range(5):  # conversations have a few messages, caches are warm, connections open
            for asker in stage.askers:
                await stage.ask(asker, "Que horas vocês abrem?")
        return [await _paced(stage, n) for n in range(rounds)]


async def _paced(stage: Stage, n: int) -> float:
    await asyncio.sleep(PAUSE_SECONDS)
    return await stage.ask(stage.askers[n % len(stage.askers)], f"Pergunta {n}: quanto custa o bolo de fubá?")
