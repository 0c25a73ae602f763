"""The control server of one world: every topic's routes on one port of loopback.

Answers are JSON; refusals are ``{"error", "detail", "fields"?}`` with a 4xx status. `prosa_simulator.loopback` keeps
web pages out, except this server's own and those of the origins that were allowed.
"""

import inspect
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from prosa.whatsapp.engine import EngineError
from prosa_simulator.contacts import ContactError
from prosa_simulator.control.contact_routes import ContactRoutes
from prosa_simulator.control.fault_routes import FaultRoutes
from prosa_simulator.control.faults import describe, manual
from prosa_simulator.control.group_routes import GroupRoutes
from prosa_simulator.control.live import LiveRoute
from prosa_simulator.control.media_routes import MAX_FILE, MediaRoutes
from prosa_simulator.control.message_routes import MessageRoutes
from prosa_simulator.control.pages import PageRoutes
from prosa_simulator.control.prosa_routes import ProsaRoutes
from prosa_simulator.loopback import Handler, Refusal, answer, answer_json
from prosa_simulator.network.admin import Admin

if TYPE_CHECKING:
    from prosa_simulator.product.world import World

_FORM_BYTES: Final = 1024**2  # what a form may hold beside its file
_SHUTDOWN_SECONDS: Final = 0.5


class ControlServer:
    """Drives a world over HTTP."""

    def __init__(self, world: "World", *, port: int = 0, origins: Collection[str] = ()) -> None:
        """Describe the server; nothing listens before `start`.

        Args:
            world: What it drives; started before this is.
            port: Where to listen on 127.0.0.1; 0 takes a free port, kept over restarts.
            origins: Web origins (``http://127.0.0.1:8000``) whose pages may drive the world.
        """
        self.port = port
        self._world = world
        self._origins = frozenset(origins)
        self._runner: web.AppRunner | None = None
        self._phones = Admin(world.network)
        self._contacts = ContactRoutes(world.network, world.contacts)
        self._groups = GroupRoutes(world.network)
        self._prosas = ProsaRoutes(lambda: world.processes)
        self._routes = [
            *PageRoutes(lambda: [process.url for process in world.processes], self._index).routes(),
            web.get("/state", self._state, allow_head=False),
            *self._phones.routes(""),
            *self._contacts.routes(),
            *MessageRoutes(self._contacts).routes(),
            *MediaRoutes(self._contacts).routes(),
            *self._groups.routes(),
            *FaultRoutes(world.network).routes(),
            *self._prosas.routes(),
            *LiveRoute(world.contacts, self._contacts, self._around).routes(),
        ]

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``.

        Raises:
            RuntimeError: Not started yet, so the port is unknown.
        """
        if not self.port:
            raise RuntimeError("the control server has no port before it is started")
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken.
        """
        app = web.Application(client_max_size=MAX_FILE + _FORM_BYTES, middlewares=[self._protect])
        app.add_routes(self._routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening; requests under way get half a second to end."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @web.middleware
    async def _protect(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        async def translated(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except EngineError as error:
                raise Refusal(409, error.code.value.replace("_", "-"), error.message) from error
            except ContactError as error:
                raise Refusal(409, "contact-offline", str(error)) from error
            except TimeoutError as error:
                raise Refusal(409, "timeout", str(error) or "it took too long") from error

        return await answer(request, translated, self._origins)

    async def _index(self, _request: web.Request) -> web.Response:
        routes = {f"{route.method} {route.path}": (inspect.getdoc(route.handler) or "") for route in self._routes}
        return answer_json({"routes": routes, "faults": manual()})

    async def _around(self) -> dict[str, Any]:
        """Return what the page shows beside the contacts' screens."""
        network = self._world.network
        return {
            # the phone of a contact who is just being linked is nobody's who links Prosa
            "phones": [
                phone for phone in self._phones.describe() if phone["number"] not in self._world.contacts.linking
            ],
            "contacts": self._contacts.describe(),
            "codes": await self._prosas.codes(),
            "prosa": self._prosas.describe(),
            "faults": [describe(fault) for fault in network.faults.waiting],
            "listening": network.listening,
        }

    async def _state(self, _request: web.Request) -> web.Response:
        """Show the world: addresses, phones, contacts, connections, counts, and the settings that lead Prosa here."""
        world, network = self._world, self._world.network
        state: dict[str, Any] = {
            "addresses": {
                "control": self.url,
                "whatsapp": network.url,
                "gemini": world.gemini.base_url,
                "gemini_control": f"{world.gemini.base_url}/control",
                "prosa": [process.url for process in world.processes],
            },
            "settings": world.settings(),
            "phones": self._phones.describe(),
            "contacts": self._contacts.describe(),
            "groups": self._groups.describe(),
            "connections": [
                {
                    "device": str(connection.device.jid) if connection.device else None,
                    "active": connection.active,
                    "opened_at": connection.opened_at,
                }
                for connection in network.connections
            ],
            "messages": network.messages.total,
        }
        return answer_json(state)
