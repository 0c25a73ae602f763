"""How sign-in tries are slowed down, and for whom."""

import pytest
from tests.fixtures import servers
from tests.fixtures.caches import started
from tests.fixtures.people import MovableClock

from prosa.auth.throttle import PER_ADDRESS, PER_EMAIL, LoginThrottle
from prosa.cache import Cache, CacheState
from prosa.errors import TooManyRequestsError

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


class Door:
    """A throttle, its clock, and tries that tell whether they were let through."""

    def __init__(self, cache: Cache) -> None:
        self.clock = MovableClock()
        self.throttle = LoginThrottle(cache, self.clock)

    async def knock(self, email: str = "ana@example.com", address: str | None = HOME) -> bool:
        try:
            await self.throttle.attempt(email, address)
        except TooManyRequestsError:
            return False
        return True


@pytest.fixture
def door(cache: Cache) -> Door:
    return Door(cache)


async def test_the_first_tries_are_free_and_waits_double(door: Door) -> None:
    assert [await door.knock() for _ in range(PER_EMAIL.free + 1)] == [True] * PER_EMAIL.free + [False]
    for wait in (1, 2, 4, 8, 16, 32, 60, 60):
        door.clock.advance(wait - 0.1)
        assert not await door.knock()
        door.clock.advance(0.2)
        assert await door.knock()


async def test_knocking_during_a_wait_does_not_prolong_it(door: Door) -> None:
    for _ in range(PER_EMAIL.free):
        await door.knock()
    assert [await door.knock() for _ in range(50)] == [False] * 50
    door.clock.advance(1.1)
    assert await door.knock()


async def test_one_persons_failures_do_not_slow_others(door: Door) -> None:
    for _ in range(10):
        await door.knock()
    assert await door.knock("bob@example.com")


async def test_one_address_that_tries_many_people_is_slowed(door: Door) -> None:
    let_through = [await door.knock(f"p{i}@example.com") for i in range(100)]
    assert sum(let_through) == PER_ADDRESS.free
    assert await door.knock("p1@example.com", ELSEWHERE)


async def test_success_forgets_the_persons_failures(door: Door) -> None:
    for _ in range(20):
        for _ in range(PER_EMAIL.free - 1):
            assert await door.knock(address=None)
        assert await door.knock(address=None)
        await door.throttle.succeeded("ana@example.com", None)


async def test_an_office_that_signs_in_correctly_is_not_slowed(door: Door) -> None:
    for i in range(200):
        assert await door.knock(f"p{i}@example.com")
        await door.throttle.succeeded(f"p{i}@example.com", HOME)


async def test_ones_own_account_does_not_pay_for_guesses_at_others(door: Door) -> None:
    let_through = 0
    for i in range(100):
        let_through += await door.knock(f"p{i}@example.com")
        if await door.knock("mallory@example.com"):
            await door.throttle.succeeded("mallory@example.com", HOME)
    assert let_through == pytest.approx(PER_ADDRESS.free, abs=1)


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("testclient", "testclient", True),
    ],
)
async def test_which_addresses_are_one_client(door: Door, one: str, another: str, *, same: bool) -> None:
    for i in range(PER_ADDRESS.free):
        assert await door.knock(f"p{i}@example.com", one)
    assert await door.knock("x@example.com", another) is not same


@pytest.mark.redis
async def test_without_redis_the_hard_limit_still_holds(own_redis: servers.RedisServer) -> None:
    async with started(own_redis.url) as cache:
        door = Door(cache)
        assert await door.knock()
        own_redis.stop()
        tries = [await door.knock(address=None) for _ in range(3 * PER_EMAIL.most)]
        assert cache.state is CacheState.AWAY
        assert 0 < sum(tries) <= PER_EMAIL.most
        assert not tries[-1]
