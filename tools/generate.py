"""Files that are made from the code, so that they cannot drift: `python -m tools.generate`, or `--check` to compare."""

import argparse
import json
import sys
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from prosa import __version__
from prosa.app import describe
from prosa.events.asyncapi import document
from prosa.settings import Settings, variables

ROOT = Path(__file__).resolve().parent.parent

HEADER = """\
# Prosa's settings. Copy this file to .env and change what you need; everything has a default that works.
# Made from src/prosa/settings.py by `python -m tools.generate`.
"""


FOOTER = """\
# Only for docker compose
# Password of the PostgreSQL that docker-compose.yml starts: letters and digits, since it becomes part of a URL.
# POSTGRES_PASSWORD=

# The port on this machine under which it publishes Prosa.
# PUBLISHED_PORT=8000
"""


def default_text(field: FieldInfo) -> str:
    """Return a setting's default as it would stand in the file."""
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else str(value)


def env_example() -> str:
    """Return `.env.example`."""
    lines = [HEADER]
    for name, field in Settings.model_fields.items():
        lines.append(f"# {field.description}\n# {variables(name, field)[0]}={default_text(field)}\n")
    return "\n".join([*lines, FOOTER])


def files() -> dict[Path, str]:
    """Return every generated file and what it should hold."""
    return {
        ROOT / ".env.example": env_example(),
        ROOT / "docs" / "openapi.json": json.dumps(describe(), indent=1, ensure_ascii=False) + "\n",
        ROOT / "docs" / "asyncapi.json": json.dumps(document(__version__), indent=1, ensure_ascii=False) + "\n",
    }


def main(arguments: list[str] | None = None) -> int:
    """Write or compare the files; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a file is stale")
    check = parser.parse_args(arguments).check
    stale = []
    for path, content in files().items():
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        stale.append(path.relative_to(ROOT).as_posix())
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    if stale:
        print(("Stale, run 'python -m tools.generate': " if check else "Written: ") + ", ".join(stale))
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
