"""Which model answers, with whose key."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.fixtures.names import LOOPBACK, PUBLIC, rebinding

from prosa.ai import failures, models
from prosa.ai.answer import AnswerRequest, AnswerService
from prosa.ai.context import PromptMessage
from prosa.ai.legacy import LegacyPinnedTransport
from prosa.ai.models import Models
from prosa.ai.names import ModelName
from prosa.auth.keys import Key
from prosa.outgoing import Rules
from prosa.pinning import PinnedTransport
from prosa.settings import Settings
from prosa_simulator.gemini import GeminiServer, on_model
from prosa_simulator.gemini import answers as says

FIRST, SECOND = "gemini-3.5-flash-lite", "gemini-3.8-flash"


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiServer]:
    async with GeminiServer(api_key="key-of-all") as server:
        yield server


def service(gemini: GeminiServer, *, key: str | None = "key-of-all", private: bool = True) -> AnswerService:
    settings = Settings(
        _env_file=None, gemini_api_key=key, gemini_base_url=gemini.base_url, data_dir=Path("unused"), ai_model=FIRST
    )
    return AnswerService(Models(settings, Rules(private=private)), timeout_seconds=10)


def asked(**options: Any) -> AnswerRequest:
    message = PromptMessage(1, "contact", "hi", asks=True)
    return AnswerRequest([message], datetime(2026, 11, 24, tzinfo=UTC), **options)


@pytest.mark.parametrize(
    ("said", "next_one"),
    [
        (says.overloaded(), True), (says.RateLimited(retry_after=9), True), (says.Failure(404, "gone"), True),
        (says.Failure(403, "denied"), True), (says.Failure(402, "pay"), True),
        (says.Empty(), True), (says.BlockedPrompt(), False), (says.Failure(400, "nonsense"), False),
    ],
    ids=lambda value: getattr(value, "kind", None),
)  # fmt: skip
async def test_another_model_answers_where_the_first_is_not_available(
    gemini: GeminiServer, said: says.Answer, next_one: bool
) -> None:
    gemini.script.when(on_model(FIRST), said)
    answers = service(gemini)
    if next_one:
        answer = await answers.answer(asked(fallbacks=("nowhere:x", SECOND)))
        assert answer.usage is not None
        assert answer.usage.model == answer.facts()["model"] == SECOND
        assert len(answer.calls) == (2 if isinstance(said, says.Empty) else 1), "what the empty answer cost is kept"
    else:
        with pytest.raises(failures.AnswerError):
            await answers.answer(asked(fallbacks=(SECOND,)))
        assert [r.model for r in gemini.requests.generations()] == [FIRST]
    await answers.close()


@pytest.mark.parametrize(
    ("first", "second", "reason", "retry_after"),
    [
        pytest.param(
            says.RateLimited(retry_after=9), says.internal_error(), failures.RateLimitedError, 9, id="the first one's"
        ),
        pytest.param(
            says.RateLimited(retry_after=3600), says.RateLimited(retry_after=9), failures.RateLimitedError, 9,
            id="whose that may answer soonest",
        ),
        pytest.param(
            says.RateLimited(retry_after=3600), says.overloaded(), failures.AnswerError, None,
            id="one that names no time, rather than an hour",
        ),
    ],
)  # fmt: skip
async def test_where_none_answers_one_reason_is_told(
    gemini: GeminiServer, first: Any, second: Any, reason: type[failures.AnswerError], retry_after: float | None
) -> None:
    gemini.script.when(on_model(FIRST), first)
    gemini.script.when(on_model(SECOND), second)
    answers = service(gemini)
    with pytest.raises(reason) as caught:
        await answers.answer(asked(fallbacks=(SECOND,)))
    assert (caught.value.temporary, caught.value.retry_after) == (True, retry_after)
    await answers.close()


async def test_what_may_be_had_later_from_another_model_is_waited_for(gemini: GeminiServer) -> None:
    gemini.script.when(on_model(FIRST), says.Failure(403, "denied"))
    gemini.script.when(on_model(SECOND), says.RateLimited(retry_after=9))
    answers = service(gemini)
    with pytest.raises(failures.RateLimitedError) as caught:
        await answers.answer(asked(fallbacks=(SECOND, "nowhere:x")))
    assert (caught.value.temporary, caught.value.retry_after) == (True, 9)
    with pytest.raises(failures.BadKeyError):
        await answers.answer(asked(fallbacks=("nowhere:x",)))
    await answers.close()


async def test_what_each_model_used_in_vain_is_known_by_itself(gemini: GeminiServer) -> None:
    gemini.script.when(on_model(FIRST), says.Empty())
    gemini.script.when(on_model(SECOND), says.BlockedAnswer())
    answers = service(gemini)
    with pytest.raises(failures.EmptyAnswerError) as caught:
        await answers.answer(asked(fallbacks=(SECOND,)))
    assert [used.model for _, used in caught.value.paid] == [FIRST, SECOND]
    assert all(used.input_tokens > 0 for _, used in caught.value.paid)
    await answers.close()


async def test_the_limit_of_a_call_holds_at_each_models_price(gemini: GeminiServer) -> None:
    answers = service(gemini)
    limit = 0.003  # US dollars: enough for a thousand tokens of the first model, not of the second
    await answers.answer(asked(most_usd=limit))
    gemini.script.when(on_model(FIRST), says.overloaded())
    await answers.answer(asked(most_usd=limit, fallbacks=(SECOND,)))
    first, second = (gemini.requests.generations()[place].prompt for place in (0, -1))
    assert first is not None
    assert second is not None
    assert first.config["maxOutputTokens"] == 1024
    assert 400 < second.config["maxOutputTokens"] < 800  # type: ignore[operator]
    await answers.close()


async def test_an_owners_key_is_used_first_and_is_enough(gemini: GeminiServer) -> None:
    gemini.api_key = "key-of-ana"
    keys = {"google": Key("key-of-ana")}
    answers = service(gemini, key=None)
    assert answers.unready(None) == "no_api_key"
    assert answers.unready(None, keys) is None
    assert (await answers.answer(asked(keys=keys))).text
    await answers.close()
    answers = service(gemini, key="key-of-all")
    assert (await answers.answer(asked(keys=keys))).text
    with pytest.raises(failures.BadKeyError):
        await answers.answer(asked())
    await answers.close()


async def test_a_slowed_down_key_holds_up_nobody_elses(gemini: GeminiServer) -> None:
    gemini.api_key = None
    answers = service(gemini)
    gemini.script.enqueue(says.RateLimited(retry_after=60))
    with pytest.raises(failures.RateLimitedError):
        await answers.answer(asked(keys={"google": Key("key-of-ana")}))
    assert (await answers.answer(asked(keys={"google": Key("key-of-bia")}))).text
    assert (await answers.answer(asked())).text
    with pytest.raises(failures.RateLimitedError) as caught:
        await answers.answer(asked(keys={"google": Key("key-of-ana")}))
    assert not caught.value.called
    await answers.close()


async def test_an_address_of_a_key_is_asked_only_where_that_is_allowed(gemini: GeminiServer) -> None:
    keys = {"google": Key("key-of-all", gemini.base_url)}
    async with GeminiServer(api_key="elsewhere") as other:
        allowed, refused = service(other), service(other, private=False)
        assert (await allowed.answer(asked(keys=keys))).text
        with pytest.raises(failures.BadModelError) as caught:
            await refused.answer(asked(keys=keys))
        assert not caught.value.called
        assert len(other.requests) == 0
        await allowed.close()
        await refused.close()


async def test_a_name_that_changes_its_meaning_reaches_no_private_address(
    gemini: GeminiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = service(gemini, private=False)
    address = gemini.base_url.replace("127.0.0.1", "rebind.example")
    keys = {"google": Key("key-of-ana", address)}
    with rebinding(monkeypatch, [PUBLIC], [LOOPBACK]) as names:
        with pytest.raises(failures.ProviderUnavailableError):
            await answers.answer(asked(keys=keys))
        with pytest.raises(failures.BadModelError, match="not a public one") as caught:
            await answers.answer(asked(keys=keys))
        assert not caught.value.called
        assert names.connected == [PUBLIC]
    assert (await answers.answer(asked())).text, "the installation's own setting may name any address"
    assert len(gemini.requests) == 1
    await answers.close()


async def test_a_redirect_of_an_owners_address_is_not_followed(gemini: GeminiServer) -> None:
    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{gemini.base_url}{request.path_qs}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", moved)
    async with TestServer(app) as server:
        answers = service(gemini)
        with pytest.raises(failures.AnswerError):
            await answers.answer(asked(keys={"google": Key("key-of-all", str(server.make_url("")))}))
        assert len(gemini.requests) == 0
        await answers.close()


class _Client:
    def __init__(self, http: Any) -> None:
        self._client = http


class _Httpx2Provider:
    def __init__(self, *, api_key: str, base_url: str, http_client: Any) -> None:
        self.client = _Client(http_client)


class _HttpxProvider:
    """As Groq's: its client refuses what is not httpx."""

    def __init__(self, *, api_key: str, base_url: str | None = None, http_client: Any = None) -> None:
        if not isinstance(http_client, httpx.AsyncClient):
            raise TypeError("Invalid `http_client` argument")
        self.client, self.base_url, self.api_key = _Client(http_client), base_url, api_key


