"""The facts that a text states and a summary must not lose or invent: numbers, dates, addresses, proper names.

Language-blind on purpose: a number is digits, a name is a word with a capital letter.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

_URL = re.compile(r"(?:https?://|www\.)[^\s<>()\"']+", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_INNER_MARK = re.compile(r"['’-]")
_KNOWN_WORDS = 4_096
"""Words whose forms are remembered: people use the same few."""
_BETWEEN = " \t*_~"
"""What stands between a sentence's end and the next one's first word."""
_SENTENCE_END = '.!?…:\n"“(-•'
_COMMON_CAPITALS = 0.25
"""Share of capitals within sentences above which they mean nothing, as in German, where every noun has one."""
_FIRST_ACCENT = "\u0300"
"""No character before it combines with another one (Unicode, UnicodeData.txt)."""
_FEWEST_WORDS = 12
_LONG_WORD = 4


@dataclass(frozen=True, slots=True)
class Facts:
    """What a text states.

    Attributes:
        numbers: Numbers, dates and times, as written.
        addresses: E-mail and web addresses, folded.
        names: Words with a capital letter, as written; the first word of a sentence too.
    """

    numbers: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Source:
    """What was said, to look facts up in."""

    _numbers: set[str] = field(default_factory=set)
    _addresses: set[str] = field(default_factory=set)
    _words: set[str] = field(default_factory=set)
    _capitals: int = 0
    _inside: int = 0

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Source":
        """Return the source that some texts are."""
        source = cls()
        for text in texts:
            source.add(text)
        return source

    def __or__(self, other: "Source") -> "Source":
        """Return the source that two are together."""
        return Source(
            self._numbers | other._numbers,
            self._addresses | other._addresses,
            self._words | other._words,
            self._capitals + other._capitals,
            self._inside + other._inside,
        )

    def add(self, text: str) -> None:
        """Take in a text."""
        rest = _without_addresses(text, self._addresses)
        for found in _NUMBER.finditer(rest):
            self._numbers |= _forms(found[0])
        for found in _WORD.finditer(rest):
            word = found[0]
            self._words |= _word_forms(word)
            if not _begins_sentence(rest, found.start()):
                self._inside += 1
                self._capitals += word[0].isupper()

    def share(self, text: str) -> float:
        """Return how many of a text's longer words the source has, from 0 to 1."""
        words = [found[0] for found in _WORD.finditer(text) if len(found[0]) >= _LONG_WORD]
        return sum(bool(_word_forms(word) & self._words) for word in words) / len(words) if words else 0.0

    def lacks(self, text: str) -> list[str]:
        """Return the facts of a text that the source does not have."""
        facts = facts_of(text)
        missing = [number for number in facts.numbers if not _forms(number) & self._numbers]
        missing += [address for address in facts.addresses if address not in self._addresses]
        if self._inside >= _FEWEST_WORDS and self._capitals > _COMMON_CAPITALS * self._inside:
            return missing
        return missing + [name for name in facts.names if not _word_forms(name) & self._words]


def facts_of(text: str) -> Facts:
    """Return what a text states."""
    addresses: set[str] = set()
    rest = _without_addresses(text, addresses)
    names = [found[0] for found in _WORD.finditer(rest) if found[0][0].isupper() and len(found[0]) > 1]
    return Facts(tuple(found[0] for found in _NUMBER.finditer(rest)), tuple(sorted(addresses)), tuple(names))


def weight(text: str) -> int:
    """Return how much a text states: what to keep where not everything fits."""
    addresses: set[str] = set()
    rest = _without_addresses(text, addresses)
    names = [
        found
        for found in _WORD.finditer(rest)
        if found[0][0].isupper() and len(found[0]) > 1 and not _begins_sentence(rest, found.start())
    ]
    whole = sum(not rest[one.end() : two.start()].strip() for one, two in pairwise(names))
    return 3 * len(_NUMBER.findall(rest)) + 4 * len(addresses) + 2 * len(names) + 2 * whole


def fold(text: str) -> str:
    """Return a text in lower case, without accents."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join([letter for letter in letters if letter < _FIRST_ACCENT or not unicodedata.combining(letter)])


def _without_addresses(text: str, addresses: set[str]) -> str:
    def take(found: re.Match[str]) -> str:
        addresses.add(fold(found[0].rstrip(".,;:!?/")))
        return " "

    # Most texts have none, and looking for what every address has costs little.
    if "://" in text or "ww." in text.lower():
        text = _URL.sub(take, text)
    return _EMAIL.sub(take, text) if "@" in text else text


def _forms(number: str) -> set[str]:
    """Return the ways to write a number: "1.250,00" is "1250", "10:00" is "10"; "12/03" is not "03/12"."""
    runs = re.split(r"[.,:/-]", number)
    joined = [runs[0]]
    for run in runs[1:]:
        if len(run) == 3 and len(joined) == 1 and len(joined[0]) <= 3 and re.search(r"[.,]", number):
            joined[0] += run  # thousands
        else:
            joined.append(run)
    while len(joined) > 1 and not joined[-1].strip("0"):
        joined.pop()  # no cents, no minutes
    return {"|".join(run.lstrip("0") or "0" for run in joined), "".join(runs)}


@lru_cache(maxsize=_KNOWN_WORDS)
def _word_forms(word: str) -> frozenset[str]:
    plain = fold(word)
    # "Ana's" and "well-known" are known where "Ana" and "well" are
    return frozenset((plain, _INNER_MARK.split(plain, maxsplit=1)[0]))


def _begins_sentence(text: str, start: int) -> bool:
    before = start - 1
    while before >= 0 and text[before] in _BETWEEN:
        before -= 1
    return before < 0 or text[before] in _SENTENCE_END
