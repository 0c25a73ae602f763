"""Faults by name: what each takes, and what it does to the network."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from prosa_simulator.control.addresses import Number
from prosa_simulator.loopback import Body
from prosa_simulator.network import Network
from prosa_simulator.network.faults import TEMPORARY_BAN, Fault

Json = dict[str, Any]
Status = Annotated[int, Field(ge=400, le=599)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class FaultBody(Body, ABC):
    """One kind of fault; the class's text is its description, the fields are its parameters."""

    name: ClassVar[str]
    phone: Number | None = None

    @abstractmethod
    async def apply(self, network: Network) -> Json:
        """Set it, or do it; returns what is worth telling."""


class _Repeated(FaultBody):
    times: Annotated[int, Field(ge=1)] | None = None


class Drop(FaultBody):
    """Cut TCP connections without a word."""

    name = "drop"

    async def apply(self, network: Network) -> Json:  # noqa: D102 - as in the base
        return {"connections": network.faults.drop(self.phone)}


class StreamError(FaultBody):
    """Send a stream error (515 restart, 503 unavailable, …) and close."""

    name = "stream_error"
    code: Status

    async def apply(self, network: Network) -> Json:  # noqa: D102
        return {"connections": network.faults.stream_error(self.code, phone=self.phone)}


class Replaced(FaultBody):
    """Tell clients that another connection took their place."""

    name = "replaced"

    async def apply(self, network: Network) -> Json:  # noqa: D102
        return {"connections": network.faults.replaced(self.phone)}


class Ban(FaultBody):
    """Ban an account: its connections end, its logins fail until cleared; the client is told `expire` seconds."""

    name = "ban"
    phone: Number
    code: Annotated[int, Field(ge=1, le=999)] = 101
    expire: Annotated[int, Field(ge=1, le=10**8)] = 3600

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.ban(self.phone, code=self.code, expire=self.expire)
        return {}


class RefuseLogin(_Repeated):
    """Refuse logins with a reason: 401 logged out, 403 locked, 405 client outdated, 503, …; 402 takes code, expire."""

    name = "refuse_login"
    reason: Status
    code: Annotated[int, Field(ge=1, le=999)] | None = None
    expire: Annotated[int, Field(ge=1, le=10**8)] | None = None

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.refuse_login(self.reason, phone=self.phone, code=self.code, expire=self.expire, times=self.times)
        return {}


class WithholdAcks(_Repeated):
    """Do not acknowledge messages that an account sends; with `deliver` false they are also lost."""

    name = "withhold_acks"
    deliver: bool = True

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.withhold_acks(self.phone, times=self.times, deliver=self.deliver)
        return {}


class DelayAcks(_Repeated):
    """Deliver messages that an account sends at once, but acknowledge them `seconds` later."""

    name = "delay_acks"
    seconds: Seconds

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.delay_acks(self.seconds, self.phone, times=self.times)
        return {}


class RefuseMessages(_Repeated):
    """Acknowledge an account's messages with an error (463, 479, …) and do not deliver them."""

    name = "refuse_messages"
    error: Status

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.refuse_messages(self.error, self.phone, times=self.times)
        return {}


class DelayDeliveries(_Repeated):
    """Deliver messages to an account `seconds` later."""

    name = "delay_deliveries"
    seconds: Seconds

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.delay_deliveries(self.seconds, self.phone, times=self.times)
        return {}


class DuplicateDeliveries(_Repeated):
    """Deliver messages to an account twice."""

    name = "duplicate_deliveries"

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.duplicate_deliveries(self.phone, times=self.times)
        return {}


class ReorderDeliveries(FaultBody):
    """Hold the next `count` messages to an account, then deliver them newest first."""

    name = "reorder_deliveries"
    count: Annotated[int, Field(ge=2, le=1000)]

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.reorder_deliveries(self.count, self.phone)
        return {}


class CorruptDeliveries(_Repeated):
    """Change a byte of messages to an account, so that they do not decrypt; once unless `times` says otherwise."""

    name = "corrupt_deliveries"
    times: Annotated[int, Field(ge=1)] | None = 1

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.corrupt_deliveries(self.phone, times=self.times)
        return {}


