"""Who calls an endpoint: the type of the parameter is the right.

`caller: SignedIn` lets in everybody with a valid access token, `caller: PeopleManager` only owners and admins.
"""

from typing import Annotated

import structlog
from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from prosa.auth.authenticator import Authenticator
from prosa.auth.caller import Caller
from prosa.errors import ForbiddenError, NotAuthenticatedError
from prosa.http.provide import provided

MANAGERS = frozenset({"owner", "admin"})

_bearer = HTTPBearer(
    scheme_name="bearer",
    bearerFormat="JWT",
    description="The `access_token` of POST /auth/login.",
    auto_error=False,
)


async def current_caller(
    authenticator: Annotated[Authenticator, provided(Authenticator)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Caller:
    """Return who sent the request.

    Raises:
        NotAuthenticatedError: No valid access token came with it.
    """
    if credentials is None:
        raise NotAuthenticatedError
    caller = await authenticator.authenticate(credentials.credentials)
    structlog.contextvars.bind_contextvars(user_id=str(caller.user_id))
    return caller


SignedIn = Annotated[Caller, Depends(current_caller)]
"""Anybody who is signed in."""


async def _people_manager(caller: SignedIn) -> Caller:
    if caller.role not in MANAGERS:
        raise ForbiddenError("This is for owners and admins.")
    return caller


PeopleManager = Annotated[Caller, Depends(_people_manager)]
"""An owner or an admin."""
