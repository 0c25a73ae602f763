"""What a prompt contains under each policy: all of the conversation, its last twenty messages, or what Prosa shows.

Prosa's decisions and summaries are the product's own code; only the database and the answers are left out.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.transcripts import Said
from prosa.ai import economy, summary
from prosa.ai import summary_notes as notes
from prosa.ai.asking import Completion, TextRequest
from prosa.ai.context import PromptMessage, estimate_tokens, tokens_of
from prosa.ai.economy import CacheWatch
from prosa.ai.names import ModelName
from prosa.ai.summary import SummaryRequest
from prosa.ai.system import system_text
from prosa.ai.usage import CallUsage
from prosa.sessions.settings.context import ContextSettings

MODEL = ModelName("google", "gemini-2.5-flash")
SYSTEM = system_text((Path(__file__).parent / "instructions.md").read_text(encoding="utf-8"))

Complete = Callable[[TextRequest], Awaitable[Completion]]


@dataclass(slots=True)
class Shown:
    """A prompt: its pieces in order, and the calls that it took to make it."""

    pieces: list[str]
    calls: list[CallUsage] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.pieces)


class Policy(Protocol):
    """One conversation under one policy."""

    def add(self, message: Said) -> None:
        """Take in the next message."""

    async def prompt(self, at: float) -> Shown:
        """Return the prompt for the answer that comes now."""
        ...

    async def answered(self, at: float, cached: int) -> list[CallUsage]:
        """Take in that it was answered; return calls made afterwards."""
        ...


class Last:
    """The last `most` messages; all of them where None."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._said: list[str] = []

    def add(self, message: Said) -> None:
        """Take in the next message."""
        self._said.append(message.text)

    async def prompt(self, at: float) -> Shown:
        """Return the prompt."""
        del at
        return Shown([SYSTEM, *(self._said[-self._most :] if self._most else self._said)])

    async def answered(self, at: float, cached: int) -> list[CallUsage]:
        """Nothing happens."""
        del at, cached
        return []


class Prosa:
    """What `prosa.turns.compaction` does."""

    def __init__(self, complete: Complete, watch: CacheWatch, settings: ContextSettings | None = None) -> None:
        self._complete = complete
        self._watch = watch
        self._settings = settings or ContextSettings()
        self._messages: list[PromptMessage] = []
        self._summary: str | None = None
        self._seq = 0
        self._last = 0.0
        self._same = False
        self._answered_until = 0
        self.summaries = 0

    def add(self, message: Said) -> None:
        """Take in the next message."""
        self._seq += 1
        author = "ai" if message.ours else "contact"
        self._messages.append(PromptMessage(self._seq, author, message.text, at=int(message.at.timestamp())))

    async def prompt(self, at: float) -> Shown:
        """Return the prompt, shortened first where the product would."""
        calls = []
        window = self._window()
        if economy.first(window, tokens_of(self._messages), cold=at - self._last > economy.CACHE_SECONDS):
            calls = await self._shorten(window)
        head = [SYSTEM, *([f"[Notes: {self._summary}]"] if self._summary else [])]
        return Shown([*head, *(m.text for m in self._messages)], calls)

    async def answered(self, at: float, cached: int) -> list[CallUsage]:
        """Learn from what the provider's cache had, and shorten where it is time."""
        if self._same and at - self._last <= economy.CACHE_SECONDS:
            before = [m for m in self._messages if m.seq <= self._answered_until]
            self._watch.saw(MODEL, expected=self._fixed() + tokens_of(before), cached=cached)
        self._last, self._same, self._answered_until = at, True, self._seq
        window = self._window()
        if tokens_of(self._messages) > window.limit:
            return await self._shorten(window)
        return []

    def _fixed(self) -> int:
        return estimate_tokens(SYSTEM) + notes.tokens_of(self._summary)

    def _window(self) -> economy.Window:
        return economy.plan(
            fixed=self._fixed(),
            budget=self._settings.window_tokens,
            keep=tokens_of(self._messages[-self._settings.keep_messages :]),
            minimum=economy.minimum_prefix(MODEL),
            works=self._watch.works(MODEL),
        )

    async def _shorten(self, window: economy.Window) -> list[CallUsage]:
        waiting = {m.seq for m in self._messages if m.seq > self._answered_until and not m.ours}
        leaving, rest = economy.split(
            self._messages, window, keep_messages=self._settings.keep_messages, waiting=waiting
        )
        if tokens_of(leaving) < economy.LEAST_TOKENS:
            return []
        request = SummaryRequest(leaving, self._summary, round(self._settings.summary_tokens * window.summary))
        extract = self._settings.summary == "extract"
        made = summary.extract(request) if extract else await summary.summarise(self._complete, request)
        self._summary, self._messages, self._same = made.text, rest, False
        self.summaries += 1
        return [usage for _, usage in made.calls]
