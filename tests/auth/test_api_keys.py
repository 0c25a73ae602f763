"""API keys: what they look like, what a good one says, and every way in which one ends."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update
from tests.fixtures.databases import watched
from tests.fixtures.people import PASSWORD, People

from prosa.auth.api_keys import (
    ApiKeyEndedError,
    ApiKeyError,
    fingerprint,
    is_key,
    new_key,
    redacted,
    shown,
)
from prosa.auth.authenticator import Authenticator
from prosa.auth.caller import Access, Caller
from prosa.auth.key_uses import EVERY
from prosa.auth.models import ApiKey
from prosa.cache import Cache
from prosa.database import Database
from prosa.errors import NotAuthenticatedError
from prosa.users.api_keys import MadeKey
from prosa.users.models import Role, User
from prosa.users.service import COMMAND_LINE, UserChanges


@pytest.fixture
def people(database: Database, cache: Cache) -> People:
    return People(database, cache)


async def person(people: People, email: str = "ana@example.com", role: Role = Role.OWNER) -> Caller:
    user = await people.users.create(COMMAND_LINE, email=email, password=PASSWORD, role=role)
    return Caller(user.id, user.role)


async def make(people: People, owner: Caller, *, access: Access = Access.FULL, days: int | None = None) -> MadeKey:
    return await people.keys.create(owner, name="n8n", access=access, days=days)


async def last_used(people: People) -> object:
    await people.authenticator.key_uses.stop()  # finishes what is being written
    async with people.database.read() as db:
        return (await db.execute(select(ApiKey.last_used_at))).scalar_one()


def test_keys_are_random_and_look_alike() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == len({fingerprint(key) for key in keys}) == 1000
    for key in keys:
        assert is_key(key)
        assert len(key) == 6 + 43  # 32 bytes in Base64
        assert len(shown(key)) == 12
        assert key not in repr(fingerprint(key))


@pytest.mark.parametrize(
    "text", [f"prosa_{rest}" for rest in ("", "x", "x" * 44, "é" * 43, "x" * 42 + "\n", "x" * 43 + "\n", "x" * 10**6)]
)
def test_what_is_no_key_is_refused_before_the_database_is_asked(text: str) -> None:
    with pytest.raises(ApiKeyError) as refused:
        fingerprint(text)
    assert text not in refused.value.detail + refused.value.remedy


def test_logs_hold_only_what_may_be_shown_of_a_key() -> None:
    key = new_key()
    assert redacted(f"/api-keys/{key}/x") == f"/api-keys/{shown(key)}…/x"
    assert redacted(f"/{key}/{key[:-9]}") == f"/{shown(key)}…/{shown(key)}…"
    assert redacted("/sessions/prosa_shop") == "/sessions/prosa_shop"
    assert redacted("/sessions") == "/sessions"


@pytest.mark.parametrize("access", Access)
async def test_a_key_stands_for_its_owner_with_the_role_of_now(people: People, access: Access) -> None:
    await person(people, "other@example.com")
    owner = await person(people)
    made = await make(people, owner, access=access)
    assert await people.authenticator.authenticate(made.secret) == Caller(
        owner.user_id, "owner", None, access, made.row.id
    )
    await people.users.update(COMMAND_LINE, owner.user_id, UserChanges(role=Role.AGENT))
    assert (await people.authenticator.authenticate(made.secret)).role == "agent"


async def test_only_the_whole_key_lets_in_and_it_is_stored_nowhere(people: People) -> None:
    made = await make(people, await person(people))
    assert made.secret not in repr(made)
    for wrong in (
        new_key(),
        made.secret[:-1],
        made.secret + "x",
        made.secret.upper(),
        made.row.prefix,
        f" {made.secret}",
    ):
        with pytest.raises(NotAuthenticatedError):
            await people.authenticator.authenticate(wrong)
    async with people.database.read() as db:
        row = (await db.execute(text("SELECT * FROM api_keys"))).one()
    assert made.secret not in str(row)
    assert made.secret[12:] not in str(row)
    with pytest.raises(ApiKeyError):
        await people.authenticator.authenticate(f"prosa_{row.hash[:43]}")


async def test_it_is_one_query_by_an_index(people: People) -> None:
    made = await make(people, await person(people))
    with watched(people.database) as statements:
        await people.authenticator.authenticate(made.secret)
    asked = [statement for statement, _ in statements if "api_keys" in statement and statement.startswith("SELECT")]
    assert len(asked) == 1
    assert asked[0].count("SELECT") == 1


async def test_it_ends_when_it_runs_out(people: People) -> None:
    owner = await person(people)
    made, lasting = await make(people, owner, days=30), await make(people, owner)
    assert made.row.expires_at == people.clock.now + timedelta(days=30)
    people.clock.advance(30 * 86_400 - 1)
    await people.authenticator.authenticate(made.secret)
    people.clock.advance(1)
    with pytest.raises(ApiKeyEndedError, match="has run out"):
        await people.authenticator.authenticate(made.secret)
    people.clock.advance(10 * 365 * 86_400)
    await people.authenticator.authenticate(lasting.secret)


async def test_it_ends_at_once_when_it_is_revoked(people: People) -> None:
    owner = await person(people)
    made, other = await make(people, owner), await make(people, owner)
    await people.authenticator.authenticate(made.secret)
    await people.keys.revoke(owner, made.row.id)
    with pytest.raises(ApiKeyEndedError, match="was revoked"):
        await people.authenticator.authenticate(made.secret)
    await people.authenticator.authenticate(other.secret)


async def test_it_ends_with_its_owner_but_not_with_their_sign_ins(people: People) -> None:
    await person(people, "other@example.com")
    owner = await person(people)
    made = await make(people, owner)
    sign_in = await people.sign_ins.login(email="ana@example.com", password=PASSWORD, address=None)
    await people.sign_ins.logout(await people.authenticator.authenticate(sign_in.access_token), everywhere=True)
    await people.users.update(COMMAND_LINE, owner.user_id, UserChanges(password="another password"))
    await people.authenticator.authenticate(made.secret)
    await people.users.delete(COMMAND_LINE, owner.user_id)
    with pytest.raises(ApiKeyError):
        await people.authenticator.authenticate(made.secret)
    async with people.database.read() as db:
        assert (await db.execute(select(ApiKey.id))).all() == []


async def test_the_last_use_is_written_at_most_once_a_minute(people: People) -> None:
    made = await make(people, await person(people))
    assert await last_used(people) is None
    begun = people.clock.now
    with watched(people.database) as statements:
        await asyncio.gather(*(people.authenticator.authenticate(made.secret) for _ in range(20)))
        assert await last_used(people) == begun
        people.clock.advance(EVERY.total_seconds() - 1)
        await people.authenticator.authenticate(made.secret)
        assert await last_used(people) == begun
        assert sum(statement.startswith("UPDATE api_keys") for statement, _ in statements) == 1
        people.clock.advance(1)
        await people.authenticator.authenticate(made.secret)
        assert await last_used(people) == people.clock.now
        assert sum(statement.startswith("UPDATE api_keys") for statement, _ in statements) == 2


async def test_processes_together_write_the_last_use_once_a_minute(people: People) -> None:
    owner = await person(people)
    made = await make(people, owner)
    there = Authenticator(people.database, people.access_tokens, people.clock)
    begun = people.clock.now
    await people.authenticator.authenticate(made.secret)
    assert await last_used(people) == begun
    people.clock.advance(10)
    there.key_uses.used(made.row.id, None)  # it read the row before the other one wrote
    await there.key_uses.stop()
    assert await last_used(people) == begun


async def test_a_use_that_cannot_be_written_fails_no_request(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await make(people, await person(people))

    async def away(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(people.database, "submit", away)
        await people.authenticator.authenticate(made.secret)
        assert await last_used(people) is None
    people.clock.advance(EVERY.total_seconds())
    await people.authenticator.authenticate(made.secret)
    assert await last_used(people) == people.clock.now


async def test_a_use_of_a_key_that_is_gone_harms_nothing(people: People) -> None:
    owner = await person(people)
    made = await make(people, owner)
    async with people.database.write() as db:
        await db.execute(update(ApiKey).values(last_used_at=people.clock.now))
        await db.execute(delete(User).where(User.id == owner.user_id))
    people.authenticator.key_uses.used(made.row.id, None)
    await people.authenticator.key_uses.stop()
