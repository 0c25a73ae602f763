"""REST of numbers, over HTTP and on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, update
from tests.fixtures.conversations import add_owner
from tests.fixtures.http import client_of, create_test_app
from tests.sessions.conftest import House, eventually

from prosa.clock import utc_now
from prosa.conversations.models import Conversation
from prosa.database.base import Base
from prosa.sessions.endpoints import router
from prosa.sessions.repository import TABLE
from prosa.sessions.service import SessionService
from prosa.tools.models import Tool
from prosa.whatsapp.engine import PasskeyConfirmation, PasskeyRequested


@pytest.fixture
async def api(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_test_app({SessionService: house.service}, [router], house.caller)) as client:
        yield client


@pytest.fixture
async def other(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Another person."""
    caller = await add_owner(house.database, "other@example.com")
    async with client_of(create_test_app({SessionService: house.service}, [router], caller)) as client:
        yield client


async def make(api: httpx.AsyncClient, session_id: str = "shop", **body: Any) -> dict[str, Any]:
    answer = await api.post("/sessions", json={"session_id": session_id, **body})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_creating_reading_changing_deleting(api: httpx.AsyncClient) -> None:
    made = await make(api, name="Shop", settings={"instructions": "Be kind."}, metadata={"customer": 42})
    assert (made["status"], made["status_reason"], made["wanted"]) == ("closed", "not_linked", False)
    assert made["settings"]["debounce_seconds"] == 1.0
    assert made["ai"] == {"state": "on", "reason": None}
    assert made["metadata"] == {"customer": 42}

    changed = (await api.patch("/sessions/shop", json={"settings": {"ai_enabled": False}})).json()
    assert changed["settings"] | {"ai_enabled": True} == made["settings"]
    assert changed["ai"] == {"state": "off", "reason": "ai_off"}
    assert changed["name"] == "Shop"
    changed = (await api.patch("/sessions/shop", json={"name": None, "metadata": {}})).json()
    assert (changed["name"], changed["metadata"]) == (None, {})
    assert changed["settings"]["ai_enabled"] is False
    assert (await api.patch("/sessions/shop", json={})).json() == changed
    assert (await api.get("/sessions/shop")).json() == changed

    assert (await api.delete("/sessions/shop")).status_code == 204
    assert (await api.get("/sessions/shop")).status_code == 404


async def test_a_number_that_shows_its_code_is_removed_as_unused(api: httpx.AsyncClient, house: House) -> None:
    await make(api)
    assert (await api.post("/sessions/shop/connect")).json()["status"] == "qr"
    connection = house.engine.sessions["shop"]
    assert (await api.delete("/sessions/shop", params={"unused": True})).status_code == 204
    assert (await api.get("/sessions/shop")).status_code == 404
    await eventually(lambda: connection.closed, "the connection is still open")
    assert (await house.events())[-1].payload["reason"] == "deleted"
    await make(api)  # the name is free again, and works
    assert (await api.post("/sessions/shop/connect")).json()["status"] == "qr"


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Shop"}, {"extra": {"customer": 1}}, {"settings": {"instructions": "Be kind."}},
        {"jid": "551140000001:7@s.whatsapp.net"}, {"last_connected_at": datetime(2026, 1, 2, tzinfo=UTC)},
        {"status": "pairing"}, {"status": "passkey"}, {"status": "logged_out"},
    ],
)  # fmt: skip
async def test_what_is_or_was_linked_or_set_is_not_removed_as_unused(
    api: httpx.AsyncClient, house: House, values: dict[str, Any]
) -> None:
    await make(api)
    await api.get("/sessions/shop")  # what was read of it before counts for nothing
    async with house.database.write() as db:
        await db.execute(update(TABLE).where(TABLE.c.session_id == "shop").values(values))
    answer = await api.delete("/sessions/shop", params={"unused": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "unused" in answer.json()["remedy"]
    assert (await house.row()).session_id == "shop"


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Conversation, {"contact_jid": "5511999990001@s.whatsapp.net", "kind": "contact"}),
        (Tool, {"name": "orders", "description": "x", "parameters": {}, "method": "GET", "url": "https://a.example"}),
    ],
)
async def test_a_number_that_something_belongs_to_is_not_removed_as_unused(
    api: httpx.AsyncClient, house: House, model: type[Base], values: dict[str, Any]
) -> None:
    await make(api)
    async with house.database.write() as db:
        await db.execute(insert(model).values(session_id="shop", **values))
    assert (await api.delete("/sessions/shop", params={"unused": True})).status_code == 409
    assert (await api.delete("/sessions/shop")).status_code == 204


async def test_why_the_ai_is_off(house: House) -> None:
    service = house.make_service(house.gateway, ai_ready=lambda _: "no_api_key")
    async with client_of(create_test_app({SessionService: service}, [router], house.caller)) as api:
        assert (await make(api))["ai"] == {"state": "off", "reason": "no_api_key"}


