"""The REST methods of ``generativelanguage.googleapis.com`` that a chat application uses, under /v1 and /v1beta."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from prosa_simulator.gemini.answers import Answer, Failure, Hang, RateLimited
from prosa_simulator.gemini.cached_contents import CachedContents, list_body
from prosa_simulator.gemini.counting import PromptTokens, prompt_stream, prompt_tokens
from prosa_simulator.gemini.embeddings import embed
from prosa_simulator.gemini.errors import invalid_argument, model_not_found
from prosa_simulator.gemini.exchange import Exchange, drop_connection
from prosa_simulator.gemini.models import CATALOGUE, ModelInfo, find_model
from prosa_simulator.gemini.prefix_cache import PrefixCache
from prosa_simulator.gemini.prompt import Prompt, read_prompt
from prosa_simulator.gemini.recording import RECORD, read_body
from prosa_simulator.gemini.reply import Bill
from prosa_simulator.gemini.requests import RequestLog, dump
from prosa_simulator.gemini.script import Script
from prosa_simulator.gemini.signatures import check_signatures
from prosa_simulator.gemini.tokens import text_tokens
from prosa_simulator.gemini.validate import check_contents, check_generate, check_tool_turns, contents_of_embedding
from prosa_simulator.gemini.wire import Json, JsonObject, as_int, as_list, as_object, as_text

_VERSION = "/{version:v1|v1beta}"
_MAX_PAGE = 1_000
_MAX_EMBEDDINGS = 100  # per batchEmbedContents request


class GeminiEndpoints:
    """The handlers and the state they share.

    Attributes:
        latency: seconds every generate request waits, on top of its answer's own.
        hanging: how many requests are held back now.
        check_signatures: whether tool calls must echo their thought signature.
    """

    def __init__(self, script: Script, log: RequestLog, prefixes: PrefixCache, caches: CachedContents) -> None:
        self.script = script
        self._log = log
        self.prefixes = prefixes
        self.caches = caches
        self.latency = 0.0
        self.hanging = 0
        self.check_signatures = True
        self.closing = False
        self._released = asyncio.Event()

    def add_routes(self, app: web.Application) -> None:
        """Mount everything on the application."""
        model = _VERSION + "/models/{model:[^/:]+}"
        entry = _VERSION + "/cachedContents/{id:[^/:]+}"
        app.add_routes(
            [
                web.get(_VERSION + "/models", self._list_models),
                web.get(model, self._get_model),
                web.post(model + ":{action:[A-Za-z]+}", self._act),
                web.post(_VERSION + "/cachedContents", self._create_cache),
                web.get(_VERSION + "/cachedContents", self._list_caches),
                web.get(entry, self._get_cache),
                web.patch(entry, self._update_cache),
                web.delete(entry, self._delete_cache),
            ]
        )

    def release(self) -> int:
        """Let every hanging request go on; returns how many there were."""
        self._released.set()
        self._released = asyncio.Event()
        return self.hanging

    async def _act(self, request: web.Request) -> web.StreamResponse:
        action = request.match_info["action"]
        record = request[RECORD]
        record.action, record.model = action, request.match_info["model"]
        handlers: dict[str, Callable[[web.Request, ModelInfo], Awaitable[web.StreamResponse]]] = {
            "generateContent": self._generate,
            "streamGenerateContent": self._generate,
            "countTokens": self._count,
            "embedContent": self._embed,
            "batchEmbedContents": self._embed_batch,
        }
        model = find_model(request.match_info["model"])
        if model is None or action not in handlers or action not in model.actions:
            raise model_not_found(request.match_info["model"], request.match_info["version"], action)
        return await handlers[action](request, model)

    async def _generate(self, request: web.Request, model: ModelInfo) -> web.StreamResponse:
        body = await read_body(request)
        check_generate(body)
        cache = self.caches.get(name) if (name := as_text(body.get("cachedContent"))) else None
        if cache is not None and cache.model != model.name:
            raise invalid_argument(
                f"Model used by GenerateContent request (models/{model.name}) and CachedContent "
                f"(models/{cache.model}) has to be the same."
            )
        stream = request.match_info["action"] == "streamGenerateContent"
        prompt = read_prompt(model.name, body, cached=cache.source if cache else None, stream=stream)
        record = request[RECORD]
        record.prompt = prompt
        check_tool_turns(prompt.turns)
        if self.check_signatures:
            check_signatures(prompt)
        tokens = prompt_tokens(prompt)
        _check_size(tokens, model)
        answer = await self._decide(request, prompt)
        if answer is None:
            record.outcome = "dropped"
            drop_connection(request)
            return web.Response()
        cached = 0
        if not isinstance(answer, Failure | RateLimited):  # an error never reached the model, nor its cache
            cached = self.prefixes.admit(model.name, prompt_stream(prompt))
        if cache is not None:
            cached = max(cached, cache.tokens)
        return await Exchange(request, record, prompt, Bill(tokens, min(cached, tokens.total))).send(answer)

    async def _decide(self, request: web.Request, prompt: Prompt) -> Answer | None:
        """The scripted answer once its time has come; None where the connection is to be dropped."""
        answer: Answer | None = await self.script.answer(prompt)
        while answer is not None:
            if delay := self.latency + answer.latency:
                await asyncio.sleep(delay)
            if not isinstance(answer, Hang):
                return answer
            request[RECORD].outcome = "hang"
            await self._hold()
            answer = None if self.closing else answer.then
        return None

    async def _hold(self) -> None:
        released = self._released
        self.hanging += 1
        self._log.notify()
        try:
            if not self.closing:
                await released.wait()
        finally:
            self.hanging -= 1

    async def _count(self, request: web.Request, model: ModelInfo) -> web.StreamResponse:
        body = await read_body(request)
        whole = as_object(body.get("generateContentRequest")) or body
        check_contents(whole)
        if not as_list(whole.get("contents")):
            raise invalid_argument("* CountTokensRequest.contents: contents is not specified\n")
        cache = self.caches.get(name) if (name := as_text(whole.get("cachedContent"))) else None
        prompt = read_prompt(model.name, whole, cached=cache.source if cache else None)
        request[RECORD].prompt = prompt
        tokens = prompt_tokens(prompt)
        counted: JsonObject = {"totalTokens": tokens.total, "promptTokensDetails": tokens.details}
        if cache is not None:
            counted["cachedContentTokenCount"] = cache.tokens
        return _answer(request, counted, "tokens")

    async def _embed(self, request: web.Request, model: ModelInfo) -> web.StreamResponse:
        body = await read_body(request)
        return _answer(request, {"embedding": _embedding(body, model)}, "embedding")

    async def _embed_batch(self, request: web.Request, model: ModelInfo) -> web.StreamResponse:
        entries = as_list((await read_body(request)).get("requests"))
        if not 0 < len(entries) <= _MAX_EMBEDDINGS:
            raise invalid_argument(
                f"* BatchEmbedContentsRequest.requests: at least 1 and at most {_MAX_EMBEDDINGS} requests can be in "
                "one batch\n"
            )
        embeddings: list[Json] = [_embedding(as_object(entry), model) for entry in entries]
        return _answer(request, {"embeddings": embeddings}, "embeddings")

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        request[RECORD].action = "models.list"
        size, token = _paging(request)
        start = int(token) if token.isdecimal() else 0
        end = start + size
        models: list[Json] = [model.body for model in CATALOGUE[start:end]]
        answer: JsonObject = {"models": models}
        if end < len(CATALOGUE):
            answer["nextPageToken"] = str(end)
        return _answer(request, answer, "models")

    async def _get_model(self, request: web.Request) -> web.StreamResponse:
        request[RECORD].action = "models.get"
        name = request.match_info["model"]
        model = find_model(name)
        if model is None:
            raise model_not_found(name, request.match_info["version"], "getModel")
        request[RECORD].model = name
        return _answer(request, model.body, "model")

    async def _create_cache(self, request: web.Request) -> web.StreamResponse:
        record = request[RECORD]
        record.action = "cachedContents.create"
        body = await read_body(request)
        name = as_text(body.get("model")).removeprefix("models/")
        model = find_model(name)
        if model is None or "createCachedContent" not in model.actions:
            raise model_not_found(name, request.match_info["version"], "createCachedContent")
        check_contents(body)
        record.model, record.prompt = name, read_prompt(name, body)
        entry = self.caches.create(name, body, prompt_tokens(record.prompt).total)
        return _answer(request, entry.body, "cache")

    async def _list_caches(self, request: web.Request) -> web.StreamResponse:
        request[RECORD].action = "cachedContents.list"
        return _answer(request, list_body(*self.caches.page(*_paging(request))), "caches")

    async def _get_cache(self, request: web.Request) -> web.StreamResponse:
        request[RECORD].action = "cachedContents.get"
        return _answer(request, self.caches.get(_cache_name(request)).body, "cache")

    async def _update_cache(self, request: web.Request) -> web.StreamResponse:
        request[RECORD].action = "cachedContents.patch"
        entry = self.caches.update(_cache_name(request), await read_body(request))
        return _answer(request, entry.body, "cache")

    async def _delete_cache(self, request: web.Request) -> web.StreamResponse:
        request[RECORD].action = "cachedContents.delete"
        self.caches.delete(_cache_name(request))
        return _answer(request, {}, "deleted")


def _answer(request: web.Request, body: JsonObject, outcome: str) -> web.Response:
    request[RECORD].outcome = outcome
    return web.Response(body=dump(body), content_type="application/json")


def _check_size(tokens: PromptTokens, model: ModelInfo) -> None:
    if tokens.total > model.input_limit:
        raise invalid_argument(
            f"The input token count ({tokens.total}) exceeds the maximum number of tokens allowed "
            f"({model.input_limit})."
        )


def _embedding(request: JsonObject, model: ModelInfo) -> JsonObject:
    text = contents_of_embedding(request)
    dimensions = as_int(request.get("outputDimensionality"))
    if dimensions is None:
        dimensions = model.dimensions
    if not 1 <= dimensions <= model.dimensions:
        raise invalid_argument(f"outputDimensionality must be between 1 and {model.dimensions}.")
    # A text over the limit is cut, not refused (ai.google.dev/gemini-api/docs/embeddings).
    if text_tokens(text) > model.input_limit:
        text = text[: model.input_limit * 4]
    values: list[Json] = [*embed(text, dimensions)]
    return {"values": values}


def _paging(request: web.Request) -> tuple[int, str]:
    size = as_int(request.query.get("pageSize")) or 50
    if size < 0:
        raise invalid_argument("page_size must not be negative.")
    return min(size, _MAX_PAGE), request.query.get("pageToken", "")


def _cache_name(request: web.Request) -> str:
    return f"cachedContents/{request.match_info['id']}"
