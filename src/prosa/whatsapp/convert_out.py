"""What we send: our content → `waE2E.Message` in protobuf's JSON form.

Shapes follow what whatsmeow builds (send.go: BuildEdit, BuildRevoke, BuildReaction, BuildMessageKey) and the field
names of its waE2E/WAWebProtobufsE2E.proto.
"""

from collections.abc import Mapping
from typing import Any

from prosa.clock import to_millis, utc_now
from prosa.whatsapp import jid
from prosa.whatsapp.engine import (
    Content,
    EditContent,
    Json,
    LocationContent,
    MediaContent,
    MessageType,
    Quote,
    ReactionContent,
    RevokeContent,
    TextContent,
)

_MEDIA_KEYS = {
    MessageType.IMAGE: "imageMessage",
    MessageType.AUDIO: "audioMessage",
    MessageType.VIDEO: "videoMessage",
    MessageType.DOCUMENT: "documentMessage",
    MessageType.STICKER: "stickerMessage",
}
_CAPTIONED = {MessageType.IMAGE, MessageType.VIDEO, MessageType.DOCUMENT}


def outbound_message(to: str, content: Content) -> Json:
    """Return the message to hand to the bridge for sending `content` to the chat `to`.

    Raises:
        ValueError: A media content whose type is not a media type.
    """
    match content:
        case TextContent():
            return _text(content)
        case MediaContent():
            return _media(content)
        case LocationContent():
            place = {
                "degreesLatitude": content.location.latitude,
                "degreesLongitude": content.location.longitude,
                "name": content.location.name,
                "address": content.location.address,
                "contextInfo": _context(content.quote),
            }
            return {"locationMessage": _present(place)}
        case ReactionContent():
            return {
                "reactionMessage": {
                    "key": _key(
                        to, content.target_wa_id, from_me=content.target_from_me, participant=jid.bare(content.sender)
                    ),
                    "text": content.emoji,
                    "senderTimestampMS": _now(),
                }
            }
        case EditContent():
            edit = {
                "key": _key(to, content.target_wa_id, from_me=True),
                "type": "MESSAGE_EDIT",
                "editedMessage": {"conversation": content.text},
                "timestampMS": _now(),
            }
            return {"editedMessage": {"message": {"protocolMessage": edit}}}
        case RevokeContent():
            return {"protocolMessage": {"type": "REVOKE", "key": _key(to, content.target_wa_id, from_me=True)}}


def downloadable(payload: Mapping[str, Any]) -> Json:
    """Return the part of a received message that downloading its media needs.

    A round video ("ptv") is downloaded as the video it is: it has the same message type and media keys
    (waE2E proto: `optional VideoMessage ptvMessage`).
    """
    for key in (*_MEDIA_KEYS.values(), "ptvMessage"):
        if isinstance(payload.get(key), dict):
            return {"videoMessage" if key == "ptvMessage" else key: payload[key]}
    return dict(payload)


def _text(content: TextContent) -> Json:
    if content.quote is None and not content.mentions:
        return {"conversation": content.text}
    return {"extendedTextMessage": {"text": content.text, "contextInfo": _context(content.quote, content.mentions)}}


def _media(content: MediaContent) -> Json:
    if content.type not in _MEDIA_KEYS:
        raise ValueError(f"{content.type.value} is not a type of media")
    file, info = content.uploaded, content.info
    body: Json = {
        "URL": file.url,
        "directPath": file.direct_path,
        "mediaKey": file.media_key,
        "fileEncSHA256": file.file_enc_sha256,
        "fileSHA256": file.file_sha256,
        "fileLength": str(file.file_length),
        "mimetype": info.mime_type,
        "contextInfo": _context(content.quote),
    }
    if content.caption and content.type in _CAPTIONED:
        body["caption"] = content.caption
    match content.type:
        case MessageType.IMAGE:
            body |= {"width": info.width, "height": info.height, "JPEGThumbnail": info.thumbnail}
        case MessageType.VIDEO:
            body |= {"width": info.width, "height": info.height, "JPEGThumbnail": info.thumbnail}
            body |= {"seconds": info.seconds, "gifPlayback": info.animated or None}
        case MessageType.AUDIO:
            body |= {"seconds": info.seconds, "PTT": info.voice}
        case MessageType.STICKER:
            body |= {"width": info.width, "height": info.height, "isAnimated": info.animated or None}
        case _:
            body |= {"fileName": info.file_name, "title": info.file_name, "JPEGThumbnail": info.thumbnail}
    message: Json = {_MEDIA_KEYS[content.type]: _present(body)}
    if content.type is MessageType.DOCUMENT and content.caption:
        # Phones show a document's caption only inside this wrapper, which is what they send themselves.
        return {"documentWithCaptionMessage": {"message": message}}
    return message


def _context(quote: Quote | None, mentions: tuple[str, ...] = ()) -> Json | None:
    context: Json = {}
    if quote is not None:
        context["stanzaID"] = quote.wa_id
        context["participant"] = jid.bare(quote.sender)
        context["quotedMessage"] = {"conversation": quote.text}
    if mentions:
        context["mentionedJID"] = [jid.bare(mention) for mention in mentions]
    return context or None


def _key(chat: str, wa_id: str, *, from_me: bool, participant: str = "") -> Json:
    """Name another message; its author is told only in chats of many (whatsmeow send.go, BuildMessageKey)."""
    key: Json = {"remoteJID": jid.bare(chat), "fromMe": from_me, "ID": wa_id}
    if participant and not from_me and not jid.kind(chat).is_person:
        key["participant"] = participant
    return key


def _present(values: Json) -> Json:
    return {key: value for key, value in values.items() if value is not None}


def _now() -> str:
    return str(to_millis(utc_now()))
