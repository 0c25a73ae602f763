"""A gentle stop hands back what it cannot finish: nothing stays leased, and the next start answers it once."""

from pathlib import Path

from sqlalchemy.engine import URL
from tests.fixtures.conversations import add_owner, add_session, conversations, inbound, messages, receiver, run_sql
from tests.fixtures.databases import leases_held

from prosa.clock import utc_now
from prosa.database import Database
from prosa_simulator.gemini import GeminiServer
from prosa_simulator.gemini import answers as says
from prosa_simulator.product import ProsaProcess

KEY = "test-key"


async def test_turns_are_handed_back_and_made_by_the_next(database_url: URL, tmp_path: Path) -> None:
    database = Database(database_url)
    session = await add_session(database, await add_owner(database), debounce_seconds=0)
    await run_sql(database, "UPDATE whatsapp_sessions SET wanted = false, status = 'closed'")
    receive = receiver(database, tmp_path / "media")
    for number in range(3):
        chat = f"551199999000{number}@s.whatsapp.net"
        await receive.message(session, inbound("hello", chat=chat, timestamp=utc_now()))
    async with GeminiServer(api_key=KEY) as gemini:
        gemini.script.default = lambda _: says.Hang(then=says.Text("too late"))
        driver = "sqlite" if database.dialect == "sqlite" else "postgresql"
        url = database_url.set(drivername=driver).render_as_string(hide_password=False)
        settings = {
            "PROSA_DATABASE_URL": url, "PROSA_GEMINI_API_KEY": KEY, "PROSA_GEMINI_BASE_URL": gemini.base_url,
        }  # fmt: skip
        prosa = ProsaProcess(tmp_path / "data", settings)
        try:
            await prosa.start()
            await gemini.wait_hanging(3, within=60)
            assert await leases_held(database) == {"conversations": 3}
            assert await prosa.stop(seconds=60) == 0, prosa.log_tail()
            assert await leases_held(database) == {}
            waiting = await conversations(database)
            assert all(row.due_at is not None and row.answered_until == 0 for row in waiting)

            gemini.script.default = lambda _: "Hello!"
            gemini.release()
            await prosa.start()
            await gemini.requests.wait_for(lambda log: len(log.generations()) == 6, within=60)
        finally:
            await prosa.stop(seconds=60)
    assert [row.body for row in await messages(database) if row.author == "ai"] == ["Hello!"] * 3
    assert await leases_held(database) == {}
    await database.close()
