"""REST of webhooks."""

import uuid
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query, status

from prosa.clock import utc_now
from prosa.http.auth import SignedIn
from prosa.http.pagination import Page, PageParams
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.webhooks.models import DeliveryState
from prosa.webhooks.schemas import (
    DeliveryView,
    SecretView,
    Tested,
    WebhookCreate,
    WebhookCreated,
    WebhookUpdate,
    WebhookView,
)
from prosa.webhooks.service import WebhookService

router = APIRouter(prefix="/webhooks", tags=["Webhooks"])

Service = Annotated[WebhookService, provided(WebhookService)]
WebhookId = Annotated[uuid.UUID, Path(description="The webhook's id.")]
DeliveryId = Annotated[uuid.UUID, Path(description="The delivery's id.")]

_ALL = (401, 422, 503)
_ONE = (401, 404, 422, 503)


@router.get("", responses=problems(*_ALL))
async def list_webhooks(caller: SignedIn, service: Service) -> list[WebhookView]:
    """List your webhooks; there are at most 20.

    An API key of some numbers sees and changes those that such a key added, where all their numbers are its own.
    """
    now = utc_now()
    return [WebhookView.of(row, now, caller) for row in await service.list(caller)]


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(*_ALL, 409, 413))
async def create_webhook(body: WebhookCreate, caller: SignedIn, service: Service) -> WebhookCreated:
    """Add an address that is told what happens: each event is one signed POST, at least once and in order.

    Events have the form that they have over the WebSocket; signatures are those of Standard Webhooks. An API key of
    some numbers adds at most five, which are `limited`.
    """
    row, secret = await service.create(caller, body)
    return WebhookCreated.with_secret(row, utc_now(), caller, secret)


@router.get("/{webhook_id}", responses=problems(*_ONE))
async def read_webhook(webhook_id: WebhookId, caller: SignedIn, service: Service) -> WebhookView:
    """Read a webhook, and how it fares."""
    return WebhookView.of(await service.read(caller, webhook_id), utc_now(), caller)


@router.patch("/{webhook_id}", responses=problems(*_ONE, 413))
async def update_webhook(webhook_id: WebhookId, body: WebhookUpdate, caller: SignedIn, service: Service) -> WebhookView:
    """Change a webhook, or switch it on or off; what is left out stays."""
    return WebhookView.of(await service.update(caller, webhook_id, body), utc_now(), caller)


@router.delete("/{webhook_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(*_ONE))
async def delete_webhook(webhook_id: WebhookId, caller: SignedIn, service: Service) -> None:
    """Remove a webhook, with the log of its deliveries."""
    await service.delete(caller, webhook_id)


@router.get("/{webhook_id}/secret", responses=problems(*_ONE, 409))
async def read_webhook_secret(webhook_id: WebhookId, caller: SignedIn, service: Service) -> SecretView:
    """Show the secret that signs a webhook's deliveries."""
    row, secret = await service.secret(caller, webhook_id)
    shown = WebhookView.of(row, utc_now(), caller)
    return SecretView(secret=secret, old_secret_until=shown.old_secret_until)


@router.post("/{webhook_id}/rotate-secret", responses=problems(*_ONE))
async def rotate_webhook_secret(webhook_id: WebhookId, caller: SignedIn, service: Service) -> SecretView:
    """Make a new secret. For 24 hours deliveries carry two signatures, by the new one and by the old one."""
    row, secret = await service.rotate(caller, webhook_id)
    return SecretView(secret=secret, old_secret_until=row.old_secret_until)


@router.post("/{webhook_id}/test", responses=problems(*_ONE))
async def test_webhook(webhook_id: WebhookId, caller: SignedIn, service: Service) -> Tested:
    """Send an event `webhook.test` at once, and tell what came of it."""
    outcome = asdict(await service.test(caller, webhook_id))
    outcome.pop("wait")
    return Tested(**outcome)


@router.get("/{webhook_id}/deliveries", responses=problems(*_ONE))
async def list_webhook_deliveries(
    webhook_id: WebhookId,
    caller: SignedIn,
    service: Service,
    page: PageParams,
    state: Annotated[DeliveryState | None, Query(description="Only those of this state.")] = None,
) -> Page[DeliveryView]:
    """List a webhook's deliveries, the newest first: 200 of at most 7 days, and all that are still retried."""
    rows = await service.deliveries(
        caller, webhook_id, state=state.value if state else None, before=page.after_id(), limit=page.limit + 1
    )
    return page.page_by_id(rows, DeliveryView.of)


@router.post("/{webhook_id}/deliveries/{delivery_id}/retry", responses=problems(*_ONE, 409))
async def retry_webhook_delivery(
    webhook_id: WebhookId, delivery_id: DeliveryId, caller: SignedIn, service: Service
) -> DeliveryView:
    """Send an event again at once, under the same `webhook-id`, and tell what came of it."""
    return DeliveryView.of(await service.retry(caller, webhook_id, delivery_id))
