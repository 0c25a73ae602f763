"""What a person can set for one number: a few settings at the top, the others in groups, a module each."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prosa.errors import FieldError, InvalidInputError
from prosa.forms import NO_NUL
from prosa.sessions.settings.abilities import AbilitySettings
from prosa.sessions.settings.audience import AudienceSettings
from prosa.sessions.settings.budget import BudgetSettings
from prosa.sessions.settings.context import ContextSettings, ModelText
from prosa.sessions.settings.frequent import FrequentSettings
from prosa.sessions.settings.hours import HoursSettings
from prosa.sessions.settings.knowledge import KnowledgeSettings
from prosa.sessions.settings.sending import SendingSettings
from prosa.sessions.settings.takeover import TakeoverSettings
from prosa.sessions.settings.turns import TurnSettings
from prosa.sessions.settings.understanding import UnderstandingSettings

Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]


class SessionSettings(BaseModel):
    """How a number answers and sends. Stored as JSON; a field that is missing has its default."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"instructions": "We are a bakery in Santos. Be brief.", "budget": {"number_usd": 5}}]
        },
    )

    ai_enabled: bool = Field(default=True, description="Whether the AI answers contacts on this number.")
    instructions: str = Field(
        "",
        max_length=20_000,
        pattern=NO_NUL,
        description="What the AI should know and how it should answer, in your own words.",
    )
    model: str | None = Field(
        None,
        max_length=120,
        pattern=NO_NUL,
        description="The model that answers; left out: the installation's (PROSA_AI_MODEL).",
    )
    fallback_models: tuple[ModelText, ...] = Field(
        (),
        max_length=5,
        description="Models to ask in turn where the first one is not available: slowed down, away, without a key.",
    )
    max_answer_tokens: int = Field(1024, ge=16, le=8192, description="Longest answer of the model, in tokens.")
    debounce_seconds: Seconds = Field(
        1.0, description="Wait for more messages after one arrives, so that quick ones in a row get one answer."
    )
    debounce_max_seconds: Seconds = Field(15.0, description="Longest such wait, counted from the first message.")
    show_typing: bool = Field(default=True, description="Show “typing…” to the contact while the answer is made.")
    mark_read: bool = Field(
        default=True,
        description="Mark a contact's messages as read when they are answered; a group's are people's to read.",
    )
    budget: BudgetSettings = Field(BudgetSettings(), description="What answers may cost.")
    context: ContextSettings = Field(ContextSettings(), description="What the model sees of a conversation.")
    turns: TurnSettings = Field(TurnSettings(), description="How answers are made.")
    takeover: TakeoverSettings = Field(
        TakeoverSettings(), description="When a person takes a conversation over, and how a contact stops the AI."
    )
    audience: AudienceSettings = Field(AudienceSettings(), description="Whom the AI answers.")
    hours: HoursSettings = Field(HoursSettings(), description="Business hours.")
    abilities: AbilitySettings = Field(AbilitySettings(), description="What the AI may do beside writing.")
    understanding: UnderstandingSettings = Field(
        UnderstandingSettings(), description="What the AI sees and hears of files."
    )
    sending: SendingSettings = Field(SendingSettings(), description="How messages go out: typing, bubbles, limits.")
    frequent: FrequentSettings = Field(FrequentSettings(), description="Frequent answers.")
    knowledge: KnowledgeSettings = Field(KnowledgeSettings(), description="The number's documents.")

    def changed(self, changes: BaseModel) -> "SessionSettings":
        """Return the settings with those that `changes` sets; groups are merged field by field.

        Raises:
            InvalidInputError: Together they are not acceptable.
        """
        try:
            new = SessionSettings.model_validate(_merged(self.model_dump(), changes.model_dump(exclude_unset=True)))
        except ValidationError as error:
            raise InvalidInputError(
                "These settings do not go together.",
                fields=[
                    FieldError(".".join(("body.settings", *map(str, fault["loc"]))), fault["msg"], fault["type"])
                    for fault in error.errors(include_input=False, include_url=False)
                ],
            ) from None
        if "hours" in changes.model_fields_set and new.hours.enabled and not new.hours.given:
            # Not the model's own rule: numbers that were set so before are read as they are.
            raise InvalidInputError(
                "Business hours cannot be kept without any.",
                remedy="Send settings.hours.weekly too; or settings.hours.enabled false, to answer at all times.",
                fields=[
                    FieldError(
                        "body.settings.hours.weekly",
                        'needs at least one interval, such as {"monday": ["09:00-18:00"]}, while hours.enabled is true',
                        "hours_missing",
                    )
                ],
            )
        return new


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(old)
    for name, value in new.items():
        before = result.get(name)
        result[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result
