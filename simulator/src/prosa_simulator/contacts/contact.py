"""One contact: what it can do, and a record of everything it sent, received and was told."""

import asyncio
import mimetypes
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prosa.ids import new_message_id
from prosa.whatsapp import jid
from prosa.whatsapp.convert_out import outbound_message
from prosa.whatsapp.engine import (
    ContactTyping,
    Content,
    EditContent,
    EngineEvent,
    Inbound,
    InboundMessage,
    Location,
    LocationContent,
    MediaContent,
    MediaInfo,
    MessageType,
    Quote,
    ReactionContent,
    ReceiptType,
    ReceiptUpdate,
    RevokeContent,
    TextContent,
    Undecryptable,
    WhatsAppEngine,
)
from prosa_simulator.contacts.client import Client
from prosa_simulator.contacts.screen import Screen
from prosa_simulator.network import Phone

_TYPING_SECONDS = 25.0
"""Phones stop showing "typing…" after about this time without a new one."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, or a change of one, that WhatsApp's server has taken from this contact."""

    wa_id: str
    to: str
    body: str
    at: datetime
    content: Content


class Contact(Client):
    """A person with a linked client.

    Attributes:
        screen: What the client shows.
        sent: Everything that was sent, by message id.
        read: The ids of the messages that read receipts were sent for.
        receipts: Every receipt that came, in order.
        typing_events: Every "typing…" that came, in order.
        undecryptable: Message ids that arrived and could not be read (yet).
        auto_read: Send read receipts for what arrives.
    """

    def __init__(
        self, engine: WhatsAppEngine, phone: Phone, *, auto_read: bool = False, auto_reconnect: bool = True
    ) -> None:
        super().__init__(engine, phone, auto_reconnect=auto_reconnect)
        self.screen = Screen()
        self.sent: dict[str, Sent] = {}
        self.read: set[str] = set()
        self.receipts: list[ReceiptUpdate] = []
        self.typing_events: list[ContactTyping] = []
        self.undecryptable: list[str] = []
        self.auto_read = auto_read
        self._composing: dict[str, tuple[ContactTyping, float]] = {}

    @property
    def typing_now(self) -> list[ContactTyping]:
        """Who is shown as typing, as phones do: until they stop, until their message comes, or for 25 seconds."""
        shown_since = time.monotonic() - _TYPING_SECONDS
        return [event for event, at in self._composing.values() if at > shown_since]

    @property
    def received(self) -> list[InboundMessage]:
        """Every message of others that is shown, each once, in the order of arrival."""
        return self.screen.received

    @property
    def resent(self) -> dict[str, int]:
        """How often each message id came again after it was shown."""
        return self.screen.resent

    # --- Sending ---------------------------------------------------------------------------------------------------

    async def send_text(
        self,
        to: str,
        text: str,
        *,
        quote: InboundMessage | Quote | None = None,
        mentions: Sequence[str] = (),
        wa_id: str | None = None,
    ) -> str:
        """Send a text to a phone number or JID, a group's too; returns its message id.

        `mentions` are the phone numbers or JIDs of those whom the text names as `@…`; groups of today mention by LID.
        The same `wa_id` again is the same message.
        """
        mentioned = tuple(_address(person) for person in mentions)
        return await self._send(to, TextContent(text, quote=_quote(quote), mentions=mentioned), text, wa_id=wa_id)

    async def send_media(
        self,
        to: str,
        path: Path,
        type_: MessageType,
        *,
        caption: str = "",
        mime_type: str | None = None,
        voice: bool = False,
        seconds: int | None = None,
        quote: InboundMessage | Quote | None = None,
        wa_id: str | None = None,
    ) -> str:
        """Upload a file and send it; returns its message id. `seconds` is how long a recording lasts.

        The same `wa_id` again is the same message.
        """
        private = self._engine.media_dir / f"out-{secrets.token_hex(8)}{path.suffix}"
        await asyncio.to_thread(shutil.copyfile, path, private)
        try:
            uploaded = await self.connection.upload(private, type_)
        finally:
            await asyncio.to_thread(private.unlink)
        mime = mime_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        info = MediaInfo(mime, uploaded.file_length, path.name, voice=voice, seconds=seconds)
        content = MediaContent(type_, uploaded, info, caption=caption, quote=_quote(quote))
        return await self._send(to, content, caption, wa_id=wa_id)

    async def send_location(self, to: str, location: Location) -> str:
        """Send a place; returns its message id."""
        return await self._send(to, LocationContent(location), location.name or "")

    async def react(self, to: str, wa_id: str, emoji: str, *, from_me: bool = False, sender: str | None = None) -> str:
        """React to a message of the chat `to`; an empty emoji takes the reaction back. `sender` only in groups."""
        chat = _address(to)
        author = self.jid if from_me else sender or chat
        content = ReactionContent(wa_id, target_from_me=from_me, sender=author, emoji=emoji)
        sent = await self._send(to, content, emoji, shown=False)
        self.screen.react(wa_id, self.jid, emoji)
        await self._tell()
        return sent

    async def edit(self, to: str, wa_id: str, text: str) -> str:
        """Give one of this contact's own messages a new text."""
        sent = await self._send(to, EditContent(wa_id, text), text, shown=False)
        self.screen.edit(wa_id, text)
        await self._tell()
        return sent

    async def revoke(self, to: str, wa_id: str) -> str:
        """Delete one of this contact's own messages for everyone."""
        sent = await self._send(to, RevokeContent(wa_id), "", shown=False)
        self.screen.revoke(wa_id)
        await self._tell()
        return sent

    async def mark_read(self, *messages: InboundMessage) -> None:
        """Send read receipts."""
        for message in messages:
            sender = message.sender if message.is_group else None
            await self.connection.mark_read(message.chat, [message.wa_id], datetime.now(UTC), sender=sender)
            self.read.add(message.wa_id)
        await self._tell()

    async def typing(self, to: str, *, typing: bool = True, recording: bool = False) -> None:
        """Show or hide "typing…" at a phone number or JID."""
        await self.connection.send_typing(_address(to), typing=typing, recording=recording)

    async def download(self, message: InboundMessage | Sent) -> bytes:
        """Download, decrypt and return a message's media."""
        payload = (
            message.payload if isinstance(message, InboundMessage) else outbound_message(message.to, message.content)
        )
        private = self._engine.media_dir / f"in-{secrets.token_hex(8)}"
        await self.connection.download(payload, private)
        try:
            return await asyncio.to_thread(private.read_bytes)
        finally:
            await asyncio.to_thread(private.unlink)

    # --- Waiting ---------------------------------------------------------------------------------------------------

    async def wait_for(
        self,
        wanted: str | Callable[[InboundMessage], bool],
        timeout: float = 10.0,  # noqa: ASYNC109 - part of the interface
    ) -> InboundMessage:
        """Return the newest message or change that is wanted, by its text or a predicate, once there is one.

        Raises:
            TimeoutError: There is none in time.
        """

        def find() -> InboundMessage | None:
            everything = (*reversed(self.screen.received), *reversed(self.screen.changes))
            if isinstance(wanted, str):
                return next((message for message in everything if message.body == wanted), None)
            return next((message for message in everything if wanted(message)), None)

        return await self._until(find, timeout)

    async def wait_receipt(
        self,
        wa_id: str,
        type_: ReceiptType,
        timeout: float = 10.0,  # noqa: ASYNC109 - part of the interface
    ) -> ReceiptUpdate:
        """Return the receipt of one kind for one message, once it has come.

        Raises:
            TimeoutError: It does not come in time.
        """

        def find() -> ReceiptUpdate | None:
            return next((r for r in self.receipts if r.type == type_ and wa_id in r.wa_ids), None)

        return await self._until(find, timeout)

    async def wait_until(self, condition: Callable[[], Any], timeout: float = 10.0) -> None:  # noqa: ASYNC109
        """Return once `condition`, looked at after every event of this contact, is true.

        Raises:
            TimeoutError: It does not become true in time.
        """
        await self._until(lambda: True if condition() else None, timeout)

    async def __aiter__(self) -> AsyncIterator[InboundMessage]:
        """Go through every message shown, those to come included."""
        position = 0
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda at=position: len(self.received) > at)  # type: ignore[misc]
            yield self.received[position]
            position += 1

    # --- Inside ----------------------------------------------------------------------------------------------------

    def _record(self, event: EngineEvent) -> None:
        match event:
            case Inbound():
                for address in (event.message.sender, event.message.sender_alt):
                    self._composing.pop(address or "", None)
                if self.screen.take(event.message) and self.auto_read and not event.message.from_me:
                    self._in_background(self.mark_read(event.message))
            case Undecryptable():
                self.undecryptable.append(event.message.wa_id)
            case ReceiptUpdate():
                self.receipts.append(event)
            case ContactTyping():
                self.typing_events.append(event)
                self._composing.pop(event.sender, None)
                if event.typing:
                    self._composing[event.sender] = event, time.monotonic()
            case _:
                pass

    async def _send(self, to: str, content: Content, body: str, *, shown: bool = True, wa_id: str | None = None) -> str:
        chat, wa_id = _address(to), wa_id or new_message_id()
        result = await self.connection.send(chat, wa_id, content)
        self.sent[wa_id] = Sent(wa_id, chat, body, result.timestamp, content)
        if shown:
            self.screen.wrote(chat, self.jid, wa_id, body)
        await self._tell()
        return wa_id


def _address(to: str) -> str:
    return to if "@" in to else jid.from_phone(to)


def _quote(quote: InboundMessage | Quote | None) -> Quote | None:
    return Quote(quote.wa_id, quote.sender, quote.body) if isinstance(quote, InboundMessage) else quote
