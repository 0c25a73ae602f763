"""A person's message, from the API or the console: stored and put into the outbox, once however often it is asked."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from prosa.auth.caller import Caller
from prosa.auth.numbers import check_number
from prosa.clock import utc_now
from prosa.conversations import identity, queries
from prosa.conversations.held import hold
from prosa.conversations.identity import Address
from prosa.conversations.media import MediaFiles
from prosa.conversations.models import Author, ConversationKind
from prosa.conversations.online import OnlineNumbers
from prosa.conversations.opening import open_or_create, submit_opening
from prosa.conversations.pauses import PausedBy
from prosa.conversations.scheduled import find_scheduled
from prosa.database.engine import Database, ReadDb, WriteDb
from prosa.database.outage import Outage, outage_of
from prosa.errors import ConflictError, NotFoundError
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import Payload
from prosa.ids import new_id
from prosa.outbox import queue, schedule
from prosa.outbox.content import Instructions, Outbound, OutboundMedia, OutboundText
from prosa.outbox.errors import NeverLinkedError
from prosa.sessions.facts import Numbers, SessionFacts
from prosa.turns.context import Contexts
from prosa.turns.drafts import Draft, ToContact, ToConversation, check_writable, recipient
from prosa.turns.people import PeopleAnswers
from prosa.turns.receive import prompt_fact
from prosa.turns.takeover import person_wrote
from prosa.whatsapp.engine import EngineError

logger = structlog.get_logger("prosa.manual")

RESOLVE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Where:
    """The conversation to send into: its id, or the address it has or will have."""

    session_id: str
    conversation_id: uuid.UUID | None = None
    address: Address | None = None
    resolve: str | None = None


class ManualMessages:
    """Sends what people write."""

    def __init__(
        self,
        database: Database,
        files: MediaFiles,
        numbers: OnlineNumbers,
        sessions: Numbers,
        *,
        contexts: Contexts | None = None,
        people: PeopleAnswers | None = None,
    ) -> None:
        """Make the service.

        Args:
            database: Where messages are stored.
            files: Where files are kept.
            numbers: Those online in this process, to ask WhatsApp about phone numbers.
            sessions: Where numbers are looked up, for their settings.
            contexts: Cached contexts, which take in every message stored.
            people: Learns from what people answer.
        """
        self._database = database
        self._files = files
        self._numbers = numbers
        self._sessions = sessions
        self._contexts = contexts
        self._people = people

    async def send(self, caller: Caller, target: ToConversation | ToContact, draft: Draft) -> Row[Any]:
        """Store a message to send and return it, as it is now; the sender does the rest.

        The same request again under the same key returns the message that the first one made.

        Raises:
            NotFoundError: The conversation, the number or the quoted message is not the caller's.
            InvalidInputError: The recipient is neither a phone number nor a WhatsApp address that can be written to, or
                the time to send it is past or too far away.
            ConflictError: The key was used for another request.
            NeverLinkedError: The number was never linked: nothing would ever be sent from it.
        """
        where = await self._where(caller, target)
        fingerprint = draft.fingerprint(target)
        repeated = await self._repeated(caller, where.session_id, draft, fingerprint)
        if repeated is not None:
            return repeated
        session = await self._linked(where.session_id)
        quoted_wa_id = await self._quoted(caller, where, draft)
        if where.conversation_id is None and where.address is not None:
            where = await self._resolved(where, where.address)
        message_id, send_at = new_id(), draft.later(utc_now())
        content = await self._content(where, draft, message_id)
        job = partial(
            _enqueue, where=where, draft=draft, content=content, quoted_wa_id=quoted_wa_id, fingerprint=fingerprint,
            message_id=message_id, caller=caller, session=session, send_at=send_at,
        )  # fmt: skip
        try:
            version = await submit_opening(self._database, job)
        except IntegrityError:
            # Run again after a commit whose confirmation was lost (`Database.submit`), it finds itself.
            return await self._row(caller, message_id)
        except Exception as error:
            if outage_of(error) is not Outage.AWAY:  # else it may be committed, and its file is needed
                await self._drop(content)
            raise
        if version is None:
            # The same request came twice at the same moment, and the other one was first.
            repeated = await self._repeated(caller, where.session_id, draft, fingerprint)
            if repeated is None or repeated.id != message_id:
                await self._drop(content)
            if repeated is None:
                raise ConflictError("The message of this key was erased just now.")
            return repeated
        row = await self._row(caller, message_id)
        if send_at is None:
            await self._said(row, version)
        return row

    async def _said(self, row: Row[Any], version: int) -> None:
        """Tell those who follow conversations of a message that is on its way."""
        if self._contexts is not None:
            await self._contexts.remember(row.conversation_id, version, prompt_fact(dict(row._mapping)))  # noqa: SLF001
        if self._people is not None:
            self._people.answered(await self._session(row.session_id), row.conversation_id, row.seq)

    async def _where(self, caller: Caller, target: ToConversation | ToContact) -> _Where:
        async with self._database.read() as db:
            if isinstance(target, ToConversation):
                row = await queries.find_conversation(db, caller, target.conversation_id)
                if row is None:
                    raise NotFoundError("There is no such conversation here.", remedy="GET /conversations lists yours.")
                check_writable(ConversationKind(row.kind), row.contact_jid)
                return _Where(row.session_id, conversation_id=row.id)
            await check_number(db, caller, target.session_id)
        address, phone = recipient(target.to)
        return _Where(target.session_id, address=address, resolve=phone)

    async def _session(self, session_id: str) -> SessionFacts:
        session = await self._sessions.get(session_id)
        if session is None:
            raise NotFoundError(f"There is no number “{session_id}” here.")
        return session

    async def _linked(self, session_id: str) -> SessionFacts:
        """Return a number that can send, now or once it is back."""
        session = await self._session(session_id)
        if not session.ever_linked:
            raise NeverLinkedError(f"The number “{session_id}” was never linked to a WhatsApp account.")
        return session

    async def _repeated(self, caller: Caller, session_id: str, draft: Draft, fingerprint: str) -> Row[Any] | None:
        if draft.idempotency_key is None:
            return None
        async with self._database.read() as db:
            found = await _taken(db, session_id, draft.idempotency_key)
            if found is None:
                return None
            if Instructions.read(found.payload).fingerprint != fingerprint:
                raise ConflictError(
                    "This Idempotency-Key was used for another message.", remedy="Use a new key for a new message."
                )
            return await _find(db, caller, found.id)

    async def _quoted(self, caller: Caller, where: _Where, draft: Draft) -> str | None:
        if draft.quoted_message_id is None:
            return None
        async with self._database.read() as db:
            quoted = await queries.find_message(db, caller, draft.quoted_message_id)
        wrong = (
            where.conversation_id is not None and quoted is not None and quoted.conversation_id != where.conversation_id
        )
        if quoted is None or wrong:
            raise NotFoundError("The message to answer to is not in this conversation.")
        return str(quoted.wa_id)

    async def _resolved(self, where: _Where, address: Address) -> _Where:
        """Find out under which addresses WhatsApp knows a contact, where that is possible now.

        Otherwise the sender asks, once the number is online; two conversations with one contact then become one.
        """
        async with self._database.read() as db:
            known = await queries.find_by_address(db, where.session_id, address)
        if known is not None:
            return _Where(where.session_id, conversation_id=known)
        connection = self._numbers.connection(where.session_id)
        if connection is None or address.kind is not ConversationKind.CONTACT:
            return where
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                if where.resolve is None:
                    other = await connection.alternate(address.jid)
                    return _Where(where.session_id, address=identity.address(address.jid, other))
                for user in await connection.resolve([where.resolve]):
                    if user.on_whatsapp and user.jid:
                        return _Where(where.session_id, address=identity.address(user.jid, user.lid))
        except (EngineError, TimeoutError, ValueError) as error:
            logger.info("a phone number is asked about later", session=where.session_id, error=type(error).__name__)
        return where

    async def _content(self, where: _Where, draft: Draft, message_id: uuid.UUID) -> Outbound:
        if draft.file is None:
            return OutboundText(draft.text)
        place = self._files.place(where.session_id, where.conversation_id or message_id, message_id)
        path = await asyncio.to_thread(self._files.prepare, place)
        await asyncio.to_thread(draft.file.path.replace, path)
        return OutboundMedia(draft.file.type, place, draft.file.info, draft.text)

    async def _drop(self, content: Outbound) -> None:
        if isinstance(content, OutboundMedia):
            await asyncio.to_thread(self._files.remove, content.place)

    async def _row(self, caller: Caller, message_id: uuid.UUID) -> Row[Any]:
        async with self._database.read() as db:
            row = await _find(db, caller, message_id)
        if row is None:
            raise NotFoundError("The conversation was erased just now.")
        return row


async def _taken(db: ReadDb, session_id: str, key: str) -> Row[Any] | None:
    """Return the message that a request with this key made: the row as stored."""
    return await queue.find_by_key(db, session_id, key) or await schedule.find_key(db, session_id, key)


async def _find(db: ReadDb, caller: Caller, message_id: uuid.UUID) -> Row[Any] | None:
    """Return a message of the caller's, also one that is to be sent later."""
    found = await queries.find_message(db, caller, message_id)
    return found or await find_scheduled(db, caller, message_id)


