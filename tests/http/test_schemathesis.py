"""Every endpoint of the whole application, with made-up requests: good ones, bad ones, and with things that exist.

Whatever is sent, the answer is one that the OpenAPI document promises: status, media type, headers and schema.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select
from tests.fixtures.conversations import add_session, inbound, receiver
from tests.fixtures.installation import whole_app
from tests.fixtures.serving import served

import prosa.app
from prosa.auth.authenticator import Authenticator
from prosa.auth.caller import Caller
from prosa.conversations.models import Conversation, Message
from prosa.database import Database
from prosa.errors import NotAuthenticatedError
from prosa.ids import new_token
from prosa.users.models import Role, User
from prosa.users.service import COMMAND_LINE, UserService
from prosa.users.sign_in import SignInService
from prosa.webhooks.schemas import WebhookCreate
from prosa.webhooks.service import WebhookService

EXAMPLES = 12
"""Requests an operation and kind; all together stay under a minute on two slow cores."""
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

Operation = APIOperation[Any, Any, Any, Any]
OPERATIONS: list[Operation] = [
    result.ok()  # type: ignore[union-attr]  # an operation that cannot be read fails the collection, as it should
    for result in schemathesis.openapi.from_dict(prosa.app.describe()).get_all_operations()
]


CASES = [
    pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
    for operation in OPERATIONS
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # without any input there is nothing to get wrong
    if mode is GenerationMode.POSITIVE or {"parameters", "requestBody", "security"} & operation.definition.raw.keys()
]


class Installation:
    """The application on loopback, with one owner and things of theirs."""

    def __init__(self, portal: BlockingPortal, app: FastAPI, folder: Path, address: str) -> None:
        self._portal = portal
        self._app = app
        self._folder = folder
        self._url = f"http://{address}"
        self._token = ""
        self._me: User = portal.call(self._add_person, Role.OWNER)

    def existing(self) -> dict[str, list[str]]:
        """Make things anew, since requests delete them; return their ids by the name of the path parameter."""
        ids: dict[str, list[str]] = self._portal.call(self._fill)
        return ids

    def send(self, case: Case[Operation]) -> Any:
        """Send a request, signed in."""
        headers = {"Authorization": f"Bearer {self._portal.call(self._access_token)}"}
        return case.call(base_url=self._url, headers=headers)

    async def _add_person(self, role: Role) -> User:
        users: UserService = self._app.state.provided[UserService]
        return await users.create(
            COMMAND_LINE, email=f"{new_token()}@example.com", password="correct horse battery", role=role
        )

    async def _fill(self) -> dict[str, list[str]]:
        database: Database = self._app.state.provided[Database]
        owner = Caller(self._me.id, Role.OWNER)
        session = await add_session(database, owner, f"s-{new_token()[:12]}")
        receive = receiver(database, self._folder)
        for body in ("hello", "is anybody there?"):
            await receive.message(session, inbound(body))
        async with database.read() as db:
            rows = await db.execute(
                select(Conversation.id, Message.id)
                .join_from(Conversation, Message, Message.conversation_id == Conversation.id)
                .where(Conversation.session_id == session.session_id)
            )
            conversation_ids, message_ids = zip(*rows, strict=True)
        return {
            "session_id": [session.session_id],
            "conversation_id": [str(conversation_ids[0])],
            "message_id": [str(message_id) for message_id in message_ids],
            "user_id": [str((await self._add_person(Role.AGENT)).id)],
            "webhook_id": [await self._webhook(owner)],
        }

    async def _webhook(self, owner: Caller) -> str:
        """Return a webhook's id; a person has few."""
        webhooks: WebhookService = self._app.state.provided[WebhookService]
        for known in await webhooks.list(owner):
            return str(known.id)
        return str((await webhooks.create(owner, WebhookCreate(url="https://shop.invalid/hook", enabled=False)))[0].id)

    async def _access_token(self) -> str:
        """Return an access token that is good: some requests sign out."""
        provided = self._app.state.provided
        try:
            await provided[Authenticator].authenticate(self._token)
        except NotAuthenticatedError:
            async with provided[Database].write() as db:
                self._token = (await provided[SignInService]._begin(db, self._me)).access_token
        return self._token


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installation")
    with (
        whole_app(folder) as app,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(served(app)) as address,
    ):
        yield Installation(portal, app, folder, address)


@pytest.mark.parametrize("label", ["GET /users/{user_id}", "GET /sessions/{session_id}", "GET /auth/me"])
def test_requests_are_signed_in_and_reach_what_exists(installation: Installation, label: str) -> None:
    [operation] = [operation for operation in OPERATIONS if operation.label == label]
    existing = installation.existing()
    wanted = {name: ids[0] for name, ids in existing.items() if f"{{{name}}}" in label}
    assert installation.send(operation.Case(path_parameters=wanted)).status_code == 200


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_answers_are_as_documented(installation: Installation, operation: Operation, mode: GenerationMode) -> None:
    existing = installation.existing()

    @given(st.data())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(data: st.DataObject) -> None:
        case: Case[Operation] = data.draw(operation.as_strategy(generation_mode=mode))
        if data.draw(st.integers(0, 3)):  # mostly something that exists
            for name, ids in existing.items():
                if name in case.path_parameters:
                    case.path_parameters[name] = data.draw(st.sampled_from(ids))
        case.validate_response(installation.send(case), checks=CHECKS)

    check()
