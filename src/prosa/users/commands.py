"""`prosa user`: people from the command line, for the first start and for lost passwords."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table

from prosa import logs
from prosa.auth.passwords import MAX_CHARACTERS, MIN_CHARACTERS, Passwords
from prosa.database import Database
from prosa.database.migrate import upgrade
from prosa.errors import ProsaError
from prosa.settings import load
from prosa.users.emails import parse_email
from prosa.users.models import Role, User
from prosa.users.service import COMMAND_LINE, UserChanges, UserService

T = TypeVar("T")

app = typer.Typer(help="People who sign in.", no_args_is_help=True)

LIST_PAGE = 500

EmailArgument = Annotated[str, typer.Argument(help="E-mail address of the person.")]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking.")
]


@app.command()
def add(
    email: EmailArgument,
    name: Annotated[str | None, typer.Option(help="What to call them.")] = None,
    role: Annotated[
        Role | None, typer.Option(help="Left out: owner for the first person, then agent.", show_default=False)
    ] = None,
    *,
    password_stdin: PasswordOption = False,
) -> None:
    """Add a person."""
    address = _email(email)
    password = _password(from_stdin=password_stdin)

    async def job(service: UserService) -> User:
        return await service.create(COMMAND_LINE, email=address, password=password, name=name or None, role=role)

    user = _run(job)
    typer.echo(f"Added {user.email} as {user.role}.")


@app.command("list")
def list_people() -> None:
    """List everybody."""

    async def job(service: UserService) -> list[User]:
        users: list[User] = []
        while page := await service.page(COMMAND_LINE, limit=LIST_PAGE, after=users[-1].id if users else None):
            users += page
        return users

    table = Table(*(Column(head, overflow="fold") for head in ("e-mail", "role", "name", "added (UTC)", "id")))
    for user in _run(job):
        table.add_row(user.email, user.role, user.name or "", f"{user.created_at:%Y-%m-%d %H:%M}", str(user.id))
    Console(highlight=False).print(table)


@app.command()
def password(email: EmailArgument, *, password_stdin: PasswordOption = False) -> None:
    """Set a person's password, and end all their sign-ins."""
    address = _email(email)
    new = _password(from_stdin=password_stdin)

    async def job(service: UserService) -> User:
        user = await service.find(COMMAND_LINE, address)
        return await service.update(COMMAND_LINE, user.id, UserChanges(password=new))

    user = _run(job)
    typer.echo(f"Set the password of {user.email}; they have to sign in again.")


def _email(text: str) -> str:
    try:
        return parse_email(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="EMAIL") from error


def _password(*, from_stdin: bool) -> str:
    """Read a password: one line of standard input, or typed twice without being shown."""
    if from_stdin:
        text = sys.stdin.readline().rstrip("\r\n")
    else:
        text = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        raise typer.BadParameter(
            f"must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters", param_hint="the password"
        )
    return text


def _run(job: Callable[[UserService], Awaitable[T]]) -> T:
    """Run a job on the installation's database, brought up to date first; errors become a message and exit code 1."""

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
