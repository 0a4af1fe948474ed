"""What is wrong with a staged document: checks in SQL over nested columns, a reason for each.

A check is a SELECT that yields a row for each problem: the document's ``position``, the check's
``rank`` (lower ones are told first), ``i`` and ``j`` (order among problems of one rank) and the
texts ``place``, ``expected``, ``found`` and ``remedy``. Places are written like JSON paths, all
counts from 0, with DocRED's field names, because that is what the reader of the message edits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import duckdb

from corpus.relations import RelationVocabulary

_FIELDS: Final = "position, {rank} AS rank, {i} AS i, {j} AS j"

_VIEWS: Final = """
CREATE OR REPLACE TEMP VIEW objects AS SELECT * FROM documents WHERE kind = 'OBJECT';
CREATE OR REPLACE TEMP VIEW sizes AS
    SELECT position, list_transform(sents, lambda s: len(s)) AS lengths, len(sents) AS n_sentences,
           len(entities) AS n_entities, entities, labels
    FROM documents;
CREATE OR REPLACE TEMP VIEW sentences AS
    SELECT position, generate_subscripts(sents, 1) - 1 AS i, unnest(sents) AS words
    FROM documents;
CREATE OR REPLACE TEMP VIEW entities AS
    SELECT position, lengths, n_sentences, generate_subscripts(entities, 1) - 1 AS i,
           unnest(entities) AS entity
    FROM sizes;
CREATE OR REPLACE TEMP VIEW mentions AS
    SELECT *, mention.pos[1] AS first, mention.pos[2] AS past, lengths[mention.sent_id + 1] AS words
    FROM (SELECT position, lengths, n_sentences, i, generate_subscripts(entity, 1) - 1 AS j,
                 unnest(entity) AS mention
          FROM entities);
CREATE OR REPLACE TEMP VIEW labels AS
    SELECT *, label.h AS h, label.t AS t, label.r AS r,
           TRY_CAST(label.evidence::JSON AS INTEGER[]) AS evidence
    FROM (SELECT position, n_entities, n_sentences, generate_subscripts(labels, 1) - 1 AS i,
                 unnest(labels) AS label
          FROM sizes);
"""

_RECORD: Final = (
    (
        "kind IS DISTINCT FROM 'OBJECT'",
        "'document'",
        "'an object with title, sents and vertexSet'",
        "concat('JSON of kind ', coalesce(kind, 'NULL'))",
        "'remove it, or export it in the DocRED format'",
    ),
)
"""Checks: condition, place, expected, found, remedy."""

_DOCUMENT: Final = (
    (
        "trim(coalesce(title, '')) = ''",
        "'title'",
        "'a text that is not empty'",
        "coalesce(to_json(title)::VARCHAR, 'none')",
        "'give the document a title: its doc_id is derived from it'",
    ),
    (
        "sents IS NULL",
        "'sents'",
        "'a list of sentences, each a list of words'",
        "coalesce(sents_found, 'none')",
        "'split the text into sentences and words'",
    ),
    (
        "len(flatten(sents)) = 0 AND list_count(sents) = len(sents)",
        "'sents'",
        "'at least one word'",
        "'no words'",
        "'remove the document: there is nothing to read in it'",
    ),
    (
        "entities IS NULL",
        "'vertexSet'",
        "'a list of entities, each a list of mentions'",
        "coalesce(entities_found, 'none')",
        "'give the entities; a document without any has the empty list'",
    ),
    (
        "labels_found IS NOT NULL",
        "'labels'",
        "'a list of labels, or null where nobody has labelled the document'",
        "labels_found",
        "'export the labels as a list of objects with h, t and r'",
    ),
)

_SENTENCE: Final = (
    (
        "words IS NULL OR list_count(words) < len(words)",
        "format('sents[{}]', i)",
        "'a list of words, each a text'",
        "coalesce(to_json(words)::VARCHAR, 'no list')",
        "'replace or remove the words that are null'",
    ),
)

_ENTITY: Final = (
    (
        "entity IS NULL OR len(entity) = 0",
        "format('vertexSet[{}]', i)",
        "'an entity with at least one mention'",
        "'none'",
        "'add its mentions, or remove the entity and renumber h and t of the labels'",
    ),
)

_MENTION: Final = (
    (
        (
            "mention.sent_id IS NULL OR mention.pos IS NULL OR len(mention.pos) <> 2"
            " OR list_count(mention.pos) <> 2"
        ),
        "format('vertexSet[{}][{}]', i, j)",
        "'a mention with sent_id and pos = [start, end), whole numbers'",
        "coalesce(to_json(mention)::VARCHAR, 'null')",
        "'give the sentence and the words of the mention'",
    ),
    (
        "mention.sent_id NOT BETWEEN 0 AND n_sentences - 1",
        "format('vertexSet[{}][{}].sent_id', i, j)",
        "format('a sentence from 0 to {}', n_sentences - 1)",
        "mention.sent_id::VARCHAR",
        "'correct sent_id: sentences count from 0'",
    ),
    (
        "first >= past",
        "format('vertexSet[{}][{}].pos', i, j)",
        "'at least one word: start < end, the end exclusive'",
        "to_json(mention.pos)::VARCHAR",
        "'give the words of the empty mention, or remove it'",
    ),
    (
        "first < 0 OR past > words",
        "format('vertexSet[{}][{}].pos', i, j)",
        "format('words within sentence {}, 0 to {}', mention.sent_id, words)",
        "to_json(mention.pos)::VARCHAR",
        "'correct pos: it counts words of its own sentence, from 0, the end exclusive'",
    ),
)

_LABEL: Final = (
    (
        "h IS NULL OR t IS NULL OR r IS NULL",
        "format('labels[{}]', i)",
        "'a label with h and t, whole numbers, and r'",
        "coalesce(to_json(label)::VARCHAR, 'null')",
        "'complete or remove the label'",
    ),
    (
        "h NOT BETWEEN 0 AND n_entities - 1 OR t NOT BETWEEN 0 AND n_entities - 1",
        "format('labels[{}]', i)",
        "format('h and t among the {} entities of vertexSet, counted from 0', n_entities)",
        "format('h = {}, t = {}', h, t)",
        "'correct h and t, or remove the label'",
    ),
    (
        "h = t",
        "format('labels[{}]', i)",
        "'two different entities'",
        "format('h = t = {}', h)",
        "'remove the label, or split the entity if it is two'",
    ),
    (
        "r NOT IN (SELECT id FROM vocabulary)",
        "format('labels[{}].r', i)",
        "format('one of the {} relations of the vocabulary', (SELECT count(*) FROM vocabulary))",
        "to_json(r)::VARCHAR",
        (
            "'add the relation to rel2id.json or rel_info.json, or remove the label; a pair without"
            " a relation has no label'"
        ),
    ),
    (
        (
            "label.evidence IS NOT NULL AND (evidence IS NULL"
            " OR list_count(evidence) < len(evidence) OR list_min(evidence) < 0"
            " OR list_max(evidence) >= n_sentences)"
        ),
        "format('labels[{}].evidence', i)",
        "format('a list of sentences from 0 to {}', n_sentences - 1)",
        "label.evidence::VARCHAR",
        "'correct the sentences, or leave out evidence'",
    ),
)

_CHECKS: Final = (
    ("documents", "0", "0", _RECORD),
    ("objects", "0", "0", _DOCUMENT),
    ("sentences", "i", "0", _SENTENCE),
    ("entities", "i", "0", _ENTITY),
    ("mentions", "i", "j", _MENTION),
    ("labels", "i", "0", _LABEL),
)

_OF: Final = "CREATE OR REPLACE TEMP VIEW documents AS SELECT * FROM {table}"

_SUSPECTED: Final = """
CREATE OR REPLACE TEMP TABLE suspected AS
SELECT * FROM staged SEMI JOIN ({suspicions}) USING (position)
"""

_REASONS: Final = """
CREATE OR REPLACE TEMP TABLE rejected AS
SELECT position, title, place, expected,
       CASE WHEN n = 1 THEN found ELSE format('{{}} (and {{}} more)', found, n - 1) END AS found,
       remedy
