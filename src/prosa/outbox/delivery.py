"""One try to send one message: find the recipient, upload the file, hand it to WhatsApp. No transaction is open."""

import asyncio
from dataclasses import dataclass
from functools import partial

import structlog

from prosa.conversations import identity
from prosa.conversations.facts import conversation_payload
from prosa.conversations.media import MediaFacts, MediaFiles
from prosa.conversations.opening import adopt, submit_opening
from prosa.database.engine import Database, WriteDb
from prosa.database.outage import patiently
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.outbox.claims import uploaded
from prosa.outbox.content import engine_content
from prosa.outbox.sending import Sending
from prosa.whatsapp.engine import Connection, EngineError, EngineErrorCode, MessageType, SendResult

logger = structlog.get_logger("prosa.outbox")

SEND_SECONDS = 60.0
"""Longest wait for WhatsApp's server; the engine gives up before that (docs/bridge-protocol.md, `send`)."""
UPLOAD_SECONDS = 300.0

OFFLINE = frozenset(
    {
        EngineErrorCode.NOT_CONNECTED,
        EngineErrorCode.NOT_READY,
        EngineErrorCode.NOT_LINKED,
        EngineErrorCode.UNKNOWN_SESSION,
        EngineErrorCode.DEVICE_NOT_FOUND,
        EngineErrorCode.ENGINE_DOWN,
        EngineErrorCode.STORE,
    }
)
"""The number is offline, or its credentials cannot be read or written now: no fault of the message, which waits."""


class FileMissingError(Exception):
    """The file to send is no longer in the media directory."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try: the message as it is now (perhaps uploaded), and WhatsApp's answer or the failure."""

    message: Sending
    result: SendResult | None = None
    failure: EngineError | None = None


async def deliver(database: Database, files: MediaFiles, connection: Connection, message: Sending) -> Tried:
    """Try to send a message once."""
    try:
        to = await _recipient(database, connection, message)
        if message.media is not None and message.instructions.uploaded is None:
            message = await _upload(files, connection, message)
        content = engine_content(message.type, message.body, message.media, message.instructions)
        async with asyncio.timeout(SEND_SECONDS):
            result = await connection.send(to, message.wa_id, content)
    except EngineError as error:
        return Tried(message, failure=error)
    except TimeoutError:
        return Tried(message, failure=EngineError(EngineErrorCode.TIMEOUT, "WhatsApp did not answer in time"))
    except FileMissingError:
        failure = EngineError(EngineErrorCode.MEDIA_INVALID, "the file is no longer in the media directory")
        return Tried(message, failure=failure)
    return Tried(message, result=result)


async def _recipient(database: Database, connection: Connection, message: Sending) -> str:
    """Return the JID to send to, asking WhatsApp first about a number that nobody has asked about.

    A phone number does not tell its JID (some Brazilian numbers have one digit less there), so a conversation begun
    while offline gets its address now, and becomes one with the contact's other conversation if there is one.
    """
    phone = message.instructions.resolve
    if phone is None or message.contact_lid is not None:
        return message.contact_jid
    async with asyncio.timeout(SEND_SECONDS):
        users = await connection.resolve([phone])
    user = next((user for user in users if user.on_whatsapp and user.jid), None)
    if user is None or user.jid is None:
        raise EngineError(EngineErrorCode.RECIPIENT_UNKNOWN, "this phone number is not on WhatsApp")
    where = identity.address(user.jid, user.lid)
    await patiently(lambda: submit_opening(database, partial(_adopt, message, where)), what="sending")
    return where.jid


async def _adopt(message: Sending, where: identity.Address, db: WriteDb) -> None:
    opened = await adopt(db, message.conversation_id, message.session_id, where)
    if opened is not None and opened.merged is not None:
        payload = conversation_payload(opened.conversation, merged_id=opened.merged)
        await log.append(db, NewEvent(message.user_id, message.session_id, payload))


async def _upload(files: MediaFiles, connection: Connection, message: Sending) -> Sending:
    facts = MediaFacts.model_validate(message.media)
    path = files.path(facts.path or "")
    if not await asyncio.to_thread(path.is_file):
        raise FileMissingError
    async with asyncio.timeout(UPLOAD_SECONDS):
        return uploaded(message, await connection.upload(path, MessageType(message.type)))
