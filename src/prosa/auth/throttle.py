"""Slows down whoever guesses passwords: per e-mail address and per network address, exponentially.

Tries are counted before the password is checked, so that many at once gain nothing. The wait per e-mail address stays
short: otherwise anybody could lock a person out by typing wrong passwords for them. While Redis is away each process
counts for itself, and only the hard limits hold.
"""

import hashlib
import ipaddress
from dataclasses import dataclass

from prosa.cache import Cache
from prosa.clock import Clock, utc_now
from prosa.errors import TooManyRequestsError

WINDOW_SECONDS = 15 * 60


@dataclass(frozen=True, slots=True)
class _Limit:
    """How many tries are free in a window, the longest wait after more, and how many there may be at all."""

    name: str
    free: int
    longest_wait: float
    most: int

    def wait(self, failures: int) -> float:
        """Return the seconds to wait after this many failed tries."""
        over = failures - self.free
        return 0.0 if over < 0 else min(self.longest_wait, 2.0 ** min(over, 30))


PER_EMAIL = _Limit("email", free=5, longest_wait=60.0, most=40)
PER_ADDRESS = _Limit("address", free=30, longest_wait=900.0, most=400)
"""Generous: a whole office may share one address."""


class LoginThrottle:
    """Decides whether another try may be made now."""

    def __init__(self, cache: Cache, clock: Clock = utc_now) -> None:
        self._cache = cache
        self._clock = clock

    async def attempt(self, email: str, address: str | None) -> None:
        """Count a try to sign in.

        Args:
            email: Case-folded.
            address: The client's IP address, where known.

        Raises:
            TooManyRequestsError: It comes too early; carries how long to wait.
        """
        keys = [(PER_EMAIL, _key(PER_EMAIL, email))]
        if address is not None:
            keys.append((PER_ADDRESS, _key(PER_ADDRESS, _network(address))))
        for _limit, key in keys:
            await self._refuse_early(key)
        for limit, key in keys:
            await self._count(limit, key)

    async def succeeded(self, email: str, address: str | None) -> None:
        """Note that the try just made was right."""
        key = _key(PER_EMAIL, email)
        await self._cache.delete(f"{key}:tries", f"{key}:until")
        if address is not None:
            # Not forgotten, only not held against the address: a guesser with one account of their own gains nothing.
            await self._cache.increment(f"{_key(PER_ADDRESS, _network(address))}:right", WINDOW_SECONDS)

    async def _refuse_early(self, key: str) -> None:
        until = await self._cache.get(f"{key}:until")
        if isinstance(until, int | float):
            wait = until - self._clock().timestamp()
            if wait > 0:
                raise _too_many(wait)

    async def _count(self, limit: _Limit, key: str) -> None:
        tries = await self._cache.increment(f"{key}:tries", WINDOW_SECONDS)
        right = await self._cache.get(f"{key}:right") or 0
        failures = tries - int(right)
        if failures > limit.most:
            raise _too_many(limit.longest_wait)
        wait = limit.wait(failures)
        if wait:
            await self._cache.set(f"{key}:until", self._clock().timestamp() + wait, ttl_seconds=wait)


def _too_many(wait: float) -> TooManyRequestsError:
    return TooManyRequestsError("Too many tries to sign in.", retry_after=wait)


def _key(limit: _Limit, value: str) -> str:
    # hashed: an address typed by anybody may be long, and need not be readable in Redis
    return f"login:{limit.name}:{hashlib.sha256(value.encode()).hexdigest()[:32]}"


def _network(address: str) -> str:
    """Return what one client can hardly change: the IPv4 address, or the first 64 bits of an IPv6 one (RFC 6177)."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
