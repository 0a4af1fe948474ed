"""Soft labels are computed for what is new or has changed; all else is kept, bit for bit."""

import dataclasses
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import models.infer
from corpus import artefacts
from corpus.distant import read_shards, write_shards
from corpus.relations import RelationVocabulary
from corpus.schema import Document, Entity, Mention, Split
from corpus.soft_checks import check_shard
from corpus.soft_labels import SoftLabels
from corpus.soft_shards import LOGITS
from corpus.tables import write_documents
from docre_assets import soft_labelling
from docre_assets.soft_labelling import SoftLabeller
from models.checkpoint import save_checkpoint
from models.config import preset
from models.extractor import Extractor
from models.runtime import Runtime

VOCABULARY = RelationVocabulary(("Na", "P17", "P19"), {})


def document(number: int, n_entities: int = 3, verb: str = "knows") -> Document:
    names = [f"Person{number}x{entity}" for entity in range(n_entities)]
    words = tuple(word for pair in pairwise([*names, "all"]) for word in (pair[0], verb))
    entities = tuple(
        Entity("PER", (Mention(name, 0, 2 * at, 2 * at + 1),)) for at, name in enumerate(names)
    )
    return Document(f"d{number}", f"d{number}", (words,), entities)


DOCUMENTS = [document(number, 1 + number % 4) for number in range(8)]


def _runtime() -> Runtime:
    return Runtime("cpu", "float32", 1)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    """An untrained model's checkpoint."""
    place = tmp_path_factory.mktemp("models") / "teacher"
    extractor = Extractor.create(preset("tiny").model, VOCABULARY, seed=1)
    save_checkpoint(extractor, place, metrics={}, provenance={})
    return place


@pytest.fixture
def labeller(teacher) -> SoftLabeller:
    return SoftLabeller(teacher, "1", _runtime)


@pytest.fixture
def computed(monkeypatch) -> list[str]:
    """Ids of the documents whose logits are computed, as they are asked for."""
    ids, infer = [], models.infer.infer

    def watched(extractor, documents, runtime):
        for lines, found in infer(extractor, documents, runtime):
            ids.append(lines.doc_id)
            yield lines, found

    monkeypatch.setattr(models.infer, "infer", watched)
    return ids


@dataclasses.dataclass
class Place:
    """A table of documents and the shard of their soft labels."""

    folder: Path

    @property
    def shard(self) -> tuple[Path, Path]:
        return self.folder / "shard-000.parquet", self.folder / "shard-000"

    def label(self, labeller: SoftLabeller, documents: list[Document]):
        write_documents(documents, self.shard[0], Split.DISTANT)
        labelled = labeller.label(*self.shard)
        assert check_shard(self.shard[1], self.shard[0]) == []
        return labelled

    def logits(self, documents: list[Document]) -> dict[str, np.ndarray]:
        soft = SoftLabels([self.shard[1]], vocabulary=VOCABULARY.digest)
        assert len(soft) == len(documents)
        return {lines.doc_id: np.array(soft.logits(lines.doc_id)) for lines in documents}


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def labelled_place(place, labeller) -> Place:
    """A place with the soft labels of all documents."""
    place.label(labeller, DOCUMENTS)
    return place


LONGER = [document(number) for number in range(100, 104)]
CHANGED = document(5, 2, "sees")
CHANGES = {
    "added": ([*DOCUMENTS, *LONGER], ["d100", "d101", "d102", "d103"]),
    "added between": ([LONGER[0], *DOCUMENTS[:4], LONGER[1], *DOCUMENTS[4:]], ["d100", "d101"]),
    "removed": ([*DOCUMENTS[:2], *DOCUMENTS[3:]], []),
    "changed": ([*DOCUMENTS[:5], CHANGED, *DOCUMENTS[6:]], ["d5"]),
    "in another order": (DOCUMENTS[::-1], []),
    "all at once": ([LONGER[0], *DOCUMENTS[:0:-1][:2], CHANGED, *DOCUMENTS[:5]], ["d100", "d5"]),
    "all others": (LONGER, ["d100", "d101", "d102", "d103"]),
    "none left": ([], []),
}


