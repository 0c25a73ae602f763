"""A key of a model provider, as it is used: in memory only, and never shown."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Key:
    """What a provider is asked with.

    Attributes:
        secret: The key itself.
        base_url: Another address than the provider's usual one.
    """

    secret: str = field(repr=False)
    base_url: str | None = None


Keys: TypeAlias = Mapping[str, Key]
"""By provider, as model strings name it."""
KeysOf: TypeAlias = Callable[[uuid.UUID], Keys]
"""Returns the keys that an owner's numbers use."""


def no_keys(user_id: uuid.UUID) -> Keys:
    """Return none: only the installation's own key is used."""
    del user_id
    return {}
