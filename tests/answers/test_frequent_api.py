"""Frequent answers over REST, on both databases: what is asked becomes suggestions, suggestions become answers."""

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import add_owner, add_session
from tests.fixtures.embedding import SpellingEmbedder
from tests.fixtures.http import client_of, create_test_app

from prosa.answers.asked import NewQuestion
from prosa.answers.endpoints import router
from prosa.answers.exchange import Exchange
from prosa.answers.index import AnswerIndex, Found, Number
from prosa.answers.learning import KEPT_DAYS, Learning
from prosa.answers.models import AnsweredBy
from prosa.answers.repository import key_of
from prosa.answers.service import FrequentAnswerService
from prosa.auth.caller import Caller
from prosa.cache import Cache
from prosa.clock import utc_now
from prosa.database import Database
from prosa.embeddings import Embedders
from prosa.sessions.directory import SessionDirectory
from prosa.settings import Settings

PATH = "/frequent-answers"
HOURS = {
    "title": "What are your opening hours?", "answer": "Nine to six.",
    "phrasings": ["when are you open", "at what time do you open"],
}  # fmt: skip


@dataclass
class Desk:
    api: httpx.AsyncClient
    other: httpx.AsyncClient
    database: Database
    index: AnswerIndex
    learning: Learning
    directory: SessionDirectory
    embedder: SpellingEmbedder
    owner: Caller
    stranger: Caller
    forgotten: list[str] = field(default_factory=list)

    async def create(self, **changes: Any) -> dict[str, Any]:
        answer = await self.api.post(PATH, json=HOURS | changes)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def number(self, session_id: str = "main") -> Number:
        record = await self.directory.record(session_id)
        assert record is not None
        return Number(session_id, record.user_id, record.answers_version, "local")

    async def first(self, text: str, session_id: str = "main") -> str | None:
        """Return what a number's frequent answers have for the very words of a question."""
        number = await self.number(session_id)
        if number.version:
            await self.index.ready(number)
        found = await self.index.find(number, text)
        return found.answer if found is not None and found.match is not None and found.match.same else None

    async def ask(
        self, text: str, reply: str = "An answer.", by: AnsweredBy = AnsweredBy.MODEL, at: datetime | None = None
    ) -> Found:
        """Let a question be answered in shadow."""
        number = await self.number()
        if number.version:
            await self.index.ready(number)
        found = await self.index.find(number, text) or Found()
        passed = found.match is not None and found.match.passes(threshold=0.5, margin=0.3)
        question = NewQuestion(
            self.owner.user_id, "main", None, text, key_of(text), reply, by, at or utc_now(), cost_microusd=40
        )
        await self.learning.keep(number, question, found, passed=passed)
        return found


@pytest.fixture
async def desk(database: Database, cache: Cache, settings: Settings) -> AsyncIterator[Desk]:
    owner, stranger = await add_owner(database), await add_owner(database, "eve@example.com")
    await add_session(database, owner)
    directory, embedder = SessionDirectory(database, cache), SpellingEmbedder()
    index = AnswerIndex(database, Embedders(settings, local=embedder))
    service = FrequentAnswerService(database, directory.forget)
    learning = Learning(database, index, service)
    provided = {
        FrequentAnswerService: service, Learning: learning, AnswerIndex: index, SessionDirectory: directory,
        Exchange: Exchange(database, service),
    }  # fmt: skip

    def app(caller: Caller) -> Any:
        return create_test_app(provided, [router], caller)

    async with client_of(app(owner)) as api, client_of(app(stranger)) as other:
        yield Desk(api, other, database, index, learning, directory, embedder, owner, stranger)
    await index.stop()


async def test_an_answer_lives_and_is_matched(desk: Desk) -> None:
    created = await desk.create()
    assert (created["phrasings"], created["session_id"]) == (3, None)
    assert (await desk.api.post(PATH, json=HOURS | {"title": "what are your opening hours"})).status_code == 409
    path = f"{PATH}/{created['id']}"
    added = await desk.api.post(f"{path}/phrasings", json={"texts": ["When are you open?", "open on what days"]})
    assert added.json()["phrasings"] == 4
    listed = (await desk.api.get(f"{path}/phrasings", params={"limit": 3})).json()
    assert [one["text"] for one in listed["items"]] == [HOURS["title"], *HOURS["phrasings"]]
    rest = (await desk.api.get(f"{path}/phrasings", params={"limit": 3, "cursor": listed["next_cursor"]})).json()
    assert [one["text"] for one in rest["items"]] == ["open on what days"]

    tried = (
        await desk.api.post(f"{PATH}/try", json={"session_id": "main", "text": "at what time are you open"})
    ).json()
    assert (tried["answer"], tried["differs"]) == ("Nine to six.", None)
    assert tried["margin"] > 0.1
    await desk.api.patch(path, json={"answer": "Ten to four."})
    tried = (await desk.api.post(f"{PATH}/try", json={"session_id": "main", "text": "when are you open?"})).json()
    assert (tried["answer"], tried["passes"]) == ("Ten to four.", True)
    await desk.api.patch(path, json={"enabled": False})
    tried = (await desk.api.post(f"{PATH}/try", json={"session_id": "main", "text": "when are you open?"})).json()
    assert tried["answer_id"] is None

    assert (await desk.api.get(PATH, params={"q": "FOUR opening"})).json()["items"][0]["id"] == created["id"]
    assert (await desk.api.get(PATH, params={"q": "nowhere"})).json()["items"] == []
    for one in [*listed["items"], *rest["items"]][:3]:
        assert (await desk.api.delete(f"{path}/phrasings/{one['id']}")).status_code == 204
    last = rest["items"][0]["id"]
    assert (await desk.api.delete(f"{path}/phrasings/{last}")).status_code == 409
    assert (await desk.api.delete(path)).status_code == 204
    assert (await desk.api.get(path)).status_code == 404


