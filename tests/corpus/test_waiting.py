"""Waiting files: which are left alone, and how one is known to be another."""

from __future__ import annotations

import os
from pathlib import Path

from docred_json import write_articles

from corpus.waiting import fingerprint, settled, strangers

NOW = 4e9
"""2096-10-02T07:06:40Z, when everything that a test writes has settled long ago."""


def test_only_finished_files_have_settled(tmp_path: Path) -> None:
    known = ["a.jsonl.gz", "b.json", "c.parquet", "d.jsonl", "e.json.gz"]
    unknown = ["a.csv", "a.gz", "a.json.zip", "json"]
    for name in [*known, *unknown, ".a.json", "a.json.part", "a.json.tmp", "a.json~"]:
        write_articles(tmp_path / name, [])
    write_articles(tmp_path / "folder.json/f.json", [])
    (tmp_path / "link.json").symlink_to("b.json")
    assert [file.name for file in settled(tmp_path, 60, NOW)] == known
    assert [file.name for file in strangers(tmp_path, 60, NOW)] == unknown
    assert settled(tmp_path / "nowhere", 60, NOW) == []


def test_both_times_of_a_file_must_lie_back(tmp_path: Path) -> None:
    file = write_articles(tmp_path / "a.json", [])
    os.utime(file, (0, 0))
    put_there = file.stat().st_ctime
    assert settled(tmp_path, 60, put_there + 59) == []
    assert settled(tmp_path, 60, put_there + 60) == [file]
    os.utime(file, (0, put_there + 1000))
    assert settled(tmp_path, 60, put_there + 1059) == []
    assert settled(tmp_path, 60, put_there + 1060) == [file]


def test_a_fingerprint_changes_when_a_file_is_written_anew(tmp_path: Path) -> None:
    file = write_articles(tmp_path / "a.json", [])
    os.utime(file, (0, 0))
    before = fingerprint(file)
    assert before is not None
    assert fingerprint(file) == before
    file.write_bytes(file.read_bytes())
    assert fingerprint(file) not in (before, None)


def test_a_fingerprint_changes_when_another_file_of_the_same_content_comes(tmp_path: Path) -> None:
    file, other = (write_articles(tmp_path / name, []) for name in ("a.json", "b.json"))
    for each in (file, other):
        os.utime(each, (0, 0))
    before = fingerprint(file)
    other.replace(file)
    assert fingerprint(file) not in (before, None)


def test_a_file_that_is_gone_has_no_fingerprint(tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "a.json") is None
    (tmp_path / "link.json").symlink_to("a.json")
    assert fingerprint(tmp_path / "link.json") is not None
