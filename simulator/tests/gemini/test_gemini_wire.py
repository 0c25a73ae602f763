"""Raw HTTP: shapes, casing, refusals."""

import json
from typing import Any

import httpx
import pytest

from prosa_simulator.gemini import BlockedPrompt, GeminiServer, RateLimited, ToolCall

GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
HELLO = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


async def test_the_whole_body_of_an_answer(http: httpx.AsyncClient) -> None:
    body = (await http.post(GENERATE, json=HELLO)).json()
    assert body.pop("responseId")
    assert body == {
        "candidates": [
            {
                "content": {"parts": [{"text": "You asked: hello"}], "role": "model"},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 2,
            "candidatesTokenCount": 4,
            "totalTokenCount": 6,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2}],
        },
        "modelVersion": "gemini-2.5-flash",
    }


async def test_server_sent_events_and_the_array_form(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(*["a b c d e f"] * 2)
    events = await http.post(STREAM, params={"alt": "sse"}, json=HELLO)
    array = await http.post(STREAM, json=HELLO)

    assert events.headers["content-type"] == "text/event-stream"
    frames = events.text.split("\r\n\r\n")
    assert frames.pop() == ""
    assert all(frame.startswith("data: ") for frame in frames)
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    assert array.headers["content-type"] == "application/json"
    for form in (chunks, array.json()):
        assert [c["candidates"][0]["content"]["parts"][0]["text"] for c in form] == ["a b c d ", "e f"]
        assert [c["candidates"][0].get("finishReason") for c in form] == [None, "STOP"]


async def test_errors_of_the_array_form_come_in_an_array(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(RateLimited(retry_after=1.2), RateLimited())
    array = await http.post(STREAM, json=HELLO)
    plain = await http.post(STREAM, params={"alt": "sse"}, json=HELLO)
    assert array.json()[0]["error"]["code"] == array.status_code == 429
    assert array.headers["retry-after"] == "2"
    assert plain.json()["error"]["status"] == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_blocked_prompt_has_no_candidates(http: httpx.AsyncClient, gemini: GeminiServer, stream: bool) -> None:
    gemini.script.enqueue(BlockedPrompt())
    answer = (await http.post(STREAM if stream else GENERATE, json=HELLO)).json()
    body = answer[0] if stream else answer
    assert "candidates" not in body
    assert body["promptFeedback"]["blockReason"] == "SAFETY"
    assert body["usageMetadata"]["totalTokenCount"] == 2


async def test_both_casings_say_the_same(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    camel = {
        "contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}]}],
        "systemInstruction": {"parts": [{"text": "short"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"properties": {"my_key": {}}}}]}],
        "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 0}},
    }
    snake = {
        "contents": [{"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "iVBORw"}}]}],
        "system_instruction": {"parts": {"text": "short"}},
        "tools": [{"function_declarations": [{"name": "f", "parameters": {"properties": {"my_key": {}}}}]}],
        "generation_config": {"max_output_tokens": 5, "thinking_config": {"thinking_budget": 0}},
    }
    answers = [(await http.post(GENERATE, json=body)).json() for body in (camel, snake)]
    assert answers[0]["usageMetadata"] == answers[1]["usageMetadata"]
    first, second = (r.prompt for r in gemini.requests)
    assert first is not None
    assert second is not None
    assert first.config == second.config
    assert first.tools == second.tools
    assert first.tools[0]["parameters"] == {"properties": {"my_key": {}}}  # the caller's own names stay
    assert first.media == second.media
    assert first.media[0].data == b"\x89PNG"


async def test_the_key(gemini: GeminiServer) -> None:
    async with httpx.AsyncClient(base_url=gemini.base_url) as http:
        missing = await http.post(GENERATE, json=HELLO)
        in_query = await http.post(GENERATE, params={"key": "test-key"}, json=HELLO)
        wrong = await http.post(GENERATE, params={"key": "secret-guess"}, json=HELLO)
        gemini.api_key = "rotated"
        rotated = await http.get("/v1beta/models", headers={"x-goog-api-key": "rotated"})
        gemini.api_key = None
        anything = await http.get("/v1beta/models", headers={"x-goog-api-key": "anything"})
        still_needed = await http.get("/v1beta/models")

    assert missing.status_code == 403
    assert missing.json()["error"]["status"] == "PERMISSION_DENIED"
    assert in_query.status_code == rotated.status_code == anything.status_code == 200
    assert wrong.status_code == 400
    assert wrong.json()["error"]["message"] == "API key not valid. Please pass a valid API key."
    assert still_needed.status_code == 403
    assert [r.query for r in gemini.requests][:3] == [{}, {"key": "[redacted]"}, {"key": "[redacted]"}]
    assert not any("secret-guess" in json.dumps(r.as_json()) for r in gemini.requests)


def _contents(*contents: dict[str, Any]) -> dict[str, Any]:
    return {"contents": list(contents)}


def _user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def _model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


HI = {"text": "hi"}
CALL = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="}
RESULT = {"functionResponse": {"name": "f", "response": {}}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "contents is not specified"),
        ({"contents": []}, "contents is not specified"),
        ({**HELLO, "sytemInstruction": {}}, 'Unknown name "sytemInstruction"'),
        (_contents({"role": "assistant", "parts": [HI]}), "valid role"),
        (_contents(_user()), r"contents[0].parts: contents.parts must not be empty"),
        (_contents(_user(HI), _user({})), r"contents[1].parts[0].data: required oneof field"),
        (_contents(_user({"text": "a", **RESULT})), "required oneof field"),
        (_contents(_user({"inlineData": {"mimeType": "image/png", "data": "***"}})), "Base64 decoding failed"),
        (_contents(_user({"inlineData": {"data": "AAAA"}})), "mime_type: must not be empty"),
        (_contents(_user(RESULT)), "immediately after a function call turn"),
        (_contents(_user(HI), _model(CALL), _user(HI)), "number of function response parts is equal"),
        (_contents(_user(HI), _model(CALL, CALL), _user(RESULT)), "number of function response parts is equal"),
        (_contents(_model(CALL), _user(RESULT)), "immediately after a user turn"),
        (_contents(_user(HI), _model(HI), _model(CALL), _user(RESULT)), "immediately after a user turn"),
        ({**HELLO, "cachedContent": "cachedContents/none"}, "CachedContent not found"),
    ],
)
async def test_wrong_requests_are_refused(http: httpx.AsyncClient, body: dict[str, Any], message: str) -> None:
    answer = await http.post(GENERATE, json=body)
    assert answer.status_code == (403 if "CachedContent" in message else 400)
    assert message in answer.json()["error"]["message"]


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'"x"', b"[" * 100_000])
async def test_bodies_that_are_no_objects(http: httpx.AsyncClient, content: bytes) -> None:
    answer = await http.post(GENERATE, content=content)
    assert answer.status_code == 400
    assert "Invalid JSON payload received" in answer.json()["error"]["message"]


