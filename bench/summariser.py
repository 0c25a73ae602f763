"""The model that makes summaries in the benchmarks: a script in the local Gemini server.

It notes clauses with a figure, an address, a name or a word of decision, those that state most for their length, up to
the words it was allowed. It neither paraphrases nor misunderstands, and knows no importance: what it shows is what the
mechanism around a summariser keeps and costs, not how good a model is.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prosa.ai.answer import AnswerService
from prosa.ai.facts import fold, weight
from prosa.ai.models import Models
from prosa.settings import Settings
from prosa_simulator.gemini import GeminiServer, Prompt, on_system

_ASKED = re.compile(r"in at most (\d+) words")
_LINE = re.compile(r"^(?:- )?(contact|we|noted): (.*)$")
_DECISION = re.compile(
    r"\b(?:decid\w*|agreed?|settled|promise\w*|prefer\w*|allerg\w*|chose|chosen|deal|fechado|combinad\w*|promet\w*"
    r"|escolh\w*|alerg\w*)\b"
)
_FILLER = re.compile(
    r"^(?:(?:well|so|then|ok|okay|oh|ah|hey|please|and|but|by the way|let us say|i think|i told you|just so you know)"
    r"[,:]?\s+)+",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r",\s+(?=(?:and|but|because|so|if|which|who|e|mas|porque)\b)|;\s+", re.IGNORECASE)


def notes(prompt: Prompt) -> str:
    """What the script says to a request for a summary."""
    asked = prompt.last_user_text
    found = _ASKED.search(asked)
    words = int(found[1]) if found else 100
    before, _, new = asked.partition("New messages:\n")
    candidates = [(m[1], m[2]) for line in before.splitlines() if (m := _LINE.match(line))] if "anew" in asked else []
    for line in new.partition("\n\nWrite ")[0].splitlines():
        if match := _LINE.match(line):
            sentences = re.split(r"(?<=[.!?])\s+", match[2])
            candidates += [(match[1], clause) for sentence in sentences for clause in _clauses(sentence)]
    scored = [(_score(text), index, f"{who}: {text}") for index, (who, text) in enumerate(candidates)]
    best = sorted((entry for entry in scored if entry[0] > 0), key=lambda entry: (-entry[0], -entry[1]))
    kept = []
    seen: set[str] = set()
    for _, index, line in best:
        size = len(line.split())
        if size <= words and fold(line) not in seen:
            seen.add(fold(line))
            kept.append((index, line))
            words -= size
    return "\n".join(line for _, line in sorted(kept)) or "-"


def _clauses(sentence: str) -> list[str]:
    return [short for clause in _CLAUSE.split(sentence) if (short := _FILLER.sub("", clause.strip(" .!?")).strip())]


def _score(text: str) -> float:
    decided = 4 if _DECISION.search(fold(text)) else 0
    return (weight(text) + decided) / (len(text.split()) + 4)


@asynccontextmanager
async def summariser() -> AsyncIterator[AnswerService]:
    """Return an answer service whose model makes notes by the script."""
    async with GeminiServer(api_key="bench") as gemini:
        gemini.script.when(on_system("keep the notes"), notes)
        settings = Settings(
            _env_file=None, gemini_api_key="bench", gemini_base_url=gemini.base_url, ai_model="gemini-2.5-flash",
            data_dir=Path("unused"),
        )  # fmt: skip
        service = AnswerService(Models(settings), timeout_seconds=30)
        try:
            yield service
        finally:
            await service.close()
