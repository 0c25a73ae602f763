"""Our way to Gemini says the same as Google's client, and leaves to it what is unusual."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic_ai import direct
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, create_async_httpx2_client
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from prosa.ai.gemini import Gemini
from prosa.ai.gemini_http import GeminiHttp
from prosa.google_client import google_http, google_provider, proxy_for
from prosa.outgoing import Rules
from prosa_simulator.gemini import GeminiServer, ToolCall

KEY = "test-key"
PICTURE = BinaryContent(data=b"\xff\xfe\x00png>?", media_type="image/png")
TOOLS = ModelRequestParameters(
    function_tools=[
        ToolDefinition(
            name="look_up",
            description="Finds an order.",
            parameters_json_schema={
                "type": "object",
                "properties": {"order_number": {"type": "string"}, "as_of": {"type": "string"}},
                "required": ["order_number"],
            },
        )
    ]
)


def talk() -> list[ModelMessage]:
    return [
        ModelRequest(parts=[SystemPromptPart("You sell bread."), UserPromptPart("Olá, ça va? \u2028 😀")]),
        ModelResponse(parts=[TextPart("Hello!")]),
        ModelRequest(
            parts=[UserPromptPart(["this?", BinaryContent(data=b"\xff\xfe\x00png>?", media_type="image/png")])]
        ),
    ]


async def ask(model: Model, messages: list[ModelMessage], **settings: Any) -> ModelResponse:
    chosen: Any = ModelSettings(max_tokens=300, timeout=20) | settings
    return await direct.model_request(model, messages, model_settings=chosen, model_request_parameters=TOOLS)


@pytest.fixture(params=["gemini-2.5-flash", "gemini-3-flash-preview"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Both:
    """The server, Google's own model object and ours."""

    server: GeminiServer
    theirs: GoogleModel
    ours: Gemini


@pytest.fixture
async def both(name: str) -> AsyncIterator[Both]:
    async with (
        GeminiServer(api_key=KEY) as server,
        create_async_httpx2_client() as http,
        google_http(server.base_url) as own_http,
    ):
        provider = GoogleProvider(api_key=KEY, base_url=server.base_url, http_client=http)
        own = google_provider(KEY, server.base_url, own_http)
        connections = GeminiHttp(Rules())
        ours = Gemini(name, own, connections, key=KEY, base_url=server.base_url)
        yield Both(server, GoogleModel(name, provider=provider), ours)
        await connections.close()


async def test_it_says_what_googles_client_says(both: Both) -> None:
    answers: list[list[Any]] = []
    for model in (both.theirs, both.ours):
        both.server.script.enqueue(ToolCall("look_up", {"order_number": "7", "as_of": "now"}), "It is on its way.")
        messages = talk()
        called = await ask(model, messages, thinking=False)
        call = next(part for part in called.parts if isinstance(part, ToolCallPart))
        returned = ToolReturnPart(tool_name="look_up", content={"state_of": "sent"}, tool_call_id=call.tool_call_id)
        said = await ask(model, [*messages, called, ModelRequest(parts=[returned])], temperature=0.5, top_k=3)
        answers.append([called.tool_calls[0].args_as_dict(), said.text, said.usage, said.finish_reason])
    assert answers[0] == answers[1]
    bodies = [request.body for request in both.server.requests.generations()]
    assert len(bodies) == 4
    for theirs, ours in zip(bodies[:2], bodies[2:], strict=True):
        assert ours == _same_call_id(theirs, ours)


def _same_call_id(theirs: Any, ours: Any) -> Any:
    """Return Google's body with our ids of tool calls, which pydantic-ai makes up anew for each call."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return {
            key: ours.get(key) if key in {"id", "thoughtSignature"} else _same_call_id(value, ours.get(key))
            for key, value in theirs.items()
        }
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [_same_call_id(one, other) for one, other in zip(theirs, ours, strict=True)]
    return theirs


async def test_what_is_unusual_goes_through_googles_client(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any) -> bytes:
        raise AssertionError

    monkeypatch.setattr(GeminiHttp, "generate", never)
    answer = await ask(both.ours, talk(), google_logprobs=True)
    assert answer.text


@pytest.mark.parametrize(("bypass", "expected"), [("", "http://127.0.0.1:1"), ("127.0.0.1", None)])
async def test_a_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, bypass: str, expected: str | None
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", bypass)
    assert proxy_for("http://127.0.0.1:8090") == expected
