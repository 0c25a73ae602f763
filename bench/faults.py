"""Killed with SIGKILL at random moments under load, again and again: what is lost, doubled or out of order?

Contacts are real linked clients that ask numbered questions, also while Prosa is down; the model repeats the number of
every question that an answer is about. The judges are the contacts' phones (what they sent, what they show) and, for
what is stored, Prosa's REST API.
"""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.linked import link
from bench.report import children
from bench.stage import SETTINGS, database_url
from prosa_simulator.contacts import Contact
from prosa_simulator.gemini import Prompt, Text, on_system
from prosa_simulator.product import ProsaClient
from prosa_simulator.product.process import ProsaProcess
from prosa_simulator.product.world import World

ROUNDS = 200
VICTIMS = ("prosa", "bridge", "both")
"""Who is killed, in turn. A bridge whose Prosa is killed must end by itself."""
VICTIMS_OF_SEVERAL = (*VICTIMS, "all")
"""The same with several processes: one of them, its bridge, or both, which come back by themselves; or everything."""
RELAPSE = 0.25
"""How often Prosa is killed again within two seconds of its new start."""
PATIENCE_SECONDS = 90.0
"""What is not answered by then is given up as unanswered, though it still counts if it comes before the end."""
LAST_SECONDS = 3.0
"""After the last round: a second answer that is still on its way would come within that."""

_SHOPS = tuple(f"55114000000{n}" for n in range(1, 10))
_TOKEN = re.compile(r"Q\d+-\d+-\d+")
_QUICK_SECONDS, _QUICK_LEAST, _QUICK_MOST = 20.0, 3, 12


@dataclass(slots=True)
class Account:
    """What one contact's phone and Prosa's API say in the end.

    Attributes:
        asked: The questions in the order in which WhatsApp's server took them: number and message id.
        shown: The answers on the phone's screen, in order: message id and text.
        resent: How often a message came again under an id that was shown already.
        stored: Ids of the contact's messages in Prosa, in order.
    """

    asked: list[tuple[str, str]] = field(default_factory=list)
    shown: list[tuple[str, str]] = field(default_factory=list)
    resent: int = 0
    stored: list[str] = field(default_factory=list)


def judge(accounts: Iterable[Account]) -> dict[str, int]:
    """Count what went wrong.

    An answer may be about several questions, each of which it then names. A question that two messages name is doubled,
    once, however often that happens. Out of order is whatever stands before something that was asked earlier.
    """
    counts = dict.fromkeys(("inbound", "lost", "unanswered", "doubled", "resent_same_id", "misordered"), 0)
    for account in accounts:
        tokens = [token for token, _ in account.asked]
        named = [(wa_id, token) for wa_id, text in account.shown for token in _TOKEN.findall(text)]
        times = Counter(token for _, token in set(named))
        counts["inbound"] += len(tokens)
        counts["lost"] += len({wa_id for _, wa_id in account.asked}.difference(account.stored))
        counts["unanswered"] += len(set(tokens).difference(times))
        counts["doubled"] += sum(1 for count in times.values() if count > 1)
        counts["resent_same_id"] += account.resent
        first = list(dict.fromkeys(token for _, token in named))
        counts["misordered"] += _inversions(first, tokens)
        counts["misordered"] += _inversions(account.stored, [wa_id for _, wa_id in account.asked])
    return counts


def _inversions(seen: Sequence[str], wanted: Sequence[str]) -> int:
    place = {name: n for n, name in enumerate(wanted)}
    places = [place[name] for name in seen if name in place]
    return sum(1 for before, after in pairwise(places) if after < before)


