"""Google's own client against the server."""

from collections.abc import Callable

import pytest
from google import genai
from google.genai import errors, types

from prosa_simulator.gemini import (
    BlockedAnswer,
    BlockedPrompt,
    Empty,
    Failure,
    GeminiServer,
    Json,
    RateLimited,
    Text,
    ToolCall,
    Truncated,
    overloaded,
)

MakeClient = Callable[..., genai.Client]
MODEL = "gemini-2.5-flash"


async def test_answers_the_question_and_bills_it(client: genai.Client, gemini: GeminiServer) -> None:
    answer = await client.aio.models.generate_content(
        model=MODEL, contents="Que horas vocês abrem?", config={"system_instruction": "Be brief."}
    )

    assert answer.text == "You asked: Que horas vocês abrem?"
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage is not None
    # 22 characters of question (6 tokens) and 9 of instruction (3); 33 of answer (9).
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (9, 9, 18)
    assert answer.model_version == MODEL
    assert answer.response_id
    record = gemini.requests[-1]
    assert record.system_text == "Be brief."
    assert record.outcome == "text"
    assert record.status == 200
    assert record.usage["totalTokenCount"] == 18


async def test_streams_in_pieces_with_rising_usage(client: genai.Client, gemini: GeminiServer) -> None:
    text = "one two three four five six seven eight nine ten"
    gemini.script.enqueue(text)

    chunks = [c async for c in await client.aio.models.generate_content_stream(model=MODEL, contents="count")]

    assert len(chunks) == 3
    assert "".join(chunk.text or "" for chunk in chunks) == text
    counts = [chunk.usage_metadata.candidates_token_count or 0 for chunk in chunks if chunk.usage_metadata]
    assert counts == sorted(counts)
    assert counts[-1] == 12
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates]
    assert reasons == [None, None, types.FinishReason.STOP]
    assert len({chunk.response_id for chunk in chunks}) == 1


async def test_v1_is_served_like_v1beta(make_client: MakeClient, gemini: GeminiServer) -> None:
    client = make_client(api_version="v1")
    answer = await client.aio.models.generate_content(model=MODEL, contents="hi")

    assert answer.text == "You asked: hi"
    assert gemini.requests[0].path == f"/v1/models/{MODEL}:generateContent"


async def test_thinking_is_billed_apart_and_shown_only_on_request(client: genai.Client, gemini: GeminiServer) -> None:
    said = Text("42", thoughts="It must be forty-two.", thought_tokens=100)
    gemini.script.enqueue(said, said, said)
    shown = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    silent = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(thinking_budget=0))

    hidden = await client.aio.models.generate_content(model=MODEL, contents="?")
    visible = await client.aio.models.generate_content(model=MODEL, contents="?", config=shown)
    off = await client.aio.models.generate_content(model=MODEL, contents="?", config=silent)

    assert hidden.usage_metadata is not None
    assert hidden.usage_metadata.thoughts_token_count == 100
    assert hidden.usage_metadata.total_token_count == 1 + 1 + 100
    assert [part.thought for part in hidden.parts or []] == [None]
    assert [part.thought for part in visible.parts or []] == [True, None]
    assert visible.text == "42"
    assert off.usage_metadata is not None
    assert off.usage_metadata.thoughts_token_count is None


async def test_max_output_tokens_cuts_the_answer(client: genai.Client, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Text("x" * 100), Text("y" * 100, thought_tokens=30), Truncated("half a sen"))
    config = types.GenerateContentConfig(max_output_tokens=10)

    cut = await client.aio.models.generate_content(model=MODEL, contents="?", config=config)
    thought_away = await client.aio.models.generate_content(model=MODEL, contents="?", config=config)
    scripted = await client.aio.models.generate_content(model=MODEL, contents="?")

    assert cut.text == "x" * 40
    assert thought_away.text is None
    for answer in (cut, thought_away, scripted):
        assert answer.candidates is not None
        assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
    assert scripted.text == "half a sen"


async def test_blocked_prompt_blocked_answer_and_empty(client: genai.Client, gemini: GeminiServer) -> None:
    gemini.script.enqueue(BlockedPrompt("PROHIBITED_CONTENT", message="no"), BlockedAnswer(), Empty())

    prompt = await client.aio.models.generate_content(model=MODEL, contents="?")
    answer = await client.aio.models.generate_content(model=MODEL, contents="?")
    empty = await client.aio.models.generate_content(model=MODEL, contents="?")

    assert prompt.candidates is None
    assert prompt.prompt_feedback is not None
    assert prompt.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT
    assert prompt.prompt_feedback.block_reason_message == "no"
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.SAFETY
    assert answer.candidates[0].content is None
    assert empty.candidates is not None
    assert empty.candidates[0].finish_reason is types.FinishReason.STOP
    assert not empty.text
    assert [r.outcome for r in gemini.requests] == ["blocked_prompt", "blocked_answer", "empty"]


