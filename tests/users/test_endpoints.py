"""Signing in and people over HTTP."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.fixtures.http import client_of
from tests.fixtures.people import PASSWORD, People

ANA = {"email": "Ana@Example.com", "password": PASSWORD, "name": " Ana "}


@pytest.fixture
async def guest(people: People) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(people.app()) as client:
        yield client


async def sign_up(guest: httpx.AsyncClient) -> dict[str, Any]:
    """Register the owner, sign `guest` in as them, and return the answer."""
    response = await guest.post("/auth/register", json=ANA)
    assert response.status_code == 201, response.text
    tokens: dict[str, Any] = response.json()
    guest.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return tokens


def code(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


async def test_from_the_first_start_to_signing_out(guest: httpx.AsyncClient) -> None:
    assert (await guest.get("/auth/state")).json() == {"owner_exists": False}
    tokens = await sign_up(guest)
    assert (await guest.get("/auth/state")).json() == {"owner_exists": True}
    assert (tokens["token_type"], tokens["expires_in"], tokens["refresh_expires_in"]) == ("Bearer", 900, 2592000)
    assert tokens["user"]["email"] == "ana@example.com"
    assert tokens["user"]["name"] == "Ana"
    assert "password" not in tokens["user"]
    assert (await guest.get("/auth/me")).json() == tokens["user"]
    again = await guest.post("/auth/login", json={"email": "ANA@example.COM ", "password": PASSWORD})
    assert again.json()["user"] == tokens["user"]
    renewed = (await guest.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert (await guest.post("/auth/logout")).status_code == 204
    assert code(await guest.get("/auth/me")) == (401, "not_authenticated")
    assert code(await guest.post("/auth/refresh", json={"refresh_token": renewed["refresh_token"]})) == (
        401,
        "sign_in_ended",
    )
    other = {"Authorization": f"Bearer {again.json()['access_token']}"}
    assert (await guest.post("/auth/logout", json={"everywhere": True}, headers=other)).status_code == 204
    assert (await guest.get("/auth/me", headers=other)).status_code == 401


async def test_registration_is_closed_after_the_owner(guest: httpx.AsyncClient) -> None:
    await sign_up(guest)
    assert code(await guest.post("/auth/register", json=ANA)) == (409, "already_set_up")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": b"Bearer \xe9\xff"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/auth/me"),
        ("PATCH", "/auth/me"),
        ("POST", "/auth/logout"),
        ("GET", "/users"),
        ("POST", "/users"),
        *((method, f"/users/{uuid.UUID(int=1)}") for method in ("GET", "PATCH", "DELETE")),
    ],
)
async def test_nothing_without_a_token(
    guest: httpx.AsyncClient, method: str, path: str, headers: dict[str, Any]
) -> None:
    response = await guest.request(method, path, headers=headers, json={})
    assert code(response) == (401, "not_authenticated")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_too_many_tries_say_when_to_come_back(guest: httpx.AsyncClient) -> None:
    await sign_up(guest)
    wrong = {"email": "ana@example.com", "password": "wrong wrong wrong"}
    for _ in range(5):
        assert code(await guest.post("/auth/login", json=wrong)) == (401, "wrong_credentials")
    response = await guest.post("/auth/login", json=wrong)
    assert code(response) == (429, "too_many_requests")
    assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "no"}, "body.email"),
        ({"email": "a\x00b@example.com"}, "body.email"),
        ({"email": "a" * 250 + "@example.com"}, "body.email"),
        ({"email": None}, "body.email"),
        ({"password": "short"}, "body.password"),
        ({"password": "x" * 129}, "body.password"),
        ({"password": 1234567890}, "body.password"),
        ({"name": ""}, "body.name"),
        ({"name": "   "}, "body.name"),
        ({"name": "a\x00"}, "body.name"),
        ({"name": "x" * 201}, "body.name"),
        ({"role": "owner"}, "body.role"),
    ],
)
async def test_what_registration_refuses(guest: httpx.AsyncClient, changes: dict[str, Any], field: str) -> None:
    response = await guest.post("/auth/register", json={**ANA, **changes})
    assert code(response) == (422, "invalid_input")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not (await guest.get("/auth/state")).json()["owner_exists"]


@pytest.mark.parametrize("email", ["not an address", "x" * 320, "ana@example.com'--", "\u0130@example.com"])
async def test_whatever_is_typed_to_sign_in_is_only_wrong(guest: httpx.AsyncClient, email: str) -> None:
    await sign_up(guest)
    response = await guest.post("/auth/login", json={"email": email, "password": PASSWORD})
    assert code(response) == (401, "wrong_credentials")


async def test_changing_ones_own_name_and_password(guest: httpx.AsyncClient) -> None:
    await sign_up(guest)
    assert (await guest.patch("/auth/me", json={"name": "Anna"})).json()["name"] == "Anna"
    assert (await guest.patch("/auth/me", json={})).json()["name"] == "Anna"
    assert (await guest.patch("/auth/me", json={"name": None})).json()["name"] is None
    lacking = await guest.patch("/auth/me", json={"new_password": "another password"})
    assert code(lacking) == (422, "invalid_input")
    wrong = await guest.patch(
        "/auth/me", json={"name": "X", "new_password": "another password", "current_password": "x"}
    )
    assert [error["field"] for error in wrong.json()["errors"]] == ["body.current_password"]
    assert (await guest.get("/auth/me")).json()["name"] is None
    both = {"name": "Ana", "new_password": "another password", "current_password": PASSWORD}
    assert (await guest.patch("/auth/me", json=both)).json()["name"] == "Ana"
    login = {"email": "ana@example.com", "password": "another password"}
    assert (await guest.post("/auth/login", json=login)).status_code == 200


async def test_an_owner_adds_lists_changes_and_deletes_people(guest: httpx.AsyncClient) -> None:
    owner = (await sign_up(guest))["user"]
    added = [
        (await guest.post("/users", json={"email": f"p{i}@example.com", "password": PASSWORD})).json() for i in range(4)
    ]
    assert added[0]["role"] == "agent"
    taken = await guest.post("/users", json={"email": "P1@example.com", "password": PASSWORD})
    assert code(taken) == (409, "email_taken")

    listed: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await guest.get("/users", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        assert 1 <= len(page["items"]) <= 2
        listed += page["items"]
        cursor = page["next_cursor"]
    assert listed == [owner, *added]

    bob = f"/users/{added[0]['id']}"
    changed = await guest.patch(bob, json={"role": "admin", "name": "Bob", "email": "bob@example.com"})
    assert (changed.json()["role"], changed.json()["name"]) == ("admin", "Bob")
    assert (await guest.get(bob)).json() == changed.json()
    assert (await guest.patch(bob, json={"role": None})).json()["role"] == "admin"
    assert (await guest.delete(bob)).status_code == 204
    assert code(await guest.get(bob)) == (404, "not_found")
    assert code(await guest.delete(bob)) == (404, "not_found")
    assert code(await guest.delete(f"/users/{owner['id']}")) == (409, "last_owner")


async def test_agents_are_kept_out_of_managing(guest: httpx.AsyncClient) -> None:
    owner = (await sign_up(guest))["user"]
    bob = (await guest.post("/users", json={"email": "bob@example.com", "password": PASSWORD})).json()
    login = await guest.post("/auth/login", json={"email": "bob@example.com", "password": PASSWORD})
    guest.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
    assert code(await guest.get("/users")) == (403, "forbidden")
    assert code(await guest.patch(f"/users/{bob['id']}", json={"role": "owner"})) == (403, "forbidden")
    assert code(await guest.delete(f"/users/{owner['id']}")) == (403, "forbidden")
    assert code(await guest.get(f"/users/{owner['id']}")) == (404, "not_found")
    assert (await guest.get(f"/users/{bob['id']}")).json() == bob


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJ4Il0", "WzFd", "bnVsbA", "é", "%00", "WyJhIiwiYiJd"])
async def test_cursors_from_elsewhere(guest: httpx.AsyncClient, cursor: str) -> None:
    await sign_up(guest)
    response = await guest.get("/users", params={"cursor": cursor})
    assert code(response) == (422, "invalid_input")
    assert response.json()["errors"][0]["field"] == "query.cursor"


async def test_methods_that_do_not_exist(guest: httpx.AsyncClient) -> None:
    response = await guest.delete("/auth/login")
    assert code(response) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