class _ApiBaseProvider:
    """As LiteLLM's."""

    def __init__(self, *, api_key: str, api_base: str, http_client: Any) -> None:
        self.client = _Client(http_client)


class _ByItselfProvider:
    def __init__(self, *, api_key: str, base_url: str, http_client: Any) -> None:
        self.client = _Client(object())


class _FixedProvider:
    """As DeepSeek's."""

    def __init__(self, *, api_key: str, http_client: Any = None) -> None:
        self.client = _Client(http_client)


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], Any]:
    made = Models(Settings(_env_file=None, data_dir=Path("unused")), Rules())

    def get(provider: type) -> Any:
        monkeypatch.setattr(models, "infer_provider_class", lambda _: provider)
        monkeypatch.setattr(models, "infer_model", lambda _, provider_factory: provider_factory("other"))
        return made.get(ModelName("other", "x"), Key("key-of-ana", "https://models.example/v1"))

    return get


@pytest.mark.parametrize("provider", [_Httpx2Provider, _HttpxProvider, _ApiBaseProvider])
def test_a_provider_that_takes_an_address_gets_it_with_pinned_connections(
    other: Callable[[type], Any], provider: type
) -> None:
    http = other(provider).client._client
    assert isinstance(http, httpx.AsyncClient if provider is _HttpxProvider else httpx2.AsyncClient)
    assert isinstance(http._transport, PinnedTransport | LegacyPinnedTransport)
    assert not http.follow_redirects


@pytest.mark.parametrize("provider", [_ByItselfProvider, _FixedProvider])
def test_a_provider_that_takes_none_or_connects_by_itself_says_so(other: Callable[[type], Any], provider: type) -> None:
    with pytest.raises(failures.BadModelError, match="set the key without base_url") as caught:
        other(provider)
    assert not caught.value.called