@pytest.mark.parametrize(("documents", "new"), CHANGES.values(), ids=CHANGES)
def test_only_what_is_new_or_changed_is_computed(labelled_place, teacher, computed, documents, new):
    """All is as if it were computed afresh, up to rounding; what is kept, bit for bit as before."""
    before = labelled_place.logits(DOCUMENTS)
    labeller = SoftLabeller(teacher, "1", _runtime)
    labelled = labelled_place.label(labeller, documents)
    after = labelled_place.logits(documents)
    assert computed == new
    assert (labelled.n_kept, labelled.n_computed) == (len(documents) - len(new), len(new))
    for doc_id in set(after) - set(new):
        assert after[doc_id].tobytes() == before[doc_id].tobytes()
    assert ("teacher" in vars(labeller)) is bool(new)
    fresh = Place(labelled_place.folder / "fresh")
    fresh.label(labeller, documents)
    for doc_id, logits in fresh.logits(documents).items():
        np.testing.assert_allclose(after[doc_id], logits, rtol=2e-3, atol=2e-3)


def test_a_shard_tells_what_was_kept_and_what_computed(place, labeller):
    first = place.label(labeller, DOCUMENTS)
    more = place.label(labeller, [*DOCUMENTS, *LONGER])
    again = place.label(labeller, [*DOCUMENTS, *LONGER])
    told = ("documents", "documents_kept", "documents_computed", "kept")
    assert [tuple(one.metadata()[name] for name in told) for one in (first, more, again)] == [
        (8, 0, 8, False),
        (12, 8, 4, False),
        (12, 12, 0, True),
    ]
    pairs = sum(lines.n_pairs for lines in [*DOCUMENTS, *LONGER])
    assert more.metadata()["dagster/partition_row_count"] == pairs
    assert str(more) == f"8 kept, 4 computed (12 documents, {pairs} pairs)"
    assert str(again) == f"all kept (12 documents, {pairs} pairs)"


def test_the_same_documents_are_left_on_disk_as_they_are(labelled_place, teacher, computed):
    logits = labelled_place.shard[1] / LOGITS
    before = logits.stat().st_ino
    labeller = SoftLabeller(teacher, "1", _runtime)
    assert labelled_place.label(labeller, DOCUMENTS).kept
    assert logits.stat().st_ino == before
    assert computed == []
    assert "teacher" not in vars(labeller)


def _damaged(place: Place) -> None:
    path = place.shard[1] / LOGITS
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def _truncated(place: Place) -> None:
    path = place.shard[1] / LOGITS
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize("damage", [_damaged, _truncated])
@pytest.mark.parametrize("documents", [DOCUMENTS, [*DOCUMENTS, *LONGER]])
def test_nothing_is_taken_from_a_shard_that_is_not_whole(
    labelled_place, labeller, computed, damage, documents
):
    before = labelled_place.logits(DOCUMENTS)
    damage(labelled_place)
    assert labelled_place.label(labeller, documents).n_kept == 0
    assert len(computed) == len(documents)
    after = labelled_place.logits(documents)
    for doc_id, logits in before.items():
        np.testing.assert_allclose(after[doc_id], logits, rtol=2e-3, atol=2e-3)


def test_another_teacher_or_other_code_cost_all_logits(labelled_place, teacher, tmp_path, computed):
    other = tmp_path / "other"
    extractor = Extractor.create(preset("tiny").model, VOCABULARY, seed=2)
    save_checkpoint(extractor, other, metrics={}, provenance={})
    for labeller in (SoftLabeller(teacher, "2", _runtime), SoftLabeller(other, "2", _runtime)):
        computed.clear()
        assert labelled_place.label(labeller, DOCUMENTS).n_kept == 0
        assert len(computed) == len(DOCUMENTS)


def test_only_logits_that_are_not_finite_are_computed_again(place, labeller, monkeypatch):
    """A sick document does not cost the others' logits, in whatever way it was healed."""
    infer = models.infer.infer

    def sick(extractor, documents, runtime):
        for lines, found in infer(extractor, documents, runtime):
            factor = np.inf if lines.doc_id == "d2" else 1
            yield lines, dataclasses.replace(found, logits=found.logits * factor)

    with monkeypatch.context() as patched:
        patched.setattr(models.infer, "infer", sick)
        write_documents(DOCUMENTS, place.shard[0], Split.DISTANT)
        labeller.label(*place.shard)
        assert len(check_shard(place.shard[1], place.shard[0])) == 1
    healed = place.label(labeller, DOCUMENTS)
    assert (healed.n_kept, healed.n_computed) == (len(DOCUMENTS) - 1, 1)


@pytest.mark.parametrize("learnt", [True, False])
def test_evidence_is_told_by_a_teacher_that_has_learnt_it(tmp_path, place, learnt):
    """The attention of another would be taught as if it meant something."""
    extractor = Extractor.create(preset("tiny").model, VOCABULARY, seed=1)
    with torch.no_grad():
        extractor.network.classifier.bias[0] -= 5  # finds relations everywhere
    terms = {"hard": 1.0, **({"evidence": 0.1} if learnt else {})}
    metrics = {"epochs": [{"terms": terms}]}
    save_checkpoint(extractor, tmp_path / "teacher", metrics=metrics, provenance={})
    place.label(SoftLabeller(tmp_path / "teacher", "1", _runtime), DOCUMENTS)
    soft = SoftLabels([place.shard[1]], vocabulary=VOCABULARY.digest)
    found = [len(soft.evidence(lines.doc_id)) for lines in DOCUMENTS]
    assert found == [lines.n_pairs if learnt else 0 for lines in DOCUMENTS]


