"""What the REST API takes and shows of providers' keys."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from sqlalchemy import Row

from prosa.forms import ASCII_ADDRESS

BaseUrl = Annotated[str, StringConstraints(min_length=8, max_length=500, pattern=ASCII_ADDRESS)]


class ProviderKeyPut(BaseModel):
    """A key, and where it is used."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    key: Annotated[SecretStr, Field(min_length=4, max_length=1000)] = Field(
        description="The provider's key. It is kept encrypted and never shown again.",
        examples=["example-0123456789"],
    )
    base_url: BaseUrl | None = Field(
        None,
        description="Another address of the provider's API: a proxy, or a server of your own that speaks it. Private "
        "addresses only where the installation allows them (PROSA_OUTGOING_PRIVATE_ADDRESSES).",
        examples=["https://models.example.com/v1"],
    )
    scope: Literal["own", "installation"] = Field(
        "own", description="For your numbers, or (owners and admins) for everybody's who has no key of their own."
    )


class ProviderKeyView(BaseModel):
    """What may be shown of a key."""

    provider: str = Field(description="As model strings name it.", examples=["google"])
    scope: Literal["own", "installation"] = Field(description="Yours, or the installation's.")
    hint: str = Field(description="The key's last four characters.", examples=["…6789"])
    base_url: str | None = Field(description="Another address of the provider's API.")
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Show a row."""
        scope: Literal["own", "installation"] = "installation" if row.user_id is None else "own"
        return cls(provider=row.provider, scope=scope, hint=row.hint, base_url=row.base_url, created_at=row.created_at)
