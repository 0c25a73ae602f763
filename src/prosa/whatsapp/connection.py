"""One session inside the bridge: the engine's `Connection` by requests of docs/bridge-protocol.md."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from prosa.clock import to_millis
from prosa.whatsapp.convert_out import downloadable, outbound_message
from prosa.whatsapp.engine import (
    Content,
    DeviceState,
    EngineError,
    EngineErrorCode,
    Json,
    MessageType,
    ResolvedUser,
    SendResult,
    Uploaded,
)
from prosa.whatsapp.protojson import INT64_MAX, flag, integer, items, moment, string

CALL_SECONDS = 30.0
"""How long an answer may take where nothing is moved."""
SEND_ACK_SECONDS = 20.0
"""How long WhatsApp's server may take to acknowledge a message."""
MEDIA_SECONDS = 600.0
"""How long an upload or download may take."""
_MARGIN = 25.0
"""What a send needs besides: device lists and keys of the recipient are asked for first."""

Ask = Callable[[str, Json, float], Awaitable[Json]]
"""Sends a request of this session: method, parameters, seconds."""


class BridgeConnection:
    """Implements `Connection`; made by `BridgeEngine.open`."""

    def __init__(self, session_id: str, state: DeviceState, ask: Ask, on_close: Callable[[], Awaitable[None]]) -> None:
        self._session_id = session_id
        self._state = state
        self._ask = ask
        self._on_close = on_close

    @property
    def session_id(self) -> str:
        """Prosa's name of the session."""
        return self._session_id

    @property
    def state(self) -> DeviceState:
        """The device as it was when opened."""
        return self._state

    async def connect(self) -> None:
        """Open the socket."""
        await self._ask("connect", {}, 60.0)

    async def pair_with_code(self, phone: str) -> tuple[str, float]:
        """Ask for a pairing code; returns it and the seconds it is good for."""
        digits = "".join(c for c in phone if c.isdigit())
        # 60 s: the bridge waits for the first QR code, and WhatsApp for the phone's answer to the hello.
        result = await self._ask("pair_code", {"phone": digits, "push_notification": True}, 60.0)
        return string(result, "code"), (integer(result, "expires_in_ms") or 0) / 1000

    async def answer_passkey(self, assertion: Mapping[str, Any]) -> None:
        """Hand in the WebAuthn assertion."""
        await self._ask("passkey_response", {"response": dict(assertion)}, CALL_SECONDS)

    async def confirm_passkey(self) -> None:
        """Say that the code equals the phone's."""
        await self._ask("passkey_confirm", {}, CALL_SECONDS)

    async def disconnect(self) -> None:
        """Close the socket; the device stays linked."""
        await self._ask("disconnect", {}, CALL_SECONDS)

    async def logout(self) -> None:
        """Unlink the device at WhatsApp and forget its credentials."""
        await self._ask("logout", {}, CALL_SECONDS)

    async def close(self) -> None:
        """Let the handler finish what it has in hand (at most 2 s), then disconnect and forget the session."""
        await self._on_close()

    async def send(self, to: str, wa_id: str, content: Content) -> SendResult:
        """Send under our own message id; returns when WhatsApp's server has it."""
        try:
            message = outbound_message(to, content)
        except ValueError as error:
            raise EngineError(EngineErrorCode.BAD_REQUEST, str(error)) from None
        params = {"to": to, "id": wa_id, "message": message, "timeout_ms": int(SEND_ACK_SECONDS * 1000)}
        result = await self._ask("send", params, SEND_ACK_SECONDS + _MARGIN)
        return SendResult(timestamp=moment(result, "timestamp"), sender=string(result, "sender"))

    async def send_typing(self, to: str, *, typing: bool, recording: bool = False) -> None:
        """Show or hide "typing…" (or "recording…") at the contact."""
        params = {"to": to, "state": "composing" if typing else "paused"}
        if typing and recording:
            params["media"] = "audio"
        await self._ask("typing", params, CALL_SECONDS)

    async def set_presence(self, *, available: bool) -> None:
        """Show the number as online or not."""
        await self._ask("presence", {"available": available}, CALL_SECONDS)

    async def mark_read(
        self, chat: str, wa_ids: Sequence[str], timestamp: datetime, *, sender: str | None = None
    ) -> None:
        """Send read receipts; in groups `sender` is the author of the messages."""
        params: Json = {"chat": chat, "ids": list(wa_ids), "timestamp": to_millis(timestamp)}
        if sender is not None:
            params["sender"] = sender
        await self._ask("mark_read", params, CALL_SECONDS)

    async def upload(self, path: Path, media_type: MessageType) -> Uploaded:
        """Encrypt and upload a file of the media directory."""
        params = {"path": _absolute(path), "type": media_type.value}
        result = await self._ask("upload", params, MEDIA_SECONDS)
        return Uploaded(
            url=string(result, "url"),
            direct_path=string(result, "direct_path"),
            media_key=string(result, "media_key"),
            file_enc_sha256=string(result, "file_enc_sha256"),
            file_sha256=string(result, "file_sha256"),
            file_length=integer(result, "file_length", limit=INT64_MAX) or 0,
        )

    async def download(self, payload: Mapping[str, Any], path: Path) -> int:
        """Download and decrypt the media of a message's payload to `path`; returns its bytes."""
        target = _absolute(path)
        params = {"message": downloadable(payload), "path": target}
        result = await self._ask("download", params, MEDIA_SECONDS)
        return integer(result, "size", limit=INT64_MAX) or 0

    async def resolve(self, phones: Sequence[str]) -> list[ResolvedUser]:
        """Ask which phone numbers are on WhatsApp."""
        result = await self._ask("resolve", {"phones": list(phones)}, CALL_SECONDS)
        return [
            ResolvedUser(
                phone=string(user, "phone"),
                on_whatsapp=flag(user, "on_whatsapp"),
                jid=string(user, "jid") or None,
                lid=string(user, "lid") or None,
            )
            for user in items(result, "users")
        ]

    async def alternate(self, jid: str) -> str | None:
        """Return the other form of a contact's JID where the store knows it."""
        return string(await self._ask("alternate", {"jid": jid}, CALL_SECONDS), "jid") or None


def _absolute(path: Path) -> str:
    return str(path.absolute())
