"""Binary XML: what is written can be read, in every form a client may use, and bad bytes are refused."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosa_simulator.network import JID, Node, binary, tokens
from prosa_simulator.network.jid import parse_jid
from prosa_simulator.network.node import BinaryError

SERVERS = ("s.whatsapp.net", "lid", "g.us", "broadcast", "newsletter", "c.us", "bot")
words = st.one_of(
    st.sampled_from(sorted(tokens.CODES)),
    st.text("0123456789.-", min_size=1, max_size=130),
    st.text("0123456789ABCDEF", min_size=1, max_size=130),
    st.text(min_size=1, max_size=40),
)
people = st.builds(
    JID, st.text("0123456789", min_size=1, max_size=15), st.sampled_from(SERVERS[:2]), st.integers(0, 99), st.just(0)
)
others = st.builds(JID, st.text("0123456789-", max_size=20), st.sampled_from(SERVERS), st.just(0), st.just(0))
hosted = st.builds(JID, st.just("5511"), st.sampled_from(["hosted", "hosted.lid"]), st.integers(0, 99), st.just(0))
foreign = st.one_of(
    st.builds(JID, st.just("77"), st.just("msgr"), st.integers(0, 65535), st.just(0)),
    st.builds(JID, st.just("88"), st.just("interop"), st.integers(0, 65535), st.integers(0, 65535)),
)
attrs = st.dictionaries(words, st.one_of(words, people, others, hosted, foreign), max_size=5)
leaves = st.builds(Node, words, attrs, st.one_of(st.none(), st.binary(max_size=300)))
nodes = st.recursive(
    leaves, lambda inner: st.builds(Node, words, attrs, st.lists(inner, min_size=1, max_size=4)), max_leaves=12
)


@given(nodes)
def test_a_node_survives_the_wire(node: Node) -> None:
    assert binary.decode(binary.encode(node)) == node


@given(nodes)
def test_a_compressed_node_is_read(node: Node) -> None:
    plain = binary.encode(node)
    assert binary.decode(b"\x02" + zlib.compress(plain[1:])) == node


@given(nodes, st.data())
def test_cut_bytes_are_refused(node: Node, data: st.DataObject) -> None:
    plain = binary.encode(node)
    size = data.draw(st.integers(0, len(plain) - 1))
    with pytest.raises(BinaryError):
        binary.decode(plain[:size])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    try:
        node = binary.decode(noise)
    except BinaryError:
        return
    assert node.tag


@pytest.mark.parametrize("size", [255, 256, 70_000, 2**20 - 1, 2**20, 2**20 + 1])
def test_content_of_every_length_class(size: int) -> None:
    node = Node("enc", None, bytes(size))
    assert binary.decode(binary.encode(node)) == node


@pytest.mark.parametrize("count", [1, 255, 256, 812])
def test_lists_of_every_length_class(count: int) -> None:
    node = Node("list", None, [Node("key", {"id": str(number)}) for number in range(count)])
    assert binary.decode(binary.encode(node)) == node


# Bytes worked out by hand from the format: what a client's encoder makes of these values.
@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("receipt", bytes([tokens.SINGLE.index("receipt")])),
        (tokens.DOUBLE[2][7], bytes([238, 7])),
        ("12345", bytes([255, 0x83, 0x12, 0x34, 0x5F])),
        ("1-2.", bytes([255, 0x02, 0x1A, 0x2B])),
        ("3EB0F", bytes([251, 0x83, 0x3E, 0xB0, 0xFF])),
        ("olá", bytes([252, 4]) + "olá".encode()),
        (JID("", "s.whatsapp.net"), bytes([250, 0, 3])),
        (JID("12345678", "lid", 7), bytes([247, 1, 7, 255, 4, 0x12, 0x34, 0x56, 0x78])),
        (JID("12345678", "s.whatsapp.net"), bytes([250, 255, 4, 0x12, 0x34, 0x56, 0x78, 3])),
    ],
)
def test_known_encodings(value: str | JID, encoded: bytes) -> None:
    plain = bytes([0, 248, 3, tokens.SINGLE.index("iq"), tokens.SINGLE.index("to")]) + encoded
    node = Node("iq", {"to": value})
    assert binary.encode(node) == plain
    assert binary.decode(plain) == node


def test_packed_content_is_text_for_the_reader_and_bytes_on_demand() -> None:
    plain = bytes([0, 248, 2, tokens.SINGLE.index("iq"), 255, 0x01, 0x12])
    node = binary.decode(plain)
    assert node.content == "12"
    assert node.data == b"12"


@pytest.mark.parametrize(
    "plain", [b"", b"\0", b"\0\0", b"\0\xf8\0", b"\0\xf8\1\xf9", b"\0\xf8\1\x05\x05", b"\2notzlib"]
)
def test_malformed_stanzas_are_refused(plain: bytes) -> None:
    with pytest.raises(BinaryError):
        binary.decode(plain)


def test_a_compression_bomb_is_refused() -> None:
    bomb = zlib.compress(bytes(binary.MAX_INFLATED + 1))
    with pytest.raises(BinaryError, match="too large"):
        binary.decode(b"\2" + bomb)


def test_a_list_too_long_for_the_format_is_refused() -> None:
    with pytest.raises(BinaryError):
        binary.encode(Node("list", None, [Node("item")] * 65536))


@pytest.mark.parametrize("jid", [JID("5511", "lid", 256), JID("", "lid", 1)])
def test_an_impossible_device_is_refused(jid: JID) -> None:
    with pytest.raises(BinaryError):
        binary.encode(Node("iq", {"to": jid}))


@pytest.mark.parametrize("text", ["5511999990001:3@s.whatsapp.net", "123@lid", "g.us", "1203-5@g.us"])
def test_addresses_have_a_text_form(text: str) -> None:
    assert str(parse_jid(text)) == text


def test_the_agent_in_an_address_is_dropped() -> None:
    assert parse_jid("5511.0:3@s.whatsapp.net") == JID("5511", "s.whatsapp.net", 3)
