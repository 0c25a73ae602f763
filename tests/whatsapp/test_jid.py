import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosa.whatsapp import jid
from prosa.whatsapp.jid import ChatFacts, Jid, JidKind, chat_of

PHONE, LID, GROUP = "5511999990001@s.whatsapp.net", "98765432101234@lid", "120363012345678901@g.us"
OWN, OWN_DEVICE = "5511900000000@s.whatsapp.net", "5511900000000:12@s.whatsapp.net"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        (PHONE, Jid("5511999990001", "s.whatsapp.net")),
        ("5511999990001:7@s.whatsapp.net", Jid("5511999990001", "s.whatsapp.net", device=7)),
        ("123.1:4@lid", Jid("123", "lid", device=4, agent=1)),
        ("551188887777-1400000000@g.us", Jid("551188887777-1400000000", "g.us")),
        ("status@broadcast", Jid("status", "broadcast")),
        ("s.whatsapp.net", Jid("", "s.whatsapp.net")),
    ],
)
def test_text_form_is_read_and_written_back(text: str, parsed: Jid) -> None:
    assert Jid.parse(text) == parsed
    assert str(parsed) == text


@pytest.mark.parametrize("text", ["", "@", "a@b@c", "1:x@lid", "1:70000@lid", "1.300:1@lid", "1:@lid", "1:٣@lid"])
def test_what_is_no_jid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a WhatsApp address"):
        Jid.parse(text)
    assert jid.kind(text) is JidKind.OTHER
    assert jid.bare(text) == text
    assert jid.phone(text) is None
    assert jid.device(text) == 0


@given(st.text(max_size=40))
def test_any_text_is_a_jid_that_survives_or_is_refused(text: str) -> None:
    try:
        parsed = Jid.parse(text)
    except ValueError:
        return
    assert Jid.parse(str(parsed)) == parsed or parsed.agent == 0
    assert parsed.bare.device == 0
    assert parsed.bare.bare == parsed.bare


@pytest.mark.parametrize(
    ("text", "bare", "kind", "phone"),
    [
        ("5511999990001:7@s.whatsapp.net", PHONE, JidKind.USER, "5511999990001"),
        ("5511999990001@c.us", PHONE, JidKind.USER, "5511999990001"),
        ("5511999990001:3@hosted", PHONE, JidKind.USER, "5511999990001"),
        ("98765432101234:2@lid", LID, JidKind.LID, None),
        ("98765432101234@hosted.lid", LID, JidKind.LID, None),
        (GROUP, GROUP, JidKind.GROUP, None),
        ("status@broadcast", "status@broadcast", JidKind.STATUS, None),
        ("1700000000@broadcast", "1700000000@broadcast", JidKind.BROADCAST, None),
        ("120363@newsletter", "120363@newsletter", JidKind.NEWSLETTER, None),
        ("867051314767696@bot", "867051314767696@bot", JidKind.OTHER, None),
    ],
)
def test_kinds(text: str, bare: str, kind: JidKind, phone: str | None) -> None:
    assert jid.bare(text) == bare
    assert jid.kind(text) is kind
    assert jid.phone(text) == phone


def test_phone_numbers_are_spelled_and_never_changed() -> None:
    assert jid.from_phone("+55 (11) 98888-7777") == "5511988887777@s.whatsapp.net"
    # Without the ninth digit, as WhatsApp knows some older Brazilian mobiles: neither direction adds or drops it.
    assert jid.from_phone("551188887777") == "551188887777@s.whatsapp.net"
    assert jid.phone("551188887777@s.whatsapp.net") == "551188887777"
    for wrong in ("", "12", "5511x99990001", "1" * 16, "٥٥١١٩٩٩٩٩٠٠٠١"):
        with pytest.raises(ValueError, match="7 to 15 digits"):
            jid.from_phone(wrong)


@pytest.mark.parametrize(
    ("envelope", "facts"),
    [
        # A contact by phone number, with the LID told; and the other way round.
        ({"chat": PHONE, "sender": PHONE, "from_me": False, "sender_alt": LID}, ChatFacts(PHONE, LID)),
        (
            {
                "chat": LID,
                "sender": "98765432101234:3@lid",
                "from_me": False,
                "sender_alt": "5511999990001:3@s.whatsapp.net",
            },
            ChatFacts(LID, PHONE),
        ),
        ({"chat": PHONE, "sender": PHONE, "from_me": False}, ChatFacts(PHONE, None)),
        # Written on our phone: the chat is where it went.
        ({"chat": LID, "sender": OWN_DEVICE, "from_me": True, "recipient_alt": PHONE}, ChatFacts(LID, PHONE)),
        ({"chat": OWN, "sender": OWN_DEVICE, "from_me": True, "destination": PHONE}, ChatFacts(PHONE, None)),
        (
            {"chat": OWN, "sender": OWN_DEVICE, "from_me": True, "destination": LID, "recipient_alt": PHONE},
            ChatFacts(LID, PHONE),
        ),
        ({"chat": LID, "sender": OWN_DEVICE, "from_me": True, "destination": PHONE}, ChatFacts(LID, PHONE)),
        # A note to oneself stays there.
        ({"chat": OWN, "sender": OWN_DEVICE, "from_me": True, "destination": OWN}, ChatFacts(OWN, None)),
        # A group keeps no other form; a broadcast list's message belongs to who sent it; a status to no chat.
        ({"chat": GROUP, "sender": PHONE, "from_me": False, "sender_alt": LID}, ChatFacts(GROUP, None)),
        ({"chat": "17@broadcast", "sender": PHONE, "from_me": False, "sender_alt": LID}, ChatFacts(PHONE, LID)),
        ({"chat": "status@broadcast", "sender": PHONE, "from_me": False}, ChatFacts("status@broadcast", None)),
    ],
)
def test_which_chat_a_message_belongs_to(envelope: dict[str, object], facts: ChatFacts) -> None:
    assert chat_of(**envelope) == facts  # type: ignore[arg-type]


def test_same_person_ignores_the_device() -> None:
    assert jid.same_person("5511999990001:7@s.whatsapp.net", PHONE)
    assert not jid.same_person(LID, PHONE)
