"""What the model may do while it answers: the tools it is offered, and what a use of one tells it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

MOST_ROUNDS = 4
"""Times that a model may ask for tools before it must answer; each is one more call of the model."""
MOST_USES = 8
"""Uses of tools for one answer; further ones are refused."""


@dataclass(frozen=True, slots=True, eq=False)  # by identity: those of Prosa's own are always the same objects
class Offer:
    """A tool as the model sees it; `parameters` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Used:
    """What came of using a tool.

    Attributes:
        ok: It worked.
        told: What the model is told: data, never instructions.
        latency_ms: How long it took.
    """

    ok: bool
    told: str = field(repr=False)
    latency_ms: int = 0


class Toolbox(Protocol):
    """The tools of one answer."""

    @property
    def offers(self) -> Sequence[Offer]:
        """What the model may use, always in the same order: it is part of the prompt's stable beginning."""
        ...

    def begin(self) -> None:
        """Forget what was only decided so far: another model answers, or the same one anew, and decides again."""

    async def use(self, name: str, arguments: dict[str, Any]) -> Used:
        """Use a tool. It never raises: what goes wrong is told to the model."""
        ...
