"""Whether and when the AI answers."""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prosa.sessions.facts import SessionFacts
from prosa.sessions.settings import SessionSettings
from prosa.sessions.state import SessionStatus
from prosa.turns.policy import (
    Arrival,
    SkipReason,
    decide_before_asking,
    decide_before_sending,
    decide_on_arrival,
    due_at,
    wants_answer,
)
from prosa.whatsapp.engine import InboundMessage, MediaInfo, MessageType

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CONTACT = "5511@s.whatsapp.net"


@dataclass(frozen=True)
class Talk:
    kind: str = "contact"
    contact_jid: str = CONTACT
    contact_lid: str | None = None
    ai_enabled: bool = True
    ai_paused_until: datetime | None = None
    ai_stopped_until: datetime | None = None
    last_inbound_at: datetime | None = NOW
    waiting_since: datetime | None = NOW
    due_at: datetime | None = NOW
    ai_forced: bool = False


TALK = Talk()
SHOP = SessionFacts("shop", uuid.uuid4(), SessionStatus.OPEN, None, None, SessionSettings())
HELLO = InboundMessage(
    wa_id="A1", chat=CONTACT, sender=CONTACT, from_me=False, is_group=False, timestamp=NOW,
    type=MessageType.TEXT, body="hello",
)  # fmt: skip


def number(**settings: Any) -> SessionFacts:
    return replace(SHOP, settings=SessionSettings(**settings))


def arrive(
    message: InboundMessage = HELLO,
    talk: Talk = TALK,
    unready: str | None = None,
    *,
    addressed: bool = False,
    **settings: Any,
) -> Arrival:
    return decide_on_arrival(number(**settings), message, talk, now=NOW, unready=unready, addressed=addressed)


def test_a_contacts_text_is_answered_after_the_quiet_time() -> None:
    assert arrive() == Arrival(due_in=1.0)
    assert arrive(debounce_seconds=0) == Arrival(due_in=0)


@pytest.mark.parametrize(
    "message",
    [
        replace(HELLO, from_me=True),
        replace(HELLO, type=MessageType.REACTION, body="👍", reacts_to="B"),
        replace(HELLO, type=MessageType.SYSTEM),
        replace(HELLO, type=MessageType.UNKNOWN, body=""),
        replace(HELLO, edits="B"),
        replace(HELLO, revokes="B", body=""),
    ],
)
def test_what_means_nothing_for_the_ai(message: InboundMessage) -> None:
    assert arrive(message) == Arrival()
    assert arrive(message, unready="no_api_key") == Arrival(), "not even a reason"


@pytest.mark.parametrize(
    ("talk", "settings", "unready", "reason"),
    [
        (Talk(kind="group"), {}, None, SkipReason.GROUP),
        (Talk(kind="status"), {}, None, SkipReason.STATUS),
        (Talk(kind="channel"), {}, None, SkipReason.CHANNEL),
        (Talk(), {"ai_enabled": False}, None, SkipReason.AI_OFF),
        (Talk(ai_enabled=False), {}, None, SkipReason.CONVERSATION_OFF),
        (Talk(ai_paused_until=NOW + timedelta(seconds=1)), {}, None, SkipReason.PAUSED),
        (Talk(ai_paused_until=NOW, ai_stopped_until=NOW + timedelta(seconds=1)), {}, None, SkipReason.PAUSED),
        (Talk(), {}, "no_api_key", SkipReason.NO_API_KEY),
        (Talk(), {"audience": {"ignored": ["+55 11"]}}, None, SkipReason.IGNORED),
        (
            Talk(contact_lid="9@lid"),
            {"audience": {"ignored": ["9@lid"]}, "ai_enabled": False},
            None,
            SkipReason.IGNORED,
        ),
        (Talk(kind="group", ai_enabled=False), {"ai_enabled": False}, "no_api_key", SkipReason.GROUP),
    ],
)
def test_skipped_with_a_reason(talk: Talk, settings: dict[str, Any], unready: str | None, reason: SkipReason) -> None:
    assert arrive(talk=talk, unready=unready, **settings) == Arrival(skip=reason)
    assert decide_before_sending(number(**settings), talk, now=NOW, unready=unready) is reason
    assert decide_before_asking(number(**settings), talk, now=NOW, unready=unready) is reason


def test_a_pause_ends_by_itself() -> None:
    assert arrive(talk=Talk(ai_paused_until=NOW)) == Arrival(due_in=1.0)


def test_a_number_that_is_no_longer_linked() -> None:
    gone = replace(SHOP, status=SessionStatus.LOGGED_OUT)
    assert decide_before_sending(gone, Talk(), now=NOW) is SkipReason.LOGGED_OUT
    offline = replace(SHOP, status=SessionStatus.CLOSED)
    assert decide_before_sending(offline, Talk(), now=NOW) is None


@pytest.mark.parametrize("type_", [MessageType.IMAGE, MessageType.AUDIO, MessageType.DOCUMENT, MessageType.STICKER])
def test_files_without_words_are_answered_unless_that_is_off(type_: MessageType) -> None:
    silent: Any = {"understanding": {"voice": False, "images": False, "documents": False, "otherwise": "silence"}}
    file = MediaInfo("application/pdf" if type_ is MessageType.DOCUMENT else f"{type_.value}/ogg")
    bare = replace(HELLO, type=type_, body=" ", media=file)
    sticker = type_ is MessageType.STICKER
    assert arrive(bare) == (Arrival(skip=SkipReason.MEDIA_ONLY) if sticker else Arrival(due_in=1.0))
    assert arrive(bare, **silent) == Arrival(skip=SkipReason.MEDIA_ONLY)
    assert arrive(replace(bare, body="what is this?"), **silent) == Arrival(due_in=1.0)
    assert wants_answer(type_.value, "words")


