"""Killed at the worst instants of a message's way: one question survives several deaths, and is answered once."""

from contextlib import suppress

from sqlalchemy.engine import URL
from tests.faults.conftest import PROGRAM, settings_of, signed_in
from tests.flows.conftest import SHOP

from prosa_simulator.product.world import World

DEATHS = {"sqlite": ("received", "committing", "sent"), "postgresql": ("stored", "writing")}
"""See `tests.fixtures.dying`; in the order in which a message comes by."""


async def test_one_question_survives_every_death_and_is_answered_once(world: World, database_url: URL) -> None:
    prosa = world.prosa(settings=settings_of(database_url), program=PROGRAM)
    first, *later = DEATHS[database_url.get_backend_name()]
    prosa.environment["DYING_AT"] = first
    await prosa.start()
    async with signed_in(world, prosa) as stage:
        await stage.link()
        ana = await stage.ana()
        await ana.send_text(SHOP, "Does anybody survive?")
        assert await prosa.ended() == -9, prosa.log_tail()
        assert ana.receipts == [], "WhatsApp is not told that a message arrived before Prosa said so"
        for point in later:
            prosa.environment["DYING_AT"] = point
            with suppress(RuntimeError):  # it may be dead before it is ready
                await prosa.start()
            assert await prosa.ended() == -9, f"it did not come to {point}:\n{prosa.log_tail()}"
        del prosa.environment["DYING_AT"]
        await prosa.start()
        await ana.send_text(SHOP, "And now?")
        await ana.wait_for(lambda message: "And now?" in message.body, 60)
        stored = await stage.messages("And now?")
        assert [(m["author"], m["status"] != "failed") for m in stored] == [("contact", True), ("ai", True)] * 2
        assert [message.body.splitlines()[0] for message in ana.received] == [
            "You asked: Does anybody survive?", "You asked: And now?",
        ]  # fmt: skip
        assert [message.wa_id for message in ana.received] == [m["wa_id"] for m in stored if m["from_me"]]
        received = [e["id"] for e in stage.events.events if e["event"] == "message.received"]
        assert len(set(received)) == len(received) == 2, "each message is told once"
