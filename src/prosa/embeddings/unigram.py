"""Text as pieces of a vocabulary: SentencePiece's unigram model, as XLM-RoBERTa and its descendants use it.

Of all ways to cut a text into known pieces, the likeliest is taken (Viterbi; Kudo 2018, arxiv.org/abs/1804.10959).
"""

import re
from collections.abc import Mapping, Sequence

MARK = "\u2581"
"""Stands for a space, at the beginning of a word's first piece."""
UNKNOWN_PENALTY = 10.0
"""How much less likely than the least likely piece a character is that is none (SentencePiece's kUnkPenalty)."""


class Unigram:
    """A vocabulary with how likely its pieces are."""

    def __init__(
        self, pieces: Sequence[str], scores: Sequence[float], *, unknown: int, replaced: Mapping[int, str]
    ) -> None:
        """Take them.

        Args:
            pieces: By id.
            scores: Logarithms of how likely each is.
            unknown: The id of what is no piece.
            replaced: What a character, by its code point, is read as: compatibility forms and the like.
        """
        self._ids = {piece: id_ for id_, piece in enumerate(pieces) if id_ != unknown}
        self._scores = {piece: scores[id_] for piece, id_ in self._ids.items()}
        self._unknown = unknown
        self._unknown_score = min(scores) - UNKNOWN_PENALTY
        self._longest = max(map(len, pieces))
        self._replaced = replaced

    def split(self, text: str) -> list[str]:
        """Return the pieces of a text; together they are the text as it is read, with `MARK` for spaces."""
        text = re.sub(" +", " ", text.translate(self._replaced))
        text = (text if text.startswith(" ") else f" {text}").replace(" ", MARK)
        scores, longest, nothing = self._scores, self._longest, float("-inf")
        best = [0.0] + [nothing] * len(text)
        begins = [0] * (len(text) + 1)
        for begin, character in enumerate(text):
            so_far = best[begin]
            # a character always ends somewhere: what is no piece is unknown
            for end in range(begin + 1, min(len(text), begin + longest) + 1):
                score = scores.get(text[begin:end])
                if score is not None and so_far + score > best[end]:
                    best[end], begins[end] = so_far + score, begin
            if character not in scores and so_far + self._unknown_score > best[begin + 1]:
                best[begin + 1], begins[begin + 1] = so_far + self._unknown_score, begin
        pieces: list[str] = []
        end = len(text)
        while end:
            pieces.append(text[begins[end] : end])
            end = begins[end]
        return pieces[::-1]

    def ids(self, pieces: Sequence[str]) -> list[int]:
        """Return the ids of pieces."""
        return [self._ids.get(piece, self._unknown) for piece in pieces]
