"""What a model may write that nobody can read: signs that show nothing, or that mislead."""

import re
import unicodedata

_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u200b\u2060\ufeff\u180e"  # of no width; joiners stay, which emoji and some scripts need
    "\u202d\u202e"  # overrides of the writing direction, which can show another text than is there
    "\ud800-\udfff\ufffe\uffff]"  # halves of a character and none at all: not storable, not sendable
)
_BLANK = frozenset("\u2800\u115f\u1160\u3164\uffa0")
"""Letters and symbols by name that show as nothing."""
_MARKS = frozenset("*_~`>-#|")
"""Signs of formatting: an answer of nothing else says nothing."""


def visible(text: str) -> str:
    """Return a text without what cannot be seen, stored or sent; its lines end with a line feed."""
    return _UNSEEN.sub("", _BREAKS.sub("\n", text))


def says_something(text: str) -> bool:
    """Return whether there is anything to read in a text."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANK for char in text if char not in _MARKS)
