"""Secrets that are read again: sealed for one place, with one key."""

import pytest

from prosa.auth.vault import SealBrokenError, Vault, hint


def test_a_secret_opens_where_it_belongs_only() -> None:
    vault = Vault("k" * 40)
    sealed = vault.seal("sk-very-secret", "tool:1")
    assert "very" not in sealed
    assert sealed != vault.seal("sk-very-secret", "tool:1"), "each sealing is another"
    assert Vault("k" * 40).open(sealed, "tool:1") == "sk-very-secret"
    for other, context in [(Vault("x" * 40), "tool:1"), (vault, "tool:2")]:
        with pytest.raises(SealBrokenError):
            other.open(sealed, context)


@pytest.mark.parametrize("damaged", ["", "v1:", "v1:!!!", "v2:AAAA", "v1:AAAA"])
def test_what_is_damaged_is_said_to_be(damaged: str) -> None:
    with pytest.raises(SealBrokenError):
        Vault("k" * 40).open(damaged, "tool:1")


def test_a_hint_gives_little_away() -> None:
    assert hint("sk-1234567890abcd") == "…abcd"
    assert hint("short") == "…"
