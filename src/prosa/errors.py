"""The family of typed errors: each has a stable code, a message for a person and a remedy.

One handler in `prosa.http.problems` turns every `ProsaError` into RFC 9457 problem details.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as member
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with one field of an input.

    Attributes:
        field: Where, as a path a person can follow ("body.phone", "query.limit").
        message: What is wrong and what is expected, in one sentence.
        code: Stable name of what is wrong, in snake_case; `invalid` where only the message says it.
        limits: The numbers that the message names, such as `max_length`.
    """

    field: str
    message: str
    code: str = "invalid"
    limits: Mapping[str, float] = member(default_factory=dict)


class ProsaError(Exception):
    """Base of all errors that may be shown to a caller.

    Attributes:
        code: Stable name, in snake_case, that programs may rely on.
        status: HTTP status that fits.
        title: Short summary, the same for every occurrence.
        remedy: What the caller can do about it.
    """

    code: str = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    remedy: str = "Try again; if it persists, look at the server's log."

    def __init__(
        self,
        detail: str | None = None,
        *,
        remedy: str | None = None,
        fields: Sequence[FieldError] = (),
        retry_after: float | None = None,
    ) -> None:
        """Make the error.

        Args:
            detail: What happened this time; the title where left out.
            remedy: Overrides the class's remedy.
            fields: The input fields at fault.
            retry_after: Seconds after which a retry makes sense.
        """
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        if remedy is not None:
            self.remedy = remedy
        self.fields = tuple(fields)
        self.retry_after = retry_after


class InvalidInputError(ProsaError):
    """The request is malformed or a field's value is not acceptable."""

    code = "invalid_input"
    status = 422
    title = "The input is not valid"
    remedy = "Correct the named fields and send the request again."


class NotAuthenticatedError(ProsaError):
    """No valid credentials came with the request."""

    code = "not_authenticated"
    status = 401
    title = "You are not signed in"
    remedy = "Sign in at POST /auth/login and send the access token, or an API key, as 'Authorization: Bearer …'."


class ForbiddenError(ProsaError):
    """The caller is known but may not do this."""

    code = "forbidden"
    status = 403
    title = "You may not do this"
    remedy = "Ask an owner of this installation."


class NotFoundError(ProsaError):
    """The thing does not exist, or is not the caller's."""

    code = "not_found"
    status = 404
    title = "There is no such thing here"
    remedy = "Check the identifier; list the collection to see what exists."


class ConflictError(ProsaError):
    """The request does not fit the present state."""

    code = "conflict"
    status = 409
    title = "The request does not fit the present state"
    remedy = "Read the resource again and decide anew."


class TooManyRequestsError(ProsaError):
    """The caller must slow down."""

    code = "too_many_requests"
    status = 429
    title = "Too many requests"
    remedy = "Wait for the time given in Retry-After."


class UnavailableError(ProsaError):
    """Something that Prosa depends on is away for the moment."""

    code = "unavailable"
    status = 503
    title = "Not available at the moment"
    remedy = "Try again in a moment; 'prosa doctor' says what is wrong."


class ConfigurationError(ProsaError):
    """Prosa cannot start or work as it is set up."""

    code = "configuration"
    status = 500
    title = "Prosa is not set up correctly"
    remedy = "Run 'prosa doctor'."
