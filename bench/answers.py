"""Frequent answers: how many questions are answered, and how many of those answers are wrong, as phrasings accumulate.

The matcher, its guards, the rules for what may be answered at all, and the local model of meanings are Prosa's own.
Each intent is a frequent answer; its phrasings are drawn from the known questions, and every asked question is matched
once, as a contact's first message. Limits (score and margin) are chosen on one half of the asked questions, as the most
answers with at most 1 % wrong (by a bound half a standard error above the share), and reported on the other half;
halves are drawn 20 times and the figures are means. Which phrasings are known matters as much as how many, so they are
drawn three times. `default` figures use the limits of a number where nobody set others.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.meanings import Meanings
from bench.questions import OURS, Asked, Questions, chosen, own
from bench.report import percentile
from prosa.answers.background import TEXTS
from prosa.answers.eligible import unfit
from prosa.answers.matching import Match, Matcher, Phrasing
from prosa.answers.text import normalised
from prosa.embeddings.arrays import NDArray, np
from prosa.sessions.settings.frequent import FrequentSettings

PHRASINGS = (1, 5, 10, 20, 40)
USUAL = 20
"""Phrasings an answer, where one number stands for all."""
MOST_WRONG = 0.01
CAUTION = 0.5
"""Standard errors by which the share of wrong answers must be below that in the half on which limits are chosen: what
is best there is a little worse elsewhere."""
LEAST = 100
"""Answers that limits must give there: of fewer, that none is wrong says nothing of one in a hundred."""
SPLITS = 20
DRAWS = 3
"""Times that the phrasings of each answer are drawn."""
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)
TIMED = 500
QUICK_INTENTS = 12
QUICK_ASKED = 240

Pools = dict[str, list[str]]


def run(*, quick: bool, questions_file: Path | None = None) -> dict[str, Any]:
    """Measure, on BANKING77 and on our own questions; or on those of a file or folder alone."""
    return asyncio.run(_run(chosen(questions_file), quick=quick, alone=questions_file is not None))


async def _run(questions: Questions, *, quick: bool, alone: bool) -> dict[str, Any]:
    meanings = Meanings()
    try:
        results = await _measured(questions, meanings, quick=quick)
        if not (quick or alone or questions.name == OURS):
            results[OURS] = await _measured(own(), meanings, quick=False)
    finally:
        await meanings.close()
    return results


async def _measured(questions: Questions, meanings: Meanings, *, quick: bool) -> dict[str, Any]:
    folds = [_quickly(*questions.folds[0])] if quick else questions.folds
    drawn = [(_pools(known, seed), asked) for seed in range(1 if quick else DRAWS) for known, asked in folds]
    most = max(count for count in PHRASINGS if count <= max(len(pool) for pool in drawn[0][0].values()))
    counts = (min(USUAL, most),) if quick else [count for count in PHRASINGS if count <= most]
    for pools, asked in drawn:
        await meanings.learn(text for pool in pools.values() for text in pool[: max(counts)])
        await meanings.learn((one.text for one in asked), "asked")
    await meanings.learn(TEXTS)
    await meanings.learn(questions.foreign, "asked")
    by_phrasings = {}
    matcher: Matcher | None = None
    for count in counts:
        found: list[Match | None] = []
        right: list[bool] = []
        for pools, asked in drawn:
            matcher = _matcher(pools, count, meanings)
            matches = [_match(matcher, one.text, meanings) for one in asked]
            found += matches
            right += [
                match is not None and match.answer == one.intent for match, one in zip(matches, asked, strict=True)
            ]
        by_phrasings[count] = _figures(found, right, [one.text for _, asked in drawn for one in asked])
    usual = min(USUAL, max(counts))
    times = []
    for one in drawn[-1][1][: 60 if quick else TIMED]:
        started = time.perf_counter()
        vector = await meanings.fresh(one.text)
        if matcher is not None:
            await asyncio.to_thread(matcher.match, one.text, vector)
        times.append((time.perf_counter() - started) * 1000)
    everything = [one for _, asked in folds for one in asked]
    return {
        "questions": questions.name,
        "licence": questions.licence,
        "intents": len(drawn[0][0]),
        "asked": len(everything),
        "by_phrasings": by_phrasings,
        "unknown_answered": _unknown(drawn[: len(folds)], usual, meanings),
        **(
            {"foreign_answered": _foreign(questions.foreign, drawn[: len(folds)], usual, meanings)}
            if questions.foreign
            else {}
        ),
        "exact": exact(everything),
        "p50_ms": round(percentile(times, 0.5), 1),
        "p99_ms": round(percentile(times, 0.99), 1),
    }


def _quickly(known: Sequence[Asked], asked: Sequence[Asked]) -> tuple[Sequence[Asked], Sequence[Asked]]:
    """Return the questions of a few intents."""
    chance = random.Random(0)
    intents = sorted({one.intent for one in asked})
    some = set(chance.sample(intents, min(QUICK_INTENTS, len(intents))))
    known, asked = ([one for one in part if one.intent in some] for part in (known, asked))
    return known, chance.sample(asked, min(QUICK_ASKED, len(asked)))


def _pools(known: Sequence[Asked], seed: int) -> Pools:
    """Return the phrasings of each answer, in the order in which they accumulate."""
    pools: defaultdict[str, list[str]] = defaultdict(list)
    for one in random.Random(seed).sample(known, len(known)):
        pools[one.intent].append(one.text)
    return dict(pools)


def _matcher(pools: Pools, count: int, meanings: Meanings) -> Matcher:
    phrasings = [Phrasing(name, text, meanings.of(text)) for name, pool in pools.items() for text in pool[:count]]
    nothing = [Phrasing(None, text, meanings.of(text)) for text in TEXTS]
    return Matcher(phrasings + nothing, background=[meanings.of(text) for text in TEXTS])


def _match(matcher: Matcher, text: str, meanings: Meanings) -> Match | None:
    return None if unfit(text, first=True) else matcher.match(text, meanings.of(text, "asked"))


def _passes(match: Match | None) -> bool:
    defaults = FrequentSettings()
    return match is not None and match.passes(threshold=defaults.threshold, margin=defaults.margin)


def _figures(found: Sequence[Match | None], right: Sequence[bool], texts: Sequence[str]) -> dict[str, float]:
    hit, wrong, limits = chosen_limits(found, right, texts)
    passed = [_passes(match) for match in found]
    mistaken = sum(given and not good for given, good in zip(passed, right, strict=True))
    return {
        "hit": hit,
        "wrong": wrong,
        "threshold": limits[0],
        "margin": limits[1],
        "default_hit": round(sum(passed) / len(found), 4),
        "default_wrong": round(mistaken / max(1, sum(passed)), 4),
        "top1": round(sum(right) / len(found), 4),
    }


def chosen_limits(
    found: Sequence[Match | None], right: Sequence[bool], texts: Sequence[str]
) -> tuple[float, float, tuple[float, float]]:
    """Return hits, wrong ones among them, and the limits chosen last; means over many halves.

    Args:
        found: What was matched.
        right: Whether that was right.
        texts: The questions; all matches of one are in the same half.
    """
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    of = np.array([places[text] for text in texts])
    scores = np.array([match.score if match else -1.0 for match in found])
    margins = np.array([match.margin if match else -1.0 for match in found])
    agreed = np.array([match is not None and match.differs is None for match in found])
    good = np.array(right)
    hits: list[float] = []
    wrong = total = 0
    limits = (0.0, 0.0)
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(places))
        first = np.isin(of, order[: len(order) // 2])
        one, other = np.nonzero(first)[0], np.nonzero(~first)[0]
        limits = best_limits(scores[one], margins[one], agreed[one], good[one])
        passed = agreed[other] & (scores[other] >= limits[0]) & (margins[other] >= limits[1])
        hits.append(float(passed.mean()))
        wrong += int((passed & ~good[other]).sum())
        total += int(passed.sum())
    return round(float(np.mean(hits)), 4), round(wrong / max(1, total), 4), limits


def best_limits(
    scores: NDArray[Any], margins: NDArray[Any], agreed: NDArray[Any], good: NDArray[Any]
) -> tuple[float, float]:
    best, limits = 0, (1.5, 1.5)
    for threshold in THRESHOLDS:
        use = agreed & (scores >= threshold)
        order = np.argsort(-margins[use])
        wrong = np.cumsum(~good[use][order])
        count = np.arange(1, len(order) + 1)
        share = wrong / count
        bound = share + CAUTION * np.sqrt(share * (1 - share) / count)
        fits = np.nonzero((bound <= MOST_WRONG) & (count >= LEAST))[0]
        if len(fits) and count[fits[-1]] > best:
            best = int(count[fits[-1]])
            limits = (threshold, round(float(margins[use][order][fits[-1]]), 3))
    return limits


def _unknown(drawn: Sequence[tuple[Pools, Sequence[Asked]]], count: int, meanings: Meanings) -> float:
    """Return the share of questions that get an answer though none is for them: a third of the intents is left out."""
    left_out = set(random.Random(0).sample(sorted(drawn[0][0]), len(drawn[0][0]) // 3))
    given = []
    for pools, asked in drawn:
        matcher = _matcher({name: pool for name, pool in pools.items() if name not in left_out}, count, meanings)
        given += [_passes(_match(matcher, one.text, meanings)) for one in asked if one.intent in left_out]
    return round(sum(given) / max(1, len(given)), 4)


def _foreign(
    foreign: Sequence[str], drawn: Sequence[tuple[Pools, Sequence[Asked]]], count: int, meanings: Meanings
) -> float:
    """Return the share of questions about other things that get an answer."""
    matchers = [_matcher(pools, count, meanings) for pools, _ in drawn]
    given = [_passes(_match(matcher, text, meanings)) for matcher in matchers for text in foreign]
    return round(sum(given) / len(given), 4)


def exact(asked: Sequence[Asked]) -> dict[str, float]:
    """Return how many questions were asked before in the same words, and how many of those meant something else."""
    said: dict[str, str] = {}
    hits = wrong = 0
    for one in asked:
        key = normalised(one.text)
        if key in said:
            hits += 1
            wrong += said[key] != one.intent
        said.setdefault(key, one.intent)
    return {"hit": round(hits / len(asked), 4), "wrong": round(wrong / max(1, hits), 4)}
