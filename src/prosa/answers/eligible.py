"""Whether a question may be answered from a store at all: it must stand alone and carry nothing personal.

Rules, not a model, and on the careful side: whoever is turned away is answered by the model, as always.
"""

import re
import unicodedata
from enum import StrEnum

from prosa.answers.text import LONGEST_QUESTION, core
from prosa.words import STOP_WORDS, fold, word_set


class Unfit(StrEnum):
    """Why a question is left to the model."""

    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    """Too few words to say what is meant."""
    GOES_ON = "goes_on"
    """It goes on from what was said before: "and tomorrow?", "e aquele outro?"."""
    REPLY = "reply"
    """It may answer what we asked last, and asks nothing itself."""
    PERSONAL = "personal"
    """It names a person, an address, an order or another long number."""
    PLACEHOLDER = "placeholder"
    """It stands for a file."""


_GOES_ON = word_set("e mas entao ou and but or so then tambem also nem dai")
_OPENERS = re.compile(
    r"(?:what|how) about\b|and\b|e (?:se|a|o|os|as|para|pra|no|na|em|com|sem|quanto)\b|ta (?:bom|certo|ok|joia|e|mas)\b"
)
_ACCENTS = (("é", "eh"), ("só", "soh"))
"""Words that are others without their accent: "é" (is) and "e" (and), "só" (only) and the English "so"."""
_POINTERS = word_set(
    "it its this that these those one ones he him his she her hers they them their theirs there then same other "
    "another others instead again else previous above latter former "
    "isso isto aquilo esse essa esses essas desse dessa desses dessas nesse nessa este estes estas deste desta neste "
    "nesta aquele aquela aqueles aquelas daquele daquela naquele naquela ele ela eles elas dele dela deles delas nele "
    "nela mesmo mesma mesmos mesmas outro outra outros outras ali disso disto daquilo nisso nisto anterior"
)  # fmt: skip
_EXPLETIVE = re.compile(
    r"\b(?:is it (?:possible|ok|okay|safe|free|allowed)|it is possible|(?:does|will|would|should) it (?:take|cost)|"
    r"it takes|how (?:much|long) (?:is|does|will|would) it|is there|are there|there is|there are|"
    r"ao mesmo tempo|no mesmo dia|mesmo dia|same day|at the same time)\b"
)

_LONG_NUMBER = re.compile(r"\d(?:[ .()/-]*\d){5,}")
_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.]+"  # an e-mail address
    r"|https?://|www\.|\b(?:[a-z]+\d+|\d+[a-z]+)[a-z\d]*\d\b"  # a link; a code such as AB12CD3
    r"|\b(?:my name is|this is \w+ (?:from|speaking)|i am called|i'm called|meu nome e|me chamo|aqui e o|aqui e a|"
    r"sou o|sou a)\b"
    r"|\b(?:my|meu|minha) (?:address|birthday|password|endereco|aniversario|senha|cpf|cnpj|rg)(?: is\b| e\b|:)"
)
_TIME = re.compile(r"\b\d{1,2}h\d{0,2}\b")
"""An hour, as Brazilians write it; it is no code."""


_ASKS = re.compile(
    r"^(?:what|when|where|which|who|why|how|do|does|did|is|are|can|could|may|will|would|have|has|"
    r"qual|quais|quando|onde|aonde|quem|como|quanto|quantos|quanta|quantas|por que|que horas|"
    r"(?:a|ate|em|de|para|pra) (?:que|qual|quando|quanto|onde)|tem|voces|vcs|posso|pode|podem|da (?:para|pra))\b"
)


def asks(text: str) -> bool:
    """Return whether a text is a question by its sign or its first word; a wish ("I want …") is not counted."""
    return "?" in text or bool(_ASKS.search(" ".join(core(text))))


def unfit(text: str, *, first: bool, before: str = "") -> Unfit | None:
    """Return why a question must go to the model; None where a store may answer it.

    Args:
        text: As the contact wrote it.
        first: Nothing was said before in the conversation, so there is nothing it could point back to.
        before: What we said last before it: a text that asks nothing may be the reply to a question of ours.
    """
    if len(text) > LONGEST_QUESTION:
        return Unfit.TOO_LONG
    if text.lstrip().startswith("["):
        return Unfit.PLACEHOLDER
    plain = fold(text)
    if _PERSONAL.search(_TIME.sub(" ", plain)) or _LONG_NUMBER.search(plain):
        return Unfit.PERSONAL
    asked = core(_kept_apart(text))
    content = [word for word in asked if word not in STOP_WORDS and word[0].isalpha()]
    line = " ".join(asked)
    if not content or len(asked) < 2 or (not first and (len(asked) < 4 or len(content) < 2)):
        return Unfit.TOO_SHORT
    if before.rstrip(" \n*_)😊🙂👍").endswith("?") and not asks(text):
        return Unfit.REPLY
    if asked[0] in _GOES_ON or _OPENERS.match(line):
        return Unfit.GOES_ON
    if not first and _POINTERS & set(_EXPLETIVE.sub(" ", line).split()):
        return Unfit.GOES_ON
    return None


def _kept_apart(text: str) -> str:
    words = unicodedata.normalize("NFC", text).casefold()
    for word, other in _ACCENTS:
        words = re.sub(rf"\b{word}\b", other, words)
    return words


def reusable(answer: str, *, contact_name: str | None) -> bool:
    """Return whether an answer may be given to all who ask the same: it names neither this contact nor this day."""
    said = set(core(answer))
    names = {word for word in core(contact_name or "") if len(word) > 2}
    return not said & (names | _NOW)


_NOW = word_set("hoje amanha ontem agora hj today tomorrow yesterday tonight now currently")
