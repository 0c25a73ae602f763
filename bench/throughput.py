"""How many answers a second: the whole loop beside the bare engine's ceiling, and Prosa alone on each database."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.linked import CONTACTS, NUMBERS, Side, Spent, answers_per_s, echo_bot, link_contacts, warm, whole_loop
from bench.stage import Asker, Stage, database_url, prosa
from bench.stage import run as run_async
from prosa_simulator.contacts import Contact
from prosa_simulator.product.world import World


def run(*, quick: bool) -> dict[str, Any]:
    """Measure all four."""
    linked = run_async(_linked(seconds=5 if quick else 30))
    return linked | {f"turns_{kind}_per_s": turns(kind, seconds=4 if quick else 20) for kind in ("sqlite", "postgres")}


async def _linked(*, seconds: float) -> dict[str, Any]:
    async with World() as world:
        people = await link_contacts(world)
        async with echo_bot(world) as side:
            ceiling, ceiling_ms = await _measure(world, people, side, seconds)
        async with whole_loop(world) as side:
            loop, loop_ms = await _measure(world, people, side, seconds)
    return {
        "loop_answers_per_s": round(loop, 1),
        "ceiling_per_s": round(ceiling, 1),
        "loop_share_of_ceiling": round(loop / ceiling, 3),
        "numbers": NUMBERS,
        "contacts": NUMBERS * CONTACTS,
        "loop_cpu_ms_per_answer": loop_ms,
        "ceiling_cpu_ms_per_answer": ceiling_ms,
    }


async def _measure(world: World, people: list[Contact], side: Side, seconds: float) -> tuple[float, dict[str, float]]:
    """Return the answers a second, and the milliseconds of CPU that each process spent on one."""
    await warm(people, side, rounds=3)
    contacts = world.contacts.engine.pid
    spent = Spent({"network": os.getpid(), "contacts": contacts, **side.processes} if contacts else side.processes)
    speed = await answers_per_s(people, side, seconds=seconds)
    return speed, spent.ms_per(speed * seconds)


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