async def test_embeddings_are_made_once(desk: Desk) -> None:
    await desk.create()
    await desk.ask("something else entirely please")
    asked = len(desk.embedder.asked)
    await desk.create(title="Is there parking?", phrasings=[])
    await desk.ask("something else entirely please")
    assert desk.embedder.asked[asked:] == ["Is there parking?", "something else entirely please"]


async def test_where_no_model_of_meanings_runs_the_same_words_are_found_and_it_is_said_why(desk: Desk) -> None:
    desk.embedder.missing = "There is no model for this machine."
    await desk.create()
    tried = await desk.api.post(f"{PATH}/try", json={"session_id": "main", "text": "Hi, when are you open?"})
    assert (tried.status_code, tried.json()["passes"]) == (200, True)
    tried = await desk.api.post(f"{PATH}/try", json={"session_id": "main", "text": "at what hour can I come by"})
    assert tried.status_code == 503
    assert "no model for this machine" in tried.json()["detail"]
    assert "gemini" in tried.json()["remedy"]
    assert desk.embedder.asked == []


async def test_what_is_asked_often_becomes_an_answer(desk: Desk) -> None:
    await desk.ask("Do you deliver on Saturdays?", "The model says yes.")
    await desk.ask("do you deliver on saturdays", "A person says yes.", AnsweredBy.PERSON)
    await desk.ask("do you deliver on saturdays?", "The model says yes again.")
    await desk.ask("do you deliver on Sundays?", "No.")
    await desk.ask("where is your shop please", "There.")
    listed = (await desk.api.get(f"{PATH}/suggestions")).json()["items"]
    assert [(one["title"], one["count"], one["draft"], one["draft_by"]) for one in listed] == [
        ("do you deliver on saturdays?", 3, "A person says yes.", "person")
    ]
    everything = (await desk.api.get(f"{PATH}/suggestions", params={"least": 1, "limit": 2})).json()
    more = await desk.api.get(
        f"{PATH}/suggestions", params={"least": 1, "limit": 2, "cursor": everything["next_cursor"]}
    )
    assert [one["count"] for one in everything["items"] + more.json()["items"]] == [3, 1, 1]

    approved = await desk.api.post(f"{PATH}/suggestions/{listed[0]['id']}/approve")
    assert approved.status_code == 200, approved.text
    assert (approved.json()["answer"], approved.json()["session_id"]) == ("A person says yes.", "main")
    assert (await desk.api.post(f"{PATH}/suggestions/{listed[0]['id']}/approve")).status_code == 409
    assert (await desk.api.get(f"{PATH}/suggestions")).json()["items"] == []
    found = await desk.ask("Hi! Do you deliver on Saturdays")
    assert found.answer == "A person says yes."


async def test_what_is_dismissed_is_neither_suggested_nor_matched(desk: Desk) -> None:
    for _ in range(3):
        await desk.ask("can you lend me money for a car")
    [one] = (await desk.api.get(f"{PATH}/suggestions")).json()["items"]
    assert (await desk.api.post(f"{PATH}/suggestions/{one['id']}/dismiss")).status_code == 204
    await desk.ask("can you lend me money for a car?")
    assert (await desk.api.get(f"{PATH}/suggestions", params={"least": 1})).json()["items"] == []
    await desk.create(title="Can you lend me a car?", phrasings=["lend me a car"])
    found = await desk.ask("can you lend me some money for a car")
    assert found.match is None


