"""What the phone sends by itself: the greeting of its WhatsApp Business app, recognised by how it comes.

WhatsApp does not mark it: neither the stanza nor waE2E.Message has a field for it. But the app sends it only to the
first message of a chat that was silent for 14 days (faq.whatsapp.com, "About greeting messages"), and at once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

GREETING_SECONDS = 5.0
SILENT_DAYS = 14
SHORTEST = 20
"""Characters that nobody reads up to, thinks of and types in five seconds."""


def looks_like_greeting(body: str, written_at: datetime, others: Sequence[datetime]) -> bool:
    """Return whether a text from the phone is the app's greeting, not a person's message.

    Args:
        body: The text.
        written_at: WhatsApp's time of it.
        others: The times of the chat's last messages, in any order.
    """
    if len(body.strip()) < SHORTEST:
        return False
    begun = written_at - timedelta(seconds=GREETING_SECONDS)
    silent = written_at - timedelta(days=SILENT_DAYS)
    return any(time >= begun for time in others) and all(time >= begun or time <= silent for time in others)


def typed_by_nobody(body: str, after: timedelta) -> bool:
    """Return whether a text from the phone came sooner after a contact's message than anybody reads and types.

    Such as the app's away message in a chat that is not new: enough not to learn from it, not to call it automatic.
    """
    return len(body.strip()) >= SHORTEST and abs(after.total_seconds()) <= GREETING_SECONDS
