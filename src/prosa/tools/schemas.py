"""What the REST API takes and shows of tools."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from prosa.forms import HEADER_NAME, HEADER_VALUE, NO_NUL, TOOL_NAME, WEB_ADDRESS

"""PostgreSQL refuses U+0000 in text (manual, "Character Types")."""

MAX_SCHEMA = 8_000
"""Characters of a JSON schema: it goes with every prompt, and costs accordingly."""
RESERVED = frozenset({"hand_over", "remind"})
"""Names of Prosa's own tools."""


def _schema(value: dict[str, Any]) -> dict[str, Any]:
    try:
        text = orjson.dumps(value).decode()
    except (TypeError, ValueError):
        raise PydanticCustomError("json_schema", "must be a JSON schema") from None
    if len(text) > MAX_SCHEMA or "\\u0000" in text:
        raise PydanticCustomError(
            "json_schema_long", "must be a JSON schema of at most {max_length} characters", {"max_length": MAX_SCHEMA}
        )
    if value.get("type") != "object" or not isinstance(value.get("properties", {}), dict):
        raise PydanticCustomError("json_schema", 'must be a JSON schema with "type": "object" and "properties"')
    return value


def _own_name(value: str) -> str:
    if value in RESERVED:
        raise PydanticCustomError("taken", "this is the name of one of Prosa's own tools; choose another one")
    return value


ToolName = Annotated[
    str,
    Field(pattern=TOOL_NAME, description="How the model calls it.", examples=["order_status"]),
    AfterValidator(_own_name),
]
Description = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000, pattern=NO_NUL),
    Field(description="When the model should call it and what it gives.", examples=["Says where an order is."]),
]
Parameters = Annotated[
    dict[str, Any],
    AfterValidator(_schema),
    Field(
        description="JSON schema of the arguments.",
        examples=[{"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}],
    ),
]
Url = Annotated[
    str,
    StringConstraints(min_length=8, max_length=2000, pattern=WEB_ADDRESS),
    Field(
        description="Asked with the arguments, in the query (GET) or as a JSON body (POST); no redirect is followed.",
        examples=["https://shop.example/api/orders"],
    ),
]
HeaderName = Annotated[str, StringConstraints(pattern=HEADER_NAME), Field(examples=["Authorization", "X-Api-Key"])]
HeaderValue = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4000, pattern=HEADER_VALUE),
    Field(description="Kept encrypted and never shown again.", examples=["Bearer example-0123456789"]),
]
_FORBIDDEN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type"})


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid")

    header_name: HeaderName | None = Field(None, description="Name of the secret header.")
    header_value: HeaderValue | None = Field(None, repr=False)

    @model_validator(mode="after")
    def _allowed(self) -> "_Header":
        if self.header_name is not None and self.header_name.lower() in _FORBIDDEN_HEADERS:
            raise ValueError(f"header_name: {self.header_name} is set by Prosa itself; choose another header")
        return self


class ToolCreate(_Header):
    """A new tool."""

    name: ToolName
    description: Description
    parameters: Parameters = Field(default_factory=lambda: {"type": "object", "properties": {}})
    method: Literal["GET", "POST"] = "POST"
    url: Url
    timeout_seconds: int = Field(10, ge=1, le=30, description="Longest wait for its answer.")
    enabled: bool = True

    @model_validator(mode="after")
    def _both_or_none(self) -> "ToolCreate":
        if (self.header_name is None) != (self.header_value is None):
            raise ValueError("header_name and header_value go together: send both or none")
        return self


class ToolUpdate(_Header):
    """Changes of a tool; what is left out stays. header_name null removes the secret header."""

    name: ToolName | None = None
    description: Description | None = None
    parameters: Parameters | None = None
    method: Literal["GET", "POST"] | None = None
    url: Url | None = None
    timeout_seconds: int | None = Field(None, ge=1, le=30)
    enabled: bool | None = None


class ToolView(BaseModel):
    """A tool, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    session_id: str
    name: str
    description: str
    parameters: dict[str, Any]
    method: str
    url: str
    header_name: str | None
    header_hint: str | None = Field(description="The end of the secret header's value.")
    timeout_seconds: int
    enabled: bool
    created_at: datetime
    updated_at: datetime


class ToolTry(BaseModel):
    """Arguments to try a tool with."""

    model_config = ConfigDict(extra="forbid")

    arguments: dict[str, Any] = Field(
        default_factory=dict, max_length=50, description="As the model would send them.", examples=[{"order": "1001"}]
    )


class ToolCallView(BaseModel):
    """One call of a tool."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    conversation_id: uuid.UUID | None = Field(description="Null: a person tried it.")
    name: str
    arguments: dict[str, Any]
    ok: bool
    status: int | None = Field(description="HTTP status; null where there was no answer.")
    result: str = Field(description="The beginning of what came back, or what went wrong.")
    latency_ms: int
    created_at: datetime


class ToolTried(BaseModel):
    """What came of trying a tool."""

    ok: bool
    status: int | None = Field(description="HTTP status; null where there was no answer.")
    result: str = Field(description="What the AI would be told.")
    latency_ms: int
