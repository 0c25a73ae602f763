"""Thought signatures: opaque marks on tool calls that the client must send back unchanged.

Rules from ai.google.dev/gemini-api/docs/thought-signatures: in the current turn (everything after the person's
newest text) the first ``functionCall`` of each step must carry the signature it came with; parallel calls after
it carry none. Gemini 3 answers 400 otherwise, with the message below (position counts content entries from 1).
Two fixed dummies are accepted for calls that another model made.

A signature here is a nonce and a keyed digest of it and the function's name, so no table of issued ones is
needed and it stays valid over a restart. The key is public: this proves an echo, not an identity.
"""

import base64
import hashlib
import secrets

from prosa_simulator.gemini.errors import GoogleError, invalid_argument
from prosa_simulator.gemini.prompt import Prompt
from prosa_simulator.gemini.wire import as_object, as_text, decode_base64

_KEY = b"prosa-simulator thought signatures"
_NONCE = 12
_DUMMIES = frozenset({b"skip_thought_signature_validator", b"context_engineering_is_the_way_to_go"})


def sign_call(function: str) -> str:
    """A fresh signature for a call of `function`, base64 as on the wire."""
    nonce = secrets.token_bytes(_NONCE)
    return base64.b64encode(nonce + _digest(nonce, function)).decode()


def is_valid_signature(signature: str, function: str) -> bool:
    """Whether the signature is one of ours for that function, or one of the documented dummies."""
    try:
        raw = decode_base64(signature)
    except ValueError:
        return False
    if raw in _DUMMIES or signature.encode() in _DUMMIES:
        return True
    return secrets.compare_digest(raw[_NONCE:], _digest(raw[:_NONCE], function))


def check_signatures(prompt: Prompt) -> None:
    """Check the tool calls of the current turn.

    Raises:
        GoogleError: 400, a call lost its signature or carries a wrong one.
    """
    newest = max((index for index, turn in enumerate(prompt.turns) if turn.from_user), default=-1)
    for position, turn in enumerate(prompt.turns[newest + 1 :], newest + 2):
        signed = next((part for part in turn.parts if "functionCall" in part), None)
        if signed is None:
            continue
        name = as_text(as_object(signed["functionCall"]).get("name"))
        signature = as_text(signed.get("thoughtSignature"))
        if not signature:
            raise _missing(name, position)
        if not is_valid_signature(signature, name):
            raise invalid_argument("Thought signature is not valid.")


def _missing(name: str, position: int) -> GoogleError:
    return invalid_argument(
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
        "correctly, and missing thought_signature may lead to degraded model performance. Additional data, "
        f"function call `default_api:{name}` , position {position}. Please refer to "
        "https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
    )


def _digest(nonce: bytes, function: str) -> bytes:
    return hashlib.blake2b(nonce + function.encode(), key=_KEY, digest_size=16).digest()
