"""A conversation's recent messages for the prompt: from the cache while its version holds, else by one index query.

The row's version rises with every change of what a prompt would contain. A cached context carries the version it shows,
and is used only when the row says the same; so a cache that missed something costs a query, never a wrong prompt.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Table, bindparam, literal_column, select

from prosa.ai.context import CONTACT, PromptMessage, Transcript, text_of, without_marks
from prosa.cache import Cache
from prosa.conversations.models import Message, MessageStatus
from prosa.database import Database
from prosa.database.base import Base
from prosa.database.engine import ReadDb
from prosa.recent import Recent
from prosa.turns.policy import wants_answer

TTL_SECONDS = 2 * 3600.0
"""A conversation that is silent for longer is read again."""
MOST_MESSAGES = 500
"""Messages read for a prompt at most; before there are so many, they go into the summary."""

_BEFORE_ALL = -(2**31)

_LONGEST_SPEAKER = 40

MOST_KNOWN = 500
"""Contexts kept in the process beside the cache, the newest version that it saw of each: some 10 MB of usual
conversations. Where they are known, a turn asks no cache; there they are written later, for other processes and a
conversation that comes back."""

_MESSAGES: Final[Table] = Base.metadata.tables[Message.__tablename__]
_m = _MESSAGES.c
_recent = (
    select(
        _m.seq,
        _m.author,
        _m.type,
        _m.body,
        _m.media,
        _m.wa_id,
        _m.revoked_at,
        _m.sender_jid,
        _m.sender_name,
        _m.stored_at,
    )
    .where(
        _m.conversation_id == bindparam("conversation_id"),
        _m.seq <= bindparam("last_seq"),
        _m.seq > bindparam("after"),
        _m.status != literal_column(f"'{MessageStatus.CANCELLED.value}'"),  # never said
    )
    .order_by(_m.seq.desc())
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Need:
    """What a turn needs to know of a conversation.

    Attributes:
        conversation_id: Which one.
        version: As the row says now.
        last_seq: Of its newest message.
        summarised_until: `seq` up to which the summary tells; 0: there is none.
        group: It is a group: messages are told with their writers' names.
    """

    conversation_id: uuid.UUID
    version: int
    last_seq: int
    summarised_until: int = 0
    group: bool = False

    @property
    def after(self) -> int:
        """The `seq` after which messages are wanted; imported history has negative ones."""
        return self.summarised_until or _BEFORE_ALL


def prompt_message(
    *,
    seq: int,
    author: str,
    type_: str,
    body: str,
    wa_id: str,
    media: dict[str, Any] | None = None,
    speaker: str | None = None,
    stored_at: datetime | None = None,
) -> PromptMessage | None:
    """Return what a prompt needs to know of a stored message; None for one that prompts leave out.

    Args:
        seq: Its place.
        author: Who wrote it.
        type_: What it is.
        body: Its text.
        wa_id: WhatsApp's id of it.
        media: Facts of its file.
        speaker: In a group, of others' messages: `speaker_of`.
        stored_at: When it was stored.
    """
    facts = media or {}
    file_name, transcript = facts.get("file_name"), facts.get("transcript")
    inbound = author == CONTACT
    if inbound:
        body, file_name, transcript = map(without_marks, (body, file_name or "", transcript or ""))
    text = text_of(type_, body, file_name=file_name, voice=bool(facts.get("voice")), transcript=transcript)
    if text is None:
        return None
    if speaker is not None and inbound:
        # Set in from the second line on: nobody can write another one's line.
        text = f"{speaker}: " + text.replace("\n", "\n  ")
    file = inbound and bool(facts) and not transcript
    at = int(stored_at.timestamp()) if stored_at else 0
    return PromptMessage(seq, author, text, wa_id, asks=inbound and wants_answer(type_, body), file=file, at=at)


def speaker_of(name: str | None, sender_jid: str) -> str:
    """Return what a group's prompt calls a writer: the name they chose, or the end of their number."""
    # One line, and nothing that looks like the prompt's own marks: everybody chooses their name themselves.
    shown = " ".join(without_marks(name or "").replace(":", " ").split())[:_LONGEST_SPEAKER]
    return shown or f"…{sender_jid.partition('@')[0][-4:]}"