async def test_unknown_paths_and_methods(http: httpx.AsyncClient) -> None:
    for answer in (
        await http.get("/v1beta/nothing"),
        await http.get(GENERATE),
        await http.post("/v1beta/models/gemini-2.5-flash:dance", json=HELLO),
        await http.post("/v2/models/gemini-2.5-flash:generateContent", json=HELLO),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["status"] == "NOT_FOUND"


async def test_signatures_must_come_back(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(ToolCall("f", {"x": 1}, and_also=(ToolCall("g"),)))
    asked = await http.post(GENERATE, json=_contents(_user(HI)))
    first, second = asked.json()["candidates"][0]["content"]["parts"]
    assert "thoughtSignature" not in second
    results = _user(RESULT, {"functionResponse": {"name": "g", "response": {}}})

    async def follow_up(signature: str | None, *, later: tuple[dict[str, Any], ...] = ()) -> httpx.Response:
        call = {"functionCall": first["functionCall"]} | ({"thoughtSignature": signature} if signature else {})
        return await http.post(GENERATE, json=_contents(_user(HI), _model(call, second), results, *later))

    echoed = await follow_up(first["thoughtSignature"])
    lost = await follow_up(None)
    forged = await follow_up("AAAA")
    garbled = await follow_up("***")
    old_turn = await follow_up(None, later=(_model(HI), _user(HI)))
    gemini.script.enqueue(ToolCall("other"))
    foreign = (await http.post(GENERATE, json=_contents(_user(HI)))).json()["candidates"][0]["content"]["parts"][0]
    swapped = await follow_up(foreign["thoughtSignature"])

    assert echoed.status_code == 200
    assert lost.status_code == forged.status_code == garbled.status_code == swapped.status_code == 400
    assert "function call `default_api:f` , position 2." in lost.json()["error"]["message"]
    assert old_turn.status_code == 200  # only the current turn is checked


async def test_signatures_need_not_be_checked() -> None:
    async with GeminiServer(check_signatures=False) as gemini, httpx.AsyncClient() as http:
        body = _contents(_user(HI), _model({"functionCall": {"name": "f"}}), _user(RESULT))
        answer = await http.post(gemini.base_url + GENERATE, params={"key": "test-key"}, json=body)
    assert answer.status_code == 200


async def test_a_forced_function_is_called(http: httpx.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"when": {"type": "string", "format": "date"}}}
    body = {
        **HELLO,
        "tools": [{"functionDeclarations": [{"name": "a"}, {"name": "b", "parametersJsonSchema": schema}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["b"]}},
    }
    part = (await http.post(GENERATE, json=body)).json()["candidates"][0]["content"]["parts"][0]
    assert part["functionCall"]["name"] == "b"
    assert part["functionCall"]["args"] == {"when": "2026-01-15"}


async def test_counting_and_embedding_raw(http: httpx.AsyncClient) -> None:
    count = "/v1beta/models/gemini-2.5-flash:countTokens"
    nested = await http.post(count, json={"generateContentRequest": {**HELLO, "systemInstruction": "be brief"}})
    nothing = await http.post(count, json={})
    model = "/v1/models/gemini-embedding-001"
    one = await http.post(model + ":embedContent", json={"content": {"parts": [{"text": "pão"}]}})
    empty = await http.post(model + ":embedContent", json={"content": {"parts": []}})
    wide = await http.post(model + ":embedContent", json={"content": "pão", "output_dimensionality": 9_999})
    none = await http.post(model + ":batchEmbedContents", json={"requests": []})
    chat = await http.post("/v1/models/gemini-2.5-flash:embedContent", json={"content": "pão"})

    assert nested.json()["totalTokens"] == 2 + 2
    assert len(one.json()["embedding"]["values"]) == 3_072
    assert [a.status_code for a in (nothing, empty, wide, none, chat)] == [400, 400, 400, 400, 404]


async def test_caches_refuse_wrong_expiries(http: httpx.AsyncClient) -> None:
    body = {"model": "models/gemini-2.5-flash", "contents": [_user({"text": "x" * 8_000})]}
    for wrong in (
        {"ttl": "5"},
        {"ttl": "0s"},
        {"ttl": "-1s"},
        {"expireTime": "soon"},
        {"expireTime": "2020-01-01T00:00:00Z"},
    ):
        assert (await http.post("/v1beta/cachedContents", json=body | wrong)).status_code == 400
    cache = (await http.post("/v1beta/cachedContents", json=body)).json()
    assert (await http.patch(f"/v1beta/{cache['name']}", json={"displayName": "new"})).status_code == 400
    moved = await http.patch(f"/v1beta/{cache['name']}", json={"expireTime": "2100-01-01T00:00:00Z"})
    assert moved.json()["expireTime"].startswith("2100-01-01T00:00:00")
    assert (await http.delete("/v1beta/cachedContents/unknown")).status_code == 403
    assert (await http.post("/v1beta/cachedContents", json=body | {"model": "models/nobody"})).status_code == 404


async def test_a_prompt_over_the_limit_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post(GENERATE, json=_contents(_user({"text": "x" * (4 * 1_048_576 + 1)})))
    assert answer.status_code == 400
    assert "exceeds the maximum number of tokens allowed (1048576)" in answer.json()["error"]["message"]


async def test_lone_surrogates_survive(http: httpx.AsyncClient) -> None:
    body = b'{"contents": [{"parts": [{"text": "\\ud83d"}]}]}'
    answer = await http.post(GENERATE, content=body)
    assert answer.status_code == 200
    assert answer.json()["candidates"][0]["content"]["parts"][0]["text"] == "You asked: \ud83d"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_only_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        GeminiServer(host=host)
