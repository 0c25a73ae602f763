"""Whether Prosa lives and can work: for load balancers, containers and people; and its metrics."""

import asyncio
import os
from collections.abc import Callable
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel, Field

from prosa import __version__
from prosa.cache import Cache, CacheState
from prosa.database import Database
from prosa.database.outage import Outage, outage_of
from prosa.http.provide import provided
from prosa.listening import METRICS_DIR

logger = structlog.get_logger("prosa.health")
router = APIRouter(tags=["Health"])

READY_SECONDS = 3.0


class Health(BaseModel):
    """What works."""

    status: Literal["ok", "degraded", "unavailable"] = Field(description="degraded: works, but slower")
    version: str
    database: Literal["ok", "away", "busy", "full", "read_only"] = Field(
        description="busy: locked by another program; full: no space left; read_only: takes no writes"
    )
    cache: Literal["ok", "away"] = Field(description="Redis, where it is set; away means slower, never wrong")
    engine: Literal["ok", "away"] = Field(description="prosa-bridge; away means numbers are offline for the moment")


class EngineState:
    """Tells whether the WhatsApp engine runs."""

    def __init__(self, running: Callable[[], bool]) -> None:
        self.running = running


@router.get("/health/live")
async def live() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@router.get("/health/ready", responses={503: {"model": Health, "description": "Not ready"}})
async def ready(
    response: Response,
    database: Annotated[Database, provided(Database)],
    cache: Annotated[Cache, provided(Cache)],
    engine: Annotated[EngineState, provided(EngineState)],
) -> Health:
    """Say whether requests can be served: 200 when the database answers and takes writes, else 503."""
    health = await examine(database, cache, engine)
    response.status_code = 503 if health.status == "unavailable" else 200
    return health


async def examine(database: Database, cache: Cache, engine: EngineState) -> Health:
    """Return what works now."""
    outage = await _outage(database)
    running = engine.running()
    cache_ok = cache.state is not CacheState.AWAY
    return Health(
        status="unavailable" if outage is not None else "ok" if running and cache_ok else "degraded",
        version=__version__,
        database="ok" if outage is None else outage.value,
        cache="ok" if cache_ok else "away",
        engine="ok" if running else "away",
    )


async def _outage(database: Database) -> Outage | None:
    """Return what is wrong with the database, if anything; it is written only where the last write did not work."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            await database.ping()
            if database.unwritable is not None:
                await database.touch()
    except Exception as error:  # noqa: BLE001 - whatever it is, the database does not do what is asked
        found = database.unwritable if isinstance(error, TimeoutError) else outage_of(error)
        logger.warning("the database does not answer", outage=found, error=type(error).__name__)
        return found or Outage.AWAY
    return database.unwritable


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """Return the metrics in Prometheus' text format, of all processes. They name no person, number or conversation."""
    registry = REGISTRY
    if METRICS_DIR in os.environ:  # this is one of several processes
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(await asyncio.to_thread(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)
