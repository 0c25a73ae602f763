"""Files of messages: downloaded in the background or when asked for, kept safely, served harmlessly."""

import asyncio
import hashlib
import uuid
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from tests.conversations.conftest import Inbox
from tests.fixtures.conversations import messages, receiver
from tests.fixtures.sending import until

from prosa.conversations import fetch
from prosa.conversations.fetch import MediaFetcher
from prosa.conversations.media import MediaFiles, serving_headers
from prosa.whatsapp.engine import EngineErrorCode, MediaInfo, MessageType


def digest(content: bytes) -> str:
    return b64encode(hashlib.sha256(content).digest()).decode()


async def picture(inbox: Inbox, **changes: Any) -> Any:
    values: dict[str, Any] = {"mime_type": "image/png", "size": 4, "sha256": digest(b"data")}
    info = MediaInfo(**(values | changes))
    return await inbox.hear("look", type=MessageType.IMAGE, media=info, payload={"imageMessage": {"URL": "x"}})


async def state(inbox: Inbox, row: Any) -> str:
    return str((await inbox.get(f"/messages/{row.id}"))["media"]["state"])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(fetch, "FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(fetch, "LAST_RETRY_SECONDS", 0.02)


@pytest.mark.usefixtures("quick")
async def test_small_files_come_by_themselves(inbox: Inbox) -> None:
    inbox.connection.files.extend([EngineErrorCode.TIMEOUT, b"data"])
    inbox.numbers.opened("main")
    await inbox.fetcher.start()
    row = await picture(inbox)
    assert row.due_at is not None
    large = await picture(inbox, size=2000)
    assert large.due_at is None

    async def here() -> bool:
        return await state(inbox, row) == "ready"

    await until(here)
    assert await state(inbox, large) == "pending"
    assert inbox.connection.downloads == 2
    [stored, _] = await messages(inbox.database)
    assert (stored.due_at, stored.lease_owner, stored.status) == (None, None, "received")
    assert (await inbox.api.get(f"/messages/{row.id}/media")).content == b"data"
    story = await inbox.hear(
        "story", chat="status@broadcast", type=MessageType.IMAGE, media=MediaInfo("image/png", size=4),
        payload={"imageMessage": {"URL": "x"}},
    )  # fmt: skip
    assert story.due_at is None
    assert inbox.connection.downloads == 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([EngineErrorCode.MEDIA_GONE], "gone"),
        ([EngineErrorCode.MEDIA_INVALID], "failed"),
        ([b"other"], "failed"),
        ([EngineErrorCode.TIMEOUT] * fetch.MAX_ATTEMPTS, "failed"),
    ],
)
async def test_what_does_not_come(inbox: Inbox, answers: list[Any], expected: str) -> None:
    inbox.connection.files.extend(answers)
    inbox.numbers.opened("main")
    await inbox.fetcher.start()
    row = await picture(inbox)

    async def settled() -> bool:
        return await state(inbox, row) != "pending"

    await until(settled)
    assert await state(inbox, row) == expected
    assert inbox.connection.downloads == len(answers)
    assert not await asyncio.to_thread(inbox.files.path(inbox.files.place("main", row.conversation_id, row.id)).exists)


@pytest.mark.usefixtures("quick")
async def test_a_download_waits_for_its_number_and_survives_a_restart(inbox: Inbox) -> None:
    connection = inbox.lines.connections.pop("main")
    connection.files.append(b"data")
    row = await picture(inbox)
    await inbox.fetcher.start()
    await asyncio.sleep(0.2)
    assert await state(inbox, row) == "pending"
    await inbox.fetcher.stop()
    inbox.lines.connections["main"] = connection
    inbox.numbers.opened("main")
    again = MediaFetcher(inbox.database, inbox.numbers._bus, inbox.files, inbox.numbers, max_bytes=5000)
    await again.start()

    async def here() -> bool:
        return await state(inbox, row) == "ready"

    await until(here)
    await again.stop()


