"""The string dictionaries of WhatsApp's binary XML (dictionary version 3).

The tables are data (``tokens.json``): 236 one-byte tokens and four pages of 256 two-byte tokens, as in
whatsmeow ``binary/token/token.go``.
"""

import json
from importlib.resources import files
from typing import Final, TypedDict, cast


class _Tables(TypedDict):
    single: list[str]
    double: list[list[str]]


_TABLES = cast("_Tables", json.loads(files(__package__).joinpath("tokens.json").read_text(encoding="utf-8")))

SINGLE: Final[tuple[str, ...]] = tuple(_TABLES["single"])
"""Tokens of one byte; index 0 is the empty list, 1 and 2 are never sent."""

DOUBLE: Final[tuple[tuple[str, ...], ...]] = tuple(tuple(page) for page in _TABLES["double"])
"""Tokens of two bytes, by dictionary (0 to 3) and index."""

LIST_EMPTY: Final = 0
DICTIONARY_0: Final = 236
DICTIONARY_3: Final = 239
INTEROP_JID: Final = 245
FB_JID: Final = 246
AD_JID: Final = 247
LIST_8: Final = 248
LIST_16: Final = 249
JID_PAIR: Final = 250
HEX_8: Final = 251
BINARY_8: Final = 252
BINARY_20: Final = 253
BINARY_32: Final = 254
NIBBLE_8: Final = 255
PACKED_MAX: Final = 127
"""The longest string, in characters, that may be nibble- or hex-packed."""


def _codes() -> dict[str, bytes]:
    codes: dict[str, bytes] = {}
    for page, words in enumerate(DOUBLE):
        for index, word in enumerate(words):
            codes[word] = bytes((DICTIONARY_0 + page, index))
    for index, word in enumerate(SINGLE):
        if index > 0:
            codes[word] = bytes((index,))
    return codes


CODES: Final[dict[str, bytes]] = _codes()
"""The encoded form of every token; a word in both tables takes the one-byte form."""
