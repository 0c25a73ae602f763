"""The closed union of events: every one that Prosa emits, and what it carries.

The envelope's names follow what users of other gateways know: `id`, `event`, `timestamp`, `session`, `payload`.
No event ever carries a secret.
"""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Payload(BaseModel):
    """Base of what events carry."""

    model_config = ConfigDict(frozen=True)
    event: ClassVar[str]


class SessionStatusPayload(Payload):
    """A number's status changed."""

    event = "session.status"
    status: str = Field(description="connecting, qr, pairing, passkey, open, closed or logged_out")
    reason: str | None = Field(None, description="Stable code of why")
    detail: str | None = Field(None, description="The same for a person, with what to do")
    jid: str | None = None
    lid: str | None = None
    push_name: str | None = None


class SessionQrPayload(Payload):
    """A new QR code waits to be scanned."""

    event = "session.qr"
    qr: str = Field(description="Text of the picture; GET /sessions/{id}/qr draws it")
    expires_at: datetime


class SessionPairingCodePayload(Payload):
    """A pairing code waits to be typed on the phone."""

    event = "session.pairing_code"
    pairing_code: str = Field(description="As shown on the phone: ABCD-1234")
    expires_at: datetime


class SessionPasskeyPayload(Payload):
    """WhatsApp asks for a passkey, or shows the code to compare."""

    event = "session.passkey_required"
    stage: str = Field(description="assertion: answer the options; confirmation: compare the code")
    options: dict[str, Any] | None = Field(None, description="WebAuthn request options")
    code: str | None = Field(None, description="Must equal the code on the phone")


class SendingPausedPayload(Payload):
    """A number sends nothing for a while, because WhatsApp said that it sends too fast."""

    event = "session.sending_paused"
    reason: str = Field(description="Stable code: rate_limited")
    strikes: int = Field(description="How often in a row WhatsApp said so")
    until: datetime


class MessageFacts(Payload):
    """A message as the REST API shows it."""

    id: uuid.UUID
    conversation_id: uuid.UUID
    seq: int
    wa_id: str
    from_me: bool
    author: str
    sender_jid: str
    sender_name: str | None = None
    type: str
    body: str
    status: str
    created_at: datetime
    quoted_wa_id: str | None = None
    media: dict[str, Any] | None = None
    ai: dict[str, Any] | None = Field(None, description="Of the AI's messages: how the answer came about")
    contact_jid: str
    contact_lid: str | None = None
    contact_phone: str | None = None
    contact_name: str | None = None


class MessageReceivedPayload(MessageFacts):
    """A message came in and is stored: from a contact, a group, or the linked phone itself."""

    event = "message.received"


class MessageSentPayload(MessageFacts):
    """A message of ours reached WhatsApp's server."""

    event = "message.sent"


class MessageStatusPayload(Payload):
    """A message's status changed, or it was edited or deleted."""

    event = "message.status"
    id: uuid.UUID
    conversation_id: uuid.UUID
    wa_id: str
    status: str = Field(
        description="scheduled, queued, sending, sent, delivered, read, played, failed, cancelled or received"
    )
    error: str | None = Field(None, description="Why, where it failed, waits or was cancelled: a code, a colon, words")
    body: str | None = Field(None, description="The new text, where it was edited")
    media: dict[str, Any] | None = Field(None, description="What is known of its file, where that changed")
    edited_at: datetime | None = None
    revoked_at: datetime | None = None
    scheduled_for: datetime | None = Field(None, description="While it is scheduled: when it is to be sent")


class MessageChangeFailedPayload(Payload):
    """A reaction, an edit or a deletion for everyone did not reach WhatsApp: the message stays as it is."""

    event = "message.change_failed"
    id: uuid.UUID
    conversation_id: uuid.UUID
    wa_id: str
    change: str = Field(description="react, edit or revoke")
    error: str = Field(description="A stable code, a colon, words")


class ConversationUpdatedPayload(Payload):
    """A conversation changed: unread count, name, AI state."""

    event = "conversation.updated"
    id: uuid.UUID
    contact_jid: str
    contact_lid: str | None = None
    contact_phone: str | None = None
    contact_name: str | None = None
    kind: str
    unread_count: int
    last_message_at: datetime | None = None
    last_message_preview: str | None = None
    ai_enabled: bool
    ai_state: str
    ai_reason: str | None = None
    ai_paused_until: datetime | None = None
    ai_paused_by: str | None = None
    ai_paused_reason: str | None = None
    ai_stopped_until: datetime | None = None
    ai_failed_at: datetime | None = None
    merged_id: uuid.UUID | None = Field(
        None, description="A conversation that turned out to be the same contact's and is now part of this one"
    )


