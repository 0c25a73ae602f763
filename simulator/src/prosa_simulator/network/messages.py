"""What went over the network: one record per message, to judge delivery and duplicates by."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from prosa_simulator.network.jid import JID


@dataclass(slots=True)
class MessageRecord:
    """One message, as the server saw it (the content is encrypted)."""

    id: str
    sender: JID
    """The sending device's phone-number address."""
    recipient: JID
    """The address the sender used."""
    kind: str
    time: float = field(default_factory=time.time)
    """When it first came, Unix seconds."""
    sends: int = 0
    """How often the sender sent this id with recipients (more than 1: it tried again)."""
    deliveries: dict[JID, int] = field(default_factory=dict)
    """How often it was written to each device's connection."""
    receipts: dict[JID, list[str]] = field(default_factory=dict)
    """The receipt types each device sent for it (delivered is ``""``), in order."""

    @property
    def devices(self) -> list[JID]:
        """The devices it was written to, by phone-number address."""
        return list(self.deliveries)

    def received(self, kind: str = "") -> bool:
        """Whether any device sent a receipt of this type."""
        return any(kind in kinds for kinds in self.receipts.values())


class MessageLog:
    """The newest messages, by id, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._records: OrderedDict[str, MessageRecord] = OrderedDict()
        self.total = 0
        """How many different messages were recorded, forgotten ones included."""

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[MessageRecord]:
        return iter(self._records.values())

    def get(self, number: str) -> MessageRecord | None:
        """Find a message by its id."""
        return self._records.get(number)

    def record(self, number: str, sender: JID, recipient: JID, kind: str) -> MessageRecord:
        """Find or add a message."""
        found = self._records.get(number)
        if found is None:
            found = self._records[number] = MessageRecord(number, sender, recipient, kind)
            self.total += 1
            if len(self._records) > self._limit:
                self._records.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget all of them."""
        self._records.clear()
