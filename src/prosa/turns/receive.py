"""What happens when something arrives from WhatsApp: it is stored, in one transaction, before anything acts on it.

The gateway acknowledges to WhatsApp when a method here returns; one that raises says "not stored, deliver again", and
everything here is safe to be delivered again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from prosa.ai.context import PromptMessage
from prosa.clock import Clock, utc_now
from prosa.conversations import clean, identity, receipts
from prosa.conversations.facts import conversation_payload
from prosa.conversations.held import save
from prosa.conversations.media import MediaFiles
from prosa.conversations.models import ConversationKind, MessageStatus
from prosa.conversations.opening import open_existing, submit_opening
from prosa.database.engine import Database, Place, WriteDb
from prosa.events import log
from prosa.events.hub import EventHub
from prosa.events.log import NewEvent
from prosa.events.types import ChatTypingPayload
from prosa.sessions.facts import SessionFacts
from prosa.turns.arrival import Storing
from prosa.turns.context import Contexts, prompt_message, speaker_of
from prosa.turns.people import PeopleAnswers
from prosa.turns.policy import SkipReason
from prosa.turns.slots import TurnSlots
from prosa.turns.storing import store
from prosa.whatsapp.engine import ContactNamed, ContactTyping, InboundMessage, LidMapped, ReceiptType, ReceiptUpdate

logger = structlog.get_logger("prosa.receive")

Unready = Callable[[SessionFacts], str | None]
"""Says why no model can answer for a number; None where one can."""


class Receiver:
    """Stores what arrives: the gateway's `MessageEvents`."""

    def __init__(
        self,
        database: Database,
        media: MediaFiles,
        *,
        auto_download_bytes: int,
        unready: Unready,
        contexts: Contexts | None = None,
        people: PeopleAnswers | None = None,
        hub: EventHub | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """Make the receiver.

        Args:
            database: Where to store.
            media: Where files are kept.
            auto_download_bytes: Files up to this size are downloaded by themselves; 0 for none.
            unready: Why no model can answer for a number.
            contexts: Cached contexts, which take in every message stored.
            people: Learns from what people answer on the phone.
            hub: Told which contacts type.
            clock: The time.
        """
        self._database = database
        self._media = media
        self._auto_download_bytes = auto_download_bytes
        self._unready = unready
        self._contexts = contexts
        self.slots: TurnSlots | None = None
        """Room for turns, so that one begins as soon as its message is stored; None: all are found by the runner."""
        self._people = people
        self._hub = hub
        self._clock = clock

    async def message(self, session: SessionFacts, message: InboundMessage) -> None:
        """Store a message, or what it changes on an earlier one."""
        await self._store(session, message, None)

    async def undecryptable(self, session: SessionFacts, message: InboundMessage, reason: str) -> None:
        """Store a placeholder; the message itself may follow under the same id."""
        await self._store(session, message, clean.text(reason, 200) or "unknown")

    async def receipt(self, session: SessionFacts, update: ReceiptUpdate) -> None:
        """Store that messages were delivered, read or played."""
        status = receipts.meaning(update.type)
        if update.type is ReceiptType.READ_SELF:
            where = _address(session, update.chat, update.chat_alt)
            if where is not None:
                await submit_opening(self._database, partial(_read_elsewhere, session, where, update.wa_ids))
        elif status is not None and not update.from_me:
            await self._database.submit(partial(_advance, session, update, status), place=Place.TOGETHER)

    async def contact_named(self, session: SessionFacts, named: ContactNamed) -> None:
        """Store a contact's name, unless a person chose another."""
        where = _address(session, named.jid, named.jid_alt)
        name = clean.text(named.name, clean.MAX_NAME)
        if where is not None and name:
            await submit_opening(self._database, partial(_rename, session, where, name))

    async def lid_mapped(self, session: SessionFacts, mapped: LidMapped) -> None:
        """Store that two addresses are one contact; two conversations with it become one."""
        where = _address(session, mapped.phone_jid, mapped.lid)
        if where is not None:
            await submit_opening(self._database, partial(_learn, session, where))

    async def contact_typing(self, session: SessionFacts, typing: ContactTyping) -> None:
        """Tell those who watch; store nothing: that somebody types at this moment is no fact of the conversation."""
        if self._hub is not None:
            payload = ChatTypingPayload(
                contact_jid=typing.chat, sender_jid=typing.sender, typing=typing.typing, recording=typing.recording
            )
            self._hub.pass_on(session.user_id, session.session_id, payload)

    async def _store(self, session: SessionFacts, message: InboundMessage, undecryptable: str | None) -> None:
        message = clean.message(message)
        where = _address(session, message.chat, message.chat_alt)
        if where is None or not message.wa_id:
            return
        storing = Storing(
            session=session,
            message=message,
            address=where,
            now=self._clock(),
            unready=self._unready(session),
            auto_download_bytes=self._auto_download_bytes,
            undecryptable=undecryptable,
        )
        slots = self.slots if storing.plain else None
        slot = slots.lend(session) if slots is not None else None
        if slots is None or slot is None:
            await self._store_it(storing)
            return
        try:
            await self._store_it(replace(storing, slot=slot))
        finally:
            slots.take_back(session, slot)

    async def _store_it(self, storing: Storing) -> None:
        session, message, where = storing.session, storing.message, storing.address
        place = Place.TOGETHER if storing.plain else Place.ALONE
        arrived = await submit_opening(self._database, partial(store, storing), place=place)
        if arrived.skipped is not None:
            log_it = logger.warning if arrived.skipped == SkipReason.NO_API_KEY else logger.info
            log_it("not answered", reason=arrived.skipped, conversation=str(arrived.conversation_id))
        if arrived.files:
            await asyncio.to_thread(self._media.remove, *arrived.files)
        if arrived.message is not None and arrived.conversation_id is not None and self._contexts is not None:
            await self._contexts.remember(arrived.conversation_id, arrived.version, _fact(arrived.message, where))
        if self._people and message.from_me and arrived.message is not None and arrived.conversation_id is not None:
            self._people.answered(session, arrived.conversation_id, arrived.message["seq"])


def _fact(message: Mapping[str, Any], where: identity.Address) -> PromptMessage | None:
    if where.kind is not ConversationKind.GROUP:
        return prompt_fact(message)
    return prompt_fact(message, speaker=speaker_of(message["sender_name"], message["sender_jid"]))


def prompt_fact(message: Mapping[str, Any], *, speaker: str | None = None) -> PromptMessage | None:
    """Return what prompts need to know of a message just stored; None for one that they leave out."""
    return prompt_message(
        seq=message["seq"],
        author=message["author"],
        type_=message["type"],
        body=message["body"],
        wa_id=message["wa_id"],
        media=message["media"],
        speaker=speaker,
        stored_at=message["stored_at"],
    )


def _address(session: SessionFacts, chat: str, chat_alt: str | None) -> identity.Address | None:
    try:
        return identity.address(chat, chat_alt)
    except ValueError:
        # Delivering it again would not make it better.
        logger.warning("something without a chat was dropped", session=session.session_id)
        return None


async def _advance(session: SessionFacts, update: ReceiptUpdate, status: MessageStatus, db: WriteDb) -> None:
    changed = await receipts.advance(db, session.session_id, update.wa_ids, status, update.timestamp)
    await log.append(db, *(NewEvent(session.user_id, session.session_id, payload) for payload in changed))


async def _read_elsewhere(session: SessionFacts, where: identity.Address, wa_ids: Sequence[str], db: WriteDb) -> None:
    changed = await receipts.read_elsewhere(db, session.session_id, where, wa_ids)
    if changed is not None:
        await log.append(db, NewEvent(session.user_id, session.session_id, changed))


async def _rename(session: SessionFacts, where: identity.Address, name: str, db: WriteDb) -> None:
    opened = await open_existing(db, session.session_id, where)
    if opened is None:
        return
    held = opened.conversation
    renamed = not held.contact_name_set and held.contact_name != name
    if renamed:
        held.contact_name = name
        held.version += 1
    await save(db, held)
    if renamed or opened.merged:
        payload = conversation_payload(held, merged_id=opened.merged)
        await log.append(db, NewEvent(session.user_id, session.session_id, payload))


async def _learn(session: SessionFacts, where: identity.Address, db: WriteDb) -> None:
    opened = await open_existing(db, session.session_id, where)
    if opened is None or not (opened.merged or opened.conversation.changed()):
        return
    held = opened.conversation
    await save(db, held)
    payload = conversation_payload(held, merged_id=opened.merged)
    await log.append(db, NewEvent(session.user_id, session.session_id, payload))
