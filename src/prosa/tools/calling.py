"""One call of a tool: its arguments checked, its service asked, its answer cut to what a prompt can carry."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from prosa.auth.vault import SealBrokenError, Vault
from prosa.outgoing import Outgoing, RefusedAddressError

MAX_RESULT = 4_000
"""Characters of an answer that the model sees: about 1,000 tokens."""
MAX_ARGUMENTS = 8_000


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as it is called; `sealed` is its secret header's value."""

    id: str
    name: str
    description: str
    parameters: dict[str, Any]
    method: str
    url: str
    header_name: str | None
    sealed: str | None = field(repr=False)
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call.

    Attributes:
        name: The tool.
        arguments: With which.
        ok: The service answered, with success.
        status: HTTP status; None where there was no answer.
        result: What the model is told: the answer, or what went wrong.
        latency_ms: How long it took.
    """

    name: str
    arguments: dict[str, Any] = field(repr=False)
    ok: bool
    status: int | None
    result: str = field(repr=False)
    latency_ms: int


def seal_context(tool_id: uuid.UUID | str) -> str:
    """Return what a tool's secret is sealed for."""
    return f"tool:{tool_id}"


async def call(spec: ToolSpec, arguments: dict[str, Any], *, outgoing: Outgoing, vault: Vault) -> Called:
    """Call a tool. It never raises: what goes wrong is told to the model, and noted."""
    started = time.monotonic()
    ok, status, result = False, None, ""
    wrong = _wrong(arguments, spec.parameters)
    try:
        if wrong is not None:
            result = wrong
        else:
            headers = _headers(spec, vault)
            sent = {"params": _query(arguments)} if spec.method == "GET" else {"json": arguments}
            reached = await outgoing.request(
                spec.method, spec.url, headers=headers, seconds=spec.timeout_seconds, **sent
            )
            status, ok = reached.status, 200 <= reached.status < 300
            result = _shown(reached.text) if ok else f"The service answered with an error (HTTP {reached.status})."
    except RefusedAddressError as error:
        result = f"The service may not be asked: {error}."
    except SealBrokenError:
        result = "The service's secret header cannot be read; its owner must set it again."
    except TimeoutError:
        result = "The service did not answer in time."
    except OSError as error:
        result = f"The service could not be reached: {error}."
    latency = round((time.monotonic() - started) * 1000)
    return Called(spec.name, arguments, ok, status, result.replace("\0", ""), latency)


def _headers(spec: ToolSpec, vault: Vault) -> Mapping[str, str]:
    headers = {"Accept": "application/json, text/plain;q=0.9, */*;q=0.1"}
    if spec.header_name is not None and spec.sealed is not None:
        headers[spec.header_name] = vault.open(spec.sealed, seal_context(spec.id))
    return headers


def _query(arguments: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in arguments.items()
    }


def _shown(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_RESULT else text[:MAX_RESULT] + " […]"


_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
}  # fmt: skip


def _wrong(arguments: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """Say what is wrong with a model's arguments, in words that let it mend them; None where nothing is.

    Names, what is required and plain types: what models get wrong. The service itself checks the rest.
    """
    if len(orjson.dumps(arguments)) > MAX_ARGUMENTS:
        return "The arguments are too long."
    known = schema.get("properties") or {}
    missing = [name for name in schema.get("required") or () if name not in arguments]
    if missing:
        return f"Missing arguments: {', '.join(map(str, missing))}."
    unknown = [name for name in arguments if name not in known]
    if unknown and schema.get("additionalProperties") is False:
        return f"Unknown arguments: {', '.join(unknown)}."
    for name, value in arguments.items():
        rule = known.get(name)
        kind = rule.get("type") if isinstance(rule, dict) else None
        wanted = _TYPES.get(kind) if isinstance(kind, str) else None
        mismatch = wanted is not None and not isinstance(value, wanted)
        if mismatch or (kind in {"integer", "number"} and isinstance(value, bool)):
            return f"The argument {name} must be of type {kind}."
        choices = rule.get("enum") if isinstance(rule, dict) else None
        if isinstance(choices, list) and value not in choices:
            return f"The argument {name} must be one of: {', '.join(map(str, choices))}."
    return None
