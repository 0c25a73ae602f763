"""Linking a new device: QR references, the phone's approval, and the signed device identity.

Order and stanzas as in whatsmeow ``pair.go`` and ``pair-code.go``: the server offers references (pair-device), the
phone approves one, the server sends pair-success with an identity signed by the phone, the client answers with its own
signature and is told to reconnect (stream error 515).
"""

import asyncio
import base64
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prosa_simulator.network import protobuf, stanzas
from prosa_simulator.network.accounts import Account, Device, KeyBundle, SignedPreKey
from prosa_simulator.network.adv import DeviceIdentity
from prosa_simulator.network.jid import JID, SERVER
from prosa_simulator.network.linkcode import WRAPPED_KEY_SIZE
from prosa_simulator.network.node import Node
from prosa_simulator.network.passkey import PasskeyStep
from prosa_simulator.network.xeddsa import verify

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection

FIRST_CODE_SECONDS: Final = 60.0
NEXT_CODE_SECONDS: Final = 20.0
"""How long a client shows each QR code: the first of six for 60 s, others for 20 s (whatsmeow ``qrchan.go``)."""


class PairingError(Exception):
    """Linking failed; ``reason`` is a stable word for it.

    Reasons: ``unknown-ref``, ``expired-ref``, ``bad-qr``, ``no-request`` (no client asked for a code), ``wrong-code``,
    ``too-many-devices``, ``refused`` (the client did not accept the identity), ``connection-lost``, ``timeout``.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail or _REASONS[reason]
        super().__init__(f"{reason}: {self.detail}")


_REASONS: Final = {
    "unknown-ref": "no client that waits to be linked shows this QR code; it may be linked already, or gone",
    "expired-ref": "the QR code has expired; scan the one that is shown now",
    "bad-qr": "this is not the text of a linking QR code",
    "no-request": "no client asked for a pairing code for this phone number, or it is gone",
    "wrong-code": "this is not the code that the client shows",
    "too-many-devices": "no more devices can be linked",
    "refused": "the client did not accept its new identity",
    "connection-lost": "the client's connection ended before it was linked",
    "timeout": "the client did not go on with being linked",
}


@dataclass(frozen=True, slots=True)
class Registration:
    """The keys an unlinked client registers with (DevicePairingRegistrationData in whatsmeow ``proto/waWa6``)."""

    noise_key: bytes
    registration: bytes
    identity: bytes
    signed: SignedPreKey
    platform: str

    @classmethod
    def read(cls, fields: protobuf.Fields, noise_key: bytes) -> "Registration":
        """Take them from the client's payload.

        Raises:
            ProtobufError: a key is missing, or the signed prekey is not signed by the identity.
        """
        signed = SignedPreKey(fields.data(4), fields.data(5), fields.data(6))
        identity = fields.data(3)
        if not verify(identity, b"\x05" + signed.value, signed.signature):
            msg = "the signed prekey's signature is wrong"
            raise protobuf.ProtobufError(msg)
        platform = fields.message(8).data(1).decode(errors="replace")
        return cls(noise_key, fields.data(1), identity, signed, platform)


@dataclass(slots=True)
class CodeRequest:
    """A client waits for its code to be typed on the phone with this number."""

    phone: str
    ref: bytes
    wrapped_key: bytes
    bundle: "asyncio.Future[tuple[bytes, bytes]] | None" = None
    """The companion's wrapped key bundle and identity key, once the phone has said hello."""


