"""From an answer to the JSON a client receives: chunks of candidates, finish reason, and the bill."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from prosa_simulator.gemini.answers import (
    Answer,
    BlockedAnswer,
    BlockedPrompt,
    Cut,
    Empty,
    Json,
    Text,
    ToolCall,
    Truncated,
)
from prosa_simulator.gemini.counting import PromptTokens
from prosa_simulator.gemini.prompt import Prompt, compact_json
from prosa_simulator.gemini.signatures import sign_call
from prosa_simulator.gemini.tokens import CHARS_PER_TOKEN, text_tokens
from prosa_simulator.gemini.wire import Json as JsonValue
from prosa_simulator.gemini.wire import JsonObject, as_int, as_object

_PIECE = re.compile(r"\s*(?:\S+\s*){1,4}|\s+")  # a streamed piece: up to four words

_HARM = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")


@dataclass(frozen=True)
class Generated:
    """What the model produced, before it is cut into chunks.

    Attributes:
        parts: content parts; empty for an answer without content.
        finish_reason: of the candidate.
        thought_tokens: tokens of thinking, whether or not it is shown.
        block: ``promptFeedback``, in which case there is no candidate.
        ratings: ``safetyRatings`` of the candidate.
    """

    parts: list[JsonObject] = field(default_factory=list)
    finish_reason: str = "STOP"
    thought_tokens: int = 0
    block: JsonObject | None = None
    ratings: list[JsonValue] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """``candidatesTokenCount``: everything but the thinking."""
        return sum(
            text_tokens(str(part["text"])) if "text" in part else text_tokens(compact_json(part.get("functionCall")))
            for part in self.parts
            if part.get("thought") is not True
        )


@dataclass(frozen=True)
class Bill:
    """The input side of ``usageMetadata``. `cached` tokens are part of the prompt's total."""

    prompt: PromptTokens
    cached: int = 0

    def usage(self, output: int, thoughts: int) -> JsonObject:
        """``usageMetadata``; counts of zero are left out, as protobuf's JSON does."""
        usage: JsonObject = {
            "promptTokenCount": self.prompt.total,
            "candidatesTokenCount": output,
            "totalTokenCount": self.prompt.total + output + thoughts,
            "cachedContentTokenCount": self.cached,
            "thoughtsTokenCount": thoughts,
        }
        usage = {name: count for name, count in usage.items() if count}
        usage["promptTokensDetails"] = self.prompt.details
        if self.cached:
            usage["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": self.cached}]
        return usage


def generate(answer: Answer, prompt: Prompt) -> Generated:
    """What the model says for an answer that has content, honouring the request's limits.

    Raises:
        TypeError: the answer is a transport fault, which has no content.
    """
    match answer:
        case Text():
            return _text(answer, prompt)
        case Cut():
            return _text(Text(answer.text), prompt)
        case Json():
            return _text(Text(json.dumps(answer.value, ensure_ascii=False)), prompt)
        case ToolCall():
            return Generated(parts=_calls(answer))
        case Truncated():
            return Generated(parts=_text_parts(answer.text), finish_reason="MAX_TOKENS")
        case Empty():
            return Generated()
        case BlockedAnswer():
            return Generated(
                parts=_text_parts(answer.text) if prompt.stream else [],
                finish_reason=answer.reason,
                ratings=_ratings(),
            )
        case BlockedPrompt():
            feedback: JsonObject = {"blockReason": answer.reason, "safetyRatings": _ratings()}
            if answer.message:
                feedback["blockReasonMessage"] = answer.message
            return Generated(block=feedback)
        case _:
            raise TypeError(f"{type(answer).__name__} has no content")


def response_body(generated: Generated, prompt: Prompt, bill: Bill) -> JsonObject:
    """The whole answer of ``generateContent``."""
    return _envelope(generated, generated.parts, prompt, bill, response_id=_response_id(), last=True, said=None)