class Trial:
    """A Prosa with a linked number for each of its processes, and contacts that ask while it is killed."""

    def __init__(self, world: World, prosa: ProsaProcess, api: ProsaClient, seed: int, processes: int = 1) -> None:
        self.world = world
        self.shops = _SHOPS[:processes]
        self.prosa = prosa
        self.api = api
        self.people: list[Contact] = []
        self.asked: dict[str, list[tuple[str, str]]] = {}
        self.rounds = 0
        self._random = random.Random(seed)

    async def add_people(self, count: int) -> None:
        """Link contacts and let each be answered once."""
        self.people = [await self.world.contacts.link(f"55119{n:08}", name=f"Contact {n}") for n in range(count)]
        self.asked = {person.number: [] for person in self.people}
        await asyncio.gather(*(self._ask(n, 0, 0) for n in range(count)))
        await self._answered()

    async def round(self) -> str:
        """Load, kill at a random moment, start again, wait for the answers; return who was killed, and when."""
        chance, several = self._random, len(self.shops) > 1
        victims = VICTIMS_OF_SEVERAL if several else VICTIMS
        victim = victims[self.rounds % len(victims)]
        self.rounds += 1
        plans = [[chance.uniform(0, 0.5) for _ in range(chance.randint(1, 3))] for _ in self.people]
        moment, pause = chance.uniform(0, 1.6), chance.uniform(0, 0.3)
        asking = [asyncio.create_task(self._chat(n, waits)) for n, waits in enumerate(plans)]
        started = time.monotonic()
        await asyncio.sleep(moment)
        bridges = self._kill(victim)
        late = chance.randrange(len(self.people))  # asks while it is down
        await asyncio.gather(asking[late])
        await self._ask(late, self.rounds, len(plans[late]))
        if victim == "all" if several else victim != "bridge":
            await self.prosa.kill()
            await asyncio.sleep(pause)
            if chance.random() < RELAPSE:
                await self._die_while_starting(chance.uniform(0, 2))
                victim += ", once more while it started,"
            await self.prosa.start()
        await asyncio.gather(*asking)
        up = time.monotonic()
        missing = await self._answered()
        for pid in bridges:
            await _gone(pid)
        return (
            f"{victim} killed {moment:.2f} s after the first question; up {up - started - moment:.1f} s later, all "
            f"{'answered' if not missing else 'BUT ' + ' '.join(missing)} {time.monotonic() - up:.1f} s after that"
        )

    async def accounts(self) -> list[Account]:
        """Return what phones and API say."""
        await asyncio.sleep(LAST_SECONDS)
        await self.api.login("bench@example.com", "a long password")
        return [await self._account(person) for person in self.people]

    async def _die_while_starting(self, seconds: float) -> None:
        starting = asyncio.create_task(self.prosa.start())
        await asyncio.sleep(seconds)
        with suppress(RuntimeError, ProcessLookupError):  # not even begun, or dead by itself
            os.kill(self.prosa.pid, signal.SIGKILL)
        await asyncio.gather(starting, return_exceptions=True)
        await self.prosa.kill()

    def _kill(self, victim: str) -> list[int]:
        """Kill; return the bridges that are to end."""
        if len(self.shops) > 1:
            parts = children(self.prosa.pid)
            if victim == "all":
                bridges = [bridge for part in parts for bridge in children(part)]
                _end(self.prosa.pid, *parts, *bridges)
                return bridges
            prosa = self._random.choice(parts) if parts else None  # none: all of them are being started again
        else:
            prosa = self.prosa.pid
        bridges = children(prosa) if prosa else []
        _end(*(bridges if victim != "prosa" else ()), *([prosa] if prosa and victim != "bridge" else ()))
        return bridges

    async def _chat(self, who: int, waits: Sequence[float]) -> None:
        for n, wait in enumerate(waits):
            await asyncio.sleep(wait)
            await self._ask(who, self.rounds, n)

    async def _ask(self, who: int, round_: int, n: int) -> None:
        person, token = self.people[who], f"Q{round_}-{who}-{n}"
        wa_id = await person.send_text(self.shops[who % len(self.shops)], f"What about {token}?")
        self.asked[person.number].append((token, wa_id))

    async def _answered(self) -> list[str]:
        """Wait until every question is answered; return those that are not."""

        def missing(person: Contact) -> list[str]:
            shown = {token for message in person.received for token in _TOKEN.findall(message.body)}
            return [token for token, _ in self.asked[person.number] if token not in shown]

        async def wait(person: Contact) -> None:
            await person.wait_until(lambda: not missing(person), PATIENCE_SECONDS)

        await asyncio.gather(*map(wait, self.people), return_exceptions=True)
        return [token for person in self.people for token in missing(person)]

    async def _account(self, person: Contact) -> Account:
        found = await self.api.get("/conversations", q=person.number)
        stored: list[str] = []
        for conversation in found["items"]:
            path, more = f"/conversations/{conversation['id']}/messages", dict[str, str]()
            while True:
                page = await self.api.get(path, limit=100, direction="newer", **more)
                stored += [message["wa_id"] for message in page["items"] if not message["from_me"]]
                if page["next_cursor"] is None:
                    break
                more = {"cursor": page["next_cursor"]}
        shown = [(message.wa_id, message.body) for message in person.received]
        return Account(self.asked[person.number], shown, sum(person.resent.values()), stored)


