"""The whole loop, real parts: a contact's message through whatsmeow, Prosa, the Gemini client, and the answer back.

Everything shares the machine: the contacts' clients, the simulated network, the Gemini server (answers at once), Prosa
and its bridge. So the figures are a floor of what Prosa alone can do.
"""

import asyncio
import time
from typing import Any

from bench.linked import SESSION, link
from bench.report import children, memory_mib, percentile
from prosa_simulator.contacts import Contact
from prosa_simulator.product import ProsaClient
from prosa_simulator.product.world import World

SHOP = "551140000001"


def run(*, quick: bool) -> dict[str, Any]:
    """Measure one contact alone (round trips), then many at once (answers a second), and memory before and after."""
    return asyncio.run(_run(quick=quick))


async def _run(*, quick: bool) -> dict[str, Any]:
    contacts, rounds, alone = (10, 3, 20) if quick else (20, 15, 100)
    async with World() as world:
        prosa = world.prosa()
        started = time.perf_counter()
        await prosa.start()
        start_ms = (time.perf_counter() - started) * 1000
        async with ProsaClient(prosa.url) as api:
            await api.register("bench@example.com", "a long password")
            async with api.events() as events:
                await link(world, api, events, SHOP, SESSION | {"mark_read": True})
        people = [await world.contacts.link(f"55119{n:08}", name=f"Contact {n}") for n in range(contacts)]
        for person in people:  # sessions are set up and caches warm
            await _ask(person, "warm up")
        bridge = children(prosa.pid)[0]
        before = memory_mib(prosa.pid), memory_mib(bridge)
        trips = [await _ask(people[0], f"alone {n}") for n in range(alone)]
        started = time.perf_counter()
        await asyncio.gather(*(_many(person, rounds) for person in people))
        seconds = time.perf_counter() - started
        after = memory_mib(prosa.pid), memory_mib(bridge)
    return {
        "start_ms": round(start_ms),
        "round_trip_p50_ms": round(percentile(trips, 0.5) * 1000, 1),
        "round_trip_p99_ms": round(percentile(trips, 0.99) * 1000, 1),
        "contacts": contacts,
        "answers_per_s": round(contacts * rounds / seconds, 1),
        "prosa_mib": before[0],
        "bridge_mib": before[1],
        "prosa_mib_after": after[0],
        "bridge_mib_after": after[1],
        "answers": contacts * (rounds + 1) + alone,
    }


async def _many(person: Contact, rounds: int) -> None:
    for n in range(rounds):
        await _ask(person, f"question {n}")


async def _ask(person: Contact, text: str) -> float:
    """Send a text and wait for the answer; return the seconds between."""
    wanted = len(person.received) + 1
    started = time.perf_counter()
    await person.send_text(SHOP, text)
    await person.wait_for(lambda _: len(person.received) >= wanted, 60)
    return time.perf_counter() - started
