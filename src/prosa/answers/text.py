"""Questions as they are compared: what people write differently and mean the same is taken away, and nothing else.

Case, accents, spaces, punctuation, most emoji, and greetings and thanks around a question say nothing about what is
asked. Digits with what joins them ("10:30", "1.5"), currency and percent signs, and the emoji that say no or yes stay.
"""

import re
from hashlib import blake2b

from prosa.words import fold

LONGEST_QUESTION = 500
"""Characters; longer messages are never the same question twice."""

_TOKEN = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|[%$€£+]|[👍👎✅❌🚫⛔]")

_GREETINGS = (
    "oi", "ola", "opa", "e ai", "eai", "alo", "bom dia", "boa tarde", "boa noite", "tudo bem", "tudo bom", "td bem",
    "tudo certo", "como vai", "com licenca", "hello", "hi", "hey", "hi there", "hello there", "good morning",
    "good afternoon", "good evening", "good night", "how are you", "excuse me", "pessoal", "gente", "amigo", "amiga",
    "moco", "moca", "senhor", "senhora", "everyone", "team", "guys",
)  # fmt: skip
_COURTESIES = (
    "por favor", "pfv", "pf", "por gentileza", "obrigado", "obrigada", "obg", "muito obrigado", "muito obrigada",
    "brigado", "brigada", "valeu", "vlw", "grato", "grata", "agradeco", "desde ja", "please", "pls", "thanks",
    "thank you", "thank you very much", "many thanks", "thx", "ty", "cheers", "bom dia", "boa tarde", "boa noite",
    "in advance",
)  # fmt: skip


def _phrases(texts: tuple[str, ...]) -> list[tuple[str, ...]]:
    return sorted((tuple(text.split()) for text in texts), key=len, reverse=True)


_BEFORE, _AFTER = _phrases(_GREETINGS + _COURTESIES), _phrases(_COURTESIES)


def tokens(text: str) -> list[str]:
    """Return the words, numbers and meaningful signs of a text, folded, in order."""
    return _TOKEN.findall(fold(text))


def core(text: str) -> list[str]:
    """Return the tokens of a question without the greetings before it and the thanks after it.

    A text of nothing else is left as it is.
    """
    words = tokens(text)
    begin, end = 0, len(words)
    while found := next((p for p in _BEFORE if tuple(words[begin : begin + len(p)]) == p), None):
        begin += len(found)
    while found := next((p for p in _AFTER if end - len(p) >= begin and tuple(words[end - len(p) : end]) == p), None):
        end -= len(found)
    return words[begin:end] or words


def normalised(text: str) -> str:
    """Return a question as one line that is the same for all who ask it in the same words."""
    return " ".join(core(text))


def digest(*parts: str) -> str:
    """Return a short name of some texts that nobody can guess a text from, or make collide."""
    state = blake2b(digest_size=20)
    for part in parts:
        raw = part.encode()
        state.update(len(raw).to_bytes(8, "big") + raw)
    return state.hexdigest()
