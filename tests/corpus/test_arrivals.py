"""Arrivals: which files are left alone, and what the names of those say that were taken."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from docred_json import write_articles

from corpus.arrivals import (
    ENDINGS,
    arrival_name,
    arrivals,
    digest_of_arrival,
    is_arrival,
    moment_of_arrival,
    settled,
    strangers,
)

pytestmark = pytest.mark.breaks

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


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_name_says_when_a_content_arrived(tmp_path: Path, ending: str) -> None:
    moment = datetime.fromtimestamp(NOW, UTC)
    file = write_articles(tmp_path / arrival_name(moment, "0123456789abcdef", ending), [])
    assert file.name == f"20961002T070640Z-0123456789abcdef{ending}"
    assert (moment_of_arrival(file), digest_of_arrival(file)) == (moment, "0123456789abcdef")
    assert arrivals(tmp_path) == [file]


@pytest.mark.parametrize("name", ["a.json", f"20961002T070640Z-{'0' * 16}.rejected.parquet"])
def test_other_names_are_none_of_arrivals(tmp_path: Path, name: str) -> None:
    file = write_articles(tmp_path / name, [])
    assert not is_arrival(file)
    assert arrivals(tmp_path) == []
    for told in (digest_of_arrival, moment_of_arrival):
        with pytest.raises(ValueError, match="expected the name of a file that arrived"):
            told(file)
