"""The short way of plain texts to Gemini and back says what pydantic-ai's own says; all else takes that one."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from google.genai import errors
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from prosa.ai import gemini_plain
from prosa.ai.gemini import KEPT_FRAMES, Gemini
from prosa.ai.gemini_http import Api, GeminiHttp
from prosa.outgoing import Rules

PLAIN: list[ModelMessage] = [
    ModelRequest(parts=[SystemPromptPart("You sell bread."), UserPromptPart("Olá, ça va? \u2028 😀")]),
    ModelResponse(parts=[TextPart("Hello!"), TextPart("Which bread?")]),
    ModelRequest(parts=[UserPromptPart(["this", "one"]), UserPromptPart("[It is Monday.]")]),
]
USAGE: dict[str, Any] = {
    "promptTokenCount": 600,
    "candidatesTokenCount": 12,
    "totalTokenCount": 612,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 600}],
}
THOUGHT: dict[str, Any] = USAGE | {
    "thoughtsTokenCount": 31,
    "cachedContentTokenCount": 512,
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 512}],
    "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 12}],
}
OF_PICTURES: dict[str, Any] = USAGE | {"promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 258}]}


def said(*parts: Any, finished: str = "STOP", usage: dict[str, Any] = USAGE, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": finished, "index": 0}
    about = {"usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}
    return {"candidates": [candidate | more], **about}


TEXT = {"text": "We open at 9."}
ANSWERS: dict[str, dict[str, Any]] = {
    "a text": said(TEXT),
    "several texts, one of them empty": said(TEXT, {"text": ""}, {"text": " And close at 18."}),
    "cut": said(TEXT, finished="MAX_TOKENS"),
    "thinking and a cache": said(TEXT, usage=THOUGHT),
    "no kinds of tokens": said(TEXT, usage={"promptTokenCount": 3, "totalTokenCount": 3}),
    "signed": said(TEXT, {"text": "", "thoughtSignature": "c2lnbmVkPz8+"}),
    "of an unknown model": said(TEXT) | {"modelVersion": "gemini-99-new"},
    "without a name of its own": {key: value for key, value in said(TEXT).items() if key != "responseId"},
}
UNUSUAL: dict[str, dict[str, Any]] = {
    "a tool": said({"functionCall": {"name": "look_up", "args": {"n": 1}, "id": "c1"}}),
    "a thought": said({"text": "hm", "thought": True}, TEXT),
    "blocked": said(TEXT, finished="SAFETY"),
    "rated": said(TEXT, safetyRatings=[{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}]),
    "a prompt with pictures": said(TEXT, usage=OF_PICTURES),
    "a prompt that was blocked": {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USAGE},
    "two candidates": said(TEXT) | {"candidates": said(TEXT)["candidates"] * 2},
    "nothing": {},
    "a count that is none": said(TEXT, usage=USAGE | {"promptTokenCount": "600"}),
    "no usage": {key: value for key, value in said(TEXT).items() if key != "usageMetadata"},
}
CALL = ToolCallPart("look_up", {"n": 1}, tool_call_id="c1")
UNUSUAL_MESSAGES: dict[str, list[ModelMessage]] = {
    "a picture": [ModelRequest(parts=[UserPromptPart(["this?", BinaryContent(b"png", media_type="image/png")])])],
    "a tool": [
        *PLAIN,
        ModelResponse(parts=[CALL]),
        ModelRequest(parts=[ToolReturnPart("look_up", "there", tool_call_id="c1")]),
    ],
    "a thought": [*PLAIN, ModelResponse(parts=[ThinkingPart("hm"), TextPart("Yes.")]), *PLAIN[2:]],
    "instructions": [ModelRequest(parts=[UserPromptPart("Hi")], instructions="Be kind.")],
    "ours first": PLAIN[1:],
}


class Scripted(GeminiHttp):
    """Answers every request with the same, and keeps what was asked."""

    def __init__(self, answer: bytes | Exception) -> None:
        super().__init__(Rules())
        self.answer = answer
        self.asked: list[tuple[dict[str, Any], dict[str, str], float | None]] = []

    async def generate(
        self, api: Api, model: str, body: bytes, headers: Mapping[str, str], seconds: float | None
    ) -> bytes:
        self.asked.append((orjson.loads(body), dict(headers), seconds))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def tools(description: str = "Finds an order.") -> ModelRequestParameters:
    schema = {"type": "object", "properties": {"order_number": {"type": "string"}}}
    return ModelRequestParameters(
        function_tools=[ToolDefinition(name="look_up", description=description, parameters_json_schema=schema)]
    )


def gemini(http: GeminiHttp, name: str = "gemini-2.5-flash") -> Gemini:
    return Gemini(name, GoogleProvider(api_key="k"), http, key="k")


async def ask(
    model: Gemini, messages: list[ModelMessage] = PLAIN, offers: ModelRequestParameters | None = None, **more: Any
) -> ModelResponse:
    settings: Any = ModelSettings(max_tokens=300, timeout=20, thinking=False) | more
    return await model.ask(messages, settings, offers or ModelRequestParameters())


def told(response: ModelResponse) -> dict[str, Any]:
    """Return all that a response tells, but for when it was made and ids that are made up."""
    kept = {name: value for name, value in vars(response).items() if name not in {"timestamp", "canonical_system"}}
    return {name: str(value) if name == "parts" else value for name, value in kept.items() if not name.startswith("_")}


@pytest.fixture
def short_ways(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return whether each answer was read the short way."""
    taken: list[bool] = []
    read = gemini_plain.answer

    def counted(*args: Any) -> ModelResponse | None:
        found = read(*args)
        taken.append(found is not None)
        return found

    monkeypatch.setattr(gemini_plain, "answer", counted)
    return taken


