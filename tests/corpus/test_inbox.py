"""The inbox: what is pending, taken once or set aside, and that no stop loses a file."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import polars as pl
import pytest
from docred_json import VOCABULARY, article, write_articles

from corpus import inbox as module
from corpus.arrivals import arrivals, digest_of_arrival
from corpus.artefacts import digest
from corpus.inbox import Inbox, Taken
from corpus.schema import DOCUMENTS, REJECTED, Split
from corpus.tables import read_documents

pytestmark = pytest.mark.breaks

BAD = article("bad", sents=None)
BOTH = pytest.mark.parametrize("split", [Split.DISTANT, Split.NEW])
NOW = 4e9
"""2096-10-02T07:06:40Z, when everything that a test writes has settled long ago."""


def opened(root: Path, split: Split = Split.DISTANT) -> Inbox:
    (root / "inbox").mkdir(parents=True, exist_ok=True)
    return Inbox(root / "inbox", root / "arrived", root / "rejected", split)


def put(box: Inbox, name: str, *articles: Any) -> str:
    """Put a file into an inbox; its digest."""
    return digest(write_articles(box.folder / name, list(articles)))


def take(box: Inbox, now: float = NOW) -> Taken:
    return box.take(VOCABULARY, 0.01, now)


def names(files: Iterable[Path]) -> list[str]:
    return [file.name for file in files]


def below(folder: Path) -> list[str]:
    """All files below a folder but the lock."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != ".lock")
    return sorted(file.relative_to(folder).as_posix() for file in files)


def test_what_is_pending_is_told_and_stays_where_it_is(tmp_path: Path) -> None:
    box = opened(tmp_path)
    assert box.pending(NOW) == {}
    put(box, "b.json", article())
    put(box, "a.txt", article())
    before = box.pending(NOW)
    assert names(before) == ["a.txt", "b.json"]
    assert box.pending(NOW) == before
    put(box, "b.json", article())
    changed = [file for file, state in box.pending(NOW).items() if state != before[file]]
    assert names(changed) == ["b.json"]
    assert below(tmp_path) == ["inbox/a.txt", "inbox/b.json"]


def test_distant_files_arrive_as_they_came(tmp_path: Path) -> None:
    box = opened(tmp_path)
    first, second = put(box, "b.json.gz", article()), put(box, "c.json", article("Eve"), BAD)
    found = take(box)
    assert found.arrived == {
        "b.json.gz": box.arrived / f"20961002T070640Z-{first}.json.gz",
        "c.json": box.arrived / f"20961002T070641Z-{second}.json",
    }
    assert arrivals(box.arrived) == list(found.arrived.values())
    for file in arrivals(box.arrived):
        assert digest_of_arrival(file) == digest(file)
    assert below(tmp_path) == [f"arrived/{file.name}" for file in arrivals(box.arrived)]


def test_documents_for_prediction_become_a_table_and_their_file_is_kept(tmp_path: Path) -> None:
    box = opened(tmp_path, Split.NEW)
    content = put(box, "a.json", article(), article(), BAD)
    good = put(box, "b.jsonl", article())
    found = take(box)
    table = found.arrived["a.json"]
    assert pl.read_parquet_schema(table) == dict(DOCUMENTS)
    documents = list(read_documents(table))
    assert [one.doc_id for one in documents] == [f"new-{content[:8]}/Ada{n}" for n in ("", "#2")]
    assert {one.labels for one in documents} == {None}
    rejected = pl.read_parquet(table.with_suffix(".rejected.parquet"))
    assert rejected.schema == REJECTED
    assert rejected.select("file", "position").rows() == [("a.json", 2)]
    assert (
        digest(box.arrived / f"original/{table.stem}.json") == content == digest_of_arrival(table)
    )
    assert arrivals(box.arrived) == list(found.arrived.values())
    other = found.arrived["b.jsonl"].stem
    assert below(box.arrived)[2:] == sorted(
        [f"{other}.parquet", f"original/{table.stem}.json", f"original/{other}.jsonl"]
    )
    assert digest_of_arrival(found.arrived["b.jsonl"]) == good
    assert below(box.folder) == []


@BOTH
def test_names_sort_by_arrival_whatever_the_clock_says(tmp_path: Path, split: Split) -> None:
    box, order = opened(tmp_path, split), []
    for turn, now in enumerate([NOW, NOW, NOW - 3600, NOW + 3600]):
        order += [put(box, f"{number}.json", article(f"{turn} {number}")) for number in (1, 2)]
        take(box, now)
    assert [digest_of_arrival(file) for file in arrivals(box.arrived)] == order


@BOTH
def test_a_content_is_taken_once_whatever_its_name(tmp_path: Path, split: Split) -> None:
    box = opened(tmp_path, split)
    put(box, "a.json", article())
    put(box, "b.json", article())
    first = take(box)
    put(box, "c.jsonl", article())
    again = take(box)
    place = first.arrived["a.json"]
    assert again.arrived == {}
    for name, reason in (first.set_aside | again.set_aside).items():
        assert f"already taken, as {place}" in reason, name
    assert names(arrivals(box.arrived)) == [place.name]
    assert below(box.rejected) == [
        "b.json", "b.json.reason.txt", "c.jsonl", "c.jsonl.reason.txt"
    ]  # fmt: skip