async def test_the_report_counts_hits_and_doubts(desk: Desk) -> None:
    await desk.create()
    await desk.ask("when are you open?", "Nine to six.")
    await desk.ask("At what time do you open", "I have no idea, my friend, the dog is ill.")
    await desk.ask("is there a discount for students", "No.")
    report = (await desk.api.get(f"{PATH}/report", params={"session": "main"})).json()
    assert (report["questions"], report["hits"], report["suspect"], report["saved_microusd"]) == (3, 2, 1, 80)
    assert report["estimated_wrong_share"] == 0.5
    assert report["wrong_share_at_most"] > 0.5
    assert report["by_answer"][0]["hits"] == 2

    hits = (await desk.api.get(f"{PATH}/questions", params={"passed": True})).json()["items"]
    assert [(hit["text"], hit["suspect"]) for hit in hits] == [
        ("At what time do you open", True), ("when are you open?", False),
    ]  # fmt: skip
    assert (
        await desk.api.put(f"{PATH}/questions/{hits[0]['id']}/verdict", json={"verdict": "wrong"})
    ).status_code == 204
    assert (
        await desk.api.put(f"{PATH}/questions/{hits[1]['id']}/verdict", json={"verdict": "right"})
    ).status_code == 204
    report = (await desk.api.get(f"{PATH}/report")).json()
    assert (report["judged_right"], report["judged_wrong"], report["suspect"]) == (1, 1, 0)


async def test_csv_there_and_back(desk: Desk) -> None:
    table = (
        "question;answer;phrasing;session;enabled\n"
        "Is there parking?;Yes, behind the shop.;where can I park;main;\n"
        'Is there parking?;Yes, behind the shop.;"parking ""near"" you";main;\n'
        "'=1+1 is what?;'-2 or so;;;no\n"
    )
    answer = await desk.api.post(f"{PATH}/import", files={"file": ("a.csv", io.BytesIO(table.encode("utf-8-sig")))})
    assert answer.json() == {"rows": 3, "answers_added": 2, "answers_changed": 0, "phrasings_added": 4}
    again = await desk.api.post(f"{PATH}/import", files={"file": ("a.csv", io.BytesIO(table.encode()))})
    assert (again.json()["answers_changed"], again.json()["phrasings_added"]) == (2, 0)
    export = await desk.api.get(f"{PATH}/export")
    assert export.headers["content-type"].startswith("text/csv")
    assert "\r\n'=1+1 is what?,'-2 or so,,,,false\r\n" in export.text
    back = await desk.api.post(f"{PATH}/import", files={"file": ("a.csv", io.BytesIO(export.content))})
    assert (back.json()["answers_changed"], back.json()["phrasings_added"]) == (2, 0)
    titles = [one["title"] for one in (await desk.api.get(PATH)).json()["items"]]
    assert sorted(titles) == ["=1+1 is what?", "Is there parking?"]


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("question,reply\na,b\n", ["line 1"]),
        ("question,answer\n,x\nWhat?,\n", ["line 2, question", "line 3, answer"]),
        ("question,answer,session\nWhat?,x,elsewhere\n", ["line 2, session"]),
        (f"question,answer\n{'x' * 501},y\n", ["line 2, question"]),
        ("question,answer,enabled\nWhat?,y,perhaps\n", ["line 2, enabled"]),
        ("question,answer\nWhat?,y,z\n", ["line 2"]),
        ("question,answer\n???,y\n", ["line 2, question"]),
        ('question,answer\n"What,y\n', ["body.file"]),
    ],
)
async def test_a_row_that_is_not_acceptable_is_named(desk: Desk, table: str, wrong: list[str]) -> None:
    answer = await desk.api.post(f"{PATH}/import", files={"file": ("a.csv", io.BytesIO(table.encode()))})
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == wrong
    assert (await desk.api.get(PATH)).json()["items"] == []


async def test_latin_letters_are_not_utf8(desk: Desk) -> None:
    table = "question,answer\nQual é o preço?,10\n".encode("latin-1")
    answer = await desk.api.post(f"{PATH}/import", files={"file": ("a.csv", io.BytesIO(table))})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.file")


