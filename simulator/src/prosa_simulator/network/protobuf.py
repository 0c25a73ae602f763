"""The few protobuf messages of the wire protocol, encoded and decoded by hand.

Only varint and length-delimited fields are needed (protobuf.dev/programming-guides/encoding). Field numbers are
those of the ``.proto`` files that whatsmeow publishes (``proto/waCert``, ``waWa6``, ``waAdv``, ``waCompanionReg``);
each user of this module names them.
"""

from collections.abc import Iterable


class ProtobufError(ValueError):
    """The bytes are not a well-formed message."""


class Fields(dict[int, int | bytes]):
    """A decoded message: the last value of each field, by number."""

    def data(self, number: int) -> bytes:
        """Return a length-delimited field; empty when absent or of another kind."""
        value = self.get(number)
        return value if isinstance(value, bytes) else b""

    def number(self, number: int) -> int:
        """Return a varint field; 0 when absent or of another kind."""
        value = self.get(number)
        return value if isinstance(value, int) else 0

    def message(self, number: int) -> "Fields":
        """Return an embedded message; empty when absent.

        Raises:
            ProtobufError: the field does not hold a message.
        """
        return decode(self.data(number))


def encode(fields: Iterable[tuple[int, int | bytes | str | None]]) -> bytes:
    """Encode numbered fields in order; ``None`` leaves a field out."""
    out = bytearray()
    for number, value in fields:
        if value is None:
            continue
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            raw = value.encode() if isinstance(value, str) else value
            out += _varint(number << 3 | 2) + _varint(len(raw)) + raw
    return bytes(out)


def decode(data: bytes) -> Fields:
    """Read a message's fields; fixed-width fields are skipped.

    Raises:
        ProtobufError: the bytes are cut short or use an unknown wire type.
    """
    fields = Fields()
    pos = 0
    while pos < len(data):
        key, pos = _read_varint(data, pos)
        kind = key & 7
        if kind == 0:
            fields[key >> 3], pos = _read_varint(data, pos)
            continue
        if kind == 2:
            size, pos = _read_varint(data, pos)
            fields[key >> 3] = data[pos : pos + size]
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            msg = f"wire type {kind}"
            raise ProtobufError(msg)
        pos += size
        if pos > len(data):
            msg = "cut short"
            raise ProtobufError(msg)
    return fields


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, pos: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if pos >= len(data) or shift > 63:
            msg = "bad varint"
            raise ProtobufError(msg)
        byte = data[pos]
        value |= (byte & 127) << shift
        pos += 1
        shift += 7
        if byte < 128:
            return value, pos
