"""Keywords, and texts that the phone sends by itself."""

import pytest

from prosa.sessions.settings.takeover import TakeoverSettings
from prosa.turns.policy.keywords import Keyword, is_autoreply, keyword

SETTINGS = TakeoverSettings(
    stop_keywords=("#stop", "Falar com  uma pessoa", "Não"),
    resume_keywords=("robô", "?"),
    phone_autoreplies=("Olá! Obrigado pela mensagem.", "Estamos fechados*"),
)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("#stop", Keyword.STOP),
        (" #STOP! ", Keyword.STOP),
        ("falar com\numa pessoa…", Keyword.STOP),
        ("nao", Keyword.STOP),
        ("NA\u0303O", Keyword.STOP),
        ("Robo", Keyword.RESUME),
        ("?", Keyword.RESUME),
        ("stop", None),
        ("#stop now", None),
        ("não não", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_keywords_are_whole_messages(body: str, found: Keyword | None) -> None:
    assert keyword(SETTINGS, body) is found
    assert keyword(TakeoverSettings(), body) is None


@pytest.mark.parametrize(
    ("body", "automatic"),
    [
        ("Olá! Obrigado pela mensagem.", True),
        ("ola!  obrigado pela mensagem", True),
        ("Estamos fechados até segunda.", True),
        ("Olá! Obrigado", False),
        ("Obrigado", False),
    ],
)
def test_texts_of_the_phone(body: str, automatic: bool) -> None:
    assert is_autoreply(SETTINGS, body) is automatic
    assert not is_autoreply(TakeoverSettings(), body)
