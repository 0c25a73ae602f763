"""All keys of this installation, opened, in the memory of each process: whoever asks a model needs one at once."""

import asyncio
import uuid

import structlog

from prosa.auth.keys import Key, Keys
from prosa.auth.vault import SealBrokenError, Vault
from prosa.database import Database
from prosa.events.bus import Bus, cancel
from prosa.keys import repository

logger = structlog.get_logger("prosa.keys")

TOPIC = "provider_keys"
"""Wakes keyrings after a change."""
REFRESH_SECONDS = 30.0
"""How long a change may go unseen that another process made while its wake-up was lost."""


def context_of(key_id: uuid.UUID) -> str:
    """Return what a key is sealed for."""
    return f"provider_key:{key_id}"


class Keyring:
    """Hands out keys."""

    def __init__(self, database: Database, vault: Vault, bus: Bus) -> None:
        self._database = database
        self._vault = vault
        self._bus = bus
        self._installation: dict[str, Key] = {}
        self._own: dict[uuid.UUID, dict[str, Key]] = {}
        self._refreshing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read all keys, and again after changes."""
        await self.refresh()
        self._refreshing = asyncio.create_task(self._refresh_forever(), name="keyring")

    async def stop(self) -> None:
        """Read no more."""
        refreshing, self._refreshing = self._refreshing, None
        await cancel(refreshing)

    def of(self, user_id: uuid.UUID) -> Keys:
        """Return the keys that an owner's numbers use: their own first, then the installation's."""
        own = self._own.get(user_id)
        return {**self._installation, **own} if own else self._installation

    async def refresh(self) -> None:
        """Read all keys anew."""
        async with self._database.read() as db:
            rows = await repository.every(db)
        installation: dict[str, Key] = {}
        own: dict[uuid.UUID, dict[str, Key]] = {}
        for row in rows:
            try:
                key = Key(self._vault.open(row.sealed, context_of(row.id)), row.base_url)
            except SealBrokenError:
                logger.warning("a provider's key cannot be opened; it must be set again", provider=row.provider)
                continue
            (installation if row.user_id is None else own.setdefault(row.user_id, {}))[row.provider] = key
        self._installation, self._own = installation, own

    async def _refresh_forever(self) -> None:
        async with self._bus.listen(TOPIC) as signal:
            while True:
                await signal.wait(REFRESH_SECONDS)
                try:
                    await self.refresh()
                except Exception:
                    logger.exception("providers' keys could not be read; those known stay in use")
