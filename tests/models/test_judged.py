"""Gold and predicted triples side by side, and what is summed over them."""

from corpus.schema import Document, Entity, Label, Mention
from models.judged import Judged
from models.triples import Triple


def test_triples_are_counted_document_by_document():
    entities = tuple(Entity("LOC", (Mention(n, 0, i, i + 1),)) for i, n in enumerate("ab"))
    documents = [
        Document("one", "One", (("a", "b"),), entities, (Label(0, 1, "P1"), Label(1, 0, "P2"))),
        Document("two", "Two", (("a", "b"),), entities, ()),
    ]
    predicted = [Triple("one", 0, 1, "P1"), Triple("two", 0, 1, "P1"), Triple("two", 1, 0, "P1")]
    judged = Judged.of(documents, predicted)
    assert judged.by_document(judged.counts).tolist() == [[2, 1, 1], [0, 2, 0]]
