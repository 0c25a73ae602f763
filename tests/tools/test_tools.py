"""Tools over REST: declared, tried, logged; and what a call tells the model."""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.fixtures.conversations import add_owner, add_session
from tests.fixtures.http import client_of, create_test_app

from prosa.auth.caller import Caller
from prosa.auth.vault import SealBrokenError, Vault
from prosa.cache import Cache
from prosa.database import Database
from prosa.outgoing import Outgoing, Reached, RefusedAddressError, Rules
from prosa.tools import endpoints
from prosa.tools.calling import MAX_RESULT, ToolSpec, call, seal_context
from prosa.tools.service import KEPT_RESULT, MOST_TOOLS, ToolService

SCHEMA = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "count": {"type": "integer"}, "size": {"enum": ["S", "M"]}},
    "required": ["order"],
}
ORDER = {
    "name": "order_status",
    "description": "Says where an order is.",
    "parameters": SCHEMA,
    "method": "GET",
    "url": "https://shop.example/orders",
    "header_name": "X-Api-Key",
    "header_value": "secret-value-1234",
}


class Services(Outgoing):
    """The world outside: answers what it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(Rules())
        self.answer: Reached | Exception = Reached(200, "application/json", '{"state": "sent"}')
        self.asked: list[tuple[str, str, Any, dict[str, str]]] = []
        self.waits: list[float] = []

    async def request(self, method: str, url: str, **options: Any) -> Reached:
        sent = options.get("params") or options.get("json")
        self.asked.append((method, url, sent, dict(options["headers"])))
        self.waits.append(options["seconds"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class Workshop:
    database: Database
    services: Services
    service: ToolService
    owner: Caller
    api: httpx.AsyncClient
    strangers: httpx.AsyncClient

    async def make(self, **changes: Any) -> dict[str, Any]:
        answer = await self.api.post("/sessions/main/tools", json=ORDER | changes)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture
async def shop(database: Database, cache: Cache) -> AsyncIterator[Workshop]:
    owner, other = await add_owner(database), await add_owner(database, "bob@example.com")
    await add_session(database, owner)
    services = Services()
    service = ToolService(database, cache, Vault("k" * 40), services)
    provided: dict[Any, object] = {ToolService: service}
    async with (
        client_of(create_test_app(provided, [endpoints.router], owner)) as api,
        client_of(create_test_app(provided, [endpoints.router], other)) as strangers,
    ):
        yield Workshop(database, services, service, owner, api, strangers)


async def test_a_tool_is_declared_changed_and_removed_and_its_secret_never_shown(shop: Workshop) -> None:
    made = await shop.make()
    path = f"/sessions/main/tools/{made['id']}"
    assert (made["header_name"], made["header_hint"]) == ("X-Api-Key", "…1234")
    assert "secret-value" not in json.dumps(made)
    async with shop.database.read() as db:
        row = str((await db.execute(text("SELECT * FROM tools"))).one())
    assert "secret-value" not in row
    changed = (await shop.api.patch(path, json={"enabled": False, "description": "Other."})).json()
    assert (changed["enabled"], changed["description"], changed["name"]) == (False, "Other.", "order_status")
    assert (await shop.api.get("/sessions/main/tools")).json() == [(await shop.api.get(path)).json()]
    assert (await shop.api.delete(path)).status_code == 204
    assert (await shop.api.get(path)).status_code == 404
    assert (await shop.api.get("/sessions/main/tools")).json() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (ORDER | {"url": "http://169.254.169.254/"}, "body.url"),
        (ORDER | {"url": "http://localhost"} | {"url": "ftp://x.example"}, "body.url"),
        (ORDER | {"name": "Order Status"}, "body.name"),
        (ORDER | {"name": "hand_over"}, "body.name"),
        (ORDER | {"parameters": {"type": "string"}}, "body.parameters"),
        (ORDER | {"parameters": {"type": "object", "properties": {"a": "x" * 9000}}}, "body.parameters"),
        (ORDER | {"header_value": "line\nbreak"}, "body.header_value"),
        (ORDER | {"header_name": None}, "body"),
        (ORDER | {"header_name": "Host"}, "body"),
        (ORDER | {"timeout_seconds": 31}, "body.timeout_seconds"),
    ],
)
async def test_what_is_wrong_is_named(shop: Workshop, body: dict[str, Any], field: str) -> None:
    answer = await shop.api.post("/sessions/main/tools", json=body)
    assert answer.status_code == 422
    assert field in {problem["field"] for problem in answer.json()["errors"]}
    assert "secret-value" not in answer.text


async def test_names_are_unique_and_tools_are_few(shop: Workshop) -> None:
    first = await shop.make()
    assert (await shop.api.post("/sessions/main/tools", json=ORDER)).status_code == 409
    second = await shop.make(name="other")
    path = f"/sessions/main/tools/{second['id']}"
    assert (await shop.api.patch(path, json={"name": first["name"]})).status_code == 409
    for number in range(MOST_TOOLS - 2):
        await shop.make(name=f"t{number}")
    answer = await shop.api.post("/sessions/main/tools", json=ORDER | {"name": "one_more"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_secret_stays_with_the_host_it_was_given_for(shop: Workshop) -> None:
    path = f"/sessions/main/tools/{(await shop.make())['id']}"
    moved = await shop.api.patch(path, json={"url": "https://evil.example/orders"})
    assert moved.status_code == 422
    assert "body.header_value" in moved.text
    assert (await shop.api.patch(path, json={"url": "https://shop.example/v2"})).status_code == 200
    gone = await shop.api.patch(path, json={"url": "https://other.example/", "header_name": None})
    assert (gone.json()["header_name"], gone.json()["header_hint"]) == (None, None)
    assert (await shop.api.patch(path, json={"header_value": "new-secret-value"})).status_code == 422


async def test_strangers_find_nothing(shop: Workshop) -> None:
    path = f"/sessions/main/tools/{(await shop.make())['id']}"
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/sessions/main/tools", None), ("POST", "/sessions/main/tools", ORDER), ("GET", path, None),
        ("PATCH", path, {"enabled": False}), ("DELETE", path, None), ("POST", f"{path}/try", {"arguments": {}}),
        ("GET", "/sessions/main/tool-calls", None),
    ]  # fmt: skip
    for method, where, body in calls:
        answer = await shop.strangers.request(method, where, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, where)
    assert shop.services.asked == []


async def test_a_tool_is_tried_and_the_call_noted(shop: Workshop) -> None:
    path = f"/sessions/main/tools/{(await shop.make())['id']}"
    tried = (await shop.api.post(f"{path}/try", json={"arguments": {"order": "1001"}})).json()
    assert (tried["ok"], tried["status"], tried["result"]) == (True, 200, '{"state": "sent"}')
    [(method, url, sent, headers)] = shop.services.asked
    assert (method, url, sent) == ("GET", "https://shop.example/orders", {"order": "1001"})
    assert headers["X-Api-Key"] == "secret-value-1234"
    await shop.api.post(f"{path}/try", json={"arguments": {}})
    page = (await shop.api.get("/sessions/main/tool-calls", params={"limit": 1})).json()
    assert [(item["ok"], item["status"]) for item in page["items"]] == [(False, None)]
    older = await shop.api.get("/sessions/main/tool-calls", params={"cursor": page["next_cursor"]})
    [first] = older.json()["items"]
    assert (first["name"], first["arguments"], first["conversation_id"]) == ("order_status", {"order": "1001"}, None)
    assert "secret-value" not in older.text


async def test_turns_get_what_is_enabled_now(shop: Workshop) -> None:
    made = await shop.make()
    await shop.make(name="other", enabled=False)
    assert [spec.name for spec in await shop.service.of_number("main")] == ["order_status"]
    assert [spec.name for spec in await shop.service.of_number("main")] == ["order_status"], "from the cache too"
    await shop.api.patch(f"/sessions/main/tools/{made['id']}", json={"enabled": False})
    assert await shop.service.of_number("main") == []


def spec(**changes: Any) -> ToolSpec:
    values: dict[str, Any] = {
        "id": str(uuid.uuid4()), "name": "order_status", "description": "x", "parameters": SCHEMA, "method": "POST",
        "url": "https://shop.example/", "header_name": None, "sealed": None, "timeout_seconds": 5,
    }  # fmt: skip
    return ToolSpec(**(values | changes))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "Missing arguments: order"),
        ({"order": 7}, "order must be of type string"),
        ({"order": "1", "count": True}, "count must be of type integer"),
        ({"order": "1", "size": "XL"}, "size must be one of: S, M"),
        ({"order": "1", "user_id": "another"}, "Unknown arguments: user_id"),
        ({"order": "x" * 9000}, "too long"),
    ],
)
async def test_wrong_arguments_are_told_to_the_model_and_nobody_is_asked(arguments: dict[str, Any], words: str) -> None:
    services = Services()
    strict = spec(parameters=SCHEMA | {"additionalProperties": False})
    called = await call(strict, arguments, outgoing=services, vault=Vault("k" * 40))
    assert not called.ok
    assert words in called.result
    assert services.asked == []


@pytest.mark.parametrize(
    ("answer", "words", "status"),
    [
        (Reached(500, "text/plain", "Traceback: password=hunter2"), "HTTP 500", 500),
        (Reached(302, "text/html", "password=hunter2"), "HTTP 302", 302),
        (TimeoutError(), "in time", None),
        (OSError("refused"), "could not be reached", None),
        (RefusedAddressError("this address is not a public one"), "not be asked", None),
    ],
)
async def test_failures_of_the_service_are_told_without_its_details(
    answer: Any, words: str, status: int | None
) -> None:
    services = Services()
    services.answer = answer
    called = await call(spec(), {"order": "1"}, outgoing=services, vault=Vault("k" * 40))
    assert (called.ok, called.status) == (False, status)
    assert words in called.result
    assert "hunter2" not in called.result


async def test_a_long_answer_is_cut_and_a_broken_seal_told() -> None:
    services = Services()
    services.answer = Reached(200, "text/plain", "y" * 10_000)
    called = await call(spec(), {"order": "1"}, outgoing=services, vault=Vault("k" * 40))
    assert len(called.result) < MAX_RESULT + 10
    broken = spec(header_name="X-Key", sealed=Vault("other" * 10).seal("s", "tool:x"))
    called = await call(broken, {"order": "1"}, outgoing=services, vault=Vault("k" * 40))
    assert "set it again" in called.result
    assert len(services.asked) == 1


async def test_a_number_has_its_own_tools_and_a_deleted_one_is_gone_at_once(shop: Workshop) -> None:
    made = await shop.make()
    await add_session(shop.database, shop.owner, "second")
    assert await shop.service.of_number("second") == []
    assert (await shop.api.get(f"/sessions/second/tools/{made['id']}")).status_code == 404
    assert (await shop.api.post(f"/sessions/second/tools/{made['id']}/try", json={})).status_code == 404
    assert (await shop.api.patch(f"/sessions/second/tools/{made['id']}", json={"enabled": False})).status_code == 404
    assert [spec.name for spec in await shop.service.of_number("main")] == ["order_status"]
    assert (await shop.api.delete(f"/sessions/main/tools/{made['id']}")).status_code == 204
    assert await shop.service.of_number("main") == []


async def test_a_call_waits_as_long_as_the_tool_says_and_little_of_its_answer_is_kept(shop: Workshop) -> None:
    path = f"/sessions/main/tools/{(await shop.make(timeout_seconds=7))['id']}"
    shop.services.answer = Reached(200, "text/plain", "y" * 3_000)
    tried = (await shop.api.post(f"{path}/try", json={"arguments": {"order": "1"}})).json()
    assert len(tried["result"]) == 3_000
    assert shop.services.waits == [7]
    [kept] = (await shop.api.get("/sessions/main/tool-calls")).json()["items"]
    assert len(kept["result"]) == KEPT_RESULT


def test_a_secret_is_sealed_for_its_tool() -> None:
    vault = Vault("k" * 40)
    sealed = vault.seal("s3cret", seal_context("one"))
    with pytest.raises(SealBrokenError):
        vault.open(sealed, seal_context("another"))
