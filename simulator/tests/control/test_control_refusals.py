"""What the control server refuses: it says which field is wrong, and keeps strangers' pages out."""

from typing import Any

import pytest

from .conftest import CONSOLE, Control

ANA = "5511988887777"
HERE = f"/contacts/{ANA}"


@pytest.fixture(scope="module", autouse=True)
async def _ana(control: Control) -> None:
    await control.link(ANA, "Ana")
    await control.ask("PUT", "/phones/551140000001", {})


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "/contacts", {}, 400, "phone"),
        ("POST", "/contacts", {"phone": "12"}, 400, "phone"),
        ("POST", "/contacts", {"phone": 5511988887777}, 400, "phone"),
        ("POST", "/contacts", {"phone": ANA, "age": 7}, 400, "age"),
        ("POST", "/contacts", {"phone": "5511900000009", "name": ""}, 400, "name"),
        ("POST", "/contacts", [], 400, None),
        ("POST", "/contacts", {"phone": ANA}, 409, None),
        ("POST", f"{HERE}/messages", {"to": "Bia", "text": "oi"}, 400, "to"),
        ("POST", f"{HERE}/messages", {"to": "1203@newsletter", "text": "oi"}, 400, "to"),
        ("POST", f"{HERE}/messages", {"to": "551140000001", "text": ""}, 400, "text"),
        ("POST", f"{HERE}/messages", {"to": "551140000001", "text": "x" * 65_537}, 400, "text"),
        ("POST", f"{HERE}/messages", {"to": "551140000001", "text": "x", "quote": "3EB0"}, 404, None),
        ("POST", f"{HERE}/messages", {"to": "551140000077", "text": "nobody has this number"}, 409, None),
        ("POST", f"{HERE}/reactions", {"wa_id": "3EB0", "emoji": "👍"}, 404, None),
        ("POST", f"{HERE}/reactions", {"wa_id": "3EB0", "emoji": "x" * 65}, 400, "emoji"),
        ("POST", f"{HERE}/edits", {"wa_id": "3EB0"}, 400, "text"),
        ("POST", f"{HERE}/revocations", {"wa_id": "3EB0"}, 404, None),
        ("POST", f"{HERE}/read", {"wa_ids": "all"}, 400, "wa_ids"),
        ("POST", f"{HERE}/read", {"wa_ids": ["3EB0"]}, 404, None),
        ("POST", f"{HERE}/typing", {"to": ANA, "typing": "yes"}, 400, "typing"),
        ("POST", f"{HERE}/media", {"to": ANA}, 400, "file"),
        ("GET", f"{HERE}/messages?after=x", None, 400, "after"),
        ("GET", f"{HERE}/messages?wait=31", None, 400, "wait"),
        ("GET", f"{HERE}/messages?wait=nan", None, 400, "wait"),
        ("GET", f"{HERE}/stream?after=-1", None, 400, "after"),
        ("GET", f"{HERE}/messages/3EB0/media", None, 404, None),
        ("GET", "/contacts/1/messages", None, 404, None),
        ("POST", "/phones/abc/scan", {"qr": "x"}, 400, "number"),
        ("POST", "/phones/551140000001/scan", {}, 400, "qr"),
        ("POST", "/phones/551140000001/scan", {"qr": "https://example.com"}, 409, None),
        ("POST", "/phones/551140000001/code", {"code": "ABCD-1234"}, 409, None),
        ("POST", "/phones/551140000001/assertion", {"options": {}}, 400, "options"),
        ("GET", "/phones/551140000099", None, 404, None),
        ("DELETE", "/phones/551140000001/devices/9", None, 404, None),
        ("DELETE", "/phones/551140000099/devices/1", None, 404, None),
        ("POST", "/faults/explode", {}, 404, None),
        ("POST", "/faults/drop", {"phone": "551140000099"}, 404, None),
        ("POST", "/faults/drop", {"phones": []}, 400, "phones"),
        ("POST", "/faults/stream_error", {"code": "515"}, 400, "code"),
        ("POST", "/faults/ban", {}, 400, "phone"),
        ("POST", "/faults/delay_deliveries", {"seconds": 0}, 400, "seconds"),
        ("POST", "/faults/reorder_deliveries", {"count": 1}, 400, "count"),
        ("POST", "/faults/restart", {"seconds": 61}, 400, "seconds"),
        ("DELETE", "/faults?phone=551140000099", None, 404, None),
        ("GET", "/nowhere", None, 404, None),
        ("PUT", "/contacts", {}, 405, None),
    ],
)
async def test_a_bad_request_is_refused_by_name(
    control: Control, method: str, path: str, body: Any, status: int, field: str | None
) -> None:
    answer = await control.ask(method, path, body)
    assert answer.status == status, answer
    assert answer.json["error"]
    assert answer.json["detail"]
    assert [wrong["field"] for wrong in answer.json.get("fields", ())] == ([field] if field else [])
    if field:
        assert answer.json["detail"].startswith(f"{field}: ")


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"[" * 5000, b'{"to": "\\ud800"}'])
async def test_rubbish_is_refused(control: Control, raw: bytes) -> None:
    answer = await control.ask("POST", f"{HERE}/messages", data=raw)
    assert (answer.status, answer.json["error"]) == (400, "bad-request")


async def test_a_form_with_rubbish_is_refused(control: Control) -> None:
    for boundary in ("", "; boundary=x"):
        headers = {"Content-Type": f"multipart/form-data{boundary}"}
        answer = await control.ask("POST", f"{HERE}/media", data=b"\x00rubbish", headers=headers)
        assert answer.status == 400, answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": CONSOLE}, 200),
    ],
)
async def test_only_pages_that_are_known_may_ask(control: Control, headers: dict[str, str], status: int) -> None:
    answer = await control.ask("GET", "/state", headers=headers)
    assert answer.status == status
    assert ("Access-Control-Allow-Origin" in answer.headers) == (headers.get("Origin") == CONSOLE)


async def test_a_page_of_this_server_may_ask(control: Control) -> None:
    answer = await control.ask("POST", f"{HERE}/read", {}, headers={"Origin": control.url})
    assert answer.status == 200
    preflight = await control.ask("OPTIONS", f"{HERE}/read", headers={"Origin": CONSOLE})
    assert preflight.status == 204
