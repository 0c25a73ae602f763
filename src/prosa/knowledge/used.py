"""Which passages an answer used: those whose words, or whose numbers, it took.

The model is not asked to name them: markers cost tokens, models forget them, and some would reach the contact. An
answer used a passage where it shares at least three telling words with a paragraph of it and these are a third of its
own; or a number that the question does not have, with one word beside it.
"""

import re
from collections.abc import Iterator, Sequence

from prosa.knowledge.stems import stems

FEWEST_SHARED = 3
SHARE = 0.33
_PARAGRAPH = re.compile(r"\n[ \t]*\n+|(?<=[.!?])\s*\n")


def used(answer: str, passages: Sequence[str], *, question: str) -> list[int]:
    """Return the places, in order, of the passages that an answer used.

    Args:
        answer: What was answered.
        passages: What the model was given.
        question: What was asked: its words prove nothing.
    """
    asked = set(stems(question))
    said = set(stems(answer))
    own = said - asked
    return [index for index, passage in enumerate(passages) if _took(own, said, passage)]


def _took(own: set[str], said: set[str], passage: str) -> bool:
    for paragraph in _paragraphs(passage):
        words = set(stems(paragraph))
        shared = own & words
        if len(shared) >= FEWEST_SHARED and len(shared) >= SHARE * len(own):
            return True
        if any(word[0].isdigit() for word in shared) and len(said & words) > 1:
            return True
    return False


def _paragraphs(passage: str) -> Iterator[str]:
    yield from (paragraph for paragraph in _PARAGRAPH.split(passage) if paragraph.strip())
