"""What the REST API takes and shows of conversations and messages."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Row

from prosa.conversations.facts import public_media, shown_status
from prosa.conversations.models import AiState, Author, ConversationKind, MessageStatus
from prosa.whatsapp.engine import MessageType

EXAMPLE_ID = "0198c2f4-7e1b-7d3a-9f46-2b6a1d5c8e01"


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain the character NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain half of a surrogate pair") from None
    return value


StorableText = Annotated[str, AfterValidator(_storable)]
"""Text that both databases can hold."""


class ConversationUpdate(BaseModel):
    """What to change. Whatever is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    contact_name: Annotated[StorableText, Field(max_length=200)] | None = Field(
        None,
        description="Your name for the contact; null goes back to what the contact calls itself, once it says so.",
        examples=["Maria (wholesale)"],
    )
    ai_enabled: bool | None = Field(None, description="Whether the AI answers here.", examples=[True])
    ai_paused_until: AwareDatetime | None = Field(
        None,
        description="Until when the AI does not answer here, with time zone; null ends the pause, and leaves the "
        "contact's own stop as it is (resume ends both).",
        examples=["2026-03-01T15:00:00Z"],
    )
    notes: Annotated[StorableText, Field(max_length=4000)] | None = Field(
        None, description="People's notes on the contact; neither the contact nor the AI sees them.",
        examples=["Pays on the 5th."],
    )  # fmt: skip

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        if "ai_enabled" in self.model_fields_set and self.ai_enabled is None:
            raise ValueError("ai_enabled may be left out, but not null")
        return self


class ConversationView(BaseModel):
    """A number's chat with one contact, or a group."""

    id: uuid.UUID = Field(examples=[EXAMPLE_ID])
    session_id: str = Field(description="The number.", examples=["shop-sales"])
    kind: ConversationKind = Field(
        description="Who is there; contacts are answered, and groups where the number is set so."
    )
    contact_jid: str = Field(
        description="WhatsApp's address that messages go to.", examples=["5511999990001@s.whatsapp.net"]
    )
    contact_lid: str | None = Field(description="The address that hides the phone number, where known.")
    contact_phone: str | None = Field(description="Digits with country code, where known.", examples=["5511999990001"])
    contact_name: str | None = Field(description="Your name for the contact, or its own.", examples=["Maria"])
    last_message_at: datetime | None = Field(description="When the newest message was written.")
    last_message_preview: str | None = Field(description="The newest message as one line.", examples=["Olá!"])
    unread_count: int = Field(description="Messages of others that nobody has read.", examples=[2])
    ai_enabled: bool = Field(description="Whether the AI answers here.")
    ai_paused_until: datetime | None = Field(
        description="Until when it is paused here, or was; 9999-01-01: until somebody resumes it."
    )
    ai_paused_by: str | None = Field(
        description="Who made that pause, or the last one: person (console or API), phone, or ai (it handed the "
        "conversation over)."
    )
    ai_paused_user_id: uuid.UUID | None = Field(description="The person who made it, where it was one through Prosa.")
    ai_paused_reason: str | None = Field(
        description="Why: message, asked or handed_over, the last two with words behind a colon where there are any."
    )
    ai_paused_at: datetime | None = Field(description="When it was made.")
    ai_stopped_until: datetime | None = Field(
        description="Until when the contact itself wants no AI, as it said by a stop keyword, or wanted none; "
        "9999-01-01: until it takes that back or somebody resumes. It stands beside the pause: the AI answers where "
        "both are over."
    )
    ai_stopped_at: datetime | None = Field(description="When the contact last said so.")
    ai_state: AiState = Field(description="What the AI does here.")
    ai_reason: str | None = Field(description="Why, as a stable code, in some cases with words.", examples=["paused"])
    ai_failed_at: datetime | None = Field(
        description="When the AI gave up on an answer here; null once an answer succeeds or a person takes care."
    )
    summary: str | None = Field(description="What was said before the messages that the AI still sees.")
    notes: str | None = Field(description="People's notes on the contact; no prompt has them.")
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Show a row."""
        return cls.model_validate(row, from_attributes=True)


class AiSource(BaseModel):
    """A piece of the owner's knowledge that an answer used."""

    id: str = Field(description="Of the document.")
    title: str = Field(examples=["Prices 2026"])
    place: str = Field("", description="Where in it.", examples=["page 2"])


class AiTool(BaseModel):
    """A tool that was called for an answer."""

    name: str = Field(examples=["stock"])
    ok: bool = Field(description="Whether it worked.")
    latency_ms: int = Field(examples=[120])


class AiView(BaseModel):
    """How an answer of the AI came about."""

    tier: str = Field(description="model, exact, approved or fallback: where the answer came from.", examples=["model"])
    provider: str | None = Field(None, description="Who serves the model.", examples=["google"])
    model: str | None = Field(None, examples=["gemini-3.5-flash-lite"])
    input_tokens: int = Field(0, description="Of all calls that it took, cached ones included.", examples=[1520])
    cached_tokens: int = Field(0, description="Of these, those the provider had in its cache.")
    output_tokens: int = Field(0, examples=[61])
    cost_microusd: int | None = Field(None, description="Millionths of a US dollar; null: not known.", examples=[608])
    latency_ms: int = Field(0, description="Of all calls.", examples=[840])
    truncated: bool = Field(default=False, description="The model ran out of tokens.")
    sources: list[AiSource] = Field([], description="What it used of the owner's knowledge.")
    tools: list[AiTool] = Field([], description="Tools that were called for it.")


