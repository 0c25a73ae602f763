"""Knowledge: how the number's documents reach the model."""

from typing import Literal

from pydantic import Field

from prosa.sessions.settings.base import Group


class KnowledgeSettings(Group):
    """Settings of knowledge."""

    enabled: bool = Field(default=True, description="Whether the number's documents go into the prompt.")
    whole_tokens: int = Field(
        1_500,
        ge=0,
        le=8_000,
        description="Documents of at most so many tokens together go whole into the beginning of every prompt, which "
        "providers keep cached; of more, only what fits the question, at the end.",
    )
    passage_tokens: int = Field(
        900, ge=100, le=6_000, description="Most tokens of passages that are found for a question."
    )
    embeddings: Literal["off", "local", "gemini"] = Field(
        "off",
        description="Find passages by meaning too, not by their words alone: with a small model on this machine, or "
        "with Gemini's by its key.",
    )
