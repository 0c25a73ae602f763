"""A conversation as a turn begins with it."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Row

from prosa.conversations.held import TABLE, HeldConversation

_CLAIMED_COLUMNS = (
    "id", "session_id", "contact_jid", "contact_lid", "contact_name", "kind", "version", "last_seq", "answered_until",
    "summary", "summarised_until", "summarised_tokens", "ai_enabled", "ai_paused_until", "ai_stopped_until",
    "last_inbound_at", "waiting_since", "ai_forced", "asked_wa_id", "attempts", "due_at",
)  # fmt: skip
_HELD = tuple(name for name in _CLAIMED_COLUMNS if name not in {"summary", "summarised_tokens"})
CLAIMED_COLUMNS = tuple(TABLE.c[name] for name in _CLAIMED_COLUMNS)
"""What a claim returns for `ClaimedConversation`."""


@dataclass(slots=True)
class ClaimedConversation:
    """A conversation as it was when this process claimed it for a turn; fields as in the table.

    Attributes:
        over: The turn has ended, or a later turn of the same conversation has begun here.
    """

    id: uuid.UUID
    session_id: str
    contact_jid: str
    contact_lid: str | None
    contact_name: str | None
    kind: str
    version: int
    last_seq: int
    answered_until: int
    summary: str | None = field(repr=False)
    summarised_until: int
    summarised_tokens: int
    ai_enabled: bool
    ai_paused_until: datetime | None
    ai_stopped_until: datetime | None
    last_inbound_at: datetime | None
    waiting_since: datetime | None
    ai_forced: bool
    asked_wa_id: str | None
    attempts: int
    due_at: datetime
    over: bool = False

    @classmethod
    def of(cls, held: HeldConversation, *, summary: str | None, summarised_tokens: int) -> "ClaimedConversation":
        """Read a conversation that this transaction holds and claims."""
        if held.due_at is None:
            raise ValueError("nothing is due")
        values = {name: getattr(held, name) for name in _HELD}
        return cls(**values, summary=summary, summarised_tokens=summarised_tokens)

    @classmethod
    def read(cls, row: Row[tuple[object, ...]]) -> "ClaimedConversation":
        """Read a row that a claim returned."""
        return cls(**{name: getattr(row, name) for name in _CLAIMED_COLUMNS})