@asynccontextmanager
async def trial(
    folder: Path, *, seed: int, people: int = 4, processes: int = 1, settings: dict[str, str] | None = None
) -> AsyncIterator[Trial]:
    """Set everything up: a world, a Prosa in it, linked numbers, contacts.

    Args:
        folder: Where all files are.
        seed: Of everything random.
        people: Contacts.
        processes: Prosa's, each with a number.
        settings: Of Prosa.
    """
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(World(folder))
        chance = random.Random(seed)

        def answer(prompt: Prompt) -> Text:
            tokens = _TOKEN.findall(prompt.last_user_text)
            return Text(f"This is about {' '.join(tokens)}.", latency=chance.uniform(0, 0.5))

        world.gemini.script.when(on_system("keep the notes"), "contact: asks numbered questions")
        world.gemini.script.default = answer
        prosa = world.prosa(settings={**(settings or {}), "PROSA_PROCESSES": str(processes)})
        await prosa.start()
        api = await stack.enter_async_context(ProsaClient(prosa.url))
        await api.register("bench@example.com", "a long password")
        made = Trial(world, prosa, api, seed, processes)
        async with api.events() as events:
            for shop in made.shops:
                await link(world, api, events, shop, SETTINGS)
        await made.add_people(people)
        yield made


def run(
    *,
    quick: bool,
    rounds: int | None = None,
    seed: int | None = None,
    database: str = "sqlite",
    processes: int = 1,
) -> dict[str, Any]:
    """Kill `rounds` times, and count. What went wrong leaves its files behind, and says where."""
    seed = random.randrange(2**32) if seed is None else seed
    folder = Path(tempfile.mkdtemp(prefix="prosa-faults-"))
    with database_url("postgres", folder) if database == "postgres" else nullcontext() as url:
        settings = {"PROSA_DATABASE_URL": url.render_as_string(hide_password=False)} if url else {}
        done, accounts = asyncio.run(_run(folder, rounds or (None if quick else ROUNDS), seed, processes, settings))
    counts = judge(accounts)
    bad = [name for name in ("lost", "unanswered", "doubled", "misordered") if counts[name]]
    if bad:
        evidence = folder / "accounts.json"
        evidence.write_text(json.dumps([asdict(account) for account in accounts], indent=1))
        print(f"{', '.join(bad)}: see {evidence}, and the logs beside it", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return {"rounds": done, **counts, "seed": seed}


async def _run(
    folder: Path, rounds: int | None, seed: int, processes: int, settings: dict[str, str]
) -> tuple[int, list[Account]]:
    started = time.monotonic()
    async with trial(folder, seed=seed, processes=processes, settings=settings) as made:
        while made.rounds < (rounds or _QUICK_MOST):
            if rounds is None and made.rounds >= _QUICK_LEAST and time.monotonic() - started > _QUICK_SECONDS:
                break
            what = await made.round()
            print(f"round {made.rounds}/{rounds or '?'}: {what}", file=sys.stderr, flush=True)
        return made.rounds, await made.accounts()


def _end(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def _gone(pid: int) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(30):
        while not _ended(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _ended(pid: int) -> bool:
    """Return whether a process has ended. Linux only (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True
