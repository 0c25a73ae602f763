"""Frequent answers as CSV: one row a phrasing; spreadsheets open it, and nobody can smuggle formulas in."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from prosa.answers import repository
from prosa.answers.schemas import LONGEST_ANSWER, Imported
from prosa.answers.service import FrequentAnswerService, NewAnswer
from prosa.answers.text import LONGEST_QUESTION
from prosa.auth.caller import Caller
from prosa.auth.numbers import check_number, raise_version
from prosa.database import Database, WriteDb
from prosa.errors import FieldError, InvalidInputError, NotFoundError
from prosa.forms import IN_WORDS, LANGUAGE, NAMED, NO_NUL
from prosa.spreadsheets import unescaped, written

COLUMNS = ("question", "answer", "phrasing", "session", "language", "enabled")
"""`question` and `answer` must be there; a row without `phrasing` has the question alone."""
MOST_ROWS = 20_000
MOST_ERRORS = 50
MAX_BYTES = 8 * 2**20
_TRUE, _FALSE = {"", "1", "true", "yes", "sim", "x"}, {"0", "false", "no", "nao", "não"}


class Exchange:
    """Imports and exports frequent answers."""

    def __init__(self, database: Database, answers: FrequentAnswerService) -> None:
        self._database = database
        self._answers = answers

    async def export(self, caller: Caller, session_id: str | None) -> Iterator[str]:
        """Return the CSV of an owner's frequent answers, in pieces.

        Raises:
            NotFoundError: The number is not the caller's.
        """
        async with self._database.read() as db:
            if session_id is not None:
                await check_number(db, caller, session_id)
            rows = await repository.everything(db, caller, session_id)
        return written(COLUMNS, map(_cells, rows))

    async def take(self, caller: Caller, rows: "list[ImportRow]") -> Imported:
        """Add what an import says, or change what is there under the same question; all of it or nothing.

        Raises:
            InvalidInputError: Rows name numbers that are not the caller's.
            ConflictError: There would be too many phrasings.
        """
        grouped: dict[tuple[str | None, str], list[ImportRow]] = {}
        for row in rows:
            grouped.setdefault((row.session_id, repository.key_of(row.question)), []).append(row)
        added = changed = phrasings = 0
        async with self._database.write() as db:
            await _check_numbers(db, caller, rows)
            for (session_id, _), group in grouped.items():
                first = group[0]
                texts = [row.phrasing for row in group if row.phrasing]
                known = await repository.same_title(db, caller.user_id, session_id, first.question)
                if known is None:
                    new = NewAnswer(first.question, first.answer, session_id, first.language, first.enabled, texts)
                    answer_id = await self._answers.add(db, caller, new)
                    phrasings += await repository.count_phrasings(db, caller.user_id, answer_id)
                    added += 1
                    continue
                values = {"answer": first.answer, "language": first.language, "enabled": first.enabled}
                await repository.change(db, known, values)
                phrasings += await self._answers.add_texts(db, caller, known, texts)
                changed += 1
            numbers = await raise_version(db, caller.user_id, None, "answers_version")
        await self._answers.changed(numbers)
        return Imported(rows=len(rows), answers_added=added, answers_changed=changed, phrasings_added=phrasings)


class ImportRow:
    """One row of a CSV that is acceptable."""

    __slots__ = ("answer", "enabled", "language", "line", "phrasing", "question", "session_id")

    def __init__(self, line: int, cells: dict[str, str], errors: list[FieldError]) -> None:
        """Read the cells; what is wrong with them is added to `errors`."""
        self.line = line
        self.question = _text(line, "question", cells, LONGEST_QUESTION, errors, needed=True, words=True)
        self.answer = _text(line, "answer", cells, LONGEST_ANSWER, errors, needed=True)
        self.phrasing = _text(line, "phrasing", cells, LONGEST_QUESTION, errors, words=True)
        self.language = _text(line, "language", cells, 16, errors, pattern=LANGUAGE) or None
        self.session_id = _text(line, "session", cells, 64, errors, pattern=NAMED) or None
        enabled = cells.get("enabled", "").strip().casefold()
        if enabled not in _TRUE | _FALSE:
            errors.append(FieldError(f"line {line}, enabled", "must be true or false"))
        self.enabled = enabled not in _FALSE


def read(file: TextIO) -> list[ImportRow]:
    """Read a CSV, with commas or semicolons, row by row.

    Raises:
        InvalidInputError: It is not one, or rows are not acceptable; each named by line and column.
    """
    try:
        head = file.readline()
        delimiter = ";" if head.count(";") > head.count(",") else ","
        names = [name.strip().casefold() for name in next(csv.reader([head], delimiter=delimiter), [])]
        missing = [name for name in ("question", "answer") if name not in names]
        if missing or len(set(names)) != len(names):
            wanted = ", ".join(COLUMNS)
            raise _invalid([FieldError("line 1", f"must name the columns {wanted}; missing: {', '.join(missing)}")])
        errors: list[FieldError] = []
        rows: list[ImportRow] = []
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        for cells in reader:
            line = reader.line_num + 1  # the header was read before
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(names):
                errors.append(FieldError(f"line {line}", f"has {len(cells)} cells, and there are {len(names)} columns"))
            rows.append(ImportRow(line, dict(zip(names, map(unescaped, cells), strict=False)), errors))
            if len(rows) > MOST_ROWS:
                raise _invalid([FieldError(f"line {line}", f"an import has at most {MOST_ROWS} rows")])
            if len(errors) >= MOST_ERRORS:
                break
    except UnicodeDecodeError as error:
        raise _invalid([FieldError("body.file", "must be UTF-8 text")]) from error
    except csv.Error as error:
        raise _invalid([FieldError("body.file", f"cannot be read as CSV: {error}")]) from error
    if errors:
        raise _invalid(errors[:MOST_ERRORS])
    return rows


def _cells(row: Any) -> Sequence[str]:
    phrasing = "" if row.text == row.title else row.text
    return row.title, row.answer, phrasing, row.session_id or "", row.language or "", str(row.enabled).lower()


def _text(
    line: int, name: str, cells: dict[str, str], longest: int, errors: list[FieldError], *, needed: bool = False,
    words: bool = False, pattern: str = NO_NUL,
) -> str:  # fmt: skip
    value = cells.get(name, "").strip()
    place = f"line {line}, {name}"
    if needed and not value:
        errors.append(FieldError(place, "is missing"))
    elif len(value) > longest:
        errors.append(FieldError(place, f"has {len(value)} characters; at most {longest}"))
    elif value and (not re.fullmatch(pattern, value, re.DOTALL) or "\0" in value):
        errors.append(FieldError(place, IN_WORDS[pattern]))
    elif value and words and not any(character.isalnum() for character in value):
        errors.append(FieldError(place, "needs a letter or a digit"))
    return value


async def _check_numbers(db: WriteDb, caller: Caller, rows: list[ImportRow]) -> None:
    errors = []
    for session_id in dict.fromkeys(row.session_id for row in rows if row.session_id):
        try:
            await check_number(db, caller, session_id)
        except NotFoundError:
            first = next(row for row in rows if row.session_id == session_id)
            errors.append(FieldError(f"line {first.line}, session", "there is no such number of yours"))
    if errors:
        raise _invalid(errors[:MOST_ERRORS])


def _invalid(errors: list[FieldError]) -> InvalidInputError:
    return InvalidInputError(
        "Nothing was imported: the file has rows that are not acceptable.",
        fields=errors,
        remedy="Correct the named lines and send the whole file again; what is there already is not added twice.",
    )
