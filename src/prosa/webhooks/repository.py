"""The statements about webhooks and their deliveries."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

import structlog
from sqlalchemy import ColumnElement, Row, Table, Uuid, and_, column, delete, func, insert, or_, select, table, update

from prosa.auth.caller import Caller
from prosa.auth.models import ApiKey
from prosa.auth.numbers import within
from prosa.database.engine import ReadDb, WriteDb
from prosa.events import log
from prosa.events.log import Position
from prosa.events.moving import Places
from prosa.webhooks.models import Webhook, WebhookDelivery

TABLE: Final = cast("Table", Webhook.__table__)
DELIVERIES: Final = cast("Table", WebhookDelivery.__table__)
_KEYS: Final = cast("Table", ApiKey.__table__)
_w, _d, _k = TABLE.c, DELIVERIES.c, _KEYS.c
_users = table("users", column("id", Uuid()))  # another domain's, which this one does not import
PLACES: Final[Places] = TABLE, _w.position_txid, _w.position_id

logger = structlog.get_logger("prosa.webhooks")

KEPT = 200
"""Deliveries of a webhook that people can look at, beside those that are still to be tried again."""
KEPT_FOR = timedelta(days=7)
_FORGOTTEN = 5_000
"""Forgotten events of one owner that are looked at, at a time."""


def wants(row: Any, kind: str, session: str | None) -> bool:
    """Return whether a webhook wants an event; those of no number are for all but limited ones, as for WebSockets."""
    if row.events and kind not in row.events:
        return False
    if row.limited:
        return session is not None and session in row.session_ids
    return not row.session_ids or session is None or session in row.session_ids


def place_of(row: Any) -> Position:
    """Return the place in the log that a webhook has reached."""
    return Position(row.position_txid, row.position_id)


def columns_of(place: Position) -> dict[str, int]:
    """Return a place in the log as columns of a webhook."""
    return {"position_txid": place.txid, "position_id": place.id}


async def of(db: ReadDb, user_id: uuid.UUID) -> Sequence[Row[Any]]:
    """Return a person's webhooks, in the order they were made."""
    return (await db.execute(_shown().where(_w.user_id == user_id).order_by(_w.id))).all()


async def find(db: ReadDb, user_id: uuid.UUID, webhook_id: uuid.UUID, *, lock: bool = False) -> Row[Any] | None:
    """Return a person's webhook, which nobody else changes before the transaction ends where it is locked."""
    statement = _shown().where(_w.user_id == user_id, _w.id == webhook_id)
    return (await db.execute(statement.with_for_update(of=TABLE) if lock else statement)).first()


async def limited_of(db: ReadDb, user_id: uuid.UUID) -> Sequence[Row[Any]]:
    """Return a person's limited webhooks, in the order they were made."""
    return (await db.execute(select(TABLE).where(_w.user_id == user_id, _w.limited).order_by(_w.id))).all()


def _shown() -> Any:
    aside = (
        select(func.count())
        .where(_d.webhook_id == _w.id, _d.due_at.is_not(None))
        .correlate(TABLE)
        .scalar_subquery()
        .label("aside")
    )
    key = (_k.id == _w.api_key_id) & (_k.user_id == _w.user_id)
    named = (_k.name.label("key_name"), (_k.id.is_(None) | _k.revoked_at.is_not(None)).label("key_revoked"))
    return select(*_w, aside, *named).select_from(TABLE.outerjoin(_KEYS, key))


async def hold_owner(db: WriteDb, user_id: uuid.UUID) -> None:
    """Let only one transaction at a time add webhooks of a person."""
    await db.execute(select(_users.c.id).where(_users.c.id == user_id).with_for_update(key_share=True))


async def count(db: ReadDb, user_id: uuid.UUID, *, key_id: uuid.UUID | None = None) -> int:
    """Return how many webhooks a person has, or how many limited ones have their address from a key."""
    statement = select(func.count()).select_from(TABLE).where(_w.user_id == user_id)
    if key_id is not None:
        statement = statement.where(_w.limited, _w.api_key_id == key_id)
    return int((await db.execute(statement)).scalar_one())


async def add(db: WriteDb, values: dict[str, Any]) -> None:
    """Add a webhook."""
    await db.execute(insert(TABLE).values(values))


async def change(db: WriteDb, webhook_id: uuid.UUID, values: dict[str, Any]) -> None:
    """Change a webhook."""
    await db.execute(update(TABLE).where(_w.id == webhook_id).values(values))


async def remove(db: WriteDb, user_id: uuid.UUID, webhook_id: uuid.UUID) -> None:
    """Remove a webhook with its deliveries."""
    await db.execute(delete(TABLE).where(_w.user_id == user_id, _w.id == webhook_id))


async def held(db: ReadDb, webhook_id: uuid.UUID, owner: str) -> Row[Any] | None:
    """Return a webhook that a holder still has."""
    statement = select(TABLE).where(_w.id == webhook_id, _w.lease_owner == owner, _w.due_at.is_not(None))
    return (await db.execute(statement)).first()


