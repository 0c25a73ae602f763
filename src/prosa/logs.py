"""Logging: structlog for ours, written as they are; the records of libraries (uvicorn, SQLAlchemy) through `logging`.

Both go to the same stream by the same renderer. Ours do not pass through `logging`, which costs four times as much a
line, and there is one for each answer.
"""

import json
import logging
import sys
from collections.abc import Callable
from typing import TextIO

import orjson
import structlog
from structlog.typing import Processor

from prosa.settings import Settings

QUIET = (
    "httpx", "httpx2", "httpcore", "httpcore2", "google_genai", "alembic", "asyncio", "redis",
    "uvicorn.access", "uvicorn.error", "aiosqlite",
)  # fmt: skip
"""Loggers that tell nothing new below a warning; aiosqlite and uvicorn also what no log may hold: rows and headers."""


_TRACEBACKS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
# structlog's default shows local variables: passwords, keys and what people wrote would stand in the log


def _json(line: object, default: Callable[[object], object]) -> str:
    try:
        return orjson.dumps(line, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(line, default=default)  # an integer of more than 64 bits


class _Lines:
    """Writes lines of a logger of ours; structlog calls the method of the line's level."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name = name
        self._stream = stream

    def write(self, line: str) -> None:
        """Write a line, in one piece; one that cannot be written (a closed pipe, a full disk) stops nobody's work."""
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = write


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Set logging up for this process: lines for people on a terminal, JSON elsewhere.

    Args:
        settings: Level and format.
        stream: Where lines go; standard error where left out.
    """
    where = sys.stderr if stream is None else stream
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    readable = settings.log_format == "console" or (settings.log_format == "auto" and where.isatty())
    renderer: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.ExceptionRenderer(_TRACEBACKS), structlog.processors.JSONRenderer(serializer=_json)]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        logger_factory=lambda name="prosa", *_: _Lines(name, where),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    # No line tells these, and finding them out costs as much as writing it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(where)
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
