"""WhatsApp's binary XML to and from bytes.

Format as in whatsmeow ``binary/encoder.go`` and ``binary/decoder.go``: a node is a list of its tag, attribute pairs and
optional content; strings are dictionary tokens, packed digits, or raw bytes. A plaintext starts with one flag byte
(bit 2: the rest is zlib-compressed).
"""

import re
import zlib
from functools import lru_cache
from typing import Final

from prosa_simulator.network import tokens as t
from prosa_simulator.network.jid import DOMAINS, JID, SERVERS
from prosa_simulator.network.node import BinaryError, Node

MAX_INFLATED: Final = 2**25
"""The most bytes one compressed stanza may unpack to."""
_NIBBLES: Final = "0123456789-."
_HEX: Final = "0123456789ABCDEF"
_NIBBLE_TEXT = re.compile(r"[0-9.\-]{1,127}\Z")
_HEX_TEXT = re.compile(r"[0-9A-F]{1,127}\Z")


def encode(node: Node) -> bytes:
    """Return the plaintext of a stanza: a zero flag byte and the node.

    Raises:
        BinaryError: a list or string is longer than the format allows.
    """
    out = bytearray(1)
    _write_node(out, node)
    return bytes(out)


def decode(plaintext: bytes) -> Node:
    """Read a stanza's plaintext (flag byte, maybe compressed).

    Raises:
        BinaryError: the bytes are cut short, use an unknown token, or hold anything but one node.
    """
    if not plaintext:
        msg = "empty stanza"
        raise BinaryError(msg)
    try:
        data = plaintext[1:]
        if plaintext[0] & 2:
            inflater = zlib.decompressobj()
            data = inflater.decompress(data, MAX_INFLATED)
            if inflater.unconsumed_tail:
                msg = "compressed stanza is too large"
                raise BinaryError(msg)
        reader = _Reader(data)
        node = reader.node()
    except (IndexError, KeyError, UnicodeDecodeError, zlib.error, RecursionError) as error:
        msg = f"malformed stanza: {error!r}"
        raise BinaryError(msg) from error
    if reader.pos != len(data):
        msg = f"{len(data) - reader.pos} bytes after the stanza"
        raise BinaryError(msg)
    return node


# Writing


def _write_node(out: bytearray, node: Node) -> None:
    content = node.content
    size = 1 + 2 * len(node.attrs) + (content is not None)
    _write_list(out, size)
    out += _string(node.tag)
    for key, value in node.attrs.items():
        out += _string(key)
        out += _jid(value) if isinstance(value, JID) else _string(value)
    if content is None:
        return
    if isinstance(content, bytes):
        _write_length(out, len(content))
        out += content
    elif isinstance(content, str):
        out += _string(content)
    else:
        _write_list(out, len(content))
        for child in content:
            _write_node(out, child)


def _write_list(out: bytearray, size: int) -> None:
    if size == 0:
        out.append(t.LIST_EMPTY)
    elif size < 256:
        out += bytes((t.LIST_8, size))
    elif size < 65536:
        out.append(t.LIST_16)
        out += size.to_bytes(2, "big")
    else:
        msg = f"list of {size} items"
        raise BinaryError(msg)


def _write_length(out: bytearray, length: int) -> None:
    if length < 256:
        out += bytes((t.BINARY_8, length))
    elif length < 1 << 20:
        out.append(t.BINARY_20)
        out += length.to_bytes(3, "big")
    elif length < 1 << 31:
        out.append(t.BINARY_32)
        out += length.to_bytes(4, "big")
    else:
        msg = f"{length} bytes of content"
        raise BinaryError(msg)


# The same tags, addresses and ids come again and again (an id passes four times): most strings are a cache hit.
@lru_cache(maxsize=16384)
def _string(value: str) -> bytes:
    code = t.CODES.get(value)
    if code is not None:
        return code
    if _NIBBLE_TEXT.match(value):
        return _pack(value, t.NIBBLE_8, _NIBBLES)
    if _HEX_TEXT.match(value):
        return _pack(value, t.HEX_8, _HEX)
    raw = value.encode()
    out = bytearray()
    _write_length(out, len(raw))
    return bytes(out) + raw


def _pack(value: str, tag: int, alphabet: str) -> bytes:
    digits = [alphabet.index(char) for char in value]
    odd = len(digits) % 2
    if odd:
        digits.append(15)
    pairs = bytes(high << 4 | low for high, low in zip(digits[::2], digits[1::2], strict=True))
    return bytes((tag, len(pairs) | odd << 7)) + pairs


