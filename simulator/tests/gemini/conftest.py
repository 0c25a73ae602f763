"""A running Gemini server, and the clients that talk to it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import httpx2
import pytest
from google import genai
from google.genai import types
from pydantic_ai import Agent
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider

from prosa_simulator.gemini import GeminiServer


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiServer]:
    async with GeminiServer() as server:
        yield server


MakeClient = Callable[..., genai.Client]


@pytest.fixture
async def make_client(gemini: GeminiServer) -> AsyncIterator[MakeClient]:
    """Makes Google's own client over httpx2, the transport pydantic-ai gives it; closed at the end."""
    clients: list[tuple[genai.Client, httpx2.AsyncClient]] = []

    def make(api_key: str = "test-key", **options: Any) -> genai.Client:
        transport = httpx2.AsyncClient(timeout=10)
        http_options = types.HttpOptions(base_url=gemini.base_url, httpx_async_client=transport, **options)
        clients.append((genai.Client(api_key=api_key, http_options=http_options), transport))
        return clients[-1][0]

    yield make
    for client, transport in clients:
        client.close()
        await transport.aclose()


@pytest.fixture
def client(make_client: MakeClient) -> genai.Client:
    """Google's own client; its asynchronous half is ``client.aio``."""
    return make_client()


@pytest.fixture
async def http(gemini: GeminiServer) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-goog-api-key": "test-key"}
    async with httpx.AsyncClient(base_url=gemini.base_url, headers=headers, timeout=10) as raw:
        yield raw


@pytest.fixture
async def make_agent(gemini: GeminiServer) -> AsyncIterator[Callable[..., Agent[None, Any]]]:
    provider = GoogleProvider(api_key="test-key", base_url=gemini.base_url)

    def make(model: str = "gemini-2.5-flash", **arguments: Any) -> Agent[None, Any]:
        return Agent(GoogleModel(model, provider=provider), **arguments)

    async with provider:
        yield make
