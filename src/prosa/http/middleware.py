"""The middlewares around the application, all plain ASGI."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from prosa.http.auth import KEY_HEADER
from prosa.http.body_limit import BodyLimit
from prosa.http.compression import Compression
from prosa.http.context import HEADER as REQUEST_ID
from prosa.http.context import RequestContext
from prosa.http.security import SecurityHeaders
from prosa.settings import Settings


def install(app: FastAPI, settings: Settings) -> None:
    """Put the middlewares around `app`; call it after `prosa.http.problems.install`.

    From the outside in: request id and access log, security headers, CORS (where origins are set), body limit,
    compression.
    """
    # the last one added is the outermost (Starlette, "Middleware")
    app.add_middleware(Compression)
    app.add_middleware(BodyLimit, media_max_mb=settings.media_max_mb)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", KEY_HEADER, "Content-Type", "Idempotency-Key", REQUEST_ID],
            expose_headers=[REQUEST_ID, "Retry-After", "Content-Disposition"],
            max_age=600,
        )
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestContext)
