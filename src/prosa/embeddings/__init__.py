"""Texts as vectors: the nearer two are, the more alike the texts' meanings. By a small model here, or by Gemini."""

from prosa.embeddings.base import Embedded, Embedder, EmbeddingError, Kind
from prosa.embeddings.registry import Embedders, Maker

__all__ = ["Embedded", "Embedder", "Embedders", "EmbeddingError", "Kind", "Maker"]
