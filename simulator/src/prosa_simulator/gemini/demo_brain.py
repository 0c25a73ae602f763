"""The brain of the demo: answers like the assistant of a small bakery in Brazil, "Padaria Estrela".

No model, only rules: it finds the language and the topics of the question, and remembers names and orders by
reading the earlier turns (or the summary in the system instruction), so a demo shows whether context arrives.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import replace

from prosa_simulator.gemini.answers import Answer, Text
from prosa_simulator.gemini.demo_text import (
    FALLBACKS,
    GREETING,
    GREETINGS,
    MENU,
    NUMBERS,
    SAMPLES,
    TOPICS,
    WORDS,
    Item,
    Language,
    Sample,
)
from prosa_simulator.gemini.prompt import Prompt, Turn
from prosa_simulator.gemini.script import Script, structured_answer
from prosa_simulator.gemini.wire import JsonObject, as_text

_MOST_TOPICS = 2
_FREE_DELIVERY = "R$ 60"

_NAME_GIVEN = re.compile(
    r"(?:meu nome (?:é|e)|(?:eu )?me chamo|pode me chamar de|aqui (?:é|quem fala é)|my name(?:'s|’s| is)|call me"
    r"|customer:|cliente:)\s+(?:[ao]\s+)?(?P<name>[^\W\d_][\w'’-]*)",
    re.IGNORECASE,
)
_NAME_ASKED = re.compile(
    r"\b(?:what(?:'|’)?s|what is|know|remember|say|qual (?:e )?o?|lembra d?o?|sabe o?) ?(?:my|meu) (?:nome|name)"
)
_TOTAL_ASKED = re.compile(
    r"\b(?:total|quanto (?:ficou|deu|fica|vai dar|da tudo)|how much (?:is it all|is my order|do i owe|altogether"
    r"|in total)|(?:meu pedido|my order)\s*\??$)",
    re.MULTILINE,  # products put facts of the turn (time, name) on a line below the question
)
_WANTS = re.compile(
    r"\b(?:quero|queria|gostaria|vou querer|pedir|manda|me ve|separa\w*|reserva\w*|want|would like|i'd like|i’d like"
    r"|i'll (?:have|take)|order|get me|can i (?:have|get)|give me)\b"
)
_AMOUNTS = "|".join(sorted((re.escape(word) for word in NUMBERS), key=len, reverse=True))
_ORDER_LINE = re.compile(
    rf"\b(?:(?P<amount>\d{{1,3}}|{_AMOUNTS}) (?:[x×] )?(?:de |of |fatias? de |slices? of )?)?(?P<item>"
    + "|".join(f"(?P<item{index}>{item.pattern})" for index, item in enumerate(MENU))
    + r")\b"
)
_SUMMARISE = re.compile(
    r"\b(?:summari[sz]e|resuma|resumir)\b|\b(?:write|update|keep|escreva|atualize)\b.{0,60}\b(?:summary|resumo)\b"
)
_TRANSCRIBE = re.compile(r"\b(?:transcribe|transcription|transcreva|transcricao)\b")
_ASIDE = re.compile(
    r"\[\d{4}-\d\d-\d\d \d\d:\d\d [^\[\]]*\]|\[file \d+\]|\[Before your message, note .*\]\s*\Z", re.DOTALL
)
_PLACEHOLDERS = {"voice message": "AUDIO", "audio": "AUDIO", "image": "IMAGE", "video": "VIDEO"}
_PLACEHOLDER = re.compile(r"\[(voice message|audio|image|video|document)\b[^\]]*\]")
_INSTRUCTION_CHARS = 400  # a task like summarising is named at the start; further on the word may be chance


def bakery_script(*, latency: float = 0.0) -> Script:
    """A script whose default is the bakery's assistant.

    Args:
        latency: seconds each answer takes, so that a typing indicator can be seen.
    """

    def reply(prompt: Prompt) -> Answer:
        structured = structured_answer(prompt)
        return structured or Text(bakery_answer(prompt), latency=latency, chunk_delay=latency / 20)

    return Script(default=reply)


def bakery_answer(prompt: Prompt) -> str:
    """What the assistant says to this prompt, in the language of the question."""
    task = plain(prompt.system_text[:_INSTRUCTION_CHARS])
    question = plain(prompt.last_user_text)
    if _TRANSCRIBE.search(task) or (prompt.last_media and _TRANSCRIBE.search(question)):
        return "Oi! Vocês têm bolo de cenoura hoje?"
    if _SUMMARISE.search(task) or _SUMMARISE.search(question[:_INSTRUCTION_CHARS]):
        return _summary(prompt)
    noted = "[[file 1]]" in prompt.last_user_text  # the product asks for a note of the file before the answer
    prompt = _without_asides(prompt)
    question = plain(prompt.last_user_text)
    language = _language(prompt)
    if (sample := _sample(prompt)) is not None:
        return _about_sample(prompt, sample, language, noted=noted)
    for attempt in (_about_name, _about_order, _about_price, _about_topics, _about_media):
        if answer := attempt(prompt, question, language):
            return answer
    if re.search(GREETING, question):
        return GREETINGS[language]
    return FALLBACKS[language]


def language_of(text: str) -> Language | None:
    """The language with more of its common words in the text; None on a tie, as with "ok" or "2"."""
    words = re.findall(r"[a-z]+", plain(text))
    portuguese = sum(word in WORDS["pt"] for word in words) + 2 * bool(re.search("[ãõçáéíóúâêô]", text.lower()))
    english = sum(word in WORDS["en"] for word in words)
    if portuguese == english:
        return None
    return "pt" if portuguese > english else "en"


def plain(text: str) -> str:
    """Lower case, without accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def order_in(text: str) -> Counter[Item]:
    """How many of what a text orders; empty where nothing is asked for. An item without a number counts once."""
    question = plain(text)
    return _amounts(question) if _WANTS.search(question) else Counter()


