"""Events on their way to a real receiver: signed, in order, at least once, whatever the receiver does."""

import asyncio
import time
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import func, select, text, update
from tests.fixtures.databases import on_postgres, on_sqlite, watched
from tests.fixtures.sending import until
from tests.webhooks.conftest import CONVERSATIONS, Post, message, status

from prosa.clock import utc_now
from prosa.database import Database
from prosa.events import log
from prosa.events.log import Position
from prosa.events.moving import move_in
from prosa.events.types import ConversationUpdatedPayload
from prosa.ids import new_id
from prosa.stopping import Grace
from prosa.webhooks import delivering, line, repository, writing
from prosa.webhooks.repository import DELIVERIES, PLACES, TABLE
from prosa.webhooks.sending import Outcome


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are short."""
    monkeypatch.setattr(delivering, "BASE_SECONDS", 0.02)
    monkeypatch.setattr(writing, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(writing, "MOST_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(writing, "ASIDE_SECONDS", 0.1)
    monkeypatch.setattr(writing, "MOST_ASIDE_SECONDS", 0.2)


async def test_an_event_is_one_signed_post_of_what_the_websocket_sends(post: Post) -> None:
    await post.say("before it was there")
    await post.make(headers={"Authorization": "Bearer t0ken", "X-Shop": "1"})
    await post.follow()
    await post.say("hello")
    [got] = await post.receiver.wait(1)
    async with post.database.read() as db:
        logged = (await log.read_after(db, Position(0, 0)))[-1]
    assert got.envelope == logged.envelope()
    assert (got.headers["authorization"], got.headers["x-shop"]) == ("Bearer t0ken", "1")
    assert got.headers["content-type"] == "application/json"
    assert got.id.startswith("msg_")
    assert post.receiver.wrong == []


async def test_only_what_is_wanted_comes(post: Post) -> None:
    await post.make(events=["message.received", "session.status"], session_ids=["main"])
    await post.follow()
    await post.say("of another number", session="other")
    await post.tell(message("one"), ConversationUpdatedPayload(**updated()), status("open"))
    await post.tell(message("of no number"), session=None)
    await post.receiver.wait(3)
    await post.say("last")
    await post.receiver.wait(4)
    assert sorted(post.receiver.labels) == ["last", "of no number", "one", "open"]


async def test_events_of_a_conversation_keep_their_order_and_conversations_do_not_wait_for_another(post: Post) -> None:
    post.receiver.seconds = 0.2
    await post.make()
    await post.tell(*(message(f"{lane}-{number}", lane) for number in range(5) for lane in range(20)))
    begun = time.monotonic()
    await post.follow()
    await post.receiver.wait(100)
    assert time.monotonic() - begun < 10, "one after another they would take twenty seconds"
    assert post.receiver.most_under_way > 5
    for lane in range(20):
        mine = [request for request in post.receiver.requests if request.label.startswith(f"{lane}-")]
        assert [request.label for request in mine] == [f"{lane}-{number}" for number in range(5)]
        assert all(later.began >= earlier.began + 0.1 for earlier, later in pairwise(mine)), "none overtakes another"


async def test_conversations_that_turned_out_to_be_one_keep_their_order_too() -> None:
    gone, kept = CONVERSATIONS[:2]
    events = [
        logged(1, "message.received", conversation_id=str(gone)),
        logged(2, "message.received", conversation_id=str(kept)),
        logged(3, "conversation.updated", id=str(kept), merged_id=str(gone)),
        logged(4, "session.status"),
    ]
    assert [[event.position.id for event in lane] for lane in delivering._lanes(events)] == [[1, 2, 3], [4]]


async def test_a_receiver_that_is_away_gets_everything_in_order_once_it_is_back(post: Post, hasty: None) -> None:
    webhook = await post.make()
    await post.follow()
    await post.say("before")
    await post.receiver.wait(1)
    await post.receiver.stop()
    await post.say(*(f"meanwhile {number}" for number in range(30)))
    await until(lambda: _is(post, webhook, attempts=3))
    shown = await post.read(webhook)
    assert (shown["state"], shown["enabled"], shown["aside"]) == ("waiting", True, 0)
    assert shown["last_error"].startswith("unreachable: ")
    assert shown["next_try_at"] is not None
    assert shown["failing_since"] is not None
    await post.receiver.start()
    await post.receiver.wait(31)
    assert post.receiver.labels == ["before", *(f"meanwhile {number}" for number in range(30))]
    await until(lambda: _is(post, webhook, state="on"))
    shown = await post.read(webhook)
    assert (shown["attempts"], shown["failing_since"], shown["next_try_at"]) == (0, None, None)
    assert {row["state"] for row in await post.deliveries(webhook)} == {"delivered"}


async def test_a_receiver_that_refuses_everything_is_not_asked_for_every_event(post: Post, hasty: None) -> None:
    post.receiver.answer = lambda _: 500
    webhook = await post.make()
    await post.tell(*(message(f"{lane}", lane % 40) for lane in range(200)))
    await post.follow()
    await until(lambda: _is(post, webhook, attempts=4))
    asked = len(post.receiver.requests)
    shown = await post.read(webhook)
    looks = range(1, shown["attempts"] + 1)
    assert asked <= delivering.TRIES * delivering.LANES + sum(delivering.FEELERS + look for look in looks) < 200
    assert (shown["aside"], shown["last_error"]) == (0, "http_500: Internal Server Error")
    assert await post.deliveries(webhook) == [], "nothing is put aside while the receiver is away"
    post.receiver.answer = None
    await post.receiver.wait(200)
    assert sorted(set(map(int, post.receiver.labels))) == list(range(200))
    assert len(post.receiver.labels) == 200, "none comes twice"


@pytest.mark.parametrize("alone", [True, False])
async def test_an_event_that_is_always_refused_does_not_hold_up_the_others(
    post: Post, hasty: None, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    monkeypatch.setattr(writing, "MOST_TRIES", 7)
    post.receiver.answer = lambda envelope: (
        web.Response(status=422, text="I do not like \0<poison>" + "x" * 9999)
        if envelope["payload"].get("body") == "poison"
        else 200
    )
    webhook = await post.make()
    if alone:
        await post.follow()
        await post.say("poison")
        await until(lambda: _is(post, webhook, attempts=2))
        assert await post.deliveries(webhook) == [], "whether only this one is refused cannot be known yet"
        await post.say("a", "b", "c")
    else:
        await post.say("a", "poison", "b", "c")
        await post.say(*"defghijklm", conversation=1)
        post.receiver.seconds = 0.02
        await post.follow()
    await post.receiver.wait(3 if alone else 13)
    assert [label for label in post.receiver.labels if label in "abc"] == ["a", "b", "c"]
    await until(lambda: _delivery(post, webhook, "retrying"))
    await until(lambda: _delivery(post, webhook, "failed"))
    [row] = await post.deliveries(webhook, state="failed")
    assert (row["attempts"], row["status"]) == (7, 422)
    assert row["error"] in {"http_422: Unprocessable Entity", "http_422: Unprocessable Content"}  # by Python's age
    assert row["response"] == ("I do not like <poison>" + "x" * 9999)[:300]
    assert len({request.id for request in post.receiver.requests if request.label == "poison"}) == 1
    shown = await post.read(webhook)
    assert (shown["state"], shown["aside"], shown["failing_since"]) == ("on", 0, None)

    path = f"/webhooks/{webhook['id']}/deliveries/{row['id']}/retry"
    assert (await post.api.post(path)).json()["state"] == "failed"
    post.receiver.answer = None
    again = (await post.api.post(path)).json()
    assert (again["state"], again["error"], again["attempts"]) == ("delivered", None, 9)
    assert post.receiver.accepted[-1].id == row["message_id"]
    assert (await post.api.post(path)).json()["state"] == "delivered", "from the log, as long as it has it"
    post.receiver.answer = lambda _: 500
    again = (await post.api.post(path)).json()
    assert (again["state"], again["status"], again["next_try_at"]) == ("delivered", 500, None), "it was, before"
    await post.database.submit(lambda db: log.prune(db, before=utc_now() + timedelta(seconds=1)))
    assert (await post.api.post(path)).status_code == 409


async def test_a_row_of_events_that_are_refused_does_not_hide_those_behind(post: Post, hasty: None) -> None:
    post.receiver.answer = lambda envelope: 200 if envelope["event"] == "message.received" else 500
    webhook = await post.make()
    await post.tell(*(status(f"bad {number}") for number in range(12)))
    await post.follow()
    await until(lambda: _is(post, webhook, attempts=2))
    await post.say("good")
    await post.receiver.wait(1)
    await until(lambda: _is(post, webhook, aside=12, state="on"))


async def test_there_are_never_thousands_put_aside(post: Post, hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_ASIDE", 3)
    monkeypatch.setattr(writing, "ASIDE_SECONDS", 60)
    monkeypatch.setattr(writing, "MOST_ASIDE_SECONDS", 60)
    post.receiver.answer = lambda envelope: 200 if envelope["event"] == "message.received" else 500
    webhook = await post.make()
    await post.tell(*(status(f"bad {number}") for number in range(8)))
    await post.follow()
    await until(lambda: _is(post, webhook, attempts=1))
    await post.say("good")
    await until(lambda: _is(post, webhook, aside=3, state="on"))
    assert len(await post.deliveries(webhook, state="failed")) == 5


async def _crowded(post: Post, first: str) -> dict[str, Any]:
    """Follow with one event of a conversation, and ten of another; return the webhook."""
    webhook = await post.make()
    post.receiver.seconds = 0.02
    await post.say(first)
    await post.say(*"abcdefghij", conversation=1)
    await post.follow()
    return webhook


async def test_what_was_refused_is_accepted_later(post: Post, hasty: None) -> None:
    refusals = 4
    tries: list[str] = []

    def answer(envelope: dict[str, Any]) -> int:
        if envelope["payload"].get("body") != "shy":
            return 200
        tries.append(envelope["id"])
        return 200 if len(tries) > refusals else 503

    post.receiver.answer = answer
    webhook = await _crowded(post, "shy")
    await post.receiver.wait(11)
    assert post.receiver.labels[-1] == "shy"
    assert len(set(tries)) == 1

    async def noted() -> bool:
        return {row["state"] for row in await post.deliveries(webhook)} == {"delivered"}

    await until(noted)
    assert (await post.read(webhook))["aside"] == 0


async def test_what_was_put_aside_waits_for_as_long_as_the_receiver_asks(post: Post, hasty: None) -> None:
    def answer(envelope: dict[str, Any]) -> web.Response | int:
        if envelope["payload"]["body"] != "shy":
            return 200
        tries.append(utc_now())
        return web.Response(status=429, headers={"Retry-After": "120"}) if len(tries) > delivering.TRIES else 429

    tries: list[datetime] = []
    post.receiver.answer = answer
    webhook = await _crowded(post, "shy")
    await until(lambda: _is(post, webhook, aside=1))

    async def put_off() -> bool:
        [row] = await post.deliveries(webhook, state="retrying")
        return bool(row["attempts"] > delivering.TRIES)

    await until(put_off)
    [row] = await post.deliveries(webhook, state="retrying")
    assert datetime.fromisoformat(row["next_try_at"]) > tries[-1] + timedelta(seconds=110)


async def test_what_was_put_aside_is_not_tried_while_the_receiver_is_away(
    post: Post, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_TRIES", 1000)
    post.receiver.answer = lambda envelope: 422 if envelope["payload"]["body"] == "poison" else 200
    webhook = await _crowded(post, "poison")
    await until(lambda: _is(post, webhook, aside=1))
    await post.receiver.stop()
    await post.say("k")
    await until(lambda: _is(post, webhook, attempts=2))
    [before] = await post.deliveries(webhook, state="retrying")
    await until(lambda: _is(post, webhook, attempts=5))
    assert await post.deliveries(webhook, state="retrying") == [before]


def test_what_is_put_aside_is_tried_again_for_most_of_a_day() -> None:
    begun = now = utc_now()
    refused = Outcome(ok=False, status=503, error="http_503: x", response=None, duration_ms=1)
    row: Any = SimpleNamespace(attempts=delivering.TRIES, due_at=now)
    while (values := writing.tried_again(row, refused, now))["due_at"] is not None:
        row.attempts, now = values["attempts"], values["due_at"]
    assert (values["state"], values["attempts"]) == ("failed", writing.MOST_TRIES)
    assert timedelta(hours=10) < now - begun < timedelta(hours=24)


@pytest.mark.parametrize("form", ["seconds", "date", "nonsense"])
async def test_retry_after_is_honoured_within_bounds(post: Post, form: str) -> None:
    headers = {
        "seconds": "120", "date": format_datetime(utc_now() + timedelta(seconds=120), usegmt=True), "nonsense": "later",
    }  # fmt: skip
    post.receiver.answer = lambda _: web.Response(status=429, headers={"Retry-After": headers[form]})
    webhook = await post.make()
    await post.follow()
    await post.say("one")
    await until(lambda: _is(post, webhook, state="waiting"), 20)
    async with post.database.read() as db:
        due = (await db.execute(select(TABLE.c.due_at))).scalar_one()
    wait = (due - utc_now()).total_seconds()
    assert (110 < wait <= 120) if form != "nonsense" else (wait <= 5)
    assert len(post.receiver.requests) == (1 if form != "nonsense" else 3)


async def test_what_got_through_beside_one_that_has_to_wait_is_not_sent_again(post: Post) -> None:
    async def answer(envelope: dict[str, Any]) -> web.Response | int:
        if envelope["payload"]["body"] != "first" or len(post.receiver.requests) > len(others):
            return 200
        await post.receiver.wait_for(lambda: len(post.receiver.accepted) == len(others))
        return web.Response(status=503, headers={"Retry-After": "1"})

    others = [str(lane) for lane in range(1, 5)]
    post.receiver.answer = answer
    await post.make()
    await post.tell(*(message(text, lane) for lane, text in enumerate(["first", *others])))
    await post.follow()
    await post.receiver.wait_for(lambda: "first" in post.receiver.labels)
    await post.say("last")
    await post.receiver.wait_for(lambda: "last" in post.receiver.labels)
    assert sorted(post.receiver.labels[:-2]) == others
    assert post.receiver.labels[-2:] == ["first", "last"]


async def test_gone_switches_off_and_on_again_goes_on(post: Post, hasty: None) -> None:
    post.receiver.answer = lambda _: 410
    webhook = await post.make()
    await post.follow()
    await post.say("one")
    await until(lambda: _is(post, webhook, enabled=False))
    shown = await post.read(webhook)
    assert (shown["state"], shown["disabled_reason"], shown["next_try_at"]) == ("off", "gone", None)
    assert len(post.receiver.requests) == 1
    await post.say("two")
    post.receiver.answer = None
    shown = await post.change(webhook, enabled=True)
    assert (shown["state"], shown["disabled_reason"]) == ("on", None)
    await post.receiver.wait(2)
    assert post.receiver.labels == ["one", "two"]


async def test_what_was_missed_can_be_left_out(post: Post) -> None:
    webhook = await post.make(enabled=False)
    await post.follow()
    await post.say("old")
    await post.change(webhook, enabled=True, skip_missed=True)
    await post.say("new")
    await post.receiver.wait(1)
    assert post.receiver.labels == ["new"]


async def test_what_waits_behind_an_event_under_way_can_be_left_out(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: dict[str, Any]) -> int:
        await left_out.wait()
        return 200

    monkeypatch.setattr(line, "BATCH", 1)
    webhook, left_out = await post.make(), asyncio.Event()
    post.receiver.answer = answer
    await post.say("under way", "missed")
    await post.follow()
    await until(lambda: _under_way(post))
    await post.change(webhook, skip_missed=True)
    left_out.set()
    await post.say("new")
    await post.receiver.wait_for(lambda: "new" in post.receiver.labels)
    assert post.receiver.labels == ["under way", "new"]


async def test_days_of_failures_switch_off(post: Post, hasty: None) -> None:
    await post.receiver.stop()
    webhook = await post.make()
    await post.follow()
    await post.say("one")
    await until(lambda: _is(post, webhook, attempts=2))
    post.clock.ahead = timedelta(days=2, hours=23)
    await until(lambda: _is(post, webhook, attempts=4))
    post.clock.ahead = timedelta(days=3, minutes=1)
    await until(lambda: _is(post, webhook, enabled=False))
    assert (await post.read(webhook))["disabled_reason"] == "failing"


async def test_what_the_log_forgot_is_said(post: Post, hasty: None) -> None:
    unconcerned = await post.make(events=["ai.handoff"])
    webhook = await post.make(events=["message.received"])
    await post.receiver.stop()
    await post.follow()
    await post.say("one", "two", "three")
    await post.tell(status("open"))
    await until(lambda: _is(post, webhook, state="waiting"))
    assert (await post.read(webhook))["gap"] is None
    forget = utc_now() + timedelta(seconds=1)
    await post.database.submit(lambda db: log.prune(db, before=forget, limit=2, forgetting=repository.note_gaps))
    await post.database.submit(lambda db: log.prune(db, before=forget, forgetting=repository.note_gaps))
    gap = (await post.read(webhook))["gap"]
    assert gap["events"] == 3
    assert gap["since"] < gap["until"] < forget.isoformat()
    await post.receiver.start()
    await post.say("four")
    await post.receiver.wait_for(lambda: post.receiver.labels == ["four"])
    assert (await post.read(webhook))["gap"] == gap
    assert (await post.change(webhook, forget_gap=True))["gap"] is None
    assert (await post.read(unconcerned))["gap"] is None


@on_postgres
async def test_a_backup_on_another_server_goes_on_where_it_was(post: Post) -> None:
    await post.make()
    first = await post.follow()
    await post.say("read", "read, too")
    await post.receiver.wait(2)
    await first.stop()
    await post.say("not read", "nor this")
    assert not await move_in(post.database, PLACES), "the log was written here"
    # The server of the backup had counted its transactions much further than the one that this is restored on.
    async with post.database.write() as db:
        await db.execute(text("UPDATE events SET txid = txid + 1000000000"))
        await db.execute(text("UPDATE webhooks SET position_txid = position_txid + 1000000000"))

    starting = [Database(post.database.url, pool_size=1) for _ in range(3)]
    assert sorted(await asyncio.gather(*(move_in(each, PLACES) for each in starting))) == [False, False, True]
    await asyncio.gather(*(each.close() for each in starting))
    await post.say("new")
    await post.follow()
    await post.receiver.wait(5)
    assert post.receiver.labels == ["read", "read, too", "not read", "nor this", "new"]
    async with post.database.read() as db:
        logged = [event.payload["body"] for event in await log.read_after(db, Position(0, 0))]
    assert logged == post.receiver.labels


@on_postgres
async def test_a_webhook_whose_log_was_forgotten_goes_on_on_another_server(post: Post) -> None:
    await post.make()
    async with post.database.write() as db:
        await db.execute(text("UPDATE webhooks SET position_txid = 1000000000, position_id = 5"))
    assert await move_in(post.database, PLACES)
    await post.follow()
    async with post.database.write() as db:
        await db.execute(text("SELECT setval(pg_get_serial_sequence('events', 'id'), 7)"))
    await post.say("new")
    assert [request.label for request in await post.receiver.wait(1)] == ["new"]


async def test_a_stop_that_cannot_wait_writes_down_what_got_through(post: Post) -> None:
    async def answer(envelope: dict[str, Any]) -> int:
        if envelope["payload"]["body"] == "2" and not post.followers[1:]:
            await asyncio.sleep(5)
        return 200

    post.receiver.answer = answer
    webhook = await post.make()
    await post.say(*"01234")
    first = await post.follow(grace=Grace(0))
    await post.receiver.wait(2)
    await until(lambda: _under_way(post))
    await first.stop()
    assert [row["state"] for row in await post.deliveries(webhook)] == ["delivered"] * 2
    await post.follow()
    await post.receiver.wait(5)
    assert post.receiver.labels == list("01234"), "what was under way comes again, the rest once"


async def test_what_a_dead_process_held_is_taken_over_when_its_lease_ends(post: Post) -> None:
    await post.make()
    async with post.database.write() as db:
        until = utc_now() + timedelta(seconds=1)
        await db.execute(update(TABLE).values(lease_owner="elsewhere:1:x.y", lease_until=until))
    await post.say("one")
    await post.follow()
    await post.receiver.wait(1)
    assert utc_now() >= until


async def test_a_webhook_is_kept_for_as_long_as_its_receiver_takes(post: Post) -> None:
    post.receiver.seconds = 1.5
    await post.make()
    await post.say("one")
    for _ in range(2):
        await post.follow(lease=timedelta(seconds=0.6), renew_seconds=0.1, poll_seconds=0.1)
    await post.receiver.wait(1)
    await asyncio.sleep(0.3)
    assert post.receiver.labels == ["one"]


async def test_who_has_lost_a_webhook_meanwhile_sends_and_writes_no_more(post: Post) -> None:
    webhook, taken = await post.make(), asyncio.Event()

    async def answer(_: dict[str, Any]) -> int:
        await taken.wait()
        return 200

    post.receiver.answer = answer
    await post.say("one", "two")
    await post.follow(renew_seconds=0.1)
    await until(lambda: _under_way(post))
    async with post.database.write() as db:
        held = utc_now() + timedelta(seconds=60)
        await db.execute(update(TABLE).values(lease_owner="elsewhere:1:x.y", lease_until=held))
        before = (await db.execute(select(TABLE))).one()
    await asyncio.sleep(0.3)  # it finds out
    taken.set()
    await asyncio.sleep(0.3)
    assert post.receiver.labels in ([], ["one"])
    async with post.database.read() as reading:
        assert (await reading.execute(select(TABLE))).one() == before
    assert await post.deliveries(webhook) == []


async def test_two_processes_deliver_each_event_once(post: Post) -> None:
    await post.make()
    await post.follow()
    await post.follow()
    for number in range(20):
        await post.say(f"{number}", conversation=number % 3)
    await post.receiver.wait(20)
    await asyncio.sleep(0.3)
    assert sorted(post.receiver.labels, key=int) == [str(number) for number in range(20)]


async def test_a_stop_finishes_what_is_under_way_and_gives_the_rest_back(post: Post) -> None:
    post.receiver.seconds = 0.3
    await post.make()
    await post.say("one", "two", "three")
    first = await post.follow()
    await post.receiver.wait_for(lambda: True)
    await until(lambda: _under_way(post))
    await first.stop()
    assert len(post.receiver.requests) == 1, "nothing more was begun"
    async with post.database.read() as db:
        held = await db.execute(select(func.count()).select_from(TABLE).where(TABLE.c.lease_owner.is_not(None)))
        assert held.scalar_one() == 0
    await post.follow()
    await post.receiver.wait(3)
    assert post.receiver.labels == ["one", "two", "three"], "each once"


async def test_a_change_is_taken_in_at_once(post: Post) -> None:
    webhook = await post.make()
    await post.follow()
    await post.say("one")
    await post.receiver.wait(1)
    await post.change(webhook, events=["session.status"])
    await post.say("two")
    await post.tell(status("open"))
    await post.receiver.wait(2)
    await post.tell(message("three"), status("qr"))  # what is wanted does not come first
    await post.receiver.wait(3)
    await post.change(webhook, enabled=False)
    await post.tell(status("closed"))
    await asyncio.sleep(0.3)
    assert post.receiver.labels == ["one", "open", "qr"]
    assert (await post.api.delete(f"/webhooks/{webhook['id']}")).status_code == 204
    async with post.database.read() as db:
        assert (await db.execute(select(func.count()).select_from(DELIVERIES))).scalar_one() == 0


async def test_secrets_are_rotated_with_two_signatures_for_a_day(post: Post) -> None:
    webhook = await post.make()
    await post.follow()
    old = post.receiver.secret
    rotated = (await post.api.post(f"/webhooks/{webhook['id']}/rotate-secret")).json()
    assert rotated["secret"] != old
    assert (await post.api.get(f"/webhooks/{webhook['id']}/secret")).json() == rotated
    await post.say("one")
    await post.receiver.wait(1)
    post.receiver.secret = rotated["secret"]
    await post.say("two")
    await post.receiver.wait(2)
    assert len(post.receiver.requests[-1].headers["webhook-signature"].split(" ")) == 2
    assert post.receiver.wrong == []
    async with post.database.write() as db:
        day = (await db.execute(select(TABLE.c.old_secret_until))).scalar_one() - utc_now()
        assert timedelta(hours=23, minutes=58) < day <= timedelta(hours=24)
        await db.execute(update(TABLE).values(old_secret_until=utc_now() - timedelta(seconds=1)))
    await post.say("three")
    await post.receiver.wait(3)
    assert " " not in post.receiver.requests[-1].headers["webhook-signature"]


async def test_redirects_are_not_followed(post: Post, hasty: None) -> None:
    webhook = await post.make(url=post.receiver.url.replace("/hook", "/moved"))
    told = (await post.api.post(f"/webhooks/{webhook['id']}/test")).json()
    assert (told["ok"], told["status"], told["error"]) == (
        False, 302, "http_302: redirects are not followed; give the address that it leads to",
    )  # fmt: skip
    assert post.receiver.requests == []


async def test_a_receiver_that_does_not_answer(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa.webhooks.sending.SECONDS", 0.1)
    post.receiver.seconds = 5
    webhook = await post.make()
    told = (await post.api.post(f"/webhooks/{webhook['id']}/test")).json()
    assert (told["ok"], told["status"], told["error"][:8]) == (False, None, "timeout:")
    assert 90 <= told["duration_ms"] < 2000


@on_sqlite
async def test_without_a_webhook_the_log_is_not_read(post: Post) -> None:
    webhook = await post.make(enabled=False)
    await post.follow(poll_seconds=0.05)
    with watched(post.database) as statements:
        await post.say("one", "two")
        await asyncio.sleep(0.3)
    assert [statement for statement, _ in statements if "FROM events" in statement] == []
    assert {statement.split()[0] for statement, _ in statements if "webhook" in statement} <= {"SELECT"}
    await post.change(webhook, enabled=True)
    await post.receiver.wait(2)


@on_sqlite
async def test_a_place_that_moves_without_a_delivery_is_written_down_now_and_then(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.make(events=["ai.handoff"])
    await post.follow()

    async def place() -> int:
        async with post.database.read() as db:
            return int((await db.execute(select(TABLE.c.position_id))).scalar_one())

    before = await place()
    await post.say("of no interest")
    await asyncio.sleep(0.2)
    assert await place() == before
    monkeypatch.setattr(line, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(line, "POLL_SECONDS", 0.05)
    await post.change((await post.api.get("/webhooks")).json()[0], name="wake")

    async def moved() -> bool:
        return await place() == before + 1

    await until(moved)


async def test_old_deliveries_are_forgotten(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "KEPT", 5)
    monkeypatch.setattr(writing, "TIDY_EVERY", 1)
    webhook, other = await post.make(events=["message.received"]), await post.make(events=["session.status"])
    await post.follow()
    await post.tell(status("open"))
    await post.receiver.wait(1)
    post.receiver.secret = webhook["secret"]
    aside: list[str] = []

    async def kept(*events: str) -> bool:
        return [row["event_id"] for row in await post.deliveries(webhook)] == [*aside, *events]

    for number in range(12):
        await post.say(f"{number}")
        await post.receiver.wait(number + 2)
        if not number:  # what is to be tried again stays
            first = post.receiver.requests[-1].envelope["id"]
            await until(lambda event=first: kept(event))  # type: ignore[misc]
            aside.append(first)
            async with post.database.write() as db:
                later = {"state": "retrying", "due_at": utc_now() + timedelta(days=30)}
                await db.execute(update(DELIVERIES).where(DELIVERIES.c.event_id == first).values(later))
    newest = [request.envelope["id"] for request in post.receiver.requests[-5:]]
    await until(lambda: kept(*newest))
    path = f"/webhooks/{webhook['id']}/deliveries"
    page = (await post.api.get(path, params={"limit": 2})).json()
    assert [row["event_id"] for row in page["items"]] == newest[:-3:-1]
    rest = await post.api.get(path, params={"limit": 9, "cursor": page["next_cursor"]})
    assert len(rest.json()["items"]) == 3 + len(aside)
    assert len(await post.deliveries(other)) == 1, "each webhook has a log of its own"
    async with post.database.write() as db:
        await db.execute(update(DELIVERIES).values(created_at=utc_now() - timedelta(days=7, minutes=1)))
    await post.say("a week later")
    await post.receiver.wait_for(lambda: "a week later" in post.receiver.labels)
    await until(lambda: kept(post.receiver.requests[-1].envelope["id"]))


def logged(number: int, kind: str, **payload: Any) -> log.LoggedEvent:
    return log.LoggedEvent(Position(0, number), new_id(), "main", kind, utc_now(), payload)


def updated() -> dict[str, Any]:
    return {
        "id": new_id(), "contact_jid": "x", "kind": "contact", "unread_count": 0, "ai_enabled": True, "ai_state": "on",
    }  # fmt: skip


async def _is(post: Post, webhook: dict[str, Any], **wanted: Any) -> bool:
    shown = await post.read(webhook)
    return all(shown[name] >= value if name == "attempts" else shown[name] == value for name, value in wanted.items())


async def _delivery(post: Post, webhook: dict[str, Any], state: str) -> bool:
    return state in {row["state"] for row in await post.deliveries(webhook)} | (
        {"retrying"} if await post.deliveries(webhook, state="failed") else set()
    )


async def _under_way(post: Post) -> bool:
    return post.receiver.under_way > 0
