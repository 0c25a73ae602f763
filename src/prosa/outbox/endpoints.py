"""REST of sending: texts and files, and what becomes of them until WhatsApp has them."""

import uuid
from typing import Annotated

from fastapi import APIRouter, File, Form, Header, Path, UploadFile, status

from prosa.conversations.media import MediaFiles
from prosa.conversations.schemas import MessageView, StorableText
from prosa.conversations.uploads import saved
from prosa.http.auth import SignedIn
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.outbox.schemas import PAUSE_AI, FileType, TextToContact, TextToConversation
from prosa.outbox.service import OutboxService
from prosa.settings import Settings
from prosa.turns.manual import Draft, IncomingFile, ManualMessages, ToContact, ToConversation
from prosa.whatsapp.engine import MessageType

router = APIRouter(tags=["Messages"])

Service = Annotated[OutboxService, provided(OutboxService)]
Manual = Annotated[ManualMessages, provided(ManualMessages)]
Files = Annotated[MediaFiles, provided(MediaFiles)]
Installed = Annotated[Settings, provided(Settings)]
ConversationId = Annotated[uuid.UUID, Path(description="The conversation.")]
MessageId = Annotated[uuid.UUID, Path(description="The message.")]
SessionId = Annotated[
    str,
    Path(min_length=1, max_length=64, pattern=r"^[^\x00/]+$", description="The number's public name.",
         examples=["shop-sales"]),
]  # fmt: skip
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$",
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

_SEND = (401, 404, 409, 413, 422, 503)


@router.post("/sessions/{session_id}/messages", status_code=status.HTTP_202_ACCEPTED, responses=problems(*_SEND))
async def send_message(
    session_id: SessionId, body: TextToContact, caller: SignedIn, manual: Manual, key: Key = None
) -> MessageView:
    """Send a text from a number to a phone number, contact or group; a new conversation begins where there is none.

    The message is stored and sent as soon as the number is online; its status (and the events) tell the rest.
    """
    draft = _draft(body, key)
    return MessageView.of(await manual.send(caller, ToContact(session_id, body.to), draft))


@router.post(
    "/conversations/{conversation_id}/messages", status_code=status.HTTP_202_ACCEPTED, responses=problems(*_SEND)
)
async def send_message_in_conversation(
    conversation_id: ConversationId, body: TextToConversation, caller: SignedIn, manual: Manual, key: Key = None
) -> MessageView:
    """Send a text into a conversation. The message is stored and sent as soon as the number is online."""
    draft = _draft(body, key)
    return MessageView.of(await manual.send(caller, ToConversation(conversation_id), draft))


@router.post("/sessions/{session_id}/media", status_code=status.HTTP_202_ACCEPTED, responses=problems(*_SEND))
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
    key: Key = None,
) -> MessageView:
    """Send a file from a number to a phone number, contact or group."""
    target = ToContact(session_id, to)
    return await _send_file(caller, manual, files, settings, target, file, caption, shown_as, voice, pause_ai, key)


@router.post("/conversations/{conversation_id}/media", status_code=status.HTTP_202_ACCEPTED, responses=problems(*_SEND))
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
    pause_ai: PauseAi = True,  # noqa: FBT002 - a form field
    key: Key = None,
) -> MessageView:
    """Send a file into a conversation."""
    target = ToConversation(conversation_id)
    return await _send_file(caller, manual, files, settings, target, file, caption, shown_as, voice, pause_ai, key)


def _draft(body: TextToConversation, key: str | None) -> Draft:
    return Draft(body.text, quoted_message_id=body.quoted_message_id, idempotency_key=key, pauses_ai=body.pause_ai)


async def _send_file(
    caller: SignedIn,
    manual: ManualMessages,
    files: MediaFiles,
    settings: Settings,
    target: ToConversation | ToContact,
    file: UploadFile,
    caption: str,
    shown_as: FileType | None,
    voice: bool,  # noqa: FBT001
    pause_ai: bool,  # noqa: FBT001
    key: str | None,
) -> MessageView:
    type_ = MessageType(shown_as) if shown_as else None
    limit = settings.media_max_mb * 2**20
    async with saved(file, files, max_bytes=limit, type_=type_, voice=voice) as upload:
        incoming = IncomingFile(upload.path, upload.sha256, upload.type, upload.info)
        draft = Draft(caption, file=incoming, idempotency_key=key, pauses_ai=pause_ai)
        return MessageView.of(await manual.send(caller, target, draft))


@router.post("/messages/{message_id}/cancel", responses=problems(401, 404, 409, 422, 503))
async def cancel_message(message_id: MessageId, caller: SignedIn, service: Service) -> MessageView:
    """Take back a message that waits to be sent. Doing it again changes nothing.

    One that is being sent at this moment, or was sent, cannot be cancelled any more (409).
    """
    return MessageView.of(await service.cancel(caller, message_id))
