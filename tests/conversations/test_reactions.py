"""Messages are shown with the reactions that stand, wherever in the conversation the reactions themselves are."""

from typing import Any

import pytest
from tests.conversations.conftest import Inbox
from tests.fixtures.conversations import CONTACT, GROUP, OWN, messages
from tests.fixtures.databases import watched

from prosa.whatsapp.engine import MessageType

ELSEWHERE = "5511222222222@s.whatsapp.net"


async def react(inbox: Inbox, target: str, emoji: str, minutes: int, **changes: Any) -> None:
    await inbox.hear(emoji, type=MessageType.REACTION, reacts_to=target, minutes=minutes, **changes)


def shown(message: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["emoji"], one["sender_jid"]) for one in message["reactions"]]


async def test_the_last_of_each_person_stands_outside_of_the_page_too(inbox: Inbox) -> None:
    group: dict[str, Any] = {"chat": GROUP, "is_group": True}
    first = await inbox.hear("photo", wa_id="M1", sender="1@lid", **group)
    await inbox.hear("another", wa_id="M2", sender="1@lid", minutes=1, **group)
    await react(inbox, "M1", "👍", 2, sender="1@lid", **group)
    await react(inbox, "M1", "❤️", 3, sender="2@lid", **group)
    await react(inbox, "M1", "🎂", 4, sender="2@lid", **group)
    await react(inbox, "M1", "😂", 5, sender="3@lid", **group)
    await react(inbox, "M1", "", 6, sender="3@lid", **group)
    path = f"/conversations/{first.conversation_id}/messages"

    [page] = [page for page in await inbox.pages(path, 2, direction="newer") if page[0]["wa_id"] == "M1"]
    assert shown(page[0]) == [("👍", "1@lid"), ("🎂", "2@lid")]
    assert shown(page[1]) == []
    one = await inbox.get(f"/messages/{first.id}")
    assert one["reactions"] == page[0]["reactions"]
    [hit] = (await inbox.get("/messages/search", q="photo"))["items"]
    assert hit["message"]["reactions"] == page[0]["reactions"]
    reaction = await inbox.get(f"/messages/{one['reactions'][1]['id']}")
    assert (reaction["type"], reaction["body"]) == ("reaction", "🎂")


async def test_both_sides_of_a_chat_react(inbox: Inbox) -> None:
    row = await inbox.hear("hello", wa_id="M1")
    await react(inbox, "M1", "🙏", 1)
    await react(inbox, "M1", "👍", 2, from_me=True, sender=OWN)
    await react(inbox, "gone", "👍", 3)
    answer = await inbox.get(f"/messages/{row.id}")
    assert shown(answer) == [("🙏", CONTACT), ("👍", OWN)]
    assert [one["from_me"] for one in answer["reactions"]] == [False, True]


async def test_a_reaction_to_the_same_id_elsewhere_is_not_shown(inbox: Inbox) -> None:
    row = await inbox.hear("hello", wa_id="M1")
    await inbox.hear("hello", wa_id="M1", chat=ELSEWHERE)
    await react(inbox, "M1", "👍", 1, chat=ELSEWHERE)
    [there] = [one for one in await messages(inbox.database) if one.wa_id == "M1" and one.id != row.id]
    assert shown(await inbox.get(f"/messages/{row.id}")) == []
    assert shown(await inbox.get(f"/messages/{there.id}")) == [("👍", ELSEWHERE)]


@pytest.mark.parametrize("count", [1, 8])
async def test_a_page_asks_once(inbox: Inbox, count: int) -> None:
    row = await inbox.hear("hello")
    for n in range(count):
        await inbox.hear(f"{n}", wa_id=f"M{n}")
        await react(inbox, f"M{n}", "👍", n)
    with watched(inbox.database) as statements:
        page = await inbox.get(f"/conversations/{row.conversation_id}/messages")
    assert len([one for one in page["items"] if one["reactions"]]) == count
    assert len([sql for sql, _ in statements if "quoted_wa_id IN" in sql]) == 1
