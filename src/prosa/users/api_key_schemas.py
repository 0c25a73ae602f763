"""What the endpoints of API keys take and return."""

import uuid
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from prosa.auth.api_keys import MAX_DAYS, MAX_NAME
from prosa.auth.caller import Access
from prosa.forms import NO_NUL
from prosa.users.api_keys import MadeKey

KeyName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_NAME, strip_whitespace=True, pattern=NO_NUL),
    Field(description="What you know it by: the program that uses it.", examples=["n8n"]),
]


class ApiKeyIn(BaseModel):
    """A new key."""

    model_config = ConfigDict(extra="forbid")

    name: KeyName
    access: Access = Field(
        Access.FULL,
        description="full: what you may do, except to manage people, sign-ins and keys; read: it changes nothing.",
    )
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = Field(
        None, description="After how many days it runs out; null: never.", examples=[90]
    )


class ApiKeyPatch(BaseModel):
    """Changes to a key."""

    model_config = ConfigDict(extra="forbid")

    name: KeyName


class ApiKeyOut(BaseModel):
    """What may be shown of a key."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str = Field(examples=["n8n"])
    prefix: str = Field(description="How the key begins, to recognise it.", examples=["prosa_Xk9a2Q"])
    access: Access
    created_at: datetime
    expires_at: datetime | None = Field(description="When it runs out, or did; null: never.")
    last_used_at: datetime | None = Field(description="To the minute; null: never used.")


class NewApiKeyOut(ApiKeyOut):
    """A key that was just made."""

    key: str = Field(
        description="The key itself. Keep it now: it is never shown again. Send it as `Authorization: Bearer …`.",
        examples=["prosa_…"],
    )

    @classmethod
    def of(cls, made: MadeKey) -> Self:
        """Show a new key, this once."""
        return cls(**ApiKeyOut.model_validate(made.row).model_dump(), key=made.secret)
