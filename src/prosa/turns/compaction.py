"""Shortening what a conversation's prompts contain: older messages go into the summary.

Mostly after an answer, in the background, while nobody waits. Only a chat that goes on after the provider has forgotten
it is shortened first, because then all of its prompt would be read at the full price.

No lease is needed: the summary is written only where the conversation is still the one that it was made from, which
its numbers tell. Whatever goes wrong, the next turn finds the messages where they were, and tries again.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import bindparam, select, update

from prosa.ai import economy, summary
from prosa.ai import summary_notes as notes
from prosa.ai.asking import Answer, Answers
from prosa.ai.context import PromptMessage, Transcript, pending, tokens_of
from prosa.ai.economy import CacheWatch, Window
from prosa.ai.summary import Summary, SummaryRequest
from prosa.ai.usage import CallUsage, Purpose
from prosa.auth.keys import KeysOf, no_keys
from prosa.conversations.held import TABLE, HeldConversation, hold
from prosa.database import Database
from prosa.database.engine import Place, WriteDb
from prosa.database.prepared import Prepared
from prosa.recent import Recent
from prosa.sessions.facts import SessionFacts
from prosa.turns.context import Contexts
from prosa.turns.ending import Turn, record

logger = structlog.get_logger("prosa.turns")

RESUME_SECONDS = 4.0
"""Longest that an answer waits for a model's summary; then one is made by rule."""
_REMEMBERED = 2_000


Spent = Callable[[SessionFacts, uuid.UUID | None, Sequence[tuple[Purpose, CallUsage]]], Awaitable[None]]
"""Told of calls that were recorded: `Budgets.spent`."""


async def nobody(*_: object) -> None:
    """Tell nobody."""


