"""Who may do what to whom."""

from prosa.auth.caller import Caller
from prosa.errors import ConflictError, ForbiddenError
from prosa.users.models import Role, User


class LastOwnerError(ConflictError):
    """An installation without an owner could not be managed any more."""

    code = "last_owner"
    title = "This is the only owner"
    remedy = "Make another person an owner first."


class EmailTakenError(ConflictError):
    """Two people cannot have one address."""

    code = "email_taken"
    title = "This e-mail address is already in use"
    remedy = "Use another address, or change the person who has it."


def require_manager(caller: Caller) -> None:
    """Make sure the caller manages people at all.

    Raises:
        ForbiddenError: They do not.
    """
    if caller.role not in {Role.OWNER, Role.ADMIN}:
        raise ForbiddenError("Only owners and admins manage people.")


def require_may_manage(caller: Caller, role: str) -> None:
    """Make sure the caller may make, change or delete a person of `role`, or give that role.

    Raises:
        ForbiddenError: They may not.
    """
    require_manager(caller)
    if caller.role == Role.ADMIN and role != Role.AGENT:
        raise ForbiddenError("Admins manage agents only.")


def require_another(caller: Caller, user: User) -> None:
    """Make sure a password set without the old one is not the caller's own.

    Raises:
        ForbiddenError: It is: a session left open must not be enough to take an account over.
    """
    if caller.user_id == user.id:
        raise ForbiddenError(
            "Your own password needs the current one.", remedy="Use PATCH /auth/me with current_password."
        )
