"""Writes a network as ONNX, in memory, so that onnxruntime can run weights that are kept in another form.

The few fields that are needed of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, whose numbers stand below, in
Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding). The package `onnx` does the same with
40 MB of libraries.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from prosa.embeddings.arrays import np

IR_VERSION = 9
OPSETS: Final = {"": 18, "com.microsoft": 1}
"""Versions of the operators: ONNX's own, and onnxruntime's
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md)."""
_TYPES: Final = {"float32": 1, "uint8": 2, "int64": 7}
_FLOAT, _INT = 1, 2
"""Of AttributeProto.AttributeType."""

Message = list[bytes | memoryview]


class Graph:
    """A network that is being written: steps in order, each with the names of what it takes and gives."""

    def __init__(self) -> None:
        self._steps: list[bytes] = []
        self._constants: list[Message] = []

    def constant(self, name: str, value: Any) -> str:
        """Add an array; return its name."""
        fields = b"".join(_number(1, size) for size in value.shape) + _number(2, _TYPES[value.dtype.name])
        data = np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
        self._constants.append([fields, _text(8, name), *_message(9, [data])])
        return name

    def step(self, operator: str, takes: Sequence[str], *gives: str, domain: str = "", **options: float) -> str:
        """Add an operator; return the name of the first thing that it gives.

        Args:
            operator: Its name.
            takes: Names of what it works on; empty for one left out.
            gives: Names of its results.
            domain: Whose operator it is.
            options: Its attributes, whole numbers or fractions.
        """
        fields = b"".join(_text(1, name) for name in takes) + b"".join(_text(2, name) for name in gives)
        attributes = b"".join(_bytes(5, _attribute(name, value)) for name, value in options.items())
        self._steps.append(fields + _text(4, operator) + attributes + _text(7, domain))
        return gives[0]

    def model(self, takes: Mapping[str, Sequence[int | str]], gives: Mapping[str, Sequence[int | str]]) -> bytes:
        """Return the whole, which takes and gives arrays of 32-bit floats of these sizes (a name where any will do)."""
        graph: Message = [*(_bytes(1, step) for step in self._steps), _text(2, "prosa")]
        for constant in self._constants:
            graph += _message(5, constant)
        graph += [_bytes(11, _value(*value)) for value in takes.items()]
        graph += [_bytes(12, _value(*value)) for value in gives.items()]
        opsets = [_bytes(8, _text(1, domain) + _number(2, version)) for domain, version in OPSETS.items()]
        return b"".join([_number(1, IR_VERSION), *_message(7, graph), *opsets])


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    sizes = (_number(1, size) if isinstance(size, int) else _text(2, size) for size in shape)
    tensor = _number(1, _TYPES["float32"]) + _bytes(2, b"".join(_bytes(1, size) for size in sizes))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT)
    return _text(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, _FLOAT)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers are written as 64-bit ones
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _message(field: int, parts: Message) -> Message:
    """Return a field whose value is in parts: weights are megabytes, and copied only where all is put together."""
    return [_varint(field << 3 | 2), _varint(sum(map(len, parts))), *parts]


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
