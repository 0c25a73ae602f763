"""Small parts: tokens, schemas, casing, base64, signatures, streaming pieces."""

import base64
import io
import wave
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # has no stubs installed
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from prosa_simulator.gemini import Prompt, Text, Turn
from prosa_simulator.gemini.counting import PromptTokens
from prosa_simulator.gemini.embeddings import embed
from prosa_simulator.gemini.reply import Bill, generate, response_chunks
from prosa_simulator.gemini.schema import instance_for
from prosa_simulator.gemini.signatures import is_valid_signature, sign_call
from prosa_simulator.gemini.tokens import Media, audio_seconds, pdf_pages, text_tokens
from prosa_simulator.gemini.wire import as_int, camelise, decode_base64


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("ação", 1)])
def test_text_tokens(text: str, tokens: int) -> None:
    assert text_tokens(text) == tokens


def test_media_tokens() -> None:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8_000)
        recording.writeframes(bytes(2 * 8_000 * 5))
    assert Media("audio/wav", sound.getvalue()).tokens == 5 * 32
    assert Media("audio/wav", b"RIFF not really").tokens == 1
    assert audio_seconds("audio/mpeg", bytes(32_000)) == 2
    assert audio_seconds("audio/ogg; codecs=opus", bytes(4_000)) == 2
    assert Media("video/mp4", bytes(125_000 * 3)).tokens == 3 * 263
    assert Media("text/plain", b"12345678").tokens == 2
    assert Media("application/pdf", b"no pages seen").tokens == 258
    assert pdf_pages(b"/Type/Pages /Kids /Type /Page\n/Type /Page>>") == 2
    assert Media("image/webp", bytes(10)).modality == "IMAGE"


class Nested(BaseModel):
    when: str = Field(min_length=3, max_length=5)
    kind: str | None
    children: "list[Nested]" = Field(max_length=3)


class Everything(BaseModel):
    name: str
    count: int = Field(ge=5, lt=7)
    low: int = Field(lt=0)
    ratio: float = Field(gt=0.5)
    flag: bool
    choice: Any = Field(json_schema_extra={"enum": ["b", "c"]})
    nested: Nested | None
    tags: list[str] = Field(min_length=2)


def test_instances_satisfy_their_schema() -> None:
    schema = Everything.model_json_schema()
    instance = instance_for(schema, text="x")
    jsonschema.validate(instance, schema)
    Everything.model_validate(instance)


def test_instances_of_openapi_schemas() -> None:
    schema: Any = {
        "type": "OBJECT",
        "properties": {
            "day": {"type": "STRING", "format": "date"},
            "either": {"anyOf": [{"type": "null"}, {"type": "INTEGER"}]},
            "maybe": {"type": ["null", "boolean"]},
            "fixed": {"const": 7},
            "nothing": {"type": "NULL"},
        },
    }
    assert instance_for(schema) == {"day": "2026-01-15", "either": 1, "maybe": True, "fixed": 7, "nothing": None}
    assert instance_for({"$ref": "#/nowhere"}, text="t") == "t"
    assert instance_for({"$ref": "#"}) is None  # a reference to itself ends


def test_camelise_leaves_the_callers_names() -> None:
    assert camelise({"function_call": {"args": {"my_key": 1}}, "top_k": 2, "a": [{"b_c": 3}]}) == {
        "functionCall": {"args": {"my_key": 1}},
        "topK": 2,
        "a": [{"bC": 3}],
    }


@given(st.binary())
def test_base64_of_any_alphabet(data: bytes) -> None:
    for text in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode().rstrip("=")):
        assert decode_base64(text) == data


@pytest.mark.parametrize("text", ["*", "a", "ab c", "é"])
def test_base64_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"not base64|ASCII"):
        decode_base64(text)


def test_integers() -> None:
    assert [as_int(v) for v in (3, "3", "-3", True, 3.5, "x", None)] == [3, 3, -3, None, None, None, None]


def test_signatures_bind_to_the_function() -> None:
    signature = sign_call("f")
    assert is_valid_signature(signature, "f")
    assert is_valid_signature(signature.replace("+", "-").replace("/", "_").rstrip("="), "f")
    assert not is_valid_signature(signature, "g")
    assert sign_call("f") != signature
    assert is_valid_signature("skip_thought_signature_validator", "f")
    assert not is_valid_signature("", "f")


@given(st.text(max_size=200))
def test_streamed_pieces_make_the_whole(text: str) -> None:
    asked = Prompt("gemini-2.5-flash", (Turn("user", ({"text": "?"},)),), stream=True)
    bill = Bill(PromptTokens(1, (("TEXT", 1),)))
    chunks: list[Any] = list(response_chunks(generate(Text(text), asked), asked, bill))
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"].get("parts", [])]
    assert "".join(part["text"] for part in parts) == text
    assert [chunk["candidates"][0].get("finishReason") for chunk in chunks] == [None] * (len(chunks) - 1) + ["STOP"]
    assert chunks[-1]["usageMetadata"].get("candidatesTokenCount", 0) == text_tokens(text)


@given(st.text(max_size=50), st.integers(1, 64))
def test_embeddings_are_unit_vectors(text: str, dimensions: int) -> None:
    vector = embed(text, dimensions)
    assert len(vector) == dimensions
    assert sum(value * value for value in vector) == pytest.approx(1)
