"""Where the questions of the benchmark come from: BANKING77, a file of one's own, or ours."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import banking77, questions
from prosa.answers.text import normalised


def test_banking77_is_whole_and_says_whose_it_is() -> None:
    found = questions.chosen(None)
    [(known, asked)] = found.folds
    assert (found.name, len(known), len(asked)) == ("BANKING77", 10_003, 3_080)
    assert len({one.intent for one in known}) == 77
    assert set(Counter(one.intent for one in asked).values()) == {40}
    assert known[0] == questions.Asked("I am still waiting on my card?", "card_arrival")
    assert "CC BY 4.0, PolyAI" in found.licence
    folder = banking77.TABLE.parent
    assert (folder / "LICENSE").read_text(encoding="utf-8").startswith("Attribution 4.0 International")
    said = (folder / "README.md").read_text(encoding="utf-8")
    assert "Casanueva" in said
    assert "Changed:" in said, "the licence asks for that"


@pytest.mark.parametrize("heading", ["intent", "category"])
def test_a_folder_says_what_is_known_and_what_is_asked(tmp_path: Path, heading: str) -> None:
    (tmp_path / "train.csv").write_text(f"text,{heading}\nIs it lost?,lost\n", encoding="utf-8-sig")
    (tmp_path / "test.csv").write_text(f'text,{heading}\n"Perdi, e agora?",lost\n', encoding="utf-8")
    read = questions.chosen(tmp_path)
    assert (read.name, read.licence) == (tmp_path.name, "not known")
    assert read.folds == [([questions.Asked("Is it lost?", "lost")], [questions.Asked("Perdi, e agora?", "lost")])]


def test_one_file_is_divided(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "intent"), *((f"question {n}", str(n % 3)) for n in range(9))])
    [(known, asked)] = questions.read(path).folds
    assert (len(known), len(asked)) == (4, 5)
    assert {one.text for one in [*known, *asked]} == {f"question {n}" for n in range(9)}
    assert questions.read(path) == questions.read(path)


def test_ours_are_many_and_each_is_one_thing() -> None:
    ours = questions.own()
    everything = [one for _, asked in ours.folds for one in asked]
    each = Counter(one.intent for one in everything)
    assert len(each) >= 30
    assert min(each.values()) >= 30
    assert len(ours.foreign) >= 200
    words = Counter(normalised(text) for text in [*(one.text for one in everything), *ours.foreign])
    assert [text for text, count in words.items() if count > 1] == []


def test_of_ours_what_is_asked_is_never_known() -> None:
    key: Callable[[questions.Asked], str] = lambda one: normalised(one.text)  # noqa: E731
    for known, asked in questions.own().folds:
        assert not {key(one) for one in known} & {key(one) for one in asked}
        assert {one.intent for one in known} == {one.intent for one in asked}
        assert min(Counter(one.intent for one in known).values()) >= 20
    assert questions.own() == questions.own()
