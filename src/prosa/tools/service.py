"""Use cases of tools: declaring them, trying them, and giving them to a turn."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from prosa.auth.caller import Caller
from prosa.auth.numbers import check_number
from prosa.auth.vault import Vault, hint
from prosa.cache import Cache
from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb
from prosa.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from prosa.ids import new_id
from prosa.outgoing import Outgoing, origin_of
from prosa.tools import repository
from prosa.tools.calling import Called, ToolSpec, call, seal_context
from prosa.tools.schemas import ToolCreate, ToolUpdate

MOST_TOOLS = 20
"""Of one number: each costs tokens in every prompt."""
TTL_SECONDS = 60.0
"""How long a turn may not see a change that another process made while the cache was away."""
KEPT_RESULT = 1_000
"""Characters of a call's answer that are kept."""


class ToolService:
    """Every method but those for turns takes the caller first, and knows only the caller's numbers."""

    def __init__(
        self, database: Database, cache: Cache, vault: Vault, outgoing: Outgoing, *, clock: Clock = utc_now
    ) -> None:
        """Make the service.

        Args:
            database: Where tools are.
            cache: Keeps the tools that turns ask for.
            vault: Seals secret headers.
            outgoing: Asks the services.
            clock: The time.
        """
        self._database = database
        self._cache = cache
        self._vault = vault
        self._outgoing = outgoing
        self._clock = clock

    async def list(self, caller: Caller, session_id: str) -> Sequence[Row[Any]]:
        """Return a number's tools.

        Raises:
            NotFoundError: The number is not the caller's.
        """
        async with self._database.read() as db:
            await check_number(db, caller, session_id)
            return await repository.of_number(db, session_id)

    async def read(self, caller: Caller, session_id: str, tool_id: uuid.UUID) -> Row[Any]:
        """Return a tool.

        Raises:
            NotFoundError: There is none, or the number is not the caller's.
        """
        async with self._database.read() as db:
            await check_number(db, caller, session_id)
            return _there(await repository.find(db, session_id, tool_id))

    async def create(self, caller: Caller, session_id: str, body: ToolCreate) -> Row[Any]:
        """Add a tool.

        Raises:
            NotFoundError: The number is not the caller's.
            InvalidInputError: Its address may not be asked.
            ConflictError: There is one of this name, or there are too many.
        """
        self._check_url(body.url)
        values = body.model_dump(exclude={"header_value"})
        values |= {"id": new_id(), "session_id": session_id, "created_at": self._clock(), "updated_at": self._clock()}
        values |= self._sealed(values["id"], body.header_value)
        try:
            async with self._database.write() as db:
                await check_number(db, caller, session_id)
                if await repository.count(db, session_id) >= MOST_TOOLS:
                    raise ConflictError(
                        f"A number has at most {MOST_TOOLS} tools.", remedy="Remove one that is not needed."
                    )
                row = await repository.add(db, values)
        except IntegrityError:
            raise _taken(body.name) from None
        await self.forget(session_id)
        return row

    async def update(self, caller: Caller, session_id: str, tool_id: uuid.UUID, body: ToolUpdate) -> Row[Any]:
        """Change a tool.

        Raises:
            NotFoundError: There is none, or the number is not the caller's.
            InvalidInputError: Its address may not be asked.
            ConflictError: There is another one of this name.
        """
        if body.url is not None:
            self._check_url(body.url)
        sent = body.model_dump(exclude_unset=True)
        header = {"header_name", "header_value"}
        values = {name: value for name, value in sent.items() if name not in header and value is not None}
        if "header_name" in sent or "header_value" in sent:
            values |= self._header(tool_id, body, sent)
        try:
            async with self._database.write() as db:
                await check_number(db, caller, session_id)
                old = _there(await repository.find(db, session_id, tool_id))
                if values.get("header_sealed") and not values.get("header_name", old.header_name):
                    raise _header_alone()
                # A secret goes to the host that it was given for, and to no other.
                moved = body.url is not None and origin_of(body.url) != origin_of(old.url)
                if moved and old.header_sealed and "header_sealed" not in values:
                    raise InvalidInputError(
                        "The address is another host's, and the secret header was given for the old one.",
                        fields=[FieldError("body.header_value", "send the secret header again, or header_name null")],
                    )
                row = await repository.change(db, tool_id, values | {"updated_at": self._clock()})
        except IntegrityError:
            raise _taken(str(body.name)) from None
        await self.forget(session_id)
        return row

    async def delete(self, caller: Caller, session_id: str, tool_id: uuid.UUID) -> None:
        """Remove a tool.

        Raises:
            NotFoundError: There is none, or the number is not the caller's.
        """
        async with self._database.write() as db:
            await check_number(db, caller, session_id)
            if not await repository.remove(db, session_id, tool_id):
                raise _missing()
        await self.forget(session_id)

    async def calls(
        self, caller: Caller, session_id: str, *, before: uuid.UUID | None, limit: int
    ) -> tuple[Sequence[Row[Any]], uuid.UUID | None]:
        """Return a number's calls, the newest first, and where the next page begins.

        Raises:
            NotFoundError: The number is not the caller's.
        """
        async with self._database.read() as db:
            await check_number(db, caller, session_id)
            rows = await repository.calls(db, session_id, before=before, limit=limit + 1)
        return rows[:limit], rows[limit - 1].id if len(rows) > limit else None

    async def attempt(self, caller: Caller, session_id: str, tool_id: uuid.UUID, arguments: dict[str, Any]) -> Called:
        """Call a tool as the model would, for a person who tries it; the call is noted.

        Raises:
            NotFoundError: There is none, or the number is not the caller's.
        """
        called = await self.call(_spec(await self.read(caller, session_id, tool_id)), arguments)
        async with self._database.write() as db:
            await self.note(db, session_id, None, [called])
        return called

    async def of_number(self, session_id: str) -> Sequence[ToolSpec]:
        """Return the tools that a turn of a number may use; from the cache, mostly."""
        key = _key(session_id)
        raw = await self._cache.get_near(key)
        if raw is not None:
            try:
                return [ToolSpec(**values) for values in orjson.loads(raw)]
            except (TypeError, ValueError):
                pass  # another version of Prosa wrote it
        since = self._cache.deletion(key)
        async with self._database.read() as db:
            rows = await repository.of_number(db, session_id)
        specs = [_spec(row) for row in rows if row.enabled]
        await self._cache.set_near(key, orjson.dumps([asdict(spec) for spec in specs]), TTL_SECONDS, since=since)
        return specs

    async def call(self, spec: ToolSpec, arguments: dict[str, Any]) -> Called:
        """Call a tool for a turn; it never raises."""
        return await call(spec, arguments, outgoing=self._outgoing, vault=self._vault)

    async def note(
        self, db: WriteDb, session_id: str, conversation_id: uuid.UUID | None, calls: Sequence[Called]
    ) -> None:
        """Note calls in the caller's transaction."""
        kept = [replace(done, result=done.result[:KEPT_RESULT]) for done in calls]
        now = self._clock()
        await repository.note(
            db,
            [
                asdict(done)
                | {"id": new_id(), "session_id": session_id, "conversation_id": conversation_id, "created_at": now}
                for done in kept
            ],
        )

    async def forget(self, session_id: str) -> None:
        """Read a number's tools anew at the next turn."""
        await self._cache.delete_near(_key(session_id))

    def _check_url(self, url: str) -> None:
        self._outgoing.rules.check_field(url, "body.url", detail="The tool's address cannot be asked.")

    def _sealed(self, tool_id: uuid.UUID, secret: str | None) -> dict[str, Any]:
        if secret is None:
            return {"header_sealed": None, "header_hint": None}
        return {"header_sealed": self._vault.seal(secret, seal_context(tool_id)), "header_hint": hint(secret)}

    def _header(self, tool_id: uuid.UUID, body: ToolUpdate, sent: dict[str, Any]) -> dict[str, Any]:
        if "header_name" in sent and body.header_name is None:
            return {"header_name": None} | self._sealed(tool_id, None)
        values: dict[str, Any] = {"header_name": body.header_name} if body.header_name else {}
        if body.header_value is not None:
            values |= self._sealed(tool_id, body.header_value)
        return values


def _spec(row: Row[Any]) -> ToolSpec:
    return ToolSpec(
        id=str(row.id),
        name=row.name,
        description=row.description,
        parameters=row.parameters,
        method=row.method,
        url=row.url,
        header_name=row.header_name,
        sealed=row.header_sealed,
        timeout_seconds=row.timeout_seconds,
    )


def _key(session_id: str) -> str:
    return f"tools:{session_id}"


def _there(row: Row[Any] | None) -> Row[Any]:
    if row is None:
        raise _missing()
    return row


def _missing() -> NotFoundError:
    return NotFoundError("There is no such tool here.", remedy="GET /sessions/{session_id}/tools lists them.")


def _taken(name: str) -> ConflictError:
    return ConflictError(f"This number has a tool named {name}.", remedy="Choose another name, or change that tool.")


def _header_alone() -> InvalidInputError:
    return InvalidInputError(
        "A secret needs the name of its header.",
        fields=[FieldError("body.header_name", "send header_name with header_value")],
    )
