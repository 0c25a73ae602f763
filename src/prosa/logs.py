"""Logging: structlog for ours; the records of libraries (uvicorn, SQLAlchemy) go through the same renderer."""

import json
import logging
import sys
from collections.abc import Callable

import orjson
import structlog
from structlog.typing import Processor

from prosa.settings import Settings

QUIET = (
    "httpx", "httpx2", "httpcore", "httpcore2", "google_genai", "alembic", "asyncio", "redis",
    "uvicorn.access", "uvicorn.error",
)  # fmt: skip
"""Loggers that tell nothing new below a warning."""


_TRACEBACKS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
# structlog's default shows local variables: passwords, keys and what people wrote would stand in the log


def _json(line: object, default: Callable[[object], object]) -> str:
    try:
        return orjson.dumps(line, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(line, default=default)  # an integer of more than 64 bits


def configure(settings: Settings) -> None:
    """Set logging up for this process: lines for people on a terminal, JSON elsewhere."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    readable = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.ExceptionRenderer(_TRACEBACKS), structlog.processors.JSONRenderer(serializer=_json)]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # No line tells these, and finding them out costs as much as writing it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
