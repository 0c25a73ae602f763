"""Text that people send: bounded, and without the one character that PostgreSQL cannot store."""

from typing import Annotated

from pydantic import Field, StringConstraints

from prosa.forms import NO_NUL

"""PostgreSQL refuses U+0000 in text (manual, "Character Types"); a pattern also tells API clients so."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=NO_NUL)]
"""A short text that is not empty."""

MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NO_NUL)]
MetadataValue = (
    Annotated[str, StringConstraints(max_length=1000, pattern=NO_NUL)]
    | bool
    # What every JSON reader can hold exactly (RFC 8259 §6).
    | Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)]
    # The same bounds: a whole number beyond them would come back as another one.
    | Annotated[float, Field(ge=-(2**53) + 1, le=2**53 - 1, allow_inf_nan=False)]
    | None
)
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=50)]
"""A person's own facts about a number: flat, at most 50."""
