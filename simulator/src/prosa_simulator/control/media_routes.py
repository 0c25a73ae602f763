"""The routes of a contact's files: send one, fetch one."""

import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import anyio.to_thread
from aiohttp import web
from pydantic import Field, ValidationError

from prosa.whatsapp.engine import MessageType
from prosa_simulator.control.addresses import Person
from prosa_simulator.control.contact_routes import ContactRoutes
from prosa_simulator.control.message_routes import quote_of, shown
from prosa_simulator.loopback import Body, Refusal, invalid

MAX_FILE: Final = 100 * 1024**2
"""Bytes of an upload: enough for tests; WhatsApp takes documents of 2 GB."""
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
        """Send a file, as a form: file, to, type=image|audio|video|document|sticker, caption?, voice?=true, quote?."""
        contact = self._contacts.find(request)
        try:
            fields: dict[str, Any] = dict(await request.post())
        except (ValueError, AssertionError) as error:  # what aiohttp raises for forms that are none
            raise Refusal(400, "bad-request", f"not a form: {error}") from error
        file = fields.pop("file", None)
        if not isinstance(file, web.FileField):
            raise Refusal(400, "bad-request", "file: a form (multipart/form-data) with a file in it is wanted")
        try:
            form = _Form.model_validate_strings(fields)
        except (ValidationError, TypeError) as error:
            raise (invalid(error) if isinstance(error, ValidationError) else _second_file()) from error
        quote = quote_of(contact, form.quote)
        mime = file.content_type if _MIME.match(file.content_type or "") else None
        with tempfile.TemporaryDirectory(prefix="prosa-control-") as folder:
            path = Path(folder, _file_name(file.filename))
            await anyio.to_thread.run_sync(path.write_bytes, await anyio.to_thread.run_sync(file.file.read))
            wa_id = await contact.send_media(
                form.to, path, MessageType(form.type),
                caption=form.caption, mime_type=mime, voice=form.voice, quote=quote,
            )  # fmt: skip
        return web.json_response(self._contacts.timeline(contact).entry(wa_id), status=201)

    async def _fetch(self, request: web.Request) -> web.Response:
        """Download, decrypt and return the file of a received message."""
        contact = self._contacts.find(request)
        wa_id = shown(contact, request.match_info["wa_id"]).wa_id
        message = next((m for m in contact.received if m.wa_id == wa_id and m.media is not None), None)
        if message is None or message.media is None:
            raise Refusal(409, "no-media", f"{wa_id!r} is not a received file")
        body = await contact.download(message)
        mime = message.media.mime_type.partition(";")[0]
        # what a stranger sent is data: no browser may take it for a page of this address
        headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
        return web.Response(
            body=body, content_type=mime if _MIME.match(mime) else "application/octet-stream", headers=headers
        )


class _Form(Body):
    to: Person
    type: Literal["image", "audio", "video", "document", "sticker"]
    caption: Annotated[str, Field(max_length=65_536)] = ""
    voice: bool = False
    quote: str | None = None


def _second_file() -> Refusal:
    return Refusal(400, "bad-request", "only the field “file” may be a file")


def _file_name(name: str) -> str:
    """Return the name without anything that could lead out of a folder, or be too long for one."""
    return re.sub(r"[^\w.() -]", "_", name)[-100:].strip(". ") or "file"
