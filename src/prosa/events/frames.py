"""What clients send over the WebSocket."""

from typing import Annotated, Literal, TypeAlias

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class AuthFrame(BaseModel):
    """Signs in, and says what was seen last and which numbers are of interest."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["auth"]
    token: str | None = Field(None, max_length=4096, description="An access token, or an API key.")
    last_event_id: str | None = Field(None, max_length=64)
    sessions: list[Annotated[str, Field(max_length=64)]] | None = Field(None, max_length=1000)


class PingFrame(BaseModel):
    """Asks for a `pong`."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["ping"]


class WatchingFrame(BaseModel):
    """Says that a person has the conversations before them, for the next 90 seconds."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["watching"]


Frame: TypeAlias = AuthFrame | PingFrame | WatchingFrame
_frames: TypeAdapter[Frame] = TypeAdapter(Annotated[Frame, Field(discriminator="type")])


def read_frame(text: str) -> Frame:
    """Return the frame that a client sent.

    Raises:
        ValueError: It is none.
    """
    return _frames.validate_python(orjson.loads(text))