REFUSED = {
    "no JSON": ("a.json", b"title: Ada", ["expected JSON", "begins with"]),
    "cut short": ("a.jsonl", b'{"title": ', ["cut short"]),
    "no Parquet": ("a.parquet", b"PAR1", ["expected Parquet"]),
    "no gzip": ("a.json.gz", b"[]", ["damaged gzip"]),
    "no documents": ("a.json", b"[]", ["found none among 0"]),
    "one bad document": (
        "a.json",
        [BAD],
        ["found none among 1", "document 0 ('bad'), sents: expected a list"],
    ),
    "too many bad": (
        "a.json",
        [article(), BAD, BAD],
        ["2 of 3 are bad", "document 1 ('bad'), sents: expected a list", "- a.json, document 2"],
    ),
    "another ending": ("a.csv", b"title", [".jsonl.gz, .parquet; found another ending"]),
}


@BOTH
@pytest.mark.parametrize(("name", "content", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_file_is_set_aside_with_the_reason(
    tmp_path: Path, split: Split, name: str, content: Any, told: list[str]
) -> None:
    box = opened(tmp_path, split)
    file = box.folder / name
    file.write_bytes(content) if isinstance(content, bytes) else write_articles(file, content)
    before = file.read_bytes()
    put(box, "z.json", article())
    found = take(box)
    assert list(found.arrived) == ["z.json"]
    assert (box.rejected / name).read_bytes() == before
    reason = (box.rejected / f"{name}.reason.txt").read_text(encoding="utf-8")
    assert found.set_aside == {name: reason.rstrip("\n")}
    assert str(file) in reason
    for words in told:
        assert words in reason
    assert below(box.folder) == []


def test_nothing_that_was_set_aside_is_overwritten(tmp_path: Path) -> None:
    box = opened(tmp_path)
    contents = [("a.json.gz", b"1"), ("a.json.gz", b"2"), ("b.json.reason.txt", b"3")]
    contents += [("b.json", b"4"), ("a.json.gz", b"5"), ("b.json.reason.txt", b"6")]
    for name, content in contents:
        (box.folder / name).write_bytes(content)
        take(box)
    kept = {name: (box.rejected / name).read_bytes() for name in below(box.rejected)}
    reasons = {f"{name}.reason.txt" for name in kept} & {*kept}
    files = {name: content for name, content in kept.items() if f"{name}.reason.txt" in reasons}
    assert sorted(files.values()) == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert {"a.json.gz", "a-2.json.gz", "a-3.json.gz", "b.json.reason.txt"} <= {*files}
    assert len(kept) == 2 * len(files)


@pytest.mark.parametrize("name", [b"\xff.json", b"\xff.txt", b"a" * 250 + b".json", b"." + b"a"])
def test_odd_names_hold_nothing_up(tmp_path: Path, name: bytes) -> None:
    box = opened(tmp_path)
    (box.folder / os.fsdecode(name)).write_text("no documents")
    take(box)
    hidden = name.startswith(b".")
    assert (len(below(box.folder)), len(below(box.rejected))) == ((1, 0) if hidden else (0, 2))


def test_a_file_that_may_not_be_read_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = opened(tmp_path)
    put(box, "a.json", article())
    denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    monkeypatch.setattr(module, "digest", Mock(side_effect=denied))
    assert "may be read, found Permission denied" in take(box).set_aside["a.json"]


def meddle(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Have something happen to a file after it was read."""
    convert = module.convert

    def meddling(file: Path, *args: Any, **options: Any) -> Any:
        try:
            return convert(file, *args, **options)
        finally:
            act(file)

    monkeypatch.setattr(module, "convert", meddling)


@BOTH
@pytest.mark.parametrize("content", [[article()], [BAD, BAD]], ids=["good", "bad"])
def test_a_file_that_changes_meanwhile_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: Split, content: list[Any]
) -> None:
    box = opened(tmp_path, split)
    put(box, "a.json", *content)
    with monkeypatch.context() as patch:
        meddle(patch, lambda file: write_articles(file, [article("Eve")]))
        assert take(box) == Taken(left=["a.json"])
    assert below(tmp_path) == ["inbox/a.json"]
    whole = digest(box.folder / "a.json")
    assert digest_of_arrival(take(box).arrived["a.json"]) == whole


def test_a_file_that_somebody_removes_meanwhile_disturbs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = opened(tmp_path)
    put(box, "a.json", article())
    meddle(monkeypatch, Path.unlink)
    assert take(box) == Taken(left=["a.json"])
    assert below(tmp_path) == []


def test_a_file_that_memory_does_not_hold_is_set_aside_and_the_others_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = opened(tmp_path)
    put(box, "huge.json", article("huge"))
    put(box, "little.json", article("little"))
    usual = module.convert

    def convert(file: Path, *rest: Any, **named: Any) -> Any:
        if file.name == "huge.json":
            raise duckdb.OutOfMemoryException("could not allocate block")
        return usual(file, *rest, **named)

    monkeypatch.setattr(module, "convert", convert)
    taken = take(box)
    assert "little.json" in taken.arrived
    assert "Cut it into several files" in taken.set_aside["huge.json"]


def test_a_full_disk_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = opened(tmp_path)
    put(box, "a.json", article())

    def full(file: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    meddle(monkeypatch, full)
    with pytest.raises(OSError, match="No space") as raised:
        take(box)
    assert "a.json" in raised.value.__notes__[0]
    assert below(tmp_path) == ["inbox/a.json"]


def test_two_runs_take_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = opened(tmp_path)
    for number in range(3):
        put(box, f"{number}.json", article(f"Ada {number}"))
    inside, found = [0], []

    def slowly(file: Path) -> None:
        inside.append(inside.pop() + 1)
        assert inside == [1], "two runs read at once"
        time.sleep(0.05)
        inside.append(inside.pop() - 1)

    meddle(monkeypatch, slowly)
    runs = [threading.Thread(target=lambda: found.append(take(box))) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(len(taken.arrived) for taken in found) == [0, 3]
    assert not any(taken.set_aside for taken in found)


def test_inboxes_may_share_the_folder_of_what_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = [opened(tmp_path / kind) for kind in ("distant", "new")]
    boxes = [replace(box, rejected=tmp_path / "rejected") for box in boxes]
    for box in boxes:
        (box.folder / "a.json").write_text(f"for {box.folder}")
    free = module._free
    monkeypatch.setattr(module, "_free", lambda place: (free(place), time.sleep(0.2))[0])
    runs = [threading.Thread(target=take, args=[box]) for box in boxes]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    found = [(tmp_path / f"rejected/{name}.json").read_text() for name in ("a", "a-2")]
    assert sorted(found) == sorted(f"for {box.folder}" for box in boxes)
    with pytest.raises(ValueError, match="three different folders"):
        replace(boxes[0], rejected=boxes[0].folder)


def test_what_a_killed_run_left_behind_is_removed(tmp_path: Path) -> None:
    box = opened(tmp_path, Split.NEW)
    put(box, "a.json", article(), BAD)
    take(box)
    sound = below(box.arrived)
    write_articles(box.arrived / ".taking-x/documents.parquet", [])
    write_articles(box.arrived / f"20000101T000000Z-{'0' * 16}.rejected.parquet", [])
    take(box)
    assert below(box.arrived) == sound


class StoppedError(BaseException):
    """Somebody pulled the plug."""


def plug(patch: pytest.MonkeyPatch, step: int, elsewhere: Path | None) -> None:
    """Stop before a step that a scratch folder does not hide; ``elsewhere`` is another disk."""
    steps, rename, unlink = count(), os.replace, os.unlink

    def replacing(source: Path, place: Path) -> None:
        if ".taking-" not in str(place) and next(steps) == step:
            raise StoppedError
        if source.parent == elsewhere:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, place)

    def unlinking(file: Any, **options: Any) -> None:
        if ".taking-" not in str(file) and "dir_fd" not in options and next(steps) == step:
            raise StoppedError
        unlink(file, **options)

    patch.setattr(os, "replace", replacing)
    patch.setattr(os, "unlink", unlinking)


def stopped(box: Inbox, patch: pytest.MonkeyPatch, step: int, elsewhere: Path | None) -> bool:
    with patch.context() as inner:
        plug(inner, step, elsewhere)
        try:
            take(box)
        except StoppedError:
            return True
    return False


def assert_nothing_lost(root: Path, contents: set[str]) -> None:
    files = [file for file in root.rglob("*") if file.is_file()]
    assert contents <= {digest(file) for file in files}
    for place in (root / "rejected").glob("[!.]*"):
        if not place.name.endswith(".reason.txt"):
            assert place.with_name(f"{place.name}.reason.txt").read_text()


@pytest.mark.parametrize("far", [False, True], ids=["near", "across"])
@BOTH
def test_a_run_that_was_stopped_anywhere_is_made_good_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: Split, far: bool
) -> None:
    for step in count():
        box = opened(tmp_path / str(step), split)
        content = put(box, "b.json", article(), BAD)
        (box.folder / "a.json").write_text("no documents")
        others = {digest(box.folder / "a.json"), put(box, "c.txt")}
        assert put(box, "d.json", article(), BAD) == content
        elsewhere = box.folder if far else None
        was_stopped = stopped(box, monkeypatch, step, elsewhere)
        assert_nothing_lost(box.folder.parent, {content} | others)
        stopped(box, monkeypatch, -1, elsewhere)
        assert_nothing_lost(box.folder.parent, {content} | others)
        assert below(box.folder) == []
        assert [digest_of_arrival(file) for file in arrivals(box.arrived)] == [content]
        assert len(below(box.arrived)) == (3 if split is Split.NEW else 1)
        set_aside = {file for file in below(box.rejected) if not file.startswith(".")}
        plain = {"a.json", "c.txt", "d.json"}
        assert {f"{file}.reason.txt" for file in plain} | plain <= set_aside
        if not was_stopped:
            break
    assert step > 5
