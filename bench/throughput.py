"""How many answers a second: the whole loop beside the bare engine's ceiling, and Prosa alone on each database."""

import asyncio
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.linked import CONTACTS, NUMBERS, Side, Spent, answers_per_s, echo_bot, link_contacts, warm, whole_loop
from bench.stage import Asker, Stage, database_url, prosa
from bench.stage import run as run_async
from prosa_simulator.contacts import Contact
from prosa_simulator.product.world import World


def run(*, quick: bool) -> dict[str, Any]:
    """Measure all four."""
    linked = run_async(_linked(rounds=2 if quick else 6, seconds=2.5 if quick else 5))
    results: dict[str, Any] = dict(linked)
    for kind in ("sqlite", "postgres"):
        results[f"turns_{kind}_per_s"], results[f"turns_{kind}_cpu_ms_per_turn"] = turns(
            kind, seconds=4 if quick else 20
        )
    return results


async def _linked(*, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure both sides in turn, several times: what a machine can do changes within minutes."""
    async with World() as world:
        people = await link_contacts(world)
        async with echo_bot(world) as bot, whole_loop(world) as whole:
            ceiling, loop = await _Measured.of(world, people, bot), await _Measured.of(world, people, whole)
            for _ in range(rounds):
                await ceiling.go_on(seconds)
                await loop.go_on(seconds)
    return {
        "loop_answers_per_s": round(loop.per_s, 1),
        "ceiling_per_s": round(ceiling.per_s, 1),
        "loop_share_of_ceiling": round(loop.per_s / ceiling.per_s, 3),
        "loop_shares": [round(ours / bare, 2) for ours, bare in zip(loop.each_per_s, ceiling.each_per_s, strict=True)],
        "numbers": NUMBERS,
        "contacts": NUMBERS * CONTACTS,
        "loop_cpu_ms_per_answer": loop.cpu_ms_per_answer,
        "ceiling_cpu_ms_per_answer": ceiling.cpu_ms_per_answer,
    }


class _Measured:
    """One side, and what it did so far."""

    def __init__(self, people: list[Contact], side: Side, processes: dict[str, int]) -> None:
        self._people = people
        self._side = side
        self._processes = processes
        self._answers = 0.0
        self._ms: Counter[str] = Counter()
        self.each_per_s: list[float] = []

    @classmethod
    async def of(cls, world: World, people: list[Contact], side: Side) -> "_Measured":
        """Warm a side."""
        await warm(people, side, rounds=3)
        contacts = world.contacts.engine.pid
        assert contacts is not None
        return cls(people, side, {"network": os.getpid(), "contacts": contacts, **side.processes})

    async def go_on(self, seconds: float) -> None:
        """Measure for some seconds."""
        spent = Spent(self._processes)
        speed = await answers_per_s(self._people, self._side, seconds=seconds)
        self._ms.update(spent.ms())
        self._answers += speed * seconds
        self.each_per_s.append(speed)

    @property
    def per_s(self) -> float:
        """Answers a second; all parts are of the same length."""
        return fmean(self.each_per_s)

    @property
    def cpu_ms_per_answer(self) -> dict[str, float]:
        """Milliseconds of CPU that each process spent on an answer."""
        return {name: round(ms / self._answers, 2) for name, ms in self._ms.items()}


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
