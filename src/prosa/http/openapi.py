"""The OpenAPI document: FastAPI's, with what it cannot know: problem details, tags, where the API is."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from prosa import __version__
from prosa.http.key_rights import needs_all_numbers, needs_full_key, needs_person
from prosa.http.problems import MEDIA_TYPE, Problem, problems
from prosa.webhooks.schemas import EVENTS
from prosa.webhooks.service import TEST_EVENT

DESCRIPTION = """
Link WhatsApp numbers, read and send messages, and let an AI answer.

Sign in at `POST /auth/login` and send the access token as `Authorization: Bearer …`. Programs send an API key in its
place, or as `X-Api-Key: …`; people make them at `POST /api-keys` or in the console, of all their numbers or of some.
Errors are problem details (RFC 9457): rely on `code`, show `detail` and `remedy`. Collections come in pages: pass
`next_cursor` as `cursor`. Events come over the WebSocket at `/ws`, and to webhooks.
""".strip()

TAGS = {
    "Sign-in": "Registering the first owner, signing in and out, your own name and password.",
    "People": "Who may sign in, and their roles.",
    "API keys": "Your keys for programs. They take a person who signed in, as all that manages people and keys.",
    "Sessions": "Linked WhatsApp numbers: linking by QR or pairing code, status, settings.",
    "Conversations": "Chats of a number, and whether the AI answers in them.",
    "Messages": "Reading and sending messages, and their media.",
    "Tools": "HTTP services that the AI may call while it answers.",
    "Webhooks": "Addresses that are told what happens, by signed requests.",
    "Usage": "What answers cost.",
    "Events": "What happened, over the WebSocket or as a list.",
    "Health": "Whether Prosa works.",
}

_METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")


def custom_openapi(app: FastAPI, *, public_url: str | None = None) -> None:
    """Make `app` describe itself fully, at its first request for the document.

    Args:
        app: With all its routes.
        public_url: Where people reach it; left out: wherever the document came from.
    """

    def build() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, public_url)
        return app.openapi_schema

    app.openapi = build  # type: ignore[method-assign]  # FastAPI, "Extending OpenAPI"


def _document(app: FastAPI, public_url: str | None) -> dict[str, Any]:
    document = get_openapi(
        title="Prosa",
        version=__version__,
        summary="Self-hosted WhatsApp + AI inbox",
        description=DESCRIPTION,
        routes=app.routes,
        servers=[{"url": public_url or "/"}],
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    schemas.update(_problem_schemas())
    used: dict[str, None] = {}
    for method, path, operation in _operations(document):
        used.update(dict.fromkeys(operation.get("tags", [])))
        _complete(method, path, operation)
        _exemplify(operation, schemas)
    order = [*(tag for tag in TAGS if tag in used), *(tag for tag in used if tag not in TAGS)]
    document["webhooks"] = {"event": {"post": _told()}}
    document["tags"] = [{"name": tag, "description": TAGS[tag]} if tag in TAGS else {"name": tag} for tag in order]
    return document


def _told() -> dict[str, Any]:
    """Describe what webhooks get; docs/asyncapi.json has what each event carries."""
    names = {"webhook-id": "The same at every try.", "webhook-timestamp": "Seconds since the Unix epoch."}
    names["webhook-signature"] = "`v1,` and a signature by Standard Webhooks; two while the secret is replaced."
    envelope = {
        "type": "object",
        "required": ["id", "event", "timestamp", "session", "payload"],
        "properties": {
            "id": {"type": "string"},
            "event": {"type": "string", "enum": [*EVENTS, TEST_EVENT]},
            "timestamp": {"type": "integer", "description": "Milliseconds since the Unix epoch, UTC."},
            "session": {"type": ["string", "null"], "description": "The number it is about."},
            "payload": {"type": "object", "description": "As in the frames of the WebSocket: see /asyncapi.json."},
        },
    }
    return {
        "operationId": "webhook_event",
        "summary": "What a webhook gets",
        "description": "One event, as the WebSocket sends it. Any status of 200 to 299 within 10 seconds accepts it; "
        "410 switches the webhook off; after anything else it is tried again.",
        "tags": ["Webhooks"],
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": words}
            for name, words in names.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": envelope}}},
        "responses": {"2XX": {"description": "Accepted."}, "410": {"description": "No more events, ever."}},
    }


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                yield method.upper(), path, operation


def _complete(method: str, path: str, operation: dict[str, Any]) -> None:
    """Add the answers that come from around the endpoints."""
    responses: dict[str, Any] = operation["responses"]
    wanted = {500, 503}
    if operation.get("security"):
        wanted.add(401)
        if needs_person(method, path):
            operation["security"] = [one for one in operation["security"] if "api_key" not in one]
            wanted.add(403)
        elif needs_full_key(method, path) or needs_all_numbers(method, path):
            wanted.add(403)  # to API keys that read, or that are limited to some numbers
    if "requestBody" in operation:
        wanted |= {413, 422}
    if "422" in responses and MEDIA_TYPE not in responses["422"].get("content", {}):
        del responses["422"]  # FastAPI's own
        wanted.add(422)
    for status, response in problems(*sorted(wanted)).items():
        responses.setdefault(str(status), response)
    for status in ("429", "503"):
        if status in responses and MEDIA_TYPE in responses[status].get("content", {}):
            responses[status]["headers"] = _RETRY_AFTER
    operation["responses"] = dict(sorted(responses.items()))


def _exemplify(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Give a JSON body an example, made of its fields' own, where its schema has none as a whole."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None or "example" in content or "examples" in content:
        return
    schema = _resolved(content["schema"], schemas)
    if "examples" not in schema:
        content["example"] = _example(schema, schemas)


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Return a schema's first example, or one of those that its fields have, and what they are where left out."""
    schema = _resolved(schema, schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "default" in schema and schema["default"] is not None:
        return schema["default"]
    if "properties" not in schema:
        return schema["enum"][0] if "enum" in schema else None
    made = {name: _example(field, schemas) for name, field in schema["properties"].items()}
    return {name: value for name, value in made.items() if value is not None}


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema says, itself or by the first of its alternatives that says more than null."""
    if "examples" not in schema and "anyOf" in schema:
        schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
        return _resolved(schema, schemas)
    if "$ref" in schema:
        return _resolved(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    return schema


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    return {**schema.pop("$defs"), "Problem": schema}
