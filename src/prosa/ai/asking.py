"""What is asked of a model, and what it answers; importing this costs nothing, unlike `prosa.ai.answer`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

from prosa.ai.context import PromptMessage
from prosa.ai.names import ModelName
from prosa.ai.parts import Attachment, Passage, Source, Tier, ToolUse
from prosa.ai.tools import Toolbox
from prosa.ai.usage import CallUsage, Purpose
from prosa.auth.keys import Keys


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """What to answer.

    Attributes:
        messages: Chosen by `prosa.ai.context.choose`; those to answer are the last.
        now: The present moment.
        instructions: The number's own, in its owner's words.
        model: `model` or `provider:model`; the installation's where left out.
        summary: What the conversation was about before, where there is a summary.
        contact_name: What the contact is called, where known.
        max_tokens: Longest answer.
        group: The messages are a group's, each beginning with its writer's name.
        knowledge: The owner's knowledge that goes with every prompt of the number: part of the stable beginning.
        index: What the owner's frequent answers are about, in words; part of the stable beginning.
        passages: Knowledge found for this question; it changes every turn, so it goes last.
        attachments: Files of messages, by the messages' `seq`.
        most_tokens: Of one call, prompt and answer together; None: no limit.
        most_usd: US dollars of one call, by list price; None: no limit.
        fallbacks: Models to ask in turn where the first one is not available.
        keys: Of the number's owner, by provider; the installation's where there is none.
        tools: What the model may do while it answers.
        on_call: Told what each call used as soon as it is answered, for whoever may stop waiting for the rest.
    """

    messages: Sequence[PromptMessage] = field(repr=False)
    now: datetime
    instructions: str = field(default="", repr=False)
    model: str | None = None
    summary: str | None = field(default=None, repr=False)
    contact_name: str | None = field(default=None, repr=False)
    max_tokens: int = 1024
    group: bool = False
    knowledge: Sequence[Passage] = field(default=(), repr=False)
    index: str = field(default="", repr=False)
    passages: Sequence[Passage] = field(default=(), repr=False)
    attachments: Mapping[int, Sequence[Attachment]] = field(default_factory=dict, repr=False)
    most_tokens: int | None = None
    most_usd: float | None = None
    fallbacks: Sequence[str] = ()
    keys: Keys = field(default_factory=dict, repr=False)
    tools: Toolbox | None = field(default=None, repr=False)
    on_call: Callable[[CallUsage], None] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send, and how it came about.

    Attributes:
        text: In WhatsApp's formatting; never empty.
        calls: The model calls that it took, in order, and what each was for; none where no model was asked.
        tier: Where it came from.
        sources: The knowledge it used.
        tools: The tools that were called for it.
        truncated: The model ran out of tokens; the text ends after its last whole sentence.
        notes: What files say or show, by their messages' `seq`.
    """

    text: str = field(repr=False)
    calls: tuple[tuple[Purpose, CallUsage], ...] = ()
    tier: Tier = Tier.MODEL
    sources: tuple[Source, ...] = ()
    tools: tuple[ToolUse, ...] = ()
    truncated: bool = False
    notes: Mapping[int, str] = field(default_factory=dict, repr=False)

    @property
    def usage(self) -> CallUsage | None:
        """The last call that made the text; None where no model did."""
        return next((usage for purpose, usage in reversed(self.calls) if purpose is Purpose.REPLY), None)

    def facts(self) -> dict[str, Any]:
        """Return what is kept with each message of the answer (`messages.ai`), as JSON."""
        used = [usage for _, usage in self.calls]
        last = self.usage
        costs = [usage.cost_microusd for usage in used]
        return {
            "tier": self.tier.value,
            "provider": last.provider if last else None,
            "model": last.model if last else None,
            "input_tokens": sum(usage.input_tokens for usage in used),
            "cached_tokens": sum(usage.cached_tokens for usage in used),
            "output_tokens": sum(usage.output_tokens for usage in used),
            "cost_microusd": None if None in costs else sum(cost for cost in costs if cost),
            "latency_ms": sum(usage.latency_ms for usage in used),
            "truncated": self.truncated,
            "sources": [asdict(source) for source in self.sources],
            "tools": [asdict(tool) for tool in self.tools],
        }


@dataclass(frozen=True, slots=True)
class TextRequest:
    """A task for a model, apart from any conversation's prompt.

    Attributes:
        system: What to do.
        text: To what: data.
        model: `model` or `provider:model`; the installation's where left out.
        max_tokens: Longest text.
        files: What goes along.
        keys: As for answers.
    """

    system: str = field(repr=False)
    text: str = field(repr=False)
    model: str | None = None
    max_tokens: int = 1024
    files: Sequence[Attachment] = field(default=(), repr=False)
    keys: Keys = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's text as it is, perhaps empty, and what it used."""

    text: str = field(repr=False)
    usage: CallUsage


class Answers(Protocol):
    """Who answers: `prosa.ai.lazy.LazyAnswers`, or `prosa.ai.answer.AnswerService` itself."""

    def unready(self, model: str | None, keys: Keys | None = None) -> str | None:
        """Return `no_api_key` where the model cannot be asked for want of a key, else None."""

    async def answer(self, request: AnswerRequest) -> Answer:
        """Ask the model.

        Raises:
            AnswerError: There is no answer; see `prosa.ai.failures` for the reasons.
        """
        ...

    async def complete(self, request: TextRequest) -> Completion:
        """Ask a model for a text, such as a summary.

        Raises:
            AnswerError: There is none.
        """
        ...

    def name(self, model: str | None) -> ModelName:
        """Return the model that a number's setting means."""
        ...
