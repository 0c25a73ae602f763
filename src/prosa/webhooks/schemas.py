"""What the REST API takes and shows of webhooks."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError
from sqlalchemy import Row

from prosa.auth.caller import Caller
from prosa.events.types import PAYLOADS
from prosa.forms import ASCII_ADDRESS, HEADER_NAME, HEADER_VALUE, NO_NUL
from prosa.webhooks import signing
from prosa.webhooks.models import DeliveryState, DisabledReason

EVENTS: tuple[str, ...] = tuple(payload.event for payload in PAYLOADS)
"""What can be subscribed to."""
MOST_HEADERS = 10
_TAKEN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "content-type", "content-encoding", "te", "upgrade"}
)


def _known_event(value: str) -> str:
    if value not in EVENTS:
        raise PydanticCustomError(
            "unknown_event", "there is no event of this name; known are: {known}", {"known": ", ".join(EVENTS)}
        )
    return value


def _own_header(value: str) -> str:
    if value.lower() in _TAKEN_HEADERS or value.lower().startswith("webhook-"):
        raise PydanticCustomError("header_taken", "this header is set by Prosa itself; choose another one")
    return value


def _distinct(value: dict[str, str]) -> dict[str, str]:
    if len({name.lower() for name in value}) < len(value):
        raise PydanticCustomError("header_twice", "a header is named twice; capitals make no difference")
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NO_NUL, strip_whitespace=True)]
Url = Annotated[
    str,
    StringConstraints(min_length=8, max_length=2000, pattern=ASCII_ADDRESS),
    Field(
        description="Each event is one POST to it. Redirects are not followed; private addresses only where the "
        "installation allows them (PROSA_OUTGOING_PRIVATE_ADDRESSES).",
        examples=["https://shop.example/hooks/prosa"],
    ),
]
EventName = Annotated[str, AfterValidator(_known_event), Field(json_schema_extra={"enum": list(EVENTS)})]
Events = Annotated[
    list[EventName],
    Field(max_length=100, description="Which events; none: all.", examples=[["message.received", "ai.handoff"]]),
]
SessionIds = Annotated[
    list[Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)]],
    Field(
        max_length=200,
        description="Of which numbers; none: all. Events that are about no number come always. A `limited` webhook "
        "gets events of these only, and where there is none, nothing. An API key of some numbers names some of its "
        "own; left out in a new webhook, all that it has.",
        examples=[[]],
    ),
]
Headers = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=HEADER_NAME), AfterValidator(_own_header)],
        Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=HEADER_VALUE)],
    ],
    AfterValidator(_distinct),
    Field(
        max_length=MOST_HEADERS,
        description="Sent with every event. Kept encrypted; their values are never shown again.",
        examples=[{"Authorization": "Bearer example-0123456789"}],
    ),
]


class WebhookCreate(BaseModel):
    """A new webhook; it gets what happens from now on."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name | None = Field(None, description="For people.", examples=["Orders"])
    url: Url
    events: Events = Field(default_factory=list)
    session_ids: SessionIds = Field(default_factory=list)
    headers: Headers = Field(default_factory=dict, repr=False)
    enabled: bool = True


