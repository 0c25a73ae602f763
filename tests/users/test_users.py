"""Who may manage whom, and that there is always an owner."""

import asyncio
import uuid

import pytest
from tests.fixtures.people import PASSWORD, People

from prosa.auth.caller import Caller
from prosa.errors import ForbiddenError, NotAuthenticatedError, NotFoundError
from prosa.users.models import Role, User
from prosa.users.rules import EmailTakenError, LastOwnerError
from prosa.users.service import COMMAND_LINE, UserChanges


async def add(people: People, role: Role, email: str | None = None) -> tuple[User, Caller]:
    user = await people.users.create(
        COMMAND_LINE, email=email or f"{uuid.uuid4().hex}@example.com", password=PASSWORD, role=role
    )
    return user, Caller(user.id, user.role)


async def test_the_command_lines_first_person_is_an_owner_and_the_next_an_agent(people: People) -> None:
    first = await people.users.create(COMMAND_LINE, email="a@example.com", password=PASSWORD)
    second = await people.users.create(COMMAND_LINE, email="b@example.com", password=PASSWORD)
    assert (first.role, second.role) == (Role.OWNER, Role.AGENT)


async def test_pages_follow_the_order_of_adding(people: People) -> None:
    added = [(await add(people, Role.AGENT))[0].id for _ in range(5)]
    first = await people.users.page(COMMAND_LINE, limit=3)
    second = await people.users.page(COMMAND_LINE, limit=3, after=first[-1].id)
    assert [user.id for user in [*first, *second]] == added


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
async def test_admins_manage_agents_only(people: People, role: Role) -> None:
    _, admin = await add(people, Role.ADMIN)
    other, _ = await add(people, role)
    agent, _ = await add(people, Role.AGENT)
    with pytest.raises(ForbiddenError):
        await people.users.create(admin, email="x@example.com", password=PASSWORD, role=role)
    for changes in (UserChanges(rename=True, name="x"), UserChanges(password="y" * 10), UserChanges(role=Role.AGENT)):
        with pytest.raises(ForbiddenError):
            await people.users.update(admin, other.id, changes)
    with pytest.raises(ForbiddenError):
        await people.users.delete(admin, other.id)
    with pytest.raises(ForbiddenError):
        await people.users.update(admin, agent.id, UserChanges(role=role))
    assert (await people.users.update(admin, agent.id, UserChanges(rename=True, name="x"))).name == "x"
    await people.users.delete(admin, agent.id)


async def test_agents_manage_nobody_and_see_only_themselves(people: People) -> None:
    owner, _ = await add(people, Role.OWNER)
    me, agent = await add(people, Role.AGENT)
    assert (await people.users.get(agent, me.id)).id == me.id
    with pytest.raises(NotFoundError):
        await people.users.get(agent, owner.id)
    with pytest.raises(ForbiddenError):
        await people.users.page(agent, limit=10)
    with pytest.raises(ForbiddenError):
        await people.users.find(agent, owner.email)
    with pytest.raises(ForbiddenError):
        await people.users.create(agent, email="x@example.com", password=PASSWORD, role=Role.AGENT)
    with pytest.raises(ForbiddenError):
        await people.users.update(agent, me.id, UserChanges(role=Role.OWNER))
    with pytest.raises(ForbiddenError):
        await people.users.delete(agent, me.id)


async def test_the_last_owner_stays(people: People) -> None:
    owner, caller = await add(people, Role.OWNER)
    with pytest.raises(LastOwnerError):
        await people.users.delete(caller, owner.id)
    with pytest.raises(LastOwnerError):
        await people.users.update(caller, owner.id, UserChanges(role=Role.ADMIN))
    await add(people, Role.OWNER)
    await people.users.update(caller, owner.id, UserChanges(role=Role.ADMIN))


async def test_owners_who_remove_each_other_at_once_leave_one(people: People) -> None:
    owners = [await add(people, Role.OWNER) for _ in range(4)]
    results = await asyncio.gather(
        *(people.users.delete(owners[i - 1][1], owners[i][0].id) for i in range(4)), return_exceptions=True
    )
    assert sum(isinstance(result, LastOwnerError) for result in results) == 1
    async with people.database.read() as db:
        from prosa.users import repository

        assert await repository.count_owners(db) == 1


async def test_an_address_belongs_to_one_person_also_when_two_take_it_at_once(people: People) -> None:
    results = await asyncio.gather(
        *(add(people, Role.AGENT, "same@example.com") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, EmailTakenError) for result in results) == 4
    other, _ = await add(people, Role.AGENT)
    with pytest.raises(EmailTakenError):
        await people.users.update(COMMAND_LINE, other.id, UserChanges(email="same@example.com"))
    changed = await people.users.update(COMMAND_LINE, other.id, UserChanges(email="new@example.com"))
    assert (await people.users.find(COMMAND_LINE, "new@example.com")).id == changed.id


async def test_a_password_set_by_an_owner_ends_that_persons_sign_ins(people: People) -> None:
    _, owner = await add(people, Role.OWNER)
    agent, _ = await add(people, Role.AGENT, "bob@example.com")
    sign_in = await people.sign_ins.login(email="bob@example.com", password=PASSWORD, address=None)
    await people.users.update(owner, agent.id, UserChanges(password="another password"))
    with pytest.raises(NotAuthenticatedError):
        await people.authenticator.authenticate(sign_in.access_token)
    await people.sign_ins.login(email="bob@example.com", password="another password", address=None)


async def test_ones_own_password_is_not_set_without_the_current_one(people: People) -> None:
    owner, caller = await add(people, Role.OWNER, "ana@example.com")
    with pytest.raises(ForbiddenError, match="current"):
        await people.users.update(caller, owner.id, UserChanges(password="another password"))
    await people.sign_ins.login(email="ana@example.com", password=PASSWORD, address=None)


async def test_a_refused_change_changes_nothing(people: People) -> None:
    owner, caller = await add(people, Role.OWNER)
    with pytest.raises(LastOwnerError):
        await people.users.update(caller, owner.id, UserChanges(rename=True, name="x", role=Role.AGENT))
    assert (await people.users.get(caller, owner.id)).name is None


async def test_people_who_are_not_there(people: People) -> None:
    _, owner = await add(people, Role.OWNER)
    nobody = uuid.uuid4()
    for attempt in (
        people.users.get(owner, nobody),
        people.users.update(owner, nobody, UserChanges(role=Role.ADMIN)),
        people.users.delete(owner, nobody),
        people.users.find(owner, "nobody@example.com"),
    ):
        with pytest.raises(NotFoundError):
            await attempt
