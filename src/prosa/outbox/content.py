"""What is to be sent: as callers ask for it, as it is stored with the message, and as the engine takes it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from prosa.conversations.media import MediaFacts, MediaState
from prosa.whatsapp.engine import Content, MediaContent, MediaInfo, MessageType, Quote, TextContent, Uploaded

QUOTE_LENGTH = 300
"""Characters of a quoted message that travel with the answer; phones show about two lines."""


@dataclass(frozen=True, slots=True)
class OutboundText:
    """A text to send."""

    text: str

    @property
    def type(self) -> MessageType:
        """The message's type."""
        return MessageType.TEXT

    @property
    def body(self) -> str:
        """The message's text."""
        return self.text

    @property
    def media(self) -> MediaFacts | None:
        """No file."""
        return None


@dataclass(frozen=True, slots=True)
class OutboundMedia:
    """A file to send, already in the media directory.

    Attributes:
        type: What it is shown as.
        place: Where it is, below the media directory.
        info: What is said of it.
        caption: Text with it.
    """

    type: MessageType
    place: str
    info: MediaInfo
    caption: str = ""

    @property
    def body(self) -> str:
        """The message's text."""
        return self.caption

    @property
    def media(self) -> MediaFacts | None:
        """The file."""
        return MediaFacts(state=MediaState.READY, path=self.place, **asdict(self.info))


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A text or file as it was stored before.

    Attributes:
        stored_type: The message's type.
        body: Its text or caption.
        stored_media: Its file.
    """

    stored_type: str
    body: str
    stored_media: Mapping[str, Any] | None = None

    @property
    def type(self) -> MessageType:
        """The message's type."""
        return MessageType(self.stored_type)

    @property
    def media(self) -> MediaFacts | None:
        """The file."""
        return MediaFacts.model_validate(self.stored_media) if self.stored_media else None


Outbound: TypeAlias = OutboundText | OutboundMedia | StoredContent


@dataclass(frozen=True, slots=True)
class Instructions:
    """What is stored with an outbound message beside its text and file (`Message.payload`).

    Attributes:
        quote: The message it answers to.
        resolve: A phone number that nobody has asked WhatsApp about yet ("+5511…"); the sender asks before it sends.
        fingerprint: Of the request that made it, to tell a repeat from another request under the same key.
        uploaded: What an upload answered, so that a later try need not upload again.
        after: Of a later message of an answer: the answer's first; if one of them fails, those behind it are cancelled.
        reminder: The AI set it, to be sent later; a contact that wants no AI does not get it.
    """

    quote: Quote | None = None
    resolve: str | None = None
    fingerprint: str | None = None
    uploaded: Uploaded | None = None
    after: str | None = None
    reminder: bool | None = None

    def stored(self) -> dict[str, Any] | None:
        """Return the JSON to store."""
        if self == _NOTHING:
            return None
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def read(cls, payload: Mapping[str, Any] | None) -> "Instructions":
        """Read the stored JSON."""
        values = payload or {}
        return cls(
            quote=Quote(**values["quote"]) if values.get("quote") else None,
            resolve=values.get("resolve"),
            fingerprint=values.get("fingerprint"),
            uploaded=Uploaded(**values["uploaded"]) if values.get("uploaded") else None,
            after=values.get("after"),
            reminder=values.get("reminder"),
        )


_NOTHING = Instructions()


def engine_content(type_: str, body: str, media: Mapping[str, Any] | None, instructions: Instructions) -> Content:
    """Return a stored message in the engine's form.

    Raises:
        ValueError: It is a file that was not uploaded.
    """
    if media is None:
        return TextContent(body, quote=instructions.quote)
    if instructions.uploaded is None:
        raise ValueError("a file is uploaded before its message is sent")
    return MediaContent(
        type=MessageType(type_),
        uploaded=instructions.uploaded,
        info=MediaFacts.model_validate(media).info(),
        caption=body,
        quote=instructions.quote,
    )
