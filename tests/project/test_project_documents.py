"""What the documents name exists: files, make targets, commands, settings; and hooks can be run."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer.main
import yaml

from prosa.cli import app
from prosa.settings import Settings, variables

ROOT = Path(__file__).resolve().parents[2]
READMES = ["README.md", "README.pt-BR.md"]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("bench/*.md"),
        *ROOT.glob("simulator/*.md"),
    ]
)
KNOWN = {variable for name, field in Settings.model_fields.items() for variable in variables(name, field)}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands() -> set[str]:
    """Every command that the CLI has, such as `serve` and `user add`."""
    found = set()
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        found.add(name)
        found |= {f"{name} {sub}" for sub in getattr(command, "commands", {})}
    return found


def test_make_targets_are_described_and_phony() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    assert set(phony.group(1).split()) == targets()
    assert {"help", "setup", "run", "test", "check", "demo", "bench", "format", "clean"} <= targets()
    assert set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE)) == targets()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_in_documents_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    mentioned = set(re.findall(r"(?:`|^\$ |^)make ([a-z]+)\b", text, re.MULTILINE))
    assert mentioned <= targets()


@pytest.mark.parametrize("readme", READMES)
def test_readmes_tell_how_to_run_and_test(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    for target in ("run", "demo", "test", "check", "bench"):
        assert f"`make {target}`" in text


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_in_documents_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    known = commands()
    mentioned = re.findall(r"(?:`|^\$ |^    |/|prosa )prosa ([a-z]+)(?: ([a-z]+))?(?=[`\s-])", text, re.MULTILINE)
    for command, sub in mentioned:
        assert command in known, command
        if any(name.startswith(f"{command} ") for name in known) and sub:
            assert f"{command} {sub}" in known


def test_both_readmes_name_the_doctor() -> None:
    assert "doctor" in commands()
    for readme in READMES:
        assert "`prosa doctor`" in (ROOT / readme).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}, link


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name != "docs/bridge-protocol.md"])
def test_settings_in_documents_exist(document: str) -> None:
    mentioned = set(re.findall(r"PROSA_[A-Z]+(?:_[A-Z]+)*", (ROOT / document).read_text(encoding="utf-8")))
    assert {name for name in mentioned if not name.startswith("PROSA_TEST_")} <= KNOWN


@pytest.mark.parametrize("document", ["README.md", "README.pt-BR.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_paths_in_documents_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    mentioned = set(re.findall(r"`((?:src|bridge|simulator|tests|tools|docs|bench)/[\w./-]*)`", text))
    for name in mentioned:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("document", DOCUMENTS)
def test_tests_in_documents_exist(document: str) -> None:
    for path, name in named_tests((ROOT / document).read_text(encoding="utf-8")):
        defined = rf"^(?:async )?(?:def|func) {name}\("
        assert re.search(defined, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), f"{path} has no {name}"


def test_every_fault_names_the_test_that_shows_it() -> None:
    lines = (ROOT / "docs/reliability.md").read_text(encoding="utf-8").splitlines()
    faults = [line for line in lines if line.startswith("| ") and not line.startswith("| fault |")]
    assert len(faults) > 25
    for row in faults:
        assert named_tests(row.rsplit("|", 2)[1]), row


def named_tests(text: str) -> list[tuple[str, str]]:
    """Return the tests that a text names: `file::test`, or `file` (`TestName`) for those in Go."""
    return [
        (path, python or go)
        for path, python, go in re.findall(r"`((?:tests|simulator|bridge)/[\w/.]+)(?:::(\w+)`|` \(`(\w+)`\))", text)
    ]


def test_hooks_can_be_run() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {"ruff", "ruff-format", "gofmt", "layers", "generated"} == {hook["id"] for hook in hooks}
    for hook in hooks:
        assert hook["language"] == "system"
        program, *arguments = shlex.split(hook["entry"])
        assert (ROOT / program).exists() or shutil.which(program), hook["id"]
        for word in arguments:
            for script in re.findall(r"tools/\w+\.py", word):
                assert (ROOT / script).exists()
        if "-m" in arguments:
            module = arguments[arguments.index("-m") + 1]
            assert (ROOT / f"{module.replace('.', '/')}.py").exists()
