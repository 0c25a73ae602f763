"""Models by name: Gemini by default, any other provider that pydantic-ai knows where its package is installed."""

import inspect
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from httpx2 import AsyncClient
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, create_async_httpx2_client, infer_model
from pydantic_ai.providers import Provider, infer_provider_class
from pydantic_ai.providers.google import GoogleProvider

from prosa.ai.failures import BadModelError, NoApiKeyError
from prosa.ai.gemini import Gemini
from prosa.ai.gemini_http import GeminiHttp
from prosa.ai.names import DEFAULT_PROVIDER, ModelName, ModelNames
from prosa.ai.pricing import load_prices
from prosa.auth.keys import Key, Keys
from prosa.google_client import CONNECT_SECONDS, READ_SECONDS, google_http, google_provider
from prosa.outgoing import RefusedAddressError, Rules
from prosa.pinning import PinnedTransport
from prosa.settings import Settings

if TYPE_CHECKING:
    import httpx

KEPT_MODELS = 32
"""Model objects kept, the least recently used go first; each is small."""
_ADDRESSES = ("base_url", "api_base")
"""What providers call the address of their API."""


class Models:
    """Makes model objects and keeps them, with one HTTP client for all of Gemini's."""

    def __init__(self, settings: Settings, rules: Rules | None = None, gemini: GeminiHttp | None = None) -> None:
        """Take the key, the address and the default model from the settings; nothing is opened yet.

        Args:
            settings: The installation's; an address that they name may be any.
            rules: Which addresses of people's keys may be asked; public ones where left out.
            gemini: How Gemini is asked; by connections of its own where left out.
        """
        self._rules = rules or Rules()
        self._key = settings.gemini_api_key.get_secret_value() if settings.gemini_api_key else None
        self._base_url = settings.gemini_base_url
        self._names = ModelNames(settings)
        self._kept: OrderedDict[tuple[ModelName, Key | None], Model] = OrderedDict()
        self._http = google_http(self._base_url)  # time limits are per call (`AnswerService`)
        self._pinned: AsyncClient | None = None
        self._legacy: httpx.AsyncClient | None = None
        self._google: GoogleProvider | None = None
        self._gemini = gemini or GeminiHttp(self._rules)
        load_prices(settings.prices_file)

    def name(self, wanted: str | None) -> ModelName:
        """Return the model that a number's setting means; the installation's where it has none."""
        return self._names.name(wanted)

    def unready(self, wanted: str | None, keys: Keys | None = None) -> str | None:
        """Return `no_api_key` where a model cannot be asked for want of a key, else None."""
        return self._names.unready(wanted, keys)

    def get(self, name: ModelName, key: Key | None = None) -> Model:
        """Return the model's object.

        Args:
            name: The model.
            key: The owner's own; the installation's, or one of the environment, where left out.

        Raises:
            NoApiKeyError: There is no key for its provider.
            BadModelError: There is no such provider, or its package or key is missing.
        """
        kept = self._kept.get((name, key))
        if kept is None:
            kept = self._kept[name, key] = self._make(name, key)
            if len(self._kept) > KEPT_MODELS:
                self._kept.popitem(last=False)
        self._kept.move_to_end((name, key))
        return kept

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        await self._gemini.close()
        for client in (self._pinned, self._legacy):
            if client is not None:
                await client.aclose()

    def _of_gemini(self, model: str, key: Key | None) -> Model:
        if key is not None:
            pinned = key.base_url is not None
            base_url = key.base_url or self._base_url
            http = self._elsewhere() if pinned else self._http
            own = google_provider(key.secret, base_url, http)
            return Gemini(model, own, self._gemini, key=key.secret, base_url=base_url, pinned=pinned)
        if not self._key:
            raise NoApiKeyError(called=False)
        if self._google is None:
            self._google = google_provider(self._key, self._base_url, self._http)
        return Gemini(model, self._google, self._gemini, key=self._key, base_url=self._base_url)

    def _elsewhere(self) -> AsyncClient:
        """Return the client for addresses that people typed in."""
        if self._pinned is None:
            self._pinned = create_async_httpx2_client(transport=PinnedTransport(self._rules))
        return self._pinned

    def _provider(self, key: Key, provider: str) -> Provider[Any]:
        made: Callable[..., Provider[Any]] = infer_provider_class(provider)
        if key.base_url is None:
            return made(api_key=key.secret)
        takes = inspect.signature(made).parameters
        address = next((name for name in _ADDRESSES if name in takes), None)
        if address is not None and "http_client" in takes:
            # Some clients take httpx2, others only httpx; what is of the wrong kind they refuse.
            for http in (self._elsewhere, self._elsewhere_legacy):
                client = http()
                try:
                    found = made(api_key=key.secret, http_client=client, **{address: key.base_url})
                except TypeError:
                    continue
                if _asks_through(found.client, client):
                    return found
        # There is no address to set, or its client would look the name up by itself, and might find this machine.
        raise BadModelError(
            f"Models of {provider!r} cannot be asked at an address of your own: set the key without base_url.",
            called=False,
        )

    def _elsewhere_legacy(self) -> "httpx.AsyncClient":
        """Return the same for clients that know httpx only, which comes with them."""
        if self._legacy is None:
            from prosa.ai.legacy import pinned_client  # noqa: PLC0415 - httpx may not be installed

            self._legacy = pinned_client(self._rules, seconds=READ_SECONDS, connect_seconds=CONNECT_SECONDS)
        return self._legacy

    def _make(self, name: ModelName, key: Key | None) -> Model:
        if not name.provider or not name.model:
            raise BadModelError(f"{str(name)!r} names no model; write 'model' or 'provider:model'.", called=False)
        if key is not None and key.base_url is not None:
            try:
                self._rules.check_url(key.base_url)
            except RefusedAddressError as error:
                raise BadModelError(f"{key.base_url} cannot be asked: {error}", called=False) from error
        if name.provider == DEFAULT_PROVIDER:
            return self._of_gemini(name.model, key)
        try:
            if key is None:
                return infer_model(str(name))
            return infer_model(str(name), provider_factory=partial(self._provider, key))
        except ImportError as error:
            raise BadModelError(
                f"The package for models of {name.provider!r} is not installed: "
                f"pip install 'pydantic-ai-slim[{name.provider}]'.",
                called=False,
            ) from error
        except (UserError, ValueError, TypeError) as error:
            # An unknown provider, or its key is not in the environment; pydantic-ai says which, and shows no key.
            raise BadModelError(f"The model {str(name)!r} cannot be used: {error}", called=False) from error


def _asks_through(client: Any, http: "AsyncClient | httpx.AsyncClient") -> bool:
    """Whether a provider's client makes its requests with the one that it was given: not all do."""
    configuration = getattr(client, "sdk_configuration", None)  # Mistral's
    return getattr(client, "_client", None) is http or getattr(configuration, "async_client", None) is http
