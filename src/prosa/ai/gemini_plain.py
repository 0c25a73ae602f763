"""What nearly every request to Gemini and every answer is: texts. Put and read without pydantic-ai's general way.

Each function returns None for what is not plain, which then goes the general way; for what is, it returns what that
would have (`tests/ai/test_gemini_plain.py` compares them).
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from pydantic_ai.messages import (
    FinishReason,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    UserPromptPart,
)
from pydantic_ai.usage import RequestUsage

_FINISHED: Final[Mapping[str, FinishReason]] = {"STOP": "stop", "MAX_TOKENS": "length"}
_ANSWER: Final = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_CANDIDATE: Final = frozenset({"content", "finishReason", "index"})
_CONTENT: Final = frozenset({"parts", "role"})
_USAGE: Final[Mapping[str, str | None]] = {
    "promptTokenCount": None,
    "candidatesTokenCount": None,
    "totalTokenCount": None,
    "cachedContentTokenCount": "cached_content_tokens",
    "thoughtsTokenCount": "thoughts_tokens",
}
"""Counts, and what pydantic-ai calls them in the details of a usage."""
_BY_KIND: Final[Mapping[str, tuple[str, str]]] = {
    "promptTokensDetails": ("text_prompt_tokens", "input_text_tokens"),
    "cacheTokensDetails": ("text_cache_tokens", "cache_text_read_tokens"),
    "candidatesTokensDetails": ("text_candidates_tokens", "output_text_tokens"),
}
"""Counts by kind of token: what pydantic-ai calls those of text in the details, and genai-prices in the usage."""

_COUNTS: Final = frozenset({*_USAGE, *_BY_KIND})


def spoken(messages: Sequence[ModelMessage]) -> dict[str, Any] | None:
    """Return the parts of a request's body that are its messages."""
    contents: list[dict[str, Any]] = []
    system: list[dict[str, str]] = []
    for message in messages:
        if type(message) is ModelRequest:
            role, texts = "user", _asked(message, system)
        elif type(message) is ModelResponse:
            role, texts = "model", _said(message)
        else:
            return None
        if not texts:
            return None
        contents.append({"role": role, "parts": texts})
    if not contents or contents[0]["role"] != "user":
        return None
    body: dict[str, Any] = {"contents": contents}
    if system:
        body["systemInstruction"] = {"role": "user", "parts": system}
    return body


def _asked(message: ModelRequest, system: list[dict[str, str]]) -> list[dict[str, str]] | None:
    """Return the texts of a request, and put those that say what the model is into `system`."""
    if message.instructions is not None:
        return None
    texts: list[dict[str, str]] = []
    for part in message.parts:
        if type(part) is UserPromptPart:
            for item in (part.content,) if isinstance(part.content, str) else part.content:
                if not isinstance(item, str):
                    return None
                texts.append({"text": item})
        elif type(part) is SystemPromptPart:
            system.append({"text": part.content})
        else:
            return None
    return texts


def _said(message: ModelResponse) -> list[dict[str, str]] | None:
    """Return the texts of a model's answer."""
    texts: list[dict[str, str]] = []
    for part in message.parts:
        if type(part) is not TextPart or part.provider_details:
            return None
        texts.append({"text": part.content})
    return texts


def answer(content: bytes, provider: str, provider_url: str) -> ModelResponse | None:
    """Return an answer: one candidate, of texts, that ended by itself or at the limit of tokens.

    Args:
        content: The body.
        provider: pydantic-ai's name of the provider.
        provider_url: Where it was asked.
    """
    try:
        return _answer(orjson.loads(content), provider, provider_url)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None  # of another shape: told as whatever it is


def _answer(body: Any, provider: str, provider_url: str) -> ModelResponse | None:
    (candidate,) = body["candidates"]
    said, model, finished = candidate["content"], body["modelVersion"], candidate["finishReason"]
    if not (body.keys() <= _ANSWER and candidate.keys() <= _CANDIDATE and said.keys() <= _CONTENT):
        return None
    parts = [_text(part, provider) for part in said["parts"]]
    usage = _usage(body["usageMetadata"])
    if usage is None or not isinstance(model, str) or None in parts:
        return None
    return ModelResponse(
        parts=[part for part in parts if part is not None and (part.content or part.provider_details)],
        usage=usage,
        model_name=model,
        provider_name=provider,
        provider_url=provider_url,
        provider_response_id=body.get("responseId"),
        provider_details={"finish_reason": finished},
        finish_reason=_FINISHED[finished],
    )


def _text(part: Any, provider: str) -> TextPart | None:
    text, signature = part["text"], part.get("thoughtSignature")
    if not isinstance(text, str) or not part.keys() <= {"text", "thoughtSignature"}:
        return None
    if not signature:
        return TextPart(text)
    kept = base64.b64encode(base64.b64decode(signature, validate=True)).decode()
    return TextPart(text, provider_name=provider, provider_details={"thought_signature": kept})


def _usage(metadata: Any) -> RequestUsage | None:
    """Return the usage; None where anything but text was counted."""
    if not metadata.keys() <= _COUNTS or not metadata.get("promptTokenCount"):
        return None
    counts = {name: metadata.get(name) or 0 for name in _USAGE}
    if any(type(count) is not int for count in counts.values()):
        return None
    details = {known: counts[name] for name, known in _USAGE.items() if known is not None and counts[name]}
    by_kind = {}
    for name, (detail, typed) in _BY_KIND.items():
        for counted in metadata.get(name) or ():
            if counted.keys() != {"modality", "tokenCount"} or counted["modality"] != "TEXT" or detail in details:
                return None
            details[detail] = by_kind[typed] = counted["tokenCount"]
    thoughts = counts["thoughtsTokenCount"]
    return RequestUsage(
        input_tokens=counts["promptTokenCount"],
        cache_read_tokens=counts["cachedContentTokenCount"],
        output_tokens=counts["candidatesTokenCount"] + thoughts,
        details=details,
        **({"output_reasoning_tokens": thoughts} if thoughts else {}),
        **by_kind,
    )