async def test_strangers_find_nothing_and_change_nothing(desk: Desk) -> None:
    created = await desk.create()
    for _ in range(3):
        await desk.ask("do you sell gift cards in the shop")
    [suggestion] = (await desk.api.get(f"{PATH}/suggestions")).json()["items"]
    question = (await desk.api.get(f"{PATH}/questions")).json()["items"][0]["id"]
    phrasing = (await desk.api.get(f"{PATH}/{created['id']}/phrasings")).json()["items"][0]["id"]
    assert (await desk.other.get(PATH)).json()["items"] == []
    assert (await desk.other.get(f"{PATH}/suggestions", params={"least": 1})).json()["items"] == []
    assert (await desk.other.get(f"{PATH}/questions")).json()["items"] == []
    assert (await desk.other.get(f"{PATH}/report")).json()["questions"] == 0
    assert (await desk.other.get(f"{PATH}/export")).text.strip().count("\n") == 0
    for method, path, body in (
        ("GET", f"/{created['id']}", None),
        ("PATCH", f"/{created['id']}", {"answer": "mine"}),
        ("DELETE", f"/{created['id']}", None),
        ("POST", f"/{created['id']}/phrasings", {"texts": ["x y"]}),
        ("DELETE", f"/{created['id']}/phrasings/{phrasing}", None),
        ("POST", f"/suggestions/{suggestion['id']}/approve", {}),
        ("POST", f"/suggestions/{suggestion['id']}/dismiss", None),
        ("PUT", f"/questions/{question}/verdict", {"verdict": "right"}),
        ("POST", "", HOURS | {"session_id": "main"}),
        ("POST", "/try", {"session_id": "main", "text": "when are you open"}),
        ("GET", "/report?session=main", None),
        ("GET", "?session=main", None),
    ):
        answer = await desk.other.request(method, PATH + path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    assert (await desk.api.get(f"{PATH}/{created['id']}")).json()["answer"] == "Nine to six."


async def test_a_number_gives_its_own_answers_and_those_of_all_numbers_and_nobody_elses(desk: Desk) -> None:
    await add_session(desk.database, desk.owner, "second")
    await add_session(desk.database, desk.stranger, "third")
    own = {"title": "Is there a lift?", "answer": "No."}
    assert (await desk.other.post(PATH, json=own)).status_code == 201
    await desk.create(session_id="main")
    await desk.create(title="Is there parking?", answer="Behind the shop.", phrasings=[])
    given = {
        name: [await desk.first(text, name) for text in ("When are you open?", "Is there parking?")]
        for name in ("main", "second", "third")
    }
    assert await desk.first("Is there a lift?", "third") == "No."
    assert given == {
        "main": ["Nine to six.", "Behind the shop."], "second": [None, "Behind the shop."], "third": [None, None],
    }  # fmt: skip


async def test_an_answer_that_moves_to_another_number_is_given_there_only(desk: Desk) -> None:
    await add_session(desk.database, desk.owner, "second")
    created = await desk.create(session_id="main")
    assert await desk.first("when are you open?") == "Nine to six."
    moved = await desk.api.patch(f"{PATH}/{created['id']}", json={"session_id": "second"})
    assert moved.status_code == 200, moved.text
    assert [await desk.first("when are you open?", name) for name in ("main", "second")] == [None, "Nine to six."]


async def test_a_suggestions_wordings_are_added_to_an_answer_or_serve_all_numbers(desk: Desk) -> None:
    created = await desk.create(session_id="main")
    for text in ("until what hour can I come by", "until what hour can I come", "until what hour may I come by"):
        await desk.ask(text)
    [one] = (await desk.api.get(f"{PATH}/suggestions", params={"least": 2})).json()["items"]
    path = f"{PATH}/suggestions/{one['id']}/approve"
    approved = (await desk.api.post(path, json={"answer_id": created["id"]})).json()
    assert (approved["id"], approved["answer"]) == (created["id"], "Nine to six.")
    assert approved["phrasings"] == created["phrasings"] + one["count"]
    assert await desk.first("Until what hour can I come by?") == "Nine to six."
    for _ in range(3):
        await desk.ask("do you sell gift cards in the shop", "Yes.")
    [one] = (await desk.api.get(f"{PATH}/suggestions")).json()["items"]
    made = await desk.api.post(f"{PATH}/suggestions/{one['id']}/approve", json={"everywhere": True, "answer": "We do."})
    assert (made.json()["session_id"], made.json()["answer"]) == (None, "We do.")


async def test_what_was_judged_wrong_is_not_matched_again(desk: Desk) -> None:
    await desk.create(title="Can you lend me a car?", phrasings=["lend me a car"])
    text = "can you lend me some money for a car"
    assert (await desk.ask(text)).match is not None
    [asked] = (await desk.api.get(f"{PATH}/questions")).json()["items"]
    judged = await desk.api.put(f"{PATH}/questions/{asked['id']}/verdict", json={"verdict": "wrong"})
    assert judged.status_code == 204
    assert (await desk.ask(text)).match is None


async def test_questions_are_forgotten_in_time_with_the_suggestions_of_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.answers.learning.PRUNE_EVERY", 1)
    now = utc_now()
    await desk.ask("do you sell gift cards in the shop", at=now - timedelta(days=KEPT_DAYS + 1))
    assert (await desk.api.get(f"{PATH}/questions")).json()["items"] == []
    assert (await desk.api.get(f"{PATH}/suggestions", params={"least": 1})).json()["items"] == []
    await desk.ask("is there parking at your shop", at=now - timedelta(days=KEPT_DAYS - 1))
    await desk.ask("where is the nearest bus stop")
    assert len((await desk.api.get(f"{PATH}/questions")).json()["items"]) == 2
