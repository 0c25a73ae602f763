"""The prompt: what never changes first, so that the provider's prefix cache holds; what changes every turn last.

1. How to answer on WhatsApp, the number's own instructions, its knowledge, what its frequent answers are about.
2. The conversation's summary, which changes rarely and mostly grows at its end.
3. The messages, to which every turn appends.
4. What is true of this turn only: knowledge found for the question, the time, the contact's name.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    UserContent,
    UserPromptPart,
)

from prosa.ai import notes
from prosa.ai.context import Part
from prosa.ai.parts import Attachment, Passage
from prosa.ai.system import documents_found, turn_facts

BEGINNING = "[the conversation begins, or goes on, with our message]"
"""Stands first where the first message is ours: Gemini's conversations begin with the user."""

_KEPT = 4_000
"""Messages kept as they are given to models: those of some hundred conversations that go on."""


def build(
    parts: Sequence[Part],
    *,
    system: str,
    summary: str | None,
    now: datetime,
    contact_name: str | None,
    group: bool = False,
    passages: Sequence[Passage] = (),
    files: int = 0,
) -> list[ModelMessage]:
    """Return the whole prompt.

    Args:
        parts: The messages, the contact's and ours in turn.
        system: The stable part, made by `system_text`.
        summary: What the conversation was about before these messages, where there is one.
        now: The present moment.
        contact_name: What the contact is called, where known.
        group: The messages are a group's.
        passages: The owner's knowledge that was found for this turn's question.
        files: How many files are among the messages; the model is asked to note what they are.
    """
    head: list[SystemPromptPart | UserPromptPart] = [SystemPromptPart(system)]
    if summary and summary.strip():
        # Among the messages, not in the system part: what the contact said in it must not become an instruction.
        head.append(UserPromptPart(f"[Notes of the conversation before these messages:\n{summary.strip()}\n]"))
    turns = parts if parts and not parts[0].ours else [Part(ours=False, content=(BEGINNING,)), *parts]
    begin = ModelRequest(parts=[*head, UserPromptPart(_content(turns[0]))])
    # What lies between stays as it is from turn to turn. The last part gets this turn's facts, and may still grow.
    messages: list[ModelMessage] = [begin, *[turn.made[0] if turn.made else _made(turn) for turn in turns[1:-1]]]
    if len(turns) > 1:
        last_turn = turns[-1]
        last = _made(last_turn) if last_turn.ours else ModelRequest(parts=[UserPromptPart(_content(last_turn))])
        messages.append(last)
    facts = [UserPromptPart(turn_facts(now, contact_name, group=group))]
    if passages:
        facts.insert(0, UserPromptPart(documents_found(passages)))
    if files:
        facts.append(UserPromptPart(notes.request(files)))
    if isinstance(messages[-1], ModelRequest):
        messages[-1].parts = [*messages[-1].parts, *facts]
    else:
        messages.append(ModelRequest(parts=facts))
    return messages


def _made(turn: Part) -> ModelMessage:
    """Return a part as a message, the same one in every prompt that has it: nobody may change it."""
    texts = tuple(piece for piece in turn.content if isinstance(piece, str))
    if not turn.ours and len(texts) < len(turn.content):
        return ModelRequest(parts=[UserPromptPart(_content(turn))])
    made: ModelMessage = _said(texts) if turn.ours else _asked(texts)
    turn.made.append(made)
    return made


@lru_cache(_KEPT)
def _said(texts: tuple[str, ...]) -> ModelResponse:
    """Return what we said as a message."""
    return ModelResponse(parts=[TextPart(text) for text in texts])


@lru_cache(_KEPT)
def _asked(texts: tuple[str, ...]) -> ModelRequest:
    """Return what the contact said as a message."""
    return ModelRequest(parts=[UserPromptPart(texts[0] if len(texts) == 1 else list(texts))])


def _content(turn: Part) -> str | list[UserContent]:
    if len(turn.content) == 1 and isinstance(turn.content[0], str):
        return turn.content[0]
    return [
        BinaryContent(data=piece.data, media_type=piece.mime_type) if isinstance(piece, Attachment) else piece
        for piece in turn.content
    ]
