"""Frequent answers: whether they are given, and how sure one must be."""

from typing import Literal

from pydantic import Field

from prosa.sessions.settings.base import Group, Minutes


class FrequentSettings(Group):
    """Settings of frequent answers."""

    mode: Literal["off", "shadow", "on"] = Field(
        "off",
        description="off: nothing is loaded and nothing kept. shadow: the model answers; questions are kept for "
        "suggestions and for the report of what the frequent answers would have said. on: they are given.",
    )
    threshold: float = Field(
        0.6,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="How near to its phrasings a question must be, 2 at most.",
    )
    margin: float = Field(
        0.24,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="How much nearer to one answer than to all others together; the report shows what a choice costs.",
    )
    embeddings: Literal["local", "gemini"] = Field(
        "local", description="What compares meanings: a small model on this machine, or Gemini's by its key."
    )
    exact_minutes: Minutes = Field(
        0,
        description="For how long an answer of the model is given again to the same words, asked by anybody; 0: never. "
        "Only to questions that stand alone, and while instructions, model and knowledge stay the same.",
    )
