"""Baileys, a client that shares no code with whatsmeow, against the network: an independent check of the protocol."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from prosa.errors import ConfigurationError
from prosa.whatsapp.process import find_binary
from prosa_simulator.contacts import ContactBook
from prosa_simulator.network import Network

HERE = Path(__file__).parent
CACHE = HERE.parents[2] / ".cache" / "baileys"
ANA, BIA = "5511999990001", "5511999990002"

pytestmark = [pytest.mark.node, pytest.mark.timeout(300)]


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def installed() -> Path:
    """A folder in which the locked version of Baileys is installed."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        _missing("Node.js and npm are needed")
        raise AssertionError
    lock = (HERE / "package-lock.json").read_bytes()
    done = CACHE / "installed.lock"
    if not done.exists() or done.read_bytes() != lock:
        CACHE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, CACHE / name)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        result = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=240, check=False)
        if result.returncode:
            _missing(f"npm could not install Baileys: {result.stderr[-500:]}")
        done.write_bytes(lock)
    return CACHE


class Client:
    """One Baileys process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._seen: list[dict[str, Any]] = []

    @classmethod
    async def start(cls, installed: Path, network: Network, folder: Path, *extra: str) -> "Client":
        node = shutil.which("node")
        assert node
        process = await asyncio.create_subprocess_exec(
            node,
            str(HERE / "client.js"),
            str(folder),
            network.url,
            network.root_public_key,
            *extra,
            cwd=installed,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process)

    async def event(self, kind: str, **match: Any) -> dict[str, Any]:
        """The next event of a kind with these facts; earlier ones of other kinds are kept."""
        async with asyncio.timeout(60):
            while True:
                for event in self._seen:
                    if event["event"] == kind and all(event.get(name) == value for name, value in match.items()):
                        self._seen.remove(event)
                        return event
                assert self._process.stdout
                line = await self._process.stdout.readline()
                assert line, f"the client ended before {kind}; it said {self._seen}"
                self._seen.append(json.loads(line))

    async def send(self, to: str, text: str) -> str:
        self._write({"send": text, "to": to})
        return str((await self.event("sent"))["id"])

    async def create(self, name: str, *members: str) -> dict[str, Any]:
        """Make a group."""
        self._write({"create": name, "members": members})
        return await self.event("group")

    async def stop(self) -> None:
        self._write({"quit": True})
        try:
            await asyncio.wait_for(self._process.communicate(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.communicate()

    def _write(self, request: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request).encode() + b"\n")


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    network = Network()
    await network.start()
    yield network
    await network.stop()


async def test_two_baileys_clients_link_and_chat(installed: Path, network: Network, tmp_path: Path) -> None:
    network.options.list_phone_device = True  # Baileys encrypts for the phone when it is listed
    ana = await Client.start(installed, network, tmp_path / "ana")
    bia = await Client.start(installed, network, tmp_path / "bia", BIA)
    try:
        device = await network.phone(ANA, "Ana").scan((await ana.event("qr"))["qr"])
        assert (await ana.event("open"))["jid"] == str(device.jid)
        await network.phone(BIA, "Bia").type_code((await bia.event("code"))["code"])
        assert (await bia.event("open"))["lid"] == str(network.phone(BIA).devices[0].lid)

        sent = await ana.send(f"{BIA}@s.whatsapp.net", "oi, Bia")
        message = await bia.event("message", id=sent)
        assert message["text"] == "oi, Bia"
        assert message["pushName"] == "Ana"
        assert ANA in message["from"] + message["alt"]
        answer = await bia.send(message["from"], "oi, Ana")
        assert (await ana.event("message", id=answer))["text"] == "oi, Ana"
        again = await ana.send(f"{BIA}@s.whatsapp.net", "tudo bem?")
        assert (await bia.event("message", id=again))["text"] == "tudo bem?"

        record = network.messages.get(sent)
        assert record
        assert record.devices == [network.phone(BIA).devices[0].jid]
        assert record.receipts, "the recipient must confirm delivery"
    finally:
        await ana.stop()
        await bia.stop()


async def test_baileys_and_whatsmeow_chat_in_a_group_that_baileys_made(
    installed: Path, network: Network, tmp_path: Path
) -> None:
    try:
        find_binary(None)
    except ConfigurationError as error:
        _missing(f"{error.detail} {error.remedy}")
    network.options.list_phone_device = True
    book = ContactBook(network, tmp_path / "contacts")
    await book.start()
    ana = await Client.start(installed, network, tmp_path / "ana")
    try:
        await network.phone(ANA, "Ana").scan((await ana.event("qr"))["qr"])
        await ana.event("open")
        bia = await book.link(BIA, name="Bia")
        group = await ana.create("Family", f"{BIA}@s.whatsapp.net")
        assert (group["subject"], group["members"]) == ("Family", 2)
        for text in ("first, with the key", "second, without"):
            sent = await ana.send(group["id"], text)
            message = await bia.wait_for(text, 30)
            assert (message.wa_id, message.chat, message.push_name) == (sent, group["id"], "Ana")
            assert message.sender == f"{network.phone(ANA).lid}@lid"
        for text in ("hello, Ana", "are you there?"):
            sent = await bia.send_text(group["id"], text)
            got = await ana.event("message", id=sent)
            assert (got["from"], got["text"], got["pushName"]) == (group["id"], text, "Bia")
            assert got["author"].partition(":")[0].partition("@")[0] == network.phone(BIA).lid
        assert bia.undecryptable == []
    finally:
        await ana.stop()
        await book.stop()
