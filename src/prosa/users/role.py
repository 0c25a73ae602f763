"""What people may do."""

from enum import StrEnum


class Role(StrEnum):
    """What a person may do beside using their own numbers."""

    OWNER = "owner"
    """Manages everybody."""
    ADMIN = "admin"
    """Manages agents."""
    AGENT = "agent"
