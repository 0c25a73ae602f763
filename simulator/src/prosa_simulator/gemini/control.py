"""The control API under /control, for other processes on this machine: JSON in and out, no key.

=======  ===================  ================================================================================
GET      /control/requests    recorded requests; ``?after=N`` only newer ones, ``?action=generateContent``
POST     /control/script      `ScriptDocument`: queue answers, add rules, set the default
POST     /control/settings    `SettingsDocument`
POST     /control/release     let hanging requests go on
POST     /control/reset       forget script entries, requests and caches
GET      /control/status      what is running
=======  ===================  ================================================================================
"""

import re
from typing import TYPE_CHECKING, Annotated, Self

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from prosa_simulator.gemini.answers import Answer
from prosa_simulator.gemini.prompt import Prompt
from prosa_simulator.gemini.requests import dump
from prosa_simulator.gemini.script import Matcher, on_any_turn, on_model, on_system, on_text
from prosa_simulator.gemini.wire import Json, JsonObject

if TYPE_CHECKING:
    from prosa_simulator.gemini.server import GeminiServer


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_regex)]
AnswerDocument = Annotated[Answer, Field(discriminator="kind")] | str


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RuleDocument(_Document):
    """A rule: every given pattern (regular expressions that ignore case) must match."""

    answer: AnswerDocument
    text: Pattern | None = None
    system: Pattern | None = None
    model: Pattern | None = None
    any_turn: Pattern | None = None
    times: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _has_pattern(self) -> Self:
        if not any((self.text, self.system, self.model, self.any_turn)):
            raise ValueError("a rule needs at least one of text, system, model, any_turn")
        return self

    def matcher(self) -> Matcher:
        """The predicate for `Script.when`."""
        kinds = ((self.text, on_text), (self.system, on_system), (self.model, on_model), (self.any_turn, on_any_turn))
        predicates = [make(pattern) for pattern, make in kinds if pattern]

        def matches(prompt: Prompt) -> bool:
            return all(predicate(prompt) for predicate in predicates)

        return matches


class ScriptDocument(_Document):
    """Additions to the script: `answers` to the queue, `rules` at the end, `default` in place of the present one."""

    answers: list[AnswerDocument] = []
    rules: list[RuleDocument] = []
    default: AnswerDocument | None = None


class SettingsDocument(_Document):
    """Settings to change; what is left out stays. `latency` in seconds."""

    latency: Annotated[float, Field(ge=0)] | None = None
    api_key: str | None = None


class Control:
    """The handlers, for one server."""

    def __init__(self, server: "GeminiServer") -> None:
        self._server = server

    def add_routes(self, app: web.Application) -> None:
        """Mount them on the application."""
        app.add_routes(
            [
                web.get("/control/requests", self._requests),
                web.get("/control/status", self._status),
                web.post("/control/script", self._script),
                web.post("/control/settings", self._settings),
                web.post("/control/release", self._release),
                web.post("/control/reset", self._reset),
            ]
        )

    async def _requests(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        action = request.query.get("action")
        if not after.isdecimal():
            return _reply({"error": "after must be a number"}, status=422)
        found: list[Json] = [
            record.as_json()
            for record in self._server.requests
            if record.number > int(after) and action in {None, record.action}
        ]
        return _reply({"total": self._server.requests.total, "requests": found})

    async def _status(self, _request: web.Request) -> web.Response:
        script = self._server.script
        return _reply(
            {
                "base_url": self._server.base_url,
                "requests": self._server.requests.total,
                "hanging": self._server.hanging,
                "queued": len(script.queue),
                "rules": len(script.rules),
                "latency": self._server.latency,
            }
        )

    async def _script(self, request: web.Request) -> web.Response:
        try:
            document = ScriptDocument.model_validate_json(await request.read())
        except ValidationError as error:
            return _invalid(error)
        script = self._server.script
        script.enqueue(*document.answers)
        for rule in document.rules:
            script.when(rule.matcher(), rule.answer, times=rule.times)
        if document.default is not None:
            script.default = document.default
        return _reply({"queued": len(script.queue), "rules": len(script.rules)})

    async def _settings(self, request: web.Request) -> web.Response:
        try:
            document = SettingsDocument.model_validate_json(await request.read())
        except ValidationError as error:
            return _invalid(error)
        if document.latency is not None:
            self._server.latency = document.latency
        if document.api_key is not None:
            self._server.api_key = document.api_key
        return _reply({"latency": self._server.latency})

    async def _release(self, _request: web.Request) -> web.Response:
        return _reply({"released": self._server.release()})

    async def _reset(self, _request: web.Request) -> web.Response:
        self._server.reset()
        return _reply({})


def _reply(body: JsonObject, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=dump(body), content_type="application/json")


def _invalid(error: ValidationError) -> web.Response:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    lines: list[Json] = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems]
    return _reply({"error": "invalid document", "problems": lines}, status=422)
