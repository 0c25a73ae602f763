"""How an answer of a model leaves: whole, as server-sent events or as a JSON array, or broken on purpose."""

import asyncio
from collections.abc import Iterable, Iterator

from aiohttp import web

from prosa_simulator.gemini.answers import Answer, Cut, Failure, Hang, Malformed, RateLimited, Text, WrongTypes
from prosa_simulator.gemini.errors import GoogleError, rate_limited
from prosa_simulator.gemini.prompt import Prompt
from prosa_simulator.gemini.reply import Bill, generate, response_body, response_chunks
from prosa_simulator.gemini.requests import RecordedRequest, dump
from prosa_simulator.gemini.wire import JsonObject, as_object

_SSE = "text/event-stream"
_JSON = "application/json"


class Exchange:
    """One generate request on its way out.

    Args:
        request: the HTTP request.
        record: its entry in the log, where outcome and usage are noted.
        prompt: what was asked.
        bill: what it costs.
    """

    def __init__(self, request: web.Request, record: RecordedRequest, prompt: Prompt, bill: Bill) -> None:
        self._request = request
        self._record = record
        self._prompt = prompt
        self._bill = bill
        self._sse = prompt.stream and request.query.get("alt") == "sse"

    async def send(self, answer: Answer) -> web.StreamResponse:
        """Send any answer but a `Hang`.

        Raises:
            GoogleError: the answer is an error, for the common error handling.
            TypeError: a `Hang` came here.
        """
        self._record.outcome = answer.kind
        match answer:
            case RateLimited():
                raise rate_limited(retry_after=answer.retry_after, model=self._prompt.model)
            case Failure() if self._prompt.stream and answer.after_text:
                return await self._fail_within(answer)
            case Failure():
                raise answer.error
            case Malformed():
                return self._whole(answer.body.encode())
            case WrongTypes():
                return self._whole(dump(answer.body))
            case Cut():
                return await self._cut(answer)
            case Hang():
                raise TypeError("a hanging answer is held back by the endpoint")
            case _:
                return await self._content(answer)

    async def _content(self, answer: Answer) -> web.StreamResponse:
        generated = generate(answer, self._prompt)
        if not self._prompt.stream:
            body = response_body(generated, self._prompt, self._bill)
            self._record.usage = as_object(body.get("usageMetadata"))
            return web.Response(body=dump(body), content_type=_JSON)
        delay = answer.chunk_delay if isinstance(answer, Text) else 0.0
        chunks = list(response_chunks(generated, self._prompt, self._bill))
        self._record.usage = as_object(chunks[-1].get("usageMetadata"))
        response = await self._open()
        for index, frame in enumerate(self._frames(chunks)):
            if index and delay:
                await asyncio.sleep(delay)
            await response.write(frame)
        await response.write_eof()
        return response

    async def _fail_within(self, answer: Failure) -> web.StreamResponse:
        """Text first, then the error as the stream's last message (the HTTP status is long sent: 200)."""
        generated = generate(Text(answer.after_text), self._prompt)
        chunks = list(response_chunks(generated, self._prompt, self._bill))[:-1] or [{}]
        response = await self._open()
        for frame in self._frames([*chunks, answer.error.body]):
            await response.write(frame)
        await response.write_eof()
        return response

    async def _cut(self, answer: Cut) -> web.StreamResponse:
        generated = generate(answer, self._prompt)
        if self._prompt.stream:
            body = b"".join(self._frames(response_chunks(generated, self._prompt, self._bill)))
            response = await self._open(length=None)
        else:
            body = dump(response_body(generated, self._prompt, self._bill))
            response = await self._open(length=len(body))
        await response.write(body[: int(len(body) * answer.keep)])
        drop_connection(self._request)
        return response

    async def _open(self, *, length: int | None = None) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = _SSE if self._sse else _JSON
        response.content_length = length
        await response.prepare(self._request)
        return response

    def _whole(self, body: bytes) -> web.Response:
        if self._sse:
            return web.Response(body=b"data: " + body + b"\r\n\r\n", content_type=_SSE)
        return web.Response(body=body, content_type=_JSON)

    def _frames(self, chunks: Iterable[JsonObject]) -> Iterator[bytes]:
        if self._sse:
            yield from (b"data: " + dump(chunk) + b"\r\n\r\n" for chunk in chunks)
            return
        opening = b"["  # without alt=sse Google streams one JSON array, an element at a time
        for chunk in chunks:
            yield opening + dump(chunk)
            opening = b"\n,\r\n"
        yield b"]"


def drop_connection(request: web.Request) -> None:
    """Close the client's connection after what was written so far."""
    if request.transport is not None:
        request.transport.close()


def error_response(error: GoogleError, *, as_array: bool) -> web.Response:
    """Google's error answer; ``streamGenerateContent`` without ``alt=sse`` wraps it in an array."""
    body = dump([error.body] if as_array else error.body)
    return web.Response(status=error.code, body=body, content_type=_JSON, headers=error.headers)
