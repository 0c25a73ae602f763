"""What a model may repeat of its own prompt, and no contact should read."""

from prosa.ai.system import BASICS, FACTS_LINE

_LONGEST_CHANCE = 40
"""Characters of a rule that an answer might repeat by chance."""
_RULES = tuple(
    " ".join(line.removeprefix("- ").split()).casefold() for line in BASICS.splitlines() if len(line) > _LONGEST_CHANCE
)


def without_facts(text: str) -> str:
    """Return an answer without the line of facts that ends every prompt, which models like to imitate."""
    lines = text.strip().split("\n")
    while lines and FACTS_LINE.fullmatch(lines[-1].strip()):
        lines.pop()
    while lines and FACTS_LINE.fullmatch(lines[0].strip()):
        del lines[0]
    return "\n".join(lines)


def tells_its_rules(text: str) -> bool:
    """Return whether an answer repeats one of the rules that the model was given."""
    said = " ".join(text.split()).casefold()
    return any(rule in said for rule in _RULES)
