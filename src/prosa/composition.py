"""The composition root: makes every part, starts and stops them in order, and hands them to the endpoints."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Protocol

from prosa.ai.lazy import LazyAnswers
from prosa.answers.exchange import Exchange
from prosa.answers.index import AnswerIndex
from prosa.answers.learning import Learning
from prosa.answers.service import FrequentAnswerService
from prosa.auth.authenticator import Authenticator
from prosa.auth.passwords import Passwords
from prosa.auth.secret import secret_key
from prosa.auth.throttle import LoginThrottle
from prosa.auth.tokens import AccessTokens, RefreshTokens
from prosa.auth.vault import Vault
from prosa.cache import Cache
from prosa.clock import utc_now
from prosa.conversations.fetch import MediaFetcher
from prosa.conversations.media import MediaFiles
from prosa.conversations.online import OnlineNumbers
from prosa.conversations.service import ConversationService
from prosa.database import Database
from prosa.database.migrate import upgrade
from prosa.embeddings import Embedders
from prosa.events.bus import Bus
from prosa.events.hub import EventHub
from prosa.holders import Presence, TakingOver
from prosa.http.health import EngineState
from prosa.keys.keyring import Keyring
from prosa.keys.service import ProviderKeyService
from prosa.knowledge.index import KnowledgeIndex
from prosa.knowledge.service import KnowledgeService
from prosa.leases import new_owner, process_name
from prosa.outbox.changer import Changer
from prosa.outbox.scheduler import Scheduler
from prosa.outbox.sender import Sender
from prosa.outbox.service import OutboxService
from prosa.outgoing import Outgoing, Rules
from prosa.sessions.appearance import Appearance
from prosa.sessions.departures import Departures
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.facts import SessionFacts
from prosa.sessions.gateway import Gateway
from prosa.sessions.operations import Operations
from prosa.sessions.service import SessionService
from prosa.settings import Settings
from prosa.stopping import Grace
from prosa.tools.service import ToolService
from prosa.turns.budget import Budgets
from prosa.turns.context import Contexts
from prosa.turns.control import TurnControl
from prosa.turns.files import TurnFiles
from prosa.turns.knowing import Knowing
from prosa.turns.manual import ManualMessages
from prosa.turns.people import PeopleAnswers
from prosa.turns.playground import Playground
from prosa.turns.readiness import why_unready
from prosa.turns.ready import MatchCosts, ReadyAnswers
from prosa.turns.receive import Receiver
from prosa.turns.reply import Replier
from prosa.turns.runner import TurnRunner
from prosa.turns.takeover import silence, silence_number
from prosa.usage.service import UsageService
from prosa.users.api_keys import ApiKeyService
from prosa.users.service import UserService
from prosa.users.sign_in import SignInService
from prosa.webhooks.follower import Follower
from prosa.webhooks.reach import forget_number
from prosa.webhooks.repository import PLACES, note_gaps
from prosa.webhooks.service import WebhookService
from prosa.whatsapp.bridge import BridgeEngine, create_engine
from prosa.whatsapp.engine import WhatsAppEngine
from prosa.whatsapp.process import TestServer

MIB = 2**20
LEAST_CONNECTIONS = 4
"""To a database, of a process or its bridge: one writes, another waits for an answer, some read."""


class Part(Protocol):
    """Something that runs from start to stop."""

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End."""


