"""What we send, in the shapes of whatsmeow's proto; and that reading it back gives the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosa.whatsapp import content
from prosa.whatsapp.convert_out import downloadable, outbound_message
from prosa.whatsapp.engine import (
    EditContent,
    Location,
    LocationContent,
    MediaContent,
    MediaInfo,
    MessageType,
    Quote,
    ReactionContent,
    RevokeContent,
    TextContent,
    Uploaded,
)

ANA, GROUP = "5511988887777@s.whatsapp.net", "120363012345678901@g.us"
UPLOADED = Uploaded("https://mmg/x", "/v/x", "a2V5", "ZW5j", "c2hh", 48213)
QUOTE = Quote("3EB0Q", "5511988887777:4@s.whatsapp.net", "a que horas?")


def read_back(message: dict[str, Any]) -> content.Parsed:
    found = content.parse(content.unwrap(message).message)
    assert found is not None
    return found


def test_text() -> None:
    assert outbound_message(ANA, TextContent("Olá")) == {"conversation": "Olá"}
    assert outbound_message(ANA, TextContent("Olá", quote=QUOTE, mentions=("1:2@lid",))) == {
        "extendedTextMessage": {
            "text": "Olá",
            "contextInfo": {
                "stanzaID": "3EB0Q",
                "participant": ANA,
                "quotedMessage": {"conversation": "a que horas?"},
                "mentionedJID": ["1@lid"],
            },
        }
    }


@given(st.text(min_size=1), st.text(max_size=10))
def test_any_text_comes_back_as_it_was(text: str, quoted: str) -> None:
    assert read_back(outbound_message(ANA, TextContent(text))).body == text
    answered = read_back(outbound_message(ANA, TextContent(text, quote=Quote("Q", ANA, quoted))))
    assert (answered.body, answered.quoted_wa_id, answered.quoted_text or "") == (text, "Q", quoted)


FILE = {
    "URL": "https://mmg/x", "directPath": "/v/x", "mediaKey": "a2V5", "fileEncSHA256": "ZW5j", "fileSHA256": "c2hh",
    "fileLength": "48213",
}  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "info", "caption", "message"),
    [
        (
            MessageType.IMAGE,
            MediaInfo("image/jpeg", width=600, height=800, thumbnail="/9g="),
            "olha",
            {
                "imageMessage": FILE
                | {"mimetype": "image/jpeg", "width": 600, "height": 800, "JPEGThumbnail": "/9g=", "caption": "olha"}
            },
        ),
        (
            MessageType.AUDIO,
            MediaInfo("audio/ogg; codecs=opus", seconds=7, voice=True),
            "not shown with audio",
            {"audioMessage": FILE | {"mimetype": "audio/ogg; codecs=opus", "seconds": 7, "PTT": True}},
        ),
        (
            MessageType.VIDEO,
            MediaInfo("video/mp4", seconds=3, animated=True),
            "",
            {"videoMessage": FILE | {"mimetype": "video/mp4", "seconds": 3, "gifPlayback": True}},
        ),
        (
            MessageType.STICKER,
            MediaInfo("image/webp", width=512, height=512),
            "",
            {"stickerMessage": FILE | {"mimetype": "image/webp", "width": 512, "height": 512}},
        ),
        (
            MessageType.DOCUMENT,
            MediaInfo("application/pdf", file_name="nota.pdf"),
            "",
            {"documentMessage": FILE | {"mimetype": "application/pdf", "fileName": "nota.pdf", "title": "nota.pdf"}},
        ),
        (
            MessageType.DOCUMENT,
            MediaInfo("application/pdf", file_name="nota.pdf"),
            "segue",
            {
                "documentWithCaptionMessage": {
                    "message": {
                        "documentMessage": FILE
                        | {
                            "mimetype": "application/pdf",
                            "fileName": "nota.pdf",
                            "title": "nota.pdf",
                            "caption": "segue",
                        }
                    }
                }
            },
        ),
    ],
)
def test_media(type_: MessageType, info: MediaInfo, caption: str, message: dict[str, Any]) -> None:
    made = outbound_message(ANA, MediaContent(type_, UPLOADED, info, caption))
    assert made == message
    found = read_back(made)
    assert found.type is type_
    assert found.media is not None
    assert (found.media.mime_type, found.media.size, found.media.seconds) == (info.mime_type, 48213, info.seconds)
    assert (found.media.voice, found.media.animated) == (info.voice, info.animated)
    assert found.body == (caption if type_ is not MessageType.AUDIO else "")


def test_media_may_answer_a_message_and_must_be_media() -> None:
    made = outbound_message(ANA, MediaContent(MessageType.IMAGE, UPLOADED, MediaInfo("image/png"), "x", QUOTE))
    assert read_back(made).quoted_wa_id == "3EB0Q"
    with pytest.raises(ValueError, match="text is not a type of media"):
        outbound_message(ANA, MediaContent(MessageType.TEXT, UPLOADED, MediaInfo("text/plain")))


def test_place() -> None:
    made = outbound_message(ANA, LocationContent(Location(-23.5, -46.6, "MASP")))
    assert made == {"locationMessage": {"degreesLatitude": -23.5, "degreesLongitude": -46.6, "name": "MASP"}}
    assert read_back(made).location == Location(-23.5, -46.6, "MASP")


def test_reaction_names_the_author_only_in_groups() -> None:
    made = outbound_message(ANA, ReactionContent("M1", target_from_me=False, sender=ANA, emoji="👍"))
    reaction = made["reactionMessage"]
    assert reaction["key"] == {"remoteJID": ANA, "fromMe": False, "ID": "M1"}
    assert reaction["senderTimestampMS"].isdigit()
    assert (read_back(made).body, read_back(made).reacts_to) == ("👍", "M1")
    in_group = outbound_message(GROUP, ReactionContent("M1", target_from_me=False, sender="7:3@lid", emoji=""))
    assert in_group["reactionMessage"]["key"] == {
        "remoteJID": GROUP, "fromMe": False, "ID": "M1", "participant": "7@lid",
    }  # fmt: skip
    own = outbound_message(GROUP, ReactionContent("M1", target_from_me=True, sender="7@lid", emoji="x"))
    assert "participant" not in own["reactionMessage"]["key"]


def test_edit_and_revocation() -> None:
    edit = outbound_message(ANA, EditContent("M1", "novo"))
    protocol = edit["editedMessage"]["message"]["protocolMessage"]
    assert protocol["key"] == {"remoteJID": ANA, "fromMe": True, "ID": "M1"}
    assert protocol["type"] == "MESSAGE_EDIT"
    assert (read_back(edit).edits, read_back(edit).body) == ("M1", "novo")
    revocation = outbound_message(ANA, RevokeContent("M1"))
    assert revocation == {
        "protocolMessage": {"type": "REVOKE", "key": {"remoteJID": ANA, "fromMe": True, "ID": "M1"}}
    }  # fmt: skip
    assert read_back(revocation).revokes == "M1"


def test_a_download_needs_only_the_media() -> None:
    assert downloadable({"imageMessage": {"URL": "u"}, "messageContextInfo": {}}) == {"imageMessage": {"URL": "u"}}
    assert downloadable({"ptvMessage": {"URL": "u"}}) == {"videoMessage": {"URL": "u"}}
    assert downloadable({"conversation": "x"}) == {"conversation": "x"}