class ReactionView(BaseModel):
    """Somebody's reaction to a message: one a person."""

    id: uuid.UUID = Field(description="Of the message that the reaction itself is.", examples=[EXAMPLE_ID])
    from_me: bool = Field(description="This number's own.")
    sender_jid: str = Field(description="Whose it is.", examples=["5511999990001@s.whatsapp.net"])
    sender_name: str | None = Field(description="What they call themselves.", examples=["Maria"])
    emoji: str = Field(examples=["👍"])

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Show the row of a reaction."""
        return cls(
            id=row.id,
            from_me=row.from_me,
            sender_jid=row.sender_jid,
            sender_name=row.sender_name,
            emoji=row.body,
        )


class MessageView(BaseModel):
    """One WhatsApp message."""

    id: uuid.UUID = Field(examples=[EXAMPLE_ID])
    conversation_id: uuid.UUID = Field(examples=[EXAMPLE_ID])
    session_id: str = Field(description="The number.", examples=["shop-sales"])
    seq: int = Field(
        description="Place in the conversation; negative for imported history, 0 while it is scheduled.", examples=[17]
    )
    wa_id: str = Field(
        description="WhatsApp's id of it; empty while it is scheduled.", examples=["3EB0A1B2C3D4E5F60718"]
    )
    from_me: bool = Field(description="Sent by this number.")
    author: Author = Field(description="Who wrote it.")
    sender_jid: str = Field(description="Address of who sent it; empty until WhatsApp has it, for our own.")
    sender_name: str | None = Field(description="What the sender calls itself.")
    type: MessageType
    body: str = Field(description="Its text; of a file the caption, of a reaction the emoji.", examples=["Olá!"])
    status: MessageStatus = Field(description="Where it stands; of others: received, then read.")
    error: str | None = Field(
        description="Why it failed, waits, was cancelled, or could not be read: a stable code, a colon, words.",
        examples=["recipient_unknown: this phone number is not on WhatsApp"],
    )
    error_code: str | None = Field(
        description="The code of `error` by itself, for programs.", examples=["recipient_unknown"]
    )
    due_at: datetime | None = Field(
        description="While it is queued: when it is sent, once the number is online and what comes before it is sent."
    )
    scheduled_for: datetime | None = Field(description="When it was asked to be sent, where that was for later.")
    skip_reason: str | None = Field(
        description="Why the AI left it unanswered on purpose, as a stable code.", examples=["too_old"]
    )
    created_at: datetime = Field(description="When it was written; for our own, when WhatsApp's server had it.")
    stored_at: datetime = Field(description="When Prosa stored it.")
    sent_at: datetime | None = Field(description="When WhatsApp's server had it.")
    delivered_at: datetime | None
    read_at: datetime | None
    edited_at: datetime | None
    revoked_at: datetime | None = Field(description="When it was deleted for everyone; then its text is gone.")
    quoted_wa_id: str | None = Field(description="The message it answers to, or reacts to.")
    media: dict[str, Any] | None = Field(
        description="Of a file: state (pending, ready, failed, gone), mime_type, size in bytes, file_name, seconds, "
        "width, height, voice, thumbnail (JPEG, base64); GET /messages/{id}/media gives the file.",
        examples=[{"state": "ready", "mime_type": "image/jpeg", "size": 48211}],
    )
    ai: AiView | None = Field(None, description="Of the AI's messages: how the answer came about.")
    reactions: list[ReactionView] = Field([], description="What people react to it with now, the oldest first.")

    @classmethod
    def of(cls, row: Row[Any], reactions: Sequence[Row[Any]] = ()) -> Self:
        """Show a row that has its conversation's `read_until` too, and the rows of its reactions."""
        values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        values["reactions"] = [ReactionView.of(one) for one in reactions]
        values["media"] = public_media(row.media, thumbnail=True)
        values["status"] = shown_status(row.status, from_me=row.from_me, seq=row.seq, read_until=row.read_until)
        values["error_code"] = row.error.partition(":")[0] if row.error else None
        if row.status != MessageStatus.QUEUED:
            values["due_at"] = None  # of others: when their file is downloaded
        return cls.model_validate(values)


class FoundIn(BaseModel):
    """The conversation of a message that was found."""

    id: uuid.UUID = Field(examples=[EXAMPLE_ID])
    kind: ConversationKind
    contact_jid: str = Field(examples=["5511999990001@s.whatsapp.net"])
    contact_phone: str | None = Field(examples=["5511999990001"])
    contact_name: str | None = Field(examples=["Maria"])


class MessageHit(BaseModel):
    """A message that was found, and where."""

    message: MessageView
    conversation: FoundIn

    @classmethod
    def of(cls, row: Row[Any], message: MessageView) -> Self:
        """Show a row of a search, and the message that it is."""
        return cls(
            message=message,
            conversation=FoundIn(
                id=row.conversation_id,
                kind=row.kind,
                contact_jid=row.contact_jid,
                contact_phone=row.contact_phone,
                contact_name=row.contact_name,
            ),
        )
