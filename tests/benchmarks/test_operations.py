"""Operations counted from shapes are those that torch counts while it computes."""

import dataclasses
import random

import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.operations import AXIAL, BILINEAR, CLASSIFIER, ENCODER, PAIRS, operations, total
from corpus.relations import RelationVocabulary
from corpus.schema import Document, Entity, Mention
from models.config import preset
from models.extractor import Extractor

VOCABULARY = RelationVocabulary(("Na", "P1", "P2", "P3", "P4"), {})
WIDE = {"model.emb_size": 128, "model.block_size": 32, "model.axial_layers": 2}
"""Wide enough that matrix products are all but a hundredth, as at sizes that are used."""


def document(words: int, entities: int, seed: int) -> Document:
    draw = random.Random(seed)
    sentence = tuple(draw.choices(["rivers", "run", "north", "of", "old", "towns"], k=words))
    places = [draw.sample(range(words), draw.randint(1, 3)) for _ in range(entities)]
    found = [
        Entity("LOC", tuple(Mention(sentence[p], 0, p, p + 1) for p in sorted(of))) for of in places
    ]
    return Document(f"d{seed}", f"d{seed}", (sentence,), tuple(found), ())


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    chosen = preset("tiny", WIDE).model
    return Extractor.create(dataclasses.replace(chosen, window=64), VOCABULARY, seed=1)


def counted(extractor, documents) -> tuple[dict[str, int], int]:
    """What torch counts forward, by module, and in both passes."""
    network, batch = extractor.network, extractor.collate(documents)
    counter = FlopCounterMode(display=False, depth=2)
    with sdpa_kernel(SDPBackend.MATH):  # whose products are told one by one
        with counter:
            logits = network(batch)
        modules = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
        with FlopCounterMode(display=False) as both:
            logits = network(batch)
            logits.square().sum().backward()
    return modules, both.get_total_flops()


# one window; two; three; a single entity; many entities of a short text
@pytest.mark.parametrize(
    ("words", "entities"), [(20, 5), (90, 6), (150, 7), (30, 1), (25, 14)], ids=str
)
def test_they_are_what_torch_counts(extractor, words, entities):
    encoded = extractor.encode(document(words, entities, seed=words))
    found = operations(extractor, encoded)
    modules, both = counted(extractor, [encoded])
    for part, name in ((ENCODER, "encoder"), (BILINEAR, "bilinear"), (CLASSIFIER, "classifier")):
        assert found[part].forward == modules.get(f"DocRENetwork.{name}", 0), part
    assert found[AXIAL].forward == modules["DocRENetwork.axial"]
    assert sum(count.forward for count in found.values()) == modules["DocRENetwork"]
    # the outer products of the bilinear map, told as matrix products backward only
    assert sum(count.both for count in found.values()) == pytest.approx(both, rel=0.01)


def test_padding_counts_as_nothing(extractor):
    short, long = (extractor.encode(document(words, 4, seed=words)) for words in (12, 50))
    alone = total([operations(extractor, short), operations(extractor, long)])
    modules, _ = counted(extractor, [short, long])
    assert alone[ENCODER].forward < modules["DocRENetwork.encoder"]
    assert alone[PAIRS].forward + alone[BILINEAR].forward == (
        modules["DocRENetwork"]
        - sum(modules[f"DocRENetwork.{name}"] for name in ("encoder", "axial", "classifier"))
    )


def test_sums_are_by_part(extractor):
    one = operations(extractor, extractor.encode(document(20, 5, seed=1)))
    for part, count in total([one, one, one]).items():
        assert (count.forward, count.backward) == (3 * one[part].forward, 3 * one[part].backward)
