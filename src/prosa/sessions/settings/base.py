"""What every group of settings is: frozen, without unknown fields, its texts storable."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from prosa.forms import NO_NUL


class Group(BaseModel):
    """A group of settings; a field that is missing has its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Minutes = Annotated[int, Field(ge=0, le=525_600)]
"""Up to a year."""
FixedText = Annotated[str, StringConstraints(min_length=1, max_length=4096, strip_whitespace=True, pattern=NO_NUL)]
"""A message that is sent to contacts as it is."""
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True, pattern=NO_NUL)]
"""A text to be recognised."""
