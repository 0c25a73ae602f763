"""The certificate chain the server shows in the Noise handshake.

``CertChain`` as in whatsmeow ``proto/waCert``; the rules a client checks are in its ``handshake.go``: an intermediate
key signed by the root (issuer serial 0), a leaf for the server's static key signed by that, both inside their dates.
"""

import time
from typing import Final

from prosa_simulator.network import protobuf
from prosa_simulator.network.xeddsa import KeyPair, sign

_INTERMEDIATE_SERIAL: Final = 1
_LEAF_SERIAL: Final = 2
_VALID_SECONDS: Final = 10 * 365 * 24 * 3600


def certificate_chain(root: KeyPair, static: KeyPair) -> bytes:
    """Make a serialized chain, valid from a day ago for ten years, that vouches for ``static``."""
    intermediate = KeyPair.generate()
    return protobuf.encode(
        [
            (1, _certificate(intermediate.private, _LEAF_SERIAL, _INTERMEDIATE_SERIAL, static.public)),
            (2, _certificate(root.private, _INTERMEDIATE_SERIAL, 0, intermediate.public)),
        ]
    )


def _certificate(signer: bytes, serial: int, issuer: int, key: bytes) -> bytes:
    now = int(time.time())
    details = protobuf.encode(
        [
            (1, serial),
            (2, issuer),
            (3, key),
            (4, now - 24 * 3600),
            (5, now + _VALID_SECONDS),
        ]
    )
    return protobuf.encode([(1, details), (2, sign(signer, details))])
