"""A model's answer as WhatsApp shows it: Markdown out, WhatsApp's own formatting in.

WhatsApp formats *bold*, _italic_, ~strikethrough~, ```monospace```, `inline code`, "> " quotes, "- " and "1. " lists
(faq.whatsapp.com/539178204879377).
"""

import re

from prosa.ai.sane import says_something, visible

MAX_LENGTH = 20_000
"""Characters; far beyond any sensible answer, below WhatsApp's limit of 65,536."""

_FENCE = re.compile(r"```[^\S\n]*[\w+#.-]*[^\S\n]*\n(.*?)\n?```", re.DOTALL)
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_RULE = re.compile(r"^ {0,3}(?:-{3,}|\*{3,}|_{3,})[ \t]*$", re.MULTILINE)
_BULLET = re.compile(r"^([ \t]*)[*+•][ \t]+", re.MULTILINE)
_BOLD_ITALIC = re.compile(r"\*\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*\*")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_BOLD_LOW = re.compile(r"(?<!\w)__(?=\S)(.+?)(?<=\S)__(?!\w)")
_STRUCK = re.compile(r"~~(?=\S)(.+?)(?<=\S)~~")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\(<?((?:https?://|mailto:|tel:)[^\s)>]+)>?(?:\s+\"[^\"\n]*\")?\)")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:|tel:)[^\s>]+)>")
_ESCAPE = re.compile(r"\\([*_~`#\[\]()>+\-.!])")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_FORMATTED = re.compile(r"[*_~#\[<\\+•]|---")
"""What no formatting is without: each pattern that `_prose` replaces has one of these."""
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_BLANK = re.compile(r"\n{3,}")
_SENTENCE_END = re.compile(r"[.!?…。！？](?=[\s\"')\]]|$)|\n")


def to_whatsapp(text: str) -> str:
    """Return an answer in WhatsApp's formatting, without needless white space; empty where it says nothing."""
    text = _FENCE.sub(lambda found: f"```{found[1]}```", visible(text))
    pieces = _CODE.split(text)  # every second one is code, and stays as it is
    text = "".join(piece if index % 2 else _prose(piece) for index, piece in enumerate(pieces))
    text = _BLANK.sub("\n\n", _TRAILING.sub("", text)).strip()
    if not says_something(text):
        return ""
    return text if len(text) <= MAX_LENGTH else cut_short(text[:MAX_LENGTH])


def cut_short(text: str) -> str:
    """Return an answer that broke off, ended after its last whole sentence, or with an ellipsis."""
    text = text.rstrip()
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    if ends and ends[-1] >= len(text) // 2:
        return text[: ends[-1]].rstrip()
    return text.rstrip(" ,;:-–—*_~") + "…" if text else ""


def _prose(text: str) -> str:
    if not _FORMATTED.search(text):
        return text
    text = _BREAK.sub("\n", text)
    text = _RULE.sub("", text)
    text = _LINK.sub(_link, text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _BULLET.sub(r"\1- ", text)
    text = _BOLD_ITALIC.sub(r"*_\1_*", text)
    text = _BOLD.sub(r"*\1*", text)
    text = _BOLD_LOW.sub(r"*\1*", text)
    text = _STRUCK.sub(r"~\1~", text)
    text = _HEADING.sub(_heading, text)
    return _ESCAPE.sub(r"\1", text)


def _link(found: re.Match[str]) -> str:
    words, url = found[1].strip(), found[2]
    plain = url.removeprefix("mailto:").removeprefix("tel:")
    return plain if not words or words in {url, plain} else f"{words}: {plain}"


def _heading(found: re.Match[str]) -> str:
    words = found[1].strip()
    return words if words.startswith("*") and words.endswith("*") else f"*{words}*"
