"""BANKING77: 13,083 questions to a bank, of 77 intents, fetched once and kept.

By PolyAI (Casanueva et al. 2020, arxiv.org/abs/2003.04807), under CC BY 4.0. It is not part of this repository: the two
files come from the public one, at a fixed commit, and are used only where their checksums are the known ones.
"""

import hashlib
from pathlib import Path

import httpx

NAME = "BANKING77"
COMMIT = "57ec275d8078af65b7731c2a98be812d844a6d6b"
SOURCE = f"https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/{COMMIT}/banking_data"
LICENCE = f"CC BY 4.0, PolyAI, https://github.com/PolyAI-LDN/task-specific-datasets/tree/{COMMIT}/banking_data"
SHA256 = {
    "train.csv": "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
    "test.csv": "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d",
}
FOLDER = Path(__file__).parents[1] / ".cache" / "bench" / "banking77"
LARGEST = 4_000_000
"""Bytes of a file; the larger one has 839,073."""
TIMEOUT_SECONDS = 20.0


class NotFetchedError(Exception):
    """The files cannot be had; the message says why."""


def fetch(folder: Path = FOLDER, source: str = SOURCE, checksums: dict[str, str] = SHA256) -> Path:
    """Return the folder that holds the files; what is missing in it, or is not what it should be, is fetched.

    Raises:
        NotFetchedError: A file cannot be fetched, or is not the known one. Nothing is kept of it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
            for name, checksum in checksums.items():
                if _checksum(folder / name) == checksum:
                    continue
                content = _get(client, f"{source}/{name}")
                if (found := hashlib.sha256(content).hexdigest()) != checksum:
                    raise NotFetchedError(f"{source}/{name} is not the known file: its SHA-256 is {found}.")
                part = folder / f"{name}.part"
                part.write_bytes(content)
                part.replace(folder / name)
    except (httpx.HTTPError, OSError) as error:
        raise NotFetchedError(f"{type(error).__name__}: {error} ({source})") from error
    return folder


def is_in(folder: Path) -> bool:
    """Return whether a folder holds the known files."""
    return all(_checksum(folder / name) == checksum for name, checksum in SHA256.items())


def _get(client: httpx.Client, url: str) -> bytes:
    content = b""
    with client.stream("GET", url) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > LARGEST:
                raise NotFetchedError(f"{url} is too large.")
    return content


def _checksum(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
