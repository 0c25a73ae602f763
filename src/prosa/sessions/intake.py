"""What a number receives, handed upwards to be stored; a failure to store means that WhatsApp delivers again."""

import asyncio

import structlog

from prosa.database.outage import Sleep, outage_of, patiently
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.facts import MessageEvents, SessionFacts
from prosa.whatsapp.engine import ContactNamed, ContactTyping, Inbound, LidMapped, ReceiptUpdate, Undecryptable

StoredEvent = Inbound | Undecryptable | ReceiptUpdate | ContactTyping | ContactNamed | LidMapped
STORED_EVENTS = (Inbound, Undecryptable, ReceiptUpdate, ContactTyping, ContactNamed, LidMapped)

RETRY_WAITS = (0.1, 0.3, 1.0, 2.0)
"""Seconds between tries to store while the database is away. The number's next stanza waits meanwhile."""
MAX_DELIVERIES = 3
"""After so many deliveries of one message that failed for another reason, a placeholder is stored in its place:
one message that cannot be handled must not keep a number from all others for ever."""
_REMEMBERED = 1000


class SessionGoneError(Exception):
    """Something arrived for a number that was deleted, or that this process no longer holds."""


class NotStoredError(Exception):
    """The database was away for longer than a delivery may wait; it comes again."""


class Intake:
    """Stores what one number receives."""

    def __init__(
        self, session_id: str, directory: SessionDirectory, events: MessageEvents, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._session_id = session_id
        self._directory = directory
        self._events = events
        self._sleep = sleep
        self._failures: dict[str, int] = {}
        self._log = structlog.get_logger("prosa.sessions").bind(session=session_id)

    async def take(self, event: StoredEvent) -> None:
        """Store an event; returning acknowledges it to WhatsApp.

        Raises:
            Exception: It is not stored.
        """
        if isinstance(event, ContactTyping):
            await self._passing(event)
            return
        try:
            await patiently(lambda: self._store(event), waits=RETRY_WAITS, sleep=self._sleep, what="inbound")
        except SessionGoneError:
            raise
        except Exception as error:
            outage = outage_of(error)
            if outage is not None:
                raise NotStoredError(outage.value) from None
            if not await self._stored_placeholder(event, error):
                raise

    async def _session(self) -> SessionFacts:
        facts = await self._directory.get(self._session_id)
        if facts is None:
            raise SessionGoneError(self._session_id)
        return facts

    async def _passing(self, event: ContactTyping) -> None:
        try:
            await self._events.contact_typing(await self._session(), event)
        except Exception as error:  # noqa: BLE001 - it has passed anyway
            self._log.warning("typing_not_noted", error=type(error).__name__)

    async def _store(self, event: StoredEvent) -> None:
        session = await self._session()
        match event:
            case Inbound(message=message):
                await self._events.message(session, message)
            case Undecryptable(message=message, reason=reason):
                await self._events.undecryptable(session, message, reason)
            case ReceiptUpdate():
                await self._events.receipt(session, event)
            case ContactNamed():
                await self._events.contact_named(session, event)
            case LidMapped():
                await self._events.lid_mapped(session, event)
            case ContactTyping():
                await self._events.contact_typing(session, event)

    async def _stored_placeholder(self, event: StoredEvent, error: Exception) -> bool:
        """Count a failure that is no outage; return whether a placeholder now stands for the event."""
        key = _key(event)
        count = self._failures.pop(key, 0) + 1
        self._failures[key] = count
        if len(self._failures) > _REMEMBERED:
            self._failures.pop(next(iter(self._failures)))
        if count < MAX_DELIVERIES:
            return False
        self._log.error("not_storable", event_type=type(event).__name__, deliveries=count, exc_info=error)
        if isinstance(event, Inbound):
            await self._events.undecryptable(await self._session(), event.message, "not_storable")
        self._failures.pop(key)
        return True


def _key(event: StoredEvent) -> str:
    match event:
        case Inbound(message=message) | Undecryptable(message=message):
            return f"{type(event).__name__}:{message.chat}:{message.wa_id}"
        case ReceiptUpdate():
            return f"receipt:{event.chat}:{event.sender}:{event.type}:{','.join(event.wa_ids)}"
        case _:
            return repr(event)
