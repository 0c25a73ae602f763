"""What people do with their numbers: create, read, change, delete. Connecting and linking are in `operations`."""

import uuid
from collections.abc import Awaitable, Callable

from prosa.auth.caller import Caller
from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb
from prosa.errors import ConflictError, NotFoundError
from prosa.events import log as events
from prosa.events.bus import Bus
from prosa.events.log import NewEvent
from prosa.sessions import repository, twice
from prosa.sessions.changes import status_payload
from prosa.sessions.control import SessionControl
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.facts import SessionFacts
from prosa.sessions.names import made_up_name
from prosa.sessions.operations import TOPIC, Operations
from prosa.sessions.reasons import StatusReason
from prosa.sessions.record import SessionRecord
from prosa.sessions.repository import NewSession
from prosa.sessions.schemas import (
    AiView,
    PasskeyAssertion,
    PasskeyView,
    SessionConnect,
    SessionCreate,
    SessionUpdate,
    SessionView,
    passkey_view,
    session_view,
)
from prosa.sessions.settings import SessionSettings
from prosa.sessions.state import SessionStatus

_NAME_TRIES = 5


class SessionService:
    """Every method takes the caller first, and knows only the caller's numbers."""

    def __init__(
        self,
        database: Database,
        directory: SessionDirectory,
        control: SessionControl,
        bus: Bus,
        *,
        ai_ready: Callable[[SessionFacts], str | None],
        on_deleted: Callable[[str], Awaitable[None]] | None = None,
        on_ai_off: Callable[[WriteDb, str, uuid.UUID], Awaitable[None]] | None = None,
        on_removed: Callable[[WriteDb, uuid.UUID, str], Awaitable[None]] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """Make the service.

        Args:
            database: Where the numbers are.
            directory: Reads them through the cache.
            control: The gateway, for what only a live connection can do.
            bus: Shortens waits.
            ai_ready: Returns why the AI cannot answer on a number (`no_api_key`), or None.
            on_deleted: Told the name of a number after it was deleted, to remove its files.
            on_ai_off: Takes back what the AI of a number (by name, and its owner) has to say, in the transaction that
                switches it off.
            on_removed: Told the owner and the name of a number that was just removed, in the transaction that does it,
                to take it out of what names it.
            clock: Tells the time.
        """
        self._database = database
        self._directory = directory
        self._control = control
        self._ai_ready = ai_ready
        self._on_deleted = on_deleted
        self._on_ai_off = on_ai_off
        self._on_removed = on_removed
        self._clock = clock
        self._operations = Operations(database, directory, control, bus, clock=clock)

    async def create(self, caller: Caller, body: SessionCreate) -> SessionView:
        """Create a number, not linked yet.

        Raises:
            ConflictError: The public name is taken.
            InvalidInputError: The settings do not go together.
        """
        settings = SessionSettings().changed(body.settings).model_dump(mode="json")
        for tries_left in reversed(range(_NAME_TRIES)):
            new = NewSession(
                session_id=body.session_id or made_up_name(body.name),
                user_id=caller.user_id,
                name=body.name,
                settings=settings,
                extra=body.metadata,
            )
            try:
                async with self._database.write() as db:
                    record = await repository.add(db, new, now=self._clock())
                    await events.append(db, NewEvent(record.user_id, record.session_id, status_payload(record)))
            except ConflictError:
                if body.session_id is not None or not tries_left:
                    raise
            else:
                await self._directory.forget(record.session_id)
                return await self._view(caller, record)
        raise AssertionError("the last try returns or raises")

    async def list(
        self, caller: Caller, *, after: uuid.UUID | None, status: SessionStatus | None, limit: int
    ) -> tuple[list[SessionView], uuid.UUID | None]:
        """Return numbers in the order they were made, and the key to go on after if there are more."""
        async with self._database.read() as db:
            records = await repository.page(
                db, caller.user_id, after=after, status=status, limit=limit + 1, only=caller.numbers
            )
        more = records[limit - 1].id if len(records) > limit else None
        return [await self._view(caller, record) for record in records[:limit]], more

    async def read(self, caller: Caller, session_id: str) -> SessionView:
        """Return a number.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
        """
        return await self._view(caller, await self._own(caller, session_id))

    async def update(self, caller: Caller, session_id: str, body: SessionUpdate) -> SessionView:
        """Change name, settings (field by field) or metadata.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
        """
        await self._own(caller, session_id)

        async def change(db: WriteDb) -> SessionRecord:
            old = own(caller, await repository.find(db, session_id, lock=True), session_id)
            values: dict[str, object] = {}
            if "name" in body.model_fields_set:
                values["name"] = body.name
            if body.settings is not None:
                values["settings"] = old.settings.changed(body.settings).model_dump(mode="json")
            if body.metadata is not None:
                values["extra"] = body.metadata
            new = await repository.change(db, old.id, values | {"updated_at": self._clock()}) if values else old
            if old.settings.ai_enabled and not new.settings.ai_enabled and self._on_ai_off is not None:
                await self._on_ai_off(db, session_id, new.user_id)
            return new

        # Submitted: where it and others wait for each other's conversations, it is tried again.
        new = await self._database.submit(change)
        await self._directory.forget(session_id)
        return await self._view(caller, new)

    async def delete(self, caller: Caller, session_id: str, *, unused: bool = False) -> None:
        """Unlink a number and remove it with its conversations, messages and events that tell of it, for good.

        Args:
            caller: Who asks.
            session_id: The number.
            unused: Only where nothing would be lost: it was never linked, nothing is set, and nothing belongs to it.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
            ConflictError: It is not unused; nothing was removed.
            UnavailableError: It cannot be unlinked now; nothing was removed.
        """
        record = await self._own(caller, session_id)
        if not unused:  # whoever holds one that was never linked lets go of it once the row is gone
            await self._operations.unlink(record)
        async with self._database.write() as db:
            record = own(caller, await repository.find(db, session_id, lock=True), session_id)
            if unused and (not record.untouched or await repository.anything_of(db, session_id)):
                raise ConflictError(
                    "This number is in use: it was linked, a code for it is being typed, or something is set for it.",
                    remedy="Leave out `unused` to delete it with all that belongs to it.",
                )
            gone = record.model_copy(
                update={
                    "status": SessionStatus.LOGGED_OUT,
                    "status_reason": StatusReason.DELETED,
                    "status_detail": "Deleted.",
                }
            )
            await events.forget(db, record.user_id, record.session_id)
            await events.append(db, NewEvent(record.user_id, record.session_id, status_payload(gone)))
            await repository.remove(db, record.id)
            if self._on_removed is not None:
                await self._on_removed(db, record.user_id, record.session_id)
            db.wake(TOPIC)
        await self._directory.forget(session_id)
        if self._on_deleted is not None:
            await self._on_deleted(session_id)

    async def connect(
        self, caller: Caller, session_id: str, body: SessionConnect, *, wait_seconds: float = 0
    ) -> SessionView:
        """Bring a number online, linking it first where needed; comes back by itself until it is stopped.

        Args:
            caller: Who asks.
            session_id: The number.
            body: How to link.
            wait_seconds: Return when there is something to show, or after this time.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
            InvalidInputError: The phone number is none.
        """
        record = await self._own(caller, session_id)
        return await self._view(caller, await self._operations.connect(record, body, wait_seconds=wait_seconds))

    async def restart(self, caller: Caller, session_id: str) -> SessionView:
        """Close a number's connection and open a new one.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
        """
        return await self._view(caller, await self._operations.restart(await self._own(caller, session_id)))

    async def stop(self, caller: Caller, session_id: str) -> SessionView:
        """Disconnect a number; it stays linked, and offline until it is connected again.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
        """
        return await self._view(caller, await self._operations.stop(await self._own(caller, session_id)))

    async def logout(self, caller: Caller, session_id: str) -> SessionView:
        """Unlink a number at WhatsApp; its messages stay.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
            UnavailableError: It cannot be unlinked now.
        """
        await self._operations.unlink(await self._own(caller, session_id))
        return await self.read(caller, session_id)

    async def record(self, caller: Caller, session_id: str) -> SessionRecord:
        """Return a number's row.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
        """
        return await self._own(caller, session_id)

    async def passkey(self, caller: Caller, session_id: str) -> PasskeyView:
        """Return where the passkey step stands, and what to do.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
            ConflictError: WhatsApp asks for no passkey now.
        """
        record = await self._own(caller, session_id)
        view = passkey_view(record)
        if view is None:
            raise ConflictError(
                f"WhatsApp asks for no passkey now: the number is {record.status.value}.",
                remedy="Connect the number; not every account is asked for one.",
            )
        return view

    async def answer_passkey(self, caller: Caller, session_id: str, assertion: PasskeyAssertion) -> SessionView:
        """Hand in the assertion that the person's browser made.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
            ConflictError: WhatsApp asks for none, or did not take it.
            UnavailableError: WhatsApp cannot be asked now.
        """
        await self._operations.answer_passkey(await self._own(caller, session_id), assertion)
        return await self.read(caller, session_id)

    async def confirm_passkey(self, caller: Caller, session_id: str) -> SessionView:
        """Say that the code equals the phone's.

        Raises:
            NotFoundError: There is none of this name that is the caller's.
            ConflictError: There is no code to confirm, or WhatsApp did not take it.
            UnavailableError: WhatsApp cannot be asked now.
        """
        await self._operations.confirm_passkey(await self._own(caller, session_id))
        return await self.read(caller, session_id)

    async def _own(self, caller: Caller, session_id: str) -> SessionRecord:
        return own(caller, await self._directory.record(session_id), session_id)

    async def _view(self, caller: Caller, record: SessionRecord) -> SessionView:
        reason = "ai_off" if not record.settings.ai_enabled else self._ai_ready(record.facts())
        record = record.as_seen(self._clock())
        waiting = self._control.unwritten(record.session_id)
        if waiting is not None:  # people see it also while the database takes no writes
            told = {"status": waiting.status, "status_reason": waiting.reason, "status_detail": waiting.detail}
            record = record.model_copy(update=told)
        if record.status_reason == StatusReason.LINKED_TWICE:
            async with self._database.read() as db:
                record = record.model_copy(update={"status_detail": await twice.detail_for(db, caller, record)})
        return session_view(record, AiView(state="off" if reason else "on", reason=reason))


def own(caller: Caller, record: SessionRecord | None, session_id: str) -> SessionRecord:
    """Return the row if it is the caller's.

    Raises:
        NotFoundError: There is none of this name, or it is somebody else's.
    """
    if record is None or not caller.has(record.user_id, record.session_id):
        raise NotFoundError(f"There is no number “{session_id}” here.")
    return record
