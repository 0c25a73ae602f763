"""The short form of `python -m bench faults`: killed at random moments under load, and judged by the same code."""

from pathlib import Path

import pytest
from bench.faults import VICTIMS, VICTIMS_OF_SEVERAL, Account, judge, trial

FINE = Account([("Q1-0-0", "a"), ("Q1-0-1", "b")], [("x", "about Q1-0-0"), ("y", "about Q1-0-1")], 0, ["a", "b"])
NOTHING = {"inbound": 2, "lost": 0, "unanswered": 0, "doubled": 0, "resent_same_id": 0, "misordered": 0}


@pytest.mark.parametrize(("processes", "victims"), [(1, VICTIMS), (2, VICTIMS_OF_SEVERAL)])
async def test_nothing_is_lost_doubled_or_out_of_order_whoever_is_killed_and_when(
    tmp_path: Path, processes: int, victims: tuple[str, ...]
) -> None:
    async with trial(tmp_path, seed=20, people=2, processes=processes) as made:
        rounds = [await made.round() for _ in victims]
        counts = judge(await made.accounts())
    assert counts["inbound"] >= 2 + 2 * len(victims)
    wrong = {name: counts[name] for name in ("lost", "unanswered", "doubled", "misordered")}
    assert not any(wrong.values()), (wrong, rounds, made.prosa.log_tail(80))


@pytest.mark.parametrize(
    ("shown", "stored", "wrong"),
    [
        ([("x", "about Q1-0-0 Q1-0-1")], "ab", {}),
        ([("x", "about Q1-0-0"), ("y", "about Q1-0-1")], "a", {"lost": 1}),
        ([("x", "about Q1-0-0")], "ab", {"unanswered": 1}),
        ([("x", "about Q1-0-0"), ("y", "about Q1-0-0 Q1-0-1")], "ab", {"doubled": 1}),
        ([("y", "about Q1-0-1"), ("x", "about Q1-0-0")], "ab", {"misordered": 1}),
        ([("x", "about Q1-0-0"), ("y", "about Q1-0-1")], "ba", {"misordered": 1}),
    ],
)
def test_the_judge_sees_what_went_wrong(shown: list[tuple[str, str]], stored: str, wrong: dict[str, int]) -> None:
    assert judge([FINE]) == NOTHING
    assert judge([Account(FINE.asked, shown, 0, list(stored))]) == NOTHING | wrong
