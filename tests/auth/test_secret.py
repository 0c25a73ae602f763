"""The secret key is made once, for this user's eyes, and the same for all who start at once."""

import multiprocessing
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from prosa.auth.secret import secret_key
from prosa.errors import ConfigurationError
from prosa.settings import Settings


def _key(data_dir: Path) -> str:
    return secret_key(Settings(_env_file=None, data_dir=data_dir))


def test_it_is_made_once(settings: Settings) -> None:
    key = secret_key(settings)
    assert len(key) >= 43
    assert secret_key(settings) == key
    path = settings.data_dir / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in settings.data_dir.iterdir()] == ["secret.key"]


def test_a_key_from_the_settings_touches_no_file(settings: Settings) -> None:
    key = "k" * 32
    assert secret_key(settings.model_copy(update={"secret_key": SecretStr(key)})) == key
    assert not settings.data_dir.exists()


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        assert len(set(pool.map(_key, [tmp_path / str(i // 4) for i in range(4)]))) == 1


def test_whoever_comes_second_takes_the_first_ones_key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    key = secret_key(settings)
    answers = iter([False])  # as if the file appeared right after the look
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: next(answers, None) if path.name == "secret.key" else exists(path))
    assert secret_key(settings) == key
    assert [entry.name for entry in settings.data_dir.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40])
def test_a_damaged_file_is_said_and_kept(settings: Settings, content: bytes) -> None:
    settings.data_dir.mkdir()
    path = settings.data_dir / "secret.key"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="secret key"):
        secret_key(settings)
    assert path.read_bytes() == content


def test_a_directory_that_cannot_be_written(settings: Settings) -> None:
    settings.data_dir.write_text("a file stands where the directory should be")
    with pytest.raises(ConfigurationError, match="secret key"):
        secret_key(settings)
