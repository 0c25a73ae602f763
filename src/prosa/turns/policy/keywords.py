"""Keywords by which contacts stop and resume the AI, and texts that the phone sends by itself."""

from collections.abc import Iterable
from enum import StrEnum

from prosa import words
from prosa.sessions.settings.takeover import TakeoverSettings

_END = ".!?…"
_LONGEST = 4096


class Keyword(StrEnum):
    """What a contact's whole message asks for."""

    STOP = "stop"
    RESUME = "resume"


def keyword(settings: TakeoverSettings, body: str) -> Keyword | None:
    """Return what a contact's message asks for, where it is a keyword and nothing else."""
    if not (settings.stop_keywords or settings.resume_keywords) or len(body) > _LONGEST:
        return None
    said = phrase(body)
    if said in _phrases(settings.stop_keywords):
        return Keyword.STOP
    return Keyword.RESUME if said in _phrases(settings.resume_keywords) else None


def is_autoreply(settings: TakeoverSettings, body: str) -> bool:
    """Return whether a text is one that the phone's WhatsApp Business app sends by itself."""
    if not settings.phone_autoreplies:
        return False
    said = phrase(body[:_LONGEST])
    return any(
        said.startswith(phrase(text[:-1])) if text.endswith("*") else said == phrase(text)
        for text in settings.phone_autoreplies
    )


def phrase(text: str) -> str:
    """Return a text as it is compared: without accents, case, needless white space and a mark at its end."""
    folded = " ".join(words.fold(text).split())
    return folded.rstrip(_END).rstrip() or folded


def _phrases(texts: Iterable[str]) -> set[str]:
    return {phrase(text) for text in texts}
