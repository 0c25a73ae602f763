"""The implicit cache, alone and through the server."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosa_simulator.gemini import GeminiServer, internal_error
from prosa_simulator.gemini.prefix_cache import BLOCK_TOKENS, PrefixCache, default_minimum
from prosa_simulator.gemini.tokens import Media

BLOCK = 256  # characters


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_shared_blocks_count_and_the_tail_does_not() -> None:
    cache = PrefixCache(minimum=0)
    assert cache.admit("m", ["a" * BLOCK * 3]) == 0
    assert cache.admit("m", ["a" * BLOCK * 3 + "b" * BLOCK]) == 3 * BLOCK_TOKENS
    assert cache.admit("m", ["a" * (BLOCK * 2 + 255)]) == 2 * BLOCK_TOKENS
    assert cache.admit("m", ["b" + "a" * BLOCK * 3]) == 0
    assert cache.admit("other", ["a" * BLOCK * 3]) == 0


def test_pieces_are_one_text() -> None:
    cache = PrefixCache(minimum=0)
    text = "".join(chr(97 + i % 26) for i in range(1_000))
    cache.admit("m", [text[:100], text[100:700], text[700:]])
    assert cache.admit("m", [text]) == 3 * BLOCK_TOKENS


def test_a_file_is_part_of_the_prefix() -> None:
    cache = PrefixCache(minimum=0)
    image, other = Media("image/png", b"1"), Media("image/png", b"2")
    cache.admit("m", ["x" * 100, image, "y" * BLOCK])
    assert cache.admit("m", ["x" * 100, image, "y" * BLOCK]) == 25 + 258 + BLOCK_TOKENS
    assert cache.admit("m", ["x" * 100, other, "y" * BLOCK]) == 0
    assert cache.admit("m", ["x" * 99, image, "y" * BLOCK]) == 0


def test_minimum_lifetime_and_bound() -> None:
    clock = Clock()
    cache = PrefixCache(minimum=4 * BLOCK_TOKENS, ttl=10, max_blocks=8, clock=clock)
    cache.admit("m", ["a" * BLOCK * 4])
    assert cache.admit("m", ["a" * BLOCK * 3]) == 0  # under the minimum
    clock.now = 9
    assert cache.admit("m", ["a" * BLOCK * 4]) == 4 * BLOCK_TOKENS  # and renewed
    clock.now = 18
    assert cache.admit("m", ["a" * BLOCK * 4]) == 4 * BLOCK_TOKENS
    clock.now = 29
    assert cache.admit("m", ["a" * BLOCK * 4]) == 0
    cache.admit("m", ["c" * BLOCK * 8])
    assert len(cache) == 8
    assert cache.admit("m", ["a" * BLOCK * 4]) == 0  # pushed out


def test_minimum_follows_the_model() -> None:
    assert default_minimum("gemini-2.5-flash") == 2_048
    assert default_minimum("gemini-3-pro-preview") == 4_096


@given(st.text(max_size=3 * BLOCK), st.text(max_size=BLOCK), st.text(max_size=BLOCK))
def test_never_more_than_the_common_prefix(common: str, first: str, second: str) -> None:
    cache = PrefixCache(minimum=0)
    one, two = common + first, common + second
    cache.admit("m", [one])
    shared = cache.admit("m", [two])
    length = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    assert shared == length // BLOCK * BLOCK_TOKENS


def body(*texts: str, system: str) -> dict[str, Any]:
    roles = ("user", "model")
    return {
        "systemInstruction": {"parts": [{"text": system}]},
        "contents": [{"role": roles[i % 2], "parts": [{"text": text}]} for i, text in enumerate(texts)],
    }


@pytest.mark.parametrize(("model", "expected"), [("gemini-2.5-flash", 3_008), ("gemini-3-flash-preview", 0)])
async def test_a_growing_conversation_hits(http: httpx.AsyncClient, model: str, expected: int) -> None:
    url = f"/v1beta/models/{model}:generateContent"
    system = "0123456789" * 1_205  # 12,050 characters: 47 blocks, 3,008 tokens
    first = (await http.post(url, json=body("hi", system=system))).json()["usageMetadata"]
    second = (await http.post(url, json=body("hi", "hello", "more", system=system))).json()["usageMetadata"]
    changed = (await http.post(url, json=body("hi", system="!" + system))).json()["usageMetadata"]

    assert "cachedContentTokenCount" not in first
    assert "cachedContentTokenCount" not in changed
    assert second.get("cachedContentTokenCount", 0) == expected
    assert second["promptTokenCount"] == 3_013 + 1 + 2 + 1  # the cached part is inside it
    if expected:
        assert second["cacheTokensDetails"] == [{"modality": "TEXT", "tokenCount": expected}]


async def test_failures_leave_no_prefix_and_counting_neither() -> None:
    async with GeminiServer(cache_minimum=64) as gemini, httpx.AsyncClient(base_url=gemini.base_url) as http:
        url, key = "/v1beta/models/gemini-2.5-flash:", {"key": "test-key"}
        asked = body("x" * 1_024, system="s")
        gemini.script.enqueue(internal_error())
        await http.post(url + "generateContent", params=key, json=asked)
        await http.post(url + "countTokens", params=key, json={"contents": asked["contents"]})
        assert len(gemini.prefixes) == 0
        await http.post(url + "generateContent", params=key, json=asked)
        again = await http.post(url + "streamGenerateContent", params=key, json=asked)
        assert again.json()[-1]["usageMetadata"]["cachedContentTokenCount"] == 256
