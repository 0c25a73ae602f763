"""REST of taking a conversation over and giving it back."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path

from prosa.conversations.schemas import ConversationView
from prosa.http.auth import SignedIn
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.turns.control import TurnControl
from prosa.turns.schemas import PauseRequest, ResumeRequest

router = APIRouter(prefix="/conversations", tags=["Conversations"])

Control = Annotated[TurnControl, provided(TurnControl)]
ConversationId = Annotated[uuid.UUID, Path(description="The conversation.")]

_ONE = (401, 404, 413, 422, 503)


@router.post("/{conversation_id}/pause", responses=problems(*_ONE))
async def pause_conversation(
    conversation_id: ConversationId, body: PauseRequest, caller: SignedIn, control: Control
) -> ConversationView:
    """Silence the AI in a conversation, and take back what it has not sent yet.

    This replaces a pause that is there. It ends by itself, without an event; `conversation.paused` told until when.
    """
    return ConversationView.of(await control.pause(caller, conversation_id, body))


@router.post("/{conversation_id}/resume", responses=problems(*_ONE))
async def resume_conversation(
    conversation_id: ConversationId, caller: SignedIn, control: Control, body: ResumeRequest | None = None
) -> ConversationView:
    """Let the AI answer again. What came during the pause is answered only if you ask for it."""
    answer = body is not None and body.answer_waiting
    return ConversationView.of(await control.resume(caller, conversation_id, answer_waiting=answer))


@router.post("/{conversation_id}/retry", responses=problems(401, 404, 409, 422, 503))
async def retry_conversation(conversation_id: ConversationId, caller: SignedIn, control: Control) -> ConversationView:
    """Have the AI answer what nobody has answered yet, now: after it failed, or left messages out.

    Business hours and the messages' age do not matter then.
    """
    return ConversationView.of(await control.retry(caller, conversation_id))
