"""Calls of a model until it answers: it asks for tools, is told what came of them, and goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from prosa.ai.parts import ToolUse
from prosa.ai.tools import MOST_ROUNDS, MOST_USES, Offer, Toolbox, Used
from prosa.ai.usage import CallUsage

Ask: TypeAlias = Callable[
    [Sequence[ModelMessage], int, ModelRequestParameters | None], Awaitable[tuple[ModelResponse, CallUsage]]
]
"""Calls the model once: messages, most tokens, tools."""


class Talk:
    """One answer's calls.

    Attributes:
        calls: What each call of the model used.
        uses: The tools it used.
    """

    def __init__(self, ask: Ask, tools: Toolbox | None, on_call: Callable[[CallUsage], None] | None = None) -> None:
        self.calls: list[CallUsage] = []
        self.uses: list[ToolUse] = []
        self._ask = ask
        self._tools = tools
        self._on_call = on_call

    async def answer(self, messages: list[ModelMessage], max_tokens: int) -> ModelResponse:
        """Return the model's answer; whatever it asks for on the way is done.

        Raises:
            AnswerError: A call failed.
        """
        if self._tools is not None:
            self._tools.begin()
        parameters = self._parameters()
        messages = list(messages)
        left = MOST_ROUNDS
        while True:
            response, usage = await self._ask(messages, max_tokens, parameters)
            self.calls.append(usage)
            if self._on_call is not None:
                self._on_call(usage)
            asked = response.tool_calls
            if not asked or self._tools is None or not left:
                return response
            told = await asyncio.gather(*(self._use(part, self._tools) for part in asked))
            if left == 1:
                told = [f"{text}\n(No more tools now: answer the contact.)" for text in told]
            returns = [
                ToolReturnPart(tool_name=part.tool_name, content=text, tool_call_id=part.tool_call_id)
                for part, text in zip(asked, told, strict=True)
            ]
            messages += [response, ModelRequest(parts=returns)]
            left -= 1

    def _parameters(self) -> ModelRequestParameters | None:
        offers = self._tools.offers if self._tools is not None else ()
        return _parameters(tuple(offers)) if offers else None

    async def _use(self, part: ToolCallPart, tools: Toolbox) -> str:
        if len(self.uses) >= MOST_USES:
            return "No more tools can be used for this answer."
        index = len(self.uses)
        self.uses.append(ToolUse(part.tool_name[:64], ok=False, latency_ms=0))
        arguments = _arguments(part)
        if not any(offer.name == part.tool_name for offer in tools.offers):
            used = Used(ok=False, told="There is no such tool.")
        elif arguments is None:
            used = Used(ok=False, told="The arguments are not a JSON object.")
        else:
            used = await tools.use(part.tool_name, arguments)
        self.uses[index] = ToolUse(part.tool_name[:64], used.ok, used.latency_ms)
        return used.told


@lru_cache(64)
def _parameters(offers: tuple[Offer, ...]) -> ModelRequestParameters:
    return ModelRequestParameters(
        function_tools=[
            ToolDefinition(name=offer.name, description=offer.description, parameters_json_schema=offer.parameters)
            for offer in offers
        ]
    )


def _arguments(part: ToolCallPart) -> dict[str, Any] | None:
    try:
        return part.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError):
        return None
