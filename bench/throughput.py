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
    results: dict[str, Any] = dict(linked)
    for kind in ("sqlite", "postgres"):
        results[f"turns_{kind}_per_s"], results[f"turns_{kind}_cpu_ms_per_turn"] = turns(
            kind, seconds=4 if quick else 20
        )
    return results


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


def turns(kind: str, *, seconds: float, numbers: int = 32, contacts: int = 4) -> tuple[float, float]:
    """Return the turns a second with a WhatsApp and a model in this process, and its milliseconds of CPU for a turn.

    The second figure depends little on what else the machine does; a PostgreSQL server's part is not in it.
    """
    with tempfile.TemporaryDirectory(prefix="prosa-bench-") as folder, database_url(kind, Path(folder)) as url:
        per_s, cpu_ms = run_async(_turns(url, seconds, numbers, contacts))
        return round(per_s, 1), round(cpu_ms, 3)


async def _turns(url: Any, seconds: float, numbers: int, contacts: int) -> tuple[float, float]:
    async with prosa(url, numbers=numbers, contacts=contacts) as stage:
        await asyncio.gather(*(_chat(stage, asker, rounds=3) for asker in stage.askers))  # warm
        started, spent = time.perf_counter(), time.process_time()
        counts = await asyncio.gather(*(_chat(stage, asker, until=started + seconds) for asker in stage.askers))
        turns = sum(counts)
        return turns / (time.perf_counter() - started), (time.process_time() - spent) * 1000 / turns


async def _chat(stage: Stage, asker: Asker, *, rounds: int = 1_000_000, until: float = float("inf")) -> int:
    """Let a contact ask again as soon as it is answered; return the number of answers."""
    for n in range(rounds):
        if time.perf_counter() >= until:
            return n
        await stage.ask(asker, f"Pergunta {n}: quanto custa o bolo de fubá?")
    return rounds
