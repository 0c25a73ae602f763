"""What the endpoints of people and signing in take and return."""

import uuid
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from prosa.auth.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from prosa.forms import NO_NUL
from prosa.users.emails import MAX_CHARACTERS as MAX_EMAIL
from prosa.users.emails import parse_email
from prosa.users.models import Role

"""PostgreSQL refuses U+0000 in text (manual, "Character Types"); a pattern also tells API clients so."""

Email = Annotated[
    str,
    StringConstraints(min_length=3, max_length=MAX_EMAIL, pattern=NO_NUL),
    AfterValidator(parse_email),
    Field(
        description="E-mail address; upper and lower case are the same.",
        examples=["ana@example.com"],
        json_schema_extra={"format": "email"},
    ),
]
NewPassword = Annotated[
    str,
    StringConstraints(min_length=MIN_CHARACTERS, max_length=MAX_CHARACTERS),
    Field(description="10 to 128 characters of any kind.", examples=["correct horse battery"]),
]
TypedPassword = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS), Field(examples=["correct horse battery"])
]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=NO_NUL),
    Field(examples=["Ana Souza"]),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class UserOut(BaseModel):
    """A person."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    email: str = Field(examples=["ana@example.com"])
    name: str | None = Field(examples=["Ana Souza"])
    role: Role = Field(description="owner: manages everybody; admin: manages agents; agent.")
    created_at: datetime
    updated_at: datetime


class RegisterIn(_Body):
    """The first person, who becomes the owner."""

    email: Email
    password: NewPassword
    name: Name | None = None


class LoginIn(_Body):
    """Credentials."""

    email: str = Field(min_length=1, max_length=320, pattern=NO_NUL, examples=["ana@example.com"])
    password: TypedPassword


class RefreshIn(_Body):
    """The newest refresh token of a sign-in."""

    refresh_token: str = Field(min_length=1, max_length=200, pattern=NO_NUL, examples=["6nRW1d2J…"])


class LogoutIn(_Body):
    """Which sign-ins to end."""

    everywhere: bool = Field(default=False, description="All of yours, not only this one.")


class TokensOut(BaseModel):
    """A sign-in. Keep the refresh token secret, and replace it by the new one at each refresh."""

    access_token: str = Field(description="Send as `Authorization: Bearer …`.")
    token_type: str = Field("Bearer", description="RFC 6750.", examples=["Bearer"])
    expires_in: int = Field(description="Seconds the access token is good for.", examples=[900])
    refresh_token: str = Field(description="Good for one use at POST /auth/refresh.")
    refresh_expires_in: int = Field(description="Seconds the refresh token is good for.", examples=[2592000])
    user: UserOut


class AuthStateOut(BaseModel):
    """What a console needs to know before anybody is signed in."""

    owner_exists: bool = Field(description="False: nobody has registered yet; POST /auth/register is open.")


class ProfileIn(_Body):
    """What people change about themselves. A field left out stays as it is."""

    name: Name | None = None
    current_password: TypedPassword | None = Field(None, description="Needed with `new_password`.")
    new_password: NewPassword | None = Field(None, description="Ends all your other sign-ins.")

    @model_validator(mode="after")
    def _password_needs_the_old_one(self) -> Self:
        if self.new_password is not None and self.current_password is None:
            raise ValueError("current_password is needed to set new_password")
        return self


class UserIn(_Body):
    """A new person."""

    email: Email
    password: NewPassword
    name: Name | None = None
    role: Role = Role.AGENT


class UserPatchIn(_Body):
    """Changes to a person. A field left out, or null except for `name`, stays as it is."""

    email: Email | None = None
    password: NewPassword | None = Field(None, description="Ends all sign-ins of that person.")
    name: Name | None = None
    role: Role | None = None
