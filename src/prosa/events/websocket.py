"""`/ws`: the owner's events as they happen, and those that a client missed.

Frames are JSON. The client's first frame signs in (browsers cannot set headers on a WebSocket):
`{"type": "auth", "token": "<access token or API key>", "last_event_id": "<id>"?, "sessions": ["…"]?}`. Programs may
send either as `Authorization: Bearer` instead, or a key as `X-Api-Key`, and what they saw last as the query parameter
`last_event_id`; they then need no first frame. Prosa answers `ready`, then sends events; `{"type": "ping"}` is answered
by `pong`, and `auth` again renews an access token that is about to end. `{"type": "watching"}`, repeated within 90 s
while a person looks at the conversations, shows their numbers as online, and WhatsApp then tells which contacts type.
With an API key that is limited to some numbers, all of this is about these: what is about none is not told.
"""

import asyncio
import contextlib
from typing import Annotated, Any, ClassVar, NoReturn

import orjson
import structlog
from fastapi import APIRouter, WebSocket
from sqlalchemy.exc import DBAPIError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from prosa.auth.api_keys import TOPIC as KEYS
from prosa.auth.api_keys import is_key
from prosa.auth.authenticator import Authenticator
from prosa.auth.caller import Caller
from prosa.database.engine import Database
from prosa.database.outage import is_outage
from prosa.errors import ProsaError
from prosa.events import log
from prosa.events.frames import AuthFrame, Frame, PingFrame, WatchingFrame, read_frame
from prosa.events.hub import EventHub, PassingEvent, Subscriber
from prosa.events.log import LoggedEvent, Position
from prosa.http.auth import KEY_HEADER
from prosa.http.provide import provided

logger = structlog.get_logger("prosa.websocket")

MAX_REPLAY = 1000
"""Missed events that are sent again; beyond that the client reads the REST API anew."""
AUTH_SECONDS = 10.0
SEND_SECONDS = 10.0
"""A client that does not take a frame for so long is cut off."""
RECHECK_SECONDS = 30.0
"""How often it is checked that the caller may still listen; a key also when one is changed."""
MAX_FRAME = 8192

# Close codes of our own, from the range RFC 6455 §7.4.2 leaves to applications.
NOT_AUTHENTICATED = 4401
BAD_FRAME = 4400
FORBIDDEN = 4403
TOO_SLOW = 4429
GOING_AWAY = 1001
INTERNAL = 1011
TRY_LATER = 1013
"""The database is away (IANA's registry of close codes)."""

UNKNOWN_PARAMETER = (
    "bad_parameter: only last_event_id is known; send the token as Authorization: Bearer or in the frame auth"
)
"""Reasons have at most 123 bytes (RFC 6455 §5.5)."""
READ_ONLY = "read_only_key: this API key reads only, and watching shows the number as online"

router = APIRouter()


class UpgradeNeededError(ProsaError):
    """A plain request came to the WebSocket's address, mostly from a proxy that does not pass the upgrade on."""

    code = "upgrade_needed"
    status: ClassVar[int] = 426
    title: ClassVar[str] = "This address speaks WebSocket"
    remedy = "Open a WebSocket here. A proxy in front must pass Upgrade and Connection on: see docs/operations.md."


