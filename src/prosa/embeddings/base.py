"""What every maker of vectors is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal["alike", "asked", "question", "passage"]
"""What vectors are for: `alike` to tell whether texts mean the same, `asked` for such a text that somebody waits for
(of a long one, what matters most may do), the others to find passages for a question."""


class EmbeddingError(Exception):
    """No vectors can be had now; the message says why and what to do, for the owner."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, and what they cost.

    Attributes:
        vectors: One a text: unit length, 32-bit floats, little-endian.
        input_tokens: That a provider billed; 0 where the model runs here.
        cost_microusd: Millionths of a US dollar; None where the price is not known.
        latency_ms: How long it took.
    """

    vectors: list[bytes] = field(repr=False)
    input_tokens: int = 0
    cost_microusd: int | None = 0
    latency_ms: int = 0


class Embedder(Protocol):
    """Makes vectors. Nothing is loaded or asked before the first `embed`."""

    @property
    def name(self) -> str:
        """Names the model, with its version: vectors of other names cannot be compared."""

    @property
    def provider(self) -> str:
        """Who bills the calls; empty where nobody does."""

    def unready(self) -> str | None:
        """Return why it cannot be used here and what to do, for a person; None where it can."""

    async def embed(self, texts: Sequence[str], kind: Kind) -> Embedded:
        """Return the vectors of some texts, in order.

        Raises:
            EmbeddingError: There are none now.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds."""
