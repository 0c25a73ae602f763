"""Questions with intents: BANKING77, a file's, or our own.

Ours (`data/questions.txt`) are what people write to a small Brazilian shop: 43 things that are asked often, each in 22
Portuguese and 10 English wordings, and 230 questions that none of these answers is for. They were written for this
benchmark by one author, not taken from customers. Each third of the wordings is asked once while the other two thirds
are known, so what is asked is never known.
"""

import csv
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import banking77

DATA = Path(__file__).parent / "data" / "questions.txt"
OURS = "ours"
FOLDS = 3
NOTHING = "-"
"""The heading of questions that no answer is for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what it is about."""

    text: str
    intent: str


@dataclass(frozen=True, slots=True)
class Questions:
    """A set of questions.

    Attributes:
        name: Of the set.
        licence: And where it is from.
        folds: What is known and what is asked; more than one where known and asked take turns.
        foreign: Questions that no answer is for.
    """

    name: str
    licence: str
    folds: Sequence[tuple[Sequence[Asked], Sequence[Asked]]]
    foreign: Sequence[str] = ()


def chosen(path: Path | None) -> Questions:
    """Return the questions of a file or folder; BANKING77 where none is named."""
    if path is not None:
        return read(path)
    known, asked = ([Asked(*one) for one in part] for part in banking77.read())
    return Questions(banking77.NAME, banking77.LICENCE, [(known, asked)])


def own(path: Path = DATA, seed: int = 0) -> Questions:
    """Return our questions, in thirds: of each intent, and of each language, a third is asked in each fold."""
    wordings: defaultdict[str, list[str]] = defaultdict(list)
    intent = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            intent = line[2:]
        elif line:
            wordings[intent].append(line)
    foreign = wordings.pop(NOTHING, [])
    chance = random.Random(seed)
    thirds: list[list[Asked]] = [[] for _ in range(FOLDS)]
    for name, texts in wordings.items():
        for group in (texts[:PORTUGUESE], texts[PORTUGUESE:]):
            for place, text in enumerate(chance.sample(group, len(group))):
                thirds[place % FOLDS].append(Asked(text, name))
    folds = [([one for other in thirds if other is not third for one in other], third) for third in thirds]
    return Questions(OURS, "MIT, as Prosa; written for this benchmark", folds, foreign)


PORTUGUESE = 22
"""Wordings of an intent that are Portuguese; they come first."""


def read(path: Path, seed: int = 0) -> Questions:
    """Return the questions of a CSV file with columns `text` and `intent` (or `category`, as others have it).

    Of a folder, `train.csv` is what is known and `test.csv` what is asked; one file is divided by chance.
    """
    if path.is_dir():
        known, asked = _rows(path / "train.csv"), _rows(path / "test.csv")
        return Questions(path.name, "not known", [(known, asked)])
    rows = _rows(path)
    random.Random(seed).shuffle(rows)
    half = len(rows) // 2
    return Questions(path.name, "not known", [(rows[:half], rows[half:])])


def _rows(path: Path) -> list[Asked]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [Asked(row["text"], row.get("intent") or row["category"]) for row in csv.DictReader(file)]
