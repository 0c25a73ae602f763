"""Frequent answers and their phrasings: what their owner does with them."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from prosa.answers import repository
from prosa.auth.caller import Caller
from prosa.auth.numbers import check_number, check_whole, raise_version
from prosa.clock import Clock, utc_now
from prosa.database import Database, ReadDb, WriteDb
from prosa.errors import ConflictError, FieldError, InvalidInputError, NotFoundError

Forget = Callable[[str], Awaitable[None]]
"""Drops what is cached of a number."""


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """A frequent answer to add; fields as in `prosa.answers.models.FrequentAnswer`."""

    title: str
    answer: str
    session_id: str | None = None
    language: str | None = None
    enabled: bool = True
    phrasings: Sequence[str] = ()


class FrequentAnswerService:
    """Adds, changes and deletes frequent answers. Every change reaches all processes through the numbers' versions."""

    def __init__(self, database: Database, forget: Forget, clock: Clock = utc_now) -> None:
        """Make it.

        Args:
            database: Where they are.
            forget: Called after a commit with each number whose answers changed.
            clock: The time.
        """
        self._database = database
        self._forget = forget
        self._clock = clock

    async def page(
        self, caller: Caller, *, session_id: str | None, query: str | None, after: uuid.UUID | None, limit: int
    ) -> list[Row[Any]]:
        """Return up to `limit` frequent answers, the newest first.

        Raises:
            NotFoundError: The number is not the caller's.
        """
        async with self._database.read() as db:
            if session_id is not None:
                await check_number(db, caller, session_id)
            return await repository.page(db, caller, session_id=session_id, query=query, after=after, limit=limit)

    async def get(self, caller: Caller, answer_id: uuid.UUID) -> Row[Any]:
        """Return a frequent answer.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        async with self._database.read() as db:
            return await _found(db, caller, answer_id)

    async def create(self, caller: Caller, new: NewAnswer) -> Row[Any]:
        """Add a frequent answer; its title is its first phrasing.

        Raises:
            NotFoundError: The number is not the caller's.
            LimitedKeyError: It would be for all numbers, and the caller's API key is limited to some.
            ConflictError: There is one with this question already, or the owner has too many phrasings.
        """
        async with self._database.write() as db:
            answer_id = await self.add(db, caller, new)
            numbers = await raise_version(db, caller.user_id, new.session_id, "answers_version")
            row = await _found(db, caller, answer_id)
        await self.changed(numbers)
        return row

    async def add(self, db: WriteDb, caller: Caller, new: NewAnswer) -> uuid.UUID:
        """Add a frequent answer in this transaction; the caller raises the version.

        Raises:
            NotFoundError: The number is not the caller's.
            LimitedKeyError: It would be for all numbers, and the caller's API key is limited to some.
            ConflictError: There is one with this question already, or the owner has too many phrasings.
        """
        await _check_home(db, caller, new.session_id)
        if await repository.same_title(db, caller.user_id, new.session_id, new.title) is not None:
            raise ConflictError(
                "There is a frequent answer to this question already.",
                remedy="Change that one: GET /frequent-answers?q=… finds it.",
                fields=[FieldError("body.title", "asks what another frequent answer is for", "duplicate")],
            )
        now = self._clock()
        answer_id = await repository.add(
            db,
            {
                "user_id": caller.user_id, "session_id": new.session_id, "title": new.title, "answer": new.answer,
                "language": new.language, "enabled": new.enabled, "created_at": now, "updated_at": now,
            },
        )  # fmt: skip
        await self.add_texts(db, caller, answer_id, [new.title, *new.phrasings])
        return answer_id

    async def add_texts(self, db: WriteDb, caller: Caller, answer_id: uuid.UUID, texts: Sequence[str]) -> int:
        """Add phrasings in this transaction; return how many were new.

        Raises:
            ConflictError: The answer, or its owner, would have too many.
        """
        added = await repository.add_phrasings(db, answer_id, _different(texts), now=self._clock())
        if await repository.count_phrasings(db, caller.user_id, answer_id) > repository.MOST_PHRASINGS:
            raise ConflictError(
                f"A frequent answer has at most {repository.MOST_PHRASINGS} phrasings.",
                remedy="Keep those that differ most from each other.",
            )
        if await repository.count_phrasings(db, caller.user_id) > repository.MOST_IN_ALL:
            raise ConflictError(
                f"There are at most {repository.MOST_IN_ALL} phrasings in all.",
                remedy="Delete frequent answers that nobody asks for; the report says which are used.",
            )
        return added

    async def update(self, caller: Caller, answer_id: uuid.UUID, values: dict[str, Any]) -> Row[Any]:
        """Change a frequent answer.

        Raises:
            NotFoundError: There is none of this id, or it or the number is not the caller's.
            LimitedKeyError: It would be for all numbers, and the caller's API key is limited to some.
        """
        async with self._database.write() as db:
            old = await _found(db, caller, answer_id)
            if "session_id" in values:
                await _check_home(db, caller, values["session_id"])
            await repository.change(db, answer_id, values | {"updated_at": self._clock()})
            new = await _found(db, caller, answer_id)
            numbers = await raise_version(db, caller.user_id, _of_both(old, new), "answers_version")
        await self.changed(numbers)
        return new

    async def delete(self, caller: Caller, answer_id: uuid.UUID) -> None:
        """Delete a frequent answer with its phrasings.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        async with self._database.write() as db:
            old = await _found(db, caller, answer_id)
            await repository.remove(db, answer_id)
            numbers = await raise_version(db, caller.user_id, old.session_id, "answers_version")
        await self.changed(numbers)

    async def phrasings(
        self, caller: Caller, answer_id: uuid.UUID, *, after: uuid.UUID | None, limit: int
    ) -> list[Row[Any]]:
        """Return up to `limit` ways to ask, in the order they were added.

        Raises:
            NotFoundError: There is no such answer of the caller's.
        """
        async with self._database.read() as db:
            await _found(db, caller, answer_id)
            return await repository.phrasings(db, answer_id, after=after, limit=limit)

    async def add_phrasings(self, caller: Caller, answer_id: uuid.UUID, texts: Sequence[str]) -> Row[Any]:
        """Add ways to ask; those that are known already stay as they are. Return the answer.

        Raises:
            NotFoundError: There is no such answer of the caller's.
            ConflictError: There would be too many.
        """
        async with self._database.write() as db:
            old = await _found(db, caller, answer_id)
            await self.add_texts(db, caller, answer_id, texts)
            await repository.change(db, answer_id, {"updated_at": self._clock()})
            numbers = await raise_version(db, caller.user_id, old.session_id, "answers_version")
            row = await _found(db, caller, answer_id)
        await self.changed(numbers)
        return row

    async def remove_phrasing(self, caller: Caller, answer_id: uuid.UUID, phrasing_id: uuid.UUID) -> None:
        """Delete a way to ask; an answer keeps at least one.

        Raises:
            NotFoundError: There is no such answer of the caller's, or no such phrasing.
            ConflictError: It is the last one.
        """
        async with self._database.write() as db:
            old = await _found(db, caller, answer_id)
            if not await repository.remove_phrasing(db, answer_id, phrasing_id):
                raise NotFoundError("There is no such phrasing here.")
            if old.phrasings <= 1:
                raise ConflictError(
                    "A frequent answer needs a phrasing.", remedy="Add another one first, or delete the answer."
                )
            numbers = await raise_version(db, caller.user_id, old.session_id, "answers_version")
        await self.changed(numbers)

    async def changed(self, numbers: Sequence[str]) -> None:
        """Let the numbers be read anew, after the commit."""
        for session_id in numbers:
            await self._forget(session_id)


