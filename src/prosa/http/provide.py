"""How endpoints get their services: looked up by type among what the composition root provided."""

from typing import Any, TypeVar, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

T = TypeVar("T")


def provided(kind: type[T]) -> Any:
    """Return a FastAPI dependency that gives the application's one instance of `kind`.

    Use as `service: Annotated[SessionService, provided(SessionService)]`.
    """

    def find(connection: HTTPConnection) -> T:
        return cast("T", connection.app.state.provided[kind])

    return Depends(find)
