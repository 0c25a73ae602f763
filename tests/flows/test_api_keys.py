"""A program does its whole job with an API key alone, until the key is revoked."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from tests.flows.conftest import SHOP, Stage

from prosa_simulator.product import EventStream, ProsaClient
from prosa_simulator.product.client import ApiError


async def refused(work: Awaitable[Any]) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        await work
    return caught.value.status, caught.value.problem["code"]


async def test_a_program_links_a_number_and_writes_with_a_key_only(stage: Stage) -> None:
    made = await stage.api.post("/api-keys", {"name": "n8n"})
    reading = await stage.api.post("/api-keys", {"name": "report", "access": "read", "expires_in_days": 1})
    stage.world.gemini.script.when("Sunday", "From 6 to 20.")
    async with ProsaClient(stage.prosa.url) as program, ProsaClient(stage.prosa.url) as report:
        program.access_token, report.access_token = made["key"], reading["key"]
        async with report.events() as told:
            with pytest.raises(ApiError, match="4401"):
                async with program.events() as events:
                    await _job(stage, program, report, events, told)
                    await stage.api.delete(f"/api-keys/{made['id']}")
                    assert await refused(program.get("/sessions")) == (401, "api_key_ended")
                    assert events._task is not None
                    await asyncio.wait({events._task}, timeout=45)  # its WebSocket is closed, too
            assert (await report.get("/sessions"))["items"][0]["status"] == "open"
    used = {one["name"]: one["last_used_at"] for one in (await stage.api.get("/api-keys"))["items"]}
    assert used.keys() == {"report"}
    assert used["report"] is not None


async def _job(stage: Stage, program: ProsaClient, report: ProsaClient, events: EventStream, told: EventStream) -> None:
    await Stage(stage.world, stage.prosa, program, events).link()
    ana = await stage.ana()
    await ana.send_text(SHOP, "When do you open on Sunday?")
    await ana.wait_for("From 6 to 20.", 40)
    received = await told.wait("message.received")
    conversation = f"/conversations/{received['payload']['conversation_id']}"
    sent = await program.post(f"{conversation}/messages", {"text": "And we have cake."}, Idempotency_Key="1")
    await ana.wait_for("And we have cake.", 40)
    await told.wait("message.status", lambda event: event["payload"]["id"] == sent["id"])

    page = await report.get(f"{conversation}/messages")
    assert [message["body"] for message in reversed(page["items"])] == [
        "When do you open on Sunday?", "From 6 to 20.", "And we have cake.",
    ]  # fmt: skip
    assert await refused(report.post(f"{conversation}/messages", {"text": "x"})) == (403, "read_only_key")
    assert await refused(program.get("/users")) == (403, "sign_in_needed")
    assert await refused(program.post("/api-keys", {"name": "more"})) == (403, "sign_in_needed")
