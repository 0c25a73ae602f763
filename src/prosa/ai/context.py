"""Which messages a prompt contains, and as what text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prosa.ai.notes import marker
from prosa.ai.parts import Attachment

CONTACT = "contact"
"""The author of inbound messages; every other author speaks for us."""
PEOPLE = frozenset({"person", "phone"})
"""Authors who answer instead of the AI; the others of ours are it and fixed texts."""

LONGEST_MESSAGE = 8_000
"""Characters of one message that the model sees: WhatsApp allows 65,536."""

_CHARACTERS = 4
"""Of a token; see `estimate_tokens`."""
_MESSAGE_TOKENS = 4
"""What a message costs beside its text."""

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
        at: When it was stored, in seconds since 1970.
    """

    seq: int
    author: str
    text: str
    wa_id: str = ""
    asks: bool = False
    file: bool = False
    at: int = 0

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
    return len(text) // _CHARACTERS + _MESSAGE_TOKENS


def pending(messages: Sequence[PromptMessage], *, answered_until: int) -> list[PromptMessage]:
    """Return the contact's messages that nobody has answered: not the AI, and no person after them."""
    person = max([m.seq for m in messages if m.author in PEOPLE], default=answered_until)
    after = max(person, answered_until)
    return [m for m in messages if m.seq > after and m.author == CONTACT]


def choose(messages: Sequence[PromptMessage], *, answered_until: int, budget: int) -> list[PromptMessage]:
    """Return the messages for a prompt: all that fit, the unanswered ones at the end.

    Every turn appends to what the last one had, so the provider's cache holds all but the end. The budget is a last
    resort, for what no summary has shortened in time: then the oldest are left out.

    Args:
        messages: Those that the summary does not tell, in the order of `seq`.
        answered_until: `seq` up to which inbound messages were answered.
        budget: How many tokens at most; at least the newest message is always in it.
    """
    waiting = pending(messages, answered_until=answered_until)
    ordered = messages
    if waiting != list(messages[len(messages) - len(waiting) :]):
        # The contact may have written while an answer was made; what is to be answered then comes last.
        unanswered = {m.seq for m in waiting}
        ordered = [m for m in messages if m.seq not in unanswered] + waiting
    return newest_within(ordered, budget)


def newest_within(messages: Sequence[PromptMessage], budget: int, *, least: int = 1) -> list[PromptMessage]:
    """Return the newest messages that fit into a number of tokens, but never fewer than `least`."""
    first = len(messages)
    for message in reversed(messages):
        budget -= estimate_tokens(message.text)
        if len(messages) - first >= least and budget < 0:
            break
        first -= 1
    return list(messages[first:])


def tokens_of(messages: Sequence[PromptMessage]) -> int:
    """Return about how many tokens some messages are."""
    # as `estimate_tokens` of each; written out, because every turn asks it of all its messages several times
    return sum([len(message.text) // _CHARACTERS for message in messages]) + _MESSAGE_TOKENS * len(messages)


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


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + " […]"