async def test_many_who_ask_share_one_download(inbox: Inbox) -> None:
    inbox.connection.files.append(b"data")
    row = await picture(inbox)
    answers = await asyncio.gather(*(inbox.api.get(f"/messages/{row.id}/media") for _ in range(5)))
    assert {answer.content for answer in answers} == {b"data"}
    assert inbox.connection.downloads == 1


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (EngineErrorCode.MEDIA_GONE, 410), (EngineErrorCode.TIMEOUT, 503), (EngineErrorCode.MEDIA_INVALID, 409),
        (b"x" * 6000, 409), (b"other", 409),
    ],
)  # fmt: skip
async def test_a_download_on_demand_that_fails_says_why(inbox: Inbox, answer: Any, status: int) -> None:
    inbox.connection.files.append(answer)
    row = await picture(inbox)
    problem = await inbox.api.get(f"/messages/{row.id}/media")
    assert (problem.status_code, bool(problem.json()["remedy"])) == (status, True)
    if status == 410:
        assert (await inbox.api.get(f"/messages/{row.id}/media")).status_code == 410
        assert inbox.connection.downloads == 1


async def test_offline_or_without_a_file(inbox: Inbox) -> None:
    row = await picture(inbox)
    text = await inbox.hear("text")
    huge = await picture(inbox, size=10**9)
    assert (await inbox.api.get(f"/messages/{text.id}/media")).status_code == 404
    assert (await inbox.api.get(f"/messages/{huge.id}/media")).status_code == 409
    inbox.lines.connections.clear()
    offline = await inbox.api.get(f"/messages/{row.id}/media")
    assert (offline.status_code, offline.json()["code"]) == (503, "unavailable")
    assert "Connect the number" in offline.json()["remedy"]
    assert offline.headers["Retry-After"]


async def test_a_file_lost_on_disk_is_fetched_again(inbox: Inbox) -> None:
    inbox.connection.files.extend([b"data", b"data"])
    row = await picture(inbox)
    await inbox.api.get(f"/messages/{row.id}/media")
    inbox.files.remove(inbox.files.place("main", row.conversation_id, row.id))
    assert (await inbox.api.get(f"/messages/{row.id}/media")).content == b"data"
    assert inbox.connection.downloads == 2


async def test_a_file_of_a_deleted_message_is_removed(inbox: Inbox) -> None:
    inbox.connection.files.append(b"data")
    row = await picture(inbox)
    await inbox.api.get(f"/messages/{row.id}/media")
    file = inbox.files.path(inbox.files.place("main", row.conversation_id, row.id))
    assert await asyncio.to_thread(file.exists)
    await inbox.hear("", revokes=row.wa_id, minutes=1)
    assert not await asyncio.to_thread(file.exists)
    assert (await inbox.api.get(f"/messages/{row.id}/media")).status_code == 404


async def test_parts_of_a_file(inbox: Inbox) -> None:
    inbox.connection.files.append(b"data")
    row = await picture(inbox)
    part = await inbox.api.get(f"/messages/{row.id}/media", headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"at")
    beyond = await inbox.api.get(f"/messages/{row.id}/media", headers={"Range": "bytes=99-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    ("mime", "served", "disposition"),
    [
        ("image/png", "image/png", "inline"),
        ("audio/ogg; codecs=opus", "audio/ogg", "inline"),
        ("application/pdf", "application/pdf", "inline"),
        ("text/html", "application/octet-stream", "attachment"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
        ("IMAGE/PNG", "image/png", "inline"),
        ("x\r\nSet-Cookie: a=b", "application/octet-stream", "attachment"),
    ],
)
async def test_files_of_strangers_are_served_harmlessly(inbox: Inbox, mime: str, served: str, disposition: str) -> None:
    inbox.connection.files.append(b"data")
    row = await picture(inbox, mime_type=mime, file_name='../"evil\r\nname".html')
    answer = await inbox.api.get(f"/messages/{row.id}/media")
    assert answer.headers["content-type"].partition(";")[0] == served
    assert answer.headers["content-disposition"].startswith(disposition)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
    assert answer.content == b"data"


def test_nothing_active_is_shown_in_place() -> None:
    for mime in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/javascript", ""):
        assert serving_headers(mime)[1] == "attachment"


def test_places_stay_below_the_directory(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    for place in ("../x", "/etc/passwd", "", ".", "a/../../x"):
        with pytest.raises(ValueError):
            files.path(place)
    for session in ("..", "a/b", "", "é", "a b", "a\0"):
        with pytest.raises(ValueError):
            files.place(session, uuid.uuid4(), uuid.uuid4())
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError):
        files.path("link/x")


async def test_an_unknown_size_is_not_downloaded_by_itself(inbox: Inbox) -> None:
    assert (await picture(inbox, size=None)).due_at is None
    off = receiver(inbox.database, inbox.files.root, auto=0)
    inbox.receive = off
    assert (await picture(inbox)).due_at is None
