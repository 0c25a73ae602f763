"""What the server says next: a queue of answers, then rules in order, then a default."""

import inspect
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from prosa_simulator.gemini.answers import Answer, Json, Text, ToolCall
from prosa_simulator.gemini.prompt import Prompt, compact_json
from prosa_simulator.gemini.schema import instance_for
from prosa_simulator.gemini.wire import as_object, as_text

Said: TypeAlias = Answer | str
Reply: TypeAlias = Said | Callable[[Prompt], "Said | Awaitable[Said | None] | None"]
Matcher: TypeAlias = str | re.Pattern[str] | Callable[[Prompt], bool]


@dataclass(slots=True)
class Rule:
    """Answers with `reply` where `matches` says so, at most `times` times (None: always)."""

    matches: Callable[[Prompt], bool]
    reply: Reply
    times: int | None = None
    used: int = 0

    @property
    def spent(self) -> bool:
        """Whether the rule has answered as often as it may."""
        return self.times is not None and self.used >= self.times


def default_answer(prompt: Prompt) -> Answer:
    """A deterministic answer from the question: "You asked: …", or what the tool returned.

    Where the request demands structure (a schema, or a forced function call) the answer has it.
    """
    return structured_answer(prompt) or Text(f"You asked: {_question(prompt)}")


def structured_answer(prompt: Prompt) -> Answer | None:
    """An answer of the demanded structure with placeholder values, or None when plain text will do."""
    if tool := prompt.forced_tool:
        parameters = as_object(tool.get("parametersJsonSchema")) or as_object(tool.get("parameters"))
        args = instance_for(parameters, text=_question(prompt)) if parameters else {}
        return ToolCall(as_text(tool.get("name")), as_object(args))
    if prompt.schema is not None:
        return Json(instance_for(prompt.schema, text=_question(prompt)))
    if prompt.tool_results:
        results = "; ".join(f"{r.get('name')} = {compact_json(r.get('response'))}" for r in prompt.tool_results)
        return Text(f"The tool answered: {results}")
    return None


class Script:
    """The answers of a server, in the order: queue, rules, default.

    Args:
        default: the reply where nothing else applies.
    """

    def __init__(self, default: Reply = default_answer) -> None:
        self._initial = default
        self.default: Reply = default
        self.queue: deque[Reply] = deque()
        self.rules: list[Rule] = []

    def enqueue(self, *replies: Reply) -> None:
        """Use these for the next generate requests, one each, before any rule."""
        self.queue.extend(replies)

    def when(self, matcher: Matcher, reply: Reply, *, times: int | None = None) -> Rule:
        """Add a rule.

        Args:
            matcher: a regular expression searched in the person's newest text (a string ignores case), or a
                predicate on the whole prompt.
            reply: an answer, a text, or a function of the prompt (also async); a function's None passes on
                to the next rule.
            times: how often the rule may answer; None without end.
        """
        rule = Rule(matcher if callable(matcher) else on_text(matcher), reply, times)
        self.rules.append(rule)
        return rule

    def reset(self) -> None:
        """Back to the default the script was made with: no queue, no rules."""
        self.queue.clear()
        self.rules.clear()
        self.default = self._initial

    async def answer(self, prompt: Prompt) -> Answer:
        """The answer to this prompt; takes it off the queue, or counts the rule's use."""
        if self.queue and (answer := await _resolve(self.queue.popleft(), prompt)) is not None:
            return answer
        for rule in list(self.rules):
            if rule.spent or not rule.matches(prompt):
                continue
            rule.used += 1  # before the reply runs: two requests at once must not share a last use
            if (answer := await _resolve(rule.reply, prompt)) is not None:
                return answer
            rule.used -= 1
        return await _resolve(self.default, prompt) or default_answer(prompt)


def on_text(pattern: str | re.Pattern[str]) -> Callable[[Prompt], bool]:
    """Matches the person's newest text."""
    compiled = _compile(pattern)
    return lambda prompt: compiled.search(prompt.last_user_text) is not None


def on_system(pattern: str | re.Pattern[str]) -> Callable[[Prompt], bool]:
    """Matches the system instruction."""
    compiled = _compile(pattern)
    return lambda prompt: compiled.search(prompt.system_text) is not None


def on_model(pattern: str | re.Pattern[str]) -> Callable[[Prompt], bool]:
    """Matches the model's name."""
    compiled = _compile(pattern)
    return lambda prompt: compiled.search(prompt.model) is not None


def on_any_turn(pattern: str | re.Pattern[str]) -> Callable[[Prompt], bool]:
    """Matches any turn of the conversation, old ones too."""
    compiled = _compile(pattern)
    return lambda prompt: any(compiled.search(text) for text in prompt.texts())


def recall(pattern: str | re.Pattern[str], template: str, otherwise: Reply | None = None) -> Reply:
    """A reply that proves the context arrived: it quotes something said earlier.

    Args:
        pattern: searched in the person's earlier turns, the newest first, then in the system instruction
            (where summaries live).
        template: ``str.format`` with the pattern's groups: ``"Your name is {0}."``.
        otherwise: the reply where nothing matches; None passes on to the next rule.
    """
    compiled = _compile(pattern)

    async def reply(prompt: Prompt) -> Said | None:
        for text in [*reversed(prompt.user_texts[:-1]), prompt.system_text]:
            if found := compiled.search(text):
                return template.format(*found.groups())
        return None if otherwise is None else await _resolve(otherwise, prompt)

    return reply


async def _resolve(reply: Reply, prompt: Prompt) -> Answer | None:
    said = reply(prompt) if callable(reply) else reply
    if inspect.isawaitable(said):
        said = await said
    return Text(said) if isinstance(said, str) else said


def _compile(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE) if isinstance(pattern, str) else pattern


def _question(prompt: Prompt) -> str:
    if text := prompt.last_user_text:
        return text
    files = ", ".join(file.mime_type for file in prompt.last_media)
    return f"[{files}]" if files else "nothing"
