"""Bounded mappings: what was kept least recently goes first."""

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V]):
    """So many entries, those that were written least recently go first."""

    def __init__(self, most: int) -> None:
        """Keep at most so many."""
        super().__init__()
        self._most = most

    def put(self, key: K, value: V) -> None:
        """Write an entry, as the newest."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._most:
            self.popitem(last=False)


class Read(Generic[T]):
    """The newest values as they were read from the cache's bytes, so that the same bytes are not read again.

    The bytes stay the truth: what is found here is used only where the cache holds the very same. Whoever gets a value
    from here must not change it.
    """

    def __init__(self, most: int) -> None:
        """Keep so many values, the least recently used go first."""
        self._values: Recent[str, tuple[bytes, T]] = Recent(most)

    def get(self, key: str, raw: bytes) -> T | None:
        """Return what was read from these bytes, where that is known."""
        known = self._values.get(key)
        if known is None or known[0] != raw:
            return None
        self._values.move_to_end(key)
        return known[1]

    def put(self, key: str, raw: bytes, value: T) -> None:
        """Remember what bytes read as."""
        self._values.put(key, (raw, value))
