"""Turns a second with a WhatsApp and a model in the process: of one Prosa, or of several that share the numbers."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import URL, make_url
from tests.fixtures import servers

from bench.stage import Asker, Stage, database_url, people, prosa, run
from prosa.local_redis import LocalRedis

NUMBERS, CONTACTS = 32, 4


class Turns(NamedTuple):
    """What was measured.

    Attributes:
        per_s: Turns a second.
        cpu_ms: Milliseconds of processor time for a turn, in all of Prosa's processes; depends little on what else the
            machine does. A PostgreSQL server's part is not in it.
    """

    per_s: float
    cpu_ms: float


def turns(kind: str, *, seconds: float) -> Turns:
    """Measure one process on `sqlite` or `postgres`."""
    with tempfile.TemporaryDirectory(prefix="prosa-bench-") as folder, database_url(kind, Path(folder)) as url:
        return run(_alone(url, seconds))


def shared_turns(kind: str, *, processes: int, seconds: float) -> Turns:
    """Measure several processes that share the numbers, as PROSA_PROCESSES starts them.

    On `postgres` they share a Redis as well; on `sqlite` what their parent has for them in its place.
    """
    with (
        tempfile.TemporaryDirectory(prefix="prosa-bench-") as name,
        database_url(kind, folder := Path(name)) as url,
        servers.redis() if kind == "postgres" else nullcontext() as redis,
    ):
        return run(_together(url, redis.url if redis else None, folder, processes=processes, seconds=seconds))


async def _alone(url: URL, seconds: float) -> Turns:
    async with prosa(url, numbers=NUMBERS, contacts=CONTACTS) as stage:
        await _warm(stage, stage.askers)
        return await _measured(stage, stage.askers, seconds)


async def _together(url: URL, redis: str | None, folder: Path, *, processes: int, seconds: float) -> Turns:
    async with nullcontext(redis) if redis else LocalRedis().serve(folder) as shared:
        return await _sharing(url, shared, processes, seconds)


async def _sharing(url: URL, redis: str, processes: int, seconds: float) -> Turns:
    await people(url, numbers=NUMBERS)
    arguments = [url.render_as_string(hide_password=False), redis, str(processes), str(seconds)]
    pipe = asyncio.subprocess.PIPE
    parts = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.turns", *arguments, stdin=pipe, stdout=pipe)
        for _ in range(processes)
    ]
    try:
        for part in parts:
            assert part.stdout is not None
            assert await part.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(part.communicate(b"go\n") for part in parts))
    finally:
        for part in parts:
            if part.returncode is None:
                part.kill()
            await part.wait()
    results = [Turns(*json.loads(output)) for output, _ in outputs]
    per_s = sum(result.per_s for result in results)
    return Turns(per_s, sum(result.cpu_ms * result.per_s for result in results) / per_s)


async def _part(url: URL, redis: str, processes: int, seconds: float) -> None:
    """Be one of several processes: take a part of the numbers, wait for a word, and print what was measured."""
    async with prosa(url, numbers=NUMBERS, contacts=CONTACTS, redis=redis, processes=processes, new=False) as stage:
        askers = [asker for asker in stage.askers if asker.number in stage.engine.connections]
        await _warm(stage, askers)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(json.dumps(await _measured(stage, askers, seconds)), flush=True)


async def _warm(stage: Stage, askers: Sequence[Asker]) -> None:
    await asyncio.gather(*(_chat(stage, asker, rounds=3) for asker in askers))


async def _measured(stage: Stage, askers: Sequence[Asker], seconds: float) -> Turns:
    started, spent = time.perf_counter(), time.process_time()
    counts = await asyncio.gather(*(_chat(stage, asker, until=started + seconds) for asker in askers))
    count = sum(counts)
    return Turns(count / (time.perf_counter() - started), (time.process_time() - spent) * 1000 / count)


async def _chat(stage: Stage, asker: Asker, *, rounds: int = 1_000_000, until: float = float("inf")) -> int:
    """Let a contact ask again as soon as it is answered; return the number of answers."""
    for n in range(rounds):
        if time.perf_counter() >= until:
            return n
        await stage.ask(asker, f"Pergunta {n}: quanto custa o bolo de fubá?")
    return rounds


if __name__ == "__main__":
    run(_part(make_url(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