@pytest.mark.filterwarnings("ignore::pydantic_ai.usage.UsageExtractionFailedWarning")
@pytest.mark.parametrize(
    ("body", "plain"),
    [pytest.param(body, True, id=name) for name, body in ANSWERS.items()]
    + [pytest.param(body, False, id=name) for name, body in UNUSUAL.items()],
)
async def test_an_answer_is_read_as_pydantic_ai_reads_it(
    body: dict[str, Any], plain: bool, short_ways: list[bool]
) -> None:
    http = Scripted(orjson.dumps(body))
    model = gemini(http)
    first = await ask(model)  # pydantic-ai's way, from which the rest is learnt
    again = await ask(model)
    assert short_ways == [plain]
    assert told(again) == told(first)


async def test_a_request_says_what_the_one_that_it_was_learnt_from_said(short_ways: list[bool]) -> None:
    http = Scripted(orjson.dumps(said(TEXT)))
    model = gemini(http)
    for _ in range(2):
        await ask(model, offers=tools(), temperature=0.5)
    assert short_ways == [True]
    assert http.asked[1] == http.asked[0]
    body, headers, seconds = http.asked[1]
    assert body["tools"]
    assert body["generationConfig"]["maxOutputTokens"] == 300
    assert headers["Content-Type"] == "application/json"
    assert seconds == 20


async def test_other_settings_and_tools_are_never_taken_for_known_ones(short_ways: list[bool]) -> None:
    http = Scripted(orjson.dumps(said(TEXT)))
    model = gemini(http)
    await ask(model)
    await ask(model, max_tokens=77)
    await ask(model, offers=tools("Finds a bread."))
    await ask(model, offers=tools("Finds a cake."))
    assert not short_ways
    assert http.asked[1][0]["generationConfig"]["maxOutputTokens"] == 77
    described = [body["tools"][0]["functionDeclarations"][0]["description"] for body, _, _ in http.asked[2:]]
    assert described == ["Finds a bread.", "Finds a cake."]


@pytest.mark.parametrize("messages", UNUSUAL_MESSAGES.values(), ids=UNUSUAL_MESSAGES)
async def test_what_is_not_plain_is_pydantic_ais_to_say(messages: list[ModelMessage], short_ways: list[bool]) -> None:
    model = gemini(Scripted(orjson.dumps(said(TEXT))))
    await ask(model)
    assert (await ask(model, messages)).text == TEXT["text"]
    assert not short_ways


@pytest.mark.parametrize("answer", [errors.ClientError(400, {"error": {"message": "no"}}), b"<html>", b"[]"])
async def test_what_goes_wrong_is_told_as_pydantic_ai_tells_it(answer: bytes | Exception) -> None:
    http = Scripted(orjson.dumps(said(TEXT)))
    model = gemini(http)
    await ask(model)  # learnt
    http.answer = answer
    with pytest.raises(Exception) as known:
        await ask(model)
    with pytest.raises(Exception) as new:
        await ask(model, max_tokens=77)
    assert (type(known.value), str(known.value)) == (type(new.value), str(new.value))
    assert isinstance(known.value, ModelHTTPError) or not isinstance(answer, errors.ClientError)
    assert len(http.asked) == 3  # nothing was sent twice


@pytest.mark.parametrize("name", ["gemini-2.5-flash", "gemini-3-flash-preview", "gemma-3-27b-it"])
def test_pydantic_ai_leaves_texts_for_google_as_they_are(name: str) -> None:
    """Where it would break a model's special tokens in them, the short way would have to do so too."""
    assert not gemini(Scripted(b""), name).profile.get("may_tokenize_special_tokens_in_content")


async def test_what_is_remembered_is_bounded() -> None:
    model = gemini(Scripted(orjson.dumps(said(TEXT))))
    for n in range(KEPT_FRAMES + 5):
        await ask(model, max_tokens=100 + n)
    assert sum(map(len, model._frames.values())) <= KEPT_FRAMES
