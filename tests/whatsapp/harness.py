"""The engine over a scripted bridge process, for tests."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prosa.whatsapp.bridge import BridgeEngine
from prosa.whatsapp.engine import Connection, EngineEvent, TextContent
from prosa.whatsapp.process import BridgeOptions

FAKE = Path(__file__).parent / "fake_bridge.py"
SCRIPT = "script@s.whatsapp.net"


class Harness:
    """An engine over the scripted bridge, and what that bridge was told."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.options = BridgeOptions(store_url="sqlite:////tmp/none.db", media_dir=directory, binary=FAKE)
        self.engine = BridgeEngine(self.options)

    def plan(self, **plan: Any) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "plan.json").write_text(json.dumps(plan))

    @property
    def journal(self) -> list[dict[str, Any]]:
        path = self.directory / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def told(self, method: str) -> list[dict[str, Any]]:
        return [entry for entry in self.journal if entry.get("method") == method]

    @property
    def acks(self) -> list[tuple[int, bool]]:
        """What was answered, in order; events that were stored at the same moment share a frame."""
        return [
            (seq, entry["ok"])
            for entry in self.journal
            if "ack" in entry or "acks" in entry
            for seq in entry.get("acks", [entry.get("ack")])
        ]

    async def do(self, connection: Connection, *command: Any) -> None:
        """Have the fake bridge do something to this session."""
        await connection.send(SCRIPT, "X", TextContent(json.dumps(command)))


class Recorder:
    """A handler that keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[EngineEvent] = []

    async def __call__(self, event: EngineEvent) -> None:
        self.events.append(event)

    def of(self, type_: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, type_)]


async def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    """Wait for a condition that becomes true by itself."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)
