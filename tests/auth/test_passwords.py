"""Passwords with the parameters that are really used."""

from tests.fixtures.people import PASSWORD, cheap_passwords

from prosa.auth.passwords import Passwords


async def test_hashes_are_argon2id_salted_and_verify() -> None:
    passwords = Passwords()
    stored = await passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert len(stored) <= 200  # the column's width
    assert await passwords.hash(PASSWORD) != stored
    assert await passwords.verify(PASSWORD, stored) == (True, None)
    assert await passwords.verify(PASSWORD + " ", stored) == (False, None)


async def test_nobodys_password_is_never_right() -> None:
    passwords = cheap_passwords()
    assert await passwords.verify(PASSWORD, None) == (False, None)
    assert await passwords.verify("", None) == (False, None)


async def test_other_parameters_ask_for_a_new_hash() -> None:
    stored = await cheap_passwords(time_cost=1).hash(PASSWORD)
    right, renewed = await cheap_passwords(time_cost=2).verify(PASSWORD, stored)
    assert right
    assert renewed is not None
    assert "t=2" in renewed
    assert await cheap_passwords(time_cost=2).verify("wrong", stored) == (False, None)


async def test_any_character_counts() -> None:
    passwords = cheap_passwords()
    stored = await passwords.hash("pässwörd\x00 🙂")
    assert (await passwords.verify("pässwörd\x00 🙂", stored))[0]
    assert not (await passwords.verify("pässwörd", stored))[0]
