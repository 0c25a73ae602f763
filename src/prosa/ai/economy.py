"""When it pays to shorten a conversation's part of the prompt, and by how much.

A long prompt is cheap where the provider's cache holds its beginning, and dear where it does not. Providers cache only
prompts above a minimum length, promise nothing, and tell in each answer what they had: so what they had lately decides.
Figures and the comparison of policies: docs/ai.md.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from prosa.ai.context import PromptMessage, newest_within
from prosa.ai.names import ModelName

CACHE_SECONDS = 300.0
"""How long providers keep an unused beginning: Google and OpenAI speak of minutes and promise nothing."""
UNCACHED_SHARE = 0.4
"""Of the window's budget, where the cache does not help."""
OVERFLOW = 2.5
"""How many times its limit a window may be before an answer waits for the summary, as after weeks without the AI."""
LEAST_TOKENS = 100
"""Fewer are not worth a call."""
UNCACHED_SUMMARY = 0.5
"""The same of the summary's."""
_MOST_KEPT = 0.6
"""Of the budget: there must be room to grow, or every few turns would need a summary."""
_MARGIN = 128
"""Tokens above a provider's minimum, because they are estimated, with four a message that it may not count."""
_SEEN, _FEWEST, _SHARE = 20, 5, 0.5
_FORGET_SECONDS = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Window:
    """How long the messages of a prompt may be, in tokens.

    Attributes:
        limit: Above it, older messages go into the summary.
        keep: What stays then.
        resume: The same as `limit` for a chat that goes on after the provider has forgotten it; None: the limit holds.
        summary: How much of the summary's budget may be used, from 0 to 1.
    """

    limit: int
    keep: int
    resume: int | None = None
    summary: float = 1.0


def minimum_prefix(name: ModelName) -> int | None:
    """Return the shortest beginning that a provider caches by itself, in tokens; None where it is not known to.

    ai.google.dev/gemini-api/docs/caching: 2,048 tokens for 2.5, 4,096 for 3;
    platform.openai.com/docs/guides/prompt-caching: 1,024.
    """
    if name.provider.startswith("google"):
        return 4096 if name.model.startswith("gemini-3") else 2048
    return 1024 if name.provider.startswith("openai") else None


def plan(*, fixed: int, budget: int, keep: int, minimum: int | None, works: bool) -> Window:
    """Return how long the messages may be.

    Args:
        fixed: Tokens that come before the messages: instructions, knowledge, summary.
        budget: What the owner allows for messages.
        keep: Tokens of the newest messages that always stay.
        minimum: See `minimum_prefix`.
        works: Whether the provider's cache has been seen to work.
    """
    if minimum is not None and works:
        # Keep so much that the prompt stays above the minimum, and all but its end is read at the cache's price.
        enough = max(keep, minimum + _MARGIN - fixed)
        if enough <= _MOST_KEPT * budget:
            return Window(budget, enough, resume=max(enough + budget // 10, budget // 3))
    return Window(max(round(budget * UNCACHED_SHARE), keep + keep // 2), keep, summary=UNCACHED_SUMMARY)


def first(window: Window, length: int, *, cold: bool) -> bool:
    """Return whether to shorten before the answer, which then waits for it.

    Args:
        window: The plan.
        length: Tokens of the messages.
        cold: The provider has forgotten the conversation: all of the prompt would be read at the full price.
    """
    resumed = cold and window.resume is not None and length > window.resume
    return resumed or length > OVERFLOW * window.limit


def split(
    messages: Sequence[PromptMessage], window: Window, *, keep_messages: int, waiting: Collection[int] = ()
) -> tuple[list[PromptMessage], list[PromptMessage]]:
    """Return the messages that leave the prompt for the summary, and those that stay.

    Args:
        messages: All that the prompt has, in the order of `seq`.
        window: The plan.
        keep_messages: How many of the newest stay at least.
        waiting: `seq` of those that are to be answered, which stay too.
    """
    kept = newest_within(messages, window.keep, least=keep_messages)
    begin = min({m.seq for m in kept} | set(waiting))
    return [m for m in messages if m.seq < begin], [m for m in messages if m.seq >= begin]


class CacheWatch:
    """Remembers, by model, whether beginnings that should have been in the provider's cache were."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: dict[ModelName, deque[tuple[float, bool]]] = defaultdict(lambda: deque(maxlen=_SEEN))

    def works(self, name: ModelName) -> bool:
        """Whether to count on the cache: until it was seen not to work, and again a week later."""
        seen = self._seen[name]
        while seen and seen[0][0] < self._now() - _FORGET_SECONDS:
            seen.popleft()
        return len(seen) < _FEWEST or sum(hit for _, hit in seen) >= _SHARE * len(seen)

    def saw(self, name: ModelName, *, expected: int, cached: int) -> None:
        """Take in what a call reported.

        Args:
            name: The model.
            expected: Tokens of the beginning that an earlier call a moment ago had too.
            cached: Tokens that the provider had in its cache.
        """
        minimum = minimum_prefix(name)
        if minimum is not None and expected >= minimum + _MARGIN:
            self._seen[name].append((self._now(), cached >= expected // 2))
