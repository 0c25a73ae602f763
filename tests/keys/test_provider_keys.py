"""People's keys: kept sealed, never shown, used first."""

import ast
import importlib.util
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text
from tests.fixtures.conversations import add_owner
from tests.fixtures.http import client_of, create_test_app

from prosa.auth.caller import Caller
from prosa.auth.keys import Key
from prosa.auth.vault import Vault
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.keys.endpoints import router
from prosa.keys.keyring import Keyring
from prosa.keys.providers import FIXED
from prosa.keys.service import ProviderKeyService
from prosa.outgoing import Rules

SECRET = "AIzaSy-top-secret-1234"
VAULT = Vault("k" * 40)


@pytest.fixture
async def ring(database: Database, bus: Bus) -> AsyncIterator[Keyring]:
    ring = Keyring(database, VAULT, bus)
    await ring.start()
    yield ring
    await ring.stop()


@pytest.fixture
async def owner(database: Database) -> Caller:
    return await add_owner(database)


def client(database: Database, ring: Keyring, caller: Caller, **rules: Any) -> AbstractAsyncContextManager[AsyncClient]:
    service = ProviderKeyService(database, VAULT, ring, Rules(**rules))
    return client_of(create_test_app({ProviderKeyService: service}, [router], caller))


async def test_a_key_is_used_shown_by_its_end_and_removed(database: Database, ring: Keyring, owner: Caller) -> None:
    other = await add_owner(database, "bia@example.com")
    async with client(database, ring, owner) as api:
        put = await api.put("/provider-keys/google", json={"key": SECRET})
        assert put.status_code == 200
        assert SECRET not in put.text
        shown = (await api.get("/provider-keys")).json()
        assert [(k["provider"], k["scope"], k["hint"], k["base_url"]) for k in shown] == [
            ("google", "own", "…1234", None)
        ]
        assert ring.of(owner.user_id)["google"] == Key(SECRET)
        assert SECRET not in repr(ring.of(owner.user_id))
        assert ring.of(other.user_id) == {}
        await api.put("/provider-keys/google", json={"key": "another-key-5678"})
        assert len((await api.get("/provider-keys")).json()) == 1
        assert ring.of(owner.user_id)["google"].secret == "another-key-5678"
        assert (await api.delete("/provider-keys/google")).status_code == 204
        assert (await api.delete("/provider-keys/google")).status_code == 404
    assert ring.of(owner.user_id) == {}
    async with client(database, ring, other) as api:
        assert (await api.get("/provider-keys")).json() == []


async def test_the_table_has_no_secret_and_a_copied_row_is_of_no_use(
    database: Database, ring: Keyring, owner: Caller
) -> None:
    async with client(database, ring, owner) as api:
        await api.put("/provider-keys/google", json={"key": SECRET})
    async with database.read() as db:
        [row] = (await db.execute(text("SELECT * FROM provider_keys"))).all()
    assert SECRET not in str(row)
    async with database.write() as db:
        await db.execute(text("UPDATE provider_keys SET id = :id"), {"id": uuid.uuid4().hex})
    await ring.refresh()
    assert ring.of(owner.user_id) == {}


async def test_the_installations_keys_are_managers_business(database: Database, ring: Keyring, owner: Caller) -> None:
    agent = Caller((await add_owner(database, "bia@example.com")).user_id, "agent")
    async with client(database, ring, agent) as api:
        assert (
            await api.put("/provider-keys/google", json={"key": SECRET, "scope": "installation"})
        ).status_code == 403
        assert (await api.delete("/provider-keys/google?scope=installation")).status_code == 403
    async with client(database, ring, owner) as api:
        await api.put("/provider-keys/google", json={"key": SECRET, "scope": "installation"})
    assert ring.of(agent.user_id)["google"].secret == SECRET
    async with client(database, ring, agent) as api:
        assert [k["scope"] for k in (await api.get("/provider-keys")).json()] == ["installation"]
        await api.put("/provider-keys/google", json={"key": "my-own-key-99"})
    assert ring.of(agent.user_id)["google"].secret == "my-own-key-99"
    assert ring.of(owner.user_id)["google"].secret == SECRET


