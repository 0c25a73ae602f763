"""The tokens of a whole prompt, by modality, and the prompt as one sequence for the prefix cache."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from prosa_simulator.gemini.prompt import Prompt, Turn, compact_json
from prosa_simulator.gemini.tokens import Media, text_tokens
from prosa_simulator.gemini.wire import Json, JsonObject, as_text


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """Estimated tokens of a prompt: the total, and how much of it each modality is."""

    total: int
    by_modality: tuple[tuple[str, int], ...]

    @property
    def details(self) -> list[Json]:
        """As ``promptTokensDetails``: a list of modality and count."""
        return [{"modality": modality, "tokenCount": count} for modality, count in self.by_modality]


def prompt_tokens(prompt: Prompt) -> PromptTokens:
    """Count system instruction, tools and all turns."""
    counts: Counter[str] = Counter()
    for piece in prompt_pieces(prompt):
        if isinstance(piece, Media):
            counts[piece.modality] += piece.tokens
        else:
            counts["TEXT"] += text_tokens(piece)
    return PromptTokens(total=counts.total(), by_modality=tuple(sorted(counts.items(), reverse=True)))


def prompt_pieces(prompt: Prompt) -> Iterator[str | Media]:
    """The prompt in the order a model reads it: instruction, tools, then every part of every turn."""
    if prompt.system_text:
        yield prompt.system_text
    if prompt.tools:
        yield compact_json([*prompt.tools])
    for turn in prompt.turns:
        yield from _turn_pieces(turn)


def prompt_stream(prompt: Prompt) -> Iterator[str | Media]:
    """`prompt_pieces` with a mark before every turn, so that moving text from one role to another is a change."""
    if prompt.system_text:
        yield prompt.system_text
    if prompt.tools:
        yield compact_json([*prompt.tools])
    for turn in prompt.turns:
        yield f"\x1e{turn.role}\x1f"
        yield from _turn_pieces(turn)


def _turn_pieces(turn: Turn) -> Iterator[str | Media]:
    files = iter(turn.media)
    for part in turn.parts:
        if "inlineData" in part:
            if (file := next(files, None)) is not None:
                yield file
        elif "text" in part:
            yield as_text(part["text"])
        else:
            yield compact_json(_without_signature(part))


def _without_signature(part: JsonObject) -> JsonObject:
    return {key: value for key, value in part.items() if key != "thoughtSignature"}
