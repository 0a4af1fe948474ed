-- The tables and views of the warehouse. The variables name Parquet files; see warehouse.py.
-- doc_id names a document; (doc_id, entity) an entity; head and tail are entities of the document.

CREATE TEMP VIEW all_documents AS
FROM read_parquet(list_concat(getvariable('raw_documents'), getvariable('new_documents')));

CREATE TABLE sentences AS
SELECT doc_id, sentence, array_to_string(words, ' ') AS text, len(words)::INTEGER AS n_words
FROM (
    SELECT
        doc_id,
        (generate_subscripts(sentences, 1) - 1)::INTEGER AS sentence,
        unnest(sentences) AS words
    FROM all_documents
);

CREATE TABLE entities AS
SELECT
    doc_id,
    entity,
    cluster.mentions[1].name AS name,
    cluster.type AS type,
    len(cluster.mentions)::INTEGER AS n_mentions
FROM (
    SELECT
        doc_id,
        (generate_subscripts(entities, 1) - 1)::INTEGER AS entity,
        unnest(entities) AS cluster
    FROM all_documents
);

CREATE TABLE mentions AS
SELECT
    doc_id,
    entity,
    mention.name AS name,
    mention.sentence AS sentence,
    mention.start AS start_word,
    mention."end" AS end_word
FROM (
    SELECT doc_id, entity, unnest(mentions) AS mention
    FROM (
        SELECT
            doc_id,
            (generate_subscripts(entities, 1) - 1)::INTEGER AS entity,
            unnest(entities).mentions AS mentions
        FROM all_documents
    )
);

CREATE TABLE labels AS
WITH labelled AS (
    SELECT 'annotated' AS source, doc_id, entities, unnest(labels) AS label
    FROM read_parquet(getvariable('annotated_documents'))
    UNION ALL
    SELECT 'distant' AS source, doc_id, entities, unnest(labels) AS label
    FROM read_parquet(getvariable('distant_documents'))
)
SELECT
    doc_id,
    label.head AS head,
    label.tail AS tail,
    entities[label.head + 1].mentions[1].name AS head_name,
    entities[label.tail + 1].mentions[1].name AS tail_name,
    label.relation AS relation,
    coalesce(relations.name, label.relation) AS relation_name,
    label.evidence AS evidence,
    source
FROM labelled LEFT JOIN relations ON relations.relation = label.relation;

CREATE TABLE documents AS
SELECT
    doc_id,
    title,
    split,
    array_to_string(list_transform(sentences, lambda words: array_to_string(words, ' ')), ' ')
        AS text,
    len(sentences)::INTEGER AS n_sentences,
    len(entities)::INTEGER AS n_entities,
    (len(entities) * (len(entities) - 1))::INTEGER AS n_pairs,
    coalesce(counted.n_labels, 0)::INTEGER AS n_labels
FROM all_documents
LEFT JOIN (SELECT doc_id, count(*) AS n_labels FROM labels GROUP BY doc_id) AS counted
    USING (doc_id);

CREATE TABLE predictions AS
SELECT
    doc_id,
    title,
    head,
    tail,
    head_name,
    relation,
    relation_name,
    tail_name,
    score
FROM read_parquet(getvariable('predictions'));

CREATE TABLE evaluation AS
SELECT model, split, metric, value FROM read_parquet(getvariable('evaluation'));

CREATE TABLE rejected_documents AS
SELECT file, position, title, place, expected, found, remedy
FROM read_parquet(getvariable('rejected'));

CREATE VIEW facts AS
SELECT
    head_name,
    relation_name,
    tail_name,
    relation,
    count(DISTINCT doc_id) AS documents,
    max(score) AS best_score,
    avg(score) AS mean_score
FROM predictions
GROUP BY ALL;

CREATE VIEW new_facts AS
SELECT predictions.*
FROM predictions ANTI JOIN labels USING (doc_id, head, tail, relation);

CREATE VIEW supporting_sentences AS
SELECT DISTINCT
    predictions.doc_id,
    predictions.title,
    predictions.head_name,
    predictions.relation_name,
    predictions.tail_name,
    predictions.score,
    sentences.sentence,
    sentences.text
FROM predictions
JOIN mentions AS of_head
    ON of_head.doc_id = predictions.doc_id AND of_head.entity = predictions.head
JOIN mentions AS of_tail
    ON of_tail.doc_id = predictions.doc_id
    AND of_tail.entity = predictions.tail
    AND of_tail.sentence = of_head.sentence
JOIN sentences
    ON sentences.doc_id = predictions.doc_id AND sentences.sentence = of_head.sentence;

