"""The wheel: what is in it, how it is tagged, and that it runs by itself."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from tools import setup

ROOT = Path(__file__).resolve().parents[2]
BRIDGE = "prosa/_bin/prosa-bridge"
PAGE = "prosa/console/_dist/index.html"
SOURCES = ["src", "bridge", "web", "LICENSE", "LICENSES", "hatch_build.py", "pyproject.toml", "README.md"]

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the built program has another name there"),
    pytest.mark.xdist_group("wheel"),
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources that packages are made from, with a program in the bridge's place."""
    folder = tmp_path_factory.mktemp("checkout")
    ignore = shutil.ignore_patterns("__pycache__", "_bin", "_dist", "node_modules")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    project = folder / "pyproject.toml"
    project.write_text(project.read_text().replace('members = ["simulator"]', "members = []"))
    program = folder / "src" / BRIDGE
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "prosa-bridge 0.0.0 (of the test)"\n')
    program.chmod(0o755)
    page = folder / "src" / PAGE
    page.parent.mkdir(parents=True)
    page.write_text("<title>Prosa</title>")
    (folder / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    return folder


def build(checkout: Path, kind: str, target: Path) -> Path:
    command = [setup.find_uv(), "build", "--quiet", f"--{kind}", "--out-dir", str(target), str(checkout)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert result.returncode == 0, result.stderr
    (package,) = [path for path in target.iterdir() if path.suffix in {".whl", ".gz"}]
    return package


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment with the wheel, and with Prosa's dependencies from this one."""
    folder = tmp_path_factory.mktemp("environment")
    uv = setup.find_uv()
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel], check=True)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    packages = Path(str(importlib.metadata.distribution("typer").locate_file(""))).resolve()
    (site / "dependencies.pth").write_text(f"{packages}\n")
    return python


def run(python: Path, folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    result = subprocess.run(
        [python.parent / "prosa", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "COLUMNS": "300", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return result.returncode, result.stdout + result.stderr


def test_the_wheel_is_complete(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"prosa-{setup.project_version()}.dist-info"
        metadata = HeaderParser().parsestr(archive.read(f"{info}/METADATA").decode())
        mode = archive.getinfo(BRIDGE).external_attr >> 16
    package = {f"prosa/{path.relative_to(ROOT / 'src' / 'prosa').as_posix()}" for path in package_files()}
    assert package <= names
    assert {"prosa/py.typed", PAGE} <= names
    assert "prosa/database/migrations/script.py.mako" in names
    assert any(name.startswith("prosa/database/migrations/versions/0001") for name in names)
    assert mode & 0o111 == 0o111
    assert metadata["License-Expression"] == "MIT AND GPL-3.0-or-later"
    licences = {"LICENSE", "LICENSES/MIT.txt", "LICENSES/GPL-3.0-or-later.txt"}
    assert set(metadata.get_all("License-File") or []) == licences
    assert {f"{info}/licenses/{name}" for name in licences} <= names
    assert not [name for name in names if name.startswith(("tests/", "prosa_simulator/")) or name.endswith(".pyc")]


def package_files() -> list[Path]:
    return [
        path
        for path in (ROOT / "src" / "prosa").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not {"_bin", "_dist"} & set(path.parts)
    ]


def test_the_wheel_is_for_this_platform_and_any_python(wheel: Path) -> None:
    tag = wheel.stem.removeprefix(f"prosa-{setup.project_version()}-")
    assert tag.startswith("py3-none-")
    assert not tag.endswith("-any")
    if sys.platform == "linux":
        assert "manylinux_2_17" in tag
        assert "musllinux_1_1" in tag


def test_the_wheel_runs(python: Path, tmp_path: Path) -> None:
    assert run(python, tmp_path, "--version") == (0, f"prosa {setup.project_version()}\n")
    _, told = run(python, tmp_path, "doctor")
    assert "ok  bridge" in told
    assert "prosa-bridge 0.0.0 (of the test)" in told
    assert str(python.parent.parent) in told  # the one in the wheel, not the one in the checkout


def test_migrations_of_the_wheel_run(python: Path, tmp_path: Path) -> None:
    status, told = run(python, tmp_path, "migrate")
    assert status == 0, told
    assert "Applied: 0001" in told
    assert (tmp_path / "data" / "prosa.sqlite3").is_file()


def test_without_the_bridge_the_wheel_is_pure_and_says_so(checkout: Path, python: Path, tmp_path: Path) -> None:
    program = checkout / "src" / BRIDGE
    kept = program.read_bytes()
    program.unlink()
    try:
        wheel = build(checkout, "wheel", tmp_path / "wheel")
    finally:
        program.write_bytes(kept)
        program.chmod(0o755)
    assert wheel.name.endswith("-py3-none-any.whl")
    (site,) = python.parent.parent.glob("lib/python*/site-packages")
    installed = site / BRIDGE
    moved = installed.rename(installed.with_name("away"))
    try:
        status, told = run(python, tmp_path, "doctor")
        assert status == 1
        assert "bad bridge: The WhatsApp bridge is not at" in told
        assert "PROSA_BRIDGE_PATH" in told
    finally:
        moved.rename(installed)


def test_the_source_distribution_holds_all_sources(checkout: Path, tmp_path: Path) -> None:
    with tarfile.open(build(checkout, "sdist", tmp_path)) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"pyproject.toml", "hatch_build.py", "LICENSE", "LICENSES/GPL-3.0-or-later.txt"} <= names
    assert {f"bridge/{path.name}" for path in (ROOT / "bridge").glob("*.go")} <= names
    assert {"bridge/go.mod", "bridge/go.sum", "bridge/LICENSE"} <= names
    assert {"web/package-lock.json", "web/src/main.tsx"} <= names
    assert not {f"src/{BRIDGE}", f"src/{PAGE}"} & names
    assert not [name for name in names if "node_modules" in name]
