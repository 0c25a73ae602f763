"""The models the server offers, as ``models.list`` shows them."""

import re
from dataclasses import dataclass

from prosa_simulator.gemini.wire import Json, JsonObject

_GENERATE: tuple[str, ...] = ("generateContent", "streamGenerateContent", "countTokens", "createCachedContent")
_EMBED: tuple[str, ...] = ("embedContent", "batchEmbedContents", "countTokens")
# Any name of these families works, listed or not, so that a client may be newer than this table.
_FAMILY = re.compile(r"(gemini|gemma|text-embedding|embedding)-[a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model: its plain name, limits in tokens, and what it does."""

    name: str
    input_limit: int = 1_048_576
    output_limit: int = 65_536
    actions: tuple[str, ...] = _GENERATE
    thinking: bool = True
    dimensions: int = 0

    @property
    def body(self) -> JsonObject:
        """As the REST ``Model`` resource."""
        actions: list[Json] = [*self.actions]
        info: JsonObject = {
            "name": f"models/{self.name}",
            "version": "001",
            "displayName": self.name.replace("-", " ").title(),
            "description": f"Simulated {self.name}.",
            "inputTokenLimit": self.input_limit,
            "outputTokenLimit": self.output_limit,
            "supportedGenerationMethods": actions,
        }
        if not self.dimensions:
            info |= {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2, "thinking": self.thinking}
        return info


# Names and limits: ai.google.dev/gemini-api/docs/models and /docs/embeddings.
CATALOGUE = (
    ModelInfo("gemini-2.5-flash"),
    ModelInfo("gemini-2.5-flash-lite"),
    ModelInfo("gemini-2.5-pro"),
    ModelInfo("gemini-3-flash-preview"),
    ModelInfo("gemini-3-pro-preview"),
    ModelInfo("gemini-embedding-001", 2_048, 1, _EMBED, thinking=False, dimensions=3_072),
)
_BY_NAME = {model.name: model for model in CATALOGUE}


def find_model(name: str) -> ModelInfo | None:
    """The model of that plain name, listed or of a known family, else None."""
    if listed := _BY_NAME.get(name):
        return listed
    if not _FAMILY.fullmatch(name):
        return None
    if "embedding" in name:
        return ModelInfo(name, 2_048, 1, _EMBED, thinking=False, dimensions=768)
    return ModelInfo(name)
