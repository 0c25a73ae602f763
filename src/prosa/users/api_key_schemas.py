"""What the endpoints of API keys take and return."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy import Row

from prosa.auth.api_keys import MAX_DAYS, MAX_NAME
from prosa.auth.caller import Access
from prosa.forms import NO_NUL
from prosa.users.api_key_repository import numbers_of
from prosa.users.api_keys import MOST_NUMBERS, MadeKey

KeyName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_NAME, strip_whitespace=True, pattern=NO_NUL),
    Field(description="What you know it by: the program that uses it.", examples=["n8n"]),
]
SessionName = Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)]


class ApiKeyIn(BaseModel):
    """A new key."""

    model_config = ConfigDict(extra="forbid")

    name: KeyName
    access: Access = Field(
        Access.FULL,
        description="full: what you may do, except to manage people, sign-ins and keys; read: it changes nothing.",
    )
    session_ids: list[SessionName] | None = Field(
        None,
        min_length=1,
        max_length=MOST_NUMBERS,
        description="Limits it to these numbers: it sees and does only what concerns them, and what is about no number "
        "or about all of them is refused. Null: all your numbers, also those to come.",
        examples=[["shop"]],
    )
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = Field(
        None, description="After how many days it runs out; null: never.", examples=[90]
    )


class ApiKeyPatch(BaseModel):
    """Changes to a key."""

    model_config = ConfigDict(extra="forbid")

    name: KeyName | None = Field(None, description="Its new name; left out: it keeps the one it has.")
    session_ids: list[SessionName] | None = Field(
        None,
        min_length=1,
        max_length=MOST_NUMBERS,
        description="The numbers that it is limited to from now on, in place of those before; null: all your numbers, "
        "also those to come; left out: as before.",
        examples=[["shop"]],
    )

    @model_validator(mode="after")
    def _a_name_stays(self) -> Self:
        if "name" in self.model_fields_set and self.name is None:
            raise ValueError("name may be left out, but not null")
        return self


class ApiKeyOut(BaseModel):
    """What may be shown of a key."""

    id: uuid.UUID
    name: str = Field(examples=["n8n"])
    prefix: str = Field(description="How the key begins, to recognise it.", examples=["prosa_Xk9a2Q"])
    access: Access
    session_ids: list[str] | None = Field(
        description="The numbers it is limited to, as far as they are still there; null: it is not limited.",
        examples=[["shop"]],
    )
    created_at: datetime
    expires_at: datetime | None = Field(description="When it runs out, or did; null: never.")
    last_used_at: datetime | None = Field(description="To the minute; null: never used.")

    @classmethod
    def of_row(cls, row: Row[Any]) -> "ApiKeyOut":
        """Show a key."""
        return ApiKeyOut.model_validate({**row._mapping, "session_ids": numbers_of(row)})  # noqa: SLF001 - public (SQLAlchemy)


class NewApiKeyOut(ApiKeyOut):
    """A key that was just made."""

    key: str = Field(
        description="The key itself. Keep it now: it is never shown again. Send it as `Authorization: Bearer …`.",
        examples=["prosa_…"],
    )

    @classmethod
    def of(cls, made: MadeKey) -> Self:
        """Show a new key, this once."""
        return cls(**ApiKeyOut.of_row(made.row).model_dump(), key=made.secret)
