"""The files of the messages that a turn answers: fetched for the model, and what it noted of them, kept."""

import asyncio
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import Row, select

from prosa.ai.context import PromptMessage
from prosa.ai.failures import AnswerError
from prosa.ai.parts import Attachment
from prosa.conversations.facts import public_media
from prosa.conversations.fetch import MediaFetcher
from prosa.conversations.hot import MESSAGES, forget_words, index_message, update_message
from prosa.conversations.media import MediaFacts, MediaFiles, MediaState
from prosa.database import Database
from prosa.database.engine import ReadDb, WriteDb
from prosa.errors import ConflictError, NotFoundError, ProsaError
from prosa.events.types import MessageStatusPayload
from prosa.sessions.settings.understanding import UnderstandingSettings
from prosa.turns.policy.files import MIB, understood

logger = structlog.get_logger("prosa.turns")

MOST_FILES = 8
"""Files in one prompt; of more, the newest."""
MOST_BYTES = 14 * MIB
"""Of all files in one prompt: Gemini takes requests of 20 MB, and base64 makes four bytes of three
(ai.google.dev/gemini-api/docs/image-understanding)."""
FETCH_SECONDS = 60.0
TRIES = 2
"""Turns that wait for a file which cannot be had now; then the answer is made without it."""

_m = MESSAGES.c
_COLUMNS = (_m.id, _m.seq, _m.conversation_id, _m.session_id, _m.type, _m.body, _m.media, _m.payload)


class FileUnavailableError(AnswerError):
    """A file that the answer is about cannot be had at this moment."""

    code = "file_unavailable"
    temporary = True
    default = "The contact's file could not be downloaded from WhatsApp yet."


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of looking at the files of a turn.

    Attributes:
        attachments: For the model, by the messages' `seq`.
        untaken: The messages whose files the model cannot take, by `seq`.
    """

    attachments: Mapping[int, Sequence[Attachment]] = field(default_factory=dict)
    untaken: Collection[int] = ()

    def nothing_else(self, waiting: Sequence[PromptMessage]) -> bool:
        """Whether all that waits are files without words which the model cannot take."""
        asking = [message for message in waiting if message.asks]
        return bool(asking) and all(message.seq in self.untaken for message in asking)


NOTHING: Final = Seen()


class TurnFiles:
    """Fetches the files that a turn is about."""

    def __init__(self, database: Database, fetcher: MediaFetcher, files: MediaFiles) -> None:
        self._database = database
        self._fetcher = fetcher
        self._files = files

    async def look(
        self,
        conversation_id: uuid.UUID,
        waiting: Sequence[PromptMessage],
        settings: UnderstandingSettings,
        *,
        attempts: int,
    ) -> Seen:
        """Return the files of the messages to answer; costs nothing where they have none.

        Args:
            conversation_id: The turn's.
            waiting: The messages to answer.
            settings: What the number lets the model see.
            attempts: Failed tries of this turn so far.

        Raises:
            FileUnavailableError: One cannot be had now, and the turn should be tried again.
        """
        wanted = [message.seq for message in waiting if message.file][-MOST_FILES:]
        if not wanted:
            return NOTHING
        async with self._database.read() as db:
            rows = await _rows(db, conversation_id, wanted)
        attachments: dict[int, tuple[Attachment, ...]] = {}
        untaken = set()
        left = MOST_BYTES
        for row in reversed(rows):
            attachment = await self._attachment(row, settings, patient=attempts < TRIES)
            if attachment is not None and len(attachment.data) <= left:
                left -= len(attachment.data)
                attachments[row.seq] = (attachment,)
            elif not row.body.strip():
                untaken.add(row.seq)
        return Seen(attachments, untaken)

    async def _attachment(self, row: Row[Any], settings: UnderstandingSettings, *, patient: bool) -> Attachment | None:
        facts = MediaFacts.model_validate(row.media)
        mime_type = understood(settings, row.type, mime_type=facts.mime_type, size=facts.size, seconds=facts.seconds)
        if mime_type is None or facts.state is MediaState.GONE:
            return None
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                here = await self._fetcher.fetch(row)
            data = await asyncio.to_thread(self._files.path(here.path or "").read_bytes)
        except (NotFoundError, ConflictError, ValueError):
            return None
        except (ProsaError, OSError, TimeoutError) as error:
            logger.warning("a file could not be shown to the model", message=str(row.id), error=type(error).__name__)
            if patient and getattr(error, "status", 503) == 503:
                raise FileUnavailableError from error
            return None
        return Attachment(mime_type, data) if len(data) <= settings.max_mb * MIB else None


async def keep_notes(db: WriteDb, conversation_id: uuid.UUID, notes: Mapping[int, str]) -> list[MessageStatusPayload]:
    """Store what the model noted of files, so that later prompts carry words in their place and search finds them."""
    told = []
    for row in await _rows(db, conversation_id, list(notes)):
        if not row.media:
            continue  # deleted for everyone meanwhile
        media = row.media | {"transcript": notes[row.seq]}
        await update_message(db, row.id, media=media)
        await forget_words(db, row.id)
        await index_message(db, row.id, row.type, f"{row.body}\n{notes[row.seq]}", media.get("file_name"))
        told.append(
            MessageStatusPayload(
                id=row.id, conversation_id=conversation_id, wa_id=row.wa_id, status=row.status,
                media=public_media(media, thumbnail=False),
            )
        )  # fmt: skip
    return told


async def _rows(db: ReadDb, conversation_id: uuid.UUID, wanted: Sequence[int]) -> Sequence[Row[Any]]:
    statement = (
        select(*_COLUMNS, _m.wa_id, _m.status)
        .where(_m.conversation_id == conversation_id, _m.seq.in_(wanted), _m.revoked_at.is_(None))
        .order_by(_m.seq)
    )
    return (await db.execute(statement)).all()
