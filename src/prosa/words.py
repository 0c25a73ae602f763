"""Words as full-text search sees them: without accents, case or punctuation, the same on every database.

Folding and splitting happen here and not in the databases, whose tokenizers disagree with each other.
"""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")

MAX_TEXT = 20_000
"""Characters of a message that are searched."""
MAX_WORD = 64
MAX_WORDS = 2_000
"""Different words of a message; with `MAX_WORD` this stays below PostgreSQL's 1 MiB for a tsvector."""
MAX_TERMS = 16
"""Words of a query."""


class _WithoutMarks(dict[int, int | None]):
    """Says of a character what `str.translate` makes of it: nothing of a combining mark; remembered for each."""

    def __missing__(self, code: int) -> int | None:
        kept = self[code] = None if unicodedata.category(chr(code))[0] == "M" else code
        return kept


_MARKS = _WithoutMarks()


def fold(text: str) -> str:
    """Return `text` without accents and case: "São" and "SAO" are both "sao"."""
    if text.isascii():
        return text.lower()
    # Casefolding twice around the decomposition is Unicode's "compatibility caseless match" (Unicode §3.13, D146).
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return decomposed.translate(_MARKS).casefold()


def split(text: str) -> list[str]:
    """Return the folded words of `text`, in order."""
    return [word[:MAX_WORD] for word in _WORD.findall(fold(text))]


def indexed(*texts: str | None) -> str:
    """Return the different words of some texts with a space between them; empty where there are none."""
    found = [word for text in texts if text for word in split(text[:MAX_TEXT])]
    return " ".join(list(dict.fromkeys(found))[:MAX_WORDS])


def terms(query: str) -> list[str]:
    """Return the words of a query, at most `MAX_TERMS`; the last one stands for every word it begins."""
    return split(query)[:MAX_TERMS]


def word_set(text: str) -> frozenset[str]:
    """Return the words of a table, which has spaces between them."""
    return frozenset(text.split())


STOP_WORDS = word_set(
    "a an the of to in on at for from with by and or but is are am be do does did can could would will shall may i you "
    "we they he she it my your our me us what when where which who whom how why there have has had if so not no yes "
    "ok okay sim nao um uma uns umas o os as de do da dos das em no na nos nas ao aos por pelo pela para pra pro com e "
    "ou mas se que eu tu voce voces vc vcs nos ele ela eles elas meu minha meus minhas seu sua seus suas me te lhe "
    "qual quais quando onde como quanto quanta quantos quantas quem porque por ser e esta estao foi tem tenho ter ha "
    "pode posso podem podia fazer faz quero queria gostaria would like want need ai la ja so"
)
"""Words of English and Portuguese, folded, that say nothing of what a text is about."""
