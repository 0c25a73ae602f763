"""pydantic-ai's agents against the server: what Prosa itself will do."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, AgentRunResultEvent, BinaryContent, NativeOutput, PromptedOutput
from pydantic_ai.exceptions import ContentFilterError, ModelHTTPError

from prosa_simulator.gemini import (
    BlockedAnswer,
    BlockedPrompt,
    Failure,
    GeminiServer,
    Json,
    RateLimited,
    Text,
    ToolCall,
    WrongTypes,
    internal_error,
    recall,
)

MakeAgent = Callable[..., Agent[None, Any]]


class Order(BaseModel):
    item: str
    quantity: int


async def test_run(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    agent = make_agent(instructions="You are a bakery.")
    result = await agent.run("Do you have cake?")

    assert result.output == "You asked: Do you have cake?"
    assert (result.usage.input_tokens, result.usage.output_tokens) == (5 + 5, 7)
    assert gemini.requests[0].system_text == "You are a bakery."


async def test_run_stream(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    gemini.script.enqueue(Text("one two three four five six seven", chunk_delay=0.01))
    async with make_agent().run_stream("count") as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
    assert pieces == ["one two three four ", "five six seven"]
    assert result.usage.output_tokens == 9


async def test_context_reaches_the_model(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    gemini.script.when("what is my name", recall(r"my name is (\w+)", "You are {0}.", otherwise="I cannot know."))
    agent = make_agent()

    first = await agent.run("Hi, my name is Ana")
    remembered = await agent.run("What is my name?", message_history=first.all_messages())
    forgotten = await agent.run("What is my name?")

    assert remembered.output == "You are Ana."
    assert forgotten.output == "I cannot know."


async def test_tools_echo_their_signature(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    agent = make_agent("gemini-3-flash-preview")

    @agent.tool_plain
    def stock(item: str) -> int:
        return {"pão": 12, "bolo": 2}[item]

    gemini.script.enqueue(ToolCall("stock", {"item": "pão"}, and_also=(ToolCall("stock", {"item": "bolo"}),)))
    result = await agent.run("What is left?")

    assert result.output == 'The tool answered: stock = {"return_value":12}; stock = {"return_value":2}'
    assert result.usage.requests == 2
    assert [r.outcome for r in gemini.requests] == ["tool_call", "text"]


async def test_streamed_tool_call(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    agent = make_agent()

    @agent.tool_plain
    def now() -> str:
        return "noon"

    gemini.script.enqueue(ToolCall("now", text="Let me see."), "It is noon.")
    # run_stream would take the first text for the answer; the events cover the whole exchange.
    async with agent.run_stream_events("time?") as events:
        said = [event.result.output async for event in events if isinstance(event, AgentRunResultEvent)]
    assert said == ["It is noon."]
    assert [r.outcome for r in gemini.requests] == ["tool_call", "text"]


async def test_output_by_tool_native_and_prompted(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    by_tool = await make_agent(output_type=Order).run("cake")
    assert by_tool.output == Order(item="cake", quantity=1)

    gemini.script.enqueue(ToolCall("final_result", {"item": "bolo", "quantity": 2}))
    scripted = await make_agent(output_type=Order).run("two cakes")
    assert scripted.output == Order(item="bolo", quantity=2)

    gemini.script.enqueue(Json({"item": "pão", "quantity": 6}))
    native = await make_agent(output_type=NativeOutput(Order)).run("six rolls")
    assert native.output == Order(item="pão", quantity=6)

    gemini.script.enqueue('{"item": "suco", "quantity": 1}')
    prompted = await make_agent(output_type=PromptedOutput(Order)).run("juice")
    assert prompted.output == Order(item="suco", quantity=1)


async def test_invalid_structure_is_asked_again(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    gemini.script.enqueue(Json({"item": "pão"}), Json({"item": "pão", "quantity": 3}))
    result = await make_agent(output_type=NativeOutput(Order), retries=1).run("rolls")
    assert result.output.quantity == 3
    assert len(gemini.requests) == 2


@pytest.mark.parametrize("answer", [BlockedPrompt(), BlockedAnswer()])
async def test_blocks_raise_content_filter_error(
    gemini: GeminiServer, make_agent: MakeAgent, answer: BlockedPrompt | BlockedAnswer
) -> None:
    gemini.script.enqueue(answer, answer)
    with pytest.raises(ContentFilterError):
        await make_agent().run("?")
    with pytest.raises(ContentFilterError):
        async with make_agent().run_stream("?") as result:
            await result.get_output()


async def test_http_errors(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    gemini.script.enqueue(RateLimited(), internal_error(), Failure(400, "bad"))
    for code in (429, 500, 400):
        with pytest.raises(ModelHTTPError) as failed:
            await make_agent().run("?")
        assert failed.value.status_code == code


async def test_wrong_types_escape_as_bare_errors(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    """google-genai walks the answer without checking it, so callers must be ready for any exception."""
    gemini.script.enqueue(WrongTypes())
    with pytest.raises(TypeError):
        await make_agent().run("?")


async def test_cached_tokens_are_reported_and_priced_lower(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    agent = make_agent(instructions="Rule number one: be kind to everybody. " * 300)  # 11,700 characters
    first = await agent.run("Hello")
    second = await agent.run("And again", message_history=first.all_messages())

    assert first.usage.cache_read_tokens == 0
    assert second.usage.cache_read_tokens >= 2_048
    assert second.usage.cache_read_tokens <= second.usage.input_tokens
    assert first.usage.cost is not None
    assert second.usage.cost is not None
    assert second.usage.cost < first.usage.cost / 2


async def test_files_are_counted_and_recorded(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    voice = b"OggS\x00\x04" + (48_000 * 3).to_bytes(8, "little") + bytes(100)  # three seconds by its last page
    page = b"%PDF-1.7 /Type /Pages /Type /Page /Type/Page"
    result = await make_agent().run(
        [
            "Look",
            BinaryContent(voice, media_type="audio/ogg"),
            BinaryContent(b"\xff\xd8\xff", media_type="image/jpeg"),
            BinaryContent(page, media_type="application/pdf"),
        ]
    )
    assert result.usage.input_tokens == 1 + 3 * 32 + 258 + 2 * 258
    media = gemini.requests[0].prompt.media if gemini.requests[0].prompt else ()
    assert [(file.mime_type, file.data) for file in media] == [
        ("audio/ogg", voice),
        ("image/jpeg", b"\xff\xd8\xff"),
        ("application/pdf", page),
    ]


async def test_a_file_alone_is_answered_too(make_agent: MakeAgent) -> None:
    result = await make_agent().run([BinaryContent(b"\xff\xd8\xff", media_type="image/jpeg")])
    assert re.fullmatch(r"You asked: \[image/jpeg\]", result.output)
