"""The passkey step of linking: a WebAuthn assertion, a committed key exchange, and the sealed pairing request.

WhatsApp asks it of some accounts after the QR scan or the typed code and before pair-success (whatsmeow
``pair-passkey.go``). Server and phone are one here: the server checks the assertion, the phone does the exchange.
"""

import hmac
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from prosa_simulator.network import protobuf, stanzas, webauthn
from prosa_simulator.network.accounts import Account
from prosa_simulator.network.node import Node
from prosa_simulator.network.primitives import hkdf, hmac_sha256, link_text, sha256
from prosa_simulator.network.xeddsa import KeyPair

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection
    from prosa_simulator.network.pairing import Registration

_HANDOFF_INFO: Final = b"shortcake-passkey-handoff-v1"
_REQUEST_INFO: Final = b"Pairing Information Encryption Key"


class PasskeyStep:
    """One passkey step; its stages follow each other as the client's iqs come."""

    def __init__(
        self,
        connection: "Connection",
        account: Account,
        adv_secret: bytes,
        registration: "Registration",
        succeed: Callable[[Account, bytes], None],
    ) -> None:
        self.options: dict[str, Any] = webauthn.request_options(account)
        """The WebAuthn request options sent to the client."""
        self.code: str | None = None
        """The code the phone shows to compare, ``XXXX-XXXX``, once both sides can know it."""
        self.last_error: str | None = None
        """Why the last stage was refused; the client may try it again."""
        self._connection = connection
        self._account = account
        self._registration = registration
        self._succeed = succeed
        self._handoff_key = hkdf(adv_secret, info=_HANDOFF_INFO)
        self._ref: bytes = b""
        self._companion: protobuf.Fields | None = None
        self._companion_raw: bytes = b""
        self._commitment: bytes = b""
        self._ephemeral = KeyPair.generate()
        self._nonce = os.urandom(32)

    def start(self) -> None:
        """Ask the client for an assertion."""
        self._notify("passkey_prologue_request", self._options_node())

    def handle(self, request: Node) -> bool:
        """Answer an iq of the step; returns whether it was one."""
        for tag, stage in (
            ("passkey_request_options", self._tell_options),
            ("ref", self._tell_ref),
            ("passkey_prologue", self._prologue),
            ("companion_nonce", self._companion_nonce),
            ("encrypted_pairing_request", self._pairing_request),
        ):
            child = request.child(tag)
            if child is not None:
                self._answer(request, child, stage)
                return True
        return False

    def _answer(self, request: Node, child: Node, stage: "Callable[[Node], _Outcome]") -> None:
        try:
            content, then = stage(child)
        except (webauthn.PasskeyAssertionError, protobuf.ProtobufError, _RefusedError) as error:
            self.last_error = str(error)
            self._connection.post(stanzas.error(request, 400, str(error)))
            return
        self._connection.post(stanzas.result(request, content))
        if then is not None:
            then()

    def _tell_options(self, _child: Node) -> "_Outcome":
        return [self._options_node()], None

    def _tell_ref(self, _child: Node) -> "_Outcome":
        from prosa_simulator.network.pairing import Pairing  # noqa: PLC0415 - the two know each other

        self._ref = Pairing.new_ref()
        return [Node("ref", None, self._ref)], None

    def _prologue(self, child: Node) -> "_Outcome":
        webauthn.check(self._account, self.options, _content(child, "webauthn_assertion"))
        raw = _content(child, "prologue_payload")
        proof = child.child("pairing_handoff_proof")
        if proof is not None and not hmac.compare_digest(proof.data, hmac_sha256(self._handoff_key, raw)):
            raise _RefusedError("wrong handoff proof")
        payload = protobuf.decode(raw)
        self._companion_raw = payload.data(1)
        self._companion = protobuf.decode(self._companion_raw)
        self._commitment = payload.message(2).data(1)
        if not self._ref or self._companion.data(3) != self._ref:
            raise _RefusedError("wrong ref")
        identity = protobuf.encode([(1, self._ephemeral.public), (2, self._nonce)])
        content = Node("primary_ephemeral_identity", None, identity)
        return None, lambda: self._notify("crsc_continuation", content)

    def _companion_nonce(self, child: Node) -> "_Outcome":
        if self._companion is None or sha256(self._companion_raw + child.data) != self._commitment:
            raise _RefusedError("the nonce is not the one committed to")
        digest = sha256(child.data + self._ephemeral.public)
        self.code = link_text(bytes(a ^ b for a, b in zip(self._nonce[:5], digest[:5], strict=True)))
        return None, None

    def _pairing_request(self, child: Node) -> "_Outcome":
        if self._companion is None or self.code is None:
            raise _RefusedError("out of order")
        sealed = protobuf.decode(child.data)
        salt = f"Companion Pairing {self._companion.number(2)} with ref {self._ref.decode()}".encode()
        try:
            shared = self._ephemeral.exchange(self._companion.data(1))
            key = hkdf(shared, salt=salt, info=_REQUEST_INFO)
            request = protobuf.decode(AESGCM(key).decrypt(sealed.data(2), sealed.data(1), None))
        except (InvalidTag, ValueError) as error:
            raise _RefusedError("the pairing request does not decrypt") from error
        known = (self._registration.noise_key, self._registration.identity)
        if (request.data(1), request.data(2)) != known:
            raise _RefusedError("the pairing request names other keys")
        secret = request.data(3)
        return None, lambda: self._succeed(self._account, secret)

    def _options_node(self) -> Node:
        return Node("passkey_request_options", None, json.dumps(self.options).encode())

    def _notify(self, kind: str, content: Node) -> None:
        number = self._connection.hub.number()
        self._connection.post(stanzas.notification(kind, [content], number=number))


_Outcome = tuple[list[Node] | None, Callable[[], None] | None]
"""The content of the answer, and what to do after sending it."""


class _RefusedError(Exception):
    """A stage's content is wrong."""


def _content(parent: Node, tag: str) -> bytes:
    child = parent.child(tag)
    if child is None:
        raise _RefusedError(f"{tag} is missing")
    return child.data
