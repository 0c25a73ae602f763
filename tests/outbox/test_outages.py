"""What is sent while a database is away: written down when it is back, and not sent anew for that."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import add_owner, add_session
from tests.fixtures.sending import until
from tests.outbox.conftest import Office

from prosa.database import Database
from prosa.events.bus import Bus
from prosa.outbox import attempts, claims
from prosa.outbox import sender as sender_module
from prosa.whatsapp.engine import EngineErrorCode


@pytest.fixture
async def office(sqlite_database: Database, bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sender_module, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(attempts, "OFFLINE_SECONDS", 0.05)
    session = await add_session(sqlite_database, await add_owner(sqlite_database))
    office = Office(sqlite_database, bus, tmp_path / "media", session)
    yield office
    await office.sender.stop()


async def test_a_message_sent_while_the_database_went_away_is_sent_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, away, refused = office.database.submit, False, 0

    async def maybe(job: Callable[..., Awaitable[Any]], **options: Any) -> Any:
        nonlocal refused
        if away:
            refused += 1
            raise ConnectionRefusedError
        return await submit(job, **options)

    async def cut(_: str) -> None:
        nonlocal away
        away = True

    monkeypatch.setattr(office.database, "submit", maybe)
    office.connection.before_send = cut
    queued = await office.queue("once")
    office.numbers.opened("main")
    await office.sender.start()
    await office.tried(1)
    await until(lambda: _more(lambda: refused, 3))
    assert (await office.row(queued)).status == "sending"
    away = False
    await office.sent(1)
    assert await office.statuses() == ["sent"]
    assert office.connection.texts() == ["once"]


async def test_credentials_that_cannot_be_read_for_a_while_cost_no_try_and_it_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.connection.failures.extend([EngineErrorCode.STORE] * (attempts.MAX_ATTEMPTS + 2))
    errors: list[str | None] = []
    retry = claims.write_retry

    async def note(*args: Any, **values: Any) -> None:
        errors.append(values["error"])
        await retry(*args, **values)

    monkeypatch.setattr(claims, "write_retry", note)
    queued = await office.queue("later")
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    row = await office.row(queued)
    assert (row.status, row.attempts, row.error) == ("sent", 0, None)
    assert set(errors) == {"store: as the test wants"}


async def _more(count: Callable[[], int], than: int) -> bool:
    return count() > than
