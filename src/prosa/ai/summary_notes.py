"""The summary of a conversation: notes, a line each, that say who said it. Made by a model or by rule, and checked.

A note is data, like what it was made from: one line, without brackets to step out of, with its speaker in front.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prosa.ai.context import PromptMessage, estimate_tokens
from prosa.ai.facts import Source, facts_of, fold, weight

CONTACT = "contact"
"""What the contact said, or claims."""
WE = "we"
"""What the number said: the AI or a person."""
NOTED = "noted"
"""What came up between the two."""

LONGEST_NOTE = 300
"""Characters."""
MOST_NOTES = 60
_EXTRACT = 200
_OWN_WORDS = 0.5
_COMMANDS = re.compile(
    r"\b(?:ignor\w*|disregard|forget|override|desconsider\w*|esque[cç]\w*|olvid\w*|vergiss)\b.{0,60}"
    r"\b(?:instru[cç]\w*|rules?|regras?|reglas?|prompt|anweisung\w*)|\bsystem ?prompt\b|\bprompt de sistema\b",
    re.IGNORECASE,
)
"""What tries to be an instruction is no note: no later answer needs it."""
_SENTENCE = re.compile(r"[^.!?…\n]+(?:[.!?…]+(?=\s|$)|[.,](?=\S)[^.!?…\n]*|$)*")
_LINE = re.compile(r"^(?:[-*•]|\d+[.)])?\s*(?:\*{0,2}(contact|we|noted)\*{0,2}\s*:\*{0,2})?\s*(.*)$", re.IGNORECASE)
_BRACKETS = str.maketrans({"[": "(", "]": ")", "<": "(", ">": ")", "{": "(", "}": ")"})


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the summary."""

    who: str
    text: str

    def __str__(self) -> str:
        return f"- {self.who}: {self.text}"

    @property
    def tokens(self) -> int:
        """About how many tokens it is."""
        return len(str(self)) // 4 + 1


def read(text: str | None) -> list[Note]:
    """Read notes as a model writes them or as they are stored; what says nothing is left out."""
    notes = []
    for line in (text or "").splitlines():
        found = _LINE.match(line.strip())
        words = _plain(found[2] if found else line)
        if any(letter.isalnum() for letter in words) and not _COMMANDS.search(words):
            notes.append(Note(((found and found[1]) or NOTED).lower(), words))
    return notes[:MOST_NOTES]


def write(notes: Iterable[Note]) -> str:
    """Return the notes as they are stored and as the prompt has them."""
    return "\n".join(str(note) for note in notes)


def checked(
    notes: Iterable[Note], messages: Sequence[PromptMessage], before: Sequence[Note], known: Sequence[str] = ()
) -> tuple[list[Note], list[str]]:
    """Return the notes that state nothing new, and the facts that the others invented.

    What a note says of us must have been said by us; where it was not, the note no longer claims it.

    Args:
        notes: To check.
        messages: What they were made from.
        before: The notes that there were already.
        known: What else is known, such as the contact's name.
    """
    days = {day_of(message) for message in messages}
    ours = Source.of([*(m.text for m in messages if m.ours), *(n.text for n in before if n.who == WE)])
    theirs = Source.of([*(m.text for m in messages if not m.ours), *(n.text for n in before if n.who == CONTACT)])
    other = Source.of([*(n.text for n in before if n.who not in {WE, CONTACT}), *known, *days])
    everything = ours | theirs | other
    for name in (*known, *days):
        ours.add(name)
    good, invented = [], []
    for note in notes:
        if missing := everything.lacks(note.text):
            invented += missing
        elif note.who == WE and ours.share(note.text) < min(_OWN_WORDS, theirs.share(note.text)):
            good.append(Note(CONTACT, note.text))  # a claim of theirs, put into our mouth
        elif note.who == WE and ours.lacks(note.text):
            good.append(Note(NOTED, note.text))
        else:
            good.append(note)
    return good, list(dict.fromkeys(invented))


def extract(messages: Sequence[PromptMessage], tokens: int) -> list[Note]:
    """Return the sentences that state most, as they were written, up to a number of tokens."""
    found = [
        Note(WE if message.ours else CONTACT, _plain(sentence, _EXTRACT))
        for message in messages
        for sentence in _SENTENCE.findall(message.text)
    ]
    return fit([note for note in found if weight(note.text) and not _COMMANDS.search(note.text)], tokens)


def fit(notes: Sequence[Note], tokens: int) -> list[Note]:
    """Return the notes that state most for their length, in order, up to a number of tokens; each once."""
    unique = list({fold(note.text): note for note in notes}.values())
    # Of two that state about as much, the newer one.
    order = sorted(range(len(unique)), key=lambda i: (-_density(unique[i]), -i))
    kept = set()
    for index in order:
        if unique[index].tokens <= tokens:
            kept.add(index)
            tokens -= unique[index].tokens
    return [note for index, note in enumerate(unique) if index in kept]


def lost(before: Sequence[Note], after: Sequence[Note]) -> list[Note]:
    """Return the notes of before whose numbers or addresses a rewritten version no longer has."""
    now = Source.of(note.text for note in after)
    result = []
    for note in before:
        facts = facts_of(note.text)
        hard = " ".join((*facts.numbers, *facts.addresses))
        if hard and now.lacks(hard):
            result.append(note)
    return result


def without(summary: str | None, text: str) -> str | None:
    """Return a summary without the notes that tell what a message said which its author deleted."""
    facts = facts_of(text)
    gone = Source.of([text])
    kept = []
    for note in read(summary):
        stated = facts_of(note.text)
        same_words = fold(note.text) in fold(text) or fold(text) in fold(note.text)
        same_facts = bool(set(stated.numbers) & set(facts.numbers)) or bool(
            set(stated.addresses) & set(facts.addresses)
        )
        names_only = bool(stated.names) and not stated.numbers and not gone.lacks(note.text)
        if not (same_words or same_facts or names_only):
            kept.append(note)
    return write(kept) or None


def day_of(message: PromptMessage) -> str:
    """Return the day (UTC) on which a message came, as prompts for summaries show it; empty where not known."""
    return f"{datetime.fromtimestamp(message.at, UTC):%Y-%m-%d}" if message.at else ""


def tokens_of(summary: str | None) -> int:
    """Return about how many tokens a summary is."""
    return estimate_tokens(summary) if summary else 0


def _density(note: Note) -> float:
    return round(weight(note.text) / (note.tokens + 4), 1)


def _plain(text: str, longest: int = LONGEST_NOTE) -> str:
    words = " ".join(text.translate(_BRACKETS).split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"
