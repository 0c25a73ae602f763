"""Whether a question may be answered from a store at all: it must stand alone and carry nothing personal.

Rules, not a model, and on the careful side: whoever is turned away is answered by the model, as always.
"""

import re
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
    PERSONAL = "personal"
    """It names a person, an address, an order or another long number."""
    PLACEHOLDER = "placeholder"
    """It stands for a file."""


_GOES_ON = word_set("e mas entao ou and but or so then tambem also nem dai ta")
_OPENERS = re.compile(r"(?:what|how) about\b|and\b|e (?:se|a|o|os|as|para|pra|no|na|em|com|sem|quanto)\b")
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
    r"sou o|sou a|cpf|cnpj|passport|passaporte|my (?:address|birthday|password)|meu endereco|minha senha)\b"
)


def unfit(text: str, *, first: bool) -> Unfit | None:
    """Return why a question must go to the model; None where a store may answer it.

    Args:
        text: As the contact wrote it.
        first: Nothing was said before in the conversation, so there is nothing it could point back to.
    """
    if len(text) > LONGEST_QUESTION:
        return Unfit.TOO_LONG
    if text.lstrip().startswith("["):
        return Unfit.PLACEHOLDER
    plain = fold(text)
    if _PERSONAL.search(plain) or _LONG_NUMBER.search(plain):
        return Unfit.PERSONAL
    asked = core(text)
    content = [word for word in asked if word not in STOP_WORDS and word[0].isalpha()]
    line = " ".join(asked)
    if not content or len(asked) < 2 or (not first and (len(asked) < 4 or len(content) < 2)):
        return Unfit.TOO_SHORT
    if asked[0] in _GOES_ON or _OPENERS.match(line):
        return Unfit.GOES_ON
    if not first and _POINTERS & set(_EXPLETIVE.sub(" ", line).split()):
        return Unfit.GOES_ON
    return None


def reusable(answer: str, *, contact_name: str | None) -> bool:
    """Return whether an answer may be given to all who ask the same: it names neither this contact nor this day."""
    said = set(core(answer))
    names = {word for word in core(contact_name or "") if len(word) > 2}
    return not said & (names | _NOW)


_NOW = word_set("hoje amanha ontem agora hj today tomorrow yesterday tonight now currently")
