"""A bakery on a busy morning, put straight into the database: conversations in every state, one of them in full."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, update
from tests.console.conftest import Console
from tests.console.history import database_of, insert_number

from prosa import words
from prosa.clock import utc_now
from prosa.conversations.models import Conversation, Message
from prosa.conversations.pauses import FOREVER
from prosa.ids import new_id, new_message_id
from prosa.sessions.models import WhatsAppSession

FAMILY, CAROLINA = "Família Moreira", "Carolina Prado"


@dataclass(frozen=True)
class Row:
    """A conversation as the list shows it; `state`: a person has it, the AI failed, or is at work."""

    name: str
    minutes: int
    preview: str
    unread: int = 0
    state: str = ""
    group: bool = False


ROWS = (
    Row(CAROLINA, 2, "Perfeito, pode confirmar então 🎂", state="person"),
    Row(FAMILY, 6, "Então são dois bolos no domingo, certo?", 2, group=True),
    Row("Rafael Antunes", 11, "Vocês fazem bolo sem glúten?", 1, "working"),
    Row("Dona Lúcia", 18, "Prefiro falar com a Bia mesmo", 3, "person"),
    Row("Escola Girassol", 24, "🎤", 1),
    Row("Marcos Vinícius", 37, "Entregamos sim! A taxa para o centro é R$ 8,00."),
    Row("Tatiane Lopes", 52, "📷 Quero um igual a este"),
    Row("Buffet Alvorada", 71, "📄 orçamento-dezembro.pdf", 1, "failed"),
    Row("Paulo Henrique", 95, "Às 15h está ótimo, obrigado!"),
    Row("Letícia Nogueira", 130, "O de cenoura sai às 10h, fresquinho 🥕"),
    Row("Condomínio Ipê", 190, "Ana: alguém vai querer pão amanhã?", group=True),
    Row("Sr. Osvaldo", 260, "Deixei pago no pix", state="person"),
    Row("Fernanda Couto", 1500, "Amei o bolo, todo mundo elogiou!"),
    Row("Igor Sales", 1640, "Fechamos às 19h aos sábados."),
    Row("Priscila Rocha", 2980, "Fica R$ 96,00 o de 2 kg."),
    Row("Café do Porto", 4400, "Podemos manter os 60 pães por dia."),
)

TALK: tuple[tuple[str, str], ...] = (
    ("contact", "Bom dia! Vocês ainda têm encomenda de bolo para sábado?"),
    ("ai", "Bom dia, Carolina! Temos sim. Para sábado aceitamos encomendas até quinta às 18h."),
    ("contact", "Queria um de laranja com cobertura de chocolate, para umas 20 pessoas"),
    ("ai", "Para 20 pessoas indicamos o de 3 kg. O de laranja com chocolate sai por R$ 144,00."),
    ("contact", "Dá para escrever “Feliz 60, vovó”?"),
    ("person", "Oi Carolina, é a Bia! Dá sim, sem custo. Prefere em branco ou dourado?"),
    ("contact", "Dourado! Ela vai amar"),
    ("person", "Anotado: 3 kg, laranja com chocolate, “Feliz 60, vovó” em dourado, sábado às 10h. Posso confirmar?"),
    ("contact", "Perfeito, pode confirmar então 🎂"),
)  # fmt: skip
IN_THE_GROUP = (
    ("Ana Moreira", "O bolo da vovó já está encomendado?"),
    ("Tio Beto", "Eu levo o refrigerante"),
    ("Ana Moreira", "Padaria Estrela, ainda dá para aumentar para dois?"),
    ("Tio Beto", "Então são dois bolos no domingo, certo?"),
)


async def open_shop(console: Console) -> dict[str, uuid.UUID]:
    """Give the owner a number with these conversations; return their ids by name."""
    database, now, ids = database_of(console), utc_now(), {row.name: new_id() for row in ROWS}
    async with database.write() as db:
        await insert_number(db, console)
        number = update(WhatsAppSession).where(WhatsAppSession.session_id == console.session)
        await db.execute(number.values(name="Padaria Estrela", status="open"))
        rows = [_conversation(console, ids[row.name], place, row, now) for place, row in enumerate(ROWS)]
        await db.execute(insert(Conversation), rows)
        await db.execute(insert(Message), _talk(console, ids[CAROLINA], rows[0]["contact_jid"], now))
        await db.execute(insert(Message), _group(console, ids[FAMILY], now))
    await database.close()
    return ids


def _conversation(console: Console, id_: uuid.UUID, place: int, row: Row, now: datetime) -> dict[str, Any]:
    phone = None if row.group else f"55119{81000000 + place * 137911:08}"
    length = {CAROLINA: len(TALK) + 1, FAMILY: len(IN_THE_GROUP)}.get(row.name, 0)
    paused = row.state == "person"
    return {
        "id": id_, "session_id": console.session, "kind": "group" if row.group else "contact",
        "contact_jid": f"{phone}@s.whatsapp.net" if phone else f"1203630000{console.serial:04}{place:04}@g.us",
        "contact_phone": phone, "contact_name": row.name, "search_name": words.indexed(row.name), "last_seq": length,
        "read_until": max(0, length - row.unread), "unread_count": row.unread,
        "last_message_at": now - timedelta(minutes=row.minutes), "last_message_preview": row.preview,
        "ai_paused_until": FOREVER if paused else None, "ai_paused_by": "person" if paused else None,
        "ai_state": {"working": "answering", "failed": "failed"}.get(row.state, "idle"),
        "ai_failed_at": now if row.state == "failed" else None,
        "ai_reason": "model_unavailable" if row.state == "failed" else None, "created_at": now, "updated_at": now,
    }  # fmt: skip


def _talk(console: Console, conversation: uuid.UUID, contact: str, now: datetime) -> list[dict[str, Any]]:
    made = []
    for seq, (author, text) in enumerate(TALK, 1):
        at = now - timedelta(minutes=2 + 3 * (len(TALK) - seq))
        one = _message(console, conversation, seq, text, at, contact if author == "contact" else None)
        ai = {"tier": "model", "model": "gemini", "input_tokens": 1520, "output_tokens": 61, "cost_microusd": 608}
        made.append(one | {"author": author, "ai": ai if author == "ai" else None})
    made[5]["quoted_wa_id"] = made[4]["wa_id"]
    love = _message(console, conversation, len(TALK) + 1, "❤️", now, contact)
    return [*made, love | {"type": "reaction", "quoted_wa_id": made[7]["wa_id"]}]


def _group(console: Console, conversation: uuid.UUID, now: datetime) -> list[dict[str, Any]]:
    people = {name: f"55119770000{n:02}@s.whatsapp.net" for n, name in enumerate(dict(IN_THE_GROUP))}
    return [
        _message(console, conversation, seq, text, now - timedelta(minutes=26 - 5 * seq), people[name])
        | {"sender_name": name}
        for seq, (name, text) in enumerate(IN_THE_GROUP, 1)
    ]


def _message(
    console: Console, conversation: uuid.UUID, seq: int, text: str, at: datetime, sender: str | None
) -> dict[str, Any]:
    return {
        "id": new_id(), "conversation_id": conversation, "session_id": console.session, "seq": seq,
        "wa_id": new_message_id(), "from_me": sender is None, "author": "contact", "sender_name": None, "ai": None,
        "sender_jid": sender or f"{console.number}@s.whatsapp.net", "type": "text", "body": text,
        "status": "received" if sender else "read", "created_at": at, "stored_at": at, "quoted_wa_id": None,
    }  # fmt: skip
