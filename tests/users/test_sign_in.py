"""Signing in, staying signed in, and every way in which that must end."""

import asyncio

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import func, select
from tests.fixtures.people import ACCESS, PASSWORD, REFRESH, People

from prosa.auth.models import RefreshToken
from prosa.auth.passwords import Passwords
from prosa.cache import Cache
from prosa.database import Database
from prosa.errors import InvalidInputError, NotAuthenticatedError, TooManyRequestsError
from prosa.users.models import Role, User
from prosa.users.service import COMMAND_LINE, UserChanges
from prosa.users.sign_in import (
    RETRY_GRACE,
    AlreadySetUpError,
    SignIn,
    SignInEndedError,
    WrongCredentialsError,
)


async def register(people: People) -> SignIn:
    return await people.sign_ins.register(email="ana@example.com", password=PASSWORD, name="Ana")


async def login(people: People, password: str = PASSWORD) -> SignIn:
    return await people.sign_ins.login(email="ana@example.com", password=password, address="192.0.2.1")


async def stands(people: People, sign_in: SignIn) -> bool:
    try:
        await people.authenticator.authenticate(sign_in.access_token)
    except NotAuthenticatedError:
        return False
    return True


async def test_the_first_person_becomes_the_owner_and_the_second_is_refused(people: People) -> None:
    assert not await people.sign_ins.owner_exists()
    first = await register(people)
    assert (first.user.email, first.user.role, first.user.name) == ("ana@example.com", Role.OWNER, "Ana")
    caller = await people.authenticator.authenticate(first.access_token)
    assert (caller.user_id, caller.role) == (first.user.id, "owner")
    assert await people.sign_ins.owner_exists()
    with pytest.raises(AlreadySetUpError):
        await people.sign_ins.register(email="eve@example.com", password=PASSWORD)


async def test_of_people_who_register_at_once_one_becomes_the_owner(people: People) -> None:
    results = await asyncio.gather(
        *(people.sign_ins.register(email=f"p{i}@example.com", password=PASSWORD) for i in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, SignIn) for result in results) == 1
    assert sum(isinstance(result, AlreadySetUpError) for result in results) == 7
    async with people.database.read() as db:
        assert (await db.execute(select(func.count()).select_from(User))).scalar_one() == 1


async def test_agents_added_by_the_command_line_do_not_close_registration(people: People) -> None:
    await people.users.create(COMMAND_LINE, email="bob@example.com", password=PASSWORD, role=Role.AGENT)
    assert (await register(people)).user.role == Role.OWNER


async def test_wrong_passwords_and_unknown_people_get_the_same_answer(people: People) -> None:
    await register(people)
    await login(people)
    answers = []
    for email, password in [("ana@example.com", "wrong wrong wrong"), ("nobody@example.com", PASSWORD)]:
        with pytest.raises(WrongCredentialsError) as caught:
            await people.sign_ins.login(email=email, password=password, address=None)
        answers.append((caught.value.detail, caught.value.remedy))
    assert answers[0] == answers[1]


