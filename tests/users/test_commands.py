"""`prosa user`, as a person types it."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from prosa.database import Database
from prosa.database.migrate import upgrade
from prosa.settings import Settings
from prosa.users import repository
from prosa.users.commands import app
from prosa.users.emails import fold_email, parse_email
from prosa.users.models import User

SECRET = "correct horse battery"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROSA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, arguments, input=typed)


def stored(data_dir: Path, email: str) -> User:
    async def read() -> User | None:
        database = Database(Settings(_env_file=None, data_dir=data_dir).sqlalchemy_url)
        async with database.read() as db:
            user = await repository.find_by_email(db, email)
        await database.close()
        return user

    user = asyncio.run(read())
    assert user is not None
    return user


@pytest.mark.parametrize("arguments", [["list"], ["password", "ana@nas.local", "--password-stdin"]])
def test_no_database_is_said_and_none_is_made(data_dir: Path, arguments: list[str]) -> None:
    said = run(*arguments, typed=SECRET)
    assert said.exit_code == 1
    assert f"no Prosa database at sqlite+aiosqlite:///{data_dir / 'prosa.sqlite3'}." in said.output
    for remedy in ("PROSA_DATA_DIR", "prosa serve", "prosa user add"):
        assert remedy in said.output
    assert not data_dir.exists()
    data_dir.mkdir()
    (data_dir / "prosa.sqlite3").touch()
    assert "no Prosa database" in run(*arguments, typed=SECRET).output


def test_nobody_is_said_and_where_and_what_to_do(data_dir: Path) -> None:
    asyncio.run(made(data_dir))
    listing = run("list")
    assert listing.exit_code == 0
    assert f"Nobody yet in sqlite+aiosqlite:///{data_dir}" in listing.output
    assert "prosa user add" in listing.output


async def made(data_dir: Path) -> None:
    database = Database(Settings(_env_file=None, data_dir=data_dir).sqlalchemy_url)
    await upgrade(database)
    await database.close()


def test_adding_listing_and_a_new_password(data_dir: Path) -> None:
    first = run("add", "Ana@nas.local", "--name", "Ana", typed=f"{SECRET}\n{SECRET}\n")
    assert first.exit_code == 0, first.output
    assert "Added ana@nas.local as owner." in first.output
    assert SECRET not in first.output
    second = run("add", "bob@nas.local", "--password-stdin", typed=f"{SECRET}\r\n")
    assert "Added bob@nas.local as agent." in second.output
    third = run("add", "eve@nas.local", "--role", "admin", "--password-stdin", typed=SECRET)
    assert "as admin" in third.output
    listing = run("list").output
    assert [line for line in listing.splitlines() if "ana@nas.local" in line and "owner" in line and "Ana" in line]
    assert str(stored(data_dir, "bob@nas.local").id) in listing

    before = stored(data_dir, "bob@nas.local").password
    changed = run("password", "BOB@nas.local", "--password-stdin", typed="another password\n")
    assert changed.exit_code == 0, changed.output
    after = stored(data_dir, "bob@nas.local").password
    assert after is not None
    assert after.startswith("$argon2id$")
    assert after != before


@pytest.mark.parametrize(
    ("arguments", "typed", "status", "says"),
    [
        (["add", "ana"], SECRET, 2, "not an e-mail address"),
        (["add", "bob@nas.local", "--password-stdin"], "short\n", 2, "10 to 128"),
        (["add", "bob@nas.local", "--password-stdin"], "", 2, "10 to 128"),
        (["add", "ana@nas.local", "--password-stdin"], SECRET, 1, "already in use"),
        (["add", "bob@nas.local", "--role", "king"], SECRET, 2, "king"),
        (["password", "bob@nas.local", "--password-stdin"], SECRET, 1, "Nobody here"),
    ],
)
@pytest.mark.usefixtures("data_dir")
def test_mistakes_are_explained(arguments: list[str], typed: str, status: int, says: str) -> None:
    run("add", "ana@nas.local", "--password-stdin", typed=SECRET)
    result = run(*arguments, typed=typed)
    assert result.exit_code == status
    assert says in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ana@Example.com", "ana@example.com"),
        (" ana@example.com\n", "ana@example.com"),
        ("admin@NAS.local", "admin@nas.local"),
        ("me@localhost", "me@localhost"),
        ("a@b.test", "a@b.test"),
        ("a@b.home", "a@b.home"),
        ("é@exämple.com", "é@exämple.com"),
        ("e\u0301@example.com", "\u00e9@example.com"),
    ],
)
def test_addresses_that_are_the_same(typed: str, kept: str) -> None:
    assert parse_email(typed) == kept
    assert fold_email(typed) == kept
    assert parse_email(kept) == kept


@pytest.mark.parametrize("text", ["", "a", "a@", "@b", "a b@c.de", "a@b..c", "a@[127.0.0.1]", "a\x00@b.c", "a@b@c.de"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        parse_email(text)
    assert fold_email(text) == text
