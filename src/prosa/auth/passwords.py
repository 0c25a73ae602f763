"""Passwords: Argon2id, computed in a thread, with the same effort whether or not the person exists."""

import asyncio
import secrets

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers import HasherProtocol
from pwdlib.hashers.argon2 import Argon2Hasher

MIN_CHARACTERS = 10
MAX_CHARACTERS = 128
CONCURRENT_HASHES = 2
"""One hash takes 64 MiB and some 50 ms of a core (RFC 9106 §4, second recommended option): more at once gain little."""


class Passwords:
    """Hashes and verifies passwords off the event loop."""

    def __init__(self, hasher: HasherProtocol | None = None) -> None:
        """Choose the parameters.

        Args:
            hasher: Left out: Argon2id with the library's parameters; tests pass a cheaper one.
        """
        self._hash = PasswordHash((hasher or Argon2Hasher(),))
        self._slots = asyncio.Semaphore(CONCURRENT_HASHES)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash to store."""
        async with self._slots:
            return await asyncio.to_thread(self._hash.hash, password)

    async def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Say whether a password is right.

        Args:
            password: What the person typed.
            stored: The hash; None where there is no such person or they have no password. It takes as long then, so
                that the time does not tell.

        Returns:
            Whether it is right, and a new hash to store where the parameters have changed since.
        """
        if stored is None:
            await self._verify(password, await self._hash_of_nobody())
            return False, None
        return await self._verify(password, stored)

    async def _hash_of_nobody(self) -> str:
        if self._nobodys is None:
            self._nobodys = await self.hash(secrets.token_urlsafe())
        return self._nobodys

    async def _verify(self, password: str, stored: str) -> tuple[bool, str | None]:
        async with self._slots:
            try:
                return await asyncio.to_thread(self._hash.verify_and_update, password, stored)
            except UnknownHashError:
                return False, None  # set by hand in the database: nobody gets in with it
