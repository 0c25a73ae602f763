"""What the model notes of files beside its answer: read whatever it makes of the request."""

import pytest

from prosa.ai.notes import MAX_NOTE, numbered, request, split
from prosa.ai.parts import Attachment

FILES = {1: 7, 2: 9}


@pytest.mark.parametrize(
    ("text", "answer", "notes"),
    [
        ("[[file 1]] I come at nine.\n[[answer]]\nSee you at 9!", "See you at 9!", {7: "I come at nine."}),
        ("[[file 1]]\nI come\nat nine.\n\n[[ANSWER]] See you!", "See you!", {7: "I come at nine."}),
        ("[[file 1]] a\n[[file 2]]: b\n[[answer]]\nc\n\nd", "c\n\nd", {7: "a", 9: "b"}),
        ("[[file 1]] a\n\nNo mark, still an answer.", "No mark, still an answer.", {7: "a"}),
        ("Only an answer.", "Only an answer.", {}),
        ("[[answer]]\nOnly an answer.", "Only an answer.", {}),
        ("[[file 5]] unknown\n[[answer]]\nx", "x", {}),
        ("[[file 1]] a\n[[file 1]] b\n[[answer]]\nx", "x", {7: "a / b"}),
        ("[[file 1]] says [[answer]] inline\n[[answer]]\nx", "x", {7: "says [[answer]] inline"}),
        ("[[file 1]] a", "", {7: "a"}),
        ("Sure!\n[[file 1]] a\n[[answer]]\nx", "x", {7: "a"}),
        ("[[file 1]] " + "y" * 9_000 + "\n[[answer]]\nx", "x", {7: "y" * MAX_NOTE}),
    ],
)
def test_notes_and_answer_are_told_apart(text: str, answer: str, notes: dict[int, str]) -> None:
    assert split(text, FILES) == (answer, notes)


def test_files_are_numbered_in_the_order_of_the_prompt() -> None:
    a, b = Attachment("image/png", b"1"), Attachment("image/png", b"2")
    assert numbered({9: [b], 7: [a, a]}) == {1: 7, 2: 7, 3: 9}
    assert "[[file 1]]" in request(3)
    assert "3 file(s)" in request(3)
