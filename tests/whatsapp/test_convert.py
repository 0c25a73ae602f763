"""What WhatsApp delivers, as protojson, and what we make of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prosa.whatsapp import content
from prosa.whatsapp.convert import inbound_message, receipt, undecryptable_message
from prosa.whatsapp.engine import (
    Banned,
    ConnectFailed,
    ContactNamed,
    ContactTyping,
    EngineEvent,
    InboundMessage,
    LidMapped,
    Location,
    MediaInfo,
    MessageType,
    PasskeyConfirmation,
    ReceiptType,
)
from prosa.whatsapp.events import KNOWN, engine_event

ANA, ANA_LID = "5511988887777@s.whatsapp.net", "98765432101234@lid"
INFO: dict[str, Any] = {
    "id": "3EB0C431C26A1916E07E",
    "chat": ANA,
    "sender": "5511988887777:4@s.whatsapp.net",
    "sender_alt": "98765432101234:4@lid",
    "recipient_alt": "",
    "is_from_me": False,
    "is_group": False,
    "addressing_mode": "pn",
    "push_name": " Ana ",
    "timestamp": 1_764_000_000_000,
    "type": "text",
    "media_type": "",
    "category": "",
    "edit": "",
}
FILE: dict[str, Any] = {
    "URL": "https://mmg.whatsapp.net/v/t62.7118-24/x",
    "directPath": "/v/t62.7118-24/x",
    "mediaKey": "a2V5",
    "fileSHA256": "c2hhMjU2",
    "fileEncSHA256": "ZW5j",
    "fileLength": "48213",
    "mediaKeyTimestamp": "1763999999",
}
PNG = {"mimetype": "image/png", "height": 800, "width": 600, "JPEGThumbnail": "/9g="}
LOTTIE = {"mimetype": "application/was", "isLottie": True}
OPTION = {"optionName": "A"}
TEXT = MessageType.TEXT
KEY = {"remoteJID": ANA, "fromMe": True, "ID": "TARGET"}
SECRET = {"messageContextInfo": {"messageSecret": "c2VjcmV0"}}


def convert(message: dict[str, Any], *, info: dict[str, Any] | None = None, **data: Any) -> InboundMessage:
    found = inbound_message({"info": INFO | (info or {}), "message": message, **data})
    assert found is not None
    return found


def test_the_envelope() -> None:
    assert convert({"conversation": "Oi, tudo bem?"} | SECRET, retry_count=2) == InboundMessage(
        wa_id="3EB0C431C26A1916E07E",
        chat=ANA,
        sender=ANA,
        from_me=False,
        is_group=False,
        timestamp=datetime.fromtimestamp(1_764_000_000, UTC),
        type=MessageType.TEXT,
        body="Oi, tudo bem?",
        chat_alt=ANA_LID,
        sender_alt=ANA_LID,
        sender_device=4,
        push_name="Ana",
        retry_count=2,
        payload={"conversation": "Oi, tudo bem?"} | SECRET,
    )


def test_a_message_in_a_group() -> None:
    found = convert(
        {"conversation": "bom dia"},
        info={"chat": "120363@g.us", "sender": "77@lid", "sender_alt": ANA, "is_group": True},
    )
    assert (found.chat, found.is_group, found.sender, found.sender_alt) == ("120363@g.us", True, "77@lid", ANA)
    assert found.chat_alt is None


def test_a_message_written_on_our_own_phone() -> None:
    own = {
        "is_from_me": True,
        "sender": "5511900000000@s.whatsapp.net",
        "sender_alt": "",
        "chat": ANA_LID,
        "recipient_alt": ANA,
    }
    found = convert({"conversation": "respondi do celular"}, info=own)
    assert (found.from_me, found.chat, found.chat_alt, found.sender_device) == (True, ANA_LID, ANA, 0)
    wrapped = {"deviceSentMessage": {"destinationJID": ANA, "message": {"conversation": "do celular"}}}
    found = convert(wrapped, info=own | {"chat": "5511900000000@s.whatsapp.net", "recipient_alt": ""})
    assert (found.chat, found.body) == (ANA, "do celular")


TEXTS: list[tuple[str, dict[str, Any], MessageType, str]] = [
    ("plain", {"conversation": "oi"}, MessageType.TEXT, "oi"),
    ("keeps whitespace", {"conversation": "  a\n b "}, MessageType.TEXT, "  a\n b "),
    (
        "link preview",
        {"extendedTextMessage": {"text": "veja https://x.br", "title": "X", "previewType": "NONE"}},
        MessageType.TEXT,
        "veja https://x.br",
    ),
    ("disappearing", {"ephemeralMessage": {"message": {"conversation": "some"}}}, MessageType.TEXT, "some"),
    (
        "wrapped twice",
        {"ephemeralMessage": {"message": {"viewOnceMessageV2": {"message": {"imageMessage": {"caption": "c"}}}}}},
        MessageType.IMAGE,
        "c",
    ),
    (
        "button pressed",
        {"buttonsResponseMessage": {"selectedButtonID": "1", "selectedDisplayText": "Sim", "type": "DISPLAY_TEXT"}},
        MessageType.TEXT,
        "Sim",
    ),
    (
        "row chosen",
        {"listResponseMessage": {"title": "Pix", "singleSelectReply": {"selectedRowID": "pix"}}},
        MessageType.TEXT,
        "Pix",
    ),
    ("row without title", {"listResponseMessage": {"singleSelectReply": {"selectedRowID": "p"}}}, TEXT, "p"),
    (
        "template button",
        {"templateButtonReplyMessage": {"selectedID": "b1", "selectedDisplayText": "Falar com atendente"}},
        MessageType.TEXT,
        "Falar com atendente",
    ),
    (
        "native flow",
        {"interactiveResponseMessage": {"body": {"text": "Opção 2"}, "nativeFlowResponseMessage": {"name": "menu"}}},
        MessageType.TEXT,
        "Opção 2",
    ),
    (
        "buttons",
        {
            "buttonsMessage": {
                "contentText": "Confirma?",
                "footerText": "Loja",
                "buttons": [{"buttonID": "1", "buttonText": {"displayText": "Sim"}}],
            }
        },
        MessageType.TEXT,
        "Confirma?\nLoja\n- Sim",
    ),
    (
        "list",
        {"listMessage": {"title": "Menu", "description": "Qual?", "sections": [{"rows": [{"title": "A"}]}]}},
        MessageType.TEXT,
        "Menu\nQual?\n- A",
    ),
    (
        "template",
        {
            "templateMessage": {
                "hydratedTemplate": {
                    "hydratedContentText": "Seu pedido saiu",
                    "hydratedButtons": [{"index": 0, "quickReplyButton": {"displayText": "Ok"}}],
                }
            }
        },
        MessageType.TEXT,
        "Seu pedido saiu\n- Ok",
    ),
    (
        "card",
        {"interactiveMessage": {"header": {"title": "Oferta"}, "body": {"text": "50%"}, "nativeFlowMessage": {}}},
        MessageType.TEXT,
        "Oferta\n50%",
    ),
    (
        "contact",
        {
            "contactMessage": {
                "displayName": "João Silva",
                "vcard": "BEGIN:VCARD\nVERSION:3.0\nFN:João Silva\nitem1.TEL;waid=5511977776666:+55 11 97777-6666\n"
                "item1.X-ABLabel:Celular\nEND:VCARD",
            }
        },
        MessageType.CONTACT,
        "João Silva\n+55 11 97777-6666",
    ),
    (
        "contacts",
        {"contactsArrayMessage": {"displayName": "2", "contacts": [{"displayName": "A"}, {"displayName": "B"}]}},
        MessageType.CONTACT,
        "A\nB",
    ),
    (
        "poll",
        {
            "pollCreationMessageV3": {
                "name": "Sabor?",
                "options": [{"optionName": "Calabresa"}, {"optionName": "Queijo"}],
                "selectableOptionsCount": 1,
            }
        },
        MessageType.POLL,
        "Sabor?\n- Calabresa\n- Queijo",
    ),
    (
        "poll in its later wrapper",
        {"pollCreationMessageV4": {"message": {"pollCreationMessageV3": {"name": "Q", "options": [OPTION]}}}},
        MessageType.POLL,
        "Q\n- A",
    ),
    (
        "group invitation",
        {"groupInviteMessage": {"groupJID": "1@g.us", "inviteCode": "x", "groupName": "Clientes", "caption": "Entre"}},
        MessageType.TEXT,
        "Invitation to the group Clientes\nEntre",
    ),
    (
        "order",
        {
            "orderMessage": {
                "itemCount": 2, "orderTitle": "Loja", "totalAmount1000": "35500", "totalCurrencyCode": "BRL",
                "message": "Entrega?",
            }
        },
        MessageType.TEXT,
        "Order of 2 items: Loja\nBRL 35.50\nEntrega?",
    ),
    (
        "product",
        {"productMessage": {"product": {"title": "Bolo", "priceAmount1000": "12000"}, "body": "Tem?"}},
        MessageType.TEXT,
        "Bolo\n12.00\nTem?",
    ),
    (
        "event",
        {"eventMessage": {"name": "Visita", "startTime": "1764000000", "location": {"name": "Loja"}}},
        MessageType.TEXT,
        "Event: Visita\n2025-11-24 16:00 UTC\nLoja",
    ),
    ("missed call", {"callLogMesssage": {"callOutcome": "MISSED"}}, MessageType.SYSTEM, "Missed voice call"),
    (
        "call",
        {"callLogMesssage": {"isVideo": True, "callOutcome": "CONNECTED", "durationSecs": "65"}},
        MessageType.SYSTEM,
        "Video call of 65 s",
    ),
    (
        "timer on",
        {"protocolMessage": {"type": "EPHEMERAL_SETTING", "ephemeralExpiration": 604800}},
        MessageType.SYSTEM,
        "Messages now disappear after 7 days",
    ),
    (
        "timer off",
        {"protocolMessage": {"type": "EPHEMERAL_SETTING", "ephemeralExpiration": 0}},
        MessageType.SYSTEM,
        "Disappearing messages turned off",
    ),
    ("pin", {"pinInChatMessage": {"key": KEY, "type": "PIN_FOR_ALL"}}, MessageType.SYSTEM, "Pinned a message"),
    (
        "encrypted reaction",
        {"encReactionMessage": {"targetMessageKey": KEY, "encPayload": "eA=="}},
        MessageType.UNKNOWN,
        "Unsupported message (encReactionMessage)",
    ),
    (
        "payment",
        {"sendPaymentMessage": {"noteMessage": {"conversation": "x"}}} | SECRET,
        MessageType.UNKNOWN,
        "Unsupported message (sendPaymentMessage)",
    ),
    ("of a later version", {}, MessageType.UNKNOWN, "Unsupported message (of a new kind)"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "type_", "body"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_type_and_text(message: dict[str, Any], type_: MessageType, body: str) -> None:
    found = convert(message)
    assert (found.type, found.body) == (type_, body)


MEDIA: list[tuple[str, dict[str, Any], MessageType, str, MediaInfo]] = [
    (
        "image",
        {"imageMessage": FILE | PNG | {"caption": "olha"}},
        MessageType.IMAGE,
        "olha",
        MediaInfo("image/png", 48213, sha256="c2hhMjU2", width=600, height=800, thumbnail="/9g="),
    ),
    (
        "voice",
        {"audioMessage": FILE | {"mimetype": "audio/ogg; codecs=opus", "seconds": 7, "PTT": True, "waveform": "AA=="}},
        MessageType.AUDIO,
        "",
        MediaInfo("audio/ogg; codecs=opus", 48213, sha256="c2hhMjU2", seconds=7, voice=True),
    ),
    (
        "music",
        {"audioMessage": FILE | {"mimetype": "audio/mp4", "seconds": 180}},
        MessageType.AUDIO,
        "",
        MediaInfo("audio/mp4", 48213, sha256="c2hhMjU2", seconds=180),
    ),
    (
        "gif",
        {"videoMessage": FILE | {"mimetype": "video/mp4", "gifPlayback": True, "seconds": 3}},
        MessageType.VIDEO,
        "",
        MediaInfo("video/mp4", 48213, sha256="c2hhMjU2", seconds=3, animated=True),
    ),
    (
        "round video",
        {"ptvMessage": FILE | {"mimetype": "video/mp4", "seconds": 5}},
        MessageType.VIDEO,
        "",
        MediaInfo("video/mp4", 48213, sha256="c2hhMjU2", seconds=5),
    ),
    (
        "document",
        {"documentMessage": FILE | {"mimetype": "application/pdf", "fileName": "nota.pdf", "title": "Nota"}},
        MessageType.DOCUMENT,
        "",
        MediaInfo("application/pdf", 48213, file_name="nota.pdf", sha256="c2hhMjU2"),
    ),
    (
        "document with a caption",
        {"documentWithCaptionMessage": {"message": {"documentMessage": FILE | {"title": "x.pdf", "caption": "segue"}}}},
        MessageType.DOCUMENT,
        "segue",
        MediaInfo("application/octet-stream", 48213, file_name="x.pdf", sha256="c2hhMjU2"),
    ),
    (
        "sticker",
        {"stickerMessage": FILE | {"mimetype": "image/webp", "isAnimated": True, "width": 512, "height": 512}},
        MessageType.STICKER,
        "",
        MediaInfo("image/webp", 48213, sha256="c2hhMjU2", width=512, height=512, animated=True),
    ),
    (
        "lottie sticker",
        {"lottieStickerMessage": {"message": {"stickerMessage": FILE | LOTTIE}}},
        MessageType.STICKER,
        "",
        MediaInfo("application/was", 48213, sha256="c2hhMjU2", animated=True),
    ),
    (
        "sizes that no one can mean",
        {"imageMessage": {"fileLength": "99999999999999999999", "width": 4294967295, "height": -1}},
        MessageType.IMAGE,
        "",
        MediaInfo("image/jpeg"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "type_", "body", "media"), [case[1:] for case in MEDIA], ids=[case[0] for case in MEDIA]
)
def test_media(message: dict[str, Any], type_: MessageType, body: str, media: MediaInfo) -> None:
    found = convert(message)
    assert (found.type, found.body, found.media) == (type_, body, media)


def test_the_payload_is_the_message_without_its_wrappers() -> None:
    inner = {"imageMessage": FILE}
    found = convert({"ephemeralMessage": {"message": {"viewOnceMessage": {"message": inner}}}} | SECRET)
    assert found.payload == inner | SECRET
    assert found.view_once
    assert found.ephemeral
    flagged = convert(inner, view_once=True, ephemeral=True)
    assert flagged.view_once
    assert flagged.ephemeral


def test_places() -> None:
    found = convert(
        {
            "locationMessage": {
                "degreesLatitude": -23.5613,
                "degreesLongitude": -46.6565,
                "name": "MASP",
                "address": "Av. Paulista",
            }
        }
    )
    assert found.location == Location(-23.5613, -46.6565, "MASP", "Av. Paulista")
    assert (found.type, found.body) == (MessageType.LOCATION, "MASP\nAv. Paulista\n-23.561300, -46.656500")
    live = convert({"liveLocationMessage": {"degreesLatitude": -23, "degreesLongitude": 46.5, "caption": "a caminho"}})
    assert live.location == Location(-23.0, 46.5)
    assert live.body == "a caminho\n-23.000000, 46.500000"
    for wrong in (
        {"degreesLatitude": "NaN", "degreesLongitude": 1.0},
        {"degreesLatitude": 91, "degreesLongitude": 1},
        {},
    ):
        assert convert({"locationMessage": wrong}).location is None


def test_reactions() -> None:
    found = convert({"reactionMessage": {"key": KEY, "text": "❤️", "senderTimestampMS": "1764000000000"}})
    assert (found.type, found.body, found.reacts_to) == (MessageType.REACTION, "❤️", "TARGET")
    taken_back = convert({"reactionMessage": {"key": KEY, "text": ""}})
    assert (taken_back.body, taken_back.reacts_to) == ("", "TARGET")


def test_revocation_and_edit() -> None:
    revoked = convert({"protocolMessage": {"type": "REVOKE", "key": KEY}})
    assert (revoked.type, revoked.revokes, revoked.edits) == (MessageType.SYSTEM, "TARGET", None)
    assert convert({"protocolMessage": {"key": KEY}}).revokes == "TARGET"
    edit = {"protocolMessage": {"type": "MESSAGE_EDIT", "key": KEY, "editedMessage": {"conversation": "novo"}}}
    for message in (edit, {"editedMessage": {"message": edit}}):
        edited = convert(message)
        assert (edited.type, edited.body, edited.edits) == (MessageType.TEXT, "novo", "TARGET")
    caption = {
        "protocolMessage": {"type": "MESSAGE_EDIT", "key": KEY, "editedMessage": {"imageMessage": {"caption": "c"}}}
    }
    assert (convert(caption).type, convert(caption).body) == (MessageType.IMAGE, "c")


def test_quotes_and_mentions() -> None:
    context = {
        "stanzaID": "3EB0QUOTED",
        "participant": ANA,
        "quotedMessage": {"ephemeralMessage": {"message": {"extendedTextMessage": {"text": "a que horas?"}}}},
        "mentionedJID": ["5511977776666:3@s.whatsapp.net", 7, ""],
    }
    found = convert({"extendedTextMessage": {"text": "às 8", "contextInfo": context}})
    assert (found.quoted_wa_id, found.quoted_text) == ("3EB0QUOTED", "a que horas?")
    assert found.quoted_sender == ANA
    assert found.mentions == ("5511977776666@s.whatsapp.net",)
    picture = convert(
        {"imageMessage": FILE | {"contextInfo": {"stanzaID": "Q", "quotedMessage": {"imageMessage": {}}}}}
    )
    assert (picture.quoted_wa_id, picture.quoted_text) == ("Q", None)
    forwarded = convert({"extendedTextMessage": {"text": "x", "contextInfo": {"isForwarded": True}}})
    assert (forwarded.quoted_wa_id, forwarded.quoted_text, forwarded.mentions) == (None, None, ())


def test_votes_and_comments_name_their_target() -> None:
    vote = convert({"pollUpdateMessage": {"pollCreationMessageKey": KEY, "vote": {"encPayload": "eA=="}}})
    assert (vote.type, vote.quoted_wa_id) == (MessageType.POLL, "TARGET")
    comment = convert({"commentMessage": {"message": {"conversation": "boa"}, "targetMessageKey": KEY}})
    assert (comment.type, comment.body, comment.quoted_wa_id) == (MessageType.TEXT, "boa", "TARGET")


@pytest.mark.parametrize(
    "message",
    [
        {"senderKeyDistributionMessage": {"groupID": "1@g.us"}},
        {"senderKeyDistributionMessage": {"groupID": "1@g.us"}} | SECRET,
        {"protocolMessage": {"type": "APP_STATE_SYNC_KEY_SHARE"}},
        {"protocolMessage": {"type": "HISTORY_SYNC_NOTIFICATION", "historySyncNotification": {}}},
        {"protocolMessage": {"type": 99, "key": KEY}},
        {"protocolMessage": {"type": "REVOKE"}},
        {"protocolMessage": {"type": "MESSAGE_EDIT", "key": KEY}},
        {"albumMessage": {"expectedImageCount": 3}} | SECRET,
    ],
)
def test_what_no_person_sees_is_nothing(message: dict[str, Any]) -> None:
    assert inbound_message({"info": INFO, "message": message}) is None


def test_a_group_message_that_brings_its_key_along_is_read() -> None:
    found = convert({"senderKeyDistributionMessage": {"groupID": "1@g.us"}, "conversation": "oi"} | SECRET)
    assert (found.type, found.body) == (MessageType.TEXT, "oi")


def test_envelopes_that_name_nothing() -> None:
    assert inbound_message({}) is None
    assert inbound_message({"info": INFO | {"id": ""}, "message": {"conversation": "x"}}) is None
    assert inbound_message({"info": INFO | {"category": "peer"}, "message": {"conversation": "x"}}) is None
    lost = inbound_message({"info": {"id": "A", "sender": ANA}, "message": {"conversation": "x"}})
    assert lost is not None
    assert lost.chat == ANA
    assert abs((lost.timestamp - datetime.now(UTC)).total_seconds()) < 60


def test_unavailable_and_undecryptable_messages_are_placeholders() -> None:
    found = convert({}, unavailable="view_once")
    assert (found.type, found.body) == (MessageType.UNKNOWN, "View-once message: it can be seen only on the phone")
    waiting = undecryptable_message({"info": INFO, "reason": "no session"})
    assert waiting is not None
    assert (waiting.wa_id, waiting.type, waiting.body) == (INFO["id"], MessageType.UNKNOWN, "Waiting for this message")
    assert waiting.payload == {}


def test_receipts() -> None:
    data = {"type": "played", "chat": "98765432101234@lid", "chat_alt": ANA, "sender": "98765432101234:2@lid",
            "ids": ["A", "B", 3], "timestamp": 1_764_000_000_000, "is_from_me": False, "is_group": False}  # fmt: skip
    found = receipt(data)
    assert found is not None
    assert (found.type, found.wa_ids, found.chat, found.chat_alt) == (ReceiptType.PLAYED, ("A", "B"), ANA_LID, ANA)
    assert found.sender == ANA_LID
    other = receipt(data | {"type": "hist_sync"})
    assert other is not None
    assert other.type is ReceiptType.OTHER
    assert receipt(data | {"ids": []}) is None


NAMES = sorted(
    set(content._READERS) | content._WRAPPERS | content._SILENT | content._BESIDES
    | {
        "protocolMessage", "deviceSentMessage", "message", "contextInfo", "quotedMessage", "key", "type", "text",
        "caption", "contacts", "vcard", "options", "sections", "rows", "buttons", "hydratedTemplate",
        "hydratedButtons", "location", "degreesLatitude", "fileLength", "mentionedJID", "stanzaID", "editedMessage",
        "ID", "startTime", "body", "header", "itemCount", "totalAmount1000", "durationSecs", "ephemeralExpiration",
        "targetMessageKey", "carouselMessage", "cards", "participant",
    }
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["REVOKE", "MESSAGE_EDIT", "EPHEMERAL_SETTING", "NaN", "12", "99999999999999999999"]),
)  # fmt: skip
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=5)), inner, max_size=4),
    ),
    max_leaves=25,
)
MESSAGES = st.dictionaries(st.sampled_from(NAMES), JUNK, max_size=3)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(MESSAGES)
def test_junk_content_never_raises(message: dict[str, Any]) -> None:
    found = content.parse(content.unwrap(message).message)
    if found is not None:
        assert isinstance(found.body, str)
        assert isinstance(found.type, MessageType)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(sorted(KNOWN)),
    st.dictionaries(
        st.sampled_from([*INFO, "info", "message", "unavailable", "ids", "code", "expires_in_ms", "options"]), JUNK
    ),
    st.dictionaries(st.sampled_from(list(INFO)), JUNK),
)
def test_junk_events_never_raise(name: str, data: dict[str, Any], info: dict[str, Any]) -> None:
    engine_event(name, data)
    engine_event(name, data | {"info": info})


def test_endless_nesting_is_stored_as_unsupported() -> None:
    message: dict[str, Any] = {"conversation": "x"}
    for _ in range(2000):
        message = {"commentMessage": {"message": message}}
    assert convert(message).body == "Unsupported message"


@pytest.mark.parametrize(
    ("name", "data", "event"),
    [
        ("push_name", {"jid": INFO["sender"], "jid_alt": ANA_LID, "name": " Ana "}, ContactNamed(ANA, ANA_LID, "Ana")),
        ("push_name", {"jid": ANA_LID, "name": "Ana"}, ContactNamed(ANA_LID, None, "Ana")),
        ("group_name", {"jid": "1203@g.us", "name": "Padaria"}, ContactNamed("1203@g.us", None, "Padaria")),
        ("lid_mapping", {"lid": INFO["sender_alt"], "pn": INFO["sender"]}, LidMapped(ANA_LID, ANA)),
        (
            "chat_presence",
            {"chat": ANA, "sender": INFO["sender"], "state": "composing", "media": "audio"},
            ContactTyping(ANA, ANA, typing=True, recording=True),
        ),
        ("chat_presence", {"chat": ANA, "sender": ANA, "state": "paused"}, ContactTyping(ANA, ANA, typing=False)),
        ("temporary_ban", {"code": 101, "reason": "spam", "expires_in_ms": 90_000}, Banned("spam", 90.0)),
        ("passkey_confirmation", {"code": "1A2B", "skip_handoff": True}, PasskeyConfirmation("1A2B", True)),
        ("passkey_confirmation", {"code": "1A2B", "skip_handoff": False}, PasskeyConfirmation("1A2B", False)),
        ("connect_failure", {"code": 503, "reason": "down", "message": "later"}, ConnectFailed(503, "down", "later")),
    ],
)
def test_what_else_is_reported(name: str, data: dict[str, Any], event: EngineEvent) -> None:
    assert engine_event(name, data) == event
