"""What a request with an API key may do, decided in one place for every endpoint.

A key is for programs, and may leak from one: with it, nobody must be able to make more of it, take the account over or
reach the keys of model providers. So who may sign in, and with what, is managed by people who signed in. A key that
reads sends requests of safe methods only (RFC 9110 §9.2.1), which change nothing here, and learns no secret.

A key that is limited to some numbers may only what is in `_OF_NUMBERS`: endpoints of one number or of what belongs to
one, whose statements are narrowed by `prosa.auth.numbers.within`; webhooks by `prosa.webhooks.reach`. All others are
refused to it, new ones too.
"""

from typing import Final

from prosa.auth.caller import Caller
from prosa.auth.numbers import LimitedKeyError
from prosa.errors import ForbiddenError

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_OF_PEOPLE: Final = ("/auth", "/users", "/api-keys", "/provider-keys")
_KEYS_TOO: Final = frozenset({("GET", "/auth/me")})
"""So that a program can see whose key it has, and that it is good."""
_SECRET: Final = frozenset({("GET", "/webhooks/{webhook_id}/secret")})
"""What is read there lets its reader act: sign what a receiver takes for ours."""

_OF_NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    "/sessions": ("GET",),
    "/sessions/{session_id}": ("GET", "PATCH"),  # adding and removing numbers is not one number's affair
    "/sessions/{session_id}/connect": ("POST",),
    "/sessions/{session_id}/qr": ("GET",),
    "/sessions/{session_id}/passkey": ("GET", "POST"),
    "/sessions/{session_id}/passkey/confirm": ("POST",),
    "/sessions/{session_id}/restart": ("POST",),
    "/sessions/{session_id}/stop": ("POST",),
    "/sessions/{session_id}/logout": ("POST",),
    "/sessions/{session_id}/messages": ("POST",),
    "/sessions/{session_id}/media": ("POST",),
    "/sessions/{session_id}/try": ("POST",),
    "/sessions/{session_id}/tools": ("GET", "POST"),
    "/sessions/{session_id}/tools/{tool_id}": ("GET", "PATCH", "DELETE"),
    "/sessions/{session_id}/tools/{tool_id}/try": ("POST",),
    "/sessions/{session_id}/tool-calls": ("GET",),
    "/sessions/{session_id}/knowledge": ("GET", "POST"),
    "/sessions/{session_id}/knowledge/documents": ("POST",),
    "/sessions/{session_id}/knowledge/search": ("GET",),
    "/sessions/{session_id}/knowledge/{source_id}": ("GET", "DELETE"),
    "/conversations": ("GET",),
    "/conversations/{conversation_id}": ("GET", "PATCH", "DELETE"),
    "/conversations/{conversation_id}/read": ("POST",),
    "/conversations/{conversation_id}/unread": ("POST",),
    "/conversations/{conversation_id}/pause": ("POST",),
    "/conversations/{conversation_id}/resume": ("POST",),
    "/conversations/{conversation_id}/retry": ("POST",),
    "/conversations/{conversation_id}/messages": ("GET", "POST"),
    "/conversations/{conversation_id}/media": ("POST",),
    "/messages": ("GET",),
    "/messages/search": ("GET",),
    "/messages/{message_id}": ("GET", "PATCH", "DELETE"),
    "/messages/{message_id}/media": ("GET",),
    "/messages/{message_id}/react": ("POST",),
    "/messages/{message_id}/changes": ("GET",),
    "/messages/{message_id}/cancel": ("POST",),
    "/frequent-answers": ("GET", "POST"),  # an import is of all numbers at once
    "/frequent-answers/export": ("GET",),
    "/frequent-answers/try": ("POST",),
    "/frequent-answers/report": ("GET",),
    "/frequent-answers/questions": ("GET",),
    "/frequent-answers/questions/{question_id}/verdict": ("PUT",),
    "/frequent-answers/suggestions": ("GET",),
    "/frequent-answers/suggestions/{suggestion_id}/approve": ("POST",),
    "/frequent-answers/suggestions/{suggestion_id}/dismiss": ("POST",),
    "/frequent-answers/{answer_id}": ("GET", "PATCH", "DELETE"),
    "/frequent-answers/{answer_id}/phrasings": ("GET", "POST"),
    "/frequent-answers/{answer_id}/phrasings/{phrasing_id}": ("DELETE",),
    "/usage": ("GET",),
    "/usage.csv": ("GET",),
    "/usage/messages": ("GET",),
    "/usage/messages.csv": ("GET",),
    "/webhooks": ("GET", "POST"),
    "/webhooks/{webhook_id}": ("GET", "PATCH", "DELETE"),
    "/webhooks/{webhook_id}/secret": ("GET",),
    "/webhooks/{webhook_id}/rotate-secret": ("POST",),
    "/webhooks/{webhook_id}/test": ("POST",),
    "/webhooks/{webhook_id}/deliveries": ("GET",),
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry": ("POST",),
}
"""What a key that is limited to some numbers may, where its access allows it."""


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


def needs_all_numbers(method: str, path: str) -> bool:
    """Say whether an endpoint takes no API key that is limited to some numbers.

    Args:
        method: In upper case.
        path: As the router has it, with its parameters' names.
    """
    return method not in _OF_NUMBERS.get(path, ())


def check_key(caller: Caller, method: str, path: str) -> None:
    """Make sure that a call may be made with what it came with.

    Raises:
        SignInNeededError: It came with an API key, and takes a person.
        LimitedKeyError: It came with an API key that is limited to some numbers, and is not of one of them.
        ReadOnlyKeyError: It came with an API key that reads, and changes something.
    """
    if caller.key is None:
        return
    if needs_person(method, path):
        raise SignInNeededError("People, sign-ins and keys are not managed with an API key.")
    if caller.limited and needs_all_numbers(method, path):
        raise LimitedKeyError("This is not about one number, and this API key is limited to some.")
    if not caller.may_change and needs_full_key(method, path):
        raise ReadOnlyKeyError(f"The access of this API key is {caller.key}: it may not {method}.")
