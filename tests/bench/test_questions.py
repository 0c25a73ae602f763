"""Where the questions of the benchmark come from: a checked download, a file of one's own, or ours."""

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bench import banking77, questions
from prosa.answers.text import normalised

TABLE = "text,category\nIs my card lost?,lost\nWhere is it?,arrival\n"


class _Quiet(SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - one server a test

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    _Quiet.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name in banking77.SHA256:
        (shelf / name).write_text(TABLE + f"Made for {name},{name}\n")
    return shelf


def checksums(shelf: Path) -> dict[str, str]:
    return {name: hashlib.sha256((shelf / name).read_bytes()).hexdigest() for name in banking77.SHA256}


def test_what_is_fetched_is_checked_kept_and_not_fetched_again(shelf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "banking77"
    with served(shelf) as source:
        assert banking77.fetch(folder, source, checksums(shelf)) == folder
        banking77.fetch(folder, source, checksums(shelf))
        assert _Quiet.asked == ["/train.csv", "/test.csv"]
        (folder / "test.csv").write_text("cut sho")
        banking77.fetch(folder, source, checksums(shelf))
        assert _Quiet.asked[2:] == ["/test.csv"]
    assert sorted(path.name for path in folder.iterdir()) == ["test.csv", "train.csv"]
    assert (folder / "test.csv").read_bytes() == (shelf / "test.csv").read_bytes()


def test_another_file_than_the_known_one_is_refused(shelf: Path, tmp_path: Path) -> None:
    known = checksums(shelf)
    (shelf / "test.csv").write_text(TABLE)
    with served(shelf) as source, pytest.raises(banking77.NotFetchedError, match=r"test\.csv is not the known file"):
        banking77.fetch(tmp_path / "cache", source, known)
    assert not (tmp_path / "cache" / "test.csv").exists()


def test_a_file_without_end_is_given_up(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banking77, "LARGEST", 10)
    with served(shelf) as source, pytest.raises(banking77.NotFetchedError, match="too large"):
        banking77.fetch(tmp_path / "cache", source, checksums(shelf))


def test_without_network_ours_are_measured_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path) as source:  # where neither file is
        monkeypatch.setattr(banking77, "fetch", partial(banking77.fetch, tmp_path / "cache", source))
        assert questions.chosen(None).name == "ours"
    said = capsys.readouterr().err
    assert "cannot be fetched" in said
    assert "404" in said


@pytest.mark.parametrize("heading", ["intent", "category"])
def test_a_folder_says_what_is_known_and_what_is_asked(tmp_path: Path, heading: str) -> None:
    (tmp_path / "train.csv").write_text(f"text,{heading}\nIs it lost?,lost\n", encoding="utf-8-sig")
    (tmp_path / "test.csv").write_text(f'text,{heading}\n"Perdi, e agora?",lost\n', encoding="utf-8")
    read = questions.chosen(tmp_path)
    assert (read.name, read.licence) == (tmp_path.name, "not known")
    assert read.folds == [([questions.Asked("Is it lost?", "lost")], [questions.Asked("Perdi, e agora?", "lost")])]


def test_the_known_files_are_known_wherever_they_are(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banking77, "SHA256", checksums(shelf))
    assert questions.read(shelf).name == "BANKING77"
    assert questions.read(shelf).licence.startswith("CC BY 4.0, PolyAI, https://")


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