class WebhookUpdate(BaseModel):
    """Changes of a webhook; what is left out stays."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name | None = Field(None, description="Null: none.")
    url: Url | None = None
    events: Events | None = None
    session_ids: SessionIds | None = None
    headers: Headers | None = Field(
        None, description="In place of all there were; an empty object removes them.", repr=False
    )
    enabled: bool | None = Field(None, description="On again, it goes on where it was.")
    skip_missed: bool = Field(
        default=False, description="Leave out what was not delivered so far, and go on with what happens from now on."
    )
    forget_gap: bool = Field(default=False, description="Show the gap no longer.")


class Gap(BaseModel):
    """Events that were forgotten before they could be delivered: they were older than PROSA_EVENT_RETENTION_HOURS."""

    since: datetime = Field(description="When the first of them happened.")
    until: datetime = Field(description="When the last one did.")
    events: int = Field(description="How many.")


class WebhookKey(BaseModel):
    """An API key, as far as it is known."""

    id: uuid.UUID
    name: str | None = Field(description="Null: it was revoked long ago.")
    revoked: bool


class WebhookView(BaseModel):
    """A webhook, without its secrets."""

    id: uuid.UUID
    name: str | None
    url: str
    events: list[str] = Field(description="Which events; none: all.")
    session_ids: list[str] = Field(description="Of which numbers; none: all, or nothing where it is `limited`.")
    limited: bool = Field(
        description="An API key of some numbers added it: it gets events of its `session_ids` only, for good. A number "
        "that is deleted is taken out of them."
    )
    header_names: list[str] = Field(description="Headers sent with every event; their values are not shown.")
    api_key: WebhookKey | None = Field(
        description="The API key with which it got its address; null: from a person, or, where you ask with an API key "
        "of some numbers, not from that one. The webhook stays when the key is revoked."
    )
    enabled: bool
    state: Literal["on", "waiting", "off"] = Field(
        description="waiting: nothing gets through; it is tried again at `next_try_at` and goes on where it was."
    )
    disabled_reason: DisabledReason | None = Field(
        description="gone: the receiver answered 410; failing: nothing got through for three days; null: a person did."
    )
    attempts: int = Field(description="Tries in a row after which nothing got through.")
    next_try_at: datetime | None = Field(description="While it waits.")
    failing_since: datetime | None = Field(description="Since when nothing gets through.")
    aside: int = Field(description="Events that were refused, while others got through, and are tried again.")
    last_success_at: datetime | None
    last_error: str | None = Field(description="A code, a colon, words.")
    last_error_at: datetime | None
    gap: Gap | None = Field(description="What was forgotten before it could be delivered.")
    old_secret_until: datetime | None = Field(description="Until when the secret before this one signs too.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Row[Any], now: datetime, caller: Caller) -> Self:
        """Show a row to somebody, as it is at a moment."""
        return cls(**_shown(row, now, caller))


class WebhookCreated(WebhookView):
    """A new webhook, with its secret."""

    secret: str = Field(description="Signs the deliveries (Standard Webhooks).", examples=["whsec_MfKQ9r8GKYqr…"])

    @classmethod
    def with_secret(cls, row: Row[Any], now: datetime, caller: Caller, secret: str) -> Self:
        """Show a new row."""
        return cls(secret=secret, **_shown(row, now, caller))


class SecretView(BaseModel):
    """The secret that signs a webhook's deliveries."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqr…"])
    old_secret_until: datetime | None = Field(description="Until when the secret before this one signs too.")


class Tested(BaseModel):
    """What came of sending a test."""

    ok: bool
    status: int | None = Field(description="HTTP status; null where there was no answer.")
    error: str | None = Field(description="Why it was not accepted: a code, a colon, words.")
    response: str | None = Field(description="The beginning of what was answered.")
    duration_ms: int


class DeliveryView(BaseModel):
    """What became of an event."""

    id: uuid.UUID
    event_id: str
    message_id: str = Field(description="The header webhook-id that it carries at every try.")
    event: str
    session: str | None
    state: DeliveryState = Field(
        description="retrying: refused while others got through, and tried again at `next_try_at`; failed: given up."
    )
    attempts: int
    status: int | None = Field(description="HTTP status of the last try; null where there was no answer.")
    error: str | None
    response: str | None = Field(description="The beginning of what was answered.")
    duration_ms: int
    created_at: datetime
    next_try_at: datetime | None
    delivered_at: datetime | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Show a row."""
        return cls(
            id=row.id,
            event_id=row.event_id,
            message_id=signing.message_id(row.webhook_id, row.event_id),
            event=row.event,
            session=row.session,
            state=row.state,
            attempts=row.attempts,
            status=row.status,
            error=row.error,
            response=row.response,
            duration_ms=row.duration_ms,
            created_at=row.created_at,
            next_try_at=row.due_at,
            delivered_at=row.delivered_at,
        )


def _key(row: Row[Any], caller: Caller) -> WebhookKey | None:
    if row.api_key_id is None or (caller.limited and row.api_key_id != caller.key_id):
        return None
    return WebhookKey(id=row.api_key_id, name=row.key_name, revoked=row.key_revoked)


def _shown(row: Row[Any], now: datetime, caller: Caller) -> dict[str, Any]:
    waiting = row.enabled and row.attempts > 0
    gap = Gap(since=row.gap_from, until=row.gap_until, events=row.gap_events) if row.gap_from is not None else None
    return {
        "id": row.id,
        "name": row.name,
        "url": row.url,
        "events": row.events,
        "session_ids": row.session_ids,
        "limited": row.limited,
        "header_names": row.header_names,
        "api_key": _key(row, caller),
        "enabled": row.enabled,
        "state": "waiting" if waiting else "on" if row.enabled else "off",
        "disabled_reason": row.disabled_reason,
        "attempts": row.attempts,
        "next_try_at": row.due_at if waiting else None,
        "failing_since": row.failing_since,
        "aside": row.aside,
        "last_success_at": row.last_success_at,
        "last_error": row.last_error,
        "last_error_at": row.last_error_at,
        "gap": gap,
        "old_secret_until": row.old_secret_until if row.old_secret_until and row.old_secret_until > now else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