CREATE VIEW label_counts AS
SELECT
    relations.relation,
    relations.name AS relation_name,
    count(*) FILTER (source = 'annotated') AS annotated,
    count(*) FILTER (source = 'distant') AS distant,
    count(*) FILTER (source = 'predicted') AS predicted
FROM relations
LEFT JOIN (
    SELECT relation, source FROM labels
    UNION ALL
    SELECT relation, 'predicted' FROM predictions
) AS stated USING (relation)
WHERE column_index > 0
GROUP BY relations.relation, relations.name, column_index
ORDER BY column_index;

CREATE VIEW scores AS
SELECT
    model,
    split,
    max(value) FILTER (metric = 'f1') AS f1,
    max(value) FILTER (metric = 'ign_f1_annotated') AS ign_f1,
    max(value) FILTER (metric = 'precision') AS precision,
    max(value) FILTER (metric = 'recall') AS recall,
    max(value) FILTER (metric = 'f1_frequent') AS f1_frequent,
    max(value) FILTER (metric = 'f1_long_tail') AS f1_long_tail,
    max(value) FILTER (metric = 'f1_intra_sentence') AS f1_intra_sentence,
    max(value) FILTER (metric = 'f1_inter_sentence') AS f1_inter_sentence
FROM evaluation
GROUP BY model, split;

COMMENT ON TABLE documents IS 'All documents that were read, one a row; the key is doc_id';
COMMENT ON COLUMN documents.doc_id IS 'Unique in the corpus and stable across runs';
COMMENT ON COLUMN documents.title IS 'Title in the source; titles may repeat';
COMMENT ON COLUMN documents.split IS 'train, dev, test, distant, unlabelled or new';
COMMENT ON COLUMN documents.text IS 'All sentences, words joined by spaces';
COMMENT ON COLUMN documents.n_sentences IS 'Number of sentences';
COMMENT ON COLUMN documents.n_entities IS 'Number of entities';
COMMENT ON COLUMN documents.n_pairs IS 'Number of ordered pairs of different entities';
COMMENT ON COLUMN documents.n_labels IS 'Number of rows in labels; 0 also if nobody labelled it';

COMMENT ON TABLE sentences IS 'Sentences of all documents; the key is (doc_id, sentence)';
COMMENT ON COLUMN sentences.doc_id IS 'The document';
COMMENT ON COLUMN sentences.sentence IS 'Place in the document, from 0';
COMMENT ON COLUMN sentences.text IS 'Words joined by spaces';
COMMENT ON COLUMN sentences.n_words IS 'Number of words';

COMMENT ON TABLE entities IS 'Entities of all documents; the key is (doc_id, entity)';
COMMENT ON COLUMN entities.doc_id IS 'The document';
COMMENT ON COLUMN entities.entity IS 'Place in the document, from 0; head and tail refer to it';
COMMENT ON COLUMN entities.name IS 'Name of the first mention';
COMMENT ON COLUMN entities.type IS 'Entity type of the source, such as PER or LOC';
COMMENT ON COLUMN entities.n_mentions IS 'Number of mentions';

COMMENT ON TABLE mentions IS 'Words that name an entity; entities has one row for all of them';
COMMENT ON COLUMN mentions.doc_id IS 'The document';
COMMENT ON COLUMN mentions.entity IS 'The entity named, as in entities';
COMMENT ON COLUMN mentions.name IS 'Name as it stands in the text';
COMMENT ON COLUMN mentions.sentence IS 'The sentence, as in sentences';
COMMENT ON COLUMN mentions.start_word IS 'First word in the sentence, from 0';
COMMENT ON COLUMN mentions.end_word IS 'Word after the last one';

COMMENT ON TABLE labels IS
    'Relations that people annotated or a knowledge base gave; key (doc_id, head, tail, relation)';
COMMENT ON COLUMN labels.doc_id IS 'The document';
COMMENT ON COLUMN labels.head IS 'Head entity, as in entities';
COMMENT ON COLUMN labels.tail IS 'Tail entity, as in entities';
COMMENT ON COLUMN labels.head_name IS 'Name of the head entity''s first mention';
COMMENT ON COLUMN labels.tail_name IS 'Name of the tail entity''s first mention';
COMMENT ON COLUMN labels.relation IS 'Relation id';
COMMENT ON COLUMN labels.relation_name IS 'Human-readable relation';
COMMENT ON COLUMN labels.evidence IS 'Sentences that show the relation, if anyone noted them';
COMMENT ON COLUMN labels.source IS 'annotated: by people; distant: by a knowledge base, noisily';

COMMENT ON TABLE predictions IS
    'Triples that the model in use predicts; the key is (doc_id, head, tail, relation)';
