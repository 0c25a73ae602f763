"""Long answers as several messages, broken where a person would.

A break is at a blank line, else at the end of a line, else between two sentences. It is never inside a list item, a
link, a number, code, or words in WhatsApp's formatting, nor between a line that ends in a colon and the next one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_SPAN = re.compile(r"(?<!\w)([*_~])(?=\S)[^\n]*?(?<=\S)\1(?!\w)")
_BLANK = re.compile(r"\n(?:[ \t]*\n)+")
_LINE = re.compile(r"\n(?![ \t]*(?:\n|\Z))")
_ITEM = re.compile(r"[ \t]*(?:[-*+•–][ \t]|\d{1,3}[.)][ \t]|[a-zA-Z][)][ \t])")
_SENTENCE = re.compile(r"[.!?…。！？]+[\"'”’»)\]*_~]*(\s+)(?=\S)|[。！？]+()(?=\S)")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\"'“*_])(?:[A-Za-zÀ-ÿ]|Sr|Sra|Srta|Srs|Dr|Dra|Prof|Profa|Av|Tel|tel|Ref|ref|No|no|Nº|nº|pág|págs|ex|aprox|"
    r"máx|mín|obs|Obs|vs|Mr|Mrs|Ms|St|Jr|e\.g|i\.e|p\.ex|Fig|fig|art|Art|jan|fev|mar|abr|jun|jul|ago|set|out|nov|dez)\.$"
)

_SENTENCES, _LINES, _BLANK_LINES = 1, 2, 3
_GROWTH = 1.15


@dataclass(frozen=True, slots=True)
class _Break:
    """A place between two bubbles: one ends before `end`, the next begins at `begin`; stronger ones are better."""

    end: int
    begin: int
    strength: int


def split(text: str, *, most_chars: int, most_bubbles: int) -> list[str]:
    """Return a text as bubbles in order: itself where it is short, else parts of at most `most_chars` where possible.

    Args:
        text: In WhatsApp's formatting.
        most_chars: Length up to which a text stays whole. What cannot be broken, or would be more than `most_bubbles`,
            is longer.
        most_bubbles: At most so many.
    """
    if len(text) <= most_chars or most_bubbles < 2:
        return [text]
    breaks = sorted(_breaks(text), key=lambda found: found.begin)
    # Evenly filled bubbles look better than full ones and a rest.
    limit = max(most_chars, -(-len(text) // most_bubbles))
    while True:
        bubbles = _pack(text, breaks, limit)
        if len(bubbles) <= most_bubbles:
            return bubbles
        limit = int(limit * _GROWTH) + 1


def _pack(text: str, breaks: list[_Break], limit: int) -> list[str]:
    bubbles: list[str] = []
    begin = index = 0
    while len(text) - begin > limit:
        while index < len(breaks) and breaks[index].end <= begin:
            index += 1
        rest = breaks[index:]
        if not rest:
            break
        fitting = [found for found in rest if found.end - begin <= limit]
        # The strongest break that does not leave the bubble nearly empty; of equal ones the last.
        full = [found for found in fitting if found.end - begin >= limit // 3] or fitting
        chosen = max(full, key=lambda found: (found.strength, found.begin)) if full else rest[0]
        bubbles.append(text[begin : chosen.end])
        begin = chosen.begin
    bubbles.append(text[begin:])
    return [bubble for bubble in (bubble.strip("\n").rstrip() for bubble in bubbles) if bubble]


def _breaks(text: str) -> Iterator[_Break]:
    whole = _whole(text)
    for found in _BLANK.finditer(text):
        if not (_continues(text, found.end()) or _inside(found.start(), found.end(), whole)):
            announced = _announces(text, found.start())
            yield _Break(found.start(), found.end(), _SENTENCES if announced else _BLANK_LINES)
    for found in _LINE.finditer(text):
        after_blank = not text[text.rfind("\n", 0, found.start()) + 1 : found.start()].strip()
        kept = after_blank or _continues(text, found.end()) or _announces(text, found.start())
        if not kept and not _inside(found.start(), found.end(), whole):
            yield _Break(found.start(), found.end(), _LINES)
    for found in _SENTENCE.finditer(text):
        group = 1 if found.group(1) is not None else 2
        begin, end = found.end(group), found.start(group)
        if "\n" not in text[end:begin] and _ends_sentence(text, found, begin) and not _inside(end, begin, whole):
            yield _Break(end, begin, _SENTENCES)


def _ends_sentence(text: str, found: re.Match[str], begin: int) -> bool:
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.end()]
    if _in_item(text, found.start()):
        return False
    following = text[begin]
    if following.islower() or (following.isdigit() and found.start() and text[found.start() - 1].isdigit()):
        return False
    return not (found.group().startswith(".") and _ABBREVIATED.search(line[: len(line) - len(found.group()) + 1]))


def _in_item(text: str, place: int) -> bool:
    """Whether a place is in a list item, in its first line or in one that continues it."""
    while True:
        start = text.rfind("\n", 0, place) + 1
        line = text[start : start + 200]
        if _ITEM.match(line):
            return True
        if start == 0 or line[:1] not in {" ", "\t"}:
            return False
        place = start - 1


def _continues(text: str, begin: int) -> bool:
    """Whether a line goes on with the list item above it."""
    return text[begin] in " \t" and not _ITEM.match(text, begin)


def _announces(text: str, end: int) -> bool:
    return text[max(0, end - 20) : end].rstrip(" \t*_~").endswith(":")


def _whole(text: str) -> list[tuple[int, int]]:
    """Return where nothing may be broken: code, and words in bold, italics or struck through."""
    code = [found.span() for found in _CODE.finditer(text)]
    return code + [found.span() for found in _SPAN.finditer(text) if not _inside(found.start(), found.end(), code)]


def _inside(start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    return any(begin < end and start < finish for begin, finish in spans)
