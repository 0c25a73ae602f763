"""What the AI may do beside writing."""

from pydantic import Field

from prosa.sessions.settings.base import Group, Minutes


class AbilitySettings(Group):
    """Settings of the AI's own tools."""

    hand_over: bool = Field(
        default=True,
        description="Whether the AI may hand a conversation to a person: where the contact asks for one, in whatever "
        "words, or where it cannot help. It is silent there from then on, and people are told (`ai.handoff`).",
    )
    hand_over_minutes: Minutes | None = Field(
        None, ge=1, description="For how long it is silent then; null: until somebody resumes it."
    )
    remind: bool = Field(
        default=False,
        description="Whether the AI may set a reminder: a message to the contact at a time that both agreed on.",
    )
