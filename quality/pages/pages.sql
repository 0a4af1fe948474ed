-- What the pages show, as views named page_...; reading.py runs this on a warehouse, read-only.
-- The variable most_documents bounds the documents that have a page.

SET TimeZone = 'UTC';  -- pages say so, wherever they are made

CREATE TEMP MACRO split_order(split) AS
    coalesce(list_position(['test', 'dev', 'new', 'train', 'distant', 'unlabelled'], split), 7);

-- Test and dev first, then what arrived, then of all others a spread that each run finds the same.
CREATE TEMP TABLE chosen AS
SELECT
    row_number() OVER (ORDER BY split_order(split), lower(title), doc_id) - 1 AS place,
    doc_id,
    title,
    split,
    n_sentences,
    n_entities,
    labelled,
    labelled IS NOT DISTINCT FROM 'annotated' AS judged
FROM (
    FROM documents
    ORDER BY least(split_order(split), 4), md5(doc_id), doc_id
    LIMIT getvariable('most_documents')
);

CREATE TEMP TABLE stated AS
SELECT
    doc_id,
    head,
    tail,
    relation,
    any_value(relation_name) AS relation_name,
    bool_or(source = 'annotated') AS annotated,
    arg_max(coalesce(evidence, []), source = 'annotated') AS evidence
FROM labels JOIN chosen USING (doc_id)
WHERE source = 'annotated' OR NOT judged
GROUP BY doc_id, head, tail, relation;

CREATE TEMP TABLE triples AS
SELECT
    chosen.place,
    (row_number() OVER (
        PARTITION BY doc_id ORDER BY found.rank NULLS LAST, head, tail, relation
    ))::INTEGER AS number,
    head,
    tail,
    relation,
    coalesce(found.relation_name, stated.relation_name) AS relation_name,
    found.probability,
    found.margin,
    found.rank,
    coalesce(found.evidence, []) AS evidence,
    coalesce(stated.evidence, []) AS label_evidence,
    CASE
        WHEN stated.annotated IS NULL AND chosen.judged THEN 'wrong'
        WHEN stated.annotated IS NULL THEN 'found'
        WHEN found.rank IS NULL AND stated.annotated THEN 'missing'
        WHEN found.rank IS NULL THEN 'unfound'
        WHEN stated.annotated THEN 'right'
        ELSE 'distant'
    END AS state,
    doc_id
FROM (FROM predictions SEMI JOIN chosen USING (doc_id)) AS found
FULL JOIN stated USING (doc_id, head, tail, relation)
JOIN chosen USING (doc_id);

CREATE TEMP VIEW page_list AS
SELECT
    chosen.*,
    coalesce(counted.predicted, 0) AS predicted,
    coalesce(counted.right, 0) AS "right",
    coalesce(counted.wrong, 0) AS wrong,
    coalesce(counted.missing, 0) AS missing
FROM chosen
LEFT JOIN (
    SELECT
        place,
        count(rank) AS predicted,
        count(*) FILTER (state = 'right') AS "right",
        count(*) FILTER (state = 'wrong') AS wrong,
        count(*) FILTER (state = 'missing') AS missing
    FROM triples
    GROUP BY place
) AS counted USING (place)
ORDER BY place;

CREATE TEMP VIEW page_documents AS
SELECT
    page_list.*,
    lag(doc_id) OVER (ORDER BY place) AS before_id,
    lag(title) OVER (ORDER BY place) AS before_title,
    lead(doc_id) OVER (ORDER BY place) AS after_id,
    lead(title) OVER (ORDER BY place) AS after_title,
    coalesce(texts.sentences, []) AS sentences,
    coalesce(named.entities, []) AS entities,
    coalesce(marked.mentions, []) AS mentions,
    coalesce(told.triples, []) AS triples
FROM page_list
LEFT JOIN (
    SELECT doc_id, list(words ORDER BY sentence) AS sentences
    FROM sentences SEMI JOIN chosen USING (doc_id)
    GROUP BY doc_id
) AS texts USING (doc_id)
LEFT JOIN (
    SELECT
        doc_id,
        list({'name': name, 'type': type, 'mentions': n_mentions} ORDER BY entity) AS entities
    FROM entities SEMI JOIN chosen USING (doc_id)
    GROUP BY doc_id
) AS named USING (doc_id)
LEFT JOIN (
    SELECT
        doc_id,
        list({'entity': entity, 'sentence': sentence, 'start': start_word, 'end': end_word})
            AS mentions
    FROM mentions SEMI JOIN chosen USING (doc_id)
    GROUP BY doc_id
) AS marked USING (doc_id)
LEFT JOIN (SELECT doc_id, list(triples ORDER BY number) AS triples FROM triples GROUP BY doc_id)
    AS told USING (doc_id)
ORDER BY place;

CREATE TEMP VIEW page_splits AS
SELECT
    documents.split,
    count(*) AS documents,
    count(place) AS shown,
    sum(documents.n_sentences)::BIGINT AS sentences,
    sum(documents.n_entities)::BIGINT AS entities,
    coalesce(sum(n_labels) FILTER (documents.labelled = 'annotated'), 0)::BIGINT AS annotated,
    coalesce(sum(n_labels) FILTER (documents.labelled = 'distant'), 0)::BIGINT AS distant,
    sum(n_predictions)::BIGINT AS predicted
