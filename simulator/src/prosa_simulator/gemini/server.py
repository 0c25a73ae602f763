"""`GeminiServer`: the whole thing in one object."""

import ipaddress
from types import TracebackType
from typing import Self

from aiohttp import web

from prosa_simulator.gemini.cached_contents import CachedContents
from prosa_simulator.gemini.control import Control
from prosa_simulator.gemini.endpoints import GeminiEndpoints
from prosa_simulator.gemini.prefix_cache import PrefixCache
from prosa_simulator.gemini.recording import Recorder
from prosa_simulator.gemini.requests import RequestLog
from prosa_simulator.gemini.script import Script

_MAX_BODY = 100 * 1024 * 1024  # Gemini's limit for inline data (ai.google.dev/gemini-api/docs/file-input-methods)
_SHUTDOWN_SECONDS = 0.5


class GeminiServer:
    """A Gemini API on loopback that says what its script says.

    ``async with GeminiServer() as gemini:`` starts it on a free port; point a client at `base_url`.
    The port stays the same over `stop` and `start`, so an outage can be played.

    Args:
        api_key: the only key that works; None accepts any. May be changed while running.
        host: a loopback address.
        port: 0 takes a free one.
        script: what it answers; by default it repeats the question.
        latency: seconds every generate request waits.
        cache_minimum: least implicitly cached prefix in tokens; None takes Google's figure for each model.
        cache_ttl: seconds an unused prefix stays cached.
        explicit_cache_minimum: least size of an explicit cache in tokens.
        check_signatures: refuse tool calls that come back without their thought signature. Google does so for
            Gemini 3 and forgives older models; here every model is strict unless this is False.
        max_requests: how many requests the log keeps.

    Raises:
        ValueError: the host is not a loopback address.
    """

    def __init__(
        self,
        api_key: str | None = "test-key",
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        script: Script | None = None,
        latency: float = 0.0,
        cache_minimum: int | None = None,
        cache_ttl: float = 300.0,
        explicit_cache_minimum: int = 1_024,
        check_signatures: bool = True,
        max_requests: int = 2_000,
    ) -> None:
        if not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            raise ValueError(f"the Gemini server only listens on loopback, not on {host}")
        self.api_key = api_key
        self.host = host
        self.port = port
        self.script = script or Script()
        self.requests = RequestLog(max_entries=max_requests)
        self.prefixes = PrefixCache(minimum=cache_minimum, ttl=cache_ttl)
        self.caches = CachedContents(minimum=explicit_cache_minimum)
        self._endpoints = GeminiEndpoints(self.script, self.requests, self.prefixes, self.caches)
        self._endpoints.latency = latency
        self._endpoints.check_signatures = check_signatures
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT``: what clients take as their base URL.

        Raises:
            RuntimeError: not started yet, so the port is unknown.
        """
        if not self.port:
            raise RuntimeError("the server has no port before it is started")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def latency(self) -> float:
        """Seconds every generate request waits, on top of its answer's own."""
        return self._endpoints.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._endpoints.latency = seconds

    @property
    def hanging(self) -> int:
        """How many requests are held back by `Hang` now."""
        return self._endpoints.hanging

    async def start(self) -> None:
        """Listen.

        Raises:
            RuntimeError: it runs already.
            OSError: the port is taken.
        """
        if self._runner is not None:
            raise RuntimeError("the server runs already")
        recorder = Recorder(self.requests, lambda: self.api_key)
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[recorder.middleware])
        self._endpoints.closing = False
        self._endpoints.add_routes(app)
        Control(self).add_routes(app)
        # handler_cancellation: a handler learns that its client left, also while it hangs.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port)
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and drop what is open. Script, caches and recorded requests stay. May be called twice."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        self._endpoints.closing = True
        self._endpoints.release()
        await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def wait_hanging(self, count: int = 1, *, within: float = 10.0) -> None:
        """Wait until at least `count` requests are held back by `Hang`.

        Raises:
            TimeoutError: not within that many seconds.
        """
        await self.requests.wait_for(lambda _: self.hanging >= count, within=within)

    def release(self) -> int:
        """Let all hanging requests go on; returns how many there were."""
        return self._endpoints.release()

    def reset(self) -> None:
        """Forget script entries, recorded requests and both caches; release what hangs."""
        self.script.reset()
        self.requests.clear()
        self.prefixes.clear()
        self.caches.clear()
        self.release()
