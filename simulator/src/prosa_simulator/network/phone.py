"""The phone: an account's primary device, as a person uses it to link others."""

import asyncio
import base64
import binascii
from typing import Any

from prosa_simulator.network import linkcode, webauthn
from prosa_simulator.network.accounts import Account, Device
from prosa_simulator.network.hub import Hub
from prosa_simulator.network.pairing import CodeRequest, Pairing, PairingError
from prosa_simulator.network.xeddsa import KeyPair


class Phone:
    """One person's phone."""

    def __init__(self, hub: Hub, account: Account) -> None:
        self.account = account
        self._hub = hub
        self._pairing: Pairing | None = None

    def __repr__(self) -> str:
        return f"<Phone {self.account.phone} {self.account.name!r}>"

    @property
    def number(self) -> str:
        """The phone number, digits only."""
        return self.account.phone

    @property
    def name(self) -> str:
        """The name other people see (push name)."""
        return self.account.name

    @name.setter
    def name(self, value: str) -> None:
        self.account.name = value
        self._hub.changed = True

    @property
    def lid(self) -> str:
        """The user part of the hidden address."""
        return self.account.lid

    @property
    def devices(self) -> list[Device]:
        """The linked devices, oldest first."""
        return list(self.account.devices.values())

    @property
    def require_passkey(self) -> bool:
        """Whether linking a device goes through the passkey step."""
        return self.account.require_passkey

    @require_passkey.setter
    def require_passkey(self, value: bool) -> None:
        self.account.require_passkey = value
        self._hub.changed = True

    @property
    def passkey_code(self) -> str | None:
        """The code this phone shows to compare during the passkey step, ``XXXX-XXXX``."""
        step = self._pairing.passkey if self._pairing else None
        return step.code if step else None

    @property
    def asked_for_code(self) -> bool:
        """Whether a client waits for its pairing code to be typed here; a real phone shows a notification."""
        return self._newest_request() is not None

    def passkey_assertion(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer WebAuthn request options as this person's authenticator would (PublicKeyCredential as JSON).

        Raises:
            ValueError: the options allow no passkey of this account.
        """
        return webauthn.assertion(self.account, options)

    async def scan(self, qr_text: str, *, timeout: float = 120) -> Device:  # noqa: ASYNC109 - part of the interface
        """Scan a QR code and link the device that shows it.

        Returns once the device has accepted, which with a passkey needs the person's answer first.

        Args:
            qr_text: what the QR code says.
            timeout: seconds to wait for the device.

        Raises:
            PairingError: the code is malformed, unknown or expired, the account is full, or the device refused or left.
        """
        parts = qr_text.rsplit("#", 1)[-1].split(",")
        try:
            ref = parts[0].encode()
            noise, identity, secret = (base64.b64decode(part, validate=True) for part in parts[1:4])
        except (binascii.Error, ValueError) as error:
            raise PairingError("bad-qr") from error
        pairing = self._hub.pairings.get(ref)
        if pairing is None:
            raise PairingError("unknown-ref")
        if pairing.expired(ref):
            raise PairingError("expired-ref")
        if (noise, identity) != (pairing.registration.noise_key, pairing.registration.identity):
            raise PairingError("bad-qr", "its keys are not those of the connection")
        return await self._link(pairing, secret, timeout)

    async def type_code(self, code: str, *, timeout: float = 120) -> Device:  # noqa: ASYNC109 - part of the interface
        """Type the eight-character code a device shows, and link that device.

        Args:
            code: the code; dashes, spaces and case do not matter.
            timeout: seconds to wait for the device.

        Raises:
            PairingError: no device asked for this phone, the code is wrong (it may be tried again), the account is
                full, or the device refused or left.
        """
        plain = linkcode.normalise(code)
        pairing, request = self._code_request()
        if plain is None:
            raise PairingError("wrong-code", "not eight characters of a pairing code")
        ephemeral = KeyPair.generate()
        wrapped = await asyncio.to_thread(linkcode.wrap_key, plain, ephemeral.public)
        companion = await asyncio.to_thread(linkcode.unwrap_key, plain, request.wrapped_key)
        hello = pairing.say_hello(wrapped, self.account.identity.public)
        try:
            bundle, identity = await asyncio.wait_for(hello, timeout)
        except TimeoutError as error:
            raise PairingError("timeout") from error
        secret = linkcode.open_bundle(
            bundle,
            identity=self.account.identity,
            ephemeral=ephemeral,
            companion_ephemeral=companion,
            companion_identity=identity,
        )
        if secret is None or identity != pairing.registration.identity:
            raise PairingError("wrong-code")
        return await self._link(pairing, secret, timeout)

    async def unlink(self, device: Device) -> None:
        """Remove a linked device: it is logged out now, or at its next login.

        Raises:
            ValueError: it is another account's.
        """
        if device.account is not self.account:
            msg = f"{device} is not linked to {self.account.phone}"
            raise ValueError(msg)
        self._hub.unlink(device)

    def _code_request(self) -> tuple[Pairing, CodeRequest]:
        newest = self._newest_request()
        if newest is None:
            raise PairingError("no-request")
        return newest

    def _newest_request(self) -> tuple[Pairing, CodeRequest] | None:
        waiting = [
            (connection.opened_at, connection.pairing, connection.pairing.code_request)
            for connection in self._hub.connections
            if connection.pairing and connection.pairing.code_request
        ]
        mine = [item for item in waiting if item[2].phone == self.account.phone]
        if not mine:
            return None
        _, pairing, request = max(mine, key=lambda item: item[0])
        return pairing, request

    async def _link(self, pairing: Pairing, secret: bytes, seconds: float) -> Device:
        self._pairing = pairing
        try:
            return await asyncio.wait_for(pairing.link(self.account, secret), seconds)
        except TimeoutError as error:
            raise PairingError("timeout") from error
        finally:
            if self._pairing is pairing:
                self._pairing = None  # its passkey code is no longer shown
