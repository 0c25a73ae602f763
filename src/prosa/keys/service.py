"""Use cases of providers' keys. None of them ever returns a key."""

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

from sqlalchemy import Row

from prosa.auth.caller import Caller
from prosa.auth.vault import Vault, hint
from prosa.clock import utc_now
from prosa.database import Database
from prosa.database.engine import WriteDb
from prosa.errors import FieldError, ForbiddenError, InvalidInputError, NotFoundError
from prosa.ids import new_id
from prosa.keys import repository
from prosa.keys.keyring import TOPIC, Keyring, context_of
from prosa.keys.providers import FIXED
from prosa.outgoing import Rules

Scope = Literal["own", "installation"]
MANAGERS = frozenset({"owner", "admin"})


class ProviderKeyService:
    """Sets, lists and removes keys."""

    def __init__(self, database: Database, vault: Vault, keyring: Keyring, rules: Rules) -> None:
        """Make the service.

        Args:
            database: Where keys are kept, sealed.
            vault: Seals them.
            keyring: Takes changes in.
            rules: Which addresses may be asked.
        """
        self._database = database
        self._vault = vault
        self._keyring = keyring
        self._rules = rules

    async def list(self, caller: Caller) -> Sequence[Row[Any]]:
        """Return what may be shown of the caller's keys, and of the installation's."""
        async with self._database.read() as db:
            return await repository.of(db, caller.user_id)

    async def put(self, caller: Caller, provider: str, *, key: str, base_url: str | None, scope: Scope) -> Row[Any]:
        """Set a provider's key, in place of the one there was.

        Raises:
            ForbiddenError: Only owners and admins set the installation's keys.
            InvalidInputError: The address may not be asked, or the provider takes none.
        """
        whose = _whose(caller, scope)
        if base_url is not None:
            if provider in FIXED:
                reason = f"keys of {provider} take no address; a server that speaks OpenAI's API is openai-chat"
                raise InvalidInputError(
                    "This provider is asked at its own address only.",
                    fields=[FieldError("body.base_url", reason, "address_not_taken")],
                )
            self._rules.check_field(base_url, "body.base_url", detail="This address may not be used.")
        key_id = new_id()
        values = {
            "id": key_id, "user_id": whose, "provider": provider, "sealed": self._vault.seal(key, context_of(key_id)),
            "hint": hint(key), "base_url": base_url, "created_at": utc_now(),
        }  # fmt: skip
        await self._database.submit(partial(_replace, values))
        await self._keyring.refresh()
        return next(row for row in await self.list(caller) if row.id == key_id)

    async def delete(self, caller: Caller, provider: str, *, scope: Scope) -> None:
        """Remove a provider's key.

        Raises:
            ForbiddenError: Only owners and admins remove the installation's keys.
            NotFoundError: There is none.
        """
        if not await self._database.submit(partial(_remove, _whose(caller, scope), provider)):
            raise NotFoundError("There is no key of this provider.", remedy="GET /provider-keys lists yours.")
        await self._keyring.refresh()


def _whose(caller: Caller, scope: Scope) -> uuid.UUID | None:
    if scope == "own":
        return caller.user_id
    if caller.role not in MANAGERS:
        raise ForbiddenError("Only owners and admins manage the installation's keys.")
    return None


async def _replace(values: dict[str, Any], db: WriteDb) -> None:
    await repository.remove(db, values["user_id"], values["provider"])
    await repository.add(db, values)
    db.wake(TOPIC)


async def _remove(user_id: uuid.UUID | None, provider: str, db: WriteDb) -> bool:
    db.wake(TOPIC)
    return await repository.remove(db, user_id, provider)
