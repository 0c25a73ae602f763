"""Small edits that turn an answer around are seen, in Portuguese and English; other words for the same are let pass."""

import pytest

from prosa.answers.guards import agrees, disagreement, facts

REVERSED = [
    ("Como faço para cancelar meu cartão?", "Como faço para ativar meu cartão?", "opposites"),
    ("Quero desativar as notificações", "Quero ativar as notificações", "opposites"),
    ("Como desbloqueio meu celular?", "Como bloqueio meu celular?", "opposites"),
    ("Vocês compram carros usados?", "Vocês vendem carros usados?", "opposites"),
    ("Que horas a loja fecha?", "Que horas a loja abre?", "opposites"),
    ("Posso entrar depois das 18h?", "Posso entrar antes das 18h?", "opposites"),
    ("Como aumento meu limite?", "Como diminuo meu limite?", "opposites"),
    ("Tem bolo sem glúten?", "Tem bolo com glúten?", "negation"),
    ("Vocês não entregam em casa?", "Vocês entregam em casa?", "negation"),
    ("Não quero mais receber mensagens", "Quero receber mensagens", "negation"),
    ("Ninguém atende no domingo?", "Alguém atende no domingo?", "negation"),
    ("Vocês entregam em Campinas?", "Vocês entregam em Santos?", "names"),
    ("vocês entregam em campinas?", "vocês entregam em santos?", "names"),
    ("Tem ônibus para Recife?", "Tem ônibus para Natal?", "times"),
    ("Quanto custa o plano de 12 meses?", "Quanto custa o plano de 6 meses?", "numbers"),
    ("Vocês abrem no sábado?", "Vocês abrem no domingo?", "times"),
    ("Tem consulta amanhã?", "Tem consulta hoje?", "times"),
    ("Aceitam cartão em 3 vezes?", "Aceitam cartão em 10 vezes?", "numbers"),
    ("Quanto custa a entrega?", "Quanto tempo demora a entrega?", "question"),
    ("Quero marcar uma consulta", "Quero desmarcar uma consulta", "opposites"),
    ("Quero adiar meu agendamento", "Quero cancelar o agendamento", "opposites"),
    ("Can I postpone my appointment?", "Can I cancel my appointment?", "opposites"),
    ("Como excluo um endereço?", "Como adiciono um endereço?", "opposites"),
    ("Quero alterar meu pedido", "Quero cancelar meu pedido", "actions"),
    ("How do I cancel my card?", "How do I activate my card?", "opposites"),
    ("Can I withdraw money?", "Can I deposit money?", "opposites"),
    ("Do you deliver to Lisbon?", "Do you deliver to Porto?", "names"),
    ("My card isn't working", "My card is working", "negation"),
    ("Is there parking without a fee?", "Is there parking with a fee?", "negation"),
    ("Can I get in before 10?", "Can I get in after 10?", "opposites"),
    ("Are you open on Monday?", "Are you open on Friday?", "times"),
    ("Is shipping free above 50 €?", "Is shipping free above 100 €?", "numbers"),
    ("Where is my order?", "When is my order coming?", "question"),
    ("How do I unblock my account?", "How do I block my account?", "opposites"),
    ("Do you sell used phones?", "Do you buy used phones?", "opposites"),
    ("How do I remove a card?", "How do I add a card?", "opposites"),
    ("Pode entrar até 18 anos?", "Pode entrar a partir de 18 anos?", "bounds"),
    ("Vocês abrem até as 9h?", "Vocês abrem a partir das 9h?", "bounds"),
    ("Entrega grátis abaixo de R$ 100?", "Entrega grátis acima de R$ 100?", "bounds"),
    ("Crianças menores de dois anos pagam?", "Crianças maiores de dois anos pagam?", "bounds"),
    ("Is it free for people under 18?", "Is it free for people over 18?", "bounds"),
    ("Is shipping free up to 50 €?", "Is shipping free from 50 €?", "bounds"),
    ("Can I rent for at most 3 days?", "Can I rent for at least 3 days?", "bounds"),
]  # fmt: skip

SAME = [
    ("como ativo meu cartao", "Como faço para ativar meu cartão?"),
    ("qual o horário de funcionamento?", "que horas vocês funcionam?"),
    ("Oi, bom dia! Vocês entregam em Santos?", "vocês fazem entrega em Santos"),
    ("Boa noite, tem estacionamento no local? Obrigado", "vocês têm estacionamento?"),
    ("quanto fica o frete?", "qual é o valor do frete"),
    ("dá pra pagar com pix?", "posso pagar no pix?"),
    ("o cartão não chegou ainda", "meu cartão ainda não chegou"),
    ("no site diz que tem desconto", "o site diz que tem desconto"),
    ("my card has not arrived", "My card still hasn't arrived"),
    ("Do you ship to Portugal?", "is shipping to Portugal possible?"),
    ("how do i turn on notifications", "How can I turn on notifications?"),
    ("no, I mean how do I top up", "no, how can I top up?"),
    ("What are your opening hours?", "when are you open"),
    ("dá pra retirar na loja?", "posso buscar na loja"),
    ("Abrem das 9 até as 18?", "vocês abrem de 9 a 18"),
    ("open from 9 until 6?", "are you open until 6 from 9"),
    ("até quando posso desmarcar", "preciso desmarcar meu horário"),
    ("estacionamento grátis pra cliente?", "tem estacionamento?"),
    ("is the refund in cash or store credit", "how do I get my refund?"),
]


@pytest.mark.parametrize(("asked", "known", "reason"), REVERSED)
def test_a_reversed_question_differs(asked: str, known: str, reason: str) -> None:
    assert disagreement(facts(asked), facts(known)) == reason
    assert disagreement(facts(known), facts(asked)) is not None


@pytest.mark.parametrize(("asked", "known"), SAME)
def test_other_words_for_the_same_agree(asked: str, known: str) -> None:
    assert disagreement(facts(asked), facts(known), known.casefold().split()) is None


def test_a_place_that_the_answer_knows_is_nothing_new() -> None:
    asked, known = facts("Vocês entregam em Campinas?"), facts("Vocês entregam em Santos?")
    assert disagreement(asked, known, {"campinas", "santos"}) is None


@pytest.mark.parametrize(
    ("asked", "known", "differs"),
    [
        ("para onde mando o currículo", "para onde mando o pix", "words"),
        ("how do I reset the router", "how do I reset the password", "words"),
        ("how do I reset my passwords", "how do I reset my password", None),
        ("how do I reset my code", "how do I reset my password", None),
        ("when will my new card come", "my card has not come", None),
    ],
)
def test_one_word_in_place_of_another_is_another_question(asked: str, known: str, differs: str | None) -> None:
    """Unless the answer knows the word ("code"), or it is a form of the other one."""
    found = agrees(facts(asked), [facts(known)], {"code", "card"})
    assert (found == "words") is (differs == "words")
