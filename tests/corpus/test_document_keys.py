"""Documents are told by their text and entities, the same on disk as in memory."""

import dataclasses

import pytest
from little_shards import DOCUMENTS, document

from corpus.document_keys import document_digest, document_keys
from corpus.schema import Document, Entity, Label, Mention, Split
from corpus.tables import SLICE, write_documents


def test_labels_and_titles_do_not_make_another_document():
    relabelled = dataclasses.replace(DOCUMENTS[0], labels=(Label(0, 1, "P17"),), title="new")
    assert document_digest(relabelled) == document_digest(DOCUMENTS[0])


ODD_NAME = 'a "new\n\u2028 Café \\ 日本 \U0001f30d\x7f\x00'
ODD = Document(
    "odd",
    "odd",
    ((ODD_NAME, "stands", "by"), (), ("it",)),
    (
        Entity("LOC", (Mention(ODD_NAME, 0, 0, 1), Mention("it", 2, 0, 1))),
        Entity("", ()),
    ),
)


@pytest.mark.parametrize(
    ("lines", "digest"),
    [
        (ODD, "49d5736f04667163"),
        (DOCUMENTS[0], "353cd39224f8d388"),
        (DOCUMENTS[1], "51539679dcad0a45"),
    ],
)
def test_digests_of_documents_stay_as_they_are_on_disk(tmp_path, lines, digest):
    """Others would make all soft labels of earlier runs those of other documents."""
    assert document_digest(lines) == digest
    write_documents([lines], tmp_path / "one.parquet", Split.DISTANT)
    assert list(document_keys(tmp_path / "one.parquet")) == [(lines.doc_id, digest)]


@pytest.mark.parametrize("size", [0, 1, SLICE, SLICE + 1])
def test_keys_are_in_the_order_of_the_table(tmp_path, size):
    documents = [document(f"d{-number}", 0, f"word {number % 7}") for number in range(size)]
    write_documents(documents, tmp_path / "some.parquet", Split.DISTANT)
    keys = [(lines.doc_id, document_digest(lines)) for lines in documents]
    assert list(document_keys(tmp_path / "some.parquet")) == keys
