"""The import contracts hold, and each of them notices what it forbids."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

VIOLATIONS = {
    "imports go downwards, and packages in one row know nothing of each other": (
        "leases.py",
        "from prosa.turns import policy as policy",
        "prosa.leases -> prosa.turns",
    ),
    "nothing below the application knows endpoints": (
        "turns/context.py",
        "from prosa.http import problems as problems",
        "prosa.turns.context -> prosa.http.problems",
    ),
    "Prosa does not know its simulator": (
        "cache.py",
        "import prosa_simulator as prosa_simulator",
        "prosa.cache -> prosa_simulator",
    ),
    "only whatsapp/ knows the bridge": (
        "turns/context.py",
        "from prosa.whatsapp import stream as stream",
        "prosa.turns.context -> prosa.whatsapp.stream",
    ),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__", "_bin", "_dist")
    shutil.copytree(ROOT / "src" / "prosa", tmp_path / "src" / "prosa", ignore=ignore)
    shutil.copytree(ROOT / "simulator" / "src" / "prosa_simulator", tmp_path / "src" / "prosa_simulator", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> tuple[int, str]:
    result = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


def test_the_contracts_hold(copy: Path) -> None:
    status, output = lint(copy)
    assert status == 0, output


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violation_is_noticed(copy: Path, contract: str) -> None:
    name, line, told = VIOLATIONS[contract]
    module = copy / "src" / "prosa" / name
    module.write_text(f"{module.read_text()}\n{line}\n")
    status, output = lint(copy)
    assert status == 1
    assert f"{contract} BROKEN" in output
    assert told in output


def test_packages_of_one_row_are_kept_apart(copy: Path) -> None:
    module = copy / "src" / "prosa" / "usage" / "service.py"
    module.write_text(f"{module.read_text()}\nfrom prosa.users import rules as rules\n")
    status, output = lint(copy)
    assert status == 1
    assert "prosa.usage.service -> prosa.users.rules" in output


def test_a_module_outside_of_the_layers_is_noticed(copy: Path) -> None:
    (copy / "src" / "prosa" / "helpers.py").write_text('"""A drawer for everything."""\n')
    status, output = lint(copy)
    assert status == 1
    assert "helpers" in output
