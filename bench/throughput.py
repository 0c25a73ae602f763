"""How many answers a second: the whole loop beside the bare engine's ceiling, and Prosa alone on each database."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.stage import Asker, Stage, database_url, prosa
from bench.stage import run as run_async


def run(*, quick: bool) -> dict[str, Any]:
    """Measure all four."""
    return {f"turns_{kind}_per_s": turns(kind, seconds=4 if quick else 20) for kind in ("sqlite", "postgres")}


def turns(kind: str, *, seconds: float, numbers: int = 32, contacts: int = 4) -> float:
    """Return the turns a second with a WhatsApp and a model in this process."""
    with tempfile.TemporaryDirectory(prefix="prosa-bench-") as folder, database_url(kind, Path(folder)) as url:
        return round(run_async(_turns(url, seconds, numbers, contacts)), 1)


async def _turns(url: Any, seconds: float, numbers: int, contacts: int) -> float:
    async with prosa(url, numbers=numbers, contacts=contacts) as stage:
        await asyncio.gather(*(_chat(stage, asker, rounds=3) for asker in stage.askers))  # warm
        started = time.perf_counter()
        counts = await asyncio.gather(*(_chat(stage, asker, until=started + seconds) for asker in stage.askers))
        return sum(counts) / (time.perf_counter() - started)


async def _chat(stage: Stage, asker: Asker, *, rounds: int = 1_000_000, until: float = float("inf")) -> int:
    """Let a contact ask again as soon as it is answered; return the number of answers."""
    for n in range(rounds):
        if time.perf_counter() >= until:
            return n
        await stage.ask(asker, f"Pergunta {n}: quanto custa o bolo de fubá?")
    return rounds
