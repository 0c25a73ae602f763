"""Parameters that several endpoints take."""

from typing import Annotated

from fastapi import Path, Query

from prosa.forms import NAMED, NO_NUL

SessionId = Annotated[
    str,
    Path(min_length=1, max_length=64, pattern=NAMED, description="The number's public name.", examples=["shop-sales"]),
]
OfSession = Annotated[
    str | None, Query(max_length=64, pattern=NO_NUL, description="Of one number only: its session id.")
]
