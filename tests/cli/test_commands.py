"""The other commands, as a person types them."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prosa import __version__
from prosa.cli import app
from prosa.database.revisions import head

from .conftest import Prosa


def test_version_and_help(prosa: Prosa) -> None:
    assert prosa("--version").output == f"prosa {__version__}\n"
    told = prosa("--help").output
    for command in ("serve", "migrate", "doctor", "demo", "user"):
        assert command in told
    mistyped = prosa("sevre")
    assert mistyped.exit_code == 2
    assert "No such command" in mistyped.output


def test_migrate_says_what_it_did(prosa: Prosa, here: Path) -> None:
    first = prosa("migrate")
    assert first.exit_code == 0, first.output
    assert first.output.startswith("Applied: 0001, ")
    assert first.output.endswith(f"{head()}\n")
    assert prosa("migrate").output == "The database is up to date.\n"


@pytest.mark.usefixtures("here")
def test_the_first_person_is_the_owner() -> None:
    add = ["user", "add", "ana@example.com", "--password-stdin"]
    added = CliRunner().invoke(app, add, input="correct horse battery\n")
    assert (added.exit_code, added.output) == (0, "Added ana@example.com as owner.\n")
    again = CliRunner().invoke(app, add, input="correct horse battery\n")
    assert again.exit_code == 1
    assert "already in use" in again.output
    assert "→" in again.output


def test_the_demo_says_what_it_needs(here: Path) -> None:
    """Without the simulator, as in a plain installation of Prosa."""
    script = (
        "import importlib.metadata, sys\n"
        "importlib.metadata.entry_points = lambda **wanted: ()\n"
        "sys.argv = ['prosa', 'demo', '--once']\n"
        "from prosa.cli import main; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "install prosa-simulator beside prosa" in done.stderr
