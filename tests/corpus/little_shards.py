"""A shard of soft labels of four small documents, and the table of them beside it."""

from pathlib import Path

import numpy as np

from corpus.schema import Document, Entity, Mention, Split
from corpus.soft_shards import ShardOrigin, write_shard
from corpus.tables import write_documents

ORIGINS = ShardOrigin(teacher="t1", vocabulary="v1", corpus="c1", code="k1")
R = 3


def document(doc_id: str, n_entities: int, text: str = "some words") -> Document:
    entity = Entity("X", (Mention("some", 0, 0, 1),))
    return Document(doc_id, doc_id, (tuple(text.split()),), (entity,) * n_entities, ())


def logits_for(lines: Document, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng([seed, lines.n_pairs])
    return draw.normal(size=(lines.n_pairs, R)).astype(np.float32)


def records(*documents: Document) -> list[tuple[Document, np.ndarray]]:
    return [(lines, logits_for(lines, seed)) for seed, lines in enumerate(documents)]


DOCUMENTS = (document("a", 3), document("none", 0), document("b", 2), document("one", 1))


def good_shard(folder: Path) -> Path:
    """A shard in a folder, with the table of its documents beside it."""
    shard = folder / "shard-000"
    write_shard(shard, records(*DOCUMENTS), ORIGINS, R)
    write_documents(DOCUMENTS, shard.with_suffix(".parquet"), Split.DISTANT)
    return shard


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
