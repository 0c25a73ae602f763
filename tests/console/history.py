"""A long conversation, put straight into the database: what a contact would need hours to write."""

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select
from tests.console.conftest import Console

from prosa import words
from prosa.clock import utc_now
from prosa.conversations.models import Conversation, Message, MessageSearch
from prosa.database import Database
from prosa.database.engine import WriteDb
from prosa.ids import new_id, new_message_id
from prosa.sessions.models import WhatsAppSession
from prosa.settings import Settings
from prosa.users.models import User


async def fill(
    console: Console, texts: list[str], *, unread: int = 0, reactions: dict[int, str] | None = None
) -> uuid.UUID:
    """Give the owner a number that is offline, and on it a conversation with these messages; return its id.

    `reactions`: emoji by the number of the message, counted from 1; the contact gave them after all else was said.
    """
    database, conversation, now = database_of(console), new_id(), utc_now()
    async with database.write() as db:
        await insert_number(db, console)
        row = {
            "id": conversation, "session_id": console.session, "contact_jid": "5511988887777@s.whatsapp.net",
            "contact_phone": "5511988887777", "contact_name": "Ana Souza", "kind": "contact",
            "last_seq": len(texts) + len(reactions or {}),
            "unread_count": unread, "read_until": len(texts) - unread, "last_message_at": now,
            "last_message_preview": texts[-1], "created_at": now, "updated_at": now,
        }  # fmt: skip
        await db.execute(insert(Conversation), row)
        messages = [
            _message(conversation, console, seq, text, now - timedelta(minutes=20 * (len(texts) - seq)))
            for seq, text in enumerate(texts, 1)
        ]
        late = [
            _message(conversation, console, len(texts) + place, emoji, now)
            | {"type": "reaction", "quoted_wa_id": messages[target - 1]["wa_id"]}
            for place, (target, emoji) in enumerate((reactions or {}).items(), 1)
        ]
        await db.execute(insert(Message), [one | {"quoted_wa_id": None} for one in messages] + late)
        found = [{"message_id": one["id"], "words": words.indexed(one["body"])} for one in messages]
        await db.execute(insert(MessageSearch), found)
    await database.close()
    return conversation


def database_of(console: Console) -> Database:
    """Open the database that Prosa runs on, besides it."""
    return Database(Settings(_env_file=None, data_dir=console.installation.prosa.data_dir).sqlalchemy_url)


async def insert_number(db: WriteDb, console: Console) -> None:
    """Give the owner a number that was linked and is offline."""
    owner = (await db.execute(select(User.id).where(User.email == console.email))).scalar_one()
    number = {
        "id": new_id(), "session_id": console.session, "user_id": owner, "status": "closed", "wanted": False,
        "link_method": "qr", "settings": {}, "extra": {}, "jid": f"{console.number}:3@s.whatsapp.net",
    }  # fmt: skip
    await db.execute(insert(WhatsAppSession), number)


def _message(conversation: uuid.UUID, console: Console, seq: int, text: str, at: Any) -> dict[str, Any]:
    return {
        "id": new_id(), "conversation_id": conversation, "session_id": console.session, "seq": seq,
        "wa_id": new_message_id(), "from_me": False, "author": "contact",
        "sender_jid": "5511988887777@s.whatsapp.net", "type": "text", "body": text, "status": "received",
        "created_at": at, "stored_at": at,
    }  # fmt: skip
