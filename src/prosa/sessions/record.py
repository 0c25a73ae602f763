"""A number as its row says, immutable, and in the JSON form that the cache keeps."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row

from prosa.sessions.facts import SessionFacts
from prosa.sessions.reasons import StatusReason
from prosa.sessions.settings import SessionSettings
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.jid import Jid

STALE = timedelta(seconds=10)
"""By how much a cached row's lease may lag behind (`prosa.sessions.directory.TTL_SECONDS`)."""


class SessionRecord(BaseModel):
    """One row of `whatsapp_sessions`; see `prosa.sessions.models` for what each column means."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)

    id: uuid.UUID
    session_id: str
    user_id: uuid.UUID
    name: str | None
    status: SessionStatus
    status_reason: str | None
    status_detail: str | None
    wanted: bool
    link_method: str
    link_phone: str | None
    qr: str | None
    qr_expires_at: datetime | None
    pairing_code: str | None
    pairing_code_expires_at: datetime | None
    passkey: dict[str, Any] | None
    jid: str | None
    lid: str | None
    push_name: str | None
    settings: SessionSettings
    extra: dict[str, Any]
    last_connected_at: datetime | None
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None
    answers_version: int = 0
    knowledge_version: int = 0

    @classmethod
    def of(cls, row: Row[Any]) -> "SessionRecord":
        """Read a row."""
        return cls.model_validate(row._mapping)  # noqa: SLF001 - public, despite its name (SQLAlchemy, Row._mapping)

    def as_seen(self, now: datetime) -> "SessionRecord":
        """Return the row as it is true for people: one that says `open` while no process holds it is closed."""
        if self.status is not SessionStatus.OPEN or self.lease_until is None or self.lease_until + STALE > now:
            return self
        return self.model_copy(
            update={
                "status": SessionStatus.CLOSED,
                "status_reason": StatusReason.NOT_HELD,
                "status_detail": "No Prosa process holds this number at the moment: one ended suddenly, or the "
                "database takes no writes. It comes back by itself.",
            }
        )

    @property
    def linked(self) -> bool:
        """Whether WhatsApp knows this device."""
        return self.jid is not None

    @property
    def ever_linked(self) -> bool:
        """Whether WhatsApp knows this device, or knew it once."""
        return not (self.jid is None and self.lid is None and self.last_connected_at is None)

    @property
    def untouched(self) -> bool:
        """Whether it was never linked, nobody is about to link it by what they noted down, and nothing is set."""
        shown_elsewhere = self.status in {SessionStatus.PAIRING, SessionStatus.PASSKEY, SessionStatus.LOGGED_OUT}
        as_made = self.settings.model_dump() == SessionSettings().model_dump()
        return not self.ever_linked and not shown_elsewhere and as_made and self.name is None and not self.extra

    @property
    def phone(self) -> str | None:
        """Digits of the linked number, with country code."""
        try:
            return Jid.parse(self.jid).bare.phone if self.jid else None
        except ValueError:
            return None

    def facts(self) -> SessionFacts:
        """Return what the hot path needs."""
        return SessionFacts(
            session_id=self.session_id,
            user_id=self.user_id,
            status=self.status,
            jid=self.jid,
            lid=self.lid,
            settings=self.settings,
            answers_version=self.answers_version,
            knowledge_version=self.knowledge_version,
            ever_linked=self.ever_linked,
        )
