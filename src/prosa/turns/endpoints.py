"""REST of taking a conversation over and giving it back, and of trying what would be answered."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path

from prosa.conversations.schemas import ConversationView
from prosa.http.auth import SignedIn
from prosa.http.parameters import SessionId
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.turns.control import TurnControl
from prosa.turns.playground import Playground
from prosa.turns.schemas import PauseRequest, ResumeRequest, TriedAnswer, TryRequest

router = APIRouter(prefix="/conversations", tags=["Conversations"])
try_router = APIRouter(prefix="/sessions", tags=["Sessions"])

Control = Annotated[TurnControl, provided(TurnControl)]
ConversationId = Annotated[uuid.UUID, Path(description="The conversation.")]

_ONE = (401, 404, 413, 422, 503)


@router.post("/{conversation_id}/pause", responses=problems(*_ONE))
async def pause_conversation(
    conversation_id: ConversationId, body: PauseRequest, caller: SignedIn, control: Control
) -> ConversationView:
    """Silence the AI in a conversation, and take back what it has not sent yet.

    This replaces a pause that is there, and leaves a stop of the contact's as it is. It ends by itself, without an
    event; `conversation.paused` told until when.
    """
    return ConversationView.of(await control.pause(caller, conversation_id, body))


@router.post("/{conversation_id}/resume", responses=problems(*_ONE))
async def resume_conversation(
    conversation_id: ConversationId, caller: SignedIn, control: Control, body: ResumeRequest | None = None
) -> ConversationView:
    """Let the AI answer again, whoever paused or stopped it. What came meanwhile is answered only if you ask for it."""
    answer = body is not None and body.answer_waiting
    return ConversationView.of(await control.resume(caller, conversation_id, answer_waiting=answer))


@router.post("/{conversation_id}/retry", responses=problems(401, 404, 409, 422, 503))
async def retry_conversation(conversation_id: ConversationId, caller: SignedIn, control: Control) -> ConversationView:
    """Have the AI answer what nobody has answered yet, now: after it failed, or left messages out.

    Business hours and the messages' age do not matter then.
    """
    return ConversationView.of(await control.retry(caller, conversation_id))


@try_router.post("/{session_id}/try", responses=problems(401, 404, 409, 413, 422, 503))
async def try_answer(
    session_id: SessionId, body: TryRequest, caller: SignedIn, playground: Annotated[Playground, provided(Playground)]
) -> TriedAnswer:
    """Say what the AI would answer, and how: the prompt, the tier, the sources, the cost. Nothing is sent.

    It is made as a conversation's answers are: with your keys, the fallback models and the limits of a call. The model
    is really asked, and what it costs counts as usage (purpose `try`) and against budgets of the number and your own;
    where one is used up, no model is asked (`budget_used_up`).
    """
    return await playground.attempt(caller, session_id, body)
