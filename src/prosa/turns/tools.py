"""The tools of one turn: the owner's HTTP services, and Prosa's own, whose effects are committed with the answer.

The model chooses which tool and with what words. It never chooses the number, the conversation or the rights: these are
the turn's.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from prosa.ai.tools import Offer, Used
from prosa.conversations.held import HeldConversation
from prosa.conversations.pauses import FOREVER, PausedBy, PauseReason, pause
from prosa.database.engine import WriteDb
from prosa.events.types import AiHandoffPayload, Payload
from prosa.ids import new_id
from prosa.outbox import schedule
from prosa.outbox.content import Instructions, OutboundText
from prosa.sessions.settings.abilities import AbilitySettings
from prosa.tools.calling import Called, ToolSpec
from prosa.tools.service import ToolService

HAND_OVER = Offer(
    "hand_over",
    "Hand this conversation to a person. Use it when the contact asks for a person in whatever words, complains, or "
    "needs what you cannot do. Then tell the contact that a person will answer.",
    {
        "type": "object",
        "properties": {"reason": {"type": "string", "description": "Why, in a few words, for the person."}},
        "required": ["reason"],
    },
)
REMIND = Offer(
    "remind",
    "Send the contact a message later, at a time that you agreed on with them.",
    {
        "type": "object",
        "properties": {
            "at": {"type": "string", "description": "When: ISO 8601 with UTC offset, 2026-12-24T15:00:00-03:00."},
            "text": {"type": "string", "description": "The message, as the contact will read it."},
        },
        "required": ["at", "text"],
    },
)
EARLIEST, LATEST = timedelta(minutes=1), timedelta(days=365)
"""From now, for a reminder."""
MOST_REMINDERS = 3
LONGEST_REMINDER = 1000
LONGEST_REASON = 200


@dataclass(slots=True)
class TurnTools:
    """A `prosa.ai.tools.Toolbox`.

    Attributes:
        settings: Which of Prosa's own tools are on.
        specs: The owner's tools.
        service: Calls them.
        now: The turn's moment.
        group: A group is nobody's to hand over or remind.
        calls: What was called.
        handed_over: Why the conversation goes to a person; None: it does not.
        reminders: When, and the text.
    """

    settings: AbilitySettings
    specs: Sequence[ToolSpec]
    service: ToolService
    now: datetime
    group: bool
    calls: list[Called] = field(default_factory=list)
    handed_over: str | None = None
    reminders: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def offers(self) -> Sequence[Offer]:
        """What the model may use."""
        own = [HAND_OVER] if self.settings.hand_over and not self.group else []
        own += [REMIND] if self.settings.remind and not self.group else []
        return [*own, *(Offer(spec.name, spec.description, spec.parameters) for spec in self.specs)]

    def begin(self) -> None:
        """Take back what was to be done with an answer that did not come; calls of services happened all the same."""
        self.handed_over = None
        self.reminders.clear()

    async def use(self, name: str, arguments: dict[str, Any]) -> Used:
        """Use a tool; Prosa's own only note what is to be done when the answer is committed."""
        if name == HAND_OVER.name:
            self.handed_over = _line(arguments.get("reason"), LONGEST_REASON) or "asked for"
            return Used(ok=True, told="Done: a person is told and will answer. Say so to the contact.")
        if name == REMIND.name:
            return self._remind(arguments)
        spec = next(spec for spec in self.specs if spec.name == name)
        called = await self.service.call(spec, arguments)
        self.calls.append(called)
        return Used(called.ok, called.result, called.latency_ms)

    def _remind(self, arguments: dict[str, Any]) -> Used:
        text = str(arguments.get("text") or "").replace("\0", "").strip()[:LONGEST_REMINDER]
        try:
            at = datetime.fromisoformat(str(arguments.get("at")))
        except ValueError:
            return Used(ok=False, told="`at` must be ISO 8601 with a UTC offset, like 2026-12-24T15:00:00-03:00.")
        if at.tzinfo is None:
            return Used(ok=False, told="`at` needs a UTC offset, like 2026-12-24T15:00:00-03:00.")
        if not text:
            return Used(ok=False, told="`text` must not be empty.")
        if not self.now + EARLIEST <= at <= self.now + LATEST:
            return Used(ok=False, told="`at` must be at least a minute from now and at most a year.")
        if len(self.reminders) >= MOST_REMINDERS:
            return Used(ok=False, told="There are enough reminders now.")
        self.reminders.append((at, text))
        return Used(ok=True, told=f"Done: the message will be sent at {at.isoformat(timespec='minutes')}.")


async def carry_out(
    db: WriteDb, held: HeldConversation, tools: TurnTools | None, *, user_id: uuid.UUID, now: datetime
) -> list[Payload]:
    """Do what the model decided, in the transaction of its answer; the caller saves the conversation.

    Returns:
        Events to append.
    """
    if tools is None:
        return []
    for at, text in tools.reminders:
        await schedule.add(
            db,
            held,
            message_id=new_id(),
            content=OutboundText(text),
            send_at=at,
            instructions=Instructions(reminder=True),
            user_id=user_id,
        )
    if tools.handed_over is None:
        return []
    minutes = tools.settings.hand_over_minutes
    until = FOREVER if minutes is None else now + timedelta(minutes=minutes)
    paused = pause(held, until=until, by=PausedBy.AI, reason=PauseReason.HANDED_OVER, now=now, note=tools.handed_over)
    told = AiHandoffPayload(conversation_id=held.id, reason=tools.handed_over, until=until)
    return [told, *([paused] if paused else [])]


async def note_calls(db: WriteDb, session_id: str, held: HeldConversation, tools: TurnTools | None) -> None:
    """Keep what was called; an answer that is dropped called it all the same."""
    if tools is not None and tools.calls:
        await tools.service.note(db, session_id, held.id, tools.calls)


def _line(value: object, most: int) -> str:
    return " ".join(str(value or "").replace("\0", "").split())[:most]
