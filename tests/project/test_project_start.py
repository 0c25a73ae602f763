"""What starting must not import: each of these costs a part of a second and some MiB, for nothing."""

import subprocess
import sys

import pytest

AI = ("pydantic_ai", "google.genai", "genai_prices", "aiohttp", "numpy")


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("prosa.cli", (*AI, "sqlalchemy", "pydantic", "structlog", "fastapi", "alembic")),
        ("prosa.users.at_hand", (*AI, "fastapi", "alembic")),
        ("prosa.server", (*AI, "alembic", "hypothesis", "pytest")),
    ],
)
def test_starting_imports_no_more_than_it_needs(module: str, needless: tuple[str, ...]) -> None:
    look = f"import sys, {module}; print(*(name for name in {needless!r} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