class Pairing:
    """The linking of one unlinked connection."""

    def __init__(self, connection: "Connection", registration: Registration) -> None:
        self.connection = connection
        self.registration = registration
        self.code_request: CodeRequest | None = None
        self.passkey: PasskeyStep | None = None
        self._hub = connection.hub
        self._refs: dict[bytes, float] = {}
        self._done: asyncio.Future[Device] | None = None

    def start(self) -> None:
        """Offer QR references."""
        count = self._hub.faults.qr_refs
        end = time.monotonic()
        for position in range(count):
            end += FIRST_CODE_SECONDS if position == 0 and count == 6 else NEXT_CODE_SECONDS
            ref = self.new_ref()
            self._refs[ref] = end
            self._hub.pairings[ref] = self
        offer = Node("pair-device", None, [Node("ref", None, ref) for ref in self._refs])
        self.connection.ask(self._iq(offer), lambda _answer: None)

    @staticmethod
    def new_ref() -> bytes:
        """Make a reference, printable and without commas."""
        return b"2@" + base64.b64encode(os.urandom(48))

    def expired(self, ref: bytes) -> bool:
        """Whether the client no longer shows this reference's code."""
        return time.monotonic() > self._refs.get(ref, 0.0)

    def expire(self) -> None:
        """Make all the codes expire now."""
        self._refs = dict.fromkeys(self._refs, 0.0)

    def link(self, account: Account, adv_secret: bytes) -> "asyncio.Future[Device]":
        """Go on after the phone's approval: the passkey step if the account has one, then pair-success.

        Args:
            account: the account to link to.
            adv_secret: the secret shared by phone and companion (32 bytes).

        Raises:
            PairingError: the account has no room for another device.
        """
        if len(account.devices) >= self._hub.options.max_companions:
            raise PairingError("too-many-devices", f"{account.phone} has {len(account.devices)}")
        self._done = asyncio.get_running_loop().create_future()
        if account.require_passkey:
            self.passkey = PasskeyStep(self.connection, account, adv_secret, self.registration, self._succeed)
            self.passkey.start()
        else:
            self._succeed(account, adv_secret)
        return self._done

    def closed(self) -> None:
        """Forget the references and fail what waits: the connection is gone."""
        self._withdraw()
        self._fail(PairingError("connection-lost"))
        request = self.code_request
        if request and request.bundle and not request.bundle.done():
            request.bundle.set_exception(PairingError("connection-lost"))

    def handle(self, request: Node) -> None:
        """Answer an iq of namespace ``md`` from the unlinked client."""
        code = request.child("link_code_companion_reg")
        if code is not None:
            self._code_stage(request, code)
        elif self.passkey is not None and self.passkey.handle(request):
            return
        else:
            self.connection.post(stanzas.error(request, 400))

    def say_hello(self, wrapped_key: bytes, identity: bytes) -> "asyncio.Future[tuple[bytes, bytes]]":
        """Send the phone's half of the code exchange, and wait for the companion's bundle and identity key."""
        request = self.code_request
        if request is None:
            raise PairingError("no-request")
        request.bundle = asyncio.get_running_loop().create_future()
        hello = Node(
            "link_code_companion_reg",
            {"stage": "primary_hello"},
            [
                Node("link_code_pairing_ref", None, request.ref),
                Node("link_code_pairing_wrapped_primary_ephemeral_pub", None, wrapped_key),
                Node("primary_identity_pub", None, identity),
            ],
        )
        notice = stanzas.notification("link_code_companion_reg", [hello], number=self._hub.number())
        self.connection.post(notice)
        return request.bundle

    def _code_stage(self, request: Node, code: Node) -> None:
        stage = code.text("stage")
        if stage == "companion_hello":
            jid = code.jid("jid")
            wrapped = code.child("link_code_pairing_wrapped_companion_ephemeral_pub")
            if jid is None or wrapped is None or len(wrapped.data) != WRAPPED_KEY_SIZE:
                self.connection.post(stanzas.error(request, 400))
                return
            ref = self.new_ref()
            self.code_request = CodeRequest(jid.user, ref, wrapped.data)
            reply = Node("link_code_companion_reg", None, [Node("link_code_pairing_ref", None, ref)])
            self.connection.post(stanzas.result(request, [reply]))
            return
        pending = self.code_request
        bundle = code.child("link_code_pairing_wrapped_key_bundle")
        identity = code.child("companion_identity_public")
        if stage != "companion_finish" or pending is None or bundle is None or identity is None:
            self.connection.post(stanzas.error(request, 400))
            return
        self.connection.post(stanzas.result(request))
        if pending.bundle is not None and not pending.bundle.done():
            pending.bundle.set_result((bundle.data, identity.data))

    def _succeed(self, account: Account, adv_secret: bytes) -> None:
        number = account.next_device
        account.next_device += 1
        companion = self.registration.identity
        identity = DeviceIdentity.issue(account, companion, key_index=number, timestamp=int(time.time()))
        addresses = Node(
            "device",
            {
                "jid": account.in_form_of(account.jid, number),
                "lid": account.in_form_of(account.lid_jid, number),
            },
        )
        content = [
            Node("device-identity", None, identity.sealed(adv_secret)),
            addresses,
            Node("platform", {"name": "android"}),
        ]

        def answered(answer: Node) -> None:
            sign = answer.child("pair-device-sign")
            proof = sign.child("device-identity") if sign else None
            signed = identity.accept(proof.data, companion) if proof else None
            if signed is None:
                problem = answer.child("error")
                self._fail(PairingError("refused", problem.text("text") if problem else "wrong device signature"))
                return
            self._register(account, number, signed)

        self.connection.ask(self._iq(Node("pair-success", None, content)), answered)

    def _register(self, account: Account, number: int, proof: bytes) -> None:
        keys = KeyBundle(self.registration.registration, self.registration.identity, self.registration.signed)
        device = Device(
            account=account,
            number=number,
            noise_key=self.registration.noise_key,
            keys=keys,
            key_index=number,
            identity_proof=proof,
            platform=self.registration.platform,
        )
        account.devices[number] = device
        self._withdraw()
        self.code_request = None
        self._hub.tell_devices_changed(account)
        self.connection.stream_error(515)
        if self._done is not None and not self._done.done():
            self._done.set_result(device)

    def _withdraw(self) -> None:
        for ref in self._refs:
            self._hub.pairings.pop(ref, None)

    def _fail(self, error: PairingError) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)

    def _iq(self, child: Node) -> Node:
        attrs: dict[str, str | JID] = {
            "from": SERVER,
            "type": "set",
            "xmlns": "md",
            "id": self._hub.number(),
            "t": stanzas.now(),
        }
        return Node("iq", attrs, [child])
