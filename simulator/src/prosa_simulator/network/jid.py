"""WhatsApp addresses (JIDs).

A person has a phone-number address (``5511…@s.whatsapp.net``) and a hidden one (``1234…@lid``); each linked device
adds a number to either. Device 0 is the phone (whatsmeow ``types/jid.go``).
"""

from typing import Final, NamedTuple

PN_SERVER: Final = "s.whatsapp.net"
LID_SERVER: Final = "lid"
GROUP_SERVER: Final = "g.us"

DOMAINS: Final[dict[str, int]] = {PN_SERVER: 0, LID_SERVER: 1, "hosted": 128, "hosted.lid": 129}
"""The domain byte of a device address, by server."""

SERVERS: Final[dict[int, str]] = {number: server for server, number in DOMAINS.items()}


class JID(NamedTuple):
    """One address; an empty ``user`` means the server itself."""

    user: str
    server: str
    device: int = 0
    integrator: int = 0

    def __str__(self) -> str:
        """Return the usual text form, ``user:device@server``."""
        if not self.user:
            return self.server
        if self.device:
            return f"{self.user}:{self.device}@{self.server}"
        return f"{self.user}@{self.server}"

    @property
    def bare(self) -> "JID":
        """The person's address, without the device."""
        return JID(self.user, self.server)

    @property
    def is_person(self) -> bool:
        """Whether this is a phone-number or hidden address of a person."""
        return bool(self.user) and self.server in (PN_SERVER, LID_SERVER)


SERVER: Final = JID("", PN_SERVER)
"""The server's own address, the sender of most control stanzas."""


def parse_jid(text: str) -> JID:
    """Read the text form of an address.

    Raises:
        ValueError: the device is not a number.
    """
    user, separator, server = text.partition("@")
    if not separator:
        return JID("", text)
    name, _, device = user.partition(":")
    return JID(name.partition(".")[0] if device else name, server, int(device or 0))
