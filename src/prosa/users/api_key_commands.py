"""`prosa key`: API keys from the command line, for servers without a browser at hand and for keys that leaked."""

from typing import Annotated

import typer

from prosa.auth.api_keys import MAX_DAYS, MAX_NAME, SHOWN
from prosa.users.commands import EmailArgument, parse_address

app = typer.Typer(help="API keys of programs.", no_args_is_help=True)


@app.command()
def create(
    email: EmailArgument,
    name: Annotated[str, typer.Argument(help="What its owner knows it by: the program that uses it.")],
    *,
    read: Annotated[bool, typer.Option("--read", help="It may read, and change nothing.")] = False,
    number: Annotated[
        list[str] | None,
        typer.Option(help="Limit it to this number, by its session id; say it once for each. Left out: all numbers."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=MAX_DAYS, help="When it runs out; left out: never.", show_default=False)
    ] = None,
) -> None:
    """Make an API key for a person; it is shown this once, alone on standard output."""
    address = parse_address(email)
    if not 1 <= len(name.strip()) <= MAX_NAME:
        raise typer.BadParameter(f"must have 1 to {MAX_NAME} characters", param_hint="NAME")
    from prosa.users import at_hand  # noqa: PLC0415 - heavy; help and mistakes do without it, here and below

    made = at_hand.make_key(address, name.strip(), read=read, days=days, numbers=number or None)
    ends = "never runs out" if made.row.expires_at is None else f"runs out {made.row.expires_at:%Y-%m-%d %H:%M} UTC"
    reach = f"of {', '.join(sorted(set(number)))} only" if number else "of all numbers"
    typer.echo(f"An API key of {address}, access {made.row.access}, {reach}, {ends}. It is not shown again:", err=True)
    typer.echo(made.secret)


@app.command("list")
def list_keys(email: EmailArgument) -> None:
    """List a person's API keys, without those that were revoked."""
    address = parse_address(email)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Column, Table  # noqa: PLC0415

    from prosa.users import at_hand  # noqa: PLC0415
    from prosa.users.api_key_repository import numbers_of  # noqa: PLC0415

    keys = at_hand.keys_of(address)
    if not keys:
        typer.echo(f"{address} has no API keys.\n  → prosa key create {address} NAME")
        return
    heads = ("key", "name", "access", "numbers", "made (UTC)", "last used", "runs out")
    table = Table(*(Column(head, overflow="fold") for head in heads))
    for key in keys:
        moments = (key.created_at, key.last_used_at, key.expires_at)
        numbers = numbers_of(key)
        reach = "all" if numbers is None else ", ".join(numbers) or "none any more"
        table.add_row(
            key.prefix,
            key.name,
            key.access,
            reach,
            *("never" if one is None else f"{one:%Y-%m-%d %H:%M}" for one in moments),
        )
    Console(highlight=False, markup=False).print(table)


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="How the key begins, as `prosa key list` shows it.")]) -> None:
    """Revoke an API key of anybody; programs that use it are refused from now on."""
    from prosa.users import at_hand  # noqa: PLC0415

    key, webhooks = at_hand.revoke_key(prefix[:SHOWN])  # the whole key will do, too
    typer.echo(f"Revoked {key.prefix} ({key.name}).")
    if webhooks:
        count = "A webhook has its" if webhooks == 1 else f"{webhooks} webhooks have their"
        typer.echo(f"{count} address from it, and what happens is still sent there.")
        typer.echo("  → Settings, Webhooks in the console says which; remove what you do not know.")
