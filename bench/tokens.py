"""What answers cost: all of the conversation in every prompt, its last twenty messages, and Prosa.

Counts only, no time: four characters a token; 0.30 and 2.50 US dollars a million tokens in and out (gemini-2.5-flash);
cached is what the local Gemini server's prefix cache has (2,048 tokens at least, five minutes).
"""

import asyncio
from pathlib import Path
from typing import Any

from bench import transcripts
from bench.policies import MODEL, Last, Policy, Prosa
from bench.summariser import summariser
from bench.transcripts import Said
from prosa.ai.answer import AnswerService
from prosa.ai.economy import CACHE_SECONDS, CacheWatch
from prosa_simulator.gemini.prefix_cache import PrefixCache
from prosa_simulator.gemini.tokens import text_tokens

INPUT_USD, OUTPUT_USD = 0.30 / 1e6, 2.50 / 1e6
LONG = 500
"""A conversation is long from this message on."""
PLACES = (100, 250, 500, 600, 750, 1000)
"""Ends of the stretches of conversations whose share of full history's tokens is told one by one."""


class _Account:
    """What one policy cost."""

    def __init__(self) -> None:
        self.replies = self.input = self.cached = self.output = self.summaries = 0
        self.by_place: dict[int, int] = dict.fromkeys(PLACES, 0)
        """Input tokens of answers up to each of `PLACES`, from the one before."""

    def cost(self, discount: float) -> float:
        """Return US dollars a reply."""
        total = (self.input - discount * self.cached) * INPUT_USD + self.output * OUTPUT_USD
        return round(total / max(1, self.replies), 8)

    def late(self) -> int:
        """Return input tokens of answers after message `LONG`."""
        return sum(tokens for place, tokens in self.by_place.items() if place > LONG)

    def took(self, place: int, tokens: int) -> None:
        """Take in the input tokens of the answer that is a conversation's `place`-th message."""
        self.input += tokens
        end = next((end for end in PLACES if place <= end), PLACES[-1])
        self.by_place[end] += tokens

    def shown(self) -> dict[str, Any]:
        """Return tokens a reply."""
        n = max(1, self.replies)
        return {
            "input": round(self.input / n, 1), "cached": round(self.cached / n, 1), "output": round(self.output / n, 1),
        }  # fmt: skip


def run(*, quick: bool, transcripts_file: Path | None = None) -> dict[str, Any]:
    """Count what each policy's prompts, answers and summaries come to."""
    return asyncio.run(_run(quick=quick, transcripts_file=transcripts_file))


async def _run(*, quick: bool, transcripts_file: Path | None = None) -> dict[str, Any]:
    if transcripts_file is not None:
        said = transcripts.read(transcripts_file)
    else:
        said = transcripts.generate(conversations=3 if quick else 10, messages=250 if quick else 1000)
    async with summariser() as service:
        full = await _measure(said, lambda: Last(None), cache=True)
        last20 = await _measure(said, lambda: Last(20), cache=True)
        prosa = await _prosa(said, service, cache=True)
        without = await _prosa(said, service, cache=False)
    result: dict[str, Any] = {}
    for name, account in (("full", full), ("last20", last20), ("prosa", prosa)):
        result[name] = account.shown()
        result[name] |= {"cost_0": account.cost(0), "cost_75": account.cost(0.75), "cost_90": account.cost(0.9)}
    # A provider that gives no discount tells of no cached tokens, and Prosa then keeps prompts shorter.
    result["prosa"]["cost_0"] = without.cost(0)
    result["prosa"] |= {"summaries": prosa.summaries, "without_cache": without.shown()}
    result["prosa_to_last20"] = {
        key: round(result["prosa"][key] / result["last20"][key], 3) for key in ("cost_0", "cost_75", "cost_90")
    }
    for name, account in (("", prosa), ("_without_cache", without)):
        result[f"prosa_tokens_of_full{name}"] = round(account.input / full.input, 3)
        if full.late():
            result[f"prosa_tokens_of_full_after_{LONG}{name}"] = round(account.late() / full.late(), 3)
        result[f"prosa_tokens_of_full_by_message{name}"] = {
            str(end): round(account.by_place[end] / tokens, 3) for end, tokens in full.by_place.items() if tokens
        }
    return result | {"replies": full.replies, "messages": len(said), "conversations": len(transcripts.grouped(said))}


async def _prosa(said: list[Said], service: AnswerService, *, cache: bool) -> _Account:
    now = [0.0]
    watch = CacheWatch(lambda: now[0])
    return await _measure(said, lambda: Prosa(service.complete, watch), cache=cache, now=now)


async def _measure(said: list[Said], make: Any, *, cache: bool, now: list[float] | None = None) -> _Account:
    now = now if now is not None else [0.0]
    prefixes = PrefixCache(minimum=2_048, ttl=CACHE_SECONDS, clock=lambda: now[0])
    account = _Account()
    talks: dict[str, Policy] = {}
    waits: dict[str, bool] = {}
    counts: dict[str, int] = {}
    for message in said:
        key = message.conversation
        policy = talks.setdefault(key, make())
        counts[key] = counts.get(key, 0) + 1
        now[0] = message.at.timestamp()
        if not (message.ours and waits.get(key)):
            policy.add(message)
            waits[key] = not message.ours
            continue
        waits[key] = False
        shown = await policy.prompt(now[0])
        tokens = sum(text_tokens(piece) for piece in shown.pieces) + 16  # and the line of the turn's facts
        cached = prefixes.admit(MODEL.model, (f"{piece}\n" for piece in shown.pieces)) if cache else 0
        policy.add(message)
        calls = [*shown.calls, *await policy.answered(now[0], cached)]
        account.replies += 1
        account.took(counts[key], tokens + sum(call.input_tokens for call in calls))
        account.cached += cached + sum(call.cached_tokens for call in calls)
        account.output += text_tokens(message.text) + sum(call.output_tokens for call in calls)
        account.summaries += len(calls)
    return account