async def test_a_stream_may_be_blocked_after_some_text(client: genai.Client, gemini: GeminiServer) -> None:
    gemini.script.enqueue(BlockedAnswer("RECITATION", text="so far so good and then it"))
    chunks = [c async for c in await client.aio.models.generate_content_stream(model=MODEL, contents="?")]

    assert "".join(chunk.text or "" for chunk in chunks) == "so far so good and then it"
    assert chunks[-1].candidates is not None
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.RECITATION


async def test_errors_reach_the_client_typed(client: genai.Client, gemini: GeminiServer) -> None:
    gemini.script.enqueue(RateLimited(retry_after=2.5), overloaded(), Failure(418, "teapot"))

    with pytest.raises(errors.ClientError) as limited:
        await client.aio.models.generate_content(model=MODEL, contents="?")
    with pytest.raises(errors.ServerError) as busy:
        await client.aio.models.generate_content(model=MODEL, contents="?")
    with pytest.raises(errors.ClientError) as other:
        await client.aio.models.generate_content(model=MODEL, contents="?")

    assert (limited.value.code, limited.value.status) == (429, "RESOURCE_EXHAUSTED")
    details = limited.value.details["error"]["details"]
    assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"} in details
    assert (busy.value.code, busy.value.status) == (503, "UNAVAILABLE")
    assert (other.value.code, other.value.status) == (418, "UNKNOWN")
    assert [r.outcome for r in gemini.requests] == ["error 429", "error 503", "error 418"]


async def test_the_client_retries_when_told_to(make_client: MakeClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(overloaded(), RateLimited(retry_after=0), "third time lucky")
    retry = types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02)
    answer = await make_client(retry_options=retry).aio.models.generate_content(model=MODEL, contents="?")

    assert answer.text == "third time lucky"
    assert [r.status for r in gemini.requests] == [503, 429, 200]


async def test_an_error_within_a_stream(client: genai.Client, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Failure(500, "broke", after_text="one two three four five"))
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents="?")
    assert (await anext(stream)).text == "one two three four "
    with pytest.raises(errors.ServerError, match="broke"):
        await anext(stream)


async def test_tool_call_and_its_answer(client: genai.Client, gemini: GeminiServer) -> None:
    def price(item: str) -> str:
        """Price of an item."""
        return f"{item}: R$ 1"

    gemini.script.enqueue(ToolCall("price", {"item": "pão"}))
    answer = await client.aio.models.generate_content(
        model="gemini-3-flash-preview", contents="how much?", config={"tools": [price]}
    )

    # The client calls the function by itself and asks again.
    assert answer.text == 'The tool answered: price = {"result":"pão: R$ 1"}'
    first, second = gemini.requests
    assert first.prompt is not None
    assert first.prompt.tool_names == ["price"]
    assert second.last_user_text == "how much?"


async def test_structured_output(client: genai.Client, gemini: GeminiServer) -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"city": {"type": "STRING"}, "people": {"type": "INTEGER", "minimum": 3}},
        "required": ["city"],
    }
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema)
    by_default = await client.aio.models.generate_content(model=MODEL, contents="Natal", config=config)
    gemini.script.enqueue(Json({"city": "São Paulo"}))
    scripted = await client.aio.models.generate_content(model=MODEL, contents="?", config=config)

    assert by_default.parsed == {"city": "Natal", "people": 3}
    assert scripted.parsed == {"city": "São Paulo"}


async def test_count_tokens_agrees_with_the_bill(client: genai.Client) -> None:
    contents = ["Hello there", types.Part.from_bytes(data=b"\x89PNG....", mime_type="image/png")]
    counted = await client.aio.models.count_tokens(model=MODEL, contents=contents)
    answer = await client.aio.models.generate_content(model=MODEL, contents=contents)

    assert counted.total_tokens == 3 + 258
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.prompt_token_count == counted.total_tokens
    modalities = {d.modality: d.token_count for d in answer.usage_metadata.prompt_tokens_details or []}
    assert modalities == {types.MediaModality.TEXT: 3, types.MediaModality.IMAGE: 258}


async def test_embeddings_are_stable_unit_vectors_close_for_close_texts(client: genai.Client) -> None:
    texts = ["Qual o horário de funcionamento?", "qual é o horario de funcionamento", "I want a chocolate cake"]
    answer = await client.aio.models.embed_content(
        model="gemini-embedding-001", contents=texts, config={"output_dimensionality": 256}
    )
    again = await client.aio.models.embed_content(
        model="gemini-embedding-001", contents=texts[0], config={"output_dimensionality": 256}
    )

    assert answer.embeddings is not None
    assert again.embeddings is not None
    a, b, c = (e.values or [] for e in answer.embeddings)
    assert again.embeddings[0].values == a
    assert len(a) == 256
    assert sum(x * x for x in a) == pytest.approx(1)
    assert sum(x * y for x, y in zip(a, b, strict=True)) > 0.7
    assert sum(x * y for x, y in zip(a, c, strict=True)) < 0.3


