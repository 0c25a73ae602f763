"""Device identities: how a phone vouches for a linked device, and the device for itself.

Messages and signature prefixes as in whatsmeow ``proto/waAdv/WAAdv.proto`` and ``pair.go``.
"""

from dataclasses import dataclass
from typing import Final

from prosa_simulator.network import protobuf
from prosa_simulator.network.accounts import Account
from prosa_simulator.network.primitives import hmac_sha256
from prosa_simulator.network.xeddsa import sign, verify

_ACCOUNT_SIGNATURE: Final = b"\x06\x00"
_DEVICE_SIGNATURE: Final = b"\x06\x01"


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """A device identity signed by the phone, waiting for the device's own signature."""

    details: bytes
    account_key: bytes
    account_signature: bytes

    @classmethod
    def issue(cls, account: Account, companion: bytes, *, key_index: int, timestamp: int) -> "DeviceIdentity":
        """Sign a companion's identity key with the phone's; ``timestamp`` is in Unix seconds."""
        details = protobuf.encode([(1, account.raw_id), (2, timestamp), (3, key_index)])
        signature = sign(account.identity.private, _ACCOUNT_SIGNATURE + details + companion)
        return cls(details, account.identity.public, signature)

    def sealed(self, adv_secret: bytes) -> bytes:
        """Serialize as ADVSignedDeviceIdentityHMAC, authenticated with the secret the phone got when linking."""
        inner = self.signed(None)
        return protobuf.encode([(1, inner), (2, hmac_sha256(adv_secret, inner))])

    def signed(self, device_signature: bytes | None) -> bytes:
        """Serialize as ADVSignedDeviceIdentity."""
        return protobuf.encode(
            [
                (1, self.details),
                (2, self.account_key),
                (3, self.account_signature),
                (4, device_signature),
            ]
        )

    def accept(self, answer: bytes, companion: bytes) -> bytes | None:
        """Check the device's answer (pair-device-sign); return the complete identity, or nothing when it is wrong."""
        try:
            fields = protobuf.decode(answer)
        except protobuf.ProtobufError:
            return None
        message = _DEVICE_SIGNATURE + self.details + companion + self.account_key
        signature = fields.data(4)
        if fields.data(1) != self.details or not verify(companion, message, signature):
            return None
        return self.signed(signature)