class _CloseError(Exception):
    """Ends the connection with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@router.get("/ws", include_in_schema=False)
async def refuse_plain() -> None:
    """Say what the address is for, rather than that it does not exist."""
    raise UpgradeNeededError


@router.websocket("/ws")
async def events(
    websocket: WebSocket,
    authenticator: Annotated[Authenticator, provided(Authenticator)],
    hub: Annotated[EventHub, provided(EventHub)],
    database: Annotated[Database, provided(Database)],
) -> None:
    """Serve one client until it leaves, may no longer listen, or does not keep up."""
    await websocket.accept()
    client = _Client(websocket, authenticator, hub, database)
    try:
        await client.serve()
    except _CloseError as error:
        await _close(websocket, error.code, error.reason)
    except (WebSocketDisconnect, ConnectionError):
        pass
    except asyncio.CancelledError:
        await _close(websocket, GOING_AWAY, "server_stopping: reconnect with the last event id you saw")
        raise
    except Exception as error:
        if is_outage(error):
            await _close(websocket, TRY_LATER, "unavailable: reconnect with the last event id you saw")
            return
        logger.exception("websocket failed")
        await _close(websocket, INTERNAL, "internal_error: reconnect with the last event id you saw")


class _Client:
    def __init__(self, websocket: WebSocket, authenticator: Authenticator, hub: EventHub, database: Database) -> None:
        self._websocket = websocket
        self._authenticator = authenticator
        self._hub = hub
        self._database = database
        self._token = ""
        self._may_change = False
        self._numbers: frozenset[str] | None = frozenset()
        """Those that the API key is limited to; None: all of the owner's."""
        self._sessions: frozenset[str] | None = None
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        caller, last = await self._sign_in()
        subscriber = await self._hub.subscribe(caller.user_id)
        try:
            replayed = await self._replay(caller, last)
            tasks = [
                asyncio.create_task(self._deliver(subscriber, replayed), name="websocket-deliver"),
                asyncio.create_task(self._receive(caller), name="websocket-receive"),
                asyncio.create_task(self._recheck(caller), name="websocket-recheck"),
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()
        finally:
            self._hub.unsubscribe(subscriber)

    async def _sign_in(self) -> tuple[Caller, Position | None]:
        # a misspelt last_event_id would silently replay nothing, and a token in an address ends in logs
        for name in self._websocket.query_params:
            if name != "last_event_id":
                raise _CloseError(BAD_FRAME, UNKNOWN_PARAMETER)
        scheme, _, token = self._websocket.headers.get("authorization", "").partition(" ")
        key = self._websocket.headers.get(KEY_HEADER)
        last_event_id = self._websocket.query_params.get("last_event_id")
        if key:
            self._token = key
        elif scheme.lower() == "bearer" and token:
            self._token = token.strip()
        else:
            try:
                async with asyncio.timeout(AUTH_SECONDS):
                    frame = await self._frame()
            except TimeoutError:
                _refuse("no auth frame came in time")
            if not isinstance(frame, AuthFrame) or not frame.token:
                _refuse("the first frame must be auth with a token")
            self._token = frame.token
            self._sessions = frozenset(frame.sessions) if frame.sessions is not None else None
            last_event_id = frame.last_event_id or last_event_id
        caller = await self._authenticate()
        try:
            return caller, Position.parse(last_event_id) if last_event_id else None
        except ValueError:
            raise _CloseError(BAD_FRAME, "bad_last_event_id: pass the id of an event unchanged") from None

    async def _authenticate(self) -> Caller:
        token = self._token
        try:
            caller = await self._authenticator.authenticate(token)
        except ProsaError as error:
            raise _CloseError(NOT_AUTHENTICATED, f"{error.code}: {error.detail}") from error
        if token == self._token:  # else another one came meanwhile, and what that one may holds
            self._may_change, self._numbers = caller.may_change, caller.numbers
        return caller

    async def _replay(self, caller: Caller, last: Position | None) -> Position:
        """Send what was missed; return the place from which live events follow."""
        mine: dict[str, Any] = {"user_id": caller.user_id, "sessions": caller.numbers}
        async with self._database.read() as db:
            end = await log.end(db)
            missed: list[LoggedEvent] = []
            complete = True
            if last is not None:
                oldest = await log.oldest(db)
                waiting = await log.count_after(db, last, limit=MAX_REPLAY + 1, **mine)
                # where the very first event is still there, nothing was ever forgotten
                forgotten = oldest is not None and oldest.id > 1 and last < oldest
                complete = not forgotten and waiting <= MAX_REPLAY and last <= end
                if complete:
                    missed = list(await log.read_after(db, last, limit=MAX_REPLAY, **mine))
        await self._send(
            {
                "event": "ready",
                "last_event_id": str(end),
                "replayed": len(missed),
                "complete": complete,
                "detail": None if complete else "Too much was missed to replay: read the REST API anew.",
            }
        )
        for event in missed:
            await self._send_event(event)
        return missed[-1].position if missed else end

    async def _deliver(self, subscriber: Subscriber, after: Position) -> None:
        while True:
            event = await subscriber.next()
            if event is None:
                raise _CloseError(TOO_SLOW, "too_slow: reconnect with the last event id you saw")
            if isinstance(event, PassingEvent):
                if self._wants(event.session):
                    await self._send(event.envelope(after))
            elif event.position > after:
                after = event.position
                await self._send_event(event)

    async def _receive(self, caller: Caller) -> None:
        while True:
            frame = await self._frame()
            if isinstance(frame, PingFrame):
                await self._send({"event": "pong"})
                continue
            if isinstance(frame, WatchingFrame):
                if not self._may_change:  # contacts would see the number online
                    raise _CloseError(FORBIDDEN, READ_ONLY)
                self._hub.watching(caller.user_id, self._numbers)
                continue
            if frame.token:
                self._token = frame.token
                if (await self._authenticate()).user_id != caller.user_id:
                    _refuse("another person's token; open a connection of its own")
            if frame.sessions is not None:
                self._sessions = frozenset(frame.sessions)

    async def _recheck(self, caller: Caller) -> None:
        clock = asyncio.get_running_loop().time
        due = clock() + RECHECK_SECONDS
        async with self._hub.listen(KEYS) as changed:
            while True:
                woken = await changed.wait(max(0.0, due - clock()))
                if woken and not is_key(self._token):
                    continue  # what is due stays so
                due = clock() + RECHECK_SECONDS
                try:
                    found = await self._authenticate()
                except DBAPIError as error:
                    if is_outage(error):
                        continue  # there are no events either, and it is asked again
                    raise
                if found.user_id != caller.user_id:
                    _refuse("the token is another person's")

    async def _frame(self) -> Frame:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text")
        if text is None:
            raise _CloseError(BAD_FRAME, "bad_frame: frames are JSON text")
        if len(text) > MAX_FRAME:
            raise _CloseError(BAD_FRAME, "frame_too_large")
        try:
            return read_frame(text)
        except ValueError:
            raise _CloseError(BAD_FRAME, "bad_frame: send {type: auth, token}, ping or watching") from None

    async def _send_event(self, event: LoggedEvent) -> None:
        if self._wants(event.session):
            await self._send(event.envelope())

    def _wants(self, session: str | None) -> bool:
        if self._numbers is not None and session not in self._numbers:  # nor those that are about no number
            return False
        return self._sessions is None or session is None or session in self._sessions

    async def _send(self, value: dict[str, Any]) -> None:
        try:
            async with self._sending, asyncio.timeout(SEND_SECONDS):
                await self._websocket.send_text(orjson.dumps(value).decode())
        except TimeoutError:
            raise _CloseError(TOO_SLOW, "too_slow: a frame was not taken in time") from None


def _refuse(reason: str) -> NoReturn:
    raise _CloseError(NOT_AUTHENTICATED, f"not_authenticated: {reason}")


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    if websocket.application_state is WebSocketState.CONNECTED:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await websocket.close(code, reason[:120])
