"""Generated files are current, and a stale one is noticed."""

from pathlib import Path

import pytest

from prosa.settings import Settings, variables
from tools import generate


def test_the_settings_file_is_current() -> None:
    assert (generate.ROOT / ".env.example").read_text(encoding="utf-8") == generate.env_example()


def test_every_line_of_the_settings_file_is_its_default(tmp_path: Path) -> None:
    lines = generate.env_example().splitlines()
    assigned = [line.removeprefix("# ") for line in lines if line.startswith("# PROSA_") and "=" in line]
    assert len(assigned) == len(Settings.model_fields)
    file = tmp_path / ".env"
    file.write_text("\n".join(assigned))
    assert Settings(_env_file=file) == Settings(_env_file=None)


def test_a_value_of_each_kind_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "PROSA_PORT=9000\nPROSA_CORS_ORIGINS=https://a.example, https://b.example\nPROSA_DOCS_ENABLED=false\n"
        "PROSA_SECRET_KEY=0123456789abcdef0123456789abcdef\nPROSA_LOG_FORMAT=json\n"
    )
    settings = Settings(_env_file=file)
    assert settings.port == 9000
    assert settings.cors_origins == ["https://a.example", "https://b.example"]
    assert settings.docs_enabled is False
    assert settings.secret_key
    assert settings.secret_key.get_secret_value() == "0123456789abcdef0123456789abcdef"
    assert settings.log_format == "json"


def test_every_setting_says_what_it_is() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert variables(name, field)[0] == f"PROSA_{name.upper()}"


def test_check_notices_a_stale_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    stale = tmp_path / "docs" / "openapi.json"
    stale.write_text(stale.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    (tmp_path / ".env.example").unlink()
    capsys.readouterr()
    before = stale.read_bytes()
    assert generate.main(["--check"]) == 1
    told = capsys.readouterr().out
    assert "python -m tools.generate" in told
    assert "docs/openapi.json" in told
    assert ".env.example" in told
    assert "asyncapi" not in told
    assert stale.read_bytes() == before
    assert not (tmp_path / ".env.example").exists()
