"""How people are named in requests and answers: by the digits of their phone number."""

from typing import Annotated

from pydantic import AfterValidator

from prosa.whatsapp import jid
from prosa_simulator.network import Network
from prosa_simulator.network.jid import parse_jid


def _person(text: str) -> str:
    if "@" not in text:
        return jid.from_phone(text)
    if not jid.kind(text).is_person or not jid.Jid.parse(text).user.isdecimal():
        raise ValueError("not a person's address")
    return jid.bare(text)


def _chat(text: str) -> str:
    return jid.bare(text) if jid.kind(text) is jid.JidKind.GROUP else _person(text)


def _digits(text: str) -> str:
    return jid.from_phone(text).partition("@")[0]


Person = Annotated[str, AfterValidator(_person)]
"""A phone number or a person's JID; read as a bare JID."""
Chat = Annotated[str, AfterValidator(_chat)]
"""A person as above, or a group's JID."""
Number = Annotated[str, AfterValidator(_digits)]
"""A phone number; read as its digits."""


def number_of(network: Network, address: str) -> str:
    """Return the digits of the person with this address (phone number or LID); the address where nobody has it."""
    try:
        account = network.accounts.find(parse_jid(address))
    except ValueError:
        return address
    return account.phone if account else jid.phone(address) or address
