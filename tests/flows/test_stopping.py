"""A gentle stop hands back what it cannot finish: nothing stays leased, and the next start answers it once."""

from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL
from tests.fixtures.conversations import add_owner, add_session, conversations, inbound, messages, receiver, run_sql
from tests.fixtures.databases import leases_held, sqlite_url
from tests.fixtures.sending import until as eventually
from tests.fixtures.whatsapp import until
from tests.flows.conftest import SHOP, Stage

from prosa.clock import utc_now
from prosa.database import Database
from prosa_simulator.gemini import GeminiServer
from prosa_simulator.gemini import answers as says
from prosa_simulator.product import ProsaProcess

KEY = "test-key"
QUICK, PATIENT, TYPIST = SHOP, "551140000002", "551140000003"
"""Numbers: one that answers at once, one that waits for more messages, one that types slowly."""


def itself(database: Database) -> dict[str, int]:
    """What a process holds that is there: on PostgreSQL, its place among those that share the numbers."""
    return {"gateways": 1} if database.dialect == "postgresql" else {}


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
            assert await leases_held(database) == {"conversations": 3} | itself(database)
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


async def test_a_stop_in_every_phase_of_a_turn_ends_in_order_and_each_question_is_answered_once(
    stage: Stage, database_url: URL
) -> None:
    script, network = stage.world.gemini.script, stage.world.network
    script.when("^hangs", says.Hang(then=says.Text("too late")))
    script.when("^slow", says.Text("after a while", latency=1.0))
    await stage.link("quick", QUICK)
    await stage.link("patient", PATIENT, debounce_seconds=15, debounce_max_seconds=15)
    script.when("^is typed", "a" * 100)
    await stage.link("typist", TYPIST, sending={"typing_ms_per_char": 200, "typing_max_seconds": 20, "jitter": 0})
    ana, bia, caio = [await stage.world.contacts.link(f"551198888000{number}") for number in range(3)]
    eva, rui = [await stage.world.contacts.link(f"551198888000{number}") for number in range(3, 5)]

    await bia.send_text(TYPIST, "is typed for a while")
    await stage.events.wait("ai.replied", lambda event: event["session"] == "typist")
    network.faults.withhold_acks(phone=QUICK, times=1)
    await caio.send_text(QUICK, "is not acknowledged")
    await caio.wait_until(lambda: caio.received, 30)
    await eva.send_text(QUICK, "hangs")
    await stage.world.gemini.wait_hanging(1, within=30)
    await ana.send_text(PATIENT, "waits for more")
    await stage.events.wait("message.received", lambda event: event["session"] == "patient")
    [typed] = await sent_by(stage, "typist")
    assert typed["status"] == "queued"
    postgres = database_url.get_backend_name() == "postgresql"
    database = Database(database_url if postgres else sqlite_url(stage.prosa.data_dir / "prosa.sqlite3"))
    held = {"conversations": 1, "messages": 1, "whatsapp_sessions": 3}
    assert await leases_held(database) == held | itself(database)
    await rui.send_text(QUICK, "slow")
    await until(lambda: any("slow" in asked.last_user_text for asked in stage.world.gemini.requests.generations()), 30)

    status = await stage.prosa.stop(seconds=120)
    assert (status, "prosa stopped" in stage.prosa.log_tail(), "stop_overdue" in stage.prosa.log_tail(200)) == (
        0, True, False,
    ), stage.prosa.log_tail()  # fmt: skip
    assert await leases_held(database) == {}

    script.reset()
    stage.world.gemini.release()
    await stage.prosa.start()
    everybody = (ana, bia, caio, eva, rui)
    for contact in everybody:
        await contact.wait_until(lambda of=contact: of.received, 60)  # type: ignore[misc]

    async def written() -> bool:
        """Whether every answer is known to be with WhatsApp: a phone shows it a moment before that."""
        sent = [row for row in await messages(database) if row.from_me]
        return {(row.author, row.status) for row in sent} <= {("ai", "sent"), ("ai", "delivered")}

    await eventually(written, 60)
    assert sum(row.from_me for row in await messages(database)) == len(everybody)
    assert [len(contact.received) for contact in everybody] == [1] * len(everybody)
    await database.close()


async def sent_by(stage: Stage, number: str) -> list[dict[str, Any]]:
    """Return the messages that a number wrote, or is about to."""
    found: list[dict[str, Any]] = []
    for conversation in (await stage.api.get("/conversations", session=number))["items"]:
        page = await stage.api.get(f"/conversations/{conversation['id']}/messages")
        found += [message for message in page["items"] if message["from_me"]]
    return found