async def test_a_name_is_taken_once(api: httpx.AsyncClient, other: httpx.AsyncClient) -> None:
    await make(api)
    for client in (api, other):
        answer = await client.post("/sessions", json={"session_id": "shop"})
        assert answer.status_code == 409
        assert [error["field"] for error in answer.json()["errors"]] == ["body.session_id"]


@pytest.mark.parametrize(
    "body",
    [
        {"session_id": "Shop"}, {"session_id": "-x"}, {"session_id": ""}, {"session_id": "a" * 64},
        {"session_id": "a\u0000"}, {"name": ""}, {"name": "  "}, {"name": "a\u0000b"}, {"name": "x" * 101},
        {"unknown": 1}, {"settings": {"unknown": 1}}, {"settings": {"instructions": "\u0000"}},
        {"settings": {"context": {"window_tokens": 0}}}, {"metadata": {"a": {"b": 1}}}, {"metadata": {"a": "\u0000"}},
        {"metadata": {"a\u0000": 1}}, {"metadata": {"a": 2**60}}, {"metadata": {str(n): n for n in range(51)}},
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await api.post("/sessions", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("raw", ['{"metadata": {"a": NaN}}', '{"name": "\\ud800"}', '{"metadata": {"\\ud800": 1}}'])
async def test_what_json_allows_and_databases_do_not_is_refused(api: httpx.AsyncClient, raw: str) -> None:
    answer = await api.post("/sessions", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("body", [{"settings": None}, {"metadata": None}, {"session_id": "x"}])
async def test_changes_that_make_no_sense(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    await make(api)
    assert (await api.patch("/sessions/shop", json=body)).status_code == 422


async def test_pages(api: httpx.AsyncClient, other: httpx.AsyncClient) -> None:
    names = [f"shop-{number}" for number in range(5)]
    for name in names:
        await make(api, name)
    await make(other, "theirs")
    seen: list[str] = []
    cursor = None
    while True:
        parameters = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/sessions", params=parameters)).json()
        seen += [item["session_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == names
    assert (await api.get("/sessions", params={"status": "open"})).json() == {"items": [], "next_cursor": None}
    for bad in ("nonsense", "WyJ4Il0", "WzFd"):
        assert (await api.get("/sessions", params={"cursor": bad})).status_code == 422


async def test_linking_by_qr_over_http(api: httpx.AsyncClient, house: House) -> None:
    await make(api)
    answer = await api.post("/sessions/shop/connect", json={"method": "qr"})
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["qr"]) == ("qr", "2@code,0")

    text = await api.get("/sessions/shop/qr")
    assert text.json()["qr"] == "2@code,0"
    assert text.json()["expires_at"].endswith("Z")
    assert text.headers["cache-control"] == "no-store"
    for query, accept, kind, start in (
        ("?format=png", None, "image/png", b"\x89PNG"),
        ("?format=svg", None, "image/svg+xml", b"<?xml"),
        ("", "image/png", "image/png", b"\x89PNG"),
        ("", "text/html,image/svg+xml;q=0.9", "image/svg+xml", b"<?xml"),
        ("?format=text", "image/png", "application/json", b"{"),
        ("", "*/*", "application/json", b"{"),
    ):
        picture = await api.get(f"/sessions/shop/qr{query}", headers={"Accept": accept} if accept else {})
        assert picture.headers["content-type"].split(";")[0] == kind
        assert picture.content.startswith(start)
    assert (await api.get("/sessions/shop/qr?format=gif")).status_code == 422

    await house.engine.sessions["shop"].link()
    await house.until(lambda row: row.status == "open")
    session = (await api.get("/sessions/shop")).json()
    assert (session["qr"], session["phone"], session["push_name"]) == (None, "5511999990001", "Shop")
    gone = await api.get("/sessions/shop/qr")
    assert gone.status_code == 409
    assert "linked already" in gone.json()["remedy"]


async def test_a_qr_code_that_is_not_there_or_no_longer_good(api: httpx.AsyncClient, house: House) -> None:
    await make(api)
    none = await api.get("/sessions/shop/qr")
    assert none.status_code == 409
    assert "/sessions/shop/connect" in none.json()["remedy"]
    await api.post("/sessions/shop/connect")
    async with house.database.write() as db:
        await db.execute(update(TABLE).values(qr_expires_at=utc_now() - timedelta(seconds=1)))
    await house.directory.forget("shop")
    late = await api.get("/sessions/shop/qr")
    assert (late.status_code, late.headers["retry-after"]) == (409, "1")


async def test_linking_by_pairing_code_over_http(api: httpx.AsyncClient) -> None:
    await make(api)
    for body, field in (
        ({"method": "code"}, "body.phone"),
        ({"method": "code", "phone": "(11) 99999-0001"}, "body.phone"),
        ({"method": "sms"}, "body.method"),
    ):
        refused = await api.post("/sessions/shop/connect", json=body)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == field
    answer = await api.post("/sessions/shop/connect", json={"method": "code", "phone": "+55 11 99999-0001"})
    assert (answer.status_code, answer.json()["pairing_code"]) == (202, "ABCD-1234")
    assert answer.json()["pairing_code_expires_at"]


async def test_not_waiting(api: httpx.AsyncClient) -> None:
    await make(api)
    answer = await api.post("/sessions/shop/connect?wait=0", json={})
    assert answer.json()["status"] == "connecting"
    for wait in ("-1", "31", "inf", "nan"):
        assert (await api.post(f"/sessions/shop/connect?wait={wait}", json={})).status_code == 422


async def test_the_passkey_step_over_http(api: httpx.AsyncClient, house: House) -> None:
    await make(api)
    for method, path in (("GET", ""), ("POST", "/confirm")):
        assert (await api.request(method, f"/sessions/shop/passkey{path}")).status_code == 409
    await api.post("/sessions/shop/connect")
    connection = house.engine.sessions["shop"]
    await connection.emit(PasskeyRequested({"challenge": "AAAA", "rpId": "whatsapp.com", "allowCredentials": None}))
    await house.until(lambda row: row.status == "passkey")
    step = (await api.get("/sessions/shop/passkey")).json()
    assert step["stage"] == "assertion"
    assert any("web.whatsapp.com" in text for text in step["steps"])
    assert "allowCredentials:" not in step["snippet"]
    assert (await api.get("/sessions/shop")).json()["passkey"] == step
    assertion = {
        "id": "QQ", "rawId": "QQ", "type": "public-key", "clientExtensionResults": {},
        "response": {"clientDataJSON": "QQ", "authenticatorData": "QQ", "signature": "QQ", "userHandle": "QQ"},
    }  # fmt: skip
    assert (await api.post("/sessions/shop/passkey", json=assertion | {"id": "not base64!"})).status_code == 422
    assert (await api.post("/sessions/shop/passkey/confirm")).status_code == 409  # not yet
    assert (await api.post("/sessions/shop/passkey", json=assertion)).status_code == 202
    from prosa.whatsapp.engine import EngineError, EngineErrorCode

    connection.fail["answer_passkey"] = [
        EngineError(EngineErrorCode.PASSKEY_FAILED, "bad signature"),
        EngineError(EngineErrorCode.TIMEOUT, "no answer"),
    ]
    refused = await api.post("/sessions/shop/passkey", json=assertion)
    assert (refused.status_code, "bad signature" in refused.text) == (409, True)
    assert (await api.post("/sessions/shop/passkey", json=assertion)).status_code == 503
    await connection.emit(PasskeyConfirmation("1A2B-3C4D", skip_comparison=False))
    await house.until(lambda row: row.passkey and row.passkey["stage"] == "confirmation")
    step = (await api.get("/sessions/shop/passkey")).json()
    assert (step["code"], step["snippet"]) == ("1A2B-3C4D", None)
    assert (await api.post("/sessions/shop/passkey/confirm")).status_code == 202


async def test_stop_restart_logout_over_http(api: httpx.AsyncClient, house: House) -> None:
    await house.linked()
    assert (await api.post("/sessions/shop/restart")).status_code == 202
    await house.until(lambda row: row.status == "open")
    assert (await api.post("/sessions/shop/stop")).json()["status"] == "closed"
    assert (await api.post("/sessions/shop/logout")).json()["status"] == "logged_out"


async def test_other_peoples_numbers_do_not_exist(
    api: httpx.AsyncClient, other: httpx.AsyncClient, house: House
) -> None:
    connection = await house.linked()
    for method, path, body in (
        ("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/connect", {}),
        ("GET", "/qr", None), ("GET", "/passkey", None),
        ("POST", "/passkey", {"id": "QQ", "rawId": "QQ",
                              "response": {"clientDataJSON": "QQ", "authenticatorData": "QQ", "signature": "QQ"}}),
        ("POST", "/passkey/confirm", None), ("POST", "/restart", None), ("POST", "/stop", None),
        ("POST", "/logout", None),
    ):  # fmt: skip
        theirs = await other.request(method, f"/sessions/shop{path}", json=body)
        nobodys = await other.request(method, f"/sessions/nobody{path}", json=body)
        assert theirs.status_code == nobodys.status_code == 404, (method, path)
        assert theirs.json()["detail"].replace("shop", "nobody") == nobodys.json()["detail"]
    assert (await other.get("/sessions")).json()["items"] == []
    await asyncio.sleep(0.05)
    assert not connection.closed
    assert (await api.get("/sessions/shop")).json()["status"] == "open"


@pytest.mark.parametrize("name", ["a%00b", "x" * 65, "%2F", "💬"])
async def test_odd_names_are_just_not_there(api: httpx.AsyncClient, name: str) -> None:
    assert (await api.get(f"/sessions/{name}")).status_code in {404, 422}


async def test_nothing_secret_is_in_the_log(
    api: httpx.AsyncClient, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await make(api)
    await api.post("/sessions/shop/connect", json={"method": "code", "phone": "+5511999990001"})
    await api.post("/sessions/shop/connect", json={"method": "qr"})
    await house.engine.sessions["shop"].link()
    await house.until(lambda row: row.status == "open")
    logged = capsys.readouterr().out
    assert "online" in logged
    assert "ABCD-1234" not in logged
    assert "2@code" not in logged


async def test_business_hours_need_an_interval(api: httpx.AsyncClient, house: House) -> None:
    on, off = {"hours": {"enabled": True}}, {"hours": {"enabled": False}}
    monday: dict[str, Any] = {"hours": {"weekly": {"monday": ["09:00-18:00"]}}}
    nothing: dict[str, Any] = {"hours": {"weekly": {"monday": []}}}
    await make(api)
    for create in (True, False):
        answer = await (
            api.post("/sessions", json={"session_id": "other", "settings": on})
            if create
            else api.patch("/sessions/shop", json={"settings": on})
        )
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert (error["field"], error["code"]) == ("body.settings.hours.weekly", "hours_missing")
        assert "09:00-18:00" in error["message"]
        assert "hours.weekly" in answer.json()["remedy"]
    for settings, status in ((monday, 200), (on, 200), (nothing, 422), (off, 200), (nothing, 200)):
        assert (await api.patch("/sessions/shop", json={"settings": settings})).status_code == status, settings

    async with house.database.write() as db:
        await db.execute(update(TABLE).values(settings={"hours": {"enabled": True}}))
    await house.directory.forget("shop")
    assert (await api.get("/sessions/shop")).json()["settings"]["hours"]["enabled"] is True, "set so before"
    assert (await api.patch("/sessions/shop", json={"settings": {"instructions": "Be kind."}})).status_code == 200


async def test_groups_of_settings_are_merged_and_checked(api: httpx.AsyncClient) -> None:
    await make(api, session_id="hours", settings={"hours": {"enabled": True, "weekly": {"monday": ["09:00-18:00"]}}})
    changes = {"hours": {"time_zone": "America/Sao_Paulo", "weekly": {"friday": ["09:00-12:00", "13:00-17:00"]}}}
    changed = (await api.patch("/sessions/hours", json={"settings": changes})).json()["settings"]
    assert changed["hours"]["enabled"] is True
    assert changed["hours"]["weekly"] | {} == {
        "monday": ["09:00-18:00"], "tuesday": [], "wednesday": [], "thursday": [],
        "friday": ["09:00-12:00", "13:00-17:00"], "saturday": [], "sunday": [],
    }  # fmt: skip
    wrong = {
        "hours": {"time_zone": "Sampa", "weekly": {"monday": ["9-18"]}},
        "audience": {"ignored": ["Maria"]},
        "takeover": {"stop_keywords": [" "]},
        "turns": {"when_overtaken": "never"},
    }
    answer = await api.patch("/sessions/hours", json={"settings": wrong})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {
        "body.settings.hours.time_zone", "body.settings.hours.weekly.monday.0", "body.settings.audience.ignored.0",
        "body.settings.takeover.stop_keywords.0", "body.settings.turns.when_overtaken",
    }  # fmt: skip
    assert all(error["message"] for error in answer.json()["errors"])
    codes = {error["field"].rsplit(".", 1)[-1]: error["code"] for error in answer.json()["errors"]}
    assert (codes["time_zone"], codes["when_overtaken"]) == ("time_zone", "literal_error")


async def test_settings_that_do_not_go_together_are_refused_by_what_is_stored(api: httpx.AsyncClient) -> None:
    wrong = {"sending": {"typing_min_seconds": 10}}  # and the longest is 4 where nothing else is said
    refused = await api.post("/sessions", json={"session_id": "pace", "settings": wrong})
    assert [(error["field"], error["code"]) for error in refused.json()["errors"]] == [
        ("body.settings.sending", "typing_order")
    ]
    await make(api, session_id="pace", settings={"sending": {"typing_max_seconds": 20}})
    changed = await api.patch("/sessions/pace", json={"settings": wrong})
    assert (changed.status_code, changed.json()["settings"]["sending"]["typing_min_seconds"]) == (200, 10)
    for sending in ({"typing_max_seconds": 5}, {"typing_min_seconds": 21}):
        refused = await api.patch("/sessions/pace", json={"settings": {"sending": sending}})
        assert (refused.status_code, len(refused.json()["errors"])) == (422, 1)