async def _enqueue(
    db: WriteDb,
    *,
    where: _Where,
    draft: Draft,
    content: Outbound,
    quoted_wa_id: str | None,
    fingerprint: str,
    message_id: uuid.UUID,
    caller: Caller,
    session: SessionFacts,
    send_at: datetime | None,
) -> int | None:
    """Store the message; return the conversation's version after it, or None where its key is taken."""
    if draft.idempotency_key is not None and await _taken(db, where.session_id, draft.idempotency_key) is not None:
        return None
    if where.conversation_id is not None:
        held = await hold(db, where.conversation_id)
        if held is None:
            raise NotFoundError("There is no such conversation here.")
    elif where.address is not None:
        held = (await open_or_create(db, where.session_id, where.address, at=utc_now())).conversation
    else:
        raise ValueError("a message goes into a conversation or to an address")
    instructions = Instructions(
        resolve=where.resolve, fingerprint=fingerprint if draft.idempotency_key is not None else None
    )
    if send_at is not None:
        await schedule.add(
            db, held, message_id=message_id, content=content, send_at=send_at, instructions=instructions,
            user_id=caller.user_id, quoted_wa_id=quoted_wa_id, idempotency_key=draft.idempotency_key,
        )  # fmt: skip
        return held.version
    paused: Sequence[Payload] = ()
    if draft.pauses_ai:
        now = utc_now()
        paused = await person_wrote(
            db, held, session, by=PausedBy.PERSON, written_at=now, now=now, user_id=caller.user_id
        )
    await queue.enqueue(
        db,
        held,
        author=Author.PERSON if draft.pauses_ai else Author.PROGRAM,
        content=content,
        quoted_wa_id=quoted_wa_id,
        idempotency_key=draft.idempotency_key,
        instructions=instructions,
        message_id=message_id,
        user_id=caller.user_id,
        lasting=session.settings.sending.lasting,
    )
    await log.append(db, *(NewEvent(caller.user_id, held.session_id, payload) for payload in paused))
    return held.version
