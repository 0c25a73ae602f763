"""Gemini's implicit cache: the prefix a prompt shares with an earlier one is billed as cached.

What Google promises (ai.google.dev/gemini-api/docs/caching): from Gemini 2.5 on a request with the prefix of an
earlier one may hit; minimum prefix 2,048 tokens on 2.5 models and 4,096 on 3 models. Google promises neither
the hit nor how long an entry lives. Here a hit is certain while the entry lives, so that tests can rely on it.

The prompt is cut into blocks of 64 tokens whose digests are chained, each over all before it, so that a lookup
walks from the start until the first unknown digest and costs the prompt's length, whatever was asked before.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from prosa_simulator.gemini.tokens import CHARS_PER_TOKEN, Media

BLOCK_TOKENS = 64
_BLOCK_CHARS = BLOCK_TOKENS * CHARS_PER_TOKEN
_DEFAULT_TTL = 300.0
_MINIMUM_25 = 2_048
_MINIMUM_3 = 4_096


def default_minimum(model: str) -> int:
    """The least prefix, in tokens, that Google caches for this model."""
    return _MINIMUM_3 if model.startswith("gemini-3") else _MINIMUM_25


class PrefixCache:
    """Digests of prompt prefixes seen lately, by model and key.

    Args:
        minimum: least cached prefix in tokens for every model; None takes Google's figure for the model.
        ttl: seconds an unused prefix stays.
        max_blocks: bound of the memory; the block unused longest goes first.
        clock: seconds, only ever rising.
    """

    def __init__(
        self,
        *,
        minimum: int | None = None,
        ttl: float = _DEFAULT_TTL,
        max_blocks: int = 200_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.minimum = minimum
        self.ttl = ttl
        self._max_blocks = max_blocks
        self._clock = clock
        self._expiry: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._expiry)

    def clear(self) -> None:
        """Forget every prefix."""
        self._expiry.clear()

    def admit(self, model: str, pieces: Iterable[str | Media]) -> int:
        """Remember a prompt, and return how many of its tokens an earlier prompt of the same model began with.

        Zero when the shared prefix is under the minimum. The tail that does not fill a block is never cached.
        """
        now = self._clock()
        shared = 0
        hitting = True
        for digest, tokens in _blocks(model, pieces):
            hitting = hitting and self._expiry.get(digest, now) > now
            if hitting:
                shared += tokens
            self._expiry[digest] = now + self.ttl
            self._expiry.move_to_end(digest)
        while len(self._expiry) > self._max_blocks:
            self._expiry.popitem(last=False)
        least = default_minimum(model) if self.minimum is None else self.minimum
        return shared if shared >= least else 0


def _blocks(model: str, pieces: Iterable[str | Media]) -> Iterable[tuple[bytes, int]]:
    """(chained digest, tokens) of each full block of text, and of each file, which is a block by itself."""
    chain = hashlib.blake2b(model.encode(), digest_size=16)
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            full = len(text) - len(text) % _BLOCK_CHARS
            for start in range(0, full, _BLOCK_CHARS):
                chain.update(text[start : start + _BLOCK_CHARS].encode("utf-8", "surrogatepass"))
                yield chain.digest(), BLOCK_TOKENS
            text = text[full:]
        else:
            chain.update(b"\x1c" + text.encode("utf-8", "surrogatepass") + hashlib.blake2b(piece.data).digest())
            yield chain.digest(), piece.tokens + len(text) // CHARS_PER_TOKEN
            text = ""
