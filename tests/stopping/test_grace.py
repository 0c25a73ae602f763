"""The time that a stop has, shared by parts that stop one after another."""

import asyncio
import sys

import pytest

from prosa.stopping import ANSWERS, OVERDUE_STATUS, REQUESTS, SENDING, Grace, end


def test_parts_share_the_time_and_those_before_leave_some_to_those_behind() -> None:
    now = 100.0
    grace = Grace(12, lambda: now)
    now = 500.0  # nothing runs before it begins
    grace.begin()
    assert [grace.left(share) for share in (REQUESTS, ANSWERS, SENDING)] == pytest.approx([4, 10, 12])
    now = 509.0
    grace.begin()
    assert [grace.left(share) for share in (REQUESTS, ANSWERS, SENDING)] == pytest.approx([0, 1, 3])


@pytest.mark.parametrize(("over", "status"), [(False, OVERDUE_STATUS), (True, 0)])
async def test_a_stop_that_hangs_is_ended_with_a_status_that_says_so(*, over: bool, status: int) -> None:
    program = (
        "import threading; from prosa import stopping; stopping.LAST_SECONDS = 0.01\n"
        "grace = stopping.Grace(0.01); grace.enforce(); grace.enforce()\n"
        f"{'grace.over()' if over else 'threading.Event().wait()'}"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, b"stop_overdue" in told) == (status, not over), told


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa.stopping.AGAIN_SECONDS", 0.01)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 2:
                    raise

    async def failing() -> None:
        raise ValueError

    tasks = [asyncio.create_task(work()) for work in (stubborn, failing)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(tasks)
        await end([])
    assert swallowed == 3
    assert [type(task.exception()) if not task.cancelled() else None for task in tasks] == [None, ValueError]