@pytest.mark.parametrize(
    "body",
    [
        {"key": "abc"}, {"key": "a b c d e f"}, {"key": "chave-é-isto"}, {"key": SECRET, "base_url": "http://127.0.0.1:1/v1"},
        {"key": SECRET, "base_url": "http://[::1]/"}, {"key": SECRET, "base_url": "ftp://example.com"},
        {"key": SECRET, "base_url": "https://user:pass@example.com"}, {"key": SECRET, "base_url": "http://169.254.169.254/"},
        {"key": SECRET, "scope": "everybody"},
    ],
)  # fmt: skip
async def test_what_is_refused_shows_no_secret(sqlite_database: Database, bus: Bus, body: dict[str, Any]) -> None:
    owner = await add_owner(sqlite_database)
    async with client(sqlite_database, Keyring(sqlite_database, VAULT, bus), owner) as api:
        answer = await api.put("/provider-keys/openai", json=body)
        assert answer.status_code == 422
        assert SECRET not in answer.text


async def test_a_provider_without_addresses_says_so_at_once(sqlite_database: Database, bus: Bus) -> None:
    owner = await add_owner(sqlite_database)
    async with client(sqlite_database, Keyring(sqlite_database, VAULT, bus), owner) as api:
        body = {"key": SECRET, "base_url": "https://models.example.com/v1"}
        refused = await api.put("/provider-keys/deepseek", json=body)
        assert refused.status_code == 422
        [field] = refused.json()["errors"]
        assert (field["field"], field["code"]) == ("body.base_url", "address_not_taken")
        assert "openai-chat" in field["message"]
        assert (await api.put("/provider-keys/deepseek", json={"key": SECRET})).status_code == 200
        for provider in ("groq", "openai-chat", "anthropic", "mistral", "litellm", "ollama"):
            assert (await api.put(f"/provider-keys/{provider}", json=body)).status_code == 200


def test_what_is_said_of_addresses_is_so_in_pydantic_ai() -> None:
    """Read from its source: the packages of most providers are not installed here."""
    folder = Path(str(importlib.util.find_spec("pydantic_ai.providers").submodule_search_locations[0]))  # type: ignore[union-attr, index]
    by_itself = {"google-cloud", "huggingface", "bedrock"}
    seen = set()
    for file in folder.glob("*.py"):
        name = file.stem.replace("_", "-")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.lower() == f"{file.stem.replace('_', '')}provider":
                made = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
                takes = {one.arg for one in (*made[-1].args.args, *made[-1].args.kwonlyargs)} if made else set()
                fixed = not takes & {"base_url", "api_base"} or "http_client" not in takes or name in by_itself
                if name not in {"gateway", "openai-decisions", "sentence-transformers"}:
                    assert (name in FIXED) is fixed, name
                    seen.add(name)
    assert seen >= FIXED - {"azure-responses"}


async def test_an_installation_may_allow_its_own_network(sqlite_database: Database, bus: Bus) -> None:
    owner = await add_owner(sqlite_database)
    ring = Keyring(sqlite_database, VAULT, bus)
    async with client(sqlite_database, ring, owner, private=True) as api:
        await api.put("/provider-keys/openai", json={"key": SECRET, "base_url": "http://127.0.0.1:11434/v1"})
    assert ring.of(owner.user_id)["openai"] == Key(SECRET, "http://127.0.0.1:11434/v1")


async def test_another_process_hears_of_a_change(sqlite_database: Database, bus: Bus) -> None:
    owner = await add_owner(sqlite_database)
    here, there = Keyring(sqlite_database, VAULT, bus), Keyring(sqlite_database, VAULT, bus)
    async with client(sqlite_database, here, owner) as api:
        await there.start()
        await api.put("/provider-keys/google", json={"key": SECRET})
        async with bus.listen("nothing") as signal:
            for _ in range(200):
                if there.of(owner.user_id):
                    break
                await signal.wait(0.05)
        await there.stop()
    assert there.of(owner.user_id)["google"].secret == SECRET
