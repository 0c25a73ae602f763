"""Everything that `make check` looks at, two at a time, with the output of what failed. Standard library only."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools import setup as tools

BIN = tools.ROOT / ".venv" / ("Scripts" if tools.EXE else "bin")


def checks(go: str, node: str) -> dict[str, tuple[list[str], Path]]:
    """Return the checks by name: the command, and where it runs."""
    python = str(BIN / "python")
    npm = [*tools.npm(node), "run", "--silent"]
    return {
        "types (mypy)": ([str(BIN / "mypy")], tools.ROOT),
        "console types (tsc)": ([*npm, "types"], tools.WEB),
        "go vet": ([go, "vet", "./..."], tools.BRIDGE),
        "go vet (echobot)": ([go, "vet", "./..."], tools.ECHOBOT),
        "lint (ruff)": ([str(BIN / "ruff"), "check", "--quiet", "."], tools.ROOT),
        "format (ruff)": ([str(BIN / "ruff"), "format", "--check", "--quiet", "."], tools.ROOT),
        "console lint (biome)": ([*npm, "lint"], tools.WEB),
        "gofmt": (
            [str(Path(go).parent / f"gofmt{tools.EXE}"), "-l", str(tools.BRIDGE), str(tools.ECHOBOT)],
            tools.ROOT,
        ),
        "layers (import-linter)": ([str(BIN / "lint-imports"), "--no-cache"], tools.ROOT),
        "lock file": ([tools.find_uv(), "lock", "--check", "--quiet"], tools.ROOT),
        "generated files": ([python, "-m", "tools.generate", "--check"], tools.ROOT),
    }


def run(name: str, command: list[str], cwd: Path, environment: dict[str, str]) -> tuple[str, bool, str, float]:
    """Run one check; return its name, whether all is well, its output and its seconds."""
    started = time.monotonic()
    try:
        result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        return name, False, str(error), time.monotonic() - started
    output = (result.stdout + result.stderr).strip()
    failed = result.returncode != 0 or (name == "gofmt" and bool(output))
    return name, not failed, output, time.monotonic() - started


def main() -> int:
    """Run all checks; return the exit status."""
    failed = 0
    try:
        go = tools.find_go("go")
        node = tools.find_node()
        todo = checks(go, node)
    except tools.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    environment = {**os.environ, **tools.go_environment(go), **tools.node_environment(node)}
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(run, name, command, cwd, environment) for name, (command, cwd) in todo.items()]:
            name, good, output, seconds = future.result()
            print(f"  {'ok    ' if good else 'FAILED'} {name} ({seconds:.1f} s)", flush=True)
            if not good:
                failed += 1
                print(output, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
