"""Who is answered."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from prosa.sessions.facts import SessionFacts
from prosa.sessions.settings import SessionSettings
from prosa.sessions.settings.audience import AudienceSettings
from prosa.sessions.state import SessionStatus
from prosa.turns.policy.audience import is_ignored, phone_forms, speaks_to
from prosa.whatsapp.engine import InboundMessage, MessageType

MARIA = "5511999990001@s.whatsapp.net"
OLD_MARIA = "551199990001@s.whatsapp.net"
LID = "90000000000001@lid"
GROUP = "120363000000000001@g.us"


@pytest.mark.parametrize(
    ("pattern", "addresses", "ignored"),
    [
        ("+55 (11) 99999-0001", (MARIA, None), True),
        ("5511999990001", (MARIA, LID), True),
        ("5511999990001", (OLD_MARIA, LID), True),
        ("551199990001", (MARIA, None), True),
        ("5511999990001", (LID, LID), False),
        ("551199999000", (MARIA, None), False),
        ("5511*", (MARIA, None), True),
        ("55119999*", (MARIA, None), True),
        ("*0001", (MARIA, None), True),
        ("*999*", (MARIA, None), True),
        ("5521*", (MARIA, None), False),
        ("5511*", (GROUP, None), False),
        (LID, (MARIA, LID), True),
        ("9000*@lid", (MARIA, LID), True),
        ("*@lid", (MARIA, None), False),
        ("*@g.us", (GROUP, None), True),
        ("*@g.us", (MARIA, LID), False),
        ("120363000000000001@*", (GROUP, None), True),
        (OLD_MARIA, (MARIA, None), True),
        (GROUP.upper(), (GROUP, None), True),
        ("351910000000", ("351910000000@s.whatsapp.net", None), True),
    ],
)
def test_the_list_of_those_never_answered(pattern: str, addresses: tuple[str | None, ...], ignored: bool) -> None:
    patterns = AudienceSettings(ignored=("4900000000", pattern)).ignored
    assert is_ignored(patterns, addresses) is ignored
    assert not is_ignored((), addresses)


@pytest.mark.parametrize("pattern", ["", "   ", "Maria", "12*34", "+55 11 9999x", "@", "a b@g.us", "1" * 16, "a@b@c"])
def test_what_is_neither_a_number_nor_an_address(pattern: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AudienceSettings(ignored=(pattern,))
    assert caught.value.errors()[0]["loc"] == ("ignored", 0)


@pytest.mark.parametrize(
    ("digits", "other"),
    [
        ("5511999990001", "551199990001"),
        ("551199990001", "5511999990001"),
        ("551133330001", None),
        ("5511933330001", None),
        ("351912345678", None),
        ("55", None),
    ],
)
def test_brazilian_mobile_numbers_with_and_without_the_ninth_digit(digits: str, other: str | None) -> None:
    assert phone_forms(digits) == [digits, *([other] if other else [])]


def test_messages_that_mention_or_quote_the_number() -> None:
    shop = SessionFacts(
        "shop", uuid.uuid4(), SessionStatus.OPEN, "5511888880000:7@s.whatsapp.net", "77:7@lid", SessionSettings()
    )
    message = InboundMessage("A", GROUP, MARIA, False, True, datetime.now(UTC), MessageType.TEXT, "@shop hi")
    assert not speaks_to(shop, message)
    assert speaks_to(shop, replace(message, mentions=("1@lid", "77@lid")))
    assert speaks_to(shop, replace(message, mentions=("5511888880000@s.whatsapp.net",)))
    assert not speaks_to(replace(shop, jid=None, lid=None), replace(message, mentions=("77@lid",)))
    assert speaks_to(shop, replace(message, quoted_sender="77@lid"))
    assert not speaks_to(shop, replace(message, quoted_sender=MARIA))
