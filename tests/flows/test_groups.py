"""Groups end to end: real clients with sender keys on both sides, Prosa seen by its public API only."""

from collections import Counter
from typing import Any

from tests.fixtures.databases import on_sqlite
from tests.flows.conftest import ANA, SHOP, Stage

from prosa.whatsapp.engine import Quote, ReceiptType
from prosa_simulator.contacts import Contact
from prosa_simulator.gemini import Text
from prosa_simulator.network.groups import Addressing, Group

BIA = "5511977776666"


class Family:
    """A group of Ana, Bia and the number that Prosa holds, made by Ana."""

    def __init__(self, stage: Stage, group: Group, ana: Contact, bia: Contact) -> None:
        self.stage = stage
        self.group = group
        self.chat = str(group.jid)
        self.ana, self.bia = ana, bia
        self.shop_lid = f"{stage.world.network.phone(SHOP).lid}@lid"

    @property
    def mention(self) -> str:
        """How a text names the number."""
        return f"@{self.shop_lid.partition('@')[0]}"

    def said(self, contact: Contact) -> list[str]:
        """What the number wrote in the group, as a contact's phone shows it."""
        own = {self.shop_lid, f"{SHOP}@s.whatsapp.net"}
        return [m.body for m in contact.received if m.chat == self.chat and m.sender in own]

    async def answers(self, count: int) -> None:
        """Wait until both phones show this many messages of the number."""
        for contact in (self.ana, self.bia):
            await contact.wait_until(lambda of=contact: len(self.said(of)) >= count, 40)  # type: ignore[misc]

    async def quiet(self) -> None:
        """Wait until a question that Ana asks in private is answered: what was asked before would be by now."""
        before = len(self.ana.received)
        await self.ana.send_text(SHOP, "just between us")
        await self.ana.wait_until(lambda: any(not m.is_group for m in self.ana.received[before:]), 40)

    async def conversation(self, **wanted: Any) -> dict[str, Any]:
        """Return the group's conversation, once it is as wanted."""
        event = await self.stage.events.wait(
            "conversation.updated",
            lambda e: e["payload"]["contact_jid"] == self.chat and wanted.items() <= {**e["payload"]}.items(),
        )
        shown: dict[str, Any] = await self.stage.api.get(f"/conversations/{event['payload']['id']}")
        return shown


async def family(stage: Stage, groups: str, addressing: Addressing = "lid", **settings: Any) -> Family:
    await stage.link(audience={"groups": groups}, **settings)
    ana = await stage.ana()
    bia = await stage.world.contacts.link(BIA, name="Bia")
    group = stage.world.network.groups.create("Family", [BIA, SHOP], by=ANA, addressing=addressing)
    return Family(stage, group, ana, bia)


@on_sqlite
async def test_groups_are_off_at_first_stored_and_never_answered(stage: Stage) -> None:
    home = await family(stage, "off")
    await home.ana.send_text(home.chat, "Lunch on Sunday?")
    await home.bia.send_text(home.chat, f"{home.mention} are you coming?", mentions=[home.shop_lid])
    skipped = await stage.events.wait("ai.skipped")
    assert skipped["payload"]["reason"] == "group"
    stored = await stage.messages(f"{home.mention} are you coming?")
    lids = [home.ana.lid, home.bia.lid]
    assert [(m["author"], m["sender_name"], m["sender_jid"]) for m in stored] == [
        ("contact", "Ana", lids[0]), ("contact", "Bia", lids[1]),
    ]  # fmt: skip
    shown = await home.conversation(contact_name="Family")
    assert (shown["kind"], shown["ai_state"], shown["ai_reason"]) == ("group", "skipped", "group")
    await home.quiet()
    assert home.said(home.ana) == []
    texts = [text for asked in stage.world.gemini.requests.generations() for text in asked.texts()]
    assert not any("Lunch" in text or "coming" in text for text in texts), "the model is not told"


async def test_groups_on_answer_everybody_in_the_group(stage: Stage) -> None:
    await answers_everybody(stage, "lid")


@on_sqlite
async def test_a_group_that_names_its_members_by_number_is_answered_like_others(stage: Stage) -> None:
    await answers_everybody(stage, "pn")


