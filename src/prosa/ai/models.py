"""Models by name: Gemini by default, any other provider that pydantic-ai knows where its package is installed."""

from collections import OrderedDict

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, create_async_httpx2_client, infer_model
from pydantic_ai.providers import infer_provider_class
from pydantic_ai.providers.google import GoogleProvider

from prosa.ai.failures import BadModelError, NoApiKeyError
from prosa.ai.gemini import Gemini, GeminiHttp
from prosa.ai.names import DEFAULT_PROVIDER, ModelName, ModelNames
from prosa.ai.pricing import load_prices
from prosa.auth.keys import Key, Keys
from prosa.settings import Settings

KEPT_MODELS = 32
"""Model objects kept, the least recently used go first; each is small."""


class Models:
    """Makes model objects and keeps them, with one HTTP client for all of Gemini's."""

    def __init__(self, settings: Settings) -> None:
        """Take the key, the address and the default model from the settings; nothing is opened yet."""
        self._key = settings.gemini_api_key.get_secret_value() if settings.gemini_api_key else None
        self._base_url = settings.gemini_base_url
        self._names = ModelNames(settings)
        self._kept: OrderedDict[tuple[ModelName, Key | None], Model] = OrderedDict()
        # Time limits are per call (`AnswerService`), but connecting takes 5 s at most. It does not retry.
        self._http = create_async_httpx2_client()
        self._google: GoogleProvider | None = None
        self._gemini = GeminiHttp()
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

    def _make(self, name: ModelName, key: Key | None) -> Model:
        if not name.provider or not name.model:
            raise BadModelError(f"{str(name)!r} names no model; write 'model' or 'provider:model'.", called=False)
        if name.provider == DEFAULT_PROVIDER and key is not None:
            base_url = key.base_url or self._base_url
            own = GoogleProvider(api_key=key.secret, base_url=base_url, http_client=self._http)
            return Gemini(name.model, own, self._gemini, key=key.secret, base_url=base_url)
        if name.provider == DEFAULT_PROVIDER:
            if not self._key:
                raise NoApiKeyError(called=False)
            if self._google is None:
                self._google = GoogleProvider(api_key=self._key, base_url=self._base_url, http_client=self._http)
            return Gemini(name.model, self._google, self._gemini, key=self._key, base_url=self._base_url)
        try:
            if key is None:
                return infer_model(str(name))
            options = {"api_key": key.secret} | ({"base_url": key.base_url} if key.base_url else {})
            return infer_model(str(name), provider_factory=lambda provider: infer_provider_class(provider)(**options))
        except ImportError as error:
            raise BadModelError(
                f"The package for models of {name.provider!r} is not installed: "
                f"pip install 'pydantic-ai-slim[{name.provider}]'.",
                called=False,
            ) from error
        except (UserError, ValueError, TypeError) as error:
            # An unknown provider, or its key is not in the environment; pydantic-ai says which, and shows no key.
            raise BadModelError(f"The model {str(name)!r} cannot be used: {error}", called=False) from error
