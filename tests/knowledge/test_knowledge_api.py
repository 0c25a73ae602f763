"""Documents over REST, on both databases: added, found by words and by meaning, deleted; each number's for itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import add_owner, add_session, run_sql
from tests.fixtures.embedding import SpellingEmbedder
from tests.fixtures.http import client_of, create_test_app
from tests.knowledge.test_pieces import pdf

from prosa.auth.caller import Caller
from prosa.cache import Cache
from prosa.database import Database
from prosa.embeddings import Embedders
from prosa.knowledge.endpoints import router
from prosa.knowledge.index import CANDIDATES, KnowledgeIndex
from prosa.knowledge.service import KnowledgeService
from prosa.sessions.directory import SessionDirectory
from prosa.settings import Settings

PATH = "/sessions/main/knowledge"
FACTS = {
    "Delivery": "We deliver to Santos on weekdays. Delivery costs 12 reais and takes two days.",
    "Returns": "Goods may be returned within 30 days with the receipt. Refunds go back to the card.",
    "Parking": "There is parking behind the building, free for two hours.",
    "Courses": "Our pottery course begins in March. It has eight lessons of two hours each.",
}


async def eventually(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until a condition holds; return what it gave."""
    deadline = time.monotonic() + 30
    while not (result := await condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
    return result


@dataclass
class Library:
    api: httpx.AsyncClient
    other: httpx.AsyncClient
    database: Database
    embedder: SpellingEmbedder
    directory: SessionDirectory

    async def fill(self) -> None:
        for name, text in FACTS.items():
            added = await self.api.post(PATH, json={"name": name, "text": f"# {name}\n\n{text}"})
            assert added.status_code == 201, added.text

    async def settings(self, value: str, session_id: str = "main") -> None:
        statement = "UPDATE whatsapp_sessions SET settings = :s WHERE session_id = :id"
        await run_sql(self.database, statement, s=value, id=session_id)
        await self.directory.forget(session_id)

    async def search(self, q: str) -> dict[str, Any]:
        answer = await self.api.get(f"{PATH}/search", params={"q": q})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]


@pytest.fixture
async def library(database: Database, cache: Cache, settings: Settings) -> AsyncIterator[Library]:
    owner, stranger = await add_owner(database), await add_owner(database, "eve@example.com")
    await add_session(database, owner, knowledge={"whole_tokens": 0, "passage_tokens": 100})
    await add_session(database, owner, "second", knowledge={"whole_tokens": 0})
    directory, embedder = SessionDirectory(database, cache), SpellingEmbedder()
    index = KnowledgeIndex(database, Embedders(settings, local=embedder))
    service = KnowledgeService(database, directory.forget)
    provided = {KnowledgeService: service, KnowledgeIndex: index, SessionDirectory: directory}

    def app(caller: Caller) -> Any:
        return create_test_app(provided, [router], caller)

    async with client_of(app(owner)) as api, client_of(app(stranger)) as other:
        yield Library(api, other, database, embedder, directory)
    await index.stop()
    await service.stop()


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("do you deliver to Santos?", "Delivery"),
        ("quanto custa a entrega, 12 reais?", "Delivery"),
        ("can I return what I bought", "Returns"),
        ("where can I park", "Parking"),
        ("how many lessons does the course have", "Courses"),
        ("POTTERY", "Courses"),
    ],
)
async def test_what_a_question_is_about_is_found(library: Library, question: str, document: str) -> None:
    await library.fill()
    found = await library.search(question)
    assert found["whole"] is False
    assert found["passages"][0]["name"] == document
    assert sum(passage["tokens"] for passage in found["passages"]) <= 100


async def test_nothing_is_found_for_what_is_not_there(library: Library) -> None:
    await library.fill()
    for question in ("is it?", "xyzzy", "'\"; DROP TABLE", "* NEAR(a b)"):
        assert (await library.search(question))["passages"] == [], question
    assert (await library.api.get("/sessions/second/knowledge/search", params={"q": "parking"})).json() == {
        "whole": True, "passages": [],
    }  # fmt: skip