async def answers_everybody(stage: Stage, addressing: Addressing) -> None:
    stage.world.gemini.latency = 0.6  # long enough for "typing…"
    home = await family(stage, "on", addressing)
    asked = await home.ana.send_text(home.chat, "Where is the shop?")
    await home.answers(1)
    again = await home.bia.send_text(home.chat, "And when does it open?")
    await home.answers(2)
    for contact in (home.ana, home.bia):
        got = [message for message in contact.received if message.sender not in {home.ana.lid, home.ana.jid}]
        got = [message for message in got if message.sender not in {home.bia.lid, home.bia.jid}]
        assert [message.quoted_wa_id for message in got] == [asked, again]
        assert {message.chat for message in got} == {home.chat}, "nobody is answered in private"
    assert {event.chat for event in home.bia.typing_events} == {home.chat}, "everybody sees that it types"
    last = stage.world.gemini.requests.generations()[-1]
    assert any("Ana" in text for text in last.texts())
    assert "Bia" in last.last_user_text
    stored = await stage.messages("And when does it open?")
    names = [(m["author"], m["sender_name"]) for m in stored]
    assert names == [("contact", "Ana"), ("ai", None), ("contact", "Bia"), ("ai", None)]
    jids = [home.ana.lid, home.bia.lid] if addressing == "lid" else [home.ana.jid, home.bia.jid]
    assert [m["sender_jid"] for m in stored if m["author"] == "contact"] == jids
    await stage.events.wait(
        "message.status",
        lambda e: e["payload"]["wa_id"] == stored[-1]["wa_id"] and e["payload"]["status"] == "delivered",
    )


@on_sqlite
async def test_only_who_mentions_or_quotes_the_number_is_answered(stage: Stage) -> None:
    home = await family(stage, "mentioned")
    ana, bia = home.ana, home.bia
    question = await ana.send_text(home.chat, "Who brings the cake?")
    await bia.wait_for("Who brings the cake?")
    await bia.send_text(home.chat, "Ana does", mentions=[ana.lid], quote=bia.received[-1])
    await ana.send_text(home.chat, f"{home.mention} only looks like a mention")
    await home.quiet()
    assert home.said(bia) == []

    meant = {
        "by hidden address": {"mentions": [home.shop_lid]},
        "by number": {"mentions": [SHOP]},
        "the number and another": {"mentions": [ana.lid, home.shop_lid]},
        "quoting what is not stored": {"quote": Quote("3EB0000000000000OLD1", home.shop_lid, "We open at 9")},
    }
    for count, (text, how) in enumerate(meant.items(), 1):
        await bia.send_text(home.chat, text, **how)  # type: ignore[arg-type]
        await home.answers(count)
    ours = next(message for message in bia.received if message.sender == home.shop_lid)
    await bia.send_text(home.chat, "quoting our answer", quote=ours)
    await home.answers(len(meant) + 1)
    await ana.send_text(home.chat, "quoting Bia", quote=ana.received[-2])
    await home.quiet()
    assert len(home.said(ana)) == len(meant) + 1
    stored = await stage.messages("Who brings the cake?")
    assert stored[0]["wa_id"] == question
    assert {m["skip_reason"] for m in stored} == {None}, "what people tell each other was not left out, only not meant"
    first = stage.world.gemini.requests.generations()[1]
    assert any("Who brings the cake?" in text for text in first.texts()), "it is part of the conversation all the same"


async def test_a_person_takes_a_group_over_and_gives_it_back(stage: Stage) -> None:
    home = await family(stage, "mentioned")
    await home.ana.send_text(home.chat, "hello", mentions=[home.shop_lid])
    await home.answers(1)
    person = await stage.world.contacts.link(SHOP, name="Shop")
    await person.send_text(home.chat, "I take this one")
    paused = await stage.events.wait("conversation.paused")
    assert (paused["payload"]["by"], paused["payload"]["reason"]) == ("phone", "message")
    await home.bia.send_text(home.chat, "when?", mentions=[home.shop_lid])
    skipped = await stage.events.wait("ai.skipped")
    assert skipped["payload"]["reason"] == "paused"
    await home.quiet()
    assert home.said(home.ana)[1:] == ["I take this one"]

    conversation = f"/conversations/{paused['payload']['id']}"
    await stage.api.post(f"{conversation}/resume", {"answer_waiting": True})
    await home.answers(3)
    stored = await stage.messages("when?")
    assert [m["author"] for m in stored] == ["contact", "ai", "phone", "contact", "ai"]


