"""What the demo bakery sells, knows and says, in Portuguese and English. All of it is invented.

Patterns are matched against text in lower case without accents.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["pt", "en"]


@dataclass(frozen=True, slots=True)
class Item:
    """Something on the menu; `price` in centavos."""

    pattern: str
    pt: str
    en: str
    price: int


@dataclass(frozen=True, slots=True)
class Topic:
    """Something people ask, and the answer."""

    name: str
    pattern: str
    pt: str
    en: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A file that comes with the phone page; no script can hear or see, so what it says or shows is known."""

    language: Language
    """That of the words; a picture is spoken of in the contact's own."""
    words: str
    """What a recording says, or what a picture shows."""
    answer: str | None = None
    """None: the words are answered as if they had been written."""
    english: "Sample | None" = None
    """The same for those who write English."""


SAMPLES = {
    # by SHA-256 of the files in prosa_simulator/control/page/samples
    "a937952a4b7d1fb5f3587fcd1cd9c78d1638aa002bb160dfaa19c714aaa42040": Sample(
        "pt", "Oi! Vocês entregam no domingo? Eu queria encomendar um bolo de aniversário."
    ),
    "c155e214669962e7950f666330b513566f0c56bdf5c795c0d5239f0c788a01c6": Sample(
        "en", "Hi! Do you deliver on Sundays? I would like to order a birthday cake."
    ),
    "c330509f89575a34e8492960d01dfc23348de4775a48d906e0cf1ac333bed8ed": Sample(
        "pt",
        "Um bolo de aniversário de chocolate com dois andares, cobertura cor-de-rosa, morangos e três velas acesas.",
        "Que lindo! Fazemos um bolo parecido, de dois andares com morangos, por R$ 75,00 o quilo, sob encomenda com 48 "
        "horas de antecedência. Para quantas pessoas seria?",
        Sample(
            "en",
            "A two-tier chocolate birthday cake with pink icing, strawberries and three lit candles.",
            "How lovely! We can make one like it, with two tiers and strawberries, for R$ 75.00 a kilo, ordered 48 "
            "hours ahead. How many people is it for?",
        ),
    ),
}

# Longer names first: "pao de queijo" must not be taken for "pao".
MENU = (
    Item(r"pa(?:o|es) de queijo|cheese breads?", "pão de queijo", "cheese bread", 450),
    Item(
        r"pa(?:o|es) frances(?:es)?|paezinhos?|pa(?:o|es)|(?:french |bread )?rolls?", "pão francês", "french roll", 120
    ),
    Item(r"bolos? de cenoura|carrot cakes?", "bolo de cenoura (fatia)", "slice of carrot cake", 1200),
    Item(r"brigadeiros?", "brigadeiro", "brigadeiro", 350),
    Item(r"coxinhas?", "coxinha", "coxinha", 700),
    Item(r"croissants?", "croissant", "croissant", 950),
    Item(r"sonhos?|(?:cream )?(?:doughnuts?|donuts?)", "sonho", "cream doughnut", 800),
    Item(r"sucos?(?: de laranja)?|(?:orange )?juices?", "suco de laranja", "orange juice", 900),
    Item(r"cafes?(?:zinhos?)?|coffees?|espressos?", "café", "coffee", 500),
)

NUMBERS = {
    "meia duzia": 6, "half a dozen": 6, "uma duzia": 12, "a dozen": 12, "duzia": 12, "dozen": 12,
    "um": 1, "uma": 1, "dois": 2, "duas": 2, "tres": 3, "quatro": 4, "cinco": 5, "seis": 6, "sete": 7, "oito": 8,
    "nove": 9, "dez": 10, "vinte": 20, "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
    "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twenty": 20,
}  # fmt: skip