async def next_due(db: ReadDb) -> datetime | None:
    """Return when the next webhook may be claimed; None where none is switched on."""
    moment: ColumnElement[Any]
    if db.dialect == "sqlite":  # whose max() of several knows nothing where one is NULL
        moment = func.coalesce(func.max(_w.due_at, _w.lease_until), _w.due_at)
    else:
        moment = func.greatest(_w.due_at, _w.lease_until)
    statement = select(func.min(moment, type_=_w.due_at.type)).where(_w.due_at.is_not(None))
    found: datetime | None = (await db.execute(statement)).scalar_one()
    return found


async def deliveries(
    db: ReadDb, caller: Caller, webhook_id: uuid.UUID, *, state: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Return a webhook's deliveries within the caller's reach, the newest first."""
    statement = select(DELIVERIES).where(_d.webhook_id == webhook_id, within(_d.session, caller))
    statement = statement.order_by(_d.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(_d.state == state)
    if before is not None:
        statement = statement.where(_d.id < before)
    return (await db.execute(statement)).all()


async def delivery(db: ReadDb, caller: Caller, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> Row[Any] | None:
    """Return a delivery of a webhook, where it is within the caller's reach."""
    statement = select(DELIVERIES).where(_d.webhook_id == webhook_id, _d.id == delivery_id)
    return (await db.execute(statement.where(within(_d.session, caller)))).first()


async def numbers_of(db: ReadDb, webhook_id: uuid.UUID, *, lock: bool = False) -> Sequence[str]:
    """Return the numbers that a webhook has by now, none where it is gone; nobody changes them where it is locked."""
    statement = select(_w.session_ids).where(_w.id == webhook_id)
    return (await db.execute(statement.with_for_update() if lock else statement)).scalar_one_or_none() or ()


async def forget_others(db: WriteDb, webhook_id: uuid.UUID, session_ids: Collection[str]) -> None:
    """Forget the deliveries of a webhook that are not of these numbers."""
    others = or_(_d.session.is_(None), _d.session.not_in(session_ids))
    await db.execute(delete(DELIVERIES).where(_d.webhook_id == webhook_id, others))


async def known(db: ReadDb, webhook_id: uuid.UUID, events: Collection[Position]) -> set[str]:
    """Return which of some events were dealt with, also behind a place where the line could not go on."""
    if not events:
        return set()
    statement = select(_d.event_id).where(_d.webhook_id == webhook_id, _d.event_id.in_(list(map(str, events))))
    return set((await db.execute(statement)).scalars())


async def aside(db: ReadDb, webhook_id: uuid.UUID, *, limit: int) -> Sequence[Row[Any]]:
    """Return deliveries that were put aside, those due first at the beginning."""
    statement = select(DELIVERIES).where(_d.webhook_id == webhook_id, _d.due_at.is_not(None))
    return (await db.execute(statement.order_by(_d.due_at).limit(limit))).all()


async def count_aside(db: ReadDb, webhook_id: uuid.UUID) -> int:
    """Return how many deliveries of a webhook are to be tried again by themselves."""
    statement = select(func.count()).select_from(DELIVERIES)
    return int((await db.execute(statement.where(_d.webhook_id == webhook_id, _d.due_at.is_not(None)))).scalar_one())


async def note(db: WriteDb, rows: Sequence[dict[str, Any]]) -> None:
    """Note what became of events."""
    if rows:
        await db.execute(insert(DELIVERIES), list(rows))


async def tried(db: WriteDb, delivery_id: uuid.UUID, values: dict[str, Any]) -> None:
    """Note what came of trying a delivery again."""
    await db.execute(update(DELIVERIES).where(_d.id == delivery_id).values(values))


async def tidy(db: WriteDb, webhook_id: uuid.UUID, now: datetime) -> None:
    """Forget old deliveries; those that are to be tried again stay."""
    newest = select(_d.id).where(_d.webhook_id == webhook_id).order_by(_d.id.desc()).limit(KEPT)
    old = or_(_d.created_at < now - KEPT_FOR, _d.id.not_in(newest.scalar_subquery()))
    await db.execute(delete(DELIVERIES).where(_d.webhook_id == webhook_id, _d.due_at.is_(None), old))


async def note_gaps(db: WriteDb, last: Position) -> None:
    """Note what the log is about to forget, up to a place, and webhooks still want."""
    for row in (await db.execute(select(TABLE).where(_before(last)))).all():
        after = place_of(row)
        heads = await log.read_heads(db, after, until=last, user_id=row.user_id, limit=_FORGOTTEN)
        lost = [head.time for head in heads if wants(row, head.type, head.session)]
        values: dict[str, Any] = {**columns_of(last)}
        if lost:
            logger.warning("webhook_events_forgotten", webhook=str(row.id), events=len(lost))
            values |= {
                "gap_from": row.gap_from or min(lost), "gap_until": max(lost), "gap_events": _w.gap_events + len(lost),
            }  # fmt: skip
        await db.execute(update(TABLE).where(_w.id == row.id).values(values))


def _before(place: Position) -> ColumnElement[bool]:
    return or_(_w.position_txid < place.txid, and_(_w.position_txid == place.txid, _w.position_id < place.id))
