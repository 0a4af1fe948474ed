"""Artefacts are written whole or not at all, and told by their content."""

from pathlib import Path

import pytest

from corpus.artefacts import digest, digest_of, whole


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