def _mapped(folder: Path) -> list[str]:
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [line for line in lines if str(folder) in line]


@pytest.mark.skipif(sys.platform != "linux", reason="mappings are told by /proc")
def test_no_file_is_mapped_any_more_when_it_is_removed(labelled_place, labeller, monkeypatch):
    """A network file system could not remove the folder otherwise."""
    swap, seen = artefacts._swap, []

    def watched(draft: Path, path: Path) -> None:
        if path == labelled_place.shard[1]:
            seen.append(_mapped(path))
        swap(draft, path)

    monkeypatch.setattr(artefacts, "_swap", watched)
    labelled_place.label(labeller, [LONGER[0], *DOCUMENTS])
    assert seen == [[]]


def test_after_a_kill_only_the_rest_is_computed(tmp_path, labeller, monkeypatch, computed):
    """Killed in the third of four shards: the first two are kept, the third begins anew."""
    table = tmp_path / "all.parquet"
    write_documents([document(number) for number in range(14)], table, Split.DISTANT)
    shards = write_shards(pl.scan_parquet(table), tmp_path / "documents", 4)
    folders = [tmp_path / shard.stem for shard in shards]
    watched = models.infer.infer

    def killed(extractor, documents, runtime):
        for number, record in enumerate(watched(extractor, documents, runtime)):
            if record[0].doc_id == "d6" and number == 1:
                raise KeyboardInterrupt
            yield record

    def label_all() -> list[bool]:
        pairs = zip(shards, folders, strict=True)
        return [labeller.label(shard, folder).kept for shard, folder in pairs]

    with monkeypatch.context() as patched:
        patched.setattr(models.infer, "infer", killed)
        with pytest.raises(KeyboardInterrupt):
            label_all()
    assert [folder.is_dir() for folder in folders] == [True, True, False, False]
    computed.clear()
    assert label_all() == [True, True, False, False]
    assert sorted(computed) == sorted(f"d{number}" for number in range(14) if number % 4 > 1)
    soft = SoftLabels(folders, vocabulary=VOCABULARY.digest)
    for lines in read_shards(shards):
        soft.require(lines)


@pytest.mark.parametrize("others", [DOCUMENTS, DOCUMENTS[:3], [*DOCUMENTS, *LONGER]])
def test_a_table_that_is_replaced_meanwhile_gives_no_soft_labels(
    place, labeller, monkeypatch, others
):
    infer = models.infer.infer

    def replacing(extractor, documents, runtime):
        for number, found in enumerate(infer(extractor, documents, runtime)):
            if number == 1:
                write_documents(others, place.shard[0], Split.DISTANT)
            yield found

    monkeypatch.setattr(models.infer, "infer", replacing)
    with pytest.raises(ValueError, match="found it replaced while soft labels were computed"):
        place.label(labeller, DOCUMENTS)
    assert not place.shard[1].exists()


def test_a_table_that_is_replaced_while_some_labels_are_kept_changes_none(
    labelled_place, labeller, monkeypatch
):
    before, infer = labelled_place.logits(DOCUMENTS), models.infer.infer

    def replacing(extractor, documents, runtime):
        for found in infer(extractor, documents, runtime):
            write_documents(DOCUMENTS, labelled_place.shard[0], Split.DISTANT)
            yield found

    monkeypatch.setattr(models.infer, "infer", replacing)
    with pytest.raises(ValueError, match="found it replaced while soft labels were computed"):
        labelled_place.label(labeller, [*DOCUMENTS, *LONGER])
    after = labelled_place.logits(DOCUMENTS)
    assert all(np.array_equal(after[doc_id], before[doc_id]) for doc_id in before)


@pytest.mark.parametrize(("more", "times"), [([], 1), (LONGER, 2)])
def test_a_table_is_read_once_where_nothing_is_kept(place, labeller, monkeypatch, more, times):
    if more:
        place.label(labeller, DOCUMENTS)
    reads, read = [], soft_labelling.read_documents
    monkeypatch.setattr(
        soft_labelling, "read_documents", lambda path: reads.append(path) or read(path)
    )
    place.label(labeller, [*DOCUMENTS, *more])
    assert len(reads) == times
