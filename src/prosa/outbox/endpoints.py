"""REST of sending: texts and files, and what becomes of them until WhatsApp has them."""

import uuid
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Header, Path, Query, Response, UploadFile
from fastapi import status as http
from pydantic import AwareDatetime

from prosa.conversations.media import MediaFiles
from prosa.conversations.scheduled import ScheduledFilter
from prosa.conversations.schemas import MessageView, StorableText
from prosa.conversations.service import ConversationService
from prosa.conversations.uploads import saved
from prosa.forms import IDEMPOTENCY_KEY
from prosa.http.auth import SignedIn
from prosa.http.pagination import Page, PageParams, time_cursor, to_micros
from prosa.http.parameters import OfSession, SessionId
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.outbox.schemas import (
    PAUSE_AI,
    SEND_AT,
    ChangeView,
    FileType,
    MessageUpdate,
    Reaction,
    TextToContact,
    TextToConversation,
)
from prosa.outbox.service import MOST_CHANGES, OutboxService
from prosa.settings import Settings
from prosa.turns.drafts import Draft, IncomingFile, ToContact, ToConversation
from prosa.turns.manual import ManualMessages
from prosa.whatsapp.engine import MessageType

router = APIRouter(tags=["Messages"])

Service = Annotated[OutboxService, provided(OutboxService)]
Conversations = Annotated[ConversationService, provided(ConversationService)]
Manual = Annotated[ManualMessages, provided(ManualMessages)]
Files = Annotated[MediaFiles, provided(MediaFiles)]
Installed = Annotated[Settings, provided(Settings)]
ConversationId = Annotated[uuid.UUID, Path(description="The conversation.")]
MessageId = Annotated[uuid.UUID, Path(description="The message.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=128, pattern=IDEMPOTENCY_KEY,
        description="Chosen by you: the same request under the same key is one message, however often it is sent.",
        examples=["order-4711-ready"],
    ),
]  # fmt: skip
Upload = Annotated[UploadFile, File(description="The file.")]
Caption = Annotated[StorableText, Form(max_length=4096, description="Text with the file.")]
ShownAs = Annotated[
    FileType | None, Form(alias="type", description="What it is shown as; by its content type where left out.")
]
Voice = Annotated[bool, Form(description="A voice note; for audio, best as Ogg with Opus.")]
PauseAi = Annotated[bool, Form(description=PAUSE_AI)]
Quoted = Annotated[uuid.UUID | None, Form(description="The message of this conversation that it answers to.")]
SendAt = Annotated[AwareDatetime | None, Form(description=SEND_AT, examples=["2026-12-24T09:00:00-03:00"])]

_SEND = (401, 404, 409, 413, 422, 503)
_ON_ITS_WAY: dict[int | str, dict[str, Any]] = {
    202: {"model": MessageView, "description": "The change is on its way; the message as it is until then."}
}


@router.post("/sessions/{session_id}/messages", status_code=http.HTTP_202_ACCEPTED, responses=problems(*_SEND))
async def send_message(
    session_id: SessionId, body: TextToContact, caller: SignedIn, manual: Manual, key: Key = None
) -> MessageView:
    """Send a text from a number to a phone number, contact or group; a new conversation begins where there is none.

    The message is stored and sent as soon as the number is online; its status (and the events) tell the rest.
    """
    draft = _draft(body, key)
    return MessageView.of(await manual.send(caller, ToContact(session_id, body.to), draft))


@router.post(
    "/conversations/{conversation_id}/messages", status_code=http.HTTP_202_ACCEPTED, responses=problems(*_SEND)
)
async def send_message_in_conversation(
    conversation_id: ConversationId, body: TextToConversation, caller: SignedIn, manual: Manual, key: Key = None
) -> MessageView:
    """Send a text into a conversation. The message is stored and sent as soon as the number is online."""
    draft = _draft(body, key)
    return MessageView.of(await manual.send(caller, ToConversation(conversation_id), draft))


@router.post("/sessions/{session_id}/media", status_code=http.HTTP_202_ACCEPTED, responses=problems(*_SEND))
async def send_media(
    session_id: SessionId,
    caller: SignedIn,
    manual: Manual,
    files: Files,
    settings: Installed,
    file: Upload,
    to: Annotated[StorableText, Form(min_length=1, max_length=100, description="As in sending a text.")],
    caption: Caption = "",
    shown_as: ShownAs = None,
    voice: Voice = False,  # noqa: FBT002 - a form field
    pause_ai: PauseAi = True,  # noqa: FBT002 - a form field
    send_at: SendAt = None,
    key: Key = None,
) -> MessageView:
    """Send a file from a number to a phone number, contact or group."""
    target = ToContact(session_id, to)
    draft = Draft(caption, idempotency_key=key, pauses_ai=pause_ai, send_at=send_at)
    return await _send_file(caller, manual, files, settings, target, file, shown_as, voice, draft)


