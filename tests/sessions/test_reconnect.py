"""How the end of a connection is judged, and how long to wait: no clock, no engine."""

import pytest

from prosa.sessions.linking import MAX_ROUNDS, Linking
from prosa.sessions.reconnect import LONGEST_WAIT, STEADY_SECONDS, Backoff, EndEvent, judge, judge_pairing
from prosa.sessions.state import MOVES, SessionStatus, may_move
from prosa.whatsapp.engine import (
    Banned,
    Closed,
    ConnectFailed,
    EngineDown,
    EngineError,
    EngineErrorCode,
    LoggedOut,
    Outdated,
    PairFailed,
    PasskeyFailed,
    StreamReplaced,
)


@pytest.mark.parametrize(
    ("end", "status", "reason", "final"),
    [
        (Closed("closed"), "closed", "disconnected", False),
        (Closed("keepalive"), "closed", "disconnected", False),
        (Closed("not_stored"), "closed", "not_stored", False),
        (LoggedOut("device_removed", 401), "logged_out", "device_removed", True),
        (LoggedOut("logged out from another device", 401), "logged_out", "device_removed", True),
        (StreamReplaced(), "closed", "stream_replaced", False),
        (Banned("sent too many", 60), "closed", "banned", False),
        (Outdated(), "closed", "outdated", False),
        (ConnectFailed(401, "x"), "logged_out", "device_removed", True),
        (ConnectFailed(403, "x"), "logged_out", "account_locked", True),
        (ConnectFailed(406, "x"), "logged_out", "account_banned", True),
        (ConnectFailed(405, "x"), "closed", "outdated", False),
        (ConnectFailed(503, "x"), "closed", "login_refused", False),
        (ConnectFailed(409, "x"), "closed", "login_refused", False),
        (EngineDown("x"), "closed", "engine_down", False),
        (PairFailed("x"), "closed", "pairing_failed", True),
        (PasskeyFailed("x"), "closed", "passkey_failed", True),
        (EngineError(EngineErrorCode.DEVICE_NOT_FOUND, "x"), "logged_out", "credentials_missing", True),
        (EngineError(EngineErrorCode.ENGINE_DOWN, "x"), "closed", "engine_down", False),
        (EngineError(EngineErrorCode.TIMEOUT, "x"), "closed", "connect_failed", False),
        (EngineError(EngineErrorCode.INTERNAL, "x"), "closed", "connect_failed", False),
    ],
)
def test_every_end_has_a_verdict(end: EndEvent, status: str, reason: str, final: bool) -> None:
    verdict = judge(end)
    assert (verdict.status.value, verdict.reason, verdict.final) == (status, reason, final)
    assert verdict.detail.endswith(".")
    assert verdict.forget_device == (status == "logged_out")


def test_a_replaced_connection_is_tried_once_and_then_left_alone() -> None:
    first, second = judge(StreamReplaced()), judge(StreamReplaced(), replaced_before=True)
    assert (first.retry_after, first.final) == (60, False)
    assert second.final
    assert "Another program" in second.detail


def test_a_ban_is_waited_for_until_it_ends() -> None:
    assert judge(Banned("x", 3600)).retry_after == 3630
    assert judge(Banned("x", 0)).retry_after == 3600


def test_a_server_in_trouble_is_asked_more_often_than_one_that_refuses() -> None:
    assert judge(ConnectFailed(503, "x")).ceiling < judge(ConnectFailed(409, "x")).ceiling


@pytest.mark.parametrize(
    ("code", "reason", "final"),
    [
        (EngineErrorCode.PAIRING_REFUSED, "pairing_refused", True),
        (EngineErrorCode.RATE_LIMITED, "rate_limited", True),
        (EngineErrorCode.NOT_CONNECTED, "connect_failed", False),
    ],
)
def test_a_refused_pairing_code_has_a_verdict(code: EngineErrorCode, reason: str, final: bool) -> None:
    verdict = judge_pairing(EngineError(code, "x"))
    assert (verdict.reason, verdict.final) == (reason, final)


def test_waits_are_none_then_double_up_to_a_minute() -> None:
    backoff = Backoff(lambda low, high: high)
    assert [backoff.after(None) for _ in range(9)] == [0, 1, 2, 4, 8, 16, 32, LONGEST_WAIT, LONGEST_WAIT]


def test_waits_have_jitter_within_half() -> None:
    backoff = Backoff()
    backoff.after(None)
    backoff.after(None)
    waits = [Backoff.after(backoff, None) / 2 ** (n + 1) for n in range(4)]
    assert all(0.5 <= wait <= 1 for wait in waits)
    assert len(set(waits)) == 4


def test_a_steady_connection_lets_waits_begin_anew_and_a_short_one_does_not() -> None:
    backoff = Backoff(lambda low, high: high)
    waits = [backoff.after(seconds) for seconds in (1, 1, 1, STEADY_SECONDS - 1)]
    assert waits == [0, 1, 2, 4]
    assert backoff.after(STEADY_SECONDS) == 0
    backoff.after(1)
    backoff.reset()
    assert backoff.after(1) == 0


@pytest.mark.parametrize(("method", "phone", "reason"), [("qr", None, "qr_expired"), ("code", "55", "pairing_expired")])
def test_linking_ends_after_some_rounds_of_codes(method: str, phone: str | None, reason: str) -> None:
    linking = Linking(method, phone)
    ends = [linking.used_up() for _ in range(MAX_ROUNDS)]
    assert ends[:-1] == [None] * (MAX_ROUNDS - 1)
    assert ends[-1] is not None
    assert (ends[-1].reason, ends[-1].final) == (reason, True)


def test_a_pairing_code_is_asked_for_once_a_connection() -> None:
    linking = Linking("code", "5511999990001")
    assert [linking.code_due(), linking.code_due()] == ["5511999990001", None]
    linking.used_up()
    assert linking.code_due() == "5511999990001"
    assert Linking("qr", None).code_due() is None


def test_every_state_may_fall_and_rise_again() -> None:
    for status in SessionStatus:
        for down in (SessionStatus.CLOSED, SessionStatus.LOGGED_OUT, SessionStatus.CONNECTING):
            assert may_move(status, down)
    assert set(MOVES) == set(SessionStatus)


@pytest.mark.parametrize(
    ("old", "new"), [("open", "qr"), ("passkey", "qr"), ("closed", "qr"), ("logged_out", "open"), ("pairing", "qr")]
)
def test_impossible_moves_are_refused(old: str, new: str) -> None:
    assert not may_move(SessionStatus(old), SessionStatus(new))
