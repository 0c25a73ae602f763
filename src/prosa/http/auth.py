"""Who calls an endpoint: the type of the parameter is the right.

`caller: SignedIn` lets in everybody with a valid access token or API key, `caller: PeopleManager` only owners and
admins. What no API key may do is in `prosa.http.key_rights`.
"""

from typing import Annotated

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from prosa.auth.authenticator import Authenticator
from prosa.auth.caller import Caller
from prosa.errors import ForbiddenError, NotAuthenticatedError
from prosa.http.key_rights import check_key
from prosa.http.provide import provided

MANAGERS = frozenset({"owner", "admin"})
KEY_HEADER = "X-Api-Key"

_bearer = HTTPBearer(
    scheme_name="bearer",
    bearerFormat="JWT or API key",
    description="The `access_token` of POST /auth/login, or an API key.",
    auto_error=False,
)
_api_key = APIKeyHeader(
    name=KEY_HEADER,
    scheme_name="api_key",
    description="An API key, for programs that cannot set Authorization or are behind a proxy that uses it.",
    auto_error=False,
)


async def current_caller(
    request: Request,
    authenticator: Annotated[Authenticator, provided(Authenticator)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    api_key: Annotated[str | None, Security(_api_key)],
) -> Caller:
    """Return who sent the request.

    Raises:
        NotAuthenticatedError: No valid access token or API key came with it.
        ForbiddenError: It came with an API key that may not do this. What it may not even see is not found instead,
            by the services.
    """
    # the key's own header first: the other one may be that of a proxy in front
    token = api_key or (credentials.credentials if credentials is not None else None)
    if token is None:
        raise NotAuthenticatedError
    caller = await authenticator.authenticate(token)
    structlog.contextvars.bind_contextvars(user_id=str(caller.user_id))
    check_key(caller, request.method, request.scope["route"].path)
    return caller


SignedIn = Annotated[Caller, Depends(current_caller)]
"""Anybody who is signed in, and programs with an API key."""


async def _people_manager(caller: SignedIn) -> Caller:
    if caller.role not in MANAGERS:
        raise ForbiddenError("This is for owners and admins.")
    return caller


PeopleManager = Annotated[Caller, Depends(_people_manager)]
"""An owner or an admin."""