_c = TABLE.c
_summarised = Prepared(
    update(TABLE).where(_c.id == bindparam("row_id")).returning(_c.id),
    sets_given=True, bulk=True, each=("row_id", "id"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """What a prompt shows of a conversation.

    Attributes:
        messages: Word by word.
        summary: What was said before.
        until: `seq` up to which the summary tells.
        told: About how many tokens the messages were that it tells.
        system: Tokens of the prompt's stable beginning.
    """

    messages: Transcript
    summary: str | None
    until: int
    told: int
    system: int

    @property
    def fixed(self) -> int:
        """Tokens that come before the messages."""
        return self.system + notes.tokens_of(self.summary)

    @property
    def saved(self) -> int:
        """Tokens that all messages since the beginning would add to the prompt."""
        return max(0, self.told - notes.tokens_of(self.summary))


class Compactor:
    """Decides when to shorten, has summaries made, and writes them down."""

    def __init__(
        self,
        database: Database,
        contexts: Contexts,
        answers: Answers,
        keys_of: KeysOf = no_keys,
        *,
        spent: Spent = nobody,
    ) -> None:
        """Make it.

        Args:
            database: Where summaries are kept.
            contexts: Cached messages.
            answers: Makes summaries.
            keys_of: The keys of a number's owner.
            spent: Told what summaries cost.
        """
        self._spent = spent
        self._keys_of = keys_of
        self._database = database
        self._contexts = contexts
        self._answers = answers
        self._watch = CacheWatch()
        self._tasks: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._last: Recent[uuid.UUID, int] = Recent(_REMEMBERED)
        self._more: Recent[str, int] = Recent(_REMEMBERED)

    async def view(self, turn: Turn, messages: Transcript, system: int, *, may_ask: bool = True) -> View:
        """Return what the prompt of a turn shows, shortened first where that pays or must be.

        Args:
            turn: The turn.
            messages: All that the summary does not tell.
            system: Tokens of the prompt's stable beginning.
            may_ask: A model may be asked; otherwise nothing is shortened.
        """
        claimed = turn.claimed
        view = View(messages, claimed.summary, claimed.summarised_until, claimed.summarised_tokens, system)
        window = self._window(turn, view)
        if may_ask and economy.first(window, tokens_of(messages), cold=_cold(turn, messages)):
            return await self._shorten(turn, view, window, seconds=RESUME_SECONDS) or view
        return view

    def answered(self, turn: Turn, view: View, answer: Answer, sent: Sequence[PromptMessage]) -> None:
        """Take in what an answer showed of the provider's cache, and shorten in the background where it is time.

        Args:
            turn: The turn.
            view: What its prompt showed.
            answer: What came of it.
            sent: The answer as messages.
        """
        key, usage = turn.claimed.id, answer.usage
        if usage is not None and self._last.get(key) == view.until and not _cold(turn, view.messages):
            before = view.messages.tokens_until(turn.claimed.answered_until)
            name = self._answers.name(f"{usage.provider}:{usage.model}")
            self._watch.saw(name, expected=view.fixed + before, cached=usage.cached_tokens)
        self._last.put(key, view.until)
        first = next((used for purpose, used in answer.calls if purpose is Purpose.REPLY), None)
        if first is not None:
            # Documents, tools and the frequent answers' index are put into the prompt later, and stay much the same.
            more = first.input_tokens - view.fixed - tokens_of(view.messages)
            self._more.put(turn.session.session_id, max(0, more))
        after = View(view.messages.plus(sent), view.summary, view.until, view.told, view.system)
        window = self._window(turn, after)
        if tokens_of(after.messages) > window.limit and key not in self._tasks:
            task = asyncio.create_task(self._later(turn, after, window), name=f"summary-{key}")
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def close(self) -> None:
        """Drop what is being made; the next turns begin it anew."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing is being made."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _window(self, turn: Turn, view: View) -> Window:
        chosen = turn.session.settings.context
        name = self._answers.name(turn.session.settings.model)
        return economy.plan(
            fixed=view.fixed + self._more.get(turn.session.session_id, 0),
            budget=chosen.window_tokens,
            keep=view.messages.tokens_of_newest(chosen.keep_messages),
            minimum=economy.minimum_prefix(name),
            works=self._watch.works(name),
        )

    async def _later(self, turn: Turn, view: View, window: Window) -> None:
        try:
            await self._shorten(turn, view, window)
        except Exception:
            logger.exception("a summary could not be made", conversation=str(turn.claimed.id))

    async def _shorten(self, turn: Turn, view: View, window: Window, seconds: float | None = None) -> View | None:
        """Put older messages into the summary; None where there is nothing to put, or it was in vain."""
        chosen = turn.session.settings.context
        waiting = {m.seq for m in (*turn.waiting, *pending(view.messages, answered_until=turn.claimed.answered_until))}
        leaving, rest = economy.split(view.messages, window, keep_messages=chosen.keep_messages, waiting=waiting)
        length = tokens_of(leaving)
        if length < economy.LEAST_TOKENS:
            return None
        made = await self._summarise(turn, view, leaving, window, seconds)
        short = View(Transcript(rest), made.text, leaving[-1].seq, view.told + length, view.system)
        done = await self._database.submit(partial(_write, turn, view.until, short, made), place=Place.TOGETHER)
        await self._spent(turn.session, turn.claimed.id, made.calls)
        if not done:
            logger.info("a summary came too late", conversation=str(turn.claimed.id))
            return None
        await self._contexts.summarised(turn.claimed.id, short.until)
        logger.info(
            "summarised", conversation=str(turn.claimed.id), messages=len(leaving), tokens=length,
            summary_tokens=notes.tokens_of(made.text), by_model=made.by_model,
        )  # fmt: skip
        return short

    async def _summarise(
        self, turn: Turn, view: View, leaving: Sequence[PromptMessage], window: Window, seconds: float | None
    ) -> Summary:
        settings = turn.session.settings
        if settings.context.summary == "off":
            return Summary(view.summary)
        request = SummaryRequest(
            messages=leaving,
            before=view.summary,
            tokens=round(settings.context.summary_tokens * window.summary),
            model=settings.context.summary_model or settings.model,
            contact_name=turn.claimed.contact_name,
            keys=self._keys_of(turn.session.user_id),
        )
        if settings.context.summary == "extract":
            return summary.extract(request)
        try:
            async with asyncio.timeout(seconds):
                return await summary.summarise(self._answers.complete, request)
        except TimeoutError:
            return summary.extract(request)


def _cold(turn: Turn, messages: Transcript) -> bool:
    """Whether the provider has forgotten the conversation since the last answer."""
    last = next((m.at for m in reversed(messages) if m.ours and m.seq <= turn.claimed.last_seq), 0)
    return turn.clock().timestamp() - last > economy.CACHE_SECONDS


async def unsay(db: WriteDb, held: HeldConversation, seq: int, text: str) -> None:
    """Take out of a conversation's summary what its author deleted or changed."""
    if seq > held.summarised_until or not text.strip():
        return
    told: str | None = (await db.execute(select(_c.summary).where(_c.id == held.id))).scalar_one_or_none()
    left = notes.without(told, text)
    if left != told:
        await db.execute(update(TABLE).where(_c.id == held.id).values(summary=left))


async def _write(turn: Turn, before: int, short: View, made: Summary, db: WriteDb) -> bool:
    """Write a summary down, where the conversation is still the one that it was made from; its cost in any case."""
    claimed = turn.claimed
    await record(turn, made.calls, None, db)
    held = await hold(db, claimed.id)
    # Both rise by one with each message that is added; anything else that changes a message raises one of them only.
    unchanged = held is not None and held.version - held.last_seq == claimed.version - claimed.last_seq
    if held is None or not unchanged or held.summarised_until != before:
        return False
    values = {"summary": short.summary, "summarised_until": short.until, "summarised_tokens": short.told}
    # at once, not put off: a turn that is claimed in this group reads it
    await db.fetch(_summarised, {"row_id": claimed.id, **values}, about=(claimed.id,))
    return True
