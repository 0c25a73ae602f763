"""The AsyncAPI 3.0 document of `/ws`, built from the types of the events so that it cannot drift from them."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from prosa.events.frames import AuthFrame, PingFrame, WatchingFrame
from prosa.events.types import PASSING, PAYLOADS

REF = "#/components/schemas/{model}"


def document(version: str) -> dict[str, Any]:
    """Return the document for a version of Prosa."""
    models: list[type[BaseModel]] = [*PAYLOADS, *PASSING, AuthFrame, PingFrame, WatchingFrame]
    _, definitions = models_json_schema([(model, "serialization") for model in models], ref_template=REF)
    schemas: dict[str, Any] = definitions.get("$defs", {})
    events = (*PAYLOADS, *PASSING)
    received = {payload.event: _event(payload.event, payload.__name__, payload.__doc__ or "") for payload in events}
    received["ready"] = _plain(
        "ready",
        "The first frame: signed in. `complete` is false where too much was missed to replay.",
        {
            "last_event_id": {"type": "string"},
            "replayed": {"type": "integer"},
            "complete": {"type": "boolean"},
            "detail": {"type": ["string", "null"]},
        },
    )
    received["pong"] = _plain("pong", "Answers a ping.", {})
    sent = {
        "auth": {"summary": "Signs in.", "payload": {"$ref": REF.format(model="AuthFrame")}},
        "ping": {"summary": "Asks for a pong.", "payload": {"$ref": REF.format(model="PingFrame")}},
        "watching": {
            "summary": "A person looks: the numbers show as online for 90 s, so that WhatsApp tells who types.",
            "payload": {"$ref": REF.format(model="WatchingFrame")},
        },
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Prosa events",
            "version": version,
            "description": "Real-time events. Sign in by `Authorization: Bearer` (and `?last_event_id=`), or by "
            "`auth` as the first frame, within 10 s; with an access token or an API key (or that as `X-Api-Key`). "
            "With a key that is limited to some numbers come the events of these only. "
            "Reconnect with the last id you saw to get what you missed. A connection that is refused is closed with "
            "4401 (not or no longer signed in), 4403 (the API key may not do this) or 4400, and a reason.",
        },
        "channels": {
            "events": {
                "address": "/ws",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*received, *sent)},
            }
        },
        "operations": {
            "receiveEvents": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "messages": [{"$ref": f"#/channels/events/messages/{name}"} for name in received],
            },
            "sendFrames": {
                "action": "receive",
                "channel": {"$ref": "#/channels/events"},
                "messages": [{"$ref": f"#/channels/events/messages/{name}"} for name in sent],
            },
        },
        "components": {"schemas": schemas, "messages": {**received, **sent}},
    }


def _event(name: str, model: str, summary: str) -> dict[str, Any]:
    return {
        "name": name,
        "summary": summary.strip(),
        "payload": {
            "type": "object",
            "required": ["id", "event", "timestamp", "session", "payload"],
            "properties": {
                "id": {
                    "type": "string",
                    "description": "Pass the last one seen as last_event_id when reconnecting. "
                    "An event that is not stored has the id of the one before it.",
                },
                "event": {"const": name},
                "timestamp": {"type": "integer", "description": "Milliseconds since the Unix epoch, UTC."},
                "session": {"type": ["string", "null"], "description": "The number it is about."},
                "payload": {"$ref": REF.format(model=model)},
            },
        },
    }


def _plain(name: str, summary: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "summary": summary,
        "payload": {
            "type": "object",
            "required": ["event", *properties],
            "properties": {"event": {"const": name}, **properties},
        },
    }