class IgnoreReceipts(_Repeated):
    """Neither acknowledge nor pass on receipts that an account sends."""

    name = "ignore_receipts"

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.ignore_receipts(self.phone, times=self.times)
        return {}


class IgnoreRequests(_Repeated):
    """Leave an account's iqs of one namespace (`w:p` is the keepalive) without an answer."""

    name = "ignore_requests"
    xmlns: Annotated[str, Field(min_length=1, max_length=100)]

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.ignore_requests(self.xmlns, self.phone, times=self.times)
        return {}


class _EverybodysFault(Body, ABC):
    """One kind of fault that is not of one account."""

    name: ClassVar[str]

    @abstractmethod
    async def apply(self, network: Network) -> Json:
        """Set it, or do it; returns what is worth telling."""


class FailMedia(_EverybodysFault):
    """Answer media uploads and downloads with an HTTP status; once unless `times` says otherwise."""

    name = "fail_media"
    status: Status
    times: Annotated[int, Field(ge=1)] | None = 1

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.fail_media(self.status, times=self.times)
        return {}


class QrRefs(_EverybodysFault):
    """Offer new connections this many QR codes; the last of fewer than six lasts 20 s."""

    name = "qr_refs"
    count: Annotated[int, Field(ge=1, le=6)]

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.faults.qr_refs = self.count
        return {}


class ExpireCodes(_EverybodysFault):
    """Make all QR codes that are shown now expire."""

    name = "expire_codes"

    async def apply(self, network: Network) -> Json:  # noqa: D102
        network.expire_codes()
        return {}


class Restart(_EverybodysFault):
    """Stop the network, wait `seconds`, start it again on the same ports; answers when it is back."""

    name = "restart"
    seconds: Annotated[float, Field(ge=0, le=60)] = 0.0

    async def apply(self, network: Network) -> Json:  # noqa: D102
        await network.restart(pause=self.seconds)
        return {}


AnyFault = FaultBody | _EverybodysFault

KINDS: Final[dict[str, type[AnyFault]]] = {
    kind.name: kind
    for kind in (
        Drop, StreamError, Replaced, Ban, RefuseLogin, WithholdAcks, DelayAcks, RefuseMessages,
        DelayDeliveries, DuplicateDeliveries, ReorderDeliveries, CorruptDeliveries, IgnoreReceipts, IgnoreRequests,
        FailMedia, QrRefs, ExpireCodes, Restart,
    )
}  # fmt: skip
"""Every fault by its name in the path."""

_NAMES: Final = {
    "login": ("refuse_login", "reason"),
    "ack": ("withhold_acks", None),
    "lose": ("withhold_acks", None),
    "late ack": ("delay_acks", None),
    "refuse": ("refuse_messages", "error"),
    "delay": ("delay_deliveries", None),
    "duplicate": ("duplicate_deliveries", None),
    "reorder": ("reorder_deliveries", None),
    "corrupt": ("corrupt_deliveries", None),
    "receipt": ("ignore_receipts", None),
    "media": ("fail_media", "status"),
}
"""The network's word for a waiting fault: its name here, and what its number means."""


def describe(fault: Fault) -> Json:
    """Return a waiting fault: its name, whom it strikes (null: all), how often still (null: until cleared), details."""
    kind, _, xmlns = fault.kind.partition(" ")
    name, number = ("ignore_requests", None) if kind == "iq" else _NAMES[fault.kind]
    shown: Json = {"fault": name, "phone": fault.phone, "left": fault.left}
    if number is not None:
        shown[number] = fault.number
    if kind == "iq":
        shown["xmlns"] = xmlns
    if kind in {"ack", "lose"}:
        shown["deliver"] = kind == "ack"
    if fault.kind in {"delay", "late ack"}:
        shown["seconds"] = fault.seconds
    if kind == "login" and fault.number == TEMPORARY_BAN:
        shown |= {key: int(value) for key, value in fault.attrs.items()}
    return shown


def manual() -> Json:
    """Return each fault's description and parameters, for the index."""
    return {
        name: {
            "does": (kind.__doc__ or "").strip(),
            "takes": {
                field: "required" if info.is_required() else info.default for field, info in kind.model_fields.items()
            },
        }
        for name, kind in KINDS.items()
    }
