"""Signatures, judged by the reference implementation of Standard Webhooks and by the specification's own example."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from prosa.clock import utc_now
from prosa.webhooks import signing
from prosa.webhooks.sending import Outcome, _retry_after


def test_the_reference_accepts_what_is_signed_and_nothing_else() -> None:
    secret, body, name = signing.new_secret(), '{"text": "olá"}'.encode(), signing.message_id(uuid4(), "0-1")
    headers = signing.headers([secret], name, utc_now(), body)
    assert Webhook(secret).verify(body, headers) == {"text": "olá"}
    for spoilt in (
        headers | {"webhook-id": "msg_x"},
        headers | {"webhook-timestamp": str(int(utc_now().timestamp()) - 1)},
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, spoilt)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(body, headers)


def test_each_of_two_secrets_is_enough() -> None:
    secrets = [signing.new_secret(), signing.new_secret()]
    headers = signing.headers(secrets, "msg_1", utc_now(), b"{}")
    assert [Webhook(secret).verify(b"{}", headers) for secret in secrets] == [{}, {}]


def test_an_event_has_one_name_for_each_webhook() -> None:
    one, other = uuid4(), uuid4()
    assert signing.message_id(one, "0-1") == signing.message_id(one, "0-1")
    assert len({signing.message_id(webhook, event) for webhook in (one, other) for event in ("0-1", "0-2")}) == 4
    assert "." not in signing.message_id(one, "0-1"), "which the specification forbids"


def test_a_secret_never_shows_in_what_is_logged() -> None:
    from prosa.webhooks.sending import Target

    assert "whsec" not in repr(Target("https://shop.example/", ("whsec_x",), {"Authorization": "whsec_y"}))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None), ("0", 1.0), ("30", 30.0), ("99999999999", 3600.0), (" 5 ", 5.0),
        ("-3", None), ("soon", None), ("", None),
        ("Wed, 21 Oct 2026 07:29:00 GMT", 60.0), ("Wed, 21 Oct 2026 07:00:00 GMT", 1.0),
        ("Wed, 21 Oct 2026 07:29:00 -0000", 60.0),
    ],
)  # fmt: skip
def test_how_long_a_receiver_asks_to_be_left_alone(text: str | None, seconds: float | None) -> None:
    assert _retry_after(text, datetime(2026, 10, 21, 7, 28, tzinfo=UTC)) == seconds


def test_only_410_is_for_ever() -> None:
    for status in (404, 410, 500, None):
        outcome = Outcome(ok=False, status=status, error="x", response=None, duration_ms=1)
        assert outcome.gone == (status == 410)
