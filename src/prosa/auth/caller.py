"""Who calls: the identity that every service is given and every query is scoped to."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person.

    Attributes:
        user_id: The owner that every read and write is scoped to.
        role: `owner`, `admin` or `agent`; see `prosa.users.models.Role`.
        sign_in_id: The family of refresh tokens this sign-in belongs to; None for the command line.
    """

    user_id: uuid.UUID
    role: str
    sign_in_id: uuid.UUID | None = None