# In the order they are looked for; an answer uses the first two that match.
TOPICS = (
    Topic(
        "birthday cake",
        r"\b(?:aniversario|birthday|encomenda\w* (?:de )?bolo|bolos? (?:de festa|inteiros?)|custom cakes?"
        r"|wedding|casamento)\b",
        "Fazemos bolos de festa sob encomenda com 48 horas de antecedência: R$ 75,00 o quilo, nos sabores brigadeiro, "
        "ninho com morango e prestígio. Para quantas pessoas seria?",
        "We bake party cakes to order, 48 hours ahead: R$ 75.00 a kilo, in brigadeiro, milk-and-strawberry and "
        "coconut-chocolate. How many people is it for?",
    ),
    Topic(
        "delivery",
        r"\b(?:entregas?|entregam|delivery|deliver|frete|motoboy|taxa de entrega|ifood)\b",
        "Entregamos num raio de 5 km, das 7h às 19h. A taxa é R$ 6,00 (grátis acima de R$ 60,00) e leva uns "
        "40 minutos.",
        "We deliver within 5 km, from 7 am to 7 pm. The fee is R$ 6.00 (free above R$ 60.00) and it takes about 40 "
        "minutes.",
    ),
    Topic(
        "hours",
        r"\b(?:horarios?|que horas|abre[ms]?|aberto|aberta|fecha[ms]?|funciona\w*|domingos?|sabados?|feriados?"
        r"|hours?|open|opening|close|closing|sundays?|saturdays?|holidays?)\b",
        "Abrimos de segunda a sábado das 6h às 20h, e aos domingos e feriados das 7h às 13h.",
        "We are open Monday to Saturday from 6 am to 8 pm, and on Sundays and holidays from 7 am to 1 pm.",
    ),
    Topic(
        "parking",
        r"\b(?:estacionamento|estacionar|vagas? (?:de|para) carro|parking|park)\b",
        "Temos quatro vagas na frente da loja, gratuitas por 30 minutos.",
        "There are four parking spots in front of the shop, free for 30 minutes.",
    ),
    Topic(
        "address",
        r"\b(?:endereco|onde (?:fica\w*|voces|e a|estao)|localizacao|como (?:chego|chegar)|perto de que"
        r"|address|where|located|location|directions)\b",
        "Estamos na Rua das Acácias, 128, Centro, ao lado da praça da matriz.",
        "We are at Rua das Acácias, 128, downtown, next to the church square.",
    ),
    Topic(
        "payment",
        r"\b(?:pix|cartao|cartoes|pagamentos?|pagar|pago|dinheiro|vale[- ]refeicao|credito|debito"
        r"|pay|payment|cards?|cash|credit|debit)\b",
        "Aceitamos Pix, cartão de débito e crédito, vale-refeição e dinheiro.",
        "We take Pix, debit and credit cards, meal vouchers and cash.",
    ),
    Topic(
        "diet",
        r"\b(?:gluten|vegan[oa]?s?|vegetarian[oa]?s?|lactose|sem acucar|diet|alergi\w*|allerg\w*|sugar[- ]free"
        r"|dairy|nuts?|nozes)\b",
        "Temos pão integral vegano e bolo de fubá sem lactose todos os dias. Nossa cozinha usa trigo e castanhas, "
        "então não indicamos para quem tem doença celíaca ou alergia grave.",
        "We have vegan wholegrain bread and a lactose-free corn cake every day. Our kitchen handles wheat and nuts, so "
        "we cannot recommend it with coeliac disease or a serious allergy.",
    ),
    Topic(
        "menu",
        r"\b(?:cardapio|menu|precos?|valor(?:es)?|tabela|quanto (?:custa\w*|e|sai)|o que (?:voces )?tem|sabores"
        r"|prices?|how much|cost|sell|what do you have|price list)\b",
        "{menu_pt}",
        "{menu_en}",
    ),
    Topic(
        "wi-fi",
        r"\b(?:wi-?fi|internet|tomadas?|trabalhar ai|laptop|work from)\b",
        "Temos Wi-Fi grátis e tomadas nas mesas do salão. A senha está no cardápio.",
        "There is free Wi-Fi, and sockets at the tables. The password is on the menu.",
    ),
    Topic(
        "phone",
        r"\b(?:telefone|ligar para|numero de voces|instagram|site|phone|call you|website)\b",
        "Nosso telefone é (11) 5555-0128 e no Instagram somos @padariaestrela.demo.",
        "Our phone is (11) 5555-0128, and on Instagram we are @padariaestrela.demo.",
    ),
    Topic(
        "person",
        r"\b(?:atendente|falar com (?:alguem|uma pessoa|o gerente|a gerente|humano)|gerente|humano"
        r"|human|manager|real person|talk to someone|speak to)\b",
        "Claro! Já chamei uma pessoa da equipe, que responde por aqui em alguns minutos.",
        "Of course! I have called someone from the team; they will answer here in a few minutes.",
    ),
    Topic(
        "complaint",
        r"\b(?:reclama\w*|queimad[oa]s?|estragad[oa]s?|atrasad[oa]s?|nao chegou|errad[oa]s?|pessim[oa]|horrivel"
        r"|complain\w*|burnt|stale|late|wrong|terrible|awful|never arrived)\b",
        "Sinto muito por isso! Pode me mandar o número do pedido ou uma foto? Resolvemos ainda hoje, com troca ou "
        "devolução do valor.",
        "I am so sorry about that! Could you send me the order number or a photo? We will sort it out today, with a "
        "replacement or a refund.",
    ),
    Topic(
        "job",
        r"\b(?:vagas? de emprego|emprego|curriculo|trabalhar com voces|contratando|job|hiring|resume|vacanc\w*)\b",
        "Que bom! Mande o currículo para vagas@padariaestrela.example que a Marta responde.",
        "Lovely! Send your CV to vagas@padariaestrela.example and Marta will answer.",
    ),
    Topic(
        "robot",
        r"\b(?:robo|bot|inteligencia artificial|e uma pessoa|are you (?:a )?(?:human|person|robot|real|ai)|chatbot)\b",
        "Sou a assistente virtual da Padaria Estrela; se preferir uma pessoa, é só pedir.",
        "I am Padaria Estrela's virtual assistant; if you would rather talk to a person, just ask.",
    ),
    Topic(
        "thanks",
        r"\b(?:obrigad[oa]|valeu|agradec\w+|thanks?|thank you|cheers)\b",
        "Eu que agradeço! Precisando, é só chamar.",
        "You are very welcome! I am here if you need anything.",
    ),
    Topic(
        "goodbye",
        r"\b(?:tchau|ate (?:logo|mais|amanha)|bye|goodbye|see you)\b",
        "Até logo! O pão sai quentinho às 6h e às 16h.",
        "See you soon! Warm bread comes out at 6 am and 4 pm.",
    ),
)

