"""Artefacts are written whole or not at all, and told by their content."""

import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from corpus import artefacts
from corpus.artefacts import (
    UnwritableError,
    digest,
    digest_of,
    digest_of_all,
    whole,
    write_json,
)
from corpus.tables import write_table

pytestmark = pytest.mark.breaks


def folder_with(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "a.txt").write_text(text)
    return path


def test_a_folder_takes_the_place_of_another(tmp_path):
    folder = folder_with(tmp_path / "folder", "old")
    with whole(folder) as draft:
        folder_with(draft, "new")
    assert (folder / "a.txt").read_text() == "new"
    assert list(tmp_path.iterdir()) == [folder]


def fails(draft: Path) -> None:
    folder_with(draft, "half")
    raise KeyError


def writes_nothing(_draft: Path) -> None:
    pass


@pytest.mark.parametrize(("block", "error"), [(fails, KeyError), (writes_nothing, OSError)])
def test_what_stood_there_stays_where_nothing_whole_comes(tmp_path, block, error):
    folder = folder_with(tmp_path / "folder", "old")
    with pytest.raises(error), whole(folder) as draft:
        block(draft)
    assert (folder / "a.txt").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_reader_finds_one_of_both_folders_all_the_time(tmp_path, monkeypatch, exchanges):
    if exchanges and not artefacts._exchanged(*(folder_with(tmp_path / n, n) for n in "ab")):
        pytest.skip("paths cannot be exchanged here")
    if not exchanges:
        monkeypatch.setattr(artefacts, "_exchanged", lambda *_: False)
    folder, missed, ended = folder_with(tmp_path / "folder", "0"), [], threading.Event()

    def read() -> None:
        while not ended.is_set():
            missed.append(not (folder / "a.txt").exists())

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(read)
        for number in range(200):
            with whole(folder) as draft:
                folder_with(draft, str(number))
        ended.set()
        reading.result()
    assert (folder / "a.txt").read_text() == "199"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in "ab") == ["folder"]
    if exchanges:
        assert not any(missed)


def test_drafts_of_killed_processes_are_swept_and_no_others(tmp_path):
    folder = folder_with(tmp_path / "folder", "old")
    stale = [folder_with(tmp_path / f".folder.{n}", "x") for n in ("0123abcd", "0123abcd.old")]
    for path in stale:
        os.utime(path, (0, 0))
    young = folder_with(tmp_path / ".folder.89abcdef", "x")
    others = [folder_with(tmp_path / name, "x") for name in (".folder.mine", ".other.0123abcd")]
    for path in others:
        os.utime(path, (0, 0))
    with whole(folder) as draft:
        folder_with(draft, "new")
    assert set(tmp_path.iterdir()) == {folder, young, *others}


def write_a_table(path: Path) -> None:
    write_table(pl.DataFrame({"a": np.random.default_rng(1).random(300_000)}), path)


def write_a_text(path: Path) -> None:
    write_json(["x" * 3_000_000], path)


def write_a_database(path: Path) -> None:
    with whole(path) as draft, duckdb.connect(draft) as connection:
        connection.execute("CREATE TABLE t AS SELECT random() AS r FROM range(1000000)")


def write_weights(path: Path) -> None:
    weights = {"w": np.ones(1_000_000, np.float32)}
    with whole(path) as draft:
        draft.mkdir()
        save_file(weights, draft / "model.safetensors")


WRITERS = [write_a_table, write_a_text, write_a_database, write_weights]


@pytest.fixture
def little_disk(tmp_path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing may be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("write", WRITERS)
def test_a_full_disk_is_told_and_leaves_what_was_there(little_disk, write):
    path = little_disk / "artefact"
    path.write_text("old")
    with pytest.raises(UnwritableError, match=r"artefact: expected to write it, found: No space"):
        write(path)
    assert path.read_text() == "old"
    assert list(little_disk.iterdir()) == [path]


@pytest.mark.parametrize("write", WRITERS)
def test_a_read_only_disk_is_told(little_disk, write):
    path = little_disk / "artefact"
    path.write_text("old")
    subprocess.run(["mount", "-o", "remount,ro", little_disk], check=True)
    with pytest.raises(UnwritableError, match=r"found: Read-only file system, with 0\.0 GB free"):
        write(path)
    assert path.read_text() == "old"


def test_a_permission_that_is_missing_elsewhere_is_another_matter(tmp_path):
    def write(place: Path) -> None:
        with whole(tmp_path / "artefact"):
            raise PermissionError(13, "Permission denied", str(place))

    with pytest.raises(UnwritableError):
        write(tmp_path / ".artefact.0123abcd")
    with pytest.raises(PermissionError, match=r"train\.json"):
        write(Path("/corpus/train.json"))


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        pl.exceptions.ComputeError("parquet: No space left on device (os error 28)"),
        duckdb.IOException("IO Error: Read-only file system"),
    ],
)
def test_what_libraries_say_of_the_disk_is_understood(tmp_path, error):
    def write() -> None:
        with whole(tmp_path / "artefact"):
            raise error

    with pytest.raises(UnwritableError, match="Make room or give") as told:
        write()
    assert told.value.__cause__ is error


def test_digests_tell_content_and_names_not_places(tmp_path):
    one, same = (folder_with(tmp_path / name, "1") for name in "xy")
    other = folder_with(tmp_path / "z", "2")
    assert digest(one) == digest(same) != digest(other)
    (same / "a.txt").rename(same / "b.txt")
    assert digest(one) != digest(same)


def test_digests_are_of_what_json_holds():
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": 1})
    with pytest.raises(TypeError):
        digest_of(object())


@given(st.lists(st.tuples(st.text(), st.integers()) | st.dictionaries(st.text(), st.none())))
def test_the_digest_of_values_that_stream_is_that_of_their_list(values):
    assert digest_of_all(iter(values)) == digest_of(values)
