"""Questions with intents: from files of text and intent, or our own.

Ours are thirty things that customers ask shops on WhatsApp, each in four English and four Portuguese wordings
(`data/questions.txt`), dressed as people dress them: greetings, "could you tell me", thanks, no accents. A wording is
either known or asked, never both, so what is asked is never known in other dress.
"""

import csv
import random
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data" / "questions.txt"

_DRESS = {
    "en": (("", "hi, ", "hello! ", "good morning, ", "sorry, ", "quick question: "),
           ("", "", "please tell me, ", "I would like to know, ", "could you tell me "),
           ("?", "??", "", " please", " thanks", " thank you")),
    "pt": (("", "oi, ", "olá! ", "bom dia, ", "boa tarde! ", "opa, "),
           ("", "", "queria saber ", "me diz uma coisa, ", "gostaria de saber "),
           ("?", "??", "", " por favor", " obrigado", " pfv")),
}  # fmt: skip
_DRESSED = 12
"""Forms of each wording."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what it is about."""

    text: str
    intent: str


def own(seed: int = 0) -> tuple[list[Asked], list[Asked]]:
    """Return our questions: those that are known, and those that are asked."""
    wordings: defaultdict[str, list[str]] = defaultdict(list)
    intent = ""
    for line in DATA.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            intent = line[2:]
        elif line:
            wordings[intent].append(line)
    chance = random.Random(seed)
    known: list[Asked] = []
    asked: list[Asked] = []
    for name, texts in wordings.items():
        for language, four in (("en", texts[:4]), ("pt", texts[4:])):
            held = chance.randrange(4)
            for place, text in enumerate(four):
                dressed = {_dress(text, language, chance) for _ in range(_DRESSED)}
                (asked if place == held else known).extend(Asked(one, name) for one in sorted(dressed))
    return known, asked


def read(path: Path, seed: int = 0) -> tuple[list[Asked], list[Asked]]:
    """Return the questions of a CSV file with columns `text` and `intent` (or `category`, as BANKING77 has).

    Of a folder, `train.csv` is what is known and `test.csv` what is asked; one file is divided by chance.
    """
    if path.is_dir():
        return _rows(path / "train.csv"), _rows(path / "test.csv")
    rows = _rows(path)
    random.Random(seed).shuffle(rows)
    half = len(rows) // 2
    return rows[:half], rows[half:]


def _rows(path: Path) -> list[Asked]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [Asked(row["text"], row.get("intent") or row["category"]) for row in csv.DictReader(file)]


def _dress(text: str, language: str, chance: random.Random) -> str:
    before, lead, after = (chance.choice(one) for one in _DRESS[language])
    dressed = f"{before}{lead}{text}{after}"
    if language == "pt" and chance.random() < 0.5:
        dressed = "".join(c for c in unicodedata.normalize("NFD", dressed) if not unicodedata.combining(c))
    return dressed
