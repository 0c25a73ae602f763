from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.whatsapp.harness import Harness, Recorder


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return Harness(tmp_path / "media")


@pytest.fixture
async def running(harness: Harness) -> AsyncIterator[Harness]:
    await harness.engine.start()
    yield harness
    await harness.engine.stop()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
