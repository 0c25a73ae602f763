"""Contacts that are real linked clients, and who answers them: the bare engine, or the whole of Prosa."""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bench.gemini import instant_gemini
from bench.report import children, cpu_seconds
from prosa_simulator.contacts import Contact
from prosa_simulator.product import ProsaClient
from prosa_simulator.product.client import EventStream
from prosa_simulator.product.world import World
from tools import setup

NUMBERS = 8
"""Numbers that are written to."""
CONTACTS = 6
"""Contacts of each of them: enough, together, that both sides are kept busy and nobody waits for the way."""
WAIT_SECONDS = 60.0
LINK_SECONDS = 60.0

SESSION = {
    "debounce_seconds": 0,
    "show_typing": False,
    "mark_read": False,
    "sending": {"typing_ms_per_char": 0},
}
"""Of every number in Prosa: no waiting that is meant, and nothing sent but the answer, as an echo bot does."""


@dataclass(frozen=True, slots=True)
class Side:
    """Who answers.

    Attributes:
        numbers: Where it is written to.
        processes: What runs on its side, by name.
    """

    numbers: Sequence[str]
    processes: dict[str, int]


async def link_contacts(world: World) -> list[Contact]:
    """Link everyone who is going to write."""
    some = asyncio.Semaphore(8)  # at a time: more would only wait for each other

    async def link(n: int) -> Contact:
        async with some:
            return await world.contacts.link(f"55119{n:08}", name=f"Contact {n}")

    return await asyncio.gather(*(link(n) for n in range(NUMBERS * CONTACTS)))


@asynccontextmanager
async def echo_bot(world: World) -> AsyncIterator[Side]:
    """Run the bare engine: whatsmeow as it is, answering every text."""
    program = await asyncio.to_thread(setup.build_echobot)
    network = world.network
    numbers = [f"55114{n:07}" for n in range(NUMBERS)]
    process = await asyncio.create_subprocess_exec(
        program, "--server", network.url, "--root-key", network.root_public_key,
        "--store", str(world.folder / "echobot.db"), "--numbers", str(NUMBERS),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        online: set[int] = set()
        async with asyncio.timeout(LINK_SECONDS):
            while len(online) < NUMBERS:
                line = json.loads(await process.stdout.readline())
                if line.get("qr"):
                    await network.phone(numbers[line["number"]], "Shop").scan(line["qr"])
                if line.get("connected"):
                    online.add(line["number"])
        yield Side(numbers, {"echobot": process.pid})
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def whole_loop(world: World) -> AsyncIterator[Side]:
    """Run Prosa on SQLite, its bridge, and a Gemini server that answers at once."""
    numbers = [f"55115{n:07}" for n in range(NUMBERS)]
    async with instant_gemini() as gemini:
        prosa = world.prosa(settings={"PROSA_GEMINI_BASE_URL": gemini.url, "PROSA_GEMINI_API_KEY": "test-key"})
        await prosa.start()
        try:
            async with ProsaClient(prosa.url) as api:
                await api.register("bench@example.com", "a long password")
                async with api.events() as events:
                    await asyncio.gather(*(link(world, api, events, number, SESSION) for number in numbers))
            yield Side(numbers, {"prosa": prosa.pid, "bridge": children(prosa.pid)[0], "gemini": gemini.pid})
        finally:
            await prosa.stop()


async def link(world: World, api: ProsaClient, events: EventStream, number: str, settings: Mapping[str, Any]) -> None:
    """Link a number, which is the session's name as well, and wait until it is online."""
    await api.post("/sessions", {"session_id": number, "settings": settings})
    await api.post(f"/sessions/{number}/connect", {"method": "qr"})
    shown = await events.wait("session.qr", lambda event: event["session"] == number)
    await world.network.phone(number, "Shop").scan(shown["payload"]["qr"])
    await events.wait(
        "session.status",
        lambda event: event["session"] == number and event["payload"]["status"] == "open",
        seconds=LINK_SECONDS,
    )


async def warm(people: Sequence[Contact], side: Side, *, rounds: int) -> None:
    """Let everyone ask a few times: encryption is set up, caches are filled."""
    await asyncio.gather(*(_chat(person, side.numbers[n % NUMBERS], rounds=rounds) for n, person in enumerate(people)))
    gc.collect()
    gc.freeze()  # the network need not look through all that is loaded again and again


async def answers_per_s(people: Sequence[Contact], side: Side, *, seconds: float) -> float:
    """Let everyone ask again as soon as they are answered; return the answers a second."""
    started = time.perf_counter()
    counts = await asyncio.gather(
        *(_chat(person, side.numbers[n % NUMBERS], until=started + seconds) for n, person in enumerate(people))
    )
    return sum(counts) / (time.perf_counter() - started)


async def _chat(person: Contact, number: str, *, rounds: int = 1_000_000, until: float = float("inf")) -> int:
    for n in range(rounds):
        if time.perf_counter() >= until:
            return n
        wanted = len(person.received) + 1
        await person.send_text(number, f"Pergunta {n}: quanto custa o bolo de fubá?")
        await person.wait_until(lambda wanted=wanted: len(person.received) >= wanted, WAIT_SECONDS)  # type: ignore[misc]
    return rounds


class Spent:
    """What each process spends from now on, by name."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._processes = processes
        self._before = self._read()

    def ms(self) -> dict[str, float]:
        """Return the milliseconds of CPU spent so far."""
        now = self._read()
        return {name: (now[name] - self._before[name]) * 1000 for name in now}

    def _read(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._processes.items()}
