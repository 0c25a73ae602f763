"""REST of linked numbers."""

from io import BytesIO
from typing import Annotated, Any, Literal

import segno
from fastapi import APIRouter, Header, Query, Response, status
from fastapi.responses import JSONResponse

from prosa.clock import utc_now
from prosa.errors import ConflictError
from prosa.http.auth import SignedIn
from prosa.http.pagination import Page, PageParams
from prosa.http.parameters import SessionId
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.sessions.record import SessionRecord
from prosa.sessions.schemas import (
    PasskeyAssertion,
    PasskeyView,
    QrView,
    SessionConnect,
    SessionCreate,
    SessionUpdate,
    SessionView,
)
from prosa.sessions.service import SessionService
from prosa.sessions.state import SessionStatus

router = APIRouter(prefix="/sessions", tags=["Sessions"])

Service = Annotated[SessionService, provided(SessionService)]
QrFormat = Literal["text", "svg", "png"]

_BASE = (401, 422, 503)
_ONE = (401, 404, 422, 503)

_QR_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The QR code: its text, or a picture.",
        "content": {
            "image/svg+xml": {"schema": {"type": "string"}},
            "image/png": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_QR_SCALE = 8
"""Pixels of one module: some 500 pixels for WhatsApp's codes."""


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(*_BASE, 409, 413))
async def create_session(body: SessionCreate, caller: SignedIn, service: Service) -> SessionView:
    """Create a number, not linked yet; `connect` links it."""
    return await service.create(caller, body)


@router.get("", responses=problems(*_BASE))
async def list_sessions(
    caller: SignedIn,
    service: Service,
    page: PageParams,
    status: Annotated[SessionStatus | None, Query(description="Only numbers in this state.")] = None,
) -> Page[SessionView]:
    """List your numbers, in the order they were made."""
    items, more = await service.list(caller, after=page.after_id(), status=status, limit=page.limit)
    return Page(items=items, next_cursor=page.cursor(str(more)) if more else None)


@router.get("/{session_id}", responses=problems(*_ONE))
async def read_session(session_id: SessionId, caller: SignedIn, service: Service) -> SessionView:
    """Read a number: its status, and the code that waits."""
    return await service.read(caller, session_id)


@router.patch("/{session_id}", responses=problems(*_ONE, 413))
async def update_session(session_id: SessionId, body: SessionUpdate, caller: SignedIn, service: Service) -> SessionView:
    """Change name, settings or metadata. Settings are merged field by field; metadata are replaced."""
    return await service.update(caller, session_id, body)


@router.delete("/{session_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(*_ONE, 409))
async def delete_session(
    session_id: SessionId,
    caller: SignedIn,
    service: Service,
    *,
    unused: Annotated[
        bool,
        Query(description="Only if nothing is lost: never linked, nothing set, nothing stored for it; else 409."),
    ] = False,
) -> None:
    """Unlink a number and remove it with **all its conversations, messages and media**: this is final."""
    await service.delete(caller, session_id, unused=unused)


@router.post("/{session_id}/connect", status_code=status.HTTP_202_ACCEPTED, responses=problems(*_ONE, 413))
async def connect_session(
    session_id: SessionId,
    caller: SignedIn,
    service: Service,
    body: SessionConnect | None = None,
    wait: Annotated[
        float, Query(ge=0, le=30, allow_inf_nan=False, description="Seconds to wait for something to show.")
    ] = 5,
) -> SessionView:
    """Bring a number online, linking it first where needed.

    The answer usually holds the QR code or pairing code already; the next ones come as events and in GET. From now on
    the number comes back by itself, until it is stopped. Asking again while that is under way changes nothing.
    """
    return await service.connect(caller, session_id, body or SessionConnect.model_validate({}), wait_seconds=wait)


@router.get("/{session_id}/qr", responses=_QR_CONTENT | problems(*_ONE, 409), response_model=QrView)
async def read_qr(
    session_id: SessionId,
    caller: SignedIn,
    service: Service,
    format: Annotated[  # noqa: A002 - the parameter's public name
        QrFormat | None, Query(description="text (JSON), svg or png; left out: what Accept asks for, else text.")
    ] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Get the QR code that waits to be scanned, as text or as a picture."""
    record = await service.record(caller, session_id)
    return _draw(_qr_of(record), format or _accepted(accept))


@router.get("/{session_id}/passkey", responses=problems(*_ONE, 409))
async def read_passkey(session_id: SessionId, caller: SignedIn, service: Service) -> PasskeyView:
    """See what to do when WhatsApp asks for the account's passkey: steps, options, and a snippet to run."""
    return await service.passkey(caller, session_id)


@router.post("/{session_id}/passkey", status_code=status.HTTP_202_ACCEPTED, responses=problems(*_ONE, 409, 413))
async def answer_passkey(
    session_id: SessionId, body: PasskeyAssertion, caller: SignedIn, service: Service
) -> SessionView:
    """Hand in what the snippet copied."""
    return await service.answer_passkey(caller, session_id, body)


@router.post("/{session_id}/passkey/confirm", status_code=status.HTTP_202_ACCEPTED, responses=problems(*_ONE, 409))
async def confirm_passkey(session_id: SessionId, caller: SignedIn, service: Service) -> SessionView:
    """Say that the code shown here equals the code on the phone."""
    return await service.confirm_passkey(caller, session_id)


@router.post("/{session_id}/restart", status_code=status.HTTP_202_ACCEPTED, responses=problems(*_ONE))
async def restart_session(session_id: SessionId, caller: SignedIn, service: Service) -> SessionView:
    """Close a number's connection and open a new one."""
    return await service.restart(caller, session_id)


@router.post("/{session_id}/stop", responses=problems(*_ONE))
async def stop_session(session_id: SessionId, caller: SignedIn, service: Service) -> SessionView:
    """Disconnect a number. It stays linked, and offline until `connect`."""
    return await service.stop(caller, session_id)


@router.post("/{session_id}/logout", responses=problems(*_ONE))
async def logout_session(session_id: SessionId, caller: SignedIn, service: Service) -> SessionView:
    """Unlink a number at WhatsApp. Its conversations stay; `connect` links it anew."""
    return await service.logout(caller, session_id)


def _qr_of(record: SessionRecord) -> QrView:
    if record.qr is None or record.qr_expires_at is None:
        raise ConflictError(
            f"There is no QR code to scan now: the number is {record.status.value}.",
            remedy="It is linked already; nothing is to be scanned."
            if record.linked
            else f'POST /sessions/{record.session_id}/connect with {{"method": "qr"}}, then ask again.',
        )
    if record.qr_expires_at <= utc_now():
        raise ConflictError(
            "The QR code has expired; the next one comes by itself.", remedy="Ask again.", retry_after=1
        )
    return QrView(qr=record.qr, expires_at=record.qr_expires_at)


def _accepted(accept: str | None) -> QrFormat:
    """Return the format that an Accept header names first; text for browsers and all others."""
    for part in (accept or "").split(","):
        match part.split(";")[0].strip().lower():
            case "image/png":
                return "png"
            case "image/svg+xml":
                return "svg"
            case "application/json":
                return "text"
    return "text"


def _draw(view: QrView, format_: QrFormat) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if format_ == "text":
        return JSONResponse(view.model_dump(mode="json"), headers=headers)
    picture, out = segno.make_qr(view.qr, error="L"), BytesIO()
    picture.save(out, kind=format_, scale=_QR_SCALE, border=4)  # a quiet zone of 4 modules: ISO/IEC 18004 §5.3.8
    return Response(out.getvalue(), media_type="image/svg+xml" if format_ == "svg" else "image/png", headers=headers)
