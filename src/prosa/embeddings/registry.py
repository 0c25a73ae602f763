"""The makers of vectors by the name that settings use."""

from typing import Literal

from prosa.embeddings.base import Embedder
from prosa.embeddings.gemini import GeminiEmbedder
from prosa.embeddings.local import LocalEmbedder
from prosa.settings import Settings

Maker = Literal["local", "gemini"]


class Embedders:
    """One embedder of each kind for the whole process; neither loads anything before it is used."""

    def __init__(self, settings: Settings, **others: Embedder) -> None:
        """Make them.

        Args:
            settings: For Gemini's key and address.
            others: Used in place of these, by name.
        """
        self._makers: dict[str, Embedder] = {"local": LocalEmbedder(), "gemini": GeminiEmbedder(settings), **others}

    def get(self, name: Maker) -> Embedder:
        """Return the embedder of this name."""
        return self._makers[name]

    async def start(self) -> None:
        """Do nothing: what is needed is loaded when it is needed."""

    async def stop(self) -> None:
        """Give back what they hold."""
        for maker in self._makers.values():
            await maker.close()