class Contexts:
    """The recent messages of conversations."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache
        self._known: Recent[str, _Cached] = Recent(MOST_KNOWN)

    async def load(self, need: Need) -> Transcript:
        """Return the messages that the summary does not tell and prompts contain, oldest first, as of the version."""
        key = _key(need.conversation_id)
        cached = self._known.get(key)
        if cached is None or not cached.tells(need):
            cached = await self._get(key)
        if cached is None or not cached.tells(need):
            async with self._database.read() as db:
                cached = await _read(db, need)
            self._keep(key, cached)
        return cached.messages.after(need.after)

    async def remember(self, conversation_id: uuid.UUID, version: int, *messages: PromptMessage | None) -> None:
        """Bring a cached context up to date after a commit that added messages; does nothing where none is cached.

        Args:
            conversation_id: Where they were stored.
            version: The row's version after the last of them; each added one to it.
            messages: In order; None for those that prompts leave out.
        """
        key = _key(conversation_id)
        before = version - len(messages)
        known = self._known.get(key)
        if known is None or known.version != before:
            known = await self._get(key)  # another process may have had the conversation meanwhile
        if known is None:
            return
        if known.version != before:
            # Two commits were remembered in another order, or something else changed: the next turn reads anew.
            await self._forget(key)
            return
        added = tuple(message for message in messages if message is not None)
        longer = _Cached(version, known.after, known.messages.plus(added))
        most = MOST_MESSAGES + MOST_MESSAGES // 2
        self._keep(key, longer.trimmed() if len(longer.messages) > most else longer)

    async def summarised(self, conversation_id: uuid.UUID, until: int) -> None:
        """Drop messages that the summary tells now from a cached context."""
        key = _key(conversation_id)
        cached = self._known.get(key) or await self._get(key)
        if cached is not None and cached.after < until:
            self._keep(key, _Cached(cached.version, until, cached.messages.after(until)))

    async def forget(self, conversation_id: uuid.UUID) -> None:
        """Drop a cached context, because its conversation was erased or merged."""
        await self._forget(_key(conversation_id))

    async def _get(self, key: str) -> "_Cached | None":
        """Return what the cache has: it may come from another process, or be older than what is known here."""
        raw = await self._cache.get_raw(key)
        cached = _Cached.read(raw) if raw is not None else None
        if cached is not None:
            self._know(key, cached)
        return cached

    def _keep(self, key: str, cached: "_Cached") -> None:
        self._know(key, cached)
        self._cache.set_later(key, cached.written, TTL_SECONDS)

    def _know(self, key: str, cached: "_Cached") -> None:
        known = self._known.get(key)
        if known is not None and known.version > cached.version:
            return
        self._known.put(key, cached)

    async def _forget(self, key: str) -> None:
        self._known.pop(key, None)
        await self._cache.delete(key)


@dataclass(frozen=True, slots=True)
class _Cached:
    """A context as cached: a line of JSON with version and place, and one for each message.

    Attributes:
        version: The row's version that it shows.
        after: All messages after this `seq` are in it.
        messages: Oldest first.
    """

    version: int
    after: int
    messages: Transcript

    def trimmed(self) -> "_Cached":
        """Return it without the oldest messages, where too many have gathered."""
        newest = self.messages[-MOST_MESSAGES:]
        if len(newest) == len(self.messages):
            return self
        return _Cached(self.version, newest[0].seq - 1, Transcript(newest))

    def tells(self, need: Need) -> bool:
        """Whether it is what a turn needs."""
        return self.version == need.version and self.after <= need.after

    def written(self) -> bytes:
        """Return it as it is kept."""
        rows = [orjson.dumps([m.seq, m.author, m.text, m.wa_id, m.asks, m.file, m.at]) for m in self.messages]
        return b"\n".join([orjson.dumps([self.version, self.after]), *rows])

    @classmethod
    def read(cls, raw: bytes) -> "_Cached | None":
        """Read what is kept; None where it is not what this version of Prosa writes."""
        try:
            (version, after), *rows = orjson.loads(b"[" + raw.replace(b"\n", b",") + b"]")
            return cls(int(version), int(after), Transcript(PromptMessage(*row) for row in rows))
        except (TypeError, ValueError):
            return None


async def _read(db: ReadDb, need: Need) -> _Cached:
    # Nothing behind `last_seq`: newer messages belong to a newer version, and are remembered with it.
    values = {
        "conversation_id": need.conversation_id,
        "last_seq": need.last_seq,
        "after": need.after,
        "most": MOST_MESSAGES,
    }
    rows = (await db.execute(_recent, values)).all()
    messages = tuple(
        message
        for row in reversed(rows)
        if row.revoked_at is None
        and (
            message := prompt_message(
                seq=row.seq,
                author=row.author,
                type_=row.type,
                body=row.body,
                wa_id=row.wa_id,
                media=row.media,
                speaker=speaker_of(row.sender_name, row.sender_jid) if need.group else None,
                stored_at=row.stored_at,
            )
        )
    )
    # Where there were more than can be read, those left out stay left out.
    return _Cached(need.version, need.after, Transcript(messages))


def _key(conversation_id: uuid.UUID) -> str:
    return f"context:{conversation_id}"
