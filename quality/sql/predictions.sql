-- What documents are labelled with, what the model in use predicts, and where the two disagree.

CREATE TEMP VIEW stated AS
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
    label.relation AS relation,
    entities[label.tail + 1].mentions[1].name AS tail_name,
    label.evidence AS evidence,
    source
FROM labelled;

CREATE TEMP VIEW predicted AS FROM read_parquet(getvariable('predictions'));
CREATE TEMP VIEW formerly_predicted AS FROM read_parquet(getvariable('former_predictions'));

CREATE TABLE labels AS
SELECT
    doc_id,
    head,
    tail,
    stated.head_name AS head_name,
    relation,
    coalesce(relations.name, relation) AS relation_name,
    stated.tail_name AS tail_name,
    stated.evidence AS evidence,
    source,
    probability
FROM stated
LEFT JOIN relations USING (relation)
LEFT JOIN predicted USING (doc_id, head, tail, relation);

COMMENT ON TABLE labels IS
    'Relations that people annotated or a knowledge base gave; key (doc_id, head, tail, relation)';
COMMENT ON COLUMN labels.doc_id IS 'The document, as in documents';
COMMENT ON COLUMN labels.head IS 'Head entity, as in entities';
COMMENT ON COLUMN labels.tail IS 'Tail entity, as in entities';
COMMENT ON COLUMN labels.head_name IS 'Name of the head entity''s first mention';
COMMENT ON COLUMN labels.relation IS 'Relation id, as in relations';
COMMENT ON COLUMN labels.relation_name IS 'Human-readable relation';
COMMENT ON COLUMN labels.tail_name IS 'Name of the tail entity''s first mention';
COMMENT ON COLUMN labels.evidence IS 'Sentences that show the relation, if anyone noted them';
COMMENT ON COLUMN labels.source IS 'annotated: by people; distant: by a knowledge base, noisily';
COMMENT ON COLUMN labels.probability IS
    'What predictions give it; null where the model does not find it';

CREATE TABLE predictions AS
SELECT
    doc_id,
    predicted.title AS title,
    head,
    tail,
    predicted.head_name AS head_name,
    relation,
    predicted.relation_name AS relation_name,
    predicted.tail_name AS tail_name,
    predicted.probability AS probability,
    predicted.margin AS margin,
    predicted.rank AS rank,
    predicted.evidence AS evidence,
    coalesce(stated.source, 'new') AS origin,
    formerly_predicted.probability AS former_probability,
    predicted.model_version AS model_version
FROM predicted
LEFT JOIN (SELECT doc_id, head, tail, relation, source FROM stated) AS stated
    USING (doc_id, head, tail, relation)
LEFT JOIN formerly_predicted USING (doc_id, head, tail, relation);

COMMENT ON TABLE predictions IS
    'Triples that the model in use predicts; the key is (doc_id, head, tail, relation)';
COMMENT ON COLUMN predictions.doc_id IS 'The document, as in documents';
COMMENT ON COLUMN predictions.title IS 'Its title';
COMMENT ON COLUMN predictions.head IS 'Head entity, as in entities';
COMMENT ON COLUMN predictions.tail IS 'Tail entity, as in entities';
COMMENT ON COLUMN predictions.head_name IS 'Name of the head entity''s first mention';
COMMENT ON COLUMN predictions.relation IS 'Relation id, as in relations';
COMMENT ON COLUMN predictions.relation_name IS 'Human-readable relation';
COMMENT ON COLUMN predictions.tail_name IS 'Name of the tail entity''s first mention';
COMMENT ON COLUMN predictions.probability IS 'That it holds, from 0 to 1, as calibrated on dev';
COMMENT ON COLUMN predictions.margin IS
    'Logit of the relation less that of the threshold class, before calibration';
COMMENT ON COLUMN predictions.rank IS 'Place in the document, 1 for the most probable triple';
COMMENT ON COLUMN predictions.evidence IS
    'Sentences that the model looked at for it, ascending, as in sentences';
COMMENT ON COLUMN predictions.origin IS
    'annotated: people''s labels of the document state it; distant: distant labels do; new: none';
COMMENT ON COLUMN predictions.former_probability IS
    'What the model version before gave it; null where that one did not find it';
COMMENT ON COLUMN predictions.model_version IS
    'Digest of the model''s checkpoint and calibration, as in model_history';

CREATE TABLE former_predictions AS
SELECT
    doc_id,
    formerly_predicted.title AS title,
    head,
    tail,
    formerly_predicted.head_name AS head_name,
    relation,
    formerly_predicted.relation_name AS relation_name,
    formerly_predicted.tail_name AS tail_name,
    formerly_predicted.probability AS probability,
    formerly_predicted.margin AS margin,
    formerly_predicted.rank AS rank,
    formerly_predicted.evidence AS evidence,
    predicted.probability AS present_probability,
    formerly_predicted.model_version AS model_version
FROM formerly_predicted
LEFT JOIN predicted USING (doc_id, head, tail, relation);

COMMENT ON TABLE former_predictions IS
    'What the model version before predicted on the corpus; it may name documents that are gone';
COMMENT ON COLUMN former_predictions.doc_id IS 'The document; no longer in documents, perhaps';
COMMENT ON COLUMN former_predictions.title IS 'Its title';
COMMENT ON COLUMN former_predictions.head IS 'Head entity, as in entities';
COMMENT ON COLUMN former_predictions.tail IS 'Tail entity, as in entities';
COMMENT ON COLUMN former_predictions.head_name IS 'Name of the head entity''s first mention';
COMMENT ON COLUMN former_predictions.relation IS 'Relation id';
COMMENT ON COLUMN former_predictions.relation_name IS 'Human-readable relation';
COMMENT ON COLUMN former_predictions.tail_name IS 'Name of the tail entity''s first mention';
COMMENT ON COLUMN former_predictions.probability IS 'That it holds, as that version had it';
COMMENT ON COLUMN former_predictions.margin IS 'Logit less that of the threshold class';
COMMENT ON COLUMN former_predictions.rank IS 'Place in the document, 1 for the most probable';
COMMENT ON COLUMN former_predictions.evidence IS 'Sentences that it looked at, ascending';
COMMENT ON COLUMN former_predictions.present_probability IS
    'What the model in use gives it; null where it no longer finds it';
COMMENT ON COLUMN former_predictions.model_version IS 'Digest of the version before';
