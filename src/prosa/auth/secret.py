"""The key that signs access tokens: from the settings, else made once and kept in the data directory."""

import os
import secrets
import tempfile
from pathlib import Path

from prosa.errors import ConfigurationError
from prosa.settings import Settings

FILE = "secret.key"
MIN_CHARACTERS = 32


def secret_key(settings: Settings) -> str:
    """Return the installation's secret key, and make it at the first start.

    Processes that start at the same moment end up with the same key: the file is written beside its place and linked
    into it, which only one of them can do.

    Raises:
        ConfigurationError: The file is damaged, or cannot be read or written.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = settings.data_dir.absolute() / FILE
    try:
        if not path.exists():
            _create(path)
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The secret key in {path} cannot be read or written: {error}",
            remedy="Give Prosa's user access to the data directory, or set PROSA_SECRET_KEY.",
        ) from error
    if len(key) < MIN_CHARACTERS:
        raise ConfigurationError(
            f"The secret key in {path} is too short.",
            remedy="Delete the file: a new key is made at the next start, and everybody signs in again.",
        )
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE}.")  # with mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return  # another process was first
    finally:
        draft.unlink(missing_ok=True)
