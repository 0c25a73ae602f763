"""The boundary to WhatsApp: what Prosa asks of an engine, and what an engine reports, in our own types.

An engine hosts many sessions. Events of one session reach its handler one after another, in WhatsApp's order.
An event that must be stored (`Inbound`, `Undecryptable`, `ReceiptUpdate`) is acknowledged to WhatsApp when the handler
returns; a handler that raises says "not stored", and WhatsApp delivers it again on the next connect.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from prosa.whatsapp.errors import (
    EngineError,
    EngineErrorCode,
)
from prosa.whatsapp.message import (
    MEDIA_TYPES,
    InboundMessage,
    Json,
    Location,
    MediaInfo,
    MessageType,
    ReceiptType,
)
from prosa.whatsapp.outgoing import (
    Content,
    DeviceState,
    EditContent,
    LocationContent,
    MediaContent,
    Quote,
    ReactionContent,
    ResolvedUser,
    RevokeContent,
    SendResult,
    TextContent,
    Uploaded,
)
from prosa.whatsapp.reports import (
    Banned,
    Closed,
    ConnectFailed,
    ContactNamed,
    ContactTyping,
    EngineDown,
    EngineEvent,
    EventHandler,
    Inbound,
    LidMapped,
    LoggedOut,
    OfflineSynced,
    Opened,
    Outdated,
    Paired,
    PairFailed,
    PasskeyConfirmation,
    PasskeyFailed,
    PasskeyRequested,
    QrCode,
    QrExhausted,
    ReceiptUpdate,
    StreamReplaced,
    Undecryptable,
)

__all__ = [
    "MEDIA_TYPES",
    "Banned",
    "Closed",
    "ConnectFailed",
    "Connection",
    "ContactNamed",
    "ContactTyping",
    "Content",
    "DeviceState",
    "EditContent",
    "EngineDown",
    "EngineError",
    "EngineErrorCode",
    "EngineEvent",
    "EventHandler",
    "Inbound",
    "InboundMessage",
    "Json",
    "LidMapped",
    "Location",
    "LocationContent",
    "LoggedOut",
    "MediaContent",
    "MediaInfo",
    "MessageType",
    "OfflineSynced",
    "Opened",
    "Outdated",
    "PairFailed",
    "Paired",
    "PasskeyConfirmation",
    "PasskeyFailed",
    "PasskeyRequested",
    "QrCode",
    "QrExhausted",
    "Quote",
    "ReactionContent",
    "ReceiptType",
    "ReceiptUpdate",
    "ResolvedUser",
    "RevokeContent",
    "SendResult",
    "StreamReplaced",
    "TextContent",
    "Undecryptable",
    "Uploaded",
    "WhatsAppEngine",
]


class Connection(Protocol):
    """One session inside an engine. Every method raises `EngineError`."""

    @property
    def session_id(self) -> str:
        """Prosa's name of the session."""

    @property
    def state(self) -> DeviceState:
        """The device as it was when opened."""

    async def connect(self) -> None:
        """Open the socket. An unlinked device then reports `QrCode` events; a linked one `Opened` or why not."""

    async def pair_with_code(self, phone: str) -> tuple[str, float]:
        """Ask for a pairing code for `phone` (digits, with country code).

        Returns:
            The code as `ABCD-1234` and the seconds it is good for.
        """

    async def answer_passkey(self, assertion: Mapping[str, Any]) -> None:
        """Hand in the WebAuthn assertion that the person's browser made."""

    async def confirm_passkey(self) -> None:
        """Say that the code equals the phone's."""

    async def disconnect(self) -> None:
        """Close the socket; the device stays linked."""

    async def logout(self) -> None:
        """Unlink the device at WhatsApp and forget its credentials."""

    async def close(self) -> None:
        """Disconnect and forget the session in the engine; its credentials stay."""

    async def send(self, to: str, wa_id: str, content: Content) -> SendResult:
        """Send `content` under our own message id; returns when WhatsApp's server has it.

        The same id again is the same message to the recipient.
        """

    async def send_typing(self, to: str, *, typing: bool, recording: bool = False) -> None:
        """Show or hide "typing…" at the contact."""

    async def set_presence(self, *, available: bool) -> None:
        """Show the number as online or not."""

    async def mark_read(
        self, chat: str, wa_ids: Sequence[str], timestamp: datetime, *, sender: str | None = None
    ) -> None:
        """Send read receipts; in groups `sender` is the author of the messages."""

    async def upload(self, path: Path, media_type: MessageType) -> Uploaded:
        """Encrypt and upload a file of the media directory."""

    async def download(self, payload: Mapping[str, Any], path: Path) -> int:
        """Download and decrypt the media of a message's payload to `path` in the media directory.

        Returns:
            The number of bytes written.
        """

    async def resolve(self, phones: Sequence[str]) -> list[ResolvedUser]:
        """Ask which phone numbers ("+5511…") are on WhatsApp."""

    async def alternate(self, jid: str) -> str | None:
        """Return the other form (LID or phone number) of a contact's JID where known, without asking the network."""


class WhatsAppEngine(Protocol):
    """Hosts sessions."""

    @property
    def media_dir(self) -> Path:
        """The private directory for media that `upload` and `download` may use."""

    async def start(self) -> None:
        """Start the engine."""

    async def stop(self) -> None:
        """Disconnect every session and stop."""

    async def open(
        self, session_id: str, handler: EventHandler, *, device_jid: str | None, device_name: str = "Prosa"
    ) -> Connection:
        """Open a session without connecting it.

        Args:
            session_id: Prosa's name of it.
            handler: Gets the session's events, one after another.
            device_jid: The linked device (with its device part), or None for a new one to link.
            device_name: What the phone lists the device as.

        Raises:
            EngineError: `device_not_found` where the credentials of `device_jid` are gone.
        """
