"""The routes of what a contact does in its chats: write, react, edit, delete, read, type."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from prosa.whatsapp.engine import Quote
from prosa_simulator.contacts import Contact, Sent
from prosa_simulator.contacts.screen import Shown
from prosa_simulator.control.addresses import Chat, Person
from prosa_simulator.control.contact_routes import ContactRoutes
from prosa_simulator.loopback import Body, Refusal, answer_json, read

Text = Annotated[str, Field(min_length=1, max_length=65_536)]
"""WhatsApp's clients take texts of up to 65,536 characters (faq.whatsapp.com)."""

MessageId = Annotated[str, Field(pattern=r"^[0-9A-F]{16,32}$")]
"""A message's id, made by whoever sends it: the same again is the same message, so a try may be repeated."""


class MessageRoutes:
    """What contacts do."""

    def __init__(self, contacts: ContactRoutes) -> None:
        self._contacts = contacts

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        one = "/contacts/{phone}"
        return [
            web.post(f"{one}/messages", self._write),
            web.post(f"{one}/reactions", self._react),
            web.post(f"{one}/edits", self._edit),
            web.post(f"{one}/revocations", self._revoke),
            web.post(f"{one}/read", self._read),
            web.post(f"{one}/typing", self._type),
        ]

    async def _write(self, request: web.Request) -> web.Response:
        """Send a text: {"to", "text", "quote"?: a wa_id, "mentions"?, "wa_id"?}; answers the message as shown."""
        contact = self._contacts.find(request)
        body = await read(request, _Write)
        quote = quote_of(contact, body.quote)
        wa_id = await contact.send_text(body.to, body.text, quote=quote, mentions=body.mentions, wa_id=body.wa_id)
        return answer_json(self._contacts.timeline(contact).entry(wa_id), status=201)

    async def _react(self, request: web.Request) -> web.Response:
        """React to a shown message: {"wa_id", "emoji"}; an empty emoji takes the reaction back."""
        contact = self._contacts.find(request)
        body = await read(request, _React)
        target = shown(contact, body.wa_id)
        own = target.sender == contact.jid
        await contact.react(target.chat, target.wa_id, body.emoji, from_me=own, sender=target.sender)
        return self._entry(contact, body.wa_id)

    async def _edit(self, request: web.Request) -> web.Response:
        """Give an own message a new text: {"wa_id", "text"}."""
        contact = self._contacts.find(request)
        body = await read(request, _Edit)
        await contact.edit(_own(contact, body.wa_id).to, body.wa_id, body.text)
        return self._entry(contact, body.wa_id)

    async def _revoke(self, request: web.Request) -> web.Response:
        """Delete an own message for everyone: {"wa_id"}."""
        contact = self._contacts.find(request)
        body = await read(request, _Revoke)
        await contact.revoke(_own(contact, body.wa_id).to, body.wa_id)
        return self._entry(contact, body.wa_id)

    async def _read(self, request: web.Request) -> web.Response:
        """Send read receipts: {"wa_ids"?}; for every unread message when left out."""
        contact = self._contacts.find(request)
        body = await read(request, _Read)
        for wa_id in body.wa_ids or ():
            shown(contact, wa_id)
        unread = [message for message in contact.received if message.wa_id not in contact.read]
        chosen = [message for message in unread if body.wa_ids is None or message.wa_id in body.wa_ids]
        await contact.mark_read(*chosen)
        return answer_json({"read": [message.wa_id for message in chosen]})

    async def _type(self, request: web.Request) -> web.Response:
        """Show or hide "typing…" at somebody's: {"to", "typing"?: true, "recording"?: false}."""
        contact = self._contacts.find(request)
        body = await read(request, _Type)
        await contact.typing(body.to, typing=body.typing, recording=body.recording)
        return answer_json({})

    def _entry(self, contact: Contact, wa_id: str) -> web.Response:
        return answer_json(self._contacts.timeline(contact).entry(wa_id))


class _Write(Body):
    to: Chat
    text: Text
    quote: str | None = None
    mentions: list[Person] = Field([])
    wa_id: MessageId | None = None


class _React(Body):
    wa_id: str
    emoji: Annotated[str, Field(max_length=64)]


class _Edit(Body):
    wa_id: str
    text: Text


class _Revoke(Body):
    wa_id: str


class _Read(Body):
    wa_ids: list[str] | None = None


class _Type(Body):
    to: Chat
    typing: bool = True
    recording: bool = False


def shown(contact: Contact, wa_id: str) -> Shown:
    """Return a message that the contact's phone shows.

    Raises:
        Refusal: 404, it shows none with this id.
    """
    found = contact.screen.shown(wa_id)
    if found is None:
        raise Refusal(404, "unknown-message", f"{contact.number} shows no message {wa_id!r}")
    return found


def quote_of(contact: Contact, wa_id: str | None) -> Quote | None:
    """Return the quotation of a shown message, or nothing for no id.

    Raises:
        Refusal: 404, the phone shows none with this id.
    """
    if wa_id is None:
        return None
    quoted = shown(contact, wa_id)
    return Quote(quoted.wa_id, quoted.sender, quoted.body)


def _own(contact: Contact, wa_id: str) -> Sent:
    shown(contact, wa_id)
    sent = contact.sent.get(wa_id)
    if sent is None:
        raise Refusal(409, "not-own", f"{contact.number} did not write {wa_id!r}")
    return sent
