"""What the REST API takes and shows of numbers."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from prosa.forms import BASE64URL, SESSION_ID
from prosa.sessions import passkey_guide
from prosa.sessions.reasons import StatusReason
from prosa.sessions.record import SessionRecord
from prosa.sessions.settings import SessionSettings
from prosa.sessions.state import SessionStatus
from prosa.sessions.text import Line, Metadata

SessionName = Annotated[
    Line, Field(description="What people call this number; shown in the console.", examples=["Shop, sales"])
]
_METADATA = "Your own facts about this number, such as a customer id; at most 50."


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SessionCreate(_Body):
    """A number to create. It is linked afterwards, by connect."""

    session_id: str | None = Field(
        None,
        pattern=SESSION_ID,
        description="Public name: small letters, digits, - and _, at most 63; made up when left out.",
        examples=["shop-sales"],
    )
    name: SessionName | None = None
    settings: SessionSettings = Field(default_factory=SessionSettings, description="How it answers and sends.")
    metadata: Metadata = Field(default_factory=dict, description=_METADATA, examples=[{"customer": "42"}])


class SessionUpdate(_Body):
    """What to change. Whatever is left out stays as it is."""

    name: SessionName | None = Field(None, description="What people call this number; null takes it away.")
    settings: SessionSettings | None = Field(
        None,
        description="Only the settings that are sent are changed; the defaults shown here are those of a new number.",
    )
    metadata: Metadata | None = Field(None, description=f"{_METADATA} Replaces what was there.")

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        for name in ("settings", "metadata"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} may be left out, but not null")
        return self


class SessionConnect(_Body):
    """How to link. For a number that is linked already, connecting brings it online and this is ignored."""

    method: Literal["qr", "code"] = Field(
        "qr", description="Scan a QR code, or type a pairing code on the phone.", examples=["code"]
    )
    phone: str | None = Field(
        None,
        min_length=1,
        max_length=40,
        description="For `code`: the phone number of the WhatsApp account, with + and country code.",
        examples=["+5511999990001"],
    )


Base64Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=16_384,
        pattern=BASE64URL,
        description="base64url, without padding",
        examples=["eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0"],
    ),
]


class PasskeyResponse(BaseModel):
    """The `response` of a WebAuthn assertion."""

    clientDataJSON: Base64Url  # noqa: N815 - WebAuthn's names
    authenticatorData: Base64Url  # noqa: N815
    signature: Base64Url
    userHandle: Base64Url | None = None  # noqa: N815


class PasskeyAssertion(BaseModel):
    """What `navigator.credentials.get` returned, as JSON (WebAuthn level 3, AuthenticationResponseJSON)."""

    id: Base64Url
    rawId: Base64Url  # noqa: N815
    type: Literal["public-key"] = "public-key"
    response: PasskeyResponse


class QrView(BaseModel):
    """A QR code to show to a person."""

    qr: str = Field(description="Text of the picture; `?format=svg` and `?format=png` draw it.")
    expires_at: datetime = Field(description="The next code comes by itself about then.")


class PasskeyView(BaseModel):
    """The passkey step of linking: where it stands and what a person does, in order."""

    stage: Literal["assertion", "confirmation"] = Field(
        description="assertion: WhatsApp waits for the passkey; confirmation: for somebody to compare the code."
    )
    options: dict[str, Any] | None = Field(None, description="PublicKeyCredentialRequestOptions, in JSON form.")
    code: str | None = Field(None, description="Must equal the code that the phone shows.", examples=["1A2B-3C4D"])
    steps: list[str] = Field(description="What to do, in order.")
    snippet: str | None = Field(None, description="JavaScript to run in the browser's console on WhatsApp's own page.")


class AiView(BaseModel):
    """Whether the AI answers on this number."""

    state: Literal["on", "off"]
    reason: str | None = Field(None, description="Why it is off: ai_off, no_api_key, …", examples=["no_api_key"])


class SessionView(BaseModel):
    """A linked number, or one to be linked."""

    session_id: str = Field(description="Its public name.", examples=["shop-sales"])
    name: str | None = Field(description="What people call it.", examples=["Shop, sales"])
    status: SessionStatus
    status_reason: str | None = Field(
        description=f"Stable code of why: {', '.join(StatusReason)}.", examples=["disconnected"]
    )
    status_detail: str | None = Field(description="The same for a person, with what to do.")
    wanted: bool = Field(description="Whether it is to be online; it then comes back by itself.")
    qr: str | None = Field(description="While the status is qr: text of the picture; GET …/qr draws it.")
    qr_expires_at: datetime | None = Field(description="The next code comes by itself about then.")
    pairing_code: str | None = Field(
        description="While the status is pairing: to be typed on the phone.", examples=["ABCD-1234"]
    )
    pairing_code_expires_at: datetime | None = Field(description="The next code comes by itself about then.")
    passkey: PasskeyView | None = Field(description="While the status is passkey.")
    jid: str | None = Field(description="The linked device.", examples=["5511999990001:7@s.whatsapp.net"])
    lid: str | None = Field(description="The account's hidden number.", examples=["120363041234567@lid"])
    phone: str | None = Field(description="Digits with country code.", examples=["5511999990001"])
    push_name: str | None = Field(description="The account's own name on WhatsApp.")
    settings: SessionSettings
    metadata: dict[str, Any]
    ai: AiView
    last_connected_at: datetime | None
    created_at: datetime
    updated_at: datetime


def session_view(record: SessionRecord, ai: AiView) -> SessionView:
    """Return what the API shows of a number."""
    return SessionView(
        session_id=record.session_id,
        name=record.name,
        status=record.status,
        status_reason=record.status_reason,
        status_detail=record.status_detail,
        wanted=record.wanted,
        qr=record.qr,
        qr_expires_at=record.qr_expires_at,
        pairing_code=record.pairing_code,
        pairing_code_expires_at=record.pairing_code_expires_at,
        passkey=passkey_view(record),
        jid=record.jid,
        lid=record.lid,
        phone=record.phone,
        push_name=record.push_name,
        settings=record.settings,
        metadata=record.extra,
        ai=ai,
        last_connected_at=record.last_connected_at,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )


def passkey_view(record: SessionRecord) -> PasskeyView | None:
    """Return where the passkey step stands, if there is one."""
    if record.passkey is None:
        return None
    stage, options, code = (record.passkey.get(name) for name in ("stage", "options", "code"))
    if stage == "assertion":
        steps, script = passkey_guide.assertion_steps(record.session_id), passkey_guide.snippet(options or {})
        return PasskeyView(stage="assertion", options=options, steps=steps, snippet=script)
    return PasskeyView(
        stage="confirmation", code=code, steps=passkey_guide.confirmation_steps(record.session_id, code or "")
    )
