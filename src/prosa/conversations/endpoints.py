"""REST of conversations and of reading messages; `prosa.outbox.endpoints` sends them."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response, status
from fastapi.responses import FileResponse

from prosa.conversations.media import serving_headers
from prosa.conversations.models import ConversationKind
from prosa.conversations.queries import ConversationFilter, Direction
from prosa.conversations.schemas import ConversationUpdate, ConversationView, MessageHit, MessageView
from prosa.conversations.service import ConversationService
from prosa.forms import NO_NUL
from prosa.http.auth import SignedIn
from prosa.http.pagination import Page, PageParams, bad_cursor, time_cursor, to_micros
from prosa.http.parameters import OfSession
from prosa.http.problems import problems
from prosa.http.provide import provided

conversations_router = APIRouter(prefix="/conversations", tags=["Conversations"])
messages_router = APIRouter(prefix="/messages", tags=["Messages"])
routers = (conversations_router, messages_router)

Service = Annotated[ConversationService, provided(ConversationService)]
ConversationId = Annotated[uuid.UUID, Path(description="The conversation.")]
MessageId = Annotated[uuid.UUID, Path(description="The message.")]
_LIST = (401, 404, 422, 503)
_ONE = (401, 404, 422, 503)
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"application/octet-stream": {}}},
    206: {"description": "The part of it that Range asks for.", "content": {"application/octet-stream": {}}},
    410: {"description": "WhatsApp no longer has the file"},
    416: {"description": "Range asks for what the file does not have"},
}


@conversations_router.get("", responses=problems(*_LIST))
async def list_conversations(
    caller: SignedIn,
    service: Service,
    page: PageParams,
    session: OfSession = None,
    kind: Annotated[ConversationKind | None, Query(description="Only of this kind.")] = None,
    unread: Annotated[bool | None, Query(description="Only with unread messages, or only without.")] = None,
    failed: Annotated[
        bool | None,
        Query(description="Only where the AI gave up on an answer, or only where not."),
    ] = None,
    q: Annotated[
        str | None, Query(max_length=200, description="Words of the name, or digits of the phone number.")
    ] = None,
) -> Page[ConversationView]:
    """List your conversations, those with the newest message first."""
    wanted = ConversationFilter(
        session_id=session, kind=kind.value if kind else None, unread=unread, failed=failed, query=q
    )
    after = time_cursor(page.key(int, str))
    rows = await service.find(caller, wanted, after=after, limit=page.limit + 1)
    shown, more = rows[: page.limit], len(rows) > page.limit
    last = shown[-1] if more else None
    cursor = page.cursor(to_micros(last.last_message_at), str(last.id)) if last else None
    return Page(items=[ConversationView.of(row) for row in shown], next_cursor=cursor)


@conversations_router.get("/{conversation_id}", responses=problems(*_ONE))
async def get_conversation(conversation_id: ConversationId, caller: SignedIn, service: Service) -> ConversationView:
    """Return a conversation."""
    return ConversationView.of(await service.get(caller, conversation_id))


@conversations_router.patch("/{conversation_id}", responses=problems(*_ONE, 413))
async def update_conversation(
    conversation_id: ConversationId, body: ConversationUpdate, caller: SignedIn, service: Service
) -> ConversationView:
    """Change the contact's name, or whether the AI answers here."""
    return ConversationView.of(await service.update(caller, conversation_id, body))


