"""Public names for numbers whose maker did not choose one."""

import re
import secrets
import unicodedata

_ADJECTIVES = (
    "amber", "azure", "brave", "bright", "calm", "clear", "coral", "dapper", "eager", "early", "fair", "gentle",
    "golden", "green", "happy", "ivory", "jolly", "keen", "kind", "lively", "lucky", "mellow", "merry", "noble",
    "plucky", "proud", "quick", "quiet", "rapid", "ruby", "silver", "sunny", "swift", "tidy", "vivid", "warm",
)  # fmt: skip
_NOUNS = (
    "acorn", "badger", "beacon", "brook", "cedar", "comet", "condor", "dolphin", "ember", "falcon", "fern", "finch",
    "harbor", "heron", "island", "jaguar", "lagoon", "lark", "lynx", "maple", "meadow", "orchid", "otter", "parrot",
    "pebble", "petal", "pine", "river", "robin", "sparrow", "summit", "toucan", "tulip", "valley", "willow", "wren",
)  # fmt: skip
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"  # without look-alikes
_MAX_STEM = 50


def made_up_name(name: str | None) -> str:
    """Return a new public name, after the number's name if it has one, with enough randomness not to be taken.

    >>> made_up_name("Loja São José")  # doctest: +SKIP
    'loja-sao-jose-7kq3w'
    """
    stem = _slug(name) if name else ""
    stem = stem or f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}"
    return f"{stem}-{''.join(secrets.choice(_ALPHABET) for _ in range(5))}"


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_MAX_STEM].rstrip("-")
