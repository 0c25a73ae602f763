import pytest
from tests.fixtures.people import People

from prosa.cache import Cache
from prosa.database import Database


@pytest.fixture
def people(database: Database, cache: Cache) -> People:
    return People(database, cache)