class CountingHasher(Argon2Hasher):
    """Counts verifications: the effort that a clock outside would see."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002 - the library's name
        self.verified += 1
        return super().verify(password, hash)


async def test_unknown_people_cost_the_same_effort(database: Database, cache: Cache) -> None:
    hasher = CountingHasher()
    people = People(database, cache, Passwords(hasher))
    await register(people)
    with pytest.raises(WrongCredentialsError):
        await login(people, "wrong wrong wrong")
    assert hasher.verified == 1
    with pytest.raises(WrongCredentialsError):
        await people.sign_ins.login(email="nobody@example.com", password=PASSWORD, address=None)
    assert hasher.verified == 2


async def test_a_hash_with_old_parameters_is_renewed(database: Database, cache: Cache) -> None:
    await register(People(database, cache))
    stronger = People(database, cache, Passwords(Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1)))
    await login(stronger)
    async with database.read() as db:
        stored = (await db.execute(select(User.password))).scalar_one()
    assert "m=16,t=2" in stored
    await login(stronger)


async def test_a_password_set_by_hand_in_the_database_lets_nobody_in(people: People) -> None:
    sign_in = await register(people)
    async with people.database.write() as db:
        user = await db.orm.get(User, sign_in.user.id)
        assert user is not None
        user.password = PASSWORD
    with pytest.raises(WrongCredentialsError):
        await login(people)


async def test_guessing_is_slowed_down_and_ends_with_the_right_password(people: People) -> None:
    await register(people)
    waits = []
    for _ in range(40):
        try:
            await login(people, "wrong wrong wrong")
        except TooManyRequestsError as error:
            waits.append(error.retry_after or 0)
            people.clock.advance(waits[-1])
        except WrongCredentialsError:
            pass
    assert waits[:4] == pytest.approx([1, 2, 4, 8])
    assert max(waits) <= 60
    people.clock.advance(60)
    await login(people)
    await login(people)  # and all is forgotten


async def test_many_guesses_at_once_gain_nothing(people: People) -> None:
    await register(people)
    results = await asyncio.gather(*(login(people, f"wrong password {i}") for i in range(30)), return_exceptions=True)
    assert sum(isinstance(result, WrongCredentialsError) for result in results) <= 6


async def test_an_access_token_runs_out_and_the_refresh_token_continues(people: People) -> None:
    first = await register(people)
    assert first.access_lifetime == ACCESS
    people.clock.advance(ACCESS.total_seconds())
    assert not await stands(people, first)
    second = await people.sign_ins.refresh(first.refresh_token)
    assert await stands(people, second)
    assert second.refresh_token != first.refresh_token
    assert second.refresh_lifetime == REFRESH
    third = await people.sign_ins.refresh(second.refresh_token)
    assert third.refresh_token not in {first.refresh_token, second.refresh_token}


async def test_a_refresh_token_runs_out_unless_it_is_used(people: People) -> None:
    sign_in = await register(people)
    people.clock.advance(REFRESH.total_seconds() - 1)
    sign_in = await people.sign_ins.refresh(sign_in.refresh_token)
    people.clock.advance(REFRESH.total_seconds())
    with pytest.raises(SignInEndedError):
        await people.sign_ins.refresh(sign_in.refresh_token)


async def test_the_client_that_lost_the_answer_gets_the_same_one(people: People) -> None:
    first = await register(people)
    lost = await people.sign_ins.refresh(first.refresh_token)
    people.clock.advance(RETRY_GRACE.total_seconds())
    again = await people.sign_ins.refresh(first.refresh_token)
    assert again.refresh_token == lost.refresh_token
    assert again.refresh_lifetime == REFRESH - RETRY_GRACE
    assert await stands(people, again)
    await people.sign_ins.refresh(again.refresh_token)


async def test_several_tabs_that_refresh_at_once_stay_one_sign_in(people: People) -> None:
    first = await register(people)
    results = await asyncio.gather(*(people.sign_ins.refresh(first.refresh_token) for _ in range(6)))
    assert len({result.refresh_token for result in results}) == 1
    async with people.database.read() as db:
        assert (await db.execute(select(func.count()).select_from(RefreshToken))).scalar_one() == 2


async def test_a_used_token_shown_later_ends_the_sign_in_for_both(people: People) -> None:
    first = await register(people)
    other = await login(people)
    second = await people.sign_ins.refresh(first.refresh_token)
    people.clock.advance(RETRY_GRACE.total_seconds() + 1)
    with pytest.raises(SignInEndedError, match="used before"):
        await people.sign_ins.refresh(first.refresh_token)
    with pytest.raises(SignInEndedError):
        await people.sign_ins.refresh(second.refresh_token)
    assert not await stands(people, second)
    assert await stands(people, other)


async def test_a_tab_that_asks_late_gets_what_the_others_have_by_now(people: People) -> None:
    first = await register(people)
    second = await people.sign_ins.refresh(first.refresh_token)
    people.clock.advance(RETRY_GRACE.total_seconds() / 2)
    third = await people.sign_ins.refresh(second.refresh_token)
    late = await people.sign_ins.refresh(first.refresh_token)
    assert late.refresh_token == third.refresh_token
    assert await stands(people, late)
    people.clock.advance(RETRY_GRACE.total_seconds() / 2 + 1)
    with pytest.raises(SignInEndedError, match="used before"):
        await people.sign_ins.refresh(first.refresh_token)
    assert not await stands(people, third)


async def test_signing_out_leaves_nothing_to_a_tab_that_asks_late(people: People) -> None:
    first = await register(people)
    second = await people.sign_ins.refresh(first.refresh_token)
    await people.sign_ins.logout(await people.authenticator.authenticate(second.access_token))
    with pytest.raises(SignInEndedError):
        await people.sign_ins.refresh(first.refresh_token)


@pytest.mark.parametrize("token", ["", "x", "é", "a" * 200])
async def test_made_up_refresh_tokens_are_refused(people: People, token: str) -> None:
    await register(people)
    with pytest.raises(SignInEndedError):
        await people.sign_ins.refresh(token)


async def test_tokens_are_stored_only_as_hashes(people: People) -> None:
    sign_in = await register(people)
    async with people.database.read() as db:
        stored = (await db.execute(select(RefreshToken.token_hash))).scalar_one()
        password = (await db.execute(select(User.password))).scalar_one()
    assert sign_in.refresh_token not in stored
    assert PASSWORD not in password


async def test_signing_out_ends_this_sign_in_at_once_and_only_this(people: People) -> None:
    here, there = await register(people), await login(people)
    await people.sign_ins.logout(await people.authenticator.authenticate(here.access_token))
    assert not await stands(people, here)
    with pytest.raises(SignInEndedError):
        await people.sign_ins.refresh(here.refresh_token)
    assert await stands(people, there)


async def test_signing_out_everywhere(people: People) -> None:
    here, there = await register(people), await login(people)
    caller = await people.authenticator.authenticate(here.access_token)
    await people.sign_ins.logout(caller, everywhere=True)
    assert not await stands(people, here)
    assert not await stands(people, there)


async def test_a_new_password_ends_the_other_sign_ins(people: People) -> None:
    here, there = await register(people), await login(people)
    caller = await people.authenticator.authenticate(here.access_token)
    await people.sign_ins.change_password(caller, current=PASSWORD, new="another password")
    assert await stands(people, here)
    await people.sign_ins.refresh(here.refresh_token)
    assert not await stands(people, there)
    with pytest.raises(WrongCredentialsError):
        await login(people)
    await login(people, "another password")


async def test_a_new_password_needs_the_current_one_and_guessing_that_is_slowed_down(people: People) -> None:
    caller = await people.authenticator.authenticate((await register(people)).access_token)
    for _ in range(5):
        with pytest.raises(InvalidInputError) as caught:
            await people.sign_ins.change_password(caller, current="wrong wrong wrong", new="another password")
        assert caught.value.fields[0].field == "body.current_password"
    with pytest.raises(TooManyRequestsError):
        await people.sign_ins.change_password(caller, current="wrong wrong wrong", new="another password")


async def test_a_deleted_persons_tokens_stop_at_once(people: People) -> None:
    await register(people)
    bob = await people.users.create(COMMAND_LINE, email="bob@example.com", password=PASSWORD, role=Role.ADMIN)
    sign_in = await people.sign_ins.login(email="bob@example.com", password=PASSWORD, address=None)
    assert await stands(people, sign_in)
    await people.users.delete(COMMAND_LINE, bob.id)
    assert not await stands(people, sign_in)
    with pytest.raises(SignInEndedError):
        await people.sign_ins.refresh(sign_in.refresh_token)


async def test_rights_are_those_of_now_not_of_the_token(people: People) -> None:
    await register(people)
    bob = await people.users.create(COMMAND_LINE, email="bob@example.com", password=PASSWORD, role=Role.ADMIN)
    sign_in = await people.sign_ins.login(email="bob@example.com", password=PASSWORD, address=None)
    await people.users.update(COMMAND_LINE, bob.id, UserChanges(role=Role.AGENT))
    assert (await people.authenticator.authenticate(sign_in.access_token)).role == "agent"


async def test_tokens_that_have_run_out_are_forgotten_at_the_next_sign_in(people: People) -> None:
    await register(people)
    people.clock.advance(REFRESH.total_seconds() + 1)
    await login(people)
    async with people.database.read() as db:
        assert (await db.execute(select(func.count()).select_from(RefreshToken))).scalar_one() == 1