@conversations_router.delete("/{conversation_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(*_ONE))
async def delete_conversation(conversation_id: ConversationId, caller: SignedIn, service: Service) -> Response:
    """Erase a conversation for good: its messages, its files, and the events that tell of them.

    The contact's next message begins a new one. Nothing is deleted on the phone or at WhatsApp.
    """
    await service.erase(caller, conversation_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@conversations_router.post("/{conversation_id}/read", responses=problems(*_ONE))
async def read_conversation(conversation_id: ConversationId, caller: SignedIn, service: Service) -> ConversationView:
    """Mark every message as read, here and (where the number is online) at WhatsApp. Doing it again changes nothing."""
    return ConversationView.of(await service.read(caller, conversation_id))


@conversations_router.post("/{conversation_id}/unread", responses=problems(*_ONE))
async def unread_conversation(conversation_id: ConversationId, caller: SignedIn, service: Service) -> ConversationView:
    """Mark a conversation as unread, so that somebody comes back to it; WhatsApp is not told."""
    return ConversationView.of(await service.unread(caller, conversation_id))


@conversations_router.get("/{conversation_id}/messages", tags=["Messages"], responses=problems(*_ONE))
async def list_messages(
    conversation_id: ConversationId,
    caller: SignedIn,
    service: Service,
    page: PageParams,
    direction: Annotated[
        Direction, Query(description="older: the newest first, going back; newer: the oldest first, going on.")
    ] = "older",
    from_seq: Annotated[
        int | None,
        Query(
            ge=-(2**31),
            lt=2**31,
            description="Begin behind the message of this `seq`, which is left out: anywhere in a long conversation. "
            "A cursor goes before it.",
        ),
    ] = None,
    wa_id: Annotated[
        str | None,
        Query(max_length=128, pattern=NO_NUL, description="Only the message of this WhatsApp id: a quoted one."),
    ] = None,
) -> Page[MessageView]:
    """List the messages of a conversation."""
    after = _number_cursor(page.key(int))
    rows = await service.messages(
        caller,
        conversation_id,
        direction=direction,
        after=from_seq if after is None else after,
        wa_id=wa_id,
        limit=page.limit + 1,
    )
    shown = rows[: page.limit]
    cursor = page.cursor(shown[-1].seq) if len(rows) > page.limit else None
    return Page(items=await service.shown(caller, shown), next_cursor=cursor)


@messages_router.get("/search", responses=problems(*_LIST))
async def search_messages(
    caller: SignedIn,
    service: Service,
    page: PageParams,
    q: Annotated[
        str, Query(min_length=1, max_length=200, description="Words that are all in it; the last may be a beginning.")
    ],
    session: OfSession = None,
    conversation: Annotated[uuid.UUID | None, Query(description="Of one conversation only: its id.")] = None,
) -> Page[MessageHit]:
    """Find messages by their words, whatever their accents and case; the ones stored last come first."""
    after = _number_cursor(page.key(int))
    rows = await service.search(
        caller, q, session_id=session, conversation_id=conversation, after=after, limit=page.limit + 1
    )
    shown = rows[: page.limit]
    cursor = page.cursor(shown[-1].place) if len(rows) > page.limit else None
    messages = await service.shown(caller, shown)
    hits = [MessageHit.of(row, message) for row, message in zip(shown, messages, strict=True)]
    return Page(items=hits, next_cursor=cursor)


@messages_router.get("/{message_id}", responses=problems(*_ONE))
async def get_message(message_id: MessageId, caller: SignedIn, service: Service) -> MessageView:
    """Return a message."""
    return (await service.shown(caller, [await service.message(caller, message_id)]))[0]


@messages_router.get(
    "/{message_id}/media", response_class=FileResponse, responses={**_FILE, **problems(*_ONE, 409, 410)}
)
async def get_message_media(message_id: MessageId, caller: SignedIn, service: Service) -> FileResponse:
    """Return a message's file; downloads it from WhatsApp first where it is not here yet. Understands Range."""
    path, facts = await service.media(caller, message_id)
    media_type, disposition, headers = serving_headers(facts.mime_type)
    return FileResponse(
        path,
        media_type=media_type,
        filename=facts.file_name or str(message_id),
        content_disposition_type=disposition,
        headers=headers,
    )


def _number_cursor(key: list[Any] | None) -> int | None:
    if key is None:
        return None
    number: int = key[0]
    if not -(2**31) <= number < 2**31:
        raise bad_cursor()
    return number
