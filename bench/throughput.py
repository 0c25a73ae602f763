"""How many answers a second: the whole loop beside the bare engine's ceiling, and Prosa alone on each database."""

import os
from collections import Counter
from statistics import fmean
from typing import Any

from bench.linked import CONTACTS, NUMBERS, Side, Spent, answers_per_s, echo_bot, link_contacts, warm, whole_loop
from bench.stage import run as run_async
from bench.turns import shared_turns, turns
from prosa_simulator.contacts import Contact
from prosa_simulator.product.world import World


def run(*, quick: bool) -> dict[str, Any]:
    """Measure all four."""
    linked = run_async(_linked(rounds=2 if quick else 6, seconds=2.5 if quick else 5))
    results: dict[str, Any] = dict(linked)
    seconds = 4 if quick else 20
    cores = os.cpu_count() or 1
    for name, measured in (
        ("sqlite", shared_turns("sqlite", processes=cores, seconds=seconds)),
        ("sqlite_one_process", turns("sqlite", seconds=seconds)),
        ("postgres", shared_turns("postgres", processes=cores, seconds=seconds)),
        ("postgres_one_process", turns("postgres", seconds=seconds)),
    ):
        results[f"turns_{name}_per_s"] = round(measured.per_s, 1)
        results[f"turns_{name}_cpu_ms_per_turn"] = round(measured.cpu_ms, 3)
    return results | {"turns_processes": cores}


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
