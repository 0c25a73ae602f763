"""How the real bridge is started: over a loopback port, over PostgreSQL, without its store."""

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import URL
from tests.fixtures.whatsapp import Line, alive, test_server, until

from prosa.ids import new_message_id
from prosa.whatsapp.bridge import BridgeEngine
from prosa.whatsapp.engine import EngineError, EngineErrorCode, TextContent
from prosa.whatsapp.process import BridgeOptions
from prosa_simulator.contacts import ContactBook
from prosa_simulator.network import Network

SHOP, ANA = "5511900000001", "5511988887777"


@pytest.fixture
def options(network: Network, bridge_binary: Path, tmp_path: Path) -> BridgeOptions:
    return BridgeOptions(
        store_url=f"sqlite://{tmp_path.as_posix()}/whatsapp.db",
        media_dir=tmp_path / "media",
        binary=bridge_binary,
        test_server=test_server(network),
    )


async def chat(engine: BridgeEngine, network: Network, contacts: ContactBook) -> None:
    """Link and say something both ways."""
    line = Line(engine, "loja")
    await line.link(network, SHOP)
    ana = await contacts.link(ANA, name="Ana")
    await ana.send_text(SHOP, "Oi")
    await line.message("Oi")
    await line.connection.send(ana.jid, new_message_id(), TextContent("Olá"))
    await ana.wait_for("Olá")


async def test_over_a_loopback_port(options: BridgeOptions, network: Network, contacts: ContactBook) -> None:
    engine = BridgeEngine(replace(options, use_tcp=True))
    await engine.start()
    await chat(engine, network, contacts)
    pid = engine.pid
    assert pid is not None
    await engine.stop()
    assert not alive(pid)


@pytest.mark.postgres
async def test_over_postgresql(
    options: BridgeOptions, network: Network, contacts: ContactBook, postgres_database_url: URL
) -> None:
    store = postgres_database_url.set(drivername="postgres").render_as_string(hide_password=False)
    engine = BridgeEngine(replace(options, store_url=store))
    await engine.start()
    await chat(engine, network, contacts)
    await engine.stop()
    database = await asyncpg.connect(store)
    try:
        row = await database.fetchrow("SELECT count(*) AS seen, count(plaintext) AS kept FROM whatsmeow_event_buffer")
    finally:
        await database.close()
    assert row["seen"] > 0
    assert row["kept"] == 0, "what is stored in Prosa need not be readable here"


async def test_a_store_that_is_away_is_tried_again(options: BridgeOptions, tmp_path: Path) -> None:
    """As when PostgreSQL starts after Prosa does."""
    folder = tmp_path / "later"
    folder.write_text("in the way of the folder that the store needs")
    engine = BridgeEngine(replace(options, store_url=f"sqlite://{folder.as_posix()}/whatsapp.db"))
    await engine.start()
    assert engine.pid is None
    with pytest.raises(EngineError) as caught:
        await Line(engine, "loja").open()
    assert caught.value.code is EngineErrorCode.ENGINE_DOWN
    folder.unlink()
    folder.mkdir()
    await until(lambda: engine.pid is not None)
    await Line(engine, "loja").open()
    await engine.stop()


async def test_many_requests_at_once(options: BridgeOptions, network: Network) -> None:
    engine = BridgeEngine(options)
    await engine.start()
    lines = [Line(engine, f"s{number}") for number in range(10)]
    await asyncio.gather(*(line.link(network, f"55119000001{number:02}") for number, line in enumerate(lines)))
    answers = await asyncio.gather(
        *(line.connection.resolve([f"+55119000001{number:02}"]) for line in lines for number in range(10))
    )
    assert all(user.on_whatsapp for users in answers for user in users)
    assert len(answers) == 100
    await engine.stop()
