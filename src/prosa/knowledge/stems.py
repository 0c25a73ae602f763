"""Words cut down to what their forms share, the same for documents and questions: "entregas", "entregar" → "entreg".

A light stemmer for Portuguese and English at once: endings go, the longest first, as long as enough is left. It is
crude on purpose; both sides are cut alike, and what it joins wrongly the ranking still tells apart.
"""

from prosa.words import STOP_WORDS, split, word_set

MOST_WORDS = 2_000
"""Of one text; with 64 characters a word this stays below PostgreSQL's 1 MiB for a tsvector."""
SHORTEST = 4
"""Letters that are left of a word at least."""
_ENDINGS = sorted(
    word_set(
        "amento imento acao acoe ocao ocoe icao icoe mente ando endo indo aram eram iram avam ado ido ada ida amo "
        "emo imo ar er ir are ere oe ao al el ation ment ing ied ie ed ly"
    ),
    key=lambda ending: (-len(ending), ending),
)


def stem(word: str) -> str:
    """Return a folded word without its plural, its ending and its last vowel, as far as enough is left."""
    if word[0].isdigit():
        return word
    if word.endswith("s") and not word.endswith("ss") and len(word) > SHORTEST:
        word = word[:-1]
    ending = next((one for one in _ENDINGS if word.endswith(one) and len(word) - len(one) >= SHORTEST), "")
    word = word.removesuffix(ending) if ending else word
    return word[:-1] if word[-1] in "aeo" and len(word) > SHORTEST else word


def stems(text: str) -> list[str]:
    """Return the stems of a text's words in order, those that say nothing left out."""
    found: list[str] = []
    for word in split(text):
        if word not in STOP_WORDS:
            found.append(stem(word))
            if len(found) >= MOST_WORDS:
                break
    return found
