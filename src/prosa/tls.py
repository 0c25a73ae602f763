"""Which certificates servers are checked against: read once, for all connections that Prosa makes.

Each client that is left to itself reads them again: 35 ms of the event loop's time and 0.9 MiB, and Google's client
does so twice for every key (measured with Debian's 140 certificates, OpenSSL 3.0).
"""

import ssl
from functools import cache


@cache
def trusted() -> ssl.SSLContext:
    """Return what TLS connections are made with: the system's certificates, or those that SSL_CERT_FILE names."""
    import httpx2  # noqa: PLC0415 - a third of a second that most installations never need

    return httpx2.create_ssl_context()
