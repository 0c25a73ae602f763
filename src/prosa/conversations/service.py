"""What a person can do with conversations and messages."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Row, delete, or_

from prosa import words
from prosa.auth.caller import Caller
from prosa.auth.numbers import check_number
from prosa.clock import Clock, utc_now
from prosa.conversations import pauses, queries
from prosa.conversations.facts import conversation_payload
from prosa.conversations.fetch import MediaFetcher
from prosa.conversations.held import TABLE, HeldConversation, hold, save
from prosa.conversations.media import MediaFacts, MediaFiles
from prosa.conversations.models import ConversationKind
from prosa.conversations.online import OnlineNumbers
from prosa.conversations.queries import ConversationFilter, Direction
from prosa.conversations.scheduled import find_scheduled, scheduled_places
from prosa.conversations.schemas import ConversationUpdate, MessageView
from prosa.conversations.unread import mark_read
from prosa.database.engine import Database, WriteDb
from prosa.errors import FieldError, InvalidInputError, NotFoundError
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.models import EventRow
from prosa.events.types import ConversationDeletedPayload, Payload
from prosa.whatsapp.engine import EngineError

logger = structlog.get_logger("prosa.conversations")

MAX_RECEIPTS = 500
"""Read receipts sent at once: what lies further back is read by implication on phones."""
RECEIPT_SECONDS = 5.0

Forget = Callable[[uuid.UUID], Awaitable[None]]
"""Drops what is cached of a conversation."""
Silence = Callable[[WriteDb, HeldConversation, uuid.UUID], Awaitable[None]]
"""Takes back what the AI has in the outbox of a held conversation, whose owner is the last argument."""


class ConversationService:
    """Conversations and messages of the caller."""

    def __init__(
        self,
        database: Database,
        files: MediaFiles,
        fetcher: MediaFetcher,
        numbers: OnlineNumbers,
        *,
        forget: Forget | None = None,
        silence: Silence | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """Make the service.

        Args:
            database: Where conversations are.
            files: Where media are.
            fetcher: Downloads media.
            numbers: Those online in this process, for read receipts.
            forget: Drops what is cached of a conversation that was erased.
            silence: Takes back what the AI has not said yet, where it is switched off or paused.
            clock: The time.
        """
        self._database = database
        self._files = files
        self._fetcher = fetcher
        self._numbers = numbers
        self._forget = forget
        self._silence = silence
        self._clock = clock

    async def find(
        self, caller: Caller, wanted: ConversationFilter, *, after: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> list[Row[Any]]:
        """Return up to `limit` conversations, those with the newest message first.

        Raises:
            NotFoundError: The number asked for is not the caller's.
        """
        async with self._database.read() as db:
            if wanted.session_id is not None:
                await check_number(db, caller, wanted.session_id)
            return await queries.list_conversations(db, caller, wanted, after=after, limit=limit)

    async def get(self, caller: Caller, conversation_id: uuid.UUID) -> Row[Any]:
        """Return a conversation.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        async with self._database.read() as db:
            row = await queries.find_conversation(db, caller, conversation_id)
        if row is None:
            raise _no_conversation()
        return row

    async def update(self, caller: Caller, conversation_id: uuid.UUID, changes: ConversationUpdate) -> Row[Any]:
        """Change the contact's name, or whether the AI answers.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        await self.get(caller, conversation_id)
        sent = changes.model_dump(exclude_unset=True)

        async def change(db: WriteDb) -> None:
            held = await _held(db, conversation_id)
            if "contact_name" in sent:
                name = " ".join((sent["contact_name"] or "").split()) or None
                held.contact_name_set = name is not None
                held.contact_name = name if name is not None else held.contact_name
            if "ai_enabled" in sent:
                held.ai_enabled = sent["ai_enabled"]
            event = self._pause(held, caller, sent["ai_paused_until"]) if "ai_paused_until" in sent else None
            silent = not held.ai_enabled or pauses.silent(held, self._clock())
            if held.changed():
                held.version += 1
                if silent and self._silence is not None:
                    await self._silence(db, held, caller.user_id)
                await save(db, held)
                if event is not None:
                    await log.append(db, NewEvent(caller.user_id, held.session_id, event))
                await _tell(db, caller, held)
            if "notes" in sent:
                await queries.write_notes(db, conversation_id, (sent["notes"] or "").strip() or None)

        await self._database.submit(change)
        return await self.get(caller, conversation_id)

    def _pause(self, held: HeldConversation, caller: Caller, until: datetime | None) -> Payload | None:
        now, by, asked = self._clock(), pauses.PausedBy.PERSON, pauses.PauseReason.ASKED
        if until is None or until <= now:
            return pauses.end_pause(held, now=now, user_id=caller.user_id)
        return pauses.pause(held, until=until, by=by, reason=asked, now=now, user_id=caller.user_id)

    async def erase(self, caller: Caller, conversation_id: uuid.UUID) -> None:
        """Remove a conversation with its messages, files, and the events that tell of them.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        row = await self.get(caller, conversation_id)

        async def remove(db: WriteDb) -> list[str]:
            await _held(db, conversation_id)
            places = await queries.media_places(db, conversation_id) + await scheduled_places(db, conversation_id)
            await db.execute(delete(TABLE).where(TABLE.c.id == conversation_id))
            known = str(conversation_id)
            of_it = or_(
                EventRow.payload["conversation_id"].as_string() == known, EventRow.payload["id"].as_string() == known
            )
            await db.execute(delete(EventRow).where(EventRow.user_id == caller.user_id, of_it))
            gone = ConversationDeletedPayload(id=conversation_id)
            await log.append(db, NewEvent(caller.user_id, row.session_id, gone))
            return places

        places = await self._database.submit(remove)
        await asyncio.to_thread(self._files.remove, *places)
        await asyncio.to_thread(self._files.remove_conversation, row.session_id, conversation_id)
        if self._forget is not None:
            await self._forget(conversation_id)

    async def read(self, caller: Caller, conversation_id: uuid.UUID) -> Row[Any]:
        """Mark everything as read, here and, where the number is online, at WhatsApp.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        row = await self.get(caller, conversation_id)

        async def mark(db: WriteDb) -> list[Row[Any]]:
            held = await _held(db, conversation_id)
            unread = await queries.unread_messages(db, held.id, after=held.read_until, limit=MAX_RECEIPTS)
            if mark_read(held):
                await save(db, held)
                await _tell(db, caller, held)
            return unread

        unread = await self._database.submit(mark)
        if unread:
            await self._send_receipts(row, unread)
        return await self.get(caller, conversation_id)

    async def unread(self, caller: Caller, conversation_id: uuid.UUID) -> Row[Any]:
        """Mark a conversation as unread, so that somebody comes back to it; WhatsApp is not told.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        await self.get(caller, conversation_id)

        async def mark(db: WriteDb) -> None:
            held = await _held(db, conversation_id)
            if not held.unread_count:
                held.unread_count = 1
                await save(db, held)
                await _tell(db, caller, held)

        await self._database.submit(mark)
        return await self.get(caller, conversation_id)

    async def messages(
        self,
        caller: Caller,
        conversation_id: uuid.UUID,
        *,
        direction: Direction,
        after: int | None,
        limit: int,
        wa_id: str | None = None,
    ) -> list[Row[Any]]:
        """Return up to `limit` messages of a conversation, newest (or with `newer` oldest) first.

        Args:
            caller: Who asks.
            conversation_id: The conversation.
            direction: older or newer.
            after: Only those behind this `seq`.
            limit: How many at most.
            wa_id: Only the one of this WhatsApp id.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        await self.get(caller, conversation_id)
        async with self._database.read() as db:
            return await queries.list_messages(
                db, caller, conversation_id, direction=direction, after=after, limit=limit, wa_id=wa_id
            )

    async def message(self, caller: Caller, message_id: uuid.UUID) -> Row[Any]:
        """Return a message.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        async with self._database.read() as db:
            row = await queries.find_message(db, caller, message_id)
            if row is None:
                row = await find_scheduled(db, caller, message_id)
        if row is None:
            raise NotFoundError("There is no such message here.")
        return row

    async def shown(self, caller: Caller, rows: Sequence[Row[Any]]) -> list[MessageView]:
        """Return messages of the caller as they are shown: with the reactions to them."""
        async with self._database.read() as db:
            reactions = await queries.reactions_to(db, caller, rows)
        return [MessageView.of(row, reactions.get((row.conversation_id, row.wa_id), ())) for row in rows]

    async def search(
        self,
        caller: Caller,
        query: str,
        *,
        session_id: str | None,
        conversation_id: uuid.UUID | None,
        after: int | None,
        limit: int,
    ) -> list[Row[Any]]:
        """Return up to `limit` messages that have all the words of a query, those stored last first.

        Raises:
            InvalidInputError: The query has no letter and no digit.
            NotFoundError: The number or the conversation is not the caller's.
        """
        terms = words.terms(query)
        if not terms:
            raise InvalidInputError(
                "There is nothing to look for.", fields=[FieldError("query.q", "needs at least one letter or digit")]
            )
        if conversation_id is not None:
            await self.get(caller, conversation_id)
        async with self._database.read() as db:
            if session_id is not None:
                await check_number(db, caller, session_id)
            return await queries.search_messages(
                db, caller, terms, session_id=session_id, conversation_id=conversation_id, after=after,
                limit=limit,
            )  # fmt: skip

    async def media(self, caller: Caller, message_id: uuid.UUID) -> tuple[Path, MediaFacts]:
        """Return a message's file, downloading it from WhatsApp where it is not here yet.

        Raises:
            NotFoundError: There is no such message of the caller's, or it has no file.
            MediaGoneError: WhatsApp no longer has the file.
            ConflictError: The file cannot be had.
            UnavailableError: Not at the moment: the number is offline, or the download failed.
        """
        facts = await self._fetcher.fetch(await self.message(caller, message_id))
        return self._files.path(facts.path or ""), facts

    async def _send_receipts(self, row: Row[Any], unread: list[Row[Any]]) -> None:
        connection = self._numbers.connection(row.session_id)
        if connection is None or row.kind not in {ConversationKind.CONTACT, ConversationKind.GROUP}:
            return
        by_sender: defaultdict[str | None, list[str]] = defaultdict(list)
        for message in unread:
            by_sender[message.sender_jid if row.kind == ConversationKind.GROUP else None].append(message.wa_id)
        try:
            async with asyncio.timeout(RECEIPT_SECONDS):
                for sender, wa_ids in by_sender.items():
                    await connection.mark_read(row.contact_jid, wa_ids, self._clock(), sender=sender)
        except (EngineError, TimeoutError) as error:
            # Read here all the same; the contact only does not see it.
            logger.info("read receipts were not sent", session=row.session_id, error=type(error).__name__)


async def _held(db: WriteDb, conversation_id: uuid.UUID) -> HeldConversation:
    held = await hold(db, conversation_id)
    if held is None:
        raise _no_conversation()
    return held


async def _tell(db: WriteDb, caller: Caller, held: HeldConversation) -> None:
    await log.append(db, NewEvent(caller.user_id, held.session_id, conversation_payload(held)))


def _no_conversation() -> NotFoundError:
    return NotFoundError("There is no such conversation here.", remedy="GET /conversations lists yours.")
