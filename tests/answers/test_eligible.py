"""What is the same question, and which questions a store may answer at all."""

import pytest

from prosa.answers.eligible import Unfit, reusable, unfit
from prosa.answers.text import normalised


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Qual o horário de funcionamento?", "qual o horario de funcionamento"),
        ("Oi, bom dia! Tem estacionamento? 😊", "TEM ESTACIONAMENTO"),
        ("Hello! Do you deliver, please? Thanks!!", "do you deliver"),
        ("Custa R$ 10,50?", "custa r$ 10,50"),
        ("boa noite", "Boa noite!"),
    ],
)
def test_the_same_question(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Abre às 10:30?", "Abre às 1030?"),
        ("É de 10%?", "É de 10?"),
        ("Custa 1.5?", "Custa 15?"),
        ("Posso levar 👍", "Posso levar 👎"),
        ("Tem na loja?", "Não tem na loja?"),
    ],
)
def test_another_question(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


ALONE = [
    "Qual o horário de funcionamento da loja?",
    "Oi! Vocês entregam em Santos no sábado?",
    "How long does it take to deliver to Porto?",
    "Is it possible to pay by card in the shop?",
    "What are your opening hours on Sunday?",
    "É seguro comprar no site de vocês?",
    "Só veio uma peça e comprei duas",
    "Tá com defeito a bolsa que comprei",
    "Esqueci minha senha do site, como faço?",
    "Dá pra emitir nota com meu CPF?",
    "Posso chegar umas 17h30 na loja?",
]


@pytest.mark.parametrize("text", ALONE)
def test_a_question_that_stands_alone(text: str) -> None:
    assert unfit(text, first=False) is None
    assert unfit(text, first=True) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("e amanhã?", Unfit.TOO_SHORT),
        ("sim", Unfit.TOO_SHORT),
        ("ok", Unfit.TOO_SHORT),
        ("2", Unfit.TOO_SHORT),
        ("quanto custa?", Unfit.TOO_SHORT),
        ("E o frete para Santos quanto fica?", Unfit.GOES_ON),
        ("And what about delivery on Sunday?", Unfit.GOES_ON),
        ("Vocês entregam esse produto em casa?", Unfit.GOES_ON),
        ("Does the shop have it in blue?", Unfit.GOES_ON),
        ("Quanto custa aquele vestido da vitrine?", Unfit.GOES_ON),
        ("Tem outro modelo na loja hoje?", Unfit.GOES_ON),
        ("[image: quanto custa este modelo?]", Unfit.PLACEHOLDER),
        ("Onde está o pedido 1234567?", Unfit.PERSONAL),
        ("Tá bom, vou comprar na loja", Unfit.GOES_ON),
        ("Minha senha é abacaxi, não entra", Unfit.PERSONAL),
        ("Meu endereço: rua das Flores, dez", Unfit.PERSONAL),
        ("O CPF é 123.456.789-09 na nota", Unfit.PERSONAL),
        ("Meu nome é Maria, quero saber o preço", Unfit.PERSONAL),
        ("Meu email é ana@example.com, podem cadastrar?", Unfit.PERSONAL),
        ("Liga no +55 11 99999-0001 por favor", Unfit.PERSONAL),
        ("Cadê o pacote AB123CD45 do correio?", Unfit.PERSONAL),
        ("x" * 501, Unfit.TOO_LONG),
    ],
)
def test_a_question_for_the_model(text: str, reason: Unfit) -> None:
    assert unfit(text, first=False) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Quero entrega no centro de Santos", Unfit.REPLY),
        ("I would like delivery to Porto", Unfit.REPLY),
        ("Vocês entregam no centro de Santos", None),
        ("Quanto custa a entrega em Santos", None),
        ("I would like to know: is parking free?", None),
    ],
)
def test_what_may_be_a_reply_to_us_goes_to_the_model(text: str, reason: Unfit | None) -> None:
    assert unfit(text, first=False, before="Posso ajudar em algo mais? 😊") == reason
    assert unfit(text, first=False, before="Temos os dois.") is None


def test_the_first_message_has_nothing_to_point_back_to() -> None:
    text = "I lost my card, can I block it?"
    assert unfit(text, first=False) == Unfit.GOES_ON
    assert unfit(text, first=True) is None
    assert unfit("Quanto custa o curso?", first=True) is None
    assert unfit("e amanhã?", first=True) is not None


@pytest.mark.parametrize(
    ("answer", "name", "again"),
    [
        ("Abrimos das 9 às 18.", "Maria Souza", True),
        ("Oi Maria, abrimos das 9 às 18.", "Maria Souza", False),
        ("Hoje abrimos até as 18.", None, False),
        ("We are open now.", None, False),
    ],
)
def test_an_answer_that_may_be_given_again(answer: str, name: str | None, again: bool) -> None:
    assert reusable(answer, contact_name=name) is again
