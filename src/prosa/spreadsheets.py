"""Tables as CSV that spreadsheets open as they are meant: known to be UTF-8, and with no cell that is a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

_FORMULA = re.compile(r"^'*[=+\-@\t\r]")
"""What spreadsheets take for a formula (OWASP, CSV Injection), and what we put before it."""
_PIECE = 200
"""Rows written at a time."""


def written(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a table, in pieces. Texts that would be formulas begin with an apostrophe; numbers stay numbers."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write("\ufeff")  # spreadsheets then know that it is UTF-8
    writer.writerow(head)
    for index, row in enumerate(rows, 1):
        writer.writerow([_escaped(cell) if isinstance(cell, str) else cell for cell in row])
        if index % _PIECE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def unescaped(cell: str) -> str:
    """Return what a cell said before it was written here."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _escaped(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell
