"""The web application: its routers, and the parts behind them for as long as it runs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from prosa import __version__
from prosa.answers import endpoints as answer_endpoints
from prosa.composition import compose
from prosa.console import pages as console
from prosa.conversations import endpoints as conversation_endpoints
from prosa.events import asyncapi, websocket
from prosa.http import docs, health, middleware, problems, system
from prosa.http.openapi import custom_openapi
from prosa.http.parameters import known_query
from prosa.keys import endpoints as key_endpoints
from prosa.knowledge import endpoints as knowledge_endpoints
from prosa.outbox import endpoints as outbox_endpoints
from prosa.sessions import endpoints as session_endpoints
from prosa.settings import Settings
from prosa.stopping import Grace
from prosa.tools import endpoints as tool_endpoints
from prosa.turns import endpoints as turn_endpoints
from prosa.usage import endpoints as usage_endpoints
from prosa.users import endpoints as user_endpoints
from prosa.webhooks import endpoints as webhook_endpoints


def create_app(settings: Settings, *, redis: str | None = None) -> FastAPI:
    """Return the application; its parts are made and started when it starts.

    Args:
        settings: The installation's.
        redis: What several processes have in place of a Redis (`prosa.local_redis`), where the settings name none.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.provided = await compose(settings, stack, grace=app.state.grace, redis=redis)
            yield

    app = FastAPI(
        title="Prosa", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.state.provided = {}
    app.state.grace = Grace(settings.stop_seconds)
    problems.install(app)
    middleware.install(app, settings)
    for router in (
        user_endpoints.router,
        session_endpoints.router,
        *conversation_endpoints.routers,
        outbox_endpoints.router,
        answer_endpoints.router,
        knowledge_endpoints.router,
        turn_endpoints.router,
        turn_endpoints.try_router,
        tool_endpoints.router,
        key_endpoints.router,
        usage_endpoints.router,
        webhook_endpoints.router,
        system.router,
    ):
        app.include_router(router, dependencies=[known_query], responses=problems.problems(422))
    app.include_router(websocket.router)
    app.include_router(health.router)  # what watches servers may add to addresses what it likes
    app.add_api_route("/asyncapi.json", lambda: asyncapi.document(__version__), include_in_schema=False)
    if settings.docs_enabled:
        docs.install(app)
    console.install(app, console.Console(frame_origins=settings.frame_origins))
    custom_openapi(app, public_url=settings.public_url)
    return app


def describe() -> dict[str, Any]:
    """Return the OpenAPI document of an installation with default settings."""
    return create_app(Settings(_env_file=None)).openapi()
