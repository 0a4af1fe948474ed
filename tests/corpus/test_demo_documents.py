"""Demo documents: mentions, labels and evidence fit together, and what follows is labelled."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest

from corpus.demo import demo_corpus
from corpus.demo_phrases import asides, denials, kind_of, leads, paraphrases
from corpus.demo_truth import close
from corpus.demo_variety import RELATION_NAMES, DemoSize
from corpus.demo_world import TYPES
from corpus.schema import Document, Label, Split

TYPED: Final = {
    "P17": ("LOC ORG", "LOC"),
    "P19": ("PER", "LOC"),
    "P20": ("PER", "LOC"),
    "P22": ("PER", "PER"),
    "P26": ("PER", "PER"),
    "P27": ("PER", "LOC"),
    "P36": ("LOC", "LOC"),
    "P40": ("PER", "PER"),
    "P50": ("MISC", "PER"),
    "P57": ("MISC", "PER"),
    "P69": ("PER", "ORG"),
    "P102": ("PER", "ORG"),
    "P108": ("PER", "ORG"),
    "P112": ("ORG", "PER"),
    "P127": ("ORG", "PER ORG"),
    "P131": ("LOC ORG", "LOC"),
    "P159": ("ORG", "LOC"),
    "P161": ("MISC", "PER"),
    "P175": ("MISC", "PER ORG"),
    "P264": ("MISC ORG", "ORG"),
    "P495": ("MISC ORG", "LOC"),
    "P569": ("PER", "TIME"),
    "P570": ("PER", "TIME"),
    "P571": ("ORG", "TIME"),
    "P577": ("MISC", "TIME"),
    "P3373": ("PER", "PER"),
}


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    corpus = demo_corpus(7, DemoSize(train=60, dev=20, test=20, unlabelled=100))
    return [document for split in corpus.written for document in corpus.documents(split)]


def _labels(documents: list[Document]) -> list[tuple[Document, Label]]:
    return [(document, label) for document in documents for label in document.labels or ()]


def _shares_a_sentence(document: Document, label: Label) -> bool:
    head, tail = (
        {mention.sentence for mention in document.entities[index].mentions}
        for index in (label.head, label.tail)
    )
    return bool(head & tail)


def test_every_span_holds_the_words_of_its_name(documents):
    for document in documents:
        for entity in document.entities:
            for mention in entity.mentions:
                words = document.sentences[mention.sentence][mention.start : mention.end]
                assert " ".join(words) == mention.name


def test_no_two_mentions_overlap(documents):
    for document in documents:
        places = Counter(
            (mention.sentence, position)
            for entity in document.entities
            for mention in entity.mentions
            for position in range(mention.start, mention.end)
        )
        assert set(places.values()) == {1}


def test_sentences_begin_with_a_capital_and_end_with_a_full_stop(documents):
    for document in documents:
        for sentence in document.sentences:
            assert not sentence[0][0].islower()
            assert sentence[-1] == "."
            assert not any(mark in word for word in sentence for mark in "{}[]|")


def test_labels_are_of_types_that_the_relation_has(documents):
    for document, label in _labels(documents):
        heads, tails = TYPED[label.relation]
        assert document.entities[label.head].type in heads.split(), (document.title, label)
        assert document.entities[label.tail].type in tails.split(), (document.title, label)


def test_evidence_names_both_ends_or_leads_to_them(documents):
    for document, label in _labels(documents):
        assert label.head != label.tail
        assert label.evidence == tuple(sorted(set(label.evidence)))
        assert set(label.evidence) <= set(range(len(document.sentences)))
        for index in (label.head, label.tail):
            mentions = document.entities[index].mentions
            assert {mention.sentence for mention in mentions} & set(label.evidence)


def test_labels_do_not_repeat(documents):
    for document in documents:
        facts = [(x.head, x.tail, x.relation) for x in document.labels or ()]
        assert len(set(facts)) == len(facts)


def test_many_labels_cross_sentences(documents):
    labels = _labels(documents)
    apart = [label for d, label in labels if not _shares_a_sentence(d, label)]
    assert len(apart) > 0.12 * len(labels)
    assert sum(len(label.evidence) > 1 for label in apart) > 0.9 * len(apart)


def test_citizenship_follows_in_two_hops(documents):
    followed = 0
    for document in documents:
        facts = {(x.head, x.relation, x.tail): x.evidence for x in document.labels or ()}
        born = [(h, t, e) for (h, r, t), e in facts.items() if r == "P19"]
        lies = [(h, t, e) for (h, r, t), e in facts.items() if r == "P17"]
        for person, city, _ in born:
            for place, country, _ in lies:
                if city == place:
                    assert (person, "P27", country) in facts
                    followed += len(facts[person, "P27", country]) > 1
    assert followed > 20


def test_entities_have_aliases_and_repeated_mentions(documents):
    entities = [entity for document in documents for entity in document.entities]
    repeated = [entity for entity in entities if len(entity.mentions) > 1]
    aliased = [entity for entity in repeated if len({m.name for m in entity.mentions}) > 1]
    assert len(repeated) > 0.3 * len(entities)
    assert len(aliased) > 0.25 * len(repeated)


def test_all_types_occur(documents):
    found = {entity.type for document in documents for entity in document.entities}
    assert found == set(TYPES.values())


def test_rules_unite_evidence_and_go_on_until_nothing_follows():
    told = {
        ("film", "P57", "ann"): (0,),
        ("ann", "P19", "town"): (1,),
        ("town", "P131", "shire"): (2,),
        ("shire", "P17", "land"): (4,),
    }
    closed = close(told)
    assert closed["ann", "P27", "land"] == (1, 2, 4)
    assert closed["film", "P495", "land"] == (0, 1, 2, 4)
    assert closed == close(closed)


def test_dying_somewhere_makes_nobody_a_citizen():
    told = {("ann", "P20", "town"): (0,), ("town", "P17", "land"): (1,)}
    assert close(told) == told


def test_family_is_told_in_both_directions():
    closed = close({("ann", "P22", "bob"): (0,), ("cid", "P22", "bob"): (2,)})
    assert closed["bob", "P40", "ann"] == (0,)
    assert closed["ann", "P3373", "cid"] == closed["cid", "P3373", "ann"] == (0, 2)


def test_every_relation_has_paraphrases_and_asides_tell_nothing():
    assert set(paraphrases()) == set(RELATION_NAMES)
    assert all(len(group) >= 4 for groups in paraphrases().values() for group in groups)
    assert not any(phrase.facts for phrase in (*asides(), *denials()))


def test_phrases_use_slots_that_their_facts_name():
    told = [phrase for groups in paraphrases().values() for group in groups for phrase in group]
    for phrase in (*told, *leads()):
        slots = phrase.slots()
        assert all(head in slots and tail in slots for head, _, tail in phrase.facts), phrase.text
        assert all(kind_of(slot).isalpha() for slot in slots)


def test_annotated_documents_come_first_and_are_as_many_as_asked():
    corpus = demo_corpus(7, DemoSize(train=60, dev=20, test=20, unlabelled=100))
    assert [len(corpus.documents(split)) for split in (Split.TRAIN, Split.UNLABELLED)] == [60, 100]
