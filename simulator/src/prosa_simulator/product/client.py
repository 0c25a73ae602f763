"""A client of Prosa's public API, as a program of a user's would be."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import aiohttp

Json = dict[str, Any]


class ApiError(Exception):
    """Prosa answered with a problem.

    Attributes:
        status: HTTP status.
        problem: The problem details.
    """

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class EventStream:
    """The owner's events, collected from the moment of connecting; reconnects with the last id it saw."""

    def __init__(self, client: "ProsaClient") -> None:
        self._client = client
        self.events: list[Json] = []
        self._changed = asyncio.Condition()
        self._ready = asyncio.Event()
        self._last: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="event-stream")
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self._task}, timeout=15, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            self._task.result()
        if not self._ready.is_set():
            raise TimeoutError("the WebSocket was not ready within 15 s")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def wait(self, event: str, match: Callable[[Json], bool] = lambda _: True, *, seconds: float = 30) -> Json:
        """Return the first event of this type, seen already or to come, whose envelope matches.

        Raises:
            TimeoutError: None came in time.
        """
        try:
            async with asyncio.timeout(seconds), self._changed:
                while True:
                    for seen in self.events:
                        if seen["event"] == event and match(seen):
                            return seen
                    await self._changed.wait()
        except TimeoutError:
            names = [seen["event"] for seen in self.events]
            raise TimeoutError(f"no matching {event} within {seconds} s; seen: {names[-30:]}") from None

    async def _run(self) -> None:
        while True:
            try:
                async with self._client.http.ws_connect(f"{self._client.url}/ws", heartbeat=20) as socket:
                    await socket.send_json(
                        {"type": "auth", "token": self._client.access_token, "last_event_id": self._last}
                    )
                    async for message in socket:
                        await self._take(message.json())
                    if socket.close_code in {4400, 4401}:
                        raise ApiError(socket.close_code, {"code": "websocket", "detail": "refused"})
            except (aiohttp.ClientError, ConnectionError):
                pass
            await asyncio.sleep(0.2)

    async def _take(self, event: Json) -> None:
        if event["event"] == "ready":
            self._last = self._last or event["last_event_id"]
            self._ready.set()
            return
        if "id" in event:
            self._last = event["id"]
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()


class ProsaClient:
    """Signs in and calls the REST API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.access_token = ""
        self.refresh_token = ""
        self._http: aiohttp.ClientSession | None = None

    @property
    def http(self) -> aiohttp.ClientSession:
        """The HTTP session.

        Raises:
            RuntimeError: The client is not open.
        """
        if self._http is None:
            raise RuntimeError("use the client in 'async with'")
        return self._http

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.close()

    async def register(self, email: str, password: str, name: str | None = None) -> Json:
        """Create the owner's account and sign in."""
        return self._keep(await self.post("/auth/register", {"email": email, "password": password, "name": name}))

    async def login(self, email: str, password: str) -> Json:
        """Sign in."""
        return self._keep(await self.post("/auth/login", {"email": email, "password": password}))

    async def refresh(self) -> Json:
        """Get a new access token."""
        return self._keep(await self.post("/auth/refresh", {"refresh_token": self.refresh_token}))

    async def get(self, path: str, **query: str | int) -> Any:
        """GET JSON.

        Raises:
            ApiError: Prosa answered with a problem.
        """
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: Json | None = None, **headers: str) -> Any:
        """POST JSON; headers by name with underscores.

        Raises:
            ApiError: Prosa answered with a problem.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._call("POST", path, json=body, headers=named)

    async def patch(self, path: str, body: Json) -> Any:
        """PATCH JSON.

        Raises:
            ApiError: Prosa answered with a problem.
        """
        return await self._call("PATCH", path, json=body)

    async def delete(self, path: str) -> Any:
        """DELETE.

        Raises:
            ApiError: Prosa answered with a problem.
        """
        return await self._call("DELETE", path)

    async def download(self, path: str) -> bytes:
        """GET a file.

        Raises:
            ApiError: Prosa answered with a problem.
        """
        async with self.http.get(self.url + path, headers=self._authorization()) as response:
            if response.status >= 400:
                raise ApiError(response.status, await response.json(content_type=None))
            return await response.read()

    async def upload(self, path: str, form: aiohttp.FormData) -> Any:
        """POST a form with a file.

        Raises:
            ApiError: Prosa answered with a problem.
        """
        return await self._call("POST", path, data=form)

    def events(self) -> EventStream:
        """Return the stream of events; use it in `async with`."""
        return EventStream(self)

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}

    async def _call(self, method: str, path: str, **arguments: Any) -> Any:
        headers = {**self._authorization(), **arguments.pop("headers", {})}
        async with self.http.request(method, self.url + path, headers=headers, **arguments) as response:
            body = await response.json(content_type=None) if response.content_type.endswith("json") else None
            if response.status >= 400:
                raise ApiError(response.status, body or {})
            return body

    def _keep(self, tokens: Json) -> Json:
        self.access_token = tokens["access_token"]
        self.refresh_token = tokens["refresh_token"]
        return tokens
