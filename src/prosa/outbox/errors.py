"""What cannot be done with a message, or no longer."""

from typing import ClassVar

from prosa.errors import ConflictError


class NeverLinkedError(ConflictError):
    """A message is to be sent from a number that has no WhatsApp account, and never had one."""

    code = "never_linked"
    title: ClassVar[str] = "The number is not linked yet"
    remedy = "Link it first, by POST /sessions/{id}/connect or in the console under Numbers; then send again."


class OnItsWayError(ConflictError):
    """A message is being handed to WhatsApp at this moment."""

    code = "on_its_way"
    title: ClassVar[str] = "The message is on its way"
    remedy = "Look again in a moment: it is either sent, or waits for another try and can be cancelled."


class TooLateError(ConflictError):
    """What was asked for cannot be done to a message, or no longer."""

    code = "too_late"
    title: ClassVar[str] = "It is too late for this"
    remedy = "GET /messages/{id} says where the message stands."