async def test_explicit_cache_from_birth_to_death(client: genai.Client, gemini: GeminiServer) -> None:
    knowledge = "The bakery opens at six. " * 200  # 5,000 characters, 1,250 tokens
    cache = await client.aio.caches.create(
        model=MODEL,
        config=types.CreateCachedContentConfig(
            system_instruction=knowledge, ttl="120s", display_name="knowledge", contents="Remember: I am Ana."
        ),
    )
    assert cache.name is not None
    assert cache.usage_metadata is not None
    assert cache.usage_metadata.total_token_count == 1_255
    assert cache.expire_time is not None
    assert cache.create_time is not None
    assert (cache.expire_time - cache.create_time).total_seconds() == 120

    config = types.GenerateContentConfig(cached_content=cache.name)
    answer = await client.aio.models.generate_content(model=MODEL, contents="hours?", config=config)
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.cached_content_token_count == 1_255
    assert answer.usage_metadata.prompt_token_count == 1_255 + 2
    assert gemini.requests[-1].system_text == knowledge
    assert gemini.requests[-1].texts() == ["Remember: I am Ana.", "hours?"]

    longer = await client.aio.caches.update(name=cache.name, config={"ttl": "600s"})
    assert longer.expire_time is not None
    assert longer.expire_time > cache.expire_time
    assert [c.name async for c in await client.aio.caches.list()] == [cache.name]
    assert (await client.aio.caches.get(name=cache.name)).display_name == "knowledge"

    with pytest.raises(errors.ClientError, match="has to be the same"):
        await client.aio.models.generate_content(model="gemini-2.5-pro", contents="?", config=config)
    with pytest.raises(errors.ClientError, match="system_instruction, tools or tool_config"):
        await client.aio.models.generate_content(
            model=MODEL, contents="?", config={"cached_content": cache.name, "system_instruction": "x"}
        )
    await client.aio.caches.delete(name=cache.name)
    with pytest.raises(errors.ClientError, match="CachedContent not found") as gone:
        await client.aio.models.generate_content(model=MODEL, contents="?", config=config)
    assert gone.value.code == 403


async def test_explicit_cache_expires_and_has_a_least_size(client: genai.Client, gemini: GeminiServer) -> None:
    with pytest.raises(errors.ClientError, match="total_token_count=1, min_total_token_count=1024"):
        await client.aio.caches.create(model=MODEL, config={"contents": "tiny"})
    now = 1_000_000.0
    gemini.caches.clock = lambda: now
    cache = await client.aio.caches.create(model=MODEL, config={"contents": "word " * 1_000, "ttl": "60s"})
    now += 61
    with pytest.raises(errors.ClientError, match="CachedContent not found"):
        await client.aio.caches.get(name=cache.name or "")


async def test_models_are_listed_page_by_page(client: genai.Client) -> None:
    names = [m.name async for m in await client.aio.models.list(config={"page_size": 2})]
    assert f"models/{MODEL}" in names
    assert len(names) == len(set(names)) == 6
    model = await client.aio.models.get(model=MODEL)
    assert model.input_token_limit == 1_048_576
    with pytest.raises(errors.ClientError, match="models/nobody is not found for API version v1beta"):
        await client.aio.models.generate_content(model="nobody", contents="?")
    with pytest.raises(errors.ClientError, match="not supported for generateContent"):
        await client.aio.models.generate_content(model="gemini-embedding-001", contents="?")


async def test_a_wrong_key_is_refused_as_google_does(make_client: MakeClient, gemini: GeminiServer) -> None:
    with pytest.raises(errors.ClientError) as refused:
        await make_client("wrong-key").aio.models.generate_content(model=MODEL, contents="?")
    assert refused.value.code == 400
    assert refused.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    assert "wrong-key" not in str(gemini.requests[-1].as_json())


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
async def test_the_client_over_aiohttp(gemini: GeminiServer) -> None:
    """Where aiohttp is installed the client prefers it (and subclasses its session, hence the warning)."""
    client = genai.Client(api_key="test-key", http_options=types.HttpOptions(base_url=gemini.base_url))
    whole = await client.aio.models.generate_content(model=MODEL, contents="hi")
    chunks = [c.text async for c in await client.aio.models.generate_content_stream(model=MODEL, contents="hi")]
    await client.aio.aclose()
    client.close()
    assert whole.text == "".join(text or "" for text in chunks) == "You asked: hi"
