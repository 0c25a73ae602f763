"""Whether any of a number's models can be asked."""

from prosa.ai.asking import Answers
from prosa.auth.keys import KeysOf
from prosa.sessions.facts import SessionFacts


def why_unready(answers: Answers, session: SessionFacts, keys_of: KeysOf) -> str | None:
    """Return why none of a number's models can be asked; None where one can."""
    keys, settings = keys_of(session.user_id), session.settings
    reason = answers.unready(settings.model, keys)
    if reason is None or any(answers.unready(model, keys) is None for model in settings.fallback_models):
        return None
    return reason
