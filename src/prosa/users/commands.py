"""`prosa user`: people from the command line, for the first start and for lost passwords."""

import sys
from typing import Annotated

import typer

from prosa.users.role import Role

app = typer.Typer(help="People who sign in.", no_args_is_help=True)

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
    address = parse_address(email)
    new = _password(from_stdin=password_stdin)
    from prosa.users import at_hand  # noqa: PLC0415 - heavy; help and mistakes do without it, here and below

    user = at_hand.add(address, new, name=name or None, role=role)
    typer.echo(f"Added {user.email} as {user.role}.")


@app.command("list")
def list_people() -> None:
    """List everybody."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Column, Table  # noqa: PLC0415

    from prosa.users import at_hand  # noqa: PLC0415

    people = at_hand.everybody()
    if not people:
        typer.echo(f"Nobody yet in {at_hand.where()}.")
        typer.echo("  → Open the console to make the owner's account, or: prosa user add E-MAIL")
        return
    table = Table(*(Column(head, overflow="fold") for head in ("e-mail", "role", "name", "added (UTC)", "id")))
    for user in people:
        table.add_row(user.email, user.role, user.name or "", f"{user.created_at:%Y-%m-%d %H:%M}", str(user.id))
    Console(highlight=False).print(table)


@app.command()
def password(email: EmailArgument, *, password_stdin: PasswordOption = False) -> None:
    """Set a person's password, and end all their sign-ins."""
    address = parse_address(email)
    new = _password(from_stdin=password_stdin)
    from prosa.users import at_hand  # noqa: PLC0415

    user = at_hand.set_password(address, new)
    typer.echo(f"Set the password of {user.email}; they have to sign in again.")


def parse_address(text: str) -> str:
    """Return an e-mail address as people are known by it.

    Raises:
        BadParameter: It is none.
    """
    from prosa.users.emails import parse_email  # noqa: PLC0415

    try:
        return parse_email(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="EMAIL") from error


def _password(*, from_stdin: bool) -> str:
    """Read a password: one line of standard input, or typed twice without being shown."""
    from prosa.auth.passwords import MAX_CHARACTERS, MIN_CHARACTERS  # noqa: PLC0415

    if from_stdin:
        text = sys.stdin.readline().rstrip("\r\n")
    else:
        text = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        raise typer.BadParameter(
            f"must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters", param_hint="the password"
        )
    return text
