"""What comes in: the bridge's `message`, `undecryptable` and `receipt` events → our dataclasses.

The envelope's fields are those of docs/bridge-protocol.md ("info of a message"); the content is read by `content`.
"""

import structlog

from prosa.whatsapp import content, jid
from prosa.whatsapp.engine import InboundMessage, Json, MessageType, ReceiptType, ReceiptUpdate
from prosa.whatsapp.protojson import flag, integer, items, moment, obj, string

_log = structlog.get_logger("prosa.whatsapp")

_UNAVAILABLE = {"view_once": "View-once message: it can be seen only on the phone"}


def inbound_message(data: Json) -> InboundMessage | None:
    """Convert the data of a `message` event.

    Returns:
        None where nothing is to be stored: keys, synchronisation between devices, an envelope without an id.
    """
    opened = content.unwrap(obj(data, "message"))
    parsed = _parse(data, opened.message)
    return _message(data, opened, parsed) if parsed is not None else None


def undecryptable_message(data: Json) -> InboundMessage | None:
    """Convert the data of an `undecryptable` event to a placeholder, which the message itself replaces later."""
    parsed = content.Parsed(MessageType.UNKNOWN, "Waiting for this message")
    return _message(data, content.Unwrapped({}), parsed)


def receipt(data: Json) -> ReceiptUpdate | None:
    """Convert the data of a `receipt` event; None for one that names no message."""
    wa_ids = tuple(wa_id for wa_id in items(data, "ids") if isinstance(wa_id, str) and wa_id)
    chat = string(data, "chat")
    if not wa_ids or not chat:
        return None
    try:
        type_ = ReceiptType(string(data, "type"))
    except ValueError:
        type_ = ReceiptType.OTHER
    alternate = jid.bare(string(data, "chat_alt"))
    return ReceiptUpdate(
        type=type_,
        chat=jid.bare(chat),
        wa_ids=wa_ids,
        timestamp=moment(data, "timestamp"),
        sender=jid.bare(string(data, "sender")),
        from_me=flag(data, "is_from_me"),
        is_group=jid.kind(chat) is jid.JidKind.GROUP,
        chat_alt=alternate or None,
    )


def _parse(data: Json, message: Json) -> content.Parsed | None:
    if string(obj(data, "info"), "category") == "peer":
        return None  # between our own devices
    if reason := string(data, "unavailable"):
        text = _UNAVAILABLE.get(reason, "Message that can be seen only on the phone")
        return content.Parsed(MessageType.UNKNOWN, text)
    try:
        return content.parse(message)
    except Exception as error:  # noqa: BLE001 - the last resort described below
        # A message that cannot be read must be stored all the same: refusing it would bring it back for ever.
        # No traceback: one with local variables would put what people write into the log.
        _log.error("message_not_understood", wa_id=string(obj(data, "info"), "id"), error=type(error).__name__)
        return content.Parsed(MessageType.UNKNOWN, "Unsupported message")


def _message(data: Json, opened: content.Unwrapped, parsed: content.Parsed) -> InboundMessage | None:
    info = obj(data, "info")
    wa_id, sender = string(info, "id"), string(info, "sender")
    from_me = flag(info, "is_from_me")
    facts = jid.chat_of(
        string(info, "chat") or sender,
        sender,
        from_me=from_me,
        sender_alt=string(info, "sender_alt"),
        recipient_alt=string(info, "recipient_alt"),
        destination=string(info, "destination") or opened.destination,
    )
    if not wa_id or not facts.chat:
        return None
    return InboundMessage(
        wa_id=wa_id,
        chat=facts.chat,
        sender=jid.bare(sender) or facts.chat,
        from_me=from_me,
        is_group=jid.kind(facts.chat) is jid.JidKind.GROUP,
        timestamp=moment(info, "timestamp"),
        type=parsed.type,
        body=parsed.body,
        chat_alt=facts.chat_alt,
        sender_alt=jid.bare(string(info, "sender_alt")) or None,
        sender_device=jid.device(sender),
        push_name=string(info, "push_name").strip() or None,
        quoted_wa_id=parsed.quoted_wa_id,
        quoted_text=parsed.quoted_text,
        quoted_sender=parsed.quoted_sender,
        mentions=parsed.mentions,
        media=parsed.media,
        location=parsed.location,
        edits=parsed.edits,
        revokes=parsed.revokes,
        reacts_to=parsed.reacts_to,
        view_once=opened.view_once or flag(data, "view_once"),
        ephemeral=opened.ephemeral or flag(data, "ephemeral"),
        retry_count=integer(data, "retry_count") or 0,
        payload=opened.message,
    )
