"""Documents in pieces, words cut to stems, and which passages an answer used; files read within limits."""

import io
from itertools import pairwise

import pytest
from pypdf import PdfWriter

from prosa.errors import InvalidInputError
from prosa.knowledge import reading
from prosa.knowledge.models import SourceKind
from prosa.knowledge.pieces import MOST, OVERLAP, Section, markdown, pieces
from prosa.knowledge.reading import read_file, read_text
from prosa.knowledge.stems import stems
from prosa.knowledge.used import used


def pdf(*pages: str, password: str = "") -> bytes:
    """Return a PDF with a line of text on each page, written by hand."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    for n, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * n} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    tail = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    out += f"{tail}trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF".encode()
    if not password:
        return out
    writer, buffer = PdfWriter(clone_from=io.BytesIO(out)), io.BytesIO()
    writer.encrypt(password, algorithm="RC4-128")
    writer.write(buffer)
    return buffer.getvalue()


def test_markdown_knows_the_headings_above() -> None:
    found = markdown("Intro.\n\n# Prices\n\nAll in €.\n## Hair\nCut: 20\n```\n# no heading\n```\n# Hours\n9-18\n")
    assert [(section.place, section.text) for section in found] == [
        ("", "Intro."),
        ("Prices", "All in €."),
        ("Prices › Hair", "Cut: 20\n```\n# no heading\n```"),
        ("Hours", "9-18"),
    ]


def test_pieces_are_bounded_overlap_and_lose_nothing() -> None:
    sentences = [f"Sentence number {n} says something of its own." for n in range(200)]
    found = pieces([Section("Top", " ".join(sentences)), Section("Short", "Just this.")])
    assert all(len(piece.text) <= MOST + OVERLAP + 2 for piece in found)
    assert (found[-1].place, found[-1].text) == ("Short", "Just this.")
    joined = "\n".join(piece.text for piece in found)
    assert all(sentence in joined for sentence in sentences)
    for before, after in pairwise(found[:-1]):
        assert after.text.split(".")[0] in before.text
    assert all(len(piece.text) <= MOST for piece in pieces([Section("", "x" * 10_000)]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("entregas", "entregar"),
        ("entregamos", "entrega"),
        ("reservation", "reservations"),
        ("opening", "opened"),
        ("São", "sao"),
        ("preços", "preço"),
        ("horários", "horario"),
        ("cancelamento", "cancelar"),
    ],
)
def test_forms_of_a_word_are_one_stem(one: str, other: str) -> None:
    assert stems(one) == stems(other) != []


def test_words_that_say_nothing_are_left_out() -> None:
    assert stems("what is the price of a haircut") == stems("price haircut")
    assert stems("qual é o preço do corte?") == stems("preço corte")


PRICES = "A haircut costs 20 euros.\n\nColouring takes two hours and must be booked a week before."
PARKING = "Parking is free behind the building for two hours."


@pytest.mark.parametrize(
    ("answer", "question", "places"),
    [
        ("Colouring takes two hours, please book it a week before.", "how long does colouring take?", [0]),
        ("It is 20 euros.", "what does a haircut cost?", [0]),
        ("You can park for free behind our building.", "where do I park?", [1]),
        ("I do not know, sorry. Somebody will write to you.", "do you sell shampoo?", []),
        ("Hello! How can I help you?", "hi", []),
        ("A haircut.", "a haircut costs 20 euros?", []),
    ],
)
def test_an_answer_names_what_it_used(answer: str, question: str, places: list[int]) -> None:
    assert used(answer, [PRICES, PARKING], question=question) == places


def test_a_pdf_is_read_page_by_page() -> None:
    document = read_file(pdf("Opening hours: nine to six", "Parking is free"), "shop.pdf")
    assert document.kind is SourceKind.PDF
    assert [(piece.place, piece.text) for piece in document.pieces] == [
        ("page 1", "Opening hours: nine to six"),
        ("page 2", "Parking is free"),
    ]


@pytest.mark.parametrize(
    ("raw", "name", "says"),
    [
        (pdf(""), "scan.pdf", "text recognition"),
        (pdf("Secret", password="x"), "locked.pdf", "encrypted"),
        (b"%PDF-1.7 broken", "broken.pdf", "cannot be read"),
        (b"%PDF-1.7\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF", "broken.pdf", "cannot be read"),
        ("olá".encode("utf-16"), "a.txt", "UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00", "a.png", "UTF-8"),
        (b"  \n ", "a.txt", "empty"),
        (b"- - -", "a.md", "empty"),
    ],
)
def test_what_cannot_be_read_says_why(raw: bytes, name: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        read_file(raw, name)


def test_limits_of_pages_time_and_length(monkeypatch: pytest.MonkeyPatch) -> None:
    three = pdf("one", "two", "three")
    monkeypatch.setattr(reading, "MAX_PAGES", 2)
    with pytest.raises(InvalidInputError, match="3 pages"):
        read_file(three, "a.pdf")
    monkeypatch.setattr(reading, "MAX_PAGES", 3)
    monkeypatch.setattr(reading, "MAX_SECONDS", -1.0)
    with pytest.raises(InvalidInputError, match="takes longer"):
        read_file(three, "a.pdf")
    with pytest.raises(InvalidInputError, match="characters"):
        read_text("x " * 600_000, SourceKind.TEXT)
