"""Groups over HTTP: made, changed, written to."""

import pytest

from .conftest import Control

ANA, BIA, CAIO = "5511988887777", "5511977776666", "5511966665555"


@pytest.fixture(scope="module")
async def ana(control: Control) -> str:
    return await control.link(ANA, "Ana")


@pytest.fixture(scope="module")
async def bia(control: Control) -> str:
    return await control.link(BIA, "Bia")


async def test_a_group_is_made_written_to_and_changed(control: Control, ana: str, bia: str) -> None:
    group = await control.post("/groups", {"name": "Family", "by": f"+{ANA}", "members": [BIA]})
    assert (group["name"], group["by"], group["members"], group["addressing"]) == ("Family", ANA, [ANA, BIA], "lid")
    said = await control.post(f"{ana}/messages", {"to": group["jid"], "text": "Oi @Bia", "mentions": [BIA]})
    assert said["chat"] == group["jid"]
    seen = await control.wait(bia, lambda shown: said["wa_id"] in {m["wa_id"] for m in shown["messages"]})
    [message] = seen["messages"]
    assert (message["chat"], message["sender"], message["sender_name"]) == (group["jid"], ANA, "Ana")
    await control.post(f"{bia}/reactions", {"wa_id": said["wa_id"], "emoji": "👍"})
    await control.wait(ana, lambda shown: shown["messages"][0]["reactions"] == {BIA: "👍"})

    assert (await control.ask("PUT", f"/phones/{CAIO}", {"name": "Caio"})).status == 200
    change = {"name": "Cousins", "add": [CAIO], "remove": [BIA]}
    changed = await control.ask("PUT", f"/groups/{group['jid']}", change)
    assert (changed.json["name"], changed.json["members"]) == ("Cousins", [ANA, CAIO])
    assert await control.get("/groups") == [changed.json] == (await control.get("/state"))["groups"]
    assert await control.get(f"/groups/{group['jid']}") == changed.json


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", "/groups", {"name": "F", "by": "5511900000000", "members": []}, 404, "unknown-phone"),
        ("POST", "/groups", {"name": "", "by": ANA, "members": []}, 400, "bad-request"),
        ("GET", "/groups/120363000000000000@g.us", None, 404, "unknown-group"),
        ("PUT", "/groups/nonsense", {}, 404, "unknown-group"),
    ],
)
async def test_what_cannot_be_is_refused(
    control: Control, method: str, path: str, body: object, status: int, error: str
) -> None:
    answer = await control.ask(method, path, body)
    assert (answer.status, answer.json["error"]) == (status, error), answer