@lru_cache(maxsize=16384)
def _jid(jid: JID) -> bytes:
    if jid.server in DOMAINS and (jid.device > 0 or DOMAINS[jid.server] >= 128):
        if not jid.user or not 0 <= jid.device < 256:
            msg = f"not a device's address: {jid}"
            raise BinaryError(msg)
        return bytes((t.AD_JID, DOMAINS[jid.server], jid.device)) + _string(jid.user)
    if jid.server == "msgr":
        return bytes((t.FB_JID,)) + _string(jid.user) + jid.device.to_bytes(2, "big") + _string(jid.server)
    if jid.server == "interop":
        numbers = jid.device.to_bytes(2, "big") + jid.integrator.to_bytes(2, "big")
        return bytes((t.INTEROP_JID,)) + _string(jid.user) + numbers + _string(jid.server)
    user = _string(jid.user) if jid.user else bytes((t.LIST_EMPTY,))
    return bytes((t.JID_PAIR,)) + user + _string(jid.server)


# Reading


class _Reader:
    """A cursor over a stanza's bytes."""

    __slots__ = ("data", "pos")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0

    def take(self, size: int) -> bytes:
        end = self.pos + size
        chunk = self.data[self.pos : end]
        if len(chunk) != size:
            msg = "cut short"
            raise BinaryError(msg)
        self.pos = end
        return chunk

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def node(self) -> Node:
        size = self.list_size(self.number(1))
        if size == 0:
            msg = "empty node"
            raise BinaryError(msg)
        tag = self.string()
        attrs: dict[str, str | JID] = {}
        for _ in range((size - 1) >> 1):
            key = self.string()
            value = self.value(text=True)
            if not isinstance(value, str | JID):
                msg = f"attribute {key} is neither text nor an address"
                raise BinaryError(msg)
            attrs[key] = value
        if size & 1:
            return Node(tag, attrs)
        content = self.value(text=False)
        return Node(tag, attrs, str(content) if isinstance(content, JID) else content)

    def list_size(self, tag: int) -> int:
        if tag == t.LIST_8:
            return self.number(1)
        if tag == t.LIST_16:
            return self.number(2)
        if tag == t.LIST_EMPTY:
            return 0
        msg = f"byte {tag} is not a list"
        raise BinaryError(msg)

    def string(self) -> str:
        value = self.value(text=True)
        if isinstance(value, JID) or not isinstance(value, str) or not value:
            msg = f"expected text, found {value!r}"
            raise BinaryError(msg)
        return value

    def value(self, *, text: bool) -> "str | bytes | JID | list[Node] | None":
        tag = self.data[self.pos]
        self.pos += 1
        if 0 < tag < t.DICTIONARY_0:
            return t.SINGLE[tag]
        if tag <= t.DICTIONARY_3 and tag:
            return t.DOUBLE[tag - t.DICTIONARY_0][self.number(1)]
        if tag in _LENGTHS:
            raw = self.take(self.number(_LENGTHS[tag]) & _MASKS[tag])
            return raw.decode() if text else raw
        if tag in (t.LIST_8, t.LIST_16):
            return [self.node() for _ in range(self.list_size(tag))]
        if tag in (t.NIBBLE_8, t.HEX_8):
            return self.packed(tag)
        return self.special(tag, text=text)

    def packed(self, tag: int) -> str:
        head = self.number(1)
        alphabet = _NIBBLES if tag == t.NIBBLE_8 else _HEX
        raw = self.take(head & 127)
        digits = [half for byte in raw for half in (byte >> 4, byte & 15)]
        if head & 128:
            digits.pop()
        return "".join([alphabet[digit] for digit in digits])

    def special(self, tag: int, *, text: bool) -> "str | JID | None":
        if tag == t.LIST_EMPTY:
            return "" if text else None
        if tag == t.JID_PAIR:
            user = self.value(text=True)
            return JID(user if isinstance(user, str) else "", self.string())
        if tag == t.AD_JID:
            server = SERVERS.get(self.number(1), SERVERS[0])
            device = self.number(1)
            return JID(self.string(), server, device)
        if tag in (t.FB_JID, t.INTEROP_JID):
            name = self.string()
            device = self.number(2)
            integrator = self.number(2) if tag == t.INTEROP_JID else 0
            return JID(name, self.string(), device, integrator)
        msg = f"unknown token {tag}"
        raise BinaryError(msg)


_LENGTHS: Final = {t.BINARY_8: 1, t.BINARY_20: 3, t.BINARY_32: 4}
_MASKS: Final = {t.BINARY_8: 0xFF, t.BINARY_20: 0xFFFFF, t.BINARY_32: 0x7FFFFFFF}
