"""What has not changed is kept; what was touched after it was finished is told."""

import pytest

from corpus.seals import BrokenSealError, Seal


@pytest.fixture
def parts(tmp_path):
    folder, file = tmp_path / "models" / "teacher", tmp_path / "dev_logits" / "teacher"
    for path in (folder, file.parent):
        path.mkdir(parents=True)
    (folder / "weights").write_bytes(b"12345678")
    file.write_text("logits")
    return folder, file


@pytest.fixture
def seal(tmp_path, parts):
    sealed = Seal(tmp_path, "teacher_model", parts)
    with sealed.renewed("inputs"):
        pass
    return sealed


def test_what_was_made_from_the_same_is_kept_and_from_others_is_not(seal):
    assert seal.keeps("inputs")
    assert not seal.keeps("other inputs")
    seal.require_unbroken()
    assert seal.is_unbroken


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("fault", ["flipped", "cut short", "gone", "renamed"])
def test_a_part_that_was_touched_is_told_with_its_place(seal, parts, part, fault):
    file = parts[part] / "weights" if part == 0 else parts[part]
    content = file.read_bytes()
    match fault:
        case "flipped":
            file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        case "cut short":
            file.write_bytes(content[:-1])
        case "gone":
            file.unlink()
        case "renamed":
            file.rename(file.with_name("other"))
    assert not seal.keeps("inputs")
    assert not seal.is_unbroken
    with pytest.raises(BrokenSealError, match=r"Materialize teacher_model again") as told:
        seal.require_unbroken()
    assert str(parts[part]) in str(told.value)


@pytest.mark.parametrize("touched", [True, False])
def test_what_is_left_half_made_is_told_from_what_was_not_touched(seal, parts, touched):
    def stumble():
        with seal.renewed("other inputs"):
            if touched:
                parts[1].write_text("half")
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        stumble()
    assert seal.keeps("inputs") != touched
    assert not seal.keeps("other inputs")
    if touched:
        with pytest.raises(BrokenSealError):
            seal.require_unbroken()


def test_a_seal_that_cannot_be_read_is_told_and_renewed(seal):
    seal.file.write_text("")
    assert not seal.keeps("inputs")
    with pytest.raises(BrokenSealError, match="expected a seal, found no JSON"):
        seal.require_unbroken()
    with seal.renewed("inputs"):
        pass
    assert seal.keeps("inputs")


def test_two_parts_of_one_name_in_different_folders_are_told_apart(seal, parts):
    content = seal.content()
    with seal.renewed("inputs"):
        parts[0].rename(parts[0].with_name("x"))
        (parts[0].with_name("x")).rename(parts[0])
    assert seal.content() == content
    with seal.renewed("inputs"):
        parts[1].write_text("other")
    assert seal.content() != content


def test_what_was_never_sealed_passes(tmp_path, parts):
    Seal(tmp_path, "other", parts).require_unbroken()
    assert not Seal(tmp_path, "other", parts).keeps("inputs")
