"""What goes wrong on purpose: slowness, silence, broken connections and broken JSON."""

import asyncio
import logging
import time

import httpx
import pytest
from google import genai
from google.genai import errors

from prosa_simulator.gemini import Cut, GeminiServer, Hang, Malformed, Prompt, Text, WrongTypes

GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
HELLO = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


async def test_latency_of_one_answer_and_of_all(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Text("slow", latency=0.15))
    gemini.latency = 0.1
    started = time.perf_counter()
    await http.post(GENERATE, json=HELLO)
    first = time.perf_counter() - started
    await http.post(GENERATE, json=HELLO)
    second = time.perf_counter() - started - first

    assert first >= 0.25
    assert second >= 0.1
    assert (gemini.requests[0].seconds or 0) >= 0.25


async def test_slow_answers_do_not_hold_up_others(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.when("hello", Text("late", latency=5))
    slow = asyncio.create_task(http.post(GENERATE, json=HELLO))
    await gemini.requests.wait_for(lambda log: len(log) == 1)
    quick = await http.post(GENERATE, json={"contents": [{"parts": [{"text": "now"}]}]})
    assert quick.status_code == 200
    assert not slow.done()
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)


async def test_hanging_until_released(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Hang(then=Text("at last")), Hang())
    answered = asyncio.create_task(http.post(GENERATE, json=HELLO))
    await gemini.requests.wait_for(lambda log: len(log) == 1)
    dropped = asyncio.create_task(http.post(GENERATE, json=HELLO))
    await gemini.wait_hanging(2)
    assert [r.outcome for r in gemini.requests] == ["hang", "hang"]
    assert gemini.release() == 2

    assert (await answered).json()["candidates"][0]["content"]["parts"] == [{"text": "at last"}]
    with pytest.raises(httpx.RemoteProtocolError):
        await dropped
    assert [r.outcome for r in gemini.requests] == ["text", "dropped"]
    assert gemini.requests[1].status is None
    assert gemini.hanging == 0


async def test_a_client_that_leaves_is_noticed(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Hang())
    with pytest.raises(httpx.ReadTimeout):
        await http.post(GENERATE, json=HELLO, timeout=0.1)
    await gemini.requests.wait_for(lambda log: log[0].outcome == "client left", within=5)
    assert gemini.hanging == 0


async def test_stopping_frees_the_hanging_and_the_port_stays(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Hang(then=Text("never")))
    waiting = asyncio.create_task(http.post(GENERATE, json=HELLO))
    await gemini.wait_hanging()
    url = gemini.base_url
    await gemini.stop()
    with pytest.raises(httpx.TransportError):
        await waiting
    with pytest.raises(httpx.ConnectError):
        await http.post(GENERATE, json=HELLO)
    await gemini.start()
    assert gemini.base_url == url
    assert (await http.post(GENERATE, json=HELLO)).status_code == 200
    with pytest.raises(RuntimeError, match="runs already"):
        await gemini.start()


async def test_connection_cut_in_the_body(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Cut("a b c d e f g h i j k l"), Cut("a b c d e f g h", keep=0.7))
    with pytest.raises(httpx.RemoteProtocolError, match=r"received 1[0-9]+ bytes, expected 3[0-9]+"):
        await http.post(GENERATE, json=HELLO)
    received = b""
    with pytest.raises(httpx.RemoteProtocolError):
        async with http.stream("POST", STREAM, json=HELLO) as answer:
            async for piece in answer.aiter_bytes():
                received += piece
    assert b"a b c d " in received
    assert received.count(b"\r\n\r\n") == 1  # one whole event, and a piece of the second
    assert [r.outcome for r in gemini.requests] == ["cut", "cut"]
    assert (await http.post(GENERATE, json=HELLO)).status_code == 200


async def test_broken_json(client: genai.Client, http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Malformed(), Malformed(), WrongTypes())
    raw = await http.post(GENERATE, json=HELLO)
    assert raw.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        raw.json()
    with pytest.raises(errors.UnknownApiResponseError):
        async for _ in await client.aio.models.generate_content_stream(model="gemini-2.5-flash", contents="?"):
            pass
    wrong = await http.post(GENERATE, json=HELLO)
    assert isinstance(wrong.json()["candidates"], dict)


async def test_a_script_that_raises_looks_like_a_broken_server(
    http: httpx.AsyncClient, gemini: GeminiServer, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(prompt: Prompt) -> str:
        raise LookupError(prompt.last_user_text)

    gemini.script.enqueue(broken)
    with caplog.at_level(logging.ERROR):
        answer = await http.post(GENERATE, json=HELLO)
    assert answer.status_code == 500
    assert answer.json()["error"]["status"] == "INTERNAL"
    assert "LookupError: hello" in caplog.text


async def test_a_client_that_leaves_in_the_middle_of_a_stream(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Text("one two three four " * 50, chunk_delay=0.05))
    async with http.stream("POST", STREAM, json=HELLO) as answer:
        first = await anext(answer.aiter_bytes())
    assert b"one two three four" in first
    await gemini.requests.wait_for(lambda log: log[0].outcome == "client left", within=5)
    assert gemini.requests[0].status is None
