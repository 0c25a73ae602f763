"""What one call may use: the answer is cut to what the limit leaves, and a prompt that leaves nothing is not sent."""

from dataclasses import replace

from prosa.ai import failures
from prosa.ai.asking import AnswerRequest
from prosa.ai.context import estimate_tokens, tokens_of
from prosa.ai.names import ModelName
from prosa.ai.pricing import estimate_microusd
from prosa.ai.system import system_text

LEAST_TOKENS = 64
"""Of an answer that is worth asking for."""


def prompt_tokens(request: AnswerRequest) -> int:
    """Return about how many tokens a prompt has, files aside."""
    system = system_text(request.instructions, request.knowledge, request.index)
    passages = sum(estimate_tokens(passage.text) for passage in request.passages)
    return estimate_tokens(system) + estimate_tokens(request.summary or "") + tokens_of(request.messages) + passages


def within_limits(name: ModelName, request: AnswerRequest) -> AnswerRequest:
    """Return the request with its longest answer cut to what the limits of a call leave.

    Raises:
        OverBudgetError: They leave none.
    """
    if request.most_tokens is None and request.most_usd is None:
        return request
    prompt, answer = prompt_tokens(request), request.max_tokens
    if request.most_tokens is not None:
        answer = min(answer, request.most_tokens - prompt)
    if request.most_usd is not None:
        most = request.most_usd * 1_000_000
        of_prompt = estimate_microusd(name, prompt, 0)
        of_answer = estimate_microusd(name, 0, 1_000)
        if of_prompt is not None and of_answer:
            answer = min(answer, int((most - of_prompt) / of_answer * 1_000))
    if answer < min(LEAST_TOKENS, request.max_tokens):
        raise failures.OverBudgetError(called=False)
    return replace(request, max_tokens=answer)
