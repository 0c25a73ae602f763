"""What a model is asked for a number: made here for conversations, and for what is only tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from prosa.ai.asking import AnswerRequest
from prosa.ai.context import PromptMessage, choose
from prosa.ai.tools import Toolbox
from prosa.auth.keys import Keys
from prosa.sessions.facts import SessionFacts
from prosa.turns.knowing import Knowing
from prosa.turns.ready import ReadyAnswers

MOST_WINDOWS = 4
"""How many times the window's budget a prompt may be, where no summary has shortened it in time."""
LEAST_ANSWER = 256
"""Tokens left for an answer where the number limits a call's tokens."""


@dataclass(frozen=True, slots=True)
class Background:
    """What is known of a conversation beside its messages.

    Attributes:
        fixed: Tokens of the prompt before the messages.
        answered_until: `seq` up to which the contact's messages were answered.
        summary: What was said before the messages.
        contact_name: What the contact is called, where known.
        group: The conversation is a group's.
    """

    fixed: int
    answered_until: int
    summary: str | None = None
    contact_name: str | None = None
    group: bool = False


def request_of(
    session: SessionFacts,
    messages: Sequence[PromptMessage],
    known: Background,
    *,
    now: datetime,
    keys: Keys,
    tools: Toolbox | None = None,
) -> AnswerRequest:
    """Return what a model is asked, within the number's limits of one call.

    Args:
        session: The number.
        messages: Those that the summary does not tell.
        known: What else is known.
        now: The present moment.
        keys: Of the number's owner.
        tools: What the model may use.
    """
    settings = session.settings
    budget = MOST_WINDOWS * settings.context.window_tokens
    if settings.budget.reply_tokens is not None:
        budget = min(budget, settings.budget.reply_tokens - known.fixed - LEAST_ANSWER)
    return AnswerRequest(
        messages=choose(messages, answered_until=known.answered_until, budget=budget),
        now=now,
        instructions=settings.instructions,
        model=settings.model,
        summary=known.summary,
        contact_name=known.contact_name,
        max_tokens=settings.max_answer_tokens,
        group=known.group,
        most_tokens=settings.budget.reply_tokens,
        most_usd=settings.budget.reply_usd,
        fallbacks=settings.fallback_models,
        keys=keys,
        tools=tools,
    )


async def informed(
    session: SessionFacts,
    request: AnswerRequest,
    waiting: Sequence[PromptMessage],
    *,
    ready: ReadyAnswers | None,
    knowing: Knowing | None,
) -> AnswerRequest:
    """Return the request with what the number's owner has told Prosa: frequent answers and documents."""
    if ready:
        request = ready.informed(session, request)
    return await knowing.informed(session, request, waiting) if knowing else request
