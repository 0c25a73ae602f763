"""Driving the server from another process: the control API and the command."""

import asyncio
import signal
import sys
from typing import Any

import httpx
import pytest

from prosa_simulator.gemini import GeminiServer, Hang
from prosa_simulator.gemini.__main__ import main
from prosa_simulator.gemini.answers import ANSWER_JSON, Answer, Text, ToolCall

GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"


def asking(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


async def ask(http: httpx.AsyncClient, text: str) -> Any:
    answer = await http.post(GENERATE, json=asking(text))
    body = answer.json()
    if answer.status_code != 200:
        return answer.status_code
    return body["candidates"][0]["content"]["parts"][0]["text"]


async def test_script_over_http(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    document = {
        "answers": ["plain", {"kind": "rate_limited", "retry_after": 3}],
        "rules": [
            {"text": "cake", "any_turn": "ana", "answer": {"kind": "text", "text": "cake for Ana"}, "times": 1},
            {"system": "x", "answer": "never"},
        ],
        "default": {"kind": "text", "text": "whatever"},
    }
    done = await http.post("/control/script", json=document)
    assert done.json() == {"queued": 2, "rules": 2}
    asked = ["1", "2", "cake for ANA", "cake for ana", "cake"]
    assert [await ask(http, text) for text in asked] == ["plain", 429, "cake for Ana", "whatever", "whatever"]
    assert (await http.post("/control/reset")).status_code == 200
    assert await ask(http, "back") == "You asked: back"
    assert [r.number for r in gemini.requests] == [1]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"answers": [{"kind": "tetx"}]}, "answers.0"),
        ({"answers": [{"kind": "text", "text": "a", "speed": 1}]}, "Unexpected keyword argument"),
        ({"answers": [{"kind": "failure", "code": 200}]}, "greater than or equal to 400"),
        ({"rules": [{"answer": "x"}]}, "at least one of text, system, model, any_turn"),
        ({"rules": [{"answer": "x", "text": "("}]}, "not a regular expression"),
        ({"answer": []}, "Extra inputs"),
    ],
)
async def test_wrong_documents_change_nothing(
    http: httpx.AsyncClient, gemini: GeminiServer, document: dict[str, Any], problem: str
) -> None:
    answer = await http.post("/control/script", json=document)
    assert answer.status_code == 422
    assert problem in " ".join(answer.json()["problems"])
    assert not gemini.script.queue
    assert not gemini.script.rules


async def test_requests_over_http(http: httpx.AsyncClient) -> None:
    await ask(http, "one")
    await http.get("/v1beta/models")
    await ask(http, "two")
    everything = (await http.get("/control/requests")).json()
    assert everything["total"] == 3
    assert [r["action"] for r in everything["requests"]] == ["generateContent", "models.list", "generateContent"]
    newer = (await http.get("/control/requests", params={"after": 1, "action": "generateContent"})).json()["requests"]
    assert [r["last_user_text"] for r in newer] == ["two"]
    assert newer[0]["headers"]["x-goog-api-key"] == "[redacted]"
    assert "test-key" not in str(everything)
    assert (await http.get("/control/requests", params={"after": "x"})).status_code == 422


async def test_settings_release_and_status(http: httpx.AsyncClient, gemini: GeminiServer) -> None:
    gemini.script.enqueue(Hang(then=Text("free")))
    waiting = asyncio.create_task(ask(http, "?"))
    await gemini.wait_hanging()
    assert (await http.get("/control/status")).json()["hanging"] == 1
    assert (await http.post("/control/release")).json() == {"released": 1}
    assert await waiting == "free"
    assert (await http.post("/control/settings", json={"latency": 0.01, "api_key": "new"})).json() == {"latency": 0.01}
    assert await ask(http, "?") == 400
    assert gemini.latency == 0.01
    assert (await http.post("/control/settings", json={"latency": -1})).status_code == 422


@pytest.mark.parametrize("answer", [Text("a", latency=1), ToolCall("f", {"x": [1]}, and_also=(ToolCall("g"),)), Hang()])
def test_answers_survive_json(answer: Answer) -> None:
    assert ANSWER_JSON.validate_json(ANSWER_JSON.dump_json(answer)) == answer


async def test_the_log_is_bounded() -> None:
    async with GeminiServer(max_requests=3) as gemini, httpx.AsyncClient(base_url=gemini.base_url) as http:
        for number in range(5):
            await http.post(GENERATE, params={"key": "test-key"}, json=asking(str(number)))
        assert [r.last_user_text for r in gemini.requests] == ["2", "3", "4"]
        assert gemini.requests.total == 5
        assert [r.number for r in gemini.requests[1:]] == [4, 5]
        with pytest.raises(TimeoutError):
            await gemini.requests.wait_for(lambda log: log.total > 5, within=0.01)


async def test_the_command_serves_until_told_to_stop() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "prosa_simulator.gemini", "--port", "0", "--api-key", "k", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        url = line.split()[3]
        async with httpx.AsyncClient(base_url=url, headers={"x-goog-api-key": "k"}) as http:
            assert await ask(http, "oi") == "Olá! Aqui é a Padaria Estrela. Como posso ajudar?"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


def test_the_command_refuses_other_hosts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--host", "0.0.0.0"])
    assert refused.value.code == 1
    assert "only listens on loopback" in capsys.readouterr().err
