"""Messages of groups from what the bridge delivers to whether a turn is due."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import GROUP, add_owner, add_session, conversations, messages, receiver

from prosa.auth.caller import Caller
from prosa.database import Database
from prosa.sessions.facts import SessionFacts
from prosa.whatsapp.convert import inbound_message

SHOP, SHOP_LID = "5511888880000:7@s.whatsapp.net", "77:7@lid"
ANA, ANA_LID = "5511911110001@s.whatsapp.net", "90000000000001@lid"
OTHER = "90000000000002@lid"
KEY = {"senderKeyDistributionMessage": {"groupID": GROUP, "axolotlSenderKeyDistributionMessage": "a2V5"}}
"""What the first message that a sender writes in a group carries along."""


def delivered(message: dict[str, Any], chat: str = GROUP) -> dict[str, Any]:
    """Return the data of the bridge's `message` event, as for a group that knows its members by LID."""
    info = {
        "id": "3EB0C431C26A1916E07E", "chat": chat, "sender": "90000000000001:4@lid", "sender_alt": ANA,
        "recipient_alt": "", "is_from_me": False, "is_group": True, "addressing_mode": "lid", "push_name": "Ana",
        "timestamp": 1_764_000_000_000, "type": "text", "media_type": "", "category": "", "edit": "",
    }  # fmt: skip
    return {"info": info, "message": message, "retry_count": 0}


async def linked(database: Database, owner: Caller, **settings: Any) -> SessionFacts:
    return replace(await add_session(database, owner, **settings), jid=SHOP, lid=SHOP_LID)


def says(text: str, **context: Any) -> dict[str, Any]:
    return {"extendedTextMessage": {"text": text, "contextInfo": context}}


def quotes(sender: str) -> dict[str, Any]:
    """Return a quotation of a message that is older than the number's link, so that it is not stored."""
    return says("and today?", stanzaID="OLD", participant=sender, quotedMessage={"conversation": "We open at 9"})


MENTIONED = says("@77 are you open?", mentionedJID=["77@lid"])
MEANT_FOR_US: dict[str, dict[str, Any]] = {
    "by LID": MENTIONED,
    "by number, with the sender's key": KEY | says("@5511888880000 hi", mentionedJID=["5511888880000@s.whatsapp.net"]),
    "among others": says("@2 @77 hi", mentionedJID=[OTHER, "77@lid"]),
    "disappearing": {"ephemeralMessage": {"message": MENTIONED}},
    "under a picture": {"imageMessage": {"caption": "@77 this?", "contextInfo": {"mentionedJID": ["77@lid"]}}},
    "quoted": quotes("77@lid"),
    "quoted by number": quotes("5511888880000@s.whatsapp.net"),
}
AMONG_THEMSELVES: dict[str, dict[str, Any]] = {
    "plain": KEY | {"conversation": "Lunch?"},
    "only the digits": says("@77 are you open?"),
    "another": says("@2 hi", mentionedJID=[OTHER]),
    "another's message": quotes(OTHER),
}


@pytest.mark.parametrize("groups", ["off", "on", "mentioned"])
async def test_which_messages_of_a_group_are_answered(sqlite_database: Database, tmp_path: Path, groups: str) -> None:
    session = await linked(sqlite_database, await add_owner(sqlite_database), audience={"groups": groups})
    receive = receiver(sqlite_database, tmp_path)
    chats = {f"12036300000000000{number}@g.us": what for number, what in enumerate(MEANT_FOR_US | AMONG_THEMSELVES)}
    for chat, what in chats.items():
        message = inbound_message(delivered((MEANT_FOR_US | AMONG_THEMSELVES)[what], chat))
        assert message is not None
        await receive.message(session, message)
    talks = await conversations(sqlite_database)
    assert {talk.kind for talk in talks} == {"group"}
    answered = {chats[talk.contact_jid] for talk in talks if talk.due_at is not None}
    wanted = {"off": set(), "on": set(chats.values()), "mentioned": set(MEANT_FOR_US)}
    assert answered == wanted[groups]
    assert {talk.asked_wa_id for talk in talks} == {"3EB0C431C26A1916E07E" if talk.due_at else None for talk in talks}
    assert {talk.ai_reason for talk in talks} == {"group" if groups == "off" else None}
    rows = await messages(sqlite_database)
    assert {(row.author, row.sender_jid, row.sender_name) for row in rows} == {("contact", ANA_LID, "Ana")}


@pytest.mark.parametrize("pattern", ["+55 11 91111-0001", ANA_LID, GROUP])
async def test_who_is_ignored_is_ignored_in_groups_under_each_of_their_addresses(
    sqlite_database: Database, tmp_path: Path, pattern: str
) -> None:
    audience = {"groups": "mentioned", "ignored": [pattern]}
    session = await linked(sqlite_database, await add_owner(sqlite_database), audience=audience)
    message = inbound_message(delivered(MENTIONED))
    assert message is not None
    await receiver(sqlite_database, tmp_path).message(session, message)
    [talk] = await conversations(sqlite_database)
    assert (talk.due_at, talk.ai_state, talk.ai_reason) == (None, "skipped", "ignored")
