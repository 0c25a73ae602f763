"""BANKING77: 13,083 questions to a bank, of 77 intents, in `data/banking77`.

By PolyAI (Casanueva et al. 2020, arxiv.org/abs/2003.04807), under CC BY 4.0, whose text is beside it.
"""

import csv
import gzip
from pathlib import Path

NAME = "BANKING77"
LICENCE = "CC BY 4.0, PolyAI, https://github.com/PolyAI-LDN/task-specific-datasets"
TABLE = Path(__file__).parent / "data" / "banking77" / "questions.csv.gz"


def read(path: Path = TABLE) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return texts with their intents: those that are known (its training set), and those that are asked."""
    sets: dict[str, list[tuple[str, str]]] = {"train": [], "test": []}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sets[row["set"]].append((row["text"], row["intent"]))
    return sets["train"], sets["test"]
