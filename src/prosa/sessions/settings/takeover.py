"""When a person takes a conversation over, and how a contact stops and resumes the AI."""

from typing import Annotated

from pydantic import Field

from prosa.sessions.settings.base import FixedText, Group, Minutes, Phrase


class TakeoverSettings(Group):
    """Settings of takeover."""

    pause_minutes_after_person: Minutes = Field(
        60,
        description="After a person's message (console, API or the linked phone) the AI is silent in that conversation "
        "for so long, counted anew with each; 0: only the messages that the person answered are left alone.",
    )
    stop_keywords: tuple[Phrase, ...] = Field(
        (),
        max_length=50,
        description="A contact's whole message that stops the AI in that conversation; case and accents do not matter.",
        examples=[["#stop", "atendente"]],
    )
    stop_minutes: Annotated[int, Field(ge=1, le=525_600)] | None = Field(
        None, description="For how long a stop keyword stops the AI; null: until somebody resumes it."
    )
    stop_reply: FixedText | None = Field(
        None,
        description="Sent after a stop keyword; null: nothing is sent.",
        examples=["Understood, a person will answer you."],
    )
    resume_keywords: tuple[Phrase, ...] = Field(
        (),
        max_length=50,
        description="A contact's whole message that takes back its own stop, and no pause of a person's. Where the "
        "contact has stopped nothing it is a message like any other.",
        examples=[["#bot"]],
    )
    resume_reply: FixedText | None = Field(
        None,
        description="Sent after a resume keyword; null: the AI answers the keyword itself.",
        examples=["I am back. How can I help?"],
    )
    phone_autoreplies: tuple[Phrase, ...] = Field(
        (),
        max_length=50,
        description="Texts that the phone's WhatsApp Business app sends by itself (greeting, away message), word for "
        "word; one may end in * for any ending. They count as nobody's answer: WhatsApp does not mark them.",
        examples=[["Thank you for your message! We will be with you soon."]],
    )
    detect_phone_greeting: bool = Field(
        default=True,
        description="Recognise the WhatsApp Business greeting without its text: a text of 20 characters or more from "
        "the phone, within 5 seconds of the first message in a chat that was silent for 14 days.",
    )
