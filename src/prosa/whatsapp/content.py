"""What a received `waE2E.Message` (protobuf JSON) says: its type, text, media and what it refers to.

Field names are those of whatsmeow's waE2E/WAWebProtobufsE2E.proto. Senders can put anything into a message, so every
field is read with care and nothing here raises.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from prosa.whatsapp import content_media, content_text, jid
from prosa.whatsapp.engine import Json, Location, MediaInfo, MessageType
from prosa.whatsapp.protojson import flag, integer, items, obj, string

_DEPTH = 8
"""How many wrappers around wrappers are opened; real messages have at most three."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The meaning of one message's content; attributes as in `InboundMessage`."""

    type: MessageType
    body: str = ""
    media: MediaInfo | None = None
    location: Location | None = None
    quoted_wa_id: str | None = None
    quoted_text: str | None = None
    quoted_sender: str | None = None
    mentions: tuple[str, ...] = ()
    edits: str | None = None
    revokes: str | None = None
    reacts_to: str | None = None


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A message without its wrappers, and what they said."""

    message: Json
    view_once: bool = False
    ephemeral: bool = False
    destination: str = ""


# Messages around a message, as FutureProofMessage{message}. whatsmeow opens the first group itself (types/events,
# UnwrapRaw); the others hold a plain message that phones show as such.
_WRAPPERS = frozenset(
    {
        "botInvokeMessage", "ephemeralMessage", "viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension",
        "lottieStickerMessage", "documentWithCaptionMessage", "editedMessage",
        "groupMentionedMessage", "associatedChildMessage", "pollCreationMessageV4", "questionMessage",
        "questionReplyMessage", "botForwardedMessage", "botTaskMessage", "spoilerMessage",
    }
)  # fmt: skip
_VIEW_ONCE = frozenset({"viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension"})

_BESIDES = frozenset(
    {"messageContextInfo", "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage"}
)
"""What travels with a message and says nothing to a person."""

_SILENT = frozenset(
    {"albumMessage", "stickerSyncRmrMessage", "messageHistoryBundle", "messageHistoryNotice", "groupRootKeyShare",
     "rootSecretDistributeMessage", "statusLinkPreviewMetadata", "limitSharingMessage"}
)  # fmt: skip
"""Messages that phones do not show. An album only announces pictures, which follow as messages of their own."""


def unwrap(message: Json) -> Unwrapped:
    """Open every wrapper around a message."""
    result = Unwrapped(message)
    context = obj(message, "messageContextInfo")
    for _ in range(_DEPTH):
        sent = obj(result.message, "deviceSentMessage")
        if inner := obj(sent, "message"):
            result = replace(result, message=inner, destination=string(sent, "destinationJID"))
            continue
        name = next((key for key in result.message if key in _WRAPPERS and obj(result.message, key, "message")), None)
        if name is None:
            break
        result = Unwrapped(
            obj(result.message, name, "message"),
            result.view_once or name in _VIEW_ONCE,
            result.ephemeral or name == "ephemeralMessage",
            result.destination,
        )
    if context and not obj(result.message, "messageContextInfo") and result.message is not message:
        result = replace(result, message=result.message | {"messageContextInfo": context})
    return result


def parse(message: Json, *, quoted: bool = False) -> Parsed | None:
    """Say what an unwrapped message is.

    Args:
        message: Without wrappers.
        quoted: It is the message that another one quotes: what it quotes itself is not read.

    Returns:
        None for what no person is meant to see: keys, synchronisation, announcements.
    """
    names = [name for name in message if name not in _BESIDES]
    if not names:
        # Only keys are nothing. Nothing at all is a message of a kind so new that the bridge dropped it as unknown.
        keys = _BESIDES - {"messageContextInfo"}
        return None if any(name in keys for name in message) else _unknown("of a new kind")
    for name in names:
        if name in _SILENT:
            return None
        if name == "protocolMessage":
            return _protocol(obj(message, name))
        if reader := _READERS.get(name):
            found = reader(_content(message, name))
            return found if quoted else _with_context(found, _content(message, name))
    return _unknown(names[0])


def _content(message: Json, name: str) -> Json:
    value = message.get(name)
    return {"text": value} if name == "conversation" else value if isinstance(value, dict) else {}


def _with_context(found: Parsed, content: Json) -> Parsed:
    """Add what the message quotes and mentions (ContextInfo)."""
    context = obj(content, "contextInfo")
    if not context:
        return found
    mentions = tuple(jid.bare(m) for m in items(context, "mentionedJID") if isinstance(m, str) and m)
    quoted_id = string(context, "stanzaID") or found.quoted_wa_id
    before = parse(unwrap(obj(context, "quotedMessage")).message, quoted=True) if quoted_id else None
    text = before.body if before is not None and before.type is not MessageType.UNKNOWN else ""
    sender = jid.bare(string(context, "participant")) if quoted_id else ""
    return replace(
        found, quoted_wa_id=quoted_id or None, quoted_text=text or None, quoted_sender=sender or None, mentions=mentions
    )


def _protocol(protocol: Json) -> Parsed | None:
    """Read a ProtocolMessage: revocations, edits, settings; everything else is between devices."""
    target = string(obj(protocol, "key"), "ID")
    match protocol.get("type", "REVOKE"):  # proto2: a type left out is the first, REVOKE
        case "REVOKE" if target:
            return Parsed(MessageType.SYSTEM, "Deleted a message", revokes=target)
        case "MESSAGE_EDIT" if target:
            new = unwrap(obj(protocol, "editedMessage")).message
            found = parse(new) if new else None
            return replace(found, edits=target) if found is not None else None
        case "EPHEMERAL_SETTING":
            return Parsed(MessageType.SYSTEM, content_text.timer(integer(protocol, "ephemeralExpiration") or 0))
        case _:
            return None


def _reaction(content: Json) -> Parsed:
    target = string(obj(content, "key"), "ID")
    return Parsed(MessageType.REACTION, string(content, "text"), reacts_to=target or None)


def _poll_update(content: Json) -> Parsed:
    target = string(obj(content, "pollCreationMessageKey"), "ID")
    return Parsed(MessageType.POLL, "Voted in a poll", quoted_wa_id=target or None)


def _comment(content: Json) -> Parsed:
    found = parse(unwrap(obj(content, "message")).message, quoted=True) or _unknown("commentMessage")
    return replace(found, quoted_wa_id=string(obj(content, "targetMessageKey"), "ID") or None)


def _unknown(kind: str) -> Parsed:
    return Parsed(MessageType.UNKNOWN, f"Unsupported message ({kind[:80]})")


Reader = Callable[[Json], Parsed]


def _media(
    type_: MessageType, default_mime: str, *, gif_key: str = "", voice_key: str = "", animated: bool = False
) -> Reader:
    def read(content: Json) -> Parsed:
        info = content_media.media_info(content, default_mime)
        moving = animated or flag(content, gif_key) or flag(content, "isLottie")
        info = replace(info, voice=flag(content, voice_key), animated=moving)
        return Parsed(type_, string(content, "caption"), media=info)

    return read


def _texts(type_: MessageType, read: Callable[[Json], str]) -> Reader:
    return lambda content: Parsed(type_, read(content))


def _place(content: Json) -> Parsed:
    found = content_media.location(content)
    return Parsed(MessageType.LOCATION, content_text.place(content), location=found)


_VIDEO = _media(MessageType.VIDEO, "video/mp4", gif_key="gifPlayback")
_POLL = _texts(MessageType.POLL, content_text.poll)

_READERS: Mapping[str, Reader] = {
    "conversation": _texts(MessageType.TEXT, lambda c: string(c, "text")),
    "extendedTextMessage": _texts(MessageType.TEXT, lambda c: string(c, "text")),
    "imageMessage": _media(MessageType.IMAGE, "image/jpeg"),
    "audioMessage": _media(MessageType.AUDIO, "audio/ogg", voice_key="PTT"),
    "videoMessage": _VIDEO,
    "ptvMessage": _VIDEO,
    "documentMessage": _media(MessageType.DOCUMENT, "application/octet-stream"),
    "stickerMessage": _media(MessageType.STICKER, "image/webp", gif_key="isAnimated"),
    "locationMessage": _place,
    "liveLocationMessage": _place,
    "contactMessage": _texts(MessageType.CONTACT, content_text.contact),
    "contactsArrayMessage": _texts(MessageType.CONTACT, content_text.contacts),
    "reactionMessage": _reaction,
    "pollCreationMessage": _POLL,
    "pollCreationMessageV2": _POLL,
    "pollCreationMessageV3": _POLL,
    "pollCreationMessageV5": _POLL,
    "pollCreationMessageV6": _POLL,
    "pollUpdateMessage": _poll_update,
    "commentMessage": _comment,
    "buttonsMessage": _texts(MessageType.TEXT, content_text.buttons),
    "listMessage": _texts(MessageType.TEXT, content_text.choices),
    "templateMessage": _texts(MessageType.TEXT, content_text.template),
    "highlyStructuredMessage": _texts(MessageType.TEXT, lambda c: content_text.template(obj(c, "hydratedHsm"))),
    "interactiveMessage": _texts(MessageType.TEXT, content_text.interactive),
    "buttonsResponseMessage": _texts(MessageType.TEXT, content_text.button_chosen),
    "listResponseMessage": _texts(MessageType.TEXT, content_text.row_chosen),
    "templateButtonReplyMessage": _texts(MessageType.TEXT, content_text.button_chosen),
    "interactiveResponseMessage": _texts(MessageType.TEXT, content_text.interactive_chosen),
    "groupInviteMessage": _texts(MessageType.TEXT, content_text.group_invite),
    "orderMessage": _texts(MessageType.TEXT, content_text.order),
    "productMessage": _texts(MessageType.TEXT, content_text.product),
    "eventMessage": _texts(MessageType.TEXT, content_text.event),
    "callLogMesssage": _texts(MessageType.SYSTEM, content_text.call),  # spelled so in the proto
    "scheduledCallCreationMessage": _texts(
        MessageType.SYSTEM, lambda c: content_text.lines("Scheduled a call", string(c, "title"))
    ),
    "pinInChatMessage": _texts(
        MessageType.SYSTEM, lambda c: "Unpinned a message" if c.get("type") == "UNPIN_FOR_ALL" else "Pinned a message"
    ),
    "keepInChatMessage": _texts(MessageType.SYSTEM, lambda _: "Changed whether a message is kept"),
    "requestPhoneNumberMessage": _texts(MessageType.SYSTEM, lambda _: "Asked for your phone number"),
}
