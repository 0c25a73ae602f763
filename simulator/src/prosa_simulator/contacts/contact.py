"""One contact: what it can do, and a record of everything it sent, received and was told."""

import asyncio
import contextlib
import mimetypes
import secrets
import shutil
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from prosa.ids import new_message_id
from prosa.whatsapp import jid
from prosa.whatsapp.convert_out import outbound_message
from prosa.whatsapp.engine import (
    Banned,
    Closed,
    ConnectFailed,
    Connection,
    ContactTyping,
    Content,
    EditContent,
    EngineDown,
    EngineError,
    EngineErrorCode,
    EngineEvent,
    Inbound,
    InboundMessage,
    Location,
    LocationContent,
    LoggedOut,
    MediaContent,
    MediaInfo,
    MessageType,
    Opened,
    Outdated,
    PasskeyConfirmation,
    PasskeyRequested,
    QrCode,
    Quote,
    ReactionContent,
    ReceiptType,
    ReceiptUpdate,
    RevokeContent,
    StreamReplaced,
    TextContent,
    Undecryptable,
    WhatsAppEngine,
)
from prosa_simulator.contacts.screen import Screen
from prosa_simulator.network import Phone

_RECONNECT_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
_TYPING_SECONDS = 25.0
"""Phones stop showing "typing…" after about this time without a new one."""
_LINK_SECONDS = 30.0


_T = TypeVar("_T")


class ContactError(Exception):
    """A contact could not be linked or connected; the text says why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, or a change of one, that WhatsApp's server has taken from this contact."""

    wa_id: str
    to: str
    body: str
    at: datetime
    content: Content


