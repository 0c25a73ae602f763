"""Conversations to measure with: read from a file, or made up.

`python -m bench.transcripts FILE [--conversations N] [--messages N]` writes made-up ones: one JSON object a line with
conversation, at (ISO 8601), from (contact or us) and text.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

OURS = frozenset({"us", "we", "me", "ai", "bot", "assistant", "agent", "person", "phone", "shop", "owner"})
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

_SUBJECTS = (
    "the cake",
    "the bread",
    "the delivery",
    "the party on the terrace",
    "the coffee for the office",
    "the pastry",
)
_ADJECTIVES = ("lovely", "a bit dry", "larger than we thought", "perfect", "a little late", "better than last time")
_SMALL = (
    "Good morning, how is everything over there at the shop today?",
    "Thanks a lot, that is really kind of you, you always help us out.",
    "Haha yes, the weather has been awful all week and nobody wants to go out, has it been quiet at yours?",
    "Okay, let me talk to my family about it tonight and I will come back to you when we know what everybody wants.",
    "Sorry for the late reply, the day was a mess with the children and the car and I only sit down now.",
    "No worries at all, take your time, there is still room and we can change whatever you like.",
    "That sounds good to me, and I think the others will like it too, they are not hard to please.",
    "I was wondering about {subject}, because last time it was {adjective} and people kept talking about it.",
    "We had {subject} again on the weekend and honestly it was {adjective}, please tell the team.",
    "Could you tell me a bit more about {subject}, what is in it and how long it keeps in the fridge?",
    "Sure, {subject} is made fresh in the morning, and it keeps well if you cover it and leave it in a cool place.",
    "Ah, I see, then we will rather take something else, what would you choose if it were for your own family?",
    "Of course, I will ask the kitchen about {subject} and write to you as soon as I know more about it.",
    "You are right, {subject} was {adjective}, and we have already changed how we do it since then.",
    "ok", "perfect", "thank you so much", "hmm, not sure yet", "one moment please", "yes, exactly like that",
)  # fmt: skip
_SPECIFIC = (
    "We need it for {people} people, and it should not cost more than {price} all together if that is possible.",
    "My sister {name} will pick it up at {hour}:30, I told her to ask for you at the counter.",
    "Let us say {day} March then, at {hour}:00, and I will call you if anything changes until then.",
    "The street number is {number}, second floor, the bell says {name}, and the dog is friendly.",
)
_NAMES = ("Beatriz", "Oliver", "Camila", "Henrique", "Amara", "Jonas", "Letícia", "Tomás")


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a transcript."""

    conversation: str
    at: datetime
    ours: bool
    text: str


def read(path: Path) -> list[Said]:
    """Read a file, in order of time. Who is not known to be us by name is the contact; of two unknown, the first.

    Raises:
        ValueError: A line is not an object with the four fields.
    """
    rows = []
    first: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            at = datetime.fromisoformat(str(row["at"]))
            who, talk, text = str(row["from"]).strip(), str(row["conversation"]), str(row["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}:{number}: not a message: {error!r}") from error
        rows.append((talk, at if at.tzinfo else at.replace(tzinfo=UTC), who, text))
        first.setdefault(talk, who)
    named = {who for _, _, who, _ in rows if who.lower() in OURS}
    said = [
        Said(talk, at, who in named or (not named and who.lower() != "contact" and who != first[talk]), text)
        for talk, at, who, text in rows
    ]
    return sorted(said, key=lambda message: message.at)


def generate(*, conversations: int = 10, messages: int = 600, seed: int = 7) -> list[Said]:
    """Make up conversations of a shop's customers: bursts of messages a minute apart, then hours or days of silence."""
    rng = random.Random(seed)
    said = []
    for number in range(conversations):
        at = START + timedelta(hours=rng.randrange(72))
        left = 0
        for index in range(messages):
            if left == 0:
                left = rng.randrange(8, 40)
                at += timedelta(hours=rng.choice((5, 20, 26, 49, 120)), minutes=rng.randrange(60))
            left -= 1
            at += timedelta(seconds=rng.randrange(20, 100))
            said.append(Said(f"c{number}", at, index % 2 == 1, _sentence(rng)))
    return sorted(said, key=lambda message: message.at)


def grouped(said: list[Said]) -> dict[str, list[Said]]:
    """Return the messages by conversation, in order."""
    result: dict[str, list[Said]] = defaultdict(list)
    for message in said:
        result[message.conversation].append(message)
    return dict(result)


def _sentence(rng: random.Random) -> str:
    made: list[str] = []
    for _ in range(rng.choice((1, 1, 2))):
        template = rng.choice(_SPECIFIC) if rng.random() < 0.06 else rng.choice(_SMALL)
        made.append(
            template.format(
                subject=rng.choice(_SUBJECTS), adjective=rng.choice(_ADJECTIVES), people=rng.randrange(6, 90),
                price=rng.randrange(40, 900), name=rng.choice(_NAMES), hour=rng.randrange(8, 19),
                day=rng.randrange(3, 30), number=rng.randrange(10, 990),
            )
        )  # fmt: skip
    return " ".join(made)


def _lines(said: list[Said]) -> Iterator[str]:
    for message in said:
        who = "us" if message.ours else "contact"
        row = {"conversation": message.conversation, "at": message.at.isoformat(), "from": who, "text": message.text}
        yield json.dumps(row, ensure_ascii=False)


def main() -> None:
    """Write made-up conversations to a file."""
    parser = argparse.ArgumentParser(prog="python -m bench.transcripts", description="Make up conversations.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--conversations", type=int, default=10)
    parser.add_argument("--messages", type=int, default=600)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    made = generate(conversations=options.conversations, messages=options.messages, seed=options.seed)
    options.file.write_text("".join(f"{line}\n" for line in _lines(made)), encoding="utf-8")


if __name__ == "__main__":
    main()
