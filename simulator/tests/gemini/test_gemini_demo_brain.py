"""The demo bakery answers in the visitor's language and remembers."""

import base64
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from pydantic_ai import Agent

from prosa.ai import notes
from prosa_simulator.gemini import GeminiServer, Prompt, Turn
from prosa_simulator.gemini.demo_brain import bakery_answer, bakery_script, language_of, money, order_in

MakeAgent = Callable[..., Agent[None, Any]]


def conversation(*texts: str, system: str = "", last: Any = None) -> Prompt:
    """The visitor's texts with an answer after each but the last."""
    turns: list[Turn] = []
    for text in texts:
        turns += [Turn("user", ({"text": text},)), Turn("model", ({"text": "Certo!"},))]
    turns.pop()
    if last:
        turns[-1] = Turn("user", (*turns[-1].parts, last))
    return Prompt("gemini-2.5-flash", tuple(turns), system_text=system)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("oi", "Olá! Aqui é a Padaria Estrela"),
        ("Hello!", "Hello! This is Padaria Estrela"),
        ("Bom dia! Qual o horário de vocês?", "Olá! Abrimos de segunda a sábado das 6h"),
        ("what time do you open on sundays", "on Sundays and holidays from 7 am"),
        ("onde fica a padaria?", "Rua das Acácias, 128, Centro"),
        ("Where are you located?", "next to the church square"),
        ("qual é o cardápio de hoje?", "pão de queijo R$ 4,50, pão francês R$ 1,20"),
        ("What do you have on the menu?", "cheese bread R$ 4.50, french roll R$ 1.20"),
        ("quanto custa um croissant?", "croissant: R$ 9,50."),
        ("How much is a coffee and a carrot cake?", "coffee: R$ 5.00; slice of carrot cake: R$ 12.00."),
        ("vocês fazem entrega?", "Entregamos num raio de 5 km"),
        ("Do you deliver?", "We deliver within 5 km"),
        ("aceita pix?", "Aceitamos Pix"),
        ("Can I pay by card?", "We take Pix"),
        ("tem alguma coisa sem glúten?", "trigo e castanhas"),
        ("do you have vegan bread", "vegan wholegrain bread"),
        ("preciso de um bolo de aniversário", "sob encomenda com 48 horas"),
        ("tem estacionamento?", "quatro vagas"),
        ("Is there wifi?", "free Wi-Fi"),
        ("quero falar com um atendente", "uma pessoa da equipe"),
        ("are you a robot?", "virtual assistant"),
        ("meu pão veio queimado", "Sinto muito"),
        ("obrigado!", "Eu que agradeço"),
        ("thanks, bye", "You are very welcome! I am here if you need anything. See you soon!"),
        ("What is the meaning of life?", "Good question!"),
        ("qual o sentido da vida?", "Boa pergunta!"),
    ],
)
def test_natural_questions(question: str, answer: str) -> None:
    assert answer in bakery_answer(conversation(question))


@pytest.mark.parametrize(
    ("texts", "system", "answer"),
    [
        (["Meu nome é Ana", "qual é o meu nome?"], "", "Seu nome é Ana!"),
        (["Hi, my name is João", "Do you deliver?", "What is my name?"], "", "Your name is João!"),
        (["me chamo Rita", "na verdade pode me chamar de Bia", "você lembra o meu nome?"], "", "Seu nome é Bia!"),
        (["what's my name?"], "", "You have not told me your name yet."),
        (["qual é o meu nome?"], "Resumo da conversa: Cliente: Caio.", "Seu nome é Caio!"),
        (["me chamo Rita, vocês abrem domingo?"], "", "Prazer, Rita! Abrimos"),
        (["Quero 2 pães de queijo e um café", "quero mais 6 brigadeiros", "quanto ficou?"], "", "total R$ 35,00."),
        (["I'd like half a dozen rolls", "how much is my order?"], "", "6 × french roll, total R$ 7.20."),
        (["quanto ficou?"], "Cliente: Ana. Pedido: 3 × coxinha, total R$ 21,00.", "3 × coxinha, total R$ 21,00."),
        (["how much is my order?"], "", "I have no order from you yet."),
        (["My name is Ana", "I want two coffees"], "", "Noted, Ana: 2 × coffee, total R$ 10.00."),
        (["Do you deliver?", "ok"], "", "Good question!"),  # "ok" has no language: the earlier turn's counts
    ],
)
def test_context_is_used(texts: list[str], system: str, answer: str) -> None:
    assert answer in bakery_answer(conversation(*texts, system=system))


