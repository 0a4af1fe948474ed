-- Predictions seen from several sides. Columns without a comment are those of predictions.

CREATE VIEW new_facts AS
FROM predictions WHERE origin = 'new';

COMMENT ON VIEW new_facts IS 'Predictions that no label of their document states';

CREATE VIEW supporting_sentences AS
SELECT
    cited.doc_id AS doc_id,
    title,
    head,
    tail,
    head_name,
    relation,
    relation_name,
    tail_name,
    probability,
    sentences.sentence AS sentence,
    text
FROM (SELECT *, unnest(evidence) AS sentence FROM predictions) AS cited
JOIN sentences ON sentences.doc_id = cited.doc_id AND sentences.sentence = cited.sentence;

COMMENT ON VIEW supporting_sentences IS
    'Predictions with the text of their evidence, a sentence a row';
COMMENT ON COLUMN supporting_sentences.sentence IS 'The sentence, as in sentences';
COMMENT ON COLUMN supporting_sentences.text IS 'Its words joined by spaces';

CREATE VIEW disagreements AS
SELECT
    doc_id,
    head,
    tail,
    head_name,
    relation,
    relation_name,
    tail_name,
    'missed' AS kind,
    source,
    probability
FROM labels
WHERE probability IS NULL
UNION ALL
SELECT
    doc_id,
    head,
    tail,
    head_name,
    relation,
    relation_name,
    tail_name,
    'unlabelled' AS kind,
    labelled AS source,
    probability
FROM predictions JOIN documents USING (doc_id)
WHERE origin = 'new' AND labelled IS NOT NULL;

COMMENT ON VIEW disagreements IS
    'Triples that either a labelled document''s labels or its predictions have, but not both';
COMMENT ON COLUMN disagreements.kind IS
    'missed: labelled and not predicted; unlabelled: predicted, and the labels lack it';
COMMENT ON COLUMN disagreements.source IS 'Whose labels: annotated or distant';
COMMENT ON COLUMN disagreements.probability IS 'Of the prediction; null if it is missed';

CREATE VIEW changes AS
SELECT
    doc_id,
    head,
    tail,
    head_name,
    relation,
    relation_name,
    tail_name,
    CASE WHEN former_probability IS NULL THEN 'gained' ELSE 'kept' END AS change,
    former_probability,
    probability,
    n_former_predictions > 0 AS document_before
FROM predictions JOIN documents USING (doc_id)
WHERE split <> 'new' AND EXISTS (FROM former_predictions)
UNION ALL
SELECT
    doc_id,
    head,
    tail,
    head_name,
    relation,
    relation_name,
    tail_name,
    'lost' AS change,
    probability AS former_probability,
    NULL AS probability,
    true AS document_before
FROM former_predictions SEMI JOIN documents USING (doc_id)
WHERE present_probability IS NULL;

COMMENT ON VIEW changes IS
    'What the model in use predicts otherwise than the version before, on the corpus'' documents';
COMMENT ON COLUMN changes.change IS
    'gained: only the model in use finds it; lost: only the version before did; kept: both';
COMMENT ON COLUMN changes.former_probability IS 'What the version before gave it; null if gained';
COMMENT ON COLUMN changes.probability IS 'What the model in use gives it; null if lost';
COMMENT ON COLUMN changes.document_before IS
    'Whether the version before found anything in the document; if not, it may have come since';

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

COMMENT ON VIEW label_counts IS 'How often each relation is annotated, distant and predicted';
COMMENT ON COLUMN label_counts.relation IS 'Relation id, as in relations';
COMMENT ON COLUMN label_counts.relation_name IS 'Human-readable relation';
COMMENT ON COLUMN label_counts.annotated IS 'Number of labels that people made';
COMMENT ON COLUMN label_counts.distant IS 'Number of labels that a knowledge base gave';
COMMENT ON COLUMN label_counts.predicted IS 'Number of predictions';
