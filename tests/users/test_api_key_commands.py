"""`prosa key`, as a person types it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.fixtures.conversations import add_session
from tests.fixtures.people import ACCESS, KEY
from typer.testing import CliRunner, Result

from prosa.auth.api_keys import is_key
from prosa.auth.authenticator import Authenticator
from prosa.auth.caller import Access, Caller
from prosa.auth.tokens import AccessTokens
from prosa.auth.vault import Vault
from prosa.cli import app
from prosa.database import Database
from prosa.errors import NotAuthenticatedError
from prosa.outgoing import Outgoing, Rules
from prosa.settings import Settings
from prosa.users.models import User
from prosa.webhooks.schemas import WebhookCreate
from prosa.webhooks.service import WebhookService


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROSA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    run("user", "add", "ana@nas.local", "--password-stdin", typed="correct horse battery")
    return tmp_path / "data"


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, arguments, input=typed)


def authenticated(data_dir: Path, key: str) -> Caller | None:
    async def read() -> Caller | None:
        database = Database(Settings(_env_file=None, data_dir=data_dir).sqlalchemy_url)
        authenticator = Authenticator(database, AccessTokens(KEY, ACCESS))
        try:
            return await authenticator.authenticate(key)
        except NotAuthenticatedError:
            return None
        finally:
            await authenticator.key_uses.stop()
            await database.close()

    return asyncio.run(read())


def test_making_listing_and_revoking(data_dir: Path) -> None:
    nothing = run("key", "list", "ana@nas.local")
    assert "has no API keys" in nothing.output
    assert "prosa key create ana@nas.local" in nothing.output

    made = run("key", "create", "ANA@nas.local", "n8n [prod]")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()  # alone, so that a script can take it
    assert is_key(key)
    assert "not shown again" in made.stderr
    reading = run("key", "create", "ana@nas.local", "report", "--read", "--days", "30").stdout.strip()
    caller = authenticated(data_dir, reading)
    assert caller is not None
    assert caller.key is Access.READ

    listing = run("key", "list", "ana@nas.local").output
    lines = listing.splitlines()
    assert [line for line in lines if key[:12] in line and "n8n [prod]" in line and "full" in line and "never" in line]
    assert [line for line in lines if reading[:12] in line and "report" in line and "read" in line]
    assert key not in listing
    assert reading not in listing

    revoked = run("key", "revoke", key[:12])
    assert revoked.output.strip() == f"Revoked {key[:12]} (n8n [prod])."
    assert authenticated(data_dir, key) is None
    assert authenticated(data_dir, reading) is not None
    whole = run("key", "revoke", reading)
    assert whole.exit_code == 0
    assert reading not in whole.output
    assert authenticated(data_dir, reading) is None
    assert "has no API keys" in run("key", "list", "ana@nas.local").output


def on_database(data_dir: Path, job: Callable[[Database], Awaitable[Any]]) -> Any:
    async def run_it() -> Any:
        database = Database(Settings(_env_file=None, data_dir=data_dir).sqlalchemy_url)
        try:
            return await job(database)
        finally:
            await database.close()

    return asyncio.run(run_it())


async def owner_in(database: Database) -> Caller:
    async with database.read() as db:
        return Caller((await db.execute(select(User.id))).scalar_one(), "owner")


def test_a_key_of_some_numbers(data_dir: Path) -> None:
    async def numbers(database: Database) -> None:
        for number in ("shop", "salon"):
            await add_session(database, await owner_in(database), number)

    on_database(data_dir, numbers)
    made = run("key", "create", "ana@nas.local", "n8n", "--number", "shop", "--number", "salon")
    assert made.exit_code == 0, made.output
    assert "of salon, shop only" in made.stderr
    caller = authenticated(data_dir, made.stdout.strip())
    assert caller is not None
    assert caller.numbers == frozenset({"salon", "shop"})
    whole = run("key", "create", "ana@nas.local", "all")
    assert "of all numbers" in whole.stderr
    lines = run("key", "list", "ana@nas.local").output.splitlines()
    assert [line for line in lines if "n8n" in line and "salon, shop" in line]
    assert [line for line in lines if whole.stdout[:12] in line and line.count("all") == 2]  # its name, its numbers

    wrong = run("key", "create", "ana@nas.local", "n8n", "--number", "shop", "--number", "shap")
    assert wrong.exit_code == 1
    assert "there is no such number of yours: shap" in wrong.output


def test_revoking_tells_of_webhooks_that_stay(data_dir: Path) -> None:
    made = run("key", "create", "ana@nas.local", "n8n").stdout.strip()
    caller = authenticated(data_dir, made)
    assert caller is not None

    async def webhooks(database: Database) -> None:
        service = WebhookService(database, Vault("k" * 40), Outgoing(Rules()))
        for by in (caller, caller, await owner_in(database)):
            await service.create(by, WebhookCreate(url="https://shop.example/hook"))

    on_database(data_dir, webhooks)
    assert "2 webhooks have their address from it" in run("key", "revoke", made[:12]).output


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["create", "ana", "n8n"], 2, "not an e-mail address"),
        (["create", "bob@nas.local", "n8n"], 1, "Nobody here"),
        (["create", "ana@nas.local", " "], 2, "1 to 100 characters"),
        (["create", "ana@nas.local", "x" * 101], 2, "1 to 100 characters"),
        (["create", "ana@nas.local", "n8n", "--days", "0"], 2, "greater than or equal to 1"),
        (["list", "bob@nas.local"], 1, "Nobody here"),
        (["revoke", "prosa_nobody"], 1, "no such API key"),
        (["revoke", ""], 1, "no such API key"),
    ],
)
@pytest.mark.usefixtures("data_dir")
def test_mistakes_are_explained(arguments: list[str], status: int, says: str) -> None:
    result = run("key", *arguments)
    assert result.exit_code == status
    assert says in result.output
    assert "Traceback" not in result.output
