"""Which messages a prompt contains, and as what text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prosa.ai.notes import marker
from prosa.ai.parts import Attachment

CONTACT = "contact"
"""The author of inbound messages; every other author speaks for us."""
PEOPLE = frozenset({"person", "phone"})
"""Authors who answer instead of the AI; the others of ours are it and fixed texts."""

TOKEN_BUDGET = 8_000
"""Most tokens of messages in a prompt, as `estimate_tokens` counts."""
LONGEST_MESSAGE = 8_000
"""Characters of one message that the model sees: WhatsApp allows 65,536."""

_NOUNS = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "document": "document",
    "sticker": "sticker",
    "location": "location",
    "contact": "contact card",
    "poll": "poll",
}
_LEFT_OUT = frozenset({"reaction", "system", "unknown"})


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """What a prompt needs to know of a stored message.

    Attributes:
        seq: Its place in the conversation.
        author: `contact`, `ai`, `automatic`, `person` or `phone`.
        text: As the model sees it.
        wa_id: Its WhatsApp id.
        asks: It is the contact's, and says something that can be answered.
        file: It has a file of which nothing is noted yet.
    """

    seq: int
    author: str
    text: str
    wa_id: str = ""
    asks: bool = False
    file: bool = False

    @property
    def ours(self) -> bool:
        """Whether it speaks for the number, not for the contact."""
        return self.author != CONTACT


@dataclass(frozen=True, slots=True)
class Part:
    """What one side said before the other one did: texts, and files in their places."""

    ours: bool
    content: tuple[str | Attachment, ...]


def text_of(
    type_: str, body: str, *, file_name: str | None = None, voice: bool = False, transcript: str | None = None
) -> str | None:
    """Return a message as the model sees it; None where it is left out.

    A file stands as a placeholder with its caption: "[image: Is this one still there?]", "[voice message]".
    What was noted of it follows its caption: "[voice message: At nine]", "[image: this? — shows: a red bicycle]".
    """
    body = body.strip()
    if type_ in _LEFT_OUT:
        return None
    if type_ == "text":
        return _cut(body) or None
    noun = "voice message" if voice else _NOUNS.get(type_, type_)
    name = " ".join((file_name or "").split())[:100]
    said = ": ".join(text for text in (f'"{name}"' if name and type_ == "document" else "", body) if text)
    if transcript:
        shown = transcript if type_ == "audio" else f"shows: {transcript}"
        said = f"{said} — {shown}" if said else shown
    said = _cut(said)
    return f"[{noun}: {said}]" if said else f"[{noun}]"


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text is.

    Four characters a token: measured 4.24 for English and 3.92 for Portuguese on Gemma's tokenizer. What is billed
    comes from the provider's answer only.
    """
    return len(text) // 4 + 4


def pending(messages: Sequence[PromptMessage], *, answered_until: int) -> list[PromptMessage]:
    """Return the contact's messages that nobody has answered: not the AI, and no person after them."""
    person = max((m.seq for m in messages if m.author in PEOPLE), default=answered_until)
    return [m for m in messages if not m.ours and m.seq > max(person, answered_until)]


def choose(
    messages: Sequence[PromptMessage], *, answered_until: int, most: int, budget: int = TOKEN_BUDGET
) -> list[PromptMessage]:
    """Return the newest messages that fit, the unanswered ones at the end; those are in it even beyond `most`.

    The window does not slide by one with every message, which would change the beginning of every prompt and so lose
    the provider's prefix cache: it begins at multiples of a power of two, at most a quarter of its size, and grows at
    its end in between.

    Args:
        messages: In the order of `seq`.
        answered_until: `seq` up to which inbound messages were answered.
        most: How many messages at most, the unanswered ones aside.
        budget: How many tokens at most; at least the newest message is always in it.
    """
    if not messages:
        return []
    unanswered = {m.seq for m in pending(messages, answered_until=answered_until)}
    # The contact may have written while an answer was made; what is to be answered then comes last.
    ordered = [m for m in messages if m.seq not in unanswered] + [m for m in messages if m.seq in unanswered]
    oldest = messages[-1].seq - max(most, len(unanswered)) + 1
    begin = next(m.seq for m in messages if m.seq >= oldest)
    if messages[0].seq < begin:
        begin = _aligned(begin, most)
    window = [m for m in ordered if m.seq >= begin or m.seq in unanswered]
    if sum(estimate_tokens(m.text) for m in window) > budget:
        fits = _newest_within(window, budget)
        begin = _aligned(fits[0].seq, len(fits))
        window = [m for m in fits if m.seq >= begin or m.seq in unanswered]
    return window or [ordered[-1]]


def merge(
    messages: Sequence[PromptMessage], attachments: Mapping[int, Sequence[Attachment]] | None = None
) -> list[Part]:
    """Join what one side wrote in a row; most models want the sides to alternate.

    Args:
        messages: In order.
        attachments: Files of the contact's messages by `seq`; each follows its message's text and its number.
    """
    parts: list[Part] = []
    count = 0
    for message in messages:
        files: tuple[str | Attachment, ...] = ()
        for file in (attachments or {}).get(message.seq, ()) if not message.ours else ():
            count += 1
            files += (marker(count), file)
        if not parts or parts[-1].ours != message.ours:
            parts.append(Part(message.ours, (message.text, *files)))
            continue
        *before, last = parts[-1].content
        joined = [f"{last}\n{message.text}"] if isinstance(last, str) else [last, message.text]
        parts[-1] = Part(message.ours, (*before, *joined, *files))
    return parts


def _aligned(seq: int, size: int) -> int:
    """Return the first `seq` from this one on at which a window of about `size` messages may begin."""
    step = 1 << (max(1, size // 4).bit_length() - 1)
    return -(-seq // step) * step


def _newest_within(messages: Sequence[PromptMessage], budget: int) -> list[PromptMessage]:
    kept: list[PromptMessage] = []
    for message in reversed(messages):
        budget -= estimate_tokens(message.text)
        if kept and budget < 0:
            break
        kept.append(message)
    return kept[::-1]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + " […]"
