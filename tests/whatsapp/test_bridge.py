"""The engine against a scripted bridge: a real process that speaks the protocol and misbehaves on demand."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs
from tests.whatsapp.harness import FAKE, Harness, Recorder, until

from prosa.errors import ConfigurationError
from prosa.whatsapp.bridge import BridgeEngine, create_engine
from prosa.whatsapp.engine import (
    Closed,
    ContactTyping,
    EngineDown,
    EngineError,
    EngineErrorCode,
    EngineEvent,
    Inbound,
    Json,
    LoggedOut,
    MessageType,
    Opened,
    QrCode,
    ReceiptUpdate,
    TextContent,
)
from prosa.whatsapp.inbox import LIMIT, NOT_STORED
from prosa.whatsapp.link import Link
from prosa.whatsapp.process import TestServer, find_binary
from prosa.whatsapp.stream import FrameStream

CONTACT = "5511988887777@s.whatsapp.net"


def message(wa_id: str, text: str = "oi") -> dict[str, Any]:
    info = {"id": wa_id, "chat": CONTACT, "sender": CONTACT, "timestamp": 1_700_000_000_000}
    return {"info": info, "message": {"conversation": text}}


async def test_requests_and_answers(running: Harness, recorder: Recorder) -> None:
    connection = await running.engine.open("s1", recorder, device_jid="5511999990001:7@s.whatsapp.net")
    assert running.directory.stat().st_mode & 0o077 == 0, "what people send is nobody else's"
    assert connection.session_id == "s1"
    assert connection.state.linked
    assert connection.state.push_name == "Loja"
    assert connection.state.lid is None
    await connection.connect()
    result = await connection.send(CONTACT, "3EB0AA", TextContent("Olá"))
    assert result.timestamp == datetime.fromtimestamp(1_700_000_000, UTC)
    assert result.sender == "5511999990001:7@s.whatsapp.net"
    assert await connection.pair_with_code("+55 11 99999-0001") == ("ABCD-1234", 160.0)
    await connection.answer_passkey({"id": "x"})
    await connection.confirm_passkey()
    await connection.send_typing(CONTACT, typing=True, recording=True)
    await connection.send_typing(CONTACT, typing=False)
    await connection.set_presence(available=True)
    await connection.mark_read(CONTACT, ["A", "B"], datetime.fromtimestamp(5, UTC), sender="9@lid")
    uploaded = await connection.upload(running.directory / "a.jpg", MessageType.IMAGE)
    assert uploaded.file_length == 12
    assert await connection.download({"ptvMessage": {"URL": "u"}, "x": 1}, running.directory / "b.mp4") == 5
    [user] = await connection.resolve(["+5511988887777"])
    # The ninth digit is WhatsApp's business.
    assert (user.phone, user.jid, user.lid) == ("+5511988887777", "551188887777@s.whatsapp.net", None)
    assert await connection.alternate(CONTACT) == "99@lid"
    assert await connection.alternate("1@lid") is None
    await connection.disconnect()
    await connection.logout()
    sent = {entry["method"]: entry for entry in running.journal if "method" in entry}
    assert sent["hello"]["params"] == {"protocol": 2}
    assert "session" not in sent["hello"]
    assert sent["open"]["params"] == {"jid": "5511999990001:7@s.whatsapp.net", "device_name": "Prosa"}
    assert sent["send"] == {
        "id": sent["send"]["id"],
        "session": "s1",
        "method": "send",
        "params": {"to": CONTACT, "id": "3EB0AA", "message": {"conversation": "Olá"}, "timeout_ms": 20000},
    }
    assert sent["pair_code"]["params"]["phone"] == "5511999990001"
    assert running.told("typing")[0]["params"] == {"to": CONTACT, "state": "composing", "media": "audio"}
    assert running.told("typing")[1]["params"] == {"to": CONTACT, "state": "paused"}
    assert sent["mark_read"]["params"] == {"chat": CONTACT, "ids": ["A", "B"], "timestamp": 5000, "sender": "9@lid"}
    assert sent["download"]["params"]["message"] == {"videoMessage": {"URL": "u"}}


async def test_errors_keep_their_code(running: Harness, recorder: Recorder) -> None:
    connection = await running.engine.open("s1", recorder, device_jid=None)
    for code in ("not_connected", "rate_limited", "recipient_unknown"):
        with pytest.raises(EngineError) as caught:
            await connection.send(f"error:{code}@s.whatsapp.net", "A", TextContent("x"))
        assert caught.value.code == code
        assert caught.value.message == "as told"
    with pytest.raises(EngineError) as caught:
        await connection.send("error:of_a_later_version@s.whatsapp.net", "A", TextContent("x"))
    assert caught.value.code is EngineErrorCode.INTERNAL
    with pytest.raises(EngineError) as caught:
        await connection.send(CONTACT, "A", TextContent("x" * 17_000_000))
    assert caught.value.code is EngineErrorCode.BAD_REQUEST
    with pytest.raises(EngineError) as caught:
        await running.engine.open("s2", recorder, device_jid="gone@s.whatsapp.net")
    assert caught.value.code is EngineErrorCode.DEVICE_NOT_FOUND
    await running.engine.open("s2", recorder, device_jid=None)  # the failed one left nothing behind


async def test_a_call_without_answer_ends_and_is_cancelled(
    running: Harness, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.whatsapp.connection.SEND_ACK_SECONDS", 0.05)
    monkeypatch.setattr("prosa.whatsapp.connection._MARGIN", 0.05)
    connection = await running.engine.open("s1", recorder, device_jid=None)
    with pytest.raises(EngineError) as caught:
        await connection.send("silent@s.whatsapp.net", "A", TextContent("x"))
    assert caught.value.code is EngineErrorCode.TIMEOUT
    assert caught.value.code.temporary
    monkeypatch.setattr("prosa.whatsapp.connection._MARGIN", 60)
    task = asyncio.create_task(connection.send("silent@s.whatsapp.net", "B", TextContent("x")))
    await until(lambda: len(running.told("send")) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ids = [entry["id"] for entry in running.told("send")]
    await until(lambda: [entry["cancel"] for entry in running.journal if "cancel" in entry] == ids)


async def test_events_come_in_order_and_are_acknowledged_once_handled(running: Harness) -> None:
    handled: list[EngineEvent] = []
    release = asyncio.Event()

    async def handler(event: EngineEvent) -> None:
        if isinstance(event, Inbound):
            await release.wait()
        handled.append(event)

    connection = await running.engine.open("s1", handler, device_jid=None)
    await running.do(connection, "event", "qr", {"code": "2@abc", "expires_in_ms": 60000})
    await running.do(connection, "stored_event", "message", 41, message("M1"))
    await running.do(connection, "event", "connected", {"jid": "1:2@s.whatsapp.net", "lid": "", "push_name": ""})
    receipt = {"type": "read", "chat": CONTACT, "sender": CONTACT, "ids": ["A"], "timestamp": 5000}
    await running.do(connection, "stored_event", "receipt", 42, receipt)
    await until(lambda: len(handled) == 1)
    assert running.acks == []
    release.set()
    await until(lambda: running.acks == [(41, True), (42, True)])
    assert [type(event) for event in handled] == [QrCode, Inbound, Opened, ReceiptUpdate]
    assert handled[0] == QrCode("2@abc", 60.0)


async def test_what_was_stored_is_answered_before_anything_else_is_asked() -> None:
    """After a `close` the bridge would take it for lost, and WhatsApp would deliver it again."""
    written: list[dict[str, Any]] = []

    class Stream:
        def write(self, message: dict[str, Any]) -> None:
            written.append(message)

        async def flush(self) -> None:
            pass

    link = Link(cast("FrameStream", Stream()), lambda *_: None)
    link.acknowledge(1, stored=True)
    link.acknowledge(2, stored=True)
    with pytest.raises(EngineError):
        await link.call("s1", "close", {}, timeout=0.01)
    assert [written[0], written[1].get("method")] == [{"acks": [1, 2], "ok": True}, "close"]


async def test_what_needs_no_handler_is_acknowledged(running: Harness, recorder: Recorder) -> None:
    connection = await running.engine.open("s1", recorder, device_jid=None)
    keys = {"info": {"id": "K", "chat": CONTACT, "sender": CONTACT}, "message": {"senderKeyDistributionMessage": {}}}
    await running.do(connection, "stored_event", "message", 1, keys)
    await running.do(connection, "stored_event", "of_a_later_version", 2, {})
    await running.do(connection, "event", "of_a_later_version", {})
    await until(lambda: running.acks == [(1, True), (2, True)])
    assert recorder.events == []


async def test_a_handler_that_fails_refuses_and_the_session_is_disconnected(running: Harness) -> None:
    events: list[EngineEvent] = []
    failing, both = True, asyncio.Event()

    async def handler(event: EngineEvent) -> None:
        events.append(event)
        if failing and isinstance(event, Inbound):
            await both.wait()
            raise OSError("disk full")

    connection = await running.engine.open("s1", handler, device_jid=None)
    await running.do(connection, "stored_event", "message", 7, message("M1"))
    await running.do(connection, "stored_event", "message", 8, message("M2"))
    both.set()
    await until(lambda: any(isinstance(event, Closed) for event in events))
    # The second is refused without being handled: WhatsApp delivers both again, in order.
    await until(lambda: running.acks == [(7, False), (8, False)])
    assert len(running.told("disconnect")) == 1
    assert [event.message.wa_id for event in events if isinstance(event, Inbound)] == ["M1"]
    assert events[-1] == Closed(NOT_STORED, "a message could not be stored; WhatsApp delivers it again")
    failing = False
    await running.do(connection, "stored_event", "message", 9, message("M1"))
    await until(lambda: running.acks[-1] == (9, True))


async def test_what_becomes_of_the_connection_is_told_also_beside_a_failure_to_store(running: Harness) -> None:
    """Nobody would tell again that the phone removed this device."""
    events: list[EngineEvent] = []
    began, told = asyncio.Event(), asyncio.Event()

    async def handler(event: EngineEvent) -> None:
        events.append(event)
        if isinstance(event, Inbound):
            began.set()
            await told.wait()
            raise OSError("disk full")

    connection = await running.engine.open("s1", handler, device_jid=None)
    await running.do(connection, "stored_event", "message", 7, message("M1"))
    await began.wait()
    await running.do(connection, "event", "logged_out", {"reason": "device_removed", "code": 401})
    told.set()
    await until(lambda: LoggedOut("device_removed", 401) in events)
    assert running.acks == [(7, False)]


def receipts(*of: tuple[str, int, str]) -> list[dict[str, Any]]:
    """Receipts of one frame: session, seq, id of the message."""
    about = {"type": "delivered", "chat": CONTACT, "sender": CONTACT, "timestamp": 5000}
    return [about | {"session": session, "seq": seq, "ids": [wa_id]} for session, seq, wa_id in of]


async def test_receipts_of_a_frame_go_to_their_sessions_and_are_answered_together(running: Harness) -> None:
    release, handled = asyncio.Event(), Recorder()

    async def handler(event: EngineEvent) -> None:
        await release.wait()
        await handled(event)

    one = await running.engine.open("s1", handler, device_jid=None)
    await running.engine.open("s2", handler, device_jid=None)
    frame = receipts(("s1", 1, "A"), ("s2", 2, "B"), ("s1", 3, "C"), ("closed", 4, "D"))
    await running.do(one, "receipts", [*frame, {"session": "s2", "seq": 5, "ids": []}, {"session": "s2"}, "x"])
    await running.do(one, "receipts", receipts(("s1", 6, "E")))
    await until(lambda: running.acks == [(5, True)])  # it names no message: nothing is stored
    release.set()
    await until(lambda: len(running.acks) == 5)
    assert {event.wa_ids for event in handled.of(ReceiptUpdate)} == {("A",), ("B",), ("C",), ("E",)}
    assert set(running.acks) == {(seq, True) for seq in (1, 2, 3, 5, 6)}  # the closed session's comes again
    assert any(len(entry["acks"]) >= 3 for entry in running.journal if "acks" in entry)


async def test_receipts_and_messages_do_not_wait_for_each_other(running: Harness) -> None:
    release, kinds = asyncio.Event(), [Inbound, ReceiptUpdate]

    async def handler(event: EngineEvent) -> None:
        if isinstance(event, kinds[0]):
            await release.wait()

    connection = await running.engine.open("s1", handler, device_jid=None)
    await running.do(connection, "stored_event", "message", 1, message("M1"))
    await running.do(connection, "receipts", receipts(("s1", 2, "A")))
    await until(lambda: running.acks == [(2, True)])
    kinds.reverse()
    release.set()
    await until(lambda: (1, True) in running.acks)
    release.clear()
    await running.do(connection, "receipts", receipts(("s1", 3, "B")))
    await running.do(connection, "stored_event", "message", 4, message("M2"))
    await until(lambda: running.acks[2:] == [(4, True)])
    release.set()
    await until(lambda: running.acks[2:] == [(4, True), (3, True)])


async def test_a_receipt_that_cannot_be_stored_is_refused_alone_and_comes_again(running: Harness) -> None:
    events: list[EngineEvent] = []
    failing = True

    async def handler(event: EngineEvent) -> None:
        events.append(event)
        if failing and isinstance(event, ReceiptUpdate) and event.wa_ids == ("B",):
            raise OSError("disk full")

    connection = await running.engine.open("s1", handler, device_jid=None)
    await running.engine.open("s2", handler, device_jid=None)
    await running.do(connection, "receipts", receipts(("s1", 1, "A"), ("s1", 2, "B"), ("s2", 3, "C")))
    await until(
        lambda: events and events[-1] == Closed(NOT_STORED, "a message could not be stored; WhatsApp delivers it again")
    )
    await until(lambda: set(running.acks) == {(1, True), (2, False), (3, True)})
    assert [entry["session"] for entry in running.told("disconnect")] == ["s1"]
    failing = False
    await running.do(connection, "receipts", receipts(("s1", 4, "B")))
    await until(lambda: running.acks[-1] == (4, True))


async def test_close_waits_for_receipts_that_the_handler_has_in_hand(running: Harness) -> None:
    began = asyncio.Event()

    async def handler(event: EngineEvent) -> None:
        began.set()
        await asyncio.sleep(0.2)

    connection = await running.engine.open("s1", handler, device_jid=None)
    await running.do(connection, "receipts", receipts(("s1", 5, "A"), ("s1", 6, "B")))
    await began.wait()
    await connection.close()
    told = [entry.get("method") or "acks" for entry in running.journal if "acks" in entry or "method" in entry]
    assert told[-2:] == ["acks", "close"]
    assert running.acks == [(5, True), (6, True)]


async def test_a_slow_handler_holds_up_only_its_own_session(running: Harness, recorder: Recorder) -> None:
    release = asyncio.Event()

    async def slow(event: EngineEvent) -> None:
        await release.wait()

    one = await running.engine.open("slow", slow, device_jid=None)
    two = await running.engine.open("quick", recorder, device_jid=None)
    await running.do(one, "stored_event", "message", 1, message("M1"))
    for seq in range(2, 22):
        await running.do(two, "stored_event", "message", seq, message(f"M{seq}"))
    await until(lambda: len(recorder.of(Inbound)) == 20)
    await until(lambda: len(running.acks) == 20)
    assert (1, True) not in running.acks
    release.set()
    await until(lambda: (1, True) in running.acks)


async def test_passing_events_are_dropped_when_the_handler_is_far_behind(running: Harness) -> None:
    release = asyncio.Event()
    events: list[EngineEvent] = []

    async def slow(event: EngineEvent) -> None:
        await release.wait()
        events.append(event)

    connection = await running.engine.open("s1", slow, device_jid=None)
    typing = {"chat": CONTACT, "sender": CONTACT, "state": "composing", "media": ""}
    link = running.engine._link
    assert link is not None
    for _ in range(LIMIT + 500):
        link._on_event("s1", "chat_presence", None, typing)
    await running.do(connection, "event", "disconnected", {"reason": "keepalive"})
    release.set()
    await until(lambda: events and events[-1] == Closed("keepalive"))
    assert LIMIT <= sum(isinstance(event, ContactTyping) for event in events) <= LIMIT + 1


async def test_after_close_the_session_is_forgotten(running: Harness, recorder: Recorder) -> None:
    connection = await running.engine.open("s1", recorder, device_jid=None)
    with pytest.raises(EngineError) as caught:
        await running.engine.open("s1", recorder, device_jid=None)
    assert caught.value.code is EngineErrorCode.ALREADY_OPEN
    await connection.close()
    await connection.close()
    with pytest.raises(EngineError) as caught:
        await connection.connect()
    assert caught.value.code is EngineErrorCode.UNKNOWN_SESSION
    again = await running.engine.open("s1", recorder, device_jid=None)
    await again.connect()
    with pytest.raises(EngineError):
        await connection.connect()


async def test_a_handler_may_close_its_own_session(running: Harness) -> None:
    done = asyncio.Event()

    async def handler(event: EngineEvent) -> None:
        await connection.close()
        done.set()

    connection = await running.engine.open("s1", handler, device_jid=None)
    await running.do(connection, "event", "logged_out", {"reason": "device_removed", "code": 401})
    await asyncio.wait_for(done.wait(), 1)
    assert len(running.told("close")) == 1


async def test_close_waits_for_what_the_handler_has_in_hand(running: Harness) -> None:
    began = asyncio.Event()

    async def handler(event: EngineEvent) -> None:
        began.set()
        await asyncio.sleep(0.2)

    connection = await running.engine.open("s1", handler, device_jid=None)
    await running.do(connection, "stored_event", "message", 5, message("M1"))
    await began.wait()
    await connection.close()
    order = [entry.get("method") or "ack" for entry in running.journal if "ack" in entry or "method" in entry]
    assert order[-2:] == ["ack", "close"]


async def test_an_open_given_up_does_not_block_the_next(
    harness: Harness, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.whatsapp.bridge.CALL_SECONDS", 0.2)
    harness.plan(slow_open=True)
    await harness.engine.start()
    with pytest.raises(EngineError) as caught:
        await harness.engine.open("s1", recorder, device_jid=None)
    assert caught.value.code is EngineErrorCode.TIMEOUT
    monkeypatch.setattr("prosa.whatsapp.bridge.CALL_SECONDS", 10)
    connection = await harness.engine.open("s1", recorder, device_jid=None)
    await connection.connect()
    await harness.engine.stop()


@pytest.mark.parametrize("how", ["die", "bad_frame", "huge_frame", "cut_frame", "sigkill"])
async def test_a_bridge_that_dies_is_started_again(running: Harness, recorder: Recorder, how: str) -> None:
    engine = running.engine
    one = await engine.open("s1", recorder, device_jid=None)
    other = Recorder()
    await engine.open("s2", other, device_jid=None)
    first = engine.pid
    assert first is not None
    pending = asyncio.create_task(one.send("silent@s.whatsapp.net", "A", TextContent("x")))
    await until(lambda: running.told("send"))
    if how == "sigkill":
        os.kill(first, signal.SIGKILL)
    else:
        with pytest.raises(EngineError):  # the answer may or may not come before the end
            await running.do(one, how)
            await one.send("silent@s.whatsapp.net", "B", TextContent("x"))
    with pytest.raises(EngineError) as caught:
        await pending
    assert caught.value.code is EngineErrorCode.ENGINE_DOWN
    with pytest.raises(EngineError) as caught:
        await one.connect()
    assert caught.value.code is EngineErrorCode.ENGINE_DOWN
    await until(lambda: recorder.of(EngineDown) and other.of(EngineDown))
    await until(lambda: engine.pid not in {None, first})
    assert engine.restarts == 1
    with pytest.raises(EngineError) as caught:  # of the old life
        await one.connect()
    assert caught.value.code is EngineErrorCode.ENGINE_DOWN
    again = await engine.open("s1", recorder, device_jid=None)
    await again.connect()
    assert len(recorder.of(EngineDown)) == 1


async def test_an_error_that_nobody_foresaw_starts_the_bridge_again(
    running: Harness, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, take = running.engine, Link._take
    one = await engine.open("s1", recorder, device_jid=None)
    first = engine.pid

    def stumble(self: Link, message: Json) -> None:
        if message.get("event") == "stumble":
            raise RecursionError
        take(self, message)

    monkeypatch.setattr(Link, "_take", stumble)
    with suppress(EngineError):  # the answer may or may not come before the end
        await running.do(one, "event", "stumble", {})
    await until(lambda: engine.pid not in {None, first})
    assert recorder.of(EngineDown)
    await (await engine.open("s1", recorder, device_jid=None)).connect()


async def test_a_frozen_handler_does_not_keep_the_others_from_hearing_of_the_end(running: Harness) -> None:
    events: list[EngineEvent] = []
    release = asyncio.Event()

    async def stuck(event: EngineEvent) -> None:
        events.append(event)
        if isinstance(event, Inbound):
            await release.wait()

    connection = await running.engine.open("s1", stuck, device_jid=None)
    await running.do(connection, "stored_event", "message", 1, message("M1"))
    await running.do(connection, "event", "disconnected", {"reason": "closed"})
    await until(lambda: events)
    assert running.engine.pid is not None
    os.kill(running.engine.pid, signal.SIGKILL)
    await until(lambda: running.engine.restarts == 1 and running.engine.pid)
    release.set()
    await until(lambda: len(events) == 2)
    assert isinstance(events[1], EngineDown)  # what waited behind is void
    assert running.acks == []


async def test_calls_fail_at_once_while_the_bridge_cannot_start(harness: Harness, recorder: Recorder) -> None:
    harness.plan(die_at_start=True)
    await harness.engine.start()
    assert harness.engine.pid is None
    with pytest.raises(EngineError) as caught:
        await harness.engine.open("s1", recorder, device_jid=None)
    assert caught.value.code is EngineErrorCode.ENGINE_DOWN
    await until(lambda: len([entry for entry in harness.journal if "started" in entry]) >= 3)
    harness.plan()
    await until(lambda: harness.engine.pid is not None)
    await harness.engine.open("s1", recorder, device_jid=None)
    await harness.engine.stop()


async def test_a_bridge_that_does_not_stay_is_started_less_and_less_often(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.whatsapp.bridge._BACKOFF_FIRST", 0.02)
    monkeypatch.setattr("prosa.whatsapp.bridge.random.uniform", lambda _, high: high)
    harness.plan(die_at_start=True)
    with capture_logs() as logs:
        await harness.engine.start()
        await until(lambda: harness.engine.restarts == 3)
        monkeypatch.setattr("prosa.whatsapp.bridge._STEADY_SECONDS", 0.0)  # from now on it stays for long enough
        await until(lambda: harness.engine.restarts == 5)
    await harness.engine.stop()
    waits = [entry["restart_in_seconds"] for entry in logs if entry["event"] == "bridge_down"]
    assert waits[:5] == [0.02, 0.04, 0.08, 0.02, 0.02]


async def test_stop_ends_the_process_and_tells_no_handler(harness: Harness, recorder: Recorder) -> None:
    await harness.engine.start()
    await harness.engine.open("s1", recorder, device_jid=None)
    pid = harness.engine.pid
    assert pid is not None
    await harness.engine.stop()
    assert {"eof": True} in harness.journal
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert recorder.events == []
    assert harness.engine.pid is None


async def test_a_process_that_lingers_is_killed(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa.whatsapp.bridge.STOP_GRACE", 0.3)
    harness.plan(linger=60)
    await harness.engine.start()
    pid = harness.engine.pid
    assert pid is not None
    async with asyncio.timeout(5):
        await harness.engine.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_stop_before_and_during_the_first_start(harness: Harness) -> None:
    await harness.engine.stop()
    engine = BridgeEngine(harness.options)
    starting = asyncio.create_task(engine.start())
    await asyncio.sleep(0.05)
    await engine.stop()
    await asyncio.wait({starting})
    assert engine.pid is None


async def test_the_loopback_port_serves_where_sockets_are_not_inherited(harness: Harness, recorder: Recorder) -> None:
    engine = BridgeEngine(replace(harness.options, use_tcp=True))
    await engine.start()
    connection = await engine.open("s1", recorder, device_jid=None)
    await connection.connect()
    await engine.stop()
    [start] = [entry for entry in harness.journal if "started" in entry]
    assert start["argv"][0] == "--connect"
    assert start["argv"][1].startswith("127.0.0.1:")
    assert "PROSA_BRIDGE_TOKEN" in start["environ"]
    assert start["environ"]["PROSA_BRIDGE_TOKEN"] not in " ".join(start["argv"])


async def test_another_version_of_the_protocol_is_refused(harness: Harness) -> None:
    harness.plan(protocol=1)
    with pytest.raises(ConfigurationError, match="speaks version 1 of the protocol; this Prosa speaks 2"):
        await harness.engine.start()
    await harness.engine.stop()


async def test_the_program_learns_no_secret_of_ours(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROSA_SECRET_KEY", "top-secret")
    monkeypatch.setenv("GEMINI_API_KEY", "top-secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    engine = create_engine(
        media_dir=harness.directory,
        store_url="postgres://prosa:top-password@db/prosa",
        binary=FAKE,
        test_server=TestServer("ws://127.0.0.1:1/ws/chat", "00" * 32, Path("/tmp/ca.pem")),
        log_level="debug",
        store_connections=5,
    )
    await engine.start()
    await engine.stop()
    [start] = [entry for entry in harness.journal if "started" in entry]
    assert "top-secret" not in str(start)
    assert "top-password" not in " ".join(start["argv"])
    assert start["environ"]["PROSA_BRIDGE_STORE"] == "postgres://prosa:top-password@db/prosa"
    assert start["environ"]["HTTPS_PROXY"] == "http://proxy.example"
    assert start["argv"][2:] == [
        "--media-dir", str(harness.directory), "--log-level", "debug", "--store-connections", "5",
        "--test-server", "ws://127.0.0.1:1/ws/chat", "--test-root-key", "00" * 32, "--test-media-ca", "/tmp/ca.pem",
    ]  # fmt: skip


def test_a_missing_program_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not at") as caught:
        find_binary(tmp_path / "none")
    assert "make setup" in caught.value.remedy
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match="may not be executed"):
        find_binary(tmp_path / "file")


@pytest.mark.skipif(sys.platform == "win32", reason="execution permission and formats are Unix's")
async def test_a_program_for_another_machine_is_a_configuration_error(tmp_path: Path) -> None:
    program = tmp_path / "prosa-bridge"
    program.write_bytes(b"\x7fNOT-A-PROGRAM")
    program.chmod(0o755)
    engine = create_engine(media_dir=tmp_path / "m", store_url="sqlite:////tmp/x.db", binary=program)
    with pytest.raises(ConfigurationError, match="not a program for this machine"):
        await engine.start()
    await engine.stop()


def test_it_runs_under_uvloop(harness: Harness, recorder: Recorder) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        await harness.engine.start()
        connection = await harness.engine.open("s1", recorder, device_jid=None)
        await harness.do(connection, "stored_event", "message", 1, message("M1"))
        await until(lambda: harness.acks == [(1, True)])
        await harness.engine.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