async def test_little_knowledge_is_given_whole_and_in_order(library: Library) -> None:
    await library.fill()
    await library.settings('{"knowledge": {"whole_tokens": 1000}}')
    found = await library.search("whatever")
    assert found["whole"] is True
    assert [passage["name"] for passage in found["passages"]] == list(FACTS)


async def test_meaning_is_fused_with_words(library: Library) -> None:
    await library.settings('{"knowledge": {"whole_tokens": 0, "embeddings": "local"}}')
    await library.fill()
    assert (await library.search("deliveringgg"))["passages"] is not None

    async def ready() -> bool:
        items = (await library.api.get(PATH)).json()["items"]
        return all(item["status"] == "ready" for item in items)

    async def found() -> list[Any]:
        return (await library.search("parkinglot buildings"))["passages"]  # type: ignore[no-any-return]

    await eventually(ready)
    passages = await eventually(found)
    assert passages[0]["name"] == "Parking"
    assert len([text for text in library.embedder.asked if text.startswith("Parking")]) == 1


async def test_meanings_that_cannot_be_worked_out_are_told(library: Library) -> None:
    await library.settings('{"knowledge": {"whole_tokens": 0, "embeddings": "local"}}')
    library.embedder.broken = True
    await library.fill()

    async def failed() -> Any:
        item = (await library.api.get(PATH)).json()["items"][0]
        return item if item["status"] == "failed" else None

    item = await eventually(failed)
    assert item["error"] == "broken on purpose"
    assert (await library.search("parking"))["passages"][0]["name"] == "Parking"


