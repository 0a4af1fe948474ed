"""Checkpoints that are kept: whole, apart from where they came from, with damage told."""

import shutil
from pathlib import Path

import pytest

from corpus.artefacts import digest
from docre_assets.kept_checkpoints import KeptCheckpoints

A, B = "a" * 16, "b" * 16


def checkpoint(folder: Path, name: str) -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_text(f"weights of {name}")
    (folder / "calibration.json").write_text("{}")
    return folder


@pytest.fixture
def source(tmp_path) -> Path:
    return checkpoint(tmp_path / "b", "b")


@pytest.fixture
def kept(tmp_path, source) -> KeptCheckpoints:
    """With `B`, a copy of ``source``."""
    checkpoints = KeptCheckpoints(tmp_path / "kept")
    checkpoints.keep(source, B)
    return checkpoints


def test_what_is_kept_is_a_copy_of_its_own(source, kept):
    before = digest(source)
    assert (kept.names(), digest(kept.sound(B).path)) == ([B], before)
    with (source / "model.safetensors").open("w") as weights:
        weights.write("flipped bits")
    assert digest(kept.sound(B).path) == before
    (source / "calibration.json").write_text("edited in place")
    (source / "new.safetensors").write_text("other weights")
    (source / "new.safetensors").replace(source / "model.safetensors")
    assert digest(kept.sound(B).path) == before


def test_what_is_kept_is_not_copied_again_unless_it_is_damaged(tmp_path, source, kept):
    other = checkpoint(tmp_path / "other", "other")
    kept.keep(other, B)
    assert digest(kept.sound(B).path) == digest(source)
    (kept.sound(B).path / "calibration.json").unlink()
    kept.keep(other, B)
    assert digest(kept.sound(B).path) == digest(other)


def test_a_content_that_cannot_be_read_tells_of_damage(kept):
    (kept.contents / f"{B}.json").write_text("")
    with pytest.raises(ValueError, match=r"digest None.*the checkpoint was damaged.*there is none"):
        kept.sound(B)


def test_damage_is_told_with_the_others(tmp_path, kept):
    kept.keep(checkpoint(tmp_path / "a", "a"), A)
    (kept.versions / B / "added.json").write_text("{}")
    with pytest.raises(ValueError, match=rf"versions/{B}: expected .* found .*\({A}\), or promote"):
        kept.sound(B)


def test_what_is_no_digest_names_no_folder(source, kept):
    for name in ("../elsewhere", "A" * 16, "a" * 15):
        with pytest.raises(ValueError, match="16 hex digits"):
            kept.keep(source, name)
    assert kept.names() == [B]


def test_a_checkpoint_that_changes_while_it_is_copied_is_not_kept(source, kept, monkeypatch):
    def late(here: Path, there: Path) -> None:
        monkeypatch.undo()
        (source / "calibration.json").write_text("another's")
        shutil.copytree(here, there)

    monkeypatch.setattr(shutil, "copytree", late)
    with pytest.raises(ValueError, match="another run writes this checkpoint"):
        kept.keep(source, A)
    assert [path.name for path in kept.versions.iterdir()] == [B]


def test_what_is_removed_leaves_nothing(kept):
    kept.remove(B)
    assert [*kept.versions.iterdir(), *kept.contents.iterdir()] == []


def test_what_killed_processes_left_is_swept_and_no_more(source, kept):
    shutil.copytree(source, kept.versions / f".{A}.old")
    (kept.contents / f".{A}.json").write_text("{")
    (kept.versions / ".listing").write_text("another program's")
    (kept.contents / ".cache").mkdir()
    kept.sweep()
    assert [*kept.versions.iterdir()] == [kept.versions / B]
    assert [*kept.contents.iterdir()] == [kept.contents / f"{B}.json"]
