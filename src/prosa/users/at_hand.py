"""What `prosa user` and `prosa key` do: jobs on the installation's database, brought up to date first.

Only adding a person makes a database where there is none: a command in the wrong directory else would, and find nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import typer
from sqlalchemy import Row

from prosa import logs
from prosa.auth.caller import Access, Caller
from prosa.auth.passwords import Passwords
from prosa.database import Database
from prosa.database.migrate import require, upgrade
from prosa.errors import ProsaError
from prosa.settings import load
from prosa.users.api_keys import ApiKeyService, MadeKey
from prosa.users.models import Role, User
from prosa.users.service import COMMAND_LINE, UserChanges, UserService

T = TypeVar("T")

LIST_PAGE = 500


def add(email: str, password: str, *, name: str | None, role: Role | None) -> User:
    """Add a person."""

    async def job(service: UserService) -> User:
        return await service.create(COMMAND_LINE, email=email, password=password, name=name, role=role)

    return _run(job, make=True)


def everybody() -> list[User]:
    """Return all people."""

    async def job(service: UserService) -> list[User]:
        users: list[User] = []
        while page := await service.page(COMMAND_LINE, limit=LIST_PAGE, after=users[-1].id if users else None):
            users += page
        return users

    return _run(job)


def where() -> str:
    """Return the database that all of this is about, without its password: from another directory it is another one."""
    return load().sqlalchemy_url.render_as_string(hide_password=True)


def set_password(email: str, password: str) -> User:
    """Set a person's password, and end all their sign-ins."""

    async def job(service: UserService) -> User:
        user = await service.find(COMMAND_LINE, email)
        return await service.update(COMMAND_LINE, user.id, UserChanges(password=password))

    return _run(job)


def make_key(email: str, name: str, *, read: bool, days: int | None, numbers: list[str] | None = None) -> MadeKey:
    """Make an API key for a person, of all their numbers or of these only."""

    async def job(database: Database) -> MadeKey:
        access = Access.READ if read else Access.FULL
        owner = await _owner(database, email)
        return await ApiKeyService(database).create(owner, name=name, access=access, days=days, session_ids=numbers)

    return _run_on(job)


def keys_of(email: str) -> list[Row[Any]]:
    """Return a person's API keys, the newest first."""

    async def job(database: Database) -> list[Row[Any]]:
        owner, keys = await _owner(database, email), list[Row[Any]]()
        while page := await ApiKeyService(database).page(owner, limit=LIST_PAGE, after=keys[-1].id if keys else None):
            keys += page
        return keys

    return _run_on(job)


def revoke_key(prefix: str) -> tuple[Row[Any], int]:
    """Revoke the API key that begins so; return it, and how many webhooks have their address from it."""
    return _run_on(lambda database: ApiKeyService(database).revoke_by_prefix(prefix))


async def _owner(database: Database, email: str) -> Caller:
    user = await UserService(database, Passwords()).find(COMMAND_LINE, email)
    return Caller(user.id, user.role)


def _run(job: Callable[[UserService], Awaitable[T]], *, make: bool = False) -> T:
    return _run_on(lambda database: job(UserService(database, Passwords())), make=make)


def _run_on(job: Callable[[Database], Awaitable[T]], *, make: bool = False) -> T:
    async def run() -> T:
        settings = load()
        logs.configure(settings.model_copy(update={"log_level": "warning"}))
        if not make:
            await require(settings.sqlalchemy_url)
        database = Database(settings.sqlalchemy_url)
        try:
            await upgrade(database)
            return await job(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except ProsaError as error:
        told = [error.detail, *(f"  {one.message}" for one in error.fields), f"  → {error.remedy}"]
        typer.echo("\n".join(told), err=True)
        raise typer.Exit(1) from error
