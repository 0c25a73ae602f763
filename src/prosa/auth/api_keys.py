"""API keys: how they look, what is stored of them, and why one is refused."""

import hashlib
import re
from typing import Final

from prosa.errors import NotAuthenticatedError
from prosa.ids import new_token

PREFIX: Final = "prosa_"
"""Tells a key from an access token, and lets scanners of leaked secrets find it."""
SHOWN = len(PREFIX) + 6
"""Characters of a key by which its owner recognises it."""
TOPIC = "api_keys"
"""Wakes those who keep what a key may, when one is changed or revoked."""
MAX_NAME = 100
MAX_DAYS = 3650

_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
_LIKE_ONE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{7,}}")

_MAKE_ANOTHER = "Make another one in the console, under Settings, API keys, or by POST /api-keys."


class ApiKeyError(NotAuthenticatedError):
    """There is no such API key."""

    code = "api_key_not_valid"
    title = "This API key is not valid"
    remedy = f"Check that it was copied whole. {_MAKE_ANOTHER}"


class ApiKeyEndedError(ApiKeyError):
    """The API key was good once."""

    code = "api_key_ended"
    title = "This API key is no longer valid"
    remedy = _MAKE_ANOTHER


def new_key() -> str:
    """Return a new key: the prefix and 256 random bits."""
    return PREFIX + new_token()


def is_key(token: str) -> bool:
    """Say whether a token claims to be an API key, well-formed or not."""
    return token.startswith(PREFIX)


def fingerprint(key: str) -> str:
    """Return what is stored of a key. It holds 256 random bits, so a plain hash cannot be guessed back.

    Raises:
        ApiKeyError: It does not look like one of ours.
    """
    if _FORM.fullmatch(key) is None:
        raise ApiKeyError
    return hashlib.sha256(key.encode()).hexdigest()


def shown(key: str) -> str:
    """Return what may be shown of a key."""
    return key[:SHOWN]


def redacted(text: str) -> str:
    """Return a text for the log, with only what may be shown of any key in it."""
    return _LIKE_ONE.sub(lambda found: f"{shown(found[0])}…", text) if PREFIX in text else text
