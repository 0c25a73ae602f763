"""Control over HTTP, for programs outside this process (a browser test, a Node client).

JSON over the WebSocket's port, under ``/admin``. Requests from web pages are refused: a page in the user's browser
could otherwise reach a port on loopback.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from prosa_simulator.network.accounts import Device
from prosa_simulator.network.hub import Hub
from prosa_simulator.network.pairing import PairingError
from prosa_simulator.network.phone import Phone

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

_Action = Callable[[Phone, dict[str, Any]], Awaitable[dict[str, Any]]]


class Admin:
    """The admin routes of one network."""

    def __init__(self, phone: Callable[[str, str | None], Phone], hub: Hub) -> None:
        self._phone = phone
        self._hub = hub

    def routes(self) -> list[web.RouteDef]:
        """The HTTP routes.

        ``GET /admin/phones`` lists the accounts; ``PUT /admin/phones/{number}`` with ``{"name"?, "require_passkey"?}``
        creates or changes one; ``POST …/scan`` with ``{"qr"}`` and ``POST …/code`` with ``{"code"}`` link a device;
        ``POST …/assertion`` with ``{"options"}`` answers for the passkey; ``DELETE …/devices/{device}`` unlinks.
        """
        return [
            web.get("/admin/phones", self._list),
            web.put("/admin/phones/{number}", self._action(self._change)),
            web.post("/admin/phones/{number}/scan", self._action(self._scan)),
            web.post("/admin/phones/{number}/code", self._action(self._code)),
            web.post("/admin/phones/{number}/assertion", self._action(self._assertion)),
            web.delete("/admin/phones/{number}/devices/{device}", self._unlink),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        _refuse_browsers(request)
        return web.json_response([_describe(self._phone(account.phone, None)) for account in self._hub.accounts])

    def _action(self, act: _Action) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            _refuse_browsers(request)
            try:
                body = await request.json() if request.can_read_body else {}
                return web.json_response(await act(self._phone(request.match_info["number"], None), body))
            except PairingError as error:
                return web.json_response({"error": error.reason, "detail": str(error)}, status=409)
            except (KeyError, TypeError, ValueError) as error:
                return web.json_response({"error": "bad-request", "detail": repr(error)}, status=400)

        return answer

    @staticmethod
    async def _change(phone: Phone, body: dict[str, Any]) -> dict[str, Any]:
        if "name" in body:
            phone.name = str(body["name"])
        if "require_passkey" in body:
            phone.require_passkey = bool(body["require_passkey"])
        return _describe(phone)

    @staticmethod
    async def _scan(phone: Phone, body: dict[str, Any]) -> dict[str, Any]:
        return _device(await phone.scan(str(body["qr"])))

    @staticmethod
    async def _code(phone: Phone, body: dict[str, Any]) -> dict[str, Any]:
        return _device(await phone.type_code(str(body["code"])))

    @staticmethod
    async def _assertion(phone: Phone, body: dict[str, Any]) -> dict[str, Any]:
        return phone.passkey_assertion(body["options"])

    async def _unlink(self, request: web.Request) -> web.Response:
        _refuse_browsers(request)
        phone = self._phone(request.match_info["number"], None)
        for device in phone.devices:
            if str(device.number) == request.match_info["device"]:
                await phone.unlink(device)
                return web.json_response(_describe(phone))
        return web.json_response({"error": "unknown-device"}, status=404)


def _refuse_browsers(request: web.Request) -> None:
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    if "Origin" in request.headers or host not in _LOOPBACK:
        raise web.HTTPForbidden(text="not for web pages")


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
        "passkey_code": phone.passkey_code,
        "devices": [_device(device) for device in phone.devices],
    }