FROM documents LEFT JOIN chosen USING (doc_id)
GROUP BY documents.split
ORDER BY split_order(documents.split), documents.split;

CREATE TEMP VIEW page_types AS
SELECT type, count(*) AS entities FROM entities GROUP BY type ORDER BY entities DESC, type;

CREATE TEMP VIEW page_versions AS
SELECT model_version AS version, count(*) AS predicted
FROM predictions
GROUP BY model_version
ORDER BY predicted DESC, version;

-- Predictions of other versions than the fine-tuned one that was scored; no row if there are none.
CREATE TEMP VIEW page_unscored AS
SELECT
    finetuned.version AS scored,
    list(DISTINCT model_version ORDER BY model_version) AS versions,
    count(*) AS predicted,
    (SELECT count(*) FROM predictions) AS of_all
FROM predictions
JOIN (SELECT DISTINCT version FROM training_history WHERE model = 'finetuned') AS finetuned
    ON model_version <> finetuned.version
WHERE EXISTS (FROM evaluation WHERE model = 'finetuned')
GROUP BY finetuned.version;

-- What predictions were to reach; no row where TH cut all of them, which no reader has to be told.
CREATE TEMP VIEW page_targets AS
SELECT name, value
FROM provenance
WHERE name IN ('target', 'target of new_predictions')
QUALIFY bool_or(value <> 'TH') OVER ()
ORDER BY name;

CREATE TEMP VIEW page_history AS
SELECT time, event, version, dev_f1, reason FROM model_history ORDER BY time DESC LIMIT 5;

CREATE TEMP VIEW page_provenance AS FROM provenance ORDER BY name;

CREATE TEMP VIEW page_scores AS
SELECT model, split, slice, relation, metric, value, low, high FROM evaluation;

CREATE TEMP VIEW page_relations AS
WITH known AS (
    SELECT relation, name, column_index FROM relations WHERE column_index > 0
    UNION ALL
    SELECT relation, any_value(relation_name), NULL
    FROM triples ANTI JOIN relations USING (relation)
    GROUP BY relation
)
SELECT
    (row_number() OVER (ORDER BY column_index NULLS LAST, relation) - 1)::INTEGER AS place,
    relation,
    name,
    coalesce(annotated, 0) AS annotated,
    coalesce(distant, 0) AS distant,
    coalesce(predicted, 0) AS predicted
FROM known
LEFT JOIN (
    SELECT
        relation,
        count(*) FILTER (source = 'annotated') AS annotated,
        count(*) FILTER (source = 'distant') AS distant
    FROM labels
    GROUP BY relation
) USING (relation)
LEFT JOIN (SELECT relation, count(*) AS predicted FROM predictions GROUP BY relation)
    USING (relation)
ORDER BY place;

-- The most probable of each state, at most six, with the first sentence that shows them.
CREATE TEMP VIEW page_examples AS
SELECT
    triples.relation,
    state,
    number,
    probability,
    heads.name AS head_name,
    tails.name AS tail_name,
    chosen.doc_id,
    chosen.title,
    sentences.words
FROM triples
JOIN chosen USING (place)
JOIN entities AS heads ON heads.doc_id = chosen.doc_id AND heads.entity = triples.head
JOIN entities AS tails ON tails.doc_id = chosen.doc_id AND tails.entity = triples.tail
LEFT JOIN sentences
    ON sentences.doc_id = chosen.doc_id
    AND sentences.sentence = list_concat(triples.evidence, label_evidence)[1]
QUALIFY
    row_number() OVER (
        PARTITION BY triples.relation, state
        ORDER BY probability DESC NULLS LAST, md5(chosen.doc_id), number
    ) <= 6
ORDER BY triples.relation, state, probability DESC NULLS LAST, md5(chosen.doc_id), number;

CREATE TEMP VIEW page_entities AS
SELECT
    min(name) AS name,
    type,
    list({'place': place, 'entity': entity} ORDER BY place, entity) AS places
FROM entities JOIN chosen USING (doc_id)
GROUP BY name_key, type
ORDER BY len(places) DESC, name, type;

CREATE TEMP VIEW page_facts AS
SELECT
    heads.name AS head_name,
    relations.place AS relation,
    tails.name AS tail_name,
    probability,
    triples.place,
    number
FROM triples
JOIN page_relations AS relations USING (relation)
JOIN entities AS heads ON heads.doc_id = triples.doc_id AND heads.entity = head
JOIN entities AS tails ON tails.doc_id = triples.doc_id AND tails.entity = tail
WHERE rank IS NOT NULL
ORDER BY triples.probability DESC, triples.place, number;

CREATE TEMP VIEW page_training AS
SELECT model, epoch, loss, dev_f1, kept
FROM training_history
ORDER BY coalesce(list_position(['teacher', 'student', 'finetuned'], model), 4), model, epoch;
