"""Access tokens: only what we signed, unchanged and in time, is believed."""

import base64
import json
import uuid
from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.people import KEY, MovableClock

from prosa.auth.tokens import AccessTokens, RefreshTokens, derive_key
from prosa.errors import NotAuthenticatedError

USER, SIGN_IN = uuid.UUID(int=1), uuid.UUID(int=2)
SIGNING_KEY = derive_key(KEY, "access-token")


def make(clock: MovableClock | None = None, key: str = KEY) -> AccessTokens:
    return AccessTokens(key, timedelta(minutes=15), clock or MovableClock())


def claims(**changes: Any) -> dict[str, Any]:
    now = MovableClock()().timestamp()
    good = {"iss": "prosa", "typ": "access", "sub": str(USER), "sid": str(SIGN_IN), "iat": now, "exp": now + 900}
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def test_what_was_put_in_comes_out() -> None:
    tokens = make()
    read = tokens.read(tokens.make(USER, SIGN_IN, "owner"))
    assert (read.user_id, read.sign_in_id) == (USER, SIGN_IN)


def test_a_token_holds_until_its_last_second_and_no_longer() -> None:
    clock = MovableClock()
    tokens = make(clock)
    token = tokens.make(USER, SIGN_IN, "owner")
    clock.advance(899)
    tokens.read(token)
    clock.advance(1)
    with pytest.raises(NotAuthenticatedError, match="run out"):
        tokens.read(token)


def test_the_claims_used_below_are_good() -> None:
    assert make().read(jwt.encode(claims(), SIGNING_KEY, "HS256")).user_id == USER


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"typ": "refresh"},
        {"sub": "1"},
        {"sub": None},
        {"sub": 7},
        {"sid": "1"},
        {"sid": {"a": 1}},
        {"exp": "soon"},
        {"exp": None},
        {"exp": [1]},
        *({name: ...} for name in ("iss", "typ", "sub", "sid", "iat", "exp")),
    ],
)
def test_well_signed_nonsense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticatedError):
        make().read(jwt.encode(claims(**changes), SIGNING_KEY, "HS256"))


@pytest.mark.parametrize("key", [KEY.encode(), derive_key(KEY, "refresh-token"), b"x" * 32])
def test_tokens_signed_by_another_key_are_refused(key: bytes) -> None:
    with pytest.raises(NotAuthenticatedError):
        make().read(jwt.encode(claims(), key, "HS256"))


def test_another_algorithm_is_refused_even_with_our_key() -> None:
    with pytest.raises(NotAuthenticatedError):
        make().read(jwt.encode(claims(), SIGNING_KEY * 2, "HS512"))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "RS256", "", None])
def test_a_token_cannot_choose_how_it_is_checked(algorithm: str | None) -> None:
    def encode(part: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()

    unsigned = f"{encode({'alg': algorithm, 'typ': 'JWT'})}.{encode(claims())}"
    good_signature = jwt.encode(claims(), SIGNING_KEY, "HS256").rpartition(".")[2]
    for token in (f"{unsigned}.", unsigned, f"{unsigned}.{good_signature}"):
        with pytest.raises(NotAuthenticatedError):
            make().read(token)


def test_every_changed_character_is_noticed() -> None:
    tokens = make()
    token = tokens.make(USER, SIGN_IN, "agent")
    for i in range(0, len(token) - 1, 3):  # the last character holds bits that base64 does not use
        changed = token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :]
        with pytest.raises(NotAuthenticatedError):
            tokens.read(changed)


@given(st.one_of(st.text(max_size=300), st.text("abcEYJ.-_=", max_size=300)))
def test_junk_is_refused(text: str) -> None:
    with pytest.raises(NotAuthenticatedError):
        make().read(text)


@pytest.mark.parametrize("token", ["a" * 5000, "e30." + "e30" * 5000 + ".", "\ud800.e30.e30", "é.é.é"])
def test_odd_tokens_are_refused(token: str) -> None:
    with pytest.raises(NotAuthenticatedError):
        make().read(token)


def test_a_successor_is_always_the_same_and_only_ours() -> None:
    ours, others = RefreshTokens(KEY), RefreshTokens(KEY[::-1])
    assert ours.successor("a") == RefreshTokens(KEY).successor("a")
    assert len({ours.successor("a"), ours.successor("b"), others.successor("a"), "a"}) == 4
    assert len(ours.successor("a")) == 43  # 256 bits in base64
