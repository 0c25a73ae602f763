"""Requests to addresses that people typed in: only to public ones, unless the installation allows others.

Every address that a name has is checked, and the connection goes to an address that was checked (`prosa.pinning`); so a
name that answers differently the second time (DNS rebinding) gains nothing. Redirects are not followed, and no proxy of
the environment is used.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from prosa.errors import FieldError, InvalidInputError

if TYPE_CHECKING:
    import httpx2

MAX_BYTES = 256 * 1024
NOT_PUBLIC = (
    "this address is not a public one, and this installation asks no others; "
    "whoever runs it can allow them by PROSA_OUTGOING_PRIVATE_ADDRESSES=true"
)
RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 5.0


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address: what was given for one of these goes to no other."""
    return "/".join(url.lower().split("/", 3)[:3])


class RefusedAddressError(Exception):
    """The address may not be asked; the text says why, for its owner."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What came back.

    Attributes:
        status: HTTP status.
        content_type: As the server says it.
        text: The body, as text; at most the size asked for.
        cut: There was more.
        headers: The answer's, their names in lower case.
    """

    status: int
    content_type: str
    text: str = field(repr=False)
    cut: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Rules:
    """Where requests may go.

    Attributes:
        private: Addresses that are not public may be asked too (this machine, the local network).
        hosts: Where not empty, only these, and what is below those that begin with a dot.
    """

    private: bool = False
    hosts: Collection[str] = ()

    def check_url(self, url: str) -> str:
        """Return the host of a URL that may be asked, as far as can be told without resolving it.

        Raises:
            RefusedAddressError: It may not.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            raise RefusedAddressError("this is not a URL") from None
        if parts.scheme not in {"http", "https"} or not host or port == 0:
            raise RefusedAddressError("a URL begins with https:// (or http://) and a host")
        if parts.username is not None or parts.password is not None:
            raise RefusedAddressError("no user name or password in the URL; use the secret header")
        if self.hosts and not any(host == name or (name[:1] == "." and host.endswith(name)) for name in self.hosts):
            raise RefusedAddressError(
                f"{host} is not among the hosts that this installation allows (PROSA_OUTGOING_HOSTS)"
            )
        literal = _literal(host)
        if literal is not None:
            self._check_address(literal)
        elif not self.private and (host == "localhost" or host.endswith(".localhost")):  # RFC 6761 §6.3
            raise RefusedAddressError(NOT_PUBLIC)
        return host

    def check_field(self, url: str, field: str, *, detail: str) -> None:
        """Make sure that an address that a person gave may be asked, as far as can be said without looking it up.

        Args:
            url: The address.
            field: Where it was given, as a path.
            detail: What cannot be done with it.

        Raises:
            InvalidInputError: It may not be asked.
        """
        try:
            self.check_url(url)
        except RefusedAddressError as error:
            raise InvalidInputError(detail, fields=[FieldError(field, str(error), "address_refused")]) from None

    def _check_address(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
        # is_global is false for private, loopback, link-local, reserved and shared addresses (RFC 6890).
        public = address.is_global and not address.is_multicast and (mapped is None or mapped.is_global)
        if not public and not self.private:
            raise RefusedAddressError(NOT_PUBLIC)

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, all of which may be asked; at least one.

        Raises:
            RefusedAddressError: One may not, or there is none.
        """
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):
            raise RefusedAddressError("the host's name could not be resolved") from None
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            self._check_address(ipaddress.ip_address(address.partition("%")[0]))
        if not addresses:
            raise RefusedAddressError("the host's name could not be resolved")
        return addresses


class Outgoing:
    """An HTTP client for such addresses; made at the first request, since most installations never make one."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._client: httpx2.AsyncClient | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = 10.0,
        max_bytes: int = MAX_BYTES,
    ) -> Reached:
        """Make one request.

        Args:
            method: GET or POST.
            url: Where to.
            params: More of the URL's query.
            json: The body; none where left out.
            content: The body, byte for byte, in place of `json`.
            headers: More headers.
            seconds: Longest wait for the whole answer.
            max_bytes: More of an answer is not read.

        Raises:
            RefusedAddressError: The address may not be asked.
            TimeoutError: It took too long.
            OSError: It could not be reached.
        """
        import httpx2  # noqa: PLC0415 - a third of a second that most installations never need

        from prosa.pinning import PinnedTransport  # noqa: PLC0415

        if self._client is None:
            transport = PinnedTransport(self.rules)
            self._client = httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)
        self.rules.check_url(url)
        target = httpx2.URL(url)
        if params:
            target = target.copy_merge_params(params)
        try:
            async with asyncio.timeout(seconds):
                request = self._client.build_request(
                    method,
                    target,
                    json=json,
                    content=content,
                    headers={"User-Agent": "prosa", **(headers or {}), "Host": target.netloc.decode("ascii")},
                    timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS),
                )
                response = await self._client.send(request, stream=True)
                try:
                    body, cut = await _body(response, max_bytes)
                finally:
                    await response.aclose()
        except httpx2.TimeoutException as error:
            raise TimeoutError("the address did not answer in time") from error
        except httpx2.HTTPError as error:
            raise OSError(f"the address could not be reached ({type(error).__name__})") from error
        text = body.decode(response.charset_encoding or "utf-8", "replace")
        told = response.headers
        return Reached(response.status_code, told.get("content-type", ""), text, cut, dict(told.items()))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()


async def _body(response: "httpx2.Response", most: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most:
            return bytes(body[:most]), True
    return bytes(body), False


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0])
    with suppress(OSError, ValueError):
        # 127.1, 0x7f000001, 2130706433 are no names but addresses to a resolver; inet_aton(3) ignores words behind them
        if host[:1].isdigit() and not any(character.isspace() for character in host):
            return ipaddress.IPv4Address(socket.inet_aton(host))
    return None
