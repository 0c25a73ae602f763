"""What this installation runs on, for the people who run it."""

import platform
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from prosa.cache import Cache
from prosa.clock import utc_now
from prosa.database import Database
from prosa.http.auth import PeopleManager
from prosa.http.health import EngineState, Health, examine
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.settings import Settings

router = APIRouter(tags=["Health"])

_STARTED = utc_now()


class SystemView(BaseModel):
    """The process that answered, and what it works with."""

    health: Health
    database: Literal["sqlite", "postgresql"]
    cache: Literal["memory", "redis"]
    ai_model: str = Field(description="The model that answers where a number sets no other.")
    ai_key: bool = Field(description="Whether a key of the Gemini API is set.")
    python: str = Field(description="Version of Python.", examples=["3.13.1"])
    platform: str = Field(description="Operating system and processor.", examples=["Linux x86_64"])
    started_at: datetime


@router.get("/system", responses=problems(401, 403))
async def read_system(
    _: PeopleManager,
    database: Annotated[Database, provided(Database)],
    cache: Annotated[Cache, provided(Cache)],
    engine: Annotated[EngineState, provided(EngineState)],
    settings: Annotated[Settings, provided(Settings)],
) -> SystemView:
    """Read what this installation runs on and what works; for owners and admins."""
    return SystemView(
        health=await examine(database, cache, engine),
        database=database.dialect,
        cache="memory" if settings.redis_url is None else "redis",
        ai_model=settings.ai_model,
        ai_key=settings.gemini_api_key is not None,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}".strip(),
        started_at=_STARTED,
    )
