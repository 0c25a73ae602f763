"""Who is answered: the list of those who are not, and which messages of groups are meant for us."""

from collections.abc import Sequence

from prosa.sessions.facts import SessionFacts
from prosa.whatsapp import jid
from prosa.whatsapp.engine import InboundMessage

_BRAZIL = "55"
_MOBILE = "6789"
"""First digits of the eight-digit mobile numbers that became nine-digit ones by a 9 in front (Anatel,
Resolution 553)."""


def is_ignored(patterns: Sequence[str], addresses: Sequence[str | None]) -> bool:
    """Return whether one of the addresses of a contact or group is on the list.

    Args:
        patterns: As `AudienceSettings.ignored` keeps them.
        addresses: JIDs: the phone number's, the LID, the group's; None where unknown.
    """
    if not patterns:
        return False
    known = [address.lower() for address in addresses if address]
    phones = [form for address in known if (phone := jid.phone(address)) for form in phone_forms(phone)]
    forms = known + [f"{phone}@{jid.USER_SERVER}" for phone in phones]
    return any(any(_matches(pattern, text) for text in (forms if "@" in pattern else phones)) for pattern in patterns)


def phone_forms(digits: str) -> list[str]:
    """Return a phone number in the forms it may be known by: Brazilian mobile ones with and without the ninth digit.

    For comparing only: under which form WhatsApp knows a number is for WhatsApp to say.
    """
    if digits.startswith(_BRAZIL):
        area, number = digits[2:4], digits[4:]
        if len(number) == 9 and number[0] == "9" and number[1] in _MOBILE:
            return [digits, f"{_BRAZIL}{area}{number[1:]}"]
        if len(number) == 8 and number[0] in _MOBILE:
            return [digits, f"{_BRAZIL}{area}9{number}"]
    return [digits]


def speaks_to(session: SessionFacts, message: InboundMessage) -> bool:
    """Return whether a group's message says by itself that it is meant for the number: it mentions or quotes it."""
    own = {jid.bare(address) for address in (session.jid, session.lid) if address}
    return any(jid.bare(address) in own for address in (*message.mentions, message.quoted_sender) if address)


def _matches(pattern: str, text: str) -> bool:
    user, at, server = pattern.partition("@")
    if at:
        text_user, _, text_server = text.partition("@")
        return server in {"*", text_server} and _matches(user, text_user)
    begins, ends = user.endswith("*"), user.startswith("*")
    middle = user.strip("*")
    if begins and ends:
        return middle in text
    if begins:
        return text.startswith(middle)
    if ends:
        return text.endswith(middle)
    return text == user