COMMENT ON COLUMN predictions.doc_id IS 'The document';
COMMENT ON COLUMN predictions.title IS 'Its title';
COMMENT ON COLUMN predictions.head IS 'Head entity, as in entities';
COMMENT ON COLUMN predictions.tail IS 'Tail entity, as in entities';
COMMENT ON COLUMN predictions.head_name IS 'Name of the head entity''s first mention';
COMMENT ON COLUMN predictions.relation IS 'Relation id';
COMMENT ON COLUMN predictions.relation_name IS 'Human-readable relation';
COMMENT ON COLUMN predictions.tail_name IS 'Name of the tail entity''s first mention';
COMMENT ON COLUMN predictions.score IS
    'Probability that it holds: its margin to the threshold class, as calibrated on dev';

COMMENT ON TABLE evaluation IS 'Scores of each model on each labelled split, one a row';
COMMENT ON COLUMN evaluation.model IS 'teacher, student or finetuned';
COMMENT ON COLUMN evaluation.split IS 'Split that it was scored on';
COMMENT ON COLUMN evaluation.metric IS 'Name of the score, such as f1 or ign_f1_annotated';
COMMENT ON COLUMN evaluation.value IS 'From 0 to 1; counts for gold, predicted and correct';

COMMENT ON TABLE relations IS 'The relation vocabulary; the key is relation';
COMMENT ON COLUMN relations.relation IS 'Relation id';
COMMENT ON COLUMN relations.column_index IS 'Column of the logits; 0 is the threshold class';
COMMENT ON COLUMN relations.name IS 'Human-readable name';

COMMENT ON TABLE rejected_documents IS 'Documents that were kept out, and why';
COMMENT ON COLUMN rejected_documents.file IS 'Source file';
COMMENT ON COLUMN rejected_documents.position IS 'Place in the file';
COMMENT ON COLUMN rejected_documents.title IS 'Title of the document';
COMMENT ON COLUMN rejected_documents.place IS 'Where in the document the fault is';
COMMENT ON COLUMN rejected_documents.expected IS 'What should stand there';
COMMENT ON COLUMN rejected_documents.found IS 'What stands there';
COMMENT ON COLUMN rejected_documents.remedy IS 'What to do about it';

COMMENT ON TABLE quality_statistics IS
    'What the data checks of every run found each stage to be like, one number a row';
COMMENT ON COLUMN quality_statistics.run IS 'Id of the run, as in Dagster';
COMMENT ON COLUMN quality_statistics.time IS 'When it was found';
COMMENT ON COLUMN quality_statistics.stage IS
    'annotated, distant, teacher, soft_labels, student, finetuned or predictions';
COMMENT ON COLUMN quality_statistics.statistic IS 'What was counted, see docs/quality.md';
COMMENT ON COLUMN quality_statistics.relation IS 'Relation id; null for all relations together';
COMMENT ON COLUMN quality_statistics.value IS
    'The number; shares and rates from 0 to 1, divergences in bits';

COMMENT ON TABLE model_history IS
    'What became of each fine-tuned model: whether predictions use it, and why';
COMMENT ON COLUMN model_history.time IS 'When it was decided';
COMMENT ON COLUMN model_history.run IS 'Id of the run, as in Dagster';
COMMENT ON COLUMN model_history.event IS
    'promoted: predictions use it from then on; refused: they do not; rolled_back: they do again';
COMMENT ON COLUMN model_history.version IS 'Digest of the model''s checkpoint and calibration';
COMMENT ON COLUMN model_history.champion IS
    'The version that predictions used before; null for the first';
COMMENT ON COLUMN model_history.dev_f1 IS 'Micro F1 of the version on dev, from 0 to 1';
COMMENT ON COLUMN model_history.champion_dev_f1 IS 'The same of the champion';
COMMENT ON COLUMN model_history.difference IS 'F1 that the version gains; negative if it loses';
COMMENT ON COLUMN model_history.low IS 'Lower end of the 95 % interval of the difference';
COMMENT ON COLUMN model_history.high IS 'Upper end';
COMMENT ON COLUMN model_history.worse IS
    'Share of bootstrap samples in which it loses more than it may, from 0 to 1';
COMMENT ON COLUMN model_history.reason IS 'The verdict in words';

COMMENT ON TABLE provenance IS 'What this warehouse was made from';
COMMENT ON COLUMN provenance.name IS 'Name of an input or of a version';
COMMENT ON COLUMN provenance.value IS 'Its digest or value';

COMMENT ON VIEW facts IS 'Predictions of all documents taken together, by name';
COMMENT ON VIEW new_facts IS 'Predictions that no label of their document states';
COMMENT ON VIEW supporting_sentences IS
    'Predictions with the sentences that mention both entities; none if they never meet';
COMMENT ON VIEW label_counts IS 'How often each relation is annotated, distant and predicted';
COMMENT ON VIEW scores IS 'The main scores of evaluation side by side';