class ConversationPausedPayload(Payload):
    """The AI was paused in a conversation, its pause was prolonged or shortened, or the contact stopped it."""

    event = "conversation.paused"
    id: uuid.UUID
    contact_jid: str
    by: str = Field(
        description="person (console or API), phone, ai (it handed the conversation over), or contact, whose stop "
        "stands beside a pause: neither ends the other"
    )
    user_id: uuid.UUID | None = Field(None, description="The person, where it was one through Prosa")
    reason: str = Field(
        description="message, keyword, asked or handed_over, the last two with words behind a colon where there are any"
    )
    until: datetime = Field(description="9999-01-01T00:00:00Z: until somebody resumes it")


class ConversationResumedPayload(Payload):
    """The AI may answer again: what kept it silent was ended before its time. What ends by itself makes no event."""

    event = "conversation.resumed"
    id: uuid.UUID
    contact_jid: str
    by: str = Field(description="person (console or API) or contact")
    user_id: uuid.UUID | None = Field(None, description="The person, where it was one through Prosa")
    reason: str = Field(description="keyword or asked")


class ConversationDeletedPayload(Payload):
    """A conversation was erased, with its messages and media."""

    event = "conversation.deleted"
    id: uuid.UUID


class ChatTypingPayload(Payload):
    """A contact began or stopped to type. It passes: it is not stored, never replayed, and may be lost.

    WhatsApp tells it only while the number shows as online; phones forget it some 25 s after the last one.
    """

    event = "chat.typing"
    contact_jid: str = Field(description="The chat as WhatsApp addressed it: its contact_jid or its contact_lid")
    sender_jid: str = Field(description="Who types; in groups one of its members")
    typing: bool = Field(description="false: stopped")
    recording: bool = Field(description="It is a voice message")


class AiSkippedPayload(Payload):
    """Inbound messages were not answered, and why."""

    event = "ai.skipped"
    conversation_id: uuid.UUID
    reason: str = Field(description="Stable code: no_api_key, ai_off, group, paused, out_of_hours, too_old, …")


class AiRepliedPayload(Payload):
    """The AI answered."""

    event = "ai.replied"
    conversation_id: uuid.UUID
    message_ids: list[uuid.UUID]
    tier: str = Field("model", description="model, exact, approved or fallback: where the answer came from")
    provider: str | None = None
    model: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int | None = Field(None, description="Millionths of a US dollar; null: not known")
    latency_ms: int = 0
    truncated: bool = False
    sources: list[dict[str, Any]] = []
    tools: list[dict[str, Any]] = []


class AiHandoffPayload(Payload):
    """The AI handed a conversation to a person, and is silent there."""

    event = "ai.handoff"
    conversation_id: uuid.UUID
    reason: str = Field(description="Why, in the AI's words")
    until: datetime = Field(description="Until when it is silent")


class AiFailedPayload(Payload):
    """The model gave no answer."""

    event = "ai.failed"
    conversation_id: uuid.UUID
    reason: str
    will_retry: bool


class BudgetAlertPayload(Payload):
    """A month's budget is nearly used up, or used up, or one reply came near its limit; each is told once a month."""

    event = "budget.alert"
    scope: str = Field(description="conversation, number or owner: whose budget; reply: of one call, `tokens` its own")
    conversation_id: uuid.UUID | None = None
    month: str = Field(description="2026-11, in UTC")
    tokens: int = Field(description="Tokens used, in and out")
    most_tokens: int | None = None
    cost_microusd: int = Field(description="Millionths of a US dollar spent, as far as prices are known")
    most_microusd: int | None = None
    stopped: bool = Field(
        description="It is used up: contacts are not answered by the model until the month ends; a reply is never more "
        "than cut to its limit"
    )


PAYLOADS: tuple[type[Payload], ...] = (
    SessionStatusPayload,
    SessionQrPayload,
    SessionPairingCodePayload,
    SessionPasskeyPayload,
    SendingPausedPayload,
    MessageReceivedPayload,
    MessageSentPayload,
    MessageStatusPayload,
    MessageChangeFailedPayload,
    ConversationUpdatedPayload,
    ConversationPausedPayload,
    ConversationResumedPayload,
    ConversationDeletedPayload,
    AiSkippedPayload,
    AiRepliedPayload,
    AiHandoffPayload,
    AiFailedPayload,
    BudgetAlertPayload,
)
"""Every event that is stored, and so replayed to those who missed it."""

PASSING: tuple[type[Payload], ...] = (ChatTypingPayload,)
"""Events of the moment: told to those who listen, and stored nowhere."""
