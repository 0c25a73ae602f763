"""What a request with an API key may do, decided in one place for every endpoint.

A key is for programs, and may leak from one: with it, nobody must be able to make more of it, take the account over or
reach the keys of model providers. So who may sign in, and with what, is managed by people who signed in. A key that
reads sends requests of safe methods only (RFC 9110 §9.2.1), which change nothing here, and learns no secret.
"""

from typing import Final

from prosa.auth.caller import Caller
from prosa.errors import ForbiddenError

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_OF_PEOPLE: Final = ("/auth", "/users", "/api-keys", "/provider-keys")
_KEYS_TOO: Final = frozenset({("GET", "/auth/me")})
"""So that a program can see whose key it has, and that it is good."""
_SECRET: Final = frozenset({("GET", "/webhooks/{webhook_id}/secret")})
"""What is read there lets its reader act: sign what a receiver takes for ours."""


class SignInNeededError(ForbiddenError):
    """No API key may do this."""

    code = "sign_in_needed"
    title = "This takes a person who signed in"
    remedy = "Sign in at POST /auth/login and send the access token, or use the console."


class ReadOnlyKeyError(ForbiddenError):
    """The API key may change nothing."""

    code = "read_only_key"
    title = "This API key reads only"
    remedy = "Use a key whose access is full; a signed-in person makes one at POST /api-keys."


def needs_person(method: str, path: str) -> bool:
    """Say whether an endpoint takes no API key at all.

    Args:
        method: In upper case.
        path: As the router has it, with its parameters' names.
    """
    of_people = any(path == one or path.startswith(f"{one}/") for one in _OF_PEOPLE)
    return of_people and (method, path) not in _KEYS_TOO


def needs_full_key(method: str, path: str) -> bool:
    """Say whether an endpoint takes no API key that only reads.

    Args:
        method: In upper case.
        path: As the router has it, with its parameters' names.
    """
    return method not in SAFE or (method, path) in _SECRET


def check_key(caller: Caller, method: str, path: str) -> None:
    """Make sure that a call may be made with what it came with.

    Raises:
        SignInNeededError: It came with an API key, and takes a person.
        ReadOnlyKeyError: It came with an API key that reads, and changes something.
    """
    if caller.key is None:
        return
    if needs_person(method, path):
        raise SignInNeededError("People, sign-ins and keys are not managed with an API key.")
    if not caller.may_change and needs_full_key(method, path):
        raise ReadOnlyKeyError(f"The access of this API key is {caller.key}: it may not {method}.")