@router.post("/conversations/{conversation_id}/media", status_code=http.HTTP_202_ACCEPTED, responses=problems(*_SEND))
async def send_media_in_conversation(
    conversation_id: ConversationId,
    caller: SignedIn,
    manual: Manual,
    files: Files,
    settings: Installed,
    file: Upload,
    caption: Caption = "",
    shown_as: ShownAs = None,
    voice: Voice = False,  # noqa: FBT002 - a form field
    quoted_message_id: Quoted = None,
    pause_ai: PauseAi = True,  # noqa: FBT002 - a form field
    send_at: SendAt = None,
    key: Key = None,
) -> MessageView:
    """Send a file into a conversation."""
    target = ToConversation(conversation_id)
    draft = Draft(
        caption, quoted_message_id=quoted_message_id, idempotency_key=key, pauses_ai=pause_ai, send_at=send_at
    )
    return await _send_file(caller, manual, files, settings, target, file, shown_as, voice, draft)


def _draft(body: TextToConversation, key: str | None) -> Draft:
    return Draft(
        body.text,
        quoted_message_id=body.quoted_message_id,
        idempotency_key=key,
        pauses_ai=body.pause_ai,
        send_at=body.send_at,
    )


async def _send_file(
    caller: SignedIn,
    manual: ManualMessages,
    files: MediaFiles,
    settings: Settings,
    target: ToConversation | ToContact,
    file: UploadFile,
    shown_as: FileType | None,
    voice: bool,  # noqa: FBT001
    draft: Draft,
) -> MessageView:
    type_ = MessageType(shown_as) if shown_as else None
    limit = settings.media_max_mb * 2**20
    async with saved(file, files, max_bytes=limit, type_=type_, voice=voice) as upload:
        incoming = IncomingFile(upload.path, upload.sha256, upload.type, upload.info)
        return MessageView.of(await manual.send(caller, target, replace(draft, file=incoming)))


@router.get("/messages", responses=problems(401, 404, 422, 503))
async def list_waiting_messages(
    caller: SignedIn,
    service: Service,
    page: PageParams,
    status: Annotated[  # noqa: ARG001 - says what is listed; more may follow
        Literal["scheduled"], Query(description="Which messages: those to be sent later.")
    ] = "scheduled",
    session: OfSession = None,
    conversation: Annotated[uuid.UUID | None, Query(description="Of one conversation only: its id.")] = None,
) -> Page[MessageView]:
    """List messages that are to be sent later, those whose time comes first first."""
    after = time_cursor(page.key(int, str))
    wanted = ScheduledFilter(session_id=session, conversation_id=conversation)
    rows = await service.scheduled(caller, wanted, after=after, limit=page.limit + 1)
    shown = rows[: page.limit]
    last = shown[-1] if len(rows) > page.limit else None
    cursor = page.cursor(to_micros(last.scheduled_for), str(last.id)) if last else None
    return Page(items=[MessageView.of(row) for row in shown], next_cursor=cursor)


@router.patch("/messages/{message_id}", responses={**_ON_ITS_WAY, **problems(*_SEND)})
async def change_message(
    message_id: MessageId,
    body: MessageUpdate,
    caller: SignedIn,
    service: Service,
    conversations: Conversations,
    response: Response,
) -> MessageView:
    """Change the text of one of your messages, or the time of a scheduled one.

    A message that WhatsApp does not have yet is changed at once. The new text of one that was sent is on its way (202):
    the message shows it when WhatsApp has it, which events tell. WhatsApp takes it for 15 minutes, and of texts only.
    """
    row, stays = await service.change(caller, message_id, text=body.text, send_at=body.send_at)
    if not stays:
        response.status_code = http.HTTP_202_ACCEPTED
    return (await conversations.shown(caller, [row]))[0]


@router.delete("/messages/{message_id}", responses={**_ON_ITS_WAY, **problems(401, 404, 409, 422, 503)})
async def take_back_message(
    message_id: MessageId, caller: SignedIn, service: Service, conversations: Conversations, response: Response
) -> MessageView:
    """Cancel one of your messages, or have it deleted for everyone where it was sent. Doing it again changes nothing.

    The deletion of a message that was sent is on its way (202): the message shows it when WhatsApp has it, which events
    tell. WhatsApp takes it within about 60 hours.
    """
    row, stays = await service.take_back(caller, message_id)
    if not stays:
        response.status_code = http.HTTP_202_ACCEPTED
    return (await conversations.shown(caller, [row]))[0]


@router.post(
    "/messages/{message_id}/react",
    status_code=http.HTTP_202_ACCEPTED,
    responses=problems(401, 404, 409, 413, 422, 503),
)
async def react_to_message(message_id: MessageId, body: Reaction, caller: SignedIn, service: Service) -> ChangeView:
    """React to a message with an emoji, or take the reaction back. It is sent as soon as the number is online."""
    return ChangeView.of(await service.react(caller, message_id, body.emoji))


@router.get("/messages/{message_id}/changes", responses=problems(401, 404, 422, 503))
async def list_changes(message_id: MessageId, caller: SignedIn, service: Service) -> Page[ChangeView]:
    """List the reactions, edits and deletions of a message that were asked for here: the newest 100, newest first."""
    rows = await service.changes(caller, message_id, limit=MOST_CHANGES)
    return Page(items=[ChangeView.of(row) for row in rows], next_cursor=None)


@router.post("/messages/{message_id}/cancel", responses=problems(401, 404, 409, 422, 503))
async def cancel_message(message_id: MessageId, caller: SignedIn, service: Service) -> MessageView:
    """Take back a message that is scheduled or waits to be sent. Doing it again changes nothing.

    One that is being sent at this moment, or was sent, cannot be cancelled any more (409).
    """
    return MessageView.of(await service.cancel(caller, message_id))
