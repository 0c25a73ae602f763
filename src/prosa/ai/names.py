"""Models by name: which one a number's setting means, and whether it can be asked at all."""

from dataclasses import dataclass

from prosa.ai.failures import NoApiKeyError
from prosa.auth.keys import Keys
from prosa.settings import Settings

DEFAULT_PROVIDER = "google"


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model and who serves it."""

    provider: str
    model: str

    @classmethod
    def parse(cls, text: str) -> "ModelName":
        """Read `model` or `provider:model`; the provider is Google where none is named."""
        provider, colon, model = text.strip().partition(":")
        return cls(provider, model) if colon else cls(DEFAULT_PROVIDER, provider)

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


class ModelNames:
    """The names of one installation."""

    def __init__(self, settings: Settings) -> None:
        """Take the default model, and whether there is a key, from the settings."""
        self._default = ModelName.parse(settings.ai_model)
        self._has_key = settings.gemini_api_key is not None

    def name(self, wanted: str | None) -> ModelName:
        """Return the model that a number's setting means; the installation's where it has none."""
        return ModelName.parse(wanted) if wanted and wanted.strip() else self._default

    def unready(self, wanted: str | None, keys: Keys | None = None) -> str | None:
        """Return `no_api_key` where a model cannot be asked for want of a key, else None.

        Args:
            wanted: The model.
            keys: Those of the number's owner.
        """
        name = self.name(wanted)
        known = self._has_key or name.provider in (keys or {})
        return NoApiKeyError.code if name.provider == DEFAULT_PROVIDER and not known else None
