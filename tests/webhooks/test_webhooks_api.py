"""Webhooks over REST: added, changed, tested, removed; what is wrong is named, and nobody sees another's."""

import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.fixtures.conversations import add_owner, add_session, run_sql
from tests.fixtures.databases import on_sqlite
from tests.fixtures.http import client_of, create_test_app
from tests.fixtures.sending import until
from tests.webhooks.conftest import VAULT, Post, status

from prosa.auth.caller import Access
from prosa.auth.vault import Vault
from prosa.events.types import PASSING, PAYLOADS
from prosa.outgoing import Outgoing, Rules
from prosa.users.api_keys import ApiKeyService
from prosa.webhooks import endpoints
from prosa.webhooks.reach import MOST
from prosa.webhooks.schemas import EVENTS
from prosa.webhooks.service import WebhookService

URL = "https://shop.example/hook"
SECRET = "Bearer very-secret-1234"


async def test_a_webhook_is_added_changed_and_removed_and_its_secrets_not_shown(post: Post) -> None:
    body = {
        "url": URL, "name": "Orders", "events": ["message.received"], "session_ids": ["main"],
        "headers": {"Authorization": SECRET},
    }  # fmt: skip
    made = (await post.api.post("/webhooks", json=body)).json()
    path = f"/webhooks/{made['id']}"
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(b64decode(secret.removeprefix("whsec_"))) >= 24
    assert (made["state"], made["enabled"], made["header_names"], made["attempts"], made["gap"]) == (
        "on", True, ["Authorization"], 0, None,
    )  # fmt: skip
    assert (await post.api.get(path)).json() == made
    assert (await post.api.get("/webhooks")).json() == [made]
    assert (await post.api.get(f"{path}/secret")).json() == {"secret": secret, "old_secret_until": None}
    async with post.database.read() as db:
        row = str((await db.execute(text("SELECT * FROM webhooks"))).one())
    for hidden in (secret, secret.removeprefix("whsec_"), SECRET):
        assert hidden not in row
    assert SECRET not in json.dumps(made)
    changed = (await post.api.patch(path, json={"enabled": False, "name": None, "events": []})).json()
    assert (changed["state"], changed["enabled"], changed["name"], changed["events"]) == ("off", False, None, [])
    assert (changed["url"], changed["session_ids"], changed["header_names"]) == (URL, ["main"], ["Authorization"])
    assert (await post.api.delete(path)).status_code == 204
    assert (await post.api.get(path)).status_code == 404
    assert (await post.api.get("/webhooks")).json() == []


@on_sqlite
@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"url": "ftp://shop.example/"}, "body.url", "http"),
        ({"url": "https://user:secret-word@shop.example/"}, "body.url", "user name"),
        ({"events": ["message.received", "message.recieved"]}, "body.events.1", "known are: session.status, "),
        ({"events": ["chat.typing"]}, "body.events.0", "there is no event of this name"),
        ({"session_ids": ["main", "shop"]}, "body.session_ids", "there is no such number of yours: shop"),
        ({"session_ids": ["bobs"]}, "body.session_ids", "there is no such number of yours: bobs"),
        ({"headers": {"Webhook-Id": "secret-word"}}, "body.headers.Webhook-Id.[key]", "set by Prosa itself"),
        ({"headers": {"host": "secret-word"}}, "body.headers.host.[key]", "set by Prosa itself"),
        ({"headers": {"X Y": "secret-word"}}, "body.headers.X Y.[key]", "takes letters"),
        ({"headers": {"X-Key": "secret-word\n"}}, "body.headers.X-Key", "in one line"),
        ({"headers": {"X-Key": "secret-word", "x-key": "b"}}, "body.headers", "named twice"),
        ({"headers": {f"X-{n}": "secret-word" for n in range(11)}}, "body.headers", "at most 10"),
        ({"name": ""}, "body.name", "at least 1"),
        ({"adress": "x"}, "body.adress", "is not a field"),
    ],
)
async def test_what_is_wrong_is_named_and_not_repeated(
    post: Post, body: dict[str, Any], field: str, words: str
) -> None:
    await add_session(post.database, await add_owner(post.database, "eva@example.com"), "bobs")
    answer = await post.api.post("/webhooks", json={"url": URL} | body)
    assert answer.status_code == 422, answer.text
    told = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert words in told[field], told
    assert "secret-word" not in answer.text