def test_the_wait_starts_anew_with_each_message_up_to_a_limit() -> None:
    settings = SessionSettings(debounce_seconds=4, debounce_max_seconds=10)
    assert due_at(settings, now=NOW, waiting_since=None) == NOW + timedelta(seconds=4)
    assert due_at(settings, now=NOW, waiting_since=NOW - timedelta(seconds=3)) == NOW + timedelta(seconds=4)
    assert due_at(settings, now=NOW, waiting_since=NOW - timedelta(seconds=8)) == NOW + timedelta(seconds=2)
    assert due_at(settings, now=NOW, waiting_since=NOW - timedelta(seconds=60)) == NOW - timedelta(seconds=50)
    short = SessionSettings(debounce_seconds=4, debounce_max_seconds=0)
    assert due_at(short, now=NOW, waiting_since=None) == NOW


CLOSED = {"enabled": True, "weekly": {"monday": ["09:00-18:00"]}}
"""On a Tuesday."""


@pytest.mark.parametrize(
    ("talk", "settings", "reason"),
    [
        (Talk(), {}, None),
        (Talk(last_inbound_at=NOW - timedelta(hours=12)), {}, None),
        (Talk(last_inbound_at=NOW - timedelta(hours=12, seconds=1)), {}, SkipReason.TOO_OLD),
        (Talk(last_inbound_at=NOW - timedelta(days=99)), {"turns": {"catch_up_minutes": None}}, None),
        (Talk(last_inbound_at=NOW - timedelta(minutes=2)), {"turns": {"catch_up_minutes": 0}}, None),
        (Talk(last_inbound_at=NOW - timedelta(minutes=3)), {"turns": {"catch_up_minutes": 0}}, SkipReason.TOO_OLD),
        (Talk(last_inbound_at=NOW - timedelta(minutes=3)), {"turns": {"catch_up_minutes": 3}}, None),
        (Talk(last_inbound_at=None), {}, None),
        (Talk(last_inbound_at=NOW - timedelta(days=9), ai_forced=True), {}, None),
        (Talk(), {"hours": CLOSED}, SkipReason.OUT_OF_HOURS),
        (Talk(), {"hours": CLOSED | {"enabled": False}}, None),
        (Talk(), {"hours": CLOSED | {"outside": "ai"}}, None),
        (Talk(ai_forced=True), {"hours": CLOSED}, None),
        (Talk(ai_forced=True, ai_enabled=False), {}, SkipReason.CONVERSATION_OFF),
        (Talk(last_inbound_at=NOW - timedelta(days=9)), {"hours": CLOSED}, SkipReason.TOO_OLD),
    ],
)
def test_age_and_hours_count_when_a_turn_begins(
    talk: Talk, settings: dict[str, Any], reason: SkipReason | None
) -> None:
    assert decide_before_asking(number(**settings), talk, now=NOW) is reason
    if reason in {SkipReason.TOO_OLD, SkipReason.OUT_OF_HOURS}:
        assert decide_before_sending(number(**settings), talk, now=NOW) is None, "what was begun in time is sent"


@pytest.mark.parametrize("minutes", [0, 1, 30])
@pytest.mark.parametrize(
    ("age", "arrived", "due", "reason"),
    [
        (60, 0, 0, None),  # a provider asked for time
        (60, None, 0, None),  # the same, after a try
        (61, 0, 0, SkipReason.TOO_OLD),
        (60, 0, 15, None),  # the machine is full
        (60, 0, 16, SkipReason.TOO_OLD),  # Prosa was away
        (60, 60, 0, SkipReason.TOO_OLD),  # the number was
    ],
)
def test_what_came_live_may_wait_for_a_while(
    minutes: int, age: int, arrived: int | None, due: int, reason: SkipReason | None
) -> None:
    written = NOW - timedelta(minutes=age)
    came = written + timedelta(minutes=arrived) if arrived is not None else None
    talk = Talk(last_inbound_at=written, waiting_since=came, due_at=NOW - timedelta(minutes=due))
    assert decide_before_asking(number(turns={"catch_up_minutes": minutes}), talk, now=NOW) is reason


def test_a_file_out_of_hours_is_out_of_hours_first() -> None:
    picture = replace(HELLO, type=MessageType.IMAGE, body="")
    assert arrive(picture, hours=CLOSED) == Arrival(skip=SkipReason.OUT_OF_HOURS)
    silent = {"otherwise": "silence", "images": False}
    assert arrive(picture, hours=CLOSED | {"outside": "ai"}, understanding=silent) == Arrival(
        skip=SkipReason.MEDIA_ONLY
    )


@pytest.mark.parametrize(
    ("groups", "addressed", "expected"),
    [
        ("off", True, Arrival(skip=SkipReason.GROUP)),
        ("on", False, Arrival(due_in=1.0)),
        ("mentioned", True, Arrival(due_in=1.0)),
        ("mentioned", False, Arrival()),
    ],
)
def test_groups(groups: str, addressed: bool, expected: Arrival) -> None:
    talk = Talk(kind="group", contact_jid="1@g.us")
    message = replace(HELLO, chat="1@g.us", is_group=True)
    assert arrive(message, talk, addressed=addressed, audience={"groups": groups}) == expected
    if expected.due_in is not None:
        ignored = {"groups": groups, "ignored": ["5511"]}
        assert arrive(message, talk, addressed=addressed, audience=ignored) == Arrival(skip=SkipReason.IGNORED)
