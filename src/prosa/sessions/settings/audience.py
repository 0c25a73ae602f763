"""Whom the AI answers."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from prosa.sessions.settings.base import Group

_PHONE = re.compile(r"\*?[0-9]{1,15}\*?")
_JID = re.compile(r"\*?[^\s@*\x00]{0,60}\*?@(?:\*|[a-z.]{1,20})")
_PUNCTUATION = str.maketrans("", "", " +-().\u00a0\u2011")


def _pattern(value: str) -> str:
    """Return a pattern in the form that is compared: digits of a phone number, or an address in small letters."""
    text = value.strip().lower()
    if "@" not in text:
        text = text.translate(_PUNCTUATION)
    if not (_PHONE.fullmatch(text) or _JID.fullmatch(text)):
        raise PydanticCustomError(
            "contact_pattern",
            "must be a phone number with country code (+5511999990001), its beginning or ending with * (5511*, *0001), "
            "or a WhatsApp address (120363000000000001@g.us, *@g.us)",
        )
    return text


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_pattern)]


class AudienceSettings(Group):
    """Settings of who is answered."""

    groups: Literal["off", "on", "mentioned"] = Field(
        "off",
        description="Whether groups are answered: off; on: every message; mentioned: only messages that mention this "
        "number or quote one of its messages. Answers in groups quote the message they answer.",
    )
    ignored: tuple[Pattern, ...] = Field(
        (),
        max_length=1000,
        description="Contacts and groups that are never answered: phone numbers or WhatsApp addresses, where * at the "
        "beginning or end stands for anything. Brazilian mobile numbers match with and without the ninth digit.",
        examples=[["+55 11 99999-0001", "5521*", "120363000000000001@g.us"]],
    )
