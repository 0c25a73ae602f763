"""JSON as it travels: types, and the two casings that Gemini accepts.

Protobuf's JSON mapping lets a reader take a field by its camelCase name or by its original snake_case
name, and clients mix both (google-genai 2.34 sends ``systemInstruction`` beside ``thinking_budget``). All the
other modules read camelCase only; `camelise` brings a body there.
"""

import base64
import binascii
import re
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]

# The values of these fields are the caller's own data (Struct, Schema, map fields in Google's
# ai/generativelanguage/v1beta protos): their keys must reach us untouched.
_OPAQUE = frozenset(
    {
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseSchema",
        "responseJsonSchema",
        "_responseJsonSchema",
        "partMetadata",
        "labels",
    }
)
_SNAKE = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")


def camelise(value: Json) -> Json:
    """The same JSON with every field name in camelCase, except inside the caller's own data."""
    if isinstance(value, list):
        return [camelise(item) for item in value]
    if isinstance(value, dict):
        renamed: JsonObject = {}
        for key, item in value.items():
            name = _SNAKE.sub(lambda found: found.group(1).upper(), key)
            renamed[name] = item if name in _OPAQUE else camelise(item)
        return renamed
    return value


def decode_base64(text: str) -> bytes:
    """Bytes of a base64 field: the standard and the URL-safe alphabet, padded or not (protobuf's JSON mapping).

    Raises:
        ValueError: the text is not base64.
    """
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error


def as_object(value: Json) -> JsonObject:
    """The value when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """The value when it is a JSON array, else an empty one; a lone object counts as an array of one."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def as_text(value: Json) -> str:
    """The value when it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def as_int(value: Json) -> int | None:
    """The value as an integer (protobuf's JSON mapping also writes 64-bit integers as strings), else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    return None
