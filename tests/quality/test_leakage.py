"""What training and held-out documents share is found, however it is spelt."""

from dataclasses import replace

from noisy_corpus import document, table, values

from corpus.schema import Entity, Label, Mention
from quality.leakage import leakage_statistics, shared_documents


def _named(doc_id, head, tail, relation="P17"):
    entities = tuple(Entity("A", (Mention(name, 0, 0, 1),)) for name in (head, tail))
    return replace(document(doc_id), entities=entities, labels=(Label(0, 1, relation),))


def test_nothing_is_shared_by_different_documents():
    found = leakage_statistics(
        {"train": table(_named("a", "Ada", "Arden"))}, {"dev": table(_named("b", "Bo", "Bern"))}
    )
    assert values(found) == {
        "dev_titles_shared": 0,
        "dev_texts_shared": 0,
        "dev_facts_shared": 0,
    }


def test_everything_is_shared_with_itself():
    same = table(_named("a", "Ada", "Arden"), _named("b", "Bo", "Bern"))
    found = leakage_statistics({"distant": same}, {"test": same})
    assert set(found["stage"]) == {"distant"}
    assert values(found) == {
        "test_titles_shared": 1,
        "test_texts_shared": 1,
        "test_facts_shared": 1,
    }


def test_spelling_hides_no_title_and_no_fact():
    there = _named("x", "ADA ,  Lady", "Arden")
    here = [_named("y", "Ada, Lady", "arden"), _named("z", "Ada, Lady", "arden", "P19")]
    training = table(replace(there, title="The  Title"))
    scored = table(*(replace(one, title="the title") for one in here))
    found = values(leakage_statistics({"train": training}, {"dev": scored}))
    assert found["dev_titles_shared"] == 1
    assert found["dev_texts_shared"] == 0
    assert found["dev_facts_shared"] == 0.5


def test_a_text_under_another_title_is_found():
    document_ = _named("a", "Ada", "Arden")
    renamed = replace(document_, doc_id="b", title="Other")
    found = shared_documents(table(document_), table(renamed, _named("c", "Bo", "Bern")))
    assert found.rows() == [("b", "Other", "text")]
    found = shared_documents(table(document_), table(document_))
    assert found.rows() == [("a", "a", "title and text")]


def test_without_held_out_documents_there_is_no_share():
    found = leakage_statistics({"train": table(_named("a", "A", "B"))}, {"test": table()})
    assert found.is_empty()
