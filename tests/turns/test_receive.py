"""What arrives is stored once, in order, in the right conversation."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import (
    CONTACT,
    CONTACT_LID,
    GROUP,
    OWN,
    START,
    add_owner,
    add_session,
    conversations,
    events,
    inbound,
    messages,
    receiver,
    run_sql,
)
from tests.fixtures.databases import watched

from prosa.database import Database
from prosa.events.bus import Bus
from prosa.sessions.facts import SessionFacts
from prosa.turns.receive import Receiver
from prosa.whatsapp.engine import ContactNamed, LidMapped, MediaInfo, MessageType, ReceiptType, ReceiptUpdate


@pytest.fixture
async def session(database: Database) -> SessionFacts:
    return await add_session(database, await add_owner(database))


@pytest.fixture
def receive(database: Database, tmp_path: Path) -> Receiver:
    return receiver(database, tmp_path / "media")


def receipt(type_: ReceiptType, *wa_ids: str, **changes: Any) -> ReceiptUpdate:
    values: dict[str, Any] = {
        "type": type_, "chat": CONTACT, "wa_ids": wa_ids, "timestamp": START + timedelta(hours=1), "sender": CONTACT,
        "from_me": False, "is_group": False,
    }  # fmt: skip
    return ReceiptUpdate(**(values | changes))


async def test_a_message_makes_its_conversation(database: Database, receive: Receiver, session: SessionFacts) -> None:
    await receive.message(session, inbound("Olá, tudo bem?"))
    [conversation] = await conversations(database)
    [message] = await messages(database)
    assert conversation.contact_jid == CONTACT
    assert conversation.contact_phone == "5511999990001"
    assert conversation.contact_name == "Maria"
    assert (conversation.last_seq, conversation.unread_count, conversation.version) == (1, 1, 1)
    assert conversation.last_message_preview == "Olá, tudo bem?"
    assert conversation.last_message_at == START
    assert conversation.ai_state == "waiting"
    assert conversation.due_at is not None
    assert (message.seq, message.author, message.status, message.created_at) == (1, "contact", "received", START)
    assert [e.type for e in await events(database)] == ["message.received", "conversation.updated"]
    [received] = await events(database, "message.received")
    assert received.payload["body"] == "Olá, tudo bem?"
    assert received.payload["contact_phone"] == "5511999990001"


async def test_the_same_message_twice_is_one_row(database: Database, receive: Receiver, session: SessionFacts) -> None:
    message = inbound()
    await receive.message(session, message)
    await receive.message(session, message)
    await asyncio.gather(*(receive.message(session, message) for _ in range(10)))
    assert len(await messages(database)) == 1
    [conversation] = await conversations(database)
    assert (conversation.last_seq, conversation.unread_count) == (1, 1)
    assert len(await events(database, "message.received")) == 1


async def test_a_duplicate_right_after_it_was_delivered_by_another_process(
    database: Database, receive: Receiver, session: SessionFacts, tmp_path: Path
) -> None:
    other = Database(database.url)
    message = inbound()
    await asyncio.gather(
        *(r.message(session, message) for r in (receive, receiver(other, tmp_path / "media")) for _ in range(5))
    )
    await other.close()
    assert len(await messages(database)) == 1


async def test_fifty_at_once_are_numbered_without_gaps(
    database: Database, receive: Receiver, session: SessionFacts, tmp_path: Path
) -> None:
    other = Database(database.url)
    second = receiver(other, tmp_path / "media")
    await asyncio.gather(
        *((receive, second)[i % 2].message(session, inbound(f"{i}", chat=(CONTACT, GROUP)[i % 5 == 0]))
          for i in range(50))
    )  # fmt: skip
    await other.close()
    for conversation in await conversations(database):
        rows = await messages(database, conversation.id)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert conversation.last_seq == len(rows)
        assert conversation.unread_count == len(rows)
    assert len(await messages(database)) == 50


async def test_a_contact_under_both_addresses_is_one_conversation(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    await receive.message(session, inbound("by lid", chat=CONTACT_LID))
    [conversation] = await conversations(database)
    assert (conversation.contact_jid, conversation.contact_lid) == (CONTACT_LID, CONTACT_LID)
    await receive.message(session, inbound("both", chat=CONTACT_LID, chat_alt=CONTACT))
    await receive.message(session, inbound("by number"))
    [conversation] = await conversations(database)
    assert (conversation.contact_jid, conversation.contact_lid) == (CONTACT, CONTACT_LID)
    assert conversation.contact_phone == "5511999990001"
    assert [m.body for m in await messages(database)] == ["by lid", "both", "by number"]


@pytest.mark.parametrize("by", ["message", "mapping"])
async def test_two_conversations_become_one(
    database: Database, receive: Receiver, session: SessionFacts, by: str
) -> None:
    await receive.message(session, inbound("2", chat=CONTACT_LID, minutes=2))
    await receive.message(session, inbound("4", chat=CONTACT_LID, minutes=4))
    await receive.message(session, inbound("1", minutes=1))
    await receive.message(session, inbound("3", minutes=3))
    await receive.message(session, inbound("5", minutes=5))
    assert len(await conversations(database)) == 2
    if by == "message":
        await receive.message(session, inbound("6", minutes=6, chat=CONTACT_LID, chat_alt=CONTACT))
    else:
        await receive.lid_mapped(session, LidMapped(CONTACT_LID, CONTACT))
        await receive.message(session, inbound("6", minutes=6, chat=CONTACT_LID))
    [conversation] = await conversations(database)
    rows = await messages(database)
    assert [(row.seq, row.body) for row in rows] == [(i, str(i)) for i in range(1, 7)]
    assert {row.conversation_id for row in rows} == {conversation.id}
    assert (conversation.unread_count, conversation.last_seq) == (6, 6)
    assert (conversation.contact_jid, conversation.contact_lid) == (CONTACT, CONTACT_LID)
    assert conversation.due_at is not None
    merged = [e.payload["merged_id"] for e in await events(database, "conversation.updated")]
    assert len([m for m in merged if m]) == 1


async def test_a_merge_drops_doubles_and_keeps_marks(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    double = inbound("double", minutes=3)
    await receive.message(session, inbound("a1", minutes=1))
    await receive.message(session, double)
    await run_sql(database, "UPDATE conversations SET answered_until = 2, read_until = 2, unread_count = 0, "
                            "summary = 'of a', summarised_until = 1, lease_owner = 'x', "
                            "lease_until = due_at")  # fmt: skip
    await receive.message(session, replace(double, chat=CONTACT_LID))
    await receive.message(session, inbound("b2", minutes=2, chat=CONTACT_LID))
    await receive.message(session, inbound("b4", minutes=4, chat=CONTACT_LID))
    await receive.lid_mapped(session, LidMapped(CONTACT_LID, CONTACT))
    [conversation] = await conversations(database)
    rows = await messages(database)
    # "double" was stored before "b2" in the conversation that stays, and keeps that place
    assert [row.body for row in rows] == ["a1", "double", "b2", "b4"] or [row.body for row in rows] == [
        "a1", "b2", "double", "b4",
    ]  # fmt: skip
    assert [row.seq for row in rows] == [1, 2, 3, 4]
    assert conversation.last_seq == 4
    assert conversation.answered_until < [row.body for row in rows].index("b2") + 1
    assert conversation.unread_count >= 2
    assert conversation.summary == "of a"
    assert conversation.lease_owner is None


async def test_concurrent_first_messages_under_both_addresses(
    database: Database, receive: Receiver, session: SessionFacts, tmp_path: Path
) -> None:
    others = [Database(database.url) for _ in range(3)]
    receivers = [receive, *(receiver(other, tmp_path / "media") for other in others)]
    forms = [(CONTACT, None), (CONTACT_LID, None), (CONTACT, CONTACT_LID), (CONTACT_LID, CONTACT)]
    await asyncio.gather(
        *(receivers[i % 4].message(session, inbound(f"{i}", chat=forms[i % 4][0], chat_alt=forms[i % 4][1]))
          for i in range(24))
    )  # fmt: skip
    for other in others:
        await other.close()
    [conversation] = await conversations(database)
    rows = await messages(database)
    assert sorted(int(row.body) for row in rows) == list(range(24))
    assert [row.seq for row in rows] == list(range(1, 25))
    assert conversation.last_seq == 24


async def test_groups_status_and_channels_are_stored_and_not_answered(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    await receive.message(session, inbound(chat=GROUP, sender=CONTACT, is_group=True))
    await receive.message(session, inbound(chat="status@broadcast", sender=CONTACT))
    await receive.message(session, inbound(chat="120363000000000009@newsletter"))
    await receive.message(session, inbound(chat="867051314767696@bot"))
    rows = await conversations(database)
    assert [row.kind for row in rows] == ["group", "status", "channel", "channel"]
    assert [row.ai_state for row in rows] == ["skipped"] * 4
    assert [row.due_at for row in rows] == [None] * 4
    assert [row.contact_name for row in rows] == [None] * 4
    skipped = [event.payload["reason"] for event in await events(database, "ai.skipped")]
    assert skipped == ["group", "status", "channel", "channel"]
    assert (await messages(database, rows[0].id))[0].sender_name == "Maria"


async def test_a_message_from_the_linked_phone(database: Database, receive: Receiver, session: SessionFacts) -> None:
    await receive.message(session, inbound("question"))
    await receive.message(session, inbound("answer", sender=OWN, from_me=True, push_name="Me"))
    await receive.message(session, inbound("note", chat=OWN, sender=OWN, from_me=True))
    first, own = await conversations(database)
    assert (first.unread_count, first.read_until, first.contact_name) == (0, 2, "Maria")
    answer = (await messages(database, first.id))[1]
    assert (answer.author, answer.status, answer.from_me) == ("phone", "sent", True)
    assert (own.contact_jid, own.due_at, own.unread_count) == (OWN, None, 0)


async def test_no_key_is_said_and_the_message_is_kept(
    database: Database, session: SessionFacts, tmp_path: Path
) -> None:
    await receiver(database, tmp_path, unready="no_api_key").message(session, inbound())
    [conversation] = await conversations(database)
    assert (conversation.ai_state, conversation.ai_reason) == ("skipped", "no_api_key")
    assert (conversation.due_at, conversation.answered_until) == (None, 1)


async def test_messages_in_a_row_are_waited_for_but_not_for_ever(
    database: Database, session: SessionFacts, tmp_path: Path
) -> None:
    now = [START]
    receive = receiver(database, tmp_path, clock=lambda: now[0])
    due = []
    for second in (0.0, 0.5, 1.0, 14.5, 14.9):
        now[0] = START + timedelta(seconds=second)
        await receive.message(session, inbound())
        due.append(((await conversations(database))[0].due_at - START).total_seconds())
    assert due == [1.0, 1.5, 2.0, 15.0, 15.0]


async def test_who_goes_on_writing_keeps_the_place_in_the_line(
    database: Database, session: SessionFacts, tmp_path: Path
) -> None:
    now = [START]
    receive = receiver(database, tmp_path, clock=lambda: now[0])
    patient, impatient = "5511900000001@s.whatsapp.net", "5511900000002@s.whatsapp.net"
    for second, who in ((0, impatient), (16, patient), (20, impatient)):
        now[0] = START + timedelta(seconds=second)
        await receive.message(session, inbound(chat=who))
    due = {row.contact_jid: row.due_at for row in await conversations(database)}
    assert due[impatient] < due[patient]


async def test_a_message_during_an_answer_starts_a_new_wait(
    database: Database, session: SessionFacts, tmp_path: Path
) -> None:
    now = [START]
    receive = receiver(database, tmp_path, clock=lambda: now[0])
    await receive.message(session, inbound())
    await run_sql(database, "UPDATE conversations SET ai_state = 'answering', lease_owner = 'x', lease_until = :until",
                  until=str((START + timedelta(seconds=90)).replace(tzinfo=None))
                  if database.dialect == "sqlite" else START + timedelta(seconds=90))  # fmt: skip
    now[0] = START + timedelta(seconds=60)
    await receive.message(session, inbound())
    [conversation] = await conversations(database)
    assert conversation.due_at == START + timedelta(seconds=61)
    assert conversation.ai_state == "answering"


async def test_a_placeholder_is_replaced_by_its_message(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    late = inbound("now readable")
    await receive.undecryptable(session, late, "no session")
    await receive.undecryptable(session, late, "no session")
    [row] = await messages(database)
    assert (row.type, row.body, row.error) == ("unknown", "", "undecryptable: no session")
    assert (await conversations(database))[0].due_at is None
    await receive.message(session, late)
    await receive.message(session, late)
    await receive.undecryptable(session, late, "again")
    [row] = await messages(database)
    assert (row.type, row.body, row.error, row.seq) == ("text", "now readable", None, 1)
    [conversation] = await conversations(database)
    assert (conversation.unread_count, conversation.last_seq) == (1, 1)
    assert conversation.due_at is not None


@pytest.mark.parametrize("by", ["answered", "summarised"])
async def test_a_message_read_late_is_not_passed_over(
    database: Database, receive: Receiver, session: SessionFacts, by: str
) -> None:
    late = inbound("late")
    await receive.undecryptable(session, late, "no session")
    await receive.message(session, inbound("other"))
    stored_at = (await messages(database))[0].stored_at
    await run_sql(database, f"UPDATE conversations SET {by}_until = 2, due_at = NULL")
    await receive.message(session, late)
    rows = await messages(database)
    assert [(row.seq, row.body) for row in rows] == [(2, "other"), (3, "late")]
    assert rows[1].stored_at == stored_at
    [conversation] = await conversations(database)
    assert (conversation.last_seq, conversation.answered_until) == (3, 2 if by == "answered" else 0)
    assert conversation.due_at is not None
    assert conversation.unread_count == 2, "it was counted when it came"


async def test_edits(database: Database, receive: Receiver, session: SessionFacts) -> None:
    first = inbound("helo")
    await receive.message(session, first)
    edit = inbound("hello", edits=first.wa_id, minutes=2)
    await receive.message(session, edit)
    await receive.message(session, edit)
    await receive.message(session, inbound("older", edits=first.wa_id, minutes=1))
    await receive.message(session, inbound("not mine", edits=first.wa_id, minutes=3, from_me=True, sender=OWN))
    [row] = await messages(database)
    assert (row.body, row.edited_at) == ("hello", START + timedelta(minutes=2))
    [conversation] = await conversations(database)
    assert (conversation.version, conversation.last_message_preview) == (2, "hello")
    [told] = await events(database, "message.status")
    assert told.payload["body"] == "hello"


async def test_an_edit_of_a_message_that_never_came_is_the_message(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    original = inbound("original")
    await receive.message(session, inbound("edited", edits=original.wa_id, minutes=1))
    await receive.message(session, original)
    [row] = await messages(database)
    assert (row.body, row.wa_id) == ("edited", original.wa_id)
    assert (await conversations(database))[0].due_at is not None


async def test_deleting_for_everyone_blanks_the_message(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    secret = inbound("secret")
    await receive.message(session, secret)
    revoke = inbound("", revokes=secret.wa_id, minutes=1, type=MessageType.SYSTEM)
    await receive.message(session, inbound("", revokes="UNKNOWN", type=MessageType.SYSTEM))
    await receive.message(session, inbound("", revokes=secret.wa_id, from_me=True, sender=OWN))
    assert (await messages(database))[0].body == "secret"
    await receive.message(session, revoke)
    await receive.message(session, revoke)
    await receive.message(session, secret)
    [row] = await messages(database)
    assert (row.body, row.payload, row.revoked_at) == ("", None, START + timedelta(minutes=1))
    [conversation] = await conversations(database)
    assert (conversation.unread_count, conversation.last_message_preview) == (0, None)
    await receive.message(session, inbound("ghost", edits=secret.wa_id, minutes=2))
    assert (await messages(database))[0].body == ""


async def test_nothing_is_made_for_a_deletion_in_an_unknown_chat(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    await receive.message(session, inbound("", revokes="X", type=MessageType.SYSTEM))
    await receive.message(session, inbound("", reacts_to="X", type=MessageType.REACTION))
    assert await conversations(database) == []


async def test_a_newer_reaction_replaces_the_older(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    target = inbound("target")
    await receive.message(session, target)

    def reaction(emoji: str, minutes: int, **changes: Any) -> Any:
        return inbound(emoji, type=MessageType.REACTION, reacts_to=target.wa_id, minutes=minutes, **changes)

    thumbs, heart = reaction("👍", 1), reaction("❤️", 2)
    await receive.message(session, thumbs)
    await receive.message(session, heart)
    await receive.message(session, thumbs)
    await receive.message(session, reaction("😀", 3, from_me=True, sender=OWN))
    rows = await messages(database)
    assert [(row.type, row.body, row.quoted_wa_id) for row in rows] == [
        ("text", "target", None), ("reaction", "❤️", target.wa_id), ("reaction", "😀", target.wa_id),
    ]  # fmt: skip
    [conversation] = await conversations(database)
    assert (conversation.last_message_preview, conversation.last_message_at) == ("target", START)
    await receive.message(session, reaction("", 4))
    await receive.message(session, reaction("", 4))
    rows = await messages(database)
    assert [row.revoked_at is not None for row in rows] == [False, True, False]
    await receive.message(session, reaction("🎉", 5))
    assert [(row.body, row.revoked_at) for row in await messages(database)][1] == ("🎉", None)


async def test_in_a_group_everybody_has_a_reaction(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    target = inbound("target", chat=GROUP, sender=CONTACT, is_group=True)
    await receive.message(session, target)
    for emoji, sender in (("1", "1@lid"), ("2", "2@lid"), ("3", "1@lid")):
        await receive.message(
            session,
            inbound(emoji, chat=GROUP, sender=sender, is_group=True, type=MessageType.REACTION,
                    reacts_to=target.wa_id, minutes=int(emoji)),
        )  # fmt: skip
    assert [row.body for row in await messages(database)] == ["target", "3", "2"]


async def test_receipts_never_go_back(database: Database, receive: Receiver, session: SessionFacts) -> None:
    sent = inbound("from the phone", from_me=True, sender=OWN)
    await receive.message(session, sent)

    async def after(kind: ReceiptType, **changes: Any) -> str:
        await receive.receipt(session, receipt(kind, sent.wa_id, "UNKNOWN", **changes))
        return str((await messages(database))[0].status)

    assert await after(ReceiptType.DELIVERED, from_me=True) == "sent"
    assert await after(ReceiptType.SENDER) == "sent"
    assert await after(ReceiptType.DELIVERED) == "delivered"
    assert await after(ReceiptType.READ) == "read"
    assert await after(ReceiptType.DELIVERED) == "read"
    assert await after(ReceiptType.PLAYED) == "played"
    assert await after(ReceiptType.READ) == "played"
    told = [event.payload["status"] for event in await events(database, "message.status")]
    assert told == ["delivered", "read", "played"]
    [row] = await messages(database)
    assert row.delivered_at == row.read_at == START + timedelta(hours=1)


async def test_receipts_that_wait_at_the_same_moment_are_one_statement(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    sent = [inbound(f"{n}", from_me=True, sender=OWN) for n in range(6)]
    for message in sent:
        await receive.message(session, message)
    with watched(database) as seen:
        await asyncio.gather(
            *(receive.receipt(session, receipt(ReceiptType.DELIVERED, message.wa_id)) for message in sent[:4]),
            # the same message twice, several of one receipt, and one that is not ours
            receive.receipt(session, receipt(ReceiptType.READ, sent[0].wa_id)),
            receive.receipt(session, receipt(ReceiptType.READ, sent[3].wa_id, sent[4].wa_id, "UNKNOWN")),
        )
    assert [row.status for row in await messages(database)] == [
        "read",
        "delivered",
        "delivered",
        "read",
        "read",
        "sent",
    ]
    told = [(event.payload["wa_id"], event.payload["status"]) for event in await events(database, "message.status")]
    assert len(told) == 7
    assert told.index((sent[3].wa_id, "delivered")) < told.index((sent[3].wa_id, "read"))
    updates = [sql for sql, _ in seen if sql.lstrip().upper().startswith("UPDATE MESSAGES")]
    assert 2 <= len(updates) <= 4


async def test_receipts_of_others_do_not_touch_inbound_messages(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    message = inbound()
    await receive.message(session, message)
    await receive.receipt(session, receipt(ReceiptType.READ, message.wa_id))
    assert (await messages(database))[0].status == "received"


async def test_read_on_another_device(database: Database, receive: Receiver, session: SessionFacts) -> None:
    arrived = [inbound(f"{i}") for i in range(3)]
    for message in arrived:
        await receive.message(session, message)
    await receive.receipt(session, receipt(ReceiptType.READ_SELF, arrived[1].wa_id, from_me=True, sender=OWN))
    assert (await conversations(database))[0].unread_count == 1
    await receive.receipt(session, receipt(ReceiptType.READ_SELF, arrived[0].wa_id, from_me=True, sender=OWN))
    assert (await conversations(database))[0].unread_count == 1
    for _ in range(2):
        await receive.receipt(session, receipt(ReceiptType.READ_SELF, arrived[2].wa_id, from_me=True, sender=OWN))
    [conversation] = await conversations(database)
    assert (conversation.unread_count, conversation.read_until) == (0, 3)
    counts = [event.payload["unread_count"] for event in await events(database, "conversation.updated")]
    assert counts == [1, 2, 3, 1, 0]


async def test_names(database: Database, receive: Receiver, session: SessionFacts) -> None:
    await receive.message(session, inbound(chat_alt=CONTACT_LID))
    await receive.contact_named(session, ContactNamed(CONTACT_LID, None, "Maria Silva"))
    await receive.contact_named(session, ContactNamed(CONTACT, None, "Maria Silva"))
    await receive.contact_named(session, ContactNamed("5599999999999@s.whatsapp.net", None, "Nobody"))
    [conversation] = await conversations(database)
    assert (conversation.contact_name, conversation.version) == ("Maria Silva", 2)
    await run_sql(database, "UPDATE conversations SET contact_name = 'Customer 1', contact_name_set = true")
    await receive.contact_named(session, ContactNamed(CONTACT, None, "Other"))
    await receive.message(session, inbound(push_name="Another"))
    assert (await conversations(database))[0].contact_name == "Customer 1"


@pytest.mark.parametrize("text", ["a\0b", "\ud800 lone", "x" * 200_000, "🎉" * 70_000, ""])
async def test_nothing_a_stranger_sends_is_refused(
    database: Database, receive: Receiver, session: SessionFacts, text: str
) -> None:
    message = inbound(
        text, push_name=text, quoted_wa_id=text, type=MessageType.DOCUMENT,
        media=MediaInfo(mime_type=text, file_name=text, sha256=text, thumbnail=text, size=10**15),
        payload={"documentMessage": {"fileName": text, text[:50]: [text, {"a": None}]}},
    )  # fmt: skip
    await receive.message(session, message)
    [row] = await messages(database)
    assert "\0" not in row.body
    assert len(row.body) <= 65_536
    assert row.media["state"] == "pending"


async def test_a_chat_that_is_none_is_dropped(database: Database, receive: Receiver, session: SessionFacts) -> None:
    for chat in ("a@b@c", "1" * 300 + "@lid", "55:abc@s.whatsapp.net"):
        await receive.message(session, inbound(chat=chat))
    assert await conversations(database) == []


async def test_what_is_due_is_woken_for(database: Database, bus: Bus, receive: Receiver, session: SessionFacts) -> None:
    async with bus.listen("turns") as turns, bus.listen("events") as told:
        await turns.wait(1)
        await told.wait(1)
        await receive.message(session, inbound())
        assert await turns.wait(1)
        assert await told.wait(1)


async def test_an_ordinary_message_costs_five_statements_or_three(
    database: Database, receive: Receiver, session: SessionFacts
) -> None:
    await receive.message(session, inbound())
    with watched(database) as seen:
        await receive.message(session, inbound())
    words = [statement.split(maxsplit=1)[0] for statement, _ in seen]
    statements = [word for word in words if word in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}]
    each = ["INSERT", "INSERT", "INSERT", "SELECT", "UPDATE"]  # on PostgreSQL what is put off is one (`WITH`)
    assert sorted(statements) == (["INSERT", "SELECT", "WITH"] if database.dialect == "postgresql" else each)
