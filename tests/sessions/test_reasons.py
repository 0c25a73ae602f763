"""Every reason of a status has words in the console, in each of its languages: Prosa's own are English."""

import re
from pathlib import Path

import pytest

from prosa.sessions.reasons import StatusReason

STRINGS = Path(__file__).resolve().parents[2] / "web" / "src" / "views" / "numbers" / "strings.ts"
UNSAID = {StatusReason.NOT_LINKED, StatusReason.DELETED}
"""A new number is told by its badge, and one that was deleted is not shown."""


@pytest.mark.parametrize("language", ["en", '"pt-BR"'])
def test_the_console_has_words_for_every_reason(language: str) -> None:
    own = STRINGS.read_text("utf-8").partition(f"\n  {language}: {{")[2].partition("\n  },")[0]
    reasons = own.partition("\n    reasons: {")[2]
    assert set(re.findall(r"^ {6}(\w+): \[", reasons, re.MULTILINE)) == set(StatusReason) - UNSAID
