-- Documents and what stands in them. doc_id names a document; (doc_id, entity) an entity; head and
-- tail are entities of the document. The variables name Parquet files; see quality/warehouse.py.

CREATE TEMP VIEW all_documents AS
FROM read_parquet(list_concat(getvariable('raw_documents'), getvariable('new_documents')));

CREATE TEMP VIEW labelled_documents AS
SELECT doc_id, min(source) AS labelled, sum(n_labels)::INTEGER AS n_labels
FROM (
    SELECT doc_id, 'annotated' AS source, len(labels) AS n_labels
    FROM read_parquet(getvariable('annotated_documents'))
    UNION ALL
    SELECT doc_id, 'distant' AS source, len(labels) AS n_labels
    FROM read_parquet(getvariable('distant_documents'))
)
WHERE n_labels IS NOT NULL
GROUP BY doc_id;

CREATE TABLE documents (
    doc_id VARCHAR PRIMARY KEY,
    title VARCHAR,
    split VARCHAR,
    labelled VARCHAR,
    text VARCHAR,
    n_sentences INTEGER,
    n_entities INTEGER,
    n_pairs INTEGER,
    n_labels INTEGER,
    n_predictions INTEGER,
    n_former_predictions INTEGER
);
INSERT INTO documents
SELECT
    doc_id,
    title,
    split,
    labelled,
    array_to_string(list_transform(sentences, lambda words: array_to_string(words, ' ')), ' '),
    len(sentences),
    len(entities),
    len(entities) * (len(entities) - 1),
    coalesce(n_labels, 0),
    coalesce(n_predictions, 0),
    coalesce(n_former_predictions, 0)
FROM all_documents
LEFT JOIN labelled_documents USING (doc_id)
LEFT JOIN (SELECT doc_id, count(*) AS n_predictions FROM predicted GROUP BY doc_id)
    USING (doc_id)
LEFT JOIN (SELECT doc_id, count(*) AS n_former_predictions FROM formerly_predicted GROUP BY doc_id)
    USING (doc_id);

COMMENT ON TABLE documents IS 'All documents that were read, one a row; the key is doc_id';
COMMENT ON COLUMN documents.doc_id IS 'Unique in the corpus and stable across runs';
COMMENT ON COLUMN documents.title IS 'Title in the source; titles may repeat';
COMMENT ON COLUMN documents.split IS 'train, dev, test, distant, unlabelled or new';
COMMENT ON COLUMN documents.labelled IS
    'annotated: by people; distant: by a knowledge base; null: by nobody';
COMMENT ON COLUMN documents.text IS 'All sentences, words joined by spaces';
COMMENT ON COLUMN documents.n_sentences IS 'Number of sentences';
COMMENT ON COLUMN documents.n_entities IS 'Number of entities';
COMMENT ON COLUMN documents.n_pairs IS 'Number of ordered pairs of different entities';
COMMENT ON COLUMN documents.n_labels IS 'Number of rows in labels; 0 also if nobody labelled it';
COMMENT ON COLUMN documents.n_predictions IS 'Number of rows in predictions';
COMMENT ON COLUMN documents.n_former_predictions IS
    'Number of rows in former_predictions; 0 also where that version never saw the document';

CREATE TABLE sentences AS
SELECT
    doc_id,
    sentence,
    array_to_string(words, ' ') AS text,
    len(words)::INTEGER AS n_words,
    words
FROM (
    SELECT
        doc_id,
        (generate_subscripts(sentences, 1) - 1)::INTEGER AS sentence,
        unnest(sentences) AS words
    FROM all_documents
);

COMMENT ON TABLE sentences IS 'Sentences of all documents; the key is (doc_id, sentence)';
COMMENT ON COLUMN sentences.doc_id IS 'The document, as in documents';
COMMENT ON COLUMN sentences.sentence IS 'Place in the document, from 0';
COMMENT ON COLUMN sentences.text IS 'Words joined by spaces';
COMMENT ON COLUMN sentences.n_words IS 'Number of words';
COMMENT ON COLUMN sentences.words IS
    'The words, which mentions count in; a word may itself hold spaces';

CREATE TEMP VIEW clusters AS
SELECT
    doc_id,
    (generate_subscripts(entities, 1) - 1)::INTEGER AS entity,
    unnest(entities) AS cluster
FROM all_documents;

CREATE TABLE entities AS
SELECT
    doc_id,
    entity,
    spellings.name AS name,
    spellings.name_key AS name_key,
    cluster.type AS type,
    len(cluster.mentions)::INTEGER AS n_mentions
FROM clusters JOIN spellings ON spellings.name = cluster.mentions[1].name;

COMMENT ON TABLE entities IS 'Entities of all documents; the key is (doc_id, entity)';
COMMENT ON COLUMN entities.doc_id IS 'The document, as in documents';
COMMENT ON COLUMN entities.entity IS 'Place in the document, from 0; head and tail refer to it';
COMMENT ON COLUMN entities.name IS 'Name of the first mention';
COMMENT ON COLUMN entities.name_key IS
    'The name as it is compared: lower case, of equal signs one, without a tokenizer''s spaces';
COMMENT ON COLUMN entities.type IS 'Entity type of the source, such as PER or LOC';
COMMENT ON COLUMN entities.n_mentions IS 'Number of mentions';

CREATE TABLE mentions AS
SELECT
    doc_id,
    entity,
    mention.name AS name,
    mention.sentence AS sentence,
    mention.start AS start_word,
    mention."end" AS end_word
FROM (SELECT doc_id, entity, unnest(cluster.mentions) AS mention FROM clusters);

COMMENT ON TABLE mentions IS 'Words that name an entity; entities has one row for all of them';
COMMENT ON COLUMN mentions.doc_id IS 'The document, as in documents';
COMMENT ON COLUMN mentions.entity IS 'The entity named, as in entities';
COMMENT ON COLUMN mentions.name IS 'Name as it stands in the text';
COMMENT ON COLUMN mentions.sentence IS 'The sentence, as in sentences';
COMMENT ON COLUMN mentions.start_word IS 'First word in the sentence, from 0';
COMMENT ON COLUMN mentions.end_word IS 'Word after the last one';
