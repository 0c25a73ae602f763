"""The routes of a contact's files: send one, fetch one."""

import mimetypes
import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import anyio.to_thread
from aiohttp import web
from pydantic import Field, ValidationError

from prosa.whatsapp.engine import InboundMessage, MediaContent, MediaInfo, MessageType
from prosa_simulator.contacts import Contact, Sent
from prosa_simulator.control.addresses import Chat
from prosa_simulator.control.contact_routes import ContactRoutes
from prosa_simulator.control.message_routes import MessageId, quote_of, shown
from prosa_simulator.control.voice import ogg_of
from prosa_simulator.loopback import Body, Refusal, answer_json, invalid

MAX_FILE: Final = 100 * 1024**2
"""Bytes of an upload: enough for tests; WhatsApp takes documents of 2 GB."""
VOICE: Final = "audio/ogg; codecs=opus"
"""What WhatsApp's own voice notes are; recordings of browsers in WebM become it."""
_ANYTHING: Final = "application/octet-stream"
_MIME: Final = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}\Z", re.ASCII)


class MediaRoutes:
    """Files of contacts."""

    def __init__(self, contacts: ContactRoutes) -> None:
        self._contacts = contacts

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        one = "/contacts/{phone}"
        return [
            web.post(f"{one}/media", self._send),
            web.get(f"{one}/messages/{{wa_id}}/media", self._fetch, allow_head=False),
        ]

    async def _send(self, request: web.Request) -> web.Response:
        """Send a file, as a form: file, to, type? (image, audio, …), caption?, voice?, seconds?, quote?, wa_id?."""
        contact = self._contacts.find(request)
        try:
            fields: dict[str, Any] = dict(await request.post())
        except (ValueError, AssertionError) as error:  # what aiohttp raises for forms that are none
            raise Refusal(400, "bad-request", f"not a form: {error}") from error
        file = fields.pop("file", None)
        if not isinstance(file, web.FileField):
            raise Refusal.of_field("file", "a form (multipart/form-data) with a file in it is wanted")
        for name, value in fields.items():
            if isinstance(value, web.FileField):
                raise Refusal.of_field(name, "only the field “file” may be a file")
        try:
            form = _Form.model_validate_strings(fields)
        except ValidationError as error:
            raise invalid(error) from error
        quote = quote_of(contact, form.quote)
        mime, name = _mime_of(file), _file_name(file.filename)
        content = await anyio.to_thread.run_sync(file.file.read)
        if form.voice and mime.startswith("audio/webm"):
            try:
                content = await anyio.to_thread.run_sync(ogg_of, content)
            except ValueError as error:
                raise Refusal.of_field("file", f"not a recording in WebM: {error}") from error
            mime, name = VOICE, f"{Path(name).stem}.ogg"
        with tempfile.TemporaryDirectory(prefix="prosa-control-") as folder:
            path = Path(folder, name)
            await anyio.to_thread.run_sync(path.write_bytes, content)
            wa_id = await contact.send_media(
                form.to, path, MessageType(form.type or _type_of(mime, voice=form.voice)),
                caption=form.caption, mime_type=mime, voice=form.voice, seconds=form.seconds, quote=quote,
                wa_id=form.wa_id,
            )  # fmt: skip
        return answer_json(self._contacts.timeline(contact).entry(wa_id), status=201)

    async def _fetch(self, request: web.Request) -> web.Response:
        """Download, decrypt and return the file of a message, sent or received."""
        contact = self._contacts.find(request)
        wa_id = shown(contact, request.match_info["wa_id"]).wa_id
        message, info = _file_of(contact, wa_id)
        if message is None or info is None:
            raise Refusal(409, "no-media", f"{wa_id!r} is not a file")
        body = await contact.download(message)
        mime = info.mime_type.partition(";")[0].strip()
        # what a stranger sent is data: no browser may take it for a page of this address
        headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
        return web.Response(
            body=body, content_type=mime if _MIME.match(mime) else "application/octet-stream", headers=headers
        )


class _Form(Body):
    to: Chat
    type: Literal["image", "audio", "video", "document", "sticker"] | None = None
    caption: Annotated[str, Field(max_length=65_536)] = ""
    voice: bool = False
    seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    quote: str | None = None
    wa_id: MessageId | None = None


def _file_of(contact: Contact, wa_id: str) -> tuple[Sent | InboundMessage | None, MediaInfo | None]:
    sent = contact.sent.get(wa_id)
    if sent is not None:
        return sent, sent.content.info if isinstance(sent.content, MediaContent) else None
    arrived = next((m for m in (*contact.received, *contact.screen.copies) if m.wa_id == wa_id), None)
    return arrived, arrived.media if arrived else None


def _mime_of(file: web.FileField) -> str:
    """Return what the form says of the file, parameters such as the codec included; else what its name says."""
    said = (file.headers.get("Content-Type") or "").strip()
    if _MIME.match(said.partition(";")[0].strip()) and not said.startswith(_ANYTHING) and len(said) <= 200:
        return said
    return mimetypes.guess_type(file.filename)[0] or _ANYTHING


def _type_of(mime: str, *, voice: bool) -> str:
    kind = mime.partition("/")[0]
    return "audio" if voice else kind if kind in {"image", "audio", "video"} else "document"


def _file_name(name: str) -> str:
    """Return the name without anything that could lead out of a folder, or be too long for one."""
    return re.sub(r"[^\w.() -]", "_", name)[-100:].strip(". ") or "file"
