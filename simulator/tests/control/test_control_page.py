"""The page of the control server: its files, its one stream, and who may have them."""

import asyncio
import json
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from .conftest import Control

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "simulator" / "src" / "prosa_simulator" / "control" / "page"
MARIA, JOAO, SHOP = "5511988887777", "5511977776666", "551140000001"


async def test_browsers_get_the_page_and_programs_the_list(control: Control) -> None:
    page = await control.ask("GET", "/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.json == (await control.ask("GET", "/phone")).json
    assert "GET /live" in (await control.get("/"))["routes"]
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert policy.endswith("frame-src 'none'")  # there is no Prosa in this world
    assert "unsafe" not in policy


async def test_every_file_that_is_asked_for_is_there(control: Control) -> None:
    page: str = (await control.ask("GET", "/phone")).json
    wanted = set(re.findall(r'(?:src|href)="/page/([^"]+)"', page))
    seen: set[str] = set()
    while wanted - seen:
        seen.add(name := (wanted - seen).pop())
        answer = await control.ask("GET", f"/page/{name}")
        assert answer.status == 200, name
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if name.endswith(".js"):
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
            wanted |= set(re.findall(r'from "\./([^"]+)"', answer.json))
            assert not re.search(
                r"innerHTML|insertAdjacent|document\.write|https?://(?!www\.w3\.org|wa\.me)", answer.json
            )
    assert {"main.js", "words.js", "style.css", "icon.svg"} <= seen
    for name in ("nothing.js", "..%2fserver.py", "samples"):
        assert (await control.ask("GET", f"/page/{name}")).status == 404


@pytest.mark.node
async def test_the_types_of_the_modules_agree() -> None:
    compiler = ROOT / "web" / "node_modules" / "typescript" / "bin" / "tsc"
    node = shutil.which("node")
    if node is None or not compiler.is_file():
        pytest.skip("needs Node.js and make setup-dev")
    command = [node, compiler, "-p", PAGE / "jsconfig.json"]
    run = partial(subprocess.run, command, capture_output=True, text=True, check=False)
    checked: subprocess.CompletedProcess[str] = await asyncio.to_thread(run)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", ["/phone", "/page/main.js", "/live", "/codes"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_strangers_pages_get_nothing(control: Control, path: str, headers: dict[str, str]) -> None:
    assert (await control.ask("GET", path, headers=headers)).status == 403


class Stream:
    """What the page is told."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._lines = response.content

    async def wait(self, wanted: Any) -> dict[str, Any]:
        """Return the first event to come that is wanted: a function of its name and data."""
        async with asyncio.timeout(60):
            while True:
                line = (await self._lines.readline()).decode()
                if line.startswith("event: "):
                    name = line.removeprefix("event: ").strip()
                    data = json.loads((await self._lines.readline()).decode().removeprefix("data: "))
                    if wanted(name, data):
                        return dict(data)


async def test_one_stream_tells_of_the_world_and_of_every_screen(control: Control) -> None:
    maria = await control.link(MARIA, "Maria")
    async with control.http.get(f"{control.url}/live") as response:
        assert response.content_type == "text/event-stream"
        stream = Stream(response)
        world = await stream.wait(lambda name, _: name == "world")
        assert [person["number"] for person in world["contacts"]] == [MARIA]
        assert (world["codes"], world["prosa"], world["listening"]) == ([], [], True)
        shown = await stream.wait(lambda name, _: name == "screen")
        assert (shown["number"], shown["messages"]) == (MARIA, [])

        await control.link(JOAO, "João")
        await stream.wait(lambda name, data: name == "world" and len(data["contacts"]) == 2)
        await control.post(f"{maria}/messages", {"to": JOAO, "text": "Oi!"})
        shown = await stream.wait(lambda name, data: name == "screen" and data["number"] == JOAO and data["messages"])
        assert shown["messages"][0]["body"] == "Oi!"


async def test_a_message_that_is_tried_again_is_one(control: Control) -> None:
    await control.ask("POST", "/contacts", {"phone": MARIA, "name": "Maria"})
    await control.ask("POST", "/contacts", {"phone": JOAO, "name": "João"})
    wanted = {"to": JOAO, "text": "Uma vez só", "wa_id": "3EB0" + "AB" * 9}
    for _ in range(2):
        assert (await control.post(f"/contacts/{MARIA}/messages", wanted))["wa_id"] == wanted["wa_id"]
    shown = await control.wait(
        f"/contacts/{JOAO}",
        lambda shown: any(one["body"] == "Uma vez só" and one["resent"] for one in shown["messages"]),
    )
    assert [one["wa_id"] for one in shown["messages"] if one["body"] == "Uma vez só"] == [wanted["wa_id"]]
    odd = await control.ask("POST", f"/contacts/{MARIA}/messages", wanted | {"wa_id": "x"})
    assert [wrong["field"] for wrong in odd.json["fields"]] == ["wa_id"]


async def test_no_plug_to_pull_where_no_prosa_was_started(control: Control) -> None:
    answer = await control.ask("POST", "/prosa/crash", {})
    assert (answer.status, answer.json["error"]) == (409, "no-prosa")
    assert await control.get("/codes") == {"codes": []}
