"""Messages are found by their words, the same on both databases."""

import pytest
from tests.conversations.conftest import Inbox
from tests.fixtures.conversations import GROUP, OWN

from prosa import words
from prosa.whatsapp.engine import MediaInfo, MessageType

TEXTS = [
    "Bom dia, São Paulo!",
    "sao jorge 2024",
    "O preço é R$ 1.234,56 (com desconto)",
    "meu e-mail é ana.silva@example.com",
    "https://example.com/caminho?x=1",
    "Straße in ÇATALHÖYÜK",
    "привет мир",
    "こんにちは 世界",
    "AND OR NOT NEAR \"quoted\" 'single' * : & | ! ( )",
    "naïve café résumé",
    "x" * 5000,
    "Ångström ﬁne ①②",
    "pedido #4711-b pronto_agora",
]


async def found(inbox: Inbox, query: str, **more: str) -> list[str]:
    return [hit["message"]["body"] for hit in (await inbox.get("/messages/search", q=query, **more))["items"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sao", [1, 0]), ("SÃO", [1, 0]), ("são pau", [0]), ("paulo são", [0]), ("pau sao", []), ("jor", [1]),
        ("preco desc", [2]), ("1 234", [2]), ("r$", [9, 2]), ("silva", [3]), ("e-mail", [3]), ("example.com", [4, 3]),
        ("caminho", [4]), ("strasse", [5]), ("catalhoyuk", [5]), ("ПРИВЕТ", [6]), ("世界", [7]), ("and or not", [8]),
        ("\"quoted\" 'sin", [8]), ("near*", [8]), ("RESUME", [9]), ("angstrom fine 12", [11]), ("4711", [12]),
        ("agora", [12]), ("nothing", []), ("x" * 200, [10]), ("a:* | b", []),
    ],
)  # fmt: skip
async def test_words(inbox: Inbox, query: str, expected: list[int]) -> None:
    for text in TEXTS:
        await inbox.hear(text)
    assert await found(inbox, query) == [TEXTS[i] for i in expected]


async def test_what_is_no_word_is_refused(inbox: Inbox) -> None:
    for query in (" ", "!!!", "\0", "'", '"'):
        answer = await inbox.api.get("/messages/search", params={"q": query})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.q")


async def test_hits_name_their_conversation_in_pages(inbox: Inbox) -> None:
    for i in range(5):
        await inbox.hear(f"order {i}", chat=f"551100000000{i % 2}@s.whatsapp.net", push_name=f"Name {i % 2}")
    pages = await inbox.pages("/messages/search", 2, q="order")
    assert [[hit["message"]["body"] for hit in page] for page in pages] == [
        ["order 4", "order 3"], ["order 2", "order 1"], ["order 0"],
    ]  # fmt: skip
    hit = pages[0][0]["conversation"]
    assert (hit["contact_name"], hit["contact_phone"], hit["kind"]) == ("Name 0", "5511000000000", "contact")
    assert await found(inbox, "order", conversation=hit["id"]) == ["order 4", "order 2", "order 0"]
    assert await found(inbox, "order", session="main") == [f"order {i}" for i in (4, 3, 2, 1, 0)]


async def test_what_changes_is_found_as_it_is_now(inbox: Inbox) -> None:
    row = await inbox.hear("first words")
    await inbox.hear("other words", edits=row.wa_id, minutes=1)
    assert await found(inbox, "first") == []
    assert await found(inbox, "other") == ["other words"]
    await inbox.hear("", revokes=row.wa_id, minutes=2)
    assert await found(inbox, "other") == []
    await inbox.hear("secret", type=MessageType.REACTION, reacts_to=row.wa_id)
    assert await found(inbox, "secret") == []


async def test_file_names_and_our_own_messages_are_found(inbox: Inbox) -> None:
    info = MediaInfo(mime_type="application/pdf", file_name="Relatório final.pdf", size=1)
    await inbox.hear("", type=MessageType.DOCUMENT, media=info, payload={"documentMessage": {}})
    await inbox.hear("da matriz", from_me=True, sender=OWN)
    sent = await inbox.api.post("/sessions/main/messages", json={"to": GROUP, "text": "enviado pelo painel"})
    assert sent.status_code == 202
    assert len(await found(inbox, "relatorio")) == 1
    assert await found(inbox, "matriz") == ["da matriz"]
    assert await found(inbox, "painel") == ["enviado pelo painel"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("São  PAULO, são", "sao paulo"), ("", ""), ("…!?", ""), ("ﬀ Ⅻ", "ff xii"), ("İstanbul", "istanbul"),
        ("e\u0301 é", "e"), ("snake_case", "snake case"),
    ],
)  # fmt: skip
def test_folding(text: str, expected: str) -> None:
    assert words.indexed(text) == expected


def test_a_huge_text_stays_bounded() -> None:
    text = words.indexed(" ".join(f"{i:05}{'ü' * 200}" for i in range(5000)), "file name")
    assert len(text.split()) <= words.MAX_WORDS
    assert all(len(word) <= words.MAX_WORD for word in text.split())
