"""What `prosa user` does: a job on the installation's database, brought up to date first; errors become words."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer

from prosa import logs
from prosa.auth.passwords import Passwords
from prosa.database import Database
from prosa.database.migrate import upgrade
from prosa.errors import ProsaError
from prosa.settings import load
from prosa.users.models import Role, User
from prosa.users.service import COMMAND_LINE, UserChanges, UserService

T = TypeVar("T")

LIST_PAGE = 500


def add(email: str, password: str, *, name: str | None, role: Role | None) -> User:
    """Add a person."""

    async def job(service: UserService) -> User:
        return await service.create(COMMAND_LINE, email=email, password=password, name=name, role=role)

    return _run(job)


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


def _run(job: Callable[[UserService], Awaitable[T]]) -> T:
    async def run() -> T:
        settings = load()
        logs.configure(settings.model_copy(update={"log_level": "warning"}))
        database = Database(settings.sqlalchemy_url)
        try:
            await upgrade(database)
            return await job(UserService(database, Passwords()))
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except ProsaError as error:
        typer.echo(f"{error.detail}\n  → {error.remedy}", err=True)
        raise typer.Exit(1) from error
