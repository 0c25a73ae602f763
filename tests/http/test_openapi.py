"""The OpenAPI document says everything that can be answered, and is valid in itself."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from tests.fixtures.http import create_test_app

from prosa.app import describe
from prosa.clock import utc_now
from prosa.events.log import LoggedEvent, Position
from prosa.events.types import PAYLOADS
from prosa.forms import IN_WORDS
from prosa.http.openapi import custom_openapi
from prosa.ids import new_id
from prosa.users.endpoints import router
from prosa.webhooks import signing


@pytest.fixture
def document() -> dict[str, Any]:
    app = create_test_app({}, [router])
    custom_openapi(app, public_url="https://prosa.example")
    return app.openapi()


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()

    schemas = document["components"]["schemas"]
    found = references(document)
    assert "#/components/schemas/Problem" in found
    assert {reference.removeprefix("#/components/schemas/") for reference in found} <= set(schemas)
    assert "HTTPValidationError" not in json.dumps(document)


def test_answers_from_around_the_endpoints_are_there(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert set(paths["/auth/state"]["get"]["responses"]) == {"200", "500", "503"}
    assert set(paths["/auth/login"]["post"]["responses"]) == {"200", "401", "413", "422", "429", "500", "503"}
    for path in paths.values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"]
            if operation.get("security"):
                assert "401" in operation["responses"]
    assert "Retry-After" in paths["/auth/login"]["post"]["responses"]["429"]["headers"]


def test_who_must_sign_in_is_said(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    open_to_all = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if not operation.get("security")
    }
    assert open_to_all == {"/auth/state", "/auth/register", "/auth/login", "/auth/refresh"}


def test_tags_and_server(document: dict[str, Any]) -> None:
    assert [tag["name"] for tag in document["tags"]] == ["Sign-in", "People", "API keys"]
    assert all(tag["description"] for tag in document["tags"])
    assert document["servers"] == [{"url": "https://prosa.example"}]


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


def test_what_webhooks_get_is_described() -> None:
    told = describe()["webhooks"]["event"]["post"]
    envelope = told["requestBody"]["content"]["application/json"]["schema"]
    known = {payload.event for payload in PAYLOADS}
    assert set(envelope["properties"]["event"]["enum"]) == known | {"webhook.test"}
    assert [parameter["name"] for parameter in told["parameters"]] == list(signing.headers([], "", utc_now(), b""))
    event = LoggedEvent(Position(0, 1), new_id(), "shop", "session.status", utc_now(), {"status": "open"}).envelope()
    assert list(Draft202012Validator(envelope).iter_errors(event)) == []


def test_every_body_has_an_example_that_fits() -> None:
    document = describe()
    seen, told = 0, dict[str, list[str]]()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            schema = content["schema"]
            whole = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
            example = content.get("example", next(iter(whole.get("examples", [])), None))
            assert example, f"{method} {path} has no example"
            validator = Draft202012Validator({**schema, "components": document["components"]})
            if wrong := [error.message for error in validator.iter_errors(example)]:
                told[f"{method} {path}"] = wrong
            seen += 1
    assert told == {}
    assert seen > 30


def test_every_form_that_a_text_must_have_is_said_in_words() -> None:
    def patterns(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["pattern"]} if isinstance(node.get("pattern"), str) else set()
            return own.union(*(patterns(value) for value in node.values()))
        return set().union(*(patterns(value) for value in node)) if isinstance(node, list) else set()

    found = patterns(describe())
    assert found
    assert found <= set(IN_WORDS)