def test_summary_carries_the_facts_over() -> None:
    talk = conversation("Oi, meu nome é Ana", "quero 3 coxinhas", "vocês entregam?", system="Summarise this chat.")
    summary = bakery_answer(talk)
    assert summary == "Cliente: Ana. Pedido: 3 × coxinha, total R$ 21,00. Assuntos: delivery."
    assert bakery_answer(conversation("qual é o meu nome?", system=f"Be kind. {summary}")) == "Seu nome é Ana!"


def test_files_and_transcription() -> None:
    voice = {"inlineData": {"mimeType": "audio/ogg", "data": "T2dnUw=="}}
    assert bakery_answer(conversation("", last=voice)).startswith("Recebi seu áudio, obrigada! Esta demonstração")
    unseen = bakery_answer(conversation("[voice message]\n[2026-11-22 12:00 UTC, Sunday; Maria]"))
    assert unseen.startswith("Recebi seu áudio, obrigada! Esta demonstração segue um roteiro e não escuta")
    heard = bakery_answer(conversation("", system="Transcribe the voice message.", last=voice))
    assert heard == "Oi! Vocês têm bolo de cenoura hoje?"


@pytest.mark.parametrize(
    ("name", "note", "answer"),
    [
        ("voice-pt.ogg", "Oi! Vocês entregam no domingo?", "Olá! Fazemos bolos de festa sob encomenda"),
        ("voice-en.ogg", "Hi! Do you deliver on Sundays?", "Hello! We bake party cakes to order"),
        ("cake.jpg", "Um bolo de aniversário de chocolate", "Que lindo! Fazemos um bolo parecido"),
    ],
)
def test_the_samples_of_the_phone_page_are_known(name: str, note: str, answer: str) -> None:
    data = (files("prosa_simulator.control") / "page" / "samples" / name).read_bytes()
    file: Any = {"inlineData": {"mimeType": "audio/ogg", "data": base64.b64encode(data).decode()}}
    asked = f"[file 1]\n[2026-11-22 12:00 UTC, Sunday; Maria]\n{notes.request(1)}"
    turn = Turn("user", (file, {"text": asked}))
    said, noted = notes.split(bakery_answer(Prompt("gemini-2.5-flash", (turn,))), {1: 7})
    assert noted[7].startswith(note)
    assert said.startswith(answer)


def test_what_the_product_adds_is_not_the_question() -> None:
    assert bakery_answer(conversation("oi\n[2026-11-22 12:00 UTC, Sunday; Maria]")).startswith("Olá! Aqui é a Padaria")


@pytest.mark.parametrize(
    ("text", "language"),
    [("Vocês têm café?", "pt"), ("do you have coffee", "en"), ("ok", None), ("não", "pt"), ("123", None)],
)
def test_language(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_orders_and_money() -> None:
    assert {item.en: count for item, count in order_in("Quero uma dúzia de pães, 2 pão de queijo e café").items()} == {
        "french roll": 12,
        "cheese bread": 2,
        "coffee": 1,
    }
    assert not order_in("vocês têm pão?")
    assert money(1_205, "pt") == "R$ 12,05"


async def test_through_an_agent_with_latency(gemini: GeminiServer, make_agent: MakeAgent) -> None:
    gemini.script.default = bakery_script(latency=0.05).default
    agent = make_agent(instructions="You are the assistant of a bakery.")
    first = await agent.run("Oi! Meu nome é Ana.")
    second = await agent.run("Qual é o meu nome?", message_history=first.all_messages())
    assert first.output == "Prazer, Ana! Como posso ajudar?"
    assert second.output == "Seu nome é Ana!"
    assert all((record.seconds or 0) >= 0.05 for record in gemini.requests)
