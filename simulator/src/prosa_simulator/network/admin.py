"""Phones over HTTP, for programs outside this process (a browser test, a Node client): JSON in and out.

The network serves these routes under ``/admin`` on the WebSocket's port; the control server of a whole world serves
them too. `prosa_simulator.loopback` keeps web pages out.
"""

from collections.abc import Awaitable
from typing import Any, Protocol

from aiohttp import web
from pydantic import Field

from prosa_simulator.loopback import Body, Refusal, answer_json, read
from prosa_simulator.network.accounts import Accounts, Device
from prosa_simulator.network.pairing import PairingError
from prosa_simulator.network.phone import Phone


class Phones(Protocol):
    """Where the phones are: the network."""

    @property
    def accounts(self) -> Accounts:
        """Every account."""
        ...

    def phone(self, number: str, name: str | None = None) -> Phone:
        """Return the phone with this number, creating its account on first use."""
        ...


class Admin:
    """The phones' routes."""

    def __init__(self, phones: Phones) -> None:
        self._phones = phones

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes, not guarded; the first line of each handler's text says what it does."""
        base = f"{prefix}/phones"
        return [
            web.get(base, self._list, allow_head=False),
            web.get(f"{base}/{{number}}", self._show, allow_head=False),
            web.put(f"{base}/{{number}}", self._change),
            web.post(f"{base}/{{number}}/scan", self._scan),
            web.post(f"{base}/{{number}}/code", self._code),
            web.post(f"{base}/{{number}}/assertion", self._assertion),
            web.delete(f"{base}/{{number}}/devices/{{device}}", self._unlink),
        ]

    def describe(self) -> list[dict[str, Any]]:
        """Return every phone with its devices, as the list shows them."""
        return [_describe(self._phones.phone(account.phone)) for account in self._phones.accounts]

    async def _list(self, _request: web.Request) -> web.Response:
        """List the phones and their linked devices."""
        return answer_json(self.describe())

    async def _show(self, request: web.Request) -> web.Response:
        """Show one phone: its devices, whether a pairing code is asked for, and the passkey code to compare."""
        return answer_json(_describe(self._known(request)))

    async def _change(self, request: web.Request) -> web.Response:
        """Create or change a phone: {"name"?, "require_passkey"?}."""
        body = await read(request, _Change)
        phone = self._phone(request)
        if body.name is not None:
            phone.name = body.name
        if body.require_passkey is not None:
            phone.require_passkey = body.require_passkey
        return answer_json(_describe(phone))

    async def _scan(self, request: web.Request) -> web.Response:
        """Scan a QR code and link the device that shows it: {"qr"}."""
        body = await read(request, _Scan)
        return await self._link(self._phone(request).scan(body.qr))

    async def _code(self, request: web.Request) -> web.Response:
        """Type a pairing code and link the device that shows it: {"code"}."""
        body = await read(request, _Code)
        return await self._link(self._phone(request).type_code(body.code))

    async def _assertion(self, request: web.Request) -> web.Response:
        """Answer WebAuthn request options with this person's passkey: {"options"}."""
        body = await read(request, _Assertion)
        phone = self._phone(request)
        try:
            return answer_json(phone.passkey_assertion(body.options))
        except KeyError as error:
            raise Refusal.of_field("options", f"they lack {error}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise Refusal.of_field("options", f"not WebAuthn request options: {error}") from error

    async def _unlink(self, request: web.Request) -> web.Response:
        """Unlink a device: it is logged out."""
        phone = self._known(request)
        wanted = request.match_info["device"]
        device = next((device for device in phone.devices if str(device.number) == wanted), None)
        if device is None:
            raise Refusal(404, "unknown-device", f"phone {phone.number} has no device {wanted}")
        await phone.unlink(device)
        return answer_json(_describe(phone))

    def _known(self, request: web.Request) -> Phone:
        number = _number(request)
        if self._phones.accounts.by_phone(number) is None:
            raise Refusal(404, "unknown-phone", f"there is no phone {number}; PUT /phones/{number} creates it")
        return self._phones.phone(number)

    def _phone(self, request: web.Request) -> Phone:
        try:
            return self._phones.phone(_number(request))
        except ValueError as error:
            raise Refusal.of_field("number", str(error)) from error

    @staticmethod
    async def _link(linking: Awaitable[Device]) -> web.Response:
        try:
            return answer_json(_device(await linking))
        except PairingError as error:
            raise Refusal(409, error.reason, error.detail) from error


class _Change(Body):
    name: str | None = Field(None, min_length=1, max_length=100)
    require_passkey: bool | None = None


class _Scan(Body):
    qr: str


class _Code(Body):
    code: str


class _Assertion(Body):
    options: dict[str, Any]


def _number(request: web.Request) -> str:
    return request.match_info["number"].removeprefix("+")


def _device(device: Device) -> dict[str, Any]:
    return {
        "number": device.number,
        "jid": str(device.jid),
        "lid": str(device.lid),
        "platform": device.platform,
        "online": device.online,
    }


def _describe(phone: Phone) -> dict[str, Any]:
    return {
        "number": phone.number,
        "name": phone.name,
        "lid": phone.lid,
        "require_passkey": phone.require_passkey,
        "asked_for_code": phone.asked_for_code,
        "passkey_code": phone.passkey_code,
        "devices": [_device(device) for device in phone.devices],
    }