FROM (SELECT *, row_number() OVER (PARTITION BY position ORDER BY rank, i, j) AS nth,
             count(*) OVER (PARTITION BY position) AS n
      FROM ({problems}))
JOIN (SELECT position, title FROM documents) USING (position)
WHERE nth = 1 ORDER BY position
"""


def find_rejected(connection: duckdb.DuckDBPyConnection, vocabulary: RelationVocabulary) -> None:
    """Make the table ``rejected``: a row for each document of ``staged`` that must be kept out.

    ``staged`` is what `corpus.staging` reads from a file. ``rejected`` holds the first problem of
    a document and counts the others.
    """
    _register(connection, vocabulary.relations)
    connection.execute(_OF.format(table="staged"))
    connection.execute(_VIEWS)
    connection.execute(_SUSPECTED.format(suspicions=_suspicions()))
    connection.execute(_OF.format(table="suspected"))
    connection.execute(_REASONS.format(problems=_problems()))
    connection.execute("DROP TABLE suspected")  # it may be as large as the file


def _register(connection: duckdb.DuckDBPyConnection, relations: Iterable[str]) -> None:
    connection.execute("CREATE OR REPLACE TEMP TABLE vocabulary (id VARCHAR)")
    connection.execute("INSERT INTO vocabulary SELECT unnest(?::VARCHAR[])", [list(relations)])


def _suspicions() -> str:
    """Positions of documents that fail a check: a pass over each view, not one for each check."""
    return " UNION ALL ".join(
        f"SELECT position FROM {view} WHERE "
        + " OR ".join(f"({condition})" for condition, *_ in group)
        for view, _, _, group in _CHECKS
    )


def _problems() -> str:
    """All checks as one query; their order is their rank."""
    checks = [(view, i, j, check) for view, i, j, group in _CHECKS for check in group]
    return " UNION ALL ".join(
        f"SELECT {_FIELDS.format(rank=rank, i=i, j=j)}, {place} AS place, {expected} AS expected, "
        f"left({found}, 200) AS found, {remedy} AS remedy FROM {view} WHERE {condition}"
        for rank, (view, i, j, (condition, place, expected, found, remedy)) in enumerate(checks)
    )