def money(centavos: int, language: Language) -> str:
    """``R$ 12,50`` in Portuguese, ``R$ 12.50`` in English."""
    amount = f"R$ {centavos / 100:.2f}"
    return amount.replace(".", ",") if language == "pt" else amount


def _language(prompt: Prompt) -> Language:
    return next((found for text in reversed(prompt.user_texts) if (found := language_of(text))), "pt")


def _about_name(prompt: Prompt, question: str, language: Language) -> str | None:
    if _NAME_ASKED.search(question):
        name = _known_name([*prompt.user_texts[:-1], prompt.last_user_text], prompt.system_text)
        if name is None:
            return "Você ainda não me disse seu nome." if language == "pt" else "You have not told me your name yet."
        return f"Seu nome é {name}!" if language == "pt" else f"Your name is {name}!"
    found = _NAME_GIVEN.search(prompt.last_user_text)
    if found is None or order_in(prompt.last_user_text):
        return None
    more = _about_topics(prompt, question, language)
    hello = f"Prazer, {found['name']}!" if language == "pt" else f"Nice to meet you, {found['name']}!"
    help_offer = "Como posso ajudar?" if language == "pt" else "How can I help?"
    return f"{hello} {more or help_offer}"


def _about_order(prompt: Prompt, question: str, language: Language) -> str | None:
    if _TOTAL_ASKED.search(question):
        wanted = _ordered(prompt)
        if wanted:
            start = "Seu pedido:" if language == "pt" else "Your order:"
            return f"{start} {_receipt(wanted, language)}."
        return "Ainda não anotei nenhum pedido." if language == "pt" else "I have no order from you yet."
    wanted = order_in(prompt.last_user_text)
    if not wanted:
        return None
    name = _known_name(prompt.user_texts, prompt.system_text)
    whom = f", {name}" if name else ""
    if language == "pt":
        question = f"Vai retirar ou quer entrega (grátis acima de {_FREE_DELIVERY})?"
        return f"Anotado{whom}: {_receipt(wanted, language)}. {question}"
    return f"Noted{whom}: {_receipt(wanted, language)}. Pick-up, or delivery (free above {_FREE_DELIVERY})?"


def _about_price(_prompt: Prompt, question: str, language: Language) -> str | None:
    if not re.search(r"\b(?:quanto|preco|valor|how much|price|cost)\b", question):
        return None
    found = list(dict.fromkeys(_item(line) for line in _ORDER_LINE.finditer(question)))
    return (
        "; ".join(f"{_name(item, language)}: {money(item.price, language)}" for item in found) + "." if found else None
    )


def _about_topics(prompt: Prompt, question: str, language: Language) -> str | None:
    found = [topic for topic in TOPICS if re.search(topic.pattern, question)][:_MOST_TOPICS]
    if not found:
        return None
    says = " ".join(topic.pt if language == "pt" else topic.en for topic in found)
    menu = ", ".join(f"{_name(item, language)} {money(item.price, language)}" for item in MENU)
    says = says.replace("{menu_pt}", f"No cardápio de hoje: {menu}.").replace("{menu_en}", f"Today's menu: {menu}.")
    first_contact = re.search(GREETING, question) and len(prompt.user_texts) == 1
    return says if not first_contact else f"{'Olá!' if language == 'pt' else 'Hello!'} {says}"


