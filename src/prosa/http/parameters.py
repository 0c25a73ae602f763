"""Parameters that several endpoints take, and those that none takes."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from prosa.errors import FieldError, InvalidInputError
from prosa.forms import NAMED, NO_NUL

SessionId = Annotated[
    str,
    Path(min_length=1, max_length=64, pattern=NAMED, description="The number's public name.", examples=["shop-sales"]),
]
OfSession = Annotated[
    str | None, Query(max_length=64, pattern=NO_NUL, description="Of one number only: its session id.")
]

MOST_TOLD = 10
"""Unknown parameters that an error names."""


def _names(part: Dependant) -> Iterator[str]:
    yield from (field.alias for field in part.query_params)
    for other in part.dependencies:
        yield from _names(other)


def _known_query(request: Request) -> None:
    """Refuse query parameters that the endpoint does not know: a misspelt filter would show everything.

    Raises:
        InvalidInputError: There are some.
    """
    if not request.query_params:
        return
    route: APIRoute = request.scope["route"]
    known = set(_names(route.dependant))
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        message = f"is not a parameter of this; it takes {', '.join(sorted(known)) or 'none'}"
        count = "1 parameter is" if len(unknown) == 1 else f"{len(unknown)} parameters are"
        raise InvalidInputError(
            f"{count} not known here.",
            fields=[FieldError(f"query.{name}"[:200], message, "extra_forbidden") for name in unknown[:MOST_TOLD]],
        )


known_query = Depends(_known_query)
"""A dependency of routers."""
