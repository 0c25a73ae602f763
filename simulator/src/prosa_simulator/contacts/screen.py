"""What a contact's phone shows: each message once, with its edits, revocation and reactions."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from prosa.whatsapp.engine import InboundMessage


@dataclass(slots=True)
class Shown:
    """One message on the screen."""

    wa_id: str
    chat: str
    sender: str
    body: str
    edited: bool = False
    revoked: bool = False
    reactions: dict[str, str] = field(default_factory=dict)
    """Who reacted (bare JID), and with which emoji."""


class Screen:
    """Keeps what arrived as a phone does: a message id that came before is not shown again.

    Attributes:
        received: Every message of others that is shown, in the order of arrival.
        changes: Every edit, revocation and reaction of others.
        copies: What this account wrote on another of its devices.
        resent: How often each message id came again after it was shown; for judging, no phone shows it.
    """

    def __init__(self) -> None:
        self.received: list[InboundMessage] = []
        self.changes: list[InboundMessage] = []
        self.copies: list[InboundMessage] = []
        self.resent: Counter[str] = Counter()
        self._shown: dict[str, Shown] = {}
        self._seen: set[tuple[str, str]] = set()

    def take(self, message: InboundMessage) -> bool:
        """Take what arrived; False where it came before."""
        key = message.sender, message.wa_id
        if key in self._seen:
            self.resent[message.wa_id] += 1
            return False
        self._seen.add(key)
        if message.edits or message.revokes or message.reacts_to:
            self._change(message)
            if not message.from_me:
                self.changes.append(message)
        else:
            (self.copies if message.from_me else self.received).append(message)
            self._shown[message.wa_id] = Shown(message.wa_id, message.chat, message.sender, message.body)
        return True

    def wrote(self, chat: str, own: str, wa_id: str, body: str) -> None:
        """Show what this contact sent itself."""
        self._shown[wa_id] = Shown(wa_id, chat, own, body)

    def shown(self, wa_id: str) -> Shown | None:
        """Return the message with this id, if it is on the screen."""
        return self._shown.get(wa_id)

    def __iter__(self) -> Iterator[Shown]:
        """Go through what is shown, written and received, in order."""
        return iter(list(self._shown.values()))

    def edit(self, wa_id: str, body: str) -> None:
        """Show a message's new text."""
        if target := self.shown(wa_id):
            target.edited, target.body = True, body

    def revoke(self, wa_id: str) -> None:
        """Show that a message was deleted."""
        if target := self.shown(wa_id):
            target.revoked, target.body = True, ""

    def react(self, wa_id: str, by: str, emoji: str) -> None:
        """Show somebody's reaction, or with an empty emoji none."""
        if target := self.shown(wa_id):
            if emoji:
                target.reactions[by] = emoji
            else:
                target.reactions.pop(by, None)

    def _change(self, change: InboundMessage) -> None:
        if change.reacts_to:
            self.react(change.reacts_to, change.sender, change.body)
        elif change.revokes:
            self.revoke(change.revokes)
        elif change.edits:
            self.edit(change.edits, change.body)
