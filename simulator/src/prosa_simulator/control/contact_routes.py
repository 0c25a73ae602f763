"""The routes of contacts: link them, take them offline, read what their phones show."""

import json
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from aiohttp import web
from pydantic import Field

from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.control.addresses import Number, number_of
from prosa_simulator.control.timeline import Timeline
from prosa_simulator.loopback import Body, Refusal, answer_json, read
from prosa_simulator.network import Network, PairingError

HEARTBEAT_SECONDS: Final = 10.0
"""Between two signs of life of a stream, so that either end notices when the other is gone."""
LONGEST_WAIT: Final = 30.0
"""Seconds that a request for messages may wait for the first one."""


class ContactRoutes:
    """The contacts of a world."""

    def __init__(self, network: Network, book: ContactBook) -> None:
        self._network = network
        self._book = book
        self._timelines: WeakKeyDictionary[Contact, Timeline] = WeakKeyDictionary()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        one = "/contacts/{phone}"
        return [
            web.get("/contacts", self._list, allow_head=False),
            web.post("/contacts", self._link),
            web.get(one, self._show, allow_head=False),
            web.get(f"{one}/messages", self._messages, allow_head=False),
            web.get(f"{one}/stream", self._stream, allow_head=False),
            web.post(f"{one}/disconnect", self._disconnect),
            web.post(f"{one}/connect", self._connect),
        ]

    def describe(self) -> list[dict[str, Any]]:
        """Return every contact, as the list shows them."""
        return [_describe(contact) for contact in self._book]

    def find(self, request: web.Request) -> Contact:
        """Return the contact that the path names.

        Raises:
            Refusal: 404, there is none.
        """
        phone = request.match_info["phone"].removeprefix("+")
        try:
            return self._book[phone]
        except KeyError:
            raise Refusal(404, "unknown-contact", f"no contact {phone}; POST /contacts links one") from None

    def timeline(self, contact: Contact) -> Timeline:
        """Return what the contact's phone shows."""
        found = self._timelines.get(contact)
        if found is None:
            found = self._timelines[contact] = Timeline(contact, lambda address: number_of(self._network, address))
        return found

    async def _list(self, _request: web.Request) -> web.Response:
        """List the contacts."""
        return answer_json(self.describe())

    async def _link(self, request: web.Request) -> web.Response:
        """Link a person with a client, or log in the one they had: {"phone", "name"?, "auto_read"?, …}."""
        body = await read(request, _Link)
        try:
            contact = await self._book.link(
                body.phone, name=body.name, auto_read=body.auto_read, auto_reconnect=body.auto_reconnect
            )
        except PairingError as error:
            raise Refusal(409, error.reason, error.detail) from error
        except ValueError as error:
            if self._network.accounts.by_phone(body.phone) is None:
                raise Refusal.of_field("phone", str(error)) from error
            raise Refusal(409, "already-linked", str(error)) from error
        return answer_json(_describe(contact), status=201)

    async def _show(self, request: web.Request) -> web.Response:
        """Show one contact."""
        return answer_json(_describe(self.find(request)))

    async def _messages(self, request: web.Request) -> web.Response:
        """Show what the phone shows: ?after= the last answer's cursor, ?wait= up to 30 seconds for something new."""
        contact = self.find(request)
        after, wait = _cursor(request.query.get("after", "0")), _seconds(request.query.get("wait", "0"))
        timeline = self.timeline(contact)
        await news(contact, timeline, after, wait)  # none: an answer with the same cursor says so
        return answer_json(timeline.since(after))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Stream what the phone shows as server-sent events; each is what GET …/messages answers, its id the cursor."""
        contact = self.find(request)
        timeline = self.timeline(contact)
        after = _cursor(request.headers.get("Last-Event-ID") or request.query.get("after", "0"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        first = True
        with suppress(ConnectionError):  # the page was closed
            while True:
                if first or await news(contact, timeline, after, HEARTBEAT_SECONDS):
                    shown, first = timeline.since(after), False
                    after = shown["cursor"]
                    await response.write(f"id: {after}\ndata: {json.dumps(shown)}\n\n".encode())
                else:
                    await response.write(b": still here\n\n")
        return response

    async def _disconnect(self, request: web.Request) -> web.Response:
        """Take the contact offline; what is sent to it waits on the network."""
        contact = self.find(request)
        await contact.disconnect()
        return answer_json(_describe(contact))

    async def _connect(self, request: web.Request) -> web.Response:
        """Bring the contact online again; answers when it is."""
        contact = self.find(request)
        if not contact.online:
            await contact.connect()
        return answer_json(_describe(contact))


class _Link(Body):
    phone: Number
    name: str | None = Field(None, min_length=1, max_length=100)
    auto_read: bool = False
    auto_reconnect: bool = True


async def news(contact: Contact, timeline: Timeline, after: int, seconds: float) -> bool:
    """Wait for the cursor of a contact's timeline to move on from `after`; False where it does not in time."""
    if timeline.refresh() != after:
        return True
    if seconds:
        with suppress(TimeoutError):
            await contact.wait_until(lambda: timeline.refresh() > after, seconds)
    return timeline.refresh() > after  # without an event, somebody's "typing…" may have run out


def _cursor(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Refusal.of_field("after", "not a cursor")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= LONGEST_WAIT:
        raise Refusal.of_field("wait", f"not 0 to {LONGEST_WAIT:.0f} seconds")
    return seconds


def _describe(contact: Contact) -> dict[str, Any]:
    return {
        "number": contact.number,
        "name": contact.phone.name,
        "jid": contact.jid,
        "lid": contact.lid,
        "device": contact.device_jid,
        "linked": contact.linked,
        "online": contact.online,
        "auto_read": contact.auto_read,
        "undecryptable": contact.undecryptable,
    }
