"""Faults on demand: what a real network does at its worst, one method each.

A fault applies to one account (``phone``: its digits) or to all (``phone=None``), for a number of ``times`` or until
:meth:`Faults.clear`. Methods that cut or end a connection act at once; the others wait for their occasion.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from prosa_simulator.network.node import Node

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection

TEMPORARY_BAN: Final = 402


@dataclass(slots=True)
class Fault:
    """One waiting fault."""

    kind: str
    phone: str | None
    left: int | None
    number: int = 0
    seconds: float = 0.0
    attrs: dict[str, str] = field(default_factory=dict)
    held: list[tuple["Connection", Node]] = field(default_factory=list)


class Faults:
    """The faults of one network."""

    def __init__(self, connections: Callable[[], Iterable["Connection"]]) -> None:
        self._connections = connections
        self._waiting: list[Fault] = []
        self.qr_refs = 6
        """How many QR codes a new connection is offered; the last of fewer than six lasts 20 s."""

    # At once

    def drop(self, phone: str | None = None) -> int:
        """Cut the TCP connections without a word; returns how many."""
        return self._each(phone, lambda connection: connection.drop())

    def stream_error(self, code: int, *, phone: str | None = None) -> int:
        """Send a stream error (515 restart, 503 unavailable, …) and close 0.3 s later; returns to how many."""
        return self._each(phone, lambda connection: connection.stream_error(code))

    def replaced(self, phone: str | None = None) -> int:
        """Tell clients that another connection took their place; returns how many."""
        return self._each(phone, lambda connection: connection.stream_error(None, "replaced"))

    def ban(self, phone: str, *, code: int = 101, expire: int = 3600) -> None:
        """Ban an account for a time: its connections end and its logins fail until :meth:`clear`.

        Args:
            phone: the account's digits.
            code: why, as in whatsmeow ``types/events/events.go`` (TempBanReason; 101: sent to too many people).
            expire: seconds the ban lasts, as told to the client.
        """
        self.refuse_login(TEMPORARY_BAN, phone=phone, code=code, expire=expire)
        self.stream_error(503, phone=phone)

    # On the next occasion

    def refuse_login(
        self,
        reason: int,
        *,
        phone: str | None = None,
        code: int | None = None,
        expire: int | None = None,
        times: int | None = None,
    ) -> None:
        """Refuse logins, and with no phone named also new links, with a reason.

        Args:
            reason: 400, 401 (logged out), 402 (temporary ban), 403 (locked), 405 (client outdated), 503 and so on.
            phone: one account's digits, or all.
            code: the ban's code, with 402.
            expire: the ban's seconds, with 402.
            times: how many logins; all when not given.
        """
        attrs = {name: str(value) for name, value in (("code", code), ("expire", expire)) if value is not None}
        self._waiting.append(Fault("login", phone, times, number=reason, attrs=attrs))

    def withhold_acks(self, phone: str | None = None, *, times: int | None = None, deliver: bool = True) -> None:
        """Do not acknowledge messages sent by an account; with ``deliver=False`` they are also lost."""
        self._waiting.append(Fault("ack" if deliver else "lose", phone, times))

    def delay_acks(self, seconds: float, phone: str | None = None, *, times: int | None = None) -> None:
        """Deliver messages sent by an account at once, but acknowledge them later."""
        self._waiting.append(Fault("late ack", phone, times, seconds=seconds))

    def refuse_messages(self, error: int, phone: str | None = None, *, times: int | None = None) -> None:
        """Acknowledge an account's messages with an error code (463, 479, …) and do not deliver them."""
        self._waiting.append(Fault("refuse", phone, times, number=error))

    def delay_deliveries(self, seconds: float, phone: str | None = None, *, times: int | None = None) -> None:
        """Deliver messages to an account later."""
        self._waiting.append(Fault("delay", phone, times, seconds=seconds))

    def duplicate_deliveries(self, phone: str | None = None, *, times: int | None = None) -> None:
        """Deliver messages to an account twice, byte for byte the same."""
        self._waiting.append(Fault("duplicate", phone, times))

    def reorder_deliveries(self, count: int, phone: str | None = None) -> None:
        """Hold the next ``count`` messages to an account, then deliver them newest first."""
        self._waiting.append(Fault("reorder", phone, count))

    def corrupt_deliveries(self, phone: str | None = None, *, times: int | None = 1) -> None:
        """Change a byte of the ciphertext of messages to an account, so that they do not decrypt."""
        self._waiting.append(Fault("corrupt", phone, times))

    def ignore_receipts(self, phone: str | None = None, *, times: int | None = None) -> None:
        """Neither acknowledge nor pass on receipts sent by an account; its messages come again at the next login."""
        self._waiting.append(Fault("receipt", phone, times))

    def ignore_requests(self, xmlns: str, phone: str | None = None, *, times: int | None = None) -> None:
        """Leave an account's iqs of one namespace (such as ``w:p``, the keepalive) without an answer."""
        self._waiting.append(Fault(f"iq {xmlns}", phone, times))

    def fail_media(self, status: int, *, times: int | None = 1) -> None:
        """Answer media uploads and downloads with an HTTP status."""
        self._waiting.append(Fault("media", None, times, number=status))

    def clear(self, phone: str | None = None) -> None:
        """Forget the waiting faults, of one account or all; held messages are delivered."""
        for fault in self._waiting:
            if phone is None or fault.phone == phone:
                self._release(fault)
                fault.left = 0
        self._waiting = [fault for fault in self._waiting if fault.left != 0]
        if phone is None:
            self.qr_refs = 6

    # For the network's own parts

    def take(self, kind: str, phone: str | None) -> Fault | None:
        """Return the fault that applies now, using it up once."""
        for fault in self._waiting:
            if fault.kind == kind and fault.phone in (None, phone):
                if fault.left is not None:
                    fault.left -= 1
                    if fault.left <= 0:
                        self._waiting.remove(fault)
                return fault
        return None

    @property
    def waiting(self) -> list[Fault]:
        """The faults that wait for their occasion, oldest first."""
        return list(self._waiting)

    @property
    def any(self) -> bool:
        """Whether any fault waits."""
        return bool(self._waiting)

    def hold(self, fault: Fault, connection: "Connection", stanza: Node) -> None:
        """Keep a message back for reordering; the last one releases them all."""
        fault.held.append((connection, stanza))
        if fault.left is not None and fault.left <= 0:
            self._release(fault)

    @staticmethod
    def _release(fault: Fault) -> None:
        held, fault.held = fault.held, []
        for connection, stanza in reversed(held):
            connection.post(stanza)

    def _each(self, phone: str | None, act: "Callable[[Connection], None]") -> int:
        chosen = [
            connection
            for connection in self._connections()
            if phone is None or (connection.device is not None and connection.device.account.phone == phone)
        ]
        for connection in chosen:
            act(connection)
        return len(chosen)
