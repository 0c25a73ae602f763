"""What API keys may do: gone through for every endpoint that the application documents, so that none is forgotten."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import add_session
from tests.fixtures.http import client_of
from tests.fixtures.installation import whole_app
from tests.fixtures.serving import served

import prosa.app
from prosa.auth.caller import Access, Caller
from prosa.database import Database
from prosa.http.key_rights import SAFE, needs_all_numbers
from prosa.users.api_keys import ApiKeyService
from prosa.users.service import COMMAND_LINE, UserService

KEYS_MAY = {
    "/sessions": True, "/conversations": True, "/messages": True, "/frequent-answers": True, "/usage": True,
    "/usage.csv": True, "/webhooks": True, "/system": True,
    "/auth": False, "/users": False, "/api-keys": False, "/provider-keys": False,
}  # fmt: skip
"""Whether an API key may, by how a path begins. Think before you add one: what could somebody do with a leaked key?"""
EXCEPT = {"GET /auth/me": True}
LIMITED_MAY = {"/sessions": True, "/conversations": True, "/messages": True, "/frequent-answers": True, "/usage": True,
               "/usage.csv": True, "/webhooks": True, "/system": False}  # fmt: skip
"""The same for a key that is limited to some numbers: what is of one number alone, or belongs to one."""
LIMITED_EXCEPT = {
    "GET /auth/me", "POST /sessions", "DELETE /sessions/{session_id}", "POST /frequent-answers/import",
    "GET /usage/budget", "PUT /usage/budget",
}  # fmt: skip
SECRET = "GET /webhooks/{webhook_id}/secret"
"""Whoever reads it can act."""

OPERATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (method.upper(), path, operation)
    for path, methods in prosa.app.describe()["paths"].items()
    for method, operation in methods.items()
    if operation.get("security")
]
ENDPOINTS = [(method, path) for method, path, _ in OPERATIONS]


def beginning(path: str) -> str:
    return "/" + path.split("/")[1]


def may(method: str, path: str) -> bool:
    return EXCEPT.get(f"{method} {path}", KEYS_MAY[beginning(path)])


def limited_may(method: str, path: str) -> bool:
    return may(method, path) and f"{method} {path}" not in LIMITED_EXCEPT and LIMITED_MAY[beginning(path)]


def made_up(path: str) -> str:
    """Return a path with ids of nothing."""
    for name in ("session_id", "provider"):
        path = path.replace(f"{{{name}}}", "nothing")
    while "{" in path:
        path = path[: path.index("{")] + "00000000-0000-0000-0000-000000000001" + path[path.index("}") + 1 :]
    return path


@dataclass
class Programs:
    full: httpx.AsyncClient
    read: httpx.AsyncClient
    limited: httpx.AsyncClient
    person: httpx.AsyncClient


@pytest.fixture(scope="module")
async def programs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Programs]:
    folder: Path = tmp_path_factory.mktemp("installation")
    with whole_app(folder) as app:
        async with served(app):
            users: UserService = app.state.provided[UserService]
            keys: ApiKeyService = app.state.provided[ApiKeyService]
            user = await users.create(COMMAND_LINE, email="ana@example.com", password="correct horse battery")
            owner = Caller(user.id, user.role)
            full, read = [await keys.create(owner, name=one, access=one, days=None) for one in Access]
            await add_session(app.state.provided[Database], owner, "limits")
            limited = await keys.create(owner, name="one", access=Access.FULL, days=None, session_ids=["limits"])
            async with (
                client_of(app, token=full.secret) as by_full,
                client_of(app, token=limited.secret) as by_limited,
                client_of(app, token=read.secret) as by_read,
                client_of(app) as person,
            ):
                body = {"email": user.email, "password": "correct horse battery"}
                token = (await person.post("/auth/login", json=body)).json()["access_token"]
                person.headers["Authorization"] = f"Bearer {token}"
                yield Programs(by_full, by_read, by_limited, person)


def refusal(answer: httpx.Response) -> str | None:
    """Return why a key may not, if that is the answer."""
    assert answer.status_code != 401, answer.text
    assert answer.status_code < 500, answer.text
    return answer.json()["code"] if answer.status_code == 403 else None


def test_every_path_was_thought_of() -> None:
    assert {beginning(path) for _, path in ENDPOINTS} == KEYS_MAY.keys()
    assert {f"{method} {path}" for method, path in ENDPOINTS} >= EXCEPT.keys() | LIMITED_EXCEPT
    assert LIMITED_MAY.keys() == {begins for begins, allowed in KEYS_MAY.items() if allowed}
    assert len(ENDPOINTS) > 70


@pytest.mark.parametrize(("method", "path"), ENDPOINTS, ids=[" ".join(one) for one in ENDPOINTS])
async def test_what_a_key_may(programs: Programs, method: str, path: str) -> None:
    read = refusal(await programs.read.request(method, made_up(path)))
    if not may(method, path):
        assert read == "sign_in_needed"
        answer = await programs.full.request(method, made_up(path))
        assert refusal(answer) == "sign_in_needed"
        assert "/auth/login" in answer.json()["remedy"]
        return
    reads = method in SAFE and f"{method} {path}" != SECRET
    assert read == (None if reads else "read_only_key")
    # with nothing in it and about nothing, no request does anything
    assert refusal(await programs.full.request(method, made_up(path))) is None


@pytest.mark.parametrize(("method", "path"), ENDPOINTS, ids=[" ".join(one) for one in ENDPOINTS])
async def test_what_a_key_of_some_numbers_may(programs: Programs, method: str, path: str) -> None:
    answer = await programs.limited.request(method, made_up(path))
    expected = None if limited_may(method, path) else "limited_key" if may(method, path) else "sign_in_needed"
    assert refusal(answer) == expected
    if expected == "limited_key":
        assert "limited to some" in answer.json()["detail"]
        assert "POST /api-keys" in answer.json()["remedy"]
        assert "403" in prosa.app.describe()["paths"][path][method.lower()]["responses"]
    assert needs_all_numbers(method, path) is not limited_may(method, path)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_path_that_nobody_thought_of_is_refused_to_keys_of_some_numbers(method: str) -> None:
    for path in ("/sessions/{session_id}/new", "/conversations/{conversation_id}/new", "/new", "/usage/new"):
        assert needs_all_numbers(method, path)


async def test_what_only_reads_says_so_and_what_it_takes(programs: Programs) -> None:
    answer = await programs.read.post("/sessions", json={"session_id": "shop"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (403, "read_only_key")
    assert problem["detail"] == "The access of this API key is read: it may not POST."
    assert "full" in problem["remedy"]
    assert (await programs.full.post("/sessions", json={"session_id": "shop"})).status_code == 201
    shown = (await programs.read.get("/sessions")).json()["items"]
    assert [one["session_id"] for one in shown] == ["limits", "shop"]


async def test_a_key_makes_no_other_and_reads_none(programs: Programs) -> None:
    for method, path in (("POST", "/api-keys"), ("GET", "/api-keys"), ("GET", "/api-keys/")):
        answer = await programs.full.request(method, path, json={"name": "more"} if method == "POST" else None)
        assert answer.status_code in {403, 404}
    assert len((await programs.person.get("/api-keys")).json()["items"]) == 3


async def test_people_may_what_they_could_before(programs: Programs) -> None:
    for method, path in ENDPOINTS:
        if path not in {"/auth/logout", "/sessions"}:
            assert (await programs.person.request(method, made_up(path))).status_code not in {401, 403}, path


def test_the_document_says_what_each_takes() -> None:
    for method, path, operation in OPERATIONS:
        ways = [name for way in operation["security"] for name in way]
        assert ways == (["bearer", "api_key"] if may(method, path) else ["bearer"]), path
        if method not in SAFE or not may(method, path):
            assert "403" in operation["responses"], path


def test_the_document_knows_both_ways() -> None:
    schemes = prosa.app.describe()["components"]["securitySchemes"]
    assert schemes.keys() == {"bearer", "api_key"}
    assert (schemes["api_key"]["in"], schemes["api_key"]["name"]) == ("header", "X-Api-Key")