def question_of(text: str, field: str) -> str:
    """Return a text that may be a phrasing.

    Raises:
        InvalidInputError: There is nothing in it that could be asked.
    """
    if not any(character.isalnum() for character in text):
        raise InvalidInputError(
            "There is nothing to ask.", fields=[FieldError(field, "needs a letter or a digit", "no_words")]
        )
    return text


def _different(texts: Sequence[str]) -> list[str]:
    return list({repository.key_of(question_of(text, "body.phrasings")): text for text in reversed(texts)}.values())[
        ::-1
    ]


def _of_both(old: Row[Any], new: Row[Any]) -> str | None:
    """Return the one number that a change concerns; None for all of the owner's."""
    return old.session_id if old.session_id == new.session_id else None


async def _check_home(db: ReadDb, caller: Caller, session_id: str | None) -> None:
    """Make sure that the caller may have an answer for this number, or for all."""
    if session_id is None:
        check_whole(caller)
    else:
        await check_number(db, caller, session_id)


async def _found(db: ReadDb, caller: Caller, answer_id: uuid.UUID) -> Row[Any]:
    row = await repository.find(db, caller, answer_id)
    if row is None:
        raise NotFoundError("There is no such frequent answer here.", remedy="GET /frequent-answers lists yours.")
    return row
