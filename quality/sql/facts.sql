-- Predictions of all documents taken together: entities of the same name are taken for the same.

CREATE TEMP VIEW label_facts AS
SELECT heads.name_id AS head_id, relation, tails.name_id AS tail_id, min(source) AS source
FROM labels
JOIN spellings AS heads ON heads.name = head_name
JOIN spellings AS tails ON tails.name = tail_name
GROUP BY ALL;

CREATE TABLE facts AS
WITH in_documents AS (
    SELECT
        heads.name_id AS head_id,
        relation,
        tails.name_id AS tail_id,
        doc_id,
        max(probability)::DOUBLE AS p
    FROM predictions
    JOIN spellings AS heads ON heads.name = head_name
    JOIN spellings AS tails ON tails.name = tail_name
    GROUP BY ALL
),
aggregated AS (
    SELECT
        head_id,
        relation,
        tail_id,
        count(*)::INTEGER AS support,
        max(p) AS best,
        1 - product(1 - p) AS noisy_or,
        list(doc_id ORDER BY p DESC, doc_id) AS documents
    FROM in_documents
    GROUP BY ALL
)
SELECT
    heads.name AS head_name,
    relation,
    relations.name AS relation_name,
    tails.name AS tail_name,
    support,
    best,
    noisy_or,
    coalesce(label_facts.source, 'new') AS origin,
    documents,
    heads.name_key AS head_key,
    tails.name_key AS tail_key
FROM aggregated
JOIN relations USING (relation)
JOIN spellings AS heads ON heads.name_id = head_id AND heads.shown
JOIN spellings AS tails ON tails.name_id = tail_id AND tails.shown
LEFT JOIN label_facts USING (head_id, relation, tail_id);

COMMENT ON TABLE facts IS
    'Predictions of all documents, by name; the key is (head_key, relation, tail_key)';
COMMENT ON COLUMN facts.head_name IS
    'The spelling of the head that most entities have; of equally many the first by its letters';
COMMENT ON COLUMN facts.relation IS 'Relation id, as in relations';
COMMENT ON COLUMN facts.relation_name IS 'Human-readable relation';
COMMENT ON COLUMN facts.tail_name IS 'The spelling of the tail, likewise';
COMMENT ON COLUMN facts.support IS 'Number of documents that it is predicted in';
COMMENT ON COLUMN facts.best IS 'Highest probability that it has in a document';
COMMENT ON COLUMN facts.noisy_or IS
    'Probability that one document at least is right, if they err independently of each other';
COMMENT ON COLUMN facts.origin IS
    'annotated: people''s labels of any document state it; distant: distant labels do; new: none';
COMMENT ON COLUMN facts.documents IS 'The documents, the most certain first';
COMMENT ON COLUMN facts.head_key IS 'The head''s name as it is compared, as in entities';
COMMENT ON COLUMN facts.tail_key IS 'The tail''s name as it is compared, as in entities';
