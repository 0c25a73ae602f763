"""Who calls: the identity that every service is given and every query is scoped to."""

import enum
import uuid
from dataclasses import dataclass


class Access(enum.StrEnum):
    """What an API key may do of what its owner may."""

    FULL = "full"
    """Everything but what only a person does: see `prosa.http.key_rights`."""
    READ = "read"
    """Of that, what changes nothing."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person, or a program with one of their API keys.

    Attributes:
        user_id: The owner that every read and write is scoped to.
        role: `owner`, `admin` or `agent`; see `prosa.users.models.Role`.
        sign_in_id: The family of refresh tokens this sign-in belongs to; None for the command line and API keys.
        key: What the API key may do that the call came with; None where a person signed in.
        key_id: That API key.
        numbers: The numbers that this API key is limited to, by their session ids; None: all of the owner's. An empty
            set is nothing: the numbers were deleted.
    """

    user_id: uuid.UUID
    role: str
    sign_in_id: uuid.UUID | None = None
    key: Access | None = None
    key_id: uuid.UUID | None = None
    numbers: frozenset[str] | None = None

    @property
    def may_change(self) -> bool:
        """Whether anything may be changed at all."""
        return self.key is not Access.READ

    @property
    def limited(self) -> bool:
        """Whether only some of the owner's numbers are within reach."""
        return self.numbers is not None

    def has(self, owner_id: uuid.UUID, session_id: str) -> bool:
        """Return whether a number of an owner is the caller's, and within reach of their API key."""
        return owner_id == self.user_id and (self.numbers is None or session_id in self.numbers)