async def test_a_person_writes_to_a_group_by_the_api(stage: Stage) -> None:
    home = await family(stage, "on")
    body = {"to": home.chat, "text": "Closed on Monday"}
    sent = await stage.api.post("/sessions/shop/messages", body)
    await home.answers(1)
    assert home.said(home.ana) == home.said(home.bia) == ["Closed on Monday"]
    assert (await home.conversation(contact_name="Family"))["ai_paused_by"] == "person"
    await home.bia.send_text(home.chat, "Thanks", quote=home.bia.received[-1])
    [ours, thanks] = await stage.messages("Thanks")
    assert (ours["id"], thanks["quoted_wa_id"], thanks["skip_reason"]) == (sent["id"], ours["wa_id"], "paused")

    await stage.api.post(f"/conversations/{thanks['conversation_id']}/read", {})
    read = await home.bia.wait_receipt(thanks["wa_id"], ReceiptType.READ, 30)
    assert (read.chat, read.sender) == (home.chat, home.shop_lid)
    await stage.api.post(f"/messages/{thanks['id']}/react", {"emoji": "👍"})
    await home.bia.wait_for("👍", 30)
    await home.ana.wait_for("👍", 30)
    assert {shown.wa_id: dict(shown.reactions) for shown in home.bia.screen}[thanks["wa_id"]] == {home.shop_lid: "👍"}
    await stage.api.patch(f"/messages/{ours['id']}", {"text": "Closed on Monday and Tuesday"})
    await home.ana.wait_for("Closed on Monday and Tuesday", 30)
    await stage.api.delete(f"/messages/{ours['id']}")
    await home.ana.wait_until(lambda: [s.revoked for s in home.ana.screen if s.wa_id == ours["wa_id"]] == [True], 30)


@on_sqlite
async def test_who_was_removed_from_a_group_is_told_so(stage: Stage) -> None:
    home = await family(stage, "on")
    await home.ana.send_text(home.chat, "hello")
    await home.answers(1)
    stage.world.network.groups.remove(home.group, SHOP)
    sent = await stage.api.post("/sessions/shop/messages", {"to": home.chat, "text": "still there?"})
    failed = await stage.events.wait(
        "message.status", lambda e: e["payload"]["id"] == sent["id"] and e["payload"]["status"] == "failed"
    )
    assert failed["payload"]["error"].startswith("not_in_group: ")
    await home.bia.send_text(home.chat, "it is gone")
    await home.ana.wait_for("it is gone")
    await home.quiet()
    assert len(home.said(home.ana)) == 1
    conversation = await home.conversation(contact_name="Family")
    page = await stage.api.get(f"/conversations/{conversation['id']}/messages")
    assert "it is gone" not in [message["body"] for message in page["items"]]


@on_sqlite
async def test_a_group_is_called_what_its_people_call_it(stage: Stage) -> None:
    home = await family(stage, "off")
    await home.ana.send_text(home.chat, "hello")
    shown = await home.conversation(contact_name="Family")
    stage.world.network.groups.rename(home.group, "Cousins")
    await home.conversation(contact_name="Cousins")
    path = f"/conversations/{shown['id']}"
    assert (await stage.api.patch(path, {"contact_name": "Maria's family"}))["contact_name"] == "Maria's family"
    stage.world.network.groups.rename(home.group, "Cousins and aunts")
    await home.bia.send_text(home.chat, "renamed")
    await stage.messages("renamed")
    assert (await stage.api.get(path))["contact_name"] == "Maria's family", "a person's choice stands"


async def test_killed_in_the_middle_of_a_turn_a_group_is_answered_once(stage: Stage) -> None:
    stage.world.gemini.script.default = lambda _: Text("I can.", latency=1.5)
    home = await family(stage, "mentioned")
    await home.ana.send_text(home.chat, "Who can come?")
    asked = await home.bia.send_text(home.chat, "Can you?", mentions=[home.shop_lid])
    await stage.world.gemini.requests.wait_for(lambda log: len(log) >= 1, within=60)
    await stage.prosa.kill()
    before = len(stage.events.events)
    await home.ana.send_text(home.chat, "while it was away")
    await stage.prosa.start()
    await stage.opened(after=before)
    await home.answers(1)
    stored = await stage.messages("while it was away")
    assert Counter(m["author"] for m in stored) == {"contact": 3, "ai": 1}
    await home.quiet()
    for contact in (home.ana, home.bia):
        assert home.said(contact) == ["I can."]
    answer = next(message for message in home.bia.received if message.body == "I can.")
    assert (answer.chat, answer.quoted_wa_id) == (home.chat, asked)
