"""An answer service whose libraries are imported at first need, or ahead of it where a key is set.

pydantic-ai and Google's client are half of what Prosa would otherwise import: more than a second and 70 MiB, for
nothing where nobody is answered. They are imported in a thread, so the server starts and answers meanwhile.
"""

import asyncio
import gc
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import structlog

from prosa.ai.asking import Answer, AnswerRequest, Completion, TextRequest
from prosa.ai.names import ModelName, ModelNames
from prosa.auth.keys import Keys
from prosa.outgoing import Rules
from prosa.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from prosa.ai.answer import AnswerService

logger = structlog.get_logger("prosa.ai")


class LazyAnswers:
    """`prosa.ai.answer.AnswerService`, made when it is needed."""

    def __init__(self, settings: Settings, make: "Callable[[Settings], AnswerService] | None" = None) -> None:
        """Keep the settings; nothing is imported yet.

        Args:
            settings: The installation's.
            make: Makes the service, in a thread; usual models are asked where left out.
        """
        self._make_service = make or _import_and_make
        self._settings = settings
        self._names = ModelNames(settings)
        self._loading: asyncio.Task[AnswerService] | None = None

    async def start(self) -> None:
        """Begin importing in the background, where the installation's own model can be asked."""
        if self.unready(None) is None:
            self._load()

    async def stop(self) -> None:
        """Close the connections to providers."""
        loading, self._loading = self._loading, None
        if loading is not None:
            with suppress(Exception):  # told when it happened
                await (await loading).close()

    def unready(self, model: str | None, keys: Keys | None = None) -> str | None:
        """Return `no_api_key` where the model cannot be asked for want of a key, else None."""
        return self._names.unready(model, keys)

    async def answer(self, request: AnswerRequest) -> Answer:
        """Ask the model, once its libraries are there.

        Raises:
            AnswerError: There is no answer; see `prosa.ai.failures` for the reasons.
        """
        # shielded: a turn that is given up must not stop the import that others wait for
        service = await asyncio.shield(self._load())
        return await service.answer(request)

    async def complete(self, request: TextRequest) -> Completion:
        """Ask a model for a text, once its libraries are there.

        Raises:
            AnswerError: There is none.
        """
        service = await asyncio.shield(self._load())
        return await service.complete(request)

    def name(self, model: str | None) -> ModelName:
        """Return the model that a number's setting means."""
        return self._names.name(model)

    def _load(self) -> "asyncio.Task[AnswerService]":
        failed = self._loading is not None and self._loading.done() and self._loading.exception() is not None
        if self._loading is None or failed:
            self._loading = asyncio.create_task(self._make(), name="ai-import")
        return self._loading

    async def _make(self) -> "AnswerService":
        started = time.monotonic()
        try:
            service = await asyncio.to_thread(self._make_service, self._settings)
        except Exception:
            logger.exception("the libraries of models cannot be loaded")
            raise
        _keep_what_is_loaded()
        logger.debug("the libraries of models are loaded", seconds=round(time.monotonic() - started, 2))
        return service


@cache
def _keep_what_is_loaded() -> None:
    """Spare full garbage collections the look at libraries, which stay and are most objects; once in a process."""
    gc.freeze()


def _import_and_make(settings: Settings) -> "AnswerService":
    from prosa.ai.answer import AnswerService  # noqa: PLC0415 - the point of this module
    from prosa.ai.models import Models  # noqa: PLC0415

    rules = Rules(settings.outgoing_private_addresses, [name.lower() for name in settings.outgoing_hosts])
    return AnswerService(
        Models(settings, rules), timeout_seconds=settings.ai_timeout_seconds, most_calls=settings.ai_concurrency
    )
