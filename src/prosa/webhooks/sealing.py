"""What of a webhook is kept encrypted: its secrets and the values of its headers."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row

from prosa.auth.vault import Vault
from prosa.webhooks.sending import Target


def seal_secret(vault: Vault, webhook_id: uuid.UUID, secret: str) -> str:
    """Return a signing secret as it is stored."""
    return vault.seal(secret, _secret(webhook_id))


def open_secret(vault: Vault, row: Row[Any]) -> str:
    """Return a webhook's signing secret.

    Raises:
        SealBrokenError: The installation's key is another one by now.
    """
    return vault.open(row.secret, _secret(row.id))


def seal_headers(vault: Vault, webhook_id: uuid.UUID, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of a webhook's own headers."""
    sealed = vault.seal(orjson.dumps(dict(headers)).decode(), _headers(webhook_id)) if headers else None
    return {"headers": sealed, "header_names": sorted(headers)}


def target_of(vault: Vault, row: Row[Any], now: datetime) -> Target:
    """Return where a webhook's events go, and with which secrets.

    Raises:
        SealBrokenError: The installation's key is another one by now.
    """
    secrets = [open_secret(vault, row)]
    if row.old_secret is not None and row.old_secret_until is not None and row.old_secret_until > now:
        secrets.append(vault.open(row.old_secret, _secret(row.id)))
    headers = orjson.loads(vault.open(row.headers, _headers(row.id))) if row.headers is not None else {}
    return Target(row.url, tuple(secrets), headers)


def _secret(webhook_id: uuid.UUID) -> str:
    return f"webhook:{webhook_id}:secret"


def _headers(webhook_id: uuid.UUID) -> str:
    return f"webhook:{webhook_id}:headers"
