"""API keys over HTTP: made, shown once, renamed, revoked, and nobody else's business."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select
from tests.fixtures.conversations import add_session
from tests.fixtures.http import client_of
from tests.fixtures.people import PASSWORD, People

from prosa.auth.caller import Access, Caller
from prosa.auth.models import ApiKey
from prosa.errors import InvalidInputError, NotAuthenticatedError
from prosa.sessions.models import WhatsAppSession
from prosa.users import api_keys
from prosa.users.api_keys import KEPT_REVOKED, TooManyApiKeysError
from prosa.users.service import COMMAND_LINE

MISSING = uuid.UUID(int=1)


async def signed_in(people: People, client: httpx.AsyncClient, email: str) -> httpx.AsyncClient:
    await people.users.create(COMMAND_LINE, email=email, password=PASSWORD)
    answer = await client.post("/auth/login", json={"email": email, "password": PASSWORD})
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return client


@pytest.fixture
async def ana(people: People) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(people.app()) as client:
        yield await signed_in(people, client, "ana@example.com")


@pytest.fixture
async def bob(people: People, ana: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(people.app()) as client:
        yield await signed_in(people, client, "bob@example.com")


async def make(client: httpx.AsyncClient, name: str = "n8n", **more: Any) -> dict[str, Any]:
    answer = await client.post("/api-keys", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def names(client: httpx.AsyncClient) -> list[str]:
    return [one["name"] for one in (await client.get("/api-keys")).json()["items"]]


def code(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


async def test_from_making_to_revoking(people: People, ana: httpx.AsyncClient) -> None:
    assert (await ana.get("/api-keys")).json() == {"items": [], "next_cursor": None}
    made = await make(ana, " n8n ", access="read", expires_in_days=90)
    key = made.pop("key")
    assert (made["name"], made["access"], made["prefix"], made["last_used_at"]) == ("n8n", "read", key[:12], None)
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert lasts == timedelta(days=90)
    listed = await ana.get("/api-keys")
    assert listed.json()["items"] == [made]
    assert key not in listed.text

    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"X-Api-Key": key},
        {"Authorization": "Basic YTpi", "X-Api-Key": key},
    ):
        async with client_of(people.app()) as program:
            assert (await program.get("/auth/me", headers=headers)).json()["email"] == "ana@example.com"
    await people.authenticator.key_uses.stop()
    used = (await ana.get("/api-keys")).json()["items"][0]["last_used_at"]
    assert datetime.fromisoformat(used) == people.clock.now

    renamed = await ana.patch(f"/api-keys/{made['id']}", json={"name": "Zapier"})
    assert renamed.json() == {**made, "name": "Zapier", "last_used_at": used}
    assert (await ana.delete(f"/api-keys/{made['id']}")).status_code == 204
    async with client_of(people.app(), token=key) as program:
        assert code(await program.get("/auth/me")) == (401, "api_key_ended")
    assert await names(ana) == []
    assert code(await ana.delete(f"/api-keys/{made['id']}")) == (404, "not_found")
    assert code(await ana.patch(f"/api-keys/{made['id']}", json={"name": "x"})) == (404, "not_found")


async def test_left_out_it_is_full_and_lasts(ana: httpx.AsyncClient) -> None:
    made = await make(ana)
    assert (made["access"], made["expires_at"]) == ("full", None)


async def test_the_keys_own_header_comes_first(people: People, ana: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    key = (await make(bob))["key"]
    assert (await ana.get("/auth/me", headers={"X-Api-Key": key})).json()["email"] == "bob@example.com"
    assert code(await ana.get("/auth/me", headers={"X-Api-Key": "prosa_wrong"})) == (401, "api_key_not_valid")


@pytest.mark.parametrize(("header", "before"), [(b"Authorization", b"Bearer "), (b"X-Api-Key", b"")])
@pytest.mark.parametrize("wrong", [b"prosa_", b"prosa_" + b"x" * 43, b"prosa_" + b"x" * 5000, b"prosa_\xe9\xff"])
async def test_a_wrong_key_lets_nobody_in_and_is_not_repeated(
    people: People, header: bytes, before: bytes, wrong: bytes
) -> None:
    async with client_of(people.app()) as nobody:
        answer = await nobody.get("/auth/me", headers={header: before + wrong})
    assert code(answer) == (401, "api_key_not_valid")
    assert "xxxx" not in answer.text
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "field", "fault"),
    [
        ({}, "body.name", "missing"),
        ({"name": " "}, "body.name", "string_too_short"),
        ({"name": "x" * 101}, "body.name", "string_too_long"),
        ({"name": "a\x00b"}, "body.name", "string_pattern_mismatch"),
        ({"name": 7}, "body.name", "string_type"),
        ({"name": "n", "access": "write"}, "body.access", "enum"),
        ({"name": "n", "access": None}, "body.access", "enum"),
        ({"name": "n", "expires_in_days": 0}, "body.expires_in_days", "greater_than_equal"),
        ({"name": "n", "expires_in_days": 3651}, "body.expires_in_days", "less_than_equal"),
        ({"name": "n", "expires_in_days": 1.5}, "body.expires_in_days", "int_from_float"),
        ({"name": "n", "key": "prosa_mine"}, "body.key", "extra_forbidden"),
    ],
)
async def test_what_is_wrong_is_named(ana: httpx.AsyncClient, body: dict[str, Any], field: str, fault: str) -> None:
    answer = await ana.post("/api-keys", json=body)
    assert code(answer) == (422, "invalid_input")
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(field, fault)]
    assert await names(ana) == []


async def test_a_key_is_its_owners_only(people: People, ana: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    made = await make(ana)
    assert await names(bob) == []
    for path in (f"/api-keys/{made['id']}", f"/api-keys/{MISSING}"):
        assert code(await bob.patch(path, json={"name": "mine"})) == (404, "not_found")
        assert code(await bob.delete(path)) == (404, "not_found")
    assert await names(ana) == ["n8n"]
    async with client_of(people.app(), token=made["key"]) as program:
        assert (await program.get("/auth/me")).status_code == 200


async def test_they_come_in_pages_the_newest_first(people: People, ana: httpx.AsyncClient) -> None:
    for name in "abcde":
        await make(ana, name)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await ana.get("/api-keys", params=query)).json()
        seen += [one["name"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == list("edcba")


async def test_there_are_at_most_fifty_good_ones(
    people: People, ana: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    first = await make(ana, expires_in_days=1)
    last = [await make(ana) for _ in range(49)][-1]
    refused = await ana.post("/api-keys", json={"name": "one more"})
    assert code(refused) == (409, "too_many_api_keys")
    assert "50" in refused.json()["detail"]
    await make(bob)
    await ana.delete(f"/api-keys/{last['id']}")
    await make(ana)
    assert (await ana.post("/api-keys", json={"name": "one more"})).status_code == 409
    people.clock.advance(86_400)  # the first one runs out, and is still shown
    answer = await ana.post("/auth/login", json={"email": "ana@example.com", "password": PASSWORD})
    ana.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    await make(ana)
    every = (await ana.get("/api-keys", params={"limit": 100})).json()["items"]
    assert len(every) == 51
    assert every[-1]["id"] == first["id"]


async def test_many_at_once_do_not_get_past_the_limit(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "MOST_KEYS", 3)
    user = await people.users.create(COMMAND_LINE, email="ana@example.com", password=PASSWORD)
    caller = Caller(user.id, user.role)
    results = await asyncio.gather(
        *(people.keys.create(caller, name=str(i), access=Access.FULL, days=None) for i in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, TooManyApiKeysError) for one in results) == 7
    assert len(await people.keys.page(caller, limit=100)) == 3


async def test_revoked_ones_are_forgotten_after_a_while(people: People) -> None:
    user = await people.users.create(COMMAND_LINE, email="ana@example.com", password=PASSWORD)
    caller = Caller(user.id, user.role)
    made = await people.keys.create(caller, name="old", access=Access.FULL, days=None)
    await people.keys.revoke(caller, made.row.id)

    async def kept() -> int:
        await people.keys.create(caller, name="new", access=Access.FULL, days=None)
        async with people.database.read() as db:
            return len((await db.execute(select(ApiKey.id).where(ApiKey.name == "old"))).all())

    people.clock.advance(KEPT_REVOKED.total_seconds())
    assert await kept() == 1
    people.clock.advance(1)
    assert await kept() == 0


async def test_somebody_who_is_deleted_meanwhile_gets_none(people: People) -> None:
    with pytest.raises(NotAuthenticatedError):
        await people.keys.create(Caller(MISSING, "owner"), name="n", access=Access.FULL, days=None)


async def id_of(client: httpx.AsyncClient) -> uuid.UUID:
    return uuid.UUID((await client.get("/auth/me")).json()["id"])


async def test_a_key_of_some_numbers_says_which(people: People, ana: httpx.AsyncClient) -> None:
    owner = Caller(await id_of(ana), "owner")
    for number in ("shop", "salon", "other"):
        await add_session(people.database, owner, number)
    whole = await make(ana, "all")
    made = await make(ana, "two", session_ids=["shop", "salon", "shop"])
    assert (whole["session_ids"], made["session_ids"]) == (None, ["salon", "shop"])
    caller = await people.authenticator.authenticate(made["key"])
    assert (caller.numbers, caller.key_id) == (frozenset({"shop", "salon"}), uuid.UUID(made["id"]))
    assert (await people.authenticator.authenticate(whole["key"])).numbers is None
    renamed = (await ana.patch(f"/api-keys/{made['id']}", json={"name": "both"})).json()
    assert (renamed["name"], renamed["session_ids"]) == ("both", ["salon", "shop"])

    for left, number in ((["shop"], "salon"), ([], "shop")):
        async with people.database.write() as db:
            await db.execute(delete(WhatsAppSession).where(WhatsAppSession.session_id == number))
        listed = {one["name"]: one["session_ids"] for one in (await ana.get("/api-keys")).json()["items"]}
        assert listed == {"all": None, "both": left}
        assert (await people.authenticator.authenticate(made["key"])).numbers == frozenset(left)
    await add_session(people.database, owner, "shop")  # another one of the same name
    assert (await people.authenticator.authenticate(made["key"])).numbers == frozenset()


async def test_numbers_that_are_not_ones_own_are_named(
    people: People, ana: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    await add_session(people.database, Caller(await id_of(ana), "owner"), "shop")
    await add_session(people.database, Caller(await id_of(bob), "agent"), "theirs")
    tried = [["theirs"], ["nothing"], ["shop", "nothing", "theirs"], ["SHOP"], [""]]
    for numbers in tried:
        answer = await ana.post("/api-keys", json={"name": "n", "session_ids": numbers})
        assert code(answer) == (422, "invalid_input"), numbers
        errors = answer.json()["errors"]
        assert {one["field"] for one in errors} == {"body.session_ids"}
        wrong = sorted(set(numbers) - {"shop"})
        assert [one["message"].split(": ")[1].split(";")[0] for one in errors] == wrong
    misshapen: list[Any] = [[], "shop", [1], ["x" * 65], ["shop\x00"], ["shop"] * 201]
    for wrongly in misshapen:
        answer = await ana.post("/api-keys", json={"name": "n", "session_ids": wrongly})
        assert code(answer) == (422, "invalid_input"), wrongly
        assert answer.json()["errors"][0]["field"].startswith("body.session_ids")
    assert await names(ana) == []


async def test_none_of_the_keys_numbers_means_no_number(people: People, ana: httpx.AsyncClient) -> None:
    owner = Caller(await id_of(ana), "owner")
    with pytest.raises(InvalidInputError, match="No number"):
        await people.keys.create(owner, name="n", access=Access.FULL, days=None, session_ids=[])


async def test_the_numbers_of_a_key_can_be_changed(people: People, ana: httpx.AsyncClient) -> None:
    owner = Caller(await id_of(ana), "owner")
    for number in ("shop", "salon"):
        await add_session(people.database, owner, number)
    made = await make(ana, "n8n", session_ids=["shop"])
    path = f"/api-keys/{made['id']}"
    async with client_of(people.app(), token=made["key"]) as program:
        assert code(await program.patch(path, json={"session_ids": None})) == (403, "sign_in_needed")
    for numbers in (["salon"], ["shop", "salon"], None, ["shop"]):
        answer = await ana.patch(path, json={"session_ids": numbers})
        assert (answer.status_code, answer.json()["name"]) == (200, "n8n")
        shown = sorted(numbers) if numbers is not None else None
        assert answer.json()["session_ids"] == shown
        assert (await ana.get("/api-keys")).json()["items"][0]["session_ids"] == shown
        caller = await people.authenticator.authenticate(made["key"])
        assert caller.numbers == (frozenset(numbers) if numbers is not None else None)
    both = await ana.patch(path, json={"name": "Zapier", "session_ids": ["salon"]})
    assert (both.json()["name"], both.json()["session_ids"]) == ("Zapier", ["salon"])
    assert (await ana.patch(path, json={})).json() == both.json()


async def test_numbers_that_a_key_cannot_be_given_change_nothing(
    people: People, ana: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    await add_session(people.database, Caller(await id_of(ana), "owner"), "shop")
    await add_session(people.database, Caller(await id_of(bob), "agent"), "theirs")
    made = await make(ana, "n8n", session_ids=["shop"])
    path = f"/api-keys/{made['id']}"
    for wrong in (["theirs"], ["shop", "nothing"], [], "shop", ["shop\x00"], ["shop"] * 201):
        answer = await ana.patch(path, json={"name": "other", "session_ids": wrong})
        assert code(answer) == (422, "invalid_input"), wrong
        assert answer.json()["errors"][0]["field"].startswith("body.session_ids")
    assert code(await ana.patch(path, json={"name": None})) == (422, "invalid_input")
    assert code(await bob.patch(path, json={"session_ids": ["theirs"]})) == (404, "not_found")
    [listed] = (await ana.get("/api-keys")).json()["items"]
    assert (listed["name"], listed["session_ids"]) == ("n8n", ["shop"])


async def test_a_key_whose_numbers_are_gone_can_be_given_others(people: People, ana: httpx.AsyncClient) -> None:
    owner = Caller(await id_of(ana), "owner")
    await add_session(people.database, owner, "shop")
    made = await make(ana, "n8n", session_ids=["shop"])
    async with people.database.write() as db:
        await db.execute(delete(WhatsAppSession).where(WhatsAppSession.session_id == "shop"))
    await add_session(people.database, owner, "salon")
    renamed = await ana.patch(f"/api-keys/{made['id']}", json={"name": "x"})
    assert renamed.json()["session_ids"] == []
    assert (await ana.patch(f"/api-keys/{made['id']}", json={"session_ids": ["salon"]})).json()["session_ids"] == [
        "salon"
    ]