def response_chunks(generated: Generated, prompt: Prompt, bill: Bill) -> Iterator[JsonObject]:
    """The answer of ``streamGenerateContent``: text in pieces of a few words, the finish reason in the last.

    Each chunk's usage is cumulative, as at Google.
    """
    pieces = [[piece] for part in generated.parts for piece in _split(part)] or [[]]
    response_id = _response_id()
    said = 0
    for index, piece in enumerate(pieces):
        last = index == len(pieces) - 1
        said = min(generated.tokens, said + Generated(parts=piece).tokens)
        yield _envelope(generated, piece, prompt, bill, response_id=response_id, last=last, said=None if last else said)


def _envelope(
    generated: Generated,
    parts: list[JsonObject],
    prompt: Prompt,
    bill: Bill,
    *,
    response_id: str,
    last: bool,
    said: int | None,
) -> JsonObject:
    body: JsonObject = {"modelVersion": prompt.model, "responseId": response_id}
    if generated.block is not None:
        return {"promptFeedback": generated.block, "usageMetadata": bill.usage(0, 0), **body}
    candidate: JsonObject = {"index": 0}
    if parts:
        content_parts: list[JsonValue] = [*parts]
        candidate["content"] = {"parts": content_parts, "role": "model"}
    elif generated.finish_reason in {"STOP", "MAX_TOKENS"}:
        candidate["content"] = {"role": "model"}  # what Gemini sends where there is nothing to say
    if last:
        candidate["finishReason"] = generated.finish_reason
    if generated.ratings:
        candidate["safetyRatings"] = generated.ratings
    tokens = generated.tokens if said is None else said
    return {"candidates": [candidate], "usageMetadata": bill.usage(tokens, generated.thought_tokens), **body}


def _text(answer: Text, prompt: Prompt) -> Generated:
    thinking = as_object(prompt.config.get("thinkingConfig"))
    thought_tokens = answer.thought_tokens
    if thought_tokens is None:
        thought_tokens = text_tokens(answer.thoughts)
    if as_int(thinking.get("thinkingBudget")) == 0:
        thought_tokens = 0
    parts: list[JsonObject] = []
    if answer.thoughts and thought_tokens and thinking.get("includeThoughts") is True:
        parts.append({"text": answer.thoughts, "thought": True})
    limit = as_int(prompt.config.get("maxOutputTokens"))
    if limit is None or text_tokens(answer.text) + thought_tokens <= limit:
        return Generated([*parts, *_text_parts(answer.text)], thought_tokens=thought_tokens)
    # Thinking is spent from the same budget (ai.google.dev/gemini-api/docs/thinking).
    room = max(0, limit - thought_tokens)
    kept = _text_parts(answer.text[: room * CHARS_PER_TOKEN])
    return Generated([*parts, *kept], finish_reason="MAX_TOKENS", thought_tokens=min(limit, thought_tokens))


def _text_parts(text: str) -> list[JsonObject]:
    return [{"text": text}] if text else []


def _calls(answer: ToolCall) -> list[JsonObject]:
    parts = _text_parts(answer.text)
    for index, call in enumerate([answer, *answer.and_also]):
        part: JsonObject = {"functionCall": {"name": call.name, "args": call.args, "id": secrets.token_hex(4)}}
        if index == 0:
            part["thoughtSignature"] = sign_call(call.name)
        parts.append(part)
    return parts


def _split(part: JsonObject) -> Iterator[JsonObject]:
    if "text" not in part:
        yield part
        return
    for piece in _PIECE.findall(str(part["text"])):
        yield {**part, "text": piece}


def _ratings() -> list[JsonValue]:
    return [
        {"category": f"HARM_CATEGORY_{harm}", "probability": "HIGH" if harm == "DANGEROUS_CONTENT" else "NEGLIGIBLE"}
        for harm in _HARM
    ]


def _response_id() -> str:
    return secrets.token_urlsafe(16)