GREETING = r"^\W*(?:oi+|ola|bom dia|boa tarde|boa noite|e ai|opa|hi|hello|hey|good (?:morning|afternoon|evening))\b"

GREETINGS = {
    "pt": "Olá! Aqui é a Padaria Estrela. Como posso ajudar?",
    "en": "Hello! This is Padaria Estrela. How can I help?",
}

FALLBACKS = {
    "pt": "Boa pergunta! Vou confirmar com a equipe e já te respondo. Enquanto isso, posso ajudar com horários, "
    "cardápio, entregas ou encomendas.",
    "en": "Good question! Let me check with the team and get back to you. Meanwhile I can help with opening hours, the "
    "menu, delivery or orders.",
}

_PORTUGUESE = (
    "o os as um uma de do da dos das em no na que qual quais quanto quanta quantos quantas como onde quando voce "
    "voces tem temos eu meu minha me para pra por com sem nao sim e ou mas mais oi ola bom boa dia tarde noite "
    "obrigado obrigada valeu quero queria gostaria pode posso fica abre fecha hoje amanha bolo pao cafe entrega "
    "tudo bem nome pedido tchau ate aceita aceitam fazem vende vendem aberto ser sao esta estao isso"
)
_ENGLISH = (
    "the an of in on at is are was do does did what which how where when who you your i my me we it this that "
    "for with without not yes no or but more hi hello hey good morning afternoon evening thanks thank please want "
    "would like can could have has open close today tomorrow cake bread coffee delivery deliver name order bye "
    "much many there they will to and"
)

# Words that tell the two languages apart: frequent ones, and what people write to a bakery.
WORDS: dict[Language, frozenset[str]] = {
    "pt": frozenset(_PORTUGUESE.split()),
    "en": frozenset(_ENGLISH.split()),
}