def _about_media(prompt: Prompt, question: str, language: Language) -> str | None:
    placeholder = _PLACEHOLDER.search(question)  # of a file that the product could not show
    if not prompt.last_media and placeholder is None:
        return None
    modality = (
        prompt.last_media[0].modality if prompt.last_media else _PLACEHOLDERS.get(str(placeholder and placeholder[1]))
    )
    names = {
        "IMAGE": ("sua foto", "your photo", "vê fotos", "see pictures"),
        "AUDIO": ("seu áudio", "your voice message", "escuta", "hear"),
        "VIDEO": ("seu vídeo", "your video", "vê vídeos", "watch videos"),
        "DOCUMENT": ("seu arquivo", "your file", "lê arquivos", "read files"),
    }
    portuguese, english, nao, cannot = names[modality or "DOCUMENT"]
    if language == "pt":
        return f"Recebi {portuguese}, obrigada! Esta demonstração segue um roteiro e não {nao}: o Gemini responderia."
    return f"I got {english}, thank you! This demo follows a script and cannot {cannot}: Gemini would answer it."


def _sample(prompt: Prompt) -> Sample | None:
    """The first file of the newest turn that is known."""
    found = (SAMPLES.get(hashlib.sha256(file.data).hexdigest()) for file in prompt.last_media)
    return next((sample for sample in found if sample is not None), None)


def _about_sample(prompt: Prompt, sample: Sample, language: Language, *, noted: bool) -> str:
    """Answer a known file; with `noted`, after what it says, in the form that `prosa.ai.notes` reads."""
    if sample.english is not None and language == "en":
        sample = sample.english
    *earlier, last = prompt.turns
    heard = replace(prompt, turns=(*earlier, Turn(last.role, ({"text": sample.words},))))
    said = sample.answer or bakery_answer(heard)
    return f"[[file 1]] {sample.words}\n[[answer]]\n{said}" if noted else said


def _without_asides(prompt: Prompt) -> Prompt:
    """Leave out what a product adds for the model alone: the time and the name, file numbers, how to note files."""

    def clean(part: JsonObject) -> JsonObject:
        return {**part, "text": _ASIDE.sub("", as_text(part["text"])).strip()} if "text" in part else part

    return replace(prompt, turns=tuple(replace(turn, parts=tuple(map(clean, turn.parts))) for turn in prompt.turns))


def _summary(prompt: Prompt) -> str:
    """The facts a later answer needs: who, what was ordered, what was asked about."""
    texts = prompt.user_texts
    language = _language(prompt)
    facts = []
    if name := _known_name(texts, prompt.system_text):
        facts.append(f"{'Cliente' if language == 'pt' else 'Customer'}: {name}.")
    if wanted := _ordered(prompt):
        facts.append(f"{'Pedido' if language == 'pt' else 'Order'}: {_receipt(wanted, language)}.")
    everything = plain("\n".join(texts))
    if topics := [topic.name for topic in TOPICS if re.search(topic.pattern, everything)]:
        facts.append(f"{'Assuntos' if language == 'pt' else 'Topics'}: {', '.join(topics)}.")
    nothing = "Conversa curta, sem fatos a guardar." if language == "pt" else "A short chat without facts to keep."
    return " ".join(facts) or nothing


def _ordered(prompt: Prompt) -> Counter[Item]:
    """Everything ordered so far: what a summary in the system instruction says, and what the turns add."""
    wanted: Counter[Item] = Counter()
    for line in re.findall(r"\b(?:pedido|order): (.+?), total", plain(prompt.system_text)):
        wanted += _amounts(line)
    for line in "\n".join(prompt.user_texts).splitlines():
        wanted += order_in(line)
    return wanted


def _amounts(text: str) -> Counter[Item]:
    wanted: Counter[Item] = Counter()
    for line in _ORDER_LINE.finditer(text):
        amount = line["amount"]
        wanted[_item(line)] += 1 if amount is None else int(amount) if amount.isdecimal() else NUMBERS[amount]
    return wanted


def _known_name(texts: list[str], system_text: str) -> str | None:
    for text in [*reversed(texts), system_text]:
        if found := _NAME_GIVEN.search(text):
            return found["name"]
    return None


def _item(line: re.Match[str]) -> Item:
    return next(item for index, item in enumerate(MENU) if line[f"item{index}"])


def _name(item: Item, language: Language) -> str:
    return item.pt if language == "pt" else item.en


def _receipt(wanted: Counter[Item], language: Language) -> str:
    lines = ", ".join(f"{count} × {_name(item, language)}" for item, count in wanted.items())
    total = sum(item.price * count for item, count in wanted.items())
    return f"{lines}, total {money(total, language)}"
