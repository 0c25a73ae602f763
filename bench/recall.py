"""What of a conversation is still in the prompt 50, 200 and 500 messages later.

Facts (names, numbers, dates, decisions) are planted in the transcripts, a message each, from either side; afterwards
the prompt of the first answer that many messages later is searched for them. Whether a model would use them is not
measured.
"""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import transcripts
from bench.policies import Complete, Last, Policy, Prosa
from bench.summariser import summariser
from bench.transcripts import Said
from prosa.ai.economy import CacheWatch
from prosa.ai.facts import fold
from prosa.sessions.settings.context import ContextSettings

DISTANCES = (50, 200, 500)
EVERY = 30
"""Messages between two planted facts."""

_FIRST = ("Zuleide", "Barnabé", "Ottilie", "Quirino", "Philippa", "Wanderley", "Ysolda", "Eleuterio")
_LAST = ("Kowalczyk", "Trindade", "Abernathy", "Figueiroa", "Vasquez", "Lindqvist")
_CHOICES = ("tangerine", "walnut", "lavender", "pistachio", "cinnamon", "fig jam", "rosewater", "marzipan")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was said once."""

    kind: str
    value: str
    text: str


def run(*, quick: bool, transcripts_file: Path | None = None) -> dict[str, Any]:
    """Report the share of planted facts that are still in the prompt, by distance and kind."""
    return asyncio.run(_run(quick=quick, transcripts_file=transcripts_file))


async def _run(*, quick: bool, transcripts_file: Path | None = None) -> dict[str, Any]:
    if transcripts_file is not None:
        said = transcripts.read(transcripts_file)
    else:
        said = transcripts.generate(conversations=2 if quick else 10, messages=620)
    talks = {key: _planted(messages, seed) for seed, (key, messages) in enumerate(transcripts.grouped(said).items())}
    async with summariser() as service:
        found = {
            "last20": await _measure(talks, service.complete, "last20"),
            "prosa": await _measure(talks, service.complete, "model"),
            "prosa_without_cache": await _measure(talks, service.complete, "model", cache=False),
            "prosa_extract": await _measure(talks, service.complete, "extract"),
        }
    return {
        **{name: shares for name, (shares, _) in found.items()},
        "prosa_by_kind": found["prosa"][1],
        "prosa_extract_by_kind": found["prosa_extract"][1],
        "facts": sum(len(facts) for _, facts in talks.values()),
        "conversations": len(talks),
    }


def _planted(messages: list[Said], seed: int) -> tuple[list[Said], dict[int, Fact]]:
    """Put a fact behind every `EVERY` messages; return the new list, and the facts by place in it."""
    rng = random.Random(seed)
    made: list[Said] = []
    facts: dict[int, Fact] = {}
    for index, message in enumerate(messages):
        if index % EVERY == EVERY // 3:
            fact = _fact(rng, len(facts))
            facts[len(made)] = fact
            made.append(Said(message.conversation, message.at, rng.random() < 0.3, fact.text))
        made.append(message)
    return made, facts


def _fact(rng: random.Random, number: int) -> Fact:
    match number % 4:
        case 0:
            name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
            return Fact("name", name, f"By the way, the person who will come for it is {name}.")
        case 1:
            value = str(rng.randrange(10_000, 99_999))
            return Fact("number", value, f"Just so you know, the order number is {value}.")
        case 2:
            value = f"{rng.randrange(1, 29)}/{rng.randrange(1, 13):02}/2027"
            return Fact("date", value, f"Then it is for {value}, please.")
        case _:
            value = rng.choice(_CHOICES)
            return Fact("decision", value, f"We have decided, we take the one with {value}.")


async def _measure(
    talks: dict[str, tuple[list[Said], dict[int, Fact]]], complete: Complete, policy: str, *, cache: bool = True
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    hits: dict[int, list[bool]] = defaultdict(list)
    kinds: dict[str, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for messages, facts in talks.values():
        talk = _policy(policy, complete)
        due: dict[int, list[tuple[int, Fact]]] = defaultdict(list)
        for place, fact in facts.items():
            for distance in DISTANCES:
                due[place + distance].append((distance, fact))
        waiting: list[tuple[int, Fact]] = []
        unanswered = False
        for place, message in enumerate(messages):
            waiting += due.pop(place, [])
            at = message.at.timestamp()
            if message.ours and unanswered:
                text = fold((await talk.prompt(at)).text)
                for distance, fact in waiting:
                    there = fold(fact.value) in text
                    hits[distance].append(there)
                    kinds[fact.kind][distance].append(there)
                waiting = []
                talk.add(message)
                await talk.answered(at, cached=1_000_000 if cache else 0)
            else:
                talk.add(message)
            unanswered = not message.ours
    return _shares(hits), {kind: _shares(found) for kind, found in sorted(kinds.items())}


def _policy(name: str, complete: Complete) -> Policy:
    if name == "last20":
        return Last(20)
    chosen = ContextSettings(summary="extract") if name == "extract" else ContextSettings()
    return Prosa(complete, CacheWatch(), chosen)


def _shares(hits: dict[int, list[bool]]) -> dict[str, float]:
    return {
        str(distance): round(sum(hits[distance]) / len(hits[distance]), 3) for distance in DISTANCES if hits[distance]
    }
