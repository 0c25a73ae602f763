"""Leased rows: one holder at a time, taken over after the lease, never finished by one who lost it."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Table, update

from prosa import leases
from prosa.clock import utc_now
from prosa.database import Database
from prosa.ids import new_id
from prosa.sessions.models import WhatsAppSession
from prosa.users.models import User

TABLE: Table = WhatsAppSession.__table__  # type: ignore[assignment]
LEASE = timedelta(seconds=10)


async def rows(database: Database, count: int, due_at: datetime) -> None:
    now = utc_now()
    async with database.write() as db:
        user = User(id=new_id(), email="o@example.com", role="owner", created_at=now, updated_at=now)
        db.orm.add(user)
        await db.flush()
        for n in range(count):
            db.orm.add(
                WhatsAppSession(
                    session_id=f"s{n}", user_id=user.id, due_at=due_at + timedelta(seconds=n), settings={}, extra={}
                )
            )


async def claim(database: Database, owner: str, now: datetime, limit: int = 100) -> list[str]:
    async with database.write() as db:
        claimed = await leases.claim(
            db, TABLE, owner=owner, now=now, lease=LEASE, limit=limit, returning=[TABLE.c.session_id]
        )
    return [row.session_id for row in claimed]


async def test_due_rows_are_claimed_once_in_order(database: Database) -> None:
    now = utc_now()
    await rows(database, 5, now - timedelta(seconds=3))
    assert await claim(database, "a", now, limit=2) == ["s0", "s1"]
    assert await claim(database, "b", now) == ["s2", "s3"]  # s4 is due in a second
    assert await claim(database, "b", now) == []


async def test_claimers_at_the_same_moment_share_without_overlap(database: Database) -> None:
    now = utc_now()
    await rows(database, 60, now - timedelta(minutes=5))
    shares = await asyncio.gather(*(claim(database, f"w{n}", now, limit=20) for n in range(6)))
    names = [name for share in shares for name in share]
    assert len(names) == len(set(names))
    rest = await claim(database, "last", now)
    assert sorted(names + rest) == sorted(f"s{n}" for n in range(60))


async def test_a_lease_that_ran_out_is_taken_over_and_its_first_holder_may_not_finish(database: Database) -> None:
    now = utc_now()
    await rows(database, 1, now)
    assert await claim(database, "frozen", now) == ["s0"]
    later = now + LEASE + timedelta(seconds=1)
    assert await claim(database, "second", later) == ["s0"]
    async with database.write() as db:
        row_id = (await db.execute(TABLE.select())).one().id
    with pytest.raises(leases.LeaseLostError):
        async with database.write() as db:
            await leases.hold(db, TABLE, row_id, owner="frozen", now=later)
    async with database.write() as db:
        await leases.hold(db, TABLE, row_id, owner="second", now=later)


async def test_a_holder_whose_lease_ran_out_may_not_finish_even_if_nobody_took_over(database: Database) -> None:
    now = utc_now()
    await rows(database, 1, now)
    await claim(database, "late", now)
    async with database.write() as db:
        row_id = (await db.execute(TABLE.select())).one().id
    with pytest.raises(leases.LeaseLostError):
        async with database.write() as db:
            await leases.hold(db, TABLE, row_id, owner="late", now=now + LEASE)


@pytest.mark.postgres
async def test_nobody_takes_over_while_the_holder_finishes(postgres_database: Database) -> None:
    """On SQLite nobody else writes meanwhile."""
    now = utc_now()
    await rows(postgres_database, 1, now)
    await claim(postgres_database, "slow", now)
    async with postgres_database.read() as db:
        row_id = (await db.execute(TABLE.select())).one().id
    later = now + LEASE
    async with postgres_database.write() as db:
        await leases.hold(db, TABLE, row_id, owner="slow", now=later - timedelta(seconds=1))
        assert await claim(postgres_database, "quick", later) == [], "its lease ran out within the transaction"
        await db.execute(update(TABLE).where(TABLE.c.id == row_id).values(leases.released(None)))
    assert await claim(postgres_database, "quick", later) == []


async def test_renewal_prolongs_only_what_is_still_held(database: Database) -> None:
    now = utc_now()
    await rows(database, 4, now - timedelta(seconds=10))
    await claim(database, "a", now)
    async with database.write() as db:
        ids = {row.session_id: row.id for row in await db.execute(TABLE.select())}
        await db.execute(update(TABLE).where(TABLE.c.id == ids["s1"]).values(lease_owner="b"))
        ended = now + timedelta(seconds=1)
        await db.execute(update(TABLE).where(TABLE.c.id == ids["s3"]).values(lease_until=ended))
    soon = now + LEASE / 2
    async with database.write() as db:
        kept = await leases.renew(db, TABLE, list(ids.values()), owner="a", now=soon, lease=LEASE)
    assert kept == {ids["s0"], ids["s2"]}
    assert await claim(database, "c", now + LEASE + timedelta(seconds=1)) == ["s1", "s3"]


async def test_released_rows_are_free_and_due_as_said(database: Database) -> None:
    now = utc_now()
    await rows(database, 2, now - timedelta(seconds=10))
    await claim(database, "a", now)
    async with database.write() as db:
        await db.execute(
            update(TABLE).where(TABLE.c.session_id == "s0").values(**leases.released(now + timedelta(seconds=5)))
        )
        await db.execute(update(TABLE).where(TABLE.c.session_id == "s1").values(**leases.released(None)))
    assert await claim(database, "b", now) == []
    assert await claim(database, "b", now + timedelta(seconds=6)) == ["s0"]


async def test_a_graceful_stop_gives_everything_back(database: Database) -> None:
    now = utc_now()
    await rows(database, 3, now - timedelta(seconds=10))
    await claim(database, "a", now)
    async with database.write() as db:
        assert await leases.release_all(db, TABLE, owner="a") == 3
    assert len(await claim(database, "b", now)) == 3


def test_backoff_grows_to_its_ceiling_with_jitter() -> None:
    waits = [[leases.backoff(n, base=1, ceiling=60).total_seconds() for _ in range(50)] for n in range(12)]
    for n, sample in enumerate(waits):
        top = min(60.0, 2.0**n)
        assert all(top / 2 <= wait <= top for wait in sample)
        assert len(set(sample)) > 1