class Contact:
    """A person with a linked client.

    Attributes:
        phone: The person's phone on the network.
        screen: What the client shows.
        sent: Everything that was sent, by message id.
        read: The ids of the messages that read receipts were sent for.
        receipts: Every receipt that came, in order.
        typing_events: Every "typing…" that came, in order.
        undecryptable: Message ids that arrived and could not be read (yet).
        events: The last events of the engine, for when a test is hard to understand.
        auto_read: Send read receipts for what arrives.
        auto_reconnect: Connect again when the connection is lost.
    """

    def __init__(
        self, engine: WhatsAppEngine, phone: Phone, *, auto_read: bool = False, auto_reconnect: bool = True
    ) -> None:
        self.phone = phone
        self.screen = Screen()
        self.sent: dict[str, Sent] = {}
        self.read: set[str] = set()
        self.receipts: list[ReceiptUpdate] = []
        self.typing_events: list[ContactTyping] = []
        self.undecryptable: list[str] = []
        self.events: deque[EngineEvent] = deque(maxlen=500)
        self.auto_read = auto_read
        self.auto_reconnect = auto_reconnect
        self.device_jid: str | None = None
        self._engine = engine
        self._connection: Connection | None = None
        self._online = False
        self._wanted = False
        self._reconnecting = False
        self._losses = 0
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._composing: dict[str, tuple[ContactTyping, float]] = {}

    def __repr__(self) -> str:
        return f"<Contact {self.phone.number} {self.phone.name!r}>"

    @property
    def number(self) -> str:
        """The phone number's digits."""
        return self.phone.number

    @property
    def jid(self) -> str:
        """The bare address by phone number."""
        return jid.from_phone(self.phone.number)

    @property
    def lid(self) -> str:
        """The bare hidden address."""
        return f"{self.phone.lid}@{jid.LID_SERVER}"

    @property
    def online(self) -> bool:
        """Whether the client is logged in."""
        return self._online

    @property
    def connection(self) -> Connection:
        """The engine's connection, for what has no method here.

        Raises:
            ContactError: The contact was never linked, or its engine is away.
        """
        if self._connection is None:
            raise ContactError(f"{self!r} is not linked")
        return self._connection

    @property
    def linked(self) -> bool:
        """Whether there is a linked client: not before it is linked, nor after the phone removed it."""
        return self.device_jid is not None

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
        self, to: str, text: str, *, quote: InboundMessage | Quote | None = None, wa_id: str | None = None
    ) -> str:
        """Send a text to a phone number or JID; returns its message id.

        The same `wa_id` again is the same message.
        """
        return await self._send(to, TextContent(text, quote=_quote(quote)), text, wa_id=wa_id)

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

    # --- Connection ------------------------------------------------------------------------------------------------

    async def link(self) -> None:
        """Link a client by scanning its QR code with the phone, through the passkey step where the phone asks for it.

        Raises:
            ContactError: It did not come online in time.
            PairingError: The phone refused.
        """
        codes: asyncio.Queue[str] = asyncio.Queue()
        await self._drop_connection()  # of a client that the phone removed
        await self._open(codes)
        try:
            async with asyncio.timeout(_LINK_SECONDS):
                await self.connection.connect()
                await self.phone.scan(await codes.get())
                await self._until(lambda: True if self._online else None, _LINK_SECONDS)
        except TimeoutError:
            raise ContactError(f"{self!r} was not linked within {_LINK_SECONDS:.0f} s; {self._history()}") from None
        self._wanted = True

    async def connect(self) -> None:
        """Log in, and return when the client is online.

        Raises:
            ContactError: It is not, after a while; or there is no linked client.
        """
        if not self.linked:
            raise ContactError(f"{self.number} has no linked client; link it again")
        self._wanted = True
        if self._connection is None:
            await self._open(None)
        with contextlib.suppress(EngineError):
            await self.connection.connect()
        try:
            await self._until(lambda: True if self._online else None, _LINK_SECONDS)
        except TimeoutError:
            raise ContactError(f"{self!r} did not come online; {self._history()}") from None

    async def disconnect(self) -> None:
        """Go offline; what is sent to the contact waits on the network."""
        self._wanted = self._online = False
        await self.connection.disconnect()

    async def close(self) -> None:
        """Go offline for good; the client stays linked."""
        self._wanted = self._online = False
        for task in list(self._tasks):
            task.cancel()
        await self._drop_connection()

    # --- Inside ----------------------------------------------------------------------------------------------------

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(EngineError):
                await connection.close()

    async def _open(self, codes: asyncio.Queue[str] | None) -> None:
        async def handle(event: EngineEvent) -> None:
            if codes is not None and isinstance(event, QrCode):
                codes.put_nowait(event.code)
            await self._handle(event)

        name = f"contact-{self.phone.number}"
        self._connection = await self._engine.open(name, handle, device_jid=self.device_jid, device_name="Prosa")

    async def _handle(self, event: EngineEvent) -> None:
        self.events.append(event)
        match event:
            case Opened():
                self._online, self.device_jid, self._losses = True, event.jid, 0
            case Closed() | EngineDown() | ConnectFailed() | Banned() | Outdated():
                self._lost(event)
            case StreamReplaced():  # trying again would only take the place of the other one
                self._wanted = self._online = False
            case LoggedOut():
                self._wanted = self._online = False
                self.device_jid = None
            case PasskeyRequested():
                assertion = self.phone.passkey_assertion(event.options)
                self._in_background(self.connection.answer_passkey(assertion))
            case PasskeyConfirmation():
                self._in_background(self.connection.confirm_passkey())
            case _:
                self._record(event)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

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

    def _lost(self, event: EngineEvent) -> None:
        self._online = False
        self._losses += 1
        if isinstance(event, EngineDown):
            self._connection = None
        if self._wanted and self.auto_reconnect and not self._reconnecting:
            self._reconnecting = True
            self._in_background(self._reconnect())

    async def _reconnect(self) -> None:
        try:
            tries = 0
            while self._wanted and not self._online:
                await asyncio.sleep(_RECONNECT_SECONDS[min(tries, len(_RECONNECT_SECONDS) - 1)])
                tries += 1
                if await self._try_again():
                    return
        finally:
            self._reconnecting = False

    async def _try_again(self) -> bool:
        """Connect once; False where it is worth another try."""
        losses = self._losses
        try:
            if self._connection is None:
                await self._open(None)
            await self.connection.connect()
            await self._until(lambda: True if self._online or self._losses != losses else None, _LINK_SECONDS)
        except EngineError as error:
            return error.code is EngineErrorCode.DEVICE_NOT_FOUND
        except TimeoutError:
            return False
        return self._online or not self._wanted

    async def _send(self, to: str, content: Content, body: str, *, shown: bool = True, wa_id: str | None = None) -> str:
        chat, wa_id = _address(to), wa_id or new_message_id()
        result = await self.connection.send(chat, wa_id, content)
        self.sent[wa_id] = Sent(wa_id, chat, body, result.timestamp, content)
        if shown:
            self.screen.wrote(chat, self.jid, wa_id, body)
        await self._tell()
        return wa_id

    async def _until(self, find: Callable[[], _T | None], seconds: float) -> _T:
        async with asyncio.timeout(seconds), self._changed:
            while (found := find()) is None:
                await self._changed.wait()
            return found

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            with contextlib.suppress(EngineError, ContactError):  # the connection is away: nothing to tell anybody
                await work

        task = asyncio.create_task(guarded(), name=f"contact-{self.phone.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _history(self) -> str:
        return "its last events: " + ", ".join(repr(event)[:200] for event in list(self.events)[-5:])


def _address(to: str) -> str:
    return to if "@" in to else jid.from_phone(to)


def _quote(quote: InboundMessage | Quote | None) -> Quote | None:
    return Quote(quote.wa_id, quote.sender, quote.body) if isinstance(quote, InboundMessage) else quote
