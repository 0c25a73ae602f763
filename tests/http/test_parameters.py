"""Query parameters that an endpoint does not know are refused, so that a misspelt filter does not show everything."""

from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Query
from tests.fixtures.http import client_of, create_test_app

from prosa.http.pagination import PageParams
from prosa.http.parameters import MOST_TOLD, OfSession, known_query

router = APIRouter(dependencies=[known_query])


@router.get("/things")
async def things(
    page: PageParams,
    session: OfSession = None,
    kind: Annotated[str, Query(alias="type")] = "all",
) -> list[str]:
    return [str(page.limit), str(session), kind]


@router.post("/things")
async def make_thing() -> None:
    return None


@pytest.fixture
def app() -> FastAPI:
    return create_test_app({}, [router])


async def test_what_an_endpoint_takes_is_taken_whoever_asks_for_it(app: FastAPI) -> None:
    async with client_of(app) as client:
        answer = await client.get("/things?limit=3&session=shop&type=new")
        assert answer.json() == ["3", "shop", "new"]
        assert (await client.get("/things?session=a&session=b")).status_code == 200


async def test_what_it_does_not_take_is_named_with_what_it_takes(app: FastAPI) -> None:
    async with client_of(app) as client:
        answer = await client.get("/things?sesion=shop&limit=3&kind=new")
        assert answer.status_code == 422
        told = "is not a parameter of this; it takes cursor, limit, session, type"
        assert [(one["field"], one["code"], one["message"]) for one in answer.json()["errors"]] == [
            ("query.sesion", "extra_forbidden", told),
            ("query.kind", "extra_forbidden", told),
        ]
        refused = await client.post("/things?token=hunter2")
        assert refused.json()["errors"][0]["message"] == "is not a parameter of this; it takes none"
        assert "hunter2" not in refused.text


async def test_a_hostile_address_is_told_a_few(app: FastAPI) -> None:
    async with client_of(app) as client:
        answer = await client.get("/things?" + "&".join(f"{'x' * 300}{number}=1" for number in range(50)))
        assert len(answer.json()["errors"]) == MOST_TOLD
        assert all(len(one["field"]) <= 200 for one in answer.json()["errors"])
