"""What can no longer be done to a message."""

from typing import ClassVar

from prosa.errors import ConflictError


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