@on_sqlite
async def test_addresses_follow_the_installations_rules_when_saved_and_when_delivered(post: Post) -> None:
    async def api(rules: Rules) -> httpx.Response:
        provided: dict[Any, object] = {WebhookService: WebhookService(post.database, VAULT, Outgoing(rules))}
        async with client_of(create_test_app(provided, [endpoints.router], post.owner)) as client:
            return await client.post("/webhooks", json={"url": "http://127.0.0.1:5678/webhook/x"})

    answer = await api(Rules())
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (422, "body.url", "address_refused")
    assert "PROSA_OUTGOING_PRIVATE_ADDRESSES=true" in error["message"]
    answer = await api(Rules(private=True, hosts=["shop.example"]))
    [error] = answer.json()["errors"]
    assert "PROSA_OUTGOING_HOSTS" in error["message"]
    webhook = await post.make()
    post.outgoing.rules = Rules()  # the installation's rules have changed since
    told = (await post.api.post(f"/webhooks/{webhook['id']}/test")).json()
    assert (told["ok"], told["status"]) == (False, None)
    assert told["error"].startswith("address_refused: ")
    assert "PROSA_OUTGOING_PRIVATE_ADDRESSES=true" in told["error"]
    assert post.receiver.requests == []


async def test_strangers_find_nothing(post: Post) -> None:
    webhook = await post.make()
    await post.follow()
    await post.say("one")
    await post.receiver.wait(1)
    path = f"/webhooks/{webhook['id']}"
    some = "01890000-0000-7000-8000-000000000000"

    async def noted() -> bool:
        return bool(await post.deliveries(webhook))

    await until(noted)
    [delivery] = await post.deliveries(webhook)
    theirs = (await post.strangers.post("/webhooks", json={"url": URL})).json()
    calls: list[tuple[str, str, Any]] = [
        ("GET", path, None), ("PATCH", path, {"enabled": False}), ("DELETE", path, None),
        ("GET", f"{path}/secret", None), ("POST", f"{path}/rotate-secret", None), ("POST", f"{path}/test", None),
        ("GET", f"{path}/deliveries", None), ("POST", f"{path}/deliveries/{delivery['id']}/retry", None),
        ("POST", f"/webhooks/{theirs['id']}/deliveries/{delivery['id']}/retry", None),
    ]  # fmt: skip
    for method, where, body in calls:
        answer = await post.strangers.request(method, where, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, where)
    assert [row["id"] for row in (await post.strangers.get("/webhooks")).json()] == [theirs["id"]]
    assert (await post.api.post(f"{path}/deliveries/{some}/retry")).status_code == 404
    other = await add_owner(post.database, "eva@example.com")
    mine, post.owner = post.owner, other
    await post.say("another person's")
    post.owner = mine
    await post.say("two")
    await post.receiver.wait(2)
    assert post.receiver.labels == ["one", "two"]


@on_sqlite
async def test_there_are_few(post: Post) -> None:
    for _ in range(MOST):
        assert (await post.api.post("/webhooks", json={"url": URL})).status_code == 201
    answer = await post.api.post("/webhooks", json={"url": URL})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await post.strangers.post("/webhooks", json={"url": URL})).status_code == 201


@on_sqlite
async def test_headers_stay_with_the_host_they_were_given_for(post: Post) -> None:
    made = (await post.api.post("/webhooks", json={"url": URL, "headers": {"X-Key": SECRET}})).json()
    path = f"/webhooks/{made['id']}"
    moved = await post.api.patch(path, json={"url": "https://evil.example/"})
    assert (moved.status_code, moved.json()["errors"][0]["field"]) == (422, "body.headers")
    assert (await post.api.patch(path, json={"url": "https://shop.example/v2"})).status_code == 200
    gone = await post.api.patch(path, json={"url": "https://other.example/", "headers": {}})
    assert gone.json()["header_names"] == []


