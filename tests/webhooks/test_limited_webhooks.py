"""Webhooks of API keys that are limited to some numbers: told of these only, and out of reach of all other such keys.

One owner has the numbers main, shop and salon; a key of some of them tries to learn of the others.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import add_session, run_sql
from tests.fixtures.databases import on_sqlite
from tests.fixtures.http import client_of, create_test_app
from tests.fixtures.sending import until
from tests.webhooks.conftest import VAULT, Post, message, status

from prosa.auth.caller import Access
from prosa.clock import utc_now
from prosa.events import log
from prosa.users.api_keys import ApiKeyService
from prosa.webhooks import delivering, endpoints, repository
from prosa.webhooks.reach import MOST, MOST_OF_KEY, forget_number
from prosa.webhooks.service import WebhookService

URL = "https://shop.example/hook"


@dataclass
class Key:
    """An API key, and a program that calls with it."""

    id: str
    api: httpx.AsyncClient


@dataclass
class Tenants:
    post: Post
    stack: AsyncExitStack

    async def key(self, *numbers: str, name: str = "one") -> Key:
        """Make a key of some numbers; of all, where none is named."""
        keys = ApiKeyService(self.post.database)
        made = await keys.create(self.post.owner, name=name, access=Access.FULL, days=None, session_ids=numbers or None)
        return Key(str(made.row.id), await self.again(str(made.row.id), *numbers))

    async def again(self, key_id: str, *numbers: str) -> httpx.AsyncClient:
        """Call with a key that has these numbers by now."""
        service = WebhookService(self.post.database, VAULT, self.post.outgoing, clock=self.post.clock)
        caller = replace(
            self.post.owner, key=Access.FULL, key_id=uuid.UUID(key_id), numbers=frozenset(numbers) if numbers else None
        )
        app = create_test_app({WebhookService: service}, [endpoints.router], caller)
        return await self.stack.enter_async_context(client_of(app))


@pytest.fixture
async def tenants(post: Post) -> AsyncIterator[Tenants]:
    await add_session(post.database, post.owner, "shop")
    await add_session(post.database, post.owner, "salon")
    async with AsyncExitStack() as stack:
        yield Tenants(post, stack)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "BASE_SECONDS", 0.02)


async def made(api: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await api.post("/webhooks", json={"url": URL} | body)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def ids(api: httpx.AsyncClient) -> set[str]:
    return {one["id"] for one in (await api.get("/webhooks")).json()}


def routes(webhook: dict[str, Any], delivery: str) -> list[tuple[str, str, Any]]:
    path = f"/webhooks/{webhook['id']}"
    return [
        ("GET", path, None), ("PATCH", path, {"url": "https://evil.example/"}), ("PATCH", path, {"session_ids": []}),
        ("PATCH", path, {"session_ids": ["shop"], "enabled": False}), ("GET", f"{path}/secret", None),
        ("POST", f"{path}/rotate-secret", None), ("POST", f"{path}/test", None), ("GET", f"{path}/deliveries", None),
        ("GET", f"{path}/deliveries?state=delivered", None), ("POST", f"{path}/deliveries/{delivery}/retry", None),
        ("DELETE", path, None),
    ]  # fmt: skip


async def test_a_key_manages_the_webhooks_of_its_numbers(tenants: Tenants) -> None:
    post, key = tenants.post, await tenants.key("shop", "salon", name="n8n")
    of_all = await made(key.api)
    assert (of_all["session_ids"], of_all["limited"]) == (["salon", "shop"], True), "left out: all that the key has"
    assert of_all["api_key"] == {"id": key.id, "name": "n8n", "revoked": False}
    of_one = await made(key.api, session_ids=["shop"], url=post.receiver.url)
    path = f"/webhooks/{of_one['id']}"
    assert await ids(key.api) == {of_all["id"], of_one["id"]} == await ids(post.api)
    assert (await post.read(of_one))["limited"] is True
    changed = (await key.api.patch(path, json={"name": "Mine", "session_ids": ["salon"]})).json()
    assert (changed["name"], changed["session_ids"], changed["limited"]) == ("Mine", ["salon"], True)
    secret = (await key.api.post(f"{path}/rotate-secret")).json()["secret"]
    assert (await key.api.get(f"{path}/secret")).json()["secret"] == secret != of_one["secret"]
    assert (await key.api.post(f"{path}/test")).json()["ok"] is True
    await post.follow()
    await post.say("hello", session="salon")
    await post.receiver.wait(2)
    await until(lambda: _told(key.api, path, 1))
    [delivery] = (await key.api.get(f"{path}/deliveries")).json()["items"]
    assert (delivery["session"], delivery["state"]) == ("salon", "delivered")
    assert (await key.api.post(f"{path}/deliveries/{delivery['id']}/retry")).json()["attempts"] == 2
    assert post.receiver.labels == ["webhook.test", "hello", "hello"]
    assert (await key.api.delete(path)).status_code == 204
    assert await ids(post.api) == {of_all["id"]}


async def _told(api: httpx.AsyncClient, path: str, count: int) -> bool:
    return len((await api.get(f"{path}/deliveries")).json()["items"]) == count


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([], "name at least one number of this API key; GET /sessions"),
        (["shop", "salon"], "no such number of yours: salon; GET /sessions"),
        (["main"], "no such number of yours: main; GET /sessions"),
        (["nothing"], "no such number of yours: nothing; GET /sessions"),
    ],
)
async def test_a_key_names_some_of_its_own_numbers(tenants: Tenants, numbers: list[str], words: str) -> None:
    key = await tenants.key("shop")
    webhook = await made(key.api)
    for answer in (
        await key.api.post("/webhooks", json={"url": URL, "session_ids": numbers}),
        await key.api.patch(f"/webhooks/{webhook['id']}", json={"session_ids": numbers}),
    ):
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["field"]) == (422, "body.session_ids")
        assert words in error["message"]
    [shown] = (await tenants.post.api.get("/webhooks")).json()
    assert shown["session_ids"] == ["shop"]


@on_sqlite
async def test_a_key_without_numbers_adds_none(tenants: Tenants) -> None:
    key = await tenants.key("shop")
    await run_sql(tenants.post.database, "DELETE FROM whatsapp_sessions WHERE session_id = 'shop'")
    answer = await key.api.post("/webhooks", json={"url": URL})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "body.session_ids")
    assert "PATCH /api-keys" in error["message"]
    assert await ids(tenants.post.api) == set()


async def test_it_is_told_only_of_its_numbers_whatever_is_changed(tenants: Tenants) -> None:
    post, key = tenants.post, await tenants.key("shop")
    webhook = await made(key.api, url=post.receiver.url)
    post.receiver.secret = webhook["secret"]
    await post.follow()

    async def happens(mark: str) -> None:
        await post.tell(message(f"{mark} of nothing"), session=None)
        for session in ("main", "salon", "shop"):
            await post.say(f"{mark} of {session}", session=session)

    await happens("first")
    await post.receiver.wait(1)
    assert (await key.api.patch(f"/webhooks/{webhook['id']}", json={"session_ids": ["shop"]})).status_code == 200
    assert (await post.change(webhook, session_ids=[]))["limited"] is True
    await happens("to nobody")
    await asyncio.sleep(0.5)
    assert post.receiver.labels == ["first of shop"], "no numbers are none"
    await post.change(webhook, session_ids=["salon", "shop"], skip_missed=True)
    await happens("second")
    await post.receiver.wait(3)
    await post.change(webhook, session_ids=["shop"], events=["message.received"], url=f"{post.receiver.url}&x=1")
    await happens("third")
    await post.tell(status("open"), session="shop")
    await post.say("last", session="shop")
    await post.receiver.wait(5)
    assert post.receiver.labels[0] == "first of shop"
    assert sorted(post.receiver.labels[1:3]) == ["second of salon", "second of shop"]
    assert post.receiver.labels[3:] == ["third of shop", "last"]


async def test_other_webhooks_are_as_if_they_were_not_there(tenants: Tenants) -> None:
    post, key = tenants.post, await tenants.key("shop")
    url = post.receiver.url
    by_person = await made(post.api, url=url, session_ids=["shop"])
    by_whole_key = await made((await tenants.key()).api, url=url, session_ids=["shop"])
    of_another = await made((await tenants.key("salon")).api, url=url)
    wider = await made((await tenants.key("shop", "salon")).api, url=url)
    of_none = await made((await tenants.key("shop")).api, url=url)
    await post.change(of_none, session_ids=[])
    await post.follow()
    await post.say("shop", session="shop")
    await post.say("salon", session="salon")
    await post.receiver.wait(5)
    hidden = [by_person, by_whole_key, of_another, wider, of_none]
    for webhook, count in zip(hidden, (1, 1, 1, 2, 0), strict=True):
        await until(partial(_delivered, post, webhook, count))
    before = (await post.api.get("/webhooks")).json()
    assert await ids(post.api) == {one["id"] for one in hidden}
    nothing = {"id": "01890000-0000-7000-8000-000000000000"}
    for webhook in hidden:
        found = await post.deliveries(webhook)
        delivery = found[0]["id"] if found else nothing["id"]
        for (method, where, body), (_, nowhere, _) in zip(
            routes(webhook, delivery), routes(nothing, delivery), strict=True
        ):
            answer = await key.api.request(method, where, json=body)
            unknown = await key.api.request(method, nowhere, json=body)
            assert answer.status_code == unknown.status_code == 404, (method, where, answer.text)
            assert answer.json()["detail"] == unknown.json()["detail"]
    assert (await key.api.get("/webhooks")).json() == []
    assert len(post.receiver.requests) == 5, "nothing was tested or sent again"
    assert (await post.api.get("/webhooks")).json() == before


async def test_the_names_of_other_keys_are_not_told(tenants: Tenants) -> None:
    mine, other = await tenants.key("shop", name="mine"), await tenants.key("shop", name="other tenant")
    webhook = await made(other.api)
    path = f"/webhooks/{webhook['id']}"
    for answer in (await mine.api.get(path), await mine.api.get("/webhooks"), await mine.api.patch(path, json={})):
        assert "other tenant" not in answer.text
        assert other.id not in answer.text
    assert (await mine.api.get(path)).json()["api_key"] is None
    assert (await other.api.get(path)).json()["api_key"]["name"] == "other tenant"
    assert (await tenants.post.read(webhook))["api_key"]["name"] == "other tenant"
    assert (await (await tenants.key()).api.get(path)).json()["api_key"]["name"] == "other tenant"
    moved = (await mine.api.patch(path, json={"url": f"{URL}/2"})).json()
    assert moved["api_key"] == {"id": mine.id, "name": "mine", "revoked": False}


async def test_of_a_number_that_it_had_for_a_while_nothing_is_left(tenants: Tenants, hasty: None) -> None:
    """A person gave it a number more and took it again: its key must not read or send what came of that one."""
    post, key = tenants.post, await tenants.key("shop")
    webhook = await made(key.api, url=post.receiver.url)
    path = f"/webhooks/{webhook['id']}"
    post.receiver.answer = lambda envelope: 422 if envelope["payload"].get("body") == "refused" else 204
    await post.change(webhook, session_ids=["shop", "salon"])
    await post.follow()
    await post.say("shop", session="shop")
    await post.say("refused", conversation=1, session="salon")
    await post.say("salon", conversation=2, session="salon")
    await until(lambda: _delivered(post, webhook, 3))
    assert (await post.read(webhook))["aside"] == 1
    before = {one["session"]: one["id"] for one in await post.deliveries(webhook)}
    assert (await key.api.get(path)).status_code == 404
    await post.change(webhook, session_ids=["shop"])
    assert [one["session"] for one in (await key.api.get(f"{path}/deliveries")).json()["items"]] == ["shop"]
    assert (await key.api.get(path)).json()["aside"] == 0
    count = len(post.receiver.requests)
    assert (await key.api.post(f"{path}/deliveries/{before['salon']}/retry")).status_code == 404
    post.clock.ahead = timedelta(hours=1)  # what was put aside would be due
    await post.say("more", session="shop")
    await post.receiver.wait_for(lambda: post.receiver.labels[-1] == "more")
    assert len(post.receiver.requests) == count + 1


async def _delivered(post: Post, webhook: dict[str, Any], count: int) -> bool:
    return len(await post.deliveries(webhook)) == count


async def test_deliveries_of_numbers_out_of_reach_are_not_shown(tenants: Tenants) -> None:
    """As a second lock: were one there, nobody would be shown it, or could have it sent again."""
    post, key = tenants.post, await tenants.key("shop")
    webhook = await made(key.api, url=post.receiver.url)
    await post.follow()
    await post.say("one", session="shop")
    await until(lambda: _delivered(post, webhook, 1))
    [delivery] = await post.deliveries(webhook)
    await run_sql(post.database, "UPDATE webhook_deliveries SET session = 'salon'")
    path = f"/webhooks/{webhook['id']}/deliveries"
    assert (await key.api.get(path)).json()["items"] == []
    assert (await key.api.post(f"{path}/{delivery['id']}/retry")).status_code == 404
    assert len(await post.deliveries(webhook)) == 1


async def _remove(post: Post, session_id: str) -> None:
    """Delete a number as its service does; `tests.http.test_key_numbers` does so by the API."""
    async with post.database.write() as db:
        await log.forget(db, post.owner.user_id, session_id)
    await run_sql(post.database, "DELETE FROM whatsapp_sessions WHERE session_id = :name", name=session_id)
    await post.database.submit(partial(_forget, post, session_id))


async def _forget(post: Post, session_id: str, db: Any) -> None:
    await forget_number(db, post.owner.user_id, session_id)


async def test_a_deleted_number_is_taken_out_of_it(tenants: Tenants) -> None:
    post, key = tenants.post, await tenants.key("shop", "salon")
    of_shop = await made(key.api, url=post.receiver.url, session_ids=["shop"])
    of_both = await made(key.api, url=post.receiver.url)
    by_person = await made(post.api, url=post.receiver.url, session_ids=["shop"])
    await post.follow()
    await post.say("before", session="shop")
    await post.receiver.wait(3)
    await until(lambda: _delivered(post, of_both, 1))
    await until(lambda: _delivered(post, of_shop, 1))
    await _remove(post, "shop")
    await add_session(post.database, post.owner, "shop")  # another one by its name
    assert [(await post.read(one))["session_ids"] for one in (of_shop, of_both, by_person)] == [[], ["salon"], ["shop"]]
    await post.say("of the new one", session="shop")
    await post.say("of the salon", session="salon")
    await post.receiver.wait(5)
    labels = post.receiver.labels[3:]
    assert sorted(labels) == ["of the new one", "of the salon"], "the one to the person's webhook"
    new, both = await tenants.key("shop"), await tenants.key("shop", "salon")
    assert await ids(new.api) == set()
    assert await ids(both.api) == {of_both["id"]}
    await until(lambda: _delivered(post, of_both, 1))
    again = await both.api.patch(f"/webhooks/{of_both['id']}", json={"session_ids": ["shop", "salon"]})
    assert again.status_code == 200
    found = (await both.api.get(f"/webhooks/{of_both['id']}/deliveries")).json()["items"]
    assert "shop" not in [one["session"] for one in found], "what the old one had is not the new one's"


async def test_what_was_under_way_as_a_number_went_is_not_kept(tenants: Tenants) -> None:
    post, key = tenants.post, await tenants.key("shop", "salon")
    webhook = await made(key.api, url=post.receiver.url)
    go_on = asyncio.Event()

    async def answer(envelope: dict[str, Any]) -> int:
        if envelope["session"] == "shop":
            await go_on.wait()
        return 204

    post.receiver.answer = answer
    await post.follow()
    await post.say("old", session="shop")
    await until(lambda: _under_way(post))
    await _remove(post, "shop")
    go_on.set()
    await post.say("salon", session="salon")
    await until(lambda: _delivered(post, webhook, 1))
    assert [one["session"] for one in await post.deliveries(webhook)] == ["salon"]


async def _under_way(post: Post) -> bool:
    return post.receiver.under_way == 1


async def test_a_key_takes_its_share_and_no_more_also_at_once(tenants: Tenants) -> None:
    post, key = tenants.post, await tenants.key("shop")
    answers = await asyncio.gather(*(key.api.post("/webhooks", json={"url": URL}) for _ in range(MOST_OF_KEY + 4)))
    assert sorted(answer.status_code for answer in answers) == [201] * MOST_OF_KEY + [409] * 4
    problem = (await key.api.post("/webhooks", json={"url": URL})).json()
    assert f"at most {MOST_OF_KEY} webhooks" in problem["detail"]
    assert "Remove one" in problem["remedy"]
    await made((await tenants.key("shop")).api)
    await made((await tenants.key("shop", "salon")).api)
    await made((await tenants.key()).api)
    one = next(one["id"] for one in (await key.api.get("/webhooks")).json() if one["api_key"])
    assert (await key.api.delete(f"/webhooks/{one}")).status_code == 204
    await made(key.api)
    while len(await ids(post.api)) < MOST:
        await made(post.api)
    full = (await (await tenants.key("salon")).api.post("/webhooks", json={"url": URL})).json()
    assert (full["status"], full["detail"]) == (409, f"A person has at most {MOST} webhooks.")
    assert "whoever gave you this API key" in full["remedy"]


@on_sqlite
async def test_a_key_whose_numbers_are_changed_sees_what_fits(tenants: Tenants) -> None:
    post, key = tenants.post, await tenants.key("shop", "salon")
    both, shop, salon = [await made(key.api, session_ids=one) for one in (["shop", "salon"], ["shop"], ["salon"])]
    less = await tenants.again(key.id, "salon")
    assert await ids(less) == {salon["id"]}
    assert (await less.get(f"/webhooks/{both['id']}")).status_code == 404
    assert await ids(await tenants.again(key.id, "main")) == set()
    assert await ids(await tenants.again(key.id, "main", "salon", "shop")) == {both["id"], shop["id"], salon["id"]}
    assert await ids(await tenants.again(key.id)) == await ids(post.api)
    assert (await post.read(both))["session_ids"] == ["shop", "salon"], "for people they stay as they are"


async def test_only_what_it_wanted_is_missed_where_the_log_forgot(tenants: Tenants) -> None:
    post, key = tenants.post, await tenants.key("shop")
    webhook = await made(key.api, enabled=False)
    none = await made(key.api, enabled=False)
    await post.change(none, session_ids=[])
    for session in ("main", "salon", "shop", "shop", None):
        await post.say("lost", session=session)
    forget = utc_now() + timedelta(seconds=1)
    await post.database.submit(lambda db: log.prune(db, before=forget, forgetting=repository.note_gaps))
    assert (await post.read(webhook))["gap"]["events"] == 2
    assert (await post.read(none))["gap"] is None


@pytest.mark.parametrize("number", range(4))
async def test_a_key_is_not_quicker_than_who_gives_a_webhook_another_number(tenants: Tenants, number: int) -> None:
    """Else what comes of that number would go to the address that the key gave it at the same moment."""
    post, key = tenants.post, await tenants.key("shop")
    webhook = await made(key.api)
    path = f"/webhooks/{webhook['id']}"
    method, where, body = [
        ("PATCH", path, {"url": "https://evil.example/"}), ("PATCH", path, {"session_ids": ["shop"]}),
        ("POST", f"{path}/rotate-secret", None), ("DELETE", path, None),
    ][number]  # fmt: skip
    async with post.database.write() as db:
        await repository.change(db, uuid.UUID(webhook["id"]), {"session_ids": ["shop", "salon"]})
        asked = asyncio.create_task(key.api.request(method, where, json=body))
        await asyncio.sleep(0.3)
        assert not asked.done()
    assert (await asked).status_code == 404
    assert (await post.read(webhook))["session_ids"] == ["shop", "salon"]
