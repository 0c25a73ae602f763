"""What a contact's phone shows, as JSON, and what changed since somebody last looked."""

from collections.abc import Callable
from typing import Any, Final

from prosa.whatsapp.engine import InboundMessage, MediaContent, MediaInfo, MessageType, ReceiptType, TextContent
from prosa_simulator.contacts import Contact, Sent
from prosa_simulator.contacts.screen import Shown

Json = dict[str, Any]

_RANK: Final = {ReceiptType.DELIVERED: 1, ReceiptType.READ: 2, ReceiptType.PLAYED: 3}
_STATUS: Final = ("sent", "delivered", "read", "played")


class Timeline:
    """A contact's screen with a cursor, which every message shown or changed moves on.

    So does every change of who types, and of whether the contact is online.
    """

    def __init__(self, contact: Contact, number_of: Callable[[str], str]) -> None:
        """Describe it.

        Args:
            contact: Whose screen.
            number_of: Turns an address into a phone number's digits.
        """
        self._contact = contact
        self._number_of = number_of
        self._entries: dict[str, Json] = {}
        self._changed_at: dict[str, int] = {}
        self._around: Json = {"typing": [], "online": False, "linked": False}
        self._cursor = 0

    def refresh(self) -> int:
        """Look at the screen, and return the cursor after what is on it."""
        arrived = {message.wa_id: message for message in (*self._contact.screen.copies, *self._contact.received)}
        statuses = self._statuses()
        for position, shown in enumerate(self._contact.screen, 1):
            entry = self._describe(shown, arrived.get(shown.wa_id), statuses.get(shown.wa_id, 0))
            entry["position"] = position
            if self._entries.get(shown.wa_id) != entry:
                self._cursor += 1
                self._entries[shown.wa_id], self._changed_at[shown.wa_id] = entry, self._cursor
        if (around := self._look_around()) != self._around:
            self._around = around
            self._cursor += 1
        return self._cursor

    def since(self, cursor: int) -> Json:
        """Return the messages shown or changed after a cursor, in the order of the screen; who types; the cursor.

        A cursor from the future is of an earlier run of the world: everything is returned.
        """
        if cursor > self.refresh():
            cursor = 0
        messages = [entry for wa_id, entry in self._entries.items() if self._changed_at[wa_id] > cursor]
        return {"cursor": self._cursor, "messages": messages, **self._around}

    def entry(self, wa_id: str) -> Json | None:
        """Return one message, if it is on the screen."""
        self.refresh()
        return self._entries.get(wa_id)

    def _describe(self, shown: Shown, arrived: InboundMessage | None, rank: int) -> Json:
        sent = self._contact.sent.get(shown.wa_id)
        out = sent is not None or (arrived is not None and arrived.from_me)
        entry = {
            "wa_id": shown.wa_id,
            "direction": "out" if out else "in",
            "chat": self._number_of(shown.chat),
            "sender": self._number_of(shown.sender),
            "sender_name": self._contact.phone.name if out else arrived.push_name if arrived else None,
            "body": shown.body,
            "status": _STATUS[rank] if out else "read" if shown.wa_id in self._contact.read else "received",
            "edited": shown.edited,
            "revoked": shown.revoked,
            "reactions": {self._number_of(by): emoji for by, emoji in shown.reactions.items()},
            "resent": self._contact.resent.get(shown.wa_id, 0),
        }
        if arrived is not None:
            quoted, media, at = arrived.quoted_wa_id, arrived.media, arrived.timestamp
            return {**entry, "type": arrived.type, "at": at.isoformat(), "quote": quoted, "media": _media(media)}
        return {**entry, **_content(sent)}

    def _statuses(self) -> dict[str, int]:
        best: dict[str, int] = {}
        for receipt in self._contact.receipts:
            for wa_id in receipt.wa_ids:
                best[wa_id] = max(best.get(wa_id, 0), _RANK.get(receipt.type, 0))
        return best

    def _look_around(self) -> Json:
        typing = [
            {"number": self._number_of(event.sender), "recording": event.recording}
            for event in self._contact.typing_now
        ]
        return {"typing": typing, "online": self._contact.online, "linked": self._contact.linked}


def _content(sent: Sent | None) -> Json:
    if sent is None:
        return {"type": MessageType.UNKNOWN, "at": None, "quote": None, "media": None}
    content = sent.content
    facts: Json = {"at": sent.at.isoformat(), "quote": None, "media": None}
    match content:
        case MediaContent():
            facts |= {"type": content.type, "media": _media(content.info)}
        case TextContent():
            facts |= {"type": MessageType.TEXT}
        case _:  # edits, revocations and reactions are not shown as messages
            facts |= {"type": MessageType.LOCATION}
    if isinstance(content, MediaContent | TextContent) and content.quote is not None:
        facts["quote"] = content.quote.wa_id
    return facts


def _media(info: MediaInfo | None) -> Json | None:
    if info is None:
        return None
    return {
        "mime_type": info.mime_type,
        "size": info.size,
        "file_name": info.file_name,
        "voice": info.voice,
        "seconds": info.seconds,
    }
