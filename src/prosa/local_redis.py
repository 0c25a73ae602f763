"""What Prosa needs of Redis, in the parent of several processes: they share a cache and wake-ups without a Redis.

It speaks Redis's own protocol (RESP2: redis.io/docs/latest/develop/reference/protocol-spec) on a Unix socket that only
this user can reach. It knows the commands that `prosa.cache` and `prosa.events.bus` give, and no others, so these need
not know whom they talk to. What is kept here are copies of what the tables say: it may be forgotten at any moment.
"""

import asyncio
import fnmatch
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from prosa.recent import Recent

MOST_ENTRIES = 8_000
"""Values kept, those written least recently go first: twice as many as a process by itself keeps."""
MOST_ARGUMENTS = 1_000
LARGEST_ARGUMENT = 2**20
"""Bytes; above what the cache keeps of a value."""
MOST_UNREAD = 2**23
"""Bytes that wait for one who listens and does not read; then it is cut off, and comes back, as with Redis."""

Reply: TypeAlias = "bytes | int | list[Reply] | _Simple | None"


class _Simple(str):
    """A reply such as OK."""

    __slots__ = ()


OK = _Simple("OK")


class LocalRedis:
    """Values by key, for a time, and channels."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, most: int = MOST_ENTRIES) -> None:
        """Make it, empty.

        Args:
            clock: Tells seconds.
            most: Values kept.
        """
        self._clock = clock
        self._values: Recent[bytes, tuple[bytes, float]] = Recent(most)
        self._channels: defaultdict[bytes, set[_Client]] = defaultdict(set)
        self._clients: set[_Client] = set()

    @asynccontextmanager
    async def serve(self, folder: Path) -> AsyncIterator[str]:
        """Serve, and give the URL for redis-py.

        Args:
            folder: Gets the socket; of this user alone, with a short path (a socket's has 107 bytes at most on Linux).

        Raises:
            OSError: The socket cannot be made.
        """
        path = folder / "redis.sock"
        server = await asyncio.start_unix_server(self._talk, path)
        try:
            yield f"unix://{path}?protocol=2"
        finally:
            server.close()
            for client in self._clients:
                client.cut()
            path.unlink(missing_ok=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(self, writer)
        self._clients.add(client)
        try:
            with suppress(OSError, EOFError, ValueError):  # gone, or no program that speaks this protocol
                while True:
                    client.write(client.answer(await _command(reader)))
                    await writer.drain()
        finally:
            self._clients.discard(client)
            for listeners in self._channels.values():
                listeners.discard(client)
            writer.close()

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept, or None."""
        value, until = self._values.get(key, (None, 0.0))
        if value is not None and until <= self._clock():
            del self._values[key]
            return None
        return value

    def put(self, key: bytes, value: bytes, seconds: float = float("inf")) -> None:
        """Keep a value for a time."""
        self._keep(key, value, self._clock() + seconds)

    def increment(self, key: bytes, by: int) -> int:
        """Add to a counter, which lives on for as long as it would have.

        Raises:
            ValueError: What is kept is no number.
        """
        count = int(self.get(key) or 0) + by
        self._keep(key, b"%d" % count, self._values.get(key, (b"", float("inf")))[1])
        return count

    def forget(self, keys: Sequence[bytes]) -> int:
        """Delete values; return how many there were."""
        return sum(self._values.pop(key, None) is not None for key in keys)

    def matching(self, pattern: bytes) -> list[bytes]:
        """Return the keys that match a pattern with `*`."""
        return [key for key in self._values if fnmatch.fnmatchcase(key, pattern)]

    def listen(self, channel: bytes, client: "_Client") -> None:
        """Have a client told what is published from now on."""
        self._channels[channel].add(client)

    def publish(self, channel: bytes, text: bytes) -> int:
        """Tell all who listen; return how many."""
        listeners = list(self._channels.get(channel, ()))
        for client in listeners:
            client.write([b"message", channel, text])
        return len(listeners)

    def _keep(self, key: bytes, value: bytes, until: float) -> None:
        self._values.put(key, (value, until))


class _Client:
    """One connection."""

    def __init__(self, store: LocalRedis, writer: asyncio.StreamWriter) -> None:
        self._store = store
        self._writer = writer
        self._queued: list[list[bytes]] | None = None
        self._listens = False

    def write(self, reply: Reply) -> None:
        """Send a reply, or what was published."""
        if self._writer.transport.get_write_buffer_size() > MOST_UNREAD:
            self.cut()
        else:
            self._writer.write(_written(reply))

    def cut(self) -> None:
        """End the connection at once."""
        self._writer.transport.abort()

    def answer(self, command: list[bytes]) -> Reply:
        """Do what is asked, or keep it until the end of a transaction."""
        name = command[0].upper()
        if name == b"MULTI":
            self._queued = []
            return OK
        if name == b"EXEC" and self._queued is not None:
            queued, self._queued = self._queued, None
            return [self._do(queued_command) for queued_command in queued]
        if self._queued is not None:
            self._queued.append(command)
            return _Simple("QUEUED")
        return self._do(command)

    def _do(self, command: list[bytes]) -> Reply:
        name = command[0].upper()
        try:
            return self._done(name, command[1:])
        except (ValueError, IndexError) as error:
            return _Simple(f"-ERR {name.decode(errors='replace')[:40]}: {error}")

    def _done(self, name: bytes, arguments: list[bytes]) -> Reply:
        store = self._store
        match name:
            case b"GET":
                return store.get(arguments[0])
            case b"SET":
                return self._set(*arguments)
            case b"INCRBY":
                return store.increment(arguments[0], int(arguments[1]))
            case b"UNLINK":
                return store.forget(arguments)
            case b"SCAN":  # all at once: there is no next page
                options = dict(zip(arguments[1::2], arguments[2::2], strict=True))
                return [b"0", [*store.matching(options.get(b"MATCH", b"*"))]]
            case b"PUBLISH":
                return store.publish(arguments[0], arguments[1])
            case b"SUBSCRIBE":
                return self._subscribe(arguments)
            case b"PING":
                return [b"pong", b""] if self._listens else _Simple("PONG")
            case b"CLIENT":
                return OK  # the connection's name, and the library's
        raise ValueError("unknown command")

    def _set(self, key: bytes, value: bytes, *options: bytes) -> Reply:
        seconds, only_new = float("inf"), False
        words = iter(options)
        for word in words:
            if word.upper() == b"PX":
                seconds = int(next(words, b"")) / 1000
            elif word.upper() == b"NX":
                only_new = True
            else:
                raise ValueError("syntax error")
        if only_new and self._store.get(key) is not None:
            return None
        self._store.put(key, value, seconds)
        return OK

    def _subscribe(self, channels: Sequence[bytes]) -> Reply:
        self._listens = True
        replies: list[Reply] = []
        for count, channel in enumerate(channels, 1):
            self._store.listen(channel, self)
            replies.append([b"subscribe", channel, count])
        for reply in replies[:-1]:
            self.write(reply)
        return replies[-1]


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    """Read a command: an array of strings.

    Raises:
        EOFError: There is none any more.
        ValueError: It is none, or too large.
    """
    count = _number(await reader.readuntil(b"\r\n"), b"*", MOST_ARGUMENTS)
    if count == 0:
        raise ValueError("an empty command")
    parts = []
    for _ in range(count):
        size = _number(await reader.readuntil(b"\r\n"), b"$", LARGEST_ARGUMENT)
        parts.append((await reader.readexactly(size + 2))[:-2])
    return parts


def _number(line: bytes, kind: bytes, most: int) -> int:
    if line[:1] != kind or not 0 <= (number := int(line[1:])) <= most:
        raise ValueError("not understood")
    return number


def _written(reply: Reply) -> bytes:
    if isinstance(reply, _Simple):
        return f"{'' if reply.startswith('-') else '+'}{reply}\r\n".encode()
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, list):
        return b"*%d\r\n" % len(reply) + b"".join(map(_written, reply))
    return b"$%d\r\n%b\r\n" % (len(reply), reply)