async def compose(
    settings: Settings,
    stack: AsyncExitStack,
    *,
    engine: WhatsAppEngine | None = None,
    answers: LazyAnswers | None = None,
    grace: Grace | None = None,
    redis: str | None = None,
) -> dict[Any, object]:
    """Make and start every part; `stack` stops them, the last one first.

    Args:
        settings: The installation's.
        stack: Takes the parts.
        engine: Another one than prosa-bridge.
        answers: Made by other models than the settings name.
        grace: How long a stop may take; left out: some seconds for each part.
        redis: What is used as Redis where the settings name none; left out: nothing.

    Returns:
        What endpoints may ask for, by type.
    """

    async def run(*parts: Part) -> None:
        for part in parts:
            stack.push_async_callback(part.stop)  # also a part that failed half-way is stopped
            await part.start()

    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else redis
    bus = Bus(redis_url)
    database = Database(settings.sqlalchemy_url, pool_size=_share(10, settings.processes), on_wake=bus.wake_all)
    stack.push_async_callback(database.close)
    await upgrade(database)
    cache = _joined(Cache(redis_url), bus)
    hub = EventHub(
        database,
        bus,
        retention=timedelta(hours=settings.event_retention_hours),
        forgetting=note_gaps,
        places=PLACES,
    )
    await run(bus, cache, hub)

    key = secret_key(settings)
    passwords = Passwords()
    access_tokens = AccessTokens(key, timedelta(minutes=settings.access_token_minutes))
    authenticator = Authenticator(database, access_tokens)
    sign_in = SignInService(
        database,
        passwords,
        access_tokens,
        RefreshTokens(key),
        LoginThrottle(cache),
        refresh_lifetime=timedelta(days=settings.refresh_token_days),
    )

    vault = Vault(key)
    outgoing = Outgoing(Rules(settings.outgoing_private_addresses, [name.lower() for name in settings.outgoing_hosts]))
    stack.push_async_callback(outgoing.close)
    tools = ToolService(database, cache, vault, outgoing)
    answers = answers or LazyAnswers(settings)

    keyring = Keyring(database, vault, bus)

    def unready(session: SessionFacts) -> str | None:
        return why_unready(answers, session, keyring.of)

    presence = Presence(settings.data_dir / "holders", process_name())
    engine = engine or _engine(settings, presence)
    files = MediaFiles(settings.media_dir)
    contexts = Contexts(database, cache)
    directory = SessionDirectory(database, cache)
    embedders = Embedders(settings)
    budgets = Budgets(database, bus=bus)
    index = AnswerIndex(database, embedders, spent=MatchCosts(database, budgets))
    frequent = FrequentAnswerService(database, directory.forget)
    learning = Learning(database, index, frequent)
    people = PeopleAnswers(database, index, learning)
    receiver = Receiver(
        database,
        files,
        auto_download_bytes=settings.media_auto_download_mb * MIB,
        unready=unready,
        contexts=contexts,
        people=people,
        hub=hub,
    )
    gateway = Gateway(
        database,
        engine,
        receiver,
        directory,
        bus,
        processes=settings.processes if settings.on_postgresql or settings.processes > 1 else None,
        device_name=settings.device_name,
    )
    numbers = OnlineNumbers(bus, gateway.connection)
    appearance = Appearance(bus, gateway, directory)
    gateway.on_open(numbers.opened, appearance.opened)
    fetcher = MediaFetcher(database, bus, files, numbers, max_bytes=settings.media_max_mb * MIB)
    sender = Sender(database, bus, numbers, files, sessions=directory, grace=grace)
    ready = ReadyAnswers(database, cache, index, learning)
    knowledge = KnowledgeService(database, directory.forget)
    library = KnowledgeIndex(database, embedders, spent=MatchCosts(database, budgets))
    replier = Replier(
        database,
        contexts,
        answers,
        directory,
        gateway,
        TurnFiles(database, fetcher, files),
        tools,
        owner=new_owner(),
        ready=ready,
        knowing=Knowing(library),
        budgets=budgets,
        keys_of=keyring.of,
        slots=sender,
    )
    receiver.slots = runner = TurnRunner(
        database,
        bus,
        replier,
        concurrency=settings.turn_concurrency,
        grace=grace,
        held=gateway.held_beside_others,
    )
    scheduler = Scheduler(database, bus, directory)
    changer = Changer(database, bus, numbers, files)
    await run(
        TakingOver(database, presence), Follower(database, bus, outgoing, vault, grace=grace),
        authenticator.key_uses, keyring, embedders, index, ready, people, knowledge, library,
        engine, appearance, gateway, fetcher, sender, changer, scheduler, runner, answers,
    )  # fmt: skip

    return {
        Database: database,
        Cache: cache,
        EventHub: hub,
        EngineState: EngineState(lambda: not isinstance(engine, BridgeEngine) or engine.pid is not None),
        Authenticator: authenticator,
        SignInService: sign_in,
        ApiKeyService: ApiKeyService(database),
        UserService: UserService(
            database,
            passwords,
            belongings=Departures(
                database, directory, Operations(database, directory, gateway, bus, clock=utc_now), _remover(files)
            ),
        ),
        SessionService: SessionService(
            database,
            directory,
            gateway,
            bus,
            ai_ready=unready,
            on_deleted=_remover(files),
            on_ai_off=silence_number,
            on_removed=forget_number,
        ),
        ConversationService: ConversationService(
            database, files, fetcher, numbers, forget=contexts.forget, silence=silence
        ),
        OutboxService: OutboxService(database),
        Playground: Playground(
            database,
            directory,
            answers,
            tools,
            ready=ready,
            knowing=Knowing(library),
            budgets=budgets,
            keys_of=keyring.of,
        ),
        TurnControl: TurnControl(database, directory, unready=unready),
        ManualMessages: ManualMessages(database, files, numbers, directory, contexts=contexts, people=people),
        MediaFiles: files,
        Settings: settings,
        ToolService: tools,
        ProviderKeyService: ProviderKeyService(database, vault, keyring, outgoing.rules),
        WebhookService: WebhookService(database, vault, outgoing),
        UsageService: UsageService(database, prompt_price=_prompt_price, bus=bus),
        SessionDirectory: directory,
        AnswerIndex: index,
        FrequentAnswerService: frequent,
        Learning: learning,
        KnowledgeService: knowledge,
        KnowledgeIndex: library,
        Exchange: Exchange(database, frequent),
    }


def _joined(cache: Cache, bus: Bus) -> Cache:
    """Have the caches of all processes tell one another what is deleted."""
    cache.tell_deleted = lambda keys: bus.tell_now("deleted", {"keys": keys})
    bus.hear("deleted", lambda word: cache.deleted_elsewhere(word["keys"]))
    return cache


def _prompt_price(provider: str, model: str, tokens: int, cached_share: float) -> int | None:
    from prosa.ai.pricing import prompt_microusd  # noqa: PLC0415 - heavy, and needed by who looks at usage only

    return prompt_microusd(provider, model, tokens, cached_share)


def _remover(files: MediaFiles) -> Callable[[str], Awaitable[None]]:
    async def remove(session_id: str) -> None:
        await asyncio.to_thread(files.remove_session, session_id)

    return remove


def _share(connections: int, processes: int) -> int:
    """Return how many of some connections one of several processes has, which also has its share of the work."""
    return max(LEAST_CONNECTIONS, connections // processes)


def _engine(settings: Settings, presence: Presence) -> BridgeEngine:
    test_server = None
    if settings.whatsapp_test_url and settings.whatsapp_test_root_key and settings.whatsapp_test_media_ca:
        test_server = TestServer(
            settings.whatsapp_test_url, settings.whatsapp_test_root_key, settings.whatsapp_test_media_ca
        )
    return create_engine(
        media_dir=settings.media_dir,
        store_url=settings.bridge_store_url,
        binary=settings.bridge_path,
        test_server=test_server,
        log_level={"warning": "warn"}.get(settings.log_level, settings.log_level),
        store_connections=_share(16, settings.processes),
        keep_open=lambda: presence.descriptors,
    )
