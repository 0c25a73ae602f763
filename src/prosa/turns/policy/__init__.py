"""Whether and when the AI answers: pure decisions, made when a message arrives, when a turn begins and when it ends.

`decisions` puts together what the other modules say, each about one thing: `audience`, `hours`, `age`, `keywords`,
`phone`, `debounce`.
"""

from prosa.turns.policy.debounce import due_at
from prosa.turns.policy.decisions import (
    Arrival,
    decide_before_asking,
    decide_before_sending,
    decide_on_arrival,
    wants_answer,
)
from prosa.turns.policy.reasons import SkipReason

__all__ = [
    "Arrival",
    "SkipReason",
    "decide_before_asking",
    "decide_before_sending",
    "decide_on_arrival",
    "due_at",
    "wants_answer",
]