async def test_a_document_lives_and_goes(library: Library) -> None:
    upload = await library.api.post(
        f"{PATH}/documents",
        files={"file": ("C:\\docs\\shop.pdf", pdf("Opening hours: nine to six"), "application/pdf")},
    )
    assert upload.status_code == 201, upload.text
    first = upload.json()
    assert (first["name"], first["kind"], first["status"], first["pieces"]) == ("shop.pdf", "pdf", "ready", 1)
    pasted = await library.api.post(
        PATH, json={"name": "Site", "text": "We sell lamps.", "url": "https://example.com/about"}
    )
    assert (pasted.json()["kind"], pasted.json()["url"]) == ("page", "https://example.com/about")
    again = await library.api.post(PATH, json={"name": "Other name", "text": "We sell lamps.  "})
    assert again.status_code == 409
    page = (await library.api.get(PATH, params={"limit": 1})).json()
    rest = (await library.api.get(PATH, params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert [one["items"][0]["name"] for one in (page, rest)] == ["Site", "shop.pdf"]
    path = f"{PATH}/{first['id']}"
    assert (await library.api.get(path)).json()["content"] == "## page 1\nOpening hours: nine to six"
    assert (await library.search("opening hours"))["passages"][0]["place"] == "page 1"
    assert (await library.api.delete(path)).status_code == 204
    assert (await library.search("opening hours"))["passages"] == []
    assert (await library.api.get(path)).status_code == 404


async def test_what_is_not_acceptable_names_the_field(library: Library) -> None:
    bad = await library.api.post(f"{PATH}/documents", files={"file": ("a.png", b"\x89PNG\xff", "image/png")})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "body.file")
    bad = await library.api.post(PATH, json={"name": "x", "text": "a", "url": "ftp://example.com"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "body.url")
    bad = await library.api.post(PATH, json={"name": "x", "text": " \n"})
    assert bad.status_code == 422


async def test_strangers_find_nothing_and_change_nothing(library: Library) -> None:
    await library.fill()
    source = (await library.api.get(PATH)).json()["items"][0]["id"]
    for method, path, body in (
        ("GET", "", None),
        ("POST", "", {"name": "x", "text": "mine"}),
        ("GET", "/search?q=parking", None),
        ("GET", f"/{source}", None),
        ("DELETE", f"/{source}", None),
    ):
        answer = await library.other.request(method, PATH + path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    upload = await library.other.post(f"{PATH}/documents", files={"file": ("a.txt", b"mine")})
    assert upload.status_code == 404
    assert (await library.api.get(f"/sessions/second/knowledge/{source}")).status_code == 404
    assert len((await library.api.get(PATH)).json()["items"]) == len(FACTS)


async def test_a_number_knows_its_own_documents_only(library: Library) -> None:
    await library.fill()
    many = "\n\n".join(f"# Parking {n}\n\nParking parking, free parking number {n}." for n in range(CANDIDATES + 10))
    second = "/sessions/second/knowledge"
    assert (await library.api.post(second, json={"name": "Parking", "text": many})).json()["pieces"] > CANDIDATES
    found = await library.search("where is the parking")
    assert [passage["name"] for passage in found["passages"]] == ["Parking"]
    assert "behind the building" in found["passages"][0]["text"]
    same = await library.api.post(second, json={"name": "Parking", "text": f"# Parking\n\n{FACTS['Parking']}"})
    assert same.status_code == 201, "it is another number's document"
    await library.settings('{"knowledge": {"whole_tokens": 200}}')
    found = await library.search("where is the parking")
    assert (found["whole"], [passage["name"] for passage in found["passages"]]) == (True, list(FACTS))


async def test_more_than_may_go_whole_is_searched(library: Library) -> None:
    await library.fill()
    tokens = sum(item["tokens"] for item in (await library.api.get(PATH)).json()["items"])
    for most, whole in ((tokens, True), (tokens - 1, False)):
        await library.settings(f'{{"knowledge": {{"whole_tokens": {most}}}}}')
        assert (await library.search("parking"))["whole"] is whole


async def test_a_deleted_document_is_not_given_again(library: Library) -> None:
    await library.fill()
    await library.settings('{"knowledge": {"whole_tokens": 1000}}')
    assert len((await library.search("whatever"))["passages"]) == len(FACTS)
    item = (await library.api.get(PATH)).json()["items"][0]
    assert (await library.api.delete(f"{PATH}/{item['id']}")).status_code == 204
    assert item["name"] not in {passage["name"] for passage in (await library.search("whatever"))["passages"]}


async def test_of_what_fits_only_as_much_as_may_be_is_given(library: Library) -> None:
    for n in range(8):
        text = f"# Lesson {n}\n\n" + f"In lesson {n} we make a bowl of clay. " * 6
        await library.api.post(PATH, json={"name": f"Lesson {n}", "text": text})
    found = (await library.search("what do we make of clay in lesson 3"))["passages"]
    assert found[0]["name"] == "Lesson 3"
    assert 50 < sum(passage["tokens"] for passage in found) <= 100
    await library.settings('{"knowledge": {"whole_tokens": 0, "passage_tokens": 400}}')
    more = (await library.search("what do we make of clay in lesson 3"))["passages"]
    assert len(more) > len(found)


async def test_what_has_only_a_common_word_of_the_question_is_left_out(library: Library) -> None:
    await library.settings('{"knowledge": {"whole_tokens": 0, "passage_tokens": 900}}')
    await library.fill()
    for n in range(3):
        text = f"The museum number {n} opens for some hours."
        await library.api.post(PATH, json={"name": f"Museum {n}", "text": text})
    found = (await library.search("free parking behind the building, how many hours"))["passages"]
    assert [passage["name"] for passage in found] == ["Parking"]
    found = (await library.search("which museum opens, and is there parking"))["passages"]
    assert {passage["name"] for passage in found} == {"Parking", *(f"Museum {n}" for n in range(3))}


async def test_meanings_are_compared_with_those_of_the_number_only(library: Library) -> None:
    chosen = '{"knowledge": {"whole_tokens": 0, "embeddings": "local"}}'
    for session_id in ("second", "main"):
        await library.settings(chosen, session_id)
    many = "\n\n".join(f"# {n}\n\nparkingspaces parkingspaces {n}" for n in range(CANDIDATES + 10))
    await library.api.post("/sessions/second/knowledge", json={"name": "Spaces", "text": many})
    await library.fill()

    async def ready() -> bool:
        paths = (PATH, "/sessions/second/knowledge")
        items = [item for path in paths for item in (await library.api.get(path)).json()["items"]]
        return all(item["status"] == "ready" for item in items)

    async def found() -> list[Any]:
        return (await library.search("parkingspaces"))["passages"]  # type: ignore[no-any-return]

    await eventually(ready)
    passages = await eventually(found)
    assert {passage["name"] for passage in passages} <= FACTS.keys()