async def test_a_test_is_sent_at_once_and_told(post: Post) -> None:
    webhook = await post.make(enabled=False, name="Orders")
    told = (await post.api.post(f"/webhooks/{webhook['id']}/test")).json()
    assert (told["ok"], told["status"], told["error"]) == (True, 204, None)
    [got] = post.receiver.requests
    assert set(got.envelope) == {"id", "event", "timestamp", "session", "payload"}
    assert (got.envelope["event"], got.envelope["payload"]) == (
        "webhook.test", {"webhook_id": webhook["id"], "name": "Orders"},
    )  # fmt: skip
    post.receiver.answer = lambda _: 503
    told = (await post.api.post(f"/webhooks/{webhook['id']}/test")).json()
    assert (told["ok"], told["status"], told["error"]) == (False, 503, "http_503: Service Unavailable")
    await post.receiver.stop()
    told = (await post.api.post(f"/webhooks/{webhook['id']}/test")).json()
    assert (told["status"], told["error"].split(":")[0]) == (None, "unreachable")
    assert post.receiver.wrong == []


@on_sqlite
async def test_a_secret_that_cannot_be_read_is_said_and_made_anew(post: Post) -> None:
    made = (await post.api.post("/webhooks", json={"url": URL, "headers": {"X-Key": SECRET}})).json()
    service = WebhookService(post.database, Vault("another key " * 4), post.outgoing)
    provided: dict[Any, object] = {WebhookService: service}
    path = f"/webhooks/{made['id']}"
    async with client_of(create_test_app(provided, [endpoints.router], post.owner)) as api:
        assert (await api.get(f"{path}/secret")).status_code == 409
        assert (await api.post(f"{path}/test")).json()["error"].startswith("secret_unreadable: ")
        rotated = (await api.post(f"{path}/rotate-secret")).json()
        assert rotated["old_secret_until"] is None
        assert (await api.get(f"{path}/secret")).json() == rotated


async def test_a_number_or_a_person_that_is_deleted(post: Post) -> None:
    webhook = await post.make(session_ids=["main"])
    await post.say("before")
    await run_sql(post.database, "DELETE FROM whatsapp_sessions")
    await post.follow()
    await post.receiver.wait(1)
    await post.tell(status("closed"))
    await post.receiver.wait(2)
    await post.tell(status("open"), session="other")
    changed = await post.change(webhook, session_ids=["main"], name="still of that number")
    assert changed["session_ids"] == ["main"], "empty would mean all numbers"
    assert post.receiver.labels == ["before", "closed"]
    await run_sql(post.database, "DELETE FROM users WHERE email = 'ana@example.com'")
    async with post.database.read() as db:
        for table in ("webhooks", "webhook_deliveries"):
            assert (await db.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


def test_every_stored_event_can_be_subscribed_to_and_no_other() -> None:
    assert tuple(payload.event for payload in PAYLOADS) == EVENTS
    assert not {payload.event for payload in PASSING} & set(EVENTS)


async def test_a_webhook_says_which_key_gave_it_its_address_and_outlives_that_key(post: Post) -> None:
    keys = ApiKeyService(post.database)
    made = await keys.create(post.owner, name="n8n", access=Access.FULL, days=None)
    service = WebhookService(post.database, VAULT, post.outgoing, clock=post.clock)
    program = replace(post.owner, key=Access.FULL, key_id=made.row.id)
    app = create_test_app({WebhookService: service}, [endpoints.router], program)
    by_person = (await post.api.post("/webhooks", json={"url": URL})).json()
    async with client_of(app) as api:
        by_key = (await api.post("/webhooks", json={"url": URL})).json()
        moved = (await post.api.post("/webhooks", json={"url": URL})).json()
        await api.patch(f"/webhooks/{moved['id']}", json={"url": f"{URL}/elsewhere"})
        await api.patch(f"/webhooks/{by_person['id']}", json={"name": "mine", "url": URL})

    async def key_of(one: dict[str, Any]) -> Any:
        return (await post.read(one))["api_key"]

    known = {"id": str(made.row.id), "name": "n8n", "revoked": False}
    assert by_key["api_key"] == known
    assert [await key_of(one) for one in (by_key, moved, by_person)] == [known, known, None]

    await keys.revoke(post.owner, made.row.id)
    assert await key_of(by_key) == known | {"revoked": True}
    assert (await post.read(by_key))["enabled"] is True
    await run_sql(post.database, "DELETE FROM api_keys")  # long after
    assert await key_of(by_key) == known | {"name": None, "revoked": True}
    await post.api.patch(f"/webhooks/{by_key['id']}", json={"url": f"{URL}/mine"})
    assert await key_of(by_key) is None
